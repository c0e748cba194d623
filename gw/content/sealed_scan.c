/* SPDX-License-Identifier: GPL-3.0-or-later
 * Looks for sealed values and for paragraphs of sealed documents in a view. */
#include <stdlib.h>

#include "dlp.h"
#include "wire.h"

#define WORDS_MAX 40u /* a value may be written in so many pieces */

static unsigned stored_words(const struct sealed *s, size_t i)
{
    return s->entries[i * s->stride + 15];
}

static bool stored_is(const struct sealed *s, size_t i, uint64_t b)
{
    struct wire w;
    wire_init(&w, s->entries + i * s->stride + 8, 8);
    return (wire_u64(&w) & ~UINT64_C(0xff)) == (b & ~UINT64_C(0xff));
}

/* "no table" is not "notable": the words are those of the value, or there is one, or each is a single letter, or there are digits in it. */
static bool written_so(const struct compact *c, size_t from, size_t to, unsigned stored)
{
    size_t words = to - from;
    bool single = true;
    if (words == 1 || stored & SEALED_DIGITS || words == (stored & ~SEALED_DIGITS))
        return true;
    for (size_t i = from; i < to && single; i++)
        single = c->starts[i + 1] - c->starts[i] == 1;
    return single;
}

static void accept(struct dlp *d, uint32_t k, const struct view *v, size_t first, size_t last)
{
    const struct mapped *m = &d->compact.m;
    size_t from = m->from[first], to = m->to[last];
    if (!memchr(v->text.p + from, 0, to - from)) /* words that stand behind each other in two places are not one value */
        (void)dlp_accept(d, k, v, from, to, OPINION_YES, false);
}

static void scan_values(struct dlp *d, uint32_t k, const struct view *v)
{
    const struct sealed *s = d->v[k]->sealed;
    const struct compact *c = &d->compact;
    const unsigned char *text = buf_data(&c->m.text);
    for (size_t i = 0; i < c->n; i++)
        for (size_t j = i + 1; j <= c->n && j - i <= WORDS_MAX; j++) {
            size_t n = c->starts[j] - c->starts[i];
            if (n > SEALED_VALUE_MAX)
                break;
            if (!(s->lengths[n / 64] >> n % 64 & 1))
                continue;
            size_t at = sealed_find(s, siphash(&s->key.a, text + c->starts[i], n));
            if (at < s->n && stored_is(s, at, siphash(&s->key.b, text + c->starts[i], n)) && written_so(c, i, j, stored_words(s, at)))
                accept(d, k, v, c->starts[i], c->starts[j] - 1);
        }
}

/* ---- fingerprints ---- */

static int by_paragraph(const void *va, const void *vb)
{
    const struct dlp_print *a = va, *b = vb;
    if (a->paragraph != b->paragraph)
        return a->paragraph < b->paragraph ? -1 : 1;
    return a->at < b->at ? -1 : a->at > b->at;
}

static int collect(struct dlp *d, const struct sealed *s)
{
    const struct compact *c = &d->compact;
    size_t n = buf_size(&c->m.text), all = n - GRAM + 1;
    d->n_prints = 0;
    if (all > d->grams_cap) {
        uint64_t *g = reallocarray(d->grams, all, sizeof *g);
        if (!g)
            return GW_ERR(NOMEM);
        d->grams = g;
        d->grams_cap = all;
    }
    grams(&s->key, buf_data(&c->m.text), n, d->grams);
    for (size_t i = 0; i < all; i++)
        for (size_t at = sealed_find(s, d->grams[i]); at < s->n && sealed_entry_hash(s, at) == d->grams[i]; at++) {
            struct wire w;
            wire_init(&w, s->entries + at * s->stride + 8, 4);
            if (d->n_prints == DLP_MATCHES_MAX)
                return GW_ERR(LIMIT);
            if (d->n_prints == d->prints_cap) {
                size_t cap = d->prints_cap ? d->prints_cap * 2 : 256;
                struct dlp_print *p = reallocarray(d->prints, cap, sizeof *p);
                if (!p)
                    return GW_ERR(NOMEM);
                d->prints = p;
                d->prints_cap = cap;
            }
            d->prints[d->n_prints++] = (struct dlp_print){ wire_u32(&w), (uint32_t)at, (uint32_t)i };
        }
    return 0;
}

static int by_entry(const void *va, const void *vb)
{
    const struct dlp_print *a = va, *b = vb;
    return a->entry < b->entry ? -1 : a->entry > b->entry;
}

/* How many different fingerprints. Leaves them in another order. */
static size_t count_different(struct dlp_print *p, size_t n)
{
    size_t count = 0;
    qsort(p, n, sizeof *p, by_entry);
    for (size_t i = 0; i < n; i++)
        count += i == 0 || p[i].entry != p[i - 1].entry;
    return count;
}

/* Fingerprints of one paragraph stand at most WINDOW apart, so what lies between two is its text too, and up to so much around them. */
static void accept_runs(struct dlp *d, uint32_t k, const struct view *v, struct dlp_print *p, size_t n)
{
    size_t last = buf_size(&d->compact.m.text) - 1;
    const struct mapped *m = &d->compact.m;
    qsort(p, n, sizeof *p, by_paragraph);
    for (size_t i = 0; i < n && !d->err;) {
        size_t from = p[i].at > WINDOW ? p[i].at - WINDOW : 0, to = p[i].at + GRAM;
        for (i++; i < n && p[i].at <= to + 2 * WINDOW; i++)
            to = p[i].at + GRAM;
        to = to + WINDOW < last ? to + WINDOW : last;
        (void)dlp_accept(d, k, v, m->from[from], m->to[to], OPINION_YES, false);
    }
}

static void scan_prints(struct dlp *d, uint32_t k, const struct view *v)
{
    const struct sealed *s = d->v[k]->sealed;
    if (buf_size(&d->compact.m.text) < GRAM)
        return;
    int err = collect(d, s);
    if (err) {
        d->err = err;
        return;
    }
    if (d->n_prints)
        qsort(d->prints, d->n_prints, sizeof *d->prints, by_paragraph);
    for (size_t i = 0, end; i < d->n_prints; i = end) {
        struct wire w;
        for (end = i; end < d->n_prints && d->prints[end].paragraph == d->prints[i].paragraph; end++)
            ;
        wire_init(&w, s->paragraphs + (size_t)d->prints[i].paragraph * 4, 4);
        size_t total = wire_u32(&w), need = (total * (size_t)d->v[k]->overlap + 99) / 100;
        if (count_different(d->prints + i, end - i) >= (need ? need : 1))
            accept_runs(d, k, v, d->prints + i, end - i);
    }
}

int dlp_sealed_scan(struct dlp *d, const struct view *v)
{
    int err = d->n_sealed ? compact_make(&d->compact, v) : 0;
    for (size_t i = 0; i < d->n_sealed && !err && d->compact.n; i++) {
        uint32_t k = d->sealed_detectors[i];
        if (d->v[k]->sealed->kind == SEALED_VALUES)
            scan_values(d, k, v);
        else
            scan_prints(d, k, v);
        err = d->err;
    }
    return err;
}
