/* SPDX-License-Identifier: GPL-3.0-or-later
 * Where a domain's servers are, in the order in which they are tried, and from which address we come: static targets,
 * then the intercepted destination, then DNS. */
#ifndef LOCKGATE_EDGE_DIAL_H
#define LOCKGATE_EDGE_DIAL_H

#include "dns.h"

#define DIAL_MAX 32
struct dial {
    struct edge *edge;
    struct str ours, theirs;     /* we stand for ours, and look for theirs */
    struct net_addr from[4];     /* addresses that we may come from, best first; family 0: unused */
    void (*got)(struct dial *d, int fd, const struct gw_target *t); /* connect() is under way */
    void (*none)(struct dial *d, bool any); /* all were tried; any: there was at least one target */
    /* private */
    bool running, dns_done;
    struct gw_target last; /* tried after DNS; family 0: none */
    struct gw_target list[DIAL_MAX];
    size_t n, at;
    struct ask ask;
    struct dns dns;
};
/* Begins with the static targets of theirs, in the order of route.h, and those that the caller adds after this by dial_add; then dial_next. */
void dial_init(struct dial *d, struct edge *e, struct str ours, struct str theirs);
void dial_add(struct dial *d, const struct net_addr *to, enum gw_tls_mode tls);
/* One more, for when nothing else is known or works: after DNS. */
void dial_add_last(struct dial *d, const struct net_addr *to, enum gw_tls_mode tls);
void dial_from(struct dial *d, const struct net_addr *from);
/* The address that a connection of this family would bear. False: none is known. */
bool dial_source(const struct dial *d, uint8_t family, struct net_addr *ret);
/* The next target; ends in got or none, perhaps before it returns. */
void dial_next(struct dial *d);
void dial_cancel(struct dial *d);

#endif
