/* SPDX-License-Identifier: GPL-3.0-or-later
 * Captures made in memory, frame by frame, and what the reader says of them as lines of text. */
#ifndef LOCKGATE_TESTS_REPLAY_HELP_H
#define LOCKGATE_TESTS_REPLAY_HELP_H

#include <stdlib.h>

#include "jid.h"
#include "replay.h"
#include "xmpp.h"

static inline void rh_event(const struct replay_event *ev, FILE *to, bool xml)
{
    if (ev->type == REPLAY_STANZA) {
        fprintf(to, "%u>%u %s%s%s %.*s %.*s", ev->from.port, ev->to.port, ev->client ? "client " : "", ev->guessed ? "guessed " : "",
            rec_kind_name(ev->stanza->kind), STR_ARG(ev->stanza->from), STR_ARG(ev->stanza->to));
        if (xml) {
            struct buf b;
            buf_init(&b, 1u << 24);
            if (xs_serialise(ev->stanza, true, &b) == 0)
                fprintf(to, " %.*s", (int)buf_size(&b), (const char *)buf_data(&b));
            buf_clear(&b);
        }
        putc('\n', to);
        return;
    }
    fprintf(to, "%u>%u note %s", ev->from.port, ev->to.port, replay_note_code(ev->note));
    if (ev->bytes)
        fprintf(to, " %llu", (unsigned long long)ev->bytes);
    if (ev->detail.n)
        fprintf(to, " (%.*s)", STR_ARG(ev->detail));
    putc('\n', to);
}

/* All events of a capture as text; the caller frees it. */
__attribute__((unused)) static char *rh_read(FILE *f, const struct replay_conf *conf, bool xml, struct replay_stats *ret_stats)
{
    char *text = NULL, error[REPLAY_ERROR_MAX] = "";
    size_t n = 0;
    struct replay *r = NULL;
    struct replay_event ev;
    FILE *to = open_memstream(&text, &n);
    int err = replay_open_file(f, conf, &r, error);
    if (err < 0)
        fprintf(to, "not opened: %s\n", error);
    while (err == 0 && (err = replay_next(r, &ev)) == 0 && ev.type != REPLAY_DONE)
        rh_event(&ev, to, xml);
    if (r && ret_stats)
        replay_stats(r, ret_stats);
    replay_free(r);
    fclose(to);
    return text;
}

/* ---- a capture of raw IPv4 packets in memory ---- */
#define RH_SYN 2u
#define RH_ACK 16u
#define RH_HEAD "<stream:stream xmlns='jabber:server' xmlns:stream='http://etherx.jabber.org/streams' version='1.0'>"
struct rh_cap {
    struct buf b;
    uint64_t time_us; /* each packet moves it on by a millisecond */
};

__attribute__((unused)) static void rh_must(bool good)
{
    if (!good)
        abort();
}

__attribute__((unused)) static void rh_begin(struct rh_cap *c)
{
    static const uint32_t file[6] = { 0xA1B2C3D4, 2 | 4 << 16, 0, 0, 65535, 101 };
    buf_init(&c->b, 256u << 20);
    c->time_us = 1000000;
    rh_must(buf_put(&c->b, file, sizeof file) == 0);
}

static inline void rh_put32(unsigned char *p, uint32_t v)
{
    p[0] = (unsigned char)(v >> 24), p[1] = (unsigned char)(v >> 16), p[2] = (unsigned char)(v >> 8), p[3] = (unsigned char)v;
}

/* An IPv4 packet; where: the fragment field. */
__attribute__((unused)) static void rh_ip(struct rh_cap *c, int dir, unsigned id, unsigned where, const void *p, size_t n)
{
    uint32_t head[4] = { (uint32_t)(c->time_us / 1000000), (uint32_t)(c->time_us % 1000000), (uint32_t)(20 + n), (uint32_t)(20 + n) };
    unsigned char h[20] = { 0x45 };
    rh_put32(h, 0x45000000 | (uint32_t)(20 + n));
    rh_put32(h + 4, (uint32_t)id << 16 | where);
    rh_put32(h + 8, 0x40060000);
    rh_put32(h + 12, dir ? 0x0A020002 : 0x0A010002);
    rh_put32(h + 16, dir ? 0x0A010002 : 0x0A020002);
    c->time_us += 1000;
    rh_must(buf_put(&c->b, head, sizeof head) == 0 && buf_put(&c->b, h, sizeof h) == 0 && buf_put(&c->b, p, n) == 0);
}

/* A segment of the connection from port to 5269; dir 1: back. */
__attribute__((unused)) static void rh_tcp(struct rh_cap *c, int dir, unsigned port, uint32_t seq, uint32_t ack, unsigned flags, struct str data)
{
    static unsigned char t[20 + 65000];
    rh_must(data.n <= 65000);
    memset(t, 0, 20);
    rh_put32(t, dir ? 5269u << 16 | port : (uint32_t)port << 16 | 5269);
    rh_put32(t + 4, seq);
    rh_put32(t + 8, ack);
    t[12] = 0x50, t[13] = (unsigned char)flags;
    if (data.n)
        memcpy(t + 20, data.p, data.n);
    rh_ip(c, dir, 1, 0, t, 20 + data.n);
}

/* Its events; the caller frees them. Ends the capture. */
__attribute__((unused)) static char *rh_end(struct rh_cap *c, const struct replay_conf *conf, struct replay_stats *st)
{
    char *text;
    FILE *f = fmemopen(c->b.p, c->b.len, "rb");
    rh_must(f != NULL);
    text = rh_read(f, conf, false, st);
    buf_clear(&c->b);
    return text;
}

#endif
