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

    while ((got = rig_next(c, 15000, &m)) == 1)
        ;
    return got < 0;
}

static bool durable(struct ipc *c, uint64_t number)
{
    struct ipc_msg m;
    struct msg_durable d;

    while (rig_next(c, 60000, &m) == 1)
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
    ok(released(r->edge[GW_LOW], 5, 1, 15000), "a line with target low is released to the low edge, with its number and hash");
    ok(durable(r->guard[0], 1), "the guard is told that line 1 is durable");
    ok(count(text(r), "\"line_epoch\":5,\"line_number\":1,\"target\":\"low\"") == 1, "the line is in the segment");
    ok(!released(r->edge[GW_HIGH], 5, 1, 50), "the high edge is told nothing");
    (void)!rig_line(r->guard[0], 5, 2, LINE_TARGET_NONE, buf_str(&fields));
    ok(durable(r->guard[0], 2) && !released(r->edge[GW_LOW], 5, 2, 50), "a line without target releases nothing");
    (void)!rig_line(r->guard[0], 5, 1, GW_LOW, buf_str(&fields));
    ok(released(r->edge[GW_LOW], 5, 1, 15000), "a line told again is released again");
    ok(durable(r->guard[0], 2) && count(text(r), "\"line_epoch\":5,\"line_number\":1,") == 1, "and not written again");
}

/* What an edge that is started anew is told first. */
static bool first_word(struct rig *r, enum gw_side side, uint64_t guard, uint64_t number)
{
    struct ipc *edge = rig_link(r, IPC_EDGE, (uint8_t)side, 0);
    struct msg_released w = { 0 };
    struct ipc_msg m;
    bool good = rig_next_any(edge, 15000, &m) == 1 && m.type == IPC_M_RELEASED && ipc_get_released(&m, &w) == 0 && w.guard == guard && w.number == number;

    if (!good)
        diag("told guard %llu, number %llu", (unsigned long long)w.guard, (unsigned long long)w.number);
    ipc_free(r->edge[side]);
    r->edge[side] = edge;
    return good;
}

static void test_first_word(struct rig *r)
{
    ok(first_word(r, GW_LOW, 5, 1), "a new low edge is told first up to which number the one before it was released to");
    ok(first_word(r, GW_HIGH, 0, 0), "a new high edge, that nothing was");
    (void)!rig_line(r->guard[0], 5, 1, GW_LOW, buf_str(&fields));
    ok(released(r->edge[GW_LOW], 5, 1, 15000), "a release that is repeated comes behind that word");
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
    ok(released(r->edge[GW_LOW], 5, 1, 15000), "%s: a line of before, told again, is released again", how);
    (void)!rig_line(r->guard[0], 5, 2, LINE_TARGET_NONE, buf_str(&fields));
    ok(durable(r->guard[0], 2), "%s: durable up to 2", how);
    ok(count(text(r), "\"line_epoch\":5,\"line_number\":1,") == 1 && count(text(r), "\"line_epoch\":5,\"line_number\":2,") == 1,
        "%s: each is in the journal once", how);
    ok(first_word(r, GW_LOW, 5, 2) && first_word(r, GW_HIGH, 5, 2), "%s: new edges are told the newest line of the guard", how);
}

static unsigned long batches(struct rig *r)
{
    struct msg_stats s;
    struct ipc_msg m;
    char json[1024], *at;

    if (ipc_put_stats_ask(r->parent, &(struct msg_stats_ask){ .ask = 1 }) < 0 || rig_next(r->parent, 15000, &m) != 1 || m.type != IPC_M_STATS ||
        ipc_get_stats(&m, &s) < 0)
        return 0;
    snprintf(json, sizeof json, "%.*s", STR_ARG(s.json));
    at = strstr(json, "\"batches\":");
    return at ? strtoul(at + 10, NULL, 10) : 0;
}

/* A delivery begins no sync: it goes with the verdict behind it, and by itself when none comes. A busy machine may part some of them. */
static void test_company(struct rig *r)
{
    struct ipc *g = rig_link(r, IPC_GUARD, 0, 3);
    unsigned long before = batches(r), rounds = 40;
    bool whole = true;

    for (uint64_t n = 1; n <= 2 * rounds; n += 2) {
        struct msg_line m = { .guard = 77, .number = n, .target = LINE_TARGET_NONE, .event = GW_EV_DELIVERY, .fields = buf_str(&fields) };
        whole &= ipc_put_line(g, &m) == 0 && ipc_flush(g) == 0;
        nanosleep(&(struct timespec){ .tv_nsec = 1000000 }, NULL);
        whole &= rig_line(g, 77, n + 1, LINE_TARGET_NONE, buf_str(&fields)) == 0;
        whole &= durable(g, n + 1) || durable(g, n + 1); /* of a pair that was parted, the second */
    }
    ok(whole, "deliveries and verdicts in turn are durable");
    before = batches(r) - before;
    ok(before >= rounds / 2 && before < rounds * 3 / 2, "most pairs went in one batch: %lu batches for %lu", before, rounds);
    (void)!ipc_put_line(g, &(struct msg_line){ .guard = 77, .number = 2 * rounds + 1, .target = LINE_TARGET_NONE, .event = GW_EV_DELIVERY, .fields = buf_str(&fields) });
    ok(ipc_flush(g) == 0 && durable(g, 2 * rounds + 1), "a delivery alone is durable, too");
    ipc_free(g);
}

/* What breaks a channel, and never the program. fields: those of a verdict, or one of a kind. */
enum what { VERDICT, SIDE_HIGH, SIDE_LOW, RULE, UNKNOWN };
static const struct refused { const char *name; enum ipc_role role; enum gw_event event; enum what what; uint64_t number; uint8_t target; bool other_hash; } refusals[] = {
    { "a gap in the numbers", IPC_GUARD, GW_EV_VERDICT, VERDICT, 4, LINE_TARGET_NONE, false },
    { "number 0", IPC_GUARD, GW_EV_VERDICT, VERDICT, 0, LINE_TARGET_NONE, false },
    { "a target that is no side", IPC_GUARD, GW_EV_VERDICT, VERDICT, 3, 7, false },
    { "a line told again with another record", IPC_GUARD, GW_EV_VERDICT, VERDICT, 1, GW_LOW, true },
    { "a line told again for the other side", IPC_GUARD, GW_EV_VERDICT, VERDICT, 1, GW_HIGH, false },
    { "an unknown field", IPC_GUARD, GW_EV_VERDICT, UNKNOWN, 3, LINE_TARGET_NONE, false },
    { "an event of the parent's from a guard", IPC_GUARD, GW_EV_PROGRAM, VERDICT, 3, LINE_TARGET_NONE, false },
    { "an event that there is not", IPC_GUARD, (enum gw_event)200, VERDICT, 3, LINE_TARGET_NONE, false },
    { "a release asked by an edge", IPC_EDGE, GW_EV_STREAM, SIDE_HIGH, 1, GW_LOW, false },
    { "a verdict from an edge", IPC_EDGE, GW_EV_VERDICT, SIDE_HIGH, 1, LINE_TARGET_NONE, false },
    { "a stream from an edge with a verdict in it", IPC_EDGE, GW_EV_STREAM, VERDICT, 1, LINE_TARGET_NONE, false },
    { "a rule from an edge", IPC_EDGE, GW_EV_STREAM, RULE, 1, LINE_TARGET_NONE, false },
    { "a line about the other side", IPC_EDGE, GW_EV_STREAM, SIDE_LOW, 1, LINE_TARGET_NONE, false },
    { "a stream from admission", IPC_ADMISSION, GW_EV_STREAM, SIDE_HIGH, 1, LINE_TARGET_NONE, false },
    { "a line of admission about the other side", IPC_ADMISSION, GW_EV_ADMISSION, SIDE_LOW, 1, LINE_TARGET_NONE, false },
};

static void fields_of(struct buf *b, enum what what)
{
    struct wire_out o;

    rig_fields(b, 1, NULL);
    if (what == VERDICT)
        return;
    buf_reset(b);
    wire_out_init(&o, b);
    if (what == UNKNOWN)
        wire_put_bytes(&o, "\x7f\xff\0\0\0\1x", 7);
    else if (what == RULE)
        field_num(&o, GW_F_RULE, 9000);
    else
        field_z(&o, GW_F_SIDE, what == SIDE_HIGH ? "high" : "low");
}

/* A journal that starts again hears the guard first: what an edge is to be told waits for that edge's channel. */
static void test_late_edges(struct rig *r)
{
    struct ipc_msg m;
    struct msg_release rel = { 0 };
    struct msg_durable d = { 0 };

    r->late_edges = true;
    ok(rig_start(r, 1) == 0, "late edges: starts");
    r->late_edges = false;
    rig_fields(&fields, 1, NULL);
    ok(rig_line(r->guard[0], 91, 1, GW_LOW, buf_str(&fields)) == 0 && rig_next(r->guard[0], 500, &m) == 0, "late edges: the guard is not told that all is done");
    r->edge[GW_HIGH] = rig_link(r, IPC_EDGE, GW_HIGH, 0);
    ok(rig_next(r->edge[GW_HIGH], 300, &m) == 0, "late edges: the other edge gets nothing");
    r->edge[GW_LOW] = rig_link(r, IPC_EDGE, GW_LOW, 0);
    ok(rig_next(r->edge[GW_LOW], 5000, &m) == 1 && m.type == IPC_M_RELEASE && ipc_get_release(&m, &rel) == 0 && rel.number == 1, "late edges: the release comes");
    ok(rig_next(r->guard[0], 5000, &m) == 1 && m.type == IPC_M_DURABLE && ipc_get_durable(&m, &d) == 0 && d.number == 1, "late edges: and the guard is told");
    ok(rig_stop(r) == 0, "late edges: ends in order");
}

static bool tell_delivery(struct ipc *c, uint64_t epoch, uint64_t line, uint64_t guard, uint64_t number)
{
    struct msg_line m = { .guard = epoch, .number = line, .target = LINE_TARGET_NONE, .event = GW_EV_DELIVERY };
    struct wire_out o;
    struct buf b;
    bool good;

    buf_init(&b, 4096);
    wire_out_init(&o, &b);
    field_z(&o, GW_F_DIRECTION, "high-to-low");
    field_num(&o, GW_F_GUARD, guard);
    field_num(&o, GW_F_NUMBER, number);
    field_z(&o, GW_F_DELIVERY, "written");
    m.fields = buf_str(&b);
    good = o.err == 0 && ipc_put_line(c, &m) == 0 && ipc_flush(c) == 0 && durable(c, line);
    buf_clear(&b);
    return good;
}

/* One record of each delivery, over SIGKILL and STOP; what nobody told is unknown, also when all that is left is the journal's own file. */
static void test_deliveries(struct rig *r)
{
    bool good = rig_start(r, 1) == 0;

    for (uint64_t n = 1; n <= 3; n++)
        good &= rig_line(r->guard[0], 301, n, GW_LOW, buf_str(&fields)) == 0;
    ok(good && durable(r->guard[0], 3) && tell_delivery(r->guard[0], 301, 4, 301, 1), "deliveries: three released, one told");
    rig_kill(r);
    ok(rig_start(r, 1) == 0 && tell_delivery(r->guard[0], 302, 1, 301, 1), "deliveries: SIGKILL; another guard tells it again");
    ok(count(text(r), "\"guard\":301,\"number\":2,\"ticket\":1,\"delivery\"") == 0, "deliveries: the others may still be told");
    for (int again = 0; again < 2; again++) {
        ok(rig_stop(r) == 0, "deliveries: STOP");
        good = true;
        for (int n = 1; n <= 3; n++) {
            char what[64];
            snprintf(what, sizeof what, "\"guard\":301,\"number\":%d,\"%s", n, n == 1 ? "delivery\":\"written" : "ticket\":1,\"delivery\":\"unknown");
            good &= count(text(r), what) == (n == 1 ? 2 : 1);
        }
        ok(good && count(text(r), "\"event_type\":\"settlement\",\"program\":\"guard\",\"line_epoch\":302") == 1, "deliveries: a record of each, the second word about one is a settlement");
        if (!again)
            ok(rig_start(r, 1) == 0, "deliveries: starts once more");
    }
}

static void test_refusals(struct rig *r)
{
    const int n = sizeof refusals / sizeof *refusals;
    struct buf b;

    buf_init(&b, 65536);
    for (const struct refused *t = refusals; t < refusals + n; t++) {
        struct ipc *c = rig_link(r, t->role, GW_HIGH, 0);
        struct msg_line m = { .guard = 5, .number = t->number, .target = t->target, .event = (uint8_t)t->event };
        fields_of(&b, t->what);
        m.fields = buf_str(&b);
        m.hash = rig_hash(5, t->other_hash ? 99 : t->number);
        ok(ipc_put_line(c, &m) == 0 && closed(c), "%s breaks the channel", t->name);
        ipc_free(c);
    }
    buf_clear(&b);
    for (int i = 0; i < 100 && count(text(r), "channel-broken") < n; i++)
        nanosleep(&(struct timespec){ .tv_nsec = 10000000 }, NULL);
    ok(count(text(r), "\"action\":\"channel-broken\"") == n, "each is an event in the journal");
    ok(!released(r->edge[GW_LOW], 5, 1, 50), "nothing was released by them");
    ok(rig_ended(r, 0) == -1, "the journal still runs");
}

/* An edge that tells as much as it can: it is not read beyond its budget, and a guard's lines are written all the same. */
static void test_budget(struct rig *r)
{
    struct ipc *edge = rig_link(r, IPC_EDGE, GW_HIGH, 0), *guard = rig_link(r, IPC_GUARD, 0, 5);
    struct msg_line m = { .guard = 77, .target = LINE_TARGET_NONE, .event = GW_EV_STREAM };
    static char big[3000];
    struct wire_out o;
    struct buf b;

    buf_init(&b, 65536);
    wire_out_init(&o, &b);
    memset(big, 'x', sizeof big - 1);
    field_z(&o, GW_F_SENTENCE, big);
    m.fields = buf_str(&b);
    for (int i = 0; i < 8000; i++) { /* 24 MB */
        m.number++;
        if (ipc_put_line(edge, &m) < 0)
            rig_die("cannot send");
    }
    for (int i = 0; i < 50; i++) {
        (void)!ipc_flush(edge);
        nanosleep(&(struct timespec){ .tv_nsec = 20000000 }, NULL);
    }
    (void)!rig_line(guard, 88, 1, LINE_TARGET_NONE, buf_str(&fields));
    ok(durable(guard, 1), "an edge tells 24 MB at once: a guard's line is written meanwhile");
    int n = count(text(r), "\"line_epoch\":77,");
    ok(n > 100 && n < 6500, "of the edge's 8000 lines, only %d were taken in about a second", n);
    ok(ipc_queued(edge) > 0, "the others wait with the edge");
    ipc_free(edge);
    ipc_free(guard);
    buf_clear(&b);
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
    test_first_word(&r);
    test_restart(&r, false);
    test_restart(&r, true);
    test_company(&r);
    test_refusals(&r);
    test_escaping(&r);
    test_budget(&r);
    ok(rig_stop(&r) == 0, "ends in order");
    test_late_edges(&r);
    rig_fields(&fields, 1, NULL);
    test_deliveries(&r);
    rig_free(&r);
    buf_clear(&fields);
    led_file_close(&all);
    return done_testing();
}
