// link: ledger ipc base
// libs: -lcrypto -lconfig
/* SPDX-License-Identifier: GPL-3.0-or-later
 * Evidence: kept encrypted under the record's number, named by the line, opened by each auditor's key and by nothing of the gateway's;
 * what may not be given breaks the channel; what is over its size goes. Keys and decryption by the openssl command. */
#include "journal_fault_rig.h"
#include "tap.h"

static struct buf fields;
static char command[2000];

#define RUN(...) (snprintf(command, sizeof command, __VA_ARGS__), system(command))

static bool durable(struct rig *r, uint64_t number)
{
    struct msg_durable d = { 0 };
    struct ipc_msg m;

    while (d.number < number && rig_next(r->guard[0], 10000, &m) == 1)
        if (m.type == IPC_M_DURABLE && ipc_get_durable(&m, &d) < 0)
            return false;
    return d.number >= number;
}

static bool give(struct rig *r, uint64_t number, struct str evidence)
{
    rig_fields(&fields, number, NULL);
    return rig_line_evidence(r->guard[0], 5, number, buf_str(&fields), evidence) >= 0 || ipc_queued(r->guard[0]) > 0;
}

/* The record of line number of the guard, and what it says of its evidence. */
static uint64_t find(struct rig *r, uint64_t number, char ret_hex[65])
{
    struct led_dir d;
    struct led_lines l;
    struct led_head h;
    struct led_reader rd;
    struct led_member m;
    struct str line;
    uint64_t found = 0;

    ret_hex[0] = 0;
    if (led_dir_open(r->journal, &d) < 0 || led_lines_open(&l, d.fd, d.v[0].name) < 0)
        return 0;
    while (!found && led_lines_next(&l, &line) == 1) {
        if (led_head_read(line, &h) < 0 || h.number != number || !str_eq(h.program, STR("guard")))
            continue;
        found = h.seq;
        led_read(&rd, line);
        while (led_read_next(&rd, &m) == 1)
            if (str_eq(m.name, STR("evidence")))
                snprintf(ret_hex, 65, "%.*s", STR_ARG(m.raw));
    }
    led_lines_close(&l);
    led_dir_close(&d);
    return found;
}

static void test_kept(struct rig *r)
{
    static const char text[] = "\1\0the stanza as it came";
    char hex[65];
    uint64_t seq;

    ok(give(r, 1, (struct str){ text, sizeof text }) && give(r, 2, STR_NONE) && durable(r, 2), "a line with evidence and one without");
    seq = find(r, 1, hex);
    ok(seq > 0 && strlen(hex) == 64, "the line names it");
    ok(RUN("test \"$(sha256sum <%s/evidence/%010llu.cms)\" = '%s  -'", r->journal, (unsigned long long)seq, hex) == 0, "by the SHA-256 of the file");
    for (int i = 1; i <= 2; i++) {
        ok(RUN("openssl cms -decrypt -binary -inform DER -in %s/evidence/%010llu.cms -recip %s/%d.pem -inkey %s/%d.key -out %s/plain 2>/dev/null", r->journal,
               (unsigned long long)seq, r->folder, i, r->folder, i, r->folder) == 0, "auditor %d opens it", i);
        ok(RUN("test \"$(od -An -tx1 %s/plain | tr -d ' \\n')\" = \"$(printf '\\001\\000the stanza as it came\\000' | od -An -tx1 | tr -d ' \\n')\"", r->folder) == 0,
            "and finds what was given");
    }
    ok(RUN("openssl cms -decrypt -binary -inform DER -in %s/evidence/%010llu.cms -inkey %s/3.key -recip %s/3.pem -out %s/plain3 2>/dev/null", r->journal,
           (unsigned long long)seq, r->folder, r->folder, r->folder) != 0, "another key does not");
    ok(RUN("! grep -rq 'stanza as it came' %s/state", r->folder) == 0, "it stands nowhere in clear");
    ok(find(r, 2, hex) == seq + 1 && hex[0] == 0, "the other line names none");
}

static bool broken(struct rig *r, struct ipc *c)
{
    struct ipc_msg m;
    int got;

    (void)r;
    while ((got = rig_next(c, 5000, &m)) == 1)
        ;
    return got < 0;
}

static void test_not_theirs(struct rig *r)
{
    struct msg_line m = { .guard = 9, .number = 1, .target = LINE_TARGET_NONE, .event = GW_EV_STREAM, .fields = STR_NONE, .evidence = STR("x") };
    struct wire_out o;
    struct buf b;

    ok(ipc_put_line(r->edge[GW_HIGH], &m) == 0 && ipc_flush(r->edge[GW_HIGH]) == 0 && broken(r, r->edge[GW_HIGH]), "an edge with evidence is cut off");
    buf_init(&b, 1000);
    wire_out_init(&o, &b);
    field_hex(&o, GW_F_EVIDENCE, "xxxx", 4);
    m = (struct msg_line){ .guard = 6, .number = 1, .target = LINE_TARGET_NONE, .event = GW_EV_VERDICT, .fields = buf_str(&b) };
    struct ipc *c = rig_link(r, IPC_GUARD, 0, 3);
    ok(ipc_put_line(c, &m) == 0 && ipc_flush(c) == 0 && broken(r, c), "a guard that names evidence itself is cut off");
    ipc_free(c);
    buf_clear(&b);
}

static void test_size(struct rig *r)
{
    static char big[20000];
    char hex[65];

    memset(big, 'y', sizeof big);
    for (uint64_t n = 3; n < 43; n++)
        if (!give(r, n, (struct str){ big, sizeof big }))
            rig_die("cannot send");
    ok(durable(r, 42), "800 kB of evidence");
    give(r, 43, STR_NONE);
    (void)durable(r, 43);
    uint64_t last = find(r, 42, hex);
    int st = -1;
    for (int i = 0; i < 100 && st != 0; i++, usleep(50000))
        st = RUN("test $(cat %s/evidence/*.cms | wc -c) -le 262144", r->journal);
    ok(st == 0 && RUN("test -e %s/evidence/%010llu.cms", r->journal, (unsigned long long)last) == 0, "what is over 256 KiB went, the newest stayed");
    ok(RUN("grep -q '\"action\":\"evidence-retired\"' %s/*.jsonl", r->journal) == 0, "and a record says so");
}

/* A piece whose record never became durable must not be taken for that of the record that gets its number. */
static void test_orphan(struct rig *r)
{
    ok(RUN("touch %s/evidence/0000099999.cms", r->journal) == 0 && rig_start(r, 1) == 0, "starts over a piece of a record that is not there");
    ok(RUN("test ! -e %s/evidence/0000099999.cms", r->journal) == 0, "that piece is gone");
    ok(rig_stop(r) == 0 && rig_verify(r) <= 0, "whole");
}

static void test_unwanted(struct rig *r)
{
    r->more = NULL;
    rig_conf(r, "64MiB", "1s");
    ok(rig_start(r, 1) == 0 && give(r, 44, STR("x")) && broken(r, r->guard[0]), "a guard that gives evidence that nobody wants is cut off");
    ok(rig_stop(r) == 0, "ends in order");
}

int main(int argc, char **argv)
{
    static char more[300];
    struct rig r;

    (void)argc;
    buf_init(&fields, 65536);
    rig_new(&r, argv[0], "64MiB", "1s");
    if (RUN("for i in 1 2 3; do a='rsa:2048'; test $i = 2 && a='ec -pkeyopt ec_paramgen_curve:P-256'; openssl req -x509 -newkey $a -nodes -subj /CN=auditor$i -days 2 "
            "-keyout %s/$i.key -out %s/$i.pem 2>/dev/null || exit 1; done; cat %s/1.pem %s/2.pem >%s/auditors.pem", r.folder, r.folder, r.folder, r.folder, r.folder) != 0) {
        printf("1..0 # SKIP no openssl command\n");
        return 0;
    }
    snprintf(more, sizeof more, "evidence = \"%s/auditors.pem\"; evidence_size = \"256KiB\";", r.folder);
    r.more = more;
    rig_conf(&r, "64MiB", "1s");
    if (ok(rig_start(&r, 1) == 0, "starts")) {
        test_kept(&r);
        test_not_theirs(&r);
        test_size(&r);
        ok(rig_stop(&r) == 0, "ends in order");
        test_orphan(&r);
        test_unwanted(&r);
    }
    rig_free(&r);
    buf_clear(&fields);
    return done_testing();
}
