/* SPDX-License-Identifier: GPL-3.0-or-later
 * TCP segments put in order (RFC 9293 section 3.10.7.4). Of two copies of a byte the one that was captured first is read, as Linux
 * does; copies that differ are reported. What stays missing is named, once the receiver has acknowledged it or nothing more comes. */
#include <stdlib.h>

#include "impl.h"

#define WAIT_SEGMENTS 8          /* a stream without beginning: so many segments may still bring an earlier one */
#define WAIT_US 100000
#define GAP_US 1000000           /* acknowledged, and still not there: the capture lost it */
#define GAP_PACKETS 64
#define LATE_SYN (1u << 20)      /* a SYN so little before the first segment belongs to it */

/* ---- positions ---- */

static uint64_t position(const struct half *h, uint32_t seq) { return h->next + (uint64_t)(int64_t)(int32_t)(seq - h->seq_next); }

static void base(struct half *h, uint32_t seq, bool from_start, int64_t now_us)
{
    h->known = true;
    h->seq_next = seq;
    h->next = h->begin = h->acked = MIDDLE_AT;
    h->started = h->from_start = from_start;
    h->first_us = now_us;
}

static void move_to(struct half *h, uint64_t at)
{
    h->seq_next += (uint32_t)(at - h->next);
    h->next = at;
}

/* ---- what waits ---- */

static void pop_held(struct replay *r, struct half *h)
{
    struct held *q = h->held;
    h->held = q->next;
    if (!h->held)
        h->last = NULL;
    h->held_bytes -= q->n;
    h->held_n--;
    r->memory -= sizeof *q + q->n;
    free(q);
}

/* Puts a piece that overlaps nothing behind *at. */
static struct held *put_held(struct replay *r, struct half *h, struct held **at, uint64_t pos, struct str b)
{
    struct held *q = malloc(sizeof *q + b.n);
    if (!q) {
        replay_fail(r, GW_ERR(NOMEM));
        return NULL;
    }
    q->at = pos;
    q->n = b.n;
    q->time_us = r->now_us;
    q->packet = r->packet;
    memcpy(q->bytes, b.p, b.n);
    q->next = *at;
    *at = q;
    if (!q->next)
        h->last = q;
    h->held_bytes += b.n;
    h->held_n++;
    r->memory += sizeof *q + b.n;
    return q;
}

static void conflict(struct replay *r, struct flow *f, int dir)
{
    struct half *h = &f->half[dir];
    r->stats.conflicts++;
    if (!h->said_conflict && !talk_is_over(&f->talk[dir]))
        replay_note(r, f, dir, REPLAY_N_CONFLICT, GW_R_NONE, "", 0);
    h->said_conflict = true;
}

static void hold(struct replay *r, struct flow *f, int dir, uint64_t at, struct str b)
{
    struct half *h = &f->half[dir];
    struct held **where = &h->held;
    if (h->last && at >= h->last->at + h->last->n)
        where = &h->last->next;
    while (b.n > 0) {
        struct held *q = *where;
        size_t n = b.n;
        if (q && q->at + q->n <= at) {
            where = &q->next;
            continue;
        }
        if (!q || q->at > at) { /* free up to q */
            if (q && q->at - at < n)
                n = (size_t)(q->at - at);
            q = put_held(r, h, where, at, (struct str){ b.p, n });
            if (!q)
                return;
            where = &q->next;
        } else { /* the rest of q is the same bytes again */
            if (q->at + q->n - at < n)
                n = (size_t)(q->at + q->n - at);
            r->stats.repeated_bytes += n;
            if (memcmp(q->bytes + (at - q->at), b.p, n) != 0)
                conflict(r, f, dir);
        }
        at += n;
        b.p += n;
        b.n -= n;
    }
}

/* ---- delivery ---- */

/* Bytes before `next` against what was delivered; what is older than the history cannot be compared. */
static void compare_old(struct replay *r, struct flow *f, int dir, uint64_t at, struct str b)
{
    struct half *h = &f->half[dir];
    struct str old = buf_str(&h->history);
    uint64_t first = h->next - old.n;
    r->stats.repeated_bytes += b.n;
    if (b.n == 1 && at + 1 == h->next)
        return; /* a keep-alive probe carries one byte that means nothing (RFC 9293 section 3.8.4) */
    if (at < first) {
        if (first - at >= b.n)
            return;
        b.p += first - at;
        b.n -= (size_t)(first - at);
        at = first;
    }
    if (b.n && memcmp(old.p + (at - first), b.p, b.n) != 0)
        conflict(r, f, dir);
}

static void forget_history(struct replay *r, struct half *h)
{
    r->memory -= buf_size(&h->history);
    buf_reset(&h->history);
}

static void remember(struct replay *r, struct half *h, struct str b)
{
    size_t had = buf_size(&h->history);
    h->history.max = 2 * HISTORY_BYTES;
    if (b.n >= HISTORY_BYTES) {
        buf_reset(&h->history);
        b.p += b.n - HISTORY_BYTES;
        b.n = HISTORY_BYTES;
    } else if (had + b.n > 2 * HISTORY_BYTES) {
        buf_drop(&h->history, had - (HISTORY_BYTES - b.n));
    }
    if (buf_puts(&h->history, b) < 0)
        replay_fail(r, GW_ERR(NOMEM));
    r->memory += buf_size(&h->history) - had;
}

/* A piece that begins at or before `next`. */
static void deliver(struct replay *r, struct flow *f, int dir, uint64_t at, struct str b)
{
    struct half *h = &f->half[dir];
    bool fresh = at == h->next;
    if (!fresh) {
        size_t n = h->next - at < b.n ? (size_t)(h->next - at) : b.n;
        compare_old(r, f, dir, at, (struct str){ b.p, n });
        b.p += n;
        b.n -= n;
    }
    if (b.n == 0)
        return;
    move_to(h, h->next + b.n);
    if (talk_is_over(&f->talk[dir]))
        return;
    remember(r, h, b);
    talk_bytes(r, f, dir, b, fresh);
}

/* Delivers what has come to its turn. own_time: a gap before it was given up, so that it counts from when it was captured. */
static void drain(struct replay *r, struct flow *f, int dir, bool own_time)
{
    struct half *h = &f->half[dir];
    int64_t now = r->now_us;
    uint64_t packet = r->packet;
    while (h->held && h->held->at <= h->next && r->err == 0) {
        struct held *q = h->held;
        if (own_time) {
            r->now_us = q->time_us;
            r->packet = q->packet;
        }
        deliver(r, f, dir, q->at, (struct str){ (const char *)q->bytes, q->n });
        pop_held(r, h);
        h->gap_us = 0;
    }
    r->now_us = now;
    r->packet = packet;
}

/* The stream begins with what is there. */
static void start(struct replay *r, struct flow *f, int dir)
{
    struct half *h = &f->half[dir];
    h->started = true;
    if (h->held)
        move_to(h, h->held->at);
    h->begin = h->next;
    talk_gap(r, f, dir, 0);
    drain(r, f, dir, true);
}

static void skip_gap(struct replay *r, struct flow *f, int dir)
{
    struct half *h = &f->half[dir];
    int64_t now = r->now_us;
    uint64_t missing = h->held->at - h->next, packet = r->packet;
    r->stats.gaps++;
    r->stats.missing_bytes += missing;
    move_to(h, h->held->at);
    forget_history(r, h); /* its end is no longer at `next` */
    h->gap_us = 0;
    r->now_us = h->held->time_us;
    r->packet = h->held->packet;
    talk_gap(r, f, dir, missing);
    r->now_us = now;
    r->packet = packet;
    drain(r, f, dir, true);
}

/* ---- when waiting ends ---- */

static void check(struct replay *r, struct flow *f, int dir)
{
    struct half *h = &f->half[dir];
    if (h->known && !h->started && (h->waited >= WAIT_SEGMENTS || (h->held && r->now_us - h->first_us > WAIT_US)))
        start(r, f, dir);
    while (h->started && h->held && (h->held_bytes > HELD_MAX || h->held_n > HELD_PIECES))
        skip_gap(r, f, dir);
    if (!h->started || !h->held || h->acked <= h->next) {
        h->gap_us = 0;
        return;
    }
    if (h->gap_us == 0) {
        h->gap_us = r->now_us ? r->now_us : 1;
        h->gap_packets = 0;
    } else if (++h->gap_packets > GAP_PACKETS || r->now_us - h->gap_us > GAP_US) {
        skip_gap(r, f, dir);
    }
}

void segment_check(struct replay *r, struct flow *f)
{
    check(r, f, 0);
    check(r, f, 1);
}

void segment_flush(struct replay *r, struct flow *f, int dir)
{
    struct half *h = &f->half[dir];
    if (h->known && !h->started && h->held)
        start(r, f, dir);
    while (h->held && r->err == 0)
        skip_gap(r, f, dir);
    if (h->started && h->acked > h->next + 1 && !talk_is_over(&f->talk[dir])) { /* 1: a FIN takes one number */
        r->stats.gaps++;
        r->stats.missing_bytes += h->acked - h->next;
        talk_gap(r, f, dir, h->acked - h->next);
        move_to(h, h->acked);
        forget_history(r, h);
    }
}

void half_clear(struct replay *r, struct half *h)
{
    while (h->held)
        pop_held(r, h);
    forget_history(r, h);
    buf_clear(&h->history);
}

/* ---- one segment ---- */

/* A SYN: true when it begins another connection than the one that is known. */
static bool another(const struct half *h, uint32_t first)
{
    uint64_t at = position(h, first);
    if (!h->known)
        return false;
    if (h->from_start)
        return at != MIDDLE_AT;
    return at > h->begin || h->begin - at > LATE_SYN;
}

static void syn(struct replay *r, struct flow *f, int dir, const struct packet *p)
{
    struct half *h = &f->half[dir], *other = &f->half[1 - dir];
    uint32_t first = p->seq + 1;
    if (!h->known) {
        base(h, first, true, r->now_us);
    } else if (!h->started && (!h->held || position(h, first) <= h->held->at)) {
        /* it came late: nothing was delivered yet, so the stream has its beginning after all */
        move_to(h, position(h, first));
        h->begin = h->next;
        h->started = true;
        drain(r, f, dir, false);
    }
    if ((p->flags & TCP_ACK) && !other->known)
        base(other, p->ack, true, r->now_us);
}

static void data(struct replay *r, struct flow *f, int dir, uint32_t seq, const struct packet *p)
{
    struct half *h = &f->half[dir];
    uint64_t at;
    if (!h->known)
        base(h, seq, false, r->now_us);
    at = position(h, seq);
    if (p->missing && !h->said_truncated && !talk_is_over(&f->talk[dir]) && (f->xmpp || f->port)) {
        h->said_truncated = true;
        replay_note(r, f, dir, REPLAY_N_TRUNCATED, GW_R_NONE, "", p->missing);
    }
    if (at > h->next + AHEAD_MAX || h->next > at + AHEAD_MAX)
        return; /* of another time: not this stream */
    if (p->payload.n == 0)
        return;
    if (!h->started) {
        h->waited++;
        hold(r, f, dir, at, p->payload);
    } else if (at > h->next && !talk_is_over(&f->talk[dir])) {
        r->stats.out_of_order++;
        hold(r, f, dir, at, p->payload);
    } else if (at > h->next) {
        move_to(h, at + p->payload.n); /* nobody reads it any more */
    } else if (!h->held) {
        deliver(r, f, dir, at, p->payload);
    } else { /* what waits may have been captured before parts of this */
        struct str b = p->payload;
        size_t old = h->next - at < b.n ? (size_t)(h->next - at) : b.n;
        if (old)
            compare_old(r, f, dir, at, (struct str){ b.p, old });
        hold(r, f, dir, at + old, (struct str){ b.p + old, b.n - old });
        drain(r, f, dir, false);
    }
}

void segment_take(struct replay *r, struct flow *f, int dir, const struct packet *p)
{
    uint32_t seq = p->seq;
    if (p->flags & TCP_SYN) {
        if (another(&f->half[dir], seq + 1)) {
            bool answers = (p->flags & TCP_ACK) != 0;
            flow_renew(r, f, answers ? 1 - dir : dir);
            dir = answers ? 1 : 0;
        }
        syn(r, f, dir, p);
        seq++;
    }
    if ((p->flags & TCP_ACK) && f->half[1 - dir].known) {
        struct half *other = &f->half[1 - dir];
        uint64_t at = position(other, p->ack);
        if (at > other->acked && at < other->next + AHEAD_MAX)
            other->acked = at;
    }
    if (p->payload.n || p->missing)
        data(r, f, dir, seq, p);
    if (p->flags & TCP_RST) { /* what waits will not be completed; should more come all the same, it is read */
        segment_flush(r, f, 0);
        segment_flush(r, f, 1);
    }
    segment_check(r, f);
    if (talk_is_over(&f->talk[dir]))
        half_clear(r, &f->half[dir]);
    flow_relieve(r, f);
}
