/* SPDX-License-Identifier: GPL-3.0-or-later
 * Hashes over what a disco#info answer says (XEP-0115 section 5, XEP-0390 section 4). */
#ifndef LOCKGATE_POLICY_CAPS_H
#define LOCKGATE_POLICY_CAPS_H

#include "record.h"

enum caps_kind { CAPS_SHA1, CAPS_SHA256, CAPS_KINDS }; /* XEP-0115 with SHA-1; XEP-0390 with SHA-256 */
#define CAPS_TEXT 48 /* base64 of it, with a NUL */
/* Over the children of element query. SYNTAX: the set has no hash, or one that another set could have as well. LIMIT, NOMEM, CRYPTO. */
int caps_hash(const struct rec *r, uint32_t query, enum caps_kind kind, struct arena *a, char ret[CAPS_TEXT]) GW_MUST_CHECK;

#endif
