// link: policy xmpp record ipc base
// libs: -lexpat -lcrypto -licuuc -licudata -lconfig
/* SPDX-License-Identifier: GPL-3.0-or-later
 * Rule files full of mistakes: each is named, once, with its own file and line, in one pass; and nothing is loaded. */
#include "policy_help.h"

/* Each line stands for itself; `want` is part of the message that must name this line, NULL: no mistake on it. */
struct line { const char *text, *want; };

static const struct line rules[] = {
    { "rules = (", NULL },
    { "{ id = 1; name = \"a\"; action = \"relaese\"; },", "did you mean \"release\"" },
    { "{ id = 2; name = \"a\"; action = \"release\"; severty = \"high\"; },", "severity" },
    { "{ id = 3; name = \"a\"; when = { paylod = \"urn:x\"; }; action = \"release\"; },", "did you mean \"payload\"" },
    { "{ id = 4; name = \"a\"; direction = \"hight-to-low\"; action = \"release\"; },", "did you mean \"high-to-low\"" },
    { "{ id = 5; name = \"a\"; kind = \"mesage\"; action = \"release\"; },", "did you mean \"message\"" },
    { "{ id = 6; name = \"a\"; type = \"chatt\"; action = \"release\"; },", "did you mean \"chat\"" },
    { "{ id = 7; name = \"a\"; when = { from = \"a@@b\"; }; action = \"release\"; },", "is not an address" },
    { "{ id = 8; name = \"a\"; when = { from_domain = \"a@b.example\"; }; action = \"release\"; },", "wants domains" },
    { "{ id = 9; name = \"a\"; when = { from_list = \"nowhere\"; }; action = \"release\"; },", "there is no list" },
    { "{ id = 10; name = \"a\"; when = { from_list = \"../../etc/passwd\"; }; action = \"release\"; },", "is no name of a list" },
    { "{ id = 11; name = \"a\"; when = { size_above = 100; }; action = \"reject\"; },", "a string with a unit" },
    { "{ id = 12; name = \"a\"; when = { depth_above = \"3\"; }; action = \"reject\"; },", "a whole number" },
    { "{ id = 13; name = \"a\"; when = { depth_above = 70000; }; action = \"reject\"; },", "out of range" },
    { "{ id = 14; name = \"a\"; action = \"reject\"; error = \"policy-violetion\"; },", "did you mean \"policy-violation\"" },
    { "{ id = 15; name = \"a\"; action = \"release\"; error = \"forbidden\"; },", "goes with action \"reject\" only" },
    { "{ id = 16; name = \"a\"; action = \"redact\"; },", "needs a condition that finds text" },
    { "{ id = 17; name = \"a\"; action = \"strip\"; },", "\"elements\" go together" },
    { "{ id = 18; name = \"a\"; action = \"release\"; expires = \"2027-02-30\"; },", "is no date" },
    { "{ id = 19; name = \"a\"; action = \"hold\"; },", "only messages can be held" },
    { "{ id = 19; name = \"a\"; kind = \"message\"; action = \"hold\"; },", "is used already" },
    { "{ name = \"a\"; action = \"release\"; },", "id" },
    { "{ id = 22; name = \"a\"; when = { payload = \"{urn:x\"; }; action = \"release\"; },", "brace is not closed" },
    { "{ id = 23; name = \"a\"; when = { text = { is = \"x\"; in = [ \"boddy\" ]; }; }; action = \"reject\"; },", "is no place of text" },
    { "{ id = 24; name = \"a\"; when = { any = { kind = \"iq\"; }; }; action = \"reject\"; },", "wants a list of groups" },
    { "{ id = 25; name = \"a\"; when = { rate = { above = 3; }; }; action = \"throttle\"; },", "wants both" },
    { "{ id = 26; name = \"a\"; action = \"throttle\"; },", "needs the condition \"rate\"" },
    { "{ id = 27; name = \"a\"; when = { time = { days = \"monday\"; }; }; action = \"reject\"; },", "is no day" },
    { "{ id = 28; name = \"a\"; when = { uninspectable = \"yes\"; }; action = \"reject\"; },", "true or false" },
    { "{ id = 29; name = \"a\"; severity = \"hgih\"; action = \"reject\"; },", "did you mean \"high\"" },
    { "{ id = 30; name = \"a\"; when = { hidden = \"bibi\"; }; action = \"reject\"; },", "is not known here" },
    { "{ id = 31; name = \"a\"; action = \"release\"; tests = ( { stanza = \"x\"; expect = \"relese\"; } ); },", "did you mean \"release\"" },
    { "{ id = 4294967297; name = \"a\"; action = \"release\"; },", "4294967297" },
    { "{ id = 33; name = \"a\"; when = [ \"x\" ]; action = \"release\"; },", "conditions stand in a group" },
    { "{ id = 35; name = \"a\"; action = \"answer\"; },", "\"answers\" go together" },
    { "{ id = 36; name = \"a\"; action = \"answer\"; answers = { verison = { name = \"L\"; version = \"1\"; }; }; },", "did you mean \"version\"" },
    { "{ id = 37; name = \"a\"; action = \"answer\"; answers = { version = { name = \"L\"; }; }; },", "\"version\" is missing" },
    { "{ id = 38; name = \"a\"; action = \"answer\"; answers = { time = \"+15:00\"; }; },", "is no offset" },
    { "{ id = 39; name = \"a\"; action = \"answer\"; answers = { ping = false; }; },", "is empty" },
    { "{ id = 40; name = \"a\"; action = \"release\"; answers = { ping = true; }; },", "\"answers\" go together" },
    { "{ id = 41; name = \"a\"; when = { from_like = \"a@b.example\"; }; action = \"release\"; },", "has neither * nor ?" },
    { "{ id = 42; name = \"a\"; when = { to_is = \"person\"; }; action = \"release\"; },", "no sort of address" },
    { "{ id = 43; name = \"a\"; when = { room = \"a@b.example/nick\"; }; action = \"release\"; },", "a room is written" },
    { "{ id = 44; name = \"a\"; when = { operation = \"publsh\"; }; action = \"release\"; },", "did you mean \"publish\"" },
    { "{ id = 45; name = \"a\"; when = { value = { is = \"x\"; }; }; action = \"release\"; },", "wants \"path\"" },
    { "{ id = 46; name = \"a\"; when = { value = { path = \"urn:x\"; ist = \"x\"; }; }; action = \"release\"; },", "is not known here" },
    { "{ id = 47; name = \"a\"; when = { date = { from = \"2027-02-02\"; to = \"2027-02-01\"; }; }; action = \"release\"; },", "ends before it begins" },
    { "{ id = 48; name = \"a\"; when = { crosses = \"good\"; }; action = \"release\"; },", "two lists at least" },
    { "{ id = 49; name = \"a\"; when = { rate = { above = 1; per = \"1s\"; by = [ \"from\", \"frm\" ]; }; }; action = \"throttle\"; },", "did you mean \"from\"" },
    { "{ id = 50; name = \"a\"; when = { node_list = [ \"a\" ]; }; action = \"release\"; },", "wants the name of a list" },
    { "{ id = 141; name = \"a\"; kind = \"message\"; type = [ \"chat\", \"error\" ]; action = \"hold\"; },", "can be held: their senders" },
    { "{ id = 142; name = \"a\"; kind = \"message\"; when = { from_room = true; }; action = \"hold\"; },", "can be held: their senders" },
    { "{ id = 143; name = \"a\"; direction = \"high-to-low\"; action = \"rewrite\"; },", "\"rewrite\" go together" },
    { "{ id = 144; name = \"a\"; action = \"rewrite\"; rewrite = { resources = [ \"high.example\" ]; }; },", "needs the direction" },
    { "{ id = 145; name = \"a\"; direction = \"high-to-low\"; kind = \"message\"; action = \"rewrite\"; rewrite = { resources = [ \"h.example\" ]; }; },", "only from_domain and to_domain" },
    { "{ id = 146; name = \"a\"; direction = \"high-to-low\"; action = \"rewrite\"; rewrite = { resources = [ \"a@h.example\" ]; }; },", "is no domain" },
    { "{ id = 147; name = \"a\"; direction = \"high-to-low\"; action = \"rewrite\"; rewrite = { resorces = [ \"h.example\" ]; }; },", "did you mean \"resources\"" },
    { "{ id = 148; name = \"a\"; kind = \"presence\"; action = \"fold\"; },", "\"shows\" go together" },
    { "{ id = 149; name = \"a\"; action = \"fold\"; shows = [ ]; },", "only presence is folded" },
    { "{ id = 150; name = \"a\"; kind = \"presence\"; action = \"fold\"; shows = [ \"sttus\" ]; },", "did you mean \"status\"" },
    { "{ id = 151; name = \"a\"; when = { yara_severity = \"hgih\"; }; action = \"reject\"; },", "did you mean \"high\"" },
    { "{ id = 152; name = \"a\"; when = { yara_severity = [ \"low\", \"high\" ]; }; action = \"reject\"; },", "one word is enough" },
    { "{ id = 153; name = \"a\"; when = { yara_action = \"rejct\"; }; action = \"reject\"; },", "did you mean \"reject\"" },
    { "{ id = 154; name = \"a\"; when = { yara_id = \"5001\"; }; action = \"reject\"; },", "a whole number" },
    { "{ id = 155; name = \"a\"; when = { yara_id = [ ]; }; action = \"reject\"; },", "the list is empty" },
    { "{ id = 34; name = \"right\"; action = \"release\"; }", NULL },
    { ");", NULL } };

static const struct line profile[] = {
    { "title = \"t\";", NULL },
    { "elements = (", NULL },
    { "{ element = \"body\"; in = [ \"message\" ]; },", "written \"{namespace}name\"" },
    { "{ element = \"{urn:a}a\"; },", "\"in\" is missing" },
    { "{ element = \"{urn:a}b\"; in = [ \"mesage\" ]; },", "no kind of stanza" },
    { "{ element = \"{urn:a}c\"; in = [ \"iq\" ]; text = \"nubmer\"; },", "did you mean \"number\"" },
    { "{ element = \"{urn:a}d\"; in = [ \"iq\" ]; attributes = [ \"node\" ]; },", "name and form" },
    { "{ element = \"{urn:a}e\"; in = [ \"iq\" ]; attributes = [ \"node any:x\" ]; },", "longest value" },
    { "{ element = \"{urn:a}f\"; in = [ \"iq\" ]; },", NULL },
    { "{ element = \"{urn:a}f\"; in = [ \"iq\", \"message\" ]; },", "named twice" },
    { "{ element = \"{urn:a}g\"; in = [ \"iq\" ]; childen = ( ); }", "childen" },
    { ");", NULL } };

static const struct line list[] = {
    { "# people", NULL },
    { "a@b.example   # fine", NULL },
    { "not an address", "is no address" },
    { "a@@b", "is no address" },
    { "\xff\xfe", "is no address" } };

static void write_lines(const char *name, const struct line *v, size_t n)
{
    static char text[65536];
    text[0] = 0;
    for (size_t i = 0; i < n; i++) {
        strcat(text, v[i].text);
        strcat(text, "\n");
    }
    help_file(name, text);
}

static bool ends(const char *s, const char *end)
{
    return s && strlen(s) >= strlen(end) && !strcmp(s + strlen(s) - strlen(end), end);
}

static void check(const struct conf_errors *e, const char *file, const struct line *v, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        size_t on_line = 0, right = 0;
        for (size_t k = 0; k < e->n; k++)
            if (ends(e->v[k].file, file) && e->v[k].line == i + 1 && e->v[k].severity == CONF_ERROR) {
                on_line++;
                right += v[i].want && strstr(e->v[k].text, v[i].want);
                if (!v[i].want || !strstr(e->v[k].text, v[i].want))
                    diag("%s:%zu: %s", file, i + 1, e->v[k].text);
            }
        ok(v[i].want ? right == 1 && on_line == 1 : on_line == 0, "%s:%zu: %s", file, i + 1, v[i].want ? v[i].want : "right");
    }
}

int main(void)
{
    struct conf_errors errs;
    struct policy *p = NULL;
    if (!ok(help_begin(), "a rules folder"))
        return done_testing();
    help_file("main.rules", "profiles = [ \"test\", \"bad\" ];\nfiles = [ \"bad.rules\" ];\nrules = ( { id = 900; name = \"l\"; when = { to_list = \"bad\"; }; action = \"release\"; } );\n");
    write_lines("bad.rules", rules, sizeof rules / sizeof *rules);
    write_lines("profiles/bad.conf", profile, sizeof profile / sizeof *profile);
    write_lines("lists/bad.list", list, sizeof list / sizeof *list);
    help_file("lists/good.list", "a@b.example\n");
    conf_errors_init(&errs);
    ok(policy_load(help_dir, 1700000000000, &p, &errs) == GW_ERR(CONF) && !p, "nothing is loaded");
    check(&errs, "/bad.rules", rules, sizeof rules / sizeof *rules);
    check(&errs, "/profiles/bad.conf", profile, sizeof profile / sizeof *profile);
    check(&errs, "/lists/bad.list", list, sizeof list / sizeof *list);
    conf_errors_clear(&errs);
    static const struct line broken[] = { { "profiles = [ \"nowhere\" ];", "nowhere" } };
    write_lines("main.rules", broken, 1);
    conf_errors_init(&errs);
    ok(policy_load(help_dir, 1700000000000, &p, &errs) == GW_ERR(CONF) && errs.n_errors == 1, "a profile that is not there is one mistake");
    conf_errors_clear(&errs);
    help_file("main.rules", "profiles = [ \"test\" ;\n");
    conf_errors_init(&errs);
    ok(policy_load(help_dir, 1700000000000, &p, &errs) == GW_ERR(CONF) && errs.n && errs.v[0].line == 1, "a file that is no libconfig has a line, too");
    conf_errors_clear(&errs);
    help_end();
    return done_testing();
}
