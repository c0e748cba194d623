/* SPDX-License-Identifier: GPL-3.0-or-later
 * Static routes: which of a domain's configured servers is tried first, which are down, and when one is there again. Servers that
 * no stream uses are looked at by a connection that is closed at once; a quiet stream by a ping (XEP-0199). */
#ifndef LOCKGATE_EDGE_ROUTE_H
#define LOCKGATE_EDGE_ROUTE_H

#include "dial.h"

struct pair;
struct rec;
struct route;

int routes_init(struct edge *e) GW_MUST_CHECK;
/* The static targets of a domain of this side in the order of trying: by priority and weight, those that are down behind all others.
 * How many; at most max. */
size_t route_targets(struct edge *e, struct str domain, struct gw_target *out, size_t max);
/* A stream to the target did not come about, or broke because it was silent (why), or it is authenticated. Of a target that is in
 * no static map, nothing is kept. */
void route_failed(struct edge *e, struct str domain, const struct gw_target *t, enum gw_reason why);
void route_worked(struct edge *e, struct str domain, const struct gw_target *t);
/* Looks after all: probes, pings, streams that go back to a better server. Each tick. */
void routes_tick(struct edge *e);
/* Is this stanza the answer to a ping of ours to that pair's server? Then it is for nobody else. */
bool route_pong(struct pair *p, const struct rec *r);
/* Targets that are down now, for the status. */
size_t routes_down(const struct edge *e);

#endif
