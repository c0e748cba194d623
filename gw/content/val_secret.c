/* SPDX-License-Identifier: GPL-3.0-or-later
 * Secrets: what is random enough to be one, and what is a placeholder. */
#include "validators.h"

#define YES_IF(x) ((x) ? OPINION_YES : OPINION_NO)

/* The part behind the last '=', ':' or blank, without quotes: patterns may bring the name of the thing along. */
static struct str value_of(struct str s)
{
    size_t end = s.n, start;
    while (end > 0 && (s.p[end - 1] == '"' || s.p[end - 1] == '\'' || s.p[end - 1] == '`' || s.p[end - 1] == ' ' || s.p[end - 1] == '='))
        end--;
    for (start = end; start > 0; start--) {
        char c = s.p[start - 1];
        if (c == '=' || c == ':' || c == ' ' || c == '"' || c == '\'' || c == '`' || c == '>' || c == '\n' || c == '\t')
            break;
    }
    return (struct str){ s.p + start, end - start };
}

static bool placeholder(struct str v)
{
    static const char *const words[] = { "example", "changeme", "change_me", "placeholder", "yourpassword", "your_", "password", "passwd", "redacted", "none", "null",
        "undefined", "true", "false", "secret", "dummy", "xxxx", "****", "....", "insert" };
    char low[64];
    size_t n = v.n < sizeof low - 1 ? v.n : sizeof low - 1;
    for (size_t i = 0; i < n; i++)
        low[i] = v.p[i] >= 'A' && v.p[i] <= 'Z' ? (char)(v.p[i] + 32) : v.p[i];
    low[n] = 0;
    if (v.n == 0 || low[0] == '$' || low[0] == '<' || low[0] == '{' || low[0] == '%')
        return true;
    for (size_t i = 0; i < sizeof words / sizeof *words; i++)
        if (strncmp(low, words[i], strlen(words[i])) == 0)
            return true;
    return false;
}

static unsigned classes(struct str v)
{
    bool u = false, l = false, d = false, o = false;
    for (size_t i = 0; i < v.n; i++) {
        char c = v.p[i];
        if (c >= 'A' && c <= 'Z')
            u = true;
        else if (c >= 'a' && c <= 'z')
            l = true;
        else if (c >= '0' && c <= '9')
            d = true;
        else
            o = true;
    }
    return (unsigned)u + l + d + o;
}

static enum opinion check_random(const struct candidate *c)
{
    struct str v = value_of(c->text);
    return YES_IF(!placeholder(v) && v.n >= 12 && classes(v) >= 2 && entropy_bits(v) >= 3.0);
}

static enum opinion check_very_random(const struct candidate *c)
{
    struct str v = value_of(c->text);
    return YES_IF(v.n >= 20 && classes(v) >= 3 && entropy_bits(v) >= 4.2);
}

static enum opinion check_password(const struct candidate *c)
{
    struct str v = value_of(c->text);
    if (placeholder(v) || v.n < 6)
        return OPINION_NO;
    return classes(v) >= 3 ? OPINION_STRONG : classes(v) >= 2 ? OPINION_YES : OPINION_WEAK;
}

/* scheme://user:password@host */
static enum opinion check_password_url(const struct candidate *c)
{
    const char *end = c->text.p + c->text.n, *p = c->text.p, *colon = NULL, *at = NULL;
    while (p + 2 < end && memcmp(p, "://", 3) != 0)
        p++;
    for (p += 3; p < end; p++) {
        if (*p == ':' && !colon)
            colon = p;
        if (*p == '@')
            at = p;
    }
    if (!colon || !at || at <= colon)
        return OPINION_NO;
    struct str v = { colon + 1, (size_t)(at - colon) - 1 };
    return YES_IF(v.n >= 3 && v.p[0] != '$' && v.p[0] != '<' && v.p[0] != '{' && v.p[0] != '*');
}

/* A name that says it is a token, and anything behind it but a row of one character. */
static enum opinion check_token(const struct candidate *c)
{
    struct str v = value_of(c->text);
    return YES_IF(v.n >= 6 && entropy_bits(v) >= 0.5);
}

static int value64(char c)
{
    if (c >= 'A' && c <= 'Z')
        return c - 'A';
    if (c >= 'a' && c <= 'z')
        return c - 'a' + 26;
    if (c >= '0' && c <= '9')
        return c - '0' + 52;
    return c == '+' || c == '-' ? 62 : c == '/' || c == '_' ? 63 : -1;
}

/* One part of a JWT opens into a JSON object. */
static bool opens_to_object(const char *p, size_t n)
{
    uint32_t acc = 0;
    unsigned bits = 0, count = 0;
    unsigned char first = 0, last = 0;
    if (n % 4 == 1)
        return false;
    for (size_t i = 0; i < n; i++) {
        int v = value64(p[i]);
        if (v < 0)
            return false;
        acc = acc << 6 | (uint32_t)v;
        if ((bits += 6) >= 8) {
            unsigned char b = (unsigned char)(acc >> (bits -= 8));
            if (count++ == 0)
                first = b;
            if (b > ' ')
                last = b;
        }
    }
    return first == '{' && last == '}';
}

static enum opinion check_jwt(const struct candidate *c)
{
    const char *dot = memchr(c->text.p, '.', c->text.n);
    if (!dot)
        return OPINION_NO;
    size_t head = (size_t)(dot - c->text.p), rest = c->text.n - head - 1;
    const char *second = memchr(dot + 1, '.', rest);
    size_t body = second ? (size_t)(second - dot) - 1 : rest;
    return opens_to_object(c->text.p, head) && opens_to_object(dot + 1, body) ? OPINION_STRONG : OPINION_NO;
}

const struct validator validators_secret[] = {
    { "random", 0, 0, check_random, "12 and more characters of at least two kinds, 3 bits of entropy each, no placeholder" },
    { "very-random", 0, 0, check_very_random, "20 and more characters of at least three kinds, 4.2 bits of entropy each" },
    { "password", 0, 0, check_password, "at least 6 characters, no placeholder" },
    { "password-url", 0, 0, check_password_url, "user name and password in an address, no placeholder" },
    { "token", 0, 0, check_token, "anything but a row of one character" },
    { "jwt", 0, 0, check_jwt, "JSON Web Token: header and payload open into JSON objects" },
    { NULL, 0, 0, NULL, NULL },
};
