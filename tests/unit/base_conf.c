// link: base
// libs: -lconfig
/* SPDX-License-Identifier: GPL-3.0-or-later
 * The schema reader: values, defaults, and every mistake with its line, what is allowed, and the nearest word. */
#include <libconfig.h>
#include <stdlib.h>
#include <unistd.h>

#include "conf.h"
#include "tap.h"

static char folder[64];

static const char *const colours[] = { "red", "green", "blue", NULL };
struct item { struct conf_where where; char *name; int64_t count; };
struct group { bool on; int64_t n; };
struct all {
    struct conf_where where;
    bool flag;
    int64_t number, size, time;
    char *text;
    int colour;
    struct group group;
    struct conf_list items;
    struct conf_strings strings;
    struct conf_ints ints;
    const struct config_setting_t *raw;
};
static const struct conf_row item_rows[] = {
    { "@where", CONF_RAW, offsetof(struct item, where), false, 0, 0, NULL, NULL, NULL, 0, NULL },
    { "name", CONF_STRING, offsetof(struct item, name), true, 1, 5, NULL, NULL, NULL, 0, "its name" },
    { "count", CONF_INT, offsetof(struct item, count), false, 0, 10, "7", NULL, NULL, 0, NULL },
    { .key = NULL },
};
static const struct conf_row group_rows[] = {
    { "on", CONF_BOOL, offsetof(struct group, on), false, 0, 0, "true", NULL, NULL, 0, NULL },
    { "n", CONF_INT, offsetof(struct group, n), false, -5, 0, "-1", NULL, NULL, 0, NULL },
    { .key = NULL },
};
static const struct conf_row rows[] = {
    { "@where", CONF_RAW, offsetof(struct all, where), false, 0, 0, NULL, NULL, NULL, 0, NULL },
    { "flag", CONF_BOOL, offsetof(struct all, flag), false, 0, 0, NULL, NULL, NULL, 0, NULL },
    { "number", CONF_INT, offsetof(struct all, number), false, 1, 5000000000, "3", NULL, NULL, 0, "some number" },
    { "size", CONF_SIZE, offsetof(struct all, size), false, 1024, 1 << 20, "4KiB", NULL, NULL, 0, NULL },
    { "time", CONF_TIME, offsetof(struct all, time), false, 0, 60000, "10s", NULL, NULL, 0, NULL },
    { "text", CONF_STRING, offsetof(struct all, text), false, 0, 20, "hello", NULL, NULL, 0, NULL },
    { "colour", CONF_ENUM, offsetof(struct all, colour), false, 0, 0, "green", colours, NULL, 0, NULL },
    { "group", CONF_GROUP, offsetof(struct all, group), false, 0, 0, NULL, NULL, group_rows, 0, NULL },
    { "items", CONF_LIST, offsetof(struct all, items), false, 0, 3, NULL, NULL, item_rows, sizeof(struct item), NULL },
    { "strings", CONF_STRINGS, offsetof(struct all, strings), false, 0, 2, NULL, NULL, NULL, 0, NULL },
    { "ints", CONF_INTS, offsetof(struct all, ints), false, 1, 9, NULL, NULL, NULL, 0, NULL },
    { "raw", CONF_RAW, offsetof(struct all, raw), false, 0, 0, NULL, NULL, NULL, 0, NULL },
    { .key = NULL },
};

static const char *path_of(const char *name)
{
    static char path[128];
    snprintf(path, sizeof path, "%s/%s", folder, name);
    return path;
}

static void put_file(const char *name, const char *text, size_t n)
{
    FILE *f = fopen(path_of(name), "w");
    if (!f || fwrite(text, 1, n, f) != n || fclose(f) != 0)
        exit(1);
}

/* The mistakes of a file as text, without its folder; *ret_err what conf_read said. */
static char *mistakes(const char *name, int *ret_err)
{
    struct conf_errors e;
    struct arena arena;
    struct all all = { 0 };
    char *text = NULL, *p;
    size_t n, k = strlen(folder) + 1;
    FILE *f = open_memstream(&text, &n);

    conf_errors_init(&e);
    arena_init(&arena, 1 << 20);
    *ret_err = conf_read(path_of(name), rows, &all, &arena, &e, NULL);
    conf_errors_print(&e, f);
    fclose(f);
    conf_errors_clear(&e);
    arena_clear(&arena);
    while ((p = strstr(text, path_of(""))))
        memmove(p, p + k, strlen(p + k) + 1);
    return text;
}

#define NUL "\0"
static const struct { const char *name; struct str text; const char *want; } bad[] = {
    { "an unknown key, near", STR("nubmer = 3;"), "x.conf:1: nubmer: this key is not known; did you mean \"number\"?\n" },
    { "an unknown key, far", STR("group = { xyzzy = 1; };"), "x.conf:1: group.xyzzy: this key is not known; allowed here: on, n\n" },
    { "all mistakes at once, by line", STR("flag = 1;\n\nnumber = 0;\ncolour = \"gren\";\n"),
        "x.conf:1: flag: is a whole number; it must be true or false (without quotes)\n"
        "x.conf:3: number: 0 is out of range; allowed: from 1 to 5000000000\n"
        "x.conf:4: colour: \"gren\" is not known; allowed: \"red\", \"green\", \"blue\"; did you mean \"green\"?\n" },
    { "an integer that libconfig would cut", STR("\nnumber = 4294967297;"), "x.conf:2: the number does not fit (4294967297); whole numbers" },
    { "one below the smallest", STR("group = { n = -2147483649; };"), "x.conf:1: the number does not fit (-2147483649)" },
    { "a hexadecimal that would turn negative", STR("number = 0xFFFFFFFF;"), "x.conf:1: the number does not fit (0xFFFFFFFF)" },
    { "a long one that does not fit either", STR("number = 9223372036854775808L;"), "x.conf:1: the number does not fit" },
    { "forty digits", STR("number = 1111111111222222222233333333334444444444555;"), "x.conf:1: the number does not fit" },
    { "an integer in an array", STR("ints = [ 1,\n 4294967297 ];"), "x.conf:2: the number does not fit" },
    { "a fraction", STR("number = 1.5;"), "x.conf:1: number: is a number with a fraction; it must be a whole number\n" },
    { "a number in quotes", STR("number = \"1\";"), "x.conf:1: number: is a string; it must be a whole number\n" },
    { "a size without a unit", STR("size = \"4096\";"), "x.conf:1: size: \"4096\" cannot be read; allowed: a whole number and B, KiB, MiB or GiB" },
    { "a size without quotes", STR("size = 4096;"), "x.conf:1: size: is a whole number; it must be a string: a whole number and B, KiB" },
    { "a size out of range", STR("size = \"2MiB\";"), "x.conf:1: size: 2MiB is out of range; allowed: from 1KiB to 1MiB\n" },
    { "a size beyond all", STR("size = \"99999999999GiB\";"), "x.conf:1: size: \"99999999999GiB\" is too large\n" },
    { "a time in sizes", STR("time = \"1KiB\";"), "x.conf:1: time: \"1KiB\" cannot be read; allowed: a whole number and ms, s, min, h or d" },
    { "a time out of range", STR("time = \"2min\";"), "x.conf:1: time: 2min is out of range; allowed: from 0ms to 1min\n" },
    { "a string too long", STR("text = \"123456789012345678901\";"), "x.conf:1: text: 21 bytes is out of range; allowed: from 0 to 20 bytes\n" },
    { "a control character by escape", STR("text = \"a\\x01\";"), "x.conf:1: text: the string holds control characters or is not UTF-8\n" },
    { "bad UTF-8 by escape", STR("text = \"a\\xff\";"), "x.conf:1: text: the string holds control characters or is not UTF-8\n" },
    { "a zero byte by escape", STR("\ntext = \"a\\x00b\";"), "x.conf:2: \\x00 would end the string here; leave it out\n" },
    { "a key that is missing in a list", STR("items = ( { name = \"a\"; },\n { count = 1; } );"), "x.conf:2: items[1]: \"name\" is missing (its name)\n" },
    { "too many entries", STR("strings = [ \"a\", \"b\", \"c\" ];"), "x.conf:1: strings: 3 entries is out of range; allowed: from 0 to 2 entries\n" },
    { "a number out of range in an array", STR("ints = [ 1,\n 10 ];"), "x.conf:2: ints[1]: 10 is out of range; allowed: from 1 to 9\n" },
    { "a group for a list", STR("items = { };"), "x.conf:1: items: is a group { }; it must be a list of groups, as in ( { ... }, { ... } )\n" },
    { "a list of no groups", STR("items = ( 1 );"), "x.conf:1: items[0]: is a whole number; it must be a group { ... }\n" },
    { "a list for a group", STR("group = ( );"), "x.conf:1: group: is a list ( ); it must be a group { ... }\n" },
    { "a key twice", STR("flag = true;\nnumber = 1;\nflag = false;"), "x.conf:3: this key stands here twice; one of them must go\n" },
    { "no libconfig at all", STR("\n\n<xml/>\n"), "x.conf:3: this cannot be read (libconfig syntax)" },
    { "a comment that never ends", STR("flag = true;\n/* number = 0;\n"), "x.conf:2: a comment begins here and never ends; close it with */\n" },
    { "a string that never ends", STR("flag = true;\n text = \"abc;\n number = 1;\n"), "x.conf:2: a string begins here and never ends" },
    { "a line that is not UTF-8", STR("flag = true; # na\xefve\n"), "x.conf:1: this line is not UTF-8\n" },
    { "a zero byte", STR("flag = true;" NUL "number = 0;"), "x.conf:1: a zero byte stands in this line\n" },
    { "a control character", STR("flag = true;\n\x1b[2J"), "x.conf:2: a control character stands in this line\n" },
    { "a comment at the end without a line end", STR("flag = true;\n# the end"), "x.conf:2: the last line is a comment without a line end; add one\n" },
    { "an include from above", STR("@include \"../x\"\n"), "x.conf:1: an included file must lie below the folder" },
    { "an include from the root", STR("@include \"/etc/passwd\"\n"), "x.conf:1: an included file must lie below the folder" },
    { "an include that is not there", STR("@include \"none.conf\"\n"), "none.conf: cannot be read: No such file" },
    { "a file that includes itself", STR("@include \"x.conf\"\n"), "x.conf:1: too many files include each other; at most 10\n" },
    { "a mistake in an included file", STR("flag = true;\n@include \"part.conf\"\n"), "part.conf:2: number: 0 is out of range" },
    { "an escape sequence in a value is no escape for the terminal", STR("colour = \"\\x1b[2J\";"), "x.conf:1: colour: \"?[2J\" is not known" },
};

static const struct { const char *name; struct str text; } good[] = {
    { "an empty file", STR("") },
    { "comments of all kinds", STR("# 4294967297 \"\n// /* \"\n/* 4294967297\n \" */ flag = true; # \"\n") },
    { "quotes in strings", STR("text = \"a\\\"b /* # \";") },
    { "a number in a name and in a string", STR("text = \"4294967297\";") },
    { "the largest and the smallest", STR("number = 2147483647; group = { n = -0; };") },
    { "a long integer", STR("number = 4294967297L;") },
    { "a single value for a row of one", STR("strings = \"a\"; ints = 3;") },
    { "a list for an array", STR("strings = ( \"a\", \"b\" );") },
    { "no unit for nothing", STR("time = \"0\";") },
    { "an included file", STR("@include \"fine.conf\"\nflag = true;") },
};

static void values(void)
{
    static const char text[] = "flag = true; number = 12; size = \"64KiB\"; time = \"1min\"; text = \"gr\xc3\xbcn\"; colour = \"blue\";\n"
        "group = { n = -3; };\nitems = ( { name = \"a\"; count = 0; },\n { name = \"b\"; } );\nstrings = [ \"x\",\n\"y\" ]; ints = [ 1, 9 ]; raw = ( 1, \"2\" );";
    struct conf_errors e;
    struct arena arena;
    struct conf_file *file = NULL;
    struct all a = { 0 };
    struct item *items;

    put_file("x.conf", text, sizeof text - 1);
    conf_errors_init(&e);
    arena_init(&arena, 1 << 20);
    ok(conf_read(path_of("x.conf"), rows, &a, &arena, &e, &file) == 0 && e.n == 0, "a file without mistakes");
    ok(a.flag && a.number == 12 && a.size == 65536 && a.time == 60000 && !strcmp(a.text, "gr\xc3\xbcn") && a.colour == 2, "scalars");
    ok(a.group.on && a.group.n == -3, "a group and its default");
    items = a.items.v;
    ok(a.items.n == 2 && !strcmp(items[0].name, "a") && items[0].count == 0 && items[1].count == 7 && items[1].where.line == 4 && a.items.lines[0] == 3 &&
        !strcmp(items[0].where.file, path_of("x.conf")), "a list, with lines and defaults");
    ok(a.strings.n == 2 && !strcmp(a.strings.v[1], "y") && a.strings.lines[1] == 6, "strings with lines");
    ok(a.ints.n == 2 && a.ints.v[1] == 9, "numbers");
    ok(a.raw && config_setting_length(a.raw) == 2, "a raw setting");
    conf_file_free(file);
    put_file("x.conf", "", 0);
    memset(&a, 0, sizeof a);
    ok(conf_read(path_of("x.conf"), rows, &a, &arena, &e, NULL) == 0 && a.number == 3 && a.size == 4096 && a.time == 10000 && !strcmp(a.text, "hello") &&
        a.colour == 1 && a.group.on && a.group.n == -1 && !a.flag, "defaults");
    ok(conf_read(path_of("none"), rows, &a, &arena, &e, NULL) == GW_ERR(NOENT) && e.n_errors == 1, "a file that is not there");
    ok(conf_read(folder, rows, &a, &arena, &e, NULL) == GW_ERR(NOENT) && e.n_errors == 2, "a folder");
    conf_errors_clear(&e);
    for (int i = 0; i < 700; i++)
        conf_error_add(&e, CONF_ERROR, "f", (unsigned)(700 - i), "m");
    ok(e.n == CONF_ERRORS_MAX && e.n_errors == 700, "mistakes beyond the maximum are counted");
    conf_errors_clear(&e);
    arena_clear(&arena);
}

static const struct { const char *text; int64_t size, time; } units[] = { /* -1: SYNTAX, -2: RANGE */
    { "0", 0, 0 }, { "1", -1, -1 }, { "1B", 1, -1 }, { "64KiB", 65536, -1 }, { "64 KiB", 65536, -1 }, { "64kb", -1, -1 }, { "1GiB", 1 << 30, -1 },
    { "500ms", -1, 500 }, { "30s", -1, 30000 }, { "10min", -1, 600000 }, { "24h", -1, 86400000 }, { "7d", -1, 604800000 }, { "", -1, -1 }, { "s", -1, -1 },
    { "-1s", -1, -1 }, { "+1B", -1, -1 }, { "1.5s", -1, -1 }, { "0x10B", -1, -1 }, { "1s ", -1, -1 }, { " 1s", -1, -1 }, { "9223372036854775808B", -2, -2 },
    { "9223372036854775807GiB", -2, -1 }, { "9223372036854775807d", -1, -2 }, { "9223372036854775807B", INT64_MAX, -1 },
};
static const struct { const char *word, *want; } words[] = {
    { "gren", "green" }, { "rde", "red" }, { "BLUE", "blue" }, { "purple", NULL }, { "", NULL }, { "r", NULL }, { "greenis", "green" }, { "greenish", NULL }, { "xxgreenxx", NULL },
};

int main(void)
{
    strcpy(folder, "/tmp/lockgate-conf-XXXXXX");
    if (!mkdtemp(folder))
        return 1;
    put_file("part.conf", "\nnumber = 0;\n", 13);
    put_file("fine.conf", "number = 5;\n", 12);
    values();
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        int err;
        put_file("x.conf", bad[i].text.p, bad[i].text.n);
        char *text = mistakes("x.conf", &err);
        if (!ok(err == GW_ERR(CONF) && strstr(text, bad[i].want) && (text == strstr(text, bad[i].want)), "refused: %s", bad[i].name))
            diag("%d: %s", err, text);
        free(text);
    }
    for (size_t i = 0; i < sizeof good / sizeof good[0]; i++) {
        int err;
        put_file("x.conf", good[i].text.p, good[i].text.n);
        char *text = mistakes("x.conf", &err);
        if (!ok(err == 0 && !text[0], "taken: %s", good[i].name))
            diag("%d: %s", err, text);
        free(text);
    }
    for (size_t i = 0; i < sizeof units / sizeof units[0]; i++) {
        int64_t v = -9;
        int err = conf_size(units[i].text, &v);
        ok(units[i].size >= 0 ? err == 0 && v == units[i].size : err == (units[i].size == -1 ? GW_ERR(SYNTAX) : GW_ERR(RANGE)) && v == -9, "size \"%s\"", units[i].text);
        v = -9;
        err = conf_time(units[i].text, &v);
        ok(units[i].time >= 0 ? err == 0 && v == units[i].time : err == (units[i].time == -1 ? GW_ERR(SYNTAX) : GW_ERR(RANGE)) && v == -9, "time \"%s\"", units[i].text);
    }
    for (size_t i = 0; i < sizeof words / sizeof words[0]; i++) {
        const char *near = conf_nearest(words[i].word, colours);
        ok(words[i].want ? near && !strcmp(near, words[i].want) : !near, "nearest to \"%s\"", words[i].word);
    }
    unlink(path_of("part.conf"));
    unlink(path_of("fine.conf"));
    unlink(path_of("x.conf"));
    rmdir(folder);
    return done_testing();
}
