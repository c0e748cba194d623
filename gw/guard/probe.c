/* SPDX-License-Identifier: GPL-3.0-or-later
 * A health check from within: two stanzas that nobody sent are judged as all others are, by the same rules, scanner and journal; one
 * must be released, one must be blocked. Neither is ordered anywhere. The answer is ready when both lines are durable. */
#include "state.h"

enum { PASS = 1, BLOCK };

/* A flow of no edge: known to its two jobs alone, gone with them. */
static struct flow *make_flow(struct guard *g, struct str from, struct str to)
{
    struct flow *f = calloc(1, sizeof *f);
    struct wire_out o;
    if (!f)
        return NULL;
    *f = (struct flow){ .side = GW_HIGH, .dead = true, .from_domain = from, .to_domain = to };
    f->pair = pair_get(g, GW_HIGH, from, to, false);
    buf_init(&f->fields, 4096);
    wire_out_init(&o, &f->fields);
    field_z(&o, GW_F_ACTION, "probe");
    field_z(&o, GW_F_DIRECTION, "high-to-low");
    field_str(&o, GW_F_FROM_DOMAIN, from);
    field_str(&o, GW_F_TO_DOMAIN, to);
    if (f->pair && !o.err)
        return f;
    buf_clear(&f->fields);
    free(f);
    return NULL;
}

/* A chat message that the shipped rules release; a question whose payload no profile names. */
static int make_record(const struct flow *f, int which, struct rec *r)
{
    char from[1100], to[1100];
    bool pass = which == PASS;
    snprintf(from, sizeof from, "lockgate-probe@%.*s", STR_ARG(f->from_domain));
    snprintf(to, sizeof to, "lockgate-probe@%.*s", STR_ARG(f->to_domain));
    int e = rec_head(r, pass ? REC_MESSAGE : REC_IQ, pass ? STR("chat") : STR("get"), STR("probe"), STR_NONE);
    e = e ? e : rec_address(r, str_c(from), str_c(to), STR_NONE, STR_NONE);
    e = e ? e : rec_pair(r, f->from_domain, f->to_domain);
    e = e ? e : rec_open(r, STR("jabber:server"), pass ? STR("message") : STR("iq"));
    e = e ? e : rec_open(r, pass ? STR("jabber:server") : STR("urn:lockgate:probe:0"), pass ? STR("body") : STR("blocked"));
    if (pass)
        e = e ? e : rec_text(r, STR("This is a health check of the gateway."));
    e = e ? e : rec_close(r);
    e = e ? e : rec_close(r);
    return e ? e : rec_seal(r);
}

static bool start(struct guard *g, struct flow *f, int which)
{
    struct job *j = job_get(g);
    struct rec *r = rec_new(&REC_HARD_LIMITS);
    int e = !j || !r ? GW_ERR(NOMEM) : make_record(f, which, r);
    if (!e)
        e = rec_encode(r, &j->bytes);
    rec_free(r);
    if (e) {
        if (j)
            job_put(g, j);
        return false;
    }
    j->flow = f;
    f->refs++;
    j->side = GW_HIGH;
    j->probe = (uint8_t)which;
    j->began_us = clock_us();
    if (f->pair->tail)
        f->pair->tail->next = j;
    else
        f->pair->head = j;
    f->pair->tail = j;
    f->pair->n++;
    job_begin(g, j);
    return true;
}

void guard_probe(struct guard *g, uint64_t ask)
{
    g->probe.answer = (struct msg_probed){ .ask = ask, .pass_verdict = GW_V_REJECT, .pass_reason = GW_R_INTERNAL,
        .block_verdict = GW_V_REJECT, .block_reason = GW_R_INTERNAL };
    g->probe.open = 0;
    g->probe.generation++;
    struct flow *f = g->conf->n_pairs ? make_flow(g, g->conf->pairs[0].domain[GW_HIGH], g->conf->pairs[0].domain[GW_LOW]) : NULL;
    if (!f) {
        g->probe.ready = true;
        return;
    }
    struct pair *p = f->pair;
    f->refs++; /* ours, until both are on their way */
    g->probe.open = 2;
    for (int which = PASS; which <= BLOCK; which++)
        if (!start(g, f, which))
            g->probe.open--;
    g->probe.ready = !g->probe.open;
    flow_release(g, f);
    pair_commit(g, p);
}

void probe_durable(struct guard *g, const struct waiting *w)
{
    if (w->ticket != g->probe.generation || !g->probe.open)
        return; /* of a probe that was given up */
    if (w->probe == PASS) {
        g->probe.answer.pass_verdict = w->would;
        g->probe.answer.pass_reason = w->reason;
    } else {
        g->probe.answer.block_verdict = w->would;
        g->probe.answer.block_reason = w->reason;
    }
    g->probe.ready = !--g->probe.open;
}

bool guard_probed(struct guard *g, struct msg_probed *ret)
{
    if (!g->probe.ready)
        return false;
    *ret = g->probe.answer;
    g->probe.ready = false;
    return true;
}
