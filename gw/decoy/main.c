/* SPDX-License-Identifier: GPL-3.0-or-later
 * lockgate-decoy CONF SIDE: names what is spoken on ports that are not for crossing. Its life: arguments, configuration, sandbox,
 * READY, listeners of the parent, connections until STOP. */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>

#include "decoy.h"
#include "log.h"
#include "sandbox.h"

#define EXIT_CONF 78
#define LINES_MAX (1u << 20)

static int close_door(const struct gw_conf *conf, enum gw_side side)
{
    const struct sandbox_options o = { .nofile = (unsigned)conf->decoy.connections + 64,
        .uid = geteuid() == 0 ? (uid_t)(conf->uid_first + (side == GW_HIGH ? GW_UID_DECOY : GW_UID_DECOY_LOW)) : 0 };
    return sandbox_enter(SANDBOX_DECOY, &o);
}

int main(int argc, char **argv)
{
    struct gw_conf *conf = NULL;
    if (argc != 3 || (strcmp(argv[2], "high") != 0 && strcmp(argv[2], "low") != 0)) {
        fputs("usage: lockgate-decoy CONF high|low (started by lockgate-parent)\n", stderr);
        return 2;
    }
    struct decoy d = { .side = strcmp(argv[2], "high") == 0 ? GW_HIGH : GW_LOW };
    log_init(d.side == GW_HIGH ? "decoy/high" : "decoy/low", LOG_L_INFO);
    signal(SIGPIPE, SIG_IGN);
    signal(SIGINT, SIG_IGN); /* Ctrl-C is the parent's: it ends us in order */
    if (gw_conf_load_said(argv[1], &conf) != 0)
        return EXIT_CONF;
    d.conf = conf;
    d.guest = calloc((size_t)conf->decoy.connections, sizeof *d.guest);
    if (!d.guest || teller_init(&d.teller, IPC_DECOY, LINES_MAX) != 0 || close_door(conf, d.side) != 0)
        return 1;
    for (int64_t i = 0; i < conf->decoy.connections; i++)
        d.guest[i].fd = -1;
    d.parent = ipc_new(IPC_PARENT_FD, IPC_DECOY, IPC_PARENT);
    int status = d.parent ? decoy_run(&d) : 1;
    ipc_free(d.parent);
    teller_clear(&d.teller);
    free(d.guest);
    gw_conf_free(conf);
    return status;
}
