/* SPDX-License-Identifier: GPL-3.0-or-later
 * lockgate-decoy CONF SIDE: names what is spoken on ports that are not for crossing. Its life: arguments, configuration, sandbox,
 * READY, listeners of the parent, connections until STOP. */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/random.h>

#include "decoy.h"
#include "log.h"
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
    const struct sandbox_options o = { .nofile = (unsigned)conf->decoy.connections + 64,
        .uid = geteuid() == 0 ? (uid_t)(conf->uid_first + (side == GW_HIGH ? GW_UID_DECOY : GW_UID_DECOY_LOW)) : 0 };
    return sandbox_enter(SANDBOX_DECOY, &o);
}

int main(int argc, char **argv)
{
    struct gw_conf *conf = NULL;
    uint64_t epoch;
    if (argc != 3 || (strcmp(argv[2], "high") != 0 && strcmp(argv[2], "low") != 0)) {
        fputs("usage: lockgate-decoy CONF high|low (started by lockgate-parent)\n", stderr);
        return 2;
    }
    struct decoy d = { .side = strcmp(argv[2], "high") == 0 ? GW_HIGH : GW_LOW };
    log_init(d.side == GW_HIGH ? "decoy/high" : "decoy/low", LOG_L_INFO);
    signal(SIGPIPE, SIG_IGN);
    signal(SIGINT, SIG_IGN); /* Ctrl-C is the parent's: it ends us in order */
    if (load(argv[1], &conf) != 0)
        return EXIT_CONF;
    d.conf = conf;
    d.guest = calloc((size_t)conf->decoy.connections, sizeof *d.guest);
    if (!d.guest || getrandom(&epoch, sizeof epoch, 0) != (ssize_t)sizeof epoch || close_door(conf, d.side) != 0)
        return 1;
    for (int64_t i = 0; i < conf->decoy.connections; i++)
        d.guest[i].fd = -1;
    outbox_init(&d.lines, (epoch & 0x1fffffffffffffULL) | 1, LINES_MAX); /* a JSON number in the journal; never 0 */
    d.parent = ipc_new(IPC_PARENT_FD, IPC_DECOY, IPC_PARENT);
    int status = d.parent ? decoy_run(&d) : 1;
    ipc_free(d.parent);
    ipc_free(d.journal);
    outbox_clear(&d.lines);
    free(d.guest);
    gw_conf_free(conf);
    return status;
}
