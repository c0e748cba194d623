// link: ipc base
/* SPDX-License-Identifier: GPL-3.0-or-later
 * Descriptors come from the parent alone: a program that sends one to its neighbour loses its channel, and nothing is kept. */
#include <dirent.h>
#include <fcntl.h>
#include <sys/socket.h>
#include <unistd.h>

#include "ipc.h"
#include "tap.h"

static int open_fds(void)
{
    int n = 0;
    DIR *d = opendir("/proc/self/fd");
    while (d && readdir(d))
        n++;
    if (d)
        closedir(d);
    return n;
}

/* One piece of a frame with a descriptor beside it. */
static bool send_piece(int to, const void *p, size_t n, int fd)
{
    _Alignas(struct cmsghdr) unsigned char control[CMSG_SPACE(sizeof(int))] = { 0 };
    struct iovec iov = { (void *)(uintptr_t)p, n };
    struct msghdr mh = { .msg_iov = &iov, .msg_iovlen = 1, .msg_control = control, .msg_controllen = sizeof control };
    struct cmsghdr *h = CMSG_FIRSTHDR(&mh);
    h->cmsg_level = SOL_SOCKET;
    h->cmsg_type = SCM_RIGHTS;
    h->cmsg_len = CMSG_LEN(sizeof fd);
    memcpy(CMSG_DATA(h), &fd, sizeof fd);
    return sendmsg(to, &mh, 0) == (ssize_t)n;
}

static void try_peer(enum ipc_role self, enum ipc_role peer, bool allowed)
{
    int pair[2], null = open("/dev/null", O_RDONLY);
    ok(socketpair(AF_UNIX, SOCK_STREAM, 0, pair) == 0 && null >= 0, "a channel, %s from %s", ipc_role_name(self), ipc_role_name(peer));
    struct ipc *c = ipc_new(pair[0], self, peer);
    int before = open_fds(), rc = 0;
    /* the beginning of a LINK that never ends */
    ok(send_piece(pair[1], "\0\0\0\3", 4, null), "a piece with a descriptor");
    rc = ipc_fill(c);
    struct ipc_msg m;
    int next = rc > 0 ? ipc_next(c, &m) : rc;
    int again = ipc_fill(c);
    ok(open_fds() == before + (allowed ? 1 : 0), "the descriptor is %s", allowed ? "kept for its frame" : "closed at once");
    ok(allowed ? next == 0 : (next == GW_ERR(PROTO) || again == GW_ERR(PROTO)), "the channel %s", allowed ? "goes on" : "is broken");
    ipc_free(c);
    ok(open_fds() == before - 1, "and nothing stays behind");
    close(pair[1]);
    close(null);
}

int main(void)
{
    try_peer(IPC_GUARD, IPC_PARENT, true);
    try_peer(IPC_GUARD, IPC_EDGE, false);
    try_peer(IPC_JOURNAL, IPC_ADMISSION, false);
    try_peer(IPC_PARENT, IPC_EDGE, false);
    return done_testing();
}
