/* SPDX-License-Identifier: GPL-3.0-or-later
 * Pieces of segments in a ring: each is read under a lock, in order; taken apart by the thread that read it, side by side with others;
 * taken from the ring in order. What is held in memory is bounded, whatever stands in the files. */
#include "verify_read.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdlib.h>
#include <unistd.h>

#define PIECE (256u << 10)  /* bytes read at once, few enough for a processor's own cache; a line that their end cuts goes into the next piece */
#define LINES 2048          /* taken apart before they are handed over: a piece of very short lines comes in several */
#define WORKERS_MAX 16
#define SLOTS_MAX (2 * WORKERS_MAX)

enum state { FREE, BUSY, READY };
struct slot {
    enum state state;       /* under feed.lock */
    char *p;                /* LED_LINE_MAX + PIECE bytes */
    struct feed_line *lines;
    size_t n, at;           /* bytes of whole lines in p; of these: taken apart */
    bool overlong;          /* its first line began in a piece of before, and is longer than a line may be */
    int err, sys;
    struct feed_piece piece;
};
struct feed {
    const struct led_dir *dir;
    /* reading: under this lock, so one thread at a time */
    pthread_mutex_t reading;
    size_t segment;         /* the one that is read */
    int fd;                 /* -1: not open yet */
    bool first;             /* nothing of it was handed over */
    char *carry;            /* LED_LINE_MAX bytes: the line that the last piece cut */
    size_t n_carry;
    bool overlong;          /* the beginning of that line was passed over */
    /* the ring: under this one */
    pthread_mutex_t lock;
    pthread_cond_t changed;
    struct slot slot[SLOTS_MAX];
    uint64_t begun, taken;  /* pieces; the slot of a piece is its number modulo n_slots */
    size_t n_slots;
    bool all, stop;         /* no further one begins; nobody wants one */
    bool lent;              /* piece taken - 1 is with the caller, who alone looks here */
    pthread_t worker[WORKERS_MAX];
    unsigned workers;       /* 0: there was no thread to be had, the caller does it all */
};

/* ---- reading ---- */
static ssize_t read_full(int fd, char *p, size_t n)
{
    size_t have = 0;

    while (have < n) {
        ssize_t r = read(fd, p + have, n - have);
        if (r < 0 && errno == EINTR)
            continue;
        if (r < 0)
            return r;
        if (r == 0)
            break;
        have += (size_t)r;
    }
    return (ssize_t)have;
}

static int open_segment(struct feed *f)
{
    f->fd = openat(f->dir->fd, f->dir->v[f->segment].name, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
    if (f->fd < 0)
        return GW_ERR(SYS);
    (void)posix_fadvise(f->fd, 0, 0, POSIX_FADV_SEQUENTIAL);
    f->first = true;
    return 0;
}

static void close_segment(struct feed *f)
{
    close(f->fd);
    f->fd = -1;
    f->n_carry = 0;
    f->overlong = false;
    f->segment++;
}

/* What stands behind the last newline waits for the next piece; of a line that is too long only its end is kept. */
static void carry(struct feed *f, struct slot *s, size_t all)
{
    const char *end = memrchr(s->p, '\n', all);

    s->n = end ? (size_t)(end - s->p) + 1 : 0;
    s->overlong = f->overlong;
    if (end)
        f->overlong = false;
    f->n_carry = all - s->n;
    if (f->n_carry > LED_LINE_MAX) {
        f->overlong = true;
        f->n_carry = 0;
    }
    memcpy(f->carry, s->p + s->n, f->n_carry);
}

static int fill(struct feed *f, struct slot *s)
{
    ssize_t got;

    s->n = s->at = 0;
    s->piece = (struct feed_piece){ .segment = f->segment };
    if (!s->p && !(s->p = malloc(LED_LINE_MAX + PIECE)))
        return GW_ERR(NOMEM);
    if (!s->lines && !(s->lines = malloc(LINES * sizeof *s->lines)))
        return GW_ERR(NOMEM);
    if (f->fd < 0 && open_segment(f) < 0)
        return GW_ERR(SYS);
    s->piece.first = f->first;
    f->first = false;
    memcpy(s->p, f->carry, f->n_carry);
    got = read_full(f->fd, s->p + f->n_carry, PIECE);
    if (got < 0)
        return GW_ERR(SYS);
    carry(f, s, f->n_carry + (size_t)got);
    s->piece.bytes = (size_t)got;
    if ((size_t)got < PIECE) {
        s->piece.last = true;
        s->piece.rest = f->n_carry;
        close_segment(f);
    }
    return 0;
}

/* ---- taking apart ---- */
static void take_apart(struct slot *s)
{
    struct feed_piece *p = &s->piece;

    p->lines = s->lines;
    p->n = 0;
    while (s->at < s->n && p->n < LINES) {
        struct feed_line *l = &s->lines[p->n++];
        const char *start = s->p + s->at, *nl = memchr(start, '\n', s->n - s->at);
        l->text = (struct str){ start, (size_t)(nl - start) };
        l->readable = l->text.n <= LED_LINE_MAX && !s->overlong && led_line_scan(l->text, &l->scan) == 0;
        led_leaf(l->text, &l->leaf);
        s->at += l->text.n + 1;
        s->overlong = false;
    }
}

static void set_state(struct feed *f, struct slot *s, enum state state)
{
    pthread_mutex_lock(&f->lock);
    s->state = state;
    pthread_cond_broadcast(&f->changed);
    pthread_mutex_unlock(&f->lock);
}

/* The slot of the next piece, once it is free; NULL: there is none, or nobody wants it. Called with f->reading held. */
static struct slot *begin(struct feed *f)
{
    struct slot *s = NULL;

    pthread_mutex_lock(&f->lock);
    f->all |= f->segment == f->dir->n;
    while (!f->stop && !f->all && f->slot[f->begun % f->n_slots].state != FREE)
        pthread_cond_wait(&f->changed, &f->lock);
    if (!f->stop && !f->all) {
        s = &f->slot[f->begun++ % f->n_slots];
        s->state = BUSY;
    }
    pthread_cond_broadcast(&f->changed);
    pthread_mutex_unlock(&f->lock);
    return s;
}

static void fail(struct feed *f)
{
    pthread_mutex_lock(&f->lock);
    f->all = true;
    pthread_mutex_unlock(&f->lock);
}

/* One piece. False: there is none any more. */
static bool work(struct feed *f)
{
    struct slot *s;

    pthread_mutex_lock(&f->reading);
    s = begin(f);
    if (s) {
        s->err = fill(f, s);
        s->sys = errno;
        if (s->err)
            fail(f);
    }
    pthread_mutex_unlock(&f->reading);
    if (!s)
        return false;
    if (!s->err)
        take_apart(s);
    set_state(f, s, READY);
    return true;
}

static void *worker(void *arg)
{
    while (work(arg))
        ;
    return NULL;
}

/* ---- outside ---- */
int feed_new(const struct led_dir *d, size_t from, struct feed **ret)
{
    long processors = sysconf(_SC_NPROCESSORS_ONLN), want = processors < 1 ? 1 : processors > WORKERS_MAX ? WORKERS_MAX : processors;
    struct feed *f = calloc(1, sizeof *f);

    if (!f || !(f->carry = malloc(LED_LINE_MAX))) {
        free(f);
        return GW_ERR(NOMEM);
    }
    f->dir = d;
    f->segment = from;
    f->fd = -1;
    f->n_slots = 2 * (size_t)want;
    pthread_mutex_init(&f->reading, NULL);
    pthread_mutex_init(&f->lock, NULL);
    pthread_cond_init(&f->changed, NULL);
    while ((long)f->workers < want && pthread_create(&f->worker[f->workers], NULL, worker, f) == 0)
        f->workers++;
    *ret = f;
    return 0;
}

/* The rest of a piece whose lines did not all fit, or an end of it. */
static bool go_on(struct feed *f)
{
    struct slot *s = &f->slot[(f->taken - 1) % f->n_slots];

    if (!f->lent)
        return false;
    if (s->at == s->n) {
        f->lent = false;
        set_state(f, s, FREE);
        return false;
    }
    take_apart(s);
    s->piece.first = false;
    s->piece.bytes = 0;
    return true;
}

/* The next one in order, when it is ready; NULL: there is none. */
static struct slot *await(struct feed *f)
{
    struct slot *s = &f->slot[f->taken % f->n_slots];

    if (f->workers == 0 && !work(f))
        return NULL;
    pthread_mutex_lock(&f->lock);
    while (!(f->taken < f->begun ? s->state == READY : f->all))
        pthread_cond_wait(&f->changed, &f->lock);
    if (f->taken == f->begun)
        s = NULL;
    pthread_mutex_unlock(&f->lock);
    return s;
}

int feed_next(struct feed *f, struct feed_piece *ret)
{
    struct slot *s;

    if (go_on(f)) {
        s = &f->slot[(f->taken - 1) % f->n_slots];
    } else {
        s = await(f);
        if (!s)
            return 0;
        f->taken++;
        f->lent = true;
    }
    *ret = s->piece;
    ret->last = s->piece.last && s->at == s->n;
    errno = s->sys;
    return s->err ? s->err : 1;
}

void feed_free(struct feed *f)
{
    if (!f)
        return;
    pthread_mutex_lock(&f->lock);
    f->stop = true;
    pthread_cond_broadcast(&f->changed);
    pthread_mutex_unlock(&f->lock);
    for (unsigned i = 0; i < f->workers; i++)
        pthread_join(f->worker[i], NULL);
    for (size_t i = 0; i < SLOTS_MAX; i++) {
        free(f->slot[i].p);
        free(f->slot[i].lines);
    }
    if (f->fd >= 0)
        close(f->fd);
    free(f->carry);
    pthread_mutex_destroy(&f->reading);
    pthread_mutex_destroy(&f->lock);
    pthread_cond_destroy(&f->changed);
    free(f);
}
