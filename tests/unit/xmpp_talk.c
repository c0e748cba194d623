/* SPDX-License-Identifier: GPL-3.0-or-later
 * Both roles of the stream engine talk to each other, the whole way: header, TLS, EXTERNAL or dialback, stanzas, the end. */
// link: xmpp record base
// libs: -lexpat -lcrypto -licuuc -licudata
#include <stdlib.h>

#include "jid.h"
#include "tap.h"
#include "xmpp.h"
#include "xmpp_run.h"

static struct rec_limits limits = { 256 * 1024, 32, 2000, 32 };
static size_t step_bytes; /* how many bytes cross at once; 0: all */

struct end {
    struct xs *s;
    char log[4096]; /* events, in words */
    struct rec *last;
    bool try_dialback, dialback_ok, auth_ok, bad_auth_first;
    unsigned auths, ids;
};

static void note(struct end *e, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
static void note(struct end *e, const char *fmt, ...)
{
    size_t n = strlen(e->log);
    va_list ap;
    va_start(ap, fmt);
    vsnprintf(e->log + n, sizeof e->log - n, fmt, ap);
    va_end(ap);
}

static void must(int err)
{
    if (err < 0) {
        printf("Bail out! %s\n", gw_strerror(err));
        exit(1);
    }
}

static void receiving_event(struct end *e, const struct xs_event *ev)
{
    char id[32];
    switch ((int)ev->type) {
    case XS_HEADER:
        note(e, "header %.*s>%.*s; ", STR_ARG(ev->from), STR_ARG(ev->to));
        snprintf(id, sizeof id, "id%u", ++e->ids);
        must(xs_accept(e->s, ev->to, str_c(id)));
        break;
    case XS_AUTH:
        note(e, "auth '%.*s'; ", STR_ARG(ev->authzid));
        must(xs_auth(e->s, !(e->bad_auth_first && e->auths == 0), "not-authorized"));
        e->auths++;
        break;
    case XS_DB_RESULT: {
        char key[65];
        must(xs_db_key(STR("secret"), ev->to, ev->from, xs_own_id(e->s), key));
        note(e, "db:result %.*s>%.*s %s; ", STR_ARG(ev->from), STR_ARG(ev->to), str_eq(ev->key, str_c(key)) ? "key fits" : "key differs");
        must(xs_db_reply(e->s, false, ev->to, ev->from, STR_NONE, e->dialback_ok ? "valid" : "error", e->dialback_ok ? NULL : "item-not-found"));
        break;
    }
    case XS_DB_VERIFY:
        note(e, "db:verify %.*s %.*s; ", STR_ARG(ev->id), STR_ARG(ev->key));
        must(xs_db_reply(e->s, true, ev->to, ev->from, ev->id, "invalid", NULL));
        break;
    default: break;
    }
}

static void initiating_event(struct end *e, const struct xs_event *ev)
{
    switch ((int)ev->type) {
    case XS_HEADER: note(e, "header %.*s>%.*s %.*s; ", STR_ARG(ev->from), STR_ARG(ev->to), STR_ARG(ev->id)); break;
    case XS_FEATURES:
        note(e, "features %u %lld; ", ev->offers, (long long)ev->max_bytes);
        if (e->try_dialback) {
            char key[65];
            must(xs_db_verify(e->s, STR("low.example"), STR("high.example"), STR("other"), STR("k<>")));
            must(xs_db_key(STR("secret"), STR("high.example"), STR("low.example"), xs_peer_id(e->s), key));
            must(xs_db_result(e->s, STR("low.example"), STR("high.example"), str_c(key)));
        } else {
            must(xs_external(e->s, STR("low.example")));
        }
        break;
    case XS_AUTH_FAILED:
        note(e, "auth failed %.*s; ", STR_ARG(ev->condition));
        must(xs_external(e->s, STR("")));
        break;
    case XS_DB_RESULT: note(e, "db:result %.*s %.*s; ", STR_ARG(ev->db_type), STR_ARG(ev->condition)); break;
    case XS_DB_VERIFY: note(e, "db:verify %.*s %.*s; ", STR_ARG(ev->id), STR_ARG(ev->db_type)); break;
    default: break;
    }
}

static void common_event(struct end *e, struct xs_event *ev)
{
    switch ((int)ev->type) {
    case XS_STARTTLS:
        note(e, "starttls; ");
        break;
    case XS_READY: note(e, "ready; "); break;
    case XS_STANZA:
        note(e, "stanza %zu; ", ev->bytes);
        rec_free(e->last);
        e->last = ev->stanza;
        break;
    case XS_SPACE: note(e, "space; "); break;
    case XS_MANAGED: note(e, "managed; "); break;
    case XS_HANDLED: note(e, "asks; "); break;
    case XS_PEER_ERROR: note(e, "peer error %.*s '%.*s'; ", STR_ARG(ev->condition), STR_ARG(ev->text)); break;
    case XS_CLOSE: note(e, "close; "); break;
    case XS_FAIL: note(e, "fail %.*s %s '%s'; ", STR_ARG(ev->condition), gw_reason_code(ev->reason), ev->detail ? ev->detail : ""); break;
    default: break;
    }
}

static bool take_events(struct end *e, bool receiving)
{
    struct xs_event ev;
    bool any = false;
    for (;;) {
        must(xs_next(e->s, &ev));
        if (ev.type == XS_NONE)
            break;
        any = true;
        common_event(e, &ev);
        (receiving ? receiving_event : initiating_event)(e, &ev);
    }
    return any;
}

/* Moves what one end has to say to the other. When both have agreed on TLS, it is "done". */
static bool move(struct end *from, struct end *to)
{
    struct buf *out = xs_out(from->s);
    size_t n = buf_size(out);
    if (n == 0)
        return false;
    if (step_bytes && n > step_bytes)
        n = step_bytes;
    must(xs_feed(to->s, buf_data(out), n));
    buf_drop(out, n);
    return true;
}

static void talk(struct end *a, struct end *b)
{
    bool busy = true;
    while (busy) {
        busy = move(a, b);
        busy |= take_events(b, true);
        busy |= move(b, a);
        busy |= take_events(a, false);
        if (!busy && xs_tls_done(a->s) == 0) { /* PROTO when no handshake is under way */
            must(xs_tls_done(b->s));
            busy = true;
        }
    }
}

static void pair(struct end *a, struct end *b, bool direct, bool dialback)
{
    struct xs_conf i = { .role = XS_INITIATING, .limits = limits, .offer_starttls = !direct, .dialback = dialback, .from = STR("low.example"),
        .to = STR("high.example") };
    struct xs_conf r = { .role = XS_RECEIVING, .limits = limits, .offer_starttls = !direct, .offer_external = true, .dialback = dialback };
    memset(a, 0, sizeof *a);
    memset(b, 0, sizeof *b);
    a->s = xs_new(&i);
    b->s = xs_new(&r);
    b->dialback_ok = true;
    must(xs_start(a->s));
}

static void done(struct end *a, struct end *b)
{
    xs_free(a->s);
    xs_free(b->s);
    rec_free(a->last);
    rec_free(b->last);
}

static void log_is(const struct end *e, const char *want, const char *name)
{
    if (!ok(strcmp(e->log, want) == 0, "%s", name))
        diag("got:  %s", e->log), diag("want: %s", want);
}

static const char message[] = "<message from='juliet@low.example/balcony' to='romeo@high.example' id='m&amp;1' type='chat' xml:lang='de' "
    "xmlns:x='urn:x' x:y='a &gt; b'><body>tab\t cr&#13; lf\n &lt;b&gt;'\"</body><p:q xmlns:p='urn:p' p:r='1' x:s='2' t='3'><u xmlns=''/>"
    "<p:v xml:space='preserve'/> tail</p:q></message>";

static void stanzas_cross(struct end *a, struct end *b, const char *name)
{
    struct rec *r = NULL;
    const char *detail;
    struct str local, domain, resource;
    must(xs_parse_stanza(str_c(message), false, &limits, &r, &detail));
    struct buf xml;
    buf_init(&xml, 1u << 20);
    must(xs_serialise(r, false, &xml));
    must(xs_write(a->s, buf_str(&xml)));
    buf_clear(&xml);
    must(xs_space(a->s));
    talk(a, b);
    if (b->last) {
        jid_split(r->from, &local, &domain, &resource);
        must(rec_pair(b->last, domain, STR("high.example")));
        must(rec_seal(b->last));
    }
    ok(b->last && rec_equal(r, b->last), "%s: the stanza arrives as it was", name);
    rec_free(r);
}

static void external(void)
{
    struct end a, b;
    pair(&a, &b, false, false);
    talk(&a, &b);
    log_is(&a, "header high.example>low.example id1; starttls; header high.example>low.example id2; features 2 262144; "
        "header high.example>low.example id3; ready; ", "EXTERNAL: what the initiating entity sees");
    log_is(&b, "header low.example>high.example; starttls; header low.example>high.example; auth 'low.example'; "
        "header low.example>high.example; ready; ", "EXTERNAL: what the receiving entity sees");
    stanzas_cross(&a, &b, "EXTERNAL");
    b.log[0] = a.log[0] = 0;
    must(xs_end(a.s));
    talk(&a, &b);
    log_is(&b, "close; ", "orderly end: seen by the receiving entity");
    log_is(&a, "close; ", "orderly end: seen by the initiating entity");
    done(&a, &b);
}

static void second_try(void)
{
    struct end a, b;
    pair(&a, &b, true, false);
    b.bad_auth_first = true;
    talk(&a, &b);
    ok(strstr(a.log, "auth failed not-authorized; ") && strstr(a.log, "ready; "), "direct TLS: after a SASL failure a second try");
    ok(strstr(b.log, "auth 'low.example'; auth ''; ") != NULL, "direct TLS: \"=\" is an empty authorization identity");
    done(&a, &b);
}

/* XEP-0198: what the receiving entity writes. */
static void managed(void)
{
    struct xs_conf conf = { .role = XS_RECEIVING, .limits = run_limits, .offer_external = true, .manage = true };
    static const char script[] = RUN_UNTIL_READY RUN_OPEN("version='1.0'") "<enable xmlns='urn:xmpp:sm:3' resume='true'/>"
        "<message from='a@capulet.example' to='b@montague.example'/><r xmlns='urn:xmpp:sm:3'/>"
        "<enable xmlns='urn:xmpp:sm:3'/><resume xmlns='urn:xmpp:sm:3' previd='x' h='1'/>";
    struct buf out;
    struct run r;
    buf_init(&out, 1u << 20);
    run_init(&r, &conf);
    r.out = &out;
    run_input(&r, (const unsigned char *)script, sizeof script - 1, RUN_WHOLE, false);
    must(buf_put(&out, "", 1));
    const char *said = buf_str(&out).p, *last = strstr(said, "id='s2'");
    ok(last && strstr(said, "<sm xmlns='urn:xmpp:sm:3'/>") > last, "stream management is offered after SASL, not before");
    ok(last && strstr(last, "</stream:features><enabled xmlns='urn:xmpp:sm:3'/><a xmlns='urn:xmpp:sm:3' h='1'/>"
        "<failed xmlns='urn:xmpp:sm:3'><unexpected-request xmlns='urn:ietf:params:xml:ns:xmpp-stanzas'/></failed>"
        "<failed xmlns='urn:xmpp:sm:3'><feature-not-implemented xmlns='urn:ietf:params:xml:ns:xmpp-stanzas'/></failed>"),
        "it is enabled without resumption, counted, refused a second time, and not resumed");
    run_clear(&r);
    buf_clear(&out);
}

static void dialback(void)
{
    struct end a, b;
    pair(&a, &b, false, true);
    a.try_dialback = true;
    talk(&a, &b);
    ok(strstr(b.log, "db:verify other k<>; db:result low.example>high.example key fits; ") != NULL, "dialback: both questions arrive");
    ok(strstr(a.log, "db:verify other invalid; db:result valid ; ") != NULL, "dialback: both answers arrive");
    stanzas_cross(&a, &b, "dialback");
    b.log[0] = a.log[0] = 0;
    b.dialback_ok = false;
    must(xs_db_result(a.s, STR("rooms.low.example"), STR("high.example"), STR("x")));
    talk(&a, &b);
    log_is(&a, "db:result error item-not-found; ", "dialback: a further pair fails and the stream stays");
    stanzas_cross(&a, &b, "dialback, after a failed pair");
    must(xs_fail(b.s, "system-shutdown", GW_R_SHUTDOWN, "bye <now>"));
    b.log[0] = a.log[0] = 0;
    talk(&a, &b);
    log_is(&a, "peer error system-shutdown 'bye <now>'; close; ", "a stream error is seen by the other end");
    log_is(&b, "fail system-shutdown shutdown ''; ", "our own stream error comes back as an event");
    done(&a, &b);
}

static void keys(void)
{
    char key[65];
    must(xs_db_key(STR("s3cr3tf0rd14lb4ck"), STR("xmpp.example.com"), STR("example.org"), STR("D60000229F"), key));
    ok(strcmp(key, "37c69b1cf07a3f67c04a5ef5902fa5114f2c76fe4a2686482ba5b89323075643") == 0, "dialback key of XEP-0185's example");
}

int main(void)
{
    must(jid_init());
    external();
    second_try();
    dialback();
    managed();
    step_bytes = 1;
    external();
    dialback();
    keys();
    jid_finish();
    return done_testing();
}
