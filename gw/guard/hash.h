/* SPDX-License-Identifier: GPL-3.0-or-later
 * The two hashes of a verdict: SHA-256 of what is ordered, and keyed ones for the journal, which tell nothing without the key. */
#ifndef LOCKGATE_GUARD_HASH_H
#define LOCKGATE_GUARD_HASH_H

#include "buf.h"

#define HASH_SIZE 32
struct hash_key { unsigned char inner[64], outer[64]; };
void hash_key_set(struct hash_key *k, const unsigned char *key, size_t n); /* n at most 64 */
void hash_plain(struct str bytes, unsigned char ret[HASH_SIZE]);
void hash_keyed(const struct hash_key *k, struct str bytes, unsigned char ret[HASH_SIZE]); /* HMAC-SHA256 (RFC 2104) */

#endif
