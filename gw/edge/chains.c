/* SPDX-License-Identifier: GPL-3.0-or-later
 * One copy of a certificate that many streams show. */
#include "chains.h"

#include <openssl/x509.h>
#include <string.h>

static bool digest(X509 *x, unsigned char *sha256)
{
    unsigned n = 0;
    return X509_digest(x, EVP_sha256(), sha256, &n) == 1 && n == 32;
}

static X509 *kept(const struct chains *c, const unsigned char *sha256)
{
    for (size_t i = 0; i < c->n; i++)
        if (memcmp(c->v[i].sha256, sha256, sizeof c->v[i].sha256) == 0)
            return c->v[i].cert;
    return NULL;
}

/* libssl takes the peer's certificate from this very stack when the callback is done (OpenSSL 3.0, ssl_verify_cert_chain), so what is put
 * here is what the connection and its session hold. */
static void share(const struct chains *c, X509_STORE_CTX *ctx)
{
    STACK_OF(X509) *sent = X509_STORE_CTX_get0_untrusted(ctx);
    X509 *leaf = X509_STORE_CTX_get0_cert(ctx);
    unsigned char sha256[32];
    for (int i = 0; i < sk_X509_num(sent); i++) {
        X509 *x = sk_X509_value(sent, i), *same = digest(x, sha256) ? kept(c, sha256) : NULL;
        if (!same || same == x || X509_up_ref(same) != 1)
            continue;
        (void)sk_X509_set(sent, i, same);
        if (x == leaf)
            X509_STORE_CTX_set_cert(ctx, same);
        X509_free(x);
    }
}

static void remember(struct chains *c, X509 *x)
{
    unsigned char sha256[32];
    if (i2d_X509(x, NULL) > CHAINS_BYTES || !digest(x, sha256) || kept(c, sha256) || X509_up_ref(x) != 1)
        return;
    if (c->n == CHAINS_MAX)
        X509_free(c->v[c->next].cert);
    c->v[c->next].cert = x;
    memcpy(c->v[c->next].sha256, sha256, sizeof sha256);
    c->next = (c->next + 1) % CHAINS_MAX;
    if (c->n < CHAINS_MAX)
        c->n++;
}

int chains_verify(X509_STORE_CTX *ctx, void *arg)
{
    struct chains *c = arg;
    const STACK_OF(X509) *sent;
    int r;
    share(c, ctx);
    r = X509_verify_cert(ctx);
    if (r == 1 && X509_STORE_CTX_get_error(ctx) == X509_V_OK) { /* a stranger fills nothing */
        sent = X509_STORE_CTX_get0_untrusted(ctx);
        for (int i = 0; i < sk_X509_num(sent); i++)
            remember(c, sk_X509_value(sent, i));
    }
    return r;
}

void chains_clear(struct chains *c)
{
    for (size_t i = 0; i < c->n; i++)
        X509_free(c->v[i].cert);
    memset(c, 0, sizeof *c);
}
