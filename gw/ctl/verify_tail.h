/* SPDX-License-Identifier: GPL-3.0-or-later
 * The records behind the newest checkpoint that fits: nothing is proven of them. A journal that runs always has some; here is known when
 * there are more than it leaves. */
#ifndef LOCKGATE_CTL_VERIFY_TAIL_H
#define LOCKGATE_CTL_VERIFY_TAIL_H

#include "ledger.h"

#define TAIL_SIGNS_MS (3600u * 1000) /* the longest that a configuration allows, where no record says how often the journal signs */
#define TAIL_SLACK_MS (10u * 1000)   /* a batch, a slow disk, the answer of a token */

struct tail {
    uint64_t first, n;          /* first record; 0: there is none. How many */
    uint64_t since_us, last_us; /* from when on they wait for a signature, as records are dated; the last one's time */
    uint64_t closed, late;      /* a record that the journal ended in order; that it could not sign. 0: none */
    uint64_t waited_ms;         /* before that: the longest that any waited */
    /* How often the journal signs, and the record that says so; 0: not said. What no signature covers is believed only where it says less than
     * what one covers, or than is allowed at all. */
    uint64_t signs_ms, teller, signed_ms, signed_teller;
};
enum tail_why { TAIL_NORMAL, TAIL_TIME, TAIL_CLOSED };

/* A line, before it is held against a checkpoint. */
void tail_line(struct tail *t, const struct led_head *h, struct str line);
/* The same of a line that is not judged: only what it says about signing. */
void tail_learn(struct tail *t, const struct led_head *h, struct str line);
void tail_signed(struct tail *t); /* all lines so far are under a checkpoint */
/* Is it more than a journal that runs leaves unsigned, and why? */
enum tail_why tail_overdue(const struct tail *t);
uint64_t tail_waited_ms(const struct tail *t);
uint64_t tail_signs_ms(const struct tail *t);
uint64_t tail_teller(const struct tail *t); /* the record that says so; 0: none does */

#endif
