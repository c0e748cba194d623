/* SPDX-License-Identifier: GPL-3.0-or-later
 * expat, tamed: restricted XML only (RFC 6120 section 11), every token and every first-level element bounded, pauses
 * behind the element that the hooks name. */
#ifndef LOCKGATE_XMPP_READER_H
#define LOCKGATE_XMPP_READER_H

#include <expat.h>

#include "buf.h"
#include "reason.h"

/* Why a stream must end: a stream error (RFC 6120 section 4.9.3), our reason, a static detail. condition NULL: no fault. */
struct fault {
    const char *condition;
    enum gw_reason reason;
    const char *detail;
    bool nomem;
};

/* A name as expat splits it; borrowed until the callback returns. */
struct xml_name {
    struct str ns, local, prefix;
};

/* Called during reader_run. depth: 1 is the root. atts: name, value, ... NULL; names split by xml_name_split. */
struct reader_hooks {
    void (*start)(void *who, unsigned depth, const struct xml_name *name, const char **atts);
    void (*end)(void *who, unsigned depth);
    void (*text)(void *who, unsigned depth, struct str text); /* depth of the element that holds it */
    void (*root_ns)(void *who, struct str prefix, struct str uri); /* declarations of the root, before its start */
};

struct reader_limits {
    size_t header; /* bytes up to the end of the root's start tag */
    size_t token;  /* bytes of one tag or reference */
    size_t unit;   /* bytes of one first-level element, with the white space before it */
};

struct reader {
    XML_Parser p;        /* NULL while it rests */
    const struct reader_hooks *hooks;
    void *who;
    struct reader_limits limits;
    struct buf in;       /* from the end of the last finished token on */
    size_t fed;          /* bytes of in that expat has */
    int64_t base;        /* stream position of what the parser counts as its byte 0 (see renew) */
    struct buf header;   /* the document's first bytes, up to the end of the root's start tag */
    size_t renew;        /* expat keeps every distinct name that it ever saw: after this many bytes, between two first-level
                            elements, it is emptied and given the document's header again. 0: never. Set after reader_init */
    uint64_t renewed;    /* where that was done last */
    bool muted;
    uint64_t pos;        /* stream position of in's first byte */
    uint64_t done;       /* where the last finished token ended */
    uint64_t unit;       /* where the current first-level element (with the space before it) begins */
    uint64_t first;      /* where the first-level element itself begins */
    uint64_t wide;       /* where a tag has more attributes than any record takes; expat is not fed beyond. 0: nowhere */
    unsigned values;     /* attribute values in the tag that is being scanned */
    uint64_t go;         /* bytes before this position are worth a parse (see scan) */
    unsigned depth;      /* open elements */
    unsigned char scan;  /* state of the timing scanner */
    unsigned char dashes;
    bool root_seen, paused, failed;
    struct fault fault;
};

/* in is kept apart from the parser, so that what was not consumed survives a restart. in_max: bytes that may wait. */
int reader_init(struct reader *r, const struct reader_hooks *hooks, void *who, const struct reader_limits *limits, size_t in_max)
    GW_MUST_CHECK;
void reader_clear(struct reader *r);
/* A fresh document; bytes not yet consumed are kept and will be read as its beginning. */
int reader_restart(struct reader *r) GW_MUST_CHECK;
int reader_feed(struct reader *r, const void *p, size_t n) GW_MUST_CHECK; /* LIMIT, NOMEM */

/* Between two first-level elements, with nothing unfinished: frees the parser and its buffers until more comes; then it is made anew from
 * the document's header, as `renew` has it. Otherwise nothing happens. */
void reader_rest(struct reader *r);

enum reader_result { READER_MORE, READER_PAUSED, READER_FAULT };
enum reader_result reader_run(struct reader *r);
/* Names and namespace names longer than this end the stream, and tags with more attributes never reach expat: it copies the
 * namespace name for each prefixed attribute, before any callback (116 kB of input made it ask for 300 MB). */
#define XML_NAME_MAX 1024
#define XML_ATTRS_MAX 256 /* REC_HARD_LIMITS has the same */

/* From inside a hook: stop behind this token; reader_run returns PAUSED, or FAULT. */
void reader_pause(struct reader *r);
void reader_fail(struct reader *r, const char *condition, enum gw_reason reason, const char *detail);
void reader_nomem(struct reader *r);
/* Bytes behind the last finished token (also those that expat has). */
static inline size_t reader_left(const struct reader *r) { return buf_size(&r->in); }
/* Bytes of the first-level element that just ended (inside the hook that reports its end). */
static inline size_t reader_size(const struct reader *r) { return (size_t)(r->done - r->first); }

void xml_name_split(const char *expat_name, struct xml_name *ret);
/* Whether this expat is fit (CVE-2022-25236 is fixed: the separator cannot be smuggled into a namespace name). */
bool reader_expat_fit(void);

#endif
