/* SPDX-License-Identifier: GPL-3.0-or-later
 * What comes over the channels: the parent's sockets and links, the guard's orders and settlements, the journal's releases. */
#include <errno.h>
#include <unistd.h>

#include "ask.h"
#include "inbound.h"
#include "keeper_link.h"
#include "log.h"
#include "reading.h"
#include "revocation.h"
#include "tickets.h"

/* ---- guard ---- */

static int report(struct edge *e)
{
    const struct msg_hello hello = { .version = 1, .side = (uint8_t)e->side, .epoch = e->epoch };
    const struct msg_open_end end = { };
    struct conn *c;
    int err = ipc_put_hello(e->guard.ipc, &hello);
    err = err ? err : tickets_report(e);
    err = err ? err : orders_report(e);
    err = err ? err : ipc_put_open_end(e->guard.ipc, &end);
    err = err ? err : orders_report_settled(e);
    TAILQ_FOREACH(c, &e->conns, all)
        if (!err && conn_is_inbound(c) && !c->gone)
            err = inbound_report((struct inbound *)c);
    return err;
}

static void guard_lost(struct edge *e)
{
    orders_guard_lost(e);
}

/* Reload: the guard that is to end gets no more stanzas; streams wait as without credit, until the new one is linked. */
static int pause_guard(struct edge *e)
{
    const struct msg_paused m = { };
    e->paused = true;
    sessions_drop(e); /* a reload: who was good before is looked at anew */
    return e->guard.ipc ? ipc_put_paused(e->guard.ipc, &m) : 0;
}

static void guard_linked(struct edge *e, int fd)
{
    e->paused = false;
    if (e->guard.ipc) {
        channel_close(&e->guard);
        guard_lost(e);
    }
    if (channel_open(&e->guard, fd, IPC_GUARD) != 0) {
        log_error("the guard's channel cannot be used");
        return;
    }
    if (report(e) != 0) {
        channel_break(&e->guard, "the report was too large");
        return;
    }
    pairs_wake(e);
}

static void from_guard(struct edge *e, const struct ipc_msg *m)
{
    struct msg_flow flow;
    struct msg_order order;
    struct msg_verdict verdict;
    struct msg_settled settled;
    int err;
    if (m->type == IPC_M_FLOW) {
        if ((err = ipc_get_flow(m, &flow)) == 0)
            pair_flow(e, &flow);
    } else if (m->type == IPC_M_ORDER) {
        if ((err = ipc_get_order(m, &order)) == 0)
            orders_take(e, &order);
    } else if (m->type == IPC_M_VERDICT) {
        if ((err = ipc_get_verdict(m, &verdict)) == 0)
            tickets_verdict(e, &verdict);
    } else if (m->type == IPC_M_SETTLED) {
        if ((err = ipc_get_settled(m, &settled)) == 0)
            tickets_settled(e, &settled);
    } else
        err = GW_ERR(PROTO);
    if (err)
        channel_break(&e->guard, "a message of the guard was not understood");
}

/* ---- journal ---- */

static void journal_lost(struct edge *e)
{
    (void)e; /* nothing is released meanwhile; lines are kept */
}

static void from_journal(struct edge *e, const struct ipc_msg *m)
{
    struct msg_release release;
    struct msg_released released;
    struct msg_durable durable;
    int err = GW_ERR(PROTO);
    if (m->type == IPC_M_RELEASE) {
        if ((err = ipc_get_release(m, &release)) == 0)
            orders_release(e, &release);
    } else if (m->type == IPC_M_RELEASED) {
        if ((err = ipc_get_released(m, &released)) == 0)
            orders_released(e, &released);
    } else if (m->type == IPC_M_DURABLE && (err = ipc_get_durable(m, &durable)) == 0 && durable.guard == e->epoch)
        err = outbox_durable(&e->lines, &durable);
    if (err)
        channel_break(&e->journal, "a message of the journal was not understood");
}

static void journal_linked(struct edge *e, int fd)
{
    outbox_relink(&e->lines);
    if (channel_open(&e->journal, fd, IPC_JOURNAL) != 0)
        log_error("the journal's channel cannot be used");
}

/* ---- parent ---- */

static void link_came(struct edge *e, const struct msg_link *m, int fd)
{
    if (m->role == IPC_GUARD && m->index == 0)
        guard_linked(e, fd);
    else if (m->role == IPC_JOURNAL)
        journal_linked(e, fd);
    else if (m->role == IPC_KEEPER)
        keeper_linked(e, fd);
    else if (m->role == IPC_READER)
        reading_linked(e, fd);
    else {
        log_warn("a link to %s that this edge has no use for", ipc_role_name((enum ipc_role)m->role));
        close(fd);
    }
}

static int stats_asked(struct edge *e, uint64_t ask)
{
    struct msg_stats m = { .ask = ask };
    struct buf b;
    int err;
    buf_init(&b, 1000 * 1000);
    err = stats_json(e, &b);
    if (!err) {
        m.json = buf_str(&b);
        err = ipc_put_stats(e->parent.ipc, &m);
    }
    buf_clear(&b);
    return err;
}

static int with_fd(struct edge *e, const struct ipc_msg *m)
{
    struct msg_link link;
    struct msg_listener listener;
    struct msg_connected connected;
    int err = GW_ERR(PROTO);
    if (m->type == IPC_M_CONNECTED) {
        if ((err = ipc_get_connected(m, &connected)) == 0)
            ask_answer(e, connected.ask, m->fd, (int)connected.error);
    } else if (m->fd < 0)
        return err;
    else if (m->type == IPC_M_LINK) {
        if ((err = ipc_get_link(m, &link)) == 0)
            link_came(e, &link, m->fd);
    } else if (m->type == IPC_M_CRL) {
        revocation_came(e, m->fd);
        err = 0;
    } else if (m->type == IPC_M_LISTENER) {
        if ((err = ipc_get_listener(m, &listener)) == 0)
            err = listener_add(e, m->fd, listener.family, listener.port);
    }
    return err;
}

static void from_parent(struct edge *e, const struct ipc_msg *m)
{
    struct msg_stats_ask ask;
    int err;
    if (m->type == IPC_M_STOP) {
        edge_stop(e);
        return;
    }
    if (m->type == IPC_M_PAUSE)
        err = pause_guard(e);
    else if (m->type == IPC_M_STATS_ASK)
        err = ipc_get_stats_ask(m, &ask) ? GW_ERR(SYNTAX) : stats_asked(e, ask.ask);
    else
        err = with_fd(e, m);
    if (err)
        log_warn("a message of the parent was not obeyed: %s: %s", ipc_type_name(m->type), gw_strerror(err));
}

static void parent_lost(struct edge *e)
{
    (void)e;
    log_error("the parent is gone");
    _exit(1); /* nobody would bring us back, or stop us */
}

/* A program that died is linked anew within seconds. A channel that was broken for what came over it is not: this program ends
 * then, the parent starts it again, and with it come new links for all. */
static void watch(struct edge *e, struct channel *c, const char *name)
{
    uint64_t now = edge_now(e);
    if (c->ipc || e->stop_at)
        c->gone_since = 0;
    else if (!c->gone_since)
        c->gone_since = now ? now : 1;
    else if (now - c->gone_since > IPC_LINK_LOST_MS) {
        log_error("no channel to the %s for %d s: starting again", name, IPC_LINK_LOST_MS / 1000);
        _exit(1);
    }
}

void links_tick(struct edge *e)
{
    watch(e, &e->guard, "guard");
    watch(e, &e->journal, "journal");
    if (e->conf->reader)
        watch(e, &e->reader, "reader");
}

void links_init(struct edge *e)
{
    channel_init(&e->parent, e, from_parent, parent_lost);
    channel_init(&e->guard, e, from_guard, guard_lost);
    channel_init(&e->journal, e, from_journal, journal_lost);
    keeper_init(e);
    reading_init(e);
}

void links_flush(struct edge *e)
{
    if (e->journal.ipc && outbox_send(&e->lines, e->journal.ipc) == GW_ERR(NOMEM))
        channel_break(&e->journal, "no memory");
    channel_flush(&e->guard);
    channel_flush(&e->journal);
    channel_flush(&e->keeper);
    channel_flush(&e->reader);
    channel_flush(&e->parent);
}
