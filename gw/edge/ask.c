/* SPDX-License-Identifier: GPL-3.0-or-later
 * Sockets that the parent makes for this edge. */
#include "ask.h"

#include <errno.h>
#include <unistd.h>

static int given(struct edge *e, struct ask *a, int err)
{
    if (err) {
        a->id = 0;
        return err;
    }
    LIST_INSERT_HEAD(&e->asks, a, link);
    return 0;
}

int ask_connect(struct edge *e, struct ask *a, const struct net_addr *from, const struct net_addr *to)
{
    struct msg_connect m = { .ask = ++e->last_ask, .from = *from, .to = *to };
    ask_cancel(a);
    a->id = m.ask;
    return given(e, a, e->parent.ipc ? ipc_put_connect(e->parent.ipc, &m) : GW_ERR(CLOSED));
}

int ask_dns(struct edge *e, struct ask *a, const struct net_addr *to)
{
    struct msg_dns_socket m = { .ask = ++e->last_ask, .to = *to };
    ask_cancel(a);
    a->id = m.ask;
    return given(e, a, e->parent.ipc ? ipc_put_dns_socket(e->parent.ipc, &m) : GW_ERR(CLOSED));
}

void ask_cancel(struct ask *a)
{
    if (a->id)
        LIST_REMOVE(a, link);
    a->id = 0;
}

void ask_answer(struct edge *e, uint64_t id, int fd, int error)
{
    struct ask *a;
    LIST_FOREACH(a, &e->asks, link)
        if (a->id == id) {
            ask_cancel(a);
            a->done(a, fd, fd < 0 && error == 0 ? EIO : error);
            return;
        }
    if (fd >= 0)
        close(fd);
}
