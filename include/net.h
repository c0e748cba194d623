/* SPDX-License-Identifier: GPL-3.0-or-later
 * IP addresses, networks and sides, as values. No sockets. */
#ifndef LOCKGATE_NET_H
#define LOCKGATE_NET_H

#include "buf.h"

enum gw_side { GW_HIGH, GW_LOW, GW_SIDES };
static inline enum gw_side gw_other(enum gw_side s) { return s == GW_HIGH ? GW_LOW : GW_HIGH; }
const char *gw_side_name(enum gw_side s); /* "high", "low" */

/* family 4 or 6 (0: none); addr in network order, 4 or 16 bytes used, the rest zero; port in host order, 0: any. */
struct net_addr {
    uint8_t family;
    uint8_t addr[16];
    uint16_t port;
};
struct net_prefix {
    struct net_addr addr;
    uint8_t bits;
};
#define NET_TEXT_MAX 64
int net_parse(const char *text, struct net_addr *ret) GW_MUST_CHECK;          /* an address alone. SYNTAX */
int net_parse_prefix(const char *text, struct net_prefix *ret) GW_MUST_CHECK; /* "10.1.0.0/16"; keeps host bits. SYNTAX */
const char *net_text(const struct net_addr *a, char out[NET_TEXT_MAX]);       /* the address without the port */
bool net_same_host(const struct net_addr *a, const struct net_addr *b);
bool net_in(const struct net_addr *a, const struct net_prefix *p);
/* From and to the kernel's form. A mapped address (::ffff:a.b.c.d) becomes the IPv4 one. UNSUPPORTED: another family. */
struct sockaddr;
struct sockaddr_storage;
int net_from_sockaddr(const struct sockaddr *sa, struct net_addr *ret) GW_MUST_CHECK;
unsigned net_to_sockaddr(const struct net_addr *a, struct sockaddr_storage *ret); /* length, 0 for family 0 */

#endif
