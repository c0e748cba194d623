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

static void sip_round(uint64_t v[4])
{
    v[0] += v[1];
    v[1] = rotl(v[1], 13) ^ v[0];
    v[0] = rotl(v[0], 32);
    v[2] += v[3];
    v[3] = rotl(v[3], 16) ^ v[2];
    v[0] += v[3];
    v[3] = rotl(v[3], 21) ^ v[0];
    v[2] += v[1];
    v[1] = rotl(v[1], 17) ^ v[2];
    v[2] = rotl(v[2], 32);
}

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
    uint64_t v[4] = { key->k0 ^ 0x736f6d6570736575u, key->k1 ^ 0x646f72616e646f6du, key->k0 ^ 0x6c7967656e657261u,
        key->k1 ^ 0x7465646279746573u };
    size_t left = n;
    for (; left >= 8; left -= 8, p += 8) {
        uint64_t m;
        memcpy(&m, p, 8);
#if __BYTE_ORDER__ == __ORDER_BIG_ENDIAN__
        m = __builtin_bswap64(m);
#endif
        v[3] ^= m;
        sip_round(v);
        sip_round(v);
        v[0] ^= m;
    }
    uint64_t last = load_le(p, left) | (uint64_t)(n & 0xff) << 56;
    v[3] ^= last;
    sip_round(v);
    sip_round(v);
    v[0] ^= last;
    v[2] ^= 0xff;
    for (int i = 0; i < 4; i++)
        sip_round(v);
    return v[0] ^ v[1] ^ v[2] ^ v[3];
}
