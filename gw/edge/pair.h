/* SPDX-License-Identifier: GPL-3.0-or-later
 * A pair of domains that may federate, as this edge sees it: credit for what comes from theirs, a queue and a stream for
 * what goes to them. */
#ifndef LOCKGATE_EDGE_PAIR_H
#define LOCKGATE_EDGE_PAIR_H

#include "dial.h"
#include "orders.h"

struct inbound;
struct outbound;
TAILQ_HEAD(inbound_list, inbound);

struct pair {
    struct edge *edge;
    struct str ours, theirs;
    struct bucket *rate;      /* that of theirs, on all pairs and streams */
    /* from theirs to ours */
    uint32_t open_stanzas;    /* without SETTLED */
    size_t open_bytes;
    bool bouncing;            /* out of credit for too long on a shared stream: refused until there is credit again */
    struct inbound_list waiting;
    struct net_addr near_from, near_to; /* newest proven stream: their server's address, the address that it dialled */
    /* from ours to theirs */
    struct order_queue queue;
    size_t queued;
    struct outbound *out;     /* being opened, or ready; NULL: none */
    struct dial dial;
    bool dialling;            /* a round over the targets is under way */
    uint64_t retry_at;
    unsigned failures;        /* rounds in a row */
    enum gw_reason last;      /* why the last round failed */
    struct { char id[17]; bool answers; uint64_t sent_at, stream; } ping; /* route.c; id empty: none is open */
    struct session_list given, got; /* sessions.h: what their servers may resume, what they let us resume */
    uint64_t full_until;      /* ms: no session is offered before, for one did badly */
    struct net_addr far_from, far_to; /* newest FLOW of the other side: real source, intercepted destination */
};

int pairs_init(struct edge *e) GW_MUST_CHECK;
struct pair *pair_find(struct edge *e, struct str ours, struct str theirs);

/* ---- credit ---- */
bool pair_may_send(const struct pair *p);        /* the guard is there and the window is open */
void pair_spend(struct pair *p, size_t bytes);
void pair_refund(struct pair *p, size_t bytes);  /* wakes streams that wait */
void pairs_wake(struct edge *e);                 /* after the guard came back */

/* ---- outward ---- */
void pair_enqueue(struct pair *p, struct order *o); /* takes it */
void pair_requeue(struct pair *p, struct order_queue *unsent); /* in front, in their order */
void pair_kick(struct pair *p);                  /* opens or feeds the stream if there is something to say */
void pair_ready(struct pair *p);                 /* its stream may be written to */
void pair_stream_failed(struct pair *p, enum gw_reason why); /* before it was ready */
void pair_stream_again(struct pair *p); /* before it was ready, for a reason of the TLS session that it used: the same server once more, without */
void pair_stream_lost(struct pair *p, uint64_t ready_at, bool useful); /* after it was ready, since then; useful: it took a stanza */
void pair_tick(struct pair *p);
void pair_flow(struct edge *e, const struct msg_flow *m);
struct order *pair_next(struct pair *p);         /* takes the first of the queue, or NULL */
struct order *pair_next_read(struct pair *p);    /* the same, if the second reader has confirmed it */
void pair_withdraw(struct pair *p, struct order *o); /* out of the queue */

#endif
