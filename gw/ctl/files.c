/* SPDX-License-Identifier: GPL-3.0-or-later
 * The files that a configuration names: are they there, are they what they should be, do they fit together? */
#include <errno.h>
#include <libconfig.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "mint.h"
#include "pkcs11_uri.h"
#include "verbs.h"

#define SOON (14 * 86400) /* a certificate that ends within two weeks is worth a word */

/* The line of a key ("high.trust"), or `otherwise` when the file does not hold it. */
static unsigned line_of(const struct gw_conf *c, const char *key, unsigned otherwise)
{
    config_t f;
    char folder[4096];
    config_init(&f);
    snprintf(folder, sizeof folder, "%s", c->path);
    char *slash = strrchr(folder, '/');
    if (slash) {
        *slash = 0;
        config_set_include_dir(&f, folder);
    }
    const config_setting_t *s = config_read_file(&f, c->path) ? config_lookup(&f, key) : NULL;
    unsigned line = s ? (unsigned)config_setting_source_line(s) : otherwise;
    config_destroy(&f);
    return line;
}

static FILE *open_named(const struct gw_conf *c, const char *what, const char *path, unsigned line, struct conf_errors *errs)
{
    FILE *f = fopen(path, "re");
    if (!f)
        conf_error_add(errs, CONF_ERROR, c->path, line, "%s: %s: %s%s", what, path, strerror(errno),
            errno == EACCES && geteuid() != 0 ? " (keys are for root: run this as root)" : "");
    return f;
}

static X509 *read_first(const struct gw_conf *c, const char *what, const char *path, unsigned line, struct conf_errors *errs)
{
    FILE *f = open_named(c, what, path, line, errs);
    if (!f)
        return NULL;
    X509 *x = PEM_read_X509(f, NULL, NULL, NULL);
    fclose(f);
    if (!x)
        conf_error_add(errs, CONF_ERROR, c->path, line, "%s: %s holds no certificate in PEM form", what, path);
    return x;
}

/* No key that needs a passphrase: nobody is there to type it. */
static int no_passphrase(char *b, int n, int rw, void *arg)
{
    (void)b, (void)n, (void)rw, (void)arg;
    return -1;
}

static EVP_PKEY *read_key(const struct gw_conf *c, const char *path, unsigned line, struct conf_errors *errs)
{
    FILE *f = open_named(c, "key", path, line, errs);
    if (!f)
        return NULL;
    struct stat st;
    if (fstat(fileno(f), &st) == 0 && st.st_mode & (S_IROTH | S_IWOTH))
        conf_error_add(errs, CONF_WARNING, c->path, line, "key: %s can be %s by everybody on this machine: chmod 600 %s", path,
            st.st_mode & S_IROTH ? "read" : "changed", path);
    EVP_PKEY *k = PEM_read_PrivateKey(f, NULL, no_passphrase, NULL);
    fclose(f);
    if (!k)
        conf_error_add(errs, CONF_ERROR, c->path, line, "key: %s holds no private key in PEM form that opens without a passphrase", path);
    return k;
}

static void check_times(const struct gw_conf *c, X509 *x, const char *path, unsigned line, struct conf_errors *errs)
{
    time_t soon = time(NULL) + SOON;
    if (X509_cmp_current_time(X509_get0_notBefore(x)) > 0)
        conf_error_add(errs, CONF_ERROR, c->path, line, "%s is not valid yet: is this machine's clock right?", path);
    else if (X509_cmp_current_time(X509_get0_notAfter(x)) < 0)
        conf_error_add(errs, CONF_ERROR, c->path, line, "%s has expired", path);
    else if (X509_cmp_time(X509_get0_notAfter(x), &soon) < 0)
        conf_error_add(errs, CONF_WARNING, c->path, line, "%s expires within two weeks", path);
}

static void check_certificate(const struct gw_conf *c, const struct gw_certificate *g, struct conf_errors *errs)
{
    char domain[1024];
    X509 *x = read_first(c, "chain", g->chain, g->line, errs);
    EVP_PKEY *k = pkcs11_is_uri(g->key) ? NULL : read_key(c, g->key, g->line, errs);
    snprintf(domain, sizeof domain, "%.*s", STR_ARG(g->domain));
    if (x)
        check_times(c, x, g->chain, g->line, errs);
    if (x && k && X509_check_private_key(x, k) != 1)
        conf_error_add(errs, CONF_ERROR, c->path, g->line, "%s is not the key of %s", g->key, g->chain);
    /* A name outside of ASCII stands in a certificate as A-labels; that is the edge's business. */
    bool ascii = true;
    for (const char *p = domain; *p; p++)
        ascii = ascii && (unsigned char)*p < 0x80;
    if (x && ascii && X509_check_host(x, domain, 0, X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS, NULL) != 1)
        conf_error_add(errs, CONF_WARNING, c->path, g->line, "%s names no \"%s\" as dNSName: servers will not accept it", g->chain, domain);
    X509_free(x);
    EVP_PKEY_free(k);
}

/* The CA that the gateway mints with: one that could do more than that is refused. */
static void check_mint(const struct gw_conf *c, enum gw_side side, struct conf_errors *errs)
{
    const struct gw_mint *m = &c->side[side].mint;
    char text[512];
    X509 *x = read_first(c, "mint: ca", m->ca, m->line, errs);
    EVP_PKEY *k = pkcs11_is_uri(m->key) ? NULL : read_key(c, m->key, m->line, errs);
    if (x && !mint_ca_fits(x, c, side, text, sizeof text))
        conf_error_add(errs, CONF_ERROR, c->path, m->line, "mint: ca: %s: %s; README, \"Minted certificates\", makes one", m->ca, text);
    if (x)
        check_times(c, x, m->ca, m->line, errs);
    if (x && k && X509_check_private_key(x, k) != 1)
        conf_error_add(errs, CONF_ERROR, c->path, m->line, "mint: %s is not the key of %s", m->key, m->ca);
    X509_free(x);
    EVP_PKEY_free(k);
}

/* To each of these evidence is encrypted: RSA or an elliptic curve, in time. */
static void check_auditors(const struct gw_conf *c, struct conf_errors *errs)
{
    unsigned line = line_of(c, "journal.evidence", 0), n = 0;
    FILE *f = open_named(c, "evidence", c->journal.evidence, line, errs);
    if (!f)
        return;
    for (X509 *x; (x = PEM_read_X509(f, NULL, NULL, NULL)); X509_free(x), n++) {
        int type = EVP_PKEY_get_base_id(X509_get0_pubkey(x));
        check_times(c, x, c->journal.evidence, line, errs);
        if (type != EVP_PKEY_RSA && type != EVP_PKEY_EC)
            conf_error_add(errs, CONF_ERROR, c->path, line, "evidence: certificate %u of %s has a key that nothing can be encrypted to; allowed: RSA, elliptic curve",
                n + 1, c->journal.evidence);
    }
    fclose(f);
    if (!n)
        conf_error_add(errs, CONF_ERROR, c->path, line, "evidence: %s holds no certificate in PEM form", c->journal.evidence);
}

/* With lists, a certificate whose authority has none that is current is refused: so an old one closes the side. */
static void check_crl(const struct gw_conf *c, const char *path, bool keep, unsigned line, struct conf_errors *errs)
{
    const char *why;
    unsigned n = 0;
    int fd = gw_crl_open(path, &why);
    FILE *f = fd < 0 ? NULL : fdopen(fd, "re");
    if (!f) {
        conf_error_add(errs, CONF_ERROR, c->path, line, "crl: %s: %s", path, fd < 0 ? why : strerror(errno));
        return;
    }
    for (X509_CRL *l; (l = PEM_read_X509_CRL(f, NULL, NULL, NULL)); X509_CRL_free(l), n++) {
        const ASN1_TIME *next = X509_CRL_get0_nextUpdate(l);
        if (next && X509_cmp_current_time(next) < 0)
            conf_error_add(errs, keep ? CONF_WARNING : CONF_ERROR, c->path, line, keep ? "crl: list %u of %s is out of date, and counts on (crl_outdated)"
                : "crl: list %u of %s is out of date: every server of its authority would be refused", n + 1, path);
    }
    fclose(f);
    if (!n)
        conf_error_add(errs, CONF_ERROR, c->path, line, "crl: %s holds no revocation list in PEM form", path);
}

void ctl_check_files(const struct gw_conf *c, struct conf_errors *errs)
{
    if (access(c->rules, R_OK | X_OK) != 0)
        conf_error_add(errs, CONF_ERROR, c->path, line_of(c, "gateway.rules", 0), "rules: %s: %s", c->rules, strerror(errno));
    if (c->journal.evidence)
        check_auditors(c, errs);
    for (int s = 0; s < GW_SIDES; s++) {
        const struct gw_side_conf *side = &c->side[s];
        unsigned line = line_of(c, s == GW_HIGH ? "high.trust" : "low.trust", side->line);
        X509 *x = read_first(c, "trust", side->trust, line, errs);
        if (x)
            check_times(c, x, side->trust, line, errs);
        X509_free(x);
        if (side->crl)
            check_crl(c, side->crl, side->crl_keep, line_of(c, s == GW_HIGH ? "high.crl" : "low.crl", side->line), errs);
        for (size_t i = 0; i < side->n_certificates; i++)
            if (!gw_conf_minted(&side->certificates[i]))
                check_certificate(c, &side->certificates[i], errs);
        if (side->mint.ca)
            check_mint(c, (enum gw_side)s, errs);
    }
    if (gw_conf_uses_token(c))
        ctl_check_token(c, errs);
}
