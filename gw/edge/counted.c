/* SPDX-License-Identifier: GPL-3.0-or-later
 * Stanzas of a stream in the order in which they came, until their verdicts are durable. */
#include "counted.h"

#include <stdlib.h>

void counting_begin(struct counting *c)
{
    *c = (struct counting){ .on = true };
    TAILQ_INIT(&c->open);
}

static void take_out(struct counted *k)
{
    TAILQ_REMOVE(&k->of->open, k, next);
    k->of = NULL;
    if (k->line)
        free(k);
}

void counting_end(struct counting *c)
{
    if (c->on)
        while (!TAILQ_EMPTY(&c->open))
            take_out(TAILQ_FIRST(&c->open));
    c->on = false;
}

void counted_take(struct counting *c, struct counted *k)
{
    if (!c->on)
        return;
    *k = (struct counted){ .of = c, .seq = ++c->arrived };
    TAILQ_INSERT_TAIL(&c->open, k, next);
}

void counted_done(struct counted *k)
{
    if (k->of)
        take_out(k);
}

void counted_refused(struct counting *c, uint64_t line, uint64_t durable)
{
    struct counted *k = c->on && line ? malloc(sizeof *k) : NULL;
    if (k) {
        counted_take(c, k);
        k->line = line;
        (void)counting_h(c, durable); /* who never asks must not make the list long */
    } else {
        counting_end(c);
    }
}

void counted_here(struct counting *c)
{
    if (c->on)
        c->arrived++;
}

uint32_t counting_h(struct counting *c, uint64_t durable)
{
    struct counted *k;
    while ((k = TAILQ_FIRST(&c->open)) && k->line && k->line <= durable)
        take_out(k);
    return (uint32_t)(k ? k->seq - 1 : c->arrived);
}
