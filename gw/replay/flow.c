/* SPDX-License-Identifier: GPL-3.0-or-later
 * TCP connections by their four numbers; the one that was quiet longest makes room for a new one. */
#include <stdlib.h>

#include "impl.h"

#define KEY_BYTES 37 /* family, and twice address and port */

static int compare(const struct net_addr *a, const struct net_addr *b)
{
    int c = memcmp(a->addr, b->addr, sizeof a->addr);
    return c ? c : (a->port > b->port) - (a->port < b->port);
}

/* The same for both directions. */
static size_t row_of(const struct packet *p)
{
    const struct net_addr *a = &p->src, *b = &p->dst;
    unsigned char key[KEY_BYTES];
    if (compare(a, b) > 0) {
        a = &p->dst;
        b = &p->src;
    }
    key[0] = a->family;
    memcpy(key + 1, a->addr, 16);
    memcpy(key + 17, b->addr, 16);
    key[33] = (unsigned char)(a->port >> 8), key[34] = (unsigned char)a->port;
    key[35] = (unsigned char)(b->port >> 8), key[36] = (unsigned char)b->port;
    return (size_t)(siphash(siphash_process_key(), key, sizeof key) % FLOW_ROWS);
}

static bool same(const struct net_addr *a, const struct net_addr *b) { return net_same_host(a, b) && a->port == b->port; }

static void unlink_age(struct flows *t, struct flow *f)
{
    *(f->newer ? &f->newer->older : &t->newest) = f->older;
    *(f->older ? &f->older->newer : &t->oldest) = f->newer;
    f->newer = f->older = NULL;
}

static void to_newest(struct flows *t, struct flow *f)
{
    f->older = t->newest;
    f->newer = NULL;
    *(t->newest ? &t->newest->newer : &t->oldest) = f;
    t->newest = f;
}

/* ---- one connection's end ---- */

static void finish(struct replay *r, struct flow *f)
{
    for (int i = 0; i < 2; i++)
        segment_flush(r, f, i);
    for (int i = 0; i < 2; i++)
        talk_end(r, f, i);
    r->stats.xmpp_flows += f->xmpp;
    r->stats.encrypted_flows += f->encrypted;
    r->stats.other_flows += !f->xmpp && !f->encrypted;
    for (int i = 0; i < 2; i++) {
        half_clear(r, &f->half[i]);
        talk_clear(r, &f->talk[i]);
    }
}

static void begin(struct replay *r, struct flow *f)
{
    f->number = ++r->stats.flows;
    f->xmpp = f->encrypted = f->port = f->said_other = f->learned = false;
    memset(f->half, 0, sizeof f->half);
    memset(f->talk, 0, sizeof f->talk);
    for (int i = 0; i < 2; i++)
        for (size_t k = 0; k < r->conf.n_ports; k++)
            if (f->end[i].port == r->conf.ports[k])
                f->port = true;
}

void flow_renew(struct replay *r, struct flow *f, int opener)
{
    finish(r, f);
    if (opener == 1) {
        struct net_addr a = f->end[0];
        f->end[0] = f->end[1];
        f->end[1] = a;
    }
    begin(r, f);
}

static void drop(struct replay *r, struct flow *f)
{
    struct packet key = { .src = f->end[0], .dst = f->end[1] };
    finish(r, f);
    for (struct flow **at = &r->flows.row[row_of(&key)]; *at; at = &(*at)->chain)
        if (*at == f) {
            *at = f->chain;
            break;
        }
    unlink_age(&r->flows, f);
    r->flows.n--;
    free(f);
}

/* ---- the table ---- */

void flow_relieve(struct replay *r, const struct flow *keep)
{
    while (r->memory > r->conf.memory && r->flows.oldest && r->flows.oldest != keep) {
        struct flow *f = r->flows.oldest;
        if (f->xmpp)
            replay_note(r, f, 0, REPLAY_N_LIMIT, GW_R_NONE, "too much memory was in use: this connection is given up", 0);
        drop(r, f);
    }
}

static struct flow *new_flow(struct replay *r, const struct packet *p, size_t row)
{
    struct flows *t = &r->flows;
    /* who answers a SYN did not open */
    bool answer = (p->flags & (TCP_SYN | TCP_ACK)) == (TCP_SYN | TCP_ACK);
    struct flow *f;
    if (t->n >= r->conf.flows && t->oldest) {
        if (t->oldest->xmpp)
            replay_note(r, t->oldest, 0, REPLAY_N_LIMIT, GW_R_NONE, "too many connections at once: this one is given up", 0);
        drop(r, t->oldest);
    }
    f = calloc(1, sizeof *f);
    if (!f) {
        replay_fail(r, GW_ERR(NOMEM));
        return NULL;
    }
    f->end[0] = answer ? p->dst : p->src;
    f->end[1] = answer ? p->src : p->dst;
    begin(r, f);
    f->chain = t->row[row];
    t->row[row] = f;
    t->n++;
    to_newest(t, f);
    return f;
}

struct flow *flow_of(struct replay *r, const struct packet *p, int *ret_dir)
{
    size_t row = row_of(p);
    struct flow *f;
    for (f = r->flows.row[row]; f; f = f->chain) {
        if ((same(&f->end[0], &p->src) && same(&f->end[1], &p->dst)) || (same(&f->end[1], &p->src) && same(&f->end[0], &p->dst)))
            break;
    }
    if (f) {
        unlink_age(&r->flows, f);
        to_newest(&r->flows, f);
    } else if (!(f = new_flow(r, p, row))) {
        return NULL;
    }
    *ret_dir = same(&f->end[0], &p->src) ? 0 : 1;
    return f;
}

void flow_check_all(struct replay *r)
{
    for (struct flow *f = r->flows.oldest; f; f = f->newer)
        segment_check(r, f);
}

/* In the order of their first packets, so that what is said at the end is the same each time. */
bool flow_end_one(struct replay *r)
{
    struct flow *first = r->flows.newest;
    for (struct flow *f = first; f; f = f->older)
        if (f->number < first->number)
            first = f;
    if (first)
        drop(r, first);
    return first != NULL;
}
