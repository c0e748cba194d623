/* SPDX-License-Identifier: GPL-3.0-or-later
 * A changed record is a new record: the old one is copied through the builder, with the edits applied on the way. */
#include <stdlib.h>

#include "impl.h"

static int by_place(const void *a, const void *b)
{
    const struct rec_edit *x = *(const struct rec_edit *const *)a, *y = *(const struct rec_edit *const *)b;
    if (x->node != y->node)
        return x->node < y->node ? -1 : 1;
    if (x->attr != y->attr)
        return x->attr < y->attr ? -1 : 1;
    if (x->off != y->off)
        return x->off < y->off ? -1 : 1;
    return x < y ? -1 : 1; /* the caller's order */
}

struct edits { const struct rec_edit **v; size_t n, at; }; /* at: the first that is not behind us */

/* The edits of one node: from *ret_first, returns how many. */
static size_t edits_of(struct edits *e, uint32_t node, size_t *ret_first)
{
    while (e->at < e->n && e->v[e->at]->node < node)
        e->at++;
    size_t n = 0;
    while (e->at + n < e->n && e->v[e->at + n]->node == node)
        n++;
    *ret_first = e->at;
    return n;
}

/* old with all REPLACEs of attr (REC_NONE: of the text), into scratch. *ret_changed false: nothing to do. */
static int replaced(const struct edits *e, size_t first, size_t n, uint32_t attr, struct str old, struct buf *scratch, struct str *ret)
{
    size_t done = 0;
    bool changed = false;
    buf_reset(scratch);
    for (size_t i = first; i < first + n; i++) {
        const struct rec_edit *d = e->v[i];
        if (d->op != REC_REPLACE || d->attr != attr)
            continue;
        if (d->off < done || d->off > old.n || d->len > old.n - d->off)
            return GW_ERR(SYNTAX);
        int rc = buf_put(scratch, old.p + done, d->off - done);
        if (!rc)
            rc = buf_puts(scratch, d->with);
        if (rc)
            return rc;
        done = d->off + d->len;
        changed = true;
    }
    if (!changed) {
        *ret = old;
        return 0;
    }
    int rc = buf_put(scratch, old.p + done, old.n - done);
    *ret = buf_size(scratch) ? buf_str(scratch) : STR("");
    return rc;
}

static bool drops_attr(const struct edits *e, size_t first, size_t n, uint32_t attr, const struct rec_attr *a)
{
    for (size_t i = first; i < first + n; i++) {
        const struct rec_edit *d = e->v[i];
        if (d->op == REC_DROP_ATTR && d->attr == attr)
            return true;
        if (d->op == REC_SET_ATTR && str_eq(d->name, a->name) && str_eq(d->ns, a->ns))
            return true; /* written anew below */
    }
    return false;
}

static int copy_element(struct rec *out, const struct rec *in, uint32_t node, const struct edits *e, size_t first, size_t n,
    struct buf *scratch)
{
    const struct rec_node *el = &in->nodes[node];
    int rc = rec_open(out, el->ns, el->name);
    for (uint32_t a = el->first_attr; a < el->first_attr + el->n_attrs && !rc; a++) {
        struct str value;
        if (drops_attr(e, first, n, a, &in->attrs[a]))
            continue;
        rc = replaced(e, first, n, a, in->attrs[a].value, scratch, &value);
        if (!rc)
            rc = rec_attr_add(out, in->attrs[a].ns, in->attrs[a].name, value);
    }
    for (size_t i = first; i < first + n && !rc; i++)
        if (e->v[i]->op == REC_SET_ATTR)
            rc = rec_attr_add(out, e->v[i]->ns, e->v[i]->name, e->v[i]->with);
    return rc;
}

int rec_copy(struct rec *to, const struct rec *from, uint32_t node)
{
    const struct edits none = { 0 };
    const uint32_t end = rec_skip(from, node), above = from->nodes[node].parent;
    uint32_t open = above; /* the element of `from` whose copy is open; above: none */
    struct buf unused; /* nothing is replaced */
    int rc = 0;
    buf_init(&unused, 0);
    for (uint32_t i = node; i < end && !rc; i++) {
        const struct rec_node *n = &from->nodes[i];
        for (; open != n->parent && !rc; open = from->nodes[open].parent)
            rc = rec_close(to);
        if (rc)
            break;
        rc = n->is_text ? rec_text(to, n->text) : copy_element(to, from, i, &none, 0, 0, &unused);
        open = n->is_text ? open : i;
    }
    for (; open != above && !rc; open = from->nodes[open].parent)
        rc = rec_close(to);
    return rc;
}

static bool dropped(const struct edits *e, size_t first, size_t n)
{
    for (size_t i = first; i < first + n; i++)
        if (e->v[i]->op == REC_DROP)
            return true;
    return false;
}

static int copy_tree(struct rec *out, const struct rec *in, struct edits *e, struct buf *scratch)
{
    uint32_t open = REC_NONE; /* the element of `in` whose copy is open */
    int rc = 0;
    for (uint32_t i = 0; i < in->n_nodes && !rc;) {
        const struct rec_node *node = &in->nodes[i];
        for (; open != node->parent && !rc; open = in->nodes[open].parent)
            rc = rec_close(out);
        size_t first, n = edits_of(e, i, &first);
        if (dropped(e, first, n)) {
            if (i == 0)
                return GW_ERR(SYNTAX);
            i = rec_skip(in, i);
            continue;
        }
        if (node->is_text) {
            struct str text;
            if (!rc)
                rc = replaced(e, first, n, REC_NONE, node->text, scratch, &text);
            if (!rc)
                rc = rec_text(out, text);
        } else {
            if (!rc)
                rc = copy_element(out, in, i, e, first, n, scratch);
            open = i;
        }
        i++;
    }
    for (; open != REC_NONE && !rc; open = in->nodes[open].parent)
        rc = rec_close(out);
    return rc;
}

/* Edits must name what is there. */
static int check_edits(const struct rec *in, const struct rec_edit *v, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        const struct rec_edit *d = &v[i];
        if (d->op >= REC_SET_ID)
            continue;
        if (d->node >= in->n_nodes)
            return GW_ERR(SYNTAX);
        const struct rec_node *e = &in->nodes[d->node];
        bool has_attr = !e->is_text && d->attr >= e->first_attr && d->attr < e->first_attr + e->n_attrs;
        bool fits = d->op == REC_DROP || (d->op == REC_REPLACE && (has_attr || (d->attr == REC_NONE && e->is_text))) ||
            (d->op == REC_SET_ATTR && !e->is_text) || (d->op == REC_DROP_ATTR && has_attr);
        if (!fits)
            return GW_ERR(SYNTAX);
    }
    return 0;
}

static int copy_heads(struct rec *out, const struct rec *in, const struct rec_edit *v, size_t n)
{
    struct str id = in->id, type = in->type, from = in->from, to = in->to;
    for (size_t i = 0; i < n; i++) {
        if (v[i].op == REC_SET_ID)
            id = v[i].with;
        else if (v[i].op == REC_SET_TYPE)
            type = v[i].with;
        else if (v[i].op == REC_SET_FROM)
            from = v[i].with;
        else if (v[i].op == REC_SET_TO)
            to = v[i].with;
    }
    int rc = rec_head(out, in->kind, type, id, in->lang);
    if (!rc)
        rc = rec_address(out, from, to, in->from_raw, in->to_raw);
    return rc ? rc : rec_pair(out, in->from_domain, in->to_domain);
}

int rec_apply(const struct rec *in, const struct rec_edit *v, size_t n, struct rec **ret)
{
    const struct rec_impl *m = rec_impl(in);
    int rc = m->state == REC_SEALED ? check_edits(in, v, n) : GW_ERR(PROTO);
    if (rc)
        return rc;
    struct rec *out = rec_new(&m->limits);
    struct edits e = { .v = malloc((n ? n : 1) * sizeof *e.v) };
    struct buf scratch;
    buf_init(&scratch, m->limits.bytes);
    if (!out || !e.v)
        rc = GW_ERR(NOMEM);
    for (size_t i = 0; i < n && !rc; i++)
        if (v[i].op < REC_SET_ID)
            e.v[e.n++] = &v[i];
    if (!rc) {
        qsort(e.v, e.n, sizeof *e.v, by_place);
        rc = copy_heads(out, in, v, n);
    }
    if (!rc)
        rc = copy_tree(out, in, &e, &scratch);
    if (!rc)
        rc = rec_seal(out);
    buf_clear(&scratch);
    free(e.v);
    if (rc)
        rec_free(out);
    else
        *ret = out;
    return rc;
}
