/* SPDX-License-Identifier: GPL-3.0-or-later
 * The journal's folder: which segments lie there, and files as bytes. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "impl.h"

#define SEGMENTS_MAX 1000000

/* "0000000001.jsonl" */
static bool segment_name(const char *name, uint64_t *ret_first)
{
    uint64_t v = 0;
    size_t n = 0;

    for (; name[n] >= '0' && name[n] <= '9' && n < 19; n++)
        v = v * 10 + (uint64_t)(name[n] - '0');
    if (n < 10 || (n > 10 && name[0] == '0') || strcmp(name + n, ".jsonl") != 0 || v == 0)
        return false;
    *ret_first = v;
    return true;
}

static int by_first(const void *a, const void *b)
{
    uint64_t x = ((const struct led_segment *)a)->first, y = ((const struct led_segment *)b)->first;
    return x < y ? -1 : x > y;
}

static int add_segment(struct led_dir *d, size_t *cap, const char *name, uint64_t first)
{
    struct stat st;

    if (strlen(name) >= sizeof d->v->name || fstatat(d->fd, name, &st, AT_SYMLINK_NOFOLLOW) < 0 || !S_ISREG(st.st_mode))
        return 0;
    if (d->n == *cap) {
        size_t want = *cap ? *cap * 2 : 64;
        struct led_segment *v = want > SEGMENTS_MAX ? NULL : realloc(d->v, want * sizeof *v);
        if (!v)
            return GW_ERR(NOMEM);
        d->v = v;
        *cap = want;
    }
    struct led_segment *s = &d->v[d->n++];
    s->first = first;
    s->size = st.st_size;
    memcpy(s->name, name, strlen(name) + 1);
    return 0;
}

int led_dir_list(struct led_dir *d)
{
    int fd = openat(d->fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC), err = 0;
    DIR *dir = fd < 0 ? NULL : fdopendir(fd);
    size_t cap = 0;
    uint64_t first;

    if (!dir) {
        if (fd >= 0)
            close(fd);
        return GW_ERR(SYS);
    }
    free(d->v);
    d->v = NULL;
    d->n = 0;
    for (struct dirent *e; !err && (e = readdir(dir));)
        if (segment_name(e->d_name, &first))
            err = add_segment(d, &cap, e->d_name, first);
    closedir(dir);
    if (d->n)
        qsort(d->v, d->n, sizeof *d->v, by_first);
    return err;
}

int led_dir_open(const char *path, struct led_dir *ret)
{
    struct led_dir d = { .fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC) };
    int err;

    if (d.fd < 0)
        return errno == ENOENT ? GW_ERR(NOENT) : GW_ERR(SYS);
    err = led_dir_list(&d);
    if (err < 0) {
        led_dir_close(&d);
        return err;
    }
    *ret = d;
    return 0;
}

void led_dir_close(struct led_dir *d)
{
    free(d->v);
    if (d->fd >= 0)
        close(d->fd);
    *d = (struct led_dir){ .fd = -1 };
}

int led_file_open(int dir_fd, const char *name, size_t max, struct led_file *ret)
{
    int fd = openat(dir_fd, name, O_RDONLY | O_CLOEXEC | O_NOFOLLOW), err = 0, sys;
    struct led_file f = { .p = "" };
    struct stat st;

    if (fd < 0)
        return errno == ENOENT ? GW_ERR(NOENT) : GW_ERR(SYS);
    if (fstat(fd, &st) < 0) {
        err = GW_ERR(SYS);
    } else if (!S_ISREG(st.st_mode)) {
        errno = S_ISDIR(st.st_mode) ? EISDIR : EINVAL;
        err = GW_ERR(SYS);
    } else if ((uint64_t)st.st_size > max)
        err = GW_ERR(LIMIT);
    else if (st.st_size > 0) {
        f.n = (size_t)st.st_size;
        f.map = mmap(NULL, f.n, PROT_READ, MAP_PRIVATE, fd, 0);
        if (f.map == MAP_FAILED)
            err = GW_ERR(SYS);
        else
            f.p = f.map;
    }
    sys = errno;
    close(fd);
    errno = sys;
    if (!err)
        *ret = f;
    return err;
}

void led_file_close(struct led_file *f)
{
    if (f->map)
        munmap(f->map, f->n);
    *f = (struct led_file){ .p = "" };
}
