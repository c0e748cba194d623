/* SPDX-License-Identifier: GPL-3.0-or-later
 * Orders of the guard: held until the journal releases exactly these bytes, then settled once. */
#include "orders.h"

#include <openssl/crypto.h>
#include <stdlib.h>

#include "lines.h"
#include "log.h"
#include "pair.h"
#include "reading.h"
#include "sha256.h"

#define EARLY_MAX 10000    /* releases that came before their order */
#define EARLY_MS 10000
#define SETTLED_MS 60000   /* a settlement is remembered for a guard that may have to ask again */
#define SETTLED_MAX 65536u

struct early {
    struct order_key key;
    struct ipc_hash hash;
    uint64_t at;
    TAILQ_ENTRY(early) link;
    UT_hash_handle hh;
};
struct settled { struct order_key key; uint64_t epoch, ticket, at; enum gw_reason reason; };

struct orders {
    struct order *held; /* by key */
    struct order_key last; /* the newest order: numbers of one guard only rise, and so do guards */
    struct order_key released; /* what went out before this edge was started */
    bool told;             /* the journal has said so */
    struct early *early;
    TAILQ_HEAD(, early) early_list; /* oldest first */
    TAILQ_HEAD(, order) open;
    size_t n_open;
    size_t bytes, max_bytes; /* of all records held or on their way */
    struct settled *settled; /* a ring */
    size_t first, n_settled;
};

int orders_init(struct edge *e)
{
    struct orders *q = calloc(1, sizeof *q);
    if (!q)
        return GW_ERR(NOMEM);
    q->settled = calloc(SETTLED_MAX, sizeof *q->settled);
    if (!q->settled) {
        free(q);
        return GW_ERR(NOMEM);
    }
    TAILQ_INIT(&q->early_list);
    TAILQ_INIT(&q->open);
    /* Both directions' windows may stand here at once: what comes from the far side, and answers to the near one. */
    q->max_bytes = 2 * (size_t)e->conf->limits.window_bytes * (e->n_pairs ? e->n_pairs : 1) + 2 * e->limits.bytes;
    e->orders = q;
    return 0;
}

size_t orders_held(const struct edge *e) { return HASH_COUNT(e->orders->held); }
size_t orders_open(const struct edge *e) { return e->orders->n_open; }

static struct order *make(struct edge *e, struct str record)
{
    struct orders *q = e->orders;
    struct order *o;
    if (q->bytes + record.n > q->max_bytes)
        return NULL;
    o = malloc(sizeof *o + record.n);
    if (!o)
        return NULL;
    *o = (struct order){ 0 };
    o->arrived_at = edge_now(e);
    o->n = record.n;
    memcpy(o->bytes, record.p, record.n);
    q->bytes += record.n;
    reading_begin(e, o);
    return o;
}

static void drop(struct edge *e, struct order *o)
{
    reading_forget(e, o);
    e->orders->bytes -= o->n;
    free(o);
}

/* ---- settlement ---- */

static void send_settle(struct edge *e, struct order_key k, enum gw_reason reason)
{
    struct msg_settle m = { .guard = k.guard, .number = k.number, .reason = (uint8_t)reason };
    if (e->guard.ipc && ipc_put_settle(e->guard.ipc, &m) != 0)
        channel_break(&e->guard, "no room for a settlement");
}

static void remember(struct edge *e, struct order_key k, uint64_t epoch, uint64_t ticket, enum gw_reason reason)
{
    struct orders *q = e->orders;
    struct settled *s;
    if (q->n_settled == SETTLED_MAX) {
        q->first = (q->first + 1) % SETTLED_MAX;
        q->n_settled--;
    }
    s = &q->settled[(q->first + q->n_settled++) % SETTLED_MAX];
    *s = (struct settled){ .key = k, .epoch = epoch, .ticket = ticket, .at = edge_now(e), .reason = reason };
}

static void settle(struct edge *e, struct order *o, enum gw_reason reason)
{
    if (reason == GW_R_WRITTEN)
        e->count.written++;
    else
        e->count.failed++;
    if (o->key.guard) {
        remember(e, o->key, o->epoch, o->ticket, reason);
        send_settle(e, o->key, reason);
    }
    drop(e, o);
}

void orders_settle(struct edge *e, struct order *o, enum gw_reason reason)
{
    if (o->key.guard) {
        TAILQ_REMOVE(&e->orders->open, o, open);
        e->orders->n_open--;
    }
    settle(e, o, reason);
}

struct order *orders_local(struct edge *e, struct str record)
{
    struct order *o = make(e, record);
    if (!o || (o->pair && o->xml))
        return o;
    drop(e, o);
    return NULL;
}

/* ---- release ---- */

static void reader_refused(struct edge *e, struct order *o)
{
    log_error("order %llu of guard %llu was written otherwise than released: refused", (unsigned long long)o->key.number,
        (unsigned long long)o->key.guard);
    line_order(e, o->key.guard, o->key.number, "reader-refused", GW_R_READER_REFUSED);
    settle(e, o, GW_R_READER_REFUSED);
}

/* The last gate: only what the journal has written down, byte for byte, goes on. */
static void let_out(struct edge *e, struct order *o, const struct ipc_hash *released)
{
    struct orders *q = e->orders;
    HASH_DEL(q->held, o);
    if (CRYPTO_memcmp(o->hash.b, released->b, sizeof o->hash.b) != 0) {
        log_error("order %llu of guard %llu is not what the journal released: discarded", (unsigned long long)o->key.number,
            (unsigned long long)o->key.guard);
        line_order(e, o->key.guard, o->key.number, "hash-mismatch", GW_R_INTERNAL);
        settle(e, o, GW_R_INTERNAL);
        return;
    }
    if (!o->pair || !o->xml) {
        line_order(e, o->key.guard, o->key.number, "order-refused", GW_R_RECORD_INVALID);
        settle(e, o, GW_R_INTERNAL);
        return;
    }
    if (o->reading == ORDER_DIFFERS) {
        reader_refused(e, o);
        return;
    }
    TAILQ_INSERT_TAIL(&q->open, o, open);
    q->n_open++;
    pair_enqueue(o->pair, o);
}

void orders_differ(struct edge *e, struct order *o)
{
    if (!o->in_queue)
        return; /* held: let_out sees it; it leaves nothing before */
    pair_withdraw(o->pair, o);
    if (o->key.guard) {
        TAILQ_REMOVE(&e->orders->open, o, open);
        e->orders->n_open--;
    }
    reader_refused(e, o);
}

static void forget_early(struct orders *q, struct early *r)
{
    HASH_DEL(q->early, r);
    TAILQ_REMOVE(&q->early_list, r, link);
    free(r);
}

static bool at_or_before(struct order_key k, struct order_key last)
{
    return k.guard < last.guard || (k.guard == last.guard && k.number <= last.number);
}

/* Behind the newest order, nothing is new: an order told again, or a release told again, must not bring a stanza out twice. */
static bool is_past(const struct orders *q, struct order_key k)
{
    return at_or_before(k, q->last) || at_or_before(k, q->released);
}

/* It was released to the edge that was here before, or may have been: it may not go out again. */
static void refuse_past(struct edge *e, struct order_key k, uint64_t epoch, uint64_t ticket)
{
    log_error("order %llu of guard %llu was released before this edge was started: refused", (unsigned long long)k.number, (unsigned long long)k.guard);
    line_order(e, k.guard, k.number, "order-past", GW_R_EDGE_LOST);
    remember(e, k, epoch, ticket, GW_R_EDGE_LOST);
    send_settle(e, k, GW_R_EDGE_LOST);
}

void orders_released(struct edge *e, const struct msg_released *m)
{
    struct orders *q = e->orders;
    struct order *o;
    if (q->told)
        return; /* a journal that was started again: what it released since is in our own books */
    q->told = true;
    q->released = (struct order_key){ m->guard, m->number };
    while ((o = q->held) && at_or_before(o->key, q->released)) { /* they are held in the order of their numbers */
        HASH_DEL(q->held, o);
        refuse_past(e, o->key, o->epoch, o->ticket); /* it may lose the guard, and with it all that is held */
        drop(e, o);
    }
}

void orders_take(struct edge *e, const struct msg_order *m)
{
    struct orders *q = e->orders;
    struct order_key k = { m->guard, m->number };
    struct order *o;
    struct early *r;
    if (!k.guard || at_or_before(k, q->last)) {
        channel_break(&e->guard, "an order came twice, or out of order");
        return;
    }
    q->last = k;
    if (at_or_before(k, q->released)) {
        refuse_past(e, k, m->epoch, m->ticket);
        return;
    }
    o = make(e, m->record);
    if (!o) {
        send_settle(e, k, GW_R_INTERNAL);
        return;
    }
    o->key = k;
    o->epoch = m->epoch;
    o->ticket = m->ticket;
    sha256(o->bytes, o->n, o->hash.b);
    HASH_ADD(hh, q->held, key, sizeof o->key, o);
    HASH_FIND(hh, q->early, &k, sizeof k, r);
    if (r) {
        struct ipc_hash hash = r->hash;
        forget_early(q, r);
        let_out(e, o, &hash);
    }
}

void orders_release(struct edge *e, const struct msg_release *m)
{
    struct orders *q = e->orders;
    struct order_key k = { m->guard, m->number };
    struct order *o;
    struct early *r;
    if (!q->told) {
        channel_break(&e->journal, "a release came before its first word");
        return;
    }
    HASH_FIND(hh, q->held, &k, sizeof k, o);
    if (o) {
        let_out(e, o, &m->hash);
        return;
    }
    if (is_past(q, k))
        return; /* the journal repeats itself; the order went, or is gone */
    HASH_FIND(hh, q->early, &k, sizeof k, r);
    if (r)
        return;
    if (HASH_COUNT(q->early) >= EARLY_MAX)
        forget_early(q, TAILQ_FIRST(&q->early_list));
    r = calloc(1, sizeof *r);
    if (!r)
        return;
    *r = (struct early){ .key = k, .hash = m->hash, .at = edge_now(e) };
    HASH_ADD(hh, q->early, key, sizeof r->key, r);
    TAILQ_INSERT_TAIL(&q->early_list, r, link);
}

/* ---- when the guard or time goes ---- */

void orders_guard_lost(struct edge *e)
{
    struct order *o, *next;
    HASH_ITER(hh, e->orders->held, o, next) {
        HASH_DEL(e->orders->held, o);
        line_order(e, o->key.guard, o->key.number, "discarded", GW_R_GUARD_LOST); /* nobody else may be left who could say so */
        drop(e, o);
    }
}

int orders_report(struct edge *e)
{
    struct orders *q = e->orders;
    struct order *o;
    int err = 0;
    TAILQ_FOREACH(o, &q->open, open) {
        struct msg_open_number m = { .guard = o->key.guard, .number = o->key.number, .epoch = o->epoch, .ticket = o->ticket,
            .state = OPEN_RELEASED };
        err = err ? err : ipc_put_open_number(e->guard.ipc, &m);
    }
    for (size_t i = 0; i < q->n_settled && !err; i++) {
        const struct settled *s = &q->settled[(q->first + i) % SETTLED_MAX];
        struct msg_open_number m = { .guard = s->key.guard, .number = s->key.number, .epoch = s->epoch, .ticket = s->ticket,
            .state = s->reason == GW_R_WRITTEN ? OPEN_WRITTEN : OPEN_RELEASED };
        err = ipc_put_open_number(e->guard.ipc, &m);
    }
    return err;
}

int orders_report_settled(struct edge *e)
{
    struct orders *q = e->orders;
    int err = 0;
    for (size_t i = 0; i < q->n_settled && !err; i++) {
        const struct settled *s = &q->settled[(q->first + i) % SETTLED_MAX];
        struct msg_settle m = { .guard = s->key.guard, .number = s->key.number, .reason = (uint8_t)s->reason };
        if (s->reason != GW_R_WRITTEN)
            err = ipc_put_settle(e->guard.ipc, &m);
    }
    return err;
}

void orders_tick(struct edge *e)
{
    struct orders *q = e->orders;
    struct order *o;
    uint64_t now = edge_now(e);
    while (!TAILQ_EMPTY(&q->early_list) && now - TAILQ_FIRST(&q->early_list)->at > EARLY_MS)
        forget_early(q, TAILQ_FIRST(&q->early_list));
    while (q->n_settled && now - q->settled[q->first].at > SETTLED_MS) {
        q->first = (q->first + 1) % SETTLED_MAX;
        q->n_settled--;
    }
    /* in the order in which they came; a settlement may lose the guard, and with it all that is held */
    while ((o = q->held) && now - o->arrived_at >= (uint64_t)e->conf->limits.deliver) {
        HASH_DEL(q->held, o); /* no release came in time; one that comes later finds nothing */
        settle(e, o, GW_R_TIMEOUT);
    }
}
