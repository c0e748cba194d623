/* SPDX-License-Identifier: GPL-3.0-or-later
 * A whole line in one pass, for readers of many: members are found by their names as 16 bytes at once, and read as what the schema
 * says they are. What does not fit is left to the careful reader of line_read.c and schema.c, which says what is wrong with it. */
#include "impl.h"

/* "name": with quotation marks and colon, as it stands in a line. */
struct pattern { bytes16 text, mask; size_t len; };
#define ROWS_MAX 256
#define SLOTS 256
static struct pattern patterns[ROWS_MAX];
static short slots[SLOTS], chain[ROWS_MAX];
static int rules_row;

/* end: where the closing quotation mark stands, at least 2. */
static unsigned slot(const unsigned char *p, size_t end)
{
    return (unsigned)(end * 37 + p[1] * 5u + p[end - 1] * 11u + p[(end + 1) / 2]) % SLOTS;
}

__attribute__((constructor)) static void make(void)
{
    memset(slots, -1, sizeof slots);
    for (size_t i = led_rows_n; i-- > 0;) {
        unsigned char text[16] = { '"' }, mask[16] = { 0 };
        size_t n = led_rows[i].len;
        if (n + 3 > sizeof text)
            continue; /* always left to the careful reader */
        memcpy(text + 1, led_rows[i].json, n);
        memcpy(text + 1 + n, "\":", 2);
        memset(mask, 0xff, n + 3);
        memcpy(&patterns[i].text, text, sizeof text);
        memcpy(&patterns[i].mask, mask, sizeof mask);
        patterns[i].len = n + 3;
        unsigned s = slot(text, n + 1);
        chain[i] = slots[s];
        slots[s] = (short)i;
        if (strcmp(led_rows[i].json, "rules_hash") == 0)
            rules_row = (int)i;
    }
}

/* The row of the member whose name begins at *at, which moves behind its colon; -1: not found so. */
static int take_row(struct str s, size_t *at)
{
    static const bytes16 not_first = { 0, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff };
    bytes16 v = { 0 };
    size_t end;

    if (*at >= s.n)
        return -1;
    if (s.n - *at >= sizeof v)
        memcpy(&v, s.p + *at, sizeof v);
    else
        memcpy(&v, s.p + *at, s.n - *at);
    if (s.p[*at] != '"')
        return -1;
    end = led_first_set((bytes16)(v == '"') & not_first);
    if (end == sizeof v || end < 2)
        return -1;
    for (int i = slots[slot((const unsigned char *)s.p + *at, end)]; i >= 0; i = chain[i])
        if (led_first_set((bytes16)((v & patterns[i].mask) != patterns[i].text)) == sizeof v) {
            *at += patterns[i].len;
            return i;
        }
    return -1;
}

/* The value of a row at *at, which moves behind it. */
static bool take_value(struct str s, size_t *at, const struct led_row *row, struct led_member *m)
{
    if (row->type == GW_FT_NUM)
        return led_take_num(s, at, m) == 0;
    if (row->type == GW_FT_LIST)
        return *at < s.n && s.p[*at] == '[' && led_take_list(s, at, m) == 0;
    if (led_take_string(s, at, &m->raw) < 0)
        return false;
    return row->type == GW_FT_STR || (m->raw.n % 2 == 0 && led_hex_digits(m->raw));
}

/* A member of the head at *at, which is the one that is due. */
static bool take_due(struct str s, size_t *at, int due, struct led_member *m)
{
    return *at < s.n && s.p[(*at)++] == (due ? ',' : '{') && take_row(s, at) == due && take_value(s, at, &led_rows[due], m);
}

static bool take_head(struct str s, size_t *at, struct led_head *h)
{
    struct led_member m;
    size_t ahead;

    if (!take_due(s, at, LED_ROW_TIMESTAMP, &m) || m.raw.n != 27 || led_time_parse(m.raw, &h->time_us) < 0 || !take_due(s, at, LED_ROW_SEQ, &m))
        return false;
    h->seq = m.num;
    if (!take_due(s, at, LED_ROW_EVENT, &m) || (h->event = led_event_find(m.raw)) < 0 || !take_due(s, at, LED_ROW_PROGRAM, &m) || !led_program_ok(m.raw))
        return false;
    h->program = m.raw;
    if (!take_due(s, at, LED_ROW_EPOCH, &m))
        return false;
    h->epoch = m.num;
    if (!take_due(s, at, LED_ROW_NUMBER, &m))
        return false;
    h->number = m.num;
    ahead = *at;
    if (!take_due(s, &ahead, LED_ROW_TARGET, &m))
        return true;
    h->target = str_eq(m.raw, STR("high")) ? GW_HIGH : GW_LOW;
    if (h->target == GW_LOW && !str_eq(m.raw, STR("low")))
        return false;
    h->has_release = true;
    *at = ahead;
    return take_due(s, at, LED_ROW_MAC, &m) && led_read_mac(m.raw, h->mac) == 0;
}

/* The whole line; false: to be looked at with more care. */
static bool take_line(struct str s, struct led_scan *ret)
{
    uint64_t seen[ROWS_MAX / 64] = { 0 };
    struct led_member m;
    size_t at = 0;

    if (!take_head(s, &at, &ret->head))
        return false;
    seen[0] = (1u << (ret->head.has_release ? LED_HEAD_ROWS : LED_ROW_TARGET)) - 1;
    while (at < s.n && s.p[at] == ',') {
        at++;
        int row = take_row(s, &at);
        if (row < 0 || seen[row / 64] >> (row % 64) & 1 || !take_value(s, &at, &led_rows[row], &m))
            return false;
        seen[row / 64] |= (uint64_t)1 << (row % 64);
        if (row == rules_row)
            ret->rules = m.raw;
    }
    return at + 1 == s.n && s.p[at] == '}';
}

int led_line_scan(struct str line, struct led_scan *ret)
{
    struct led_scan scan = { 0 };

    if (!take_line(line, &scan))
        return led_line_scan_slow(line, ret);
    *ret = scan;
    return 0;
}
