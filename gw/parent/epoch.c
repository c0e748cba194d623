/* SPDX-License-Identifier: GPL-3.0-or-later
 * A number that grows with every start, over restarts of the machine too: the guard's epoch must never come again. */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdlib.h>
#include <unistd.h>

#include "log.h"
#include "parent.h"

static int read_epoch(const char *path, uint64_t *ret)
{
    char text[32];
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0) {
        *ret = 0;
        return errno == ENOENT ? 0 : GW_ERR(SYS);
    }
    ssize_t n = read(fd, text, sizeof text - 1);
    close(fd);
    if (n < 0)
        return GW_ERR(SYS);
    text[n] = 0;
    char *end;
    errno = 0;
    *ret = strtoull(text, &end, 10);
    return n < 2 || errno || strcmp(end, "\n") != 0 || *ret > UINT64_MAX / 2 ? GW_ERR(SYNTAX) : 0;
}

/* The new file is complete and on disk before it takes the old one's name. */
static int write_epoch(const char *state, const char *path, uint64_t v)
{
    char tmp[600];
    int e = GW_ERR(SYS), folder = -1;
    snprintf(tmp, sizeof tmp, "%s.new", path);
    int fd = open(tmp, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
    if (fd < 0)
        return e;
    if (dprintf(fd, "%" PRIu64 "\n", v) < 2 || fsync(fd) != 0 || rename(tmp, path) != 0)
        goto out;
    folder = open(state, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (folder >= 0 && fsync(folder) == 0)
        e = 0;
out:
    close(fd);
    if (folder >= 0)
        close(folder);
    return e;
}

int epoch_next(const char *state, uint64_t *ret)
{
    char path[512];
    uint64_t v;
    if (snprintf(path, sizeof path, "%s/epoch", state) >= (int)sizeof path)
        return GW_ERR(LIMIT);
    int e = read_epoch(path, &v);
    if (!e)
        e = write_epoch(state, path, v + 1);
    if (e)
        log_error("%s: %s%s%s", path, gw_strerror(e), e == GW_ERR(SYS) ? ": " : "", e == GW_ERR(SYS) ? strerror(errno) : "");
    else
        *ret = v + 1;
    return e;
}
