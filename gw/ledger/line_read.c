/* SPDX-License-Identifier: GPL-3.0-or-later
 * Reading lines back: a strict reader for exactly the JSON that line_write.c writes. */
#include <time.h>

#include "impl.h"
#include "utf8.h"

void led_read(struct led_reader *r, struct str line)
{
    *r = (struct led_reader){ .line = line };
}

/* ---- many bytes at once: nearly all of a line is the inside of strings ---- */
/* Bytes at which a string needs a look: its end, an escape, what must not stand there. */
static const bool special[256] = { [0 ... 0x1f] = true, ['"'] = true, ['\\'] = true, [0x7f] = true };

/* The first of them at or behind i; s.n: none. */
static size_t next_special(struct str s, size_t i)
{
    bytes16 v;
    size_t at;

    for (; i + sizeof v <= s.n; i += sizeof v) {
        memcpy(&v, s.p + i, sizeof v);
        at = led_first_set((bytes16)((v < 0x20) | (v == '"') | (v == '\\') | (v == 0x7f)));
        if (at < sizeof v)
            return i + at;
    }
    while (i < s.n && !special[(unsigned char)s.p[i]])
        i++;
    return i;
}

bool led_hex_digits(struct str s)
{
    bytes16 v;
    size_t i = 0;

    for (; i + sizeof v <= s.n; i += sizeof v) {
        memcpy(&v, s.p + i, sizeof v);
        if (led_first_set(~(bytes16)(((v >= '0') & (v <= '9')) | ((v >= 'a') & (v <= 'f')))) < sizeof v)
            return false;
    }
    for (; i < s.n; i++)
        if (!((s.p[i] >= '0' && s.p[i] <= '9') || (s.p[i] >= 'a' && s.p[i] <= 'f')))
            return false;
    return true;
}

/* The string whose opening quotation mark stands at *at: its inside, still escaped. */
int led_take_string(struct str s, size_t *at, struct str *ret)
{
    const char *p = s.p;
    size_t i = *at;

    if (i >= s.n || p[i] != '"')
        return GW_ERR(SYNTAX);
    while ((i = next_special(s, i + 1)) < s.n) {
        if (p[i] == '"') {
            *ret = (struct str){ s.p + *at + 1, i - *at - 1 };
            *at = i + 1;
            return 0;
        }
        if (p[i] != '\\' || ++i >= s.n || (p[i] != '"' && p[i] != '\\' && p[i] != 'u'))
            return GW_ERR(SYNTAX);
    }
    return GW_ERR(SYNTAX);
}

int led_take_num(struct str s, size_t *at, struct led_member *m)
{
    size_t i = *at;
    uint64_t v = 0;

    for (; i < s.n && s.p[i] >= '0' && s.p[i] <= '9'; i++) {
        unsigned d = (unsigned)(s.p[i] - '0');
        if (v > (UINT64_MAX - d) / 10)
            return GW_ERR(SYNTAX);
        v = v * 10 + d;
    }
    if (i == *at || (s.p[*at] == '0' && i - *at > 1))
        return GW_ERR(SYNTAX);
    m->type = LED_NUM;
    m->num = v;
    m->raw = (struct str){ s.p + *at, i - *at };
    *at = i;
    return 0;
}

int led_take_list(struct str s, size_t *at, struct led_member *m)
{
    size_t i = *at + 1, from = i;
    struct str item;

    for (;;) {
        if (led_take_string(s, &i, &item) < 0 || i >= s.n)
            return GW_ERR(SYNTAX);
        if (s.p[i] == ']')
            break;
        if (s.p[i++] != ',')
            return GW_ERR(SYNTAX);
    }
    m->type = LED_LIST;
    m->raw = (struct str){ s.p + from, i - from };
    *at = i + 1;
    return 0;
}

static const bool in_name[256] = { ['a' ... 'z'] = true, ['0' ... '9'] = true, ['_'] = true };

/* A member's name and the colon behind it. */
static int take_name(struct str s, size_t *at, struct str *ret)
{
    size_t i = *at + 1, from = i;

    if (*at >= s.n || s.p[*at] != '"')
        return GW_ERR(SYNTAX);
    while (i < s.n && in_name[(unsigned char)s.p[i]])
        i++;
    if (i == from || i + 2 >= s.n || s.p[i] != '"' || s.p[i + 1] != ':')
        return GW_ERR(SYNTAX);
    *ret = (struct str){ s.p + from, i - from };
    *at = i + 2;
    return 0;
}

int led_read_next(struct led_reader *r, struct led_member *ret)
{
    struct led_member m = { 0 };
    struct str s = r->line;
    size_t at = r->at;
    int err;

    if (at < s.n && s.p[at] == '}' && at > 0)
        return at + 1 == s.n ? 0 : GW_ERR(SYNTAX);
    if (at >= s.n || s.p[at++] != (r->at ? ',' : '{') || take_name(s, &at, &m.name) < 0)
        return GW_ERR(SYNTAX);
    if (s.p[at] == '"') {
        m.type = LED_STR;
        err = led_take_string(s, &at, &m.raw);
    } else if (s.p[at] == '[') {
        err = led_take_list(s, &at, &m);
    } else {
        err = led_take_num(s, &at, &m);
    }
    if (err)
        return err;
    r->at = at;
    *ret = m;
    return 1;
}

int led_list_next(struct str raw, size_t *at, struct str *ret_raw)
{
    if (*at >= raw.n)
        return 0;
    if (*at > 0 && raw.p[(*at)++] != ',')
        return GW_ERR(SYNTAX);
    return led_take_string(raw, at, ret_raw) < 0 ? GW_ERR(SYNTAX) : 1;
}

static int hex4(struct str s, size_t at, uint32_t *ret)
{
    uint32_t v = 0;

    if (at + 4 > s.n)
        return GW_ERR(SYNTAX);
    for (size_t i = at; i < at + 4; i++) {
        char c = s.p[i];
        if (c >= '0' && c <= '9')
            v = v << 4 | (uint32_t)(c - '0');
        else if (c >= 'a' && c <= 'f')
            v = v << 4 | (uint32_t)(c - 'a' + 10);
        else
            return GW_ERR(SYNTAX);
    }
    *ret = v;
    return 0;
}

/* \uXXXX at s.p[at] (behind the u), perhaps a pair: the character, and how many bytes were used. */
static int take_u(struct str s, size_t at, uint32_t *ret, size_t *ret_used)
{
    uint32_t a, b;

    if (hex4(s, at, &a) < 0)
        return GW_ERR(SYNTAX);
    *ret_used = 4;
    *ret = a;
    if (a < 0xd800 || a > 0xdfff)
        return 0;
    if (a > 0xdbff || at + 10 > s.n || s.p[at + 4] != '\\' || s.p[at + 5] != 'u' || hex4(s, at + 6, &b) < 0 || b < 0xdc00 || b > 0xdfff)
        return GW_ERR(SYNTAX);
    *ret = 0x10000 + ((a - 0xd800) << 10) + (b - 0xdc00);
    *ret_used = 10;
    return 0;
}

static size_t put_utf8(unsigned char *o, uint32_t c)
{
    if (c < 0x80)
        return o[0] = (unsigned char)c, (size_t)1;
    if (c < 0x800)
        return o[0] = (unsigned char)(0xc0 | c >> 6), o[1] = (unsigned char)(0x80 | (c & 63)), (size_t)2;
    if (c < 0x10000)
        return o[0] = (unsigned char)(0xe0 | c >> 12), o[1] = (unsigned char)(0x80 | (c >> 6 & 63)),
               o[2] = (unsigned char)(0x80 | (c & 63)), (size_t)3;
    return o[0] = (unsigned char)(0xf0 | c >> 18), o[1] = (unsigned char)(0x80 | (c >> 12 & 63)),
           o[2] = (unsigned char)(0x80 | (c >> 6 & 63)), o[3] = (unsigned char)(0x80 | (c & 63)), (size_t)4;
}

int led_unescape(struct str raw, struct buf *out)
{
    size_t i = 0, n = 0;
    unsigned char *o = buf_room(out, raw.n + 4); /* never longer than its escaped form */

    if (!o)
        return GW_ERR(LIMIT);
    while (i < raw.n) {
        if (raw.p[i] != '\\') {
            o[n++] = (unsigned char)raw.p[i++];
            continue;
        }
        if (++i >= raw.n)
            return GW_ERR(SYNTAX);
        if (raw.p[i] == 'u') {
            uint32_t c;
            size_t used;
            if (take_u(raw, i + 1, &c, &used) < 0)
                return GW_ERR(SYNTAX);
            n += put_utf8(o + n, c);
            i += 1 + used;
        } else {
            o[n++] = (unsigned char)raw.p[i++];
        }
    }
    if (!utf8_valid((struct str){ (char *)o, n }))
        return GW_ERR(SYNTAX);
    buf_added(out, n);
    return 0;
}

/* ---- the head ---- */
static bool is(const struct led_member *m, const char *name, enum led_type type)
{
    return m->type == type && str_eq(m->name, str_c(name));
}

int led_read_mac(struct str raw, unsigned char mac[LED_MAC])
{
    if (raw.n != 2 * LED_MAC)
        return GW_ERR(SYNTAX);
    for (size_t i = 0; i < LED_MAC; i += 2) {
        uint32_t v;
        if (hex4(raw, 2 * i, &v) < 0)
            return GW_ERR(SYNTAX);
        mac[i] = (unsigned char)(v >> 8);
        mac[i + 1] = (unsigned char)v;
    }
    return 0;
}

static int read_release(struct led_reader *r, struct led_head *h)
{
    struct led_reader ahead = *r; /* what is no target belongs to the fields */
    struct led_member m;

    if (led_read_next(&ahead, &m) != 1 || !is(&m, "target", LED_STR))
        return 0;
    if (str_eq(m.raw, STR("high")))
        h->target = GW_HIGH;
    else if (str_eq(m.raw, STR("low")))
        h->target = GW_LOW;
    else
        return GW_ERR(SYNTAX);
    if (led_read_next(&ahead, &m) != 1 || !is(&m, "release_mac", LED_STR) || led_read_mac(m.raw, h->mac) < 0)
        return GW_ERR(SYNTAX);
    h->has_release = true;
    *r = ahead;
    return 0;
}

int led_head_take(struct led_reader *reader, struct led_head *ret)
{
    struct led_head h = { 0 };
    struct led_reader r = *reader;
    struct led_member m;

    if (led_read_next(&r, &m) != 1 || !is(&m, "timestamp", LED_STR) || m.raw.n != 27 || led_time_parse(m.raw, &h.time_us) < 0)
        return GW_ERR(SYNTAX);
    if (led_read_next(&r, &m) != 1 || !is(&m, "seq", LED_NUM))
        return GW_ERR(SYNTAX);
    h.seq = m.num;
    if (led_read_next(&r, &m) != 1 || !is(&m, "event_type", LED_STR) || (h.event = led_event_find(m.raw)) < 0)
        return GW_ERR(SYNTAX);
    if (led_read_next(&r, &m) != 1 || !is(&m, "program", LED_STR) || !led_program_ok(m.raw))
        return GW_ERR(SYNTAX);
    h.program = m.raw;
    if (led_read_next(&r, &m) != 1 || !is(&m, "line_epoch", LED_NUM))
        return GW_ERR(SYNTAX);
    h.epoch = m.num;
    if (led_read_next(&r, &m) != 1 || !is(&m, "line_number", LED_NUM))
        return GW_ERR(SYNTAX);
    h.number = m.num;
    if (read_release(&r, &h) < 0)
        return GW_ERR(SYNTAX);
    *reader = r;
    *ret = h;
    return 0;
}

int led_head_read(struct str line, struct led_head *ret)
{
    struct led_reader r;

    led_read(&r, line);
    return led_head_take(&r, ret);
}

/* ---- time ---- */
static int digits(struct str s, size_t at, size_t n, unsigned lo, unsigned hi, unsigned *ret)
{
    unsigned v = 0;

    if (at + n > s.n)
        return GW_ERR(SYNTAX);
    for (size_t i = at; i < at + n; i++) {
        if (s.p[i] < '0' || s.p[i] > '9')
            return GW_ERR(SYNTAX);
        v = v * 10 + (unsigned)(s.p[i] - '0');
    }
    *ret = v;
    return v < lo || v > hi ? GW_ERR(SYNTAX) : 0;
}

/* Days since 1970-01-01 of a date of the Gregorian calendar, counted in years that begin in March. */
static int64_t days(unsigned y, unsigned m, unsigned d)
{
    int64_t yy = (int64_t)y - (m <= 2), era = yy / 400;
    int64_t yoe = yy - era * 400, doy = (153 * ((int64_t)m + (m > 2 ? -3 : 9)) + 2) / 5 + d - 1;

    return era * 146097 + yoe * 365 + yoe / 4 - yoe / 100 + doy - 719468;
}

int led_time_parse(struct str s, uint64_t *ret_us)
{
    static const unsigned char lengths[] = { 31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31 };
    unsigned y, mo, d, h = 0, mi = 0, sec = 0, us = 0, leap;

    if (digits(s, 0, 4, 1970, 9999, &y) || digits(s, 5, 2, 1, 12, &mo) || digits(s, 8, 2, 1, 31, &d) || s.p[4] != '-' || s.p[7] != '-')
        return GW_ERR(SYNTAX);
    leap = y % 4 == 0 && (y % 100 != 0 || y % 400 == 0);
    if (d > lengths[mo - 1] + (mo == 2 ? leap : 0))
        return GW_ERR(SYNTAX);
    if (s.n != 10) {
        if ((s.n != 20 && s.n != 27) || s.p[10] != 'T' || s.p[s.n - 1] != 'Z' || s.p[13] != ':' || s.p[16] != ':')
            return GW_ERR(SYNTAX);
        if (digits(s, 11, 2, 0, 23, &h) || digits(s, 14, 2, 0, 59, &mi) || digits(s, 17, 2, 0, 59, &sec))
            return GW_ERR(SYNTAX);
        if (s.n == 27 && (s.p[19] != '.' || digits(s, 20, 6, 0, 999999, &us)))
            return GW_ERR(SYNTAX);
    }
    *ret_us = ((uint64_t)days(y, mo, d) * 86400 + h * 3600u + mi * 60u + sec) * 1000000u + us;
    return 0;
}
