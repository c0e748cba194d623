/* SPDX-License-Identifier: GPL-3.0-or-later
 * One witness: ask for a connection, send, wait for the sign that it came. */
#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "courier.h"

#define OUT_MAX 65536

void witness_init(struct witness *w, const struct gw_witness *conf)
{
    *w = (struct witness){ .conf = conf, .fd = -1 };
    buf_init(&w->out, OUT_MAX);
}

bool witness_busy(const struct courier *c, const struct witness *w)
{
    return w->state != WITNESS_IDLE || w->carried < c->size;
}

static void idle(struct courier *c, struct witness *w, int64_t now)
{
    if (w->fd >= 0 && w->conf->kind != GW_WITNESS_FILE) {
        close(w->fd);
        w->fd = -1;
    }
    w->state = WITNESS_IDLE;
    w->ask = 0;
    w->due = now + c->conf->journal.witness_time;
    buf_reset(&w->out);
}

static void succeed(struct courier *c, struct witness *w, int64_t now)
{
    w->carried = w->carrying;
    idle(c, w, now);
    if (w->failures || !w->told)
        say_carried(c, w, now);
    w->told = true;
    w->failures = 0;
    w->failing_since = 0;
}

static void fail(struct courier *c, struct witness *w, int64_t now)
{
    idle(c, w, now);
    if (w->failures++ == 0) {
        w->failing_since = now;
        say_failed(c, w);
    }
}

static void fail_errno(struct courier *c, struct witness *w, int e, const char *what, int64_t now)
{
    snprintf(w->why, sizeof w->why, "%s: %s", what, strerror(e));
    fail(c, w, now);
}

/* ---- a try ---- */
static int make_message(const struct courier *c, struct witness *w)
{
    struct str note = buf_str(&c->note);
    struct timespec t;

    buf_reset(&w->out);
    if (w->conf->kind == GW_WITNESS_HTTP)
        return form_http(&w->out, w->conf, note);
    clock_gettime(CLOCK_REALTIME, &t);
    return form_syslog(&w->out, c->host, c->size, note, t.tv_sec, w->conf->kind == GW_WITNESS_SYSLOG);
}

static void start(struct courier *c, struct witness *w, int64_t now)
{
    w->carrying = c->size;
    w->deadline = now + COURIER_ATTEMPT_MS;
    if (w->conf->kind == GW_WITNESS_FILE) {
        if (file_append(w, buf_str(&c->note)) < 0)
            fail(c, w, now);
        else
            succeed(c, w, now);
        return;
    }
    if (make_message(c, w) < 0) {
        snprintf(w->why, sizeof w->why, "the checkpoint is too long");
        fail(c, w, now);
        return;
    }
    w->ask = ++c->ask;
    w->answer_n = 0;
    w->state = WITNESS_ASKED;
    if (ipc_put_witness(c->parent, &(struct msg_witness){ .ask = w->ask, .index = (uint8_t)(w - c->w) }) < 0)
        fail_errno(c, w, ENOBUFS, "no connection could be asked for", now);
}

int64_t witness_tick(struct courier *c, struct witness *w, int64_t now)
{
    if (w->state == WITNESS_ANSWER && w->conf->kind == GW_WITNESS_SYSLOG_UDP && now >= w->deadline)
        succeed(c, w, now); /* nothing came back */
    else if (w->state != WITNESS_IDLE && now >= w->deadline)
        fail_errno(c, w, ETIMEDOUT, "it gave no answer", now);
    if (w->state == WITNESS_IDLE && w->carried < c->size && (now >= w->due || (c->stop && !w->failures)))
        start(c, w, now);
    if (w->state != WITNESS_IDLE)
        return w->deadline;
    return w->carried < c->size ? w->due : INT64_MAX;
}

void witness_connected(struct courier *c, struct witness *w, uint32_t error, int fd, int64_t now)
{
    w->fd = fd;
    if (error || fd < 0)
        fail_errno(c, w, error ? (int)error : EBADF, "it cannot be reached", now);
    else
        w->state = WITNESS_CONNECTING;
}

short witness_events(const struct witness *w)
{
    switch (w->state) {
    case WITNESS_CONNECTING:
    case WITNESS_SENDING:
        return POLLOUT;
    case WITNESS_ANSWER:
        return POLLIN;
    case WITNESS_IDLE:
    case WITNESS_ASKED:
        break;
    }
    return 0;
}

static int socket_error(int fd)
{
    int e = 0;
    socklen_t n = sizeof e;

    return getsockopt(fd, SOL_SOCKET, SO_ERROR, &e, &n) < 0 ? errno : e;
}

static void send_some(struct courier *c, struct witness *w, int64_t now)
{
    ssize_t n = write(w->fd, buf_data(&w->out), buf_size(&w->out));

    if (n < 0 && (errno == EAGAIN || errno == EINTR))
        return;
    if (n < 0) {
        fail_errno(c, w, errno, "it cannot be written to", now);
        return;
    }
    buf_drop(&w->out, (size_t)n);
    if (buf_size(&w->out) > 0)
        return;
    w->state = WITNESS_ANSWER;
    if (w->conf->kind == GW_WITNESS_SYSLOG_UDP)
        w->deadline = now + COURIER_UDP_MS;
    else if (w->conf->kind == GW_WITNESS_SYSLOG)
        (void)shutdown(w->fd, SHUT_WR); /* syslog has no answer; that it closes in order is the sign that it read to the end */
}

/* HTTP: a status of 2xx. Syslog over TCP: the other end closes in order. UDP: no error comes back. */
static void take_answer(struct courier *c, struct witness *w, int64_t now)
{
    char other[512];
    bool http = w->conf->kind == GW_WITNESS_HTTP;
    size_t room = http ? sizeof w->answer - w->answer_n : sizeof other;
    ssize_t n = read(w->fd, http ? w->answer + w->answer_n : other, room);

    if (n < 0 && (errno == EAGAIN || errno == EINTR))
        return;
    if (n < 0) {
        fail_errno(c, w, errno, "it broke the connection", now);
        return;
    }
    if (!http) {
        if (n == 0 && w->conf->kind == GW_WITNESS_SYSLOG)
            succeed(c, w, now);
        return; /* what a syslog server says is of no account */
    }
    w->answer_n += (size_t)n;
    int status = form_http_status((struct str){ w->answer, w->answer_n });
    if (status >= 200 && status < 300) {
        succeed(c, w, now);
    } else if (status != 0 || n == 0) {
        if (status > 0)
            snprintf(w->why, sizeof w->why, "it answered with HTTP status %d", status);
        else
            snprintf(w->why, sizeof w->why, "its answer is no HTTP");
        fail(c, w, now);
    }
}

void witness_ready(struct courier *c, struct witness *w, int64_t now)
{
    int e = w->state == WITNESS_CONNECTING || w->conf->kind == GW_WITNESS_SYSLOG_UDP ? socket_error(w->fd) : 0;

    if (e) {
        fail_errno(c, w, e, "it cannot be reached", now);
        return;
    }
    if (w->state == WITNESS_CONNECTING)
        w->state = WITNESS_SENDING;
    if (w->state == WITNESS_SENDING)
        send_some(c, w, now);
    else if (w->state == WITNESS_ANSWER)
        take_answer(c, w, now);
}
