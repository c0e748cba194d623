// link: policy xmpp record ipc base
// libs: -lexpat -lcrypto -licuuc -licudata -lconfig
/* SPDX-License-Identifier: GPL-3.0-or-later
 * Label files full of mistakes, of form and of meaning: each is named, once, with its own file and line and what it might have been, in one
 * pass with those of the rules; and nothing is loaded. What can be read but hardly be meant is a warning. */
#include "policy_help.h"

/* Each line stands for itself; `want` is part of the message that must name this line, NULL: no mistake on it. */
struct line { const char *text, *want; };

#define LEVELS " classifications = ( { name = \"OPEN\"; value = 1; }, { name = \"SHUT\"; value = 4; } );"
static const struct line policies[] = {
    { "policies = (", NULL },
    { "{ name = \"NEAR\"; oid = \"1.1\"; uri = \"urn:near\";", NULL },
    { "classifications = (", NULL },
    { "{ name = \"OPEN\"; value = 1; unstated = true; },", NULL },
    { "{ name = \"SHUT\"; value = 4; },", NULL },
    { "{ name = \"SHUT\"; value = 5; },", "\"SHUT\" stands twice" },
    { "{ name = \"DEEP\"; value = 4; },", "have the same number" },
    { "{ name = \"MUD\"; value = 9; unstated = true; },", "both \"unstated\"" },
    { "{ name = \"WIDE\"; value = 257; },", "256" },
    { "{ name = \"ODD\"; valeu = 6; },", "did you mean \"value\"" },
    { "{ value = 7; },", "\"name\" is missing" },
    { "{ name = \"TEXT\"; value = \"8\"; } );", "number" },
    { "categories = (", NULL },
    { "{ tag = \"Need\"; type = \"restrictive\"; oid = \"1.1.1\"; values = ( { name = \"A\"; value = 0; }, { name = \"AA\"; value = 1; } ); },", NULL },
    { "{ tag = \"One\"; type = \"permissive\"; oid = \"1.1.2\"; encoding = \"enumerated\"; values = ( { name = \"B\"; }, { name = \"C\"; } ); },", NULL },
    { "{ tag = \"Need\"; type = \"restrictive\"; values = ( { name = \"Z\"; } ); },", "\"Need\" stand twice" },
    { "{ tag = \"Kin\"; type = \"restrictiv\"; values = ( { name = \"Z\"; } ); },", "did you mean \"restrictive\"" },
    { "{ tag = \"No/Slash\"; type = \"permissive\"; values = ( { name = \"Z\"; } ); },", "no \"/\"" },
    { "{ tag = \"Oid\"; type = \"permissive\"; oid = \"1.one\"; values = ( { name = \"Z\"; } ); },", "no object identifier" },
    { "{ tag = \"Same\"; type = \"permissive\"; oid = \"1.1.1\"; values = ( { name = \"Z\"; } ); },", "have the same oid" },
    { "{ tag = \"Enc\"; type = \"permissive\"; encoding = \"bit\"; values = ( { name = \"Z\"; } ); },", "did you mean \"bits\"" },
    { "{ tag = \"Void\"; type = \"permissive\"; values = ( ); },", "values" },
    { "{ tag = \"Bits\"; type = \"restrictive\"; values = ( { name = \"Z\"; value = 2000; } ); },", "numbered up to 1023" },
    { "{ tag = \"Twin\"; type = \"restrictive\"; values = ( { name = \"Z\"; }, { name = \"Z\"; } ); } );", "\"Z\" stands twice" },
    { "equivalents = (", NULL },
    { "{ policy = \"FAAR\"; classifications = ( { from = \"OPEN\"; to = \"GREEN\"; } ); },", "did you mean \"FAR\"" },
    { "{ policy = \"NEAR\"; classifications = ( { from = \"OPEN\"; to = \"OPEN\"; } ); },", "no equivalents in itself" },
    { "{ policy = \"FAR\"; classifications = ( { from = \"OPEN\"; to = \"GREEN\"; },", NULL },
    { "{ from = \"OPNE\"; to = \"GREEN\"; },", "did you mean \"OPEN\"" },
    { "{ from = \"SHUT\"; to = \"AMBRE\"; },", "did you mean \"AMBER\"" },
    { "{ from = \"OPEN\"; to = \"AMBER\"; },", "two equivalents" },
    { "{ form = \"SHUT\"; from = \"SHUT\"; to = \"AMBER\"; } );", "did you mean \"from\"" },
    { "categories = (", NULL },
    { "{ from = \"Need/AAA\"; to = \"Wide/X\"; },", "there is no category \"AAA\"" },
    { "{ from = \"Nead/A\"; to = \"Wide/X\"; },", "did you mean \"Need\"" },
    { "{ from = \"A\"; to = \"Wide/X\"; },", "written \"Tag/VALUE\"" },
    { "{ from = \"Need/A\"; to = \"Wide/X\"; },", "not of the same type" },
    { "{ from = \"One/B\"; to = \"Wide/X\"; },", NULL },
    { "{ from = \"One/C\"; to = \"Other/Y\"; } ); } ); },", "one permissive tag here is one there" },
    { "{ name = \"FAR\"; classifications = ( { name = \"GREEN\"; }, { name = \"AMBER\"; } );", NULL },
    { "categories = ( { tag = \"Wide\"; type = \"permissive\"; values = ( { name = \"X\"; } ); }, { tag = \"Other\"; type = \"permissive\"; values = ( { name = \"Y\"; } ); } ); },", NULL },
    { "{ name = \"OTHER\"; oid = \"1.1\";" LEVELS " },", "same name, oid or uri" },
    { "{ name = \"UPSIDE\";" LEVELS, NULL },
    { "equivalents = ( { policy = \"FAR\"; classifications = ( { from = \"OPEN\"; to = \"AMBER\"; }, { from = \"SHUT\"; to = \"GREEN\"; } ); } ); },", "is below" },
    { "{ name = \"EMPTY\"; }", "\"classifications\" is missing" },
    { ");", NULL } };

static const struct line people[] = {
    { "clearances = (", NULL },
    { "{ who = [ \"a@high.example\" ]; policy = \"NEAR\"; upto = \"SHUT\"; categories = [ \"Need/*\" ]; },", NULL },
    { "{ who = [ \"b@high.example\" ]; policy = \"NEER\"; upto = \"SHUT\"; },", "did you mean \"NEAR\"" },
    { "{ who = [ \"b@high.example\" ]; policy = \"NEAR\"; upto = \"SHTU\"; },", "did you mean \"SHUT\"" },
    { "{ who = [ \"b@high.example\" ]; policy = \"NEAR\"; classifications = [ \"OPEM\" ]; },", "did you mean \"OPEN\"" },
    { "{ who = [ \"b@high.example\" ]; policy = \"NEAR\"; },", "either \"upto\" or \"classifications\"" },
    { "{ who = [ \"b@high.example\" ]; policy = \"NEAR\"; upto = \"SHUT\"; classifications = [ \"OPEN\" ]; },", "either \"upto\" or \"classifications\"" },
    { "{ who = [ \"b@high.example\" ]; policy = \"NEAR\"; upto = \"SHUT\"; categories = [ \"Need/Q\" ]; },", "there is no category \"Q\"" },
    { "{ who = [ \"b@@high\" ]; policy = \"NEAR\"; upto = \"SHUT\"; },", "is not an address" },
    { "{ policy = \"NEAR\"; upto = \"SHUT\"; },", "for somebody" },
    { "{ lists = \"nowhere\"; policy = \"NEAR\"; upto = \"SHUT\"; },", "there is no list" },
    { "{ who = [ \"b@high.example\" ]; upto = \"SHUT\"; },", "\"policy\" is missing" },
    { "{ who = [ \"b@high.example\" ]; policy = \"NEAR\"; uptoo = \"SHUT\"; }", "did you mean \"upto\"" },
    { ");", NULL },
    { "defaults = (", NULL },
    { "{ from = [ \"high.example\" ]; policy = \"NEAR\"; classification = \"OPEN\"; },", NULL },
    { "{ policy = \"NEAR\"; classification = \"OPEN\"; },", "for something" },
    { "{ from = [ \"high.example\" ]; policy = \"NEAR\"; classification = \"OPNE\"; },", "did you mean \"OPEN\"" },
    { "{ from = [ \"high.example\" ]; policy = \"NEAR\"; classification = \"OPEN\"; categories = [ \"Need/*\" ]; },", "there is no category \"*\"" },
    { "{ room = [ \"r@rooms.example/nick\" ]; policy = \"NEAR\"; classification = \"OPEN\"; },", "without a nickname" },
    { "{ form = [ \"high.example\" ]; policy = \"NEAR\"; classification = \"OPEN\"; }", "did you mean \"from\"" },
    { ");", NULL },
    { "pairs = (", NULL },
    { "{ between = [ \"high.example\", \"low.example\" ]; clearances = ( { policy = \"NEAR\"; upto = \"SHUT\"; } ); },", NULL },
    { "{ between = [ \"high.example\" ]; clearances = ( { policy = \"NEAR\"; upto = \"SHUT\"; } ); },", "between" },
    { "{ between = [ \"a@high.example\", \"low.example\" ]; clearances = ( { policy = \"NEAR\"; upto = \"SHUT\"; } ); },", "wants two domains" },
    { "{ between = [ \"high.example\", \"low.example\" ]; clearances = ( { policy = \"NEAR\"; upto = \"SHUT\"; }, { policy = \"NEAR\"; upto = \"OPEN\"; } ); },", "in that policy already" },
    { "{ between = [ \"high.example\", \"low.example\" ]; clearances = ( ); },", "clearances" },
    { "{ between = [ \"high.example\", \"low.example\" ]; items = \"withold\"; clearances = ( { policy = \"NEAR\"; upto = \"SHUT\"; } ); },", "did you mean \"withhold\"" },
    { "{ between = [ \"high.example\", \"low.example\" ]; clearances = ( { policy = \"NEAR\"; upto = \"SHUTT\"; } ); }", "did you mean \"SHUT\"" },
    { ");", NULL } };

static const struct line rules[] = {
    { "rules = (", NULL },
    { "{ id = 1; name = \"a\"; when = { label = { policy = \"NEAR\"; at_least = \"SHTU\"; }; }; action = \"reject\"; },", "did you mean \"SHUT\"" },
    { "{ id = 2; name = \"a\"; when = { label_missing = \"yes\"; }; action = \"reject\"; },", "true or false" },
    { "{ id = 3; name = \"a\"; action = \"relabel\"; label = { policy = \"FA\"; }; },", "did you mean \"FAR\"" },
    { "{ id = 4; name = \"a\"; action = \"relabel\"; label = { policy = \"FAR\"; form = \"ess\"; }; },", "cannot be written as ESS" },
    { "{ id = 5; name = \"a\"; action = \"relabel\"; label = { policy = \"FAR\"; form = \"plane\"; }; }", "allowed: \"plain\"" },
    { ");", NULL } };

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

/* ---- what can hardly be meant ---- */

static const struct warning { const char *name, *people, *want; unsigned line; } warnings[] = {
    { "a pair without a default for one side", "defaults = ( { from = [ \"high.example\" ]; policy = \"FAR\"; classification = \"GREEN\"; } );\n"
        "pairs = ( { between = [ \"high.example\", \"low.example\" ]; clearances = ( { policy = \"FAR\"; upto = \"AMBER\"; } ); } );\n", "no default for what \"low.example\" sends", 2 },
    { "a clearance behind one that names the same", "clearances = ( { who = [ \"high.example\" ]; policy = \"FAR\"; upto = \"GREEN\"; },\n"
        "{ who = [ \"a@high.example\" ]; policy = \"FAR\"; upto = \"AMBER\"; } );\n", "never holds", 2 } };

static void run_warnings(void)
{
    help_file("labels/far.conf", "policies = ( { name = \"FAR\"; classifications = ( { name = \"GREEN\"; }, { name = \"AMBER\"; } ); } );\n");
    help_file("main.rules", "profiles = [ \"test\" ];\nlabels = [ \"far\", \"people\" ];\nrules = ( { id = 1; name = \"r\"; action = \"release\"; } );\n");
    for (size_t i = 0; i < sizeof warnings / sizeof *warnings; i++) {
        struct conf_errors errs;
        struct policy *p = NULL;
        bool found = false;
        conf_errors_init(&errs);
        help_file("labels/people.conf", warnings[i].people);
        int rc = policy_load(help_dir, 1700000000000, &p, &errs);
        if (!rc)
            policy_lint(p, 1700000000000, &errs);
        for (size_t k = 0; k < errs.n; k++)
            found |= errs.v[k].severity == CONF_WARNING && errs.v[k].line == warnings[i].line && strstr(errs.v[k].text, warnings[i].want);
        ok(!rc && found, "a warning: %s", warnings[i].name);
        conf_errors_clear(&errs);
        policy_free(p);
    }
}

/* A file that is not there, or cannot be parsed, is one mistake: not also everything that names what it would have said. */
static void run_unread(void)
{
    static const char *const first[] = { NULL, "policies = ( { name = \"FAR\" } );\npolicies = 1" };
    for (size_t i = 0; i < 2; i++) {
        struct conf_errors errs;
        struct policy *p = NULL;
        char path[128];
        conf_errors_init(&errs);
        snprintf(path, sizeof path, "%s/labels/far.conf", help_dir);
        if (first[i])
            help_file("labels/far.conf", first[i]);
        else
            ok(unlink(path) == 0, "the file is gone");
        ok(policy_load(help_dir, 1700000000000, &p, &errs) == GW_ERR(CONF) && errs.n_errors == 1, "%s is one mistake", first[i] ? "a file that is no libconfig" : "a missing file");
        conf_errors_clear(&errs);
    }
}

int main(void)
{
    struct conf_errors errs;
    struct policy *p = NULL;
    if (!ok(help_begin(), "a rules folder"))
        return done_testing();
    help_file("main.rules", "profiles = [ \"test\" ];\nlabels = [ \"bad\", \"people\" ];\nfiles = [ \"bad.rules\" ];\n");
    write_lines("labels/bad.conf", policies, sizeof policies / sizeof *policies);
    write_lines("labels/people.conf", people, sizeof people / sizeof *people);
    write_lines("bad.rules", rules, sizeof rules / sizeof *rules);
    conf_errors_init(&errs);
    ok(policy_load(help_dir, 1700000000000, &p, &errs) == GW_ERR(CONF) && !p, "nothing is loaded");
    check(&errs, "/labels/bad.conf", policies, sizeof policies / sizeof *policies);
    check(&errs, "/labels/people.conf", people, sizeof people / sizeof *people);
    check(&errs, "/bad.rules", rules, sizeof rules / sizeof *rules);
    conf_errors_clear(&errs);
    run_warnings();
    run_unread();
    help_end();
    return done_testing();
}
