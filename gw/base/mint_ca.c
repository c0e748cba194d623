/* SPDX-License-Identifier: GPL-3.0-or-later
 * What a CA must be like with which the gateway makes certificates. Whoever gets hold of its key then makes certificates for the domains
 * that the gateway stands for on that side, and for no others: not the constraint's word but every server's check of the chain says so. */
#include "mint.h"

#include <openssl/x509v3.h>
#include <stdarg.h>
#include <stdio.h>
#include <strings.h>

unsigned mint_scheme(EVP_PKEY *k)
{
    int bits = EVP_PKEY_get_bits(k);

    if (EVP_PKEY_is_a(k, "RSA"))
        return bits >= 2048 && bits <= 8192 ? 0x0401 : 0;
    if (EVP_PKEY_is_a(k, "EC"))
        return bits == 256 ? 0x0403 : bits == 384 ? 0x0503 : bits == 521 ? 0x0603 : 0;
    return EVP_PKEY_is_a(k, "ED25519") ? 0x0807 : 0;
}

bool mint_within(struct str name, struct str base)
{
    bool below = base.n > 0 && base.p[0] == '.';

    if (base.n == 0)
        return true;
    if (name.n < base.n || (below && name.n == base.n) || strncasecmp(name.p + name.n - base.n, base.p, base.n) != 0)
        return false;
    return below || name.n == base.n || name.p[name.n - base.n - 1] == '.';
}

__attribute__((format(printf, 3, 4))) static bool wrong(char *text, size_t room, const char *fmt, ...)
{
    va_list ap;
    va_start(ap, fmt);
    if (vsnprintf(text, room, fmt, ap) < 0)
        text[0] = 0;
    va_end(ap);
    return false;
}

/* The dNSName of a subtree, or false: another kind of name. */
static bool dns_of(const GENERAL_SUBTREE *t, struct str *ret)
{
    if (t->base->type != GEN_DNS)
        return false;
    *ret = (struct str){ (const char *)ASN1_STRING_get0_data(t->base->d.dNSName), (size_t)ASN1_STRING_length(t->base->d.dNSName) };
    return true;
}

static bool in_any(const STACK_OF(GENERAL_SUBTREE) *v, struct str name)
{
    struct str base;
    for (int i = 0; i < sk_GENERAL_SUBTREE_num(v); i++)
        if (dns_of(sk_GENERAL_SUBTREE_value(v, i), &base) && mint_within(name, base))
            return true;
    return false;
}

static const struct gw_domain *first_within(const struct gw_side_conf *s, struct str base)
{
    for (size_t i = 0; i < s->n_domains; i++)
        if (mint_within(s->domains[i].name, base))
            return &s->domains[i];
    return NULL;
}

/* Every permitted dNSName is a domain of the other side, or a parent of one, and of none of this side's. */
static bool permits_no_more(const NAME_CONSTRAINTS *nc, const struct gw_conf *conf, enum gw_side side, char *text, size_t room)
{
    struct str base;
    for (int i = 0; i < sk_GENERAL_SUBTREE_num(nc->permittedSubtrees); i++) {
        const struct gw_domain *d;
        if (!dns_of(sk_GENERAL_SUBTREE_value(nc->permittedSubtrees, i), &base))
            continue;
        if ((d = first_within(&conf->side[side], base)))
            return wrong(text, room, "its nameConstraints permit \"%.*s\", and so \"%s\", which lives on side %s itself", STR_ARG(base), d->name.p, gw_side_name(side));
        if (!first_within(&conf->side[gw_other(side)], base))
            return wrong(text, room, "its nameConstraints permit \"%.*s\", which is no domain of side %s, nor a parent of one", STR_ARG(base),
                gw_side_name(gw_other(side)));
    }
    return true;
}

static bool permits_what_is_minted(const NAME_CONSTRAINTS *nc, const struct gw_side_conf *s, char *text, size_t room)
{
    for (size_t i = 0; i < s->n_certificates; i++) {
        struct str name = s->certificates[i].domain;
        if (gw_conf_minted(&s->certificates[i]) && (!in_any(nc->permittedSubtrees, name) || in_any(nc->excludedSubtrees, name)))
            return wrong(text, room, "its nameConstraints do not permit \"%.*s\"; wanted: permitted;DNS:%.*s", STR_ARG(name), STR_ARG(name));
    }
    return true;
}

bool mint_ca_fits(X509 *ca, const struct gw_conf *conf, enum gw_side side, char *text, size_t room)
{
    int critical = 0;
    NAME_CONSTRAINTS *nc = X509_get_ext_d2i(ca, NID_name_constraints, &critical, NULL);
    uint32_t flags = X509_get_extension_flags(ca);
    bool fits;

    if (flags & EXFLAG_INVALID)
        fits = wrong(text, room, "it holds an extension that cannot be read");
    else if (!(flags & EXFLAG_CA) || !(flags & EXFLAG_BCONS))
        fits = wrong(text, room, "it is no CA's certificate; wanted: basicConstraints=critical,CA:TRUE,pathlen:0");
    else if (X509_get_pathlen(ca) != 0)
        fits = wrong(text, room, "it could make further CAs; wanted: basicConstraints=critical,CA:TRUE,pathlen:0");
    else if (!(flags & EXFLAG_KUSAGE) || !(X509_get_key_usage(ca) & KU_KEY_CERT_SIGN))
        fits = wrong(text, room, "its key may not sign certificates; wanted: keyUsage=critical,keyCertSign,cRLSign");
    else if (!X509_get0_subject_key_id(ca))
        fits = wrong(text, room, "it has no subjectKeyIdentifier; wanted: subjectKeyIdentifier=hash");
    else if (!mint_scheme(X509_get0_pubkey(ca)))
        fits = wrong(text, room, "its kind of key is not supported; allowed: RSA of 2048 to 8192 bits, P-256, P-384, P-521, Ed25519");
    else if (!nc || critical != 1)
        fits = wrong(text, room, "it has no critical nameConstraints, so its key could speak for any domain; wanted: nameConstraints=critical,permitted;DNS:...");
    else
        fits = permits_no_more(nc, conf, side, text, room) && permits_what_is_minted(nc, &conf->side[side], text, room);
    NAME_CONSTRAINTS_free(nc);
    return fits;
}
