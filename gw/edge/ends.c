/* SPDX-License-Identifier: GPL-3.0-or-later
 * The two ends of a connected socket. */
#include "ends.h"

#include <netinet/in.h>
#include <sys/socket.h>

static bool to_addr(const struct sockaddr_storage *s, struct net_addr *ret)
{
    *ret = (struct net_addr){ 0 };
    if (s->ss_family == AF_INET) {
        struct sockaddr_in a;
        memcpy(&a, s, sizeof a);
        ret->family = 4;
        memcpy(ret->addr, &a.sin_addr, 4);
        ret->port = ntohs(a.sin_port);
        return true;
    }
    if (s->ss_family == AF_INET6) {
        struct sockaddr_in6 a;
        memcpy(&a, s, sizeof a);
        ret->family = 6;
        memcpy(ret->addr, &a.sin6_addr, 16);
        ret->port = ntohs(a.sin6_port);
        return true;
    }
    return false;
}

bool ends_local(int fd, struct net_addr *ret)
{
    struct sockaddr_storage s;
    socklen_t n = sizeof s;
    *ret = (struct net_addr){ 0 };
    return getsockname(fd, (struct sockaddr *)&s, &n) == 0 && to_addr(&s, ret);
}

bool ends_remote(int fd, struct net_addr *ret)
{
    struct sockaddr_storage s;
    socklen_t n = sizeof s;
    *ret = (struct net_addr){ 0 };
    return getpeername(fd, (struct sockaddr *)&s, &n) == 0 && to_addr(&s, ret);
}
