// link: base
/* SPDX-License-Identifier: GPL-3.0-or-later
 * UTF-8 and XML characters: the borders of RFC 3629 section 4 and XML 1.0 production [2]. And what is passed over sixteen at once. */
#include "plain.h"
#include "tap.h"
#include "utf8.h"

static const struct row { const char *name; struct str s; bool utf8, xml; } rows[] = {
    { "nothing", STR(""), true, true },
    { "ASCII", STR("abc ~"), true, true },
    { "long ASCII", STR("abcdefghijklmnopqrstuvwxyz"), true, true },
    { "TAB LF CR", STR("a\tb\nc\r"), true, true },
    { "NUL", STR("a\0b"), true, false },
    { "U+0001", STR("\1"), true, false },
    { "U+001F among eight", STR("abc\x1f" "abcdefgh"), true, false },
    { "U+000B", STR("abcdefg\v"), true, false },
    { "DEL", STR("\x7f"), true, true },
    { "U+0080", STR("\xc2\x80"), true, true },
    { "U+07FF", STR("\xdf\xbf"), true, true },
    { "U+0800", STR("\xe0\xa0\x80"), true, true },
    { "U+D7FF", STR("\xed\x9f\xbf"), true, true },
    { "surrogate U+D800", STR("\xed\xa0\x80"), false, false },
    { "surrogate U+DFFF", STR("\xed\xbf\xbf"), false, false },
    { "U+E000", STR("\xee\x80\x80"), true, true },
    { "U+FFFD", STR("\xef\xbf\xbd"), true, true },
    { "U+FFFE", STR("\xef\xbf\xbe"), true, false },
    { "U+FFFF", STR("\xef\xbf\xbf"), true, false },
    { "U+10000", STR("\xf0\x90\x80\x80"), true, true },
    { "U+10FFFF", STR("\xf4\x8f\xbf\xbf"), true, true },
    { "U+110000", STR("\xf4\x90\x80\x80"), false, false },
    { "F5", STR("\xf5\x80\x80\x80"), false, false },
    { "overlong /", STR("\xc0\xaf"), false, false },
    { "overlong, C1", STR("\xc1\xbf"), false, false },
    { "overlong of three", STR("\xe0\x9f\xbf"), false, false },
    { "overlong of four", STR("\xf0\x8f\xbf\xbf"), false, false },
    { "continuation alone", STR("\x80"), false, false },
    { "continuation behind eight", STR("abcdefgh\x80"), false, false },
    { "cut after one of two", STR("\xc3"), false, false },
    { "cut after two of three", STR("\xe2\x82"), false, false },
    { "cut after three of four", STR("\xf0\x9f\x98"), false, false },
    { "second byte is ASCII", STR("\xc3" "a"), false, false },
    { "third byte is ASCII", STR("\xe2\x82" "a"), false, false },
    { "fourth byte is ASCII", STR("\xf0\x9f\x98" "a"), false, false },
    { "five-byte form", STR("\xf8\x88\x80\x80\x80"), false, false },
    { "FE FF", STR("\xfe\xff"), false, false },
    { "mixed", STR("na\xc3\xafve \xe2\x82\xac \xf0\x9f\x98\x80 end of it"), true, true },
};

/* Each byte at each place of 32: what stops a run, and what is judged wherever it stands. */
static void sixteen_at_once(void)
{
    bool runs = true, utf8 = true, xml = true;
    for (unsigned c = 0; c < 256; c++)
        for (size_t at = 0; at < 32; at++) {
            char text[32];
            memset(text, 'a', sizeof text);
            text[at] = (char)c;
            bool plain = c >= 0x20 && c < 0x7f && !strchr("\"&'<>\\", (int)c);
            runs &= plain_run(text, sizeof text) == (plain ? 32 : at);
            utf8 &= utf8_valid((struct str){ text, sizeof text }) == (c < 0x80);
            xml &= utf8_xml((struct str){ text, sizeof text }) == (c < 0x80 && (c >= 0x20 || c == '\t' || c == '\n' || c == '\r'));
        }
    ok(runs, "each byte at each place: a run ends before it, or goes on");
    ok(utf8 && xml, "each byte at each place: UTF-8, XML");
    ok(plain_run("aaaaaaaaaaaaaaa", 15) == 0, "fewer than sixteen are no run");
}

/* Each byte at each place of each length below sixteen, beside bytes at the ends of what is plain. */
static void short_ones(void)
{
    bool utf8 = true, xml = true;
    for (size_t n = 1; n < 16; n++)
        for (unsigned c = 0; c < 256; c++)
            for (size_t at = 0; at < n * 2; at++) {
                char text[16];
                memset(text, at < n ? ' ' : '~', n);
                text[at % n] = (char)c;
                utf8 &= utf8_valid((struct str){ text, n }) == (c < 0x80);
                xml &= utf8_xml((struct str){ text, n }) == (c < 0x80 && (c >= 0x20 || c == '\t' || c == '\n' || c == '\r'));
            }
    ok(utf8 && xml, "each byte at each place of short texts: UTF-8, XML");
}

int main(void)
{
    static const uint32_t want[] = { 'a', 0xef, 0x20ac, 0x1f600 };
    struct str s = STR("a\xc3\xaf\xe2\x82\xac\xf0\x9f\x98\x80"), bad = STR("\xff\xff");
    size_t off = 0;
    bool same = true;

    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        ok(utf8_valid(rows[i].s) == rows[i].utf8, "UTF-8: %s", rows[i].name);
        ok(utf8_xml(rows[i].s) == rows[i].xml, "XML: %s", rows[i].name);
    }
    for (size_t i = 0; i < 4; i++)
        same &= utf8_next(s, &off) == want[i];
    ok(same && off == s.n, "characters one by one");
    off = 0;
    (void)utf8_next(bad, &off);
    ok(off == 1, "what is not valid still moves on");
    ok(utf8_next(bad, &(size_t){ 2 }) == 0, "nothing at the end");
    sixteen_at_once();
    short_ones();
    return done_testing();
}
