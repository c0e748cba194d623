/* SPDX-License-Identifier: GPL-3.0-or-later
 * How each verb is used: what `--help` prints for the verbs that have no text of their own file, and what is said to a word that is not understood. */
#include <stdio.h>
#include <string.h>

#include "verbs.h"

#define OPTIONS_MAX 64
#define OPTION_MAX 32

static const struct { const char *verb, *text; } texts[] = {
    { "run", "usage: lockgate run [-c CONF]\n\n"
        "Checks configuration and rules, then starts the gateway and stays in the foreground; its log goes to standard error. Ends by\n"
        "Ctrl-C, SIGTERM or `lockgate stop`. The namespaces and packet rules must stand: `lockgate inline up` first. Only root may.\n\n"
        "  -c CONF  the configuration (default " CTL_CONF_DEFAULT ")\n\n"
        "Exit status: 0 ended in order, 1 it could not run, 2 wrong usage, 78 mistakes in configuration or rules: nothing was started.\n" },
    { "reload", "usage: lockgate reload [-c CONF]\n\n"
        "Checks the present configuration and rules, then lets a new guard with these rules take over between two stanzas. While there is\n"
        "a mistake in them, or one of the rules' own tests fails, the old ones stay in force. For root and the group lockgate-officer.\n\n"
        "  -c CONF  the configuration (default " CTL_CONF_DEFAULT ")\n\n"
        "Exit status: 0 the new rules are in force, 1 they are not, 2 wrong usage, 78 mistakes in configuration or rules.\n" },
    { "held", "usage: lockgate held [-c CONF] [NAME]\n\n"
        "Lists the messages that a rule with action = \"hold\" keeps for a person, or shows one in full.\n\n"
        "  NAME     of one, as the list gives it (GUARD-NUMBER)\n"
        "  -c CONF  the configuration (default " CTL_CONF_DEFAULT ")\n\n"
        "Exit status: 0 shown, 1 it is not there or cannot be read, 2 wrong usage, 78 wrong configuration.\n" },
    { "stop", "usage: lockgate stop [-c CONF]\n\n"
        "Ends the running gateway in order: streams are closed, what is under way is answered, the journal gets its last checkpoint. The\n"
        "packet rules stay, so nothing crosses afterwards. For root and the group lockgate-engineer.\n\n"
        "  -c CONF  the configuration (default " CTL_CONF_DEFAULT ")\n\n"
        "Exit status: 0 it ended, 1 none runs, or you may not, 2 wrong usage, 78 wrong configuration.\n" },
    { "status", "usage: lockgate status [--watch | --json | --prometheus FILE] [-v] [-c CONF]\n\n"
        "Shows the running gateway: its programs, streams, queues, rules in force, journal. For root and the groups lockgate-officer,\n"
        "lockgate-engineer, lockgate-auditor.\n\n"
        "  --watch            a live screen, new every two seconds; q ends it, arrows and space scroll\n"
        "  --json             one JSON object\n"
        "  --prometheus FILE  numbers for node_exporter's textfile collector, without names of people or addresses; FILE is replaced\n"
        "                     as a whole and must end in .prom; \"-\" is standard output\n"
        "  -v                 every number that the programs give\n"
        "  -c CONF            the configuration (default " CTL_CONF_DEFAULT ")\n\n"
        "Exit status: 0 all programs run, 1 not all do, or no gateway answers, 2 wrong usage, 78 wrong configuration.\n" },
    { "probe", "usage: lockgate probe [-c CONF]\n\n"
        "For health checks (conf/standby): two stanzas of the gateway's own are judged by its guard, one must be released and one blocked,\n"
        "and every program must run. Nothing is sent. For root, lockgate-officer and -engineer.\n\n"
        "  -c CONF  the configuration (default " CTL_CONF_DEFAULT ")\n\n"
        "Exit status: 0 all is well, 1 it is not, with the reason, 2 wrong usage, 78 wrong configuration.\n" },
    { "inline", "usage: lockgate inline up|down|show|check|repair|standby|active [-c CONF]\n\n"
        "Namespaces, cards, addresses, routes and packet rules of both sides, made from the configuration.\n\n"
        "  show     print every step, with remarks, and do nothing\n"
        "  up       do it; again does no harm. From then on nothing crosses but through the gateway\n"
        "  check    is it still as `up` left it?\n"
        "  repair   as up, but not while the cards stand by: what a running gateway does when somebody changed its rules\n"
        "  down     take it away and give the cards back; the gateway must not be running\n"
        "  standby  the cards down and the rest as it is, for a second gateway in bridge mode (conf/standby)\n"
        "  active   the cards up again, at once, with their addresses and routes\n"
        "  -c CONF  the configuration (default " CTL_CONF_DEFAULT ")\n\n"
        "Only root may, but for show. Exit status: 0 done, or it is so, 1 not, 2 wrong usage, 78 wrong configuration.\n" },
};

const char *ctl_usage_text(const char *verb)
{
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++)
        if (!strcmp(texts[i].verb, verb))
            return texts[i].text;
    return NULL;
}

int ctl_unknown(const char *verb, const char *word, const char *usage)
{
    static char store[OPTIONS_MAX][OPTION_MAX];
    const char *names[OPTIONS_MAX + 1] = { NULL };
    size_t n = 0;
    /* the options that the usage names are those that there are */
    for (const char *p = usage; n < OPTIONS_MAX && (p = strstr(p, "--")) != NULL;) {
        size_t len = 2 + strspn(p + 2, "abcdefghijklmnopqrstuvwxyz-");
        if (len > 2 && len < OPTION_MAX) {
            memcpy(store[n], p, len);
            store[n][len] = 0;
            names[n] = store[n];
            n++;
        }
        p += len;
    }
    const char *near = word[0] == '-' ? conf_nearest(word, names) : NULL;
    if ((near && strcmp(near, word) == 0) || strcmp(word, "-c") == 0) {
        fprintf(stderr, "lockgate %s: \"%s\" wants a value, and one that is allowed\n%s", verb, word, usage);
        return CTL_USAGE;
    }
    fprintf(stderr, "lockgate %s: \"%s\" is not understood%s%s%s\n%s", verb, word, near ? "; did you mean \"" : "", near ? near : "",
        near ? "\"?" : "", usage);
    return CTL_USAGE;
}
