// link: ipc base
// libs: -lconfig
/* SPDX-License-Identifier: GPL-3.0-or-later
 * Admission without the kernel: reading packets, deciding, rates, lines with counted repeats, answers for neighbours. */
#include <stdlib.h>

#include "../../gw/admission/decide.c"
#include "../../gw/admission/neighbour.c"
#include "../../gw/admission/packet.c"
#include "rate.h"
#include "say.h"
#include "tap.h"

static struct net_prefix high_net[] = { { { 4, { 10, 77, 1 }, 0 }, 24 }, { { 6, { 0xfd, 0x77, 0, 1 }, 0 }, 64 } };
static struct net_prefix low_net[] = { { { 4, { 10, 77, 2 }, 0 }, 24 }, { { 6, { 0xfd, 0x77, 0, 2 }, 0 }, 64 } };
static struct net_prefix high_own[] = { { { 4, { 10, 77, 1, 1 }, 0 }, 24 } };
static uint16_t ports[] = { 5269, 5270 };
static struct gw_conf conf;

/* ---- packets by hand ---- */

struct wanted {
    const char *from, *to;
    uint8_t proto, flags;
    uint16_t port;
    enum { PLAIN, OPTIONS, FRAGMENT, CUT, LIES } form; /* CUT: bytes are missing; LIES: the head says more than there is */
};

static size_t build_v4(const struct wanted *w, unsigned char *p)
{
    struct net_addr a, b;
    size_t head = w->form == OPTIONS ? 24 : 20;
    if (net_parse(w->from, &a) || net_parse(w->to, &b))
        exit(1);
    p[0] = (unsigned char)(0x40 | (w->form == LIES ? 15 : head / 4));
    p[6] = w->form == FRAGMENT ? 0x20 : 0x40;
    p[9] = w->proto;
    memcpy(p + 12, a.addr, 4);
    memcpy(p + 16, b.addr, 4);
    unsigned char *t = p + head;
    t[0] = 0x9c, t[1] = 0x40; /* 40000 */
    t[2] = (unsigned char)(w->port >> 8), t[3] = (unsigned char)w->port;
    t[12] = 0x50, t[13] = w->flags;
    return w->form == CUT ? 27 : head + 20;
}

static size_t build_v6(const struct wanted *w, unsigned char *p)
{
    struct net_addr a, b;
    size_t at = 40;
    if (net_parse(w->from, &a) || net_parse(w->to, &b))
        exit(1);
    p[0] = 0x60;
    p[6] = w->proto;
    memcpy(p + 8, a.addr, 16);
    memcpy(p + 24, b.addr, 16);
    if (w->form != PLAIN && w->form != CUT) {
        p[6] = w->form == FRAGMENT ? 44 : 60;
        p[at] = w->proto;
        p[at + 1] = w->form == LIES ? 200 : 0;
        at += 8;
    }
    unsigned char *t = p + at;
    t[0] = 0x9c, t[1] = 0x40;
    t[2] = (unsigned char)(w->port >> 8), t[3] = (unsigned char)w->port;
    t[12] = 0x50, t[13] = w->flags;
    return w->form == CUT ? 43 : at + 20;
}

#define SYN 0x02
static const struct {
    const char *name;
    enum gw_mode mode;
    bool audit;
    struct wanted w;
    enum gw_reason want;
} rows[] = {
    { "a SYN to the other side", GW_ROUTED, false, { "10.77.1.2", "10.77.2.2", 6, SYN, 5269, PLAIN }, GW_R_ADMITTED },
    { "with ECN bits", GW_ROUTED, false, { "10.77.1.2", "10.77.2.2", 6, 0xc2, 5269, PLAIN }, GW_R_ADMITTED },
    { "direct TLS", GW_ROUTED, false, { "10.77.1.2", "10.77.2.2", 6, SYN, 5270, PLAIN }, GW_R_ADMITTED },
    { "IPv6", GW_BRIDGE, false, { "fd77:1::2", "fd77:2::2", 6, SYN, 5269, PLAIN }, GW_R_ADMITTED },
    { "the audit queue admits nothing", GW_ROUTED, true, { "10.77.1.2", "10.77.2.2", 6, SYN, 5269, PLAIN }, GW_R_PORT_FORBIDDEN },
    { "another port", GW_ROUTED, false, { "10.77.1.2", "10.77.2.2", 6, SYN, 22, PLAIN }, GW_R_PORT_FORBIDDEN },
    { "an ACK", GW_ROUTED, false, { "10.77.1.2", "10.77.2.2", 6, 0x10, 5269, PLAIN }, GW_R_PORT_FORBIDDEN },
    { "SYN and ACK", GW_ROUTED, false, { "10.77.1.2", "10.77.2.2", 6, 0x12, 5269, PLAIN }, GW_R_PORT_FORBIDDEN },
    { "SYN and RST", GW_ROUTED, false, { "10.77.1.2", "10.77.2.2", 6, 0x06, 5269, PLAIN }, GW_R_PORT_FORBIDDEN },
    { "UDP", GW_ROUTED, false, { "10.77.1.2", "10.77.2.2", 17, SYN, 5269, PLAIN }, GW_R_PORT_FORBIDDEN },
    { "IP options", GW_ROUTED, false, { "10.77.1.2", "10.77.2.2", 6, SYN, 5269, OPTIONS }, GW_R_PORT_FORBIDDEN },
    { "a fragment", GW_ROUTED, false, { "10.77.1.2", "10.77.2.2", 6, SYN, 5269, FRAGMENT }, GW_R_PORT_FORBIDDEN },
    { "cut behind the ports", GW_ROUTED, false, { "10.77.1.2", "10.77.2.2", 6, SYN, 5269, CUT }, GW_R_PORT_FORBIDDEN },
    { "a head longer than the packet", GW_ROUTED, false, { "10.77.1.2", "10.77.2.2", 6, SYN, 5269, LIES }, GW_R_PORT_FORBIDDEN },
    { "IPv6 with an extension header", GW_ROUTED, false, { "fd77:1::2", "fd77:2::2", 6, SYN, 5269, OPTIONS }, GW_R_PORT_FORBIDDEN },
    { "IPv6 fragment", GW_ROUTED, false, { "fd77:1::2", "fd77:2::2", 6, SYN, 5269, FRAGMENT }, GW_R_PORT_FORBIDDEN },
    { "IPv6 extension header that lies", GW_ROUTED, false, { "fd77:1::2", "fd77:2::2", 6, SYN, 5269, LIES }, GW_R_PORT_FORBIDDEN },
    { "IPv6 cut", GW_ROUTED, false, { "fd77:1::2", "fd77:2::2", 6, SYN, 5269, CUT }, GW_R_PORT_FORBIDDEN },
    { "a host of the other side as source", GW_ROUTED, false, { "10.77.2.3", "10.77.2.2", 6, SYN, 5269, PLAIN }, GW_R_SOURCE_UNKNOWN },
    { "the gateway's own address as source", GW_ROUTED, false, { "10.77.1.1", "10.77.2.2", 6, SYN, 5269, PLAIN }, GW_R_SOURCE_UNKNOWN },
    { "a stranger as source", GW_ROUTED, false, { "192.0.2.1", "10.77.2.2", 6, SYN, 5269, PLAIN }, GW_R_SOURCE_UNKNOWN },
    { "a destination on the own side", GW_ROUTED, false, { "10.77.1.2", "10.77.1.3", 6, SYN, 5269, PLAIN }, GW_R_DESTINATION_UNKNOWN },
    { "the gateway itself", GW_ROUTED, false, { "10.77.1.2", "10.77.1.1", 6, SYN, 5269, PLAIN }, GW_R_DESTINATION_UNKNOWN },
    { "a destination outside", GW_ROUTED, false, { "10.77.1.2", "192.0.2.1", 6, SYN, 5269, PLAIN }, GW_R_DESTINATION_UNKNOWN },
    { "proxy: the gateway itself", GW_PROXY, false, { "10.77.1.2", "10.77.1.1", 6, SYN, 5269, PLAIN }, GW_R_ADMITTED },
    { "proxy: nobody behind it", GW_PROXY, false, { "10.77.1.2", "10.77.2.2", 6, SYN, 5269, PLAIN }, GW_R_DESTINATION_UNKNOWN },
};

static void test_decisions(void)
{
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        unsigned char raw[128] = { 0 };
        struct packet p;
        struct rate *r = rate_new(100, 100);
        const struct wanted *w = &rows[i].w;
        size_t n = strchr(w->from, ':') ? build_v6(w, raw) : build_v4(w, raw);
        unsigned char *exact = malloc(n); /* so that a sanitizer sees a byte read behind the end */
        memcpy(exact, raw, n);
        packet_read(exact, n, &p);
        conf.mode = rows[i].mode;
        enum gw_reason got = decide(&conf, GW_HIGH, rows[i].audit, &p, r, 5);
        if (!ok(got == rows[i].want, "%s", rows[i].name))
            diag("got %s", gw_reason_code(got));
        p.strange = true; /* the packet rules found it behind another card than its own */
        got = decide(&conf, GW_HIGH, rows[i].audit, &p, r, 5);
        if (got != GW_R_SOURCE_UNKNOWN) {
            ok(false, "%s, by a strange card", rows[i].name);
            diag("got %s", gw_reason_code(got));
        }
        free(exact);
        rate_free(r);
    }
    conf.mode = GW_ROUTED;
}

/* Who is told by a reset, and what is called QUIC. */
static void test_marks(void)
{
    static const struct { const char *name; struct wanted w; bool want; } resets[] = {
        { "data of a connection that nobody knows", { "10.77.1.2", "10.77.2.2", 6, 0x18, 5269, PLAIN }, true },
        { "an ACK, IPv6", { "fd77:1::2", "fd77:2::2", 6, 0x10, 5269, PLAIN }, true },
        { "FIN and ACK", { "10.77.1.2", "10.77.2.2", 6, 0x11, 5269, PLAIN }, true },
        { "a first packet", { "10.77.1.2", "10.77.2.2", 6, SYN, 5269, PLAIN }, false },
        { "the answer to one", { "10.77.1.2", "10.77.2.2", 6, 0x12, 5269, PLAIN }, false },
        { "a reset is not answered by one", { "10.77.1.2", "10.77.2.2", 6, 0x14, 5269, PLAIN }, false },
        { "another port", { "10.77.1.2", "10.77.2.2", 6, 0x10, 22, PLAIN }, false },
        { "a fragment", { "10.77.1.2", "10.77.2.2", 6, 0x10, 5269, FRAGMENT }, false },
    };
    struct packet p;
    for (size_t i = 0; i < sizeof resets / sizeof *resets; i++) {
        unsigned char raw[128] = { 0 };
        size_t n = strchr(resets[i].w.from, ':') ? build_v6(&resets[i].w, raw) : build_v4(&resets[i].w, raw);
        packet_read(raw, n, &p);
        ok(decide_reset(&conf, GW_HIGH, &p) == resets[i].want, "reset: %s", resets[i].name);
    }
    unsigned char udp[64] = { 0x45, [9] = 17, [12] = 10, 77, 1, 2, 10, 77, 2, 2, 0x9c, 0x40, 0x01, 0xbb, [28] = 0xc3, 0, 0, 0, 1, 8 };
    packet_read(udp, sizeof udp, &p);
    ok(p.quic && p.proto == 17, "QUIC version 1, a long header");
    udp[28] = 0x43;
    packet_read(udp, sizeof udp, &p);
    ok(!p.quic, "a short header begins no connection");
    udp[28] = 0xc3, udp[32] = 99;
    packet_read(udp, sizeof udp, &p);
    ok(!p.quic, "a version that there is not");
    packet_read(udp, 33, &p);
    ok(!p.quic, "cut");
}

/* What hosts say to their own link is no refusal; anything like it that is not on the list, or not to the link, is one. */
static void test_housekeeping(void)
{
    static const struct { const char *name, *from, *to; uint8_t proto, icmp; uint16_t port; enum gw_reason want; } said[] = {
        { "router solicitation", "fe80::9", "ff02::2", 58, 133, 0, GW_R_LINK_LOCAL }, { "one from nobody", "::", "ff02::2", 58, 133, 0, GW_R_LINK_LOCAL },
        { "multicast listener report", "fe80::9", "ff02::16", 58, 143, 0, GW_R_LINK_LOCAL }, { "IGMP", "10.77.1.2", "224.0.0.22", 2, 0, 0, GW_R_LINK_LOCAL },
        { "mDNS", "10.77.1.2", "224.0.0.251", 17, 0, 5353, GW_R_LINK_LOCAL }, { "DHCP", "0.0.0.0", "255.255.255.255", 17, 0, 67, GW_R_LINK_LOCAL },
        { "router advertisement", "fe80::9", "ff02::1", 58, 134, 0, GW_R_SOURCE_UNKNOWN }, { "router solicitation to a host", "fd77:1::2", "fd77:2::2", 58, 133, 0, GW_R_PORT_FORBIDDEN },
        { "router solicitation to a site", "fd77:1::2", "ff05::2", 58, 133, 0, GW_R_DESTINATION_UNKNOWN }, { "mDNS to a host", "10.77.1.2", "10.77.2.2", 17, 0, 5353, GW_R_PORT_FORBIDDEN },
        { "another port of the group", "10.77.1.2", "224.0.0.251", 17, 0, 5354, GW_R_DESTINATION_UNKNOWN }, { "a group that routers forward", "10.77.1.2", "224.0.1.251", 17, 0, 5353, GW_R_DESTINATION_UNKNOWN },
        { "XMPP to the group", "10.77.1.2", "224.0.0.251", 6, 0, 5269, GW_R_DESTINATION_UNKNOWN },
    };
    struct rate *r = rate_new(100, 100);
    for (size_t i = 0; i < sizeof said / sizeof *said; i++) {
        struct packet p = { .proto = said[i].proto, .icmp = said[i].icmp, .plain = true };
        if (net_parse(said[i].from, &p.from) || net_parse(said[i].to, &p.to))
            exit(1);
        p.to.port = said[i].port;
        enum gw_reason got = decide(&conf, GW_HIGH, true, &p, r, 5);
        if (!ok(got == said[i].want, "housekeeping: %s", said[i].name))
            diag("got %s", gw_reason_code(got));
    }
    struct packet p = { .from = { 4, { 10, 77, 1, 2 }, 40000 }, .to = { 4, { 10, 77, 2, 2 }, 5269 }, .proto = 6, .plain = true, .syn = true, .crowded = true };
    ok(decide(&conf, GW_HIGH, false, &p, r, 5) == GW_R_OPEN, "too many of its source are open");
    p.to.port = 22;
    ok(decide(&conf, GW_HIGH, false, &p, r, 5) == GW_R_PORT_FORBIDDEN, "the port comes first");
    unsigned char raw[60] = { 0x60, [6] = 0, [24] = 0xff, 2, [39] = 0x16, [40] = 58, 0, 5, 2, 0, 0, 1, 0, 143 };
    packet_read(raw, sizeof raw, &p);
    ok(p.proto == 58 && p.icmp == 143, "a listener report behind its router alert");
    rate_free(r);
}

/* Any bytes at all: nothing is admitted that is not a packet of the table's first kind, and nothing is read behind the end. */
static void test_noise(void)
{
    uint32_t x = 12345;
    int admitted = 0;
    struct rate *r = rate_new(1000000, 1000000);
    for (int i = 0; i < 200000; i++) {
        unsigned char b[96];
        struct packet p;
        x = x * 1664525 + 1013904223;
        size_t n = (x >> 16) % sizeof b;
        for (size_t k = 0; k < n; k++)
            b[k] = (unsigned char)((x = x * 1664525 + 1013904223) >> 24);
        if (n)
            b[0] = (unsigned char)((i & 1 ? 0x60 : 0x40) | (b[0] & 15));
        packet_read(b, n, &p);
        admitted += decide(&conf, GW_HIGH, false, &p, r, 5) == GW_R_ADMITTED;
    }
    ok(admitted == 0, "200,000 packets of noise: none admitted");
    rate_free(r);
}

static void test_rate(void)
{
    struct rate *r = rate_new(10, 20);
    struct net_addr a = { 4, { 10, 77, 1, 2 }, 0 }, b = { 4, { 10, 77, 1, 3 }, 0 };
    struct net_addr v6 = { 6, { 0xfd, 0x77, 0, 1, 0, 0, 0, 0, 1 }, 0 }, same64 = { 6, { 0xfd, 0x77, 0, 1, 0, 0, 0, 0, 2 }, 0 };
    int n = 0;
    while (rate_take(r, &a, 1000))
        n++;
    ok(n == 20, "a burst of 20 (%d)", n);
    struct packet p = { .from = { 4, { 10, 77, 1, 2 }, 40000 }, .to = { 4, { 10, 77, 2, 2 }, 5269 }, .proto = 6, .plain = true, .syn = true };
    ok(decide(&conf, GW_HIGH, false, &p, r, 1000) == GW_R_RATE, "its next first packet is refused for its rate");
    ok(rate_take(r, &b, 1000), "another source has its own");
    ok(!rate_take(r, &a, 1099) && rate_take(r, &a, 1100) && !rate_take(r, &a, 1100), "10 a second come back, one each 100 ms");
    for (n = 0; rate_take(r, &a, 100000); n++)
        ;
    ok(n == 20, "never more than the burst");
    while (rate_take(r, &v6, 1000))
        ;
    ok(!rate_take(r, &same64, 1000), "IPv6: a whole /64 is one source");
    ok(!rate_take(r, &a, 99000), "a clock that steps back gives nothing");
    rate_free(r);
}

/* ---- lines ---- */

static size_t count_lines(const struct outbox *o)
{
    return (size_t)(o->last - o->durable);
}

static void test_lines(void)
{
    struct outbox o;
    struct say s = { .side = GW_HIGH, .outbox = &o };
    struct said p = { .from = { 4, { 10, 77, 1, 2 }, 40000 }, .to = { 4, { 10, 77, 2, 2 }, 22 }, .proto = "tcp", .verdict = "drop", .reason = GW_R_PORT_FORBIDDEN };
    outbox_init(&o, 1, 1 << 20);
    int e = 0;
    for (int i = 0; i < 1000; i++)
        e |= say_decision(&s, &p, 100);
    ok(!e && count_lines(&o) == 1, "the first is written at once, its repeats are not");
    say_tick(&s, 500);
    ok(count_lines(&o) == 1, "nor within the second");
    say_tick(&s, 1100);
    ok(count_lines(&o) == 2, "then one line counts them");
    p.reason = GW_R_DESTINATION_UNKNOWN;
    for (uint32_t i = 0; i < 5000; i++) {
        p.to.addr[2] = (uint8_t)(i >> 8), p.to.addr[3] = (uint8_t)i;
        e |= say_decision(&s, &p, 2000);
    }
    ok(!e && count_lines(&o) == 2 + SAY_KINDS, "5,000 destinations: %d lines", SAY_KINDS);
    say_tick(&s, 3000);
    ok(count_lines(&o) == 2 + SAY_KINDS + 1, "and one for all others");
    outbox_clear(&o);
}

/* Of noise there is one line a kind, and one more an hour later; what is refused beside it is told each second as ever. */
static void test_noise_lines(void)
{
    struct outbox o;
    struct say s = { .side = GW_HIGH, .outbox = &o };
    struct said rs = { .from = { 6, { 0xfe, 0x80 }, 0 }, .to = { 6, { 0xff, 2, [15] = 2 }, 0 }, .proto = "icmpv6", .reason = GW_R_LINK_LOCAL }, syn = rs;
    outbox_init(&o, 1, 1 << 20);
    syn.proto = "tcp", syn.verdict = "drop", syn.reason = GW_R_PORT_FORBIDDEN;
    int e = 0;
    for (int64_t t = 0; t < 600; t++) {
        e |= say_decision(&s, &rs, t * 4000);
        say_tick(&s, t * 4000 + 1000);
    }
    ok(!e && count_lines(&o) == 1, "forty minutes of solicitations: one line");
    e |= say_decision(&s, &syn, 2400000) | say_decision(&s, &syn, 2400001);
    say_tick(&s, 2401001);
    ok(!e && count_lines(&o) == 3, "a refusal and its repeat, within the second");
    e |= say_decision(&s, &rs, 2402000);
    say_tick(&s, 3599999);
    ok(!e && count_lines(&o) == 3, "the noise is still the same kind");
    say_tick(&s, 3600000);
    ok(count_lines(&o) == 4 && s.n == 0, "and counted after an hour");
    for (uint32_t i = 0; i < 5000; i++) {
        rs.from.addr[14] = (uint8_t)(i >> 8), rs.from.addr[15] = (uint8_t)i;
        e |= say_decision(&s, &rs, 4000000);
    }
    ok(!e && count_lines(&o) == 4 + SAY_NOISE, "5,000 sources of it: %d lines", SAY_NOISE);
    e |= say_decision(&s, &syn, 4000001);
    ok(!e && count_lines(&o) == 5 + SAY_NOISE, "and room for what is refused");
    outbox_clear(&o);
}

static void test_full_outbox(void)
{
    struct outbox o;
    struct say s = { .side = GW_HIGH, .outbox = &o };
    struct said p = { .from = { 4, { 10, 77, 1, 2 }, 40000 }, .to = { 4, { 10, 77, 2, 2 }, 5269 }, .proto = "tcp", .verdict = "admit", .reason = GW_R_ADMITTED };
    int e = 0, n = 0;
    outbox_init(&o, 1, 1000);
    for (; n < 100 && !e; n++) {
        p.from.addr[3] = (uint8_t)n;
        e = say_decision(&s, &p, 10);
    }
    ok(e == GW_ERR(LIMIT), "no place for a line: the decision says so, and nobody is admitted");
    ok(say_decision(&s, &p, 20) == GW_ERR(LIMIT), "a repeat neither");
    outbox_clear(&o);
}

/* ---- neighbours ---- */

static const unsigned char mac[6] = { 2, 0, 0, 0, 0, 1 }, host_mac[6] = { 2, 0, 0, 0, 0, 9 };

static size_t arp_request(const char *sender, const char *target, unsigned char *f)
{
    struct net_addr s, t;
    static const unsigned char head[] = { 8, 6, 0, 1, 8, 0, 6, 4, 0, 1 };
    if (net_parse(sender, &s) || net_parse(target, &t))
        exit(1);
    memset(f, 0xff, 6);
    memcpy(f + 6, host_mac, 6);
    memcpy(f + 12, head, sizeof head);
    memcpy(f + 22, host_mac, 6);
    memcpy(f + 28, s.addr, 4);
    memset(f + 32, 0, 6);
    memcpy(f + 38, t.addr, 4);
    return 42;
}

static size_t solicitation(const char *source, const char *target, unsigned char *f)
{
    struct net_addr s, t;
    if (net_parse(source, &s) || net_parse(target, &t))
        exit(1);
    memset(f, 0, 86);
    f[0] = f[1] = 0x33;
    memcpy(f + 6, host_mac, 6);
    f[12] = 0x86, f[13] = 0xdd, f[14] = 0x60, f[19] = 32, f[20] = 58, f[21] = 255, f[54] = 135;
    memcpy(f + 22, s.addr, 16);
    memcpy(f + 62, t.addr, 16);
    return 86;
}

static const struct { const char *name, *who, *what; bool want; } neighbours[] = {
    { "ARP for a host of the other side", "10.77.1.2", "10.77.2.2", true },
    { "ARP for a host of this side", "10.77.1.2", "10.77.1.3", false },
    { "ARP for a stranger", "10.77.1.2", "192.0.2.1", false },
    { "ARP by a host of the other side", "10.77.2.3", "10.77.2.2", false },
    { "ARP probe (RFC 5227)", "0.0.0.0", "10.77.2.2", false },
    { "gratuitous ARP", "10.77.1.2", "10.77.1.2", false },
    { "ND for a host of the other side", "fd77:1::2", "fd77:2::2", true },
    { "ND from a link-local address", "fe80::1", "fd77:2::2", true },
    { "ND for a host of this side", "fd77:1::2", "fd77:1::3", false },
    { "ND from link-local, for a host of this side", "fe80::1", "fd77:1::3", false },
    { "ND by a host of the other side", "fd77:2::3", "fd77:2::2", false },
    { "duplicate address detection", "::", "fd77:2::2", false },
};

static void test_neighbours(void)
{
    unsigned char f[128], out[NEIGHBOUR_FRAME];
    for (size_t i = 0; i < sizeof neighbours / sizeof neighbours[0]; i++) {
        bool v6 = strchr(neighbours[i].who, ':');
        size_t n = v6 ? solicitation(neighbours[i].who, neighbours[i].what, f) : arp_request(neighbours[i].who, neighbours[i].what, f);
        size_t got = v6 ? neighbour_nd(&conf, GW_HIGH, mac, f, n, out) : neighbour_arp(&conf, GW_HIGH, mac, f, n, out);
        ok((got > 0) == neighbours[i].want, "%s: %s", neighbours[i].name, neighbours[i].want ? "answered" : "not answered");
    }
    arp_request("10.77.1.2", "10.77.2.2", f);
    neighbour_arp(&conf, GW_HIGH, mac, f, 42, out);
    ok(memcmp(out, host_mac, 6) == 0 && memcmp(out + 22, mac, 6) == 0 && out[21] == 2, "the answer names this card, to the asker alone");
    ok(neighbour_arp(&conf, GW_HIGH, mac, f, 41, out) == 0, "a short frame is not answered");
    f[22] ^= 1;
    ok(neighbour_arp(&conf, GW_HIGH, mac, f, 42, out) == 0, "nor one whose two sender addresses differ");
    solicitation("fd77:1::2", "fd77:2::2", f);
    size_t n = neighbour_nd(&conf, GW_HIGH, mac, f, 86, out);
    uint16_t sum = (uint16_t)(out[56] << 8 | out[57]);
    out[56] = out[57] = 0;
    ok(n == 86 && sum == checksum(out + 14), "ND: the checksum is over the message with a sum of zero");
    f[21] = 254;
    ok(neighbour_nd(&conf, GW_HIGH, mac, f, 86, out) == 0, "a hop limit below 255 was routed: not answered");
    f[21] = 255;
    ok(neighbour_nd(&conf, GW_HIGH, mac, f, 77, out) == 0, "a short solicitation is not answered");
}

int main(void)
{
    conf.side[GW_HIGH] = (struct gw_side_conf){ .networks = high_net, .n_networks = 2, .addresses = high_own, .n_addresses = 1, .ports = ports, .n_ports = 2 };
    conf.side[GW_LOW] = (struct gw_side_conf){ .networks = low_net, .n_networks = 2, .ports = ports, .n_ports = 2 };
    test_decisions();
    test_marks();
    test_housekeeping();
    test_noise();
    test_rate();
    test_lines();
    test_noise_lines();
    test_full_outbox();
    test_neighbours();
    return done_testing();
}
