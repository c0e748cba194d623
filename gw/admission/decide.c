/* SPDX-License-Identifier: GPL-3.0-or-later
 * May this first packet try? Source, destination, protocol and port, then the rate; the first that fails is the reason. */
#include "decide.h"

#define TCP 6

/* Housekeeping, by this list alone: router solicitations (RFC 4861), multicast listeners (RFC 2710, RFC 3810, RFC 3376), names of the link
 * (RFC 6762, RFC 4795), questions for an address (RFC 2131, RFC 8415). Router advertisements are not on it: no host sends any. */
static const struct { uint8_t family, proto, icmp; uint16_t port; } housekeeping[] = {
    { 6, 58, 133, 0 }, { 6, 58, 130, 0 }, { 6, 58, 131, 0 }, { 6, 58, 132, 0 }, { 6, 58, 143, 0 }, { 4, 2, 0, 0 },
    { 4, 17, 0, 5353 }, { 6, 17, 0, 5353 }, { 4, 17, 0, 5355 }, { 6, 17, 0, 5355 }, { 4, 17, 0, 67 }, { 6, 17, 0, 547 },
};

/* A destination that no router forwards: the link's own groups, the limited broadcast. */
static bool is_link(const struct net_addr *to)
{
    static const uint8_t all[4] = { 255, 255, 255, 255 };
    if (to->family == 4)
        return memcmp(to->addr, "\340\0\0", 3) == 0 || memcmp(to->addr, all, 4) == 0;
    return to->family == 6 && to->addr[0] == 0xff && (to->addr[1] & 15) <= 2;
}

static bool is_housekeeping(const struct packet *p)
{
    for (size_t i = 0; i < sizeof housekeeping / sizeof housekeeping[0]; i++)
        if (housekeeping[i].family == p->to.family && housekeeping[i].proto == p->proto && housekeeping[i].icmp == p->icmp && housekeeping[i].port == p->to.port)
            return is_link(&p->to);
    return false;
}

static bool is_own(const struct gw_side_conf *s, const struct net_addr *a)
{
    for (size_t i = 0; i < s->n_addresses; i++)
        if (net_same_host(&s->addresses[i].addr, a))
            return true;
    return false;
}

static bool has_port(const struct gw_side_conf *s, uint16_t port)
{
    for (size_t i = 0; i < s->n_ports; i++)
        if (s->ports[i] == port)
            return true;
    return false;
}

/* Where it may go: to a host of the other side, in proxy mode to the card itself. */
static bool destination_fits(const struct gw_conf *c, enum gw_side side, const struct net_addr *to)
{
    if (c->mode == GW_PROXY)
        return is_own(&c->side[side], to);
    return gw_conf_in_side(c, gw_other(side), to) && !gw_conf_in_side(c, side, to);
}

/* Towards a port that may be tried from here, or back from one that may be tried from the other side. */
bool decide_reset(const struct gw_conf *c, enum gw_side side, const struct packet *p)
{
    return p->proto == TCP && p->plain && p->middle && (has_port(&c->side[side], p->to.port) || has_port(&c->side[gw_other(side)], p->from.port));
}

bool decide_probe(const struct gw_conf *c, bool audit, const struct packet *p, struct rate *r, int64_t now_ms)
{
    return c->decoy.on && !audit && p->proto == TCP && p->plain && p->syn && p->from.port && rate_take(r, &p->from, now_ms);
}

enum gw_reason decide(const struct gw_conf *c, enum gw_side side, bool audit, const struct packet *p, struct rate *r, int64_t now_ms)
{
    const struct gw_side_conf *s = &c->side[side];
    if (is_housekeeping(p))
        return GW_R_LINK_LOCAL;
    if (p->strange || !p->from.family || !gw_conf_in_side(c, side, &p->from) || is_own(s, &p->from))
        return GW_R_SOURCE_UNKNOWN;
    if (!destination_fits(c, side, &p->to))
        return GW_R_DESTINATION_UNKNOWN;
    if (audit || p->proto != TCP || !p->plain || !p->syn || !p->from.port || !has_port(s, p->to.port))
        return GW_R_PORT_FORBIDDEN;
    if (p->crowded)
        return GW_R_OPEN;
    return rate_take(r, &p->from, now_ms) ? GW_R_ADMITTED : GW_R_RATE;
}
