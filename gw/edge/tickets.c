/* SPDX-License-Identifier: GPL-3.0-or-later
 * Tickets, stubs, and the answers that are made from stubs (PROTOCOL.md, "Answers from a stub"). */
#include "tickets.h"

#include <stdlib.h>
#include <time.h>

#include "log.h"

#define STUB_ID_MAX 1024 /* of a stanza's id towards a guard's successor */

struct ticket {
    uint64_t id;
    struct pair *pair;
    size_t bytes;      /* of the record: its credit */
    struct counted counted;
    UT_hash_handle hh; /* iterates in the order in which they came */
    size_t n;
    unsigned char stub[]; /* a record: heads, pair, an empty stanza element */
};
struct tickets {
    struct ticket *open;
    uint64_t last;
};

/* A ticket names a stanza of its side in the journal, so it must not come again when the edge is started anew: they count on from the
 * milliseconds of the start, 2048 for each, and stay numbers that JSON readers hold exactly (below 2^53). */
static uint64_t first_ticket(void)
{
    struct timespec t;
    clock_gettime(CLOCK_REALTIME, &t);
    return ((uint64_t)t.tv_sec * 1000 + (uint64_t)t.tv_nsec / 1000000) << 11;
}

int tickets_init(struct edge *e)
{
    e->tickets = calloc(1, sizeof *e->tickets);
    if (!e->tickets)
        return GW_ERR(NOMEM);
    e->tickets->last = first_ticket();
    return 0;
}

size_t tickets_open(const struct edge *e) { return HASH_COUNT(e->tickets->open); }

/* ---- stubs ---- */

static int make_stub(struct edge *e, const struct rec *r, bool with_id)
{
    buf_reset(&e->scratch);
    return rec_encode_stub(r, with_id, &e->scratch);
}

int tickets_send(struct edge *e, struct pair *p, uint64_t flow, const struct rec *r, struct counting *c)
{
    struct msg_stanza m = { .ticket = e->tickets->last + 1, .flow = flow };
    struct ticket *t;
    int err = make_stub(e, r, true);
    if (err)
        return err;
    t = malloc(sizeof *t + buf_size(&e->scratch));
    if (!t)
        return GW_ERR(NOMEM);
    *t = (struct ticket){ .pair = p };
    t->n = buf_size(&e->scratch);
    memcpy(t->stub, buf_data(&e->scratch), t->n);
    buf_reset(&e->scratch);
    err = rec_encode(r, &e->scratch);
    if (!err) {
        m.record = buf_str(&e->scratch);
        err = ipc_put_stanza(e->guard.ipc, &m);
    }
    if (err) {
        free(t);
        return err;
    }
    t->id = ++e->tickets->last;
    t->bytes = m.record.n;
    HASH_ADD(hh, e->tickets->open, id, sizeof t->id, t);
    counted_take(c, &t->counted);
    pair_spend(p, t->bytes);
    e->count.stanzas++;
    return 0;
}

int tickets_report(struct edge *e)
{
    struct ticket *t, *next;
    HASH_ITER(hh, e->tickets->open, t, next) {
        struct msg_open_ticket m = { .ticket = t->id, .stub = { (const char *)t->stub, t->n } };
        struct rec *r;
        int err;
        if (t->n > 12 * 1024) { /* an id of that length helps nobody, and the message has a maximum */
            err = rec_decode(m.stub, &REC_HARD_LIMITS, &r);
            if (!err) {
                err = make_stub(e, r, r->id.n <= STUB_ID_MAX);
                rec_free(r);
            }
            if (err)
                return err;
            m.stub = buf_str(&e->scratch);
        }
        err = ipc_put_open_ticket(e->guard.ipc, &m);
        if (err)
            return err;
    }
    return 0;
}

/* ---- answers ---- */

/* Not so: written; or refused, and then the guard has answered as the rules say. */
static bool is_delivery_failure(enum gw_reason r)
{
    static const enum gw_reason list[] = { GW_R_NO_ROUTE, GW_R_NO_AUTH, GW_R_TIMEOUT, GW_R_STREAM_LOST, GW_R_UNKNOWN_OUTCOME,
        GW_R_GUARD_LOST, GW_R_EDGE_LOST, GW_R_QUEUE_FULL, GW_R_READER_REFUSED, GW_R_INTERNAL, GW_R_RECORD_INVALID, GW_R_TOO_LARGE };
    for (size_t i = 0; i < sizeof list / sizeof *list; i++)
        if (list[i] == r)
            return true;
    return false;
}

static void condition(enum gw_reason r, struct str *ret_type, struct str *ret_condition)
{
    *ret_type = STR("wait");
    if (r == GW_R_NO_ROUTE || r == GW_R_NO_AUTH) {
        *ret_type = STR("cancel");
        *ret_condition = STR("remote-server-not-found");
    } else if (r == GW_R_TIMEOUT || r == GW_R_STREAM_LOST || r == GW_R_UNKNOWN_OUTCOME || r == GW_R_GUARD_LOST || r == GW_R_EDGE_LOST)
        *ret_condition = STR("remote-server-timeout");
    else if (r == GW_R_QUEUE_FULL)
        *ret_condition = STR("resource-constraint");
    else if (r == GW_R_RECORD_LIMIT || r == GW_R_TOO_LARGE || r == GW_R_ADDRESS_INVALID) {
        *ret_type = STR("modify");
        *ret_condition = r == GW_R_ADDRESS_INVALID ? STR("jid-malformed") : STR("policy-violation");
    } else {
        *ret_type = STR("cancel");
        *ret_condition = STR("internal-server-error");
    }
}

void tickets_answer(struct edge *e, struct pair *p, const struct rec *r, enum gw_reason reason)
{
    struct str type, cond;
    struct rec *answer;
    struct order *o;
    if (r->kind == REC_PRESENCE && str_eq(r->type, STR("unavailable")))
        return;
    /* Answers queue behind the same window as orders: a server that takes nothing back gets no more of them. */
    if (p->queued >= 2 * (size_t)e->conf->limits.window_stanzas) {
        e->count.unanswered++;
        return;
    }
    condition(reason, &type, &cond);
    if (rec_error_answer(r, type, cond, str_c(gw_reason_text(reason)), STR_NONE, STR_NONE, &answer) != 0)
        return; /* an error or a result: never answered */
    buf_reset(&e->scratch);
    if (rec_encode(answer, &e->scratch) == 0 && (o = orders_local(e, buf_str(&e->scratch)))) {
        e->count.answered++;
        pair_enqueue(p, o);
    }
    rec_free(answer);
}

static void answer_stub(struct edge *e, const struct ticket *t, enum gw_reason reason)
{
    struct rec *r;
    if (rec_decode((struct str){ (const char *)t->stub, t->n }, &REC_HARD_LIMITS, &r) != 0) {
        log_error("a stub of our own cannot be read");
        return;
    }
    tickets_answer(e, t->pair, r, reason);
    rec_free(r);
}

void tickets_verdict(struct edge *e, const struct msg_verdict *m)
{
    struct ticket *t;
    HASH_FIND(hh, e->tickets->open, &m->ticket, sizeof m->ticket, t);
    if (t)
        counted_done(&t->counted);
}

void tickets_settled(struct edge *e, const struct msg_settled *m)
{
    struct ticket *t;
    struct pair *p;
    size_t bytes;
    HASH_FIND(hh, e->tickets->open, &m->ticket, sizeof m->ticket, t);
    if (!t)
        return; /* settled before: by a guard and by its successor */
    HASH_DEL(e->tickets->open, t);
    counted_done(&t->counted);
    if (m->reason < GW_R_COUNT && is_delivery_failure((enum gw_reason)m->reason))
        answer_stub(e, t, (enum gw_reason)m->reason);
    p = t->pair;
    bytes = t->bytes;
    free(t);
    pair_refund(p, bytes);
}
