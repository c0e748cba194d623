/* SPDX-License-Identifier: GPL-3.0-or-later
 * Lines for `lockgate verify`: read in order by one at a time, taken apart and hashed by as many threads as there are processors,
 * handed over in order. A file that shrinks or grows meanwhile is read up to where it ends then. */
#ifndef LOCKGATE_CTL_VERIFY_READ_H
#define LOCKGATE_CTL_VERIFY_READ_H

#include "ledger.h"

struct feed_line {
    struct str text;       /* without its newline */
    bool readable;         /* scan is filled; else it has no head, or is longer than a line may be */
    struct led_scan scan;
    struct led_hash leaf;
};
/* A piece of a segment. Borrowed until the next feed_next. */
struct feed_piece {
    size_t segment;        /* which of the folder's */
    bool first, last;      /* of its segment */
    struct feed_line *lines;
    size_t n;
    size_t bytes;          /* that were read for it */
    size_t rest;           /* last: so many bytes stand behind the last newline */
};
struct feed;
/* Reads the segments of d from number `from` on; d must stay. NOMEM. */
int feed_new(const struct led_dir *d, size_t from, struct feed **ret) GW_MUST_CHECK;
/* 1 and a piece; 0: all was read; SYS: ret->segment cannot be read (errno); NOMEM. */
int feed_next(struct feed *f, struct feed_piece *ret) GW_MUST_CHECK;
void feed_free(struct feed *f);

#endif
