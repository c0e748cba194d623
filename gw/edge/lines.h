/* SPDX-License-Identifier: GPL-3.0-or-later
 * What this edge tells the journal: streams opened, failed and closed, and what it refused by itself. */
#ifndef LOCKGATE_EDGE_LINES_H
#define LOCKGATE_EDGE_LINES_H

#include "conn.h"

/* What a line about a stream says besides the connection itself. */
struct stream_line {
    const char *action;  /* "open", "pair", "failed", "closed" */
    bool receiving;
    const char *auth;    /* "external", "certificate", "dialback"; NULL: none */
    struct str from_domain, to_domain; /* of the stream: from the peer to us when receiving */
    uint64_t flow;
    struct str stream_id;
};
void line_stream(const struct conn *c, const struct stream_line *l);
/* A stanza that this edge refused by itself; r has no pair yet perhaps. */
uint64_t line_stanza(const struct conn *c, const struct rec *r, uint64_t flow, enum gw_reason reason, const char *action); /* its number; 0: lost */
/* An order that was not obeyed. */
void line_order(struct edge *e, uint64_t guard, uint64_t number, const char *action, enum gw_reason reason);
/* Connections refused before they became a stream, or a pair on one ("refused"); streams too fast ("slowed"). count: how many since
 * the last line. */
void line_limit(struct edge *e, const struct net_addr *from, const struct net_addr *to, enum gw_reason reason, const char *error,
    const char *action, uint64_t count);
/* A server of the static map was found down, or is there again (reason NONE). */
void line_route(struct edge *e, struct str domain, const struct net_addr *server, const char *action, enum gw_reason reason);
/* False: the journal has not taken lines for too long; nothing new may begin. */
bool lines_flow(const struct edge *e);

/* Revocation lists: how many there are, and when the first goes out of date (seconds since 1970; INT64_MAX: never). error may be NULL. */
void line_lists(struct edge *e, const char *action, const char *error, unsigned n, int64_t next);

#endif
