// link: ledger ipc base
// libs: -lcrypto -lconfig
/* SPDX-License-Identifier: GPL-3.0-or-later
 * How many records a second the journal makes durable and releases, beside the bare fdatasync of the same disk. Also makes
 * journals for tests: `journal make RECORDS SEGMENT_SIZE` prints the folder, which is left; `journal lines FILE RECORDS` writes lines alone. */
#include "../unit/journal_rig.h"

#define RUN_MS 2000

static double now(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static int by_value(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return x < y ? -1 : x > y;
}

/* ---- the bare disk ---- */
static void bare(const char *folder)
{
    static double d[200000];
    char path[128], line[700];
    size_t n = 0;
    int fd;

    memset(line, 'x', sizeof line);
    snprintf(path, sizeof path, "%s/bare", folder);
    fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
    for (double start = now(), t = start; fd >= 0 && t - start < RUN_MS / 1e3 && n < sizeof d / sizeof *d; n++) {
        if (write(fd, line, sizeof line) < 0 || fdatasync(fd) < 0)
            rig_die("the disk fails");
        double u = now();
        d[n] = u - t;
        t = u;
    }
    close(fd);
    qsort(d, n, sizeof *d, by_value);
    printf("bare write + fdatasync of 700 bytes  %9.0f /s            p50 %6.0f us  p99 %6.0f us\n", (double)n / (RUN_MS / 1e3), d[n / 2] * 1e6, d[n * 99 / 100] * 1e6);
}

/* ---- the journal ---- */
static double sent[RIG_GUARDS][4096], delays[2000000];

static void bench(struct rig *r, unsigned senders, unsigned window)
{
    static uint64_t epoch = 100;
    uint64_t next[RIG_GUARDS], open_lines[RIG_GUARDS] = { 0 };
    size_t done = 0;
    struct buf f;
    struct ipc *v[RIG_GUARDS + 2];
    bool ready[RIG_GUARDS + 2];

    buf_init(&f, 65536);
    epoch += RIG_GUARDS;
    for (unsigned i = 0; i < senders; i++) {
        next[i] = 1;
        ipc_free(r->guard[i]);
        v[i] = r->guard[i] = rig_link(r, IPC_GUARD, 0, (uint8_t)i);
    }
    v[senders] = r->edge[GW_LOW];
    double start = now(), end = start + RUN_MS / 1e3;
    while (now() < end) {
        for (unsigned i = 0; i < senders; i++)
            while (open_lines[i] < window) {
                rig_fields(&f, next[i], NULL);
                sent[i][next[i] % 4096] = now();
                struct msg_line m = { .guard = epoch + i, .number = next[i], .target = GW_LOW, .event = GW_EV_VERDICT, .fields = buf_str(&f) };
                m.hash = rig_hash(epoch + i, next[i]++);
                if (ipc_put_line(r->guard[i], &m) < 0)
                    rig_die("a line could not be sent");
                open_lines[i]++;
            }
        if (ipc_wait(v, senders + 1, -1, 100, ready, NULL) < 0)
            rig_die("poll");
        for (unsigned i = 0; i <= senders; i++) {
            struct ipc_msg m;
            struct msg_release rel;
            int got = ready[i] ? ipc_fill(v[i]) : 0;
            if (got < 0 && got != GW_ERR(AGAIN))
                rig_die("the journal is gone");
            while (ipc_next(v[i], &m) == 1)
                if (m.type == IPC_M_RELEASE && ipc_get_release(&m, &rel) == 0 && rel.guard >= epoch && rel.guard < epoch + senders) {
                    unsigned s = (unsigned)(rel.guard - epoch);
                    if (done < sizeof delays / sizeof *delays)
                        delays[done++] = now() - sent[s][rel.number % 4096];
                    open_lines[s]--;
                }
        }
    }
    double took = now() - start;
    qsort(delays, done, sizeof *delays, by_value);
    printf("%2u senders, %4u lines open in each     %9.0f records/s    p50 %6.0f us  p99 %6.0f us\n", senders, window, (double)done / took, delays[done / 2] * 1e6,
        delays[done * 99 / 100] * 1e6);
    fflush(stdout);
    buf_clear(&f);
}

/* ---- rendering alone ---- */
static void render(void)
{
    struct led_head h = { .time_us = 1763680435123456u, .event = GW_EV_VERDICT, .program = STR("guard"), .epoch = 1, .has_release = true };
    struct buf f, out;
    uint64_t n = 0;
    double start = now();

    buf_init(&f, 65536);
    buf_init(&out, 8 << 20);
    rig_fields(&f, 1, NULL);
    for (; now() - start < 1; n++) {
        if (buf_size(&out) > 4 << 20)
            buf_reset(&out);
        h.seq = h.number = n + 1;
        if (led_line(&out, &h, buf_str(&f)) < 0)
            rig_die("render");
    }
    printf("rendering alone, one core            %9.0f lines/s\n", (double)n / (now() - start));
    buf_clear(&f);
    buf_clear(&out);
}

/* ---- journals for tests ---- */
static const char *const names[] = { "alice", "bob", "carol", "dave", "erin", "frank" };

/* The members of a verdict as the guard writes them. */
static void varied(struct buf *b, uint64_t i)
{
    static const struct { const char *verdict, *reason, *sentence, *severity; int rule; } kinds[] = {
        { "release", "rule", "a rule of the rule set decided", NULL, 9000 }, { "release", "rule", "a rule of the rule set decided", NULL, 9000 },
        { "reject", "default-deny", "no rule releases this stanza", "low", 0 }, { "drop", "rule", "a rule of the rule set decided", "high", 1020 },
        { "reject", "not-in-schema", "it carries an element or attribute that no schema allows", "medium", 0 } };
    unsigned char hash[32] = { 1, 2, 3 };
    size_t k = (size_t)(i * 7919 % 5), who = (size_t)(i % 6);
    bool up = i % 3 == 0;
    char from[64], to[64], id[32];
    struct wire_out o;

    buf_reset(b);
    wire_out_init(&o, b);
    snprintf(from, sizeof from, "%s@%s.example/desk", names[who], up ? "low" : "high");
    snprintf(to, sizeof to, "%s@%s.example", names[(who + 1) % 6], up ? "high" : "low");
    snprintf(id, sizeof id, "id-%llu", (unsigned long long)i);
    field_num(&o, GW_F_FLOW_ID, i / 100);
    field_z(&o, GW_F_SRC_IP, up ? "10.77.2.2" : "10.77.1.2");
    field_num(&o, GW_F_SRC_PORT, 40000 + i % 100);
    field_z(&o, GW_F_DEST_IP, up ? "10.77.1.2" : "10.77.2.2");
    field_num(&o, GW_F_DEST_PORT, 5269);
    field_z(&o, GW_F_DIRECTION, up ? "low-to-high" : "high-to-low");
    field_z(&o, GW_F_VERDICT, kinds[k].verdict);
    field_z(&o, GW_F_REASON, kinds[k].reason);
    field_z(&o, GW_F_SENTENCE, kinds[k].sentence);
    if (kinds[k].rule) {
        field_num(&o, GW_F_RULE, (uint64_t)kinds[k].rule);
        field_z(&o, GW_F_RULE_NAME, kinds[k].rule == 9000 ? "release-chat" : "codeword");
        field_z(&o, GW_F_MATCHED, kinds[k].rule == 9000 ? "9000" : "1020");
    }
    if (kinds[k].severity)
        field_z(&o, GW_F_SEVERITY, kinds[k].severity);
    field_hex(&o, GW_F_RULES_HASH, hash, sizeof hash);
    field_z(&o, GW_F_KIND, "message");
    field_z(&o, GW_F_TYPE, "chat");
    field_z(&o, GW_F_STANZA_ID, id);
    field_z(&o, GW_F_FROM, from);
    field_z(&o, GW_F_TO, to);
    field_z(&o, GW_F_FROM_DOMAIN, up ? "low.example" : "high.example");
    field_z(&o, GW_F_TO_DOMAIN, up ? "high.example" : "low.example");
    field_z(&o, GW_F_PAYLOADS, "{jabber:server}body");
    field_num(&o, GW_F_SIZE_IN, 300 + i % 900);
    memcpy(hash, &i, sizeof i);
    field_hex(&o, GW_F_HASH_IN, hash, sizeof hash);
    if (kinds[k].verdict[2] == 'l') {
        field_num(&o, GW_F_SIZE_OUT, 300 + i % 900);
        field_hex(&o, GW_F_HASH_OUT, hash, sizeof hash);
    }
    field_num(&o, GW_F_TICKET, i);
    field_num(&o, GW_F_SCAN_US, 40 + i % 60);
    field_num(&o, GW_F_JUDGE_US, 90 + i % 200);
    if (o.err)
        rig_die("fields");
}

static int make(const char *argv0, uint64_t records, const char *segment_size)
{
    struct rig r;
    struct buf f;
    struct ipc_msg m;
    struct msg_durable d = { 0 };

    buf_init(&f, 65536);
    rig_new(&r, argv0, segment_size, "1s");
    if (rig_start(&r, 1) != 0)
        rig_die("the journal does not start");
    for (uint64_t i = 1; i <= records; i++) {
        varied(&f, i);
        if (rig_line(r.guard[0], 1, i, LINE_TARGET_NONE, buf_str(&f)) < 0 && ipc_queued(r.guard[0]) == 0)
            rig_die("a line could not be sent");
        while (i - d.number > 20000 || i == records) {
            if (rig_next(r.guard[0], 30000, &m) != 1)
                rig_die("the journal is gone");
            if (m.type == IPC_M_DURABLE && ipc_get_durable(&m, &d) < 0)
                rig_die("durable");
            if (d.number == records)
                break;
        }
        if (i == records / 2) { /* a checkpoint in the midst of it */
            char path[200];
            struct stat st = { 0 };
            snprintf(path, sizeof path, "%s/checkpoints", r.journal);
            for (int k = 0; k < 600 && st.st_size == 0; k++) {
                (void)!ipc_flush(r.guard[0]);
                usleep(50000);
                (void)!stat(path, &st);
            }
        }
    }
    if (rig_stop(&r) != 0)
        rig_die("the journal did not end in order");
    printf("%s\n", r.folder);
    buf_clear(&f);
    return 0;
}

/* Lines as a journal writes them, a second apart, without a journal: for searches in large ones. */
static int make_lines(const char *path, uint64_t records)
{
    struct led_head h = { .event = GW_EV_VERDICT, .program = STR("guard"), .epoch = 1 };
    FILE *out = fopen(path, "w");
    struct buf f, b;

    buf_init(&f, 65536);
    buf_init(&b, LED_LINE_MAX);
    for (uint64_t i = 1; out && i <= records; i++) {
        varied(&f, i);
        h.time_us = 1763000000000000u + i * 1000000;
        h.seq = h.number = i;
        buf_reset(&b);
        if (led_line(&b, &h, buf_str(&f)) < 0 || fwrite(buf_data(&b), 1, buf_size(&b), out) != buf_size(&b))
            rig_die("cannot write");
    }
    buf_clear(&f);
    buf_clear(&b);
    return !out || fclose(out) != 0;
}

int main(int argc, char **argv)
{
    static const struct { unsigned senders, window; } rows[] = { { 1, 1 }, { 8, 1 }, { 64, 1 }, { 1, 64 }, { 8, 64 }, { 64, 64 } };
    struct rig r;

    if (argc == 4 && strcmp(argv[1], "make") == 0)
        return make(argv[0], strtoull(argv[2], NULL, 10), argv[3]);
    if (argc == 4 && strcmp(argv[1], "lines") == 0)
        return make_lines(argv[2], strtoull(argv[3], NULL, 10));
    rig_new(&r, argv[0], "64MiB", "10s");
    if (rig_start(&r, 0) != 0)
        rig_die("the journal does not start");
    render();
    bare(r.folder);
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
        bench(&r, rows[i].senders, rows[i].window);
    (void)rig_stop(&r);
    rig_free(&r);
    return 0;
}
