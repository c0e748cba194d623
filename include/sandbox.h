/* SPDX-License-Identifier: GPL-3.0-or-later
 * Closing the door behind a program: ids, capabilities, no_new_privs, Landlock, seccomp, rlimits; before the first foreign
 * byte. One list for each program in gw/sandbox/. */
#ifndef LOCKGATE_SANDBOX_H
#define LOCKGATE_SANDBOX_H

#include <sys/types.h>

#include "err.h"

enum sandbox_program { SANDBOX_EDGE, SANDBOX_GUARD, SANDBOX_SCANNER, SANDBOX_JOURNAL, SANDBOX_ADMISSION, SANDBOX_KEEPER, SANDBOX_READER,
    SANDBOX_COURIER, SANDBOX_DECOY, SANDBOX_TOKEN, SANDBOX_RESPONDER, SANDBOX_PROGRAMS };
struct sandbox_options {
    uid_t uid; /* uid and gid to become; 0: stay (tests as a plain user) */
    const char *const *write_below; /* folders that stay writable (journal, courier), NULL-terminated, or NULL */
    unsigned nofile;                /* RLIMIT_NOFILE; 0: 256 */
    unsigned long memory;           /* RLIMIT_AS in bytes; 0: none */
};
/* Everything at once, in this order: rlimits and no core dumps, groups, ids, capabilities (admission keeps CAP_NET_ADMIN only, all
 * others none), no_new_privs, Landlock, seccomp default-kill. The process is single-threaded here. Returns 0, or a negative
 * code after which the program must exit. UNSUPPORTED names the missing kernel feature in the log. */
int sandbox_enter(enum sandbox_program program, const struct sandbox_options *o) GW_MUST_CHECK;

#endif
