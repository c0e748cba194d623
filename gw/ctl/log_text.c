/* SPDX-License-Identifier: GPL-3.0-or-later
 * Records for people: one line each, what was decided first, colours only on a terminal. Text keeps the journal's escapes, so
 * nothing in it can steer the terminal. */
#include "log_search.h"

static struct text_state { bool colour; char day[11]; } state;

#define RESET "\x1b[0m"
#define DIM "\x1b[2m"
#define BOLD "\x1b[1m"
#define RED "\x1b[31m"
#define GREEN "\x1b[32m"
#define YELLOW "\x1b[33m"
#define BLUE "\x1b[36m"

static void paint(const char *colour)
{
    if (state.colour)
        fputs(colour, stdout);
}

/* \" and \\ as they are meant; all other escapes stay. */
static void put_raw(struct str s)
{
    for (size_t i = 0; i < s.n; i++) {
        if (s.p[i] == '\\' && i + 1 < s.n && s.p[i + 1] != 'u')
            i++;
        putchar(s.p[i]);
    }
}

static bool put_member(const struct log_rec *r, const char *before, const char *name, const char *after)
{
    struct str s = log_get(r, name);

    if (!s.p)
        return false;
    fputs(before, stdout);
    put_raw(s);
    fputs(after, stdout);
    return true;
}

static void put_list(const struct log_rec *r, const char *before, const char *name)
{
    struct str s = log_get(r, name), item;
    size_t at = 0;
    bool some = false;

    if (!s.p)
        return;
    fputs(before, stdout);
    while (led_list_next(s, &at, &item) == 1) {
        if (some)
            fputs(", ", stdout);
        put_raw(item);
        some = true;
    }
}

static void put_arrow(const struct log_rec *r, const char *from, const char *to)
{
    if (put_member(r, " ", from, ""))
        put_member(r, " \xe2\x86\x92 ", to, "");
    else
        put_member(r, " to ", to, "");
}

static void put_word(const char *colour, struct str word, int width)
{
    paint(colour);
    for (size_t i = 0; i < word.n; i++)
        putchar(word.p[i] >= 'a' && word.p[i] <= 'z' ? word.p[i] - 'a' + 'A' : word.p[i]);
    paint(RESET);
    printf("%*s", word.n < (size_t)width ? width - (int)word.n : 1, "");
}

static const char *verdict_colour(struct str v)
{
    return str_eq(v, STR("release")) ? GREEN : str_eq(v, STR("hold")) ? YELLOW : RED BOLD;
}

static void put_direction(const struct log_rec *r)
{
    struct str d = log_get(r, "direction");

    if (str_eq(d, STR("high-to-low")))
        fputs("high\xe2\x86\x92low", stdout);
    else if (str_eq(d, STR("low-to-high")))
        fputs("low\xe2\x86\x92high", stdout);
    else
        put_raw(d);
}

static void put_why(const struct log_rec *r)
{
    struct str rule = log_get(r, "rule"), name = log_get(r, "rule_name"), sentence = log_get(r, "sentence"), reason = log_get(r, "reason");

    if (!sentence.p)
        sentence = log_meaning(reason);
    fputs("  ", stdout);
    if (rule.p && !str_eq(rule, STR("0"))) {
        printf("rule %.*s", STR_ARG(rule));
        if (name.p) {
            fputs(" \"", stdout);
            put_raw(name);
            putchar('"');
        }
        if (!str_eq(reason, STR("rule")) && sentence.p) {
            fputs(": ", stdout);
            put_raw(sentence);
        }
    } else if (sentence.p) {
        put_raw(sentence);
    } else {
        put_raw(reason);
    }
    if (reason.p && !str_eq(reason, STR("rule")) && (sentence.p || rule.p)) {
        paint(DIM);
        printf(" (%.*s)", STR_ARG(reason));
        paint(RESET);
    }
}

static void put_severity(const struct log_rec *r)
{
    struct str s = log_get(r, "severity");

    if (!s.p || str_eq(s, STR("info")))
        return;
    paint(str_eq(s, STR("high")) || str_eq(s, STR("critical")) ? RED : YELLOW);
    printf("  [%.*s]", STR_ARG(s));
    paint(RESET);
}

/* ---- by event ---- */
static void put_verdict(const struct log_rec *r)
{
    struct str v = log_get(r, "verdict");

    put_word(verdict_colour(v), v, 9);
    put_direction(r);
    put_member(r, "  ", "kind", "");
    put_member(r, "/", "type", "");
    put_arrow(r, "from", "to");
    put_why(r);
    put_list(r, "  changed: ", "changed");
    put_member(r, " and more, in all ", "changed_count", "");
    put_member(r, "  matched: ", "matched_count", ", not all of them listed");
    put_member(r, "  payloads: ", "payload_count", ", not all of them listed");
    if (log_get(r, "would").p && !str_eq(log_get(r, "would"), v))
        put_member(r, "  NOT ENFORCED, it would be: ", "would", "");
    put_severity(r);
}

static void put_delivery(const struct log_rec *r)
{
    struct str d = log_get(r, "delivery"), reason = log_get(r, "reason");

    if (!d.p)
        d = reason;
    put_word(str_eq(d, STR("written")) ? DIM : YELLOW, d, 9);
    put_direction(r);
    put_member(r, "  ", "kind", "");
    put_arrow(r, "from", "to");
    put_member(r, "  number ", "number", "");
    put_member(r, " after ", "delivery_ms", " ms");
    put_member(r, ", verdict in record ", "record", "");
    if (str_eq(log_get(r, "event_type"), STR("settlement")))
        fputs("  told again, or late: its delivery is recorded", stdout);
    if (!str_eq(d, STR("written")))
        put_why(r);
}

static void put_admission(const struct log_rec *r)
{
    struct str v = log_get(r, "verdict");

    if (v.p)
        put_word(verdict_colour(v), v, 9);
    else
        put_word(BLUE, log_get(r, "event_type"), 9);
    put_member(r, "", "side", " ");
    put_member(r, "", "src_ip", "");
    put_member(r, " \xe2\x86\x92 ", "dest_ip", "");
    put_member(r, ":", "dest_port", "");
    put_member(r, " ", "proto", "");
    put_why(r);
    put_member(r, "  ", "count", " times");
}

/* Open or closed, which pair, how; then addresses and why. */
static void put_stream(const struct log_rec *r)
{
    static const char *const how[] = { "role", "auth", "tls", "condition", "cert_subject" };
    struct str action = log_get(r, "action");
    const char *comma = "  (";

    put_word(BLUE, log_get(r, "event_type"), 9);
    printf("%.*s%*s", STR_ARG(action), action.n < 7 ? 7 - (int)action.n : 1, "");
    put_member(r, "", "side", "");
    put_arrow(r, "from_domain", "to_domain");
    for (size_t i = 0; i < sizeof how / sizeof *how; i++)
        if (put_member(r, comma, how[i], ""))
            comma = ", ";
    if (comma[0] == ',')
        putchar(')');
    put_member(r, "  ", "src_ip", "");
    put_member(r, " \xe2\x86\x92 ", "dest_ip", "");
    put_member(r, ":", "dest_port", "");
    if (log_get(r, "sentence").p || log_get(r, "reason").p)
        put_why(r);
    put_severity(r);
}

/* Events of programs and the rest: what happened, to whom, and why; the order of members is that of interest. */
static void put_other(const struct log_rec *r)
{
    static const char *const names[] = { "action", "subject", "side", "role", "peer", "who", "file", "status", "condition", "delivery", "label_in", "cert_subject" };
    const char *space = "";

    put_word(BLUE, log_get(r, "event_type"), 9);
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        if (put_member(r, space, names[i], ""))
            space = " ";
    put_arrow(r, "from_domain", "to_domain");
    put_member(r, "  ", "src_ip", "");
    put_member(r, " \xe2\x86\x92 ", "dest_ip", "");
    put_member(r, ":", "dest_port", "");
    if (log_get(r, "sentence").p || log_get(r, "reason").p)
        put_why(r);
    put_severity(r);
}

static void put_time(const struct log_rec *r)
{
    char t[LED_TIME_TEXT];

    led_time_text(r->time_us, t);
    if (state.colour && memcmp(state.day, t, 10) != 0) {
        printf("%s%.10s (UTC)%s\n", BOLD, t, RESET);
        memcpy(state.day, t, 10);
    }
    paint(DIM);
    if (state.colour)
        printf("%.12s", t + 11);
    else
        printf("%.10s %.12s", t, t + 11);
    printf("  %7llu  ", (unsigned long long)r->seq);
    paint(RESET);
}

static int take(void *arg, const struct log_rec *r)
{
    struct str event = log_get(r, "event_type");

    (void)arg;
    put_time(r);
    if (str_eq(event, STR("verdict")))
        put_verdict(r);
    else if (str_eq(event, STR("delivery")) || str_eq(event, STR("settlement")))
        put_delivery(r);
    else if (str_eq(event, STR("admission")))
        put_admission(r);
    else if (str_eq(event, STR("stream")))
        put_stream(r);
    else
        put_other(r);
    putchar('\n');
    return ferror(stdout);
}

void log_sink_text(struct log_sink *s, bool colour)
{
    state = (struct text_state){ .colour = colour };
    *s = (struct log_sink){ .take = take };
}
