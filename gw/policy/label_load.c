/* SPDX-License-Identifier: GPL-3.0-or-later
 * Reads rules/labels/NAME.conf: label policies with their classifications, categories and what the same is called in another policy.
 * Policies of all files are there before equivalents, clearances and defaults name them. */
#include <stdlib.h>
#include <string.h>

#include "label_conf.h"

struct file_conf { struct conf_list policies, clearances, defaults, pairs; };
struct policy_conf { struct conf_where where; char *name, *oid, *uri, *separator; struct conf_list classifications, categories, equivalents; };
struct level_conf { struct conf_where where; char *name, *marking, *fgcolor, *bgcolor; int64_t value; bool unstated; };
struct tag_conf { struct conf_where where; char *tag, *oid, *prefix; int type, encoding; struct conf_list values; };
struct value_conf { struct conf_where where; char *name, *marking; int64_t value; };
struct equiv_conf { struct conf_where where; char *policy; struct conf_list classifications, categories; };
struct step_conf { struct conf_where where; char *from, *to; };

#define WHERE(t) { .key = "@where", .type = CONF_RAW, .offset = offsetof(struct t, where) }
#define ROW(t, k, m, ty, req, lo, hi, d, h) { k, ty, offsetof(struct t, m), req, lo, hi, d, NULL, NULL, 0, h }
#define SUB(t, k, m, req, lo, hi, rows, of, h) { k, CONF_LIST, offsetof(struct t, m), req, lo, hi, NULL, NULL, rows, sizeof(struct of), h }
#define END { NULL, CONF_RAW, 0, false, 0, 0, NULL, NULL, NULL, 0, NULL }
static const char *const type_words[] = { "restrictive", "permissive", "informative", NULL };
static const char *const encoding_words[] = { "bits", "enumerated", NULL };
static const struct conf_row level_rows[] = { WHERE(level_conf),
    ROW(level_conf, "name", name, CONF_STRING, true, 1, 64, NULL, "what it is called in labels"),
    ROW(level_conf, "value", value, CONF_INT, false, -1, 256, "-1", "its number in ESS labels; -1: it has none"),
    ROW(level_conf, "marking", marking, CONF_STRING, false, 0, 64, NULL, "what people read; absent: the name"),
    ROW(level_conf, "fgcolor", fgcolor, CONF_STRING, false, 0, 32, NULL, "colour of the marking"),
    ROW(level_conf, "bgcolor", bgcolor, CONF_STRING, false, 0, 32, NULL, "colour behind it"),
    ROW(level_conf, "unstated", unstated, CONF_BOOL, false, 0, 0, "false", "an ESS label that names no classification has this one"), END };
static const struct conf_row value_rows[] = { WHERE(value_conf),
    ROW(value_conf, "name", name, CONF_STRING, true, 1, 64, NULL, "what it is called in labels"),
    ROW(value_conf, "value", value, CONF_INT, false, -1, 65535, "-1", "its number in ESS labels; -1: it has none"),
    ROW(value_conf, "marking", marking, CONF_STRING, false, 0, 64, NULL, "what people read; absent: the name"), END };
static const struct conf_row tag_rows[] = { WHERE(tag_conf),
    ROW(tag_conf, "tag", tag, CONF_STRING, true, 1, 64, NULL, "the kind of category"),
    { "type", CONF_ENUM, offsetof(struct tag_conf, type), true, 0, 0, NULL, type_words, NULL, 0, "who needs which" },
    ROW(tag_conf, "oid", oid, CONF_STRING, false, 0, 200, NULL, "its name in ESS labels"),
    { "encoding", CONF_ENUM, offsetof(struct tag_conf, encoding), false, 0, 0, "bits", encoding_words, NULL, 0, "how ESS labels write it" },
    ROW(tag_conf, "prefix", prefix, CONF_STRING, false, 0, 64, NULL, "stands before its values in the marking"),
    SUB(tag_conf, "values", values, true, 1, LABEL_VALUES_MAX, value_rows, value_conf, "the categories"), END };
static const struct conf_row step_rows[] = { WHERE(step_conf),
    ROW(step_conf, "from", from, CONF_STRING, true, 1, 130, NULL, "here"),
    ROW(step_conf, "to", to, CONF_STRING, true, 1, 130, NULL, "there"), END };
static const struct conf_row equiv_rows[] = { WHERE(equiv_conf),
    ROW(equiv_conf, "policy", policy, CONF_STRING, true, 1, 64, NULL, "the other policy"),
    SUB(equiv_conf, "classifications", classifications, true, 1, LABEL_LEVELS_MAX, step_rows, step_conf, "which is which"),
    SUB(equiv_conf, "categories", categories, false, 0, LABEL_VALUES_MAX, step_rows, step_conf, "the same, as \"Tag/VALUE\""), END };
static const struct conf_row policy_rows[] = { WHERE(policy_conf),
    ROW(policy_conf, "name", name, CONF_STRING, true, 1, 64, NULL, "its name, as labels give it"),
    ROW(policy_conf, "oid", oid, CONF_STRING, false, 0, 200, NULL, "its identifier in ESS labels"),
    ROW(policy_conf, "uri", uri, CONF_STRING, false, 0, 200, NULL, "its identifier in STANAG 4774 labels"),
    ROW(policy_conf, "separator", separator, CONF_STRING, false, 1, 8, "/", "stands between the parts of a marking"),
    SUB(policy_conf, "classifications", classifications, true, 1, LABEL_LEVELS_MAX, level_rows, level_conf, "from low to high"),
    SUB(policy_conf, "categories", categories, false, 0, LABEL_TAGS_MAX, tag_rows, tag_conf, "kinds of category"),
    SUB(policy_conf, "equivalents", equivalents, false, 0, LABEL_POLICIES_MAX, equiv_rows, equiv_conf, "what the same is called elsewhere"), END };
static const struct conf_row file_rows[] = {
    SUB(file_conf, "policies", policies, false, 0, LABEL_POLICIES_MAX, policy_rows, policy_conf, "label policies"),
    { "clearances", CONF_LIST, offsetof(struct file_conf, clearances), false, 0, 10000, NULL, NULL, label_holder_rows, sizeof(struct label_holder_conf),
        "who may see what; the first entry of a policy that names somebody holds" },
    { "defaults", CONF_LIST, offsetof(struct file_conf, defaults), false, 0, 10000, NULL, NULL, label_default_rows, sizeof(struct label_default_conf),
        "the label of what carries none" },
    { "pairs", CONF_LIST, offsetof(struct file_conf, pairs), false, 0, 1000, NULL, NULL, label_pair_rows, sizeof(struct label_pair_conf),
        "the pairs of domains between which labels are enforced" }, END };

static int mistake(struct pol_load *l, const struct conf_where *w, const char *fmt, const char *a, const char *b)
{
    char text[600];
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wformat-nonliteral" /* the formats stand in this file */
    snprintf(text, sizeof text, fmt, a, b);
#pragma GCC diagnostic pop
    conf_error_add(l->errs, CONF_ERROR, w->file, w->line, "%s", text);
    return GW_ERR(CONF);
}

/* ---- finding by name, with a suggestion ---- */

static int unknown(struct pol_load *l, const char *file, unsigned line, const char *what, const char *name, const char *in, const char *const *names)
{
    const char *near = conf_nearest(name, names);
    conf_error_add(l->errs, CONF_ERROR, file, line, "there is no %s \"%s\"%s%s%s%s%s", what, name, *in ? " in " : "", in,
        near ? "; did you mean \"" : "", near ? near : "", near ? "\"?" : "");
    return GW_ERR(CONF);
}

struct label_policy *label_policy_find(const struct labels *all, struct str name)
{
    struct label_policy *p = all->policies;
    while (p && !str_eq(p->name, name))
        p = p->next;
    return p;
}

int label_read_policy(struct pol_load *l, const struct labels *all, const char *name, const char *file, unsigned line, const struct label_policy **ret)
{
    const char *names[LABEL_POLICIES_MAX + 1] = { NULL };
    size_t n = 0;
    for (const struct label_policy *p = all->policies; p; p = p->next)
        names[n++] = p->name.p;
    *ret = label_policy_find(all, str_c(name));
    return *ret ? 0 : unknown(l, file, line, "label policy", name, "", names);
}

int label_read_level(struct pol_load *l, const struct label_policy *p, const char *name, const char *file, unsigned line, unsigned *ret)
{
    const char *names[LABEL_LEVELS_MAX + 1] = { NULL };
    for (unsigned i = 0; i < p->n_levels; i++) {
        names[i] = p->level[i].name.p;
        if (!strcmp(names[i], name)) {
            *ret = i;
            return 0;
        }
    }
    return unknown(l, file, line, "classification", name, p->name.p, names);
}

static int read_value(struct pol_load *l, const struct label_policy *p, const char *text, const char *file, unsigned line, bool star,
    struct label_bits *ret, unsigned *ret_one)
{
    const char *names[LABEL_VALUES_MAX + 1] = { NULL };
    unsigned n = 0;
    const char *slash = strchr(text, '/');
    struct str tag = slash ? (struct str){ text, (size_t)(slash - text) } : STR_NONE;
    bool found = false;
    for (unsigned i = 0; slash && i < p->n_values; i++) {
        if (!str_eq(p->tag[p->value[i].tag].name, tag))
            continue;
        names[n++] = p->value[i].name.p;
        if (strcmp(slash + 1, p->value[i].name.p) != 0 && !(star && !strcmp(slash + 1, "*")))
            continue;
        label_bit_set(ret, i);
        *ret_one = i;
        found = true;
    }
    if (found)
        return 0;
    if (slash && n)
        return unknown(l, file, line, "category", slash + 1, text, names);
    for (unsigned i = 0; i < p->n_tags; i++)
        names[i] = p->tag[i].name.p;
    names[p->n_tags] = NULL;
    if (slash) {
        const char *kind = arena_str(l->arena, tag).p;
        return kind ? unknown(l, file, line, "kind of category", kind, p->name.p, names) : GW_ERR(NOMEM);
    }
    conf_error_add(l->errs, CONF_ERROR, file, line, "\"%s\" is no category; it is written \"Tag/VALUE\"%s%s%s", text, names[0] ? ", as in \"" : "",
        names[0] ? names[0] : "", names[0] ? "/...\"" : "");
    return GW_ERR(CONF);
}

int label_read_values(struct pol_load *l, const struct label_policy *p, const struct conf_strings *v, const char *file, unsigned line, bool star,
    struct label_bits *ret)
{
    unsigned one;
    int rc = 0;
    for (size_t i = 0; i < v->n; i++) {
        int r = read_value(l, p, v->v[i], file, v->lines ? v->lines[i] : line, star, ret, &one);
        rc = rc ? rc : r;
    }
    return rc;
}

/* ---- one policy ---- */

static int read_oid(struct pol_load *l, const struct conf_where *w, const char *text, struct str *ret)
{
    unsigned char der[64];
    size_t n;
    if (!text || !*text)
        return 0;
    if (label_oid(text, der, sizeof der, &n))
        return mistake(l, w, "\"%s\" is no object identifier; it is written \"1.3.6.1.4.1.32473.1\"%s", text, "");
    *ret = arena_str(l->arena, (struct str){ (const char *)der, n });
    return ret->p ? 0 : GW_ERR(NOMEM);
}

static int read_levels(struct pol_load *l, const struct policy_conf *c, struct label_policy *p)
{
    int rc = 0;
    for (size_t i = 0; i < c->classifications.n; i++) {
        const struct level_conf *v = (const struct level_conf *)c->classifications.v + i;
        struct label_level *to = &p->level[p->n_levels];
        if (!*v->name) /* it was said that it is missing */
            continue;
        for (unsigned k = 0; k < p->n_levels; k++) {
            if (!strcmp(p->level[k].name.p, v->name))
                rc = mistake(l, &v->where, "classification \"%s\" stands twice in \"%s\"", v->name, c->name);
            else if (v->value >= 0 && p->level[k].number == v->value)
                rc = mistake(l, &v->where, "classifications \"%s\" and \"%s\" have the same number", v->name, p->level[k].name.p);
            else if (v->unstated && p->level[k].unstated)
                rc = mistake(l, &v->where, "\"%s\" and \"%s\" are both \"unstated\"; one at most", v->name, p->level[k].name.p);
        }
        *to = (struct label_level){ .name = str_c(v->name), .marking = str_c(v->marking && *v->marking ? v->marking : v->name),
            .fgcolor = str_c(v->fgcolor), .bgcolor = str_c(v->bgcolor), .number = v->value, .unstated = v->unstated };
        p->n_levels++;
    }
    return rc;
}

static int read_tag(struct pol_load *l, const struct tag_conf *t, struct label_policy *p)
{
    struct label_tag *to = &p->tag[p->n_tags];
    int rc = strchr(t->tag, '/') ? mistake(l, &t->where, "\"%s\": a tag's name has no \"/\"%s", t->tag, "") : 0;
    for (unsigned k = 0; k < p->n_tags; k++)
        if (!strcmp(p->tag[k].name.p, t->tag))
            rc = mistake(l, &t->where, "categories \"%s\" stand twice in \"%s\"", t->tag, p->name.p);
    *to = (struct label_tag){ .name = str_c(t->tag), .prefix = str_c(t->prefix), .type = (enum label_type)t->type, .enumerated = t->encoding == 1 };
    int r = read_oid(l, &t->where, t->oid, &to->oid);
    rc = rc ? rc : r;
    for (unsigned k = 0; k < p->n_tags && to->oid.n; k++)
        if (str_eq(p->tag[k].oid, to->oid))
            rc = mistake(l, &t->where, "categories \"%s\" and \"%s\" have the same oid", t->tag, p->tag[k].name.p);
    unsigned first = p->n_values;
    for (size_t i = 0; i < t->values.n; i++) {
        const struct value_conf *v = (const struct value_conf *)t->values.v + i;
        if (!*v->name)
            continue;
        if (p->n_values == LABEL_VALUES_MAX)
            return mistake(l, &t->where, "\"%s\": a policy has 256 categories at most%s", t->tag, "");
        if (!to->enumerated && v->value > 1023)
            rc = mistake(l, &v->where, "\"%s\": bits are numbered up to 1023; %s", v->name, "encoding = \"enumerated\" goes further");
        for (unsigned k = first; k < p->n_values; k++)
            if (!strcmp(p->value[k].name.p, v->name))
                rc = mistake(l, &v->where, "category \"%s\" stands twice in \"%s\"", v->name, t->tag);
            else if (v->value >= 0 && p->value[k].number == v->value)
                rc = mistake(l, &v->where, "categories \"%s\" and \"%s\" have the same number", v->name, p->value[k].name.p);
        label_bit_set(&to->values, p->n_values);
        p->value[p->n_values++] = (struct label_value){ .name = str_c(v->name), .number = v->value, .tag = p->n_tags,
            .marking = str_c(v->marking && *v->marking ? v->marking : v->name) };
    }
    p->n_tags++;
    return rc;
}

static int read_policy(struct pol_load *l, struct labels *all, const struct policy_conf *c)
{
    struct label_policy *p = arena_alloc(l->arena, sizeof *p), **at = &all->policies;
    size_t n = 0;
    if (!p)
        return GW_ERR(NOMEM);
    p->name = str_c(c->name);
    p->uri = str_c(c->uri);
    p->separator = str_c(c->separator);
    p->file = c->where.file;
    p->line = c->where.line;
    p->conf = c;
    int rc = read_oid(l, &c->where, c->oid, &p->oid);
    for (; *at; at = &(*at)->next, n++)
        if (str_eq((*at)->name, p->name) || (p->oid.n && str_eq((*at)->oid, p->oid)) || (p->uri.n && str_eq((*at)->uri, p->uri)))
            rc = mistake(l, &c->where, "label policies \"%s\" and \"%s\" have the same name, oid or uri", c->name, (*at)->name.p);
    if (n == LABEL_POLICIES_MAX)
        return mistake(l, &c->where, "\"%s\": there are 16 label policies at most%s", c->name, "");
    *at = p;
    int r = read_levels(l, c, p);
    rc = rc ? rc : r;
    for (size_t i = 0; i < c->categories.n; i++) {
        const struct tag_conf *t = (const struct tag_conf *)c->categories.v + i;
        r = *t->tag ? read_tag(l, t, p) : 0;
        rc = rc ? rc : r;
    }
    return rc;
}

/* ---- what the same is called in another policy ---- */

static int map_levels(struct pol_load *l, const struct equiv_conf *q, const struct label_policy *p, struct label_map *m)
{
    int rc = 0;
    for (size_t i = 0; i < q->classifications.n; i++) {
        const struct step_conf *s = (const struct step_conf *)q->classifications.v + i;
        unsigned from, to;
        if (s->where.bad)
            continue;
        int a = label_read_level(l, p, s->from, s->where.file, s->where.line, &from);
        int b = label_read_level(l, m->to, s->to, s->where.file, s->where.line, &to);
        rc = rc ? rc : a ? a : b;
        if (a || b)
            continue;
        if (m->level[from] != LABEL_NO_MAP)
            rc = mistake(l, &s->where, "\"%s\" has two equivalents in \"%s\"", s->from, q->policy);
        m->level[from] = (uint16_t)to;
    }
    for (unsigned i = 1, low = LABEL_NO_MAP; i <= p->n_levels; i++) { /* what is higher here is not lower there */
        if (m->level[i - 1] == LABEL_NO_MAP)
            continue;
        if (low != LABEL_NO_MAP && m->level[i - 1] < low)
            rc = mistake(l, &q->where, "\"%s\" is above what stands before it, its equivalent in \"%s\" is below", p->level[i - 1].name.p, q->policy);
        low = m->level[i - 1];
    }
    return rc;
}

static int map_values(struct pol_load *l, const struct equiv_conf *q, const struct label_policy *p, struct label_map *m)
{
    uint16_t tag_to[LABEL_TAGS_MAX];
    int rc = 0;
    memset(tag_to, 0xff, sizeof tag_to);
    for (size_t i = 0; i < q->categories.n; i++) {
        const struct step_conf *s = (const struct step_conf *)q->categories.v + i;
        struct label_bits unused = { { 0 } };
        unsigned from, to;
        if (s->where.bad)
            continue;
        int a = read_value(l, p, s->from, s->where.file, s->where.line, false, &unused, &from);
        int b = read_value(l, m->to, s->to, s->where.file, s->where.line, false, &unused, &to);
        rc = rc ? rc : a ? a : b;
        if (a || b)
            continue;
        unsigned t = p->value[from].tag, u = m->to->value[to].tag;
        if (m->value[from] != LABEL_NO_MAP)
            rc = mistake(l, &s->where, "\"%s\" has two equivalents in \"%s\"", s->from, q->policy);
        else if (p->tag[t].type != m->to->tag[u].type)
            rc = mistake(l, &s->where, "\"%s\" and \"%s\" are not of the same type: one needs all, the other one of them", s->from, s->to);
        for (unsigned k = 0; p->tag[t].type == LABEL_PERMISSIVE && k < p->n_tags; k++)
            if ((k == t && tag_to[k] != 0xffff && tag_to[k] != u) || (k != t && tag_to[k] == u && p->tag[k].type == LABEL_PERMISSIVE))
                rc = mistake(l, &s->where, "\"%s\" to \"%s\": one permissive tag here is one there, or \"one of them\" would mean something else",
                    s->from, s->to);
        tag_to[t] = (uint16_t)u;
        m->value[from] = (uint16_t)to;
    }
    return rc;
}

static int read_maps(struct pol_load *l, const struct labels *all, struct label_policy *p)
{
    const struct policy_conf *c = p->conf;
    int rc = 0;
    p->conf = NULL;
    p->maps = arena_alloc(l->arena, (c->equivalents.n ? c->equivalents.n : 1) * sizeof *p->maps);
    if (!p->maps)
        return GW_ERR(NOMEM);
    for (size_t i = 0; i < c->equivalents.n; i++) {
        const struct equiv_conf *q = (const struct equiv_conf *)c->equivalents.v + i;
        struct label_map *m = &p->maps[p->n_maps];
        if (!*q->policy)
            continue;
        memset(m->level, 0xff, sizeof m->level);
        memset(m->value, 0xff, sizeof m->value);
        int r = label_read_policy(l, all, q->policy, q->where.file, q->where.line, &m->to);
        rc = rc ? rc : r;
        if (r)
            continue;
        for (size_t k = 0; k < p->n_maps; k++)
            if (p->maps[k].to == m->to)
                rc = mistake(l, &q->where, "equivalents in \"%s\" stand twice in \"%s\"", q->policy, p->name.p);
        if (m->to == p)
            rc = mistake(l, &q->where, "\"%s\" needs no equivalents in itself%s", q->policy, "");
        r = map_levels(l, q, p, m);
        rc = rc ? rc : r;
        r = map_values(l, q, p, m);
        rc = rc ? rc : r;
        p->n_maps++;
    }
    return rc;
}

/* ---- all files ---- */

/* Policies first, since everything else names them. What is wrong in form was told, and is left out. */
static int read_all(struct pol_load *l, struct labels *all, const struct file_conf *c, size_t n)
{
    int rc = 0, r;
    for (size_t i = 0; i < n; i++)
        for (size_t k = 0; k < c[i].policies.n && rc != GW_ERR(NOMEM); k++) {
            const struct policy_conf *p = (const struct policy_conf *)c[i].policies.v + k;
            r = *p->name ? read_policy(l, all, p) : 0;
            rc = rc ? rc : r;
        }
    for (struct label_policy *p = all->policies; p && rc != GW_ERR(NOMEM); p = p->next) {
        r = read_maps(l, all, p);
        rc = rc ? rc : r;
    }
    for (size_t i = 0; i < n && rc != GW_ERR(NOMEM); i++) {
        r = label_who_load(l, all, &c[i].clearances, &c[i].defaults, &c[i].pairs);
        rc = rc ? rc : r;
    }
    return rc;
}

int labels_load(struct pol_load *l, const struct conf_strings *names, struct labels **ret)
{
    struct labels *all = arena_alloc(l->arena, sizeof *all);
    struct file_conf *c = arena_alloc(l->arena, (names->n ? names->n : 1) * sizeof *c);
    struct conf_file **files = calloc(names->n ? names->n : 1, sizeof *files);
    char path[4096];
    bool unread = false; /* a file is not there, or is no libconfig: what it would have named is no mistake of the others */
    int rc = all && c && files ? 0 : GW_ERR(NOMEM);
    for (size_t i = 0; i < names->n && files && c; i++) {
        int r = GW_ERR(CONF);
        snprintf(path, sizeof path, "%s/main.rules", l->p->dir);
        if (strspn(names->v[i], "abcdefghijklmnopqrstuvwxyz0123456789-_") != strlen(names->v[i])) {
            conf_error_add(l->errs, CONF_ERROR, path, names->lines[i], "\"%s\" is no name of a label file; allowed are a-z, 0-9, - and _", names->v[i]);
        } else {
            snprintf(path, sizeof path, "%s/labels/%s.conf", l->p->dir, names->v[i]);
            r = conf_read(path, file_rows, &c[i], l->arena, l->errs, &files[i]);
        }
        unread |= r && !c[i].policies.n && !c[i].clearances.n && !c[i].defaults.n && !c[i].pairs.n;
        rc = rc ? rc : r;
    }
    if (!unread && rc != GW_ERR(NOMEM)) {
        int r = read_all(l, all, c, names->n);
        rc = rc ? rc : r;
    }
    for (size_t i = 0; i < names->n && files; i++)
        conf_file_free(files[i]);
    free(files);
    *ret = names->n ? all : NULL;
    return rc;
}
