/* SPDX-License-Identifier: GPL-3.0-or-later
 * Borrowed strings, growable buffers with a maximum, arenas. */
#ifndef LOCKGATE_BUF_H
#define LOCKGATE_BUF_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "err.h"

/* A borrowed piece of bytes, not terminated. Whoever hands it out says how long it lives. */
struct str {
    const char *p;
    size_t n;
};

#define STR(lit) ((struct str){ "" lit, sizeof(lit) - 1 })
#define STR_NONE ((struct str){ NULL, 0 })
/* for printf: printf("%.*s", STR_ARG(s)) */
#define STR_ARG(s) (int)(s).n, (s).p ? (s).p : ""

static inline struct str str_c(const char *z) { return (struct str){ z, z ? strlen(z) : 0 }; }
static inline bool str_eq(struct str a, struct str b) { return a.n == b.n && (a.n == 0 || memcmp(a.p, b.p, a.n) == 0); }

/* A growable buffer: bytes p[off .. len), never more than max bytes stored. All-zero with a max is valid and empty. */
struct buf {
    unsigned char *p;
    size_t off, len, cap, max;
};

void buf_init(struct buf *b, size_t max);
void buf_clear(struct buf *b); /* frees; the buffer may be used again */
static inline size_t buf_size(const struct buf *b) { return b->len - b->off; }
static inline const unsigned char *buf_data(const struct buf *b) { return b->p ? b->p + b->off : NULL; }
static inline struct str buf_str(const struct buf *b) { return (struct str){ (const char *)buf_data(b), b->len - b->off }; }

/* Append n bytes. LIMIT: would exceed max (nothing appended). NOMEM. Inline as far as there is room (cap never exceeds max). */
int buf_put_more(struct buf *b, const void *p, size_t n) GW_MUST_CHECK;
GW_MUST_CHECK static inline int buf_put(struct buf *b, const void *p, size_t n)
{
    if (n - 1 >= b->cap - b->len) /* nothing, or more than there is room for */
        return buf_put_more(b, p, n);
    memcpy(b->p + b->len, p, n);
    b->len += n;
    return 0;
}
static inline int buf_puts(struct buf *b, struct str s) { return buf_put(b, s.p, s.n); }
/* printf into the buffer. Same errors. */
int buf_printf(struct buf *b, const char *fmt, ...) __attribute__((format(printf, 2, 3))) GW_MUST_CHECK;
/* Make room for n bytes and return where to write them, or NULL (limit, memory); then buf_added(b, used). Inline like buf_put. */
unsigned char *buf_room_more(struct buf *b, size_t n);
static inline unsigned char *buf_room(struct buf *b, size_t n)
{
    return b->p && n <= b->cap - b->len ? b->p + b->len : buf_room_more(b, n);
}
static inline void buf_added(struct buf *b, size_t n) { b->len += n; }
/* Take n bytes (n <= buf_size) off the front. */
void buf_drop(struct buf *b, size_t n);
static inline void buf_reset(struct buf *b) { b->off = b->len = 0; }

/* An arena: allocations live until arena_reset/arena_clear. Zeroed, aligned to 16 bytes. NULL on the limit or without memory. */
struct arena_chunk;
struct arena {
    struct arena_chunk *chunks;
    size_t used, max;
};
void arena_init(struct arena *a, size_t max);
void *arena_alloc(struct arena *a, size_t n);
/* A copy with a terminating NUL that is not counted. p == NULL: no memory. */
struct str arena_str(struct arena *a, struct str s);
void arena_reset(struct arena *a); /* keeps the first chunk */
void arena_clear(struct arena *a);

#endif
