/* SPDX-License-Identifier: GPL-3.0-or-later
 * A judged stanza leaves: order to an edge, line to the journal, in the order of its domain pair. */

#include "log.h"
#include "state.h"

/* What is to be done about one job, made before anything is sent. */
struct outcome {
    enum gw_verdict verdict;
    enum gw_reason reason;
    const struct pol_verdict *v; /* NULL: the policy never saw it */
    bool ordered;
    bool substitute; /* an error for the asker in place of the other side's answer */
    bool same;       /* it leaves as it came, byte for byte: one hash is both */
    uint8_t purpose;
    enum gw_side target;
    struct ipc_hash sha, hash_out;
};

/* Raw addresses are for the journal; they do not cross. */
int out_encode(struct guard *g, const struct rec *r)
{
    struct rec out = *r;
    out.from_raw = out.to_raw = STR_NONE;
    buf_reset(&g->out);
    return rec_encode(&out, &g->out);
}

/* As in the file's name, the line and the notice to the sender. */
static struct str held_name(const struct guard *g, const struct job *j, char text[48])
{
    int n = snprintf(text, 48, "%llu-%llu", (unsigned long long)g->epoch, (unsigned long long)j->held);
    return (struct str){ text, (size_t)n };
}

static bool make_answer(struct guard *g, const struct job *j)
{
    struct rec *r;
    char held[48];
    if (pol_answer(j->eval, held_name(g, j, held), &r))
        return false;
    int rc = out_encode(g, r);
    rec_free(r);
    return rc == 0;
}

static bool make_substitute(struct guard *g, const struct job *j)
{
    struct rec *r;
    if (pol_substitute(j->eval, &r))
        return false;
    int rc = out_encode(g, r);
    rec_free(r);
    return rc == 0;
}

static void make_outcome(struct guard *g, struct job *j, struct outcome *o)
{
    *o = (struct outcome){ .verdict = GW_V_REJECT, .reason = j->bad };
    if (j->bad == GW_R_NONE) {
        o->v = pol_verdict(j->eval);
        o->verdict = o->v->verdict;
        o->reason = o->v->reason;
    }
    if (o->verdict == GW_V_RELEASE) {
        if (out_encode(g, o->v->out)) {
            o->verdict = GW_V_REJECT;
            o->reason = GW_R_INTERNAL;
            return;
        }
        o->target = gw_other(j->side);
        o->ordered = g->edge[o->target].hello;
        o->purpose = ORDER_FORWARD;
    } else if (o->v && o->v->for_asker && make_substitute(g, j)) { /* the asker is on the other side */
        o->target = gw_other(j->side);
        o->ordered = g->edge[o->target].hello;
        o->purpose = ORDER_FORWARD;
        o->substitute = true;
    } else if (o->v && ((o->v->reply && !out_encode(g, o->v->reply)) || (o->v->answer && make_answer(g, j)))) {
        o->target = j->side;
        o->ordered = edge_is(g, j->side, j->epoch);
        o->purpose = ORDER_ANSWER;
    } else {
        return;
    }
    hash_plain(buf_str(&g->out), o->sha.b);
    o->same = str_eq(buf_str(&g->out), buf_str(&j->bytes));
    if (o->verdict == GW_V_RELEASE)
        hash_keyed(&g->key, (struct str){ (const char *)o->sha.b, sizeof o->sha.b }, o->hash_out.b);
}

/* ---- the line ---- */

#define LISTED_MAX 40 /* entries of one list in a line */
#define LISTED_FEW 4  /* where even those make it too long */
#define PAYLOADS_MAX 16

/* A list never looks complete when it is not. */
static void put_total(struct wire_out *w, enum gw_field f, size_t listed, size_t all)
{
    if (listed < all)
        field_num(w, f, all);
}

static void put_payloads(struct wire_out *w, const struct rec *r, size_t most)
{
    char text[400] GW_UNSET;
    size_t n = 0, all = 0;
    for (uint32_t c = r->nodes[0].first_child; c != REC_NONE; c = r->nodes[c].next) {
        const struct rec_node *e = &r->nodes[c];
        if (e->is_text)
            continue;
        all++;
        if (n >= most || e->ns.n + e->name.n + 3 > sizeof text)
            continue;
        text[0] = '{';
        if (e->ns.n)
            memcpy(text + 1, e->ns.p, e->ns.n);
        text[1 + e->ns.n] = '}';
        memcpy(text + 2 + e->ns.n, e->name.p, e->name.n);
        field_str(w, GW_F_PAYLOADS, (struct str){ text, 2 + e->ns.n + e->name.n });
        n++;
    }
    put_total(w, GW_F_PAYLOAD_COUNT, n, all);
}

static void put_stanza(struct wire_out *w, const struct rec *r)
{
    field_z(w, GW_F_KIND, rec_kind_name(r->kind));
    field_str(w, GW_F_TYPE, r->type);
    field_str(w, GW_F_STANZA_ID, r->id);
    field_str(w, GW_F_FROM, r->from);
    field_str(w, GW_F_TO, r->to);
    if (r->from_raw.n && !str_eq(r->from_raw, r->from))
        field_str(w, GW_F_FROM_RAW, r->from_raw);
    if (r->to_raw.n && !str_eq(r->to_raw, r->to))
        field_str(w, GW_F_TO_RAW, r->to_raw);
}

static size_t fewer(size_t a, size_t b) { return a < b ? a : b; }

/* printf takes longer than the rest of the line's lists. */
static struct str decimal(uint32_t n, char room[10])
{
    size_t at = 10;
    do
        room[--at] = (char)('0' + n % 10);
    while (n /= 10);
    return (struct str){ room + at, 10 - at };
}

static void put_policy(struct guard *g, struct wire_out *w, const struct pol_verdict *v, size_t most)
{
    char id[10] GW_UNSET;
    size_t matched = fewer(v->n_matched, most), noted = fewer(v->n_noted, most), changed = fewer(v->n_changed, most);
    if (v->rule) {
        field_num(w, GW_F_RULE, v->rule);
        field_str(w, GW_F_RULE_NAME, v->rule_name);
    }
    for (size_t i = 0; i < matched; i++)
        field_str(w, GW_F_MATCHED, decimal(v->matched[i], id));
    for (size_t i = 0; i < noted; i++)
        field_str(w, GW_F_MATCHED, v->noted[i]);
    for (size_t i = 0; i < changed; i++)
        field_str(w, GW_F_CHANGED, v->changed[i]);
    field_str(w, GW_F_SEVERITY, v->severity);
    field_str(w, GW_F_LABEL_IN, v->label_in);
    field_str(w, GW_F_LABEL_OUT, v->label_out);
    if (v->for_asker)
        field_z(w, GW_F_CHANGED, "the asker got an error in its place");
    put_total(w, GW_F_MATCHED_COUNT, matched + noted, v->n_matched + v->n_noted);
    put_total(w, GW_F_CHANGED_COUNT, changed + v->for_asker, v->n_changes + v->for_asker);
    if ((v->would == GW_V_REJECT && !v->reply) || v->would == GW_V_HOLD)
        field_str(w, GW_F_ERROR, v->error);
    field_hex(w, GW_F_RULES_HASH, policy_hash(g->policy), 32);
}

/* Refused and changed stanzas, when the configuration names the auditors' certificates: the journal encrypts them. In watch mode also what
 * would have been refused. A question that the gateway answered itself is no refusal. */
static bool is_evidence(const struct guard *g, const struct job *j, const struct outcome *o)
{
    if (!g->conf->journal.evidence || j->probe || o->reason == GW_R_ANSWERED)
        return false;
    return o->verdict != GW_V_RELEASE || (o->v && (o->v->n_changed || o->v->would != GW_V_RELEASE));
}

/* most: entries of each list. */
static int make_line(struct guard *g, const struct job *j, const struct outcome *o, uint64_t number, size_t most)
{
    struct wire_out w;
    char held[48];
    unsigned char in[HASH_SIZE];
    buf_reset(&g->fields);
    wire_out_init(&w, &g->fields);
    wire_put_bytes(&w, j->flow->fields.p, j->flow->fields.len);
    field_num(&w, GW_F_GUARD, g->epoch);
    field_num(&w, GW_F_NUMBER, number);
    field_num(&w, GW_F_TICKET, j->ticket);
    field_z(&w, GW_F_VERDICT, gw_verdict_name(o->verdict));
    if (g->conf->watch)
        field_z(&w, GW_F_WOULD, gw_verdict_name(o->v ? o->v->would : o->verdict));
    field_z(&w, GW_F_REASON, gw_reason_code(o->reason));
    field_z(&w, GW_F_SENTENCE, gw_reason_text(o->reason));
    if (o->verdict == GW_V_HOLD)
        field_str(&w, GW_F_HELD, held_name(g, j, held));
    if (o->v)
        put_policy(g, &w, o->v, most);
    else
        field_z(&w, GW_F_SEVERITY, "high");
    if (j->decoded) {
        put_stanza(&w, j->rec);
        put_payloads(&w, j->rec, fewer(most, PAYLOADS_MAX));
    }
    if (o->verdict == GW_V_RELEASE && o->same)
        memcpy(in, o->hash_out.b, sizeof in);
    else {
        hash_plain(buf_str(&j->bytes), in);
        hash_keyed(&g->key, (struct str){ (const char *)in, sizeof in }, in);
    }
    field_num(&w, GW_F_SIZE_IN, buf_size(&j->bytes));
    field_hex(&w, GW_F_HASH_IN, in, sizeof in);
    if (o->verdict == GW_V_RELEASE) {
        field_num(&w, GW_F_SIZE_OUT, buf_size(&g->out));
        field_hex(&w, GW_F_HASH_OUT, o->hash_out.b, HASH_SIZE);
    }
    field_num(&w, GW_F_SCAN_US, (uint64_t)j->scan_us);
    field_num(&w, GW_F_JUDGE_US, (uint64_t)(clock_us() - j->began_us));
    return w.err;
}

/* A line that is too long would stand in the way of all others for ever: it says less, and that it does. */
static int put_line(struct guard *g, const struct job *j, const struct outcome *o, uint64_t number)
{
    int err = make_line(g, j, o, number, LISTED_MAX);
    if (err == GW_ERR(LIMIT))
        err = make_line(g, j, o, number, LISTED_FEW);
    return err ? err : g->io.line(g->io.ctx, o->ordered ? (uint8_t)o->target : LINE_TARGET_NONE, o->ordered ? &o->sha : NULL, GW_EV_VERDICT,
        buf_str(&g->fields), is_evidence(g, j, o) ? buf_str(&j->bytes) : STR_NONE);
}

/* ---- leaving ---- */

static void put_order(struct guard *g, const struct job *j, const struct outcome *o, uint64_t number)
{
    struct stub *s = stub_add(g, g->epoch, number, o->target);
    if (s) {
        s->near = j->side;
        s->from_side = (uint8_t)j->side;
        s->near_epoch = j->epoch;
        s->ticket = j->ticket;
        s->flow = j->flow;
        s->flow->refs++;
        s->purpose = o->substitute ? ORDER_ANSWER : o->purpose; /* the ticket is settled by its refusal */
    }
    if (!o->ordered) { /* the far edge is not there, and the line says that nothing was sent */
        if (s)
            stub_known(g, s, GW_R_EDGE_LOST);
        return;
    }
    if (o->purpose == ORDER_FORWARD)
        flow_tell(g, j->flow);
    struct msg_order m = { .guard = g->epoch, .number = number, .epoch = j->epoch, .ticket = j->ticket, .purpose = o->purpose,
        .flow = j->flow->id, .record = buf_str(&g->out) };
    if (!s || g->io.order(g->io.ctx, o->target, &m)) {
        log_warn("order %llu could not be sent to edge/%s", (unsigned long long)number, gw_side_name(o->target));
        if (s)
            stub_known(g, s, GW_R_INTERNAL);
    }
}

/* False: the journal takes no more lines now; the job stays where it is. */
static bool leave(struct guard *g, struct job *j)
{
    struct outcome o;
    uint64_t number = g->io.next_number(g->io.ctx);
    if (j->bad == GW_R_NONE)
        pol_stand(j->eval);
    make_outcome(g, j, &o);
    struct waiting w = { .number = number, .epoch = j->epoch, .ticket = j->ticket, .side = (uint8_t)j->side, .verdict = (uint8_t)o.verdict,
        .reason = (uint8_t)o.reason, .target = (uint8_t)(o.ordered || o.verdict == GW_V_RELEASE ? o.target : GW_SIDES),
        .settle = o.verdict != GW_V_RELEASE };
    if (j->probe) { /* nobody sent it, and it goes nowhere */
        o.ordered = false;
        w = (struct waiting){ .number = number, .ticket = g->probe.generation, .probe = j->probe, .verdict = w.verdict, .reason = w.reason,
            .would = (uint8_t)(o.v ? o.v->would : o.verdict), .target = GW_SIDES };
    }
    if (!ring_push(g, &w))
        return false;
    if (put_line(g, j, &o, number)) {
        g->ring_n--;
        g->counts.lines_refused++;
        return false;
    }
    if (j->probe)
        return true;
    if (j->bad == GW_R_NONE)
        pol_commit(j->eval);
    if (o.ordered || o.verdict == GW_V_RELEASE)
        put_order(g, j, &o, number);
    g->counts.verdicts[o.verdict]++;
    if (o.v && o.v->reply)
        g->counts.answered++;
    if (o.reason == GW_R_FOLDED) {
        g->counts.folded++;
        g->counts.folded_bytes += buf_size(&j->bytes);
    }
    g->counts.let_through += o.verdict == GW_V_RELEASE && o.v && o.v->would != GW_V_RELEASE;
    if (o.v && o.v->alert)
        log_warn("alert: verdict %llu matched a rule with action \"alert\", severity %.*s", (unsigned long long)number, STR_ARG(o.v->severity));
    return true;
}

void pair_commit(struct guard *g, struct pair *p)
{
    while (p->head && p->head->state == JOB_READY && !g->stalled) {
        struct job *j = p->head;
        if (!leave(g, j)) {
            g->stalled = true;
            return;
        }
        p->head = j->next;
        if (!p->head)
            p->tail = NULL;
        p->n--;
        job_put(g, j);
    }
}

void commit_all(struct guard *g)
{
    struct pair *p, *next;
    for (enum gw_side side = GW_HIGH; side < GW_SIDES; side++)
        pair_commit(g, &g->forbidden[side]);
    HASH_ITER(hh, g->pairs, p, next)
        pair_commit(g, p);
}
