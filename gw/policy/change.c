/* SPDX-License-Identifier: GPL-3.0-or-later
 * Changes to a stanza under judgement: each makes a new record, and whatever was known about the old text is forgotten. */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "internal.h"

bool pol_edit(struct pol_eval *e, struct rec_edit edit)
{
    if (!POL_PUSH(e, e->edits, e->n_edits, e->cap_edits))
        return false;
    e->edits[e->n_edits++] = edit;
    return true;
}

bool pol_span_add(struct pol_eval *e, uint32_t seg, uint32_t off, uint32_t len, uint32_t hit)
{
    if (!POL_PUSH(e, e->spans, e->n_spans, e->cap_spans))
        return false;
    e->spans[e->n_spans++] = (struct pol_span){ seg, off, len, hit };
    return true;
}

void pol_become(struct pol_eval *e, struct rec *r)
{
    if (r) {
        rec_free(e->own);
        e->own = r;
        e->rec = r;
    }
    e->n_edits = e->cap_edits = 0;
    e->edits = NULL;
    e->have_segs = false;
    e->have_parties = false;
    e->scan = SCAN_NOT_ASKED;
    e->n_matches = 0;
}

bool pol_apply(struct pol_eval *e)
{
    struct rec *r = NULL;
    if (e->n_edits && rec_apply(e->rec, e->edits, e->n_edits, &r))
        return false;
    pol_become(e, r);
    return true;
}

/* A stanza that says nothing any more: a message or request whose every payload was taken away; a list of addresses (XEP-0033) is for what
 * stands beside it. Presence says something by itself. */
bool pol_empty(const struct rec *r)
{
    bool needs = r->kind == REC_MESSAGE || (r->kind == REC_IQ && (str_eq(r->type, STR("get")) || str_eq(r->type, STR("set")))) ||
        str_eq(r->type, STR("error"));
    for (uint32_t c = r->nodes[0].first_child; needs && c != REC_NONE; c = r->nodes[c].next)
        needs = r->nodes[c].is_text || str_eq(r->nodes[c].ns, STR("http://jabber.org/protocol/address"));
    return needs;
}

bool pol_in_label(const struct rec *r, uint32_t i)
{
    for (; i != REC_NONE; i = r->nodes[i].parent)
        if (str_eq(r->nodes[i].ns, STR("urn:xmpp:sec-label:0")) && str_eq(r->nodes[i].name, STR("securitylabel")))
            return true;
    return false;
}

bool pol_strip(struct pol_eval *e, const struct clark *names, size_t n, uint32_t rule)
{
    const struct rec *r = e->rec;
    for (uint32_t i = 1; i < r->n_nodes;) {
        bool strip = false;
        for (size_t k = 0; k < n && !strip; k++)
            strip = !r->nodes[i].is_text && clark_is(&names[k], &r->nodes[i]);
        if (!strip) {
            i++;
            continue;
        }
        if (pol_in_label(r, r->nodes[i].parent) || !pol_edit(e, (struct rec_edit){ .op = REC_DROP, .node = i, .attr = REC_NONE }) ||
            !pol_changed(e, "strip %u: {%.*s}%.*s", rule, STR_ARG(r->nodes[i].ns), STR_ARG(r->nodes[i].name)))
            return false;
        i = rec_skip(r, i);
    }
    return true;
}

static int by_place(const void *a, const void *b)
{
    const struct pol_span *x = a, *y = b;
    if (x->seg != y->seg)
        return x->seg < y->seg ? -1 : 1;
    return x->off != y->off ? (x->off < y->off ? -1 : 1) : 0;
}

/* One span of one segment becomes one edit. Ids of requests, addresses, languages and labels cannot be altered and still mean the same. */
static bool replace(struct pol_eval *e, const struct pol_span *s, struct str with)
{
    const struct scan_segment *g = &e->segs[s->seg];
    if (e->seg_kinds[s->seg] == SEG_NODE && !pol_in_label(e->rec, g->node))
        return pol_edit(e, (struct rec_edit){ .op = REC_REPLACE, .node = g->node, .attr = g->attr, .off = s->off, .len = s->len, .with = with });
    return false;
}

/* XEP-0394, XEP-0428 (without ranges it means the whole text), XEP-0372 */
bool pol_counts(const struct rec *r, uint32_t node)
{
    const struct rec_node *n = &r->nodes[node];
    if (n->is_text)
        return false;
    if (str_eq(n->ns, STR("urn:xmpp:markup:0")) || str_eq(n->ns, STR("urn:xmpp:fallback:0")))
        return n->first_child != REC_NONE;
    return str_eq(n->ns, STR("urn:xmpp:reference:0")) &&
        (rec_attr_get(r, node, STR_NONE, STR("begin")).n || rec_attr_get(r, node, STR_NONE, STR("end")).n);
}

/* Once a text has changed, they would point at other words. In a copy as well: which text one counts is not worth a guess. */
static bool drop_counting(struct pol_eval *e)
{
    const struct rec *r = e->rec;
    for (uint32_t i = 1; i < r->n_nodes;) {
        if (!pol_counts(r, i)) {
            i++;
            continue;
        }
        if (!pol_edit(e, (struct rec_edit){ .op = REC_DROP, .node = i, .attr = REC_NONE }) ||
            !pol_changed(e, "counts what was changed: {%.*s}%.*s", STR_ARG(r->nodes[i].ns), STR_ARG(r->nodes[i].name)))
            return false;
        i = rec_skip(r, i);
    }
    return true;
}

int pol_redact(struct pol_eval *e, struct str with)
{
    bool id_gone = false, text_gone = false;
    if (!e->n_spans)
        return 0;
    qsort(e->spans, e->n_spans, sizeof *e->spans, by_place);
    uint32_t last_hit = UINT32_MAX, last_seg = UINT32_MAX;
    for (size_t i = 0; i < e->n_spans;) {
        struct pol_span s = e->spans[i++];
        for (; i < e->n_spans && e->spans[i].seg == s.seg && e->spans[i].off <= s.off + s.len; i++) { /* touching ones become one */
            uint32_t end = e->spans[i].off + e->spans[i].len;
            if (end > s.off + s.len)
                s.len = end - s.off;
        }
        if (e->seg_kinds[s.seg] == SEG_ID && e->rec->kind != REC_IQ) {
            if (!id_gone && !pol_edit(e, (struct rec_edit){ .op = REC_SET_ID, .attr = REC_NONE, .with = STR("removed") }))
                return GW_ERR(NOMEM);
            id_gone = true;
            continue;
        }
        /* the pieces of one match that runs over several segments: the word for it stands once */
        bool piece = s.hit != UINT32_MAX && s.hit == last_hit && s.seg != last_seg;
        if (!replace(e, &s, piece ? STR("") : with))
            return 0;
        enum scan_place at = e->segs[s.seg].place;
        text_gone |= at == SCAN_AT_BODY || at == SCAN_AT_SUBJECT || at == SCAN_AT_FORWARDED;
        last_hit = s.hit;
        last_seg = s.seg;
    }
    return text_gone && !drop_counting(e) ? GW_ERR(NOMEM) : 1;
}

/* What vsnprintf wrote, ending on a whole character. */
static size_t cut(const char *text, int n, size_t size)
{
    size_t len = n < 0 ? 0 : (size_t)n < size ? (size_t)n : size - 1;
    if ((size_t)n > len) {
        while (len && ((unsigned char)text[len - 1] & 0xc0) == 0x80)
            len--;
        if (len && (unsigned char)text[len - 1] >= 0xc0)
            len--;
    }
    return len;
}

bool pol_changed(struct pol_eval *e, const char *fmt, ...)
{
    char text[512];
    va_list ap;
    e->v.n_changes++;
    if (e->v.n_changed >= 200)
        return true;
    va_start(ap, fmt);
    int n = vsnprintf(text, sizeof text, fmt, ap);
    va_end(ap);
    size_t len = cut(text, n, sizeof text - 3);
    if ((size_t)n > len)
        len += (size_t)snprintf(text + len, 4, "..."); /* it is seen that it was cut */
    struct str s = arena_str(&e->arena, (struct str){ text, len });
    if (!s.p || !POL_PUSH(e, e->changed, e->v.n_changed, e->cap_changed))
        return false;
    e->changed[e->v.n_changed++] = s;
    e->v.changed = e->changed;
    return true;
}

/* Apart from pol_note, which nearly always has nothing to do, for its large local. */
static __attribute__((noinline, format(printf, 4, 0))) void note(struct pol_eval *e, enum tri answer, bool condition, const char *fmt, va_list ap)
{
    char text[1024];
    int n = vsnprintf(text, sizeof text, fmt, ap);
    size_t len = cut(text, n, sizeof text);
    struct str s = arena_str(&e->arena, (struct str){ text, len });
    if (!s.p || !POL_PUSH(e, e->steps, e->n_steps, e->cap_steps))
        return;
    e->steps[e->n_steps++] = (struct pol_step_info){ .rule = e->rule ? e->rule->id : 0, .text = s, .answer = answer, .is_condition = condition };
}

void pol_note(struct pol_eval *e, enum tri answer, bool condition, const char *fmt, ...)
{
    va_list ap;
    if (!e->explain || e->n_steps >= 100000)
        return;
    va_start(ap, fmt);
    note(e, answer, condition, fmt, ap);
    va_end(ap);
}
