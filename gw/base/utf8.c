/* SPDX-License-Identifier: GPL-3.0-or-later
 * UTF-8 checks after the table of RFC 3629 section 4. */
#include "utf8.h"

/* Length of the well-formed character at p (n > 0 bytes left), its value in *ret; 0 when it is not well formed. */
static size_t utf8_one(const unsigned char *p, size_t n, uint32_t *ret)
{
    unsigned c = p[0], low = 0x80, high = 0xbf;
    size_t len;
    uint32_t v;

    if (c < 0x80) {
        *ret = c;
        return 1;
    }
    if (c < 0xc2 || c > 0xf4)
        return 0;
    len = c < 0xe0 ? 2 : c < 0xf0 ? 3 : 4;
    if (n < len)
        return 0;
    /* the second byte's range excludes longer forms (E0, F0), surrogates (ED) and what lies above U+10FFFF (F4) */
    if (c == 0xe0)
        low = 0xa0;
    else if (c == 0xed)
        high = 0x9f;
    else if (c == 0xf0)
        low = 0x90;
    else if (c == 0xf4)
        high = 0x8f;
    if (p[1] < low || p[1] > high)
        return 0;
    v = c & (0x7fu >> len);
    v = v << 6 | (p[1] & 0x3fu);
    for (size_t i = 2; i < len; i++) {
        if ((p[i] & 0xc0) != 0x80)
            return 0;
        v = v << 6 | (p[i] & 0x3fu);
    }
    *ret = v;
    return len;
}

/* How many bytes from p on, in steps of sixteen, are ASCII and no control characters (those the slow path judges). */
static size_t utf8_plain(const unsigned char *p, size_t n)
{
    typedef signed char sixteen __attribute__((vector_size(16)));
    size_t i = 0;

    for (; n - i >= 16; i += 16) {
        uint64_t found[2];
        sixteen v;

        memcpy(&v, p + i, sizeof v);
        v = v < 0x20; /* as signs: what is not ASCII is below, too */
        memcpy(found, &v, sizeof found);
        if (found[0] | found[1])
            break;
    }
    return i;
}

/* All of up to fifteen bytes at once, if they are such: most names and values are short. */
static bool utf8_short(const unsigned char *p, size_t n)
{
    uint64_t a, b;

    if (n >= 8) {
        memcpy(&a, p, sizeof a);
        memcpy(&b, p + n - 8, sizeof b); /* some bytes are looked at twice */
    } else if (n >= 4) {
        uint32_t c, d;

        memcpy(&c, p, sizeof c);
        memcpy(&d, p + n - 4, sizeof d);
        a = (uint64_t)c << 32 | d;
        b = a;
    } else {
        a = UINT64_C(0x2020202020200000) | (uint64_t)p[0] << 8 | p[n - 1];
        b = UINT64_C(0x2020202020202000) | p[n / 2];
    }
    /* the highest bit of a byte: not ASCII; or a borrow, since the byte, or one below it, is less than a blank */
    return ((a | b | (a - UINT64_C(0x2020202020202020)) | (b - UINT64_C(0x2020202020202020))) & UINT64_C(0x8080808080808080)) == 0;
}

static bool utf8_check(struct str s, bool xml)
{
    const unsigned char *p = (const unsigned char *)s.p;
    size_t i = 0;

    if (s.n == 0 || (s.n < 16 && utf8_short(p, s.n)))
        return true;
    while (i < s.n) {
        uint32_t c;
        size_t len;

        i += utf8_plain(p + i, s.n - i);
        if (s.n - i < 16 && s.n >= 16 && utf8_plain(p + s.n - 16, 16))
            return true; /* the last sixteen bytes, of which some were seen before */
        while (i < s.n && p[i] >= 0x20 && p[i] < 0x80)
            i++;
        if (i == s.n)
            return true;
        len = utf8_one(p + i, s.n - i, &c);
        if (len == 0)
            return false;
        if (xml && ((c < 0x20 && c != '\t' && c != '\n' && c != '\r') || c == 0xfffe || c == 0xffff))
            return false;
        i += len;
    }
    return true;
}

bool utf8_valid(struct str s)
{
    return utf8_check(s, false);
}

bool utf8_xml(struct str s)
{
    return utf8_check(s, true);
}

uint32_t utf8_next(struct str s, size_t *off)
{
    uint32_t c = 0xfffd;
    size_t len;

    if (*off >= s.n)
        return 0;
    len = utf8_one((const unsigned char *)s.p + *off, s.n - *off, &c);
    *off += len ? len : 1; /* not a valid string: moves on all the same, so that no caller loops for ever */
    return c;
}
