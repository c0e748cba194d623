/* SPDX-License-Identifier: GPL-3.0-or-later
 * Reads off a pattern which pieces every match must hold, after the manner of R. Cox, "Regular Expression Matching with a Trigram Index"
 * (2012): sets of texts that a part of the pattern can match are put together as long as they stay small; where they do not, what there is so
 * far is a candidate. */
#include "dlp_factor.h"

#include <stdlib.h>

#define SYMBOLS_MAX 16u  /* of one position */
#define PLAIN_WEIGHT_MAX 0.005  /* expected finds per byte of ordinary text, from which on looking for it is no use */
#define SHAPE_WEIGHT_MAX 0.05   /* digits come in heaps, so that most texts hold none of these */

/* What is known about a part. all: every text that it can match (exact). Else head, tail: every match begins, ends with one of these; held: every
 * match holds one of these (n 0: nothing known). */
struct part { bool exact; struct factors all, head, tail, held; double weight; };

/* Parts are large and made often: no more of them is written than is used. */
static void part_clear(struct part *p)
{
    p->exact = false;
    p->all.n = p->head.n = p->tail.n = p->held.n = 0;
    p->weight = 1;
}

static struct part *part_new(void)
{
    struct part *p = malloc(sizeof *p);
    if (p)
        part_clear(p);
    return p;
}

static struct factors *factors_new(void)
{
    struct factors *f = malloc(sizeof *f);
    if (f)
        f->n = 0;
    return f;
}

static void copy(struct factors *to, const struct factors *from)
{
    to->n = from->n;
    memcpy(to->v, from->v, from->n * sizeof *from->v);
}

static void set_empty(struct factors *f)
{
    f->n = 1;
    f->v[0].n = 0;
}

static bool add(struct factors *f, const char *p, size_t n)
{
    for (size_t i = 0; i < f->n; i++)
        if (f->v[i].n == n && memcmp(f->v[i].p, p, n) == 0)
            return true;
    if (f->n == FACTORS_MAX || n > FACTOR_LENGTH_MAX)
        return false;
    f->v[f->n].n = (unsigned char)n;
    memcpy(f->v[f->n++].p, p, n);
    return true;
}

/* Every text of a with every one of b behind it. False: too many, or too long. */
static bool product(const struct factors *a, const struct factors *b, struct factors *ret)
{
    char both[2 * FACTOR_LENGTH_MAX];
    struct factors *out = factors_new();
    bool fits = out != NULL;
    for (size_t i = 0; i < a->n && fits; i++)
        for (size_t k = 0; k < b->n && fits; k++) {
            memcpy(both, a->v[i].p, a->v[i].n);
            memcpy(both + a->v[i].n, b->v[k].p, b->v[k].n);
            fits = add(out, both, (size_t)a->v[i].n + b->v[k].n);
        }
    if (fits)
        copy(ret, out);
    free(out);
    return fits;
}

/* ---- how likely is it in ordinary text? ---- */

static double weight_of_byte(enum factor_reading reading, unsigned char c, unsigned char before)
{
    static const char *const letters[] = { "e", "at", "oinsr", "hldu", "cmfwg", "ypbvk" };
    static const double each[] = { 0.1, 0.07, 0.06, 0.035, 0.02, 0.012 };
    if (reading == FACTOR_SHAPE && c == 'a')
        return 0.8;
    if (reading == FACTOR_SHAPE && c == '0')
        return before == '0' ? 0.5 : 0.03;
    for (size_t i = 0; i < sizeof each / sizeof *each; i++)
        if (c && strchr(letters[i], c))
            return each[i];
    return c == ' ' ? 0.17 : c >= '0' && c <= '9' ? (before >= '0' && before <= '9' ? 0.06 : 0.006) : c == '.' || c == ',' ? 0.01 : 0.004;
}

static bool contains(const struct factors *f, size_t big, size_t small)
{
    for (size_t at = 0; at + f->v[small].n <= f->v[big].n; at++)
        if (memcmp(f->v[big].p + at, f->v[small].p, f->v[small].n) == 0)
            return true;
    return false;
}

/* A text that holds another of the set adds nothing. */
static void reduce(struct factors *f)
{
    for (size_t i = 0; i < f->n; i++)
        for (size_t k = 0; k < f->n; k++)
            if (k != i && contains(f, i, k)) {
                f->v[i--] = f->v[--f->n];
                break;
            }
}

/* What looks rare by its letters, and stands in every second message. */
static bool well_known(const char *p, size_t n)
{
    return memmem(p, n, "http", 4) || memmem(p, n, "www.", 4) || memmem(p, n, ".com", 4);
}

static double weigh(enum factor_reading reading, const struct factors *f)
{
    double sum = 0;
    for (size_t i = 0; i < f->n; i++) {
        double w = 1;
        bool digit = false;
        for (size_t k = 0; k < f->v[i].n; k++) {
            w *= weight_of_byte(reading, (unsigned char)f->v[i].p[k], k ? (unsigned char)f->v[i].p[k - 1] : 0);
            digit |= f->v[i].p[k] == '0';
        }
        w = well_known(f->v[i].p, f->v[i].n) ? 0.001 : w;
        sum += f->v[i].n == 0 || (reading == FACTOR_SHAPE && !digit) ? 1 : w;
    }
    return f->n ? sum : 1;
}

/* held becomes f where that is rarer. */
static void offer(enum factor_reading reading, struct part *p, const struct factors *f)
{
    struct factors *x = factors_new();
    if (!x)
        return;
    copy(x, f);
    reduce(x);
    double w = weigh(reading, x);
    if (w < p->weight) {
        copy(&p->held, x);
        p->weight = w;
    }
    free(x);
}

/* ---- the tree ---- */

static bool read_part(enum factor_reading reading, const struct tree *t, struct part *ret);

static void open_part(struct part *p)
{
    p->exact = false;
    set_empty(&p->head);
    set_empty(&p->tail);
}

static void read_set(enum factor_reading reading, const struct byte_set *s, struct part *p)
{
    p->exact = true;
    for (unsigned c = 0; c < 256 && p->exact; c++) {
        if (!set_has(s, (unsigned char)c))
            continue;
        bool letter = (c | 32) >= 'a' && (c | 32) <= 'z' && c < 0x80, digit = c >= '0' && c <= '9';
        char symbol = reading == FACTOR_SHAPE && (letter || digit) ? (letter ? 'a' : '0') : letter ? (char)(c | 32) : (char)c;
        p->exact = add(&p->all, &symbol, 1) && p->all.n <= SYMBOLS_MAX;
    }
    if (!p->exact)
        open_part(p);
}

/* Of texts of which one ends with another, only the shorter, for it is there when the longer is; or, front, of which one begins with another. */
static void trim(struct factors *f, bool front)
{
    for (size_t i = 0; i < f->n; i++)
        for (size_t k = 0; k < f->n; k++) {
            size_t n = f->v[k].n, at = f->v[i].n - (size_t)f->v[k].n;
            if (k == i || n > f->v[i].n || memcmp(f->v[i].p + (front ? 0 : at), f->v[k].p, n) != 0)
                continue;
            f->v[i--] = f->v[--f->n];
            break;
        }
}

/* All of them are too many: the ends of what there was, with the beginnings of what comes. True: the run goes on. */
static bool append_trimmed(enum factor_reading reading, struct part *p, struct factors *run, const struct factors *front, bool exact)
{
    struct factors *x = malloc(2 * sizeof *x);
    if (!x)
        return false;
    copy(&x[0], run);
    trim(&x[0], false);
    bool goes_on = exact && product(&x[0], front, run);
    copy(&x[1], front);
    trim(&x[1], true);
    if (!goes_on && product(&x[0], &x[1], &x[0]))
        offer(reading, p, &x[0]);
    free(x);
    return goes_on;
}

/* Behind the run of what is known so far comes one more part. */
static void append(enum factor_reading reading, struct part *p, struct factors *run, bool *whole, const struct part *next)
{
    const struct factors *front = next->exact ? &next->all : &next->head;
    bool fits = product(run, front, run);
    if (fits && next->exact)
        return;
    offer(reading, p, run);
    if (*whole)
        copy(&p->head, run);
    *whole = false;
    if (!fits && append_trimmed(reading, p, run, front, next->exact))
        return;
    if (!fits)
        offer(reading, p, front);
    if (!next->exact && next->weight < p->weight) {
        copy(&p->held, &next->held);
        p->weight = next->weight;
    }
    copy(run, next->exact ? &next->all : &next->tail);
}

static bool read_sequence(enum factor_reading reading, const struct tree *t, struct part *p)
{
    struct factors *run = factors_new();
    struct part *next = part_new();
    bool whole = true, good = run && next;
    if (good)
        set_empty(run);
    for (const struct tree *c = t->first; c && good; c = c->next) {
        part_clear(next);
        good = read_part(reading, c, next);
        if (good)
            append(reading, p, run, &whole, next);
    }
    if (good && !whole)
        offer(reading, p, run);
    if (good) {
        p->exact = whole;
        copy(whole ? &p->all : &p->tail, run);
    }
    free(run);
    free(next);
    return good;
}

/* Each branch must have something to hold. */
static bool read_choice(enum factor_reading reading, const struct tree *t, struct part *p)
{
    struct part *next = part_new();
    struct factors *held = factors_new();
    bool exact = true, all_held = true, good = next && held;
    for (const struct tree *c = t->first; c && good; c = c->next) {
        part_clear(next);
        good = read_part(reading, c, next);
        if (!good)
            break;
        exact = exact && next->exact;
        for (size_t i = 0; next->exact && exact && i < next->all.n; i++)
            exact = add(&p->all, next->all.v[i].p, next->all.v[i].n);
        if (next->exact)
            offer(reading, next, &next->all);
        all_held = all_held && next->held.n;
        for (size_t i = 0; all_held && i < next->held.n; i++)
            all_held = add(held, next->held.v[i].p, next->held.v[i].n);
    }
    p->exact = exact;
    if (good && !exact) {
        p->all.n = 0;
        open_part(p);
        if (all_held)
            offer(reading, p, held);
    }
    free(next);
    free(held);
    return good;
}

/* The texts of `min` repeats, as many as stay small; all of 0 to max where that is small too. */
static bool read_repeat(enum factor_reading reading, const struct tree *t, struct part *p)
{
    struct part *one = part_new();
    struct factors *power = factors_new();
    bool good = one && power && read_part(reading, t->first, one);
    if (good && !one->exact && t->min > 0) {
        copy(&p->head, &one->head);
        copy(&p->tail, &one->tail);
        copy(&p->held, &one->held);
        p->weight = one->weight;
    } else if (good) {
        bool fits = one->exact && t->max <= FACTOR_LENGTH_MAX;
        uint32_t times = 0;
        set_empty(power);
        while (times < t->min && one->exact && product(power, &one->all, power))
            times++;
        struct factors *first = &p->head; /* of min repeats, or as many as could be */
        copy(first, power);
        fits = fits && times == t->min;
        for (size_t i = 0; fits && i < power->n; i++)
            fits = add(&p->all, power->v[i].p, power->v[i].n);
        for (; fits && times < t->max; times++) {
            fits = product(power, &one->all, power);
            for (size_t i = 0; fits && i < power->n; i++)
                fits = add(&p->all, power->v[i].p, power->v[i].n);
        }
        p->exact = fits;
        if (!fits) {
            p->all.n = 0;
            copy(&p->tail, first);
            if (t->min > 0)
                offer(reading, p, first);
        }
    }
    free(one);
    free(power);
    return good;
}

static bool read_part(enum factor_reading reading, const struct tree *t, struct part *ret)
{
    switch (t->kind) {
    case TREE_SET: read_set(reading, &t->set, ret); return true;
    case TREE_SEQUENCE: return read_sequence(reading, t, ret);
    case TREE_CHOICE: return read_choice(reading, t, ret);
    case TREE_REPEAT: return read_repeat(reading, t, ret);
    }
    return false;
}

int factors_of_tree(const struct tree *t, bool shapes, struct factors *ret)
{
    static const double limit[FACTOR_READINGS] = { PLAIN_WEIGHT_MAX, SHAPE_WEIGHT_MAX };
    double best = 1;
    ret->n = 0;
    for (unsigned reading = 0; t && reading <= (shapes ? FACTOR_SHAPE : FACTOR_PLAIN); reading++) {
        struct part *p = part_new();
        if (!p)
            return GW_ERR(NOMEM);
        bool good = read_part((enum factor_reading)reading, t, p);
        if (good && p->exact)
            offer((enum factor_reading)reading, p, &p->all);
        if (good && p->held.n && p->weight < limit[reading] && p->weight < best) {
            best = p->weight;
            copy(ret, &p->held);
            ret->reading = (enum factor_reading)reading;
        }
        free(p);
        if (!good)
            return GW_ERR(NOMEM);
    }
    return 0;
}
