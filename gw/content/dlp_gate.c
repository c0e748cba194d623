/* SPDX-License-Identifier: GPL-3.0-or-later
 * Counts what every match of a pattern must hold, and what a text holds. */
#include "dlp_gate.h"

#define DEMAND_MAX 100000u

enum { IS_BLANK = 1, IS_DIGIT = 2, IS_ALNUM = 4, IS_TOKEN = 8 };
#define LETTER (IS_ALNUM | IS_TOKEN)
static const unsigned char kinds[256] = { [9 ... 13] = IS_BLANK, [' '] = IS_BLANK, ['0' ... '9'] = IS_DIGIT | LETTER, ['A' ... 'Z'] = LETTER, ['a' ... 'z'] = LETTER,
    ['+'] = IS_TOKEN, ['/'] = IS_TOKEN, ['='] = IS_TOKEN, ['-'] = IS_TOKEN, ['_'] = IS_TOKEN };

static struct byte_set of_kind(unsigned kind)
{
    struct byte_set s = { { 0 } };
    for (unsigned c = 0; c < 256; c++)
        if (kinds[c] & kind)
            set_add(&s, (unsigned char)c);
    return s;
}

/* ---- the pattern ---- */

struct demand { uint32_t digits, width; struct byte_set used; };

static uint32_t bounded(uint64_t n)
{
    return n < DEMAND_MAX ? (uint32_t)n : DEMAND_MAX;
}

static void use(struct byte_set *s, const struct byte_set *more)
{
    for (size_t i = 0; i < 4; i++)
        s->bits[i] |= more->bits[i];
}

static struct demand demand_of(const struct tree *t, const struct byte_set *digits)
{
    struct demand sum = { 0 };
    bool first = true;
    if (t->kind == TREE_SET)
        return (struct demand){ set_within(&t->set, digits), 1, t->set };
    for (const struct tree *c = t->first; c; c = c->next, first = false) {
        struct demand d = demand_of(c, digits);
        use(&sum.used, &d.used);
        if (t->kind == TREE_CHOICE) {
            sum.digits = first || d.digits < sum.digits ? d.digits : sum.digits;
            sum.width = first || d.width < sum.width ? d.width : sum.width;
            continue;
        }
        uint64_t times = t->kind == TREE_REPEAT ? t->min : 1;
        sum.digits = bounded(sum.digits + d.digits * times);
        sum.width = bounded(sum.width + d.width * times);
    }
    return sum;
}

static bool only_ascii(const struct byte_set *s)
{
    return !s->bits[2] && !s->bits[3];
}

struct gate gate_of_tree(const struct tree *t)
{
    struct byte_set digits = of_kind(IS_DIGIT), blanks = of_kind(IS_BLANK), alnum = of_kind(IS_ALNUM), token = of_kind(IS_TOKEN);
    if (!t)
        return (struct gate){ 0 };
    struct demand d = demand_of(t, &digits);
    struct gate g = { .ascii = only_ascii(&d.used), .digits = d.digits, .own_digits = d.digits, .token = set_meets(&d.used, &blanks) ? 0 : d.width, .alnum = set_within(&d.used, &alnum) ? d.width : 0 };
    if (d.width >= RUN_LEAST && set_within(&d.used, &token)) {
        g.alphabet = set_within(&d.used, &alnum) ? RUN_ALNUM : RUN_TOKEN;
        g.run = d.width;
        g.run_digits = d.digits < RUN_DIGITS ? d.digits : RUN_DIGITS - 1;
    }
    return g;
}

uint64_t gate_lengths(uint32_t low, uint32_t high)
{
    low = low < WHOLE_MAX ? low : WHOLE_MAX;
    high = high < WHOLE_MAX ? high : WHOLE_MAX;
    return low > high ? 0 : UINT64_MAX << low & UINT64_MAX >> (WHOLE_MAX - high);
}

/* ---- the text ---- */

/* A run of n bytes ends before `to`. */
static void end_run(struct measure *m, unsigned alphabet, size_t to, size_t n, uint32_t digits)
{
    if (n < RUN_LEAST)
        return;
    if (m->n_runs < PLACES_MAX)
        m->runs[m->n_runs] = (struct place_run){ (uint32_t)(to - n), (uint32_t)to, digits, alphabet };
    m->n_runs += m->n_runs <= PLACES_MAX;
    for (uint32_t i = 0; i <= digits && i < RUN_DIGITS; i++)
        if (m->run[alphabet][i] < n)
            m->run[alphabet][i] = (uint32_t)n;
}

static void end_whole(struct measure *m, size_t to, size_t n, uint32_t digits, uint32_t first)
{
    m->whole[digits < RUN_DIGITS ? digits : RUN_DIGITS - 1] |= UINT64_C(1) << (n < WHOLE_MAX ? n : WHOLE_MAX);
    end_run(m, RUN_ALNUM, to, n, digits);
    if (!digits)
        return;
    if (m->n_places < PLACES_MAX)
        m->places[m->n_places] = (struct place_digits){ first, m->last_digit, digits, (uint32_t)n };
    m->n_places += m->n_places <= PLACES_MAX;
}

/* The newest digits, and how many of them lie within the window. */
struct digits { uint32_t at[GATE_WINDOW]; uint32_t tail; };

static void digit(struct measure *m, struct digits *d, size_t i)
{
    if (!m->digits)
        m->first_digit = (uint32_t)i;
    m->last_digit = (uint32_t)i;
    while (d->tail < m->digits && d->at[d->tail % GATE_WINDOW] + GATE_WINDOW <= i)
        d->tail++;
    d->at[m->digits++ % GATE_WINDOW] = (uint32_t)i;
    if (m->digits - d->tail > m->near)
        m->near = m->digits - d->tail;
}

struct measure measure_text(struct str s, char *shapes)
{
    static const char shape_of[256] = {
#define ROW(n) n, n + 1, n + 2, n + 3, n + 4, n + 5, n + 6, n + 7, n + 8, n + 9, n + 10, n + 11, n + 12, n + 13, n + 14, n + 15
        ROW(0), ROW(16), ROW(32), '0', '0', '0', '0', '0', '0', '0', '0', '0', '0', ':', ';', '<', '=', '>', '?', '@', 'a', 'a', 'a', 'a', 'a', 'a', 'a', 'a', 'a', 'a',
        'a', 'a', 'a', 'a', 'a', 'a', 'a', 'a', 'a', 'a', 'a', 'a', 'a', 'a', 'a', 'a', '[', '\\', ']', '^', '_', '`', 'a', 'a', 'a', 'a', 'a', 'a', 'a', 'a', 'a', 'a',
        'a', 'a', 'a', 'a', 'a', 'a', 'a', 'a', 'a', 'a', 'a', 'a', 'a', 'a', 'a', 'a', '{', '|', '}', '~', 127, ROW(-128), ROW(-112), ROW(-96), ROW(-80), ROW(-64), ROW(-48),
        ROW(-32), ROW(-16)
#undef ROW
    };
    struct measure m = { 0 };
    struct digits d;
    size_t start = 0, alnum = 0, token = 0;
    uint32_t alnum_digits = 0, token_digits = 0; /* before the run */
    uint32_t first = 0;                          /* digit of the run */
    d.tail = 0;
    for (size_t i = 0; i < s.n && shapes; i++)
        shapes[i] = shape_of[(unsigned char)s.p[i]];
    for (size_t i = 0; i < s.n; i++) {
        unsigned k = kinds[(unsigned char)s.p[i]];
        if (k == LETTER)
            continue;
        if (k & IS_DIGIT) {
            first = m.digits == alnum_digits ? (uint32_t)i : first;
            digit(&m, &d, i);
            continue;
        }
        end_whole(&m, i, i - alnum, m.digits - alnum_digits, first);
        alnum = i + 1;
        alnum_digits = m.digits;
        if (k & IS_TOKEN)
            continue;
        end_run(&m, RUN_TOKEN, i, i - token, m.digits - token_digits);
        token = i + 1;
        token_digits = m.digits;
        if (k & IS_BLANK) {
            m.token = i - start > m.token ? (uint32_t)(i - start) : m.token;
            start = i + 1;
        }
    }
    end_whole(&m, s.n, s.n - alnum, m.digits - alnum_digits, first);
    for (size_t i = RUN_DIGITS - 1; i > 0; i--)
        m.whole[i - 1] |= m.whole[i];
    end_run(&m, RUN_TOKEN, s.n, s.n - token, m.digits - token_digits);
    m.token = s.n - start > m.token ? (uint32_t)(s.n - start) : m.token;
    return m;
}

/* ---- parts of the text ---- */

static struct part with_edges(size_t from, size_t to, size_t n)
{
    return (struct part){ (uint32_t)(from > 0 ? from - 1 : 0), (uint32_t)(to < n ? to + 1 : n) };
}

/* Matches that lie in one run: a byte of another kind stands on either side, which no match holds. */
static size_t run_parts(const struct gate *g, const struct measure *m, size_t n, struct part *ret)
{
    size_t parts = 0;
    for (size_t i = 0; i < m->n_runs; i++) {
        const struct place_run *r = &m->runs[i];
        uint32_t length = r->to - r->from;
        if (r->alphabet == g->alphabet && length >= g->run && r->digits >= g->run_digits &&
            (!g->whole || g->whole >> (length < WHOLE_MAX ? length : WHOLE_MAX) & 1))
            ret[parts++] = with_edges(r->from, r->to, n);
    }
    return parts;
}

static bool too_long(const struct gate *g, const struct place_digits *p)
{
    return g->longest && p->run > g->longest;
}

/* Matches no longer than width around their digits. Places whose parts would touch are one: the start of a match in one part must not depend on
 * where the other ends. */
static size_t digit_parts(const struct gate *g, const struct measure *m, size_t n, struct part *ret)
{
    size_t parts = 0;
    for (size_t i = 0; i < m->n_places;) {
        struct place_digits all = m->places[i++];
        if (too_long(g, &all))
            continue;
        for (; i < m->n_places && (too_long(g, &m->places[i]) || m->places[i].first - all.last <= 2 * g->width + 2); i++) {
            if (too_long(g, &m->places[i]))
                continue;
            all.last = m->places[i].last;
            all.n += m->places[i].n;
        }
        if (all.n >= g->own_digits)
            ret[parts++] = with_edges(all.first + 1 > g->width ? all.first + 1 - g->width : 0, (size_t)all.last + g->width < n ? (size_t)all.last + g->width : n, n);
    }
    return parts;
}

size_t gate_parts(const struct gate *g, const struct measure *m, size_t n, struct part *ret)
{
    if (g->run && m->n_runs <= PLACES_MAX)
        return run_parts(g, m, n, ret);
    if (g->own_digits && g->width && m->n_places <= PLACES_MAX)
        return digit_parts(g, m, n, ret);
    ret[0] = (struct part){ 0, (uint32_t)n };
    return 1;
}
