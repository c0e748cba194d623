/* SPDX-License-Identifier: GPL-3.0-or-later
 * TLS sessions kept for resumption. OpenSSL's own caches stay off: what is kept, for whom and how long is decided here. */
#include "sessions.h"

#include <stdlib.h>
#include <strings.h>
#include <time.h>

#include "conn.h"
#include "pair.h"



struct session {
    UT_hash_handle hh;            /* given */
    TAILQ_ENTRY(session) all, of; /* of: the pair's */
    struct pair *pair;
    bool given;
    bool direct;
    struct net_addr peer;         /* given: its address; else the server's, with the port */
    int64_t from, until;
    SSL_SESSION *ssl;
    unsigned char name[SSL_MAX_SSL_SESSION_ID_LENGTH];
};

/* ---- the store ---- */

static struct session_list *list_of(const struct session *s)
{
    return s->given ? &s->pair->given : &s->pair->got;
}

static void forget(struct edge *e, struct session *s)
{
    if (s->given)
        HASH_DEL(e->sessions.given, s);
    TAILQ_REMOVE(&e->sessions.all, s, all);
    TAILQ_REMOVE(list_of(s), s, of);
    e->sessions.n--;
    SSL_SESSION_free(s->ssl);
    free(s);
}

/* Full: the pair's own oldest goes, so that nobody who has proven a pair drives out what others have; then the oldest of all. */
static void make_room(struct edge *e, struct pair *p)
{
    struct session *s;
    while (e->sessions.n >= (size_t)e->conf->limits.sessions) {
        s = TAILQ_FIRST(&p->given);
        if (!s)
            s = TAILQ_FIRST(&p->got);
        forget(e, s ? s : TAILQ_FIRST(&e->sessions.all));
    }
}

/* A copy is kept: OpenSSL spoils that of a connection which ends without close_notify, as many do. */
static void keep(struct conn *c, struct pair *p, const SSL_SESSION *ssl, int64_t until)
{
    struct edge *e = c->edge;
    struct session *s;
    unsigned n = 0;
    const unsigned char *name = SSL_SESSION_get_id(ssl, &n);
    if (c->use.era != e->sessions.era || (c->use.receiving && n != sizeof s->name))
        return;
    make_room(e, p);
    s = calloc(1, sizeof *s);
    if (!s)
        return;
    s->ssl = SSL_SESSION_dup(ssl);
    if (!s->ssl) {
        free(s);
        return;
    }
    s->pair = p;
    s->given = c->use.receiving;
    s->direct = c->direct;
    s->peer = c->remote;
    s->from = c->use.from;
    s->until = until;
    if (s->given) {
        memcpy(s->name, name, sizeof s->name);
        HASH_ADD(hh, e->sessions.given, name, sizeof s->name, s);
    }
    TAILQ_INSERT_TAIL(&e->sessions.all, s, all);
    TAILQ_INSERT_TAIL(list_of(s), s, of);
    e->sessions.n++;
}

static bool current(const struct session *s, int64_t now)
{
    return now >= s->from && now < s->until;
}

/* The session leaves the store for a handshake: it is good once. The caller owns it. */
static SSL_SESSION *use(struct conn *c, struct session *s)
{
    SSL_SESSION *ssl = s->ssl;
    c->use.found.pair = s->pair;
    c->use.found.from = s->from;
    c->use.found.until = s->until;
    s->ssl = NULL;
    forget(c->edge, s);
    return ssl;
}

void sessions_init(struct edge *e)
{
    TAILQ_INIT(&e->sessions.all);
}

void sessions_drop(struct edge *e)
{
    struct session *s;
    while ((s = TAILQ_FIRST(&e->sessions.all)))
        forget(e, s);
    e->sessions.era++;
}

/* ---- receiving ---- */

/* What the ClientHello names (RFC 6066 section 3) beside this name: 1 the same, 0 another, -1 it names none. */
static int names(SSL *ssl, const char *ascii)
{
    const unsigned char *p;
    size_t n, all, len;
    if (SSL_client_hello_get0_ext(ssl, TLSEXT_TYPE_server_name, &p, &n) != 1)
        return -1;
    if (n < 5)
        return 0;
    all = (size_t)p[0] << 8 | p[1];
    len = (size_t)p[3] << 8 | p[4];
    if (all != n - 2 || p[2] != TLSEXT_NAMETYPE_host_name || len != n - 5)
        return 0;
    return len == strlen(ascii) && strncasecmp((const char *)p + 5, ascii, len) == 0;
}

/* Is it for the one who asks? What the peer has said so far must fit; without any word from it about whom it calls, none does. */
static bool fits(const struct conn *c, const struct session *s, SSL *ssl)
{
    const char *ascii = tls_ascii(c->edge->tls, s->pair->ours);
    int named = ascii ? names(ssl, ascii) : 0;
    if (!net_same_host(&c->remote, &s->peer) || c->direct != s->direct || !current(s, time(NULL)))
        return false;
    if (named == 0 || (named < 0 && !c->use.ours.n))
        return false;
    if (c->use.ours.n && !str_eq(c->use.ours, s->pair->ours))
        return false;
    return !c->use.pair || c->use.pair == s->pair;
}

/* Whatever is not found, or does not fit, means a full handshake. */
static SSL_SESSION *find(SSL *ssl, const unsigned char *name, int n, int *copy)
{
    struct conn *c = SSL_get_app_data(ssl);
    struct session *s = NULL;
    *copy = 0;
    if (!c || !c->use.on || n != (int)sizeof s->name || SSL_version(ssl) != TLS1_3_VERSION)
        return NULL;
    HASH_FIND(hh, c->edge->sessions.given, name, sizeof s->name, s);
    return s && fits(c, s, ssl) ? use(c, s) : NULL;
}

void session_await(struct conn *c, SSL *ssl, struct str ours, struct pair *pair)
{
    if (c->edge->conf->limits.sessions == 0)
        return;
    c->use = (struct session_use){ .on = true, .era = c->edge->sessions.era, .receiving = true, .ours = ours, .pair = pair };
    SSL_set_app_data(ssl, c);
}

void session_give(struct conn *c, struct pair *pair)
{
    int64_t now = time(NULL);
    SSL_SESSION *s;
    if (!c->use.on || !c->use.receiving || c->use.given || c->retry || now < c->use.from || now >= c->use.until
        || SSL_version(c->ssl) != TLS1_3_VERSION || !tls_peer_is(c->ssl, c->edge->tls, pair->theirs))
        return;
    c->use.given = true;
    s = SSL_get_session(c->ssl);
    if (!s || SSL_SESSION_set_timeout(s, (long)(c->use.until - now)) != 1 || SSL_new_session_ticket(c->ssl) != 1 || SSL_do_handshake(c->ssl) != 1)
        return; /* one that goes out later names nothing that is here */
    keep(c, pair, SSL_get_session(c->ssl), c->use.until);
}

/* ---- initiating ---- */

/* NewSessionTicket of a server. The certificate that it showed was verified by then, or proven stays false. */
static int got(SSL *ssl, SSL_SESSION *s)
{
    struct conn *c = SSL_get_app_data(ssl);
    int64_t now = time(NULL), until;
    struct session *oldest, *second;
    if (!c || !c->use.on || !c->use.proven || SSL_version(ssl) != TLS1_3_VERSION || !SSL_SESSION_is_resumable(s) || !SSL_SESSION_get0_peer(s))
        return 0;
    until = now + (int64_t)SSL_SESSION_get_ticket_lifetime_hint(s);
    if (until > c->use.until)
        until = c->use.until;
    oldest = TAILQ_FIRST(&c->use.pair->got);
    second = oldest ? TAILQ_NEXT(oldest, of) : NULL;
    if (second) /* two at most: a pair has one stream outward, and servers commonly give two tickets on it */
        forget(c->edge, oldest);
    if (until > now)
        keep(c, c->use.pair, s, until);
    return 0;
}

void session_offer(struct conn *c, SSL *ssl, struct pair *pair)
{
    struct session *s, *before;
    int64_t now = time(NULL);
    SSL_SESSION *taken;
    if (c->edge->conf->limits.sessions == 0 || edge_now(c->edge) < pair->full_until)
        return;
    c->use = (struct session_use){ .on = true, .era = c->edge->sessions.era, .pair = pair };
    SSL_set_app_data(ssl, c);
    for (s = TAILQ_LAST(&pair->got, session_list); s; s = before) {
        before = TAILQ_PREV(s, session_list, of);
        if (!current(s, now)) {
            forget(c->edge, s);
            continue;
        }
        if (!net_same_host(&s->peer, &c->remote) || s->peer.port != c->remote.port || s->direct != c->direct)
            continue;
        taken = use(c, s);
        c->use.offered = SSL_set_session(ssl, taken) == 1;
        SSL_SESSION_free(taken);
        return;
    }
}

bool session_refused(struct conn *c)
{
    if (!c->use.offered || (c->secure && !c->use.resumed))
        return false;
    c->use.pair->full_until = edge_now(c->edge) + (uint64_t)c->edge->conf->limits.session_time;
    return true;
}

/* ---- both ---- */

void session_done(struct conn *c)
{
    struct session_use *u = &c->use;
    int64_t end;
    u->ours = STR_NONE; /* borrowed for the handshake alone */
    if (!u->on)
        return;
    u->resumed = SSL_session_reused(c->ssl) == 1;
    if (u->resumed) { /* the verdict is as old as the session's first handshake, and so is its end */
        u->pair = u->found.pair;
        u->from = u->found.from;
        u->until = u->found.until;
        c->edge->count.resumed++;
        return;
    }
    tls_session_names(c->ssl);
    end = time(NULL) + c->edge->conf->limits.session_time / 1000;
    if (!tls_valid(c->ssl, c->edge->tls, &u->from, &u->until))
        u->from = u->until = 0;
    else if (u->until > end)
        u->until = end;
}

void sessions_context(SSL_CTX *ctx, bool server, int64_t life)
{
    if (life == 0)
        return;
    SSL_CTX_set_timeout(ctx, (long)life);
    if (server) {
        SSL_CTX_sess_set_get_cb(ctx, find);
        SSL_CTX_set_session_cache_mode(ctx, SSL_SESS_CACHE_OFF | SSL_SESS_CACHE_NO_INTERNAL);
    } else {
        SSL_CTX_sess_set_new_cb(ctx, got);
        SSL_CTX_set_session_cache_mode(ctx, SSL_SESS_CACHE_CLIENT | SSL_SESS_CACHE_NO_INTERNAL);
    }
}
