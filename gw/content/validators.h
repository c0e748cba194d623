/* SPDX-License-Identifier: GPL-3.0-or-later
 * What stands behind a pattern: check digits, registries, structure. One row for each validator; a detector's file names it. */
#ifndef LOCKGATE_CONTENT_VALIDATORS_H
#define LOCKGATE_CONTENT_VALIDATORS_H

#include "buf.h"

#define COMPACT_MAX 128
#define GROUPS_MAX 24
/* What a pattern matched. */
struct candidate {
    struct str text;          /* as it stands in the normal text */
    struct str before, after; /* what stands around it; empty when it is not known */
    char compact[COMPACT_MAX + 1]; /* letters (upper case) and digits alone; empty when there are more than COMPACT_MAX */
    size_t n;                 /* of compact */
    unsigned char group[GROUPS_MAX]; /* digits of each run of digits; for validators with `digits` only */
    size_t n_groups;
    bool one_separator;       /* the same separator between all groups */
};
enum opinion { OPINION_NO, OPINION_WEAK, OPINION_YES, OPINION_STRONG };
struct validator {
    const char *name;
    /* Not 0: numbers of min..max digits, in groups. The engine finds the groups around a match and tries every stretch of whole
     * groups, so that digits put before or behind hide nothing. max_digits 0, min_digits not: the pattern finds the beginning, and
     * every end of a word is tried until the whole has so many letters and digits. */
    unsigned min_digits, max_digits;
    enum opinion (*check)(const struct candidate *c);
    const char *about;
};
const struct validator *validator_find(const char *name); /* NULL: there is none */
const struct validator *validator_get(size_t i);
/* Check digits or a registry stand behind it: it may be asked about any piece of text. */
bool validator_is_strict(const struct validator *v);
void candidate_compact(struct candidate *c);

/* ---- tables of the single files ---- */
extern const struct validator validators_money[], validators_europe[], validators_world[], validators_place[], validators_net[], validators_secret[];

/* ---- arithmetic that several share; all take digits only ---- */
bool all_digits(const char *p, size_t n);
bool luhn_ok(const char *digits, size_t n);
/* sum of weight[i] * digit[i] */
int weighted(const char *digits, const int *weight, size_t n);
unsigned mod_of(const char *alnum, size_t n, unsigned mod); /* letters as 10..35 */
bool iso7064_11_10(const char *digits, size_t n);           /* the last is the check digit */
bool verhoeff_ok(const char *digits, size_t n);
int number_of(const char *digits, size_t n);                /* at most 9 digits */
bool date_ok(int day, int month);
bool one_digit_only(const char *digits, size_t n);          /* 111111 and the like */
double entropy_bits(struct str s);                          /* Shannon, bits for each character */

#endif
