/* SPDX-License-Identifier: GPL-3.0-or-later
 * lockgate-responder CONF SIDE: answers echo, DNS and NTP in the place of the other side. Its life: arguments, configuration, sandbox,
 * READY, sockets of the parent, questions until STOP. */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/random.h>

#include "log.h"
#include "responder.h"
#include "sandbox.h"

#define EXIT_CONF 78
#define LINES_MAX (1u << 20)

static int load(const char *path, struct gw_conf **ret)
{
    struct conf_errors errs;
    conf_errors_init(&errs);
    int e = gw_conf_load(path, ret, &errs);
    if (e)
        conf_errors_print(&errs, stderr);
    conf_errors_clear(&errs);
    return e;
}

static int close_door(const struct gw_conf *conf, enum gw_side side)
{
    const struct sandbox_options o = { .nofile = 64,
        .uid = geteuid() == 0 ? (uid_t)(conf->uid_first + (side == GW_HIGH ? GW_UID_RESPONDER_HIGH : GW_UID_RESPONDER_LOW)) : 0 };
    return sandbox_enter(SANDBOX_RESPONDER, &o);
}

int main(int argc, char **argv)
{
    static struct responder r;
    struct gw_conf *conf = NULL;
    uint64_t epoch;
    if (argc != 3 || (strcmp(argv[2], "high") != 0 && strcmp(argv[2], "low") != 0)) {
        fputs("usage: lockgate-responder CONF high|low (started by lockgate-parent)\n", stderr);
        return 2;
    }
    r.side = strcmp(argv[2], "high") == 0 ? GW_HIGH : GW_LOW;
    log_init(r.side == GW_HIGH ? "responder/high" : "responder/low", LOG_L_INFO);
    signal(SIGPIPE, SIG_IGN);
    signal(SIGINT, SIG_IGN); /* Ctrl-C is the parent's: it ends us in order */
    if (load(argv[1], &conf) != 0)
        return EXIT_CONF;
    r.conf = conf;
    r.rate = rate_new(conf->admission.rate, conf->admission.burst);
    if (!r.rate || getrandom(&epoch, sizeof epoch, 0) != (ssize_t)sizeof epoch || close_door(conf, r.side) != 0)
        return 1;
    outbox_init(&r.lines, (epoch & 0x1fffffffffffffULL) | 1, LINES_MAX); /* a JSON number in the journal; never 0 */
    r.say = (struct say){ .side = r.side, .outbox = &r.lines };
    r.parent = ipc_new(IPC_PARENT_FD, IPC_RESPONDER, IPC_PARENT);
    int status = r.parent ? responder_run(&r) : 1;
    ipc_free(r.parent);
    ipc_free(r.journal);
    outbox_clear(&r.lines);
    rate_free(r.rate);
    gw_conf_free(conf);
    return status;
}
