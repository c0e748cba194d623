/* SPDX-License-Identifier: GPL-3.0-or-later
 * Places and people: coordinates (decimal, degrees-minutes-seconds, MGRS, UTM), telephone numbers (E.164, North America), machine-readable
 * zones of passports (ICAO 9303). */
#include "validators.h"

#include <stdlib.h>

#define YES_IF(x) ((x) ? OPINION_YES : OPINION_NO)

/* ---- coordinates ---- */

struct number { double v; unsigned decimals; };

/* The next number of the text; a sign belongs to it when it stands right before it. */
static bool next_number(struct str s, size_t *off, struct number *ret)
{
    size_t i = *off;
    while (i < s.n && (s.p[i] < '0' || s.p[i] > '9'))
        i++;
    if (i == s.n)
        return false;
    bool minus = i > 0 && s.p[i - 1] == '-';
    *ret = (struct number){ 0 };
    for (; i < s.n && s.p[i] >= '0' && s.p[i] <= '9'; i++)
        ret->v = ret->v * 10 + (s.p[i] - '0');
    if (i + 1 < s.n && s.p[i] == '.' && s.p[i + 1] >= '0' && s.p[i + 1] <= '9') {
        double scale = 0.1;
        for (i++; i < s.n && s.p[i] >= '0' && s.p[i] <= '9'; i++, scale /= 10, ret->decimals++)
            ret->v += (s.p[i] - '0') * scale;
    }
    if (minus)
        ret->v = -ret->v;
    *off = i;
    return true;
}

static bool has_letter(struct str s, const char *set)
{
    for (size_t i = 0; i < s.n; i++)
        if (s.p[i] && strchr(set, s.p[i]))
            return true;
    return false;
}

/* Latitude, longitude with at least three decimals: some hundred metres. Two plain zeros are nobody's place. */
static enum opinion check_decimal(const struct candidate *c)
{
    struct number lat, lon, more;
    size_t off = 0;
    if (!next_number(c->text, &off, &lat) || !next_number(c->text, &off, &lon) || next_number(c->text, &off, &more))
        return OPINION_NO;
    if (lat.v < -90 || lat.v > 90 || lon.v < -180 || lon.v > 180 || lat.decimals < 3 || lon.decimals < 3)
        return OPINION_NO;
    if (has_letter(c->text, "NSEWnsew"))
        return OPINION_STRONG;
    return lat.decimals >= 4 && lon.decimals >= 4 ? OPINION_YES : OPINION_WEAK;
}

/* Degrees, minutes, perhaps seconds, for both; 4 or 6 numbers. */
static enum opinion check_dms(const struct candidate *c)
{
    struct number v[7];
    size_t n = 0, off = 0;
    while (n < 7 && next_number(c->text, &off, &v[n]))
        n++;
    if (n != 4 && n != 6)
        return OPINION_NO;
    size_t half = n / 2;
    for (size_t k = 0; k < 2; k++) {
        const struct number *d = &v[k * half];
        if (d[0].v > (k ? 180 : 90) || d[1].v >= 60 || d[1].v < 0 || (half == 3 && (d[2].v >= 60 || d[2].v < 0)))
            return OPINION_NO;
    }
    return OPINION_STRONG;
}

static bool zone_and_band(const char *p, size_t n, size_t *ret_used)
{
    size_t d = 0;
    while (d < n && d < 3 && p[d] >= '0' && p[d] <= '9')
        d++;
    if (d == 0 || d > 2 || d == n)
        return false;
    int zone = number_of(p, d);
    *ret_used = d + 1;
    return zone >= 1 && zone <= 60 && p[d] >= 'C' && p[d] <= 'X' && p[d] != 'I' && p[d] != 'O';
}

/* Zone, band, two letters of the square, an even number of digits (100 m to 1 m). */
static enum opinion check_mgrs(const struct candidate *c)
{
    size_t used;
    if (!zone_and_band(c->compact, c->n, &used) || used + 2 > c->n)
        return OPINION_NO;
    char column = c->compact[used], row = c->compact[used + 1];
    size_t digits = c->n - used - 2;
    if (column < 'A' || column == 'I' || column == 'O' || row < 'A' || row > 'V' || row == 'I' || row == 'O' || digits < 4 || digits > 10 || digits % 2 ||
        !all_digits(c->compact + used + 2, digits))
        return OPINION_NO;
    return digits >= 8 || c->n != c->text.n ? OPINION_YES : OPINION_WEAK;
}

static enum opinion check_utm(const struct candidate *c)
{
    struct number zone, east, north;
    size_t off = 0, used;
    if (!zone_and_band(c->compact, c->n, &used) || !next_number(c->text, &off, &zone) || !next_number(c->text, &off, &east) ||
        !next_number(c->text, &off, &north))
        return OPINION_NO;
    return YES_IF(east.v >= 100000 && east.v < 900000 && north.v >= 0 && north.v <= 10000000);
}

/* ---- telephone ---- */

/* Country codes in use (ITU-T E.164), by how many digits they have. */
static bool country_code(const char *d, size_t n, size_t *ret_len)
{
    static const char two[] = "20 27 30 31 32 33 34 36 39 40 41 43 44 45 46 47 48 49 51 52 53 54 55 56 57 58 60 61 62 63 64 65 66 81 82 84 86 90 91 92 "
        "93 94 95 98 ";
    static const struct { int from, to; } three[] = { { 211, 213 }, { 216, 216 }, { 218, 218 }, { 220, 269 }, { 290, 291 }, { 297, 299 }, { 350, 359 },
        { 370, 389 }, { 420, 423 }, { 500, 509 }, { 590, 599 }, { 670, 692 }, { 800, 800 }, { 808, 808 }, { 850, 856 }, { 870, 870 }, { 878, 888 },
        { 960, 979 }, { 992, 998 } };
    char key[4];
    if (n < 7)
        return false;
    if (d[0] == '1' || d[0] == '7') {
        *ret_len = 1;
        return true;
    }
    memcpy(key, d, 2);
    key[2] = ' ';
    key[3] = 0;
    if (strstr(two, key)) {
        *ret_len = 2;
        return true;
    }
    *ret_len = 3;
    int code = number_of(d, 3);
    for (size_t i = 0; i < sizeof three / sizeof *three; i++)
        if (code >= three[i].from && code <= three[i].to)
            return true;
    return false;
}

static bool nanp_ok(const char *d)
{
    return d[0] >= '2' && d[3] >= '2' && !(d[1] == '1' && d[2] == '1') && !(d[4] == '1' && d[5] == '1') && !one_digit_only(d, 10);
}

static enum opinion check_e164(const struct candidate *c)
{
    const char *d = c->compact;
    size_t n = c->n, code;
    /* an extension is not counted */
    for (size_t i = 0; i < n; i++)
        if (d[i] >= 'A')
            n = i;
    if (n > 2 && c->text.p[0] != '+' && d[0] == '0' && d[1] == '0') {
        d += 2;
        n -= 2;
    }
    if (n < 7 || n > 15 || !country_code(d, n, &code) || n - code < 6 || one_digit_only(d + code, n - code))
        return OPINION_NO;
    if (code == 1)
        return YES_IF(n == 11 && nanp_ok(d + 1));
    return OPINION_YES;
}

static enum opinion check_nanp(const struct candidate *c)
{
    const char *d = c->compact;
    size_t n = c->n;
    for (size_t i = 0; i < n; i++)
        if (d[i] >= 'A')
            n = i;
    if (n == 11 && d[0] == '1') {
        d++;
        n--;
    }
    return YES_IF(n == 10 && nanp_ok(d));
}

/* Seven to thirteen digits, whatever the country: only ever with a word next to it that says so. */
static enum opinion check_phone_digits(const struct candidate *c)
{
    return YES_IF(c->n >= 7 && c->n <= 13 && all_digits(c->compact, c->n) && !one_digit_only(c->compact, c->n));
}

/* ---- machine-readable zone: document number with its check digit, weights 7 3 1, '<' is 0 ---- */

static int mrz_sum(const char *p, size_t n)
{
    static const int w[] = { 7, 3, 1 };
    int sum = 0;
    for (size_t i = 0; i < n; i++)
        sum += (p[i] == '<' ? 0 : p[i] >= 'A' ? (p[i] & ~32) - 'A' + 10 : p[i] - '0') * w[i % 3];
    return sum % 10;
}

static enum opinion check_mrz(const struct candidate *c)
{
    const char *p = c->text.p;
    if (c->text.n < 28)
        return OPINION_NO;
    return mrz_sum(p, 9) == p[9] - '0' && mrz_sum(p + 13, 6) == p[19] - '0' && mrz_sum(p + 21, 6) == p[27] - '0' ? OPINION_STRONG : OPINION_NO;
}

const struct validator validators_place[] = {
    { "coordinate-decimal", 0, 0, check_decimal, "latitude and longitude in decimal degrees" },
    { "coordinate-dms", 0, 0, check_dms, "latitude and longitude in degrees, minutes, seconds" },
    { "mgrs", 0, 0, check_mgrs, "military grid reference" },
    { "utm", 0, 0, check_utm, "UTM zone, easting, northing" },
    { "e164", 0, 0, check_e164, "telephone number with country code" },
    { "nanp", 0, 0, check_nanp, "telephone number of North America" },
    { "phone-digits", 0, 0, check_phone_digits, "seven to thirteen digits" },
    { "mrz", 0, 0, check_mrz, "machine-readable zone of a passport, second line" },
    { NULL, 0, 0, NULL, NULL },
};
