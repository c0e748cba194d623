// link: policy content xmpp record ipc base
// libs: -lexpat -lyara -lhs -licui18n -licuuc -licudata -lcrypto -lconfig -ljansson -lm
/* SPDX-License-Identifier: GPL-3.0-or-later
 * Stanzas through the reader, the record, a rule set with its scanners, and the writer, for the table of XEPs. Standard input: records that
 * end with 0x1E; fields parted by 0x1F: the side (high, low), stanzas that went before, the stanza. Output: one JSON object each. */
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "content.h"
#include "jid.h"
#include "policy.h"
#include "xmpp.h"

#define NOW 1700000000000LL

struct judge { struct policy *policy; struct content *content; struct pol_state *state; struct pol_eval *eval; struct arena matches; };

static const struct rec_limits limits = { 1u << 20, 64, 8192, 64 };

static json_t *text(struct str s) { return json_stringn(s.n ? s.p : "", s.n); }

static const struct pol_verdict *decide(struct judge *j, const struct rec *in, enum gw_side side)
{
    const struct pol_facts facts = { .from_side = side, .now_ms = NOW };
    enum pol_step step = pol_begin(j->eval, in, &facts);
    while (step == POL_NEED_SCAN) {
        struct scan_result res = { .status = SCAN_UNKNOWN };
        arena_reset(&j->matches);
        int rc = content_scan(j->content, pol_scan_request(j->eval), &j->matches, &res);
        step = pol_resume(j->eval, rc < 0 ? NULL : &res, GW_R_SCAN_FAILED);
    }
    pol_commit(j->eval);
    return pol_verdict(j->eval);
}

/* What is written must be read as the same record. */
static json_t *written(const struct rec *r)
{
    struct buf b;
    struct rec *back = NULL;
    const char *detail;
    json_t *ret = NULL;
    buf_init(&b, 4u << 20);
    if (!xs_serialise(r, true, &b) && !xs_parse_stanza(buf_str(&b), false, &limits, &back, &detail) && rec_equal(r, back))
        ret = text(buf_str(&b));
    rec_free(back);
    buf_clear(&b);
    return ret ? ret : json_string("it is read back as something else");
}

static json_t *judged(struct judge *j, const struct rec *in, enum gw_side side)
{
    struct rec *answer = NULL;
    const struct pol_verdict *v = decide(j, in, side);
    json_t *o = json_object(), *changed = json_array();
    json_object_set_new(o, "verdict", json_string(gw_verdict_name(v->verdict)));
    json_object_set_new(o, "reason", json_string(gw_reason_code(v->reason)));
    json_object_set_new(o, "rule", json_integer(v->rule));
    for (size_t i = 0; i < v->n_changed; i++)
        json_array_append_new(changed, text(v->changed[i]));
    json_object_set_new(o, "changed", changed);
    if (v->out)
        json_object_set_new(o, "out", written(v->out));
    if (v->reply)
        json_object_set_new(o, "reply", written(v->reply));
    else if (v->answer && !pol_answer(j->eval, STR("1-1"), &answer))
        json_object_set_new(o, "answer", written(answer));
    else if (v->for_asker && !pol_substitute(j->eval, &answer))
        json_object_set_new(o, "substitute", written(answer));
    rec_free(answer);
    return o;
}

static json_t *one(struct judge *j, char *line)
{
    char *field[18] = { line };
    size_t n = 1;
    struct rec *in = NULL;
    const char *detail = NULL;
    for (char *c = line; *c; c++)
        if (*c == 0x1f && n < 18) {
            *c = 0;
            field[n++] = c + 1;
        }
    enum gw_side side = strcmp(field[0], "low") ? GW_HIGH : GW_LOW;
    pol_state_forget(j->state);
    if (n < 2 || xs_parse_stanza(str_c(field[n - 1]), false, &limits, &in, &detail))
        return json_pack("{s:s, s:s?}", "verdict", "unread", "detail", detail);
    for (size_t i = 1; i + 1 < n; i++) {
        struct rec *before = NULL;
        if (xs_parse_stanza(str_c(field[i]), false, &limits, &before, &detail))
            continue;
        (void)decide(j, before, str_eq(before->from_domain, in->from_domain) ? side : gw_other(side));
        rec_free(before);
    }
    json_t *o = judged(j, in, side);
    rec_free(in);
    return o;
}

int main(int argc, char **argv)
{
    struct judge j = { 0 };
    struct conf_errors errs;
    char *line = NULL;
    size_t cap = 0;
    conf_errors_init(&errs);
    arena_init(&j.matches, 64u << 20);
    if (argc != 2 || jid_init() || policy_load(argv[1], NOW, &j.policy, &errs) || content_load(argv[1], &j.content, &errs) ||
        !(j.state = pol_state_new()) || !(j.eval = pol_eval_new(j.policy, j.state))) {
        conf_errors_print(&errs, stderr);
        return 1;
    }
    for (ssize_t n; (n = getdelim(&line, &cap, 0x1e, stdin)) > 1;) {
        line[n - 1] = 0;
        json_t *o = one(&j, line);
        if (!o || json_dumpf(o, stdout, JSON_COMPACT) || putchar('\n') < 0)
            return 1;
        json_decref(o);
    }
    free(line);
    pol_eval_free(j.eval);
    pol_state_free(j.state);
    content_free(j.content);
    policy_free(j.policy);
    arena_clear(&j.matches);
    conf_errors_clear(&errs);
    jid_finish();
    return 0;
}
