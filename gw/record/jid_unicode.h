/* SPDX-License-Identifier: GPL-3.0-or-later
 * Parts of an address that are not plain ASCII: RFC 8265 and RFC 5891 held against RFC 3920 (stringprep). */
#ifndef LOCKGATE_JID_UNICODE_H
#define LOCKGATE_JID_UNICODE_H

#include "buf.h"

/* raw: valid UTF-8 of at most JID_PART_MAX bytes; out holds JID_PART_MAX + 1. SYNTAX, MISMATCH, LIMIT. */
int jid_unicode_local(struct str raw, char *out, size_t *ret_n) GW_MUST_CHECK;
int jid_unicode_resource(struct str raw, char *out, size_t *ret_n) GW_MUST_CHECK;
int jid_unicode_domain(struct str raw, char *out, size_t *ret_n) GW_MUST_CHECK;

#endif
