// link: ledger ipc base
// libs: -lcrypto -lconfig
/* SPDX-License-Identifier: GPL-3.0-or-later
 * A disk that is full, fails or lies, and a clock that jumps: nothing is released that is not durable, the reason is said, and all
 * goes on by itself when it can. */
#include <errno.h>
#include <sched.h>
#include <sys/mount.h>

#include "journal_fault_rig.h"
#include "tap.h"

static struct buf fields;
static uint64_t number;

static bool send_line(struct rig *r, const char *text)
{
    rig_fields(&fields, ++number, text);
    return rig_line(r->guard[0], 5, number, GW_LOW, buf_str(&fields)) >= 0 || ipc_queued(r->guard[0]) > 0;
}

/* The number of the next release within ms, or 0. */
static uint64_t released(struct rig *r, int ms)
{
    struct ipc_msg m;
    struct msg_release rel;

    for (int waited = 0; waited <= ms; waited += 5) {
        (void)!ipc_flush(r->guard[0]);
        if (rig_next(r->edge[GW_LOW], 5, &m) == 1)
            return m.type == IPC_M_RELEASE && ipc_get_release(&m, &rel) == 0 ? rel.number : 0;
    }
    return 0;
}

static bool says(struct rig *r, const char *what)
{
    struct led_dir d;
    struct led_file f;
    bool found = false;

    if (led_dir_open(r->journal, &d) < 0)
        return false;
    for (size_t i = 0; i < d.n && !found; i++)
        if (led_file_open(d.fd, d.v[i].name, 1 << 30, &f) == 0) {
            found = memmem(f.p, f.n, what, strlen(what)) != NULL;
            led_file_close(&f);
        }
    led_dir_close(&d);
    return found;
}

static bool state_is(struct rig *r, const char *state)
{
    struct ipc_msg m;
    struct msg_stats s;
    char want[64];

    snprintf(want, sizeof want, "\"state\":\"%s\"", state);
    if (ipc_put_stats_ask(r->parent, &(struct msg_stats_ask){ .ask = 1 }) < 0)
        return false;
    while (rig_next(r->parent, 15000, &m) == 1)
        if (m.type == IPC_M_STATS && ipc_get_stats(&m, &s) == 0)
            return memmem(s.json.p, s.json.n, want, strlen(want)) != NULL;
    return false;
}

static void whole(struct rig *r, const char *name)
{
    int st = rig_verify(r);
    ok(st == 0 || st == -1, "%s: lockgate verify: whole%s", name, st == -1 ? " # SKIP lockgate is not built" : "");
}

/* A fault that passes: name, errno of write, of sync. */
static const struct { const char *name; int write_errno, sync_errno; } passing[] = {
    { "disk full at write", ENOSPC, 0 }, { "quota at write", EDQUOT, 0 }, { "disk full at sync", 0, ENOSPC }, { "sync fails once", 0, EIO } };

static void test_passing(struct rig *r, struct fault *f)
{
    for (size_t i = 0; i < sizeof passing / sizeof *passing; i++) {
        const char *name = passing[i].name;
        f->halved = 0;
        f->write_errno = passing[i].write_errno;
        f->sync_errno = passing[i].sync_errno;
        f->sync_times = f->sync_left = passing[i].sync_errno == EIO;
        ok(send_line(r, NULL) && released(r, 400) == 0, "%s: nothing is released", name);
        ok(state_is(r, passing[i].sync_errno == EIO ? "sync-failed" : "disk-full"), "%s: the parent is told on asking", name);
        ok(send_line(r, NULL) && released(r, 100) == 0, "%s: more lines wait", name);
        f->write_errno = f->sync_errno = 0;
        ok(released(r, 15000) == number - 1 && released(r, 15000) == number, "%s: it goes on by itself, in order", name);
        ok(state_is(r, "writing"), "%s: and says so", name);
    }
    (void)send_line(r, NULL);
    (void)released(r, 1000);
    ok(says(r, "\"action\":\"disk-full\""), "it is in the journal");
    ok(rig_stop(r) == 0, "it ends in order");
    whole(r, "after faults that passed");
}

/* A failed sync may leave pages that look clean: a power cut now shows what is really there. */
static void test_sync_then_cut(struct rig *r, struct fault *f)
{
    uint64_t last;

    ok(rig_start(r, 1) == 0, "failed sync, then power cut: starts");
    f->sync_errno = EIO;
    f->sync_times = f->sync_left = 1;
    (void)send_line(r, NULL);
    last = released(r, 300);
    f->sync_errno = 0;
    ok(last == 0 && released(r, 15000) == number, "failed sync, then power cut: released after a good sync only");
    rig_kill(r);
    fault_power_cut(r, f, 4);
    char want[64];
    snprintf(want, sizeof want, "\"line_epoch\":5,\"line_number\":%llu,", (unsigned long long)number);
    ok(says(r, want), "failed sync, then power cut: the line is there");
}

static void test_broken(struct rig *r, struct fault *f)
{
    ok(rig_start(r, 1) == 0, "write error: starts");
    f->halved = 0;
    f->write_errno = EIO;
    (void)send_line(r, NULL);
    ok(released(r, 300) == 0 && rig_ended(r, 15000) == 74, "write error: nothing is released, the journal ends (74)");
    rig_close(r);
    f->write_errno = 0;
    ok(rig_start(r, 1) == 0, "write error: the next one starts");
    number--;
    ok(send_line(r, NULL) && released(r, 15000) == number, "write error: the line, told again, is released");
    ok(rig_stop(r) == 0, "write error: ends in order");
    whole(r, "write error");
}

/* A disk whose syncs fail again and again: a new journal must start from what the disk holds. */
static void test_sync_broken(struct rig *r, struct fault *f)
{
    ok(rig_start(r, 1) == 0, "syncs fail for good: starts");
    f->sync_times = 0;
    f->sync_errno = EIO;
    (void)send_line(r, NULL);
    ok(released(r, 300) == 0 && rig_ended(r, 15000) == 74, "syncs fail for good: nothing is released, the journal ends (74)");
    rig_close(r);
    ok(rig_start(r, 1) != 0, "syncs fail for good: the next one does not start");
    f->sync_errno = 0;
    fault_power_cut(r, f, 4);
    ok(rig_start(r, 1) == 0, "syncs fail for good: with a good disk it does");
    number--;
    ok(send_line(r, NULL) && released(r, 15000) == number, "syncs fail for good: the line, told again, is released");
    ok(rig_stop(r) == 0, "syncs fail for good: ends in order");
    whole(r, "syncs fail for good");
}

static void test_clock(struct rig *r, struct fault *f)
{
    ok(rig_start(r, 1) == 0, "clock: starts");
    ok(send_line(r, NULL) && released(r, 15000) == number, "clock: a line");
    f->clock_offset = -3600;
    ok(send_line(r, NULL) && released(r, 15000) == number, "clock: a line after it moved back an hour");
    (void)send_line(r, NULL);
    (void)released(r, 15000);
    ok(says(r, "the clock moved back by 3600 seconds") || says(r, "the clock moved back by 3599 seconds"), "clock: the move is in the journal");
    ok(rig_stop(r) == 0, "clock: ends in order");
    f->clock_offset = -7200;
    ok(rig_start(r, 1) == 0, "clock: starts with a clock that went back meanwhile");
    ok(rig_stop(r) == 0 && says(r, "before the newest record"), "clock: that is in the journal too");
    f->clock_offset = 0;
    whole(r, "clock");
}

/* ---- a real file system that fills up, in a mount namespace of this process ---- */
static void test_tmpfs(const char *argv0)
{
    static char big[3500];
    struct rig r;
    char state[128];
    uint64_t got = 0, first_full = 0;

    if (geteuid() != 0 || unshare(CLONE_NEWNS) < 0 || mount("none", "/", "none", MS_REC | MS_PRIVATE, NULL) < 0) {
        ok(true, "full file system # SKIP needs root");
        return;
    }
    rig_new(&r, argv0, "64MiB", "1s");
    snprintf(state, sizeof state, "%s/state", r.folder);
    if (mkdir(state, 0755) < 0 || mount("lockgate-test", state, "tmpfs", 0, "size=1m,mode=0755") < 0)
        rig_die("no tmpfs");
    memset(big, 'x', sizeof big - 1);
    number = 0;
    ok(rig_start(&r, 1) == 0, "full file system: starts on 1 MiB");
    for (int i = 0; i < 400; i++)
        (void)send_line(&r, big);
    for (uint64_t n; (n = released(&r, 4000)) != 0;)
        got = n;
    first_full = got;
    ok(got > 50 && got < 400, "full file system: %llu of 400 lines were released, then none", (unsigned long long)got);
    ok(state_is(&r, "disk-full"), "full file system: the parent is told on asking");
    if (mount("lockgate-test", state, "tmpfs", MS_REMOUNT, "size=16m,mode=0755") < 0)
        rig_die("no remount");
    for (uint64_t n; got < 400 && (n = released(&r, 15000)) != 0; got = n)
        if (n != got + 1)
            break;
    ok(got == 400, "full file system: with space again, the other %llu follow, in order", (unsigned long long)(400 - first_full));
    (void)send_line(&r, NULL);
    (void)released(&r, 1000);
    ok(says(&r, "\"action\":\"disk-full\""), "full file system: it is in the journal");
    ok(rig_stop(&r) == 0, "full file system: ends in order");
    whole(&r, "full file system");
    /* full at the start */
    if (mount("lockgate-test", state, "tmpfs", MS_REMOUNT, "size=1900k,mode=0755") < 0)
        diag("cannot shrink: %s", strerror(errno));
    (void)umount2(state, MNT_DETACH);
    rig_free(&r);
}

int main(int argc, char **argv)
{
    struct rig r;
    struct fault *f;

    (void)argc;
    buf_init(&fields, 65536);
    rig_new(&r, argv[0], "64MiB", "1s");
    f = fault_new(&r);
    if (f) {
        ok(rig_start(&r, 1) == 0, "starts");
        test_passing(&r, f);
        test_sync_then_cut(&r, f);
        test_broken(&r, f);
        test_sync_broken(&r, f);
        test_clock(&r, f);
    } else {
        ok(true, "faults # SKIP no compiler");
    }
    rig_free(&r);
    test_tmpfs(argv[0]);
    buf_clear(&fields);
    return done_testing();
}
