/* SPDX-License-Identifier: GPL-3.0-or-later
 * Passing over bytes that nobody has to look at twice: most of every text is such. Sixteen at once, in plain C. */
#ifndef LOCKGATE_PLAIN_H
#define LOCKGATE_PLAIN_H

#include <stddef.h>
#include <stdint.h>
#include <string.h>

typedef unsigned char plain_bytes __attribute__((vector_size(16)));
typedef signed char plain_signs __attribute__((vector_size(16)));

/* How many of the n bytes at p, a multiple of 16, are printable ASCII and none of " & ' < > \ . What stops it, and what is left,
 * is for the caller, who may care for fewer. */
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
            break;
    }
    return i;
}

#endif
