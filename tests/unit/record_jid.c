// link: record base
// libs: -licuuc -licudata
/* SPDX-License-Identifier: GPL-3.0-or-later
 * Addresses: what is prepared to what, and what is refused. */
#include "jid.h"
#include "tap.h"

struct row { const char *name, *raw, *want; int err; };

static const struct row rows[] = {
    { "plain", "juliet@example.com/balcony", "juliet@example.com/balcony", 0 },
    { "domain alone", "example.com", "example.com", 0 },
    { "case of local and domain", "Juliet@Example.COM/Balcony", "juliet@example.com/Balcony", 0 },
    { "final dot", "a@example.com./r", "a@example.com/r", 0 },
    { "resource with slash and at", "a@example.com/b@c/d", "a@example.com/b@c/d", 0 },
    { "domain and resource", "example.com/a@b", "example.com/a@b", 0 },
    { "resource with spaces", "room@muc.example/Third  Witch", "room@muc.example/Third  Witch", 0 },
    { "IPv4", "a@192.0.2.1", "a@192.0.2.1", 0 },
    { "IPv6", "a@[2001:DB8:0:0::1]", "a@[2001:db8::1]", 0 },
    { "umlauts", "J\303\234rg@b\303\274cher.example/B\303\274ro", "j\303\274rg@b\303\274cher.example/B\303\274ro", 0 },
    { "A-label", "a@xn--bcher-kva.example", "a@b\303\274cher.example", 0 },
    { "decomposed", "u\314\210@example.com", "\303\274@example.com", 0 },
    { "ideographic full stop", "a@example\343\200\202com", "a@example.com", 0 },
    { "full-width letters in local", "\357\275\201lice@example.com", "alice@example.com", 0 },
    { "emoji in resource", "room@muc.example/\360\237\230\200", "room@muc.example/\360\237\230\200", 0 },
    { "Hebrew local", "\327\251\327\234\327\225\327\235@example.com", "\327\251\327\234\327\225\327\235@example.com", 0 },
    { "Katakana middle dot in a name", "room@muc.example/\343\202\270\343\203\247\343\203\263\343\203\273\343\202\271", "room@muc.example/\343\202\270\343\203\247\343\203\263\343\203\273\343\202\271", 0 },
    { "the same alone", "room@muc.example/a\343\203\273b", NULL, GW_ERR(SYNTAX) },
    { "middle dot between two l", "col\302\267lega@example.com/l\302\267l", "col\302\267lega@example.com/l\302\267l", 0 },
    { "middle dot elsewhere", "a@example.com/l\302\267x", NULL, GW_ERR(SYNTAX) },
    { "middle dot at the end", "a@example.com/l\302\267", NULL, GW_ERR(SYNTAX) },
    { "gershayim behind Hebrew", "a@example.com/\327\251\327\264\327\251", "a@example.com/\327\251\327\264\327\251", 0 },
    { "gershayim first", "a@example.com/\327\264\327\251", NULL, GW_ERR(SYNTAX) },
    { "Greek numeral sign before Greek", "a@example.com/\315\265\316\261", "a@example.com/\315\265\316\261", 0 },
    { "Greek numeral sign before Latin", "a@example.com/\315\265a", NULL, GW_ERR(SYNTAX) },
    { "Arabic-Indic digits", "a@example.com/\331\240\331\241", "a@example.com/\331\240\331\241", 0 },
    { "two kinds of them", "a@example.com/\331\240\333\261", NULL, GW_ERR(SYNTAX) },
    { "tatweel", "a@example.com/\331\205\331\200\330\257", NULL, GW_ERR(SYNTAX) },
    { "empty", "", NULL, GW_ERR(SYNTAX) },
    { "no domain", "a@", NULL, GW_ERR(SYNTAX) },
    { "no local", "@example.com", NULL, GW_ERR(SYNTAX) },
    { "empty resource", "a@example.com/", NULL, GW_ERR(SYNTAX) },
    { "slash first", "/a@example.com", NULL, GW_ERR(SYNTAX) },
    { "two at", "a@b@example.com", NULL, GW_ERR(SYNTAX) },
    { "space in local", "a b@example.com", NULL, GW_ERR(SYNTAX) },
    { "apostrophe in local", "o'hara@example.com", NULL, GW_ERR(SYNTAX) },
    { "newline in resource", "a@example.com/x\n", NULL, GW_ERR(SYNTAX) },
    { "empty label", "a@example..com", NULL, GW_ERR(SYNTAX) },
    { "leading hyphen", "a@-example.com", NULL, GW_ERR(SYNTAX) },
    { "underscore in domain", "a@exa_mple.com", NULL, GW_ERR(SYNTAX) },
    { "sharp s in local: old reading ss", "stra\303\237e@example.com", NULL, GW_ERR(MISMATCH) },
    { "sharp s in domain", "a@stra\303\237e.example", NULL, GW_ERR(MISMATCH) },
    { "ligature in resource", "a@example.com/\357\254\201x", NULL, GW_ERR(MISMATCH) },
    { "zero-width joiner in local", "a\342\200\215b@example.com", NULL, GW_ERR(SYNTAX) },
    { "zero-width space in resource", "a@example.com/a\342\200\213b", NULL, GW_ERR(SYNTAX) },
    { "right-to-left override", "a@example.com/\342\200\256cod", NULL, GW_ERR(SYNTAX) },
    { "soft hyphen in domain", "a@exam\302\255ple.com", NULL, GW_ERR(SYNTAX) },
    { "zero-width space in domain", "a@exam\342\200\213ple.com", NULL, GW_ERR(SYNTAX) },
    { "full-width at sign is no separator", "a\357\274\240example.com", NULL, GW_ERR(SYNTAX) },
    { "full-width slash in local", "a\357\274\217b@example.com", NULL, GW_ERR(SYNTAX) },
    { "symbol in local", "\342\230\203@example.com", NULL, GW_ERR(SYNTAX) },
    { "bad UTF-8", "a\300\200@example.com", NULL, GW_ERR(SYNTAX) },
};

static void test_rows(void)
{
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        const struct row *r = &rows[i];
        struct jid j;
        int rc = jid_prepare(str_c(r->raw), &j);
        bool good = rc == r->err && (rc || str_eq(j.full, str_c(r->want)));
        if (!ok(good, "prepare: %s", r->name))
            diag("rc %d, got %.*s", rc, rc ? 0 : (int)j.full.n, j.text);
        if (rc == 0)
            ok(jid_check(j.full) == 0, "prepared form is stable: %s", r->name);
    }
}

static void test_parts(void)
{
    struct jid j;
    ok(jid_prepare(STR("A@B.example/C"), &j) == 0 && str_eq(j.local, STR("a")) && str_eq(j.domain, STR("b.example")) &&
           str_eq(j.resource, STR("C")) && str_eq(j.bare, STR("a@b.example")), "parts");
    ok(jid_check(STR("A@b.example")) == GW_ERR(MISMATCH), "an unprepared address is not its prepared form");
    char part[JID_PART_MAX + 2];
    memset(part, 'a', sizeof part);
    char text[JID_MAX + 8];
    int n = snprintf(text, sizeof text, "%.*s@example.com/%.*s", JID_PART_MAX, part, JID_PART_MAX, part);
    ok(jid_prepare((struct str){ text, (size_t)n }, &j) == 0, "parts of 1023 bytes");
    n = snprintf(text, sizeof text, "%.*s@example.com", JID_PART_MAX + 1, part);
    ok(jid_prepare((struct str){ text, (size_t)n }, &j) == GW_ERR(LIMIT), "a part of 1024 bytes");
}

/* What counts as plain is exactly its own prepared form: every character in every place of some addresses. */
static void test_plain(void)
{
    static const char *const frames[] = { "*@example.com/r", "a*@example.com/r", "a@*xample.com", "a@e*.com/r", "a@exam*", "a@ex*-b.com", "a@xn*-b.com",
        "*xample.com", "a@example.com/*", "a@example.com/r*r", "example.com*", "*", "a*b.com/r" };
    unsigned plain = 0, wrong = 0;
    for (size_t f = 0; f < sizeof frames / sizeof *frames; f++)
        for (unsigned c = 1; c < 256; c++) {
            char text[64];
            struct jid j;
            snprintf(text, sizeof text, "%s", frames[f]);
            *strchr(text, '*') = (char)c;
            if (!jid_plain(str_c(text)))
                continue;
            plain++;
            wrong += jid_prepare(str_c(text), &j) != 0 || !str_eq(j.full, str_c(text));
        }
    ok(plain > 500 && wrong == 0, "plain addresses are prepared (%u, %u wrong)", plain, wrong);
    ok(jid_plain(STR("juliet@high.example/balcony 1")) && !jid_plain(STR("Juliet@high.example")), "the usual address is plain, a capital is not");
}

int main(void)
{
    ok(jid_init() == 0, "ICU opens");
    test_rows();
    test_plain();
    test_parts();
    jid_finish();
    return done_testing();
}
