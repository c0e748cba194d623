/* SPDX-License-Identifier: GPL-3.0-or-later
 * Does a text hold anything that a group of strings needs? Pieces of 2 to 4 bytes, looked up at each position of the text: the time
 * depends on the text, not on how many pieces there are. */
#ifndef LOCKGATE_CONTENT_YARA_ATOMS_H
#define LOCKGATE_CONTENT_YARA_ATOMS_H

#include "buf.h"

/* One piece: `owner` is wanted where text is found, letters of either case. The key is the 2 to 4 bytes at `key`. */
struct atom { uint32_t owner, next; uint32_t at, n; /* in bytes */ uint8_t key, key_n; };
struct atoms {
    struct buf bytes;
    struct atom *v;
    size_t n, cap;
    uint32_t *heads;         /* by hash of the key: 1 + index of the first atom, 0: none */
    uint64_t *seen;          /* a bit for each hash */
    unsigned bits;
    bool lengths[5];         /* which lengths of keys there are */
};
void atoms_init(struct atoms *a);
void atoms_clear(struct atoms *a);
/* Texts below 2 bytes cannot be looked up: RANGE; what needs them is always wanted. LIMIT, NOMEM. */
int atoms_add(struct atoms *a, uint32_t owner, struct str text) GW_MUST_CHECK;
int atoms_finish(struct atoms *a) GW_MUST_CHECK;
/* Sets wanted[owner] for all whose text occurs. Returns how many it set that were not set before. */
size_t atoms_find(const struct atoms *a, struct str text, bool *wanted);

#endif
