/* SPDX-License-Identifier: GPL-3.0-or-later
 * The tap: what this edge reads and writes inside TLS, as a capture that `lockgate replay` (and any reader of pcap) takes. Off unless the
 * configuration says `tap`; it never holds up or ends a stream. */
#ifndef LOCKGATE_EDGE_TAP_H
#define LOCKGATE_EDGE_TAP_H

#include "edge.h"

struct conn;

/* Opens STATE/tap/edge-SIDE.pcap (mode 0600; the one before becomes .old) while files can still be opened. 0 also when it is off. SYS: said. */
int tap_init(struct edge *e) GW_MUST_CHECK;
/* n bytes that came from the peer, or that its socket took. Only of secured streams: what stands before is TLS being agreed upon. */
void tap_data(struct conn *c, bool came, const void *p, size_t n);
/* The connection is over. */
void tap_end(struct conn *c);

#endif
