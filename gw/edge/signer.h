/* SPDX-License-Identifier: GPL-3.0-or-later
 * Private keys that are not here: an OpenSSL provider of this program alone, whose keys know a domain and the public half, and
 * whose signatures come from whoever was named at signer_init (the keeper, over its channel). */
#ifndef LOCKGATE_EDGE_SIGNER_H
#define LOCKGATE_EDGE_SIGNER_H

#include <openssl/evp.h>

#include "buf.h"

#define SIGNER_SIGNATURE_MAX 1024
/* scheme: RFC 8446 section 4.2.3; input: all that is to be signed, not a digest. 0, or any error code: the handshake fails. */
typedef int signer_sign(void *arg, struct str domain, uint16_t scheme, struct str input, unsigned char *sig, size_t *ret_n);
/* Once, before the first key. CRYPTO, NOMEM. */
int signer_init(signer_sign *sign, void *arg) GW_MUST_CHECK;
/* A key for the domain (borrowed, outlives the key) that belongs to this certificate's public key. NULL: OpenSSL's queue says why, or
 * the kind of key is none of RSA, EC, Ed25519. */
EVP_PKEY *signer_key(struct str domain, EVP_PKEY *public_half);

#endif
