// link: policy xmpp record ipc base
// libs: -lexpat -lcrypto -licuuc -licudata -lconfig
/* SPDX-License-Identifier: GPL-3.0-or-later
 * Watch mode: what policy refuses is let through with its reason kept; everything else that refuses still does. */
#define HELP_MORE "  { element = \"{urn:pair}pair\"; in = [ \"iq\" ]; children = ( { element = [ \"a\", \"b\" ]; min = 1; max = 1; } ); },\n"
#include "policy_help.h"

#define M "<message from='juliet@high.example/balcony' to='romeo@low.example' type='chat' id='a'>"
#define OUT "<message from='juliet@high.example/balcony' to='romeo@low.example' id='a' type='chat'>"
#define CC(who) "<addresses xmlns='http://jabber.org/protocol/address'><address type='cc' jid='" who "'/></addresses>"
#define RELEASE "{ id = 9; name = \"go\"; action = \"release\"; }"
#define IQ "<iq from='a@high.example' to='b@low.example' type='get' id='q'>"

static const struct help_find found[] = { { SCAN_YARA, "virus", "EVIL", { 0 } } };

static const struct row {
    const char *name, *rules, *xml;
    enum help_scanner how;
    enum gw_verdict verdict, would;
    enum gw_reason reason;
    const char *out; /* what leaves; NULL: nothing does */
} rows[] = {
    { "released is released", RELEASE, M "<body>x</body></message>", HELP_ANSWERS, GW_V_RELEASE, GW_V_RELEASE, GW_R_RULE, OUT "<body>x</body></message>" },
    { "no rule releases it", "", M "<body>x</body></message>", HELP_ANSWERS, GW_V_RELEASE, GW_V_REJECT, GW_R_DEFAULT_DENY, OUT "<body>x</body></message>" },
    { "a rule rejects", "{ id = 1; name = \"n\"; action = \"reject\"; }", M "<body>x</body></message>", HELP_ANSWERS, GW_V_RELEASE, GW_V_REJECT, GW_R_RULE,
        OUT "<body>x</body></message>" },
    { "a rule drops", "{ id = 1; name = \"n\"; action = \"drop\"; }", M "<body>x</body></message>", HELP_ANSWERS, GW_V_RELEASE, GW_V_DROP, GW_R_RULE,
        OUT "<body>x</body></message>" },
    { "a rule holds", "{ id = 1; name = \"n\"; kind = \"message\"; action = \"hold\"; }", M "<body>x</body></message>", HELP_ANSWERS, GW_V_RELEASE, GW_V_HOLD,
        GW_R_HELD, OUT "<body>x</body></message>" },
    { "what a scanner found", "{ id = 1; name = \"n\"; when = { yara = \"virus\"; }; action = \"reject\"; }, " RELEASE, M "<body>EVIL</body></message>", HELP_ANSWERS,
        GW_V_RELEASE, GW_V_REJECT, GW_R_RULE, OUT "<body>EVIL</body></message>" },
    { "the allow-list refuses: it crosses as it came", RELEASE, IQ "<y xmlns='urn:y' z='1'/></iq>", HELP_ANSWERS, GW_V_RELEASE, GW_V_REJECT, GW_R_NOT_IN_SCHEMA,
        "<iq from='a@high.example' to='b@low.example' id='q' type='get'><y xmlns='urn:y' z='1'/></iq>" },
    { "the allow-list refuses, and names are rewritten: refused", "{ id = 1; name = \"n\"; direction = \"high-to-low\"; action = \"rewrite\"; rewrite = { resources = [ \"high.example\" ]; }; }, " RELEASE,
        IQ "<y xmlns='urn:y' z='1'/></iq>", HELP_ANSWERS, GW_V_REJECT, GW_V_REJECT, GW_R_NOT_IN_SCHEMA, NULL },
    { "nothing that a profile names is in it: as it came, not empty", RELEASE, M "<y xmlns='urn:y'/></message>", HELP_ANSWERS, GW_V_RELEASE, GW_V_REJECT,
        GW_R_NOT_IN_SCHEMA, OUT "<y xmlns='urn:y'/></message>" },
    { "what is only taken out is taken out", RELEASE, M "<body>x</body><y xmlns='urn:y'/></message>", HELP_ANSWERS, GW_V_RELEASE, GW_V_RELEASE, GW_R_RULE,
        OUT "<body>x</body></message>" },
    { "changes made before a refusal stay", "{ id = 1; name = \"n\"; when = { yara = \"virus\"; }; action = \"redact\"; }, { id = 2; name = \"n\"; action = \"reject\"; }",
        M "<body>x EVIL</body></message>", HELP_ANSWERS, GW_V_RELEASE, GW_V_REJECT, GW_R_RULE, OUT "<body>x [removed]</body></message>" },
    { "the allow-list refuses: what may never be carried is taken out all the same", RELEASE, M "<y xmlns='urn:y'/><private xmlns='urn:xmpp:carbons:2'/></message>",
        HELP_ANSWERS, GW_V_RELEASE, GW_V_REJECT, GW_R_NOT_IN_SCHEMA, OUT "<y xmlns='urn:y'/></message>" },
    /* refused all the same */
    { "the allow-list refuses, and it is for somebody of elsewhere", RELEASE, M "<y xmlns='urn:y'/>" CC("eve@else.example") "</message>", HELP_ANSWERS, GW_V_REJECT,
        GW_V_REJECT, GW_R_CARRIED, NULL },
    { "two payloads in an iq", RELEASE, IQ "<ping xmlns='urn:xmpp:ping'/><ping xmlns='urn:xmpp:ping'/></iq>", HELP_ANSWERS, GW_V_REJECT, GW_V_REJECT,
        GW_R_NOT_IN_SCHEMA, NULL },
    { "what the allow-list refuses after a rule's change", "{ id = 1; name = \"n\"; action = \"strip\"; elements = [ \"{urn:pair}a\" ]; }, " RELEASE,
        IQ "<pair xmlns='urn:pair'><a/><b/></pair></iq>", HELP_ANSWERS, GW_V_REJECT, GW_V_REJECT, GW_R_CHANGE_FAILED, NULL },
    { "a type that is none", RELEASE, "<presence from='a@high.example' to='b@low.example' type='shout'/>", HELP_ANSWERS, GW_V_REJECT, GW_V_REJECT,
        GW_R_NOT_IN_SCHEMA, NULL },
    { "no answer of the scanner", "{ id = 1; name = \"n\"; when = { yara = \"virus\"; }; action = \"reject\"; }, " RELEASE, M "<body>x</body></message>", HELP_SILENT,
        GW_V_REJECT, GW_V_REJECT, GW_R_SCAN_TIMEOUT, NULL },
    { "a release that cannot be answered", "{ id = 1; name = \"n\"; when = { not = { yara = \"virus\"; }; }; action = \"release\"; }", M "<body>x</body></message>",
        HELP_UNKNOWN, GW_V_REJECT, GW_V_REJECT, GW_R_SCAN_FAILED, NULL },
    { "a span outside its segment", "{ id = 1; name = \"n\"; when = { yara = \"virus\"; }; action = \"reject\"; }, " RELEASE, M "<body>x</body></message>",
        HELP_BAD_SPAN, GW_V_REJECT, GW_V_REJECT, GW_R_SCAN_FAILED, NULL },
};

static void run_row(const struct row *t)
{
    struct policy *p = help_load(t->rules);
    struct rec *r = help_stanza(t->xml);
    struct pol_eval *e = p && r ? pol_eval_new(p, NULL) : NULL;
    bool good = e != NULL;
    for (int twice = 0; twice < 2 && good; twice++) { /* an eval is used again, and stays in watch mode */
        if (!twice)
            pol_watch(e, true);
        const struct pol_verdict *v = help_judge(e, r, GW_HIGH, 1700000000000, found, 1, t->how);
        good = v->verdict == t->verdict && v->would == t->would && v->reason == t->reason && (v->out != NULL) == (t->out != NULL) &&
            (v->verdict != GW_V_RELEASE || !v->answer);
        if (!good)
            diag("%s, would be %s, %s", gw_verdict_name(v->verdict), gw_verdict_name(v->would), gw_reason_code(v->reason));
        if (good && t->out)
            good = help_is(v->out, t->out);
    }
    ok(good, "%s", t->name);
    if (e) {
        pol_watch(e, false);
        const struct pol_verdict *v = help_judge(e, r, GW_HIGH, 1700000000000, found, 1, t->how);
        enum gw_reason reason = t->reason == GW_R_CARRIED ? GW_R_NOT_IN_SCHEMA : t->reason; /* the allow-list refuses first, and then nobody asks further */
        ok(v->verdict == t->would && v->would == t->would && v->reason == reason, "the same, enforced: %s", t->name);
    }
    pol_eval_free(e);
    rec_free(r);
    policy_free(p);
}

int main(void)
{
    if (!ok(help_begin(), "a rules folder"))
        return done_testing();
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
        run_row(&rows[i]);
    help_end();
    return done_testing();
}
