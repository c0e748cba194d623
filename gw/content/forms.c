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

static int run_yara(struct content *c, struct yara_set *set, const struct view *v)
{
    uint64_t t = content_now();
    int err = yara_scan(set, v, &c->hits);
    c->yara_ns += content_now() - t;
    return err;
}

static int run_dlp(struct content *c, const struct view *v, bool across)
{
    uint64_t t = content_now();
    int err = dlp_scan(&c->dlp, v, across);
    c->dlp_ns += content_now() - t;
    return err;
}

/* Numbers split over subject and body: the gaps between groups become blanks, of the same length, so that the way back is the same. */
static int look_across(struct content *c, const struct view *v)
{
    const struct joined *j = &c->joined;
    bool any = false;
    for (size_t i = 1; i < j->n && !any; i++)
        any = j->pieces[i].group != j->pieces[i - 1].group;
    if (!any || c->dlp.n_digit_detectors == 0)
        return 0;
    mapped_reset(&c->across);
    int err = mapped_copy(&c->across, v, 0, v->text.n);
    if (err)
        return err;
    unsigned char *p = c->across.text.p + c->across.text.off;
    for (size_t i = 1; i + 1 < v->text.n; i++) {
        if (p[i] != 0)
            continue;
        /* only where a person reads one behind the other */
        size_t a = joined_piece_at(j, view_from(v, i)), before = a ? a - 1 : 0;
        bool both = a < j->n;
        for (size_t k = 0; both && k < 2; k++) {
            uint8_t place = c->dlp.request->segments[j->pieces[k ? a : before].seg].place;
            both = place == SCAN_AT_BODY || place == SCAN_AT_SUBJECT || place == SCAN_AT_THREAD || place == SCAN_AT_STATUS;
        }
        if (both)
            p[i - 1] = p[i] = p[i + 1] = ' ';
    }
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
static int look_at_opened(struct content *c, const struct view *n, unsigned depth)
{
    struct forms *f = &c->forms[depth];
    int err = open_tokens(n, &f->opened, &f->list);
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
    if (!err && depth == 0)
        err = look_across(c, &normal);
    if (err || depth + 1 == CONTENT_DEPTH)
        return err;
    err = open_escapes(&normal, &f->unescaped, &any);
    if (!err && any) {
        struct view u = mapped_view(&f->unescaped);
        err = look_at_text(c, &u, depth + 1, true);
    }
    return err ? err : look_at_opened(c, &normal, depth);
}
