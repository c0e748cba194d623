// link: policy xmpp record ipc base
// libs: -lexpat -lcrypto -licuuc -licudata -lconfig
/* SPDX-License-Identifier: GPL-3.0-or-later
 * Rules that are right in form and wrong in thought: which rules are warned about. */
#include "policy_help.h"

#define TEST " tests = ( { stanza = \"a\"; expect = \"release\"; } );"
#define LAST "{ id = 2; name = \"b\"; kind = \"message\"; type = \"chat\"; when = { from = \"a@high.example\"; text = \"x\"; }; action = \"reject\"; }"

static const struct row { const char *name, *rules, *want; } rows[] = {
    { "nothing is wrong", LAST, NULL },
    { "behind a rule about everything", "{ id = 1; name = \"a\"; action = \"drop\"; }," LAST, "rule 2 can never fire" },
    { "behind the same kind", "{ id = 1; name = \"a\"; kind = [ \"message\", \"iq\" ]; action = \"drop\"; }," LAST, "rule 2 can never fire" },
    { "another kind before it", "{ id = 1; name = \"a\"; kind = \"iq\"; action = \"drop\"; }," LAST, NULL },
    { "one direction does not cover both", "{ id = 1; name = \"a\"; direction = \"high-to-low\"; action = \"drop\"; }," LAST, NULL },
    { "behind its domain", "{ id = 1; name = \"a\"; when = { from = \"high.example\"; }; action = \"drop\"; }," LAST, "rule 2 can never fire" },
    { "behind another of its domain", "{ id = 1; name = \"a\"; when = { from = \"b@high.example\"; }; action = \"drop\"; }," LAST, NULL },
    { "behind the same text", "{ id = 1; name = \"a\"; when = { text = \"x\"; }; action = \"drop\"; }," LAST, "rule 2 can never fire" },
    { "behind more types", "{ id = 1; name = \"a\"; type = [ \"normal\", \"chat\" ]; action = \"drop\"; }," LAST, "rule 2 can never fire" },
    { "behind another condition", "{ id = 1; name = \"a\"; type = \"chat\"; when = { size_above = \"1KiB\"; }; action = \"drop\"; }," LAST, NULL },
    { "behind a rule that only notes", "{ id = 1; name = \"a\"; action = \"alert\"; }," LAST, NULL },
    { "behind a rule that is switched off", "{ id = 1; name = \"a\"; enabled = false; action = \"drop\"; }," LAST, NULL },
    { "a release rule without a test", "{ id = 1; name = \"a\"; kind = \"iq\"; action = \"release\"; }", "has no test" },
    { "a release rule with a test", "{ id = 1; name = \"a\"; kind = \"iq\"; action = \"release\";" TEST " }", NULL },
    { "a release before a rule that looks at text", "{ id = 1; name = \"a\"; when = { from = \"a@high.example/x\"; }; action = \"release\";" TEST " }," LAST,
        "rule 1 releases before rule 2" },
    { "a release by a word before another word", "{ id = 1; name = \"a\"; when = { word = \"y\"; }; action = \"release\";" TEST " }," LAST, "rule 1 releases before rule 2" },
    { "a release before a redaction", "{ id = 1; name = \"a\"; type = \"chat\"; action = \"release\";" TEST " }, { id = 2; name = \"b\"; kind = \"message\"; "
        "when = { dlp = \"*\"; }; action = \"redact\"; }", "rule 1 releases before rule 2" },
    { "a release that has looked itself", "{ id = 1; name = \"a\"; when = { not = { text = \"x\"; }; }; action = \"release\";" TEST " }," LAST, NULL },
    { "a release behind", LAST ", { id = 3; name = \"c\"; kind = \"message\"; action = \"release\";" TEST " }", NULL },
    { "a release of another kind", "{ id = 1; name = \"a\"; kind = \"iq\"; action = \"release\";" TEST " }," LAST, NULL },
    { "a release of another type", "{ id = 1; name = \"a\"; type = [ \"error\", \"normal\" ]; action = \"release\";" TEST " }," LAST, NULL },
    { "a release of another sender", "{ id = 1; name = \"a\"; when = { from = \"b@high.example\"; }; action = \"release\";" TEST " }," LAST, NULL },
    { "a release of whom the other leaves out", "{ id = 1; name = \"a\"; when = { from = \"b@high.example\"; }; action = \"release\";" TEST " }, { id = 2; name = \"b\"; "
        "when = { text = \"x\"; not = { from = \"b@high.example\"; }; }; action = \"reject\"; }", NULL },
    { "a release before a rule that only notes", "{ id = 1; name = \"a\"; type = \"chat\"; action = \"release\";" TEST " }, { id = 2; name = \"b\"; "
        "when = { text = \"x\"; }; action = \"alert\"; }", NULL },
    { "a rule that ends soon", "{ id = 1; name = \"a\"; kind = \"iq\"; action = \"drop\"; expires = \"2023-11-20\"; }", "ends within 14 days" },
    { "a payload that no profile names", "{ id = 1; name = \"a\"; when = { payload = \"urn:nowhere\"; }; action = \"drop\"; }", "no profile in force names" },
    { "a payload that one names", "{ id = 1; name = \"a\"; when = { payload = \"urn:x\"; element = \"{urn:x}leaf\"; }; action = \"drop\"; }", NULL },
    { "a payload that stands in other kinds only", "{ id = 1; name = \"a\"; kind = \"message\"; when = { payload = \"urn:xmpp:ping\"; }; action = \"drop\"; }",
        "in other kinds of stanzas only" },
    { "taking out what is gone already", "{ id = 1; name = \"a\"; action = \"strip\"; elements = [ \"urn:nowhere\" ]; }", "is gone before any rule looks" },
    { "taking out what may be there", "{ id = 1; name = \"a\"; action = \"strip\"; elements = [ \"{urn:x}leaf\" ]; }", NULL },
    { "a profile of which no rule releases a request", "{ id = 1; name = \"a\"; kind = \"iq\"; type = \"get\"; when = { payload = [ \"urn:x\", "
        "\"http://jabber.org/protocol/pubsub\" ]; }; action = \"release\";" TEST " }", "lets {urn:xmpp:ping}ping in, and no rule releases" },
    { "as received it may be there", "{ id = 1; name = \"a\"; when = { received = \"urn:nowhere\"; }; action = \"drop\"; }", NULL },
};

int main(void)
{
    if (!ok(help_begin(), "a rules folder"))
        return done_testing();
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct conf_errors errs;
        struct policy *p = help_load(rows[i].rules);
        conf_errors_init(&errs);
        if (p)
            policy_lint(p, 1700000000000, &errs);
        bool good = p && !errs.n_errors && (rows[i].want ? errs.n == 1 && strstr(errs.v[0].text, rows[i].want) : errs.n == 0);
        ok(good, "%s", rows[i].name);
        for (size_t k = 0; k < errs.n && !good; k++)
            diag("%s", errs.v[k].text);
        conf_errors_clear(&errs);
        policy_free(p);
    }
    struct conf_errors errs;
    help_file("lists/lonely.list", "a@b.example\n");
    struct policy *p = help_load(LAST);
    conf_errors_init(&errs);
    if (p)
        policy_lint(p, 0, &errs);
    ok(errs.n == 1 && strstr(errs.v[0].file, "lonely.list"), "a list that no rule uses");
    conf_errors_clear(&errs);
    policy_free(p);
    help_end();
    return done_testing();
}
