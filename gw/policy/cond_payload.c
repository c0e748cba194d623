/* SPDX-License-Identifier: GPL-3.0-or-later
 * Conditions payload, received, element, count, uninspectable: which elements a stanza carries. */
#include <string.h>

#include "cond_payload.h"
#include "rows.h"

static bool path_at(const struct rec *r, uint32_t node, const struct elem_path *p, size_t step)
{
    if (r->nodes[node].is_text || !clark_is(&p->v[step], &r->nodes[node]))
        return false;
    if (step + 1 == p->n)
        return true;
    for (uint32_t c = r->nodes[node].first_child; c != REC_NONE; c = r->nodes[c].next)
        if (path_at(r, c, p, step + 1))
            return true;
    return false;
}

/* "{ns}a/{ns}b": steps are parted by a slash outside braces. */
int elem_path_parse(struct pol_load *l, const config_setting_t *s, struct str text, struct elem_path *ret)
{
    size_t steps = 1, start = 0;
    bool in = false;
    for (size_t i = 0; i < text.n; i++) {
        in = text.p[i] == '{' ? true : text.p[i] == '}' ? false : in;
        steps += i && !in && text.p[i] == '/' && text.p[0] == '{';
    }
    *ret = (struct elem_path){ arena_alloc(l->arena, steps * sizeof *ret->v), 0 };
    if (!ret->v)
        return GW_ERR(NOMEM);
    for (size_t i = 0; i <= text.n; i++) {
        if (i < text.n)
            in = text.p[i] == '{' ? true : text.p[i] == '}' ? false : in;
        if (i < text.n && (in || text.p[i] != '/' || text.p[0] != '{'))
            continue;
        int rc = load_clark(l, s, (struct str){ text.p + start, i - start }, &ret->v[ret->n++]);
        if (rc)
            return rc;
        start = i + 1;
    }
    return 0;
}

static int parse_paths(struct pol_load *l, const config_setting_t *s, struct cond *c)
{
    struct str *v;
    size_t n;
    int rc = load_strings(l, s, &v, &n);
    struct elem_paths *p = arena_alloc(l->arena, sizeof *p);
    if (!p)
        return GW_ERR(NOMEM);
    *p = (struct elem_paths){ 0 };
    c->arg = p;
    if (rc)
        return rc;
    p->v = arena_alloc(l->arena, n * sizeof *p->v);
    if (!p->v)
        return GW_ERR(NOMEM);
    for (size_t i = 0; i < n; i++) {
        int r = elem_path_parse(l, s, v[i], &p->v[p->n++]);
        rc = rc ? rc : r;
    }
    return rc;
}

static bool each_at(const struct rec *r, uint32_t node, const struct elem_path *p, size_t step, bool (*here)(const struct rec *, uint32_t, void *),
    void *arg)
{
    if (r->nodes[node].is_text || !clark_is(&p->v[step], &r->nodes[node]))
        return false;
    if (step + 1 == p->n)
        return here(r, node, arg);
    for (uint32_t c = r->nodes[node].first_child; c != REC_NONE; c = r->nodes[c].next)
        if (each_at(r, c, p, step + 1, here, arg))
            return true;
    return false;
}

bool elem_path_each(const struct rec *r, const struct elem_path *p, bool (*here)(const struct rec *, uint32_t, void *), void *arg)
{
    for (uint32_t c = r->nodes[0].first_child; c != REC_NONE; c = r->nodes[c].next)
        if (each_at(r, c, p, 0, here, arg))
            return true;
    return false;
}

static enum tri top_level(const struct rec *r, const struct elem_paths *p)
{
    for (uint32_t c = r->nodes[0].first_child; c != REC_NONE; c = r->nodes[c].next)
        for (size_t i = 0; i < p->n; i++)
            if (path_at(r, c, &p->v[i], 0))
                return TRI_YES;
    return TRI_NO;
}

static enum tri match_payload(const struct cond *c, struct pol_eval *e) { return top_level(e->rec, c->arg); }
static enum tri match_received(const struct cond *c, struct pol_eval *e) { return top_level(e->in, c->arg); }

static enum tri match_element(const struct cond *c, struct pol_eval *e)
{
    const struct elem_paths *p = c->arg;
    for (uint32_t i = 1; i < e->rec->n_nodes; i++)
        for (size_t k = 0; k < p->n; k++)
            if (path_at(e->rec, i, &p->v[k], 0))
                return TRI_YES;
    return TRI_NO;
}

static int parse_flag(struct pol_load *l, const config_setting_t *s, struct cond *c)
{
    bool *b = arena_alloc(l->arena, sizeof *b);
    if (!b)
        return GW_ERR(NOMEM);
    c->arg = b;
    return load_bool(l, s, b);
}

static enum tri match_uninspectable(const struct cond *c, struct pol_eval *e)
{
    const bool *want = c->arg;
    return tri_of(e->uninspectable == *want);
}

struct count { struct clark what; int64_t above; };

static int parse_count(struct pol_load *l, const config_setting_t *s, struct cond *c)
{
    struct count *k = arena_alloc(l->arena, sizeof *k);
    if (!k)
        return GW_ERR(NOMEM);
    *k = (struct count){ 0 };
    c->arg = k;
    const config_setting_t *what = config_setting_is_group(s) ? config_setting_get_member(s, "element") : NULL;
    const config_setting_t *above = config_setting_is_group(s) ? config_setting_get_member(s, "above") : NULL;
    if (!what || !above || config_setting_length(s) != 2)
        return load_error(l, s, "\"count\" wants { element = \"{ns}name\"; above = N; }");
    int rc = config_setting_type(what) == CONFIG_TYPE_STRING ? load_clark(l, what, str_c(config_setting_get_string(what)), &k->what)
                                                              : load_error(l, what, "\"element\" wants a string");
    int r = load_int(l, above, 0, 65536, &k->above);
    return rc ? rc : r;
}

static enum tri match_count(const struct cond *c, struct pol_eval *e)
{
    const struct count *k = c->arg;
    int64_t n = 0;
    for (uint32_t i = 1; i < e->rec->n_nodes; i++)
        n += !e->rec->nodes[i].is_text && clark_is(&k->what, &e->rec->nodes[i]);
    return tri_of(n > k->above);
}

const struct cond_row cond_payload = { "payload", COND_STRINGS, 0, parse_paths, match_payload, NULL, NULL,
    "payload = \"{http://jabber.org/protocol/disco#info}query\"",
    "a child of the stanza, as it stands after the allow-list: \"ns\", \"{ns}name\" or a path \"{ns}a/{ns}b\"" };
const struct cond_row cond_received = { "received", COND_STRINGS, 0, parse_paths, match_received, NULL, NULL,
    "received = \"urn:xmpp:bob\"", "the same, but as the stanza came, before the allow-list took anything away" };
const struct cond_row cond_element = { "element", COND_STRINGS, 0, parse_paths, match_element, NULL, NULL,
    "element = \"{jabber:x:data}x\"", "an element at any depth" };
const struct cond_row cond_uninspectable = { "uninspectable", COND_BOOL, 0, parse_flag, match_uninspectable, NULL, NULL,
    "uninspectable = true", "it came with content that nobody can look into: OMEMO, OpenPGP, OTR, encrypted elements" };
const struct cond_row cond_count = { "count", COND_GROUP, 0, parse_count, match_count, NULL, NULL,
    "count = { element = \"{jabber:x:data}field\"; above = 20; }", "more than so many elements of that name" };
