/* SPDX-License-Identifier: GPL-3.0-or-later
 * Going through the segments: only those that can hold what is asked, through the index where there is one, and on as the
 * journal grows. */
#include <fcntl.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#include "log_search.h"

#define FOLLOW_MS 200

/* The last n that fit, kept as copies until the end is reached. */
struct kept { struct str *v; size_t n, at, cap; };

struct run {
    struct log_search *s;
    struct log_rec rec;
    struct kept kept;
    bool enough, keeping;
    int64_t start, next;
    uint64_t bytes_all, bytes;
};

static int64_t now_ms(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

static void progress(struct run *r)
{
    int64_t now = now_ms();

    if (!r->s->progress || now < r->next)
        return;
    if (r->next)
        fprintf(stderr, "\r%3u %%  %llu found ", r->bytes_all ? (unsigned)(r->bytes * 100 / r->bytes_all) : 0, (unsigned long long)r->s->fit);
    r->next = now + (r->next ? 200 : 2000);
}

static void give(struct run *r)
{
    struct log_search *s = r->s;

    if (!r->keeping) {
        r->enough = s->sink.take(s->sink.arg, &r->rec) != 0;
        return;
    }
    char *copy = malloc(r->rec.line.n + 1);
    if (!copy)
        return;
    memcpy(copy, r->rec.line.p, r->rec.line.n);
    free((void *)(uintptr_t)r->kept.v[r->kept.at].p);
    r->kept.v[r->kept.at] = (struct str){ copy, r->rec.line.n };
    r->kept.at = (r->kept.at + 1) % r->kept.cap;
    if (r->kept.n < r->kept.cap)
        r->kept.n++;
}

static void take(struct run *r, struct str line)
{
    struct log_search *s = r->s;

    s->read++;
    if (s->filter.literal[0] && !memmem(line.p, line.n, s->filter.literal, strlen(s->filter.literal)))
        return;
    if (log_rec_read(&r->rec, line) < 0) {
        fprintf(stderr, "lockgate log: a line cannot be read; see `lockgate verify`\n");
        return;
    }
    if (!log_filter_fits(&s->filter, &r->rec))
        return;
    s->fit++;
    give(r);
}

static void give_kept(struct run *r)
{
    for (size_t i = 0; i < r->kept.n && !r->enough; i++) {
        struct str line = r->kept.v[(r->kept.at + r->kept.cap - r->kept.n + i) % r->kept.cap];
        if (log_rec_read(&r->rec, line) == 0)
            r->enough = r->s->sink.take(r->s->sink.arg, &r->rec) != 0;
    }
    for (size_t i = 0; i < r->kept.cap; i++)
        free((void *)(uintptr_t)r->kept.v[i].p);
    free(r->kept.v);
    r->kept = (struct kept){ 0 };
    r->keeping = false;
}

/* ---- which segments ---- */
/* The time of a segment's first record, or 0. */
static uint64_t begins(const struct log_search *s, size_t i)
{
    char head[64];
    uint64_t us = 0;
    int fd = openat(s->dir.fd, s->dir.v[i].name, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
    ssize_t n = fd < 0 ? 0 : pread(fd, head, sizeof head, 0);

    if (fd >= 0)
        close(fd);
    if (n < 41 || led_time_parse((struct str){ head + 14, 27 }, &us) < 0)
        return 0;
    return us;
}

/* Times grow from segment to segment, give or take a moved clock: an hour of it is allowed for. */
static bool may_hold(const struct log_search *s, size_t i)
{
    const struct log_filter *f = &s->filter;
    const uint64_t slack = 3600000000u;
    uint64_t from, to;

    if (s->dir.v[i].first > f->last || (i + 1 < s->dir.n && s->dir.v[i + 1].first <= f->first))
        return false;
    if (f->from_us == 0 && f->to_us == UINT64_MAX)
        return true;
    from = begins(s, i);
    to = i + 1 < s->dir.n ? begins(s, i + 1) : UINT64_MAX;
    return !(from && from > slack && from - slack >= f->to_us) && !(to && to != UINT64_MAX && to + slack < f->from_us);
}

/* ---- by the index ---- */
static void read_place(struct run *r, const struct log_place *p, int fd)
{
    char *text = p->length <= 1u << 30 ? malloc(p->length) : NULL;
    size_t n = 0, at = 0;
    ssize_t got = 1;

    while (text && n < p->length && (got = pread(fd, text + n, p->length - n, (off_t)(p->offset + n))) > 0)
        n += (size_t)got;
    while (at < n && !r->enough) {
        const char *nl = memchr(text + at, '\n', n - at);
        if (!nl)
            break;
        take(r, (struct str){ text + at, (size_t)(nl - text) - at });
        at = (size_t)(nl - text) + 1;
    }
    free(text);
}

/* Gives what the index knows of; *ret_end: where reading goes on. */
static void by_index(struct run *r, struct log_index_end *ret_end)
{
    struct log_search *s = r->s;
    struct log_place *v = NULL;
    uint64_t segment = 0;
    size_t n = 0;
    int fd = -1;

    if (s->no_index || log_index_ask(s->folder, &s->filter, &v, &n, ret_end) <= 0)
        return;
    for (size_t i = 0; i < n && !r->enough; i++) {
        if (v[i].segment != segment || fd < 0) {
            char name[32];
            if (fd >= 0)
                close(fd);
            snprintf(name, sizeof name, "%010llu.jsonl", (unsigned long long)v[i].segment);
            fd = openat(s->dir.fd, name, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
            segment = v[i].segment;
        }
        if (fd >= 0)
            read_place(r, &v[i], fd);
    }
    if (fd >= 0)
        close(fd);
    free(v);
}

/* ---- the whole ---- */
static int read_lines(struct run *r, struct led_lines *l, uint64_t *ret_last)
{
    struct str line;
    uint64_t before = l->at;
    unsigned tick = 0;
    int got;

    while (!r->enough && (got = led_lines_next(l, &line)) != 0) {
        if (got == GW_ERR(SYS))
            return got;
        if (got == 1) {
            take(r, line);
            ++*ret_last;
        }
        r->bytes += l->at - before;
        before = l->at;
        if (++tick % 4096 == 0)
            progress(r);
    }
    return 0;
}

/* Waits at the end of the newest segment; goes over to the next when there is one. */
static int follow(struct run *r, struct led_lines *l, uint64_t *last)
{
    struct log_search *s = r->s;
    int err = 0;

    while (!r->enough && !err) {
        uint64_t newest = s->dir.n ? s->dir.v[s->dir.n - 1].first : 0;
        fflush(stdout);
        nanosleep(&(struct timespec){ .tv_nsec = FOLLOW_MS * 1000000 }, NULL);
        err = l->fd >= 0 ? read_lines(r, l, last) : 0;
        if (!err && (err = led_dir_list(&s->dir)) == 0 && s->dir.n && s->dir.v[s->dir.n - 1].first != newest) {
            if (l->fd >= 0 && (err = read_lines(r, l, last)) == 0) /* what came between */
                led_lines_close(l);
            for (size_t i = 0; i < s->dir.n && !err; i++)
                if (s->dir.v[i].first > newest) {
                    led_lines_close(l);
                    if ((err = led_lines_open(l, s->dir.fd, s->dir.v[i].name)) == 0)
                        err = read_lines(r, l, last);
                }
        }
        if (ferror(stdout))
            r->enough = true;
    }
    return err;
}

static int search(struct run *r)
{
    struct log_search *s = r->s;
    struct led_lines l = { .fd = -1 };
    struct log_index_end end = { 0 };
    uint64_t last = 0;
    int err = 0;

    by_index(r, &end);
    if (end.seq >= s->filter.first)
        s->filter.first = end.seq + 1;

    for (size_t i = 0; i < s->dir.n; i++)
        if (may_hold(s, i))
            r->bytes_all += (uint64_t)s->dir.v[i].size;
    for (size_t i = 0; i < s->dir.n && !err && !r->enough; i++) {
        bool newest = i + 1 == s->dir.n;
        if (!newest && (s->dir.v[i + 1].first <= s->filter.first || !may_hold(s, i)))
            continue;
        if (newest && !may_hold(s, i) && !s->follow)
            continue;
        if ((err = led_lines_open(&l, s->dir.fd, s->dir.v[i].name)) < 0)
            break;
        if (s->dir.v[i].first == end.segment && lseek(l.fd, (off_t)end.offset, SEEK_SET) >= 0)
            l.at = end.offset;
        err = read_lines(r, &l, &last);
        if (!newest || !s->follow)
            led_lines_close(&l);
    }
    if (r->next && r->s->progress && now_ms() - r->start > 2000)
        fprintf(stderr, "\r%40s\r", "");
    if (r->keeping)
        give_kept(r);
    if (!err && s->follow)
        err = follow(r, &l, &last);
    led_lines_close(&l);
    return err;
}

int log_search(struct log_search *s)
{
    static struct run r;
    int err;

    r = (struct run){ .s = s, .start = now_ms() };
    if (s->last) {
        r.kept.cap = s->last;
        r.kept.v = calloc(s->last, sizeof *r.kept.v);
        r.keeping = r.kept.v != NULL;
        if (!r.keeping)
            return GW_ERR(NOMEM);
    }
    if (s->sink.begin)
        s->sink.begin(s->sink.arg);
    err = search(&r);
    if (s->sink.end)
        s->sink.end(s->sink.arg);
    return err;
}
