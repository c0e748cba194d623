/* SPDX-License-Identifier: GPL-3.0-or-later
 * Revocation lists of one side (RFC 5280 section 5): a chain is good only if a list of each of its authorities is here, and none of its
 * certificates is on one. */
#ifndef LOCKGATE_EDGE_REVOCATION_H
#define LOCKGATE_EDGE_REVOCATION_H

#include <openssl/x509.h>

#include "buf.h"

#define REVOCATION_MAX (64u << 20) /* bytes of a file */
struct edge;
struct tls;

struct revocation { unsigned n; int64_t next; }; /* lists; when the first goes out of date, seconds since 1970 (INT64_MAX: none does) */
/* A store with the anchors of `old` and the lists of pem. SYNTAX: no list, or one that cannot be read; NOMEM. */
int revocation_store(X509_STORE *old, struct str pem, X509_STORE **ret, struct revocation *ret_found) GW_MUST_CHECK;
/* Verify callback (SSL_CTX_set_verify) for `crl_outdated = "accept"`: handshakes end whatever the chain is like, as always, and that a list
 * is out of date is not held against it. */
int revocation_keep_going(int ok, X509_STORE_CTX *ctx);
/* Does one of these stand on a list of the store? */
bool revocation_stands(X509_STORE *store, X509 *leaf, STACK_OF(X509) *chain);

/* A whole file, from its path or from a descriptor (taken), handed to `use`. Errors of `use`; NOENT, LIMIT, NOMEM. */
typedef int revocation_use(struct tls *t, struct str pem);
int revocation_read_file(const char *path, struct tls *t, revocation_use *use) GW_MUST_CHECK;
struct conn;
/* Lists came after this handshake began, and its peer is on one: it was verified by the old ones. */
bool revoked_meanwhile(const struct conn *c);
/* The parent sent the file anew: new lists, a record, and streams whose certificate is revoked now are ended. Takes fd. */
void revocation_came(struct edge *e, int fd);
/* Each tick: has one gone out of date? A record, once. */
void revocation_tick(struct edge *e);

#endif
