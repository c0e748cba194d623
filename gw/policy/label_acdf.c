/* SPDX-License-Identifier: GPL-3.0-or-later
 * The access decision function: label and clearance in, grant or deny out. Nothing here looks at a stanza or a file, so that a test can
 * hold it against a model of its own for every pair. */
#include <string.h>

#include "label.h"

static bool within(const struct label_bits *a, const struct label_bits *b, const struct label_bits *mask)
{
    for (size_t i = 0; i < LABEL_VALUES_MAX / 64; i++)
        if (a->w[i] & mask->w[i] & ~b->w[i])
            return false;
    return true;
}

static bool meet(const struct label_bits *a, const struct label_bits *b, const struct label_bits *mask)
{
    for (size_t i = 0; i < LABEL_VALUES_MAX / 64; i++)
        if (a->w[i] & b->w[i] & mask->w[i])
            return true;
    return false;
}

bool label_equal(const struct label *a, const struct label *b)
{
    return a->policy == b->policy && a->level == b->level && !memcmp(&a->values, &b->values, sizeof a->values);
}

bool label_grants(const struct label_clearance *c, const struct label *l, const char **ret_why)
{
    const char *why = NULL;
    if (!l->policy || !c->policy || c->policy != l->policy)
        why = "there is no clearance for it";
    else if (!(c->levels >> l->level & 1))
        why = "the classification is not among those cleared for";
    for (unsigned t = 0; !why && t < l->policy->n_tags; t++) {
        const struct label_tag *tag = &l->policy->tag[t];
        if (tag->type == LABEL_RESTRICTIVE && !within(&l->values, &c->values, &tag->values))
            why = "a category that all readers need is missing";
        else if (tag->type == LABEL_PERMISSIVE && meet(&l->values, &l->values, &tag->values) && !meet(&l->values, &c->values, &tag->values))
            why = "none of the categories of which readers need one is there";
    }
    if (ret_why)
        *ret_why = why;
    return !why;
}

bool label_translate(const struct label *l, const struct label_policy *to, struct label *ret)
{
    const struct label_map *m = NULL;
    if (!l->policy)
        return false;
    if (l->policy == to) {
        *ret = *l;
        return true;
    }
    for (size_t i = 0; i < l->policy->n_maps && !m; i++)
        m = l->policy->maps[i].to == to ? &l->policy->maps[i] : NULL;
    if (!m || m->level[l->level] == LABEL_NO_MAP)
        return false;
    struct label out = { .policy = to, .level = m->level[l->level] };
    for (unsigned v = 0; v < l->policy->n_values; v++) {
        if (!label_bit(&l->values, v))
            continue;
        if (m->value[v] != LABEL_NO_MAP)
            label_bit_set(&out.values, m->value[v]);
        else if (l->policy->tag[l->policy->value[v].tag].type != LABEL_INFORMATIVE)
            return false; /* left out, a restriction would be lost */
    }
    *ret = out;
    return true;
}

bool label_admits(const struct label_subject *s, const struct label *l, const char **ret_why)
{
    const char *why = !l->policy ? "it has no label, and there is no default" : !s->n ? "there is no clearance at all" :
        "the label has no equivalent in a policy that there is a clearance in";
    bool any = false, all = true;
    for (size_t i = 0; i < s->n && l->policy; i++)
        if (s->v[i]->policy == l->policy)
            return label_grants(s->v[i], l, ret_why);
    for (size_t i = 0; i < s->n && all; i++) {
        struct label other;
        if (!label_translate(l, s->v[i]->policy, &other))
            continue;
        any = true;
        all = label_grants(s->v[i], &other, &why);
    }
    if (ret_why)
        *ret_why = any && all ? NULL : why;
    return any && all;
}
