/* SPDX-License-Identifier: GPL-3.0-or-later
 * Arenas: many small allocations that end together, with one maximum for all of them. */
#include <stdlib.h>

#include "buf.h"

#define ARENA_ALIGN 16
#define ARENA_FIRST ((size_t)4096)
#define ARENA_STEP_MAX ((size_t)256 << 10) /* chunks double up to here; larger ones serve a single allocation */

struct arena_chunk {
    struct arena_chunk *next;
    size_t used, size;
    size_t pad; /* bytes[] starts aligned */
    _Alignas(ARENA_ALIGN) unsigned char bytes[];
};

void arena_init(struct arena *a, size_t max)
{
    *a = (struct arena){ .max = max };
}

static struct arena_chunk *arena_grow(struct arena *a, size_t n)
{
    size_t size = a->chunks && a->chunks->size < ARENA_STEP_MAX ? a->chunks->size * 2 : ARENA_FIRST;
    struct arena_chunk *c;

    if (a->chunks && a->chunks->size >= ARENA_STEP_MAX)
        size = ARENA_STEP_MAX;
    if (size < n)
        size = n;
    c = malloc(sizeof *c + size);
    if (!c)
        return NULL;
    c->used = 0;
    c->size = size;
    c->next = a->chunks;
    a->chunks = c;
    return c;
}

static void *arena_take(struct arena *a, size_t n)
{
    struct arena_chunk *c = a->chunks;
    size_t rounded = (n + ARENA_ALIGN - 1) & ~(size_t)(ARENA_ALIGN - 1);
    void *p;

    if (rounded < n || a->used > a->max || rounded > a->max - a->used)
        return NULL;
    if (rounded == 0)
        rounded = ARENA_ALIGN; /* a pointer of its own, also for nothing */
    if (!c || rounded > c->size - c->used)
        c = arena_grow(a, rounded);
    if (!c)
        return NULL;
    p = c->bytes + c->used;
    c->used += rounded;
    a->used += rounded;
    return p;
}

void *arena_alloc(struct arena *a, size_t n)
{
    void *p = arena_take(a, n);

    return p ? memset(p, 0, n) : NULL;
}

struct str arena_str(struct arena *a, struct str s)
{
    char *p = s.n < SIZE_MAX ? arena_take(a, s.n + 1) : NULL;

    if (!p)
        return STR_NONE;
    if (s.n)
        memcpy(p, s.p, s.n);
    p[s.n] = 0;
    return (struct str){ p, s.n };
}

/* Keeps the largest chunk of ordinary size, so that the next stanza of the same kind needs no malloc. */
void arena_reset(struct arena *a)
{
    struct arena_chunk *keep = NULL;

    for (struct arena_chunk *c = a->chunks, *next; c; c = next) {
        next = c->next;
        if (c->size <= ARENA_STEP_MAX && (!keep || c->size > keep->size)) {
            free(keep);
            keep = c;
        } else {
            free(c);
        }
    }
    if (keep) {
        keep->next = NULL;
        keep->used = 0;
    }
    a->chunks = keep;
    a->used = 0;
}

void arena_clear(struct arena *a)
{
    for (struct arena_chunk *c = a->chunks, *next; c; c = next) {
        next = c->next;
        free(c);
    }
    a->chunks = NULL;
    a->used = 0;
}
