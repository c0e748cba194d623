/* SPDX-License-Identifier: GPL-3.0-or-later
 * One rule set with its scanners, in this process: what guard and scanner do together, for the verbs that only ask. */
#ifndef LOCKGATE_CTL_JUDGE_H
#define LOCKGATE_CTL_JUDGE_H

#include "content.h"
#include "gwconf.h"
#include "policy.h"

struct judge;
/* Loads rules_dir, with nothing remembered yet. now_ms: for what has expired. All mistakes go to standard error (warnings only with
 * `warnings`); NULL: there are some. jid_init must have been called. */
struct judge *judge_new(const char *rules_dir, int64_t now_ms, bool warnings);
void judge_free(struct judge *j); /* NULL is fine */
/* Judges a sealed record to the end, and lets the verdict stand (pol_commit). Borrowed until the next call; in must live as long. */
const struct pol_verdict *judge_stanza(struct judge *j, const struct rec *in, enum gw_side from_side, int64_t now_ms);
/* Forgets what earlier stanzas left behind: rates, open questions, first contacts. */
void judge_forget(struct judge *j);
/* The parts, as long as j lives. */
struct pol_eval *judge_eval(const struct judge *j);
const struct policy *judge_policy(const struct judge *j);
struct content *judge_content(const struct judge *j);
/* The limits of one stanza as the edges apply them. */
void judge_limits(const struct gw_conf *c, struct rec_limits *ret);

#endif
