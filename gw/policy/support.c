/* SPDX-License-Identifier: GPL-3.0-or-later
 * Small things that all readers of rule files share: mistakes with a place, operands, names, the list of stanza errors. */
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "internal.h"
#include "utf8.h"

const char *setting_file(const config_setting_t *s) { return s ? config_setting_source_file(s) : NULL; }

int load_error(struct pol_load *l, const config_setting_t *s, const char *fmt, ...)
{
    char text[1024];
    va_list ap;
    va_start(ap, fmt);
    if (vsnprintf(text, sizeof text, fmt, ap) < 0)
        text[0] = 0;
    va_end(ap);
    conf_error_add(l->errs, CONF_ERROR, setting_file(s), s ? config_setting_source_line(s) : 0, "%s", text);
    return GW_ERR(CONF);
}

int load_strings(struct pol_load *l, const config_setting_t *s, struct str **ret, size_t *ret_n)
{
    bool many = config_setting_is_array(s) || config_setting_is_list(s);
    size_t n = many ? (size_t)config_setting_length(s) : 1;
    if (!n)
        return load_error(l, s, "the list is empty");
    struct str *v = arena_alloc(l->arena, n * sizeof *v);
    if (!v)
        return GW_ERR(NOMEM);
    for (size_t i = 0; i < n; i++) {
        const config_setting_t *m = many ? config_setting_get_elem(s, (unsigned)i) : s;
        if (config_setting_type(m) != CONFIG_TYPE_STRING)
            return load_error(l, m, "\"%s\" wants a string, or a list of strings: [ \"a\", \"b\" ]",
                config_setting_name(s) ? config_setting_name(s) : "this");
        const char *z = config_setting_get_string(m);
        if (!*z || !utf8_xml(str_c(z)))
            return load_error(l, m, "a string here is empty, holds control characters or is not UTF-8");
        v[i] = arena_str(l->arena, str_c(z));
        if (!v[i].p)
            return GW_ERR(NOMEM);
    }
    *ret = v;
    *ret_n = n;
    return 0;
}

int load_int(struct pol_load *l, const config_setting_t *s, int64_t min, int64_t max, int64_t *ret)
{
    int type = config_setting_type(s);
    if (type != CONFIG_TYPE_INT && type != CONFIG_TYPE_INT64)
        return load_error(l, s, "a whole number from %lld to %lld is wanted here", (long long)min, (long long)max);
    int64_t v = type == CONFIG_TYPE_INT ? config_setting_get_int(s) : config_setting_get_int64(s);
    if (v < min || v > max)
        return load_error(l, s, "%lld is out of range; allowed are %lld to %lld", (long long)v, (long long)min, (long long)max);
    *ret = v;
    return 0;
}

static int load_unit(struct pol_load *l, const config_setting_t *s, int (*read)(const char *, int64_t *), const char *example, int64_t *ret)
{
    const char *z = config_setting_get_string(s);
    return z && !read(z, ret) ? 0 : load_error(l, s, "a string with a unit is wanted here: \"%s\"", example);
}

int load_size(struct pol_load *l, const config_setting_t *s, int64_t *ret) { return load_unit(l, s, conf_size, "64KiB", ret); }
int load_time(struct pol_load *l, const config_setting_t *s, int64_t *ret) { return load_unit(l, s, conf_time, "30s", ret); }

int load_date(struct pol_load *l, const config_setting_t *s, const char *text, int64_t *ret)
{
    struct tm tm = { 0 }, back;
    char c;
    if (text && sscanf(text, "%4d-%2d-%2d%c", &tm.tm_year, &tm.tm_mon, &tm.tm_mday, &c) == 3 && strlen(text) == 10) {
        tm.tm_year -= 1900;
        tm.tm_mon -= 1;
        back = tm;
        time_t t = timegm(&back);
        if (t > 0 && back.tm_mday == tm.tm_mday && back.tm_mon == tm.tm_mon) {
            *ret = (int64_t)t * 1000;
            return 0;
        }
    }
    return load_error(l, s, "\"%s\" is no date; it is written \"2027-12-31\"", text ? text : "");
}

int load_bool(struct pol_load *l, const config_setting_t *s, bool *ret)
{
    if (config_setting_type(s) != CONFIG_TYPE_BOOL)
        return load_error(l, s, "true or false is wanted here, without quotes");
    *ret = config_setting_get_bool(s);
    return 0;
}

int load_clark(struct pol_load *l, const config_setting_t *s, struct str t, struct clark *ret)
{
    if (!t.n)
        return load_error(l, s, "an element's name is empty");
    struct str copy = arena_str(l->arena, t);
    if (!copy.p)
        return GW_ERR(NOMEM);
    *ret = (struct clark){ copy, STR_NONE };
    if (copy.p[0] != '{')
        return strpbrk(copy.p, " {}<>\"'") ? load_error(l, s, "\"%s\" is neither a namespace nor \"{namespace}name\"", copy.p) : 0;
    const char *end = memchr(copy.p, '}', copy.n);
    if (!end)
        return load_error(l, s, "\"%s\": the brace is not closed; an element is written \"{namespace}name\"", copy.p);
    ret->ns = (struct str){ copy.p + 1, (size_t)(end - copy.p) - 1 };
    ret->name = (struct str){ end + 1, copy.n - ret->ns.n - 2 };
    for (size_t i = 0; i < ret->name.n; i++)
        if (strchr(" {}/<>&:\"'", ret->name.p[i]))
            return load_error(l, s, "\"%s\": this is no element's name", copy.p);
    return 0;
}

bool clark_is(const struct clark *c, const struct rec_node *n)
{
    return (!c->name.n || str_eq(c->name, n->name)) && str_eq(c->ns, n->ns);
}

int load_scan_name(struct pol_load *l, enum scan_source source, enum pol_scan_what what, struct str name, const config_setting_t *s)
{
    struct policy *p = l->p;
    p->scan_names = pol_grow(l->arena, p->scan_names, p->n_scan_names, &l->cap_names, sizeof *p->scan_names);
    if (!p->scan_names)
        return GW_ERR(NOMEM);
    const char *file = setting_file(s);
    p->scan_names[p->n_scan_names++] = (struct pol_scan_name){ source, what, name, file ? arena_str(l->arena, str_c(file)).p : NULL,
        config_setting_source_line(s) };
    return 0;
}

void *pol_grow(struct arena *a, void *v, size_t n, size_t *cap, size_t size)
{
    if (v && n < *cap)
        return v;
    size_t more = v ? *cap * 2 : 16;
    void *to = arena_alloc(a, more * size);
    if (to) {
        if (n)
            memcpy(to, v, n * size);
        *cap = more;
    }
    return to;
}

const struct pol_error pol_errors[] = { { "bad-request", "modify" }, { "conflict", "cancel" }, { "feature-not-implemented", "cancel" },
    { "forbidden", "auth" }, { "internal-server-error", "cancel" }, { "item-not-found", "cancel" }, { "jid-malformed", "modify" },
    { "not-acceptable", "modify" }, { "not-allowed", "cancel" }, { "not-authorized", "auth" }, { "policy-violation", "modify" },
    { "recipient-unavailable", "wait" }, { "registration-required", "auth" }, { "remote-server-not-found", "cancel" },
    { "remote-server-timeout", "wait" }, { "resource-constraint", "wait" }, { "service-unavailable", "cancel" },
    { "subscription-required", "auth" }, { "undefined-condition", "modify" }, { "unexpected-request", "wait" }, { NULL, NULL } };

int pol_error_find(const char *condition)
{
    for (int i = 0; pol_errors[i].condition; i++)
        if (!strcmp(pol_errors[i].condition, condition))
            return i;
    return -1;
}
