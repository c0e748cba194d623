/* SPDX-License-Identifier: GPL-3.0-or-later
 * A witness that is a file: on another disk, a share, a printer's spool. It is only appended to. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "courier.h"

static int failed(struct witness *w, const char *what)
{
    snprintf(w->why, sizeof w->why, "%s: %s", what, strerror(errno));
    if (w->fd >= 0)
        close(w->fd);
    w->fd = -1;
    return GW_ERR(IO);
}

int file_open(struct witness *w, uid_t uid)
{
    struct stat st;

    w->fd = open(w->conf->path, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK, 0644);
    if (w->fd < 0)
        return failed(w, "it cannot be opened");
    if (fstat(w->fd, &st) < 0 || !S_ISREG(st.st_mode)) {
        errno = EINVAL;
        return failed(w, "it is no plain file");
    }
    if (uid && st.st_uid != uid && st.st_size > 0) { /* a slip in the configuration must not give away somebody's file, nor write to it */
        errno = EEXIST;
        return failed(w, "it holds something and does not belong to the courier");
    }
    if (uid && st.st_uid != uid && fchown(w->fd, uid, (gid_t)-1) < 0)
        return failed(w, "it cannot be given to the courier");
    return 0;
}

static bool moved_away(const struct witness *w)
{
    struct stat here, there;

    return fstat(w->fd, &here) < 0 || stat(w->conf->path, &there) < 0 || here.st_ino != there.st_ino || here.st_dev != there.st_dev;
}

int file_append(struct witness *w, struct str note)
{
    if (w->fd >= 0 && moved_away(w)) {
        close(w->fd);
        w->fd = -1;
    }
    if (w->fd < 0 && file_open(w, 0) < 0)
        return GW_ERR(IO);
    if (write(w->fd, note.p, note.n) != (ssize_t)note.n) /* a torn one is followed by a whole one: the next try */
        return failed(w, "it cannot be written");
    return fdatasync(w->fd) < 0 ? failed(w, "it cannot be synced") : 0;
}
