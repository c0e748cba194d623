/* SPDX-License-Identifier: GPL-3.0-or-later
 * Conditions direction, kind and type: what sort of stanza it is, and which way it goes. */
#include <string.h>

#include "cond_address.h"
#include "rows.h"

/* One operand or several out of a fixed list of words, as a bit mask. */
static int parse_mask(struct pol_load *l, const config_setting_t *s, struct cond *c, const char *const *words, const unsigned *bits)
{
    struct str *v;
    size_t n;
    unsigned mask = 0;
    int rc = load_strings(l, s, &v, &n);
    for (size_t i = 0; i < n && !rc; i++) {
        size_t w = 0;
        while (words[w] && strcmp(words[w], v[i].p) != 0)
            w++;
        if (!words[w]) {
            const char *near = conf_nearest(v[i].p, words);
            rc = load_error(l, s, "\"%s\" is no %s%s%s%s; allowed are \"%s\", \"%s\", \"%s\"", v[i].p, c->row->keyword,
                near ? " (did you mean \"" : "", near ? near : "", near ? "\"?)" : "", words[0], words[1], words[2]);
        } else {
            mask |= bits[w];
        }
    }
    unsigned *arg = arena_alloc(l->arena, sizeof *arg);
    if (!arg)
        return GW_ERR(NOMEM);
    *arg = mask;
    c->arg = arg;
    return rc;
}

static int parse_direction(struct pol_load *l, const config_setting_t *s, struct cond *c)
{
    static const char *const words[] = { "high-to-low", "low-to-high", "both", NULL };
    static const unsigned bits[] = { DIR_HIGH_TO_LOW, DIR_LOW_TO_HIGH, DIR_HIGH_TO_LOW | DIR_LOW_TO_HIGH };
    return parse_mask(l, s, c, words, bits);
}

static enum tri match_direction(const struct cond *c, struct pol_eval *e)
{
    const unsigned *mask = c->arg;
    return tri_of(*mask & (e->facts.from_side == GW_HIGH ? DIR_HIGH_TO_LOW : DIR_LOW_TO_HIGH));
}

static int parse_kind(struct pol_load *l, const config_setting_t *s, struct cond *c)
{
    static const char *const words[] = { "message", "presence", "iq", NULL };
    static const unsigned bits[] = { 1u << REC_MESSAGE, 1u << REC_PRESENCE, 1u << REC_IQ };
    return parse_mask(l, s, c, words, bits);
}

static enum tri match_kind(const struct cond *c, struct pol_eval *e)
{
    const unsigned *mask = c->arg;
    return tri_of(*mask & (1u << e->rec->kind));
}

static int parse_type(struct pol_load *l, const config_setting_t *s, struct cond *c)
{
    static const char *const known[] = { "chat", "error", "groupchat", "headline", "normal", "available", "unavailable", "subscribe",
        "subscribed", "unsubscribe", "unsubscribed", "probe", "get", "set", "result", NULL };
    struct types *t = arena_alloc(l->arena, sizeof *t);
    if (!t)
        return GW_ERR(NOMEM);
    c->arg = t;
    *t = (struct types){ 0 };
    int rc = load_strings(l, s, &t->v, &t->n);
    for (size_t i = 0; i < t->n && !rc; i++) {
        size_t k = 0;
        while (known[k] && strcmp(known[k], t->v[i].p) != 0)
            k++;
        const char *near = known[k] ? NULL : conf_nearest(t->v[i].p, known);
        if (!known[k])
            rc = load_error(l, s, "\"%s\" is no stanza type%s%s%s (RFC 6121)", t->v[i].p, near ? "; did you mean \"" : "",
                near ? near : "", near ? "\"?" : "");
    }
    return rc;
}

/* An absent type has a name too: "normal" for messages (RFC 6121 section 5.2.2), "available" for presence. */
static struct str effective_type(const struct rec *r)
{
    if (r->type.p && r->type.n)
        return r->type;
    return r->kind == REC_MESSAGE ? STR("normal") : STR("available");
}

static enum tri match_type(const struct cond *c, struct pol_eval *e)
{
    const struct types *t = c->arg;
    struct str type = effective_type(e->rec);
    for (size_t i = 0; i < t->n; i++)
        if (str_eq(t->v[i], type))
            return TRI_YES;
    return TRI_NO;
}

const struct cond_row cond_direction = { "direction", COND_STRINGS, 0, parse_direction, match_direction, NULL, NULL,
    "direction = \"high-to-low\"", "which way it goes: high-to-low, low-to-high, both" };
const struct cond_row cond_kind = { "kind", COND_STRINGS, 0, parse_kind, match_kind, NULL, NULL, "kind = [ \"message\", \"iq\" ]",
    "message, presence or iq" };
const struct cond_row cond_type = { "type", COND_STRINGS, 0, parse_type, match_type, NULL, NULL, "type = [ \"chat\", \"normal\" ]",
    "the stanza's type; a message without one is \"normal\", presence without one \"available\"" };
