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
    return (x->exact_case ? 0 : HS_FLAG_CASELESS) | (x->characters[0] ? 0 : HS_FLAG_SOM_LEFTMOST) | HS_FLAG_MULTILINE;
}

#define TOKEN_MIN 20u
#define WORD_MIN 12u
#define DIGITS_MIN 5u
#define DIGITS_WIDTH 256u /* longer matches are looked for in the whole text */

/* Pieces of text that its matches hold, where there are any and room for them: without, the pattern is run over every text. */
static int add_factors(struct dlp *d, struct dlp_expr *e, const struct factors *f)
{
    size_t bytes = 0;
    int err = 0;
    for (size_t i = 0; i < f->n; i++)
        bytes += f->v[i].n;
    e->has_factor = f->n > 0 && pieces_fit(&d->keys[f->reading], bytes);
    for (size_t i = 0; e->has_factor && i < f->n && !err; i++)
        err = pieces_add(&d->keys[f->reading], e->number, (struct str){ f->v[i].p, f->v[i].n });
    return err;
}

/* What every match of this detector demands, beyond what its pattern says. */
static void add_lengths(const struct dlp_detector *x, struct gate *g)
{
    bool goes_on = x->validator && x->validator->min_digits, whole = !x->characters[0]; /* nothing is added in front of the match */
    if (g->token && whole && x->length > g->token)
        g->token = (uint32_t)x->length;
    if (x->digits > g->digits)
        g->digits = (uint32_t)x->digits;
    if (whole && !goes_on && x->digits > g->own_digits)
        g->own_digits = (uint32_t)x->digits;
    if (g->run && whole && x->length > g->run)
        g->run = (uint32_t)x->length;
    if (g->run && whole && !goes_on && x->digits > g->run_digits)
        g->run_digits = x->digits < RUN_DIGITS ? (uint32_t)x->digits : RUN_DIGITS - 1;
}

/* Where neither letter nor digit may touch a match, and a match holds nothing else, it is a run of them from end to end. (Later starts lie behind
 * a character that is neither; an end that goes on is another matter.) */
static void add_whole(const struct dlp_detector *x, unsigned width, struct gate *g)
{
    uint32_t low = (int64_t)g->alnum < x->length ? (uint32_t)x->length : g->alnum;
    if (!g->alnum || x->boundary != BOUNDARY_WORD || x->characters[0] || (x->validator && x->validator->min_digits))
        return;
    g->whole = gate_lengths(low, width);
    g->whole_digits = g->digits < RUN_DIGITS ? g->digits : RUN_DIGITS - 1;
}

/* The group that asks most of a text, so that it is run least. */
static struct dlp_db *group_for(struct dlp *d, const struct dlp_detector *x, struct dlp_expr *e, const struct buf *text)
{
    struct gate *g = &e->gate;
    unsigned width = UINT32_MAX;
    hs_expr_info_t *info = NULL;
    hs_compile_error_t *error = NULL;
    if (hs_expression_info((const char *)buf_data(text), e->flags, &info, &error) == HS_SUCCESS)
        width = info->max_width;
    free(info);
    hs_free_compile_error(error);
    bool whole = width <= GATE_WINDOW && !x->characters[0] && !(x->validator && x->validator->min_digits); /* nothing is added to the match */
    unsigned k = g->digits >= DIGITS_MIN ? (whole ? FIND_DIGITS_NEAR : FIND_DIGITS) : g->token >= TOKEN_MIN ? FIND_TOKEN : g->token >= WORD_MIN ? FIND_WORD : FIND_ANY;
    struct dlp_db *b = &d->find[k];
    add_whole(x, width, g);
    g->width = width < DIGITS_WIDTH ? width : 0;
    if (whole && g->ascii && x->boundary == BOUNDARY_WORD && !x->later_starts)
        g->longest = width;
    if (b->n == 0)
        b->gate = *g;
    b->gate.digits = g->digits < b->gate.digits ? g->digits : b->gate.digits;
    b->gate.token = g->token < b->gate.token ? g->token : b->gate.token;
    return b;
}

static int add_find(struct dlp *d, const struct dlp_detector *x, struct dlp_expr e, struct buf *b)
{
    struct arena a;
    struct factors *f = malloc(sizeof *f);
    arena_init(&a, 1u << 20);
    int err = f ? 0 : GW_ERR(NOMEM);
    if (!err) {
        const struct tree *t = tree_read(buf_str(b), !x->exact_case, &a);
        e.gate = gate_of_tree(t);
        add_lengths(x, &e.gate);
        err = factors_of_tree(t, true, f);
    }
    if (!err) {
        e.number = d->n_find++;
        err = add_factors(d, &e, f);
    }
    if (!err) {
        struct dlp_db *to = group_for(d, x, &e, b); /* it completes the gate */
        err = add_expr(d, to, e, b);
    }
    arena_clear(&a);
    free(f);
    return err;
}

/* exclude: into that database; else into the group of patterns where it fits. */
static int add_patterns(struct dlp *d, uint32_t k, const struct conf_strings *list, bool exclude, struct buf *b, struct conf_errors *errs)
{
    struct dlp_detector *x = d->v[k];
    struct dlp_expr e = { .detector = k, .kind = exclude ? EXPR_EXCLUDE : EXPR_FIND, .flags = exclude ? HS_FLAG_CASELESS | HS_FLAG_SOM_LEFTMOST | HS_FLAG_MULTILINE :
        find_flags(x) };
    for (size_t i = 0; i < list->n; i++) {
        struct str p = str_c(list->v[i]);
        int err = utf8_valid(p) ? pattern_expr(d, b, p) : GW_ERR(SYNTAX);
        if (err == GW_ERR(SYNTAX)) {
            expr_error(x, list, i, "characters outside ASCII cannot stand in [...]; write (a|b) instead", errs);
            continue;
        }
        err = err ? err : buf_put(b, "", 1); /* Hyperscan wants an end */
        if (err)
            return err;
        b->len--;
        if ((err = exclude ? add_expr(d, &d->exclude, e, b) : add_find(d, x, e, b)))
            return err;
    }
    return 0;
}

/* ---- words ---- */

struct wording {
    struct dlp *d;
    struct dlp_db *to;
    struct dlp_expr expr;
    struct mapped folded, words;
    struct buf *b;
};

/* The longest word of a phrase as it stands in normal text: where none of these is, no phrase is. */
static int add_key(struct wording *g, struct str w)
{
    struct str longest = { w.p, 0 };
    for (size_t i = 0; i < w.n;) {
        size_t n = 0;
        while (i + n < w.n && w.p[i + n] != ' ')
            n++;
        if (n > longest.n)
            longest = (struct str){ w.p + i, n };
        i += n + 1;
    }
    int err = pieces_add(&g->d->keys[FACTOR_PLAIN], DLP_NUMBER_WORD, longest);
    g->d->words_always |= err == GW_ERR(LIMIT);
    return err == GW_ERR(LIMIT) ? 0 : err;
}

/* One way to write a word or phrase, as dlp_words reads text. Scripts without blanks get none around it. */
static int add_variant(struct wording *g, const char *utf8, size_t n)
{
    struct view v = { .text = { utf8, n } };
    int err = fold_text(g->d->fold, &v, &g->folded, NULL);
    if (err)
        return err;
    v = mapped_view(&g->folded);
    err = dlp_words(&v, &g->words);
    struct str w = buf_str(&g->words.text);
    if (err || w.n < 3)
        return err;
    size_t first = 1, last = w.n - 1, end = last - 1;
    while (end > 1 && ((unsigned char)w.p[end] & 0xc0) == 0x80)
        end--;
    bool open_front = dlp_unspaced(utf8_next(w, &first)), open_back = dlp_unspaced(utf8_next(w, &end));
    w.p += open_front;
    w.n -= (size_t)open_front + open_back;
    buf_reset(g->b);
    err = put_literal(g->b, w.p, w.n);
    g->expr.length = (uint32_t)w.n;
    err = err ? err : add_expr(g->d, g->to, g->expr, g->b);
    return err || g->expr.kind != EXPR_WORD ? err : add_key(g, w);
}

/* Outside ASCII the normal form depends on case (look-alikes), so all small, all capital, and with a capital in front are looked for. */
static int add_one_word(struct wording *g, struct str w, bool exact)
{
    char form[3][512];
    size_t n[3] = { 0 };
    int err = 0;
    for (size_t off = 0, first = 1; off < w.n; first = 0) {
        uint32_t c = utf8_next(w, &off);
        uint32_t low = (uint32_t)u_tolower((UChar32)c), up = (uint32_t)u_toupper((UChar32)c);
        n[0] += put_utf8(low, form[0] + n[0]);
        n[1] += put_utf8(up, form[1] + n[1]);
        n[2] += put_utf8(first ? up : low, form[2] + n[2]);
    }
    if (exact || text_is_ascii(w))
        return add_variant(g, w.p, w.n);
    for (size_t f = 0; f < 3 && !err; f++)
        err = add_variant(g, form[f], n[f]);
    return err;
}

static int add_words(struct dlp *d, uint32_t k, const struct conf_strings *list, enum expr_kind kind, struct buf *b, struct conf_errors *errs)
{
    struct dlp_detector *x = d->v[k];
    bool exact = kind == EXPR_WORD && x->exact_case;
    struct wording g = { .d = d, .to = kind == EXPR_WORD ? &d->words : &d->support, .b = b,
        .expr = { .detector = k, .kind = (uint8_t)kind, .flags = exact ? 0 : HS_FLAG_CASELESS } };
    int err = 0;
    mapped_init(&g.folded);
    mapped_init(&g.words);
    for (size_t i = 0; i < list->n && !err; i++) {
        struct str w = str_c(list->v[i]);
        if (utf8_valid(w) && w.n > 0 && w.n <= 100)
            err = add_one_word(&g, w, exact);
        else
            expr_error(x, list, i, "not UTF-8, empty, or longer than 100 bytes", errs);
    }
    mapped_clear(&g.folded);
    mapped_clear(&g.words);
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

static int compile_chunk(struct dlp *d, struct dlp_db *b, size_t chunk, hs_database_t **ret, struct conf_errors *errs)
{
    hs_compile_error_t *e = NULL;
    hs_error_t r = HS_NOMEM;
    size_t from = dlp_chunk_first(b, chunk);
    unsigned n = (unsigned)dlp_chunk_size(b, chunk);
    const char **text = calloc(n, sizeof *text);
    unsigned *flags = calloc(n, sizeof *flags), *ids = calloc(n, sizeof *ids);
    for (unsigned i = 0; text && flags && ids && i < n; i++) {
        text[i] = b->v[from + i].text;
        flags[i] = b->v[from + i].flags;
        ids[i] = (unsigned)from + i;
    }
    if (text && flags && ids)
        r = hs_compile_multi(text, flags, ids, n, HS_MODE_BLOCK, NULL, ret, &e);
    free(text);
    free(flags);
    free(ids);
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
    size_t chunks = dlp_chunks(b);
    if (chunks == 0)
        return 0;
    b->db = calloc(chunks, sizeof(hs_database_t *));
    if (!b->db)
        return GW_ERR(NOMEM);
    for (size_t i = 0; i < chunks && err != GW_ERR(NOMEM); i++) {
        int e = compile_chunk(d, b, i, &b->db[b->n_db], errs);
        if (e)
            err = e;
        else
            b->n_db++;
    }
    return err;
}

static int make_scratch(struct dlp *d)
{
    const struct dlp_db *all[] = DLP_ALL(d);
    for (size_t k = 0; k < DLP_DATABASES; k++)
        for (size_t i = 0; i < all[k]->n_db; i++)
            if (hs_alloc_scratch(all[k]->db[i], &d->scratch) != HS_SUCCESS)
                return GW_ERR(NOMEM);
    return 0;
}

/* Those with pieces to look for first, then those with another gate of their own. The order is part of what the file of compiled patterns is made
 * from. */
static unsigned gate_rank(const struct dlp_expr *e)
{
    return e->has_factor ? 0 : e->gate.run || e->gate.token >= WORD_MIN ? 1 : 2;
}

static int by_gate(const void *va, const void *vb)
{
    const struct dlp_expr *a = va, *b = vb;
    if (gate_rank(a) != gate_rank(b))
        return gate_rank(a) < gate_rank(b) ? -1 : 1;
    return a->number < b->number ? -1 : a->number > b->number;
}

static int order_patterns(struct dlp *d)
{
    d->wanted = arena_alloc(&d->arena, d->n_find + 1);
    d->seen = arena_alloc(&d->arena, (d->n_find + 1) * sizeof *d->seen);
    d->places = arena_alloc(&d->arena, (d->n_find + 1) * sizeof *d->places);
    if (!d->wanted || !d->seen || !d->places)
        return GW_ERR(NOMEM);
    for (uint32_t g = 0; g < FIND_GROUPS; g++) {
        struct dlp_db *b = &d->find[g];
        if (b->n > 1)
            qsort(b->v, b->n, sizeof *b->v, by_gate);
        for (uint32_t i = 0; i < b->n; i++) {
            d->places[b->v[i].number] = (struct dlp_place){ g, i };
            b->n_factor += gate_rank(&b->v[i]) == 0;
            b->n_single += gate_rank(&b->v[i]) < 2;
        }
    }
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
    for (size_t i = 0; i < FIND_GROUPS; i++)
        d->find[i].chunk = DLP_CHUNK;
    d->exclude.chunk = DLP_CHUNK;
    d->words.chunk = d->support.chunk = d->letters.chunk = DLP_CHUNK_WORDS;
    buf_init(&b, EXPR_MAX);
    for (uint32_t k = 0; k < d->n && !err; k++) /* first: a long list of words may not take the room of their pieces */
        err = add_patterns(d, k, &d->v[k]->patterns, false, &b, errs);
    for (uint32_t k = 0; k < d->n && !err; k++) {
        struct dlp_detector *x = d->v[k];
        err = add_words(d, k, &x->words, EXPR_WORD, &b, errs);
        err = err ? err : add_words(d, k, &x->support, EXPR_SUPPORT, &b, errs);
        err = err ? err : add_patterns(d, k, &x->exclude_patterns, true, &b, errs);
        err = err ? err : add_letters(d, k, &b);
    }
    buf_clear(&b);
    for (size_t i = 0; i < FACTOR_READINGS && !err; i++)
        err = pieces_finish(&d->keys[i]);
    err = err ? err : order_patterns(d);
    if (!err && cache && dlp_cache_read(d, cache))
        return make_scratch(d);
    int lock = !err && cache ? dlp_cache_lock(cache) : -1;
    if (lock >= 0 && dlp_cache_read(d, cache)) { /* another program made it meanwhile */
        dlp_cache_unlock(lock);
        return make_scratch(d);
    }
    struct dlp_db *const all[] = DLP_ALL(d);
    for (size_t i = 0; i < DLP_DATABASES && err != GW_ERR(NOMEM); i++) {
        int e = compile_db(d, all[i], errs);
        err = e ? e : err;
    }
    err = err ? err : make_scratch(d);
    if (!err && cache)
        dlp_cache_write(d, cache);
    dlp_cache_unlock(lock);
    return err;
}
