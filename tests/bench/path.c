// link: xmpp policy content record ipc base
// libs: -lexpat -lyara -lhs -licui18n -licuuc -licudata -lcrypto -lconfig -lm
/* SPDX-License-Identifier: GPL-3.0-or-later
 * The way of one stanza without processes, network and disk: what each stage costs on one core. `path RULES [COUNT [scan|noscan]]`.
 * With noscan the scanner answers "nothing found" at once, so that instructions can be counted (tests/cost). */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "content.h"
#include "jid.h"
#include "policy.h"
#include "sha256.h"
#include "xmpp.h"

#include "../../gw/reader/parse.c"

#define STAGES(X) X(READ, "read: XML to record") X(ENCODE, "edge: seal and encode") X(DECODE, "guard: decode and check") \
    X(JUDGE, "guard: judge, without scanning") X(SCAN, "scanner: text, YARA, DLP") X(REENCODE, "guard: encode, SHA-256") \
    X(REDECODE, "far edge: decode, SHA-256") X(WRITE, "far edge: record to XML, SHA-256") \
    X(AGAIN, "reader: decode, read again, SHA-256")
enum stage {
#define X(name, text) ST_##name,
    STAGES(X)
#undef X
    ST_COUNT
};
static const char *const stage_text[] = {
#define X(name, text) text,
    STAGES(X)
#undef X
};
static double spent[ST_COUNT];

static const char stanza[] =
    "<message from='juliet@high.example/balcony' to='romeo@low.example/orchard' id='ktx72v49' type='chat' xml:lang='en'>"
    "<body>Art thou not Romeo, and a Montague? Neither, fair saint, if either thee dislike. How camest thou hither, tell me, and "
    "wherefore? The orchard walls are high.</body><thread>e0ffe42b28561960c6b12b944a092794b9683a38</thread>"
    "<active xmlns='http://jabber.org/protocol/chatstates'/></message>";

static double now(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static void must(int rc, const char *what)
{
    if (rc) {
        fprintf(stderr, "path: %s: %s\n", what, gw_strerror(rc));
        exit(1);
    }
}

/* A receiving stream that is past authentication. */
static struct xs *ready_stream(void)
{
    static const char header[] = "<stream:stream xmlns='jabber:server' xmlns:stream='http://etherx.jabber.org/streams' "
                                 "from='high.example' to='low.example' version='1.0'>";
    struct xs_conf c = { .role = XS_RECEIVING, .limits = REC_HARD_LIMITS, .offer_external = true };
    struct xs *s = xs_new(&c);
    struct xs_event ev;
    must(xs_feed(s, header, sizeof header - 1), "feed");
    for (;;) {
        must(xs_next(s, &ev), "next");
        if (ev.type == XS_HEADER)
            must(xs_accept(s, STR("low.example"), STR("bench")), "accept");
        else if (ev.type == XS_AUTH) {
            must(xs_auth(s, true, NULL), "auth");
            must(xs_feed(s, header, sizeof header - 1), "feed");
        } else if (ev.type == XS_READY) {
            return s;
        } else if (ev.type == XS_NONE) {
            static const char auth[] = "<auth xmlns='urn:ietf:params:xml:ns:xmpp-sasl' mechanism='EXTERNAL'>=</auth>";
            must(xs_feed(s, auth, sizeof auth - 1), "feed");
        } else {
            fprintf(stderr, "path: event %d, %s\n", (int)ev.type, ev.detail ? ev.detail : "");
            exit(1);
        }
        buf_reset(xs_out(s));
    }
}

static struct rec *read_one(struct xs *s)
{
    struct xs_event ev = { 0 };
    must(xs_feed(s, stanza, sizeof stanza - 1), "feed");
    do
        must(xs_next(s, &ev), "next");
    while (ev.type == XS_READY);
    if (ev.type != XS_STANZA) {
        fprintf(stderr, "path: no stanza, event %d\n", (int)ev.type);
        exit(1);
    }
    return ev.stanza;
}

struct bench {
    struct xs *in;
    struct policy *policy;
    struct content *content; /* NULL: noscan */
    struct pol_eval *eval;
    struct rec *at_guard, *at_far, *at_reader;
    struct buf wire, out, xml;
    struct arena matches;
};

static void judge(struct bench *b, double *ret_scan)
{
    const struct pol_facts facts = { .from_side = GW_HIGH, .now_ms = 1700000000000 };
    enum pol_step step = pol_begin(b->eval, b->at_guard, &facts);
    *ret_scan = 0;
    while (step == POL_NEED_SCAN) {
        struct scan_result r = { .status = SCAN_DONE };
        double t = now();
        arena_reset(&b->matches);
        if (b->content)
            must(content_scan(b->content, pol_scan_request(b->eval), &b->matches, &r), "scan");
        *ret_scan += now() - t;
        step = pol_resume(b->eval, &r, GW_R_SCAN_FAILED);
    }
    pol_commit(b->eval);
    if (pol_verdict(b->eval)->verdict != GW_V_RELEASE) {
        fprintf(stderr, "path: the stanza is not released\n");
        exit(1);
    }
}

static void once(struct bench *b)
{
    unsigned char hash[32];
    double t[10], scan;
    buf_reset(&b->wire);
    buf_reset(&b->out);
    buf_reset(&b->xml);
    t[0] = now();
    struct rec *r = read_one(b->in);
    t[1] = now();
    must(rec_pair(r, STR("high.example"), STR("low.example")), "pair");
    must(rec_seal(r), "seal");
    must(rec_encode(r, &b->wire), "encode");
    rec_free(r);
    t[2] = now();
    must(rec_decode_into(buf_str(&b->wire), b->at_guard), "decode");
    t[3] = now();
    judge(b, &scan);
    t[4] = now();
    must(rec_encode(pol_verdict(b->eval)->out, &b->out), "encode");
    sha256(buf_data(&b->out), buf_size(&b->out), hash);
    t[5] = now();
    must(rec_decode_into(buf_str(&b->out), b->at_far), "decode");
    sha256(buf_data(&b->out), buf_size(&b->out), hash);
    t[6] = now();
    must(xs_serialise(b->at_far, false, &b->xml), "write");
    sha256(buf_data(&b->xml), buf_size(&b->xml), hash);
    t[7] = now();
    must(rec_decode_into(buf_str(&b->out), b->at_reader), "decode");
    must(rdr_compare(b->at_reader, buf_str(&b->xml)) ? GW_ERR(MISMATCH) : 0, "read again");
    sha256(buf_data(&b->xml), buf_size(&b->xml), hash);
    t[8] = now();
    spent[ST_READ] += t[1] - t[0];
    spent[ST_ENCODE] += t[2] - t[1];
    spent[ST_DECODE] += t[3] - t[2];
    spent[ST_JUDGE] += t[4] - t[3] - scan;
    spent[ST_SCAN] += scan;
    spent[ST_REENCODE] += t[5] - t[4];
    spent[ST_REDECODE] += t[6] - t[5];
    spent[ST_WRITE] += t[7] - t[6];
    spent[ST_AGAIN] += t[8] - t[7];
}

int main(int argc, char **argv)
{
    struct bench b = { 0 };
    struct conf_errors errs;
    struct rec_limits limits = REC_HARD_LIMITS;
    long count = argc > 2 ? atol(argv[2]) : 20000;
    bool scan = argc < 4 || strcmp(argv[3], "noscan") != 0;
    if (argc < 2 || count < 1) {
        fprintf(stderr, "usage: path RULES [COUNT [scan|noscan]]\n");
        return 2;
    }
    conf_errors_init(&errs);
    must(jid_init(), "ICU");
    if (policy_load(argv[1], 1700000000000, &b.policy, &errs) || (scan && content_load(argv[1], &b.content, &errs))) {
        conf_errors_print(&errs, stderr);
        return 78;
    }
    arena_init(&b.matches, 1 << 20);
    limits.bytes = 1 << 20;
    b.eval = pol_eval_new(b.policy, NULL);
    b.at_guard = rec_new(&limits);
    b.at_far = rec_new(&limits);
    b.at_reader = rec_new(&limits);
    buf_init(&b.wire, 1 << 20);
    buf_init(&b.out, 1 << 20);
    buf_init(&b.xml, 1 << 20);
    b.in = ready_stream();
    for (long i = 0; i < count; i++)
        once(&b);
    double sum = 0;
    for (int i = 0; i < ST_COUNT; i++)
        sum += spent[i];
    printf("a message of %zu bytes, %ld times, one core\n", sizeof stanza - 1, count);
    for (int i = 0; i < ST_COUNT; i++)
        printf("%-34s %7.2f us  %4.0f %%\n", stage_text[i], spent[i] / (double)count * 1e6, 100 * spent[i] / sum);
    printf("%-34s %7.2f us\n", "together", sum / (double)count * 1e6);
    return 0;
}
