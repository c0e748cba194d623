/* SPDX-License-Identifier: GPL-3.0-or-later
 * The private keys, each for one domain on one side, and signing with them. */
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/rsa.h>
#include <stdio.h>
#include <stdlib.h>

#include "keeper.h"
#include "log.h"
#include "pkcs11_uri.h"

/* ---- signing ---- */

/* RFC 8446 section 4.2.3; the PKCS#1 ones are for TLS 1.2. A curve is not bound to a digest in TLS 1.2. */
static const struct scheme { unsigned id; int padding; const char *type, *digest; } schemes[] = {
    { 0x0401, RSA_PKCS1_PADDING, "RSA", "SHA256" }, { 0x0501, RSA_PKCS1_PADDING, "RSA", "SHA384" },
    { 0x0601, RSA_PKCS1_PADDING, "RSA", "SHA512" }, { 0x0804, RSA_PKCS1_PSS_PADDING, "RSA", "SHA256" },
    { 0x0805, RSA_PKCS1_PSS_PADDING, "RSA", "SHA384" }, { 0x0806, RSA_PKCS1_PSS_PADDING, "RSA", "SHA512" },
    { 0x0403, 0, "EC", "SHA256" }, { 0x0503, 0, "EC", "SHA384" }, { 0x0603, 0, "EC", "SHA512" }, { 0x0807, 0, "ED25519", NULL },
};

static const struct scheme *scheme_for(EVP_PKEY *k, unsigned id)
{
    for (size_t i = 0; i < sizeof schemes / sizeof schemes[0]; i++)
        if (schemes[i].id == id && EVP_PKEY_is_a(k, schemes[i].type))
            return &schemes[i];
    return NULL;
}

static bool set_padding(EVP_PKEY_CTX *p, const struct scheme *s)
{
    return !s->padding || (EVP_PKEY_CTX_set_rsa_padding(p, s->padding) == 1 &&
        (s->padding != RSA_PKCS1_PSS_PADDING || EVP_PKEY_CTX_set_rsa_pss_saltlen(p, RSA_PSS_SALTLEN_DIGEST) == 1));
}

bool keys_scheme_fits(EVP_PKEY *k, unsigned scheme)
{
    return scheme_for(k, scheme) != NULL;
}

bool keys_signature_good(EVP_PKEY *k, unsigned scheme, struct str input, struct str sig)
{
    const struct scheme *s = scheme_for(k, scheme);
    EVP_MD_CTX *ctx = s ? EVP_MD_CTX_new() : NULL;
    EVP_PKEY_CTX *p;
    bool good = ctx && EVP_DigestVerifyInit_ex(ctx, &p, s->digest, NULL, NULL, k, NULL) == 1 && set_padding(p, s) &&
        EVP_DigestVerify(ctx, (const unsigned char *)sig.p, sig.n, (const unsigned char *)input.p, input.n) == 1;

    EVP_MD_CTX_free(ctx);
    ERR_clear_error();
    return good;
}

int keys_sign(EVP_PKEY *k, unsigned scheme, struct str input, unsigned char *sig, size_t *ret_n)
{
    const struct scheme *s = scheme_for(k, scheme);
    EVP_MD_CTX *ctx = NULL;
    EVP_PKEY_CTX *p;
    size_t n = SIGNATURE_MAX;
    int err = GW_ERR(CRYPTO);

    if (!s)
        return GW_ERR(PROTO);
    ctx = EVP_MD_CTX_new();
    if (!ctx || EVP_DigestSignInit_ex(ctx, &p, s->digest, NULL, NULL, k, NULL) != 1)
        goto out;
    if (!set_padding(p, s))
        goto out;
    if (EVP_DigestSign(ctx, sig, &n, (const unsigned char *)input.p, input.n) != 1)
        goto out;
    *ret_n = n;
    err = 0;
out:
    EVP_MD_CTX_free(ctx);
    ERR_clear_error();
    return err;
}

/* ---- loading ---- */

/* No key that needs a passphrase: nobody is there to type it. */
static int no_passphrase(char *b, int n, int rw, void *arg)
{
    (void)b, (void)n, (void)rw, (void)arg;
    return -1;
}

EVP_PKEY *keys_read(const char *path)
{
    FILE *f = fopen(path, "re");
    EVP_PKEY *k = f ? PEM_read_PrivateKey(f, NULL, no_passphrase, NULL) : NULL;
    if (f)
        fclose(f);
    return k;
}

static X509 *read_certificate(const char *chain)
{
    FILE *f = fopen(chain, "re");
    X509 *x = f ? PEM_read_X509(f, NULL, NULL, NULL) : NULL;
    if (f)
        fclose(f);
    return x;
}

static bool is_key_of(EVP_PKEY *k, const char *chain)
{
    X509 *x = read_certificate(chain);
    bool fits = x && X509_check_private_key(x, k) == 1;
    X509_free(x);
    return fits;
}

static bool signs(EVP_PKEY *k)
{
    unsigned char sig[SIGNATURE_MAX];
    size_t n;
    for (size_t i = 0; i < sizeof schemes / sizeof schemes[0]; i++)
        if (EVP_PKEY_is_a(k, schemes[i].type))
            return EVP_PKEY_get_size(k) <= SIGNATURE_MAX && keys_sign(k, schemes[i].id, STR("warm"), sig, &n) == 0;
    return false;
}

/* The key is on a token: what it signs is held against the certificate. One check now opens what OpenSSL needs for that. */
static int load_away(const struct gw_conf *conf, const struct gw_certificate *c, struct key *to)
{
    X509 *x = read_certificate(c->chain);
    EVP_PKEY *k = x ? X509_get_pubkey(x) : NULL;
    X509_free(x);
    if (!k || EVP_PKEY_get_size(k) > SIGNATURE_MAX) {
        log_error("%s:%u: chain: %s holds no certificate in PEM form with a key of up to 8192 bits", conf->path, c->line, c->chain);
        EVP_PKEY_free(k);
        ERR_clear_error();
        return GW_ERR(CONF);
    }
    for (size_t i = 0; i < sizeof schemes / sizeof schemes[0]; i++)
        (void)keys_signature_good(k, schemes[i].id, STR("warm"), STR("no signature"));
    *to = (struct key){ .domain = c->domain, .pkey = k, .token = c->key };
    return 0;
}

static int load_one(const struct gw_conf *conf, const struct gw_certificate *c, struct key *to)
{
    const char *wrong = NULL;
    EVP_PKEY *k = keys_read(c->key);
    if (!k)
        wrong = "holds no private key in PEM form that opens without a passphrase, or cannot be read";
    else if (!is_key_of(k, c->chain))
        wrong = "is not the key of the certificate";
    else if (!signs(k))
        wrong = "does not sign; allowed: RSA up to 8192 bits, ECDSA, Ed25519";
    if (wrong) {
        log_error("%s:%u: key: %s %s", conf->path, c->line, c->key, wrong);
        EVP_PKEY_free(k);
        ERR_clear_error();
        return GW_ERR(CONF);
    }
    *to = (struct key){ .domain = c->domain, .pkey = k };
    return 0;
}

/* A certificate for it is made later, by the CA of its side. */
static int load_minted(const struct gw_certificate *c, struct key *to)
{
    EVP_PKEY *k = EVP_PKEY_Q_keygen(NULL, NULL, "EC", "P-256");
    struct leaf *l = calloc(1, sizeof *l);
    if (!k || !l || !signs(k)) {
        EVP_PKEY_free(k);
        free(l);
        return GW_ERR(NOMEM);
    }
    *to = (struct key){ .domain = c->domain, .pkey = k, .leaf = l };
    return 0;
}

int keys_load(const struct gw_conf *conf, struct keys *k)
{
    int err = 0;
    *k = (struct keys){ 0 };
    for (int s = 0; s < GW_SIDES && !err; s++) {
        const struct gw_side_conf *side = &conf->side[s];
        k->v[s] = calloc(side->n_certificates + 1, sizeof *k->v[s]);
        err = k->v[s] ? mint_load(conf, (enum gw_side)s, &k->ca[s]) : GW_ERR(NOMEM);
        for (size_t i = 0; i < side->n_certificates && !err; i++) {
            const struct gw_certificate *c = &side->certificates[i];
            struct key *to = &k->v[s][k->n[s]];
            err = gw_conf_minted(c) ? load_minted(c, to) : (pkcs11_is_uri(c->key) ? load_away : load_one)(conf, c, to);
            k->n[s] += err == 0;
        }
    }
    if (err)
        keys_clear(k);
    return err;
}

void keys_clear(struct keys *k)
{
    for (int s = 0; s < GW_SIDES; s++) {
        for (size_t i = 0; i < k->n[s]; i++) {
            struct key *key = &k->v[s][i];
            EVP_PKEY_free(key->pkey);
            if (key->leaf)
                buf_clear(&key->leaf->chain);
            free(key->leaf);
        }
        mint_clear(&k->ca[s]);
        free(k->v[s]);
        k->v[s] = NULL;
        k->n[s] = 0;
    }
}

const struct key *keys_find(const struct keys *k, enum gw_side side, struct str domain)
{
    for (size_t i = 0; i < k->n[side]; i++)
        if (str_eq(k->v[side][i].domain, domain))
            return &k->v[side][i];
    return NULL;
}
