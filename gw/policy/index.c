/* SPDX-License-Identifier: GPL-3.0-or-later
 * Which rules can hold for these addresses at all: rules that name a sender or recipient outright are found by hash, so that ten
 * thousand of them cost no more than ten. A rule that is left out would have answered no. */
#include <stdlib.h>
#include <string.h>

#include "cond_address.h"
#include "jid.h"
#include "rows.h"

struct entry { struct str key; uint32_t *v; size_t n, cap; };
struct rule_index {
    struct entry *slots; /* by hash of the key */
    size_t mask, used;
    uint32_t *always;    /* rules that the index knows nothing about */
    size_t n_always, cap_always;
    bool any[2];         /* some rule names a sender, a recipient */
};

static const char tags[] = { 'f', 'b', 'd', 'a', 'w' }; /* by enum addr_form */

static struct str make_key(char *out, bool to, char tag, struct str text)
{
    out[0] = to ? 't' : 'f';
    out[1] = tag;
    memcpy(out + 2, text.p, text.n);
    return (struct str){ out, text.n + 2 };
}

static struct entry *find(const struct rule_index *x, struct str key)
{
    size_t i = siphash(siphash_process_key(), key.p, key.n) & x->mask;
    while (x->slots[i].key.p && !str_eq(x->slots[i].key, key))
        i = (i + 1) & x->mask;
    return &x->slots[i];
}

static bool grow(struct rule_index *x, struct arena *a)
{
    struct rule_index bigger = { .mask = x->slots ? x->mask * 2 + 1 : 63 };
    bigger.slots = arena_alloc(a, (bigger.mask + 1) * sizeof *bigger.slots);
    if (!bigger.slots)
        return false;
    memset(bigger.slots, 0, (bigger.mask + 1) * sizeof *bigger.slots);
    for (size_t i = 0; x->slots && i <= x->mask; i++)
        if (x->slots[i].key.p)
            *find(&bigger, x->slots[i].key) = x->slots[i];
    x->slots = bigger.slots;
    x->mask = bigger.mask;
    return true;
}

static bool put(struct rule_index *x, struct arena *a, struct str key, uint32_t rule)
{
    if ((!x->slots || x->used * 2 > x->mask) && !grow(x, a))
        return false;
    struct entry *e = find(x, key);
    if (!e->key.p) {
        e->key = arena_str(a, key);
        if (!e->key.p)
            return false;
        x->used++;
    }
    if (e->n && e->v[e->n - 1] == rule)
        return true;
    e->v = pol_grow(a, e->v, e->n, &e->cap, sizeof *e->v);
    if (!e->v)
        return false;
    e->v[e->n++] = rule;
    return true;
}

/* The part of a rule that names addresses outright, best the most exact one; NULL: there is none. */
static const struct cond *key_part(const struct pol_rule *r, bool *ret_to)
{
    static const struct cond_row *const by[] = { &cond_from, &cond_to, &cond_from_domain, &cond_to_domain };
    for (size_t b = 0; b < 4; b++)
        for (size_t i = 0; i < r->when.n_sub; i++) {
            const struct cond *c = &r->when.sub[i];
            const struct addr_patterns *p = c->arg;
            if (c->row != by[b])
                continue;
            bool exact = p->n > 0;
            for (size_t k = 0; k < p->n; k++)
                exact &= p->v[k].form != ADDR_BELOW;
            *ret_to = b & 1;
            if (exact)
                return c;
        }
    return NULL;
}

int index_build(struct policy *p)
{
    char text[JID_MAX + 3];
    struct arena *a = &p->arena;
    struct rule_index *x = arena_alloc(a, sizeof *x);
    if (!x)
        return GW_ERR(NOMEM);
    *x = (struct rule_index){ 0 };
    for (uint32_t i = 0; i < p->n_rules; i++) {
        bool to;
        const struct cond *c = key_part(&p->rules[i], &to);
        const struct addr_patterns *v = c ? c->arg : NULL;
        if (!c) {
            x->always = pol_grow(a, x->always, x->n_always, &x->cap_always, sizeof *x->always);
            if (!x->always)
                return GW_ERR(NOMEM);
            x->always[x->n_always++] = i;
            continue;
        }
        x->any[to] = true;
        for (size_t k = 0; k < v->n; k++)
            if (!put(x, a, make_key(text, to, tags[v->v[k].form], v->v[k].text), i))
                return GW_ERR(NOMEM);
    }
    p->index = x;
    return 0;
}

static void add_stream(struct rule_streams *s, const uint32_t *v, size_t n)
{
    if (n)
        s->v[s->n++] = (struct rule_stream){ v, n, 0 };
}

static void add_address(const struct rule_index *x, struct rule_streams *s, bool to, struct str jid)
{
    char text[JID_MAX + 3] GW_UNSET;
    struct str local, domain, resource;
    if (!x->any[to] || jid.n > JID_MAX)
        return;
    jid_split(jid, &local, &domain, &resource);
    struct str bare = { jid.p, (size_t)(domain.p + domain.n - jid.p) };
    struct str parts[4] = { jid, bare, domain, domain };
    for (int f = 0; f < 4; f++) {
        if ((f == ADDR_FULL && !resource.n) || ((f == ADDR_BARE || f == ADDR_ANYBODY) && !local.n))
            continue;
        const struct entry *e = find(x, make_key(text, to, tags[f], parts[f]));
        add_stream(s, e->v, e->n);
    }
}

bool index_begin(struct pol_eval *e)
{
    const struct rule_index *x = e->p->index;
    const struct rec *r = e->rec;
    struct rule_streams *s = &e->streams;
    *s = (struct rule_streams){ .v = arena_alloc(&e->arena, (1 + 8 * (1 + e->n_parties)) * sizeof *s->v) };
    if (!s->v)
        return false;
    add_stream(s, x->always, x->n_always);
    add_address(x, s, false, r->from);
    add_address(x, s, true, r->to);
    for (size_t i = 0; i < e->n_parties; i++) {
        const struct pol_party *p = &e->parties[i];
        if (!str_eq(p->from, r->from))
            add_address(x, s, false, p->from);
        if (!str_eq(p->to, r->to))
            add_address(x, s, true, p->to);
    }
    return true;
}

size_t index_next(struct rule_streams *s, size_t from)
{
    size_t best = SIZE_MAX;
    for (size_t i = 0; i < s->n; i++) {
        struct rule_stream *t = &s->v[i];
        while (t->at < t->n && t->v[t->at] < from)
            t->at++;
        if (t->at < t->n && t->v[t->at] < best)
            best = t->v[t->at];
    }
    return best;
}
