/* SPDX-License-Identifier: GPL-3.0-or-later
 * SHA-256 and HMAC-SHA256 for every stanza. The one-struct interface of libcrypto is used: the EVP one takes memory and locks on each
 * call, and a guard makes four hashes for a stanza. */
#include "hash.h"

static void key_block(SHA256_CTX *c, const unsigned char *key, size_t n, unsigned char pad)
{
    unsigned char block[64];
    for (size_t i = 0; i < sizeof block; i++)
        block[i] = (i < n ? key[i] : 0) ^ pad;
    SHA256_Init(c);
    SHA256_Update(c, block, sizeof block);
}

void hash_key_set(struct hash_key *k, const unsigned char *key, size_t n)
{
    key_block(&k->inner, key, n, 0x36);
    key_block(&k->outer, key, n, 0x5c);
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
    SHA256_CTX c = k->inner;
    SHA256_Update(&c, bytes.p, bytes.n);
    SHA256_Final(ret, &c);
    c = k->outer;
    SHA256_Update(&c, ret, HASH_SIZE);
    SHA256_Final(ret, &c);
}
