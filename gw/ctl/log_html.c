/* SPDX-License-Identifier: GPL-3.0-or-later
 * A report for paper: period, totals, what was refused by rule, by peer, by hour, and the refusals themselves. One file, no
 * script, nothing loaded from elsewhere. */
#include <stdlib.h>
#include <time.h>

#include "log_search.h"

#define ROWS_MAX 500 /* refusals that are listed one by one */
#define HOURS_MAX 24 * 31

struct hour { uint64_t at, released, refused, other; };
/* Each record is of one class, so that the boxes add up. */
enum class { RELEASE, REJECT, DROP, HOLD, ADMITTED, REFUSED, OTHER, CLASSES };
static struct {
    const char *title, *filter;
    uint64_t classes[CLASSES];
    struct log_counts events, rules, peers, reasons, severities;
    struct hour *hours;
    size_t n_hours, cap_hours;
    uint64_t records, refused, first_us, last_us, first_seq, last_seq;
    struct str *rows;
    size_t n_rows;
} st;

/* Text with the journal's escapes, for HTML. */
static void put(struct str s)
{
    for (size_t i = 0; i < s.n; i++) {
        char c = s.p[i];
        if (c == '\\' && i + 1 < s.n && s.p[i + 1] != 'u')
            c = s.p[++i];
        switch (c) {
        case '<': fputs("&lt;", stdout); break;
        case '>': fputs("&gt;", stdout); break;
        case '&': fputs("&amp;", stdout); break;
        case '"': fputs("&quot;", stdout); break;
        default: putchar(c);
        }
    }
}

static enum class class_of(const struct log_rec *r)
{
    static const char *const verdicts[] = { [RELEASE] = "release", [REJECT] = "reject", [DROP] = "drop", [HOLD] = "hold", [ADMITTED] = "admit" };
    struct str v = log_get(r, "verdict");
    int i = 0;

    while (i <= ADMITTED && !(v.p && str_eq(v, str_c(verdicts[i]))))
        i++;
    if (str_eq(log_get(r, "event_type"), STR("verdict")))
        return i <= HOLD ? (enum class)i : OTHER;
    return i == ADMITTED ? ADMITTED : i >= REJECT && i <= HOLD ? REFUSED : OTHER; /* a connection, not a stanza */
}

static bool refusal(enum class c)
{
    return c == REJECT || c == DROP || c == HOLD || c == REFUSED;
}

/* Of a refusal: the record's own sentence, or that of its code. */
static struct str why(const struct log_rec *r)
{
    struct str sentence = log_get(r, "sentence"), reason = log_get(r, "reason");

    if (str_eq(reason, STR("rule")) && (!sentence.p || str_eq(sentence, log_meaning(reason))))
        return STR("a rule says so"); /* the code's sentence is that of a release */
    return sentence.p ? sentence : log_meaning(reason);
}

static struct hour *hour_of(uint64_t us)
{
    uint64_t at = us / 3600000000u;

    for (size_t i = st.n_hours; i-- > 0;)
        if (st.hours[i].at == at)
            return &st.hours[i];
    if (st.n_hours == st.cap_hours) {
        size_t cap = st.cap_hours ? st.cap_hours * 2 : 64;
        struct hour *h = realloc(st.hours, cap * sizeof *h);
        if (!h)
            return NULL;
        st.hours = h;
        st.cap_hours = cap;
    }
    st.hours[st.n_hours] = (struct hour){ .at = at };
    return &st.hours[st.n_hours++];
}

static void count_refusal(const struct log_rec *r)
{
    struct str rule = log_get(r, "rule"), name = log_get(r, "rule_name"), pair = log_get(r, "pair"), reason = log_get(r, "reason"), sentence = why(r);
    char key[600];
    int n;

    st.refused++;
    if (rule.p && !str_eq(rule, STR("0")))
        n = snprintf(key, sizeof key, "%.*s %.*s", STR_ARG(rule), name.n > 300 ? 300 : (int)name.n, name.p ? name.p : "");
    else
        n = snprintf(key, sizeof key, "no rule");
    log_counts_add(&st.rules, (struct str){ key, n < 0 || n >= (int)sizeof key ? 0 : (size_t)n }, 1);
    log_counts_add(&st.peers, pair.p ? pair : log_get(r, "src_ip").p ? log_get(r, "src_ip") : STR("-"), 1);
    n = snprintf(key, sizeof key, "%.*s: %.*s", STR_ARG(reason), sentence.n > 300 ? 300 : (int)sentence.n, sentence.p ? sentence.p : "");
    log_counts_add(&st.reasons, (struct str){ key, n < 0 || n >= (int)sizeof key ? 0 : (size_t)n }, 1);
    if (log_get(r, "severity").p)
        log_counts_add(&st.severities, log_get(r, "severity"), 1);
    if (st.n_rows < ROWS_MAX) {
        char *copy = malloc(r->line.n + 1);
        if (!copy)
            return;
        memcpy(copy, r->line.p, r->line.n);
        st.rows[st.n_rows++] = (struct str){ copy, r->line.n };
    }
}

static int take(void *arg, const struct log_rec *r)
{
    enum class class = class_of(r);
    struct hour *h = hour_of(r->time_us);

    (void)arg;
    if (st.records++ == 0) {
        st.first_us = r->time_us;
        st.first_seq = r->seq;
    }
    st.last_us = r->time_us;
    st.last_seq = r->seq;
    log_counts_add(&st.events, log_get(r, "event_type"), 1);
    st.classes[class]++;
    if (h) {
        h->released += class == RELEASE;
        h->refused += refusal(class);
        h->other += class != RELEASE && !refusal(class);
    }
    if (refusal(class))
        count_refusal(r);
    return 0;
}

/* ---- print ---- */
static const char style[] =
    "body{font:11pt/1.4 'DejaVu Sans',Verdana,sans-serif;margin:2em auto;max-width:60em;color:#111}"
    "h1{font-size:18pt;margin:0;padding-bottom:.3em;border-bottom:3px solid #234}h2{font-size:13pt;margin:1.6em 0 .4em;color:#234;break-after:avoid}"
    "table{border-collapse:collapse;width:100%}td,th{text-align:left;padding:.15em .6em .15em 0;vertical-align:top;font-size:9.5pt}"
    "th{border-bottom:1px solid #999}td.n{text-align:right;white-space:nowrap;width:5em}th.n{text-align:right}td.t{white-space:nowrap;font-size:8.5pt}tr,svg{break-inside:avoid}"
    "tbody tr:nth-child(even){background:#f5f6f8;print-color-adjust:exact;-webkit-print-color-adjust:exact}"
    ".k{display:flex;gap:.8em;flex-wrap:wrap;margin-top:1em}.k div{border:1px solid #bbb;border-top:3px solid #234;padding:.3em .9em;font-size:9.5pt}"
    ".k b{display:block;font-size:15pt}.k .bad{border-top-color:#b00020}.k .good{border-top-color:#7a9}"
    ".s{display:inline-block;width:.8em;height:.8em;margin:0 .3em 0 1em;print-color-adjust:exact;-webkit-print-color-adjust:exact}"
    ".refused{fill:#b00020}.released{fill:#7a9}.other{fill:#ccc}svg text{font-size:9px;fill:#333}.note{color:#555;font-size:9pt}"
    "td div.b{background:#b00020;height:.7em;print-color-adjust:exact;-webkit-print-color-adjust:exact}"
    "@media print{body{margin:0;max-width:none;font-size:9.5pt}h2{break-after:avoid}thead{display:table-header-group}@page{margin:15mm}}";

static const char *clock_text(uint64_t us)
{
    static char ring[4][LED_TIME_TEXT];
    static unsigned at;
    char *t = ring[at++ % 4];

    led_time_text(us, t);
    t[10] = ' ';
    t[19] = 0;
    return t;
}

static void print_table(const char *head, const char *what, struct log_counts *c, size_t most)
{
    uint64_t top;

    log_counts_sort(c);
    if (c->n == 0)
        return;
    top = c->v[0].n;
    printf("<h2>%s</h2>\n<table><thead><tr><th>%s</th><th></th><th class=\"n\">records</th></tr></thead><tbody>\n", head, what);
    for (size_t i = 0; i < c->n && i < most; i++) {
        printf("<tr><td>");
        put(str_c(c->v[i].key));
        printf("</td><td style=\"width:30%%\"><div class=\"b\" style=\"width:%u%%\"></div></td><td class=\"n\">%llu</td></tr>\n", (unsigned)(c->v[i].n * 100 / top),
            (unsigned long long)c->v[i].n);
    }
    printf("</tbody></table>\n");
    if (c->n > most)
        printf("<p class=\"note\">and %zu more</p>\n", c->n - most);
}

static int by_at(const void *a, const void *b)
{
    const struct hour *x = a, *y = b;
    return x->at < y->at ? -1 : x->at > y->at;
}

static void bar(double x, double y, double w, double h, const char *class, uint64_t n, uint64_t at)
{
    if (h > 0)
        printf("<rect x=\"%.1f\" y=\"%.1f\" width=\"%.1f\" height=\"%.1f\" class=\"%s\"><title>%.16s: %llu %s</title></rect>\n", x, y, w, h, class,
            clock_text(at * 3600000000u), (unsigned long long)n, class);
}

/* Hours as columns; days, or more, when there are too many of them. */
struct columns { struct hour *v; uint64_t first, step, n; };

static bool make_columns(struct columns *c)
{
    uint64_t span;

    qsort(st.hours, st.n_hours, sizeof *st.hours, by_at);
    *c = (struct columns){ .first = st.hours[0].at, .step = 1 };
    span = st.hours[st.n_hours - 1].at - c->first + 1;
    if (span > HOURS_MAX / 4) {
        c->step = 24;
        c->first -= c->first % 24;
    } else if (span < 24) { /* the whole day that it lies in, or as much as fits */
        uint64_t day = c->first - c->first % 24;
        c->first = st.hours[st.n_hours - 1].at < day + 24 ? day : c->first;
    }
    span = st.hours[st.n_hours - 1].at - c->first + 1;
    while (span / c->step > 400)
        c->step *= 2;
    c->n = (span + c->step - 1) / c->step;
    if (c->step == 1 && c->n < 24)
        c->n = 24;
    c->v = calloc(c->n, sizeof *c->v);
    for (size_t i = 0; c->v && i < st.n_hours; i++) {
        struct hour *h = &c->v[(st.hours[i].at - c->first) / c->step];
        h->released += st.hours[i].released;
        h->refused += st.hours[i].refused;
        h->other += st.hours[i].other;
    }
    return c->v != NULL;
}

/* The next number of the form 1, 2 or 5 times a power of ten: what an axis ends with. */
static uint64_t round_up(uint64_t n)
{
    uint64_t p = 1;

    while (p * 10 < n)
        p *= 10;
    return n <= p ? p : n <= 2 * p ? 2 * p : n <= 5 * p ? 5 * p : 10 * p;
}

/* What stands at the foot of a column: the hour, or month and day. */
static void label(double x, double y, uint64_t at, uint64_t step)
{
    const char *t = clock_text(at * 3600000000u);

    printf("<text x=\"%.1f\" y=\"%.0f\" text-anchor=\"middle\">%.*s</text>\n", x, y, step == 1 ? 2 : 5, t + (step == 1 ? 11 : 5));
}

static void print_chart(const struct columns *c, const char *head, bool refused_only)
{
    const double width = 840, height = 150, left = 60;
    double w = width / (double)c->n;
    uint64_t top = 1, every = c->n <= 31 ? 1 : (c->n + 15) / 16;

    for (uint64_t i = 0; i < c->n; i++) {
        uint64_t all = c->v[i].refused + (refused_only ? 0 : c->v[i].released + c->v[i].other);
        top = all > top ? all : top;
    }
    top = round_up(top);
    printf("<h2>%s by %s (UTC)</h2>\n<svg viewBox=\"0 0 %.0f %.0f\" role=\"img\" aria-label=\"%s over time\">\n", head, c->step == 1 ? "hour" : c->step == 24 ? "day" : "time",
        left + width + 10, height + 28, head);
    for (unsigned i = 0; i <= 4 && (i == 0 || i == 4 || top >= 4); i++) {
        double y = 8 + height - height * i / 4;
        printf("<line x1=\"%.0f\" y1=\"%.1f\" x2=\"%.0f\" y2=\"%.1f\" stroke=\"%s\"/><text x=\"%.0f\" y=\"%.1f\" text-anchor=\"end\">%llu</text>\n", left, y, left + width, y,
            i ? "#ddd" : "#555", left - 6, y + 3, (unsigned long long)(top * i / 4));
    }
    for (uint64_t i = 0; i < c->n; i++) {
        double x = left + w * (double)i + w * 0.12, y = height + 8, unit = height / (double)top, wide = w * 0.76;
        uint64_t at = c->first + i * c->step;
        y -= (double)c->v[i].refused * unit;
        bar(x, y, wide, (double)c->v[i].refused * unit, "refused", c->v[i].refused, at);
        if (!refused_only) {
            y -= (double)c->v[i].released * unit;
            bar(x, y, wide, (double)c->v[i].released * unit, "released", c->v[i].released, at);
            y -= (double)c->v[i].other * unit;
            bar(x, y, wide, (double)c->v[i].other * unit, "other", c->v[i].other, at);
        }
        if (i % every == 0)
            label(x + wide / 2, height + 22, at, c->step);
    }
    printf("</svg>\n");
}

/* All records, and the refusals alone where they would be lost among the rest. */
static void print_charts(void)
{
    struct columns c;

    if (st.n_hours == 0 || !make_columns(&c))
        return;
    print_chart(&c, "Records", false);
    printf("<p class=\"note\"><span class=\"s\" style=\"background:#b00020\"></span>refused or held <span class=\"s\" style=\"background:#7a9\"></span>released "
           "<span class=\"s\" style=\"background:#ccc\"></span>other records</p>\n");
    if (st.refused > 0 && st.refused < st.records)
        print_chart(&c, "Refusals", true);
    free(c.v);
}

static void print_rows(void)
{
    static struct log_rec r;
    static const char *const cells[] = { "from", "to" };

    if (st.n_rows == 0)
        return;
    printf("<h2>Refusals</h2>\n<table><thead><tr><th>record</th><th>time (UTC)</th><th>verdict</th><th>from</th><th>to</th><th>why</th></tr></thead><tbody>\n");
    for (size_t i = 0; i < st.n_rows; i++) {
        if (log_rec_read(&r, st.rows[i]) < 0)
            continue;
        printf("<tr><td class=\"t\">%llu</td><td class=\"t\">%s</td><td>", (unsigned long long)r.seq, clock_text(r.time_us));
        put(log_get(&r, "verdict"));
        for (size_t k = 0; k < 2; k++) {
            struct str s = log_get(&r, cells[k]);
            printf("</td><td>");
            put(s.p ? s : log_get(&r, k ? "dest_ip" : "src_ip"));
        }
        printf("</td><td>");
        if (log_get(&r, "rule").p && !str_eq(log_get(&r, "rule"), STR("0")))
            printf("rule %.*s: ", STR_ARG(log_get(&r, "rule")));
        put(log_get(&r, "rule_name").p ? log_get(&r, "rule_name") : why(&r).p ? why(&r) : log_get(&r, "reason"));
        printf("</td></tr>\n");
    }
    printf("</tbody></table>\n");
    if (st.refused > st.n_rows)
        printf("<p class=\"note\">the first %zu of %llu</p>\n", st.n_rows, (unsigned long long)st.refused);
}

static void print_totals(void)
{
    static const char *const names[CLASSES] = { "release", "reject", "drop", "hold", "connections admitted", "connections refused", "without a verdict" };

    printf("<div class=\"k\">");
    printf("<div><b>%llu</b>records</div>", (unsigned long long)st.records);
    for (size_t i = 0; i < CLASSES; i++)
        if (i <= HOLD || st.classes[i])
            printf("<div%s><b>%llu</b>%s</div>", refusal((enum class)i) ? " class=\"bad\"" : i == RELEASE || i == ADMITTED ? " class=\"good\"" : "",
                (unsigned long long)st.classes[i], names[i]);
    printf("</div>\n");
}

static void end(void *arg)
{
    char now[LED_TIME_TEXT];

    (void)arg;
    led_time_text((uint64_t)time(NULL) * 1000000, now);
    printf("<!DOCTYPE html>\n<html lang=\"en\"><head><meta charset=\"utf-8\"><title>Lockgate: ");
    put(str_c(st.title));
    printf("</title><style>%s</style></head><body>\n<h1>What crossed the gate, and what did not</h1>\n<p class=\"note\">Journal ", style);
    put(str_c(st.title));
    printf(", printed %.10s %.5s UTC.", now, now + 11);
    if (st.records)
        printf(" Period: %s to %s UTC, records %llu to %llu.", clock_text(st.first_us), clock_text(st.last_us), (unsigned long long)st.first_seq, (unsigned long long)st.last_seq);
    printf(" This report is no proof: <code>lockgate verify</code> is.</p>\n");
    if (st.filter[0]) {
        printf("<p>Not the whole journal, only: <b>");
        put(str_c(st.filter));
        printf("</b></p>\n");
    }
    print_totals();
    print_charts();
    print_table("Refusals by rule", "rule", &st.rules, 40);
    print_table("Refusals by reason", "reason", &st.reasons, 40);
    print_table("Refusals by peer", "from &gt; to", &st.peers, 40);
    print_table("Refusals by severity", "severity", &st.severities, 10);
    print_table("All records by event", "event", &st.events, 20);
    print_rows();
    printf("</body></html>\n");
    log_counts_clear(&st.events);
    log_counts_clear(&st.rules);
    log_counts_clear(&st.peers);
    log_counts_clear(&st.reasons);
    log_counts_clear(&st.severities);
}

void log_sink_html(struct log_sink *s, const char *title, const char *filter)
{
    st.title = title;
    st.filter = filter;
    st.rows = calloc(ROWS_MAX, sizeof *st.rows);
    if (!st.rows)
        abort();
    *s = (struct log_sink){ .take = take, .end = end };
}
