/* SPDX-License-Identifier: GPL-3.0-or-later
 * What the conditions on the scanner's answer share. */
#ifndef LOCKGATE_POLICY_COND_SCAN_H
#define LOCKGATE_POLICY_COND_SCAN_H

#include "internal.h"

/* Is there an answer? If it was not asked for yet, it is wanted from here on. */
bool scan_answered(struct pol_eval *e);
/* The place of a match, for redaction. LIMIT. */
int scan_span(struct pol_eval *e, const struct scan_match *m);
/* Is c a condition on what YARA rules say of themselves, and this match one that it asks for? (cond_yara.c) */
bool meta_asks_for(const struct cond *c, const struct scan_match *m);
/* The highest severity that the matches say of themselves for which c asks, or its parts do; what stands in a `not` asks for none. */
enum pol_severity scan_severity(const struct cond *c, const struct pol_eval *e);
/* For explain: what was found of that for which c asks, each rule or detector once. */
void scan_tell(const struct cond *c, struct pol_eval *e);

#endif
