/* SPDX-License-Identifier: GPL-3.0-or-later
 * The wire form of a record (PROTOCOL.md, "The record"): one encoding for each record, nothing left to interpretation. */
#include "impl.h"
#include "wire.h"

enum { HAS_TYPE = 1, HAS_ID = 2, HAS_LANG = 4, HAS_FROM_RAW = 8, HAS_TO_RAW = 16, HAS_ALL = 31 };
enum { TAG_ELEMENT = 1, TAG_TEXT = 2 };

/* ---- writing ---- */

static void put_optional(struct wire_out *o, struct str s)
{
    if (s.p)
        wire_put_str16(o, s);
}

static uint16_t children_of(const struct rec *r, uint32_t node)
{
    uint32_t n = 0;
    for (uint32_t c = r->nodes[node].first_child; c != REC_NONE; c = r->nodes[c].next)
        n++;
    return (uint16_t)n; /* at most 65535: REC_HARD_LIMITS.nodes counts the parent too */
}

static void put_node(struct wire_out *o, const struct rec *r, uint32_t i)
{
    const struct rec_impl *m = rec_impl(r);
    const struct rec_node *e = &r->nodes[i];
    if (e->is_text) {
        wire_put_u8(o, TAG_TEXT);
        wire_put_str32(o, e->text);
        return;
    }
    wire_put_u8(o, TAG_ELEMENT);
    wire_put_u16(o, m->node_index[i].ns);
    wire_put_u16(o, m->node_index[i].name);
    wire_put_u16(o, (uint16_t)e->n_attrs);
    for (uint32_t a = e->first_attr; a < e->first_attr + e->n_attrs; a++) {
        wire_put_u16(o, m->attr_index[a].ns);
        wire_put_u16(o, m->attr_index[a].name);
        wire_put_str32(o, r->attrs[a].value);
    }
    wire_put_u16(o, children_of(r, i));
}

static void put_heads(struct wire_out *o, const struct rec *r)
{
    wire_put_u8(o, REC_VERSION);
    wire_put_u8(o, (uint8_t)r->kind);
    wire_put_u8(o, (uint8_t)((r->type.p ? HAS_TYPE : 0) | (r->id.p ? HAS_ID : 0) | (r->lang.p ? HAS_LANG : 0) |
                             (r->from_raw.p ? HAS_FROM_RAW : 0) | (r->to_raw.p ? HAS_TO_RAW : 0)));
    put_optional(o, r->type);
    put_optional(o, r->id);
    put_optional(o, r->lang);
    wire_put_str16(o, r->from);
    wire_put_str16(o, r->to);
    put_optional(o, r->from_raw);
    put_optional(o, r->to_raw);
    wire_put_str16(o, r->from_domain);
    wire_put_str16(o, r->to_domain);
}

int rec_encode(const struct rec *r, struct buf *out)
{
    const struct rec_impl *m = rec_impl(r);
    if (m->state != REC_SEALED)
        return GW_ERR(PROTO);
    struct wire_out o;
    wire_out_init(&o, out);
    put_heads(&o, r);
    wire_put_u16(&o, (uint16_t)m->names.n);
    for (uint32_t i = 0; i < m->names.n; i++)
        wire_put_str16(&o, m->names.v[i]);
    wire_put_u32(&o, r->n_nodes);
    wire_put_u32(&o, r->n_attrs);
    for (uint32_t i = 0; i < r->n_nodes; i++)
        put_node(&o, r, i);
    return o.err;
}

int rec_encode_stub(const struct rec *r, bool with_id, struct buf *out)
{
    struct rec heads = *r;
    struct wire_out o;
    if (rec_impl(r)->state != REC_SEALED)
        return GW_ERR(PROTO);
    heads.lang = heads.from_raw = heads.to_raw = STR_NONE;
    if (!with_id)
        heads.id = STR_NONE;
    wire_out_init(&o, out);
    put_heads(&o, &heads);
    wire_put_u16(&o, 2); /* the names of its one element */
    wire_put_str16(&o, STR("jabber:server"));
    wire_put_str16(&o, str_c(rec_kind_name(r->kind)));
    wire_put_u32(&o, 1);
    wire_put_u32(&o, 0);
    wire_put_u8(&o, TAG_ELEMENT);
    wire_put_u16(&o, 0);
    wire_put_u16(&o, 1);
    wire_put_u16(&o, 0);
    wire_put_u16(&o, 0);
    return o.err;
}

/* ---- reading ---- */

static struct str get_optional(struct wire *w, uint8_t present, uint8_t bit)
{
    return present & bit ? wire_str16(w, UINT16_MAX) : STR_NONE;
}

/* A list index: known already, or the next one in order of first use. */
static struct str get_name(struct wire *w, const struct rec_impl *m, bool may_be_none, uint32_t *seen, uint16_t *ret)
{
    uint16_t i = wire_u16(w);
    *ret = i;
    if (i == REC_NS_NONE && may_be_none)
        return STR_NONE;
    if (i > *seen || i >= m->names.n) {
        wire_fail(w, GW_ERR(SYNTAX));
        return STR_NONE;
    }
    if (i == *seen)
        ++*seen;
    return m->names.v[i];
}

static void get_heads(struct wire *w, struct rec *r)
{
    if (wire_u8(w) != REC_VERSION)
        wire_fail(w, GW_ERR(SYNTAX));
    uint8_t kind = wire_u8(w), present = wire_u8(w);
    if (kind >= REC_KINDS || present & ~HAS_ALL)
        wire_fail(w, GW_ERR(SYNTAX));
    r->kind = (enum rec_kind)kind;
    r->type = get_optional(w, present, HAS_TYPE);
    r->id = get_optional(w, present, HAS_ID);
    r->lang = get_optional(w, present, HAS_LANG);
    r->from = wire_str16(w, UINT16_MAX);
    r->to = wire_str16(w, UINT16_MAX);
    r->from_raw = get_optional(w, present, HAS_FROM_RAW);
    r->to_raw = get_optional(w, present, HAS_TO_RAW);
    r->from_domain = wire_str16(w, UINT16_MAX);
    r->to_domain = wire_str16(w, UINT16_MAX);
}

static int get_names(struct wire *w, struct rec_impl *m)
{
    uint16_t n = wire_u16(w);
    int rc = 0;
    for (uint32_t i = 0; i < n && !w->err && !rc; i++)
        rc = rec_names_append(&m->names, wire_str16(w, UINT16_MAX));
    if (rc || w->err)
        return rc ? rc : w->err;
    return rec_names_distinct(&m->names) ? 0 : GW_ERR(SYNTAX);
}

struct open_element { uint32_t node, last; uint16_t left; };

/* One node; children_ret: how many follow below it. */
static void get_node(struct wire *w, struct rec *r, uint32_t max_attrs, uint32_t *seen, uint16_t *children_ret)
{
    struct rec_impl *m = r->impl;
    struct rec_node *e = &m->nodes[r->n_nodes];
    struct rec_index *index = &m->node_index[r->n_nodes];
    *e = (struct rec_node){ .parent = REC_NONE, .first_child = REC_NONE, .next = REC_NONE, .first_attr = r->n_attrs };
    *children_ret = 0;
    uint8_t tag = wire_u8(w);
    if (tag == TAG_TEXT) {
        e->is_text = true;
        e->text = wire_str32(w, m->limits.bytes);
        *index = (struct rec_index){ REC_NS_NONE, REC_NS_NONE };
        return;
    }
    if (tag != TAG_ELEMENT) {
        wire_fail(w, GW_ERR(SYNTAX));
        return;
    }
    e->ns = get_name(w, m, true, seen, &index->ns);
    e->name = get_name(w, m, false, seen, &index->name);
    uint16_t n = wire_u16(w);
    if (n > m->limits.attrs || n > max_attrs - r->n_attrs) {
        wire_fail(w, GW_ERR(LIMIT));
        return;
    }
    for (uint16_t k = 0; k < n && !w->err; k++) {
        struct rec_attr *a = &m->attrs[r->n_attrs];
        a->ns = get_name(w, m, true, seen, &m->attr_index[r->n_attrs].ns);
        a->name = get_name(w, m, false, seen, &m->attr_index[r->n_attrs].name);
        a->value = wire_str32(w, m->limits.bytes);
        r->n_attrs++;
    }
    e->n_attrs = n;
    *children_ret = wire_u16(w);
}

static int get_tree(struct wire *w, struct rec *r, uint32_t nodes, uint32_t attrs)
{
    struct rec_impl *m = r->impl;
    struct open_element stack[256] GW_UNSET; /* REC_HARD_LIMITS.depth */
    uint32_t depth = 0, seen = 0;
    if (m->limits.depth > sizeof stack / sizeof *stack)
        return GW_ERR(RANGE);
    while (r->n_nodes < nodes && !w->err) {
        uint32_t i = r->n_nodes;
        uint16_t children;
        get_node(w, r, attrs, &seen, &children);
        if (w->err)
            break;
        r->n_nodes++;
        if (depth) {
            struct open_element *top = &stack[depth - 1];
            m->nodes[i].parent = top->node;
            if (top->last == REC_NONE)
                m->nodes[top->node].first_child = i;
            else
                m->nodes[top->last].next = i;
            top->last = i;
            top->left--;
        } else if (i) {
            return GW_ERR(SYNTAX); /* a second root */
        }
        if (!m->nodes[i].is_text && depth >= m->limits.depth)
            return GW_ERR(LIMIT);
        if (children)
            stack[depth++] = (struct open_element){ i, REC_NONE, children };
        while (depth && !stack[depth - 1].left)
            depth--;
    }
    if (!w->err && (depth || r->n_attrs != attrs || seen != m->names.n))
        return GW_ERR(SYNTAX);
    return w->err;
}

int rec_decode_into(struct str bytes, struct rec *r)
{
    struct rec_impl *m = r->impl;
    struct wire w;
    rec_reset(r);
    m->state = REC_BROKEN;
    if (bytes.n > m->limits.bytes)
        return GW_ERR(LIMIT);
    wire_init(&w, bytes.p, bytes.n);
    get_heads(&w, r);
    int rc = get_names(&w, m);
    if (rc)
        return rc;
    uint32_t nodes = wire_u32(&w), attrs = wire_u32(&w);
    /* a node takes 5 bytes at least, an attribute 8: totals that cannot be are refused before memory is made for them */
    if (w.err || nodes > wire_left(&w) / 5 || attrs > wire_left(&w) / 8)
        return w.err ? w.err : GW_ERR(SYNTAX);
    rc = rec_grow_nodes(r, nodes);
    if (!rc)
        rc = rec_grow_attrs(r, attrs);
    if (!rc)
        rc = get_tree(&w, r, nodes, attrs);
    if (!rc)
        rc = wire_done(&w);
    if (!rc)
        rc = rec_check(r);
    if (!rc)
        m->state = REC_SEALED;
    return rc;
}

int rec_decode(struct str bytes, const struct rec_limits *limits, struct rec **ret)
{
    struct rec *r = rec_new(limits);
    if (!r)
        return GW_ERR(NOMEM);
    int rc = rec_decode_into(bytes, r);
    if (rc)
        rec_free(r);
    else
        *ret = r;
    return rc;
}
