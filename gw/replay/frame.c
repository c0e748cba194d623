/* SPDX-License-Identifier: GPL-3.0-or-later
 * From a captured frame to a TCP segment: link layers, VLAN tags, IPv4, IPv6 with its extension headers. Lengths in headers may make
 * what was captured shorter, never longer. Checksums are not looked at: capturing on the sending machine leaves them unset. */
#include <pcap/dlt.h>

#include "impl.h"

#define TAGS_MAX 4    /* VLAN tags inside each other */
#define HEADERS_MAX 12 /* IPv6 extension headers */

enum { P_HOP = 0, P_TCP = 6, P_ROUTING = 43, P_FRAGMENT = 44, P_ESP = 50, P_AH = 51, P_OPTIONS = 60, P_MOBILITY = 135, P_HIP = 139,
    P_SHIM6 = 140 };

bool frame_knows(int dlt)
{
    return dlt == DLT_EN10MB || dlt == DLT_LINUX_SLL || dlt == DLT_LINUX_SLL2 || dlt == DLT_RAW || dlt == DLT_IPV4 || dlt == DLT_IPV6 ||
        dlt == DLT_NULL || dlt == DLT_LOOP;
}

static void skip(struct wire *w, size_t n) { (void)wire_bytes(w, n); }

/* ---- TCP (RFC 9293 section 3.1) ---- */

/* n: length of the segment as IP says it; what w holds may be less. */
static enum frame_result tcp(struct wire *w, size_t n, struct packet *ret)
{
    size_t head, have = wire_left(w);
    ret->src.port = wire_u16(w);
    ret->dst.port = wire_u16(w);
    ret->seq = wire_u32(w);
    ret->ack = wire_u32(w);
    head = (size_t)(wire_u8(w) >> 4) * 4;
    ret->flags = wire_u8(w);
    skip(w, 6); /* window, checksum, urgent pointer */
    if (w->err || head < 20 || head > n)
        return FRAME_UNREAD;
    if (head > have) {
        ret->payload = STR("");
        ret->missing = n - head;
        return FRAME_TCP;
    }
    skip(w, head - 20);
    ret->payload = (struct str){ (const char *)w->p, wire_left(w) };
    ret->missing = n - head - ret->payload.n;
    return FRAME_TCP;
}

/* Payload of an IP packet, or of a datagram put together; n as above. */
static enum frame_result upper(struct wire *w, uint8_t proto, size_t n, struct packet *ret)
{
    if (proto == P_TCP)
        return tcp(w, n, ret);
    return proto == P_ESP || proto == 4 || proto == 41 || proto == 47 ? FRAME_UNREAD : FRAME_OTHER;
}

static enum frame_result put_together(struct replay *r, const struct fragment *f, struct packet *ret);

/* ---- IPv4 (RFC 791) ---- */

static enum frame_result ipv4(struct replay *r, struct wire *w, struct packet *ret)
{
    size_t have = wire_left(w), total, head, n;
    unsigned first = wire_u8(w), where;
    struct fragment f = { .id = 0 };
    uint8_t proto;
    const unsigned char *a;
    skip(w, 1);
    total = wire_u16(w);
    f.id = wire_u16(w);
    where = wire_u16(w);
    skip(w, 1);
    proto = wire_u8(w);
    skip(w, 2);
    a = wire_bytes(w, 8);
    head = (size_t)(first & 15) * 4;
    if (!a || first >> 4 != 4 || head < 20)
        return FRAME_UNREAD;
    if (total == 0) /* segmentation offload: the sending machine captured before the length was filled in */
        total = have;
    if (total < head || have < head)
        return FRAME_UNREAD;
    skip(w, head - 20);
    ret->src.family = ret->dst.family = 4;
    memcpy(ret->src.addr, a, 4);
    memcpy(ret->dst.addr, a + 4, 4);
    n = total - head;
    if (wire_left(w) > n) /* padding of the link layer */
        w->end = w->p + n;
    if (!(where & 0x3FFF))
        return upper(w, proto, n, ret);
    f.off = (size_t)(where & 0x1FFF) * 8;
    f.more = (where & 0x2000) != 0;
    f.proto = proto;
    f.bytes = (struct str){ (const char *)w->p, wire_left(w) };
    if (f.bytes.n < n) {
        replay_note(r, NULL, 0, REPLAY_N_FRAGMENT, GW_R_NONE, "cut short when it was captured", 0);
        return FRAME_FRAGMENT;
    }
    return put_together(r, &f, ret);
}

/* ---- IPv6 (RFC 8200) ---- */

/* Extension headers up to TCP. n: bytes behind w as IP says it. */
static enum frame_result extensions(struct replay *r, struct wire *w, uint8_t next, size_t n, struct packet *ret, bool whole)
{
    for (unsigned i = 0; i < HEADERS_MAX; i++) {
        size_t size;
        uint8_t proto;
        if (next == P_FRAGMENT && !whole) {
            struct fragment f = { .proto = wire_u8(w) };
            unsigned where;
            skip(w, 1);
            where = wire_u16(w);
            f.id = wire_u32(w);
            if (w->err || n < 8)
                return FRAME_UNREAD;
            f.off = where & 0xFFF8;
            f.more = (where & 1) != 0;
            f.bytes = (struct str){ (const char *)w->p, wire_left(w) };
            if (f.off == 0 && !f.more) { /* an atomic fragment (RFC 6946) is no fragment */
                next = f.proto;
                n -= 8;
                continue;
            }
            if (f.bytes.n < n - 8) {
                replay_note(r, NULL, 0, REPLAY_N_FRAGMENT, GW_R_NONE, "cut short when it was captured", 0);
                return FRAME_FRAGMENT;
            }
            return put_together(r, &f, ret);
        }
        if (next != P_HOP && next != P_ROUTING && next != P_OPTIONS && next != P_AH && next != P_MOBILITY && next != P_HIP && next != P_SHIM6)
            return upper(w, next, n, ret);
        proto = wire_u8(w);
        size = wire_u8(w);
        size = next == P_AH ? (size + 2) * 4 : (size + 1) * 8;
        skip(w, size - 2);
        if (w->err || size > n)
            return FRAME_UNREAD;
        n -= size;
        next = proto;
    }
    return FRAME_UNREAD;
}

static enum frame_result ipv6(struct replay *r, struct wire *w, struct packet *ret)
{
    uint32_t first = wire_u32(w);
    size_t n = wire_u16(w);
    uint8_t next = wire_u8(w);
    const unsigned char *a;
    skip(w, 1);
    a = wire_bytes(w, 32);
    if (!a || first >> 28 != 6)
        return FRAME_UNREAD;
    if (n == 0) /* offload, or a jumbogram: what is there */
        n = wire_left(w);
    ret->src.family = ret->dst.family = 6;
    memcpy(ret->src.addr, a, 16);
    memcpy(ret->dst.addr, a + 16, 16);
    if (wire_left(w) > n)
        w->end = w->p + n;
    return extensions(r, w, next, n, ret, false);
}

static enum frame_result put_together(struct replay *r, const struct fragment *piece, struct packet *ret)
{
    struct fragment f = *piece;
    struct str whole;
    struct wire w;
    uint8_t proto;
    f.src = ret->src;
    f.dst = ret->dst;
    r->stats.fragments++;
    if (!fragment_take(r, &f, &whole, &proto))
        return FRAME_FRAGMENT;
    wire_init(&w, whole.p, whole.n);
    if (f.src.family == 6)
        return extensions(r, &w, proto, whole.n, ret, true);
    return upper(&w, proto, whole.n, ret);
}

/* ---- link layers ---- */

static enum frame_result ip_any(struct replay *r, struct wire *w, struct packet *ret)
{
    unsigned version = wire_left(w) ? (unsigned)w->p[0] >> 4 : 0;
    return version == 4 ? ipv4(r, w, ret) : version == 6 ? ipv6(r, w, ret) : FRAME_UNREAD;
}

static enum frame_result by_type(struct replay *r, struct wire *w, unsigned type, struct packet *ret)
{
    for (unsigned i = 0; i < TAGS_MAX && (type == 0x8100 || type == 0x88A8 || type == 0x9100 || type == 0x9200); i++) {
        skip(w, 2);
        type = wire_u16(w);
    }
    if (type == 0x8864) { /* PPPoE session (RFC 2516) */
        skip(w, 6);
        type = wire_u16(w);
        type = type == 0x0021 ? 0x0800 : type == 0x0057 ? 0x86DD : type;
    }
    if (type <= 1500 && wire_left(w) >= 8 && memcmp(w->p, "\xAA\xAA\x03\0\0\0", 6) == 0) { /* LLC, SNAP */
        skip(w, 6);
        type = wire_u16(w);
    }
    if (w->err)
        return FRAME_UNREAD;
    return type == 0x0800 ? ipv4(r, w, ret) : type == 0x86DD ? ipv6(r, w, ret) : FRAME_OTHER;
}

enum frame_result frame_read(struct replay *r, const unsigned char *p, size_t n, struct packet *ret)
{
    struct wire w;
    unsigned type;
    memset(ret, 0, sizeof *ret);
    wire_init(&w, p, n);
    switch (r->dlt) {
    case DLT_EN10MB:
        skip(&w, 12);
        return by_type(r, &w, wire_u16(&w), ret);
    case DLT_LINUX_SLL:
        skip(&w, 14);
        return by_type(r, &w, wire_u16(&w), ret);
    case DLT_LINUX_SLL2:
        type = wire_u16(&w);
        skip(&w, 18);
        return by_type(r, &w, type, ret);
    case DLT_NULL:
    case DLT_LOOP: /* the family's numbers differ from system to system; the version in the IP header does not */
        skip(&w, 4);
        return ip_any(r, &w, ret);
    default: return ip_any(r, &w, ret);
    }
}
