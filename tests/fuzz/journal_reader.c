// link: ledger ipc base
// libs: -lcrypto
/* SPDX-License-Identifier: GPL-3.0-or-later
 * What reads a journal, fed with anything: lines, checkpoints, keys. And what writes it, fed with any fields: a line that is
 * written is one line, in the schema, and says what the fields said. First byte: which. */
#include <stdlib.h>

#include "ledger.h"
#include "net.h"

static void must(int good)
{
    if (!good)
        abort();
}

/* The fast reader of whole lines says of each what the careful one says. */
static void scan_line(struct str s)
{
    struct led_scan scan;
    struct led_head h;
    const char *what;
    int err = led_line_scan(s, &scan), head = led_head_read(s, &h), schema = led_schema_check(s, &what);

    must((err == 0) == (head == 0) && (scan.what == NULL) == (schema == 0) && (!scan.what || strcmp(scan.what, what) == 0));
    if (err == 0)
        must(scan.head.time_us == h.time_us && scan.head.seq == h.seq && scan.head.event == h.event && str_eq(scan.head.program, h.program) &&
            scan.head.epoch == h.epoch && scan.head.number == h.number && scan.head.has_release == h.has_release && scan.head.target == h.target &&
            memcmp(scan.head.mac, h.mac, LED_MAC) == 0);
}

static void read_line(struct str s)
{
    struct led_reader r;
    struct led_member m;
    struct led_head h;
    const char *what;
    struct buf out;
    int got, members = 0;

    buf_init(&out, LED_LINE_MAX);
    led_read(&r, s);
    while ((got = led_read_next(&r, &m)) == 1) {
        struct str item;
        size_t at = 0;
        members++;
        must(m.raw.p >= s.p && m.raw.p + m.raw.n <= s.p + s.n);
        buf_reset(&out);
        if (m.type == LED_STR)
            (void)!led_unescape(m.raw, &out);
        while (m.type == LED_LIST && led_list_next(m.raw, &at, &item) == 1)
            (void)!led_unescape(item, &out);
    }
    scan_line(s);
    if (led_schema_check(s, &what) == 0)
        must(got == 0 && members >= 6 && led_head_read(s, &h) == 0);
    buf_clear(&out);
}

static void read_notes(struct str s)
{
    struct led_key *k = NULL;
    struct led_note n;
    size_t off = 0, before = 0;

    while (led_note_next(s, &off, &n) == 1) {
        must(off > before && off <= s.n);
        before = off;
    }
    if (led_key_parse(s, &k) == 0)
        led_key_free(k);
}

/* Members of the written line against the fields that it was made from. */
static void compare(struct str line, struct str fields)
{
    struct led_reader r;
    struct led_member m;
    struct field_value v;
    struct wire w;
    struct buf out;

    buf_init(&out, LED_LINE_MAX);
    wire_init(&w, fields.p, fields.n);
    while (field_next(&w, &v) == 1) {
        bool found = false;
        led_read(&r, line);
        while (!found && led_read_next(&r, &m) == 1) {
            struct str item;
            size_t at = 0;
            if (!str_eq(m.name, str_c(v.json)))
                continue;
            buf_reset(&out);
            if (v.type == GW_FT_NUM)
                found = m.type == LED_NUM && m.num == v.num;
            else if (v.type == GW_FT_HEX)
                found = m.type == LED_STR && m.raw.n == 2 * v.bytes.n;
            else if (v.type == GW_FT_STR)
                found = led_unescape(m.raw, &out) == 0 && str_eq(buf_str(&out), v.bytes);
            while (v.type == GW_FT_LIST && !found && led_list_next(m.raw, &at, &item) == 1) {
                buf_reset(&out);
                found = led_unescape(item, &out) == 0 && str_eq(buf_str(&out), v.bytes);
            }
        }
        must(found);
    }
    buf_clear(&out);
}

static void write_line(struct str fields)
{
    struct led_head h = { .time_us = 1763680435123456u, .seq = 7, .event = GW_EV_VERDICT, .program = STR("guard"), .epoch = 3, .number = 9,
        .has_release = true, .target = GW_LOW };
    const char *what;
    struct buf line;

    buf_init(&line, LED_LINE_MAX);
    if (led_line(&line, &h, fields) == 0) {
        struct str s = buf_str(&line);
        must(s.n > 1 && s.p[s.n - 1] == '\n');
        s.n--;
        for (size_t i = 0; i < s.n; i++)
            must((unsigned char)s.p[i] >= 0x20 && s.p[i] != 0x7f);
        must(led_schema_check(s, &what) == 0);
        scan_line(s);
        compare(s, fields);
    } else {
        must(buf_size(&line) == 0);
    }
    buf_clear(&line);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct str s = { (const char *)data + 1, size - 1 };

    if (size == 0 || size > 65536)
        return 0;
    switch (data[0] % 3) {
    case 0: read_line(s); break;
    case 1: read_notes(s); break;
    default: write_line(s);
    }
    return 0;
}
