/* SPDX-License-Identifier: GPL-3.0-or-later
 * Text into its normal form, with the way back, and what can be said about characters that were ignored. */
#include "normal.h"

#include <unicode/uchar.h>

#include "normal_table.h"
#include "utf8.h"

const char *text_note_name(enum text_note n)
{
    static const char *const names[] = {
#define X(name, text, about) text,
        TEXT_NOTES(X)
#undef X
    };
    return (unsigned)n < NOTE_COUNT ? names[n] : "?";
}

const char *text_note_about(enum text_note n)
{
    static const char *const abouts[] = {
#define X(name, text, about) about,
        TEXT_NOTES(X)
#undef X
    };
    return (unsigned)n < NOTE_COUNT ? abouts[n] : "?";
}

size_t fold_char(struct fold *f, uint32_t c, char out[FOLD_MAX])
{
    uint32_t e = fold_entry(f, c), low = e & ~FOLD_KIND_MASK;
    if ((e & FOLD_KIND_MASK) == FOLD_IS_DROPPED)
        return 0;
    if ((e & FOLD_KIND_MASK) == FOLD_IS_CHAR)
        return put_utf8(low, out);
    memcpy(out, f->pool + low + 1, f->pool[low]);
    return f->pool[low];
}

/* ---- is an ignored character in its proper place? (RFC 5892 appendix A.1, A.2; UTS 51) ---- */

struct place { struct str text; size_t at, next; uint32_t before; /* the last character that was not dropped */ uint32_t just_before; };

static uint32_t peek(struct str s, size_t off)
{
    return off < s.n ? utf8_next(s, &off) : 0;
}

static bool joins(uint32_t c)
{
    int t = u_getIntPropertyValue((UChar32)c, UCHAR_JOINING_TYPE);
    return t == U_JT_DUAL_JOINING || t == U_JT_LEFT_JOINING || t == U_JT_RIGHT_JOINING;
}

static bool joiner_is_proper(const struct place *p, bool zwj)
{
    uint32_t after = peek(p->text, p->next);
    if (u_getCombiningClass((UChar32)p->just_before) == 9) /* virama */
        return true;
    if (zwj && u_hasBinaryProperty((UChar32)p->before, UCHAR_EXTENDED_PICTOGRAPHIC) &&
        u_hasBinaryProperty((UChar32)after, UCHAR_EXTENDED_PICTOGRAPHIC))
        return true;
    return !zwj && joins(p->just_before) && joins(after);
}

/* The three flags of this kind that are in use, as one sequence behind the black flag; `at` is any of its tags. */
static bool tag_is_flag(const struct place *p)
{
    static const char *const flags[] = { "gbeng", "gbsct", "gbwls" };
    size_t start = p->at, off;
    char got[8];
    /* each character here has 4 bytes: tags, and the flag itself */
    while (start >= 4 && (peek(p->text, start - 4) & ~0x7fu) == 0xe0000)
        start -= 4;
    if (start < 4 || peek(p->text, start - 4) != 0x1f3f4)
        return false;
    size_t n = 0;
    for (off = start; off < p->text.n && n < 6;) {
        uint32_t c = utf8_next(p->text, &off);
        if ((c & ~0x7fu) != 0xe0000)
            return false;
        got[n++] = (char)(c & 0x7f);
    }
    if (n != 6 || got[5] != 0x7f || p->at >= off)
        return false;
    for (size_t i = 0; i < 3; i++)
        if (memcmp(flags[i], got, 5) == 0)
            return true;
    return false;
}

static bool improper(const struct place *p, uint32_t why, enum text_note *ret)
{
    *ret = why < NOTE_COUNT ? (enum text_note)why : NOTE_INVISIBLE;
    switch (why) {
    case DROP_ACCENT:
        return false;
    case DROP_ZWJ:
        return !joiner_is_proper(p, true);
    case DROP_ZWNJ:
        return !joiner_is_proper(p, false);
    case DROP_EMOJI_SELECTOR:
        return !u_hasBinaryProperty((UChar32)p->just_before, UCHAR_EMOJI);
    case DROP_IDEOGRAPH_SELECTOR:
        return !u_hasBinaryProperty((UChar32)p->just_before, UCHAR_IDEOGRAPHIC);
    case DROP_TAG:
        *ret = NOTE_TAG;
        return !tag_is_flag(p);
    default:
        return true;
    }
}

/* ---- the text ---- */

#define ACCENTS_MAX 4

struct folding {
    struct fold *f;
    const struct view *in;
    struct mapped *out;
    struct hits *notes;
    struct place place;
    unsigned accents;
};

/* An ignored character belongs to the one before it: what is cut out takes it along. */
static void drop(struct folding *g, uint32_t why, uint32_t from, uint32_t to)
{
    enum text_note note;
    size_t n = buf_size(&g->out->text);
    const unsigned char *p = buf_data(&g->out->text);
    uint32_t old = n ? g->out->to[n - 1] : 0;
    for (size_t i = n; old < to && i > 0 && g->out->to[i - 1] == old && p[i - 1] != 0 && old <= from; i--)
        g->out->to[i - 1] = to;
    if (!g->notes)
        return;
    if (why == DROP_ACCENT && ++g->accents > ACCENTS_MAX)
        hits_add(g->notes, SCAN_TEXT, text_note_name(NOTE_STACKED), from, to, 100);
    else if (improper(&g->place, why, &note))
        hits_add(g->notes, SCAN_TEXT, text_note_name(note), from, to, 100);
}

static int keep(struct folding *g, uint32_t entry, uint32_t from, uint32_t to)
{
    uint32_t low = entry & ~FOLD_KIND_MASK;
    g->accents = 0;
    if ((entry & FOLD_KIND_MASK) == FOLD_IS_CHAR)
        return mapped_put_char(g->out, low, from, to);
    return mapped_put(g->out, g->f->pool + low + 1, g->f->pool[low], from, to);
}

int fold_text(struct fold *f, const struct view *in, struct mapped *out, struct hits *notes)
{
    struct folding g = { .f = f, .in = in, .out = out, .notes = notes, .place = { .text = in->text } };
    struct str s = in->text;
    int err = 0;
    mapped_reset(out);
    for (size_t off = 0; off < s.n && !err;) {
        size_t at = off;
        while (off < s.n && (unsigned char)s.p[off] < 0x80)
            off++;
        if (off > at) {
            err = mapped_copy(out, in, at, off - at);
            g.place.before = g.place.just_before = (unsigned char)s.p[off - 1];
            g.accents = 0;
            continue;
        }
        uint32_t c = utf8_next(s, &off), e = fold_entry(f, c);
        uint32_t from = view_from(in, at), to = view_to(in, off - 1);
        g.place.at = at;
        g.place.next = off;
        if ((e & FOLD_KIND_MASK) == FOLD_IS_DROPPED)
            drop(&g, e & ~FOLD_KIND_MASK, from, to);
        else {
            err = keep(&g, e, from, to);
            /* a skin tone stands between an emoji and its joiner */
            if (!u_hasBinaryProperty((UChar32)c, UCHAR_EMOJI_MODIFIER))
                g.place.before = c;
        }
        g.place.just_before = c;
    }
    return err;
}
