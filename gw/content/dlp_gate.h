/* SPDX-License-Identifier: GPL-3.0-or-later
 * What a text must hold at least for a pattern to match in it, read off the pattern; and what a text holds. A pattern whose demands are
 * not met is not run: most chat has neither long tokens nor many digits. */
#ifndef LOCKGATE_CONTENT_DLP_GATE_H
#define LOCKGATE_CONTENT_DLP_GATE_H

#include "pattern_tree.h"

/* Runs of bytes that all belong to one alphabet: letters and digits; those and what base64 and tokens are written with (+ / = - _). */
enum gate_alphabet { RUN_ALNUM, RUN_TOKEN, RUN_ALPHABETS };
#define RUN_LEAST 8u   /* shorter runs are not measured */
#define RUN_DIGITS 16u /* digits in a run are counted up to one less */

/* All are lower bounds; 0 says nothing. */
struct gate {
    uint32_t digits; /* ASCII digits in every match */
    uint32_t token;  /* bytes without a blank between, in every match */
    /* every match lies in one run of this alphabet, of so many bytes, with so many digits in it */
    uint32_t run, run_digits;
    uint8_t alphabet;
    uint32_t alnum; /* letters and digits alone in every match, and so many */
    /* Set by whoever knows that nothing may touch a match: it is a whole run of letters and digits, of one of these lengths (bit n; WHOLE_MAX: and
     * all above), with so many digits. */
    uint64_t whole;
    uint32_t whole_digits;
    /* Where a match can lie. width: bytes of the longest match, 0: not bounded, or not known; own_digits: digits in the match itself, without
     * what is added to it afterwards. */
    uint32_t width, own_digits;
    /* Set by whoever knows that no letter or digit may touch a match: runs of letters and digits longer than this lie in none. 0: says nothing. */
    uint32_t longest;
    bool ascii; /* a match is ASCII alone */
};
#define WHOLE_MAX 63u
/* Bits for the lengths from low to high. */
uint64_t gate_lengths(uint32_t low, uint32_t high);
/* A conservative reading: of a pattern that is not understood (NULL) nothing is demanded. */
struct gate gate_of_tree(const struct tree *t);

/* Where a text has long runs, and where digits: those of one run of letters and digits are one place. */
#define PLACES_MAX 20u
struct place_run { uint32_t from, to, digits, alphabet; };
struct place_digits { uint32_t first, last, n, run; }; /* run: bytes of the whole run */
struct measure {
    uint32_t digits; /* in the whole text */
    uint32_t token;  /* the longest stretch without a blank */
    uint32_t near;   /* most digits within GATE_WINDOW bytes */
    uint32_t first_digit, last_digit; /* where they stand, if there are any */
    uint32_t run[RUN_ALPHABETS][RUN_DIGITS]; /* the longest run with at least so many digits, where it is RUN_LEAST or longer */
    uint64_t whole[RUN_DIGITS]; /* lengths of the runs of letters and digits with at least so many digits */
    uint32_t n_runs, n_places;  /* more than PLACES_MAX: not all are here */
    struct place_run runs[PLACES_MAX];
    struct place_digits places[PLACES_MAX];
};
#define GATE_WINDOW 64u
/* shapes: room for s.n bytes, or NULL: the text with each letter as 'a' and each digit as '0'. */
struct measure measure_text(struct str s, char *shapes);
static inline bool gate_run_ok(const struct gate *g, const struct measure *m)
{
    return (!g->run || m->run[g->alphabet][g->run_digits] >= g->run) && (!g->whole || (m->whole[g->whole_digits] & g->whole));
}

/* The parts of a text of n bytes in which matches can lie, with one byte more on either side, so that what an expression says of its surroundings
 * (\b, ^, $) is the same there. At most PLACES_MAX, apart from each other. They are complete: a match anywhere is a match in one of them, with
 * the same leftmost start. */
struct part { uint32_t from, to; };
size_t gate_parts(const struct gate *g, const struct measure *m, size_t n, struct part *ret);

#endif
