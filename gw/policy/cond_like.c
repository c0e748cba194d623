/* SPDX-License-Identifier: GPL-3.0-or-later
 * Conditions from_like and to_like: addresses by pattern, for what the exact forms cannot say. */
#include <string.h>

#include "internal.h"
#include "rows.h"

struct patterns { struct str *v; size_t n; };

/* Addresses are compared as they are prepared: small letters before the slash. */
static int parse_like(struct pol_load *l, const config_setting_t *s, struct cond *c)
{
    struct patterns *p = arena_alloc(l->arena, sizeof *p);
    if (!p)
        return GW_ERR(NOMEM);
    *p = (struct patterns){ 0 };
    c->arg = p;
    int rc = load_strings(l, s, &p->v, &p->n);
    for (size_t i = 0; i < p->n && !rc; i++) {
        size_t n = strcspn(p->v[i].p, "/");
        char *copy = arena_alloc(l->arena, p->v[i].n + 1);
        if (!copy)
            return GW_ERR(NOMEM);
        memcpy(copy, p->v[i].p, p->v[i].n + 1);
        for (size_t k = 0; k < n; k++)
            copy[k] = (char)(copy[k] >= 'A' && copy[k] <= 'Z' ? copy[k] + 32 : copy[k]);
        if (!strpbrk(copy, "*?"))
            rc = load_error(l, s, "\"%s\" has neither * nor ?: \"%s\" is for whole addresses, and faster", copy,
                c->row == &cond_from_like ? "from" : "to");
        p->v[i].p = copy;
    }
    return rc;
}

static enum tri match_like(const struct patterns *p, struct str jid)
{
    for (size_t i = 0; i < p->n; i++)
        if (pattern_match(p->v[i], jid))
            return TRI_YES;
    return TRI_NO;
}

static enum tri match_from(const struct cond *c, struct pol_eval *e) { return match_like(c->arg, e->rec->from); }
static enum tri match_to(const struct cond *c, struct pol_eval *e) { return match_like(c->arg, e->rec->to); }

const struct cond_row cond_from_like = { "from_like", COND_STRINGS, 0, parse_like, match_from, NULL, NULL,
    "from_like = [ \"bot-*@high.example\", \"*@high.example/probe?\" ]",
    "the whole address of the sender, with its resource, by a pattern: * any run, ? one character" };
const struct cond_row cond_to_like = { "to_like", COND_STRINGS, 0, parse_like, match_to, NULL, NULL, "to_like = \"*-admin@low.example*\"",
    "the same of the recipient" };
