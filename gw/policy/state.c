/* SPDX-License-Identifier: GPL-3.0-or-later
 * What the policy remembers between stanzas. */
#include <stdlib.h>

#include "internal.h"

struct pol_state { int unused; };

struct pol_state *pol_state_new(void) { return calloc(1, sizeof(struct pol_state)); }
void pol_state_free(struct pol_state *s) { free(s); }
void pol_commit(struct pol_eval *e) { (void)e; }
void pol_state_forget(struct pol_state *s) { *s = (struct pol_state){ 0 }; }
