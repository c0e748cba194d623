/* SPDX-License-Identifier: GPL-3.0-or-later
 * Policy and content side by side without processes: text goes from one to the other by a call. */
#include "judge.h"

#include <stdlib.h>

#define SCAN_ARENA (64u << 20) /* one scan's matches */

struct judge {
    struct policy *policy;
    struct content *content;
    struct pol_state *state;
    struct pol_eval *eval;
    struct arena matches;
};

/* The mistakes, and on demand the warnings. */
static bool say(struct conf_errors *errs, bool warnings)
{
    bool mistakes = errs->n_errors > 0;
    if (mistakes || (warnings && errs->n > 0))
        conf_errors_print(errs, stderr);
    conf_errors_clear(errs);
    return mistakes;
}

static int load(struct judge *j, const char *dir, int64_t now_ms, bool warnings)
{
    struct conf_errors errs;
    int a, b;
    conf_errors_init(&errs);
    a = policy_load(dir, now_ms, &j->policy, &errs);
    b = content_load(dir, &j->content, &errs);
    if ((a || b) && !errs.n_errors)
        conf_error_add(&errs, CONF_ERROR, dir, 0, "the rules could not be loaded: %s", gw_strerror(a ? a : b));
    return say(&errs, warnings) || a || b ? GW_ERR(CONF) : 0;
}

struct judge *judge_new(const char *rules_dir, int64_t now_ms, bool warnings)
{
    struct judge *j = calloc(1, sizeof *j);
    if (!j)
        return NULL;
    arena_init(&j->matches, SCAN_ARENA);
    if (load(j, rules_dir, now_ms, warnings) == 0 && (j->state = pol_state_new()) && (j->eval = pol_eval_new(j->policy, j->state)))
        return j;
    judge_free(j);
    return NULL;
}

void judge_free(struct judge *j)
{
    if (!j)
        return;
    pol_eval_free(j->eval);
    pol_state_free(j->state);
    content_free(j->content);
    policy_free(j->policy);
    arena_clear(&j->matches);
    free(j);
}

const struct pol_verdict *judge_stanza(struct judge *j, const struct rec *in, enum gw_side from_side, int64_t now_ms)
{
    const struct pol_facts facts = { .from_side = from_side, .now_ms = now_ms };
    enum pol_step step = pol_begin(j->eval, in, &facts);
    while (step == POL_NEED_SCAN) {
        struct scan_result res = { .status = SCAN_UNKNOWN };
        int err;
        arena_reset(&j->matches);
        err = content_scan(j->content, pol_scan_request(j->eval), &j->matches, &res);
        step = pol_resume(j->eval, err < 0 ? NULL : &res, GW_R_SCAN_FAILED);
    }
    pol_stand(j->eval);
    pol_commit(j->eval);
    return pol_verdict(j->eval);
}

void judge_forget(struct judge *j) { pol_state_forget(j->state); }

struct pol_eval *judge_eval(const struct judge *j) { return j->eval; }
const struct policy *judge_policy(const struct judge *j) { return j->policy; }
struct content *judge_content(const struct judge *j) { return j->content; }

void judge_limits(const struct gw_conf *c, struct rec_limits *ret)
{
    const struct gw_limits *l = &c->limits;
    const struct rec_limits hard = REC_HARD_LIMITS;
    ret->bytes = 3 * (size_t)l->stanza + 16384 < hard.bytes ? 3 * (size_t)l->stanza + 16384 : hard.bytes;
    ret->depth = (uint32_t)l->depth;
    ret->nodes = (uint32_t)l->elements * 2 + 1 < hard.nodes ? (uint32_t)l->elements * 2 + 1 : hard.nodes;
    ret->attrs = (uint32_t)l->attributes;
}
