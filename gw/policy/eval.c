/* SPDX-License-Identifier: GPL-3.0-or-later
 * The judgement of one stanza: allow-list, then rules from top to bottom, the first decisive one wins, and nothing that could not
 * be answered is ever released. It stops wherever it needs a scanner and goes on with the answer. */
#include <stdlib.h>
#include <string.h>

#include "answer.h"
#include "cond_scan.h"
#include "disco.h"
#include "expand.h"
#include "fold.h"
#include "label.h"
#include "rewrite.h"
#include "state.h"
#include "utf8.h"

/* What a rule's unknown answer means:
 *   release                          it does not release; later rules may still refuse or release for a reason of their own
 *   reject drop hold answer strip redact fold relabel alert throttle
 *                                    refused: had the answer been yes, the stanza might not have crossed as it is
 * rewrite has no conditions that could be unknown. */

struct pol_eval *pol_eval_new(const struct policy *p, struct pol_state *state)
{
    struct pol_eval *e = calloc(1, sizeof *e);
    if (e) {
        e->p = p;
        e->state = state;
        arena_init(&e->arena, 64u << 20);
    }
    return e;
}

void pol_eval_free(struct pol_eval *e)
{
    if (!e)
        return;
    rec_free(e->own);
    rec_free(e->reply);
    expand_clear(e);
    arena_clear(&e->arena);
    free(e);
}

void pol_explain(struct pol_eval *e, bool on) { e->explain = on; }
void pol_watch(struct pol_eval *e, bool on) { e->watch = on; }

size_t pol_steps(const struct pol_eval *e, const struct pol_step_info **ret)
{
    *ret = e->steps;
    return e->n_steps;
}

const struct scan_request *pol_scan_request(const struct pol_eval *e) { return &e->request; }
const struct pol_verdict *pol_verdict(const struct pol_eval *e) { return &e->v; }

/* Groupchat to a full address, or anything with muc#user that is not an invitation on its way to the room: it comes from a room
 * (XEP-0045), and an error in return would throw the occupant out. */
bool pol_from_room(const struct rec *r)
{
    struct str x = STR("x"), ns = STR(NS_MUC_USER);
    if (r->kind == REC_IQ)
        return false;
    if (r->kind == REC_MESSAGE && str_eq(r->type, STR("groupchat")))
        return memchr(r->to.p, '/', r->to.n) != NULL;
    uint32_t u = r->nodes ? rec_child(r, 0, ns, x, REC_NONE) : REC_NONE;
    if (u == REC_NONE)
        return false;
    for (uint32_t c = r->nodes[u].first_child; c != REC_NONE; c = r->nodes[c].next)
        if (!r->nodes[c].is_text && rec_attr_get(r, c, STR_NONE, STR("to")).p &&
            (str_eq(r->nodes[c].name, STR("invite")) || str_eq(r->nodes[c].name, STR("decline"))))
            return false;
    return true;
}

/* ---- verdicts ---- */

/* RFC 6120 section 8.3.1, RFC 6121 section 4.5: never an error for an error, a result, or somebody going away. */
static bool may_answer(const struct rec *r)
{
    if (str_eq(r->type, STR("error")) || (r->kind == REC_IQ && str_eq(r->type, STR("result"))))
        return false;
    return !(r->kind == REC_PRESENCE && str_eq(r->type, STR("unavailable"))) && !pol_from_room(r);
}

/* Did policy say no, and nothing else? A list of what may be let through in watch mode: a reason that is not on it refuses. */
static bool policy_refused(const struct pol_eval *e, enum gw_reason reason)
{
    if (e->malformed || label_refusal(e) != GW_R_NONE || (reason == GW_R_NOT_IN_SCHEMA && label_withheld(e)))
        return false; /* labels are enforced where they are, in watch mode too */
    return reason == GW_R_RULE || reason == GW_R_HELD || reason == GW_R_RATE || reason == GW_R_DEFAULT_DENY || reason == GW_R_NOT_IN_SCHEMA;
}

/* The refusal stays in the verdict as its reason, rule and error; only what is done about it changes. */
static void let_through(struct pol_eval *e)
{
    struct pol_verdict *v = &e->v;
    /* Names of the inside stay inside, whatever is enforced: what the rules did not get to see cannot be renamed, and stays refused. */
    if (v->reason == GW_R_NOT_IN_SCHEMA ? e->p->n_rewrites > 0 : !rewrite_out(e))
        return;
    v->verdict = GW_V_RELEASE;
    v->out = e->rec;
    v->answer = v->for_asker = false;
    if (e->explain)
        pol_note(e, TRI_YES, false, "let through: nothing is enforced now");
}

static enum pol_step decide(struct pol_eval *e, enum gw_verdict verdict, enum gw_reason reason, int error, const char *text)
{
    struct pol_verdict *v = &e->v;
    const struct pol_rule *r = e->rule;
    enum pol_step answered;
    if (verdict == GW_V_RELEASE && disco_answer(e, &answered))
        return answered;
    if ((verdict == GW_V_RELEASE || verdict == GW_V_HOLD) && (!disco_filter(e) || !rewrite_out(e)))
        return pol_refuse(e, GW_R_CHANGE_FAILED);
    v->verdict = v->would = verdict;
    v->reason = reason;
    v->rule = r ? r->id : 0;
    v->rule_name = r ? str_c(r->name) : STR_NONE;
    v->severity = str_c(pol_severity_names[e->severity]);
    v->out = verdict == GW_V_RELEASE || verdict == GW_V_HOLD ? e->rec : NULL;
    v->reply = reason == GW_R_ANSWERED ? e->reply : NULL;
    v->answer = (verdict == GW_V_REJECT || verdict == GW_V_HOLD) && !v->reply && may_answer(e->in);
    /* Every question gets an answer: where the other side's is refused, the gateway's own. Only one that is known to be open: the error
     * carries the id, which the asker chose; an id that nobody asked with would cross unseen. */
    v->for_asker = verdict != GW_V_RELEASE && e->in->kind == REC_IQ && (str_eq(e->in->type, STR("result")) || str_eq(e->in->type, STR("error"))) &&
        state_asked_in(e) == TRI_YES;
    v->error = str_c(pol_errors[error].condition);
    v->error_type = verdict == GW_V_HOLD ? STR("continue") : str_c(pol_errors[error].type);
    v->text = str_c(text);
    if (e->explain)
        pol_note(e, TRI_YES, false, "%s: %s", gw_verdict_name(verdict), gw_reason_text(reason));
    if (e->n_steps && e->explain)
        e->steps[e->n_steps - 1].decided = true;
    if (e->watch && verdict != GW_V_RELEASE && policy_refused(e, reason))
        let_through(e);
    if (v->out)
        v->label_out = label_leaves(e) ? label_text(e, true) : STR_NONE;
    return POL_DONE;
}

/* A refusal that no officer wrote: the condition says whether to try again. */
enum pol_step pol_refuse(struct pol_eval *e, enum gw_reason reason)
{
    const char *condition = reason == GW_R_SCAN_TIMEOUT || reason == GW_R_SCAN_FAILED || reason == GW_R_UNKNOWN_CONDITION ||
            reason == GW_R_RECORD_LIMIT || reason == GW_R_HOLD_FULL || reason == GW_R_HOLD_FAILED ? "resource-constraint" : e->malformed ? "bad-request" : reason == GW_R_INTERNAL ? "internal-server-error" : "policy-violation";
    if (e->severity < SEV_LOW)
        e->severity = SEV_LOW;
    return decide(e, GW_V_REJECT, reason, pol_error_find(condition), gw_reason_text(reason));
}

/* What it carries for others may not cross so. */
static enum pol_step refuse_carried(struct pol_eval *e, const char *why, const char *condition)
{
    pol_note(e, TRI_NO, false, "what it carries refuses it: %s", why);
    (void)pol_changed(e, "carried: %s", why);
    if (e->severity < SEV_LOW)
        e->severity = SEV_LOW;
    return decide(e, GW_V_REJECT, GW_R_CARRIED, pol_error_find(condition), why);
}

enum pol_step pol_answered(struct pol_eval *e)
{
    return decide(e, GW_V_REJECT, GW_R_ANSWERED, pol_error_find("undefined-condition"), "");
}

/* ---- what rules do ---- */

static enum pol_step ask_scanner(struct pol_eval *e)
{
    if (!segments_request(e))
        return pol_refuse(e, GW_R_RECORD_LIMIT);
    e->scan = SCAN_ASKED;
    return POL_NEED_SCAN;
}

/* The allow-list: what no profile names is taken out. False: the stanza goes with it. */
static bool allowed(struct pol_eval *e)
{
    struct str why;
    if (schema_check(e->p->schema, e, &why))
        return true;
    pol_note(e, TRI_NO, false, "the allow-list refuses it: %.*s", STR_ARG(why));
    (void)pol_changed(e, "allow-list refuses: %.*s", STR_ARG(why));
    return false;
}

/* After a rule has changed it: a language or number with a hole in it may be none any more, and an element may lack what it must have. A
 * label that would go with such a thing stays, or nothing leaves. */
static bool still_allowed(struct pol_eval *e)
{
    bool before = e->label_lost;
    e->label_lost = false;
    bool good = allowed(e) && !e->label_lost;
    e->label_lost |= before;
    return good;
}

/* After redaction: what was found must not be found again. */
static enum pol_step verify(struct pol_eval *e, bool *ret_go_on)
{
    *ret_go_on = false;
    if ((e->rule->when.needs & COND_SCAN) && e->scan == SCAN_NOT_ASKED)
        return ask_scanner(e);
    if ((e->rule->when.needs & COND_SCAN) && e->scan != SCAN_ANSWERED)
        return pol_refuse(e, e->scan_reason);
    e->n_spans = e->cap_spans = e->n_spanless = 0;
    e->spans = NULL;
    if (cond_spans(&e->rule->when, e) || e->n_spans || e->n_spanless)
        return pol_refuse(e, GW_R_NOT_REDACTED);
    pol_note(e, TRI_YES, false, "looked again: nothing of it is left");
    e->verifying = false;
    *ret_go_on = true;
    return POL_DONE;
}

static enum pol_step redact(struct pol_eval *e, bool *ret_go_on)
{
    *ret_go_on = false;
    e->n_spans = e->cap_spans = e->n_spanless = 0;
    e->spans = NULL;
    if (cond_spans(&e->rule->when, e))
        return pol_refuse(e, GW_R_CHANGE_FAILED);
    size_t places = e->n_spans;
    if (pol_redact(e, str_c(e->rule->with ? e->rule->with : "[removed]")) != 1 || !pol_apply(e) ||
        !pol_changed(e, "redact %u: %zu", e->rule->id, places))
        return pol_refuse(e, GW_R_CHANGE_FAILED);
    pol_note(e, TRI_YES, false, "redacted in %zu place%s", places, places == 1 ? "" : "s");
    if (!still_allowed(e)) /* not in watch mode either: what came is what the rule took something from */
        return pol_refuse(e, GW_R_CHANGE_FAILED);
    e->verifying = true;
    return verify(e, ret_go_on);
}

static enum pol_step strip(struct pol_eval *e, bool *ret_go_on)
{
    *ret_go_on = false;
    bool was_empty = pol_empty(e->rec);
    size_t before = e->v.n_changed;
    if (!pol_strip(e, e->rule->strip, e->rule->n_strip, e->rule->id))
        return pol_refuse(e, GW_R_CHANGE_FAILED);
    if (e->n_edits) {
        if (!pol_apply(e) || (!was_empty && pol_empty(e->rec)))
            return pol_refuse(e, GW_R_CHANGE_FAILED);
        for (size_t i = before; i < e->v.n_changed; i++)
            pol_note(e, TRI_YES, false, "%.*s", STR_ARG(e->changed[i]));
        if (!still_allowed(e))
            return pol_refuse(e, GW_R_CHANGE_FAILED);
    }
    *ret_go_on = true;
    return POL_DONE;
}

static enum pol_step relabel(struct pol_eval *e, bool *ret_go_on)
{
    const char *why = NULL;
    *ret_go_on = label_change_do(e, e->rule->relabel, &why);
    if (*ret_go_on)
        return POL_DONE;
    pol_note(e, TRI_NO, false, "relabel: %s", why ? why : "it failed");
    return pol_refuse(e, GW_R_CHANGE_FAILED);
}

static enum pol_step act(struct pol_eval *e, bool *ret_go_on)
{
    const struct pol_rule *r = e->rule;
    int error = r->error >= 0 ? r->error : pol_error_find("policy-violation");
    *ret_go_on = false;
    switch (r->action) {
    case ACT_RELEASE:
        if (label_refusal(e) != GW_R_NONE) /* no rule gets past the labels */
            return pol_refuse(e, label_refusal(e));
        return decide(e, GW_V_RELEASE, GW_R_RULE, error, "");
    case ACT_REJECT:
        return decide(e, GW_V_REJECT, GW_R_RULE, error, *r->text ? r->text : "Refused by the gateway's policy.");
    case ACT_DROP:
        return decide(e, GW_V_DROP, GW_R_RULE, error, "");
    case ACT_HOLD:
        if (label_refusal(e) != GW_R_NONE) /* nor does a person who releases what is held */
            return pol_refuse(e, label_refusal(e));
        if (e->in->kind != REC_MESSAGE || !may_answer(e->in)) /* who cannot be told of it would wait for ever */
            return pol_refuse(e, GW_R_CHANGE_FAILED);
        return decide(e, GW_V_HOLD, GW_R_HELD, pol_error_find("undefined-condition"),
            *r->text ? r->text : "Your message was not delivered. It is kept for a person to decide about.");
    case ACT_ANSWER:
        return answers_give(e, r->answers);
    case ACT_STRIP:
        return strip(e, ret_go_on);
    case ACT_REDACT:
        return redact(e, ret_go_on);
    case ACT_ALERT:
        e->v.alert = true;
        *ret_go_on = true;
        return POL_DONE;
    case ACT_FOLD:
        *ret_go_on = fold_reduce(e, r->fold);
        return *ret_go_on ? POL_DONE : pol_refuse(e, GW_R_CHANGE_FAILED);
    case ACT_THROTTLE:
        return decide(e, GW_V_REJECT, GW_R_RATE, pol_error_find("resource-constraint"), *r->text ? r->text : "Too much in too short a time; try again later.");
    case ACT_RELABEL:
        return relabel(e, ret_go_on);
    case ACT_REWRITE:
    case ACT_COUNT:
        break;
    }
    return pol_refuse(e, GW_R_INTERNAL);
}

/* ---- the rules ---- */

static bool note_match(struct pol_eval *e)
{
    const struct pol_rule *r = e->rule;
    r->hits->n++;
    r->hits->last_ms = e->facts.now_ms;
    enum pol_severity found = r->when.needs & COND_SCAN ? scan_severity(&r->when, e) : SEV_INFO; /* what it found may be graver than it says */
    if (r->severity > e->severity)
        e->severity = r->severity;
    if (found > e->severity)
        e->severity = found;
    if (!POL_PUSH(e, e->matched, e->v.n_matched, e->cap_matched))
        return false;
    e->matched[e->v.n_matched++] = r->id;
    e->v.matched = e->matched;
    return true;
}

/* A rule that could not be answered. True: the next rule is looked at. */
static bool unknown(struct pol_eval *e, enum pol_step *ret)
{
    enum gw_reason why = e->scan == SCAN_NO_ANSWER && (e->rule->when.needs & COND_SCAN) ? e->scan_reason : GW_R_UNKNOWN_CONDITION;
    if (e->rule->action != ACT_RELEASE) {
        *ret = pol_refuse(e, why);
        return false;
    }
    if (!e->unknown_release) {
        e->unknown_release = true;
        e->unknown_reason = why;
        e->unknown_rule = e->rule->id;
    }
    return true;
}

/* One rule. True: the next one is looked at. */
static bool look(struct pol_eval *e, enum pol_step *ret)
{
    bool go_on = true;
    if (e->verifying) {
        *ret = verify(e, &go_on);
        return go_on;
    }
    if (e->rule->action == ACT_REWRITE && e->rule->enabled)
        return true;
    const char *rests = policy_rests(e->rule->enabled, e->rule->expires_ms, e->facts.now_ms);
    if (rests) {
        pol_note(e, TRI_YES, false, "rule %u (%s): %s", e->rule->id, e->rule->name, rests);
        return true;
    }
    if (e->rule->action == ACT_ANSWER && !answers_has(e->rule->answers, e->rec)) {
        pol_note(e, TRI_NO, false, "rule %u (%s): has no answer to this", e->rule->id, e->rule->name);
        return true;
    }
    size_t mark = e->n_steps;
    enum tri t = expand_match(e, e->rule);
    if (t == TRI_UNKNOWN && e->want_scan) {
        e->n_steps = mark; /* explained again with the answer */
        e->want_scan = false;
        *ret = ask_scanner(e);
        return false;
    }
    e->want_scan = false;
    pol_note(e, t, false, "rule %u (%s): %s", e->rule->id, e->rule->name, t == TRI_YES ? "holds" : t == TRI_NO ? "does not hold" : "cannot be answered");
    if (t == TRI_NO)
        return true;
    if (t == TRI_UNKNOWN)
        return unknown(e, ret);
    if (!note_match(e)) {
        *ret = pol_refuse(e, GW_R_INTERNAL);
        return false;
    }
    *ret = act(e, &go_on);
    return go_on;
}

/* A rule has changed it: whom it concerns now, and what the labels say to them. Also behind the last rule, for watch mode. False: refused. */
static bool looked_again(struct pol_eval *e, enum pol_step *ret)
{
    const char *why, *condition;
    if (!expand_again(e, &why, &condition))
        *ret = refuse_carried(e, why, condition);
    else if (!label_parties(e) || !index_begin(e))
        *ret = pol_refuse(e, GW_R_INTERNAL);
    else
        return true;
    return false;
}

static enum pol_step run(struct pol_eval *e)
{
    enum pol_step step;
    for (;; e->at++) {
        if (!e->verifying && !e->have_parties && !looked_again(e, &step))
            return step;
        if (!e->verifying && !e->explain) /* who asks for explanations hears of every rule */
            e->at = index_next(&e->streams, e->at);
        if (e->at >= e->p->n_rules)
            break;
        e->rule = &e->p->rules[e->at];
        if (!look(e, &step))
            return step;
    }
    e->rule = NULL;
    return pol_refuse(e, e->unknown_release ? e->unknown_reason : GW_R_DEFAULT_DENY);
}

/* ---- beginning, and going on ---- */

static void reset(struct pol_eval *e)
{
    rec_free(e->own);
    rec_free(e->reply);
    expand_clear(e);
    arena_reset(&e->arena);
    struct pol_eval fresh = { .p = e->p, .state = e->state, .arena = e->arena, .explain = e->explain, .watch = e->watch };
    *e = fresh;
}

/* The allow-list refuses it. In watch mode it crosses as it came, but without what may not be carried, and labels ask for everybody whom it
 * concerns. */
static enum pol_step not_in_schema(struct pol_eval *e)
{
    const char *carried, *condition;
    if (!e->watch || !policy_refused(e, GW_R_NOT_IN_SCHEMA))
        return pol_refuse(e, GW_R_NOT_IN_SCHEMA);
    rec_free(e->own);
    e->own = NULL;
    e->rec = e->in;
    pol_become(e, NULL);
    if (!expand_before(e, &carried, &condition) || !expand_begin(e, &carried, &condition))
        return refuse_carried(e, carried, condition);
    return pol_refuse(e, label_parties(e) ? GW_R_NOT_IN_SCHEMA : GW_R_INTERNAL);
}

void pol_rest(struct pol_eval *e) { reset(e); }

enum pol_step pol_begin(struct pol_eval *e, const struct rec *in, const struct pol_facts *facts)
{
    const char *carried, *condition;
    reset(e);
    e->in = e->rec = in;
    e->facts = *facts;
    if (!rewrite_in(e))
        return pol_refuse(e, GW_R_CHANGE_FAILED);
    e->asker = arena_str(&e->arena, e->rec->to);
    e->uninspectable = schema_uninspectable(in);
    if (!label_begin(e))
        return pol_refuse(e, GW_R_INTERNAL);
    e->v.label_in = label_text(e, true);
    if (!expand_before(e, &carried, &condition))
        return refuse_carried(e, carried, condition);
    if (!allowed(e))
        return not_in_schema(e);
    if (!expand_begin(e, &carried, &condition))
        return refuse_carried(e, carried, condition);
    if (!label_parties(e))
        return pol_refuse(e, GW_R_INTERNAL);
    return index_begin(e) ? run(e) : pol_refuse(e, GW_R_INTERNAL);
}

static bool span_fits(const struct pol_eval *e, const struct scan_match *m)
{
    if (m->source >= SCAN_SOURCES)
        return false;
    if (m->seg == UINT32_MAX)
        return true;
    if (m->seg >= e->n_segs || !m->len)
        return false;
    struct str t = e->segs[m->seg].text;
    if (m->off > t.n || m->len > t.n - m->off)
        return false;
    /* on character boundaries */
    return ((unsigned char)t.p[m->off] & 0xc0) != 0x80 &&
        (m->off + m->len == t.n || ((unsigned char)t.p[m->off + m->len] & 0xc0) != 0x80);
}

static bool note_log_only(struct pol_eval *e, struct str rule)
{
    for (size_t i = 0; i < e->v.n_noted; i++)
        if (str_eq(e->noted[i], rule))
            return true;
    struct str s = arena_str(&e->arena, rule);
    if (!s.p || !POL_PUSH(e, e->noted, e->v.n_noted, e->cap_noted))
        return false;
    e->noted[e->v.n_noted++] = s;
    e->v.noted = e->noted;
    return true;
}

enum pol_step pol_resume(struct pol_eval *e, const struct scan_result *r, enum gw_reason why_not)
{
    if (e->scan != SCAN_ASKED)
        return pol_refuse(e, GW_R_INTERNAL);
    e->scan = SCAN_NO_ANSWER;
    e->scan_reason = r ? GW_R_SCAN_FAILED : why_not;
    bool good = r && r->status == SCAN_DONE;
    for (size_t i = 0; good && i < r->n_matches; i++)
        good = span_fits(e, &r->matches[i]) && (r->matches[i].source != SCAN_NOTED || note_log_only(e, r->matches[i].rule));
    if (good) {
        e->scan = SCAN_ANSWERED;
        e->matches = r->matches;
        e->n_matches = r->n_matches;
    }
    enum pol_step step = run(e);
    e->matches = NULL; /* the scanner's answer is only borrowed */
    e->n_matches = 0;
    return step;
}

void pol_stand(struct pol_eval *e)
{
    if (e->v.verdict != GW_V_RELEASE || !fold_is_known(e))
        return;
    e->rule = e->fold_rule;
    (void)decide(e, GW_V_DROP, GW_R_FOLDED, pol_error_find("undefined-condition"), "");
}

void pol_not_held(struct pol_eval *e, enum gw_reason why)
{
    if (e->v.verdict == GW_V_HOLD)
        (void)pol_refuse(e, why);
}

int pol_substitute(struct pol_eval *e, struct rec **ret)
{
    const struct rec *in = e->in;
    struct str sender = rewrite_sender(e, in->from), asker = e->asker; /* as the asker's side knows them */
    struct rec_limits limits = { 65536, 8, 64, 16 };
    struct rec *question = rec_new(&limits);
    int rc = e->v.for_asker && sender.p && asker.p ? 0 : GW_ERR(PROTO);
    if (!question)
        return GW_ERR(NOMEM);
    if (!rc)
        rc = rec_head(question, REC_IQ, STR("get"), in->id, STR_NONE);
    if (!rc)
        rc = rec_address(question, asker, sender, STR_NONE, STR_NONE);
    if (!rc)
        rc = rec_pair(question, in->to_domain, in->from_domain);
    if (!rc)
        rc = rec_open(question, STR(NS_SERVER), STR("iq"));
    if (!rc)
        rc = rec_close(question);
    if (!rc)
        rc = rec_seal(question);
    if (!rc)
        rc = rec_error_answer(question, STR("cancel"), STR("policy-violation"), STR("The answer was refused by the gateway's policy."), STR_NONE,
            STR_NONE, ret);
    rec_free(question);
    return rc;
}

int pol_answer(const struct pol_eval *e, struct str record, struct rec **ret)
{
    const struct pol_verdict *v = &e->v;
    bool held = v->verdict == GW_V_HOLD;
    struct rec *r, *with;
    if (!v->answer)
        return GW_ERR(PROTO);
    int rc = rec_error_answer(e->in, v->error_type, v->error, v->text, held ? STR("urn:lockgate:held:0") : STR_NONE,
        held ? STR("held") : STR_NONE, &r);
    if (rc || !held) {
        if (!rc)
            *ret = r;
        return rc;
    }
    uint32_t at = rec_child(r, 0, STR(NS_SERVER), STR("error"), REC_NONE);
    at = at == REC_NONE ? at : rec_child(r, at, STR("urn:lockgate:held:0"), STR("held"), REC_NONE);
    rc = at == REC_NONE ? GW_ERR(SYNTAX) : rec_apply(r, &(struct rec_edit){ .op = REC_SET_ATTR, .node = at, .attr = REC_NONE,
        .name = STR("record"), .with = record }, 1, &with);
    rec_free(r);
    if (!rc)
        *ret = with;
    return rc;
}
