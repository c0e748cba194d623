/* SPDX-License-Identifier: GPL-3.0-or-later
 * The words that a question may use where the journal knows only certain ones: a misspelt word must not look like "nothing found".
 * The lists are those that the records are written from. */
#include <arpa/inet.h>
#include <ctype.h>
#include <stdlib.h>

#include "conf.h"
#include "fields.h"
#include "log_search.h"
#include "msgs.h"
#include "reason.h"

#define X(name, text) text,
static const char *const verdicts[] = { GW_VERDICTS(X) "admit", NULL }; /* admit: of the admission, flows */
static const char *const events[] = { GW_EVENTS(X) NULL };
#undef X
#define X(name, code, text) code,
static const char *const reasons[] = { GW_REASONS(X) NULL };
#undef X
#define X(id, name, json, type) json,
static const char *const members[] = { "timestamp", "seq", "event_type", "program", "line_epoch", "line_number", "target", "release_mac", GW_FIELDS(X)
    "day", "hour", "minute", "pair", NULL };
#undef X
static const char *const sides[] = { "high", "low", NULL };
const char *const log_severities[] = { "info", "low", "medium", "high", "critical", NULL };

static int unknown(const char *what, const char *word, const char *const *list, const char *allowed)
{
    const char *near = list ? conf_nearest(word, list) : NULL;

    fprintf(stderr, "lockgate log: unknown %s \"%s\"", what, word);
    if (near)
        fprintf(stderr, ", did you mean \"%s\"", near);
    fprintf(stderr, "; allowed: ");
    for (size_t i = 0; list && list[i]; i++)
        fprintf(stderr, "%s%s", i ? ", " : "", list[i]);
    fprintf(stderr, "%s\n", allowed);
    return GW_ERR(SYNTAX);
}

static bool in(const char *word, const char *const *list)
{
    for (; *list; list++)
        if (strcmp(word, *list) == 0)
            return true;
    return false;
}

/* Each word between commas. list NULL: numbers. */
static int all_known(const char *what, const char *value, const char *const *list)
{
    char *copy = strdup(value), *rest = copy, *word;
    int err = copy ? 0 : GW_ERR(NOMEM);

    while (!err && (word = strsep(&rest, ",")))
        if (list && !in(word, list))
            err = unknown(what, word, list, "");
        else if (!list && (!word[0] || word[strspn(word, "0123456789")]))
            err = unknown(what, word, NULL, "numbers of rules, for example 120 or 120,130");
    free(copy);
    return err;
}

static bool address_ok(const char *value)
{
    char net[64], *end;
    unsigned char a[16];
    size_t n = strcspn(value, "/");
    int family = strchr(value, ':') ? AF_INET6 : AF_INET;
    unsigned long bits;

    if (n >= sizeof net)
        return false;
    memcpy(net, value, n);
    net[n] = 0;
    if (inet_pton(family, net, a) != 1)
        return false;
    if (!value[n])
        return true;
    bits = strtoul(value + n + 1, &end, 10);
    return isdigit((unsigned char)value[n + 1]) && !*end && bits <= (family == AF_INET ? 32u : 128u);
}

int log_names_check(const char *names)
{
    return all_known("member", names, members);
}

int log_words_check(enum log_cond_kind kind, const char *name, const char *value)
{
    switch (kind) {
    case LOG_IS:
        if (log_names_check(name) < 0)
            return GW_ERR(SYNTAX);
        return strcmp(name, "verdict") == 0 ? all_known("verdict", value, verdicts) : strcmp(name, "event_type") == 0 ? all_known("event", value, events) :
            strcmp(name, "reason") == 0 ? all_known("reason", value, reasons) : 0;
    case LOG_SIDE: return in(value, sides) ? 0 : unknown("side", value, sides, "");
    case LOG_SEVERITY: return in(value, log_severities) ? 0 : unknown("severity", value, log_severities, "");
    case LOG_RULE: return all_known("rule", value, NULL);
    case LOG_ADDRESS: return address_ok(value) ? 0 : unknown("address", value, NULL, "an IPv4 or IPv6 address, or a prefix such as 10.1.0.0/16");
    case LOG_HAS: case LOG_DOMAIN: case LOG_WHO: case LOG_STREAM: case LOG_TEXT: return 0;
    }
    return 0;
}

struct str log_meaning(struct str code)
{
    for (int i = 0; i < GW_R_COUNT; i++)
        if (str_eq(code, str_c(gw_reason_code((enum gw_reason)i))))
            return str_c(gw_reason_text((enum gw_reason)i));
    return STR_NONE;
}

/* ---- a filter in words ---- */
static void time_bound(FILE *o, const char *word, uint64_t us)
{
    char t[LED_TIME_TEXT];

    led_time_text(us, t);
    fprintf(o, "; %s %.10s %.8s UTC", word, t, t + 11);
}

char *log_filter_words(const struct log_filter *f, uint64_t newest)
{
    static const char *const kinds[] = { [LOG_IS] = "", [LOG_HAS] = "has", [LOG_ADDRESS] = "address", [LOG_DOMAIN] = "domain", [LOG_WHO] = "who", [LOG_SIDE] = "side",
        [LOG_RULE] = "rule", [LOG_STREAM] = "stream", [LOG_TEXT] = "text", [LOG_SEVERITY] = "severity at least" };
    char *text = NULL;
    size_t n = 0;
    FILE *o = open_memstream(&text, &n);

    if (!o)
        abort();
    if (f->refused)
        fputs("; refused (reject, drop, hold)", o);
    for (size_t i = 0; i < f->n; i++)
        fprintf(o, "; %s %s", f->v[i].kind == LOG_IS ? f->v[i].name : kinds[f->v[i].kind], f->v[i].value);
    if (f->from_us)
        time_bound(o, "from", f->from_us);
    if (f->to_us != UINT64_MAX)
        time_bound(o, "before", f->to_us);
    if (f->first || f->last != UINT64_MAX)
        fprintf(o, "; records from %llu", (unsigned long long)f->first);
    if (f->last != UINT64_MAX)
        fprintf(o, " to %llu", (unsigned long long)f->last);
    if (newest)
        fprintf(o, "; the last %llu of them", (unsigned long long)newest);
    if (fclose(o) != 0)
        abort();
    if (n > 2)
        memmove(text, text + 2, n - 1);
    return text;
}
