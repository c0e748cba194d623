/* SPDX-License-Identifier: GPL-3.0-or-later
 * How many records of each kind: counts by one member or several. */
#include <stdlib.h>

#include "log_search.h"
#include "siphash.h"

/* ---- the table: open addressing; keys may come from the network, so the hash is keyed ---- */
static uint32_t *find_slot(struct log_counts *c, struct str key)
{
    size_t i = siphash(siphash_process_key(), key.p, key.n) & (c->slots - 1);

    while (c->slot[i] && !str_eq(str_c(c->v[c->slot[i] - 1].key), key))
        i = (i + 1) & (c->slots - 1);
    return &c->slot[i];
}

static bool grow(struct log_counts *c)
{
    size_t slots = c->slots ? c->slots * 2 : 256;
    struct log_count *v = realloc(c->v, slots / 2 * sizeof *v);
    uint32_t *slot = v ? calloc(slots, sizeof *slot) : NULL;

    if (v)
        c->v = v;
    if (!slot)
        return false;
    free(c->slot);
    c->slot = slot;
    c->slots = slots;
    for (size_t i = 0; i < c->n; i++)
        *find_slot(c, str_c(c->v[i].key)) = (uint32_t)i + 1;
    return true;
}

void log_counts_add(struct log_counts *c, struct str key, uint64_t n)
{
    uint32_t *s;

    if (c->n >= LOG_COUNTS_MAX)
        key = STR("(others)");
    if (c->n + 1 >= c->slots / 2 && !grow(c))
        return;
    s = find_slot(c, key);
    if (!*s) {
        char *copy = strndup(key.p, key.n);
        if (!copy)
            return;
        c->v[c->n] = (struct log_count){ .key = copy };
        *s = (uint32_t)++c->n;
    }
    c->v[*s - 1].n += n;
}

static int most_first(const void *a, const void *b)
{
    const struct log_count *x = a, *y = b;
    return x->n < y->n ? 1 : x->n > y->n ? -1 : strcmp(x->key, y->key);
}

void log_counts_sort(struct log_counts *c)
{
    if (c->n)
        qsort(c->v, c->n, sizeof *c->v, most_first);
}

void log_counts_clear(struct log_counts *c)
{
    for (size_t i = 0; i < c->n; i++)
        free(c->v[i].key);
    free(c->v);
    free(c->slot);
    *c = (struct log_counts){ 0 };
}

/* ---- the sink ---- */
#define BY_MAX 4
#define ENTRIES_MAX 128                      /* of a list; the guard writes fewer */
#define VALUE_MAX (6 * GW_FIELD_TEXT_MAX)    /* whole values: one that is cut might be taken for another */
static struct { const char *by[BY_MAX]; size_t n; bool json, csv, colour, time; struct log_counts counts; uint64_t all; } st;

static size_t values(const struct log_rec *r, const char *name, struct str *v, size_t max)
{
    struct str s = log_get(r, name), item;
    size_t n = 0, at = 0;

    if (!s.p) {
        v[0] = STR("-");
        return 1;
    }
    if (s.p > r->line.p && s.p[-1] == '[') {
        while (n < max && led_list_next(s, &at, &item) == 1)
            v[n++] = item;
        return n;
    }
    v[0] = s;
    return 1;
}

/* Every combination of the members' values, joined by tabs. */
static void combine(const struct log_rec *r, size_t i, char *key, size_t len)
{
    struct str v[ENTRIES_MAX];
    size_t n;

    if (i == st.n) {
        log_counts_add(&st.counts, (struct str){ key, len }, 1);
        return;
    }
    n = values(r, st.by[i], v, ENTRIES_MAX);
    for (size_t k = 0; k < n; k++) {
        char *o = key + len;
        if (i)
            *o++ = '\t';
        if (v[k].n > VALUE_MAX) /* the journal writes none so long */
            v[k] = STR("(too long)");
        memcpy(o, v[k].p, v[k].n);
        combine(r, i + 1, key, (size_t)(o - key) + v[k].n);
    }
}

static int take(void *arg, const struct log_rec *r)
{
    static char key[BY_MAX * (VALUE_MAX + 1)];

    (void)arg;
    st.all++;
    combine(r, 0, key, 0);
    return 0;
}

static int by_key(const void *a, const void *b)
{
    return strcmp(((const struct log_count *)a)->key, ((const struct log_count *)b)->key);
}

static void print_json(void)
{
    printf("[");
    for (size_t i = 0; i < st.counts.n; i++) {
        char *key = st.counts.v[i].key, *part;
        printf("%s{", i ? "," : "");
        for (size_t k = 0; k < st.n && (part = strsep(&key, "\t")); k++)
            printf("\"%s\":\"%s\",", st.by[k], part); /* still escaped as in the journal */
        printf("\"count\":%llu}", (unsigned long long)st.counts.v[i].n);
    }
    printf("]\n");
}

static void print_csv(void)
{
    for (size_t k = 0; k < st.n; k++)
        printf("%s,", st.by[k]);
    printf("count\r\n");
    for (size_t i = 0; i < st.counts.n; i++) {
        const char *p = st.counts.v[i].key;
        for (size_t k = 0; k < st.n; k++) {
            size_t n = strcspn(p, "\t");
            putchar('"');
            log_csv_text((struct str){ p, n });
            fputs("\",", stdout);
            p += n + (p[n] == '\t');
        }
        printf("%llu\r\n", (unsigned long long)st.counts.v[i].n);
    }
}

static void print_text(void)
{
    uint64_t top = 0;

    for (size_t i = 0; i < st.counts.n; i++)
        if (st.counts.v[i].n > top)
            top = st.counts.v[i].n;
    for (size_t i = 0; i < st.counts.n; i++) {
        uint64_t n = st.counts.v[i].n;
        printf("%10llu %5.1f %%  ", (unsigned long long)n, st.all ? 100.0 * (double)n / (double)st.all : 0);
        if (st.colour) {
            unsigned bar = (unsigned)(n * 20 / (top ? top : 1));
            printf("\x1b[36m");
            for (unsigned k = 0; k < 20; k++)
                fputs(k <= bar ? "\xe2\x96\x88" : " ", stdout);
            printf("\x1b[0m  ");
        }
        for (const char *p = st.counts.v[i].key; *p; p++)
            if (*p == '\t')
                fputs("  ", stdout);
            else
                putchar(*p);
        putchar('\n');
    }
}

static void end(void *arg)
{
    (void)arg;
    log_counts_sort(&st.counts);
    if (st.time && st.counts.n)
        qsort(st.counts.v, st.counts.n, sizeof *st.counts.v, by_key);
    if (st.json)
        print_json();
    else if (st.csv)
        print_csv();
    else
        print_text();
}

void log_sink_count(struct log_sink *s, const char *fields, bool json, bool csv, bool colour)
{
    char *names = strdup(fields), *name;

    while (names && (name = strsep(&names, ",")) && st.n < BY_MAX)
        st.by[st.n++] = name;
    st.time = st.n && (strcmp(st.by[0], "hour") == 0 || strcmp(st.by[0], "day") == 0 || strcmp(st.by[0], "minute") == 0);
    st.json = json;
    st.csv = csv;
    st.colour = colour;
    *s = (struct log_sink){ .take = take, .end = end };
}
