/* SPDX-License-Identifier: GPL-3.0-or-later
 * Streams that servers of this side open: accepting, headers, SASL EXTERNAL, which pairs are proven. */
#include "inbound.h"

#include <errno.h>
#include <openssl/rand.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "ends.h"
#include "log.h"

static const struct conn_ops inbound_ops;

bool conn_is_inbound(const struct conn *c) { return c->ops == &inbound_ops; }
static struct inbound *self(struct conn *c) { return (struct inbound *)c; }

/* ---- proven pairs ---- */

static int send_flow(struct inbound *in, struct inpair *ip)
{
    const struct msg_flow m = { .flow = ip->flow, .from = in->c.remote, .to = in->c.local, .from_domain = ip->pair->theirs,
        .to_domain = ip->pair->ours };
    return in->c.edge->guard.ipc ? ipc_put_flow(in->c.edge->guard.ipc, &m) : 0;
}

/* A guard that comes later is never told of them. */
static void end_flows(struct inbound *in)
{
    struct edge *e = in->c.edge;
    for (size_t i = 0; i < in->n_pairs && e->guard.ipc; i++)
        if (ipc_put_flow_end(e->guard.ipc, &(struct msg_flow_end){ .flow = in->pairs[i].flow }) != 0)
            channel_break(&e->guard, "no room for the end of a flow");
}

int inbound_report(struct inbound *in)
{
    int err = 0;
    for (size_t i = 0; i < in->n_pairs && !err; i++)
        err = send_flow(in, &in->pairs[i]);
    return err;
}

static void say(struct inbound *in, const char *action, const struct inpair *ip)
{
    struct stream_line l = { .action = action, .receiving = true, .from_domain = in->from, .to_domain = in->to,
        .stream_id = str_c(in->stream_id) };
    if (ip) {
        l.auth = ip->auth;
        l.from_domain = ip->pair->theirs;
        l.to_domain = ip->pair->ours;
        l.flow = ip->flow;
    }
    line_stream(&in->c, &l);
}

static bool speaks_for(const struct inbound *in, struct str domain)
{
    for (size_t i = 0; i < in->n_pairs; i++)
        if (str_eq(in->pairs[i].pair->theirs, domain))
            return true;
    return false;
}

/* How many streams came from this address (NULL: any), how many of all speak for this domain. */
static size_t count_inbound(const struct edge *e, const struct net_addr *from, struct str domain)
{
    const struct conn *c;
    size_t n = 0;
    TAILQ_FOREACH(c, &e->conns, all)
        if (conn_is_inbound(c) && !c->gone
            && (from ? net_same_host(&c->remote, from) : speaks_for((const struct inbound *)c, domain)))
            n++;
    return n;
}

bool inbound_proven(const struct inbound *in, const struct pair *p)
{
    for (size_t i = 0; i < in->n_pairs; i++)
        if (in->pairs[i].pair == p)
            return true;
    return false;
}

bool inbound_prove(struct inbound *in, struct pair *p, const char *auth)
{
    const struct gw_limits *l = &in->c.edge->conf->limits;
    struct inpair *ip;
    if (inbound_proven(in, p))
        return true;
    if (in->n_pairs >= (size_t)l->pairs_per_stream)
        return false;
    if (!speaks_for(in, p->theirs) && count_inbound(in->c.edge, NULL, p->theirs) >= (size_t)l->streams_per_domain)
        return false;
    ip = &in->pairs[in->n_pairs];
    *ip = (struct inpair){ .pair = p, .flow = edge_flow(in->c.edge), .auth = auth };
    if (send_flow(in, ip) != 0)
        return false;
    in->n_pairs++;
    in->c.deadline = 0; /* set up in time */
    in->c.stanza_at = edge_now(in->c.edge);
    p->near_from = in->c.remote;
    p->near_to = in->c.local;
    say(in, in->opened ? "pair" : "open", ip);
    in->opened = true;
    session_give(&in->c, p);
    return true;
}

/* ---- headers ---- */

static bool new_id(struct inbound *in)
{
    unsigned char r[16];
    if (RAND_bytes(r, sizeof r) != 1)
        return false;
    for (size_t i = 0; i < sizeof r; i++)
        snprintf(in->stream_id + 2 * i, 3, "%02x", r[i]);
    return true;
}

/* False: no memory, and the stream is over. name may be what is kept there already. */
static bool keep_name(struct conn *c, char **text, struct str *ret, struct str name)
{
    char *copy = strndup(name.p, name.n);
    if (!copy) {
        conn_kill(c, GW_R_INTERNAL, "no memory");
        return false;
    }
    free(*text);
    *text = copy;
    *ret = (struct str){ copy, name.n };
    return true;
}

/* Who calls whom (RFC 6120 section 4.7). False: the stream was failed. */
static bool check_names(struct inbound *in, const struct xs_event *ev)
{
    struct conn *c = &in->c;
    const struct gw_conf *conf = c->edge->conf;
    struct str was_from = in->from, was_to = in->to;
    char from_text[JID_PART_MAX + 1], to_text[JID_PART_MAX + 1];
    struct str from = STR_NONE, to = STR_NONE;
    int side;
    if (ev->to.n == 0 || jid_prepare_domain(ev->to, to_text, &to) != 0 || !gw_conf_certificate(conf, c->edge->side, to)) {
        conn_fail(c, "host-unknown", GW_R_HOST_UNKNOWN, "the header's 'to' is not served here");
        return false;
    }
    if (ev->from.n && jid_prepare_domain(ev->from, from_text, &from) != 0) {
        conn_fail(c, "invalid-from", GW_R_ADDRESS_INVALID, "the header's 'from' is no domain");
        return false;
    }
    if (in->n_pairs && (!str_eq(to, was_to) || (from.n && !str_eq(from, was_from)))) {
        conn_fail(c, "invalid-from", GW_R_PAIR_MISMATCH, "the header changed after authentication");
        return false;
    }
    if (!keep_name(c, &in->to_text, &in->to, to))
        return false;
    if (!from.n)
        return true;
    if (!keep_name(c, &in->from_text, &in->from, from))
        return false;
    side = gw_conf_side_of(conf, from);
    if (side != (int)c->edge->side) {
        conn_fail(c, "not-authorized", side < 0 ? GW_R_HOST_UNKNOWN : GW_R_WRONG_SIDE, "the header's 'from' does not live on this side");
        return false;
    }
    if (!gw_conf_pair_allowed(conf, c->edge->side, from, to)) {
        conn_fail(c, "policy-violation", GW_R_PAIR_FORBIDDEN, "these two domains may not federate");
        return false;
    }
    return true;
}

static bool dialback_on(const struct edge *e, struct str domain)
{
    const struct gw_domain *d = gw_conf_domain(e->conf, e->side, domain);
    return d && d->dialback;
}

/* XEP-0178: EXTERNAL is offered only when it would succeed. Without 'from' it hangs on the authorization identity. */
static bool external(const struct inbound *in)
{
    return in->c.peer.certificate && in->c.peer.verify == X509_V_OK
        && (in->from.n == 0 || tls_peer_is(in->c.ssl, in->c.edge->tls, in->from));
}

/* A session is its pair's; without 'from' that is seen when the authorization identity comes. */
static bool is_resumed_pair(const struct inbound *in, struct str ours, struct str theirs)
{
    const struct pair *p = in->c.use.pair;
    return str_eq(p->ours, ours) && (theirs.n == 0 || str_eq(p->theirs, theirs));
}

static void on_header(struct inbound *in, const struct xs_event *ev)
{
    struct conn *c = &in->c;
    const char *why;
    if (!check_names(in, ev))
        return;
    if (c->use.resumed && !in->n_pairs && !is_resumed_pair(in, in->to, in->from)) {
        conn_fail(c, "not-authorized", GW_R_PAIR_MISMATCH, "the TLS session was another pair's");
        return;
    }
    if (c->secure && !in->n_pairs) {
        bool offer = external(in);
        xs_set_external(c->xs, offer);
        if (!offer && in->from.n && !dialback_on(c->edge, in->from)) {
            enum gw_reason reason = tls_peer_wrong(c->ssl, c->edge->tls, in->from, &why);
            conn_fail(c, "not-authorized", reason, why);
            return;
        }
    }
    if (!new_id(in)) {
        conn_kill(c, GW_R_INTERNAL, "no random numbers");
        return;
    }
    (void)conn_ok(c, xs_accept(c->xs, in->to, str_c(in->stream_id)));
    conn_touch(c);
}

/* ---- SASL EXTERNAL (XEP-0178) ---- */

static void on_auth(struct inbound *in, const struct xs_event *ev)
{
    struct conn *c = &in->c;
    char text[JID_PART_MAX + 1], claim[400];
    struct str who = in->from;
    struct pair *p;
    const char *why;
    enum gw_reason reason;
    bool good = true;
    if (ev->authzid.n) {
        good = jid_prepare_domain(ev->authzid, text, &who) == 0 && (in->from.n == 0 || str_eq(who, in->from));
        if (good && in->from.n == 0 && !keep_name(c, &in->from_text, &in->from, who))
            return;
    }
    p = good && who.n ? pair_find(c->edge, in->to, in->from) : NULL;
    reason = p && (!c->use.resumed || p == c->use.pair) ? tls_peer_wrong(c->ssl, c->edge->tls, in->from, &why) : GW_R_AUTH_FAILED;
    if (reason == GW_R_PIN_MISMATCH) { /* a header without 'from': only now is it known whose key it must be */
        conn_fail(c, "not-authorized", reason, why);
        return;
    }
    if (reason != GW_R_NONE) {
        snprintf(claim, sizeof claim, "SASL EXTERNAL: it is not shown to be \"%.*s\"", (int)(ev->authzid.n < 300 ? ev->authzid.n : 300), ev->authzid.n ? ev->authzid.p : "");
        inbound_note(in, reason, claim);
        (void)conn_ok(c, xs_auth(c->xs, false, ev->authzid.n ? "invalid-authzid" : "not-authorized"));
        conn_touch(c);
        return;
    }
    if (conn_ok(c, xs_auth(c->xs, true, NULL)) && !inbound_prove(in, p, "external"))
        conn_fail(c, "resource-constraint", GW_R_STREAM_LIMIT, "too many streams of this domain");
    conn_touch(c);
}

/* ---- the connection ---- */

static struct xs *new_stream(struct inbound *in, bool starttls)
{
    struct xs_conf conf = conn_conf(in->c.edge, XS_RECEIVING);
    conf.offer_starttls = starttls;
    conf.offer_external = conf.dialback = conf.spare_stream = conf.manage = true;
    return xs_new(&conf);
}

static void on_ready(struct conn *c, bool direct)
{
    (void)direct;
    c->xs = new_stream(self(c), true);
    if (!c->xs)
        conn_kill(c, GW_R_INTERNAL, "no memory");
}

static SSL *on_tls(struct conn *c)
{
    struct inbound *in = self(c);
    SSL *ssl = tls_server(c->edge->tls, in->to);
    if (ssl)
        session_await(c, ssl, in->to, in->to.n && in->from.n ? pair_find(c->edge, in->to, in->from) : NULL);
    return ssl;
}

static void on_secured(struct conn *c)
{
    if (c->xs) {
        (void)conn_ok(c, xs_tls_done(c->xs));
        return;
    }
    c->xs = new_stream(self(c), false);
    if (!c->xs)
        conn_kill(c, GW_R_INTERNAL, "no memory");
}

/* XEP-0198: asked for, or before the stream is closed in order. */
void inbound_handled(struct inbound *in)
{
    struct conn *c = &in->c;
    if (!in->counting.on)
        return;
    (void)conn_ok(c, xs_handled(c->xs, counting_h(&in->counting, c->edge->lines.durable)));
    conn_touch(c);
}

static void on_event(struct conn *c, struct xs_event *ev)
{
    struct inbound *in = self(c);
    switch (ev->type) {
    case XS_HEADER:
        on_header(in, ev);
        break;
    case XS_AUTH:
        on_auth(in, ev);
        break;
    case XS_DB_RESULT:
        inbound_db_result(in, ev);
        break;
    case XS_DB_VERIFY:
        inbound_db_verify(in, ev);
        break;
    case XS_STANZA:
        inbound_stanza(in, ev);
        break;
    case XS_MANAGED:
        counting_begin(&in->counting);
        conn_touch(c);
        break;
    case XS_HANDLED:
        inbound_handled(in);
        break;
    case XS_READY: case XS_SPACE:
        break;
    case XS_NONE: case XS_STARTTLS: case XS_FEATURES: case XS_AUTH_FAILED: case XS_PEER_ERROR: case XS_CLOSE: case XS_FAIL:
        conn_fail(c, "internal-server-error", GW_R_INTERNAL, "an event that cannot be");
        break;
    }
}

static void drop_held(struct inbound *in)
{
    if (!in->held)
        return;
    TAILQ_REMOVE(&in->held_for->pair->waiting, in, waiting);
    rec_free(in->held);
    in->held = NULL;
}

static void on_leaving(struct conn *c) { inbound_handled(self(c)); }
static void on_sent(struct conn *c) { (void)c; }

static void on_closed(struct conn *c)
{
    struct inbound *in = self(c);
    counting_end(&in->counting);
    end_flows(in);
    drop_held(in); /* no ticket was given: the peer has its stanza unanswered on a broken stream, as RFC 6120 has it */
    inbound_db_end(in);
    if (c->bytes_in || c->direct || c->reason != GW_R_PEER_RESET) /* not for a port scan's empty connection */
        say(in, in->opened || in->asked ? "closed" : "failed", in->n_pairs ? &in->pairs[0] : NULL);
}

static void on_release(struct conn *c)
{
    struct inbound *in = self(c);
    free(in->from_text);
    free(in->to_text);
    free(in->pairs);
    free(in);
}

static const struct conn_ops inbound_ops = { .ready = on_ready, .tls = on_tls, .secured = on_secured, .event = on_event,
    .leaving = on_leaving, .sent = on_sent, .closed = on_closed, .release = on_release };

/* ---- accepting ---- */

/* NULL: it may come in. */
static const char *why_not(const struct edge *e, const struct net_addr *from)
{
    const struct gw_limits *l = &e->conf->limits;
    if (e->stop_at)
        return "the gateway is ending";
    if (!lines_flow(e))
        return "the journal takes no lines";
    if (e->n_conns >= (size_t)l->streams)
        return "too many streams";
    return count_inbound(e, from, STR_NONE) >= (size_t)l->streams_per_address ? "too many streams of this address" : NULL;
}

/* At most one line a second, or the refusal would cost more than the connection. */
static void turn_away(struct edge *e, const struct net_addr *from, const struct net_addr *to, const char *why)
{
    e->turned_away.count++;
    if (e->turned_away.at && edge_now(e) - e->turned_away.at < 1000)
        return;
    line_limit(e, from, to, GW_R_STREAM_LIMIT, why, "refused", e->turned_away.count);
    e->turned_away.at = edge_now(e);
    e->turned_away.count = 0;
}

static void take(struct edge *e, int fd)
{
    struct net_addr local, remote;
    const char *refused;
    struct inbound *in;
    if (!ends_local(fd, &local) || !ends_remote(fd, &remote)) {
        close(fd);
        return;
    }
    refused = why_not(e, &remote);
    if (refused) {
        e->count.refused++;
        turn_away(e, &remote, &local, refused);
        close(fd);
        return;
    }
    in = calloc(1, sizeof *in);
    if (in)
        in->pairs = calloc((size_t)e->conf->limits.pairs_per_stream, sizeof *in->pairs);
    if (!in || !in->pairs) {
        free(in);
        close(fd);
        return;
    }
    in->c.local = local;
    in->c.remote = remote;
    if (conn_init(&in->c, e, fd, CONN_SNIFF, &inbound_ops) != 0) {
        free(in->pairs);
        free(in);
        return;
    }
    in->c.deadline = edge_now(e) + (uint64_t)e->conf->limits.handshake;
    in->c.holds_back = true;
    e->count.accepted++;
}

void inbound_accept(struct listener *l)
{
    for (int i = 0; i < 64; i++) {
        int fd = accept4(l->fd, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
        if (fd >= 0) {
            take(l->edge, fd);
            continue;
        }
        if (errno == EMFILE || errno == ENFILE || errno == ENOMEM || errno == ENOBUFS) { /* would come back at once */
            (void)uv_poll_stop(&l->poll);
            l->waits = true;
        }
        if (errno != ECONNABORTED && errno != EINTR)
            return;
    }
}
