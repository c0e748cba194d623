/* SPDX-License-Identifier: GPL-3.0-or-later
 * Streams that this edge opens to servers of its side, one for each pair of domains: it is the initiating entity and stands
 * for a domain of the other side. */
#ifndef LOCKGATE_EDGE_OUTBOUND_H
#define LOCKGATE_EDGE_OUTBOUND_H

#include "conn.h"
#include "pair.h"

enum out_state {
    OUT_OPENING,  /* connect, STARTTLS, TLS, features */
    OUT_EXTERNAL, /* <auth mechanism='EXTERNAL'/> was sent */
    OUT_DIALBACK, /* db:result was sent */
    OUT_READY,
    OUT_OVER      /* the pair knows it no more */
};
struct outbound {
    struct conn c; /* first */
    struct pair *pair;
    enum out_state state;
    bool was_ready, cert_ok;
    const char *auth;
    uint64_t max_bytes; /* of one stanza, as the peer says (XEP-0478); 0: it says nothing */
    uint64_t flow, ready_at;
    uint64_t first_end;          /* where its first stanza ends in the bytes out; 0: none was given yet */
    struct order_queue inflight; /* in the stream's output, not yet taken by the kernel */
};
/* fd: connect() is under way; taken in every case. On success p->out is set. */
int outbound_open(struct pair *p, int fd, const struct gw_target *t) GW_MUST_CHECK;
/* Moves orders from the pair's queue into the stream, if it is ready. */
void outbound_feed(struct outbound *o);
void outbound_tick(struct outbound *o);
bool conn_is_outbound(const struct conn *c);

#endif
