/* SPDX-License-Identifier: GPL-3.0-or-later
 * Private keys that are not here, as OpenSSL sees them (provider-keymgmt(7), provider-signature(7)). The provider lives in a
 * library context of its own, so that nothing but the keys made here is ever looked for in it. libssl signs in one call with
 * the whole input (EVP_DigestSign), so the input goes to the keeper as it is and can be judged there. */
#include "signer.h"

#include <openssl/core_dispatch.h>
#include <openssl/core_names.h>
#include <openssl/params.h>
#include <openssl/provider.h>
#include <openssl/rsa.h>
#include <stdlib.h>
#include <strings.h>

#define OWN_KEY "lockgate-key" /* parameter: a struct signer_key, only ever given by signer_key() */

static struct {
    OSSL_LIB_CTX *ctx;
    OSSL_PROVIDER *provider;
    signer_sign *sign;
    void *arg;
} signer;

struct signer_key {
    const char *type;   /* "RSA", "EC", "ED25519" */
    EVP_PKEY *public;   /* of the default provider */
    struct str domain;  /* empty: a public key that was only brought here to be compared */
};

/* ---- keys ---- */

static struct signer_key *key_new(const char *type)
{
    struct signer_key *k = calloc(1, sizeof *k);
    if (k)
        k->type = type;
    return k;
}
static void *new_rsa(void *ctx) { (void)ctx; return key_new("RSA"); }
static void *new_ec(void *ctx) { (void)ctx; return key_new("EC"); }
static void *new_ed(void *ctx) { (void)ctx; return key_new("ED25519"); }

static void key_free(void *key)
{
    struct signer_key *k = key;
    if (k)
        EVP_PKEY_free(k->public);
    free(k);
}

static int key_has(const void *key, int selection)
{
    const struct signer_key *k = key;
    if (!k->public)
        return 0;
    return !(selection & OSSL_KEYMGMT_SELECT_PRIVATE_KEY) || k->domain.n > 0;
}

/* Ours, by pointer; or the public half of another provider's key, which libssl brings to see whether a certificate fits. */
static int key_import(void *key, int selection, const OSSL_PARAM *params)
{
    struct signer_key *k = key;
    const OSSL_PARAM *own = OSSL_PARAM_locate_const(params, OWN_KEY);
    EVP_PKEY_CTX *c;
    const void *given;
    size_t n;
    int r;
    (void)selection;
    if (own) {
        if (OSSL_PARAM_get_octet_ptr(own, &given, &n) != 1 || n != sizeof *k)
            return 0;
        *k = *(const struct signer_key *)given;
        return EVP_PKEY_up_ref(k->public);
    }
    c = EVP_PKEY_CTX_new_from_name(NULL, k->type, "provider=default");
    union { const OSSL_PARAM *in; OSSL_PARAM *out; } p = { params }; /* only read, whatever its type says */
    r = c && EVP_PKEY_fromdata_init(c) == 1 && EVP_PKEY_fromdata(c, &k->public, EVP_PKEY_PUBLIC_KEY, p.out) == 1;
    EVP_PKEY_CTX_free(c);
    return r;
}

static int key_match(const void *a, const void *b, int selection)
{
    const struct signer_key *x = a, *y = b;
    (void)selection;
    return EVP_PKEY_eq(x->public, y->public) == 1;
}

static int key_get_params(void *key, OSSL_PARAM params[])
{
    struct signer_key *k = key;
    return EVP_PKEY_get_params(k->public, params);
}

static const OSSL_PARAM *key_params(void *ctx)
{
    static const OSSL_PARAM list[] = { OSSL_PARAM_int(OSSL_PKEY_PARAM_BITS, NULL), OSSL_PARAM_int(OSSL_PKEY_PARAM_SECURITY_BITS, NULL),
        OSSL_PARAM_int(OSSL_PKEY_PARAM_MAX_SIZE, NULL), OSSL_PARAM_utf8_string(OSSL_PKEY_PARAM_GROUP_NAME, NULL, 0),
        OSSL_PARAM_utf8_string(OSSL_PKEY_PARAM_DEFAULT_DIGEST, NULL, 0), OSSL_PARAM_utf8_string(OSSL_PKEY_PARAM_MANDATORY_DIGEST, NULL, 0),
        OSSL_PARAM_END };
    (void)ctx;
    return list;
}

static const OSSL_PARAM *key_import_types(int selection)
{
    static const OSSL_PARAM list[] = { OSSL_PARAM_octet_ptr(OWN_KEY, NULL, 0), OSSL_PARAM_octet_string(OSSL_PKEY_PARAM_PUB_KEY, NULL, 0),
        OSSL_PARAM_utf8_string(OSSL_PKEY_PARAM_GROUP_NAME, NULL, 0), OSSL_PARAM_BN(OSSL_PKEY_PARAM_RSA_N, NULL, 0),
        OSSL_PARAM_BN(OSSL_PKEY_PARAM_RSA_E, NULL, 0), OSSL_PARAM_END };
    (void)selection;
    return list;
}

static const char *ec_operation(int op)
{
    return op == OSSL_OP_SIGNATURE ? "ECDSA" : "EC";
}

#define FN(id, f) { id, (void (*)(void))(f) }
/* No export: so no other provider can ever be handed one of these and find it wanting in the middle of a handshake. */
#define KEY_FUNCTIONS(new_one) FN(OSSL_FUNC_KEYMGMT_NEW, new_one), FN(OSSL_FUNC_KEYMGMT_FREE, key_free), FN(OSSL_FUNC_KEYMGMT_HAS, key_has), \
    FN(OSSL_FUNC_KEYMGMT_MATCH, key_match), FN(OSSL_FUNC_KEYMGMT_IMPORT, key_import), FN(OSSL_FUNC_KEYMGMT_IMPORT_TYPES, key_import_types), \
    FN(OSSL_FUNC_KEYMGMT_GET_PARAMS, key_get_params), FN(OSSL_FUNC_KEYMGMT_GETTABLE_PARAMS, key_params)
static const OSSL_DISPATCH keys_rsa[] = { KEY_FUNCTIONS(new_rsa), { 0, NULL } };
static const OSSL_DISPATCH keys_ec[] = { KEY_FUNCTIONS(new_ec), FN(OSSL_FUNC_KEYMGMT_QUERY_OPERATION_NAME, ec_operation), { 0, NULL } };
static const OSSL_DISPATCH keys_ed[] = { KEY_FUNCTIONS(new_ed), { 0, NULL } };

/* ---- signatures ---- */

struct operation {
    struct signer_key *key; /* borrowed: OpenSSL keeps the EVP_PKEY of an operation */
    unsigned hash;          /* 4, 5, 6: SHA-256, 384, 512, as in SignatureScheme; 0: none, or one that TLS 1.2 and 1.3 do not sign with */
    bool pss;
};

static void *op_new(void *ctx, const char *properties)
{
    (void)ctx;
    (void)properties;
    return calloc(1, sizeof(struct operation));
}

static void *op_dup(void *op)
{
    struct operation *o = malloc(sizeof *o);
    if (o)
        *o = *(const struct operation *)op;
    return o;
}

static int op_set_params(void *op, const OSSL_PARAM params[])
{
    struct operation *o = op;
    const OSSL_PARAM *p = params ? OSSL_PARAM_locate_const(params, OSSL_SIGNATURE_PARAM_PAD_MODE) : NULL;
    int mode = 0;
    if (p && p->data_type == OSSL_PARAM_UTF8_STRING && p->data)
        o->pss = strcasecmp(p->data, OSSL_PKEY_RSA_PAD_MODE_PSS) == 0;
    else if (p && OSSL_PARAM_get_int(p, &mode) == 1)
        o->pss = mode == RSA_PKCS1_PSS_PADDING;
    return 1; /* the length of the salt is the digest's, as TLS has it and as the keeper does it */
}

static const OSSL_PARAM *op_params(void *op, void *ctx)
{
    static const OSSL_PARAM list[] = { OSSL_PARAM_utf8_string(OSSL_SIGNATURE_PARAM_PAD_MODE, NULL, 0),
        OSSL_PARAM_utf8_string(OSSL_SIGNATURE_PARAM_PSS_SALTLEN, NULL, 0), OSSL_PARAM_END };
    (void)op;
    (void)ctx;
    return list;
}

static unsigned hash_of(const char *name)
{
    static const struct { const char *name; unsigned hash; } list[] = { { "SHA256", 4 }, { "SHA2-256", 4 }, { "SHA384", 5 }, { "SHA2-384", 5 },
        { "SHA512", 6 }, { "SHA2-512", 6 } };
    for (size_t i = 0; name && i < sizeof list / sizeof list[0]; i++)
        if (strcasecmp(list[i].name, name) == 0)
            return list[i].hash;
    return 0;
}

static int op_init(void *op, const char *digest, void *key, const OSSL_PARAM params[])
{
    struct operation *o = op;
    o->key = key;
    o->hash = hash_of(digest);
    return op_set_params(op, params);
}

static uint16_t scheme_of(const struct operation *o)
{
    if (strcmp(o->key->type, "ED25519") == 0)
        return 0x0807;
    if (!o->hash)
        return 0;
    if (strcmp(o->key->type, "EC") == 0)
        return (uint16_t)(o->hash << 8 | 0x03);
    return (uint16_t)(o->pss ? 0x0800 | o->hash : o->hash << 8 | 0x01);
}

static int op_sign(void *op, unsigned char *sig, size_t *n, size_t room, const unsigned char *in, size_t n_in)
{
    struct operation *o = op;
    unsigned char got[SIGNER_SIGNATURE_MAX];
    uint16_t scheme = o->key ? scheme_of(o) : 0;
    size_t n_got;
    if (!scheme || o->key->domain.n == 0)
        return 0;
    if (!sig) {
        *n = (size_t)EVP_PKEY_get_size(o->key->public);
        return 1;
    }
    if (signer.sign(signer.arg, o->key->domain, scheme, (struct str){ (const char *)in, n_in }, got, &n_got) != 0 || n_got > room)
        return 0;
    memcpy(sig, got, n_got);
    *n = n_got;
    return 1;
}

static const OSSL_DISPATCH signatures[] = { FN(OSSL_FUNC_SIGNATURE_NEWCTX, op_new), FN(OSSL_FUNC_SIGNATURE_FREECTX, free),
    FN(OSSL_FUNC_SIGNATURE_DUPCTX, op_dup), FN(OSSL_FUNC_SIGNATURE_DIGEST_SIGN_INIT, op_init), FN(OSSL_FUNC_SIGNATURE_DIGEST_SIGN, op_sign),
    FN(OSSL_FUNC_SIGNATURE_SET_CTX_PARAMS, op_set_params), FN(OSSL_FUNC_SIGNATURE_SETTABLE_CTX_PARAMS, op_params), { 0, NULL } };

/* ---- the provider ---- */

static const OSSL_ALGORITHM *provider_query(void *ctx, int operation, int *no_cache)
{
    static const OSSL_ALGORITHM keys[] = { { "RSA:rsaEncryption:1.2.840.113549.1.1.1", "provider=lockgate", keys_rsa, "" },
        { "EC:id-ecPublicKey:1.2.840.10045.2.1", "provider=lockgate", keys_ec, "" }, { "ED25519:1.3.101.112", "provider=lockgate", keys_ed, "" },
        { NULL, NULL, NULL, NULL } };
    static const OSSL_ALGORITHM sigs[] = { { "RSA:rsaEncryption:1.2.840.113549.1.1.1", "provider=lockgate", signatures, "" },
        { "ECDSA", "provider=lockgate", signatures, "" }, { "ED25519:1.3.101.112", "provider=lockgate", signatures, "" },
        { NULL, NULL, NULL, NULL } };
    (void)ctx;
    *no_cache = 0;
    return operation == OSSL_OP_KEYMGMT ? keys : operation == OSSL_OP_SIGNATURE ? sigs : NULL;
}

static int provider_init(const OSSL_CORE_HANDLE *handle, const OSSL_DISPATCH *in, const OSSL_DISPATCH **out, void **ctx)
{
    static const OSSL_DISPATCH functions[] = { FN(OSSL_FUNC_PROVIDER_QUERY_OPERATION, provider_query), { 0, NULL } };
    (void)in;
    *out = functions;
    *ctx = (void *)(uintptr_t)handle; /* something; it is not used */
    return 1;
}

int signer_init(signer_sign *sign, void *arg)
{
    signer.sign = sign;
    signer.arg = arg;
    if (signer.ctx)
        return 0;
    signer.ctx = OSSL_LIB_CTX_new();
    if (!signer.ctx || OSSL_PROVIDER_add_builtin(signer.ctx, "lockgate", provider_init) != 1)
        return GW_ERR(CRYPTO);
    signer.provider = OSSL_PROVIDER_load(signer.ctx, "lockgate");
    return signer.provider ? 0 : GW_ERR(CRYPTO);
}

EVP_PKEY *signer_key(struct str domain, EVP_PKEY *public_half)
{
    struct signer_key k = { .public = public_half, .domain = domain };
    void *pointer = &k;
    OSSL_PARAM params[] = { OSSL_PARAM_octet_ptr(OWN_KEY, &pointer, sizeof k), OSSL_PARAM_END };
    EVP_PKEY *made = NULL;
    EVP_PKEY_CTX *c;
    k.type = EVP_PKEY_is_a(public_half, "RSA") ? "RSA" : EVP_PKEY_is_a(public_half, "EC") ? "EC" : EVP_PKEY_is_a(public_half, "ED25519") ? "ED25519" : NULL;
    if (!k.type)
        return NULL;
    c = EVP_PKEY_CTX_new_from_name(signer.ctx, k.type, NULL);
    if (c && EVP_PKEY_fromdata_init(c) == 1)
        (void)EVP_PKEY_fromdata(c, &made, EVP_PKEY_KEYPAIR, params);
    EVP_PKEY_CTX_free(c);
    return made;
}
