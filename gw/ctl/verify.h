/* SPDX-License-Identifier: GPL-3.0-or-later
 * `lockgate verify`: what its files share. Findings speak against the journal, remarks do not. */
#ifndef LOCKGATE_CTL_VERIFY_H
#define LOCKGATE_CTL_VERIFY_H

#include "ledger.h"
#include "verify_tail.h"

#define FINDINGS_MAX 1000
struct finding {
    const char *kind;    /* one word, for programs */
    uint64_t from, to;   /* records; 0: none in particular */
    char *text;
};
struct findings {
    struct finding *v;
    size_t n, total;
    uint64_t first, damaged; /* the first record named at all; the first that is not what it should be (not: a bad note). 0: none */
};

/* A checkpoint that must fit: from the journal's own file, or held outside. */
struct claim {
    uint64_t size, time;
    struct led_hash root;
    bool outside;
};

struct verify {
    /* what is asked */
    const char *folder, *key_file, *outside_file, *since_file;
    uint64_t record;
    bool json, progress, own_key;
    /* what is there */
    struct led_dir dir;
    struct led_key *key;
    int tree_fd; /* -1: none */
    uint64_t bytes_all, bytes_read;
    struct claim *claims; /* by size */
    size_t n_claims, n_inside, n_outside;
    /* what was found */
    struct findings findings, remarks;
    uint64_t first_record, records, proven, proven_outside, last_time; /* last record; up to which record a checkpoint fits */
    uint64_t proven_time, proven_outside_time, grown_from; /* grown_from: --since, lines up to here were not read */
    struct tail tail; /* behind the newest checkpoint that fits */
    double seconds;
};

/* The answer, once all is read. UNPROVEN: nothing wrong was found, and less is under a checkpoint than should be. */
enum verify_state { VERIFY_WHOLE, VERIFY_NOT_WHOLE, VERIFY_UNPROVEN };
enum verify_state verify_state(const struct verify *v);

void finding_add(struct findings *f, const char *kind, uint64_t from, uint64_t to, const char *fmt, ...)
    __attribute__((format(printf, 5, 6)));
const char *file_error(int err); /* of led_file_open, with errno as it left it */
/* "record 7", "records 7 to 9" */
const char *records_text(uint64_t from, uint64_t to, char out[64]);
/* "1,234,567" in one of a few static buffers */
const char *thousands(uint64_t v);

/* verify_say.c */
void verify_text(const struct verify *v);
void verify_json(const struct verify *v);
/* verify_notes.c: claims of the journal's file and of the file held outside; says what is wrong with the notes themselves. Negative:
 * a file cannot be read (said on standard error). */
int verify_notes(struct verify *v) GW_MUST_CHECK;
/* The first note of a file that is signed by the key. NOENT etc., said on standard error. */
int verify_note_file(struct verify *v, const char *path, struct led_note *ret) GW_MUST_CHECK;
/* verify_walk.c: all lines, from the first or behind a size that is known to be right. */
int verify_walk(struct verify *v, uint64_t behind, const struct led_tree *tree) GW_MUST_CHECK;
/* verify_proof.c */
int verify_record(struct verify *v);
int verify_since(struct verify *v);
int verify_get(void *arg, unsigned level, uint64_t n, struct led_hash *ret); /* led_get_fn over the file `tree`; arg: struct verify */

#endif
