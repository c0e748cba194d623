/* SPDX-License-Identifier: GPL-3.0-or-later
 * Conditions from, to, from_domain, to_domain, from_list, to_list, from_room: who writes to whom. */
#include <string.h>

#include "cond_address.h"
#include "rows.h"

int cond_parse_addresses(struct pol_load *l, const config_setting_t *s, struct cond *c)
{
    struct str *v;
    size_t n;
    int rc = load_strings(l, s, &v, &n);
    struct addr_patterns *p = arena_alloc(l->arena, sizeof *p);
    if (!p)
        return GW_ERR(NOMEM);
    *p = (struct addr_patterns){ 0 };
    c->arg = p;
    if (rc)
        return rc;
    p->v = arena_alloc(l->arena, n * sizeof *p->v);
    if (!p->v)
        return GW_ERR(NOMEM);
    for (size_t i = 0; i < n; i++) {
        int r = addr_parse(l->arena, v[i], &p->v[p->n++]);
        if (r == GW_ERR(NOMEM))
            return r;
        if (r)
            rc = load_error(l, s, "\"%s\" is not an address; allowed are user@domain/resource, user@domain, domain, *@domain, *.domain",
                v[i].p);
    }
    return rc;
}

static enum tri match_addresses(const struct addr_patterns *p, struct str jid)
{
    for (size_t i = 0; i < p->n; i++)
        if (addr_match(&p->v[i], jid))
            return TRI_YES;
    return TRI_NO;
}

static enum tri match_from(const struct cond *c, struct pol_eval *e) { return match_addresses(c->arg, e->rec->from); }
static enum tri match_to(const struct cond *c, struct pol_eval *e) { return match_addresses(c->arg, e->rec->to); }

static int parse_domains(struct pol_load *l, const config_setting_t *s, struct cond *c)
{
    int rc = cond_parse_addresses(l, s, c);
    struct addr_patterns *p = c->arg;
    for (size_t i = 0; !rc && p && i < p->n; i++)
        if (p->v[i].form != ADDR_DOMAIN && p->v[i].form != ADDR_BELOW)
            rc = load_error(l, s, "\"%s\" wants domains: domain or *.domain", c->row->keyword);
    return rc;
}

static enum tri match_from_domain(const struct cond *c, struct pol_eval *e) { return match_addresses(c->arg, e->rec->from_domain); }
static enum tri match_to_domain(const struct cond *c, struct pol_eval *e) { return match_addresses(c->arg, e->rec->to_domain); }

int cond_parse_lists(struct pol_load *l, const config_setting_t *s, struct cond *c)
{
    struct str *v;
    size_t n;
    int rc = load_strings(l, s, &v, &n);
    struct lists *p = arena_alloc(l->arena, sizeof *p);
    if (!p)
        return GW_ERR(NOMEM);
    *p = (struct lists){ 0 };
    c->arg = p;
    if (rc)
        return rc;
    p->v = arena_alloc(l->arena, n * sizeof *p->v);
    if (!p->v)
        return GW_ERR(NOMEM);
    for (size_t i = 0; i < n; i++) {
        int r = list_load(l, v[i], true, s, &p->v[p->n]);
        if (!r)
            p->n++;
        rc = rc ? rc : r;
    }
    return rc;
}

static enum tri match_lists(const struct lists *p, struct str jid)
{
    for (size_t i = 0; i < p->n; i++)
        if (list_has_address(p->v[i], jid))
            return TRI_YES;
    return TRI_NO;
}

static enum tri match_from_list(const struct cond *c, struct pol_eval *e) { return match_lists(c->arg, e->rec->from); }
static enum tri match_to_list(const struct cond *c, struct pol_eval *e) { return match_lists(c->arg, e->rec->to); }

static enum tri match_enters(const struct cond *c, struct pol_eval *e)
{
    return tri_and(tri_not(match_lists(c->arg, e->rec->from)), match_lists(c->arg, e->rec->to));
}
static enum tri match_leaves(const struct cond *c, struct pol_eval *e)
{
    return tri_and(match_lists(c->arg, e->rec->from), tri_not(match_lists(c->arg, e->rec->to)));
}

/* Both ends stand in groups of the list, and in no group together. */
static enum tri match_crosses(const struct cond *c, struct pol_eval *e)
{
    const struct lists *p = c->arg;
    bool from = false, to = false, together = false;
    for (size_t i = 0; i < p->n; i++) {
        bool f = list_has_address(p->v[i], e->rec->from), t = list_has_address(p->v[i], e->rec->to);
        from |= f;
        to |= t;
        together |= f && t;
    }
    return tri_of(from && to && !together);
}

static int parse_crosses(struct pol_load *l, const config_setting_t *s, struct cond *c)
{
    int rc = cond_parse_lists(l, s, c);
    const struct lists *p = c->arg;
    return rc || p->n > 1 ? rc : load_error(l, s, "\"crosses\" wants two lists at least");
}

static int parse_flag(struct pol_load *l, const config_setting_t *s, struct cond *c)
{
    bool *b = arena_alloc(l->arena, sizeof *b);
    if (!b)
        return GW_ERR(NOMEM);
    c->arg = b;
    return load_bool(l, s, b);
}

static enum tri match_from_room(const struct cond *c, struct pol_eval *e)
{
    const bool *want = c->arg;
    return tri_of(pol_from_room(e->in) == *want);
}

const struct cond_row cond_from = { "from", COND_STRINGS, 0, cond_parse_addresses, match_from, NULL, NULL,
    "from = [ \"juliet@high.example\", \"*@ops.high.example\" ]",
    "the sender: user@domain/resource, user@domain (any resource), domain (it and all in it), *@domain, *.domain" };
const struct cond_row cond_to = { "to", COND_STRINGS, 0, cond_parse_addresses, match_to, NULL, NULL, "to = \"romeo@low.example\"",
    "the recipient, in the same forms" };
const struct cond_row cond_from_domain = { "from_domain", COND_STRINGS, 0, parse_domains, match_from_domain, NULL, NULL,
    "from_domain = \"high.example\"", "the sender's domain, as its server proved it" };
const struct cond_row cond_to_domain = { "to_domain", COND_STRINGS, 0, parse_domains, match_to_domain, NULL, NULL,
    "to_domain = [ \"low.example\", \"*.low.example\" ]", "the recipient's domain" };
const struct cond_row cond_from_list = { "from_list", COND_STRINGS, 0, cond_parse_lists, match_from_list, NULL, NULL,
    "from_list = \"liaison-high\"", "the sender stands in rules/lists/NAME.list (one address a line, the same forms)" };
const struct cond_row cond_to_list = { "to_list", COND_STRINGS, 0, cond_parse_lists, match_to_list, NULL, NULL,
    "to_list = \"liaison-low\"", "the recipient stands in rules/lists/NAME.list" };
const struct cond_row cond_enters = { "enters", COND_STRINGS, 0, cond_parse_lists, match_enters, NULL, NULL, "enters = \"staff\"",
    "from outside a group into it: the recipient stands in the list, the sender does not" };
const struct cond_row cond_leaves = { "leaves", COND_STRINGS, 0, cond_parse_lists, match_leaves, NULL, NULL, "leaves = \"staff\"",
    "out of a group: the sender stands in the list, the recipient does not" };
const struct cond_row cond_crosses = { "crosses", COND_STRINGS, 0, parse_crosses, match_crosses, NULL, NULL,
    "crosses = [ \"staff\", \"liaison-low\" ]", "from one of these lists into another: sender and recipient stand in them, and in none together" };
const struct cond_row cond_from_room = { "from_room", COND_BOOL, 0, parse_flag, match_from_room, NULL, NULL, "from_room = true",
    "it comes from a group chat room (XEP-0045); a refusal of such a stanza is never answered" };
