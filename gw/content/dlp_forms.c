/* SPDX-License-Identifier: GPL-3.0-or-later
 * Two more ways to read normal text, for detectors that ask for it: letters alone with digits read as letters, and numbers with letters
 * read as digits. */
#include <unicode/uchar.h>

#include "dlp.h"
#include "utf8.h"

/* i and l are one, since 1, ! and | stand for both. 0: no letter. */
static char letter_of(unsigned char c)
{
    static const char letters[129] = "\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0" /* controls */
        "\0l\0\0s\0\0\0\0\0\0t\0\0\0\0" /* ! $ + */
        "olzeasgtbg\0\0\0\0\0\0" /* digits */
        "aabcdefghljklmnopqrstuvwxyz\0\0\0\0\0" /* @, capitals */
        "\0abcdefghljklmnopqrstuvwxyz\0l\0\0\0"; /* small letters, | */
    return letters[c];
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

bool dlp_letters_ascii(struct str in, struct buf *out, struct str *ret)
{
    buf_reset(out);
    char *p = text_is_ascii(in) ? (char *)buf_room(out, in.n + 1) : NULL;
    size_t n = 0;
    for (size_t i = 0; p && i < in.n; i++) {
        char l = letter_of((unsigned char)in.p[i]);
        p[n] = l; /* what is no letter is written over by the next */
        n += l != 0;
        if ((l == 'n' || l == 'v') && n > 1 && p[n - 2] == (l == 'n' ? 'r' : 'v') && letter_of((unsigned char)in.p[i - 1]))
            p[--n - 1] = l == 'n' ? 'm' : 'w';
    }
    *ret = (struct str){ p, n };
    return p != NULL;
}

/* The map of `out` leads to positions in the text of `in`, not to the original: the gaps between letters are looked at afterwards. */
int dlp_letters(const struct view *in, struct mapped *out)
{
    struct str s = in->text;
    mapped_reset(out);
    int err = mapped_reserve(out, s.n);
    for (size_t off = 0; off < s.n && !err;) {
        size_t at = off;
        unsigned char c = (unsigned char)s.p[off];
        if (c < 0x80) {
            off++;
            char l = letter_of(c);
            if (l && ((l != 'n' && l != 'v') || !join_pair(out, l, (uint32_t)at, (uint32_t)off)))
                mapped_push(out, l, (uint32_t)at, (uint32_t)off);
            continue;
        }
        uint32_t u = utf8_next(s, &off);
        for (size_t i = at; i < off && u_isalnum((UChar32)u); i++)
            mapped_push(out, s.p[i], (uint32_t)at, (uint32_t)off);
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
    int err = mapped_reserve(out, s.n + 2);
    if (err)
        return err;
    mapped_push(out, ' ', 0, 0);
    for (size_t off = 0; off < s.n;) {
        size_t at = off;
        unsigned char c = (unsigned char)s.p[off];
        bool word = c < 0x80 ? (c >= '0' && c <= '9') || ((c | 32) >= 'a' && (c | 32) <= 'z') : u_isalnum((UChar32)utf8_next(s, &off));
        if (c < 0x80)
            off++;
        for (size_t i = at; i < off && word; i++)
            mapped_push(out, s.p[i], (uint32_t)at, (uint32_t)off);
        if (!word && !gap)
            mapped_push(out, ' ', (uint32_t)at, (uint32_t)off);
        gap = !word;
    }
    if (!gap)
        mapped_push(out, ' ', (uint32_t)s.n, (uint32_t)s.n);
    return 0;
}

/* What a letter is read as between digits; 1: it is a digit itself; 0: neither. */
static const char digit_table[256] = { ['0' ... '9'] = 1, ['O'] = '0', ['o'] = '0', ['Q'] = '0', ['D'] = '0', ['l'] = '1', ['I'] = '1', ['i'] = '1', ['Z'] = '2',
    ['z'] = '2', ['E'] = '3', ['A'] = '4', ['S'] = '5', ['s'] = '5', ['G'] = '6', ['b'] = '6', ['T'] = '7', ['B'] = '8', ['g'] = '9', ['q'] = '9' };

static char digit_of(char c)
{
    char d = digit_table[(unsigned char)c];
    return d == 1 ? 0 : d;
}

static bool token_char(char c)
{
    return digit_table[(unsigned char)c] != 0;
}

static bool ascii_word(char c)
{
    return (c >= '0' && c <= '9') || ((c | 32) >= 'a' && (c | 32) <= 'z');
}

/* The word around [i]: true when all of it could be digits. */
static bool digit_word(struct str s, size_t i, size_t *ret_from, size_t *ret_to)
{
    size_t a = i, b = i;
    bool good = true;
    while (a > 0 && ascii_word(s.p[a - 1]))
        good &= token_char(s.p[--a]);
    while (b < s.n && ascii_word(s.p[b]))
        good &= token_char(s.p[b++]);
    *ret_from = a;
    *ret_to = b;
    return good && !((unsigned char)(a ? s.p[a - 1] : 0) & 0x80) && !((unsigned char)(b < s.n ? s.p[b] : 0) & 0x80);
}

static int turn(const struct view *in, struct mapped *out, bool *any, size_t from, size_t to)
{
    for (size_t i = from; i < to; i++) {
        char d = digit_of(in->text.p[i]);
        if (!d)
            continue;
        if (!*any) {
            mapped_reset(out);
            int err = mapped_copy(out, in, 0, in->text.n);
            if (err)
                return err;
            *any = true;
        }
        out->text.p[out->text.off + i] = (unsigned char)d;
    }
    return 0;
}

/* Off to the next word, over a few characters that separate groups of digits. SIZE_MAX: there is none. */
static size_t next_word(struct str s, size_t i, int step)
{
    for (size_t n = 0; n < 4; n++) {
        if (step < 0 ? i == 0 : i >= s.n)
            return SIZE_MAX;
        size_t at = step < 0 ? i - 1 : i;
        if (ascii_word(s.p[at]))
            return at;
        if (!s.p[at] || (unsigned char)s.p[at] >= 0x80)
            return SIZE_MAX;
        i = step < 0 ? i - 1 : i + 1;
    }
    return SIZE_MAX;
}

/* Words of letters that could be digits count when they hold a digit, or stand beside a word that counts. */
bool dlp_look_digits(const struct view *in, const struct measure *m, struct mapped *out, int *ret_err)
{
    struct str s = in->text;
    bool any = false;
    *ret_err = 0;
    for (size_t i = m->first_digit; i <= m->last_digit && i < s.n && !*ret_err;) {
        size_t from, to, a, b, w;
        if (s.p[i] < '0' || s.p[i] > '9') {
            i++;
            continue;
        }
        if (!digit_word(s, i, &from, &to)) {
            i = to;
            continue;
        }
        *ret_err = turn(in, out, &any, from, to);
        for (a = from; !*ret_err && (w = next_word(s, a, -1)) != SIZE_MAX && digit_word(s, w, &a, &b);)
            *ret_err = turn(in, out, &any, a, b);
        for (b = to; !*ret_err && (w = next_word(s, b, 1)) != SIZE_MAX && digit_word(s, w, &a, &b);)
            *ret_err = turn(in, out, &any, a, b);
        i = b > to ? b : to;
    }
    return any && !*ret_err;
}
