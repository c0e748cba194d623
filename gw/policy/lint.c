/* SPDX-License-Identifier: GPL-3.0-or-later
 * Mistakes of thought in a set that is right in form: what can never fire, what nobody uses, what ends soon. */
#include <dirent.h>
#include <stdio.h>
#include <string.h>

#include "cond_address.h"
#include "cond_payload.h"
#include "label.h"
#include "rows.h"
#include "schema.h"

#define SOON_MS (14 * 86400000LL)
#define COMPARED_MAX 3000 /* rules of which each is held against each before it */

/* ---- rules behind a rule that always decides before them ---- */

static bool in_force(const struct pol_rule *r, int64_t now_ms) { return !policy_rests(r->enabled, r->expires_ms, now_ms); }

static const struct cond *part(const struct pol_rule *r, const struct cond_row *row)
{
    for (size_t i = 0; i < r->when.n_sub; i++)
        if (r->when.sub[i].row == row)
            return &r->when.sub[i];
    return NULL;
}

static bool in_patterns(const struct addr_patterns *all, const struct addr_pattern *one)
{
    for (size_t i = 0; i < all->n; i++) {
        const struct addr_pattern *p = &all->v[i];
        if (p->form == one->form && str_eq(p->text, one->text))
            return true;
        if (addr_match(p, one->text) && (one->form == ADDR_FULL || (one->form == ADDR_BARE && p->form != ADDR_FULL)))
            return true;
    }
    return false;
}

/* Does this condition hold whenever rule r does? */
static bool implied(const struct cond *a, const struct pol_rule *r)
{
    const struct cond *b = part(r, a->row);
    if (a->row == &cond_direction || a->row == &cond_kind) {
        const unsigned *all = a->arg, *own = b ? b->arg : NULL, every = a->row == &cond_kind ? 7 : 3;
        return ((own ? *own : every) & ~*all) == 0;
    }
    if (!b)
        return false;
    if (a->row == &cond_from || a->row == &cond_to || a->row == &cond_from_domain || a->row == &cond_to_domain) {
        const struct addr_patterns *all = a->arg, *own = b->arg;
        for (size_t i = 0; i < own->n; i++)
            if (!in_patterns(all, &own->v[i]))
                return false;
        return true;
    }
    if (a->row == &cond_type) {
        const struct types *all = a->arg, *own = b->arg;
        for (size_t i = 0; i < own->n; i++) {
            bool there = false;
            for (size_t k = 0; k < all->n && !there; k++)
                there = str_eq(all->v[k], own->v[i]);
            if (!there)
                return false;
        }
        return true;
    }
    return str_eq(a->text, b->text) && !(a->needs & COND_STATE); /* the same words say the same */
}

static bool covers(const struct pol_rule *a, const struct pol_rule *b)
{
    for (size_t i = 0; i < a->when.n_sub; i++)
        if (!implied(&a->when.sub[i], b))
            return false;
    return true;
}

static void shadowed(const struct policy *p, size_t i, int64_t now_ms, struct conf_errors *errs)
{
    const struct pol_rule *r = &p->rules[i];
    for (size_t k = 0; k < i && i < COMPARED_MAX; k++) {
        const struct pol_rule *a = &p->rules[k];
        if (!in_force(a, now_ms) || !action_decides(a->action) || a->action == ACT_ANSWER || !covers(a, r))
            continue;
        conf_error_add(errs, CONF_WARNING, r->file, r->line, "rule %u can never fire: whatever it is about, rule %u (%s:%u) has decided before", r->id,
            a->id, a->file, a->line);
        return;
    }
}

/* ---- release rules before rules that look at text: what they release, those do not see ---- */

static bool overlap_addresses(const struct addr_patterns *a, const struct addr_patterns *b)
{
    for (size_t i = 0; i < a->n; i++)
        for (size_t k = 0; k < b->n; k++)
            if (a->v[i].form == ADDR_BELOW || b->v[k].form == ADDR_BELOW || str_eq(a->v[i].text, b->v[k].text) ||
                addr_match(&a->v[i], b->v[k].text) || addr_match(&b->v[k], a->v[i].text))
                return true;
    return false;
}

static bool overlap_types(const struct types *a, const struct types *b)
{
    for (size_t i = 0; i < a->n; i++)
        for (size_t k = 0; k < b->n; k++)
            if (str_eq(a->v[i], b->v[k]))
                return true;
    return false;
}

/* May both hold for one stanza? What cannot be told from kinds, directions, types and addresses may. */
static bool may_meet(const struct pol_rule *a, const struct pol_rule *b)
{
    for (size_t i = 0; i < b->when.n_sub; i++) {
        const struct cond *y = &b->when.sub[i], *x = part(a, y->row), *inside = y->row == &cond_not ? &y->sub[0] : NULL;
        bool apart = inside && inside->n_sub; /* b leaves out exactly what a is about */
        for (size_t k = 0; inside && k < inside->n_sub; k++)
            apart = apart && implied(&inside->sub[k], a);
        if (x && (y->row == &cond_kind || y->row == &cond_direction))
            apart = !(*(const unsigned *)x->arg & *(const unsigned *)y->arg);
        else if (x && y->row == &cond_type)
            apart = !overlap_types(x->arg, y->arg);
        else if (x && (y->row == &cond_from || y->row == &cond_to || y->row == &cond_from_domain || y->row == &cond_to_domain))
            apart = !overlap_addresses(x->arg, y->arg);
        if (apart)
            return false;
    }
    return true;
}

/* A rule that releases where some text is *not* there has looked; one that releases where it is there has not. */
static bool looked(const struct cond *c)
{
    bool yes = c->row == &cond_not && c->needs & COND_CONTENT;
    for (size_t i = 0; i < c->n_sub && !yes; i++)
        yes = looked(&c->sub[i]);
    return yes;
}

static void unseen(const struct policy *p, size_t i, int64_t now_ms, struct conf_errors *errs)
{
    const struct pol_rule *r = &p->rules[i], *first = NULL;
    size_t n = 0;
    if (r->action != ACT_RELEASE || !in_force(r, now_ms) || looked(&r->when))
        return;
    for (size_t k = i + 1; k < p->n_rules && i < COMPARED_MAX; k++) {
        const struct pol_rule *b = &p->rules[k];
        if (!(b->when.needs & COND_CONTENT) || !(action_decides(b->action) || b->action == ACT_REDACT) || b->action == ACT_RELEASE)
            continue;
        if (!in_force(b, now_ms) || covers(r, b) || !may_meet(r, b)) /* covered: shadowed() says it */
            continue;
        first = first ? first : b;
        n++;
    }
    if (first)
        conf_error_add(errs, CONF_WARNING, r->file, r->line, "rule %u releases before rule %u (%s:%u)%s looks at text: what it releases is "
            "not looked at any more; put it behind, or exempt it there with not = { ... }", r->id, first->id, first->file, first->line,
            n > 1 ? " and others" : "");
}

/* ---- conditions that no stanza can meet ---- */

static bool is_named(const struct schema_element *e, const struct clark *c)
{
    return str_eq(e->ns, c->ns) && (!c->name.n || str_eq(e->name, c->name));
}

/* The kinds of stanzas in which a profile in force lets it stand as a payload, as a mask; 0: none names it. */
static unsigned named_top(const struct schema *s, const struct clark *c)
{
    unsigned kinds = 0;
    for (size_t b = 0; b < SCHEMA_BUCKETS; b++)
        for (const struct schema_element *e = s->top[b]; e; e = e->next)
            if (is_named(e, c))
                kinds |= e->kinds;
    return kinds;
}

static bool named_anywhere(const struct schema *s, const struct clark *c)
{
    for (const struct schema_element *e = s->all; e; e = e->all)
        if (is_named(e, c))
            return true;
    return false;
}

static unsigned kinds_of(const struct pol_rule *r)
{
    const struct cond *k = part(r, &cond_kind);
    return k ? *(const unsigned *)k->arg : (1u << REC_KINDS) - 1;
}

static void unmet(const struct policy *p, const struct pol_rule *r, const struct cond *c, struct conf_errors *errs)
{
    const struct elem_paths *v = c->row == &cond_payload || c->row == &cond_element ? c->arg : NULL;
    for (size_t i = 0; v && i < v->n; i++) {
        const struct clark *k = &v->v[i].v[0];
        unsigned kinds = c->row == &cond_payload ? named_top(p->schema, k) : 0;
        if (c->row == &cond_payload ? !kinds : !named_anywhere(p->schema, k))
            conf_error_add(errs, CONF_WARNING, c->file, c->line, "rule %u: no profile in force names {%.*s}%.*s, so it is never there (\"received\" looks at what came)",
                r->id, STR_ARG(k->ns), STR_ARG(k->name));
        else if (kinds && !(kinds & kinds_of(r)))
            conf_error_add(errs, CONF_WARNING, c->file, c->line, "rule %u: the profiles in force let {%.*s}%.*s stand in other kinds of stanzas only, "
                "so it is never there", r->id, STR_ARG(k->ns), STR_ARG(k->name));
    }
    for (size_t i = 0; i < c->n_sub && c->row != &cond_not; i++) /* what is never there may well be left out */
        unmet(p, r, &c->sub[i], errs);
}

static void nothing_to_strip(const struct policy *p, const struct pol_rule *r, struct conf_errors *errs)
{
    for (size_t i = 0; i < r->n_strip; i++)
        if (!named_anywhere(p->schema, &r->strip[i]))
            conf_error_add(errs, CONF_WARNING, r->file, r->line, "rule %u takes out {%.*s}%.*s, which no profile in force names: it is gone before any rule looks",
                r->id, STR_ARG(r->strip[i].ns), STR_ARG(r->strip[i].name));
}

/* ---- profiles that let a request in which no rule releases ---- */

/* Does the rule speak of this payload, or of none in particular? The gateway's own answers are about three. */
static bool speaks_of(const struct pol_rule *r, const struct schema_element *e)
{
    if (r->action == ACT_ANSWER)
        return str_eq(e->ns, STR("jabber:iq:version")) || str_eq(e->ns, STR("jabber:iq:last")) || str_eq(e->ns, STR("urn:xmpp:time"));
    const struct cond *c = part(r, &cond_payload);
    const struct elem_paths *v = c ? c->arg : NULL;
    bool does = !v;
    for (size_t i = 0; v && i < v->n && !does; i++)
        does = is_named(e, &v->v[i].v[0]);
    return does;
}

static bool releases_requests(const struct pol_rule *r, int64_t now_ms)
{
    const struct cond *type = part(r, &cond_type);
    const struct types *t = type ? type->arg : NULL;
    bool question = !t;
    for (size_t k = 0; t && k < t->n && !question; k++)
        question = str_eq(t->v[k], STR("get")) || str_eq(t->v[k], STR("set"));
    return in_force(r, now_ms) && question && (r->action == ACT_ANSWER || (r->action == ACT_RELEASE && (kinds_of(r) & (1u << REC_IQ))));
}

/* Requests only: what stands in messages and presence goes with them. An answer needs its question, and errors are not judged. A set that
 * releases no request at all means it so. */
static void never_released(const struct policy *p, const struct schema_element *e, int64_t now_ms, struct conf_errors *errs)
{
    bool some = false, this = !(e->kinds & (1u << REC_IQ)) || e->in_error || e->n_types;
    for (size_t i = 0; i < p->n_rules && !this; i++)
        if (releases_requests(&p->rules[i], now_ms)) {
            some = true;
            this = speaks_of(&p->rules[i], e);
        }
    if (some && !this)
        conf_error_add(errs, CONF_WARNING, e->file, e->line, "this profile lets {%.*s}%.*s in, and no rule releases a request with it", STR_ARG(e->ns),
            STR_ARG(e->name));
}

/* ---- lists that nobody uses ---- */

static void unused_lists(const struct policy *p, struct conf_errors *errs)
{
    char path[4096];
    snprintf(path, sizeof path, "%s/lists", p->dir);
    DIR *d = opendir(path);
    for (struct dirent *e; d && (e = readdir(d));) {
        size_t n = strlen(e->d_name);
        if (n < 6 || e->d_name[0] == '.' || strcmp(e->d_name + n - 5, ".list") != 0)
            continue;
        bool used = false;
        for (const struct pol_list *l = p->lists; l && !used; l = list_next(l))
            used = str_eq(list_name(l), (struct str){ e->d_name, n - 5 });
        snprintf(path, sizeof path, "%s/lists/%s", p->dir, e->d_name);
        if (!used)
            conf_error_add(errs, CONF_WARNING, path, 0, "no rule uses this list");
    }
    if (d)
        closedir(d);
}

void policy_lint(const struct policy *p, int64_t now_ms, struct conf_errors *errs)
{
    for (size_t i = 0; i < p->n_rules; i++) {
        const struct pol_rule *r = &p->rules[i];
        if (!r->enabled)
            continue;
        if (r->action != ACT_REWRITE) /* its place does not matter */
            shadowed(p, i, now_ms, errs);
        unseen(p, i, now_ms, errs);
        unmet(p, r, &r->when, errs);
        nothing_to_strip(p, r, errs);
        if (r->action == ACT_RELEASE && !r->n_tests)
            conf_error_add(errs, CONF_WARNING, r->file, r->line, "rule %u releases and has no test", r->id);
        if (r->expires_ms > now_ms && r->expires_ms - now_ms < SOON_MS)
            conf_error_add(errs, CONF_WARNING, r->file, r->line, "rule %u ends within 14 days", r->id);
    }
    for (size_t b = 0; b < SCHEMA_BUCKETS; b++)
        for (const struct schema_element *e = p->schema->top[b]; e; e = e->next)
            never_released(p, e, now_ms, errs);
    label_lint(p, errs);
    unused_lists(p, errs);
}
