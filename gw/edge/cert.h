/* SPDX-License-Identifier: GPL-3.0-or-later
 * Certificates: chains that the keeper made; whom one names, as XMPP reads it (RFC 6120 section 13.7.1.2, RFC 6125): dNSName with a wildcard as the whole
 * leftmost label, SRVName _xmpp-server, id-on-xmppAddr. Never the subject's common name. */
#ifndef LOCKGATE_EDGE_CERT_H
#define LOCKGATE_EDGE_CERT_H

#include <openssl/x509.h>
#include <stdbool.h>

#include "gwconf.h"

/* prepared: the domain as in JIDs; ascii: the same with A-labels; dns_only: otherNames do not count (cert_constrained). Says nothing about the chain. */
bool cert_names(X509 *cert, struct str prepared, struct str ascii, bool dns_only);
/* Is an authority of this verified chain, leaf first, held to some domains by dNSName, permitted or excluded? RFC 5280 section 4.2.1.10 holds
 * each form of name by itself, so that such an authority could still write any domain as otherName. True for an empty chain, too. */
bool cert_constrained(const STACK_OF(X509) *chain);
/* Is its key one of those that the configuration pins for the domain? True when there are none. */
bool cert_pinned(X509 *cert, const struct gw_domain *domain);
/* DER, one behind the other, as CHAIN brings them. The caller frees *ret_leaf, and *ret_above by sk_X509_pop_free. SYNTAX, LIMIT (more than 10 in all), NOMEM. */
int cert_chain(struct str der, X509 **ret_leaf, STACK_OF(X509) **ret_above) GW_MUST_CHECK;

#endif
