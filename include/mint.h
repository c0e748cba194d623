/* SPDX-License-Identifier: GPL-3.0-or-later
 * Certificates that the gateway makes itself: what a CA for that must be like. Asked by the keeper before it mints, by `lockgate check`,
 * and by the token before its key signs. Only for programs that link libcrypto. */
#ifndef LOCKGATE_MINT_H
#define LOCKGATE_MINT_H

#include <openssl/types.h>

#include "gwconf.h"

#define MINT_BACKDATE 3600 /* seconds: a server's clock may be behind ours */

/* May this CA be used to mint what is shown on `side`? It must be unable to do more (RFC 5280 sections 4.2.1.9 and 4.2.1.10): pathLenConstraint
 * 0, and a critical nameConstraints whose permitted dNSNames are domains of the other side, or parents of them, and of this side's own
 * domains hold none. False: text says what is wrong and what is wanted. Says nothing about dates and keys. */
bool mint_ca_fits(X509 *ca, const struct gw_conf *conf, enum gw_side side, char *text, size_t room);
/* Does a name lie in a dNSName constraint? "low.example": itself and all below; ".low.example": all below; "": all. */
bool mint_within(struct str name, struct str constraint);
/* What a certificate of this CA is signed with: SignatureScheme of RFC 8446 section 4.2.3; 0: no key that can be used (allowed: RSA of 2048
 * to 8192 bits, P-256, P-384, P-521, Ed25519). */
unsigned mint_scheme(EVP_PKEY *ca);

#endif
