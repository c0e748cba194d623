// link: policy xmpp record ipc base
// libs: -lexpat -lcrypto -licuuc -licudata -lconfig
/* SPDX-License-Identifier: GPL-3.0-or-later
 * Presence folding: scripts of what comes and what crosses. A step is a side, a stanza, and what is said of it. */
#include "policy_help.h"

#define RULES "{ id = 1; name = \"fold\"; kind = \"presence\"; direction = \"high-to-low\"; action = \"fold\"; shows = [ \"show\", \"caps\" ]; }, " \
    "{ id = 9; name = \"go\"; action = \"release\"; }"
#define A "<presence from='a@high.example/x' to='b@low.example'"
#define HERE A " id='1'/>"
#define AWAY A " id='2'><show>away</show></presence>"
#define GONE A " type='unavailable'/>"
#define MUC "<x xmlns='http://jabber.org/protocol/muc'/>"

/* h, l: a stanza comes from that side; e: something happens */
struct step { char side; const char *xml, *want; };
static const struct { const char *name; struct step steps[10]; } scripts[] = {
    { "what was said does not cross again", { { 'h', HERE, "released" }, { 'h', HERE, "folded" }, { 'h', AWAY, "released" }, { 'h', AWAY, "folded" },
        { 'h', HERE, "released" }, { 'h', GONE, "released" }, { 'h', GONE, "folded" }, { 'h', HERE, "released" } } },
    { "what is not shown makes no difference", { { 'h', A "><show>away</show><status>tea</status></presence>", AWAY }, { 'h', A "><show>away</show><status>lunch</status></presence>", "folded" } } },
    { "resources are told apart", { { 'h', HERE, "released" }, { 'h', "<presence from='a@high.example/y' to='b@low.example'/>", "released" }, { 'h', HERE, "folded" },
        { 'h', "<presence from='a@high.example/y' to='b@low.example' type='unavailable'/>", "released" }, { 'h', HERE, "folded" } } },
    { "recipients are told apart", { { 'h', HERE, "released" }, { 'h', "<presence from='a@high.example/x' to='c@low.example'/>", "released" } } },
    { "who asks gets an answer", { { 'h', HERE, "released" }, { 'l', "<presence from='b@low.example' to='a@high.example' type='probe'/>", "released" }, { 'h', HERE, "released" },
        { 'h', HERE, "folded" } } },
    { "a probe by somebody else changes nothing", { { 'h', HERE, "released" }, { 'l', "<presence from='c@low.example' to='a@high.example' type='probe'/>", "released" },
        { 'h', HERE, "folded" } } },
    { "a new subscription is told all", { { 'h', HERE, "released" }, { 'h', "<presence from='a@high.example' to='b@low.example' type='unsubscribed'/>", "released" },
        { 'h', "<presence from='a@high.example' to='b@low.example' type='subscribed'/>", "released" }, { 'h', HERE, "released" } } },
    { "subscriptions cross as often as they are said", { { 'h', "<presence from='a@high.example' to='b@low.example' type='subscribe'/>", "released" },
        { 'h', "<presence from='a@high.example' to='b@low.example' type='subscribe'/>", "released" } } },
    { "an error makes it tell again", { { 'h', HERE, "released" }, { 'l', "<presence from='b@low.example' to='a@high.example/x' type='error'><error>e</error></presence>", "released" },
        { 'h', HERE, "released" } } },
    { "a stream that ended makes it tell again", { { 'h', HERE, "released" }, { 'e', "other", "" }, { 'h', HERE, "folded" }, { 'e', "lost", "" }, { 'h', HERE, "released" }, { 'h', HERE, "folded" },
        { 'e', "all", "" }, { 'h', HERE, "released" } } },
    { "after some hours it is told again", { { 'h', HERE, "released" }, { 'e', "day", "" }, { 'h', HERE, "released" } } },
    { "directed presence crosses, and what follows it", { { 'h', HERE, "released" }, { 'h', "<presence from='a@high.example/x' to='b@low.example/r'><show>dnd</show><status>s</status></presence>",
        "<presence from='a@high.example/x' to='b@low.example/r'><show>dnd</show></presence>" }, { 'h', "<presence from='a@high.example/x' to='b@low.example/r'><show>dnd</show></presence>", "released" },
        { 'h', HERE, "released" } } },
    { "to a room: reduced, never dropped", { { 'h', "<presence from='a@high.example/x' to='room@low.example/me'><status>s</status>" MUC "</presence>",
            "<presence from='a@high.example/x' to='room@low.example/me'>" MUC "</presence>" },
        { 'h', "<presence from='a@high.example/x' to='room@low.example/me'><status>tea</status></presence>", "<presence from='a@high.example/x' to='room@low.example/me'/>" },
        { 'h', "<presence from='a@high.example/x' to='room@low.example/me'><status>tea</status></presence>", "released" } } },
    { "a muc element hides no status", { { 'h', "<presence from='room@high.example/n' to='b@low.example/r'><status>s</status><x xmlns='http://jabber.org/protocol/muc#user'/></presence>",
            "<presence from='room@high.example/n' to='b@low.example/r'><x xmlns='http://jabber.org/protocol/muc#user'/></presence>" } } },
    { "the other direction has no such rule", { { 'l', "<presence from='b@low.example/r' to='a@high.example'><status>s</status></presence>", "released" },
        { 'l', "<presence from='b@low.example/r' to='a@high.example'><status>s</status></presence>", "released" } } },
};

static bool take(struct pol_eval *e, struct pol_state *s, const struct step *t, int64_t *now)
{
    if (t->side == 'e') {
        bool all = !strcmp(t->xml, "all");
        if (!strcmp(t->xml, "day"))
            *now += 86400000;
        else
            pol_state_lost(s, all ? STR_NONE : STR("high.example"), all ? STR_NONE : !strcmp(t->xml, "lost") ? STR("low.example") : STR("third.example"), *now);
        return true;
    }
    struct rec *r = help_stanza(t->xml);
    if (!r)
        return false;
    const struct pol_verdict *v = help_judge(e, r, t->side == 'h' ? GW_HIGH : GW_LOW, *now, NULL, 0, HELP_ANSWERS);
    pol_stand(e);
    pol_stand(e); /* a second time changes nothing */
    pol_commit(e);
    bool folded = !strcmp(t->want, "folded"), good = folded ? v->verdict == GW_V_DROP && v->reason == GW_R_FOLDED && v->rule == 1 && !v->out && !v->answer :
        v->verdict == GW_V_RELEASE;
    if (good && !folded && strcmp(t->want, "released") != 0) {
        struct rec *want = help_stanza(t->want);
        struct rec_edit id = { .op = REC_SET_ID, .attr = REC_NONE, .with = v->out->id };
        struct rec *same = NULL;
        good = want && !rec_apply(want, &id, 1, &same) && rec_equal(same, v->out);
        rec_free(same);
        rec_free(want);
    }
    if (!good)
        diag("%s, %s: %s", gw_verdict_name(v->verdict), gw_reason_code(v->reason), t->xml);
    rec_free(r);
    return good;
}

int main(void)
{
    bool ready = help_begin();
    help_file("profiles/test.conf", "title = \"t\"; elements = ( { element = [ \"{jabber:server}show\", \"{jabber:server}status\" ]; in = [ \"presence\" ]; text = \"any\"; },\n"
        "  { element = [ \"{http://jabber.org/protocol/muc}x\", \"{http://jabber.org/protocol/muc#user}x\" ]; in = [ \"presence\" ]; },\n"
        "  { element = \"{jabber:server}error\"; in = [ \"presence\" ]; error = true; text = \"any\"; } );\n");
    struct policy *p = ready ? help_load(RULES) : NULL;
    if (!ok(p != NULL, "a set that folds"))
        return done_testing();
    for (size_t i = 0; i < sizeof scripts / sizeof *scripts; i++) {
        struct pol_state *s = pol_state_new();
        struct pol_eval *e = pol_eval_new(p, s);
        int64_t now = 1700000000000;
        bool good = true;
        for (const struct step *t = scripts[i].steps; good && t->xml && t < scripts[i].steps + 10; t++)
            good = take(e, s, t, &now);
        ok(good, "%s", scripts[i].name);
        pol_eval_free(e);
        pol_state_free(s);
    }
    policy_free(p);
    help_end();
    return done_testing();
}
