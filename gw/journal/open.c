/* SPDX-License-Identifier: GPL-3.0-or-later
 * The table of released numbers: found by (guard, number) and by (side, ticket), in lists by what is waited for. Memory that was
 * never used is never touched. */
#include <stdlib.h>
#include <sys/random.h>

#include "journal.h"

#define BUCKET_BITS 17
#define BUCKETS (1u << BUCKET_BITS)
#define NONE UINT32_MAX

/* A program that was taken over picks its numbers: they are spread by an odd factor that it cannot know (multiply-shift hashing, Dietzfelbinger
 * et al., J. Algorithms 25, 1997). */
static uint32_t *bucket(const struct open_table *t, uint32_t *of, uint64_t x)
{
    return &of[x * t->factor >> (64 - BUCKET_BITS)];
}

static uint32_t *number_bucket(struct open_table *t, uint64_t guard, uint64_t number)
{
    return bucket(t, t->by_number, number + guard * 0x9e3779b97f4a7c15u);
}

static uint32_t *ticket_bucket(struct open_table *t, unsigned near, uint64_t ticket)
{
    return bucket(t, t->by_ticket, 2 * ticket + near);
}

int open_init(struct open_table *t, uint32_t max)
{
    *t = (struct open_table){ .max = max, .free = NONE, .v = calloc(max, sizeof *t->v), .by_number = malloc(BUCKETS * sizeof(uint32_t)),
        .by_ticket = malloc(BUCKETS * sizeof(uint32_t)) };
    if (!t->v || !t->by_number || !t->by_ticket || getrandom(&t->factor, sizeof t->factor, 0) != (ssize_t)sizeof t->factor) {
        open_clear(t);
        return GW_ERR(NOMEM);
    }
    t->factor |= 1;
    memset(t->by_number, 0xff, BUCKETS * sizeof(uint32_t));
    memset(t->by_ticket, 0xff, BUCKETS * sizeof(uint32_t));
    for (int i = 0; i < OPEN_LISTS; i++)
        t->list[i].first = t->list[i].last = NONE;
    return 0;
}

void open_clear(struct open_table *t)
{
    free(t->v);
    free(t->by_number);
    free(t->by_ticket);
    *t = (struct open_table){ 0 };
}

/* ---- lists ---- */
static void unlist(struct open_table *t, struct open_entry *e)
{
    struct open_list *l = &t->list[e->list];

    if (e->prev == NONE)
        l->first = e->next;
    else
        t->v[e->prev].next = e->next;
    if (e->next == NONE)
        l->last = e->prev;
    else
        t->v[e->next].prev = e->prev;
    l->n--;
}

static void enlist(struct open_table *t, struct open_entry *e, enum open_list_id list, int64_t now)
{
    struct open_list *l = &t->list[list];
    uint32_t i = (uint32_t)(e - t->v);

    e->list = (uint8_t)list;
    e->since_ms = now;
    e->prev = l->last;
    e->next = NONE;
    if (l->last == NONE)
        l->first = i;
    else
        t->v[l->last].next = i;
    l->last = i;
    l->n++;
}

struct open_entry *open_first(const struct open_table *t, enum open_list_id list)
{
    return t->list[list].first == NONE ? NULL : &t->v[t->list[list].first];
}

struct open_entry *open_next(const struct open_table *t, const struct open_entry *e)
{
    return e->next == NONE ? NULL : &t->v[e->next];
}

/* ---- entries ---- */
static void unchain(struct open_table *t, uint32_t *at, size_t chain, uint32_t i)
{
    while (*at != i)
        at = &t->v[*at].chain[chain];
    *at = t->v[i].chain[chain];
}

static void drop(struct open_table *t, struct open_entry *e)
{
    uint32_t i = (uint32_t)(e - t->v);

    unlist(t, e);
    unchain(t, number_bucket(t, e->guard, e->number), 0, i);
    if (e->ticket)
        unchain(t, ticket_bucket(t, e->near, e->ticket), 1, i);
    e->next = t->free;
    t->free = i;
}

static void forget(struct open_table *t)
{
    while (t->list[OPEN_CLOSED].n > OPEN_REMEMBERED)
        drop(t, open_first(t, OPEN_CLOSED));
}

void open_move(struct open_table *t, struct open_entry *e, enum open_list_id list, int64_t now)
{
    unlist(t, e);
    enlist(t, e, list, now);
    forget(t);
}

struct open_entry *open_put(struct open_table *t, const struct told *m, enum open_list_id list, int64_t now)
{
    struct open_entry *e;
    uint32_t i, *n, *k;

    if (t->free == NONE && t->used == t->max && t->list[OPEN_CLOSED].n)
        drop(t, open_first(t, OPEN_CLOSED));
    if (t->free != NONE) {
        i = t->free;
        t->free = t->v[i].next;
    } else if (t->used < t->max) {
        i = t->used++;
    } else {
        return NULL;
    }
    n = number_bucket(t, m->guard, m->number);
    k = ticket_bucket(t, m->near, m->ticket);
    e = &t->v[i];
    *e = (struct open_entry){ .guard = m->guard, .number = m->number, .ticket = m->ticket, .near = m->near, .chain = { *n, *k } };
    *n = i;
    if (m->ticket) /* without one it is not looked for by it */
        *k = i;
    enlist(t, e, list, now);
    forget(t); /* at most the oldest, never this one */
    return e;
}

void open_ticket(struct open_table *t, struct open_entry *e, uint8_t near, uint64_t ticket)
{
    uint32_t i = (uint32_t)(e - t->v), *k;

    if (e->ticket)
        unchain(t, ticket_bucket(t, e->near, e->ticket), 1, i);
    e->near = near;
    e->ticket = ticket;
    if (!ticket)
        return;
    k = ticket_bucket(t, near, ticket);
    e->chain[1] = *k;
    *k = i;
}

struct open_entry *open_find(struct open_table *t, uint64_t guard, uint64_t number)
{
    for (uint32_t i = *number_bucket(t, guard, number); i != NONE; i = t->v[i].chain[0])
        if (t->v[i].number == number && t->v[i].guard == guard)
            return &t->v[i];
    return NULL;
}

struct open_entry *open_find_ticket(struct open_table *t, unsigned near, uint64_t ticket)
{
    for (uint32_t i = *ticket_bucket(t, near, ticket); i != NONE; i = t->v[i].chain[1])
        if (t->v[i].ticket == ticket && t->v[i].near == near)
            return &t->v[i];
    return NULL;
}
