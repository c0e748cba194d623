/* SPDX-License-Identifier: GPL-3.0-or-later
 * Lines of a small program to the journal, over a channel that comes and goes. */
#include "teller.h"

#include <sys/random.h>
#include <unistd.h>

#include "log.h"

int teller_init(struct teller *t, enum ipc_role self, size_t max_bytes)
{
    uint64_t epoch;
    if (getrandom(&epoch, sizeof epoch, 0) != (ssize_t)sizeof epoch)
        return GW_ERR(SYS);
    *t = (struct teller){ .self = self };
    outbox_init(&t->lines, (epoch & 0x1fffffffffffffULL) | 1, max_bytes);
    return 0;
}

void teller_clear(struct teller *t)
{
    ipc_free(t->journal);
    t->journal = NULL;
    outbox_clear(&t->lines);
}

int teller_link(struct teller *t, const struct ipc_msg *m)
{
    struct msg_link l;
    int e = ipc_get_link(m, &l);
    if (e || l.role != IPC_JOURNAL || m->fd < 0) {
        if (m->fd >= 0)
            close(m->fd);
        return e ? e : GW_ERR(PROTO);
    }
    ipc_free(t->journal);
    t->journal = ipc_new(m->fd, t->self, IPC_JOURNAL);
    outbox_relink(&t->lines);
    return t->journal ? 0 : GW_ERR(NOMEM);
}

int teller_durable(struct teller *t, const struct ipc_msg *m)
{
    struct msg_durable d;
    int e = m->type == IPC_M_DURABLE ? ipc_get_durable(m, &d) : GW_ERR(PROTO);
    return e ? e : outbox_durable(&t->lines, &d);
}

static void drop(struct teller *t, int why)
{
    log_warn("the journal's channel is gone: %s", gw_strerror(why));
    ipc_free(t->journal);
    t->journal = NULL;
}

void teller_send(struct teller *t)
{
    if (!t->journal)
        return;
    int e = outbox_send(&t->lines, t->journal);
    if (!e || e == GW_ERR(LIMIT))
        e = ipc_flush(t->journal);
    if (e && e != GW_ERR(AGAIN))
        drop(t, e);
}

struct pollfd teller_poll(const struct teller *t)
{
    return t->journal ? ipc_poll(t->journal) : (struct pollfd){ .fd = -1 };
}

static int only_durable(void *user, const struct ipc_msg *m) { return teller_durable(user, m); }

void teller_read(struct teller *t, int (*on)(void *user, const struct ipc_msg *), void *user)
{
    int e = t->journal ? ipc_serve(t->journal, on ? on : only_durable, on ? user : t) : 0;
    if (e)
        drop(t, e);
}
