/* SPDX-License-Identifier: GPL-3.0-or-later
 * The verbs of `lockgate`: one list, from which the dispatcher and the usage are made. Each verb is a function of its own. */
#ifndef LOCKGATE_VERBS_H
#define LOCKGATE_VERBS_H

#include "gwconf.h"

/* Exit status: it is so, it is not so, wrong usage, wrong configuration; of `verify` alone: it cannot be told. */
enum ctl_exit { CTL_YES = 0, CTL_NO = 1, CTL_USAGE = 2, CTL_UNPROVEN = 3, CTL_CONF = 78 };

/* X(verb, arguments, what it does). Defines int verb_<name>(int argc, char **argv): argv[0] is the verb, argc counts it. */
#define CTL_VERBS(X) \
    X(run, "[-c CONF]", "start the gateway and stay in the foreground") \
    X(check, "[-c CONF] [-q]", "find every mistake in configuration and rules, and around them") \
    X(test, "[-c CONF]", "run the rules' own tests") \
    X(explain, "[-c CONF] STANZA", "say which rules looked at a stanza, and what each answered") \
    X(replay, "[-c CONF] [--against DIR] FILE.pcap", "judge what a capture holds by the present rules") \
    X(reload, "[-c CONF]", "let a new guard with the present rules take over") \
    X(held, "[-c CONF] [NAME]", "list the stanzas that are held, or show one") \
    X(stop, "[-c CONF]", "end the running gateway in order") \
    X(status, "[-c CONF] [--json]", "show programs, streams, queues and rules in force") \
    X(probe, "[-c CONF]", "health check: one stanza must pass, one be blocked, all programs run") \
    X(inline, "up|down|show|check|standby|active", "install, remove, print or compare namespaces, routes, packet rules") \
    X(log, "[-c CONF] ...", "search the journal") \
    X(verify, "[-c CONF] ...", "prove that the journal was not changed") \
    X(values, "--key KEY -o OUT LIST...", "turn secret values into keyed hashes for a detector") \
    X(fingerprint, "--key KEY -o OUT FILE...", "turn documents into fingerprints for a detector")
/* A verb whose file is not there yet is NULL, and says so. */
#define X(name, args, help) int verb_##name(int argc, char **argv) __attribute__((weak));
CTL_VERBS(X)
#undef X

/* The configuration when no -c is given. */
#define CTL_CONF_DEFAULT "/etc/lockgate/lockgate.conf"
/* Loads it; all mistakes go to standard error. NULL: the verb ends with CTL_CONF. */
struct gw_conf *ctl_load(const char *path);
/* The files that it names (rules, trust, certificates, keys): there, readable, valid, fitting together. */
/* The path of one of the gateway's programs: SYS, NOENT (ret is then where it was looked for). */
int ctl_program(const char *name, char *ret, size_t n) GW_MUST_CHECK;
/* The token, where the configuration names one: module, PIN, each key. lockgate-token looks; the vendor's code is never in here. */
void ctl_check_token(const struct gw_conf *c, struct conf_errors *errs);
void ctl_check_files(const struct gw_conf *c, struct conf_errors *errs);
/* The options that most verbs have. Leaves what it does not know in place, in order; returns the new argc, or -1 after it
 * said what was wrong (the verb ends with CTL_USAGE). json may be NULL: then --json is unknown. "--help" prints the verb's
 * usage and exits. */
int ctl_options(int argc, char **argv, const char **ret_conf, bool *ret_json);
/* What stands in argv (after ctl_options; argc its return) is not how the verb is used: says so on standard error, with the verb's usage;
 * returns CTL_USAGE. argc negative: what is wrong was said already. */
int ctl_usage(int argc, char **argv);
/* The usage of a verb whose own file has none, or NULL. */
const char *ctl_usage_text(const char *verb);
/* One word is not understood: says so, with the nearest option that the usage names; returns CTL_USAGE. */
int ctl_unknown(const char *verb, const char *word, const char *usage);
/* A verb for the running gateway. Its answer is appended to out. Returns its exit status, or CTL_NO after saying that no
 * gateway runs. wait_end: come back only when the gateway has closed the connection. */
int ctl_ask(const struct gw_conf *c, const char *verb, const char *argument, bool wait_end, struct buf *out);
/* Does a gateway hold the control socket of this configuration? One that hangs does, one that was killed does not. */
bool ctl_running(const struct gw_conf *c);

#endif
