/* SPDX-License-Identifier: GPL-3.0-or-later
 * Lists of secrets that hold no plain text: values as keyed hashes (exact data match), and documents as keyed fingerprints of their
 * paragraphs, by winnowing (Schleimer, Wilkerson, Aiken 2003). Both are looked for in letters and digits alone, so that case, blanks,
 * punctuation and line breaks do not matter. */
#ifndef LOCKGATE_CONTENT_SEALED_H
#define LOCKGATE_CONTENT_SEALED_H

#include "normal.h"
#include "siphash.h"

/* ---- letters and digits alone ---- */
/* m: small letters and digits; its map leads to positions in the text of the view. Word i is [starts[i], starts[i + 1]); a character of a script
 * that sets no blanks is a word. */
struct compact { struct mapped m; uint32_t *starts; size_t n, cap; };
void compact_init(struct compact *c);
void compact_clear(struct compact *c);
int compact_make(struct compact *c, const struct view *v) GW_MUST_CHECK; /* LIMIT, NOMEM */

/* ---- the file ---- */
/* "LGSEALED", u8 version (1), u8 kind, u16 0, u32 entries, u32 paragraphs, u64 check of the key, 32 bytes: a bit for each length in
 * bytes that a value has; then the entries, by their first field: values u64 hash, u64 hash whose low byte says how many words the value
 * has (bit 7: it has digits); fingerprints u64 hash, u32 paragraph; then for each paragraph u32 how many fingerprints. Big-endian. */
#define SEALED_MAGIC "LGSEALED"
#define SEALED_HEAD 60u
#define SEALED_ENTRIES_MAX 4000000u
#define SEALED_VALUE_MIN 4u       /* letters and digits of a value, at least */
#define SEALED_VALUE_MAX 255u
#define SEALED_DIGITS 0x80u
enum sealed_kind { SEALED_VALUES = 1, SEALED_PRINTS = 2 };

struct sealed_key { struct siphash_key a, b; };
struct sealed {
    enum sealed_kind kind;
    struct sealed_key key;
    struct buf bytes;             /* the whole file */
    const unsigned char *entries, *paragraphs;
    size_t n, stride, n_paragraphs;
    uint64_t lengths[4];
    uint32_t *first;              /* by the top bits of the hash: the first entry not before */
    unsigned first_bits;
    uint64_t *filter;             /* by the low bits: most candidates end here */
    unsigned filter_bits;
};
/* A key file holds 64 hexadecimal digits. NOENT: cannot be read; SYNTAX. */
int sealed_key_read(const char *path, struct sealed_key *ret) GW_MUST_CHECK;
uint64_t sealed_key_check(const struct sealed_key *k);
/* NOENT, SYNTAX (damaged, or another kind), MISMATCH (made with another key), LIMIT, NOMEM. */
int sealed_load(const char *path, const char *key_path, enum sealed_kind kind, struct sealed **ret) GW_MUST_CHECK;
void sealed_free(struct sealed *s);
/* Index of the first entry with this hash; n: there is none. Constant time, whatever the number of entries. */
size_t sealed_find(const struct sealed *s, uint64_t hash);
uint64_t sealed_entry_hash(const struct sealed *s, size_t i);

/* ---- values ---- */
struct sealed_value { uint64_t a, b; };
/* words: as in the file, with SEALED_DIGITS. */
struct sealed_value sealed_value_of(const struct sealed_key *k, const unsigned char *p, size_t n, unsigned words);

/* ---- fingerprints ---- */
#define GRAM 24u   /* letters and digits in one fingerprint */
#define WINDOW 16u /* of so many in a row one is kept: a common run of GRAM + WINDOW - 1 is never missed */
/* The hashes of all runs of GRAM bytes of p into ret[0 .. n - GRAM]. n >= GRAM. */
void grams(const struct sealed_key *k, const unsigned char *p, size_t n, uint64_t *ret);
/* Which of n grams are kept, as indexes into ret; returns how many. */
size_t winnow(const uint64_t *g, size_t n, uint32_t *ret);

#endif
