/* SPDX-License-Identifier: GPL-3.0-or-later
 * Growable byte buffers that never hold more than their maximum. */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "buf.h"

#define BUF_FIRST 256 /* bytes of the first allocation */

void buf_init(struct buf *b, size_t max)
{
    *b = (struct buf){ .max = max };
}

void buf_clear(struct buf *b)
{
    free(b->p);
    *b = (struct buf){ .max = b->max };
}

/* Moving the bytes to the front is cheap only while few are left: each byte is then moved at most once for each byte that
 * was taken off, so that a long-lived queue costs linear time. */
static bool buf_compact(struct buf *b, size_t n)
{
    size_t size = buf_size(b);

    if (b->off < b->cap / 2 || n > b->cap - size)
        return false;
    memmove(b->p, b->p + b->off, size);
    b->off = 0;
    b->len = size;
    return true;
}

unsigned char *buf_room_more(struct buf *b, size_t n)
{
    size_t size = buf_size(b), cap;
    unsigned char *p;

    if (size > b->max || n > b->max - size)
        return NULL;
    if (b->p && buf_compact(b, n))
        return b->p + b->len;
    cap = b->cap > BUF_FIRST / 2 ? b->cap * 2 : BUF_FIRST;
    if (cap > b->max)
        cap = b->max ? b->max : 1;
    if (cap < size + n)
        cap = size + n;
    p = malloc(cap);
    if (!p)
        return NULL;
    if (size)
        memcpy(p, b->p + b->off, size);
    free(b->p);
    b->p = p;
    b->cap = cap;
    b->off = 0;
    b->len = size;
    return p + size;
}

int buf_put_more(struct buf *b, const void *p, size_t n)
{
    size_t size = buf_size(b);
    unsigned char *to;

    if (size > b->max || n > b->max - size)
        return GW_ERR(LIMIT);
    if (n == 0)
        return 0;
    to = buf_room(b, n);
    if (!to)
        return GW_ERR(NOMEM);
    memcpy(to, p, n);
    buf_added(b, n);
    return 0;
}

int buf_printf(struct buf *b, const char *fmt, ...)
{
    char small[512], *text = small;
    va_list ap;
    int n, err;

    va_start(ap, fmt);
    n = vsnprintf(small, sizeof small, fmt, ap);
    va_end(ap);
    if (n < 0)
        return GW_ERR(SYS);
    if ((size_t)n >= sizeof small) {
        if ((size_t)n > b->max)
            return GW_ERR(LIMIT);
        text = malloc((size_t)n + 1);
        if (!text)
            return GW_ERR(NOMEM);
        va_start(ap, fmt);
        n = vsnprintf(text, (size_t)n + 1, fmt, ap);
        va_end(ap);
    }
    err = n < 0 ? GW_ERR(SYS) : buf_put(b, text, (size_t)n);
    if (text != small)
        free(text); // cppcheck-suppress autovarInvalidDeallocation // not small: the condition says so
    return err;
}

void buf_drop(struct buf *b, size_t n)
{
    if (n >= buf_size(b))
        buf_reset(b);
    else
        b->off += n;
}
