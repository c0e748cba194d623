// link: base
/* SPDX-License-Identifier: GPL-3.0-or-later
 * Stanzas and bytes a second: a bucket's arithmetic, and which limit slows a stream and lets it go on. */
#include "../../gw/edge/rate.c"

#include <string.h>

#include "tap.h"

static unsigned lines;
static char said[96];
void conn_touch(struct conn *c) { (void)c; }
void line_limit(struct edge *e, const struct net_addr *from, const struct net_addr *to, enum gw_reason reason, const char *error,
    const char *action, uint64_t count)
{
    (void)e; (void)from; (void)to; (void)count;
    lines += reason == GW_R_STANZA_RATE && !strcmp(action, "slowed");
    snprintf(said, sizeof said, "%s: %s", gw_reason_code(reason), error);
}
uint64_t uv_now(const uv_loop_t *loop) { return loop->active_handles; } /* the test's clock */

static struct gw_conf conf;
static struct edge e;
static struct conn c;
static struct bucket domain;

static void begin(int64_t stream, int64_t of, int64_t side)
{
    conf.limits = (struct gw_limits){ .stream_stanzas = stream, .domain_stanzas = of, .side_stanzas = side,
        .stream_bytes = 1000 * stream, .domain_bytes = 1000 * of, .side_bytes = 1000 * side };
    e = (struct edge){ .conf = &conf };
    e.loop.active_handles = 5000;
    c = (struct conn){ .edge = &e };
    domain = (struct bucket){ 0, 0, 0 };
    lines = 0;
    said[0] = 0;
}

/* How many stanzas of n bytes go before the stream is slowed; at most 1000. */
static unsigned until_slowed(size_t n)
{
    for (unsigned i = 0; i < 1000; i++) {
        rate_read(&c, n);
        rate_stanza(&c);
        rate_domain(&c, &domain, n);
        if (c.slowed)
            return i;
    }
    return 1000;
}

static void pass(unsigned ms)
{
    e.loop.active_handles += ms;
    rate_tick(&c);
}

static void buckets(void)
{
    static const struct bucket_rate r = { 10, 1000 };
    struct bucket b = { 0, 0, 0 };
    ok(bucket_take(&b, &r, 1, 10, 1000), "a bucket begins with one second's worth");
    ok(!bucket_take(&b, &r, 1, 1, 0) && !bucket_take(&b, &r, 100, 0, 0), "one more is debt, and stays it for a tenth of a second");
    ok(bucket_take(&b, &r, 101, 0, 0), "then it is paid");
    ok(!bucket_take(&b, &r, 101, 0, 5000) && !bucket_take(&b, &r, 4999, 0, 0) && bucket_take(&b, &r, 5101, 0, 0), "five seconds' bytes are paid in five seconds");
    ok(bucket_take(&b, &r, 900000, 10, 0) && !bucket_take(&b, &r, 900000, 1, 0), "a long rest saves up no more than a second's worth");
    for (unsigned i = 0; i < 1000; i++)
        (void)bucket_take(&b, &r, 900000 + i, 0, 0);
    ok(bucket_take(&b, &r, 901000, 0, 0) && b.stanzas == 9 * UNIT, "looked at each millisecond it fills no slower");
}

int main(void)
{
    buckets();
    begin(5, 100, 100);
    ok(until_slowed(10) == 5 && !strcmp(said, "stanza-rate: limits.stream_stanzas or stream_bytes"), "stanzas of a stream");
    begin(100, 5, 100);
    ok(until_slowed(10) == 5 && !strcmp(said, "stanza-rate: limits.domain_stanzas or domain_bytes") && c.slowed_by == &domain, "stanzas of a domain");
    begin(100, 100, 5);
    ok(until_slowed(10) == 5 && !strcmp(said, "stanza-rate: limits.side_stanzas or side_bytes"), "stanzas of a side");
    begin(5, 100, 100);
    ok(until_slowed(2500) == 2 && !strcmp(said, "stanza-rate: limits.stream_stanzas or stream_bytes"), "bytes of a stream");
    begin(100, 5, 100);
    ok(until_slowed(2500) == 2 && !strcmp(said, "stanza-rate: limits.domain_stanzas or domain_bytes"), "bytes of a domain");
    begin(100, 100, 5);
    ok(until_slowed(2500) == 2 && !strcmp(said, "stanza-rate: limits.side_stanzas or side_bytes"), "bytes of a side");
    begin(5, 100, 100);
    (void)until_slowed(1);
    pass(100);
    ok(c.slowed, "it is not read before the debt is paid");
    pass(100);
    ok(!c.slowed && until_slowed(1) <= 1, "then it is, and earns no more than its rate");
    ok(lines == 1, "a second slowing within a second makes no second record");
    pass(1000);
    (void)until_slowed(1);
    ok(lines == 2, "one later does");
    return done_testing();
}
