/* SPDX-License-Identifier: GPL-3.0-or-later
 * Does a text hold anything that a group of strings needs? Pieces of text, looked for all at once: the time hardly depends on how many there
 * are. */
#ifndef LOCKGATE_CONTENT_YARA_ATOMS_H
#define LOCKGATE_CONTENT_YARA_ATOMS_H

#include <hs/hs.h>

#include "buf.h"

/* One piece: `owner` is wanted where text is found, letters of either case. */
struct atom { uint32_t owner; uint32_t at, n; /* in bytes */ };
struct atoms {
    struct buf bytes;
    struct atom *v;
    size_t n, cap;
    hs_database_t **db; /* of ATOMS_CHUNK pieces each */
    size_t n_db;
    hs_scratch_t *scratch;
};
#define ATOMS_CHUNK 4000u
void atoms_init(struct atoms *a);
void atoms_clear(struct atoms *a);
/* Texts below 2 bytes are found everywhere: RANGE; what needs them is always wanted. LIMIT, NOMEM. */
int atoms_add(struct atoms *a, uint32_t owner, struct str text) GW_MUST_CHECK;
/* UNKNOWN: they cannot be looked for. NOMEM. */
int atoms_finish(struct atoms *a) GW_MUST_CHECK;
/* Sets wanted[owner] for all whose text occurs. Returns how many it set that were not set before; UNKNOWN: the search failed. */
int atoms_find(const struct atoms *a, struct str text, bool *wanted, size_t *ret_n) GW_MUST_CHECK;

#endif
