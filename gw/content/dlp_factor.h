/* SPDX-License-Identifier: GPL-3.0-or-later
 * Pieces of text of which every match of a pattern holds at least one, so that one pass for all pieces says which patterns need to be run. */
#ifndef LOCKGATE_CONTENT_DLP_FACTOR_H
#define LOCKGATE_CONTENT_DLP_FACTOR_H

#include "pattern_tree.h"

#define FACTORS_MAX 192u
#define FACTOR_LENGTH_MAX 24u
/* PLAIN: to be looked for in the text, whatever its case (the pieces are in small letters). SHAPE: to be looked for in the text with each letter
 * as 'a' and each digit as '0'; each piece has a '0' in it. */
enum factor_reading { FACTOR_PLAIN, FACTOR_SHAPE, FACTOR_READINGS };
struct factors {
    enum factor_reading reading;
    size_t n; /* 0: nothing useful is known */
    struct { unsigned char n; char p[FACTOR_LENGTH_MAX]; } v[FACTORS_MAX];
};
/* t may be NULL. The pieces that ordinary text is least likely to hold. shapes: by shape, too. NOMEM. */
int factors_of_tree(const struct tree *t, bool shapes, struct factors *ret) GW_MUST_CHECK;

#endif
