/* SPDX-License-Identifier: GPL-3.0-or-later
 * Who is cleared for what, the default label of rooms and peers, the pairs of domains between which labels are enforced. */
#include <string.h>

#include "jid.h"
#include "label_conf.h"

#define END { NULL, CONF_RAW, 0, false, 0, 0, NULL, NULL, NULL, 0, NULL }
#define CLEARED(t, m) \
    { "policy", CONF_STRING, offsetof(struct t, m policy), true, 1, 64, NULL, NULL, NULL, 0, "the label policy" }, \
    { "upto", CONF_STRING, offsetof(struct t, m upto), false, 0, 64, NULL, NULL, NULL, 0, "the highest classification, and all below" }, \
    { "classifications", CONF_STRINGS, offsetof(struct t, m classifications), false, 0, 64, NULL, NULL, NULL, 0, "or these alone" }, \
    { "categories", CONF_STRINGS, offsetof(struct t, m categories), false, 0, 256, NULL, NULL, NULL, 0, "\"Tag/VALUE\", \"Tag/\" and a star: all" }
static const struct conf_row cleared_rows[] = {
    { .key = "@where", .type = CONF_RAW, .offset = offsetof(struct label_cleared_conf, where) }, CLEARED(label_cleared_conf, ), END };
const struct conf_row label_holder_rows[] = {
    { .key = "@where", .type = CONF_RAW, .offset = offsetof(struct label_holder_conf, cleared.where) }, CLEARED(label_holder_conf, cleared.),
    { "who", CONF_STRINGS, offsetof(struct label_holder_conf, who), false, 0, 10000, NULL, NULL, NULL, 0, "addresses, rooms, domains" },
    { "lists", CONF_RAW, offsetof(struct label_holder_conf, lists), false, 0, 0, NULL, NULL, NULL, 0, "lists of them, rules/lists/NAME.list" }, END };
const struct conf_row label_default_rows[] = {
    { .key = "@where", .type = CONF_RAW, .offset = offsetof(struct label_default_conf, where) },
    { "policy", CONF_STRING, offsetof(struct label_default_conf, policy), true, 1, 64, NULL, NULL, NULL, 0, "the label policy" },
    { "classification", CONF_STRING, offsetof(struct label_default_conf, classification), true, 1, 64, NULL, NULL, NULL, 0, "of what carries no label" },
    { "categories", CONF_STRINGS, offsetof(struct label_default_conf, categories), false, 0, 256, NULL, NULL, NULL, 0, "\"Tag/VALUE\"" },
    { "room", CONF_STRINGS, offsetof(struct label_default_conf, room), false, 0, 1000, NULL, NULL, NULL, 0, "what goes into or comes out of these rooms" },
    { "from", CONF_STRINGS, offsetof(struct label_default_conf, from), false, 0, 1000, NULL, NULL, NULL, 0, "what these addresses or domains send" }, END };
static const char *const items_words[] = { "refuse", "withhold", NULL };
const struct conf_row label_pair_rows[] = {
    { .key = "@where", .type = CONF_RAW, .offset = offsetof(struct label_pair_conf, where) },
    { "between", CONF_STRINGS, offsetof(struct label_pair_conf, between), true, 2, 2, NULL, NULL, NULL, 0, "two domains, or *.domain" },
    { "clearances", CONF_LIST, offsetof(struct label_pair_conf, clearances), true, 1, LABEL_POLICIES_MAX, NULL, NULL, cleared_rows,
        sizeof(struct label_cleared_conf), "what the way between them is cleared for, one in each policy" },
    { "items", CONF_ENUM, offsetof(struct label_pair_conf, items), false, 0, 0, "refuse", items_words, NULL, 0,
        "pubsub items, copies and catalogue entries above a clearance: the whole stanza is refused, or they are left out" }, END };

/* ---- loading ---- */

static int mistake(struct pol_load *l, const struct conf_where *w, const char *text)
{
    conf_error_add(l->errs, CONF_ERROR, w->file, w->line, "%s", text);
    return GW_ERR(CONF);
}

static int read_addresses(struct pol_load *l, const struct conf_strings *v, const struct conf_where *w, struct addr_pattern **ret, size_t *ret_n)
{
    int rc = 0;
    *ret = arena_alloc(l->arena, (v->n ? v->n : 1) * sizeof **ret);
    if (!*ret)
        return GW_ERR(NOMEM);
    for (size_t i = 0; i < v->n; i++) {
        int r = addr_parse(l->arena, str_c(v->v[i]), &(*ret)[*ret_n]);
        if (r == GW_ERR(NOMEM))
            return r;
        *ret_n += !r;
        if (!r)
            continue;
        conf_error_add(l->errs, CONF_ERROR, w->file, v->lines ? v->lines[i] : w->line, "\"%s\" is not an address; allowed are user@domain/resource, "
            "user@domain, domain, *@domain, *.domain", v->v[i]);
        rc = GW_ERR(CONF);
    }
    return rc;
}

static int read_cleared(struct pol_load *l, const struct labels *all, const struct label_cleared_conf *c, struct label_clearance *ret)
{
    const struct conf_where *w = &c->where;
    unsigned level;
    int rc = label_read_policy(l, all, c->policy, w->file, w->line, &ret->policy);
    if (rc)
        return rc;
    if ((*c->upto != 0) == (c->classifications.n != 0))
        rc = mistake(l, w, "a clearance has either \"upto\" or \"classifications\"");
    if (*c->upto) {
        int r = label_read_level(l, ret->policy, c->upto, w->file, w->line, &level);
        rc = rc ? rc : r;
        if (!r)
            ret->levels |= level == 63 ? UINT64_MAX : ((uint64_t)1 << (level + 1)) - 1;
    }
    for (size_t i = 0; i < c->classifications.n; i++) {
        int r = label_read_level(l, ret->policy, c->classifications.v[i], w->file, w->line, &level);
        rc = rc ? rc : r;
        if (!r)
            ret->levels |= (uint64_t)1 << level;
    }
    int r = label_read_values(l, ret->policy, &c->categories, w->file, w->line, true, &ret->values);
    return rc ? rc : r;
}

static int read_holder(struct pol_load *l, const struct labels *all, const struct label_holder_conf *c, struct label_holder *to)
{
    const struct conf_where *w = &c->cleared.where;
    struct str *names = NULL;
    *to = (struct label_holder){ .file = w->file, .line = w->line };
    int rc = read_cleared(l, all, &c->cleared, &to->clearance);
    int r = read_addresses(l, &c->who, w, &to->who, &to->n_who);
    rc = rc ? rc : r;
    size_t n = 0;
    r = c->lists ? load_strings(l, c->lists, &names, &n) : 0;
    rc = rc ? rc : r;
    if (!c->who.n && !c->lists)
        rc = mistake(l, w, "a clearance is for somebody: \"who\", \"lists\", or both");
    to->lists = arena_alloc(l->arena, (n ? n : 1) * sizeof *to->lists);
    if (!to->lists)
        return GW_ERR(NOMEM);
    for (size_t i = 0; i < n && !r; i++) {
        int e = list_load(l, names[i], true, c->lists, &to->lists[to->n_lists]);
        to->n_lists += !e;
        rc = rc ? rc : e;
    }
    return rc;
}

static int read_default(struct pol_load *l, const struct labels *all, const struct label_default_conf *c, struct label_default *to)
{
    const struct conf_where *w = &c->where;
    *to = (struct label_default){ .file = w->file, .line = w->line };
    int r, rc = label_read_policy(l, all, c->policy, w->file, w->line, &to->label.policy);
    if (!rc) {
        r = label_read_level(l, to->label.policy, c->classification, w->file, w->line, &to->label.level);
        rc = label_read_values(l, to->label.policy, &c->categories, w->file, w->line, false, &to->label.values);
        rc = rc ? rc : r;
    }
    r = read_addresses(l, &c->room, w, &to->room, &to->n_room);
    rc = rc ? rc : r;
    r = read_addresses(l, &c->from, w, &to->from, &to->n_from);
    rc = rc ? rc : r;
    if (!c->room.n && !c->from.n)
        rc = mistake(l, w, "a default is for something: \"room\", \"from\", or both");
    for (size_t i = 0; i < to->n_room; i++)
        if (to->room[i].form == ADDR_FULL)
            rc = mistake(l, w, "a room is written without a nickname");
    return rc;
}

static int read_pair(struct pol_load *l, const struct labels *all, const struct label_pair_conf *c, struct label_pair *to)
{
    const struct conf_where *w = &c->where;
    struct addr_pattern *v;
    size_t n = 0;
    *to = (struct label_pair){ .file = w->file, .line = w->line, .withhold = c->items == 1 };
    int rc = read_addresses(l, &c->between, w, &v, &n);
    for (size_t i = 0; i < n; i++)
        if (v[i].form != ADDR_DOMAIN && v[i].form != ADDR_BELOW)
            rc = mistake(l, w, "\"between\" wants two domains: domain or *.domain");
    to->clearances = arena_alloc(l->arena, (c->clearances.n ? c->clearances.n : 1) * sizeof *to->clearances);
    if (!to->clearances)
        return GW_ERR(NOMEM);
    if (n == 2) {
        to->a = v[0];
        to->b = v[1];
    }
    for (size_t i = 0; i < c->clearances.n; i++) {
        const struct label_cleared_conf *one = (const struct label_cleared_conf *)c->clearances.v + i;
        int r = read_cleared(l, all, one, &to->clearances[to->n_clearances]);
        for (size_t k = 0; k < to->n_clearances && !r; k++)
            if (to->clearances[k].policy == to->clearances[to->n_clearances].policy)
                r = mistake(l, &one->where, "this pair has a clearance in that policy already");
        to->n_clearances += !r;
        rc = rc ? rc : r;
    }
    return rc;
}

int label_who_load(struct pol_load *l, struct labels *all, const struct conf_list *clearances, const struct conf_list *defaults,
    const struct conf_list *pairs)
{
    struct label_holder *h = arena_alloc(l->arena, (all->n_holders + clearances->n + 1) * sizeof *h);
    struct label_default *d = arena_alloc(l->arena, (all->n_defaults + defaults->n + 1) * sizeof *d);
    struct label_pair *p = arena_alloc(l->arena, (all->n_pairs + pairs->n + 1) * sizeof *p);
    int rc = 0, r;
    if (!h || !d || !p)
        return GW_ERR(NOMEM);
    memcpy(h, all->holders ? all->holders : h, all->n_holders * sizeof *h);
    memcpy(d, all->defaults ? all->defaults : d, all->n_defaults * sizeof *d);
    memcpy(p, all->pairs ? all->pairs : p, all->n_pairs * sizeof *p);
    all->holders = h;
    all->defaults = d;
    all->pairs = p;
    for (size_t i = 0; i < clearances->n; i++) {
        const struct label_holder_conf *c = (const struct label_holder_conf *)clearances->v + i;
        if (c->cleared.where.bad) /* what is wrong in form was told */
            continue;
        r = read_holder(l, all, c, &h[all->n_holders]);
        all->n_holders++;
        rc = rc ? rc : r;
    }
    for (size_t i = 0; i < defaults->n; i++) {
        const struct label_default_conf *c = (const struct label_default_conf *)defaults->v + i;
        if (c->where.bad)
            continue;
        r = read_default(l, all, c, &d[all->n_defaults]);
        all->n_defaults++;
        rc = rc ? rc : r;
    }
    for (size_t i = 0; i < pairs->n; i++) {
        const struct label_pair_conf *c = (const struct label_pair_conf *)pairs->v + i;
        if (c->where.bad)
            continue;
        r = read_pair(l, all, c, &p[all->n_pairs]);
        all->n_pairs++;
        rc = rc ? rc : r;
    }
    return rc;
}

/* ---- looking up ---- */

static bool among(const struct addr_pattern *v, size_t n, struct str jid)
{
    for (size_t i = 0; i < n; i++)
        if (addr_match(&v[i], jid))
            return true;
    return false;
}

void label_subject_of(const struct labels *all, struct str jid, struct label_subject *ret)
{
    ret->n = 0;
    for (size_t i = 0; i < all->n_holders; i++) {
        const struct label_holder *h = &all->holders[i];
        bool known = false, named = false;
        for (size_t k = 0; k < ret->n && !known; k++)
            known = ret->v[k]->policy == h->clearance.policy;
        if (known || ret->n == LABEL_POLICIES_MAX)
            continue;
        named = among(h->who, h->n_who, jid);
        for (size_t k = 0; k < h->n_lists && !named; k++)
            named = list_has_address(h->lists[k], jid);
        if (named)
            ret->v[ret->n++] = &h->clearance;
    }
}

const struct label_pair *label_pair_of(const struct labels *all, struct str from, struct str to)
{
    for (size_t i = 0; i < all->n_pairs; i++) {
        const struct label_pair *p = &all->pairs[i];
        if ((addr_match(&p->a, from) && addr_match(&p->b, to)) || (addr_match(&p->a, to) && addr_match(&p->b, from)))
            return p;
    }
    return NULL;
}

static struct str bare(struct str jid)
{
    const char *slash = memchr(jid.p, '/', jid.n);
    return slash ? (struct str){ jid.p, (size_t)(slash - jid.p) } : jid;
}

const struct label *label_default_of(const struct labels *all, const struct rec *r)
{
    for (size_t i = 0; i < all->n_defaults; i++)
        if (among(all->defaults[i].room, all->defaults[i].n_room, bare(r->to)) || among(all->defaults[i].room, all->defaults[i].n_room, bare(r->from)))
            return &all->defaults[i].label;
    for (size_t i = 0; i < all->n_defaults; i++)
        if (among(all->defaults[i].from, all->defaults[i].n_from, r->from))
            return &all->defaults[i].label;
    return NULL;
}

/* ---- mistakes of thought ---- */

static bool covered(const struct addr_pattern *v, size_t n, const struct addr_pattern *one)
{
    for (size_t i = 0; i < n; i++)
        if ((v[i].form == one->form && str_eq(v[i].text, one->text)) ||
            (addr_match(&v[i], one->text) && (one->form == ADDR_FULL || (one->form == ADDR_BARE && v[i].form != ADDR_FULL))))
            return true;
    return false;
}

static bool has_default(const struct labels *all, const struct addr_pattern *of)
{
    for (size_t i = 0; i < all->n_defaults; i++)
        if (covered(all->defaults[i].from, all->defaults[i].n_from, of) || (of->form == ADDR_DOMAIN && among(all->defaults[i].from, all->defaults[i].n_from, of->text)))
            return true;
    return false;
}

void label_lint(const struct policy *p, struct conf_errors *errs)
{
    const struct labels *all = p->labels;
    for (size_t i = 0; all && i < all->n_pairs; i++) {
        const struct label_pair *q = &all->pairs[i];
        for (int side = 0; side < 2; side++) {
            const struct addr_pattern *of = side ? &q->b : &q->a;
            if (!has_default(all, of))
                conf_error_add(errs, CONF_WARNING, q->file, q->line, "labels are enforced here, and there is no default for what \"%s%.*s\" sends without "
                    "one: its presence, its requests and its unlabelled messages are all refused", of->form == ADDR_BELOW ? "*." : "", STR_ARG(of->text));
        }
    }
    for (size_t i = 0; all && i < all->n_holders; i++) {
        const struct label_holder *h = &all->holders[i];
        for (size_t k = 0; k < i && h->n_who && !h->n_lists; k++) {
            const struct label_holder *b = &all->holders[k];
            bool all_covered = b->clearance.policy == h->clearance.policy;
            for (size_t m = 0; m < h->n_who && all_covered; m++)
                all_covered = covered(b->who, b->n_who, &h->who[m]);
            if (all_covered) {
                conf_error_add(errs, CONF_WARNING, h->file, h->line, "this clearance never holds: %s:%u names the same before it, and the first one holds",
                    b->file ? b->file : "?", b->line);
                break;
            }
        }
    }
}
