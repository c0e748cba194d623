/* SPDX-License-Identifier: GPL-3.0-or-later
 * Certificates: chains that the keeper made; whom one names, as XMPP reads it (RFC 6120 section 13.7.1.2, RFC 6125): dNSName with a wildcard as the whole
 * leftmost label, SRVName _xmpp-server, id-on-xmppAddr. Never the subject's common name. */
#ifndef LOCKGATE_EDGE_CERT_H
#define LOCKGATE_EDGE_CERT_H

#include <openssl/x509.h>
#include <stdbool.h>

#include "gwconf.h"

/* prepared: the domain as in JIDs; ascii: the same with A-labels. Says nothing about the chain. */
bool cert_names(X509 *cert, struct str prepared, struct str ascii);
/* Is its key one of those that the configuration pins for the domain? True when there are none. */
bool cert_pinned(X509 *cert, const struct gw_domain *domain);
/* DER, one behind the other, as CHAIN brings them. The caller frees *ret_leaf, and *ret_above by sk_X509_pop_free. SYNTAX, LIMIT (more than 10 in all), NOMEM. */
int cert_chain(struct str der, X509 **ret_leaf, STACK_OF(X509) **ret_above) GW_MUST_CHECK;

#endif
