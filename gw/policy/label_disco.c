/* SPDX-License-Identifier: GPL-3.0-or-later
 * Labels in service discovery: nobody is told of them where they are not in force. Where they are enforced, a domain is told to have them,
 * and a catalogue: it is the gateway that reads the one and answers for the other, whatever server stands behind it. */
#include <string.h>

#include "answer.h"
#include "label.h"
#include "schema.h"

#define NS_INFO "http://jabber.org/protocol/disco#info"

static bool answers_catalogue(const struct policy *p)
{
    for (size_t i = 0; i < p->n_rules; i++)
        if (p->rules[i].enabled && answers_labels(p->rules[i].answers))
            return true;
    return false;
}

bool label_disco_hides(const struct policy *p, struct str var)
{
    const struct str family = STR(NS_LABEL_FAMILY), catalogue = STR(NS_LABEL_FAMILY "catalog:");
    if (var.n < family.n || memcmp(var.p, family.p, family.n) != 0)
        return false;
    return !p->labels || (var.n >= catalogue.n && !memcmp(var.p, catalogue.p, catalogue.n) && !answers_catalogue(p));
}

/* Does a profile let elements of this namespace through? */
static bool crosses(const struct schema *s, struct str ns)
{
    const struct schema_element *x = s->all;
    while (x && !str_eq(x->ns, ns))
        x = x->all;
    return x != NULL;
}

static bool has(const struct rec *r, uint32_t query, struct str var)
{
    uint32_t c = rec_child(r, query, STR(NS_INFO), STR("feature"), REC_NONE);
    while (c != REC_NONE && !str_eq(rec_attr_get(r, c, STR_NONE, STR("var")), var))
        c = rec_child(r, query, STR(NS_INFO), STR("feature"), c);
    return c != REC_NONE;
}

static int add(struct rec *to, struct str var)
{
    int rc = rec_open(to, STR(NS_INFO), STR("feature"));
    if (!rc)
        rc = rec_attr_add(to, STR_NONE, STR("var"), var);
    return rc ? rc : rec_close(to);
}

/* The element without what is in it, left open. */
static int open_like(struct rec *to, const struct rec *r, uint32_t node)
{
    const struct rec_node *n = &r->nodes[node];
    int rc = rec_open(to, n->ns, n->name);
    for (uint32_t a = n->first_attr; a < n->first_attr + n->n_attrs && !rc; a++)
        rc = rec_attr_add(to, r->attrs[a].ns, r->attrs[a].name, r->attrs[a].value);
    return rc;
}

static int copy_inside(struct rec *to, const struct rec *r, uint32_t node, uint32_t but)
{
    int rc = 0;
    for (uint32_t c = r->nodes[node].first_child; c != REC_NONE && !rc; c = r->nodes[c].next)
        rc = c == but ? 0 : rec_copy(to, r, c);
    return rc;
}

static int rebuild(struct rec *to, const struct rec *r, uint32_t query, const struct str *vars, size_t n)
{
    int rc = rec_head(to, r->kind, r->type, r->id, r->lang);
    if (!rc)
        rc = rec_address(to, r->from, r->to, r->from_raw, r->to_raw);
    if (!rc)
        rc = rec_pair(to, r->from_domain, r->to_domain);
    if (!rc)
        rc = open_like(to, r, 0);
    if (!rc)
        rc = open_like(to, r, query);
    if (!rc)
        rc = copy_inside(to, r, query, REC_NONE);
    for (size_t i = 0; i < n && !rc; i++)
        rc = add(to, vars[i]);
    if (!rc)
        rc = rec_close(to);
    if (!rc)
        rc = copy_inside(to, r, 0, query);
    if (!rc)
        rc = rec_close(to);
    return rc ? rc : rec_seal(to);
}

bool label_disco_add(struct pol_eval *e, uint32_t query)
{
    const struct str all[] = { STR(NS_LABEL), STR(NS_LABEL_CATALOG) };
    const struct rec *r = e->rec;
    const struct rec_limits limits = REC_HARD_LIMITS;
    struct str vars[2];
    size_t n = 0;
    if (query == REC_NONE || !e->p->labels || !str_eq(r->from, r->from_domain) || rec_attr_get(r, query, STR_NONE, STR("node")).n ||
        !label_pair_of(e->p->labels, r->from_domain, r->to_domain))
        return true;
    for (size_t i = 0; i < 2; i++)
        if (crosses(e->p->schema, all[i]) && !label_disco_hides(e->p, all[i]) && !has(r, query, all[i]))
            vars[n++] = all[i];
    if (!n)
        return true;
    struct rec *to = rec_new(&limits);
    if (!to || rebuild(to, r, query, vars, n)) {
        rec_free(to);
        return false;
    }
    pol_become(e, to);
    pol_note(e, TRI_YES, false, "disco: labels are enforced here, so their features are told");
    return pol_changed(e, "disco: %zu features of labels", n);
}
