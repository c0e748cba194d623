/* SPDX-License-Identifier: GPL-3.0-or-later
 * How often each rule held, handed from one guard to the next: rules that keep their number keep their count. */
#include "internal.h"
#include "wire.h"

#define ENTRY 20 /* bytes of one rule */

int policy_hits_put(const struct policy *p, struct buf *out)
{
    struct wire_out o;
    wire_out_init(&o, out);
    for (size_t i = 0; i < p->n_rules && (i + 1) * ENTRY <= POLICY_HITS_MAX; i++) {
        const struct pol_rule *r = &p->rules[i];
        if (!r->hits->n)
            continue;
        wire_put_u32(&o, r->id);
        wire_put_u64(&o, r->hits->n);
        wire_put_u64(&o, (uint64_t)r->hits->last_ms);
    }
    return o.err;
}

void policy_hits_add(struct policy *p, struct str counts)
{
    struct wire w;
    size_t at = 0; /* mostly in the same order: the search goes on where the last one ended */
    if (counts.n % ENTRY)
        return;
    wire_init(&w, counts.p, counts.n);
    while (wire_left(&w)) {
        uint32_t id = wire_u32(&w);
        uint64_t n = wire_u64(&w), last = wire_u64(&w);
        for (size_t i = 0; i < p->n_rules; i++, at = (at + 1) % p->n_rules)
            if (p->rules[at].id == id) {
                p->rules[at].hits->n += n;
                if ((int64_t)last > p->rules[at].hits->last_ms)
                    p->rules[at].hits->last_ms = (int64_t)last;
                break;
            }
    }
}
