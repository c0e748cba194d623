/* SPDX-License-Identifier: GPL-3.0-or-later
 * System calls of the token program and the vendor's module in it: files below the one folder that Landlock leaves to it, record
 * locks, and a timer against a token that does not answer. No socket, no program, no thread, no further library (mmap is never
 * executable). */
#include <fcntl.h>

#include "rules.h"

static const struct sandbox_rule token[] = {
    ALLOW(setitimer), ALLOW(lseek), ALLOW(pread64), ALLOW(open), ALLOW(openat), ALLOW(stat), ALLOW(lstat), ALLOW(newfstatat), ALLOW(access), ALLOW(faccessat),
    ALLOW(faccessat2), ALLOW(getdents64), ALLOW_INT(fcntl, 1, F_SETLK), ALLOW_INT(fcntl, 1, F_SETLKW), ALLOW_INT(fcntl, 1, F_GETLK),
    REFUSE(statx, EACCES), REFUSE(readlink, EACCES), REFUSE(readlinkat, EACCES), REFUSE(getcwd, EACCES),
};
const struct sandbox_list sandbox_token = SANDBOX_LIST(token);
