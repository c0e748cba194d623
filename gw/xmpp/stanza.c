/* SPDX-License-Identifier: GPL-3.0-or-later
 * Parser callbacks into a record: names and values whole, addresses prepared, prefixes forgotten. */
#include "stanza.h"

#include "jid.h"
#include "xmpp.h"

static void spoil(struct stanza *st, const char *condition, enum gw_reason reason, const char *detail)
{
    if (!st->fault.condition)
        st->fault = (struct fault){ condition, reason, detail, false };
}

/* What record says about a step of building, as a stream error (RFC 6120 section 4.9.3.14 for limits). */
static void built(struct stanza *st, int err)
{
    if (err == 0)
        return;
    if (err == GW_ERR(NOMEM)) {
        spoil(st, "resource-constraint", GW_R_INTERNAL, "out of memory");
        st->fault.nomem = true;
    } else if (err == GW_ERR(LIMIT)) {
        spoil(st, "policy-violation", GW_R_RECORD_LIMIT, "stanza too large, too deep or too wide");
    } else {
        spoil(st, "policy-violation", GW_R_RECORD_INVALID, "a name or text that a record does not take");
    }
}

static bool kind_of(struct str name, enum rec_kind *ret)
{
    for (int k = 0; k < REC_KINDS; k++)
        if (str_eq(name, str_c(rec_kind_name((enum rec_kind)k)))) {
            *ret = (enum rec_kind)k;
            return true;
        }
    return false;
}

bool stanza_is(const struct xml_name *n, bool client)
{
    enum rec_kind k;
    return kind_of(n->local, &k) && (str_eq(n->ns, STR(XS_NS_SERVER)) || (client && str_eq(n->ns, STR(NS_CLIENT))));
}

/* As received, where that says more than the prepared form; no more of it than an address has. */
static struct str raw(struct str received, struct str prepared)
{
    size_t n = received.n;
    if (n > JID_MAX)
        for (n = JID_MAX; ((unsigned char)received.p[n] & 0xc0) == 0x80;)
            n--;
    return str_eq(received, prepared) ? STR_NONE : (struct str){ received.p, n };
}

/* RFC 7622 section 3.2: before the first "/", and of that behind the first "@". */
static struct str domain_of(struct str jid)
{
    const char *end = memchr(jid.p, '/', jid.n), *at;
    size_t n = end ? (size_t)(end - jid.p) : jid.n;
    at = memchr(jid.p, '@', n);
    return at ? (struct str){ at + 1, n - (size_t)(at + 1 - jid.p) } : (struct str){ jid.p, n };
}

/* Of an address that is none its domain is left, if that is one: the stanza is refused, and the stream knows whose it was. */
static struct str prepare(struct stanza *st, struct str received, struct jid *j, const char *detail)
{
    if (jid_prepare(received, j) == 0)
        return j->full;
    spoil(st, "improper-addressing", GW_R_ADDRESS_INVALID, detail);
    return jid_prepare_domain(domain_of(received), j->text, &j->domain) == 0 ? j->domain : STR_NONE;
}

/* Apart, for its large locals. */
static __attribute__((noinline)) void prepared(struct stanza *st, struct str from, struct str to)
{
    struct jid f, t;
    struct str pf = prepare(st, from, &f, "from is not a valid address"), pt = prepare(st, to, &t, "to is not a valid address");
    if (pf.n && pt.n)
        built(st, rec_address(st->r, pf, pt, raw(from, pf), raw(to, pt)));
}

static void address(struct stanza *st, struct str from, struct str to)
{
    if (from.n == 0 || to.n == 0)
        spoil(st, "improper-addressing", GW_R_ADDRESS_INVALID, from.n == 0 ? "no from" : "no to");
    else if (jid_plain(from) && jid_plain(to))
        built(st, rec_address(st->r, from, to, STR_NONE, STR_NONE));
    else
        prepared(st, from, to);
}

static bool names_fit(struct stanza *st, const struct xml_name *n)
{
    size_t max = st->name_max ? st->name_max : XML_NAME_MAX;
    if (n->ns.n <= max && n->local.n <= max)
        return true;
    spoil(st, "policy-violation", GW_R_RECORD_LIMIT, "a name is too long");
    return false;
}

/* Streams' own names have no business inside a stanza (CVE-2022-20917), nor has an element in the XML namespace; a record refuses both. */
static bool names_xml(struct stanza *st, struct str ns)
{
    if (!str_eq(ns, STR(NS_XML)))
        return false;
    spoil(st, "policy-violation", GW_R_RECORD_INVALID, "an element in the XML namespace");
    return true;
}

static bool names_stream(struct stanza *st, struct str ns)
{
    if (!str_eq(ns, STR(XS_NS_STREAM)))
        return false;
    spoil(st, "policy-violation", GW_R_RECORD_INVALID, "a stream element inside a stanza");
    return true;
}

static bool text_fits(struct stanza *st, size_t n)
{
    if (!st->text_max || n <= st->text_max)
        return true;
    spoil(st, "policy-violation", GW_R_RECORD_LIMIT, "a text or value is too long");
    return false;
}

/* Counts an element among its parent's. depth 1 has no parent. */
static bool is_one_too_many(struct stanza *st, unsigned depth)
{
    if (depth > XML_DEPTH_MAX)
        return true;
    st->children[depth] = 0;
    return depth > 1 && st->children_max && ++st->children[depth - 1] > st->children_max;
}

static void attribute(struct stanza *st, const struct xml_name *a, struct str value)
{
    if (names_fit(st, a) && !names_stream(st, a->ns) && text_fits(st, value.n))
        built(st, rec_attr_add(st->r, a->ns, a->local, value));
}

static struct str mapped(const struct stanza *st, struct str ns)
{
    return st->client && str_eq(ns, STR(NS_CLIENT)) ? STR(XS_NS_SERVER) : ns;
}

/* The stanza element: heads go to the record's own fields. Attributes in no namespace other than those five have no place
 * in a record: they do not cross, and are no reason to refuse a stanza that RFC 6120 lets any entity ignore them in. */
static void root(struct stanza *st, const struct xml_name *n, const char **atts)
{
    struct str from = STR_NONE, to = STR_NONE, id = STR_NONE, type = STR_NONE, lang = STR_NONE;
    enum rec_kind kind = REC_MESSAGE;
    struct xml_name a;
    if (!kind_of(n->local, &kind))
        return;
    for (const char **at = atts; *at; at += 2) {
        struct str v = str_c(at[1]);
        xml_name_split(at[0], &a);
        if (a.ns.n == 0 && str_eq(a.local, STR("from")))
            from = v;
        else if (a.ns.n == 0 && str_eq(a.local, STR("to")))
            to = v;
        else if (a.ns.n == 0 && str_eq(a.local, STR("id")))
            id = v;
        else if (a.ns.n == 0 && str_eq(a.local, STR("type")))
            type = v;
        else if (str_eq(a.ns, STR(NS_XML)) && str_eq(a.local, STR("lang")))
            lang = v;
        else if (a.ns.n > 0)
            attribute(st, &a, v);
    }
    built(st, rec_head(st->r, kind, type, id, lang));
    address(st, from, to);
}

/* Attributes have no order (XML 1.0 section 3.1), and whoever may choose one can write in it: they are put in order of their names, into
 * `room` where it is not theirs already. n: how many, at most ATTRIBUTES_MAX. */
#define ATTRIBUTES_MAX 256u
static const char **in_order(const char **atts, unsigned n, const char **room)
{
    unsigned i = 1;
    while (i < n && strcmp(atts[2 * i - 2], atts[2 * i]) < 0)
        i++;
    if (i >= n)
        return atts;
    for (i = 0; i < n; i++) {
        unsigned k = i;
        for (; k > 0 && strcmp(room[2 * k - 2], atts[2 * i]) > 0; k--) {
            room[2 * k] = room[2 * k - 2];
            room[2 * k + 1] = room[2 * k - 1];
        }
        room[2 * k] = atts[2 * i];
        room[2 * k + 1] = atts[2 * i + 1];
    }
    room[2 * n] = NULL;
    return room;
}

void stanza_start(struct stanza *st, unsigned depth, const struct xml_name *n, const char **atts)
{
    const char *room[2 * ATTRIBUTES_MAX + 1] GW_UNSET;
    struct xml_name a;
    unsigned attributes = 0;
    if (st->fault.condition)
        return;
    st->run = 0;
    for (const char **at = atts; *at; at += 2)
        attributes++;
    if (depth > st->limits->depth)
        spoil(st, "policy-violation", GW_R_RECORD_LIMIT, "elements nested too deep");
    else if (attributes > st->limits->attrs || attributes > ATTRIBUTES_MAX)
        spoil(st, "policy-violation", GW_R_RECORD_LIMIT, "too many attributes");
    else if (++st->elements > st->limits->nodes)
        spoil(st, "policy-violation", GW_R_RECORD_LIMIT, "too many elements");
    else if (is_one_too_many(st, depth))
        spoil(st, "policy-violation", GW_R_RECORD_LIMIT, "too many elements in one");
    if (st->fault.condition || !names_fit(st, n) || names_stream(st, n->ns) || names_xml(st, n->ns))
        return;
    built(st, rec_open(st->r, mapped(st, n->ns), n->local));
    if (st->fault.condition)
        return;
    atts = in_order(atts, attributes, room);
    if (depth == 1) {
        root(st, n, atts);
        return;
    }
    for (const char **at = atts; *at && !st->fault.condition; at += 2) {
        xml_name_split(at[0], &a);
        attribute(st, &a, str_c(at[1]));
    }
}

void stanza_text(struct stanza *st, struct str text)
{
    if (!st->fault.condition && text_fits(st, st->run += text.n))
        built(st, rec_text(st->r, text));
}

void stanza_end(struct stanza *st)
{
    st->run = 0;
    if (!st->fault.condition)
        built(st, rec_close(st->r));
}

void stanza_drop(struct stanza *st)
{
    rec_free(st->r);
    st->r = NULL;
}

struct rec *stanza_heads(const struct stanza *st)
{
    const struct rec *r = st->r;
    struct rec *h = NULL;
    bool ours = st->fault.reason == GW_R_RECORD_LIMIT || st->fault.reason == GW_R_RECORD_INVALID || st->fault.reason == GW_R_ADDRESS_INVALID;
    if (!ours || !r->from.n || !r->to.n)
        return NULL;
    h = rec_new(st->limits);
    if (h && rec_open(h, STR(XS_NS_SERVER), str_c(rec_kind_name(r->kind))) == 0 && rec_head(h, r->kind, r->type, r->id, r->lang) == 0 &&
        rec_address(h, r->from, r->to, r->from_raw, r->to_raw) == 0 && rec_close(h) == 0)
        return h;
    rec_free(h);
    return NULL;
}
