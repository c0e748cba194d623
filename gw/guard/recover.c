/* SPDX-License-Identifier: GPL-3.0-or-later
 * After a guard has died: its successor learns from both edges what was open, and closes it (PROTOCOL.md, "When a program dies"). */
#include <stdlib.h>

#include "log.h"
#include "state.h"

int guard_open_ticket(struct guard *g, enum gw_side side, const struct msg_open_ticket *m)
{
    struct edge *e = &g->edge[side];
    if (!e->hello || e->ended || e->n_tickets >= GUARD_OPENS_MAX)
        return GW_ERR(PROTO);
    if (e->n_tickets == e->cap_tickets) {
        size_t cap = e->cap_tickets ? e->cap_tickets * 2 : 256;
        struct open_ticket *v = realloc(e->tickets, cap * sizeof *v);
        if (!v)
            return GW_ERR(NOMEM);
        e->tickets = v;
        e->cap_tickets = cap;
    }
    char *bytes = malloc(m->stub.n ? m->stub.n : 1);
    if (!bytes)
        return GW_ERR(NOMEM);
    if (m->stub.n)
        memcpy(bytes, m->stub.p, m->stub.n);
    e->tickets[e->n_tickets++] = (struct open_ticket){ m->ticket, { bytes, m->stub.n }, bytes };
    if (m->ticket > e->last_ticket)
        e->last_ticket = m->ticket;
    return 0;
}

int guard_open_number(struct guard *g, enum gw_side side, const struct msg_open_number *m)
{
    struct edge *e = &g->edge[side];
    if (!e->hello || e->ended || e->n_numbers >= GUARD_OPENS_MAX || m->state > OPEN_WRITTEN || m->guard > g->epoch)
        return GW_ERR(PROTO);
    if (m->guard == g->epoch)
        return 0; /* our own: settled or lost, and known here */
    if (e->n_numbers == e->cap_numbers) {
        size_t cap = e->cap_numbers ? e->cap_numbers * 2 : 256;
        struct open_number *v = realloc(e->numbers, cap * sizeof *v);
        if (!v)
            return GW_ERR(NOMEM);
        e->numbers = v;
        e->cap_numbers = cap;
    }
    e->numbers[e->n_numbers++] = (struct open_number){ m->guard, m->number, m->epoch, m->ticket, m->state, false, false, GW_R_NONE };
    return 0;
}

void recover_forget(struct guard *g, enum gw_side side)
{
    struct edge *e = &g->edge[side];
    for (size_t i = 0; i < e->n_tickets; i++)
        free(e->tickets[i].bytes);
    free(e->tickets);
    free(e->numbers);
    e->tickets = NULL;
    e->numbers = NULL;
    e->n_tickets = e->cap_tickets = e->n_numbers = e->cap_numbers = 0;
}

int guard_open_end(struct guard *g, enum gw_side side)
{
    struct edge *e = &g->edge[side];
    if (!e->hello || e->ended)
        return GW_ERR(PROTO);
    e->ended = true;
    recover_try(g);
    return 0;
}

static int by_ticket(const void *a, const void *b)
{
    const struct open_number *x = a, *y = b;
    if (x->epoch != y->epoch)
        return x->epoch < y->epoch ? -1 : 1;
    return x->ticket < y->ticket ? -1 : x->ticket > y->ticket;
}

/* The order that belongs to a ticket of edge `side`, if an edge still has it: the far one, or (an answer) the same one. */
static struct open_number *order_of(struct guard *g, enum gw_side side, uint64_t ticket, enum gw_side *ret_holder)
{
    struct open_number key = { .epoch = g->edge[side].epoch, .ticket = ticket };
    for (int i = 0; i < 2; i++) {
        enum gw_side holder = i ? side : gw_other(side);
        struct edge *e = &g->edge[holder];
        struct open_number *n = e->n_numbers ? bsearch(&key, e->numbers, e->n_numbers, sizeof key, by_ticket) : NULL;
        if (n) {
            *ret_holder = holder;
            return n;
        }
    }
    return NULL;
}

static void say(struct guard *g, enum gw_side side, uint64_t ticket, enum gw_reason reason)
{
    struct msg_settled m = { .ticket = ticket, .reason = (uint8_t)reason };
    g->counts.settled++;
    if (g->io.settled(g->io.ctx, side, &m))
        log_warn("a settlement could not be sent to edge/%s", gw_side_name(side));
}

static struct stub stub_of(struct guard *g, enum gw_side side, uint64_t ticket, const struct open_number *n, enum gw_side holder)
{
    return (struct stub){ .key = { n ? n->guard : 0, n ? n->number : 0, holder }, .near = side, .from_side = (uint8_t)side,
        .near_epoch = g->edge[side].epoch, .ticket = ticket, .durable = true,
        .purpose = holder == side && n ? ORDER_ANSWER : ORDER_FORWARD };
}

/* An order that is still to be written: its SETTLE will come. */
static void adopt(struct guard *g, const struct stub *like, const struct open_number *n)
{
    struct stub *s = stub_add(g, n->guard, n->number, (enum gw_side)like->key.target);
    if (!s)
        return;
    s->near = like->near;
    s->from_side = like->from_side;
    s->near_epoch = like->near_epoch;
    s->ticket = like->ticket;
    s->durable = true;
    s->purpose = like->purpose;
    if (n->settled)
        stub_known(g, s, n->reason);
}

/* Stanzas that came to this guard itself are in its own hands (an edge that was linked anew brings them again). */
static bool ours(const struct guard *g, enum gw_side side, uint64_t ticket)
{
    uint64_t epoch = g->edge[side].epoch;
    for (size_t i = 0; i < g->ring_n; i++) {
        const struct waiting *w = &g->ring[(g->ring_at + i) % g->ring_cap];
        if (w->side == side && w->epoch == epoch && w->ticket == ticket)
            return true;
    }
    for (const struct stub *s = g->stubs; s; s = s->hh.next)
        if (s->near == side && s->near_epoch == epoch && s->ticket == ticket && s->key.guard == g->epoch)
            return true;
    for (const struct pair *p = g->pairs; p; p = p->hh.next)
        for (const struct job *j = p->head; j; j = j->next)
            if (j->side == side && j->epoch == epoch && j->ticket == ticket)
                return true;
    return false;
}

static void close_ticket(struct guard *g, enum gw_side side, const struct open_ticket *t, bool check_ours)
{
    enum gw_side holder = gw_other(side);
    if (check_ours && ours(g, side, t->ticket))
        return;
    struct open_number *n = order_of(g, side, t->ticket, &holder);
    struct stub s = stub_of(g, side, t->ticket, n, holder);
    g->counts.recovered++;
    if (!n) {
        (void)delivery_line(g, &s, GW_R_GUARD_LOST, t->stub); /* a full journal is seen by the next verdict, too */
        say(g, side, t->ticket, GW_R_GUARD_LOST);
        return;
    }
    n->used = true;
    if (s.purpose == ORDER_ANSWER) /* the refusal is in the answer's hands: not answered again */
        say(g, side, t->ticket, GW_R_RULE);
    if (n->state == OPEN_RELEASED) {
        adopt(g, &s, n);
        return;
    }
    (void)delivery_line(g, &s, GW_R_WRITTEN, t->stub);
    if (s.purpose == ORDER_FORWARD)
        say(g, side, t->ticket, GW_R_WRITTEN);
}

/* Orders whose ticket nobody has any more: those still to be written get a line when they are; of those written one is owed only where
 * the near edge is gone, for else it had its settlement. */
static void close_number(struct guard *g, enum gw_side holder, const struct open_number *n)
{
    if (n->used)
        return;
    bool answer = g->edge[holder].epoch == n->epoch, known = answer || g->edge[gw_other(holder)].epoch == n->epoch;
    enum gw_side near = answer ? holder : gw_other(holder);
    struct stub s = { .key = { n->guard, n->number, holder }, .near = near, .from_side = (uint8_t)near, .near_epoch = n->epoch,
        .ticket = n->ticket, .durable = true, .purpose = answer ? ORDER_ANSWER : ORDER_FORWARD };
    if (n->state == OPEN_RELEASED)
        adopt(g, &s, n);
    else if (!known)
        (void)delivery_line(g, &s, GW_R_WRITTEN, STR_NONE);
}

void recover_try(struct guard *g)
{
    bool both = g->edge[GW_HIGH].ended && g->edge[GW_LOW].ended;
    if (!both && !g->recovered)
        return;
    bool check_ours = g->stubs || g->ring_n || g->n_jobs;
    for (enum gw_side s = GW_HIGH; s < GW_SIDES; s++)
        if (g->edge[s].n_numbers)
            qsort(g->edge[s].numbers, g->edge[s].n_numbers, sizeof *g->edge[s].numbers, by_ticket);
    for (enum gw_side s = GW_HIGH; s < GW_SIDES; s++)
        for (size_t i = 0; i < g->edge[s].n_tickets; i++)
            close_ticket(g, s, &g->edge[s].tickets[i], check_ours);
    for (enum gw_side s = GW_HIGH; s < GW_SIDES; s++)
        for (size_t i = 0; i < g->edge[s].n_numbers; i++)
            close_number(g, s, &g->edge[s].numbers[i]);
    for (enum gw_side s = GW_HIGH; s < GW_SIDES; s++)
        recover_forget(g, s);
    if (!g->recovered && g->counts.recovered)
        log_info("%llu stanzas of an earlier guard were closed", (unsigned long long)g->counts.recovered);
    g->recovered = true;
}
