// link: content ipc base
// libs: -lexpat -lyara -lhs -licui18n -licuuc -licudata -lssl -lcrypto -lconfig -lm
/* SPDX-License-Identifier: GPL-3.0-or-later
 * The floor: what the bare parts cost for one stanza on one core, with nothing of the gateway around them: AES-GCM open and seal,
 * expat, libyara and the detectors with the shipped rules, one group commit (processor time; the commit by the
 * clock). And the bare cryptography of a handshake on both legs, and what OpenSSL holds for two legs that are idle.
 * `floor RULES FOLDER`: microseconds and KiB as one JSON object; FOLDER is where a journal would lie. */
#include <expat.h>
#include <fcntl.h>
#include <malloc.h>
#include <openssl/evp.h>
#include <openssl/ssl.h>
#include <openssl/x509.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "content.h"

#define RECORD 16384    /* bytes of a full TLS record */
#define LINES_BYTES 1900 /* what the journal writes for one stanza: verdict and delivery */
#define BATCH 512       /* stanzas of one group commit under load */

static char stanza[1024];
static size_t stanza_n;

static double clock_of(clockid_t id)
{
    struct timespec t;
    clock_gettime(id, &t);
    return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}
static double now(void) { return clock_of(CLOCK_MONOTONIC); }
/* Of this process alone: others on the machine do not count. */
static double cpu(void) { return clock_of(CLOCK_PROCESS_CPUTIME_ID); }

/* The message that s2sload writes, with 300 bytes of text. */
static void make_stanza(void)
{
    char text[301] = { 0 };
    for (size_t i = 0; i < 300; i++)
        text[i] = "lorem ipsum dolor sit amet "[i % 27];
    stanza_n = (size_t)snprintf(stanza, sizeof stanza, "<message from='load0@high.example/a' to='sink@low.example' type='chat' id='m4711'>"
        "<body>L stream 0 message 4711 due 12345.678901 text %s</body></message>", text);
}

/* Opening and sealing, for the bytes of one stanza in full records. */
static double crypto(void)
{
    static unsigned char in[RECORD], out[RECORD + 16], key[32], iv[12], tag[16];
    EVP_CIPHER_CTX *c = EVP_CIPHER_CTX_new();
    int n, rounds = 4000;
    double t = cpu();
    for (int i = 0; i < rounds; i++) {
        int seal = i & 1;
        EVP_CipherInit_ex(c, EVP_aes_256_gcm(), NULL, key, iv, seal);
        EVP_CipherUpdate(c, out, &n, in, sizeof in);
        if (seal && EVP_CipherFinal_ex(c, out, &n) == 1)
            EVP_CIPHER_CTX_ctrl(c, EVP_CTRL_GCM_GET_TAG, 16, tag);
    }
    t = (cpu() - t) / (rounds / 2);
    EVP_CIPHER_CTX_free(c);
    return t * (double)stanza_n / RECORD * 1e6;
}

static void XMLCALL start(void *user, const XML_Char *name, const XML_Char **atts) { (void)user, (void)name, (void)atts; }
static void XMLCALL end(void *user, const XML_Char *name) { (void)user, (void)name; }
static void XMLCALL characters(void *user, const XML_Char *s, int n) { (void)user, (void)s, (void)n; }

static double expat(void)
{
    static const char head[] = "<s:stream xmlns='jabber:server' xmlns:s='http://etherx.jabber.org/streams'>";
    XML_Parser p = XML_ParserCreateNS("UTF-8", 0x1f);
    int rounds = 100000;
    XML_SetElementHandler(p, start, end);
    XML_SetCharacterDataHandler(p, characters);
    if (XML_Parse(p, head, sizeof head - 1, 0) != XML_STATUS_OK)
        exit(1);
    double t = cpu();
    for (int i = 0; i < rounds; i++)
        if (XML_Parse(p, stanza, (int)stanza_n, 0) != XML_STATUS_OK)
            exit(1);
    t = (cpu() - t) / rounds;
    XML_ParserFree(p);
    return t * 1e6;
}

static void scan(const char *rules, double *ret_yara, double *ret_dlp, double *ret_all)
{
    struct conf_errors errs;
    struct content *c;
    struct arena a;
    char *body = strstr(stanza, "<body>") + 6;
    struct scan_segment v[] = { { 0, UINT32_MAX, 0, SCAN_AT_ID, STR("m4711") }, { 0, UINT32_MAX, 1, SCAN_AT_RESOURCE, STR("load0") },
        { 0, UINT32_MAX, 2, SCAN_AT_RESOURCE, STR("a") }, { 2, UINT32_MAX, 3, SCAN_AT_BODY, { body, (size_t)(strstr(body, "</body>") - body) } } };
    struct scan_request r = { .facts = { .direction = STR("high-to-low"), .kind = STR("message") }, .segments = v, .n_segments = 4, .rebuilt = { stanza, stanza_n } };
    int rounds = 20000;
    conf_errors_init(&errs);
    if (content_load(rules, &c, &errs)) {
        conf_errors_print(&errs, stderr);
        exit(78);
    }
    arena_init(&a, 1 << 20);
    double yara = 0, dlp = 0, t = cpu();
    for (int i = 0; i < rounds; i++) {
        struct scan_result result;
        arena_reset(&a);
        if (content_scan(c, &r, &a, &result))
            exit(1);
        yara += (double)result.yara_ns;
        dlp += (double)result.dlp_ns;
    }
    *ret_all = (cpu() - t) / rounds * 1e6;
    *ret_yara = *ret_all * yara / (yara + dlp); /* what is neither belongs to both */
    *ret_dlp = *ret_all * dlp / (yara + dlp);
}

static int by_value(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return x < y ? -1 : x > y;
}

/* p50 of a write and fdatasync of so many bytes at the end of a file. */
static double commit(const char *folder, size_t bytes, int rounds)
{
    char path[4096], *b = calloc(1, bytes);
    double *v = calloc((size_t)rounds, sizeof *v), p50;
    snprintf(path, sizeof path, "%s/lockgate-floor.%d", folder, (int)getpid());
    int fd = open(path, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    if (fd < 0)
        exit(1);
    for (int i = 0; i < rounds; i++) {
        double t = now();
        if (write(fd, b, bytes) != (ssize_t)bytes || fdatasync(fd))
            exit(1);
        v[i] = (now() - t) * 1e6;
        usleep(1000); /* as on a standing stream: the disk is not kept awake */
    }
    qsort(v, (size_t)rounds, sizeof *v, by_value);
    p50 = v[rounds / 2];
    close(fd);
    unlink(path);
    free(b);
    free(v);
    return p50;
}

/* The signatures and key agreements of one full handshake on both legs, client and server certificates on P-256: on our side two
 * signatures made, two peers' signatures and their certificates' checked, two X25519 agreements. */
static double handshake(void)
{
    EVP_PKEY *key = EVP_EC_gen("P-256");
    EVP_MD_CTX *m = EVP_MD_CTX_new();
    unsigned char hash[64] = { 0 }, sig[128], secret[32];
    int rounds = 300;
    double t = cpu();
    for (int i = 0; i < rounds; i++) {
        size_t n = sizeof sig, k = sizeof secret;
        EVP_PKEY *mine = EVP_PKEY_Q_keygen(NULL, NULL, "X25519"), *theirs = EVP_PKEY_Q_keygen(NULL, NULL, "X25519");
        EVP_PKEY_CTX *d = EVP_PKEY_CTX_new(mine, NULL);
        if (EVP_DigestSignInit(m, NULL, EVP_sha256(), NULL, key) != 1 || EVP_DigestSign(m, sig, &n, hash, sizeof hash) != 1)
            exit(1);
        for (int check = 0; check < 2; check++) {
            EVP_MD_CTX_reset(m);
            if (EVP_DigestVerifyInit(m, NULL, EVP_sha256(), NULL, key) != 1 || EVP_DigestVerify(m, sig, n, hash, sizeof hash) != 1)
                exit(1);
        }
        EVP_MD_CTX_reset(m);
        if (EVP_PKEY_derive_init(d) != 1 || EVP_PKEY_derive_set_peer(d, theirs) != 1 || EVP_PKEY_derive(d, secret, &k) != 1)
            exit(1);
        EVP_PKEY_CTX_free(d);
        EVP_PKEY_free(mine);
        EVP_PKEY_free(theirs);
    }
    t = (cpu() - t) / rounds;
    EVP_MD_CTX_free(m);
    EVP_PKEY_free(key);
    return t * 1e6;
}

/* ---- memory of a TLS connection that is idle ---- */

static size_t in_use(void)
{
    struct mallinfo2 m = mallinfo2();
    return m.uordblks + m.hblkhd;
}

static int any_chain(int ok, X509_STORE_CTX *c) { return ok || c != NULL; }

static SSL_CTX *context(bool server)
{
    SSL_CTX *c = SSL_CTX_new(server ? TLS_server_method() : TLS_client_method());
    EVP_PKEY *key = EVP_EC_gen("P-256");
    X509 *x = X509_new();
    X509_set_version(x, 2);
    X509_gmtime_adj(X509_getm_notBefore(x), -60);
    X509_gmtime_adj(X509_getm_notAfter(x), 3600);
    X509_set_pubkey(x, key);
    X509_NAME_add_entry_by_txt(X509_get_subject_name(x), "CN", MBSTRING_ASC, (const unsigned char *)"floor.example", -1, -1, 0);
    X509_set_issuer_name(x, X509_get_subject_name(x));
    if (X509_sign(x, key, EVP_sha256()) == 0 || SSL_CTX_use_certificate(c, x) != 1 || SSL_CTX_use_PrivateKey(c, key) != 1)
        exit(1);
    SSL_CTX_set_mode(c, SSL_MODE_RELEASE_BUFFERS);
    SSL_CTX_set_verify(c, SSL_VERIFY_PEER, any_chain);
    SSL_CTX_set_session_cache_mode(c, SSL_SESS_CACHE_OFF);
    SSL_CTX_set_num_tickets(c, 0);
    X509_free(x);
    EVP_PKEY_free(key);
    return c;
}

/* Handshakes of n connections, and what the side that is kept takes, in KiB. */
static double leg(SSL_CTX *server, SSL_CTX *client, bool keep_server)
{
    enum { LEGS = 100, WARM = 3 };
    size_t before = 0;
    for (int i = 0; i < WARM + LEGS; i++) {
        int fd[2];
        if (i == WARM)
            before = in_use();
        SSL *s = SSL_new(server), *c = SSL_new(client);
        char b[8];
        if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, fd) != 0 || SSL_set_fd(s, fd[0]) != 1 || SSL_set_fd(c, fd[1]) != 1)
            exit(1);
        for (int turn = 0; turn < 4; turn++)
            (void)SSL_connect(c), (void)SSL_accept(s);
        if (SSL_write(c, "ping", 4) != 4 || SSL_read(s, b, 8) != 4 || SSL_write(s, "pong", 4) != 4 || SSL_read(c, b, 8) != 4)
            exit(1);
        SSL_free(keep_server ? c : s); /* the other stays until the process ends */
    }
    return (double)(in_use() - before) / LEGS / 1024;
}

static double idle_legs(void)
{
    SSL_CTX *server = context(true), *client = context(false);
    return leg(server, client, true) + leg(server, client, false);
}

int main(int argc, char **argv)
{
    double yara, dlp, all;
    if (argc != 3) {
        fprintf(stderr, "usage: floor RULES FOLDER\n");
        return 2;
    }
    make_stanza();
    double tls = crypto(), xml = expat();
    scan(argv[1], &yara, &dlp, &all);
    double batch = commit(argv[2], BATCH * LINES_BYTES, 30), one = commit(argv[2], LINES_BYTES / 2, 200), leg_us = handshake();
    printf("{\"bytes\":%zu,\"tls\":%.3f,\"expat\":%.3f,\"yara\":%.3f,\"dlp\":%.3f,\"scan\":%.3f,\"commit_share\":%.3f,\"sum\":%.3f,\"commit_us\":%.1f,"
           "\"handshake_leg\":%.1f,\"idle_legs\":%.1f}\n", stanza_n, tls, xml, yara, dlp, all, batch / BATCH, tls + xml + yara + dlp + batch / BATCH, one, leg_us,
           idle_legs());
    return 0;
}
