/* SPDX-License-Identifier: GPL-3.0-or-later
 * Joining programs: one fresh socket pair for each permitted channel, an end to each. */
#include <sys/socket.h>
#include <unistd.h>

#include "log.h"
#include "parent.h"

/* Gives one end of a channel with `other` to `c`; takes fd. */
static int give(struct child *c, const struct child *other, int fd)
{
    const struct msg_link m = { .role = (uint8_t)other->program->role, .side = other->program->side, .index = other->program->index,
        .pid = (uint32_t)other->pid };
    return ipc_put_link_fd(c->chan, &m, fd);
}

void link_join(struct child *a, struct child *b)
{
    int fd[2];
    if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, fd) != 0) {
        log_error("no channel between %s and %s: %m", a->program->name, b->program->name);
        child_kill(a, "it could not be joined");
        return;
    }
    int ea = give(a, b, fd[0]), eb = give(b, a, fd[1]);
    /* An end that was not given is closed, so the other program sees a dead channel, never a wrong one. */
    if (ea)
        child_kill(a, gw_strerror(ea));
    if (eb)
        child_kill(b, gw_strerror(eb));
}

/* A scanner that is still loading its rules would let a guard's first questions go past their deadline, and be ended for it. */
static bool may_be_joined(const struct child *c)
{
    return c->chan && (c->program->role != IPC_SCANNER || c->ready);
}

void link_child(struct parent *p, struct child *c)
{
    for (int i = 0; i < PROGRAMS && may_be_joined(c); i++) {
        struct child *o = &p->child[i];
        if (o != c && may_be_joined(o) && programs_joined(c->program, o->program))
            link_join(c, o);
    }
}
