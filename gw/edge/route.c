/* SPDX-License-Identifier: GPL-3.0-or-later
 * Static routes with fail-over and fail-back. */
#include "route.h"

#include <openssl/rand.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "choose.h"
#include "lines.h"
#include "log.h"
#include "outbound.h"

#define HOLD_MAX_MS 600000 /* a server that takes connections and refuses streams is not asked more often than this, in the end */

struct target {
    struct route *route;
    const struct gw_target *conf;
    bool down;
    unsigned refusals;  /* streams in a row that it took the connection of, and refused */
    uint64_t not_before; /* down: a connection alone does not bring it back earlier */
    uint64_t looked_at;
    struct ask ask;     /* a probe: the socket is asked for, then waits to be connected */
    uv_poll_t *poll;
    int fd;
    uint64_t probe_end; /* 0: no probe */
};
struct route {
    struct edge *edge;
    const struct gw_domain *domain;
    struct target *target;
};
struct routes { struct route *v; size_t n; };

static uint32_t draw(void)
{
    uint32_t v = 0;
    (void)!RAND_bytes((unsigned char *)&v, sizeof v); /* 0 is as good an order as any */
    return v;
}

static struct route *find_route(struct edge *e, struct str domain)
{
    for (size_t i = 0; i < e->routes->n; i++)
        if (str_eq(e->routes->v[i].domain->name, domain))
            return &e->routes->v[i];
    return NULL;
}

static struct target *find_target(struct edge *e, struct str domain, const struct gw_target *t)
{
    struct route *r = find_route(e, domain);
    for (size_t i = 0; r && i < r->domain->n_targets; i++) {
        const struct gw_target *c = r->target[i].conf;
        if (net_same_host(&c->address, &t->address) && c->address.port == t->address.port && c->tls == t->tls)
            return &r->target[i];
    }
    return NULL;
}

int routes_init(struct edge *e)
{
    const struct gw_side_conf *s = edge_side(e);
    e->routes = calloc(1, sizeof *e->routes);
    struct route *v = e->routes ? calloc(s->n_domains ? s->n_domains : 1, sizeof *v) : NULL;
    if (!v)
        return GW_ERR(NOMEM);
    e->routes->v = v;
    e->routes->n = s->n_domains;
    for (size_t i = 0; i < s->n_domains; i++) {
        v[i] = (struct route){ .edge = e, .domain = &s->domains[i], .target = calloc(s->domains[i].n_targets + 1, sizeof *v[i].target) };
        if (!v[i].target)
            return GW_ERR(NOMEM);
        for (size_t k = 0; k < s->domains[i].n_targets; k++)
            v[i].target[k] = (struct target){ .route = &v[i], .conf = &s->domains[i].targets[k], .looked_at = edge_now(e), .fd = -1 };
    }
    return 0;
}

/* Those that are down come last: when all are, each is tried all the same. */
size_t route_targets(struct edge *e, struct str domain, struct gw_target *out, size_t max)
{
    struct choice v[DIAL_MAX];
    struct route *r = find_route(e, domain);
    size_t n = r ? r->domain->n_targets : 0;
    if (n > DIAL_MAX)
        n = DIAL_MAX;
    for (unsigned i = 0; i < n; i++)
        v[i] = (struct choice){ r->target[i].conf->priority + (r->target[i].down ? 0x10000u : 0), r->target[i].conf->weight, i };
    choose(v, n, draw);
    if (n > max)
        n = max;
    for (size_t i = 0; i < n; i++)
        out[i] = *r->target[v[i].index].conf;
    return n;
}

size_t routes_down(const struct edge *e)
{
    size_t n = 0;
    for (size_t i = 0; i < e->routes->n; i++)
        for (size_t k = 0; k < e->routes->v[i].domain->n_targets; k++)
            n += e->routes->v[i].target[k].down;
    return n;
}

/* ---- up and down ---- */

static void say(struct target *t, enum gw_reason why)
{
    char text[NET_TEXT_MAX];
    struct str domain = t->route->domain->name;
    line_route(t->route->edge, domain, &t->conf->address, t->down ? "target-down" : "target-up", why);
    if (t->down)
        log_warn("server %s port %u of %.*s is down: %s", net_text(&t->conf->address, text), t->conf->address.port, STR_ARG(domain), gw_reason_text(why));
    else
        log_info("server %s port %u of %.*s is there again", net_text(&t->conf->address, text), t->conf->address.port, STR_ARG(domain));
}

/* Among several only: with one server there is nothing to choose, and the pair's own pauses do. */
void route_failed(struct edge *e, struct str domain, const struct gw_target *which, enum gw_reason why)
{
    struct target *t = find_target(e, domain, which);
    if (!t || t->route->domain->n_targets < 2)
        return;
    uint64_t hold = (uint64_t)t->route->domain->health;
    if (why != GW_R_NO_ROUTE && why != GW_R_TIMEOUT) /* it answers, and does not do: another connection proves nothing */
        hold <<= t->refusals < 10 ? t->refusals++ : t->refusals;
    t->not_before = t->looked_at = edge_now(e);
    t->not_before += hold < HOLD_MAX_MS ? hold : HOLD_MAX_MS;
    if (t->down)
        return;
    t->down = true;
    say(t, why);
}

static void came_back(struct target *t)
{
    if (!t->down)
        return;
    t->down = false;
    say(t, GW_R_NONE);
}

void route_worked(struct edge *e, struct str domain, const struct gw_target *which)
{
    struct target *t = find_target(e, domain, which);
    if (!t)
        return;
    t->refusals = 0;
    came_back(t);
}

/* ---- probes: a connection that is closed at once ---- */

static void free_poll(uv_handle_t *h)
{
    free(h);
}

static void probe_over(struct target *t)
{
    ask_cancel(&t->ask);
    if (t->poll) {
        t->poll->data = NULL;
        uv_close((uv_handle_t *)t->poll, free_poll);
        t->poll = NULL;
    }
    if (t->fd >= 0)
        close(t->fd);
    t->fd = -1;
    t->probe_end = 0;
}

static void probed(struct target *t, bool good)
{
    struct edge *e = t->route->edge;
    probe_over(t);
    if (!good)
        route_failed(e, t->route->domain->name, t->conf, GW_R_NO_ROUTE);
    else if (edge_now(e) >= t->not_before)
        came_back(t);
}

static void on_connected(uv_poll_t *poll, int status, int events)
{
    struct target *t = poll->data;
    int err = 0;
    socklen_t n = sizeof err;
    (void)events;
    if (t)
        probed(t, status == 0 && getsockopt(t->fd, SOL_SOCKET, SO_ERROR, &err, &n) == 0 && err == 0);
}

static void on_socket(struct ask *a, int fd, int error)
{
    struct target *t = (struct target *)((char *)a - offsetof(struct target, ask));
    (void)error;
    t->fd = fd;
    t->poll = fd >= 0 ? calloc(1, sizeof *t->poll) : NULL;
    if (!t->poll || uv_poll_init(&t->route->edge->loop, t->poll, fd) != 0) {
        free(t->poll);
        t->poll = NULL;
        probe_over(t); /* we could not look: that says nothing about the server */
        return;
    }
    t->poll->data = t;
    if (uv_poll_start(t->poll, UV_WRITABLE, on_connected) != 0)
        probe_over(t);
}

/* A probe bears the address that a stream to it would bear. */
static void probe(struct target *t)
{
    struct edge *e = t->route->edge;
    struct net_addr from;
    t->looked_at = edge_now(e);
    for (size_t i = 0; i < e->n_pairs; i++) {
        struct pair *p = &e->pairs[i];
        struct dial d = { .edge = e, .ours = p->ours, .theirs = p->theirs };
        if (!str_eq(p->theirs, t->route->domain->name))
            continue;
        dial_from(&d, &p->far_from);
        dial_from(&d, &p->near_to);
        t->ask.done = on_socket;
        if (!dial_source(&d, t->conf->address.family, &from) || ask_connect(e, &t->ask, &from, &t->conf->address) != 0)
            continue;
        t->probe_end = t->looked_at + (uint64_t)e->conf->limits.connect;
        return;
    }
}

/* ---- streams that stand ---- */

static bool is_on(const struct outbound *o, const struct target *t)
{
    return net_same_host(&o->c.remote, &t->conf->address) && o->c.remote.port == t->conf->address.port && o->c.direct == (t->conf->tls == GW_DIRECT_TLS);
}

static struct outbound *standing(const struct pair *p)
{
    return p->out && p->out->state == OUT_READY && !p->out->c.ended && !p->out->c.gone ? p->out : NULL;
}

static bool in_use(const struct target *t)
{
    const struct edge *e = t->route->edge;
    for (size_t i = 0; i < e->n_pairs; i++) {
        const struct outbound *o = standing(&e->pairs[i]);
        if (o && str_eq(e->pairs[i].theirs, t->route->domain->name) && is_on(o, t))
            return true;
    }
    return false;
}

static void send_ping(struct pair *p)
{
    struct edge *e = p->edge;
    unsigned char random[8];
    struct order *o;
    if (RAND_bytes(random, sizeof random) != 1)
        return;
    for (size_t i = 0; i < sizeof random; i++)
        snprintf(p->ping.id + 2 * i, 3, "%02x", random[i]);
    rec_reset(e->rec);
    buf_reset(&e->scratch);
    if (rec_head(e->rec, REC_IQ, STR("get"), str_c(p->ping.id), STR_NONE) || rec_address(e->rec, p->ours, p->theirs, STR_NONE, STR_NONE) ||
        rec_pair(e->rec, p->ours, p->theirs) || rec_open(e->rec, STR("jabber:server"), STR("iq")) || rec_open(e->rec, STR("urn:xmpp:ping"), STR("ping")) ||
        rec_close(e->rec) || rec_close(e->rec) || rec_seal(e->rec) || rec_encode(e->rec, &e->scratch) || !(o = orders_local(e, buf_str(&e->scratch)))) {
        p->ping.id[0] = 0;
        buf_reset(&e->scratch);
        return;
    }
    buf_reset(&e->scratch);
    o->quiet = true;
    p->ping.sent_at = edge_now(e);
    pair_enqueue(p, o);
}

bool route_pong(struct pair *p, const struct rec *r)
{
    if (!p->ping.id[0] || r->kind != REC_IQ || !(str_eq(r->type, STR("result")) || str_eq(r->type, STR("error"))) || !str_eq(r->id, str_c(p->ping.id)) ||
        !str_eq(r->from, p->theirs) || !str_eq(r->to, p->ours))
        return false;
    p->ping.id[0] = 0;
    p->ping.answers = true;
    return true;
}

/* A server that answered pings and does so no more is gone. Of one that never did, a connection is asked for: in_use does not hold
 * that back while a ping is open. */
static void look_at_stream(struct pair *p, struct outbound *o, struct target *t)
{
    uint64_t now = edge_now(p->edge), health = (uint64_t)t->route->domain->health;
    if (p->ping.stream != o->flow) { /* a new stream starts with nothing asked */
        p->ping.id[0] = 0;
        p->ping.answers = false;
        p->ping.stream = o->flow;
        p->ping.sent_at = now;
    }
    if (now - p->ping.sent_at < health)
        return;
    if (!p->ping.id[0]) {
        send_ping(p);
        return;
    }
    if (p->ping.answers) {
        p->ping.id[0] = 0;
        route_failed(p->edge, p->theirs, t->conf, GW_R_TIMEOUT);
        conn_kill(&o->c, GW_R_STREAM_TIMEOUT, "the server answers no ping any more");
        return;
    }
    p->ping.sent_at = now;
    if (t->down) /* the probe below found nobody */
        conn_kill(&o->c, GW_R_STREAM_TIMEOUT, "the server answers no ping and takes no connection");
    else if (!t->probe_end)
        probe(t);
}

/* Is there a server of lower priority number than the one in use? The stream ends in order; the next one goes there. */
static void go_back(struct pair *p, struct outbound *o, const struct target *t)
{
    const struct route *r = t->route;
    for (size_t i = 0; i < r->domain->n_targets; i++)
        if (!r->target[i].down && r->target[i].conf->priority < t->conf->priority) {
            log_info("the stream to %.*s goes back to a better server", STR_ARG(p->theirs));
            conn_end(&o->c, GW_R_FAIL_BACK);
            return;
        }
}

static void tick_target(struct target *t, uint64_t now)
{
    if (t->probe_end && now >= t->probe_end)
        probed(t, false);
    if (!t->probe_end && now - t->looked_at >= (uint64_t)t->route->domain->health && now >= t->not_before && !in_use(t))
        probe(t);
}

void routes_tick(struct edge *e)
{
    uint64_t now = edge_now(e);
    for (size_t i = 0; i < e->routes->n; i++) {
        struct route *r = &e->routes->v[i];
        for (size_t k = 0; r->domain->health && r->domain->n_targets > 1 && k < r->domain->n_targets && !e->stop_at; k++)
            tick_target(&r->target[k], now);
    }
    for (size_t i = 0; i < e->n_pairs && !e->stop_at; i++) {
        struct pair *p = &e->pairs[i];
        struct outbound *o = standing(p);
        struct gw_target at = { .address = o ? o->c.remote : (struct net_addr){ 0 }, .tls = o && o->c.direct ? GW_DIRECT_TLS : GW_STARTTLS };
        struct target *t = o ? find_target(e, p->theirs, &at) : NULL;
        if (!t || !t->route->domain->health || t->route->domain->n_targets < 2)
            continue;
        go_back(p, o, t);
        if (!o->c.ended)
            look_at_stream(p, o, t);
    }
}
