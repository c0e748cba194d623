/* SPDX-License-Identifier: GPL-3.0-or-later
 * ARP (RFC 826) and neighbour discovery (RFC 4861) for hosts of the other side, in bridge mode. */
#include <arpa/inet.h>
#include <errno.h>
#include <linux/filter.h>
#include <linux/if_ether.h>
#include <linux/if_packet.h>
#include <net/if.h>
#include <sys/socket.h>
#include <unistd.h>

#include "neighbour.h"

#define AT_ONCE 64 /* frames for each turn of the loop */

/* ---- what to answer ---- */

static struct net_addr address(unsigned family, const unsigned char *p)
{
    struct net_addr a = { .family = (uint8_t)family };
    memcpy(a.addr, p, family == 4 ? 4 : 16);
    return a;
}

/* Who asks lives here, who is asked for lives there. The gateway's own address for DNS is here too. */
static bool to_answer(const struct gw_conf *c, enum gw_side side, const struct net_addr *who, const struct net_addr *target)
{
    if (!gw_conf_in_side(c, side, who))
        return false;
    if (c->side[side].dns_source.family && net_same_host(&c->side[side].dns_source, target))
        return true;
    return gw_conf_in_side(c, gw_other(side), target) && !gw_conf_in_side(c, side, target);
}

size_t neighbour_arp(const struct gw_conf *c, enum gw_side side, const unsigned char mac[6], const unsigned char *f, size_t n, unsigned char *out)
{
    static const unsigned char request[10] = { 0x08, 0x06, 0, 1, 0x08, 0, 6, 4, 0, 1 }; /* ethertype; Ethernet, IPv4, 6, 4, request */
    if (n < 42 || memcmp(f + 12, request, sizeof request) != 0)
        return 0;
    const unsigned char *sender_mac = f + 22, *sender = f + 28, *target = f + 38;
    struct net_addr who = address(4, sender), what = address(4, target);
    if (memcmp(f + 6, sender_mac, 6) != 0 || !to_answer(c, side, &who, &what))
        return 0;
    memcpy(out, sender_mac, 6);
    memcpy(out + 6, mac, 6);
    memcpy(out + 12, request, 9);
    out[21] = 2; /* reply */
    memcpy(out + 22, mac, 6);
    memcpy(out + 28, target, 4);
    memcpy(out + 32, sender_mac, 6);
    memcpy(out + 38, sender, 4);
    return 42;
}

/* RFC 1071 over the pseudo-header and an ICMPv6 message of 32 bytes in an IPv6 packet. */
static uint16_t checksum(const unsigned char *ip6)
{
    uint32_t s = 32 + 58; /* length, next header */
    for (size_t i = 8; i < 72; i += 2)
        s += (uint32_t)(ip6[i] << 8 | ip6[i + 1]);
    while (s >> 16)
        s = (s & 0xffff) + (s >> 16);
    return (uint16_t)~s;
}

size_t neighbour_nd(const struct gw_conf *c, enum gw_side side, const unsigned char mac[6], const unsigned char *f, size_t n, unsigned char *out)
{
    /* 14 Ethernet, 40 IPv6 (next header 58, hop limit 255), 24 neighbour solicitation (type 135, code 0) */
    if (n < 78 || f[12] != 0x86 || f[13] != 0xdd || f[20] != 58 || f[21] != 255 || f[54] != 135 || f[55] != 0)
        return 0;
    const unsigned char *source = f + 22, *target = f + 62;
    struct net_addr who = address(6, source), what = address(6, target);
    bool link_local = source[0] == 0xfe && (source[1] & 0xc0) == 0x80; /* a host may ask from its link-local address */
    if (link_local)
        who = what;
    if (link_local ? !gw_conf_in_side(c, gw_other(side), &what) || gw_conf_in_side(c, side, &what) : !to_answer(c, side, &who, &what))
        return 0;
    memset(out, 0, NEIGHBOUR_FRAME);
    memcpy(out, f + 6, 6);
    memcpy(out + 6, mac, 6);
    out[12] = 0x86;
    out[13] = 0xdd;
    unsigned char *ip = out + 14;
    ip[0] = 0x60;
    ip[5] = 32; /* payload: 24 and an option of 8 */
    ip[6] = 58;
    ip[7] = 255;
    memcpy(ip + 8, target, 16);
    memcpy(ip + 24, source, 16);
    ip[40] = 136;  /* neighbour advertisement */
    ip[44] = 0x60; /* solicited, override */
    memcpy(ip + 48, target, 16);
    ip[64] = 2; /* target link-layer address */
    ip[65] = 1;
    memcpy(ip + 66, mac, 6);
    uint16_t sum = checksum(ip);
    ip[42] = (unsigned char)(sum >> 8);
    ip[43] = (unsigned char)sum;
    return NEIGHBOUR_FRAME;
}

/* ---- sockets ---- */

/* Only neighbour solicitations: every other IPv6 frame stays in the kernel. */
static int filter_nd(int fd)
{
    struct sock_filter code[] = {
        BPF_STMT(BPF_LD | BPF_B | BPF_ABS, 20),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, 58, 0, 3),
        BPF_STMT(BPF_LD | BPF_B | BPF_ABS, 54),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, 135, 0, 1),
        BPF_STMT(BPF_RET | BPF_K, 256),
        BPF_STMT(BPF_RET | BPF_K, 0),
    };
    const struct sock_fprog p = { sizeof code / sizeof code[0], code };
    return setsockopt(fd, SOL_SOCKET, SO_ATTACH_FILTER, &p, sizeof p);
}

static int open_socket(int protocol, int ifindex, bool nd)
{
    const struct sockaddr_ll here = { .sll_family = AF_PACKET, .sll_protocol = htons((uint16_t)protocol), .sll_ifindex = ifindex };
    const struct packet_mreq all = { .mr_ifindex = ifindex, .mr_type = PACKET_MR_ALLMULTI };
    int fd = socket(AF_PACKET, SOCK_RAW | SOCK_CLOEXEC | SOCK_NONBLOCK, 0); /* 0: nothing comes before it is bound */
    if (fd < 0)
        return -1;
    /* Solicitations go to the target's multicast group, which this card has not joined. */
    if ((nd && (filter_nd(fd) != 0 || setsockopt(fd, SOL_PACKET, PACKET_ADD_MEMBERSHIP, &all, sizeof all) != 0)) ||
        bind(fd, (const struct sockaddr *)&here, sizeof here) != 0) {
        close(fd);
        return -1;
    }
    return fd;
}

/* The card's address as it is now: that of a gateway which stands by may be set while this program runs. */
static bool look(struct neighbour *n)
{
    struct sockaddr_ll here = { 0 };
    socklen_t len = sizeof here;
    if (getsockname(n->arp, (struct sockaddr *)&here, &len) != 0 || here.sll_halen != sizeof n->mac)
        return false;
    memcpy(n->mac, here.sll_addr, sizeof n->mac);
    return true;
}

int neighbour_open(const char *card, struct neighbour *ret)
{
    *ret = (struct neighbour){ .arp = -1, .nd = -1 };
    int index = (int)if_nametoindex(card);
    if (!index)
        return GW_ERR(SYS);
    ret->arp = open_socket(ETH_P_ARP, index, false);
    ret->nd = open_socket(ETH_P_IPV6, index, true);
    if (ret->arp < 0 || ret->nd < 0 || !look(ret)) {
        neighbour_close(ret);
        return GW_ERR(SYS);
    }
    return 0;
}

void neighbour_close(struct neighbour *n)
{
    if (n->arp >= 0)
        close(n->arp);
    if (n->nd >= 0)
        close(n->nd);
    n->arp = n->nd = -1;
}

void neighbour_serve(struct neighbour *n, const struct gw_conf *c, enum gw_side side, int fd)
{
    unsigned char in[256], out[NEIGHBOUR_FRAME];
    for (int i = 0; i < AT_ONCE; i++) {
        struct sockaddr_ll from = { 0 };
        socklen_t len = sizeof from;
        ssize_t got = recvfrom(fd, in, sizeof in, 0, (struct sockaddr *)&from, &len);
        if (got < 0)
            return;
        if (from.sll_pkttype == PACKET_OUTGOING || !look(n))
            continue;
        size_t size = fd == n->arp ? neighbour_arp(c, side, n->mac, in, (size_t)got, out) : neighbour_nd(c, side, n->mac, in, (size_t)got, out);
        if (size && send(fd, out, size, 0) == (ssize_t)size)
            n->answers++;
    }
}
