/* SPDX-License-Identifier: GPL-3.0-or-later
 * The wire cursor. Reading never passes the end; the first error stays. */
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
