/* SPDX-License-Identifier: GPL-3.0-or-later
 * lockgate-parent CONF: reads the configuration, makes the sockets, starts and joins the programs, and starts again what
 * dies. It stays in the foreground; `lockgate run` becomes it. Exit 0 ended in order, 1 it could not, 2 usage, 78 configuration. */
#include <cap-ng.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/signalfd.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "log.h"
#include "parent.h"

#define READY_MS 30000 /* for all programs to come up */
#ifdef LOCKGATE_SANITIZE
#define PHASE_MS 20000 /* at its end a program looks for leaks; who is killed before reports none */
#else
#define PHASE_MS 3000  /* for the programs of one stop phase to end */
#endif
#define FAR_MS 1000
#define LINES_MAX (4u << 20)

int64_t parent_now(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

/* ---- before anything starts ---- */

static int make_folder(const char *path, uid_t owner, mode_t mode)
{
    struct stat st;
    if (mkdir(path, mode) != 0 && errno != EEXIST)
        goto bad;
    if (stat(path, &st) != 0 || (owner && st.st_uid != owner && chown(path, owner, owner) != 0))
        goto bad;
    return 0;
bad:
    log_error("%s: %m", path);
    return GW_ERR(SYS);
}

static int make_folders(const struct gw_conf *c)
{
    char path[512];
    int e = make_folder(c->state, 0, 0755);
    if (snprintf(path, sizeof path, "%s/journal", c->state) >= (int)sizeof path)
        return GW_ERR(LIMIT);
    if (!e)
        e = make_folder(path, (uid_t)c->uid_first + GW_UID_JOURNAL, 0750);
    if (!e)
        e = make_folder(c->run, 0, 0755);
    return e;
}

/* Programs live beside our own, or in the libexec folder of an installation. */
static int find_programs(struct parent *p)
{
    char own[400];
    ssize_t n = readlink("/proc/self/exe", own, sizeof own - 1);
    if (n <= 0)
        return GW_ERR(SYS);
    own[n] = 0;
    *strrchr(own, '/') = 0;
    snprintf(p->folder, sizeof p->folder, "%s", own);
    int e = 0;
    for (int i = 0; i < PROGRAMS; i++) {
        char path[640];
        snprintf(path, sizeof path, "%s/%s", p->folder, programs[i].binary);
        if (access(path, X_OK) != 0) {
            log_error("%s: %m", path);
            e = GW_ERR(NOENT);
        }
    }
    return e;
}

/* What it takes to make sockets in namespaces and to start programs under other ids; nothing else stays. A container may
 * have taken some away before: what is missing then is missed where it is needed. */
static int drop_privilege(void)
{
    static const unsigned keep[] = { CAP_SYS_ADMIN, CAP_NET_ADMIN, CAP_NET_RAW, CAP_NET_BIND_SERVICE, CAP_SETUID, CAP_SETGID, CAP_SETPCAP,
        CAP_KILL, CAP_DAC_OVERRIDE, CAP_CHOWN, CAP_FOWNER, CAP_SYS_RESOURCE };
    bool have[sizeof keep / sizeof keep[0]];
    int e = capng_get_caps_process();
    for (size_t i = 0; i < sizeof keep / sizeof keep[0]; i++)
        have[i] = capng_have_capability(CAPNG_PERMITTED, keep[i]);
    capng_clear(CAPNG_SELECT_BOTH);
    for (size_t i = 0; i < sizeof keep / sizeof keep[0] && !e; i++)
        if (have[i])
            e = capng_update(CAPNG_ADD, CAPNG_EFFECTIVE | CAPNG_PERMITTED | CAPNG_BOUNDING_SET, keep[i]);
    if (e || capng_apply(CAPNG_SELECT_BOTH) != 0) {
        log_error("capabilities could not be dropped: %m");
        return GW_ERR(SYS);
    }
    const struct rlimit core = { 0, 0 };
    return setrlimit(RLIMIT_CORE, &core) == 0 && prctl(PR_SET_DUMPABLE, 0) == 0 ? 0 : GW_ERR(SYS);
}

/* All of them are looked at, so that one run names every mistake. */
static int prepare(struct parent *p, const char *path)
{
    struct conf_errors errs;
    conf_errors_init(&errs);
    int e = gw_conf_load(path, &p->conf, &errs);
    conf_errors_print(&errs, stderr);
    conf_errors_clear(&errs);
    if (e)
        return e;
    if (geteuid() != 0) {
        log_error("the gateway is started by root: it makes sockets in network namespaces and gives every program an id of its own");
        return GW_ERR(DENIED);
    }
    int a = find_programs(p), b = sock_open_namespaces(p), c = make_folders(p->conf);
    return a ? a : b ? b : c;
}

/* ---- ending in order ---- */

static bool phase_done(const struct parent *p, int phase)
{
    for (int i = 0; i < PROGRAMS; i++)
        if (p->child[i].program->stop_phase == phase && p->child[i].pid)
            return false;
    return true;
}

static void stop_phase(struct parent *p, int64_t now)
{
    const struct msg_stop m = { };
    p->stop_deadline = now + PHASE_MS;
    for (int i = 0; i < PROGRAMS; i++) {
        struct child *c = &p->child[i];
        if (c->program->stop_phase == p->stop_phase && c->pid && (!c->chan || ipc_put_stop(c->chan, &m) != 0))
            child_kill(c, NULL);
    }
}

void parent_stop(struct parent *p, int exit_status)
{
    if (p->stopping)
        return;
    log_info("stopping");
    notify_say(&p->notify, "STOPPING=1");
    p->stopping = true;
    p->exit_status = exit_status;
    p->stop_phase = 0;
    stop_phase(p, parent_now());
}

/* Doors first, then those that decide, the journal, and last who carries its last checkpoint. True when all have ended. */
static bool stop_tick(struct parent *p, int64_t now)
{
    while (phase_done(p, p->stop_phase)) {
        if (++p->stop_phase == STOP_PHASES)
            return true;
        stop_phase(p, now);
    }
    if (now >= p->stop_deadline)
        for (int i = 0; i < PROGRAMS; i++)
            if (p->child[i].program->stop_phase == p->stop_phase && p->child[i].pid)
                child_kill(&p->child[i], "it did not end in time");
    return false;
}

/* ---- the loop ---- */

static void reap(struct parent *p)
{
    int helper;
    if (p->watch.pid > 0 && waitpid(p->watch.pid, &helper, WNOHANG) == p->watch.pid)
        watch_ended(p, helper);
    for (int i = 0; i < PROGRAMS; i++) {
        int status;
        struct child *both[] = { &p->child[i], &p->stage[i] };
        for (int k = 0; k < 2; k++)
            if (both[k]->pid > 0 && waitpid(both[k]->pid, &status, WNOHANG) == both[k]->pid)
                child_ended(p, both[k], status);
    }
}

static void on_signals(struct parent *p, int fd)
{
    struct signalfd_siginfo s;
    while (read(fd, &s, sizeof s) == (ssize_t)sizeof s) {
        if (s.ssi_signo == SIGCHLD)
            reap(p);
        else if (s.ssi_signo == SIGHUP && reload_begin(p) != 0)
            log_warn("reload: not now");
        else if (s.ssi_signo == SIGHUP)
            log_info("reload: new programs load the present rules");
        else
            parent_stop(p, 0);
    }
}

static void restart_due(struct parent *p, int64_t now)
{
    for (int i = 0; i < PROGRAMS && !p->stopping; i++) {
        struct child *c = &p->child[i];
        if (!c->pid && c->restart_at && now >= c->restart_at && child_start(p, c) != 0)
            log_error("%s: another try follows", c->program->name);
    }
}

static void check_ready(struct parent *p, int64_t now)
{
    if (p->was_ready || p->stopping)
        return;
    int missing = 0;
    for (int i = 0; i < PROGRAMS; i++)
        missing += !p->child[i].ready && !p->child[i].off;
    if (!missing) {
        p->was_ready = true;
        puts("ready");
        fflush(stdout);
        if (p->conf->tap)
            line_operator(p, "parent", "tap", "the edges write what is said inside TLS to the folder tap");
        notify_say(&p->notify, "READY=1\nSTATUS=all programs are up");
    } else if (now >= p->ready_deadline) {
        for (int i = 0; i < PROGRAMS; i++)
            if (!p->child[i].ready && !p->child[i].off)
                log_error("%s did not get ready in time", p->child[i].program->name);
        parent_stop(p, 1);
    }
}

/* Milliseconds until something is due. */
static int next_due(const struct parent *p, int64_t now)
{
    int64_t due = now + 1000, t = control_due(p);
    if (t && t < due)
        due = t;
    if (p->stopping && p->stop_deadline < due)
        due = p->stop_deadline;
    if (p->notify.fd >= 0 && p->notify.every > 0 && p->notify.due < due)
        due = p->notify.due;
    if (!p->stopping && p->watch.due && p->watch.due < due)
        due = p->watch.due;
    if (p->reload != RELOAD_NONE && p->reload_deadline < due)
        due = p->reload_deadline;
    for (int i = 0; i < PROGRAMS; i++)
        if (p->child[i].restart_at && p->child[i].restart_at < due)
            due = p->child[i].restart_at;
    return due > now ? (int)(due - now) : 0;
}

/* Admissions are read before edges: who asks to connect on was admitted first, and that must be known by then. */
static void serve_children(struct parent *p, const struct pollfd *v, struct child *const *which, size_t n)
{
    for (int pass = 0; pass < 2; pass++)
        for (size_t i = 0; i < n; i++) {
            struct child *c = which[i];
            bool first = c->program && c->program->role == IPC_ADMISSION;
            if (first == (pass == 0) && c->chan && ipc_fd(c->chan) == v[i].fd && (v[i].revents & (POLLIN | POLLHUP | POLLERR)))
                child_readable(p, c);
        }
}

static void flush_children(struct parent *p)
{
    line_flush(p);
    for (int i = 0; i < PROGRAMS; i++) {
        struct child *c = &p->child[i];
        int e = c->chan ? ipc_flush(c->chan) : 0;
        if (e && e != GW_ERR(AGAIN) && !p->stopping)
            child_kill(c, gw_strerror(e));
    }
}

/* Once a second each responder is told whether the other side is there: linked, and its edge at work. */
static void far_tick(struct parent *p, int64_t now)
{
    if (p->stopping || now < p->far_due)
        return;
    p->far_due = now + FAR_MS;
    for (int i = 0; i < PROGRAMS; i++) {
        const struct child *c = &p->child[i];
        bool there = false;
        if (c->program->role != IPC_RESPONDER || !c->chan || !c->ready)
            continue;
        for (int k = 0; k < PROGRAMS; k++)
            there |= p->child[k].program->role == IPC_EDGE && p->child[k].program->side != c->program->side && p->child[k].ready;
        const struct msg_far m = { .there = there && sock_linked(p, gw_other((enum gw_side)c->program->side)) };
        if (ipc_put_far(c->chan, &m) != 0)
            log_warn("%s could not be told about the other side", c->program->name);
    }
}

static size_t poll_children(struct parent *p, struct pollfd *v, struct child **which)
{
    size_t n = 0;
    for (int i = 0; i < 2 * PROGRAMS; i++) {
        struct child *c = i < PROGRAMS ? &p->child[i] : &p->stage[i - PROGRAMS];
        if (!c->chan)
            continue;
        which[n] = c;
        v[n++] = (struct pollfd){ .fd = ipc_fd(c->chan), .events = (short)(POLLIN | (ipc_queued(c->chan) ? POLLOUT : 0)) };
    }
    return n;
}

static int loop(struct parent *p, int signals)
{
    struct pollfd v[1 + GW_SIDES + 2 * PROGRAMS + CONTROL_FDS];
    struct child *which[2 * PROGRAMS];
    for (;;) {
        int64_t now = parent_now();
        restart_due(p, now);
        check_ready(p, now);
        reload_tick(p, now);
        watch_tick(p, now);
        crl_tick(p, now);
        notify_tick(p, now);
        control_tick(p);
        far_tick(p, now);
        flush_children(p);
        if (p->stopping && stop_tick(p, now))
            return p->exit_status;
        v[0] = (struct pollfd){ .fd = signals, .events = POLLIN };
        size_t first = 1 + watch_poll(p, v + 1), children = poll_children(p, v + first, which), n = first + children;
        n += control_poll(p, v + n);
        if (poll(v, n, next_due(p, parent_now())) < 0 && errno != EINTR) {
            log_error("poll: %m");
            return 1;
        }
        serve_children(p, v + first, which, children);
        control_ready(p, v + first + children, n - first - children);
        watch_ready(p, v + 1);
        if (v[0].revents)
            on_signals(p, signals);
    }
}

static int open_signals(void)
{
    sigset_t set;
    sigemptyset(&set);
    sigaddset(&set, SIGCHLD);
    sigaddset(&set, SIGTERM);
    sigaddset(&set, SIGINT);
    sigaddset(&set, SIGHUP);
    sigprocmask(SIG_BLOCK, &set, NULL);
    signal(SIGPIPE, SIG_IGN);
    return signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
}

static int start_all(struct parent *p)
{
    for (int i = 0; i < PROGRAMS; i++)
        p->child[i].program = &programs[i];
    for (int i = 0; i < PROGRAMS; i++) {
        buf_init(&p->child[i].stats, 1u << 20);
        p->child[i].off = (programs[i].role == IPC_DECOY && !p->conf->decoy.on) || (programs[i].role == IPC_READER && !p->conf->reader) ||
            (programs[i].role == IPC_TOKEN && !gw_conf_uses_token(p->conf)) ||
            (programs[i].role == IPC_RESPONDER && !gw_conf_has_service(p->conf, (enum gw_side)programs[i].side));
        if (!p->child[i].off && child_start(p, &p->child[i]) != 0)
            return GW_ERR(SYS);
    }
    return 0;
}

int main(int argc, char **argv)
{
    static struct parent p;
    uint64_t epoch;
    log_init("parent", LOG_L_INFO);
    if (argc != 2) {
        fputs("usage: lockgate-parent CONF\n", stderr);
        return 2;
    }
    int e = prepare(&p, argv[1]);
    if (e)
        return e == GW_ERR(CONF) || e == GW_ERR(NOENT) ? 78 : 1;
    int signals = open_signals();
    if (signals < 0 || drop_privilege() != 0 || epoch_next(p.conf->state, &epoch) != 0)
        return 1;
    p.seen = seen_new();
    outbox_init(&p.lines, epoch, LINES_MAX);
    buf_init(&p.hits, 1u << 20);
    if (!p.seen || control_open(&p) != 0)
        return 1;
    watch_open(&p);
    notify_open(&p.notify);
    p.started = parent_now();
    p.ready_deadline = p.started + READY_MS;
    if (start_all(&p) != 0)
        parent_stop(&p, 1);
    int status = loop(&p, signals);
    control_close(&p);
    outbox_clear(&p.lines);
    seen_free(p.seen);
    gw_conf_free(p.conf);
    return status;
}
