// link: ledger ipc base
// libs: -lcrypto -lconfig
/* SPDX-License-Identifier: GPL-3.0-or-later
 * The journal alone: what it writes, what it releases, what it refuses; the test is its parent, guard and edges. */
#include "journal_rig.h"
#include "tap.h"

static struct led_file all;

/* The one segment of a small run. */
static struct str text(struct rig *r)
{
    struct led_dir d;

    if (led_dir_open(r->journal, &d) < 0 || d.n == 0)
        rig_die("no segment");
    led_file_close(&all);
    if (led_file_open(d.fd, d.v[d.n - 1].name, 1 << 30, &all) < 0)
        rig_die("segment cannot be read");
    led_dir_close(&d);
    return led_file_str(&all);
}

static int count(struct str s, const char *what)
{
    int n = 0;

    for (const char *p = s.p; (p = memmem(p, s.n - (size_t)(p - s.p), what, strlen(what))); p++)
        n++;
    return n;
}

static bool closed(struct ipc *c)
{
    struct ipc_msg m;
    int got;

    while ((got = rig_next(c, 3000, &m)) == 1)
        ;
    return got < 0;
}

static bool durable(struct ipc *c, uint64_t number)
{
    struct ipc_msg m;
    struct msg_durable d;

    while (rig_next(c, 3000, &m) == 1)
        if (m.type == IPC_M_DURABLE && ipc_get_durable(&m, &d) == 0 && d.number >= number)
            return true;
    return false;
}

static bool released(struct ipc *c, uint64_t guard, uint64_t number, int ms)
{
    struct ipc_msg m;
    struct msg_release r;
    struct ipc_hash h = rig_hash(guard, number);

    return rig_next(c, ms, &m) == 1 && m.type == IPC_M_RELEASE && ipc_get_release(&m, &r) == 0 && r.guard == guard && r.number == number &&
        memcmp(h.b, r.hash.b, 32) == 0;
}

static struct buf fields;

static void test_release(struct rig *r)
{
    ok(rig_start(r, 2) == 0, "it starts on an empty folder and says READY");
    rig_fields(&fields, 1, NULL);
    (void)!rig_line(r->guard[0], 5, 1, GW_LOW, buf_str(&fields));
    ok(released(r->edge[GW_LOW], 5, 1, 3000), "a line with target low is released to the low edge, with its number and hash");
    ok(durable(r->guard[0], 1), "the guard is told that line 1 is durable");
    ok(count(text(r), "\"line_epoch\":5,\"line_number\":1,\"target\":\"low\"") == 1, "the line is in the segment");
    ok(!released(r->edge[GW_HIGH], 5, 1, 50), "the high edge is told nothing");
    (void)!rig_line(r->guard[0], 5, 2, LINE_TARGET_NONE, buf_str(&fields));
    ok(durable(r->guard[0], 2) && !released(r->edge[GW_LOW], 5, 2, 50), "a line without target releases nothing");
    (void)!rig_line(r->guard[0], 5, 1, GW_LOW, buf_str(&fields));
    ok(released(r->edge[GW_LOW], 5, 1, 3000), "a line told again is released again");
    ok(durable(r->guard[0], 2) && count(text(r), "\"line_epoch\":5,\"line_number\":1,") == 1, "and not written again");
}

static void test_restart(struct rig *r, bool killed)
{
    const char *how = killed ? "SIGKILL" : "STOP";

    if (killed)
        rig_kill(r);
    else
        ok(rig_stop(r) == 0, "%s: ends in order", how);
    ok(rig_start(r, 2) == 0, "%s: starts again", how);
    (void)!rig_line(r->guard[0], 5, 1, GW_LOW, buf_str(&fields));
    ok(released(r->edge[GW_LOW], 5, 1, 3000), "%s: a line of before, told again, is released again", how);
    (void)!rig_line(r->guard[0], 5, 2, LINE_TARGET_NONE, buf_str(&fields));
    ok(durable(r->guard[0], 2), "%s: durable up to 2", how);
    ok(count(text(r), "\"line_epoch\":5,\"line_number\":1,") == 1 && count(text(r), "\"line_epoch\":5,\"line_number\":2,") == 1,
        "%s: each is in the journal once", how);
}

/* What breaks a channel, and never the program. */
static void test_refusals(struct rig *r)
{
    static const struct { const char *name; enum ipc_role role; uint64_t number; uint8_t target; bool other_hash, bad_fields; } rows[] = {
        { "a gap in the numbers", IPC_GUARD, 4, LINE_TARGET_NONE, false, false },
        { "number 0", IPC_GUARD, 0, LINE_TARGET_NONE, false, false },
        { "a release asked by an edge", IPC_EDGE, 1, GW_LOW, false, false },
        { "a target that is no side", IPC_GUARD, 3, 7, false, false },
        { "a line told again with another record", IPC_GUARD, 1, GW_LOW, true, false },
        { "a line told again for the other side", IPC_GUARD, 1, GW_HIGH, false, false },
        { "an unknown field", IPC_GUARD, 3, LINE_TARGET_NONE, false, true },
    };
    static const char unknown[] = "\x7f\xff\0\0\0\1x";

    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct ipc *c = rig_link(r, rows[i].role, rows[i].role == IPC_EDGE ? GW_HIGH : 0, 0);
        struct msg_line m = { .guard = 5, .number = rows[i].number, .target = rows[i].target, .event = GW_EV_VERDICT, .fields = buf_str(&fields) };
        m.hash = rig_hash(5, rows[i].other_hash ? 99 : rows[i].number);
        if (rows[i].bad_fields)
            m.fields = (struct str){ unknown, sizeof unknown - 1 };
        ok(ipc_put_line(c, &m) == 0 && closed(c), "%s breaks the channel", rows[i].name);
        ipc_free(c);
    }
    for (int i = 0; i < 100 && count(text(r), "channel-broken") < (int)(sizeof rows / sizeof *rows); i++)
        nanosleep(&(struct timespec){ .tv_nsec = 10000000 }, NULL);
    ok(count(text(r), "\"action\":\"channel-broken\"") == (int)(sizeof rows / sizeof *rows), "each is an event in the journal");
    ok(!released(r->edge[GW_LOW], 5, 1, 50), "nothing was released by them");
    ok(rig_ended(r, 0) == -1, "the journal still runs");
}

static void test_escaping(struct rig *r)
{
    struct ipc *c = rig_link(r, IPC_GUARD, 0, 3);
    struct str s;

    rig_fields(&fields, 1, "x\"}\n{\"seq\":1,\"forged\":\"\xe2\x80\xae\xe2\x80\xa8");
    (void)!rig_line(c, 9, 1, LINE_TARGET_NONE, buf_str(&fields));
    ok(durable(c, 1), "text with quotes, line ends and direction marks is taken");
    s = text(r);
    ok(count(s, "x\\\"}\\u000a{\\\"seq\\\":1,\\\"forged\\\":\\\"\\u202e\\u2028") == 1, "and escaped");
    ipc_free(c);
}

int main(int argc, char **argv)
{
    struct rig r;

    (void)argc;
    buf_init(&fields, 65536);
    rig_new(&r, argv[0], "64MiB", "10s");
    test_release(&r);
    test_restart(&r, false);
    test_restart(&r, true);
    test_refusals(&r);
    test_escaping(&r);
    ok(rig_stop(&r) == 0, "ends in order");
    rig_free(&r);
    buf_clear(&fields);
    led_file_close(&all);
    return done_testing();
}
