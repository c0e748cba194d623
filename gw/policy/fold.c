/* SPDX-License-Identifier: GPL-3.0-or-later
 * Presence folding: what is shown, what is known.
 *
 *   available, unavailable       reduced; dropped when this sender's last to this recipient said the same
 *   to or from a room            (XEP-0045, also the changes of status that carry no muc element) reduced to what is shown and what the room
 *                                needs, never dropped; whoever writes a muc element into other presence gains nothing else by it
 *   to a full address            (directed) reduced, never dropped; what the bare address knows is forgotten
 *   probe, subscription, error   untouched; what either of the two knows of the other is forgotten */
#include "fold.h"

#include <string.h>

#include "jid.h"
#include "state.h"

#define NS_MUC "http://jabber.org/protocol/muc"

/* ---- loading ---- */

static const struct { const char *word; struct clark names[2]; size_t n; } words[] = {
    { "show", { { STR(NS_SERVER), STR("show") } }, 1 },
    { "status", { { STR(NS_SERVER), STR("status") } }, 1 },
    { "priority", { { STR(NS_SERVER), STR("priority") } }, 1 },
    { "caps", { { STR("http://jabber.org/protocol/caps"), STR("c") }, { STR("urn:xmpp:caps"), STR("c") } }, 2 } };

static int load_word(struct pol_load *l, const config_setting_t *s, const char *word, struct pol_fold *f)
{
    static const char *const names[] = { "show", "status", "priority", "caps", NULL };
    if (word && (word[0] == '{' || strchr(word, ':')))
        return load_clark(l, s, str_c(word), &f->shows[f->n++]);
    for (size_t i = 0; word && i < sizeof words / sizeof *words; i++)
        if (!strcmp(words[i].word, word)) {
            for (size_t k = 0; k < words[i].n; k++)
                f->shows[f->n++] = words[i].names[k];
            return 0;
        }
    const char *near = word ? conf_nearest(word, names) : NULL;
    return load_error(l, s, "\"%s\" cannot be shown; allowed are show, status, priority, caps and \"{namespace}name\"%s%s%s", word ? word : "?",
        near ? "; did you mean \"" : "", near ? near : "", near ? "\"?" : "");
}

int fold_load(struct pol_load *l, const config_setting_t *s, struct pol_fold **ret)
{
    size_t n = config_setting_is_array(s) || config_setting_is_list(s) ? (size_t)config_setting_length(s) : 0;
    struct pol_fold *f = arena_alloc(l->arena, sizeof *f);
    int rc = 0;
    if (!f)
        return GW_ERR(NOMEM);
    *f = (struct pol_fold){ .shows = arena_alloc(l->arena, (2 * n + 1) * sizeof *f->shows) };
    *ret = f;
    if (!f->shows)
        return GW_ERR(NOMEM);
    if (!config_setting_is_array(s) && !config_setting_is_list(s))
        return load_error(l, s, "\"shows\" wants a list: [ \"show\", \"priority\" ], or [ ] for here and gone alone");
    for (size_t i = 0; i < n; i++) {
        int e = load_word(l, s, config_setting_get_string_elem(s, (int)i), f);
        rc = rc ? rc : e;
    }
    return rc;
}

/* ---- what it is ---- */

static bool is_state(const struct rec *r)
{
    return r->kind == REC_PRESENCE && (!r->type.n || str_eq(r->type, STR("unavailable")));
}

static struct str bare(struct str jid)
{
    struct str local, domain, resource;
    jid_split(jid, &local, &domain, &resource);
    return (struct str){ jid.p, (size_t)(domain.p + domain.n - jid.p) };
}

static bool to_room(const struct pol_eval *e, const struct rec *r)
{
    return rec_child(r, 0, STR(NS_MUC), STR("x"), REC_NONE) != REC_NONE || state_room(e, bare(r->to));
}

static bool directed(const struct rec *r) { return bare(r->to).n != r->to.n; }

/* ---- reducing ---- */

static bool is_room_element(const struct rec_node *n)
{
    return str_eq(n->name, STR("x")) && (str_eq(n->ns, STR(NS_MUC)) || str_eq(n->ns, STR(NS_MUC_USER)));
}

bool fold_reduce(struct pol_eval *e, const struct pol_fold *f)
{
    const struct rec *r = e->rec;
    if (!is_state(r))
        return true;
    e->fold_rule = e->rule;
    for (uint32_t c = r->nodes[0].first_child; c != REC_NONE; c = r->nodes[c].next) {
        bool shown = r->nodes[c].is_text || is_room_element(&r->nodes[c]);
        for (size_t i = 0; i < f->n && !shown; i++)
            shown = clark_is(&f->shows[i], &r->nodes[c]);
        if (!shown && (!pol_edit(e, (struct rec_edit){ .op = REC_DROP, .node = c, .attr = REC_NONE }) ||
                !pol_changed(e, "fold %u: {%.*s}%.*s", e->rule->id, STR_ARG(r->nodes[c].ns), STR_ARG(r->nodes[c].name))))
            return false;
    }
    return !e->n_edits || pol_apply(e);
}

/* ---- what is known ---- */

static void add(const struct siphash_key *k, uint64_t *h, struct str s)
{
    uint64_t v[3] = { *h, siphash(k, s.p, s.n), s.n };
    *h = siphash(k, v, sizeof v);
}

/* Everything that the recipient sees, but the id. */
static uint64_t content(const struct pol_eval *e, const struct rec *r)
{
    const struct siphash_key *k = state_siphash(e->state);
    uint64_t h = 1;
    add(k, &h, r->type);
    add(k, &h, r->lang);
    for (uint32_t i = 0; i < r->n_nodes; i++) {
        const struct rec_node *n = &r->nodes[i];
        struct str parent = { (const char *)&n->parent, sizeof n->parent };
        add(k, &h, parent);
        add(k, &h, n->is_text ? n->text : n->name);
        add(k, &h, n->is_text ? STR_NONE : n->ns);
        for (uint32_t a = n->first_attr; !n->is_text && a < n->first_attr + n->n_attrs; a++) {
            add(k, &h, r->attrs[a].ns);
            add(k, &h, r->attrs[a].name);
            add(k, &h, r->attrs[a].value);
        }
    }
    return h ? h : 1;
}

bool fold_is_known(const struct pol_eval *e)
{
    return e->fold_rule && is_state(e->rec) && !directed(e->rec) && !pol_from_room(e->rec) && !to_room(e, e->rec) && state_presence(e, e->rec->from, e->rec->to) == content(e, e->rec);
}

void fold_commit(struct pol_eval *e)
{
    const struct rec *r = e->rec;
    if (r->kind != REC_PRESENCE || e->v.verdict != GW_V_RELEASE)
        return;
    if (!is_state(r)) {
        state_presence_forget(e, bare(r->from), bare(r->to));
        state_presence_forget(e, bare(r->to), bare(r->from));
    } else if (to_room(e, r)) {
        state_room_set(e, bare(r->to));
    } else if (!pol_from_room(e->rec)) {
        state_presence_set(e, r->from, bare(r->to), e->fold_rule && !directed(r) ? content(e, r) : 0);
    }
}
