/* SPDX-License-Identifier: GPL-3.0-or-later
 * Catalogue requests (XEP-0258 section 4), answered from the label policies: the labels that this sender may use towards that recipient,
 * one for each classification, and for each with one category. It says nothing about what the asker is not cleared for. */
#include <string.h>

#include "answer.h"
#include "jid.h"
#include "label.h"

#define OFFERS_MAX 200

struct catalogue {
    struct pol_eval *e;
    struct rec *to;
    struct label_subject sender, recipient, channel;
    bool enforced;
    const struct label *def; /* what an unlabelled stanza would be; NULL: none */
    unsigned n;
};

static uint32_t asked(const struct rec *r)
{
    return answer_is_question(r) ? rec_child(r, 0, STR(NS_LABEL_CATALOG), STR("catalog"), REC_NONE) : REC_NONE;
}

bool label_catalog_asked(const struct rec *r) { return asked(r) != REC_NONE; }

static bool may_use(const struct catalogue *c, const struct label *l)
{
    return label_admits(&c->sender, l, NULL) && label_admits(&c->recipient, l, NULL) && (!c->enforced || label_admits(&c->channel, l, NULL));
}

static int offer(struct catalogue *c, const struct label *l)
{
    char marking[1024], selector[1200];
    if (c->n == OFFERS_MAX || !may_use(c, l))
        return 0;
    c->n++;
    size_t m = label_marking(l, marking, sizeof marking);
    for (size_t i = 0; i < m; i++) /* a selector's own separator */
        marking[i] = marking[i] == '|' ? '/' : marking[i];
    int n = snprintf(selector, sizeof selector, "%.*s|%.*s", STR_ARG(l->policy->name), (int)m, marking);
    int rc = rec_open(c->to, STR(NS_LABEL_CATALOG), STR("item"));
    if (!rc && c->def && label_equal(c->def, l))
        rc = rec_attr_add(c->to, STR_NONE, STR("default"), STR("true"));
    if (!rc)
        rc = rec_attr_add(c->to, STR_NONE, STR("selector"), (struct str){ selector, (size_t)n });
    if (!rc)
        rc = label_write(c->to, l, label_no_ess(l->policy) ? LABEL_PLAIN : LABEL_ESS);
    return rc ? rc : rec_close(c->to);
}

static int offer_policy(struct catalogue *c, const struct label_policy *p)
{
    int rc = 0;
    for (unsigned level = 0; level < p->n_levels && !rc; level++) {
        struct label l = { .policy = p, .level = level };
        rc = offer(c, &l);
        for (unsigned v = 0; v < p->n_values && !rc; v++) {
            if (p->tag[p->value[v].tag].type == LABEL_INFORMATIVE)
                continue;
            struct label with = l;
            label_bit_set(&with.values, v);
            rc = offer(c, &with);
        }
    }
    return rc;
}

/* Who asks, about whom: a server may ask for one of its users (from), about an address behind the gate (to). */
static bool parties(struct catalogue *c, uint32_t q, struct jid *about)
{
    const struct rec *r = c->e->in;
    const struct labels *all = c->e->p->labels;
    struct str from = rec_attr_get(r, q, STR_NONE, STR("from")), to = rec_attr_get(r, q, STR_NONE, STR("to"));
    struct jid user;
    if (jid_prepare(to.n ? to : r->to, about) || !str_eq(about->domain, r->to_domain))
        return false; /* not ours to answer for */
    if (from.n && (jid_prepare(from, &user) || !str_eq(user.domain, r->from_domain)))
        return false;
    label_subject_of(all, from.n ? user.full : r->from, &c->sender);
    label_subject_of(all, about->full, &c->recipient);
    const struct label_pair *pair = label_pair_of(all, r->from_domain, r->to_domain);
    c->enforced = pair != NULL;
    for (size_t i = 0; pair && i < pair->n_clearances; i++)
        c->channel.v[c->channel.n++] = &pair->clearances[i];
    struct rec would = *r; /* the addresses of a message between the two */
    would.to = about->full;
    would.from = from.n ? user.full : r->from;
    c->def = label_default_of(all, &would);
    return true;
}

enum pol_step label_catalog_answer(struct pol_eval *e)
{
    struct catalogue c = { .e = e };
    struct jid about;
    uint32_t q = asked(e->in);
    if (!e->p->labels || q == REC_NONE || !parties(&c, q, &about))
        return pol_refuse(e, GW_R_UNKNOWN_CONDITION);
    c.to = answer_begin(e);
    int rc = c.to ? rec_open(c.to, STR(NS_LABEL_CATALOG), STR("catalog")) : GW_ERR(NOMEM);
    if (!rc)
        rc = rec_attr_add(c.to, STR_NONE, STR("name"), STR("Labels"));
    if (!rc)
        rc = rec_attr_add(c.to, STR_NONE, STR("restrict"), STR("true"));
    if (!rc)
        rc = rec_attr_add(c.to, STR_NONE, STR("to"), about.full);
    for (const struct label_policy *p = e->p->labels->policies; p && !rc; p = p->next) {
        bool own = false;
        for (size_t i = 0; i < c.sender.n; i++)
            own |= c.sender.v[i]->policy == p;
        rc = own ? offer_policy(&c, p) : 0;
    }
    if (!rc)
        rc = rec_close(c.to);
    pol_note(e, TRI_YES, false, "catalogue: %u labels that this sender may use towards %.*s", c.n, STR_ARG(about.full));
    if (rc) {
        rec_free(c.to);
        c.to = NULL;
    }
    return answer_end(e, c.to);
}
