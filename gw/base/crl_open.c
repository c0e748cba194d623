/* SPDX-License-Identifier: GPL-3.0-or-later
 * Opening a revocation list. Its folder may belong to whoever fetches the lists, and who opens it is root: so the name must be the file
 * itself, not another name for something that only root may read and that an edge would then hold a descriptor of. */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "gwconf.h"

int gw_crl_open(const char *path, const char **ret_why)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY | O_NOFOLLOW);
    struct stat st;
    const char *why = NULL;

    if (fd < 0)
        why = errno == ELOOP ? "it is a symbolic link, which is not followed; put the list itself there, by mv" : strerror(errno);
    else if (fstat(fd, &st) != 0)
        why = strerror(errno);
    else if (!S_ISREG(st.st_mode))
        why = "it is no regular file";
    else if (st.st_nlink > 1)
        why = "it has a second name (a hard link); put a copy there, by mv";
    if (!why)
        return fd;
    if (fd >= 0)
        close(fd);
    *ret_why = why;
    return GW_ERR(SYS);
}
