/* SPDX-License-Identifier: GPL-3.0-or-later
 * Finding a domain's servers by DNS (RFC 6120 section 3.2.1, XEP-0368), through this side's resolvers. c-ares writes and
 * reads the messages; the socket comes from the parent, connected, so answers of others never arrive. */
#ifndef LOCKGATE_EDGE_DNS_H
#define LOCKGATE_EDGE_DNS_H

#include "ask.h"

#define DNS_SERVERS 8   /* SRV targets that are looked at */
#define DNS_ANSWERS 16

/* One lookup; embedded in whoever waits. */
struct dns_srv { char host[256]; uint16_t port, priority, weight; bool direct; };
struct dns {
    struct edge *edge;
    const char *domain; /* A-labels; must live as long as the lookup */
    void (*done)(struct dns *d); /* answers are in list; not called from within dns_start */
    struct gw_target list[DNS_ANSWERS];
    size_t n;
    /* private */
    struct ask ask;
    int fd;
    uv_poll_t *poll;
    struct dns_srv srv[DNS_SERVERS];
    size_t n_srv;
    bool refused;      /* SRV says "." */
    unsigned step;     /* 0, 1: SRV; then A and AAAA of each server */
    unsigned tries;    /* of this question */
    size_t resolver;
    uint16_t id;
    uint64_t deadline; /* of this try; 0: idle */
    LIST_ENTRY(dns) link;
};
/* NOENT: this side has no resolver. */
int dns_start(struct dns *d, struct edge *e, const char *domain, void (*done)(struct dns *d)) GW_MUST_CHECK;
void dns_cancel(struct dns *d); /* fine when idle */
void dns_tick(struct dns *d);

#endif
