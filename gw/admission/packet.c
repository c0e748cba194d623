/* SPDX-License-Identifier: GPL-3.0-or-later
 * Reading the head of an IP packet. Hostile input: every byte is looked for before it is read. */
#include <stdio.h>

#include "decide.h"

#define ICMP 1
#define TCP 6
#define UDP 17
#define ICMPV6 58
#define SCTP 132
#define UDPLITE 136

static uint16_t u16(const unsigned char *p)
{
    return (uint16_t)(p[0] << 8 | p[1]);
}

/* A long header of a version that there is, or one that only forces negotiation. */
static bool is_quic(const unsigned char *p, size_t n)
{
    if (n < 7 || (p[0] & 0xc0) != 0xc0)
        return false;
    uint32_t version = (uint32_t)u16(p + 1) << 16 | u16(p + 3);
    return (version == 1 || version == 0x6b3343cf || version >> 8 == 0xff0000 || (version & 0x0f0f0f0f) == 0x0a0a0a0a) && p[5] <= 20;
}

static void read_transport(const unsigned char *p, size_t n, struct packet *ret)
{
    if ((ret->proto == ICMP || ret->proto == ICMPV6) && n)
        ret->icmp = p[0];
    bool ports = ret->proto == TCP || ret->proto == UDP || ret->proto == SCTP || ret->proto == UDPLITE;
    if (!ports || n < 4)
        return;
    ret->from.port = u16(p);
    ret->to.port = u16(p + 2);
    if (ret->proto == TCP && n >= 14)
        ret->syn = (p[13] & 0x17) == 0x02; /* FIN 1, SYN 2, RST 4, ACK 16 */
    if (ret->proto == TCP && n >= 14)
        ret->middle = (p[13] & 0x16) == 0x10;
    if (ret->proto == UDP && n > 8)
        ret->quic = is_quic(p + 8, n - 8);
}

static void read_v4(const unsigned char *p, size_t n, struct packet *ret)
{
    if (n < 20)
        return;
    size_t head = (size_t)(p[0] & 15) * 4;
    ret->from.family = ret->to.family = 4;
    memcpy(ret->from.addr, p + 12, 4);
    memcpy(ret->to.addr, p + 16, 4);
    ret->proto = p[9];
    bool fragment = (u16(p + 6) & 0x3fff) != 0; /* more to come, or an offset */
    ret->plain = head == 20 && !fragment;
    if (head >= 20 && n > head && !(u16(p + 6) & 0x1fff))
        read_transport(p + head, n - head, ret);
}

/* Extension headers are walked only to name what is behind them; such a packet is not plain and is never admitted. */
static void read_v6(const unsigned char *p, size_t n, struct packet *ret)
{
    if (n < 40)
        return;
    ret->from.family = ret->to.family = 6;
    memcpy(ret->from.addr, p + 8, 16);
    memcpy(ret->to.addr, p + 24, 16);
    ret->proto = p[6];
    ret->plain = true;
    size_t at = 40;
    for (int i = 0; i < 8; i++) {
        bool options = ret->proto == 0 || ret->proto == 43 || ret->proto == 60, fragment = ret->proto == 44;
        if (!options && !fragment)
            break;
        ret->plain = false;
        if (n < at + 8)
            return;
        bool later = fragment && (u16(p + at + 2) & 0xfff8) != 0;
        ret->proto = p[at];
        at += fragment ? 8 : ((size_t)p[at + 1] + 1) * 8;
        if (later)
            return;
    }
    if (n > at)
        read_transport(p + at, n - at, ret);
}

void packet_read(const unsigned char *p, size_t n, struct packet *ret)
{
    memset(ret, 0, sizeof *ret);
    if (n && p[0] >> 4 == 4)
        read_v4(p, n, ret);
    else if (n && p[0] >> 4 == 6)
        read_v6(p, n, ret);
}

const char *packet_protocol(const struct packet *p, char out[8])
{
    static const struct {
        uint8_t number;
        const char *name;
    } known[] = { { 1, "icmp" }, { 2, "igmp" }, { TCP, "tcp" }, { UDP, "udp" }, { 47, "gre" }, { 50, "esp" }, { 58, "icmpv6" },
        { SCTP, "sctp" } };
    if (p->quic)
        return "quic";
    for (size_t i = 0; i < sizeof known / sizeof known[0]; i++)
        if (known[i].number == p->proto)
            return known[i].name;
    snprintf(out, 8, "%u", p->proto);
    return out;
}
