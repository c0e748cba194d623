/* SPDX-License-Identifier: GPL-3.0-or-later
 * The two hashes of a verdict: SHA-256 of what is ordered, and keyed ones for the journal, which tell nothing without the key. A
 * keyed hash is HMAC over the SHA-256 of the bytes, so that the bytes are gone over once. */
#ifndef LOCKGATE_GUARD_HASH_H
#define LOCKGATE_GUARD_HASH_H

#ifndef OPENSSL_SUPPRESS_DEPRECATED
#define OPENSSL_SUPPRESS_DEPRECATED /* see hash.c */
#endif
#include <openssl/sha.h>

#include "buf.h"

#define HASH_SIZE 32
struct hash_key { SHA256_CTX inner, outer; }; /* behind the key's own blocks */
void hash_key_set(struct hash_key *k, const unsigned char *key, size_t n); /* n at most 64 */
void hash_plain(struct str bytes, unsigned char ret[HASH_SIZE]);
void hash_keyed(const struct hash_key *k, struct str bytes, unsigned char ret[HASH_SIZE]); /* HMAC-SHA256 (RFC 2104) */

#endif
