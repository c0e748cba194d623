/* SPDX-License-Identifier: GPL-3.0-or-later
 * SHA-256 and HMAC-SHA256 for every stanza. The one-struct interface of libcrypto is used: the EVP one takes memory and locks on each
 * call, and a guard makes four hashes for a stanza. */
#define OPENSSL_SUPPRESS_DEPRECATED
#include "hash.h"

#include <openssl/sha.h>

void hash_key_set(struct hash_key *k, const unsigned char *key, size_t n)
{
    for (size_t i = 0; i < 64; i++) {
        unsigned char c = i < n ? key[i] : 0;
        k->inner[i] = c ^ 0x36;
        k->outer[i] = c ^ 0x5c;
    }
}

void hash_plain(struct str bytes, unsigned char ret[HASH_SIZE])
{
    SHA256_CTX c;
    SHA256_Init(&c);
    SHA256_Update(&c, bytes.p, bytes.n);
    SHA256_Final(ret, &c);
}

void hash_keyed(const struct hash_key *k, struct str bytes, unsigned char ret[HASH_SIZE])
{
    SHA256_CTX c;
    SHA256_Init(&c);
    SHA256_Update(&c, k->inner, 64);
    SHA256_Update(&c, bytes.p, bytes.n);
    SHA256_Final(ret, &c);
    SHA256_Init(&c);
    SHA256_Update(&c, k->outer, 64);
    SHA256_Update(&c, ret, HASH_SIZE);
    SHA256_Final(ret, &c);
}
