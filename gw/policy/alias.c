/* SPDX-License-Identifier: GPL-3.0-or-later
 * Aliases: synthetic IV and stream from HMAC-SHA256 (the construction of RFC 5297, with HMAC in place of CMAC and CTR), in base32. */
#include "alias.h"

#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <string.h>

#define TAG 10    /* bytes: a stranger hits one in 2^80 */
#define PAD 8     /* lengths are told in steps of this */
#define PLAIN_MAX 624 /* with the tag, in base32: at most ALIAS_MAX */

static bool mac(const unsigned char *key, const void *p, size_t n, unsigned char ret[32])
{
    unsigned len = 32;
    return HMAC(EVP_sha256(), key, ALIAS_KEY, p, n, ret, &len) != NULL;
}

static size_t put(unsigned char *to, size_t at, struct str s)
{
    to[at++] = (unsigned char)(s.n >> 8);
    to[at++] = (unsigned char)s.n;
    if (s.n)
        memcpy(to + at, s.p, s.n);
    return at + s.n;
}

int alias_key(const unsigned char secret[ALIAS_KEY], struct str peer, struct str inside, unsigned char ret[ALIAS_KEY])
{
    unsigned char text[2 * 1023 + 16] = "alias 1";
    struct str a = peer.n > 1023 ? (struct str){ peer.p, 1023 } : peer, b = inside.n > 1023 ? (struct str){ inside.p, 1023 } : inside;
    return mac(secret, text, put(text, put(text, 7, a), b), ret) ? 0 : GW_ERR(CRYPTO);
}

static bool tag_of(const unsigned char *key, struct str bound, const unsigned char *plain, size_t n, unsigned char ret[TAG])
{
    unsigned char text[4096], sum[32];
    size_t at = put(text, 1, bound);
    text[0] = 1;
    memcpy(text + at, plain, n);
    if (!mac(key, text, at + n, sum))
        return false;
    memcpy(ret, sum, TAG);
    return true;
}

static bool stream(const unsigned char *key, const unsigned char tag[TAG], unsigned char *p, size_t n)
{
    unsigned char block[32], from[1 + TAG + 1] = { 2 };
    memcpy(from + 1, tag, TAG);
    for (size_t i = 0; i < n; i++) {
        if (i % 32 == 0) {
            from[1 + TAG] = (unsigned char)(i / 32);
            if (!mac(key, from, sizeof from, block))
                return false;
        }
        p[i] ^= block[i % 32];
    }
    return true;
}

/* ---- base32 ---- */

static const char digits[] = "abcdefghijklmnopqrstuvwxyz234567";

static size_t to_text(const unsigned char *p, size_t n, char *out)
{
    size_t len = 0;
    unsigned bits = 0, have = 0;
    for (size_t i = 0; i < n; i++) {
        bits = (bits << 8 | p[i]) & 0xffff;
        for (have += 8; have >= 5; have -= 5)
            out[len++] = digits[bits >> (have - 5) & 31];
    }
    if (have)
        out[len++] = digits[bits << (5 - have) & 31];
    return len;
}

static bool from_text(struct str s, unsigned char *out, size_t *ret_n)
{
    unsigned bits = 0, have = 0;
    size_t n = 0;
    for (size_t i = 0; i < s.n; i++) {
        const char *d = s.p[i] ? strchr(digits, s.p[i]) : NULL;
        if (!d)
            return false;
        bits = (bits << 5 | (unsigned)(d - digits)) & 0xffff;
        have += 5;
        if (have >= 8) {
            have -= 8;
            out[n++] = (unsigned char)(bits >> have);
        }
    }
    *ret_n = n;
    return have < 5 && !(bits & ((1u << have) - 1)); /* one text for one value */
}

/* ---- there and back ---- */

int alias_make(const unsigned char key[ALIAS_KEY], struct str bound, struct str name, char *out, size_t *ret_n)
{
    unsigned char b[TAG + PLAIN_MAX] = { 0 };
    size_t n = (2 + name.n + PAD - 1) / PAD * PAD;
    if (n > PLAIN_MAX || bound.n > 2100)
        return GW_ERR(LIMIT);
    (void)put(b + TAG, 0, name);
    if (!tag_of(key, bound, b + TAG, n, b) || !stream(key, b, b + TAG, n))
        return GW_ERR(CRYPTO);
    *ret_n = to_text(b, TAG + n, out);
    return 0;
}

int alias_open(const unsigned char key[ALIAS_KEY], struct str bound, struct str alias, char *out, size_t *ret_n)
{
    unsigned char b[ALIAS_MAX], tag[TAG];
    size_t n, len;
    if (alias.n > ALIAS_MAX || bound.n > 2100 || !from_text(alias, b, &n) || n < TAG + PAD || (n - TAG) % PAD || n - TAG > PLAIN_MAX)
        return GW_ERR(SYNTAX);
    if (!stream(key, b, b + TAG, n - TAG) || !tag_of(key, bound, b + TAG, n - TAG, tag))
        return GW_ERR(CRYPTO);
    len = (size_t)b[TAG] << 8 | b[TAG + 1];
    if (CRYPTO_memcmp(tag, b, TAG) != 0 || 2 + len > n - TAG)
        return GW_ERR(SYNTAX);
    memcpy(out, b + TAG + 2, len);
    *ret_n = len;
    return 0;
}
