/* SPDX-License-Identifier: GPL-3.0-or-later
 * Until everything about an order is known: durable verdicts, settlements by the far edge, delivery lines. */
#include <stdlib.h>

#include "log.h"
#include "state.h"

/* ---- verdicts that wait to be durable ---- */

bool ring_push(struct guard *g, const struct waiting *w)
{
    if (g->ring_n == g->ring_cap) {
        size_t cap = g->ring_cap ? g->ring_cap * 2 : 1024;
        struct waiting *v = malloc(cap * sizeof *v);
        if (!v)
            return false;
        for (size_t i = 0; i < g->ring_n; i++)
            v[i] = g->ring[(g->ring_at + i) % g->ring_cap];
        free(g->ring);
        g->ring = v;
        g->ring_at = 0;
        g->ring_cap = cap;
    }
    g->ring[(g->ring_at + g->ring_n++) % g->ring_cap] = *w;
    return true;
}

static struct stub *stub_find(struct guard *g, uint64_t guard, uint64_t number, enum gw_side target)
{
    struct stub_key key = { guard, number, target };
    struct stub *s;
    HASH_FIND(hh, g->stubs, &key, sizeof key, s);
    return s;
}

static void settled(struct guard *g, enum gw_side side, uint64_t epoch, uint64_t ticket, enum gw_reason reason)
{
    struct msg_settled m = { .ticket = ticket, .reason = (uint8_t)reason };
    g->counts.settled++;
    if (edge_is(g, side, epoch) && g->io.settled(g->io.ctx, side, &m))
        log_warn("a settlement could not be sent to edge/%s", gw_side_name(side));
}

void guard_durable(struct guard *g, uint64_t number)
{
    if (number > g->durable)
        g->durable = number;
    while (g->ring_n && g->ring[g->ring_at].number <= g->durable) {
        struct waiting w = g->ring[g->ring_at];
        g->ring_at = (g->ring_at + 1) % g->ring_cap;
        g->ring_n--;
        if (w.probe) {
            probe_durable(g, &w);
            continue;
        }
        struct msg_verdict v = { .ticket = w.ticket, .verdict = w.verdict, .reason = w.reason };
        if (edge_is(g, (enum gw_side)w.side, w.epoch) && g->io.verdict(g->io.ctx, (enum gw_side)w.side, &v))
            log_warn("a verdict could not be sent to edge/%s", gw_side_name((enum gw_side)w.side));
        if (w.settle)
            settled(g, (enum gw_side)w.side, w.epoch, w.ticket, (enum gw_reason)w.reason);
        struct stub *s = w.target < GW_SIDES ? stub_find(g, g->epoch, w.number, (enum gw_side)w.target) : NULL;
        if (s) {
            s->durable = true;
            s->durable_ms = g->now - s->since;
            s->since = g->now;
            if (s->known) {
                s->known = false;
                g->n_known--;
                stub_known(g, s, s->outcome);
            }
        }
    }
    if (g->stalled) {
        g->stalled = false;
        stubs_retry(g);
        commit_all(g);
    }
}

/* ---- stubs ---- */

struct stub *stub_add(struct guard *g, uint64_t guard, uint64_t number, enum gw_side target)
{
    /* our own numbers are new; those of an earlier guard come from edges */
    struct stub *s = guard != g->epoch && stub_find(g, guard, number, target) ? NULL : calloc(1, sizeof *s);
    if (!s)
        return NULL;
    s->key = (struct stub_key){ guard, number, target };
    s->since = g->now;
    HASH_ADD(hh, g->stubs, key, sizeof s->key, s);
    return s;
}

void stub_free(struct guard *g, struct stub *s)
{
    if (s->flow)
        flow_release(g, s->flow);
    free(s);
}

/* The line that says what became of an order. stanza: the sender's stub as a record, where one is at hand, else empty. */
bool delivery_line(struct guard *g, const struct stub *s, enum gw_reason outcome, struct str stanza)
{
    struct wire_out w;
    const struct flow *f = s->flow;
    struct rec *r = NULL;
    buf_reset(&g->fields);
    wire_out_init(&w, &g->fields);
    if (f)
        wire_put_bytes(&w, f->fields.p, f->fields.len);
    else
        field_z(&w, GW_F_DIRECTION, s->from_side == GW_HIGH ? "high-to-low" : "low-to-high");
    if (s->key.guard) {
        field_num(&w, GW_F_GUARD, s->key.guard);
        field_num(&w, GW_F_NUMBER, s->key.number);
    }
    if (s->ticket)
        field_num(&w, GW_F_TICKET, s->ticket);
    field_z(&w, GW_F_DELIVERY, outcome == GW_R_UNKNOWN_OUTCOME ? "unknown" : gw_reason_code(outcome));
    field_z(&w, GW_F_REASON, gw_reason_code(outcome));
    field_z(&w, GW_F_SENTENCE, gw_reason_text(outcome));
    field_z(&w, GW_F_ACTION, s->purpose == ORDER_ANSWER ? "answer" : "forward");
    if (s->key.guard == g->epoch) { /* of an earlier guard's orders nobody has the times */
        field_num(&w, GW_F_DURABLE_MS, (uint64_t)s->durable_ms);
        field_num(&w, GW_F_DELIVERY_MS, (uint64_t)(g->now - s->since));
    }
    if (stanza.n && !rec_decode(stanza, &g->limits, &r)) {
        field_z(&w, GW_F_KIND, rec_kind_name(r->kind));
        field_str(&w, GW_F_TYPE, r->type);
        field_str(&w, GW_F_STANZA_ID, r->id);
        field_str(&w, GW_F_FROM, r->from);
        field_str(&w, GW_F_TO, r->to);
    }
    rec_free(r);
    int rc = w.err ? w.err : g->io.line(g->io.ctx, LINE_TARGET_NONE, NULL, GW_EV_DELIVERY, buf_str(&g->fields), STR_NONE);
    if (rc) {
        g->counts.lines_refused++;
        g->stalled = true;
    }
    return rc == 0;
}

/* What the policy believes the other side to know is known there no more. */
static void not_arrived(struct guard *g, const struct stub *s)
{
    const struct flow *f = s->flow;
    pol_state_lost(g->state, f ? f->from_domain : STR_NONE, f ? f->to_domain : STR_NONE, g->wall);
}

int guard_lost(struct guard *g, enum gw_side side, const struct msg_lost *m)
{
    if (!g->edge[side].hello || !gw_conf_pair_allowed(g->conf, gw_other(side), m->from_domain, m->to_domain))
        return GW_ERR(PROTO);
    pol_state_lost(g->state, m->from_domain, m->to_domain, g->wall);
    return 0;
}

/* The outcome is known: written down and told, as soon as the verdict itself is durable. */
void stub_known(struct guard *g, struct stub *s, enum gw_reason outcome)
{
    if (!s->durable || !delivery_line(g, s, outcome, STR_NONE)) {
        if (!s->known)
            g->n_known++;
        s->known = true;
        s->outcome = outcome;
        return;
    }
    if (s->purpose == ORDER_FORWARD && outcome != GW_R_WRITTEN)
        not_arrived(g, s);
    if (s->purpose == ORDER_FORWARD)
        settled(g, s->near, s->near_epoch, s->ticket, outcome);
    if (s->known)
        g->n_known--;
    HASH_DEL(g->stubs, s);
    stub_free(g, s);
}

void stubs_retry(struct guard *g)
{
    struct stub *s, *next;
    if (!g->n_known)
        return;
    HASH_ITER(hh, g->stubs, s, next)
        if (s->known && s->durable && !g->stalled)
            stub_known(g, s, s->outcome);
}

void stubs_edge_lost(struct guard *g, enum gw_side side)
{
    struct stub *s, *next;
    HASH_ITER(hh, g->stubs, s, next)
        if (s->key.target == side && !s->known)
            stub_known(g, s, GW_R_UNKNOWN_OUTCOME);
}

/* An edge owes a settlement within limits.deliver. One that stands still, or lies, does not keep senders waiting. */
void stubs_overdue(struct guard *g)
{
    struct stub *s, *next;
    int64_t limit = g->conf->limits.deliver + GUARD_SETTLE_GRACE_MS;
    if (g->now - g->looked < 1000)
        return;
    g->looked = g->now;
    HASH_ITER(hh, g->stubs, s, next) { /* oldest first */
        if (!s->durable || s->known)
            continue;
        if (g->now - s->since < limit)
            return;
        stub_known(g, s, GW_R_UNKNOWN_OUTCOME);
    }
}

static bool is_outcome(uint8_t reason)
{
    return reason == GW_R_WRITTEN || reason == GW_R_NO_ROUTE || reason == GW_R_NO_AUTH || reason == GW_R_TIMEOUT ||
        reason == GW_R_READER_REFUSED || reason == GW_R_STREAM_LOST || reason == GW_R_UNKNOWN_OUTCOME || reason == GW_R_QUEUE_FULL ||
        reason == GW_R_INTERNAL || reason == GW_R_EDGE_LOST || reason == GW_R_TOO_LARGE;
}

int guard_settle(struct guard *g, enum gw_side side, const struct msg_settle *m)
{
    enum gw_reason reason = is_outcome(m->reason) ? (enum gw_reason)m->reason : GW_R_INTERNAL;
    if (!g->edge[side].hello)
        return GW_ERR(PROTO);
    struct stub *s = stub_find(g, m->guard, m->number, side);
    if (s) {
        if (!s->known)
            stub_known(g, s, reason);
        return 0;
    }
    /* an order of an earlier guard, while not all is known about those yet */
    struct edge *e = &g->edge[side];
    for (size_t i = 0; i < e->n_numbers; i++) {
        struct open_number *n = &e->numbers[i];
        if (n->guard == m->guard && n->number == m->number && n->state == OPEN_RELEASED && !n->settled) {
            n->settled = true;
            n->reason = reason;
            return 0;
        }
    }
    return 0; /* settled already: it was lost to us and has come back, or the edge repeats itself */
}
