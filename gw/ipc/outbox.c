/* SPDX-License-Identifier: GPL-3.0-or-later
 * Lines on their way to the journal, kept until they are durable. */
#include "outbox.h"

#include <stdlib.h>

#define EVIDENCE_MAX (17u << 20) /* of msgs.h: a record */

struct outbox_line {
    struct outbox_line *next;
    uint64_t number;
    struct ipc_hash hash;
    uint8_t target, event;
    size_t n, n_evidence;
    char fields[]; /* behind them the evidence */
};

void outbox_init(struct outbox *o, uint64_t epoch, size_t max_bytes)
{
    *o = (struct outbox){ .epoch = epoch, .max = max_bytes };
}

static void drop_head(struct outbox *o)
{
    struct outbox_line *l = o->head;
    if (o->unsent == l)
        o->unsent = l->next;
    o->head = l->next;
    if (!o->head)
        o->tail = NULL;
    o->bytes -= sizeof *l + l->n + l->n_evidence;
    free(l);
}

void outbox_clear(struct outbox *o)
{
    while (o->head)
        drop_head(o);
}

int outbox_add(struct outbox *o, uint8_t target, const struct ipc_hash *hash, enum gw_event event, struct str fields,
    uint64_t *ret_number)
{
    return outbox_add_evidence(o, target, hash, event, fields, STR_NONE, ret_number);
}

int outbox_add_evidence(struct outbox *o, uint8_t target, const struct ipc_hash *hash, enum gw_event event, struct str fields,
    struct str evidence, uint64_t *ret_number)
{
    struct outbox_line *l;
    if (fields.n > 65536 - 64 || evidence.n > EVIDENCE_MAX || o->bytes + sizeof *l + fields.n + evidence.n > o->max)
        return GW_ERR(LIMIT);
    l = malloc(sizeof *l + fields.n + evidence.n);
    if (!l)
        return GW_ERR(NOMEM);
    *l = (struct outbox_line){ .number = ++o->last, .target = target, .event = (uint8_t)event };
    if (hash)
        l->hash = *hash;
    l->n = fields.n;
    if (fields.n)
        memcpy(l->fields, fields.p, fields.n);
    l->n_evidence = evidence.n;
    if (evidence.n)
        memcpy(l->fields + fields.n, evidence.p, evidence.n);
    if (o->tail)
        o->tail->next = l;
    else
        o->head = l;
    o->tail = l;
    if (!o->unsent)
        o->unsent = l;
    o->bytes += sizeof *l + l->n + l->n_evidence;
    if (ret_number)
        *ret_number = l->number;
    return 0;
}

int outbox_send(struct outbox *o, struct ipc *journal)
{
    for (; o->unsent; o->unsent = o->unsent->next) {
        const struct outbox_line *l = o->unsent;
        struct msg_line m = { .guard = o->epoch, .number = l->number, .target = l->target, .hash = l->hash, .event = l->event,
            .fields = { l->fields, l->n }, .evidence = { l->fields + l->n, l->n_evidence } };
        int e = ipc_put_line(journal, &m);
        if (e)
            return e;
    }
    return 0;
}

void outbox_relink(struct outbox *o)
{
    o->unsent = o->head;
}

int outbox_durable(struct outbox *o, const struct msg_durable *m)
{
    if (m->guard != o->epoch || m->number > o->last)
        return GW_ERR(PROTO);
    if (m->number > o->durable)
        o->durable = m->number;
    while (o->head && o->head->number <= o->durable)
        drop_head(o);
    return 0;
}
