/* SPDX-License-Identifier: GPL-3.0-or-later
 * Runs of text that encode other bytes as a whole: base64 (both alphabets), base32, hexadecimal. What opens into text counts from 5
 * bytes on; what opens into anything else only where it is long and looks encoded. */
#include "open.h"
#include "utf8.h"

#define TEXT_MIN 5u      /* opened bytes that are all characters */
#define BINARY_MIN 24u   /* opened bytes otherwise */
#define TOKEN_MIN 8u     /* encoded */
#define TOKEN32_MIN 16u  /* encoded, base32 */
#if TOKEN32_MIN < RUN_LEAST
#error "shorter runs are not measured"
#endif

struct opening {
    const struct view *in;
    struct mapped *out;
    struct opened_list *list;
    struct buf *bytes; /* of one token */
};

/* Which alphabets a byte belongs to. */
enum { IN_64 = 1, IN_32 = 2, IN_16 = 4 };
static const unsigned char alphabet[256] = { ['A' ... 'F'] = IN_64 | IN_32 | IN_16, ['a' ... 'f'] = IN_64 | IN_32 | IN_16, ['G' ... 'Z'] = IN_64 | IN_32,
    ['g' ... 'z'] = IN_64 | IN_32, ['2' ... '7'] = IN_64 | IN_32 | IN_16, ['0' ... '1'] = IN_64 | IN_16, ['8' ... '9'] = IN_64 | IN_16, ['+'] = IN_64, ['/'] = IN_64,
    ['-'] = IN_64, ['_'] = IN_64 };
static inline bool in(char c, int which)
{
    return alphabet[(unsigned char)c] & which;
}

/* ---- is it text? ---- */

static bool printable_byte(unsigned char c)
{
    return (c >= 0x20 && c < 0x7f) || c == '\t' || c == '\n' || c == '\r';
}

static bool all_text(struct str s)
{
    bool ascii = true;
    for (size_t i = 0; i < s.n; i++) {
        if ((unsigned char)s.p[i] < 0x80 && !printable_byte((unsigned char)s.p[i]))
            return false;
        ascii = ascii && (unsigned char)s.p[i] < 0x80;
    }
    return ascii || utf8_xml(s);
}

/* UTF-16 without a mark: every second byte is 0. Narrows in place. */
static bool narrow_utf16(struct buf *b)
{
    unsigned char *p = b->p + b->off;
    size_t n = buf_size(b), odd = 0, even = 0;
    if (n < 2 * TEXT_MIN)
        return false;
    for (size_t i = 0; i < n; i++)
        if (p[i] == 0)
            *(i % 2 ? &odd : &even) += 1;
    if (odd * 10 < n * 4 && even * 10 < n * 4)
        return false;
    size_t out = 0, pick = odd > even ? 0 : 1;
    for (size_t i = 0; i + 1 < n; i += 2) {
        unsigned char low = p[i + pick], high = p[i + 1 - pick];
        p[out++] = high == 0 && printable_byte(low) ? low : '\n';
    }
    b->len = b->off + out;
    return true;
}

/* Bytes with a stretch of text in them: something was put in front, or the rest is binary. */
#define STRETCH 8u
static bool some_text(struct str s)
{
    size_t run = 0;
    for (size_t i = 0; i < s.n && run < STRETCH; i++)
        run = printable_byte((unsigned char)s.p[i]) ? run + 1 : 0;
    return run == STRETCH;
}

static int keep(struct opening *o, size_t from, size_t to)
{
    int err;
    if (o->list->n == OPENED_MAX)
        return GW_ERR(LIMIT);
    uint32_t a = view_from(o->in, from), b = view_to(o->in, to - 1);
    if (buf_size(&o->out->text) && (err = mapped_put(o->out, JOIN_GAP, JOIN_GAP_LEN, a, b)))
        return err;
    struct opened *x = &o->list->v[o->list->n++];
    x->start = buf_size(&o->out->text);
    if ((err = mapped_put(o->out, buf_data(o->bytes), buf_size(o->bytes), a, b)))
        return err;
    x->end = buf_size(&o->out->text);
    return 0;
}

/* looks_encoded: by its letters it is hardly a word. ret_kept: as text, so that other readings of the same run are not tried. */
static int judge(struct opening *o, size_t from, size_t to, size_t text_min, bool looks_encoded, bool *ret_kept)
{
    struct str s = buf_str(o->bytes);
    *ret_kept = false;
    if (s.n >= text_min && all_text(s)) {
        *ret_kept = true;
        return keep(o, from, to);
    }
    if (looks_encoded && narrow_utf16(o->bytes)) {
        *ret_kept = true;
        return keep(o, from, to);
    }
    if (some_text(s) && (text_min > TEXT_MIN || looks_encoded)) {
        *ret_kept = true;
        return keep(o, from, to);
    }
    return looks_encoded && s.n >= BINARY_MIN ? keep(o, from, to) : 0;
}

/* ---- base64 ---- */

static int value64(char c)
{
    if (c >= 'A' && c <= 'Z')
        return c - 'A';
    if (c >= 'a' && c <= 'z')
        return c - 'a' + 26;
    if (c >= '0' && c <= '9')
        return c - '0' + 52;
    return c == '+' || c == '-' ? 62 : c == '/' || c == '_' ? 63 : -1;
}

static bool blank(char c)
{
    return c == ' ' || c == '\n' || c == '\r' || c == '\t';
}

/* Decodes [from, to), skipping blanks. */
static int decode64(struct opening *o, size_t from, size_t to)
{
    uint32_t acc = 0;
    unsigned n = 0;
    size_t out = 0;
    buf_reset(o->bytes);
    unsigned char *p = buf_room(o->bytes, (to - from) / 4 * 3 + 3);
    if (!p)
        return GW_ERR(NOMEM);
    for (size_t i = from; i < to; i++) {
        int v = value64(o->in->text.p[i]);
        if (v < 0)
            continue;
        acc = acc << 6 | (uint32_t)v;
        if (++n == 4) {
            p[out++] = (unsigned char)(acc >> 16);
            p[out++] = (unsigned char)(acc >> 8);
            p[out++] = (unsigned char)acc;
            n = 0;
        }
    }
    if (n >= 2)
        p[out++] = (unsigned char)(n == 3 ? acc >> 10 : acc >> 4);
    if (n == 3)
        p[out++] = (unsigned char)(acc >> 2);
    buf_added(o->bytes, out);
    return 0;
}

static bool looks_base64(struct str s)
{
    bool upper = false, lower = false, digit = false, sign = false;
    for (size_t i = 0; i < s.n; i++) {
        char c = s.p[i];
        upper |= c >= 'A' && c <= 'Z';
        lower |= c >= 'a' && c <= 'z';
        digit |= c >= '0' && c <= '9';
        sign |= c == '+' || c == '=';
    }
    return upper && lower && (digit || sign);
}

/* Could the token open into text? Its first bytes must begin a character. Most words of a language fail here. */
static bool may_be_text(const char *p)
{
    uint32_t v = (uint32_t)value64(p[0]) << 18 | (uint32_t)value64(p[1]) << 12 | (uint32_t)value64(p[2]) << 6 | (uint32_t)value64(p[3]);
    unsigned char a = (unsigned char)(v >> 16), b = (unsigned char)(v >> 8), c = (unsigned char)v;
    if (a >= 0x80)
        return a >= 0xc2 && a <= 0xf4 && (b & 0xc0) == 0x80;
    if (!printable_byte(a))
        return false;
    if (b >= 0x80)
        return b >= 0xc2 && b <= 0xf4 && (c & 0xc0) == 0x80;
    return printable_byte(b) && (c >= 0xc2 || printable_byte(c));
}

static int try64(struct opening *o, size_t from, size_t to, size_t pad)
{
    bool kept = false;
    bool looks = looks_base64((struct str){ o->in->text.p + from, to - from + pad });
    int err = 0;
    /* other text may touch the token's front: four ways to cut it */
    for (size_t skip = 0; skip < 4 && !kept && !err && to - from >= TOKEN_MIN + skip; skip++) {
        if (!(looks && skip == 0) && !may_be_text(o->in->text.p + from + skip))
            continue;
        err = decode64(o, from + skip, to);
        if (!err)
            err = judge(o, from + skip, to + pad, skip ? 9 : TEXT_MIN, looks && skip == 0, &kept);
    }
    return err;
}

/* A run of the alphabet. Lines of one block (40 and more, equal length) and groups of four set apart by blanks are read as one. */
static size_t run64(struct str s, size_t off)
{
    size_t i = off;
    while (i < s.n && in(s.p[i], IN_64))
        i++;
    return i;
}

static size_t joined64(struct str s, size_t off, size_t end)
{
    size_t len = end - off, runs = 1, i = end;
    if (len % 4 != 0)
        return end;
    size_t good = end;
    while (i < s.n && blank(s.p[i])) {
        size_t gap = i + 1;
        while (gap < s.n && (s.p[gap] == '\n' || s.p[gap] == '\r'))
            gap++;
        size_t next = run64(s, gap);
        if (next == gap)
            break;
        bool last = (next - gap) % 4 != 0 || (len >= 40 && next - gap < len);
        good = next;
        runs++;
        i = next;
        if (last)
            break;
    }
    return runs >= 3 || len >= 40 ? good : end;
}

static size_t padding(struct str s, size_t off)
{
    size_t n = 0;
    while (n < 2 && off + n < s.n && s.p[off + n] == '=')
        n++;
    return n;
}

static int open_base64(struct opening *o)
{
    struct str s = o->in->text;
    size_t joined = 0; /* up to here runs have been read as one */
    int err = 0;
    for (size_t i = 0; i < s.n && !err;) {
        if (!in(s.p[i], IN_64)) {
            i++;
            continue;
        }
        size_t end = run64(s, i), all = i < joined ? end : joined64(s, i, end);
        if (all > end && all - i >= 12) {
            bool kept = false;
            err = decode64(o, i, all);
            if (!err)
                err = judge(o, i, all + padding(s, all), 9, looks_base64((struct str){ s.p + i, all - i }) && end - i >= 40, &kept);
            if (kept)
                joined = all; /* and each by itself: they may be one text each */
        }
        if (!err && end - i >= TOKEN_MIN)
            err = try64(o, i, end, padding(s, end));
        i = end;
    }
    return err;
}

/* ---- base32 ---- */

static int value32(char c)
{
    return c >= 'A' && c <= 'Z' ? c - 'A' : c >= 'a' && c <= 'z' ? c - 'a' : c >= '2' && c <= '7' ? c - '2' + 26 : -1;
}

static int open_base32(struct opening *o)
{
    struct str s = o->in->text;
    int err = 0;
    for (size_t i = 0; i < s.n && !err;) {
        size_t end = i;
        while (end < s.n && in(s.p[end], IN_32))
            end++;
        if (end - i >= TOKEN32_MIN) {
            uint64_t acc = 0;
            unsigned bits = 0;
            bool kept;
            buf_reset(o->bytes);
            for (size_t k = i; k < end && !err; k++) {
                acc = acc << 5 | (uint32_t)value32(s.p[k]);
                if ((bits += 5) >= 8) {
                    unsigned char b = (unsigned char)(acc >> (bits -= 8));
                    err = buf_put(o->bytes, &b, 1);
                }
            }
            if (!err)
                err = judge(o, i, end, 9, false, &kept);
        }
        i = end + 1;
    }
    return err;
}

/* ---- hexadecimal ---- */

static int value16(char c)
{
    return c >= '0' && c <= '9' ? c - '0' : c >= 'a' && c <= 'f' ? c - 'a' + 10 : c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}

/* A pair with what may stand before it: "0x41", "41", and with a separator in front of the second and later ones. */
static size_t hex_pair(struct str s, size_t i, bool first)
{
    size_t at = i;
    if (!first && at < s.n && (s.p[at] == ' ' || s.p[at] == ':' || s.p[at] == '-' || s.p[at] == ',' || s.p[at] == '\n'))
        at++;
    if (!first && at < s.n && at > i && s.p[at] == ' ')
        at++;
    if (at + 1 < s.n && s.p[at] == '0' && (s.p[at + 1] == 'x' || s.p[at + 1] == 'X'))
        at += 2;
    return at + 1 < s.n && value16(s.p[at]) >= 0 && value16(s.p[at + 1]) >= 0 ? at : SIZE_MAX;
}

#define HEX_PAIRS_MIN 6u
/* Most words begin like a pair, and few go on like one: where less than HEX_PAIRS_MIN begin at i, where they end; else SIZE_MAX. */
static size_t few_pairs(struct str s, size_t i)
{
    size_t at = hex_pair(s, i, true), end = i;
    for (unsigned n = 0; at != SIZE_MAX; at = hex_pair(s, end, false)) {
        if (++n == HEX_PAIRS_MIN)
            return SIZE_MAX;
        end = at + 2;
    }
    return end;
}

/* Reads pairs from i on; returns where they end. */
static size_t decode16(struct opening *o, size_t i, size_t *ret_pairs, int *ret_err)
{
    struct str s = o->in->text;
    size_t at = hex_pair(s, i, true), end = i;
    *ret_pairs = 0;
    *ret_err = 0;
    buf_reset(o->bytes);
    while (at != SIZE_MAX && !*ret_err) {
        unsigned char b = (unsigned char)(value16(s.p[at]) << 4 | value16(s.p[at + 1]));
        *ret_err = buf_put(o->bytes, &b, 1);
        end = at + 2;
        ++*ret_pairs;
        at = hex_pair(s, end, false);
    }
    return end;
}

/* Groups that are long enough to be a text each: what was written behind each other need not belong together. */
static int open_hex_groups(struct opening *o, size_t from, size_t to)
{
    struct str s = o->in->text;
    int err = 0;
    for (size_t i = from, end; i < to && !err; i = end + 1) {
        bool kept;
        for (end = i; end < to && value16(s.p[end]) >= 0; end++)
            ;
        if (end - i < 2 * HEX_PAIRS_MIN || (i == from && end == to))
            continue;
        buf_reset(o->bytes);
        for (size_t k = i; k + 1 < end && !err; k += 2) {
            unsigned char b = (unsigned char)(value16(s.p[k]) << 4 | value16(s.p[k + 1]));
            err = buf_put(o->bytes, &b, 1);
        }
        if (!err)
            err = judge(o, i, end, HEX_PAIRS_MIN, false, &kept);
    }
    return err;
}

/* A run that opens into nothing is tried once more from its second half byte. */
static int open_hex(struct opening *o)
{
    struct str s = o->in->text;
    int err = 0;
    for (size_t i = 0; i < s.n && !err;) {
        size_t pairs, end;
        bool kept = false;
        if (!in(s.p[i], IN_16)) {
            i++;
            continue;
        }
        if ((end = few_pairs(s, i)) != SIZE_MAX) {
            i = end > i ? end : i + 1;
            continue;
        }
        size_t next = end = decode16(o, i, &pairs, &err);
        if (!err)
            err = judge(o, i, end, HEX_PAIRS_MIN, pairs >= 32, &kept);
        if (!err && pairs > HEX_PAIRS_MIN)
            err = open_hex_groups(o, i, end);
        if (!err && !kept) {
            end = decode16(o, i + 1, &pairs, &err);
            if (!err && pairs >= HEX_PAIRS_MIN)
                err = judge(o, i + 1, end, HEX_PAIRS_MIN, false, &kept);
        }
        i = next > i ? next : i + 1;
    }
    return err;
}

int open_tokens(const struct view *in, const struct measure *m, struct mapped *out, struct opened_list *list)
{
    struct opening o = { .in = in, .out = out, .list = list, .bytes = &list->bytes };
    list->n = 0;
    mapped_reset(out);
    int err = open_base64(&o);
    if (!err && m->run[RUN_ALNUM][0] >= TOKEN32_MIN)
        err = open_base32(&o);
    if (!err)
        err = open_hex(&o);
    return err;
}

void opened_to_text(struct mapped *m, const struct opened_list *list)
{
    for (size_t k = 0; k < list->n; k++) {
        unsigned char *p = m->text.p + m->text.off;
        size_t i = list->v[k].start, end = list->v[k].end;
        while (i < end) {
            size_t n = p[i] < 0x80 ? 1 : p[i] >= 0xf0 ? 4 : p[i] >= 0xe0 ? 3 : 2;
            if (i + n <= end && utf8_xml((struct str){ (const char *)p + i, n })) {
                i += n;
                continue;
            }
            p[i++] = '\n';
        }
    }
}
