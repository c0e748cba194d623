// link: content ipc base
// libs: -lyara -lhs -licui18n -licuuc -licudata -lcrypto -lconfig -lm
/* SPDX-License-Identifier: GPL-3.0-or-later
 * Disguises of three secrets, and whether the detectors that ship see through them. What is listed as caught must stay caught; what
 * is listed as not caught says why. Whatever is caught is cut out, and the rest must be clean. Run from the top of the tree. */
#include "content_help.h"

#include "../../gw/content/view.h"

#define SECRETS 3
static const struct { const char *text, *detector; } secrets[SECRETS] = { { "4111111111111111", "payment-card" },
    { "TOP SECRET", "classification-marking" }, { "DE89370400440532013000", "iban" } };

/* ---- disguises: from a secret to a request ---- */

struct piece_spec { enum scan_place place; uint32_t group; char text[4096]; };
struct disguised { struct piece_spec v[64]; size_t n; };

static void add(char *out, const char *s)
{
    strcat(out, s);
}
static void add_char(char *out, uint32_t c)
{
    char utf8[5] = { 0 };
    put_utf8(c, utf8);
    strcat(out, utf8);
}
static void one(struct disguised *d, const char *text)
{
    d->n = 1;
    d->v[0].place = SCAN_AT_BODY;
    d->v[0].group = 1;
    snprintf(d->v[0].text, sizeof d->v[0].text, "see this: %s please", text);
}

static void between(char *out, const char *s, uint32_t c)
{
    for (; *s; s++) {
        add_char(out, (unsigned char)*s);
        if (s[1] && *s != ' ')
            add_char(out, c);
    }
}
/* digits from base digit, letters from base upper and lower; 0: as it is */
static void shifted(char *out, const char *s, uint32_t digit, uint32_t upper)
{
    for (; *s; s++)
        add_char(out, *s >= '0' && *s <= '9' && digit ? digit + (uint32_t)(*s - '0') : *s >= 'A' && *s <= 'Z' && upper ? upper + (uint32_t)(*s - 'A') : (unsigned char)*s);
}
static void looked_up(char *out, const char *s, const char *from, const char *const *to)
{
    for (; *s; s++) {
        const char *at = strchr(from, *s);
        if (at)
            add(out, to[at - from]);
        else
            add_char(out, (unsigned char)*s);
    }
}
static void printed(char *out, const char *s, const char *format)
{
    char one_char[64];
    for (; *s; s++) {
        const char *percent = strchr(format, '%');
        char front[9] = "";
        for (size_t i = 0; percent && format + i < percent && i < 8; i++)
            front[i] = format[i];
        if (percent)
            snprintf(one_char, sizeof one_char, percent[1] == '4' ? "%.8s%04x%.8s" : "%.8s%02x%.8s", front, (unsigned char)*s, percent + 2);
        add(out, one_char);
    }
}
static void base64(char *out, const char *s, bool url)
{
    const char *a = url ? "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_" : "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    size_t n = strlen(s);
    for (size_t i = 0; i < n; i += 3) {
        uint32_t v = (uint32_t)(unsigned char)s[i] << 16 | (i + 1 < n ? (uint32_t)(unsigned char)s[i + 1] << 8 : 0) | (i + 2 < n ? (unsigned char)s[i + 2] : 0);
        add_char(out, (unsigned char)a[v >> 18]);
        add_char(out, (unsigned char)a[v >> 12 & 63]);
        add_char(out, i + 1 < n ? (unsigned char)a[v >> 6 & 63] : '=');
        add_char(out, i + 2 < n ? (unsigned char)a[v & 63] : '=');
    }
}

#define SIMPLE(name, code) \
    static void name(const char *s, struct disguised *d) \
    { \
        char out[4096] = ""; \
        code; \
        one(d, out); \
    }
SIMPLE(plain, add(out, s))
SIMPLE(lower_case, for (; *s; s++) add_char(out, *s >= 'A' && *s <= 'Z' ? (uint32_t)(*s + 32) : (uint32_t)*s))
SIMPLE(zero_width, between(out, s, 0x200b))
SIMPLE(joiner, between(out, s, 0x200d))
SIMPLE(soft_hyphen, between(out, s, 0xad))
SIMPLE(word_joiner, between(out, s, 0x2060))
SIMPLE(invisible_times, between(out, s, 0x2062))
SIMPLE(byte_order_mark, between(out, s, 0xfeff))
SIMPLE(grapheme_joiner, between(out, s, 0x34f))
SIMPLE(selectors, between(out, s, 0xfe0f))
SIMPLE(tags, between(out, s, 0xe0041))
SIMPLE(hangul_filler, between(out, s, 0x3164))
SIMPLE(left_to_right_mark, between(out, s, 0x200e))
SIMPLE(isolates, add_char(out, 0x2067); add(out, s); add_char(out, 0x2069))
SIMPLE(strokes, between(out, s, 0x336); add_char(out, 0x336))
SIMPLE(slashes, between(out, s, 0x338); add_char(out, 0x338))
SIMPLE(circles_around, between(out, s, 0x20dd); add_char(out, 0x20dd))
SIMPLE(accents, between(out, s, 0x301); add_char(out, 0x301))
SIMPLE(stacked, for (; *s; s++) { add_char(out, (unsigned char)*s); for (uint32_t i = 0; i < 6 && *s != ' '; i++) add_char(out, 0x300 + i); })
SIMPLE(full_width, shifted(out, s, 0xff10, 0xff21))
SIMPLE(bold, shifted(out, s, 0x1d7ce, 0x1d400))
SIMPLE(monospace, shifted(out, s, 0x1d7f6, 0x1d670))
SIMPLE(sans_bold_italic, shifted(out, s, 0x1d7ec, 0x1d63c))
SIMPLE(circled, for (; *s; s++) add_char(out, *s == '0' ? 0x24ea : *s >= '1' && *s <= '9' ? 0x2460 + (uint32_t)(*s - '1') : *s >= 'A' && *s <= 'Z' ? 0x24b6 + (uint32_t)(*s - 'A') : (uint32_t)*s))
SIMPLE(negative_circled, for (; *s; s++) add_char(out, *s == '0' ? 0x24ff : *s >= '1' && *s <= '9' ? 0x2776 + (uint32_t)(*s - '1') : *s >= 'A' && *s <= 'Z' ? 0x1f150 + (uint32_t)(*s - 'A') : (uint32_t)*s))
SIMPLE(negative_squared, shifted(out, s, 0, 0x1f170))
SIMPLE(parenthesised, for (; *s; s++) add_char(out, *s >= '1' && *s <= '9' ? 0x2474 + (uint32_t)(*s - '1') : *s >= 'A' && *s <= 'Z' ? 0x1f110 + (uint32_t)(*s - 'A') : (uint32_t)*s))
SIMPLE(flags, shifted(out, s, 0, 0x1f1e6))
SIMPLE(keycaps, for (; *s; s++) { add_char(out, (unsigned char)*s); if (*s >= '0' && *s <= '9') { add_char(out, 0xfe0f); add_char(out, 0x20e3); } })
SIMPLE(superscript, for (; *s; s++) add_char(out, *s == '1' ? 0xb9 : *s == '2' || *s == '3' ? 0xb0 + (uint32_t)(*s - '0') : *s >= '0' && *s <= '9' ? 0x2070 + (uint32_t)(*s - '0') : (uint32_t)*s))
SIMPLE(subscript, shifted(out, s, 0x2080, 0))
SIMPLE(arabic_digits, shifted(out, s, 0x660, 0))
SIMPLE(devanagari_digits, shifted(out, s, 0x966, 0))
SIMPLE(bengali_digits, shifted(out, s, 0x9e6, 0))
static const char *const cyrillic_to[] = { "\xd0\x90", "\xd0\x92", "\xd0\xa1", "\xd0\x95", "\xd0\x9d", "\xd0\x86", "\xd0\x9a", "\xd0\x9c", "\xd0\x9e", "\xd0\xa0", "\xd0\x85", "\xd0\xa2", "\xd0\xa5" };
SIMPLE(cyrillic, looked_up(out, s, "ABCEHIKMOPSTX", cyrillic_to))
static const char *const greek_to[] = { "\xce\x91", "\xce\x92", "\xce\x95", "\xce\x97", "\xce\x99", "\xce\x9a", "\xce\x9c", "\xce\x9d", "\xce\x9f", "\xce\xa1", "\xce\xa4", "\xce\xa7" };
SIMPLE(greek, looked_up(out, s, "ABEHIKMNOPTX", greek_to))
static const char *const cherokee_to[] = { "\xe1\x8e\xaa", "\xe1\x8f\x9f", "\xe1\x8e\xac", "\xe1\x8f\xa2", "\xe1\x8e\xa2", "\xe1\x8f\x9a", "\xe1\x8e\xa1" };
SIMPLE(cherokee, looked_up(out, s, "ACEPTSR", cherokee_to))
static const char *const small_to[] = { "\xe1\xb4\x80", "\xe1\xb4\x84", "\xe1\xb4\x87", "\xe1\xb4\x8f", "\xe1\xb4\x98", "\xca\x80", "\xea\x9c\xb1", "\xe1\xb4\x9b", "\xe1\xb4\x85" };
SIMPLE(small_capitals, looked_up(out, s, "ACEOPRSTD", small_to))
static const char *const leet_to[] = { "4", "3", "1", "0", "5", "7" };
SIMPLE(leet, looked_up(out, s, "AEIOST", leet_to))
static const char *const reverse_leet_to[] = { "O", "l", "S", "B" };
SIMPLE(letters_for_digits, looked_up(out, s, "0158", reverse_leet_to))
SIMPLE(spaced, between(out, s, ' '))
SIMPLE(dotted, between(out, s, '.'))
SIMPLE(hyphened, between(out, s, '-'))
SIMPLE(underscored, between(out, s, '_'))
SIMPLE(lined, between(out, s, '\n'))
SIMPLE(middle_dots, between(out, s, 0xb7))
SIMPLE(no_break_spaced, between(out, s, 0xa0))
SIMPLE(em_spaced, between(out, s, 0x2003))
SIMPLE(two_spaces, for (; *s; s++) { add_char(out, (unsigned char)*s); if (s[1] && *s != ' ') add(out, "  "); })
SIMPLE(fours, for (size_t i = 0; s[i]; i++) { if (i && i % 4 == 0 && s[i] != ' ') add_char(out, '-'); add_char(out, (unsigned char)s[i]); })
SIMPLE(percent, printed(out, s, "%2"); char p[4096] = ""; printed(p, s, "=%2"); for (char *q = p; *q; q++) if (*q == '=') *q = '%'; strcpy(out, p))
SIMPLE(quoted_printable, printed(out, s, "=%2"))
SIMPLE(percent_twice, char p[4096] = ""; printed(p, s, "=25%2"); for (char *q = p; *q; q++) if (*q == '=') *q = '%'; strcpy(out, p))
SIMPLE(entities_hex, printed(out, s, "&#x%2;"))
SIMPLE(entities_decimal, for (; *s; s++) { char e[16]; snprintf(e, sizeof e, "&#%d;", *s); add(out, e); })
SIMPLE(entities_no_semicolon, for (; *s; s++) { char e[16]; snprintf(e, sizeof e, "&#0%d", *s); add(out, e); })
SIMPLE(entities_twice, printed(out, s, "&amp;#x%2;"))
SIMPLE(backslash_x, printed(out, s, "\\x%2"))
SIMPLE(backslash_u, printed(out, s, "\\u%4"))
SIMPLE(backslash_brace, printed(out, s, "\\u{%2}"))
SIMPLE(octal, for (; *s; s++) { char e[16]; snprintf(e, sizeof e, "\\%03o", (unsigned)*s); add(out, e); })
SIMPLE(hex, printed(out, s, "%2"))
SIMPLE(hex_spaced, printed(out, s, "%2 "))
SIMPLE(hex_0x, printed(out, s, "0x%2 "))
SIMPLE(hex_colons, printed(out, s, ":%2"); memmove(out, out + 1, strlen(out)))
SIMPLE(b64, base64(out, s, false))
SIMPLE(b64_url, base64(out, s, true))
SIMPLE(b64_no_padding, base64(out, s, false); out[strcspn(out, "=")] = 0)
SIMPLE(b64_twice, char a[4096] = ""; base64(a, s, false); base64(out, a, false))
SIMPLE(b64_three_times, char a[4096] = ""; char b[4096] = ""; base64(a, s, false); base64(b, a, false); base64(out, b, false))
SIMPLE(b64_four_times, char a[4096] = ""; char b[4096] = ""; base64(a, s, false); base64(b, a, false); a[0] = 0; base64(a, b, false); base64(out, a, false))
SIMPLE(b64_with_zero_width, char a[4096] = ""; base64(a, s, false); between(out, a, 0x200b))
SIMPLE(b64_full_width, char a[4096] = ""; base64(a, s, false); shifted(out, a, 0xff10, 0xff21))
SIMPLE(b64_in_groups, char a[4096] = ""; base64(a, s, false); for (size_t i = 0; a[i]; i++) { if (i && i % 4 == 0) add_char(out, ' '); add_char(out, (unsigned char)a[i]); })
SIMPLE(b64_of_sentence, char a[4096] = "the thing is "; add(a, s); add(a, " as said"); base64(out, a, false))
SIMPLE(b64_glued, char a[4096] = ""; base64(a, s, false); add(out, "xy"); add(out, a))
SIMPLE(hex_of_b64, char a[4096] = ""; base64(a, s, false); printed(out, a, "%2"))
SIMPLE(percent_of_b64, char a[4096] = ""; base64(a, s, false); char p[4096] = ""; printed(p, a, "=%2"); for (char *q = p; *q; q++) if (*q == '=') *q = '%'; strcpy(out, p))
SIMPLE(b64_of_percent, char p[4096] = ""; printed(p, s, "=%2"); for (char *q = p; *q; q++) if (*q == '=') *q = '%'; base64(out, p, false))
SIMPLE(b64_of_zero_width, char a[4096] = ""; between(a, s, 0x200b); base64(out, a, false))
SIMPLE(base32, static const char t[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567"; uint32_t acc = 0; unsigned bits = 0; for (; *s; s++) { acc = acc << 8 | (unsigned char)*s; bits += 8; while (bits >= 5) { add_char(out, (unsigned char)t[acc >> (bits - 5) & 31]); bits -= 5; } } if (bits) add_char(out, (unsigned char)t[acc << (5 - bits) & 31]))
SIMPLE(data_uri, add(out, "data:text/plain;base64,"); char a[4096] = ""; base64(a, s, false); add(out, a))
SIMPLE(mixed, char a[4096] = ""; shifted(a, s, 0xff10, 0x1d400); for (char *q = a; *q; q++) { snprintf(out + strlen(out), 2, "%c", *q); if (((unsigned char)q[1] & 0xc0) != 0x80) add(out, "\xe2\x80\x8b"); })
SIMPLE(glued_front, add(out, "x"); add(out, s))
SIMPLE(number_front, add(out, "12 "); add(out, s))
SIMPLE(spaced_behind_number, add(out, "section 2.3 "); for (; *s; s++) if (*s != ' ') { add_char(out, (unsigned char)*s); add(out, s[1] ? " " : ""); })
static void hex_of(char *out, const char *s) { for (; *s; s++) { char e[4]; snprintf(e, sizeof e, "%02x", *s); add(out, e); } }
SIMPLE(hex_side_by_side, hex_of(out, s); add(out, " "); hex_of(out, s); add(out, " "); hex_of(out, s))
SIMPLE(rot13, for (; *s; s++) add_char(out, *s >= 'A' && *s <= 'Z' ? 'A' + (uint32_t)(*s - 'A' + 13) % 26 : (uint32_t)*s))
SIMPLE(reversed, for (size_t i = strlen(s); i-- > 0;) add_char(out, (unsigned char)s[i]))
SIMPLE(override_reversed, add_char(out, 0x202e); for (size_t i = strlen(s); i-- > 0;) add_char(out, (unsigned char)s[i]); add_char(out, 0x202c))
SIMPLE(decimal_codes, for (; *s; s++) { char e[16]; snprintf(e, sizeof e, "%d ", *s); add(out, e); })
SIMPLE(binary_codes, for (; *s; s++) { for (int i = 7; i >= 0; i--) add_char(out, *s >> i & 1 ? '1' : '0'); add_char(out, ' '); })
static const char *const words_to[] = { "zero ", "one ", "two ", "three ", "four ", "five ", "six ", "seven ", "eight ", "nine " };
SIMPLE(in_words, looked_up(out, s, "0123456789", words_to))
static const char *const phonetic_to[] = { "Tango ", "Oscar ", "Papa ", "Sierra ", "Echo ", "Charlie ", "Romeo ", "Delta " };
SIMPLE(phonetic, looked_up(out, s, "TOPSECRD", phonetic_to))

static void over_elements(const char *s, struct disguised *d)
{
    size_t half = strlen(s) / 2;
    d->n = 2;
    for (size_t i = 0; i < 2; i++)
        d->v[i] = (struct piece_spec){ .place = SCAN_AT_XHTML, .group = 7 };
    snprintf(d->v[0].text, sizeof d->v[0].text, "see %.*s", (int)half, s);
    snprintf(d->v[1].text, sizeof d->v[1].text, "%s ok", s + half);
}
static void over_spans(const char *s, struct disguised *d)
{
    for (d->n = 0; s[d->n]; d->n++) {
        d->v[d->n] = (struct piece_spec){ .place = SCAN_AT_XHTML, .group = 3 };
        snprintf(d->v[d->n].text, sizeof d->v[d->n].text, "%c", s[d->n]);
    }
}
static void subject_and_body(const char *s, struct disguised *d)
{
    size_t half = 8;
    d->n = 2;
    d->v[0] = (struct piece_spec){ .place = SCAN_AT_SUBJECT, .group = 1 };
    d->v[1] = (struct piece_spec){ .place = SCAN_AT_BODY, .group = 2 };
    snprintf(d->v[0].text, sizeof d->v[0].text, "it is %.*s", (int)half, s);
    snprintf(d->v[1].text, sizeof d->v[1].text, "%s, as said", s + half);
}
static void spans_with_links_between(const char *s, struct disguised *d)
{
    d->n = 3;
    d->v[0] = (struct piece_spec){ .place = SCAN_AT_XHTML, .group = 3 };
    d->v[1] = (struct piece_spec){ .place = SCAN_AT_ATTRIBUTE, .group = 4 };
    d->v[2] = (struct piece_spec){ .place = SCAN_AT_XHTML, .group = 3 };
    snprintf(d->v[0].text, sizeof d->v[0].text, "%.5s", s);
    snprintf(d->v[1].text, sizeof d->v[1].text, "https://www.example.org/");
    snprintf(d->v[2].text, sizeof d->v[2].text, "%s", s + 5);
}

/* y: caught, n: not caught, and then why; for card, phrase, account. */
static const struct disguise { const char *name; void (*make)(const char *s, struct disguised *d); const char *caught, *why; } disguises[] = {
    { "plain", plain, "yyy", NULL }, { "small letters", lower_case, "yyy", NULL }, { "zero-width spaces", zero_width, "yyy", NULL },
    { "zero-width joiners", joiner, "yyy", NULL }, { "soft hyphens", soft_hyphen, "yyy", NULL }, { "word joiners", word_joiner, "yyy", NULL },
    { "invisible times", invisible_times, "yyy", NULL }, { "byte order marks", byte_order_mark, "yyy", NULL },
    { "combining grapheme joiners", grapheme_joiner, "yyy", NULL }, { "variation selectors", selectors, "yyy", NULL }, { "tag characters", tags, "yyy", NULL },
    { "Hangul fillers", hangul_filler, "yyy", NULL }, { "direction marks", left_to_right_mark, "yyy", NULL }, { "bidi isolates around", isolates, "yyy", NULL },
    { "strokes through", strokes, "yyy", NULL }, { "slashes through", slashes, "yyy", NULL }, { "enclosing circles", circles_around, "yyy", NULL },
    { "accents", accents, "yyy", NULL }, { "stacked accents", stacked, "yyy", NULL }, { "full-width", full_width, "yyy", NULL },
    { "mathematical bold", bold, "yyy", NULL }, { "mathematical monospace", monospace, "yyy", NULL }, { "mathematical sans bold italic", sans_bold_italic, "yyy", NULL },
    { "circled", circled, "yyy", NULL }, { "negative circled", negative_circled, "yyy", NULL }, { "negative squared letters", negative_squared, "yyy", NULL },
    { "parenthesised", parenthesised, "yyy", NULL }, { "flag letters", flags, "yyy", NULL }, { "keycap digits", keycaps, "yyy", NULL },
    { "superscript digits", superscript, "yyy", NULL }, { "subscript digits", subscript, "yyy", NULL }, { "Arabic digits", arabic_digits, "yyy", NULL },
    { "Devanagari digits", devanagari_digits, "yyy", NULL }, { "Bengali digits", bengali_digits, "yyy", NULL }, { "Cyrillic look-alikes", cyrillic, "yyy", NULL },
    { "Greek look-alikes", greek, "yyy", NULL }, { "Cherokee look-alikes", cherokee, "yyy", NULL }, { "small capitals", small_capitals, "yyy", NULL },
    { "digits for letters", leet, "yyn", "an account number's letters are few and digits would fit everywhere" },
    { "letters for digits", letters_for_digits, "yyn", "letters are allowed in account numbers, so none is taken for a digit" },
    { "spaced out", spaced, "yyy", NULL }, { "dots between", dotted, "yyy", NULL }, { "hyphens between", hyphened, "yyy", NULL },
    { "underscores between", underscored, "yyy", NULL }, { "lines between", lined, "yyy", NULL }, { "middle dots between", middle_dots, "yyy", NULL },
    { "no-break spaces between", no_break_spaced, "yyy", NULL }, { "em spaces between", em_spaced, "yyy", NULL }, { "two spaces between", two_spaces, "yyy", NULL },
    { "in groups of four", fours, "yyy", NULL }, { "percent", percent, "yyy", NULL }, { "percent twice", percent_twice, "yyy", NULL },
    { "quoted-printable", quoted_printable, "yyy", NULL }, { "hexadecimal entities", entities_hex, "yyy", NULL }, { "decimal entities", entities_decimal, "yyy", NULL },
    { "entities without semicolon", entities_no_semicolon, "yyy", NULL }, { "entities twice", entities_twice, "yyy", NULL }, { "\\x escapes", backslash_x, "yyy", NULL },
    { "\\u escapes", backslash_u, "yyy", NULL }, { "\\u{} escapes", backslash_brace, "yyy", NULL }, { "octal escapes", octal, "yyy", NULL },
    { "hexadecimal", hex, "yyy", NULL }, { "hexadecimal, spaced", hex_spaced, "yyy", NULL }, { "hexadecimal with 0x", hex_0x, "yyy", NULL },
    { "hexadecimal with colons", hex_colons, "yyy", NULL }, { "base64", b64, "yyy", NULL }, { "base64url", b64_url, "yyy", NULL },
    { "base64 without padding", b64_no_padding, "yyy", NULL }, { "base64 twice", b64_twice, "yyy", NULL }, { "base64 three times", b64_three_times, "yyy", NULL },
    { "base64 four times", b64_four_times, "nnn", "three levels are opened" }, { "base64 with zero-width spaces", b64_with_zero_width, "yyy", NULL },
    { "base64 full-width", b64_full_width, "yyy", NULL }, { "base64 in groups", b64_in_groups, "yyy", NULL }, { "base64 of a sentence", b64_of_sentence, "yyy", NULL },
    { "base64 with letters glued on", b64_glued, "yyy", NULL }, { "hexadecimal of base64", hex_of_b64, "yyy", NULL }, { "percent of base64", percent_of_b64, "yyy", NULL },
    { "base64 of percent", b64_of_percent, "yyy", NULL }, { "base64 of zero-width", b64_of_zero_width, "yyy", NULL }, { "base32", base32, "yyy", NULL },
    { "data: address", data_uri, "yyy", NULL }, { "full-width, bold and zero-width", mixed, "yyy", NULL },
    { "a letter glued to its front", glued_front, "nnn", "it reads as another word; a card after a letter is below the threshold" },
    { "a number before it", number_front, "yyy", NULL }, { "spaced out behind another number", spaced_behind_number, "yyy", NULL },
    { "hexadecimal, three side by side", hex_side_by_side, "yyy", NULL }, { "over two elements of one run", over_elements, "yyy", NULL }, { "every letter in a span of its own", over_spans, "yyy", NULL },
    { "spans with a link's attribute between", spans_with_links_between, "yyy", NULL },
    { "over subject and body", subject_and_body, "ynn", "only numbers are read across fields: words would meet by chance" },
    { "ROT13", rot13, "ynn", "ciphers are not opened (digits stay)" }, { "written backwards", reversed, "nnn", "nobody reads it so" },
    { "backwards with an override", override_reversed, "nnn", "the override itself is reported (bidi) and to be stripped" },
    { "decimal codes", decimal_codes, "nnn", "numbers in text are too common" }, { "binary codes", binary_codes, "nnn", "not opened" },
    { "digits as words", in_words, "nyn", "language is not understood" }, { "spelling alphabet", phonetic, "ynn", "language is not understood" },
};

/* ---- host names of the inside: what else can be done to a name ---- */

#define HOST "inner-host"
/* caught or why not. */
static const struct host { const char *name, *text; enum scan_place place; const char *why; } hosts[] = {
    { "plain", "db1.prod.internal", SCAN_AT_BODY, NULL },
    { "capitals", "DB1.PROD.INTERNAL", SCAN_AT_BODY, NULL },
    { "one Cyrillic letter", "db1.prod.int\xd0\xb5rnal", SCAN_AT_BODY, NULL },
    { "Cyrillic wherever there is one", "db1.\xd1\x80r\xd0\xbe" "d.\xd1\x96nt\xd0\xb5rn\xd0\xb0" "\xd3\x8f", SCAN_AT_BODY, NULL },
    { "Cyrillic, in an address", "romeo@db1.prod.int\xd0\xb5rnal", SCAN_AT_RESOURCE, NULL },
    { "Cyrillic, in a resource", "romeo@low.example/db1.prod.int\xd0\xb5rnal", SCAN_AT_RESOURCE, NULL },
    { "Greek", "printer.l\xce\xbf\x63\xce\xb1l", SCAN_AT_BODY, NULL },
    { "capital Greek", "PRINTER.L\xce\x9f\x43\xce\x91L", SCAN_AT_BODY, NULL },
    { "dotless i", "wiki.\xc4\xb1ntranet", SCAN_AT_BODY, NULL },
    { "accents", "wiki.intran\xc3\xa9t", SCAN_AT_BODY, NULL },
    { "full-width", "\xef\xbd\x8e\xef\xbd\x81\xef\xbd\x93\xef\xbc\x8e\xef\xbd\x8c\xef\xbd\x81\xef\xbd\x8e", SCAN_AT_BODY, NULL },
    { "the ideographic full stop", "nas\xe3\x80\x82lan", SCAN_AT_BODY, NULL },
    { "its half-width form", "nas\xef\xbd\xa1lan", SCAN_AT_BODY, NULL },
    { "a one dot leader", "nas\xe2\x80\xa4lan", SCAN_AT_BODY, NULL },
    { "a middle dot", "nas\xc2\xb7lan", SCAN_AT_BODY, NULL },
    { "an Arabic full stop", "nas\xdb\x94lan", SCAN_AT_BODY, "no resolver takes it for a dot" },
    { "dot in brackets", "nas[.]lan", SCAN_AT_BODY, NULL },
    { "the word dot in brackets", "nas[dot]lan", SCAN_AT_BODY, NULL },
    { "the word dot in parentheses, spaced", "nas (dot) lan", SCAN_AT_BODY, NULL },
    { "the word dot", "nas dot lan", SCAN_AT_BODY, "words would meet by chance" },
    { "blanks around the dot", "db1.prod . internal", SCAN_AT_BODY, "a full stop between two words would be a host" },
    { "zero-width spaces", "db1.prod.int\xe2\x80\x8b\x65rnal", SCAN_AT_BODY, NULL },
    { "percent", "db1%2eprod%2Einternal", SCAN_AT_BODY, NULL },
    { "entities", "db1&#46;prod&#x2e;internal", SCAN_AT_BODY, NULL },
    { "digits for letters", "db1.prod.1nterna1", SCAN_AT_BODY, NULL },
    { "rn for m, vv for w", "vviki.intranet", SCAN_AT_BODY, NULL },
    { "punycode", "db1.prod.xn--intrnal-nof", SCAN_AT_BODY, "the encoded form of a name is not opened; addresses are written as letters" },
    { "a full stop behind it", "See db1.prod.internal.", SCAN_AT_BODY, NULL },
    { "base64", "ZGIxLnByb2QuaW50ZXJuYWw=", SCAN_AT_BODY, NULL },
};

/* ---- the test ---- */

static bool scan(struct content *c, struct disguised *d, const char *detector, struct arena *a, struct scan_result *ret, bool *ret_found)
{
    struct scan_segment seg[64];
    for (size_t i = 0; i < d->n; i++)
        seg[i] = (struct scan_segment){ .node = (uint32_t)i, .attr = UINT32_MAX, .group = d->v[i].group, .place = (uint8_t)d->v[i].place, .text = str_c(d->v[i].text) };
    struct scan_request r = { .segments = seg, .n_segments = d->n };
    arena_reset(a);
    *ret_found = false;
    if (content_scan(c, &r, a, ret) || ret->status != SCAN_DONE)
        return false;
    for (size_t i = 0; i < ret->n_matches; i++)
        *ret_found |= ret->matches[i].source == SCAN_DLP && str_eq(ret->matches[i].rule, str_c(detector));
    return true;
}

/* Cuts out what matched, from the back; matches are in order of their spans within a segment. */
static void cut(struct disguised *d, const char *detector, const struct scan_result *r)
{
    for (size_t i = r->n_matches; i-- > 0;) {
        const struct scan_match *m = &r->matches[i];
        if (m->source != SCAN_DLP || !str_eq(m->rule, str_c(detector)) || m->seg >= d->n)
            continue;
        char *t = d->v[m->seg].text;
        memmove(t + m->off, t + m->off + m->len, strlen(t + m->off + m->len) + 1);
    }
}

/* The document beside this file says the same as the table; EVASION_WRITE=1 writes it anew. */
#define DOCUMENT "tests/unit/content_evasion.md"
static void hold_document(void)
{
    struct buf want, have;
    unsigned caught = 0;
    int err = 0;
    buf_init(&want, 1u << 20);
    buf_init(&have, 1u << 20);
    for (size_t i = 0; i < sizeof disguises / sizeof *disguises; i++)
        for (size_t k = 0; k < SECRETS; k++)
            caught += disguises[i].caught[k] == 'y';
    err |= buf_printf(&want, "# Disguises, and what the detectors that ship see through\n\nHeld by `content_evasion.c`: each disguise of each of three secrets is scanned by the real "
        "library; what is\nsaid to be caught must be, must be gone when the matches are cut out, and what is said to be missed must still be missed. %u of %zu are caught.\n"
        "Redaction under random placement is in `content_redaction.c`; words and patterns stay weak controls.\n\n"
        "| disguise | card number | TOP SECRET | IBAN | why not |\n|---|---|---|---|---|\n", caught, SECRETS * (sizeof disguises / sizeof *disguises));
    for (size_t i = 0; i < sizeof disguises / sizeof *disguises; i++) {
        const struct disguise *x = &disguises[i];
        err |= buf_printf(&want, "| %s | %s | %s | %s | %s |\n", x->name, x->caught[0] == 'y' ? "caught" : "**no**", x->caught[1] == 'y' ? "caught" : "**no**",
            x->caught[2] == 'y' ? "caught" : "**no**", x->why ? x->why : "");
    }
    err |= buf_printf(&want, "\n## Names of inner hosts\n\nThe same for the detector `" HOST "`, whose names live on what a name can look like.\n\n| disguise | as sent | | why not |\n|---|---|---|---|\n");
    for (size_t i = 0; i < sizeof hosts / sizeof *hosts; i++)
        err |= buf_printf(&want, "| %s | `%s` | %s | %s |\n", hosts[i].name, hosts[i].text, hosts[i].why ? "**no**" : "caught", hosts[i].why ? hosts[i].why : "");
    FILE *f = fopen(DOCUMENT, getenv("EVASION_WRITE") ? "w+" : "r");
    if (f && getenv("EVASION_WRITE")) {
        fwrite(buf_data(&want), 1, buf_size(&want), f);
        rewind(f);
    }
    unsigned char *room = buf_room(&have, 1u << 19);
    if (f && room)
        buf_added(&have, fread(room, 1, 1u << 19, f));
    if (f)
        fclose(f);
    ok(!err && str_eq(buf_str(&want), buf_str(&have)), DOCUMENT " says the same as the table (EVASION_WRITE=1 writes it)");
    buf_clear(&want);
    buf_clear(&have);
}

int main(void)
{
    static struct disguised d;
    struct content *c = NULL;
    struct conf_errors errs;
    struct arena a;
    struct scan_result r;
    unsigned caught = 0, all = 0;
    conf_errors_init(&errs);
    arena_init(&a, 1u << 20);
    if (!ok(content_load("rules", &c, &errs) == 0, "rules/ loads"))
        return done_testing();
    for (size_t i = 0; i < sizeof disguises / sizeof *disguises; i++)
        for (size_t k = 0; k < SECRETS; k++) {
            const struct disguise *x = &disguises[i];
            bool found, again = false, want = x->caught[k] == 'y';
            x->make(secrets[k].text, &d);
            bool done = scan(c, &d, secrets[k].detector, &a, &r, &found);
            all++;
            caught += found;
            if (!ok(done && found == want, "%s, %s: %s%s%s", secrets[k].detector, x->name, want ? "caught" : "not caught", want ? "" : ": ", want ? "" : x->why))
                diag("%s: %s", found ? "caught now; move it to the caught ones" : "missed", d.v[0].text);
            if (!found || !want)
                continue;
            cut(&d, secrets[k].detector, &r);
            if (!scan(c, &d, secrets[k].detector, &a, &r, &again) || again)
                ok(false, "%s, %s: nothing is left after cutting: %s", secrets[k].detector, x->name, d.v[0].text);
        }
    for (size_t i = 0; i < sizeof hosts / sizeof *hosts; i++) {
        const struct host *x = &hosts[i];
        bool found, again = false;
        d.n = 1;
        d.v[0].place = x->place;
        d.v[0].group = 1;
        snprintf(d.v[0].text, sizeof d.v[0].text, "%s", x->text);
        bool done = scan(c, &d, HOST, &a, &r, &found);
        if (!ok(done && found == !x->why, HOST ", %s: %s%s", x->name, x->why ? "not caught: " : "caught", x->why ? x->why : ""))
            diag("%s: %s", found ? "caught now; move it to the caught ones" : "missed", x->text);
        if (!found || x->why)
            continue;
        cut(&d, HOST, &r);
        if (!scan(c, &d, HOST, &a, &r, &again) || again)
            ok(false, HOST ", %s: nothing is left after cutting: %s", x->name, d.v[0].text);
    }
    hold_document();
    diag("%zu disguises of %d secrets: %u of %u caught", sizeof disguises / sizeof *disguises, SECRETS, caught, all);
    arena_clear(&a);
    content_free(c);
    conf_errors_clear(&errs);
    return done_testing();
}
