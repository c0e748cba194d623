/* SPDX-License-Identifier: GPL-3.0-or-later
 * One end of a channel: frames in one receive buffer and one send queue, descriptors beside them. */
#include <errno.h>
#include <endian.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "codec.h"

#define RX_BASE ((size_t)256 << 10) /* bytes; one read takes what the kernel's socket buffer holds by default */
#define TX_KEEP ((size_t)1 << 20)   /* an empty queue larger than this is given back */
#define FDS_MAX 256                 /* descriptors that wait at once, each way */

/* A descriptor and where it belongs: sending, the frame's first byte; receiving, the end of the bytes it came with. */
struct ipc_mark {
    uint64_t at;
    size_t frame; /* sending: bytes of its frame */
    int fd;
};
struct ipc_marks {
    struct ipc_mark v[FDS_MAX];
    size_t first, n;
};

struct ipc {
    int fd;
    enum ipc_role self, peer;
    int broken; /* a code, once the channel is of no more use */

    unsigned char *rx;
    size_t rx_off, rx_len, rx_cap;
    uint64_t rx_total; /* bytes ever received */
    struct ipc_marks rx_fds;

    struct buf tx;
    bool blocked, drained; /* the kernel took no more; then it took all */
    uint64_t tx_total; /* bytes ever queued */
    struct ipc_marks tx_fds;
};

static struct ipc_mark *mark_first(struct ipc_marks *m)
{
    return m->n ? &m->v[m->first] : NULL;
}

static void mark_drop(struct ipc_marks *m)
{
    m->first = (m->first + 1) % FDS_MAX;
    m->n--;
}

static bool mark_add(struct ipc_marks *m, struct ipc_mark add)
{
    if (m->n == FDS_MAX)
        return false;
    m->v[(m->first + m->n++) % FDS_MAX] = add;
    return true;
}

struct ipc *ipc_new(int fd, enum ipc_role self, enum ipc_role peer)
{
    struct ipc *c = calloc(1, sizeof *c);
    int flags;

    if (!c)
        return NULL;
    c->rx = malloc(RX_BASE);
    if (!c->rx) {
        free(c);
        return NULL;
    }
    c->rx_cap = RX_BASE;
    c->fd = fd;
    c->self = self;
    c->peer = peer;
    buf_init(&c->tx, IPC_QUEUE_MAX);
    flags = fcntl(fd, F_GETFL);
    if (flags < 0 || fcntl(fd, F_SETFL, flags | O_NONBLOCK) < 0)
        c->broken = GW_ERR(IO); /* said by the first ipc_fill or ipc_flush */
    return c;
}

void ipc_free(struct ipc *c)
{
    if (!c)
        return;
    for (struct ipc_mark *m; (m = mark_first(&c->rx_fds)); mark_drop(&c->rx_fds))
        close(m->fd);
    for (struct ipc_mark *m; (m = mark_first(&c->tx_fds)); mark_drop(&c->tx_fds))
        close(m->fd);
    close(c->fd);
    free(c->rx);
    buf_clear(&c->tx);
    free(c);
}

int ipc_fd(const struct ipc *c)
{
    return c->fd;
}

size_t ipc_queued(const struct ipc *c)
{
    return buf_size(&c->tx);
}

struct pollfd ipc_poll(const struct ipc *c)
{
    return (struct pollfd){ .fd = c->fd, .events = (short)(POLLIN | (ipc_queued(c) ? POLLOUT : 0)) };
}

/* ---- receiving ---- */

static uint32_t get32(const unsigned char *p)
{
    uint32_t v;

    memcpy(&v, p, sizeof v);
    return be32toh(v);
}

/* Looks at the frame at the front. 1 and its size (header included) once the header is there, 0 before, PROTO. */
static int rx_frame(const struct ipc *c, unsigned *ret_type, size_t *ret_size)
{
    const unsigned char *p = c->rx + c->rx_off;
    const struct ipc_type_info *info;
    unsigned type;
    size_t n;

    if (c->rx_len - c->rx_off < IPC_HEAD)
        return 0;
    n = get32(p);
    type = (unsigned)p[4] << 8 | p[5];
    info = ipc_type_info(type);
    if (!info || p[6] != 0 || p[7] != 0 || n > info->max)
        return GW_ERR(PROTO);
    if (!(info->from & (1u << c->peer)) || !(info->to & (1u << c->self)))
        return GW_ERR(PROTO);
    *ret_type = type;
    *ret_size = IPC_HEAD + n;
    return 1;
}

static bool rx_whole(const struct ipc *c)
{
    unsigned type;
    size_t size;
    int r = rx_frame(c, &type, &size);

    return r < 0 || (r > 0 && size <= c->rx_len - c->rx_off);
}

/* Moves what is left to the front and makes the buffer fit the frame under way. A frame's length was held against its type's
 * maximum before memory is taken for it. */
static int rx_prepare(struct ipc *c)
{
    size_t left = c->rx_len - c->rx_off, size = 0, cap = RX_BASE;
    unsigned type;
    unsigned char *p;

    if (rx_frame(c, &type, &size) > 0 && size > cap)
        cap = size;
    if (cap < left)
        cap = left;
    if (cap > c->rx_cap || (c->rx_cap > RX_BASE && cap == RX_BASE)) {
        p = malloc(cap);
        if (!p)
            return GW_ERR(NOMEM);
        if (left)
            memcpy(p, c->rx + c->rx_off, left);
        free(c->rx);
        c->rx = p;
        c->rx_cap = cap;
    } else if (c->rx_off && left) {
        memmove(c->rx, c->rx + c->rx_off, left);
    }
    c->rx_off = 0;
    c->rx_len = left;
    return 0;
}

/* The kernel ends a read with the piece that carried a descriptor, so the end of this read tells which frame it belongs to.
 * One for each read is all that an honest peer sends; further ones are closed. */
static void rx_take_fds(struct ipc *c, struct msghdr *mh)
{
    bool taken = false;

    for (struct cmsghdr *h = CMSG_FIRSTHDR(mh); h; h = CMSG_NXTHDR(mh, h)) {
        if (h->cmsg_level != SOL_SOCKET || h->cmsg_type != SCM_RIGHTS)
            continue;
        for (size_t at = CMSG_LEN(0); at + sizeof(int) <= h->cmsg_len; at += sizeof(int)) {
            struct ipc_mark m = { .at = c->rx_total };

            memcpy(&m.fd, (unsigned char *)h + at, sizeof m.fd);
            if (c->peer != IPC_PARENT && c->broken == 0)
                c->broken = GW_ERR(PROTO); /* it wants to fill our table: its channel ends here */
            if (c->broken || taken || !mark_add(&c->rx_fds, m))
                close(m.fd);
            taken = true;
        }
    }
}

int ipc_fill(struct ipc *c)
{
    _Alignas(struct cmsghdr) unsigned char control[CMSG_SPACE(sizeof(int))];
    struct iovec iov;
    struct msghdr mh = { .msg_iov = &iov, .msg_iovlen = 1, .msg_control = control, .msg_controllen = sizeof control };
    bool waiting = rx_whole(c);
    ssize_t n;
    int err;

    if (c->broken < 0)
        return waiting ? 1 : c->broken;
    err = rx_prepare(c);
    if (err < 0)
        return err;
    iov = (struct iovec){ c->rx + c->rx_len, c->rx_cap - c->rx_len };
    if (iov.iov_len == 0)
        return 1; /* full of whole messages that nobody took */
    do
        n = recvmsg(c->fd, &mh, MSG_DONTWAIT | MSG_CMSG_CLOEXEC);
    while (n < 0 && errno == EINTR);
    if (n < 0 && (errno == EAGAIN || errno == EWOULDBLOCK))
        return waiting ? 1 : GW_ERR(AGAIN);
    if (n <= 0) {
        c->broken = n == 0 || errno == ECONNRESET ? GW_ERR(CLOSED) : GW_ERR(IO);
        return waiting ? 1 : c->broken;
    }
    c->rx_len += (size_t)n;
    c->rx_total += (size_t)n;
    if (mh.msg_controllen > 0)
        rx_take_fds(c, &mh);
    return 1;
}

static bool carries_fd(unsigned type, const unsigned char *payload, size_t n)
{
    if (type == IPC_M_LINK || type == IPC_M_LISTENER || type == IPC_M_SERVICE || type == IPC_M_CRL)
        return true;
    return type == IPC_M_CONNECTED && n >= 12 && get32(payload + 8) == 0;
}

/* The descriptor that came with the frame that ends at stream position `end`: 1 taken (or none: -1), PROTO for one that came with
 * a frame that may carry none. */
static int rx_match_fd(struct ipc *c, const struct ipc_msg *msg, uint64_t end, int *ret_fd)
{
    struct ipc_mark *m = mark_first(&c->rx_fds);

    *ret_fd = -1;
    if (!m || m->at > end)
        return 1;
    if (!carries_fd(msg->type, (const unsigned char *)msg->payload.p, msg->payload.n))
        return GW_ERR(PROTO);
    *ret_fd = m->fd;
    mark_drop(&c->rx_fds);
    return 1;
}

int ipc_next(struct ipc *c, struct ipc_msg *ret)
{
    struct ipc_msg msg = { .fd = -1 };
    unsigned type = 0;
    size_t size = 0, left = c->rx_len - c->rx_off;
    int r = rx_frame(c, &type, &size), fd = -1;

    if (r == 0 || (r > 0 && size > left))
        return 0;
    if (r > 0) {
        msg.type = (enum ipc_type)type;
        msg.payload = (struct str){ (const char *)c->rx + c->rx_off + IPC_HEAD, size - IPC_HEAD };
        r = rx_match_fd(c, &msg, c->rx_total - left + size, &fd);
    }
    if (r < 0) {
        c->broken = r; /* stays so: nothing behind a bad frame is looked at */
        return r;
    }
    msg.fd = fd;
    c->rx_off += size;
    *ret = msg;
    return 1;
}

/* ---- sending ---- */

int ipc_frame(struct ipc *c, enum ipc_type type, size_t n, int fd, unsigned char **ret_payload)
{
    const struct ipc_type_info *info = ipc_type_info(type);
    unsigned char *p;
    uint32_t length;

    if (!info || !(info->from & (1u << c->self)) || !(info->to & (1u << c->peer)))
        return GW_ERR(PROTO);
    if (n > info->max || IPC_HEAD + n > IPC_QUEUE_MAX - buf_size(&c->tx))
        return GW_ERR(LIMIT);
    p = buf_room(&c->tx, IPC_HEAD + n);
    if (!p)
        return GW_ERR(NOMEM);
    if (fd >= 0 && !mark_add(&c->tx_fds, (struct ipc_mark){ .at = c->tx_total, .frame = IPC_HEAD + n, .fd = fd }))
        return GW_ERR(LIMIT);
    length = htobe32((uint32_t)n);
    memcpy(p, &length, sizeof length);
    p[4] = (unsigned char)(type >> 8);
    p[5] = (unsigned char)type;
    p[6] = p[7] = 0;
    buf_added(&c->tx, IPC_HEAD + n);
    c->tx_total += IPC_HEAD + n;
    *ret_payload = p + IPC_HEAD;
    return 0;
}

static ssize_t tx_send(struct ipc *c, size_t n, int fd)
{
    _Alignas(struct cmsghdr) unsigned char control[CMSG_SPACE(sizeof(int))] = { 0 };
    struct iovec iov = { c->tx.p + c->tx.off, n };
    struct msghdr mh = { .msg_iov = &iov, .msg_iovlen = 1 };
    ssize_t sent;

    if (fd >= 0) {
        struct cmsghdr *h;

        mh.msg_control = control;
        mh.msg_controllen = sizeof control;
        h = CMSG_FIRSTHDR(&mh);
        h->cmsg_level = SOL_SOCKET;
        h->cmsg_type = SCM_RIGHTS;
        h->cmsg_len = CMSG_LEN(sizeof fd);
        memcpy(CMSG_DATA(h), &fd, sizeof fd);
    }
    do
        sent = sendmsg(c->fd, &mh, MSG_DONTWAIT | MSG_NOSIGNAL);
    while (sent < 0 && errno == EINTR);
    return sent;
}

/* A frame that carries a descriptor goes in a call of its own: the receiver tells by its position which one it belongs to. */
int ipc_flush(struct ipc *c)
{
    while (c->broken == 0 && buf_size(&c->tx) > 0) {
        struct ipc_mark *m = mark_first(&c->tx_fds);
        uint64_t at = c->tx_total - buf_size(&c->tx); /* stream position of the first byte that waits */
        bool with_fd = m && m->at == at;
        size_t n = buf_size(&c->tx);
        ssize_t sent;

        if (m)
            n = with_fd ? m->frame : (size_t)(m->at - at);
        sent = tx_send(c, n, with_fd ? m->fd : -1);
        if (sent < 0 && (errno == EAGAIN || errno == EWOULDBLOCK)) {
            c->blocked = true;
            return GW_ERR(AGAIN);
        }
        if (sent < 0)
            return errno == EPIPE || errno == ECONNRESET ? GW_ERR(CLOSED) : GW_ERR(IO);
        if (with_fd) {
            close(m->fd);
            mark_drop(&c->tx_fds);
        }
        buf_drop(&c->tx, (size_t)sent);
    }
    if (c->tx.cap > TX_KEEP && buf_size(&c->tx) == 0)
        buf_clear(&c->tx);
    c->drained |= c->blocked;
    c->blocked = false;
    return c->broken;
}

bool ipc_drained(struct ipc *c)
{
    bool was = c->drained;

    c->drained = false;
    return was;
}

int ipc_serve(struct ipc *c, int (*on)(void *user, const struct ipc_msg *m), void *user)
{
    struct ipc_msg m;
    int e = ipc_fill(c), n;
    while ((n = ipc_next(c, &m)) == 1 && (n = on(user, &m)) == 0)
        ;
    return n < 0 ? n : e == GW_ERR(AGAIN) || e > 0 ? 0 : e;
}
