/* SPDX-License-Identifier: GPL-3.0-or-later
 * The wire cursor. Reading never passes the end; the first error stays. */
#include <endian.h>

#include "wire.h"

void wire_init(struct wire *w, const void *p, size_t n)
{
    static const unsigned char nothing[1];

    w->p = p ? p : nothing;
    w->end = w->p + (p ? n : 0);
    w->err = 0;
}

void wire_fail(struct wire *w, int err)
{
    if (w->err == 0)
        w->err = err;
}

const unsigned char *wire_bytes(struct wire *w, size_t n)
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

uint8_t wire_u8(struct wire *w)
{
    const unsigned char *p = wire_bytes(w, 1);

    return p ? p[0] : 0;
}

uint16_t wire_u16(struct wire *w)
{
    const unsigned char *p = wire_bytes(w, 2);
    uint16_t v;

    if (!p)
        return 0;
    memcpy(&v, p, sizeof v);
    return be16toh(v);
}

uint32_t wire_u32(struct wire *w)
{
    const unsigned char *p = wire_bytes(w, 4);
    uint32_t v;

    if (!p)
        return 0;
    memcpy(&v, p, sizeof v);
    return be32toh(v);
}

uint64_t wire_u64(struct wire *w)
{
    const unsigned char *p = wire_bytes(w, 8);
    uint64_t v;

    if (!p)
        return 0;
    memcpy(&v, p, sizeof v);
    return be64toh(v);
}

static struct str wire_str(struct wire *w, size_t n, size_t max)
{
    const unsigned char *p;

    if (w->err == 0 && n > max)
        w->err = GW_ERR(LIMIT);
    p = wire_bytes(w, n);
    return p ? (struct str){ (const char *)p, n } : STR_NONE;
}

struct str wire_str16(struct wire *w, size_t max)
{
    size_t n = wire_u16(w);

    return wire_str(w, n, max);
}

struct str wire_str32(struct wire *w, size_t max)
{
    size_t n = wire_u32(w);

    return wire_str(w, n, max);
}

int wire_done(const struct wire *w)
{
    if (w->err != 0)
        return w->err;
    return w->p == w->end ? 0 : GW_ERR(SYNTAX);
}

/* ---- writing ---- */

void wire_out_init(struct wire_out *o, struct buf *b)
{
    o->b = b;
    o->err = 0;
}

void wire_put_bytes(struct wire_out *o, const void *p, size_t n)
{
    if (o->err == 0)
        o->err = buf_put(o->b, p, n);
}

void wire_put_u8(struct wire_out *o, uint8_t v)
{
    wire_put_bytes(o, &v, sizeof v);
}

void wire_put_u16(struct wire_out *o, uint16_t v)
{
    v = htobe16(v);
    wire_put_bytes(o, &v, sizeof v);
}

void wire_put_u32(struct wire_out *o, uint32_t v)
{
    v = htobe32(v);
    wire_put_bytes(o, &v, sizeof v);
}

void wire_put_u64(struct wire_out *o, uint64_t v)
{
    v = htobe64(v);
    wire_put_bytes(o, &v, sizeof v);
}

void wire_put_str16(struct wire_out *o, struct str s)
{
    if (o->err == 0 && s.n > UINT16_MAX)
        o->err = GW_ERR(LIMIT);
    wire_put_u16(o, (uint16_t)s.n);
    wire_put_bytes(o, s.p, s.n);
}

void wire_put_str32(struct wire_out *o, struct str s)
{
    if (o->err == 0 && s.n > UINT32_MAX)
        o->err = GW_ERR(LIMIT);
    wire_put_u32(o, (uint32_t)s.n);
    wire_put_bytes(o, s.p, s.n);
}
