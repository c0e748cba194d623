/* SPDX-License-Identifier: GPL-3.0-or-later
 * Condition value: what stands in an element or in one of its attributes. */
#include <string.h>

#include "cond_payload.h"
#include "rows.h"

struct value { struct elem_path path; struct str attribute; struct str *is, *like; size_t n_is, n_like; const struct pol_list *list; };

static int parse_member(struct pol_load *l, const config_setting_t *m, struct value *v)
{
    const char *k = config_setting_name(m), *z = config_setting_get_string(m);
    if (!strcmp(k, "is"))
        return load_strings(l, m, &v->is, &v->n_is);
    if (!strcmp(k, "like"))
        return load_strings(l, m, &v->like, &v->n_like);
    struct str text = z && *z ? arena_str(l->arena, str_c(z)) : STR_NONE;
    if (strcmp(k, "path") != 0 && strcmp(k, "attribute") != 0 && strcmp(k, "list") != 0)
        return load_error(l, m, "\"%s\" is not known here; allowed are path, attribute, is, like, list", k);
    if (!text.p)
        return load_error(l, m, "\"%s\" wants a string", k);
    if (!strcmp(k, "path"))
        return elem_path_parse(l, m, text, &v->path);
    if (!strcmp(k, "list"))
        return list_load(l, text, false, m, &v->list);
    v->attribute = text;
    return 0;
}

static int parse_value(struct pol_load *l, const config_setting_t *s, struct cond *c)
{
    struct value *v = arena_alloc(l->arena, sizeof *v);
    if (!v)
        return GW_ERR(NOMEM);
    *v = (struct value){ 0 };
    c->arg = v;
    if (!config_setting_is_group(s))
        return load_error(l, s, "\"value\" wants { path = \"{ns}name\"; attribute = \"name\"; is = \"...\"; }");
    int rc = 0;
    for (int i = 0; i < config_setting_length(s); i++) {
        int e = parse_member(l, config_setting_get_elem(s, (unsigned)i), v);
        rc = rc ? rc : e;
    }
    return rc || v->path.n ? rc : load_error(l, s, "\"value\" wants \"path\": which element");
}

static bool wanted(const struct value *v, struct str s)
{
    bool is = !v->n_is && !v->n_like && !v->list;
    for (size_t i = 0; i < v->n_is && !is; i++)
        is = str_eq(v->is[i], s);
    for (size_t i = 0; i < v->n_like && !is; i++)
        is = pattern_match(v->like[i], s);
    return is || (v->list && list_has(v->list, s));
}

static bool here(const struct rec *r, uint32_t node, void *arg)
{
    const struct value *v = arg;
    if (v->attribute.n) {
        struct str s = rec_attr_get(r, node, STR_NONE, v->attribute);
        return s.p && wanted(v, s);
    }
    bool text = false;
    for (uint32_t c = r->nodes[node].first_child; c != REC_NONE; c = r->nodes[c].next) {
        text |= r->nodes[c].is_text;
        if (r->nodes[c].is_text && wanted(v, r->nodes[c].text))
            return true;
    }
    return !text && wanted(v, STR(""));
}

static enum tri match_value(const struct cond *c, struct pol_eval *e)
{
    struct value *v = c->arg;
    return tri_of(elem_path_each(e->rec, &v->path, here, v));
}

const struct cond_row cond_value = { "value", COND_GROUP, 0, parse_value, match_value, NULL, NULL,
    "value = { path = \"{jabber:iq:rpc}query/{jabber:iq:rpc}methodCall/{jabber:iq:rpc}methodName\"; like = \"status.*\"; }",
    "the text of an element, or one of its attributes (attribute = \"name\"), is one of `is`, like one of `like` (* and ?), or in rules/lists/NAME.list (list)" };
