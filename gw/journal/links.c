/* SPDX-License-Identifier: GPL-3.0-or-later
 * The channels: the parent's own, and those it connects by LINK. Messages are taken fairly, until the batch is full. */
#include <errno.h>

#include "journal.h"
#include "log.h"

#define COURIER_QUEUE 65536

static bool tells_lines(enum ipc_role role)
{
    return role == IPC_GUARD || role == IPC_EDGE || role == IPC_ADMISSION || role == IPC_KEEPER || role == IPC_COURIER ||
        role == IPC_DECOY || role == IPC_RESPONDER;
}

static bool has_business(enum ipc_role role)
{
    return tells_lines(role) || role == IPC_TOKEN;
}

static void name_channel(struct channel *ch)
{
    const char *side = ch->role == IPC_EDGE || ch->role == IPC_ADMISSION || ch->role == IPC_DECOY || ch->role == IPC_RESPONDER ? gw_side_name(ch->side) : NULL;
    char index[8] = "";

    if (ch->index)
        snprintf(index, sizeof index, "/%u", ch->index);
    snprintf(ch->program, sizeof ch->program, "%s%s%s%s", ipc_role_name(ch->role), side ? "/" : "", side ? side : "", index);
}

static void add(struct journal *j, size_t i, int fd, enum ipc_role role, uint8_t side, uint8_t index)
{
    struct channel *ch = &j->ch[i];

    *ch = (struct channel){ .c = ipc_new(fd, IPC_JOURNAL, role), .role = role, .side = side, .index = index };
    if (!ch->c)
        log_fatal("out of memory");
    name_channel(ch);
    j->ipc[i] = ch->c;
}

void links_parent(struct journal *j, int fd)
{
    add(j, 0, fd, IPC_PARENT, 0, 0);
}

void links_drop(struct journal *j, struct channel *ch)
{
    ipc_free(ch->c);
    ch->c = NULL;
    if (ch->sender)
        ch->sender->bound = false;
    ch->sender = NULL;
    ch->more = ch->acknowledge = ch->held = false;
    j->ipc[ch - j->ch] = NULL;
    if (ch->role == IPC_PARENT)
        j->stop = true;
}

void links_break(struct journal *j, struct channel *ch, const char *why)
{
    log_error("channel to %s broken: %s", ch->program, why);
    batch_event(j, "channel-broken", ch->program, ch->sender ? ch->sender->last : 0, "the channel was broken: %s", why);
    links_drop(j, ch);
}

/* The newest checkpoint. A courier that does not read is a matter of its own: it misses some, and gets the next. */
static void tell_courier(struct journal *j, struct channel *ch)
{
    struct msg_checkpoint m = { .size = j->notary.signed_size, .note = buf_str(&j->notary.newest) };

    if (m.note.n == 0 || ipc_queued(ch->c) > COURIER_QUEUE)
        return;
    if (ipc_put_checkpoint(ch->c, &m) < 0)
        links_drop(j, ch);
    else
        (void)!ipc_flush(ch->c); /* an error shows when it is read */
}

/* An edge that was started anew knows no number. It must not take an order for new that went out before, from a guard that tells it again. */
static void tell_edge(struct journal *j, struct channel *ch)
{
    if (ipc_put_released(ch->c, &j->released[ch->side]) < 0)
        links_drop(j, ch);
    else
        (void)!ipc_flush(ch->c);
}

static void on_link(struct journal *j, const struct ipc_msg *m)
{
    struct msg_link l;
    size_t free_place = 0;

    if (ipc_get_link(m, &l) < 0 || m->fd < 0 || !has_business(l.role) || l.side >= GW_SIDES) {
        log_error("a link that is not for the journal");
        return;
    }
    for (size_t i = CHANNELS_MAX - 1; i > 0; i--) {
        struct channel *ch = &j->ch[i];
        if (!ch->c) {
            free_place = i;
        } else if (ch->role == (enum ipc_role)l.role && ch->side == l.side && ch->index == l.index) {
            links_drop(j, ch);
            free_place = i;
            break;
        }
    }
    if (free_place == 0)
        log_fatal("more than %d channels", CHANNELS_MAX);
    add(j, free_place, m->fd, l.role, l.side, l.index);
    if (l.role == IPC_EDGE) {
        if (j->edge_seen[l.side])
            settle_edge_anew(j, l.side);
        j->edge_seen[l.side] = true;
        tell_edge(j, &j->ch[free_place]);
    }
    if (l.role == IPC_COURIER)
        tell_courier(j, &j->ch[free_place]);
}

void links_checkpoint(struct journal *j)
{
    for (size_t i = 0; i < CHANNELS_MAX; i++)
        if (j->ch[i].c && j->ch[i].role == IPC_COURIER)
            tell_courier(j, &j->ch[i]);
}

static void on_stats(struct journal *j, const struct ipc_msg *m)
{
    struct msg_stats_ask ask;
    struct msg_stats s;
    char text[768];

    if (ipc_get_stats_ask(m, &ask) < 0)
        return;
    int n = snprintf(text, sizeof text,
        "{\"state\":\"%s\",\"records\":%llu,\"written\":%llu,\"bytes\":%llu,\"batches\":%llu,\"releases\":%llu,\"duplicates\":%llu,"
        "\"sync_us_total\":%llu,\"sync_us_max\":%llu,\"disk_full\":%llu,\"segment\":\"%s\",\"checkpoint\":%llu,\"open\":%llu,\"unsettled\":%llu}",
        !j->blocked ? "writing" : j->store.why == EIO ? "sync-failed" : "disk-full", (unsigned long long)j->store.seq, (unsigned long long)j->stats.records,
        (unsigned long long)j->stats.bytes, (unsigned long long)j->stats.batches, (unsigned long long)j->stats.releases,
        (unsigned long long)j->stats.duplicates, (unsigned long long)j->stats.sync_us, (unsigned long long)j->stats.sync_us_max,
        (unsigned long long)j->stats.full, j->store.name, (unsigned long long)j->notary.signed_size, (unsigned long long)j->open.list[OPEN_WAITS].n + j->open.list[OPEN_SOON].n + j->open.list[OPEN_DUE].n,
        (unsigned long long)j->stats.unsettled);
    s = (struct msg_stats){ .ask = ask.ask, .json = { text, (size_t)n } };
    if (ipc_put_stats(j->ch[0].c, &s) < 0)
        log_warn("statistics could not be sent");
}

static void on_message(struct journal *j, struct channel *ch, const struct ipc_msg *m)
{
    switch ((unsigned)m->type) {
    case IPC_M_LINE: batch_line(j, ch, m); break;
    case IPC_M_KEEP: hold_take(j, ch, m); break;
    case IPC_M_SIGNED: token_answer(j, ch, m); break;
    case IPC_M_LINK: on_link(j, m); break;
    case IPC_M_STOP: j->stop = true; break;
    case IPC_M_STATS_ASK: on_stats(j, m); break;
    default: links_break(j, ch, "a message that is not for the journal");
    }
}

/* A channel over its budget is left out of the waiting, so that it does not wake us; what it is owed still goes to it. */
static void hold(struct journal *j, struct channel *ch, bool on)
{
    ch->held = on;
    j->ipc[ch - j->ch] = on ? NULL : ch->c;
}

static void look_at_held(struct journal *j)
{
    for (size_t i = 0; i < CHANNELS_MAX; i++) {
        struct channel *ch = &j->ch[i];
        if (!ch->c || !ch->held)
            continue;
        if (ipc_queued(ch->c) > 0)
            (void)!ipc_flush(ch->c); /* an error shows when it is read again */
        if (budget_left(j, ch)) {
            hold(j, ch, false);
            ch->more = true;
        }
    }
}

static bool any_held(const struct journal *j)
{
    for (size_t i = 0; i < CHANNELS_MAX; i++)
        if (j->ch[i].c && j->ch[i].held)
            return true;
    return false;
}

/* Whole messages of one channel. lines: while the batch has no room the parent's other messages are still taken. */
#define HOLDS_A_TURN 4 /* each is synced by itself: a heap of them must not keep the next batch waiting */

static void take(struct journal *j, struct channel *ch)
{
    struct ipc_msg m;
    int got = 0;
    unsigned holds = 0;

    ch->more = false;
    while (ch->c) {
        if (batch_full(j) || holds == HOLDS_A_TURN) {
            ch->more = true;
            return;
        }
        if (!budget_left(j, ch)) {
            hold(j, ch, true);
            return;
        }
        got = ipc_next(ch->c, &m);
        if (got == 0)
            return;
        if (got < 0) {
            links_break(j, ch, "what it sent is no message");
            return;
        }
        holds += m.type == IPC_M_KEEP;
        on_message(j, ch, &m);
    }
}

static void fill(struct journal *j, struct channel *ch)
{
    int got = ipc_fill(ch->c);

    if (got == GW_ERR(CLOSED) || got == GW_ERR(IO)) {
        take(j, ch); /* what had come whole counts */
        if (ch->c && !ch->more && !ch->held)
            links_drop(j, ch);
        return;
    }
    take(j, ch);
}

bool links_more(const struct journal *j)
{
    for (size_t i = 0; i < CHANNELS_MAX; i++)
        if (j->ch[i].more)
            return true;
    return false;
}

static int timeout(const struct journal *j)
{
    int64_t ms = j->retry_ms - mono_ms();

    if (any_held(j) && ms > 20)
        ms = 20;
    if (j->n_lines > 0 && ms > batch_wait_ms(j))
        ms = batch_wait_ms(j);
    return links_more(j) || ms < 0 ? 0 : ms > 1000 ? 1000 : (int)ms;
}

void links_take(struct journal *j)
{
    static unsigned first; /* whose turn it is to be first */
    bool ready[CHANNELS_MAX];

    if (ipc_wait(j->ipc, CHANNELS_MAX, -1, timeout(j), ready, NULL) < 0)
        log_fatal("cannot wait: %m");
    first++;
    look_at_held(j);
    for (size_t k = 0; k < CHANNELS_MAX; k++) {
        struct channel *ch = &j->ch[(first + k) % CHANNELS_MAX];
        if (ch->c && ch->more)
            take(j, ch);
        if (ch->c && !ch->more && ready[ch - j->ch])
            fill(j, ch);
    }
}

void links_parent_only(struct journal *j)
{
    bool ready[1];
    int64_t ms = j->retry_ms - mono_ms();

    for (size_t i = 1; i < CHANNELS_MAX; i++) /* what was durable before still goes out */
        if (j->ch[i].c && ipc_queued(j->ch[i].c) > 0)
            (void)!ipc_flush(j->ch[i].c);
    if (ipc_wait(j->ipc, 1, -1, ms < 0 ? 0 : ms > 50 ? 50 : (int)ms, ready, NULL) < 0)
        log_fatal("cannot wait: %m");
    if (ready[0] && !batch_full(j))
        fill(j, &j->ch[0]);
}
