/* SPDX-License-Identifier: GPL-3.0-or-later
 * Conditions node, node_list and operation: what a publish-subscribe stanza (XEP-0060) is about, and what it wants. */
#include <string.h>

#include "internal.h"
#include "rows.h"

static bool in_pubsub(const struct rec *r, uint32_t n)
{
    static const struct str roots[] = { STR("http://jabber.org/protocol/pubsub"), STR("http://jabber.org/protocol/pubsub#event"),
        STR("http://jabber.org/protocol/pubsub#owner") };
    for (size_t i = 0; i < sizeof roots / sizeof *roots; i++)
        if (str_eq(r->nodes[n].ns, roots[i]))
            return true;
    return false;
}

/* The next operation (a child of pubsub or event) after `at`; REC_NONE: there is none. */
static uint32_t next_operation(const struct rec *r, uint32_t at)
{
    for (uint32_t i = at + 1; i < r->n_nodes; i++) {
        uint32_t root = r->nodes[i].parent;
        if (!r->nodes[i].is_text && root != REC_NONE && root && r->nodes[root].parent == 0 && in_pubsub(r, root) &&
            str_eq(r->nodes[i].ns, r->nodes[root].ns))
            return i;
    }
    return REC_NONE;
}

struct names { struct str *v; size_t n; };

static int parse_names(struct pol_load *l, const config_setting_t *s, struct cond *c)
{
    struct names *p = arena_alloc(l->arena, sizeof *p);
    if (!p)
        return GW_ERR(NOMEM);
    *p = (struct names){ 0 };
    c->arg = p;
    return load_strings(l, s, &p->v, &p->n);
}

static int parse_operation(struct pol_load *l, const config_setting_t *s, struct cond *c)
{
    static const char *const known[] = { "affiliations", "collection", "configure", "create", "default", "delete", "items", "options", "publish",
        "publish-options", "purge", "redirect", "retract", "subscribe", "subscription", "subscriptions", "unsubscribe", "affiliation", NULL };
    int rc = parse_names(l, s, c);
    const struct names *p = c->arg;
    for (size_t i = 0; !rc && i < p->n; i++) {
        size_t k = 0;
        while (known[k] && strcmp(known[k], p->v[i].p) != 0)
            k++;
        const char *near = known[k] ? NULL : conf_nearest(p->v[i].p, known);
        if (!known[k])
            rc = load_error(l, s, "\"%s\" is no operation of XEP-0060%s%s%s", p->v[i].p, near ? "; did you mean \"" : "", near ? near : "", near ? "\"?" : "");
    }
    return rc;
}

static bool among(const struct names *p, struct str s)
{
    bool is = false;
    for (size_t i = 0; i < p->n && !is; i++)
        is = memchr(p->v[i].p, '*', p->v[i].n) ? pattern_match(p->v[i], s) : str_eq(p->v[i], s);
    return is;
}

static enum tri match_node(const struct cond *c, struct pol_eval *e)
{
    for (uint32_t i = next_operation(e->rec, 0); i != REC_NONE; i = next_operation(e->rec, i)) {
        struct str node = rec_attr_get(e->rec, i, STR_NONE, STR("node"));
        if (node.p && among(c->arg, node))
            return TRI_YES;
    }
    return TRI_NO;
}

static enum tri match_operation(const struct cond *c, struct pol_eval *e)
{
    for (uint32_t i = next_operation(e->rec, 0); i != REC_NONE; i = next_operation(e->rec, i))
        if (among(c->arg, e->rec->nodes[i].name))
            return TRI_YES;
    return TRI_NO;
}

static int parse_node_list(struct pol_load *l, const config_setting_t *s, struct cond *c)
{
    const struct pol_list **p = arena_alloc(l->arena, sizeof *p);
    const char *z = config_setting_get_string(s);
    if (!p)
        return GW_ERR(NOMEM);
    *p = NULL;
    c->arg = p;
    struct str name = z && *z ? arena_str(l->arena, str_c(z)) : STR_NONE;
    return name.p ? list_load(l, name, false, s, p) : load_error(l, s, "\"node_list\" wants the name of a list");
}

static enum tri match_node_list(const struct cond *c, struct pol_eval *e)
{
    const struct pol_list *const *list = c->arg;
    for (uint32_t i = next_operation(e->rec, 0); i != REC_NONE; i = next_operation(e->rec, i)) {
        struct str node = rec_attr_get(e->rec, i, STR_NONE, STR("node"));
        if (node.p && list_has(*list, node))
            return TRI_YES;
    }
    return TRI_NO;
}

const struct cond_row cond_node = { "node", COND_STRINGS, 0, parse_names, match_node, NULL, NULL,
    "node = [ \"MITIGATION\", \"fdp/submitted/*\" ]", "a publish-subscribe node that it is about (XEP-0060); * stands for any run of characters" };
const struct cond_row cond_node_list = { "node_list", COND_STRINGS, 0, parse_node_list, match_node_list, NULL, NULL, "node_list = \"nodes\"",
    "the same of a node in rules/lists/NAME.list (one a line, whole)" };
const struct cond_row cond_operation = { "operation", COND_STRINGS, 0, parse_operation, match_operation, NULL, NULL,
    "operation = [ \"publish\", \"retract\" ]", "what it does there: publish, items, retract, subscribe, unsubscribe, create, delete, purge, configure ..." };
