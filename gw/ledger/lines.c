/* SPDX-License-Identifier: GPL-3.0-or-later
 * Reading a segment line by line through one buffer. */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

#include "impl.h"

#define CHUNK (4u << 20)

int led_lines_open(struct led_lines *l, int dir_fd, const char *name)
{
    *l = (struct led_lines){ .fd = openat(dir_fd, name, O_RDONLY | O_CLOEXEC | O_NOFOLLOW) };
    if (l->fd < 0)
        return errno == ENOENT ? GW_ERR(NOENT) : GW_ERR(SYS);
    (void)posix_fadvise(l->fd, 0, 0, POSIX_FADV_SEQUENTIAL);
    l->p = malloc(CHUNK);
    if (!l->p) {
        close(l->fd);
        l->fd = -1;
        return GW_ERR(NOMEM);
    }
    return 0;
}

void led_lines_close(struct led_lines *l)
{
    free(l->p);
    if (l->fd >= 0)
        close(l->fd);
    *l = (struct led_lines){ .fd = -1 };
}

/* 1: more bytes; 0: the end for now. */
static int fill(struct led_lines *l)
{
    ssize_t n;

    if (l->from > 0) {
        memmove(l->p, l->p + l->from, l->to - l->from);
        l->to -= l->from;
        l->from = 0;
    }
    do
        n = read(l->fd, l->p + l->to, CHUNK - l->to);
    while (n < 0 && errno == EINTR);
    if (n < 0)
        return GW_ERR(SYS);
    l->to += (size_t)n;
    return n > 0;
}

int led_lines_next(struct led_lines *l, struct str *ret)
{
    size_t seen = 0;
    bool skipped = false;
    int more;

    for (;;) {
        const char *start = l->p + l->from, *nl = memchr(start + seen, '\n', l->to - l->from - seen);
        if (nl) {
            *ret = (struct str){ start, (size_t)(nl - start) };
            l->from += ret->n + 1;
            l->at += ret->n + 1;
            return skipped || ret->n > LED_LINE_MAX ? GW_ERR(LIMIT) : 1;
        }
        seen = l->to - l->from;
        if (seen > LED_LINE_MAX) { /* forget it, but go on to its end */
            l->at += seen;
            l->from = l->to = seen = 0;
            skipped = true;
        }
        if ((more = fill(l)) <= 0)
            return more < 0 ? more : skipped ? GW_ERR(LIMIT) : 0;
    }
}
