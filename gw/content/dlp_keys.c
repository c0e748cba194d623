/* SPDX-License-Identifier: GPL-3.0-or-later
 * The gate in front of the patterns: one pass over the text, and one over its shapes, for the pieces of which a match holds one. Such a pass costs a
 * small part of what running a pattern costs, however many pieces there are. */
#include "dlp.h"

struct key_scan { struct dlp *d; const struct dlp_db *b; };

static int on_key(unsigned id, unsigned long long from, unsigned long long to, unsigned flags, void *user)
{
    struct key_scan *s = user;
    struct dlp *d = s->d;
    uint32_t number = s->b->v[id].number;
    (void)from;
    (void)to;
    (void)flags;
    if (number == DLP_NUMBER_WORD) {
        d->word_seen = true;
    } else if (!d->wanted[number]) {
        d->wanted[number] = true;
        d->seen[d->n_seen++] = number;
    }
    return 0;
}

bool dlp_find_keys(struct dlp *d, struct str text, const struct measure *m)
{
    struct key_scan plain = { d, &d->keys[FACTOR_PLAIN] }, shape = { d, &d->keys[FACTOR_SHAPE] };
    while (d->n_seen > 0)
        d->wanted[d->seen[--d->n_seen]] = false;
    d->word_seen = d->no_gate;
    return dlp_run(d, plain.b, text, on_key, &plain) && (!m->digits || dlp_run(d, shape.b, buf_str(&d->shapes), on_key, &shape));
}

bool dlp_possible(const struct dlp *d, size_t group, size_t i, const struct measure *m)
{
    const struct dlp_db *b = &d->find[group];
    const struct gate *g = i < b->n_single ? &b->v[i].gate : &b->gate;
    uint32_t digits = group == FIND_DIGITS_NEAR ? m->near : m->digits;
    return d->no_gate || (digits >= g->digits && m->token >= g->token && (i >= b->n_single || gate_run_ok(g, m)));
}
