/* SPDX-License-Identifier: GPL-3.0-or-later
 * What the engine writes: headers, features, SASL, dialback, stream errors, and the one normal form of a stanza. */
// link: xmpp record base
// libs: -lexpat -lcrypto -licuuc -licudata
#include "jid.h"
#include "tap.h"
#include "xmpp_run.h"

#define SASL "xmlns='urn:ietf:params:xml:ns:xmpp-sasl'"
#define TLS "xmlns='urn:ietf:params:xml:ns:xmpp-tls'"
#define ERRORS "xmlns='urn:ietf:params:xml:ns:xmpp-streams'"
#define LIMITS "<limits xmlns='urn:xmpp:stream-limits:0'><max-bytes>262144</max-bytes></limits>"
#define DB_FEATURE "<dialback xmlns='urn:xmpp:features:dialback'><errors/></dialback>"
#define OURS_AS(id) RUN_DECL "<stream:stream " RUN_NS " xmlns:db='jabber:server:dialback' from='montague.example' to='capulet.example' id='" id \
    "' version='1.0' xml:lang='en'>"
#define OURS OURS_AS("s1")
#define CALLING RUN_DECL "<stream:stream " RUN_NS " xmlns:db='jabber:server:dialback' from='capulet.example' to='montague.example' version='1.0'>"
#define THEIRS RUN_OPEN("from='montague.example' to='capulet.example' id='x' version='1.0'")
#define FEATURES(inside) "<stream:features>" inside "</stream:features>"
#define FAILED(condition) "<stream:error><" condition " " ERRORS "/></stream:error></stream:stream>"
#define OFFER_TLS FEATURES("<starttls " TLS "><required/></starttls>" LIMITS)
#define OFFER FEATURES("<mechanisms " SASL "><mechanism>EXTERNAL</mechanism></mechanisms>" DB_FEATURE LIMITS)

struct row {
    const char *name;
    bool calls, tls_due, no_external;
    const char *in, *want;
};
static const struct row rows[] = {
    { "header and features in clear", false, true, false, RUN_HEADER, OURS OFFER_TLS },
    { "proceed, and nothing before the header under TLS", false, true, false, RUN_HEADER "<starttls " TLS "/>" RUN_WAIT, OURS OFFER_TLS "<proceed " TLS "/>" },
    { "injected bytes: no proceed", false, true, false, RUN_HEADER "<starttls " TLS "/><", OURS OFFER_TLS FAILED("policy-violation") },
    { "features under TLS", false, false, false, RUN_HEADER, OURS OFFER },
    { "features without EXTERNAL", false, false, true, RUN_HEADER, OURS FEATURES(DB_FEATURE LIMITS) },
    { "EXTERNAL that was not offered is refused", false, false, true, RUN_HEADER RUN_AUTH,
        OURS FEATURES(DB_FEATURE LIMITS) "<failure " SASL "><invalid-mechanism/></failure>" },
    { "a mechanism that was not offered is refused", false, false, false, RUN_HEADER "<auth " SASL " mechanism='PLAIN'>AGEAYg==</auth>",
        OURS OFFER "<failure " SASL "><invalid-mechanism/></failure>" },
    { "bad base64", false, false, false, RUN_HEADER "<auth " SASL " mechanism='EXTERNAL'>Y Q==</auth>", OURS OFFER "<failure " SASL "><incorrect-encoding/></failure>" },
    { "base64 with bits left over", false, false, false, RUN_HEADER "<auth " SASL " mechanism='EXTERNAL'>YmFuay5leGFtcGx=</auth>",
        OURS OFFER "<failure " SASL "><incorrect-encoding/></failure>" },
    { "no initial response: a challenge", false, false, false, RUN_HEADER "<auth " SASL " mechanism='EXTERNAL'/>", OURS OFFER "<challenge " SASL "/>" },
    { "abort", false, false, false, RUN_HEADER "<auth " SASL " mechanism='EXTERNAL'/><abort " SASL "/>",
        OURS OFFER "<challenge " SASL "/><failure " SASL "><aborted/></failure>" },
    { "success, then no SASL in the features", false, false, false, RUN_HEADER RUN_AUTH RUN_WAIT RUN_HEADER,
        OURS OFFER "<success " SASL "/>" OURS_AS("s2") FEATURES(DB_FEATURE LIMITS) },
    { "dialback answers", false, false, false, RUN_HEADER "<db:result from='capulet.example' to='montague.example'>good</db:result>"
        "<db:verify from='capulet.example' to='montague.example' id='i&apos;'>k</db:verify>",
        OURS OFFER "<db:result from='montague.example' to='capulet.example' type='valid'/>"
        "<db:verify from='montague.example' to='capulet.example' id='i&apos;' type='invalid'/>" },
    { "the end is answered", false, false, false, RUN_HEADER "</stream:stream>", OURS OFFER "</stream:stream>" },
    { "an error of the peer is answered by the end alone", false, false, false, RUN_HEADER "<stream:error/></stream:stream>", OURS OFFER "</stream:stream>" },
    { "a second header is no header", false, false, false, RUN_HEADER "<stream:stream/>", OURS OFFER FAILED("unsupported-stanza-type") },
    { "calling: the header", true, false, false, "", CALLING },
    { "calling: starttls, then the header again", true, true, false, THEIRS OFFER_TLS RUN_WAIT "<proceed " TLS "/>" RUN_WAIT, CALLING "<starttls " TLS "/>" CALLING },
    { "calling: the authorization identity is the domain", true, false, false, THEIRS OFFER,
        CALLING "<auth " SASL " mechanism='EXTERNAL'>Y2FwdWxldC5leGFtcGxl</auth>" },
    { "calling: an empty challenge gets an empty response", true, false, false, THEIRS OFFER RUN_WAIT "<challenge " SASL "/>",
        CALLING "<auth " SASL " mechanism='EXTERNAL'>Y2FwdWxldC5leGFtcGxl</auth><response " SASL ">=</response>" },
    { "calling: dialback", true, false, false, THEIRS FEATURES(""), CALLING "<db:result from='capulet.example' to='montague.example'>key</db:result>"
        "<db:verify from='capulet.example' to='montague.example' id='their-id'>key</db:verify>" },
    { "calling: an error about their header", true, false, false, "<x/>", CALLING FAILED("invalid-namespace") },
};

static void check(const struct row *row)
{
    struct xs_conf conf = { .role = row->calls ? XS_INITIATING : XS_RECEIVING, .limits = run_limits, .offer_starttls = row->tls_due,
        .offer_external = !row->no_external, .dialback = true, .from = row->calls ? STR("capulet.example") : STR_NONE,
        .to = row->calls ? STR("montague.example") : STR_NONE };
    struct buf out;
    struct run r;
    buf_init(&out, 1 << 20);
    run_init(&r, &conf);
    r.out = &out;
    run_input(&r, (const unsigned char *)row->in, strlen(row->in), RUN_WHOLE, false);
    run_take_out(&r);
    if (!ok(str_eq(buf_str(&out), str_c(row->want)), "%s", row->name)) {
        diag("got:  %.*s", STR_ARG(buf_str(&out)));
        diag("want: %s", row->want);
    }
    run_clear(&r);
    buf_clear(&out);
}

/* An error about the header comes inside a stream all the same, with an id that nobody can guess (RFC 6120 section 4.9.1.2). */
static void early_error(const char *name, const char *in, const char *start, const char *end)
{
    const struct xs_conf conf = { .role = XS_RECEIVING, .limits = run_limits };
    struct buf out;
    struct run r;
    struct str s;
    buf_init(&out, 1 << 20);
    run_init(&r, &conf);
    r.out = &out;
    run_input(&r, (const unsigned char *)in, strlen(in), RUN_WHOLE, true);
    run_take_out(&r);
    s = buf_str(&out);
    if (!ok(s.n == strlen(start) + 32 + strlen(end) && memcmp(s.p, start, strlen(start)) == 0 && memcmp(s.p + s.n - strlen(end), end, strlen(end)) == 0, "%s", name))
        diag("got: %.*s", STR_ARG(s));
    run_clear(&r);
    buf_clear(&out);
}

static void caller_refuses(void)
{
    const struct xs_conf conf = { .role = XS_RECEIVING, .limits = run_limits, .from = STR("gate.example") };
    struct xs_event ev;
    struct xs *s = xs_new(&conf);
    struct str out;
    run_must(xs_feed(s, RUN_HEADER, sizeof RUN_HEADER - 1));
    run_must(xs_next(s, &ev));
    run_must(xs_fail(s, "host-unknown", GW_R_HOST_UNKNOWN, "not <here>"));
    out = buf_str(xs_out(s));
    ok(memmem(out.p, out.n, " from='gate.example' to='capulet.example' id='", 46), "host-unknown comes from what is served, not from what was asked for");
    ok(memmem(out.p, out.n, "<host-unknown " ERRORS "/><text " ERRORS " xml:lang='en'>not &lt;here&gt;</text></stream:error></stream:stream>", 1 + 13 + sizeof ERRORS - 1 + 2 + 6 + sizeof ERRORS - 1 + 15 + 16 + 7 + 15 + 16),
        "the text of an error is escaped");
    run_must(xs_next(s, &ev));
    ok(ev.type == XS_FAIL && ev.reason == GW_R_HOST_UNKNOWN && str_eq(ev.condition, STR("host-unknown")), "and is told back once");
    run_must(xs_next(s, &ev));
    ok(ev.type == XS_NONE && xs_feed(s, "x", 1) == 0, "after that nothing");
    xs_free(s);
}

/* ---- the caller at the wrong moment ---- */

static void wrong_moment(void)
{
    const struct xs_conf calls = { .role = XS_INITIATING, .limits = run_limits, .offer_starttls = true }, called = { .role = XS_RECEIVING, .limits = run_limits };
    struct xs *a = xs_new(&calls), *b = xs_new(&called);
    struct rec *r = NULL;
    struct xs_event ev;
    const char *detail;
    run_must(xs_parse_stanza(STR("<iq from='a.example' to='b.example'/>"), false, &run_limits, &r, &detail));
    ok(xs_write(a, STR("<iq/>")) == GW_ERR(PROTO), "no stanza before ready");
    ok(xs_tls_done(a) == GW_ERR(PROTO), "no TLS that was not agreed on");
    ok(xs_external(a, STR("a")) == GW_ERR(PROTO), "no SASL before the features");
    ok(xs_accept(a, STR("a"), STR("b")) == GW_ERR(PROTO), "an initiating entity accepts no header");
    ok(xs_start(a) == 0 && xs_start(a) == GW_ERR(PROTO), "one start");
    ok(xs_start(b) == GW_ERR(PROTO), "a receiving entity does not start");
    ok(xs_auth(b, true, NULL) == GW_ERR(PROTO), "no success for nobody");
    ok(xs_accept(b, STR("a"), STR("b")) == GW_ERR(PROTO), "no answer to no header");
    ok(xs_db_reply(b, false, STR("a"), STR("b"), STR_NONE, "valid", NULL) == 0 && buf_size(xs_out(b)) == 0, "a void dialback answer is not written");
    run_must(xs_feed(b, RUN_HEADER, sizeof RUN_HEADER - 1));
    run_must(xs_next(b, &ev));
    run_must(xs_accept(b, STR("a"), STR("b")));
    buf_reset(xs_out(b));
    ok(xs_db_reply(b, false, STR("a"), STR("b"), STR_NONE, "valid", NULL) == 0 && buf_size(xs_out(b)) == 0, "nor one to a question that was not asked");
    ok(xs_space(b) == 0 && buf_size(xs_out(b)) == 0, "no white space during negotiation");
    rec_free(r);
    xs_free(a);
    xs_free(b);
}

/* ---- stanzas ---- */

static const struct { const char *name; bool client; const char *in, *want; } stanzas[] = {
    { "attributes in one order", false, "<message xml:lang='de' type='chat' id='1' to='b.example' from='a.example'/>",
        "<message xmlns='jabber:server' from='a.example' to='b.example' id='1' type='chat' xml:lang='de'/>" },
    { "white space by reference", false, "<iq from='a.example' to='b.example' id='&#9;&#10;&#13; '><a>\t\r\n&#13;</a></iq>",
        "<iq xmlns='jabber:server' from='a.example' to='b.example' id='&#9;&#10;&#13; '><a>&#9;&#10;&#13;</a></iq>" },
    { "quotes only where they matter", false, "<iq from='a.example' to='b.example' id=\"'&quot;&lt;>&amp;\">'\"&lt;&gt;&amp;</iq>",
        "<iq xmlns='jabber:server' from='a.example' to='b.example' id='&apos;&quot;&lt;&gt;&amp;'>'\"&lt;&gt;&amp;</iq>" },
    { "namespaces without prefixes", false, "<iq from='a.example' to='b.example' xmlns:p='urn:p'><p:q><p:r/><s/><t xmlns=''><u/></t></p:q></iq>",
        "<iq xmlns='jabber:server' from='a.example' to='b.example'><q xmlns='urn:p'><r/><s xmlns='jabber:server'/><t xmlns=''><u/></t></q></iq>" },
    { "attributes in namespaces", false, "<iq from='a.example' to='b.example'><q xmlns:p='urn:p' xmlns:r='urn:r' r:x='1' p:x='2' r:y='3' x='4' xml:space='preserve'/></iq>",
        "<iq xmlns='jabber:server' from='a.example' to='b.example'><q xml:space='preserve' xmlns:a1='urn:p' a1:x='2' xmlns:a2='urn:r' a2:x='1' a2:y='3' x='4'/></iq>" },
    { "the same in another order and with other prefixes", false, "<iq to='b.example' from='a.example'><q x='4' xml:space='preserve' xmlns:b='urn:r' b:y='3' xmlns:c='urn:p' c:x='2' b:x='1'/></iq>",
        "<iq xmlns='jabber:server' from='a.example' to='b.example'><q xml:space='preserve' xmlns:a1='urn:p' a1:x='2' xmlns:a2='urn:r' a2:x='1' a2:y='3' x='4'/></iq>" },
    { "a client's stanza", true, "<?xml version='1.0'?>\n<message xmlns='jabber:client' from='a.example' to='b.example'><body>x</body></message>\n",
        "<message xmlns='jabber:server' from='a.example' to='b.example'><body>x</body></message>" },
    { "a client's stanza where none is expected", false, "<message xmlns='jabber:client' from='a.example' to='b.example'/>",
        "refused: not a message, presence or iq in jabber:server" },
    { "two stanzas", false, "<iq from='a.example' to='b.example'/><iq from='a.example' to='b.example'/>", "refused: more than one element" },
    { "nothing", false, " ", "refused: no stanza" },
    { "half a stanza", false, "<iq from='a.example' to='b.example'>", "refused: mismatched tag" },
    { "out of the frame", false, "</s:s>", "refused: not well-formed (invalid token)" },
    { "out of the frame and in again", false, "<iq from='a.example' to='b.example'/></s:s><s:s>", "refused: junk after document element" },
    { "text around", false, "x<iq from='a.example' to='b.example'/>", "refused: text outside the stanza" },
    { "a comment", false, "<!-- x --><iq from='a.example' to='b.example'/>", "refused: comment" },
    { "no from", false, "<iq to='b.example'/>", "refused: no from" },
};

static void check_stanza(size_t i)
{
    struct buf out;
    struct rec *r = NULL;
    const char *detail = "";
    int err = xs_parse_stanza(str_c(stanzas[i].in), stanzas[i].client, &run_limits, &r, &detail);
    buf_init(&out, 1 << 20);
    if (err < 0)
        run_must(buf_printf(&out, "refused: %s", detail));
    else
        run_must(xs_serialise(r, true, &out));
    if (!ok(str_eq(buf_str(&out), str_c(stanzas[i].want)), "%s", stanzas[i].name)) {
        diag("got:  %.*s", STR_ARG(buf_str(&out)));
        diag("want: %s", stanzas[i].want);
    }
    rec_free(r);
    buf_clear(&out);
}

static void full_buffer(void)
{
    struct buf out;
    struct rec *r = NULL;
    const char *detail;
    run_must(xs_parse_stanza(STR("<iq from='a.example' to='b.example'/>"), false, &run_limits, &r, &detail));
    buf_init(&out, 50);
    run_must(buf_put(&out, "before", 6));
    ok(xs_serialise(r, true, &out) == GW_ERR(LIMIT) && str_eq(buf_str(&out), STR("before")), "of a stanza that does not fit nothing is written");
    rec_free(r);
    buf_clear(&out);
}

/* As received, an address is kept only where preparing changed it. And what is escaped is so wherever it stands in sixteen bytes. */
static void received(void)
{
    struct rec *r = NULL;
    const char *detail;
    struct buf out;
    run_must(xs_parse_stanza(STR("<message from='Juliet@Capulet.example/b' to='romeo@montague.example'/>"), false, &run_limits, &r, &detail));
    ok(str_eq(r->from, STR("juliet@capulet.example/b")) && str_eq(r->from_raw, STR("Juliet@Capulet.example/b")), "an address that was prepared is kept as received, too");
    ok(!r->to_raw.p && !r->to_raw.n, "one that was prepared already is not");
    rec_free(r);
    for (size_t at = 0; at < 20; at++) {
        char xml[160], want[80];
        int n = snprintf(xml, sizeof xml, "<message from='a.example' to='b.example'><body>%.*s&lt;%.*s</body></message>", (int)at, "aaaaaaaaaaaaaaaaaaaa",
            (int)(20 - at), "aaaaaaaaaaaaaaaaaaaa");
        snprintf(want, sizeof want, "%.*s&lt;%.*s</body>", (int)at, "aaaaaaaaaaaaaaaaaaaa", (int)(20 - at), "aaaaaaaaaaaaaaaaaaaa");
        run_must(xs_parse_stanza((struct str){ xml, (size_t)n }, false, &run_limits, &r, &detail));
        buf_init(&out, 1000);
        run_must(xs_serialise(r, true, &out));
        run_must(buf_put(&out, "", 1));
        ok(strstr((const char *)buf_data(&out), want), "escaped behind %zu bytes", at);
        buf_clear(&out);
        rec_free(r);
    }
}

int main(void)
{
    run_must(jid_init());
    received();
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
        check(&rows[i]);
    early_error("an error before any header", "GET /", RUN_DECL "<stream:stream " RUN_NS " id='", "' version='1.0' xml:lang='en'>" FAILED("not-well-formed"));
    early_error("an error about the header", RUN_OPEN("from='a.example' to='b.example'"), RUN_DECL "<stream:stream " RUN_NS " from='b.example' to='a.example' id='",
        "' version='1.0' xml:lang='en'>" FAILED("unsupported-version"));
    caller_refuses();
    wrong_moment();
    for (size_t i = 0; i < sizeof stanzas / sizeof *stanzas; i++)
        check_stanza(i);
    full_buffer();
    jid_finish();
    return done_testing();
}
