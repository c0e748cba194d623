/* SPDX-License-Identifier: GPL-3.0-or-later
 * Reads a libconfig file by schema rows. Every mistake is noted and reading goes on, so that one pass names them all. */
#include <inttypes.h>
#include <libconfig.h>
#include <stdarg.h>
#include <stdlib.h>

#include "conf.h"
#include "conf_lex.h"
#include "conf_units.h"
#include "utf8.h"

struct conf_file {
    config_t cfg;
};

struct reader {
    struct arena *arena;
    struct conf_errors *errs;
    const char *file; /* copy in the arena of the file name met last */
    int fatal;        /* NOMEM */
};

#define NAME_MAX_TEXT 256

/* "high.domains[0].name": where a setting stands. Returns the length used; what does not fit is left out. */
static size_t setting_path(const config_setting_t *s, char *out, size_t n)
{
    size_t used;
    int add;

    out[0] = 0;
    if (!s || config_setting_is_root(s))
        return 0;
    used = setting_path(config_setting_parent(s), out, n);
    if (config_setting_name(s))
        add = snprintf(out + used, n - used, "%s%s", used ? "." : "", config_setting_name(s));
    else
        add = snprintf(out + used, n - used, "[%d]", config_setting_index(s));
    if (add > 0 && (size_t)add < n - used)
        return used + (size_t)add;
    out[used] = 0;
    return used;
}

__attribute__((format(printf, 3, 4))) static void mistake(struct reader *r, const config_setting_t *s, const char *fmt, ...)
{
    char path[NAME_MAX_TEXT], text[1024];
    va_list ap;

    va_start(ap, fmt);
    if (vsnprintf(text, sizeof text, fmt, ap) < 0)
        text[0] = 0;
    va_end(ap);
    setting_path(s, path, sizeof path);
    conf_error_add(r->errs, CONF_ERROR, config_setting_source_file(s), config_setting_source_line(s), "%s%s%s", path,
        path[0] ? ": " : "", text);
}

static void *take(struct reader *r, size_t n)
{
    void *p = arena_alloc(r->arena, n);

    if (!p)
        r->fatal = GW_ERR(NOMEM);
    return p;
}

static char *take_text(struct reader *r, const char *z)
{
    char *p = take(r, strlen(z) + 1);

    return p ? strcpy(p, z) : NULL;
}

static const char *type_name(const config_setting_t *s)
{
    switch (config_setting_type(s)) {
    case CONFIG_TYPE_GROUP:
        return "a group { }";
    case CONFIG_TYPE_INT:
    case CONFIG_TYPE_INT64:
        return "a whole number";
    case CONFIG_TYPE_FLOAT:
        return "a number with a fraction";
    case CONFIG_TYPE_STRING:
        return "a string";
    case CONFIG_TYPE_BOOL:
        return "true or false";
    case CONFIG_TYPE_ARRAY:
        return "an array [ ]";
    case CONFIG_TYPE_LIST:
        return "a list ( )";
    default:
        return "something else";
    }
}

static bool is_number(const config_setting_t *s)
{
    return config_setting_type(s) == CONFIG_TYPE_INT || config_setting_type(s) == CONFIG_TYPE_INT64;
}

static bool is_row_of(const config_setting_t *s)
{
    return config_setting_type(s) == CONFIG_TYPE_ARRAY || config_setting_type(s) == CONFIG_TYPE_LIST;
}

/* ---- ranges ---- */

static bool has_max(const struct conf_row *row)
{
    return row->max != 0 || row->min < 0;
}

static const char *number_text(enum conf_type type, int64_t v, char out[CONF_UNIT_TEXT])
{
    if (type == CONF_SIZE)
        return conf_size_text(v, out);
    if (type == CONF_TIME)
        return conf_time_text(v, out);
    snprintf(out, CONF_UNIT_TEXT, "%" PRId64, v);
    return out;
}

/* "from 1 to 9", "at least 1" or "" */
static const char *range_text(const struct conf_row *row, char *out, size_t n)
{
    char low[CONF_UNIT_TEXT], high[CONF_UNIT_TEXT];

    out[0] = 0;
    number_text(row->type, row->min, low);
    number_text(row->type, row->max, high);
    if (has_max(row) && row->min == row->max)
        snprintf(out, n, "exactly %s", low);
    else if (has_max(row))
        snprintf(out, n, "from %s to %s", low, high);
    else if (row->min > 0)
        snprintf(out, n, "at least %s", low);
    return out;
}

static bool in_range(struct reader *r, const config_setting_t *s, const struct conf_row *row, int64_t v, const char *what)
{
    char range[2 * CONF_UNIT_TEXT + 16], have[CONF_UNIT_TEXT];

    if (v >= row->min && (!has_max(row) || v <= row->max))
        return true;
    mistake(r, s, "%s%s is out of range; allowed: %s%s", number_text(row->type, v, have), what, range_text(row, range, sizeof range), what);
    return false;
}

/* ---- scalars ---- */

/* The integer of a setting, unless its text was found to be cut by libconfig. */
static bool get_int(struct reader *r, const config_setting_t *s, int64_t *ret)
{
    if (conf_lex_flagged(r->errs, config_setting_source_file(s), config_setting_source_line(s)))
        return false;
    *ret = config_setting_type(s) == CONFIG_TYPE_INT64 ? config_setting_get_int64(s) : config_setting_get_int(s);
    return true;
}

/* A string that is text (XML characters), copied. NULL: a mistake was noted. */
static char *get_text(struct reader *r, const config_setting_t *s)
{
    const char *z = config_setting_get_string(s);

    if (!z)
        z = "";
    if (!utf8_xml(str_c(z))) {
        mistake(r, s, "the string holds control characters or is not UTF-8");
        return NULL;
    }
    return take_text(r, z);
}

static void read_unit(struct reader *r, const config_setting_t *s, const struct conf_row *row, int64_t *to)
{
    const char *z = config_setting_get_string(s), *examples = row->type == CONF_SIZE ? "B, KiB, MiB or GiB, as in \"64KiB\"" : "ms, s, min, h or d, as in \"30s\"";
    int64_t v;
    int err;

    if (!z) {
        mistake(r, s, "is %s; it must be a string: a whole number and %s", type_name(s), examples);
        return;
    }
    err = row->type == CONF_SIZE ? conf_size(z, &v) : conf_time(z, &v);
    if (err == GW_ERR(RANGE))
        mistake(r, s, "\"%s\" is too large", z);
    else if (err < 0)
        mistake(r, s, "\"%s\" cannot be read; allowed: a whole number and %s", z, examples);
    else if (in_range(r, s, row, v, ""))
        *to = v;
}

static void read_enum(struct reader *r, const config_setting_t *s, const struct conf_row *row, int *to)
{
    const char *z = config_setting_get_string(s), *near;
    char all[512] = "";
    size_t n = 0;

    for (int i = 0; row->names[i]; i++) {
        if (z && strcmp(z, row->names[i]) == 0) {
            *to = i;
            return;
        }
        if (n < sizeof all)
            n += (size_t)snprintf(all + n, sizeof all - n, "%s\"%s\"", i ? ", " : "", row->names[i]);
    }
    near = z ? conf_nearest(z, row->names) : NULL;
    if (!z)
        mistake(r, s, "is %s; it must be one of %s", type_name(s), all);
    else
        mistake(r, s, "\"%s\" is not known; allowed: %s%s%s%s", z, all, near ? "; did you mean \"" : "", near ? near : "", near ? "\"?" : "");
}

static void read_string(struct reader *r, const config_setting_t *s, const struct conf_row *row, char **to)
{
    char *z;

    if (config_setting_type(s) != CONFIG_TYPE_STRING) {
        mistake(r, s, "is %s; it must be a string in quotes", type_name(s));
        return;
    }
    z = get_text(r, s);
    if (z && in_range(r, s, row, (int64_t)strlen(z), " bytes"))
        *to = z;
}

static void read_int(struct reader *r, const config_setting_t *s, const struct conf_row *row, int64_t *to)
{
    int64_t v;

    if (!is_number(s))
        mistake(r, s, "is %s; it must be a whole number", type_name(s));
    else if (get_int(r, s, &v) && in_range(r, s, row, v, ""))
        *to = v;
}

/* ---- rows of values ---- */

/* A single value may stand for a row of one. */
static size_t row_length(const config_setting_t *s)
{
    return is_row_of(s) ? (size_t)config_setting_length(s) : 1;
}

static const config_setting_t *row_elem(const config_setting_t *s, size_t i)
{
    return is_row_of(s) ? config_setting_get_elem(s, (unsigned)i) : s;
}

/* Does row->min..max hold for the number of elements? (For INTS it holds for the numbers themselves.) */
static bool count_fits(struct reader *r, const config_setting_t *s, const struct conf_row *row, size_t n)
{
    return in_range(r, s, row, (int64_t)n, n == 1 ? " entry" : " entries");
}

static void read_strings(struct reader *r, const config_setting_t *s, const struct conf_row *row, struct conf_strings *to)
{
    size_t n = row_length(s);
    struct conf_strings v = { .n = 0 };
    unsigned *lines;

    if (!is_row_of(s) && config_setting_type(s) != CONFIG_TYPE_STRING) {
        mistake(r, s, "is %s; it must be an array of strings, as in [ \"a\", \"b\" ]", type_name(s));
        return;
    }
    if (!count_fits(r, s, row, n))
        return;
    v.v = take(r, n * sizeof *v.v);
    lines = take(r, n * sizeof *lines);
    if (!v.v || !lines)
        return;
    for (size_t i = 0; i < n; i++) {
        const config_setting_t *e = row_elem(s, i);

        if (config_setting_type(e) != CONFIG_TYPE_STRING) {
            mistake(r, e, "is %s; it must be a string in quotes", type_name(e));
            continue;
        }
        v.v[v.n] = get_text(r, e);
        lines[v.n] = config_setting_source_line(e);
        if (v.v[v.n])
            v.n++;
    }
    v.lines = lines;
    *to = v;
}

static void read_ints(struct reader *r, const config_setting_t *s, const struct conf_row *row, struct conf_ints *to)
{
    size_t n = row_length(s);
    struct conf_ints v = { .n = 0 };

    if (!is_row_of(s) && !is_number(s)) {
        mistake(r, s, "is %s; it must be an array of whole numbers, as in [ 1, 2 ]", type_name(s));
        return;
    }
    v.v = take(r, n * sizeof *v.v);
    if (!v.v)
        return;
    for (size_t i = 0; i < n; i++) {
        const config_setting_t *e = row_elem(s, i);

        if (!is_number(e))
            mistake(r, e, "is %s; it must be a whole number", type_name(e));
        else if (get_int(r, e, &v.v[v.n]) && in_range(r, e, row, v.v[v.n], ""))
            v.n++;
    }
    *to = v;
}

/* ---- groups ---- */

static const char *unless_of(const struct conf_row *row)
{
    return row->type != CONF_ENUM && row->names ? row->names[0] : NULL;
}

static void read_rows(struct reader *r, const config_setting_t *group, const struct conf_row *rows, void *base);

static void read_list(struct reader *r, const config_setting_t *s, const struct conf_row *row, struct conf_list *to)
{
    size_t n = is_row_of(s) ? (size_t)config_setting_length(s) : 0;
    struct conf_list v = { .n = 0 };
    unsigned *lines;

    if (!is_row_of(s)) {
        mistake(r, s, "is %s; it must be a list of groups, as in ( { ... }, { ... } )", type_name(s));
        return;
    }
    if (!count_fits(r, s, row, n))
        return;
    v.v = take(r, n * row->sub_size);
    lines = take(r, n * sizeof *lines);
    if (!v.v || !lines)
        return;
    for (size_t i = 0; i < n; i++) {
        const config_setting_t *e = config_setting_get_elem(s, (unsigned)i);

        if (config_setting_type(e) != CONFIG_TYPE_GROUP) {
            mistake(r, e, "is %s; it must be a group { ... }", type_name(e));
            continue;
        }
        lines[v.n] = config_setting_source_line(e);
        read_rows(r, e, row->sub, (char *)v.v + v.n++ * row->sub_size);
    }
    v.lines = lines;
    *to = v;
}

static void read_value(struct reader *r, const config_setting_t *s, const struct conf_row *row, void *to)
{
    switch (row->type) {
    case CONF_BOOL:
        if (config_setting_type(s) == CONFIG_TYPE_BOOL)
            *(bool *)to = config_setting_get_bool(s);
        else
            mistake(r, s, "is %s; it must be true or false (without quotes)", type_name(s));
        break;
    case CONF_INT:
        read_int(r, s, row, to);
        break;
    case CONF_SIZE:
    case CONF_TIME:
        read_unit(r, s, row, to);
        break;
    case CONF_STRING:
        read_string(r, s, row, to);
        break;
    case CONF_ENUM:
        read_enum(r, s, row, to);
        break;
    case CONF_GROUP:
        if (config_setting_type(s) == CONFIG_TYPE_GROUP)
            read_rows(r, s, row->sub, to);
        else
            mistake(r, s, "is %s; it must be a group { ... }", type_name(s));
        break;
    case CONF_LIST:
        read_list(r, s, row, to);
        break;
    case CONF_STRINGS:
        read_strings(r, s, row, to);
        break;
    case CONF_INTS:
        read_ints(r, s, row, to);
        break;
    case CONF_RAW:
        *(const config_setting_t **)to = s;
        break;
    }
}

static void set_defaults(struct reader *r, const struct conf_row *rows, void *base);

/* A default in the row's own notation. It is ours, so a wrong one is our own broken invariant; tests read every row. */
static void set_default(struct reader *r, const struct conf_row *row, void *to)
{
    const char *z = row->def;
    int64_t v = 0;

    if (row->type == CONF_GROUP) {
        set_defaults(r, row->sub, to);
    } else if (row->type == CONF_STRING) {
        *(char **)to = take_text(r, z ? z : "");
    } else if (!z) {
        return;
    } else if (row->type == CONF_BOOL) {
        *(bool *)to = strcmp(z, "true") == 0;
    } else if (row->type == CONF_INT) {
        *(int64_t *)to = strtoll(z, NULL, 10);
    } else if (row->type == CONF_SIZE || row->type == CONF_TIME) {
        if ((row->type == CONF_SIZE ? conf_size(z, &v) : conf_time(z, &v)) < 0)
            abort();
        *(int64_t *)to = v;
    } else if (row->type == CONF_ENUM) {
        for (int i = 0; row->names[i]; i++)
            if (strcmp(z, row->names[i]) == 0)
                *(int *)to = i;
    }
}

static bool is_where(const struct conf_row *row)
{
    return row->type == CONF_RAW && strcmp(row->key, "@where") == 0;
}

static void set_defaults(struct reader *r, const struct conf_row *rows, void *base)
{
    for (const struct conf_row *row = rows; row->key; row++)
        if (!is_where(row))
            set_default(r, row, (char *)base + row->offset);
}

static void set_where(struct reader *r, const config_setting_t *s, struct conf_where *to)
{
    const char *file = config_setting_source_file(s);

    if (file && (!r->file || strcmp(r->file, file) != 0))
        r->file = take_text(r, file);
    *to = (struct conf_where){ file ? r->file : NULL, config_setting_source_line(s), false };
}

/* Keys of the group that no row names, each with the nearest that one does. */
static void unknown_keys(struct reader *r, const config_setting_t *group, const struct conf_row *rows)
{
    const char *known[128];
    char all[1024] = "";
    size_t n_known = 0, n = 0;

    for (const struct conf_row *row = rows; row->key && n_known < 127; row++) {
        if (is_where(row))
            continue;
        if (n < sizeof all)
            n += (size_t)snprintf(all + n, sizeof all - n, "%s%s", n_known ? ", " : "", row->key);
        known[n_known++] = row->key;
    }
    known[n_known] = NULL;
    for (int i = 0; i < config_setting_length(group); i++) {
        const config_setting_t *s = config_setting_get_elem(group, (unsigned)i);
        const char *name = config_setting_name(s), *near;
        bool found = false;

        for (size_t k = 0; known[k]; k++)
            found |= strcmp(known[k], name) == 0;
        if (found)
            continue;
        near = conf_nearest(name, known);
        if (near)
            mistake(r, s, "this key is not known; did you mean \"%s\"?", near);
        else
            mistake(r, s, "this key is not known; allowed here: %s", all);
    }
}

static void read_rows(struct reader *r, const config_setting_t *group, const struct conf_row *rows, void *base)
{
    struct conf_where *where = NULL;
    size_t before = r->errs->n_errors;

    set_defaults(r, rows, base);
    for (const struct conf_row *row = rows; row->key && r->fatal == 0; row++) {
        const config_setting_t *s;

        if (is_where(row)) {
            where = (void *)((char *)base + row->offset);
            set_where(r, group, where);
            continue;
        }
        s = config_setting_get_member(group, row->key);
        const char *unless = unless_of(row);
        bool other = unless && config_setting_get_member(group, unless);
        if (s)
            read_value(r, s, row, (char *)base + row->offset);
        if (s && other)
            mistake(r, s, "not together with \"%s\": one of the two must go", unless);
        else if (!s && row->required && !other)
            mistake(r, group, "\"%s\" is missing%s%s%s", row->key, row->help ? " (" : "", row->help ? row->help : "", row->help ? ")" : "");
    }
    unknown_keys(r, group, rows);
    if (where)
        where->bad = r->errs->n_errors > before;
}

/* ---- files ---- */

static int conf_parse(config_t *cfg, const char *path, const char *dir, struct conf_errors *errs)
{
    const char *text;

    config_set_include_dir(cfg, dir);
    if (config_read_file(cfg, path) == CONFIG_TRUE)
        return 0;
    text = config_error_text(cfg);
    if (config_error_type(cfg) == CONFIG_ERR_FILE_IO) {
        conf_error_add(errs, CONF_ERROR, path, 0, "cannot be read");
        return GW_ERR(NOENT);
    }
    if (text && strstr(text, "duplicate"))
        text = "this key stands here twice; one of them must go";
    else if (text && strcmp(text, "syntax error") == 0)
        text = "this cannot be read (libconfig syntax): look for a missing quote, '=', ',' or closing bracket here or in the line before";
    conf_error_add(errs, CONF_ERROR, config_error_file(cfg) ? config_error_file(cfg) : path, (unsigned)config_error_line(cfg), "%s",
        text ? text : "this cannot be read");
    return GW_ERR(CONF);
}

static char *folder_of(const char *path)
{
    const char *slash = strrchr(path, '/');

    if (!slash)
        return strdup(".");
    return slash == path ? strdup("/") : strndup(path, (size_t)(slash - path));
}

int conf_read(const char *path, const struct conf_row *rows, void *base, struct arena *arena, struct conf_errors *errs,
    struct conf_file **ret_cfg)
{
    struct reader r = { .arena = arena, .errs = errs };
    struct conf_file *f = calloc(1, sizeof *f);
    char *dir = folder_of(path);
    size_t before = errs->n_errors;
    int err = GW_ERR(NOMEM);

    if (!f || !dir) {
        free(f);
        free(dir);
        return err;
    }
    config_init(&f->cfg);
    err = conf_lex(path, dir, errs);
    if (err == GW_ERR(SYNTAX))
        err = GW_ERR(CONF);
    if (err == 0)
        err = conf_parse(&f->cfg, path, dir, errs);
    if (err == 0) {
        read_rows(&r, config_root_setting(&f->cfg), rows, base);
        err = r.fatal < 0 ? r.fatal : errs->n_errors > before ? GW_ERR(CONF) : 0;
    }
    free(dir);
    if (ret_cfg)
        *ret_cfg = f; /* also after mistakes: code may look at RAW settings to find more of them */
    else
        conf_file_free(f);
    return err;
}

int conf_read_group(const struct config_setting_t *setting, const struct conf_row *rows, void *base, struct arena *arena,
    struct conf_errors *errs)
{
    struct reader r = { .arena = arena, .errs = errs };
    size_t before = errs->n_errors;

    if (config_setting_type(setting) != CONFIG_TYPE_GROUP) {
        mistake(&r, setting, "is %s; it must be a group { ... }", type_name(setting));
        return GW_ERR(CONF);
    }
    read_rows(&r, setting, rows, base);
    return r.fatal < 0 ? r.fatal : errs->n_errors > before ? GW_ERR(CONF) : 0;
}

void conf_file_free(struct conf_file *f)
{
    if (!f)
        return;
    config_destroy(&f->cfg);
    free(f);
}

/* ---- documentation ---- */

static const char *const type_words[] = { [CONF_BOOL] = "true or false", [CONF_INT] = "whole number", [CONF_STRING] = "string",
    [CONF_SIZE] = "size", [CONF_TIME] = "time", [CONF_ENUM] = "one of", [CONF_GROUP] = "group", [CONF_LIST] = "list of groups",
    [CONF_STRINGS] = "strings", [CONF_INTS] = "whole numbers", [CONF_RAW] = "see help" };

static void describe(const struct conf_row *rows, FILE *to, int depth)
{
    char range[2 * CONF_UNIT_TEXT + 16];

    for (const struct conf_row *row = rows; row->key; row++) {
        if (is_where(row))
            continue;
        fprintf(to, "%*s%s: %s", depth * 2, "", row->key, type_words[row->type]);
        for (int i = 0; row->type == CONF_ENUM && row->names[i]; i++)
            fprintf(to, "%s \"%s\"", i ? "," : "", row->names[i]);
        if (row->type != CONF_BOOL && row->type != CONF_ENUM && row->type != CONF_GROUP && row->type != CONF_RAW && *range_text(row, range, sizeof range))
            fprintf(to, ", %s%s", range, row->type == CONF_STRING ? " bytes" : row->type == CONF_STRINGS || row->type == CONF_LIST ? " entries" : "");
        if (unless_of(row))
            fprintf(to, row->required ? ", required without %s" : ", not with %s", unless_of(row));
        else if (row->required)
            fprintf(to, ", required");
        else if (row->def && *row->def)
            fprintf(to, ", default %s", row->def);
        fprintf(to, "%s%s\n", row->help ? ": " : "", row->help ? row->help : "");
        if (row->sub)
            describe(row->sub, to, depth + 1);
    }
}

void conf_describe(const struct conf_row *rows, FILE *to)
{
    describe(rows, to, 0);
}
