// link: ipc base
/* SPDX-License-Identifier: GPL-3.0-or-later
 * Journal fields and scan texts on the wire: what is written is read; what is not in the schema is refused. */
#include <stdlib.h>

#include "fields.h"
#include "scan.h"
#include "tap.h"
#include "utf8.h"

static void fields(void)
{
    struct buf b;
    struct wire_out o;
    struct wire w;
    struct field_value v = { 0 };
    unsigned char hash[32] = { 1, 2, 3 };

    buf_init(&b, 100000);
    wire_out_init(&o, &b);
    field_z(&o, GW_F_SRC_IP, "10.0.0.1");
    field_num(&o, GW_F_SRC_PORT, UINT64_MAX);
    field_hex(&o, GW_F_HASH_IN, hash, sizeof hash);
    field_z(&o, GW_F_MATCHED, "2040");
    field_z(&o, GW_F_MATCHED, "9000");
    field_z(&o, GW_F_TO, "");
    field_str(&o, GW_F_FROM, STR_NONE);
    field_hex(&o, GW_F_HASH_OUT, hash, 0);
    ok(o.err == 0, "written");
    wire_init(&w, buf_data(&b), buf_size(&b));
    ok(field_next(&w, &v) == 1 && v.field == GW_F_SRC_IP && v.type == GW_FT_STR && !strcmp(v.json, "src_ip") && str_eq(v.bytes, STR("10.0.0.1")), "text");
    ok(field_next(&w, &v) == 1 && v.field == GW_F_SRC_PORT && v.type == GW_FT_NUM && v.num == UINT64_MAX, "number");
    ok(field_next(&w, &v) == 1 && v.field == GW_F_HASH_IN && v.type == GW_FT_HEX && v.bytes.n == 32 && v.bytes.p[2] == 3, "bytes");
    ok(field_next(&w, &v) == 1 && v.type == GW_FT_LIST && field_next(&w, &v) == 1 && str_eq(v.bytes, STR("9000")), "a list, piece by piece");
    ok(field_next(&w, &v) == 0 && field_next(&w, &v) == 0, "empty text is left out; the end");
    buf_reset(&b);
    field_hex(&o, GW_F_HASH_IN, hash, 65);
    ok(o.err == GW_ERR(LIMIT) && buf_size(&b) == 0, "bytes over the longest hash stick as an error");
    buf_clear(&b);
}

/* Long and broken text is repaired by the writer, as this is a log. */
static void repair(void)
{
    static const struct { const char *name; struct str in, want; } rows[] = {
        { "a bad byte", STR("a\xff" "b"), STR("a\xef\xbf\xbd" "b") },
        { "a cut character", STR("a\xe2\x82"), STR("a\xef\xbf\xbd\xef\xbf\xbd") },
        { "good text", STR("na\xc3\xafve"), STR("na\xc3\xafve") },
    };
    char *z = malloc(20000);
    struct buf b;
    struct wire_out o;
    struct wire w;
    struct field_value v;
    bool good = true;

    buf_init(&b, 100000);
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        buf_reset(&b);
        wire_out_init(&o, &b);
        field_str(&o, GW_F_FROM_RAW, rows[i].in);
        wire_init(&w, buf_data(&b), buf_size(&b));
        ok(field_next(&w, &v) == 1 && str_eq(v.bytes, rows[i].want), "%s", rows[i].name);
    }
    for (size_t n = 0; n < 20000; n += 3)
        memcpy(z + n, "\xe2\x82\xac", n + 3 <= 20000 ? 3 : 20000 - n);
    for (size_t n = 4080; n < 4120; n++) {
        buf_reset(&b);
        wire_out_init(&o, &b);
        field_str(&o, GW_F_FROM_RAW, (struct str){ z, n });
        wire_init(&w, buf_data(&b), buf_size(&b));
        good &= field_next(&w, &v) == 1 && v.bytes.n <= GW_FIELD_TEXT_MAX && utf8_valid(v.bytes) &&
            (n <= GW_FIELD_TEXT_MAX ? true : v.bytes.n >= GW_FIELD_TEXT_MAX - 8 && !memcmp(v.bytes.p + v.bytes.n - 3, "...", 3));
    }
    ok(good, "text around the maximum is cut at a character and ends in ...");
    memset(z, 0xff, 20000);
    buf_reset(&b);
    wire_out_init(&o, &b);
    field_str(&o, GW_F_FROM_RAW, (struct str){ z, 20000 });
    wire_init(&w, buf_data(&b), buf_size(&b));
    ok(field_next(&w, &v) == 1 && v.bytes.n <= GW_FIELD_TEXT_MAX && utf8_valid(v.bytes), "20,000 bad bytes");
    buf_clear(&b);
    free(z);
}

static void bad_fields(void)
{
    static const struct { const char *name; struct str bytes; } rows[] = {
        { "an unknown field", STR("\x0f\xff\0\0\0\0") },
        { "field 0", STR("\0\0\0\0\0\0") },
        { "a number of 7 bytes", STR("\0\x03\0\0\0\x07" "1234567") },
        { "a number of 9 bytes", STR("\0\x03\0\0\0\x09" "123456789") },
        { "text that is not UTF-8", STR("\0\x02\0\0\0\x01\xff") },
        { "a list entry that is not UTF-8", STR("\0\x19\0\0\0\x01\xff") },
        { "text that is not there", STR("\0\x02\0\0\0\x09" "1234") },
        { "half a head", STR("\0\x02\0") },
        { "text of 4 GiB", STR("\0\x02\xff\xff\xff\xff") },
        { "text over the maximum", STR("\0\x02\0\0\x10\x01") },
        { "a hash over the maximum", STR("\0\x2a\0\0\0\x41") },
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct wire w;
        struct field_value v;
        wire_init(&w, rows[i].bytes.p, rows[i].bytes.n);
        ok(field_next(&w, &v) == GW_ERR(SYNTAX) && field_next(&w, &v) == GW_ERR(SYNTAX), "refused: %s", rows[i].name);
    }
}

/* ---- scan.h ---- */

static void requests(void)
{
    struct scan_segment segments[2] = { { 1, UINT32_MAX, 5, SCAN_AT_BODY, STR("h\xc3\xa9llo") }, { 2, 0, 6, SCAN_AT_ATTRIBUTE, STR("") } };
    struct scan_request r = { .facts = { STR("high-to-low"), STR("message"), STR("a@b"), STR("c@d"), STR("b"), STR("d"), STR(""), STR("x") },
        .segments = segments, .n_segments = 2, .rebuilt = STR("<message>") }, back;
    struct buf b;
    struct arena a;
    bool refused = true;

    buf_init(&b, 1 << 20);
    arena_init(&a, 1 << 20);
    ok(scan_request_put(&b, &r) == 0 && scan_request_get(buf_str(&b), &a, &back) == 0, "a request goes and comes");
    ok(str_eq(back.facts.direction, r.facts.direction) && str_eq(back.facts.to_domain, STR("d")) && str_eq(back.facts.payload, STR("x")) && back.n_segments == 2 &&
        back.segments[0].group == 5 && back.segments[0].attr == UINT32_MAX && back.segments[1].place == SCAN_AT_ATTRIBUTE &&
        str_eq(back.segments[0].text, segments[0].text) && str_eq(back.rebuilt, r.rebuilt), "as it went in");
    for (size_t n = 0; n < buf_size(&b); n++)
        refused &= scan_request_get((struct str){ (const char *)buf_data(&b), n }, &a, &back) < 0;
    ok(refused, "each shorter one is refused");
    (void)!buf_put(&b, "", 1);
    ok(scan_request_get(buf_str(&b), &a, &back) == GW_ERR(SYNTAX), "and a byte more");
    segments[0].place = SCAN_PLACE_COUNT;
    buf_reset(&b);
    ok(scan_request_put(&b, &r) == 0 && scan_request_get(buf_str(&b), &a, &back) == GW_ERR(SYNTAX), "a place that is none");
    segments[0].place = 0;
    segments[0].text = STR("\xff");
    buf_reset(&b);
    ok(scan_request_put(&b, &r) == 0 && scan_request_get(buf_str(&b), &a, &back) == GW_ERR(SYNTAX), "text that is not UTF-8");
    r.n_segments = SCAN_SEGMENTS_MAX + 1;
    buf_reset(&b);
    ok(scan_request_put(&b, &r) == GW_ERR(LIMIT), "too many segments");
    for (enum scan_place p = 0; p < SCAN_PLACE_COUNT; p++)
        refused &= scan_place_name(p)[0] != '?';
    ok(refused && !strcmp(scan_place_name(SCAN_PLACE_COUNT), "?") && !strcmp(scan_place_name(SCAN_AT_BODY), "body"), "places have names");
    buf_clear(&b);
    arena_clear(&a);
}

static void results(void)
{
    struct scan_match m[2] = { { SCAN_YARA, 1, 0, 2, 3, 0, { SCAN_SEV_HIGH, SCAN_ACT_DROP, 5001 }, STR("EICAR") },
        { SCAN_DLP, 2, UINT32_MAX, 0, 0, 100, { 0 }, STR("payment-card") } };
    struct scan_result r = { SCAN_DONE, 12, 34, m, 2 }, back;
    struct buf b;
    struct arena a, small;
    bool refused = true;

    buf_init(&b, 1 << 20);
    arena_init(&a, 1 << 20);
    arena_init(&small, 10);
    ok(scan_result_put(&b, &r) == 0 && scan_result_get(buf_str(&b), &a, &back) == 0, "a result goes and comes");
    ok(back.status == SCAN_DONE && back.yara_ns == 12 && back.dlp_ns == 34 && back.n_matches == 2 && back.matches[0].off == 2 && back.matches[0].len == 3 &&
        str_eq(back.matches[1].rule, STR("payment-card")) && back.matches[1].seg == UINT32_MAX && back.matches[1].confidence == 100 &&
        back.matches[0].meta.severity == SCAN_SEV_HIGH && back.matches[0].meta.action == SCAN_ACT_DROP && back.matches[0].meta.id == 5001, "as it went in");
    for (size_t n = 0; n < buf_size(&b); n++)
        refused &= scan_result_get((struct str){ (const char *)buf_data(&b), n }, &a, &back) < 0;
    ok(refused, "each shorter one is refused");
    ok(scan_result_get(buf_str(&b), &small, &back) == GW_ERR(NOMEM), "no memory");
    m[0].source = SCAN_SOURCES;
    buf_reset(&b);
    ok(scan_result_put(&b, &r) == 0 && scan_result_get(buf_str(&b), &a, &back) == GW_ERR(SYNTAX), "a source that is none");
    m[0].source = SCAN_YARA;
    m[0].confidence = 101;
    buf_reset(&b);
    ok(scan_result_put(&b, &r) == 0 && scan_result_get(buf_str(&b), &a, &back) == GW_ERR(SYNTAX), "a confidence over 100");
    m[0].confidence = 1;
    static const struct { const char *name; uint8_t source; struct scan_meta meta; bool good; } metas[] = {
        { "nothing", SCAN_YARA, { 0 }, true },
        { "a severity that is none", SCAN_YARA, { SCAN_SEV_COUNT, 0, 0 }, false },
        { "an action that is none", SCAN_YARA, { 0, SCAN_ACT_COUNT, 0 }, false },
        { "an id that is none", SCAN_YARA, { 0, 0, SCAN_ID_MAX + 1 }, false },
        { "words that nobody knows", SCAN_YARA, { SCAN_SEV_UNREAD, SCAN_ACT_UNREAD, SCAN_ID_UNREAD }, true },
        { "a severity of a detector", SCAN_DLP, { SCAN_SEV_LOW, 0, 0 }, false } };
    for (size_t i = 0; i < sizeof metas / sizeof *metas; i++) {
        m[0].source = metas[i].source;
        m[0].meta = metas[i].meta;
        buf_reset(&b);
        ok(scan_result_put(&b, &r) == 0 && scan_result_get(buf_str(&b), &a, &back) == (metas[i].good ? 0 : GW_ERR(SYNTAX)), "meta: %s", metas[i].name);
    }
    m[0].source = SCAN_YARA;
    r.status = 2;
    buf_reset(&b);
    ok(scan_result_put(&b, &r) == 0 && scan_result_get(buf_str(&b), &a, &back) == GW_ERR(SYNTAX), "a status that is none");
    r.n_matches = SCAN_MATCHES_MAX + 1;
    buf_reset(&b);
    ok(scan_result_put(&b, &r) == GW_ERR(LIMIT), "too many matches");
    ok(scan_result_get(STR("\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\x03\xe8"), &a, &back) == GW_ERR(SYNTAX), "more matches than bytes");
    buf_clear(&b);
    arena_clear(&a);
    arena_clear(&small);
}

int main(void)
{
    fields();
    repair();
    bad_fields();
    requests();
    results();
    return done_testing();
}
