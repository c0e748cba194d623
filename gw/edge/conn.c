/* SPDX-License-Identifier: GPL-3.0-or-later
 * One connection with one XML stream on it: reading, TLS, writing. */
#include "conn.h"

#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <openssl/err.h>
#include <stdio.h>
#include <sys/socket.h>
#include <unistd.h>

#include "conn_end.h"
#include "log.h"
#include "revocation.h"
#include "tap.h"

#define READ_SIZE 16384  /* a TLS record: SSL_read of this size leaves nothing behind in the library */
#define READ_ROUNDS 16   /* then others get their turn */
#define WRITE_SIZE 16384
#define OUT_FULL 65536   /* answers that wait on a stream whose peer takes none */

static void on_poll(uv_poll_t *p, int status, int events);

int conn_init(struct conn *c, struct edge *e, int fd, enum conn_phase phase, const struct conn_ops *ops)
{
    int one = 1;
    c->edge = e;
    c->ops = ops;
    c->fd = fd;
    c->phase = phase;
    c->came = phase == CONN_SNIFF;
    c->opened_at = c->progress_at = c->stanza_at = c->written_at = edge_now(e);
    (void)setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
    if (uv_poll_init(&e->loop, &c->poll, fd) != 0) {
        close(fd);
        return GW_ERR(SYS);
    }
    c->poll.data = c;
    TAILQ_INSERT_TAIL(&e->conns, c, all);
    e->n_conns++;
    conn_poll(c);
    return 0;
}

/* A peer that takes none of what it asked for is not read on. */
static bool is_full(const struct conn *c)
{
    return c->holds_back && c->want_write && c->xs && buf_size(xs_out(c->xs)) > OUT_FULL;
}

static int wanted(const struct conn *c)
{
    switch (c->phase) {
    case CONN_CONNECTING: return UV_WRITABLE;
    case CONN_SNIFF:
    case CONN_LINGER: return UV_READABLE;
    case CONN_DRAIN: return UV_WRITABLE;
    case CONN_HANDSHAKE: return c->want_write ? UV_WRITABLE : UV_READABLE;
    case CONN_PLAIN:
    case CONN_TLS: return (c->paused || c->slowed || is_full(c) ? 0 : UV_READABLE) | (c->want_write ? UV_WRITABLE : 0);
    case CONN_DEAD: break;
    }
    return 0;
}

void conn_poll(struct conn *c)
{
    int w = wanted(c);
    if (c->phase == CONN_DEAD || w == c->polled)
        return;
    c->polled = w;
    if (w)
        (void)uv_poll_start(&c->poll, w, on_poll);
    else
        (void)uv_poll_stop(&c->poll);
}

void conn_touch(struct conn *c)
{
    if (c->is_dirty || c->phase == CONN_DEAD)
        return;
    c->is_dirty = true;
    TAILQ_INSERT_TAIL(&c->edge->dirty, c, dirty);
}

void conn_pause(struct conn *c, bool paused)
{
    if (c->paused == paused)
        return;
    c->paused = paused;
    c->stanza_at = edge_now(c->edge);
    conn_touch(c);
}

struct xs_conf conn_conf(const struct edge *e, enum xs_role role)
{
    const struct gw_limits *l = &e->conf->limits;
    return (struct xs_conf){ .role = role, .limits = e->limits, .header_bytes = (size_t)l->header, .stanza_bytes = (size_t)l->stanza,
        .token_bytes = (size_t)l->token, .name_bytes = (size_t)l->name, .text_bytes = (size_t)l->text, .children = (uint32_t)l->children };
}

uint64_t conn_offset(const struct conn *c)
{
    return c->bytes_out + (c->xs ? buf_size(xs_out(c->xs)) : 0);
}

bool conn_ok(struct conn *c, int err)
{
    if (!err)
        return true;
    conn_kill(c, GW_R_INTERNAL, gw_strerror(err));
    return false;
}

/* ---- events of the engine ---- */

static void events(struct conn *c)
{
    struct xs_event ev;
    while ((c->phase == CONN_PLAIN || c->phase == CONN_TLS) && !c->paused && !c->slowed && !is_full(c) && c->xs) {
        if (!conn_ok(c, xs_next(c->xs, &ev)))
            return;
        if (ev.type != XS_NONE)
            c->partial_at = 0;
        switch (ev.type) {
        case XS_NONE:
            return;
        case XS_STARTTLS:
            c->phase = CONN_DRAIN;
            conn_touch(c);
            return;
        case XS_PEER_ERROR:
            conn_why(c, GW_R_PEER_ERROR, ev.text, ev.condition);
            if (c->ended || conn_ok(c, xs_end(c->xs)))
                conn_finish(c);
            return;
        case XS_CLOSE:
            conn_why(c, GW_R_PEER_CLOSED, STR_NONE, STR_NONE);
            conn_finish(c);
            return;
        case XS_FAIL:
            conn_why(c, ev.reason, str_c(ev.detail), ev.condition);
            conn_finish(c);
            return;
        case XS_STANZA:
            c->stanzas_in++;
            c->stanza_at = edge_now(c->edge);
            rate_stanza(c);
            c->ops->event(c, &ev);
            break;
        case XS_DB_RESULT: case XS_DB_VERIFY: case XS_MANAGED: case XS_HANDLED:
            rate_stanza(c);
            c->ops->event(c, &ev);
            break;
        case XS_HEADER: case XS_FEATURES: case XS_AUTH: case XS_READY: case XS_AUTH_FAILED: case XS_SPACE:
            c->ops->event(c, &ev);
            break;
        }
    }
}

/* ---- TLS ---- */

static void handshake(struct conn *c)
{
    int r = SSL_do_handshake(c->ssl), e;
    if (r == 1) {
        c->want_write = false;
        c->secure = true;
        c->phase = CONN_TLS;
        tls_peer(c->ssl, &c->peer);
        if (revoked_meanwhile(c)) {
            conn_kill(c, GW_R_CERT_REFUSED, "its certificate was revoked meanwhile");
            return;
        }
        session_done(c);
        c->ops->secured(c);
        conn_touch(c);
        return;
    }
    e = SSL_get_error(c->ssl, r);
    if (e == SSL_ERROR_WANT_READ || e == SSL_ERROR_WANT_WRITE) {
        c->want_write = e == SSL_ERROR_WANT_WRITE;
        return;
    }
    if (tls_too_long(c->ssl))
        conn_kill(c, GW_R_STREAM_LIMIT, "its certificates are longer than limits.certificates");
    else
        conn_kill(c, GW_R_TLS_FAILED, e == SSL_ERROR_SYSCALL && !ERR_peek_error() ? "the peer broke off" : tls_error());
}

static void start_tls(struct conn *c)
{
    c->lists = c->edge->lists_read;
    c->ssl = c->ops->tls(c);
    if (!c->ssl || SSL_set_fd(c->ssl, c->fd) != 1) {
        conn_kill(c, GW_R_TLS_FAILED, tls_error());
        return;
    }
    c->phase = CONN_HANDSHAKE;
    c->want_write = false;
    handshake(c);
}

/* ---- reading ---- */

/* > 0 bytes, 0 nothing now, < 0 the end (conn was ended) */
static long read_some(struct conn *c, void *p, size_t n)
{
    long r;
    int e;
    if (!c->ssl) {
        r = recv(c->fd, p, n, 0);
        if (r > 0)
            return r;
        if (r < 0 && (errno == EAGAIN || errno == EINTR))
            return 0;
        conn_lost(c, r == 0 ? "the peer closed without a word" : strerror(errno));
        return -1;
    }
    r = SSL_read(c->ssl, p, (int)n);
    if (r > 0)
        return r;
    e = SSL_get_error(c->ssl, (int)r);
    if (e == SSL_ERROR_WANT_READ)
        return 0;
    if (e == SSL_ERROR_WANT_WRITE) {
        c->want_write = true;
        return 0;
    }
    if (e == SSL_ERROR_ZERO_RETURN)
        conn_lost(c, "the peer closed TLS without ending its stream");
    else
        conn_lost(c, e == SSL_ERROR_SYSCALL && errno ? strerror(errno) : tls_error());
    return -1;
}

/* Servers write a header and their features one behind the other; with Nagle's algorithm the second waits for our ACK, which
 * the kernel would delay by 40 ms. The option does not stay, so it is set again until the first stanza. */
static void ack_now(const struct conn *c)
{
    int one = 1;
    if (c->stanzas_in == 0 && c->stanzas_out == 0)
        (void)setsockopt(c->fd, IPPROTO_TCP, TCP_QUICKACK, &one, sizeof one);
}

static void conn_busy(struct conn *c)
{
    c->busy_at = edge_now(c->edge);
    c->resting = false;
}

static void read_stream(struct conn *c)
{
    static unsigned char bytes[READ_SIZE];
    ack_now(c);
    for (int i = 0; i < READ_ROUNDS && (c->phase == CONN_PLAIN || c->phase == CONN_TLS) && !c->paused && !c->slowed && !is_full(c) && c->xs; i++) {
        long n = read_some(c, bytes, sizeof bytes);
        if (n <= 0)
            break;
        c->bytes_in += (uint64_t)n;
        conn_busy(c);
        tap_data(c, true, bytes, (size_t)n);
        rate_read(c, (size_t)n);
        if (!conn_ok(c, xs_feed(c->xs, bytes, (size_t)n)))
            return;
        if (!c->partial_at)
            c->partial_at = edge_now(c->edge);
        events(c);
    }
    conn_touch(c);
}

static void sniff(struct conn *c)
{
    unsigned char first;
    long n = recv(c->fd, &first, 1, MSG_PEEK);
    if (n < 0 && (errno == EAGAIN || errno == EINTR))
        return;
    if (n != 1) {
        conn_kill(c, GW_R_PEER_RESET, "the peer sent nothing");
        return;
    }
    c->direct = first == 0x16; /* a TLS handshake record; no XML begins so */
    if (c->direct)
        start_tls(c);
    else {
        c->phase = CONN_PLAIN;
        c->ops->ready(c, false);
        read_stream(c);
    }
}

static void connected(struct conn *c, int status)
{
    int err = 0;
    socklen_t n = sizeof err;
    if (getsockopt(c->fd, SOL_SOCKET, SO_ERROR, &err, &n) != 0)
        err = errno;
    if (err || status < 0) {
        conn_kill(c, GW_R_NO_ROUTE, strerror(err ? err : ECONNREFUSED));
        return;
    }
    c->phase = c->direct ? CONN_HANDSHAKE : CONN_PLAIN;
    c->ops->ready(c, c->direct);
    if (c->phase == CONN_HANDSHAKE)
        start_tls(c);
    conn_touch(c);
}

static void discard(struct conn *c)
{
    static unsigned char bytes[READ_SIZE];
    for (int i = 0; i < READ_ROUNDS; i++) {
        long n = recv(c->fd, bytes, sizeof bytes, 0);
        if (n < 0 && (errno == EAGAIN || errno == EINTR))
            return;
        if (n <= 0) {
            conn_kill(c, c->reason, NULL);
            return;
        }
    }
}

static void on_poll(uv_poll_t *p, int status, int what)
{
    struct conn *c = p->data;
    if (status < 0) /* libuv has stopped the handle: what the socket still holds is read first */
        c->polled = 0;
    switch (c->phase) {
    case CONN_CONNECTING:
        connected(c, status);
        break;
    case CONN_SNIFF:
        sniff(c);
        break;
    case CONN_HANDSHAKE:
        handshake(c);
        break;
    case CONN_DRAIN:
    case CONN_PLAIN:
    case CONN_TLS:
        if (what & UV_WRITABLE) {
            bool full = is_full(c);
            conn_write(c);
            if (full && !is_full(c))
                conn_touch(c); /* what was read before and not looked at */
        }
        if ((what & UV_READABLE) || status < 0)
            read_stream(c);
        break;
    case CONN_LINGER:
        discard(c);
        break;
    case CONN_DEAD:
        return;
    }
    if (status < 0 && c->phase != CONN_DEAD)
        conn_lost(c, "the connection broke");
    conn_poll(c);
}

/* ---- writing ---- */

/* > 0 taken by the kernel, 0 not now, < 0 the end (conn was ended) */
static long write_some(struct conn *c, const struct buf *out)
{
    size_t n = c->retry ? c->retry : buf_size(out) < WRITE_SIZE ? buf_size(out) : WRITE_SIZE;
    long r;
    int e;
    if (!c->ssl) {
        r = send(c->fd, buf_data(out), n, MSG_NOSIGNAL);
        if (r > 0)
            return r;
        if (errno == EAGAIN || errno == EINTR)
            return 0;
        conn_lost(c, strerror(errno));
        return -1;
    }
    r = SSL_write(c->ssl, buf_data(out), (int)n);
    if (r > 0) {
        c->retry = 0;
        return r;
    }
    e = SSL_get_error(c->ssl, (int)r);
    if (e == SSL_ERROR_WANT_WRITE || e == SSL_ERROR_WANT_READ) {
        c->retry = n;
        return 0;
    }
    conn_lost(c, e == SSL_ERROR_SYSCALL && errno ? strerror(errno) : tls_error());
    return -1;
}

void conn_write(struct conn *c)
{
    struct buf *out;
    uint64_t before = c->bytes_out;
    c->want_write = false;
    if (!c->xs || (c->phase != CONN_PLAIN && c->phase != CONN_DRAIN && c->phase != CONN_TLS))
        return;
    out = xs_out(c->xs);
    while (buf_size(out) > 0) {
        long n = write_some(c, out);
        if (n < 0)
            return;
        if (n == 0) {
            c->want_write = true;
            break;
        }
        tap_data(c, false, buf_data(out), (size_t)n);
        buf_drop(out, (size_t)n);
        c->bytes_out += (uint64_t)n;
    }
    if (c->bytes_out != before) {
        c->progress_at = c->written_at = edge_now(c->edge);
        conn_busy(c);
        c->ops->sent(c);
    }
    if (c->phase == CONN_DRAIN && buf_size(out) == 0)
        start_tls(c);
}

void conn_serve(struct conn *c)
{
    if (!c->paused && !c->slowed)
        events(c);
    conn_write(c);
    conn_poll(c);
}
