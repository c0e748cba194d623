/* SPDX-License-Identifier: GPL-3.0-or-later
 * System calls of every program: its channels, its memory, its clock, its end. */
#include <fcntl.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <termios.h>

#include "rules.h"

static const struct sandbox_rule common[] = {
    /* descriptors that are open already, and those that the parent sends over a channel */
    ALLOW(read), ALLOW(readv), ALLOW(write), ALLOW(writev), ALLOW(close), ALLOW(recvmsg),
    ALLOW_WITHOUT(sendmsg, 2, 0x20000000u), /* not MSG_FASTOPEN: that is a connect() */
    ALLOW(fstat), ALLOW_INT(newfstatat, 3, AT_EMPTY_PATH), ALLOW(poll), ALLOW(ppoll),
    ALLOW_INT(fcntl, 1, F_GETFL), ALLOW_INT(fcntl, 1, F_SETFL), ALLOW_INT(fcntl, 1, F_GETFD), ALLOW_INT(fcntl, 1, F_SETFD),
    ALLOW_INT(ioctl, 1, FIONBIO), ALLOW_INT(ioctl, 1, FIOCLEX), ALLOW_INT(ioctl, 1, FIONREAD), ALLOW_INT(ioctl, 1, TIOCOUTQ),
    ALLOW_INT(ioctl, 1, TCGETS), /* stdio asks whether it writes to a terminal */
    /* memory, never executable */
    ALLOW(brk), ALLOW(munmap), ALLOW(mremap), ALLOW(madvise),
    ALLOW_WITHOUT(mmap, 2, PROT_EXEC), ALLOW_WITHOUT(mprotect, 2, PROT_EXEC),
    /* time, chance, numbers about itself; sysinfo and sched_getaffinity: glibc's qsort and malloc size themselves */
    ALLOW(clock_gettime), ALLOW(clock_getres), ALLOW(gettimeofday), ALLOW(time), ALLOW(clock_nanosleep), ALLOW(nanosleep),
    ALLOW(getrandom), ALLOW(getpid), ALLOW(gettid), ALLOW(getuid), ALLOW(geteuid), ALLOW(getgid), ALLOW(getegid),
    ALLOW(getrusage), ALLOW(sysinfo), ALLOW(sched_getaffinity), ALLOW(sched_yield), ALLOW(futex),
    /* signals and the end; abort() needs tgkill, which sandbox.c allows for this process only */
    ALLOW(rt_sigaction), ALLOW(rt_sigprocmask), ALLOW(rt_sigreturn), ALLOW(sigaltstack), ALLOW(restart_syscall),
    ALLOW(exit), ALLOW(exit_group), ALLOW_INT(prctl, 0, PR_SET_NAME),
};
const struct sandbox_list sandbox_common = SANDBOX_LIST(common);

/* Programs without files. Libraries look for files on their own (a time zone, a host list) and do without when refused, so
 * these fail instead of ending the process. Landlock refuses the same once more. */
static const struct sandbox_rule no_files[] = {
    REFUSE(open, EACCES), REFUSE(openat, EACCES), REFUSE(stat, EACCES), REFUSE(lstat, EACCES), REFUSE(statx, EACCES),
    REFUSE(access, EACCES), REFUSE(faccessat, EACCES), REFUSE(faccessat2, EACCES), REFUSE(readlink, EACCES), REFUSE(readlinkat, EACCES),
    REFUSE(getcwd, EACCES),
};
const struct sandbox_list sandbox_no_files = SANDBOX_LIST(no_files);
