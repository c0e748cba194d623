/* SPDX-License-Identifier: GPL-3.0-or-later
 * System calls of the courier: connected sockets that the parent sends it, and files that Landlock keeps below the folders of its
 * file witnesses. It can make, bind, connect or name no socket. */
#include "rules.h"

static const struct sandbox_rule courier[] = {
    ALLOW(shutdown), ALLOW(getsockopt), ALLOW(recvfrom), ALLOW_NULL(sendto, 4),
    ALLOW(open), ALLOW(openat), ALLOW(stat), ALLOW(newfstatat), ALLOW(fsync), ALLOW(fdatasync),
    REFUSE(readlink, EACCES), REFUSE(readlinkat, EACCES), REFUSE(getcwd, EACCES),
};
const struct sandbox_list sandbox_courier = SANDBOX_LIST(courier);
