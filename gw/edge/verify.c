/* SPDX-License-Identifier: GPL-3.0-or-later
 * Dialback as receiving server: a short stream to the authoritative server of the originating domain. */
#include "verify.h"

#include <stdlib.h>
#include <unistd.h>

#include "ends.h"
#include "log.h"

struct verify_conn {
    struct conn c; /* first */
    struct verify *v; /* NULL: answered, or given up */
};

static struct verify_conn *self(struct conn *c) { return (struct verify_conn *)c; }

static void over(struct verify *v)
{
    dial_cancel(&v->dial);
    if (v->conn)
        v->conn->v = NULL;
    LIST_REMOVE(v, link);
    v->in->n_verifies--;
    v->in->c.edge->n_verifies--;
    free(v->key);
    free(v);
}

/* The one answer to the db:result. */
static void answer(struct verify *v, const char *type, const char *condition)
{
    struct inbound *in = v->in;
    struct pair *p = v->pair;
    bool valid = strcmp(type, "valid") == 0;
    over(v);
    if (in->c.gone)
        return;
    if (valid && !inbound_prove(in, p, "dialback")) {
        valid = false;
        type = "error";
        condition = "resource-constraint";
    }
    if (!valid && !inbound_refused(in, GW_R_DIALBACK_FAILED, condition ? condition : type))
        return;
    (void)conn_ok(&in->c, xs_db_reply(in->c.xs, false, p->ours, p->theirs, STR_NONE, type, condition));
    conn_touch(&in->c);
}

void verify_drop(struct verify *v)
{
    struct verify_conn *vc = v->conn;
    over(v);
    if (vc)
        conn_kill(&vc->c, GW_R_PEER_CLOSED, "the stream that asked is gone");
}

/* ---- the connection ---- */

static bool new_stream(struct conn *c)
{
    const struct pair *p = self(c)->v->pair;
    struct xs_conf conf = conn_conf(c->edge, XS_INITIATING);
    conf.offer_starttls = !c->direct;
    conf.dialback = true;
    conf.from = p->ours;
    conf.to = p->theirs;
    c->xs = xs_new(&conf);
    return conn_ok(c, c->xs ? xs_start(c->xs) : GW_ERR(NOMEM));
}

static void on_ready(struct conn *c, bool direct)
{
    c->deadline = edge_now(c->edge) + (uint64_t)c->edge->conf->limits.handshake;
    if (!direct)
        (void)new_stream(c);
}

static SSL *on_tls(struct conn *c)
{
    const struct verify *v = self(c)->v;
    return v ? tls_client(c->edge->tls, v->pair->ours, tls_ascii(c->edge->tls, v->pair->theirs), c->direct) : NULL;
}

static void on_secured(struct conn *c)
{
    if (c->direct)
        (void)(self(c)->v && new_stream(c));
    else
        (void)conn_ok(c, xs_tls_done(c->xs));
}

static void on_answer(struct verify *v, struct conn *c, const struct xs_event *ev)
{
    bool valid = str_eq(ev->db_type, STR("valid")), invalid = str_eq(ev->db_type, STR("invalid"));
    if (!str_eq(ev->id, str_c(v->id)))
        return; /* of another question */
    answer(v, valid ? "valid" : invalid ? "invalid" : "error", valid || invalid ? NULL : "remote-connection-failed");
    conn_end(c, GW_R_PEER_CLOSED);
}

static void on_event(struct conn *c, struct xs_event *ev)
{
    struct verify *v = self(c)->v;
    switch (ev->type) {
    case XS_FEATURES:
        if (v) {
            (void)conn_ok(c, xs_db_verify(c->xs, v->pair->ours, v->pair->theirs, str_c(v->id), str_c(v->key)));
            conn_touch(c);
        }
        break;
    case XS_DB_VERIFY:
        if (v)
            on_answer(v, c, ev);
        break;
    case XS_STANZA:
        rec_free(ev->stanza);
        conn_fail(c, "not-authorized", GW_R_STREAM_PROTOCOL, "a stanza on a stream that only asks");
        break;
    case XS_NONE: case XS_HEADER: case XS_STARTTLS: case XS_AUTH: case XS_READY: case XS_AUTH_FAILED: case XS_DB_RESULT: case XS_SPACE: case XS_MANAGED: case XS_HANDLED:
    case XS_PEER_ERROR: case XS_CLOSE: case XS_FAIL:
        break;
    }
}

static void on_sent(struct conn *c) { (void)c; }

static void on_closed(struct conn *c)
{
    struct verify *v = self(c)->v;
    if (!v)
        return;
    v->conn = NULL;
    self(c)->v = NULL;
    dial_next(&v->dial);
}

static void on_release(struct conn *c)
{
    free(self(c));
}

static const struct conn_ops verify_ops = { .ready = on_ready, .tls = on_tls, .secured = on_secured, .event = on_event,
    .sent = on_sent, .closed = on_closed, .release = on_release };

/* ---- finding the server ---- */

static void got(struct dial *d, int fd, const struct gw_target *t)
{
    struct verify *v = (struct verify *)((char *)d - offsetof(struct verify, dial));
    struct verify_conn *vc = calloc(1, sizeof *vc);
    if (!vc) {
        close(fd);
        dial_next(d);
        return;
    }
    vc->c.direct = t->tls == GW_DIRECT_TLS;
    vc->c.remote = t->address;
    if (conn_init(&vc->c, d->edge, fd, CONN_CONNECTING, &verify_ops) != 0) {
        free(vc);
        dial_next(d);
        return;
    }
    (void)ends_local(fd, &vc->c.local);
    vc->c.deadline = edge_now(d->edge) + (uint64_t)d->edge->conf->limits.connect;
    vc->v = v;
    v->conn = vc;
}

static void none(struct dial *d, bool any)
{
    struct verify *v = (struct verify *)((char *)d - offsetof(struct verify, dial));
    answer(v, "error", any ? "remote-connection-failed" : "remote-server-not-found");
}

int verify_start(struct inbound *in, struct pair *p, struct str key)
{
    struct verify *v = calloc(1, sizeof *v);
    if (!v)
        return GW_ERR(NOMEM);
    v->key = strndup(key.n ? key.p : "", key.n);
    if (!v->key) {
        free(v);
        return GW_ERR(NOMEM);
    }
    v->in = in;
    v->pair = p;
    memcpy(v->id, in->stream_id, sizeof v->id);
    LIST_INSERT_HEAD(&in->verifies, v, link);
    in->n_verifies++;
    in->c.edge->n_verifies++;
    if (in->c.deadline && !in->extended) { /* the stream waits for us, not for the peer; but once */
        in->extended = true;
        in->c.deadline = edge_now(in->c.edge) + (uint64_t)(in->c.edge->conf->limits.connect + in->c.edge->conf->limits.handshake);
    }
    v->dial.got = got;
    v->dial.none = none;
    dial_init(&v->dial, in->c.edge, p->ours, p->theirs);
    dial_from(&v->dial, &in->c.local);
    dial_next(&v->dial);
    return 0;
}
