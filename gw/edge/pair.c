/* SPDX-License-Identifier: GPL-3.0-or-later
 * A pair of domains: credit inward; queue, opening and retrying outward. */
#include "pair.h"

#include <stdlib.h>
#include <unistd.h>

#include "inbound.h"
#include "log.h"
#include "outbound.h"
#include "route.h"

#define GUARD_QUEUE_MAX (64u << 20) /* bytes that wait for the guard: nobody reads on then */
#define BACKOFF_MS 500
#define BACKOFF_MAX_MS 8000

static void dialled(struct dial *d, int fd, const struct gw_target *t);
static void none_left(struct dial *d, bool any);

static int compare(struct str a, struct str b)
{
    return a.n != b.n ? (a.n < b.n ? -1 : 1) : memcmp(a.p, b.p, a.n);
}

static int compare_names(const struct pair *p, struct str ours, struct str theirs)
{
    int order = compare(p->theirs, theirs);
    return order ? order : compare(p->ours, ours);
}

static int by_names(const void *a, const void *b)
{
    const struct pair *other = *(struct pair *const *)b;
    return compare_names(*(struct pair *const *)a, other->ours, other->theirs);
}

int pairs_init(struct edge *e)
{
    const struct gw_conf *c = e->conf;
    e->pairs = calloc(c->n_pairs ? c->n_pairs : 1, sizeof *e->pairs);
    e->pairs_by_name = calloc(c->n_pairs ? c->n_pairs : 1, sizeof *e->pairs_by_name);
    if (!e->pairs || !e->pairs_by_name)
        return GW_ERR(NOMEM);
    e->domain_rate = calloc(c->side[e->side].n_domains ? c->side[e->side].n_domains : 1, sizeof *e->domain_rate);
    if (!e->domain_rate)
        return GW_ERR(NOMEM);
    e->n_pairs = c->n_pairs;
    for (size_t i = 0; i < c->n_pairs; i++) {
        struct pair *p = &e->pairs[i];
        p->edge = e;
        p->ours = c->pairs[i].domain[gw_other(e->side)];
        p->theirs = c->pairs[i].domain[e->side];
        p->rate = &e->domain_rate[gw_conf_domain(c, e->side, p->theirs) - c->side[e->side].domains]; /* pairs are of known domains (gwconf_check) */
        p->dial.got = dialled;
        p->dial.none = none_left;
        TAILQ_INIT(&p->queue);
        TAILQ_INIT(&p->waiting);
        TAILQ_INIT(&p->given);
        TAILQ_INIT(&p->got);
        e->pairs_by_name[i] = p;
    }
    qsort(e->pairs_by_name, e->n_pairs, sizeof *e->pairs_by_name, by_names);
    return 0;
}

struct pair *pair_find(struct edge *e, struct str ours, struct str theirs)
{
    size_t low = 0, high = ours.n && theirs.n ? e->n_pairs : 0;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        struct pair *p = e->pairs_by_name[middle];
        int order = compare_names(p, ours, theirs);
        if (order == 0)
            return p;
        if (order < 0)
            low = middle + 1;
        else
            high = middle;
    }
    return NULL;
}

/* ---- credit ---- */

bool pair_may_send(const struct pair *p)
{
    const struct edge *e = p->edge;
    const struct gw_limits *l = &e->conf->limits;
    return e->guard.ipc && !e->paused && ipc_queued(e->guard.ipc) < GUARD_QUEUE_MAX && p->open_stanzas < (uint64_t)l->window_stanzas
        && p->open_bytes < (size_t)l->window_bytes;
}

void pair_spend(struct pair *p, size_t bytes)
{
    p->open_stanzas++;
    p->open_bytes += bytes;
}

static void wake(struct pair *p)
{
    struct inbound *in;
    while (pair_may_send(p) && (in = TAILQ_FIRST(&p->waiting)))
        inbound_credit(in); /* leaves the list */
}

void pair_refund(struct pair *p, size_t bytes)
{
    p->open_stanzas--;
    p->open_bytes -= bytes;
    p->bouncing = false;
    wake(p);
}

void pairs_wake(struct edge *e)
{
    for (size_t i = 0; i < e->n_pairs; i++)
        wake(&e->pairs[i]);
}

/* ---- the queue ---- */

static void queued(struct pair *p, struct order *o, bool in)
{
    o->in_queue = in;
    if (in)
        p->queued++;
    else
        p->queued--;
}

void pair_enqueue(struct pair *p, struct order *o)
{
    TAILQ_INSERT_TAIL(&p->queue, o, link);
    queued(p, o, true);
    pair_kick(p);
}

void pair_withdraw(struct pair *p, struct order *o)
{
    TAILQ_REMOVE(&p->queue, o, link);
    queued(p, o, false);
}

struct order *pair_next(struct pair *p)
{
    struct order *o = TAILQ_FIRST(&p->queue);
    if (o)
        pair_withdraw(p, o);
    return o;
}

struct order *pair_next_read(struct pair *p)
{
    const struct order *o = TAILQ_FIRST(&p->queue);
    return o && o->reading == ORDER_READ ? pair_next(p) : NULL;
}

void pair_requeue(struct pair *p, struct order_queue *unsent)
{
    struct order *o;
    while ((o = TAILQ_LAST(unsent, order_queue))) {
        TAILQ_REMOVE(unsent, o, link);
        TAILQ_INSERT_HEAD(&p->queue, o, link);
        queued(p, o, true);
    }
}

static void give_up(struct pair *p, enum gw_reason reason)
{
    struct order *o;
    while ((o = pair_next(p)))
        orders_settle(p->edge, o, reason);
}

/* ---- opening ---- */

static void start_round(struct pair *p)
{
    struct dial *d = &p->dial;
    struct net_addr last = p->near_from;
    p->dialling = true;
    dial_init(d, p->edge, p->ours, p->theirs);
    dial_from(d, &p->far_from); /* newest admitted source on the other side, else the address that they dialled for it */
    dial_from(d, &p->near_to);
    if (p->edge->conf->mode != GW_PROXY && p->far_to.family) {
        if (p->far_to.port != 5269)
            dial_add(d, &p->far_to, GW_DIRECT_TLS);
        dial_add(d, &p->far_to, GW_STARTTLS);
    }
    last.port = 5269; /* where they came from: proven by certificate like all others, and only when nothing else is known */
    dial_add_last(d, &last, GW_STARTTLS);
    dial_next(d);
}

void pair_kick(struct pair *p)
{
    if (p->out) {
        outbound_feed(p->out);
        return;
    }
    if (!p->dialling && !TAILQ_EMPTY(&p->queue) && edge_now(p->edge) >= p->retry_at && !p->edge->stop_at)
        start_round(p);
}

static void dialled(struct dial *d, int fd, const struct gw_target *t)
{
    struct pair *p = (struct pair *)((char *)d - offsetof(struct pair, dial));
    if (outbound_open(p, fd, t) != 0)
        pair_stream_failed(p, GW_R_INTERNAL);
}

static void none_left(struct dial *d, bool any)
{
    struct pair *p = (struct pair *)((char *)d - offsetof(struct pair, dial));
    unsigned shift = p->failures < 4 ? p->failures : 4;
    p->dialling = false;
    p->failures++;
    if (p->last == GW_R_NONE)
        p->last = GW_R_NO_ROUTE;
    p->retry_at = edge_now(p->edge) + ((uint64_t)BACKOFF_MS << shift > BACKOFF_MAX_MS ? BACKOFF_MAX_MS : (uint64_t)BACKOFF_MS << shift);
    log_info("no stream from %.*s to %.*s: %s", STR_ARG(p->ours), STR_ARG(p->theirs), gw_reason_text(p->last));
    /* A server that is down may come back within the time that a stanza has; a refusal, or nowhere to go, will not change. */
    if (!any || p->last == GW_R_NO_AUTH)
        give_up(p, p->last);
}

void pair_stream_failed(struct pair *p, enum gw_reason why)
{
    p->out = NULL;
    if (p->dial.at > 0 && why != GW_R_INTERNAL)
        route_failed(p->edge, p->theirs, &p->dial.list[p->dial.at - 1], why);
    if (p->last != GW_R_NO_AUTH)
        p->last = why;
    dial_next(&p->dial);
}

void pair_stream_again(struct pair *p)
{
    p->out = NULL;
    if (p->dial.at > 0)
        p->dial.at--;
    dial_next(&p->dial);
}

void pair_ready(struct pair *p)
{
    p->dialling = false;
    dial_cancel(&p->dial);
    p->failures = 0;
    p->last = GW_R_NONE;
    pair_kick(p);
}

void pair_stream_lost(struct pair *p, uint64_t ready_at, bool useful)
{
    p->out = NULL;
    /* no hot loop with a server that takes streams and drops them; one that took stanzas, too, may come back at once */
    p->retry_at = useful ? 0 : ready_at + BACKOFF_MS;
    pair_kick(p);
}

void pair_tick(struct pair *p)
{
    struct order *o;
    uint64_t now = edge_now(p->edge);
    while ((o = TAILQ_FIRST(&p->queue)) && now - o->arrived_at >= (uint64_t)p->edge->conf->limits.deliver)
        orders_settle(p->edge, pair_next(p), p->last != GW_R_NONE ? p->last : GW_R_TIMEOUT);
    pair_kick(p);
    wake(p);
}

void pair_flow(struct edge *e, const struct msg_flow *m)
{
    /* on the other side the sender is one of "ours" here */
    struct pair *p = pair_find(e, m->from_domain, m->to_domain);
    if (!p)
        return;
    p->far_from = m->from;
    p->far_to = m->to;
}
