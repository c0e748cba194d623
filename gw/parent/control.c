/* SPDX-License-Identifier: GPL-3.0-or-later
 * The control socket: who may use which verb, by the credentials that the kernel vouches for. */
#include <errno.h>
#include <grp.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "log.h"
#include "parent.h"

#define CLIENTS (CONTROL_FDS - 1)
#define CLIENT_MS 10000 /* for a request to come and its answer to be read */
#define PROBE_MS 1000   /* for the guard's answer to a probe; without one the client is closed, which is a no */
#define STATS_MS 500    /* what a child has not answered by then is shown as missing */
#define STRANGERS 4     /* of no group: so many at once are told so, others are closed; operators keep their places */
#define STRANGER_MS 2000
#define REFUSALS 20     /* records of refusals at once; then one every REFUSAL_MS, and those between are counted */
#define REFUSAL_MS 500

enum staff { OFFICER, ENGINEER, AUDITOR, GROUPS };
static const char *const group_names[GROUPS] = { "lockgate-officer", "lockgate-engineer", "lockgate-auditor" };

struct client {
    struct ipc *chan;
    int64_t deadline;
    uint64_t ask;   /* status: waits for this answer until stats_due */
    int64_t stats_due;
    uint64_t probe; /* waits for what the guard says to this one */
    bool reload;    /* waits for the outcome of a reload, however long it takes */
    uid_t uid;
    unsigned groups; /* bits of enum staff */
    char who[40];
};
struct control {
    int fd;
    bool have_group[GROUPS];
    gid_t gid[GROUPS];
    char path[108];
    int64_t refusal_at;  /* when the allowance was counted */
    unsigned allowance;  /* records of refusals that may be written now */
    uint64_t unwritten;  /* refusals without one */
    uint64_t probes;     /* the number of the last one */
    struct client client[CLIENTS];
};

/* ---- who may do what; user 0 may do everything ---- */
static void verb_status(struct parent *p, struct client *c, struct str argument);
static void verb_stop(struct parent *p, struct client *c, struct str argument);
static void verb_reload(struct parent *p, struct client *c, struct str argument);
static void verb_probe(struct parent *p, struct client *c, struct str argument);
static const struct {
    const char *verb;
    unsigned groups;
    void (*run)(struct parent *p, struct client *c, struct str argument);
} verbs[] = {
    { "status", 1u << OFFICER | 1u << ENGINEER | 1u << AUDITOR, verb_status },
    { "stop", 1u << ENGINEER, verb_stop },
    { "reload", 1u << OFFICER, verb_reload },
    { "probe", 1u << OFFICER | 1u << ENGINEER, verb_probe },
};

static void client_end(struct client *c)
{
    ipc_free(c->chan);
    memset(c, 0, sizeof *c);
}

static void answer(struct client *c, uint8_t status, struct str text)
{
    const struct msg_ctl_text m = { .exit_status = status, .last = 1, .text = text };
    if (ipc_put_ctl_text(c->chan, &m) != 0)
        client_end(c);
}

static void verb_status(struct parent *p, struct client *c, struct str argument)
{
    const struct msg_stats_ask m = { .ask = ++p->ask };
    (void)argument;
    c->ask = m.ask;
    c->stats_due = parent_now() + STATS_MS;
    for (int i = 0; i < PROGRAMS; i++)
        if (p->child[i].ready && ipc_put_stats_ask(p->child[i].chan, &m) != 0)
            log_debug("%s was not asked", p->child[i].program->name);
}

static void verb_stop(struct parent *p, struct client *c, struct str argument)
{
    (void)argument;
    answer(c, 0, STR("stopping\n"));
    parent_stop(p, 0);
}

static void verb_reload(struct parent *p, struct client *c, struct str argument)
{
    (void)argument;
    if (reload_begin(p) == 0)
        c->reload = true; /* control_reload_done answers */
    else if (c->chan)
        answer(c, 1, STR("not now: the gateway is not up, or another reload is under way\n"));
}

/* Every program that is wanted must run, and the guard answers for the rest. */
static void verb_probe(struct parent *p, struct client *c, struct str argument)
{
    const struct msg_probe m = { .ask = ++p->control->probes }; /* not p->ask: a status that is being gathered goes by that */
    struct child *guard = child_find(p, IPC_GUARD, 0, 0);
    char text[128];
    (void)argument;
    for (int i = 0; i < PROGRAMS; i++)
        if (!p->child[i].ready && !p->child[i].off) {
            snprintf(text, sizeof text, "not well: %s is not running\n", p->child[i].program->name);
            answer(c, 1, str_c(text));
            return;
        }
    c->probe = m.ask;
    c->deadline = parent_now() + PROBE_MS;
    if (ipc_put_probe(guard->chan, &m) != 0 && c->chan)
        answer(c, 1, STR("not well: the guard takes no question\n"));
}

void control_probed(struct parent *p, const struct msg_probed *m)
{
    bool pass = m->pass_verdict == GW_V_RELEASE, block = m->block_verdict != GW_V_RELEASE;
    char text[400];
    snprintf(text, sizeof text, "%s: what must pass: %s (%s); what must be blocked: %s (%s)\n", pass && block ? "well" : "not well",
        gw_verdict_name((enum gw_verdict)m->pass_verdict), gw_reason_code((enum gw_reason)m->pass_reason),
        gw_verdict_name((enum gw_verdict)m->block_verdict), gw_reason_code((enum gw_reason)m->block_reason));
    for (int i = 0; i < CLIENTS; i++) {
        struct client *c = &p->control->client[i];
        if (!c->chan || !c->probe || c->probe > m->ask) /* an older question is answered by a newer probe as well */
            continue;
        c->probe = 0;
        c->deadline = parent_now() + CLIENT_MS;
        answer(c, pass && block ? 0 : 1, str_c(text));
    }
}

void control_reload_done(struct parent *p, int status, const char *text)
{
    for (int i = 0; i < CLIENTS; i++) {
        struct client *c = &p->control->client[i];
        if (!c->chan || !c->reload)
            continue;
        c->reload = false;
        c->deadline = parent_now() + CLIENT_MS;
        answer(c, (uint8_t)status, str_c(text));
    }
}

static bool may_write(struct control *k)
{
    int64_t passed = (parent_now() - k->refusal_at) / REFUSAL_MS;
    if (passed > 0) {
        k->allowance = passed + k->allowance > REFUSALS ? REFUSALS : k->allowance + (unsigned)passed;
        k->refusal_at = parent_now();
    }
    if (!k->allowance)
        return false;
    k->allowance--;
    return true;
}

/* Whoever asks a thousand times a second does not fill the journal with it. */
static void say_refused(struct parent *p, const struct client *c, const char *verb)
{
    if (may_write(p->control))
        line_operator(p, c->who, verb, "refused");
    else
        p->control->unwritten++;
}

static void say_unwritten(struct parent *p)
{
    struct control *k = p->control;
    char status[64];
    if (!k->unwritten || !may_write(k))
        return;
    snprintf(status, sizeof status, "refused, %llu requests more", (unsigned long long)k->unwritten);
    line_operator(p, "several", "control", status);
    k->unwritten = 0;
}

/* Says what was asked, who may, and who asked. */
static void refuse(struct parent *p, struct client *c, const char *verb, unsigned may)
{
    char text[512];
    size_t n = (size_t)snprintf(text, sizeof text, "refused: %s is for user 0 and for members of", verb);
    for (int g = 0; g < GROUPS; g++)
        if (may >> g & 1)
            n += (size_t)snprintf(text + n, sizeof text - n, " %s", group_names[g]);
    n += (size_t)snprintf(text + n, sizeof text - n, "; you are %s, of", c->who);
    for (int g = 0; g < GROUPS; g++)
        if (c->groups >> g & 1)
            n += (size_t)snprintf(text + n, sizeof text - n, " %s", group_names[g]);
    n += (size_t)snprintf(text + n, sizeof text - n, "%s. It is recorded.\n", c->groups ? "" : " none of the gateway's groups");
    say_refused(p, c, verb);
    answer(c, 1, (struct str){ text, n });
}

static void request(struct parent *p, struct client *c, const struct ipc_msg *m)
{
    struct msg_ctl q;
    if (m->type != IPC_M_CTL || ipc_get_ctl(m, &q) != 0) {
        client_end(c);
        return;
    }
    for (size_t i = 0; i < sizeof verbs / sizeof verbs[0]; i++) {
        if (!str_eq(q.verb, str_c(verbs[i].verb)))
            continue;
        if (c->uid != 0 && !(c->groups & verbs[i].groups)) {
            refuse(p, c, verbs[i].verb, verbs[i].groups);
            return;
        }
        if (verbs[i].run != verb_status && verbs[i].run != verb_probe) /* these come every few seconds and change nothing */
            line_operator(p, c->who, verbs[i].verb, "accepted");
        verbs[i].run(p, c, q.argument);
        return;
    }
    if (c->uid != 0 && !c->groups)
        refuse(p, c, "what you asked", (1u << GROUPS) - 1);
    else
        answer(c, 2, STR("the running gateway does not know this verb\n"));
}

/* ---- who is it ---- */

static unsigned groups_of(const struct control *k, int fd, gid_t primary)
{
    gid_t v[256];
    socklen_t n = sizeof v;
    unsigned bits = 0;
    if (getsockopt(fd, SOL_SOCKET, SO_PEERGROUPS, v, &n) != 0)
        n = 0;
    for (int g = 0; g < GROUPS; g++) {
        if (k->have_group[g] && k->gid[g] == primary)
            bits |= 1u << g;
        for (size_t i = 0; i < n / sizeof v[0]; i++)
            if (k->have_group[g] && k->gid[g] == v[i])
                bits |= 1u << g;
    }
    return bits;
}

static void accept_client(struct control *k)
{
    struct ucred cred;
    socklen_t n = sizeof cred;
    struct client *c = NULL;
    int fd = accept4(k->fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
    if (fd < 0)
        return;
    int strangers = 0;
    for (int i = 0; i < CLIENTS; i++) {
        if (!k->client[i].chan && !c)
            c = &k->client[i];
        strangers += k->client[i].chan && k->client[i].uid != 0 && !k->client[i].groups;
    }
    if (!c || getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &cred, &n) != 0) {
        close(fd);
        return;
    }
    unsigned groups = groups_of(k, fd, cred.gid);
    bool stranger = cred.uid != 0 && !groups;
    if (stranger && strangers >= STRANGERS) {
        close(fd);
        return;
    }
    c->chan = ipc_new(fd, IPC_PARENT, IPC_CTL);
    c->uid = cred.uid;
    c->groups = groups;
    c->deadline = parent_now() + (stranger ? STRANGER_MS : CLIENT_MS);
    snprintf(c->who, sizeof c->who, "uid %u", (unsigned)cred.uid);
    if (!c->chan)
        memset(c, 0, sizeof *c);
}

/* ---- opening, polling ---- */

static int bind_socket(struct control *k)
{
    struct sockaddr_un sun = { .sun_family = AF_UNIX };
    bool any = false;
    for (int g = 0; g < GROUPS; g++) {
        const struct group *gr = getgrnam(group_names[g]);
        k->have_group[g] = gr != NULL;
        k->gid[g] = gr ? gr->gr_gid : 0;
        any = any || gr;
    }
    memcpy(sun.sun_path, k->path, sizeof sun.sun_path);
    k->fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (k->fd < 0)
        return -1;
    if (connect(k->fd, (struct sockaddr *)&sun, sizeof sun) == 0) {
        errno = EADDRINUSE; /* another gateway answers there */
        return -1;
    }
    unlink(k->path);
    mode_t old = umask(any ? 0111 : 0117);
    /* One file cannot belong to three groups: with any of them there, the door is open and who knocks is looked at. */
    int r = bind(k->fd, (struct sockaddr *)&sun, sizeof sun);
    umask(old);
    return r ? r : listen(k->fd, CLIENTS);
}

int control_open(struct parent *p)
{
    struct control *k = calloc(1, sizeof *k);
    if (!k)
        return GW_ERR(NOMEM);
    p->control = k;
    k->fd = -1;
    if (snprintf(k->path, sizeof k->path, "%s/control", p->conf->run) >= (int)sizeof k->path) {
        log_error("gateway.run: the path is too long for a socket");
        return GW_ERR(CONF);
    }
    if (bind_socket(k) == 0)
        return 0;
    log_error("%s: %s", k->path, errno == EADDRINUSE ? "another gateway is running with this configuration" : strerror(errno));
    if (k->fd >= 0)
        close(k->fd);
    k->fd = -1;
    k->path[0] = 0;
    return GW_ERR(SYS);
}

void control_close(struct parent *p)
{
    struct control *k = p->control;
    if (!k)
        return;
    for (int i = 0; i < CLIENTS; i++)
        if (k->client[i].chan)
            client_end(&k->client[i]);
    if (k->fd >= 0) {
        close(k->fd);
        unlink(k->path);
    }
    free(k);
    p->control = NULL;
}

size_t control_poll(struct parent *p, struct pollfd *v)
{
    struct control *k = p->control;
    size_t n = 0;
    v[n++] = (struct pollfd){ .fd = k->fd, .events = POLLIN };
    for (int i = 0; i < CLIENTS; i++)
        if (k->client[i].chan)
            v[n++] = (struct pollfd){ .fd = ipc_fd(k->client[i].chan),
                .events = (short)(POLLIN | (ipc_queued(k->client[i].chan) ? POLLOUT : 0)) };
    return n;
}

static void client_ready(struct parent *p, struct client *c)
{
    struct ipc_msg m;
    int e = ipc_fill(c->chan);
    if (e < 0 && e != GW_ERR(AGAIN)) {
        client_end(c);
        return;
    }
    while (c->chan && (e = ipc_next(c->chan, &m)) == 1)
        request(p, c, &m);
    if (c->chan && (e < 0 || (ipc_flush(c->chan) < 0 && ipc_queued(c->chan) == 0)))
        client_end(c);
}

void control_ready(struct parent *p, const struct pollfd *v, size_t n)
{
    struct control *k = p->control;
    for (size_t i = 0; i < n; i++) {
        if (!v[i].revents)
            continue;
        if (v[i].fd == k->fd) {
            accept_client(k);
            continue;
        }
        for (int j = 0; j < CLIENTS; j++)
            if (k->client[j].chan && ipc_fd(k->client[j].chan) == v[i].fd) {
                client_ready(p, &k->client[j]);
                break;
            }
    }
}

static bool stats_complete(const struct parent *p, uint64_t ask)
{
    for (int i = 0; i < PROGRAMS; i++)
        if (p->child[i].ready && p->child[i].stats_ask < ask)
            return false;
    return true;
}

int64_t control_due(const struct parent *p)
{
    int64_t due = 0;
    for (int i = 0; i < CLIENTS; i++) {
        const struct client *c = &p->control->client[i];
        int64_t t = !c->chan || c->reload ? 0 : c->ask && c->stats_due < c->deadline ? c->stats_due : c->deadline;
        if (t && (!due || t < due))
            due = t;
    }
    return due;
}

void control_tick(struct parent *p)
{
    int64_t now = parent_now();
    say_unwritten(p);
    for (int i = 0; i < CLIENTS; i++) {
        struct client *c = &p->control->client[i];
        if (c->chan && c->ask && (now >= c->stats_due || stats_complete(p, c->ask))) {
            struct buf b;
            buf_init(&b, 2u << 20);
            c->ask = 0;
            int e = status_json(p, &b);
            answer(c, e ? 1 : 0, e ? str_c(gw_strerror(e)) : buf_str(&b));
            buf_clear(&b);
        }
        if (c->chan && ((ipc_flush(c->chan) < 0 && ipc_queued(c->chan) == 0) || (now >= c->deadline && !p->stopping && !c->reload)))
            client_end(c);
    }
}
