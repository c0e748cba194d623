/* SPDX-License-Identifier: GPL-3.0-or-later
 * One text in all its forms: as it came, in normal form, with escapes replaced, and what its encoded tokens hold; the same for those,
 * to a fixed depth and within a budget. */
#include <stdlib.h>

#include "impl.h"

#define FILE_MIN 16u /* opened bytes from which on the rules for files look at them */

void forms_init(struct forms *f)
{
    mapped_init(&f->normal);
    mapped_init(&f->unescaped);
    mapped_init(&f->opened);
    f->list.n = 0;
    buf_init(&f->list.bytes, JOIN_MAX);
}

void forms_clear(struct forms *f)
{
    mapped_clear(&f->normal);
    mapped_clear(&f->unescaped);
    mapped_clear(&f->opened);
    buf_clear(&f->list.bytes);
}

/* The clock is read only where the one follows the other. */
static void count_for(struct content *c, uint64_t *whose)
{
    if (c->at == whose)
        return;
    uint64_t now = content_now();
    *c->at += now - c->clock;
    c->clock = now;
    c->at = whose;
}

int run_yara(struct content *c, struct yara_set *set, const struct view *v)
{
    count_for(c, &c->yara_ns);
    return yara_scan(set, v, &c->hits);
}

static int run_dlp(struct content *c, const struct view *v, bool across)
{
    count_for(c, &c->dlp_ns);
    return dlp_scan(&c->dlp, v, across);
}

/* Does a person read piece i - 1 right before piece i, though they are not one run of text? */
static bool read_together(const struct content *c, size_t i)
{
    const struct joined *j = &c->joined;
    if (i == 0 || i >= j->n || j->pieces[i].group == j->pieces[i - 1].group)
        return false;
    for (size_t k = i - 1; k <= i; k++) {
        uint8_t place = c->dlp.request->segments[j->pieces[k].seg].place;
        if (place != SCAN_AT_BODY && place != SCAN_AT_SUBJECT && place != SCAN_AT_THREAD && place != SCAN_AT_STATUS)
            return false;
    }
    return true;
}

/* Numbers split over subject and body: the gaps between groups become blanks, of the same length, so that the way back is the same. */
static int look_across(struct content *c, const struct view *v)
{
    const struct joined *j = &c->joined;
    const struct measure *m = &c->dlp.measure;
    bool any = false;
    for (size_t i = 1; i < j->n && !any; i++)
        any = read_together(c, i);
    if (!any || c->dlp.n_digit_detectors == 0 || !m->digits || (m->near < c->dlp.least_digits && !c->dlp.any_leet_digits))
        return 0;
    mapped_reset(&c->across);
    int err = mapped_copy(&c->across, v, 0, v->text.n);
    if (err)
        return err;
    unsigned char *p = c->across.text.p + c->across.text.off;
    for (size_t i = 1; i + 1 < v->text.n; i++)
        if (p[i] == 0 && read_together(c, joined_piece_at(j, view_from(v, i))))
            p[i - 1] = p[i] = p[i + 1] = ' ';
    struct view across = mapped_view(&c->across);
    return run_dlp(c, &across, true);
}

static int look_at_files(struct content *c, const struct view *raw, const struct opened_list *list)
{
    int err = 0;
    for (size_t i = 0; i < list->n && c->files.all.scanner && !err; i++) {
        const struct opened *o = &list->v[i];
        if (o->end - o->start < FILE_MIN)
            continue;
        struct view one = { .text = { raw->text.p + o->start, o->end - o->start }, .from = raw->from + o->start, .to = raw->to + o->start };
        err = run_yara(c, &c->files, &one);
    }
    return err;
}

/* What the tokens hold: bytes for YARA, then as text for everything else. */
static int look_at_opened(struct content *c, const struct view *n, const struct measure *m, unsigned depth)
{
    struct forms *f = &c->forms[depth];
    int err = open_tokens(n, m, &f->opened, &f->list);
    if (err || f->list.n == 0)
        return err;
    struct view raw = mapped_view(&f->opened);
    err = run_yara(c, &c->stanza, &raw);
    err = err ? err : look_at_files(c, &raw, &f->list);
    if (err)
        return err;
    opened_to_text(&f->opened, &f->list);
    struct view text = mapped_view(&f->opened);
    return look_at_text(c, &text, depth + 1, false);
}

int look_at_text(struct content *c, const struct view *v, unsigned depth, bool scan_yara)
{
    struct forms *f = &c->forms[depth];
    struct view normal = *v;
    bool any = false;
    int err = 0;
    if (v->text.n > c->budget)
        return GW_ERR(LIMIT);
    c->budget -= v->text.n;
    if (scan_yara)
        err = run_yara(c, &c->stanza, v);
    if (!err && !text_is_ascii(v->text)) {
        err = fold_text(c->fold, v, &f->normal, depth == 0 ? &c->hits : NULL);
        normal = mapped_view(&f->normal);
        err = err ? err : run_yara(c, &c->stanza, &normal);
    }
    err = err ? err : run_dlp(c, &normal, false);
    struct measure m = c->dlp.measure;
    if (!err && depth == 0)
        err = look_across(c, &normal);
    if (err || depth + 1 == CONTENT_DEPTH)
        return err;
    err = open_escapes(&normal, &f->unescaped, &any);
    if (!err && any) {
        struct view u = mapped_view(&f->unescaped);
        err = look_at_text(c, &u, depth + 1, true);
    }
    return err ? err : look_at_opened(c, &normal, &m, depth);
}
