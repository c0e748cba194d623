/* SPDX-License-Identifier: GPL-3.0-or-later
 * The list of namespaces and names of one record, each once, in order of first use. */
#include <stdlib.h>

#include "impl.h"
#include "siphash.h"

void rec_names_reset(struct rec_names *t)
{
    t->n = 0; /* the table is filled anew when it comes into use */
}

void rec_names_clear(struct rec_names *t)
{
    free(t->v);
    free(t->slots);
    *t = (struct rec_names){ 0 };
}

int rec_names_append(struct rec_names *t, struct str s)
{
    if (t->n >= REC_NAMES_MAX)
        return GW_ERR(LIMIT);
    if (t->n == t->cap) {
        uint32_t cap = t->cap ? t->cap * 2 : 32;
        struct str *v = realloc(t->v, cap * sizeof *v);
        if (!v)
            return GW_ERR(NOMEM);
        t->v = v;
        t->cap = cap;
    }
    t->v[t->n++] = s;
    return 0;
}

static void slot_put(struct rec_names *t, uint32_t index)
{
    uint32_t mask = t->n_slots - 1;
    uint32_t at = (uint32_t)siphash(siphash_process_key(), t->v[index].p, t->v[index].n) & mask;
    while (t->slots[at])
        at = (at + 1) & mask;
    t->slots[at] = index + 1;
}

/* Enters the newest name; fills the table anew when it comes into use or would be more than half full. */
static int slots_add(struct rec_names *t)
{
    if (t->n > REC_NAMES_SCAN + 1 && t->n_slots >= 2 * t->n) {
        slot_put(t, t->n - 1);
        return 0;
    }
    if (t->n_slots < 4 * t->n) {
        uint32_t want = t->n_slots ? t->n_slots : 64;
        while (want < 4 * t->n)
            want *= 2;
        uint32_t *slots = realloc(t->slots, want * sizeof *slots);
        if (!slots)
            return GW_ERR(NOMEM);
        t->slots = slots;
        t->n_slots = want;
    }
    memset(t->slots, 0, t->n_slots * sizeof *t->slots);
    for (uint32_t i = 0; i < t->n; i++)
        slot_put(t, i);
    return 0;
}

static bool find(const struct rec_names *t, struct str s, uint32_t *ret)
{
    if (t->n <= REC_NAMES_SCAN) {
        for (uint32_t i = 0; i < t->n; i++)
            if (str_eq(t->v[i], s)) {
                *ret = i;
                return true;
            }
        return false;
    }
    uint32_t mask = t->n_slots - 1;
    for (uint32_t at = (uint32_t)siphash(siphash_process_key(), s.p, s.n) & mask; t->slots[at]; at = (at + 1) & mask)
        if (str_eq(t->v[t->slots[at] - 1], s)) {
            *ret = t->slots[at] - 1;
            return true;
        }
    return false;
}

int rec_names_add(struct rec_names *t, struct arena *a, struct str s, uint16_t *ret, bool *ret_new)
{
    uint32_t i;
    *ret_new = false;
    if (find(t, s, &i)) {
        *ret = (uint16_t)i;
        return 0;
    }
    struct str copy = arena_str(a, s);
    if (!copy.p)
        return GW_ERR(NOMEM);
    int rc = rec_names_append(t, copy);
    if (rc)
        return rc;
    if (t->n > REC_NAMES_SCAN && (rc = slots_add(t)))
        return rc;
    *ret = (uint16_t)(t->n - 1);
    *ret_new = true;
    return 0;
}

static int compare(const void *a, const void *b)
{
    const struct str *x = a, *y = b;
    if (x->n != y->n)
        return x->n < y->n ? -1 : 1;
    return x->n ? memcmp(x->p, y->p, x->n) : 0;
}

bool rec_names_distinct(const struct rec_names *t)
{
    if (t->n <= 24) {
        for (uint32_t i = 1; i < t->n; i++)
            for (uint32_t k = 0; k < i; k++)
                if (str_eq(t->v[i], t->v[k]))
                    return false;
        return true;
    }
    struct str *sorted = malloc(t->n * sizeof *sorted);
    if (!sorted)
        return false; /* cannot tell: not accepted */
    memcpy(sorted, t->v, t->n * sizeof *sorted);
    qsort(sorted, t->n, sizeof *sorted, compare);
    bool distinct = true;
    for (uint32_t i = 1; i < t->n && distinct; i++)
        distinct = !str_eq(sorted[i - 1], sorted[i]);
    free(sorted);
    return distinct;
}
