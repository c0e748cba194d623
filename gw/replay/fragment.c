/* SPDX-License-Identifier: GPL-3.0-or-later
 * IP fragments put together. Copies that differ make the whole datagram unreadable (RFC 5722 says so for IPv6; for IPv4 nobody can
 * know which copy its receiver took). */
#include <stdlib.h>

#include "impl.h"

#define TIMEOUT_US (60 * (int64_t)1000000) /* RFC 8200 section 4.5 */
#define BLOCKS (DATAGRAM_MAX / 8 + 1)

struct datagram {
    struct datagram *next;
    struct net_addr src, dst;
    uint32_t id;
    uint8_t proto;
    bool first, bad;      /* the first fragment is there; copies differed: all of it is passed over */
    int64_t since_us;
    size_t total, end;    /* total 0: the last fragment is not there; end of the highest one seen */
    size_t blocks;        /* marked in got */
    unsigned char got[BLOCKS / 8 + 1];
    unsigned char bytes[BLOCKS * 8];
};

static void say(struct replay *r, const char *what) { replay_note(r, NULL, 0, REPLAY_N_FRAGMENT, GW_R_NONE, what, 0); }

/* Takes d out of the list and frees it. */
static void forget(struct replay *r, struct datagram *d)
{
    for (struct datagram **at = &r->fragments.list; *at; at = &(*at)->next)
        if (*at == d) {
            *at = d->next;
            r->fragments.n--;
            break;
        }
    free(d);
}

static void expire(struct replay *r)
{
    for (struct datagram *d = r->fragments.list, *next; d; d = next) {
        bool old = r->now_us - d->since_us > TIMEOUT_US, full = r->fragments.n >= FRAGMENTS_MAX && !d->next;
        next = d->next;
        if (!old && !full)
            continue;
        if (!d->bad)
            say(r, old ? "a datagram stayed incomplete" : "too many datagrams in fragments at once");
        forget(r, d);
    }
}

static struct datagram *find(struct replay *r, const struct fragment *f)
{
    struct datagram *d;
    for (d = r->fragments.list; d; d = d->next)
        if (d->id == f->id && net_same_host(&d->src, &f->src) && net_same_host(&d->dst, &f->dst) &&
            (f->src.family == 6 || d->proto == f->proto)) /* RFC 8200: next header is no part of the identity */
            return d;
    expire(r);
    d = calloc(1, sizeof *d);
    if (!d) {
        replay_fail(r, GW_ERR(NOMEM));
        return NULL;
    }
    d->src = f->src;
    d->dst = f->dst;
    d->id = f->id;
    d->proto = f->proto;
    d->since_us = r->now_us;
    d->next = r->fragments.list;
    r->fragments.list = d;
    r->fragments.n++;
    return d;
}

static const char *misfit(const struct datagram *d, const struct fragment *f)
{
    size_t end = f->off + f->bytes.n;
    if (f->bytes.n == 0 || end > DATAGRAM_MAX || (f->more && f->bytes.n % 8 != 0))
        return "a fragment with an impossible length";
    if ((d->total && end > d->total) || (!f->more && (d->end > end || (d->total && d->total != end))))
        return "fragments disagree on where the datagram ends";
    return NULL;
}

/* Copies what is new; false: it differs from what is there. */
static bool merge(struct datagram *d, const struct fragment *f)
{
    for (size_t at = 0; at < f->bytes.n; at += 8) {
        size_t block = (f->off + at) / 8, n = f->bytes.n - at < 8 ? f->bytes.n - at : 8;
        unsigned char *to = d->bytes + f->off + at, bit = (unsigned char)(1u << block % 8);
        if (d->got[block / 8] & bit) {
            if (memcmp(to, f->bytes.p + at, n) != 0)
                return false;
            continue;
        }
        memcpy(to, f->bytes.p + at, n);
        d->got[block / 8] |= bit;
        d->blocks++;
    }
    if (f->off + f->bytes.n > d->end)
        d->end = f->off + f->bytes.n;
    if (!f->more)
        d->total = f->off + f->bytes.n;
    if (f->off == 0) {
        d->first = true;
        d->proto = f->proto;
    }
    return true;
}

bool fragment_take(struct replay *r, const struct fragment *f, struct str *ret_bytes, uint8_t *ret_proto)
{
    struct datagram *d;
    const char *wrong;
    free(r->fragments.whole);
    r->fragments.whole = NULL;
    d = find(r, f);
    if (!d || d->bad)
        return false;
    wrong = misfit(d, f);
    if (!wrong && !merge(d, f))
        wrong = "copies of a fragment differ: the datagram was not read";
    if (wrong) {
        say(r, wrong);
        d->bad = true;
        return false;
    }
    if (!d->total || !d->first || d->blocks < (d->total + 7) / 8)
        return false;
    *ret_bytes = (struct str){ (const char *)d->bytes, d->total };
    *ret_proto = d->proto;
    for (struct datagram **at = &r->fragments.list; *at; at = &(*at)->next)
        if (*at == d) {
            *at = d->next;
            break;
        }
    r->fragments.n--;
    r->fragments.whole = d;
    return true;
}

void fragment_clear(struct replay *r, bool say_so)
{
    for (struct datagram *d = r->fragments.list, *next; d; d = next) {
        next = d->next;
        if (say_so && !d->bad)
            say(r, "a datagram stayed incomplete");
        free(d);
    }
    free(r->fragments.whole);
    r->fragments = (struct fragments){ NULL, 0, NULL };
}
