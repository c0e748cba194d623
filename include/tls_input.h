/* SPDX-License-Identifier: GPL-3.0-or-later
 * Is this what a TLS handshake signs? Asked by whoever signs for others: the keeper, and the token behind it. */
#ifndef LOCKGATE_TLS_INPUT_H
#define LOCKGATE_TLS_INPUT_H

#include "buf.h"

/* scheme: SignatureScheme (RFC 8446 section 4.2.3). NULL when it is, else what it is not (static). */
const char *tls_input_wrong(struct str input, unsigned scheme);

#endif
