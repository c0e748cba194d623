/* SPDX-License-Identifier: GPL-3.0-or-later
 * What a text must hold at least for a pattern to match in it, read off the pattern; and what a text holds. A pattern whose demands are
 * not met is not run: most chat has neither long tokens nor many digits. */
#ifndef LOCKGATE_CONTENT_DLP_GATE_H
#define LOCKGATE_CONTENT_DLP_GATE_H

#include <stdbool.h>
#include <stdint.h>

#include "buf.h"

/* Both are lower bounds; 0 says nothing. */
struct gate {
    uint32_t digits; /* ASCII digits in every match */
    uint32_t token;  /* bytes without a blank between, in every match */
};
/* A conservative reading of a Hyperscan pattern: what it does not understand demands nothing. */
struct gate gate_of_pattern(struct str pattern);

struct measure {
    uint32_t digits; /* in the whole text */
    uint32_t token;  /* the longest stretch without a blank */
    uint32_t near;   /* most digits within GATE_WINDOW bytes */
};
#define GATE_WINDOW 64u
struct measure measure_text(struct str s);

#endif
