/* SPDX-License-Identifier: GPL-3.0-or-later
 * Stubs: which settlement is answered to the sender, with which error, and to whom never; credit comes back with each. */
// link: record ipc base
// libs: -luv -lcrypto -licuuc -licudata
#include "../../gw/edge/counted.c"
#include "../../gw/edge/tickets.c"

#include <sys/socket.h>

#include "jid.h"
#include "tap.h"

/* ---- what tickets.c calls ---- */
static struct edge e;
static struct pair pair;
static char answer[400]; /* the newest answer in words; "" none */
static unsigned answers;

struct order *orders_local(struct edge *edge, struct str record)
{
    struct order *o = calloc(1, sizeof *o + record.n);
    (void)edge;
    memcpy(o->bytes, record.p, record.n);
    o->n = record.n;
    return o;
}
void pair_enqueue(struct pair *p, struct order *o)
{
    struct rec *r;
    uint32_t error;
    (void)p;
    answers++;
    if (rec_decode((struct str){ (const char *)o->bytes, o->n }, &REC_HARD_LIMITS, &r) != 0)
        snprintf(answer, sizeof answer, "undecodable");
    else {
        error = rec_child(r, 0, STR_NONE, STR("error"), REC_NONE);
        snprintf(answer, sizeof answer, "%s %.*s %.*s > %.*s id %.*s %.*s %.*s", rec_kind_name(r->kind), STR_ARG(r->type), STR_ARG(r->from),
            STR_ARG(r->to), STR_ARG(r->id), STR_ARG(rec_attr_get(r, error, STR_NONE, STR("type"))),
            STR_ARG(r->nodes[r->nodes[error].first_child].name));
        rec_free(r);
    }
    free(o);
}
void pair_spend(struct pair *p, size_t bytes)
{
    p->open_stanzas++;
    p->open_bytes += bytes;
}
void pair_refund(struct pair *p, size_t bytes)
{
    p->open_stanzas--;
    p->open_bytes -= bytes;
}

/* ---- a guard at the other end ---- */
static struct ipc *guard;

static void begin(void)
{
    int fds[2];
    static struct gw_conf conf;
    if (socketpair(AF_UNIX, SOCK_STREAM, 0, fds) != 0 || jid_init() != 0)
        exit(1);
    conf.limits.window_stanzas = 10;
    e.conf = &conf;
    buf_init(&e.scratch, 17u << 20);
    e.rec = rec_new(&REC_HARD_LIMITS);
    e.guard.ipc = ipc_new(fds[0], IPC_EDGE, IPC_GUARD);
    guard = ipc_new(fds[1], IPC_GUARD, IPC_EDGE);
    if (tickets_init(&e) != 0)
        exit(1);
}

static struct rec *stanza(enum rec_kind kind, const char *type, struct str id)
{
    struct rec *r = rec_new(&REC_HARD_LIMITS);
    if (rec_head(r, kind, *type ? str_c(type) : STR_NONE, id, STR_NONE) != 0
        || rec_address(r, STR("a@high.example/r"), STR("b@low.example"), STR_NONE, STR_NONE) != 0
        || rec_pair(r, STR("high.example"), STR("low.example")) != 0 || rec_open(r, STR("jabber:server"), str_c(rec_kind_name(kind))) != 0
        || rec_open(r, STR("jabber:server"), STR("body")) != 0 || rec_text(r, STR("secret")) != 0 || rec_close(r) != 0
        || rec_close(r) != 0 || rec_seal(r) != 0)
        exit(1);
    return r;
}

static void settle(uint64_t ticket, enum gw_reason reason)
{
    const struct msg_settled m = { .ticket = ticket, .reason = (uint8_t)reason };
    answer[0] = 0;
    tickets_settled(&e, &m);
}

#define BACK(kind, error) kind " error b@low.example > a@high.example/r id i1 " error
static const struct {
    const char *name;
    enum rec_kind kind;
    const char *type;
    enum gw_reason reason;
    const char *answer;
} rows[] = {
    { "written", REC_MESSAGE, "chat", GW_R_WRITTEN, "" },
    { "a rule refused it: the guard has answered", REC_MESSAGE, "chat", GW_R_RULE, "" },
    { "no rule released it: the guard has answered", REC_IQ, "get", GW_R_DEFAULT_DENY, "" },
    { "the scanner was late: the guard has answered", REC_MESSAGE, "chat", GW_R_SCAN_TIMEOUT, "" },
    { "held", REC_MESSAGE, "chat", GW_R_HELD, "" },
    { "no route", REC_MESSAGE, "chat", GW_R_NO_ROUTE, BACK("message", "cancel remote-server-not-found") },
    { "not authenticated", REC_MESSAGE, "", GW_R_NO_AUTH, BACK("message", "cancel remote-server-not-found") },
    { "not taken in time", REC_IQ, "set", GW_R_TIMEOUT, BACK("iq", "wait remote-server-timeout") },
    { "stream lost", REC_PRESENCE, "subscribe", GW_R_STREAM_LOST, BACK("presence", "wait remote-server-timeout") },
    { "unknown outcome", REC_MESSAGE, "groupchat", GW_R_UNKNOWN_OUTCOME, BACK("message", "wait remote-server-timeout") },
    { "guard lost", REC_MESSAGE, "chat", GW_R_GUARD_LOST, BACK("message", "wait remote-server-timeout") },
    { "edge lost", REC_MESSAGE, "chat", GW_R_EDGE_LOST, BACK("message", "wait remote-server-timeout") },
    { "queue full", REC_MESSAGE, "chat", GW_R_QUEUE_FULL, BACK("message", "wait resource-constraint") },
    { "internal", REC_MESSAGE, "chat", GW_R_INTERNAL, BACK("message", "cancel internal-server-error") },
    { "too large for a record, refused at the edge", REC_MESSAGE, "chat", GW_R_RECORD_LIMIT, "" },
    { "too large for the other server", REC_MESSAGE, "chat", GW_R_TOO_LARGE, BACK("message", "modify policy-violation") },
    { "the second reader refused it", REC_MESSAGE, "chat", GW_R_READER_REFUSED, BACK("message", "cancel internal-server-error") },
    { "never to an error", REC_MESSAGE, "error", GW_R_NO_ROUTE, "" },
    { "never to a result", REC_IQ, "result", GW_R_NO_ROUTE, "" },
    { "never to unavailable presence", REC_PRESENCE, "unavailable", GW_R_NO_ROUTE, "" },
};

static size_t open_tickets_told(size_t *ret_largest)
{
    struct ipc_msg m;
    size_t n = 0;
    *ret_largest = 0;
    while (ipc_flush(e.guard.ipc) == GW_ERR(AGAIN) || ipc_fill(guard) > 0)
        while (ipc_next(guard, &m) == 1)
            if (m.type == IPC_M_OPEN_TICKET) {
                struct msg_open_ticket t;
                struct rec *r;
                if (ipc_get_open_ticket(&m, &t) != 0 || rec_decode(t.stub, &REC_HARD_LIMITS, &r) != 0)
                    return 0;
                n += r->n_nodes == 1; /* no content in a stub */
                if (t.stub.n > *ret_largest)
                    *ret_largest = t.stub.n;
                rec_free(r);
            }
    return n;
}

static struct counting off;

static void give(struct counting *c)
{
    struct rec *r = stanza(REC_MESSAGE, "chat", STR("i1"));
    if (tickets_send(&e, &pair, 5, r, c) != 0)
        exit(1);
    rec_free(r);
}

static void verdict(uint64_t ticket) { tickets_verdict(&e, &(struct msg_verdict){ .ticket = ticket, .verdict = GW_V_RELEASE, .reason = GW_R_RULE }); }

/* XEP-0198: stanzas whose verdicts are durable, without a gap from the first. */
static void test_counting(void)
{
    struct counting c = { 0 };
    uint64_t first;
    give(&c);
    counted_refused(&c, 7, 0);
    counted_here(&c);
    ok(counting_h(&c, 100) == 0, "nothing counts before stream management is on");
    settle(e.tickets->last, GW_R_WRITTEN);
    counting_begin(&c);
    first = e.tickets->last + 1;
    for (int i = 0; i < 4; i++)
        give(&c);
    ok(counting_h(&c, 0) == 0, "four under way: none is acknowledged");
    verdict(first + 1);
    verdict(first + 2);
    ok(counting_h(&c, 0) == 0, "those behind the first are judged: none is acknowledged before it");
    verdict(first);
    ok(counting_h(&c, 0) == 3, "the first is judged, and with it three in a row");
    settle(first, GW_R_WRITTEN);
    settle(first + 3, GW_R_NO_ROUTE);
    ok(counting_h(&c, 0) == 4, "settled without a word before: it has its verdict");
    counted_refused(&c, 7, 0);
    give(&c);
    counted_here(&c);
    counted_refused(&c, 8, 0);
    ok(counting_h(&c, 6) == 4, "refused by this edge: not before its own line is on the disk");
    ok(counting_h(&c, 7) == 5, "then it counts");
    verdict(e.tickets->last);
    ok(counting_h(&c, 7) == 7, "an answer to our own question needs no line");
    ok(counting_h(&c, 8) == 8, "the last");
    for (int i = 9; i < 1000; i++)
        counted_refused(&c, (uint64_t)i, (uint64_t)i - 2);
    first = 0;
    for (struct counted *k = TAILQ_FIRST(&c.open); k; k = TAILQ_NEXT(k, next))
        first++;
    ok(first == 2, "a peer that never asks makes no long list");
    ok(counting_h(&c, 1000) == 8 + 991, "and all of them count");
    first = e.tickets->last - 4;
    give(&c);
    give(&c);
    counted_refused(&c, 0, 1000);
    ok(!c.on, "a line that was lost ends the counting: nothing behind it is acknowledged");
    counting_end(&c);
    verdict(e.tickets->last);
    settle(e.tickets->last - 1, GW_R_WRITTEN);
    settle(e.tickets->last, GW_R_WRITTEN);
    ok(!c.on && tickets_open(&e) == 3, "the stream is gone: its tickets end as ever");
    settle(first + 1, GW_R_WRITTEN);
    settle(first + 2, GW_R_WRITTEN);
    settle(first + 4, GW_R_WRITTEN);
    c = (struct counting){ .on = true, .arrived = 0xffffffffu };
    TAILQ_INIT(&c.open);
    counted_here(&c);
    ok(counting_h(&c, 0) == 0, "it counts modulo 2^32");
}

int main(void)
{
    static char long_id[20000];
    struct rec *r;
    size_t largest;
    uint64_t first;
    begin();
    first = e.tickets->last;
    free(e.tickets);
    nanosleep(&(struct timespec){ .tv_nsec = 2000000 }, NULL);
    if (tickets_init(&e) != 0)
        return 1;
    ok(e.tickets->last > first + 1000 && e.tickets->last < UINT64_C(1) << 53, "an edge that is started anew counts on from other tickets");
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        r = stanza(rows[i].kind, rows[i].type, STR("i1"));
        if (tickets_send(&e, &pair, 5, r, &off) != 0)
            return 1;
        settle(e.tickets->last, rows[i].reason);
        if (!ok(strcmp(answer, rows[i].answer) == 0, "%s", rows[i].name))
            diag("answer \"%s\"", answer);
        rec_free(r);
    }
    ok(pair.open_stanzas == 0 && pair.open_bytes == 0 && tickets_open(&e) == 0, "all credit came back");
    r = stanza(REC_MESSAGE, "chat", STR("i1"));
    answers = 0;
    ok(tickets_send(&e, &pair, 5, r, &off) == 0 && pair.open_stanzas == 1, "a stanza takes credit");
    settle(e.tickets->last, GW_R_NO_ROUTE);
    settle(e.tickets->last, GW_R_NO_ROUTE);
    ok(answers == 1 && pair.open_stanzas == 0, "settled twice: answered once, credit given once");
    pair.queued = 20;
    ok(tickets_send(&e, &pair, 5, r, &off) == 0, "a sender that takes no answers back");
    settle(e.tickets->last, GW_R_NO_ROUTE);
    ok(answer[0] == 0 && pair.open_stanzas == 0, "gets no more of them, the queue is bounded");
    pair.queued = 0;
    rec_free(r);

    test_counting();
    r = stanza(REC_MESSAGE, "chat", STR("i1"));
    memset(long_id, 'x', sizeof long_id - 1);
    ok(tickets_send(&e, &pair, 5, r, &off) == 0, "one open ticket");
    rec_free(r);
    r = stanza(REC_MESSAGE, "chat", str_c(long_id));
    ok(tickets_send(&e, &pair, 5, r, &off) == 0, "another with an id of 20,000 bytes");
    rec_free(r);
    (void)open_tickets_told(&largest);
    ok(tickets_report(&e) == 0, "a new guard is told of both");
    ok(open_tickets_told(&largest) == 2 && largest < 1000, "as stubs without content, and without an id that long");
    return done_testing();
}
