/* SPDX-License-Identifier: GPL-3.0-or-later
 * The action relabel: each label is said in another policy (or a given one is set), written anew in one form, and on request stands in the
 * first line of the text. Nothing of the old label's bytes is left. */
#include <string.h>

#include "label.h"

/* ---- reading ---- */

struct change_conf { char *policy, *classification; struct conf_strings categories; int form; bool first_line; };
#define OFF(m) offsetof(struct change_conf, m)
static const char *const form_words[] = { "plain", "ess", "stanag", "as-came", NULL }; /* in the order of enum label_form */
static const struct conf_row change_rows[] = {
    { "policy", CONF_STRING, OFF(policy), false, 0, 64, NULL, NULL, NULL, 0, "the policy in which it is to be said" },
    { "classification", CONF_STRING, OFF(classification), false, 0, 64, NULL, NULL, NULL, 0, "set this label, whatever it was" },
    { "categories", CONF_STRINGS, OFF(categories), false, 0, 256, NULL, NULL, NULL, 0, "with these: \"Tag/VALUE\"" },
    { "form", CONF_ENUM, OFF(form), false, 0, 0, "as-came", form_words, NULL, 0, "how it is written" },
    { "first_line", CONF_BOOL, OFF(first_line), false, 0, 0, "false", NULL, NULL, 0, "the marking stands in the first line of the text" },
    { NULL, CONF_RAW, 0, false, 0, 0, NULL, NULL, NULL, 0, NULL } };
#undef OFF

const char *label_no_ess(const struct label_policy *p)
{
    if (!p->oid.n)
        return "the policy has no oid";
    for (unsigned i = 0; i < p->n_levels; i++)
        if (p->level[i].number < 0 && !p->level[i].unstated)
            return "a classification has no value";
    for (unsigned i = 0; i < p->n_values; i++)
        if (p->value[i].number < 0 || !p->tag[p->value[i].tag].oid.n)
            return "a category has no value, or its tag no oid";
    return NULL;
}

int label_change_read(struct pol_load *l, const config_setting_t *s, struct label_change **ret)
{
    struct change_conf c = { 0 };
    struct label_change *to = arena_alloc(l->arena, sizeof *to);
    const char *file = setting_file(s);
    unsigned line = config_setting_source_line(s);
    if (!to)
        return GW_ERR(NOMEM);
    if (!l->p->labels)
        return load_error(l, s, "action \"relabel\" needs label policies: labels = [ \"...\" ] in main.rules, files of rules/labels");
    if (!config_setting_is_group(s))
        return load_error(l, s, "\"label\" wants a group: { policy = \"...\"; }");
    int rc = conf_read_group((const void *)s, change_rows, &c, l->arena, l->errs);
    if (rc)
        return rc;
    to->form = (enum label_form)c.form;
    to->first_line = c.first_line;
    to->set = *c.classification != 0;
    if (*c.policy)
        rc = label_read_policy(l, l->p->labels, c.policy, file, line, &to->policy);
    if (!rc && (to->set || c.categories.n) && !to->policy)
        rc = load_error(l, s, "a label that is set names its \"policy\" and \"classification\"");
    if (!rc && c.categories.n && !to->set)
        rc = load_error(l, s, "\"categories\" go with \"classification\"; a label that is translated keeps its own");
    if (!rc && to->form == LABEL_ESS && to->policy && label_no_ess(to->policy))
        rc = load_error(l, s, "labels of \"%s\" cannot be written as ESS: %s", c.policy, label_no_ess(to->policy));
    if (!rc && to->set) {
        to->label.policy = to->policy;
        rc = label_read_level(l, to->policy, c.classification, file, line, &to->label.level);
        int r = label_read_values(l, to->policy, &c.categories, file, line, false, &to->label.values);
        rc = rc ? rc : r;
    }
    *ret = to;
    return rc;
}

/* ---- doing ---- */

struct work {
    struct pol_eval *e;
    const struct label_change *c;
    const struct rec *r;
    struct rec *to;
    struct label before, own; /* of the stanza itself */
    enum label_form own_form;
    bool written;
    const char *why;
};

static bool said_anew(const struct label_change *c, const struct label *l, struct label *ret)
{
    return label_translate(l, c->policy ? c->policy : l->policy, ret);
}

static enum label_form form_of(const struct work *w, enum label_form came) { return w->c->form == LABEL_AS_CAME ? came : w->c->form; }

/* A securitylabel of the stanza. 1: written anew; 0: to be copied as it is; negative: failed. */
static int write_one(struct work *w, uint32_t i)
{
    struct label_unit u = { 0 };
    struct label l;
    bool own = w->r->nodes[i].parent == 0;
    if (w->c->set && !own)
        return 0;
    enum label_found found = label_element(w->e->p->labels, w->r, i, &u, &w->why);
    if (found == LABEL_BAD)
        return GW_ERR(SYNTAX);
    if (own || found == LABEL_EMPTY) {
        l = w->own;
    } else if (!said_anew(w->c, &u.label, &l)) {
        w->why = "a label in it has no equivalent in that policy";
        return GW_ERR(SYNTAX);
    }
    if (!l.policy)
        return 0;
    w->written |= own;
    int rc = label_write(w->to, &l, form_of(w, found == LABEL_EMPTY ? LABEL_PLAIN : u.form));
    return rc ? rc : 1;
}

/* The text of a body with the marking in its first line; an old marking there gives way. */
static int write_body(struct work *w, struct str text)
{
    char marking[4096];
    const char *end = memchr(text.p, '\n', text.n);
    struct str line = { text.p, end ? (size_t)(end - text.p) : text.n };
    int rc = rec_text(w->to, (struct str){ marking, label_marking(&w->own, marking, sizeof marking) });
    if ((w->before.policy && label_marking_is(&w->before, line)) || label_marking_is(&w->own, line))
        text = (struct str){ text.p + line.n, text.n - line.n };
    else if (!rc)
        rc = rec_text(w->to, STR("\n"));
    return rc || !text.n ? rc : rec_text(w->to, text);
}

static bool in_body(const struct rec *r, uint32_t i)
{
    const struct rec_node *p = &r->nodes[r->nodes[i].parent];
    return r->kind == REC_MESSAGE && p->parent == 0 && str_eq(p->ns, STR(NS_SERVER)) && str_eq(p->name, STR("body"));
}

static int copy_open(struct work *w, uint32_t i)
{
    const struct rec_node *n = &w->r->nodes[i];
    int rc = rec_open(w->to, n->ns, n->name);
    for (uint32_t a = n->first_attr; a < n->first_attr + n->n_attrs && !rc; a++)
        rc = rec_attr_add(w->to, w->r->attrs[a].ns, w->r->attrs[a].name, w->r->attrs[a].value);
    return rc;
}

static int copy_nodes(struct work *w)
{
    const struct rec *r = w->r;
    uint32_t open = REC_NONE;
    int rc = 0;
    for (uint32_t i = 0; i < r->n_nodes && !rc;) {
        const struct rec_node *n = &r->nodes[i];
        for (; open != n->parent && !rc; open = r->nodes[open].parent)
            rc = rec_close(w->to);
        if (rc)
            break;
        if (n->is_text) {
            rc = w->c->first_line && w->own.policy && in_body(r, i) ? write_body(w, n->text) : rec_text(w->to, n->text);
            i++;
            continue;
        }
        int label = str_eq(n->ns, STR(NS_LABEL)) && str_eq(n->name, STR("securitylabel")) ? write_one(w, i) : 0;
        if (!label && w->c->first_line && w->own.policy && pol_counts(r, i)) { /* the line in front moves what it counts */
            if (!pol_changed(w->e, "counts what was changed: {%.*s}%.*s", STR_ARG(n->ns), STR_ARG(n->name)))
                return GW_ERR(NOMEM);
            label = 1;
        }
        if (label) {
            rc = label < 0 ? label : 0;
            i = rec_skip(r, i);
            continue;
        }
        rc = copy_open(w, i);
        open = i++;
    }
    for (; open != 0 && open != REC_NONE && !rc; open = r->nodes[open].parent)
        rc = rec_close(w->to);
    if (!rc && !w->written && w->own.policy && r->kind == REC_MESSAGE)
        rc = label_write(w->to, &w->own, form_of(w, w->own_form));
    return rc ? rc : rec_close(w->to);
}

static int rebuild(struct work *w)
{
    const struct rec *r = w->r;
    struct rec_limits limits = REC_HARD_LIMITS;
    w->to = rec_new(&limits);
    int rc = w->to ? rec_head(w->to, r->kind, r->type, r->id, r->lang) : GW_ERR(NOMEM);
    if (!rc)
        rc = rec_address(w->to, r->from, r->to, r->from_raw, r->to_raw);
    if (!rc)
        rc = rec_pair(w->to, r->from_domain, r->to_domain);
    if (!rc)
        rc = copy_nodes(w);
    if (!rc)
        rc = rec_seal(w->to);
    if (rc) {
        rec_free(w->to);
        w->to = NULL;
    }
    return rc;
}

/* The labels that are judged follow those that are written. */
static void follow(struct work *w)
{
    struct label_state *s = w->e->labels;
    for (size_t i = 0; i < s->n; i++) {
        struct label_unit *u = &s->v[i];
        if (u->withheld || !u->label.policy || (w->c->set && i != s->own))
            continue;
        u->label = i == s->own ? w->own : u->label;
        if (i != s->own)
            (void)said_anew(w->c, &u->label, &u->label); /* write_one has done it, or failed */
        u->marking = STR_NONE;
    }
    s->v[s->own].label = w->own;
    if (w->e->rec->kind == REC_MESSAGE && w->own.policy) {
        s->has_own = true;
        s->by_default = false;
    }
}

bool label_change_do(struct pol_eval *e, const struct label_change *c, const char **ret_why)
{
    struct label_state *s = e->labels;
    char from[128], to[128];
    if (s->is_error)
        return true;
    *ret_why = s->why;
    if (s->invalid)
        return false;
    if (e->rec->kind != REC_MESSAGE && s->n < 2)
        return true;
    const struct label_unit *own = &s->v[s->own];
    struct work w = { .e = e, .c = c, .r = e->rec, .before = own->label, .own_form = own->empty ? LABEL_PLAIN : own->form };
    *ret_why = "there is no label to translate, and no default";
    if (e->rec->kind != REC_MESSAGE) /* it carries no label, only what is in it does */
        w.own = own->label;
    else if (c->set)
        w.own = c->label;
    else if (!own->label.policy)
        return false;
    *ret_why = "the label has no equivalent in that policy";
    if (!c->set && e->rec->kind == REC_MESSAGE && !said_anew(c, &own->label, &w.own))
        return false;
    w.why = "the label cannot be written in that form";
    if (rebuild(&w)) {
        *ret_why = w.why;
        return false;
    }
    pol_become(e, w.to);
    follow(&w);
    label_rejudge(e);
    size_t n = w.before.policy ? label_marking(&w.before, from, sizeof from) : 0, m = w.own.policy ? label_marking(&w.own, to, sizeof to) : 0;
    pol_note(e, TRI_YES, false, "relabelled: %.*s becomes %.*s", (int)n, from, (int)m, to);
    *ret_why = "an internal limit";
    return pol_changed(e, "relabel %u: %.*s to %.*s", e->rule->id, (int)n, from, (int)m, to);
}
