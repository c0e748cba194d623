/* SPDX-License-Identifier: GPL-3.0-or-later
 * TLS of one edge: 1.2 and 1.3, modern suites, no renegotiation, no compression, no early data; tickets as sessions.h says. */
#include "tls.h"

#include <openssl/err.h>
#include <openssl/x509v3.h>
#include <stdlib.h>
#include <strings.h>
#include <time.h>
#include <unicode/uidna.h>

#include "cert.h"
#include "chains.h"
#include "log.h"
#include "revocation.h"
#include "sessions.h"
#include "signer.h"

#define ALPN "\x0bxmpp-server"
#define CIPHERS_12 "ECDHE+AESGCM:ECDHE+CHACHA20"

struct tls_name { struct str domain; char *ascii; const struct gw_domain *domain_conf; };
struct tls_shown { struct str domain; const char *ascii; SSL_CTX *server, *client; bool minted; };
struct tls {
    struct tls_name *names; /* every domain of both sides */
    size_t n_names;
    struct tls_shown *shown;
    size_t n_shown;
    X509_STORE *anchors;    /* of every context; with the revocation lists, once there are any */
    struct chains chains;
    struct revocation lists;
    bool lists_keep;        /* one that is out of date counts on */
};

static const char *error_text(unsigned long e)
{
    static char text[200];
    if (e)
        ERR_error_string_n(e, text, sizeof text);
    ERR_clear_error();
    return e ? text : "no reason was given";
}

const char *tls_error(void)
{
    return error_text(ERR_peek_last_error());
}

/* Of a file that cannot be read the first error says why, and the last that there was one. */
static const char *load_error(void)
{
    return error_text(ERR_peek_error());
}

/* ---- names ---- */

static char *to_ascii(struct str domain)
{
    UErrorCode status = U_ZERO_ERROR;
    UIDNAInfo info = UIDNA_INFO_INITIALIZER;
    UIDNA *idna = uidna_openUTS46(UIDNA_NONTRANSITIONAL_TO_ASCII | UIDNA_CHECK_BIDI | UIDNA_CHECK_CONTEXTJ, &status);
    char out[256];
    int32_t n = 0;
    if (U_SUCCESS(status))
        n = uidna_nameToASCII_UTF8(idna, domain.p, (int32_t)domain.n, out, sizeof out - 1, &info, &status);
    if (idna)
        uidna_close(idna);
    if (U_FAILURE(status) || info.errors || n <= 0 || n >= (int32_t)sizeof out)
        return NULL;
    out[n] = 0;
    return strdup(out);
}

static const struct tls_name *find_name(const struct tls *t, struct str domain)
{
    for (size_t i = 0; i < t->n_names; i++)
        if (str_eq(t->names[i].domain, domain))
            return &t->names[i];
    return NULL;
}

const char *tls_ascii(const struct tls *t, struct str domain)
{
    const struct tls_name *n = find_name(t, domain);
    return n ? n->ascii : NULL;
}

static int load_names(struct tls *t, const struct gw_conf *conf)
{
    size_t n = conf->side[GW_HIGH].n_domains + conf->side[GW_LOW].n_domains;
    t->names = calloc(n ? n : 1, sizeof *t->names);
    if (!t->names)
        return GW_ERR(NOMEM);
    for (int s = 0; s < GW_SIDES; s++)
        for (size_t i = 0; i < conf->side[s].n_domains; i++) {
            const struct gw_domain *d = &conf->side[s].domains[i];
            struct tls_name *name = &t->names[t->n_names];
            *name = (struct tls_name){ .domain = d->name, .ascii = to_ascii(d->name), .domain_conf = d };
            if (!name->ascii) {
                log_error("%s:%u: \"%.*s\" cannot be written as a DNS name", conf->path, d->line, STR_ARG(d->name));
                return GW_ERR(CONF);
            }
            t->n_names++;
        }
    return 0;
}

/* ---- contexts ---- */

/* Handshakes end whatever the chain is like: the stream then says why the peer is refused, and the journal too. */
static int keep_going(int ok, X509_STORE_CTX *ctx)
{
    (void)ok;
    (void)ctx;
    return 1;
}

static const struct tls_shown *find_shown(const struct tls *t, struct str domain)
{
    for (size_t i = 0; i < t->n_shown; i++)
        if (str_eq(t->shown[i].domain, domain))
            return &t->shown[i];
    return NULL;
}

static int on_sni(SSL *ssl, int *alert, void *arg)
{
    const struct tls *t = arg;
    const char *name = SSL_get_servername(ssl, TLSEXT_NAMETYPE_host_name);
    (void)alert;
    for (size_t i = 0; name && i < t->n_shown; i++)
        if (strcasecmp(t->shown[i].ascii, name) == 0) {
            SSL_set_SSL_CTX(ssl, t->shown[i].server);
            return SSL_TLSEXT_ERR_OK;
        }
    return SSL_TLSEXT_ERR_NOACK;
}

/* XEP-0368: a peer that names protocols must name ours. */
static int on_alpn(SSL *ssl, const unsigned char **out, unsigned char *n_out, const unsigned char *in, unsigned n_in, void *arg)
{
    unsigned char *picked = NULL;
    (void)ssl;
    (void)arg;
    if (SSL_select_next_proto(&picked, n_out, (const unsigned char *)ALPN, sizeof ALPN - 1, in, n_in) != OPENSSL_NPN_NEGOTIATED)
        return SSL_TLSEXT_ERR_ALERT_FATAL;
    *out = picked;
    return SSL_TLSEXT_ERR_OK;
}

static int set_common(SSL_CTX *ctx, const struct gw_side_conf *side, const struct gw_limits *limits, bool server)
{
    X509_VERIFY_PARAM *p = SSL_CTX_get0_param(ctx);
    SSL_CTX_set_options(ctx, SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_COMPRESSION | SSL_OP_NO_TICKET | SSL_OP_CIPHER_SERVER_PREFERENCE);
    SSL_CTX_set_mode(ctx, SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER | SSL_MODE_RELEASE_BUFFERS);
    SSL_CTX_set_session_cache_mode(ctx, SSL_SESS_CACHE_OFF);
    sessions_context(ctx, server, limits->sessions ? limits->session_time / 1000 : 0);
    SSL_CTX_set_max_cert_list(ctx, (long)limits->certificates);
    SSL_CTX_set_verify(ctx, SSL_VERIFY_PEER, side->crl_keep ? revocation_keep_going : keep_going);
    SSL_CTX_set_verify_depth(ctx, 8);
    /* Public CAs stopped issuing clientAuth: in both roles the peer is judged as the server that it is. */
    X509_VERIFY_PARAM_set_flags(p, X509_V_FLAG_PARTIAL_CHAIN);
    return SSL_CTX_set_min_proto_version(ctx, TLS1_2_VERSION) == 1 && SSL_CTX_set_cipher_list(ctx, CIPHERS_12) == 1
            && SSL_CTX_set_num_tickets(ctx, 0) == 1 && SSL_CTX_set_max_early_data(ctx, 0) == 1 && SSL_CTX_set_recv_max_early_data(ctx, 0) == 1
            && X509_VERIFY_PARAM_set_purpose(p, X509_PURPOSE_SSL_SERVER) == 1
            && X509_VERIFY_PARAM_set_trust(p, X509_TRUST_SSL_SERVER) == 1
        ? 0
        : GW_ERR(CRYPTO);
}

/* The key of the context's certificate is with the keeper: what is put here only knows how to ask for signatures. */
static int use_key(SSL_CTX *ctx, struct str domain)
{
    EVP_PKEY *k = signer_key(domain, X509_get0_pubkey(SSL_CTX_get0_certificate(ctx)));
    int r = k && SSL_CTX_use_PrivateKey(ctx, k) == 1 && SSL_CTX_check_private_key(ctx) == 1;
    EVP_PKEY_free(k);
    return r;
}

/* The side's authorities, read once for all of its contexts. */
static int anchors(struct tls *t, const struct gw_conf *conf, const struct gw_side_conf *side)
{
    t->anchors = X509_STORE_new();
    if (t->anchors && X509_STORE_load_file(t->anchors, side->trust) == 1)
        return 0;
    log_error("%s:%u: trust: %s: %s", conf->path, side->line, side->trust, load_error());
    return GW_ERR(CONF);
}

/* same: the context of another domain, or role, that shows the same chain, which is then held once; or NULL. */
static bool use_chain(SSL_CTX *ctx, SSL_CTX *same, const char *chain)
{
    STACK_OF(X509) *above = NULL;
    if (!same)
        return SSL_CTX_use_certificate_chain_file(ctx, chain) == 1;
    return SSL_CTX_use_certificate(ctx, SSL_CTX_get0_certificate(same)) == 1 && SSL_CTX_get0_chain_certs(same, &above) == 1
            && SSL_CTX_set1_chain(ctx, above) == 1;
}

static SSL_CTX *make(const struct tls *t, const struct gw_conf *conf, const struct gw_side_conf *side, const struct gw_certificate *c, SSL_CTX *same,
                     bool server)
{
    SSL_CTX *ctx = SSL_CTX_new(server ? TLS_server_method() : TLS_client_method());
    if (!ctx)
        return NULL;
    SSL_CTX_set1_cert_store(ctx, t->anchors);
    if (set_common(ctx, side, &conf->limits, server) != 0)
        log_error("TLS cannot be set up: %s", load_error());
    else if (gw_conf_minted(c) || (use_chain(ctx, same, c->chain) && use_key(ctx, c->domain))) /* minted ones come later: tls_chain */
        return ctx;
    else
        log_error("%s:%u: %s: %s", conf->path, c->line, c->chain, load_error());
    SSL_CTX_free(ctx);
    return NULL;
}

/* Of those before number i that show the chain in the same file, the first. */
static SSL_CTX *shows_the_same(const struct tls *t, const struct gw_side_conf *side, size_t i)
{
    for (size_t k = 0; k < i; k++)
        if (!t->shown[k].minted && strcmp(side->certificates[k].chain, side->certificates[i].chain) == 0)
            return t->shown[k].server;
    return NULL;
}

static int load_shown(struct tls *t, const struct gw_conf *conf, const struct gw_side_conf *side)
{
    t->shown = calloc(side->n_certificates ? side->n_certificates : 1, sizeof *t->shown);
    if (!t->shown)
        return GW_ERR(NOMEM);
    for (size_t i = 0; i < side->n_certificates; i++) {
        const struct gw_certificate *c = &side->certificates[i];
        struct tls_shown *s = &t->shown[t->n_shown];
        *s = (struct tls_shown){ .domain = c->domain, .ascii = tls_ascii(t, c->domain), .minted = gw_conf_minted(c) };
        t->n_shown++;
        s->server = make(t, conf, side, c, s->minted ? NULL : shows_the_same(t, side, i), true);
        s->client = s->server ? make(t, conf, side, c, s->server, false) : NULL;
        if (!s->client || !s->ascii)
            return GW_ERR(CONF);
        SSL_CTX_set_tlsext_servername_callback(s->server, on_sni);
        SSL_CTX_set_tlsext_servername_arg(s->server, t);
        SSL_CTX_set_alpn_select_cb(s->server, on_alpn, NULL);
        SSL_CTX_set_cert_verify_callback(s->server, chains_verify, &t->chains);
        SSL_CTX_set_cert_verify_callback(s->client, chains_verify, &t->chains);
        if (SSL_CTX_set_session_id_context(s->server, (const unsigned char *)"lockgate", 8) != 1)
            return GW_ERR(CRYPTO);
    }
    return 0;
}

/* ---- how long a verdict stands ---- */

/* Narrows [from, until) by a validity. A time that is not there (nextUpdate may be absent) narrows nothing. */
static bool narrow(const ASN1_TIME *begin, const ASN1_TIME *end, int64_t now, int64_t *from, int64_t *until)
{
    const ASN1_TIME *at[2] = { begin, end };
    for (int i = 0; i < 2; i++) {
        int days, seconds;
        int64_t t;
        if (!at[i])
            continue;
        if (ASN1_TIME_diff(&days, &seconds, NULL, at[i]) != 1)
            return false;
        t = now + (int64_t)days * 86400 + seconds;
        if (i == 0 && t > *from)
            *from = t;
        if (i == 1 && t < *until)
            *until = t;
    }
    return true;
}

/* A list that is out of date ends the verdicts on all chains, also of other authorities: sooner than needed, never later. */
bool tls_valid(SSL *ssl, const struct tls *t, int64_t *ret_from, int64_t *ret_until)
{
    STACK_OF(X509) *chain = SSL_get0_verified_chain(ssl);
    int64_t now = time(NULL), from = 0, until = t->lists.n && !t->lists_keep ? t->lists.next : INT64_MAX;
    if (SSL_get_verify_result(ssl) != X509_V_OK || !SSL_get0_peer_certificate(ssl) || sk_X509_num(chain) < 1)
        return false;
    for (int i = 0; i < sk_X509_num(chain); i++) {
        const X509 *x = sk_X509_value(chain, i);
        if (!narrow(X509_get0_notBefore(x), X509_get0_notAfter(x), now, &from, &until))
            return false;
    }
    *ret_from = from;
    *ret_until = until;
    return true;
}

int tls_load(const struct gw_conf *conf, enum gw_side side, struct tls **ret)
{
    struct tls *t = calloc(1, sizeof *t);
    int err;
    if (!t)
        return GW_ERR(NOMEM);
    t->lists_keep = conf->side[side].crl_keep;
    ERR_clear_error();
    err = load_names(t, conf);
    if (!err)
        err = anchors(t, conf, &conf->side[side]);
    if (!err)
        err = load_shown(t, conf, &conf->side[side]);
    if (!err && conf->side[side].crl && (err = revocation_read_file(conf->side[side].crl, t, tls_lists)) != 0)
        log_error("%s:%u: crl: %s: no revocation list in PEM form can be read", conf->path, conf->side[side].line, conf->side[side].crl);
    if (err)
        tls_free(t);
    else
        *ret = t;
    return err;
}

void tls_free(struct tls *t)
{
    if (!t)
        return;
    for (size_t i = 0; i < t->n_names; i++)
        free(t->names[i].ascii);
    for (size_t i = 0; i < t->n_shown; i++) {
        SSL_CTX_free(t->shown[i].server);
        SSL_CTX_free(t->shown[i].client);
    }
    X509_STORE_free(t->anchors);
    chains_clear(&t->chains);
    free(t->names);
    free(t->shown);
    free(t);
}

/* ---- certificates that the keeper makes ---- */

int tls_chain(struct tls *t, struct str domain, struct str chain)
{
    struct tls_shown *s = NULL;
    X509 *leaf = NULL;
    STACK_OF(X509) *above = NULL;
    EVP_PKEY *key;
    int err;
    for (size_t i = 0; i < t->n_shown && !s; i++)
        if (t->shown[i].minted && str_eq(t->shown[i].domain, domain))
            s = &t->shown[i];
    err = s ? cert_chain(chain, &leaf, &above) : GW_ERR(PROTO);
    if (!err && !cert_names(leaf, domain, str_c(s->ascii), true))
        err = GW_ERR(PROTO);
    if (!err) {
        key = signer_key(s->domain, X509_get0_pubkey(leaf));
        if (!key || SSL_CTX_use_cert_and_key(s->server, leaf, key, above, 1) != 1 || SSL_CTX_use_cert_and_key(s->client, leaf, key, above, 1) != 1)
            err = GW_ERR(CRYPTO);
        EVP_PKEY_free(key);
    }
    X509_free(leaf);
    sk_X509_pop_free(above, X509_free);
    if (err)
        log_warn("the keeper's certificate for %.*s cannot be used: %s", STR_ARG(domain), err == GW_ERR(CRYPTO) ? tls_error() : gw_strerror(err));
    return err;
}

bool tls_complete(const struct tls *t)
{
    for (size_t i = 0; i < t->n_shown; i++)
        if (!SSL_CTX_get0_certificate(t->shown[i].server))
            return false;
    return true;
}

/* ---- revocation lists ---- */

/* A new store with the same anchors; a handshake that has not come to the peer's certificate is judged by it, too. */
int tls_lists(struct tls *t, struct str pem)
{
    struct revocation found;
    X509_STORE *store;
    int err = revocation_store(t->anchors, pem, &store, &found);
    if (err)
        return err;
    for (size_t i = 0; i < t->n_shown; i++) {
        SSL_CTX_set1_cert_store(t->shown[i].server, store);
        SSL_CTX_set1_cert_store(t->shown[i].client, store);
    }
    X509_STORE_free(t->anchors);
    t->anchors = store;
    t->lists = found;
    return 0;
}

struct revocation tls_revocation(const struct tls *t)
{
    return t->lists;
}

bool tls_revoked(SSL *ssl, const struct tls *t)
{
    return revocation_stands(t->anchors, SSL_get0_peer_certificate(ssl), SSL_get_peer_cert_chain(ssl));
}

/* ---- one connection ---- */

SSL *tls_server(struct tls *t, struct str ours)
{
    const struct tls_shown *s = find_shown(t, ours);
    SSL *ssl;
    if (!s && t->n_shown)
        s = &t->shown[0];
    ssl = s && SSL_CTX_get0_certificate(s->server) ? SSL_new(s->server) : NULL; /* the keeper may not have made it yet */
    if (ssl)
        SSL_set_accept_state(ssl);
    return ssl;
}

SSL *tls_client(struct tls *t, struct str ours, const char *sni, bool direct)
{
    const struct tls_shown *s = find_shown(t, ours);
    SSL *ssl = s && SSL_CTX_get0_certificate(s->client) ? SSL_new(s->client) : NULL;
    if (!ssl)
        return NULL;
    SSL_set_connect_state(ssl);
    if (SSL_set_tlsext_host_name(ssl, sni) != 1
        || (direct && SSL_set_alpn_protos(ssl, (const unsigned char *)ALPN, sizeof ALPN - 1) != 0)) {
        SSL_free(ssl);
        return NULL;
    }
    return ssl;
}

/* What is longer is not read: OpenSSL stops behind the message's header, in the state that stands for the certificates. */
bool tls_too_long(const SSL *ssl)
{
    OSSL_HANDSHAKE_STATE s = SSL_get_state(ssl);
    return ERR_GET_REASON(ERR_peek_last_error()) == SSL_R_EXCESSIVE_MESSAGE_SIZE && (s == TLS_ST_SR_CERT || s == TLS_ST_CR_CERT);
}

void tls_peer(SSL *ssl, struct tls_peer *ret)
{
    X509 *cert = SSL_get0_peer_certificate(ssl);
    unsigned n = sizeof ret->sha256;
    *ret = (struct tls_peer){ .certificate = cert != NULL, .verify = SSL_get_verify_result(ssl) };
    snprintf(ret->version, sizeof ret->version, "%s", SSL_get_version(ssl));
    snprintf(ret->cipher, sizeof ret->cipher, "%s", SSL_get_cipher_name(ssl));
    if (!cert)
        return;
    X509_NAME_oneline(X509_get_subject_name(cert), ret->subject, sizeof ret->subject);
    if (X509_digest(cert, EVP_sha256(), ret->sha256, &n) != 1)
        ret->certificate = false;
}

void tls_session_names(SSL *ssl)
{
    if (!cert_constrained(SSL_get0_verified_chain(ssl)))
        (void)SSL_SESSION_set1_ticket_appdata(SSL_get_session(ssl), "*", 1); /* without it they do not count */
}

/* Do the dNSNames of the peer's certificate alone say who it is? There is a verified chain in full handshakes only. */
static bool dns_only(SSL *ssl)
{
    void *mark = NULL;
    size_t n = 0;
    if (!SSL_session_reused(ssl))
        return cert_constrained(SSL_get0_verified_chain(ssl));
    return SSL_SESSION_get0_ticket_appdata(SSL_get_session(ssl), &mark, &n) != 1 || n != 1;
}

enum gw_reason tls_peer_wrong(SSL *ssl, const struct tls *t, struct str domain, const char **ret_why)
{
    X509 *cert = SSL_get0_peer_certificate(ssl);
    const struct tls_name *n = find_name(t, domain);
    long verified = SSL_get_verify_result(ssl);
    *ret_why = !cert ? "it showed no certificate" : verified != X509_V_OK ? X509_verify_cert_error_string(verified)
        : !(X509_get_key_usage(cert) & KU_DIGITAL_SIGNATURE) ? "its certificate's key is not for signatures (keyUsage without digitalSignature)"
        : !n || !cert_names(cert, domain, str_c(n->ascii), dns_only(ssl)) ? "the certificate names another domain" : NULL;
    if (*ret_why)
        return GW_R_CERT_REFUSED;
    if (cert_pinned(cert, n->domain_conf))
        return GW_R_NONE;
    *ret_why = "its key is none of those pinned for the domain";
    return GW_R_PIN_MISMATCH;
}
