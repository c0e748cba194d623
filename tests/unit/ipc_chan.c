// link: ipc base
/* SPDX-License-Identifier: GPL-3.0-or-later
 * Channels: order, pieces, descriptors with the right message, bad frames, ends, waiting, bounded memory. */
#include <fcntl.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "ipc.h"
#include "tap.h"

static struct ipc *a, *b;
static void connect_ends(enum ipc_role ra, enum ipc_role rb)
{
    int s[2];
    if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, s) < 0)
        exit(1);
    a = ipc_new(s[0], ra, rb);
    b = ipc_new(s[1], rb, ra);
}
static void free_ends(void)
{
    ipc_free(a);
    ipc_free(b);
    a = b = NULL;
}
static int open_fds(void)
{
    int n = 0;
    for (int fd = 0; fd < 256; fd++)
        n += fcntl(fd, F_GETFD) >= 0;
    return n;
}

/* Messages of many sizes, up to several times the socket's buffer, both ends pumped in turn. */
static void sizes(void)
{
    static const size_t want[] = { 0, 1, 100, 65536, 300000, 1, 16 << 20, 0, 5, 262144 - 28, 262144 - 27, 3 };
    size_t n = sizeof want / sizeof want[0], got = 0;
    char *text = malloc(16 << 20);
    bool same = true;

    for (size_t i = 0; i < 16 << 20; i++)
        text[i] = (char)(i * 31 >> 3);
    connect_ends(IPC_EDGE, IPC_GUARD);
    for (size_t i = 0; i < n; i++) {
        struct msg_stanza m = { .ticket = i, .flow = ~i, .record = { text, want[i] } };
        same &= ipc_put_stanza(a, &m) == 0;
    }
    ok(same && ipc_queued(a) > 16 << 20, "queued");
    for (int rounds = 0; got < n && rounds < 10000; rounds++) {
        struct ipc_msg msg;
        int r = ipc_flush(a);
        same &= r == 0 || r == GW_ERR(AGAIN);
        r = ipc_fill(b);
        same &= r > 0 || r == GW_ERR(AGAIN);
        while ((r = ipc_next(b, &msg)) > 0) {
            struct msg_stanza m;
            same &= ipc_get_stanza(&msg, &m) == 0 && m.ticket == got && m.flow == ~got && m.record.n == want[got] &&
                (m.record.n == 0 || memcmp(m.record.p, text, m.record.n) == 0);
            got++;
        }
        same &= r == 0;
    }
    ok(same && got == n && ipc_queued(a) == 0, "messages of 0 bytes to 16 MiB, in order");
    ok(ipc_fill(b) == GW_ERR(AGAIN), "then nothing more");
    free_ends();
    free(text);
}

/* A frame that trickles in byte by byte. */
static void pieces(void)
{
    static const unsigned char frame[] = { 0, 0, 0, 9, 0, 29, 0, 0, 0, 0, 0, 0, 0, 0, 0, 7, 3 };
    struct ipc_msg msg;
    struct msg_settled m;
    bool early = false;
    int r = 0;

    connect_ends(IPC_GUARD, IPC_EDGE);
    for (size_t i = 0; i < sizeof frame; i++) {
        if (write(ipc_fd(a), frame + i, 1) != 1 || ipc_fill(b) <= 0)
            early = true;
        r = ipc_next(b, &msg);
        early |= i + 1 < sizeof frame && r != 0;
    }
    ok(!early && r == 1 && ipc_get_settled(&msg, &m) == 0 && m.ticket == 7 && m.reason == 3, "a message byte by byte is seen once it is whole");
    free_ends();
}

static ino_t inode(int fd)
{
    struct stat st;
    return fstat(fd, &st) == 0 ? st.st_ino : 0;
}

/* Descriptors between messages without, some of them many pages long: each arrives with its own message. */
static void descriptors(void)
{
    int before = open_fds(), sent = 0, r, got = 0;
    ino_t want[64];
    bool same = true;
    char *json = calloc(1, 100000);

    connect_ends(IPC_PARENT, IPC_EDGE);
    for (int i = 0; i < 40; i++) {
        int p[2] = { -1, -1 };
        struct msg_connected con = { .ask = (uint64_t)i, .error = i % 3 == 0 ? 111 : 0 };
        struct msg_listener lis = { .family = 4, .port = (uint16_t)i };
        struct msg_stats_ask ask = { .ask = (uint64_t)i };
        for (int k = 0; k < i % 5; k++)
            same &= ipc_put_stats_ask(a, &ask) == 0;
        if (pipe2(p, O_CLOEXEC) < 0)
            exit(1);
        close(p[1]);
        want[i] = inode(p[0]);
        if (i % 2) {
            same &= ipc_put_listener_fd(a, &lis, p[0]) == 0;
        } else if (con.error) {
            close(p[0]);
            want[i] = 0;
            same &= ipc_put_connected_fd(a, &con, -1) == 0;
        } else {
            same &= ipc_put_connected_fd(a, &con, p[0]) == 0;
        }
        sent++;
    }
    for (int rounds = 0; got < sent && rounds < 1000; rounds++) {
        struct ipc_msg msg;
        r = ipc_flush(a);
        same &= r == 0 || r == GW_ERR(AGAIN);
        if (ipc_fill(b) < 0)
            continue;
        while ((r = ipc_next(b, &msg)) > 0) {
            if (msg.type == IPC_M_STATS_ASK) {
                same &= msg.fd == -1;
                continue;
            }
            same &= want[got] ? msg.fd >= 0 && inode(msg.fd) == want[got] && (fcntl(msg.fd, F_GETFD) & FD_CLOEXEC) : msg.fd == -1;
            if (msg.fd >= 0)
                close(msg.fd);
            got++;
        }
        same &= r == 0;
    }
    ok(same && got == sent, "each descriptor comes with its own message");
    free_ends();
    ok(open_fds() == before, "no descriptor is left open");

    connect_ends(IPC_PARENT, IPC_EDGE);
    (void)!ipc_put_link_fd(a, &(struct msg_link){ .role = IPC_GUARD }, open("/dev/null", O_RDONLY | O_CLOEXEC));
    (void)!ipc_flush(a);
    (void)!ipc_put_link_fd(a, &(struct msg_link){ .role = IPC_GUARD }, open("/dev/null", O_RDONLY | O_CLOEXEC));
    (void)!ipc_fill(b);
    free_ends();
    ok(open_fds() == before, "descriptors that nobody took are closed with the channel");

    connect_ends(IPC_EDGE, IPC_GUARD);
    ok(ipc_put_link_fd(a, &(struct msg_link){ .role = IPC_GUARD }, open("/dev/null", O_RDONLY | O_CLOEXEC)) == GW_ERR(PROTO), "not ours to send");
    free_ends();
    ok(open_fds() == before, "and the descriptor is closed");
    free(json);
}

/* A frame with descriptors written by hand, as a mad peer would. */
static void send_raw(int fd, const void *frame, size_t n, int fds)
{
    _Alignas(struct cmsghdr) char control[CMSG_SPACE(4 * sizeof(int))] = { 0 };
    struct iovec v = { .iov_len = n };
    struct msghdr m = { .msg_iov = &v, .msg_iovlen = 1, .msg_control = control, .msg_controllen = CMSG_SPACE((size_t)fds * sizeof(int)) };
    struct cmsghdr *h = CMSG_FIRSTHDR(&m);
    char copy[64];

    memcpy(copy, frame, n);
    v.iov_base = copy;
    h->cmsg_level = SOL_SOCKET;
    h->cmsg_type = SCM_RIGHTS;
    h->cmsg_len = CMSG_LEN((size_t)fds * sizeof(int));
    for (int i = 0; i < fds; i++)
        memcpy(CMSG_DATA(h) + (size_t)i * sizeof(int), &(int){ 1 }, sizeof(int));
    if (sendmsg(fd, &m, MSG_NOSIGNAL) != (ssize_t)n)
        exit(1);
}

static const struct { const char *name; unsigned char frame[16]; size_t n; int fds; int want; } frames[] = {
    { "a type that is not on the list", { 0, 0, 0, 0, 0, 99, 0, 0 }, 8, 0, GW_ERR(PROTO) },
    { "a type above all", { 0, 0, 0, 0, 0xff, 0xff, 0, 0 }, 8, 0, GW_ERR(PROTO) },
    { "type 0", { 0 }, 8, 0, GW_ERR(PROTO) },
    { "zero that is not zero", { 0, 0, 0, 0, 0, 3, 0, 1 }, 8, 0, GW_ERR(PROTO) },
    { "a length that is too long", { 0, 0, 0, 1, 0, 3, 0, 0, 0 }, 9, 0, GW_ERR(PROTO) },
    { "a length of 4 GiB", { 0xff, 0xff, 0xff, 0xff, 0, 3, 0, 0 }, 8, 0, GW_ERR(PROTO) },
    { "a message that is not for us", { 0, 0, 0, 1, 0, 15, 0, 0, 0 }, 9, 0, GW_ERR(PROTO) },
    { "half a header", { 0, 0, 0, 0, 0 }, 5, 0, 0 },
    { "a descriptor with a message that carries none", { 0, 0, 0, 0, 0, 3, 0, 0 }, 8, 1, GW_ERR(PROTO) },
    { "a descriptor with a refusal", { 0, 0, 0, 12, 0, 12, 0, 0 }, 8, 0, 0 },
    { "two descriptors with one message", { 0, 0, 0, 3, 0, 2, 0, 0, 2, 0, 0 }, 11, 2, 1 },
    { "no descriptor with a message that should have one", { 0, 0, 0, 3, 0, 2, 0, 0, 2, 0, 0 }, 11, 0, 1 },
};

static void bad_frames(void)
{
    int before = open_fds();

    for (size_t i = 0; i < sizeof frames / sizeof frames[0]; i++) {
        struct ipc_msg msg = { .fd = -1 };
        int r, again;
        connect_ends(IPC_PARENT, IPC_EDGE);
        if (frames[i].fds)
            send_raw(ipc_fd(a), frames[i].frame, frames[i].n, frames[i].fds);
        else if (write(ipc_fd(a), frames[i].frame, frames[i].n) < 0)
            exit(1);
        r = ipc_fill(b) > 0 ? ipc_next(b, &msg) : -100;
        ok(r == frames[i].want, "%s", frames[i].name);
        if (r == GW_ERR(PROTO)) {
            again = ipc_next(b, &msg);
            ok(again == GW_ERR(PROTO) && ipc_put_ready(b, &(struct msg_ready){ .end_ = {} }) == 0 && ipc_flush(b) < 0, "... and the channel stays broken");
        }
        if (r == 1 && msg.fd >= 0)
            close(msg.fd);
        free_ends();
    }
    ok(open_fds() == before, "no descriptor is left open");
}

static void ends(void)
{
    struct ipc_msg msg;
    struct msg_stats_ask ask = { .ask = 4 };

    connect_ends(IPC_PARENT, IPC_GUARD);
    ok(ipc_put_stats_ask(a, &ask) == 0 && ipc_flush(a) == 0, "sent before the end");
    ipc_free(a);
    a = NULL;
    ok(ipc_fill(b) > 0 && ipc_next(b, &msg) == 1 && msg.type == IPC_M_STATS_ASK, "what came before the end is read");
    ok(ipc_fill(b) == GW_ERR(CLOSED) && ipc_fill(b) == GW_ERR(CLOSED), "then the end, and again");
    ok(ipc_put_ready(b, &(struct msg_ready){ .end_ = {} }) == 0 && ipc_flush(b) == GW_ERR(CLOSED), "nothing goes out any more, and no signal ends us");
    free_ends();
    ipc_free(NULL);
    ok(true, "ipc_free of nothing");
}

static void full(void)
{
    char *big = calloc(1, 16 << 20);
    struct msg_stanza m = { .record = { big, 16 << 20 } };
    int n = 0, r;

    connect_ends(IPC_EDGE, IPC_GUARD);
    while ((r = ipc_put_stanza(a, &m)) == 0 && n < 100)
        n++;
    ok(r == GW_ERR(LIMIT) && n == 15 && ipc_queued(a) <= IPC_QUEUE_MAX, "the queue has a maximum (%d messages of 16 MiB)", n);
    free_ends();
    free(big);
}

static void waiting(void)
{
    int s[2], p[2];
    bool ready[3], extra;
    struct ipc *v[3] = { NULL };
    struct msg_stats_ask ask = { .ask = 4 };
    char *big = calloc(1, 1 << 20);
    struct ipc_msg msg;
    int got = 0;

    connect_ends(IPC_PARENT, IPC_GUARD);
    if (pipe(p) < 0 || socketpair(AF_UNIX, SOCK_STREAM, 0, s) < 0)
        exit(1);
    v[0] = b;
    v[2] = ipc_new(s[0], IPC_GUARD, IPC_PARENT);
    ok(ipc_wait(v, 3, p[0], 0, ready, &extra) == 0 && !ready[0] && !ready[1] && !ready[2] && !extra, "nothing is ready");
    (void)!ipc_put_stats_ask(a, &ask);
    (void)!ipc_flush(a);
    ok(ipc_wait(v, 3, p[0], 1000, ready, &extra) == 1 && ready[0] && !ready[1] && !ready[2] && !extra, "one channel is ready");
    (void)!ipc_fill(b);
    if (write(p[1], "x", 1) != 1)
        exit(1);
    ok(ipc_wait(v, 3, p[0], 1000, ready, &extra) == 1 && !ready[0] && extra, "the extra descriptor is ready");
    ok(ipc_wait(v, 3, -1, 0, ready, NULL) == 0, "without it, nothing");
    close(s[1]);
    ok(ipc_wait(v, 3, -1, 1000, ready, NULL) == 1 && ready[2] && ipc_fill(v[2]) == GW_ERR(CLOSED), "an end is ready");
    ipc_free(v[2]);
    v[2] = NULL;
    /* it flushes by itself, in pieces, while the other end reads */
    (void)!ipc_put_stats(b, &(struct msg_stats){ .json = { big, 1000000 } });
    for (int i = 0; i < 1000 && !got; i++) {
        (void)!ipc_wait(v, 3, -1, 0, ready, NULL);
        if (ipc_fill(a) > 0)
            got = ipc_next(a, &msg);
    }
    ok(got == 1 && msg.type == IPC_M_STATS && ipc_queued(b) == 0, "ipc_wait flushes what is queued");
    /* blocked, then drained while nobody waits: the next wait does not sleep */
    while (ipc_put_stats(b, &(struct msg_stats){ .json = { big, 1000000 } }) == 0 && ipc_flush(b) == 0)
        ;
    for (int i = 0; i < 100; i++)
        (void)!recv(ipc_fd(a), big, 1 << 20, MSG_DONTWAIT);
    while (ipc_flush(b) == GW_ERR(AGAIN))
        (void)!recv(ipc_fd(a), big, 1 << 20, MSG_DONTWAIT);
    (void)!ipc_put_ready(b, &(struct msg_ready){ .end_ = {} });
    struct timespec from, to;
    clock_gettime(CLOCK_MONOTONIC, &from);
    ok(ipc_wait(v, 1, -1, 3000, ready, NULL) == 0, "a wait after a blocked queue drained");
    clock_gettime(CLOCK_MONOTONIC, &to);
    ok(to.tv_sec - from.tv_sec < 2, "... does not sleep");
    ok(ipc_wait(v, 1000, -1, 0, ready, NULL) == GW_ERR(SYS), "too many channels are refused");
    close(p[0]);
    close(p[1]);
    free_ends();
    free(big);
}

int main(void)
{
    sizes();
    pieces();
    descriptors();
    bad_frames();
    ends();
    full();
    waiting();
    return done_testing();
}
