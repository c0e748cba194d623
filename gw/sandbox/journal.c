/* SPDX-License-Identifier: GPL-3.0-or-later
 * System calls of the journal: files, which Landlock keeps below its own folders. */
#include "rules.h"

static const struct sandbox_rule journal[] = {
    ALLOW(open), ALLOW(openat), ALLOW(stat), ALLOW(lstat), ALLOW(newfstatat), ALLOW(statx), ALLOW(access), ALLOW(faccessat), ALLOW(faccessat2),
    ALLOW(lseek), ALLOW(pread64), ALLOW(pwrite64), ALLOW(pwritev), ALLOW(ftruncate), ALLOW(fallocate),
    ALLOW(fsync), ALLOW(fdatasync), ALLOW(sync_file_range), ALLOW(fadvise64), ALLOW(flock), ALLOW(statfs), ALLOW(fstatfs),
    ALLOW(getdents64), ALLOW(rename), ALLOW(renameat), ALLOW(renameat2), ALLOW(unlink), ALLOW(unlinkat), ALLOW(mkdir), ALLOW(mkdirat),
    ALLOW(fchmod), REFUSE(readlink, EACCES), REFUSE(readlinkat, EACCES), ALLOW(getcwd), ALLOW(umask), ALLOW(dup),
};
const struct sandbox_list sandbox_journal = SANDBOX_LIST(journal);
