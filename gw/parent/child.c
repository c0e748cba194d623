/* SPDX-License-Identifier: GPL-3.0-or-later
 * One child program: started with its channel on descriptor 3, heard, and started again when it dies. */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <linux/capability.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "log.h"
#include "parent.h"

#define QUICK_MS 10000       /* a life shorter than this counts as a quick death */
#define BACKOFF_MS 250       /* after the second quick death in a row, then doubled */
#define BACKOFF_MAX_MS 10000
#define STATS_MAX (1u << 20)

struct child *child_find(struct parent *p, enum ipc_role role, unsigned side, unsigned index)
{
    for (int i = 0; i < PROGRAMS; i++) {
        const struct program *g = p->child[i].program;
        if (g->role == role && g->side == side && g->index == index)
            return &p->child[i];
    }
    return NULL;
}

/* ---- starting ---- */

/* In the new process, before exec: nothing of the parent's stays but its channel. */
static void become(const struct parent *p, const struct program *g, int chan, const char *path, char *const argv[])
{
    sigset_t none;
    int null = open("/dev/null", O_RDONLY);
    if (null < 0 || dup2(null, 0) < 0 || dup2(2, 1) < 0)
        _exit(71);
    if (g->in_namespace && sock_enter(p, (enum gw_side)g->side)) {
        dprintf(2, "error parent: %s: cannot enter its namespace: %s\n", g->name, strerror(errno));
        _exit(71);
    }
    if (chan == IPC_PARENT_FD ? fcntl(chan, F_SETFD, 0) < 0 : dup2(chan, IPC_PARENT_FD) < 0)
        _exit(71);
    if (close_range(IPC_PARENT_FD + 1, ~0U, 0) != 0 || prctl(PR_SET_PDEATHSIG, SIGKILL) != 0)
        _exit(71);
    prctl(PR_CAPBSET_DROP, CAP_SYS_ADMIN); /* only the parent goes through namespaces */
    sigemptyset(&none);
    sigprocmask(SIG_SETMASK, &none, NULL);
    execv(path, argv);
    dprintf(2, "error parent: %s: %s\n", path, strerror(errno));
    _exit(72);
}

static int spawn(struct parent *p, struct child *c, int *ret_chan)
{
    const struct program *g = c->program;
    char path[640], arg[32] = "";
    char *argv[] = { NULL, p->conf->path, g->arg == ARG_NONE ? NULL : arg, NULL };
    int fd[2];

    snprintf(path, sizeof path, "%s/%s", p->folder, g->binary);
    argv[0] = path + strlen(p->folder) + 1;
    if (g->arg == ARG_SIDE)
        snprintf(arg, sizeof arg, "%s", gw_side_name((enum gw_side)g->side));
    else if (g->arg == ARG_INDEX)
        snprintf(arg, sizeof arg, "%u", g->index);
    else if (g->arg == ARG_EPOCH)
        snprintf(arg, sizeof arg, "%" PRIu64, c->epoch);
    if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fd) != 0)
        return GW_ERR(SYS);
    pid_t parent = getpid(), pid = fork();
    if (pid == 0) {
        if (getppid() != parent)
            _exit(0);
        become(p, g, fd[1], path, argv);
    }
    close(fd[1]);
    if (pid < 0) {
        close(fd[0]);
        return GW_ERR(SYS);
    }
    c->pid = pid;
    *ret_chan = fd[0];
    return 0;
}

int child_start(struct parent *p, struct child *c)
{
    int fd, e = 0;
    c->restart_at = 0;
    c->ready = c->served = false;
    c->stats_ask = 0;
    if (c->program->arg == ARG_EPOCH)
        e = epoch_next(p->conf->state, &c->epoch);
    if (!e)
        e = spawn(p, c, &fd);
    if (e) {
        log_error("%s was not started: %s", c->program->name, gw_strerror(e));
        c->restart_at = parent_now() + BACKOFF_MAX_MS;
        return e;
    }
    c->started = parent_now();
    c->starts++;
    c->chan = ipc_new(fd, IPC_PARENT, c->program->role);
    if (!c->chan) {
        child_kill(c, gw_strerror(GW_ERR(NOMEM)));
        return GW_ERR(NOMEM);
    }
    log_info("%s started, pid %d", c->program->name, (int)c->pid);
    if (c->staged)
        return 0;
    if (c->program->role == IPC_EDGE && sock_give_listeners(p, (enum gw_side)c->program->side, c->chan))
        child_kill(c, "it could not be given its listening sockets");
    if (c->program->role == IPC_DECOY && sock_give_decoy(p, (enum gw_side)c->program->side, c->chan))
        child_kill(c, "it could not be given its listening sockets");
    if (c->program->role == IPC_RESPONDER && sock_give_services(p, (enum gw_side)c->program->side, c->chan))
        child_kill(c, "it could not be given the sockets of its services");
    link_child(p, c);
    line_program(p, c, GW_R_PROGRAM_STARTED, NULL);
    return 0;
}

/* ---- ending ---- */

void child_kill(struct child *c, const char *why)
{
    if (why)
        log_warn("%s is ended: %s", c->program->name, why);
    ipc_free(c->chan);
    c->chan = NULL;
    c->ready = false;
    if (c->pid > 0)
        kill(c->pid, SIGKILL);
}

/* When to start it again: at once after a long life or the first quick death, later and later after more. A scanner that was at work
 * died of what it was asked, or of its deadline: to wait longer each time would let whoever sends such stanzas stop all others. */
static int64_t restart_delay(struct child *c, int64_t lived)
{
    if (lived >= QUICK_MS) {
        c->quick_deaths = 0;
        return 0;
    }
    unsigned n = c->quick_deaths++;
    if (n == 0)
        return 0;
    if (c->program->role == IPC_SCANNER && c->served)
        return BACKOFF_MS;
    return n > 6 ? BACKOFF_MAX_MS : BACKOFF_MS << (n - 1);
}

static int on_hits(struct parent *p, const struct ipc_msg *m)
{
    struct msg_hits q;
    int e = ipc_get_hits(m, &q);
    if (!e) {
        buf_reset(&p->hits);
        e = buf_puts(&p->hits, q.counts);
    }
    return e;
}

/* A guard that has ended may have said what its rules did just before: nobody has read that yet. */
static void last_words(struct parent *p, struct child *c)
{
    struct ipc_msg m;
    (void)!ipc_fill(c->chan);
    while (ipc_next(c->chan, &m) == 1) {
        if (m.fd >= 0)
            close(m.fd);
        if (m.type == IPC_M_HITS && on_hits(p, &m))
            log_warn("how often each rule held could not be kept");
    }
}

void child_ended(struct parent *p, struct child *c, int status)
{
    char text[64];
    if (WIFSIGNALED(status))
        snprintf(text, sizeof text, "signal %d", WTERMSIG(status));
    else
        snprintf(text, sizeof text, "exit %d", WEXITSTATUS(status));
    if (c->chan && c->program->role == IPC_GUARD && !c->staged)
        last_words(p, c);
    ipc_free(c->chan);
    c->chan = NULL;
    c->ready = false;
    c->last_status = status;
    if (c->staged) {
        c->pid = 0;
        reload_child_ended(p, c);
        return;
    }
    if (p->reload == RELOAD_DRAINING && c->program->role == IPC_GUARD) {
        log_info("%s ended: %s; its successor takes over", c->program->name, text);
        c->pid = 0;
        return;
    }
    reload_lost(p, c);
    if (p->stopping) {
        log_info("%s ended: %s", c->program->name, text);
        c->pid = 0;
        return;
    }
    log_warn("%s ended unasked: %s", c->program->name, text);
    line_program(p, c, GW_R_PROGRAM_LOST, text);
    c->pid = 0;
    int64_t now = parent_now(), delay = restart_delay(c, now - c->started);
    bool refused = WIFEXITED(status) && WEXITSTATUS(status) == 78;
    if (!p->was_ready && (refused || c->quick_deaths > 3)) {
        log_error("%s does not start: %s", c->program->name, refused ? "wrong configuration" : text);
        parent_stop(p, refused ? 78 : 1);
        return;
    }
    c->restart_at = now + delay;
    if (!c->restart_at)
        c->restart_at = 1;
}

/* ---- what children say ---- */

static int on_edge_broken(struct parent *p, const struct child *from, const struct ipc_msg *m)
{
    struct msg_edge_broken q;
    int e = ipc_get_edge_broken(m, &q);
    struct child *edge = e ? NULL : child_find(p, IPC_EDGE, q.side, 0);
    if (!e && !edge)
        e = GW_ERR(PROTO);
    else if (!e && edge->chan && !from->staged)
        child_kill(edge, "it broke the protocol towards the guard");
    return e;
}

static int on_connect(struct parent *p, struct child *c, const struct ipc_msg *m)
{
    struct msg_connect q;
    struct msg_connected a = { 0 };
    enum gw_side side = (enum gw_side)c->program->side;
    int fd = -1, e = ipc_get_connect(m, &q);
    if (e)
        return e;
    a.ask = q.ask;
    enum gw_reason r = connect_check(p->conf, p->seen, side, &q.from, &q.to, parent_now());
    if (r == GW_R_ADMITTED) {
        const struct net_addr *from = q.from.family ? &q.from : &p->conf->side[side].dns_source;
        a.error = (uint32_t)sock_connect(p, side, false, from, &q.to, &fd);
    } else {
        a.error = EACCES;
        line_refused(p, side, r, &q.from, &q.to);
    }
    return a.error ? ipc_put_connected(c->chan, &a) : ipc_put_connected_fd(c->chan, &a, fd);
}

static int on_dns_socket(struct parent *p, struct child *c, const struct ipc_msg *m)
{
    struct msg_dns_socket q;
    struct msg_connected a = { 0 };
    enum gw_side side = (enum gw_side)c->program->side;
    int fd = -1, e = ipc_get_dns_socket(m, &q);
    if (e)
        return e;
    a.ask = q.ask;
    enum gw_reason r = connect_check_dns(p->conf, side, &q.to);
    if (r == GW_R_ADMITTED) {
        a.error = (uint32_t)sock_connect(p, side, true, &p->conf->side[side].dns_source, &q.to, &fd);
    } else {
        a.error = EACCES;
        line_refused(p, side, r, NULL, &q.to);
    }
    return a.error ? ipc_put_connected(c->chan, &a) : ipc_put_connected_fd(c->chan, &a, fd);
}

/* The courier names a row of the configuration, never an address. */
static int on_witness(struct parent *p, struct child *c, const struct ipc_msg *m)
{
    struct msg_witness q;
    int fd = -1, e = ipc_get_witness(m, &q);
    if (e)
        return e;
    if (q.index >= p->conf->journal.n_witnesses || p->conf->journal.witnesses[q.index].kind == GW_WITNESS_FILE)
        return GW_ERR(PROTO);
    struct msg_connected a = { .ask = q.ask, .error = (uint32_t)sock_witness(&p->conf->journal.witnesses[q.index], &fd) };
    return a.error ? ipc_put_connected(c->chan, &a) : ipc_put_connected_fd(c->chan, &a, fd);
}

/* Both ends of what may try are remembered: for the source the far edge may stand, for the destination the near one. */
static int on_admitted(struct parent *p, struct child *c, const struct ipc_msg *m)
{
    struct msg_admitted q;
    int e = ipc_get_admitted(m, &q);
    if (e)
        return e;
    enum gw_side side = (enum gw_side)c->program->side;
    if (q.side != side)
        return GW_ERR(PROTO);
    if (gw_conf_in_side(p->conf, side, &q.from))
        seen_add(p->seen, side, &q.from, parent_now());
    if (gw_conf_in_side(p->conf, gw_other(side), &q.to))
        seen_add(p->seen, gw_other(side), &q.to, parent_now());
    return 0;
}

static int on_kill_scanner(struct parent *p, const struct child *from, const struct ipc_msg *m)
{
    struct msg_kill_scanner q;
    int e = ipc_get_kill_scanner(m, &q);
    struct child *s = e ? NULL : child_find(p, IPC_SCANNER, 0, q.index);
    if (!e && !s)
        e = GW_ERR(PROTO);
    else if (!e && s->chan && !from->staged)
        child_kill(s, "the guard had no answer in time");
    return e;
}

static int on_probed(struct parent *p, const struct child *c, const struct ipc_msg *m)
{
    struct msg_probed q;
    int e = ipc_get_probed(m, &q);
    if (!e && !c->staged)
        control_probed(p, &q);
    return e;
}

static int on_stats(struct child *c, const struct ipc_msg *m)
{
    struct msg_stats q;
    int e = ipc_get_stats(m, &q);
    if (e)
        return e;
    buf_reset(&c->stats);
    c->stats.max = STATS_MAX;
    c->stats_ask = q.ask;
    c->answered = parent_now();
    return buf_puts(&c->stats, q.json);
}

static int on_message(struct parent *p, struct child *c, const struct ipc_msg *m)
{
    struct msg_durable d;
    int e;
    switch ((int)m->type) {
    case IPC_M_READY:
        c->ready = c->served = true;
        c->answered = parent_now();
        log_info("%s is ready", c->program->name);
        if (c->program->role == IPC_JOURNAL)
            outbox_relink(&p->lines);
        if (c->program->role == IPC_SCANNER && !c->staged)
            link_child(p, c);
        return 0;
    case IPC_M_STATS:
        return on_stats(c, m);
    case IPC_M_CONNECT:
        return on_connect(p, c, m);
    case IPC_M_DNS_SOCKET:
        return on_dns_socket(p, c, m);
    case IPC_M_WITNESS:
        return on_witness(p, c, m);
    case IPC_M_EDGE_BROKEN:
        return on_edge_broken(p, c, m);
    case IPC_M_ADMITTED:
        return on_admitted(p, c, m);
    case IPC_M_PROBED:
        return on_probed(p, c, m);
    case IPC_M_KILL_SCANNER:
        return on_kill_scanner(p, c, m);
    case IPC_M_HITS:
        return c->program->role == IPC_GUARD ? on_hits(p, m) : GW_ERR(PROTO);
    case IPC_M_DURABLE:
        e = ipc_get_durable(m, &d);
        return e ? e : outbox_durable(&p->lines, &d);
    default:
        return GW_ERR(PROTO);
    }
}

void child_readable(struct parent *p, struct child *c)
{
    struct ipc_msg m;
    int e = ipc_fill(c->chan);
    if (e == GW_ERR(AGAIN))
        return;
    bool closed = e < 0;
    if (closed && e != GW_ERR(CLOSED)) {
        child_kill(c, gw_strerror(e));
        return;
    }
    while ((e = ipc_next(c->chan, &m)) == 1) {
        e = on_message(p, c, &m);
        if (m.fd >= 0)
            close(m.fd); /* nobody may send us a descriptor */
        if (e || !c->chan)
            break;
    }
    if (!c->chan || (e >= 0 && !closed))
        return;
    if (e >= 0 && (p->stopping || p->reload == RELOAD_DRAINING)) { /* it was asked to end and has time until the phase's deadline */
        ipc_free(c->chan);
        c->chan = NULL;
    } else {
        child_kill(c, e < 0 ? gw_strerror(e) : "it closed its channel");
    }
}
