/* SPDX-License-Identifier: GPL-3.0-or-later
 * A netlink queue, by libnetfilter_queue's and libmnl's message helpers on one socket; recvmmsg in, one send out. */
#include <arpa/inet.h>
#include <errno.h>
#include <libmnl/libmnl.h>
#include <libnetfilter_queue/libnetfilter_queue.h>
#include <linux/netfilter.h>
#include <linux/netfilter/nfnetlink.h>
#include <linux/netfilter/nfnetlink_queue.h>
#include <stddef.h>
#include <stdlib.h>
#include <sys/socket.h>

#include "queue.h"

#define CONTROL_BYTES 8192  /* a configuration message or its answer */
#define COPY_BYTES 128      /* of a packet: heads, never data */
#define SLOT 1024           /* one netlink message */
#define VERDICT_BYTES 64    /* one verdict message, at most */
#define RECEIVE_BUFFER (8 << 20)
#define QUEUE_LENGTH 16384  /* 1024, the kernel's default, overran in a flood */

struct queue {
    struct mnl_socket *nl;
    uint16_t number;
    _Alignas(struct nlmsghdr) unsigned char slot[QUEUE_BATCH][SLOT];
    _Alignas(struct nlmsghdr) char out[QUEUE_BATCH * VERDICT_BYTES];
};
/* They are read and written as messages where they lie. */
_Static_assert(offsetof(struct queue, slot) % NLMSG_ALIGNTO == 0 && SLOT % NLMSG_ALIGNTO == 0 && offsetof(struct queue, out) % NLMSG_ALIGNTO == 0,
    "netlink messages are aligned");

/* Sends one configuration message and waits for the kernel's answer. */
static int configure(struct queue *q, struct nlmsghdr *h)
{
    _Alignas(struct nlmsghdr) char r[CONTROL_BYTES];
    h->nlmsg_flags |= NLM_F_ACK;
    if (mnl_socket_sendto(q->nl, h, h->nlmsg_len) < 0)
        return -1;
    ssize_t n = mnl_socket_recvfrom(q->nl, r, sizeof r);
    return n < 0 ? -1 : mnl_cb_run(r, (size_t)n, 0, mnl_socket_get_portid(q->nl), NULL, NULL) < 0 ? -1 : 0;
}

/* No fail-open flag, ever: what finds no room is dropped. */
static int bind_queue(struct queue *q, uint16_t number)
{
    _Alignas(struct nlmsghdr) char b[CONTROL_BYTES];
    struct nlmsghdr *h = nfq_nlmsg_put(b, NFQNL_MSG_CONFIG, number);
    nfq_nlmsg_cfg_put_cmd(h, AF_UNSPEC, NFQNL_CFG_CMD_BIND);
    if (configure(q, h) != 0)
        return -1;
    h = nfq_nlmsg_put(b, NFQNL_MSG_CONFIG, number);
    nfq_nlmsg_cfg_put_params(h, NFQNL_COPY_PACKET, COPY_BYTES);
    nfq_nlmsg_cfg_put_qmaxlen(h, QUEUE_LENGTH);
    mnl_attr_put_u32(h, NFQA_CFG_FLAGS, htonl(NFQA_CFG_F_GSO));
    mnl_attr_put_u32(h, NFQA_CFG_MASK, htonl(NFQA_CFG_F_GSO | NFQA_CFG_F_FAIL_OPEN));
    return configure(q, h);
}

int queue_open(uint16_t number, struct queue **ret)
{
    struct queue *q = calloc(1, sizeof *q);
    int size = RECEIVE_BUFFER, one = 1;
    if (!q)
        return GW_ERR(NOMEM);
    q->number = number;
    q->nl = mnl_socket_open(NETLINK_NETFILTER);
    if (!q->nl || mnl_socket_bind(q->nl, 0, MNL_SOCKET_AUTOPID) < 0)
        goto bad;
    int fd = mnl_socket_get_fd(q->nl);
    /* Messages that do not fit are packets that stay without a verdict: they are dropped, and we need not hear of it. */
    if (setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &size, sizeof size) != 0 ||
        setsockopt(fd, SOL_NETLINK, NETLINK_NO_ENOBUFS, &one, sizeof one) != 0)
        goto bad;
    if (bind_queue(q, number) != 0)
        goto bad;
    *ret = q;
    return 0;
bad:;
    int err = errno;
    queue_close(q);
    errno = err;
    return GW_ERR(SYS);
}

void queue_close(struct queue *q)
{
    if (q && q->nl)
        mnl_socket_close(q->nl);
    free(q);
}

int queue_fd(const struct queue *q)
{
    return mnl_socket_get_fd(q->nl);
}

static int keep_attribute(const struct nlattr *a, void *arg)
{
    const struct nlattr **v = arg;
    if (mnl_attr_get_type(a) <= NFQA_MAX)
        v[mnl_attr_get_type(a)] = a;
    return MNL_CB_OK;
}

static bool read_message(const struct queue *q, const struct nlmsghdr *h, size_t n, struct queued *ret)
{
    const struct nlattr *a[NFQA_MAX + 1] = { NULL };
    if (!mnl_nlmsg_ok(h, (int)n) || h->nlmsg_type != (NFNL_SUBSYS_QUEUE << 8 | NFQNL_MSG_PACKET))
        return false;
    const struct nfgenmsg *g = mnl_nlmsg_get_payload(h);
    if (mnl_attr_parse(h, sizeof *g, keep_attribute, a) < 0 || ntohs(g->res_id) != q->number || !a[NFQA_PACKET_HDR])
        return false;
    const struct nfqnl_msg_packet_hdr *ph = mnl_attr_get_payload(a[NFQA_PACKET_HDR]);
    *ret = (struct queued){ .id = ntohl(ph->packet_id), .audit = q->number == QUEUE_AUDIT };
    ret->mark = a[NFQA_MARK] ? ntohl(mnl_attr_get_u32(a[NFQA_MARK])) : 0;
    if (a[NFQA_PAYLOAD]) {
        ret->packet = mnl_attr_get_payload(a[NFQA_PAYLOAD]);
        ret->n = mnl_attr_get_payload_len(a[NFQA_PAYLOAD]);
    }
    return true;
}

int queue_read(struct queue *q, struct queued v[QUEUE_BATCH])
{
    struct mmsghdr mm[QUEUE_BATCH] = { 0 };
    struct iovec iov[QUEUE_BATCH];
    int got = 0;
    for (int i = 0; i < QUEUE_BATCH; i++) {
        iov[i] = (struct iovec){ q->slot[i], SLOT };
        mm[i].msg_hdr.msg_iov = &iov[i];
        mm[i].msg_hdr.msg_iovlen = 1;
    }
    int n = recvmmsg(queue_fd(q), mm, QUEUE_BATCH, MSG_DONTWAIT, NULL);
    if (n < 0)
        return errno == EAGAIN || errno == EINTR || errno == ENOBUFS ? 0 : GW_ERR(SYS);
    for (int i = 0; i < n; i++)
        if (read_message(q, (const struct nlmsghdr *)(const void *)q->slot[i], mm[i].msg_len, &v[got]))
            got++;
    return got;
}

static uint32_t mark_of(const struct queued *v)
{
    return v->give ? (v->mark & QUEUE_MARK_KEEP) | v->give : 0;
}

/* At p; its length. type VERDICT: this packet alone; VERDICT_BATCH: all that were given before it as well. */
static size_t put_verdict(struct queue *q, char *p, int type, const struct queued *v)
{
    struct nlmsghdr *h = nfq_nlmsg_put(p, type, q->number);
    nfq_nlmsg_verdict_put(h, (int)v->id, v->give ? NF_ACCEPT : NF_DROP);
    if (v->give)
        nfq_nlmsg_verdict_put_mark(h, mark_of(v));
    return NLMSG_ALIGN(h->nlmsg_len);
}

/* Numbers only grow: the last one's number stands for the whole batch, and for all before it that got no answer (a message that could not be
 * sent or read). Those must not be let in with it, so one verdict for many is for drops alone. */
int queue_answer(struct queue *q, const struct queued *v, size_t n)
{
    const struct sockaddr_nl kernel = { .nl_family = AF_NETLINK };
    size_t used = 0, same = 1;
    while (same < n && v[same].give == v[0].give && mark_of(&v[same]) == mark_of(&v[0]))
        same++;
    if (n > 1 && same == n && !v[0].give)
        used = put_verdict(q, q->out, NFQNL_MSG_VERDICT_BATCH, &v[n - 1]);
    else
        for (size_t i = 0; i < n; i++)
            used += put_verdict(q, q->out + used, NFQNL_MSG_VERDICT, &v[i]);
    if (used && sendto(queue_fd(q), q->out, used, 0, (const struct sockaddr *)&kernel, sizeof kernel) != (ssize_t)used)
        return GW_ERR(SYS);
    return 0;
}
