// link: ipc base
// libs: -lcrypto
/* SPDX-License-Identifier: GPL-3.0-or-later
 * A guard that has gone mad, in the place of lockgate-guard: it wants stanzas out past the journal. For each stanza it tries,
 * in turn: an order without a line; an order whose line names other bytes; the same order twice after one honest line; the last honest
 * order and its line once more (REPLAY; nothing stands in its way but what the edge was told, when the edge is a new one); and, so
 * that a test can tell this from a broken set-up, an honest order when the stanza's record holds the word HONEST. */
#define OPENSSL_SUPPRESS_DEPRECATED
#include <openssl/sha.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "ipc.h"
#include "log.h"
#include "outbox.h"

enum { PARENT, JOURNAL, HIGH, LOW, CHANNELS };
static struct ipc *ch[CHANNELS];
static struct outbox lines;

static void put(int rc)
{
    if (rc)
        log_warn("could not send: %s", gw_strerror(rc));
}

static void order(int to, uint64_t number, const struct msg_stanza *s)
{
    struct msg_order m = { .guard = lines.epoch, .number = number, .epoch = 1, .ticket = s->ticket, .purpose = ORDER_FORWARD,
        .flow = s->flow, .record = s->record };
    if (ch[to])
        put(ipc_put_order(ch[to], &m));
}

/* A line that releases hash to the edge `to`; returns its number. */
static uint64_t line(int to, const struct ipc_hash *hash)
{
    struct buf b;
    struct wire_out o;
    uint64_t number = 0;
    buf_init(&b, 4096);
    wire_out_init(&o, &b);
    field_z(&o, GW_F_VERDICT, "release");
    field_z(&o, GW_F_SENTENCE, "mad guard");
    put(o.err ? o.err : outbox_add(&lines, (uint8_t)(to == HIGH ? GW_HIGH : GW_LOW), hash, GW_EV_VERDICT, buf_str(&b), &number));
    buf_clear(&b);
    return number;
}

/* The last honest order, to be told again word for word. */
static struct { int to; uint64_t number, flow, ticket; struct ipc_hash hash; struct str record; } honest;

static void keep_honest(int to, uint64_t number, const struct ipc_hash *hash, const struct msg_stanza *s)
{
    char *p = malloc(s->record.n);
    if (!p)
        return;
    memcpy(p, s->record.p, s->record.n);
    honest.to = to, honest.number = number, honest.flow = s->flow, honest.ticket = s->ticket, honest.hash = *hash;
    honest.record = (struct str){ p, s->record.n };
}

static void replay(void)
{
    struct msg_line again = { .guard = lines.epoch, .number = honest.number, .target = honest.to == HIGH ? GW_HIGH : GW_LOW,
        .hash = honest.hash, .event = GW_EV_VERDICT };
    struct msg_stanza s = { .ticket = honest.ticket, .flow = honest.flow, .record = honest.record };
    if (!honest.record.p || !ch[JOURNAL])
        return;
    order(honest.to, honest.number, &s);
    put(ipc_put_line(ch[JOURNAL], &again));
}

static void stanza(int from, const struct msg_stanza *s)
{
    int to = from == HIGH ? LOW : HIGH;
    struct ipc_hash hash;
    SHA256((const unsigned char *)s->record.p, s->record.n, hash.b);
    if (memmem(s->record.p, s->record.n, "HONEST", 6)) {
        uint64_t number = line(to, &hash);
        order(to, number, s);
        keep_honest(to, number, &hash, s);
    } else if (memmem(s->record.p, s->record.n, "REPLAY", 6)) {
        replay();
    } else if (memmem(s->record.p, s->record.n, "NOLINE", 6)) {
        order(to, UINT64_C(1000000000) + s->ticket, s);
    } else if (memmem(s->record.p, s->record.n, "OTHERHASH", 9)) {
        hash.b[31] ^= 1;
        order(to, line(to, &hash), s);
    } else if (memmem(s->record.p, s->record.n, "LATER", 5)) {
        /* the number of a line that was released for something else long ago */
        order(to, 1, s);
    } else {
        log_warn("a stanza that no test named");
    }
}

static int slot(const struct msg_link *m)
{
    return m->role == IPC_JOURNAL ? JOURNAL : m->role == IPC_EDGE ? (m->side == GW_HIGH ? HIGH : LOW) : -1;
}

static void link_(const struct ipc_msg *msg)
{
    struct msg_link m;
    int i = ipc_get_link(msg, &m) ? -1 : slot(&m);
    if (i < 0) { /* scanners are of no interest */
        if (msg->fd >= 0)
            close(msg->fd);
        return;
    }
    ipc_free(ch[i]);
    ch[i] = ipc_new(msg->fd, IPC_GUARD, (enum ipc_role)m.role);
    if (i == JOURNAL)
        outbox_relink(&lines);
}

static void take(int from, const struct ipc_msg *m)
{
    struct msg_stanza s;
    struct msg_durable d;
    struct msg_stats_ask ask;
    if (m->type == IPC_M_LINK)
        link_(m);
    else if (m->type == IPC_M_STOP)
        exit(0);
    else if (m->type == IPC_M_STATS_ASK && !ipc_get_stats_ask(m, &ask))
        put(ipc_put_stats(ch[PARENT], &(struct msg_stats){ .ask = ask.ask, .json = STR("{}") }));
    else if (m->type == IPC_M_STANZA && !ipc_get_stanza(m, &s))
        stanza(from, &s);
    else if (m->type == IPC_M_DURABLE && !ipc_get_durable(m, &d))
        put(outbox_durable(&lines, &d));
}

int main(int argc, char **argv)
{
    log_init("mad guard", LOG_L_INFO);
    if (argc != 3)
        return 2;
    outbox_init(&lines, strtoull(argv[2], NULL, 10), 1 << 24);
    ch[PARENT] = ipc_new(IPC_PARENT_FD, IPC_GUARD, IPC_PARENT);
    put(ipc_put_ready(ch[PARENT], &(struct msg_ready){ .end_ = {} }));
    for (;;) {
        bool ready[CHANNELS];
        if (ch[JOURNAL] && outbox_send(&lines, ch[JOURNAL]))
            log_warn("the journal's channel is full");
        if (ipc_wait(ch, CHANNELS, -1, 1000, ready, NULL) < 0)
            return 1;
        for (int i = 0; i < CHANNELS; i++) {
            struct ipc_msg m;
            if (!ch[i] || !ready[i])
                continue;
            int rc = ipc_fill(ch[i]);
            while (rc > 0 && ipc_next(ch[i], &m) == 1)
                take(i, &m);
            if (rc < 0 && rc != GW_ERR(AGAIN)) {
                if (i == PARENT)
                    return 0;
                ipc_free(ch[i]);
                ch[i] = NULL;
            }
        }
    }
}
