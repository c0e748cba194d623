/* SPDX-License-Identifier: GPL-3.0-or-later
 * Trying the servers of a domain one after the other. */
#include "dial.h"

#include <stdio.h>

#include "log.h"
#include "route.h"
#include "tls.h"

void dial_init(struct dial *d, struct edge *e, struct str ours, struct str theirs)
{
    struct gw_target v[DIAL_MAX];
    size_t n = route_targets(e, theirs, v, DIAL_MAX);
    *d = (struct dial){ .edge = e, .ours = ours, .theirs = theirs, .got = d->got, .none = d->none };
    for (size_t i = 0; i < n; i++)
        dial_add(d, &v[i].address, v[i].tls);
}

void dial_add(struct dial *d, const struct net_addr *to, enum gw_tls_mode tls)
{
    if (to->family == 0 || d->n >= DIAL_MAX)
        return;
    for (size_t i = 0; i < d->n; i++)
        if (net_same_host(&d->list[i].address, to) && d->list[i].address.port == to->port && d->list[i].tls == tls)
            return;
    d->list[d->n++] = (struct gw_target){ .address = *to, .tls = tls };
}

void dial_add_last(struct dial *d, const struct net_addr *to, enum gw_tls_mode tls)
{
    d->last = (struct gw_target){ .address = *to, .tls = tls };
}

void dial_from(struct dial *d, const struct net_addr *from)
{
    for (size_t i = 0; from->family && i < sizeof d->from / sizeof *d->from; i++)
        if (d->from[i].family == 0) {
            d->from[i] = *from;
            d->from[i].port = 0;
            return;
        }
}

/* The address that we come from: as given by the caller; else the real address of the server that we stand for, when the
 * configuration knows it; in proxy mode our own. */
bool dial_source(const struct dial *d, uint8_t family, struct net_addr *ret)
{
    const struct gw_conf *c = d->edge->conf;
    const struct gw_side_conf *side = edge_side(d->edge);
    const struct gw_domain *real = gw_conf_domain(c, gw_other(d->edge->side), d->ours);
    if (c->mode == GW_PROXY) {
        for (size_t i = 0; i < side->n_addresses; i++)
            if (side->addresses[i].addr.family == family) {
                *ret = side->addresses[i].addr;
                ret->port = 0;
                return true;
            }
        return false;
    }
    for (size_t i = 0; i < sizeof d->from / sizeof *d->from; i++)
        if (d->from[i].family == family) {
            *ret = d->from[i];
            return true;
        }
    for (size_t i = 0; real && i < real->n_targets; i++)
        if (real->targets[i].address.family == family) {
            *ret = real->targets[i].address;
            ret->port = 0;
            return true;
        }
    return false;
}

static void on_socket(struct ask *a, int fd, int error)
{
    struct dial *d = (struct dial *)((char *)a - offsetof(struct dial, ask));
    const struct gw_target *t = &d->list[d->at - 1];
    char text[NET_TEXT_MAX];
    if (fd < 0) {
        log_debug("no connection to %s port %u: %s", net_text(&t->address, text), t->address.port, strerror(error));
        dial_next(d);
        return;
    }
    d->running = false;
    d->got(d, fd, t);
}

static void on_dns(struct dns *q)
{
    struct dial *d = (struct dial *)((char *)q - offsetof(struct dial, dns));
    for (size_t i = 0; i < q->n; i++)
        dial_add(d, &q->list[i].address, q->list[i].tls);
    dial_next(d);
}

void dial_next(struct dial *d)
{
    struct net_addr from;
    d->running = true;
    d->ask.done = on_socket;
    while (d->at < d->n) {
        const struct gw_target *t = &d->list[d->at++];
        if (dial_source(d, t->address.family, &from) && ask_connect(d->edge, &d->ask, &from, &t->address) == 0)
            return;
    }
    if (!d->dns_done) {
        d->dns_done = true;
        if (dns_start(&d->dns, d->edge, tls_ascii(d->edge->tls, d->theirs), on_dns) == 0)
            return;
    }
    if (d->last.address.family) {
        size_t before = d->n;
        struct gw_target t = d->last;
        d->last.address.family = 0;
        dial_add(d, &t.address, t.tls);
        if (d->n > before) {
            dial_next(d);
            return;
        }
    }
    d->running = false;
    d->none(d, d->n > 0);
}

void dial_cancel(struct dial *d)
{
    ask_cancel(&d->ask);
    dns_cancel(&d->dns);
    d->running = false;
}
