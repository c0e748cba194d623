/* SPDX-License-Identifier: GPL-3.0-or-later
 * Forms of values in profiles: what an attribute or a text may look like, and how that is written. */
#include <stdlib.h>
#include <string.h>

#include "jid.h"
#include "schema.h"

static bool all_of(struct str s, const char *more, bool letters)
{
    for (size_t i = 0; i < s.n; i++) {
        unsigned char c = (unsigned char)s.p[i];
        bool digit = c >= '0' && c <= '9', letter = (c | 32) >= 'a' && (c | 32) <= 'z';
        if (!digit && !(letters && letter) && !(c && strchr(more, c)))
            return false;
    }
    return s.n > 0;
}

static bool visible(struct str s)
{
    for (size_t i = 0; i < s.n; i++)
        if (s.p[i] <= ' ' || s.p[i] >= 127)
            return false;
    return s.n > 0;
}

static bool take_char(struct str *s, char c)
{
    if (!s->n || s->p[0] != c)
        return false;
    *s = (struct str){ s->p + 1, s->n - 1 };
    return true;
}

/* The next n characters: digits, and a number in that range. */
static bool take_digits(struct str *s, size_t n, int low, int high, int *ret)
{
    int v = 0;
    for (size_t i = 0; i < n; i++) {
        if (i >= s->n || s->p[i] < '0' || s->p[i] > '9')
            return false;
        v = v * 10 + s->p[i] - '0';
    }
    *s = (struct str){ s->p + n, s->n - n };
    *ret = v;
    return v >= low && v <= high;
}

static bool take_day(struct str *s, bool dashes)
{
    static const int days[] = { 31, 29, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31 };
    int year, month, day;
    return take_digits(s, 4, 0, 9999, &year) && (!dashes || take_char(s, '-')) && take_digits(s, 2, 1, 12, &month) && (!dashes || take_char(s, '-')) &&
        take_digits(s, 2, 1, days[month - 1], &day) && (month != 2 || day < 29 || (year % 4 == 0 && (year % 100 != 0 || year % 400 == 0)));
}

/* A date or a date and time of XEP-0082, or the old form of XEP-0091 (CCYYMMDDThh:mm:ss). A second may be a leap second; without a zone it is UTC. */
static bool is_date(struct str s)
{
    int x;
    bool dashes = s.n > 4 && s.p[4] == '-';
    if (s.n > 40 || !take_day(&s, dashes))
        return false;
    if (!s.n)
        return dashes;
    if (!take_char(&s, 'T') || !take_digits(&s, 2, 0, 23, &x) || !take_char(&s, ':') || !take_digits(&s, 2, 0, 59, &x) || !take_char(&s, ':') ||
        !take_digits(&s, 2, 0, 60, &x))
        return false;
    if (take_char(&s, '.')) {
        if (!take_digits(&s, 1, 0, 9, &x))
            return false;
        while (take_digits(&s, 1, 0, 9, &x))
            ;
    }
    if (!s.n || take_char(&s, 'Z'))
        return !s.n;
    return (take_char(&s, '+') || take_char(&s, '-')) && take_digits(&s, 2, 0, 14, &x) && take_char(&s, ':') && take_digits(&s, 2, 0, 59, &x) && !s.n;
}

static bool is_number(struct str s)
{
    if (s.n > 1 && (s.p[0] == '-' || s.p[0] == '+'))
        s = (struct str){ s.p + 1, s.n - 1 };
    return s.n <= 20 && all_of(s, "", false);
}

/* xs:byte, as the schema of RFC 6121 calls a priority */
static bool is_byte(struct str s)
{
    int n = 0;
    bool minus = s.n && s.p[0] == '-';
    if (!is_number(s))
        return false;
    for (size_t i = s.p[0] < '0'; i < s.n && n <= 128; i++)
        n = n * 10 + s.p[i] - '0';
    return n <= (minus ? 128 : 127);
}

static bool is_decimal(struct str s)
{
    const char *point = memchr(s.p, '.', s.n);
    if (!point)
        return is_number(s);
    struct str whole = { s.p, (size_t)(point - s.p) }, part = { point + 1, s.n - whole.n - 1 };
    return (!whole.n || is_number(whole)) && part.n <= 20 && all_of(part, "", false);
}

/* An address in the domain of whom the stanza comes from: what somebody else is said to have added is not believed. */
static bool is_own(const struct rec *r, struct str s)
{
    struct jid j;
    struct str local, domain, resource;
    jid_split(r->from, &local, &domain, &resource);
    return jid_prepare(s, &j) == 0 && str_eq(j.domain, domain);
}

bool schema_value_ok(const struct schema_value *v, const struct rec *r, struct str s)
{
    struct jid j;
    if (v->max && s.n > v->max)
        return false;
    switch (v->form) {
    case FORM_NONE:
        return s.n == 0;
    case FORM_ANY:
        return true;
    case FORM_NUMBER:
        return is_number(s);
    case FORM_BYTE:
        return is_byte(s);
    case FORM_DECIMAL:
        return is_decimal(s);
    case FORM_BOOL:
        return str_eq(s, STR("true")) || str_eq(s, STR("false")) || str_eq(s, STR("0")) || str_eq(s, STR("1"));
    case FORM_LANG:
        return s.n <= 35 && all_of(s, "-", true);
    case FORM_DATE:
        return is_date(s);
    case FORM_JID:
        return jid_prepare(s, &j) == 0;
    case FORM_OWN:
        return is_own(r, s);
    case FORM_TOKEN:
        return s.n <= 1023 && all_of(s, "._:/#@+=~-", true);
    case FORM_ID:
        return s.n <= 1023 && visible(s);
    case FORM_BASE64:
        return all_of(s, "+/=\n\r\t ", true);
    case FORM_HEX:
        for (size_t i = 0; i < s.n; i++)
            if (!strchr("0123456789abcdefABCDEF", s.p[i]))
                return false;
        return s.n > 0;
    case FORM_URI:
        return visible(s) && memchr(s.p, ':', s.n);
    case FORM_LIST:
        return list_has(v->list, s);
    case FORM_WORDS:
        for (size_t i = 0; i < v->n_words; i++)
            if (str_eq(v->words[i], s))
                return true;
        return false;
    case FORM_COUNT:
        break;
    }
    return false;
}

/* "a|b|c", or one word as "=a" */
static int parse_words(struct pol_load *l, struct str text, struct schema_value *ret)
{
    if (text.p[0] == '=')
        text = (struct str){ text.p + 1, text.n - 1 };
    ret->form = FORM_WORDS;
    ret->n_words = 1;
    for (size_t i = 0; i < text.n; i++)
        ret->n_words += text.p[i] == '|';
    ret->words = arena_alloc(l->arena, ret->n_words * sizeof *ret->words);
    if (!ret->words)
        return GW_ERR(NOMEM);
    size_t k = 0, start = 0;
    for (size_t i = 0; i <= text.n; i++)
        if (i == text.n || text.p[i] == '|') {
            ret->words[k++] = (struct str){ text.p + start, i - start };
            start = i + 1;
        }
    return 0;
}

int schema_value_parse(struct pol_load *l, const config_setting_t *s, struct str text, struct schema_value *ret)
{
    static const char *const words[] = {
#define X(name, word, help) word,
        SCHEMA_FORMS(X)
#undef X
        NULL
    };
    *ret = (struct schema_value){ 0 };
    struct str copy = arena_str(l->arena, text);
    if (!copy.p)
        return GW_ERR(NOMEM);
    if (copy.p[0] == '=' || memchr(copy.p, '|', copy.n))
        return parse_words(l, copy, ret);
    if (copy.p[0] == '@') {
        ret->form = FORM_LIST;
        return list_load(l, (struct str){ copy.p + 1, copy.n - 1 }, false, s, &ret->list);
    }
    const char *colon = memchr(copy.p, ':', copy.n);
    if (colon) {
        char *end;
        long n = strtol(colon + 1, &end, 10);
        if (*end || n < 1 || n > 1 << 24)
            return load_error(l, s, "\"%s\": behind the colon stands the longest value in bytes", copy.p);
        ret->max = (size_t)n;
        copy = arena_str(l->arena, (struct str){ copy.p, (size_t)(colon - copy.p) });
        if (!copy.p)
            return GW_ERR(NOMEM);
    }
    for (int f = 0; f < FORM_LIST; f++)
        if (!strcmp(words[f], copy.p)) {
            ret->form = (enum schema_form)f;
            return 0;
        }
    const char *near = conf_nearest(copy.p, words);
    return load_error(l, s, "\"%s\" is no form of value%s%s%s; allowed are any, none, number, byte, decimal, boolean, lang, date, jid, own, token, id, "
        "base64, hex, uri, words as a|b|c, one word as =a, a list as @name", copy.p, near ? "; did you mean \"" : "", near ? near : "",
        near ? "\"?" : "");
}

/* "xml:lang lang", "stamp date", "node! =urn:a", "from? own": a name, how much it matters, and a form. */
int schema_attr_parse(struct pol_load *l, const config_setting_t *s, const char *text, struct schema_attr *ret)
{
    const char *space = strchr(text, ' ');
    size_t n = space ? (size_t)(space - text) : 0;
    enum schema_need need = n && text[n - 1] == '!' ? NEED_THERE : n && text[n - 1] == '?' ? NEED_RIGHT : NEED_NOT;
    n -= need != NEED_NOT;
    if (!n)
        return load_error(l, s, "\"%s\": an attribute is written as name and form, as in \"node token\"", text);
    struct str name = arena_str(l->arena, (struct str){ text, n });
    if (!name.p)
        return GW_ERR(NOMEM);
    *ret = (struct schema_attr){ STR_NONE, name, need, { 0 } };
    if (name.n > 4 && !memcmp(name.p, "xml:", 4)) {
        ret->ns = STR("http://www.w3.org/XML/1998/namespace");
        ret->name = (struct str){ name.p + 4, name.n - 4 };
    }
    return schema_value_parse(l, s, str_c(space + 1), &ret->value);
}
