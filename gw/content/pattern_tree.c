/* SPDX-License-Identifier: GPL-3.0-or-later
 * A small reader of regular expressions: groups, choices, brackets, repeats. What it does not know it does not guess. */
#include "pattern_tree.h"

#define DEPTH_MAX 20u
#define COUNT_MAX 100000u

struct reader { struct str s; size_t at; unsigned depth; bool caseless, lost; struct arena *arena; };

static struct tree *read_choice(struct reader *r);

static struct tree *node(struct reader *r, enum tree_kind kind)
{
    struct tree *t = arena_alloc(r->arena, sizeof *t);
    if (t)
        *t = (struct tree){ .kind = kind };
    else
        r->lost = true;
    return t;
}

static bool more(const struct reader *r)
{
    return r->at < r->s.n && !r->lost;
}

static int hex_of(char c)
{
    return c >= '0' && c <= '9' ? c - '0' : c >= 'a' && c <= 'f' ? c - 'a' + 10 : c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}

/* ---- sets ---- */

static void add_range(struct byte_set *s, unsigned from, unsigned to)
{
    for (unsigned c = from; c <= to; c++)
        set_add(s, (unsigned char)c);
}

static void turn_over(struct byte_set *s)
{
    for (size_t i = 0; i < 4; i++)
        s->bits[i] = ~s->bits[i];
}

static void both_cases(struct byte_set *s)
{
    for (unsigned c = 'a'; c <= 'z'; c++)
        if (set_has(s, (unsigned char)c) || set_has(s, (unsigned char)(c - 32))) {
            set_add(s, (unsigned char)c);
            set_add(s, (unsigned char)(c - 32));
        }
}

static bool add_class(struct byte_set *s, char c)
{
    struct byte_set x = { { 0 } };
    switch (c | 32) {
    case 'd': add_range(&x, '0', '9'); break;
    case 'w': add_range(&x, '0', '9'); add_range(&x, 'a', 'z'); add_range(&x, 'A', 'Z'); set_add(&x, '_'); break;
    case 's': set_add(&x, ' '); add_range(&x, 9, 13); break;
    default: return false;
    }
    if (c < 'a')
        turn_over(&x);
    for (size_t i = 0; i < 4; i++)
        s->bits[i] |= x.bits[i];
    return true;
}

/* Behind a backslash, into the set. ret_char: the one character that it is, or -1. */
static void read_escape(struct reader *r, struct byte_set *s, int *ret_char)
{
    char c = r->at < r->s.n ? r->s.p[r->at++] : 0;
    *ret_char = -1;
    if (add_class(s, c))
        return;
    switch (c) {
    case 'x':
        if (r->at + 1 < r->s.n && hex_of(r->s.p[r->at]) >= 0 && hex_of(r->s.p[r->at + 1]) >= 0) {
            *ret_char = hex_of(r->s.p[r->at]) << 4 | hex_of(r->s.p[r->at + 1]);
            r->at += 2;
        }
        break;
    case 'n': *ret_char = '\n'; break;
    case 't': *ret_char = '\t'; break;
    case 'r': *ret_char = '\r'; break;
    case 'f': *ret_char = '\f'; break;
    default:
        if ((unsigned char)c < 0x80 && c && !((c | 32) >= 'a' && (c | 32) <= 'z') && !(c >= '0' && c <= '9'))
            *ret_char = (unsigned char)c;
    }
    if (*ret_char < 0)
        r->lost = true; /* back-references, properties: let Hyperscan say what it thinks of them */
    else
        set_add(s, (unsigned char)*ret_char);
}

/* Behind '['. */
static void read_brackets(struct reader *r, struct byte_set *s)
{
    bool first = true, negated = more(r) && r->s.p[r->at] == '^';
    r->at += negated;
    while (more(r) && (first || r->s.p[r->at] != ']')) {
        int low = (unsigned char)r->s.p[r->at++], high;
        first = false;
        if (low == '[') /* [:alpha:] and the like */
            r->lost = true;
        if (low == '\\')
            read_escape(r, s, &low);
        if (low < 0)
            continue;
        high = low;
        if (r->at + 1 < r->s.n && r->s.p[r->at] == '-' && r->s.p[r->at + 1] != ']') {
            r->at++;
            high = (unsigned char)r->s.p[r->at++];
            if (high == '\\')
                read_escape(r, s, &high);
        }
        if (high < low)
            r->lost = true;
        else
            add_range(s, (unsigned)low, (unsigned)high);
    }
    if (!more(r))
        r->lost = true;
    r->at++;
    if (negated) /* case matters to none of it: more matches, which is never wrong here */
        turn_over(s);
}

/* ---- the rest ---- */

static struct tree *read_group(struct reader *r)
{
    if (r->at + 1 < r->s.n && r->s.p[r->at] == '?') {
        if (r->s.p[r->at + 1] != ':')
            r->lost = true;
        r->at += 2;
    }
    if (++r->depth > DEPTH_MAX)
        r->lost = true;
    struct tree *t = r->lost ? NULL : read_choice(r);
    r->depth--;
    if (!more(r) || r->s.p[r->at] != ')')
        r->lost = true;
    r->at++;
    return t;
}

static struct tree *read_atom(struct reader *r)
{
    char c = r->s.p[r->at++];
    int one;
    if (c == '(')
        return read_group(r);
    if (strchr("*+?{", c)) { /* what it repeats was read: this begins a control verb, as in "(*UTF8)", or is itself meant */
        r->lost = true;
        return NULL;
    }
    /* not \A, \z and \Z: for libyara they are letters */
    bool edge = c == '^' || c == '$' || (c == '\\' && r->at < r->s.n && (r->s.p[r->at] == 'b' || r->s.p[r->at] == 'B'));
    if (edge) {
        r->at += c == '\\';
        return node(r, TREE_SEQUENCE);
    }
    struct tree *t = node(r, TREE_SET);
    if (!t)
        return NULL;
    if (c == '[')
        read_brackets(r, &t->set);
    else if (c == '\\')
        read_escape(r, &t->set, &one);
    else if (c == '.')
        turn_over(&t->set);
    else
        set_add(&t->set, (unsigned char)c);
    if (r->caseless)
        both_cases(&t->set);
    return t;
}

static uint32_t read_count(struct reader *r, size_t *at)
{
    uint32_t n = 0;
    for (; *at < r->s.n && r->s.p[*at] >= '0' && r->s.p[*at] <= '9' && n < COUNT_MAX; ++*at)
        n = n * 10 + (uint32_t)(r->s.p[*at] - '0');
    return n;
}

/* *, ?, +, {n}, {n,}, {n,m}; a '?' or '+' behind changes nothing of what matches. False: there is none. */
static bool read_repeat(struct reader *r, uint32_t *min, uint32_t *max)
{
    if (!more(r))
        return false;
    char c = r->s.p[r->at];
    if (c == '{') {
        size_t at = r->at + 1;
        *min = *max = read_count(r, &at);
        if (at == r->at + 1 || at == r->s.n || (r->s.p[at] != ',' && r->s.p[at] != '}')) {
            r->lost = true; /* a brace that is itself meant */
            return false;
        }
        if (r->s.p[at] == ',') {
            size_t from = ++at;
            *max = read_count(r, &at);
            if (at == from)
                *max = TREE_MANY;
        }
        if (at == r->s.n || r->s.p[at] != '}' || *max < *min) {
            r->lost = true;
            return false;
        }
        r->at = at + 1;
    } else if (c == '*' || c == '?' || c == '+') {
        *min = c == '+';
        *max = c == '?' ? 1 : TREE_MANY;
        r->at++;
    } else {
        return false;
    }
    if (more(r) && (r->s.p[r->at] == '?' || r->s.p[r->at] == '+'))
        r->at++;
    return true;
}

static struct tree *read_sequence(struct reader *r)
{
    struct tree *all = node(r, TREE_SEQUENCE), **end = all ? &all->first : NULL;
    while (more(r) && r->s.p[r->at] != '|' && r->s.p[r->at] != ')') {
        struct tree *t = read_atom(r), *times;
        uint32_t min, max;
        if (t && read_repeat(r, &min, &max) && (times = node(r, TREE_REPEAT))) {
            times->first = t;
            times->min = min;
            times->max = max;
            t = times;
        }
        if (r->lost || !t)
            return NULL;
        *end = t;
        end = &t->next;
    }
    return r->lost ? NULL : all;
}

static struct tree *read_choice(struct reader *r)
{
    struct tree *one = read_sequence(r), *all;
    if (!one || !more(r) || r->s.p[r->at] != '|')
        return one;
    if (!(all = node(r, TREE_CHOICE)))
        return NULL;
    all->first = one;
    while (one && more(r) && r->s.p[r->at] == '|') {
        r->at++;
        one->next = read_sequence(r);
        one = one->next;
    }
    return r->lost || !one ? NULL : all;
}

const struct tree *tree_read(struct str pattern, bool caseless, struct arena *a)
{
    struct reader r = { .s = pattern, .caseless = caseless, .arena = a };
    const struct tree *t = read_choice(&r);
    return r.lost || r.at != pattern.n ? NULL : t;
}
