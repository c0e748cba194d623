/* SPDX-License-Identifier: GPL-3.0-or-later
 * TLS of one edge: contexts for the certificates that it shows, and what a handshake told about the peer. */
#ifndef LOCKGATE_EDGE_TLS_H
#define LOCKGATE_EDGE_TLS_H

#include <openssl/ssl.h>

#include "gwconf.h"
#include "reason.h"
#include "revocation.h"

struct tls;
/* Reads certificates and trust anchors of a side, after signer_init; no key; says in the log what is wrong. CONF, NOMEM. */
int tls_load(const struct gw_conf *conf, enum gw_side side, struct tls **ret) GW_MUST_CHECK;
void tls_free(struct tls *t);
/* The keeper made a certificate for a domain of ours that has none given: it, and what is behind it (MSG_CHAIN). New connections show it, those
 * that stand keep what they have. PROTO: not such a domain, or no such chain; CRYPTO. */
int tls_chain(struct tls *t, struct str domain, struct str chain) GW_MUST_CHECK;
/* Is there a certificate for each domain that this side is shown? */
bool tls_complete(const struct tls *t);
/* New revocation lists, PEM: every handshake from now on is judged by them. SYNTAX: there is none, and what was there before stays. */
int tls_lists(struct tls *t, struct str pem) GW_MUST_CHECK;
/* Those in use; n 0: revocation is not looked at. */
struct revocation tls_revocation(const struct tls *t);
/* Does the peer's certificate, or one of its chain, stand on a list that is in use now? */
bool tls_revoked(SSL *ssl, const struct tls *t);
/* The A-label form of a configured domain, for SNI, DNS and dNSName; NULL when it is none of ours or theirs. Lives as long as t. */
const char *tls_ascii(const struct tls *t, struct str domain);

/* Receiving: shows the certificate for `ours`; an SNI that names another of our domains wins. Empty: the first certificate. */
SSL *tls_server(struct tls *t, struct str ours);
/* Initiating: shows the same certificate as client; sni: A-label form of the peer's domain; direct: ALPN (XEP-0368). */
SSL *tls_client(struct tls *t, struct str ours, const char *sni, bool direct);

/* Behind a failed handshake: was it the length of the peer's certificates (limits.certificates)? */
bool tls_too_long(const SSL *ssl);

struct tls_peer {
    bool certificate; /* it showed one */
    long verify;      /* X509_V_OK: its chain leads to our trust anchors and it may be a server */
    char version[16], cipher[64];
    char subject[256];
    unsigned char sha256[32];
};
void tls_peer(SSL *ssl, struct tls_peer *ret);
/* Is the chain good, is the key one for signatures (RFC 8446 section 4.4.2.2), does the certificate name this domain (cert.h), and is its key one
 * of those pinned, where any are? NONE: all of it; else CERT_REFUSED or PIN_MISMATCH, and ret_why (static). */
enum gw_reason tls_peer_wrong(SSL *ssl, const struct tls *t, struct str domain, const char **ret_why);
static inline bool tls_peer_is(SSL *ssl, const struct tls *t, struct str domain)
{
    const char *why;
    return tls_peer_wrong(ssl, t, domain, &why) == GW_R_NONE;
}
/* Behind a full handshake whose session may be resumed: whether the chain lets otherNames count goes with the session, since the chain does not. */
void tls_session_names(SSL *ssl);
/* The Unix times between which the verdict on the peer's chain stands: its certificates are valid, and so are the revocation lists. False:
 * the chain was not found good, or the times cannot be read. */
bool tls_valid(SSL *ssl, const struct tls *t, int64_t *ret_from, int64_t *ret_until);
/* The newest error of OpenSSL as text, and its queue emptied. Static buffer. */
const char *tls_error(void);

#endif
