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
    for (size_t i = 0; i < c->n; i++) {
        size_t at = (c->oldest + i) % CHAINS_MAX;
        if (memcmp(c->v[at].sha256, sha256, sizeof c->v[at].sha256) == 0)
            return c->v[at].cert;
    }
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

static void let_go(struct chains *c)
{
    c->bytes -= c->v[c->oldest].bytes;
    X509_free(c->v[c->oldest].cert);
    c->oldest = (c->oldest + 1) % CHAINS_MAX;
    c->n--;
}

static void remember(struct chains *c, X509 *x)
{
    unsigned char sha256[32];
    int bytes = i2d_X509(x, NULL);
    size_t at;
    if (bytes <= 0 || bytes > (int)CHAINS_ONE || !digest(x, sha256) || kept(c, sha256) || X509_up_ref(x) != 1)
        return;
    while (c->n == CHAINS_MAX || c->bytes + (size_t)bytes > CHAINS_BYTES)
        let_go(c);
    at = (c->oldest + c->n++) % CHAINS_MAX;
    c->v[at].cert = x;
    c->v[at].bytes = (size_t)bytes;
    c->bytes += (size_t)bytes;
    memcpy(c->v[at].sha256, sha256, sizeof sha256);
}

/* What was sent and is part of the proven chain: nobody fills the ring with what no authority has signed. */
static void remember_proven(struct chains *c, X509_STORE_CTX *ctx)
{
    const STACK_OF(X509) *sent = X509_STORE_CTX_get0_untrusted(ctx), *proven = X509_STORE_CTX_get0_chain(ctx);
    for (int i = 0; i < sk_X509_num(sent); i++)
        for (int k = 0; k < sk_X509_num(proven); k++)
            if (X509_cmp(sk_X509_value(sent, i), sk_X509_value(proven, k)) == 0)
                remember(c, sk_X509_value(proven, k));
}

int chains_verify(X509_STORE_CTX *ctx, void *arg)
{
    struct chains *c = arg;
    int r;
    share(c, ctx);
    r = X509_verify_cert(ctx);
    if (r == 1 && X509_STORE_CTX_get_error(ctx) == X509_V_OK) /* a stranger fills nothing */
        remember_proven(c, ctx);
    return r;
}

void chains_clear(struct chains *c)
{
    while (c->n)
        let_go(c);
}
