/* SPDX-License-Identifier: GPL-3.0-or-later
 * The segments: append a batch and make it durable, or leave no trace of it. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "journal.h"
#include "log.h"

static bool no_space(int e)
{
    return e == ENOSPC || e == EDQUOT || e == EFBIG;
}

int store_pwrite(int fd, const void *p, size_t n, off_t at)
{
    const char *from = p;

    while (n > 0) {
        ssize_t w = pwrite(fd, from, n, at);
        if (w < 0 && errno == EINTR)
            continue;
        if (w < 0)
            return no_space(errno) ? GW_ERR(AGAIN) : GW_ERR(IO);
        from += w;
        at += w;
        n -= (size_t)w;
    }
    return 0;
}

int store_open(struct store *s, uint64_t first, off_t durable, bool create)
{
    char name[sizeof s->name];
    int fd;

    snprintf(name, sizeof name, "%010llu.jsonl", (unsigned long long)first);
    fd = openat(s->dir_fd, name, O_RDWR | O_CLOEXEC | O_NOFOLLOW | (create ? O_CREAT | O_EXCL : 0), 0640);
    if (fd < 0 && create && errno == EEXIST) { /* an attempt that found no space for the folder entry's sync */
        fd = openat(s->dir_fd, name, O_RDWR | O_CLOEXEC | O_NOFOLLOW);
        if (fd >= 0 && lseek(fd, 0, SEEK_END) != 0) {
            log_error("%s is there already and is not empty", name);
            close(fd);
            return GW_ERR(IO);
        }
    }
    if (fd < 0) {
        int e = errno;
        log_error("cannot open %s: %m", name);
        return no_space(e) ? GW_ERR(AGAIN) : GW_ERR(IO);
    }
    if (create && (fsync(fd) < 0 || fsync(s->dir_fd) < 0)) {
        int e = errno;
        log_error("cannot make %s durable: %m", name);
        close(fd);
        return no_space(e) ? GW_ERR(AGAIN) : GW_ERR(IO);
    }
    if (s->fd >= 0) {
        (void)fchmod(s->fd, 0440); /* it is complete: not even we write there again */
        close(s->fd);
    }
    s->fd = fd;
    memcpy(s->name, name, sizeof name);
    s->first = first;
    s->durable = durable;
    s->opened_ms = mono_ms();
    return 0;
}

/* Back to what is known to be durable. After a failed sync the kernel may hold pages as clean that never reached the disk, so
 * nothing behind that length may be trusted or kept. */
static int cut_back(struct store *s)
{
    int fd;

    if (ftruncate(s->fd, s->durable) < 0) {
        log_error("cannot cut %s to %lld bytes: %m", s->name, (long long)s->durable);
        return GW_ERR(IO);
    }
    fd = openat(s->dir_fd, s->name, O_RDWR | O_CLOEXEC | O_NOFOLLOW);
    if (fd < 0) {
        log_error("cannot open %s again: %m", s->name);
        return GW_ERR(IO);
    }
    close(s->fd);
    s->fd = fd;
    if (fdatasync(s->fd) < 0 && !no_space(errno)) {
        log_error("cannot sync %s: %m", s->name);
        return GW_ERR(IO);
    }
    return 0;
}

int store_append(struct store *s, const void *p, size_t n, uint64_t records)
{
    int err = store_pwrite(s->fd, p, n, s->durable), e = errno;

    if (!err && fdatasync(s->fd) < 0) {
        e = errno;
        err = no_space(e) || e == EIO ? GW_ERR(AGAIN) : GW_ERR(IO);
    }
    if (!err) {
        s->durable += (off_t)n;
        s->seq += records;
        s->said = false;
        return 0;
    }
    s->why = errno = e;
    if (!s->said)
        log_error("cannot write %zu bytes to %s: %m; nothing is released", n, s->name);
    s->said = true;
    return cut_back(s) < 0 ? GW_ERR(IO) : err;
}

int store_rotate(struct store *s, int64_t now_ms)
{
    if (s->durable == 0 || (s->durable < s->max_size && (s->max_ms == 0 || now_ms - s->opened_ms < s->max_ms)))
        return 0;
    return store_open(s, s->seq + 1, 0, true);
}
