/* SPDX-License-Identifier: GPL-3.0-or-later
 * Sockets that this edge may not make: it asks the parent, who checks and makes them (CONNECT, DNS_SOCKET, CONNECTED). */
#ifndef LOCKGATE_EDGE_ASK_H
#define LOCKGATE_EDGE_ASK_H

#include "edge.h"

/* Embedded in whoever waits; all zero: waits for nothing. */
struct ask {
    uint64_t id;
    void (*done)(struct ask *a, int fd, int error); /* fd owned by the callee; or -1 and errno. Called once, never from within ask_x */
    LIST_ENTRY(ask) link;
};
int ask_connect(struct edge *e, struct ask *a, const struct net_addr *from, const struct net_addr *to) GW_MUST_CHECK;
int ask_dns(struct edge *e, struct ask *a, const struct net_addr *to) GW_MUST_CHECK;
void ask_cancel(struct ask *a); /* the answer, if it still comes, is closed */
void ask_answer(struct edge *e, uint64_t id, int fd, int error); /* CONNECTED came; takes fd */

#endif
