/* SPDX-License-Identifier: GPL-3.0-or-later
 * `lockgate test`: the tests that stand in the rules, each run through the whole set. */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "stanza_file.h"
#include "verbs.h"

static const char usage[] =
    "usage: lockgate test [-c CONF | --rules DIR] [-v]\n"
    "\n"
    "Runs the tests that stand in the rules, and the examples of the detectors. Each stanza goes through the whole set.\n"
    "Tests of a rule that is switched off (enabled = false) or has expired are skipped, and counted as such.\n"
    "\n"
    "  -v             name also the tests that pass\n"
    "  --rules DIR    these rules, without a configuration\n"
    "  -c CONF        the configuration (default " CTL_CONF_DEFAULT ")\n"
    "\n"
    "Exit status: 0 all pass, 1 some do not, 2 wrong usage, 78 wrong configuration or rules.\n";

struct run { struct rules_place place; struct judge *j; int64_t now; bool all; size_t passed, failed, off, expired; };

__attribute__((format(printf, 4, 5))) static bool wrong(const struct pol_test *t, uint32_t rule, bool *said, const char *fmt, ...)
{
    va_list ap;
    if (!*said)
        printf("%s:%u: rule %u: %s\n", t->where.file ? t->where.file : "?", t->where.line, rule, t->stanza);
    *said = true;
    va_start(ap, fmt);
    printf("    ");
    vprintf(fmt, ap);
    putchar('\n');
    va_end(ap);
    return false;
}

static void print_ids(const char *what, const uint32_t *v, size_t n)
{
    printf("    %s", what);
    for (size_t i = 0; i < n; i++)
        printf(" %u", v[i]);
    printf("%s\n", n ? "" : " none");
}

static bool check_acted(const struct pol_test *t, uint32_t rule, const struct pol_verdict *v, bool *said)
{
    bool same = !t->has_acted || t->acted.n == v->n_matched;
    for (size_t i = 0; same && t->has_acted && i < v->n_matched; i++)
        same = t->acted.v[i] == v->matched[i];
    if (same)
        return true;
    (void)wrong(t, rule, said, "other rules held than expected");
    print_ids("held:", v->matched, v->n_matched);
    return false;
}

static bool check_output(struct run *r, const struct pol_test *t, uint32_t rule, const struct pol_verdict *v, bool *said)
{
    const char *why;
    if (!t->output)
        return true;
    const struct rec *out = v->reply ? v->reply : v->out;
    if (!out)
        return wrong(t, rule, said, "nothing leaves, but an output is expected");
    struct rec *want = stanza_read(t->output, &r->place, &why);
    if (!want)
        return wrong(t, rule, said, "%s: this is no stanza: %s", t->output, why);
    bool same = rec_equal(want, out);
    if (!same) {
        char *a = stanza_xml(out), *b = stanza_xml(want);
        (void)wrong(t, rule, said, "something else leaves than expected");
        printf("    leaves:   %s\n    expected: %s\n", a ? a : "", b ? b : "");
        free(a);
        free(b);
    }
    rec_free(want);
    return same;
}

static bool run_test(struct run *r, const struct pol_test *t, uint32_t rule)
{
    const char *why;
    bool said = false;
    struct rec *in = stanza_read(t->stanza, &r->place, &why);
    if (!in)
        return wrong(t, rule, &said, "this is no stanza: %s", why);
    enum gw_side side = stanza_side(&r->place, t->from, in);
    judge_forget(r->j);
    bool good = true;
    for (size_t i = 0; i < t->before.n; i++)
        if (stanza_before(t->before.v[i], &r->place, r->j, in, side, r->now, &why))
            good = wrong(t, rule, &said, "%s: this is no stanza: %s", t->before.v[i], why);
    const struct pol_verdict *v = judge_stanza(r->j, in, side, r->now);
    if ((v->reply ? POL_EXPECT_ANSWER : (int)v->verdict) != t->expect)
        good = wrong(t, rule, &said, "the verdict is %s (%s%s%.*s), expected is %s", gw_verdict_name(v->verdict), gw_reason_text(v->reason),
            v->rule ? ": " : "", STR_ARG(v->rule_name), t->expect == POL_EXPECT_ANSWER ? "answer" : gw_verdict_name((enum gw_verdict)t->expect));
    good = check_acted(t, rule, v, &said) && good;
    good = check_output(r, t, rule, v, &said) && good;
    rec_free(in);
    return good;
}

static void run_rules(struct run *r)
{
    for (size_t i = 0; i < policy_rule_count(judge_policy(r->j)); i++) {
        struct pol_rule_info info;
        policy_rule_get(judge_policy(r->j), i, &info);
        const char *rests = policy_rests(info.enabled, info.expires_ms, r->now);
        if (rests) { /* what they expect of it, it does not do */
            *(info.enabled ? &r->expired : &r->off) += info.n_tests;
            if (info.n_tests && r->all)
                printf("rule %u %s: its %zu test%s skipped\n", info.id, rests, info.n_tests, info.n_tests == 1 ? " is" : "s are");
            continue;
        }
        for (size_t k = 0; k < info.n_tests; k++) {
            bool good = run_test(r, &info.tests[k], info.id);
            *(good ? &r->passed : &r->failed) += 1;
            if (good && r->all)
                printf("rule %u: %s: as expected\n", info.id, info.tests[k].stanza);
        }
    }
}

static void run_detectors(struct run *r)
{
    struct conf_errors errs;
    conf_errors_init(&errs);
    size_t n = content_self_test(judge_content(r->j), &errs);
    r->failed += errs.n_errors;
    r->passed += n > errs.n_errors ? n - errs.n_errors : 0;
    conf_errors_print(&errs, stdout);
    conf_errors_clear(&errs);
}

int verb_test(int argc, char **argv)
{
    struct run r = { .now = (int64_t)time(NULL) * 1000 };
    const char *conf = CTL_CONF_DEFAULT, *dir = NULL;
    for (int i = 1; i < argc; i++) {
        bool more = i + 1 < argc;
        if (!strcmp(argv[i], "--help") || !strcmp(argv[i], "-h"))
            return fputs(usage, stdout) < 0 ? CTL_NO : CTL_YES;
        else if (!strcmp(argv[i], "-c") && more)
            conf = argv[++i];
        else if (!strcmp(argv[i], "--rules") && more)
            dir = argv[++i];
        else if (!strcmp(argv[i], "-v"))
            r.all = true;
        else
            return ctl_unknown(argv[0], argv[i], usage);
    }
    int status = rules_place_load(conf, dir, &r.place);
    if (status)
        return status;
    r.j = judge_new(r.place.dir, r.now, false);
    if (r.j) {
        run_rules(&r);
        run_detectors(&r);
        printf("%zu passed, %zu failed", r.passed, r.failed);
        if (r.off || r.expired)
            printf(", %zu skipped: their rules %s", r.off + r.expired,
                !r.expired ? "are switched off" : !r.off ? "have expired" : "are switched off or have expired");
        putchar('\n');
        status = r.failed ? CTL_NO : CTL_YES;
    } else {
        status = CTL_CONF;
    }
    judge_free(r.j);
    rules_place_free(&r.place);
    return status;
}
