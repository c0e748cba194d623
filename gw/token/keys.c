/* SPDX-License-Identifier: GPL-3.0-or-later
 * The keys on the token, each under the name that the configuration gives it, and signing with them: digests and encodings are
 * made here, the token does the private step alone. */
#include <openssl/ecdsa.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/rsa.h>
#include <stdio.h>
#include <stdlib.h>

#include "log.h"
#include "pkcs11_uri.h"
#include "token.h"

/* RFC 8446 section 4.2.3; the PKCS#1 ones are for TLS 1.2. */
static const struct scheme { unsigned id; enum module_way way; const char *type, *digest; } schemes[] = {
    { 0x0401, WAY_RSA, "RSA", "SHA256" }, { 0x0501, WAY_RSA, "RSA", "SHA384" }, { 0x0601, WAY_RSA, "RSA", "SHA512" },
    { 0x0804, WAY_PSS_256, "RSA", "SHA256" }, { 0x0805, WAY_PSS_384, "RSA", "SHA384" }, { 0x0806, WAY_PSS_512, "RSA", "SHA512" },
    { 0x0403, WAY_ECDSA, "EC", "SHA256" }, { 0x0503, WAY_ECDSA, "EC", "SHA384" }, { 0x0603, WAY_ECDSA, "EC", "SHA512" },
    { 0x0807, WAY_EDDSA, "ED25519", NULL },
};

/* RFC 8017 section 9.2: what stands before a digest that is signed with PKCS#1 v1.5. */
static size_t digest_info(const char *digest, unsigned char out[19])
{
    static const unsigned char sha256[] = { 0x30, 0x31, 0x30, 0x0d, 0x06, 0x09, 0x60, 0x86, 0x48, 0x01, 0x65, 0x03, 0x04, 0x02, 0x01, 0x05, 0x00, 0x04, 0x20 };
    memcpy(out, sha256, sizeof sha256);
    if (strcmp(digest, "SHA384") == 0)
        out[1] = 0x41, out[14] = 2, out[18] = 0x30;
    else if (strcmp(digest, "SHA512") == 0)
        out[1] = 0x51, out[14] = 3, out[18] = 0x40;
    return sizeof sha256;
}

/* r and s of equal length to the DER of ECDSA-Sig-Value (RFC 3279 section 2.2.3). */
static int to_der(unsigned char *sig, size_t *n)
{
    ECDSA_SIG *e = ECDSA_SIG_new();
    BIGNUM *r = BN_bin2bn(sig, (int)(*n / 2), NULL), *s = BN_bin2bn(sig + *n / 2, (int)(*n / 2), NULL);
    unsigned char *to = sig;
    int len = -1;

    if (*n % 2 == 0 && *n <= SIGNATURE_MAX / 2 && e && r && s && ECDSA_SIG_set0(e, r, s) == 1) {
        r = s = NULL; /* taken */
        len = i2d_ECDSA_SIG(e, &to);
    }
    BN_free(r);
    BN_free(s);
    ECDSA_SIG_free(e);
    if (len <= 0)
        return GW_ERR(CRYPTO);
    *n = (size_t)len;
    return 0;
}

int keys_sign(struct module *m, const struct token_key *k, unsigned scheme, struct str input, unsigned char *sig, size_t *ret_n)
{
    const struct scheme *s = NULL;
    unsigned char b[19 + EVP_MAX_MD_SIZE];
    size_t head = 0, n = 0, len = 0;
    int err;

    for (size_t i = 0; i < sizeof schemes / sizeof schemes[0]; i++)
        if (schemes[i].id == scheme && EVP_PKEY_is_a(k->pub, schemes[i].type))
            s = &schemes[i];
    if (!s)
        return GW_ERR(PROTO);
    if (s->digest) {
        head = s->way == WAY_RSA ? digest_info(s->digest, b) : 0;
        if (EVP_Q_digest(NULL, s->digest, NULL, input.p, input.n, b + head, &n) != 1)
            return GW_ERR(CRYPTO);
        if (s->way == WAY_ECDSA && n > (size_t)(EVP_PKEY_get_bits(k->pub) + 7) / 8)
            n = (size_t)(EVP_PKEY_get_bits(k->pub) + 7) / 8; /* the leftmost bits (FIPS 186-5 section 6.4.1); P-256 and P-384: whole bytes */
        err = module_sign(m, k->handle, s->way, b, head + n, sig, &len);
    } else {
        err = module_sign(m, k->handle, s->way, (const unsigned char *)input.p, input.n, sig, &len);
    }
    if (!err && s->way == WAY_ECDSA)
        err = to_der(sig, &len);
    ERR_clear_error();
    if (!err)
        *ret_n = len;
    return err;
}

/* ---- the list ---- */

static EVP_PKEY *public_of(const char *chain)
{
    FILE *f = fopen(chain, "re");
    X509 *x = f ? PEM_read_X509(f, NULL, NULL, NULL) : NULL;
    EVP_PKEY *k = x ? X509_get_pubkey(x) : NULL;
    X509_free(x);
    if (f)
        fclose(f);
    ERR_clear_error();
    return k;
}

static int list_one(const struct gw_conf *conf, const struct gw_certificate *c, struct keys *k)
{
    struct token_key *to = &k->v[k->n];
    *to = (struct token_key){ .uri = c->key, .asker = IPC_KEEPER, .line = c->line, .pub = public_of(c->chain) };
    if (!to->pub) {
        log_error("%s:%u: chain: %s holds no certificate in PEM form, or cannot be read", conf->path, c->line, c->chain);
        return GW_ERR(CONF);
    }
    k->n++;
    return 0;
}

/* A CA's key: it signs certificates for names of its side and nothing else, so it is held to what it may make at once. */
static int list_ca(const struct gw_conf *conf, enum gw_side side, struct keys *k)
{
    const struct gw_mint *m = &conf->side[side].mint;
    struct token_key *to = &k->v[k->n];
    char text[512];
    FILE *f = fopen(m->ca, "re");
    X509 *x = f ? PEM_read_X509(f, NULL, NULL, NULL) : NULL;
    bool fits = x && mint_ca_fits(x, conf, side, text, sizeof text);
    if (f)
        fclose(f);
    ERR_clear_error();
    if (!fits) {
        log_error("%s:%u: mint: %s: %s", conf->path, m->line, m->ca, x ? text : "holds no certificate in PEM form, or cannot be read");
        X509_free(x);
        return GW_ERR(CONF);
    }
    *to = (struct token_key){ .uri = m->key, .asker = IPC_KEEPER, .line = m->line, .pub = X509_get_pubkey(x), .ca = x, .side = side };
    k->n++;
    return to->pub ? 0 : GW_ERR(NOMEM);
}

int keys_list(const struct gw_conf *conf, struct keys *k)
{
    int err = 0;
    *k = (struct keys){ calloc(conf->side[GW_HIGH].n_certificates + conf->side[GW_LOW].n_certificates + GW_SIDES + 1, sizeof *k->v), 0 };
    if (!k->v)
        return GW_ERR(NOMEM);
    for (int s = 0; s < GW_SIDES; s++)
        if (conf->side[s].mint.ca && pkcs11_is_uri(conf->side[s].mint.key) && list_ca(conf, (enum gw_side)s, k) != 0)
            err = GW_ERR(CONF);
    for (int s = 0; s < GW_SIDES; s++)
        for (size_t i = 0; i < conf->side[s].n_certificates; i++)
            if (conf->side[s].certificates[i].key && pkcs11_is_uri(conf->side[s].certificates[i].key) && list_one(conf, &conf->side[s].certificates[i], k) != 0)
                err = GW_ERR(CONF);
    if (conf->journal.key)
        k->v[k->n++] = (struct token_key){ .uri = conf->journal.key, .asker = IPC_JOURNAL };
    return err;
}

/* ---- each is tried ---- */

static bool verifies(EVP_PKEY *pub, const struct scheme *s, struct str input, const unsigned char *sig, size_t n)
{
    EVP_MD_CTX *ctx = EVP_MD_CTX_new();
    EVP_PKEY_CTX *p;
    bool good = ctx && EVP_DigestVerifyInit_ex(ctx, &p, s->digest, NULL, NULL, pub, NULL) == 1 &&
        EVP_DigestVerify(ctx, sig, n, (const unsigned char *)input.p, input.n) == 1;
    EVP_MD_CTX_free(ctx);
    ERR_clear_error();
    return good;
}

static const char *try_key(struct module *m, const struct token_key *k)
{
    static const struct str probe = { "a key is tried", 14 };
    unsigned char sig[SIGNATURE_MAX];
    size_t n;
    for (size_t i = 0; i < sizeof schemes / sizeof schemes[0]; i++) {
        const struct scheme *s = &schemes[i];
        if (!EVP_PKEY_is_a(k->pub, s->type))
            continue;
        if (EVP_PKEY_get_size(k->pub) > SIGNATURE_MAX || keys_sign(m, k, s->id, probe, sig, &n) != 0)
            return "does not sign; allowed: RSA up to 8192 bits, ECDSA P-256 and P-384, Ed25519 for the journal";
        return verifies(k->pub, s, probe, sig, n) ? NULL : "is not the key of the certificate";
    }
    return "is of a kind that is not supported";
}

int keys_try(const struct gw_conf *conf, struct module *m, struct keys *k)
{
    int err = 0;
    for (size_t i = 0; i < k->n; i++) {
        struct token_key *t = &k->v[i];
        struct pkcs11_uri u;
        unsigned char raw[32];
        const char *wrong;
        int e = pkcs11_uri_parse(t->uri, &u, &wrong);
        if (!e)
            e = module_find(m, &u, t->uri, &t->handle);
        if (!e && !t->pub && (e = module_public(m, &u, t->uri, raw)) == 0)
            t->pub = EVP_PKEY_new_raw_public_key(EVP_PKEY_ED25519, NULL, raw, sizeof raw);
        wrong = e || !t->pub ? NULL : try_key(m, t);
        if (wrong)
            log_error("%s:%u: key: %s %s", conf->path, t->line, t->uri, wrong);
        if (e || !t->pub || wrong)
            err = GW_ERR(CONF);
    }
    return err;
}

void keys_clear(struct keys *k)
{
    for (size_t i = 0; i < k->n; i++) {
        EVP_PKEY_free(k->v[i].pub);
        X509_free(k->v[i].ca);
    }
    free(k->v);
    *k = (struct keys){ 0 };
}

struct token_key *keys_find(const struct keys *k, enum ipc_role asker, struct str uri)
{
    for (size_t i = 0; i < k->n; i++)
        if (k->v[i].asker == asker && str_eq(str_c(k->v[i].uri), uri))
            return &k->v[i];
    return NULL;
}
