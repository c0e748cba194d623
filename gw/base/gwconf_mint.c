/* SPDX-License-Identifier: GPL-3.0-or-later
 * Certificates that the gateway makes itself: with a CA of a side, one for each domain of the other side that none is given for. */
#include "gwconf_raw.h"
#include "pkcs11_uri.h"

static const char *const side_word[GW_SIDES] = { "high", "low" };

static void read_ca(struct gwconf_reader *r, enum gw_side side)
{
    const struct raw_mint *raw = &r->raw->side[side].mint;
    struct gw_mint *m = &r->c->side[side].mint;
    bool ca = raw->ca && raw->ca[0], key = raw->key && raw->key[0];

    m->line = raw->where.line;
    m->life = raw->life;
    if (ca != key)
        gwconf_mistake(r, CONF_ERROR, m->line, "mint: %s is there without %s; both are needed, or neither", ca ? "ca" : "key", ca ? "key" : "ca");
    if (!ca || !key)
        return;
    m->ca = gwconf_path(r, raw->ca);
    m->key = pkcs11_is_uri(raw->key) ? raw->key : gwconf_path(r, raw->key);
}

/* Given ones stay as they are; the rest of the other side's domains follow. */
static void fill_up(struct gwconf_reader *r, enum gw_side side)
{
    struct gw_side_conf *s = &r->c->side[side];
    const struct gw_side_conf *other = &r->c->side[gw_other(side)];
    struct gw_certificate *all = gwconf_take(r, s->n_certificates + other->n_domains, sizeof *all);
    size_t n = s->n_certificates;

    if (!all)
        return;
    if (n)
        memcpy(all, s->certificates, n * sizeof *all);
    for (size_t i = 0; i < other->n_domains; i++)
        if (!gw_conf_certificate(r->c, side, other->domains[i].name))
            all[n++] = (struct gw_certificate){ .domain = other->domains[i].name, .line = s->mint.line };
    if (n == s->n_certificates)
        gwconf_mistake(r, CONF_WARNING, s->mint.line, "mint: every domain of side %s has a certificate in %s.certificates, so none is made",
            side_word[gw_other(side)], side_word[side]);
    s->certificates = all;
    s->n_certificates = n;
}

static bool same(const char *a, const char *b)
{
    return a && b && strcmp(a, b) == 0;
}

/* A CA's key signs certificates and nothing else; and each side has its own, or one side's servers would take what is made for the other. */
static void check_key(struct gwconf_reader *r, enum gw_side side)
{
    const struct gw_conf *c = r->c;
    const struct gw_mint *m = &c->side[side].mint;

    for (int s = 0; s < GW_SIDES; s++)
        for (size_t i = 0; i < c->side[s].n_certificates; i++)
            if (same(c->side[s].certificates[i].key, m->key))
                gwconf_mistake(r, CONF_ERROR, m->line, "mint: key: \"%s\" is the key of a certificate (line %u) as well; a CA's key is for nothing else", m->key,
                    c->side[s].certificates[i].line);
    if (same(c->journal.key, m->key))
        gwconf_mistake(r, CONF_ERROR, m->line, "mint: key: \"%s\" is the journal's key as well; a CA's key is for nothing else", m->key);
    if (side == GW_LOW && (same(m->key, c->side[GW_HIGH].mint.key) || same(m->ca, c->side[GW_HIGH].mint.ca)))
        gwconf_mistake(r, CONF_ERROR, m->line, "mint: both sides have the same CA; each side needs one of its own");
}

void gwconf_mint(struct gwconf_reader *r)
{
    for (enum gw_side side = GW_HIGH; side < GW_SIDES; side++)
        read_ca(r, side);
    for (enum gw_side side = GW_HIGH; side < GW_SIDES && r->fatal == 0; side++)
        if (r->c->side[side].mint.ca)
            fill_up(r, side);
    for (enum gw_side side = GW_HIGH; side < GW_SIDES && r->fatal == 0; side++)
        if (r->c->side[side].mint.ca)
            check_key(r, side);
}
