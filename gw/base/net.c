/* SPDX-License-Identifier: GPL-3.0-or-later
 * IP addresses and networks as values. */
#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdio.h>

#include "net.h"

const char *gw_side_name(enum gw_side s)
{
    switch (s) {
    case GW_HIGH:
        return "high";
    case GW_LOW:
        return "low";
    case GW_SIDES:
        break;
    }
    return "none";
}

static const unsigned char net_mapped[12] = { [10] = 0xff, [11] = 0xff };

/* An IPv4 address written as IPv6 (::ffff:a.b.c.d) would be a second name of the same host: it is refused. */
int net_parse(const char *text, struct net_addr *ret)
{
    struct net_addr a = { 0 };

    if (inet_pton(AF_INET, text, a.addr) == 1)
        a.family = 4;
    else if (inet_pton(AF_INET6, text, a.addr) == 1 && memcmp(a.addr, net_mapped, sizeof net_mapped) != 0)
        a.family = 6;
    else
        return GW_ERR(SYNTAX);
    *ret = a;
    return 0;
}

int net_parse_prefix(const char *text, struct net_prefix *ret)
{
    const char *slash = strchr(text, '/');
    char host[NET_TEXT_MAX];
    struct net_prefix p;
    unsigned bits = 0;
    size_t n;

    if (!slash)
        return GW_ERR(SYNTAX);
    n = (size_t)(slash - text);
    if (n >= sizeof host)
        return GW_ERR(SYNTAX);
    memcpy(host, text, n);
    host[n] = 0;
    if (net_parse(host, &p.addr) < 0)
        return GW_ERR(SYNTAX);
    n = strlen(slash + 1);
    if (n < 1 || n > 3 || (n > 1 && slash[1] == '0'))
        return GW_ERR(SYNTAX);
    for (size_t i = 1; i <= n; i++) {
        if (slash[i] < '0' || slash[i] > '9')
            return GW_ERR(SYNTAX);
        bits = bits * 10 + (unsigned)(slash[i] - '0');
    }
    if (bits > (p.addr.family == 4 ? 32u : 128u))
        return GW_ERR(SYNTAX);
    p.bits = (uint8_t)bits;
    *ret = p;
    return 0;
}

const char *net_text(const struct net_addr *a, char out[NET_TEXT_MAX])
{
    if (a->family == 0 || !inet_ntop(a->family == 4 ? AF_INET : AF_INET6, a->addr, out, NET_TEXT_MAX))
        snprintf(out, NET_TEXT_MAX, "none");
    return out;
}

bool net_same_host(const struct net_addr *a, const struct net_addr *b)
{
    return a->family == b->family && a->family != 0 && memcmp(a->addr, b->addr, a->family == 4 ? 4 : 16) == 0;
}

bool net_in(const struct net_addr *a, const struct net_prefix *p)
{
    unsigned whole = p->bits / 8u, rest = p->bits % 8u;

    if (a->family == 0 || a->family != p->addr.family || p->bits > (a->family == 4 ? 32u : 128u))
        return false;
    if (memcmp(a->addr, p->addr.addr, whole) != 0)
        return false;
    return rest == 0 || ((a->addr[whole] ^ p->addr.addr[whole]) >> (8 - rest)) == 0;
}

int net_from_sockaddr(const struct sockaddr *sa, struct net_addr *ret)
{
    struct net_addr a = { 0 };

    if (sa->sa_family == AF_INET) {
        struct sockaddr_in v4;

        memcpy(&v4, sa, sizeof v4);
        a.family = 4;
        memcpy(a.addr, &v4.sin_addr, 4);
        a.port = ntohs(v4.sin_port);
    } else if (sa->sa_family == AF_INET6) {
        struct sockaddr_in6 v6;

        memcpy(&v6, sa, sizeof v6);
        a.port = ntohs(v6.sin6_port);
        if (memcmp(&v6.sin6_addr, net_mapped, sizeof net_mapped) == 0) {
            a.family = 4;
            memcpy(a.addr, v6.sin6_addr.s6_addr + 12, 4);
        } else {
            a.family = 6;
            memcpy(a.addr, &v6.sin6_addr, 16);
        }
    } else {
        return GW_ERR(UNSUPPORTED);
    }
    *ret = a;
    return 0;
}

unsigned net_to_sockaddr(const struct net_addr *a, struct sockaddr_storage *ret)
{
    memset(ret, 0, sizeof *ret);
    if (a->family == 4) {
        struct sockaddr_in v4 = { .sin_family = AF_INET, .sin_port = htons(a->port) };

        memcpy(&v4.sin_addr, a->addr, 4);
        memcpy(ret, &v4, sizeof v4);
        return sizeof v4;
    }
    if (a->family == 6) {
        struct sockaddr_in6 v6 = { .sin6_family = AF_INET6, .sin6_port = htons(a->port) };

        memcpy(&v6.sin6_addr, a->addr, 16);
        memcpy(ret, &v6, sizeof v6);
        return sizeof v6;
    }
    return 0;
}
