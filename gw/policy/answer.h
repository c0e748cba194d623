/* SPDX-License-Identifier: GPL-3.0-or-later
 * Answers that the gateway gives itself to an iq of type get. The question does not cross; the answer is a stanza like any other: it
 * goes to the sender by an order of its own, after the journal has its line (verdict "reject", reason "answered").
 *
 * Whoever adds a kind of answer:
 *     struct rec *r = answer_begin(e);           the result, addressed back to the sender, its <iq> open; NULL: no memory, no question
 *     rec_open(r, ns, name) ... rec_close(r);    its payload, with the builders of record.h
 *     return answer_end(e, r);                   seals it and makes it the verdict of e; NULL or a broken record is a refusal
 * inside a function that judges (a rule's action, or before the rules). explain, test and replay need nothing more. */
#ifndef LOCKGATE_POLICY_ANSWER_H
#define LOCKGATE_POLICY_ANSWER_H

#include "internal.h"

#define ANSWER_BYTES_MAX (256u << 10)

/* An iq get with an id: what can be answered. */
bool answer_is_question(const struct rec *r);
/* The beginning of the answer to e->in. The caller gives it to answer_end, or frees it. */
struct rec *answer_begin(const struct pol_eval *e);
/* Takes r; NULL is a refusal (internal). Returns POL_DONE. */
enum pol_step answer_end(struct pol_eval *e, struct rec *r);

/* The fixed answers of a rule: version, last_activity, time, ping. */
int answers_load(struct pol_load *l, const config_setting_t *s, struct pol_answers **ret);
bool answers_has(const struct pol_answers *a, const struct rec *r); /* there is one for this question */
bool answers_labels(const struct pol_answers *a); /* it answers for catalogues of labels; NULL: no */
enum pol_step answers_give(struct pol_eval *e, const struct pol_answers *a);

#endif
