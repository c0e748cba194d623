/* SPDX-License-Identifier: GPL-3.0-or-later
 * lockgate VERB ...: finds the verb in the list and calls it. */
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include <log.h> /* include/log.h */
#include "verbs.h"

#define LOCKGATE_VERSION "0.1"

static const struct {
    const char *name, *args, *help;
    int (*run)(int argc, char **argv);
} verbs[] = {
#define X(name, args, help) { #name, args, help, verb_##name },
    CTL_VERBS(X)
#undef X
};
#define VERBS (sizeof verbs / sizeof verbs[0])

static void verb_usage(FILE *to, const char *verb)
{
    const char *text = ctl_usage_text(verb);
    if (text) {
        fputs(text, to);
        return;
    }
    for (size_t i = 0; i < VERBS; i++)
        if (strcmp(verbs[i].name, verb) == 0)
            fprintf(to, "usage: lockgate %s %s\n  %s\n", verb, verbs[i].args, verbs[i].help);
}

static void usage(FILE *to)
{
    fputs("usage: lockgate VERB [OPTIONS]\n\n", to);
    for (size_t i = 0; i < VERBS; i++)
        if (verbs[i].run)
            fprintf(to, "  %-11s %s\n", verbs[i].name, verbs[i].help);
    fprintf(to, "  %-11s %s\n  %-11s %s\n", "version", "print the version", "help [VERB]", "print this, or how a verb is used");
    fputs("\n`lockgate VERB --help` says more. Without -c CONF the configuration is\n" CTL_CONF_DEFAULT ".\n"
          "Exit status: 0 it is so, 1 not so, 2 wrong usage, 3 unproven (verify), 78 wrong configuration.\n", to);
}

int ctl_usage(int argc, char **argv)
{
    const char *text = ctl_usage_text(argv[0]);
    for (int i = argc - 1; i > 0; i--)
        if (text && (argv[i][0] == '-' || i == argc - 1))
            return ctl_unknown(argv[0], argv[i], text);
    verb_usage(stderr, argv[0]);
    return CTL_USAGE;
}

/* `help`, `help VERB`, and for programs (completion, man pages) `help --verbs`: one a line, with a tab before what it does. */
static int help(int argc, char **argv)
{
    if (argc < 2) {
        usage(stdout);
        return CTL_YES;
    }
    bool list = strcmp(argv[1], "--verbs") == 0;
    for (size_t i = 0; i < VERBS; i++) {
        if (list && verbs[i].run)
            printf("%s\t%s\n", verbs[i].name, verbs[i].help);
        else if (verbs[i].run && strcmp(argv[1], verbs[i].name) == 0)
            return verbs[i].run(2, (char *[]){ argv[1], (char[]){ "--help" }, NULL });
    }
    if (list)
        return CTL_YES;
    fprintf(stderr, "lockgate help: there is no verb \"%s\"; `lockgate help` lists them\n", argv[1]);
    return CTL_USAGE;
}

int ctl_options(int argc, char **argv, const char **ret_conf, bool *ret_json)
{
    int n = 1;
    *ret_conf = CTL_CONF_DEFAULT;
    for (int i = 1; i < argc; i++) {
        if (strcmp(argv[i], "--help") == 0 || strcmp(argv[i], "-h") == 0) {
            verb_usage(stdout, argv[0]);
            exit(CTL_YES);
        } else if (strcmp(argv[i], "-c") == 0) {
            if (++i == argc) {
                fprintf(stderr, "lockgate %s: -c needs the name of a configuration\n", argv[0]);
                return -1;
            }
            *ret_conf = argv[i];
        } else if (ret_json && strcmp(argv[i], "--json") == 0) {
            *ret_json = true;
        } else {
            argv[n++] = argv[i];
        }
    }
    return n;
}

struct gw_conf *ctl_load(const char *path)
{
    struct conf_errors errs;
    struct gw_conf *c = NULL;
    conf_errors_init(&errs);
    int e = gw_conf_load(path, &c, &errs);
    conf_errors_print(&errs, stderr);
    if (e && access(path, F_OK) != 0)
        fprintf(stderr, "-c FILE names another configuration; check, test and explain also take --rules DIR, without one\n");
    if (e && !errs.n_errors)
        fprintf(stderr, "%s: %s\n", path, gw_strerror(e));
    conf_errors_clear(&errs);
    return e ? NULL : c;
}

int main(int argc, char **argv)
{
    log_init("lockgate", LOG_L_INFO);
    if (argc < 2) {
        usage(stderr);
        return CTL_USAGE;
    }
    if (strcmp(argv[1], "help") == 0 || strcmp(argv[1], "--help") == 0 || strcmp(argv[1], "-h") == 0)
        return help(argc - 1, argv + 1);
    if (strcmp(argv[1], "version") == 0 || strcmp(argv[1], "--version") == 0) {
        puts("lockgate " LOCKGATE_VERSION);
        return CTL_YES;
    }
    const char *names[VERBS + 1] = { NULL };
    size_t n = 0;
    for (size_t i = 0; i < VERBS; i++) {
        if (strcmp(argv[1], verbs[i].name) == 0 && verbs[i].run)
            return verbs[i].run(argc - 1, argv + 1);
        if (verbs[i].run)
            names[n++] = verbs[i].name;
    }
    const char *near = conf_nearest(argv[1], names);
    fprintf(stderr, "lockgate: there is no verb \"%s\"%s%s%s; `lockgate help` lists them\n", argv[1], near ? ", did you mean \"" : "",
        near ? near : "", near ? "\"" : "");
    return CTL_USAGE;
}
