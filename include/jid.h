/* SPDX-License-Identifier: GPL-3.0-or-later
 * XMPP addresses: RFC 7622 (PRECIS) held against the older nodeprep/nameprep/resourceprep (RFC 6122, through ICU usprep).
 * What the two prepare differently is refused; otherwise the prepared form is the only one that is written. */
#ifndef LOCKGATE_JID_H
#define LOCKGATE_JID_H

#include "buf.h"

#define JID_PART_MAX 1023
#define JID_MAX 3071
/* Opens ICU objects. Call once before the sandbox closes. NOMEM, UNSUPPORTED (ICU data missing). */
int jid_init(void) GW_MUST_CHECK;
void jid_finish(void);
/* A prepared address; the parts point into text. local and resource may be empty (n == 0), domain never. */
struct jid {
    char text[JID_MAX + 1];
    struct str full, bare, local, domain, resource;
};
/* Prepares raw. SYNTAX: not a JID. MISMATCH: old and new preparation differ. LIMIT: a part is longer than 1023 bytes.
 * Plain ASCII takes a fast path without ICU. *ret is undefined on error. */
int jid_prepare(struct str raw, struct jid *ret) GW_MUST_CHECK;
/* 0 when s is exactly its own prepared form. */
int jid_check(struct str s) GW_MUST_CHECK;
/* True when s is plain ASCII in prepared form, so that there is nothing to prepare. False says nothing. */
bool jid_plain(struct str s);
/* A domain alone (domainpart: name, IPv4, or [IPv6]); out must hold JID_PART_MAX + 1. Same errors. */
int jid_prepare_domain(struct str raw, char *out, struct str *ret) GW_MUST_CHECK;
/* The parts of a string that is known to be prepared; no check, no copy. */
void jid_split(struct str prepared, struct str *ret_local, struct str *ret_domain, struct str *ret_resource);

#endif
