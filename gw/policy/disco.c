/* SPDX-License-Identifier: GPL-3.0-or-later
 * Disco and caps kept true: see disco.h. The memory is keyed by the pair of domains, in the direction in which the set was told; the
 * rule set is that of its guard. */
#include "disco.h"

#include <stdlib.h>
#include <string.h>

#include "answer.h"
#include "label.h"
#include "schema.h"
#include "state.h"

#define NS_INFO "http://jabber.org/protocol/disco#info"
#define NS_CAPS "http://jabber.org/protocol/caps"
#define NS_CAPS2 "urn:xmpp:caps"
#define NS_HASHES "urn:xmpp:hashes:2"
#define SET_MAX 16384 /* bytes of one set */

/* before: the hash as its owner tells it; after: of the filtered set. */
struct learned { uint64_t before, after, age; char text[CAPS_TEXT]; char *set; size_t n; uint16_t owner; };
struct disco_memory { struct learned v[DISCO_SETS]; size_t next; uint64_t age; };

void disco_memory_free(struct disco_memory *m)
{
    for (size_t i = 0; m && i < DISCO_SETS; i++)
        free(m->v[i].set);
    free(m);
}

static uint64_t key(const struct pol_eval *e, enum caps_kind kind, struct str owner, struct str told, struct str hash)
{
    return !e->state ? 0 : state_key(e->state, kind == CAPS_SHA1 ? "caps sha-1" : "caps sha-256", owner, told, hash);
}

static const struct learned *find(const struct pol_eval *e, bool after, uint64_t k)
{
    const struct disco_memory *m = e->state ? *state_disco(e->state) : NULL;
    for (size_t i = 0; m && i < DISCO_SETS; i++)
        if (m->v[i].set && (after ? m->v[i].after : m->v[i].before) == k)
            return &m->v[i];
    return NULL;
}

bool disco_memory_next(const struct disco_memory *m, size_t *at, struct disco_set *ret)
{
    for (; m && *at < DISCO_SETS; (*at)++) {
        const struct learned *l = &m->v[(m->next + *at) % DISCO_SETS]; /* the oldest first */
        if (!l->set)
            continue;
        *ret = (struct disco_set){ l->before, l->after, str_c(l->text), { l->set, l->n }, l->owner };
        (*at)++;
        return true;
    }
    return false;
}

/* The owner's oldest, where it has its share; else the next in turn. */
static struct learned *place_for(struct disco_memory *m, uint16_t owner)
{
    struct learned *oldest = NULL;
    size_t n = 0;
    for (size_t i = 0; i < DISCO_SETS; i++) {
        struct learned *l = &m->v[i];
        if (!l->set || l->owner != owner)
            continue;
        n++;
        if (!oldest || l->age < oldest->age)
            oldest = l;
    }
    return n >= DISCO_SHARE ? oldest : &m->v[m->next++ % DISCO_SETS];
}

int disco_memory_add(struct disco_memory **m, const struct disco_set *s)
{
    if (!s->before || !s->after || !s->text.n || s->text.n >= CAPS_TEXT || memchr(s->text.p, 0, s->text.n) || !s->set.n || s->set.n > SET_MAX)
        return GW_ERR(SYNTAX);
    if (!*m && !(*m = calloc(1, sizeof **m)))
        return GW_ERR(NOMEM);
    char *copy = malloc(s->set.n);
    if (!copy)
        return GW_ERR(NOMEM);
    memcpy(copy, s->set.p, s->set.n);
    struct learned *l = place_for(*m, s->owner);
    free(l->set);
    *l = (struct learned){ .before = s->before, .after = s->after, .age = ++(*m)->age, .set = copy, .n = s->set.n, .owner = s->owner };
    memcpy(l->text, s->text.p, s->text.n);
    return 0;
}

/* ---- features ---- */

static bool may_tell(const struct policy *set, struct str var)
{
    const struct schema *s = set->schema;
    if (label_disco_hides(set, var))
        return false;
    struct str notify = STR("+notify");
    if (var.n > notify.n && !memcmp(var.p + var.n - notify.n, notify.p, notify.n))
        var.n -= notify.n;
    for (const struct schema_element *x = s->all; x; x = x->all)
        if (str_eq(x->ns, var))
            return true;
    for (const struct schema_features *f = s->features; f; f = f->next)
        for (size_t i = 0; i < f->list.n; i++) {
            struct str p = str_c(f->list.v[i]);
            bool open = p.n && p.p[p.n - 1] == '*';
            if (open ? var.n >= p.n - 1 && !memcmp(var.p, p.p, p.n - 1) : str_eq(p, var))
                return true;
        }
    return false;
}

static uint32_t query_of(const struct rec *r, const char *type)
{
    return r->kind == REC_IQ && str_eq(r->type, str_c(type)) ? rec_child(r, 0, STR(NS_INFO), STR("query"), REC_NONE) : REC_NONE;
}

static bool filter_answer(struct pol_eval *e, uint32_t query)
{
    size_t n = 0;
    for (uint32_t c = rec_child(e->rec, query, STR(NS_INFO), STR("feature"), REC_NONE); c != REC_NONE; c = rec_child(e->rec, query, STR(NS_INFO), STR("feature"), c)) {
        if (may_tell(e->p, rec_attr_get(e->rec, c, STR_NONE, STR("var"))))
            continue;
        n++;
        if (!pol_edit(e, (struct rec_edit){ .op = REC_DROP, .node = c, .attr = REC_NONE }))
            return false;
    }
    if (n && (!pol_apply(e) || !pol_changed(e, "disco: %zu features that no profile lets through", n)))
        return false;
    if (n)
        pol_note(e, TRI_YES, false, "disco: %zu features that no profile lets through are not told", n);
    return true;
}

/* ---- hashes in presence ---- */

static bool drop(struct pol_eval *e, uint32_t node)
{
    return pol_edit(e, (struct rec_edit){ .op = REC_DROP, .node = node, .attr = REC_NONE }) && pol_changed(e, "caps: a hash that is not known here");
}

static bool rename_hash(struct pol_eval *e, uint32_t c)
{
    struct str ver = rec_attr_get(e->rec, c, STR_NONE, STR("ver"));
    bool sha1 = str_eq(rec_attr_get(e->rec, c, STR_NONE, STR("hash")), STR("sha-1")) && ver.n;
    const struct learned *l = sha1 ? find(e, false, key(e, CAPS_SHA1, e->in->from_domain, e->in->to_domain, ver)) : NULL;
    if (!l)
        return drop(e, c);
    struct str with = arena_str(&e->arena, str_c(l->text));
    return with.p && pol_edit(e, (struct rec_edit){ .op = REC_SET_ATTR, .node = c, .attr = REC_NONE, .name = STR("ver"), .with = with }) &&
        pol_changed(e, "caps: the hash of the filtered set");
}

static bool rename_hashes(struct pol_eval *e, uint32_t c)
{
    const struct rec *r = e->rec;
    size_t left = 0, edits = e->n_edits;
    for (uint32_t h = r->nodes[c].first_child; h != REC_NONE; h = r->nodes[h].next) {
        uint32_t t = r->nodes[h].is_text ? REC_NONE : r->nodes[h].first_child;
        bool sha256 = t != REC_NONE && r->nodes[t].is_text && str_eq(r->nodes[h].ns, STR(NS_HASHES)) &&
            str_eq(rec_attr_get(r, h, STR_NONE, STR("algo")), STR("sha-256"));
        const struct learned *l = sha256 ? find(e, false, key(e, CAPS_SHA256, e->in->from_domain, e->in->to_domain, r->nodes[t].text)) : NULL;
        struct str with = l ? arena_str(&e->arena, str_c(l->text)) : STR_NONE;
        left += l != NULL;
        if (l ? !with.p || !pol_edit(e, (struct rec_edit){ .op = REC_REPLACE, .node = t, .attr = REC_NONE, .len = r->nodes[t].text.n, .with = with }) :
                !pol_edit(e, (struct rec_edit){ .op = REC_DROP, .node = h, .attr = REC_NONE }))
            return false;
    }
    if (left)
        return pol_changed(e, "caps: the hash of the filtered set");
    e->n_edits = edits; /* nothing of it is left */
    return drop(e, c);
}

static bool filter_presence(struct pol_eval *e)
{
    for (uint32_t c = e->rec->nodes[0].first_child; c != REC_NONE; c = e->rec->nodes[c].next) {
        const struct rec_node *n = &e->rec->nodes[c];
        if (n->is_text || !str_eq(n->name, STR("c")))
            continue;
        if ((str_eq(n->ns, STR(NS_CAPS)) && !rename_hash(e, c)) || (str_eq(n->ns, STR(NS_CAPS2)) && !rename_hashes(e, c)))
            return false;
    }
    return !e->n_edits || pol_apply(e);
}

bool disco_filter(struct pol_eval *e)
{
    if (e->p->tell_all)
        return true;
    if (e->rec->kind == REC_PRESENCE)
        return filter_presence(e);
    uint32_t query = query_of(e->rec, "result");
    if (query == REC_NONE)
        return true;
    return filter_answer(e, query) && label_disco_add(e, query_of(e->rec, "result"));
}

/* ---- learning ---- */

static void learn(struct pol_eval *e, enum caps_kind kind, uint32_t was, uint32_t is, struct str set)
{
    char before[CAPS_TEXT], after[CAPS_TEXT];
    if (caps_hash(e->in, was, kind, &e->arena, before) || caps_hash(e->rec, is, kind, &e->arena, after))
        return;
    uint64_t k = key(e, kind, e->in->from_domain, e->in->to_domain, str_c(before));
    const struct disco_set d = { k, key(e, kind, e->in->from_domain, e->in->to_domain, str_c(after)), str_c(after), set,
        (uint16_t)state_key(e->state, "caps of", e->in->from_domain, e->in->to_domain, STR_NONE) };
    if (!find(e, false, k))
        (void)!disco_memory_add(state_disco(e->state), &d); /* no memory: it is learned another time */
}

void disco_commit(struct pol_eval *e)
{
    uint32_t was = query_of(e->in, "result"), is = query_of(e->rec, "result");
    struct buf b;
    if (e->p->tell_all || was == REC_NONE || is == REC_NONE || e->v.verdict != GW_V_RELEASE)
        return;
    buf_init(&b, SET_MAX);
    if (!rec_encode(e->rec, &b))
        for (enum caps_kind kind = CAPS_SHA1; kind < CAPS_KINDS; kind++)
            learn(e, kind, was, is, buf_str(&b));
    buf_clear(&b);
}

/* ---- answering ---- */

static struct rec *tell(struct pol_eval *e, const struct learned *l, struct str node)
{
    const struct rec_limits limits = REC_HARD_LIMITS;
    struct rec *set, *r = answer_begin(e);
    if (!r || rec_decode((struct str){ l->set, l->n }, &limits, &set)) {
        rec_free(r);
        return NULL;
    }
    uint32_t q = query_of(set, "result");
    int rc = q == REC_NONE ? GW_ERR(SYNTAX) : rec_open(r, STR(NS_INFO), STR("query"));
    rc = rc ? rc : rec_attr_add(r, STR_NONE, STR("node"), node);
    for (uint32_t c = rc ? REC_NONE : set->nodes[q].first_child; c != REC_NONE && !rc; c = set->nodes[c].next)
        if (!set->nodes[c].is_text)
            rc = rec_copy(r, set, c);
    rc = rc ? rc : rec_close(r);
    rec_free(set);
    if (rc) {
        rec_free(r);
        return NULL;
    }
    return r;
}

/* "NODE#HASH", "urn:xmpp:caps#sha-256.HASH" */
static const struct learned *asked_for(const struct pol_eval *e, struct str node)
{
    struct str prefix = STR(NS_CAPS2 "#sha-256.");
    const char *hash = node.n ? memrchr(node.p, '#', node.n) : NULL;
    if (!hash)
        return NULL;
    if (node.n > prefix.n && !memcmp(node.p, prefix.p, prefix.n))
        return find(e, true, key(e, CAPS_SHA256, e->in->to_domain, e->in->from_domain, (struct str){ node.p + prefix.n, node.n - prefix.n }));
    return find(e, true, key(e, CAPS_SHA1, e->in->to_domain, e->in->from_domain, (struct str){ hash + 1, (size_t)(node.p + node.n - hash - 1) }));
}

bool disco_answer(struct pol_eval *e, enum pol_step *ret)
{
    uint32_t query = e->p->tell_all ? REC_NONE : query_of(e->rec, "get");
    struct str node = query == REC_NONE ? STR_NONE : rec_attr_get(e->rec, query, STR_NONE, STR("node"));
    const struct learned *l = node.n ? asked_for(e, node) : NULL;
    if (!l)
        return false;
    *ret = answer_end(e, tell(e, l, node));
    return true;
}
