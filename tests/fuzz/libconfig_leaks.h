/* SPDX-License-Identifier: GPL-3.0-or-later
 * For targets that read files by libconfig: version 1.5 loses the strings that its parser holds when it meets a syntax error. Its own leak,
 * not ours to see again in each run. */
#ifndef LOCKGATE_FUZZ_LIBCONFIG_LEAKS_H
#define LOCKGATE_FUZZ_LIBCONFIG_LEAKS_H

const char *__lsan_default_suppressions(void);
const char *__lsan_default_suppressions(void) { return "leak:strbuf_append\nleak:libconfig_yylex\n"; }

#endif
