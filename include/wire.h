/* SPDX-License-Identifier: GPL-3.0-or-later
 * The wire cursor: fixed-width big-endian fields, a sticky error, no reading past the end (PROTOCOL.md, "Encoding"). */
#ifndef LOCKGATE_WIRE_H
#define LOCKGATE_WIRE_H

#include <endian.h>

#include "buf.h"

/* Reading. After the first failed read err is set, all later reads return 0 or an empty string. */
struct wire {
    const unsigned char *p, *end;
    int err;
};
void wire_init(struct wire *w, const void *p, size_t n);
static inline size_t wire_left(const struct wire *w) { return (size_t)(w->end - w->p); }
/* n bytes in place, NULL on error */
static inline const unsigned char *wire_bytes(struct wire *w, size_t n)
{
    const unsigned char *p = w->p;
    if (w->err != 0)
        return NULL;
    if (n > wire_left(w)) {
        w->err = GW_ERR(SYNTAX);
        return NULL;
    }
    w->p += n;
    return p;
}
#define WIRE_GET(bits, swap) \
    static inline uint##bits##_t wire_u##bits(struct wire *w) \
    { \
        const unsigned char *p = wire_bytes(w, bits / 8); \
        uint##bits##_t v = 0; \
        if (p) \
            memcpy(&v, p, sizeof v); \
        return swap(v); \
    }
WIRE_GET(8, )
WIRE_GET(16, be16toh)
WIRE_GET(32, be32toh)
WIRE_GET(64, be64toh)
struct str wire_str16(struct wire *w, size_t max); /* u16 length, bytes; LIMIT when longer than max */
struct str wire_str32(struct wire *w, size_t max); /* u32 length, bytes */
/* 0 when all was read and nothing failed; else the sticky error, or SYNTAX for trailing bytes. */
int wire_done(const struct wire *w) GW_MUST_CHECK;
/* Sets the sticky error unless one is set. */
void wire_fail(struct wire *w, int err);

/* Writing, into a buf; the first error sticks in err. */
struct wire_out {
    struct buf *b;
    int err;
};
void wire_out_init(struct wire_out *o, struct buf *b);
static inline void wire_put_bytes(struct wire_out *o, const void *p, size_t n)
{
    if (o->err == 0)
        o->err = buf_put(o->b, p, n);
}
#define WIRE_PUT(bits, swap) \
    static inline void wire_put_u##bits(struct wire_out *o, uint##bits##_t v) \
    { \
        v = swap(v); \
        wire_put_bytes(o, &v, sizeof v); \
    }
WIRE_PUT(8, )
WIRE_PUT(16, htobe16)
WIRE_PUT(32, htobe32)
WIRE_PUT(64, htobe64)
void wire_put_str16(struct wire_out *o, struct str s); /* LIMIT when longer than 65535 */
void wire_put_str32(struct wire_out *o, struct str s);

#endif
