/* SPDX-License-Identifier: GPL-3.0-or-later
 * The second reader: what it takes for a record and what not, its answers, its samples. */
// link: xmpp record ipc base
// libs: -luv -lexpat -lcrypto -licuuc -licudata
#include "../../gw/reader/parse.c"
#undef OPENSSL_SUPPRESS_DEPRECATED
#include "../../gw/reader/serve.c"

#include <fcntl.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/stat.h>

#include "jid.h"
#include "tap.h"
#include "xmpp.h"

static const struct rec_limits limits = { 65536, 32, 2000, 32 };

static struct rec *parse(const char *xml)
{
    struct rec *r = NULL;
    const char *detail;
    if (xs_parse_stanza(str_c(xml), false, &limits, &r, &detail) != 0) {
        printf("Bail out! %s: %s\n", detail, xml);
        exit(1);
    }
    return r;
}

/* ---- one stanza, many ways to write it wrongly ---- */

#define HEAD "<message from='a@high.example' to='b@low.example' id='1' type='chat' xml:lang='en'>"
static const char stanza[] = HEAD "<body>x &lt; y</body><q xmlns='urn:q' a='1'><r/>t</q></message>";
static const struct { const char *what, *xml; } wrong_ways[] = {
    { "nothing", "" },
    { "a declaration in front", "<?xml version='1.0'?>" HEAD "<body>x &lt; y</body><q xmlns='urn:q' a='1'><r/>t</q></message>" },
    { "a space in front", " " HEAD "<body>x &lt; y</body><q xmlns='urn:q' a='1'><r/>t</q></message>" },
    { "a second stanza", HEAD "<body>x &lt; y</body><q xmlns='urn:q' a='1'><r/>t</q></message><message/>" },
    { "another text", HEAD "<body>x &lt; z</body><q xmlns='urn:q' a='1'><r/>t</q></message>" },
    { "text cut", HEAD "<body>x &lt; </body><q xmlns='urn:q' a='1'><r/>t</q></message>" },
    { "an unescaped character", HEAD "<body>x > y</body><q xmlns='urn:q' a='1'><r/>t</q></message>" },
    { "another recipient", "<message from='a@high.example' to='c@low.example' id='1' type='chat' xml:lang='en'><body>x &lt; y</body><q xmlns='urn:q' a='1'><r/>t</q></message>" },
    { "no id", "<message from='a@high.example' to='b@low.example' type='chat' xml:lang='en'><body>x &lt; y</body><q xmlns='urn:q' a='1'><r/>t</q></message>" },
    { "two recipients", "<message from='a@high.example' to='b@low.example' to='c@low.example' id='1' type='chat' xml:lang='en'><body>x &lt; y</body><q xmlns='urn:q' a='1'><r/>t</q></message>" },
    { "another kind", "<presence from='a@high.example' to='b@low.example' id='1' type='chat' xml:lang='en'><body>x &lt; y</body><q xmlns='urn:q' a='1'><r/>t</q></presence>" },
    { "an element missing", HEAD "<q xmlns='urn:q' a='1'><r/>t</q></message>" },
    { "an element more", HEAD "<body>x &lt; y</body><q xmlns='urn:q' a='1'><r/>t<s/></q></message>" },
    { "an attribute more", HEAD "<body>x &lt; y</body><q xmlns='urn:q' a='1' b='2'><r/>t</q></message>" },
    { "an attribute missing", HEAD "<body>x &lt; y</body><q xmlns='urn:q'><r/>t</q></message>" },
    { "another namespace", HEAD "<body>x &lt; y</body><q xmlns='urn:p' a='1'><r/>t</q></message>" },
    { "a child in another namespace", HEAD "<body>x &lt; y</body><q xmlns='urn:q' a='1'><r xmlns='urn:p'/>t</q></message>" },
    { "a comment", HEAD "<body>x &lt; y<!-- z --></body><q xmlns='urn:q' a='1'><r/>t</q></message>" },
    { "CDATA", HEAD "<body><![CDATA[x < y]]></body><q xmlns='urn:q' a='1'><r/>t</q></message>" },
    { "a processing instruction", HEAD "<?a b?><body>x &lt; y</body><q xmlns='urn:q' a='1'><r/>t</q></message>" },
    { "a decimal reference", HEAD "<body>x &#60; y</body><q xmlns='urn:q' a='1'><r/>t</q></message>" },
    { "an unknown entity", HEAD "<body>x &lol; y</body><q xmlns='urn:q' a='1'><r/>t</q></message>" },
    { "double quotes", HEAD "<body>x &lt; y</body><q xmlns='urn:q' a=\"1\"><r/>t</q></message>" },
    { "a prefix", HEAD "<body>x &lt; y</body><p:q xmlns:p='urn:q' a='1'><r/>t</p:q></message>" },
    { "crossed end tags", HEAD "<body>x &lt; y</body><q xmlns='urn:q' a='1'><r/>t</message></q>" },
    { "no end", HEAD "<body>x &lt; y</body><q xmlns='urn:q' a='1'><r/>t</q>" },
    { "space in a tag", HEAD "<body >x &lt; y</body><q xmlns='urn:q' a='1'><r/>t</q></message>" },
    { "two tags for an empty element", HEAD "<body>x &lt; y</body><q xmlns='urn:q' a='1'><r></r>t</q></message>" },
    { "a line end", HEAD "\n<body>x &lt; y</body><q xmlns='urn:q' a='1'><r/>t</q></message>" },
    { "overlong UTF-8", HEAD "<body>x &lt; \xc1\xb9</body><q xmlns='urn:q' a='1'><r/>t</q></message>" },
    { "the stream's end", HEAD "<body>x &lt; y</body></message></stream:stream>" },
};

static void ways(void)
{
    struct rec *r = parse(stanza);
    const char *said = rdr_compare(r, str_c(stanza));
    ok(!said, "the stanza as it is written%s%s", said ? ": " : "", said ? said : "");
    for (size_t i = 0; i < sizeof wrong_ways / sizeof wrong_ways[0]; i++) {
        said = rdr_compare(r, str_c(wrong_ways[i].xml));
        ok(said != NULL, "%s is refused: %s", wrong_ways[i].what, said ? said : "it was not");
    }
    rec_free(r);
}

/* ---- random records: the writer and the reader agree ---- */

static uint32_t seed = 20240611;
static uint32_t rnd(uint32_t n)
{
    seed = seed * 1664525u + 1013904223u;
    return (seed >> 8) % n;
}

static struct str random_text(char *to)
{
    static const char *const bits[] = { "a", "B", " ", "'", "\"", "<", ">", "&", "\t", "\n", "\r", "\xc3\xa9", "\xe2\x82\xac", "\xf0\x9f\x98\x80", "]]>", "&amp;", "0", "xmlns" };
    size_t n = 0;
    for (uint32_t k = 1 + rnd(12); k; k--) {
        const char *b = bits[rnd(sizeof bits / sizeof bits[0])];
        memcpy(to + n, b, strlen(b));
        n += strlen(b);
    }
    return (struct str){ to, n };
}

static bool random_record(struct rec *r)
{
    static const char *const spaces[] = { "", "urn:a", "urn:b", "urn:c'\"<&", "jabber:server", "http://www.w3.org/XML/1998/namespace" };
    static const char *const names[] = { "a", "b", "body", "x-1", "_", "\xc3\xa9t\xc3\xa9" };
    char text[128];
    int depth = 1;
    bool e = rec_head(r, (enum rec_kind)rnd(3), rnd(2) ? random_text(text) : STR_NONE, STR_NONE, rnd(2) ? STR("de") : STR_NONE) == 0
        && rec_address(r, STR("a@high.example"), STR("b@low.example/r<>&'"), STR_NONE, STR_NONE) == 0
        && rec_pair(r, STR("high.example"), STR("low.example")) == 0 && rec_open(r, STR("jabber:server"), str_c(rec_kind_name(r->kind))) == 0;
    for (uint32_t steps = rnd(40); e && steps; steps--) {
        uint32_t what = rnd(5);
        if (what < 2 && depth < 20) {
            e = rec_open(r, str_c(spaces[rnd(5)]), str_c(names[rnd(6)])) == 0;
            depth++;
            for (uint32_t k = rnd(4); e && k; k--)
                (void)!rec_attr_add(r, str_c(spaces[rnd(6)]), str_c(names[rnd(6)]), random_text(text)); /* twice the same is refused: fine */
        } else if (what == 2 && depth > 1) {
            e = rec_close(r) == 0;
            depth--;
        } else if (what > 2)
            e = rec_text(r, random_text(text)) == 0;
    }
    while (e && depth--)
        e = rec_close(r) == 0;
    return e && rec_seal(r) == 0;
}

static void random_records(void)
{
    unsigned agreed = 0, made = 0, seen = 0, changed = 0;
    for (int i = 0; i < 3000; i++) {
        struct rec *r = rec_new(&limits);
        struct buf xml;
        buf_init(&xml, 1u << 20);
        if (random_record(r) && xs_serialise(r, false, &xml) == 0) {
            const char *said = rdr_compare(r, buf_str(&xml));
            made++;
            agreed += !said;
            if (said)
                diag("%s: %.*s", said, STR_ARG(buf_str(&xml)));
            for (int k = 0; k < 20; k++) { /* one byte changed: either refused, or still the same to expat */
                unsigned char *at = xml.p + xml.off + rnd((uint32_t)buf_size(&xml)), was = *at;
                *at = (unsigned char)"<>&'\" =/a1x:;\t\x80"[rnd(15)];
                changed += *at != was;
                seen += *at != was && rdr_compare(r, buf_str(&xml)) != NULL;
                *at = was;
            }
        }
        rec_free(r);
        buf_clear(&xml);
    }
    ok(made > 2000 && agreed == made, "the reader agrees with the writer on %u of %u random records", agreed, made);
    ok(seen == changed, "of %u changed bytes it sees %u", changed, seen);
}

/* ---- the process ---- */

static void samples(void)
{
    char folder[] = "/tmp/lockgate-reader-XXXXXX", path[64];
    struct rec *r = parse(stanza);
    struct reader reader = { .rec = rec_new(&REC_HARD_LIMITS), .sample = { -1, -1, -1, -1 } };
    struct buf record;
    struct ipc_msg m;
    struct msg_read_done d;
    struct stat st;
    int fds[2];
    if (!mkdtemp(folder) || socketpair(AF_UNIX, SOCK_STREAM, 0, fds) != 0)
        exit(1);
    struct ipc *edge = ipc_new(fds[0], IPC_EDGE, IPC_READER);
    reader.edge = ipc_new(fds[1], IPC_READER, IPC_EDGE);
    snprintf(path, sizeof path, "%s/0", folder);
    reader.sample[1] = open(path, O_WRONLY | O_CREAT, 0600);
    buf_init(&record, 65536);
    if (rec_encode(r, &record) != 0)
        exit(1);
    struct msg_read q[] = { { .ask = 1, .record = buf_str(&record), .xml = str_c(stanza) },
        { .ask = 2, .record = buf_str(&record), .xml = STR("<message>forged</message>") }, { .ask = 3, .record = STR("no record"), .xml = str_c(stanza) } };
    for (size_t i = 0; i < 3; i++)
        if (ipc_put_read(edge, &q[i]) != 0)
            exit(1);
    ok(ipc_flush(edge) == 0 && serve(&reader, reader.edge, false) == 0 && ipc_fill(edge) > 0, "three questions in one lot");
    for (uint64_t i = 1; i <= 3; i++) {
        unsigned char hash[32];
        SHA256((const unsigned char *)q[i - 1].xml.p, q[i - 1].xml.n, hash);
        ok(ipc_next(edge, &m) == 1 && ipc_get_read_done(&m, &d) == 0 && d.ask == i && d.same == (i == 1) && memcmp(hash, d.hash.b, 32) == 0,
            "answer %d: %s, with the hash of what was read", (int)i, i == 1 ? "the same" : "not");
    }
    ok(stat(path, &st) == 0 && (size_t)st.st_size > record.len + 25 && reader.sample[1] == -1, "the first that differs is kept, the next finds no room");
    ok(reader.read == 3 && reader.refused == 2, "both are counted");
    unlink(path);
    rmdir(folder);
    ipc_free(edge);
    ipc_free(reader.edge);
    rec_free(reader.rec);
    rec_free(r);
    buf_clear(&record);
}

int main(void)
{
    log_init("test", LOG_L_ERROR);
    if (jid_init() != 0)
        return 1;
    ways();
    random_records();
    samples();
    return done_testing();
}
