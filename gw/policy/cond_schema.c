/* SPDX-License-Identifier: GPL-3.0-or-later
 * Condition stripped: whether the stanza was as the profiles want it. */
#include "internal.h"
#include "rows.h"

static int parse_flag(struct pol_load *l, const config_setting_t *s, struct cond *c)
{
    bool *b = arena_alloc(l->arena, sizeof *b);
    if (!b)
        return GW_ERR(NOMEM);
    c->arg = b;
    return load_bool(l, s, b);
}

static enum tri match_stripped(const struct cond *c, struct pol_eval *e)
{
    const bool *want = c->arg;
    return tri_of(e->stripped == *want);
}

const struct cond_row cond_stripped = { "stripped", COND_BOOL, 0, parse_flag, match_stripped, NULL, NULL, "stripped = true",
    "the allow-list took something out of it: it was not as the profiles in force want it" };
