/* SPDX-License-Identifier: GPL-3.0-or-later
 * Two more ways to read normal text, for detectors that ask for it: letters alone with digits read as letters, and numbers with letters
 * read as digits. */
#include <unicode/uchar.h>

#include "dlp.h"
#include "utf8.h"

/* i and l are one, since 1, ! and | stand for both. 0: no letter. */
static char letter_of(unsigned char c)
{
    static const char other[128] = { ['0'] = 'o', ['1'] = 'l', ['3'] = 'e', ['4'] = 'a', ['5'] = 's', ['7'] = 't', ['8'] = 'b', ['9'] = 'g', ['2'] = 'z',
        ['6'] = 'g', ['@'] = 'a', ['$'] = 's', ['!'] = 'l', ['|'] = 'l', ['+'] = 't', ['i'] = 'l', ['I'] = 'l' };
    if (other[c])
        return other[c];
    if (c >= 'A' && c <= 'Z')
        return (char)(c + 32);
    return c >= 'a' && c <= 'z' ? (char)c : 0;
}

/* "rn" looks like m, "vv" like w; only where nothing stands between. */
static bool join_pair(struct mapped *out, char c, uint32_t from, uint32_t to)
{
    size_t n = buf_size(&out->text);
    unsigned char *last = n ? out->text.p + out->text.off + n - 1 : NULL;
    char both = last && *last == 'r' && c == 'n' ? 'm' : last && *last == 'v' && c == 'v' ? 'w' : 0;
    if (!both || out->to[n - 1] != from)
        return false;
    *last = (unsigned char)both;
    out->to[n - 1] = to;
    return true;
}

/* The map of `out` leads to positions in the text of `in`, not to the original: the gaps between letters are looked at afterwards. */
int dlp_letters(const struct view *in, struct mapped *out)
{
    struct str s = in->text;
    int err = 0;
    mapped_reset(out);
    for (size_t off = 0; off < s.n && !err;) {
        size_t at = off;
        unsigned char c = (unsigned char)s.p[off];
        if (c < 0x80) {
            off++;
            char l = letter_of(c);
            if (l && !join_pair(out, l, (uint32_t)at, (uint32_t)off))
                err = mapped_put(out, &l, 1, (uint32_t)at, (uint32_t)off);
            continue;
        }
        uint32_t u = utf8_next(s, &off);
        if (u_isalnum((UChar32)u))
            err = mapped_put(out, s.p + at, off - at, (uint32_t)at, (uint32_t)off);
    }
    return err;
}

bool dlp_unspaced(uint32_t c)
{
    return (c >= 0x1100 && c < 0x1200) || (c >= 0x2e80 && c < 0xa4d0) || (c >= 0xac00 && c < 0xd7b0) || (c >= 0xe00 && c < 0xf00) || c >= 0x20000;
}

int dlp_words(const struct view *in, struct mapped *out)
{
    struct str s = in->text;
    bool gap = true;
    mapped_reset(out);
    int err = mapped_put(out, " ", 1, 0, 0);
    for (size_t off = 0; off < s.n && !err;) {
        size_t at = off;
        unsigned char c = (unsigned char)s.p[off];
        bool word = c < 0x80 ? (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') : u_isalnum((UChar32)utf8_next(s, &off));
        if (c < 0x80)
            off++;
        if (word)
            err = mapped_put(out, s.p + at, off - at, (uint32_t)at, (uint32_t)off);
        else if (!gap)
            err = mapped_put(out, " ", 1, (uint32_t)at, (uint32_t)off);
        gap = !word;
    }
    return err || gap ? err : mapped_put(out, " ", 1, (uint32_t)s.n, (uint32_t)s.n);
}

static char digit_of(char c)
{
    switch (c) {
    case 'O': case 'o': case 'Q': case 'D': return '0';
    case 'l': case 'I': case 'i': return '1';
    case 'Z': case 'z': return '2';
    case 'E': return '3';
    case 'A': return '4';
    case 'S': case 's': return '5';
    case 'G': case 'b': return '6';
    case 'T': return '7';
    case 'B': return '8';
    case 'g': case 'q': return '9';
    default: return 0;
    }
}

static bool token_char(char c)
{
    return (c >= '0' && c <= '9') || digit_of(c);
}

/* Groups of letters that could be digits count when a group with a real digit stands next to them, or they hold one. */
bool dlp_look_digits(const struct view *in, struct mapped *out, int *ret_err)
{
    struct str s = in->text;
    bool any = false, before = false;
    *ret_err = 0;
    for (size_t i = 0; i < s.n;) {
        size_t start = i, digits = 0;
        bool touched = i > 0 && dlp_is_word_char(s, i, true);
        while (i < s.n && token_char(s.p[i])) {
            digits += s.p[i] >= '0' && s.p[i] <= '9';
            i++;
        }
        if (i == start) {
            before = before && !dlp_is_word_char(s, i, false) && s.p[i] != '\0';
            i++;
            continue;
        }
        touched |= dlp_is_word_char(s, i, false);
        bool digit_like = !touched && (digits > 0 || before);
        if (digit_like && digits < i - start) {
            if (!any) {
                mapped_reset(out);
                *ret_err = mapped_copy(out, in, 0, s.n);
                if (*ret_err)
                    return false;
                any = true;
            }
            unsigned char *p = out->text.p + out->text.off;
            for (size_t k = start; k < i; k++)
                if (digit_of(s.p[k]))
                    p[k] = (unsigned char)digit_of(s.p[k]);
        }
        before = digit_like;
    }
    return any;
}
