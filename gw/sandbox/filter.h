/* SPDX-License-Identifier: GPL-3.0-or-later
 * The seccomp filter of a program, made from its lists. */
#ifndef GW_SANDBOX_FILTER_H
#define GW_SANDBOX_FILTER_H

#include "sandbox.h"

/* Everything that is on no list ends the process. UNSUPPORTED (named in the log), SYS, NOMEM. */
int filter_close(enum sandbox_program program) GW_MUST_CHECK;

#endif
