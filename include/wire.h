/* SPDX-License-Identifier: GPL-3.0-or-later
 * The wire cursor: fixed-width big-endian fields, a sticky error, no reading past the end (PROTOCOL.md, "Encoding"). */
#ifndef LOCKGATE_WIRE_H
#define LOCKGATE_WIRE_H

#include "buf.h"

/* Reading. After the first failed read err is set, all later reads return 0 or an empty string. */
struct wire {
    const unsigned char *p, *end;
    int err;
};
void wire_init(struct wire *w, const void *p, size_t n);
uint8_t wire_u8(struct wire *w);
uint16_t wire_u16(struct wire *w);
uint32_t wire_u32(struct wire *w);
uint64_t wire_u64(struct wire *w);
const unsigned char *wire_bytes(struct wire *w, size_t n); /* n bytes in place, NULL on error */
struct str wire_str16(struct wire *w, size_t max);         /* u16 length, bytes; LIMIT when longer than max */
struct str wire_str32(struct wire *w, size_t max);         /* u32 length, bytes */
static inline size_t wire_left(const struct wire *w) { return (size_t)(w->end - w->p); }
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
void wire_put_u8(struct wire_out *o, uint8_t v);
void wire_put_u16(struct wire_out *o, uint16_t v);
void wire_put_u32(struct wire_out *o, uint32_t v);
void wire_put_u64(struct wire_out *o, uint64_t v);
void wire_put_bytes(struct wire_out *o, const void *p, size_t n);
void wire_put_str16(struct wire_out *o, struct str s); /* LIMIT when longer than 65535 */
void wire_put_str32(struct wire_out *o, struct str s);

#endif
