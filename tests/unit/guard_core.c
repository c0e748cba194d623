// link: policy record ipc base
// libs: -lcrypto -licuuc -licudata -lconfig
/* SPDX-License-Identifier: GPL-3.0-or-later
 * The guard's core without processes: the flow of PROTOCOL.md, order per pair, deadlines, lost programs, recovery. Every message that
 * it sends is noted as a word; cases compare the words. */
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "../../gw/guard/core.c"
#include "../../gw/guard/hash.c"
#include "../../gw/guard/holding.c"
#include "../../gw/guard/pairs.c"
#include "../../gw/guard/probe.c"
#include "../../gw/guard/recover.c"
#include "../../gw/guard/scanning.c"
#include "../../gw/guard/settle.c"
#include "../../gw/guard/verdicts.c"
#include "jid.h"
#include "tap.h"

/* ---- what the guard says, as words ---- */

static char said[65536];
static uint64_t next_line;
static bool journal_full, edge_full, edge_deaf, scanner_full;
static struct ipc_hash last_hash, last_order_hash;
static uint64_t last_num[256]; /* of the last line: its numbers, how often each other field came */
static uint64_t scan_ids[1024];
static size_t n_scans;

__attribute__((format(printf, 1, 2))) static void say_word(const char *fmt, ...)
{
    va_list ap;
    size_t n = strlen(said);
    if (n && n < sizeof said - 1)
        said[n++] = ' ';
    va_start(ap, fmt);
    vsnprintf(said + n, sizeof said - n, fmt, ap);
    va_end(ap);
}

static int t_order(void *ctx, enum gw_side to, const struct msg_order *m)
{
    (void)ctx;
    if (edge_full)
        return GW_ERR(LIMIT);
    hash_plain(m->record, last_order_hash.b);
    say_word("%s(%s,%llu)", m->purpose == ORDER_ANSWER ? "answer" : "order", gw_side_name(to), (unsigned long long)m->number);
    return 0;
}
static int t_verdict(void *ctx, enum gw_side to, const struct msg_verdict *m)
{
    (void)ctx;
    if (edge_deaf)
        return GW_ERR(LIMIT);
    say_word("verdict(%s,%llu,%s)", gw_side_name(to), (unsigned long long)m->ticket, gw_verdict_name((enum gw_verdict)m->verdict));
    return 0;
}
static int t_settled(void *ctx, enum gw_side to, const struct msg_settled *m)
{
    (void)ctx;
    if (edge_deaf)
        return GW_ERR(LIMIT);
    say_word("settled(%s,%llu,%s)", gw_side_name(to), (unsigned long long)m->ticket, gw_reason_code((enum gw_reason)m->reason));
    return 0;
}
static int t_flow(void *ctx, enum gw_side to, const struct msg_flow *m)
{
    (void)ctx, (void)m;
    say_word("flow(%s)", gw_side_name(to));
    return 0;
}
static int t_scan(void *ctx, unsigned i, const struct msg_scan *m)
{
    (void)ctx;
    if (scanner_full)
        return GW_ERR(LIMIT);
    scan_ids[n_scans++ % 1024] = m->id;
    say_word("scan(%u)", i);
    return 0;
}
static int t_kill(void *ctx, unsigned i)
{
    (void)ctx;
    say_word("kill(%u)", i);
    return 0;
}
static int64_t scanner_cpu = -1; /* ms; below 0: nobody knows */
static int64_t t_cpu(void *ctx, unsigned i) { return (void)ctx, (void)i, scanner_cpu; }
static uint64_t t_next(void *ctx) { return (void)ctx, next_line; }
static char last_from_domain[64];
static int t_line(void *ctx, uint8_t target, const struct ipc_hash *hash, enum gw_event event, struct str fields, struct str evidence)
{
    struct wire w;
    struct field_value v;
    char word[64] = "?";
    uint64_t number = 0;
    (void)ctx;
    if (journal_full)
        return GW_ERR(LIMIT);
    wire_init(&w, fields.p, fields.n);
    memset(last_num, 0, sizeof last_num);
    int rc;
    while ((rc = field_next(&w, &v)) > 0) {
        last_num[v.field & 255] = v.type == GW_FT_NUM ? v.num : last_num[v.field & 255] + 1;
        if (v.field == GW_F_REASON)
            snprintf(word, sizeof word, "%.*s", STR_ARG(v.bytes));
        if (v.field == GW_F_NUMBER)
            number = v.num;
        if (v.field == GW_F_FROM_DOMAIN)
            snprintf(last_from_domain, sizeof last_from_domain, "%.*s", STR_ARG(v.bytes));
    }
    if (rc)
        say_word("BROKEN-FIELDS");
    if (hash)
        last_hash = *hash;
    if (event == GW_EV_DELIVERY)
        say_word("delivery(%llu,%s)", (unsigned long long)number, word);
    else
        say_word("line(%llu,%s,%s)%s", (unsigned long long)next_line, target == LINE_TARGET_NONE ? "-" : gw_side_name((enum gw_side)target), word,
            evidence.n ? "+evidence" : "");
    next_line++;
    return 0;
}

static bool heard(const char *want, const char *name)
{
    bool same = !strcmp(said, want);
    ok(same, "%s", name);
    if (!same)
        diag("said:   %s", said), diag("wanted: %s", want);
    said[0] = 0;
    return same;
}

static int t_keep(void *ctx, const struct msg_keep *m)
{
    (void)ctx;
    if (journal_full)
        return GW_ERR(LIMIT);
    say_word("keep(%llu)", (unsigned long long)m->number);
    return 0;
}

/* ---- a small world ---- */

static const char rules_text[] =
    "profiles = [ \"im\" ];\n"
    "rules = ( { id = 1; name = \"stop\"; when = { text = \"stop\"; }; action = \"reject\"; },\n"
    "  { id = 2; name = \"drop\"; when = { text = \"lose\"; }; action = \"drop\"; },\n"
    "  { id = 3; name = \"look\"; when = { text = \"look\"; yara = \"*\"; }; action = \"reject\"; },\n"
    "  { id = 4; name = \"answer\"; action = \"answer\"; answers = { ping = true; }; },\n"
    "  { id = 5; name = \"hold\"; kind = \"message\"; when = { text = \"wait\"; }; action = \"hold\"; },\n"
    "  { id = 9; name = \"go\"; kind = \"message\"; action = \"release\"; } );\n";
static const char profile_text[] =
    "title = \"messages\"; elements = ( { element = \"{jabber:server}body\"; in = [ \"message\" ]; text = \"any\"; }, { element = \"{urn:xmpp:ping}ping\"; in = [ \"iq\" ]; } );\n";

static struct policy *policy;
static struct gw_conf conf;
static struct guard *g;

static bool put_file(const char *path, const char *text)
{
    FILE *f = fopen(path, "w");
    if (!f)
        return false;
    fputs(text, f);
    return fclose(f) == 0;
}

static bool make_world(void)
{
    char dir[] = "/tmp/lockgate-guard-XXXXXX", path[256];
    struct conf_errors errs;
    static struct gw_domain high[] = { { .name = { "high.example", 12 } }, { .name = { "lone.example", 12 } } }, low[] = { { .name = { "low.example", 11 } } };
    static struct gw_pair pairs[] = { { { { "high.example", 12 }, { "low.example", 11 } } } };
    if (!mkdtemp(dir))
        return false;
    snprintf(path, sizeof path, "%s/profiles", dir);
    if (mkdir(path, 0700))
        return false;
    snprintf(path, sizeof path, "%s/profiles/im.conf", dir);
    bool good = put_file(path, profile_text);
    snprintf(path, sizeof path, "%s/main.rules", dir);
    good &= put_file(path, rules_text);
    conf_errors_init(&errs);
    good &= policy_load(dir, 0, &policy, &errs) == 0;
    conf_errors_print(&errs, stdout);
    conf_errors_clear(&errs);
    unlink(path);
    snprintf(path, sizeof path, "%s/profiles/im.conf", dir);
    unlink(path);
    snprintf(path, sizeof path, "%s/profiles", dir);
    rmdir(path);
    rmdir(dir);
    conf.side[GW_HIGH].domains = high;
    conf.side[GW_HIGH].n_domains = 2;
    conf.side[GW_LOW].domains = low;
    conf.side[GW_LOW].n_domains = 1;
    conf.pairs = pairs;
    conf.n_pairs = 1;
    conf.limits.stanza = 65536;
    conf.limits.depth = 32;
    conf.limits.elements = 2000;
    conf.limits.attributes = 32;
    conf.limits.streams = 100;
    conf.limits.pairs_per_stream = 4;
    conf.limits.scan = 100;
    return good;
}

static void fresh(uint64_t epoch)
{
    struct hash_key key;
    struct guard_io io = { NULL, t_order, t_verdict, t_settled, t_flow, t_scan, t_kill, t_cpu, t_keep, t_next, t_line };
    guard_free(g);
    hash_key_set(&key, (const unsigned char *)"key", 3);
    next_line = 1;
    journal_full = edge_full = edge_deaf = scanner_full = false;
    said[0] = 0;
    n_scans = 0;
    g = guard_new(&conf, policy, epoch, &key, &io);
    guard_clock(g, 1000, 1000);
}

static int hello(enum gw_side side, uint64_t epoch)
{
    guard_edge_linked(g, side);
    return guard_hello(g, side, &(struct msg_hello){ .version = REC_VERSION, .side = side, .epoch = epoch });
}

static int flow_as(enum gw_side side, uint64_t id, const char *from, const char *to)
{
    return guard_flow(g, side, &(struct msg_flow){ .flow = id, .from_domain = str_c(from), .to_domain = str_c(to) });
}

/* Both edges there, nothing open, a flow each way. */
static void ready(void)
{
    fresh(7);
    if (hello(GW_HIGH, 100) || hello(GW_LOW, 200) || guard_open_end(g, GW_HIGH) || guard_open_end(g, GW_LOW) ||
        flow_as(GW_HIGH, 1, "high.example", "low.example") || flow_as(GW_LOW, 2, "low.example", "high.example"))
        ok(false, "a world could be made");
    said[0] = 0;
}

static void stanza_bytes(struct buf *b, const char *from, const char *from_domain, const char *to, const char *to_domain, const char *type,
    const char *body)
{
    struct rec_limits limits = REC_HARD_LIMITS;
    struct rec *r = rec_new(&limits);
    int rc = !r || rec_head(r, REC_MESSAGE, str_c(type), STR("i1"), STR_NONE) || rec_address(r, str_c(from), str_c(to), str_c(from), str_c(to)) ||
        rec_pair(r, str_c(from_domain), str_c(to_domain)) || rec_open(r, STR("jabber:server"), STR("message")) ||
        rec_open(r, STR("jabber:server"), STR("body")) || rec_text(r, str_c(body)) || rec_close(r) || rec_close(r) || rec_seal(r);
    buf_init(b, 1 << 20);
    if (rc || rec_encode(r, b))
        ok(false, "a record could be made");
    rec_free(r);
}

static int send_as(enum gw_side side, uint64_t flow, uint64_t ticket, const char *body)
{
    struct buf b;
    if (side == GW_HIGH)
        stanza_bytes(&b, "a@high.example/x", "high.example", "b@low.example", "low.example", "chat", body);
    else
        stanza_bytes(&b, "b@low.example/y", "low.example", "a@high.example", "high.example", "chat", body);
    int rc = guard_stanza(g, side, &(struct msg_stanza){ .ticket = ticket, .flow = flow, .record = buf_str(&b) });
    buf_clear(&b);
    return rc;
}

/* The scanner answers question i with or without a match. */
static int answer(unsigned scanner, size_t i, bool match)
{
    struct buf b;
    struct scan_match m = { .source = SCAN_YARA, .seg = UINT32_MAX, .rule = STR("r") };
    struct scan_result r = { .status = SCAN_DONE, .matches = &m, .n_matches = match };
    buf_init(&b, 65536);
    if (scan_result_put(&b, &r))
        return -100;
    int rc = guard_scanned(g, scanner, &(struct msg_scanned){ .id = scan_ids[i], .result = buf_str(&b) });
    buf_clear(&b);
    return rc;
}

static int settle(enum gw_side side, uint64_t guard, uint64_t number, enum gw_reason reason)
{
    return guard_settle(g, side, &(struct msg_settle){ .guard = guard, .number = number, .reason = (uint8_t)reason });
}

/* ---- the flow ---- */

static void test_flow(void)
{
    ready();
    ok(send_as(GW_HIGH, 1, 1, "hello") == 0, "a stanza is taken");
    heard("line(1,low,rule) flow(low) order(low,1)", "release: a line for the far side, the flow, the order");
    ok(!memcmp(&last_hash, &last_order_hash, 32), "the line carries the hash of the ordered record");
    guard_durable(g, 1);
    heard("verdict(high,1,release)", "durable: the near edge learns the verdict");
    ok(settle(GW_LOW, 7, 1, GW_R_WRITTEN) == 0, "the far edge settles");
    heard("delivery(1,written) settled(high,1,written)", "settled: a delivery line, and the near edge learns it");
    ok(settle(GW_LOW, 7, 1, GW_R_WRITTEN) == 0, "a second settlement is no mistake");
    heard("", "and has no effect");

    (void)!send_as(GW_HIGH, 1, 2, "please stop");
    heard("line(3,high,rule) answer(high,3)", "reject: the line and the answer are for the near side");
    guard_durable(g, 3);
    heard("verdict(high,2,reject) settled(high,2,rule)", "settled as soon as it is durable");
    (void)!settle(GW_HIGH, 7, 3, GW_R_WRITTEN);
    heard("delivery(3,written)", "the answer's delivery settles no ticket again");

    (void)!send_as(GW_HIGH, 1, 3, "lose it");
    heard("line(5,-,rule)", "drop: a line and nothing else");
    guard_durable(g, 5);
    heard("verdict(high,3,drop) settled(high,3,rule)", "a dropped stanza is settled");

    (void)!send_as(GW_LOW, 2, 1, "back");
    heard("line(6,high,rule) flow(high) order(high,6)", "the other direction is the same");
    ok(settle(GW_HIGH, 7, 6, GW_R_NO_ROUTE) == 0, "settled before the guard saw it durable");
    heard("", "nothing is told yet");
    guard_durable(g, 6);
    heard("verdict(low,1,release) delivery(6,no-route) settled(low,1,no-route)", "the verdict first, then its delivery");
    ok(settle(GW_LOW, 7, 6, GW_R_WRITTEN) == 0, "the wrong edge cannot settle");
    heard("", "and nothing comes of it");
}

/* Where the time went: until the record was durable, and from then on. */
static void test_times(void)
{
    ready();
    (void)!send_as(GW_HIGH, 1, 1, "hello");
    guard_clock(g, 1007, 1007);
    guard_durable(g, 1);
    guard_clock(g, 1050, 1050);
    (void)!settle(GW_LOW, 7, 1, GW_R_WRITTEN);
    ok(last_num[GW_F_DURABLE_MS] == 7 && last_num[GW_F_DELIVERY_MS] == 43, "a delivery's record says 7 ms until it was durable, 43 until it was written (%d, %d)",
        (int)last_num[GW_F_DURABLE_MS], (int)last_num[GW_F_DELIVERY_MS]);
}

/* A question that the gateway answers: the answer goes the way of a refusal, and the ticket ends with it. */
static void test_answered(void)
{
    struct rec_limits limits = REC_HARD_LIMITS;
    struct rec *r = rec_new(&limits);
    struct buf b;
    ready();
    buf_init(&b, 65536);
    int rc = !r || rec_head(r, REC_IQ, STR("get"), STR("q"), STR_NONE) || rec_address(r, STR("a@high.example/x"), STR("low.example"), STR_NONE, STR_NONE) ||
        rec_pair(r, STR("high.example"), STR("low.example")) || rec_open(r, STR("jabber:server"), STR("iq")) || rec_open(r, STR("urn:xmpp:ping"), STR("ping")) ||
        rec_close(r) || rec_close(r) || rec_seal(r) || rec_encode(r, &b);
    rec_free(r);
    ok(!rc && guard_stanza(g, GW_HIGH, &(struct msg_stanza){ .ticket = 1, .flow = 1, .record = buf_str(&b) }) == 0, "a question is taken");
    buf_clear(&b);
    heard("line(1,high,answered) answer(high,1)", "answered: the line and the answer are for the near side");
    ok(!memcmp(&last_hash, &last_order_hash, 32), "the line carries the hash of the answer");
    guard_durable(g, 1);
    heard("verdict(high,1,reject) settled(high,1,answered)", "settled as soon as it is durable");
    ok(guard_counts(g)->answered == 1, "it is counted");
}

/* What is refused goes to the journal whole, when the configuration names auditors; what crosses does not. */
static void test_evidence(void)
{
    static char path[] = "auditors.pem";
    ready();
    conf.journal.evidence = path;
    (void)!send_as(GW_HIGH, 1, 1, "hello");
    heard("line(1,low,rule) flow(low) order(low,1)", "evidence: none of what is released as it came");
    (void)!send_as(GW_HIGH, 1, 2, "please stop");
    heard("line(2,high,rule)+evidence answer(high,2)", "evidence: what is refused");
    (void)!guard_stanza(g, GW_HIGH, &(struct msg_stanza){ .ticket = 3, .flow = 1, .record = STR("rubbish") });
    heard("line(3,-,record-invalid)+evidence", "evidence: what could not even be read");
    conf.journal.evidence = NULL;
    (void)!send_as(GW_HIGH, 1, 4, "please stop");
    heard("line(4,high,rule) answer(high,4)", "evidence: none without auditors");
    conf.journal.evidence = path;
    conf.watch = true;
    ready();
    (void)!send_as(GW_HIGH, 1, 1, "please stop");
    heard("line(1,low,rule)+evidence flow(low) order(low,1)", "evidence: in watch mode what would have been refused");
    (void)!send_as(GW_HIGH, 1, 2, "hello");
    heard("line(2,low,rule) order(low,2)", "evidence: and none of what would not");
    conf.watch = false;
    conf.journal.evidence = NULL;
}

static int kept(uint64_t number, enum gw_reason reason)
{
    return guard_kept(g, &(struct msg_kept){ .guard = 7, .number = number, .reason = (uint8_t)reason });
}

/* A held stanza: stored first, then the line and the notice; what cannot be stored is refused. */
static void test_hold(void)
{
    ready();
    (void)!send_as(GW_HIGH, 1, 1, "wait for it");
    heard("keep(1)", "hold: stored first");
    (void)!send_as(GW_HIGH, 1, 2, "next");
    heard("", "what comes behind it in the pair waits for its turn");
    ok(kept(2, GW_R_NONE) == GW_ERR(PROTO), "the journal cannot have stored what nobody gave it");
    ok(kept(1, GW_R_NONE) == 0, "it lies on the disk");
    heard("line(1,high,held) answer(high,1) line(2,low,rule) flow(low) order(low,2)", "now the line and the notice, then the next");
    ok(kept(1, GW_R_NONE) == GW_ERR(PROTO), "and not twice");
    guard_durable(g, 2);
    said[0] = 0;
    (void)!send_as(GW_HIGH, 1, 3, "wait, too");
    ok(kept(2, GW_R_HOLD_FULL) == 0, "too much is held");
    heard("keep(2) line(3,high,hold-full) answer(high,3)", "refused for that reason, and answered");
    (void)!send_as(GW_HIGH, 1, 4, "wait, three");
    guard_journal_lost(g);
    heard("keep(3) line(4,high,hold-failed) answer(high,4)", "the journal is gone: refused");
    (void)!send_as(GW_HIGH, 1, 5, "wait, four");
    guard_clock(g, 1000 + GUARD_KEEP_MS, 1000);
    (void)guard_tick(g);
    heard("keep(4) line(5,high,hold-failed) answer(high,5)", "the journal does not answer: refused");
    ok(kept(4, GW_R_NONE) == 0, "an answer that comes too late is no mistake");
    journal_full = true;
    (void)!send_as(GW_HIGH, 1, 6, "wait, five");
    heard("", "nothing can be given to the journal");
    journal_full = false;
    (void)guard_tick(g);
    heard("line(6,high,hold-failed) answer(high,6)", "refused as soon as it takes lines");
}

static void test_hostile(void)
{
    struct buf b;
    ready();
    ok(send_as(GW_HIGH, 99, 1, "x") == GW_ERR(PROTO), "an unknown flow breaks the channel");
    ok(guard_flow_end(g, GW_HIGH, &(struct msg_flow_end){ .flow = 99 }) == GW_ERR(PROTO), "so does the end of one");
    ok(guard_flow_end(g, GW_HIGH, &(struct msg_flow_end){ .flow = 2 }) == GW_ERR(PROTO), "and of one of the other edge's");
    ok(send_as(GW_HIGH, 1, 5, "x") == 0 && send_as(GW_HIGH, 1, 5, "x") == GW_ERR(PROTO), "a ticket that comes again breaks the channel");
    said[0] = 0;
    ok(guard_stanza(g, GW_HIGH, &(struct msg_stanza){ .ticket = 6, .flow = 1, .record = STR("rubbish") }) == 0, "rubbish for a record is judged");
    heard("line(2,-,record-invalid)", "refused, with a line, without an answer");
    guard_durable(g, 2);
    said[0] = 0;
    stanza_bytes(&b, "b@low.example/y", "low.example", "a@high.example", "high.example", "chat", "hi");
    (void)!guard_stanza(g, GW_HIGH, &(struct msg_stanza){ .ticket = 7, .flow = 1, .record = buf_str(&b) });
    heard("line(3,-,pair-mismatch)", "a record of another pair than its flow");
    buf_clear(&b);
    (void)!flow_as(GW_HIGH, 3, "low.example", "high.example");
    stanza_bytes(&b, "b@low.example/y", "low.example", "a@high.example", "high.example", "chat", "hi");
    (void)!guard_stanza(g, GW_HIGH, &(struct msg_stanza){ .ticket = 8, .flow = 3, .record = buf_str(&b) });
    heard("line(4,-,wrong-side)", "a domain of the other side");
    buf_clear(&b);
    (void)!flow_as(GW_HIGH, 4, "lone.example", "low.example");
    stanza_bytes(&b, "b@lone.example/y", "lone.example", "a@low.example", "low.example", "chat", "hi");
    (void)!guard_stanza(g, GW_HIGH, &(struct msg_stanza){ .ticket = 9, .flow = 4, .record = buf_str(&b) });
    heard("line(5,-,pair-forbidden)", "a pair that no one allowed");
    buf_clear(&b);
    guard_edge_linked(g, GW_LOW);
    ok(guard_hello(g, GW_LOW, &(struct msg_hello){ .version = 99, .side = GW_LOW }) == GW_ERR(PROTO), "another version is refused");
    ok(flow_as(GW_LOW, 5, "low.example", "high.example") == GW_ERR(PROTO), "nothing before HELLO");
}

static void test_order(void)
{
    ready();
    guard_scanner_linked(g, 0);
    (void)!send_as(GW_HIGH, 1, 1, "look one");
    (void)!send_as(GW_HIGH, 1, 2, "plain");
    (void)!send_as(GW_LOW, 2, 1, "look back");
    heard("scan(0) scan(0)", "later stanzas of the pair wait for the first one's answer");
    ok(answer(0, 1, false) == GW_ERR(PROTO), "answers out of order break the scanner");
    ok(answer(0, 0, false) == 0, "the first answer");
    heard("line(1,low,rule) flow(low) order(low,1) line(2,low,rule) order(low,2)", "verdicts come in the order of the stanzas");
    ok(answer(0, 1, true) == 0, "the second answer, a match");
    heard("line(3,low,rule) answer(low,3)", "it is refused");
}

/* The guard runs from one time to another: it looks at the clock often enough. */
static int64_t g_now;
static void awake(int64_t from, int64_t to)
{
    for (int64_t t = from; t < to; guard_clock(g, t, 1000))
        t = t + GUARD_BLINK_MS < to ? t + GUARD_BLINK_MS : to;
    g_now = to;
}

static void test_load(void)
{
    ready();
    guard_scanner_linked(g, 0);
    (void)!send_as(GW_HIGH, 1, 1, "look one");
    said[0] = 0;
    guard_clock(g, 9000, 1000);
    ok(guard_tick(g) == GUARD_BLINK_MS, "a machine that stood still for eight seconds: the scanner has most of its time left");
    (void)guard_tick(g);
    heard("", "and is not ended");
    awake(9000, 9000 + 100 - GUARD_BLINK_MS);
    (void)guard_tick(g);
    (void)guard_tick(g);
    heard("kill(0) line(1,high,scan-timeout) answer(high,1)", "it is, when its time is over");

    static char text[GUARD_SCAN_UNIT / 2 + 6];
    memset(text, 'x', sizeof text - 1);
    memcpy(text, "look ", 5);
    ready();
    guard_scanner_linked(g, 0);
    (void)!send_as(GW_HIGH, 1, 1, text);
    said[0] = 0;
    awake(1000, 1199);
    (void)guard_tick(g);
    (void)guard_tick(g);
    heard("", "what is looked at is text and rebuilt stanza, above 64 KiB here: twice the time");
    awake(1199, 1200);
    (void)guard_tick(g);
    (void)guard_tick(g);
    heard("kill(0) line(1,high,scan-timeout) answer(high,1)", "and no more");
}

static void test_deadline(void)
{
    ready();
    guard_scanner_linked(g, 0);
    (void)!send_as(GW_HIGH, 1, 1, "look one");
    (void)!send_as(GW_HIGH, 1, 2, "look two");
    said[0] = 0;
    awake(1000, 1050);
    ok(guard_tick(g) == GUARD_BLINK_MS, "the clock is looked at while a scanner is at work");
    awake(1050, 1099);
    ok(guard_tick(g) == 1, "one millisecond is left");
    guard_clock(g, 1100, 1000);
    ok(guard_tick(g) == 0, "at the deadline its channel is looked at once more");
    (void)guard_tick(g);
    heard("kill(0) line(1,high,scan-timeout) answer(high,1)", "at the deadline: the scanner is ended, its question refused");
    guard_scanner_linked(g, 1);
    heard("scan(1)", "the question behind it goes to the next scanner");
    ok(answer(1, 2, false) == 0, "which answers");
    heard("line(2,low,rule) flow(low) order(low,2)", "and it is released");

    ready();
    guard_scanner_linked(g, 0);
    (void)!send_as(GW_HIGH, 1, 1, "look one");
    (void)!send_as(GW_HIGH, 1, 2, "look two");
    said[0] = 0;
    guard_scanner_lost(g, 0);
    heard("line(1,high,scan-failed) answer(high,1)", "a scanner that dies: its first question is unknown");
    guard_scanner_linked(g, 0);
    said[0] = 0;
    guard_scanner_lost(g, 0);
    heard("line(2,high,scan-failed) answer(high,2)", "and so is the next one's");

    ready();
    (void)!send_as(GW_HIGH, 1, 1, "look one");
    heard("", "without a scanner a stanza waits");
    guard_clock(g, 1000 + GUARD_NO_SCANNER_MS, 1000);
    (void)guard_tick(g);
    heard("line(1,high,scan-failed) answer(high,1)", "but not for ever");
    (void)!send_as(GW_HIGH, 1, 2, "plain");
    heard("line(2,low,rule) flow(low) order(low,2)", "what needs no scanner goes on");
}

/* Flows live from FLOW to FLOW_END, and what is under way then is judged all the same. */
static void test_flows(void)
{
    struct guard_levels l;
    uint64_t most = GUARD_FLOWS_MIN, n = 1;
    ready();
    guard_scanner_linked(g, 0);
    (void)!send_as(GW_HIGH, 1, 1, "look one");
    said[0] = 0;
    ok(guard_flow_end(g, GW_HIGH, &(struct msg_flow_end){ .flow = 1 }) == 0, "a flow ends while its stanza is scanned");
    ok(guard_flow_end(g, GW_HIGH, &(struct msg_flow_end){ .flow = 1 }) == GW_ERR(PROTO), "once");
    ok(answer(0, 0, false) == 0, "the answer");
    heard("line(1,low,rule) flow(low) order(low,1)", "what came before the end is judged and released");
    ok(flow_as(GW_HIGH, 1, "lone.example", "low.example") == 0, "its number may come again");
    guard_durable(g, 1);
    ok(settle(GW_LOW, g->epoch, 1, GW_R_WRITTEN) == 0 && last_num[GW_F_FLOW_ID] == 1 && last_num[GW_F_SRC_PORT] == 0 && last_num[GW_F_FROM_DOMAIN] == 1 &&
            !strncmp(last_from_domain, "high.example", 12), "what it ordered is settled, and the record names it, not the next of that number");
    ok(guard_flow_end(g, GW_HIGH, &(struct msg_flow_end){ .flow = 1 }) == 0, "that one ends, too");
    ok(send_as(GW_HIGH, 1, 2, "x") == GW_ERR(PROTO), "a stanza behind the end breaks the channel");
    for (uint64_t i = 0; i < 3000; i++)
        if (flow_as(GW_HIGH, 100 + i, "high.example", "low.example") || guard_flow_end(g, GW_HIGH, &(struct msg_flow_end){ .flow = 100 + i }))
            n = 0;
    guard_levels(g, &l);
    ok(n && l.flows == 1, "thousands come and go: none is kept but the other side's");
    for (n = 0; n < most && !flow_as(GW_HIGH, 1000000 + n, "high.example", "low.example"); n++) { }
    ok(n == most, "far more at once than there may be streams and pairs");
    ok(flow_as(GW_HIGH, 2000000, "high.example", "low.example") == GW_ERR(PROTO), "one more breaks the channel");
}

/* A scanner that the machine does not let run is not one that hangs. */
static void test_starved(void)
{
    ready();
    scanner_cpu = 500;
    guard_scanner_linked(g, 0);
    (void)!send_as(GW_HIGH, 1, 1, "look one");
    said[0] = 0;
    for (int64_t t = 1000; t < 1000 + 100 * GUARD_STARVED_TIMES - GUARD_BLINK_MS; t += GUARD_BLINK_MS) {
        awake(t, t + GUARD_BLINK_MS);
        if (guard_tick(g) > GUARD_BLINK_MS)
            ok(false, "it is looked at again soon");
    }
    heard("", "a scanner that got no processor is not ended when its time is over");
    ok(answer(0, 0, false) == 0, "its late answer is taken");
    heard("line(1,low,rule) flow(low) order(low,1)", "and the stanza released");

    (void)!send_as(GW_HIGH, 1, 2, "look two");
    said[0] = 0;
    awake(g_now, g_now + 60);
    (void)guard_tick(g);
    scanner_cpu += 24;
    awake(g_now, g_now + 50);
    (void)guard_tick(g);
    (void)guard_tick(g);
    heard("", "not a quarter of its time was used");
    scanner_cpu += 1;
    (void)guard_tick(g);
    heard("kill(0) line(2,high,scan-timeout) answer(high,2)", "at a quarter it is ended: it had a processor, and no answer");

    guard_scanner_linked(g, 0);
    (void)!send_as(GW_HIGH, 1, 3, "look three");
    said[0] = 0;
    for (int i = 0; i < 100 * GUARD_STARVED_TIMES; i += GUARD_BLINK_MS) {
        awake(g_now, g_now + GUARD_BLINK_MS);
        (void)guard_tick(g);
    }
    heard("kill(0) line(3,high,scan-timeout) answer(high,3)", "one that sleeps is ended, after ten times as long");
    scanner_cpu = -1;
}

static void test_progress(void)
{
    ready();
    guard_scanner_linked(g, 0);
    for (uint64_t i = 1; i <= 1000; i++)
        if (send_as(GW_HIGH, 1, i, "look"))
            ok(false, "a stanza is taken");
    ok(n_scans == GUARD_SCAN_DEPTH, "a scanner has so many questions at once, the rest waits here");
    said[0] = 0;
    for (int i = 0; i < 999; i++) { /* an answer each millisecond: the last one has waited for a second */
        guard_clock(g, 1001 + i, 1000);
        (void)guard_tick(g);
        if (answer(0, (size_t)i, false))
            ok(false, "an answer is taken");
    }
    ok(!strstr(said, "scan-timeout") && !strstr(said, "kill"), "a scanner that goes on is left alone");
    said[0] = 0;
    awake(1999, 2200);
    (void)guard_tick(g);
    (void)guard_tick(g);
    heard("kill(0) line(1000,high,scan-timeout) answer(high,1000)", "one that falls silent is ended");
}

static void test_journal(void)
{
    ready();
    journal_full = true;
    (void)!send_as(GW_HIGH, 1, 1, "one");
    (void)!send_as(GW_HIGH, 1, 2, "two");
    heard("", "a journal that takes nothing: no order leaves");
    journal_full = false;
    guard_durable(g, 0);
    heard("line(1,low,rule) flow(low) order(low,1) line(2,low,rule) order(low,2)", "they go when it takes lines again");
    guard_durable(g, 2);
    said[0] = 0;
    journal_full = true;
    (void)!settle(GW_LOW, 7, 1, GW_R_WRITTEN);
    heard("", "nor is a settlement told without its line");
    journal_full = false;
    (void)guard_tick(g);
    heard("delivery(1,written) settled(high,1,written)", "it comes later");
}

static void test_edges(void)
{
    ready();
    (void)!send_as(GW_HIGH, 1, 1, "one");
    (void)!send_as(GW_HIGH, 1, 2, "two");
    guard_durable(g, 1);
    said[0] = 0;
    guard_edge_lost(g, GW_LOW);
    heard("delivery(1,unknown-outcome) settled(high,1,unknown-outcome)", "the far edge dies: what it had is unknown");
    guard_durable(g, 2);
    heard("verdict(high,2,release) delivery(2,unknown-outcome) settled(high,2,unknown-outcome)", "also what became durable after that");
    (void)!send_as(GW_HIGH, 1, 3, "three");
    heard("line(5,-,rule)", "without a far edge nothing is ordered");
    guard_durable(g, 5);
    heard("verdict(high,3,release) delivery(5,edge-lost) settled(high,3,edge-lost)", "and the sender is told so");

    ready();
    (void)!send_as(GW_HIGH, 1, 1, "one");
    guard_edge_lost(g, GW_HIGH);
    (void)!hello(GW_HIGH, 101);
    said[0] = 0;
    guard_durable(g, 1);
    (void)!settle(GW_LOW, 7, 1, GW_R_WRITTEN);
    heard("delivery(1,written)", "the near edge was replaced: the line is written, its successor hears nothing of old tickets");
    edge_full = true;
    (void)!send_as(GW_LOW, 2, 1, "one");
    said[0] = 0;
    guard_durable(g, 9);
    heard("verdict(low,1,release) delivery(3,internal) settled(low,1,internal)", "an order that cannot be sent is settled");
}

/* ---- recovery ---- */

static int open_ticket(enum gw_side side, uint64_t ticket)
{
    struct buf b;
    stanza_bytes(&b, "a@high.example/x", "high.example", "b@low.example", "low.example", "chat", "x");
    int rc = guard_open_ticket(g, side, &(struct msg_open_ticket){ .ticket = ticket, .stub = buf_str(&b) });
    buf_clear(&b);
    return rc;
}
static int open_number(enum gw_side side, uint64_t guard, uint64_t number, uint64_t epoch, uint64_t ticket, enum open_state state)
{
    return guard_open_number(g, side, &(struct msg_open_number){ .guard = guard, .number = number, .epoch = epoch, .ticket = ticket,
        .state = (uint8_t)state });
}

static void test_recovery(void)
{
    fresh(8);
    (void)!hello(GW_HIGH, 100);
    (void)!open_ticket(GW_HIGH, 1);                                      /* nobody has it */
    (void)!open_ticket(GW_HIGH, 2);                                      /* released */
    (void)!open_ticket(GW_HIGH, 3);                                      /* written */
    (void)!open_ticket(GW_HIGH, 4);                                      /* refused, the answer is written */
    (void)!open_ticket(GW_HIGH, 5);                                      /* released, settled before both edges were there */
    (void)!open_number(GW_HIGH, 7, 14, 100, 4, OPEN_WRITTEN);
    (void)!guard_open_end(g, GW_HIGH);
    heard("", "with one edge alone nothing is decided");
    (void)!hello(GW_LOW, 200);
    (void)!open_number(GW_LOW, 7, 12, 100, 2, OPEN_RELEASED);
    (void)!open_number(GW_LOW, 7, 13, 100, 3, OPEN_WRITTEN);
    (void)!open_number(GW_LOW, 7, 15, 100, 5, OPEN_RELEASED);
    (void)!open_number(GW_LOW, 7, 16, 99, 9, OPEN_WRITTEN);              /* of a near edge that is gone */
    (void)!open_number(GW_LOW, 7, 17, 100, 77, OPEN_WRITTEN);            /* its ticket had been settled */
    ok(settle(GW_LOW, 7, 15, GW_R_NO_ROUTE) == 0, "an old order may be settled meanwhile");
    ok(open_number(GW_LOW, 9, 1, 100, 1, OPEN_WRITTEN) == GW_ERR(PROTO), "a guard of the future is a mistake");
    (void)!guard_open_end(g, GW_LOW);
    heard("delivery(0,guard-lost) settled(high,1,guard-lost) delivery(13,written) settled(high,3,written) settled(high,4,rule) "
          "delivery(14,written) delivery(15,no-route) settled(high,5,no-route) delivery(16,written)", "each open ticket is closed once");
    (void)!settle(GW_LOW, 7, 12, GW_R_WRITTEN);
    heard("delivery(12,written) settled(high,2,written)", "what was released is settled when it is written");
    (void)!settle(GW_LOW, 7, 12, GW_R_WRITTEN);
    heard("", "and only once");
    ok(open_ticket(GW_LOW, 1) == GW_ERR(PROTO), "tickets after OPEN_END are a mistake");

    fresh(8);
    (void)!hello(GW_HIGH, 100);
    (void)!open_ticket(GW_HIGH, 1);
    guard_edge_lost(g, GW_HIGH);
    (void)!hello(GW_HIGH, 101);
    (void)!guard_open_end(g, GW_HIGH);
    (void)!hello(GW_LOW, 200);
    (void)!guard_open_end(g, GW_LOW);
    heard("", "tickets of an edge that died meanwhile are gone with it");
}

/* An edge that is linked anew, the same one: what this guard has in its own hands it does not close. */
static void test_linked_anew(void)
{
    ready();
    (void)!send_as(GW_HIGH, 1, 1, "one");
    guard_durable(g, 1);                      /* an order under way */
    (void)!send_as(GW_HIGH, 1, 2, "two");     /* a line under way */
    (void)!send_as(GW_HIGH, 1, 3, "look");    /* waits for a scanner */
    said[0] = 0;
    ok(hello(GW_HIGH, 100) == 0, "the near edge is linked anew");
    for (uint64_t ticket = 1; ticket <= 4; ticket++)
        (void)!open_ticket(GW_HIGH, ticket);
    ok(guard_open_end(g, GW_HIGH) == 0, "it brings what it has open");
    heard("delivery(0,guard-lost) settled(high,4,guard-lost)", "only what this guard never had is closed");
    guard_durable(g, 2);
    (void)!settle(GW_LOW, 7, 1, GW_R_WRITTEN);
    (void)!settle(GW_LOW, 7, 2, GW_R_WRITTEN);
    heard("verdict(high,2,release) delivery(1,written) settled(high,1,written) delivery(2,written) settled(high,2,written)", "the others end as if nothing had been");
}

/* Channels that take nothing: no verdict is taken back, nothing is told twice, nothing ends us. */
static void test_deaf(void)
{
    ready();
    edge_deaf = true;
    (void)!send_as(GW_HIGH, 1, 1, "one");
    guard_durable(g, 1);
    (void)!settle(GW_LOW, 7, 1, GW_R_WRITTEN);
    heard("line(1,low,rule) flow(low) order(low,1) delivery(1,written)", "an edge that takes nothing: the journal is told all the same");
    edge_deaf = false;
    (void)!send_as(GW_HIGH, 1, 2, "two");
    guard_durable(g, 3);
    heard("line(3,low,rule) order(low,3) verdict(high,2,release)", "and it goes on when it listens again");

    ready();
    scanner_full = true;
    guard_scanner_linked(g, 0);
    (void)!send_as(GW_HIGH, 1, 1, "look");
    ok(!strstr(said, "order(low"), "a scanner that takes no question: nothing is released unseen");
    guard_clock(g, 1000 + GUARD_NO_SCANNER_MS, 1000);
    (void)guard_tick(g);
    ok(strstr(said, "line(1,high,scan-failed) answer(high,1)") && !strstr(said, "order(low"), "it is refused in the end");
}

/* What goes wrong between the verdict and its order, and words that an honest program does not say. */
static void test_refused_by_itself(void)
{
    ready();
    size_t max = g->out.max;
    g->out.max = 8;
    (void)!send_as(GW_HIGH, 1, 1, "hello");
    heard("line(1,-,internal)", "what was released and cannot be written as a record is refused");
    guard_durable(g, 1);
    heard("verdict(high,1,reject) settled(high,1,internal)", "and the near edge learns it");
    g->out.max = max;
    (void)!send_as(GW_HIGH, 1, 2, "hello");
    heard("line(2,low,rule) flow(low) order(low,2)", "the next one is released");
    guard_durable(g, 2);
    said[0] = 0;
    ok(settle(GW_LOW, 7, 2, GW_R_RULE) == 0, "an outcome that is none");
    heard("delivery(2,internal) settled(high,2,internal)", "is taken for one that nobody knows");
    size_t n = g->ring_n;
    g->ring_n = GUARD_STUBS_MAX + 1;
    ok(send_as(GW_HIGH, 1, 3, "hello") == GW_ERR(PROTO), "an edge that brings more than its credit while nothing is durable breaks its channel");
    g->ring_n = n;
    ok(guard_open_end(g, GW_HIGH) == GW_ERR(PROTO), "a second OPEN_END");
    guard_edge_linked(g, GW_LOW);
    ok(settle(GW_LOW, 7, 2, GW_R_WRITTEN) == GW_ERR(PROTO) && guard_open_end(g, GW_LOW) == GW_ERR(PROTO), "nothing before HELLO");

    fresh(7);
    (void)!hello(GW_HIGH, 100);
    ok(open_number(GW_HIGH, 7, 5, 100, 1, OPEN_RELEASED) == 0 && !g->edge[GW_HIGH].n_numbers, "an order of this guard's own is in its books already");

    conf.n_pairs = 0;
    struct msg_probed a;
    guard_probe(g, 9);
    ok(guard_probed(g, &a) && a.ask == 9 && a.pass_verdict == GW_V_REJECT && a.pass_reason == GW_R_INTERNAL, "a probe without a pair to try says that nothing passes");
    conf.n_pairs = 1;
}

/* Scanners that take nothing, answer rubbish, or are put in another's place: what they were asked is unknown, and nothing unseen is released. */
static void test_bad_scanners(void)
{
    ready();
    (void)!send_as(GW_HIGH, 1, 1, "look");
    scanner_full = true;
    guard_scanner_linked(g, 0);
    heard("line(1,high,scan-failed) answer(high,1)", "a scanner that comes and takes no question: the one that waited is refused");
    scanner_full = false;
    (void)!send_as(GW_HIGH, 1, 2, "look");
    heard("scan(0)", "the next is asked");
    ok(guard_scanned(g, 0, &(struct msg_scanned){ .id = scan_ids[0], .result = STR("rubbish") }) < 0, "rubbish for an answer breaks the scanner");
    heard("", "and says nothing about the question");
    guard_scanner_linked(g, 0);
    heard("line(2,high,scan-failed) answer(high,2)", "another in its place: that question is unknown");
    ok(answer(0, 0, false) == GW_ERR(PROTO), "an answer to what it was not asked");
    guard_scanner_linked(g, GUARD_SCANNERS_MAX);
    guard_scanner_lost(g, GUARD_SCANNERS_MAX);
    ok(answer(GUARD_SCANNERS_MAX, 0, false) == GW_ERR(PROTO), "a scanner of a number that there is not");
    size_t max = g->scan_bytes.max;
    g->scan_bytes.max = 8;
    said[0] = 0;
    (void)!send_as(GW_HIGH, 1, 3, "look");
    heard("line(3,high,scan-failed) answer(high,3)", "a question too large to be asked");
    g->scan_bytes.max = max;
}

/* What may be said about a flow. */
static void test_flow_words(void)
{
    ready();
    ok(flow_as(GW_HIGH, 1009, "high.example", "low.example") == 0 && send_as(GW_HIGH, 1009, 3, "x") == 0, "another flow of the same pair");
    ok(flow_as(GW_HIGH, 1009, "high.example", "low.example") == 0, "said again, the same");
    ok(flow_as(GW_HIGH, 1009, "lone.example", "low.example") == GW_ERR(PROTO), "said again, of another pair");
    ok(flow_as(GW_HIGH, 2000, "", "low.example") == GW_ERR(PROTO) && flow_as(GW_HIGH, 2000, "high.example", "") == GW_ERR(PROTO), "without a domain");
    ok(guard_lost(g, GW_LOW, &(struct msg_lost){ .from_domain = STR("high.example"), .to_domain = STR("low.example") }) == 0, "a far edge tells of a stanza that was lost");
    ok(guard_lost(g, GW_LOW, &(struct msg_lost){ .from_domain = STR("lone.example"), .to_domain = STR("low.example") }) == GW_ERR(PROTO), "but not of pairs that nobody allowed");
    ok(guard_state(g, &(struct msg_state){ .record = STR("x") }) == GW_ERR(PROTO), "state that comes behind the first stanza is refused");
}

static void test_overdue(void)
{
    conf.limits.deliver = 25000;
    ready();
    (void)!send_as(GW_HIGH, 1, 1, "one");
    guard_durable(g, 1);
    said[0] = 0;
    guard_clock(g, 1000 + 25000 + GUARD_SETTLE_GRACE_MS - 1, 1000);
    (void)guard_tick(g);
    heard("", "an order may take its time");
    guard_clock(g, 1000 + 25000 + GUARD_SETTLE_GRACE_MS + 1000, 1000);
    (void)guard_tick(g);
    heard("delivery(1,unknown-outcome) settled(high,1,unknown-outcome)", "but the sender does not wait for an edge that never settles");
    (void)!settle(GW_LOW, 7, 1, GW_R_WRITTEN);
    heard("", "what comes later changes nothing");
}

static void test_claims(void)
{
    ready();
    for (uint64_t i = 10; i < 610; i++) {
        char name[32];
        snprintf(name, sizeof name, "d%llu.example", (unsigned long long)i);
        if (flow_as(GW_HIGH, i, name, "low.example"))
            ok(false, "a flow of a foreign domain is taken down");
    }
    ok(HASH_COUNT(g->pairs) == 1, "domains that are claimed make no pairs");
    ok(flow_as(GW_HIGH, 609, "high.example", "low.example") == GW_ERR(PROTO), "a flow cannot become another one");
    ok(flow_as(GW_HIGH, 609, "d609.example", "low.example") == 0, "but be said again");

    fresh(8); /* low claims the number that high holds for low's own ticket */
    (void)!hello(GW_HIGH, 100);
    (void)!hello(GW_LOW, 200);
    (void)!open_ticket(GW_HIGH, 1);
    (void)!open_ticket(GW_LOW, 1);
    (void)!open_number(GW_LOW, 7, 5, 100, 1, OPEN_RELEASED);
    (void)!open_number(GW_HIGH, 7, 5, 200, 1, OPEN_RELEASED);
    (void)!guard_open_end(g, GW_HIGH);
    (void)!guard_open_end(g, GW_LOW);
    said[0] = 0;
    (void)!settle(GW_HIGH, 7, 5, GW_R_WRITTEN);
    (void)!settle(GW_LOW, 7, 5, GW_R_NO_ROUTE);
    heard("delivery(5,written) settled(low,1,written) delivery(5,no-route) settled(high,1,no-route)", "one number at two edges is two orders");
}

/* Watch mode: the refusal's line has a target and a hash as every release has; what is broken stays refused. */
static void test_watch(void)
{
    conf.watch = true;
    ready();
    (void)!send_as(GW_HIGH, 1, 1, "please stop");
    heard("line(1,low,rule) flow(low) order(low,1)", "watched: what a rule rejects is ordered to the far side");
    ok(!memcmp(&last_hash, &last_order_hash, 32) && g->counts.let_through == 1, "with its hash in the line, and counted");
    (void)!send_as(GW_HIGH, 1, 2, "lose it");
    heard("line(2,low,rule) order(low,2)", "what a rule drops too");
    (void)!guard_stanza(g, GW_HIGH, &(struct msg_stanza){ .ticket = 3, .flow = 1, .record = STR("rubbish") });
    heard("line(3,-,record-invalid)", "a broken record is refused all the same");
    conf.watch = false;
    ready();
    (void)!send_as(GW_HIGH, 1, 1, "please stop");
    heard("line(1,high,rule) answer(high,1)", "enforced again");
}

/* Two stanzas of our own: judged and written down, ordered nowhere, answered when durable. */
static void test_probe(void)
{
    struct msg_probed a;
    ready();
    guard_probe(g, 5);
    heard("line(1,-,rule) line(2,-,not-in-schema)", "two lines, and no order although one is released");
    ok(!guard_probed(g, &a), "no answer before they are durable");
    guard_durable(g, 1);
    ok(!guard_probed(g, &a), "nor after the first");
    guard_durable(g, 2);
    ok(guard_probed(g, &a) && a.ask == 5 && a.pass_verdict == GW_V_RELEASE && a.block_verdict == GW_V_REJECT && a.block_reason == GW_R_NOT_IN_SCHEMA,
        "one passes, one is blocked");
    ok(!guard_probed(g, &a), "said once");
    heard("", "no edge hears of it");
    conf.watch = true;
    ready();
    guard_probe(g, 6);
    guard_durable(g, 2);
    ok(guard_probed(g, &a) && a.pass_verdict == GW_V_RELEASE && a.block_verdict == GW_V_REJECT, "in watch mode it says what enforcement does");
    conf.watch = false;
    ready();
    guard_probe(g, 7);
    guard_probe(g, 8);
    guard_durable(g, 4);
    ok(guard_probed(g, &a) && a.ask == 8 && a.pass_verdict == GW_V_RELEASE, "a second one before the first is answered");
    said[0] = 0;
    ok(g->n_jobs == 0 && !g->stubs, "nothing is left of them");
}

static void test_pause(void)
{
    ready();
    (void)!send_as(GW_HIGH, 1, 1, "one");
    guard_paused(g, GW_HIGH);
    ok(!guard_drained(g), "one edge has paused");
    guard_paused(g, GW_LOW);
    ok(!guard_drained(g), "a verdict is not durable");
    guard_durable(g, 1);
    ok(!guard_drained(g), "an order is not settled");
    (void)!settle(GW_LOW, 7, 1, GW_R_WRITTEN);
    ok(guard_drained(g), "all is done");
    said[0] = 0;
}

static void test_hmac(void)
{
    /* RFC 4231, test case 2 */
    static const unsigned char want[] = { 0x5b, 0xdc, 0xc1, 0x46, 0xbf, 0x60, 0x75, 0x4e };
    unsigned char got[HASH_SIZE];
    struct hash_key k;
    hash_key_set(&k, (const unsigned char *)"Jefe", 4);
    hash_keyed(&k, STR("what do ya want for nothing?"), got);
    ok(!memcmp(got, want, sizeof want), "HMAC-SHA256 as RFC 4231 has it");
}

/* A list of a line that is cut says how many there were; a line that would be too long says less, and is written. */
static void test_lists(void)
{
    struct rec_limits limits = REC_HARD_LIMITS;
    for (int n = 10; n <= 60; n += 50) {
        struct rec *r = rec_new(&limits);
        struct buf b;
        char ns[32];
        ready();
        buf_init(&b, 65536);
        int rc = !r || rec_head(r, REC_MESSAGE, STR("chat"), STR("i1"), STR_NONE) || rec_address(r, STR("a@high.example/x"), STR("b@low.example"), STR_NONE, STR_NONE) ||
            rec_pair(r, STR("high.example"), STR("low.example")) || rec_open(r, STR("jabber:server"), STR("message"));
        for (int i = 0; i < n && !rc; i++) {
            snprintf(ns, sizeof ns, "urn:unlisted:%d", i);
            rc = rec_open(r, str_c(ns), STR("e")) || rec_close(r);
        }
        rc = rc || rec_open(r, STR("jabber:server"), STR("body")) || rec_text(r, STR("hello")) || rec_close(r) || rec_close(r) || rec_seal(r) || rec_encode(r, &b);
        ok(!rc && guard_stanza(g, GW_HIGH, &(struct msg_stanza){ .ticket = 1, .flow = 1, .record = buf_str(&b) }) == 0, "a stanza with %d elements that no profile names", n);
        bool cut = n > 40;
        if (!ok(last_num[GW_F_PAYLOADS] == (cut ? 16 : 11) && last_num[GW_F_PAYLOAD_COUNT] == (cut ? 61 : 0) &&
                    last_num[GW_F_CHANGED] == (cut ? 40 : 10) && last_num[GW_F_CHANGED_COUNT] == (cut ? 60 : 0) && last_num[GW_F_MATCHED_COUNT] == 0,
                "%s", cut ? "lists are cut, and the line says how many there were" : "whole lists, and no counts"))
            diag("payloads %d of %d, changed %d of %d", (int)last_num[GW_F_PAYLOADS], (int)last_num[GW_F_PAYLOAD_COUNT], (int)last_num[GW_F_CHANGED], (int)last_num[GW_F_CHANGED_COUNT]);
        buf_clear(&g->fields);
        buf_init(&g->fields, 2000);
        ok(guard_stanza(g, GW_HIGH, &(struct msg_stanza){ .ticket = 2, .flow = 1, .record = buf_str(&b) }) == 0 && last_num[GW_F_TICKET] == 2 && !g->stalled &&
                last_num[GW_F_CHANGED] == (cut ? 4 : 10) && last_num[GW_F_CHANGED_COUNT] == (cut ? 60 : 0),
            "where the lists have no room either, the line says less");
        rec_free(r);
        buf_clear(&b);
    }
}

int main(void)
{
    if (!ok(jid_init() == 0 && make_world(), "a small world"))
        return done_testing();
    test_flow();
    test_times();
    test_answered();
    test_evidence();
    test_lists();
    test_hold();
    test_hostile();
    test_order();
    test_deadline();
    test_load();
    test_flows();
    test_starved();
    test_progress();
    test_journal();
    test_edges();
    test_recovery();
    test_linked_anew();
    test_deaf();
    test_refused_by_itself();
    test_bad_scanners();
    test_flow_words();
    test_overdue();
    test_claims();
    test_watch();
    test_probe();
    test_pause();
    test_hmac();
    guard_free(g);
    policy_free(policy);
    jid_finish();
    return done_testing();
}
