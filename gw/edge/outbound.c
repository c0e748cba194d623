/* SPDX-License-Identifier: GPL-3.0-or-later
 * Streams that this edge opens: connect, TLS, EXTERNAL or dialback, then orders until it is idle. */
#include "outbound.h"

#include <openssl/x509.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "ends.h"
#include "lines.h"
#include "log.h"
#include "route.h"

#define AHEAD_BYTES 65536u /* handed to the stream before the kernel takes it */

static const struct conn_ops outbound_ops;

bool conn_is_outbound(const struct conn *c) { return c->ops == &outbound_ops; }
static struct outbound *self(struct conn *c) { return (struct outbound *)c; }

static void change_state(struct outbound *o, enum out_state to)
{
    static const char *const names[] = { "opening", "external", "dialback", "ready", "over" };
    log_debug("stream to %.*s: %s -> %s", STR_ARG(o->pair->theirs), names[o->state], names[to]);
    o->state = to;
}

static void say(struct outbound *o, const char *action)
{
    const struct stream_line l = { .action = action, .auth = o->auth, .from_domain = o->pair->ours, .to_domain = o->pair->theirs,
        .flow = o->flow, .stream_id = o->c.xs ? xs_peer_id(o->c.xs) : STR_NONE };
    line_stream(&o->c, &l);
}

/* ---- orders ---- */

static void write_order(struct outbound *o, struct order *m)
{
    struct edge *e = o->c.edge;
    if (o->max_bytes && m->n_xml > o->max_bytes) { /* it would end the stream, for others too */
        log_info("a stanza of %zu bytes is more than %.*s takes", m->n_xml, STR_ARG(o->pair->theirs));
        orders_settle(e, m, GW_R_TOO_LARGE);
        return;
    }
    m->start = conn_offset(&o->c);
    int err = xs_write(o->c.xs, (struct str){ (const char *)m->xml, m->n_xml });
    m->end = conn_offset(&o->c);
    TAILQ_INSERT_TAIL(&o->inflight, m, link);
    if (!o->first_end)
        o->first_end = m->end;
    if (!conn_ok(&o->c, err))
        return;
    o->c.stanzas_out++;
    if (!m->quiet)
        o->c.stanza_at = edge_now(e);
}

void outbound_feed(struct outbound *o)
{
    struct order *m;
    if (o->state != OUT_READY || o->c.ended || o->c.gone)
        return;
    while (o->state == OUT_READY && buf_size(xs_out(o->c.xs)) < AHEAD_BYTES && (m = pair_next_read(o->pair)))
        write_order(o, m);
    conn_touch(&o->c);
}

static void on_sent(struct conn *c)
{
    struct outbound *o = self(c);
    struct order *m;
    while ((m = TAILQ_FIRST(&o->inflight)) && m->end <= c->bytes_out) {
        TAILQ_REMOVE(&o->inflight, m, link);
        orders_settle(c->edge, m, GW_R_WRITTEN);
    }
    if (o->state == OUT_READY && !TAILQ_EMPTY(&o->pair->queue))
        outbound_feed(o);
}

/* The stream is gone: what the kernel had in part is lost, what it had nothing of may go over the next stream. */
static void sort_out(struct outbound *o)
{
    struct order_queue unsent = TAILQ_HEAD_INITIALIZER(unsent);
    uint64_t touched = o->c.bytes_out + o->c.retry; /* bytes of an unfinished TLS record may be under way */
    struct order *m;
    while ((m = TAILQ_FIRST(&o->inflight))) {
        TAILQ_REMOVE(&o->inflight, m, link);
        if (m->start >= touched)
            TAILQ_INSERT_TAIL(&unsent, m, link);
        else
            orders_settle(o->c.edge, m, GW_R_STREAM_LOST);
    }
    pair_requeue(o->pair, &unsent);
}

/* ---- the stream ---- */

static void ready(struct outbound *o, const char *auth)
{
    o->auth = auth;
    o->was_ready = true;
    o->ready_at = edge_now(o->c.edge);
    o->c.deadline = 0;
    o->c.stanza_at = o->c.progress_at = o->ready_at;
    change_state(o, OUT_READY);
    say(o, "open");
    route_worked(o->c.edge, o->pair->theirs, &(struct gw_target){ .address = o->c.remote, .tls = o->c.direct ? GW_DIRECT_TLS : GW_STARTTLS });
    pair_ready(o->pair);
}

static void send_dialback(struct outbound *o)
{
    char key[65];
    struct pair *p = o->pair;
    if (!conn_ok(&o->c, xs_db_key(str_c(o->c.edge->db_secret), p->theirs, p->ours, xs_peer_id(o->c.xs), key)))
        return;
    change_state(o, OUT_DIALBACK);
    (void)conn_ok(&o->c, xs_db_result(o->c.xs, p->ours, p->theirs, str_c(key)));
    conn_touch(&o->c);
}

static bool dialback_on(const struct outbound *o)
{
    const struct gw_domain *d = gw_conf_domain(o->c.edge->conf, o->c.edge->side, o->pair->theirs);
    return d && d->dialback;
}

static void on_features(struct outbound *o, const struct xs_event *ev)
{
    if (ev->max_bytes > 0)
        o->max_bytes = (uint64_t)ev->max_bytes;
    if (o->state != OUT_OPENING)
        return;
    if ((ev->offers & XS_OFFER_EXTERNAL) && o->cert_ok) {
        change_state(o, OUT_EXTERNAL);
        (void)conn_ok(&o->c, xs_external(o->c.xs, o->pair->ours));
        conn_touch(&o->c);
    } else if (dialback_on(o)) /* also when it is not announced: servers of old just take it */
        send_dialback(o);
    else {
        o->c.reason = GW_R_NO_AUTH;
        snprintf(o->c.detail, sizeof o->c.detail, "the server offers no SASL EXTERNAL to us");
        conn_end(&o->c, GW_R_NO_AUTH);
    }
}

static void on_auth_failed(struct outbound *o, const struct xs_event *ev)
{
    if (dialback_on(o)) {
        send_dialback(o);
        return;
    }
    o->c.reason = GW_R_NO_AUTH;
    snprintf(o->c.condition, sizeof o->c.condition, "%.*s", STR_ARG(ev->condition));
    conn_end(&o->c, GW_R_NO_AUTH);
}

static void on_db_answer(struct outbound *o, const struct xs_event *ev)
{
    if (o->state == OUT_DIALBACK && str_eq(ev->db_type, STR("valid"))) {
        ready(o, "dialback");
        return;
    }
    o->c.reason = GW_R_NO_AUTH;
    snprintf(o->c.condition, sizeof o->c.condition, "%.*s", STR_ARG(ev->condition));
    snprintf(o->c.detail, sizeof o->c.detail, "dialback answer: %.*s", STR_ARG(ev->db_type));
    conn_end(&o->c, GW_R_NO_AUTH);
}

static void on_event(struct conn *c, struct xs_event *ev)
{
    struct outbound *o = self(c);
    switch (ev->type) {
    case XS_FEATURES:
        on_features(o, ev);
        break;
    case XS_READY:
        if (ev->max_bytes > 0)
            o->max_bytes = (uint64_t)ev->max_bytes;
        if (o->state == OUT_EXTERNAL)
            ready(o, "external");
        break;
    case XS_AUTH_FAILED:
        on_auth_failed(o, ev);
        break;
    case XS_DB_RESULT:
        on_db_answer(o, ev);
        break;
    case XS_STANZA: /* one direction only: bidi was not offered */
        rec_free(ev->stanza);
        conn_fail(c, "not-authorized", GW_R_STREAM_PROTOCOL, "a stanza against the direction of the stream");
        break;
    case XS_HEADER: case XS_SPACE: case XS_MANAGED: case XS_HANDLED: case XS_DB_VERIFY:
        break;
    case XS_NONE: case XS_STARTTLS: case XS_AUTH: case XS_PEER_ERROR: case XS_CLOSE: case XS_FAIL:
        conn_fail(c, "internal-server-error", GW_R_INTERNAL, "an event that cannot be");
        break;
    }
}

/* ---- the connection ---- */

static bool new_stream(struct outbound *o)
{
    struct xs_conf conf = conn_conf(o->c.edge, XS_INITIATING);
    conf.offer_starttls = !o->c.direct;
    conf.dialback = dialback_on(o);
    conf.from = o->pair->ours;
    conf.to = o->pair->theirs;
    o->c.xs = xs_new(&conf);
    return conn_ok(&o->c, o->c.xs ? xs_start(o->c.xs) : GW_ERR(NOMEM));
}

static void on_ready(struct conn *c, bool direct)
{
    c->deadline = edge_now(c->edge) + (uint64_t)c->edge->conf->limits.handshake;
    if (!direct)
        (void)new_stream(self(c));
}

static SSL *on_tls(struct conn *c)
{
    struct outbound *o = self(c);
    SSL *ssl = tls_client(c->edge->tls, o->pair->ours, tls_ascii(c->edge->tls, o->pair->theirs), c->direct);
    if (ssl)
        session_offer(c, ssl, o->pair);
    return ssl;
}

static void on_secured(struct conn *c)
{
    struct outbound *o = self(c);
    const char *why;
    enum gw_reason reason = tls_peer_wrong(c->ssl, c->edge->tls, o->pair->theirs, &why);
    o->cert_ok = c->use.proven = reason == GW_R_NONE;
    if (!o->cert_ok && !dialback_on(o)) {
        conn_kill(c, reason, why);
        return;
    }
    if (c->direct)
        (void)new_stream(o);
    else
        (void)conn_ok(c, xs_tls_done(c->xs));
}

/* Why a stream did not come about, as a settlement. */
static enum gw_reason settle_reason(enum gw_reason r)
{
    if (r == GW_R_CERT_REFUSED || r == GW_R_PIN_MISMATCH || r == GW_R_NO_AUTH || r == GW_R_AUTH_FAILED || r == GW_R_TLS_FAILED || r == GW_R_PEER_ERROR)
        return GW_R_NO_AUTH;
    return r == GW_R_STREAM_TIMEOUT ? GW_R_TIMEOUT : GW_R_NO_ROUTE;
}

/* The guard believes that the peer knows what was written; bytes in flight may not have come there. */
static void tell_lost(const struct pair *p)
{
    const struct msg_lost m = { .from_domain = p->ours, .to_domain = p->theirs };
    if (p->edge->guard.ipc && ipc_put_lost(p->edge->guard.ipc, &m) != 0)
        channel_break(&p->edge->guard, "no room to say that a stream ended");
}

static void on_closed(struct conn *c)
{
    struct outbound *o = self(c);
    uint64_t ready_at = o->ready_at;
    say(o, o->was_ready ? "closed" : "failed");
    change_state(o, OUT_OVER);
    sort_out(o);
    if (o->pair->out != o)
        return; /* closing in order: the pair went on without it */
    if (o->was_ready)
        tell_lost(o->pair);
    if (!o->was_ready && session_refused(c))
        pair_stream_again(o->pair);
    else if (o->was_ready)
        pair_stream_lost(o->pair, ready_at, o->first_end && c->bytes_out >= o->first_end);
    else
        pair_stream_failed(o->pair, settle_reason(c->reason));
}

static void on_release(struct conn *c)
{
    free(self(c));
}

static const struct conn_ops outbound_ops = { .ready = on_ready, .tls = on_tls, .secured = on_secured, .event = on_event,
    .sent = on_sent, .closed = on_closed, .release = on_release };

int outbound_open(struct pair *p, int fd, const struct gw_target *t)
{
    struct outbound *o = calloc(1, sizeof *o);
    if (!o) {
        close(fd);
        return GW_ERR(NOMEM);
    }
    o->pair = p;
    TAILQ_INIT(&o->inflight);
    o->c.direct = t->tls == GW_DIRECT_TLS;
    o->c.remote = t->address;
    o->flow = edge_flow(p->edge);
    if (conn_init(&o->c, p->edge, fd, CONN_CONNECTING, &outbound_ops) != 0) {
        free(o);
        return GW_ERR(SYS);
    }
    (void)ends_local(fd, &o->c.local);
    o->c.deadline = edge_now(p->edge) + (uint64_t)p->edge->conf->limits.connect;
    p->out = o;
    return 0;
}

void outbound_tick(struct outbound *o)
{
    const struct order *first = TAILQ_FIRST(&o->inflight);
    struct conn *c = &o->c;
    uint64_t now = edge_now(c->edge);
    if (o->state != OUT_READY)
        return;
    if (first && now - c->progress_at >= (uint64_t)c->edge->conf->limits.deliver) {
        conn_kill(c, GW_R_STREAM_TIMEOUT, "the peer takes no data");
        return;
    }
    if (c->ended && o->pair->out == o) { /* idle: what comes now gets a new stream */
        o->pair->out = NULL;
        pair_kick(o->pair);
    }
}
