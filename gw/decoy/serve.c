/* SPDX-License-Identifier: GPL-3.0-or-later
 * Connections of the decoy: taken, read for a moment, named, closed. Bounded in number, time and bytes; lines in the journal too. */
#include <arpa/inet.h>
#include <errno.h>
#include <inttypes.h>
#include <netinet/in.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "decoy.h"
#include "fields.h"
#include "log.h"
#include "reason.h"

#define LINES_AT_ONCE 50    /* one for each connection; then LINES_PER_SECOND, and those between are counted */
#define LINES_PER_SECOND 10
#define COUNT_MS 1000       /* and that number is written at most so often */
#define ACCEPTS 64          /* in one turn */
#define FIELDS_MAX 4096

static int64_t now_ms(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

/* ---- the journal ---- */

static bool may_write(struct decoy *d, int64_t now)
{
    int64_t more = (now - d->lines_at) * LINES_PER_SECOND / 1000;
    if (more > 0) {
        d->allowance = more + d->allowance > LINES_AT_ONCE ? LINES_AT_ONCE : d->allowance + (unsigned)more;
        d->lines_at = now;
    }
    if (!d->allowance)
        return false;
    d->allowance--;
    return true;
}

static void write_line(struct decoy *d, const struct guest *g, const char *name, const struct decoy_words *w, uint64_t count)
{
    char text[NET_TEXT_MAX];
    unsigned char room[FIELDS_MAX];
    struct buf b = { .p = room, .cap = sizeof room, .max = sizeof room };
    struct wire_out o;
    wire_out_init(&o, &b);
    field_z(&o, GW_F_SIDE, gw_side_name(d->side));
    field_z(&o, GW_F_ACTION, "decoy");
    if (g) {
        field_z(&o, GW_F_SRC_IP, net_text(&g->from, text));
        field_num(&o, GW_F_SRC_PORT, g->from.port);
        field_z(&o, GW_F_DEST_IP, net_text(&g->to, text));
        field_num(&o, GW_F_DEST_PORT, g->to.port);
        field_z(&o, GW_F_PROTO, name);
        field_z(&o, GW_F_SNI, w->sni);
        field_z(&o, GW_F_ALPN, w->alpn);
        field_num(&o, GW_F_BYTES_IN, g->n);
    }
    field_z(&o, GW_F_VERDICT, "drop");
    field_z(&o, GW_F_REASON, gw_reason_code(GW_R_PORT_FORBIDDEN));
    if (count)
        field_num(&o, GW_F_COUNT, count);
    if (o.err || outbox_add(&d->teller.lines, LINE_TARGET_NONE, NULL, GW_EV_ADMISSION, buf_str(&b), NULL) != 0)
        d->unwritten++; /* the journal is away: they are counted until it is back */
}

/* What found no line of its own is one line with a number. */
static void write_unwritten(struct decoy *d, int64_t now)
{
    uint64_t count = d->unwritten - d->unwritten_told;
    if (!count || now - d->counted_at < COUNT_MS || !may_write(d, now))
        return;
    d->counted_at = now;
    d->unwritten_told = d->unwritten;
    write_line(d, NULL, NULL, NULL, count);
}

/* ---- guests ---- */

static void end_guest(struct decoy *d, struct guest *g)
{
    struct decoy_words w;
    bool sure;
    const char *name = decoy_name(g->bytes, g->n, &w, &sure);
    d->named++;
    if (may_write(d, now_ms()))
        write_line(d, g, name, &w, 0);
    else
        d->unwritten++;
    close(g->fd);
    free(g->bytes);
    *g = (struct guest){ .fd = -1 };
}

static void to_addr(const struct sockaddr_storage *ss, struct net_addr *ret)
{
    memset(ret, 0, sizeof *ret);
    if (ss->ss_family == AF_INET) {
        const struct sockaddr_in *s = (const struct sockaddr_in *)(const void *)ss;
        ret->family = 4;
        ret->port = ntohs(s->sin_port);
        memcpy(ret->addr, &s->sin_addr, 4);
    } else {
        const struct sockaddr_in6 *s = (const struct sockaddr_in6 *)(const void *)ss;
        ret->family = 6;
        ret->port = ntohs(s->sin6_port);
        memcpy(ret->addr, &s->sin6_addr, 16);
    }
}

/* TPROXY: the socket's own name is the destination that was dialled. */
static void take(struct decoy *d, int fd, const struct sockaddr_storage *from)
{
    struct sockaddr_storage to;
    socklen_t n = sizeof to;
    struct guest *g = NULL;
    for (int64_t i = 0; i < d->conf->decoy.connections && !g; i++)
        if (d->guest[i].fd < 0)
            g = &d->guest[i];
    if (!g || getsockname(fd, (struct sockaddr *)&to, &n) != 0 || !(g->bytes = malloc((size_t)d->conf->decoy.bytes))) {
        d->turned_away++;
        d->unwritten++;
        close(fd);
        return;
    }
    g->fd = fd;
    g->n = 0;
    g->deadline = now_ms() + d->conf->decoy.time;
    to_addr(from, &g->from);
    to_addr(&to, &g->to);
}

static void accept_all(struct decoy *d, int listener)
{
    for (int i = 0; i < ACCEPTS; i++) {
        struct sockaddr_storage from;
        socklen_t n = sizeof from;
        int fd = accept4(listener, (struct sockaddr *)&from, &n, SOCK_CLOEXEC | SOCK_NONBLOCK);
        if (fd < 0)
            return; /* none waits, or none can be had now: the rest waits in the kernel's own, short queue */
        take(d, fd, &from);
    }
}

static void read_guest(struct decoy *d, struct guest *g)
{
    struct decoy_words w;
    bool sure = false;
    ssize_t n = recv(g->fd, g->bytes + g->n, (size_t)d->conf->decoy.bytes - g->n, 0);
    if (n < 0 && (errno == EAGAIN || errno == EINTR))
        return;
    if (n > 0) {
        g->n += (size_t)n;
        (void)decoy_name(g->bytes, g->n, &w, &sure);
    }
    if (n <= 0 || sure || g->n == (size_t)d->conf->decoy.bytes)
        end_guest(d, g);
}

/* ---- messages ---- */

static int on_listener(struct decoy *d, const struct ipc_msg *m)
{
    struct msg_listener l;
    int e = ipc_get_listener(m, &l);
    if (e || m->fd < 0 || d->n_listeners == 2) {
        if (m->fd >= 0)
            close(m->fd);
        return e ? e : GW_ERR(PROTO);
    }
    d->listener[d->n_listeners++] = m->fd;
    return 0;
}

static int on_stats_ask(struct decoy *d, const struct ipc_msg *m)
{
    struct msg_stats_ask q;
    char json[256];
    int open = 0, e = ipc_get_stats_ask(m, &q);
    if (e)
        return e;
    for (int64_t i = 0; i < d->conf->decoy.connections; i++)
        open += d->guest[i].fd >= 0;
    snprintf(json, sizeof json, "{\"named\":%" PRIu64 ",\"turned_away\":%" PRIu64 ",\"open\":%d,\"counted_only\":%" PRIu64 "}", d->named,
        d->turned_away, open, d->unwritten);
    return ipc_put_stats(d->parent, &(struct msg_stats){ .ask = q.ask, .json = str_c(json) });
}

static int on_parent(void *user, const struct ipc_msg *m)
{
    struct decoy *d = user;
    switch ((int)m->type) {
    case IPC_M_LINK:
        return teller_link(&d->teller, m);
    case IPC_M_LISTENER:
        return on_listener(d, m);
    case IPC_M_STATS_ASK:
        return on_stats_ask(d, m);
    case IPC_M_STOP:
        d->stop = true;
        return 0;
    default:
        return GW_ERR(PROTO);
    }
}

/* ---- the loop ---- */

/* Who has been here long enough is named by what came so far. Milliseconds until the next one is due, at most 1000. */
static int look_at_time(struct decoy *d)
{
    int64_t now = now_ms(), next = now + 1000;
    for (int64_t i = 0; i < d->conf->decoy.connections; i++) {
        struct guest *g = &d->guest[i];
        if (g->fd >= 0 && now >= g->deadline)
            end_guest(d, g);
        else if (g->fd >= 0 && g->deadline < next)
            next = g->deadline;
    }
    write_unwritten(d, now);
    return (int)(next - now);
}

static int turn(struct decoy *d, struct pollfd *v)
{
    size_t n = 2 + d->n_listeners, places = (size_t)d->conf->decoy.connections;
    v[0] = ipc_poll(d->parent);
    v[1] = teller_poll(&d->teller);
    for (size_t i = 0; i < d->n_listeners; i++)
        v[2 + i] = (struct pollfd){ .fd = d->listener[i], .events = POLLIN };
    for (size_t i = 0; i < places; i++)
        v[n + i] = (struct pollfd){ .fd = d->guest[i].fd, .events = POLLIN };
    if (poll(v, n + places, look_at_time(d)) < 0 && errno != EINTR)
        return GW_ERR(SYS);
    for (size_t i = 0; i < places; i++)
        if (v[n + i].revents && v[n + i].fd == d->guest[i].fd)
            read_guest(d, &d->guest[i]);
    for (size_t i = 2; i < n; i++)
        if (v[i].revents)
            accept_all(d, v[i].fd);
    if (v[1].revents)
        teller_read(&d->teller, NULL, NULL);
    int e = v[0].revents ? ipc_serve(d->parent, on_parent, d) : 0;
    return e ? e : ipc_flush(d->parent) < 0 && !ipc_queued(d->parent) ? GW_ERR(CLOSED) : 0;
}

int decoy_run(struct decoy *d)
{
    struct pollfd *v = calloc(4 + (size_t)d->conf->decoy.connections, sizeof *v);
    if (!v || ipc_put_ready(d->parent, &(struct msg_ready){ }) != 0) {
        free(v);
        return 1;
    }
    int e = 0;
    while (!d->stop && !e) {
        teller_send(&d->teller);
        e = turn(d, v);
    }
    for (int64_t i = 0; i < d->conf->decoy.connections; i++)
        if (d->guest[i].fd >= 0)
            end_guest(d, &d->guest[i]);
    teller_send(&d->teller);
    free(v);
    return d->stop ? 0 : 1;
}
