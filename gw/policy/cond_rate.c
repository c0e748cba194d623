/* SPDX-License-Identifier: GPL-3.0-or-later
 * Condition rate: more than so many in a time, counted for each key by itself. */
#include <string.h>

#include "cond_payload.h"
#include "rows.h"
#include "state.h"

static const char *const keys[] = { "rule", "from", "from_bare", "to", "to_bare", "from_domain", "to_domain", "pair", NULL };
enum by { BY_RULE, BY_FROM, BY_FROM_BARE, BY_TO, BY_TO_BARE, BY_FROM_DOMAIN, BY_TO_DOMAIN, BY_PAIR, BY_COUNT };
#define PARTS_MAX 4
/* One part of the key: one of the words, or (BY_COUNT) the text of an element or its attribute. */
struct part { enum by by; struct elem_path path; struct str attribute; };
struct rate { int64_t above, per_ms; struct part part[PARTS_MAX]; size_t n_parts; uint64_t which; };

/* "from_bare", or "{ns}a/{ns}b@attribute" */
static int parse_part(struct pol_load *l, const config_setting_t *m, struct str text, struct part *ret)
{
    *ret = (struct part){ .by = BY_COUNT };
    for (int i = 0; keys[i]; i++)
        if (!strcmp(keys[i], text.p)) {
            ret->by = (enum by)i;
            return 0;
        }
    if (text.p[0] == '{') {
        const char *name = strrchr(text.p, '}'), *at = name ? strchr(name, '@') : NULL;
        if (at)
            ret->attribute = str_c(at + 1);
        return elem_path_parse(l, m, (struct str){ text.p, at ? (size_t)(at - text.p) : text.n }, &ret->path);
    }
    const char *near = conf_nearest(text.p, keys);
    return load_error(l, m, "\"by\": allowed are rule, from, from_bare, to, to_bare, from_domain, to_domain, pair, and an element \"{ns}name\" or its "
        "attribute \"{ns}name@node\"%s%s%s", near ? "; did you mean \"" : "", near ? near : "", near ? "\"?" : "");
}

static int parse_member(struct pol_load *l, const config_setting_t *m, struct rate *r)
{
    const char *k = config_setting_name(m);
    if (!strcmp(k, "above"))
        return load_int(l, m, 1, 1000000, &r->above);
    if (!strcmp(k, "per")) {
        int rc = load_time(l, m, &r->per_ms);
        return rc || (r->per_ms >= 1000 && r->per_ms <= 86400000) ? rc : load_error(l, m, "\"per\": allowed are 1s to 1d");
    }
    if (strcmp(k, "by") != 0)
        return load_error(l, m, "\"%s\" is not known here; allowed are above, per, by", k);
    struct str *v;
    size_t n;
    int rc = load_strings(l, m, &v, &n);
    if (!rc && n > PARTS_MAX)
        rc = load_error(l, m, "\"by\": at most %d parts", PARTS_MAX);
    for (size_t i = 0; i < n && !rc; i++)
        rc = parse_part(l, m, v[i], &r->part[i]);
    r->n_parts = rc ? 0 : n;
    return rc;
}

static int parse_rate(struct pol_load *l, const config_setting_t *s, struct cond *c)
{
    struct rate *r = arena_alloc(l->arena, sizeof *r);
    if (!r)
        return GW_ERR(NOMEM);
    *r = (struct rate){ .part = { { .by = BY_FROM_BARE } }, .n_parts = 1 };
    c->arg = r;
    /* the same rate in the same place counts on after a reload */
    const char *file = setting_file(s);
    r->which = siphash(&(struct siphash_key){ 1, 2 }, file ? file : "", file ? strlen(file) : 0) ^ config_setting_source_line(s);
    if (!config_setting_is_group(s))
        return load_error(l, s, "\"rate\" wants { above = 10; per = \"1min\"; by = \"from_bare\"; }");
    int rc = 0;
    for (int i = 0; i < config_setting_length(s); i++) {
        int e = parse_member(l, config_setting_get_elem(s, (unsigned)i), r);
        rc = rc ? rc : e;
    }
    return rc || (r->above && r->per_ms) ? rc : load_error(l, s, "\"rate\" wants both \"above\" and \"per\"");
}

static struct str bare_of(struct str jid)
{
    const char *slash = memchr(jid.p, '/', jid.n);
    return slash ? (struct str){ jid.p, (size_t)(slash - jid.p) } : jid;
}

static struct str word_of(enum by by, const struct rec *r)
{
    switch (by) {
    case BY_RULE:
    case BY_PAIR: /* in two pieces */
    case BY_COUNT:
        break;
    case BY_FROM:
        return r->from;
    case BY_FROM_BARE:
        return bare_of(r->from);
    case BY_TO:
        return r->to;
    case BY_TO_BARE:
        return bare_of(r->to);
    case BY_FROM_DOMAIN:
        return r->from_domain;
    case BY_TO_DOMAIN:
        return r->to_domain;
    }
    return STR("");
}

/* The key is a hash of hashes, so that no two lists of parts run together. */
struct key { uint64_t hash; const struct part *part; const struct siphash_key *k; };

static void key_add(struct key *k, struct str s)
{
    uint64_t both[2] = { k->hash, siphash(k->k, s.p, s.n) };
    k->hash = siphash(k->k, both, sizeof both);
}

static bool key_element(const struct rec *r, uint32_t node, void *arg)
{
    struct key *k = arg;
    if (k->part->attribute.n) {
        key_add(k, rec_attr_get(r, node, STR_NONE, k->part->attribute));
        return true;
    }
    for (uint32_t c = r->nodes[node].first_child; c != REC_NONE; c = r->nodes[c].next)
        if (r->nodes[c].is_text)
            key_add(k, r->nodes[c].text);
    return true;
}

static uint64_t key_of(const struct rate *rate, const struct rec *r, const struct siphash_key *with)
{
    struct key k = { rate->n_parts, NULL, with };
    for (size_t i = 0; i < rate->n_parts; i++) {
        k.part = &rate->part[i];
        if (k.part->by == BY_COUNT) {
            (void)elem_path_each(r, &k.part->path, key_element, &k);
            key_add(&k, STR("")); /* nothing there is a key too */
        } else if (k.part->by == BY_PAIR) {
            key_add(&k, r->from_domain);
            key_add(&k, r->to_domain);
        } else {
            key_add(&k, word_of(k.part->by, r));
        }
    }
    return k.hash;
}

/* A bucket of `above` tokens that fills in `per`; a stanza takes one, and one for each further recipient. What it only carries takes none:
 * the addresses in it are claims, and would count against others. It counts once, however often its rule is looked at. */
static enum tri match_rate(const struct cond *c, struct pol_eval *e)
{
    const struct rate *k = c->arg;
    struct str to = e->party && e->party->recipient ? e->party->to : STR_NONE;
    struct rec who = *e->in;
    for (size_t i = 0; i < e->n_counted; i++)
        if (e->counted[i].cond == c && e->counted[i].to.n == to.n && str_eq(e->counted[i].to, to))
            return e->counted[i].answer;
    if (!POL_PUSH(e, e->counted, e->n_counted, e->cap_counted))
        return TRI_UNKNOWN;
    if (to.p)
        who.to = to;
    uint64_t key = key_of(k, &who, state_siphash(e->state));
    struct memo *m = state_rate(e, k->which, (struct str){ (const char *)&key, sizeof key }, k->per_ms);
    if (!m)
        return TRI_UNKNOWN;
    int64_t now = e->facts.now_ms, passed = now > m->at ? now - m->at : 0;
    double full = (double)k->above;
    m->tokens = m->begun ? m->tokens + full * (double)passed / (double)k->per_ms : full;
    m->tokens = m->tokens > full ? full : m->tokens;
    m->begun = true;
    m->at = now;
    enum tri t = tri_of(m->tokens < 1);
    if (t == TRI_NO)
        m->tokens -= 1;
    e->counted[e->n_counted++] = (struct pol_counted){ c, to, t };
    return t;
}

const struct cond_row cond_rate = { "rate", COND_GROUP, COND_STATE, parse_rate, match_rate, NULL, NULL,
    "rate = { above = 60; per = \"1min\"; by = \"from_bare\"; }",
    "more than so many in a time, counted apart for each key; by, one or several: rule, from, from_bare, to, to_bare, from_domain, to_domain, pair, "
    "and what stands in the stanza: \"{ns}name\" or \"{ns}a/{ns}b@attribute\". Counts what the conditions before it let through" };
