/* SPDX-License-Identifier: GPL-3.0-or-later
 * A reader of YARA source as far as the borders of rules and the shape of conditions go. libyara has compiled the same text before, so
 * mistakes need no message here: what is not understood is compiled and scanned as a whole. */
#include "yara_text.h"

#include <stdlib.h>

enum token_kind { T_END, T_WORD, T_STRING_ID, T_COUNT_ID, T_NUMBER, T_TEXT, T_MARK, T_LOST };
struct token { enum token_kind kind; struct str s; };
struct reader { struct str s; size_t at; char before; /* the last character of the token before */ };

static bool word_char(char c)
{
    return (c >= '0' && c <= '9') || ((c | 32) >= 'a' && (c | 32) <= 'z') || c == '_';
}

static void skip_blanks(struct reader *r)
{
    while (r->at < r->s.n) {
        const char *p = r->s.p + r->at;
        size_t left = r->s.n - r->at;
        if (*p == ' ' || (*p >= 9 && *p <= 13)) {
            r->at++;
        } else if (left > 1 && p[0] == '/' && p[1] == '/') {
            const char *end = memchr(p, '\n', left);
            r->at = end ? (size_t)(end - r->s.p) : r->s.n;
        } else if (left > 1 && p[0] == '/' && p[1] == '*') {
            const char *end = memmem(p + 2, left - 2, "*/", 2);
            r->at = end ? (size_t)(end - r->s.p) + 2 : r->s.n;
        } else {
            return;
        }
    }
}

/* Up to `close`, which a backslash hides. False: the line or the text ends before. */
static bool skip_quoted(struct reader *r, char close, bool lines)
{
    for (r->at++; r->at < r->s.n; r->at++) {
        char c = r->s.p[r->at];
        if (c == close) {
            r->at++;
            return true;
        }
        if (c == '\n' && !lines)
            return false;
        if (c == '\\' && close != '}')
            r->at++;
    }
    return false;
}

static struct token next(struct reader *r)
{
    struct token t = { T_MARK, STR_NONE };
    skip_blanks(r);
    size_t from = r->at;
    if (from >= r->s.n)
        return (struct token){ T_END, STR_NONE };
    char c = r->s.p[from];
    /* a division is written with a backslash, so a slash begins an expression; a brace behind '=' begins bytes */
    if (c == '"' || c == '/' || (c == '{' && r->before == '=')) {
        t.kind = skip_quoted(r, c == '{' ? '}' : c, c == '{') ? T_TEXT : T_LOST;
    } else if (word_char(c) || c == '$' || c == '#' || c == '@' || (c == '!' && from + 1 < r->s.n && r->s.p[from + 1] != '=')) {
        t.kind = c == '$' ? T_STRING_ID : c == '#' ? T_COUNT_ID : c >= '0' && c <= '9' ? T_NUMBER : word_char(c) ? T_WORD : T_MARK;
        for (r->at++; r->at < r->s.n && word_char(r->s.p[r->at]);)
            r->at++;
    } else {
        r->at++;
    }
    t.s = (struct str){ r->s.p + from, r->at - from };
    r->before = t.s.p[t.s.n - 1];
    return t;
}

static struct token peek(const struct reader *r)
{
    struct reader copy = *r;
    return next(&copy);
}

static bool is(struct token t, const char *s)
{
    return (t.kind == T_WORD || t.kind == T_MARK) && str_eq(t.s, str_c(s));
}

bool yara_text_names(struct str text, struct str name)
{
    struct reader r = { .s = text };
    for (struct token t = next(&r); t.kind != T_END && t.kind != T_LOST; t = next(&r))
        if (t.kind == T_WORD && str_eq(t.s, name))
            return true;
    return false;
}

struct str yara_text_expression(struct str rule, struct str name)
{
    struct reader r = { .s = rule };
    struct token t = next(&r);
    while (t.kind != T_END && t.kind != T_LOST && !(t.kind == T_STRING_ID && str_eq(t.s, name)))
        t = next(&r);
    if (t.kind != T_STRING_ID || name.n < 2 || !is(next(&r), "="))
        return STR_NONE;
    struct token x = next(&r);
    if (x.kind != T_TEXT || x.s.n < 3 || x.s.p[0] != '/')
        return STR_NONE;
    for (t = next(&r); t.kind == T_WORD && !is(t, "condition"); t = next(&r))
        if (is(t, "wide"))
            return STR_NONE;
    return (struct str){ x.s.p + 1, x.s.n - 2 };
}

/* ---- conditions ---- */

/* or binds least, then and; a term is what stands between them. What is not plainly a demand is none. */
struct condition { struct reader r; unsigned depth; };
#define DEPTH_MAX 64u

static struct yara_demand read_or(struct condition *c);

/* To the next and, or, closing bracket or end on this level. Returns how many tokens were passed. */
static size_t skip_term(struct condition *c)
{
    size_t n = 0, open = 0;
    for (struct token t = peek(&c->r); t.kind != T_END && t.kind != T_LOST; t = peek(&c->r)) {
        if (!open && (is(t, "and") || is(t, "or") || is(t, ")")))
            break;
        open += is(t, "(") || is(t, "[");
        open -= open && (is(t, ")") || is(t, "]"));
        (void)next(&c->r);
        n++;
    }
    return n;
}

static bool ends_term(const struct condition *c)
{
    struct token t = peek(&c->r);
    return t.kind == T_END || is(t, "and") || is(t, "or") || is(t, ")");
}

static bool is_set_of_strings(struct condition *c)
{
    struct token t = next(&c->r);
    if (is(t, "them"))
        return true;
    if (!is(t, "("))
        return false;
    bool strings = true;
    for (t = next(&c->r); t.kind != T_END && t.kind != T_LOST && !is(t, ")"); t = next(&c->r))
        strings &= t.kind == T_STRING_ID || is(t, ",") || is(t, "*");
    return strings && is(t, ")");
}

static bool number(struct token t)
{
    bool digits = t.kind == T_NUMBER && t.s.n < 10;
    for (size_t i = 0; i < t.s.n && digits; i++)
        digits = t.s.p[i] >= '0' && t.s.p[i] <= '9';
    return digits;
}

static bool positive(struct token t)
{
    size_t i = 0;
    while (i < t.s.n && t.s.p[i] == '0')
        i++;
    return number(t) && i < t.s.n;
}

/* Behind #a: "> 0", ">= 1" or "== 3". Takes nothing that it does not know. */
static bool is_count(struct condition *c)
{
    bool more = is(peek(&c->r), ">"), same = is(peek(&c->r), "=");
    if (!more && !same)
        return false;
    (void)next(&c->r);
    if (is(peek(&c->r), "=")) {
        (void)next(&c->r);
        more = false;
    } else if (same) {
        return false;
    }
    struct token n = peek(&c->r);
    if (more ? !number(n) : !positive(n))
        return false;
    (void)next(&c->r);
    return true;
}

/* Behind uint16, uint32be and the like: "(0) == number". The bytes that the text begins with. */
static bool is_beginning(struct condition *c, struct str type, struct yara_demand *ret)
{
    static const char *const between[] = { "(", "0", ")", "=", "=" };
    bool big = type.n > 2 && type.p[type.n - 1] == 'e';
    uint8_t n = type.p[4] == '1' ? 2 : 4;
    for (size_t i = 0; i < sizeof between / sizeof *between; i++) {
        if (!str_eq(peek(&c->r).s, str_c(between[i])))
            return false;
        (void)next(&c->r);
    }
    struct token t = peek(&c->r);
    char text[16] = "", *end;
    if (t.kind != T_NUMBER || t.s.n >= sizeof text)
        return false;
    (void)next(&c->r);
    memcpy(text, t.s.p, t.s.n);
    bool hex = t.s.n > 2 && text[0] == '0' && text[1] == 'x';
    unsigned long v = strtoul(text, &end, hex ? 16 : 10);
    if (*end || (!hex && text[0] == '0') || v >> (8 * n))
        return false;
    ret->n = n;
    for (unsigned i = 0; i < n; i++)
        ret->bytes[big ? n - 1 - i : i] = (uint8_t)(v >> 8 * i);
    return true;
}

static bool is_header_type(struct token t)
{
    return is(t, "uint16") || is(t, "uint32") || is(t, "uint16be") || is(t, "uint32be");
}

static struct yara_demand read_term(struct condition *c)
{
    static const struct yara_demand nothing;
    struct token t = peek(&c->r);
    struct yara_demand d = nothing;
    if (is(t, "(") && c->depth < DEPTH_MAX) {
        (void)next(&c->r);
        c->depth++;
        d = read_or(c);
        c->depth--;
        bool closed = is(next(&c->r), ")");
        return skip_term(c) == 0 && closed ? d : nothing; /* something behind it: it was arithmetic */
    }
    if (t.kind == T_STRING_ID && t.s.n > 1) {
        (void)next(&c->r);
        d.string = ends_term(c) || is(peek(&c->r), "at") || is(peek(&c->r), "in");
    } else if (t.kind == T_COUNT_ID && t.s.n > 1) {
        (void)next(&c->r);
        d.string = is_count(c) && ends_term(c);
    } else if (is_header_type(t)) {
        (void)next(&c->r);
        if (!is_beginning(c, t.s, &d) || !ends_term(c))
            d = nothing;
    } else if (is(t, "any") || is(t, "all") || positive(t)) {
        (void)next(&c->r);
        if (is(peek(&c->r), "of")) {
            (void)next(&c->r);
            d.string = is_set_of_strings(c) && (ends_term(c) || is(peek(&c->r), "in"));
        }
    }
    (void)skip_term(c);
    return d;
}

/* Both must hold: the demand that is met more rarely is enough. */
static struct yara_demand stricter(struct yara_demand a, struct yara_demand b)
{
    if (demands_nothing(&a) || demands_nothing(&b))
        return demands_nothing(&a) ? b : a;
    if (a.string != b.string)
        return a.string ? b : a;
    return a.n ? b : a;
}

static struct yara_demand either(struct yara_demand a, struct yara_demand b)
{
    static const struct yara_demand nothing;
    if (demands_nothing(&a) || demands_nothing(&b) || (a.n && b.n && (a.n != b.n || memcmp(a.bytes, b.bytes, a.n) != 0)))
        return nothing;
    if (!a.n) {
        a.n = b.n;
        memcpy(a.bytes, b.bytes, sizeof a.bytes);
    }
    a.string |= b.string;
    return a;
}

static struct yara_demand read_and(struct condition *c)
{
    struct yara_demand d = read_term(c);
    while (is(peek(&c->r), "and")) {
        (void)next(&c->r);
        d = stricter(d, read_term(c));
    }
    return d;
}

static struct yara_demand read_or(struct condition *c)
{
    struct yara_demand d = read_and(c);
    while (is(peek(&c->r), "or")) {
        (void)next(&c->r);
        d = either(d, read_and(c));
    }
    return d;
}

static struct yara_demand demand_of(struct str text)
{
    static const struct yara_demand nothing;
    struct condition c = { .r = { .s = text } };
    struct yara_demand d = read_or(&c);
    return next(&c.r).kind == T_END ? d : nothing;
}

/* ---- rules ---- */

/* Behind the name: to the brace that closes the rule. */
static bool read_body(struct reader *r, struct yara_rule_text *rule)
{
    struct token t;
    size_t start = SIZE_MAX;
    do
        t = next(r);
    while (t.kind != T_END && t.kind != T_LOST && !is(t, "{"));
    for (t = next(r); t.kind != T_END && t.kind != T_LOST; t = next(r)) {
        if (is(t, "}")) {
            if (start == SIZE_MAX)
                return false;
            rule->condition = (struct str){ r->s.p + start, r->at - 1 - start };
            return true;
        }
        if (is(t, "condition") && is(peek(r), ":")) {
            (void)next(r);
            start = r->at;
        }
    }
    return false;
}

static void *grown(struct arena *a, void *v, size_t n, size_t size)
{
    if (n & (n - 1)) /* room is doubled at each power of two */
        return v;
    void *p = arena_alloc(a, (n ? n * 2 : 1) * size);
    if (p && n)
        memcpy(p, v, n * size);
    return p;
}

static int read_all(struct str text, struct arena *a, struct yara_file_text *f)
{
    struct reader r = { .s = text };
    size_t start = SIZE_MAX;
    for (;;) {
        skip_blanks(&r);
        size_t at = r.at;
        struct token t = next(&r);
        if (t.kind == T_END)
            break;
        if (is(t, "import")) {
            t = next(&r);
            f->imports = grown(a, f->imports, f->n_imports, sizeof *f->imports);
            if (!f->imports)
                return GW_ERR(NOMEM);
            if (t.kind != T_TEXT || t.s.n < 2)
                f->whole = true;
            else
                f->imports[f->n_imports++] = (struct str){ t.s.p + 1, t.s.n - 2 };
        } else if (is(t, "private")) {
            start = at;
        } else if (is(t, "rule")) {
            struct yara_rule_text rule = { .name = next(&r).s };
            start = start == SIZE_MAX ? at : start;
            f->rules = grown(a, f->rules, f->n_rules, sizeof *f->rules);
            if (!f->rules)
                return GW_ERR(NOMEM);
            if (!read_body(&r, &rule)) {
                f->whole = true;
                break;
            }
            rule.text = (struct str){ text.p + start, r.at - start };
            rule.demand = demand_of(rule.condition);
            rule.group = f->n_rules;
            f->rules[f->n_rules++] = rule;
            start = SIZE_MAX;
        } else { /* include, global, or something unknown */
            f->whole = true;
            break;
        }
    }
    return 0;
}

/* ---- which rules name each other ---- */

static int by_name(const void *va, const void *vb)
{
    const struct yara_rule_text *a = *(const struct yara_rule_text *const *)va, *b = *(const struct yara_rule_text *const *)vb;
    size_t n = a->name.n < b->name.n ? a->name.n : b->name.n;
    int c = memcmp(a->name.p, b->name.p, n);
    return c ? c : a->name.n < b->name.n ? -1 : a->name.n > b->name.n;
}

static size_t root(struct yara_file_text *f, size_t i)
{
    while (f->rules[i].group != i)
        i = f->rules[i].group = f->rules[f->rules[i].group].group;
    return i;
}

static void join(struct yara_file_text *f, size_t a, size_t b)
{
    a = root(f, a);
    b = root(f, b);
    if (a < b)
        f->rules[b].group = a;
    else
        f->rules[a].group = b;
}

static int join_all(struct arena *a, struct yara_file_text *f)
{
    struct yara_rule_text **sorted = arena_alloc(a, (f->n_rules + 1) * sizeof *sorted);
    if (!sorted)
        return GW_ERR(NOMEM);
    for (size_t i = 0; i < f->n_rules; i++)
        sorted[i] = &f->rules[i];
    qsort(sorted, f->n_rules, sizeof *sorted, by_name);
    for (size_t i = 0; i < f->n_rules; i++) {
        struct reader r = { .s = f->rules[i].condition };
        for (struct token t = next(&r); t.kind != T_END && t.kind != T_LOST; t = next(&r)) {
            if (t.kind != T_WORD)
                continue;
            if (is(peek(&r), "*")) /* all rules whose name begins so; or a product */
                for (size_t k = 0; k < i; k++)
                    if (f->rules[k].name.n >= t.s.n && memcmp(f->rules[k].name.p, t.s.p, t.s.n) == 0)
                        join(f, k, i);
            struct yara_rule_text key = { .name = t.s }, *pkey = &key;
            struct yara_rule_text **found = bsearch(&pkey, sorted, f->n_rules, sizeof *sorted, by_name);
            if (found)
                join(f, (size_t)(*found - f->rules), i);
        }
    }
    for (size_t i = 0; i < f->n_rules; i++)
        f->rules[i].group = root(f, i);
    return 0;
}

int yara_text_read(struct str text, struct arena *a, struct yara_file_text *ret)
{
    *ret = (struct yara_file_text){ 0 };
    int err = read_all(text, a, ret);
    if (!err && !ret->whole)
        err = join_all(a, ret);
    return err;
}
