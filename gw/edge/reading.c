/* SPDX-License-Identifier: GPL-3.0-or-later
 * Orders on their way through the second reader (reading.h). Questions are sent in lots and answered in order, and need no time of
 * their own, since the journal's sync takes longer; a reader that is away holds up what leaves until limits.deliver. */
#include "reading.h"

#define OPENSSL_SUPPRESS_DEPRECATED
#include <openssl/crypto.h>
#include <stdlib.h>

#include "log.h"
#include "pair.h"
#include "xmpp.h"
#include "sha256.h"

/* ---- asking ---- */

static void ask(struct edge *e, struct order *o)
{
    struct msg_read m = { .record = { (const char *)o->bytes, o->n }, .xml = { (const char *)o->xml, o->n_xml } };
    if (!e->reader.ipc)
        return; /* asked when it is there again */
    m.ask = o->ask = ++e->last_read;
    if (ipc_put_read(e->reader.ipc, &m) != 0)
        channel_break(&e->reader, "no room for a question to the reader");
}

void reading_begin(struct edge *e, struct order *o)
{
    rec_reset(e->rec);
    if (rec_decode_into((struct str){ (const char *)o->bytes, o->n }, e->rec) != 0)
        return;
    o->pair = pair_find(e, e->rec->from_domain, e->rec->to_domain);
    buf_reset(&e->xml);
    if (!o->pair || xs_serialise(e->rec, false, &e->xml) != 0)
        return;
    o->xml = malloc(buf_size(&e->xml));
    if (!o->xml)
        return;
    o->n_xml = buf_size(&e->xml);
    memcpy(o->xml, buf_data(&e->xml), o->n_xml);
    if (!e->conf->reader) {
        o->reading = ORDER_READ;
        return;
    }
    o->reading = ORDER_ASKED;
    TAILQ_INSERT_TAIL(&e->unread, o, unread);
    if (!e->one_by_one)
        ask(e, o);
}

/* Behind the death of a reader those that it may have died of are asked one by one, the rest together when these are through: so
 * it is known which one a second death is about. */
static void ask_on(struct edge *e)
{
    struct order *o = TAILQ_FIRST(&e->unread);
    e->one_by_one = o && o->suspect;
    if (e->one_by_one) {
        ask(e, o);
        return;
    }
    TAILQ_FOREACH(o, &e->unread, unread)
        ask(e, o);
}

void reading_forget(struct edge *e, struct order *o)
{
    if (o->reading == ORDER_ASKED)
        TAILQ_REMOVE(&e->unread, o, unread);
    free(o->xml);
    o->xml = NULL;
}

/* ---- answers ---- */

static void refused(struct edge *e, struct order *o)
{
    o->reading = ORDER_DIFFERS;
    orders_differ(e, o);
}

static bool confirms(const struct order *o, const struct msg_read_done *m)
{
    unsigned char hash[32];
    sha256(o->xml, o->n_xml, hash);
    return m->same == 1 && CRYPTO_memcmp(hash, m->hash.b, sizeof hash) == 0;
}

/* Answers come in the order of the questions; those about orders that are gone meanwhile find nothing. */
static void answered(struct edge *e, const struct msg_read_done *m)
{
    struct order *o = TAILQ_FIRST(&e->unread);
    if (o && o->ask == m->ask) {
        TAILQ_REMOVE(&e->unread, o, unread);
        o->reading = ORDER_READ;
        if (!confirms(o, m))
            refused(e, o);
        else if (o->in_queue)
            pair_kick(o->pair);
    }
    if (e->one_by_one && m->ask == e->last_read)
        ask_on(e);
}

static void from_reader(struct edge *e, const struct ipc_msg *m)
{
    struct msg_read_done d;
    int err = m->type == IPC_M_READ_DONE ? ipc_get_read_done(m, &d) : GW_ERR(PROTO);
    if (err || d.ask > e->last_read)
        channel_break(&e->reader, "a message of the reader was not understood");
    else
        answered(e, &d);
}

static void reader_lost(struct edge *e)
{
    struct order *o = TAILQ_FIRST(&e->unread);
    if (e->stop_at)
        return;
    if (o && e->one_by_one && o->ask == e->last_read) {
        log_error("the reader ended twice over one stanza, which is refused");
        TAILQ_REMOVE(&e->unread, o, unread);
        refused(e, o);
    }
    TAILQ_FOREACH(o, &e->unread, unread)
        o->suspect = o->ask != 0;
    e->one_by_one = !TAILQ_EMPTY(&e->unread);
}

void reading_init(struct edge *e)
{
    channel_init(&e->reader, e, from_reader, reader_lost);
    TAILQ_INIT(&e->unread);
    buf_init(&e->xml, 33u << 20); /* with the largest record it fits a question */
}

void reading_linked(struct edge *e, int fd)
{
    if (e->reader.ipc) { /* the parent knows of its end before we do */
        channel_close(&e->reader);
        reader_lost(e);
    }
    if (channel_open(&e->reader, fd, IPC_READER) != 0) {
        log_error("the reader's channel cannot be used");
        return;
    }
    ask_on(e);
}
