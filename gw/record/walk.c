/* SPDX-License-Identifier: GPL-3.0-or-later
 * Looking around in a sealed record. */
#include "impl.h"

uint32_t rec_child(const struct rec *r, uint32_t node, struct str ns, struct str name, uint32_t after)
{
    uint32_t c = after == REC_NONE ? r->nodes[node].first_child : r->nodes[after].next;
    for (; c != REC_NONE; c = r->nodes[c].next) {
        const struct rec_node *e = &r->nodes[c];
        if (!e->is_text && str_eq(e->name, name) && (!ns.p || str_eq(e->ns, ns)))
            return c;
    }
    return REC_NONE;
}

struct str rec_attr_get(const struct rec *r, uint32_t node, struct str ns, struct str name)
{
    const struct rec_node *e = &r->nodes[node];
    for (uint32_t i = e->first_attr; i < e->first_attr + e->n_attrs; i++)
        if (str_eq(r->attrs[i].name, name) && str_eq(r->attrs[i].ns, ns))
            return r->attrs[i].value;
    return STR_NONE;
}

uint32_t rec_skip(const struct rec *r, uint32_t node)
{
    for (; node != REC_NONE; node = r->nodes[node].parent)
        if (r->nodes[node].next != REC_NONE)
            return r->nodes[node].next;
    return r->n_nodes;
}

static bool same(struct str a, struct str b) { return !a.p == !b.p && str_eq(a, b); }

bool rec_equal(const struct rec *a, const struct rec *b)
{
    if (a->kind != b->kind || !same(a->type, b->type) || !same(a->id, b->id) || !same(a->lang, b->lang) ||
        !str_eq(a->from, b->from) || !str_eq(a->to, b->to) || !str_eq(a->from_domain, b->from_domain) ||
        !str_eq(a->to_domain, b->to_domain) || a->n_nodes != b->n_nodes || a->n_attrs != b->n_attrs)
        return false;
    for (uint32_t i = 0; i < a->n_nodes; i++) {
        const struct rec_node *x = &a->nodes[i], *y = &b->nodes[i];
        if (x->is_text != y->is_text || x->parent != y->parent || x->n_attrs != y->n_attrs || !str_eq(x->text, y->text) ||
            !str_eq(x->ns, y->ns) || !str_eq(x->name, y->name))
            return false;
    }
    for (uint32_t i = 0; i < a->n_attrs; i++) {
        const struct rec_attr *x = &a->attrs[i], *y = &b->attrs[i];
        if (!str_eq(x->ns, y->ns) || !str_eq(x->name, y->name) || !str_eq(x->value, y->value))
            return false;
    }
    return true;
}
