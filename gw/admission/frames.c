/* SPDX-License-Identifier: GPL-3.0-or-later
 * The netlink log group, by libmnl: only the ethertype is asked for, never a byte of the frame. */
#include <arpa/inet.h>
#include <errno.h>
#include <libmnl/libmnl.h>
#include <linux/netfilter/nfnetlink.h>
#include <linux/netfilter/nfnetlink_log.h>
#include <stdlib.h>
#include <sys/socket.h>

#include "frames.h"

#define MESSAGE_BYTES 8192
#define READ_BYTES 65536
#define FLUSH_TICKS 20 /* hundredths of a second that the kernel may gather messages */

struct frames {
    struct mnl_socket *nl;
    _Alignas(struct nlmsghdr) char buf[READ_BYTES];
};

static struct nlmsghdr *config(char *b)
{
    struct nlmsghdr *h = mnl_nlmsg_put_header(b);
    h->nlmsg_type = NFNL_SUBSYS_ULOG << 8 | NFULNL_MSG_CONFIG;
    h->nlmsg_flags = NLM_F_REQUEST | NLM_F_ACK;
    struct nfgenmsg *g = mnl_nlmsg_put_extra_header(h, sizeof *g);
    g->nfgen_family = AF_UNSPEC;
    g->version = NFNETLINK_V0;
    g->res_id = htons(FRAMES_GROUP);
    return h;
}

static int ask(struct frames *f, const struct nlmsghdr *h)
{
    if (mnl_socket_sendto(f->nl, h, h->nlmsg_len) < 0)
        return -1;
    ssize_t n = mnl_socket_recvfrom(f->nl, f->buf, sizeof f->buf);
    return n < 0 ? -1 : mnl_cb_run(f->buf, (size_t)n, 0, mnl_socket_get_portid(f->nl), NULL, NULL) < 0 ? -1 : 0;
}

static int bind_group(struct frames *f)
{
    _Alignas(struct nlmsghdr) char b[MESSAGE_BYTES];
    const struct nfulnl_msg_config_cmd bind = { .command = NFULNL_CFG_CMD_BIND };
    const struct nfulnl_msg_config_mode mode = { .copy_mode = NFULNL_COPY_META };
    struct nlmsghdr *h = config(b);
    mnl_attr_put(h, NFULA_CFG_CMD, sizeof bind, &bind);
    if (ask(f, h) != 0)
        return -1;
    h = config(b);
    mnl_attr_put(h, NFULA_CFG_MODE, sizeof mode, &mode);
    mnl_attr_put_u32(h, NFULA_CFG_TIMEOUT, htonl(FLUSH_TICKS));
    return ask(f, h);
}

int frames_open(struct frames **ret)
{
    int one = 1;
    struct frames *f = calloc(1, sizeof *f);
    if (!f)
        return GW_ERR(NOMEM);
    f->nl = mnl_socket_open(NETLINK_NETFILTER);
    if (!f->nl || mnl_socket_bind(f->nl, 0, MNL_SOCKET_AUTOPID) < 0 || bind_group(f) != 0 ||
        setsockopt(mnl_socket_get_fd(f->nl), SOL_NETLINK, NETLINK_NO_ENOBUFS, &one, sizeof one) != 0) {
        int err = errno;
        frames_close(f);
        errno = err;
        return GW_ERR(SYS);
    }
    *ret = f;
    return 0;
}

void frames_close(struct frames *f)
{
    if (f && f->nl)
        mnl_socket_close(f->nl);
    free(f);
}

int frames_fd(const struct frames *f)
{
    return mnl_socket_get_fd(f->nl);
}

static int keep_head(const struct nlattr *a, void *arg)
{
    const struct nlattr **head = arg;
    if (mnl_attr_get_type(a) == NFULA_PACKET_HDR && mnl_attr_get_payload_len(a) >= sizeof(struct nfulnl_msg_packet_hdr))
        *head = a;
    return MNL_CB_OK;
}

int frames_read(struct frames *f, uint16_t v[FRAMES_BATCH])
{
    int got = 0;
    ssize_t n = recv(frames_fd(f), f->buf, sizeof f->buf, MSG_DONTWAIT);
    if (n < 0)
        return errno == EAGAIN || errno == EINTR || errno == ENOBUFS ? 0 : GW_ERR(SYS);
    int left = (int)n;
    const struct nlmsghdr *h = (const struct nlmsghdr *)(const void *)f->buf;
    for (; mnl_nlmsg_ok(h, left) && got < FRAMES_BATCH; h = mnl_nlmsg_next(h, &left)) {
        const struct nlattr *head = NULL;
        if (h->nlmsg_type != (NFNL_SUBSYS_ULOG << 8 | NFULNL_MSG_PACKET) || mnl_attr_parse(h, sizeof(struct nfgenmsg), keep_head, &head) < 0 || !head)
            continue;
        const struct nfulnl_msg_packet_hdr *p = mnl_attr_get_payload(head);
        v[got++] = ntohs(p->hw_protocol);
    }
    return got;
}
