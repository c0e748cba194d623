/* SPDX-License-Identifier: GPL-3.0-or-later
 * The guard's core: its beginning and end, edges that come and go, stanzas that come in. */
#include "core.h"

#include <stdlib.h>

#include "log.h"
#include "state.h"

struct guard *guard_new(const struct gw_conf *conf, struct policy *policy, uint64_t epoch, const struct hash_key *key,
    const struct guard_io *io)
{
    struct guard *g = calloc(1, sizeof *g);
    if (!g)
        return NULL;
    *g = (struct guard){ .conf = conf, .policy = policy, .epoch = epoch, .key = *key, .io = *io, .state = pol_state_new() };
    struct rec_limits hard = REC_HARD_LIMITS;
    /* short names make a record larger than the XML that it was made from, at most threefold */
    g->limits = (struct rec_limits){ .bytes = 3 * (size_t)conf->limits.stanza + 16384, .depth = (uint32_t)conf->limits.depth,
        .nodes = (uint32_t)conf->limits.elements * 2 + 1, .attrs = (uint32_t)conf->limits.attributes };
    g->limits.bytes = g->limits.bytes < hard.bytes ? g->limits.bytes : hard.bytes;
    g->limits.nodes = g->limits.nodes < hard.nodes ? g->limits.nodes : hard.nodes;
    buf_init(&g->out, 17u << 20);
    buf_init(&g->fields, 60000);
    buf_init(&g->scan_bytes, 33u << 20);
    arena_init(&g->scan_arena, 16u << 20);
    if (!g->state) {
        guard_free(g);
        return NULL;
    }
    unsigned char secret[HASH_SIZE];
    hash_keyed(&g->key, STR("the secret of aliases"), secret); /* as lasting as the key */
    pol_state_secret(g->state, secret);
    return g;
}

static void empty(struct guard *g, struct pair *p)
{
    for (struct job *j; (j = p->head);) {
        p->head = j->next;
        job_put(g, j);
    }
}

void guard_free(struct guard *g)
{
    if (!g)
        return;
    struct pair *p, *next_pair;
    struct stub *s, *next_stub;
    HASH_ITER(hh, g->pairs, p, next_pair)
        empty(g, p);
    for (enum gw_side side = GW_HIGH; side < GW_SIDES; side++)
        empty(g, &g->forbidden[side]);
    for (enum gw_side side = GW_HIGH; side < GW_SIDES; side++) {
        flows_drop(g, side);
        recover_forget(g, side);
    }
    HASH_ITER(hh, g->pairs, p, next_pair) {
        HASH_DEL(g->pairs, p);
        free(p);
    }
    HASH_ITER(hh, g->stubs, s, next_stub) {
        HASH_DEL(g->stubs, s);
        stub_free(g, s);
    }
    for (struct job *j; (j = g->pool);) {
        g->pool = j->next;
        buf_clear(&j->bytes);
        rec_free(j->rec);
        pol_eval_free(j->eval);
        free(j);
    }
    pol_state_free(g->state);
    buf_clear(&g->out);
    buf_clear(&g->fields);
    buf_clear(&g->scan_bytes);
    arena_clear(&g->scan_arena);
    free(g->ring);
    free(g);
}

void guard_announce(struct guard *g)
{
    struct wire_out w;
    buf_reset(&g->fields);
    wire_out_init(&w, &g->fields);
    field_z(&w, GW_F_ACTION, "loaded");
    field_num(&w, GW_F_GUARD, g->epoch);
    field_hex(&w, GW_F_RULES_HASH, policy_hash(g->policy), 32);
    field_num(&w, GW_F_COUNT, policy_rule_count(g->policy));
    if (g->conf->watch)
        log_warn("enforce = false: NOTHING IS ENFORCED; what policy refuses is recorded and crosses all the same");
    field_z(&w, GW_F_SENTENCE, g->conf->watch ? "this rule set is watched and NOT ENFORCED from here on: what it refuses crosses"
                                              : "this rule set is in force from here on");
    if (w.err || g->io.line(g->io.ctx, LINE_TARGET_NONE, NULL, GW_EV_RULES, buf_str(&g->fields), STR_NONE))
        log_warn("the journal was not told which rules are in force");
}

void guard_clock(struct guard *g, int64_t now_ms, int64_t wall_ms)
{
    if (!g->wall)
        pol_state_started(g->state, wall_ms);
    int64_t passed = now_ms - g->now;
    g->seen += passed < GUARD_BLINK_MS ? passed : GUARD_BLINK_MS;
    g->now = now_ms;
    g->wall = wall_ms;
}

const struct guard_counts *guard_counts(const struct guard *g) { return &g->counts; }

void guard_levels(const struct guard *g, struct guard_levels *ret)
{
    *ret = (struct guard_levels){ .jobs = g->n_jobs, .stubs = HASH_COUNT(g->stubs), .waiting_durable = g->ring_n,
        .flows = HASH_COUNT(g->edge[GW_HIGH].flows) + HASH_COUNT(g->edge[GW_LOW].flows), .recovering = !g->recovered };
}

/* ---- edges ---- */

bool edge_is(const struct guard *g, enum gw_side side, uint64_t epoch)
{
    return g->edge[side].hello && g->edge[side].epoch == epoch;
}

void guard_edge_linked(struct guard *g, enum gw_side side)
{
    if (g->edge[side].linked)
        guard_edge_lost(g, side);
    g->edge[side].linked = true;
}

/* Its orders that were not settled have an unknown outcome; stanzas that it brought are judged to the end. */
void guard_edge_lost(struct guard *g, enum gw_side side)
{
    struct edge *e = &g->edge[side];
    if (!e->linked)
        return;
    e->linked = e->hello = e->ended = e->paused = false;
    e->last_ticket = 0;
    flows_drop(g, side);
    recover_forget(g, side);
    stubs_edge_lost(g, side);
    pol_state_lost(g->state, STR_NONE, STR_NONE, g->wall);
}

int guard_hello(struct guard *g, enum gw_side side, const struct msg_hello *m)
{
    struct edge *e = &g->edge[side];
    if (!e->linked || e->hello || m->version != REC_VERSION || m->side != side)
        return GW_ERR(PROTO);
    e->hello = true;
    e->epoch = m->epoch;
    return 0;
}

int guard_give_state(const struct guard *g, int (*put)(void *ctx, struct str record), void *ctx)
{
    return pol_state_give(g->state, g->policy, g->wall, put, ctx);
}

int guard_state(struct guard *g, const struct msg_state *m)
{
    if (g->counts.stanzas)
        return GW_ERR(PROTO); /* too late: something is remembered already */
    return pol_state_take(g->state, g->policy, m->record, g->wall);
}

void guard_paused(struct guard *g, enum gw_side side) { g->edge[side].paused = true; }

bool guard_drained(const struct guard *g)
{
    return g->edge[GW_HIGH].paused && g->edge[GW_LOW].paused && !g->n_jobs && !g->stubs && !g->ring_n;
}

/* ---- a stanza comes in ---- */

void job_begin(struct guard *g, struct job *j)
{
    int rc = rec_decode_into(buf_str(&j->bytes), j->rec);
    j->decoded = !rc;
    if (rc)
        j->bad = rc == GW_ERR(LIMIT) ? GW_R_RECORD_LIMIT : GW_R_RECORD_INVALID;
    else if (!str_eq(j->rec->from_domain, j->flow->from_domain) || !str_eq(j->rec->to_domain, j->flow->to_domain))
        j->bad = GW_R_PAIR_MISMATCH;
    else
        j->bad = j->flow->forbidden;
    if (j->bad != GW_R_NONE) {
        j->state = JOB_READY;
        return;
    }
    struct pol_facts facts = { .from_side = j->side, .now_ms = g->wall };
    job_step(g, j, pol_begin(j->eval, j->rec, &facts));
}

int guard_stanza(struct guard *g, enum gw_side side, const struct msg_stanza *m)
{
    struct edge *e = &g->edge[side];
    struct flow *f = e->hello ? flow_find(g, side, m->flow) : NULL;
    if (!f || m->ticket <= e->last_ticket)
        return GW_ERR(PROTO);
    if (HASH_COUNT(g->stubs) > GUARD_STUBS_MAX || g->ring_n > GUARD_STUBS_MAX)
        return GW_ERR(PROTO); /* it has long been out of credit */
    struct job *j = job_get(g);
    if (!j)
        return g->n_jobs < GUARD_JOBS_MAX ? GW_ERR(NOMEM) : GW_ERR(PROTO);
    e->last_ticket = m->ticket;
    j->flow = f;
    f->refs++;
    j->side = side;
    j->epoch = e->epoch;
    j->ticket = m->ticket;
    j->began_us = clock_us();
    int rc = buf_puts(&j->bytes, m->record);
    if (rc) {
        job_put(g, j);
        return rc;
    }
    struct pair *p = f->pair;
    if (p->tail)
        p->tail->next = j;
    else
        p->head = j;
    p->tail = j;
    p->n++;
    g->counts.stanzas++;
    job_begin(g, j);
    pair_commit(g, p);
    return 0;
}

/* ---- time ---- */

int guard_tick(struct guard *g)
{
    if (g->stalled) {
        g->stalled = false;
        stubs_retry(g);
        commit_all(g);
    }
    stubs_overdue(g);
    int next = scan_tick(g), keep = hold_tick(g);
    next = next < 0 || (keep >= 0 && keep < next) ? keep : next;
    if (g->stubs && (next < 0 || next > 1000))
        next = 1000;
    return g->stalled && (next < 0 || next > 20) ? 20 : next;
}
