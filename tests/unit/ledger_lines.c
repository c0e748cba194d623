// link: ledger ipc base
// libs: -lcrypto
/* SPDX-License-Identifier: GPL-3.0-or-later
 * Lines: what is written reads back the same, and no text can forge, break or hide a part of a line. The schema file in
 * conf/ is the one that the code prints. */
#include <stdlib.h>

#include "ledger.h"
#include "net.h"
#include "tap.h"

static struct buf fields, line, out;

static struct led_head head(void)
{
    return (struct led_head){ .time_us = 1763680435123456u, .seq = 7, .event = GW_EV_VERDICT, .program = STR("guard"), .epoch = 3, .number = 9 };
}

static int render(void)
{
    struct led_head h = head();

    buf_reset(&line);
    return led_line(&line, &h, buf_str(&fields));
}

static struct str rendered(void)
{
    struct str s = buf_str(&line);
    return (struct str){ s.p, s.n - 1 };
}

/* ---- text ---- */
static const struct { const char *name; struct str in; const char *want; } texts[] = {
    { "plain", STR("hello world"), "hello world" },
    { "quotation mark and backslash", STR("a\"b\\c"), "a\\\"b\\\\c" },
    { "line end", STR("a\nb\r\tc"), "a\\u000ab\\u000d\\u0009c" },
    { "NUL and escape", STR("\0\x1b[31m"), "\\u0000\\u001b[31m" },
    { "DEL and C1", STR("\x7f\xc2\x85\xc2\x9b"), "\\u007f\\u0085\\u009b" },
    { "line and paragraph separator", STR("\xe2\x80\xa8\xe2\x80\xa9"), "\\u2028\\u2029" },
    { "direction marks", STR("\xe2\x80\xae" "evil\xe2\x81\xa6"), "\\u202eevil\\u2066" },
    { "zero width", STR("a\xe2\x80\x8b" "b\xef\xbb\xbf"), "a\\u200bb\\ufeff" },
    { "no-break space, soft hyphen", STR("a\xc2\xa0" "b\xc2\xad"), "a\\u00a0b\\u00ad" },
    { "tag characters, as a pair", STR("\xf3\xa0\x81\xa1"), "\\udb40\\udc61" },
    { "private use", STR("\xee\x80\x80"), "\\ue000" },
    { "letters of other scripts stay", STR("\xc3\xa9\xd0\xb6\xe4\xb8\xad\xf0\x9f\x98\x80"), "\xc3\xa9\xd0\xb6\xe4\xb8\xad\xf0\x9f\x98\x80" },
    { "a mark at the beginning", STR("\xcc\xb8x"), "\\u0338x" },
    { "a mark behind a letter stays", STR("e\xcc\x81"), "e\xcc\x81" },
    { "JSON inside", STR("\"},{\"seq\":1"), "\\\"},{\\\"seq\\\":1" },
};

static void test_texts(void)
{
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
        struct led_reader r;
        struct led_member m = { 0 };
        struct wire_out o;
        bool same;

        buf_reset(&fields);
        buf_reset(&out);
        wire_out_init(&o, &fields);
        /* by hand: field_str repairs, and what the journal gets is not always made by it */
        wire_put_u16(&o, GW_F_SENTENCE);
        wire_put_str32(&o, texts[i].in);
        ok(render() == 0, "%s: is written", texts[i].name);
        led_read(&r, rendered());
        while (led_read_next(&r, &m) == 1 && !str_eq(m.name, STR("sentence")))
            ;
        ok(str_eq(m.raw, str_c(texts[i].want)), "%s: as %s", texts[i].name, texts[i].want);
        same = led_unescape(m.raw, &out) == 0 && str_eq(buf_str(&out), texts[i].in);
        ok(same, "%s: reads back the same", texts[i].name);
    }
}

/* ---- the whole ---- */
static void test_form(void)
{
    static const unsigned char hash[4] = { 0xde, 0xad, 0, 1 };
    struct wire_out o;
    struct led_head h = head(), back;
    const char *what;

    buf_reset(&fields);
    buf_reset(&line);
    wire_out_init(&o, &fields);
    field_z(&o, GW_F_VERDICT, "release");
    field_z(&o, GW_F_MATCHED, "9000");
    field_num(&o, GW_F_SIZE_IN, UINT64_MAX);
    field_z(&o, GW_F_MATCHED, "20\"40");
    field_hex(&o, GW_F_HASH_IN, hash, sizeof hash);
    h.has_release = true;
    h.target = GW_LOW;
    memset(h.mac, 0xab, sizeof h.mac);
    ok(o.err == 0 && led_line(&line, &h, buf_str(&fields)) == 0, "a line with every type");
    ok(str_eq(buf_str(&line), STR("{\"timestamp\":\"2025-11-20T23:13:55.123456Z\",\"seq\":7,\"event_type\":\"verdict\",\"program\":\"guard\","
        "\"line_epoch\":3,\"line_number\":9,\"target\":\"low\",\"release_mac\":\"abababababababababababababababab\",\"verdict\":\"release\","
        "\"matched\":[\"9000\",\"20\\\"40\"],\"size_in\":18446744073709551615,\"hash_in\":\"dead0001\"}\n")), "is exactly this");
    diag("%.*s", STR_ARG(rendered()));
    ok(led_head_read(rendered(), &back) == 0 && back.seq == 7 && back.time_us == h.time_us && back.has_release && back.target == GW_LOW &&
        memcmp(back.mac, h.mac, LED_MAC) == 0 && back.epoch == 3 && back.number == 9 && str_eq(back.program, STR("guard")), "its head reads back");
    ok(led_schema_check(rendered(), &what) == 0, "it is in the schema");
}

static void field_raw(struct wire_out *o, unsigned f, struct str s)
{
    wire_put_u16(o, (uint16_t)f);
    wire_put_str32(o, s);
}

static const struct { const char *name; unsigned f[2]; struct str v[2]; } bad_fields[] = {
    { "unknown field", { 4000, 0 }, { STR("x"), STR_NONE } },
    { "a number of 7 bytes", { GW_F_RULE, 0 }, { STR("1234567"), STR_NONE } },
    { "bytes that are not UTF-8", { GW_F_SENTENCE, 0 }, { STR("\xc3("), STR_NONE } },
    { "a surrogate", { GW_F_SENTENCE, 0 }, { STR("\xed\xa0\x80"), STR_NONE } },
    { "a field twice", { GW_F_VERDICT, GW_F_VERDICT }, { STR("drop"), STR("release") } },
};

static void test_bad_fields(void)
{
    for (size_t i = 0; i < sizeof bad_fields / sizeof *bad_fields; i++) {
        struct wire_out o;

        buf_reset(&fields);
        wire_out_init(&o, &fields);
        for (int k = 0; k < 2 && bad_fields[i].f[k]; k++)
            field_raw(&o, bad_fields[i].f[k], bad_fields[i].v[k]);
        ok(render() == GW_ERR(SYNTAX) && buf_size(&line) == 0, "refused: %s", bad_fields[i].name);
    }
}

#define HEAD "{\"timestamp\":\"2025-11-20T23:13:55.123456Z\",\"seq\":7,\"event_type\":\"verdict\",\"program\":\"guard\",\"line_epoch\":3,\"line_number\":9"
static const struct { const char *name, *line; bool good; } lines[] = {
    { "head alone", HEAD "}", true },
    { "a list", HEAD ",\"matched\":[\"a\",\"b\"]}", true },
    { "an unlisted member", HEAD ",\"colour\":\"red\"}", false },
    { "a member twice", HEAD ",\"verdict\":\"drop\",\"verdict\":\"release\"}", false },
    { "a number as text", HEAD ",\"rule\":\"9\"}", false },
    { "text as a number", HEAD ",\"verdict\":9}", false },
    { "hex in capitals", HEAD ",\"hash_in\":\"DEAD\"}", false },
    { "an odd number of hex digits", HEAD ",\"hash_in\":\"dea\"}", false },
    { "an empty list", HEAD ",\"matched\":[]}", false },
    { "a nested object", HEAD ",\"verdict\":{}}", false },
    { "a space", HEAD ", \"verdict\":\"drop\"}", false },
    { "something behind the end", HEAD "}}", false },
    { "a leading zero", HEAD ",\"rule\":07}", false },
    { "a number beyond 64 bits", HEAD ",\"rule\":18446744073709551616}", false },
    { "a short escape", HEAD ",\"verdict\":\"\\n\"}", false },
    { "target without mac", HEAD ",\"target\":\"low\"}", false },
    { "no seq", "{\"timestamp\":\"2025-11-20T23:13:55.123456Z\",\"event_type\":\"verdict\"}", false },
    { "February 30", "{\"timestamp\":\"2025-02-30T23:13:55.123456Z\",\"seq\":7,\"event_type\":\"verdict\",\"program\":\"guard\",\"line_epoch\":3,\"line_number\":9}", false },
    { "an unknown event", "{\"timestamp\":\"2025-11-20T23:13:55.123456Z\",\"seq\":7,\"event_type\":\"x\",\"program\":\"guard\",\"line_epoch\":3,\"line_number\":9}", false },
    { "empty", "", false }, { "a brace", "{", false }, { "cut", HEAD, false },
};

static void test_schema(void)
{
    for (size_t i = 0; i < sizeof lines / sizeof *lines; i++) {
        const char *what = NULL;
        int err = led_schema_check(str_c(lines[i].line), &what), fast;
        struct led_scan scan;
        ok((err == 0) == lines[i].good, "%s: %s%s%s", lines[i].name, lines[i].good ? "in the schema" : "refused", what ? ", " : "", what ? what : "");
        fast = led_line_scan(str_c(lines[i].line), &scan);
        ok((fast == 0 && !scan.what) == lines[i].good && (!scan.what || strcmp(scan.what, what) == 0), "%s: the fast reader says the same", lines[i].name);
    }
}

static void test_time(void)
{
    static const uint64_t t[] = { 0, 1, 951782399999999u, 951782400000000u, 4107542400000000u, 1763680435123456u };
    char text[LED_TIME_TEXT];
    uint64_t back;

    for (size_t i = 0; i < sizeof t / sizeof *t; i++) {
        led_time_text(t[i], text);
        ok(led_time_parse(str_c(text), &back) == 0 && back == t[i], "time %s there and back", text);
    }
}

/* The schema file, found from the folder of the test's source. */
static void test_schema_file(void)
{
    static char file[1 << 17], printed[1 << 17];
    FILE *m = fmemopen(printed, sizeof printed, "w"), *f = fopen("conf/journal.schema.json", "r");
    size_t n;

    if (!f) {
        char path[600];
        snprintf(path, sizeof path, "%.*s../../conf/journal.schema.json", (int)(strrchr(__FILE__, '/') - __FILE__ + 1), __FILE__);
        f = fopen(path, "r");
    }
    led_schema_print(m);
    fclose(m);
    n = f ? fread(file, 1, sizeof file - 1, f) : 0;
    if (f)
        fclose(f);
    file[n] = 0;
    if (!ok(strcmp(file, printed) == 0, "conf/journal.schema.json is what the code prints") && getenv("SCHEMA_PRINT"))
        fputs(printed, stderr);
}

int main(void)
{
    buf_init(&fields, 65536);
    buf_init(&line, LED_LINE_MAX);
    buf_init(&out, LED_LINE_MAX);
    test_texts();
    test_form();
    test_bad_fields();
    test_schema();
    test_time();
    test_schema_file();
    buf_clear(&fields);
    buf_clear(&line);
    buf_clear(&out);
    return done_testing();
}
