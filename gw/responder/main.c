/* SPDX-License-Identifier: GPL-3.0-or-later
 * lockgate-responder CONF SIDE: answers echo, DNS and NTP in the place of the other side. Its life: arguments, configuration, sandbox,
 * READY, sockets of the parent, questions until STOP. */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>

#include "log.h"
#include "responder.h"
#include "sandbox.h"

#define EXIT_CONF 78
#define LINES_MAX (1u << 20)

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
    if (argc != 3 || (strcmp(argv[2], "high") != 0 && strcmp(argv[2], "low") != 0)) {
        fputs("usage: lockgate-responder CONF high|low (started by lockgate-parent)\n", stderr);
        return 2;
    }
    r.side = strcmp(argv[2], "high") == 0 ? GW_HIGH : GW_LOW;
    log_init(r.side == GW_HIGH ? "responder/high" : "responder/low", LOG_L_INFO);
    signal(SIGPIPE, SIG_IGN);
    signal(SIGINT, SIG_IGN); /* Ctrl-C is the parent's: it ends us in order */
    if (gw_conf_load_said(argv[1], &conf) != 0)
        return EXIT_CONF;
    r.conf = conf;
    r.rate = rate_new(conf->admission.rate, conf->admission.burst);
    if (!r.rate || teller_init(&r.teller, IPC_RESPONDER, LINES_MAX) != 0 || close_door(conf, r.side) != 0)
        return 1;
    r.say = (struct say){ .side = r.side, .outbox = &r.teller.lines };
    r.parent = ipc_new(IPC_PARENT_FD, IPC_RESPONDER, IPC_PARENT);
    int status = r.parent ? responder_run(&r) : 1;
    ipc_free(r.parent);
    teller_clear(&r.teller);
    rate_free(r.rate);
    gw_conf_free(conf);
    return status;
}
