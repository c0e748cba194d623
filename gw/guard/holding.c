/* SPDX-License-Identifier: GPL-3.0-or-later
 * Stanzas that a rule holds: the journal stores them first, and only then they are said to be held. */
#include "log.h"
#include "state.h"

static void done(struct guard *g, struct job *j, enum gw_reason why)
{
    struct pair *p = j->flow->pair;
    if (why != GW_R_NONE) {
        j->held = 0;
        pol_not_held(j->eval, why);
    }
    j->state = JOB_READY;
    pair_commit(g, p);
}

void hold_submit(struct guard *g, struct job *j)
{
    const struct pol_verdict *v = pol_verdict(j->eval);
    j->held = ++g->n_held;
    int rc = out_encode(g, v->out);
    struct msg_keep m = { .guard = g->epoch, .number = j->held, .side = (uint8_t)j->side, .record = buf_str(&g->out) };
    if (!rc)
        rc = g->io.keep(g->io.ctx, &m);
    if (rc) {
        j->held = 0;
        pol_not_held(j->eval, GW_R_HOLD_FAILED);
        j->state = JOB_READY; /* the caller commits the pair */
        return;
    }
    j->state = JOB_KEEPING;
    j->since = g->now;
    j->keep_next = g->keeping;
    g->keeping = j;
}

int guard_kept(struct guard *g, const struct msg_kept *m)
{
    if (m->guard != g->epoch || !m->number || m->number > g->n_held || m->number <= g->n_kept)
        return GW_ERR(PROTO);
    g->n_kept = m->number; /* the journal answers in order */
    enum gw_reason why = m->reason == GW_R_NONE || m->reason == GW_R_HOLD_FULL ? (enum gw_reason)m->reason : GW_R_HOLD_FAILED;
    for (struct job **at = &g->keeping; *at; at = &(*at)->keep_next)
        if ((*at)->held == m->number) {
            struct job *j = *at;
            *at = j->keep_next;
            done(g, j, why);
            return 0;
        }
    return 0; /* it came too late: the stanza was refused, its file stays until it is old */
}

void guard_journal_lost(struct guard *g)
{
    struct job *j, *all = g->keeping;
    g->keeping = NULL;
    while ((j = all)) {
        all = j->keep_next;
        done(g, j, GW_R_HOLD_FAILED);
    }
}

/* The oldest stands last. */
int hold_tick(struct guard *g)
{
    int64_t left = -1;
    for (struct job **at = &g->keeping; *at;) {
        struct job *j = *at;
        left = GUARD_KEEP_MS - (g->now - j->since);
        if (left > 0) {
            at = &j->keep_next;
            continue;
        }
        log_warn("the journal did not store a held stanza within %d ms", GUARD_KEEP_MS);
        *at = j->keep_next;
        done(g, j, GW_R_HOLD_FAILED);
        left = 0;
    }
    return (int)left;
}
