/* SPDX-License-Identifier: GPL-3.0-or-later
 * DLP detectors: pattern or words, validator, supporting words nearby, minimum count, exclusions (rules/dlp/ *.conf). */
#ifndef LOCKGATE_CONTENT_DLP_H
#define LOCKGATE_CONTENT_DLP_H

#include <hs/hs.h>

#include "conf.h"
#include "dlp_factor.h"
#include "dlp_gate.h"
#include "normal.h"
#include "pieces.h"
#include "sealed.h"
#include "validators.h"

enum dlp_boundary { BOUNDARY_WORD, BOUNDARY_DIGIT, BOUNDARY_NONE };
/* One detector as it stands in its file. */
struct dlp_detector {
    struct conf_where where;
    char *id, *about, *characters, *values, *fingerprints, *key;
    struct conf_strings patterns, words, support, exclude, exclude_patterns, places, groups, match, clean;
    int exact_case, validator_index, boundary; /* validator_index 0: none */
    int64_t confidence, with_support, report, distance, minimum, length, digits, overlap;
    bool spaced, leet, log_only;
    /* made from it */
    const struct validator *validator;
    uint32_t place_bits;  /* bit enum scan_place; 0: everywhere */
    bool has_support, has_exclude, later_starts;
    struct sealed *sealed; /* values or fingerprints, or NULL */
    uint64_t set[4]; /* bit for each byte of `characters` */
};
enum expr_kind { EXPR_FIND, EXPR_WORD, EXPR_SUPPORT, EXPR_EXCLUDE, EXPR_LETTERS };
/* One compiled expression; `letters`: where, in a word written without its blanks, blanks stood (bit i: behind letter i). FIND: its number
 * among all patterns, what a text must hold for it, and whether a piece of text was found of which its matches hold one. */
struct dlp_expr { uint32_t detector; uint8_t kind; char *text; unsigned flags; uint32_t length; uint64_t blanks; uint32_t number; bool has_factor; struct gate gate; };
/* Hyperscan's time to compile grows faster than the number of expressions, so they are compiled in pieces. The first n_single expressions have a
 * database each, since each is run only when a text demands it; the others, numbered as in v, share one for every `chunk`. Plain words are cheap
 * and stay together. */
#define DLP_CHUNK 24
#define DLP_CHUNK_WORDS 4000
struct dlp_db {
    struct dlp_expr *v;
    size_t n, cap, n_factor, n_single; /* the first n_factor of the first n_single have pieces to look for */
    hs_database_t **db;
    size_t n_db, chunk;
    struct gate gate; /* what a text must hold for any of them */
};
static inline size_t dlp_chunks(const struct dlp_db *b) { return b->n_single + (b->n - b->n_single + b->chunk - 1) / b->chunk; }
static inline size_t dlp_chunk_first(const struct dlp_db *b, size_t i) { return i < b->n_single ? i : b->n_single + (i - b->n_single) * b->chunk; }
static inline size_t dlp_chunk_size(const struct dlp_db *b, size_t i)
{
    size_t left = b->n - dlp_chunk_first(b, i);
    return i < b->n_single ? 1 : left < b->chunk ? left : b->chunk;
}
/* Patterns by what they demand of a text: nothing much; a long stretch without blanks; digits close together, or anywhere. */
enum { FIND_ANY, FIND_WORD, FIND_TOKEN, FIND_DIGITS_NEAR, FIND_DIGITS, FIND_GROUPS };
#define DLP_DATABASES 9
/* Keys are pieces of text that are looked for first: of patterns (as they stand, and by their shape) and of words. */
#define DLP_NUMBER_WORD UINT32_MAX /* of a key: it belongs to some word */
#define DLP_ALL(d) { &(d)->find[FIND_ANY], &(d)->find[FIND_WORD], &(d)->find[FIND_TOKEN], &(d)->find[FIND_DIGITS_NEAR], &(d)->find[FIND_DIGITS], &(d)->words, &(d)->support, &(d)->exclude, &(d)->letters }
struct dlp_match { uint32_t expr, from, to; };
struct dlp_print { uint32_t paragraph, entry, at; }; /* a fingerprint that was found; at: in letters and digits alone */
struct dlp_near { uint32_t detector, start, end; bool exclude; }; /* joined text */

#define DLP_DETECTORS_MAX 1000
#define DLP_MATCHES_MAX 65536
struct dlp {
    struct arena arena;
    struct conf_list *files; /* of each file: its detectors */
    size_t n_files;
    struct dlp_detector **v; /* all of them */
    size_t n;
    uint32_t *digit_detectors; /* those whose validator takes groups of digits and that have no pattern */
    uint64_t *digit_counts;    /* of each of them: bit n: it takes n digits; more than 63 count as 63 */
    size_t n_digit_detectors;
    uint32_t *sealed_detectors; /* those with sealed lists */
    size_t n_sealed;
    struct dlp_db find[FIND_GROUPS], words, support, exclude, letters;
    struct pieces keys[FACTOR_READINGS]; /* owners: numbers of patterns */
    bool words_always;                   /* there was no room for the pieces of all words */
    hs_scratch_t *scratch;
    uint32_t n_find; /* patterns, all groups together */
    struct fold *fold;
    bool any_leet_digits;
    unsigned least_digits; /* of all their validators; so many lie within GATE_WINDOW bytes, blanks between them included */
    /* one request */
    const struct joined *joined;
    const struct scan_request *request;
    struct hits found;
    struct dlp_near *near_v;
    size_t n_near, near_cap;
    bool near_done_base[2], word_seen; /* [1]: exclusions */
    struct dlp_place { uint32_t group, at; } *places; /* of each pattern, by its number */
    bool *wanted;     /* by number: one of its pieces was seen */
    uint32_t *seen;   /* the numbers of those */
    size_t n_seen;
    struct buf shapes;      /* of the view; then its letters */
    struct measure measure; /* of the view that was scanned last, not across */
    struct candidate candidate;
    const struct view *base, *near_done[2]; /* only compared */
    struct dlp_match *matches;
    size_t n_matches, matches_cap;
    struct mapped letters_view, digits_view, words_view;
    struct compact compact;
    uint64_t *grams;
    struct dlp_print *prints;
    size_t grams_cap, n_prints, prints_cap;
    int err;
    bool report_all; /* tests: whatever passes pattern and validator */
    bool no_gate;    /* tests: everything is run over everything */
};

/* cache: a file that keeps what was compiled, or NULL. It is read only when it belongs to this user alone. */
int dlp_load(struct dlp *d, const char *folder, const char *cache, struct fold *fold, struct conf_errors *errs) GW_MUST_CHECK;
void dlp_clear(struct dlp *d);
/* One request: begin, each view once (the normal form of the text itself first), end. */
void dlp_begin(struct dlp *d, const struct joined *j, const struct scan_request *r);
/* across: only what lies over more than one group, digits only. LIMIT, NOMEM, UNKNOWN. */
int dlp_scan(struct dlp *d, const struct view *v, bool across) GW_MUST_CHECK;
/* Applies the minimum counts and adds what is left to hits. */
int dlp_end(struct dlp *d, struct hits *h) GW_MUST_CHECK;

/* ---- between the files of this part ---- */
int dlp_compile(struct dlp *d, const char *cache, struct conf_errors *errs) GW_MUST_CHECK;
/* All databases from the file: true when it holds exactly these expressions. */
bool dlp_cache_read(struct dlp *d, const char *path);
/* Programs that start together: one compiles, the others wait for what it writes, some seconds at most. -1: no lock, go on without. */
int dlp_cache_lock(const char *path);
void dlp_cache_unlock(int lock);
void dlp_cache_write(const struct dlp *d, const char *path); /* a failure costs time at the next start, no more */
/* Which pieces of text of patterns and words are there? Sets seen and word_seen. */
void dlp_find_keys(struct dlp *d, struct str text, const struct measure *m);
/* Could database i of group g find something in a text like this one, pieces aside? */
bool dlp_possible(const struct dlp *d, size_t g, size_t i, const struct measure *m);
/* Scans all databases of b, or one. False: d->err is set. */
bool dlp_run_one(struct dlp *d, const struct dlp_db *b, size_t i, struct str text, match_event_handler on_match, void *user);
bool dlp_run(struct dlp *d, const struct dlp_db *b, struct str text, match_event_handler on_match, void *user);
/* Letters alone, as a person reads them who takes 0 for o, 1 for l, rn for m. */
int dlp_letters(const struct view *in, struct mapped *out) GW_MUST_CHECK;
/* The same without the way back, for a text of ASCII alone; false: it is not, or there is no memory. */
bool dlp_letters_ascii(struct str in, struct buf *out, struct str *ret);
/* Digits with look-alike letters among them read as digits; false: there are none. Same length, same map. */
bool dlp_look_digits(const struct view *in, const struct measure *m, struct mapped *out, int *ret_err);
/* Words alone: letters and digits, one blank for all else, a blank in front and behind. The map leads to positions in `in`. */
int dlp_words(const struct view *in, struct mapped *out) GW_MUST_CHECK;
bool dlp_unspaced(uint32_t c); /* of a script that sets no blanks between words */
bool dlp_is_word_char(struct str s, size_t off, bool before);
int dlp_sealed_scan(struct dlp *d, const struct view *v) GW_MUST_CHECK;
int dlp_number_scan(struct dlp *d, const struct view *v, const struct measure *m, bool leet_only, bool across) GW_MUST_CHECK;
/* A candidate that passed its validator: support, exclusions, threshold. False: it does not count, so what overlaps it has to be looked
 * at too. */
bool dlp_accept(struct dlp *d, uint32_t detector, const struct view *v, size_t from, size_t to, enum opinion o, bool across);

#endif
