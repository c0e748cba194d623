/* SPDX-License-Identifier: GPL-3.0-or-later
 * Of many pairs of domains each is found by its names, and nothing else is. */
// link: ipc base
// libs: -luv -lconfig
#include "../../gw/edge/pair.c"

#include "tap.h"

/* ---- what pair.c calls and this test does not ask for ---- */
void dial_init(struct dial *d, struct edge *e, struct str ours, struct str theirs) { (void)d, (void)e, (void)ours, (void)theirs; }
void dial_add(struct dial *d, const struct net_addr *to, enum gw_tls_mode tls) { (void)d, (void)to, (void)tls; }
void dial_add_last(struct dial *d, const struct net_addr *to, enum gw_tls_mode tls) { (void)d, (void)to, (void)tls; }
void dial_from(struct dial *d, const struct net_addr *from) { (void)d, (void)from; }
void dial_next(struct dial *d) { (void)d; }
void dial_cancel(struct dial *d) { (void)d; }
void route_failed(struct edge *e, struct str domain, const struct gw_target *t, enum gw_reason why) { (void)e, (void)domain, (void)t, (void)why; }
void orders_settle(struct edge *e, struct order *o, enum gw_reason reason) { (void)e, (void)o, (void)reason; }
int outbound_open(struct pair *p, int fd, const struct gw_target *t) { return (void)p, (void)fd, (void)t, 0; }
void outbound_feed(struct outbound *o) { (void)o; }
void inbound_credit(struct inbound *in) { (void)in; }

#define DOMAINS 40
static struct gw_domain high[DOMAINS], low[DOMAINS];
static struct gw_pair pairs[DOMAINS * DOMAINS];
static char names[2][DOMAINS][40];

static struct str name(enum gw_side side, size_t i) { return str_c(names[side][i]); }

int main(void)
{
    struct gw_conf conf = { .pairs = pairs };
    struct edge e = { .conf = &conf, .side = GW_HIGH };
    size_t right = 0, wrong = 0;
    for (size_t i = 0; i < DOMAINS; i++) {
        for (int side = 0; side < GW_SIDES; side++) /* of several lengths */
            snprintf(names[side][i], sizeof names[side][i], "%.*s%zu.%s.example", (int)(i % 5), "ddddd", i * 7 % DOMAINS, side == GW_HIGH ? "high" : "low");
        high[i].name = name(GW_HIGH, i);
        low[i].name = name(GW_LOW, i);
    }
    conf.side[GW_HIGH].domains = high;
    conf.side[GW_LOW].domains = low;
    conf.side[GW_HIGH].n_domains = conf.side[GW_LOW].n_domains = DOMAINS;
    for (size_t i = 0; i < DOMAINS; i++)
        for (size_t k = 0; k < DOMAINS; k++) /* every second one is allowed */
            if ((i + k) % 2)
                pairs[conf.n_pairs++] = (struct gw_pair){ { name(GW_HIGH, i), name(GW_LOW, k) } };
    if (!ok(pairs_init(&e) == 0 && e.n_pairs == DOMAINS * DOMAINS / 2, "%zu pairs", e.n_pairs))
        return done_testing();
    for (size_t i = 0; i < DOMAINS; i++)
        for (size_t k = 0; k < DOMAINS; k++) {
            const struct pair *p = pair_find(&e, name(GW_LOW, k), name(GW_HIGH, i));
            bool allowed = (i + k) % 2;
            if (allowed ? p && str_eq(p->ours, name(GW_LOW, k)) && str_eq(p->theirs, name(GW_HIGH, i)) : !p)
                right++;
            else
                wrong++;
        }
    ok(right == DOMAINS * DOMAINS && wrong == 0, "each allowed pair is found, no other is");
    ok(!pair_find(&e, name(GW_HIGH, 0), name(GW_LOW, 1)) && !pair_find(&e, STR_NONE, name(GW_HIGH, 1)) && !pair_find(&e, name(GW_LOW, 0), STR("")) &&
        !pair_find(&e, STR("d"), STR("zzzzzzzzzzzzzzzzzzzzzzzzzz.example")), "not the other way round, not without a name, not a strange one");
    free(e.pairs);
    free(e.pairs_by_name);
    free(e.domain_rate);
    return done_testing();
}
