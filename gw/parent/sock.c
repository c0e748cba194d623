/* SPDX-License-Identifier: GPL-3.0-or-later
 * Sockets in the two network namespaces. Only here does the parent step into one, and it steps back at once. */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <net/if.h>
#include <netinet/icmp6.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sched.h>
#include <stdio.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include <linux/icmp.h> /* behind net/if.h, which it would define again */

#include "log.h"
#include "parent.h"

#define LISTEN_BACKLOG 1024

int sock_enter(const struct parent *p, enum gw_side side)
{
    return setns(p->side_ns[side], CLONE_NEWNET) == 0 ? 0 : GW_ERR(SYS);
}

/* Being left in the wrong namespace would put the next socket on the wrong side: that ends the process. */
static void leave(const struct parent *p)
{
    if (setns(p->own_ns, CLONE_NEWNET) != 0)
        log_fatal("cannot return to the own network namespace: %m");
}

static int in_namespace_socket(const struct parent *p, enum gw_side side, int family, int type, int protocol)
{
    if (sock_enter(p, side))
        return -1;
    int fd = socket(family, type | SOCK_CLOEXEC | SOCK_NONBLOCK, protocol), err = errno;
    leave(p);
    errno = err;
    return fd;
}

int sock_netlink(const struct parent *p, enum gw_side side, int protocol)
{
    return in_namespace_socket(p, side, AF_NETLINK, SOCK_RAW, protocol);
}

static int set(int fd, int level, int option, int value)
{
    return setsockopt(fd, level, option, &value, sizeof value);
}

/* IP_TRANSPARENT: bear an address that is not ours, or be given connections to one. */
static int set_transparent(int fd, int family)
{
    return family == AF_INET ? set(fd, SOL_IP, IP_TRANSPARENT, 1) : set(fd, SOL_IPV6, IPV6_TRANSPARENT, 1);
}

static socklen_t to_sockaddr(const struct net_addr *a, struct sockaddr_storage *ret)
{
    memset(ret, 0, sizeof *ret);
    if (a->family == 4) {
        struct sockaddr_in *s = (struct sockaddr_in *)(void *)ret;
        s->sin_family = AF_INET;
        s->sin_port = htons(a->port);
        memcpy(&s->sin_addr, a->addr, 4);
        return sizeof *s;
    }
    struct sockaddr_in6 *s = (struct sockaddr_in6 *)(void *)ret;
    s->sin6_family = AF_INET6;
    s->sin6_port = htons(a->port);
    memcpy(&s->sin6_addr, a->addr, 16);
    return sizeof *s;
}

/* ---- looking before anything starts ---- */

/* Are the cards in this namespace, and do both families stand without forwarding? Logs what is not. */
static int check_inside(const struct gw_side_conf *s)
{
    static const char *const forwarding[] = { "/proc/sys/net/ipv4/ip_forward", "/proc/sys/net/ipv6/conf/all/forwarding" };
    int e = 0;
    for (size_t i = 0; i < s->n_cards; i++)
        if (!if_nametoindex(s->cards[i].interface)) {
            log_error("interface %s is not in namespace %s: `lockgate inline up` puts it there", s->cards[i].interface, s->namespace_);
            e = GW_ERR(CONF);
        }
    for (size_t i = 0; i < 2; i++) {
        char v = '0';
        int fd = open(forwarding[i], O_RDONLY | O_CLOEXEC);
        if (fd < 0)
            continue; /* no such family, then nothing is forwarded */
        if (read(fd, &v, 1) != 1 || v != '0') {
            log_error("namespace %s: %s is on, and nothing may be forwarded: `lockgate inline up` turns it off", s->namespace_, forwarding[i]);
            e = GW_ERR(CONF);
        }
        close(fd);
    }
    return e;
}

static int open_namespace(struct parent *p, enum gw_side side)
{
    const struct gw_side_conf *s = &p->conf->side[side];
    char path[256];
    snprintf(path, sizeof path, "/run/netns/%s", s->namespace_);
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    p->side_ns[side] = fd;
    if (fd < 0 || sock_enter(p, side)) {
        log_error("network namespace %s of side %s: %m: `lockgate inline up` makes it", s->namespace_, gw_side_name(side));
        return GW_ERR(CONF);
    }
    int e = check_inside(s);
    leave(p);
    return e;
}

int sock_open_namespaces(struct parent *p)
{
    int e = 0;
    p->own_ns = open("/proc/self/ns/net", O_RDONLY | O_CLOEXEC);
    if (p->own_ns < 0) {
        log_error("/proc/self/ns/net: %m: this kernel has no network namespaces, or /proc is not mounted");
        return GW_ERR(CONF);
    }
    for (int s = 0; s < GW_SIDES; s++)
        if (open_namespace(p, (enum gw_side)s))
            e = GW_ERR(CONF);
    return e;
}

/* ---- listeners ---- */

int sock_listen(const struct parent *p, enum gw_side side, unsigned family, uint16_t port, bool intercepted, int *ret_fd)
{
    int af = family == 4 ? AF_INET : AF_INET6;
    struct net_addr a = { .family = (uint8_t)family, .port = port ? port : GW_TPROXY_PORT };
    struct sockaddr_storage ss;
    if (intercepted) { /* the packet rules hand connections to the loopback address */
        if (family == 4)
            memcpy(a.addr, "\177\0\0\1", 4);
        else
            a.addr[15] = 1;
    }
    int fd = in_namespace_socket(p, side, af, SOCK_STREAM, 0);
    socklen_t n = to_sockaddr(&a, &ss);
    if (fd < 0 || set(fd, SOL_SOCKET, SO_REUSEADDR, 1) || (af == AF_INET6 && set(fd, SOL_IPV6, IPV6_V6ONLY, 1)) ||
        (intercepted && set_transparent(fd, af)) || set(fd, SOL_SOCKET, SO_MARK, SOCK_MARK) || bind(fd, (struct sockaddr *)&ss, n) ||
        listen(fd, LISTEN_BACKLOG)) {
        int err = errno;
        if (fd >= 0)
            close(fd);
        errno = err;
        return GW_ERR(SYS);
    }
    *ret_fd = fd;
    return 0;
}

static int give_listener(const struct parent *p, enum gw_side side, unsigned family, uint16_t port, bool intercepted, struct ipc *to)
{
    const struct msg_listener m = { .family = (uint8_t)family, .port = port };
    int fd;
    int e = sock_listen(p, side, family, port ? port : GW_TPROXY_PORT, intercepted, &fd);
    if (e && errno == EAFNOSUPPORT && family == 6)
        return 0; /* a kernel without IPv6: nothing of that family can come */
    if (e) {
        log_error("side %s: no listening socket, IPv%u port %u: %m", gw_side_name(side), family, port ? port : GW_TPROXY_PORT);
        return e;
    }
    return ipc_put_listener_fd(to, &m, fd);
}

int sock_give_listeners(const struct parent *p, enum gw_side side, struct ipc *edge)
{
    const struct gw_side_conf *s = &p->conf->side[side];
    bool proxy = p->conf->mode == GW_PROXY;
    for (unsigned family = 4; family <= 6; family += 2)
        for (size_t i = 0; i < (proxy ? s->n_ports : 1); i++) {
            int e = give_listener(p, side, family, proxy ? s->ports[i] : 0, !proxy, edge);
            if (e)
                return e;
        }
    return 0;
}

int sock_give_decoy(const struct parent *p, enum gw_side side, struct ipc *decoy)
{
    int e = give_listener(p, side, 4, GW_DECOY_PORT, true, decoy);
    return e ? e : give_listener(p, side, 6, GW_DECOY_PORT, true, decoy);
}

/* ---- services that the gateway answers itself ---- */

/* A raw socket takes echo requests alone; the kernel's own answers are off (lockgate inline). */
static int only_echo(int fd, int af)
{
    struct icmp6_filter six;
    const struct icmp_filter four = { ~(1u << ICMP_ECHO) };
    if (af == AF_INET)
        return setsockopt(fd, SOL_RAW, ICMP_FILTER, &four, sizeof four);
    ICMP6_FILTER_SETBLOCKALL(&six);
    ICMP6_FILTER_SETPASS(ICMP6_ECHO_REQUEST, &six);
    return setsockopt(fd, IPPROTO_ICMPV6, ICMP6_FILTER, &six, sizeof six);
}

static int service_socket(const struct parent *p, const struct gw_service *s)
{
    bool echo = s->kind == GW_SERVICE_ECHO;
    int af = s->address.family == 4 ? AF_INET : AF_INET6;
    struct sockaddr_storage ss;
    socklen_t n = to_sockaddr(&s->address, &ss);
    int fd = in_namespace_socket(p, s->side, af, echo ? SOCK_RAW : SOCK_DGRAM, !echo ? 0 : af == AF_INET ? IPPROTO_ICMP : IPPROTO_ICMPV6);
    if (fd < 0 || set_transparent(fd, af) || set(fd, SOL_SOCKET, SO_MARK, SOCK_MARK_SERVICE) || (echo && only_echo(fd, af)) ||
        bind(fd, (struct sockaddr *)&ss, n)) {
        int err = errno;
        if (fd >= 0)
            close(fd);
        errno = err;
        return -1;
    }
    return fd;
}

int sock_give_services(const struct parent *p, enum gw_side side, struct ipc *responder)
{
    for (size_t i = 0; i < p->conf->n_services; i++) {
        const struct gw_service *s = &p->conf->services[i];
        const struct msg_service m = { .index = (uint8_t)i };
        char text[NET_TEXT_MAX];
        if (s->side != side)
            continue;
        int fd = service_socket(p, s);
        if (fd < 0) {
            log_error("side %s: no socket for %s at %s: %m", gw_side_name(side), gw_service_name(s->kind), net_text(&s->address, text));
            return GW_ERR(SYS);
        }
        int e = ipc_put_service_fd(responder, &m, fd);
        if (e)
            return e;
    }
    return 0;
}

bool sock_linked(const struct parent *p, enum gw_side side)
{
    const struct gw_side_conf *s = &p->conf->side[side];
    bool linked = false;
    int fd = in_namespace_socket(p, side, AF_INET, SOCK_DGRAM, 0);
    for (size_t i = 0; fd >= 0 && !linked && i < s->n_cards; i++) {
        struct ifreq ifr = { 0 };
        snprintf(ifr.ifr_name, sizeof ifr.ifr_name, "%s", s->cards[i].interface);
        linked = ioctl(fd, SIOCGIFFLAGS, &ifr) == 0 && (ifr.ifr_flags & IFF_RUNNING);
    }
    if (fd >= 0)
        close(fd);
    return linked;
}

/* ---- onward connections ---- */

/* A port is chosen at connect() (a kept one would be a covert channel, and would bind before the destination is known). */
static int bear_address(int fd, int af, const struct net_addr *from)
{
    struct sockaddr_storage ss;
    struct net_addr a = *from;
    a.port = 0;
    socklen_t n = to_sockaddr(&a, &ss);
    if (set_transparent(fd, af) || set(fd, SOL_IP, IP_BIND_ADDRESS_NO_PORT, 1))
        return -1;
    return bind(fd, (struct sockaddr *)&ss, n);
}

int sock_connect(const struct parent *p, enum gw_side side, bool udp, const struct net_addr *from, const struct net_addr *to, int *ret_fd)
{
    int af = to->family == 4 ? AF_INET : AF_INET6, err;
    struct sockaddr_storage ss;
    socklen_t n = to_sockaddr(to, &ss);
    int fd = in_namespace_socket(p, side, af, udp ? SOCK_DGRAM : SOCK_STREAM, 0);
    if (fd < 0 || set(fd, SOL_SOCKET, SO_MARK, SOCK_MARK) || (from && from->family == to->family && bear_address(fd, af, from)) ||
        (!udp && (set(fd, SOL_TCP, TCP_NODELAY, 1) || set(fd, SOL_SOCKET, SO_KEEPALIVE, 1) || set(fd, SOL_TCP, TCP_KEEPIDLE, 60))) ||
        (connect(fd, (struct sockaddr *)&ss, n) && errno != EINPROGRESS)) {
        err = errno ? errno : EIO;
        if (fd >= 0)
            close(fd);
        return err;
    }
    *ret_fd = fd;
    return 0;
}

/* No mark and no address of its own: it leaves as any other connection of this machine does. */
int sock_witness(const struct gw_witness *w, int *ret_fd)
{
    bool udp = w->kind == GW_WITNESS_SYSLOG_UDP;
    struct sockaddr_storage ss;
    socklen_t n = to_sockaddr(&w->address, &ss);
    int fd = socket(w->address.family == 4 ? AF_INET : AF_INET6, (udp ? SOCK_DGRAM : SOCK_STREAM) | SOCK_CLOEXEC | SOCK_NONBLOCK, 0), err;
    if (fd < 0 || (connect(fd, (struct sockaddr *)&ss, n) && errno != EINPROGRESS)) {
        err = errno ? errno : EIO;
        if (fd >= 0)
            close(fd);
        return err;
    }
    *ret_fd = fd;
    return 0;
}
