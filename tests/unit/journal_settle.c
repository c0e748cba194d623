/* SPDX-License-Identifier: GPL-3.0-or-later
 * Each released number has exactly one record of its delivery: told in time, late, twice, never; by guards and edges that came and
 * went. Every case once as it is, and once with a journal that is started again in its midst and knows only what it wrote. */
// link: ledger ipc base
// libs: -lcrypto
#define OPEN_MAX 64u
#define OPEN_REMEMBERED 16u
#include "../../gw/journal/open.c"
#include "../../gw/journal/settle.c"

#include "tap.h"

/* ---- what settle.c calls: a batch that is a text, a clock that is a number ---- */
static struct journal j;
static struct gw_conf conf;
static struct buf log_;
static uint64_t seq, own;
static int64_t now;
static size_t room; /* lines that the batch still takes */

int64_t mono_ms(void) { return now; }
bool batch_full(const struct journal *jj)
{
    (void)jj;
    return room == 0;
}
static int write_line(int event, struct str program, uint64_t epoch, uint64_t number, uint8_t target, struct str fields, struct led_head *ret)
{
    *ret = (struct led_head){ .time_us = 1, .seq = seq + 1, .event = event, .program = program, .epoch = epoch, .number = number,
        .has_release = target < GW_SIDES, .target = target };
    int err = led_line(&log_, ret, fields);
    seq += !err;
    return err;
}
int batch_own(struct journal *jj, enum gw_event event, struct str fields)
{
    struct led_head h;
    (void)jj;
    if (!room)
        return GW_ERR(LIMIT);
    room--;
    return write_line((int)event, STR("journal"), 1, ++own, GW_SIDES, fields, &h);
}
void batch_commit(struct journal *jj)
{
    room = 100000;
    jj->store.seq = seq;
}

/* ---- a journal's life ---- */
static void begin(void)
{
    static struct sender guard = { .program = "guard", .epoch = 7 };
    j = (struct journal){ .conf = &conf, .open_from_ms = now, .open_tick_ms = now };
    j.senders.v[j.senders.n++] = &guard;
    if (open_init(&j.open, OPEN_ROOM) < 0)
        exit(1);
    room = 100000;
}
static void fresh(void)
{
    open_clear(&j.open);
    buf_reset(&log_);
    seq = own = 0;
    begin();
    j.senders.v[0]->last = 0;
}
/* Started again: nothing but the lines is left. */
static bool restarts;
static void restart(void)
{
    struct str text = buf_str(&log_);
    if (!restarts)
        return;
    open_clear(&j.open);
    begin();
    j.store.seq = seq;
    for (size_t at = 0; at < text.n;) {
        const char *nl = memchr(text.p + at, '\n', text.n - at);
        struct str line = { text.p + at, (size_t)(nl - text.p) - at };
        struct led_head h;
        struct told t;
        if (led_head_read(line, &h) < 0)
            exit(1);
        settle_read(line, &h, &t);
        settle_line(&j, &h, &t);
        at += line.n + 1;
    }
}
static void pass(int64_t ms)
{
    for (int64_t step; ms > 0; ms -= step) { /* as it wakes at least */
        step = ms < 1000 ? ms : 1000;
        now += step;
        settle_tick(&j);
    }
}
/* ---- lines ---- */
static void say(enum gw_event event, const char *program, uint64_t epoch, uint64_t number, uint8_t target, const struct told *m,
    const char *verdict, const char *action, const char *delivery)
{
    struct led_head h;
    struct wire_out o;
    struct buf b;
    buf_init(&b, 4096);
    wire_out_init(&o, &b);
    if (m->near < GW_SIDES)
        field_z(&o, GW_F_DIRECTION, m->near == GW_HIGH ? "high-to-low" : "low-to-high");
    if (m->guard) {
        field_num(&o, GW_F_GUARD, m->guard);
        field_num(&o, GW_F_NUMBER, m->number);
    }
    if (m->ticket)
        field_num(&o, GW_F_TICKET, m->ticket);
    field_z(&o, GW_F_VERDICT, verdict);
    field_z(&o, GW_F_ACTION, action);
    field_z(&o, GW_F_DELIVERY, delivery);
    if (o.err || write_line((int)settle_event(&j, event, m), str_c(program), epoch, number, target, buf_str(&b), &h) < 0)
        exit(1);
    if (epoch == 7)
        j.senders.v[0]->last = number;
    settle_line(&j, &h, m);
    buf_clear(&b);
}
#define NUMBER(n) (&(struct told){ .guard = 7, .number = (n), .ticket = 1000 + (n), .near = GW_HIGH })
static void released(uint64_t n)
{
    struct told t = *NUMBER(n);
    t.release = true;
    say(GW_EV_VERDICT, "guard", 7, n, GW_LOW, &t, "release", "", "");
}
static void delivered(uint64_t n) { say(GW_EV_DELIVERY, "guard/1", 8, 1, GW_SIDES, NUMBER(n), "", "forward", "written"); }
static void by_ticket(enum gw_side near, uint64_t ticket)
{
    say(GW_EV_DELIVERY, "guard/1", 8, 1, GW_SIDES, &(struct told){ .near = (uint8_t)near, .ticket = ticket }, "", "forward", "guard-lost");
}
static void discarded(const char *edge, uint64_t n)
{
    say(GW_EV_JOURNAL, edge, 99, 1, GW_SIDES, &(struct told){ .guard = 7, .number = n, .near = GW_SIDES, .discarded = true }, "", "discarded", "");
}
/* ---- what is in the journal ---- */
static int count(const char *event, const char *what)
{
    struct str text = buf_str(&log_);
    char head[64];
    int n = 0;
    snprintf(head, sizeof head, "\"event_type\":\"%s\"", event);
    for (size_t at = 0; at < text.n;) {
        const char *nl = memchr(text.p + at, '\n', text.n - at);
        size_t len = (size_t)(nl - text.p) - at;
        n += memmem(text.p + at, len, head, strlen(head)) && memmem(text.p + at, len, what, strlen(what));
        at += len + 1;
    }
    return n;
}
static const char *name;
/* deliveries of number 1, of which `own` say what the journal's own record says; settlements in all. */
static void is(int deliveries, const char *text, int settlements)
{
    int all = count("delivery", "\"guard\":7,\"number\":1,"), such = count("delivery", text), late = count("settlement", "");
    if (!ok(all == deliveries && such == (deliveries ? 1 : 0) && late == settlements, "%s%s", name, restarts ? ", the journal started again" : ""))
        diag("%d deliveries, %d with %s, %d settlements in:\n%.*s", all, such, text, late, STR_ARG(buf_str(&log_)));
}
#define UNKNOWN "\"delivery\":\"unknown\",\"reason\":\"unknown-outcome\""
#define WAIT (5000 + SETTLE_GRACE_MS)

/* ---- cases ---- */
static void in_time(void)
{
    released(1);
    restart();
    pass(3000);
    delivered(1);
    restart();
    pass(3 * WAIT);
    is(1, "\"delivery\":\"written\"", 0);
}
static void nobody(void)
{
    released(1);
    restart();
    pass(WAIT - 1);
    if (count("delivery", ""))
        ok(false, "%s: too early", name);
    pass(1);
    restart();
    pass(3 * WAIT);
    is(1, UNKNOWN ",\"sentence\":\"nobody told the journal what became of it: whether it was delivered cannot be known\",\"action\":\"forward\",\"record\":1}", 0);
}
static void late(void)
{
    released(1);
    pass(WAIT);
    restart();
    delivered(1);
    pass(WAIT);
    is(1, UNKNOWN, 1);
}
static void twice(void)
{
    released(1);
    delivered(1);
    restart();
    delivered(1);
    is(1, "\"delivery\":\"written\"", 1);
}
static void discard(void)
{
    released(1);
    restart();
    discarded("edge/low", 1);
    restart();
    pass(1);
    is(1, "\"delivery\":\"guard-lost\"", 0);
}
static void discard_first(void)
{
    discarded("edge/low", 1);
    restart();
    released(1);
    restart();
    pass(1);
    is(1, "\"delivery\":\"guard-lost\"", 0);
}
static void discard_other(void)
{
    discarded("edge/high", 1);
    released(1);
    discarded("edge/high", 1);
    restart();
    pass(1000);
    is(0, UNKNOWN, 0);
}
static void ticket_open(void)
{
    released(1);
    by_ticket(GW_LOW, 1001);
    restart();
    by_ticket(GW_HIGH, 1001);
    restart();
    pass(SETTLE_SOON_MS - 1);
    if (count("delivery", "\"guard\":7"))
        ok(false, "%s: too early", name);
    pass(1);
    is(1, UNKNOWN, 1);
}
static void ticket_closed(void)
{
    released(1);
    delivered(1);
    restart();
    by_ticket(GW_HIGH, 1001);
    is(1, "\"delivery\":\"written\"", 1);
}
static void ticket_alone(void)
{
    by_ticket(GW_HIGH, 1001);
    restart();
    by_ticket(GW_HIGH, 1001);
    pass(3 * WAIT);
    is(0, UNKNOWN, 1);
    ok(count("delivery", "\"ticket\":1001") == 1, "%s: of a stanza that was never released, once", name);
}
static void edge_anew(void)
{
    struct told t = *NUMBER(2);
    released(1);
    t.near = GW_LOW;
    say(GW_EV_VERDICT, "guard", 7, 2, GW_HIGH, &t, "release", "", "");
    batch_commit(&j);
    settle_edge_anew(&j, GW_LOW);
    pass(SETTLE_SOON_MS);
    restart();
    is(1, UNKNOWN, 0);
    ok(count("delivery", "\"number\":2") == 0, "%s: what went to the other side waits", name);
}
static void edge_anew_batch(void)
{
    settle_edge_anew(&j, GW_LOW);
    released(1);
    settle_edge_anew(&j, GW_LOW); /* its line is not durable: its release goes to the new edge */
    pass(SETTLE_SOON_MS);
    is(0, UNKNOWN, 0);
}
static void not_sent(void)
{
    struct told t = *NUMBER(1);
    t.release = true;
    say(GW_EV_VERDICT, "guard", 7, 1, GW_SIDES, &t, "release", "", "");
    restart();
    pass(WAIT);
    is(1, "\"delivery\":\"edge-lost\"", 0);
}
static void nothing_due(void)
{
    struct told t = *NUMBER(1);
    say(GW_EV_VERDICT, "guard", 7, 1, GW_SIDES, &t, "reject", "", "");
    t.release = t.probe = true;
    say(GW_EV_VERDICT, "guard", 7, 2, GW_SIDES, &t, "release", "probe", "");
    restart();
    pass(3 * WAIT);
    is(0, UNKNOWN, 0);
}
static void answer(void)
{
    struct told t = *NUMBER(1);
    say(GW_EV_VERDICT, "guard", 7, 1, GW_HIGH, &t, "reject", "", "");
    restart();
    pass(WAIT);
    is(1, "\"action\":\"answer\",\"record\":1", 0);
}
static void no_line(void)
{
    delivered(1);
    restart();
    delivered(1);
    pass(3 * WAIT);
    is(1, "\"delivery\":\"written\"", 1);
}
static void stood_still(void)
{
    released(1);
    now += 10 * WAIT; /* what was told meanwhile lies in the channels */
    settle_tick(&j);
    is(0, UNKNOWN, 0);
    delivered(1);
    pass(3 * WAIT);
    is(1, "\"delivery\":\"written\"", 0);
}
static void no_room(void)
{
    released(1);
    pass(WAIT - 1);
    room = 0;
    pass(2000);
    is(0, UNKNOWN, 0);
    room = 1;
    pass(1000);
    is(1, UNKNOWN, 0);
}
static void full(void)
{
    for (uint64_t n = 1; n <= OPEN_MAX; n++)
        released(n);
    pass(1);
    is(0, "", 0);
    released(OPEN_MAX + 1);
    pass(1);
    restart();
    pass(1);
    is(1, "\"delivery\":\"unknown\",\"reason\":\"open-full\"", 0);
    ok(count("delivery", "") == 1 && count("delivery", "\"record\":1}") == 1, "%s: the oldest alone", name);
}
static void at_the_end(void)
{
    for (uint64_t n = 1; n <= 9; n++)
        released(n);
    delivered(4);
    restart();
    settle_rest(&j);
    restart();
    pass(3 * WAIT);
    is(1, "\"number\":1,\"ticket\":1001," UNKNOWN, 0);
    ok(count("delivery", UNKNOWN) == 8 && count("delivery", "") == 9, "%s: all that are open, once", name);
}
static void oldest(void)
{
    ok(settle_oldest(&j) == 1, "%s: nothing is open", name);
    for (uint64_t n = 1; n <= 3; n++)
        released(n);
    delivered(1);
    j.store.seq = seq;
    ok(settle_oldest(&j) == 2, "%s: record 2", name);
    by_ticket(GW_HIGH, 1002);
    ok(settle_oldest(&j) == 2, "%s: also when it has little time left", name);
    delivered(2);
    delivered(3);
    j.store.seq = seq;
    ok(settle_oldest(&j) == seq + 1, "%s: nothing any more", name);
}
static void bounded(void)
{
    for (uint64_t n = 1; n <= 5000; n++) {
        released(n);
        delivered(n);
    }
    ok(j.open.used <= OPEN_REMEMBERED + 2, "%s: %u entries for 5,000 that were settled at once", name, j.open.used);
    is(1, "\"number\":1,\"ticket\":1001,\"action\":\"forward\",\"delivery\":\"written\"", 0);
    delivered(1);
    is(1, "\"number\":1,\"ticket\":1001,\"action\":\"forward\",\"delivery\":\"written\"", 1); /* forgotten, but its line is known */
}

int main(void)
{
    static const struct { const char *name; void (*run)(void); } cases[] = { { "told in time", in_time }, { "nobody tells", nobody },
        { "told after it was recorded as unknown", late }, { "told twice", twice }, { "discarded by its edge", discard },
        { "discarded, said in front of its line", discard_first }, { "discarded by an edge that never had it", discard_other },
        { "a ticket without an order, released", ticket_open }, { "a ticket without an order, settled", ticket_closed },
        { "a ticket without an order, never released", ticket_alone }, { "a new far edge", edge_anew },
        { "a new far edge, and a line that is not durable", edge_anew_batch }, { "released with no edge to send it to", not_sent },
        { "refused silently; a probe", nothing_due }, { "an answer", answer }, { "a delivery without a verdict", no_line },
        { "the journal stood still", stood_still }, { "no room in the batch", no_room }, { "more open than there is room for", full },
        { "the end", at_the_end }, { "where to begin to read", oldest }, { "memory", bounded } };

    conf.limits.deliver = 5000;
    buf_init(&log_, 64u << 20);
    now = 1000000;
    for (size_t i = 0; i < 2 * sizeof cases / sizeof *cases; i++) {
        restarts = i % 2;
        name = cases[i / 2].name;
        fresh();
        cases[i / 2].run();
    }
    open_clear(&j.open);
    buf_clear(&log_);
    return done_testing();
}
