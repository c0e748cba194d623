// link: content ipc base
// libs: -lyara -lhs -licui18n -licuuc -licudata -lcrypto -lconfig -lm
/* SPDX-License-Identifier: GPL-3.0-or-later
 * The pieces of text that stand in front of the patterns: a table; no match without one, for random texts; and the shipped rules find the same with
 * every gate and without any, in their own examples and in what becomes of them when they are changed at random. From the top of the tree. */
#include <hs/hs.h>

#include "content_help.h"

#include "../../gw/content/impl.h"
#include "utf8.h"

static uint64_t seed = 20240601;
static uint32_t dice(uint32_t n)
{
    seed = seed * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
    return (uint32_t)((seed >> 33) % n);
}

/* ---- the table ---- */

/* Pieces in order of the alphabet, blanks between; "s:" by shape. */
static const struct { const char *pattern, *pieces; } rows[] = {
    { "abcxyz", "abcxyz" }, { "ABC-1", "abc-1" }, { "(?:curl|wget) [a-z]+", "curl_ wget_" }, { "ghp_[A-Za-z0-9]+", "ghp_" }, { "x?yzq", "yzq" }, { "(?:abc)?", "" }, { "(?:abc|)x*", "" },
    { "[A-Z][0-9]{5}", "s:a00000" }, { "[0-9]{2,}-[0-9]{3}", "s:00-000" }, { "[0-9]{1,3}[.][0-9]{1,3}", "s:0.0" }, { "[0-9]{40}", "s:000000000000000000000000" }, { ".*", "" }, { "[a-z]{9}", "" },
    { "(?:key|token)=[a-z]{4,}", "key= token=" }, { "a{3}:b{2,}", "aaa:bb" }, { "(?:ab){2,}z", "ababz" }, { "\\bwxq\\b", "wxq" }, { "w(?:x|y)q", "wxq wyq" }, { "(?=x)y", "" }, { "[^a]bcdq", "bcdq" },
    { "a|", "" }, { "(?:qq[0-9a-z]*)+ww", "qq" }, { "\\x2d[a-z]{2}\\d", "s:-aa0" }, { "@[a-z]+", "@" }, { "(*UTF8)qzq", "" }, { "qzq\\Zwxq", "" }, { "\\Aqzq", "" }, { "http://[a-z]+zq", "zq" },
};

static int by_text(const void *a, const void *b) { return strcmp(a, b); }

static void table(void)
{
    struct factors *f = calloc(1, sizeof *f);
    struct arena a;
    arena_init(&a, 1u << 20);
    for (size_t i = 0; f && i < sizeof rows / sizeof *rows; i++) {
        char text[FACTORS_MAX][FACTOR_LENGTH_MAX + 1] = { 0 }, all[400] = "";
        if (factors_of_tree(tree_read(str_c(rows[i].pattern), true, &a), true, f))
            exit(99);
        for (size_t k = 0; k < f->n; k++)
            for (size_t n = 0; n < f->v[k].n; n++)
                text[k][n] = f->v[k].p[n] == ' ' ? '_' : f->v[k].p[n];
        qsort(text, f->n, sizeof *text, by_text);
        for (size_t k = 0; k < f->n && strlen(all) < 300; k++)
            sprintf(all + strlen(all), "%s%s", k ? " " : f->reading == FACTOR_SHAPE ? "s:" : "", text[k]);
        if (!ok(strcmp(all, rows[i].pieces) == 0, "%s: %s", rows[i].pattern, *rows[i].pieces ? rows[i].pieces : "nothing to look for"))
            diag("got %s", all);
    }
    arena_clear(&a);
    free(f);
}

/* ---- no match without a piece ---- */

static const char *const patterns[] = { "a[0-9]{2}[a-c ]?[0-9]", "(?:1[0-9]|ab){2}", "[ab]{3}[0-9]+", "\\d+:\\d+", "[^0-9]{2}1a", "a?b?c{2}:", "(?:[0-9]{2}[ :]){2}[0-9]", "(?:a|1){3}x", "[:]{1,2}[0-9]{1,3}",
    "x1{2}|[ab]{3}:|cab", "(?:x[0-9]*)+:a", "(?:a(?:b|c[0-9])?){2}:", "[a-c][0-9]{1,2}(?:: | x){1,2}", "(?:[0-9][ :]?){4,}x", "b(?:1|22|333)?c", "c{1,3}:{2}|0:0", "A[bc]X", "\\S:[0-2]+" };

struct finding { const struct factors *f; const char *text; bool bad; unsigned matches; };
static int on_match(unsigned id, unsigned long long from, unsigned long long to, unsigned flags, void *user)
{
    struct finding *x = user;
    char shapes[64], plain[64];
    (void)id;
    (void)flags;
    size_t n = (size_t)(to - from);
    (void)measure_text((struct str){ x->text + from, n }, shapes);
    for (size_t i = 0; i < n; i++) {
        char c = x->text[from + i];
        plain[i] = c >= 'A' && c <= 'Z' ? (char)(c | 32) : c;
    }
    bool any = false;
    for (size_t k = 0; k < x->f->n && !any; k++)
        any = memmem(x->f->reading == FACTOR_SHAPE ? shapes : plain, n, x->f->v[k].p, x->f->v[k].n) != NULL;
    x->bad |= !any && x->f->n;
    x->matches++;
    return 0;
}

static void random_texts(void)
{
    static const char alphabet[] = "0123abcAxX :1b: 2";
    struct factors *f = calloc(1, sizeof *f);
    struct arena a;
    unsigned known = 0;
    arena_init(&a, 1u << 20);
    for (size_t i = 0; f && i < sizeof patterns / sizeof *patterns; i++) {
        bool caseless = i & 1;
        hs_database_t *db = NULL;
        hs_scratch_t *scratch = NULL;
        hs_compile_error_t *e = NULL;
        if (factors_of_tree(tree_read(str_c(patterns[i]), caseless, &a), true, f))
            exit(99);
        struct finding x = { .f = f };
        if (hs_compile(patterns[i], HS_FLAG_SOM_LEFTMOST | (caseless ? HS_FLAG_CASELESS : 0), HS_MODE_BLOCK, NULL, &db, &e) || hs_alloc_scratch(db, &scratch)) {
            ok(false, "%s compiles", patterns[i]);
            continue;
        }
        for (unsigned k = 0; k < 5000; k++) {
            char text[32];
            for (size_t n = 0; n < sizeof text; n++)
                text[n] = alphabet[dice(sizeof alphabet - 1)];
            x.text = text;
            hs_scan(db, text, sizeof text, 0, scratch, on_match, &x);
        }
        known += f->n > 0;
        ok(!x.bad && x.matches, "%s: each of %u matches holds one of %zu pieces", patterns[i], x.matches, f->n);
        hs_free_scratch(scratch);
        hs_free_database(db);
    }
    ok(known * 2 > sizeof patterns / sizeof *patterns, "most of them have pieces (%u)", known);
    arena_clear(&a);
    free(f);
}

/* ---- the same with and without ---- */

static struct { unsigned texts, different, matches; } run;

static const char *scan(struct content *c, struct str text, bool gates, struct arena *a)
{
    struct scan_segment segs[] = { { .group = 1, .attr = UINT32_MAX, .place = SCAN_AT_BODY, .text = text },
        { .group = 2, .attr = UINT32_MAX, .place = SCAN_AT_THREAD, .text = { text.p, text.n / 2 } } };
    struct scan_request r = { .segments = segs, .n_segments = 1 + text.n % 2, .facts = { .direction = STR("high-to-low"), .kind = STR("message") }, .rebuilt = text };
    struct scan_result result;
    for (size_t i = 0; i < 2; i++) /* not into the middle of a character */
        while (segs[1].text.n && ((unsigned char)text.p[segs[1].text.n] & 0xc0) == 0x80)
            segs[1].text.n--;
    c->dlp.no_gate = !gates;
    c->stanza.gate.on = gates;
    arena_reset(a);
    if (content_scan(c, &r, a, &result))
        exit(99);
    if (!gates)
        run.matches += (unsigned)result.n_matches;
    return result.status == SCAN_DONE ? result_text(&result) : "unknown";
}

static void try_text(struct content *c, struct str text, struct arena *a)
{
    char *with = strdup(scan(c, text, true, a));
    const char *without = scan(c, text, false, a);
    run.texts++;
    if (strcmp(with, without) != 0 && run.different++ < 4)
        diag("%.*s\n#  with gates: %s\n#  without:    %s", STR_ARG(text), with, without);
    free(with);
}

/* Characters exchanged, doubled, taken out, turned into their neighbours or into the other case. */
static struct str change(const char *from, char *to, size_t size)
{
    static const char rare[] = " .-/:_,;()+=~\n\t@0O1lI5S$";
    size_t n = 0;
    for (const char *p = from; *p && n + 2 < size; p++) {
        bool ascii = (unsigned char)*p < 0x80, letter = ascii && (*p | 32) >= 'a' && (*p | 32) <= 'z';
        switch (ascii ? dice(24) : 23) {
        case 0: continue;
        case 1: to[n++] = *p; to[n++] = *p; continue;
        case 2: to[n++] = rare[dice(sizeof rare - 1)]; continue;
        case 3: to[n++] = letter ? *p ^ 32 : *p; continue;
        case 4: to[n++] = *p >= '0' && *p <= '8' ? *p + 1 : *p; continue;
        case 5: to[n++] = *p; to[n++] = rare[dice(sizeof rare - 1)]; continue;
        default: to[n++] = *p;
        }
    }
    to[n] = 0;
    return (struct str){ to, n };
}

/* What many patterns are demanded by: names of things in hexadecimal, and examples of many detectors in a row. */
static const char *const ids[] = { "8f14e45f-ceea-467a-9575-6a2b0c8d71e3", "e0ffe42b28561960c6b12b944a092794b9683a38",
    "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08", "id 8f14e45fceea467a95756a2b0c8d71e3 and e0ffe42b28561960c6b12b944a092794b9683a38, key: 9F86D081884C7D659A2F",
    "AKIAIOSFODNN7EXAMPLE0 0123456789abcdef0123456789abcdef ZZ12345678 AB1234567C 12-34567-89 A12345678 x9y8z7w6v5u4t3s2r1q0p9o8n7m6l5k4j3i2h1g0" };

static void many_patterns(struct content *c, struct arena *a)
{
    char text[4000], changed[4000];
    for (size_t i = 0; i < sizeof ids / sizeof *ids; i++)
        for (unsigned n = 0; n < 60; n++)
            try_text(c, n ? change(ids[i], changed, sizeof changed) : str_c(ids[i]), a);
    for (size_t k = 0; k + 8 <= c->dlp.n; k += 4) {
        size_t n = 0;
        for (size_t d = k; d < k + 8; d++)
            for (size_t i = 0; i < c->dlp.v[d]->match.n && n + strlen(c->dlp.v[d]->match.v[i]) + 2 < sizeof text && i < 2; i++)
                n += (size_t)sprintf(text + n, "%s ", c->dlp.v[d]->match.v[i]);
        try_text(c, (struct str){ text, n }, a);
    }
}

/* Between other numbers and runs of letters, near and far, of more places than are noted and of fewer: only parts of such a text are looked at. */
static struct str amid(const char *what, char *to, size_t size)
{
    static const char near[] = "0123456789-_ .AZaz/+\n\0";
    size_t n = 0, places = dice(4) ? dice(5) : 14 + dice(4), at = dice((unsigned)places + 1);
    for (size_t i = 0; i <= places && n + strlen(what) + 200 < size; i++) {
        for (unsigned k = dice(3) ? dice(90) : dice(12); k > 0; k--)
            to[n++] = dice(9) ? (char)('a' + dice(26)) : ' ';
        for (unsigned k = dice(6); k > 0; k--)
            to[n++] = near[dice(sizeof near - 1)];
        if (i == at)
            n += (size_t)sprintf(to + n, "%s", what);
        for (unsigned k = dice(3); k > 0; k--)
            to[n++] = near[dice(sizeof near - 1)];
    }
    return (struct str){ to, n };
}

static void shipped_rules(void)
{
    struct content *c = NULL;
    struct conf_errors errs;
    struct arena a;
    char text[700], both[1400], long_text[4000];
    conf_errors_init(&errs);
    arena_init(&a, 4u << 20);
    if (!ok(content_load("rules", &c, &errs) == 0 && c->stanza.gate.on, "rules/ loads"))
        return;
    size_t with = 0, all = 0;
    for (size_t g = 0; g < FIND_GROUPS; g++) {
        with += c->dlp.find[g].n_factor;
        all += c->dlp.find[g].n;
    }
    ok(with * 10 > all * 8, "of %zu patterns, %zu have pieces to look for", all, with);
    const char *before = "";
    for (size_t k = 0; k < c->dlp.n; k++)
        for (int clean = 0; clean < 2; clean++) {
            const struct conf_strings *list = clean ? &c->dlp.v[k]->clean : &c->dlp.v[k]->match;
            for (size_t i = 0; i < list->n; i++) {
                try_text(c, str_c(list->v[i]), &a);
                for (unsigned n = 0; n < 4; n++)
                    try_text(c, change(list->v[i], text, sizeof text), &a);
                snprintf(both, sizeof both, "%.600s %.600s", before, list->v[i]);
                try_text(c, utf8_valid(str_c(both)) ? change(both, text, sizeof text) : str_c(list->v[i]), &a);
                for (unsigned n = 0; n < 4; n++)
                    try_text(c, amid(n % 2 ? list->v[i] : change(list->v[i], text, sizeof text - 1).n ? text : "", long_text, sizeof long_text), &a);
                before = list->v[i];
            }
        }
    ok(run.different == 0 && run.matches > run.texts / 8, "%u texts, %u matches: the same with the gates and without", run.texts, run.matches);

    unsigned before_many = run.matches;
    many_patterns(c, &a);
    ok(run.different == 0 && run.matches > before_many + 100, "the same where many patterns are run, %u matches", run.matches - before_many);

    /* the comparison can fail: pieces are looked for and never found */
    memset(&run, 0, sizeof run);
    size_t pieces = c->dlp.keys[FACTOR_PLAIN].n;
    c->dlp.keys[FACTOR_PLAIN].n = 0;
    for (size_t k = 0; k < c->dlp.n && run.different == 0; k++)
        for (size_t i = 0; i < c->dlp.v[k]->match.n; i++)
            if (strcmp(scan(c, str_c(c->dlp.v[k]->match.v[i]), true, &a), "") == 0)
                run.different++;
    ok(run.different > 0, "pieces that are missed are found out");
    c->dlp.keys[FACTOR_PLAIN].n = pieces;
    content_free(c);
    conf_errors_clear(&errs);
    arena_clear(&a);
}

int main(void)
{
    table();
    random_texts();
    shipped_rules();
    return done_testing();
}
