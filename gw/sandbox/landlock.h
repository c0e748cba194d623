/* SPDX-License-Identifier: GPL-3.0-or-later
 * Landlock: no file, no TCP port, no signal to others, from here on and for all that comes after. */
#ifndef GW_SANDBOX_LANDLOCK_H
#define GW_SANDBOX_LANDLOCK_H

#include "sandbox.h"

/* write_below: NULL-terminated folders that stay usable, or NULL. no_new_privs must be set. UNSUPPORTED (named in the log), SYS. */
int landlock_close(const char *const *write_below) GW_MUST_CHECK;

#endif
