// link: policy xmpp record ipc base
// libs: -lexpat -lcrypto -licuuc -licudata -lconfig
/* SPDX-License-Identifier: GPL-3.0-or-later
 * Ranges of characters (fallback of replies, markup, references): none survives a change of the text that it counts; all do when none was
 * made. */
#include "policy_help.h"

#define FROM "<message from='a@high.example/r' to='b@low.example' type='chat'>"
#define REPLY "<reply xmlns='urn:xmpp:reply:0' id='m0' to='b@low.example'/>"
#define FALLBACK "<fallback xmlns='urn:xmpp:fallback:0' for='urn:xmpp:reply:0'><body end='8' start='0'/></fallback>"
#define WHOLE "<fallback xmlns='urn:xmpp:fallback:0' for='urn:xmpp:reply:0'/>"
#define MARKUP "<markup xmlns='urn:xmpp:markup:0'><span end='12' start='3'><strong/></span></markup>"
#define LIST "<markup xmlns='urn:xmpp:markup:0'><list end='12' start='3'><li start='3'/></list></markup>"
#define REFERENCE "<reference xmlns='urn:xmpp:reference:0' begin='3' end='9' type='mention' uri='xmpp:b@low.example'/>"
#define LINK "<reference xmlns='urn:xmpp:reference:0' type='data' uri='xmpp:b@low.example'/>"
#define COPY(body, in) "<forwarded xmlns='urn:xmpp:forward:0'><message xmlns='jabber:server' from='a@high.example/x' to='b@low.example' type='chat'><body>" body "</body>" in "</message></forwarded>"
#define WORDS "&gt; one\nSECRET and more"
#define CUT "&gt; one&#10;[removed] and more"
#define BODY(text) "<body>" text "</body>"

static const struct row { const char *name, *xml, *want; } rows[] = {
    { "nothing changed: all stay", FROM BODY("&gt; one\ntwo") REPLY FALLBACK MARKUP REFERENCE "</message>", FROM BODY("&gt; one&#10;two") REPLY FALLBACK MARKUP REFERENCE "</message>" },
    { "fallback of a reply", FROM BODY(WORDS) REPLY FALLBACK "</message>", FROM BODY(CUT) REPLY "</message>" },
    { "fallback that means all of it", FROM BODY(WORDS) REPLY WHOLE "</message>", FROM BODY(CUT) REPLY WHOLE "</message>" },
    { "markup", FROM BODY(WORDS) MARKUP "</message>", FROM BODY(CUT) "</message>" },
    { "markup of a list", FROM BODY(WORDS) LIST "</message>", FROM BODY(CUT) "</message>" },
    { "a reference", FROM BODY(WORDS) REFERENCE "</message>", FROM BODY(CUT) "</message>" },
    { "a reference to no words", FROM BODY(WORDS) LINK "</message>", FROM BODY(CUT) LINK "</message>" },
    { "all of them", FROM FALLBACK MARKUP REFERENCE BODY(WORDS) REPLY "</message>", FROM BODY(CUT) REPLY "</message>" },
    { "the subject changed", FROM "<subject>SECRET</subject>" BODY("one") FALLBACK "</message>", FROM "<subject>[removed]</subject>" BODY("one") "</message>" },
    { "in a copy", FROM COPY(WORDS, FALLBACK MARKUP REFERENCE) "</message>", FROM COPY(CUT, "") "</message>" },
    { "in a copy that did not change", FROM COPY("one", FALLBACK MARKUP REFERENCE) "</message>", FROM COPY("one", FALLBACK MARKUP REFERENCE) "</message>" },
    { "something else changed", FROM BODY("one") MARKUP "<nick xmlns='http://jabber.org/protocol/nick'>SECRET</nick></message>",
        FROM BODY("one") MARKUP "<nick xmlns='http://jabber.org/protocol/nick'>[removed]</nick></message>" } };

static const struct row labelled[] = {
    { "a marking in the first line", FROM BODY("one two") REPLY FALLBACK MARKUP REFERENCE WHOLE "</message>",
        FROM BODY("GREEN&#10;one two") REPLY WHOLE "<securitylabel xmlns='urn:xmpp:sec-label:0'><displaymarking>GREEN</displaymarking><label>"
        "<plain xmlns='urn:lockgate:label:0' classification='GREEN' policy='FAR'/></label></securitylabel></message>" } };

static const char counting[] = "title = \"t\"; unnamed = \"refuse\"; elements = (\n"
    "{ element = \"{urn:xmpp:reply:0}reply\"; in = [ \"message\" ]; attributes = [ \"id id\", \"to jid\" ]; },\n"
    "{ element = \"{urn:xmpp:fallback:0}fallback\"; in = [ \"message\" ]; max = 4; attributes = [ \"for token\" ]; children = ( { element = \"body\"; attributes = [ \"start number\", \"end number\" ]; } ); },\n"
    "{ element = \"{urn:xmpp:markup:0}markup\"; in = [ \"message\" ]; children = (\n"
    " { element = \"span\"; attributes = [ \"start number\", \"end number\" ]; children = ( { element = \"strong\"; } ); },\n"
    " { element = \"list\"; attributes = [ \"start number\", \"end number\" ]; children = ( { element = \"li\"; attributes = [ \"start number\" ]; } ); } ); },\n"
    "{ element = \"{urn:xmpp:reference:0}reference\"; in = [ \"message\" ]; max = 4; attributes = [ \"begin number\", \"end number\", \"type token\", \"uri uri\" ]; },\n"
    "{ element = \"{http://jabber.org/protocol/nick}nick\"; in = [ \"message\" ]; text = \"any\"; },\n"
    "{ element = \"{urn:xmpp:sec-label:0}securitylabel\"; in = [ \"message\" ]; },\n"
    "{ element = \"{urn:xmpp:forward:0}forwarded\"; in = [ \"message\" ]; children = ( { element = \"{jabber:server}message\"; attributes = [ \"type token\", \"from jid\", \"to jid\" ]; children = (\n"
    " { element = \"body\"; text = \"any\"; },\n"
    " { element = \"{urn:xmpp:fallback:0}fallback\"; attributes = [ \"for token\" ]; children = ( { element = \"body\"; attributes = [ \"start number\", \"end number\" ]; } ); },\n"
    " { element = \"{urn:xmpp:markup:0}markup\"; children = ( { element = \"span\"; attributes = [ \"start number\", \"end number\" ]; children = ( { element = \"strong\"; } ); } ); },\n"
    " { element = \"{urn:xmpp:reference:0}reference\"; attributes = [ \"begin number\", \"end number\", \"type token\", \"uri uri\" ]; } ); } ); } );\n";

static void run(const char *rules, const struct row *v, size_t n)
{
    static const struct help_find find[] = { { SCAN_DLP, "word", "SECRET", { 0 } } };
    struct policy *p = help_load(rules);
    struct pol_eval *e = p ? pol_eval_new(p, NULL) : NULL;
    for (size_t i = 0; i < n; i++) {
        struct rec *r = help_stanza(v[i].xml);
        const struct pol_verdict *got = e && r ? help_judge(e, r, GW_HIGH, 1, find, 1, HELP_ANSWERS) : NULL;
        ok(got && got->out && help_is(got->out, v[i].want), "%s", v[i].name);
        if (got && !got->out)
            diag("%s", gw_reason_code(got->reason));
        rec_free(r);
    }
    pol_eval_free(e);
    policy_free(p);
}

int main(void)
{
    if (!ok(help_begin(), "a rules folder"))
        return done_testing();
    help_profiles = "\"test\", \"counting\"";
    help_file("profiles/counting.conf", counting);
    run("{ id = 1; name = \"c\"; when = { dlp = \"word\"; }; action = \"redact\"; with = \"[removed]\"; }, { id = 2; name = \"r\"; action = \"release\"; }", rows,
        sizeof rows / sizeof *rows);
    help_file("labels/far.conf", "policies = ( { name = \"FAR\"; classifications = ( { name = \"GREEN\"; } ); } );\n");
    help_head = "labels = [ \"far\" ];";
    run("{ id = 1; name = \"c\"; action = \"relabel\"; label = { policy = \"FAR\"; classification = \"GREEN\"; form = \"plain\"; first_line = true; }; }, "
        "{ id = 2; name = \"r\"; action = \"release\"; }", labelled, sizeof labelled / sizeof *labelled);
    help_end();
    return done_testing();
}
