/* SPDX-License-Identifier: GPL-3.0-or-later
 * The labels of one stanza: the effective one, those of copies and items inside, and what sender, recipient and channel are cleared for.
 * It stands before the rules and does not depend on them: no release rule gets past it (XEP-0258 section 5). */
#include <string.h>

#include "label.h"

static void say(struct pol_eval *e, const struct label_unit *u)
{
    static const char *const what[] = { "the stanza", "a copy inside it", "an item inside it", "an entry of a catalogue", "the stanza, by default," };
    char marking[300];
    struct str m = STR("no label");
    if (!e->explain)
        return;
    if (u->label.policy)
        m = (struct str){ marking, label_marking(&u->label, marking, sizeof marking) };
    struct str policy = u->label.policy ? u->label.policy->name : STR("none known");
    if (u->above)
        pol_note(e, TRI_NO, false, "label: %s is %.*s (policy %.*s); %s is not cleared for it: %s%s", what[u->place], STR_ARG(m), STR_ARG(policy), u->who, u->why,
            u->withheld ? "; it is left out" : "");
    else
        pol_note(e, TRI_YES, false, "label: %s is %.*s (policy %.*s); sender, recipient and channel are cleared for it", what[u->place], STR_ARG(m), STR_ARG(policy));
}

static void judge(struct label_state *s, struct label_unit *u, bool first)
{
    u->who = "the sender";
    if (first)
        u->sender_denied = !label_admits(&s->sender, &u->label, &u->why);
    u->above = u->sender_denied;
    if (!u->above) {
        u->who = "the recipient";
        u->above = !label_admits(&s->recipient, &u->label, &u->why);
    }
    for (size_t i = 0; i < s->n_others && !u->above; i++) {
        u->who = "a further recipient";
        u->above = !label_admits(&s->others[i], &u->label, &u->why);
    }
    if (!u->above) {
        u->who = "the way between these domains";
        u->above = !label_admits(&s->channel, &u->label, &u->why);
    }
}

void label_rejudge(struct pol_eval *e)
{
    for (size_t i = 0; e->labels && i < e->labels->n; i++) {
        judge(e->labels, &e->labels->v[i], false);
        say(e, &e->labels->v[i]);
    }
}

/* ---- what is left out ---- */

static bool inside(const struct rec *r, uint32_t i, uint32_t holder)
{
    while (i != REC_NONE && i != holder)
        i = r->nodes[i].parent;
    return i == holder;
}

static bool gone_before(const struct label_state *s, const struct rec *r, size_t at)
{
    for (size_t i = 0; i < at; i++)
        if (s->v[i].withheld && inside(r, s->v[at].holder, s->v[i].holder))
            return true;
    return false;
}

/* A notification with nothing in it, or a wrapper around nothing, is not sent: then the whole is refused. */
static bool may_withhold(const struct label_state *s, const struct rec *r)
{
    size_t left = 0;
    for (size_t i = 0; i < s->n; i++) {
        const struct label_unit *u = &s->v[i];
        bool part = (u->place == LABEL_ITEM || u->place == LABEL_OFFER) && u->holder != REC_NONE;
        if (u->above && !part)
            return false;
        left += part && !u->above;
    }
    return r->kind == REC_IQ ? str_eq(r->type, STR("result")) : left > 0;
}

static bool withhold(struct pol_eval *e)
{
    struct label_state *s = e->labels;
    if (!s->pair || !s->pair->withhold || s->invalid || !may_withhold(s, e->rec))
        return true;
    for (size_t i = 0; i < s->n; i++) {
        struct label_unit *u = &s->v[i];
        if (!u->above)
            continue;
        bool gone = gone_before(s, e->rec, i);
        u->withheld = true;
        if (!gone && (!pol_edit(e, (struct rec_edit){ .op = REC_DROP, .node = u->holder, .attr = REC_NONE }) ||
                !pol_changed(e, "label: an item above a clearance is left out")))
            return false;
    }
    return !e->n_edits || pol_apply(e);
}

/* ---- beginning ---- */

static size_t most_units(const struct rec *r)
{
    size_t n = 1;
    for (uint32_t i = 1; i < r->n_nodes; i++)
        n += !r->nodes[i].is_text && str_eq(r->nodes[i].ns, STR(NS_LABEL));
    for (uint32_t i = 0; n > 1 && i < r->n_attrs; i++)
        n += str_eq(r->attrs[i].ns, STR(NS_LABEL_PUBSUB));
    return n < LABEL_UNITS_MAX ? n : LABEL_UNITS_MAX;
}

/* The stanza's own label, or else the default of its room or peer, or else nil. */
static void effective(const struct labels *all, struct label_state *s, const struct rec *r)
{
    const struct label *def = label_default_of(all, r);
    for (s->own = 0; s->own < s->n && s->v[s->own].place != LABEL_OWN; s->own++)
        ;
    if (s->own == s->n)
        s->v[s->n++] = (struct label_unit){ .place = LABEL_DEFAULT, .node = REC_NONE, .holder = REC_NONE, .empty = true };
    s->has_own = !s->v[s->own].empty;
    for (size_t i = 0; i < s->n; i++)
        if (s->v[i].empty && def)
            s->v[i].label = *def;
    s->by_default = !s->has_own && def;
}

bool label_begin(struct pol_eval *e)
{
    const struct labels *all = e->p->labels;
    const struct rec *r = e->rec; /* as it came, with the addresses that aliases stand for */
    if (!all)
        return true;
    struct label_state *s = e->labels = arena_alloc(&e->arena, sizeof *s);
    struct str last = STR_NONE;
    size_t most = most_units(r);
    if (!s)
        return false;
    s->v = arena_alloc(&e->arena, (most + 1) * sizeof *s->v);
    if (!s->v)
        return false;
    s->pair = label_pair_of(all, r->from_domain, r->to_domain);
    s->is_error = str_eq(r->type, STR("error"));
    if (s->is_error)
        return true;
    s->invalid = !label_units(all, r, s->v, most, &s->n, &s->why);
    if (s->invalid) {
        s->n = 0;
        pol_note(e, TRI_UNKNOWN, false, "label: %s", s->why);
        return true;
    }
    for (size_t i = 0; i < s->n; i++) { /* the record that it was read from goes with the first change */
        struct str m = s->v[i].marking;
        bool same = i && m.n && m.p == last.p; /* a label of several items is one, and so is its marking: they stand side by side */
        last = m;
        s->v[i].marking = same ? s->v[i - 1].marking : m.n ? arena_str(&e->arena, m) : m;
        if (m.n && !s->v[i].marking.p)
            return false;
    }
    effective(all, s, r);
    if (!s->pair) {
        pol_note(e, TRI_UNKNOWN, false, "label: not enforced between %.*s and %.*s", STR_ARG(r->from_domain), STR_ARG(r->to_domain));
        return true;
    }
    label_subject_of(all, r->from, &s->sender);
    label_subject_of(all, r->to, &s->recipient);
    for (size_t i = 0; i < s->pair->n_clearances; i++)
        s->channel.v[s->channel.n++] = &s->pair->clearances[i];
    for (size_t i = 0; i < s->n; i++)
        judge(s, &s->v[i], true);
    bool fits = withhold(e);
    for (size_t i = 0; i < s->n; i++)
        say(e, &s->v[i]);
    return fits;
}

bool label_parties(struct pol_eval *e)
{
    struct label_state *s = e->labels;
    if (!s || !s->pair || s->is_error || s->invalid || (!e->n_parties && !s->n_others))
        return true;
    bool had = s->n_others > 0;
    s->n_others = 0;
    s->others = e->n_parties ? arena_alloc(&e->arena, e->n_parties * sizeof *s->others) : NULL;
    if (e->n_parties && !s->others)
        return false;
    for (size_t i = 0; i < e->n_parties; i++)
        if (e->parties[i].recipient)
            label_subject_of(e->p->labels, e->parties[i].to, &s->others[s->n_others++]);
    if (s->n_others || had)
        label_rejudge(e);
    return true;
}

/* ---- what follows from it ---- */

enum gw_reason label_refusal(const struct pol_eval *e)
{
    const struct label_state *s = e->labels;
    if (!s || !s->pair || s->is_error)
        return GW_R_NONE;
    if (s->invalid)
        return GW_R_LABEL_INVALID;
    for (size_t i = 0; i < s->n; i++)
        if (s->v[i].above && !s->v[i].withheld)
            return s->v[i].label.policy ? GW_R_LABEL_DENIED : GW_R_LABEL_MISSING;
    return GW_R_NONE;
}

bool label_withheld(const struct pol_eval *e)
{
    bool some = false;
    for (size_t i = 0; e->labels && i < e->labels->n && !some; i++)
        some = e->labels->v[i].withheld;
    return some;
}

bool label_leaves(const struct pol_eval *e)
{
    return !e->labels || !e->labels->has_own || rec_child(e->rec, 0, STR(NS_LABEL), STR("securitylabel"), REC_NONE) != REC_NONE;
}

struct str label_text(struct pol_eval *e, bool with_policy)
{
    const struct label_state *s = e->labels;
    char text[400];
    size_t n = 0;
    if (!s || s->is_error)
        return STR_NONE;
    if (s->invalid || !s->v[s->own].label.policy)
        return !with_policy ? STR_NONE : s->invalid ? STR("invalid") : STR_NONE;
    const struct label *l = &s->v[s->own].label;
    if (with_policy) {
        n = (size_t)snprintf(text, sizeof text, "%.*s: ", STR_ARG(l->policy->name));
        n = n < 100 ? n : 100;
    }
    n += label_marking(l, text + n, sizeof text - n - 20);
    if (with_policy && s->by_default)
        n += (size_t)snprintf(text + n, sizeof text - n, " (default)");
    return arena_str(&e->arena, (struct str){ text, n });
}
