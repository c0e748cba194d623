// link: ledger ipc base
// libs: -lcrypto -lconfig
/* SPDX-License-Identifier: GPL-3.0-or-later
 * Retention: the oldest segments go, after a record and under a checkpoint; what is left still proves itself. */
#include "journal_fault_rig.h"
#include "tap.h"

static struct buf fields;

static void tell(struct rig *r, uint64_t from, uint64_t to)
{
    static char big[2500];
    struct ipc_msg m;
    struct msg_durable d = { 0 };

    memset(big, 'x', sizeof big - 1);
    for (uint64_t i = from; i <= to; i++) {
        rig_fields(&fields, i, big);
        if (rig_line(r->guard[0], 5, i, LINE_TARGET_NONE, buf_str(&fields)) < 0 && ipc_queued(r->guard[0]) == 0)
            rig_die("cannot send");
    }
    while (d.number < to && rig_next(r->guard[0], 20000, &m) == 1)
        if (m.type == IPC_M_DURABLE)
            (void)!ipc_get_durable(&m, &d);
    ok(d.number == to, "lines %llu to %llu are durable", (unsigned long long)from, (unsigned long long)to);
}

static size_t segments(struct rig *r, uint64_t *ret_first)
{
    struct led_dir d;
    size_t n;

    if (led_dir_open(r->journal, &d) < 0)
        return 0;
    n = d.n;
    *ret_first = n ? d.v[0].first : 0;
    led_dir_close(&d);
    return n;
}

int main(int argc, char **argv)
{
    struct rig r;
    uint64_t first = 1, before;

    (void)argc;
    buf_init(&fields, 65536);
    rig_new(&r, argv[0], "1MiB", "1s");
    r.more = "keep_size = \"3MiB\";";
    rig_conf(&r, "1MiB", "1s");
    ok(rig_start(&r, 1) == 0, "starts");
    for (uint64_t i = 0; i < 6; i++)
        tell(&r, i * 400 + 1, i * 400 + 400);
    for (int i = 0; i < 400 && (segments(&r, &first) > 4 || first == 1); i++)
        usleep(100000);
    ok(first > 1, "the oldest segments went: the first record is %llu", (unsigned long long)first);
    ok(rig_stop(&r) == 0, "ends in order");
    int st = rig_verify(&r);
    ok(st == 0 || st == -1, "what is left is whole%s", st == -1 ? " # SKIP lockgate is not built" : "");
    ok(rig_start(&r, 1) == 0, "starts again");
    tell(&r, 2401, 2500);
    rig_kill(&r);
    ok(rig_start(&r, 1) == 0, "and after a kill");
    ok(rig_stop(&r) == 0, "ends in order");
    st = rig_verify(&r);
    ok(st == 0 || st == -1, "still whole%s", st == -1 ? " # SKIP lockgate is not built" : "");

    char cmd[400];
    before = first;
    (void)segments(&r, &first);
    snprintf(cmd, sizeof cmd, "rm %s/%010llu.jsonl", r.journal, (unsigned long long)first);
    ok(system(cmd) == 0 && segments(&r, &before) > 0 && before > first, "somebody removes one more by hand");
    st = rig_verify(&r);
    ok(st == 1 || st == -1, "that is found%s", st == -1 ? " # SKIP lockgate is not built" : "");
    rig_free(&r);
    buf_clear(&fields);
    return done_testing();
}
