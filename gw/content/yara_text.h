/* SPDX-License-Identifier: GPL-3.0-or-later
 * The text of a YARA file taken apart into its rules, so that each can be compiled apart from the others, and a careful reading of
 * conditions: what must a text have, for this one to hold? */
#ifndef LOCKGATE_CONTENT_YARA_TEXT_H
#define LOCKGATE_CONTENT_YARA_TEXT_H

#include "buf.h"

/* A condition can hold only when one of the rule's strings matches (string), or when the text begins with these bytes (n > 0): the one
 * or the other where both are set. Neither: it may hold for any text. */
struct yara_demand { bool string; uint8_t n, bytes[4]; };
static inline bool demands_nothing(const struct yara_demand *d) { return !d->string && !d->n; }
/* One rule, or everything of a file that belongs together. Borrows the file's text. */
struct yara_rule_text {
    struct str name, text;  /* from "private", "global" or "rule" to the closing brace */
    struct str condition;
    size_t group;           /* index of the first rule of the file that this one belongs with: rules that name each other */
    struct yara_demand demand;
};
struct yara_file_text {
    struct str *imports;    /* names of modules */
    size_t n_imports;
    struct yara_rule_text *rules;
    size_t n_rules;
    bool whole;             /* it has to be compiled as one: an include, a global rule, or text that was not understood */
};
/* text must live as long as the result; lists live in the arena. 0, NOMEM. */
int yara_text_read(struct str text, struct arena *a, struct yara_file_text *ret) GW_MUST_CHECK;
/* What stands between the slashes of the rule's string `name` ($a), where that is a regular expression over bytes as they are (not wide); else
 * STR_NONE. */
struct str yara_text_expression(struct str rule, struct str name);
/* Does the name stand in the text as a word of its own? */
bool yara_text_names(struct str text, struct str name);

#endif
