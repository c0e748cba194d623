/* SPDX-License-Identifier: GPL-3.0-or-later
 * Stanzas on an inbound stream: is the pair proven, is there credit; then to the guard. */
#include "inbound.h"
#include "log.h"
#include "route.h"
#include "tickets.h"

#define SHARED_WAIT_MS 10000 /* a pair without credit holds up a stream that others share, at most */

/* RFC 6120 sections 8.1.1.2 and 8.1.2.2: the domains of each stanza are those of a pair proven on this stream. */
static struct inpair *find(struct inbound *in, struct str from_domain, struct str to_domain, bool *ret_from_known)
{
    *ret_from_known = false;
    for (size_t i = 0; i < in->n_pairs; i++) {
        if (!str_eq(in->pairs[i].pair->theirs, from_domain))
            continue;
        *ret_from_known = true;
        if (str_eq(in->pairs[i].pair->ours, to_domain))
            return &in->pairs[i];
    }
    return NULL;
}

static void refuse(struct inbound *in, const struct rec *r, struct str from_domain, struct str to_domain, bool from_known)
{
    struct conn *c = &in->c;
    const struct gw_conf *conf = c->edge->conf;
    enum gw_reason why = GW_R_PAIR_MISMATCH;
    const char *condition = "invalid-from";
    int side;
    if (from_known) {
        side = gw_conf_side_of(conf, to_domain);
        condition = side == (int)gw_other(c->edge->side) ? "improper-addressing" : "host-unknown";
        if (side != (int)gw_other(c->edge->side))
            why = GW_R_HOST_UNKNOWN;
    } else if (gw_conf_side_of(conf, from_domain) == (int)gw_other(c->edge->side))
        why = GW_R_WRONG_SIDE;
    (void)line_stanza(c, r, in->n_pairs ? in->pairs[0].flow : 0, why, "refused");
    conn_fail(c, condition, why, "a stanza's addresses are not of a pair that is proven on this stream");
}

/* This edge's own line is its verdict. */
static void refused_here(struct inbound *in, const struct inpair *ip, const struct rec *r, enum gw_reason why)
{
    counted_refused(&in->counting, line_stanza(&in->c, r, ip->flow, why, "refused"), in->c.edge->lines.durable);
}

/* Takes r. */
static void pass(struct inbound *in, struct inpair *ip, struct rec *r)
{
    int err = tickets_send(in->c.edge, ip->pair, ip->flow, r, &in->counting);
    if (err) {
        log_warn("a stanza could not be handed to the guard: %s", gw_strerror(err));
        refused_here(in, ip, r, GW_R_INTERNAL);
        tickets_answer(in->c.edge, ip->pair, r, GW_R_INTERNAL);
    }
    rec_free(r);
}

/* Takes r. */
static void bounce(struct inbound *in, struct inpair *ip, struct rec *r)
{
    refused_here(in, ip, r, GW_R_QUEUE_FULL);
    tickets_answer(in->c.edge, ip->pair, r, GW_R_QUEUE_FULL);
    rec_free(r);
}

/* A stanza that no record takes, or with an address that is none. Anybody behind the peer can send one, so it is refused alone and not with
 * its stream. The record has its heads only. What a room sends is not answered (XEP-0045: an occupant who answers with an error is thrown
 * out): presence, and groupchat towards an occupant. Takes r. */
static void too_much(struct inbound *in, struct inpair *ip, struct rec *r, enum gw_reason why)
{
    struct str local, domain, resource;
    jid_split(r->to, &local, &domain, &resource);
    refused_here(in, ip, r, why);
    if (r->kind != REC_PRESENCE && !(str_eq(r->type, STR("groupchat")) && resource.n))
        tickets_answer(in->c.edge, ip->pair, r, why == GW_R_ADDRESS_INVALID ? why : GW_R_RECORD_LIMIT); /* policy-violation, whichever it was */
    rec_free(r);
}

/* limits.elements counts elements; the record's own limit counts text pieces too. */
static bool has_too_many_elements(const struct edge *e, const struct rec *r)
{
    uint64_t n = 0, max = (uint64_t)e->conf->limits.elements;
    for (uint32_t i = 0; i < r->n_nodes && r->n_nodes > max; i++)
        n += !r->nodes[i].is_text;
    return n > max;
}

void inbound_stanza(struct inbound *in, const struct xs_event *ev)
{
    struct conn *c = &in->c;
    struct rec *r = ev->stanza;
    struct str from_domain, to_domain, none;
    struct inpair *ip;
    bool from_known;
    jid_split(r->from, &none, &from_domain, &none);
    jid_split(r->to, &none, &to_domain, &none);
    ip = find(in, from_domain, to_domain, &from_known);
    if (!ip) {
        refuse(in, r, from_domain, to_domain, from_known);
        rec_free(r);
        return;
    }
    rate_domain(c, ip->pair->rate, ev->bytes);
    if (rec_pair(r, from_domain, to_domain) != 0 || rec_seal(r) != 0) {
        (void)line_stanza(c, r, ip->flow, GW_R_RECORD_INVALID, "refused");
        rec_free(r);
        conn_fail(c, "bad-format", GW_R_RECORD_INVALID, "the stanza makes no record");
        return;
    }
    if (ev->reason != GW_R_NONE || has_too_many_elements(c->edge, r)) {
        too_much(in, ip, r, ev->reason != GW_R_NONE ? ev->reason : GW_R_RECORD_LIMIT);
        return;
    }
    if (route_pong(ip->pair, r)) { /* to us, who asked; nobody behind the guard did */
        counted_here(&in->counting);
        rec_free(r);
        return;
    }
    if (pair_may_send(ip->pair)) {
        pass(in, ip, r);
        return;
    }
    if (ip->pair->bouncing && in->n_pairs > 1) {
        bounce(in, ip, r);
        return;
    }
    in->held = r;
    in->held_for = ip;
    in->held_since = edge_now(c->edge);
    TAILQ_INSERT_TAIL(&ip->pair->waiting, in, waiting);
    conn_pause(c, true);
}

static struct rec *unhold(struct inbound *in)
{
    struct rec *r = in->held;
    TAILQ_REMOVE(&in->held_for->pair->waiting, in, waiting);
    in->held = NULL;
    conn_pause(&in->c, false);
    return r;
}

void inbound_credit(struct inbound *in)
{
    struct rec *r = unhold(in);
    pass(in, in->held_for, r);
}

void inbound_tick(struct inbound *in)
{
    struct rec *r;
    if (!in->held || in->n_pairs < 2 || edge_now(in->c.edge) - in->held_since < SHARED_WAIT_MS || !in->c.edge->guard.ipc
        || in->c.edge->paused)
        return;
    in->held_for->pair->bouncing = true;
    r = unhold(in);
    bounce(in, in->held_for, r);
}
