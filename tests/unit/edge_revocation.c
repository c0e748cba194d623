/* SPDX-License-Identifier: GPL-3.0-or-later
 * Revocation lists: whole handshakes against a current list, one that is out of date under both policies, and one put in their place. */
// link: ipc record base
// libs: -lssl -lcrypto
#include "../../gw/edge/revocation.c"

#include "tap.h"

/* what the file asks of the rest of the edge */
void conn_fail(struct conn *c, const char *condition, enum gw_reason reason, const char *detail) { (void)c, (void)condition, (void)reason, (void)detail; }
void line_lists(struct edge *e, const char *action, const char *error, unsigned n, int64_t next) { (void)e, (void)action, (void)error, (void)n, (void)next; }
int tls_lists(struct tls *t, struct str pem) { (void)t, (void)pem; return 0; }
struct revocation tls_revocation(const struct tls *t) { (void)t; return (struct revocation){ 0 }; }
void sessions_drop(struct edge *e) { (void)e; }
bool tls_revoked(SSL *ssl, const struct tls *t) { (void)ssl, (void)t; return false; }

#define DAY 86400
static EVP_PKEY *ca_key;
static X509 *ca;

/* serial 9: for another use than a client's. */
static X509 *certificate(long serial, EVP_PKEY *key, long until)
{
    X509 *x = X509_new();
    X509V3_CTX ctx;
    X509_set_version(x, 2);
    ASN1_INTEGER_set(X509_get_serialNumber(x), serial);
    X509_gmtime_adj(X509_getm_notBefore(x), -2 * DAY);
    X509_gmtime_adj(X509_getm_notAfter(x), until);
    X509_set_pubkey(x, key);
    X509_NAME_add_entry_by_txt(X509_get_subject_name(x), "CN", MBSTRING_ASC, (const unsigned char *)(serial ? "server" : "authority"), -1, -1, 0);
    X509_set_issuer_name(x, ca ? X509_get_subject_name(ca) : X509_get_subject_name(x));
    X509V3_set_ctx(&ctx, ca ? ca : x, x, NULL, NULL, 0);
    X509_EXTENSION *e = X509V3_EXT_conf_nid(NULL, &ctx, NID_basic_constraints, serial ? "CA:FALSE" : "critical,CA:TRUE");
    X509_add_ext(x, e, -1);
    X509_EXTENSION_free(e);
    e = serial == 9 ? X509V3_EXT_conf_nid(NULL, &ctx, NID_ext_key_usage, "serverAuth") : NULL;
    if (e)
        X509_add_ext(x, e, -1);
    X509_EXTENSION_free(e);
    X509_sign(x, ca_key, EVP_sha256());
    return x;
}

/* PEM of one list, on which stands serial number 7. */
static void list(struct buf *to, long next)
{
    X509_CRL *l = X509_CRL_new();
    X509_REVOKED *r = X509_REVOKED_new();
    ASN1_TIME *t = ASN1_TIME_new();
    ASN1_INTEGER *n = ASN1_INTEGER_new();
    BIO *b = BIO_new(BIO_s_mem());
    char *p;
    X509_CRL_set_version(l, 1);
    X509_CRL_set_issuer_name(l, X509_get_subject_name(ca));
    X509_CRL_set1_lastUpdate(l, X509_gmtime_adj(t, -DAY));
    X509_REVOKED_set_revocationDate(r, t);
    X509_CRL_set1_nextUpdate(l, X509_gmtime_adj(t, next));
    ASN1_INTEGER_set(n, 7);
    X509_REVOKED_set_serialNumber(r, n);
    X509_CRL_add0_revoked(l, r);
    X509_CRL_sign(l, ca_key, EVP_sha256());
    PEM_write_bio_X509_CRL(b, l);
    buf_init(to, 1u << 20);
    long size = BIO_get_mem_data(b, &p);
    (void)!buf_put(to, p, (size_t)size);
    BIO_free(b);
    ASN1_INTEGER_free(n);
    ASN1_TIME_free(t);
    X509_CRL_free(l);
}

static int go_on(int ok, X509_STORE_CTX *c) { (void)ok, (void)c; return 1; }

/* What a server thinks of a client's certificate. */
static long judged(X509_STORE *store, bool keep, X509 *leaf, EVP_PKEY *key)
{
    SSL_CTX *sc = SSL_CTX_new(TLS_server_method()), *cc = SSL_CTX_new(TLS_client_method());
    BIO *a, *b;
    long result;
    SSL_CTX_set1_cert_store(sc, store);
    SSL_CTX_set_verify(sc, SSL_VERIFY_PEER, keep ? revocation_keep_going : go_on);
    for (int i = 0; i < 2; i++)
        (void)!(SSL_CTX_use_certificate(i ? cc : sc, leaf) == 1 && SSL_CTX_use_PrivateKey(i ? cc : sc, key) == 1);
    SSL *s = SSL_new(sc), *c = SSL_new(cc);
    BIO_new_bio_pair(&a, 0, &b, 0);
    SSL_set_bio(s, a, a);
    SSL_set_bio(c, b, b);
    SSL_set_accept_state(s);
    SSL_set_connect_state(c);
    for (int i = 0; i < 20; i++)
        (void)!(SSL_do_handshake(c) + SSL_do_handshake(s));
    result = SSL_is_init_finished(s) ? SSL_get_verify_result(s) : -1;
    SSL_free(s);
    SSL_free(c);
    SSL_CTX_free(sc);
    SSL_CTX_free(cc);
    ERR_clear_error();
    return result;
}

int main(void)
{
    static const struct { const char *name; long next; bool keep; long serial, until, want; bool stands; } rows[] = {
        { "a current list, another serial number", DAY, false, 5, DAY, X509_V_OK, false },
        { "a current list, on it", DAY, false, 7, DAY, X509_V_ERR_CERT_REVOKED, true },
        { "out of date, refused", -3600, false, 5, DAY, X509_V_ERR_CRL_HAS_EXPIRED, false },
        { "out of date, accepted", -3600, true, 5, DAY, X509_V_OK, false },
        { "out of date and accepted, on it", -3600, true, 7, DAY, X509_V_ERR_CERT_REVOKED, true },
        { "out of date and accepted, the certificate as well", -3600, true, 5, -3600, X509_V_ERR_CERT_HAS_EXPIRED, false },
        { "out of date and accepted, something else was wrong before", -3600, true, 9, DAY, X509_V_ERR_INVALID_PURPOSE, false },
        { "current, accepted, the certificate is out of date", DAY, true, 5, -3600, X509_V_ERR_CERT_HAS_EXPIRED, false },
    };
    EVP_PKEY *key = EVP_PKEY_Q_keygen(NULL, NULL, "EC", "P-256");
    X509_STORE *anchors = X509_STORE_new(), *store = NULL, *next = NULL;
    struct revocation found = { 0 };
    struct buf pem;
    ca_key = EVP_PKEY_Q_keygen(NULL, NULL, "EC", "P-256");
    ca = certificate(0, ca_key, 30 * DAY);
    X509_STORE_add_cert(anchors, ca);
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        X509 *leaf = certificate(rows[i].serial, key, rows[i].until);
        list(&pem, rows[i].next);
        if (ok(revocation_store(anchors, buf_str(&pem), &store, &found) == 0 && found.n == 1, "%s: a store", rows[i].name)) {
            long got = judged(store, rows[i].keep, leaf, key);
            if (!ok(got == rows[i].want, "%s: %s", rows[i].name, X509_verify_cert_error_string(rows[i].want)))
                diag("%s", X509_verify_cert_error_string(got));
            ok(revocation_stands(store, leaf, NULL) == rows[i].stands, "%s: a standing stream %s", rows[i].name, rows[i].stands ? "is ended" : "goes on");
            X509_STORE_free(store);
        }
        X509_free(leaf);
        buf_clear(&pem);
    }
    list(&pem, 3600);
    ok(revocation_store(anchors, buf_str(&pem), &store, &found) == 0 && found.next > time(NULL) + 3500 && found.next <= time(NULL) + 3600, "when the list ends is known");
    struct str half = { buf_str(&pem).p, buf_size(&pem) / 2 };
    ok(revocation_store(store, half, &next, &found) == GW_ERR(SYNTAX) && revocation_store(store, STR_NONE, &next, &found) == GW_ERR(SYNTAX) &&
        revocation_store(store, STR("hello"), &next, &found) == GW_ERR(SYNTAX), "half a list is none, nor is nothing");
    struct buf two;
    buf_init(&two, 1u << 20);
    ok(buf_puts(&two, buf_str(&pem)) == 0 && buf_puts(&two, half) == 0 && revocation_store(store, buf_str(&two), &next, &found) == GW_ERR(SYNTAX), "nor one and a half");
    buf_reset(&two);
    ok(buf_puts(&two, buf_str(&pem)) == 0 && buf_puts(&two, buf_str(&pem)) == 0 && revocation_store(store, buf_str(&two), &next, &found) == 0 && found.n == 2, "two are two");
    X509 *leaf = certificate(5, key, DAY);
    ok(judged(next, false, leaf, key) == X509_V_OK, "the anchors are the same in a store made of another");
    X509_free(leaf);
    X509_STORE_free(store);
    X509_STORE_free(next);
    X509_STORE_free(anchors);
    buf_clear(&pem);
    buf_clear(&two);
    X509_free(ca);
    EVP_PKEY_free(ca_key);
    EVP_PKEY_free(key);
    return done_testing();
}
