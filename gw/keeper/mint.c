/* SPDX-License-Identifier: GPL-3.0-or-later
 * Making certificates: a CA of a side, a draft, its signature. The signature comes from the CA's key here or from the token, so the three
 * are steps of their own; OpenSSL's X509_sign would be one. RFC 5280, RFC 6120 section 13.7.1.2. */
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/rand.h>
#include <openssl/x509v3.h>
#include <stdio.h>
#include <time.h>

#include "keeper.h"
#include "log.h"
#include "pkcs11_uri.h"

#define ABOVE_MAX 8
#define CHAIN_MAX (60u << 10) /* below the maximum of CHAIN */
#define CN_MAX 64             /* ub-common-name */

/* ---- the CA ---- */

/* The file's first certificate, and its issuers behind it. */
static bool read_chain(const char *path, struct mint_ca *ca)
{
    FILE *f = fopen(path, "re");
    X509 *x;
    ca->x = f ? PEM_read_X509(f, NULL, NULL, NULL) : NULL;
    ca->above = sk_X509_new_null();
    while (ca->x && ca->above && sk_X509_num(ca->above) < ABOVE_MAX && (x = PEM_read_X509(f, NULL, NULL, NULL)))
        if (sk_X509_push(ca->above, x) <= 0)
            X509_free(x);
    if (f)
        fclose(f);
    ERR_clear_error(); /* the end of the file */
    return ca->x && ca->above;
}

int mint_load(const struct gw_conf *conf, enum gw_side side, struct mint_ca *ret)
{
    const struct gw_mint *m = &conf->side[side].mint;
    struct mint_ca ca = { .life = m->life / 1000 };
    char text[512];
    const char *wrong = NULL, *path = m->ca;

    if (!m->ca)
        return 0;
    if (!read_chain(m->ca, &ca))
        wrong = "holds no certificate in PEM form, or cannot be read";
    else if (!mint_ca_fits(ca.x, conf, side, text, sizeof text))
        wrong = text;
    else if (X509_cmp_current_time(X509_get0_notAfter(ca.x)) < 0)
        wrong = "has expired";
    if (!wrong && pkcs11_is_uri(m->key)) {
        ca.token = m->key;
        ca.key = X509_get_pubkey(ca.x);
    } else if (!wrong) {
        path = m->key;
        ca.key = keys_read(m->key);
        if (!ca.key)
            wrong = "holds no private key in PEM form that opens without a passphrase, or cannot be read";
        else if (X509_check_private_key(ca.x, ca.key) != 1)
            wrong = "is not the key of mint.ca";
    }
    if (wrong) {
        log_error("%s:%u: mint: %s: %s", conf->path, m->line, path, wrong);
        mint_clear(&ca);
        ERR_clear_error();
        return GW_ERR(CONF);
    }
    *ret = ca;
    return 0;
}

void mint_clear(struct mint_ca *ca)
{
    X509_free(ca->x);
    EVP_PKEY_free(ca->key);
    sk_X509_pop_free(ca->above, X509_free);
    *ca = (struct mint_ca){ 0 };
}

/* ---- a draft ---- */

static bool set_serial(X509 *x)
{
    unsigned char b[16];
    BIGNUM *n = RAND_bytes(b, sizeof b) == 1 ? BN_bin2bn(b, sizeof b, NULL) : NULL;
    bool good = n && BN_to_ASN1_INTEGER(n, X509_get_serialNumber(x)) != NULL;
    BN_free(n);
    return good;
}

/* An hour back, since clocks differ; the CA's own time bounds both ends. */
static bool set_times(X509 *x, X509 *ca, int64_t now, int64_t life)
{
    time_t from = (time_t)(now - MINT_BACKDATE), to = (time_t)(now + life);
    if (ASN1_TIME_cmp_time_t(X509_get0_notAfter(ca), (time_t)now) <= 0)
        return false;
    if (ASN1_TIME_cmp_time_t(X509_get0_notBefore(ca), from) > 0 ? X509_set1_notBefore(x, X509_get0_notBefore(ca)) != 1
            : !ASN1_TIME_set(X509_getm_notBefore(x), from))
        return false;
    return ASN1_TIME_cmp_time_t(X509_get0_notAfter(ca), to) < 0 ? X509_set1_notAfter(x, X509_get0_notAfter(ca)) == 1
        : ASN1_TIME_set(X509_getm_notAfter(x), to) != NULL;
}

static bool add(X509 *x, X509V3_CTX *ctx, int nid, const char *value)
{
    X509_EXTENSION *e = X509V3_EXT_conf_nid(NULL, ctx, nid, value);
    bool good = e && X509_add_ext(x, e, -1) == 1;
    X509_EXTENSION_free(e);
    return good;
}

/* dNSName only: ejabberd 23.01 crashes on otherName in SASL EXTERNAL. The common name is for people; one that is too long is left out, and
 * subjectAltName critical then (RFC 5280 section 4.2.1.6). */
static bool set_names(X509 *x, X509V3_CTX *ctx, struct str name)
{
    char san[300];
    bool cn = name.n <= CN_MAX;
    if (cn && X509_NAME_add_entry_by_NID(X509_get_subject_name(x), NID_commonName, MBSTRING_UTF8, (const unsigned char *)name.p, (int)name.n, -1, 0) != 1)
        return false;
    snprintf(san, sizeof san, "%sDNS:%.*s", cn ? "" : "critical,", STR_ARG(name));
    return add(x, ctx, NID_subject_alt_name, san);
}

static const struct { unsigned scheme; int nid, parameter; } algorithms[] = {
    { 0x0401, NID_sha256WithRSAEncryption, V_ASN1_NULL }, { 0x0403, NID_ecdsa_with_SHA256, V_ASN1_UNDEF },
    { 0x0503, NID_ecdsa_with_SHA384, V_ASN1_UNDEF }, { 0x0603, NID_ecdsa_with_SHA512, V_ASN1_UNDEF }, { 0x0807, NID_ED25519, V_ASN1_UNDEF },
};

/* OpenSSL shows both places of the algorithm, and the signature, read-only: X509_sign alone would fill them, with a key that is here. */
static bool set_algorithm(X509 *x, unsigned scheme)
{
    const ASN1_BIT_STRING *sig;
    union { const X509_ALGOR *in; X509_ALGOR *out; } outer, inner = { X509_get0_tbs_sigalg(x) };
    X509_get0_signature(&sig, &outer.in, x);
    for (size_t i = 0; i < sizeof algorithms / sizeof algorithms[0]; i++)
        if (algorithms[i].scheme == scheme)
            return X509_ALGOR_set0(inner.out, OBJ_nid2obj(algorithms[i].nid), algorithms[i].parameter, NULL) == 1 &&
                X509_ALGOR_set0(outer.out, OBJ_nid2obj(algorithms[i].nid), algorithms[i].parameter, NULL) == 1;
    return false;
}

X509 *mint_draft(const struct mint_ca *ca, struct str name, EVP_PKEY *key, int64_t now)
{
    X509 *x = X509_new();
    X509V3_CTX ctx;

    if (!x)
        return NULL;
    X509V3_set_ctx(&ctx, ca->x, x, NULL, NULL, 0);
    if (X509_set_version(x, X509_VERSION_3) == 1 && set_serial(x) && set_times(x, ca->x, now, ca->life) &&
        X509_set_issuer_name(x, X509_get_subject_name(ca->x)) == 1 && X509_set_pubkey(x, key) == 1 && set_names(x, &ctx, name) &&
        add(x, &ctx, NID_basic_constraints, "critical,CA:FALSE") && add(x, &ctx, NID_key_usage, "critical,digitalSignature") &&
        add(x, &ctx, NID_ext_key_usage, "serverAuth,clientAuth") && add(x, &ctx, NID_subject_key_identifier, "hash") &&
        add(x, &ctx, NID_authority_key_identifier, "keyid:always") && set_algorithm(x, mint_scheme(ca->key)))
        return x;
    X509_free(x);
    ERR_clear_error();
    return NULL;
}

int mint_input(X509 *draft, unsigned char **ret, size_t *ret_n)
{
    unsigned char *p = NULL;
    int n = i2d_re_X509_tbs(draft, &p);
    if (n <= 0)
        return GW_ERR(CRYPTO);
    *ret = p;
    *ret_n = (size_t)n;
    return 0;
}

/* ---- and its signature ---- */

static bool set_signature(X509 *x, struct str signature)
{
    const X509_ALGOR *a;
    union { const ASN1_BIT_STRING *in; ASN1_BIT_STRING *out; } s;
    X509_get0_signature(&s.in, &a, x);
    if (ASN1_STRING_set(s.out, signature.p, (int)signature.n) != 1)
        return false;
    s.out->flags = (s.out->flags & ~0x07) | ASN1_STRING_FLAG_BITS_LEFT; /* no bit of its last byte is unused */
    return true;
}

/* As the servers of the side will: they have the CA and nothing else of ours. */
static bool is_accepted(X509 *leaf, const struct mint_ca *ca, struct str name)
{
    X509_STORE *store = X509_STORE_new();
    X509_STORE_CTX *c = X509_STORE_CTX_new();
    bool good = store && c && X509_STORE_add_cert(store, ca->x) == 1 && X509_STORE_CTX_init(c, store, leaf, NULL) == 1;
    if (good) {
        X509_STORE_CTX_set_flags(c, X509_V_FLAG_PARTIAL_CHAIN | X509_V_FLAG_X509_STRICT);
        good = X509_STORE_CTX_set_purpose(c, X509_PURPOSE_SSL_SERVER) == 1 && X509_verify_cert(c) == 1 &&
            X509_check_host(leaf, name.p, name.n, X509_CHECK_FLAG_NEVER_CHECK_SUBJECT, NULL) == 1;
        if (!good)
            log_warn("a certificate for %.*s would not be accepted: %s", STR_ARG(name), X509_verify_cert_error_string(X509_STORE_CTX_get_error(c)));
    }
    X509_STORE_CTX_free(c);
    X509_STORE_free(store);
    return good;
}

static int put(X509 *x, struct buf *to)
{
    unsigned char *der = NULL;
    int n = i2d_X509(x, &der), err = n > 0 ? buf_put(to, der, (size_t)n) : GW_ERR(CRYPTO);
    OPENSSL_free(der);
    return err;
}

int mint_finish(X509 *draft, const struct mint_ca *ca, struct str name, struct str signature, struct buf *to)
{
    const unsigned char *p;
    X509 *made = NULL;
    int err = set_signature(draft, signature) ? 0 : GW_ERR(NOMEM);

    buf_reset(to);
    to->max = CHAIN_MAX;
    err = err ? err : put(draft, to);
    if (!err) { /* what was written, not what we think of it */
        p = (const unsigned char *)buf_str(to).p;
        made = d2i_X509(NULL, &p, (long)buf_size(to));
        err = made && is_accepted(made, ca, name) ? 0 : GW_ERR(CRYPTO);
    }
    if (!err && !(X509_get_extension_flags(ca->x) & EXFLAG_SS))
        err = put(ca->x, to);
    for (int i = 0; !err && i < sk_X509_num(ca->above); i++)
        if (!(X509_get_extension_flags(sk_X509_value(ca->above, i)) & EXFLAG_SS))
            err = put(sk_X509_value(ca->above, i), to);
    if (err)
        buf_reset(to);
    X509_free(made);
    ERR_clear_error();
    return err;
}
