/* SPDX-License-Identifier: GPL-3.0-or-later
 * Runs bytes through one stream engine with a caller that answers by rote, and writes down every event. Shared by unit tests
 * and fuzz targets. In the input the byte FF (never XML) stands where the peer waits for us. */
#ifndef LOCKGATE_XMPP_RUN_H
#define LOCKGATE_XMPP_RUN_H

#include <stdio.h>
#include <stdlib.h>

#include "xmpp.h"

#define RUN_DECL "<?xml version='1.0'?>"
#define RUN_NS "xmlns='jabber:server' xmlns:stream='http://etherx.jabber.org/streams'"
#define RUN_OPEN(attrs) RUN_DECL "<stream:stream " RUN_NS " " attrs ">"
#define RUN_HEADER RUN_OPEN("xmlns:db='jabber:server:dialback' from='capulet.example' to='montague.example' version='1.0'")
#define RUN_WAIT "\xff"
#define RUN_AUTH "<auth xmlns='urn:ietf:params:xml:ns:xmpp-sasl' mechanism='EXTERNAL'>=</auth>"
/* up to a stream that is ready for stanzas; the last header is left out, so that a test may send its own */
#define RUN_UNTIL_READY RUN_HEADER RUN_WAIT RUN_AUTH RUN_WAIT

enum run_chunks { RUN_WHOLE, RUN_BYTES, RUN_SEED }; /* RUN_SEED and above: pseudo-random cuts; with odd numbers it rests behind each piece */

struct run {
    struct xs *s;
    struct buf log;     /* text, one line an event */
    struct buf *out;    /* what the engine wrote is moved here when set, else dropped */
    unsigned ids;
    bool tried_external, over;
    enum xs_role role;
    /* last event, for short checks */
    enum xs_event_type last;
    enum gw_reason reason;
    char condition[64];
    unsigned stanzas;
};

static const struct rec_limits run_limits = { 256 * 1024, 32, 2000, 32 };

static void run_must(int err)
{
    if (err < 0) {
        fprintf(stderr, "xmpp_run: %s\n", gw_strerror(err));
        abort();
    }
}

static void run_put(struct run *r, const char *name, struct str v)
{
    run_must(buf_printf(&r->log, v.p ? " %s='%.*s'" : "", name, STR_ARG(v)));
}

static void run_stanza(struct run *r, struct xs_event *ev)
{
    struct buf xml;
    struct str l, from, to;
    buf_init(&xml, 8u << 20);
    jid_split(ev->stanza->from, &l, &from, &l);
    jid_split(ev->stanza->to, &l, &to, &l);
    run_must(rec_pair(ev->stanza, from, to));
    run_must(rec_seal(ev->stanza));
    run_must(xs_serialise(ev->stanza, true, &xml));
    run_must(buf_printf(&r->log, " %zu ", ev->bytes));
    run_must(buf_puts(&r->log, buf_str(&xml)));
    {
        struct rec *again = NULL;
        const char *detail;
        int err = xs_parse_stanza(buf_str(&xml), false, &run_limits, &again, &detail);
        /* what we write may be larger than what we read (escapes), but it must say the same */
        if (err != GW_ERR(LIMIT) && (err < 0 || !rec_equal(ev->stanza, again))) {
            fprintf(stderr, "parse(serialise(record)) differs: %s\n%.*s\n", err < 0 ? detail : "", STR_ARG(buf_str(&xml)));
            abort();
        }
        rec_free(again);
    }
    rec_free(ev->stanza);
    buf_clear(&xml);
    r->stanzas++;
}

static void run_answer(struct run *r, const struct xs_event *ev)
{
    char id[16];
    bool good;
    switch ((int)ev->type) {
    case XS_HEADER:
        if (r->role == XS_INITIATING)
            break;
        snprintf(id, sizeof id, "s%u", ++r->ids);
        run_must(xs_accept(r->s, STR("montague.example"), str_c(id)));
        break;
    case XS_AUTH:
        good = ev->authzid.n == 0 || str_eq(ev->authzid, STR("capulet.example"));
        run_must(xs_auth(r->s, good, good ? NULL : "invalid-authzid"));
        break;
    case XS_FEATURES:
    case XS_AUTH_FAILED:
        if (r->role != XS_INITIATING)
            abort();
        if (!r->tried_external && (ev->offers & XS_OFFER_EXTERNAL)) {
            r->tried_external = true;
            run_must(xs_external(r->s, STR("capulet.example")));
        } else if (ev->type == XS_FEATURES) {
            run_must(xs_db_result(r->s, STR("capulet.example"), STR("montague.example"), STR("key")));
            run_must(xs_db_verify(r->s, STR("capulet.example"), STR("montague.example"), STR("their-id"), STR("key")));
        }
        break;
    case XS_HANDLED:
        run_must(xs_handled(r->s, r->stanzas));
        break;
    case XS_DB_RESULT:
        if (r->role == XS_RECEIVING)
            run_must(xs_db_reply(r->s, false, ev->to, ev->from, STR_NONE, str_eq(ev->key, STR("good")) ? "valid" : "invalid", NULL));
        break;
    case XS_DB_VERIFY:
        if (r->role == XS_RECEIVING)
            run_must(xs_db_reply(r->s, true, ev->to, ev->from, ev->id, "invalid", NULL));
        break;
    default: break;
    }
}

static void run_events(struct run *r)
{
    static const char *const names[] = { "none", "header", "starttls", "features", "auth", "ready", "auth-failed", "db-result", "db-verify",
        "stanza", "managed", "asks", "space", "peer-error", "close", "fail" };
    struct xs_event ev;
    for (;;) {
        run_must(xs_next(r->s, &ev));
        if (ev.type == XS_NONE)
            return;
        if (r->over)
            abort(); /* after the end nothing more may come */
        r->over = ev.type == XS_CLOSE || ev.type == XS_FAIL;
        if (ev.type == XS_SPACE)
            continue; /* how often it comes depends on the cuts */
        r->last = ev.type;
        run_must(buf_printf(&r->log, "%s", names[ev.type]));
        run_put(r, "from", ev.from), run_put(r, "to", ev.to), run_put(r, "id", ev.id), run_put(r, "key", ev.key);
        run_put(r, "type", ev.db_type), run_put(r, "authzid", ev.authzid), run_put(r, "text", ev.text);
        if (ev.type == XS_FEATURES || ev.type == XS_READY)
            run_must(buf_printf(&r->log, " offers=%u max=%lld", ev.offers, (long long)ev.max_bytes));
        if (ev.stanza)
            run_stanza(r, &ev);
        if (ev.condition.p)
            run_must(buf_printf(&r->log, " %.*s", STR_ARG(ev.condition)));
        if (ev.type == XS_STANZA && ev.reason)
            run_must(buf_printf(&r->log, " %s: %s", gw_reason_code(ev.reason), ev.detail));
        if (ev.type == XS_FAIL) {
            run_must(buf_printf(&r->log, " %s: %s", gw_reason_code(ev.reason), ev.detail ? ev.detail : "-"));
            r->reason = ev.reason;
            snprintf(r->condition, sizeof r->condition, "%.*s", STR_ARG(ev.condition));
        }
        run_must(buf_printf(&r->log, "\n"));
        run_answer(r, &ev);
    }
}

static void run_take_out(struct run *r)
{
    struct buf *out = xs_out(r->s);
    if (r->out)
        run_must(buf_puts(r->out, buf_str(out)));
    buf_drop(out, buf_size(out));
}

static void run_feed(struct run *r, const unsigned char *p, size_t n, unsigned chunks)
{
    uint32_t x = chunks * 2654435761u + 1;
    for (size_t i = 0, k; i < n; i += k) {
        x ^= x << 13, x ^= x >> 17, x ^= x << 5;
        k = chunks == RUN_WHOLE ? 65536 : chunks == RUN_BYTES ? 1 : 1 + (x >> 8) % ((x & 3) ? 7 : 300);
        k = k < n - i ? k : n - i;
        run_must(xs_feed(r->s, p + i, k));
        run_events(r);
        run_take_out(r);
        if (chunks > RUN_BYTES && chunks % 2)
            xs_rest(r->s);
    }
}

static void run_init(struct run *r, const struct xs_conf *conf)
{
    memset(r, 0, sizeof *r);
    buf_init(&r->log, 16u << 20);
    r->role = conf->role;
    r->s = xs_new(conf);
    if (!r->s)
        abort();
    if (r->role == XS_INITIATING)
        run_must(xs_start(r->s));
}

static void run_clear(struct run *r)
{
    xs_free(r->s);
    buf_clear(&r->log);
}

/* Feeds the phases of input. flush: a last byte that is never XML, so that every run comes to an end. */
static void run_input(struct run *r, const unsigned char *p, size_t n, unsigned chunks, bool flush)
{
    size_t at = 0;
    for (;;) {
        const unsigned char *cut = at < n ? memchr(p + at, 0xff, n - at) : NULL;
        size_t end = cut ? (size_t)(cut - p) : n;
        run_feed(r, p + at, end - at, chunks);
        if (!cut)
            break;
        if (xs_tls_done(r->s) == 0) /* PROTO when no handshake is due */
            run_must(buf_printf(&r->log, "tls\n"));
        run_events(r);
        run_take_out(r);
        at = end + 1;
    }
    if (flush)
        run_feed(r, (const unsigned char *)"", 1, RUN_WHOLE);
}

/* Whether starttls was told before the bytes behind it came depends on the cuts; the refusal does not. */
__attribute__((unused)) static void run_forget_injected_starttls(struct run *r)
{
    static const char told[] = "starttls\n";
    size_t n = buf_size(&r->log), k = sizeof told - 1;
    struct str log = buf_str(&r->log);
    const char *fail = r->reason == GW_R_TLS_INJECTION ? memmem(log.p, n, "fail", 4) : NULL;
    if (fail && fail - log.p >= (ptrdiff_t)k && memcmp(fail - k, told, k) == 0) {
        size_t at = (size_t)(fail - log.p);
        memmove(r->log.p + r->log.off + at - k, r->log.p + r->log.off + at, n - at);
        r->log.len -= k;
    }
}

#endif
