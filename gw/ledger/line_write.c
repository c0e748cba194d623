/* SPDX-License-Identifier: GPL-3.0-or-later
 * A record as one line of JSON. Text from the network passes only through put_text, so that no line can be forged, broken
 * or made unreadable by it. */
#include <time.h>

#include "impl.h"
#include "net.h"
#include "plain.h"
#include "utf8.h"

static const char hex_digits[] = "0123456789abcdef";

struct range { uint32_t from, to; };
/* Never written as such: controls, separators, spaces other than U+0020, direction marks, invisible and annotation characters,
 * fillers, variation selectors, surrogates' neighbours without meaning, private use. Sorted. */
static const struct range hidden[] = { { 0x00, 0x1f }, { 0x7f, 0xa0 }, { 0xad, 0xad }, { 0x34f, 0x34f }, { 0x61c, 0x61c },
    { 0x115f, 0x1160 }, { 0x1680, 0x1680 }, { 0x17b4, 0x17b5 }, { 0x180b, 0x180f }, { 0x2000, 0x200f }, { 0x2028, 0x202f },
    { 0x205f, 0x206f }, { 0x2800, 0x2800 }, { 0x3000, 0x3000 }, { 0x3164, 0x3164 }, { 0xd800, 0xf8ff }, { 0xfdd0, 0xfdef },
    { 0xfe00, 0xfe0f }, { 0xfeff, 0xfeff }, { 0xffa0, 0xffa0 }, { 0xfff0, 0xfffb }, { 0xfffe, 0xffff }, { 0x1bca0, 0x1bca3 },
    { 0x1d173, 0x1d17a }, { 0xe0000, 0x10ffff } };
/* Marks that would sit on the quotation mark before them: escaped where a text begins with them. */
static const struct range marks[] = { { 0x300, 0x36f }, { 0x483, 0x489 }, { 0x591, 0x5bd }, { 0x610, 0x61a }, { 0x64b, 0x65f },
    { 0x1ab0, 0x1aff }, { 0x1dc0, 0x1dff }, { 0x20d0, 0x20ff }, { 0xfe20, 0xfe2f } };

static bool in_ranges(uint32_t c, const struct range *v, size_t n)
{
    size_t lo = 0, hi = n;

    while (lo < hi) {
        size_t mid = (lo + hi) / 2;
        if (c > v[mid].to)
            lo = mid + 1;
        else if (c < v[mid].from)
            hi = mid;
        else
            return true;
    }
    return false;
}

bool led_hidden(uint32_t c)
{
    return in_ranges(c, hidden, sizeof hidden / sizeof *hidden);
}

/* ---- pieces; the caller has made room for the worst case: six bytes for each byte of text ---- */
static char *put_z(char *o, const char *z)
{
    size_t n = strlen(z);
    memcpy(o, z, n);
    return o + n;
}

static char *put_num(char *o, uint64_t v)
{
    char t[20];
    size_t n = 0;

    do {
        t[n++] = (char)('0' + v % 10);
        v /= 10;
    } while (v);
    while (n)
        *o++ = t[--n];
    return o;
}

static char *put_hex(char *o, const unsigned char *p, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        *o++ = hex_digits[p[i] >> 4];
        *o++ = hex_digits[p[i] & 15];
    }
    return o;
}

static char *put_u(char *o, unsigned unit)
{
    *o++ = '\\';
    *o++ = 'u';
    for (int shift = 12; shift >= 0; shift -= 4)
        *o++ = hex_digits[unit >> shift & 15];
    return o;
}

static char *put_char(char *o, uint32_t c)
{
    if (c < 0x10000)
        return put_u(o, c);
    c -= 0x10000;
    return put_u(put_u(o, 0xd800 + (c >> 10)), 0xdc00 + (c & 0x3ff));
}

/* ASCII that is written as it is. */
static bool as_is(unsigned char b) { return b >= 0x20 && b < 0x7f && b != '"' && b != '\\'; }

static char *put_text(char *o, struct str s)
{
    size_t i = 0;

    *o++ = '"';
    while (i < s.n) {
        unsigned char b = (unsigned char)s.p[i];
        if (as_is(b)) {
            size_t run = i + plain_run(s.p + i, s.n - i);
            while (run < s.n && as_is((unsigned char)s.p[run]))
                run++;
            memcpy(o, s.p + i, run - i);
            o += run - i;
            i = run;
        } else if (b == '"' || b == '\\') {
            *o++ = '\\';
            *o++ = s.p[i++];
        } else {
            size_t from = i;
            uint32_t c = utf8_next(s, &i);
            if (led_hidden(c) || (from == 0 && in_ranges(c, marks, sizeof marks / sizeof *marks)))
                o = put_char(o, c);
            else
                while (from < i)
                    *o++ = s.p[from++];
        }
    }
    *o++ = '"';
    return o;
}

static char *put_name(char *o, const char *json)
{
    *o++ = ',';
    *o++ = '"';
    o = put_z(o, json);
    *o++ = '"';
    *o++ = ':';
    return o;
}

/* ---- time ---- */
static char *put_digits(char *o, unsigned v, int width)
{
    for (int i = width - 1; i >= 0; i--, v /= 10)
        o[i] = (char)('0' + v % 10);
    return o + width;
}

void led_time_text(uint64_t us, char out[LED_TIME_TEXT])
{
    static __thread time_t cached = -1;
    static __thread char second[20]; /* "2026-11-20T23:33:55" */
    time_t t = (time_t)(us / 1000000);
    struct tm tm;

    if (t != cached) {
        char *o = second;
        gmtime_r(&t, &tm);
        o = put_digits(o, (unsigned)tm.tm_year + 1900, 4), *o++ = '-';
        o = put_digits(o, (unsigned)tm.tm_mon + 1, 2), *o++ = '-';
        o = put_digits(o, (unsigned)tm.tm_mday, 2), *o++ = 'T';
        o = put_digits(o, (unsigned)tm.tm_hour, 2), *o++ = ':';
        o = put_digits(o, (unsigned)tm.tm_min, 2), *o++ = ':';
        (void)put_digits(o, (unsigned)tm.tm_sec, 2);
        cached = t;
    }
    memcpy(out, second, 19);
    out[19] = '.';
    put_digits(out + 20, (unsigned)(us % 1000000), 6);
    out[26] = 'Z';
    out[27] = 0;
}

/* ---- the line ---- */
static int read_fields(struct str fields, struct field_value *v, size_t *ret_n)
{
    struct wire w;
    size_t n = 0;
    int got;

    wire_init(&w, fields.p, fields.n);
    while ((got = field_next(&w, &v[n])) == 1)
        if (++n == LED_FIELDS_MAX)
            return GW_ERR(LIMIT);
    *ret_n = n;
    return got;
}

/* A second member of one name would let two readers see two records. */
static bool doubled(const struct field_value *v, size_t n)
{
    uint64_t seen[4] = { 0 };

    for (size_t i = 0; i < n; i++) {
        unsigned f = (unsigned)v[i].field;
        if (v[i].type == GW_FT_LIST)
            continue;
        if (f >= 256 || seen[f / 64] & (uint64_t)1 << (f % 64))
            return true;
        seen[f / 64] |= (uint64_t)1 << (f % 64);
    }
    return false;
}

/* All values of one list field, at the place of the first. */
static char *put_list(char *o, struct field_value *v, size_t n, size_t at)
{
    enum gw_field f = v[at].field;

    *o++ = '[';
    for (size_t i = at, some = 0; i < n; i++) {
        if (v[i].json == NULL || v[i].field != f)
            continue;
        if (some++)
            *o++ = ',';
        o = put_text(o, v[i].bytes);
        v[i].json = NULL; /* done */
    }
    *o++ = ']';
    return o;
}

static char *put_head(char *o, const struct led_head *h)
{
    char t[LED_TIME_TEXT];

    led_time_text(h->time_us, t);
    o = put_z(put_z(put_z(o, "{\"timestamp\":\""), t), "\",\"seq\":");
    o = put_num(o, h->seq);
    o = put_z(put_z(put_z(o, ",\"event_type\":\""), led_events[h->event]), "\",\"program\":\"");
    memcpy(o, h->program.p, h->program.n);
    o = put_z(o + h->program.n, "\",\"line_epoch\":");
    o = put_num(o, h->epoch);
    o = put_num(put_z(o, ",\"line_number\":"), h->number);
    if (h->has_release) {
        o = put_z(put_z(o, ",\"target\":\""), h->target == GW_HIGH ? "high" : "low");
        o = put_hex(put_z(o, "\",\"release_mac\":\""), h->mac, LED_MAC);
        *o++ = '"';
    }
    return o;
}

int led_line(struct buf *out, const struct led_head *h, struct str fields)
{
    static __thread struct field_value v[LED_FIELDS_MAX];
    size_t n, worst;
    char *start, *o;
    int err = read_fields(fields, v, &n);

    if (err)
        return err;
    if (doubled(v, n))
        return GW_ERR(SYNTAX);
    if (h->event < 0 || h->event >= GW_EV_COUNT || !led_program_ok(h->program) || (h->has_release && h->target >= GW_SIDES))
        return GW_ERR(RANGE);
    /* names and punctuation of a field need less than 48 bytes, the head less than 400 */
    worst = fields.n * 6 + n * 48 + 400;
    start = o = (char *)buf_room(out, worst);
    if (!o)
        return buf_size(out) + worst > out->max ? GW_ERR(LIMIT) : GW_ERR(NOMEM);
    o = put_head(o, h);
    for (size_t i = 0; i < n; i++) {
        if (!v[i].json)
            continue;
        o = put_name(o, v[i].json);
        switch (v[i].type) {
        case GW_FT_NUM: o = put_num(o, v[i].num); break;
        case GW_FT_HEX:
            *o++ = '"';
            o = put_hex(o, (const unsigned char *)v[i].bytes.p, v[i].bytes.n);
            *o++ = '"';
            break;
        case GW_FT_LIST: o = put_list(o, v, n, i); break;
        case GW_FT_STR: o = put_text(o, v[i].bytes); break;
        }
    }
    *o++ = '}';
    *o++ = '\n';
    buf_added(out, (size_t)(o - start));
    return 0;
}
