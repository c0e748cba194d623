/* SPDX-License-Identifier: GPL-3.0-or-later
 * What holds for every sealed record; the guard relies on nothing else. */
#include "impl.h"
#include "jid.h"
#include "utf8.h"

#define NS_XML STR("http://www.w3.org/XML/1998/namespace")

static const char *const kind_names[REC_KINDS] = { "message", "presence", "iq" };

const char *rec_kind_name(enum rec_kind k) { return (unsigned)k < REC_KINDS ? kind_names[k] : "?"; }

struct range { uint32_t lo, hi; };

static bool in_ranges(uint32_t c, const struct range *v, size_t n)
{
    for (size_t i = 0; i < n; i++)
        if (c >= v[i].lo && c <= v[i].hi)
            return true;
    return false;
}

/* XML 1.0 (fifth edition) productions 4 and 4a, without the colon (Namespaces in XML, production 4). */
static bool name_start(uint32_t c)
{
    static const struct range v[] = { { 'A', 'Z' }, { '_', '_' }, { 'a', 'z' }, { 0xC0, 0xD6 }, { 0xD8, 0xF6 }, { 0xF8, 0x2FF },
        { 0x370, 0x37D }, { 0x37F, 0x1FFF }, { 0x200C, 0x200D }, { 0x2070, 0x218F }, { 0x2C00, 0x2FEF }, { 0x3001, 0xD7FF },
        { 0xF900, 0xFDCF }, { 0xFDF0, 0xFFFD }, { 0x10000, 0xEFFFF } };
    return in_ranges(c, v, sizeof v / sizeof *v);
}

static bool name_char(uint32_t c)
{
    static const struct range v[] = { { '-', '.' }, { '0', '9' }, { 0xB7, 0xB7 }, { 0x300, 0x36F }, { 0x203F, 0x2040 } };
    return name_start(c) || in_ranges(c, v, sizeof v / sizeof *v);
}

static bool ncname_unicode(struct str s)
{
    size_t off = 0;
    if (!utf8_valid(s) || !name_start(utf8_next(s, &off)))
        return false;
    while (off < s.n)
        if (!name_char(utf8_next(s, &off)))
            return false;
    return true;
}

/* The same of ASCII, which nearly all names are. */
enum { IN_NAME = 1, NAME_START = 2, NOT_ASCII = 4 };
static const unsigned char name_bytes[256] = { ['-' ... '.'] = IN_NAME, ['0' ... '9'] = IN_NAME, ['A' ... 'Z'] = IN_NAME | NAME_START, ['_'] = IN_NAME | NAME_START,
    ['a' ... 'z'] = IN_NAME | NAME_START, [128 ... 255] = NOT_ASCII };

bool rec_ncname(struct str s)
{
    unsigned char all = IN_NAME, seen = 0;
    for (size_t i = 0; i < s.n; i++) {
        unsigned char k = name_bytes[(unsigned char)s.p[i]];
        all &= k;
        seen |= k;
    }
    if (seen & NOT_ASCII)
        return ncname_unicode(s);
    return s.n && all && (name_bytes[(unsigned char)s.p[0]] & NAME_START);
}

static bool forbidden_ns(struct str ns)
{
    /* stream elements inside a stanza are an attack (CVE-2022-20917); xmlns declarations are no attributes */
    return str_eq(ns, STR("http://etherx.jabber.org/streams")) || str_eq(ns, STR("http://www.w3.org/2000/xmlns/"));
}

static int check_names(const struct rec *r)
{
    const struct rec_impl *m = rec_impl(r);
    /* each list entry once, by what it is used for: names must be NCNames, namespaces XML characters */
    for (uint32_t i = 0; i < m->names.n; i++)
        if (!m->names.v[i].n || !utf8_xml(m->names.v[i]) || forbidden_ns(m->names.v[i]))
            return GW_ERR(SYNTAX);
    return 0;
}

/* What a writer would turn into something else: a declaration, or a second xml:lang beside the head's. */
static bool attr_forbidden(const struct rec_attr *a, bool root)
{
    if (!a->ns.n)
        return root || str_eq(a->name, STR("xmlns"));
    return root && str_eq(a->ns, NS_XML) && str_eq(a->name, STR("lang"));
}

static int check_attrs(const struct rec *r, const struct rec_node *e, bool root)
{
    const struct rec_attr *a = e->n_attrs ? r->attrs + e->first_attr : NULL;
    for (uint32_t i = 0; i < e->n_attrs; i++) {
        if (!rec_ncname(a[i].name) || !utf8_xml(a[i].value) || attr_forbidden(&a[i], root))
            return GW_ERR(SYNTAX);
        for (uint32_t k = 0; k < i; k++)
            if (str_eq(a[i].name, a[k].name) && str_eq(a[i].ns, a[k].ns))
                return GW_ERR(SYNTAX);
    }
    return 0;
}

static int check_tree(const struct rec *r)
{
    if (!r->n_nodes || r->nodes[0].is_text)
        return GW_ERR(SYNTAX);
    const struct rec_node *root = &r->nodes[0];
    if (!str_eq(root->ns, STR("jabber:server")) || !str_eq(root->name, str_c(rec_kind_name(r->kind))))
        return GW_ERR(SYNTAX);
    for (uint32_t i = 0; i < r->n_nodes; i++) {
        const struct rec_node *e = &r->nodes[i];
        if (e->is_text) {
            if (!e->text.n || !utf8_xml(e->text))
                return GW_ERR(SYNTAX);
            if (e->next != REC_NONE && r->nodes[e->next].is_text)
                return GW_ERR(SYNTAX);
            continue;
        }
        if (!rec_ncname(e->name) || str_eq(e->ns, NS_XML)) /* no element stands in the XML namespace */
            return GW_ERR(SYNTAX);
        int rc = check_attrs(r, e, i == 0);
        if (rc)
            return rc;
    }
    return 0;
}

static int check_address(struct str jid, struct str domain)
{
    struct str local, own, resource;
    if (jid_check(jid))
        return GW_ERR(SYNTAX);
    jid_split(jid, &local, &own, &resource);
    return str_eq(own, domain) ? 0 : GW_ERR(MISMATCH);
}

int rec_check(const struct rec *r)
{
    const struct str *heads[] = { &r->type, &r->id, &r->lang, &r->from_raw, &r->to_raw };
    for (size_t i = 0; i < sizeof heads / sizeof *heads; i++)
        if (heads[i]->p && !utf8_xml(*heads[i]))
            return GW_ERR(SYNTAX);
    int rc = check_names(r);
    if (!rc)
        rc = check_tree(r);
    if (!rc)
        rc = check_address(r->from, r->from_domain);
    if (!rc)
        rc = check_address(r->to, r->to_domain);
    return rc;
}
