// link: policy record ipc base
// libs: -lcrypto -licuuc -licudata -lconfig
/* SPDX-License-Identifier: GPL-3.0-or-later
 * How many stanzas the guard's core judges in a second on one core, without scanner and sockets: decode, check, rules, encode, three
 * hashes, the journal line, order, durable, settlement, delivery line. Goal: 100,000. `guard BATCHES`: just so many, for counting
 * instructions (tests/cost). */
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
#include "outbox.h"

#define GOAL 100000.0
#define BATCH 256
#define ROUNDS 400

static struct outbox lines;
static uint64_t orders;

static int b_order(void *ctx, enum gw_side to, const struct msg_order *m) { return (void)ctx, (void)to, (void)m, orders++, 0; }
static int b_verdict(void *ctx, enum gw_side to, const struct msg_verdict *m) { return (void)ctx, (void)to, (void)m, 0; }
static int b_settled(void *ctx, enum gw_side to, const struct msg_settled *m) { return (void)ctx, (void)to, (void)m, 0; }
static int b_flow(void *ctx, enum gw_side to, const struct msg_flow *m) { return (void)ctx, (void)to, (void)m, 0; }
static int b_scan(void *ctx, unsigned i, const struct msg_scan *m) { return (void)ctx, (void)i, (void)m, GW_ERR(CLOSED); }
static int b_kill(void *ctx, unsigned i) { return (void)ctx, (void)i, 0; }
static int64_t b_cpu(void *ctx, unsigned i) { return (void)ctx, (void)i, -1; }
static int b_keep(void *ctx, const struct msg_keep *m) { (void)ctx, (void)m; return 0; }
static uint64_t b_next(void *ctx) { return (void)ctx, lines.last + 1; }
static int b_line(void *ctx, uint8_t target, const struct ipc_hash *hash, enum gw_event event, struct str fields, struct str evidence)
{
    return (void)ctx, outbox_add_evidence(&lines, target, hash, event, fields, evidence, NULL);
}

static bool put(const char *dir, const char *name, const char *text, bool make)
{
    char path[256];
    snprintf(path, sizeof path, "%s/%s", dir, name);
    if (!make)
        return remove(path) == 0;
    FILE *f = fopen(path, "w");
    return f && fputs(text, f) >= 0 && fclose(f) == 0;
}

static struct policy *rules(void)
{
    char dir[] = "/tmp/lockgate-bench-XXXXXX", path[256];
    struct policy *p = NULL;
    struct conf_errors errs;
    conf_errors_init(&errs);
    if (!mkdtemp(dir))
        return NULL;
    snprintf(path, sizeof path, "%s/profiles", dir);
    if (mkdir(path, 0700) || !put(dir, "profiles/p.conf", "title = \"t\"; elements = ( { element = \"{jabber:server}body\"; in = [ \"message\" ]; text = \"any\"; } );", true) ||
        !put(dir, "main.rules", "profiles = [ \"p\" ]; rules = ( { id = 1; name = \"w\"; when = { word = \"nightfall\"; }; action = \"reject\"; },"
        " { id = 9; name = \"r\"; kind = \"message\"; action = \"release\"; } );", true) || policy_load(dir, 1, &p, &errs))
        return NULL;
    (void)!(put(dir, "profiles/p.conf", "", false) + put(dir, "main.rules", "", false) + remove(path) + remove(dir));
    return p;
}

static void record(struct buf *b)
{
    struct rec_limits limits = REC_HARD_LIMITS;
    struct rec *r = rec_new(&limits);
    char body[300];
    memset(body, 'x', sizeof body);
    buf_init(b, 1 << 20);
    if (!r || rec_head(r, REC_MESSAGE, STR("chat"), STR("purple5b3f"), STR_NONE) || rec_address(r, STR("juliet@high.example/balcony"),
        STR("romeo@low.example"), STR_NONE, STR_NONE) || rec_pair(r, STR("high.example"), STR("low.example")) ||
        rec_open(r, STR("jabber:server"), STR("message")) || rec_open(r, STR("jabber:server"), STR("body")) ||
        rec_text(r, (struct str){ body, sizeof body }) || rec_close(r) || rec_close(r) || rec_seal(r) || rec_encode(r, b))
        exit(1);
    rec_free(r);
}

static void batch(struct guard *g, const struct buf *b, uint64_t *ticket)
{
    uint64_t first = lines.last + 1;
    for (int i = 0; i < BATCH; i++)
        if (guard_stanza(g, GW_HIGH, &(struct msg_stanza){ .ticket = ++*ticket, .flow = 1, .record = buf_str(b) }))
            exit(1);
    uint64_t last = lines.last;
    if (outbox_durable(&lines, &(struct msg_durable){ .guard = 1, .number = last }))
        exit(1);
    guard_durable(g, last);
    for (uint64_t n = first; n <= last; n++)
        if (guard_settle(g, GW_LOW, &(struct msg_settle){ .guard = 1, .number = n, .reason = GW_R_WRITTEN }))
            exit(1);
    if (outbox_durable(&lines, &(struct msg_durable){ .guard = 1, .number = lines.last }))
        exit(1);
    guard_durable(g, lines.last);
}

int main(int argc, char **argv)
{
    static struct gw_domain high[] = { { .name = { "high.example", 12 } } }, low[] = { { .name = { "low.example", 11 } } };
    static struct gw_pair pairs[] = { { { { "high.example", 12 }, { "low.example", 11 } } } };
    struct gw_conf conf = { .pairs = pairs, .n_pairs = 1, .limits = { .stanza = 65536, .depth = 32, .elements = 2000, .attributes = 32, .streams = 100,
        .pairs_per_stream = 4, .scan = 100, .deliver = 25000 } };
    conf.side[GW_HIGH].domains = high;
    conf.side[GW_LOW].domains = low;
    conf.side[GW_HIGH].n_domains = conf.side[GW_LOW].n_domains = 1;
    struct guard_io io = { NULL, b_order, b_verdict, b_settled, b_flow, b_scan, b_kill, b_cpu, b_keep, b_next, b_line };
    struct hash_key key;
    struct buf b;
    uint64_t ticket = 0;
    struct policy *p = jid_init() ? NULL : rules();
    hash_key_set(&key, (const unsigned char *)"key", 3);
    outbox_init(&lines, 1, 256u << 20);
    struct guard *g = p ? guard_new(&conf, p, 1, &key, &io) : NULL;
    if (!g)
        return 1;
    guard_clock(g, 1000, 1700000000000);
    for (enum gw_side s = GW_HIGH; s < GW_SIDES; s++) {
        guard_edge_linked(g, s);
        if (guard_hello(g, s, &(struct msg_hello){ .version = REC_VERSION, .side = s, .epoch = 5 }) || guard_open_end(g, s))
            return 1;
    }
    if (guard_flow(g, GW_HIGH, &(struct msg_flow){ .flow = 1, .from_domain = STR("high.example"), .to_domain = STR("low.example") }))
        return 1;
    record(&b);
    if (argc > 1) {
        for (int i = 0; i < atoi(argv[1]); i++)
            batch(g, &b, &ticket);
        return 0;
    }
    double best = 0;
    for (int round = 0; round < 4; round++) {
        int64_t start = clock_us();
        for (int i = 0; i < ROUNDS / 4; i++)
            batch(g, &b, &ticket);
        double rate = (double)BATCH * (ROUNDS / 4) / ((double)(clock_us() - start) / 1e6);
        best = rate > best ? rate : best;
    }
    printf("guard: %zu-byte record, verdict and delivery line, one core    %8.0f stanzas a second (goal: %.0f)\n", buf_size(&b), best, GOAL);
    buf_clear(&b);
    guard_free(g);
    policy_free(p);
    outbox_clear(&lines);
    return best >= GOAL ? 0 : 1;
}
