/* SPDX-License-Identifier: GPL-3.0-or-later
 * The wider list of sanitizer builds: what their run-time libraries need to look at the process and report. No sockets and no
 * programs in it. Sandbox tests run on the plain build. */
#include <sys/mman.h>
#include <sys/prctl.h>

#include "rules.h"

#ifdef LOCKGATE_SANITIZE
#ifdef __has_feature
#define WATCHED __has_feature(address_sanitizer)
#elif defined __SANITIZE_ADDRESS__
#define WATCHED 1
#else
#define WATCHED 0
#endif
#if !WATCHED
#error "LOCKGATE_SANITIZE without -fsanitize=address: only make SANITIZE=1 and tests/fuzz/run set it"
#endif
static const struct sandbox_rule sanitizers[] = {
    ALLOW(open), ALLOW(openat), ALLOW(readlink), ALLOW(readlinkat), ALLOW(stat), ALLOW(newfstatat), ALLOW(getdents), ALLOW(getdents64), ALLOW(lseek), ALLOW(pread64),
    ALLOW(getcwd), ALLOW(access), ALLOW(dup), ALLOW(dup2), ALLOW(pipe2), ALLOW(getrlimit), ALLOW(prlimit64), ALLOW(prctl), ALLOW(ptrace),
    ALLOW(process_vm_readv), ALLOW(clone), ALLOW(clone3), ALLOW(fork), ALLOW(wait4), ALLOW(kill), ALLOW(tgkill), ALLOW(tkill), ALLOW(getppid),
    ALLOW(set_robust_list), ALLOW(rseq), ALLOW(set_tid_address), ALLOW(arch_prctl), ALLOW(uname), ALLOW(rt_sigtimedwait), ALLOW(personality),
    ALLOW(capget),
};
const struct sandbox_list sandbox_sanitizers = SANDBOX_LIST(sanitizers);
#else
const struct sandbox_list sandbox_sanitizers = { NULL, 0 };
#endif
