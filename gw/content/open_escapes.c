/* SPDX-License-Identifier: GPL-3.0-or-later
 * Escapes that stand inside text, opened in place. */
#include <stdlib.h>

#include "open.h"
#include "plain.h"
#include "utf8.h"

static int hex_of(char c)
{
    return c >= '0' && c <= '9' ? c - '0' : c >= 'a' && c <= 'f' ? c - 'a' + 10 : c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}

/* Up to max hex digits at off; returns how many. */
static size_t hex_run(struct str s, size_t off, size_t max, uint32_t *ret)
{
    size_t n = 0;
    uint32_t v = 0;
    for (; n < max && off + n < s.n && hex_of(s.p[off + n]) >= 0; n++)
        v = v << 4 | (uint32_t)hex_of(s.p[off + n]);
    *ret = v;
    return n;
}

/* What one escape yields: a character, or one byte of a UTF-8 sequence that several escapes write together. */
struct escape { size_t len; uint32_t value; bool byte; };

static const struct { const char *name; uint32_t c; } entities[] = { { "amp", '&' }, { "lt", '<' }, { "gt", '>' }, { "quot", '"' },
    { "apos", '\'' }, { "nbsp", 0xa0 }, { "shy", 0xad }, { "num", '#' }, { "percnt", '%' }, { "lpar", '(' }, { "rpar", ')' }, { "ast", '*' },
    { "plus", '+' }, { "comma", ',' }, { "period", '.' }, { "sol", '/' }, { "colon", ':' }, { "semi", ';' }, { "equals", '=' }, { "commat", '@' },
    { "lsqb", '[' }, { "bsol", '\\' }, { "rsqb", ']' }, { "lowbar", '_' }, { "grave", '`' }, { "lcub", '{' }, { "verbar", '|' }, { "rcub", '}' },
    { "excl", '!' }, { "dollar", '$' }, { "quest", '?' }, { "hyphen", '-' }, { "dash", '-' }, { "ndash", '-' }, { "mdash", '-' }, { "Tab", '\t' }, { "NewLine", '\n' },
    { "zwj", 0x200d }, { "zwnj", 0x200c }, { "ZeroWidthSpace", 0x200b }, { "ensp", ' ' }, { "emsp", ' ' }, { "thinsp", ' ' }, { "middot", 0xb7 } };

static bool entity(struct str s, size_t off, struct escape *ret)
{
    size_t i = off + 1, digits;
    uint32_t v = 0;
    if (i >= s.n)
        return false;
    if (s.p[i] == '#') {
        i++;
        if (i < s.n && (s.p[i] == 'x' || s.p[i] == 'X')) {
            digits = hex_run(s, ++i, 8, &v);
        } else {
            for (digits = 0; digits < 9 && i + digits < s.n && s.p[i + digits] >= '0' && s.p[i + digits] <= '9'; digits++)
                v = v * 10 + (uint32_t)(s.p[i + digits] - '0');
        }
        if (digits == 0)
            return false;
        i += digits;
        if (i < s.n && s.p[i] == ';')
            i++;
        *ret = (struct escape){ .len = i - off, .value = v };
        return true;
    }
    for (size_t k = 0; k < sizeof entities / sizeof *entities; k++) {
        size_t n = strlen(entities[k].name);
        if (s.n - i > n && memcmp(s.p + i, entities[k].name, n) == 0 && s.p[i + n] == ';') {
            *ret = (struct escape){ .len = n + 2, .value = entities[k].c };
            return true;
        }
    }
    return false;
}

static bool backslash(struct str s, size_t off, struct escape *ret)
{
    uint32_t v, low;
    if (s.n - off < 4)
        return false;
    char k = s.p[off + 1];
    if ((k == 'u' || k == 'U') && s.p[off + 2] == '{') {
        size_t n = hex_run(s, off + 3, 6, &v);
        if (n == 0 || off + 3 + n >= s.n || s.p[off + 3 + n] != '}')
            return false;
        *ret = (struct escape){ .len = n + 4, .value = v };
        return true;
    }
    if (k == 'U' && hex_run(s, off + 2, 8, &v) == 8) {
        *ret = (struct escape){ .len = 10, .value = v };
        return true;
    }
    if (k == 'u' && hex_run(s, off + 2, 4, &v) == 4) {
        *ret = (struct escape){ .len = 6, .value = v };
        if (v >= 0xd800 && v < 0xdc00 && s.n - off >= 12 && s.p[off + 6] == '\\' && s.p[off + 7] == 'u' && hex_run(s, off + 8, 4, &low) == 4 &&
            low >= 0xdc00 && low < 0xe000)
            *ret = (struct escape){ .len = 12, .value = 0x10000 + ((v - 0xd800) << 10) + (low - 0xdc00) };
        return true;
    }
    if (k == 'x' && hex_run(s, off + 2, 2, &v) == 2) {
        *ret = (struct escape){ .len = 4, .value = v, .byte = true };
        return true;
    }
    if (k >= '0' && k <= '3' && s.p[off + 2] >= '0' && s.p[off + 2] <= '7' && s.p[off + 3] >= '0' && s.p[off + 3] <= '7') {
        *ret = (struct escape){ .len = 4, .value = (uint32_t)((k - '0') * 64 + (s.p[off + 2] - '0') * 8 + s.p[off + 3] - '0'), .byte = true };
        return true;
    }
    return false;
}

static bool percent(struct str s, size_t off, struct escape *ret)
{
    uint32_t v;
    if (off + 1 < s.n && (s.p[off + 1] == 'u' || s.p[off + 1] == 'U') && hex_run(s, off + 2, 4, &v) == 4) {
        *ret = (struct escape){ .len = 6, .value = v };
        return true;
    }
    if (hex_run(s, off + 1, 2, &v) != 2)
        return false;
    *ret = (struct escape){ .len = 3, .value = v, .byte = true };
    return true;
}

/* Quoted-printable only where three stand in a row: "id=34" is something else. */
static bool quoted_printable(struct str s, size_t off, bool running, struct escape *ret)
{
    uint32_t v;
    for (size_t i = 0; i < (running ? 1u : 3u); i++)
        if (off + 3 * i + 2 >= s.n || s.p[off + 3 * i] != '=' || hex_run(s, off + 3 * i + 1, 2, &v) != 2)
            return false;
    (void)hex_run(s, off + 1, 2, &v);
    *ret = (struct escape){ .len = 3, .value = v, .byte = true };
    return true;
}

static bool escape_at(struct str s, size_t off, bool qp_running, struct escape *ret)
{
    switch (s.p[off]) {
    case '%': return percent(s, off, ret);
    case '&': return entity(s, off, ret);
    case '\\': return backslash(s, off, ret);
    case '=': return quoted_printable(s, off, qp_running, ret);
    default: return false;
    }
}

static int put_char(struct mapped *out, uint32_t c, uint32_t from, uint32_t to)
{
    if (c == 0 || c > 0x10ffff || (c >= 0xd800 && c < 0xe000) || (c < 0x20 && c != '\t' && c != '\n' && c != '\r') || c == 0x7f)
        c = ' ';
    return mapped_put_char(out, c, from, to);
}

/* Escapes that write bytes, as many as follow each other: valid UTF-8 becomes characters, other bytes spaces. Moves *off behind. */
static int put_bytes(const struct view *in, size_t *off, struct mapped *out)
{
    struct { char b; uint32_t from, to; } run[4];
    struct str s = in->text;
    struct escape e;
    size_t n = 0, at = *off, first_end = 0;
    while (n < 4 && at < s.n && escape_at(s, at, true, &e) && e.byte) {
        run[n].b = (char)e.value;
        run[n].from = view_from(in, at);
        run[n++].to = view_to(in, at + e.len - 1);
        at += e.len;
        if (n == 1)
            first_end = at;
        unsigned char lead = (unsigned char)run[0].b;
        size_t want = lead < 0x80 ? 1 : lead >= 0xf0 ? 4 : lead >= 0xe0 ? 3 : 2;
        char bytes[4] = { run[0].b, n > 1 ? run[1].b : 0, n > 2 ? run[2].b : 0, n > 3 ? run[3].b : 0 };
        if (n == want && utf8_valid((struct str){ bytes, n })) {
            size_t o = 0;
            *off = at;
            return put_char(out, utf8_next((struct str){ bytes, n }, &o), run[0].from, run[n - 1].to);
        }
        if (n == want)
            break;
    }
    *off = first_end;
    return mapped_put(out, " ", 1, run[0].from, run[0].to);
}

/* Escapes are rare: sixteen bytes at once are passed over. Moves up to the first byte that begins one, or near the end. */
static size_t pass(struct str s, size_t off)
{
    for (; s.n - off >= 16; off += 16) {
        plain_bytes v;
        uint64_t halves[2];
        memcpy(&v, s.p + off, sizeof v);
        plain_bytes stop = (plain_bytes)((v == '%') | (v == '&') | (v == '\\') | (v == '='));
        memcpy(halves, &stop, sizeof halves);
        if (halves[0] | halves[1])
            return off + plain_first(halves);
    }
    return off;
}

int open_escapes(const struct view *in, struct mapped *out, bool *ret_any)
{
    struct str s = in->text;
    struct escape e;
    size_t done = 0, qp_end = SIZE_MAX;
    int err = 0;
    *ret_any = false;
    mapped_reset(out);
    for (size_t off = pass(s, 0); off < s.n && !err;) {
        char c = s.p[off];
        if ((c != '%' && c != '&' && c != '\\' && c != '=') || !escape_at(s, off, off == qp_end, &e)) {
            off = pass(s, off + 1);
            continue;
        }
        *ret_any = true;
        err = mapped_copy(out, in, done, off - done);
        if (!err && e.byte) {
            err = put_bytes(in, &off, out);
            qp_end = c == '=' ? off : SIZE_MAX;
        } else if (!err) {
            err = put_char(out, e.value, view_from(in, off), view_to(in, off + e.len - 1));
            off += e.len;
        }
        done = off;
    }
    if (!err && *ret_any)
        err = mapped_copy(out, in, done, s.n - done);
    return err;
}
