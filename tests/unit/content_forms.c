// link: content ipc base
// libs: -lyara -lhs -licui18n -licuuc -licudata -lcrypto -lconfig -lm
/* SPDX-License-Identifier: GPL-3.0-or-later
 * Normal form, its way back, what is said about ignored characters; escapes and encoded tokens with theirs; the text put together. */
#include "content_help.h"

#include "../../gw/content/impl.h"

/* span: bytes [from, to) of the normal form lead back to this piece of the original. */
static const struct { const char *name, *text, *normal; size_t from, to; const char *original; } folds[] = {
    { "ASCII keeps its case", "Hello, World 42", "Hello, World 42", 0, 5, "Hello" },
    { "full-width", "\xef\xbc\xa1\xef\xbd\x82\xef\xbc\x91", "Ab1", 1, 2, "\xef\xbd\x82" },
    { "ligature", "o\xef\xac\x81x", "ofix", 1, 3, "\xef\xac\x81" },
    { "accent on its letter", "caf\xc3\xa9!", "cafe!", 3, 4, "\xc3\xa9" },
    { "accent behind its letter goes with it", "cafe\xcc\x81!", "cafe!", 3, 4, "e\xcc\x81" },
    { "zero-width goes with what is before it", "a\xe2\x80\x8b" "b", "ab", 0, 1, "a\xe2\x80\x8b" },
    { "Cyrillic look-alikes", "\xd0\xa1\xd0\x9e\xd0\xa0", "COP", 0, 3, "\xd0\xa1\xd0\x9e\xd0\xa0" },
    { "Greek capital iota is I", "\xce\x99", "I", 0, 1, "\xce\x99" },
    { "Cyrillic word is folded", "\xd0\x94\xd0\x9b\xd0\xaf", "\xd0\xb4\xd0\xbb\xd1\x8f", 0, 2, "\xd0\x94" },
    { "Devanagari digits", "\xe0\xa5\xaa\xe0\xa5\xa8", "42", 0, 1, "\xe0\xa5\xaa" },
    { "dashes and spaces", "a\xe2\x80\x94" "b\xc2\xa0" "c", "a-b c", 1, 2, "\xe2\x80\x94" },
    { "degree sign stays", "48\xc2\xb0", "48\xc2\xb0", 2, 4, "\xc2\xb0" },
    { "keycap", "4\xef\xb8\x8f\xe2\x83\xa3", "4", 0, 1, "4\xef\xb8\x8f\xe2\x83\xa3" },
    { "CJK stays", "\xe7\xb5\xb6\xe5\xaf\x86", "\xe7\xb5\xb6\xe5\xaf\x86", 0, 3, "\xe7\xb5\xb6" },
    { "Hebrew points stay, since they are its own script's", "\xd7\x91\xd6\xbc", "\xd7\x91\xd6\xbc", 0, 2, "\xd7\x91" },
};

static void test_folds(struct fold *f)
{
    struct mapped out;
    mapped_init(&out);
    for (size_t i = 0; i < sizeof folds / sizeof *folds; i++) {
        struct view in = { .text = str_c(folds[i].text) };
        uint32_t a = 0, b = 0;
        bool good = fold_text(f, &in, &out, NULL) == 0;
        struct view v = mapped_view(&out);
        if (!ok(good && str_eq(v.text, str_c(folds[i].normal)), "normal form: %s", folds[i].name))
            diag("got '%.*s'", STR_ARG(v.text));
        view_span(&v, folds[i].from, folds[i].to, &a, &b);
        if (!ok(a != NO_SPAN && str_eq((struct str){ folds[i].text + a, b - a }, str_c(folds[i].original)), "way back: %s", folds[i].name))
            diag("got %u..%u", a, b);
    }
    mapped_clear(&out);
}

/* Notes as "name:bytes" in order. */
static const struct { const char *name, *text, *notes; } notes[] = {
    { "none in ASCII", "plain", "" }, { "none in accents", "\xc3\xa9t\xc3\xa9 e\xcc\x81", "" }, { "zero-width space", "a\xe2\x80\x8b" "b", "invisible:3" },
    { "soft hyphen", "a\xc2\xad" "b", "invisible:2" }, { "override", "\xe2\x80\xae" "abc", "bidi:3" }, { "direction mark", "a\xe2\x80\x8f", "bidi-mark:3" },
    { "family emoji is proper", "\xf0\x9f\x91\xa9\xe2\x80\x8d\xf0\x9f\x91\xa7", "" }, { "with a skin tone too", "\xf0\x9f\x91\xa9\xf0\x9f\x8f\xbd\xe2\x80\x8d\xf0\x9f\x9a\x80", "" },
    { "joiner between letters is not", "a\xe2\x80\x8d" "b", "invisible:3" }, { "emoji selector is proper", "\xe2\x9d\xa4\xef\xb8\x8f", "" },
    { "a second one is not", "\xe2\x9d\xa4\xef\xb8\x8f\xef\xb8\x8f", "invisible:3" }, { "selector behind a letter is not", "a\xef\xb8\x8f", "invisible:3" },
    { "joiner behind a virama is proper", "\xe0\xa4\x95\xe0\xa5\x8d\xe2\x80\x8d", "" }, { "Persian non-joiner is proper", "\xd9\x85\xdb\x8c\xe2\x80\x8c\xd8\xae", "" },
    { "flag of England is proper", "\xf0\x9f\x8f\xb4\xf3\xa0\x81\xa7\xf3\xa0\x81\xa2\xf3\xa0\x81\xa5\xf3\xa0\x81\xae\xf3\xa0\x81\xa7\xf3\xa0\x81\xbf", "" },
    { "other tags are not", "a\xf3\xa0\x81\x81\xf3\xa0\x81\x82", "tag:8" }, { "stroke", "a\xcc\xb6", "overlay:2" },
    { "five accents", "a\xcc\x81\xcc\x81\xcc\x81\xcc\x81\xcc\x81", "stacked-marks:2" },
};

static void test_notes(struct fold *f)
{
    struct mapped out;
    mapped_init(&out);
    for (size_t i = 0; i < sizeof notes / sizeof *notes; i++) {
        struct view in = { .text = str_c(notes[i].text) };
        struct hits h;
        char got[200] = "";
        hits_init(&h);
        bool good = fold_text(f, &in, &out, &h) == 0;
        /* neighbours count as one here, as they do when hits are joined into spans that touch */
        for (size_t k = 0; k < h.n; k++) {
            uint32_t end = h.v[k].end;
            while (k + 1 < h.n && h.v[k + 1].start == end && strcmp(h.v[k + 1].rule, h.v[k].rule) == 0)
                end = h.v[++k].end;
            uint32_t start = h.v[k].start;
            for (size_t m = k; m-- > 0 && h.v[m].end == h.v[m + 1].start && strcmp(h.v[m].rule, h.v[k].rule) == 0;)
                start = h.v[m].start;
            snprintf(got + strlen(got), sizeof got - strlen(got), "%s%s:%u", got[0] ? " " : "", h.v[k].rule, end - start);
        }
        if (!ok(good && strcmp(got, notes[i].notes) == 0, "ignored characters: %s", notes[i].name))
            diag("got '%s'", got);
        hits_clear(&h);
    }
    mapped_clear(&out);
}

static const struct { const char *name, *text, *plain; } escapes[] = {
    { "percent", "a%41%42c", "aABc" }, { "percent UTF-8", "%C3%A9", "\xc3\xa9" }, { "percent, broken UTF-8", "%C3x", " x" }, { "a lone percent sign", "100% sure", NULL },
    { "decimal entity", "&#65;&#066;", "AB" }, { "hexadecimal entity", "&#x41;", "A" }, { "entity without semicolon", "&#65 x", "A x" }, { "named entities", "a &amp;&lt;&commat;", "a &<@" },
    { "unknown entity", "AT&T &nothing;", NULL }, { "\\u", "\\u0041\\u00e9", "A\xc3\xa9" }, { "\\u pair", "\\ud83d\\ude00", "\xf0\x9f\x98\x80" }, { "\\x", "\\x41\\x42", "AB" },
    { "octal", "\\101", "A" }, { "quoted-printable", "=41=42=43", "ABC" }, { "an equals sign with two digits", "id=34", NULL }, { "control characters become blanks", "%00%1F", "  " },
    { "no escape", "nothing here", NULL },
};

static void test_escapes(void)
{
    struct mapped out;
    mapped_init(&out);
    for (size_t i = 0; i < sizeof escapes / sizeof *escapes; i++) {
        struct view in = { .text = str_c(escapes[i].text) };
        bool any = false;
        bool good = open_escapes(&in, &out, &any) == 0 && any == (escapes[i].plain != NULL) && (!any || str_eq(buf_str(&out.text), str_c(escapes[i].plain)));
        if (!ok(good, "escapes: %s", escapes[i].name))
            diag("got '%.*s'", STR_ARG(buf_str(&out.text)));
    }
    struct view in = { .text = STR("ab%43d") };
    bool any;
    uint32_t a, b;
    ok(open_escapes(&in, &out, &any) == 0, "escapes: opened");
    struct view v = mapped_view(&out);
    view_span(&v, 2, 3, &a, &b);
    ok(a == 2 && b == 5, "escapes: way back is the escape alone");
    /* at each place of a text that is passed over in large steps */
    bool each = true;
    for (size_t at = 0; at < 48; at++) {
        char text[52];
        memset(text, 'x', sizeof text);
        memcpy(text + at, "%43", 3);
        in.text = (struct str){ text, sizeof text };
        each &= open_escapes(&in, &out, &any) == 0 && any && buf_size(&out.text) == sizeof text - 2 && buf_str(&out.text).p[at] == 'C';
        text[at] = '&';
        each &= open_escapes(&in, &out, &any) == 0 && !any;
    }
    ok(each, "escapes: found at each place");
    mapped_clear(&out);
}

/* Letters alone are read in two ways, and both say the same of ASCII. */
static void test_letters(void)
{
    static const char some[] = "rnvvrnv mw1l!|0oO-.";
    struct mapped out;
    struct buf quick;
    struct str got;
    unsigned wrong = 0;
    uint32_t seed = 4711;
    mapped_init(&out);
    buf_init(&quick, 1 << 16);
    for (unsigned k = 0; k < 5000; k++) {
        char text[24];
        size_t n = k % sizeof text;
        for (size_t i = 0; i < n; i++) {
            seed = seed * 1664525u + 1013904223u;
            text[i] = some[(seed >> 16) % (sizeof some - 1)];
        }
        struct view in = { .text = { text, n } };
        if (!n)
            continue;
        wrong += !dlp_letters_ascii(in.text, &quick, &got) || dlp_letters(&in, &out) || !str_eq(got, buf_str(&out.text));
    }
    ok(wrong == 0, "letters alone: with the way back and without, the same");
    mapped_clear(&out);
    buf_clear(&quick);
}

static const struct { const char *name, *text, *inside; } tokens[] = {
    { "base64", "x SGVsbG8gV29ybGQ= y", "Hello World" }, { "base64url", "_-_-SGVsbG8gV29ybGQ", "Hello World" }, { "hexadecimal", "48656c6c6f20576f726c64", "Hello World" },
    { "hexadecimal, odd front", "a48656c6c6f20576f726c64", "Hello World" }, { "UTF-16", "SABlAGwAbABvACAAVwBvAHIAbABkAA==", "Hello World" }, { "base32", "JBSWY3DPEBLW64TMMQ", "Hello World" },
    { "words are none", "the international organisation understands", NULL }, { "a number is none", "4111111111111111", NULL },
};

static void test_tokens(void)
{
    struct mapped out;
    static struct opened_list list;
    mapped_init(&out);
    buf_init(&list.bytes, 1u << 20);
    for (size_t i = 0; i < sizeof tokens / sizeof *tokens; i++) {
        struct view in = { .text = str_c(tokens[i].text) };
        struct measure m = measure_text(in.text, NULL);
        bool good = open_tokens(&in, &m, &out, &list) == 0;
        opened_to_text(&out, &list);
        struct str s = buf_str(&out.text);
        bool there = tokens[i].inside && s.n && memmem(s.p, s.n, tokens[i].inside, strlen(tokens[i].inside));
        if (!ok(good && (tokens[i].inside ? there : list.n == 0), "tokens: %s", tokens[i].name))
            diag("%zu: '%.*s'", list.n, STR_ARG(s));
    }
    struct view in = { .text = STR("x SGVsbG8gV29ybGQ= y") };
    uint32_t a = 0, b = 0;
    struct measure m = measure_text(in.text, NULL);
    ok(open_tokens(&in, &m, &out, &list) == 0 && list.n == 1, "tokens: one");
    struct view v = mapped_view(&out);
    view_span(&v, 3, 5, &a, &b);
    ok(a == 2 && b == 18, "tokens: way back is the whole token");
    buf_clear(&list.bytes);
    mapped_clear(&out);
}

static void test_join(void)
{
    struct scan_segment seg[] = { { .group = 2, .text = STR("cd") }, { .group = 1, .text = STR("ab") }, { .group = 2, .text = STR("ef") }, { .group = 3, .text = STR("") } };
    struct scan_request r = { .segments = seg, .n_segments = 4 };
    struct joined j;
    joined_init(&j);
    ok(joined_make(&j, &r) == 0 && str_eq(buf_str(&j.text), (struct str){ "ab\n\0\ncdef", 9 }), "join: groups together, a gap between");
    ok(joined_piece_at(&j, 0) == 0 && joined_piece_at(&j, 3) == 1 && joined_piece_at(&j, 7) == 2 && joined_piece_at(&j, 9) == 3, "join: pieces by offset");
    seg[1].text = STR("\xff");
    ok(joined_make(&j, &r) == GW_ERR(SYNTAX), "join: not UTF-8");
    joined_clear(&j);
}

int main(void)
{
    struct fold *f = fold_new();
    if (!ok(f != NULL, "ICU is there"))
        return done_testing();
    test_folds(f);
    test_notes(f);
    test_escapes();
    test_letters();
    test_tokens();
    test_join();
    fold_free(f);
    return done_testing();
}
