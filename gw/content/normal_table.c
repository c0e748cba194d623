/* SPDX-License-Identifier: GPL-3.0-or-later
 * What each character becomes in the normal form: from ICU's properties, decompositions and confusables. */
#include "normal_table.h"

#include <stdlib.h>
#include <unicode/uchar.h>
#include <unicode/uscript.h>
#include <unicode/utf16.h>

struct fold *fold_new(void)
{
    UErrorCode e = U_ZERO_ERROR;
    struct fold *f = calloc(1, sizeof *f);
    if (!f)
        return NULL;
    f->nfkd = unorm2_getNFKDInstance(&e);
    f->spoof = uspoof_open(&e);
    if (U_FAILURE(e)) {
        fold_free(f);
        return NULL;
    }
    /* the blocks that chat is mostly made of, so that the first stanzas do not wait for them */
    static const uint32_t common[] = { 0x80, 0x100, 0x300, 0x400, 0x2000, 0x2100, 0xfe00, 0xff00, 0x1d400, 0x1f600 };
    for (size_t i = 0; i < sizeof common / sizeof *common; i++)
        (void)fold_entry(f, common[i]);
    return f;
}

void fold_free(struct fold *f)
{
    if (!f)
        return;
    uspoof_close(f->spoof);
    for (size_t i = 0; i < 0x1100; i++)
        free(f->page[i]);
    free(f->pool);
    free(f);
}

/* ---- characters that are dropped ---- */

static bool is_overlay(uint32_t c)
{
    return (c >= 0x334 && c <= 0x338) || c == 0x20d2 || c == 0x20d3 || (c >= 0x20d8 && c <= 0x20da) || c == 0x20e5 || c == 0x20e6 ||
        c == 0x20ea || c == 0x20eb;
}

static bool is_bidi_control(uint32_t c)
{
    return (c >= 0x202a && c <= 0x202e) || (c >= 0x2066 && c <= 0x2069) || (c >= 0x206a && c <= 0x206f);
}

/* -1: not dropped */
static int why_dropped(uint32_t c)
{
    if (is_bidi_control(c))
        return NOTE_BIDI;
    if (c == 0x200e || c == 0x200f || c == 0x61c)
        return NOTE_BIDI_MARK;
    if (c == 0x200d)
        return DROP_ZWJ;
    if (c == 0x200c)
        return DROP_ZWNJ;
    if (c == 0xfe0e || c == 0xfe0f)
        return DROP_EMOJI_SELECTOR;
    if ((c >= 0xfe00 && c <= 0xfe0d) || (c >= 0xe0100 && c <= 0xe01ef))
        return DROP_IDEOGRAPH_SELECTOR;
    if (c >= 0xe0000 && c <= 0xe007f)
        return DROP_TAG;
    if (is_overlay(c))
        return NOTE_OVERLAY;
    int type = u_charType((UChar32)c);
    UErrorCode e = U_ZERO_ERROR;
    if (u_hasBinaryProperty((UChar32)c, UCHAR_DEFAULT_IGNORABLE_CODE_POINT) || type == U_FORMAT_CHAR)
        return NOTE_INVISIBLE;
    if ((type == U_NON_SPACING_MARK || type == U_ENCLOSING_MARK) && uscript_getScript((UChar32)c, &e) == USCRIPT_INHERITED)
        return DROP_ACCENT;
    return -1;
}

/* ---- characters that look like one of ASCII ---- */

struct range { uint32_t first, last; char base; };
/* Letters in boxes and as flags have no decomposition; a reader sees the letter. */
static const struct range boxed[] = { { 0x1f150, 0x1f169, 'A' }, { 0x1f170, 0x1f189, 'A' }, { 0x1f1e6, 0x1f1ff, 'A' } };
struct single { uint32_t c; char ascii; };
/* Small capitals and other letters that readers take for ASCII, and marks that do a full stop's or a hyphen's work. */
static const struct single singles[] = { { 0x1d00, 'a' }, { 0x299, 'b' }, { 0x1d04, 'c' }, { 0x1d05, 'd' }, { 0x1d07, 'e' }, { 0xa730, 'f' },
    { 0x262, 'g' }, { 0x29c, 'h' }, { 0x26a, 'i' }, { 0x1d0a, 'j' }, { 0x1d0b, 'k' }, { 0x29f, 'l' }, { 0x1d0d, 'm' }, { 0x274, 'n' },
    { 0x1d0f, 'o' }, { 0x1d18, 'p' }, { 0xa7af, 'q' }, { 0x280, 'r' }, { 0xa731, 's' }, { 0x1d1b, 't' }, { 0x1d1c, 'u' }, { 0x1d20, 'v' },
    { 0x1d21, 'w' }, { 0x28f, 'y' }, { 0x1d22, 'z' }, { 0x3002, '.' }, { 0xff61, '.' }, { 0x30fb, '.' }, { 0xb7, '.' }, { 0x2022, '.' }, { 0x2212, '-' },
    { 0x2043, '-' }, { 0x2028, '\n' }, { 0x2029, '\n' }, { 0x85, '\n' }, { 0x2800, ' ' }, { 0x2044, '/' }, { 0x2215, '/' }, { 0x2236, ':' },
    { 0xa789, ':' }, { 0x2217, '*' }, { 0x2039, '<' }, { 0x203a, '>' }, { 0x2018, '\'' }, { 0x2019, '\'' }, { 0x201c, '"' }, { 0x201d, '"' },
    { 0x2032, '\'' }, { 0x2033, '"' }, { 0x2da, 0 }, { 0xba, 0 }, { 0xb0, 0 }, { 0xa7, 0 } };

static int by_hand(uint32_t c, uint32_t *ret)
{
    for (size_t i = 0; i < sizeof boxed / sizeof *boxed; i++)
        if (c >= boxed[i].first && c <= boxed[i].last) {
            *ret = (unsigned char)boxed[i].base + c - boxed[i].first;
            return 1;
        }
    for (size_t i = 0; i < sizeof singles / sizeof *singles; i++)
        if (c == singles[i].c) {
            *ret = singles[i].ascii ? (unsigned char)singles[i].ascii : c; /* 0: stays itself (degree sign...) */
            return 1;
        }
    if (u_getIntPropertyValue((UChar32)c, UCHAR_NUMERIC_TYPE) == U_NT_DIGIT || u_getIntPropertyValue((UChar32)c, UCHAR_NUMERIC_TYPE) == U_NT_DECIMAL) {
        *ret = '0' + (uint32_t)u_getNumericValue((UChar32)c);
        return 1;
    }
    int type = u_charType((UChar32)c);
    if (type == U_DASH_PUNCTUATION || type == U_SPACE_SEPARATOR) {
        *ret = type == U_DASH_PUNCTUATION ? '-' : ' ';
        return 1;
    }
    return 0;
}

/* ICU's skeleton, where it is one ASCII character. It stands for several ("l" for l, I, 1; "O" for O, 0): a capital stays one. */
static uint32_t skeleton(struct fold *f, uint32_t c)
{
    UChar in[2], out[32];
    UErrorCode e = U_ZERO_ERROR;
    int32_t n = 0;
    uint32_t found = 0;
    U16_APPEND_UNSAFE(in, n, (UChar32)c);
    int32_t len = uspoof_getSkeleton(f->spoof, 0, in, n, out, 32, &e);
    if (U_FAILURE(e) || len > 32)
        return c;
    for (int32_t i = 0; i < len;) {
        UChar32 s;
        U16_NEXT(out, i, len, s);
        if (why_dropped((uint32_t)s) >= 0)
            continue;
        if (found || s >= 0x80)
            return c;
        found = (uint32_t)s;
    }
    if (found == 'l' && u_isupper((UChar32)c))
        return 'I';
    return found ? found : c;
}

static uint32_t look(struct fold *f, uint32_t c)
{
    uint32_t r;
    if (c < 0x80 || by_hand(c, &r))
        return c < 0x80 ? c : r;
    r = skeleton(f, c);
    return r < 0x80 ? r : (uint32_t)u_foldCase((UChar32)c, U_FOLD_CASE_DEFAULT);
}

/* ---- the table ---- */

static uint32_t pool_text(struct fold *f, const char *p, size_t n, uint32_t otherwise)
{
    if (f->pool_len + n + 1 > f->pool_cap) {
        size_t cap = f->pool_cap ? f->pool_cap * 2 : 4096;
        unsigned char *q = realloc(f->pool, cap);
        if (!q)
            return FOLD_IS_CHAR | otherwise;
        f->pool = q;
        f->pool_cap = cap;
    }
    uint32_t at = (uint32_t)f->pool_len;
    f->pool[at] = (unsigned char)n;
    memcpy(f->pool + at + 1, p, n);
    f->pool_len += n + 1;
    return FOLD_IS_TEXT | at;
}

static uint32_t make_entry(struct fold *f, uint32_t c)
{
    UChar out[64];
    UErrorCode e = U_ZERO_ERROR;
    char text[FOLD_MAX];
    size_t n = 0;
    uint32_t one = 0, count = 0;
    int why = why_dropped(c);
    if (c >= 0xd800 && c <= 0xdfff)
        return FOLD_IS_CHAR | 0xfffd;
    if (why >= 0)
        return FOLD_IS_DROPPED | (uint32_t)why;
    if (by_hand(c, &one))
        return FOLD_IS_CHAR | one;
    int32_t len = unorm2_getDecomposition(f->nfkd, (UChar32)c, out, 64, &e);
    if (U_FAILURE(e) || len < 0)
        return FOLD_IS_CHAR | look(f, c);
    for (int32_t i = 0; i < len && n + 4 <= sizeof text;) {
        UChar32 d;
        U16_NEXT(out, i, len, d);
        if (d >= 0x80 && why_dropped((uint32_t)d) >= 0)
            continue;
        one = look(f, (uint32_t)d);
        n += put_utf8(one, text + n);
        count++;
    }
    if (count == 0)
        return FOLD_IS_DROPPED | DROP_ACCENT;
    return count == 1 ? FOLD_IS_CHAR | one : pool_text(f, text, n, c);
}

uint32_t fold_entry(struct fold *f, uint32_t c)
{
    if (c > 0x10ffff)
        return FOLD_IS_CHAR | 0xfffd;
    uint32_t *page = f->page[c >> 8];
    if (!page) {
        page = calloc(256, sizeof *page);
        if (!page)
            return FOLD_IS_CHAR | c;
        for (uint32_t i = 0; i < 256; i++) {
            uint32_t x = (c & ~0xffu) + i;
            page[i] = x < 0x80 ? FOLD_IS_CHAR | x : make_entry(f, x);
        }
        f->page[c >> 8] = page;
    }
    return page[c & 0xff];
}
