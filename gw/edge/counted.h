/* SPDX-License-Identifier: GPL-3.0-or-later
 * What stream management counts on an inbound stream (XEP-0198 section 4): `h` is how many stanzas, without a gap from the first, have a verdict
 * that is durable in the journal: released, refused, held or answered here. What was not yet judged is never acknowledged. */
#ifndef LOCKGATE_EDGE_COUNTED_H
#define LOCKGATE_EDGE_COUNTED_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/queue.h>

struct counting;
/* One stanza under way. Part of its ticket; or an allocation of its own, for what this edge refused by itself. */
struct counted {
    TAILQ_ENTRY(counted) next;
    struct counting *of; /* NULL: not counted, or done */
    uint64_t seq;        /* the stanza's place on the stream, from 1 */
    uint64_t line;       /* this edge's line about it; 0: it is the guard's to judge */
};
struct counting {
    bool on;             /* the peer switched stream management on */
    uint64_t arrived;    /* stanzas since then */
    TAILQ_HEAD(, counted) open; /* in their order */
};
void counting_begin(struct counting *c);
/* The stream is gone: tickets that are still open are no longer counted. */
void counting_end(struct counting *c);
/* A stanza came whose verdict the guard gives. Nothing happens when c is off. */
void counted_take(struct counting *c, struct counted *k);
/* Its verdict is durable, or its ticket goes. */
void counted_done(struct counted *k);
/* A stanza came that this edge refused with this line of its own; 0: the line was lost, and with it all counting of this stream ends: what no
 * record knows is never acknowledged, nor what stands behind it. durable: as below. */
void counted_refused(struct counting *c, uint64_t line, uint64_t durable);
/* A stanza came that needs no line (the answer to our own ping). */
void counted_here(struct counting *c);
/* For <a/>. durable: the edge's lines up to this number are on disk. Counts modulo 2^32, as the XEP has it. */
uint32_t counting_h(struct counting *c, uint64_t durable);

#endif
