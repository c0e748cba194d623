/* SPDX-License-Identifier: GPL-3.0-or-later
 * Money: payment cards (ISO/IEC 7812), IBAN (ISO 13616), bank routing numbers, crypto currency addresses. */
#include <openssl/sha.h>

#include "validators.h"

/* ---- payment cards ---- */

/* Issuer ranges by their first digits, with the lengths that are issued. */
static const struct { int first, last; unsigned digits, min, max; } issuers[] = {
    { 4, 4, 1, 13, 19 }, { 51, 55, 2, 16, 16 }, { 2221, 2720, 4, 16, 16 }, { 34, 34, 2, 15, 15 }, { 37, 37, 2, 15, 15 },
    { 300, 305, 3, 14, 19 }, { 3095, 3095, 4, 14, 19 }, { 36, 36, 2, 14, 19 }, { 38, 39, 2, 14, 19 }, { 6011, 6011, 4, 16, 19 },
    { 644, 649, 3, 16, 19 }, { 65, 65, 2, 16, 19 }, { 622126, 622925, 6, 16, 19 }, { 62, 62, 2, 16, 19 }, { 81, 81, 2, 16, 19 },
    { 3528, 3589, 4, 16, 19 }, { 1800, 1800, 4, 15, 15 }, { 2131, 2131, 4, 15, 15 }, { 5018, 5018, 4, 12, 19 }, { 5019, 5020, 4, 12, 19 },
    { 5038, 5038, 4, 12, 19 }, { 5893, 5893, 4, 12, 19 }, { 6304, 6304, 4, 12, 19 }, { 6759, 6763, 4, 12, 19 }, { 56, 58, 2, 12, 19 }, { 50, 50, 2, 12, 19 },
    { 60, 60, 2, 16, 16 }, { 508, 508, 3, 16, 16 }, { 353, 353, 3, 16, 16 }, { 356, 356, 3, 16, 16 }, { 2200, 2204, 4, 16, 19 }, { 2205, 2205, 4, 16, 19 },
    { 9792, 9792, 4, 16, 16 }, { 1220, 1220, 4, 15, 15 }, { 636, 636, 3, 16, 19 },
};

static bool issuer_known(const char *d, size_t n)
{
    for (size_t i = 0; i < sizeof issuers / sizeof *issuers; i++) {
        int v = number_of(d, issuers[i].digits);
        if (v >= issuers[i].first && v <= issuers[i].last && n >= issuers[i].min && n <= issuers[i].max)
            return true;
    }
    return false;
}

/* Printed groups (fours; 4-6-5; 4-6-4), one group, every digit alone (spaced out on purpose), or a few groups with the same between them.
 * Lists of numbers also pass Luhn once in a while: no. */
static bool card_grouping(const struct candidate *c)
{
    bool fours = true, pairs = c->one_separator && c->n_groups <= 5;
    for (size_t i = 0; i + 1 < c->n_groups; i++)
        fours = fours && (c->group[i] == 4 || (c->n_groups == 3 && i == 1 && c->group[1] == 6));
    for (size_t i = 0; i < c->n_groups; i++)
        pairs = pairs && c->group[i] >= 2;
    return c->n_groups == 1 || c->n_groups == c->n || fours || pairs;
}

static enum opinion check_card(const struct candidate *c)
{
    if (!luhn_ok(c->compact, c->n) || one_digit_only(c->compact, c->n) || !card_grouping(c))
        return OPINION_NO;
    return issuer_known(c->compact, c->n) ? OPINION_YES : OPINION_WEAK; /* ranges change */
}

static enum opinion check_luhn(const struct candidate *c)
{
    return c->n >= 2 && all_digits(c->compact, c->n) && luhn_ok(c->compact, c->n) && !one_digit_only(c->compact, c->n) ? OPINION_YES : OPINION_NO;
}

/* ---- IBAN: length and structure of each country (SWIFT IBAN registry); n digits, a letters, c both ---- */

static const struct { char country[3]; const char *bban; } registry[] = { { "AD", "8n12c" }, { "AE", "19n" }, { "AL", "8n16c" }, { "AT", "16n" },
    { "AZ", "4a20c" }, { "BA", "16n" }, { "BE", "12n" }, { "BG", "4a6n8c" }, { "BH", "4a14c" }, { "BI", "23n" }, { "BR", "23n1a1c" }, { "BY", "4c4n16c" },
    { "CH", "5n12c" }, { "CR", "18n" }, { "CY", "8n16c" }, { "CZ", "20n" }, { "DE", "18n" }, { "DJ", "23n" }, { "DK", "14n" }, { "DO", "4c20n" }, { "EE", "16n" },
    { "EG", "25n" }, { "ES", "20n" }, { "FI", "14n" }, { "FK", "2a12n" }, { "FO", "14n" }, { "FR", "10n11c2n" }, { "GB", "4a14n" }, { "GE", "2a16n" }, { "GI", "4a15c" },
    { "GL", "14n" }, { "GR", "7n16c" }, { "GT", "24c" }, { "HN", "4a20n" }, { "HR", "17n" }, { "HU", "24n" }, { "IE", "4a14n" }, { "IL", "19n" }, { "IQ", "4a15n" }, { "IS", "22n" },
    { "IT", "1a10n12c" }, { "JO", "4a4n18c" }, { "KW", "4a22c" }, { "KZ", "3n13c" }, { "LB", "4n20c" }, { "LC", "4a24c" }, { "LI", "5n12c" }, { "LT", "16n" },
    { "LU", "3n13c" }, { "LV", "4a13c" }, { "LY", "21n" }, { "MC", "10n11c2n" }, { "MD", "20c" }, { "ME", "18n" }, { "MK", "3n10c2n" }, { "MN", "16n" }, { "MR", "23n" },
    { "MT", "4a5n18c" }, { "MU", "4a19n3a" }, { "NI", "4a20n" }, { "NL", "4a10n" }, { "NO", "11n" }, { "OM", "3n16c" }, { "PK", "4a16c" }, { "PL", "24n" }, { "PS", "4a21c" },
    { "PT", "21n" }, { "QA", "4a21c" }, { "RO", "4a16c" }, { "RS", "18n" }, { "RU", "14n15c" }, { "SA", "2n18c" }, { "SC", "4a20n3a" }, { "SD", "14n" }, { "SE", "20n" },
    { "SI", "15n" }, { "SK", "20n" }, { "SM", "1a10n12c" }, { "SO", "19n" }, { "ST", "21n" }, { "SV", "4a20n" }, { "TL", "19n" }, { "TN", "20n" }, { "TR", "6n16c" },
    { "UA", "6n19c" }, { "VA", "18n" }, { "VG", "4a16n" }, { "XK", "16n" }, { "YE", "4a4n18c" } };

static bool bban_fits(const char *p, size_t n, const char *form)
{
    size_t at = 0;
    while (*form) {
        size_t count = 0;
        while (*form >= '0' && *form <= '9')
            count = count * 10 + (size_t)(*form++ - '0');
        for (size_t i = 0; i < count; i++, at++) {
            bool digit = at < n && p[at] >= '0' && p[at] <= '9', letter = at < n && p[at] >= 'A' && p[at] <= 'Z';
            if ((*form == 'n' && !digit) || (*form == 'a' && !letter) || (*form == 'c' && !digit && !letter))
                return false;
        }
        form++;
    }
    return at == n;
}

/* Seven digits that are chopped off the front go to the back; modulo 97 is 1 (ISO 7064). */
static enum opinion check_iban(const struct candidate *c)
{
    char turned[COMPACT_MAX];
    if (c->n < 15 || c->n > 34 || !all_digits(c->compact + 2, 2))
        return OPINION_NO;
    for (size_t i = 0; i < sizeof registry / sizeof *registry; i++) {
        if (memcmp(registry[i].country, c->compact, 2) != 0)
            continue;
        if (!bban_fits(c->compact + 4, c->n - 4, registry[i].bban))
            return OPINION_NO;
        memcpy(turned, c->compact + 4, c->n - 4);
        memcpy(turned + c->n - 4, c->compact, 4);
        return mod_of(turned, c->n, 97) == 1 ? OPINION_STRONG : OPINION_NO;
    }
    return OPINION_NO;
}

/* ---- United States bank routing number (ABA) ---- */

static enum opinion check_aba(const struct candidate *c)
{
    static const int w[] = { 3, 7, 1, 3, 7, 1, 3, 7, 1 };
    int area = number_of(c->compact, 2);
    if (!(area <= 12 || (area >= 21 && area <= 32) || (area >= 61 && area <= 72) || area == 80) || one_digit_only(c->compact, 9))
        return OPINION_NO;
    return weighted(c->compact, w, 9) % 10 == 0 ? OPINION_YES : OPINION_NO;
}

/* ISIN (ISO 6166): letters as two digits each, then Luhn. */
static enum opinion check_isin(const struct candidate *c)
{
    char digits[32];
    size_t n = 0;
    if (c->n != 12)
        return OPINION_NO;
    for (size_t i = 0; i < 12; i++) {
        char x = c->compact[i];
        if (x >= 'A' && x <= 'Z') {
            digits[n++] = (char)('0' + (x - 'A' + 10) / 10);
            digits[n++] = (char)('0' + (x - 'A' + 10) % 10);
        } else {
            digits[n++] = x;
        }
    }
    return luhn_ok(digits, n) ? OPINION_YES : OPINION_NO;
}

/* ---- crypto currencies ---- */

/* Base58Check: 25 bytes, the last 4 are the start of SHA-256 twice over the rest. */
static enum opinion check_base58(const struct candidate *c)
{
    static const char alphabet[] = "123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz";
    unsigned char bytes[25] = { 0 }, hash[SHA256_DIGEST_LENGTH];
    if (c->text.n < 26 || c->text.n > 35)
        return OPINION_NO;
    for (size_t i = 0; i < c->text.n; i++) {
        const char *at = c->text.p[i] ? strchr(alphabet, c->text.p[i]) : NULL;
        if (!at)
            return OPINION_NO;
        unsigned carry = (unsigned)(at - alphabet);
        for (size_t k = 25; k-- > 0;) {
            carry += bytes[k] * 58u;
            bytes[k] = (unsigned char)carry;
            carry >>= 8;
        }
        if (carry)
            return OPINION_NO;
    }
    SHA256(bytes, 21, hash);
    SHA256(hash, sizeof hash, hash);
    return memcmp(hash, bytes + 21, 4) == 0 ? OPINION_STRONG : OPINION_NO;
}

/* Bech32 and Bech32m (BIP 173, BIP 350). */
static enum opinion check_bech32(const struct candidate *c)
{
    static const char alphabet[] = "qpzry9x8gf2tvdw0s3jn54khce6mua7l";
    static const uint32_t generator[] = { 0x3b6a57b2, 0x26508e6d, 0x1ea119fa, 0x3d4233dd, 0x2a1462b3 };
    unsigned char v[2 * COMPACT_MAX];
    size_t n = 0, sep = 0;
    for (size_t i = 0; i < c->text.n; i++)
        if (c->text.p[i] == '1')
            sep = i;
    if (sep < 1 || sep + 7 > c->text.n || c->text.n > 90 || c->n != c->text.n)
        return OPINION_NO;
    for (size_t i = 0; i < sep; i++)
        v[n++] = (unsigned char)((c->compact[i] >= 'A' ? c->compact[i] + 32 : c->compact[i]) >> 5);
    v[n++] = 0;
    for (size_t i = 0; i < sep; i++)
        v[n++] = (unsigned char)((c->compact[i] >= 'A' ? c->compact[i] + 32 : c->compact[i]) & 31);
    for (size_t i = sep + 1; i < c->text.n; i++) {
        char x = c->compact[i] >= 'A' ? (char)(c->compact[i] + 32) : c->compact[i];
        const char *at = strchr(alphabet, x);
        if (!at)
            return OPINION_NO;
        v[n++] = (unsigned char)(at - alphabet);
    }
    uint32_t sum = 1;
    for (size_t i = 0; i < n; i++) {
        uint32_t top = sum >> 25;
        sum = (sum & 0x1ffffff) << 5 ^ v[i];
        for (size_t k = 0; k < 5; k++)
            if (top >> k & 1)
                sum ^= generator[k];
    }
    return sum == 1 || sum == 0x2bc830a3 ? OPINION_STRONG : OPINION_NO;
}

static enum opinion check_crypto(const struct candidate *c)
{
    enum opinion o = check_base58(c);
    return o ? o : check_bech32(c);
}

const struct validator validators_money[] = {
    { "card", 12, 19, check_card, "payment card: Luhn, issuer ranges and their lengths" },
    { "luhn", 0, 0, check_luhn, "any number whose last digit is a Luhn check digit" },
    { "iban", 34, 0, check_iban, "IBAN: country's length and form, modulo 97" },
    { "us-aba", 9, 9, check_aba, "United States bank routing number: districts, weights 3 7 1" },
    { "isin", 0, 0, check_isin, "security number ISIN: Luhn over letters as digits" },
    { "base58check", 0, 0, check_base58, "crypto currency address in Base58Check" },
    { "crypto", 0, 0, check_crypto, "crypto currency address in Base58Check, Bech32 or Bech32m" },
    { "bech32", 0, 0, check_bech32, "crypto currency address in Bech32 or Bech32m" },
    { NULL, 0, 0, NULL, NULL },
};
