// link: ledger ipc base
// libs: -lcrypto -lconfig
/* SPDX-License-Identifier: GPL-3.0-or-later
 * The journal killed with SIGKILL at random moments under load, in every other round with a power cut that takes all that was not
 * synced. After each: what was released is there, nothing is there twice, nothing in between is missing. JOURNAL_KILLS: how often (20). */
#include "journal_fault_rig.h"
#include "tap.h"

#define GUARDS 3
#define NUMBERS 400000

static struct guard {
    uint64_t epoch, next, durable; /* next: the number of the next new line */
    uint64_t sent;                 /* up to here in this life of the journal */
    bool released[NUMBERS];
    uint8_t seen[NUMBERS];
} g[GUARDS];
static uint64_t total_released, total_lines;
static unsigned seed = 12345;

static unsigned chance(void)
{
    seed = seed * 1103515245u + 12345u;
    return seed >> 8;
}

/* ---- load ---- */
static void send_some(struct rig *r, int i, unsigned n)
{
    static struct buf f;
    struct guard *gd = &g[i];

    f.max = 65536;
    while (n-- > 0 && gd->sent + 1 < NUMBERS && ipc_queued(r->guard[i]) < 1 << 20) {
        uint64_t number = ++gd->sent;
        rig_fields(&f, number, NULL);
        if (rig_line(r->guard[i], gd->epoch, number, number % 3 ? GW_LOW : number % 2 ? GW_HIGH : LINE_TARGET_NONE, buf_str(&f)) < 0 && ipc_queued(r->guard[i]) == 0)
            return;
        if (number >= gd->next)
            gd->next = number + 1;
    }
}

static const char *take_release(const struct ipc_msg *m, int side)
{
    struct msg_release rel;
    struct ipc_hash h;

    if (m->type != IPC_M_RELEASE || ipc_get_release(m, &rel) < 0)
        return "a message that is no release";
    for (int i = 0; i < GUARDS; i++) {
        if (g[i].epoch != rel.guard)
            continue;
        h = rig_hash(rel.guard, rel.number);
        if (rel.number >= g[i].next || memcmp(h.b, rel.hash.b, 32) != 0 || side != (rel.number % 3 ? GW_LOW : GW_HIGH))
            return "a release that was not asked for";
        g[i].released[rel.number] = true;
        total_released++;
        return NULL;
    }
    return "a release of an unknown guard";
}

/* Takes what is there; nothing is waited for. */
static const char *drain(struct rig *r)
{
    struct ipc_msg m;
    struct msg_durable d;
    const char *bad = NULL;

    for (int s = 0; s < GW_SIDES && !bad; s++)
        while (!bad && rig_next(r->edge[s], 0, &m) == 1)
            bad = take_release(&m, s);
    for (int i = 0; i < GUARDS && !bad; i++)
        while (rig_next(r->guard[i], 0, &m) == 1)
            if (m.type == IPC_M_DURABLE && ipc_get_durable(&m, &d) == 0 && d.number > g[i].durable)
                g[i].durable = d.number;
    return bad;
}

static double now(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static const char *load(struct rig *r, double seconds)
{
    const char *bad = NULL;

    for (double end = now() + seconds; now() < end && !bad;) {
        for (int i = 0; i < GUARDS; i++)
            if (g[i].sent - g[i].durable < 2000)
                send_some(r, i, chance() % 60);
        bad = drain(r);
    }
    return bad;
}

/* ---- what is in the journal ---- */
static const char *check_line(const struct led_head *h)
{
    for (int i = 0; i < GUARDS; i++)
        if (h->epoch == g[i].epoch && str_eq(str_c(i == 0 ? "guard" : i == 1 ? "guard/1" : "guard/2"), h->program)) {
            if (h->number >= NUMBERS || g[i].seen[h->number]++)
                return "a line is there twice";
            if (h->number > 1 && !g[i].seen[h->number - 1])
                return "a line is missing before another of its guard";
        }
    return NULL;
}

static const char *check_journal(struct rig *r)
{
    struct led_dir d;
    struct led_lines l;
    struct led_head h;
    struct str line;
    uint64_t due = 1;
    const char *bad = NULL;

    for (int i = 0; i < GUARDS; i++)
        memset(g[i].seen, 0, sizeof g[i].seen);
    if (led_dir_open(r->journal, &d) < 0)
        return "the folder is gone";
    for (size_t i = 0; i < d.n && !bad; i++) {
        bool newest = i + 1 == d.n;
        if (led_lines_open(&l, d.fd, d.v[i].name) < 0)
            return "a segment cannot be read";
        while (!bad && led_lines_next(&l, &line) == 1) {
            if (led_head_read(line, &h) < 0 || h.seq != due) {
                bad = newest ? NULL : "a line in the midst of the journal cannot be read";
                break;
            }
            due++;
            bad = check_line(&h);
        }
        led_lines_close(&l);
    }
    led_dir_close(&d);
    total_lines = due - 1;
    for (int i = 0; i < GUARDS && !bad; i++) {
        for (uint64_t n = 1; n < g[i].next && !bad; n++)
            if (g[i].released[n] && !g[i].seen[n])
                bad = "a record was released whose line is not in the journal";
        if (g[i].durable && !g[i].seen[g[i].durable])
            bad = "a line that was said to be durable is not in the journal";
    }
    return bad;
}

/* ---- rounds ---- */
static void restart_guards(struct rig *r)
{
    (void)r;
    for (int i = 0; i < GUARDS; i++)
        g[i].sent = g[i].durable; /* what is not known to be durable is told again */
}

static void round_(struct rig *r, struct fault *f, unsigned n)
{
    const char *bad, *what = "killed";
    int st = rig_start(r, GUARDS);

    if (st != 0) {
        ok(false, "round %u: the journal does not start (%d)", n, st);
        return;
    }
    restart_guards(r);
    bad = load(r, 0.005 + chance() % 100 / 1000.0);
    kill(r->pid, SIGKILL);
    (void)waitpid(r->pid, NULL, 0);
    r->pid = 0;
    if (!bad)
        bad = drain(r); /* what it had sent before counts */
    rig_close(r);
    if (f && n % 2) {
        fault_power_cut(r, f, chance());
        what = "killed, power cut";
    }
    if (!bad)
        bad = check_journal(r);
    ok(!bad, "round %u, %s: %llu records, %llu released; %s", n, what, (unsigned long long)total_lines, (unsigned long long)total_released,
        bad ? bad : "each released one is there, once");
}

int main(int argc, char **argv)
{
    const char *kills = getenv("JOURNAL_KILLS");
    unsigned rounds = kills ? (unsigned)atoi(kills) : 20;
    struct fault *f;
    struct rig r;
    const char *bad;
    int st;

    (void)argc;
    if (getenv("JOURNAL_SEED"))
        seed = (unsigned)atoi(getenv("JOURNAL_SEED"));
    for (int i = 0; i < GUARDS; i++)
        g[i] = (struct guard){ .epoch = 70 + (uint64_t)i, .next = 1 };
    rig_new(&r, argv[0], "1MiB", "1s");
    f = fault_new(&r);
    if (!f)
        diag("no compiler: power cuts are left out");
    for (unsigned n = 1; n <= rounds && !tap_bad; n++)
        round_(&r, f, n);
    if (!ok(rig_start(&r, GUARDS) == 0, "it starts once more"))
        return done_testing();
    restart_guards(&r);
    bad = load(&r, 0.3);
    for (int i = 0; i < 2000 && !bad && (g[0].durable < g[0].sent || g[1].durable < g[1].sent || g[2].durable < g[2].sent); i++) {
        nanosleep(&(struct timespec){ .tv_nsec = 10000000 }, NULL);
        bad = drain(&r);
    }
    if (!bad)
        bad = drain(&r); /* what was released with the last of them lies in the edges' sockets: it went out first */
    if (!ok(!bad && g[0].durable == g[0].sent && g[1].durable == g[1].sent && g[2].durable == g[2].sent, "all lines become durable"))
        for (int i = 0; i < GUARDS; i++)
            diag("guard %d: sent %llu, durable %llu, queued %zu; %s", i, (unsigned long long)g[i].sent, (unsigned long long)g[i].durable, ipc_queued(r.guard[i]), bad ? bad : "");
    ok(rig_stop(&r) == 0, "and ends in order");
    for (int i = 0; i < GUARDS; i++) {
        uint64_t lost = 0;
        for (uint64_t n = 1; n <= g[i].sent; n++)
            lost += !g[i].released[n] && (n % 3 || n % 2);
        ok(lost == 0, "guard %d: no release was lost by a kill (%llu lines)", i, (unsigned long long)g[i].sent);
        if (lost)
            diag("%llu lost", (unsigned long long)lost);
    }
    bad = check_journal(&r);
    ok(!bad, "the journal is complete%s%s", bad ? ": " : "", bad ? bad : "");
    st = rig_verify(&r);
    ok(st == 0 || st == -1, "lockgate verify: whole%s", st == -1 ? " # SKIP lockgate is not built" : "");
    rig_free(&r);
    return done_testing();
}
