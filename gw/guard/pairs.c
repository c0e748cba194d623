/* SPDX-License-Identifier: GPL-3.0-or-later
 * Domain pairs, the flows that edges announce, and the stanzas under judgement. */
#include <stdlib.h>

#include "log.h"
#include "state.h"

/* ---- pairs ---- */

/* Only domains of the configuration become pairs; what is forbidden shares one for each side, however many domains are claimed. */
struct pair *pair_get(struct guard *g, enum gw_side side, struct str from, struct str to, bool forbidden)
{
    if (forbidden)
        return &g->forbidden[side];
    struct str high = side == GW_HIGH ? from : to, low = side == GW_HIGH ? to : from;
    struct pair *p = NULL;
    char key[2 * 1023 + 1];
    size_t n = high.n + 1 + low.n;
    if (n > sizeof key)
        return NULL;
    memcpy(key, high.p, high.n);
    key[high.n] = 0;
    memcpy(key + high.n + 1, low.p, low.n);
    HASH_FIND(hh, g->pairs, key, n, p);
    if (p)
        return p;
    p = calloc(1, sizeof *p + n);
    if (!p)
        return NULL;
    p->key_n = n;
    memcpy(p->key, key, n);
    HASH_ADD_KEYPTR(hh, g->pairs, p->key, n, p);
    return p;
}

/* ---- flows ---- */

/* Addresses, domains and direction stand in every line about the flow. */
static bool flow_fields(struct flow *f)
{
    char text[NET_TEXT_MAX];
    struct wire_out o;
    buf_init(&f->fields, 8192);
    wire_out_init(&o, &f->fields);
    field_num(&o, GW_F_FLOW_ID, f->id);
    if (f->msg.from.family) {
        field_z(&o, GW_F_SRC_IP, net_text(&f->msg.from, text));
        field_num(&o, GW_F_SRC_PORT, f->msg.from.port);
    }
    if (f->msg.to.family) {
        field_z(&o, GW_F_DEST_IP, net_text(&f->msg.to, text));
        field_num(&o, GW_F_DEST_PORT, f->msg.to.port);
    }
    field_z(&o, GW_F_PROTO, "xmpp");
    field_z(&o, GW_F_SIDE, gw_side_name(f->side));
    field_z(&o, GW_F_DIRECTION, f->side == GW_HIGH ? "high-to-low" : "low-to-high");
    field_str(&o, GW_F_FROM_DOMAIN, f->from_domain);
    field_str(&o, GW_F_TO_DOMAIN, f->to_domain);
    return !o.err;
}

/* The edge has checked all this; it is not believed. */
static enum gw_reason flow_forbidden(const struct guard *g, const struct flow *f)
{
    if (gw_conf_side_of(g->conf, f->from_domain) != (int)f->side)
        return GW_R_WRONG_SIDE;
    if (gw_conf_side_of(g->conf, f->to_domain) != (int)gw_other(f->side) ||
        !gw_conf_pair_allowed(g->conf, f->side, f->from_domain, f->to_domain))
        return GW_R_PAIR_FORBIDDEN;
    return GW_R_NONE;
}

static void flow_free(struct flow *f)
{
    buf_clear(&f->fields);
    free(f);
}

void flow_release(struct guard *g, struct flow *f)
{
    (void)g;
    if (!--f->refs && f->dead)
        flow_free(f);
}

static void flow_drop(struct guard *g, struct flow *f)
{
    HASH_DEL(g->edge[f->side].flows, f);
    f->dead = true;
    if (!f->refs)
        flow_free(f);
}

void flows_drop(struct guard *g, enum gw_side side)
{
    struct flow *f, *next;
    HASH_ITER(hh, g->edge[side].flows, f, next)
        flow_drop(g, f);
    HASH_ITER(hh, g->edge[gw_other(side)].flows, f, next)
        f->told = false;
}

struct flow *flow_find(struct guard *g, enum gw_side side, uint64_t id)
{
    struct flow *f;
    HASH_FIND(hh, g->edge[side].flows, &id, sizeof id, f);
    return f;
}

/* Far more than an edge that keeps the limits can have alive at once. An edge that stands over a reload keeps the limits of its start, so
 * lower ones do not count. */
static bool too_many_flows(const struct guard *g, enum gw_side side)
{
    size_t most = (size_t)(g->conf->limits.streams * g->conf->limits.pairs_per_stream) * 2;
    return HASH_COUNT(g->edge[side].flows) >= (most > GUARD_FLOWS_MIN ? most : GUARD_FLOWS_MIN);
}

static bool same_end(const struct net_addr *a, const struct net_addr *b)
{
    return a->family == b->family && a->port == b->port && (!a->family || net_same_host(a, b));
}

int guard_flow(struct guard *g, enum gw_side side, const struct msg_flow *m)
{
    if (!g->edge[side].hello || !m->from_domain.n || !m->to_domain.n || m->from_domain.n > 1023 || m->to_domain.n > 1023)
        return GW_ERR(PROTO);
    struct flow *old = flow_find(g, side, m->flow);
    if (old) /* said again; what a line has named is never something else while it is alive */
        return str_eq(old->from_domain, m->from_domain) && str_eq(old->to_domain, m->to_domain) && same_end(&old->msg.from, &m->from) &&
                same_end(&old->msg.to, &m->to) ? 0 : GW_ERR(PROTO);
    if (too_many_flows(g, side))
        return GW_ERR(PROTO);
    struct flow *f = calloc(1, sizeof *f + m->from_domain.n + m->to_domain.n);
    if (!f)
        return GW_ERR(NOMEM);
    *f = (struct flow){ .id = m->flow, .side = side, .msg = *m };
    memcpy(f->text, m->from_domain.p, m->from_domain.n);
    memcpy(f->text + m->from_domain.n, m->to_domain.p, m->to_domain.n);
    f->msg.from_domain = f->from_domain = (struct str){ f->text, m->from_domain.n };
    f->msg.to_domain = f->to_domain = (struct str){ f->text + m->from_domain.n, m->to_domain.n };
    f->forbidden = flow_forbidden(g, f);
    f->pair = pair_get(g, side, f->from_domain, f->to_domain, f->forbidden != GW_R_NONE);
    if (!f->pair || !flow_fields(f)) {
        flow_free(f);
        return GW_ERR(NOMEM);
    }
    HASH_ADD(hh, g->edge[side].flows, id, sizeof f->id, f);
    return 0;
}

int guard_flow_end(struct guard *g, enum gw_side side, const struct msg_flow_end *m)
{
    struct flow *f = g->edge[side].hello ? flow_find(g, side, m->flow) : NULL;
    if (!f)
        return GW_ERR(PROTO);
    flow_drop(g, f);
    return 0;
}

void flow_tell(struct guard *g, struct flow *f)
{
    enum gw_side far = gw_other(f->side);
    if (!f->told && g->edge[far].hello && !g->io.flow(g->io.ctx, far, &f->msg))
        f->told = true;
}

/* ---- jobs ---- */

#define POOL_MAX 4096
#define POOL_BYTES_MAX 65536

struct job *job_get(struct guard *g)
{
    struct job *j = g->pool;
    if (g->n_jobs >= GUARD_JOBS_MAX)
        return NULL;
    if (j) {
        g->pool = j->next;
        g->n_pool--;
    } else {
        j = calloc(1, sizeof *j);
        if (!j)
            return NULL;
        buf_init(&j->bytes, 17u << 20);
        j->rec = rec_new(&g->limits);
        j->eval = pol_eval_new(g->policy, g->state);
        if (j->eval)
            pol_watch(j->eval, g->conf->watch);
        if (!j->rec || !j->eval) {
            rec_free(j->rec);
            pol_eval_free(j->eval);
            free(j);
            return NULL;
        }
    }
    struct buf bytes = j->bytes;
    struct job fresh = { .bytes = bytes, .rec = j->rec, .eval = j->eval };
    *j = fresh;
    g->n_jobs++;
    return j;
}

void job_put(struct guard *g, struct job *j)
{
    g->n_jobs--;
    if (j->flow)
        flow_release(g, j->flow);
    if (g->n_pool >= POOL_MAX || j->bytes.cap > POOL_BYTES_MAX) {
        buf_clear(&j->bytes);
        rec_free(j->rec);
        pol_eval_free(j->eval);
        free(j);
        return;
    }
    buf_reset(&j->bytes);
    pol_rest(j->eval);
    j->flow = NULL;
    j->next = g->pool;
    g->pool = j;
    g->n_pool++;
}
