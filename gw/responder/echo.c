/* SPDX-License-Identifier: GPL-3.0-or-later
 * Echo replies (RFC 792, RFC 4443 section 4.2): made anew from identifier, sequence number and data. */
#include "responder.h"

#define HEAD 8

static uint16_t checksum(const unsigned char *p, size_t n)
{
    uint32_t s = 0;
    for (size_t i = 0; i < n; i++)
        s += i & 1 ? p[i] : (uint32_t)p[i] << 8;
    while (s >> 16)
        s = (s & 0xffff) + (s >> 16);
    return (uint16_t)~s;
}

size_t echo_answer(unsigned family, const unsigned char *q, size_t n, unsigned char *out, enum gw_reason *ret_reason)
{
    unsigned request = family == 4 ? 8 : 128, reply = family == 4 ? 0 : 129;
    size_t ip = family == 4 && n ? (size_t)(q[0] & 15) * 4 : 0;
    *ret_reason = GW_R_PORT_FORBIDDEN;
    if ((family == 4 && ip != 20) || n < ip + HEAD || n - ip > HEAD + ECHO_DATA_MAX) /* IP options are not answered */
        return 0;
    q += ip;
    n -= ip;
    if (q[0] != request || q[1] != 0 || (family == 4 && checksum(q, n) != 0)) /* ICMPv6: the kernel has looked */
        return 0;
    memset(out, 0, 4);
    out[0] = (unsigned char)reply;
    memcpy(out + 4, q + 4, n - 4);
    if (family == 4) { /* ICMPv6: the kernel sums it, with the addresses */
        uint16_t sum = checksum(out, n);
        out[2] = (unsigned char)(sum >> 8);
        out[3] = (unsigned char)sum;
    }
    *ret_reason = GW_R_ANSWERED;
    return n;
}
