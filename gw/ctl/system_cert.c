/* SPDX-License-Identifier: GPL-3.0-or-later
 * lockgate check --system: certificates that the gateway shows, and those that it trusts. RFC 5280; RFC 6120 section 13.7. */
#include <errno.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "mint.h"
#include "pkcs11_uri.h"
#include "system.h"

#define DAY 86400
#define SOON (30 * DAY)

static STACK_OF(X509) *read_all(const char *path)
{
    FILE *f = fopen(path, "re");
    STACK_OF(X509) *v = f ? sk_X509_new_null() : NULL;
    for (X509 *x; v && (x = PEM_read_X509(f, NULL, NULL, NULL));)
        if (!sk_X509_push(v, x)) {
            X509_free(x);
            break;
        }
    if (f)
        fclose(f);
    ERR_clear_error(); /* the end of the file */
    return v;
}

static void all_free(STACK_OF(X509) *v) { sk_X509_pop_free(v, X509_free); }

/* Whole days until it ends, negative: since. */
static long days_left(const X509 *x)
{
    int day = 0, second = 0;
    if (!ASN1_TIME_diff(&day, &second, NULL, X509_get0_notAfter(x)))
        return 0;
    return second < 0 ? day - 1 : day;
}

/* Whole days since it ended. */
static long days_since(const X509 *x)
{
    int day = 0, second = 0;
    return ASN1_TIME_diff(&day, &second, X509_get0_notAfter(x), NULL) && day > 0 ? day : 0;
}

/* What is wrong with the way from the certificate to an anchor of the side; NULL: nothing. */
static const char *chain_trouble(STACK_OF(X509) *chain, STACK_OF(X509) *anchors)
{
    const char *trouble = "out of memory";
    X509_STORE *store = X509_STORE_new();
    X509_STORE_CTX *x = X509_STORE_CTX_new();
    for (int i = 0; store && i < sk_X509_num(anchors); i++)
        X509_STORE_add_cert(store, sk_X509_value(anchors, i));
    if (store && x && X509_STORE_CTX_init(x, store, sk_X509_value(chain, 0), chain)) {
        X509_STORE_CTX_set_flags(x, X509_V_FLAG_PARTIAL_CHAIN | X509_V_FLAG_NO_CHECK_TIME);
        trouble = X509_verify_cert(x) == 1 ? NULL : X509_verify_cert_error_string(X509_STORE_CTX_get_error(x));
    }
    X509_STORE_CTX_free(x);
    X509_STORE_free(store);
    ERR_clear_error();
    return trouble;
}

static int no_passphrase(char *b, int n, int rw, void *arg)
{
    (void)b, (void)n, (void)rw, (void)arg;
    return -1;
}

/* 1 it is the key, 0 it is not, -1 it cannot be read. */
static int key_fits(const char *path, const X509 *leaf)
{
    FILE *f = fopen(path, "re");
    EVP_PKEY *k = f ? PEM_read_PrivateKey(f, NULL, no_passphrase, NULL) : NULL;
    int fits = k ? X509_check_private_key(leaf, k) == 1 : -1;
    EVP_PKEY_free(k);
    if (f)
        fclose(f);
    ERR_clear_error();
    return fits;
}

/* Extended key usages: serverAuth is needed; clientAuth is asked for by strict peers when the gateway opens a stream. */
static const char *usage_trouble(X509 *leaf, enum sys_level *ret)
{
    uint32_t has = X509_get_extension_flags(leaf), x = X509_get_extended_key_usage(leaf), k = X509_get_key_usage(leaf);
    *ret = SYS_WRONG;
    if (has & EXFLAG_CA)
        return "it is a CA's own certificate";
    if (has & EXFLAG_XKUSAGE && !(x & (XKU_SSL_SERVER | XKU_ANYEKU)))
        return "its extended key usage has no serverAuth";
    if (has & EXFLAG_KUSAGE && !(k & KU_DIGITAL_SIGNATURE))
        return "its key usage has no digitalSignature";
    *ret = SYS_WARNING;
    if (has & EXFLAG_XKUSAGE && !(x & (XKU_SSL_CLIENT | XKU_ANYEKU)))
        return "its extended key usage has no clientAuth: servers that insist on it refuse streams that the gateway opens";
    return NULL;
}

static void one(struct sys_report *r, const char *side, const struct gw_certificate *g, STACK_OF(X509) *anchors, const char *trust)
{
    STACK_OF(X509) *chain = read_all(g->chain);
    X509 *leaf = chain ? sk_X509_value(chain, 0) : NULL;
    char domain[1024];
    unsigned before = r->count[SYS_WARNING] + r->count[SYS_WRONG];
    enum sys_level level;
    snprintf(domain, sizeof domain, "%.*s", STR_ARG(g->domain));
    if (!leaf) {
        sys_say(r, SYS_WRONG, "certificates", "put it there, in PEM form", "%s: %s holds none", side, g->chain);
        all_free(chain);
        return;
    }
    long days = days_left(leaf);
    int fits = pkcs11_is_uri(g->key) ? 1 : key_fits(g->key, leaf); /* lockgate check tries a token's */
    const char *trouble = chain_trouble(chain, anchors), *usage = usage_trouble(leaf, &level);
    bool ascii = true;
    for (const char *p = domain; *p; p++)
        ascii = ascii && (unsigned char)*p < 0x80;
    if (X509_cmp_current_time(X509_get0_notBefore(leaf)) > 0)
        sys_say(r, SYS_WRONG, "certificates", "look at this machine's clock", "%s: %s: %s is not valid yet", side, domain, g->chain);
    if (days < 0)
        sys_say(r, SYS_WRONG, "certificates", "renew it, then lockgate reload", "%s: %s: %s has ended, %ld whole days ago", side, domain, g->chain, days_since(leaf));
    else if (days < SOON / DAY)
        sys_say(r, SYS_WARNING, "certificates", "renew it", "%s: %s: %s ends in %ld days", side, domain, g->chain, days);
    if (ascii && X509_check_host(leaf, domain, 0, X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS, NULL) != 1)
        sys_say(r, SYS_WRONG, "certificates", "have one made with it in subjectAltName", "%s: %s names no \"%s\" as dNSName", side, g->chain, domain);
    if (fits <= 0)
        sys_say(r, SYS_WRONG, "certificates", fits < 0 ? "put it there, in PEM form, without a passphrase, for root" : "give the two that belong together",
            fits < 0 ? "%s: %s: no key can be read from %s" : "%s: %s: %s is not the certificate's key", side, domain, g->key);
    if (usage)
        sys_say(r, level, "certificates", "have one made with serverAuth and clientAuth", "%s: %s: %s: %s", side, domain, g->chain, usage);
    if (trouble)
        sys_say(r, SYS_WARNING, "certificates", "if this side's servers know its issuer by another way, all is well; else add the issuers to the chain",
            "%s: %s: %s does not lead to %s (%s)", side, domain, g->chain, trust, trouble);
    if (r->count[SYS_WARNING] + r->count[SYS_WRONG] == before)
        sys_say(r, SYS_FINE, "certificates", NULL, "%s: %s: chain, name, key and usages are right, %ld days left", side, domain, days);
    all_free(chain);
}

static void anchors_look(struct sys_report *r, const char *side, const char *path, STACK_OF(X509) *v)
{
    int good = 0;
    if (!v || sk_X509_num(v) < 1) {
        sys_say(r, SYS_WRONG, "trust", "put the CA's certificate there, in PEM form", "%s: %s holds none", side, path);
        return;
    }
    for (int i = 0; i < sk_X509_num(v); i++) {
        char name[200] = "?";
        X509 *x = sk_X509_value(v, i);
        X509_NAME_oneline(X509_get_subject_name(x), name, sizeof name);
        if (days_left(x) < 0)
            sys_say(r, SYS_WRONG, "trust", "take it out, or renew it", "%s: %s has ended (%s)", side, name, path);
        else if (days_left(x) < SOON / DAY)
            sys_say(r, SYS_WARNING, "trust", "renew it", "%s: %s ends in %ld days (%s)", side, name, days_left(x), path);
        else if (X509_check_ca(x) < 1)
            sys_say(r, SYS_WARNING, "trust", "only this one certificate is trusted by it", "%s: %s is no CA (%s)", side, name, path);
        else
            good++;
    }
    if (good)
        sys_say(r, SYS_FINE, "trust", NULL, "%s: %d CA certificate%s", side, good, good == 1 ? "" : "s");
}

/* The CA that certificates are minted with: when it ends, they do. */
static void mint_look(struct sys_report *r, const struct gw_conf *c, enum gw_side s)
{
    const struct gw_mint *m = &c->side[s].mint;
    const char *side = gw_side_name(s);
    STACK_OF(X509) *v = read_all(m->ca);
    X509 *x = v ? sk_X509_value(v, 0) : NULL;
    unsigned names = 0, before = r->count[SYS_WARNING] + r->count[SYS_WRONG];
    char text[512];
    for (size_t i = 0; i < c->side[s].n_certificates; i++)
        names += gw_conf_minted(&c->side[s].certificates[i]);
    if (!x) {
        sys_say(r, SYS_WRONG, "mint", "put the CA's certificate there, in PEM form", "%s: %s holds none", side, m->ca);
        all_free(v);
        return;
    }
    long days = days_left(x);
    int fits = pkcs11_is_uri(m->key) ? 1 : key_fits(m->key, x);
    if (!mint_ca_fits(x, c, s, text, sizeof text))
        sys_say(r, SYS_WRONG, "mint", "make another (README, \"Minted certificates\")", "%s: %s: %s", side, m->ca, text);
    if (fits <= 0)
        sys_say(r, SYS_WRONG, "mint", fits < 0 ? "put it there, in PEM form, without a passphrase, for root" : "give the two that belong together",
            fits < 0 ? "%s: no key can be read from %s" : "%s: %s is not the CA's key", side, m->key);
    if (days < 0)
        sys_say(r, SYS_WRONG, "mint", "make another, let this side's servers trust it, then restart the gateway", "%s: %s has ended, %ld whole days ago", side, m->ca, days_since(x));
    else if (days < SOON / DAY)
        sys_say(r, SYS_WARNING, "mint", "make another, let this side's servers trust it, then restart the gateway", "%s: %s ends in %ld days", side, m->ca, days);
    if (r->count[SYS_WARNING] + r->count[SYS_WRONG] == before)
        sys_say(r, SYS_FINE, "mint", NULL, "%s: CA for %u name%s: constraints and key are right, %ld days left", side, names, names == 1 ? "" : "s", days);
    all_free(v);
}

/* A list that is out of date closes the side, or leaves it blind (crl_outdated). */
static void lists_look(struct sys_report *r, const struct gw_side_conf *s, const char *side)
{
    const char *why;
    int fd = gw_crl_open(s->crl, &why);
    FILE *f = fd < 0 ? NULL : fdopen(fd, "re");
    unsigned n = 0, before = r->count[SYS_WARNING] + r->count[SYS_WRONG];
    long soonest = 0;
    for (X509_CRL *l; f && (l = PEM_read_X509_CRL(f, NULL, NULL, NULL)); X509_CRL_free(l), n++) {
        int day = 0, second = 0;
        char name[200] = "?";
        const ASN1_TIME *next = X509_CRL_get0_nextUpdate(l);
        X509_NAME_oneline(X509_CRL_get_issuer(l), name, sizeof name);
        if (!next || !ASN1_TIME_diff(&day, &second, NULL, next))
            continue;
        long hours = (long)day * 24 + second / 3600;
        soonest = n == 0 || hours < soonest ? hours : soonest;
        if (day < 0 || second < 0)
            sys_say(r, s->crl_keep ? SYS_WARNING : SYS_WRONG, "crl", "put a new list into the file", "%s: the list of %s has been out of date for %ld hours (%s): %s", side,
                name, -hours, s->crl, s->crl_keep ? "it counts on, what was revoked since is not seen" : "nobody of its authority is let in");
    }
    if (f)
        fclose(f);
    ERR_clear_error(); /* the end of the file */
    if (n == 0)
        sys_say(r, SYS_WRONG, "crl", "put the authority's list there, in PEM form", "%s: %s holds none%s%s", side, s->crl, fd < 0 ? ": " : "", fd < 0 ? why : "");
    else if (r->count[SYS_WARNING] + r->count[SYS_WRONG] == before)
        sys_say(r, SYS_FINE, "crl", NULL, "%s: %u list%s, the next update is due in %ld hours", side, n, n == 1 ? "" : "s", soonest);
}

void sys_certificates(struct sys_report *r, const struct gw_conf *c)
{
    for (int s = 0; s < GW_SIDES; s++) {
        const char *side = gw_side_name((enum gw_side)s);
        STACK_OF(X509) *anchors = read_all(c->side[s].trust);
        anchors_look(r, side, c->side[s].trust, anchors);
        if (c->side[s].crl)
            lists_look(r, &c->side[s], side);
        if (c->side[s].mint.ca)
            mint_look(r, c, (enum gw_side)s);
        for (size_t i = 0; i < c->side[s].n_certificates; i++)
            if (!gw_conf_minted(&c->side[s].certificates[i]))
                one(r, side, &c->side[s].certificates[i], anchors, c->side[s].trust);
        all_free(anchors);
    }
}
