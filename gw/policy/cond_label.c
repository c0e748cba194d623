/* SPDX-License-Identifier: GPL-3.0-or-later
 * Conditions label, label_above_clearance, label_missing, label_invalid, clearance, marking_disagrees: what the label policy says of a
 * stanza. They answer from the judgement that stands before the rules (label_judge.c). */
#include <string.h>

#include "label.h"
#include "rows.h"

static int need_policies(struct pol_load *l, const config_setting_t *s)
{
    return l->p->labels ? 0 : load_error(l, s, "\"%s\" needs label policies: labels = [ \"...\" ] in main.rules, files of rules/labels", config_setting_name(s));
}

/* ---- yes or no ---- */

static int parse_flag(struct pol_load *l, const config_setting_t *s, struct cond *c)
{
    bool *b = arena_alloc(l->arena, sizeof *b);
    if (!b)
        return GW_ERR(NOMEM);
    c->arg = b;
    int rc = load_bool(l, s, b);
    return rc ? rc : need_policies(l, s);
}

static enum tri as_wanted(const struct cond *c, enum tri t)
{
    const bool *want = c->arg;
    return *want ? t : tri_not(t);
}

static enum tri match_above(const struct cond *c, struct pol_eval *e)
{
    enum gw_reason r = label_refusal(e);
    if (r == GW_R_LABEL_INVALID)
        return TRI_UNKNOWN; /* it cannot be read */
    return as_wanted(c, tri_of(r != GW_R_NONE));
}

static enum tri match_missing(const struct cond *c, struct pol_eval *e)
{
    const struct label_state *s = e->labels;
    if (s->invalid)
        return TRI_UNKNOWN;
    return as_wanted(c, tri_of(e->in->kind == REC_MESSAGE && !s->is_error && !s->has_own));
}

static enum tri match_invalid(const struct cond *c, struct pol_eval *e) { return as_wanted(c, tri_of(e->labels->invalid)); }

static bool body_lies(const struct pol_eval *e, const struct label *l)
{
    const struct rec *r = e->rec;
    for (uint32_t i = 0; i < r->n_nodes; i++) {
        const struct rec_node *n = &r->nodes[i];
        if (n->is_text && n->parent != REC_NONE && r->nodes[n->parent].parent == 0 && str_eq(r->nodes[n->parent].ns, STR(NS_SERVER)) &&
            (str_eq(r->nodes[n->parent].name, STR("body")) || str_eq(r->nodes[n->parent].name, STR("subject"))) && label_text_lies(e->p->labels, l, n->text))
            return true;
    }
    return false;
}

static enum tri match_marking(const struct cond *c, struct pol_eval *e)
{
    const struct label_state *s = e->labels;
    if (s->is_error)
        return as_wanted(c, TRI_NO);
    if (s->invalid)
        return TRI_UNKNOWN;
    bool lies = body_lies(e, &s->v[s->own].label);
    for (size_t i = 0; i < s->n && !lies; i++)
        lies = s->v[i].marking.n && !s->v[i].withheld && (!s->v[i].label.policy || !label_marking_is(&s->v[i].label, s->v[i].marking));
    return as_wanted(c, tri_of(lies));
}

/* ---- what a label or a clearance is ---- */

struct wanted { const struct label_policy *policy; uint64_t levels; struct label_bits values; int of; };
struct wanted_conf { char *policy, *at_least, *at_most; struct conf_strings classification, categories; int of; };
static const char *const of_words[] = { "sender", "recipient", "channel", NULL };
#define OFF(m) offsetof(struct wanted_conf, m)
#define COMMON \
    { "policy", CONF_STRING, OFF(policy), true, 1, 64, NULL, NULL, NULL, 0, "the label policy" }, \
    { "classification", CONF_STRINGS, OFF(classification), false, 0, 64, NULL, NULL, NULL, 0, "one of these" }, \
    { "at_least", CONF_STRING, OFF(at_least), false, 0, 64, NULL, NULL, NULL, 0, "this one or a higher one" }, \
    { "at_most", CONF_STRING, OFF(at_most), false, 0, 64, NULL, NULL, NULL, 0, "this one or a lower one" }, \
    { "categories", CONF_STRINGS, OFF(categories), false, 0, 256, NULL, NULL, NULL, 0, "all of these: \"Tag/VALUE\"" }
#define END { NULL, CONF_RAW, 0, false, 0, 0, NULL, NULL, NULL, 0, NULL }
static const struct conf_row label_rows[] = { COMMON, END };
static const struct conf_row clearance_rows[] = { COMMON,
    { "of", CONF_ENUM, OFF(of), true, 0, 0, NULL, of_words, NULL, 0, "whose" }, END };

static int parse_wanted(struct pol_load *l, const config_setting_t *s, struct cond *c, const struct conf_row *rows)
{
    struct wanted_conf w = { 0 };
    struct wanted *to = arena_alloc(l->arena, sizeof *to);
    const char *file = setting_file(s);
    unsigned line = config_setting_source_line(s), level;
    if (!to)
        return GW_ERR(NOMEM);
    c->arg = to;
    int rc = need_policies(l, s);
    if (rc)
        return rc;
    if (!config_setting_is_group(s))
        return load_error(l, s, "\"%s\" wants a group: { %s; }", c->row->keyword, c->row->example);
    rc = conf_read_group((const void *)s, rows, &w, l->arena, l->errs);
    if (!rc)
        rc = label_read_policy(l, l->p->labels, w.policy, file, line, &to->policy);
    if (rc)
        return rc;
    to->of = w.of;
    to->levels = UINT64_MAX;
    uint64_t some = 0;
    for (size_t i = 0; i < w.classification.n; i++) {
        int r = label_read_level(l, to->policy, w.classification.v[i], file, line, &level);
        rc = rc ? rc : r;
        some |= r ? 0 : (uint64_t)1 << level;
    }
    to->levels &= w.classification.n ? some : UINT64_MAX;
    for (int most = 0; most < 2; most++) {
        const char *z = most ? w.at_most : w.at_least;
        int r = *z ? label_read_level(l, to->policy, z, file, line, &level) : 0;
        rc = rc ? rc : r;
        if (*z && !r)
            to->levels &= most ? ((uint64_t)2 << level) - 1 : ~(((uint64_t)1 << level) - 1);
    }
    if (!rc && !(to->levels & (((uint64_t)2 << (to->policy->n_levels - 1)) - 1)))
        rc = load_error(l, s, "no classification of \"%s\" is meant by this", w.policy);
    int r = label_read_values(l, to->policy, &w.categories, file, line, false, &to->values);
    return rc ? rc : r;
}

static int parse_label(struct pol_load *l, const config_setting_t *s, struct cond *c) { return parse_wanted(l, s, c, label_rows); }
static int parse_clearance(struct pol_load *l, const config_setting_t *s, struct cond *c) { return parse_wanted(l, s, c, clearance_rows); }

static bool has_values(const struct label_bits *has, const struct label_bits *all)
{
    for (size_t i = 0; i < LABEL_VALUES_MAX / 64; i++)
        if (all->w[i] & ~has->w[i])
            return false;
    return true;
}

static enum tri fits(const struct wanted *w, const struct label *l)
{
    struct label there;
    if (!l->policy)
        return TRI_NO;
    if (!label_translate(l, w->policy, &there))
        return TRI_UNKNOWN; /* nobody can say what it would be called there */
    return tri_of(w->levels >> there.level & 1 && has_values(&there.values, &w->values));
}

/* All labels of the stanza fit: yes; none does: no; some do: unknown. */
static enum tri match_label(const struct cond *c, struct pol_eval *e)
{
    const struct label_state *s = e->labels;
    enum tri t = TRI_NO;
    if (s->is_error)
        return TRI_NO;
    if (s->invalid)
        return TRI_UNKNOWN;
    for (size_t i = 0, n = 0; i < s->n; i++) {
        if (s->v[i].withheld)
            continue;
        enum tri one = fits(c->arg, &s->v[i].label);
        t = n++ && one != t ? TRI_UNKNOWN : one;
        if (t == TRI_UNKNOWN)
            break;
    }
    return t;
}

static enum tri match_clearance(const struct cond *c, struct pol_eval *e)
{
    const struct wanted *w = c->arg;
    struct label_subject subject = { .n = 0 };
    const struct label_pair *pair = w->of == 2 ? label_pair_of(e->p->labels, e->in->from_domain, e->in->to_domain) : NULL;
    for (size_t i = 0; pair && i < pair->n_clearances; i++)
        subject.v[subject.n++] = &pair->clearances[i];
    if (w->of < 2)
        label_subject_of(e->p->labels, w->of ? e->rec->to : e->rec->from, &subject);
    for (size_t i = 0; i < subject.n; i++)
        if (subject.v[i]->policy == w->policy)
            return tri_of(subject.v[i]->levels & w->levels && has_values(&subject.v[i]->values, &w->values));
    return TRI_NO; /* nil */
}

const struct cond_row cond_label = { "label", COND_GROUP, 0, parse_label, match_label, NULL, NULL,
    "label = { policy = \"MERIDIAN\"; at_least = \"GUARDED\"; }",
    "the effective label (of copies and items inside too) is one of these, said in that policy: classification, at_least, at_most, categories" };
const struct cond_row cond_label_above_clearance = { "label_above_clearance", COND_BOOL, 0, parse_flag, match_above, NULL, NULL,
    "label_above_clearance = true", "sender, recipient or the way between the domains is not cleared for a label in it; without label and default: yes" };
const struct cond_row cond_label_missing = { "label_missing", COND_BOOL, 0, parse_flag, match_missing, NULL, NULL, "label_missing = true",
    "a message that carries no label of its own" };
const struct cond_row cond_label_invalid = { "label_invalid", COND_BOOL, 0, parse_flag, match_invalid, NULL, NULL, "label_invalid = true",
    "a label in it is unreadable, double, contradictory, of no known policy, or stands where none may" };
const struct cond_row cond_clearance = { "clearance", COND_GROUP, 0, parse_clearance, match_clearance, NULL, NULL,
    "clearance = { of = \"recipient\"; policy = \"MERIDIAN\"; at_least = \"GUARDED\"; }",
    "the sender, the recipient or the channel is cleared for one of these classifications and all of these categories" };
const struct cond_row cond_marking_disagrees = { "marking_disagrees", COND_BOOL, 0, parse_flag, match_marking, NULL, NULL, "marking_disagrees = true",
    "the display marking, or a marking in the first line of the text, says something else than the label" };
