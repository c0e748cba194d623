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

const struct schema_element *schema_find(const struct schema *s, enum rec_kind kind, struct str ns, struct str name)
{
    for (const struct schema_element *e = s->top[bucket(ns, name)]; e; e = e->next)
        if ((e->kinds & (1u << kind)) && str_eq(e->name, name) && str_eq(e->ns, ns))
            return e;
    return NULL;
}

/* ---- forms of values ---- */

static bool all_of(struct str s, const char *more, bool letters)
{
    for (size_t i = 0; i < s.n; i++) {
        unsigned char c = (unsigned char)s.p[i];
        bool digit = c >= '0' && c <= '9', letter = (c | 32) >= 'a' && (c | 32) <= 'z';
        if (!digit && !(letters && letter) && !(c && strchr(more, c)))
            return false;
    }
    return s.n > 0;
}

static bool visible(struct str s)
{
    for (size_t i = 0; i < s.n; i++)
        if (s.p[i] <= ' ' || s.p[i] >= 127)
            return false;
    return s.n > 0;
}

/* XEP-0082 profiles and the old form of XEP-0091: digits in the right places. */
static bool is_date(struct str s)
{
    return s.n >= 10 && s.n <= 40 && all_of(s, "-+:.TZ", false) && s.p[0] != '-';
}

static bool is_number(struct str s)
{
    if (s.n > 1 && (s.p[0] == '-' || s.p[0] == '+'))
        s = (struct str){ s.p + 1, s.n - 1 };
    return s.n <= 20 && all_of(s, "", false);
}

bool schema_value_ok(const struct schema_value *v, struct str s)
{
    struct jid j;
    if (v->max && s.n > v->max)
        return false;
    switch (v->form) {
    case FORM_NONE:
        return s.n == 0;
    case FORM_ANY:
        return true;
    case FORM_NUMBER:
        return is_number(s);
    case FORM_BOOL:
        return str_eq(s, STR("true")) || str_eq(s, STR("false")) || str_eq(s, STR("0")) || str_eq(s, STR("1"));
    case FORM_LANG:
        return s.n <= 35 && all_of(s, "-", true);
    case FORM_DATE:
        return is_date(s);
    case FORM_JID:
        return jid_prepare(s, &j) == 0;
    case FORM_TOKEN:
        return s.n <= 1023 && all_of(s, "._:/#@+=~-", true);
    case FORM_ID:
        return s.n <= 1023 && visible(s);
    case FORM_BASE64:
        return all_of(s, "+/=\n\r\t ", true);
    case FORM_HEX:
        for (size_t i = 0; i < s.n; i++)
            if (!strchr("0123456789abcdefABCDEF", s.p[i]))
                return false;
        return s.n > 0;
    case FORM_URI:
        return visible(s) && memchr(s.p, ':', s.n);
    case FORM_WORDS:
        for (size_t i = 0; i < v->n_words; i++)
            if (str_eq(v->words[i], s))
                return true;
        return false;
    case FORM_COUNT:
        break;
    }
    return false;
}

/* "token", "any:1023", "get|set", "=empty-or-words": a form, and the longest value in bytes behind a colon. */
static int parse_value(struct pol_load *l, const config_setting_t *s, struct str text, struct schema_value *ret)
{
    static const char *const words[] = {
#define X(name, word, help) word,
        SCHEMA_FORMS(X)
#undef X
        NULL
    };
    *ret = (struct schema_value){ 0 };
    struct str copy = arena_str(l->arena, text);
    if (!copy.p)
        return GW_ERR(NOMEM);
    char *colon = memchr(copy.p, ':', copy.n) ? strchr(copy.p, ':') : NULL;
    if (colon) {
        char *end;
        long n = strtol(colon + 1, &end, 10);
        if (*end || n < 1 || n > 1 << 24)
            return load_error(l, s, "\"%s\": behind the colon stands the longest value in bytes", copy.p);
        ret->max = (size_t)n;
        copy = arena_str(l->arena, (struct str){ copy.p, (size_t)(colon - copy.p) });
        if (!copy.p)
            return GW_ERR(NOMEM);
    }
    for (int f = 0; f < FORM_WORDS && !memchr(copy.p, '|', copy.n); f++)
        if (!strcmp(words[f], copy.p)) {
            ret->form = (enum schema_form)f;
            return 0;
        }
    if (!memchr(copy.p, '|', copy.n) && copy.p[0] != '=') {
        const char *near = conf_nearest(copy.p, words);
        return load_error(l, s, "\"%s\" is no form of value%s%s%s; allowed are any, none, number, boolean, lang, date, jid, token, id, base64, "
            "hex, uri, words as a|b|c, one word as =a", copy.p, near ? "; did you mean \"" : "", near ? near : "", near ? "\"?" : "");
    }
    if (copy.p[0] == '=')
        copy = (struct str){ copy.p + 1, copy.n - 1 };
    ret->form = FORM_WORDS;
    ret->n_words = 1;
    for (size_t i = 0; i < copy.n; i++)
        ret->n_words += copy.p[i] == '|';
    ret->words = arena_alloc(l->arena, ret->n_words * sizeof *ret->words);
    if (!ret->words)
        return GW_ERR(NOMEM);
    size_t k = 0, start = 0;
    for (size_t i = 0; i <= copy.n; i++)
        if (i == copy.n || copy.p[i] == '|') {
            ret->words[k++] = (struct str){ copy.p + start, i - start };
            start = i + 1;
        }
    return 0;
}

/* "xml:lang lang", "stamp date": a name and a form. */
static int parse_attr(struct pol_load *l, const config_setting_t *s, const char *text, struct schema_attr *ret)
{
    const char *space = strchr(text, ' ');
    if (!space || space == text)
        return load_error(l, s, "\"%s\": an attribute is written as name and form, as in \"node token\"", text);
    struct str name = arena_str(l->arena, (struct str){ text, (size_t)(space - text) });
    if (!name.p)
        return GW_ERR(NOMEM);
    *ret = (struct schema_attr){ STR_NONE, name, { 0 } };
    if (name.n > 4 && !memcmp(name.p, "xml:", 4)) {
        ret->ns = STR("http://www.w3.org/XML/1998/namespace");
        ret->name = (struct str){ name.p + 4, name.n - 4 };
    }
    return parse_value(l, s, str_c(space + 1), &ret->value);
}

/* ---- elements ---- */

struct element_conf {
    struct conf_strings element, in, type, attributes;
    char *text;
    int64_t max;
    bool error;
    const config_setting_t *children;
};
#define OFF(m) offsetof(struct element_conf, m)
static const struct conf_row element_rows[] = {
    { "element", CONF_STRINGS, OFF(element), true, 1, 64, NULL, NULL, NULL, 0, "names, \"{namespace}name\"; children may leave out the namespace" },
    { "in", CONF_STRINGS, OFF(in), false, 0, 3, NULL, NULL, NULL, 0, "message, presence, iq: where it may stand as a payload" },
    { "type", CONF_STRINGS, OFF(type), false, 0, 16, NULL, NULL, NULL, 0, "only in stanzas of these types" },
    { "attributes", CONF_STRINGS, OFF(attributes), false, 0, 64, NULL, NULL, NULL, 0, "name and form: \"node token\"" },
    { "text", CONF_STRING, OFF(text), false, 0, 1000, "none", NULL, NULL, 0, "the form of its text" },
    { "max", CONF_INT, OFF(max), false, 0, 65535, "0", NULL, NULL, 0, "how many in one parent; 0: any number" },
    { "error", CONF_BOOL, OFF(error), false, 0, 0, "false", NULL, NULL, 0, "stands in stanzas of type error, and there only" },
    { "children", CONF_RAW, OFF(children), false, 0, 0, NULL, NULL, NULL, 0, "elements inside" },
    { NULL, CONF_RAW, 0, false, 0, 0, NULL, NULL, NULL, 0, NULL } };
#undef OFF

struct builder { struct pol_load *l; struct schema *schema; bool strip; unsigned depth; };

static int read_elements(struct builder *b, const config_setting_t *list, const struct schema_element *parent, struct schema_element **ret,
    size_t *ret_n);

static int element_name(struct builder *b, const config_setting_t *s, const char *text, const struct schema_element *parent,
    struct schema_element *e)
{
    struct clark c;
    if (text[0] != '{' && parent) {
        e->ns = parent->ns;
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

static int element_parts(struct builder *b, const config_setting_t *s, const struct element_conf *c, struct schema_element *e)
{
    struct pol_load *l = b->l;
    e->max = (uint32_t)c->max;
    e->strip = b->strip;
    e->in_error = c->error;
    int rc = parse_value(l, s, str_c(c->text), &e->text);
    e->attrs = arena_alloc(l->arena, (c->attributes.n ? c->attributes.n : 1) * sizeof *e->attrs);
    if (!e->attrs)
        return GW_ERR(NOMEM);
    for (size_t i = 0; i < c->attributes.n; i++) {
        int r = parse_attr(l, s, c->attributes.v[i], &e->attrs[e->n_attrs]);
        e->n_attrs += !r;
        rc = rc ? rc : r;
    }
    if (c->children) {
        int r = read_elements(b, c->children, e, &e->sub, &e->n_sub);
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
        if ((e->kinds & (1u << k)) && schema_find(b->schema, (enum rec_kind)k, e->ns, e->name))
            rc = load_error(l, s, "{%.*s}%.*s in %s is named twice, here or in another profile", STR_ARG(e->ns), STR_ARG(e->name), kinds[k]);
    if (!rc) {
        struct schema_element **at = &b->schema->top[bucket(e->ns, e->name)];
        e->next = *at;
        *at = e;
    }
    return rc;
}

static int read_elements(struct builder *b, const config_setting_t *list, const struct schema_element *parent, struct schema_element **ret,
    size_t *ret_n)
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
            const config_setting_t *s = config_setting_get_elem(list, (unsigned)i);
            struct schema_element *e = &v[all];
            memset(e, 0, sizeof *e);
            int r = element_name(b, s, c[i].element.v[k], parent, e);
            if (!r)
                r = element_parts(b, s, &c[i], e);
            if (!r && !parent)
                r = element_top(b, s, &c[i], e);
            all += !r;
            rc = rc ? rc : r;
        }
    b->depth--;
    *ret = v;
    *ret_n = all;
    return rc;
}

struct profile_conf { char *title; int unnamed; const config_setting_t *elements; };
static const char *const unnamed_words[] = { "strip", "refuse", NULL };
static const struct conf_row profile_rows[] = {
    { "title", CONF_STRING, offsetof(struct profile_conf, title), true, 1, 200, NULL, NULL, NULL, 0, "what it is for" },
    { "unnamed", CONF_ENUM, offsetof(struct profile_conf, unnamed), false, 0, 0, "strip", unnamed_words, NULL, 0,
        "what happens to that which is not named inside these elements" },
    { "elements", CONF_RAW, offsetof(struct profile_conf, elements), true, 0, 0, NULL, NULL, NULL, 0, "the elements" },
    { NULL, CONF_RAW, 0, false, 0, 0, NULL, NULL, NULL, 0, NULL } };

static int read_profile(struct builder *b, const char *name)
{
    char path[4096];
    struct profile_conf c = { 0 };
    struct conf_file *file = NULL;
    struct schema_element *v;
    size_t n;
    snprintf(path, sizeof path, "%s/profiles/%s.conf", b->l->p->dir, name);
    int rc = conf_read(path, profile_rows, &c, b->l->arena, b->l->errs, &file);
    if (c.elements && file) {
        b->strip = c.unnamed == 0;
        int r = read_elements(b, c.elements, NULL, &v, &n);
        rc = rc ? rc : r;
    }
    conf_file_free(file);
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
    *ret = s;
    return rc;
}

void schema_free(struct schema *s) { free(s); }
