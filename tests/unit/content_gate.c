// link: content ipc base
// libs: -lyara -lhs -licui18n -licuuc -licudata -lcrypto -lconfig -lm
/* SPDX-License-Identifier: GPL-3.0-or-later
 * What is read off a pattern is never more than a match holds: a table, and every pattern against random texts that Hyperscan says match. */
#include <ctype.h>
#include <hs/hs.h>

#include "content_help.h"

#include "../../gw/content/dlp_gate.h"

static struct arena trees;
static struct gate gate_of_pattern(const char *pattern)
{
    return gate_of_tree(tree_read(str_c(pattern), false, &trees));
}

static const struct { const char *pattern; uint32_t digits, token; } rows[] = {
    { "abc", 0, 3 }, { "[0-9]{4}", 4, 4 }, { "\\d\\d?", 1, 1 }, { "\\d{2,}x", 2, 3 }, { "[0-9]+-[0-9]+", 2, 3 }, { "a b", 0, 0 }, { "a\\sb", 0, 0 }, { "[ -]?[0-9]", 1, 0 },
    { "(?:12|345)x", 2, 3 }, { "(?:12|ab)x", 0, 3 }, { "(?:[0-9]{2}-){3}", 6, 9 }, { "[0-9a-f]{6}", 0, 6 }, { "[^ ]{6}", 0, 0 }, { "\\S{6}", 0, 6 }, { ".{6}", 0, 0 },
    { "x{3}?", 0, 3 }, { "x*y", 0, 1 }, { "\\x41{3}", 0, 3 }, { "\\x20a", 0, 0 }, { "[\\x41-\\x43]{2}", 0, 2 }, { "[\\s\\d]{4}", 0, 0 }, { "[]a]{3}", 0, 3 }, { "[a-]{3}", 0, 3 },
    { "\\bword\\b", 0, 4 }, { "^ab$", 0, 2 }, { "(?i)abc", 0, 0 }, { "(?=ab)c", 0, 0 }, { "a|", 0, 0 }, { "[[:digit:]]{3}", 0, 0 }, { "\\p{L}{5}", 0, 0 }, { "a{", 0, 0 }, { "(a", 0, 0 },
    { "a)", 0, 0 }, { "[1-478][0-9]{2}[ .-]?[0-9]", 4, 0 }, { "ghp_[A-Za-z0-9]+", 0, 5 }, { "(?:a{2}){3}", 0, 6 }, { "[0-9]{3}(?:[ -][0-9]{2}){2,4}", 7, 0 },
};
static const char *const patterns[] = { "[0-9]{2}[a-c ]?[0-9]", "(?:1[0-9]|ab){2}", "[ab]{3}[0-9]*", "\\d+:\\d+", "[^0-9]{2}1", "a?b?c{2}", "(?:[0-9]{2}[ :]){2}[0-9]", "[a-c0-9]{4}",
    "\\S{4}", "(?:a|1){3}", "[:]{1,2}[0-9]{1,3}", "x|1{2}|[ab]{3}", "[a-c0-9]{8}", "[ab][0-9]{2}[a-c0-9]{6,}", "(?:[a-c0-9]{4}){2}" };

struct seen { struct measure m; struct gate g; bool bad; const char *text; };
static int on_match(unsigned id, unsigned long long from, unsigned long long to, unsigned flags, void *user)
{
    struct seen *s = user;
    struct measure inside = measure_text((struct str){ s->text + from, (size_t)(to - from) }, NULL);
    (void)id;
    (void)flags;
    s->bad |= s->m.digits < s->g.digits || s->m.token < s->g.token || s->m.near < s->g.digits || inside.digits < s->g.digits || inside.token < s->g.token || !gate_run_ok(&s->g, &s->m);
    return 0;
}

static void random_texts(void)
{
    static const char alphabet[] = "0123456789abc :x";
    uint32_t seed = 12345;
    for (size_t i = 0; i < sizeof patterns / sizeof *patterns; i++) {
        hs_database_t *db = NULL;
        hs_scratch_t *scratch = NULL;
        hs_compile_error_t *e = NULL;
        struct seen s = { .g = gate_of_pattern(patterns[i]) };
        unsigned matched = 0;
        if (hs_compile(patterns[i], HS_FLAG_SOM_LEFTMOST, HS_MODE_BLOCK, NULL, &db, &e) || hs_alloc_scratch(db, &scratch)) {
            ok(false, "%s compiles", patterns[i]);
            continue;
        }
        for (unsigned k = 0; k < 3000; k++) {
            char text[24];
            size_t n = 0;
            for (; n < 23; n++) {
                seed = seed * 1664525u + 1013904223u;
                text[n] = alphabet[seed >> 28];
            }
            text[n] = 0;
            s.text = text;
            s.m = measure_text((struct str){ text, n }, NULL);
            hs_scan(db, text, (unsigned)n, 0, scratch, on_match, &s);
            matched++;
        }
        ok(!s.bad && matched, "%s: demands %u digits, %u unbroken, and no match has less", patterns[i], s.g.digits, s.g.token);
        hs_free_scratch(scratch);
        hs_free_database(db);
    }
}

/* ---- parts of a text ---- */

static const char *const in_parts[] = { "[0-9]{2}[a-c ]?[0-9]", "\\b[0-9]{3}\\b", "^[ab]{0,6}[0-9]{2}", "[0-9][a-c]{2,9}$", "\\B[0-9]{2}\\B", "[0-9]{1,4}[a-c]", "[a-c0-9]{8,12}", "\\b[a-c0-9]{10}\\b",
    "^[a-c0-9]{9,}$", "[ab]{1,3}[0-9](?: ?[0-9]){3}", "[a-c0-9-]{9}[0-9]", "(?:[0-9]{1,2}[ :]){2}[0-9]", "[0-9](?:[a-c ]{1,12}[0-9]){2}" };
struct found { uint64_t at[4096]; size_t n, offset; struct str text; bool apart; /* nothing may touch a match */ };
static bool splits(struct str s, size_t at)
{
    return at > 0 && at < s.n && isalnum((unsigned char)s.p[at - 1]) && isalnum((unsigned char)s.p[at]);
}

static int on_found(unsigned id, unsigned long long from, unsigned long long to, unsigned flags, void *user)
{
    struct found *f = user;
    (void)id;
    (void)flags;
    if (f->apart && (splits(f->text, from + f->offset) || splits(f->text, to + f->offset)))
        return 0;
    if (f->n < sizeof f->at / sizeof *f->at)
        f->at[f->n++] = (from + f->offset) << 32 | (to + f->offset);
    return 0;
}

static int by_place(const void *a, const void *b)
{
    return *(const uint64_t *)a < *(const uint64_t *)b ? -1 : *(const uint64_t *)a > *(const uint64_t *)b;
}

static uint32_t next(uint32_t n)
{
    static uint32_t seed = 99;
    seed = seed * 1664525u + 1013904223u;
    return (uint32_t)((uint64_t)seed * n >> 32);
}

/* Letters, and here and there digits; sometimes more places of digits than are noted. */
static size_t scatter(char *text, size_t size)
{
    static const char alphabet[] = "abcabcabcx- :\n";
    size_t n = 20 + next((uint32_t)size - 20);
    uint32_t often = next(4) ? 40 : 6;
    for (size_t i = 0; i < n; i++)
        text[i] = i && text[i - 1] >= '0' && text[i - 1] <= '9' && next(often > 20 ? 5 : 2) ? (char)('0' + next(10)) : next(often) ? alphabet[next(sizeof alphabet - 1)] : (char)('0' + next(10));
    return n;
}

static void parts_of_texts(bool apart)
{
    static struct found whole, some;
    size_t all_looked = 0, all_bytes = 0, all_matches = 0;
    for (size_t i = 0; i < sizeof in_parts / sizeof *in_parts; i++) {
        hs_database_t *db = NULL;
        hs_scratch_t *scratch = NULL;
        hs_compile_error_t *e = NULL;
        hs_expr_info_t *info = NULL;
        struct gate g = gate_of_pattern(in_parts[i]);
        size_t texts = 0, matches = 0, looked = 0, bytes = 0;
        if (hs_compile(in_parts[i], HS_FLAG_SOM_LEFTMOST | HS_FLAG_MULTILINE, HS_MODE_BLOCK, NULL, &db, &e) || hs_alloc_scratch(db, &scratch) ||
            hs_expression_info(in_parts[i], HS_FLAG_SOM_LEFTMOST | HS_FLAG_MULTILINE, &info, &e)) {
            ok(false, "%s compiles", in_parts[i]);
            continue;
        }
        g.width = info->max_width < 1000 ? info->max_width : 0;
        g.longest = apart ? g.width : 0;
        bool same = true;
        for (; same && texts < 4000; texts++) {
            char text[400];
            struct part parts[PLACES_MAX];
            size_t n = scatter(text, sizeof text);
            struct measure m = measure_text((struct str){ text, n }, NULL);
            size_t n_parts = gate_parts(&g, &m, n, parts);
            whole.n = some.n = whole.offset = 0;
            whole.text = some.text = (struct str){ text, n };
            whole.apart = some.apart = apart;
            hs_scan(db, text, (unsigned)n, 0, scratch, on_found, &whole);
            for (size_t k = 0; k < n_parts; k++) {
                some.offset = parts[k].from;
                looked += parts[k].to - parts[k].from;
                hs_scan(db, text + parts[k].from, parts[k].to - parts[k].from, 0, scratch, on_found, &some);
            }
            qsort(whole.at, whole.n, sizeof *whole.at, by_place);
            qsort(some.at, some.n, sizeof *some.at, by_place);
            same = whole.n == some.n && memcmp(whole.at, some.at, some.n * sizeof *some.at) == 0;
            matches += whole.n;
            bytes += n;
            if (!same)
                diag("in the whole %zu, in %zu parts %zu: %.*s", whole.n, n_parts, some.n, (int)n, text);
        }
        ok(same && (apart || matches > 5) && looked < bytes, "%s%s: %zu matches in %zu texts, the same in parts (%zu of %zu bytes)", in_parts[i], apart ? ", touched by nothing" : "", matches,
            texts, looked, bytes);
        all_looked += looked;
        all_bytes += bytes;
        all_matches += matches;
        free(info);
        hs_free_scratch(scratch);
        hs_free_database(db);
    }
    ok(all_matches > 5000 && all_looked < all_bytes / 10 * 6, "%zu matches, %zu of %zu bytes are looked at", all_matches, all_looked, all_bytes);
}

int main(void)
{
    arena_init(&trees, 1u << 20);
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct gate g = gate_of_pattern(rows[i].pattern);
        if (!ok(g.digits == rows[i].digits && g.token == rows[i].token, "%s", rows[i].pattern))
            diag("got %u digits, %u unbroken", g.digits, g.token);
    }
    struct measure m = measure_text(STR("at 14:30 in 2026\nlongest-stretch-here"), NULL);
    ok(m.digits == 8 && m.token == 20 && m.near == 8, "a text is measured");
    char far[300];
    memset(far, 'x', sizeof far);
    far[0] = far[100] = far[101] = far[299] = '7';
    m = measure_text((struct str){ far, sizeof far }, NULL);
    ok(m.digits == 4 && m.near == 2 && m.token == 300, "digits far apart are not near");
    memset(far, '7', sizeof far);
    m = measure_text((struct str){ far, sizeof far }, NULL);
    ok(m.digits == 300 && m.near == GATE_WINDOW, "more digits than the window holds");
    char shapes[40];
    struct str mixed = STR("ab+CD=1234 x0123456789 z9y8x7w6");
    m = measure_text(mixed, shapes);
    ok(m.run[RUN_TOKEN][0] == 11 && m.run[RUN_ALNUM][0] == 11 && m.run[RUN_ALNUM][5] == 11 && m.run[RUN_ALNUM][11] == 0 && m.run[RUN_TOKEN][4] == 11, "runs are measured");
    ok(memcmp(shapes, "aa+aa=0000 a0000000000 a0a0a0a0", mixed.n) == 0 && m.first_digit == 6 && m.last_digit == 30, "and shapes");
    ok(gate_of_pattern("[0-9a-f]{3}x?").alnum == 3 && gate_of_pattern("[0-9]{3} ?x").alnum == 0 && gate_of_pattern("a|").alnum == 0, "letters and digits alone");
    ok(gate_lengths(3, 5) == 0x38 && gate_lengths(62, 70) == UINT64_C(3) << 62 && gate_lengths(5, 3) == 0 && gate_lengths(0, UINT32_MAX) == UINT64_MAX, "lengths as bits");
    m = measure_text(STR("ab12 x-1234567 9 abcdefghi\xc3\xa9z8"), NULL);
    ok(m.whole[0] == (1u << 0 | 1u << 1 | 1u << 2 | 1u << 4 | 1u << 7 | 1u << 9) && m.whole[1] == (1u << 1 | 1u << 2 | 1u << 4 | 1u << 7) && m.whole[3] == 1u << 7 && m.whole[8] == 0,
        "whole runs are measured");
    struct gate g = { .whole = gate_lengths(5, 7), .whole_digits = 7 };
    bool good = gate_run_ok(&g, &m);
    g.whole_digits = 8;
    good &= !gate_run_ok(&g, &m);
    g = (struct gate){ .whole = gate_lengths(5, 6) };
    ok(good && !gate_run_ok(&g, &m), "a run of the right length, with enough digits, or the pattern is not run");
    random_texts();
    parts_of_texts(false);
    parts_of_texts(true);
    arena_clear(&trees);
    return done_testing();
}
