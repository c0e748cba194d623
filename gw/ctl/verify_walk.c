/* SPDX-License-Identifier: GPL-3.0-or-later
 * Reading every line: numbers, form, each sender's own count, time, and the tree against every checkpoint. The file of tree hashes,
 * where it fits a signed checkpoint, says which record of a stretch was changed. */
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#include "siphash.h"
#include "verify.h"
#include "verify_read.h"

#define STRETCH_MAX (4u << 20)    /* records between two checkpoints that are kept for comparison: 132 MiB at most */
#define ABSENT_MAX (1u << 24)     /* a jump in numbers above this is no gap but nonsense */
#define CLOCK_REACH 20000         /* the journal's record of a clock step stands at most so far behind it */
#define CLOCK_SLACK 1500000       /* microseconds */
#define RULES_HEX 64

struct teller { uint64_t hash, epoch, last; char program[LED_PROGRAM_MAX + 1]; };
struct step { uint64_t record, seconds; };
struct walk {
    struct verify *v;
    uint64_t due;            /* the record that must come next */
    struct led_tree tree;    /* over all up to the last checkpoint that fits */
    uint64_t skip;           /* records up to here were proven otherwise: read, not judged */
    bool tree_lost;          /* nothing can be proven any more */
    size_t next_claim;
    struct led_hash *leaf;   /* of the records behind tree.size */
    bool *have;
    size_t n, cap;
    bool folded;             /* the stretch is too long: only its tree is kept */
    struct led_tree running; /* used when folded */
    /* lines that cannot be read, until the next one that can */
    struct led_hash *bad;
    size_t n_bad, bad_cap;
    struct teller *tellers;
    size_t n_tellers, cap_tellers, last_teller;
    struct step steps[64];
    size_t n_steps;
    char (*rules)[RULES_HEX];
    size_t n_rules;
    uint64_t unknown_rules, first_unknown_rules;
    int64_t next_progress;
    uint64_t retired;        /* records up to here are not here; a record must say that they were removed */
};

static int64_t now_ms(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

/* ---- the stretch behind the last checkpoint that fits ---- */
static int push(struct walk *w, const struct led_hash *leaf)
{
    w->due++;
    if (w->tree_lost)
        return 0;
    if (w->folded) {
        if (leaf)
            led_tree_add(&w->running, leaf, NULL);
        else
            w->tree_lost = true;
        return 0;
    }
    if (w->n == w->cap) {
        size_t cap = w->cap ? w->cap * 2 : 1024;
        struct led_hash *l = realloc(w->leaf, cap * sizeof *l);
        bool *h = l ? realloc(w->have, cap) : NULL;
        if (l)
            w->leaf = l;
        if (h)
            w->have = h;
        if (!h)
            return GW_ERR(NOMEM);
        w->cap = cap;
    }
    w->have[w->n] = leaf != NULL;
    if (leaf)
        w->leaf[w->n] = *leaf;
    w->n++;
    if (w->n == STRETCH_MAX) {
        w->running = w->tree;
        w->folded = true;
        for (size_t i = 0; i < w->n; i++) {
            if (!w->have[i])
                w->tree_lost = true;
            led_tree_add(&w->running, &w->leaf[i], NULL);
        }
    }
    return 0;
}

static void settled(struct walk *w, const struct led_tree *t, const struct claim *c)
{
    w->tree = *t;
    w->n = 0;
    w->folded = false;
    tail_signed(&w->v->tail);
    w->v->proven = c->size;
    w->v->proven_time = c->time;
    if (c->outside) {
        w->v->proven_outside = c->size;
        w->v->proven_outside_time = c->time;
    }
}

/* Which records of the stretch are not those whose hashes the gateway stored: ranges of them. */
static void compare(struct walk *w, const struct led_hash *stored, size_t count)
{
    uint64_t base = w->tree.size;
    char text[64];

    for (size_t i = 0; i < count; i++) {
        size_t from = i;
        while (i < count && i < w->n && w->have[i] && !led_hash_eq(&w->leaf[i], &stored[i]))
            i++;
        if (i > from)
            finding_add(&w->v->findings, "changed", base + from + 1, base + i, "%s: not what was signed; changed after it was written",
                records_text(base + from + 1, base + i, text));
    }
}

/* The stretch does not fit checkpoint c: find out why by the stored hashes, if those fit it. */
static bool localise(struct walk *w, const struct claim *c)
{
    uint64_t base = w->tree.size, count = c->size - base;
    struct led_tree t = w->tree;
    struct led_hash *stored, root;
    bool fits = false;

    if (w->v->tree_fd < 0 || w->folded || count > STRETCH_MAX || !(stored = malloc((size_t)count * sizeof *stored)))
        return false;
    for (uint64_t i = 0; i < count; i++) {
        if (verify_get(w->v, 0, base + i, &stored[i]) < 0)
            goto out;
        led_tree_add(&t, &stored[i], NULL);
    }
    led_tree_root(&t, &root);
    fits = led_hash_eq(&root, &c->root);
    if (fits) {
        compare(w, stored, (size_t)count);
        settled(w, &t, c);
    }
out:
    free(stored);
    return fits;
}

static void lose(struct walk *w, const struct claim *c)
{
    char text[64];
    bool hole = false;

    for (size_t i = 0; i < w->n && !w->folded; i++)
        hole |= !w->have[i];
    if (!hole || w->folded)
        finding_add(&w->v->findings, "changed", w->tree.size + 1, c->size,
            "among %s at least one is not what the checkpoint over %s records signed; the file of tree hashes cannot say which",
            records_text(w->tree.size + 1, c->size, text), thousands(c->size));
    finding_add(&w->v->findings, "unproven", w->tree.size + 1, 0, "behind record %s nothing can be proven", thousands(w->tree.size));
    w->tree_lost = true;
}

/* A checkpoint over just the records read so far. */
static void settle(struct walk *w, const struct claim *c)
{
    struct led_tree t = w->folded ? w->running : w->tree;
    struct led_hash root;
    bool whole = true;
    char text[64];

    if (w->tree_lost)
        return;
    for (size_t i = 0; i < w->n && !w->folded; i++) {
        whole &= w->have[i];
        if (whole)
            led_tree_add(&t, &w->leaf[i], NULL);
    }
    led_tree_root(&t, &root);
    if (whole && led_hash_eq(&root, &c->root))
        settled(w, &t, c);
    else if (c->outside && w->v->proven == c->size)
        finding_add(&w->v->findings, "rewritten", 1, c->size,
            "the checkpoint held outside, over %s records, has another root than the journal, though its own checkpoint fits: the journal was "
            "written anew by somebody who has the signing key", thousands(c->size));
    else if (!localise(w, c) && !c->outside)
        lose(w, c);
    else if (c->outside && w->v->proven_outside < c->size)
        finding_add(&w->v->findings, "rewritten", w->v->proven_outside + 1, c->size,
            "among %s at least one is not what the checkpoint held outside (over %s records) signed", records_text(w->v->proven_outside + 1, c->size, text),
            thousands(c->size));
}

static void settle_due(struct walk *w)
{
    struct verify *v = w->v;

    while (w->next_claim < v->n_claims && v->claims[w->next_claim].size <= w->due - 1) {
        const struct claim *c = &v->claims[w->next_claim++];
        if (c->size == w->due - 1 && c->size >= w->tree.size)
            settle(w, c);
    }
}

/* ---- senders' own counts ---- */
static struct teller *teller(struct walk *w, const struct led_head *h)
{
    static const struct siphash_key key = { 1, 2 };
    struct teller *t = w->n_tellers ? &w->tellers[w->last_teller] : NULL;
    uint64_t hash;

    if (t && t->epoch == h->epoch && str_eq(str_c(t->program), h->program))
        return t;
    hash = siphash(&key, h->program.p, h->program.n) ^ h->epoch;
    for (size_t i = w->n_tellers; i-- > 0;)
        if (w->tellers[i].hash == hash && w->tellers[i].epoch == h->epoch && str_eq(str_c(w->tellers[i].program), h->program)) {
            w->last_teller = i;
            return &w->tellers[i];
        }
    if (w->n_tellers == w->cap_tellers) {
        size_t cap = w->cap_tellers ? w->cap_tellers * 2 : 64;
        t = realloc(w->tellers, cap * sizeof *t);
        if (!t)
            return NULL;
        w->tellers = t;
        w->cap_tellers = cap;
    }
    w->last_teller = w->n_tellers++;
    t = &w->tellers[w->last_teller];
    *t = (struct teller){ .hash = hash, .epoch = h->epoch, .last = UINT64_MAX };
    memcpy(t->program, h->program.p, h->program.n);
    return t;
}

static int check_teller(struct walk *w, const struct led_head *h)
{
    struct teller *t = teller(w, h);
    bool from_the_start = w->v->dir.v[0].first == 1 && w->skip == 0;

    if (!t)
        return GW_ERR(NOMEM);
    if (t->last == UINT64_MAX && !from_the_start)
        t->last = h->number - 1;
    if (t->last == UINT64_MAX)
        t->last = 0;
    if (h->number == t->last + 2)
        finding_add(&w->v->findings, "lines-missing", h->seq, h->seq, "before record %s, line %llu of %s (start %llu) is missing: its sender counted it",
            thousands(h->seq), (unsigned long long)h->number - 1, t->program, (unsigned long long)t->epoch);
    else if (h->number > t->last + 1)
        finding_add(&w->v->findings, "lines-missing", h->seq, h->seq, "before record %s, lines %llu to %llu of %s (start %llu) are missing: their sender counted them",
            thousands(h->seq), (unsigned long long)t->last + 1, (unsigned long long)h->number - 1, t->program, (unsigned long long)t->epoch);
    else if (h->number <= t->last)
        finding_add(&w->v->findings, "line-doubled", h->seq, h->seq, "record %s is line %llu of %s (start %llu), which was there before",
            thousands(h->seq), (unsigned long long)h->number, t->program, (unsigned long long)t->epoch);
    if (h->number > t->last)
        t->last = h->number;
    return 0;
}

/* ---- time ---- */
static void check_time(struct walk *w, const struct led_head *h, struct str line)
{
    struct verify *v = w->v;

    if (h->time_us + CLOCK_SLACK < v->last_time && w->n_steps < sizeof w->steps / sizeof *w->steps)
        w->steps[w->n_steps++] = (struct step){ h->seq, (v->last_time - h->time_us) / 1000000 };
    v->last_time = h->time_us;
    if (h->event == GW_EV_JOURNAL && str_eq(h->program, STR("journal")) && memmem(line.p, line.n, "\"action\":\"clock-moved\"", 22)) {
        for (size_t i = 0; i < w->n_steps; i++)
            if (w->steps[i].record + CLOCK_REACH >= h->seq)
                finding_add(&v->remarks, "clock", w->steps[i].record, w->steps[i].record,
                    "the clock moved back by %s seconds at record %s; the journal says so itself in record %s", thousands(w->steps[i].seconds),
                    thousands(w->steps[i].record), thousands(h->seq));
            else
                finding_add(&v->findings, "clock", w->steps[i].record, w->steps[i].record,
                    "record %s is dated %s seconds before the one that it follows, and no record says that the clock moved",
                    thousands(w->steps[i].record), thousands(w->steps[i].seconds));
        if (w->n_steps == 0)
            finding_add(&v->remarks, "clock", h->seq, h->seq, "the clock was moved; record %s says so", thousands(h->seq));
        w->n_steps = 0;
    }
}

static void report_steps(struct walk *w)
{
    for (size_t i = 0; i < w->n_steps; i++)
        finding_add(&w->v->findings, "clock", w->steps[i].record, w->steps[i].record,
            "record %s is dated %s seconds before the one that it follows, and no record says that the clock moved", thousands(w->steps[i].record),
            thousands(w->steps[i].seconds));
}

/* ---- retention ---- */
/* A checkpoint held outside over less than what is left: the journal must have grown from it. */
static void check_grown(struct walk *w, const struct claim *c)
{
    const struct claim *now = &w->v->claims[w->v->n_claims - 1];
    struct led_hash proof[LED_LEVELS];
    size_t n;

    if (led_consistency(verify_get, w->v, c->size, now->size, proof, &n) == 0 && led_consistency_check(c->size, &c->root, now->size, &now->root, proof, n) == 0)
        finding_add(&w->v->remarks, "grown", 1, c->size, "the journal grew from the checkpoint held outside over %s records, whose lines are not here any more",
            thousands(c->size));
    else
        finding_add(&w->v->findings, "rewritten", 1, c->size, "no proof leads from the checkpoint held outside (over %s records) to the newest one", thousands(c->size));
}

/* The beginning may be gone by order: the hashes of what went lead on from there, and a checkpoint proves them. */
static void begin_late(struct walk *w)
{
    struct verify *v = w->v;
    uint64_t gone = v->dir.v[0].first - 1;

    if (led_tree_load(verify_get, v, gone, &w->tree) < 0)
        return; /* then it is treated as a missing segment */
    w->retired = gone;
    w->due = gone + 1;
    for (; w->next_claim < v->n_claims && v->claims[w->next_claim].size < gone; w->next_claim++)
        if (v->claims[w->next_claim].outside)
            check_grown(w, &v->claims[w->next_claim]);
    settle_due(w);
}

static void check_retired(struct walk *w, const struct led_head *h, struct str line)
{
    char count[40];

    if (!w->retired)
        return;
    snprintf(count, sizeof count, "\"count\":%llu}", (unsigned long long)w->retired);
    if ( h->event != GW_EV_JOURNAL || !str_eq(h->program, STR("journal")) || !memmem(line.p, line.n, "\"action\":\"retired\"", 18) ||
        !memmem(line.p, line.n, count, strlen(count)))
        return;
    finding_add(&w->v->remarks, "retired", 1, w->retired, "records 1 to %s are not here: they were removed by order, as record %s says", thousands(w->retired),
        thousands(h->seq));
    w->retired = 0;
}

static void report_retired(struct walk *w)
{
    if (w->retired)
        finding_add(&w->v->findings, "segment-missing", 1, w->retired, "records 1 to %s are not here, and no record says that they were removed by order",
            thousands(w->retired));
}

/* ---- rule sets ---- */
/* The hash in hex that a line names, also one that is outside the schema; empty: none. */
static struct str rules_of(const struct feed_line *l)
{
    static const char member[] = ",\"rules_hash\":\"";
    const char *p = l->scan.what ? memmem(l->text.p, l->text.n, member, sizeof member - 1) : NULL;

    if (p && (size_t)(l->text.p + l->text.n - p) >= sizeof member - 1 + RULES_HEX)
        return (struct str){ p + sizeof member - 1, RULES_HEX };
    return l->scan.rules;
}

static void check_rules(struct walk *w, const struct feed_line *l)
{
    struct str hex = rules_of(l);

    if (hex.n != RULES_HEX)
        return;
    for (size_t i = w->n_rules; i-- > 0;)
        if (memcmp(w->rules[i], hex.p, RULES_HEX) == 0)
            return;
    if (l->scan.head.event != GW_EV_RULES) {
        if (w->unknown_rules++ == 0)
            w->first_unknown_rules = l->scan.head.seq;
        return;
    }
    void *r = realloc(w->rules, (w->n_rules + 1) * sizeof *w->rules);
    if (r) {
        w->rules = r;
        memcpy(w->rules[w->n_rules++], hex.p, RULES_HEX);
    }
}

/* ---- lines ---- */
static int absent(struct walk *w, uint64_t up_to)
{
    int err = 0;

    while (!err && w->due <= up_to) {
        err = push(w, NULL);
        settle_due(w);
    }
    return err;
}

/* Lines that could not be read stand before record `seq`: do they take the place of records, or were they put in? */
static int place_bad(struct walk *w, uint64_t seq)
{
    struct verify *v = w->v;
    uint64_t room = seq - w->due;
    char text[64];
    int err = 0;

    if (w->n_bad == 0)
        return 0;
    if (room == 0) {
        finding_add(&v->findings, "inserted", w->due, w->due, "before record %s %zu line%s that the journal did not write %s put in", thousands(w->due),
            w->n_bad, w->n_bad > 1 ? "s" : "", w->n_bad > 1 ? "were" : "was");
    } else {
        finding_add(&v->findings, "unreadable", w->due, seq - 1, "%s cannot be read: not in the form that the journal writes",
            records_text(w->due, seq - 1, text));
        for (uint64_t i = 0; i < room && !err; i++) {
            err = push(w, room == w->n_bad ? &w->bad[i] : NULL);
            settle_due(w);
        }
    }
    w->n_bad = 0;
    return err;
}

static int bad_line(struct walk *w, const struct led_hash *leaf)
{
    if (w->n_bad == w->bad_cap) {
        size_t cap = w->bad_cap ? w->bad_cap * 2 : 16;
        struct led_hash *b = realloc(w->bad, cap * sizeof *b);
        if (!b)
            return GW_ERR(NOMEM);
        w->bad = b;
        w->bad_cap = cap;
    }
    w->bad[w->n_bad++] = *leaf;
    return 0;
}

static int out_of_order(struct walk *w, uint64_t seq)
{
    size_t at = (size_t)(seq - w->tree.size - 1);

    if (!w->folded && seq > w->tree.size && at < w->n && !w->have[at])
        finding_add(&w->v->findings, "moved", seq, seq, "record %s stands behind record %s: the order was changed", thousands(seq), thousands(w->due - 1));
    else
        finding_add(&w->v->findings, "inserted", seq, seq, "behind record %s stands a line with the number %s, which was there before: put in, or its number was changed",
            thousands(w->due - 1), thousands(seq));
    return 0;
}

static int take_line(struct walk *w, const struct feed_line *l)
{
    struct verify *v = w->v;
    const struct led_head *h = &l->scan.head;
    char text[64];
    int err;

    if (w->due <= w->skip && l->readable && h->seq == w->due) {
        v->last_time = h->time_us;
        tail_learn(&v->tail, h, l->text);
        w->due++;
        return 0;
    }
    if (!l->readable || h->seq == 0 || (h->seq > w->due && h->seq - w->due > ABSENT_MAX))
        return bad_line(w, &l->leaf);
    if (h->seq < w->due)
        return out_of_order(w, h->seq);
    if ((err = place_bad(w, h->seq)) < 0)
        return err;
    if (h->seq > w->due) {
        finding_add(&v->findings, "missing", w->due, h->seq - 1, "%s %s not here: record %s follows record %s", records_text(w->due, h->seq - 1, text),
            h->seq - w->due > 1 ? "are" : "is", thousands(h->seq), thousands(w->due - 1));
        if ((err = absent(w, h->seq - 1)) < 0)
            return err;
    }
    if (l->scan.what)
        finding_add(&v->findings, "schema", h->seq, h->seq, "record %s is not in the closed schema: %s", thousands(h->seq), l->scan.what);
    check_time(w, h, l->text);
    check_retired(w, h, l->text);
    check_rules(w, l);
    if ((err = check_teller(w, h)) < 0)
        return err;
    tail_line(&v->tail, h, l->text);
    err = push(w, &l->leaf);
    settle_due(w);
    return err;
}

static void progress(struct walk *w)
{
    struct verify *v = w->v;
    int64_t now = now_ms();

    if (!v->progress || now < w->next_progress)
        return;
    if (w->next_progress)
        fprintf(stderr, "\r%3u %%  record %s of this journal ", v->bytes_all ? (unsigned)(v->bytes_read * 100 / v->bytes_all) : 0, thousands(w->due - 1));
    w->next_progress = now + (w->next_progress ? 200 : 2000);
}

/* A segment's name says which record it begins with. */
static int begin_segment(struct walk *w, const struct led_segment *seg)
{
    char text[64];
    int err;

    if (seg->first <= w->due || w->n_bad > 0)
        return 0;
    finding_add(&w->v->findings, "segment-missing", w->due, seg->first - 1, "%s %s not here: a whole segment is missing before %s",
        records_text(w->due, seg->first - 1, text), seg->first - w->due > 1 ? "are" : "is", seg->name);
    err = seg->first - w->due > ABSENT_MAX ? GW_ERR(LIMIT) : absent(w, seg->first - 1);
    if (err == GW_ERR(LIMIT)) {
        w->due = seg->first;
        w->tree_lost = true;
        err = 0;
    }
    return err;
}

static void end_segment(struct walk *w, const struct led_segment *seg, bool newest, size_t rest)
{
    if (rest > 0 && newest)
        finding_add(&w->v->remarks, "incomplete", 0, 0, "the last %zu bytes of %s are no whole line: a copy that was made while the journal wrote, or what a crash left",
            rest, seg->name);
    else if (rest > 0)
        finding_add(&w->v->findings, "unreadable", w->due, w->due, "%s ends in the midst of a line", seg->name);
}

static int take_piece(struct walk *w, const struct feed_piece *p)
{
    const struct led_dir *d = &w->v->dir;
    int err = p->first ? begin_segment(w, &d->v[p->segment]) : 0;

    for (size_t i = 0; i < p->n && !err; i++)
        err = take_line(w, &p->lines[i]);
    if (p->last && !err)
        end_segment(w, &d->v[p->segment], p->segment + 1 == d->n, p->rest);
    w->v->bytes_read += p->bytes;
    progress(w);
    return err;
}

static int walk_from(struct walk *w, size_t segment)
{
    struct feed_piece p;
    struct feed *f;
    int got = 0, err = feed_new(&w->v->dir, segment, &f);

    if (err < 0)
        return err;
    while (!err && (got = feed_next(f, &p)) == 1)
        err = take_piece(w, &p);
    if (!err && got == GW_ERR(SYS))
        fprintf(stderr, "lockgate verify: %s cannot be read: %m\n", w->v->dir.v[p.segment].name);
    feed_free(f);
    return err ? err : got;
}

/* Checkpoints over more records than are here. */
static int end_of_lines(struct walk *w)
{
    struct verify *v = w->v;
    const struct claim *top = NULL;
    char text[64];
    int err = place_bad(w, w->due + w->n_bad);

    for (size_t i = w->next_claim; i < v->n_claims; i++)
        top = &v->claims[i];
    v->records = w->due - 1;
    if (top && top->size > v->records) {
        finding_add(&v->findings, "cut", v->records + 1, top->size,
            "%s %s not here: the %scheckpoint over %s records shows that the end of the journal was cut, or that "
            "the lines were copied before the checkpoints", records_text(v->records + 1, top->size, text),
            top->size > v->records + 1 ? "are" : "is", top->outside ? "outside " : "", thousands(top->size));
        if (!err && top->size - v->records <= ABSENT_MAX && v->tree_fd >= 0 && !w->tree_lost)
            err = absent(w, top->size);
    }
    report_steps(w);
    report_retired(w);
    if (w->unknown_rules && v->dir.n && v->dir.v[0].first == 1 && w->skip == 0) /* else it may be among what is not read or not here */
        finding_add(&v->remarks, "rules", w->first_unknown_rules, w->first_unknown_rules,
            "%s records, first record %s, name a set of rules whose loading is not in the journal", thousands(w->unknown_rules), thousands(w->first_unknown_rules));
    return err;
}

int verify_walk(struct verify *v, uint64_t behind, const struct led_tree *tree)
{
    struct walk w = { .v = v, .due = behind + 1 };
    int64_t start = now_ms();
    size_t i = 0;
    int err;

    if (tree)
        w.tree = *tree;
    while (i + 1 < v->dir.n && v->dir.v[i + 1].first <= w.due)
        i++;
    while (w.next_claim < v->n_claims && v->claims[w.next_claim].size < w.due && v->claims[w.next_claim].size > 0)
        w.next_claim++;
    if (v->dir.n && behind > 0) {
        w.skip = behind;
        w.due = v->dir.v[i].first;
    }
    if (v->dir.n && behind == 0 && v->dir.v[0].first > 1)
        begin_late(&w);
    for (size_t k = i; k < v->dir.n; k++)
        v->bytes_all += (uint64_t)v->dir.v[k].size;
    err = walk_from(&w, i);
    v->first_record = v->dir.n ? v->dir.v[0].first : 1;
    if (!err)
        err = end_of_lines(&w);
    if (v->progress && w.next_progress && now_ms() - start > 2000)
        fprintf(stderr, "\r%60s\r", "");
    v->seconds = (double)(now_ms() - start) / 1000;
    free(w.leaf);
    free(w.have);
    free(w.bad);
    free(w.tellers);
    free(w.rules);
    return err;
}
