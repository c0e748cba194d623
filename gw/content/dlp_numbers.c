/* SPDX-License-Identifier: GPL-3.0-or-later
 * Numbers written in groups of digits: found in one pass, then offered to every validator that takes as many digits. */
#include "dlp.h"

#define SEPARATORS_MAX 4 /* between two groups */

struct group { uint32_t start, end; };
/* Groups that follow each other with few separators between; a longer row of them is looked at through a window. */
struct region { struct group g[64]; size_t n; };

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

static bool is_separator(char c)
{
    return c && strchr(" -./_,:*\t\n\r()|~+'\"#", c) != NULL;
}

static bool is_letter(struct str s, size_t off, bool before)
{
    return dlp_is_word_char(s, off, before);
}

static void fill(struct candidate *c, struct str text, const struct group *g, size_t n)
{
    c->text = (struct str){ text.p + g[0].start, g[n - 1].end - g[0].start };
    c->before = c->after = STR_NONE;
    c->n = 0;
    c->n_groups = n;
    c->one_separator = true;
    for (size_t i = 0; i < n; i++) {
        size_t len = g[i].end - g[i].start;
        memcpy(c->compact + c->n, text.p + g[i].start, len);
        c->n += len;
        c->group[i] = (unsigned char)len;
        if (i > 1 && (g[i].start - g[i - 1].end != g[1].start - g[0].end || text.p[g[i].start - 1] != text.p[g[0].end]))
            c->one_separator = false;
    }
    c->compact[c->n] = 0;
}

static bool in_groups(const char *form, const struct candidate *c)
{
    size_t i = 0;
    for (; *form && i < c->n_groups; form++)
        if (*form != '-' && c->group[i++] != *form - '0')
            return false;
    return !*form && i == c->n_groups;
}

static bool joined_by_one(const struct region *r, size_t i) { return i > 0 && i < r->n && r->g[i].start - r->g[i - 1].end == 1; }

/* As its kind is written: in one piece or in its groups, and not out of the middle of a longer row. */
static bool as_usual(const struct dlp_detector *x, const struct candidate *c, const struct region *r, size_t first, size_t last)
{
    bool usual = !x->groups.n || c->n_groups == 1;
    for (size_t i = 0; i < x->groups.n && !usual; i++)
        usual = c->one_separator && in_groups(x->groups.v[i], c);
    return usual && !(x->groups.n && (joined_by_one(r, first) || joined_by_one(r, last + 1)));
}

/* One detector over one row of groups: every stretch of whole groups with the right number of digits, longest first. */
static void try_detector(struct dlp *d, uint32_t k, const struct view *v, const struct region *r, bool across)
{
    const struct validator *val = d->v[k]->validator;
    struct candidate *c = &d->candidate; /* large: not made anew for each */
    for (size_t i = 0; i < r->n; i++) {
        uint8_t ends[GROUPS_MAX];
        size_t n_ends = 0, digits = 0;
        for (size_t j = i; j < r->n && j - i < GROUPS_MAX; j++) {
            digits += r->g[j].end - r->g[j].start;
            if (digits > val->max_digits)
                break;
            if (digits >= val->min_digits)
                ends[n_ends++] = (uint8_t)j;
        }
        while (n_ends-- > 0) {
            size_t j = ends[n_ends];
            fill(c, v->text, r->g + i, j - i + 1);
            enum opinion o = val->check(c);
            if (o == OPINION_NO)
                continue;
            if (o > OPINION_WEAK && !as_usual(d->v[k], c, r, i, j))
                o = OPINION_WEAK;
            /* a letter that touches it makes it less likely */
            if (is_letter(v->text, r->g[i].start, true) || is_letter(v->text, r->g[j].end, false))
                o--;
            if (o == OPINION_NO)
                continue;
            if (!dlp_accept(d, k, v, r->g[i].start, r->g[j].end, o, across))
                continue; /* below the threshold: it must not hide what begins inside it */
            i = j;
            break;
        }
    }
}

/* Which numbers of digits stretches of whole groups have: bit n; more than 63 count as 63. */
static uint64_t stretches(const struct region *r)
{
    uint64_t counts = 0;
    for (size_t i = 0; i < r->n; i++) {
        size_t digits = 0;
        for (size_t j = i; j < r->n && j - i < GROUPS_MAX && digits < 63; j++) {
            digits += r->g[j].end - r->g[j].start;
            counts |= UINT64_C(1) << (digits < 63 ? digits : 63);
        }
    }
    return counts;
}

static void try_region(struct dlp *d, const struct view *v, const struct region *r, bool leet_only, bool across)
{
    uint64_t counts = stretches(r);
    for (size_t i = 0; i < d->n_digit_detectors && counts; i++)
        if (d->digit_counts[i] & counts && (!leet_only || d->v[d->digit_detectors[i]]->leet))
            try_detector(d, d->digit_detectors[i], v, r, across);
}

int dlp_number_scan(struct dlp *d, const struct view *v, const struct measure *m, bool leet_only, bool across)
{
    struct str s = v->text;
    struct region r = { .n = 0 };
    if (d->n_digit_detectors == 0)
        return 0;
    for (size_t i = m->first_digit; i <= m->last_digit && i < s.n && !d->err;) {
        if (!is_digit(s.p[i])) {
            i++;
            continue;
        }
        size_t start = i;
        while (i < s.n && is_digit(s.p[i]))
            i++;
        bool follows = r.n > 0 && start - r.g[r.n - 1].end <= SEPARATORS_MAX;
        for (size_t k = r.n ? r.g[r.n - 1].end : start; follows && k < start; k++)
            follows = is_separator(s.p[k]);
        if (!follows) {
            try_region(d, v, &r, leet_only, across);
            r.n = 0;
        } else if (r.n == sizeof r.g / sizeof *r.g) {
            /* keep the last groups, so that what lies over the edge of the window is seen */
            try_region(d, v, &r, leet_only, across);
            memmove(r.g, r.g + r.n - GROUPS_MAX, GROUPS_MAX * sizeof *r.g);
            r.n = GROUPS_MAX;
        }
        r.g[r.n++] = (struct group){ (uint32_t)start, (uint32_t)i };
    }
    if (!d->err)
        try_region(d, v, &r, leet_only, across);
    return d->err;
}
