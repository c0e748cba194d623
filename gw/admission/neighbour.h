/* SPDX-License-Identifier: GPL-3.0-or-later
 * Bridge mode: who asks on this side for a host of the other side (ARP, neighbour discovery) is told this card's address. */
#ifndef LOCKGATE_NEIGHBOUR_H
#define LOCKGATE_NEIGHBOUR_H

#include "gwconf.h"

struct neighbour {
    int arp, nd; /* packet sockets, -1: none */
    unsigned char mac[6];
    uint64_t answers;
};
/* Opens the sockets on the card. SYS. */
int neighbour_open(const char *card, struct neighbour *ret) GW_MUST_CHECK;
void neighbour_close(struct neighbour *n);
/* Answers what waits on one of the sockets. */
void neighbour_serve(struct neighbour *n, const struct gw_conf *c, enum gw_side side, int fd);

/* The answer to one frame, or 0: none. Pure; out has room for NEIGHBOUR_FRAME bytes. */
#define NEIGHBOUR_FRAME 86
size_t neighbour_arp(const struct gw_conf *c, enum gw_side side, const unsigned char mac[6], const unsigned char *f, size_t n, unsigned char *out);
size_t neighbour_nd(const struct gw_conf *c, enum gw_side side, const unsigned char mac[6], const unsigned char *f, size_t n, unsigned char *out);

#endif
