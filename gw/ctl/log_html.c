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
    "h1{font-size:18pt;margin:0}h2{font-size:13pt;margin:1.6em 0 .4em;border-bottom:1px solid #999}"
    "table{border-collapse:collapse;width:100%}td,th{text-align:left;padding:.15em .6em .15em 0;vertical-align:top;font-size:9.5pt}"
    "th{border-bottom:1px solid #999}td.n{text-align:right;white-space:nowrap;width:5em}td.t{white-space:nowrap;font-size:8.5pt}tr{break-inside:avoid}"
    ".k{display:flex;gap:2em;flex-wrap:wrap}.k div{border:1px solid #999;padding:.4em 1em}.k b{display:block;font-size:16pt}"
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
    printf("<h2>%s</h2>\n<table><thead><tr><th>%s</th><th></th><th>records</th></tr></thead><tbody>\n", head, what);
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

/* Stacked bars, one for each hour, or for each day when there are too many hours. */
static void print_chart(void)
{
    const double width = 900, height = 160;
    uint64_t first, span, step = 1, top = 1, n;
    struct hour *b;

    if (st.n_hours == 0)
        return;
    qsort(st.hours, st.n_hours, sizeof *st.hours, by_at);
    first = st.hours[0].at;
    span = st.hours[st.n_hours - 1].at - first + 1;
    if (span > HOURS_MAX / 4) {
        step = 24;
        first -= first % 24;
        span = st.hours[st.n_hours - 1].at - first + 1;
    }
    while (span / step > 400)
        step *= 2;
    n = (span + step - 1) / step;
    b = calloc(n, sizeof *b);
    if (!b)
        return;
    for (size_t i = 0; i < st.n_hours; i++) {
        struct hour *h = &b[(st.hours[i].at - first) / step];
        h->released += st.hours[i].released;
        h->refused += st.hours[i].refused;
        h->other += st.hours[i].other;
        if (h->released + h->refused + h->other > top)
            top = h->released + h->refused + h->other;
    }
    printf("<h2>By %s</h2>\n<svg viewBox=\"0 0 %.0f %.0f\" role=\"img\" aria-label=\"records over time\">\n", step == 1 ? "hour" : step == 24 ? "day" : "time", width + 60, height + 30);
    double w = width / (double)n, unit = height / (double)top;
    for (uint64_t i = 0; i < n; i++) {
        double x = 50 + w * (double)i, y = height + 5;
        y -= (double)b[i].refused * unit;
        bar(x, y, w * 0.85, (double)b[i].refused * unit, "refused", b[i].refused, first + i * step);
        y -= (double)b[i].released * unit;
        bar(x, y, w * 0.85, (double)b[i].released * unit, "released", b[i].released, first + i * step);
        y -= (double)b[i].other * unit;
        bar(x, y, w * 0.85, (double)b[i].other * unit, "other", b[i].other, first + i * step);
        if (n <= 12 || i % (n / 8) == 0)
            printf("<text x=\"%.1f\" y=\"%.0f\">%.*s</text>\n", x, height + 18, step == 1 ? 5 : 5, clock_text((first + i * step) * 3600000000u) + (step == 1 ? 11 : 5));
    }
    printf("<text x=\"0\" y=\"12\">%llu</text><text x=\"0\" y=\"%.0f\">0</text>\n<line x1=\"48\" y1=\"%.0f\" x2=\"%.0f\" y2=\"%.0f\" stroke=\"#999\"/></svg>\n", (unsigned long long)top, height + 5,
        height + 5, width + 52, height + 5);
    printf("<p class=\"note\">red: refused or held; green: released; grey: other records. Hover for numbers.</p>\n");
    free(b);
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
            printf("<div><b>%llu</b>%s</div>", (unsigned long long)st.classes[i], names[i]);
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
    print_chart();
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
