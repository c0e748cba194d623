/* SPDX-License-Identifier: GPL-3.0-or-later
 * Puts the segments of a request together into one text, so that one scan sees all of them and what is split over the pieces
 * of one run of text stands in one piece. */
#include <stdlib.h>

#include "utf8.h"
#include "view.h"

void joined_init(struct joined *j)
{
    *j = (struct joined){ .ascii = true };
    buf_init(&j->text, JOIN_MAX);
}

void joined_clear(struct joined *j)
{
    buf_clear(&j->text);
    free(j->pieces);
    *j = (struct joined){ .ascii = true };
    buf_init(&j->text, JOIN_MAX);
}

static int by_group(const void *va, const void *vb)
{
    const struct piece *a = va, *b = vb;
    if (a->group != b->group)
        return a->group < b->group ? -1 : 1;
    return a->seg < b->seg ? -1 : a->seg > b->seg;
}

static int append(struct joined *j, struct piece *p, struct str text)
{
    int err;
    if (!utf8_xml(text))
        return GW_ERR(SYNTAX);
    if (!text_is_ascii(text))
        j->ascii = false;
    p->start = (uint32_t)buf_size(&j->text);
    if ((err = buf_puts(&j->text, text)))
        return err;
    p->end = (uint32_t)buf_size(&j->text);
    return 0;
}

int joined_make(struct joined *j, const struct scan_request *r)
{
    int err;
    bool sorted = true;
    buf_reset(&j->text);
    j->n = 0;
    j->ascii = true;
    if (r->n_segments > j->cap) {
        struct piece *p = reallocarray(j->pieces, r->n_segments, sizeof *p);
        if (!p)
            return GW_ERR(NOMEM);
        j->pieces = p;
        j->cap = r->n_segments;
    }
    for (size_t i = 0; i < r->n_segments; i++) {
        if (r->segments[i].text.n == 0)
            continue;
        j->pieces[j->n] = (struct piece){ .seg = (uint32_t)i, .group = r->segments[i].group };
        sorted = sorted && (j->n == 0 || j->pieces[j->n].group >= j->pieces[j->n - 1].group);
        j->n++;
    }
    if (!sorted)
        qsort(j->pieces, j->n, sizeof *j->pieces, by_group);
    for (size_t i = 0; i < j->n; i++) {
        if (i > 0 && j->pieces[i].group != j->pieces[i - 1].group && (err = buf_puts(&j->text, STR(JOIN_GAP))))
            return err;
        if ((err = append(j, &j->pieces[i], r->segments[j->pieces[i].seg].text)))
            return err;
    }
    return 0;
}

size_t joined_piece_at(const struct joined *j, uint32_t off)
{
    size_t lo = 0, hi = j->n;
    while (lo < hi) { /* first piece with end > off */
        size_t mid = lo + (hi - lo) / 2;
        if (j->pieces[mid].end > off)
            hi = mid;
        else
            lo = mid + 1;
    }
    return lo;
}
