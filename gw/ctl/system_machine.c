/* SPDX-License-Identifier: GPL-3.0-or-later
 * lockgate check --system: kernel, clock and disk. */
#include <errno.h>
#include <fcntl.h>
#include <linux/landlock.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/statvfs.h>
#include <sys/syscall.h>
#include <sys/timex.h>
#include <time.h>
#include <unistd.h>

#include "inline.h"
#include "system.h"

#define SYNCS 15
#define SLOW_US 20000  /* a stanza waits for one sync */

/* ---- kernel ---- */

/* Are these rules understood? Nothing is changed. */
static bool nft_takes(const char *rules)
{
    char *const args[] = { (char[]){ "nft" }, (char[]){ "-c" }, (char[]){ "-f" }, (char[]){ "-" }, NULL };
    return step_command(NULL, args, str_c(rules), true) == 0;
}

static bool runs(const char *program)
{
    char *const args[] = { (char *)(uintptr_t)program, (char[]){ "-V" }, NULL };
    return step_command(NULL, args, STR_NONE, true) == 0;
}

static void kernel(struct sys_report *r)
{
    long landlock = syscall(SYS_landlock_create_ruleset, NULL, 0, LANDLOCK_CREATE_RULESET_VERSION);
    if (landlock < 1)
        sys_say(r, SYS_WRONG, "kernel", "boot with landlock among the names of lsm= (kernel 5.13 or newer)", "no Landlock");
    if (prctl(PR_GET_SECCOMP, 0, 0, 0, 0) < 0 || access("/proc/sys/kernel/seccomp/actions_avail", R_OK) != 0)
        sys_say(r, SYS_WRONG, "kernel", "take a kernel with CONFIG_SECCOMP_FILTER", "no seccomp filters");
    if (access("/proc/self/ns/net", F_OK) != 0)
        sys_say(r, SYS_WRONG, "kernel", "take a kernel with CONFIG_NET_NS", "no network namespaces");
    if (landlock >= 1)
        sys_say(r, SYS_FINE, "kernel", NULL, "Landlock %ld, seccomp, network namespaces", landlock);
    if (geteuid() != 0)
        return;
    if (!nft_takes("table inet lockgate_try {\n chain c {\n  type filter hook prerouting priority -150\n  meta l4proto tcp tproxy to :1\n }\n}\n"))
        sys_say(r, SYS_WRONG, "kernel", "install nftables; take a kernel with nft_tproxy", "nft does not take TPROXY rules");
    else
        sys_say(r, SYS_FINE, "kernel", NULL, "nftables with TPROXY");
    if (nft_takes("table inet lockgate_try {\n chain c {\n  type filter hook prerouting priority -150\n  queue num 0\n }\n}\n"))
        sys_say(r, SYS_FINE, "kernel", NULL, "NFQUEUE by nft");
    else if (runs("iptables-nft") && runs("ip6tables-nft"))
        sys_say(r, SYS_FINE, "kernel", NULL, "NFQUEUE by iptables-nft (this kernel has no nft queue statement)");
    else
        sys_say(r, SYS_WRONG, "kernel", "install iptables", "no way to queue packets: neither nft nor iptables-nft has it");
}

/* ---- clock ---- */

static void clock_look(struct sys_report *r)
{
    struct timex t = { 0 };
    int state = adjtimex(&t);
    if (state < 0)
        sys_say(r, SYS_WARNING, "time", "look whether chrony or systemd-timesyncd runs", "the clock's state cannot be read: %s", strerror(errno));
    else if (state == TIME_ERROR || t.status & STA_UNSYNC)
        sys_say(r, SYS_WARNING, "time", "run chrony or systemd-timesyncd; certificates and records go by this clock", "the clock is not synchronised");
    else
        sys_say(r, SYS_FINE, "time", NULL, "synchronised, within %ld ms", t.maxerror / 1000);
}

/* ---- disk ---- */

static int by_size(const void *a, const void *b)
{
    long x = *(const long *)a, y = *(const long *)b;
    return (x > y) - (x < y);
}

/* The folder, or the nearest one above it that is there. */
static void existing(const char *path, char ret[4096])
{
    snprintf(ret, 4096, "%s", path);
    while (access(ret, F_OK) != 0 && strrchr(ret, '/') && strrchr(ret, '/') != ret)
        *strrchr(ret, '/') = 0;
    if (access(ret, F_OK) != 0)
        snprintf(ret, 4096, "/");
}

/* Microseconds that a small write takes until it is on the disk: the middle one of some. Negative: errno. The file has no name. */
static long sync_time(const char *folder)
{
    long us[SYNCS];
    char block[4096];
    memset(block, 'x', sizeof block);
    int fd = open(folder, O_TMPFILE | O_WRONLY | O_CLOEXEC, 0600);
    for (int i = 0; i < SYNCS && fd >= 0; i++) {
        struct timespec a, b;
        clock_gettime(CLOCK_MONOTONIC, &a);
        if (write(fd, block, sizeof block) != (ssize_t)sizeof block || fdatasync(fd) != 0) {
            int why = errno;
            close(fd);
            return -why;
        }
        clock_gettime(CLOCK_MONOTONIC, &b);
        us[i] = (b.tv_sec - a.tv_sec) * 1000000 + (b.tv_nsec - a.tv_nsec) / 1000;
    }
    if (fd < 0)
        return -errno;
    close(fd);
    qsort(us, SYNCS, sizeof us[0], by_size);
    return us[SYNCS / 2];
}

static void disk(struct sys_report *r, const struct gw_conf *c)
{
    char folder[4096];
    struct statvfs v;
    existing(c->state, folder);
    if (statvfs(folder, &v) != 0) {
        sys_say(r, SYS_WRONG, "disk", "look at gateway.state", "%s: %s", folder, strerror(errno));
        return;
    }
    double free_mib = (double)v.f_bavail * (double)v.f_frsize / 1048576, all_mib = (double)v.f_blocks * (double)v.f_frsize / 1048576;
    double need_mib = 2 * (double)c->journal.segment_size / 1048576;
    if (v.f_flag & ST_RDONLY)
        sys_say(r, SYS_WRONG, "disk", "mount it for writing: without its journal nothing crosses", "%s is read-only", folder);
    else if (free_mib < need_mib)
        sys_say(r, SYS_WRONG, "disk", "make room: when it is full, nothing crosses", "%s: %.0f MiB free, less than two segments of the journal", folder, free_mib);
    else if (free_mib < all_mib / 20)
        sys_say(r, SYS_WARNING, "disk", "make room, or set journal.keep_time or keep_size: when it is full, nothing crosses", "%s: %.0f MiB free, %.0f%%",
            folder, free_mib, 100 * free_mib / all_mib);
    else
        sys_say(r, SYS_FINE, "disk", NULL, "%s: %.0f MiB free", folder, free_mib);
    if (v.f_files && v.f_favail < 1000)
        sys_say(r, SYS_WRONG, "disk", "delete files there", "%s: hardly any inodes are free", folder);
    long us = sync_time(folder);
    if (us < 0)
        sys_say(r, SYS_WARNING, "disk", "run it as root; use a file system that takes O_TMPFILE (ext4, xfs)", "%s: the time of a sync was not measured: %s", folder,
            strerror((int)-us));
    else if (us > SLOW_US)
        sys_say(r, SYS_WARNING, "disk", "a faster disk: every stanza waits for one sync", "a sync takes %.1f ms", (double)us / 1000);
    else
        sys_say(r, SYS_FINE, "disk", NULL, "a sync takes %.1f ms", (double)us / 1000);
}

void sys_machine(struct sys_report *r, const struct gw_conf *c)
{
    kernel(r);
    clock_look(r);
    disk(r, c);
}
