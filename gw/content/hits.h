/* SPDX-License-Identifier: GPL-3.0-or-later
 * The text of one request put together, and what was found in it, in coordinates of that text. */
#ifndef LOCKGATE_CONTENT_HITS_H
#define LOCKGATE_CONTENT_HITS_H

#include "scan.h"

/* Between two groups: no XML text holds a NUL, and '.' of YARA and Hyperscan stops at a line feed. */
#define JOIN_GAP "\n\0\n"
#define JOIN_GAP_LEN 3u
#define JOIN_MAX (34u << 20) /* bytes; a SCAN message is smaller */
#define NO_SPAN UINT32_MAX

/* Bytes [start, end) of the joined text are segment seg. */
struct piece { uint32_t start, end, seg, group; };
struct joined {
    struct buf text;
    struct piece *pieces; /* by start */
    size_t n, cap;
    bool ascii;           /* no byte above 0x7f */
};
void joined_init(struct joined *j);
void joined_clear(struct joined *j);
/* Pieces of one group stand together in order of the request. SYNTAX: not valid XML text. LIMIT, NOMEM. */
int joined_make(struct joined *j, const struct scan_request *r) GW_MUST_CHECK;
/* Index of the piece that holds the byte at off, or the next one behind it (n when there is none). */
size_t joined_piece_at(const struct joined *j, uint32_t off);

struct hit {
    uint8_t source, confidence;
    struct scan_meta meta;
    const char *rule;
    uint32_t start, end; /* of the joined text; start NO_SPAN: none */
};
#define HITS_MAX 20000
struct hits {
    struct hit *v;
    size_t n, cap;
    int err; /* sticks: LIMIT, NOMEM */
};
void hits_init(struct hits *h);
void hits_clear(struct hits *h);
void hits_add(struct hits *h, enum scan_source source, const char *rule, uint32_t start, uint32_t end, unsigned confidence);
/* Sorts; joins overlapping spans of one rule; drops span-less hits of rules that also have a span. */
void hits_tidy(struct hits *h);
/* Splits hits over segments into ret (arena). LIMIT when there are more than SCAN_MATCHES_MAX. */
int hits_to_matches(const struct hits *h, const struct joined *j, struct arena *a,
    struct scan_result *ret) GW_MUST_CHECK;

#endif
