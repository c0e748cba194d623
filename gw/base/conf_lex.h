/* SPDX-License-Identifier: GPL-3.0-or-later
 * What libconfig 1.5 does not see: a first look at the text of a configuration file, before libconfig reads it. */
#ifndef GW_BASE_CONF_LEX_H
#define GW_BASE_CONF_LEX_H

#include "conf.h"

/* Looks through the file and what it includes. dir: the folder that includes start from. Adds a mistake for: an integer that
 * libconfig would cut, a comment or string that never ends, bytes that are not UTF-8, control characters, an include that
 * leaves dir, a file that cannot be read. 0: libconfig may read it; NOENT: not readable; SYNTAX: libconfig must not try. */
int conf_lex(const char *path, const char *dir, struct conf_errors *errs) GW_MUST_CHECK;
/* Has conf_lex complained about an integer there? (its value is then of no meaning) */
bool conf_lex_flagged(const struct conf_errors *errs, const char *file, unsigned line);

#endif
