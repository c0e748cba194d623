/* SPDX-License-Identifier: GPL-3.0-or-later
 * Hosts that took part in an admitted connection: a set-associative table, bounded by construction. */
#include "seen.h"

#include <stdlib.h>

#include "siphash.h"

#define ROWS 2048 /* times WAYS: 16,384 hosts, 640 KiB */
#define WAYS 8

struct entry {
    uint8_t family, side, addr[16];
    bool used;
    int64_t touched;
};
struct seen {
    struct siphash_key key;
    size_t count;
    struct entry e[ROWS][WAYS];
};

struct seen *seen_new(void)
{
    struct seen *s = calloc(1, sizeof *s);
    if (s)
        s->key = *siphash_process_key();
    return s;
}

void seen_free(struct seen *s)
{
    free(s);
}

static struct entry *row_of(struct seen *s, enum gw_side side, const struct net_addr *a)
{
    unsigned char k[18] = { a->family, (uint8_t)side };
    memcpy(k + 2, a->addr, 16);
    return s->e[siphash(&s->key, k, sizeof k) % ROWS];
}

static struct entry *find(struct entry *row, enum gw_side side, const struct net_addr *a)
{
    for (int i = 0; i < WAYS; i++)
        if (row[i].family && row[i].family == a->family && row[i].side == side && memcmp(row[i].addr, a->addr, 16) == 0)
            return &row[i];
    return NULL;
}

/* Which of two goes first: a free place, then what was never used, then the older. */
static bool goes_before(const struct entry *a, const struct entry *b)
{
    if (!a->family || !b->family)
        return !a->family && b->family;
    if (a->used != b->used)
        return !a->used;
    return a->touched < b->touched;
}

void seen_add(struct seen *s, enum gw_side side, const struct net_addr *a, int64_t now)
{
    struct entry *row = row_of(s, side, a), *e = find(row, side, a);
    if (!a->family)
        return;
    if (!e) {
        e = row;
        for (int i = 1; i < WAYS; i++)
            if (goes_before(&row[i], e))
                e = &row[i];
        if (!e->family)
            s->count++;
        *e = (struct entry){ .family = a->family, .side = (uint8_t)side };
        memcpy(e->addr, a->addr, 16);
    }
    e->touched = now;
}

bool seen_use(struct seen *s, enum gw_side side, const struct net_addr *a, int64_t now)
{
    struct entry *e = a->family ? find(row_of(s, side, a), side, a) : NULL;
    if (!e)
        return false;
    e->touched = now;
    e->used = true;
    return true;
}

size_t seen_count(const struct seen *s)
{
    return s->count;
}
