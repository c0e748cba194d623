/* SPDX-License-Identifier: GPL-3.0-or-later
 * Configuration schema over libconfig: rows that the parser, the checker and the documentation share. All mistakes of a
 * file are collected in one pass: "file:line: what is wrong, what is allowed, did you mean". */
#ifndef LOCKGATE_CONF_H
#define LOCKGATE_CONF_H

#include <stdio.h>

#include "buf.h"

/* ---- mistakes ---- */
#define CONF_ERRORS_MAX 500
enum conf_severity { CONF_ERROR, CONF_WARNING };
struct conf_error {
    char *file; /* may be NULL */
    unsigned line; /* 0: the whole file */
    enum conf_severity severity;
    char *text;
};
struct conf_errors {
    struct conf_error *v;
    size_t n, n_errors; /* n_errors: those that are no warnings; counts on past the maximum kept */
};
void conf_errors_init(struct conf_errors *e);
void conf_errors_clear(struct conf_errors *e);
void conf_error_add(struct conf_errors *e, enum conf_severity sev, const char *file, unsigned line, const char *fmt, ...)
    __attribute__((format(printf, 5, 6)));
/* Sorted by file and line, one line each: "file:line: text" (warnings: "file:line: warning: text"). */
void conf_errors_print(struct conf_errors *e, FILE *to);

/* ---- schema ---- */
enum conf_type { CONF_BOOL, CONF_INT, CONF_STRING, CONF_SIZE, CONF_TIME, CONF_ENUM, CONF_GROUP, CONF_LIST, CONF_STRINGS, CONF_INTS,
    CONF_RAW };
/* One key of a group. Values are stored at base + offset as: BOOL bool; INT, SIZE (bytes), TIME (milliseconds) int64_t;
 * STRING char * (arena); ENUM int (index into names); STRINGS struct conf_strings; INTS struct conf_ints;
 * GROUP an embedded struct described by sub; LIST struct conf_list of structs of sub_size described by sub;
 * RAW the libconfig setting itself (const struct config_setting_t *), for keys that code checks. */
struct conf_row {
    const char *key;
    enum conf_type type;
    size_t offset;
    bool required;
    int64_t min, max;         /* numbers: value; strings and lists: length or count */
    const char *def;          /* default in the file's own notation ("10s", "true", "12"); NULL: zero or empty */
    const char *const *names; /* NULL-terminated. ENUM: its words. All others: one key of the group that says the same in its own way: never
                               * both, and `required` means one of the two */
    const struct conf_row *sub; /* GROUP, LIST: rows ended by key == NULL */
    size_t sub_size;
    const char *help;
};
struct conf_strings { char **v; size_t n; const unsigned *lines; };
struct conf_ints { int64_t *v; size_t n; };
struct conf_list { void *v; size_t n; const unsigned *lines; };
/* Any struct filled from a group may begin with this to learn its line: row {"", CONF_RAW...} is not needed, the reader
 * sets it when the row list's first entry has key "@where" and type CONF_RAW. */
/* bad: a mistake was found in the group or below it. */
struct conf_where { const char *file; unsigned line; bool bad; };

/* Reads a libconfig file (with @include below its own folder) into base by rows; strings live in arena. Unknown keys
 * (with the nearest known one), wrong types, ranges, duplicates, integers that do not fit are mistakes in errs.
 * Returns 0 when no error was added, CONF when some were, NOMEM, NOENT (the file cannot be read; also in errs).
 * ret_cfg, if not NULL, receives the libconfig object when CONF_RAW rows are used; the caller frees it by conf_file_free
 * after the last use of such settings. */
struct conf_file;
int conf_read(const char *path, const struct conf_row *rows, void *base, struct arena *arena, struct conf_errors *errs,
    struct conf_file **ret_cfg) GW_MUST_CHECK;
/* The same for one group below a CONF_RAW setting (setting: struct config_setting_t *). */
struct config_setting_t;
int conf_read_group(const struct config_setting_t *setting, const struct conf_row *rows, void *base, struct arena *arena,
    struct conf_errors *errs) GW_MUST_CHECK;
void conf_file_free(struct conf_file *f);
/* Every key with type, range, default and help, as text. */
void conf_describe(const struct conf_row *rows, FILE *to);

/* "64KiB" -> bytes, "500ms" -> milliseconds. SYNTAX, RANGE. A unit is required, except for 0. */
int conf_size(const char *text, int64_t *ret_bytes) GW_MUST_CHECK;
int conf_time(const char *text, int64_t *ret_ms) GW_MUST_CHECK;
/* The candidate nearest to word (edit distance at most a third of its length), or NULL. */
const char *conf_nearest(const char *word, const char *const *candidates);

#endif
