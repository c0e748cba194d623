/* SPDX-License-Identifier: GPL-3.0-or-later
 * Service discovery kept true to the rules in force, so that clients do not try what will be blocked (XEP-0030, XEP-0115, XEP-0390):
 * answers name only features that a profile lets through; a capability hash crosses as that of the filtered set, once an answer has
 * crossed that had the hash, and not at all before; questions for such a hash are answered by the gateway. */
#ifndef LOCKGATE_POLICY_DISCO_H
#define LOCKGATE_POLICY_DISCO_H

#include "caps.h"
#include "internal.h"

/* What was learned: the most recent sets. */
struct disco_memory;
void disco_memory_free(struct disco_memory *m); /* NULL is fine */
/* One set: keys of its hash as told by its owner and of the filtered one, that one as text, the answer as a record, and whose share of the
 * memory it takes (a hash of the pair of domains): a pair that has its share gives up its own oldest set for a new one, not another's. */
struct disco_set { uint64_t before, after; struct str text, set; uint16_t owner; };
#define DISCO_SETS 2048
#define DISCO_SHARE 256
bool disco_memory_next(const struct disco_memory *m, size_t *at, struct disco_set *ret); /* false: no more; m may be NULL */
int disco_memory_add(struct disco_memory **m, const struct disco_set *s) GW_MUST_CHECK; /* SYNTAX, NOMEM */
/* A stanza is about to be released: answers are filtered, hashes replaced. False: failed, refuse. */
bool disco_filter(struct pol_eval *e);
/* A question is about to be released. True: the gateway answers it, *ret is the step that ends the judgement. */
bool disco_answer(struct pol_eval *e, enum pol_step *ret);
/* A verdict stands: what its answer said is learned. */
void disco_commit(struct pol_eval *e);

#endif
