/* SPDX-License-Identifier: GPL-3.0-or-later
 * A small reader of regular expressions that counts only what every match must hold. */
#include "dlp_gate.h"

#include <stdlib.h>

struct demand { uint32_t digits, width; bool blank; /* may match a blank */ };
struct reader { struct str s; size_t at; unsigned depth; bool lost; };
#define DEPTH_MAX 20u
#define COUNT_MAX 100000u

static struct demand read_choice(struct reader *r);

static bool more(const struct reader *r)
{
    return r->at < r->s.n && !r->lost;
}

static int hex_of(char c)
{
    return c >= '0' && c <= '9' ? c - '0' : c >= 'a' && c <= 'f' ? c - 'a' + 10 : c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}

static struct demand one_char(unsigned char c)
{
    return (struct demand){ c >= '0' && c <= '9', 1, c == ' ' || (c >= 9 && c <= 13) };
}

/* Behind a backslash. class_ of characters: ret_set false when it is one character, which *ret_char gets. */
static struct demand read_escape(struct reader *r, bool *ret_one, unsigned char *ret_char)
{
    char c = r->at < r->s.n ? r->s.p[r->at++] : 0;
    *ret_one = false;
    switch (c) {
    case 'd': return (struct demand){ 1, 1, false };
    case 'w': case 'S': return (struct demand){ 0, 1, false };
    case 's': case 'D': case 'W': case 'h': case 'v': case 'R': case 'N': return (struct demand){ 0, 1, true };
    case 'b': case 'B': case 'A': case 'z': case 'Z': return (struct demand){ 0, 0, false };
    case 'x':
        if (r->at + 1 < r->s.n && hex_of(r->s.p[r->at]) >= 0 && hex_of(r->s.p[r->at + 1]) >= 0) {
            *ret_char = (unsigned char)(hex_of(r->s.p[r->at]) << 4 | hex_of(r->s.p[r->at + 1]));
            r->at += 2;
            *ret_one = true;
            return one_char(*ret_char);
        }
        break;
    case 'n': case 't': case 'r': case 'f':
        *ret_one = true;
        *ret_char = '\n';
        return (struct demand){ 0, 1, true };
    default:
        if ((unsigned char)c < 0x80 && c && !((c | 32) >= 'a' && (c | 32) <= 'z') && !(c >= '0' && c <= '9')) {
            *ret_one = true;
            *ret_char = (unsigned char)c;
            return one_char((unsigned char)c);
        }
    }
    r->lost = true; /* back-references, properties: let Hyperscan say what it thinks of them */
    return (struct demand){ 0, 0, true };
}

/* Behind '['. */
static struct demand read_class(struct reader *r)
{
    bool digits_only = true, blank = false, first = true, negated = more(r) && r->s.p[r->at] == '^';
    r->at += negated;
    while (more(r) && (first || r->s.p[r->at] != ']')) {
        unsigned char low = (unsigned char)r->s.p[r->at++], high;
        bool one = true;
        first = false;
        if (low == '[') /* [:alpha:] and the like */
            r->lost = true;
        if (low == '\\') {
            struct demand d = read_escape(r, &one, &low);
            blank |= d.blank;
            digits_only &= d.digits > 0;
        }
        if (!one)
            continue;
        high = low;
        if (r->at + 1 < r->s.n && r->s.p[r->at] == '-' && r->s.p[r->at + 1] != ']') {
            r->at++;
            high = (unsigned char)r->s.p[r->at++];
            if (high == '\\')
                (void)read_escape(r, &one, &high);
        }
        digits_only &= low >= '0' && high <= '9';
        blank |= low <= ' ' && high >= 9;
    }
    if (!more(r))
        r->lost = true;
    r->at++;
    if (negated)
        return (struct demand){ 0, 1, true };
    return (struct demand){ digits_only, 1, blank };
}

static struct demand read_group(struct reader *r)
{
    if (r->at + 1 < r->s.n && r->s.p[r->at] == '?') {
        if (r->s.p[r->at + 1] != ':')
            r->lost = true;
        r->at += 2;
    }
    if (++r->depth > DEPTH_MAX)
        r->lost = true;
    struct demand d = read_choice(r);
    r->depth--;
    if (!more(r) || r->s.p[r->at] != ')')
        r->lost = true;
    r->at++;
    return d;
}

static struct demand read_atom(struct reader *r)
{
    char c = r->s.p[r->at++];
    bool one;
    unsigned char x;
    switch (c) {
    case '(': return read_group(r);
    case '[': return read_class(r);
    case '\\': return read_escape(r, &one, &x);
    case '.': return (struct demand){ 0, 1, true };
    case '^': case '$': return (struct demand){ 0, 0, false };
    default: return one_char((unsigned char)c);
    }
}

/* How often at least: *, ?, +, {n}, {n,}, {n,m}; a '?' or '+' behind changes nothing of that. */
static uint32_t read_repeat(struct reader *r)
{
    uint32_t n = 1;
    if (!more(r))
        return 1;
    char c = r->s.p[r->at];
    if (c == '{') {
        size_t at = r->at + 1;
        for (n = 0; at < r->s.n && r->s.p[at] >= '0' && r->s.p[at] <= '9' && n < COUNT_MAX; at++)
            n = n * 10 + (uint32_t)(r->s.p[at] - '0');
        if (at == r->at + 1 || at == r->s.n || (r->s.p[at] != ',' && r->s.p[at] != '}')) {
            r->lost = true; /* a brace that is itself meant */
            return 0;
        }
        while (at < r->s.n && r->s.p[at] != '}')
            at++;
        r->at = at + 1;
    } else if (c == '*' || c == '?' || c == '+') {
        n = c == '+';
        r->at++;
    } else {
        return 1;
    }
    if (more(r) && (r->s.p[r->at] == '?' || r->s.p[r->at] == '+'))
        r->at++;
    return n;
}

static struct demand read_sequence(struct reader *r)
{
    struct demand sum = { 0, 0, false };
    while (more(r) && r->s.p[r->at] != '|' && r->s.p[r->at] != ')') {
        struct demand d = read_atom(r);
        uint32_t n = read_repeat(r);
        sum.digits += d.digits < COUNT_MAX ? d.digits * n : 0;
        sum.width += d.width < COUNT_MAX ? d.width * n : 0;
        sum.blank |= d.blank;
        if (sum.digits > COUNT_MAX || sum.width > COUNT_MAX)
            r->lost = true;
    }
    return sum;
}

static struct demand read_choice(struct reader *r)
{
    struct demand least = read_sequence(r);
    while (more(r) && r->s.p[r->at] == '|') {
        r->at++;
        struct demand d = read_sequence(r);
        least.digits = d.digits < least.digits ? d.digits : least.digits;
        least.width = d.width < least.width ? d.width : least.width;
        least.blank |= d.blank;
    }
    return least;
}

struct gate gate_of_pattern(struct str pattern)
{
    struct reader r = { .s = pattern };
    struct demand d = read_choice(&r);
    if (r.lost || r.at != pattern.n)
        return (struct gate){ 0, 0 };
    return (struct gate){ .digits = d.digits, .token = d.blank ? 0 : d.width };
}

/* ---- the text ---- */

struct measure measure_text(struct str s)
{
    struct measure m = { 0, 0, 0 };
    uint32_t last[256]; /* where the newest digits stood */
    size_t start = 0, tail = 0;
    for (size_t i = 0; i < s.n; i++) {
        unsigned char c = (unsigned char)s.p[i];
        if (c <= ' ') {
            if (c == ' ' || (c >= 9 && c <= 13)) {
                m.token = i - start > m.token ? (uint32_t)(i - start) : m.token;
                start = i + 1;
            }
            continue;
        }
        if (c > '9' || c < '0')
            continue;
        last[m.digits++ % 256] = (uint32_t)i;
        while (last[tail % 256] + GATE_WINDOW <= i)
            tail++;
        if (m.digits - tail > m.near)
            m.near = (uint32_t)(m.digits - tail);
    }
    m.token = s.n - start > m.token ? (uint32_t)(s.n - start) : m.token;
    return m;
}
