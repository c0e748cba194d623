/* SPDX-License-Identifier: GPL-3.0-or-later
 * A Hyperscan pattern read into a tree, so that what every match must hold can be read off it. */
#ifndef LOCKGATE_CONTENT_PATTERN_TREE_H
#define LOCKGATE_CONTENT_PATTERN_TREE_H

#include <stdbool.h>
#include <stdint.h>

#include "buf.h"

struct byte_set { uint64_t bits[4]; };
static inline bool set_has(const struct byte_set *s, unsigned char c) { return s->bits[c / 64] >> c % 64 & 1; }
static inline void set_add(struct byte_set *s, unsigned char c) { s->bits[c / 64] |= UINT64_C(1) << c % 64; }
static inline bool set_within(const struct byte_set *s, const struct byte_set *all)
{
    return !(s->bits[0] & ~all->bits[0]) && !(s->bits[1] & ~all->bits[1]) && !(s->bits[2] & ~all->bits[2]) && !(s->bits[3] & ~all->bits[3]);
}
static inline bool set_meets(const struct byte_set *s, const struct byte_set *t)
{
    return (s->bits[0] & t->bits[0]) || (s->bits[1] & t->bits[1]) || (s->bits[2] & t->bits[2]) || (s->bits[3] & t->bits[3]);
}

#define TREE_MANY UINT32_MAX /* no upper limit */
/* SET: one byte of it. SEQUENCE: first and those behind it, one after the other; without any it matches nothing at all, which is what
 * anchors and boundaries are read as. CHOICE: one of them. REPEAT: first, min to max times. */
enum tree_kind { TREE_SET, TREE_SEQUENCE, TREE_CHOICE, TREE_REPEAT };
struct tree {
    enum tree_kind kind;
    struct byte_set set;
    uint32_t min, max;
    struct tree *first, *next; /* next: of the parent's */
};
/* The tree lives in the arena. It matches at least what the pattern matches: never less. NULL: something in the pattern is not understood (or
 * there is no memory), so that nothing is known about it. */
const struct tree *tree_read(struct str pattern, bool caseless, struct arena *a);

#endif
