/* SPDX-License-Identifier: GPL-3.0-or-later
 * A channel to another program inside the event loop. */
#ifndef LOCKGATE_EDGE_CHANNEL_H
#define LOCKGATE_EDGE_CHANNEL_H

#include <uv.h>

#include "ipc.h"

struct edge;
struct channel {
    struct edge *edge;
    struct ipc *ipc;  /* NULL: not there */
    uv_poll_t *poll;  /* on the heap: outlives the channel until the loop has let go of it */
    bool writing;     /* waits for writability */
    uint64_t gone_since; /* links_tick: when it was first seen missing; 0: it is there */
    void (*message)(struct edge *e, const struct ipc_msg *m);
    void (*lost)(struct edge *e); /* called once when the channel broke and is gone already */
};
void channel_init(struct channel *c, struct edge *e, void (*message)(struct edge *, const struct ipc_msg *), void (*lost)(struct edge *));
/* Takes fd; an older channel is closed first, without `lost`. */
int channel_open(struct channel *c, int fd, enum ipc_role peer) GW_MUST_CHECK;
void channel_close(struct channel *c);
/* Reads what is there and hands it out: for whoever waits for an answer outside of the loop. */
void channel_read(struct channel *c);
/* Writes what is queued. */
void channel_flush(struct channel *c);
/* After a message that was not understood: the peer program is broken, its channel goes. */
void channel_break(struct channel *c, const char *why);

#endif
