/* SPDX-License-Identifier: GPL-3.0-or-later
 * Services of the configuration: what the gateway answers itself, in the place of a host of the other side. */
#include "gwconf_raw.h"

#define DNS_PORT 53
#define NTP_PORT 123

static const uint16_t port_of[] = { [GW_SERVICE_ECHO] = 0, [GW_SERVICE_DNS] = DNS_PORT, [GW_SERVICE_NTP] = NTP_PORT };

const char *gw_service_name(enum gw_service_kind k)
{
    static const char *const names[] = { [GW_SERVICE_ECHO] = "echo", [GW_SERVICE_DNS] = "dns", [GW_SERVICE_NTP] = "ntp" };

    return names[k];
}

bool gw_conf_has_service(const struct gw_conf *c, enum gw_side side)
{
    for (size_t i = 0; i < c->n_services; i++)
        if (c->services[i].side == side)
            return true;
    return false;
}

/* DNS tells where the other side's servers are: that is what the configuration says, so it has to say it. */
static bool has_target(const struct gw_side_conf *s)
{
    for (size_t i = 0; i < s->n_domains; i++)
        if (s->domains[i].n_targets)
            return true;
    return false;
}

static void look(struct gwconf_reader *r, const struct gw_service *s, const char *text)
{
    enum gw_side other = gw_other(s->side);

    if (!gw_conf_in_side(r->c, other, &s->address) || gw_conf_in_side(r->c, s->side, &s->address))
        gwconf_mistake(r, CONF_ERROR, s->line, "address: %s is no host of side %s, so nobody on side %s would ask it through the gateway", text,
            gw_side_name(other), gw_side_name(s->side));
    for (size_t i = 0; i < r->c->n_services; i++) {
        const struct gw_service *o = &r->c->services[i];
        if (o->side == s->side && o->kind == s->kind && net_same_host(&o->address, &s->address))
            gwconf_mistake(r, CONF_ERROR, s->line, "this service stands here twice; the first is in line %u", o->line);
    }
    if (s->kind == GW_SERVICE_DNS && !has_target(&r->c->side[other]))
        gwconf_mistake(r, CONF_WARNING, s->line, "no domain of side %s has targets, so every name has no address; say them in %s.domains",
            gw_side_name(other), gw_side_name(other));
}

void gwconf_services(struct gwconf_reader *r)
{
    const struct raw_service *from = r->raw->services.v;
    size_t n = r->raw->services.n;

    r->c->services = gwconf_take(r, n + 1, sizeof *r->c->services);
    for (size_t i = 0; r->c->services && i < n; i++) {
        struct gw_service *s = &r->c->services[r->c->n_services];

        if (!from[i].address || !from[i].address[0]) /* said already */
            continue;
        *s = (struct gw_service){ .side = (enum gw_side)from[i].side, .kind = (enum gw_service_kind)from[i].protocol, .stratum = (uint8_t)from[i].stratum,
            .line = from[i].where.line };
        if (net_parse(from[i].address, &s->address) < 0) {
            gwconf_mistake(r, CONF_ERROR, s->line, "address: \"%s\" is no IPv4 or IPv6 address", from[i].address);
            continue;
        }
        s->address.port = port_of[s->kind];
        look(r, s, from[i].address);
        r->c->n_services++;
    }
    if (r->c->n_services && r->c->mode == GW_PROXY)
        gwconf_mistake(r, CONF_ERROR, r->c->services[0].line, "services: in proxy mode there are none; allowed in bridge and routed");
}
