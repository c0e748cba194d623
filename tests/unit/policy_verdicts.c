// link: policy xmpp record ipc base
// libs: -lexpat -lcrypto -licuuc -licudata -lconfig
/* SPDX-License-Identifier: GPL-3.0-or-later
 * Whole judgements: which rule decides, what unknown does, what the allow-list takes away, what redaction leaves, who is answered. */
#include "../../gw/policy/internal.h"
#define HELP_MORE \
    "  { element = \"{urn:xmpp:sec-label:0}securitylabel\"; in = [ \"message\" ]; children = ( { element = \"label\"; min = 1; text = \"date\"; } ); },\n" \
    "  { element = \"{urn:pair}pair\"; in = [ \"message\" ]; children = ( { element = [ \"a\", \"b\" ]; min = 1; max = 1; } ); },\n"
#include "policy_help.h"

#define M "<message from='juliet@high.example/balcony' to='romeo@low.example' type='chat' id='a'>"
#define OUT "<message from='juliet@high.example/balcony' to='romeo@low.example' id='a' type='chat'>"
#define RELEASE "{ id = 9; name = \"go\"; action = \"release\"; }"
#define ROOM "<message from='r@low.example/n' to='a@high.example/x' type='groupchat' id='a'>"
#define MANY10 "EVIL EVIL EVIL EVIL EVIL EVIL EVIL EVIL EVIL EVIL "

static const struct help_find found[] = { { SCAN_YARA, "virus", "EVIL", { 0 } }, { SCAN_DLP, "card", "4111", { 0 } }, { SCAN_YARA, "whole", NULL, { 0 } } };

static const struct row {
    const char *name, *rules, *xml;
    enum help_scanner how;
    size_t n_found;
    enum gw_verdict verdict;
    enum gw_reason reason;
    uint32_t rule;
    bool answer;
    const char *out; /* what leaves; NULL: not looked at */
} rows[] = {
    { "nothing releases", "{ id = 1; name = \"n\"; kind = \"iq\"; action = \"release\"; }", M "<body>x</body></message>", HELP_ANSWERS, 0,
        GW_V_REJECT, GW_R_DEFAULT_DENY, 0, true, NULL },
    { "an empty set", "", M "<body>x</body></message>", HELP_ANSWERS, 0, GW_V_REJECT, GW_R_DEFAULT_DENY, 0, true, NULL },
    { "the first decisive rule wins", "{ id = 1; name = \"n\"; action = \"drop\"; }, " RELEASE, M "<body>x</body></message>", HELP_ANSWERS, 0,
        GW_V_DROP, GW_R_RULE, 1, false, NULL },
    { "release", RELEASE, M "<body>x</body></message>", HELP_ANSWERS, 0, GW_V_RELEASE, GW_R_RULE, 9, false, OUT "<body>x</body></message>" },
    { "a rule that is switched off", "{ id = 1; name = \"n\"; enabled = false; action = \"drop\"; }, " RELEASE, M "<body>x</body></message>", HELP_ANSWERS, 0,
        GW_V_RELEASE, GW_R_RULE, 9, false, NULL },
    { "a rule that has expired", "{ id = 1; name = \"n\"; expires = \"2020-01-31\"; action = \"release\"; }", M "<body>x</body></message>", HELP_ANSWERS, 0,
        GW_V_REJECT, GW_R_DEFAULT_DENY, 0, true, NULL },
    { "hold", "{ id = 1; name = \"n\"; kind = \"message\"; action = \"hold\"; }", M "<body>x</body></message>", HELP_ANSWERS, 0,
        GW_V_HOLD, GW_R_HELD, 1, true, NULL },
    { "hold of a room's message is a refusal in silence", "{ id = 1; name = \"n\"; kind = \"message\"; action = \"hold\"; }", ROOM "<body>x</body></message>",
        HELP_ANSWERS, 0, GW_V_REJECT, GW_R_CHANGE_FAILED, 1, false, NULL },
    { "an error cannot be held", "{ id = 1; name = \"n\"; kind = \"message\"; action = \"hold\"; }", "<message from='a@high.example' to='b@low.example' type='error'>"
        "<error>x</error></message>", HELP_ANSWERS, 0, GW_V_REJECT, GW_R_CHANGE_FAILED, 1, false, NULL },
    /* unknown */
    { "reject cannot be answered: refused", "{ id = 1; name = \"n\"; when = { yara = \"virus\"; }; action = \"reject\"; }, " RELEASE,
        M "<body>x</body></message>", HELP_SILENT, 0, GW_V_REJECT, GW_R_SCAN_TIMEOUT, 1, true, NULL },
    { "the scanner says unknown: refused", "{ id = 1; name = \"n\"; when = { yara = \"virus\"; }; action = \"reject\"; }, " RELEASE,
        M "<body>x</body></message>", HELP_UNKNOWN, 0, GW_V_REJECT, GW_R_SCAN_FAILED, 1, true, NULL },
    { "a span outside its segment: refused", "{ id = 1; name = \"n\"; when = { yara = \"virus\"; }; action = \"reject\"; }, " RELEASE,
        M "<body>x</body></message>", HELP_BAD_SPAN, 0, GW_V_REJECT, GW_R_SCAN_FAILED, 1, true, NULL },
    { "alert cannot be answered: refused", "{ id = 1; name = \"n\"; when = { yara = \"virus\"; }; action = \"alert\"; }, " RELEASE,
        M "<body>x</body></message>", HELP_SILENT, 0, GW_V_REJECT, GW_R_SCAN_TIMEOUT, 1, true, NULL },
    { "strip cannot be answered: refused", "{ id = 1; name = \"n\"; when = { yara = \"virus\"; }; action = \"strip\"; elements = [ \"urn:x\" ]; }, " RELEASE,
        M "<body>x</body></message>", HELP_SILENT, 0, GW_V_REJECT, GW_R_SCAN_TIMEOUT, 1, true, NULL },
    { "release cannot be answered: the next rule may", "{ id = 1; name = \"n\"; when = { not = { yara = \"virus\"; }; }; action = \"release\"; }, " RELEASE,
        M "<body>x</body></message>", HELP_SILENT, 0, GW_V_RELEASE, GW_R_RULE, 9, false, NULL },
    { "release cannot be answered and no other releases", "{ id = 1; name = \"n\"; when = { not = { yara = \"virus\"; }; }; action = \"release\"; }",
        M "<body>x</body></message>", HELP_SILENT, 0, GW_V_REJECT, GW_R_SCAN_TIMEOUT, 0, true, NULL },
    { "no and unknown is no", "{ id = 1; name = \"n\"; kind = \"iq\"; when = { yara = \"virus\"; }; action = \"reject\"; }, " RELEASE,
        M "<body>x</body></message>", HELP_SILENT, 0, GW_V_RELEASE, GW_R_RULE, 9, false, NULL },
    { "yes or unknown is yes", "{ id = 1; name = \"n\"; when = { any = ( { yara = \"virus\"; }, { kind = \"message\"; } ); }; action = \"drop\"; }, " RELEASE,
        M "<body>x</body></message>", HELP_SILENT, 0, GW_V_DROP, GW_R_RULE, 1, false, NULL },
    /* the allow-list */
    { "unnamed payloads are taken out", RELEASE, M "<body>x</body><y xmlns='urn:y'/></message>", HELP_ANSWERS, 0, GW_V_RELEASE, GW_R_RULE, 9, false,
        OUT "<body>x</body></message>" },
    { "nothing is left: refused", RELEASE, M "<y xmlns='urn:y'/></message>", HELP_ANSWERS, 0, GW_V_REJECT, GW_R_NOT_IN_SCHEMA, 0, true, NULL },
    { "unnamed attributes, children and values of another form", RELEASE,
        M "<tree xmlns='urn:x' n='12x' note='fine' bad='1'><leaf jid='a@b' form='c'/><other/></tree></message>", HELP_ANSWERS, 0, GW_V_RELEASE, GW_R_RULE, 9, false,
        OUT "<tree xmlns='urn:x' note='fine'><leaf jid='a@b'/></tree></message>" },
    { "an attribute that is too long", RELEASE, M "<tree xmlns='urn:x' note='123456789012345678901'/></message>", HELP_ANSWERS, 0, GW_V_RELEASE, GW_R_RULE, 9, false,
        OUT "<tree xmlns='urn:x'/></message>" },
    { "too many of one", RELEASE, M "<tree xmlns='urn:x'><leaf/><leaf/><leaf/><leaf/></tree><tree xmlns='urn:x'/><tree xmlns='urn:x'/></message>", HELP_ANSWERS, 0,
        GW_V_RELEASE, GW_R_RULE, 9, false, OUT "<tree xmlns='urn:x'><leaf/><leaf/><leaf/></tree><tree xmlns='urn:x'/></message>" },
    { "layout between elements is left out", RELEASE, M "\n <body>x</body>\n</message>", HELP_ANSWERS, 0, GW_V_RELEASE, GW_R_RULE, 9, false,
        OUT "<body>x</body></message>" },
    { "text in the stanza itself", RELEASE, M "hello<body>x</body></message>", HELP_ANSWERS, 0, GW_V_RELEASE, GW_R_RULE, 9, false, OUT "<body>x</body></message>" },
    { "an element of another stanza type", RELEASE, M "<body>x</body><x xmlns='urn:form'>a</x></message>", HELP_ANSWERS, 0, GW_V_RELEASE, GW_R_RULE, 9, false,
        OUT "<body>x</body></message>" },
    { "text of another form takes its element away", RELEASE, "<message from='a@high.example' to='b@low.example' type='headline'><x xmlns='urn:form'>a b</x>"
        "<body>x</body></message>", HELP_ANSWERS, 0, GW_V_RELEASE, GW_R_RULE, 9, false, "<message from='a@high.example' to='b@low.example' type='headline'><body>x</body></message>" },
    { "an unnamed payload in an iq is refused", RELEASE, "<iq from='a@high.example' to='b@low.example' type='get' id='q'><y xmlns='urn:y'/></iq>", HELP_ANSWERS, 0,
        GW_V_REJECT, GW_R_NOT_IN_SCHEMA, 0, true, NULL },
    { "an unnamed answer is refused and not answered", RELEASE, "<iq from='a@high.example' to='b@low.example' type='result' id='q'><y xmlns='urn:y'/></iq>",
        HELP_ANSWERS, 0, GW_V_REJECT, GW_R_NOT_IN_SCHEMA, 0, false, NULL },
    { "an iq with two payloads", RELEASE, "<iq from='a@high.example' to='b@low.example' type='get' id='q'><ping xmlns='urn:xmpp:ping'/><ping xmlns='urn:xmpp:ping'/></iq>",
        HELP_ANSWERS, 0, GW_V_REJECT, GW_R_NOT_IN_SCHEMA, 0, true, NULL },
    { "a message of a type that does not exist is a normal one", "{ id = 9; name = \"go\"; type = \"normal\"; action = \"release\"; }",
        "<message from='a@high.example' to='b@low.example' type='secret'><body>x</body></message>", HELP_ANSWERS, 0, GW_V_RELEASE, GW_R_RULE, 9, false,
        "<message from='a@high.example' to='b@low.example' type='normal'><body>x</body></message>" },
    { "presence of a type that does not exist", RELEASE, "<presence from='a@high.example' to='b@low.example' type='secret'/>", HELP_ANSWERS, 0,
        GW_V_REJECT, GW_R_NOT_IN_SCHEMA, 0, true, NULL },
    { "a language that is none", RELEASE, "<message from='a@high.example' to='b@low.example' xml:lang='this is a message'><body>x</body></message>", HELP_ANSWERS, 0,
        GW_V_REJECT, GW_R_NOT_IN_SCHEMA, 0, true, NULL },
    { "the echo in an error stays behind", RELEASE, "<message from='a@high.example' to='b@low.example' type='error'><body>x</body><error>e</error></message>",
        HELP_ANSWERS, 0, GW_V_RELEASE, GW_R_RULE, 9, false, "<message from='a@high.example' to='b@low.example' type='error'><error>e</error></message>" },
    { "presence without payload stays presence", RELEASE, "<presence from='a@high.example' to='b@low.example'><c xmlns='urn:c'/></presence>", HELP_ANSWERS, 0,
        GW_V_RELEASE, GW_R_RULE, 9, false, "<presence from='a@high.example' to='b@low.example'/>" },
    /* changes */
    { "strip", "{ id = 1; name = \"n\"; action = \"strip\"; elements = [ \"{urn:x}leaf\" ]; }, " RELEASE,
        M "<body>x</body><tree xmlns='urn:x'><leaf>a</leaf>b<leaf/></tree></message>", HELP_ANSWERS, 0, GW_V_RELEASE, GW_R_RULE, 9, false,
        OUT "<body>x</body><tree xmlns='urn:x'>b</tree></message>" },
    { "strip of everything is a refusal", "{ id = 1; name = \"n\"; action = \"strip\"; elements = [ \"{jabber:server}body\" ]; }, " RELEASE,
        M "<body>x</body></message>", HELP_ANSWERS, 0, GW_V_REJECT, GW_R_CHANGE_FAILED, 1, true, NULL },
    { "later rules see the changed stanza", "{ id = 1; name = \"n\"; action = \"strip\"; elements = [ \"urn:x\" ]; }, "
        "{ id = 2; name = \"m\"; when = { payload = \"urn:x\"; }; action = \"drop\"; }, " RELEASE,
        M "<body>x</body><tree xmlns='urn:x'/></message>", HELP_ANSWERS, 0, GW_V_RELEASE, GW_R_RULE, 9, false, NULL },
    { "redact in every copy", "{ id = 1; name = \"n\"; when = { yara = \"virus\"; }; action = \"redact\"; }, " RELEASE,
        M "<body>EVIL is EVIL</body><subject>so EVIL</subject><tree xmlns='urn:x' note='EVIL'><leaf>EVIL</leaf></tree></message>", HELP_ANSWERS, 2,
        GW_V_RELEASE, GW_R_RULE, 9, false,
        OUT "<body>[removed] is [removed]</body><subject>so [removed]</subject><tree xmlns='urn:x' note='[removed]'><leaf>[removed]</leaf></tree></message>" },
    { "redact with another word", "{ id = 1; name = \"n\"; when = { text = \"evil\"; }; action = \"redact\"; with = \"*\"; }, " RELEASE,
        M "<body>aEVILbEvilc</body></message>", HELP_ANSWERS, 0, GW_V_RELEASE, GW_R_RULE, 9, false, OUT "<body>a*b*c</body></message>" },
    { "what the allow-list would not let in after redaction goes", "{ id = 1; name = \"n\"; when = { text = \"evil\"; }; action = \"redact\"; }, " RELEASE,
        M "<body xml:lang='evil'>x</body></message>", HELP_ANSWERS, 0, GW_V_RELEASE, GW_R_RULE, 9, false, OUT "<body>x</body></message>" },
    { "a label cannot be redacted: refused", "{ id = 1; name = \"n\"; when = { text = \"2031\"; }; action = \"redact\"; with = \"\"; }, " RELEASE,
        M "<body>x</body><securitylabel xmlns='urn:xmpp:sec-label:0'><label>2031-05-01T00:00:00Z</label></securitylabel></message>", HELP_ANSWERS, 0,
        GW_V_REJECT, GW_R_CHANGE_FAILED, 1, true, NULL },
    { "what lacks what it must have after a strip goes with it", "{ id = 1; name = \"n\"; action = \"strip\"; elements = [ \"{urn:pair}a\" ]; }, " RELEASE,
        M "<body>x</body><pair xmlns='urn:pair'><a/><b/></pair></message>", HELP_ANSWERS, 0, GW_V_RELEASE, GW_R_RULE, 9, false, OUT "<body>x</body></message>" },
    { "nor can a piece of one be stripped", "{ id = 1; name = \"n\"; action = \"strip\"; elements = [ \"{urn:xmpp:sec-label:0}label\" ]; }, " RELEASE,
        M "<body>x</body><securitylabel xmlns='urn:xmpp:sec-label:0'><label>2031-05-01T00:00:00Z</label></securitylabel></message>", HELP_ANSWERS, 0,
        GW_V_REJECT, GW_R_CHANGE_FAILED, 1, true, NULL },
    { "redact an id", "{ id = 1; name = \"n\"; when = { text = \"evil\"; }; action = \"redact\"; }, " RELEASE,
        "<message from='a@high.example' to='b@low.example' id='evil'><body>evil</body></message>", HELP_ANSWERS, 0, GW_V_RELEASE, GW_R_RULE, 9, false,
        "<message from='a@high.example' to='b@low.example' id='removed'><body>[removed]</body></message>" },
    { "an address cannot be redacted: refused", "{ id = 1; name = \"n\"; when = { text = \"balcony\"; }; action = \"redact\"; }, " RELEASE,
        M "<body>balcony</body></message>", HELP_ANSWERS, 0, GW_V_REJECT, GW_R_CHANGE_FAILED, 1, true, NULL },
    { "a match without a place cannot be redacted", "{ id = 1; name = \"n\"; when = { yara = \"whole\"; }; action = \"redact\"; }, " RELEASE,
        M "<body>x</body></message>", HELP_ANSWERS, 3, GW_V_REJECT, GW_R_CHANGE_FAILED, 1, true, NULL },
    { "what still matches after redaction is refused", "{ id = 1; name = \"n\"; when = { yara = [ \"virus\", \"whole\" ]; }; action = \"redact\"; }, " RELEASE,
        M "<body>EVIL</body></message>", HELP_ANSWERS, 3, GW_V_REJECT, GW_R_NOT_REDACTED, 1, true, NULL },
    { "the word for it must not match either", "{ id = 1; name = \"n\"; when = { text = \"removed\"; }; action = \"redact\"; }, " RELEASE,
        M "<body>removed</body></message>", HELP_ANSWERS, 0, GW_V_REJECT, GW_R_NOT_REDACTED, 1, true, NULL },
    { "more matches than the redaction's first page", "{ id = 1; name = \"n\"; when = { yara = \"virus\"; }; action = \"redact\"; with = \"\"; }, " RELEASE,
        M "<body>" MANY10 MANY10 MANY10 "</body></message>", HELP_ANSWERS, 2, GW_V_RELEASE, GW_R_RULE, 9, false, NULL },
    { "two redactions, one after the other", "{ id = 1; name = \"n\"; when = { yara = \"virus\"; }; action = \"redact\"; with = \"4111\"; }, "
        "{ id = 2; name = \"m\"; when = { dlp = \"card\"; }; action = \"redact\"; with = \"-\"; }, " RELEASE, M "<body>EVIL 4111</body></message>", HELP_ANSWERS, 2,
        GW_V_RELEASE, GW_R_RULE, 9, false, OUT "<body>- -</body></message>" },
    /* who is answered */
    { "a question is answered", "{ id = 1; name = \"n\"; action = \"reject\"; }", "<iq from='a@high.example' to='b@low.example' type='set' id='q'><ping xmlns='urn:xmpp:ping'/></iq>",
        HELP_ANSWERS, 0, GW_V_REJECT, GW_R_RULE, 1, true, NULL },
    { "an error is not", "{ id = 1; name = \"n\"; action = \"reject\"; }", "<message from='a@high.example' to='b@low.example' type='error'><error>x</error></message>",
        HELP_ANSWERS, 0, GW_V_REJECT, GW_R_RULE, 1, false, NULL },
    { "an answer is not", "{ id = 1; name = \"n\"; action = \"reject\"; }", "<iq from='a@high.example' to='b@low.example' type='result' id='q'/>", HELP_ANSWERS, 0,
        GW_V_REJECT, GW_R_RULE, 1, false, NULL },
    { "who goes is not", "{ id = 1; name = \"n\"; action = \"reject\"; }", "<presence from='a@high.example' to='b@low.example' type='unavailable'/>", HELP_ANSWERS, 0,
        GW_V_REJECT, GW_R_RULE, 1, false, NULL },
    { "a room is not", "{ id = 1; name = \"n\"; action = \"reject\"; }", ROOM "<body>x</body></message>", HELP_ANSWERS, 0, GW_V_REJECT, GW_R_RULE, 1, false, NULL },
    { "a room's presence is not", "{ id = 1; name = \"n\"; action = \"reject\"; }", "<presence from='r@low.example/n' to='a@high.example/x'>"
        "<x xmlns='http://jabber.org/protocol/muc#user'/></presence>", HELP_ANSWERS, 0, GW_V_REJECT, GW_R_RULE, 1, false, NULL },
    { "what a user writes to a room is", "{ id = 1; name = \"n\"; action = \"reject\"; }", "<message from='a@high.example/x' to='r@low.example' type='groupchat'>"
        "<body>x</body></message>", HELP_ANSWERS, 0, GW_V_REJECT, GW_R_RULE, 1, true, NULL },
};

static void run_row(const struct row *t)
{
    struct policy *p = help_load(t->rules);
    struct rec *r = help_stanza(t->xml);
    struct pol_eval *e = p && r ? pol_eval_new(p, NULL) : NULL;
    bool good = e != NULL;
    for (int twice = 0; twice < 2 && good; twice++) { /* an eval is used again */
        const struct pol_verdict *v = help_judge(e, r, GW_HIGH, 1700000000000, found, t->n_found, t->how);
        good = v->verdict == t->verdict && v->reason == t->reason && v->rule == t->rule && v->answer == t->answer;
        if (!good)
            diag("%s, %s, rule %u, answer %d", gw_verdict_name(v->verdict), gw_reason_code(v->reason), v->rule, v->answer);
        if (good && t->out)
            good = help_is(v->out, t->out);
    }
    ok(good, "%s", t->name);
    pol_eval_free(e);
    rec_free(r);
    policy_free(p);
}

static void answers(void)
{
    struct policy *p = help_load("{ id = 1; name = \"n\"; type = \"chat\"; action = \"reject\"; error = \"not-allowed\"; text = \"No.\"; },"
        "{ id = 2; name = \"n\"; kind = \"message\"; action = \"hold\"; text = \"Wait.\"; }");
    struct pol_eval *e = p ? pol_eval_new(p, NULL) : NULL;
    struct rec *r = help_stanza(M "<body>x</body></message>"), *held = help_stanza("<message from='a@high.example' to='b@low.example' id='h'><body>x</body></message>"),
        *a = NULL;
    if (!ok(e && r && held, "a set that rejects and holds"))
        return;
    (void)help_judge(e, r, GW_HIGH, 0, NULL, 0, HELP_ANSWERS);
    ok(!pol_answer(e, STR("1-5"), &a) && help_is(a, "<message from='romeo@low.example' to='juliet@high.example/balcony' id='a' type='error'><error type='cancel'>"
        "<not-allowed xmlns='urn:ietf:params:xml:ns:xmpp-stanzas'/><text xmlns='urn:ietf:params:xml:ns:xmpp-stanzas' xml:lang='en'>No.</text></error></message>"),
        "reject: the error, its type and its text");
    rec_free(a);
    a = NULL;
    (void)help_judge(e, held, GW_HIGH, 0, NULL, 0, HELP_ANSWERS);
    ok(!pol_answer(e, STR("7-42"), &a) && help_is(a, "<message from='b@low.example' to='a@high.example' id='h' type='error'><error type='continue'>"
        "<undefined-condition xmlns='urn:ietf:params:xml:ns:xmpp-stanzas'/><text xmlns='urn:ietf:params:xml:ns:xmpp-stanzas' xml:lang='en'>Wait.</text>"
        "<held xmlns='urn:lockgate:held:0' record='7-42'/></error></message>"), "hold: a notice with the record's number");
    rec_free(a);
    pol_not_held(e, GW_R_HOLD_FULL);
    ok(pol_verdict(e)->verdict == GW_V_REJECT && pol_verdict(e)->reason == GW_R_HOLD_FULL && pol_verdict(e)->rule == 2 && !pol_verdict(e)->out &&
        str_eq(pol_verdict(e)->error, STR("resource-constraint")), "what could not be kept is refused, and may be tried again");
    struct rec *two = help_stanza("<iq from='a@high.example' to='b@low.example' type='get' id='q'><ping xmlns='urn:xmpp:ping'/><ping xmlns='urn:xmpp:ping'/></iq>");
    if (two)
        (void)help_judge(e, two, GW_HIGH, 0, NULL, 0, HELP_ANSWERS);
    ok(two && str_eq(pol_verdict(e)->error, STR("bad-request")), "an iq with two payloads is a bad request (RFC 6120 section 8.2.3)");
    rec_free(two);
    rec_free(r);
    rec_free(held);
    pol_eval_free(e);
    policy_free(p);
}

/* What a YARA rule says of its gravity is the verdict's, where the rule that held asked for that rule. */
static void gravity(void)
{
    static const struct scan_meta high = { SCAN_SEV_HIGH, SCAN_ACT_REDACT, 5001 }, odd = { SCAN_SEV_UNREAD, 0, 0 };
    static const struct { const char *name, *when, *action, *rule; struct scan_meta meta; const char *severity; } v[] = {
        { "graver than the release rule", "yara = \"*\"", "reject", "grave", high, "high" },
        { "by its id", "yara_id = 5001", "reject", "grave", high, "high" },
        { "by its severity", "yara_severity = \"medium\"", "reject", "grave", high, "high" },
        { "by its action, in a group of `any`", "any = ( { kind = \"iq\"; }, { yara_action = \"redact\"; } )", "reject", "grave", high, "high" },
        { "an alert goes on, and keeps it", "yara = \"grave\"", "alert", "grave", high, "high" },
        { "redacted", "yara_action = \"redact\"", "redact", "grave", high, "high" },
        { "says nothing of itself", "yara = \"*\"", "reject", "plain", { 0 }, "low" },
        { "says what is not known", "yara = \"*\"", "reject", "odd", odd, "low" },
        { "another rule was asked for", "text = \"EVIL\"; not = { yara = \"grave2\"; }", "reject", "grave", high, "low" } };
    for (size_t i = 0; i < sizeof v / sizeof *v; i++) {
        char rules[512];
        const struct help_find f[] = { { SCAN_YARA, v[i].rule, "EVIL", v[i].meta } };
        snprintf(rules, sizeof rules, "{ id = 1; name = \"n\"; when = { %s; }; action = \"%s\"; severity = \"low\"; }, " RELEASE, v[i].when, v[i].action);
        struct policy *p = help_load(rules);
        struct rec *r = help_stanza(M "<body>x EVIL</body></message>");
        struct pol_eval *e = p && r ? pol_eval_new(p, NULL) : NULL;
        const struct pol_verdict *d = e ? help_judge(e, r, GW_HIGH, 0, f, 1, HELP_ANSWERS) : NULL;
        bool redacts = !strcmp(v[i].action, "redact");
        ok(d && d->n_matched && d->matched[0] == 1 && str_eq(d->severity, str_c(v[i].severity)) && d->verdict == (strcmp(v[i].action, "reject") ? GW_V_RELEASE : GW_V_REJECT) &&
            (!redacts || help_is(d->out, OUT "<body>x [removed]</body></message>")), "severity: %s", v[i].name);
        if (d && !str_eq(d->severity, str_c(v[i].severity)))
            diag("it is %.*s", STR_ARG(d->severity));
        pol_eval_free(e);
        rec_free(r);
        policy_free(p);
    }
    bool same = true;
    for (size_t i = 0; pol_severity_names[i] || scan_severity_words[i]; i++)
        same = same && pol_severity_names[i] && scan_severity_words[i] && !strcmp(pol_severity_names[i], scan_severity_words[i]);
    ok(same, "YARA rules and release rules speak of the same severities");
    for (size_t i = 0; scan_action_words[i]; i++) {
        bool known = false;
        for (size_t k = 0; pol_action_names[k]; k++)
            known |= !strcmp(pol_action_names[k], scan_action_words[i]);
        ok(known, "the action %s of YARA rules is one of release rules", scan_action_words[i]);
    }
}

/* Questions that the gateway answers itself. */
static void replies(void)
{
    static const char set[] = "{ id = 1; name = \"n\"; action = \"answer\"; answers = { version = { name = \"L\"; version = \"2\"; }; last_activity = 7; "
        "time = \"-05:30\"; ping = true; }; }, " RELEASE, few[] = "{ id = 1; name = \"n\"; action = \"answer\"; answers = { last_activity = 0; }; }, " RELEASE;
    static const char q[] = "<iq from='a@high.example/x' to='b@low.example' id='q' type='get'>", a[] = "<iq from='b@low.example' to='a@high.example/x' id='q' type='result'";
    static const struct { const char *name, *rules, *question, *answer; } v[] = {
        { "version", set, "<query xmlns='jabber:iq:version'/>", "><query xmlns='jabber:iq:version'><name>L</name><version>2</version></query></iq>" },
        { "last activity", set, "<query xmlns='jabber:iq:last'/>", "><query xmlns='jabber:iq:last' seconds='7'/></iq>" },
        { "time", set, "<time xmlns='urn:xmpp:time'/>", "><time xmlns='urn:xmpp:time'><tzo>-05:30</tzo><utc>2023-11-14T22:13:20Z</utc></time></iq>" },
        { "ping", set, "<ping xmlns='urn:xmpp:ping'/>", "/>" },
        { "a ping that no answer is written down for goes its way", few, "<ping xmlns='urn:xmpp:ping'/>", NULL },
        { "a version alike", few, "<query xmlns='jabber:iq:version'/>", NULL } };
    help_file("profiles/test.conf", "title = \"t\"; elements = ( { element = [ \"{jabber:iq:version}query\", \"{jabber:iq:last}query\", \"{urn:xmpp:time}time\", "
        "\"{urn:xmpp:ping}ping\" ]; in = [ \"iq\" ]; } );\n");
    for (size_t i = 0; i < sizeof v / sizeof *v; i++) {
        char xml[512], want[512];
        snprintf(xml, sizeof xml, "%s%s</iq>", q, v[i].question);
        snprintf(want, sizeof want, "%s%s", a, v[i].answer ? v[i].answer : "");
        struct policy *p = help_load(v[i].rules);
        struct rec *r = help_stanza(xml);
        struct pol_eval *e = p && r ? pol_eval_new(p, NULL) : NULL;
        const struct pol_verdict *d = e ? help_judge(e, r, GW_HIGH, 1700000000000, NULL, 0, HELP_ANSWERS) : NULL;
        bool good = d && (v[i].answer ? d->verdict == GW_V_REJECT && d->reason == GW_R_ANSWERED && d->rule == 1 && !d->answer && !d->out && d->reply &&
            help_is(d->reply, want) : d->verdict == GW_V_RELEASE && !d->reply);
        ok(good, "answered by the gateway: %s", v[i].name);
        pol_eval_free(e);
        rec_free(r);
        policy_free(p);
    }
    help_file("profiles/test.conf", HELP_PROFILE);
}

/* What is scanned: every text of a stanza, wherever it stands. */
static void segments(void)
{
    static const char *const want[] = { "the-id", "en", "juliet", "balcony", "romeo", "orchard", "in the body", "in the subject", "in a note", "in a leaf", "c@d.example" };
    struct policy *p = help_load("{ id = 1; name = \"n\"; when = { yara = \"*\"; }; action = \"reject\"; }");
    struct pol_eval *e = p ? pol_eval_new(p, NULL) : NULL;
    struct rec *r = help_stanza("<message from='juliet@high.example/balcony' to='romeo@low.example/orchard' id='the-id' xml:lang='en'><body>in the body</body>"
        "<subject>in the subject</subject><tree xmlns='urn:x' note='in a note'>text<leaf jid='c@d.example'>in a leaf</leaf></tree></message>");
    struct pol_facts facts = { .from_side = GW_HIGH };
    if (!ok(e && r && pol_begin(e, r, &facts) == POL_NEED_SCAN, "a scan is asked for"))
        return;
    const struct scan_request *q = pol_scan_request(e);
    for (size_t i = 0; i < sizeof want / sizeof *want; i++) {
        bool there = false;
        for (size_t k = 0; k < q->n_segments; k++)
            there |= str_eq(q->segments[k].text, str_c(want[i]));
        ok(there, "scanned: \"%s\"", want[i]);
    }
    ok(memmem(q->rebuilt.p, q->rebuilt.n, "note='in a note'", 16) != NULL, "the rebuilt stanza has names and values");
    ok(pol_resume(e, NULL, GW_R_SCAN_FAILED) == POL_DONE && pol_resume(e, NULL, GW_R_SCAN_FAILED) == POL_DONE &&
        pol_verdict(e)->verdict == GW_V_REJECT, "an answer nobody asked for is a refusal");
    rec_free(r);
    pol_eval_free(e);
    policy_free(p);
}

int main(void)
{
    if (!ok(help_begin(), "a rules folder"))
        return done_testing();
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
        run_row(&rows[i]);
    answers();
    gravity();
    replies();
    segments();
    help_end();
    return done_testing();
}
