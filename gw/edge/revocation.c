/* SPDX-License-Identifier: GPL-3.0-or-later
 * Revocation lists of one side: read when the edge starts, and again whenever the parent hands the file over. */
#include "revocation.h"

#include <errno.h>
#include <fcntl.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#include "conn.h"
#include "lines.h"
#include "log.h"

/* ---- lists ---- */

static int64_t seconds_of(const ASN1_TIME *t)
{
    struct tm tm;
    return t && ASN1_TIME_to_tm(t, &tm) == 1 ? (int64_t)timegm(&tm) : INT64_MAX;
}

/* Every anchor: what the side trusts does not change with the lists. */
static bool copy_anchors(X509_STORE *from, X509_STORE *to)
{
    const STACK_OF(X509_OBJECT) *v = X509_STORE_get0_objects(from);
    for (int i = 0; i < sk_X509_OBJECT_num(v); i++) {
        X509 *x = X509_OBJECT_get0_X509(sk_X509_OBJECT_value(v, i));
        if (x && X509_STORE_add_cert(to, x) != 1)
            return false;
    }
    return true;
}

static int add_lists(X509_STORE *to, struct str pem, struct revocation *found)
{
    BIO *b = pem.n ? BIO_new_mem_buf(pem.p, (int)pem.n) : NULL;
    X509_CRL *l;
    int err = b ? 0 : pem.n ? GW_ERR(NOMEM) : GW_ERR(SYNTAX);
    while (!err && (l = PEM_read_bio_X509_CRL(b, NULL, NULL, NULL))) {
        int64_t next = seconds_of(X509_CRL_get0_nextUpdate(l));
        if (X509_STORE_add_crl(to, l) != 1)
            err = GW_ERR(NOMEM);
        found->n++;
        if (next < found->next)
            found->next = next;
        X509_CRL_free(l);
    }
    /* a file that is read while it is written ends in the middle of a list, and not as files end */
    if (!err && (found->n == 0 || ERR_GET_REASON(ERR_peek_last_error()) != PEM_R_NO_START_LINE))
        err = GW_ERR(SYNTAX);
    ERR_clear_error();
    BIO_free(b);
    return err;
}

int revocation_store(X509_STORE *old, struct str pem, X509_STORE **ret, struct revocation *ret_found)
{
    struct revocation found = { .next = INT64_MAX };
    X509_STORE *store = pem.n <= REVOCATION_MAX ? X509_STORE_new() : NULL;
    int err = store && copy_anchors(old, store) && X509_STORE_set_flags(store, X509_V_FLAG_CRL_CHECK | X509_V_FLAG_CRL_CHECK_ALL) == 1 ? 0 : GW_ERR(NOMEM);
    err = err ? err : add_lists(store, pem, &found);
    if (err) {
        X509_STORE_free(store);
        return err;
    }
    *ret = store;
    *ret_found = found;
    return 0;
}

static int first_error(void)
{
    static int index = -1;
    if (index < 0)
        index = SSL_get_ex_new_index(0, NULL, NULL, NULL, NULL);
    return index;
}

/* OpenSSL knows the newest error only, so the one before a forgiven one is kept with the connection. */
int revocation_keep_going(int ok, X509_STORE_CTX *ctx)
{
    SSL *ssl = X509_STORE_CTX_get_ex_data(ctx, SSL_get_ex_data_X509_STORE_CTX_idx());
    if (!ok && X509_STORE_CTX_get_error(ctx) == X509_V_ERR_CRL_HAS_EXPIRED)
        X509_STORE_CTX_set_error(ctx, (int)(intptr_t)SSL_get_ex_data(ssl, first_error()));
    else if (!ok && SSL_set_ex_data(ssl, first_error(), (void *)(intptr_t)X509_STORE_CTX_get_error(ctx)) != 1)
        return 0;
    return 1;
}

static int only_revoked(int ok, X509_STORE_CTX *ctx)
{
    return ok || X509_STORE_CTX_get_error(ctx) != X509_V_ERR_CERT_REVOKED; /* stops at the first that is, whatever else there is */
}

bool revocation_stands(X509_STORE *store, X509 *leaf, STACK_OF(X509) *chain)
{
    X509_STORE_CTX *c = leaf ? X509_STORE_CTX_new() : NULL;
    bool stands = false;
    if (c && X509_STORE_CTX_init(c, store, leaf, chain) == 1) {
        X509_STORE_CTX_set_flags(c, X509_V_FLAG_PARTIAL_CHAIN);
        X509_STORE_CTX_set_verify_cb(c, only_revoked);
        stands = X509_verify_cert(c) != 1 && X509_STORE_CTX_get_error(c) == X509_V_ERR_CERT_REVOKED;
    }
    X509_STORE_CTX_free(c);
    ERR_clear_error();
    return stands;
}

/* ---- files ---- */

static int read_fd(int fd, struct tls *t, revocation_use *use)
{
    struct buf b;
    int err = 0;
    buf_init(&b, REVOCATION_MAX);
    while (!err) {
        unsigned char *to = buf_room(&b, 65536);
        ssize_t n = to ? read(fd, to, 65536) : -1;
        if (!to)
            err = GW_ERR(LIMIT);
        else if (n < 0 && errno != EINTR)
            err = GW_ERR(IO);
        else if (n == 0)
            break;
        else if (n > 0)
            buf_added(&b, (size_t)n);
    }
    close(fd);
    err = err ? err : use(t, buf_str(&b));
    buf_clear(&b);
    return err;
}

int revocation_read_file(const char *path, struct tls *t, revocation_use *use)
{
    const char *why;
    int fd = gw_crl_open(path, &why);

    if (fd < 0)
        log_error("crl: %s: %s", path, why);
    return fd < 0 ? GW_ERR(NOENT) : read_fd(fd, t, use);
}

/* ---- while it runs ---- */

/* Only for what stands on a list: a stream is not ended because a list or a certificate went out of date under it. */
static unsigned end_revoked(struct edge *e)
{
    struct conn *c, *next;
    unsigned n = 0;
    for (c = TAILQ_FIRST(&e->conns); c; c = next) {
        next = TAILQ_NEXT(c, all);
        if (c->gone || c->phase != CONN_TLS || !c->ssl || !c->xs || !tls_revoked(c->ssl, e->tls))
            continue;
        conn_fail(c, "not-authorized", GW_R_CERT_REFUSED, "its certificate was revoked meanwhile");
        n++;
    }
    return n;
}

bool revoked_meanwhile(const struct conn *c)
{
    return c->lists != c->edge->lists_read && tls_revoked(c->ssl, c->edge->tls);
}

void revocation_came(struct edge *e, int fd)
{
    int err = read_fd(fd, e->tls, tls_lists);
    struct revocation r = tls_revocation(e->tls);
    if (err) {
        log_error("crl: no revocation list in PEM form can be read from the new file: the old ones stay");
        line_lists(e, "crl-unreadable", "the old lists stay", r.n, r.next);
        return;
    }
    e->lists_said = false;
    e->lists_read++;
    sessions_drop(e); /* who was good by the old lists is looked at anew */
    unsigned ended = end_revoked(e);
    log_info("crl: %u list%s read again, %u stream%s ended", r.n, r.n == 1 ? "" : "s", ended, ended == 1 ? "" : "s");
    line_lists(e, "crl-read", NULL, r.n, r.next);
}

void revocation_tick(struct edge *e)
{
    struct revocation r = tls_revocation(e->tls);
    bool keep = e->conf->side[e->side].crl_keep;
    if (r.n == 0 || e->lists_said || (int64_t)time(NULL) < r.next)
        return;
    e->lists_said = true;
    log_warn("crl: a revocation list is out of date: %s", keep ? "it counts on (crl_outdated)" : "nobody of its authority is let in");
    line_lists(e, "crl-outdated", keep ? "it counts on" : "nobody of its authority is let in", r.n, r.next);
}
