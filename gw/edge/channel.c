/* SPDX-License-Identifier: GPL-3.0-or-later
 * A channel to another program inside the event loop: reading, writing, breaking. */
#include "channel.h"

#include <stdlib.h>
#include <unistd.h>

#include "edge.h"
#include "log.h"

void channel_init(struct channel *c, struct edge *e, void (*message)(struct edge *, const struct ipc_msg *), void (*lost)(struct edge *))
{
    *c = (struct channel){ .edge = e, .message = message, .lost = lost };
}

static void free_poll(uv_handle_t *h)
{
    free(h);
}

void channel_close(struct channel *c)
{
    if (!c->ipc)
        return;
    c->poll->data = NULL;
    uv_close((uv_handle_t *)c->poll, free_poll);
    ipc_free(c->ipc);
    c->ipc = NULL;
    c->poll = NULL;
    c->writing = false;
}

void channel_break(struct channel *c, const char *why)
{
    if (!c->ipc)
        return;
    log_warn("channel lost: %s", why);
    channel_close(c);
    c->lost(c->edge);
}

static void dispatch(struct channel *c)
{
    struct ipc_msg m;
    struct ipc *now = c->ipc;
    while (c->ipc == now) { /* a message may close the channel, or replace it */
        int r = ipc_next(c->ipc, &m);
        if (r == 0)
            return;
        if (r < 0) {
            channel_break(c, gw_strerror(r));
            return;
        }
        c->message(c->edge, &m);
    }
}

void channel_read(struct channel *c)
{
    int r = ipc_fill(c->ipc);
    if (r > 0)
        dispatch(c);
    else if (r != GW_ERR(AGAIN)) { /* what came before the end counts */
        dispatch(c);
        channel_break(c, gw_strerror(r));
    }
}

static void on_poll(uv_poll_t *p, int status, int events)
{
    struct channel *c = p->data;
    if (!c)
        return;
    if (events & UV_WRITABLE)
        channel_flush(c);
    if (c->ipc && (status < 0 || (events & UV_READABLE)))
        channel_read(c);
}

int channel_open(struct channel *c, int fd, enum ipc_role peer)
{
    channel_close(c);
    c->ipc = ipc_new(fd, IPC_EDGE, peer);
    if (!c->ipc) {
        close(fd);
        return GW_ERR(NOMEM);
    }
    c->poll = calloc(1, sizeof *c->poll);
    if (!c->poll || uv_poll_init(&c->edge->loop, c->poll, fd) != 0) {
        free(c->poll);
        c->poll = NULL;
        ipc_free(c->ipc);
        c->ipc = NULL;
        return GW_ERR(NOMEM);
    }
    c->poll->data = c;
    if (uv_poll_start(c->poll, UV_READABLE, on_poll) != 0) {
        channel_close(c);
        return GW_ERR(SYS);
    }
    return 0;
}

void channel_flush(struct channel *c)
{
    int r;
    bool wait;
    if (!c->ipc || (ipc_queued(c->ipc) == 0 && !c->writing))
        return;
    r = ipc_flush(c->ipc);
    if (r != 0 && r != GW_ERR(AGAIN)) {
        /* what the other program said before it ended is still to be read */
        while (c->ipc && ipc_fill(c->ipc) > 0)
            dispatch(c);
        channel_break(c, gw_strerror(r));
        return;
    }
    wait = r == GW_ERR(AGAIN);
    if (wait != c->writing) {
        c->writing = wait;
        (void)uv_poll_start(c->poll, wait ? UV_READABLE | UV_WRITABLE : UV_READABLE, on_poll);
    }
}
