/* SPDX-License-Identifier: GPL-3.0-or-later
 * Finding out where the journal stands: cut a torn tail, hold the tree against the newest checkpoint, learn where each
 * sender stands. Whatever a crash cannot explain ends the program: a person must look. */
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "journal.h"
#include "log.h"

struct recovery {
    struct journal *j;
    struct led_dir dir;
    struct led_note note; /* the newest checkpoint; size 0: none */
    struct led_hash root; /* its root */
    uint64_t table_seq;   /* the table of senders holds up to here */
    uint64_t open;        /* what was released before this record is settled */
    uint64_t tree_from;   /* the tree holds up to here before the reading */
    uint64_t seq;         /* last record read */
    uint64_t time_us;     /* its time */
    struct { uint64_t bytes; char name[24], sha256[65]; } torn;
};

#define OVER_MORE "the journal holds %llu records, but a checkpoint was signed over %llu"

__attribute__((format(printf, 1, 2))) static int damaged(const char *fmt, ...)
{
    char text[300];
    va_list ap;

    va_start(ap, fmt);
    vsnprintf(text, sizeof text, fmt, ap);
    va_end(ap);
    log_error("%s; this is no torn end of a crash, so nothing is signed on top of it. `lockgate verify` says more. To go on, move "
              "the journal's folder aside and keep it",
        text);
    return GW_ERR(MISMATCH);
}

/* ---- one line ---- */
static int replay_line(struct recovery *r, const struct led_head *h, struct str line)
{
    struct journal *j = r->j;
    struct sender *s = senders_get(&j->senders, h->program, h->epoch, h->seq > r->table_seq);
    struct told told;

    if (!s && h->seq > r->table_seq)
        return GW_ERR(NOMEM);
    if (s && h->seq > r->table_seq) {
        s->last = h->number;
        s->used = h->seq;
    }
    if (s && h->has_release && sender_remember(s, h->number, h->target, h->mac) < 0)
        return GW_ERR(NOMEM);
    settle_read(line, h, &told);
    settle_line(j, h, &told);
    if (h->seq > r->tree_from) {
        notary_add(&j->notary, line);
        if (h->seq == r->note.size) {
            struct led_hash root;
            led_tree_root(&j->notary.tree, &root);
            if (!led_hash_eq(&root, &r->root))
                return damaged("records 1 to %llu are not those of the newest checkpoint", (unsigned long long)h->seq);
        }
    }
    r->seq = h->seq;
    return 0;
}

/* Reads lines from `at` of a segment's text on; *ret_end: behind the last good one. */
static int replay_text(struct recovery *r, struct str text, size_t at, uint64_t from, size_t *ret_end)
{
    struct led_head h;
    int err = 0;

    while (at < text.n) {
        const char *nl = memchr(text.p + at, '\n', text.n - at);
        struct str line = { text.p + at, nl ? (size_t)(nl - text.p) - at : 0 };
        if (!nl || led_head_read(line, &h) < 0 || h.seq != r->seq + 1 || line.p[line.n - 1] != '}')
            break;
        r->time_us = h.time_us;
        if (h.seq >= from)
            err = replay_line(r, &h, line);
        else
            r->seq = h.seq;
        if (err)
            break;
        at += line.n + 1;
    }
    *ret_end = at;
    return err;
}

/* ---- the end of the newest segment ---- */
/* What is cut off is kept in a file beside the segments: a crash leaves half lines there, but nobody needs to believe that. */
static int keep_torn(struct recovery *r, const struct led_segment *seg, struct str tail)
{
    int fd, err;

    snprintf(r->torn.name, sizeof r->torn.name, "torn-%010llu", (unsigned long long)r->seq + 1);
    r->torn.bytes = tail.n;
    led_sha256_text(tail, r->torn.sha256);
    log_warn("cutting %zu bytes behind record %llu from %s (kept as %s)", tail.n, (unsigned long long)r->seq, seg->name, r->torn.name);
    fd = openat(r->dir.fd, r->torn.name, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0640);
    if (fd < 0)
        return GW_ERR(SYS);
    err = store_pwrite(fd, tail.p, tail.n, 0);
    if (!err && fsync(fd) < 0)
        err = GW_ERR(SYS);
    close(fd);
    return err;
}

static int cut_tail(struct recovery *r, const struct led_segment *seg, struct str text, size_t end)
{
    struct store *s = &r->j->store;
    int err;

    if (r->seq < r->note.size)
        return damaged(OVER_MORE, (unsigned long long)r->seq, (unsigned long long)r->note.size);
    if (text.n - end > BATCH_BYTES + LED_LINE_MAX)
        return damaged("what follows record %llu cannot be read, and with %llu bytes it is longer than a batch", (unsigned long long)r->seq, (unsigned long long)text.n - end);
    err = keep_torn(r, seg, (struct str){ text.p + end, text.n - end });
    if (err < 0 && err != GW_ERR(AGAIN)) /* a full disk must not keep the journal from starting */
        return err;
    if (ftruncate(s->fd, (off_t)end) < 0 || fsync(s->fd) < 0) {
        log_error("cannot cut %s: %m", seg->name);
        return GW_ERR(IO);
    }
    s->durable = (off_t)end;
    return 0;
}

/* ---- segments ---- */
static int replay_segment(struct recovery *r, size_t i, uint64_t from)
{
    const struct led_segment *seg = &r->dir.v[i];
    bool newest = i + 1 == r->dir.n;
    struct led_file f;
    size_t end;
    int err, fd;

    if (seg->first != r->seq + 1)
        return damaged("a segment begins with record %llu where record %llu is due", (unsigned long long)seg->first, (unsigned long long)r->seq + 1);
    fd = openat(r->dir.fd, seg->name, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
    if (fd < 0)
        return GW_ERR(SYS);
    /* a journal that was killed left pages that are not durable yet; and pages whose write failed must come from the disk */
    err = newest && fdatasync(fd) < 0 ? GW_ERR(IO) : 0;
    if (newest)
        (void)posix_fadvise(fd, 0, 0, POSIX_FADV_DONTNEED);
    close(fd);
    if (err || (err = led_file_open(r->dir.fd, seg->name, (size_t)1 << 40, &f)) < 0) {
        log_error("cannot read %s: %m", seg->name);
        return err;
    }
    err = replay_text(r, led_file_str(&f), 0, from, &end);
    if (!err && newest && (err = store_open(&r->j->store, seg->first, (off_t)end, false)) == 0 && end < f.n)
        err = cut_tail(r, seg, led_file_str(&f), end);
    else if (!err && end < f.n)
        err = damaged("what follows record %llu cannot be read, and later segments are there (%llu in all)", (unsigned long long)r->seq, (unsigned long long)r->dir.n);
    led_file_close(&f);
    return err;
}

static int replay_all(struct recovery *r, uint64_t from)
{
    size_t i = r->dir.n;
    int err = 0;

    while (i > 0 && r->dir.v[i - 1].first > from)
        i--;
    if (i > 0)
        i--; /* the segment that holds record `from` */
    r->seq = r->dir.v[i].first - 1;
    if (i == 0 && r->seq != 0 && r->tree_from < r->seq)
        return damaged("the oldest segment begins with record %llu", (unsigned long long)r->seq + 1);
    for (; i < r->dir.n && !err; i++)
        err = replay_segment(r, i, from);
    if (!err && r->seq < r->note.size)
        err = damaged(OVER_MORE, (unsigned long long)r->seq, (unsigned long long)r->note.size);
    return err;
}

/* ---- where to begin ---- */
static void load_tree(struct recovery *r)
{
    struct notary *n = &r->j->notary;

    r->tree_from = r->note.size;
    if (notary_load_tree(n, r->note.size, &r->root) == 0)
        return;
    if (r->note.size > 0)
        log_warn("the file of tree hashes does not fit; making it again from all lines");
    r->tree_from = 0;
    if (notary_reset_tree(n) < 0)
        log_warn("cannot cut the file of tree hashes: %m");
}

static void load_senders(struct recovery *r)
{
    int err = senders_load(&r->j->senders, r->dir.fd, &r->table_seq, &r->open);

    if (err < 0) {
        r->table_seq = r->open = 0;
        if (err != GW_ERR(NOENT))
            log_warn("the table of senders cannot be used (%s); reading all lines", gw_strerror(err));
    }
    if (r->table_seq > r->note.size) { /* it is written behind its checkpoint: else it is not of this journal */
        senders_clear(&r->j->senders);
        r->table_seq = r->open = 0;
    }
}

static int begin_new(struct recovery *r)
{
    if (r->note.size > 0)
        return damaged(OVER_MORE, 0ull, (unsigned long long)r->note.size);
    senders_clear(&r->j->senders);
    return store_open(&r->j->store, 1, 0, true);
}

/* Which of a guard's lines released something is not known of all: none of them may again. */
static void take_for_released(struct journal *j)
{
    for (size_t i = 0; i < j->senders.n; i++) {
        const struct sender *s = j->senders.v[i];
        if (strncmp(s->program, "guard", 5) == 0 && s->epoch >= j->released[GW_HIGH].guard)
            j->released[GW_HIGH] = j->released[GW_LOW] = (struct msg_released){ .guard = s->epoch, .number = s->last };
    }
}

static void say(struct recovery *r)
{
    struct journal *j = r->j;

    if (r->torn.bytes)
        batch_event(j, "torn-tail", r->torn.name, r->torn.bytes,
            "%llu bytes behind record %llu, left by a crash before they were durable, were cut and kept as %s, SHA-256 %s",
            (unsigned long long)r->torn.bytes, (unsigned long long)r->seq, r->torn.name, r->torn.sha256);
    if (wall_us() + 1000000 < r->time_us) {
        uint64_t seconds = (r->time_us - wall_us()) / 1000000;
        batch_event(j, "clock-moved", NULL, seconds, "the clock stands %llu seconds before the newest record", (unsigned long long)seconds);
    }
    if (j->open_lost)
        batch_event(j, "open-full", NULL, j->open_lost, "of %llu released records nobody told what became of them, and there is no room to record it of each",
            (unsigned long long)j->open_lost);
    batch_event(j, "started", NULL, r->seq, "the journal goes on behind record %llu, newest checkpoint over %llu",
        (unsigned long long)r->seq, (unsigned long long)r->note.size);
    if (j->notary.tree.size > r->seq)
        log_fatal("the tree holds more than the journal");
}

int recover(struct journal *j)
{
    struct recovery r = { .j = j, .dir = { .fd = -1 } };
    uint64_t from;
    int err = notary_last(&j->notary, &r.note, &r.root);

    if (err < 0)
        return err;
    if (err == 0)
        led_tree_root(&(struct led_tree){ 0 }, &r.root);
    r.dir.fd = dup(j->store.dir_fd);
    if (r.dir.fd < 0 || (err = led_dir_list(&r.dir)) < 0) {
        log_error("cannot list the journal's folder: %m");
        goto out;
    }
    load_tree(&r);
    load_senders(&r);
    if (r.dir.n == 0) {
        err = begin_new(&r);
    } else {
        from = r.table_seq < r.tree_from ? r.table_seq : r.tree_from;
        from = from > RECALL ? from - RECALL + 1 : 1;
        from = r.open < from ? r.open : from;
        err = replay_all(&r, from);
    }
    if (err)
        goto out;
    j->store.seq = r.seq;
    evidence_recover(&j->evidence, r.seq);
    j->self = senders_get(&j->senders, STR("journal"), j->epoch, true);
    if (!j->self)
        err = GW_ERR(NOMEM);
    else {
        take_for_released(j);
        say(&r);
    }
out:
    led_dir_close(&r.dir);
    return err;
}
