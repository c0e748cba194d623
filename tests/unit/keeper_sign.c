/* SPDX-License-Identifier: GPL-3.0-or-later
 * Keys that are elsewhere: whole TLS handshakes whose signatures come through the edge's provider from the keeper's code, for
 * every kind of key, both versions, both roles; and what the keeper does not sign. */
// link: base
// libs: -lssl -lcrypto
#include "../../gw/edge/signer.c"
#include "../../gw/keeper/keys.c"
#include "../../gw/keeper/mint.c"

#include <openssl/ssl.h>
#include <openssl/x509v3.h>

#include "tap.h"
#include "tls_input.h"

static EVP_PKEY *private_key; /* what the keeper has */
static unsigned asked;        /* how often, this time */
static const char *wrong;     /* what the check of inputs said */
static char last_input[70000];
static size_t last_n;
static unsigned last_scheme;
static bool refuse;

static int keeper(void *arg, struct str domain, uint16_t scheme, struct str input, unsigned char *sig, size_t *ret_n)
{
    (void)arg;
    asked++;
    wrong = str_eq(domain, STR("low.example")) ? tls_input_wrong(input, scheme) : "another name";
    last_scheme = scheme;
    last_n = input.n < sizeof last_input ? input.n : sizeof last_input;
    memcpy(last_input, input.p, last_n);
    return refuse ? GW_ERR(DENIED) : wrong ? GW_ERR(PROTO) : keys_sign(private_key, scheme, input, sig, ret_n);
}

static X509 *self_signed(EVP_PKEY *k)
{
    X509 *x = X509_new();
    X509_set_version(x, 2);
    ASN1_INTEGER_set(X509_get_serialNumber(x), 1);
    X509_gmtime_adj(X509_getm_notBefore(x), -60);
    X509_gmtime_adj(X509_getm_notAfter(x), 3600);
    X509_set_pubkey(x, k);
    X509_NAME_add_entry_by_txt(X509_get_subject_name(x), "CN", MBSTRING_ASC, (const unsigned char *)"low.example", -1, -1, 0);
    X509_set_issuer_name(x, X509_get_subject_name(x));
    X509_sign(x, k, EVP_PKEY_is_a(k, "ED25519") ? NULL : EVP_sha256());
    return x;
}

static int accept_all(int good, X509_STORE_CTX *c) { (void)good; (void)c; return 1; }

static SSL_CTX *context(bool server, X509 *x, EVP_PKEY *k, int version)
{
    SSL_CTX *c = SSL_CTX_new(server ? TLS_server_method() : TLS_client_method());
    SSL_CTX_set_min_proto_version(c, version);
    SSL_CTX_set_max_proto_version(c, version);
    SSL_CTX_set_verify(c, SSL_VERIFY_PEER | SSL_VERIFY_FAIL_IF_NO_PEER_CERT, accept_all);
    if (SSL_CTX_use_certificate(c, x) != 1 || SSL_CTX_use_PrivateKey(c, k) != 1 || SSL_CTX_check_private_key(c) != 1) {
        SSL_CTX_free(c);
        return NULL;
    }
    return c;
}

/* One handshake over memory, both ends in one context. 1: done on both sides. */
static bool handshake(SSL_CTX *server, SSL_CTX *client)
{
    SSL *s = SSL_new(server), *c = SSL_new(client);
    BIO *a, *b;
    bool done = false;
    BIO_new_bio_pair(&a, 0, &b, 0);
    SSL_set_bio(s, a, a);
    SSL_set_bio(c, b, b);
    SSL_set_accept_state(s);
    SSL_set_connect_state(c);
    for (int i = 0; i < 40 && !done; i++) {
        int x = SSL_do_handshake(c), y = SSL_do_handshake(s);
        done = x == 1 && y == 1;
        ERR_clear_error();
    }
    SSL_free(s);
    SSL_free(c);
    return done;
}

static EVP_PKEY *generate(const char *kind)
{
    if (strncmp(kind, "RSA", 3) == 0)
        return EVP_PKEY_Q_keygen(NULL, NULL, "RSA", (size_t)atoi(kind + 4));
    if (strncmp(kind, "P-", 2) == 0)
        return EVP_PKEY_Q_keygen(NULL, NULL, "EC", kind);
    return EVP_PKEY_Q_keygen(NULL, NULL, "ED25519");
}

static void all_handshakes(void)
{
    static const char *const kinds[] = { "RSA 2048", "P-256", "P-384", "ED25519" };
    static const int versions[] = { TLS1_2_VERSION, TLS1_3_VERSION };
    for (size_t i = 0; i < 4; i++)
        for (size_t v = 0; v < 2; v++) {
            private_key = generate(kinds[i]);
            X509 *x = self_signed(private_key);
            EVP_PKEY *away = signer_key(STR("low.example"), X509_get0_pubkey(x)), *other = generate("P-256");
            X509 *y = self_signed(other);
            SSL_CTX *far_server = context(true, y, other, versions[v]), *far_client = context(false, y, other, versions[v]);
            SSL_CTX *server = away ? context(true, x, away, versions[v]) : NULL, *client = away ? context(false, x, away, versions[v]) : NULL;
            const char *tls = v ? "TLS 1.3" : "TLS 1.2";
            if (ok(server && client, "%s: a context with a key that is elsewhere", kinds[i])) {
                asked = 0;
                ok(handshake(server, far_client) && asked == 1, "%s, %s, receiving: one signature (%s)", kinds[i], tls, wrong ? wrong : "fine");
                asked = 0;
                ok(handshake(far_server, client) && asked == 1, "%s, %s, initiating: one signature (%s)", kinds[i], tls, wrong ? wrong : "fine");
                refuse = true;
                ok(!handshake(server, far_client), "%s, %s: none without the keeper", kinds[i], tls);
                refuse = false;
                ok(!context(true, y, away, versions[v]), "%s: a certificate of another key does not take it", kinds[i]);
            } else {
                ERR_print_errors_fp(stderr);
            }
            SSL_CTX_free(far_server);
            SSL_CTX_free(far_client);
            SSL_CTX_free(server);
            SSL_CTX_free(client);
            X509_free(x);
            X509_free(y);
            EVP_PKEY_free(away);
            EVP_PKEY_free(other);
            EVP_PKEY_free(private_key);
        }
}

/* A key that is elsewhere gives nothing away, and signs in no other way. */
static void nothing_else(void)
{
    private_key = generate("P-256");
    EVP_PKEY *away = signer_key(STR("low.example"), private_key);
    unsigned char out[512];
    size_t n = sizeof out;
    BIO *b = BIO_new(BIO_s_mem());
    EVP_PKEY_CTX *c = EVP_PKEY_CTX_new(away, NULL);
    ok(PEM_write_bio_PrivateKey(b, away, NULL, NULL, 0, NULL, NULL) != 1, "it cannot be written out");
    ok(!c || EVP_PKEY_sign_init(c) <= 0 || EVP_PKEY_sign(c, out, &n, (const unsigned char *)"0123456789abcdef0123456789abcdef", 32) <= 0,
        "it signs no digest");
    asked = 0;
    EVP_MD_CTX *m = EVP_MD_CTX_new();
    ok(EVP_DigestSignInit_ex(m, NULL, "SHA1", NULL, NULL, away, NULL) != 1 || EVP_DigestSign(m, out, &n, out, 8) != 1, "no SHA-1");
    ok(asked == 0, "and the keeper is not asked");
    EVP_MD_CTX_free(m);
    EVP_PKEY_CTX_free(c);
    BIO_free(b);
    EVP_PKEY_free(away);
    EVP_PKEY_free(private_key);
    ERR_clear_error();
}

/* ---- what is signed at all ---- */

static size_t tls13(char *to, const char *sentence, size_t hash)
{
    memset(to, ' ', 64);
    memcpy(to + 64, sentence, 34);
    memset(to + 98, 7, hash);
    return 98 + hash;
}

static void inputs(void)
{
    static char b[70000], t[70000];
    size_t n = tls13(b, "TLS 1.3, server CertificateVerify", 32), n_t;
    ok(!tls_input_wrong((struct str){ b, n }, 0x0403), "TLS 1.3, server");
    ok(tls_input_wrong((struct str){ b, n }, 0x0401) != NULL, "but not with PKCS#1");
    for (size_t i = 0; i < 98; i += 7) {
        b[i] ^= 1;
        ok(tls_input_wrong((struct str){ b, n }, 0x0403) != NULL, "TLS 1.3 with byte %zu changed", i);
        b[i] ^= 1;
    }
    ok(tls_input_wrong((struct str){ b, n - 1 }, 0x0403) != NULL, "a hash that is too short");
    ok(tls_input_wrong((struct str){ b, n + 1 }, 0x0403) != NULL, "a hash that is too long");
    ok(!tls_input_wrong((struct str){ b, tls13(b, "TLS 1.3, client CertificateVerify", 48) }, 0x0804), "TLS 1.3, client, SHA-384");
    ok(tls_input_wrong((struct str){ b, tls13(b, "TLS 1.3, exporter CertificateVeri", 32) }, 0x0403) != NULL, "another sentence");

    memset(b, 1, 200);
    memcpy(b + 64, "\x03\x00\x1d\x20", 4);
    ok(!tls_input_wrong((struct str){ b, 68 + 32 }, 0x0401), "TLS 1.2, key exchange over X25519");
    ok(tls_input_wrong((struct str){ b, 68 + 31 }, 0x0401) != NULL, "with a point cut short");
    ok(tls_input_wrong((struct str){ b, 68 + 33 }, 0x0401) != NULL, "with a byte behind it");
    b[64] = 1;
    ok(tls_input_wrong((struct str){ b, 68 + 32 }, 0x0401) != NULL, "with an explicit curve");

    /* the transcript of a real TLS 1.2 handshake, seen in the initiating role */
    private_key = generate("P-256");
    X509 *x = self_signed(private_key);
    EVP_PKEY *away = signer_key(STR("low.example"), private_key);
    SSL_CTX *s = context(true, x, private_key, TLS1_2_VERSION), *c = context(false, x, away, TLS1_2_VERSION);
    ok(handshake(s, c), "a TLS 1.2 handshake to take the transcript from");
    n_t = last_n;
    memcpy(t, last_input, n_t);
    ok(!tls_input_wrong((struct str){ t, n_t }, last_scheme), "TLS 1.2, all messages so far (%zu bytes)", n_t);
    ok(tls_input_wrong((struct str){ t, n_t - 1 }, last_scheme) != NULL, "less a byte");
    t[n_t] = 0;
    ok(tls_input_wrong((struct str){ t, n_t + 1 }, last_scheme) != NULL, "and a byte more");
    t[0] = 2;
    ok(tls_input_wrong((struct str){ t, n_t }, last_scheme) != NULL, "that begins with another message");
    ok(tls_input_wrong(STR(""), 0x0403) && tls_input_wrong(STR("0123456789abcdef0123456789abcdef"), 0x0403), "nothing, and a bare digest");
    SSL_CTX_free(s);
    SSL_CTX_free(c);
    X509_free(x);
    EVP_PKEY_free(away);

    unsigned char sig[SIGNATURE_MAX];
    size_t m;
    ok(keys_sign(private_key, 0x0804, STR("x"), sig, &m) == GW_ERR(PROTO), "an RSA scheme with an ECDSA key");
    ok(keys_sign(private_key, 0x0203, STR("x"), sig, &m) == GW_ERR(PROTO), "SHA-1");
    EVP_PKEY_free(private_key);
}

int main(void)
{
    log_init("test", LOG_L_ERROR);
    if (!ok(signer_init(keeper, NULL) == 0, "the provider loads"))
        return 1;
    all_handshakes();
    nothing_else();
    inputs();
    return done_testing();
}
