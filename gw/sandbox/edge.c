/* SPDX-License-Identifier: GPL-3.0-or-later
 * System calls of an edge: it uses the sockets that the parent made, and can make, bind, connect or name none itself. */
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>

#include "rules.h"

static const struct sandbox_rule edge[] = {
    /* libuv's loop */
    ALLOW(epoll_create1), ALLOW(epoll_ctl), ALLOW(epoll_wait), ALLOW(epoll_pwait), ALLOW(eventfd2), ALLOW(pipe2),
    /* connections on listeners of the parent; data on connected sockets (sendto: no address) */
    ALLOW(accept4), ALLOW(recvfrom), ALLOW_NULL(sendto, 4), ALLOW(shutdown), ALLOW(getsockname), ALLOW(getpeername), ALLOW(getsockopt),
    ALLOW_INTS(setsockopt, 1, SOL_SOCKET, 2, SO_KEEPALIVE), ALLOW_INTS(setsockopt, 1, SOL_SOCKET, 2, SO_LINGER),
    ALLOW_INTS(setsockopt, 1, SOL_SOCKET, 2, SO_RCVBUF), ALLOW_INTS(setsockopt, 1, SOL_SOCKET, 2, SO_SNDBUF),
    ALLOW_INTS(setsockopt, 1, IPPROTO_TCP, 2, TCP_NODELAY), ALLOW_INTS(setsockopt, 1, IPPROTO_TCP, 2, TCP_KEEPIDLE),
    ALLOW_INTS(setsockopt, 1, IPPROTO_TCP, 2, TCP_KEEPINTVL), ALLOW_INTS(setsockopt, 1, IPPROTO_TCP, 2, TCP_KEEPCNT),
    ALLOW_INTS(setsockopt, 1, IPPROTO_TCP, 2, TCP_USER_TIMEOUT), ALLOW_INTS(setsockopt, 1, IPPROTO_TCP, 2, TCP_CORK),
    ALLOW_INTS(setsockopt, 1, IPPROTO_TCP, 2, TCP_QUICKACK), ALLOW_INTS(setsockopt, 1, IPPROTO_TCP, 2, TCP_NOTSENT_LOWAT),
};
const struct sandbox_list sandbox_edge = SANDBOX_LIST(edge);
