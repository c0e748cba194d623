/* SPDX-License-Identifier: GPL-3.0-or-later
 * Asking the search index: which blocks can hold what is searched. A condition that it cannot answer holds everywhere. */
#include <fcntl.h>
#include <limits.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "log_index.h"

static int name_number(const char *name)
{
    for (int i = 0; log_index_names[i]; i++)
        if (strcmp(log_index_names[i], name) == 0)
            return i;
    return -1;
}

/* A segment that was changed since makes the whole index useless: it is made again. */
bool log_index_usable(sqlite3 *db, const struct led_dir *d, size_t *ret_i, uint64_t *ret_from, uint64_t *ret_last)
{
    sqlite3_stmt *s;
    bool good = true;
    size_t i = 0;

    *ret_i = 0;
    *ret_from = *ret_last = 0;
    if (sqlite3_prepare_v2(db, "SELECT first, inode, bytes, last, whole, changed FROM segment ORDER BY first", -1, &s, NULL) != SQLITE_OK)
        return false;
    while (good && sqlite3_step(s) == SQLITE_ROW) {
        struct stat st;
        bool whole = sqlite3_column_int(s, 4);
        good = i < d->n && d->v[i].first == (uint64_t)sqlite3_column_int64(s, 0) && fstatat(d->fd, d->v[i].name, &st, AT_SYMLINK_NOFOLLOW) == 0 &&
            (sqlite3_int64)st.st_ino == sqlite3_column_int64(s, 1) && st.st_size >= sqlite3_column_int64(s, 2) &&
            (!whole || (st.st_size == sqlite3_column_int64(s, 2) && st.st_mtim.tv_sec == sqlite3_column_int64(s, 5)));
        if (!good)
            break;
        *ret_last = (uint64_t)sqlite3_column_int64(s, 3);
        *ret_from = (uint64_t)sqlite3_column_int64(s, 2);
        *ret_i = i;
        if (whole) {
            *ret_i = ++i;
            *ret_from = 0;
        }
    }
    sqlite3_finalize(s);
    return good;
}

/* ---- conditions as SQL over words ---- */
struct ask { struct buf sql; char *bind[64]; size_t n_bind; int parts; };

static int add(struct ask *a, const char *text)
{
    return buf_put(&a->sql, text, strlen(text));
}

static int bind(struct ask *a, const char *before, const char *value, const char *after)
{
    if (a->n_bind == sizeof a->bind / sizeof *a->bind || asprintf(&a->bind[a->n_bind], "%s%s%s", before, value, after) < 0)
        return GW_ERR(LIMIT);
    a->n_bind++;
    return 0;
}

/* LIKE takes _ and % as wild cards: more blocks are read then, none is missed. */
static int like(struct ask *a, const char *const *names, const char *value)
{
    int err = add(a, "(text LIKE ? AND name IN (-1");
    char number[16];

    for (; *names && !err; names++) {
        snprintf(number, sizeof number, ",%d", name_number(*names));
        err = add(a, number);
    }
    return err ? err : (err = add(a, "))")) ? err : bind(a, "%", value, "%");
}

static int equal(struct ask *a, const char *const *names, const char *values)
{
    int err = 0;

    for (bool first = true; !err; first = false) {
        size_t n = strcspn(values, ",");
        char number[16], *value = strndup(values, n);
        err = !value ? GW_ERR(NOMEM) : add(a, first ? "((text = ?" : " OR (text = ?");
        if (!err)
            err = bind(a, "", value, "");
        free(value);
        if (!err)
            err = add(a, " AND name IN (-1");
        for (const char *const *name = names; *name && !err; name++) {
            snprintf(number, sizeof number, ",%d", name_number(*name));
            err = add(a, number);
        }
        if (!err)
            err = add(a, "))");
        if (!values[n])
            break;
        values += n + 1;
    }
    return err ? err : add(a, ")");
}

#define NAMES(...) (const char *const[]){ __VA_ARGS__, NULL }
/* 1: appended a test on words; 0: the index cannot help. */
static int condition(struct ask *a, const struct log_cond *c)
{
    static const char *const ladder[] = { "info", "low", "medium", "high", "critical" };
    char list[64] = "";
    bool above = false;

    switch (c->kind) {
    case LOG_IS: return name_number(c->name) < 0 ? 0 : equal(a, NAMES(c->name), c->value) < 0 ? -1 : 1;
    case LOG_WHO: return like(a, NAMES("from", "to", "who"), c->value) < 0 ? -1 : 1;
    case LOG_DOMAIN: return strchr(c->value, ',') ? 0 : like(a, NAMES("from", "to", "from_domain", "to_domain", "peer"), c->value) < 0 ? -1 : 1;
    case LOG_ADDRESS: return strchr(c->value, '/') ? 0 : equal(a, NAMES("src_ip", "dest_ip"), c->value) < 0 ? -1 : 1;
    case LOG_RULE: return equal(a, NAMES("rule", "matched"), c->value) < 0 ? -1 : 1;
    case LOG_STREAM: return equal(a, NAMES("flow_id", "stream_id"), c->value) < 0 ? -1 : 1;
    case LOG_TEXT: return like(a, NAMES("sentence", "rule_name", "reason", "condition", "action", "status", "error", "changed"), c->value) < 0 ? -1 : 1;
    case LOG_SEVERITY:
        for (int i = 0; i < 5; i++) {
            above |= strcmp(ladder[i], c->value) == 0;
            if (above)
                snprintf(list + strlen(list), sizeof list - strlen(list), "%s%s", list[0] ? "," : "", ladder[i]);
        }
        return equal(a, NAMES("severity"), list) < 0 ? -1 : 1;
    case LOG_HAS: case LOG_SIDE: return 0;
    }
    return 0;
}

/* "... AND id IN (SELECT block FROM post WHERE word IN (SELECT id FROM word WHERE <test>))"; text of a test that does not help is taken back. */
static int add_condition(struct ask *a, const struct log_cond *c)
{
    size_t before = a->sql.len;
    int got, err = add(a, " AND id IN (SELECT block FROM post WHERE word IN (SELECT id FROM word WHERE ");

    if (err)
        return err;
    got = condition(a, c);
    if (got < 0)
        return GW_ERR(LIMIT);
    if (got == 0) {
        a->sql.len = before;
        return 0;
    }
    a->parts++;
    return add(a, "))");
}

static int make_sql(struct ask *a, const struct log_filter *f)
{
    char verdicts[] = "reject,drop,hold";
    const struct log_cond refused = { .kind = LOG_IS, .name = "verdict", .value = verdicts };
    int err = buf_printf(&a->sql, "SELECT segment, offset, length FROM block WHERE to_us >= %lld AND from_us < %lld AND last >= %lld AND first <= %lld",
        (long long)f->from_us, f->to_us > INT64_MAX ? LLONG_MAX : (long long)f->to_us, (long long)f->first, f->last > INT64_MAX ? LLONG_MAX : (long long)f->last);

    for (size_t i = 0; i < f->n && !err; i++)
        err = add_condition(a, &f->v[i]);
    if (!err && f->refused)
        err = add_condition(a, &refused);
    if (f->from_us > 0 || f->to_us < UINT64_MAX || f->first > 0)
        a->parts++;
    return err ? err : buf_put(&a->sql, " ORDER BY id", 13); /* with the terminating NUL */
}

static int select_places(sqlite3 *db, const struct ask *a, struct log_place **ret, size_t *ret_n)
{
    struct log_place *v = NULL;
    size_t n = 0, cap = 0;
    sqlite3_stmt *s;
    int got;

    if (sqlite3_prepare_v2(db, (const char *)buf_data(&a->sql), -1, &s, NULL) != SQLITE_OK)
        return GW_ERR(IO);
    for (size_t i = 0; i < a->n_bind; i++)
        sqlite3_bind_text(s, (int)i + 1, a->bind[i], -1, SQLITE_STATIC);
    while ((got = sqlite3_step(s)) == SQLITE_ROW) {
        if (n == cap) {
            struct log_place *w = realloc(v, (cap = cap ? cap * 2 : 256) * sizeof *v);
            if (!w) {
                got = SQLITE_NOMEM;
                break;
            }
            v = w;
        }
        v[n++] = (struct log_place){ (uint64_t)sqlite3_column_int64(s, 0), (uint64_t)sqlite3_column_int64(s, 1), (uint64_t)sqlite3_column_int64(s, 2) };
    }
    sqlite3_finalize(s);
    if (got != SQLITE_DONE) {
        free(v);
        return GW_ERR(IO);
    }
    *ret = v;
    *ret_n = n;
    return 0;
}

int log_index_ask(const char *folder, const struct log_filter *f, struct log_place **ret_places, size_t *ret_n, struct log_index_end *ret_end)
{
    struct led_dir d = { .fd = -1 };
    struct ask a = { 0 };
    sqlite3 *db;
    size_t i;
    int answer = 0;

    if (f->n == 0 && !f->refused && f->from_us == 0 && f->to_us == UINT64_MAX && f->first == 0)
        return 0;
    if (!(db = log_index_open(folder, false)))
        return 0;
    buf_init(&a.sql, 65536);
    if (led_dir_open(folder, &d) == 0 && log_index_usable(db, &d, &i, &ret_end->offset, &ret_end->seq) && make_sql(&a, f) == 0 && a.parts > 0 &&
        select_places(db, &a, ret_places, ret_n) == 0) {
        ret_end->segment = i < d.n ? d.v[i].first : 0;
        answer = 1;
    } else {
        *ret_end = (struct log_index_end){ 0 };
    }
    sqlite3_close(db);
    led_dir_close(&d);
    buf_clear(&a.sql);
    for (size_t k = 0; k < a.n_bind; k++)
        free(a.bind[k]);
    return answer;
}
