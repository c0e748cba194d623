/* SPDX-License-Identifier: GPL-3.0-or-later
 * lockgate-reader CONF high|low: reads again what the edge of its side is about to write, and says whether it is what the guard
 * released. Its life: arguments, configuration, places for samples, sandbox, READY, questions until STOP. */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "jid.h"
#include "log.h"
#include "reader.h"
#include "sandbox.h"

#define EXIT_CONF 78

/* Empty files STATE/reader/<side>-<n>; those that hold something from before stay as they are. */
static void open_samples(struct reader *r, const struct gw_conf *conf, const char *side)
{
    char path[512];
    struct stat st;
    snprintf(path, sizeof path, "%s/reader", conf->state);
    if (mkdir(path, 0700) != 0 && errno != EEXIST)
        log_warn("%s: %m; what is refused will not be kept", path);
    for (int i = 0; i < SAMPLES; i++) {
        snprintf(path, sizeof path, "%s/reader/%s-%d", conf->state, side, i);
        r->sample[i] = open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC | O_NOFOLLOW, 0600);
        if (r->sample[i] >= 0 && (fstat(r->sample[i], &st) != 0 || st.st_size > 0)) {
            close(r->sample[i]);
            r->sample[i] = -1;
        }
    }
}

static int close_door(const struct gw_conf *conf)
{
    const struct sandbox_options o = { .nofile = 64, .memory = (unsigned long)conf->limits.memory,
        .uid = geteuid() == 0 ? (uid_t)(conf->uid_first + GW_UID_READER) : 0 };
    return sandbox_enter(SANDBOX_READER, &o);
}

int main(int argc, char **argv)
{
    struct gw_conf *conf = NULL;
    if (argc != 3 || (strcmp(argv[2], "high") != 0 && strcmp(argv[2], "low") != 0)) {
        fprintf(stderr, "usage: lockgate-reader CONF high|low (started by lockgate-parent)\n");
        return 2;
    }
    log_init(strcmp(argv[2], "high") == 0 ? "reader/high" : "reader/low", LOG_L_INFO);
    signal(SIGPIPE, SIG_IGN);
    signal(SIGINT, SIG_IGN); /* Ctrl-C is the parent's: it ends us in order */
    if (gw_conf_load_said(argv[1], &conf) != 0)
        return EXIT_CONF;
    struct reader r = { .rec = rec_new(&REC_HARD_LIMITS) };
    open_samples(&r, conf, argv[2]);
    if (!r.rec || jid_init() != 0 || close_door(conf) != 0)
        return 1;
    r.parent = ipc_new(IPC_PARENT_FD, IPC_READER, IPC_PARENT);
    if (!r.parent) {
        log_error("out of memory");
        return 1;
    }
    int status = rdr_run(&r);
    ipc_free(r.parent);
    ipc_free(r.edge);
    rec_free(r.rec);
    gw_conf_free(conf);
    jid_finish();
    return status;
}
