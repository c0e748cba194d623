/* SPDX-License-Identifier: GPL-3.0-or-later
 * One copy of a certificate that many streams show: a server has the same on all of its streams, and often for all of its domains,
 * and OpenSSL would keep each, decoded, with each connection (5 to 10 KiB). */
#ifndef LOCKGATE_EDGE_CHAINS_H
#define LOCKGATE_EDGE_CHAINS_H

#include <openssl/x509_vfy.h>
#include <stdbool.h>
#include <stddef.h>

#define CHAINS_MAX 256          /* certificates; the oldest is let go of for a new one */
#define CHAINS_BYTES (2U << 20) /* of all, encoded: likewise */
#define CHAINS_ONE (64U << 10)  /* of one, encoded, some 2,000 names; larger ones are not kept */
struct chains {
    struct { unsigned char sha256[32]; X509 *cert; size_t bytes; } v[CHAINS_MAX]; /* a ring */
    size_t oldest, n, bytes;
};
/* For SSL_CTX_set_cert_verify_callback, arg: a struct chains. Verifies in full, as X509_verify_cert does; certificates that stood in a
 * good chain before take the place of their equals, byte for byte, that just came. */
int chains_verify(X509_STORE_CTX *ctx, void *arg);
void chains_clear(struct chains *c);

#endif
