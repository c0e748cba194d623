/* SPDX-License-Identifier: GPL-3.0-or-later
 * Action rewrite: where names stand in a stanza, and what becomes of them. */
#include "rewrite.h"

#include <string.h>

#include "alias.h"
#include "cond_address.h"
#include "jid.h"
#include "rows.h"
#include "state.h"

#define HOST_MAX 253
#define LABEL 60

struct pol_rewrite {
    unsigned direction; /* outwards: one bit */
    const struct addr_patterns *from, *to; /* domains; NULL: any */
    struct addr_patterns resources, hosts;
};
struct rewrite_conf { const config_setting_t *resources, *hosts; };
#define OFF(m) offsetof(struct rewrite_conf, m)
static const struct conf_row rows[] = {
    { "resources", CONF_RAW, OFF(resources), false, 0, 0, NULL, NULL, NULL, 0, "domains whose users' resources get aliases" },
    { "hosts", CONF_RAW, OFF(hosts), false, 0, 0, NULL, NULL, NULL, 0, "host names of the inside, \"name\" or \"*.name\"" },
    { NULL, CONF_RAW, 0, false, 0, 0, NULL, NULL, NULL, 0, NULL } };
#undef OFF

/* ---- loading ---- */

static int load_domains(struct pol_load *l, const config_setting_t *s, struct addr_patterns *ret)
{
    struct str *v;
    size_t n;
    int rc = s ? load_strings(l, s, &v, &n) : 0;
    if (rc || !s)
        return rc;
    ret->v = arena_alloc(l->arena, n * sizeof *ret->v);
    if (!ret->v)
        return GW_ERR(NOMEM);
    for (size_t i = 0; i < n; i++) {
        int r = addr_parse(l->arena, v[i], &ret->v[ret->n]);
        if (r || (ret->v[ret->n].form != ADDR_DOMAIN && ret->v[ret->n].form != ADDR_BELOW))
            rc = r == GW_ERR(NOMEM) ? r : load_error(l, s, "\"%.*s\" is no domain; it is written \"high.example\" or \"*.high.example\"", STR_ARG(v[i]));
        else
            ret->n++;
    }
    return rc;
}

/* A way there that depends on more than the pair has no way back. */
static int load_pair(struct pol_load *l, const config_setting_t *s, const struct pol_rule *r, struct pol_rewrite *w)
{
    for (size_t i = 0; i < r->when.n_sub; i++) {
        const struct cond *c = &r->when.sub[i];
        if (c->row == &cond_direction)
            w->direction = *(const unsigned *)c->arg;
        else if (c->row == &cond_from_domain)
            w->from = c->arg;
        else if (c->row == &cond_to_domain)
            w->to = c->arg;
        else
            return load_error(l, s, "rule %u: \"rewrite\" holds for a pair of domains, there and back: besides direction only from_domain and to_domain "
                "may stand here, not %s", r->id, c->row->keyword);
    }
    if (w->direction != DIR_HIGH_TO_LOW && w->direction != DIR_LOW_TO_HIGH)
        return load_error(l, s, "rule %u: \"rewrite\" needs the direction that leads out: high-to-low or low-to-high", r->id);
    return 0;
}

int rewrite_load(struct pol_load *l, const config_setting_t *s, struct pol_rule *r)
{
    struct rewrite_conf c = { 0 };
    struct pol_rewrite *w = arena_alloc(l->arena, sizeof *w);
    if (!w)
        return GW_ERR(NOMEM);
    *w = (struct pol_rewrite){ 0 };
    r->rewrite = w;
    if (!config_setting_is_group(s))
        return load_error(l, s, "\"rewrite\" wants a group: { resources = [ \"high.example\" ]; }");
    int rc = conf_read_group((const void *)s, rows, &c, l->arena, l->errs), e = load_domains(l, c.resources, &w->resources);
    rc = rc ? rc : e;
    e = load_domains(l, c.hosts, &w->hosts);
    rc = rc ? rc : e;
    e = load_pair(l, s, r, w);
    rc = rc ? rc : e;
    if (!rc && !w->resources.n && !w->hosts.n)
        rc = load_error(l, s, "\"rewrite\" is empty; allowed are resources, hosts");
    return rc;
}

/* ---- one address ---- */

struct way { const struct pol_rewrite *w; bool out; struct str inside; unsigned char key[ALIAS_KEY]; };

static bool has(const struct addr_patterns *p, struct str domain)
{
    for (size_t i = 0; i < p->n; i++)
        if (addr_match(&p->v[i], domain))
            return true;
    return false;
}

/* name under the inside domain, from an alias cut into labels. 1, 0: nothing to do, negative. */
static int host_out(const struct way *y, struct str domain, char to[HOST_MAX + 1], size_t *ret_n)
{
    char alias[ALIAS_MAX];
    size_t n, at = 0;
    if (str_eq(domain, y->inside) || !has(&y->w->hosts, domain))
        return 0;
    int rc = alias_make(y->key, y->inside, domain, alias, &n);
    if (rc || n + n / LABEL + 1 + y->inside.n > HOST_MAX)
        return rc ? rc : GW_ERR(LIMIT);
    for (size_t i = 0; i < n; i++) {
        if (i && i % LABEL == 0)
            to[at++] = '.';
        to[at++] = alias[i];
    }
    to[at++] = '.';
    memcpy(to + at, y->inside.p, y->inside.n);
    *ret_n = at + y->inside.n;
    return 1;
}

static int host_in(const struct way *y, struct str domain, char to[ALIAS_MAX], size_t *ret_n)
{
    char alias[HOST_MAX];
    size_t n = 0, left = domain.n > y->inside.n ? domain.n - y->inside.n : 0;
    if (!y->w->hosts.n || left < 2 || domain.n > HOST_MAX || domain.p[left - 1] != '.' || memcmp(domain.p + left, y->inside.p, y->inside.n) != 0)
        return 0;
    for (size_t i = 0; i < left - 1; i++)
        if (domain.p[i] != '.')
            alias[n++] = domain.p[i];
    return alias_open(y->key, y->inside, (struct str){ alias, n }, to, ret_n) ? 0 : 1;
}

struct text { char v[JID_MAX + ALIAS_MAX + HOST_MAX + 8]; size_t n; };

static void put(struct text *t, struct str s)
{
    size_t n = s.n < sizeof t->v - t->n ? s.n : sizeof t->v - t->n;
    memcpy(t->v + t->n, s.p, n);
    t->n += n;
}

/* An address, also behind "xmpp:". 1 and what it becomes; 0: it stays; negative. */
static int rename_jid(const struct way *y, struct str value, struct text *ret)
{
    struct str prefix = value.n > 5 && !memcmp(value.p, "xmpp:", 5) ? (struct str){ value.p, 5 } : (struct str){ value.p, 0 };
    struct str raw = { value.p + prefix.n, value.n - prefix.n }, resource;
    char host[ALIAS_MAX + 1] GW_UNSET, alias[ALIAS_MAX] GW_UNSET;
    struct jid j;
    size_t host_n = 0, n = 0;
    if (raw.n < 3 || raw.n > JID_MAX || memchr(raw.p, '\n', raw.n) || (!y->w->hosts.n && !memchr(raw.p, '/', raw.n)) || jid_prepare(raw, &j))
        return 0;
    int mapped = y->out ? host_out(y, j.domain, host, &host_n) : host_in(y, j.domain, host, &host_n);
    if (mapped < 0)
        return mapped;
    struct str outer = mapped ? (struct str){ host, host_n } : j.domain, real = y->out ? j.domain : outer;
    struct text bound = { .n = 0 };
    put(&bound, j.local);
    put(&bound, STR("@"));
    put(&bound, real);
    bool renamed = j.local.n && j.resource.n && (mapped || has(&y->w->resources, real));
    int rc = !renamed ? 0 : y->out ? alias_make(y->key, (struct str){ bound.v, bound.n }, j.resource, alias, &n) :
        alias_open(y->key, (struct str){ bound.v, bound.n }, j.resource, alias, &n);
    if (rc && y->out)
        return rc;
    renamed = renamed && !rc;
    if (!renamed && !mapped)
        return 0;
    resource = renamed ? (struct str){ alias, n } : j.resource;
    ret->n = 0;
    put(ret, prefix);
    if (j.local.n) {
        put(ret, j.local);
        put(ret, STR("@"));
    }
    put(ret, outer);
    if (resource.n) {
        put(ret, STR("/"));
        put(ret, resource);
    }
    return 1;
}

/* ---- one stanza ---- */

/* Does this rule say something about the stanza: out, or back? 1, 0, negative. */
static int find_way(const struct pol_eval *e, const struct pol_rule *r, bool out, struct way *ret)
{
    const struct pol_rewrite *w = r->rewrite;
    static const unsigned char none[ALIAS_KEY];
    unsigned direction = (e->facts.from_side == GW_HIGH) == out ? DIR_HIGH_TO_LOW : DIR_LOW_TO_HIGH;
    struct str inside = out ? e->in->from_domain : e->in->to_domain, peer = out ? e->in->to_domain : e->in->from_domain;
    if (policy_rests(r->enabled, r->expires_ms, e->facts.now_ms) || w->direction != direction ||
        (w->from && !has(w->from, inside)) || (w->to && !has(w->to, peer)))
        return 0;
    ret->w = w;
    ret->out = out;
    ret->inside = inside;
    int rc = alias_key(e->state ? state_secret(e->state) : none, peer, inside, ret->key);
    return rc ? rc : 1;
}

static bool edit(struct pol_eval *e, const struct way *y, struct str value, struct rec_edit how, size_t *count)
{
    struct text t;
    int rc = rename_jid(y, value, &t);
    if (rc <= 0)
        return rc == 0;
    how.with = arena_str(&e->arena, (struct str){ t.v, t.n });
    (*count)++;
    return how.with.p && pol_edit(e, how);
}

static bool edit_tree(struct pol_eval *e, const struct way *y, size_t *count)
{
    const struct rec *r = e->rec;
    for (uint32_t i = 0; i < r->n_nodes; i++) {
        const struct rec_node *n = &r->nodes[i];
        if (n->is_text && !edit(e, y, n->text, (struct rec_edit){ .op = REC_REPLACE, .node = i, .attr = REC_NONE, .len = n->text.n }, count))
            return false;
        for (uint32_t a = n->first_attr; !n->is_text && a < n->first_attr + n->n_attrs; a++)
            if (!edit(e, y, r->attrs[a].value, (struct rec_edit){ .op = REC_SET_ATTR, .node = i, .attr = REC_NONE, .ns = r->attrs[a].ns, .name = r->attrs[a].name }, count))
                return false;
    }
    return true;
}

static bool apply(struct pol_eval *e, const struct pol_rule *r, const struct way *y)
{
    size_t count = 0;
    if (!edit(e, y, e->rec->from, (struct rec_edit){ .op = REC_SET_FROM, .attr = REC_NONE }, &count) ||
        !edit(e, y, e->rec->to, (struct rec_edit){ .op = REC_SET_TO, .attr = REC_NONE }, &count) || !edit_tree(e, y, &count))
        return false;
    if (!count)
        return true;
    r->hits->n++;
    r->hits->last_ms = e->facts.now_ms;
    pol_note(e, TRI_YES, false, "rule %u (%s): %zu name%s %s", r->id, r->name, count, count == 1 ? "" : "s", y->out ? "became aliases" : "put back for aliases");
    return pol_apply(e) && pol_changed(e, "rewrite %u: %zu", r->id, count);
}

static bool all(struct pol_eval *e, bool out)
{
    struct way y;
    for (size_t i = 0; i < e->p->n_rewrites; i++) {
        const struct pol_rule *r = &e->p->rules[e->p->rewrites[i]];
        int found = find_way(e, r, out, &y);
        if (found < 0 || (found && !apply(e, r, &y)))
            return false;
    }
    return true;
}

bool rewrite_in(struct pol_eval *e) { return all(e, false); }
bool rewrite_out(struct pol_eval *e) { return all(e, true); }

struct str rewrite_sender(struct pol_eval *e, struct str jid)
{
    struct way y;
    for (size_t i = 0; i < e->p->n_rewrites; i++) {
        struct text t;
        int rc = find_way(e, &e->p->rules[e->p->rewrites[i]], true, &y);
        rc = rc > 0 ? rename_jid(&y, jid, &t) : rc;
        if (rc < 0)
            return STR_NONE;
        if (rc)
            jid = arena_str(&e->arena, (struct str){ t.v, t.n });
    }
    return jid;
}

int rewrite_index(struct policy *p)
{
    p->rewrites = arena_alloc(&p->arena, (p->n_rules ? p->n_rules : 1) * sizeof *p->rewrites);
    if (!p->rewrites)
        return GW_ERR(NOMEM);
    for (size_t i = 0; i < p->n_rules; i++)
        if (p->rules[i].action == ACT_REWRITE)
            p->rewrites[p->n_rewrites++] = (uint32_t)i;
    return 0;
}
