/* SPDX-License-Identifier: GPL-3.0-or-later
 * A first look at a configuration file's text. libconfig 1.5 reads 4294967297 as 1, ends quietly inside an open comment,
 * cuts strings at \x00, and its scanner ends the process when a file cannot be read: all that is found here. */
#include <ctype.h>
#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <sys/stat.h>

#include "conf_lex.h"
#include "utf8.h"

#define FILE_BYTES_MAX ((size_t)8 << 20)
#define INCLUDES_MAX 9 /* libconfig allows 10 files inside each other */
#define FLAG_TEXT "the number does not fit"

struct lex {
    const char *file, *dir;
    const char *p, *end;
    unsigned line;
    unsigned depth;
    int fatal; /* SYNTAX once libconfig must not see this */
    struct conf_errors *errs;
};

static int lex_file(const char *path, const char *dir, unsigned depth, struct conf_errors *errs);

static bool word_start(char c)
{
    return isalpha((unsigned char)c) || c == '*';
}

static bool word_char(char c)
{
    return isalnum((unsigned char)c) || c == '*' || c == '-' || c == '_';
}

static void lex_fatal(struct lex *x, unsigned line, const char *text)
{
    conf_error_add(x->errs, CONF_ERROR, x->file, line, "%s", text);
    x->fatal = GW_ERR(SYNTAX);
}

/* A comment of either kind, or a lone '/', which libconfig will refuse. */
static void lex_comment(struct lex *x)
{
    unsigned first = x->line;

    if (*x->p == '#' || (x->end - x->p > 1 && x->p[1] == '/')) {
        while (x->p < x->end && *x->p != '\n')
            x->p++;
        if (x->p == x->end) /* libconfig 1.5 calls that a syntax error */
            lex_fatal(x, first, "the last line is a comment without a line end; add one");
        return;
    }
    if (x->end - x->p < 2 || x->p[1] != '*') {
        x->p++;
        return;
    }
    for (x->p += 2; x->end - x->p > 1; x->p++) {
        if (x->p[0] == '*' && x->p[1] == '/') {
            x->p += 2;
            return;
        }
        x->line += *x->p == '\n';
    }
    x->p = x->end;
    lex_fatal(x, first, "a comment begins here and never ends; close it with */");
}

/* Behind the opening quote; leaves p behind the closing one. The text between, as written, in *ret. */
static bool lex_string(struct lex *x, struct str *ret)
{
    unsigned first = x->line;
    const char *from = x->p;

    for (; x->p < x->end; x->p++) {
        if (*x->p == '"') {
            *ret = (struct str){ from, (size_t)(x->p - from) };
            x->p++;
            return true;
        }
        if (*x->p == '\\' && x->end - x->p > 1) {
            if (x->end - x->p > 3 && memcmp(x->p, "\\x00", 4) == 0)
                conf_error_add(x->errs, CONF_ERROR, x->file, x->line, "\\x00 would end the string here; leave it out");
            x->p++;
        }
        x->line += *x->p == '\n';
    }
    lex_fatal(x, first, "a string begins here and never ends; a closing quote is missing");
    return false;
}

/* Digits begin at p (a sign was passed). Floats are left to libconfig, which tells them from integers. */
static void lex_number(struct lex *x, bool negative)
{
    const char *from = x->p;
    unsigned long long v, limit;
    bool hex, wide;
    char text[40], *stop;
    size_t n;

    while (x->p < x->end && isalnum((unsigned char)*x->p))
        x->p++;
    if (x->p < x->end && *x->p == '.') { /* a float */
        while (x->p < x->end && (isalnum((unsigned char)*x->p) || *x->p == '.' || ((*x->p == '-' || *x->p == '+') && tolower((unsigned char)x->p[-1]) == 'e')))
            x->p++;
        return;
    }
    n = (size_t)(x->p - from);
    hex = n > 2 && from[0] == '0' && (from[1] == 'x' || from[1] == 'X');
    if (!hex && (memchr(from, 'e', n) || memchr(from, 'E', n)))
        return; /* a float without a dot; its exponent's sign and digits are harmless to read on */
    wide = from[n - 1] == 'L';
    limit = wide ? (unsigned long long)INT64_MAX : (unsigned long long)INT32_MAX;
    if (negative && !hex)
        limit++;
    errno = 0;
    if (n < sizeof text) {
        memcpy(text, from, n);
        text[n] = 0;
        v = strtoull(text, &stop, hex ? 16 : 10);
        if (errno == 0 && v <= limit)
            return;
    }
    conf_error_add(x->errs, CONF_ERROR, x->file, x->line, FLAG_TEXT " (%s%.*s%s); whole numbers go up to %s", negative ? "-" : "",
        n < sizeof text ? (int)n : (int)sizeof text, from, n < sizeof text ? "" : "...",
        wide ? "9223372036854775807L" : "2147483647 (write sizes and times as strings with a unit)");
}

/* "@include" at the start of a line, as libconfig wants it. */
static void lex_include(struct lex *x)
{
    struct str name;
    char path[PATH_MAX];

    x->p += strlen("@include");
    while (x->p < x->end && (*x->p == ' ' || *x->p == '\t'))
        x->p++;
    if (x->p == x->end || *x->p != '"')
        return;
    x->p++;
    if (!lex_string(x, &name))
        return;
    if (name.n == 0 || name.p[0] == '/' || memmem(name.p, name.n, "..", 2) || memchr(name.p, '\\', name.n))
        lex_fatal(x, x->line, "an included file must lie below the folder of the first file (no leading /, no .., no backslash)");
    else if (x->depth >= INCLUDES_MAX)
        lex_fatal(x, x->line, "too many files include each other; at most 10");
    else if ((size_t)snprintf(path, sizeof path, "%s/%.*s", x->dir, STR_ARG(name)) >= sizeof path)
        lex_fatal(x, x->line, "the path is too long");
    else if (lex_file(path, x->dir, x->depth + 1, x->errs) < 0)
        x->fatal = GW_ERR(SYNTAX);
}

static void lex_text(struct lex *x)
{
    bool line_start = true;
    struct str skip;
    char c = 0, before;

    while (x->p < x->end) {
        before = c;
        c = *x->p;

        if (c == '\n') {
            x->line++;
            x->p++;
            line_start = true;
            continue;
        }
        if (c == ' ' || c == '\t') {
            x->p++;
            continue;
        }
        if (c == '#' || c == '/') {
            lex_comment(x);
        } else if (c == '"') {
            x->p++;
            (void)lex_string(x, &skip);
        } else if (line_start && x->end - x->p > 8 && memcmp(x->p, "@include", 8) == 0) {
            lex_include(x);
        } else if (isdigit((unsigned char)c)) {
            lex_number(x, before == '-');
        } else if (word_start(c)) {
            while (x->p < x->end && word_char(*x->p))
                x->p++;
        } else {
            x->p++;
        }
        line_start = false;
    }
}

/* Line by line, so that the place is known: UTF-8, and no control character but TAB, CR, LF and FF. */
static void lex_bytes(struct lex *x)
{
    const char *p = x->p;

    for (unsigned line = 1; p < x->end; line++) {
        const char *nl = memchr(p, '\n', (size_t)(x->end - p));
        struct str s = { p, (size_t)((nl ? nl : x->end) - p) };

        if (!utf8_valid(s))
            lex_fatal(x, line, "this line is not UTF-8");
        for (size_t i = 0; i < s.n; i++) {
            if ((unsigned char)s.p[i] < 0x20 && !strchr("\t\r\f", s.p[i])) {
                lex_fatal(x, line, "a control character stands in this line");
                break;
            }
            if (s.p[i] == 0) { /* strchr finds the end, too */
                lex_fatal(x, line, "a zero byte stands in this line");
                break;
            }
        }
        p = nl ? nl + 1 : x->end;
    }
}

static int lex_load(const char *path, struct buf *b, struct conf_errors *errs)
{
    FILE *f = fopen(path, "re");
    struct stat st;
    int err = 0;

    if (!f) {
        conf_error_add(errs, CONF_ERROR, path, 0, "cannot be read: %s", strerror(errno));
        return GW_ERR(NOENT);
    }
    if (fstat(fileno(f), &st) < 0 || !S_ISREG(st.st_mode)) {
        conf_error_add(errs, CONF_ERROR, path, 0, "is not a regular file");
        err = GW_ERR(NOENT);
    }
    while (err == 0) {
        char piece[16384];
        size_t n = fread(piece, 1, sizeof piece, f);

        if (n == 0 && ferror(f)) {
            conf_error_add(errs, CONF_ERROR, path, 0, "cannot be read: %s", strerror(errno));
            err = GW_ERR(NOENT);
        }
        if (n == 0)
            break;
        err = buf_put(b, piece, n);
        if (err == GW_ERR(LIMIT))
            conf_error_add(errs, CONF_ERROR, path, 0, "is larger than 8 MiB");
    }
    fclose(f);
    return err;
}

static int lex_file(const char *path, const char *dir, unsigned depth, struct conf_errors *errs)
{
    struct lex x = { .file = path, .dir = dir, .line = 1, .depth = depth, .errs = errs };
    struct buf b;
    int err;

    buf_init(&b, FILE_BYTES_MAX);
    err = lex_load(path, &b, errs);
    if (err == 0) {
        if (buf_size(&b) > 0) {
            x.p = buf_str(&b).p;
            x.end = x.p + buf_size(&b);
            lex_bytes(&x);
            lex_text(&x);
        }
        err = x.fatal;
    }
    buf_clear(&b);
    return err;
}

int conf_lex(const char *path, const char *dir, struct conf_errors *errs)
{
    int err = lex_file(path, dir, 0, errs);

    return err == GW_ERR(LIMIT) ? GW_ERR(SYNTAX) : err;
}

bool conf_lex_flagged(const struct conf_errors *errs, const char *file, unsigned line)
{
    for (size_t i = 0; i < errs->n; i++)
        if (errs->v[i].line == line && errs->v[i].file && file && strcmp(errs->v[i].file, file) == 0 &&
            strncmp(errs->v[i].text, FLAG_TEXT, strlen(FLAG_TEXT)) == 0)
            return true;
    return false;
}
