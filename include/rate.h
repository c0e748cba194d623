/* SPDX-License-Identifier: GPL-3.0-or-later
 * How often one source may do something: a token bucket for each (IPv6: each /64), in a table of fixed size. */
#ifndef LOCKGATE_RATE_H
#define LOCKGATE_RATE_H

#include "net.h"

/* The stalest of a row of 4 makes room for a new source. */
struct rate;
struct rate *rate_new(int64_t per_second, int64_t burst); /* NULL: no memory */
void rate_free(struct rate *r);
bool rate_take(struct rate *r, const struct net_addr *from, int64_t now_ms);

#endif
