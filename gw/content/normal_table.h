/* SPDX-License-Identifier: GPL-3.0-or-later
 * The table behind the normal form: one 32-bit entry for each character, made when its block is first met. */
#ifndef LOCKGATE_CONTENT_NORMAL_TABLE_H
#define LOCKGATE_CONTENT_NORMAL_TABLE_H

#include <unicode/unorm2.h>
#include <unicode/uspoof.h>

#include "normal.h"

#define FOLD_KIND_MASK 0xf0000000u
#define FOLD_IS_CHAR 0u             /* low bits: the one character */
#define FOLD_IS_TEXT 0x10000000u    /* low bits: offset into pool: length byte, then UTF-8 */
#define FOLD_IS_DROPPED 0x20000000u /* low bits: why */
/* why a character is dropped: the notes, and ordinary accents, of which nothing is said */
#define DROP_ACCENT NOTE_COUNT
/* dropped, but whether it is worth a note depends on its neighbours */
enum { DROP_ZWJ = NOTE_COUNT + 1, DROP_ZWNJ, DROP_EMOJI_SELECTOR, DROP_IDEOGRAPH_SELECTOR, DROP_TAG };

struct fold {
    const UNormalizer2 *nfkd;
    USpoofChecker *spoof;
    uint32_t *page[0x1100];
    unsigned char *pool;
    size_t pool_len, pool_cap;
};
/* The entry of c; FOLD_IS_CHAR | c when there is no memory for its page. */
uint32_t fold_entry(struct fold *f, uint32_t c);

#endif
