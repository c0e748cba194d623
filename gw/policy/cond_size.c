/* SPDX-License-Identifier: GPL-3.0-or-later
 * Conditions size_above, depth_above, elements_above: how large a stanza is. */
#include <string.h>

#include "internal.h"
#include "rows.h"

static int parse_number(struct pol_load *l, const config_setting_t *s, struct cond *c)
{
    int64_t *v = arena_alloc(l->arena, sizeof *v);
    if (!v)
        return GW_ERR(NOMEM);
    c->arg = v;
    return c->row->operand == COND_SIZE ? load_size(l, s, v) : load_int(l, s, 0, 65536, v);
}

/* Bytes of all names, values and text: near to what the stanza takes as XML, and the same on every machine. */
static enum tri match_size(const struct cond *c, struct pol_eval *e)
{
    const int64_t *above = c->arg;
    const struct rec *r = e->rec;
    size_t n = r->from.n + r->to.n + r->id.n + r->type.n + r->lang.n;
    for (uint32_t i = 0; i < r->n_nodes; i++)
        n += r->nodes[i].is_text ? r->nodes[i].text.n : 2 * r->nodes[i].name.n + r->nodes[i].ns.n + 5;
    for (uint32_t i = 0; i < r->n_attrs; i++)
        n += r->attrs[i].name.n + r->attrs[i].value.n + 4;
    return tri_of((int64_t)n > *above);
}

static enum tri match_depth(const struct cond *c, struct pol_eval *e)
{
    const int64_t *above = c->arg;
    int64_t deepest = 0;
    for (uint32_t i = 0; i < e->rec->n_nodes; i++) {
        int64_t d = 0;
        for (uint32_t k = i; k != REC_NONE; k = e->rec->nodes[k].parent)
            d += !e->rec->nodes[k].is_text;
        if (d > deepest)
            deepest = d;
    }
    return tri_of(deepest > *above);
}

static enum tri match_elements(const struct cond *c, struct pol_eval *e)
{
    const int64_t *above = c->arg;
    int64_t n = 0;
    for (uint32_t i = 0; i < e->rec->n_nodes; i++)
        n += !e->rec->nodes[i].is_text;
    return tri_of(n > *above);
}

const struct cond_row cond_size_above = { "size_above", COND_SIZE, 0, parse_number, match_size, NULL, NULL, "size_above = \"16KiB\"",
    "names, values and text together are larger than this" };
const struct cond_row cond_depth_above = { "depth_above", COND_INT, 0, parse_number, match_depth, NULL, NULL, "depth_above = 8",
    "elements stand deeper inside each other than this (the stanza itself is 1)" };
const struct cond_row cond_elements_above = { "elements_above", COND_INT, 0, parse_number, match_elements, NULL, NULL,
    "elements_above = 100", "more elements than this" };
