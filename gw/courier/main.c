/* SPDX-License-Identifier: GPL-3.0-or-later
 * lockgate-courier CONF: carries checkpoints to witnesses. Its life: arguments, configuration, files, sandbox, READY, loop. */
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "courier.h"
#include "log.h"
#include "sandbox.h"

#define EX_CONFIG 78
#define OUTBOX_MAX (1u << 20)
#define NOTE_MAX 16384

static int64_t now_ms(void)
{
    struct timespec t;

    clock_gettime(CLOCK_MONOTONIC, &t);
    return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

/* ---- messages ---- */
static int on_connected(struct courier *c, const struct ipc_msg *m)
{
    struct msg_connected q;
    int e = ipc_get_connected(m, &q);

    for (size_t i = 0; !e && i < c->n; i++)
        if (c->w[i].state == WITNESS_ASKED && c->w[i].ask == q.ask) {
            witness_connected(c, &c->w[i], q.error, m->fd, now_ms());
            return 0;
        }
    if (m->fd >= 0)
        close(m->fd); /* that try was given up meanwhile */
    return e;
}

static int on_stats_ask(struct courier *c, const struct ipc_msg *m)
{
    struct msg_stats_ask q;
    struct buf b;
    int e = ipc_get_stats_ask(m, &q);

    if (e)
        return e;
    buf_init(&b, 65536);
    e = buf_printf(&b, "{\"checkpoint\":%llu,\"journal\":%s,\"witnesses\":[", (unsigned long long)c->size, c->teller.journal ? "true" : "false");
    for (size_t i = 0; i < c->n && !e; i++)
        e = buf_printf(&b, "%s{\"name\":\"%s\",\"carried\":%llu,\"failures\":%llu,\"state\":\"%s\"}", i ? "," : "", c->w[i].conf->name,
            (unsigned long long)c->w[i].carried, (unsigned long long)c->w[i].failures,
            c->w[i].failures ? "failing" : c->w[i].carried ? "carries" : "waits");
    if (!e)
        e = buf_printf(&b, "]}");
    if (!e)
        e = ipc_put_stats(c->parent, &(struct msg_stats){ .ask = q.ask, .json = buf_str(&b) });
    buf_clear(&b);
    return e;
}

static int on_parent(void *user, const struct ipc_msg *m)
{
    struct courier *c = user;
    switch ((int)m->type) {
    case IPC_M_LINK:
        return teller_link(&c->teller, m);
    case IPC_M_CONNECTED:
        return on_connected(c, m);
    case IPC_M_STATS_ASK:
        return on_stats_ask(c, m);
    case IPC_M_STOP:
        c->stop = true;
        c->stop_by = now_ms() + COURIER_LAST_MS;
        return 0;
    default:
        return GW_ERR(PROTO);
    }
}

static int on_journal(void *user, const struct ipc_msg *m)
{
    struct courier *c = user;
    struct msg_checkpoint q;
    int e;

    switch ((int)m->type) {
    case IPC_M_CHECKPOINT:
        if ((e = ipc_get_checkpoint(m, &q)) < 0)
            return e;
        buf_reset(&c->note);
        c->size = q.size;
        return buf_puts(&c->note, q.note);
    case IPC_M_DURABLE:
        return teller_durable(&c->teller, m);
    default:
        return GW_ERR(PROTO);
    }
}

/* ---- life ---- */
static bool done(const struct courier *c, int64_t now)
{
    bool busy = false;

    for (size_t i = 0; i < c->n; i++)
        busy |= witness_busy(c, &c->w[i]) && !c->w[i].failures;
    return c->stop && (!busy || now >= c->stop_by);
}

static int timeout(struct courier *c, int64_t now)
{
    int64_t next = c->stop ? c->stop_by : INT64_MAX;

    for (size_t i = 0; i < c->n; i++) {
        int64_t due = witness_tick(c, &c->w[i], now);
        if (due < next)
            next = due;
    }
    return next == INT64_MAX ? -1 : next <= now ? 0 : next - now > 60000 ? 60000 : (int)(next - now);
}

static int loop(struct courier *c)
{
    int64_t now;

    while (!done(c, now = now_ms())) {
        struct pollfd v[2 + GW_WITNESSES_MAX];
        int e, ms = timeout(c, now);

        teller_send(&c->teller);
        e = ipc_flush(c->parent);
        if (e && e != GW_ERR(AGAIN))
            return e;
        v[0] = ipc_poll(c->parent);
        v[1] = teller_poll(&c->teller);
        for (size_t i = 0; i < c->n; i++) {
            short events = witness_events(&c->w[i]);
            v[2 + i] = (struct pollfd){ .fd = events ? c->w[i].fd : -1, .events = events };
        }
        if (poll(v, 2 + c->n, ms) < 0 && errno != EINTR)
            return GW_ERR(SYS);
        for (size_t i = 0; i < c->n; i++)
            if (v[2 + i].revents)
                witness_ready(c, &c->w[i], now_ms());
        if (v[1].revents)
            teller_read(&c->teller, on_journal, c);
        if (v[0].revents && (e = ipc_serve(c->parent, on_parent, c)) < 0)
            return e; /* without the parent there is nothing to do here */
    }
    return 0;
}

/* The folder of each file stays writable; a file that cannot be opened now is tried again later. */
static void open_files(struct courier *c, uid_t uid, char *folders[GW_WITNESSES_MAX + 1])
{
    size_t n = 0;

    for (size_t i = 0; i < c->n; i++) {
        struct stat st;
        const struct gw_witness *w = c->w[i].conf;
        if (w->kind != GW_WITNESS_FILE)
            continue;
        char *folder = strdup(w->path);
        if (!folder)
            log_fatal("out of memory");
        *strrchr(folder, '/') = 0;
        if (stat(folder[0] ? folder : "/", &st) < 0 || !S_ISDIR(st.st_mode) || !folder[0]) {
            log_warn("witness %s: there is no folder %s now; the gateway has to be started again once there is", w->name, folder[0] ? folder : "for it");
            free(folder);
            continue;
        }
        folders[n++] = folder;
        if (file_open(&c->w[i], uid) < 0)
            log_warn("witness %s: %s", w->name, c->w[i].why);
    }
}

static int prepare(struct courier *c, const char *path)
{
    int e = gw_conf_load_said(path, &c->conf);
    e = e ? e : teller_init(&c->teller, IPC_COURIER, OUTBOX_MAX);
    if (e)
        return e;
    buf_init(&c->note, NOTE_MAX);
    if (gethostname(c->host, sizeof c->host - 1) < 0)
        c->host[0] = 0;
    c->n = c->conf->journal.n_witnesses;
    for (size_t i = 0; i < c->n; i++)
        witness_init(&c->w[i], &c->conf->journal.witnesses[i]);
    c->parent = ipc_new(IPC_PARENT_FD, IPC_COURIER, IPC_PARENT);
    return c->parent ? 0 : GW_ERR(NOMEM);
}

static int close_doors(struct courier *c)
{
    char *folders[GW_WITNESSES_MAX + 1] = { NULL };
    uid_t uid = geteuid() == 0 ? (uid_t)(c->conf->uid_first + GW_UID_COURIER) : 0;
    int e;

    (void)umask(022);
    tzset(); /* reads a file */
    open_files(c, uid, folders);
    e = sandbox_enter(SANDBOX_COURIER, &(struct sandbox_options){ .uid = uid, .nofile = 64, .write_below = (const char *const *)folders });
    if (e)
        log_error("the sandbox could not be closed: %s", gw_strerror(e));
    for (size_t i = 0; folders[i]; i++)
        free(folders[i]);
    return e;
}

int main(int argc, char **argv)
{
    static struct courier c;
    int e;

    if (argc != 2) {
        fputs("usage: lockgate-courier CONF (started by lockgate-parent)\n", stderr);
        return 2;
    }
    log_init("courier", LOG_L_INFO);
    (void)signal(SIGPIPE, SIG_IGN);
    e = prepare(&c, argv[1]);
    if (e)
        return e == GW_ERR(CONF) || e == GW_ERR(NOENT) ? EX_CONFIG : 1;
    if (close_doors(&c))
        return 1;
    e = ipc_put_ready(c.parent, &(struct msg_ready){ });
    if (!e)
        e = loop(&c);
    gw_conf_free(c.conf);
    return e && e != GW_ERR(CLOSED) ? 1 : 0;
}
