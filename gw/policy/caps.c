/* SPDX-License-Identifier: GPL-3.0-or-later
 * Capability hashes. Both kinds sort and join the same pieces; what stands between the pieces differs. */
#include "caps.h"

#include <openssl/evp.h>
#include <stdlib.h>

#define NS_DATA "jabber:x:data"
#define NS_XML "http://www.w3.org/XML/1998/namespace"
#define PIECES 600
#define TEXT_MAX (256u << 10)

/* Ends of: a value, a field or identity, a form, a part. XEP-0115 has one for all, and none for the rest. */
static const struct { const char *value, *field, *form, *part; bool features_first; } ends[CAPS_KINDS] = {
    [CAPS_SHA1] = { "<", "", "", "", false }, [CAPS_SHA256] = { "\x1f", "\x1e", "\x1d", "\x1c", true } };

struct sum { const struct rec *r; uint32_t query; enum caps_kind kind; struct arena *a; bool bad; int err; };
struct pieces { struct str v[PIECES]; size_t n; };

static int by_bytes(const void *a, const void *b)
{
    const struct str *x = a, *y = b;
    size_t n = x->n < y->n ? x->n : y->n;
    int d = n ? memcmp(x->p, y->p, n) : 0;
    return d ? d : x->n < y->n ? -1 : x->n > y->n;
}

/* In XEP-0115 a value may look like the end of one: such a set could be taken for another. */
static void put(struct sum *s, struct buf *b, struct str text, const char *end)
{
    if (s->kind == CAPS_SHA1 && text.n && (memchr(text.p, '<', text.n)))
        s->bad = true;
    if (buf_puts(b, text) || buf_puts(b, str_c(end)))
        s->err = GW_ERR(LIMIT);
}

static void keep(struct sum *s, struct pieces *to, const struct buf *b)
{
    struct str copy = to->n < PIECES ? arena_str(s->a, buf_str(b)) : STR_NONE;
    if (copy.p)
        to->v[to->n++] = copy;
    else
        s->err = GW_ERR(LIMIT);
}

static void join(struct sum *s, struct pieces *p, struct buf *out, const char *end)
{
    qsort(p->v, p->n, sizeof *p->v, by_bytes);
    for (size_t i = 0; i < p->n; i++)
        if (buf_puts(out, p->v[i]))
            s->err = GW_ERR(LIMIT);
    if (buf_puts(out, str_c(end)))
        s->err = GW_ERR(LIMIT);
}

static struct str attr(const struct sum *s, uint32_t node, const char *name) { return rec_attr_get(s->r, node, STR_NONE, str_c(name)); }

static struct str text_of(const struct rec *r, uint32_t node)
{
    uint32_t c = r->nodes[node].first_child;
    return c != REC_NONE && r->nodes[c].is_text ? r->nodes[c].text : STR_NONE;
}

/* XEP-0390 says that it is inherited; what computes XEP-0115 takes the identity's own. */
static struct str lang_of(const struct sum *s, uint32_t node)
{
    struct str l = rec_attr_get(s->r, node, STR(NS_XML), STR("lang"));
    if (s->kind == CAPS_SHA1)
        return l;
    if (!l.p)
        l = rec_attr_get(s->r, s->query, STR(NS_XML), STR("lang"));
    return l.p ? l : s->r->lang;
}

static void identity(struct sum *s, uint32_t node, struct buf *b)
{
    const char *between = s->kind == CAPS_SHA1 ? "/" : ends[s->kind].value;
    struct str category = attr(s, node, "category"), type = attr(s, node, "type"), lang = lang_of(s, node);
    if (s->kind == CAPS_SHA1 && ((category.n && memchr(category.p, '/', category.n)) || (type.n && memchr(type.p, '/', type.n))))
        s->bad = true;
    put(s, b, category, between);
    put(s, b, type, between);
    put(s, b, lang, between);
    put(s, b, attr(s, node, "name"), ends[s->kind].value);
    put(s, b, STR_NONE, ends[s->kind].field);
}

static void field(struct sum *s, uint32_t node, struct buf *b)
{
    struct pieces *values = arena_alloc(s->a, sizeof *values);
    struct buf one;
    if (!values) {
        s->err = GW_ERR(NOMEM);
        return;
    }
    values->n = 0;
    buf_init(&one, TEXT_MAX);
    for (uint32_t c = rec_child(s->r, node, STR(NS_DATA), STR("value"), REC_NONE); c != REC_NONE && !s->err; c = rec_child(s->r, node, STR(NS_DATA), STR("value"), c)) {
        buf_reset(&one);
        put(s, &one, text_of(s->r, c), ends[s->kind].value);
        keep(s, values, &one);
    }
    buf_clear(&one);
    bool type = str_eq(attr(s, node, "var"), STR("FORM_TYPE")) && s->kind == CAPS_SHA1; /* stands for itself in front of the form */
    if (!type)
        put(s, b, attr(s, node, "var"), ends[s->kind].value);
    join(s, values, b, ends[s->kind].field);
}

/* XEP-0115: the form's FORM_TYPE stands first, whatever its fields sort like. */
static void form(struct sum *s, uint32_t node, struct buf *b)
{
    struct pieces *fields = arena_alloc(s->a, sizeof *fields);
    struct buf one;
    bool typed = false;
    if (!fields) {
        s->err = GW_ERR(NOMEM);
        return;
    }
    fields->n = 0;
    buf_init(&one, TEXT_MAX);
    for (uint32_t c = rec_child(s->r, node, STR(NS_DATA), STR("field"), REC_NONE); c != REC_NONE && !s->err; c = rec_child(s->r, node, STR(NS_DATA), STR("field"), c)) {
        bool type = str_eq(attr(s, c, "var"), STR("FORM_TYPE"));
        typed = typed || type;
        buf_reset(&one);
        field(s, c, type && s->kind == CAPS_SHA1 ? b : &one);
        if (!(type && s->kind == CAPS_SHA1))
            keep(s, fields, &one);
    }
    buf_clear(&one);
    s->bad = s->bad || !typed;
    join(s, fields, b, ends[s->kind].form);
}

static int input(struct sum *s, struct buf *out)
{
    struct pieces *part = arena_alloc(s->a, 3 * sizeof *part); /* features, identities, forms */
    struct buf one;
    if (!part)
        return GW_ERR(NOMEM);
    part[0].n = part[1].n = part[2].n = 0;
    buf_init(&one, TEXT_MAX);
    for (uint32_t c = s->r->nodes[s->query].first_child; c != REC_NONE && !s->err; c = s->r->nodes[c].next) {
        const struct rec_node *n = &s->r->nodes[c];
        buf_reset(&one);
        if (n->is_text)
            continue;
        if (str_eq(n->name, STR("feature")) && str_eq(n->ns, s->r->nodes[s->query].ns)) {
            put(s, &one, attr(s, c, "var"), ends[s->kind].value);
            keep(s, &part[0], &one);
        } else if (str_eq(n->name, STR("identity")) && str_eq(n->ns, s->r->nodes[s->query].ns)) {
            identity(s, c, &one);
            keep(s, &part[1], &one);
        } else if (str_eq(n->name, STR("x")) && str_eq(n->ns, STR(NS_DATA))) {
            form(s, c, &one);
            keep(s, &part[2], &one);
        } else {
            s->bad = true;
        }
    }
    buf_clear(&one);
    join(s, &part[ends[s->kind].features_first ? 0 : 1], out, ends[s->kind].part);
    join(s, &part[ends[s->kind].features_first ? 1 : 0], out, ends[s->kind].part);
    join(s, &part[2], out, ends[s->kind].part);
    return s->err ? s->err : s->bad ? GW_ERR(SYNTAX) : 0;
}

int caps_hash(const struct rec *r, uint32_t query, enum caps_kind kind, struct arena *a, char ret[CAPS_TEXT])
{
    struct sum s = { .r = r, .query = query, .kind = kind, .a = a };
    unsigned char md[EVP_MAX_MD_SIZE];
    unsigned n = 0;
    struct buf b;
    buf_init(&b, 2 * TEXT_MAX);
    int rc = input(&s, &b);
    if (!rc && EVP_Digest(buf_data(&b), buf_size(&b), md, &n, kind == CAPS_SHA1 ? EVP_sha1() : EVP_sha256(), NULL) != 1)
        rc = GW_ERR(CRYPTO);
    if (!rc)
        EVP_EncodeBlock((unsigned char *)ret, md, (int)n);
    buf_clear(&b);
    return rc;
}
