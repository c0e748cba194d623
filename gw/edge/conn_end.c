/* SPDX-License-Identifier: GPL-3.0-or-later
 * How a connection ends: in order, with a stream error, or at once; and the clocks that end it. */
#include "conn_end.h"

#include <openssl/err.h>
#include <stdio.h>
#include <sys/socket.h>
#include <unistd.h>

#include "tap.h"

#define CLOSE_WAIT_MS 5000   /* for the peer's end tag after ours */
#define REST_MS 2000         /* without a byte: an idle stream gives back what it can */
#define LINGER_MS 2000       /* for the peer's FIN after the last words */

static void copy(char *to, size_t cap, struct str s)
{
    if (s.n >= cap)
        s.n = cap - 1;
    memcpy(to, s.n ? s.p : "", s.n);
    to[s.n] = 0;
}

void conn_why(struct conn *c, enum gw_reason reason, struct str detail, struct str condition)
{
    if (c->reason != GW_R_NONE)
        return;
    c->reason = reason;
    copy(c->detail, sizeof c->detail, detail);
    copy(c->condition, sizeof c->condition, condition);
}

static void leave(struct conn *c)
{
    if (c->gone)
        return;
    c->gone = true;
    c->ops->closed(c);
}

static void on_closed(uv_handle_t *h)
{
    struct conn *c = h->data;
    SSL_free(c->ssl);
    xs_free(c->xs);
    c->ops->release(c);
}

void conn_kill(struct conn *c, enum gw_reason reason, const char *detail)
{
    if (c->phase == CONN_DEAD)
        return;
    conn_why(c, reason, str_c(detail), STR_NONE);
    c->phase = CONN_DEAD;
    tap_end(c);
    leave(c);
    if (c->is_dirty)
        TAILQ_REMOVE(&c->edge->dirty, c, dirty);
    c->is_dirty = false;
    TAILQ_REMOVE(&c->edge->conns, c, all);
    c->edge->n_conns--;
    uv_close((uv_handle_t *)&c->poll, on_closed); /* stops polling at once */
    close(c->fd);
    c->fd = -1;
    ERR_clear_error();
}

void conn_lost(struct conn *c, const char *detail)
{
    conn_kill(c, c->ended ? GW_R_PEER_CLOSED : GW_R_PEER_RESET, detail);
}

void conn_finish(struct conn *c)
{
    if (c->phase == CONN_DEAD || c->phase == CONN_LINGER)
        return;
    conn_write(c);
    if (c->phase == CONN_DEAD)
        return;
    leave(c); /* what the kernel did not take by now is not sent any more */
    if (!c->xs || buf_size(xs_out(c->xs)) > 0 || (c->phase != CONN_PLAIN && c->phase != CONN_TLS)) {
        conn_kill(c, c->reason, NULL);
        return;
    }
    if (c->secure)
        (void)SSL_shutdown(c->ssl);
    ERR_clear_error();
    (void)shutdown(c->fd, SHUT_WR);
    c->phase = CONN_LINGER;
    c->deadline = edge_now(c->edge) + LINGER_MS;
    conn_poll(c);
}

void conn_end(struct conn *c, enum gw_reason reason)
{
    if (c->ended || c->gone)
        return;
    if (!c->xs || (c->phase != CONN_PLAIN && c->phase != CONN_TLS)) {
        conn_kill(c, reason, NULL);
        return;
    }
    conn_why(c, reason, STR_NONE, STR_NONE);
    if (c->ops->leaving)
        c->ops->leaving(c);
    if (c->gone) /* there was no room for its words */
        return;
    c->ended = true;
    c->deadline = edge_now(c->edge) + CLOSE_WAIT_MS;
    if (conn_ok(c, xs_end(c->xs)))
        conn_touch(c);
}

void conn_fail(struct conn *c, const char *condition, enum gw_reason reason, const char *detail)
{
    if (c->gone)
        return;
    conn_why(c, reason, str_c(detail), str_c(condition));
    if (!c->xs || (c->phase != CONN_PLAIN && c->phase != CONN_TLS)) {
        conn_kill(c, reason, detail);
        return;
    }
    if (conn_ok(c, xs_fail(c->xs, condition, reason, NULL)))
        conn_finish(c);
}

static void deadline(struct conn *c)
{
    if (c->phase == CONN_LINGER)
        conn_kill(c, c->reason, NULL);
    else if (c->ended)
        conn_finish(c); /* the peer never said its end */
    else if (c->phase == CONN_PLAIN || c->phase == CONN_TLS)
        conn_fail(c, "connection-timeout", GW_R_STREAM_TIMEOUT, "not set up in time");
    else
        conn_kill(c, GW_R_STREAM_TIMEOUT, "not set up in time");
}

void conn_tick(struct conn *c)
{
    const struct gw_limits *l = &c->edge->conf->limits;
    uint64_t now = edge_now(c->edge);
    if (c->phase == CONN_DEAD)
        return;
    rate_tick(c);
    if (c->deadline && now >= c->deadline) {
        deadline(c);
        return;
    }
    if (c->phase != CONN_TLS || c->ended || c->deadline)
        return;
    if (!c->resting && now - c->busy_at >= REST_MS && !c->paused && !c->slowed) {
        c->resting = true;
        c->edge->rested = true;
        xs_rest(c->xs);
    }
    if (buf_size(xs_out(c->xs)) == 0)
        c->progress_at = now;
    else if (now - c->progress_at >= (uint64_t)l->progress) {
        conn_kill(c, GW_R_STREAM_TIMEOUT, "the peer takes no data");
        return;
    }
    if (c->partial_at && !c->paused && !c->slowed && now - c->partial_at >= (uint64_t)l->progress) {
        conn_fail(c, "connection-timeout", GW_R_STREAM_TIMEOUT, "a stanza came too slowly");
        return;
    }
    if (now - c->stanza_at >= (uint64_t)l->idle && !c->paused && !c->slowed) {
        conn_end(c, GW_R_STREAM_IDLE);
        return;
    }
    if (l->keepalive && now - c->written_at >= (uint64_t)l->keepalive && buf_size(xs_out(c->xs)) == 0) {
        c->written_at = now;
        if (conn_ok(c, xs_space(c->xs)))
            conn_touch(c);
    }
}
