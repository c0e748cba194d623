/* SPDX-License-Identifier: GPL-3.0-or-later
 * RFC 2782, "Usage rules": by priority; among equals at random, each in proportion to its weight, one after the other. */
#include "choose.h"

#include <stdlib.h>

static int by_priority(const void *a, const void *b)
{
    const struct choice *x = a, *y = b;
    if (x->priority != y->priority)
        return x->priority < y->priority ? -1 : 1;
    if (x->weight != y->weight) /* those of weight 0 stand first, so that a draw of 0 picks one of them */
        return x->weight < y->weight ? -1 : 1;
    return x->index < y->index ? -1 : 1;
}

/* The next of a group of one priority comes to its front; the others keep their order. */
static void draw(struct choice *v, size_t n, uint32_t (*random)(void))
{
    uint64_t sum = 0, running = 0, at;
    size_t i = 0;
    for (size_t k = 0; k < n; k++)
        sum += v[k].weight;
    at = v[0].weight ? 1 + random() % sum : random() % (sum + 1); /* sorted: the first has the least weight */
    for (i = 0; i + 1 < n; i++) {
        running += v[i].weight;
        if (running >= at)
            break;
    }
    struct choice chosen = v[i];
    for (; i > 0; i--)
        v[i] = v[i - 1];
    v[0] = chosen;
}

void choose(struct choice *v, size_t n, uint32_t (*random)(void))
{
    qsort(v, n, sizeof *v, by_priority);
    for (size_t i = 0; i < n; i++) {
        size_t end = i + 1;
        while (end < n && v[end].priority == v[i].priority)
            end++;
        draw(v + i, end - i, random);
    }
}
