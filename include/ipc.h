/* SPDX-License-Identifier: GPL-3.0-or-later
 * A channel between two programs: a connected Unix stream socket, framed messages, optional descriptors. It opens no
 * socket itself (a caller hands in a descriptor) and knows no event loop. Frame: u32 payload length, u16 type, u16 zero. */
#ifndef LOCKGATE_IPC_H
#define LOCKGATE_IPC_H

#include <poll.h>

#include "msgs.h"
#include "wire.h"

struct ipc; /* one end of a channel */

/* Takes fd (non-blocking is set; closed by ipc_free). self, peer: which messages may go and come. NULL: no memory. */
struct ipc *ipc_new(int fd, enum ipc_role self, enum ipc_role peer);
void ipc_free(struct ipc *c); /* NULL is fine */
int ipc_fd(const struct ipc *c);

/* A received message; payload is borrowed until the next ipc_fill or ipc_free. fd: a descriptor that came with it (only LINK,
 * LISTENER, SERVICE, CRL and CONNECTED may carry one), owned by the caller, or -1. */
struct ipc_msg {
    enum ipc_type type;
    struct str payload;
    int fd;
};
/* Reads what is there, without waiting. >0: something was read; AGAIN: nothing there; CLOSED; IO; NOMEM: nothing was lost yet. */
int ipc_fill(struct ipc *c) GW_MUST_CHECK;
/* The next whole message: 1, or 0 when there is none yet, or PROTO (unknown type, not for us, too long): the peer program is
 * then broken and its channel is to be dropped. */
int ipc_next(struct ipc *c, struct ipc_msg *ret) GW_MUST_CHECK;

/* Typed codecs, one pair for each message of msgs.h:
 *   int ipc_put_stanza(struct ipc *c, const struct msg_stanza *m);   queue it. LIMIT (over the message's maximum, or the
 *       queue's own: IPC_QUEUE_MAX), PROTO (not ours to send), NOMEM
 *   int ipc_get_stanza(const struct ipc_msg *m, struct msg_stanza *ret);  strings borrow from m. SYNTAX
 * Trailing bytes are an error. */
#define X(id, name, lower, from, to, max) \
    int ipc_put_##lower(struct ipc *c, const struct msg_##lower *m) GW_MUST_CHECK; \
    int ipc_get_##lower(const struct ipc_msg *m, struct msg_##lower *ret) GW_MUST_CHECK;
IPC_MESSAGES(X)
#undef X
/* As ipc_put_x of the messages that carry a descriptor; takes fd in every case (closes it when sent or on error). */
int ipc_put_link_fd(struct ipc *c, const struct msg_link *m, int fd) GW_MUST_CHECK;
int ipc_put_listener_fd(struct ipc *c, const struct msg_listener *m, int fd) GW_MUST_CHECK;
int ipc_put_service_fd(struct ipc *c, const struct msg_service *m, int fd) GW_MUST_CHECK;
int ipc_put_crl_fd(struct ipc *c, const struct msg_crl *m, int fd) GW_MUST_CHECK;
int ipc_put_connected_fd(struct ipc *c, const struct msg_connected *m, int fd) GW_MUST_CHECK;

#define IPC_QUEUE_MAX (256u << 20)
/* Writes queued bytes. 0: all went out; AGAIN: the rest waits for writability; CLOSED, IO. Never blocks. */
int ipc_flush(struct ipc *c) GW_MUST_CHECK;
size_t ipc_queued(const struct ipc *c); /* bytes that wait for ipc_flush */

/* For a poll() of one's own: readable, and writable while bytes wait. */
struct pollfd ipc_poll(const struct ipc *c);
/* Reads what is there and hands each message to `on`, until it returns other than 0. 0, or a negative code when the channel is of no more use:
 * of `on`, PROTO, CLOSED, IO. */
int ipc_serve(struct ipc *c, int (*on)(void *user, const struct ipc_msg *m), void *user) GW_MUST_CHECK;

/* ---- for programs with a few channels and no other event loop (guard, scanner, journal, admission) ---- */
/* poll() over the channels (NULL entries allowed): waits until one is readable, or writable while it has queued bytes, or
 * extra_fd (>= 0) is readable, or timeout_ms (-1: none) passed. ret_ready[i] true: call ipc_fill on it (flushing was done by this
 * call). Returns at once, too, when a queue that had been blocked is empty again. ret_extra may be NULL. Returns >= 0, or SYS. */
int ipc_wait(struct ipc *const *v, size_t n, int extra_fd, int timeout_ms, bool *ret_ready, bool *ret_extra) GW_MUST_CHECK;

/* The channel to the parent that every child starts with, on descriptor 3. */
#define IPC_PARENT_FD 3
/* A program that misses a channel to guard or journal for so long ends, so that the parent starts and links it anew. */
#define IPC_LINK_LOST_MS 15000

#endif
