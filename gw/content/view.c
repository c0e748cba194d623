/* SPDX-License-Identifier: GPL-3.0-or-later
 * Views under construction: text and, for each byte, where it came from. */
#include "view.h"

#include <stdlib.h>

void mapped_init(struct mapped *m)
{
    *m = (struct mapped){ 0 };
    buf_init(&m->text, JOIN_MAX * 2u);
}

void mapped_clear(struct mapped *m)
{
    buf_clear(&m->text);
    free(m->from);
    free(m->to);
    mapped_init(m);
}

void mapped_reset(struct mapped *m)
{
    buf_reset(&m->text);
}

static int grow(struct mapped *m, size_t want)
{
    size_t cap = m->cap ? m->cap : 1024;
    while (cap < want)
        cap *= 2;
    uint32_t *from = reallocarray(m->from, cap, sizeof *from);
    if (from)
        m->from = from;
    uint32_t *to = reallocarray(m->to, cap, sizeof *to);
    if (to)
        m->to = to;
    if (!from || !to)
        return GW_ERR(NOMEM);
    m->cap = cap;
    return 0;
}

static int room(struct mapped *m, size_t n)
{
    size_t have = buf_size(&m->text);
    return have + n > m->cap ? grow(m, have + n) : 0;
}

int mapped_reserve(struct mapped *m, size_t n)
{
    int err = room(m, n);
    return err ? err : buf_room(&m->text, n ? n : 1) ? 0 : GW_ERR(LIMIT);
}

int mapped_put(struct mapped *m, const void *p, size_t n, uint32_t from, uint32_t to)
{
    size_t at = buf_size(&m->text);
    int err = room(m, n);
    if (err || (err = buf_put(&m->text, p, n)))
        return err;
    for (size_t i = 0; i < n; i++) {
        m->from[at + i] = from;
        m->to[at + i] = to;
    }
    return 0;
}

int mapped_copy(struct mapped *m, const struct view *in, size_t off, size_t n)
{
    size_t at = buf_size(&m->text);
    int err = room(m, n);
    if (err || (err = buf_put(&m->text, in->text.p + off, n)))
        return err;
    for (size_t i = 0; i < n; i++) {
        m->from[at + i] = view_from(in, off + i);
        m->to[at + i] = view_to(in, off + i);
    }
    return 0;
}

size_t put_utf8(uint32_t c, char out[4])
{
    if (c < 0x80) {
        out[0] = (char)c;
        return 1;
    }
    if (c < 0x800) {
        out[0] = (char)(0xc0 | c >> 6);
        out[1] = (char)(0x80 | (c & 0x3f));
        return 2;
    }
    if (c < 0x10000) {
        out[0] = (char)(0xe0 | c >> 12);
        out[1] = (char)(0x80 | (c >> 6 & 0x3f));
        out[2] = (char)(0x80 | (c & 0x3f));
        return 3;
    }
    out[0] = (char)(0xf0 | c >> 18);
    out[1] = (char)(0x80 | (c >> 12 & 0x3f));
    out[2] = (char)(0x80 | (c >> 6 & 0x3f));
    out[3] = (char)(0x80 | (c & 0x3f));
    return 4;
}

int mapped_put_char(struct mapped *m, uint32_t c, uint32_t from, uint32_t to)
{
    char utf8[4];
    return mapped_put(m, utf8, put_utf8(c, utf8), from, to);
}

bool text_is_ascii(struct str s)
{
    size_t i = 0;
    for (; i + 8 <= s.n; i += 8) {
        uint64_t w;
        memcpy(&w, s.p + i, 8);
        if (w & 0x8080808080808080u)
            return false;
    }
    for (; i < s.n; i++)
        if ((unsigned char)s.p[i] > 0x7f)
            return false;
    return true;
}
