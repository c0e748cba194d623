/* SPDX-License-Identifier: GPL-3.0-or-later
 * Checks of the gateway's configuration across keys: what fits its own row but not the rest of the file. */
#include "gwconf_raw.h"

static const char *const side_word[GW_SIDES] = { "high", "low" };

static bool overlap(const struct net_prefix *a, const struct net_prefix *b)
{
    return a->bits <= b->bits ? net_in(&b->addr, a) : net_in(&a->addr, b);
}

/* A network of /0 means "everything that is not the other side's", so it may hold the other side's networks; in bridge mode
 * any may, as both sides share a subnet, and only single addresses must be of one side. The longer prefix wins (gw_conf_in_side). */
static void check_overlap(struct gwconf_reader *r)
{
    const struct gw_side_conf *high = &r->c->side[GW_HIGH], *low = &r->c->side[GW_LOW];
    char ta[NET_TEXT_MAX], tb[NET_TEXT_MAX];

    if (r->raw->gateway.mode < 0)
        return;
    for (size_t i = 0; i < high->n_networks; i++) {
        for (size_t k = 0; k < low->n_networks; k++) {
            const struct net_prefix *a = &high->networks[i], *b = &low->networks[k];
            unsigned host = a->addr.family == 4 ? 32 : 128;

            if (!overlap(a, b))
                continue;
            if (r->c->mode == GW_BRIDGE ? a->bits < host || b->bits < host : a->bits != b->bits && (a->bits == 0 || b->bits == 0))
                continue;
            gwconf_mistake(r, CONF_ERROR, r->raw->side[GW_LOW].where.line, "networks: %s/%u of side low overlaps %s/%u of side high; %s",
                net_text(&b->addr, tb), b->bits, net_text(&a->addr, ta), a->bits,
                r->c->mode == GW_BRIDGE ? "an address lives on one side only" : "a host lives on one side only");
        }
    }
}

static void check_addresses(struct gwconf_reader *r, enum gw_side side)
{
    const struct gw_side_conf *s = &r->c->side[side];
    const struct raw_side *raw = &r->raw->side[side];
    char text[NET_TEXT_MAX];

    gwconf_check_cards(r, side);
    for (size_t i = 0; i < s->n_addresses; i++)
        if (gw_conf_in_side(r->c, gw_other(side), &s->addresses[i].addr))
            gwconf_mistake(r, CONF_ERROR, raw->where.line, "addresses: %s lies in a network of side %s", net_text(&s->addresses[i].addr, text),
                side_word[gw_other(side)]);
    for (size_t i = 0; i < s->n_routes; i++)
        if (!gw_conf_in_side(r->c, side, &s->routes[i].to.addr))
            gwconf_mistake(r, CONF_WARNING, raw->where.line, "routes: %s/%u lies in no network of side %s, so its hosts will be refused",
                net_text(&s->routes[i].to.addr, text), s->routes[i].to.bits, side_word[side]);
    for (size_t i = 0; i < s->n_dns; i++)
        if (!gw_conf_in_side(r->c, side, &s->dns[i]))
            gwconf_mistake(r, CONF_ERROR, raw->where.line, "dns: %s lies in no network of side %s", net_text(&s->dns[i], text), side_word[side]);
}

static void check_domains(struct gwconf_reader *r, enum gw_side side)
{
    const struct gw_side_conf *s = &r->c->side[side];
    char text[NET_TEXT_MAX];

    for (size_t i = 0; i < s->n_domains; i++) {
        const struct gw_domain *d = &s->domains[i], *twin = gw_conf_domain(r->c, gw_other(side), d->name);
        bool paired = false;

        if (twin && side == GW_LOW)
            gwconf_mistake(r, CONF_ERROR, d->line, "domain \"%s\" lives on both sides (side high: line %u); it must be on one", d->name.p, twin->line);
        for (size_t k = 0; k < d->n_targets; k++)
            if (!gw_conf_in_side(r->c, side, &d->targets[k].address))
                gwconf_mistake(r, CONF_ERROR, d->line, "targets: %s lies in no network of side %s", net_text(&d->targets[k].address, text),
                    side_word[side]);
        for (size_t k = 0; k < r->c->n_pairs; k++)
            paired |= str_eq(r->c->pairs[k].domain[side], d->name);
        if (!paired)
            gwconf_mistake(r, CONF_WARNING, d->line, "domain \"%s\" is in no pair, so nothing crosses for it", d->name.p);
    }
}

/* conf_nearest over the domains of a side. */
static const char *near_domain(const struct gw_side_conf *s, struct str name)
{
    const char *v[1001];
    size_t n = 0;

    for (size_t i = 0; i < s->n_domains && n < 1000; i++)
        v[n++] = s->domains[i].name.p;
    v[n] = NULL;
    return conf_nearest(name.p, v);
}

static void no_such_domain(struct gwconf_reader *r, enum gw_side side, struct str name, unsigned line)
{
    const char *near = near_domain(&r->c->side[side], name);

    if (gw_conf_domain(r->c, gw_other(side), name))
        gwconf_mistake(r, CONF_ERROR, line, "\"%s\" lives on side %s, not on side %s", name.p, side_word[gw_other(side)], side_word[side]);
    else if (near)
        gwconf_mistake(r, CONF_ERROR, line, "\"%s\" is no domain of side %s; did you mean \"%s\"?", name.p, side_word[side], near);
    else
        gwconf_mistake(r, CONF_ERROR, line, "\"%s\" is no domain of side %s; list it in %s.domains", name.p, side_word[side], side_word[side]);
}

static void check_certificates(struct gwconf_reader *r, enum gw_side side)
{
    const struct gw_side_conf *s = &r->c->side[side];

    for (size_t i = 0; i < s->n_certificates; i++)
        if (!gw_conf_domain(r->c, gw_other(side), s->certificates[i].domain))
            no_such_domain(r, gw_other(side), s->certificates[i].domain, s->certificates[i].line);
}

static void check_pairs(struct gwconf_reader *r)
{
    const struct raw_pair *raw = r->raw->pairs.v;

    for (size_t i = 0; i < r->raw->pairs.n; i++) {
        struct gw_pair *p = &r->c->pairs[r->c->n_pairs];
        bool fine = true;

        for (enum gw_side side = GW_HIGH; side < GW_SIDES; side++) {
            const char *text = raw[i].domain[side];

            p->domain[side] = text && text[0] ? gwconf_domain(r, text, raw[i].where.line) : STR_NONE;
            if (p->domain[side].n == 0) {
                fine = false;
            } else if (!gw_conf_domain(r->c, side, p->domain[side])) {
                no_such_domain(r, side, p->domain[side], raw[i].where.line);
                fine = false;
            } else if (!gw_conf_certificate(r->c, gw_other(side), p->domain[side])) {
                gwconf_mistake(r, CONF_ERROR, raw[i].where.line, "\"%s\" has no certificate in %s.certificates, and there is no %s.mint, so servers of side %s could not verify it", text,
                    side_word[gw_other(side)], side_word[gw_other(side)], side_word[gw_other(side)]);
            }
        }
        if (fine && gw_conf_pair_allowed(r->c, GW_HIGH, p->domain[GW_HIGH], p->domain[GW_LOW]))
            gwconf_mistake(r, CONF_WARNING, raw[i].where.line, "this pair stands here twice");
        r->c->n_pairs += fine;
    }
}

static void check_limits(struct gwconf_reader *r)
{
    const struct gw_limits *l = &r->c->limits;

    if (l->window_bytes < 2 * l->stanza)
        gwconf_mistake(r, CONF_ERROR, r->raw->limits.where.line, "limits.window_bytes must hold two stanzas of limits.stanza, or the largest could never cross");
    if (l->connect > l->deliver)
        gwconf_mistake(r, CONF_ERROR, r->raw->limits.where.line, "limits.connect must not be longer than limits.deliver");
    if (r->c->admission.burst < r->c->admission.rate)
        gwconf_mistake(r, CONF_ERROR, r->raw->admission.where.line, "admission.burst must not be smaller than admission.rate");
}

void gwconf_check(struct gwconf_reader *r)
{
    const struct gw_side_conf *high = &r->c->side[GW_HIGH], *low = &r->c->side[GW_LOW];
    unsigned line = r->raw->side[GW_LOW].where.line;

    check_pairs(r);
    if (r->c->watch)
        gwconf_mistake(r, CONF_WARNING, r->raw->gateway.where.line, "enforce = false: NOTHING IS ENFORCED; what policy refuses is recorded and crosses all the same");
    if (high->namespace_[0] && strcmp(high->namespace_, low->namespace_) == 0)
        gwconf_mistake(r, CONF_ERROR, line, "namespace \"%s\" is on both sides; each side has one of its own", low->namespace_);
    check_overlap(r);
    for (enum gw_side side = GW_HIGH; side < GW_SIDES; side++) {
        check_addresses(r, side);
        check_domains(r, side);
        check_certificates(r, side);
    }
    check_limits(r);
    if (r->c->decoy.on && r->c->mode == GW_PROXY)
        gwconf_mistake(r, CONF_ERROR, r->raw->decoy.where.line, "decoy.on: in proxy mode there is none; allowed in bridge and routed");
}
