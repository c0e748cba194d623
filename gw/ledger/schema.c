/* SPDX-License-Identifier: GPL-3.0-or-later
 * The closed schema of a line: rows made from include/fields.h and the head, their check, and their print as JSON Schema. */
#include "impl.h"

#define ROW(name, type, head, required) { name, sizeof(name) - 1, type, head, required }
const struct led_row led_rows[] = {
    ROW("timestamp", GW_FT_STR, true, true),
    ROW("seq", GW_FT_NUM, true, true),
    ROW("event_type", GW_FT_STR, true, true),
    ROW("program", GW_FT_STR, true, true),
    ROW("line_epoch", GW_FT_NUM, true, true),
    ROW("line_number", GW_FT_NUM, true, true),
    ROW("target", GW_FT_STR, true, false),
    ROW("release_mac", GW_FT_HEX, true, false),
#define X(id, name, json, type) ROW(json, GW_FT_##type, false, false),
    GW_FIELDS(X)
#undef X
};
const size_t led_rows_n = sizeof led_rows / sizeof *led_rows;

const char *const led_events[GW_EV_COUNT] = {
#define X(name, text) text,
    GW_EVENTS(X)
#undef X
};

/* Names are found by their length and three of their letters; rows of one slot are chained. Made before main, for readers in threads. */
#define SLOTS 256
static short slots[SLOTS], chain[sizeof led_rows / sizeof *led_rows];
static int rules_row;

static unsigned slot(const char *p, size_t n)
{
    return (unsigned)(n * 37 + (unsigned char)p[0] * 5u + (unsigned char)p[n - 1] * 11u + (unsigned char)p[n / 2]) % SLOTS;
}

__attribute__((constructor)) static void make_slots(void)
{
    memset(slots, -1, sizeof slots);
    for (size_t i = led_rows_n; i-- > 0;) {
        unsigned s = slot(led_rows[i].json, led_rows[i].len);
        chain[i] = slots[s];
        slots[s] = (short)i;
    }
    rules_row = led_row_find(STR("rules_hash"));
}

int led_row_find(struct str name)
{
    if (name.n == 0)
        return -1;
    for (int i = slots[slot(name.p, name.n)]; i >= 0; i = chain[i])
        if (led_rows[i].len == name.n && memcmp(led_rows[i].json, name.p, name.n) == 0)
            return i;
    return -1;
}

int led_event_find(struct str name)
{
    for (int i = 0; i < GW_EV_COUNT; i++)
        if (str_eq(name, str_c(led_events[i])))
            return i;
    return -1;
}

/* "guard", "edge/high", "scanner/3": what the journal names senders. */
bool led_program_ok(struct str s)
{
    if (s.n == 0 || s.n > LED_PROGRAM_MAX)
        return false;
    for (size_t i = 0; i < s.n; i++) {
        char c = s.p[i];
        if (!((c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-' || (c == '/' && i > 0)))
            return false;
    }
    return true;
}

static bool type_ok(const struct led_row *row, const struct led_member *m)
{
    switch (row->type) {
    case GW_FT_NUM: return m->type == LED_NUM;
    case GW_FT_LIST: return m->type == LED_LIST;
    case GW_FT_HEX: return m->type == LED_STR && m->raw.n % 2 == 0 && led_hex_digits(m->raw);
    case GW_FT_STR: return m->type == LED_STR;
    }
    return false;
}

/* The members behind the head, which has been read by place and so is right. */
static int fields(struct led_reader *r, const struct led_head *head, struct led_scan *ret)
{
    uint64_t seen[4] = { (1u << (head->has_release ? LED_HEAD_ROWS : LED_HEAD_ROWS - 2)) - 1 };
    struct led_member m;
    int got;

    while ((got = led_read_next(r, &m)) == 1) {
        int row = led_row_find(m.name);
        ret->what = "a member that the schema does not know";
        if (row < 0)
            return GW_ERR(SYNTAX);
        ret->what = "a member of the wrong type";
        if (!type_ok(&led_rows[row], &m))
            return GW_ERR(SYNTAX);
        ret->what = "a member twice";
        if (seen[row / 64] & (uint64_t)1 << (row % 64))
            return GW_ERR(SYNTAX);
        seen[row / 64] |= (uint64_t)1 << (row % 64);
        if (row == rules_row)
            ret->rules = m.raw;
    }
    ret->what = got < 0 ? "not in the form that the journal writes" : NULL;
    return got;
}
_Static_assert(sizeof led_rows / sizeof *led_rows <= 256, "seen[] holds 256 rows");

int led_line_scan_slow(struct str line, struct led_scan *ret)
{
    struct led_reader r;

    *ret = (struct led_scan){ .what = "the head of the line" };
    led_read(&r, line);
    if (led_head_take(&r, &ret->head) < 0)
        return GW_ERR(SYNTAX);
    (void)!fields(&r, &ret->head, ret);
    return 0;
}

int led_schema_check(struct str line, const char **ret_what)
{
    struct led_scan scan;
    int err = led_line_scan_slow(line, &scan);

    *ret_what = scan.what;
    return err < 0 || scan.what ? GW_ERR(SYNTAX) : 0;
}

static void print_row(FILE *to, const struct led_row *row)
{
    static const char *const types[] = { [GW_FT_STR] = "{ \"type\": \"string\" }",
        [GW_FT_NUM] = "{ \"type\": \"integer\", \"minimum\": 0, \"maximum\": 18446744073709551615 }",
        [GW_FT_HEX] = "{ \"type\": \"string\", \"pattern\": \"^([0-9a-f]{2})*$\" }",
        [GW_FT_LIST] = "{ \"type\": \"array\", \"items\": { \"type\": \"string\" }, \"minItems\": 1 }" };

    fprintf(to, "    \"%s\": ", row->json);
    if (row == &led_rows[0]) {
        fprintf(to, "{ \"type\": \"string\", \"pattern\": \"^[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}\\\\.[0-9]{6}Z$\" }");
    } else if (row == &led_rows[2]) {
        fprintf(to, "{ \"enum\": [");
        for (int i = 0; i < GW_EV_COUNT; i++)
            fprintf(to, "%s\"%s\"", i ? ", " : " ", led_events[i]);
        fprintf(to, " ] }");
    } else if (row == &led_rows[6]) {
        fprintf(to, "{ \"enum\": [ \"high\", \"low\" ] }");
    } else {
        fprintf(to, "%s", types[row->type]);
    }
}

void led_schema_print(FILE *to)
{
    fprintf(to, "{\n  \"$schema\": \"https://json-schema.org/draft/2020-12/schema\",\n"
                "  \"title\": \"A record of the Lockgate journal\",\n"
                "  \"description\": \"One line of a journal segment. Closed: an unlisted member is a mistake.\",\n"
                "  \"type\": \"object\",\n  \"additionalProperties\": false,\n  \"required\": [");
    for (size_t i = 0; i < LED_HEAD_ROWS; i++)
        if (led_rows[i].required)
            fprintf(to, "%s\"%s\"", i ? ", " : " ", led_rows[i].json);
    fprintf(to, " ],\n  \"dependentRequired\": { \"target\": [ \"release_mac\" ], \"release_mac\": [ \"target\" ] },\n  \"properties\": {\n");
    for (size_t i = 0; i < led_rows_n; i++) {
        print_row(to, &led_rows[i]);
        fprintf(to, "%s\n", i + 1 < led_rows_n ? "," : "");
    }
    fprintf(to, "  }\n}\n");
}
