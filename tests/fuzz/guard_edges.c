/* SPDX-License-Identifier: GPL-3.0-or-later
 * The guard between two edges that lie. The input is a script of messages, each from either side: HELLO, FLOW, STANZA, SETTLE, OPEN_*, PAUSED, and
 * edges that come and go. Oracles, for every ORDER: it is for a pair that may federate and for the side where its `to` lives; one that is forwarded
 * holds what the only releasing rule asks for and came from the other side; and a line with its number, side and hash went before it. */
// link: policy record ipc base
// libs: -lcrypto -licuuc -licudata -lconfig
#include <stdio.h>
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

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

#define GO "crossing-word"
static struct policy *policy;
static struct gw_conf conf;
static struct { uint64_t number; uint8_t target; struct ipc_hash hash; } line;
static uint64_t next_line;

static void must(bool good, const char *what)
{
    if (good)
        return;
    fprintf(stderr, "%s\n", what);
    abort();
}

/* ---- what the guard says ---- */

static bool mentions(struct str s, const char *word)
{
    return s.n && memmem(s.p, s.n, word, strlen(word)) != NULL;
}

static int t_order(void *ctx, enum gw_side to, const struct msg_order *m)
{
    struct rec *r = NULL;
    unsigned char hash[32];
    (void)ctx;
    must(rec_decode(m->record, &REC_HARD_LIMITS, &r) == 0, "an order is a record");
    must(gw_conf_side_of(&conf, r->to_domain) == (int)to, "an order goes to the side where its recipient lives");
    must(gw_conf_pair_allowed(&conf, gw_other(to), r->from_domain, r->to_domain), "and speaks for a domain of the other side, of an allowed pair");
    if (m->purpose == ORDER_FORWARD && !str_eq(r->type, STR("error"))) {
        must(r->kind == REC_MESSAGE && mentions(m->record, GO), "only what a rule releases is forwarded");
        must(m->epoch == 100u + gw_other(to), "and it was the other side's edge that brought it");
    }
    hash_plain(m->record, hash);
    must(line.number == m->number && line.target == to && memcmp(line.hash.b, hash, 32) == 0, "its line went before it");
    rec_free(r);
    return 0;
}

static int t_verdict(void *ctx, enum gw_side to, const struct msg_verdict *m) { (void)ctx, (void)to, (void)m; return 0; }
static int t_settled(void *ctx, enum gw_side to, const struct msg_settled *m) { (void)ctx, (void)to, (void)m; return 0; }
static int t_flow(void *ctx, enum gw_side to, const struct msg_flow *m)
{
    (void)ctx;
    must(gw_conf_pair_allowed(&conf, gw_other(to), m->from_domain, m->to_domain), "a flow that an edge is told of may federate");
    return 0;
}
static int t_scan(void *ctx, unsigned i, const struct msg_scan *m) { (void)ctx, (void)i, (void)m; return 0; }
static int t_kill(void *ctx, unsigned i) { (void)ctx, (void)i; return 0; }
static int64_t t_cpu(void *ctx, unsigned i) { return (void)ctx, (void)i, -1; }
static int t_keep(void *ctx, const struct msg_keep *m) { (void)ctx, (void)m; return 0; }
static uint64_t t_next(void *ctx) { return (void)ctx, next_line; }
static int t_line(void *ctx, uint8_t target, const struct ipc_hash *hash, enum gw_event event, struct str fields, struct str evidence)
{
    (void)ctx, (void)event, (void)fields, (void)evidence;
    line.number = next_line++;
    line.target = target;
    if (hash)
        line.hash = *hash;
    return 0;
}

/* ---- the world: two domains that may federate, one on each side that may not ---- */

static void put_file(const char *path, const char *text)
{
    FILE *f = fopen(path, "w");
    must(f && fputs(text, f) >= 0 && fclose(f) == 0, "a file could be written");
}

static void make_world(void)
{
    static struct gw_domain high[] = { { .name = { "high.example", 12 } }, { .name = { "lone.example", 12 } } };
    static struct gw_domain low[] = { { .name = { "low.example", 11 } }, { .name = { "rest.example", 12 } } };
    static struct gw_pair pairs[] = { { { { "high.example", 12 }, { "low.example", 11 } } } };
    char dir[] = "/tmp/lockgate-guard-edges-XXXXXX", path[256];
    struct conf_errors errs;
    must(mkdtemp(dir) != NULL && jid_init() == 0, "a folder");
    snprintf(path, sizeof path, "%s/profiles", dir);
    must(mkdir(path, 0700) == 0, "a folder");
    snprintf(path, sizeof path, "%s/profiles/im.conf", dir);
    put_file(path, "title = \"messages\"; elements = ( { element = \"{jabber:server}body\"; in = [ \"message\" ]; text = \"any\"; } );\n");
    snprintf(path, sizeof path, "%s/main.rules", dir);
    put_file(path, "profiles = [ \"im\" ];\nrules = ( { id = 1; name = \"stop\"; when = { text = \"stop\"; }; action = \"reject\"; },\n"
                   "  { id = 9; name = \"go\"; kind = \"message\"; when = { text = \"" GO "\"; }; action = \"release\"; } );\n");
    conf_errors_init(&errs);
    must(policy_load(dir, 0, &policy, &errs) == 0, "rules");
    conf_errors_clear(&errs);
    unlink(path);
    snprintf(path, sizeof path, "%s/profiles/im.conf", dir);
    unlink(path);
    *strrchr(path, '/') = 0;
    rmdir(path);
    rmdir(dir);
    conf.side[GW_HIGH].domains = high;
    conf.side[GW_LOW].domains = low;
    conf.side[GW_HIGH].n_domains = conf.side[GW_LOW].n_domains = 2;
    conf.pairs = pairs;
    conf.n_pairs = 1;
    conf.limits = (struct gw_limits){ .stanza = 65536, .depth = 32, .elements = 2000, .attributes = 32, .streams = 20, .pairs_per_stream = 2, .scan = 100,
        .deliver = 5000 };
}

/* ---- the script ---- */

struct script { const uint8_t *p, *end; };
static uint8_t take(struct script *s) { return s->p < s->end ? *s->p++ : 0; }

static const char *const domains[] = { "high.example", "low.example", "lone.example", "rest.example", "else.example", "" };
static const char *const bodies[] = { GO, "nothing", "stop " GO, GO " " GO };
static struct str domain(struct script *s) { return str_c(domains[take(s) % 6]); }

/* A record that is well made and says whatever the script wants, or bytes of one with some changed. */
static void record(struct script *s, struct buf *b)
{
    struct rec *r = rec_new(&REC_HARD_LIMITS);
    struct str from = domain(s), to = domain(s);
    char a[64], z[64];
    uint8_t how = take(s);
    snprintf(a, sizeof a, "a@%.*s/x", STR_ARG(from));
    snprintf(z, sizeof z, "b@%.*s", STR_ARG(to));
    const char *body = bodies[how & 3];
    enum rec_kind kind = how & 4 ? (enum rec_kind)(how % 3) : REC_MESSAGE;
    bool good = r && rec_head(r, kind, how & 8 ? STR("error") : kind == REC_IQ ? STR("get") : STR_NONE, STR("i"), STR_NONE) == 0
        && rec_address(r, str_c(a), str_c(z), STR_NONE, STR_NONE) == 0 && rec_pair(r, from, to) == 0
        && rec_open(r, STR("jabber:server"), str_c(rec_kind_name(kind))) == 0 && rec_open(r, STR("jabber:server"), STR("body")) == 0
        && rec_text(r, str_c(body)) == 0 && rec_close(r) == 0 && rec_close(r) == 0 && rec_seal(r) == 0 && rec_encode(r, b) == 0;
    rec_free(r);
    if (!good) {
        buf_reset(b);
        (void)!buf_put(b, s->p, (size_t)(s->end - s->p) < 64 ? (size_t)(s->end - s->p) : 64);
    } else if (how & 16) {
        for (int k = 0; k < 3; k++)
            b->p[b->off + take(s) * 7u % buf_size(b)] = take(s);
    }
}

static int one_message(struct guard *g, enum gw_side side, struct script *s)
{
    struct buf b;
    int rc = 0;
    buf_init(&b, 1u << 20);
    uint64_t number = take(s), guard = take(s) & 3 ? 7 : take(s);
    switch (take(s) % 12) {
    case 0:
        guard_edge_linked(g, side);
        rc = guard_hello(g, side, &(struct msg_hello){ .version = number & 63 ? REC_VERSION : 9, .side = (uint8_t)(number & 1 ? side : number), .epoch = 100 + side });
        break;
    case 1: case 2: {
        struct str from = domain(s), to = domain(s);
        rc = (number & 24) == 24 ? guard_flow_end(g, side, &(struct msg_flow_end){ .flow = number & 7 }) : guard_flow(g, side, &(struct msg_flow){ .flow = number & 7, .from_domain = from, .to_domain = to });
        break;
    }
    case 3: case 4: case 5: case 6:
        record(s, &b);
        rc = guard_stanza(g, side, &(struct msg_stanza){ .ticket = number, .flow = take(s) & 7, .record = buf_str(&b) });
        break;
    case 7:
        rc = guard_settle(g, side, &(struct msg_settle){ .guard = guard, .number = number & 31, .reason = take(s) });
        break;
    case 8:
        record(s, &b);
        rc = guard_open_ticket(g, side, &(struct msg_open_ticket){ .ticket = number, .stub = buf_str(&b) });
        break;
    case 9:
        rc = guard_open_number(g, side, &(struct msg_open_number){ .guard = guard, .number = number & 31, .epoch = 100 + (take(s) & 1), .ticket = take(s), .state = (uint8_t)(take(s) & 3) });
        break;
    case 10:
        rc = guard_open_end(g, side);
        break;
    default:
        if (number & 1)
            guard_paused(g, side);
        else
            rc = GW_ERR(PROTO); /* it broke its channel by itself */
    }
    buf_clear(&b);
    return rc;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
    struct script s = { data, data + n };
    struct hash_key key;
    struct guard_io io = { .order = t_order, .verdict = t_verdict, .settled = t_settled, .flow = t_flow, .scan = t_scan, .kill_scanner = t_kill, .scanner_cpu = t_cpu,
        .keep = t_keep, .next_number = t_next, .line = t_line };
    if (!policy)
        make_world();
    hash_key_set(&key, (const unsigned char *)"key", 3);
    next_line = 1;
    struct guard *g = guard_new(&conf, policy, 7, &key, &io);
    must(g != NULL, "a guard");
    int64_t now = 1000;
    guard_clock(g, now, now);
    if (take(&s) & 1) /* most scripts want to get past the first words */
        for (enum gw_side side = GW_HIGH; side < GW_SIDES; side++) {
            const char *own = side == GW_HIGH ? "high.example" : "low.example", *other = side == GW_HIGH ? "low.example" : "high.example";
            guard_edge_linked(g, side);
            must(guard_hello(g, side, &(struct msg_hello){ .version = REC_VERSION, .side = side, .epoch = 100 + side }) == 0 && guard_open_end(g, side) == 0
                && guard_flow(g, side, &(struct msg_flow){ .flow = 1, .from_domain = str_c(own), .to_domain = str_c(other) }) == 0, "first words");
        }
    while (s.p < s.end) {
        uint8_t what = take(&s);
        enum gw_side speaking = (enum gw_side)(what & 1);
        if (one_message(g, speaking, &s) < 0)
            guard_edge_lost(g, speaking); /* as the process does */
        if (what & 2)
            guard_durable(g, next_line - 1);
        if (what & 4) {
            now += (what >> 3) * 700;
            guard_clock(g, now, now);
            (void)guard_tick(g);
        }
    }
    guard_free(g);
    return 0;
}
