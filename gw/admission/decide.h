/* SPDX-License-Identifier: GPL-3.0-or-later
 * The decision about a first packet: what it is, and whether it may try. Pure functions; no sockets, no clock of their own. */
#ifndef LOCKGATE_DECIDE_H
#define LOCKGATE_DECIDE_H

#include "gwconf.h"
#include "rate.h"
#include "reason.h"

/* ---- packets (packet.c) ---- */
struct packet {
    struct net_addr from, to; /* ports where the protocol has them; family 0: not IP */
    uint8_t proto;            /* of IP; IPv6: the last header that was understood */
    uint8_t icmp;             /* type of ICMP or ICMPv6 */
    bool plain;               /* no IP options, extension headers or fragments */
    bool syn;                 /* TCP with SYN and none of FIN, RST, ACK */
    bool middle;              /* TCP with ACK and neither SYN nor RST: of a connection that should be known */
    bool crowded;             /* its source has as many connections open as it may (the packet rules counted) */
    bool strange;             /* its source does not live behind the card that it came by (the packet rules looked) */
    bool quic;                /* UDP whose payload begins as a QUIC connection does (RFC 8999, RFC 9000, RFC 9369) */
};
/* Reads an IP packet of which the first n bytes are known. Never fails: what is not understood stays zero. */
void packet_read(const unsigned char *p, size_t n, struct packet *ret);
/* How records name it: "tcp", "udp", "quic", "icmp", "icmpv6", "sctp", "gre", "esp", or the number; in out. */
const char *packet_protocol(const struct packet *p, char out[8]);

/* ---- the decision (decide.c) ---- */
/* GW_R_ADMITTED, or the reason why not; LINK_LOCAL for what hosts say to their own link all day, and to nobody on the other side. audit: the packet rules have refused it already, only the reason is wanted. */
enum gw_reason decide(const struct gw_conf *c, enum gw_side side, bool audit, const struct packet *p, struct rate *r, int64_t now_ms);
/* Refused (PORT_FORBIDDEN), and of an XMPP connection that nobody here knows any more: is its host to be told by a reset? */
bool decide_reset(const struct gw_conf *c, enum gw_side side, const struct packet *p);
/* Refused for its port alone (PORT_FORBIDDEN): may the decoy take it? */
bool decide_probe(const struct gw_conf *c, bool audit, const struct packet *p, struct rate *r, int64_t now_ms);

#endif
