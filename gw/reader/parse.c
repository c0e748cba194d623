/* SPDX-License-Identifier: GPL-3.0-or-later
 * A small, strict parser that walks XML and record side by side. Tokens are found by the grammar alone and compared afterwards,
 * so that no string of the record can lead it astray. No recursion: the record says where an element's parent is. */
#include "reader.h"

#define NS_XML_URI "http://www.w3.org/XML/1998/namespace"
#define NS_STREAM "jabber:server"

struct in {
    const unsigned char *p, *end;
    const char *wrong; /* the first thing that is; then all stops */
};

static bool fail(struct in *i, const char *what)
{
    if (!i->wrong)
        i->wrong = what;
    return false;
}

static bool literal(struct in *i, const char *z)
{
    size_t n = strlen(z);
    if ((size_t)(i->end - i->p) < n || memcmp(i->p, z, n) != 0)
        return false;
    i->p += n;
    return true;
}

/* ---- characters ---- */

/* One character of two bytes or more (RFC 3629), which must also be a Char of XML 1.0. Its length, 0: none. */
static size_t wide(const unsigned char *p, const unsigned char *end, uint32_t *ret)
{
    static const uint32_t least[] = { 0, 0, 0x80, 0x800, 0x10000 };
    size_t n = *p >= 0xf0 && *p <= 0xf4 ? 4 : *p >= 0xe0 && *p < 0xf0 ? 3 : *p >= 0xc2 && *p < 0xe0 ? 2 : 0;
    uint32_t c;
    if (!n || (size_t)(end - p) < n)
        return 0;
    c = *p & (0xffu >> (n + 1));
    for (size_t k = 1; k < n; k++) {
        if ((p[k] & 0xc0) != 0x80)
            return 0;
        c = c << 6 | (p[k] & 0x3f);
    }
    if (c < least[n] || c > 0x10ffff || (c >= 0xd800 && c < 0xe000) || c == 0xfffe || c == 0xffff)
        return 0;
    *ret = c;
    return n;
}

/* The whole stanza, before anything else is looked at: no control character at all, since those that may be are written as references. */
static bool characters(struct in *i)
{
    uint32_t c;
    for (const unsigned char *p = i->p; p < i->end;) {
        uint64_t eight;
        if (i->end - p >= 8) { /* the usual case: eight bytes from 0x20 to 0x7f at once */
            memcpy(&eight, p, 8);
            if (((eight | (eight - 0x2020202020202020u)) & 0x8080808080808080u) == 0) {
                p += 8;
                continue;
            }
        }
        size_t n = *p >= 0x20 && *p < 0x80 ? 1 : *p >= 0x80 ? wide(p, i->end, &c) : 0;
        if (!n)
            return fail(i, "a byte that is no character, or a control character as it stands");
        p += n;
    }
    return true;
}

/* NameStartChar and NameChar of XML 1.0 without the colon; c >= 0x80. */
static bool is_name_wide(uint32_t c, bool first)
{
    static const struct { uint32_t from, to; } start[] = { { 0xc0, 0xd6 }, { 0xd8, 0xf6 }, { 0xf8, 0x2ff }, { 0x370, 0x37d }, { 0x37f, 0x1fff },
        { 0x200c, 0x200d }, { 0x2070, 0x218f }, { 0x2c00, 0x2fef }, { 0x3001, 0xd7ff }, { 0xf900, 0xfdcf }, { 0xfdf0, 0xfffd }, { 0x10000, 0xeffff } };
    for (size_t k = 0; k < sizeof start / sizeof start[0]; k++)
        if (c >= start[k].from && c <= start[k].to)
            return true;
    return !first && (c == 0xb7 || (c >= 0x300 && c <= 0x36f) || c == 0x203f || c == 0x2040);
}

static bool is_name_byte(unsigned char c, bool first)
{
    if ((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_')
        return true;
    return !first && ((c >= '0' && c <= '9') || c == '-' || c == '.');
}

static bool name(struct in *i, struct str *ret)
{
    const unsigned char *from = i->p;
    uint32_t c = 0;
    while (i->p < i->end) {
        bool first = i->p == from;
        size_t n = *i->p < 0x80 ? is_name_byte(*i->p, first) : wide(i->p, i->end, &c);
        if (n == 0 || (n > 1 && !is_name_wide(c, first)))
            break;
        i->p += n;
    }
    *ret = (struct str){ (const char *)from, (size_t)(i->p - from) };
    return ret->n > 0 || fail(i, "a name is missing");
}

/* ---- text and values: decoded as they are compared ---- */

static bool reference(struct in *i, char *ret)
{
    static const struct { const char *text; char c; } known[] = { { "&amp;", '&' }, { "&lt;", '<' }, { "&gt;", '>' }, { "&apos;", '\'' },
        { "&quot;", '"' }, { "&#9;", '\t' }, { "&#10;", '\n' }, { "&#13;", '\r' } };
    for (size_t k = 0; k < sizeof known / sizeof known[0]; k++)
        if (literal(i, known[k].text)) {
            *ret = known[k].c;
            return true;
        }
    return fail(i, "a reference that is never written");
}

/* How many bytes from p on, in steps of sixteen, hold nothing that is always escaped. The writer passes over bytes by a way of its own
 * (include/plain.h); a mistake there must not be made here as well. */
static const unsigned char *unescaped(const unsigned char *p, const unsigned char *end)
{
    typedef unsigned char sixteen __attribute__((vector_size(16)));
    while (end - p >= 16) {
        sixteen v;
        uint64_t found[2];
        memcpy(&v, p, sizeof v);
        sixteen special = (sixteen)(v == '&') | (sixteen)(v == '<') | (sixteen)(v == '>') | (sixteen)(v == '\'') | (sixteen)(v == '"');
        memcpy(found, &special, sizeof found);
        if ((found[0] | found[1]) != 0)
            break;
        p += 16;
    }
    return p;
}

/* Up to the byte `stop` ('<' behind text, '\'' behind a value), which stays. */
static bool content(struct in *i, unsigned char stop, struct str want)
{
    static const bool special[256] = { ['&'] = true, ['<'] = true, ['>'] = true, ['\''] = true, ['"'] = true };
    size_t at = 0;
    while (i->p < i->end && *i->p != stop) {
        const unsigned char *from = i->p;
        char c = (char)*from;
        i->p = unescaped(from, i->end);
        while (i->p < i->end && !special[*i->p])
            i->p++;
        size_t n = (size_t)(i->p - from);
        if (n == 0) {
            n = 1;
            from = (const unsigned char *)&c;
            if (c == '&') {
                if (!reference(i, &c))
                    return false;
            } else if (c == '<' || c == '>' || stop == '\'') /* quotes may stand in text */
                return fail(i, "a character that is always escaped");
            else
                i->p++;
        }
        if (want.n - at < n || memcmp(want.p + at, from, n) != 0)
            return fail(i, stop == '<' ? "text differs" : "a value differs");
        at += n;
    }
    return at == want.n || fail(i, stop == '<' ? "text is missing" : "a value is shorter");
}

static bool value(struct in *i, struct str want)
{
    if (!literal(i, "='") || !content(i, '\'', want))
        return fail(i, "a value does not begin as it must");
    return literal(i, "'") || fail(i, "a value does not end");
}

/* ---- tags ---- */

static bool head(struct in *i, const char *prefix, const char *want, struct str v)
{
    struct str n;
    if (!v.p)
        return true;
    if (!literal(i, " ") || !literal(i, prefix) || !name(i, &n) || !str_eq(n, str_c(want)))
        return fail(i, "an attribute of the stanza itself is missing or in another place");
    return value(i, v);
}

static bool heads(struct in *i, const struct rec *r)
{
    return head(i, "", "from", r->from) && head(i, "", "to", r->to) && head(i, "", "id", r->id) && head(i, "", "type", r->type)
        && head(i, "xml:", "lang", r->lang);
}

#define PREFIXES 256 /* as many as an element may have attributes */
struct prefixes { struct str name[PREFIXES], ns[PREFIXES]; size_t n; };

/* " xmlns:a1='...'", right before the first attribute that needs it. */
static bool declare(struct in *i, struct prefixes *d, struct str ns)
{
    struct str n;
    if (!name(i, &n))
        return false;
    for (size_t k = 0; k < d->n; k++)
        if (str_eq(d->name[k], n))
            return fail(i, "a prefix is declared twice");
    if (d->n == PREFIXES || n.p[0] != 'a' || n.n < 2)
        return fail(i, "a prefix that is never used");
    for (size_t k = 1; k < n.n; k++)
        if (n.p[k] < '0' || n.p[k] > '9')
            return fail(i, "a prefix that is never used");
    d->name[d->n] = n;
    d->ns[d->n++] = ns;
    return value(i, ns);
}

static bool attribute(struct in *i, struct prefixes *d, const struct rec_attr *a)
{
    struct str n, local, ns = STR("");
    if (!literal(i, " "))
        return fail(i, "an attribute is missing");
    if (literal(i, "xmlns:") && (!declare(i, d, a->ns) || !literal(i, " ")))
        return fail(i, "a prefix is declared and not used");
    if (!name(i, &n))
        return false;
    local = n;
    if (literal(i, ":")) {
        bool known = str_eq(n, STR("xml"));
        ns = STR(NS_XML_URI);
        for (size_t k = 0; k < d->n && !known; k++)
            if (str_eq(d->name[k], n)) {
                known = true;
                ns = d->ns[k];
            }
        if (!known || !name(i, &local))
            return fail(i, "a prefix that was not declared here");
    } else if (str_eq(n, STR("xmlns")))
        return fail(i, "a namespace declared in the wrong place");
    if (!str_eq(ns, a->ns) || !str_eq(local, a->name))
        return fail(i, "another attribute");
    return value(i, a->value);
}

/* Behind "<". scope: the default namespace here. ret_empty: it was "<x/>". */
static bool start_tag(struct in *i, const struct rec *r, uint32_t at, struct str scope, struct prefixes *d, bool *ret_empty)
{
    const struct rec_node *node = &r->nodes[at];
    struct str n;
    if (!name(i, &n))
        return false;
    if (!str_eq(n, node->name))
        return fail(i, "another element");
    if (literal(i, " xmlns=")) {
        i->p--; /* value() wants the = */
        if (!value(i, node->ns))
            return false;
        scope = node->ns;
    }
    if (!str_eq(scope, node->ns))
        return fail(i, "an element in another namespace");
    if (at == 0 && !heads(i, r))
        return false;
    d->n = 0;
    for (uint32_t k = 0; k < node->n_attrs; k++)
        if (!attribute(i, d, &r->attrs[node->first_attr + k]))
            return false;
    *ret_empty = literal(i, "/>");
    return *ret_empty || literal(i, ">") || fail(i, "an attribute more");
}

/* Has the element `open` no child that was not seen? Nodes stand in document order: a child would be the next one. */
static bool all_seen(const struct rec *r, uint32_t next, uint32_t open)
{
    return next >= r->n_nodes || r->nodes[next].parent != open;
}

static bool end_tag(struct in *i, const struct rec *r, uint32_t next, uint32_t open)
{
    struct str n;
    if (!name(i, &n))
        return false;
    if (!str_eq(n, r->nodes[open].name) || !literal(i, ">"))
        return fail(i, "an end tag that does not fit");
    if (next == open + 1)
        return fail(i, "an empty element in two tags");
    return all_seen(r, next, open) || fail(i, "an element ends before its content");
}

/* One element, from "<" to its end; everything below it in the same loop. */
static bool element(struct in *i, const struct rec *r, struct prefixes *d, uint32_t *next)
{
    uint32_t open = REC_NONE; /* the element that we are in */
    do {
        bool empty = false;
        if (literal(i, "</")) {
            if (open == REC_NONE || !end_tag(i, r, *next, open))
                return fail(i, "an end tag that ends nothing");
            open = r->nodes[open].parent;
            continue;
        }
        if (*next >= r->n_nodes || r->nodes[*next].parent != open)
            return fail(i, "more content than the record has");
        uint32_t at = (*next)++;
        const struct rec_node *node = &r->nodes[at];
        if (!literal(i, "<")) { /* text */
            if (!node->is_text || !node->text.n || !content(i, '<', node->text))
                return fail(i, "text where none is");
            continue;
        }
        if (node->is_text)
            return fail(i, "an element where text is");
        if (!start_tag(i, r, at, open == REC_NONE ? STR(NS_STREAM) : r->nodes[open].ns, d, &empty))
            return false;
        if (!empty)
            open = at;
        else if (!all_seen(r, *next, at))
            return fail(i, "an empty element that has content");
    } while (open != REC_NONE && i->p < i->end);
    return open == REC_NONE || fail(i, "it ends in the middle");
}

const char *rdr_compare(const struct rec *r, struct str xml)
{
    static struct prefixes d; /* emptied at each tag */
    struct in i = { (const unsigned char *)xml.p, (const unsigned char *)xml.p + xml.n, NULL };
    uint32_t next = 0;
    if (!xml.n || !r->n_nodes)
        return "nothing";
    if (!str_eq(r->nodes[0].name, str_c(rec_kind_name(r->kind))))
        return "the record's kind and element differ";
    if (characters(&i) && element(&i, r, &d, &next)) {
        if (i.p != i.end)
            fail(&i, "bytes behind the stanza");
        else if (next != r->n_nodes)
            fail(&i, "the record has more than was written");
    }
    return i.wrong;
}
