// link: content ipc base
// libs: -lyara -lhs -licui18n -licuuc -licudata -lcrypto -lconfig -ljansson -lm
/* SPDX-License-Identifier: GPL-3.0-or-later
 * The gate in front of many YARA rules: which conditions need a string, and that a set with its gate finds exactly what the same set
 * finds without: over texts made of pieces of the rules' own strings, and over the corpus' rules and stanzas where there is one
 * ($LOCKGATE_CORPUS; its rules unpacked in yara/reversinglabs or below). */
#include "content_help.h"

#include <dirent.h>
#include <jansson.h>

#include "../../gw/content/impl.h"

/* ---- conditions ---- */

/* needs: "s" a string, "MZ" that beginning, "s MZ" one of them, "" nothing */
static const struct { const char *condition, *needs; } conditions[] = {
    { "$a", "s" }, { "$a and filesize < 10", "s" }, { "filesize < 10 and $a", "s" }, { "$a or $b", "s" }, { "($a)", "s" }, { "(($a) and true)", "s" },
    { "$a at 0", "s" }, { "$a in (0..100) and kind == \"message\"", "s" }, { "#a > 0", "s" }, { "#a > 2 and $b", "s" }, { "#a >= 1", "s" },
    { "#a == 3", "s" }, { "any of them", "s" }, { "all of them", "s" }, { "2 of ($a, $b, $c)", "s" }, { "any of ($a*) or $b", "s" },
    { "$a and not $b", "s" }, { "not $b and $a", "s" }, { "$a and (filesize > 3 or $b)", "s" }, { "uint16(0) == 0x5a4d and (1 of ($a*) or all of ($b*))", "MZ" }, { "uint32(0) == 0x44434241", "ABCD" }, { "uint32be(0) == 0x41424344 and $a", "ABCD" },
    { "$a or uint16(0) == 0x5a4d", "s MZ" }, { "(uint16(0) == 0x5a4d or $a) and $b", "s" }, { "(uint16(0) == 0x5a4d or $a) and filesize > 1", "s MZ" },
    { "uint16(0) == 23117 and for any i in (0..3) : ( i == 2 )", "MZ" }, { "uint16(0) == 0x5a4d or uint16(0) == 0x5a4d", "MZ" },
    { "uint16(0) == 0x5a4d or uint16(0) == 0x5a4e", "" }, { "uint16(0) != 0x5a4d", "" }, { "uint16(1) == 0x5a4d", "" }, { "uint16(0) == 0x5a4d + 1", "" },
    { "not uint16(0) == 0x5a4d", "" }, { "uint16(uint32(0x3c)) == 0x5a4d", "" }, { "uint8(0) == 0x4d", "" }, { "int16(0) == 0x5a4d", "" }, { "uint16(0) == 0x5a4d == true", "" },
    { "from matches /a(b|c) or $/ and $a", "s" }, { "$a // or true\n and true", "s" }, { "$a /* or true */", "s" }, { "any of them in (0..10)", "s" },
    { "$a or filesize < 10", "" }, { "true", "" }, { "not $a", "" }, { "$a or not $b", "" }, { "not ($a or $b)", "" }, { "#a >= 0", "" },
    { "#a == 0", "" }, { "#a < 3", "" }, { "#a != 1", "" }, { "#a > -1", "" }, { "0 of them", "" }, { "none of them", "" },
    { "for any of them : ( # > 0 )", "" }, { "for all i in (1..#a) : ( @a[i] < 10 )", "" }, { "helper", "" }, { "helper or $a", "" },
    { "any of (helper*)", "" }, { "(#a + 1) > 0", "" }, { "#a + #b > 0", "" }, { "1 == #a", "" }, { "!a[1] == 3", "" }, { "@a == 4", "" },
    { "filesize > 3 and (true or $a)", "" }, { "direction == \"x\" or $a", "" }, { "#a in (0..10) == 0", "" }, { "($a or true) and (true or $b)", "" },
    { "0x1 of them", "" }, { "50% of them", "" }, { "2 of them == 1", "" }, { "#a > 0 or true", "" }, { "", "" },
};

static void read_conditions(void)
{
    char text[400];
    for (size_t i = 0; i < sizeof conditions / sizeof *conditions; i++) {
        struct yara_file_text f;
        struct arena a;
        arena_init(&a, 1u << 20);
        snprintf(text, sizeof text, "import \"pe\"\n/* rule x { */ private rule r : tag { meta: a = \"}\" strings: $a = \"}\" $b = { 01 [2-3] 02 } $c = /\\/}/ condition: %s }\n",
            conditions[i].condition);
        char got[16] = "?";
        if (yara_text_read(str_c(text), &a, &f) == 0 && !f.whole && f.n_rules == 1 && f.n_imports == 1 && str_eq(f.rules[0].name, STR("r"))) {
            const struct yara_demand *d = &f.rules[0].demand;
            snprintf(got, sizeof got, "%s%s%.*s", d->string ? "s" : "", d->string && d->n ? " " : "", d->n, (const char *)d->bytes);
        }
        if (!ok(strcmp(got, conditions[i].needs) == 0, "condition %zu demands \"%s\"", i + 1, conditions[i].needs))
            diag("%s: %s", conditions[i].condition, got);
        arena_clear(&a);
    }
}

static void read_files(void)
{
    static const char text[] = "rule a { condition: true }\nrule b { strings: $x = \"a\" condition: $x }\nprivate rule c { condition: b }\nrule d { condition: any of (a*) }\n"
        "rule e { strings: $q = \"e\" condition: $q }\n";
    struct yara_file_text f;
    struct arena a;
    arena_init(&a, 1u << 20);
    ok(yara_text_read(str_c(text), &a, &f) == 0 && f.n_rules == 5 && !f.whole, "five rules");
    ok(f.n_rules == 5 && f.rules[2].group == 1 && f.rules[1].group == 1 && f.rules[3].group == 0 && f.rules[4].group == 4, "rules that name each other stay together");
    ok(yara_text_read(STR("global rule g { condition: true }"), &a, &f) == 0 && f.whole, "a global rule: the file stays whole");
    ok(yara_text_read(STR("include \"x\""), &a, &f) == 0 && f.whole, "an include: the file stays whole");
    ok(yara_text_read(STR("rule a { strings: $a = { 01 // }\n } condition: $a }"), &a, &f) == 0 && f.whole, "what is not understood stays whole");
    arena_clear(&a);
}

/* ---- the same with and without ---- */

static uint64_t seed;
static uint32_t dice(uint32_t n)
{
    seed = seed * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
    return (uint32_t)((seed >> 33) % n);
}

static int compare_hits(const void *va, const void *vb)
{
    const struct hit *a = va, *b = vb;
    int c = strcmp(a->rule, b->rule);
    return c ? c : a->start != b->start ? (a->start < b->start ? -1 : 1) : a->end < b->end ? -1 : a->end > b->end;
}

static bool same_hits(struct hits *a, struct hits *b)
{
    bool same = a->n == b->n;
    qsort(a->v, a->n, sizeof *a->v, compare_hits);
    qsort(b->v, b->n, sizeof *b->v, compare_hits);
    for (size_t i = 0; i < a->n && same; i++)
        same = compare_hits(&a->v[i], &b->v[i]) == 0;
    return same;
}

static struct { unsigned texts, different, matches; uint64_t parts; } run;
/* One text both ways. */
static bool try_text(struct yara_set *s, struct str text)
{
    struct hits with, without;
    struct view v = { .text = text };
    hits_init(&with);
    hits_init(&without);
    bool on = s->gate.on;
    int a = yara_scan(s, &v, &with);
    for (size_t i = 0; i < s->gate.n_parts; i++)
        run.parts += s->gate.wanted[i];
    s->gate.on = false;
    int b = yara_scan(s, &v, &without);
    s->gate.on = on;
    bool same = a == b && same_hits(&with, &without);
    run.texts++;
    run.matches += (unsigned)without.n;
    run.different += !same;
    hits_clear(&with);
    hits_clear(&without);
    return same;
}

static const char *const words[] = { "alpha-marker", "Beta Secret", "gamma_key=", "call_home(", "deltaforce", "epsilon.example", "zeta", "kappa", "0451-9982", "theta theta",
    "<script", "\x01\x02\x03\x04", "\xde\xad\xbe\xef", "MZ", "http://", "xy", "omega" };
#define WORDS (sizeof words / sizeof *words)

/* Rules of every kind over the words, in several files. */
static void write_rules(const char *dir, unsigned rules)
{
    char path[300];
    for (unsigned file = 0; file < 3; file++) {
        snprintf(path, sizeof path, "%s/yara/f%u.yar", dir, file);
        FILE *f = fopen(path, "w");
        if (!f)
            exit(99);
        fputs("import \"math\"\nimport \"pe\"\n", f);
        for (unsigned i = 0; i < rules; i++) {
            const char *w = words[dice(WORDS - 6)], *w2 = words[dice(WORDS - 6)];
            unsigned n = file * 10000 + i, cut = 2 + dice(6);
            switch (dice(21)) {
            case 0: fprintf(f, "rule r%u { strings: $a = \"%s\" condition: $a }\n", n, w); break;
            case 1: fprintf(f, "rule r%u { strings: $a = \"%.*s\" nocase $b = \"%s\" condition: $a and #b > 0 }\n", n, (int)cut, w, w2); break;
            case 2: fprintf(f, "rule r%u { strings: $a = \"%s\" wide $b = \"%s\" ascii wide nocase condition: any of them }\n", n, w, w2); break;
            case 3: fprintf(f, "rule r%u { strings: $a = \"%s\" xor(1-3) condition: $a }\n", n, w); break;
            case 4: fprintf(f, "rule r%u { strings: $a = \"%s\" base64 condition: $a }\n", n, w); break;
            case 5: fprintf(f, "rule r%u { strings: $a = \"%s\" fullword condition: not $a }\n", n, w); break;
            case 6: fprintf(f, "rule r%u { strings: $a = { 01 02 [0-4] 03 04 } $b = { DE AD ?? EF } condition: $a or $b }\n", n); break;
            case 7: fprintf(f, "rule r%u { strings: $a = { 01 02 03 [100-300] DE AD BE } condition: $a }\n", n); break;
            case 8: fprintf(f, "rule r%u { strings: $a = /(alpha|beta|g.mma)[-_ ][a-z]{3,9}/i condition: $a }\n", n); break;
            case 9: fprintf(f, "rule r%u { strings: $a = /call_[a-z]+\\(/ $b = \"%s\" condition: $a and filesize > %u or $b }\n", n, w, dice(400)); break;
            case 10: fprintf(f, "rule r%u { strings: $a = \"%s\" condition: $a at 0 }\n", n, w); break;
            case 11: fprintf(f, "rule r%u { strings: $a = \"%.2s\" $b = \"%s\" condition: #a > 2 and $b in (0..200) }\n", n, w, w2); break;
            case 12: fprintf(f, "private rule p%u { strings: $a = \"%s\" condition: $a }\nrule r%u { condition: p%u and kind == \"message\" }\n", n, w, n, n); break;
            case 13: fprintf(f, "private rule p%u { strings: $a = \"%s\" condition: $a }\nrule r%u { strings: $b = \"%s\" condition: p%u and $b }\n", n, w, n, w2, n); break;
            case 14: fprintf(f, "rule r%u { strings: $a = \"%s\" condition: for any of them : ( @ < 50 ) }\n", n, w); break;
            case 15: fprintf(f, "rule r%u { strings: $a = \"%s\" $b = \"%s\" condition: $a and not $b and math.entropy(0, filesize) > 1.0 }\n", n, w, w2); break;
            case 16: fprintf(f, "rule r%u { strings: $a = /[a-z]%c/ condition: $a }\n", n, 'a' + (int)dice(26)); break;
            case 17: fprintf(f, "rule r%u { strings: $a = { 7A ( 65 | 45 ) 74 ?1 } $b = { ?A 65 } condition: any of them }\n", n); break;
            case 18: fprintf(f, "rule r%u { strings: $a = \"%s\" condition: uint16(0) == 0x5a4d and for any i in (0..2) : ( i == 2 ) or $a }\n", n, w); break;
            case 19: fprintf(f, "rule r%u { condition: uint32be(0) == 0x01020304 and filesize > %u }\n", n, dice(100)); break;
            default: fprintf(f, "rule r%u { strings: $a = \"%s\" $b = \"%s\" condition: 2 of them and pe.number_of_sections != 77 }\n", n, w, w2); break;
            }
        }
        fclose(f);
    }
}

static void put_piece(struct buf *b)
{
    const char *w = words[dice(WORDS)];
    size_t n = strlen(w), from = dice(6) ? 0 : dice((uint32_t)n), len = dice(6) ? n - from : dice((uint32_t)(n - from)) + 1;
    unsigned how = dice(8), key = 1 + dice(3);
    static const char b64[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    for (size_t i = from; i < from + len; i++) {
        unsigned char c = (unsigned char)w[i];
        if (how == 1 && c >= 'a' && c <= 'z' && dice(2))
            c ^= 32;
        if (how == 2)
            c ^= (unsigned char)key;
        if (how == 4 && i + 2 < from + len) { /* base64 of three bytes */
            uint32_t x = (uint32_t)(unsigned char)w[i] << 16 | (uint32_t)(unsigned char)w[i + 1] << 8 | (unsigned char)w[i + 2];
            char e[4] = { b64[x >> 18], b64[x >> 12 & 63], b64[x >> 6 & 63], b64[x & 63] };
            i += 2;
            (void)!buf_put(b, e, 4);
            continue;
        }
        (void)!(buf_put(b, &c, 1) || (how == 3 && buf_put(b, "", 1)));
    }
}

static void make_text(struct buf *b)
{
    unsigned pieces = dice(7);
    buf_reset(b);
    for (unsigned i = 0; i < pieces; i++) {
        for (unsigned k = i || dice(3) ? dice(60) : 0; k > 0; k--) {
            char c = (char)(dice(4) ? 'a' + dice(26) : dice(2) ? ' ' : dice(256));
            (void)!buf_put(b, &c, 1);
        }
        put_piece(b);
    }
}

static void random_texts(unsigned rules, unsigned texts)
{
    struct yara_set s;
    struct conf_errors errs;
    struct buf b;
    char path[300];
    char *dir = scratch_rules();
    conf_errors_init(&errs);
    buf_init(&b, 1u << 20);
    write_rules(dir, rules);
    snprintf(path, sizeof path, "%s/yara", dir);
    int err = yara_load(&s, path, false, &errs);
    bool loaded = ok(err == 0 && s.gate.on, "%u rules load, the gate is on", rules * 3);
    if (!loaded) {
        conf_errors_print(&errs, stdout);
        scratch_remove(dir);
        return;
    }
    diag("%zu parts, %zu rules are always scanned, %zu pieces", s.gate.n_parts, s.gate.n_always, s.gate.atoms.n);
    memset(&run, 0, sizeof run);
    for (unsigned i = 0; i < texts; i++) {
        struct scan_facts f = { .kind = dice(2) ? STR("message") : STR("iq") };
        make_text(&b);
        if (yara_facts(&s, &f))
            exit(99);
        if (!try_text(&s, buf_str(&b)) && run.different < 4)
            diag("differs: %.*s", STR_ARG(buf_str(&b)));
    }
    ok(run.different == 0 && run.matches > texts / 4, "%u texts, %u matches: the same with and without the gate", run.texts, run.matches);
    ok(s.gate.n_parts > 0 && run.parts < (uint64_t)run.texts * s.gate.n_parts * 9 / 10, "and it does keep parts from being scanned");

    /* the comparison can fail: a gate that knows nothing */
    size_t pieces = s.gate.atoms.n_db;
    s.gate.atoms.n_db = 0;
    memset(&run, 0, sizeof run);
    for (unsigned i = 0; i < 200; i++) {
        make_text(&b);
        (void)try_text(&s, buf_str(&b));
    }
    ok(run.different > 0, "a gate that misses pieces is found out (%u of 200 texts)", run.different);
    s.gate.atoms.n_db = pieces;
    yara_clear(&s);
    buf_clear(&b);
    conf_errors_clear(&errs);
    scratch_remove(dir);
}

/* ---- the corpus ---- */

/* All .yara files below `from` in one folder, for the set is flat. */
static void collect(const char *from, const char *to)
{
    char command[16000];
    snprintf(command, sizeof command, "mkdir -p '%s/x' && if [ -f '%s' ]; then tar -xzf '%s' -C '%s/x'; else cp -r '%s/.' '%s/x/'; fi && "
        "find '%s/x' -name '*.yar*' -exec cp -t '%s/yara' {} + && rm -r '%s/x'", to, from, from, to, from, to, to, to, to);
    if (system(command))
        diag("no rules in %s", from);
}

/* Bytes that a hexadecimal string matches: nothing for a wildcard, the least of a jump, the first of some choices. */
static void put_hex(struct buf *b, const char *p)
{
    bool skip = false;
    for (; *p && *p != '}'; p++) {
        unsigned n;
        char two[3] = { p[0], p[1], 0 };
        if (*p == '|')
            skip = true;
        else if (*p == ')')
            skip = false;
        else if (*p == '[') {
            n = (unsigned)atoi(p + 1);
            for (; n > 0; n--)
                (void)!buf_put(b, "", 1);
            p = strchr(p, ']');
        } else if (strchr("0123456789ABCDEFabcdef?", *p)) {
            for (int i = 0; i < 2; i++)
                two[i] = two[i] == '?' ? '0' : two[i];
            unsigned char c = (unsigned char)strtoul(two, NULL, 16);
            p++;
            if (!skip)
                (void)!buf_put(b, &c, 1);
        }
    }
}

/* For each rule a text with all of its strings. */
static void own_strings(struct yara_set *s, const char *scratch)
{
    char path[700];
    struct dirent *e;
    struct buf text, out;
    snprintf(path, sizeof path, "%s/yara", scratch);
    DIR *d = opendir(path);
    buf_init(&text, 8u << 20);
    buf_init(&out, 8u << 20);
    while (d && (e = readdir(d))) {
        struct yara_file_text f;
        struct arena a;
        snprintf(path, sizeof path, "%s/yara/%s", scratch, e->d_name);
        FILE *in = fopen(path, "r");
        buf_reset(&text);
        for (size_t got = 1; in && got;) {
            unsigned char *room = buf_room(&text, 65536);
            got = room ? fread(room, 1, 65536, in) : 0;
            buf_added(&text, got);
        }
        if (in)
            fclose(in);
        arena_init(&a, 8u << 20);
        if (buf_put(&text, "", 1) || yara_text_read(str_c((const char *)buf_data(&text)), &a, &f))
            exit(99);
        for (size_t i = 0; i < f.n_rules; i++) {
            char *rule = strndup(f.rules[i].text.p, f.rules[i].text.n);
            buf_reset(&out);
            (void)!buf_puts(&out, STR("MZ"));
            for (char *p = rule; (p = strchr(p, '=')); p++) {
                p += strspn(p, "= \r\n\t");
                if (*p == '{')
                    put_hex(&out, p);
            }
            (void)try_text(s, buf_str(&out));
            free(rule);
        }
        arena_clear(&a);
    }
    if (d)
        closedir(d);
    buf_clear(&text);
    buf_clear(&out);
}

static void corpus(const char *dir)
{
    struct yara_set s;
    struct conf_errors errs;
    char path[4200], *line = NULL;
    size_t cap = 0;
    char *scratch = scratch_rules();
    conf_errors_init(&errs);
    snprintf(path, sizeof path, "%s/yara/reversinglabs.tar.gz", dir);
    collect(path, scratch);
    snprintf(path, sizeof path, "%s/yara", scratch);
    uint64_t t = content_now();
    int err = yara_load(&s, path, false, &errs);
    if (!ok(err == 0 && s.n_rules > 1000 && s.gate.on, "the corpus' %zu rules load, the gate is on", err ? 0 : s.n_rules)) {
        conf_errors_print(&errs, stdout);
        return;
    }
    diag("loaded in %.1f s; %zu parts, %zu rules always scanned, %zu pieces", (double)(content_now() - t) / 1e9, s.gate.n_parts, s.gate.n_always, s.gate.atoms.n);
    static const char *const files[] = { "dlp/presidio-research-sentences.jsonl", "dlp/presidio.jsonl", "stanzas/smack.jsonl" };
    memset(&run, 0, sizeof run);
    for (size_t i = 0; i < sizeof files / sizeof *files; i++) {
        snprintf(path, sizeof path, "%s/%s", dir, files[i]);
        FILE *f = fopen(path, "r");
        for (unsigned n = 0; f && n < 700 && getline(&line, &cap, f) > 0; n++)
            (void)try_text(&s, str_c(line));
        if (f)
            fclose(f);
    }
    unsigned talk = run.texts;
    uint64_t parts = run.parts;
    own_strings(&s, scratch);
    ok(talk > 1000 && run.matches > 500 && run.different == 0, "%u texts, %u matches: the same with and without the gate", run.texts, run.matches);
    ok((double)parts / talk < 1.0, "for talk and stanzas %.2f of %zu parts are scanned a text", (double)parts / talk, s.gate.n_parts);
    free(line);
    yara_clear(&s);
    conf_errors_clear(&errs);
    scratch_remove(scratch);
}

int main(void)
{
    const char *dir = getenv("LOCKGATE_CORPUS");
    seed = 20260101;
    if (yara_start())
        return 99;
    read_conditions();
    read_files();
    random_texts(20, 2000);
    random_texts(100, 600);
    if (dir)
        corpus(dir);
    yara_end();
    return done_testing();
}
