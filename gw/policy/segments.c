/* SPDX-License-Identifier: GPL-3.0-or-later
 * Every piece of text that a stanza carries, with the place where it stands: nothing that could hold a word is left out. */
#include <string.h>

#include "label.h"
#include "jid.h"

#define NS_XHTML "http://www.w3.org/1999/xhtml"

/* What is below an element belongs to the element's place. */
static const struct { struct str ns, name; enum scan_place place; } places[] = {
    { STR(NS_SERVER), STR("body"), SCAN_AT_BODY },
    { STR(NS_SERVER), STR("subject"), SCAN_AT_SUBJECT },
    { STR(NS_SERVER), STR("thread"), SCAN_AT_THREAD },
    { STR(NS_SERVER), STR("status"), SCAN_AT_STATUS },
    { STR("http://jabber.org/protocol/nick"), STR_NONE, SCAN_AT_NICK },
    { STR("http://jabber.org/protocol/xhtml-im"), STR_NONE, SCAN_AT_XHTML },
    { STR(NS_XHTML), STR_NONE, SCAN_AT_XHTML },
    { STR("jabber:x:data"), STR_NONE, SCAN_AT_FORM },
    { STR("http://jabber.org/protocol/pubsub"), STR_NONE, SCAN_AT_PUBSUB },
    { STR("http://jabber.org/protocol/pubsub#event"), STR_NONE, SCAN_AT_PUBSUB },
    { STR("vcard-temp"), STR_NONE, SCAN_AT_VCARD },
    { STR("urn:ietf:params:xml:ns:vcard-4.0"), STR_NONE, SCAN_AT_VCARD },
    { STR("urn:xmpp:forward:0"), STR_NONE, SCAN_AT_FORWARDED },
};

static uint8_t place_of(const struct rec_node *n, uint8_t above)
{
    if (above == SCAN_AT_FORWARDED)
        return above;
    for (size_t i = 0; i < sizeof places / sizeof *places; i++)
        if (str_eq(places[i].ns, n->ns) && (!places[i].name.n || str_eq(places[i].name, n->name)))
            return (uint8_t)places[i].place;
    return above;
}

/* In XHTML, what stands in one block is read as one run, whatever <span/> parts it; elsewhere an element's own text is one. */
static bool is_inline(const struct rec_node *n)
{
    static const char *const names[] = { "span", "em", "strong", "a", "b", "i", "u", "code", "cite", "q", "abbr", "acronym", "dfn", "kbd",
        "samp", "var", "tt", "sub", "sup", "small", "big", "font", "br", NULL };
    if (!str_eq(n->ns, STR(NS_XHTML)))
        return false;
    for (size_t i = 0; names[i]; i++)
        if (str_eq(str_c(names[i]), n->name))
            return true;
    return false;
}

static bool add(struct pol_eval *e, enum seg_kind kind, uint32_t node, uint32_t attr, uint32_t group, enum scan_place place, struct str text)
{
    if (!text.n)
        return true;
    if (e->n_segs == SCAN_SEGMENTS_MAX)
        return false;
    e->seg_kinds[e->n_segs] = (uint8_t)kind;
    e->segs[e->n_segs++] = (struct scan_segment){ node, attr, group, (uint8_t)place, text };
    return true;
}

static bool add_heads(struct pol_eval *e, uint32_t *group)
{
    const struct rec *r = e->rec;
    struct str part[3];
    bool fits = add(e, SEG_ID, 0, REC_NONE, (*group)++, SCAN_AT_ID, r->id) &&
        add(e, SEG_LANG, 0, REC_NONE, (*group)++, SCAN_AT_ATTRIBUTE, r->lang);
    /* the type is one of a few fixed words: the allow-list sees to that */
    for (int i = 0; i < 2 && fits; i++) {
        jid_split(i ? r->to : r->from, &part[0], &part[1], &part[2]);
        fits = add(e, SEG_ADDRESS, 0, REC_NONE, (*group)++, SCAN_AT_RESOURCE, part[0]) &&
            add(e, SEG_ADDRESS, 0, REC_NONE, (*group)++, SCAN_AT_RESOURCE, part[2]);
    }
    return fits;
}

bool segments_collect(struct pol_eval *e)
{
    const struct rec *r = e->rec;
    if (e->have_segs)
        return true;
    size_t most = (size_t)r->n_nodes + r->n_attrs + 8;
    most = most < SCAN_SEGMENTS_MAX ? most : SCAN_SEGMENTS_MAX;
    e->segs = arena_alloc(&e->arena, most * sizeof *e->segs);
    e->seg_kinds = arena_alloc(&e->arena, most);
    uint8_t *place = arena_alloc(&e->arena, r->n_nodes);
    uint32_t *group = arena_alloc(&e->arena, r->n_nodes * sizeof *group), next = 0;
    e->n_segs = 0;
    if (!e->segs || !e->seg_kinds || !place || !group || !add_heads(e, &next))
        return false;
    place[0] = SCAN_AT_OTHER;
    group[0] = next++;
    for (uint32_t i = 0; i < r->n_nodes; i++) {
        const struct rec_node *n = &r->nodes[i];
        if (n->is_text) {
            if (!add(e, SEG_NODE, i, REC_NONE, group[n->parent], (enum scan_place)place[n->parent], n->text))
                return false;
            continue;
        }
        if (i) {
            place[i] = place_of(n, place[n->parent]);
            group[i] = is_inline(n) ? group[n->parent] : next++;
        }
        for (uint32_t a = n->first_attr; a < n->first_attr + n->n_attrs; a++)
            if (!add(e, SEG_NODE, i, a, next++, SCAN_AT_ATTRIBUTE, r->attrs[a].value))
                return false;
    }
    e->have_segs = true;
    return true;
}

/* The stanza as one text, for patterns that look at structure: names, attributes and text in document order. */
static struct str rebuild(struct pol_eval *e)
{
    const struct rec *r = e->rec;
    size_t n = 0;
    for (uint32_t i = 0; i < r->n_nodes; i++)
        n += r->nodes[i].is_text ? r->nodes[i].text.n + 1 : r->nodes[i].ns.n + r->nodes[i].name.n + 4;
    for (uint32_t i = 0; i < r->n_attrs; i++)
        n += r->attrs[i].name.n + r->attrs[i].value.n + 4;
    char *p = arena_alloc(&e->arena, n), *q = p;
    if (!p)
        return STR_NONE;
#define PUT(s) (memcpy(q, (s).p, (s).n), q += (s).n)
    for (uint32_t i = 0; i < r->n_nodes; i++) {
        const struct rec_node *x = &r->nodes[i];
        if (x->is_text) {
            PUT(x->text);
            *q++ = '\n';
            continue;
        }
        *q++ = '<';
        PUT(x->name);
        if (x->ns.n && i && !str_eq(x->ns, r->nodes[x->parent].ns)) {
            *q++ = ' ';
            PUT(x->ns);
        }
        for (uint32_t a = x->first_attr; a < x->first_attr + x->n_attrs; a++) {
            *q++ = ' ';
            PUT(r->attrs[a].name);
            *q++ = '=';
            *q++ = '\'';
            PUT(r->attrs[a].value);
            *q++ = '\'';
        }
        *q++ = '>';
    }
#undef PUT
    return (struct str){ p, (size_t)(q - p) };
}

bool segments_request(struct pol_eval *e)
{
    const struct rec *r = e->rec;
    if (!segments_collect(e))
        return false;
    struct str payload = STR_NONE;
    for (uint32_t c = r->nodes[0].first_child; c != REC_NONE && !payload.n; c = r->nodes[c].next)
        if (!r->nodes[c].is_text && !str_eq(r->nodes[c].ns, STR(NS_SERVER)))
            payload = r->nodes[c].ns;
    e->request = (struct scan_request){
        .facts = { .direction = e->facts.from_side == GW_HIGH ? STR("high-to-low") : STR("low-to-high"),
            .kind = str_c(rec_kind_name(r->kind)), .from = r->from, .to = r->to, .from_domain = r->from_domain, .to_domain = r->to_domain,
            .payload = payload, .label = label_text(e, false) },
        .segments = e->segs, .n_segments = e->n_segs, .rebuilt = rebuild(e) };
    return e->request.rebuilt.p != NULL;
}
