/* SPDX-License-Identifier: GPL-3.0-or-later
 * Runs the detectors over views of one request. */
#include <stdlib.h>
#include <unicode/uchar.h>

#include "dlp.h"
#include "utf8.h"

void dlp_begin(struct dlp *d, const struct joined *j, const struct scan_request *r)
{
    d->joined = j;
    d->request = r;
    d->found.n = 0;
    d->found.err = 0;
    d->n_near = 0;
    d->near_done_base[0] = d->near_done_base[1] = false;
    d->base = NULL;
    d->err = 0;
}

/* A letter or digit right before off, or at off. */
bool dlp_is_word_char(struct str s, size_t off, bool before)
{
    if (before ? off == 0 : off >= s.n)
        return false;
    unsigned char c = (unsigned char)s.p[before ? off - 1 : off];
    if (c < 0x80)
        return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
    if (before)
        for (off--; off > 0 && ((unsigned char)s.p[off] & 0xc0) == 0x80;)
            off--;
    return u_isalnum((UChar32)utf8_next(s, &off));
}

static bool unspaced_script(struct str s, size_t off)
{
    return off < s.n && (unsigned char)s.p[off] >= 0xe0 && dlp_unspaced(utf8_next(s, &off));
}

/* An edge lies between two characters of one word, or two digits: then it is none. */
static bool edge_ok(const struct dlp_detector *x, struct str s, size_t at)
{
    if (x->boundary == BOUNDARY_NONE)
        return true;
    if (x->boundary == BOUNDARY_DIGIT)
        return !(at > 0 && at < s.n && s.p[at - 1] >= '0' && s.p[at - 1] <= '9' && s.p[at] >= '0' && s.p[at] <= '9');
    return !dlp_is_word_char(s, at, true) || !dlp_is_word_char(s, at, false);
}

static bool boundary_ok(const struct dlp_detector *x, struct str s, size_t from, size_t to)
{
    return unspaced_script(s, from) || (edge_ok(x, s, from) && edge_ok(x, s, to));
}

/* ---- supporting words and exclusions ---- */

struct near_scan { struct dlp *d; const struct view *v; };

bool dlp_run_one(struct dlp *d, const struct dlp_db *b, size_t i, struct str text, match_event_handler on_match, void *user)
{
    if (hs_scan(b->db[i], text.p, (unsigned)text.n, 0, d->scratch, on_match, user) != HS_SUCCESS && !d->err)
        d->err = GW_ERR(UNKNOWN);
    return !d->err;
}

bool dlp_run(struct dlp *d, const struct dlp_db *b, struct str text, match_event_handler on_match, void *user)
{
    for (size_t i = 0; i < b->n_db && !d->err; i++)
        (void)dlp_run_one(d, b, i, text, on_match, user); /* d->err says so */
    return !d->err;
}

static int add_near(struct dlp *d, const struct view *v, uint32_t k, size_t from, size_t to, bool exclude)
{
    uint32_t start, end;
    view_span(v, from, to, &start, &end);
    if (d->n_near == DLP_MATCHES_MAX) {
        d->err = GW_ERR(LIMIT);
        return 1;
    }
    if (d->n_near == d->near_cap) {
        size_t cap = d->near_cap ? d->near_cap * 2 : 256;
        struct dlp_near *list = reallocarray(d->near_v, cap, sizeof *list);
        if (!list) {
            d->err = GW_ERR(NOMEM);
            return 1;
        }
        d->near_v = list;
        d->near_cap = cap;
    }
    d->near_v[d->n_near++] = (struct dlp_near){ k, start, end, exclude };
    return 0;
}

/* From the text of words back to the view that it was made from; the blanks around are not part of the word. */
static void word_span(const struct dlp *d, const struct dlp_expr *e, size_t to, size_t *ret_from, size_t *ret_to)
{
    const struct mapped *m = &d->words_view;
    size_t from = to - e->length;
    from += m->text.p[m->text.off + from] == ' ';
    to -= m->text.p[m->text.off + to - 1] == ' ';
    *ret_from = m->from[from];
    *ret_to = m->to[to - 1];
}

static int on_support(unsigned id, unsigned long long from, unsigned long long to, unsigned flags, void *user)
{
    struct near_scan *s = user;
    size_t a, b;
    (void)from;
    (void)flags;
    word_span(s->d, &s->d->support.v[id], (size_t)to, &a, &b);
    return add_near(s->d, s->v, s->d->support.v[id].detector, a, b, false);
}

static int on_exclude(unsigned id, unsigned long long from, unsigned long long to, unsigned flags, void *user)
{
    struct near_scan *s = user;
    (void)flags;
    return from < to ? add_near(s->d, s->v, s->d->exclude.v[id].detector, (size_t)from, (size_t)to, true) : 0;
}

static void run_near(struct dlp *d, const struct view *v, bool exclude)
{
    struct near_scan s = { d, v };
    int err = exclude ? 0 : dlp_words(v, &d->words_view);
    if (err)
        d->err = err;
    else if (exclude)
        (void)dlp_run(d, &d->exclude, v->text, on_exclude, &s); /* d->err says so */
    else
        (void)dlp_run(d, &d->support, buf_str(&d->words_view.text), on_support, &s);
}

/* Looked for only where something was found: most stanzas never need it. What stands in the text itself supports what was found in an
 * encoding within it. */
static void need_near(struct dlp *d, const struct view *v, bool exclude)
{
    if (!d->near_done_base[exclude] && d->base) {
        d->near_done_base[exclude] = true;
        run_near(d, d->base, exclude);
        d->near_done[exclude] = d->base;
    }
    if (v != d->near_done[exclude]) {
        run_near(d, v, exclude);
        d->near_done[exclude] = v;
    }
}

static bool supported(const struct dlp *d, uint32_t k, uint32_t start, uint32_t end)
{
    uint32_t distance = (uint32_t)d->v[k]->distance;
    for (size_t i = 0; i < d->n_near; i++) {
        const struct dlp_near *n = &d->near_v[i];
        if (n->detector != k || n->exclude || n->start == NO_SPAN)
            continue;
        uint32_t gap = n->end <= start ? start - n->end : n->start >= end ? n->start - end : 0;
        if (gap <= distance)
            return true;
    }
    return false;
}

static bool excluded(const struct dlp *d, uint32_t k, uint32_t start, uint32_t end)
{
    for (size_t i = 0; i < d->n_near; i++) {
        const struct dlp_near *n = &d->near_v[i];
        if (n->detector == k && n->exclude && n->start < end && start < n->end)
            return true;
    }
    return false;
}

static bool value_excluded(const struct dlp_detector *x, struct str text)
{
    struct candidate a, b;
    if (x->exclude.n == 0)
        return false;
    a.text = text;
    candidate_compact(&a);
    for (size_t i = 0; i < x->exclude.n; i++) {
        b.text = str_c(x->exclude.v[i]);
        candidate_compact(&b);
        if (a.n && a.n == b.n && memcmp(a.compact, b.compact, a.n) == 0)
            return true;
    }
    return false;
}

/* ---- a candidate that passed ---- */

static bool over_groups(const struct dlp *d, uint32_t start, uint32_t end)
{
    size_t a = joined_piece_at(d->joined, start), b = joined_piece_at(d->joined, end - 1);
    return a < d->joined->n && b < d->joined->n && d->joined->pieces[a].group != d->joined->pieces[b].group;
}

static bool place_ok(const struct dlp *d, const struct dlp_detector *x, uint32_t start)
{
    if (!x->place_bits)
        return true;
    size_t i = joined_piece_at(d->joined, start);
    return i < d->joined->n && (x->place_bits >> d->request->segments[d->joined->pieces[i].seg].place & 1u);
}

bool dlp_accept(struct dlp *d, uint32_t k, const struct view *v, size_t from, size_t to, enum opinion o, bool across)
{
    const struct dlp_detector *x = d->v[k];
    uint32_t start, end;
    view_span(v, from, to, &start, &end);
    if (start == NO_SPAN || (across && !over_groups(d, start, end)) || !place_ok(d, x, start) ||
        value_excluded(x, (struct str){ v->text.p + from, to - from }))
        return false;
    if (x->has_exclude)
        need_near(d, v, true);
    if (x->has_exclude && excluded(d, k, start, end))
        return false;
    if (x->has_support)
        need_near(d, v, false);
    int confidence = (int)(x->has_support && supported(d, k, start, end) ? x->with_support : x->confidence);
    confidence += o == OPINION_WEAK ? -25 : o == OPINION_STRONG ? 15 : 0;
    if (confidence > 100)
        confidence = 100;
    if (confidence < x->report && !d->report_all)
        return false;
    hits_add(&d->found, x->log_only ? SCAN_NOTED : SCAN_DLP, x->id, start, end, confidence < 0 ? 0 : (unsigned)confidence);
    return true;
}

/* ---- patterns and words ---- */

struct find_scan { struct dlp *d; struct str text; const struct dlp_db *b; size_t at; /* in the text, of what Hyperscan looks at */ };

static int push_match(struct dlp *d, unsigned id, unsigned long long from, unsigned long long to)
{
    if (d->n_matches == DLP_MATCHES_MAX) {
        d->err = GW_ERR(LIMIT);
        return 1;
    }
    if (d->n_matches == d->matches_cap) {
        size_t cap = d->matches_cap ? d->matches_cap * 2 : 256;
        struct dlp_match *v = reallocarray(d->matches, cap, sizeof *v);
        if (!v) {
            d->err = GW_ERR(NOMEM);
            return 1;
        }
        d->matches = v;
        d->matches_cap = cap;
    }
    d->matches[d->n_matches++] = (struct dlp_match){ id, (uint32_t)from, (uint32_t)to };
    return 0;
}

/* With a validator a later start may be the right one, and with a tail a later end. */
static bool end_ok(const struct dlp_detector *x, struct str s, size_t from, size_t to)
{
    if (!x->validator)
        return boundary_ok(x, s, from, to);
    return edge_ok(x, s, x->validator->min_digits ? from : to);
}

/* Of a number that goes on behind the pattern only the beginning is known here. */
static bool enough_digits(const struct dlp_detector *x, struct str s, size_t from, size_t to)
{
    int64_t n = x->validator && x->validator->min_digits ? x->digits : 0;
    for (size_t i = from; i < to; i++)
        n += s.p[i] >= '0' && s.p[i] <= '9';
    return n >= x->digits;
}

/* Hyperscan was not asked for the start: it is where the stretch of characters of this kind begins. */
#define STRETCH_MAX 4096u
static size_t stretch_before(const struct dlp_detector *x, struct str s, size_t to)
{
    size_t at = to;
    while (at > 0 && to - at < STRETCH_MAX && (x->set[(unsigned char)s.p[at - 1] / 64] >> ((unsigned char)s.p[at - 1] % 64) & 1))
        at--;
    return at;
}

static int on_find(unsigned id, unsigned long long from, unsigned long long to, unsigned flags, void *user)
{
    struct find_scan *s = user;
    const struct dlp_detector *x = s->d->v[s->b->v[id].detector];
    (void)flags;
    from += s->at;
    to += s->at;
    if (x->characters[0])
        from = stretch_before(x, s->text, (size_t)to);
    if (from == to || (int64_t)(to - from) < x->length || (x->digits && !enough_digits(x, s->text, (size_t)from, (size_t)to)) || !end_ok(x, s->text, (size_t)from, (size_t)to))
        return 0;
    return push_match(s->d, id, from, to);
}

static int by_detector(const void *va, const void *vb, void *exprs)
{
    const struct dlp_match *a = va, *b = vb;
    const struct dlp_expr *e = exprs;
    uint32_t da = e[a->expr].detector, db = e[b->expr].detector;
    if (da != db)
        return da < db ? -1 : 1;
    if (a->from != b->from)
        return a->from < b->from ? -1 : 1;
    return a->to > b->to ? -1 : a->to < b->to;
}

static enum opinion judge(const struct dlp_detector *x, struct str s, size_t from, size_t to)
{
    struct candidate c = { .text = { s.p + from, to - from }, .before = { s.p, from }, .after = { s.p + to, s.n - to } };
    if (memchr(c.text.p, 0, c.text.n) || !boundary_ok(x, s, from, to))
        return OPINION_NO;
    if (!x->validator)
        return OPINION_YES;
    candidate_compact(&c);
    return x->validator->check(&c);
}

#define LATER_STARTS 24
#define FAILS_MAX 400 /* ends tried for one start */
/* Hyperscan tells the leftmost start only. When what begins there does not pass, the words behind it are tried: text put in
 * front must not hide what follows. */
static enum opinion judge_starts(const struct dlp_detector *x, struct str s, size_t *from, size_t to)
{
    enum opinion o = judge(x, s, *from, to);
    if (o != OPINION_NO || !x->later_starts)
        return o;
    unsigned tries = 0;
    for (size_t at = *from + 1; at + 4 < to && tries < LATER_STARTS; at++) {
        if (dlp_is_word_char(s, at, true) || s.p[at - 1] == '-')
            continue;
        if (!dlp_is_word_char(s, at, false) && s.p[at] != '-' && s.p[at] != '+')
            continue;
        tries++;
        o = judge(x, s, at, to);
        if (o != OPINION_NO) {
            *from = at;
            return o;
        }
    }
    return OPINION_NO;
}

/* A beginning was found: the ends of words behind it are tried, the farthest first. */
static enum opinion judge_ends(const struct dlp_detector *x, struct str s, size_t from, size_t *to)
{
    size_t ends[64], n = 0, count = 0, gap = 0;
    for (size_t i = from; i < s.n && n < 64; i++) {
        bool word = dlp_is_word_char(s, i, false) && (unsigned char)s.p[i] < 0x80;
        if (word && ++count > x->validator->min_digits)
            break;
        gap = word ? 0 : gap + 1;
        if (gap > 3 || (!word && !strchr(" -./_,:*()\t\n\r", s.p[i])))
            break;
        if (word && i + 1 >= *to && !dlp_is_word_char(s, i + 1, false))
            ends[n++] = i + 1;
    }
    while (n-- > 0) {
        enum opinion o = judge(x, s, from, ends[n]);
        if (o != OPINION_NO) {
            *to = ends[n];
            return o;
        }
    }
    return OPINION_NO;
}

static void judge_matches(struct dlp *d, const struct dlp_db *b, const struct view *v)
{
    uint32_t last = UINT32_MAX;
    size_t done = 0, tried_from = SIZE_MAX;
    unsigned fails = 0;
    if (d->n_matches > 1)
        qsort_r(d->matches, d->n_matches, sizeof *d->matches, by_detector, b->v);
    for (size_t i = 0; i < d->n_matches && !d->err; i++) {
        const struct dlp_match *m = &d->matches[i];
        uint32_t k = b->v[m->expr].detector;
        if (k != last) {
            last = k;
            done = 0;
        }
        size_t from = m->from;
        if (m->to <= done)
            continue;
        if (from < done)
            from = done;
        if (from != tried_from)
            fails = 0;
        tried_from = from;
        size_t to = m->to;
        enum opinion o = fails >= FAILS_MAX ? OPINION_NO : d->v[k]->validator && d->v[k]->validator->min_digits ?
            judge_ends(d->v[k], v->text, from, &to) : judge_starts(d->v[k], v->text, &from, to);
        if (o == OPINION_NO || !dlp_accept(d, k, v, from, to, o, false)) {
            fails++;
            continue;
        }
        done = to;
    }
}

/* A database of one pattern looks only at those parts of the text where its matches can lie. */
static void find_in(struct find_scan *s, size_t i, const struct measure *m)
{
    struct part parts[PLACES_MAX] = { { 0, (uint32_t)s->text.n } };
    size_t n = i < s->b->n_single && !s->d->no_gate ? gate_parts(&s->b->v[i].gate, m, s->text.n, parts) : 1;
    for (size_t k = 0; k < n; k++) {
        s->at = parts[k].from;
        if (!dlp_run_one(s->d, s->b, i, (struct str){ s->text.p + s->at, parts[k].to - parts[k].from }, on_find, s))
            return; /* d->err says so */
    }
}

static int scan_patterns(struct dlp *d, const struct view *v, const struct measure *m)
{
    for (size_t g = 0; g < FIND_GROUPS && !d->err; g++) {
        const struct dlp_db *b = &d->find[g];
        struct find_scan s = { d, v->text, b, 0 };
        d->n_matches = 0;
        for (size_t k = 0; k < d->n_seen && !d->no_gate && !d->err; k++) {
            const struct dlp_place *p = &d->places[d->seen[k]];
            if (p->group == g && dlp_possible(d, g, p->at, m))
                find_in(&s, p->at, m);
        }
        for (size_t i = d->no_gate ? 0 : b->n_factor; i < b->n_db && !d->err; i++)
            if (dlp_possible(d, g, i, m))
                find_in(&s, i, m);
        if (!d->err && d->n_matches)
            judge_matches(d, b, v);
    }
    return d->err;
}

/* ---- words ---- */

static int on_word(unsigned id, unsigned long long from, unsigned long long to, unsigned flags, void *user)
{
    (void)flags;
    return push_match(user, id, from, to);
}

static int scan_words(struct dlp *d, const struct view *v)
{
    if (!d->words.n_db || !d->word_seen)
        return 0;
    int err = dlp_words(v, &d->words_view);
    d->n_matches = 0;
    if (err || !dlp_run(d, &d->words, buf_str(&d->words_view.text), on_word, d))
        return err ? err : d->err;
    /* spans first: looking for supporting words uses the same view */
    for (size_t i = 0; i < d->n_matches; i++) {
        size_t a, b;
        word_span(d, &d->words.v[d->matches[i].expr], d->matches[i].to, &a, &b);
        d->matches[i].from = (uint32_t)a;
        d->matches[i].to = (uint32_t)b;
    }
    for (size_t i = 0; i < d->n_matches && !d->err; i++) {
        struct dlp_match m = d->matches[i];
        uint32_t k = d->words.v[m.expr].detector;
        enum opinion o = memchr(v->text.p + m.from, 0, m.to - m.from) ? OPINION_NO : OPINION_YES;
        if (o != OPINION_NO && d->v[k]->validator)
            o = judge(d->v[k], v->text, m.from, m.to);
        if (o != OPINION_NO)
            (void)dlp_accept(d, k, v, m.from, m.to, o, false);
    }
    return d->err;
}

/* ---- letters alone ---- */

/* Between the letters of the word, in normal text: nothing at all, or something everywhere, or punctuation without blanks. */
static bool gaps_ok(const struct dlp *d, const struct dlp_expr *e, struct str text, size_t from, size_t to)
{
    const struct dlp_detector *x = d->v[e->detector];
    const struct mapped *m = &d->letters_view;
    size_t filled = 0, inner = 0;
    bool blank = false;
    for (size_t i = from; i + 1 < to; i++) {
        if (m->from[i] == m->from[i + 1] || (i - from < 64 && e->blanks >> (i - from) & 1))
            continue; /* inside one character, or where the phrase has a blank anyway */
        size_t gap = m->from[i + 1] - m->to[i];
        inner++;
        filled += gap > 0;
        if (gap > 6 || memchr(text.p + m->to[i], 0, gap))
            return false;
        for (size_t k = m->to[i]; k < m->from[i + 1]; k++)
            blank |= text.p[k] == ' ' || text.p[k] == '\n' || text.p[k] == '\t';
    }
    if (filled == 0)
        return x->leet;
    return x->spaced && (filled == inner || !blank);
}

static int scan_letters(struct dlp *d, const struct view *v)
{
    if (!d->letters.n_db)
        return 0;
    struct str text;
    d->n_matches = 0;
    if (dlp_letters_ascii(v->text, &d->shapes, &text)) { /* the way back is made only where something was found */
        if ((text.n && !dlp_run(d, &d->letters, text, on_word, d)) || d->n_matches == 0)
            return d->err;
        d->n_matches = 0;
    }
    int err = dlp_letters(v, &d->letters_view);
    if (err)
        return err;
    text = buf_str(&d->letters_view.text);
    if (text.n && !dlp_run(d, &d->letters, text, on_word, d))
        return d->err;
    for (size_t i = 0; i < d->n_matches && !d->err; i++) {
        const struct dlp_match *m = &d->matches[i];
        const struct dlp_expr *e = &d->letters.v[m->expr];
        size_t from = d->letters_view.from[m->from], to = d->letters_view.to[m->to - 1];
        if (gaps_ok(d, e, v->text, m->from, m->to) && boundary_ok(d->v[e->detector], v->text, from, to))
            (void)dlp_accept(d, e->detector, v, from, to, OPINION_YES, false);
    }
    return d->err;
}

int dlp_scan(struct dlp *d, const struct view *v, bool across)
{
    int err = 0;
    buf_reset(&d->shapes);
    char *shapes = across || !v->text.n ? NULL : (char *)buf_room(&d->shapes, v->text.n);
    if (!across && v->text.n && !shapes)
        return GW_ERR(NOMEM);
    struct measure m = measure_text(v->text, shapes);
    if (!across)
        d->measure = m;
    if (v->text.n == 0 || d->n == 0)
        return 0;
    if (!d->base)
        d->base = v;
    d->near_done[0] = d->near_done[1] = NULL;
    if (!across) {
        buf_added(&d->shapes, v->text.n);
        dlp_find_keys(d, v->text, &m);
        err = scan_patterns(d, v, &m);
        err = err ? err : scan_words(d, v);
        err = err ? err : scan_letters(d, v);
        err = err ? err : dlp_sealed_scan(d, v);
    }
    if (!err && m.near >= d->least_digits)
        err = dlp_number_scan(d, v, &m, false, across);
    if (!err && m.digits && d->any_leet_digits && dlp_look_digits(v, &m, &d->digits_view, &err)) {
        struct view digits = mapped_view(&d->digits_view);
        m = measure_text(digits.text, NULL);
        if (m.near >= d->least_digits)
            err = dlp_number_scan(d, &digits, &m, true, across);
    }
    return err ? err : d->found.err;
}

int dlp_end(struct dlp *d, struct hits *h)
{
    struct hits *f = &d->found;
    if (f->err)
        return f->err;
    hits_tidy(f);
    for (size_t i = 0; i < f->n;) {
        size_t end = i;
        while (end < f->n && f->v[end].rule == f->v[i].rule)
            end++;
        int64_t minimum = 1, count = (int64_t)(end - i);
        for (size_t k = 0; k < d->n; k++)
            if (d->v[k]->id == f->v[i].rule)
                minimum = d->v[k]->minimum;
        for (; i < end; i++)
            if (count >= minimum)
                hits_add(h, f->v[i].source, f->v[i].rule, f->v[i].start, f->v[i].end, f->v[i].confidence);
        i = end;
    }
    return h->err;
}
