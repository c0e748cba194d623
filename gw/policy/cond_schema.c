/* SPDX-License-Identifier: GPL-3.0-or-later
 * Conditions stripped, label_lost: what the allow-list took out of the stanza. */
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

static enum tri match_label_lost(const struct cond *c, struct pol_eval *e)
{
    const bool *want = c->arg;
    return tri_of(e->label_lost == *want);
}

const struct cond_row cond_stripped = { "stripped", COND_BOOL, 0, parse_flag, match_stripped, NULL, NULL, "stripped = true",
    "the allow-list took something out of it: it was not as the profiles in force want it" };
const struct cond_row cond_label_lost = { "label_lost", COND_BOOL, 0, parse_flag, match_label_lost, NULL, NULL, "label_lost = true",
    "the allow-list took a security label, or a part of one, out of it, at any depth, and left what was labelled" };
