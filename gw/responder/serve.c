/* SPDX-License-Identifier: GPL-3.0-or-later
 * Questions over the sockets of the services: each is checked for its source and its rate, answered or not, and recorded. */
#include <errno.h>
#include <inttypes.h>
#include <netinet/in.h>
#include <poll.h>
#include <stdio.h>
#include <sys/socket.h>
#include <unistd.h>

#include "log.h"
#include "responder.h"

#define AT_ONCE 64  /* questions of one socket in a turn */
#define FAR_MS 3000 /* the parent says each second whether the other side is there; without word it is not */

static int64_t now_ms(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

/* ---- one question ---- */

static const char *protocol(const struct gw_service *s)
{
    static const char *const names[] = { [GW_SERVICE_ECHO] = "icmp", [GW_SERVICE_DNS] = "dns", [GW_SERVICE_NTP] = "ntp" };
    return s->kind == GW_SERVICE_ECHO && s->address.family == 6 ? "icmpv6" : names[s->kind];
}

static size_t answer_ntp(const struct gw_service *s, const unsigned char *q, size_t n, unsigned char *out, enum gw_reason *ret)
{
    struct timex t = { .modes = 0 };
    struct timespec now;
    int state = adjtimex(&t);
    clock_gettime(CLOCK_REALTIME, &now);
    return ntp_answer(state, &t, s->stratum, now, q, n, out, ret);
}

static size_t answer(struct responder *r, const struct gw_service *s, const struct net_addr *from, const unsigned char *q, size_t n,
    unsigned char *out, enum gw_reason *ret)
{
    int64_t now = now_ms();
    *ret = GW_R_PORT_FORBIDDEN;
    if (n > QUESTION_MAX || (s->kind != GW_SERVICE_ECHO && !from->port))
        return 0;
    if (!gw_conf_in_side(r->conf, r->side, from)) {
        *ret = GW_R_SOURCE_UNKNOWN;
        return 0;
    }
    if (!rate_take(r->rate, from, now)) {
        *ret = GW_R_RATE;
        return 0;
    }
    switch (s->kind) {
    case GW_SERVICE_DNS:
        return dns_answer(r->conf, r->side, q, n, out, ret);
    case GW_SERVICE_NTP:
        return answer_ntp(s, q, n, out, ret);
    case GW_SERVICE_ECHO:
        if (now < r->far_until)
            return echo_answer(s->address.family, q, n, out, ret);
        *ret = GW_R_NO_ROUTE;
        return 0;
    }
    return 0;
}

/* An answer goes out only when its record is kept. */
static bool write_down(struct responder *r, const struct gw_service *s, const struct net_addr *from, enum gw_reason reason)
{
    struct said w = { .from = *from, .to = s->address, .proto = protocol(s), .action = "answer", .verdict = reason == GW_R_ANSWERED ? "admit" : "drop",
        .reason = reason };
    if (s->kind == GW_SERVICE_ECHO)
        w.from.port = 0; /* of a raw socket it is the protocol */
    return say_decision(&r->say, &w, now_ms()) == 0;
}

static bool serve_one(struct responder *r, int fd, const struct gw_service *s)
{
    unsigned char q[QUESTION_MAX + 1], out[ANSWER_MAX];
    struct sockaddr_storage ss;
    struct net_addr from;
    socklen_t len = sizeof ss;
    enum gw_reason reason;
    ssize_t got = recvfrom(fd, q, sizeof q, 0, (struct sockaddr *)&ss, &len);
    if (got < 0)
        return errno == ECONNREFUSED || errno == EHOSTUNREACH; /* of an earlier answer: nobody was there */
    if (net_from_sockaddr((const struct sockaddr *)&ss, &from) != 0)
        return true;
    size_t n = answer(r, s, &from, q, (size_t)got, out, &reason);
    bool kept = write_down(r, s, &from, reason);
    if (reason == GW_R_ANSWERED)
        r->answered[s->kind]++;
    else
        r->refused++;
    if (n && kept)
        (void)!sendto(fd, out, n, 0, (struct sockaddr *)&ss, len); /* one that finds no way is asked for again */
    return true;
}

/* ---- messages ---- */

static int on_service(struct responder *r, const struct ipc_msg *m)
{
    struct msg_service s;
    int e = ipc_get_service(m, &s);
    if (e || m->fd < 0 || r->n_sockets == GW_SERVICES_MAX || s.index >= r->conf->n_services || r->conf->services[s.index].side != r->side) {
        if (m->fd >= 0)
            close(m->fd);
        return e ? e : GW_ERR(PROTO);
    }
    r->socket[r->n_sockets].fd = m->fd;
    r->socket[r->n_sockets++].service = &r->conf->services[s.index];
    return 0;
}

static int on_far(struct responder *r, const struct ipc_msg *m)
{
    struct msg_far f;
    int e = ipc_get_far(m, &f);
    if (!e)
        r->far_until = f.there ? now_ms() + FAR_MS : 0;
    return e;
}

static int on_stats_ask(struct responder *r, const struct ipc_msg *m)
{
    struct msg_stats_ask q;
    char json[256];
    int e = ipc_get_stats_ask(m, &q);
    if (e)
        return e;
    snprintf(json, sizeof json, "{\"echo\":%" PRIu64 ",\"dns\":%" PRIu64 ",\"ntp\":%" PRIu64 ",\"refused\":%" PRIu64 ",\"far_side\":%s}",
        r->answered[GW_SERVICE_ECHO], r->answered[GW_SERVICE_DNS], r->answered[GW_SERVICE_NTP], r->refused, now_ms() < r->far_until ? "true" : "false");
    return ipc_put_stats(r->parent, &(struct msg_stats){ .ask = q.ask, .json = str_c(json) });
}

static int on_parent(void *user, const struct ipc_msg *m)
{
    struct responder *r = user;
    switch ((int)m->type) {
    case IPC_M_LINK:
        return teller_link(&r->teller, m);
    case IPC_M_SERVICE:
        return on_service(r, m);
    case IPC_M_FAR:
        return on_far(r, m);
    case IPC_M_STATS_ASK:
        return on_stats_ask(r, m);
    case IPC_M_STOP:
        r->stop = true;
        return 0;
    default:
        return GW_ERR(PROTO);
    }
}

/* ---- the loop ---- */

static int turn(struct responder *r)
{
    struct pollfd v[2 + GW_SERVICES_MAX];
    size_t n = r->n_sockets;
    int64_t left = r->say.due ? r->say.due - now_ms() : 1000;
    v[0] = ipc_poll(r->parent);
    v[1] = teller_poll(&r->teller);
    for (size_t i = 0; i < n; i++)
        v[2 + i] = (struct pollfd){ .fd = r->socket[i].fd, .events = POLLIN };
    if (poll(v, 2 + n, left > 0 ? (int)left : 0) < 0 && errno != EINTR)
        return GW_ERR(SYS);
    for (size_t i = 0; i < n; i++)
        for (int k = 0; v[2 + i].revents && k < AT_ONCE && serve_one(r, r->socket[i].fd, r->socket[i].service); k++)
            ;
    if (v[1].revents)
        teller_read(&r->teller, NULL, NULL);
    int e = v[0].revents ? ipc_serve(r->parent, on_parent, r) : 0;
    return e ? e : ipc_flush(r->parent) < 0 && !ipc_queued(r->parent) ? GW_ERR(CLOSED) : 0;
}

int responder_run(struct responder *r)
{
    int e = ipc_put_ready(r->parent, &(struct msg_ready){ }) != 0;
    while (!r->stop && !e) {
        say_tick(&r->say, now_ms());
        teller_send(&r->teller);
        e = turn(r);
    }
    teller_send(&r->teller);
    return r->stop ? 0 : 1;
}
