/* SPDX-License-Identifier: GPL-3.0-or-later
 * Certificates: chains that the keeper made; whom one names, as XMPP reads it. */
#include "cert.h"

#include <openssl/err.h>
#include <openssl/x509v3.h>
#include <strings.h>

#include "jid.h"
#include "sha256.h"

#define OID_XMPP_ADDR "1.3.6.1.5.5.7.8.5"
#define CHAIN_ABOVE_MAX 9 /* the CA and its issuers (gw/keeper/mint.c) */
#define OID_SRV_NAME "1.3.6.1.5.5.7.8.7"

static bool same(struct str a, struct str b)
{
    return a.n == b.n && a.n > 0 && strncasecmp(a.p, b.p, a.n) == 0;
}

/* An ASN.1 string as bytes; a NUL inside makes it nobody's name. */
static struct str asn1(const ASN1_STRING *s)
{
    struct str r;
    if (!s)
        return STR_NONE;
    r = (struct str){ (const char *)ASN1_STRING_get0_data(s), (size_t)ASN1_STRING_length(s) };
    return r.n && !memchr(r.p, 0, r.n) ? r : STR_NONE;
}

/* "*.example.org" stands for exactly one label, and only above at least two others. */
static bool dns_matches(struct str pattern, struct str ascii)
{
    const char *dot;
    struct str rest;
    if (pattern.n < 3 || pattern.p[0] != '*')
        return !memchr(pattern.p ? pattern.p : "", '*', pattern.n) && same(pattern, ascii);
    if (pattern.p[1] != '.' || memchr(pattern.p + 1, '*', pattern.n - 1) || !memchr(pattern.p + 2, '.', pattern.n - 2))
        return false;
    dot = memchr(ascii.p, '.', ascii.n);
    if (!dot || dot == ascii.p)
        return false;
    rest = (struct str){ dot, ascii.n - (size_t)(dot - ascii.p) };
    return same((struct str){ pattern.p + 1, pattern.n - 1 }, rest);
}

static bool srv_matches(const ASN1_TYPE *v, struct str ascii)
{
    static const char service[] = "_xmpp-server.";
    struct str s = v && v->type == V_ASN1_IA5STRING ? asn1(v->value.ia5string) : STR_NONE;
    if (s.n < sizeof service || strncasecmp(s.p, service, sizeof service - 1) != 0)
        return false;
    return same((struct str){ s.p + sizeof service - 1, s.n - (sizeof service - 1) }, ascii);
}

static bool addr_matches(const ASN1_TYPE *v, struct str prepared)
{
    char text[JID_PART_MAX + 1];
    struct str domain, s = v && v->type == V_ASN1_UTF8STRING ? asn1(v->value.utf8string) : STR_NONE;
    if (!s.n || memchr(s.p, '@', s.n) || memchr(s.p, '/', s.n)) /* a user's address is no server's */
        return false;
    return jid_prepare_domain(s, text, &domain) == 0 && str_eq(domain, prepared);
}

static bool other_matches(const OTHERNAME *o, struct str prepared, struct str ascii)
{
    char oid[64];
    if (OBJ_obj2txt(oid, sizeof oid, o->type_id, 1) <= 0)
        return false;
    if (strcmp(oid, OID_SRV_NAME) == 0)
        return srv_matches(o->value, ascii);
    return strcmp(oid, OID_XMPP_ADDR) == 0 && addr_matches(o->value, prepared);
}

bool cert_names(X509 *cert, struct str prepared, struct str ascii, bool dns_only)
{
    bool found = false;
    GENERAL_NAMES *names = X509_get_ext_d2i(cert, NID_subject_alt_name, NULL, NULL);
    for (int i = 0; names && i < sk_GENERAL_NAME_num(names) && !found; i++) {
        const GENERAL_NAME *g = sk_GENERAL_NAME_value(names, i);
        if (g->type == GEN_DNS)
            found = dns_matches(asn1(g->d.dNSName), ascii);
        else if (g->type == GEN_OTHERNAME && !dns_only)
            found = other_matches(g->d.otherName, prepared, ascii);
    }
    GENERAL_NAMES_free(names);
    return found;
}

static bool has_dns(const STACK_OF(GENERAL_SUBTREE) *v)
{
    for (int i = 0; i < sk_GENERAL_SUBTREE_num(v); i++)
        if (sk_GENERAL_SUBTREE_value(v, i)->base->type == GEN_DNS)
            return true;
    return false;
}

bool cert_constrained(const STACK_OF(X509) *chain)
{
    bool found = sk_X509_num(chain) < 1;
    for (int i = 1; i < sk_X509_num(chain) && !found; i++) {
        int critical;
        NAME_CONSTRAINTS *c = X509_get_ext_d2i(sk_X509_value(chain, i), NID_name_constraints, &critical, NULL);
        found = c ? has_dns(c->permittedSubtrees) || has_dns(c->excludedSubtrees) : critical != -1; /* -1: there are none; else unreadable */
        NAME_CONSTRAINTS_free(c);
    }
    return found;
}

bool cert_pinned(X509 *cert, const struct gw_domain *domain)
{
    unsigned char *spki = NULL, found[32];
    int n = domain->n_pins ? i2d_X509_PUBKEY(X509_get_X509_PUBKEY(cert), &spki) : 0;
    bool pinned = domain->n_pins == 0;
    if (n > 0) {
        sha256(spki, (size_t)n, found);
        for (size_t i = 0; i < domain->n_pins && !pinned; i++)
            pinned = memcmp(domain->pins[i], found, sizeof found) == 0;
    }
    OPENSSL_free(spki);
    return pinned;
}

int cert_chain(struct str der, X509 **ret_leaf, STACK_OF(X509) **ret_above)
{
    const unsigned char *p = (const unsigned char *)der.p, *end = p + der.n;
    X509 *leaf = der.n ? d2i_X509(NULL, &p, (long)der.n) : NULL, *x;
    STACK_OF(X509) *above = sk_X509_new_null();
    int err = !leaf ? GW_ERR(SYNTAX) : !above ? GW_ERR(NOMEM) : 0;
    while (!err && p < end) {
        x = sk_X509_num(above) < CHAIN_ABOVE_MAX ? d2i_X509(NULL, &p, (long)(end - p)) : NULL;
        if (!x)
            err = sk_X509_num(above) < CHAIN_ABOVE_MAX ? GW_ERR(SYNTAX) : GW_ERR(LIMIT);
        else if (sk_X509_push(above, x) <= 0) {
            X509_free(x);
            err = GW_ERR(NOMEM);
        }
    }
    ERR_clear_error();
    if (err) {
        X509_free(leaf);
        sk_X509_pop_free(above, X509_free);
        return err;
    }
    *ret_leaf = leaf;
    *ret_above = above;
    return 0;
}
