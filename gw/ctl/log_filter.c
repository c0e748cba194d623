/* SPDX-License-Identifier: GPL-3.0-or-later
 * Which records fit: conditions over members. All must hold. */
#include <arpa/inet.h>
#include <ctype.h>
#include <stdlib.h>
#include <time.h>

#include "log_search.h"

int log_rec_read(struct log_rec *r, struct str line)
{
    struct led_reader rd;
    int got = 0;

    r->line = line;
    r->n = 0;
    r->seq = 0;
    led_read(&rd, line);
    while (r->n < LED_FIELDS_MAX && (got = led_read_next(&rd, &r->m[r->n])) == 1)
        r->n++;
    if (r->n < 6 || r->n == LED_FIELDS_MAX || got < 0 || led_time_parse(r->m[0].raw, &r->time_us) < 0)
        return GW_ERR(SYNTAX);
    r->seq = r->m[1].num;
    return 0;
}

struct str log_get(const struct log_rec *r, const char *name)
{
    static char pair[2 * 1100];
    size_t len = strlen(name);

    for (size_t i = 0; i < r->n; i++)
        if (r->m[i].name.n == len && memcmp(r->m[i].name.p, name, len) == 0)
            return r->m[i].raw;
    if (strcmp(name, "day") == 0)
        return (struct str){ r->m[0].raw.p, 10 };
    if (strcmp(name, "hour") == 0)
        return (struct str){ r->m[0].raw.p, 13 };
    if (strcmp(name, "minute") == 0)
        return (struct str){ r->m[0].raw.p, 16 };
    if (strcmp(name, "pair") == 0) {
        struct str f = log_get(r, "from_domain"), t = log_get(r, "to_domain");
        int n = f.p || t.p ? snprintf(pair, sizeof pair, "%.*s > %.*s", STR_ARG(f), STR_ARG(t)) : -1;
        return n < 0 || (size_t)n >= sizeof pair ? STR_NONE : (struct str){ pair, (size_t)n };
    }
    return STR_NONE;
}

/* ---- time ---- */
static int date_parts(const char *text, bool end, uint64_t *ret_us)
{
    size_t n = strlen(text);
    char full[32];
    uint64_t us, span;

    if (n == 10)
        snprintf(full, sizeof full, "%sT00:00:00Z", text), span = 86400;
    else if (n == 13)
        snprintf(full, sizeof full, "%s:00:00Z", text), span = 3600;
    else if (n == 16)
        snprintf(full, sizeof full, "%s:00Z", text), span = 60;
    else if (n == 19)
        snprintf(full, sizeof full, "%sZ", text), span = 1;
    else if (n == 20 || n == 27)
        snprintf(full, sizeof full, "%s", text), span = n == 20;
    else
        return GW_ERR(SYNTAX);
    if (full[10] == ' ')
        full[10] = 'T';
    if (led_time_parse(str_c(full), &us) < 0)
        return GW_ERR(SYNTAX);
    *ret_us = us + (end ? span * 1000000 + (span == 0) : 0);
    return 0;
}

static int ago(const char *text, uint64_t now, uint64_t *ret_us)
{
    static const struct { const char *unit; uint64_t seconds; } units[] = { { "s", 1 }, { "min", 60 }, { "m", 60 }, { "h", 3600 }, { "d", 86400 }, { "w", 604800 } };
    char *end;
    unsigned long long v = strtoull(text, &end, 10);

    if (end == text || text[0] == '-' || v > 1000000)
        return GW_ERR(SYNTAX);
    for (size_t i = 0; i < sizeof units / sizeof *units; i++)
        if (strcmp(end, units[i].unit) == 0) {
            *ret_us = now - v * units[i].seconds * 1000000;
            return 0;
        }
    return GW_ERR(SYNTAX);
}

int log_time(const char *text, bool end, uint64_t *ret_us)
{
    uint64_t now = (uint64_t)time(NULL) * 1000000, today = now - now % 86400000000u;

    if (strcmp(text, "now") == 0)
        *ret_us = now;
    else if (strcmp(text, "today") == 0)
        *ret_us = today + (end ? 86400000000u : 0);
    else if (strcmp(text, "yesterday") == 0)
        *ret_us = today - (end ? 0 : 86400000000u);
    else if (date_parts(text, end, ret_us) < 0)
        return ago(text, now, ret_us);
    return 0;
}

/* ---- conditions ---- */
/* Escapes in the journal are lower-case \u forms; what an operator types is compared in the same form. Quotation marks and
 * backslashes are the only ones that a command line can hold. */
static char *escaped(const char *value)
{
    char *out = malloc(strlen(value) * 2 + 1), *o = out;

    for (; out && *value; value++) {
        if (*value == '"' || *value == '\\')
            *o++ = '\\';
        *o++ = *value;
    }
    if (out)
        *o = 0;
    return out;
}

static int severity(struct str s)
{
    for (int i = 0; log_severities[i]; i++)
        if (str_eq(s, str_c(log_severities[i])))
            return i;
    return -1;
}

int log_filter_add(struct log_filter *f, enum log_cond_kind kind, const char *name, const char *value)
{
    struct log_cond *c = &f->v[f->n];

    if (f->n == LOG_CONDS_MAX) {
        fprintf(stderr, "lockgate log: more than %d conditions\n", LOG_CONDS_MAX);
        return GW_ERR(LIMIT);
    }
    if (log_words_check(kind, name, value) < 0)
        return GW_ERR(SYNTAX);
    *c = (struct log_cond){ .kind = kind, .name = name, .value = escaped(value) };
    if (!c->value)
        return GW_ERR(NOMEM);
    f->n++;
    return 0;
}

void log_filter_clear(struct log_filter *f)
{
    for (size_t i = 0; i < f->n; i++)
        free(f->v[i].value);
    f->n = 0;
}

/* One text that every fitting line must hold: finding it is many times cheaper than reading a line. */
void log_filter_finish(struct log_filter *f)
{
    f->literal[0] = 0;
    for (size_t i = 0; i < f->n && !f->literal[0]; i++) {
        const struct log_cond *c = &f->v[i];
        int n = 0;
        if (strlen(c->value) > 200 || strchr(c->value, ','))
            continue;
        if (c->kind == LOG_IS && !isdigit((unsigned char)c->value[0]) && strcmp(c->name, "pair") != 0)
            n = snprintf(f->literal, sizeof f->literal, "\"%s\"", c->value);
        else if (c->kind == LOG_ADDRESS && !strchr(c->value, '/'))
            n = snprintf(f->literal, sizeof f->literal, "_ip\":\"%s\"", c->value);
        else if (c->kind == LOG_DOMAIN || c->kind == LOG_RULE)
            n = snprintf(f->literal, sizeof f->literal, "%s", c->value);
        if (n < 0)
            f->literal[0] = 0;
    }
}

static bool contains(struct str s, const char *what)
{
    size_t n = strlen(what);

    for (size_t i = 0; s.p && i + n <= s.n; i++)
        if (strncasecmp(s.p + i, what, n) == 0)
            return true;
    return false;
}

/* value may name several: "reject,drop". A list member fits when one of its texts does. */
static bool one_of(struct str s, enum led_type type, const char *value)
{
    while (s.p) {
        size_t n = strcspn(value, ",");
        struct str v = { value, n }, item;
        size_t at = 0;
        if (type == LED_LIST) {
            while (led_list_next(s, &at, &item) == 1)
                if (str_eq(item, v))
                    return true;
        } else if (str_eq(s, v)) {
            return true;
        }
        if (!value[n])
            return false;
        value += n + 1;
    }
    return false;
}

static bool is(const struct log_rec *r, const char *name, const char *value)
{
    size_t len = strlen(name);

    for (size_t i = 0; i < r->n; i++)
        if (r->m[i].name.n == len && memcmp(r->m[i].name.p, name, len) == 0)
            return one_of(r->m[i].raw, r->m[i].type, value);
    return one_of(log_get(r, name), LED_STR, value);
}

/* The domain of an address, or of the authenticated pair. */
static bool domain_is(const struct log_rec *r, const char *value)
{
    static const char *const pairs[] = { "from_domain", "to_domain", "peer" }, *const jids[] = { "from", "to" };

    for (size_t i = 0; i < 3; i++)
        if (is(r, pairs[i], value))
            return true;
    for (size_t i = 0; i < 2; i++) {
        struct str s = log_get(r, jids[i]);
        const char *slash = s.n ? memchr(s.p, '/', s.n) : NULL, *at;
        if (slash)
            s.n = (size_t)(slash - s.p);
        at = s.n ? memchr(s.p, '@', s.n) : NULL;
        if (at)
            s = (struct str){ at + 1, s.n - (size_t)(at + 1 - s.p) };
        if (s.p && one_of(s, LED_STR, value))
            return true;
    }
    return false;
}

static bool prefix_has(const char *prefix, struct str address)
{
    unsigned char a[16], b[16];
    char text[64], net[64];
    const char *slash = strchr(prefix, '/');
    int bits, family;

    if (!slash || address.n >= sizeof text || slash - prefix >= (long)sizeof net)
        return false;
    memcpy(text, address.p, address.n);
    text[address.n] = 0;
    memcpy(net, prefix, (size_t)(slash - prefix));
    net[slash - prefix] = 0;
    bits = (int)strtol(slash + 1, NULL, 10); /* log_words_check has looked at it */
    family = strchr(net, ':') ? AF_INET6 : AF_INET;
    if (inet_pton(family, net, a) != 1 || inet_pton(family, text, b) != 1 || bits < 0 || bits > (family == AF_INET ? 32 : 128))
        return false;
    for (int i = 0; i < bits; i++)
        if ((a[i / 8] ^ b[i / 8]) >> (7 - i % 8) & 1)
            return false;
    return true;
}

static bool address_is(const struct log_rec *r, const char *value)
{
    static const char *const names[] = { "src_ip", "dest_ip" };

    for (size_t i = 0; i < 2; i++) {
        struct str s = log_get(r, names[i]);
        if (s.p && (str_eq(s, str_c(value)) || prefix_has(value, s)))
            return true;
    }
    return false;
}

static bool side_is(const struct log_rec *r, const char *value)
{
    struct str d = log_get(r, "direction");

    return is(r, "side", value) || (d.p && d.n > strlen(value) && memcmp(d.p, value, strlen(value)) == 0);
}

static bool fits(const struct log_cond *c, const struct log_rec *r)
{
    static const char *const texts[] = { "sentence", "rule_name", "reason", "condition", "action", "status", "error", "changed" };

    switch (c->kind) {
    case LOG_IS: return is(r, c->name, c->value);
    case LOG_HAS: return contains(log_get(r, c->name), c->value);
    case LOG_ADDRESS: return address_is(r, c->value);
    case LOG_DOMAIN: return domain_is(r, c->value);
    case LOG_WHO: return contains(log_get(r, "from"), c->value) || contains(log_get(r, "to"), c->value) || contains(log_get(r, "who"), c->value);
    case LOG_SIDE: return side_is(r, c->value);
    case LOG_RULE: return is(r, "rule", c->value) || is(r, "matched", c->value);
    case LOG_STREAM: return is(r, "stream_id", c->value) || is(r, "flow_id", c->value);
    case LOG_SEVERITY: return severity(log_get(r, "severity")) >= severity(str_c(c->value));
    case LOG_TEXT:
        for (size_t i = 0; i < sizeof texts / sizeof *texts; i++)
            if (contains(log_get(r, texts[i]), c->value))
                return true;
        return false;
    }
    return false;
}

bool log_filter_fits(const struct log_filter *f, const struct log_rec *r)
{
    if (r->seq < f->first || r->seq > f->last || r->time_us < f->from_us || r->time_us >= f->to_us)
        return false;
    if (f->refused && !is(r, "verdict", "reject,drop,hold"))
        return false;
    for (size_t i = 0; i < f->n; i++)
        if (!fits(&f->v[i], r))
            return false;
    return true;
}
