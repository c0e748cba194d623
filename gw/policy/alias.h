/* SPDX-License-Identifier: GPL-3.0-or-later
 * Aliases of names that shall not be known outside. An alias is the name itself, enciphered under a key of the gateway, the peer and the
 * address that it belongs to (a synthetic IV from HMAC-SHA256, then a stream from it): the same name has always the same alias, each
 * peer sees another, nobody outside can make one, and the way back needs no table that could be lost or flooded. */
#ifndef LOCKGATE_POLICY_ALIAS_H
#define LOCKGATE_POLICY_ALIAS_H

#include "buf.h"

#define ALIAS_KEY 32
#define ALIAS_MAX 1023 /* of the alias, in bytes */
/* The key for one peer and one inside domain, from the gateway's secret. */
int alias_key(const unsigned char secret[ALIAS_KEY], struct str peer, struct str inside, unsigned char ret[ALIAS_KEY]) GW_MUST_CHECK;
/* a-z, 2-7; bound: what the name belongs to (its bare JID). out holds ALIAS_MAX. LIMIT: the name is too long for it. CRYPTO. */
int alias_make(const unsigned char key[ALIAS_KEY], struct str bound, struct str name, char *out, size_t *ret_n) GW_MUST_CHECK;
/* The name behind an alias; out holds ALIAS_MAX. SYNTAX: this is none that alias_make made with that key and bound. CRYPTO. */
int alias_open(const unsigned char key[ALIAS_KEY], struct str bound, struct str alias, char *out, size_t *ret_n) GW_MUST_CHECK;

#endif
