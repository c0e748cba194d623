/* SPDX-License-Identifier: GPL-3.0-or-later
 * The way of a small program's lines to the journal: the outbox, and the channel that the parent gives and gives again. For programs with a
 * poll() of their own (admission, courier, decoy, responder). */
#ifndef LOCKGATE_TELLER_H
#define LOCKGATE_TELLER_H

#include <poll.h>

#include "outbox.h"

struct teller {
    struct outbox lines;
    struct ipc *journal; /* NULL while there is none: lines wait */
    enum ipc_role self;
};
/* With an epoch by chance, a JSON number that is never 0. max_bytes: of lines that wait. SYS: no chance to be had. */
int teller_init(struct teller *t, enum ipc_role self, size_t max_bytes) GW_MUST_CHECK;
void teller_clear(struct teller *t);
/* LINK came from the parent: the channel's descriptor is taken, or closed. PROTO: it is not one to the journal; SYNTAX, NOMEM. */
int teller_link(struct teller *t, const struct ipc_msg *m) GW_MUST_CHECK;
/* DURABLE came. PROTO: it was another message. */
int teller_durable(struct teller *t, const struct ipc_msg *m) GW_MUST_CHECK;
/* Queues and writes what can go now. A channel that is of no more use is dropped, with a warning; the parent makes a new one. */
void teller_send(struct teller *t);
/* What to wait for on the channel; of fd -1 while there is none. */
struct pollfd teller_poll(const struct teller *t);
/* poll() has something on the channel: reads it, each message to `on` (user its first argument); NULL: only DURABLE may come. Drops the
 * channel as teller_send does. */
void teller_read(struct teller *t, int (*on)(void *user, const struct ipc_msg *), void *user);

#endif
