/* SPDX-License-Identifier: GPL-3.0-or-later
 * The gate in front of the patterns: one pass over the text, and one over its shapes, for the pieces of which a match holds one. Such a pass costs a
 * small part of what running a pattern costs, however many pieces there are. */
#include "dlp.h"

static void on_key(void *user, uint32_t number)
{
    struct dlp *d = user;
    if (number == DLP_NUMBER_WORD) {
        d->word_seen = true;
    } else if (!d->wanted[number]) {
        d->wanted[number] = true;
        d->seen[d->n_seen++] = number;
    }
}

void dlp_find_keys(struct dlp *d, struct str text, const struct measure *m)
{
    while (d->n_seen > 0)
        d->wanted[d->seen[--d->n_seen]] = false;
    d->word_seen = d->no_gate || d->words_always;
    pieces_find(&d->keys[FACTOR_PLAIN], text, on_key, d);
    if (m->digits)
        pieces_find(&d->keys[FACTOR_SHAPE], buf_str(&d->shapes), on_key, d);
}

bool dlp_possible(const struct dlp *d, size_t group, size_t i, const struct measure *m)
{
    const struct dlp_db *b = &d->find[group];
    const struct gate *g = i < b->n_single ? &b->v[i].gate : &b->gate;
    uint32_t digits = group == FIND_DIGITS_NEAR ? m->near : m->digits;
    return d->no_gate || (digits >= g->digits && m->token >= g->token && (i >= b->n_single || gate_run_ok(g, m)));
}
