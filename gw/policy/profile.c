/* SPDX-License-Identifier: GPL-3.0-or-later
 * Reads rules/profiles/NAME.conf: the elements that may cross, with their attributes, forms, counts and nesting. */
#include <stdlib.h>
#include <string.h>

#include "jid.h"
#include "schema.h"
#include "utf8.h"

static unsigned bucket(struct str ns, struct str name)
{
    unsigned h = (unsigned)(ns.n * 31 + name.n);
    for (size_t i = ns.n > 12 ? ns.n - 12 : 0; i < ns.n; i++)
        h = h * 33 + (unsigned char)ns.p[i];
    for (size_t i = 0; i < name.n && i < 12; i++)
        h = h * 33 + (unsigned char)name.p[i];
    return h % SCHEMA_BUCKETS;
}

static const struct schema_element *named(const struct schema_element *e, enum rec_kind kind, struct str ns, struct str name)
{
    while (e && !((e->kinds & (1u << kind)) && str_eq(e->name, name) && str_eq(e->ns, ns)))
        e = e->next;
    return e;
}

const struct schema_element *schema_find(const struct schema *s, enum rec_kind kind, struct str ns, struct str name)
{
    return named(s->top[bucket(ns, name)], kind, ns, name);
}

const struct schema_element *schema_again(const struct schema_element *e, enum rec_kind kind) { return named(e->next, kind, e->ns, e->name); }

/* ---- one of two elements with the same name stands behind the other, which takes all that it could ---- */

static bool value_covers(const struct schema_value *a, const struct schema_value *b)
{
    if (a->form != FORM_WORDS)
        return a->form == b->form && a->max == b->max && a->list == b->list;
    bool all = b->form == FORM_WORDS;
    for (size_t i = 0; all && i < b->n_words; i++) {
        bool has = false;
        for (size_t k = 0; k < a->n_words && !has; k++)
            has = str_eq(a->words[k], b->words[i]);
        all = has;
    }
    return all;
}

static bool attr_covers(const struct schema_attr *a, const struct schema_element *b)
{
    for (size_t i = 0; i < b->n_attrs; i++)
        if (str_eq(a->name, b->attrs[i].name) && str_eq(a->ns, b->attrs[i].ns))
            return b->attrs[i].need >= a->need && value_covers(&a->value, &b->attrs[i].value);
    return false;
}

static bool covers(const struct schema_element *a, const struct schema_element *b)
{
    bool all = !a->form_type.n || str_eq(a->form_type, b->form_type);
    for (size_t i = 0; all && i < a->n_attrs; i++)
        all = a->attrs[i].need == NEED_NOT || attr_covers(&a->attrs[i], b);
    for (size_t i = 0; all && a->n_types && i < (b->n_types ? b->n_types : 1); i++) {
        all = false;
        for (size_t k = 0; b->n_types && k < a->n_types && !all; k++)
            all = str_eq(a->types[k], b->types[i]);
    }
    return all;
}

static int named_twice(struct pol_load *l, const struct schema_element *e, const struct schema_element *before)
{
    conf_error_add(l->errs, CONF_ERROR, e->file, e->line, "{%.*s}%.*s is named twice: what stands in %s:%u takes all of it; an attribute with ! or ?, a type or a form_type there "
        "would tell them apart", STR_ARG(e->ns), STR_ARG(e->name), before->file, before->line);
    return GW_ERR(CONF);
}

/* ---- elements ---- */

struct element_conf {
    struct conf_strings element, in, type, attributes;
    struct conf_strings use;
    char *text, *form_type;
    int64_t min, max;
    bool choice, error, filled, shared, stanza;
    const config_setting_t *children;
};
#define OFF(m) offsetof(struct element_conf, m)
static const struct conf_row element_rows[] = {
    { "element", CONF_STRINGS, OFF(element), true, 1, 64, NULL, NULL, NULL, 0, "names, \"{namespace}name\"; children may leave out the namespace" },
    { "in", CONF_STRINGS, OFF(in), false, 0, 3, NULL, NULL, NULL, 0, "message, presence, iq: where it may stand as a payload" },
    { "type", CONF_STRINGS, OFF(type), false, 0, 16, NULL, NULL, NULL, 0, "only in stanzas of these types" },
    { "attributes", CONF_STRINGS, OFF(attributes), false, 0, 64, NULL, NULL, NULL, 0,
        "name and form: \"node token\"; \"node! token\": only elements that have it so; \"node? token\": or have it not" },
    { "text", CONF_STRING, OFF(text), false, 0, 1000, "none", NULL, NULL, 0, "the form of its text" },
    { "form_type", CONF_STRING, OFF(form_type), false, 0, 1000, NULL, NULL, NULL, 0, "a form (XEP-0004): only those of this FORM_TYPE (XEP-0068)" },
    { "min", CONF_INT, OFF(min), false, 0, 65535, "0", NULL, NULL, 0, "how many there must be, or the parent is no good" },
    { "max", CONF_INT, OFF(max), false, 0, 65535, "0", NULL, NULL, 0, "how many in one parent; 0: any number" },
    { "choice", CONF_BOOL, OFF(choice), false, 0, 0, "false", NULL, NULL, 0, "of a list of names: min and max count them together" },
    { "error", CONF_BOOL, OFF(error), false, 0, 0, "false", NULL, NULL, 0, "stands in stanzas of type error, and there only" },
    { "filled", CONF_BOOL, OFF(filled), false, 0, 0, "false", NULL, NULL, 0, "of which no child is left is none" },
    { "stanza", CONF_BOOL, OFF(stanza), false, 0, 0, "false", NULL, NULL, 0, "a forwarded message: inside may stand what may stand in a message" },
    { "shared", CONF_BOOL, OFF(shared), false, 0, 0, "false", NULL, NULL, 0, "other profiles name it, too: what may stand inside adds up" },
    { "children", CONF_RAW, OFF(children), false, 0, 0, NULL, NULL, NULL, 0, "elements inside" },
    { "use", CONF_STRINGS, OFF(use), false, 0, 16, NULL, NULL, NULL, 0, "groups of elements (\"groups\") that may stand inside, too" },
    { NULL, CONF_RAW, 0, false, 0, 0, NULL, NULL, NULL, 0, NULL } };
#undef OFF

struct builder { struct pol_load *l; struct schema *schema; bool strip; unsigned depth; struct str ns; const char *file;
    const struct schema_groups *groups; };

static int read_elements(struct builder *b, const config_setting_t *list, const struct schema_element *parent, bool top,
    struct schema_element **ret, size_t *ret_n);

static int element_name(struct builder *b, const config_setting_t *s, const char *text, const struct schema_element *parent,
    struct schema_element *e)
{
    struct clark c;
    if (text[0] != '{' && (parent || b->ns.n)) {
        e->ns = parent ? parent->ns : b->ns;
        e->name = arena_str(b->l->arena, str_c(text));
        return e->name.p ? 0 : GW_ERR(NOMEM);
    }
    int rc = load_clark(b->l, s, str_c(text), &c);
    if (!rc && !c.name.n)
        rc = load_error(b->l, s, "\"%s\": an element is written \"{namespace}name\"", text);
    if (!rc) {
        e->ns = c.ns;
        e->name = c.name;
    }
    return rc;
}

static int element_parts(struct builder *b, const config_setting_t *s, const struct element_conf *c, bool top, struct schema_element *e)
{
    struct pol_load *l = b->l;
    e->min = (uint32_t)c->min;
    e->max = (uint32_t)c->max;
    e->strip = b->strip;
    e->in_error = c->error;
    e->filled = c->filled;
    e->shared = c->shared;
    e->stanza = c->stanza;
    e->groups = b->groups;
    e->form_type = str_c(c->form_type);
    e->use = c->use;
    e->file = b->file;
    e->line = config_setting_source_line(s);
    int rc = schema_value_parse(l, s, str_c(c->text), &e->text);
    if (c->stanza && (c->children || c->use.n || c->text[0] != 'n'))
        rc = load_error(l, s, "\"stanza\": what stands in it is what stands in a message; it has no children, groups or text of its own");
    if (c->choice && top)
        rc = load_error(l, s, "\"choice\" counts children; here each name is counted by itself");
    if (c->max && c->min > c->max)
        rc = load_error(l, s, "\"min\" is more than \"max\"");
    e->attrs = arena_alloc(l->arena, (c->attributes.n ? c->attributes.n : 1) * sizeof *e->attrs);
    if (!e->attrs)
        return GW_ERR(NOMEM);
    for (size_t i = 0; i < c->attributes.n; i++) {
        int r = schema_attr_parse(l, s, c->attributes.v[i], &e->attrs[e->n_attrs]);
        e->n_attrs += !r;
        rc = rc ? rc : r;
    }
    if (c->children) {
        int r = read_elements(b, c->children, e, false, &e->own, &e->n_own);
        rc = rc ? rc : r;
    }
    return rc;
}

static int element_top(struct builder *b, const config_setting_t *s, const struct element_conf *c, struct schema_element *e)
{
    static const char *const kinds[] = { "message", "presence", "iq", NULL };
    struct pol_load *l = b->l;
    int rc = 0;
    for (size_t i = 0; i < c->in.n; i++) {
        unsigned k = 0;
        while (kinds[k] && strcmp(kinds[k], c->in.v[i]) != 0)
            k++;
        if (kinds[k])
            e->kinds |= 1u << k;
        else
            rc = load_error(l, s, "\"%s\" is no kind of stanza; allowed are message, presence, iq", c->in.v[i]);
    }
    if (!c->in.n)
        rc = load_error(l, s, "\"in\" is missing: message, presence, iq");
    e->types = arena_alloc(l->arena, (c->type.n ? c->type.n : 1) * sizeof *e->types);
    if (!e->types)
        return GW_ERR(NOMEM);
    for (size_t i = 0; i < c->type.n; i++)
        e->types[e->n_types++] = str_c(c->type.v[i]);
    for (unsigned k = 0; k < REC_KINDS && !rc; k++)
        for (struct schema_element *x = e->kinds & (1u << k) ? b->schema->top[bucket(e->ns, e->name)] : NULL; x && !rc; x = x->next) {
            bool shared = x->shared && e->shared;
            if (!(x->kinds & (1u << k)) || !str_eq(x->name, e->name) || !str_eq(x->ns, e->ns) || !(covers(x, e) || (shared && covers(e, x))))
                continue;
            if (!shared || x->kinds != e->kinds)
                return named_twice(l, e, x);
            if (!covers(x, e) || !covers(e, x)) /* what was meant for one of them would stand in all */
                return load_error(l, s, "{%.*s}%.*s is shared with %s:%u, but not for the same: both must name the same types of stanzas, attributes with ! "
                    "or ?, and form_type", STR_ARG(e->ns), STR_ARG(e->name), x->file, x->line);
            x->strip = x->strip && e->strip;
            while (x->more)
                x = x->more;
            x->more = e;
            return 0;
        }
    if (!rc) {
        struct schema_element **at = &b->schema->top[bucket(e->ns, e->name)];
        while (*at)
            at = &(*at)->next;
        *at = e;
    }
    return rc;
}

static int element(struct builder *b, const config_setting_t *s, const struct element_conf *c, const char *name, const struct schema_element *parent,
    bool top, const struct schema_element *before, struct schema_element *e)
{
    memset(e, 0, sizeof *e);
    int rc = element_name(b, s, name, parent, e);
    if (!rc)
        rc = element_parts(b, s, c, top, e);
    if (!rc && top)
        rc = element_top(b, s, c, e);
    for (; !rc && !top && before < e; before++)
        if (str_eq(before->name, e->name) && str_eq(before->ns, e->ns) && covers(before, e))
            rc = named_twice(b->l, e, before);
    if (!rc) {
        e->all = b->schema->all;
        b->schema->all = e;
    }
    return rc;
}

static int read_elements(struct builder *b, const config_setting_t *list, const struct schema_element *parent, bool top,
    struct schema_element **ret, size_t *ret_n)
{
    struct pol_load *l = b->l;
    if (!config_setting_is_list(list))
        return load_error(l, list, "elements stand in a list: ( { element = ...; }, ... )");
    if (b->depth >= 16)
        return load_error(l, list, "children are nested too deep; at most 16");
    size_t n = (size_t)config_setting_length(list), all = 0, cap = 0;
    struct element_conf *c = arena_alloc(l->arena, (n ? n : 1) * sizeof *c);
    if (!c)
        return GW_ERR(NOMEM);
    memset(c, 0, (n ? n : 1) * sizeof *c);
    int rc = 0;
    for (size_t i = 0; i < n; i++) {
        int r = conf_read_group((const void *)config_setting_get_elem(list, (unsigned)i), element_rows, &c[i], l->arena, l->errs);
        if (r)
            c[i].element.n = 0;
        rc = rc ? rc : r;
        cap += c[i].element.n;
    }
    struct schema_element *v = arena_alloc(l->arena, (cap ? cap : 1) * sizeof *v);
    if (!v)
        return GW_ERR(NOMEM);
    b->depth++;
    for (size_t i = 0; i < n; i++)
        for (size_t k = 0; k < c[i].element.n; k++) {
            int r = element(b, config_setting_get_elem(list, (unsigned)i), &c[i], c[i].element.v[k], parent, top, v, &v[all]);
            v[all].choice = c[i].choice ? (uint32_t)k : 0;
            all += !r;
            rc = rc ? rc : r;
        }
    b->depth--;
    *ret = v;
    *ret_n = all;
    return rc;
}

/* ---- groups: elements that may stand in several places, also inside themselves ---- */

struct group_conf { char *name; const config_setting_t *elements; };
static const struct conf_row group_rows[] = {
    { "name", CONF_STRING, offsetof(struct group_conf, name), true, 1, 60, NULL, NULL, NULL, 0, "what \"use\" calls it" },
    { "elements", CONF_RAW, offsetof(struct group_conf, elements), true, 0, 0, NULL, NULL, NULL, 0, "the elements" },
    { NULL, CONF_RAW, 0, false, 0, 0, NULL, NULL, NULL, 0, NULL } };
struct group { struct str name; struct schema_element *v; size_t n; };
struct schema_groups { struct group *v; size_t n; };

static int read_groups(struct builder *b, const config_setting_t *list, struct schema_groups *ret)
{
    struct pol_load *l = b->l;
    if (!config_setting_is_list(list))
        return load_error(l, list, "groups stand in a list: ( { name = ...; elements = ( ... ); }, ... )");
    size_t n = (size_t)config_setting_length(list);
    int rc = 0;
    ret->v = arena_alloc(l->arena, (n ? n : 1) * sizeof *ret->v);
    if (!ret->v)
        return GW_ERR(NOMEM);
    for (size_t i = 0; i < n; i++) {
        const config_setting_t *s = config_setting_get_elem(list, (unsigned)i);
        struct group_conf c = { 0 };
        struct group *g = &ret->v[ret->n];
        int r = conf_read_group((const void *)s, group_rows, &c, l->arena, l->errs);
        if (!r)
            r = read_elements(b, c.elements, NULL, false, &g->v, &g->n);
        if (!r) {
            g->name = str_c(c.name);
            ret->n++;
        }
        rc = rc ? rc : r;
    }
    return rc;
}

static const struct group *group_of(const struct schema_element *e, const char *name)
{
    for (size_t i = 0; e->groups && i < e->groups->n; i++)
        if (str_eq(e->groups->v[i].name, str_c(name)))
            return &e->groups->v[i];
    return NULL;
}

static int add_child(struct builder *b, struct schema_element *to, const struct schema_element *child, size_t from)
{
    for (size_t i = 0; i < from; i++)
        if (str_eq(to->sub[i]->name, child->name) && str_eq(to->sub[i]->ns, child->ns) && covers(to->sub[i], child))
            return named_twice(b->l, child, to->sub[i]);
    to->sub[to->n_sub++] = child;
    return 0;
}

/* The children of one element in one array: its own, those of its groups, and those that other profiles add. */
static int join_children(struct builder *b, struct schema_element *e)
{
    size_t n = 0;
    int rc = 0;
    for (const struct schema_element *x = e; x; x = x->more) {
        n += x->n_own;
        for (size_t u = 0; u < x->use.n; u++) {
            const struct group *g = group_of(x, x->use.v[u]);
            n += g ? g->n : 0;
            if (!g && x == e) {
                conf_error_add(b->l->errs, CONF_ERROR, x->file, x->line, "there is no group \"%s\" in this profile", x->use.v[u]);
                rc = GW_ERR(CONF);
            }
        }
    }
    e->sub = arena_alloc(b->l->arena, (n ? n : 1) * sizeof *e->sub);
    if (!e->sub)
        return GW_ERR(NOMEM);
    for (const struct schema_element *x = e; x && !rc; x = x->more) {
        size_t others = x == e ? 0 : e->n_sub; /* what stands in one list was compared when it was read */
        for (size_t i = 0; i < x->n_own && !rc; i++)
            rc = add_child(b, e, &x->own[i], others);
        for (size_t u = 0; u < x->use.n && !rc; u++) {
            const struct group *g = group_of(x, x->use.v[u]);
            for (size_t i = 0, from = x == e && !u ? x->n_own : e->n_sub; i < g->n && !rc; i++)
                rc = add_child(b, e, &g->v[i], from);
        }
    }
    return rc;
}

/* ---- a profile ---- */

struct profile_conf { char *title, *namespace; int unnamed; const config_setting_t *elements, *groups; struct conf_strings features; };
static const char *const unnamed_words[] = { "strip", "refuse", NULL };
static const struct conf_row profile_rows[] = {
    { "title", CONF_STRING, offsetof(struct profile_conf, title), true, 1, 200, NULL, NULL, NULL, 0, "what it is for" },
    { "unnamed", CONF_ENUM, offsetof(struct profile_conf, unnamed), false, 0, 0, "strip", unnamed_words, NULL, 0,
        "what happens to that which is not named inside these elements" },
    { "namespace", CONF_STRING, offsetof(struct profile_conf, namespace), false, 0, 500, NULL, NULL, NULL, 0,
        "of elements that are named without one" },
    { "groups", CONF_RAW, offsetof(struct profile_conf, groups), false, 0, 0, NULL, NULL, NULL, 0, "elements that stand in several places" },
    { "features", CONF_STRINGS, offsetof(struct profile_conf, features), false, 0, 100, NULL, NULL, NULL, 0,
        "features of service discovery that may be told, beside the namespaces of its elements; \"name*\": all that begin so" },
    { "elements", CONF_RAW, offsetof(struct profile_conf, elements), true, 0, 0, NULL, NULL, NULL, 0, "the elements" },
    { NULL, CONF_RAW, 0, false, 0, 0, NULL, NULL, NULL, 0, NULL } };

static int read_profile(struct builder *b, const char *name)
{
    char path[4096];
    struct profile_conf c = { 0 };
    struct conf_file *file = NULL;
    struct schema_groups *groups = arena_alloc(b->l->arena, sizeof *groups);
    struct schema_element *v;
    size_t n;
    int r;
    if (!groups)
        return GW_ERR(NOMEM);
    *groups = (struct schema_groups){ 0 };
    snprintf(path, sizeof path, "%s/profiles/%s.conf", b->l->p->dir, name);
    int rc = conf_read(path, profile_rows, &c, b->l->arena, b->l->errs, &file);
    b->strip = c.unnamed == 0;
    b->ns = c.namespace ? str_c(c.namespace) : STR_NONE;
    b->file = arena_str(b->l->arena, str_c(path)).p;
    b->groups = groups;
    if (!b->file)
        rc = GW_ERR(NOMEM);
    if (c.groups && file && !rc)
        rc = read_groups(b, c.groups, groups);
    if (c.elements && file && b->file) {
        r = read_elements(b, c.elements, NULL, true, &v, &n);
        rc = rc ? rc : r;
    }
    conf_file_free(file);
    struct schema_features *f = c.features.n ? arena_alloc(b->l->arena, sizeof *f) : NULL;
    if (c.features.n && !f)
        return GW_ERR(NOMEM);
    if (f) {
        *f = (struct schema_features){ c.features, b->schema->features };
        b->schema->features = f;
    }
    return rc;
}

int schema_load(struct pol_load *l, const struct conf_strings *profiles, bool strip_unnamed, struct schema **ret)
{
    struct schema *s = calloc(1, sizeof *s);
    if (!s)
        return GW_ERR(NOMEM);
    s->strip = strip_unnamed;
    struct builder b = { .l = l, .schema = s };
    int rc = 0;
    char main_file[4096];
    snprintf(main_file, sizeof main_file, "%s/main.rules", l->p->dir);
    for (size_t i = 0; i < profiles->n; i++) {
        int r = GW_ERR(CONF);
        if (strspn(profiles->v[i], "abcdefghijklmnopqrstuvwxyz0123456789-_") != strlen(profiles->v[i]))
            conf_error_add(l->errs, CONF_ERROR, main_file, profiles->lines[i], "\"%s\" is no name of a profile; allowed are a-z, 0-9, - and _",
                profiles->v[i]);
        else
            r = read_profile(&b, profiles->v[i]);
        rc = rc ? rc : r;
    }
    for (struct schema_element *e = s->all; e; e = e->all) {
        int r = join_children(&b, e);
        rc = rc ? rc : r;
    }
    *ret = s;
    return rc;
}

void schema_free(struct schema *s) { free(s); }
