/* SPDX-License-Identifier: GPL-3.0-or-later
 * SHA-256 for leaves and nodes. OpenSSL's direct calls: a leaf is some hundred bytes, and the EVP way costs more than the
 * hash itself there (measured: 0.35 against 0.12 microseconds for a node). */
#define OPENSSL_SUPPRESS_DEPRECATED
#include <openssl/sha.h>

#include "impl.h"

void led_sha256(const void *a, size_t an, const void *b, size_t bn, const void *c, size_t cn, unsigned char out[32])
{
    SHA256_CTX ctx;

    SHA256_Init(&ctx);
    SHA256_Update(&ctx, a, an);
    if (bn)
        SHA256_Update(&ctx, b, bn);
    if (cn)
        SHA256_Update(&ctx, c, cn);
    SHA256_Final(out, &ctx);
}

void led_sha256_text(struct str s, char ret_hex[65])
{
    unsigned char h[32];

    led_sha256(s.p ? s.p : "", s.n, NULL, 0, NULL, 0, h);
    for (size_t i = 0; i < 32; i++)
        snprintf(ret_hex + 2 * i, 3, "%02x", h[i]);
}

/* HMAC (RFC 2104) with a key shorter than a block. */
void led_mac(const struct led_mac_key *k, uint64_t epoch, uint64_t number, uint8_t target, const unsigned char hash[32],
    unsigned char ret[LED_MAC])
{
    unsigned char pad[64], m[49], inner[32], outer[32];

    for (size_t i = 0; i < 8; i++) {
        m[i] = (unsigned char)(epoch >> (56 - 8 * i));
        m[8 + i] = (unsigned char)(number >> (56 - 8 * i));
    }
    m[16] = target;
    memcpy(m + 17, hash, 32);
    for (size_t i = 0; i < 64; i++)
        pad[i] = (unsigned char)((i < 32 ? k->b[i] : 0) ^ 0x36);
    led_sha256(pad, 64, m, sizeof m, NULL, 0, inner);
    for (size_t i = 0; i < 64; i++)
        pad[i] ^= 0x36 ^ 0x5c;
    led_sha256(pad, 64, inner, 32, NULL, 0, outer);
    memcpy(ret, outer, LED_MAC);
}

void led_leaf(struct str line, struct led_hash *ret)
{
    led_sha256("\0", 1, line.p, line.n, NULL, 0, ret->b);
}

void led_node(const struct led_hash *l, const struct led_hash *r, struct led_hash *ret)
{
    struct led_hash out;

    led_sha256("\1", 1, l->b, 32, r->b, 32, out.b);
    *ret = out; /* ret may be l or r */
}
