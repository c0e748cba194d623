/* SPDX-License-Identifier: GPL-3.0-or-later
 * A compiled set of YARA rules with the one scanner object that is kept and used again. */
#ifndef LOCKGATE_CONTENT_YARA_H
#define LOCKGATE_CONTENT_YARA_H

#include <yara.h>

#include "content.h"
#include "view.h"

/* The facts, in the order of struct scan_facts. */
#define YARA_FACTS(X) X(direction) X(kind) X(from) X(to) X(from_domain) X(to_domain) X(label) X(payload)
#define YARA_FACT_COUNT 8

struct yara_set {
    YR_RULES *rules; /* NULL: no rule at all */
    YR_SCANNER *scanner;
    size_t n_rules;
    bool for_files;
    struct buf fact[YARA_FACT_COUNT]; /* what the scanner's variables are now, with a NUL */
    /* during a scan */
    const struct view *view;
    struct hits *hits;
    int err;
};
int yara_start(void) GW_MUST_CHECK; /* once in a process */
void yara_end(void);
/* Compiles folder/ *.yar. 0, CONF (errs), NOMEM. Only files below folder can be included. */
int yara_load(struct yara_set *s, const char *folder, bool for_files, struct conf_errors *errs) GW_MUST_CHECK;
void yara_clear(struct yara_set *s);
/* Sets the variables that changed since the last call. */
int yara_facts(struct yara_set *s, const struct scan_facts *f) GW_MUST_CHECK;
/* Adds hits; LIMIT, NOMEM, UNKNOWN (the scan failed). */
int yara_scan(struct yara_set *s, const struct view *v, struct hits *h) GW_MUST_CHECK;
const YR_RULE *yara_rule(const struct yara_set *s, size_t i); /* in order of the files; private rules are left out */

#endif
