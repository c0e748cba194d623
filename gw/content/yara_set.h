/* SPDX-License-Identifier: GPL-3.0-or-later
 * A compiled set of YARA rules with the one scanner object that is kept and used again. */
#ifndef LOCKGATE_CONTENT_YARA_H
#define LOCKGATE_CONTENT_YARA_H

#include <yara.h>

#include "content.h"
#include "view.h"
#include "yara_atoms.h"
#include "yara_text.h"

/* The facts, in the order of struct scan_facts. */
#define YARA_FACTS(X) X(direction) X(kind) X(from) X(to) X(from_domain) X(to_domain) X(label) X(payload)
#define YARA_FACT_COUNT 8

/* Compiled rules with their scanner. */
struct yara_part {
    YR_RULES *rules; /* NULL: no rule at all */
    YR_SCANNER *scanner;
    uint64_t facts_seen; /* as of when its variables are */
};
/* libyara's time for a scan grows with the number of rules, match or no match. So the rules are compiled a second time in small parts. A
 * part is scanned only when the text holds a piece of one of its strings, or begins as one of its rules demands; rules that could hold
 * without are in a part that is always scanned. Where this cannot be proven for a set, it is not done. */
struct yara_gate {
    bool on;
    struct yara_part always, *parts;
    size_t n_parts, n_always; /* n_always: rules in it */
    struct atoms atoms;
    struct yara_head { uint32_t part; uint8_t n, bytes[4]; } *heads; /* parts that are wanted by how the text begins */
    size_t n_heads;
    bool *wanted;
};
struct yara_source { char *name; struct buf text; struct yara_file_text read; };
struct yara_set {
    struct yara_part all;
    struct yara_gate gate;
    size_t n_rules;
    bool for_files;
    struct buf fact[YARA_FACT_COUNT]; /* what the variables are to be, with a NUL */
    uint64_t fact_changed[YARA_FACT_COUNT], facts_now;
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
/* The variables of the scans that follow. */
int yara_facts(struct yara_set *s, const struct scan_facts *f) GW_MUST_CHECK;
/* Adds hits; LIMIT, NOMEM, UNKNOWN (the scan failed). */
int yara_scan(struct yara_set *s, const struct view *v, struct hits *h) GW_MUST_CHECK;
/* ---- between the files of this part ---- */
/* Makes the gate of a loaded set from the same sources; leaves it off where they do not allow it. NOMEM. */
int yara_gate_make(struct yara_set *s, const char *folder, struct yara_source *sources, size_t n, struct arena *a) GW_MUST_CHECK;
void yara_gate_clear(struct yara_gate *g);
int yara_compiler_new(const char *folder, YR_COMPILER **ret) GW_MUST_CHECK; /* with the variables, and includes from folder (kept) */
int yara_part_open(struct yara_part *p) GW_MUST_CHECK; /* rules -> scanner, used once; NOMEM, UNKNOWN */
void yara_part_close(struct yara_part *p);
/* What the rule says of itself; words that release rules do not know are told apart. */
struct scan_meta yara_meta(const YR_RULE *rule);
/* Warns of such words, in every rule of the set. */
void yara_meta_check(const struct yara_set *s, const char *folder, struct conf_errors *errs);
const YR_RULE *yara_rule(const struct yara_set *s, size_t i); /* in order of the files; private rules are left out */

#endif
