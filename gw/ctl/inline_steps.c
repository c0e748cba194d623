/* SPDX-License-Identifier: GPL-3.0-or-later
 * The steps of `lockgate inline up` and `down` for one side. Rules stand before the card comes up, and go after it went down. */
#include <stdarg.h>
#include <stdio.h>
#include <unistd.h>

#include "inline.h"

#define RULES_MAX (8u << 20)

void steps_init(struct steps *s)
{
    memset(s, 0, sizeof *s);
    arena_init(&s->a, 32u << 20);
}

void steps_clear(struct steps *s)
{
    arena_clear(&s->a);
}

static struct step *add(struct steps *s, enum step_kind kind, bool inside)
{
    static struct step spare;
    if (s->n == STEPS_MAX)
        s->err = s->err ? s->err : GW_ERR(LIMIT);
    struct step *st = s->n == STEPS_MAX ? &spare : &s->v[s->n++];
    memset(st, 0, sizeof *st);
    st->kind = kind;
    st->inside = inside;
    return st;
}

static char *keep(struct steps *s, struct str text)
{
    struct str c = arena_str(&s->a, text);
    if (!c.p)
        s->err = GW_ERR(NOMEM);
    return (char *)(uintptr_t)c.p;
}

/* A command as one format string; its words are separated by single spaces (no value here has a space). */
static struct step *run(struct steps *s, bool inside, const char *fmt, ...) __attribute__((format(printf, 3, 4)));
static struct step *run(struct steps *s, bool inside, const char *fmt, ...)
{
    char line[1024], *save = NULL;
    size_t n = 0;
    va_list ap;
    va_start(ap, fmt);
    if (vsnprintf(line, sizeof line, fmt, ap) >= (int)sizeof line)
        s->err = GW_ERR(LIMIT);
    va_end(ap);
    struct step *st = add(s, STEP_RUN, inside);
    for (char *w = strtok_r(line, " ", &save); w && n < STEP_ARGS; w = strtok_r(NULL, " ", &save))
        st->args[n++] = keep(s, str_c(w));
    return st;
}

static void note(struct steps *s, const char *text)
{
    add(s, STEP_NOTE, false)->args[0] = keep(s, str_c(text));
}

static struct step *sysctl(struct steps *s, const char *value, const char *fmt, ...) __attribute__((format(printf, 3, 4)));
static struct step *sysctl(struct steps *s, const char *value, const char *fmt, ...)
{
    char path[256];
    va_list ap;
    va_start(ap, fmt);
    vsnprintf(path, sizeof path, fmt, ap);
    va_end(ap);
    struct step *st = add(s, STEP_SYSCTL, true);
    st->args[0] = keep(s, str_c(path));
    st->args[1] = keep(s, str_c(value));
    return st;
}

static void feed_rules(struct steps *s, int (*make)(const struct gw_conf *, enum gw_side, struct buf *), const struct gw_conf *c,
    enum gw_side side)
{
    struct buf b;
    buf_init(&b, RULES_MAX);
    int e = make(c, side, &b);
    struct step *st = run(s, true, "nft -f -");
    st->kind = STEP_FEED;
    st->feed = arena_str(&s->a, buf_str(&b));
    if (e || !st->feed.p)
        s->err = e ? e : GW_ERR(NOMEM);
    buf_clear(&b);
}

static int rules_with(const struct gw_conf *c, enum gw_side side, struct buf *b)
{
    return inline_rules(c, side, true, b);
}

static int rules_without(const struct gw_conf *c, enum gw_side side, struct buf *b)
{
    return inline_rules(c, side, false, b);
}

/* ---- parts ---- */

static const char *flag(const struct net_addr *a)
{
    return a->family == 4 ? "-4" : "-6";
}

/* The NFQUEUE target where nft has no queue statement: delete and append, so that there is one of each. */
static void xt_queue(struct steps *s, const struct gw_conf *c, bool up)
{
    static const char *const tools[] = { "iptables-nft", "ip6tables-nft" };
    char ask[40], audit[40];
    const struct {
        const char *mark, *queue;
    } q[] = { { "0x10/0xf0", ask }, { "0x20/0xf0", audit } };
    if (c->admission.queues > 1)
        snprintf(ask, sizeof ask, "--queue-balance %d:%d", INLINE_QUEUE_ASK, INLINE_QUEUE_ASK + (int)c->admission.queues - 1);
    else
        snprintf(ask, sizeof ask, "--queue-num %d", INLINE_QUEUE_ASK);
    snprintf(audit, sizeof audit, "--queue-num %d", INLINE_QUEUE_AUDIT);
    for (int t = 0; t < 2; t++)
        for (int i = 0; i < 2; i++) {
            run(s, true, "%s -t mangle -D PREROUTING -m mark --mark %s -j NFQUEUE %s", tools[t], q[i].mark, q[i].queue)->may_fail = true;
            if (up)
                run(s, true, "%s -t mangle -A PREROUTING -m mark --mark %s -j NFQUEUE %s", tools[t], q[i].mark, q[i].queue);
        }
}

static void settings(struct steps *s)
{
    static const char *const zero[] = { "net/ipv4/ip_forward", "net/ipv4/conf/all/src_valid_mark", "net/ipv4/tcp_fwmark_accept",
        "net/ipv4/conf/all/send_redirects", "net/ipv4/conf/default/send_redirects", "net/ipv4/conf/all/accept_redirects",
        "net/ipv4/conf/default/accept_redirects", "net/ipv4/conf/all/accept_source_route" };
    static const char *const zero6[] = { "net/ipv6/conf/all/forwarding", "net/ipv6/conf/all/accept_ra", "net/ipv6/conf/default/accept_ra",
        "net/ipv6/conf/all/accept_redirects", "net/ipv6/conf/default/accept_redirects" };
    static const char *const one[] = { "net/ipv4/conf/all/rp_filter", "net/ipv4/conf/default/rp_filter", "net/ipv4/conf/all/arp_ignore",
        "net/ipv4/fwmark_reflect", "net/ipv4/icmp_echo_ignore_all" };
    for (size_t i = 0; i < sizeof zero / sizeof zero[0]; i++)
        sysctl(s, "0", "%s", zero[i]);
    for (size_t i = 0; i < sizeof zero6 / sizeof zero6[0]; i++)
        sysctl(s, "0", "%s", zero6[i])->may_fail = true; /* a kernel without IPv6 */
    for (size_t i = 0; i < sizeof one / sizeof one[0]; i++)
        sysctl(s, "1", "%s", one[i]);
    sysctl(s, "1", "net/ipv6/fwmark_reflect")->may_fail = true;
    sysctl(s, "1", "net/ipv6/icmp/echo_ignore_all")->may_fail = true;
    sysctl(s, "0", "net/netfilter/nf_conntrack_tcp_loose")->may_fail = true;
    sysctl(s, "10", "net/netfilter/nf_conntrack_tcp_timeout_syn_recv")->may_fail = true; /* half open ones count as open: not for long */
}

static void card_settings(struct steps *s, const char *card)
{
    sysctl(s, "1", "net/ipv4/conf/%s/rp_filter", card);
    sysctl(s, "0", "net/ipv4/conf/%s/accept_redirects", card);
    sysctl(s, "0", "net/ipv4/conf/%s/send_redirects", card);
    sysctl(s, "0", "net/ipv6/conf/%s/accept_ra", card)->may_fail = true;
    sysctl(s, "0", "net/ipv6/conf/%s/accept_redirects", card)->may_fail = true;
    sysctl(s, "0", "net/ipv6/conf/%s/accept_dad", card)->may_fail = true; /* addresses are ready when the card is up */
}

static void addresses(struct steps *s, const struct gw_conf *c, const struct gw_card *d)
{
    char text[NET_TEXT_MAX];
    for (size_t i = 0; i < d->n_addresses && c->mode != GW_BRIDGE; i++)
        run(s, true, "ip %s addr replace %s/%u dev %s%s", flag(&d->addresses[i].addr), net_text(&d->addresses[i].addr, text),
            d->addresses[i].bits, d->interface, d->addresses[i].addr.family == 6 ? " nodad" : "");
}

static bool has_router(const struct gw_card *d, const struct net_prefix *network)
{
    for (size_t i = 0; i < d->n_routes; i++)
        if (d->routes[i].to.bits == network->bits && net_in(&d->routes[i].to.addr, network))
            return true;
    return false;
}

/* In bridge mode the card has no IPv4 address: its hosts are reached over link routes, and "onlink" lets a router be one of them. */
static void routes(struct steps *s, const struct gw_conf *c, const struct gw_card *d)
{
    char to[NET_TEXT_MAX], via[NET_TEXT_MAX];
    for (size_t i = 0; i < d->n_networks && c->mode == GW_BRIDGE; i++)
        if (!has_router(d, &d->networks[i]))
            run(s, true, "ip %s route replace %s/%u dev %s", flag(&d->networks[i].addr), net_text(&d->networks[i].addr, to),
                d->networks[i].bits, d->interface);
    for (size_t i = 0; i < d->n_routes; i++)
        run(s, true, "ip %s route replace %s/%u via %s dev %s%s", flag(&d->routes[i].to.addr), net_text(&d->routes[i].to.addr, to),
            d->routes[i].to.bits, net_text(&d->routes[i].via, via), d->interface, c->mode == GW_BRIDGE ? " onlink" : "");
}

/* Marked packets of these cards are for us, whatever their address. "iif": what we send ourselves never matches. n: cards; for down, as
 * many as ever were. */
static void policy_routing(struct steps *s, const struct gw_side_conf *d, size_t n, bool up)
{
    for (int f = 4; f <= 6; f += 2) {
        const char *all = f == 4 ? "0.0.0.0/0" : "::/0";
        for (size_t i = 0; i < n; i++) {
            int pref = INLINE_RULE_PREF + (int)i;
            run(s, true, "ip -%d rule del pref %d", f, pref)->may_fail = true;
            if (up)
                run(s, true, "ip -%d rule add pref %d iif %s fwmark 0x1/0x1 lookup %d", f, pref, d->cards[i].interface, INLINE_ROUTES);
        }
        if (up)
            run(s, true, "ip -%d route replace local %s dev lo table %d", f, all, INLINE_ROUTES);
        else
            run(s, true, "ip -%d route del local %s dev lo table %d", f, all, INLINE_ROUTES)->may_fail = true;
    }
}

/* Under a VLAN's port: no address of its own, not even one that IPv6 makes. */
static void bare_card(struct steps *s, const char *card)
{
    sysctl(s, "1", "net/ipv6/conf/%s/disable_ipv6", card)->may_fail = true;
    run(s, true, "ip link set %s up", card);
}

/* ---- up and down ---- */

void inline_up(const struct gw_conf *c, enum gw_side side, const struct inline_facts *f, struct steps *ret)
{
    const struct gw_side_conf *d = &c->side[side];
    if (f->make_namespace)
        run(ret, false, "ip netns add %s", d->namespace_);
    run(ret, true, "ip link set lo up");
    note(ret, "rules first: nothing may cross while the rest is made");
    feed_rules(ret, f->with_queue ? rules_with : rules_without, c, side);
    if (!f->with_queue)
        xt_queue(ret, c, true);
    for (size_t i = 0; i < f->n_moved; i++)
        run(ret, false, "ip link set %s netns %s", f->moved[i], d->namespace_);
    for (size_t i = 0; i < d->n_cards; i++)
        if (f->make_port[i])
            run(ret, true, "ip link add link %s name %s type vlan id %u", d->cards[i].device, d->cards[i].interface, d->cards[i].vlan);
    feed_rules(ret, inline_card_rules, c, side);
    settings(ret);
    for (size_t i = 0; i < d->n_cards; i++) {
        card_settings(ret, d->cards[i].interface);
        if (d->cards[i].vlan && inline_first(d, i))
            bare_card(ret, d->cards[i].device);
    }
    if (c->mode != GW_PROXY)
        policy_routing(ret, d, d->n_cards, true);
    inline_active(c, side, ret);
}

void inline_active(const struct gw_conf *c, enum gw_side side, struct steps *ret)
{
    const struct gw_side_conf *d = &c->side[side];
    for (size_t i = 0; i < d->n_cards; i++) {
        addresses(ret, c, &d->cards[i]);
        run(ret, true, "ip link set %s up", d->cards[i].interface);
        routes(ret, c, &d->cards[i]);
    }
}

void inline_standby(const struct gw_conf *c, enum gw_side side, struct steps *ret)
{
    for (size_t i = 0; i < c->side[side].n_cards; i++)
        run(ret, true, "ip link set %s down", c->side[side].cards[i].interface);
}

static void card_down(struct steps *s, const struct gw_conf *c, const struct gw_card *d)
{
    char text[NET_TEXT_MAX];
    run(s, true, "ip link set %s down", d->interface)->may_fail = true;
    for (size_t i = 0; i < d->n_addresses && c->mode != GW_BRIDGE; i++)
        run(s, true, "ip %s addr del %s/%u dev %s", flag(&d->addresses[i].addr), net_text(&d->addresses[i].addr, text),
            d->addresses[i].bits, d->interface)->may_fail = true;
    if (d->vlan)
        run(s, true, "ip link del %s", d->interface)->may_fail = true;
}

void inline_down(const struct gw_conf *c, enum gw_side side, const struct inline_facts *f, struct steps *ret)
{
    const struct gw_side_conf *d = &c->side[side];
    for (size_t i = 0; i < d->n_cards; i++)
        card_down(ret, c, &d->cards[i]);
    if (c->mode != GW_PROXY)
        policy_routing(ret, d, f->n_cards, false);
    for (size_t i = 0; i < d->n_cards; i++)
        if (d->cards[i].vlan && inline_first(d, i)) {
            run(ret, true, "ip link set %s down", d->cards[i].device)->may_fail = true;
            sysctl(ret, "0", "net/ipv6/conf/%s/disable_ipv6", d->cards[i].device)->may_fail = true;
        }
    for (size_t i = 0; i < f->n_moved; i++) /* back to where the caller is */
        run(ret, true, "ip link set %s netns %d", f->moved[i], (int)getpid())->may_fail = true;
    run(ret, true, "nft delete table netdev " INLINE_TABLE)->may_fail = true;
    if (!f->with_queue)
        xt_queue(ret, c, false);
    run(ret, true, "nft delete table inet " INLINE_TABLE)->may_fail = true;
    if (f->make_namespace)
        run(ret, false, "ip netns del %s", d->namespace_)->may_fail = true;
}
