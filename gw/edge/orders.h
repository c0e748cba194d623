/* SPDX-License-Identifier: GPL-3.0-or-later
 * Orders of the guard: held until the journal releases exactly these bytes, then on their way out, then settled once
 * (PROTOCOL.md, "A stanza's way" and "When a program dies"). */
#ifndef LOCKGATE_EDGE_ORDERS_H
#define LOCKGATE_EDGE_ORDERS_H

#include <uthash.h>

#include "edge.h"

struct order_key { uint64_t guard, number; };
/* What the second reader said (reading.h). */
enum order_reading { ORDER_UNREAD, ORDER_ASKED, ORDER_READ, ORDER_DIFFERS };
struct order {
    TAILQ_ENTRY(order) link; /* the pair's queue, or the stream that writes it */
    TAILQ_ENTRY(order) open; /* released and not settled */
    UT_hash_handle hh;       /* held */
    struct order_key key;    /* all zero: our own answer to a sender, made from a stub: nothing to settle */
    uint64_t epoch, ticket;
    uint64_t arrived_at;     /* ms */
    uint64_t start, end;     /* its place in the bytes of its stream */
    struct ipc_hash hash;
    bool quiet;              /* a ping of ours: no sign that anybody uses the stream */
    struct pair *pair;       /* NULL: of none of ours */
    unsigned char *xml;      /* what is written, once it was read; NULL: it cannot be written */
    size_t n_xml;
    enum order_reading reading;
    TAILQ_ENTRY(order) unread; /* ORDER_ASKED */
    uint64_t ask;            /* of the newest question to the reader */
    bool suspect;            /* a reader died with this in its hands */
    bool in_queue;           /* of its pair */
    size_t n;
    unsigned char bytes[];   /* the record */
};
TAILQ_HEAD(order_queue, order);

int orders_init(struct edge *e) GW_MUST_CHECK;
void orders_take(struct edge *e, const struct msg_order *m);
void orders_release(struct edge *e, const struct msg_release *m);
/* The journal's first word to an edge: up to where it released before. Releases count from then on; said again it means nothing. */
void orders_released(struct edge *e, const struct msg_released *m);
/* Tells the guard what became of it, and frees it. It must be in no queue. */
void orders_settle(struct edge *e, struct order *o, enum gw_reason reason);
/* Our own answer: no guard, no release. NULL: no memory, or nothing that could be written. */
struct order *orders_local(struct edge *e, struct str record);
/* The reader saw something else than this record: it is settled reader-refused, now or when it is released. */
void orders_differ(struct edge *e, struct order *o);
/* The guard is gone: what was not released never will be. */
void orders_guard_lost(struct edge *e);
/* To a new guard: OPEN_NUMBERs; after OPEN_END the settlements that belong to them. */
int orders_report(struct edge *e) GW_MUST_CHECK;
int orders_report_settled(struct edge *e) GW_MUST_CHECK;
void orders_tick(struct edge *e);
size_t orders_held(const struct edge *e);
size_t orders_open(const struct edge *e);

#endif
