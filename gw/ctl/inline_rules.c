/* SPDX-License-Identifier: GPL-3.0-or-later
 * The packet rules of one side, with comments, made from the configuration. Own tables only; loading them twice is the same
 * as once. One card, one namespace, nothing is ever forwarded: a socket of the edge is the only way on. */
#include <stdlib.h>

#include "inline.h"

/* A cursor with a sticky error, as wire_out is for bytes. */
struct text {
    struct buf *b;
    int err;
};
#define PUT(t, ...) ((t)->err = (t)->err ? (t)->err : buf_printf((t)->b, __VA_ARGS__))

/* ---- ports, and how many connections a source has open ---- */

static void put_ports(struct text *t, const struct gw_side_conf *s)
{
    for (size_t i = 0; i < s->n_ports; i++)
        PUT(t, "%s%u", i ? ", " : "tcp dport { ", s->ports[i]);
    PUT(t, " } ");
}

static void put_open(struct text *t, const struct gw_conf *c)
{
    static const char *const names[] = { "tried4", "tried6", "open4", "open6" };
    if (c->admission.open)
        PUT(t, "    # Connections of each source, open or being opened, before and behind admission; the kernel forgets a source that has none.\n");
    for (size_t i = 0; i < 4 && c->admission.open; i++)
        PUT(t, "    set %s {\n        type ipv%c_addr\n        size 65535\n        flags dynamic\n    }\n%s", names[i], i & 1 ? '6' : '4', i == 3 ? "\n" : "");
}

/* What is in front of admission only marks: it refuses, and writes that down. But a packet that waits in its queue is not yet a connection
 * that the kernel would count, so those of a burst do not see each other there; behind admission, one after the other, they do. A set for
 * each place: the kernel adds a connection twice that comes to one set twice within a tick. */
static void put_crowded(struct text *t, const struct gw_conf *c, const struct gw_side_conf *s, bool admitted)
{
    static const char *const key[] = { "4 { ip saddr", "6 { ip6 saddr & ffff:ffff:ffff:ffff::" };
    for (int i = 0; i < 2 && c->admission.open; i++) {
        PUT(t, "        tcp flags & (fin|syn|rst|ack) == syn ");
        if (!admitted)
            put_ports(t, s);
        PUT(t, "add @%s%s ct count over %u } %s\n", admitted ? "open" : "tried", key[i], (unsigned)c->admission.open,
            admitted ? "counter drop comment \"too many at once; when it tries again admission says so\"" : "meta mark set meta mark | 0x4000");
    }
}

/* ---- where a source may come from: the most specific network of either side, and of each card, decides ---- */

struct origin {
    const struct net_prefix *p;
    const struct gw_card *card;
};

static int by_length(const void *a, const void *b)
{
    const struct origin *x = a, *y = b;
    if (x->p->addr.family != y->p->addr.family)
        return (int)x->p->addr.family - (int)y->p->addr.family;
    return (int)y->p->bits - (int)x->p->bits;
}

static void put_origin(struct text *t, const struct origin *o, const struct gw_card *own)
{
    char text[NET_TEXT_MAX];
    const char *then = o->card == own ? "return" : "goto strange";
    if (o->p->bits == 0)
        PUT(t, "        meta nfproto %s %s\n", o->p->addr.family == 4 ? "ipv4" : "ipv6", then);
    else
        PUT(t, "        %s saddr %s/%u %s\n", o->p->addr.family == 4 ? "ip" : "ip6", net_text(&o->p->addr, text), o->p->bits, then);
}

/* Chains are named by a number, since a card's name need not be one that nft takes: sources, sources2, ... */
static const char *chain_of(const char *word, size_t card, char out[24])
{
    if (card)
        snprintf(out, 24, "%s%zu", word, card + 1);
    else
        snprintf(out, 24, "%s", word);
    return out;
}

static void put_card_sources(struct text *t, const struct gw_side_conf *s, size_t card, const struct origin *v, size_t n)
{
    char name[24];
    PUT(t, "    # Who may speak on %s: hosts of this side%s. The most specific network comes first.\n    chain %s {\n", s->cards[card].interface,
        s->n_cards > 1 ? " that live behind it" : "", chain_of("sources", card, name));
    for (size_t i = 0; i < n; i++)
        put_origin(t, &v[i], &s->cards[card]);
    PUT(t, "        goto strange\n    }\n");
}

static void put_sources(struct text *t, const struct gw_conf *c, enum gw_side side)
{
    const struct gw_side_conf *s[GW_SIDES] = { &c->side[0], &c->side[1] };
    size_t n = 0;
    struct origin *v = calloc(s[0]->n_networks + s[1]->n_networks + 1, sizeof *v);
    if (!v) {
        t->err = GW_ERR(NOMEM);
        return;
    }
    for (int i = 0; i < GW_SIDES; i++)
        for (size_t k = 0; k < s[i]->n_cards; k++)
            for (size_t j = 0; j < s[i]->cards[k].n_networks; j++)
                v[n++] = (struct origin){ &s[i]->cards[k].networks[j], &s[i]->cards[k] };
    qsort(v, n, sizeof *v, by_length);
    for (size_t i = 0; i < s[side]->n_cards; i++)
        put_card_sources(t, s[side], i, v, n);
    PUT(t, "    chain strange {\n        counter meta mark set meta mark | 0x8020 comment \"a source that does not live %s\"\n    }\n\n",
        s[side]->n_cards > 1 ? "behind this card" : "on this side");
    free(v);
}

/* ---- resolvers: their answers are let in to the sockets that asked ---- */

static void put_dns(struct text *t, const struct gw_side_conf *s)
{
    char text[NET_TEXT_MAX];
    for (size_t i = 0; i < s->n_dns; i++) {
        const char *ip = s->dns[i].family == 4 ? "ip" : "ip6";
        PUT(t, "        %s saddr %s udp sport %u ct mark & 0xf00 == 0x100 meta mark set meta mark | 0x1 return comment \"answers of the resolver\"\n",
            ip, net_text(&s->dns[i], text), s->dns[i].port);
    }
}

/* ---- services that the gateway answers in the place of the other side ---- */

static void put_services(struct text *t, const struct gw_conf *c, enum gw_side side, bool answers)
{
    char a[NET_TEXT_MAX];
    for (size_t i = 0; i < c->n_services; i++) {
        const struct gw_service *s = &c->services[i];
        const char *ip = s->address.family == 4 ? "ip" : "ip6", *icmp = s->address.family == 4 ? "icmp" : "icmpv6";
        if (s->side != side)
            continue;
        PUT(t, answers ? "        meta mark & 0x2000 == 0x2000 %s saddr %s " : "        %s daddr %s ", ip, net_text(&s->address, a));
        if (s->kind == GW_SERVICE_ECHO)
            PUT(t, "%s type echo-%s ", icmp, answers ? "reply" : "request");
        else
            PUT(t, "udp %s %u ", answers ? "sport" : "dport", s->address.port);
        if (answers)
            PUT(t, "accept comment \"%s\"\n", gw_service_name(s->kind));
        else
            PUT(t, "meta mark set meta mark | 0x1 return comment \"%s: the responder's\"\n", gw_service_name(s->kind));
    }
    if (answers && gw_conf_has_service(c, side))
        PUT(t, "        meta mark & 0x2000 == 0x2000 counter drop comment \"a responder answers, and does nothing else\"\n");
}

/* ---- the three steps of a packet that arrives ---- */

/* "g-lo" or { "g-lo", "g-lo2" } */
static void put_cards(struct text *t, const struct gw_side_conf *s)
{
    for (size_t i = 0; i < s->n_cards; i++)
        PUT(t, "%s\"%s\"", i ? ", " : s->n_cards > 1 ? "{ " : "", s->cards[i].interface);
    PUT(t, s->n_cards > 1 ? " }" : "");
}

static void put_jumps(struct text *t, const struct gw_side_conf *s)
{
    char name[24];
    for (size_t i = 0; i < s->n_cards; i++)
        if (s->n_cards > 1)
            PUT(t, "        iifname \"%s\" jump %s\n", s->cards[i].interface, chain_of("sources", i, name));
        else
            PUT(t, "        jump sources\n");
}

static void put_classify(struct text *t, const struct gw_conf *c, enum gw_side side)
{
    const struct gw_side_conf *s = &c->side[side];
    PUT(t, "    # Step 1: what is it? Marks: 0x1 for a socket of ours, 0x10 ask admission, 0x20 only to be written down, 0x40 neighbour\n"
           "    # discovery, 0x100 admitted (admission alone sets it), 0x1000 this gateway's own traffic, 0x2000 its answers to services, 0x4000\n    # too many of its source are open, 0x8000 its source does not live there.\n"
           "    chain classify {\n        type filter hook prerouting priority -160; policy accept;\n"
           "        iifname != ");
    put_cards(t, s);
    PUT(t, " return\n"
           "        meta mark set 0x1000\n"
           "        icmpv6 type { nd-neighbor-solicit, nd-neighbor-advert } ip6 hoplimit 255 meta mark set meta mark | 0x40 return\n");
    put_jumps(t, s);
    PUT(t, "        meta mark & 0x20 == 0x20 return\n");
    put_dns(t, s);
    put_services(t, c, side, false);
    if (c->mode == GW_PROXY)
        PUT(t, "        tcp flags & (fin|syn|rst|ack) != syn ct mark & 0xf00 == 0x100 meta mark set meta mark | 0x1 return\n"
               "        meta l4proto { icmp, icmpv6 } ct state related ct mark & 0xf00 == 0x100 meta mark set meta mark | 0x1 return comment \"path MTU and the like\"\n");
    else
        PUT(t, "        tcp flags & (fin|syn|rst|ack) != syn socket transparent 1 meta mark set meta mark | 0x1 return comment \"never a bare SYN\"\n"
               "        meta l4proto { icmp, icmpv6 } ct state related socket transparent 1 meta mark set meta mark | 0x1 return comment \"path MTU and the like\"\n");
    put_crowded(t, c, s, false);
    PUT(t, "        tcp flags & (fin|syn|rst|ack) == syn ");
    put_ports(t, s);
    PUT(t, "meta mark set meta mark | 0x10 return\n%s"
           "        tcp flags & (fin|syn|rst|ack) != syn ct mark & 0xf00 == 0x100 meta mark set meta mark | 0x100 return comment \"last ACK of a handshake with SYN cookies\"\n"
           "        meta mark set meta mark | 0x20\n    }\n\n",
        c->decoy.on ? "        tcp flags & (fin|syn|rst|ack) == syn meta mark set meta mark | 0x10 return comment \"for the decoy, if admission says so\"\n" : "");
}

/* Several queues: the kernel spreads pairs of addresses over them, both directions alike. */
static void put_ask(struct text *t, const struct gw_conf *c, bool with_queue)
{
    char more[16] = "";
    if (c->admission.queues > 1)
        snprintf(more, sizeof more, "-%d", INLINE_QUEUE_ASK + (int)c->admission.queues - 1);
    PUT(t, "    # Step 2 (priority -150): the queues of lockgate-admission. No bypass: without it nothing is let in.\n");
    if (with_queue)
        PUT(t, "    chain ask {\n        type filter hook prerouting priority -150; policy accept;\n"
               "        meta mark & 0xf0 == 0x10 queue num %d%s\n        meta mark & 0xf0 == 0x20 queue num %d\n    }\n\n",
            INLINE_QUEUE_ASK, more, INLINE_QUEUE_AUDIT);
    else
        PUT(t, "    # This kernel has no nft queue statement; iptables-nft hangs the NFQUEUE target in here (mangle PREROUTING).\n\n");
}

static void put_enforce(struct text *t, const struct gw_conf *c, const struct gw_side_conf *s)
{
    PUT(t, "    # Step 3: what has no permission by now is dropped.\n"
           "    chain enforce {\n        type filter hook prerouting priority -140; policy drop;\n"
           "        iifname \"lo\" accept\n"
           "        meta mark & 0x40 == 0x40 accept\n"
           "        meta mark & 0x1 == 0x1 accept\n"
           "        meta mark & 0xf00 == 0x100 ");
    put_ports(t, s);
    PUT(t, "jump admitted\n%s"
           "        # The middle of a connection that nobody here knows (a state lost, a standby that took over): admission says so, and its\n"
           "        # host is told at once, by a reset in the far host's name.\n"
           "        meta mark & 0xf00 == 0x400 meta l4proto tcp limit rate 500/second counter reject with tcp reset\n"
           "        counter\n    }\n"
           "    chain admitted {\n", c->decoy.on ? "        meta mark & 0xf00 == 0x200 meta l4proto tcp jump probed\n" : "");
    put_crowded(t, c, s, true);
    PUT(t, "        ct mark set ct mark | 0x100\n");
    if (c->mode == GW_PROXY)
        PUT(t, "        accept\n    }\n\n");
    else
        PUT(t, "        meta nfproto ipv4 meta l4proto tcp tproxy ip to 127.0.0.1:%u meta mark set meta mark | 0x1 accept\n"
               "        meta nfproto ipv6 meta l4proto tcp tproxy ip6 to [::1]:%u meta mark set meta mark | 0x1 accept\n    }\n\n",
            GW_TPROXY_PORT, GW_TPROXY_PORT);
    if (c->decoy.on)
        PUT(t, "    # The decoy takes these, names what is spoken and closes; nothing of them goes onward.\n    chain probed {\n"
               "        meta nfproto ipv4 meta l4proto tcp tproxy ip to 127.0.0.1:%u meta mark set meta mark | 0x1 accept\n"
               "        meta nfproto ipv6 meta l4proto tcp tproxy ip6 to [::1]:%u meta mark set meta mark | 0x1 accept\n    }\n\n",
            GW_DECOY_PORT, GW_DECOY_PORT);
}

/* An edge holds a UDP socket for questions to its resolvers; sendmsg could name another host, so the card takes UDP to them alone. */
static void put_udp(struct text *t, const struct gw_side_conf *s)
{
    for (size_t i = 0; i < s->n_dns; i++) {
        char a[NET_TEXT_MAX];
        PUT(t, "        meta mark & 0x1000 == 0x1000 %s daddr %s udp dport %u ct mark set ct mark | 0x100 accept\n", s->dns[i].family == 6 ? "ip6" : "ip",
            net_text(&s->dns[i], a), s->dns[i].port);
    }
    PUT(t, "        meta l4proto udp counter drop\n");
}

static void put_leave(struct text *t, const struct gw_conf *c, enum gw_side side)
{
    PUT(t, "    # What leaves: sockets that the parent made, the kernel's answers to marked packets (fwmark_reflect), neighbour discovery.\n"
           "    chain leave {\n        type filter hook output priority 0; policy drop;\n"
           "        oifname \"lo\" accept\n");
    put_services(t, c, side, true);
    put_udp(t, &c->side[side]);
    PUT(t, "        meta mark & 0x1000 == 0x1000 ct mark set ct mark | 0x100\n"
           "        meta mark & 0x1000 == 0x1000 accept comment \"also what is not tracked: a reset for a lost connection\"\n"
           "        icmpv6 type { nd-neighbor-solicit, nd-neighbor-advert, mld-listener-report, mld2-listener-report } accept\n"
           "        counter\n    }\n"
           "    chain never_forward {\n        type filter hook forward priority -1000; policy drop;\n        counter\n    }\n}\n");
}

int inline_rules(const struct gw_conf *c, enum gw_side side, bool with_queue, struct buf *out)
{
    static const char *const modes[] = { "bridge", "routed", "proxy" };
    const struct gw_side_conf *s = &c->side[side];
    struct text t = { out, 0 };
    PUT(&t, "# Lockgate: packet rules of side %s (mode %s, card%s ", gw_side_name(side), modes[c->mode], s->n_cards > 1 ? "s" : "");
    for (size_t i = 0; i < s->n_cards; i++)
        PUT(&t, "%s%s", i ? ", " : "", s->cards[i].interface);
    PUT(&t, " in namespace %s), made by `lockgate inline`.\n"
            "# Nothing is forwarded%s. What arrives goes through three steps: classify, ask, enforce.\n"
            "table inet " INLINE_TABLE "\ndelete table inet " INLINE_TABLE "\ntable inet " INLINE_TABLE " {\n",
        s->namespace_, s->n_cards > 1 ? ", not from one card to another either" : "");
    put_open(&t, c);
    put_sources(&t, c, side);
    put_classify(&t, c, side);
    put_ask(&t, c, with_queue);
    put_enforce(&t, c, s);
    put_leave(&t, c, side);
    return t.err;
}

static void put_arrive(struct text *t, const char *word, size_t card, const char *device)
{
    char name[24];
    PUT(t, "    chain %s {\n        type filter hook ingress device \"%s\" priority -500; policy drop;\n", chain_of(word, card, name), device);
}

static void put_rest(struct text *t, enum gw_side side)
{
    PUT(t, "        counter log prefix \"lockgate %s \" group %d\n    }\n", gw_side_name(side), INLINE_NFLOG_GROUP);
}

/* With VLANs the device takes their frames alone, and each one's port what they hold. */
int inline_card_rules(const struct gw_conf *c, enum gw_side side, struct buf *out)
{
    const struct gw_side_conf *s = &c->side[side];
    struct text t = { out, 0 };
    PUT(&t, "# Frames that are neither IP nor ARP (VLAN tags that nobody named, STP, PPPoE, LLDP ...) end at the card and are logged.\n"
            "table netdev " INLINE_TABLE "\ndelete table netdev " INLINE_TABLE "\ntable netdev " INLINE_TABLE " {\n");
    for (size_t i = 0; i < s->n_cards; i++) {
        const struct gw_card *card = &s->cards[i];
        if (card->vlan && inline_first(s, i)) {
            put_arrive(&t, "card", i, card->device);
            for (size_t k = i; k < s->n_cards; k++)
                if (strcmp(s->cards[k].device, card->device) == 0)
                    PUT(&t, "        vlan id %u vlan type { ip, arp, ip6 } accept\n", s->cards[k].vlan);
            put_rest(&t, side);
        }
        put_arrive(&t, "arrive", i, card->interface);
        PUT(&t, "        ether type { ip, arp, ip6 } accept\n");
        put_rest(&t, side);
    }
    PUT(&t, "}\n");
    return t.err;
}
