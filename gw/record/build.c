/* SPDX-License-Identifier: GPL-3.0-or-later
 * Building a record piece by piece, in document order. */
#include <stdlib.h>

#include "impl.h"
#include "utf8.h"

/* A few records that were freed are kept with their memory: an edge makes one for each stanza. Not where a sanitizer watches for
 * the use of freed memory. (The programs have one thread.) */
#ifdef LOCKGATE_SANITIZE
#define SPARE_MAX 0
#else
#define SPARE_MAX 4
#endif
#define SPARE_BYTES 32768u /* of text in the arena; more is given back */
static struct rec *spare[SPARE_MAX + 1];
static size_t n_spare;

static void set_limits(struct rec_impl *m, const struct rec_limits *limits)
{
    m->limits = *limits;
    /* strings of a record are copied once; the arena holds them and their alignment */
    m->arena.max = 2 * limits->bytes + 65536;
    if (m->text.cap > limits->bytes)
        buf_clear(&m->text);
    m->text.max = limits->bytes;
}

struct rec *rec_new(const struct rec_limits *limits)
{
    if (n_spare) {
        set_limits(spare[n_spare - 1]->impl, limits);
        return spare[--n_spare];
    }
    struct rec *r = calloc(1, sizeof *r);
    struct rec_impl *m = calloc(1, sizeof *m);
    if (!r || !m) {
        free(r);
        free(m);
        return NULL;
    }
    set_limits(m, limits);
    m->open = REC_NONE;
    r->impl = m;
    return r;
}

void rec_free(struct rec *r)
{
    if (!r)
        return;
    struct rec_impl *m = r->impl;
    if (n_spare < SPARE_MAX && m->arena.used <= SPARE_BYTES && m->text.cap <= SPARE_BYTES && m->cap_nodes <= 256 && m->cap_attrs <= 256 &&
        m->names.cap <= 256) {
        rec_reset(r);
        spare[n_spare++] = r;
        return;
    }
    arena_clear(&m->arena);
    buf_clear(&m->text);
    rec_names_clear(&m->names);
    free(m->nodes);
    free(m->node_index);
    free(m->attrs);
    free(m->attr_index);
    free(m->last_child);
    free(m);
    free(r);
}

void rec_reset(struct rec *r)
{
    struct rec_impl *m = r->impl;
    arena_reset(&m->arena);
    buf_reset(&m->text);
    rec_names_reset(&m->names);
    m->state = REC_BUILDING;
    m->open = REC_NONE;
    m->depth = 0;
    m->may_attr = m->root_closed = false;
    m->bytes = 0;
    *r = (struct rec){ .nodes = m->nodes, .attrs = m->attrs, .impl = m };
}

static int grow(void **v, uint32_t cap, size_t size)
{
    void *p = realloc(*v, cap * size);
    if (!p)
        return GW_ERR(NOMEM);
    *v = p;
    return 0;
}

int rec_grow_nodes(struct rec *r, uint32_t want)
{
    struct rec_impl *m = r->impl;
    if (want > m->limits.nodes)
        return GW_ERR(LIMIT);
    if (want <= m->cap_nodes)
        return 0;
    uint32_t cap = m->cap_nodes ? m->cap_nodes : 32;
    while (cap < want)
        cap *= 2;
    void *nodes = m->nodes, *index = m->node_index, *last = m->last_child;
    int rc = grow(&nodes, cap, sizeof *m->nodes);
    m->nodes = nodes;
    if (!rc)
        rc = grow(&index, cap, sizeof *m->node_index);
    m->node_index = index;
    if (!rc)
        rc = grow(&last, cap, sizeof *m->last_child);
    m->last_child = last;
    r->nodes = m->nodes;
    if (!rc)
        m->cap_nodes = cap;
    return rc;
}

int rec_grow_attrs(struct rec *r, uint32_t want)
{
    struct rec_impl *m = r->impl;
    if (want <= m->cap_attrs)
        return 0;
    uint32_t cap = m->cap_attrs ? m->cap_attrs : 32;
    while (cap < want)
        cap *= 2;
    void *attrs = m->attrs, *index = m->attr_index;
    int rc = grow(&attrs, cap, sizeof *m->attrs);
    m->attrs = attrs;
    if (!rc)
        rc = grow(&index, cap, sizeof *m->attr_index);
    m->attr_index = index;
    r->attrs = m->attrs;
    if (!rc)
        m->cap_attrs = cap;
    return rc;
}

/* Counts n more bytes of the encoding. */
static int add_bytes(struct rec_impl *m, size_t n)
{
    if (n > m->limits.bytes || m->bytes > m->limits.bytes - n)
        return GW_ERR(LIMIT);
    m->bytes += n;
    return 0;
}

static int copy_head(struct rec_impl *m, struct str s, struct str *to)
{
    if (!s.p) {
        *to = STR_NONE;
        return 0;
    }
    if (s.n > UINT16_MAX)
        return GW_ERR(LIMIT);
    int rc = add_bytes(m, s.n + 2);
    if (rc)
        return rc;
    *to = arena_str(&m->arena, s);
    return to->p ? 0 : GW_ERR(NOMEM);
}

/* A failed step leaves a record that cannot be sealed. */
static int fate(struct rec_impl *m, int rc)
{
    if (rc)
        m->state = REC_BROKEN;
    return rc;
}

static int building(const struct rec_impl *m) { return m->state == REC_BUILDING ? 0 : GW_ERR(PROTO); }

int rec_head(struct rec *r, enum rec_kind kind, struct str type, struct str id, struct str lang)
{
    struct rec_impl *m = r->impl;
    int rc = building(m);
    r->kind = kind;
    if (!rc && (unsigned)kind >= REC_KINDS)
        rc = GW_ERR(SYNTAX);
    if (!rc)
        rc = copy_head(m, type, &r->type);
    if (!rc)
        rc = copy_head(m, id, &r->id);
    if (!rc)
        rc = copy_head(m, lang, &r->lang);
    return fate(m, rc);
}

int rec_address(struct rec *r, struct str from, struct str to, struct str from_raw, struct str to_raw)
{
    struct rec_impl *m = r->impl;
    int rc = building(m);
    if (!rc)
        rc = copy_head(m, from, &r->from);
    if (!rc)
        rc = copy_head(m, to, &r->to);
    if (!rc)
        rc = copy_head(m, from_raw, &r->from_raw);
    if (!rc)
        rc = copy_head(m, to_raw, &r->to_raw);
    return fate(m, rc);
}

int rec_pair(struct rec *r, struct str from_domain, struct str to_domain)
{
    struct rec_impl *m = r->impl;
    int rc = building(m);
    if (!rc)
        rc = copy_head(m, from_domain, &r->from_domain);
    if (!rc)
        rc = copy_head(m, to_domain, &r->to_domain);
    return fate(m, rc);
}

static int add_name(struct rec_impl *m, struct str s, uint16_t *ret)
{
    bool is_new;
    int rc = rec_names_add(&m->names, &m->arena, s, ret, &is_new);
    return rc ? rc : is_new ? add_bytes(m, s.n + 2) : 0;
}

static int add_qname(struct rec_impl *m, struct str ns, struct str name, struct rec_index *ret)
{
    int rc = 0;
    ret->ns = REC_NS_NONE;
    if (ns.n)
        rc = add_name(m, ns, &ret->ns);
    return rc ? rc : add_name(m, name, &ret->name);
}

static struct str name_at(const struct rec_impl *m, uint16_t i) { return i == REC_NS_NONE ? STR_NONE : m->names.v[i]; }

/* Links a new node below the open element. */
static uint32_t link_node(struct rec *r)
{
    struct rec_impl *m = r->impl;
    uint32_t i = r->n_nodes++;
    m->nodes[i] = (struct rec_node){ .parent = m->open, .first_child = REC_NONE, .next = REC_NONE, .first_attr = r->n_attrs };
    m->last_child[i] = REC_NONE;
    if (m->open != REC_NONE) {
        if (m->last_child[m->open] == REC_NONE)
            m->nodes[m->open].first_child = i;
        else
            m->nodes[m->last_child[m->open]].next = i;
        m->last_child[m->open] = i;
    }
    return i;
}

/* Makes a node of the text that was collected. */
static int flush_text(struct rec *r)
{
    struct rec_impl *m = r->impl;
    m->may_attr = false;
    if (!buf_size(&m->text))
        return 0;
    int rc = rec_grow_nodes(r, r->n_nodes + 1);
    if (!rc)
        rc = add_bytes(m, buf_size(&m->text) + 5);
    if (rc)
        return rc;
    struct str copy = arena_str(&m->arena, buf_str(&m->text));
    if (!copy.p)
        return GW_ERR(NOMEM);
    uint32_t i = link_node(r);
    m->nodes[i].is_text = true;
    m->nodes[i].text = copy;
    m->node_index[i] = (struct rec_index){ REC_NS_NONE, REC_NS_NONE };
    buf_reset(&m->text);
    return 0;
}

int rec_open(struct rec *r, struct str ns, struct str name)
{
    struct rec_impl *m = r->impl;
    int rc = building(m);
    if (!rc && (m->root_closed || name.n == 0))
        rc = GW_ERR(SYNTAX);
    if (!rc && m->depth >= m->limits.depth)
        rc = GW_ERR(LIMIT);
    if (!rc)
        rc = flush_text(r);
    if (!rc)
        rc = rec_grow_nodes(r, r->n_nodes + 1);
    if (!rc)
        rc = add_bytes(m, 9);
    struct rec_index index;
    if (!rc)
        rc = add_qname(m, ns, name, &index);
    if (rc)
        return fate(m, rc);
    uint32_t i = link_node(r);
    m->node_index[i] = index;
    m->nodes[i].ns = name_at(m, index.ns);
    m->nodes[i].name = name_at(m, index.name);
    m->open = i;
    m->depth++;
    m->may_attr = true;
    return 0;
}

int rec_attr_add(struct rec *r, struct str ns, struct str name, struct str value)
{
    struct rec_impl *m = r->impl;
    int rc = building(m);
    if (!rc && (!m->may_attr || name.n == 0))
        rc = GW_ERR(SYNTAX);
    if (!rc && m->nodes[m->open].n_attrs >= m->limits.attrs)
        rc = GW_ERR(LIMIT);
    if (!rc)
        rc = rec_grow_attrs(r, r->n_attrs + 1);
    if (!rc)
        rc = add_bytes(m, value.n + 8);
    struct rec_index index;
    if (!rc)
        rc = add_qname(m, ns, name, &index);
    struct str copy = STR_NONE;
    if (!rc) {
        copy = arena_str(&m->arena, value);
        rc = copy.p ? 0 : GW_ERR(NOMEM);
    }
    if (rc)
        return fate(m, rc);
    m->attr_index[r->n_attrs] = index;
    m->attrs[r->n_attrs++] = (struct rec_attr){ name_at(m, index.ns), name_at(m, index.name), copy };
    m->nodes[m->open].n_attrs++;
    return 0;
}

int rec_text(struct rec *r, struct str text)
{
    struct rec_impl *m = r->impl;
    int rc = building(m);
    if (!rc && m->open == REC_NONE)
        rc = GW_ERR(SYNTAX);
    if (!rc && text.n) {
        m->may_attr = false;
        rc = buf_puts(&m->text, text);
    }
    return fate(m, rc);
}

int rec_close(struct rec *r)
{
    struct rec_impl *m = r->impl;
    int rc = building(m);
    if (!rc && m->open == REC_NONE)
        rc = GW_ERR(SYNTAX);
    if (!rc)
        rc = flush_text(r);
    if (rc)
        return fate(m, rc);
    m->open = m->nodes[m->open].parent;
    m->depth--;
    if (m->open == REC_NONE)
        m->root_closed = true;
    return 0;
}

int rec_seal(struct rec *r)
{
    struct rec_impl *m = r->impl;
    int rc = building(m);
    if (!rc && !m->root_closed)
        rc = GW_ERR(SYNTAX);
    /* version, kind, heads, counts, totals: at most this much besides what was counted */
    if (!rc)
        rc = add_bytes(m, 32);
    if (!rc)
        rc = rec_check(r);
    if (!rc)
        m->state = REC_SEALED;
    return fate(m, rc);
}
