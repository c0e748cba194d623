/* SPDX-License-Identifier: GPL-3.0-or-later
 * `lockgate check`: every mistake in the configuration and in the rules, at once, each with its file and line. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "check_scans.h"
#include "jid.h"
#include "system.h"
#include "verbs.h"

static const char usage[] =
    "usage: lockgate check [-c CONF] [--rules DIR] [-q]\n"
    "       lockgate check --system [--json] [-c CONF]\n"
    "       lockgate check --list | --list-detectors | --list-config\n"
    "\n"
    "Finds every mistake in the configuration and in the rules, each with its file and line.\n"
    "\n"
    "  -c CONF        the configuration (default " CTL_CONF_DEFAULT ")\n"
    "  --rules DIR    check only the rules in DIR, without a configuration\n"
    "  -q             print only mistakes: no warnings, no summary\n"
    "  --system       what is around the gateway instead: certificates, DNS records, time, cards, forwarding, kernel, disk, other\n"
    "                 firewall tables; one line each: fine, warning, wrong, and what to do\n"
    "  --json         with --system: as one JSON object\n"
    "  --list         print every condition and action that a rule may use\n"
    "  --list-detectors  print every key of a detector in dlp/\n"
    "  --list-config  print every key of the configuration\n"
    "\n"
    "Exit status: 0 everything is right, 1 --system found something wrong, 2 wrong usage, 78 there are mistakes.\n";

static int64_t now_ms(void) { return (int64_t)time(NULL) * 1000; }

struct found { size_t rules, off, expired, tests_off, scanned; char hash[65]; };

/* cache: where the scanners keep their compiled patterns, or NULL: what is compiled here need not be compiled again by them. */
static void check_rules(const char *dir, const char *cache, struct conf_errors *errs, struct found *f)
{
    struct policy *p = NULL;
    struct content *c = NULL;
    int64_t now = now_ms();
    int a = policy_load_part(dir, now, &p, errs);
    int b = content_load_cached(dir, cache, &c, errs);
    if ((a || b) && !errs->n_errors)
        conf_error_add(errs, CONF_ERROR, dir, 0, "the rules could not be loaded: %s", gw_strerror(a ? a : b));
    if (p && !b) /* after mistakes as well, so that all are told at once */
        ctl_check_scans(p, c, errs);
    if (!a) {
        policy_lint(p, now, errs);
        f->rules = policy_rule_count(p);
        for (size_t i = 0; i < f->rules; i++) {
            struct pol_rule_info info;
            policy_rule_get(p, i, &info);
            bool rests = policy_rests(info.enabled, info.expires_ms, now);
            f->off += !info.enabled;
            f->expired += info.enabled && rests;
            f->tests_off += rests ? info.n_tests : 0;
        }
        for (int i = 0; i < 32; i++)
            snprintf(f->hash + 2 * i, 3, "%02x", policy_hash(p)[i]);
    }
    if (!b)
        f->scanned = content_rule_count(c);
    content_free(c);
    policy_free(p);
}

/* Mistakes without the warnings. */
static void only_mistakes(struct conf_errors *e)
{
    for (size_t i = 0; i < e->n;) {
        if (e->v[i].severity == CONF_ERROR) {
            i++;
            continue;
        }
        free(e->v[i].file);
        free(e->v[i].text);
        e->v[i] = e->v[--e->n];
    }
}

/* " (2 switched off, 1 expired, and 3 tests with them)" */
static const char *rest_text(const struct found *f)
{
    static char text[120];
    int n = 0;
    if (!f->off && !f->expired)
        return "";
    if (f->off)
        n += snprintf(text, sizeof text, " (%zu switched off", f->off);
    if (f->expired)
        n += snprintf(text + n, sizeof text - n, "%s%zu expired", f->off ? ", " : " (", f->expired);
    if (f->tests_off)
        n += snprintf(text + n, sizeof text - n, ", and %zu test%s with %s", f->tests_off, f->tests_off == 1 ? "" : "s", f->off + f->expired == 1 ? "it" : "them");
    snprintf(text + n, sizeof text - n, ")");
    return text;
}

static int report(struct conf_errors *errs, bool quiet, const struct found *f)
{
    size_t warnings = 0, mistakes = errs->n_errors;
    for (size_t i = 0; i < errs->n; i++)
        warnings += errs->v[i].severity == CONF_WARNING;
    if (quiet)
        only_mistakes(errs);
    conf_errors_print(errs, stderr);
    conf_errors_clear(errs);
    if (!quiet && mistakes)
        fprintf(stderr, "%zu mistake%s, %zu warning%s\n", mistakes, mistakes == 1 ? "" : "s", warnings, warnings == 1 ? "" : "s");
    else if (!quiet)
        printf("everything is right: %zu rules%s, %zu patterns and detectors, %zu warning%s; rule set %.16s\n", f->rules, rest_text(f), f->scanned,
            warnings, warnings == 1 ? "" : "s", f->hash);
    return mistakes ? CTL_CONF : CTL_YES;
}

static int check_system(const char *conf_path, bool json)
{
    struct gw_conf *c = ctl_load(conf_path);
    if (!c)
        return CTL_CONF;
    int status = ctl_check_system(c, json);
    gw_conf_free(c);
    return status;
}

int verb_check(int argc, char **argv)
{
    const char *conf_path = CTL_CONF_DEFAULT, *rules = NULL;
    bool quiet = false, system = false, json = false;
    for (int i = 1; i < argc; i++) {
        bool more = i + 1 < argc;
        if (!strcmp(argv[i], "--help") || !strcmp(argv[i], "-h"))
            return fputs(usage, stdout) < 0 ? CTL_NO : CTL_YES;
        else if (!strcmp(argv[i], "--list"))
            return policy_describe(stdout), CTL_YES;
        else if (!strcmp(argv[i], "--list-detectors"))
            return content_describe(stdout), CTL_YES;
        else if (!strcmp(argv[i], "--list-config"))
            return gw_conf_describe(stdout), CTL_YES;
        else if (!strcmp(argv[i], "--system"))
            system = true;
        else if (!strcmp(argv[i], "--json"))
            json = true;
        else if (!strcmp(argv[i], "-q"))
            quiet = true;
        else if (!strcmp(argv[i], "-c") && more)
            conf_path = argv[++i];
        else if (!strcmp(argv[i], "--rules") && more)
            rules = argv[++i];
        else
            return ctl_unknown(argv[0], argv[i], usage);
    }
    if (json && !system)
        return ctl_unknown(argv[0], "--json (without --system)", usage);
    if (system && (rules || quiet))
        return ctl_unknown(argv[0], rules ? "--rules (with --system)" : "-q (with --system)", usage);
    if (system)
        return check_system(conf_path, json);
    struct conf_errors errs;
    struct gw_conf *conf = NULL;
    struct found f = { 0 };
    conf_errors_init(&errs);
    if (jid_init())
        return fprintf(stderr, "lockgate check: ICU is not usable; is libicu72 installed as a whole?\n"), CTL_NO;
    if (!rules) {
        int rc = gw_conf_load(conf_path, &conf, &errs);
        if (rc && !errs.n_errors)
            conf_error_add(&errs, CONF_ERROR, conf_path, 0, "%s", gw_strerror(rc));
        if (conf)
            ctl_check_files(conf, &errs);
        rules = conf && access(conf->rules, R_OK | X_OK) == 0 ? conf->rules : NULL; /* else it was said, with its line */
    }
    char cache[4096];
    bool own = conf && rules == conf->rules;
    if (own)
        snprintf(cache, sizeof cache, "%s/%s", conf->state, CONTENT_CACHE);
    if (rules)
        check_rules(rules, own ? cache : NULL, &errs, &f);
    int status = report(&errs, quiet, &f);
    gw_conf_free(conf);
    jid_finish();
    return status;
}
