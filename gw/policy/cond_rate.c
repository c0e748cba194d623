/* SPDX-License-Identifier: GPL-3.0-or-later
 * Condition rate: more than so many in a time, counted for each key by itself. */
#include <string.h>

#include "rows.h"
#include "state.h"

static const char *const keys[] = { "rule", "from", "from_bare", "to", "to_bare", "from_domain", "to_domain", "pair", NULL };
enum by { BY_RULE, BY_FROM, BY_FROM_BARE, BY_TO, BY_TO_BARE, BY_FROM_DOMAIN, BY_TO_DOMAIN, BY_PAIR };
struct rate { int64_t above, per_ms; enum by by; uint64_t which; };

static int parse_member(struct pol_load *l, const config_setting_t *m, struct rate *r)
{
    const char *k = config_setting_name(m), *z = config_setting_get_string(m);
    if (!strcmp(k, "above"))
        return load_int(l, m, 1, 1000000, &r->above);
    if (!strcmp(k, "per")) {
        int rc = load_time(l, m, &r->per_ms);
        return rc || (r->per_ms >= 1000 && r->per_ms <= 86400000) ? rc : load_error(l, m, "\"per\": allowed are 1s to 1d");
    }
    if (strcmp(k, "by") != 0)
        return load_error(l, m, "\"%s\" is not known here; allowed are above, per, by", k);
    for (int i = 0; z && keys[i]; i++)
        if (!strcmp(keys[i], z)) {
            r->by = (enum by)i;
            return 0;
        }
    const char *near = z ? conf_nearest(z, keys) : NULL;
    return load_error(l, m, "\"by\": allowed are rule, from, from_bare, to, to_bare, from_domain, to_domain, pair%s%s%s", near ? "; did you mean \"" : "",
        near ? near : "", near ? "\"?" : "");
}

static int parse_rate(struct pol_load *l, const config_setting_t *s, struct cond *c)
{
    struct rate *r = arena_alloc(l->arena, sizeof *r);
    if (!r)
        return GW_ERR(NOMEM);
    *r = (struct rate){ .by = BY_FROM_BARE };
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

/* The key, in a buffer for a pair. */
static struct str key_of(const struct rate *k, const struct rec *r, char pair[2048])
{
    switch (k->by) {
    case BY_RULE:
        return STR("");
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
    case BY_PAIR:
        break;
    }
    int n = snprintf(pair, 2048, "%.*s %.*s", STR_ARG(r->from_domain), STR_ARG(r->to_domain));
    return (struct str){ pair, n < 0 ? 0 : (size_t)n < 2047 ? (size_t)n : 2047 };
}

/* A bucket of `above` tokens that fills in `per`; a stanza takes one. A stanza counts once, however often its rule is looked at. */
static enum tri match_rate(const struct cond *c, struct pol_eval *e)
{
    const struct rate *k = c->arg;
    char pair[2048];
    for (size_t i = 0; i < e->n_counted; i++)
        if (e->counted[i] == c)
            return e->counted_answer[i];
    if (e->n_counted == sizeof e->counted / sizeof *e->counted)
        return TRI_UNKNOWN;
    struct memo *m = state_rate(e, k->which, key_of(k, e->in, pair));
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
    e->counted[e->n_counted] = c;
    e->counted_answer[e->n_counted++] = t;
    return t;
}

const struct cond_row cond_rate = { "rate", COND_GROUP, COND_STATE, parse_rate, match_rate, NULL, NULL,
    "rate = { above = 60; per = \"1min\"; by = \"from_bare\"; }",
    "more than so many in a time; by: rule, from, from_bare, to, to_bare, from_domain, to_domain, pair. Counts what the conditions before it let through" };
