/* SPDX-License-Identifier: GPL-3.0-or-later
 * Makes sealed lists: from values, one a line, and from documents. The plain text is read here and nowhere else. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <unistd.h>

#include "content.h"
#include "sealed.h"
#include "utf8.h"
#include "wire.h"

#define TEXT_MAX (256u << 20)

struct making {
    struct sealed_key key;
    struct fold *fold;
    struct mapped normal;
    struct compact compact;
    struct sealed_value *values;
    struct print { uint64_t hash; uint32_t paragraph; } *prints;
    size_t n, cap;
    uint32_t *totals;
    size_t n_totals, totals_cap;
    uint64_t lengths[4];
    struct content_made *made;
    struct conf_errors *errs;
};

/* Into letters and digits alone, as texts are before they are looked at. */
static int compacted(struct making *m, struct str text)
{
    struct view v = { .text = text };
    int err = 0;
    if (!text_is_ascii(text)) {
        err = fold_text(m->fold, &v, &m->normal, NULL);
        v = mapped_view(&m->normal);
    }
    return err ? err : compact_make(&m->compact, &v);
}

static int room(void **v, size_t n, size_t *cap, size_t size)
{
    if (n < *cap)
        return 0;
    size_t want = *cap ? *cap * 2 : 1024;
    void *p = reallocarray(*v, want, size);
    if (!p)
        return GW_ERR(NOMEM);
    *v = p;
    *cap = want;
    return 0;
}

/* ---- values ---- */

static int add_value(struct making *m, const char *file, unsigned line, struct str text)
{
    int err = compacted(m, text);
    if (err)
        return err;
    struct str s = buf_str(&m->compact.m.text);
    if (s.n < SEALED_VALUE_MIN || s.n > SEALED_VALUE_MAX || m->compact.n > 100) {
        conf_error_add(m->errs, CONF_WARNING, file, line, "left out: a value has %u to %u letters and digits, in at most 100 words", SEALED_VALUE_MIN, SEALED_VALUE_MAX);
        m->made->left_out++;
        return 0;
    }
    bool digits = false;
    for (size_t i = 0; i < s.n; i++)
        digits |= s.p[i] >= '0' && s.p[i] <= '9';
    void *p = m->values;
    if (m->n == SEALED_ENTRIES_MAX)
        return GW_ERR(LIMIT);
    err = room(&p, m->n, &m->cap, sizeof *m->values);
    m->values = p;
    if (err)
        return err;
    m->values[m->n++] = sealed_value_of(&m->key, (const unsigned char *)s.p, s.n, (unsigned)m->compact.n | (digits ? SEALED_DIGITS : 0));
    m->lengths[s.n / 64] |= UINT64_C(1) << s.n % 64;
    return 0;
}

static struct str trimmed(struct str s)
{
    while (s.n && (s.p[0] == ' ' || s.p[0] == '\t'))
        s = (struct str){ s.p + 1, s.n - 1 };
    while (s.n && (s.p[s.n - 1] == ' ' || s.p[s.n - 1] == '\t' || s.p[s.n - 1] == '\r'))
        s.n--;
    return s;
}

static int add_values(struct making *m, const char *file, struct str text)
{
    unsigned line = 0;
    int err = 0;
    while (text.n && !err) {
        const char *nl = memchr(text.p, '\n', text.n);
        struct str one = { text.p, nl ? (size_t)(nl - text.p) : text.n };
        text = (struct str){ text.p + one.n + (nl != NULL), text.n - one.n - (nl != NULL) };
        line++;
        one = trimmed(one);
        if (one.n && one.p[0] != '#')
            err = add_value(m, file, line, one);
    }
    return err;
}

/* ---- documents ---- */

/* A long paragraph counts as several, so that a part of it is found as surely as a short one. */
#define PIECE 800u
static int add_paragraph(struct making *m, struct str text)
{
    int err = compacted(m, text);
    if (err)
        return err;
    size_t n = buf_size(&m->compact.m.text);
    if (n < GRAM + WINDOW - 1) {
        m->made->left_out += n > 0;
        return 0;
    }
    uint64_t *g = calloc(n, sizeof *g);
    uint32_t *kept = calloc(n, sizeof *kept);
    void *p;
    err = g && kept ? 0 : GW_ERR(NOMEM);
    for (size_t i = 0; i <= (n - GRAM) / PIECE && !err; i++) { /* counted when doubles are gone */
        p = m->totals;
        err = room(&p, m->n_totals + i, &m->totals_cap, sizeof *m->totals);
        m->totals = p;
        if (!err)
            m->totals[m->n_totals + i] = 0;
    }
    if (!err) {
        grams(&m->key, buf_data(&m->compact.m.text), n, g);
        size_t k = winnow(g, n - GRAM + 1, kept);
        for (size_t i = 0; i < k && !err; i++) {
            p = m->prints;
            err = m->n == SEALED_ENTRIES_MAX ? GW_ERR(LIMIT) : room(&p, m->n, &m->cap, sizeof *m->prints);
            m->prints = p;
            if (!err)
                m->prints[m->n++] = (struct print){ g[kept[i]], (uint32_t)(m->n_totals + kept[i] / PIECE) };
        }
        m->n_totals += (n - GRAM) / PIECE + 1;
    }
    free(g);
    free(kept);
    return err;
}

/* A blank line ends a paragraph; a file whose paragraphs are lines has none, and is one. */
static int add_document(struct making *m, struct str text)
{
    int err = 0;
    size_t start = 0;
    for (size_t i = 0; i <= text.n && !err; i++) {
        bool end = i == text.n;
        if (!end && text.p[i] == '\n') {
            size_t k = i + 1;
            while (k < text.n && (text.p[k] == ' ' || text.p[k] == '\t' || text.p[k] == '\r'))
                k++;
            end = k == text.n || text.p[k] == '\n';
        }
        if (end && i > start)
            err = add_paragraph(m, (struct str){ text.p + start, i - start });
        if (end)
            start = i + 1;
    }
    return err;
}

/* ---- the file ---- */

static int by_value(const void *va, const void *vb)
{
    const struct sealed_value *a = va, *b = vb;
    return a->a != b->a ? (a->a < b->a ? -1 : 1) : a->b < b->b ? -1 : a->b > b->b;
}

static int by_print(const void *va, const void *vb)
{
    const struct print *a = va, *b = vb;
    return a->hash != b->hash ? (a->hash < b->hash ? -1 : 1) : a->paragraph < b->paragraph ? -1 : a->paragraph > b->paragraph;
}

/* Sorts, drops doubles. */
static void tidy(struct making *m, enum sealed_kind kind)
{
    size_t out = 0;
    if (kind == SEALED_VALUES && m->n) {
        qsort(m->values, m->n, sizeof *m->values, by_value);
        for (size_t i = 0; i < m->n; i++)
            if (!out || m->values[out - 1].a != m->values[i].a)
                m->values[out++] = m->values[i];
    } else if (m->n) {
        qsort(m->prints, m->n, sizeof *m->prints, by_print);
        for (size_t i = 0; i < m->n; i++)
            if (!out || by_print(&m->prints[out - 1], &m->prints[i]) != 0) {
                m->totals[m->prints[i].paragraph]++;
                m->prints[out++] = m->prints[i];
            }
    }
    m->n = out;
}

static int encode(struct making *m, enum sealed_kind kind, struct buf *b)
{
    struct wire_out o;
    wire_out_init(&o, b);
    wire_put_bytes(&o, SEALED_MAGIC, 8);
    wire_put_u8(&o, 1);
    wire_put_u8(&o, (uint8_t)kind);
    wire_put_u16(&o, 0);
    wire_put_u32(&o, (uint32_t)m->n);
    wire_put_u32(&o, (uint32_t)m->n_totals);
    wire_put_u64(&o, sealed_key_check(&m->key));
    for (int i = 0; i < 4; i++)
        wire_put_u64(&o, m->lengths[i]);
    for (size_t i = 0; i < m->n; i++) {
        wire_put_u64(&o, kind == SEALED_VALUES ? m->values[i].a : m->prints[i].hash);
        if (kind == SEALED_VALUES)
            wire_put_u64(&o, m->values[i].b);
        else
            wire_put_u32(&o, m->prints[i].paragraph);
    }
    for (size_t i = 0; i < m->n_totals; i++)
        wire_put_u32(&o, m->totals[i]);
    return o.err;
}

/* Beside the old file first, so that a running reload never sees half of one. */
static int write_file(const char *path, const struct buf *b, struct conf_errors *errs)
{
    char beside[4096];
    size_t n = buf_size(b), done = 0;
    if ((size_t)snprintf(beside, sizeof beside, "%s.new", path) >= sizeof beside)
        return GW_ERR(LIMIT);
    int fd = open(beside, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0640);
    while (fd >= 0 && done < n) {
        ssize_t w = write(fd, buf_data(b) + done, n - done);
        if (w <= 0)
            break;
        done += (size_t)w;
    }
    bool good = fd >= 0 && done == n && fsync(fd) == 0;
    if (fd >= 0 && close(fd))
        good = false;
    if (!good || rename(beside, path)) {
        conf_error_add(errs, CONF_ERROR, path, 0, "cannot be written: %s", strerror(errno));
        if (fd >= 0)
            unlink(beside);
        return GW_ERR(SYS);
    }
    return 0;
}

/* A key that is not there is drawn, for its owner alone. */
static int get_key(const char *path, struct sealed_key *ret, struct conf_errors *errs)
{
    unsigned char raw[32];
    struct stat st;
    if (stat(path, &st) != 0 && errno == ENOENT) {
        int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
        FILE *f = fd >= 0 ? fdopen(fd, "w") : NULL;
        if (!f || getrandom(raw, sizeof raw, 0) != sizeof raw) {
            conf_error_add(errs, CONF_ERROR, path, 0, "a new key cannot be written: %s", strerror(errno));
            if (f)
                fclose(f);
            else if (fd >= 0)
                close(fd);
            return GW_ERR(SYS);
        }
        for (size_t i = 0; i < sizeof raw; i++)
            fprintf(f, "%02x", raw[i]);
        explicit_bzero(raw, sizeof raw);
        bool whole = fputc('\n', f) != EOF;
        if (fclose(f) || !whole) {
            conf_error_add(errs, CONF_ERROR, path, 0, "a new key cannot be written: %s", strerror(errno));
            return GW_ERR(SYS);
        }
    }
    int err = sealed_key_read(path, ret);
    if (err)
        conf_error_add(errs, CONF_ERROR, path, 0, err == GW_ERR(SYNTAX) ? "is no key: 64 hexadecimal digits are wanted" : "cannot be read: %s", strerror(errno));
    return err;
}

static int read_text(const char *path, struct buf *b, struct conf_errors *errs)
{
    FILE *f = fopen(path, "re");
    bool good = f != NULL;
    buf_reset(b);
    for (size_t got = 1; good && got > 0;) {
        unsigned char *p = buf_room(b, 1u << 16);
        good = p != NULL;
        got = good ? fread(p, 1, 1u << 16, f) : 0;
        buf_added(b, got);
    }
    if (good)
        good = !ferror(f);
    if (f)
        fclose(f);
    if (!good || !utf8_valid(buf_str(b))) {
        conf_error_add(errs, CONF_ERROR, path, 0, good ? "is not UTF-8 text; documents of other kinds have to be turned into text first" : "cannot be read as a whole: %s",
            strerror(errno));
        return GW_ERR(CONF);
    }
    return 0;
}

static int make(enum sealed_kind kind, const char *key, const char *out, const char *const *files, size_t n, struct content_made *ret, struct conf_errors *errs)
{
    struct making m = { .made = ret, .errs = errs };
    struct buf text, file;
    *ret = (struct content_made){ 0 };
    mapped_init(&m.normal);
    compact_init(&m.compact);
    buf_init(&text, TEXT_MAX);
    buf_init(&file, SEALED_HEAD + (size_t)SEALED_ENTRIES_MAX * 20);
    m.fold = fold_new();
    int err = m.fold ? get_key(key, &m.key, errs) : GW_ERR(NOMEM);
    for (size_t i = 0; i < n && !err; i++) {
        err = read_text(files[i], &text, errs);
        if (!err)
            err = kind == SEALED_VALUES ? add_values(&m, files[i], buf_str(&text)) : add_document(&m, buf_str(&text));
    }
    if (!err) {
        tidy(&m, kind);
        err = encode(&m, kind, &file);
    }
    if (!err)
        err = write_file(out, &file, errs);
    ret->entries = m.n;
    ret->paragraphs = m.n_totals;
    if (text.p)
        explicit_bzero(text.p, text.cap);
    buf_clear(&text);
    buf_clear(&file);
    mapped_clear(&m.normal);
    compact_clear(&m.compact);
    fold_free(m.fold);
    free(m.values);
    free(m.prints);
    free(m.totals);
    explicit_bzero(&m.key, sizeof m.key);
    return err;
}

int content_make_values(const char *key, const char *out, const char *const *files, size_t n, struct content_made *ret, struct conf_errors *errs)
{
    return make(SEALED_VALUES, key, out, files, n, ret, errs);
}

int content_make_fingerprints(const char *key, const char *out, const char *const *files, size_t n, struct content_made *ret, struct conf_errors *errs)
{
    return make(SEALED_PRINTS, key, out, files, n, ret, errs);
}
