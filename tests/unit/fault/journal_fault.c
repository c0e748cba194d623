/* SPDX-License-Identifier: GPL-3.0-or-later
 * A layer between the journal and the kernel (LD_PRELOAD), steered by the test through shared memory: writes and syncs that fail,
 * a clock that jumps, and for each file the length that a power cut would leave. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "journal_fault.h"

static struct fault *f;
static ssize_t (*real_pwrite)(int, const void *, size_t, off_t);
static int (*real_sync[2])(int), (*real_clock)(clockid_t, struct timespec *), (*real_truncate)(int, off_t);

static void *real(const char *name)
{
    void *p = dlsym(RTLD_NEXT, name);
    return p ? p : (abort(), NULL);
}

__attribute__((constructor)) static void begin(void)
{
    const char *path = getenv("JOURNAL_FAULT");
    int fd = path ? open(path, O_RDWR | O_CLOEXEC) : -1;
    void *p = fd < 0 ? MAP_FAILED : mmap(NULL, sizeof *f, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);

    real_pwrite = (ssize_t(*)(int, const void *, size_t, off_t))real("pwrite64");
    real_sync[0] = (int (*)(int))real("fdatasync");
    real_sync[1] = (int (*)(int))real("fsync");
    real_clock = (int (*)(clockid_t, struct timespec *))real("clock_gettime");
    real_truncate = (int (*)(int, off_t))real("ftruncate64");
    f = p == MAP_FAILED ? NULL : p;
    if (fd >= 0)
        close(fd);
}

/* Half of it is written before the error, as a full disk does. */
ssize_t pwrite64(int fd, const void *p, size_t n, off_t at)
{
    if (!f || !f->write_errno)
        return real_pwrite(fd, p, n, at);
    f->failed++;
    if (n > 1 && !f->halved) {
        f->halved = 1;
        return real_pwrite(fd, p, n / 2, at);
    }
    errno = f->write_errno;
    return -1;
}
ssize_t pwrite(int fd, const void *p, size_t n, off_t at) __attribute__((alias("pwrite64")));

static struct fault_file *file_of(const struct stat *st)
{
    for (int i = 0; i < FAULT_FILES; i++)
        if (f->file[i].inode == st->st_ino || f->file[i].inode == 0) {
            f->file[i].inode = st->st_ino;
            return &f->file[i];
        }
    return &f->file[0];
}

static int sync_(int fd, int which)
{
    struct stat st;

    if (!f)
        return real_sync[which](fd);
    if (f->sync_errno && (!f->sync_times || --f->sync_left >= 0)) {
        f->failed++;
        errno = f->sync_errno;
        return -1;
    }
    if (fstat(fd, &st) < 0 || (!f->fake_sync && real_sync[which](fd) < 0))
        return -1;
    file_of(&st)->synced = st.st_size;
    f->syncs++;
    return 0;
}
int fdatasync(int fd) { return sync_(fd, 0); }
int fsync(int fd) { return sync_(fd, 1); }

/* What is cut off is gone after a power cut too, or comes back: the test takes the worse for the reader, the cut one. */
int ftruncate64(int fd, off_t n)
{
    struct stat st;

    if (f && fstat(fd, &st) == 0 && file_of(&st)->synced > n)
        file_of(&st)->synced = n;
    return real_truncate(fd, n);
}
int ftruncate(int fd, off_t n) __attribute__((alias("ftruncate64")));

int clock_gettime(clockid_t id, struct timespec *t)
{
    int r = real_clock(id, t);

    if (f && id == CLOCK_REALTIME)
        t->tv_sec += f->clock_offset;
    return r;
}
