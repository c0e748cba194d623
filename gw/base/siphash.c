/* SPDX-License-Identifier: GPL-3.0-or-later
 * SipHash-2-4: a keyed hash, so that nobody outside can choose names that collide. */
#include "siphash.h"

#include <stdbool.h>
#include <string.h>
#include <sys/random.h>

#include "log.h"

const struct siphash_key *siphash_process_key(void)
{
    static struct siphash_key key;
    static bool drawn;
    if (!drawn) {
        if (getrandom(&key, sizeof key, 0) != (ssize_t)sizeof key)
            log_fatal("no random numbers");
        drawn = true;
    }
    return &key;
}

static uint64_t rotl(uint64_t x, int b) { return x << b | x >> (64 - b); }

/* In local variables, so that the whole state stays in registers. */
#define SIP_ROUND \
    do { \
        v0 += v1; \
        v1 = rotl(v1, 13) ^ v0; \
        v0 = rotl(v0, 32); \
        v2 += v3; \
        v3 = rotl(v3, 16) ^ v2; \
        v0 += v3; \
        v3 = rotl(v3, 21) ^ v0; \
        v2 += v1; \
        v1 = rotl(v1, 17) ^ v2; \
        v2 = rotl(v2, 32); \
    } while (0)

static uint64_t load_le(const unsigned char *p, size_t n)
{
    uint64_t v = 0;
    for (size_t i = 0; i < n; i++)
        v |= (uint64_t)p[i] << (8 * i);
    return v;
}

uint64_t siphash(const struct siphash_key *key, const void *data, size_t n)
{
    const unsigned char *p = data;
    uint64_t v0 = key->k0 ^ 0x736f6d6570736575u, v1 = key->k1 ^ 0x646f72616e646f6du, v2 = key->k0 ^ 0x6c7967656e657261u,
        v3 = key->k1 ^ 0x7465646279746573u;
    size_t left = n;
    for (; left >= 8; left -= 8, p += 8) {
        uint64_t m;
        memcpy(&m, p, 8);
#if __BYTE_ORDER__ == __ORDER_BIG_ENDIAN__
        m = __builtin_bswap64(m);
#endif
        v3 ^= m;
        SIP_ROUND;
        SIP_ROUND;
        v0 ^= m;
    }
    uint64_t last = load_le(p, left) | (uint64_t)(n & 0xff) << 56;
    v3 ^= last;
    SIP_ROUND;
    SIP_ROUND;
    v0 ^= last;
    v2 ^= 0xff;
    SIP_ROUND;
    SIP_ROUND;
    SIP_ROUND;
    SIP_ROUND;
    return v0 ^ v1 ^ v2 ^ v3;
}
