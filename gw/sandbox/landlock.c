/* SPDX-License-Identifier: GPL-3.0-or-later
 * Landlock by direct system calls. Debian 12's headers know two versions of it, kernels many more, so the newer bits stand here. */
#include <errno.h>
#include <fcntl.h>
#include <linux/landlock.h>
#include <stdint.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "landlock.h"
#include "log.h"

/* The whole of struct landlock_ruleset_attr as of version 6; shorter ones are its beginning. */
struct ruleset {
    uint64_t fs, net, scoped;
};
#define FS_V1 ((UINT64_C(1) << 13) - 1) /* execute ... make_sym */
#define FS_REFER (UINT64_C(1) << 13)    /* version 2 */
#define FS_TRUNCATE (UINT64_C(1) << 14) /* version 3 */
#define FS_IOCTL_DEV (UINT64_C(1) << 15) /* version 5 */
#define NET_ALL UINT64_C(3)             /* version 4: bind and connect, TCP */
#define SCOPE_ALL UINT64_C(3)           /* version 6: abstract Unix sockets, signals */

#define FS_FOLDER \
    (LANDLOCK_ACCESS_FS_READ_FILE | LANDLOCK_ACCESS_FS_READ_DIR | LANDLOCK_ACCESS_FS_WRITE_FILE | LANDLOCK_ACCESS_FS_REMOVE_FILE | \
        LANDLOCK_ACCESS_FS_MAKE_REG | LANDLOCK_ACCESS_FS_MAKE_DIR | FS_REFER | FS_TRUNCATE)

static struct ruleset ruleset_of(long version, size_t *ret_size)
{
    struct ruleset r = { .fs = FS_V1 };

    if (version >= 2)
        r.fs |= FS_REFER;
    if (version >= 3)
        r.fs |= FS_TRUNCATE;
    if (version >= 4)
        r.net = NET_ALL;
    if (version >= 5)
        r.fs |= FS_IOCTL_DEV;
    if (version >= 6)
        r.scoped = SCOPE_ALL;
    *ret_size = version >= 6 ? 24 : version >= 4 ? 16 : 8;
    return r;
}

static int allow_below(int ruleset, const char *path, uint64_t access)
{
    struct landlock_path_beneath_attr below = { .allowed_access = access };
    long r;

    below.parent_fd = open(path, O_PATH | O_DIRECTORY | O_CLOEXEC);
    if (below.parent_fd < 0) {
        log_error("sandbox: folder %s cannot be opened: %s", path, strerror(errno));
        return GW_ERR(SYS);
    }
    r = syscall(SYS_landlock_add_rule, ruleset, LANDLOCK_RULE_PATH_BENEATH, &below, 0);
    close(below.parent_fd);
    return r < 0 ? GW_ERR(SYS) : 0;
}

int landlock_close(const char *const *write_below)
{
    long version = syscall(SYS_landlock_create_ruleset, NULL, 0, LANDLOCK_CREATE_RULESET_VERSION);
    struct ruleset r;
    size_t size;
    int fd, err = 0;

    if (version < 1) {
        log_error("the kernel has no Landlock (%s): it needs CONFIG_SECURITY_LANDLOCK, and \"landlock\" in the list of lsm= at boot",
            strerror(errno));
        return GW_ERR(UNSUPPORTED);
    }
    r = ruleset_of(version, &size);
    fd = (int)syscall(SYS_landlock_create_ruleset, &r, size, 0);
    if (fd < 0)
        return GW_ERR(SYS);
    for (; write_below && *write_below && err == 0; write_below++)
        err = allow_below(fd, *write_below, FS_FOLDER & r.fs);
#ifdef LOCKGATE_SANITIZE
    if (err == 0) /* sanitizers read /proc/self/maps and symbols for their reports */
        err = allow_below(fd, "/", LANDLOCK_ACCESS_FS_READ_FILE | LANDLOCK_ACCESS_FS_READ_DIR);
#endif
    if (err == 0 && syscall(SYS_landlock_restrict_self, fd, 0) < 0)
        err = GW_ERR(SYS);
    close(fd);
    return err;
}
