/* SPDX-License-Identifier: GPL-3.0-or-later
 * Conditions unsolicited and first_contact: what went before. */
#include <string.h>

#include "rows.h"
#include "state.h"

static int parse_flag(struct pol_load *l, const config_setting_t *s, struct cond *c)
{
    bool *b = arena_alloc(l->arena, sizeof *b);
    if (!b)
        return GW_ERR(NOMEM);
    c->arg = b;
    return load_bool(l, s, b);
}

static enum tri as_wanted(const struct cond *c, enum tri t)
{
    const bool *want = c->arg;
    return *want ? t : tri_not(t);
}

static enum tri match_unsolicited(const struct cond *c, struct pol_eval *e)
{
    const struct rec *r = e->rec;
    bool answer = r->kind == REC_IQ && (str_eq(r->type, STR("result")) || str_eq(r->type, STR("error")));
    return as_wanted(c, answer ? tri_not(state_asked(e)) : TRI_NO);
}

static enum tri match_first_contact(const struct cond *c, struct pol_eval *e) { return as_wanted(c, tri_not(state_contact(e))); }

const struct cond_row cond_unsolicited = { "unsolicited", COND_BOOL, COND_STATE, parse_flag, match_unsolicited, NULL, NULL, "unsolicited = true",
    "an iq result or error that answers no question that was released the other way" };
const struct cond_row cond_first_contact = { "first_contact", COND_BOOL, COND_STATE, parse_flag, match_first_contact, NULL, NULL,
    "first_contact = true", "the recipient has not written to this sender since the guard was started" };
