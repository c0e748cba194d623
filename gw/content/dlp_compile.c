/* SPDX-License-Identifier: GPL-3.0-or-later
 * From patterns and words to Hyperscan databases. Text is matched in its normal form, byte by byte, so patterns are put into the same
 * form first. */
#include <stdlib.h>
#include <unicode/uchar.h>

#include "dlp.h"
#include "utf8.h"

#define EXPR_MAX 16000 /* bytes of one expression */

static int add_expr(struct dlp *d, struct dlp_db *b, struct dlp_expr e, const struct buf *text)
{
    if (b->n == b->cap) {
        size_t cap = b->cap ? b->cap * 2 : 64;
        struct dlp_expr *v = reallocarray(b->v, cap, sizeof *v);
        if (!v)
            return GW_ERR(NOMEM);
        b->v = v;
        b->cap = cap;
    }
    struct str s = arena_str(&d->arena, buf_str(text));
    if (!s.p)
        return GW_ERR(NOMEM);
    e.text = (char *)(uintptr_t)s.p;
    b->v[b->n++] = e;
    return 0;
}

static int put_literal(struct buf *b, const char *p, size_t n)
{
    int err = 0;
    for (size_t i = 0; i < n && !err; i++) {
        unsigned char c = (unsigned char)p[i];
        bool plain = (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
        err = plain ? buf_put(b, &c, 1) : buf_printf(b, "\\x%02x", c);
    }
    return err;
}

/* A character outside ASCII as what its small and its capital form become; they may differ, since look-alikes do. */
static int put_folded(struct dlp *d, struct buf *b, uint32_t c)
{
    char low[FOLD_MAX], up[FOLD_MAX];
    size_t n_low = fold_char(d->fold, (uint32_t)u_tolower((UChar32)c), low), n_up = fold_char(d->fold, (uint32_t)u_toupper((UChar32)c), up);
    int err = 0;
    if (n_low == 0 && n_up == 0)
        return 0;
    if (n_low == n_up && memcmp(low, up, n_low) == 0) {
        err = buf_puts(b, STR("(?:"));
        err = err ? err : put_literal(b, low, n_low);
        return err ? err : buf_puts(b, STR(")"));
    }
    err = buf_puts(b, STR("(?:"));
    err = err ? err : put_literal(b, low, n_low);
    err = err ? err : buf_puts(b, STR("|"));
    err = err ? err : put_literal(b, up, n_up);
    return err ? err : buf_puts(b, STR(")"));
}

static bool ascii_alnum(uint32_t c)
{
    return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

#define WORD_GAP "[\\s\\-_.,:/]{0,3}"

/* A word or phrase as an expression. Blanks and punctuation in it match some of either, or nothing. */
static int word_expr(struct dlp *d, struct buf *b, struct str word)
{
    int err = 0;
    bool gap = false, any = false;
    buf_reset(b);
    for (size_t off = 0; off < word.n && !err;) {
        uint32_t c = utf8_next(word, &off);
        if (c < 0x80 && !ascii_alnum(c)) {
            gap = any;
            continue;
        }
        if (gap)
            err = buf_puts(b, STR(WORD_GAP));
        gap = false;
        any = true;
        char a = (char)c;
        if (!err)
            err = c < 0x80 ? put_literal(b, &a, 1) : put_folded(d, b, c);
    }
    return err ? err : any ? 0 : GW_ERR(SYNTAX);
}

/* A pattern with its characters outside ASCII in normal form; not inside brackets, which stand for one byte. */
static int pattern_expr(struct dlp *d, struct buf *b, struct str pattern)
{
    int err = 0;
    bool bracket = false;
    buf_reset(b);
    for (size_t off = 0; off < pattern.n && !err;) {
        size_t at = off;
        uint32_t c = utf8_next(pattern, &off);
        if (c == '\\' && off < pattern.n) {
            (void)utf8_next(pattern, &off);
            err = buf_put(b, pattern.p + at, off - at);
            continue;
        }
        if (c == '[' || c == ']')
            bracket = c == '[';
        if (c < 0x80)
            err = buf_put(b, pattern.p + at, 1);
        else if (bracket)
            err = GW_ERR(SYNTAX);
        else
            err = put_folded(d, b, c);
    }
    return err;
}

static void expr_error(const struct dlp_detector *x, const struct conf_strings *list, size_t i, const char *why, struct conf_errors *errs)
{
    conf_error_add(errs, CONF_ERROR, x->where.file, list->lines ? list->lines[i] : x->where.line, "detector %s: \"%.60s\": %s", x->id, list->v[i], why);
}

/* ---- what each detector brings ---- */

static unsigned find_flags(const struct dlp_detector *x)
{
    return (x->exact_case ? 0 : HS_FLAG_CASELESS) | HS_FLAG_SOM_LEFTMOST | HS_FLAG_MULTILINE;
}

static int add_words(struct dlp *d, uint32_t k, struct buf *b, struct conf_errors *errs)
{
    struct dlp_detector *x = d->v[k];
    for (size_t i = 0; i < x->words.n; i++) {
        struct str w = str_c(x->words.v[i]);
        int err = utf8_valid(w) ? word_expr(d, b, w) : GW_ERR(SYNTAX);
        if (err == GW_ERR(SYNTAX))
            expr_error(x, &x->words, i, "no letter or digit in it, or not UTF-8", errs);
        else if (err || (err = add_expr(d, &d->find, (struct dlp_expr){ .detector = k, .kind = EXPR_FIND, .flags = find_flags(x) }, b)))
            return err;
    }
    return 0;
}

static int add_patterns(struct dlp *d, uint32_t k, const struct conf_strings *list, enum expr_kind kind, struct dlp_db *to, struct buf *b,
    struct conf_errors *errs)
{
    struct dlp_detector *x = d->v[k];
    for (size_t i = 0; i < list->n; i++) {
        struct str p = str_c(list->v[i]);
        int err = utf8_valid(p) ? pattern_expr(d, b, p) : GW_ERR(SYNTAX);
        if (err == GW_ERR(SYNTAX))
            expr_error(x, list, i, "characters outside ASCII cannot stand in [...]; write (a|b) instead", errs);
        else if (err || (err = add_expr(d, to, (struct dlp_expr){ .detector = k, .kind = (uint8_t)kind, .flags = kind == EXPR_FIND ? find_flags(x) :
                                                                       HS_FLAG_CASELESS | HS_FLAG_SOM_LEFTMOST | HS_FLAG_MULTILINE }, b)))
            return err;
    }
    return 0;
}

/* Supporting words stand as words, not inside others. */
static int add_support(struct dlp *d, uint32_t k, struct buf *b, struct conf_errors *errs)
{
    struct dlp_detector *x = d->v[k];
    struct buf whole;
    int err = 0;
    buf_init(&whole, EXPR_MAX);
    for (size_t i = 0; i < x->support.n && !err; i++) {
        struct str w = str_c(x->support.v[i]);
        err = utf8_valid(w) ? word_expr(d, b, w) : GW_ERR(SYNTAX);
        if (err == GW_ERR(SYNTAX)) {
            expr_error(x, &x->support, i, "no letter or digit in it, or not UTF-8", errs);
            err = 0;
            continue;
        }
        buf_reset(&whole);
        bool start = w.n && ascii_alnum((unsigned char)w.p[0]), end = w.n && ascii_alnum((unsigned char)w.p[w.n - 1]);
        err = err ? err : buf_printf(&whole, "%s%.*s%s", start ? "\\b" : "", STR_ARG(buf_str(b)), end ? "\\b" : "");
        err = err ? err : add_expr(d, &d->near, (struct dlp_expr){ .detector = k, .kind = EXPR_SUPPORT, .flags = HS_FLAG_CASELESS, .length = (uint32_t)w.n }, &whole);
    }
    buf_clear(&whole);
    return err;
}

/* The word as letters alone, read as dlp_letters reads text. */
static int add_letters(struct dlp *d, uint32_t k, struct buf *b)
{
    struct dlp_detector *x = d->v[k];
    struct mapped folded, letters;
    int err = 0;
    mapped_init(&folded);
    mapped_init(&letters);
    for (size_t i = 0; (x->spaced || x->leet) && i < x->words.n && !err; i++) {
        struct view w = { .text = str_c(x->words.v[i]) };
        if (!utf8_valid(w.text))
            continue;
        err = fold_text(d->fold, &w, &folded, NULL);
        struct view f = mapped_view(&folded);
        err = err ? err : dlp_letters(&f, &letters);
        struct dlp_expr e = { .detector = k, .kind = EXPR_LETTERS, .flags = HS_FLAG_SOM_LEFTMOST, .length = (uint32_t)buf_size(&letters.text) };
        if (err || e.length < 4 || e.length > 60) /* shorter ones would be found everywhere */
            continue;
        for (uint32_t n = 0; n + 1 < e.length; n++)
            if (letters.from[n + 1] > letters.to[n])
                e.blanks |= UINT64_C(1) << n;
        buf_reset(b);
        err = put_literal(b, (const char *)buf_data(&letters.text), e.length);
        err = err ? err : add_expr(d, &d->letters, e, b);
    }
    mapped_clear(&folded);
    mapped_clear(&letters);
    return err;
}

/* ---- the databases ---- */

static void name_error(struct dlp *d, const struct dlp_expr *x, const hs_compile_error_t *e, struct conf_errors *errs)
{
    const struct dlp_detector *det = d->v[x->detector];
    conf_error_add(errs, CONF_ERROR, det->where.file, det->where.line, "detector %s: \"%.60s\": %s%s", det->id, x->text, e ? e->message : "?",
        e && strstr(e->message, "too large") ? " Use {n,} in place of {n,m}, or + in place of a large repeat" : "");
}

/* One at a time, to name all that are wrong. */
static void name_all_errors(struct dlp *d, struct dlp_db *b, size_t from, size_t n, struct conf_errors *errs)
{
    for (size_t i = from; i < from + n; i++) {
        hs_database_t *one = NULL;
        hs_compile_error_t *e = NULL;
        if (hs_compile(b->v[i].text, b->v[i].flags, HS_MODE_BLOCK, NULL, &one, &e) != HS_SUCCESS)
            name_error(d, &b->v[i], e, errs);
        hs_free_compile_error(e);
        hs_free_database(one);
    }
}

static int compile_chunk(struct dlp *d, struct dlp_db *b, size_t from, hs_database_t **ret, struct conf_errors *errs)
{
    const char *text[DLP_CHUNK];
    unsigned flags[DLP_CHUNK], ids[DLP_CHUNK], n = 0;
    hs_compile_error_t *e = NULL;
    for (; n < DLP_CHUNK && from + n < b->n; n++) {
        text[n] = b->v[from + n].text;
        flags[n] = b->v[from + n].flags;
        ids[n] = (unsigned)(from + n);
    }
    hs_error_t r = hs_compile_multi(text, flags, ids, n, HS_MODE_BLOCK, NULL, ret, &e);
    size_t before = errs->n_errors;
    if (r == HS_COMPILER_ERROR) {
        name_all_errors(d, b, from, n, errs);
        if (errs->n_errors == before) /* each for itself is fine, all together are not */
            conf_error_add(errs, CONF_ERROR, NULL, 0, "DLP patterns do not compile together: %s", e ? e->message : "?");
    }
    hs_free_compile_error(e);
    return r == HS_SUCCESS ? 0 : r == HS_COMPILER_ERROR ? GW_ERR(CONF) : GW_ERR(NOMEM);
}

/* After a mistake the other pieces are compiled too: all mistakes are to be named. */
static int compile_db(struct dlp *d, struct dlp_db *b, struct conf_errors *errs)
{
    int err = 0;
    size_t chunks = (b->n + DLP_CHUNK - 1) / DLP_CHUNK;
    if (chunks == 0)
        return 0;
    b->db = calloc(chunks, sizeof(hs_database_t *));
    if (!b->db)
        return GW_ERR(NOMEM);
    for (size_t i = 0; i < chunks && err != GW_ERR(NOMEM); i++) {
        int e = compile_chunk(d, b, i * DLP_CHUNK, &b->db[b->n_db], errs);
        if (e)
            err = e;
        else
            b->n_db++;
    }
    return err;
}

static int make_scratch(struct dlp *d)
{
    const struct dlp_db *all[] = { &d->find, &d->near, &d->letters };
    for (size_t k = 0; k < 3; k++)
        for (size_t i = 0; i < all[k]->n_db; i++)
            if (hs_alloc_scratch(all[k]->db[i], &d->scratch) != HS_SUCCESS)
                return GW_ERR(NOMEM);
    return 0;
}

int dlp_compile(struct dlp *d, const char *cache, struct conf_errors *errs)
{
    struct buf b;
    int err = 0;
    if (d->n && hs_valid_platform() != HS_SUCCESS) {
        conf_error_add(errs, CONF_ERROR, NULL, 0, "DLP needs a processor with SSSE3");
        return GW_ERR(CONF);
    }
    buf_init(&b, EXPR_MAX);
    for (uint32_t k = 0; k < d->n && !err; k++) {
        struct dlp_detector *x = d->v[k];
        err = add_patterns(d, k, &x->patterns, EXPR_FIND, &d->find, &b, errs);
        err = err ? err : add_words(d, k, &b, errs);
        err = err ? err : add_support(d, k, &b, errs);
        err = err ? err : add_patterns(d, k, &x->exclude_patterns, EXPR_EXCLUDE, &d->near, &b, errs);
        err = err ? err : add_letters(d, k, &b);
    }
    buf_clear(&b);
    if (!err && cache && dlp_cache_read(d, cache))
        return make_scratch(d);
    struct dlp_db *const all[] = { &d->find, &d->near, &d->letters };
    for (size_t i = 0; i < 3 && err != GW_ERR(NOMEM); i++) {
        int e = compile_db(d, all[i], errs);
        err = e ? e : err;
    }
    err = err ? err : make_scratch(d);
    if (!err && cache)
        dlp_cache_write(d, cache);
    return err;
}
