/* SPDX-License-Identifier: GPL-3.0-or-later
 * The last gate: an order goes out only after the journal released exactly its bytes, once, and is settled once. */
// link: record ipc base
// libs: -luv -lcrypto
#include "../../gw/edge/orders.c"

#include <stdarg.h>
#include <sys/socket.h>

#include "tap.h"

/* ---- what orders.c calls ---- */
static struct pair the_pair;
static struct order_queue out; /* what was let out, in order */
static unsigned lines, broken;
static bool no_pair;

/* The second reader says yes at once, unless it is told otherwise; reading.c has a test of its own. */
static enum order_reading reader_says;
void reading_begin(struct edge *e, struct order *o)
{
    static unsigned char xml[] = "<x/>";
    (void)e;
    o->pair = no_pair ? NULL : &the_pair;
    o->xml = xml;
    o->reading = reader_says;
}
void reading_forget(struct edge *e, struct order *o)
{
    (void)e, (void)o;
}
void pair_withdraw(struct pair *p, struct order *o)
{
    (void)p;
    TAILQ_REMOVE(&out, o, link);
    o->in_queue = false;
}
void pair_enqueue(struct pair *p, struct order *o)
{
    (void)p;
    TAILQ_INSERT_TAIL(&out, o, link);
    o->in_queue = true;
}
void line_order(struct edge *e, uint64_t guard, uint64_t number, const char *action, enum gw_reason reason)
{
    (void)e, (void)guard, (void)number, (void)action, (void)reason;
    lines++;
}
void channel_break(struct channel *c, const char *why)
{
    (void)c, (void)why;
    broken++;
}

/* ---- a guard at the other end of the channel ---- */
static struct edge e;
static struct gw_conf conf;
static struct ipc *guard;

/* Nothing is left of an edge: what it held, let out and remembered. */
static void end(void)
{
    struct order *o;
    if (!e.orders)
        return;
    while ((o = TAILQ_FIRST(&out))) {
        TAILQ_REMOVE(&out, o, link);
        orders_settle(&e, o, GW_R_WRITTEN);
    }
    orders_guard_lost(&e);
    while (e.orders->early)
        forget_early(e.orders, TAILQ_FIRST(&e.orders->early_list));
    ok(e.orders->n_open == 0 && e.orders->bytes == 0, "at the end nothing is counted as held");
    free(e.orders->settled);
    free(e.orders);
    e.orders = NULL;
    ipc_free(e.guard.ipc);
    ipc_free(guard);
}

static void begin_untold(void)
{
    int fds[2];
    end();
    if (socketpair(AF_UNIX, SOCK_STREAM, 0, fds) != 0)
        exit(1);
    e = (struct edge){ .conf = &conf, .n_pairs = 1, .limits = { .bytes = 1000 } };
    conf.limits.deliver = 20000;
    conf.limits.window_bytes = 10000;
    e.guard.ipc = ipc_new(fds[0], IPC_EDGE, IPC_GUARD);
    guard = ipc_new(fds[1], IPC_GUARD, IPC_EDGE);
    TAILQ_INIT(&out);
    lines = broken = 0;
    no_pair = false;
    reader_says = ORDER_READ;
    if (orders_init(&e) != 0)
        exit(1);
}

/* The journal's first word. */
static void released(uint64_t epoch, uint64_t number)
{
    orders_released(&e, &(struct msg_released){ .guard = epoch, .number = number });
}

static void begin(void)
{
    begin_untold();
    released(0, 0);
}

static void order(uint64_t number, const char *record)
{
    struct msg_order m = { .guard = 7, .number = number, .epoch = 1, .ticket = number + 100, .record = str_c(record) };
    orders_take(&e, &m);
}

static void release(uint64_t number, const char *record)
{
    struct msg_release m = { .guard = 7, .number = number };
    SHA256((const unsigned char *)record, strlen(record), m.hash.b);
    orders_release(&e, &m);
}

/* What the guard was told since, in words: "3 written", "hello" ... */
static const char *told(void)
{
    static char text[2000];
    struct ipc_msg m;
    size_t n = 0;
    text[0] = 0;
    if (ipc_flush(e.guard.ipc) != 0)
        return "flush failed";
    while (ipc_fill(guard) > 0)
        while (ipc_next(guard, &m) == 1) {
            struct msg_settle s;
            struct msg_open_number o;
            if (m.type == IPC_M_SETTLE && ipc_get_settle(&m, &s) == 0)
                n += (size_t)snprintf(text + n, sizeof text - n, "%d %s;", (int)s.number, gw_reason_code(s.reason));
            else if (m.type == IPC_M_OPEN_NUMBER && ipc_get_open_number(&m, &o) == 0)
                n += (size_t)snprintf(text + n, sizeof text - n, "%d %s ticket %d;", (int)o.number,
                    o.state == OPEN_WRITTEN ? "was written" : "was released", (int)o.ticket);
        }
    return text;
}

static size_t let_go(void)
{
    struct order *o;
    size_t n = 0;
    TAILQ_FOREACH(o, &out, link)
        n++;
    return n;
}

static void settle_first(enum gw_reason reason)
{
    struct order *o = TAILQ_FIRST(&out);
    TAILQ_REMOVE(&out, o, link);
    orders_settle(&e, o, reason);
}

static void is_told(const char *want, const char *what)
{
    const char *got = told();
    if (!ok(strcmp(got, want) == 0, "%s", what))
        diag("told \"%s\", wanted \"%s\"", got, want);
}

static void gate(void)
{
    begin();
    order(1, "one");
    ok(let_go() == 0, "an order alone stays");
    release(1, "one");
    ok(let_go() == 1, "released by the journal, it goes");
    is_told("", "nothing is settled before it is written");
    settle_first(GW_R_WRITTEN);
    is_told("1 written;", "then it is settled, once");
    release(1, "one");
    ok(let_go() == 0, "a release that comes again moves nothing");
    release(2, "two");
    order(2, "two");
    ok(let_go() == 1, "a release may come before its order");
    settle_first(GW_R_NO_ROUTE);
    is_told("2 no-route;", "settled with its reason");
}

static void wrong_bytes(void)
{
    begin();
    order(1, "forged");
    release(1, "recorded");
    ok(let_go() == 0 && lines == 1, "other bytes than the journal has: not let out, and a line says so");
    is_told("1 internal;", "and settled internal");
    release(1, "forged");
    ok(let_go() == 0, "a second release does not bring it back");
    release(2, "recorded");
    order(2, "forged");
    ok(let_go() == 0, "the same when the release was first");
    is_told("2 internal;", "settled internal too");
    no_pair = true;
    order(3, "x");
    release(3, "x");
    ok(let_go() == 0 && lines == 3, "a record of no allowed pair: not let out");
    is_told("3 internal;", "settled internal as well");
}

/* A guard that tells line and order again, for one line in the journal, must not get the stanza out again. */
static void replay(void)
{
    begin();
    order(5, "five");
    release(5, "five");
    settle_first(GW_R_WRITTEN);
    release(5, "five");
    order(5, "five");
    ok(let_go() == 0 && broken == 1, "release and order told again: nothing goes out, the guard's channel breaks");
    order(4, "four");
    release(4, "four");
    ok(let_go() == 0 && broken == 2, "nor does an older number");
    order(6, "six");
    release(6, "six");
    ok(let_go() == 1, "the next number does");
}

/* The edge was started anew and knows no number; a guard tells order and line of something that went out before. */
static void replay_after_a_start(void)
{
    begin_untold();
    order(5, "five");
    release(5, "five");
    ok(let_go() == 0 && broken == 1, "a release before the journal's first word lets nothing out, and breaks its channel");
    released(7, 5);
    is_told("5 edge-lost;", "then an order that was released before is settled");
    ok(lines == 1 && orders_held(&e) == 0, "is not held any more, and a line says so");
    release(5, "five");
    ok(let_go() == 0, "its release told again brings nothing out");
    begin_untold();
    released(7, 5);
    order(5, "five");
    release(5, "five");
    ok(let_go() == 0 && lines == 1 && broken == 0, "the same when the order comes after that word");
    is_told("5 edge-lost;", "settled as well");
    orders_guard_lost(&e);
    ok(orders_report(&e) == 0 && orders_report_settled(&e) == 0, "a guard that follows");
    is_told("5 was released ticket 105;5 edge-lost;", "is told of it too, where nobody else may know of it any more");
    released(7, 9);
    order(6, "six");
    release(6, "six");
    ok(let_go() == 1, "the next number goes, whatever a second first word says");
    begin_untold();
    released(8, 1);
    order(900, "of an earlier guard");
    release(900, "of an earlier guard");
    ok(let_go() == 0, "no number of an earlier guard does");
}

static void clocks(void)
{
    begin();
    order(1, "one");
    release(9, "nine");
    e.loop.time = 9000;
    orders_tick(&e);
    order(9, "nine");
    ok(let_go() == 1, "a release is remembered for 9 s");
    release(10, "ten");
    release(10, "ten");
    e.loop.time = 20000;
    orders_tick(&e);
    is_told("1 timeout;", "an order that is never released is given up after limits.deliver");
    release(1, "one");
    order(10, "ten");
    ok(let_go() == 1, "its late release, and a release older than 10 s, let nothing out");
    ok(orders_held(&e) == 1, "the order of the forgotten release waits for a new one");
}

static void guard_dies(void)
{
    begin();
    order(1, "one");
    order(2, "two");
    order(3, "three");
    order(4, "four");
    release(2, "two");
    release(3, "three");
    release(4, "four");
    settle_first(GW_R_WRITTEN);
    settle_first(GW_R_TIMEOUT);
    (void)told();
    orders_guard_lost(&e);
    release(1, "one");
    ok(orders_held(&e) == 0 && let_go() == 1, "what was not released is discarded, a late release obeys nobody");
    ok(orders_report(&e) == 0, "a new guard is told");
    is_told("4 was released ticket 104;2 was written ticket 102;3 was released ticket 103;", "what is open, what was written");
    ok(orders_report_settled(&e) == 0, "and then");
    is_told("3 timeout;", "how the failed one ended");
    e.loop.time = 60001;
    orders_tick(&e);
    ok(orders_report(&e) == 0, "a later guard is told");
    is_told("4 was released ticket 104;", "settlements are forgotten after 60 s, open ones never");
}

/* A reader that saw something else: before the release, and after it. */
static void read_otherwise(void)
{
    begin();
    reader_says = ORDER_DIFFERS;
    order(1, "one");
    release(1, "one");
    ok(let_go() == 0 && lines == 1, "read as something else: not let out, and a line says so");
    is_told("1 reader-refused;", "settled reader-refused");
    reader_says = ORDER_ASKED;
    order(2, "two");
    release(2, "two");
    ok(let_go() == 1, "not yet read: it waits in its pair's queue");
    orders_differ(&e, TAILQ_FIRST(&out));
    ok(let_go() == 0 && orders_open(&e) == 0, "and leaves it when the answer is no");
    is_told("2 reader-refused;", "settled reader-refused too");
    order(3, "three");
    struct order *o = orders_local(&e, STR("own"));
    pair_enqueue(&the_pair, o);
    orders_differ(&e, o);
    is_told("", "an answer of our own has nobody to tell");
}

static void limits(void)
{
    char big[6000];
    memset(big, 'x', sizeof big - 1);
    big[sizeof big - 1] = 0;
    begin();
    for (uint64_t i = 1; i <= 4; i++)
        order(i, big);
    is_told("4 internal;", "a guard that sends more than the windows allow is refused the rest");
    order(1, "again");
    ok(broken == 1, "a number that comes twice breaks the channel");
    for (uint64_t i = 100; i < 100 + EARLY_MAX + 50; i++)
        release(i, "x");
    ok(HASH_COUNT(e.orders->early) == EARLY_MAX, "releases without orders are bounded");
}

int main(void)
{
    gate();
    wrong_bytes();
    replay();
    replay_after_a_start();
    clocks();
    guard_dies();
    read_otherwise();
    limits();
    end();
    return done_testing();
}
