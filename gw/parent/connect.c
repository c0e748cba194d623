/* SPDX-License-Identifier: GPL-3.0-or-later
 * May an edge have the socket that it asks for? Source and destination against configuration and admission; pure. */
#include "parent.h"

/* A configured target of any domain of the side. port 0: any. */
static bool is_target(const struct gw_side_conf *s, const struct net_addr *a, uint16_t port)
{
    for (size_t i = 0; i < s->n_domains; i++)
        for (size_t j = 0; j < s->domains[i].n_targets; j++) {
            const struct net_addr *t = &s->domains[i].targets[j].address;
            if (net_same_host(t, a) && (!port || t->port == port))
                return true;
        }
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

static bool is_dns(const struct gw_side_conf *s, const struct net_addr *a)
{
    for (size_t i = 0; i < s->n_dns; i++)
        if (net_same_host(&s->dns[i], a) && s->dns[i].port == a->port)
            return true;
    return false;
}

/* The address that the socket bears. In the transparent modes it is a real host of the other side: one that was admitted, or
 * was dialled by an admitted host (then this edge stands for it), or a configured target. */
static enum gw_reason check_from(const struct gw_conf *c, struct seen *seen, enum gw_side side, const struct net_addr *from,
    int64_t now)
{
    enum gw_side other = gw_other(side);
    if (c->mode == GW_PROXY)
        return !from->family || is_own(&c->side[side], from) ? GW_R_ADMITTED : GW_R_SOURCE_UNKNOWN;
    if (!from->family || from->port || !gw_conf_in_side(c, other, from))
        return GW_R_SOURCE_UNKNOWN;
    if (seen_use(seen, other, from, now) || is_target(&c->side[other], from, 0))
        return GW_R_ADMITTED;
    return GW_R_SOURCE_UNKNOWN;
}

enum gw_reason connect_check(const struct gw_conf *c, struct seen *seen, enum gw_side side, const struct net_addr *from,
    const struct net_addr *to, int64_t now)
{
    const struct gw_side_conf *here = &c->side[side];
    if (to->family != 4 && to->family != 6)
        return GW_R_DESTINATION_UNKNOWN;
    if (is_dns(here, to)) /* a long answer, over TCP: from the configured address, which sock_connect takes */
        return !from->family ? GW_R_ADMITTED : GW_R_SOURCE_UNKNOWN;
    if (from->family && from->family != to->family)
        return GW_R_SOURCE_UNKNOWN;
    if (is_own(here, to))
        return GW_R_DESTINATION_UNKNOWN; /* never to ourselves */
    if (!is_target(here, to, to->port)) {
        if (!gw_conf_in_side(c, side, to))
            return GW_R_DESTINATION_UNKNOWN;
        if (!has_port(&c->side[gw_other(side)], to->port)) /* what may be tried from the other side towards here */
            return GW_R_PORT_FORBIDDEN;
    }
    return check_from(c, seen, side, from, now);
}

enum gw_reason connect_check_dns(const struct gw_conf *c, enum gw_side side, const struct net_addr *to)
{
    return is_dns(&c->side[side], to) ? GW_R_ADMITTED : GW_R_DESTINATION_UNKNOWN;
}
