// link: policy xmpp record ipc base
// libs: -lexpat -lcrypto -licuuc -licudata -lconfig
/* SPDX-License-Identifier: GPL-3.0-or-later
 * With a rules folder: judges each line of standard input, a stanza, and prints the reason code of its verdict; tests/tools/test_labels.py
 * holds the answers against a model of its own. Without: that the labels of ESS, plain and STANAG form are written as they are read, for
 * every label of a policy. */
#include "../../gw/policy/label.h"
#include "policy_help.h"

/* ---- answers for the model ---- */

static int answer_all(const char *dir)
{
    static char line[1 << 16];
    struct conf_errors errs;
    struct policy *p = NULL;
    conf_errors_init(&errs);
    if (jid_init() || policy_load(dir, 1700000000000, &p, &errs)) {
        conf_errors_print(&errs, stderr);
        return 1;
    }
    conf_errors_clear(&errs);
    struct pol_eval *e = pol_eval_new(p, NULL);
    while (e && fgets(line, sizeof line, stdin)) {
        struct rec *r = help_stanza(line);
        struct pol_facts facts = { .from_side = GW_HIGH, .now_ms = 1700000000000 };
        if (!r || pol_begin(e, r, &facts) != POL_DONE)
            return 1;
        const struct pol_verdict *v = pol_verdict(e);
        puts(v->verdict == GW_V_RELEASE ? "release" : gw_reason_code(v->reason));
        rec_free(r);
    }
    pol_eval_free(e);
    policy_free(p);
    jid_finish();
    return 0;
}

/* ---- every label, written and read ---- */

static const char labels[] = "policies = ( { name = \"P\"; oid = \"2.999.1\"; uri = \"urn:p\";\n"
    "classifications = ( { name = \"LOW\"; value = 0; }, { name = \"MID\"; value = 127; }, { name = \"TOP\"; value = 256; } );\n"
    "categories = ( { tag = \"Need\"; type = \"restrictive\"; oid = \"2.999.1.1\"; values = ( { name = \"A\"; value = 0; }, { name = \"B\"; value = 9; } ); },\n"
    "{ tag = \"One\"; type = \"permissive\"; oid = \"2.999.1.70000\"; encoding = \"enumerated\"; values = ( { name = \"C\"; value = 127; }, { name = \"D\"; value = 128; },"
    " { name = \"E\"; value = 65535; } ); },\n"
    "{ tag = \"Say\"; type = \"informative\"; oid = \"2.999.1.3\"; encoding = \"enumerated\"; values = ( { name = \"F\"; value = 0; } ); } ); } );\n";

static struct rec *written(const struct label *l, enum label_form form)
{
    struct rec_limits limits = REC_HARD_LIMITS;
    struct rec *r = rec_new(&limits);
    if (r && !rec_head(r, REC_MESSAGE, STR_NONE, STR_NONE, STR_NONE) && !rec_address(r, STR("a@high.example"), STR("b@low.example"), STR_NONE, STR_NONE) &&
        !rec_pair(r, STR("high.example"), STR("low.example")) && !rec_open(r, STR("jabber:server"), STR("message")) && !label_write(r, l, form) &&
        !rec_close(r) && !rec_seal(r))
        return r;
    rec_free(r);
    return NULL;
}

static bool same_again(const struct labels *all, const struct label *l, enum label_form form)
{
    struct rec *r = written(l, form);
    struct label_unit u = { 0 };
    const char *why = NULL;
    bool same = r && label_element(all, r, 1, &u, &why) == LABEL_READ && label_equal(&u.label, l) && u.form == form && label_marking_is(&u.label, u.marking);
    if (!same)
        diag("form %d, level %u, values %llx: %s", form, l->level, (unsigned long long)l->values.w[0], why ? why : "not written");
    rec_free(r);
    return same;
}

static void every_label(void)
{
    struct policy *p = NULL;
    struct conf_errors errs;
    conf_errors_init(&errs);
    help_file("labels/p.conf", labels);
    help_file("main.rules", "profiles = [ \"test\" ]; labels = [ \"p\" ];");
    if (!ok(!policy_load(help_dir, 1, &p, &errs), "a policy of labels loads"))
        conf_errors_print(&errs, stdout);
    for (int form = LABEL_PLAIN; p && form <= LABEL_STANAG; form++) {
        unsigned good = 0;
        for (unsigned level = 0; level < 3; level++)
            for (unsigned bits = 0; bits < 64; bits++) {
                struct label l = { .policy = p->labels->policies, .level = level, .values = { { bits } } };
                good += same_again(p->labels, &l, (enum label_form)form);
            }
        ok(good == 192, "all 192 labels are read as they were written, form %d", form);
    }
    conf_errors_clear(&errs);
    policy_free(p);
}

int main(int argc, char **argv)
{
    if (argc == 2)
        return answer_all(argv[1]);
    if (!help_begin())
        return 1;
    every_label();
    help_end();
    return done_testing();
}
