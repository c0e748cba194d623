/* SPDX-License-Identifier: GPL-3.0-or-later
 * The cards of one side: one that the side's own group describes, or the list `interfaces`. Each has its own addresses, networks and
 * routes; a host lives behind one card, and the packet rules hold it to that. */
#include <ctype.h>

#include "gwconf_raw.h"

static const char *const side_word[GW_SIDES] = { "high", "low" };

/* ---- values ---- */

void gwconf_address(struct gwconf_reader *r, const char *text, unsigned line, const char *what, struct net_addr *ret)
{
    if (net_parse(text, ret) < 0)
        gwconf_mistake(r, CONF_ERROR, line, "%s: \"%s\" is not an address; allowed: an IPv4 address (10.0.0.1) or an IPv6 address (fd00::1)",
            what, text);
}

void gwconf_word(struct gwconf_reader *r, const char *what, const char *z, unsigned line)
{
    if (!z || !z[0])
        return;
    for (const char *p = z; *p; p++) {
        if (isalnum((unsigned char)*p) || (p > z && strchr("-_.", *p)))
            continue;
        gwconf_mistake(r, CONF_ERROR, line, "%s \"%s\": allowed are letters and digits, then also - _ and .", what, z);
        return;
    }
}

/* The network of a prefix: host bits zeroed. */
static struct net_prefix masked(struct net_prefix p)
{
    for (unsigned i = 0; i < 16; i++) {
        unsigned keep = p.bits > i * 8 ? p.bits - i * 8 : 0;

        if (keep < 8)
            p.addr.addr[i] = (uint8_t)(p.addr.addr[i] & (0xff00u >> keep));
    }
    return p;
}

static bool overlap(const struct net_prefix *a, const struct net_prefix *b)
{
    return a->bits <= b->bits ? net_in(&b->addr, a) : net_in(&a->addr, b);
}

/* network: host bits must be zero. false after a mistake. */
static bool read_prefix(struct gwconf_reader *r, const char *text, unsigned line, const char *what, bool network, struct net_prefix *ret)
{
    struct net_prefix p, m;
    char host[NET_TEXT_MAX];

    if (net_parse_prefix(text, &p) < 0) {
        gwconf_mistake(r, CONF_ERROR, line, "%s: \"%s\" is not %s; allowed: address/length, as in 10.0.0.%s/24 or fd00::%s/64", what, text,
            network ? "a network" : "an address with its prefix length", network ? "0" : "1", network ? "" : "1");
        return false;
    }
    m = masked(p);
    if (network && memcmp(m.addr.addr, p.addr.addr, sizeof m.addr.addr) != 0) {
        gwconf_mistake(r, CONF_ERROR, line, "%s: \"%s\" has bits set behind its prefix length; did you mean \"%s/%u\"?", what, text,
            net_text(&m.addr, host), m.bits);
        return false;
    }
    *ret = p;
    return true;
}

static size_t read_prefixes(struct gwconf_reader *r, const struct conf_strings *from, const char *what, bool network, struct net_prefix *to)
{
    size_t n = 0;

    for (size_t i = 0; i < from->n; i++)
        n += read_prefix(r, from->v[i], from->lines[i], what, network, &to[n]);
    return n;
}

/* The router's host is one that the card reaches without it: in a subnet of the card's addresses; in bridge mode, where the card has none, in
 * one of the networks that are behind the card. */
static bool is_near(const struct gwconf_reader *r, const struct gw_card *card, const struct net_addr *via)
{
    bool bridge = r->raw->gateway.mode == GW_BRIDGE;
    const struct net_prefix *p = bridge ? card->networks : card->addresses;
    size_t n = bridge ? card->n_networks : card->n_addresses;

    for (size_t i = 0; i < n; i++)
        if (net_in(via, &p[i]))
            return true;
    return false;
}

static void far_router(struct gwconf_reader *r, enum gw_side side, const struct raw_card *raw, const struct raw_route *from)
{
    bool alone = raw == &r->raw->side[side].card;

    if (r->raw->gateway.mode == GW_BRIDGE && alone)
        gwconf_mistake(r, CONF_ERROR, from->where.line, "via %s is in none of %s.networks; in bridge mode a router is a host of this side, as all that are reached without one",
            from->via, side_word[side]);
    else if (r->raw->gateway.mode == GW_BRIDGE)
        gwconf_mistake(r, CONF_ERROR, from->where.line, "via %s is in none of the networks of %s; in bridge mode a router is a host behind the card", from->via, raw->name);
    else if (alone)
        gwconf_mistake(r, CONF_ERROR, from->where.line, "via %s is in no subnet of %s.addresses, so it cannot be reached", from->via, side_word[side]);
    else
        gwconf_mistake(r, CONF_ERROR, from->where.line, "via %s is in no subnet of the addresses of %s, so it cannot be reached over it", from->via, raw->name);
}

static void read_routes(struct gwconf_reader *r, enum gw_side side, const struct raw_card *raw, struct gw_card *card)
{
    const struct raw_route *from = raw->routes.v;

    for (size_t i = 0; i < raw->routes.n; i++) {
        struct gw_route *to = &card->routes[card->n_routes];

        if (!from[i].to || !from[i].via || !read_prefix(r, from[i].to, from[i].where.line, "to", true, &to->to))
            continue;
        gwconf_address(r, from[i].via, from[i].where.line, "via", &to->via);
        if (to->via.family == 0)
            continue;
        if (to->via.family != to->to.addr.family)
            gwconf_mistake(r, CONF_ERROR, from[i].where.line, "to and via must both be IPv4 or both IPv6");
        else if (!is_near(r, card, &to->via))
            far_router(r, side, raw, &from[i]);
        else
            card->n_routes++;
    }
}

/* ---- cards ---- */

/* The port of the VLAN is made by `lockgate inline up`; its name must fit the kernel's 15 bytes. */
static void set_vlan(struct gwconf_reader *r, struct gw_card *card, const struct raw_card *raw)
{
    size_t n = strlen(card->device) + 6;
    char *name = gwconf_take(r, n, 1);

    if (!name)
        return;
    card->vlan = (uint16_t)raw->vlan;
    snprintf(name, n, "%s.%u", card->device, card->vlan);
    card->interface = name;
    if (strlen(name) > 15)
        gwconf_mistake(r, CONF_ERROR, raw->where.line, "vlan: the port would be called \"%s\", and a name has at most 15 bytes: give the card a shorter one", name);
}

/* The pieces of the side's arrays that are this card's begin where those of the card before it end. */
static void read_card(struct gwconf_reader *r, enum gw_side side, const struct raw_card *raw, struct gw_card *card)
{
    struct gw_side_conf *s = &r->c->side[side];

    card->line = raw->where.line ? raw->where.line : r->raw->side[side].where.line;
    card->interface = card->device = raw->name;
    gwconf_word(r, "interface", raw->name, card->line);
    if (raw->vlan && card->device)
        set_vlan(r, card, raw);
    card->addresses = s->addresses + s->n_addresses;
    card->networks = s->networks + s->n_networks;
    card->routes = s->routes + s->n_routes;
    card->n_addresses = read_prefixes(r, &raw->addresses, "addresses", false, card->addresses);
    card->n_networks = read_prefixes(r, &raw->networks, "networks", true, card->networks);
    read_routes(r, side, raw, card);
    s->n_addresses += card->n_addresses;
    s->n_networks += card->n_networks;
    s->n_routes += card->n_routes;
}

void gwconf_cards(struct gwconf_reader *r, enum gw_side side)
{
    const struct raw_side *raw = &r->raw->side[side];
    const struct raw_card *from = raw->cards.n ? raw->cards.v : &raw->card;
    struct gw_side_conf *s = &r->c->side[side];
    size_t n = raw->cards.n ? raw->cards.n : 1, addresses = 0, networks = 0, routes = 0;

    for (size_t i = 0; i < n; i++) {
        addresses += from[i].addresses.n;
        networks += from[i].networks.n;
        routes += from[i].routes.n;
    }
    s->cards = gwconf_take(r, n, sizeof *s->cards);
    s->addresses = gwconf_take(r, addresses, sizeof *s->addresses);
    s->networks = gwconf_take(r, networks, sizeof *s->networks);
    s->routes = gwconf_take(r, routes, sizeof *s->routes);
    for (; r->fatal == 0 && s->n_cards < n; s->n_cards++)
        read_card(r, side, &from[s->n_cards], &s->cards[s->n_cards]);
}

/* ---- whether they fit each other ---- */

/* One device twice: on two sides never; on one side as ports of different VLANs, so that each frame belongs to one of them. */
static void check_devices(struct gwconf_reader *r, enum gw_side side, const struct gw_card *card, size_t before)
{
    const struct gw_side_conf *s = &r->c->side[side], *high = &r->c->side[GW_HIGH];

    for (size_t i = 0; i < before; i++) {
        const struct gw_card *other = &s->cards[i];

        if (strcmp(card->device, other->device) == 0 && (!card->vlan || !other->vlan || card->vlan == other->vlan))
            gwconf_mistake(r, CONF_ERROR, card->line, "interface \"%s\" stands here twice (the first is in line %u); allowed with a VLAN of its own each time",
                card->device, other->line);
        else if (strcmp(card->interface, other->interface) == 0)
            gwconf_mistake(r, CONF_ERROR, card->line, "the port of the VLAN would be called \"%s\", as the card in line %u is", card->interface, other->line);
    }
    for (size_t i = 0; side == GW_LOW && i < high->n_cards; i++)
        if (strcmp(card->device, high->cards[i].device) == 0) {
            gwconf_mistake(r, CONF_ERROR, card->line, "interface \"%s\" is on both sides; each side has a card of its own", card->device);
            return;
        }
}

/* A host lives behind one card: the kernel's routes know one, and answers over the other would be dropped. */
static void check_pair(struct gwconf_reader *r, const struct gw_card *a, const struct gw_card *b)
{
    char text[NET_TEXT_MAX];

    for (size_t i = 0; i < a->n_networks; i++)
        for (size_t k = 0; k < b->n_networks; k++)
            if (a->networks[i].bits == b->networks[k].bits && overlap(&a->networks[i], &b->networks[k]))
                gwconf_mistake(r, CONF_ERROR, b->line, "networks: %s/%u of %s is behind %s as well (line %u); a host lives behind one card: name the narrower networks",
                    net_text(&b->networks[k].addr, text), b->networks[k].bits, b->interface, a->interface, a->line);
    for (size_t i = 0; i < a->n_addresses; i++)
        for (size_t k = 0; k < b->n_addresses; k++)
            if (overlap(&a->addresses[i], &b->addresses[k]))
                gwconf_mistake(r, CONF_ERROR, b->line, "addresses: %s/%u of %s is in one subnet with an address of %s (line %u); each card has a subnet of its own",
                    net_text(&b->addresses[k].addr, text), b->addresses[k].bits, b->interface, a->interface, a->line);
    for (size_t i = 0; i < a->n_routes; i++)
        for (size_t k = 0; k < b->n_routes; k++)
            if (a->routes[i].to.bits == b->routes[k].to.bits && overlap(&a->routes[i].to, &b->routes[k].to))
                gwconf_mistake(r, CONF_ERROR, b->line, "routes: %s/%u leads over %s and over %s (line %u); one of them must go",
                    net_text(&b->routes[k].to.addr, text), b->routes[k].to.bits, b->interface, a->interface, a->line);
}

/* The card over which the kernel reaches an address, as addresses and routes say; NULL: over none. */
static const struct gw_card *reached_over(const struct gw_side_conf *s, const struct net_addr *to)
{
    const struct gw_card *best = NULL;
    unsigned bits = 0;

    for (size_t i = 0; i < s->n_cards; i++) {
        const struct gw_card *c = &s->cards[i];

        for (size_t k = 0; k < c->n_addresses + c->n_routes; k++) {
            const struct net_prefix *p = k < c->n_addresses ? &c->addresses[k] : &c->routes[k - c->n_addresses].to;

            if (!net_in(to, p) || (best && p->bits < bits))
                continue;
            best = c;
            bits = p->bits;
        }
    }
    return best;
}

static void check_reach(struct gwconf_reader *r, const struct gw_side_conf *s, const struct gw_card *card)
{
    char text[NET_TEXT_MAX];

    for (size_t i = 0; i < card->n_networks; i++) {
        const struct net_prefix *p = &card->networks[i];
        const struct gw_card *way = reached_over(s, &p->addr);

        if (way && way != card && p->bits)
            gwconf_mistake(r, CONF_ERROR, card->line, "networks: %s/%u is behind %s, but addresses and routes lead to it over %s (line %u); give %s a route to it",
                net_text(&p->addr, text), p->bits, card->interface, way->interface, way->line, card->interface);
    }
}

/* In bridge mode networks of both sides, and of several cards, may hold an address: it lives where the narrowest one is. */
static void check_routers(struct gwconf_reader *r, enum gw_side side, const struct gw_card *card)
{
    const struct gw_side_conf *s = &r->c->side[side];
    char text[NET_TEXT_MAX];

    for (size_t i = 0; i < card->n_routes; i++) {
        const struct net_addr *via = &card->routes[i].via;

        if (!gw_conf_in_side(r->c, side, via))
            gwconf_mistake(r, CONF_ERROR, card->line, "routes: via %s lives on side %s, by a narrower network there; a router is a host of this side",
                net_text(via, text), side_word[gw_other(side)]);
        else if (gw_conf_card(s, via) != card)
            gwconf_mistake(r, CONF_ERROR, card->line, "routes: via %s lives behind %s, by a narrower network there; the route belongs to that card", net_text(via, text),
                gw_conf_card(s, via)->interface);
    }
}

void gwconf_check_cards(struct gwconf_reader *r, enum gw_side side)
{
    const struct gw_side_conf *s = &r->c->side[side];
    const struct raw_side *raw = &r->raw->side[side];
    int mode = r->raw->gateway.mode;

    for (size_t i = 0; i < s->n_cards; i++) {
        const struct gw_card *card = &s->cards[i];
        const struct raw_card *from = raw->cards.n ? (const struct raw_card *)raw->cards.v + i : &raw->card;

        if (card->device && card->device[0])
            check_devices(r, side, card, i);
        if (mode == GW_BRIDGE && from->addresses.n > 0)
            gwconf_mistake(r, CONF_ERROR, from->addresses.lines[0], "addresses: in bridge mode the card has none; write [ ]");
        if (mode > GW_BRIDGE && from->addresses.n == 0 && raw->cards.n)
            gwconf_mistake(r, CONF_ERROR, card->line, "addresses: in this mode each card needs at least one, as in [ \"10.0.0.1/24\" ]");
        else if (mode > GW_BRIDGE && from->addresses.n == 0)
            gwconf_mistake(r, CONF_ERROR, card->line, "addresses: in this mode the card of side %s needs at least one, as in [ \"10.0.0.1/24\" ]", side_word[side]);
        for (size_t k = 0; k < i; k++)
            check_pair(r, &s->cards[k], card);
        if (mode > GW_BRIDGE && s->n_cards > 1)
            check_reach(r, s, card);
        if (mode == GW_BRIDGE)
            check_routers(r, side, card);
    }
}
