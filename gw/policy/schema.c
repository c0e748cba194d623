/* SPDX-License-Identifier: GPL-3.0-or-later
 * The allow-list of payloads: what no profile names is stripped or refused, before any rule looks at the stanza. */
#include <stdlib.h>
#include <string.h>

#include "expand.h"
#include "schema.h"
#include "utf8.h"

static const struct { struct str ns, name; } opaque[] = {
    /* content that cannot be inspected; a name that is missing here is still not in any profile */
    { STR("eu.siacs.conversations.axolotl"), STR("encrypted") }, { STR("urn:xmpp:omemo:1"), STR("encrypted") },
    { STR("urn:xmpp:omemo:2"), STR("encrypted") }, { STR("urn:xmpp:openpgp:0"), STR("openpgp") },
    { STR("jabber:x:encrypted"), STR("x") }, { STR("urn:xmpp:otr:0"), STR_NONE }, { STR("urn:xmpp:eme:0"), STR("encryption") },
    { STR("http://www.w3.org/2001/04/xmlenc#"), STR_NONE }, { STR("urn:xmpp:sce:1"), STR_NONE }, { STR("urn:xmpp:sce:0"), STR_NONE },
    { STR("urn:ietf:params:xml:ns:xmpp-e2e"), STR_NONE }, { STR("urn:xmpp:esfs:0"), STR_NONE },
    { STR("http://www.xmpp.org/extensions/xep-0200.html#ns"), STR_NONE } };

/* OTR (XEP-0364 section 3), and links to encrypted files (XEP-0454), whose key stands in the link. */
static bool opaque_text(struct str t)
{
    return (t.n > 5 && !memcmp(t.p, "?OTR", 4) && strchr(":,|?v", t.p[4])) || (t.n > 9 && memmem(t.p, t.n, "aesgcm://", 9));
}

bool schema_uninspectable(const struct rec *r)
{
    for (uint32_t i = 1; i < r->n_nodes; i++) {
        const struct rec_node *n = &r->nodes[i];
        if (n->is_text) {
            if (opaque_text(n->text))
                return true;
            continue;
        }
        for (size_t k = 0; k < sizeof opaque / sizeof *opaque; k++)
            if (str_eq(opaque[k].ns, n->ns) && (!opaque[k].name.n || str_eq(opaque[k].name, n->name)))
                return true;
    }
    return false;
}

static bool is_space(struct str s)
{
    for (size_t i = 0; i < s.n; i++)
        if (!strchr(" \t\r\n", s.p[i]))
            return false;
    return true;
}

struct check { const struct schema *s; struct pol_eval *e; struct str *why; };

static bool refuse(struct check *k, const char *what, struct str ns, struct str name)
{
    char text[512];
    int n = snprintf(text, sizeof text, "%s {%.*s}%.*s", what, STR_ARG(ns), STR_ARG(name));
    if (n > (int)sizeof text - 1 || n < 0)
        n = (int)strlen(what);
    *k->why = arena_str(&k->e->arena, (struct str){ text, (size_t)n });
    return false;
}

/* What becomes of a piece of the stanza. */
enum fate { STAYS, GOES, REFUSED };

static enum fate unnamed_node(struct check *k, uint32_t i, bool strip, const char *what)
{
    const struct rec *r = k->e->rec;
    const struct rec_node *n = &r->nodes[i], *named = n->is_text ? &r->nodes[n->parent] : n;
    const char *text = n->is_text ? "/text()" : "";
    pol_note(k->e, TRI_NO, false, "%s {%.*s}%.*s%s: %s", what, STR_ARG(named->ns), STR_ARG(named->name), text, strip ? "taken out" : "refused");
    if (!strip)
        return refuse(k, what, named->ns, named->name), REFUSED;
    return pol_edit(k->e, (struct rec_edit){ .op = REC_DROP, .node = i, .attr = REC_NONE }) &&
        pol_changed(k->e, "allow-list: {%.*s}%.*s%s", STR_ARG(named->ns), STR_ARG(named->name), text) ? GOES : REFUSED;
}

/* ---- which of the elements of one name it is: attributes and forms tell them apart ---- */

static bool has_form_type(const struct rec *r, uint32_t x, struct str want)
{
    struct str found = STR_NONE;
    for (uint32_t f = r->nodes[x].first_child; f != REC_NONE; f = r->nodes[f].next) {
        if (r->nodes[f].is_text || !str_eq(r->nodes[f].name, STR("field")) || !str_eq(rec_attr_get(r, f, STR_NONE, STR("var")), STR("FORM_TYPE")))
            continue;
        uint32_t v = rec_child(r, f, r->nodes[x].ns, STR("value"), REC_NONE), t = v == REC_NONE ? v : r->nodes[v].first_child;
        if (found.p || t == REC_NONE || !r->nodes[t].is_text) /* two types are none */
            return false;
        found = r->nodes[t].text;
    }
    return found.p && str_eq(found, want);
}

static bool fits(const struct rec *r, uint32_t i, const struct schema_element *s)
{
    for (size_t m = 0; m < s->n_attrs; m++) {
        const struct schema_attr *a = &s->attrs[m];
        struct str v = a->need == NEED_NOT ? STR_NONE : rec_attr_get(r, i, a->ns, a->name);
        if (v.p ? !schema_value_ok(&a->value, r, v) : a->need == NEED_THERE)
            return false;
    }
    return !s->form_type.n || has_form_type(r, i, s->form_type);
}

static bool check_attrs(struct check *k, uint32_t i, const struct schema_element *s)
{
    const struct rec *r = k->e->rec;
    const struct rec_node *n = &r->nodes[i];
    for (uint32_t a = n->first_attr; a < n->first_attr + n->n_attrs; a++) {
        const struct schema_value *v = NULL;
        for (size_t m = 0; m < s->n_attrs && !v; m++)
            if (str_eq(s->attrs[m].name, r->attrs[a].name) && str_eq(s->attrs[m].ns, r->attrs[a].ns))
                v = &s->attrs[m].value;
        if (v && schema_value_ok(v, r, r->attrs[a].value))
            continue;
        pol_note(k->e, TRI_NO, false, "attribute %.*s of {%.*s}%.*s %s: %s", STR_ARG(r->attrs[a].name), STR_ARG(n->ns), STR_ARG(n->name),
            v ? "has a value of another form" : "is named by no profile", s->strip ? "taken out" : "refused");
        if (!s->strip)
            return refuse(k, v ? "form of an attribute of" : "attribute of", n->ns, n->name);
        if (!pol_edit(k->e, (struct rec_edit){ .op = REC_DROP_ATTR, .node = i, .attr = a }) ||
            !pol_changed(k->e, "allow-list: {%.*s}%.*s/@%.*s", STR_ARG(n->ns), STR_ARG(n->name), STR_ARG(r->attrs[a].name)))
            return false;
    }
    return true;
}

static enum fate check_element(struct check *k, uint32_t i, const struct schema_element *s);
static enum fate check_carried(struct check *k, uint32_t i);

static enum fate check_text(struct check *k, uint32_t i, uint32_t text, const struct schema_element *s)
{
    struct str t = k->e->rec->nodes[text].text;
    if (s->text.form == FORM_NONE && is_space(t)) /* layout between elements: written in one normal form, that is not at all */
        return pol_edit(k->e, (struct rec_edit){ .op = REC_DROP, .node = text, .attr = REC_NONE }) ? STAYS : REFUSED;
    if (schema_value_ok(&s->text, k->e->rec, t))
        return STAYS;
    if (s->text.form == FORM_NONE)
        return unnamed_node(k, text, s->strip, "text where none is allowed:") == REFUSED ? REFUSED : STAYS;
    return unnamed_node(k, i, s->strip, "text of another form:");
}

/* One child element; counts: how many there are of each of s's; of a choice, at the place of its first name. */
static enum fate check_child(struct check *k, uint32_t c, const struct schema_element *s, uint32_t *counts)
{
    const struct rec *r = k->e->rec;
    bool named = false;
    for (size_t m = 0; m < s->n_sub; m++) {
        const struct schema_element *sub = s->sub[m];
        if (!str_eq(sub->name, r->nodes[c].name) || !str_eq(sub->ns, r->nodes[c].ns))
            continue;
        named = true;
        if (!fits(r, c, sub))
            continue;
        if (sub->max && counts[m - sub->choice] >= sub->max)
            return unnamed_node(k, c, s->strip, "too many of");
        enum fate f = check_element(k, c, sub);
        counts[m - sub->choice] += f == STAYS;
        return f;
    }
    return unnamed_node(k, c, s->strip, named ? "named, but not with such attributes:" : "named by no profile:");
}

static enum fate check_children(struct check *k, uint32_t i, const struct schema_element *s)
{
    const struct rec *r = k->e->rec;
    uint32_t *counts = s->n_sub ? arena_alloc(&k->e->arena, s->n_sub * sizeof *counts) : NULL;
    bool text = false;
    uint32_t kept = 0;
    if (s->n_sub && !counts)
        return REFUSED;
    if (counts)
        memset(counts, 0, s->n_sub * sizeof *counts);
    for (uint32_t c = r->nodes[i].first_child; c != REC_NONE; c = r->nodes[c].next) {
        enum fate f = r->nodes[c].is_text ? check_text(k, i, c, s) : check_child(k, c, s, counts);
        if (f == REFUSED || (f == GOES && r->nodes[c].is_text)) /* a text that is no good takes its element with it */
            return f;
        text |= r->nodes[c].is_text;
        kept += f == STAYS && !r->nodes[c].is_text;
    }
    for (size_t m = 0; m < s->n_sub; m++)
        if (counts[m - s->sub[m]->choice] < s->sub[m]->min)
            return unnamed_node(k, i, s->strip, "something that must be there is missing in");
    if (s->filled && !kept)
        return unnamed_node(k, i, s->strip, "nothing is left in");
    if (!text && s->text.form >= FORM_LIST) /* a word out of a list is there, or the element is none */
        return unnamed_node(k, i, s->strip, "text is missing in");
    return STAYS;
}

static enum fate check_element(struct check *k, uint32_t i, const struct schema_element *s)
{
    if (!check_attrs(k, i, s))
        return REFUSED;
    return s->stanza ? check_carried(k, i) : check_children(k, i, s);
}

/* ---- the stanza itself ---- */

static bool one_of(struct str s, const char *const *v)
{
    for (size_t i = 0; v[i]; i++)
        if (str_eq(s, str_c(v[i])))
            return true;
    return false;
}

static const char *const message_types[] = { "chat", "error", "groupchat", "headline", "normal", NULL };

static bool check_heads(struct check *k)
{
    static const char *const presence[] = { "error", "probe", "subscribe", "subscribed", "unavailable", "unsubscribe", "unsubscribed", NULL };
    static const char *const iq[] = { "get", "set", "result", "error", NULL };
    static const char *const *const types[] = { message_types, presence, iq };
    const struct rec *r = k->e->rec;
    static const struct schema_value lang = { .form = FORM_LANG, .max = 35 };
    bool known = !r->type.p || one_of(r->type, types[r->kind]);
    k->e->malformed = true;
    /* RFC 6121 section 5.2.2: a message of a type that is not known is a normal one, so that is what it leaves as */
    if (!known && r->kind == REC_MESSAGE)
        known = pol_edit(k->e, (struct rec_edit){ .op = REC_SET_TYPE, .attr = REC_NONE, .with = STR("normal") }) &&
            pol_changed(k->e, "allow-list: a type that is not known");
    if (!known || (r->kind == REC_IQ && !r->type.p))
        return refuse(k, "stanza type", STR_NONE, r->type);
    if (r->kind == REC_IQ && !r->id.n)
        return refuse(k, "iq without id", STR_NONE, STR_NONE);
    if (r->id.n > 1023)
        return refuse(k, "an id that is too long", STR_NONE, STR_NONE);
    if (r->lang.n && !schema_value_ok(&lang, r, r->lang))
        return refuse(k, "xml:lang", STR_NONE, STR_NONE);
    k->e->malformed = false;
    return true;
}

/* RFC 6120 section 8.2.3: get and set carry one child, result at most one. */
static bool check_iq(struct check *k)
{
    const struct rec *r = k->e->rec;
    uint32_t n = 0;
    bool ask = str_eq(r->type, STR("get")) || str_eq(r->type, STR("set"));
    if (r->kind != REC_IQ || str_eq(r->type, STR("error")))
        return true;
    for (uint32_t c = r->nodes[0].first_child; c != REC_NONE; c = r->nodes[c].next)
        n += !r->nodes[c].is_text;
    if (n > 1 || (ask && n != 1)) {
        k->e->malformed = true;
        return refuse(k, "number of payloads in iq", STR_NONE, r->type);
    }
    return true;
}

/* A stanza whose payloads are looked at: the whole, or one that it forwards (XEP-0297). */
struct carrier { uint32_t node; enum rec_kind kind; struct str type; };

static bool has_type(const struct schema_element *s, const struct carrier *r)
{
    bool has = !s->n_types;
    struct str type = r->kind == REC_MESSAGE && (!r->type.n || !one_of(r->type, message_types)) ? STR("normal") : r->type.n ? r->type : STR("available");
    for (size_t i = 0; i < s->n_types && !has; i++)
        has = str_eq(s->types[i], type);
    return has;
}

/* Inside a forwarded stanza the stanza's own elements may be a client's. */
static struct str own_ns(struct str ns, const struct carrier *in) { return in->node && expand_is_stanza_ns(ns) ? STR(NS_SERVER) : ns; }

static enum fate check_payload(struct check *k, uint32_t c, const struct carrier *in)
{
    const struct rec *r = k->e->rec;
    bool error = str_eq(in->type, STR("error")), named = false;
    bool strip = in->kind != REC_IQ || error ? k->s->strip : false; /* a question without its payload is no question */
    const struct schema_element *s = schema_find(k->s, in->kind, own_ns(r->nodes[c].ns, in), r->nodes[c].name);
    for (; s; s = schema_again(s, in->kind)) {
        named = true;
        if (s->in_error == error && (error || has_type(s, in)) && fits(r, c, s))
            break;
    }
    if (!s && named)
        return unnamed_node(k, c, error || strip, error ? "echo in an error:" : "named, but not for this type or with such attributes:");
    uint32_t count = 0;
    for (uint32_t b = r->nodes[in->node].first_child; s && s->max && b != c; b = r->nodes[b].next)
        count += !r->nodes[b].is_text && str_eq(s->name, r->nodes[b].name) && str_eq(s->ns, own_ns(r->nodes[b].ns, in));
    if (!s || (s->max && count >= s->max))
        return unnamed_node(k, c, error || strip, s ? "too many of" : "named by no profile:");
    enum fate f = check_element(k, c, s);
    if (f == GOES && in->kind == REC_IQ && !error)
        return refuse(k, "what a profile names is not complete in", r->nodes[c].ns, r->nodes[c].name), REFUSED;
    return f;
}

static enum fate check_top(struct check *k, uint32_t c)
{
    const struct carrier whole = { 0, k->e->rec->kind, k->e->rec->type };
    return check_payload(k, c, &whole);
}

/* What stands in a forwarded message is allowed as it would be in a message. */
static enum fate check_carried(struct check *k, uint32_t i)
{
    const struct rec *r = k->e->rec;
    const struct carrier in = { i, REC_MESSAGE, rec_attr_get(r, i, STR_NONE, STR("type")) };
    uint32_t kept = 0;
    for (uint32_t c = r->nodes[i].first_child; c != REC_NONE; c = r->nodes[c].next) {
        enum fate f = STAYS;
        if (!r->nodes[c].is_text)
            f = check_payload(k, c, &in);
        else if (is_space(r->nodes[c].text))
            f = pol_edit(k->e, (struct rec_edit){ .op = REC_DROP, .node = c, .attr = REC_NONE }) ? GOES : REFUSED;
        else
            f = unnamed_node(k, c, k->s->strip, "text in the stanza itself:");
        if (f == REFUSED)
            return f;
        kept += f == STAYS;
    }
    return kept ? STAYS : unnamed_node(k, i, k->s->strip, "nothing that a profile names was in it:");
}

/* Does it take away a label, or of one a piece that is no layout? Not when what the label stood on goes with it. */
static bool loses_label(const struct rec *r, const struct rec_edit *d)
{
    const struct rec_node *n = &r->nodes[d->node];
    bool says = d->op == REC_DROP ? !n->is_text || !is_space(n->text) : d->op == REC_DROP_ATTR && !r->attrs[d->attr].ns.n;
    return says && pol_in_label(r, d->node);
}

bool schema_check(const struct schema *s, struct pol_eval *e, struct str *ret_why)
{
    struct check k = { s, e, ret_why };
    const struct rec *r = e->rec;
    bool told = !str_eq(r->type, STR("error"));
    *ret_why = STR("an internal limit");
    if (!check_heads(&k) || !check_iq(&k))
        return false;
    for (uint32_t a = r->nodes[0].first_attr; a < r->nodes[0].first_attr + r->nodes[0].n_attrs; a++)
        if (!pol_edit(e, (struct rec_edit){ .op = REC_DROP_ATTR, .node = 0, .attr = a }) ||
            !pol_changed(e, "allow-list: @{%.*s}%.*s", STR_ARG(r->attrs[a].ns), STR_ARG(r->attrs[a].name)))
            return false;
    for (uint32_t c = r->nodes[0].first_child; c != REC_NONE; c = r->nodes[c].next) {
        if (r->nodes[c].is_text) {
            if (!is_space(r->nodes[c].text) && unnamed_node(&k, c, s->strip, "text in the stanza itself:") == REFUSED)
                return false;
            if (is_space(r->nodes[c].text) && !pol_edit(e, (struct rec_edit){ .op = REC_DROP, .node = c, .attr = REC_NONE }))
                return false;
        } else {
            enum fate f = check_top(&k, c);
            if (f == REFUSED)
                return false;
            told |= f == STAYS;
        }
    }
    if (!told) /* RFC 6120 section 8.3.1: a stanza of type error says what is wrong */
        return refuse(&k, "no complete error in a stanza of type", STR_NONE, r->type);
    if (!e->n_edits)
        return true;
    bool was_empty = pol_empty(r);
    e->stripped = e->v.n_changed > 0;
    for (size_t i = 0; i < e->n_edits; i++)
        e->label_lost |= loses_label(r, &e->edits[i]);
    for (uint32_t c = r->nodes[0].first_child; c != REC_NONE && was_empty; c = r->nodes[c].next)
        was_empty = is_space(r->nodes[c].text);
    if (!pol_apply(e))
        return refuse(&k, "a part that could not be taken out", STR_NONE, STR_NONE);
    return was_empty || !pol_empty(e->rec) ? true : refuse(&k, "nothing that a profile names was in it:", STR_NONE, STR_NONE);
}
