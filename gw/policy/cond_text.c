/* SPDX-License-Identifier: GPL-3.0-or-later
 * Conditions text and word: fixed strings in any text of the stanza, whatever the case, and what hides between their letters. */
#include <string.h>

#include "internal.h"
#include "rows.h"

#include <unicode/uchar.h>

#include "plain.h"
#include "utf8.h"

/* Folded characters of one segment with the place that each came from. Characters that nobody sees are skipped. */
#define NEEDLES_MAX 256
#define PAIR_BYTES 4
struct needle { uint32_t *v; size_t n; };
/* may_start: bytes that a match can begin with (all but some of ASCII); others are passed over without decoding. may_follow: bytes that
 * can stand behind the first one of ASCII: the second character's, and all that is not ASCII (it may be unseen, or fold). */
struct needles {
    struct needle *v;
    size_t n;
    bool whole, pairs; /* pairs: of both no more than PAIR_BYTES are ASCII; these are they, some of them twice */
    uint32_t places;
    bool may_start[256], may_follow[256];
    unsigned char start[PAIR_BYTES], follow[PAIR_BYTES];
};

static uint32_t fold(uint32_t c) { return c < 128 ? (c - 'A' < 26u ? c + 32 : c) : (uint32_t)u_foldCase((UChar32)c, U_FOLD_CASE_DEFAULT); }
static bool unseen(uint32_t c) { return c > 127 && u_hasBinaryProperty((UChar32)c, UCHAR_DEFAULT_IGNORABLE_CODE_POINT); }
static bool is_letter(uint32_t c) { return c < 128 ? (c | 32) - 'a' < 26u || c - '0' < 10u || c == '_' : u_isalnum((UChar32)c); }

static int parse_needle(struct pol_load *l, const config_setting_t *s, struct str text, struct needle *ret)
{
    size_t off = 0;
    if (!utf8_valid(text))
        return load_error(l, s, "the text is not UTF-8");
    *ret = (struct needle){ arena_alloc(l->arena, (text.n ? text.n : 1) * sizeof *ret->v), 0 };
    if (!ret->v)
        return GW_ERR(NOMEM);
    while (off < text.n) {
        uint32_t c = utf8_next(text, &off);
        if (!unseen(c))
            ret->v[ret->n++] = fold(c);
    }
    return ret->n ? 0 : load_error(l, s, "the text is empty");
}

static void allow(bool may[256], uint32_t c)
{
    if (c < 128) {
        may[c] = true;
        if (c - 'a' < 26u)
            may[c - 32] = true;
    }
}

static void may_start(struct needles *a, const struct needle *k)
{
    allow(a->may_start, k->v[0]);
    if (k->n > 1)
        allow(a->may_follow, k->v[1]);
    else
        memset(a->may_follow, true, sizeof a->may_follow);
}

/* The ASCII bytes of a set; false: none, or more than there is room for. */
static bool few(const bool may[256], unsigned char ret[PAIR_BYTES])
{
    size_t n = 0;
    for (unsigned c = 0; c < 128; c++) {
        if (may[c] && n == PAIR_BYTES)
            return false;
        if (may[c])
            ret[n++] = (unsigned char)c;
    }
    for (size_t i = n; n && i < PAIR_BYTES; i++)
        ret[i] = ret[0];
    return n > 0;
}

static int parse_places(struct pol_load *l, const config_setting_t *s, uint32_t *ret)
{
    struct str *v;
    size_t n;
    int rc = load_strings(l, s, &v, &n);
    for (size_t i = 0; i < n && !rc; i++) {
        unsigned p = 0;
        while (p < SCAN_PLACE_COUNT && strcmp(scan_place_name((enum scan_place)p), v[i].p) != 0)
            p++;
        if (p == SCAN_PLACE_COUNT)
            rc = load_error(l, s, "\"%s\" is no place of text; allowed are body, subject, status, nick, thread, xhtml, form, pubsub, vcard, "
                "forwarded, resource, id, attribute, other", v[i].p);
        else
            *ret |= 1u << p;
    }
    return rc;
}

static int parse_text(struct pol_load *l, const config_setting_t *s, struct cond *c)
{
    struct needles *a = arena_alloc(l->arena, sizeof *a);
    const config_setting_t *what = s;
    struct str *v = NULL;
    size_t n = 0;
    if (!a)
        return GW_ERR(NOMEM);
    *a = (struct needles){ .whole = c->row == &cond_word, .places = UINT32_MAX, .may_start = { [128 ... 255] = true },
        .may_follow = { [128 ... 255] = true } };
    c->arg = a;
    int rc = 0;
    if (config_setting_is_group(s)) {
        what = config_setting_get_member(s, "is");
        const config_setting_t *in = config_setting_get_member(s, "in");
        if (!what || !in || config_setting_length(s) != 2)
            return load_error(l, s, "\"%s\" wants a string, a list, or { is = \"...\"; in = [ \"body\", \"subject\" ]; }", c->row->keyword);
        a->places = 0;
        rc = parse_places(l, in, &a->places);
    }
    int r = load_strings(l, what, &v, &n);
    rc = rc ? rc : r;
    if (!r && n > NEEDLES_MAX)
        return load_error(l, what, "more than %d texts; use a detector with a dictionary (rules/dlp)", NEEDLES_MAX);
    a->v = arena_alloc(l->arena, (n ? n : 1) * sizeof *a->v);
    if (!a->v)
        return GW_ERR(NOMEM);
    for (size_t i = 0; i < n && !r; i++) {
        int q = parse_needle(l, what, v[i], &a->v[a->n]);
        if (!q)
            may_start(a, &a->v[a->n++]);
        rc = rc ? rc : q;
    }
    a->pairs = few(a->may_start, a->start) && few(a->may_follow, a->follow);
    return rc;
}

/* Tries needle at *off of text (the first character was not yet compared); sets the end. */
static bool here(struct str text, size_t off, const struct needle *k, size_t *ret_end)
{
    for (size_t i = 0; i < k->n;) {
        if (off >= text.n)
            return false;
        uint32_t c = utf8_next(text, &off);
        if (i && unseen(c))
            continue;
        if (fold(c) != k->v[i++])
            return false;
    }
    *ret_end = off;
    return true;
}

static bool at_word(struct str text, size_t from, size_t to)
{
    if (to < text.n) {
        size_t o = to;
        if (is_letter(utf8_next(text, &o)))
            return false;
    }
    if (!from)
        return true;
    size_t b = from - 1;
    while (b && ((unsigned char)text.p[b] & 0xc0) == 0x80)
        b--;
    return !is_letter(utf8_next(text, &b));
}

static plain_bytes any_of(plain_bytes v, const unsigned char set[PAIR_BYTES])
{
    return (plain_bytes)((v == set[0]) | (v == set[1]) | (v == set[2]) | (v == set[3]));
}

/* The first place from `at` on where one of the few first bytes has one of the few second ones behind it, or where either is not ASCII; sixteen
 * places at once, as long as so many bytes and one more are there. What is left is for the caller. */
static size_t pass_pairs(const struct needles *a, struct str text, size_t at)
{
    for (; text.n - at > 16; at += 16) {
        plain_bytes first, second;
        uint64_t halves[2];
        memcpy(&first, text.p + at, sizeof first);
        memcpy(&second, text.p + at + 1, sizeof second);
        plain_bytes stop = ((any_of(first, a->start) & (any_of(second, a->follow) | second)) | first) & 0x80;
        memcpy(halves, &stop, sizeof halves);
        if (halves[0] | halves[1])
            return at + plain_first(halves);
    }
    return at;
}

/* Finds the next match from *off on. */
static bool next_match(const struct needles *a, struct str text, size_t *off, size_t *ret_from)
{
    const unsigned char *p = (const unsigned char *)text.p;
    if (*off >= text.n)
        return false;
    for (;;) {
        size_t at = a->pairs ? pass_pairs(a, text, *off) : *off;
        while (text.n - at >= 4 && !(a->may_start[p[at]] | a->may_start[p[at + 1]] | a->may_start[p[at + 2]] | a->may_start[p[at + 3]]))
            at += 4;
        while (at < text.n && !a->may_start[p[at]])
            at++;
        if (at >= text.n)
            return false;
        if (p[at] < 128 && at + 1 < text.n && !a->may_follow[p[at + 1]]) {
            *off = at + 1;
            continue;
        }
        size_t next = at;
        uint32_t first = fold(utf8_next(text, &next));
        for (size_t k = 0; k < a->n; k++) {
            size_t end;
            if (a->v[k].v[0] == first && here(text, at, &a->v[k], &end) && (!a->whole || at_word(text, at, end))) {
                *ret_from = at;
                *off = end;
                return true;
            }
        }
        *off = next;
    }
}

static enum tri match_text(const struct cond *c, struct pol_eval *e)
{
    const struct needles *a = c->arg;
    if (!segments_collect(e))
        return TRI_UNKNOWN;
    for (size_t i = 0; i < e->n_segs; i++) {
        size_t off = 0, from;
        if ((a->places & (1u << e->segs[i].place)) && next_match(a, e->segs[i].text, &off, &from))
            return TRI_YES;
    }
    return TRI_NO;
}

static int spans_text(const struct cond *c, struct pol_eval *e)
{
    const struct needles *a = c->arg;
    if (!segments_collect(e))
        return GW_ERR(LIMIT);
    for (size_t i = 0; i < e->n_segs; i++) {
        size_t off = 0, from;
        while ((a->places & (1u << e->segs[i].place)) && next_match(a, e->segs[i].text, &off, &from))
            if (!pol_span_add(e, (uint32_t)i, (uint32_t)from, (uint32_t)(off - from), UINT32_MAX))
                return GW_ERR(LIMIT);
    }
    return 0;
}

const struct cond_row cond_text = { "text", COND_STRINGS, COND_CONTENT, parse_text, match_text, spans_text, NULL,
    "text = { is = [ \"nightfall\", \"operation dawn\" ]; in = [ \"body\", \"subject\" ]; }",
    "a text stands somewhere, also inside a word; case and invisible characters do not matter" };
const struct cond_row cond_word = { "word", COND_STRINGS, COND_CONTENT, parse_text, match_text, spans_text, NULL, "word = \"nightfall\"",
    "the same, but only as a whole word" };
