/* SPDX-License-Identifier: GPL-3.0-or-later
 * Finding a domain's servers by DNS: one question after the other over one connected UDP socket. */
#include "dns.h"

#include <ares.h>
#include <arpa/nameser.h>
#include <netdb.h>
#include <netinet/in.h>
#include <openssl/rand.h>
#include <stdio.h>
#include <stdlib.h>
#include <strings.h>
#include <sys/socket.h>
#include <unistd.h>

#include "choose.h"
#include "log.h"

#define TRY_MS 1500
#define TRIES 3          /* of one question, over the resolvers in turn */
#define MESSAGE_MAX 4096

static void ask_question(struct dns *d);

/* Which question is due: its name and type. False: no more. */
static bool question(const struct dns *d, char name[300], int *type)
{
    unsigned host = (d->step - 2) / 2;
    if (d->step < 2) {
        snprintf(name, 300, "%s._tcp.%s", d->step ? "_xmpp-server" : "_xmpps-server", d->domain);
        *type = ns_t_srv;
        return true;
    }
    if (host >= d->n_srv)
        return false;
    snprintf(name, 300, "%s", d->srv[host].host);
    *type = d->step % 2 ? ns_t_aaaa : ns_t_a;
    return true;
}

static void free_poll(uv_handle_t *h)
{
    free(h);
}

static void drop_socket(struct dns *d)
{
    ask_cancel(&d->ask);
    if (d->poll) {
        d->poll->data = NULL;
        uv_close((uv_handle_t *)d->poll, free_poll);
        d->poll = NULL;
    }
    if (d->fd >= 0)
        close(d->fd);
    d->fd = -1;
}

static void finish(struct dns *d)
{
    drop_socket(d);
    d->deadline = 0;
    LIST_REMOVE(d, link);
    d->done(d);
}

/* ---- answers ---- */

static uint32_t draw(void)
{
    uint32_t v = 0;
    (void)!RAND_bytes((unsigned char *)&v, sizeof v);
    return v;
}

static void sort_servers(struct dns *d)
{
    struct choice v[DNS_SERVERS];
    struct dns_srv was[DNS_SERVERS];
    memcpy(was, d->srv, sizeof was);
    for (unsigned i = 0; i < d->n_srv; i++)
        v[i] = (struct choice){ was[i].priority, was[i].weight, i };
    choose(v, d->n_srv, draw);
    for (size_t i = 0; i < d->n_srv; i++)
        d->srv[i] = was[v[i].index];
}

static void take_srv(struct dns *d, const unsigned char *p, int n)
{
    struct ares_srv_reply *list = NULL;
    if (ares_parse_srv_reply(p, n, &list) != ARES_SUCCESS)
        return;
    for (struct ares_srv_reply *s = list; s && d->n_srv < DNS_SERVERS; s = s->next) {
        struct dns_srv *v = &d->srv[d->n_srv];
        if (!s->host[0] || strcmp(s->host, ".") == 0) {
            d->refused = true;
            continue;
        }
        if (strlen(s->host) >= sizeof v->host || s->port == 0)
            continue;
        *v = (struct dns_srv){ .port = s->port, .priority = s->priority, .weight = s->weight, .direct = d->step == 0 };
        memcpy(v->host, s->host, strlen(s->host) + 1);
        d->n_srv++;
    }
    ares_free_data(list);
}

static void take_address(struct dns *d, const unsigned char *p, int n)
{
    const struct dns_srv *v = &d->srv[(d->step - 2) / 2];
    struct ares_addrttl a4[DNS_ANSWERS];
    struct ares_addr6ttl a6[DNS_ANSWERS];
    int n4 = 0, n6 = 0;
    if (d->step % 2 == 0) {
        n4 = DNS_ANSWERS;
        if (ares_parse_a_reply(p, n, NULL, a4, &n4) != ARES_SUCCESS)
            n4 = 0;
    } else {
        n6 = DNS_ANSWERS;
        if (ares_parse_aaaa_reply(p, n, NULL, a6, &n6) != ARES_SUCCESS)
            n6 = 0;
    }
    for (int i = 0; i < n4 + n6 && d->n < DNS_ANSWERS; i++) {
        struct gw_target *t = &d->list[d->n++];
        *t = (struct gw_target){ .address = { .family = n4 ? 4 : 6, .port = v->port }, .tls = v->direct ? GW_DIRECT_TLS : GW_STARTTLS };
        if (n4)
            memcpy(t->address.addr, &a4[i].ipaddr, 4);
        else
            memcpy(t->address.addr, &a6[i].ip6addr, 16);
    }
}

static void next_question(struct dns *d)
{
    char name[300];
    int type;
    d->step++;
    d->tries = 0;
    if (d->step == 2) {
        if (d->n_srv == 0 && !d->refused) { /* RFC 6120 section 3.2.2: the domain itself */
            snprintf(d->srv[0].host, sizeof d->srv[0].host, "%s", d->domain);
            d->srv[0].port = 5269;
            d->n_srv = 1;
        }
        sort_servers(d);
    }
    if (question(d, name, &type))
        ask_question(d);
    else
        finish(d);
}

/* The question comes back in the answer: same id, same name, same type, and it is an answer. */
static bool is_ours(const struct dns *d, const unsigned char *p, int n)
{
    char name[300], *got = NULL;
    int type;
    long used;
    bool good;
    if (n < 12 || ((p[0] << 8) | p[1]) != d->id || !(p[2] & 0x80) || ((p[4] << 8) | p[5]) != 1 || !question(d, name, &type))
        return false;
    if (ares_expand_name(p + 12, p, n, &got, &used) != ARES_SUCCESS)
        return false;
    good = strcasecmp(got, name) == 0 && 12 + used + 4 <= n && ((p[12 + used] << 8) | p[13 + used]) == type;
    ares_free_string(got);
    return good;
}

static void retry(struct dns *d)
{
    if (++d->tries >= TRIES) {
        next_question(d);
        return;
    }
    drop_socket(d); /* another resolver, or a fresh source port */
    d->resolver = (d->resolver + 1) % edge_side(d->edge)->n_dns;
    ask_question(d);
}

static void on_readable(uv_poll_t *poll, int status, int events)
{
    static unsigned char p[MESSAGE_MAX];
    struct dns *d = poll->data;
    long n;
    (void)events;
    if (!d)
        return;
    if (status < 0) {
        retry(d);
        return;
    }
    n = recv(d->fd, p, sizeof p, 0);
    if (n <= 0 || !is_ours(d, p, (int)n))
        return;
    if ((p[2] & 0x02) || ((p[3] & 0x0f) != 0 && (p[3] & 0x0f) != 3)) { /* cut off, or a failure other than "no such name" */
        retry(d);
        return;
    }
    if (d->step < 2)
        take_srv(d, p, (int)n);
    else
        take_address(d, p, (int)n);
    next_question(d);
}

/* ---- questions ---- */

static void send_question(struct dns *d)
{
    char name[300];
    int type, n = 0;
    unsigned char *message = NULL;
    d->deadline = edge_now(d->edge) + TRY_MS;
    if (!question(d, name, &type) || RAND_bytes((unsigned char *)&d->id, sizeof d->id) != 1
        || ares_create_query(name, ns_c_in, type, d->id, 1, &message, &n, MESSAGE_MAX) != ARES_SUCCESS)
        return; /* the deadline goes on to the next */
    (void)!send(d->fd, message, (size_t)n, MSG_NOSIGNAL);
    ares_free_string(message);
}

static void on_socket(struct ask *a, int fd, int error)
{
    struct dns *d = (struct dns *)((char *)a - offsetof(struct dns, ask));
    if (fd < 0) {
        log_debug("no DNS socket: error %d", error);
        retry(d);
        return;
    }
    d->fd = fd;
    d->poll = calloc(1, sizeof *d->poll);
    if (!d->poll || uv_poll_init(&d->edge->loop, d->poll, fd) != 0) {
        free(d->poll);
        d->poll = NULL;
        retry(d);
        return;
    }
    d->poll->data = d;
    (void)uv_poll_start(d->poll, UV_READABLE, on_readable);
    send_question(d);
}

static void ask_question(struct dns *d)
{
    d->deadline = edge_now(d->edge) + TRY_MS;
    if (d->fd >= 0) {
        send_question(d);
        return;
    }
    d->ask.done = on_socket;
    if (ask_dns(d->edge, &d->ask, &edge_side(d->edge)->dns[d->resolver]) != 0)
        log_debug("no DNS socket can be asked for"); /* the deadline goes on */
}

int dns_start(struct dns *d, struct edge *e, const char *domain, void (*done)(struct dns *d))
{
    if (edge_side(e)->n_dns == 0 || !domain)
        return GW_ERR(NOENT);
    *d = (struct dns){ .edge = e, .domain = domain, .done = done, .fd = -1 };
    LIST_INSERT_HEAD(&e->lookups, d, link);
    ask_question(d);
    return 0;
}

void dns_cancel(struct dns *d)
{
    if (!d->deadline)
        return;
    drop_socket(d);
    d->deadline = 0;
    LIST_REMOVE(d, link);
}

void dns_tick(struct dns *d)
{
    if (d->deadline && edge_now(d->edge) >= d->deadline)
        retry(d);
}
