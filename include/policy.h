/* SPDX-License-Identifier: GPL-3.0-or-later
 * The release policy: what security officers write under rules/, and the judgement of one record by it. Pure functions: no
 * socket, no process, no clock; guard, `lockgate explain`, `test` and `replay` call the same ones. */
#ifndef LOCKGATE_POLICY_H
#define LOCKGATE_POLICY_H

#include "conf.h"
#include "msgs.h"
#include "reason.h"
#include "record.h"
#include "scan.h"

struct policy;    /* a rule set; never changes once loaded */
struct pol_state; /* what is remembered between stanzas: rates, open questions, first contacts */
struct pol_eval;  /* the judgement of one stanza; used again for the next */

/* ---- loading ---- */
/* Reads rules_dir/main.rules, the rule files and profiles that it names, lists; checks everything. All mistakes go to errs as
 * file:line; jid_init must have been called. now_ms: for what has expired (a warning). 0, CONF, NOMEM. */
int policy_load(const char *rules_dir, int64_t now_ms, struct policy **ret, struct conf_errors *errs) GW_MUST_CHECK;
/* The same, but after mistakes *ret is what could be read all the same: policy_scan_names and policy_free alone may be used on it, so that
 * every mistake is told in one pass. NULL: nothing. */
int policy_load_part(const char *rules_dir, int64_t now_ms, struct policy **ret, struct conf_errors *errs) GW_MUST_CHECK;
void policy_free(struct policy *p); /* NULL is fine; no pol_eval may use it any more */
/* SHA-256 over every file below rules_dir (names and contents, in the order of the names; tests/ and hidden files left out). */
const unsigned char *policy_hash(const struct policy *p);

/* ---- judging ---- */
struct pol_state *pol_state_new(void);
void pol_state_free(struct pol_state *s);
void pol_state_forget(struct pol_state *s);
/* What aliases are made from (action rewrite). It must stay the same over restarts, else they change. */
#define POL_SECRET 32
void pol_state_secret(struct pol_state *s, const unsigned char secret[POL_SECRET]);
/* ---- handing over: a guard ends, another takes its place ---- */
/* Everything that is remembered, as records of at most 64 KiB, by put; its error ends it. */
int pol_state_give(const struct pol_state *s, const struct policy *p, int64_t now_ms, int (*put)(void *ctx, struct str record), void *ctx) GW_MUST_CHECK;
/* One of them, in a state that remembers nothing yet. SYNTAX, PROTO, LIMIT, NOMEM: take no more; what was taken is true all the same. */
int pol_state_take(struct pol_state *s, const struct policy *p, struct str record, int64_t now_ms) GW_MUST_CHECK;
/* What was released from one domain to another may not have arrived (STR_NONE twice: from any to any): it counts as not known there. */
void pol_state_lost(struct pol_state *s, struct str from_domain, struct str to_domain, int64_t now_ms);
/* A guard has started: what was asked before it is not known, so whether an answer was asked for is unknown for a minute. */
void pol_state_started(struct pol_state *s, int64_t now_ms);

/* Facts about a stanza that do not stand in it. */
struct pol_facts {
    enum gw_side from_side; /* where it came from */
    int64_t now_ms;         /* Unix time */
};
/* A condition's answer. Unknown: it could not be found out. */
enum tri { TRI_NO, TRI_YES, TRI_UNKNOWN };

struct pol_verdict {
    enum gw_verdict verdict;
    enum gw_reason reason;
    uint32_t rule;           /* the rule that decided; 0: none did */
    struct str rule_name;
    struct str severity;     /* the highest of all rules that matched; "info" at least */
    const uint32_t *matched; /* ids of the rules whose conditions held, in order */
    size_t n_matched;
    const struct str *changed; /* what was changed: "strip 20: {ns}name" */
    size_t n_changed, n_changes; /* of so many in all: what is above 200 is only counted */
    const struct str *noted;   /* detectors in log-only mode that matched */
    size_t n_noted;
    const struct rec *out;     /* release, hold: the stanza as it may leave; NULL otherwise */
    const struct rec *reply;   /* reason answered: an iq result of the gateway's own for the sender, in place of an error; else NULL */
    bool answer;               /* refused: the sender is to be told (pol_answer makes the stanza) */
    struct str error, error_type, text; /* the error that the sender gets */
    bool for_asker;            /* a refused answer: the asker is told in its place (pol_substitute) */
    struct str label_in, label_out; /* "POLICY: MARKING" of the stanza itself, as it came and as it leaves; may be empty */
    bool alert;                /* an alert rule matched: a line for the operator too */
    enum gw_verdict would;     /* what would be done if it were enforced: verdict, but for a refusal let through (pol_watch) */
};

/* One eval serves one stanza at a time. state may be NULL (conditions that need it answer unknown). */
struct pol_eval *pol_eval_new(const struct policy *p, struct pol_state *state);
/* Watch mode: what officers' rules, the default or the allow-list refuse is let through, as it stood when that was decided (what the
 * allow-list refuses: as it came, without what may not be carried), and would says what enforcement does. Everything else that refuses, refuses: broken stanzas,
 * failures, limits, answers that are unknown. Off in a new eval; holds for all judgements from here on. */
void pol_watch(struct pol_eval *e, bool on);
/* Between two judgements: gives back what the last one took. pol_verdict is over, the settings stay. */
void pol_rest(struct pol_eval *e);
void pol_eval_free(struct pol_eval *e);

enum pol_step {
    POL_DONE,      /* pol_verdict holds */
    POL_NEED_SCAN, /* give pol_scan_request to a scanner, then its answer to pol_resume; may come several times */
};
/* Begins to judge in, which must be sealed and stay until the verdict was used. Ends an earlier judgement. Never fails: whatever
 * goes wrong inside is a refusal. */
enum pol_step pol_begin(struct pol_eval *e, const struct rec *in, const struct pol_facts *facts);
/* Borrowed until pol_resume. */
const struct scan_request *pol_scan_request(const struct pol_eval *e);
/* The scanner's answer; NULL: there is none, for this reason (scan-timeout, scan-failed). Spans are checked here. */
enum pol_step pol_resume(struct pol_eval *e, const struct scan_result *r, enum gw_reason why_not);
/* Borrowed until the next pol_begin, as is all in it. */
const struct pol_verdict *pol_verdict(const struct pol_eval *e);
/* The error answer to a refused stanza, or the notice that it is held (held: under which name). PROTO: must not be answered. The caller
 * frees *ret. */
int pol_answer(const struct pol_eval *e, struct str held, struct rec **ret) GW_MUST_CHECK;
/* A stanza that was to be held could not be kept: the verdict becomes a refusal. */
void pol_not_held(struct pol_eval *e, enum gw_reason why);
/* In place of a refused answer to a question: an error with its addresses and id, for the side that it would have gone to. */
int pol_substitute(struct pol_eval *e, struct rec **ret) GW_MUST_CHECK;
/* The verdict's turn has come: before it is used, in the order in which the stanzas came. Presence that the recipient knows already
 * becomes a drop (folded). May be called again. */
void pol_stand(struct pol_eval *e);
/* Tells the state that this verdict now stands (open questions, first contacts). Call once, in the order of the verdicts. */
void pol_commit(struct pol_eval *e);

/* ---- explaining ---- */
struct pol_step_info {
    uint32_t rule;        /* 0: the payload allow-list */
    struct str text;      /* a sentence */
    enum tri answer;
    bool is_condition;    /* an answer of one condition; else what the rule did */
    bool decided;
};
/* Keep a record of every answer of the next judgements. */
void pol_explain(struct pol_eval *e, bool on);
size_t pol_steps(const struct pol_eval *e, const struct pol_step_info **ret);

/* ---- looking at a set (check, test, status) ---- */
#define POL_EXPECT_ANSWER GW_V_COUNT /* rejected, and answered by the gateway itself */
struct pol_test {
    char *stanza;   /* path, absolute */
    char *from;     /* "high", "low" or NULL: where the sender's domain lives, else high */
    struct conf_strings before; /* stanzas that went before it, paths: a question, before its answer is tested */
    int expect;     /* enum gw_verdict, or POL_EXPECT_ANSWER */
    struct conf_ints acted;
    bool has_acted;
    char *output;   /* path, absolute, or NULL */
    struct conf_where where;
};
struct pol_rule_info {
    uint32_t id;
    const char *name, *action, *severity;
    const char *file;
    unsigned line;
    int64_t expires_ms; /* 0: never */
    const struct pol_test *tests;
    size_t n_tests;
    bool decides;
    bool enabled;  /* false: it is left out */
    uint64_t hits; /* since the gateway was started, or a guard died */
    int64_t last_hit_ms;
};
/* NULL while a rule is in force; else why it is not, behind "rule N ": its conditions are not asked, and its tests say nothing. */
static inline const char *policy_rests(bool enabled, int64_t expires_ms, int64_t now_ms)
{
    return !enabled ? "is switched off (enabled = false)" : expires_ms && expires_ms <= now_ms ? "has expired" : NULL;
}
/* How often each rule held, as bytes for the set that comes after (rules with the same id go on counting). LIMIT, NOMEM. add: bytes that are
 * not of this form are left alone. */
#define POLICY_HITS_MAX (1u << 20)
int policy_hits_put(const struct policy *p, struct buf *out) GW_MUST_CHECK;
void policy_hits_add(struct policy *p, struct str counts);
size_t policy_rule_count(const struct policy *p);
void policy_rule_get(const struct policy *p, size_t i, struct pol_rule_info *ret);
/* What conditions ask scanners for, so that check can hold it against what is loaded. name: of a rule or detector; or the id, the action,
 * the least severity that a YARA rule says of itself. */
enum pol_scan_what { POL_SCAN_RULE, POL_SCAN_ID, POL_SCAN_ACTION, POL_SCAN_SEVERITY };
struct pol_scan_name { enum scan_source source; enum pol_scan_what what; struct str name; const char *file; unsigned line; };
size_t policy_scan_names(const struct policy *p, const struct pol_scan_name **ret);
/* The vocabulary, from the table of conditions and actions. */
void policy_describe(FILE *to);
/* Mistakes of thought rather than form: rules that can never fire, lists and profiles without use, release rules without a test,
 * rules that end soon. Warnings are added to errs. */
void policy_lint(const struct policy *p, int64_t now_ms, struct conf_errors *errs);

#endif
