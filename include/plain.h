/* SPDX-License-Identifier: GPL-3.0-or-later
 * Passing over bytes that nobody has to look at twice: most of every text is such. Sixteen at once, in plain C. */
#ifndef LOCKGATE_PLAIN_H
#define LOCKGATE_PLAIN_H

#include <stddef.h>
#include <stdint.h>
#include <string.h>

typedef unsigned char plain_bytes __attribute__((vector_size(16)));
typedef signed char plain_signs __attribute__((vector_size(16)));

/* Of sixteen answers, each 0 or not, the place of the first that is not 0; there is one. */
static inline size_t plain_first(const uint64_t halves[2])
{
    uint64_t h = halves[0] ? halves[0] : halves[1];
#if __BYTE_ORDER__ == __ORDER_BIG_ENDIAN__
    h = __builtin_bswap64(h);
#endif
    return (halves[0] ? 0 : 8) + (size_t)__builtin_ctzll(h) / 8;
}

/* How many of the n bytes at p are printable ASCII and none of " & ' < > \ : up to the first that is not, or up to the last of the whole
 * sixteens. What stops it, and what is left, is for the caller, who may care for fewer. */
static inline size_t plain_run(const void *p, size_t n)
{
    const unsigned char *from = p;
    size_t i = 0;
    for (; n - i >= 16; i += 16) {
        plain_bytes v;
        uint64_t halves[2];
        memcpy(&v, from + i, sizeof v);
        /* below the blank, read as a sign: controls and all that is not ASCII; & ' and < > differ in one bit each */
        plain_signs stop = ((plain_signs)v < 0x20) | (plain_signs)(v == 0x7f) | (plain_signs)((v & 0xfe) == '&') |
            (plain_signs)((v & 0xfd) == '<') | (plain_signs)(v == '"') | (plain_signs)(v == '\\');
        memcpy(halves, &stop, sizeof halves);
        if (halves[0] | halves[1])
            return i + plain_first(halves);
    }
    return i;
}

#endif
