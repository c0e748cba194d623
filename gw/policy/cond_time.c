/* SPDX-License-Identifier: GPL-3.0-or-later
 * Conditions time and date: days of the week and hours of the day; a span of days. */
#include <string.h>

#include "rows.h"
#include "state.h"

struct hours { int from, to, offset; unsigned days; }; /* minutes of the day, minutes east of UTC, bit 0: Monday */

static int clock_text(struct pol_load *l, const config_setting_t *s, int *ret)
{
    const char *z = config_setting_get_string(s);
    int h, m, n = 0;
    if (!z || sscanf(z, "%2d:%2d%n", &h, &m, &n) != 2 || z[n] || strlen(z) != 5 || h < 0 || h > 24 || m < 0 || m > 59 || h * 60 + m > 1440)
        return load_error(l, s, "a time of day is written \"08:00\"");
    *ret = h * 60 + m;
    return 0;
}

static int offset_text(struct pol_load *l, const config_setting_t *s, int *ret)
{
    const char *z = config_setting_get_string(s);
    int h, m, n = 0;
    char sign;
    if (!z || sscanf(z, "%1c%2d:%2d%n", &sign, &h, &m, &n) != 3 || z[n] || (sign != '+' && sign != '-') || h < 0 || h > 14 || m < 0 || m > 59)
        return load_error(l, s, "an offset from UTC is written \"+01:00\"");
    *ret = (sign == '-' ? -1 : 1) * (h * 60 + m);
    return 0;
}

static int days_text(struct pol_load *l, const config_setting_t *s, unsigned *ret)
{
    static const char *const names[] = { "mon", "tue", "wed", "thu", "fri", "sat", "sun", NULL };
    struct str *v;
    size_t n;
    int rc = load_strings(l, s, &v, &n);
    *ret = 0;
    for (size_t i = 0; i < n && !rc; i++) {
        unsigned d = 0;
        while (names[d] && strcmp(names[d], v[i].p) != 0)
            d++;
        if (!names[d])
            rc = load_error(l, s, "\"%s\" is no day; allowed are mon, tue, wed, thu, fri, sat, sun", v[i].p);
        else
            *ret |= 1u << d;
    }
    return rc;
}

static int parse_time(struct pol_load *l, const config_setting_t *s, struct cond *c)
{
    struct hours *h = arena_alloc(l->arena, sizeof *h);
    if (!h)
        return GW_ERR(NOMEM);
    *h = (struct hours){ .to = 1440, .days = 127 };
    c->arg = h;
    if (!config_setting_is_group(s))
        return load_error(l, s, "\"time\" wants { days = [ \"mon\" ]; from = \"08:00\"; to = \"17:00\"; offset = \"+01:00\"; }");
    int rc = 0;
    for (int i = 0; i < config_setting_length(s); i++) {
        const config_setting_t *m = config_setting_get_elem(s, (unsigned)i);
        const char *k = config_setting_name(m);
        int e = !strcmp(k, "from") ? clock_text(l, m, &h->from) : !strcmp(k, "to") ? clock_text(l, m, &h->to)
            : !strcmp(k, "offset") ? offset_text(l, m, &h->offset) : !strcmp(k, "days") ? days_text(l, m, &h->days)
            : load_error(l, m, "\"%s\" is not known here; allowed are days, from, to, offset", k);
        rc = rc ? rc : e;
    }
    return rc;
}

/* A window that ends before it begins runs over midnight; the day is that on which it began. */
static enum tri match_time(const struct cond *c, struct pol_eval *e)
{
    const struct hours *h = c->arg;
    int64_t minutes = e->facts.now_ms / 60000 + h->offset, day = minutes / 1440;
    int at = (int)(minutes % 1440);
    unsigned weekday = (unsigned)((day + 3) % 7); /* 1970-01-01 was a Thursday */
    bool over = h->from > h->to, inside = over ? at >= h->from || at < h->to : at >= h->from && at < h->to;
    if (over && at < h->to)
        weekday = (weekday + 6) % 7;
    return tri_of(inside && (h->days >> weekday & 1));
}

const struct cond_row cond_time = { "time", COND_GROUP, 0, parse_time, match_time, NULL, NULL,
    "time = { days = [ \"mon\", \"tue\", \"wed\", \"thu\", \"fri\" ]; from = \"07:00\"; to = \"18:00\"; offset = \"+01:00\"; }",
    "now is in this window (UTC, or an offset from it; from behind to: over midnight)" };

/* ---- date ---- */

struct span { int64_t from_ms, to_ms; int offset; };

static int parse_date(struct pol_load *l, const config_setting_t *s, struct cond *c)
{
    struct span *d = arena_alloc(l->arena, sizeof *d);
    if (!d)
        return GW_ERR(NOMEM);
    *d = (struct span){ .to_ms = INT64_MAX };
    c->arg = d;
    if (!config_setting_is_group(s) || !config_setting_length(s))
        return load_error(l, s, "\"date\" wants { from = \"2027-01-01\"; to = \"2027-01-31\"; }, one of them at least");
    int rc = 0;
    for (int i = 0; i < config_setting_length(s); i++) {
        const config_setting_t *m = config_setting_get_elem(s, (unsigned)i);
        const char *k = config_setting_name(m);
        int e = !strcmp(k, "from") ? load_date(l, m, config_setting_get_string(m), &d->from_ms)
            : !strcmp(k, "to") ? load_date(l, m, config_setting_get_string(m), &d->to_ms)
            : !strcmp(k, "offset") ? offset_text(l, m, &d->offset) : load_error(l, m, "\"%s\" is not known here; allowed are from, to, offset", k);
        if (!e && !strcmp(k, "to"))
            d->to_ms += 86400000; /* that day as well */
        rc = rc ? rc : e;
    }
    return rc || d->from_ms < d->to_ms ? rc : load_error(l, s, "\"date\": it ends before it begins");
}

static enum tri match_date(const struct cond *c, struct pol_eval *e)
{
    const struct span *d = c->arg;
    int64_t there = e->facts.now_ms + d->offset * 60000LL;
    return tri_of(there >= d->from_ms && there < d->to_ms);
}

const struct cond_row cond_date = { "date", COND_GROUP, 0, parse_date, match_date, NULL, NULL,
    "date = { from = \"2027-06-01\"; to = \"2027-06-14\"; }", "today is one of these days, the last one as well (UTC, or an offset from it)" };
