/* SPDX-License-Identifier: GPL-3.0-or-later
 * Resumed TLS sessions between two edges: what they spare (no signature), what stays (the peer's identity, a fresh key agreement),
 * and each case in which there must be a full handshake instead. */
// link: ipc record base
// libs: -luv -lssl -lcrypto -licuuc -licudata
#include "../../gw/edge/cert.c"
#include "../../gw/edge/chains.c"
#include "../../gw/edge/revocation.c"
#include "../../gw/edge/sessions.c"
#include "../../gw/edge/signer.c"
#include "../../gw/edge/tls.c"

#include <openssl/pem.h>
#include <stdio.h>
#include <unistd.h>

#include "jid.h"
#include "log.h"
#include "tap.h"

/* what these files ask of the rest of the edge */
static bool killed;
void conn_fail(struct conn *c, const char *condition, enum gw_reason reason, const char *detail) { (void)c, (void)condition, (void)reason, (void)detail; }
void conn_kill(struct conn *c, enum gw_reason reason, const char *detail) { (void)c, (void)detail, killed = reason == GW_R_CERT_REFUSED; }
void line_lists(struct edge *e, const char *action, const char *error, unsigned n, int64_t next) { (void)e, (void)action, (void)error, (void)n, (void)next; }

enum { HIGH_NAME, LOW_NAME, STRANGER, AUTHORITIES };
static EVP_PKEY *keys[AUTHORITIES], *ca_key;
static X509 *ca;
static char folder[] = "/tmp/edge_sessions.XXXXXX", path[8][64];
static unsigned n_signed;

static int sign_here(void *arg, struct str domain, uint16_t scheme, struct str input, unsigned char *sig, size_t *ret_n)
{
    EVP_MD_CTX *m = EVP_MD_CTX_new();
    EVP_PKEY *k = keys[str_eq(domain, STR("high.example")) ? HIGH_NAME : LOW_NAME];
    (void)arg;
    (void)scheme;
    n_signed++;
    *ret_n = SIGNER_SIGNATURE_MAX;
    int r = EVP_DigestSignInit(m, NULL, EVP_sha256(), NULL, k) == 1 && EVP_DigestSign(m, sig, ret_n, (const unsigned char *)input.p, input.n) == 1;
    EVP_MD_CTX_free(m);
    return r ? 0 : GW_ERR(CRYPTO);
}

/* ---- certificates ---- */

static X509 *issue(const char *san, EVP_PKEY *k, long seconds, bool by_itself)
{
    X509 *x = X509_new();
    X509_EXTENSION *e;
    X509_set_version(x, 2);
    ASN1_INTEGER_set(X509_get_serialNumber(x), rand());
    X509_gmtime_adj(X509_getm_notBefore(x), -60);
    X509_gmtime_adj(X509_getm_notAfter(x), seconds);
    X509_set_pubkey(x, k);
    X509_NAME_add_entry_by_txt(X509_get_subject_name(x), "CN", MBSTRING_ASC, (const unsigned char *)(san ? san : "authority"), -1, -1, 0);
    X509_set_issuer_name(x, X509_get_subject_name(san && !by_itself ? ca : x));
    e = X509V3_EXT_conf_nid(NULL, NULL, san ? NID_subject_alt_name : NID_basic_constraints, san ? san : "critical,CA:TRUE");
    X509_add_ext(x, e, -1);
    X509_EXTENSION_free(e);
    X509_sign(x, san && !by_itself ? ca_key : k, EVP_sha256());
    return x;
}

static X509_CRL *revoking(const X509 *x)
{
    X509_CRL *crl = X509_CRL_new();
    X509_REVOKED *r = X509_REVOKED_new();
    ASN1_TIME *t = ASN1_TIME_new();
    X509_gmtime_adj(t, -30);
    X509_CRL_set_version(crl, 1);
    X509_CRL_set_issuer_name(crl, X509_get_subject_name(ca));
    X509_CRL_set1_lastUpdate(crl, t);
    X509_REVOKED_set_revocationDate(r, t);
    X509_gmtime_adj(t, 3600);
    X509_CRL_set1_nextUpdate(crl, t);
    ASN1_TIME_free(t);
    ASN1_INTEGER *n = ASN1_INTEGER_dup(X509_get0_serialNumber(x));
    X509_REVOKED_set_serialNumber(r, n);
    ASN1_INTEGER_free(n);
    X509_CRL_add0_revoked(crl, r);
    X509_CRL_sign(crl, ca_key, EVP_sha256());
    return crl;
}

static char *put(int i, X509 *x)
{
    FILE *f;
    snprintf(path[i], sizeof path[i], "%s/%d.pem", folder, i);
    f = fopen(path[i], "w");
    PEM_write_X509(f, x);
    fclose(f);
    X509_free(x);
    return path[i];
}

static char *put_two(int i, X509 *x, X509 *above)
{
    FILE *f;
    put(i, x);
    f = fopen(path[i], "a");
    PEM_write_X509(f, above);
    fclose(f);
    X509_free(above);
    return path[i];
}

/* ---- two edges that face each other: near serves side high as low.example, far is another gateway's, and calls it ---- */

static struct gw_domain domains[2][2] = { { { .name = STR("high.example") }, { .name = STR("other.example") } },
    { { .name = STR("low.example") }, { .name = STR("rooms.low.example") } } };
static struct gw_certificate shown[2][2];
static struct gw_conf conf;
static struct edge near, far;
static struct pair near_pair[2], far_pair[2];

static void edge_begin(struct edge *e, enum gw_side side, struct pair *p)
{
    memset(e, 0, sizeof *e);
    e->conf = &conf;
    e->side = side;
    sessions_init(e);
    if (tls_load(&conf, side, &e->tls) != 0)
        exit(1);
    for (int i = 0; i < 2; i++) {
        p[i].edge = e;
        p[i].ours = domains[gw_other(side)][side == GW_HIGH ? i : 0].name;
        p[i].theirs = domains[side][side == GW_HIGH ? 0 : i].name;
        p[i].full_until = 0;
        TAILQ_INIT(&p[i].given);
        TAILQ_INIT(&p[i].got);
    }
}

static void edge_end(struct edge *e)
{
    sessions_drop(e);
    tls_free(e->tls);
}

static void begin(void)
{
    edge_begin(&near, GW_HIGH, near_pair);
    edge_begin(&far, GW_LOW, far_pair);
}

static void end(void)
{
    edge_end(&near);
    edge_end(&far);
}

/* ---- one connection ---- */

static struct {
    struct str header;      /* the domain that the header before TLS called; empty: direct TLS */
    struct pair *named;     /* the pair of that header */
    const char *sni;
    bool direct;
    int port, address;
    int version;            /* at most */
    bool no_dhe;            /* the caller would do without a key agreement */
    SSL_SESSION *session;   /* brought by a caller that is none of ours */
} say;

static struct {
    bool done, near_resumed, far_resumed, is_high, is_low;
    bool is_other, is_rooms; /* the other domain of either side */
    unsigned signatures;
    int group;
    long verify;
    unsigned char sha256[32];
    SSL_SESSION *session;
    size_t near_kept, far_kept;
    const X509 *leaf;       /* the one that near holds */
} got_;

static void usual(void)
{
    memset(&say, 0, sizeof say);
    say.header = STR("low.example");
    say.named = &near_pair[0];
    say.sni = "low.example";
    say.port = 5269;
}

static void settle(SSL *a, SSL *b)
{
    char byte;
    for (int i = 0; i < 4; i++) {
        (void)SSL_read(a, &byte, 1);
        (void)SSL_read(b, &byte, 1);
    }
    ERR_clear_error();
}

static struct net_addr at(int last, int port)
{
    struct net_addr a = { .family = 4, .port = (uint16_t)port };
    a.addr[0] = 10;
    a.addr[3] = (uint8_t)last;
    return a;
}

static void connect_once(bool give)
{
    struct conn *n = calloc(1, sizeof *n), *f = calloc(1, sizeof *f);
    BIO *x, *y;
    n_signed = 0;
    n->edge = &near;
    f->edge = &far;
    n->direct = f->direct = say.direct;
    n->remote = at(1 + say.address, 40000 + rand() % 1000);
    f->remote = at(2, say.port);
    n->ssl = tls_server(near.tls, say.header);
    f->ssl = tls_client(far.tls, STR("high.example"), say.sni, say.direct);
    session_await(n, n->ssl, say.header, say.named);
    if (say.session)
        SSL_set_session(f->ssl, say.session);
    else
        session_offer(f, f->ssl, &far_pair[0]);
    if (say.version)
        SSL_set_max_proto_version(f->ssl, say.version);
    if (say.no_dhe)
        SSL_set_options(f->ssl, SSL_OP_ALLOW_NO_DHE_KEX);
    BIO_new_bio_pair(&x, 0, &y, 0);
    SSL_set_bio(n->ssl, x, x);
    SSL_set_bio(f->ssl, y, y);
    SSL_SESSION_free(got_.session);
    memset(&got_, 0, sizeof got_);
    for (int i = 0; i < 40 && !got_.done; i++) {
        int a = SSL_do_handshake(f->ssl), b = SSL_do_handshake(n->ssl);
        got_.done = a == 1 && b == 1;
    }
    if (got_.done) {
        n->secure = f->secure = true;
        session_done(n);
        session_done(f);
        got_.is_high = tls_peer_is(n->ssl, near.tls, STR("high.example"));
        got_.is_low = f->use.proven = tls_peer_is(f->ssl, far.tls, STR("low.example"));
        got_.is_other = tls_peer_is(n->ssl, near.tls, STR("other.example"));
        got_.is_rooms = tls_peer_is(f->ssl, far.tls, STR("rooms.low.example"));
        if (give)
            session_give(n, &near_pair[0]);
        settle(f->ssl, n->ssl);
        got_.near_resumed = SSL_session_reused(n->ssl) == 1;
        got_.far_resumed = SSL_session_reused(f->ssl) == 1;
        if (!say.session && (got_.near_resumed != n->use.resumed || got_.far_resumed != f->use.resumed))
            got_.done = false;
        got_.group = (int)SSL_get_negotiated_group(n->ssl);
        got_.verify = SSL_get_verify_result(n->ssl);
        got_.leaf = SSL_get0_peer_certificate(n->ssl);
        struct tls_peer p;
        tls_peer(n->ssl, &p);
        memcpy(got_.sha256, p.sha256, sizeof p.sha256);
        got_.session = SSL_SESSION_dup(SSL_get_session(f->ssl));
    }
    got_.signatures = n_signed;
    got_.near_kept = near.sessions.n;
    got_.far_kept = far.sessions.n;
    SSL_free(n->ssl);
    SSL_free(f->ssl);
    free(n);
    free(f);
    ERR_clear_error();
}

static bool full(void) { return got_.done && !got_.near_resumed && !got_.far_resumed && got_.signatures == 2; }
static bool resumed(void) { return got_.done && got_.near_resumed && got_.far_resumed && got_.signatures == 0; }

/* ---- what is gained and what stays ---- */

static void again(void)
{
    unsigned char first[32];
    int64_t until;
    begin();
    usual();
    connect_once(true);
    ok(full() && got_.is_high && got_.is_low, "the first handshake is a full one, each side signs (%u)", got_.signatures);
    ok(got_.near_kept == 1 && got_.far_kept == 1, "a ticket was given, and kept (%zu, %zu)", got_.near_kept, got_.far_kept);
    ok(SSL_SESSION_get_max_early_data(got_.session) == 0, "it allows no early data");
    memcpy(first, got_.sha256, sizeof first);
    until = TAILQ_FIRST(&near_pair[0].given)->until;
    connect_once(true);
    ok(resumed(), "the second is resumed, nobody signs (%u)", got_.signatures);
    ok(got_.is_high && got_.is_low && got_.verify == X509_V_OK && memcmp(first, got_.sha256, sizeof first) == 0, "who the peer is comes with the session");
    ok(got_.group > 0, "with a key agreement of its own (group %d)", got_.group);
    ok(got_.near_kept == 1 && got_.far_kept == 1, "used sessions are gone, a new ticket is there");
    ok(TAILQ_FIRST(&near_pair[0].given)->until == until, "whose time ends when that of the first ends");
    say.no_dhe = true;
    connect_once(true);
    ok(resumed() && got_.group > 0, "a caller that would do without a key agreement gets one");
    say.no_dhe = false;
    connect_once(false);
    ok(resumed() && got_.near_kept == 0 && got_.far_kept == 0, "what is not given is not kept");
    connect_once(false);
    ok(full(), "and the next handshake is a full one");
    ok(near.count.resumed == 3 && far.count.resumed == 3, "they are counted");
    end();
}

/* ---- full handshakes instead ---- */

static void other_ours(void) { say.header = STR("rooms.low.example"), say.named = NULL; }
static void other_sni(void) { say.sni = "rooms.low.example"; }
static void strange_sni(void) { say.sni = "elsewhere.example"; }
static void other_pair(void) { say.named = &near_pair[1]; }
static void other_address(void) { say.address = 7; }
static void direct(void) { say.direct = true, say.header = STR_NONE, say.named = NULL; }
static void near_expired(void) { TAILQ_FIRST(&near_pair[0].given)->until = time(NULL); }
static void near_early(void) { TAILQ_FIRST(&near_pair[0].given)->from = time(NULL) + 2; }
static void far_expired(void) { TAILQ_FIRST(&far_pair[0].got)->until = time(NULL); }
static void far_early(void) { TAILQ_FIRST(&far_pair[0].got)->from = time(NULL) + 2; }
static void near_reload(void) { sessions_drop(&near); }
static void far_reload(void) { sessions_drop(&far); }
static void other_port(void) { say.port = 5270; }
static void badly(void) { far_pair[0].full_until = 1; }
static void old(void) { say.version = TLS1_2_VERSION; }
/* The ticket that far brings came from another edge: its own process, and the other side. */
static void other_edge(void) { edge_end(&near); edge_begin(&near, GW_HIGH, near_pair); }

static void none_of_it(void)
{
    static const struct { const char *name; void (*change)(void); } rows[] = { { "another domain in the header", other_ours },
        { "another domain in the ClientHello", other_sni }, { "no domain of ours in the ClientHello", strange_sni },
        { "another pair in the header", other_pair }, { "from another address", other_address }, { "over direct TLS", direct },
        { "the verdict on the chain has run out, here", near_expired }, { "it begins only later, here: the clock went back", near_early },
        { "the verdict has run out, there", far_expired }, { "it begins only later, there", far_early }, { "after a reload", near_reload },
        { "after a reload, there", far_reload }, { "another port of the server", other_port }, { "after a session that did badly", badly },
        { "TLS 1.2", old }, { "a ticket of another edge, or of the process before", other_edge } };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        begin();
        usual();
        connect_once(true);
        rows[i].change();
        connect_once(true);
        ok(full(), "full handshake: %s (%u signatures)", rows[i].name, got_.signatures);
        end();
    }
}

static SSL_SESSION *touched(SSL_SESSION *s, size_t at_, unsigned char bits)
{
    static unsigned char b[8192];
    unsigned char *p = b;
    const unsigned char *q = b, *ticket;
    size_t n_ticket, n = (size_t)i2d_SSL_SESSION(s, &p);
    SSL_SESSION_get0_ticket(s, &ticket, &n_ticket);
    for (unsigned char *t = b; t + n_ticket <= b + n; t++)
        if (memcmp(t, ticket, n_ticket) == 0)
            t[at_ % n_ticket] ^= bits;
    return d2i_SSL_SESSION(NULL, &q, (long)n);
}

static void strangers(void)
{
    SSL_SESSION *s, *forged;
    begin();
    usual();
    connect_once(true);
    s = got_.session;
    got_.session = NULL;
    for (size_t i = 0; i < 32; i += 5) {
        say.session = forged = touched(s, i, 0x10);
        connect_once(false);
        ok(got_.done && !got_.near_resumed && got_.signatures == 2, "a ticket with byte %zu changed: full handshake", i);
        SSL_SESSION_free(forged);
    }
    say.session = SSL_SESSION_dup(s);
    connect_once(false);
    ok(got_.done && got_.near_resumed, "the ticket itself, from a caller that keeps it");
    SSL_SESSION_free(say.session);
    say.session = SSL_SESSION_dup(s);
    connect_once(false);
    ok(got_.done && !got_.near_resumed && got_.signatures == 2, "and a second time: full handshake");
    SSL_SESSION_free(say.session);
    SSL_SESSION_free(s);
    end();

    begin();
    usual();
    say.version = TLS1_2_VERSION;
    connect_once(true);
    unsigned n = 1;
    SSL_SESSION_get_id(got_.session, &n);
    ok(full() && n == 0 && !SSL_SESSION_has_ticket(got_.session) && got_.near_kept == 0 && got_.far_kept == 0, "TLS 1.2: neither a ticket nor a session's name");
    end();
}

/* What is shown by far is of this kind: its sessions are good as long as it is, or are none. */
static void certificates(void)
{
    int64_t now = time(NULL), until;
    X509 *kept = issue("DNS:high.example", keys[HIGH_NAME], 3600 * 24, false);
    X509_up_ref(kept);
    shown[GW_LOW][0].chain = put(3, issue("DNS:high.example", keys[HIGH_NAME], 120, false));
    usual();
    begin();
    connect_once(true);
    until = near.sessions.n ? TAILQ_FIRST(&near_pair[0].given)->until : 0;
    ok(full() && until >= now + 118 && until <= now + 125, "a session ends with the peer's certificate (%lld s)", (long long)(until - now));
    until = far.sessions.n ? TAILQ_FIRST(&far_pair[0].got)->until : 0;
    ok(until > now + 118 && until <= now + 125, "and is given out for no longer (%lld s)", (long long)(until - now));
    near.tls->lists = (struct revocation){ .n = 1, .next = now + 50 };
    sessions_drop(&near);
    sessions_drop(&far);
    connect_once(true);
    until = near.sessions.n ? TAILQ_FIRST(&near_pair[0].given)->until : 0;
    ok(full() && until == now + 50, "or with the revocation lists (%lld s)", (long long)(until - now));
    near.tls->lists_keep = true;
    sessions_drop(&near);
    sessions_drop(&far);
    connect_once(true);
    until = near.sessions.n ? TAILQ_FIRST(&near_pair[0].given)->until : 0;
    ok(full() && until > now + 50, "unless an old list counts on (crl_outdated)");
    end();
    shown[GW_LOW][0].chain = put(3, issue("DNS:high.example", keys[HIGH_NAME], 3600, true));
    begin();
    connect_once(true);
    ok(full() && !got_.is_high && got_.near_kept == 0, "a peer whose chain is not good gets none");
    end();
    shown[GW_LOW][0].chain = put(3, issue("DNS:stranger.example", keys[HIGH_NAME], 3600, false));
    begin();
    connect_once(true);
    ok(full() && !got_.is_high && got_.near_kept == 0, "nor one whose certificate names another");
    end();
    shown[GW_LOW][0].chain = put(3, kept);
    shown[GW_HIGH][0].chain = put(2, issue("DNS:low.example", keys[LOW_NAME], 3600, true));
    begin();
    connect_once(true);
    ok(full() && !got_.is_low && got_.far_kept == 0, "of a server whose chain is not good none is kept");
    end();
    shown[GW_HIGH][0].chain = put(2, issue("DNS:low.example", keys[LOW_NAME], 3600 * 24, false));
    X509_free(kept);
}

/* A leaf of that name, and of another as XmppAddr, below an authority that may be held to the first. */
static char *below(int i, const char *san, EVP_PKEY *k, const char *constraints)
{
    EVP_PKEY *key = EVP_PKEY_Q_keygen(NULL, NULL, "EC", "P-256"), *above_key = ca_key;
    X509 *middle = issue("DNS:middle.example", key, 3600 * 24, false), *above = ca;
    const struct { int nid; const char *text; } more[] = { { NID_basic_constraints, "critical,CA:TRUE" }, { NID_name_constraints, constraints } };
    for (size_t m = 0; m < 2 && more[m].text; m++) {
        X509_EXTENSION *e = X509V3_EXT_conf_nid(NULL, NULL, more[m].nid, more[m].text);
        X509_add_ext(middle, e, -1);
        X509_EXTENSION_free(e);
    }
    X509_sign(middle, ca_key, EVP_sha256());
    ca = middle;
    ca_key = key;
    X509 *leaf = issue(san, k, 3600 * 24, false);
    ca = above;
    ca_key = above_key;
    EVP_PKEY_free(key);
    return put_two(i, leaf, middle);
}

/* A resumed handshake has no chain to look at: which names count is what the full one found, however often it is resumed. */
static void constrained(void)
{
    static const struct { const char *name, *high, *low; bool other; } rows[] = { { "no constraints above", NULL, NULL, true },
        { "constraints above", "critical,permitted;DNS:high.example", "critical,excluded;DNS:rooms.low.example", false } };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        shown[GW_LOW][0].chain = below(3, "DNS:high.example,otherName:1.3.6.1.5.5.7.8.5;UTF8:other.example", keys[HIGH_NAME], rows[i].high);
        shown[GW_HIGH][0].chain = below(2, "DNS:low.example,otherName:1.3.6.1.5.5.7.8.5;UTF8:rooms.low.example", keys[LOW_NAME], rows[i].low);
        usual();
        begin();
        for (int times = 0; times < 3; times++) {
            connect_once(true);
            ok((times ? resumed() : full()) && got_.is_high && got_.is_low, "%s: handshake %d, the dNSName counts", rows[i].name, times);
            ok(got_.is_other == rows[i].other && got_.is_rooms == rows[i].other, "and the otherName %s", rows[i].other ? "does" : "does not");
        }
        end();
    }
    shown[GW_HIGH][0].chain = put(2, issue("DNS:low.example", keys[LOW_NAME], 3600 * 24, false));
    shown[GW_LOW][0].chain = put(3, issue("DNS:high.example", keys[HIGH_NAME], 3600 * 24, false));
}

/* A certificate of that many names, 25 bytes each. */
static void remember_wide(struct chains *c, int names)
{
    char *san = calloc((size_t)names, 32), *p = san;
    X509 *x;
    for (int i = 0; i < names; i++)
        p += sprintf(p, "%sDNS:domain%05d.high.example", i ? "," : "", i);
    x = issue(san, keys[HIGH_NAME], 3600, false);
    remember(c, x);
    X509_free(x);
    free(san);
}

/* A peer whose chain is good sends along what no authority has signed, and two domains of one edge show one chain. */
static void junk_beside(void)
{
    X509 *leaf = issue("DNS:high.example", keys[HIGH_NAME], 3600 * 24, false), *junk = issue("DNS:junk.example", keys[HIGH_NAME], 3600, true), *above = X509_dup(junk);
    STACK_OF(X509) *server, *client;
    char *kept = shown[GW_HIGH][1].chain;
    shown[GW_LOW][0].chain = put_two(3, leaf, junk);
    begin();
    connect_once(false);
    ok(full() && got_.is_high && near.tls->chains.n == 1, "what is sent beside a good chain and is no part of it is not kept (%zu)", near.tls->chains.n);
    end();
    shown[GW_HIGH][1].chain = shown[GW_HIGH][0].chain = put_two(2, issue("DNS:rooms.low.example,DNS:low.example", keys[LOW_NAME], 3600 * 24, false), above);
    begin();
    SSL_CTX_get0_chain_certs(near.tls->shown[0].server, &server);
    SSL_CTX_get0_chain_certs(near.tls->shown[1].client, &client);
    ok(SSL_CTX_get0_certificate(near.tls->shown[0].server) == SSL_CTX_get0_certificate(near.tls->shown[1].client) && sk_X509_num(server) == 1
           && sk_X509_num(client) == 1 && sk_X509_value(server, 0) == sk_X509_value(client, 0),
       "two domains with one chain hold it once, with what stands above");
    end();
    shown[GW_HIGH][1].chain = kept;
    shown[GW_HIGH][0].chain = put(2, issue("DNS:low.example", keys[LOW_NAME], 3600 * 24, false));
    shown[GW_LOW][0].chain = put(3, issue("DNS:high.example", keys[HIGH_NAME], 3600 * 24, false));
}

/* chains.h: a certificate is held once, however many show it, and judged each time. */
static void one_copy(void)
{
    const X509 *first;
    unsigned char sha256[32];
    size_t before;
    X509_CRL *crl;
    begin();
    usual();
    connect_once(false);
    first = got_.leaf;
    memcpy(sha256, got_.sha256, sizeof sha256);
    connect_once(false);
    ok(SSL_CTX_get0_certificate(near.tls->shown[0].server) == SSL_CTX_get0_certificate(near.tls->shown[0].client)
           && SSL_CTX_get_cert_store(near.tls->shown[0].server) == SSL_CTX_get_cert_store(near.tls->shown[0].client),
       "what the edge itself shows, and its authorities, are there once for both roles");
    ok(full() && got_.leaf == first && near.tls->chains.n == 2 && far.tls->chains.n == 2, "the same certificate is held once, and so is its issuer");
    ok(got_.is_high && got_.is_low && memcmp(sha256, got_.sha256, sizeof sha256) == 0, "and says the same");
    crl = revoking(first);
    X509_STORE_add_crl(SSL_CTX_get_cert_store(near.tls->shown[0].server), crl);
    X509_CRL_free(crl);
    X509_STORE_set_flags(SSL_CTX_get_cert_store(near.tls->shown[0].server), X509_V_FLAG_CRL_CHECK);
    connect_once(true);
    ok(full() && got_.leaf == first && got_.verify == X509_V_ERR_CERT_REVOKED && !got_.is_high && got_.near_kept == 0, "it is judged each time: now it is revoked");
    end();
    shown[GW_LOW][0].chain = put(3, issue("DNS:high.example", keys[HIGH_NAME], 3600, true));
    begin();
    for (int i = 0; i < 3; i++)
        connect_once(false);
    ok(full() && !got_.is_high && near.tls->chains.n == 0, "one that is not good is not kept");
    end();
    junk_beside();
    begin();
    for (int i = 0; i < CHAINS_MAX + 40; i++) {
        X509 *x = issue("DNS:high.example", keys[HIGH_NAME], 3600, false);
        remember(&near.tls->chains, x);
        X509_free(x);
    }
    ok(near.tls->chains.n == CHAINS_MAX, "no more than %d are kept", CHAINS_MAX);
    for (int i = 0; i < 100; i++)
        remember_wide(&near.tls->chains, 1500);
    ok(near.tls->chains.n > 30 && near.tls->chains.n < 100 && near.tls->chains.bytes <= CHAINS_BYTES && near.tls->chains.bytes > CHAINS_BYTES - CHAINS_ONE,
       "those with many names count by their bytes: %zu are kept", near.tls->chains.n);
    before = near.tls->chains.n;
    remember_wide(&near.tls->chains, 3000);
    ok(near.tls->chains.n == before, "one of more than %u bytes is not", CHAINS_ONE);
    chains_clear(&near.tls->chains);
    ok(near.tls->chains.n == 0 && near.tls->chains.bytes == 0, "and none when it is cleared");
    end();
    shown[GW_LOW][0].chain = put(3, issue("DNS:high.example", keys[HIGH_NAME], 3600 * 24, false));
}

/* New revocation lists, as the parent hands them over: sessions are gone, and a handshake under way is looked at again. */
static void new_lists(void)
{
    struct conn c = { .edge = &near, .lists = near.lists_read };
    FILE *f = tmpfile();
    X509_CRL *crl;
    begin();
    usual();
    connect_once(true);
    crl = revoking(SSL_SESSION_get0_peer(TAILQ_FIRST(&near_pair[0].given)->ssl));
    PEM_write_X509_CRL(f, crl);
    fflush(f);
    lseek(fileno(f), 0, SEEK_SET);
    TAILQ_INIT(&near.conns);
    c.ssl = tls_server(near.tls, STR("low.example"));
    SSL_set_session(c.ssl, TAILQ_FIRST(&near_pair[0].given)->ssl);
    session_await(&c, c.ssl, STR("low.example"), &near_pair[0]);
    c.use.resumed = true;
    ok(!revoked_meanwhile(&c), "a resumed handshake, lists as before: it stands");
    revocation_came(&near, dup(fileno(f)));
    ok(near.sessions.n == 0, "new lists: no session stays");
    ok(revoked_meanwhile(&c), "a resumed handshake that began before and is on one of them ends");
    connect_once(true);
    ok(full() && got_.verify == X509_V_ERR_CERT_REVOKED && near.sessions.n == 0, "so does the next, which is a full one");
    SSL_free(c.ssl);
    X509_CRL_free(crl);
    fclose(f);
    end();
}

static void bounds(void)
{
    begin();
    usual();
    conf.limits.sessions = 3;
    for (int i = 0; i < 5; i++) {
        sessions_drop(&far);
        connect_once(true);
    }
    ok(full() && got_.near_kept == 3, "limits.sessions: no more are kept (%zu)", got_.near_kept);
    struct session *s = TAILQ_FIRST(&near.sessions.all);
    TAILQ_REMOVE(&near_pair[0].given, s, of); /* the oldest of all is another pair's */
    s->pair = &near_pair[1];
    TAILQ_INSERT_TAIL(&near_pair[1].given, s, of);
    sessions_drop(&far);
    connect_once(true);
    ok(got_.near_kept == 3 && !TAILQ_EMPTY(&near_pair[1].given), "a pair drives out its own first");
    end();
    conf.limits.sessions = 0;
    begin();
    for (int i = 0; i < 2; i++) {
        connect_once(true);
        ok(full() && got_.near_kept == 0 && got_.far_kept == 0, "limits.sessions = 0: there are none");
    }
    end();
    conf.limits.sessions = 100;
}

static void fall_back(void)
{
    struct conn c = { .edge = &far, .use = { .on = true, .pair = &far_pair[0] } };
    begin();
    ok(!session_refused(&c), "a failure without a session is no session's");
    c.use.offered = true;
    c.secure = true;
    ok(!session_refused(&c) && far_pair[0].full_until == 0, "nor is one after a full handshake");
    c.use.resumed = true;
    ok(session_refused(&c) && far_pair[0].full_until == 3600 * 1000, "after a resumed one it is, and no session is offered for a while");
    c.use.resumed = c.secure = false;
    ok(session_refused(&c), "so is a handshake that failed with one");
    end();
}

int main(void)
{
    log_init("test", LOG_L_ERROR);
    if (!ok(mkdtemp(folder) && jid_init() == 0 && signer_init(sign_here, NULL) == 0, "there is a folder, and a provider"))
        return 1;
    ca_key = EVP_PKEY_Q_keygen(NULL, NULL, "EC", "P-256");
    for (int i = 0; i < AUTHORITIES; i++)
        keys[i] = EVP_PKEY_Q_keygen(NULL, NULL, "EC", "P-256");
    ca = issue(NULL, ca_key, 3600 * 48, true);
    X509_up_ref(ca);
    conf.path = path[7];
    conf.limits.sessions = 100;
    conf.limits.session_time = 3600 * 1000;
    conf.limits.certificates = 65536;
    conf.side[GW_HIGH].trust = conf.side[GW_LOW].trust = put(0, ca);
    for (int s = 0; s < GW_SIDES; s++) {
        conf.side[s].domains = domains[s];
        conf.side[s].n_domains = 2;
        conf.side[s].certificates = shown[s];
    }
    shown[GW_HIGH][0] = (struct gw_certificate){ .domain = STR("low.example"), .chain = put(2, issue("DNS:low.example", keys[LOW_NAME], 3600 * 24, false)) };
    shown[GW_HIGH][1] = (struct gw_certificate){ .domain = STR("rooms.low.example"), .chain = put(4, issue("DNS:rooms.low.example,DNS:low.example", keys[LOW_NAME], 3600 * 24, false)) };
    shown[GW_LOW][0] = (struct gw_certificate){ .domain = STR("high.example"), .chain = put(3, issue("DNS:high.example", keys[HIGH_NAME], 3600 * 24, false)) };
    conf.side[GW_HIGH].n_certificates = 2;
    conf.side[GW_LOW].n_certificates = 1;
    again();
    none_of_it();
    strangers();
    certificates();
    constrained();
    one_copy();
    new_lists();
    bounds();
    fall_back();
    for (int i = 0; i < 7; i++)
        if (path[i][0])
            unlink(path[i]);
    rmdir(folder);
    return done_testing();
}
