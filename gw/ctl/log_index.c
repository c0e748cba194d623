/* SPDX-License-Identifier: GPL-3.0-or-later
 * The search index: building it. For each block of 256 records SQLite holds which values occur there, so it stays a hundredth
 * of the journal, and a search reads only the blocks that can fit. */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "log_index.h"
#include "siphash.h"

#define BLOCK 256
#define WORTH (128u << 20) /* bytes of journal from which on an index is made by itself */
#define FORMAT 1

/* Members whose values are indexed; others are unique in each record, or say too little. */
const char *const log_index_names[] = { "event_type", "program", "verdict", "reason", "severity", "direction", "side", "kind", "type", "from", "to", "from_domain",
    "to_domain", "peer", "src_ip", "dest_ip", "rule", "matched", "rule_name", "sentence", "flow_id", "stream_id", "action", "subject", "status", "condition", "who",
    "delivery", "error", "label_in", "label_out", "changed", "payloads", NULL };

static const char schema[] =
    "CREATE TABLE IF NOT EXISTS segment(first INTEGER PRIMARY KEY, inode INTEGER, bytes INTEGER, last INTEGER, whole INTEGER, changed INTEGER);"
    "CREATE TABLE IF NOT EXISTS block(id INTEGER PRIMARY KEY, segment INTEGER, offset INTEGER, length INTEGER, first INTEGER, last INTEGER, from_us INTEGER, to_us INTEGER);"
    "CREATE TABLE IF NOT EXISTS word(id INTEGER PRIMARY KEY, name INTEGER, text TEXT);"
    "CREATE INDEX IF NOT EXISTS word_text ON word(text);"
    "CREATE TABLE IF NOT EXISTS post(word INTEGER, block INTEGER, PRIMARY KEY(word, block)) WITHOUT ROWID;";

/* ---- the file ---- */
static bool make_folders(char *path)
{
    for (char *p = path + 1; (p = strchr(p, '/')); p++) {
        *p = 0;
        if (mkdir(path, 0700) < 0 && errno != EEXIST) {
            *p = '/';
            return false;
        }
        *p = '/';
    }
    return true;
}

/* One file for each journal folder: ~/.cache/lockgate/<hash of path and inode>.sqlite */
static bool index_path(const char *folder, char out[PATH_MAX])
{
    static const struct siphash_key key = { 0x6c6f636b, 0x67617465 };
    const char *cache = getenv("XDG_CACHE_HOME"), *home = getenv("HOME");
    char full[PATH_MAX], what[PATH_MAX + 64];
    struct stat st;
    int n;

    if (!realpath(folder, full) || stat(full, &st) < 0)
        return false;
    n = snprintf(what, sizeof what, "%s %llu %llu %d", full, (unsigned long long)st.st_dev, (unsigned long long)st.st_ino, FORMAT);
    if (cache && cache[0] == '/')
        n = snprintf(out, PATH_MAX, "%s/lockgate/%016llx.sqlite", cache, (unsigned long long)siphash(&key, what, (size_t)n));
    else if (home && home[0] == '/')
        n = snprintf(out, PATH_MAX, "%s/.cache/lockgate/%016llx.sqlite", home, (unsigned long long)siphash(&key, what, (size_t)n));
    else
        return false;
    return n > 0 && n < PATH_MAX;
}

sqlite3 *log_index_open(const char *folder, bool create)
{
    char path[PATH_MAX];
    sqlite3 *db = NULL;

    if (!index_path(folder, path) || (create && !make_folders(path)))
        return NULL;
    if (create)
        (void)umask(077); /* what it holds is as private as the journal */
    if (sqlite3_open_v2(path, &db, create ? SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE : SQLITE_OPEN_READONLY, NULL) != SQLITE_OK ||
        (create && sqlite3_exec(db, "PRAGMA synchronous=OFF; PRAGMA journal_mode=TRUNCATE; PRAGMA cache_size=-65536;", NULL, NULL, NULL) != SQLITE_OK) ||
        (create && sqlite3_exec(db, schema, NULL, NULL, NULL) != SQLITE_OK)) {
        sqlite3_close(db);
        if (create)
            (void)unlink(path); /* not usable: the next build starts anew */
        return NULL;
    }
    return db;
}

static bool make_schema_again(sqlite3 *db)
{
    return sqlite3_exec(db, "DROP TABLE IF EXISTS segment; DROP TABLE IF EXISTS block; DROP TABLE IF EXISTS word; DROP TABLE IF EXISTS post;", NULL, NULL, NULL) == SQLITE_OK &&
        sqlite3_exec(db, schema, NULL, NULL, NULL) == SQLITE_OK;
}

/* ---- building ---- */
struct word_slot { uint64_t hash; uint32_t id, block; }; /* block: the last one in which it was seen */
struct build {
    sqlite3 *db;
    sqlite3_stmt *put_word, *put_post, *put_block, *put_segment;
    struct word_slot *slot;
    size_t slots, words;
    uint32_t next_word, block;
    struct log_rec rec;
    /* the block that is being filled */
    uint64_t segment, offset, first, last, from_us, to_us;
    unsigned n;
    bool failed;
};

static void step(struct build *b, sqlite3_stmt *s)
{
    if (sqlite3_step(s) != SQLITE_DONE)
        b->failed = true;
    sqlite3_reset(s);
}

static void grow(struct build *b)
{
    size_t slots = b->slots ? b->slots * 2 : 1 << 16;
    struct word_slot *v = calloc(slots, sizeof *v);

    if (!v) {
        b->failed = true;
        return;
    }
    for (size_t i = 0; i < b->slots; i++)
        if (b->slot[i].id) {
            size_t k = b->slot[i].hash & (slots - 1);
            while (v[k].id)
                k = (k + 1) & (slots - 1);
            v[k] = b->slot[i];
        }
    free(b->slot);
    b->slot = v;
    b->slots = slots;
}

/* The place of a value; new: id 0. Two values with one keyed 64-bit hash would share their blocks, which costs reading and no more. */
static struct word_slot *find(struct build *b, unsigned name, struct str text)
{
    uint64_t h = siphash(siphash_process_key(), text.p, text.n) * 31 + name;

    if (b->words * 2 >= b->slots)
        grow(b);
    if (b->failed)
        return NULL;
    size_t i = h & (b->slots - 1);
    while (b->slot[i].id && b->slot[i].hash != h)
        i = (i + 1) & (b->slots - 1);
    b->slot[i].hash = h;
    return &b->slot[i];
}

static void add_value(struct build *b, unsigned name, struct str text)
{
    struct word_slot *s = text.n > 1000 ? NULL : find(b, name, text);

    if (!s)
        return;
    if (s->id == 0) {
        s->id = ++b->next_word;
        b->words++;
        sqlite3_bind_int64(b->put_word, 1, s->id);
        sqlite3_bind_int(b->put_word, 2, (int)name);
        sqlite3_bind_text(b->put_word, 3, text.p, (int)text.n, SQLITE_STATIC);
        step(b, b->put_word);
    }
    if (s->block == b->block)
        return;
    s->block = b->block;
    sqlite3_bind_int64(b->put_post, 1, s->id);
    sqlite3_bind_int64(b->put_post, 2, b->block);
    step(b, b->put_post);
}

static void add_record(struct build *b, struct str line, uint64_t end)
{
    if (log_rec_read(&b->rec, line) < 0)
        return;
    if (b->n++ == 0) {
        b->first = b->rec.seq;
        b->from_us = b->to_us = b->rec.time_us;
        b->offset = end - line.n - 1;
        b->block++;
    }
    b->last = b->rec.seq;
    if (b->rec.time_us < b->from_us)
        b->from_us = b->rec.time_us;
    if (b->rec.time_us > b->to_us)
        b->to_us = b->rec.time_us;
    for (size_t i = 0; i < b->rec.n; i++)
        for (unsigned k = 0; log_index_names[k]; k++) {
            const struct led_member *m = &b->rec.m[i];
            struct str item;
            size_t at = 0;
            if (!str_eq(m->name, str_c(log_index_names[k])))
                continue;
            if (m->type != LED_LIST)
                add_value(b, k, m->raw);
            else
                while (led_list_next(m->raw, &at, &item) == 1)
                    add_value(b, k, item);
            break;
        }
}

static void end_block(struct build *b, uint64_t end)
{
    const uint64_t v[] = { b->block, b->segment, b->offset, end - b->offset, b->first, b->last, b->from_us, b->to_us };

    for (int i = 0; i < 8; i++)
        sqlite3_bind_int64(b->put_block, i + 1, (sqlite3_int64)v[i]);
    step(b, b->put_block);
    b->n = 0;
}

static void note_segment(struct build *b, const struct stat *st, uint64_t bytes, bool whole)
{
    const uint64_t v[] = { b->segment, st->st_ino, bytes, b->last, whole, (uint64_t)st->st_mtim.tv_sec };

    for (int i = 0; i < 6; i++)
        sqlite3_bind_int64(b->put_segment, i + 1, (sqlite3_int64)v[i]);
    step(b, b->put_segment);
}

/* Indexes a segment from `from` on; the newest one up to its last whole block. */
static int do_segment(struct build *b, struct led_dir *d, size_t i, uint64_t from, bool progress)
{
    bool newest = i + 1 == d->n;
    struct led_lines l;
    struct str line;
    struct stat st;
    uint64_t done = from;
    int got, err = led_lines_open(&l, d->fd, d->v[i].name);

    if (err < 0 || fstat(l.fd, &st) < 0 || lseek(l.fd, (off_t)from, SEEK_SET) < 0)
        return err < 0 ? err : GW_ERR(SYS);
    l.at = from;
    b->segment = d->v[i].first;
    b->n = 0;
    if (from == 0)
        b->last = b->segment - 1;
    while ((got = led_lines_next(&l, &line)) == 1 && !b->failed) {
        add_record(b, line, l.at);
        if (b->n == BLOCK) {
            end_block(b, l.at);
            done = l.at;
        }
    }
    if (b->n > 0 && !newest) {
        end_block(b, l.at);
        done = l.at;
    }
    if (b->n > 0) { /* an unfinished block is forgotten: its posts point to a block that is not there, and are put again */
        b->last = b->first - 1;
        b->block--;
        for (size_t k = 0; k < b->slots; k++)
            if (b->slot[k].block > b->block)
                b->slot[k].block = 0;
    }
    note_segment(b, &st, done, !newest);
    led_lines_close(&l);
    if (progress)
        fprintf(stderr, "\rindex: segment %zu of %zu ", i + 1, d->n);
    return b->failed || got == GW_ERR(SYS) ? GW_ERR(IO) : 0;
}

static bool prepare(struct build *b)
{
    static const char *const text[] = { "INSERT INTO word VALUES(?,?,?)", "INSERT OR IGNORE INTO post VALUES(?,?)", "INSERT OR REPLACE INTO block VALUES(?,?,?,?,?,?,?,?)",
        "INSERT OR REPLACE INTO segment VALUES(?,?,?,?,?,?)" };
    sqlite3_stmt **const to[] = { &b->put_word, &b->put_post, &b->put_block, &b->put_segment };

    for (int i = 0; i < 4; i++)
        if (sqlite3_prepare_v2(b->db, text[i], -1, to[i], NULL) != SQLITE_OK)
            return false;
    return true;
}

/* The words that are there already, so that a build goes on where another ended. */
static bool load_words(struct build *b)
{
    sqlite3_stmt *s;
    bool good = sqlite3_prepare_v2(b->db, "SELECT id, name, text FROM word", -1, &s, NULL) == SQLITE_OK;

    while (good && sqlite3_step(s) == SQLITE_ROW && !b->failed) {
        struct str text = { (const char *)sqlite3_column_text(s, 2), (size_t)sqlite3_column_bytes(s, 2) };
        struct word_slot *w = text.p ? find(b, (unsigned)sqlite3_column_int(s, 1), text) : NULL;
        if (!w)
            continue;
        b->words += w->id == 0;
        w->id = (uint32_t)sqlite3_column_int64(s, 0);
        if (w->id > b->next_word)
            b->next_word = w->id;
    }
    sqlite3_finalize(s);
    if (!good || sqlite3_prepare_v2(b->db, "SELECT max(id) FROM block", -1, &s, NULL) != SQLITE_OK)
        return false;
    if (sqlite3_step(s) == SQLITE_ROW)
        b->block = (uint32_t)sqlite3_column_int64(s, 0);
    sqlite3_finalize(s);
    return !b->failed;
}

static int build_all(struct build *b, struct led_dir *d, bool progress)
{
    size_t i = 0;
    uint64_t from = 0;
    int err = 0;

    if (!log_index_usable(b->db, d, &i, &from, &b->last)) {
        if (!make_schema_again(b->db))
            return GW_ERR(IO);
        i = 0;
        from = 0;
        b->last = 0;
    }
    if (!prepare(b) || !load_words(b))
        return GW_ERR(IO);
    for (; i < d->n && !err; i++, from = 0) {
        if (sqlite3_exec(b->db, "BEGIN IMMEDIATE", NULL, NULL, NULL) != SQLITE_OK)
            return GW_ERR(AGAIN); /* another build is at work */
        err = do_segment(b, d, i, from, progress);
        if (sqlite3_exec(b->db, err ? "ROLLBACK" : "COMMIT", NULL, NULL, NULL) != SQLITE_OK)
            err = GW_ERR(IO);
    }
    return err;
}

int log_index_build(const char *folder, bool progress)
{
    static struct build b;
    struct led_dir d;
    int err = led_dir_open(folder, &d);

    if (err < 0)
        return err;
    b = (struct build){ .db = log_index_open(folder, true) };
    err = b.db ? build_all(&b, &d, progress) : GW_ERR(IO);
    sqlite3_finalize(b.put_word);
    sqlite3_finalize(b.put_post);
    sqlite3_finalize(b.put_block);
    sqlite3_finalize(b.put_segment);
    sqlite3_close(b.db);
    free(b.slot);
    led_dir_close(&d);
    if (progress)
        fprintf(stderr, "\r%40s\r", "");
    if (err < 0 && progress)
        fprintf(stderr, "lockgate log: the index cannot be built: %s\n", gw_strerror(err));
    return err == GW_ERR(AGAIN) ? 0 : err;
}

void log_index_background(const char *folder, uint64_t bytes)
{
    int null;

    if (bytes < WORTH || fork() != 0)
        return;
    null = open("/dev/null", O_RDWR);
    if (setsid() < 0 || null < 0 || dup2(null, 0) < 0 || dup2(null, 1) < 0 || dup2(null, 2) < 0)
        _exit(1);
    (void)!nice(19);
    if (fork() != 0)
        _exit(0);
    _exit(log_index_build(folder, false) < 0);
}
