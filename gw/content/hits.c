/* SPDX-License-Identifier: GPL-3.0-or-later
 * What was found: collected in coordinates of the joined text, tidied, and handed out as spans of segments. */
#include "hits.h"

#include <stdlib.h>

void hits_init(struct hits *h)
{
    *h = (struct hits){ 0 };
}

void hits_clear(struct hits *h)
{
    free(h->v);
    *h = (struct hits){ 0 };
}

void hits_add(struct hits *h, enum scan_source source, const char *rule, uint32_t start, uint32_t end, unsigned confidence)
{
    if (h->err)
        return;
    if (h->n == HITS_MAX) {
        h->err = GW_ERR(LIMIT);
        return;
    }
    if (h->n == h->cap) {
        size_t cap = h->cap ? h->cap * 2 : 64;
        struct hit *v = reallocarray(h->v, cap, sizeof *v);
        if (!v) {
            h->err = GW_ERR(NOMEM);
            return;
        }
        h->v = v;
        h->cap = cap;
    }
    h->v[h->n++] = (struct hit){ .source = (uint8_t)source, .confidence = (uint8_t)(confidence > 100 ? 100 : confidence), .rule = rule,
        .start = start, .end = end };
}

static bool same_rule(const struct hit *a, const struct hit *b)
{
    return a->source == b->source && strcmp(a->rule, b->rule) == 0;
}

static int by_rule_and_span(const void *va, const void *vb)
{
    const struct hit *a = va, *b = vb;
    if (a->source != b->source)
        return a->source < b->source ? -1 : 1;
    int c = strcmp(a->rule, b->rule);
    if (c)
        return c;
    if (a->start != b->start)
        return a->start < b->start ? -1 : 1;
    return a->end < b->end ? -1 : a->end > b->end;
}

void hits_tidy(struct hits *h)
{
    size_t out = 0;
    if (h->n > 1)
        qsort(h->v, h->n, sizeof *h->v, by_rule_and_span);
    for (size_t i = 0; i < h->n; i++) {
        struct hit x = h->v[i], *last = out ? &h->v[out - 1] : NULL;
        if (last && same_rule(last, &x)) {
            if (x.start == NO_SPAN) /* sorts behind those with a span */
                continue;
            if (x.start < last->end || (x.start == last->start && x.end == last->end)) {
                if (x.end > last->end)
                    last->end = x.end;
                if (x.confidence > last->confidence)
                    last->confidence = x.confidence;
                continue;
            }
        }
        h->v[out++] = x;
    }
    h->n = out;
}

static bool inside_char(const unsigned char *p, uint32_t n, uint32_t off)
{
    return off < n && (p[off] & 0xc0) == 0x80;
}

static int put_match(struct scan_result *ret, const struct hit *x, uint32_t hit, uint32_t seg, uint32_t off, uint32_t len, struct str rule)
{
    if (ret->n_matches == SCAN_MATCHES_MAX)
        return GW_ERR(LIMIT);
    ret->matches[ret->n_matches++] = (struct scan_match){ .source = x->source, .hit = hit, .seg = seg, .off = off, .len = len,
        .confidence = x->confidence, .meta = x->meta, .rule = rule };
    return 0;
}

/* One hit: a match for each piece that it touches; whole characters only. A hit that touches none (it lay in a gap) keeps no span. */
static int split_hit(const struct hit *x, uint32_t number, const struct joined *j, struct scan_result *ret, struct str rule)
{
    const unsigned char *text = buf_data(&j->text);
    uint32_t n = (uint32_t)buf_size(&j->text), start = x->start, end = x->end;
    bool any = false;
    int err = 0;
    if (start != NO_SPAN) {
        if (end > n)
            end = n;
        while (start > 0 && inside_char(text, n, start))
            start--;
        while (end < n && inside_char(text, n, end))
            end++;
        for (size_t i = joined_piece_at(j, start); i < j->n && j->pieces[i].start < end && !err; i++) {
            const struct piece *p = &j->pieces[i];
            uint32_t from = start > p->start ? start : p->start, to = end < p->end ? end : p->end;
            if (from >= to)
                continue;
            err = put_match(ret, x, number, p->seg, from - p->start, to - from, rule);
            any = true;
        }
    }
    return err || any ? err : put_match(ret, x, number, UINT32_MAX, 0, 0, rule);
}

int hits_to_matches(const struct hits *h, const struct joined *j, struct arena *a, struct scan_result *ret)
{
    if (h->err)
        return h->err;
    ret->n_matches = 0;
    if (h->n == 0)
        return 0;
    if (h->n > SCAN_MATCHES_MAX)
        return GW_ERR(LIMIT);
    ret->matches = arena_alloc(a, SCAN_MATCHES_MAX * sizeof *ret->matches);
    if (!ret->matches)
        return GW_ERR(NOMEM);
    struct str rule = STR_NONE;
    for (size_t i = 0; i < h->n; i++) {
        if (i == 0 || !same_rule(&h->v[i - 1], &h->v[i])) {
            rule = arena_str(a, str_c(h->v[i].rule));
            if (!rule.p)
                return GW_ERR(NOMEM);
        }
        int err = split_hit(&h->v[i], (uint32_t)i, j, ret, rule);
        if (err)
            return err;
    }
    return 0;
}
