/* SPDX-License-Identifier: GPL-3.0-or-later
 * Labels as they stand in a stanza (XEP-0258, XEP-0314): where one may stand, what is in it, in three forms. What cannot be read, stands
 * twice, contradicts itself or stands where none may is an answer of its own, never a label. */
#include <string.h>

#include "label.h"

#define NS_FORWARD "urn:xmpp:forward:0"
#define NS_PUBSUB "http://jabber.org/protocol/pubsub"
#define NS_EVENT "http://jabber.org/protocol/pubsub#event"
#define NS_ITEMS "http://jabber.org/protocol/disco#items"

/* ---- small things ---- */

static bool is(const struct rec *r, uint32_t i, struct str ns, struct str name)
{
    return i != REC_NONE && !r->nodes[i].is_text && str_eq(r->nodes[i].ns, ns) && str_eq(r->nodes[i].name, name);
}

static struct str trim(struct str s)
{
    while (s.n && strchr(" \t\r\n", *s.p) && *s.p)
        s = (struct str){ s.p + 1, s.n - 1 };
    while (s.n && strchr(" \t\r\n", s.p[s.n - 1]) && s.p[s.n - 1])
        s.n--;
    return s;
}

/* The text of an element that holds text only. */
static bool only_text(const struct rec *r, uint32_t i, struct str *ret)
{
    uint32_t c = r->nodes[i].first_child;
    *ret = STR("");
    if (c == REC_NONE)
        return true;
    *ret = r->nodes[c].text;
    return r->nodes[c].is_text && r->nodes[c].next == REC_NONE;
}

/* The next element among the children, from c on; *ret_bad: there is text between them. */
static uint32_t next_element(const struct rec *r, uint32_t c, bool *ret_bad)
{
    for (; c != REC_NONE && r->nodes[c].is_text; c = r->nodes[c].next)
        if (trim(r->nodes[c].text).n)
            *ret_bad = true;
    return c;
}

/* Only these attributes (without a namespace), NULL-terminated. */
static bool only_attrs(const struct rec *r, uint32_t i, const char *const *names)
{
    const struct rec_node *n = &r->nodes[i];
    for (uint32_t a = n->first_attr; a < n->first_attr + n->n_attrs; a++) {
        bool known = false;
        for (size_t k = 0; names[k] && !known; k++)
            known = !r->attrs[a].ns.n && str_eq(r->attrs[a].name, str_c(names[k]));
        if (!known)
            return false;
    }
    return true;
}

static const char *add_level(struct label *l, struct str name)
{
    for (l->level = 0; l->level < l->policy->n_levels; l->level++)
        if (str_eq(l->policy->level[l->level].name, name))
            return NULL;
    return "its classification is not one of its policy";
}

static const char *add_value(struct label *l, struct str tag, struct str name, int type)
{
    const struct label_policy *p = l->policy;
    for (unsigned i = 0; i < p->n_values; i++) {
        const struct label_tag *t = &p->tag[p->value[i].tag];
        if (!str_eq(t->name, tag) || !str_eq(p->value[i].name, name))
            continue;
        if (type >= 0 && t->type != (enum label_type)type)
            return "a category in it is of another type in its policy";
        if (label_bit(&l->values, i))
            return "a category stands in it twice";
        label_bit_set(&l->values, i);
        return NULL;
    }
    return "a category in it is not one of its policy";
}

/* ---- the three forms ---- */

static enum label_found read_plain(const struct labels *all, const struct rec *r, uint32_t i, struct label *ret, const char **ret_why)
{
    static const char *const attrs[] = { "policy", "classification", NULL }, *const tag_attr[] = { "tag", NULL };
    struct label l = { 0 };
    bool bad = false;
    *ret_why = "it is not built as a plain label is";
    if (!only_attrs(r, i, attrs))
        return LABEL_BAD;
    l.policy = label_policy_find(all, rec_attr_get(r, i, STR_NONE, STR("policy")));
    if (!l.policy)
        return LABEL_FOREIGN;
    const char *why = add_level(&l, rec_attr_get(r, i, STR_NONE, STR("classification")));
    for (uint32_t c = next_element(r, r->nodes[i].first_child, &bad); c != REC_NONE && !why; c = next_element(r, r->nodes[c].next, &bad)) {
        struct str name;
        if (!is(r, c, STR(NS_LABEL_PLAIN), STR("category")) || !only_attrs(r, c, tag_attr) || !only_text(r, c, &name))
            return LABEL_BAD;
        why = add_value(&l, rec_attr_get(r, c, STR_NONE, STR("tag")), name, -1);
    }
    if (bad)
        return LABEL_BAD;
    *ret_why = why;
    *ret = l;
    return why ? LABEL_BAD : LABEL_READ;
}

static const char *stanag_category(const struct rec *r, uint32_t i, struct label *l)
{
    static const char *const attrs[] = { "TagName", "Type", "URI", NULL }, *const none[] = { NULL };
    static const struct { struct str word; int type; } types[] = { { STR("RESTRICTIVE"), LABEL_RESTRICTIVE }, { STR("PERMISSIVE"), LABEL_PERMISSIVE },
        { STR("INFORMATIVE"), LABEL_INFORMATIVE } };
    struct str tag = rec_attr_get(r, i, STR_NONE, STR("TagName")), type = rec_attr_get(r, i, STR_NONE, STR("Type")), name;
    const char *why = NULL;
    bool bad = false;
    unsigned k = 0, n = 0;
    while (k < 3 && !str_eq(types[k].word, type))
        k++;
    if (k == 3 || !only_attrs(r, i, attrs))
        return "a category in it is not built as STANAG 4774 says";
    for (uint32_t c = next_element(r, r->nodes[i].first_child, &bad); c != REC_NONE && !why; c = next_element(r, r->nodes[c].next, &bad), n++) {
        if (!is(r, c, STR(NS_LABEL_STANAG), STR("GenericValue")) || !only_attrs(r, c, none) || !only_text(r, c, &name))
            return "a category in it is not built as STANAG 4774 says";
        why = add_value(l, tag, trim(name), types[k].type);
    }
    return bad || !n ? "a category in it is not built as STANAG 4774 says" : why;
}

static enum label_found stanag_information(const struct labels *all, const struct rec *r, uint32_t i, struct label *ret, const char **ret_why)
{
    static const char *const uri[] = { "URI", NULL }, *const none[] = { NULL };
    struct str ns = STR(NS_LABEL_STANAG), text;
    struct label l = { 0 };
    bool bad = false;
    *ret_why = "it is not built as STANAG 4774 says";
    uint32_t c = next_element(r, r->nodes[i].first_child, &bad);
    if (!only_attrs(r, i, none) || !is(r, c, ns, STR("PolicyIdentifier")) || !only_attrs(r, c, uri) || !only_text(r, c, &text))
        return LABEL_BAD;
    struct str id = rec_attr_get(r, c, STR_NONE, STR("URI"));
    l.policy = label_policy_find(all, trim(text));
    for (const struct label_policy *p = all->policies; p && id.n; p = p->next)
        if (p->uri.n && str_eq(p->uri, id) && p != l.policy) {
            *ret_why = "its policy's name and identifier are of two policies";
            return LABEL_BAD;
        }
    if (!l.policy)
        return LABEL_FOREIGN;
    if (id.p && !str_eq(id, l.policy->uri)) {
        *ret_why = "its policy's name and identifier are of two policies";
        return LABEL_BAD;
    }
    c = next_element(r, r->nodes[c].next, &bad);
    if (!is(r, c, ns, STR("Classification")) || !only_attrs(r, c, uri) || !only_text(r, c, &text))
        return LABEL_BAD;
    const char *why = add_level(&l, trim(text));
    uint32_t mark = REC_NONE;
    for (c = next_element(r, r->nodes[c].next, &bad); c != REC_NONE && !why; c = next_element(r, r->nodes[c].next, &bad)) {
        if (is(r, c, ns, STR("PrivacyMark")) && mark == REC_NONE && only_text(r, c, &text) && only_attrs(r, c, none))
            mark = c;
        else if (is(r, c, ns, STR("Category")))
            why = stanag_category(r, c, &l);
        else
            return LABEL_BAD;
    }
    if (!why && mark != REC_NONE && (!only_text(r, mark, &text) || !label_marking_is(&l, text)))
        why = "its privacy mark says something else";
    if (bad)
        return LABEL_BAD;
    *ret_why = why;
    *ret = l;
    return why ? LABEL_BAD : LABEL_READ;
}

static enum label_found read_stanag(const struct labels *all, const struct rec *r, uint32_t i, struct label *ret, const char **ret_why)
{
    static const char *const attrs[] = { "Id", "ReviewDateTime", NULL }, *const none[] = { NULL };
    struct str ns = STR(NS_LABEL_STANAG), text;
    bool bad = false;
    *ret_why = "it is not built as STANAG 4774 says";
    uint32_t c = next_element(r, r->nodes[i].first_child, &bad);
    if (!only_attrs(r, i, attrs) || !is(r, c, ns, STR("ConfidentialityInformation")))
        return LABEL_BAD;
    enum label_found found = stanag_information(all, r, c, ret, ret_why);
    unsigned created = 0, by = 0;
    for (c = next_element(r, r->nodes[c].next, &bad); c != REC_NONE && found == LABEL_READ; c = next_element(r, r->nodes[c].next, &bad)) {
        bool when = is(r, c, ns, STR("CreationDateTime")), who = is(r, c, ns, STR("OriginatorID"));
        created += when;
        by += who;
        if ((!when && !who) || created > 1 || by > 1 || !only_text(r, c, &text) || (when && !only_attrs(r, c, none)))
            bad = true;
    }
    if (!bad || found == LABEL_FOREIGN)
        return found;
    *ret_why = "it is not built as STANAG 4774 says";
    return LABEL_BAD;
}

/* What stands inside <label/> or <equivalentlabel/>. */
static enum label_found read_inside(const struct labels *all, const struct rec *r, uint32_t i, struct label_unit *u, const char **ret_why)
{
    static const char *const none[] = { NULL };
    bool bad = false;
    uint32_t c = next_element(r, r->nodes[i].first_child, &bad);
    *ret_why = "a label holds one element, and no text";
    if (!only_attrs(r, i, none) || bad)
        return LABEL_BAD;
    if (c == REC_NONE)
        return LABEL_EMPTY;
    if (next_element(r, r->nodes[c].next, &bad) != REC_NONE || bad)
        return LABEL_BAD;
    if (is(r, c, STR(NS_LABEL_PLAIN), STR("plain"))) {
        u->form = LABEL_PLAIN;
        return read_plain(all, r, c, &u->label, ret_why);
    }
    if (is(r, c, STR(NS_LABEL_ESS), STR("esssecuritylabel"))) {
        struct str text;
        u->form = LABEL_ESS;
        *ret_why = "it is not built as an ESS label is";
        return only_attrs(r, c, none) && only_text(r, c, &text) ? label_ess_read(all, text, &u->label, ret_why) : LABEL_BAD;
    }
    if (is(r, c, STR(NS_LABEL_STANAG), STR("originatorConfidentialityLabel"))) {
        u->form = LABEL_STANAG;
        return read_stanag(all, r, c, &u->label, ret_why);
    }
    return LABEL_FOREIGN;
}

/* ---- one securitylabel ---- */

/* An equivalent label beside what is known already: it must say the same. Where no map joins the two policies nobody can tell, and the
 * recipient might be shown either. */
static bool agrees(const struct label *known, const struct label *other)
{
    struct label l;
    if (label_translate(known, other->policy, &l))
        return label_equal(&l, other);
    return label_translate(other, known->policy, &l) && label_equal(&l, known);
}

static bool attrs_of_securitylabel(const struct rec *r, uint32_t i)
{
    const struct rec_node *n = &r->nodes[i];
    return !n->n_attrs || (n->n_attrs == 1 && str_eq(r->attrs[n->first_attr].ns, STR(NS_LABEL_PUBSUB)) && str_eq(r->attrs[n->first_attr].name, STR("id")));
}

enum label_found label_element(const struct labels *all, const struct rec *r, uint32_t node, struct label_unit *ret, const char **ret_why)
{
    static const char *const colours[] = { "fgcolor", "bgcolor", NULL };
    struct str ns = STR(NS_LABEL), marking = STR_NONE;
    struct label_unit own = { .place = ret->place, .node = node, .holder = ret->holder };
    enum label_found found = LABEL_BAD;
    bool bad = !attrs_of_securitylabel(r, node), has_label = false;
    *ret_why = "it is not built as XEP-0258 says";
    for (uint32_t c = next_element(r, r->nodes[node].first_child, &bad); c != REC_NONE && !bad; c = next_element(r, r->nodes[c].next, &bad)) {
        if (is(r, c, ns, STR("displaymarking")) && !marking.p) {
            bad = !only_attrs(r, c, colours) || !only_text(r, c, &marking);
        } else if (is(r, c, ns, STR("label")) && !has_label) {
            has_label = true;
            found = read_inside(all, r, c, &own, ret_why);
            if (found == LABEL_BAD)
                return found;
        } else if (is(r, c, ns, STR("equivalentlabel"))) {
            struct label_unit other = { 0 };
            enum label_found f = read_inside(all, r, c, &other, ret_why);
            if (f == LABEL_BAD || f == LABEL_EMPTY)
                return LABEL_BAD;
            if (f == LABEL_FOREIGN)
                continue;
            *ret_why = "an equivalent label stands before the label";
            if (!has_label || found == LABEL_EMPTY) /* the default, and yet a label */
                return LABEL_BAD;
            *ret_why = "its equivalent label says something else than the label";
            if (found == LABEL_READ && !agrees(&own.label, &other.label))
                return LABEL_BAD;
            if (found == LABEL_FOREIGN) {
                own.label = other.label;
                own.form = other.form;
                found = LABEL_READ;
                marking = marking.p ? STR("") : marking; /* it is of the policy that is not known */
            }
        } else {
            bad = true;
        }
    }
    *ret_why = found == LABEL_FOREIGN ? "neither it nor an equivalent is of a policy that is known here" : "it is not built as XEP-0258 says";
    if (bad || !has_label || found == LABEL_FOREIGN)
        return LABEL_BAD;
    own.empty = found == LABEL_EMPTY;
    own.marking = marking;
    *ret = own;
    return found;
}

/* ---- where it stands ---- */

static struct str ns_of(const struct rec *r, uint32_t i) { return r->nodes[i].ns; }

static bool subject_change(const struct rec *r)
{
    return str_eq(r->type, STR("groupchat")) && rec_child(r, 0, STR(NS_SERVER), STR("subject"), REC_NONE) != REC_NONE &&
        rec_child(r, 0, STR(NS_SERVER), STR("body"), REC_NONE) == REC_NONE;
}

static bool whole(struct str ns) { return str_eq(ns, STR(NS_SERVER)) || str_eq(ns, STR("jabber:client")); }

/* NULL: it may stand here; u says as what. */
static const char *place_of(const struct rec *r, uint32_t i, struct label_unit *u)
{
    uint32_t p = r->nodes[i].parent, q = p == REC_NONE ? REC_NONE : r->nodes[p].parent;
    struct str name = p == REC_NONE ? STR("") : r->nodes[p].name;
    u->node = i;
    u->holder = REC_NONE;
    u->place = LABEL_OWN;
    if (str_eq(r->type, STR("error")))
        return "an error carries a label";
    if (r->kind == REC_PRESENCE)
        return "presence carries a label";
    if (p == 0)
        return r->kind != REC_MESSAGE ? "a request carries a label" : subject_change(r) ? "the change of a room's subject carries a label" : NULL;
    if (p == REC_NONE || q == REC_NONE)
        return "a label stands where none may";
    u->holder = p;
    u->place = LABEL_COPY;
    if (str_eq(name, STR("message")) && whole(ns_of(r, p)) && is(r, q, STR(NS_FORWARD), STR("forwarded"))) {
        u->holder = q;
        return str_eq(rec_attr_get(r, p, STR_NONE, STR("type")), STR("error")) ? "an error carries a label" : NULL;
    }
    bool pubsub = str_eq(ns_of(r, p), STR(NS_PUBSUB)) || str_eq(ns_of(r, p), STR(NS_EVENT));
    u->place = LABEL_ITEM;
    if (pubsub && str_eq(name, STR("item")))
        return NULL;
    if (pubsub && (str_eq(name, STR("publish")) || str_eq(name, STR("items")))) {
        u->holder = REC_NONE; /* of all of them: nothing would be left */
        return NULL;
    }
    if (is(r, p, STR(NS_ITEMS), STR("query")))
        return NULL;
    u->place = LABEL_OFFER;
    if (is(r, p, STR(NS_LABEL_CATALOG), STR("item")))
        return NULL;
    return "a label stands where none may";
}

/* XEP-0314: an item that names a label beside it by slps:label takes that label with it; the label itself is judged once for each. */
static const char *items_of(const struct rec *r, const struct label_unit *u, struct label_unit *v, size_t max, size_t *n)
{
    struct str ns = STR(NS_LABEL_PUBSUB), id = rec_attr_get(r, u->node, ns, STR("id"));
    uint32_t parent = r->nodes[u->node].parent;
    size_t before = *n;
    for (uint32_t c = r->nodes[parent].first_child; c != REC_NONE; c = r->nodes[c].next) {
        if (r->nodes[c].is_text || c == u->node)
            continue;
        if (is(r, c, STR(NS_LABEL), STR("securitylabel")) && c < u->node && str_eq(rec_attr_get(r, c, ns, STR("id")), id))
            return "two labels have the same id";
        struct str ref = rec_attr_get(r, c, ns, STR("label"));
        if (!ref.p || !str_eq(ref, id))
            continue;
        if (*n == max)
            return "it carries too many labels";
        v[*n] = *u;
        v[(*n)++].holder = c;
    }
    return *n == before ? "a label of items is named by none of them" : NULL;
}

/* Every slps:label must name a label beside its item. */
static const char *dangling(const struct rec *r, uint32_t i, size_t *refs)
{
    struct str ns = STR(NS_LABEL_PUBSUB), ref = rec_attr_get(r, i, ns, STR("label"));
    if (!ref.p)
        return NULL;
    if (++*refs > LABEL_UNITS_MAX)
        return "it carries too many labels";
    for (uint32_t c = r->nodes[i].parent == REC_NONE ? REC_NONE : r->nodes[r->nodes[i].parent].first_child; c != REC_NONE; c = r->nodes[c].next)
        if (is(r, c, STR(NS_LABEL), STR("securitylabel")) && str_eq(rec_attr_get(r, c, ns, STR("id")), ref))
            return NULL;
    return "an item names a label that is not there";
}

static bool twice(const struct rec *r, uint32_t i)
{
    for (uint32_t c = r->nodes[r->nodes[i].parent].first_child; c != REC_NONE && c < i; c = r->nodes[c].next)
        if (is(r, c, STR(NS_LABEL), STR("securitylabel")))
            return true;
    return false;
}

bool label_units(const struct labels *all, const struct rec *r, struct label_unit *v, size_t max, size_t *ret_n, const char **ret_why)
{
    size_t n = 0, refs = 0;
    *ret_why = NULL;
    for (uint32_t i = 1; i < r->n_nodes && !*ret_why; i++) {
        struct label_unit u = { 0 };
        if (r->nodes[i].is_text || (*ret_why = dangling(r, i, &refs)) || !is(r, i, STR(NS_LABEL), STR("securitylabel")))
            continue;
        *ret_why = place_of(r, i, &u);
        struct str id = rec_attr_get(r, i, STR(NS_LABEL_PUBSUB), STR("id"));
        if (!*ret_why && !id.p && twice(r, i))
            *ret_why = "it carries two labels";
        if (!*ret_why && id.p && u.place != LABEL_ITEM)
            *ret_why = "a label that is no item's has an id";
        if (!*ret_why && n == max)
            *ret_why = "it carries too many labels";
        const char *why = NULL;
        if (!*ret_why && label_element(all, r, i, &u, &why) == LABEL_BAD)
            *ret_why = why;
        if (*ret_why)
            break;
        if (id.p)
            *ret_why = items_of(r, &u, v, max, &n);
        else
            v[n++] = u;
    }
    *ret_n = n;
    return !*ret_why;
}
