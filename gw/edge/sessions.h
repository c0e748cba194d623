/* SPDX-License-Identifier: GPL-3.0-or-later
 * TLS sessions kept for resumption (RFC 8446 section 2.2), in either role: TLS 1.3 alone, always with a fresh key agreement, never
 * with early data. A ticket that we give is a random name for what stays here, so there is no ticket key; it is good once, for the
 * pair that was proven, from the address that proved it, while the peer's verified chain is valid and at most limits.session_time
 * after the handshake that verified it. A session that a server gave us is used once, towards that server, for that pair.
 * What is kept lives in this process alone: nothing of it is known on the other side, or after a restart. */
#ifndef LOCKGATE_EDGE_SESSIONS_H
#define LOCKGATE_EDGE_SESSIONS_H

#include <openssl/ssl.h>
#include <sys/queue.h>
#include <uthash.h>

#include "net.h"

struct conn;
struct edge;
struct pair;
struct session;
TAILQ_HEAD(session_list, session);

/* All that one edge keeps, at most limits.sessions in both roles. */
struct sessions {
    struct session *given; /* those that peers may come back with, by name */
    struct session_list all; /* oldest first */
    size_t n;
    uint64_t era; /* how often all were dropped: what was verified before gets no ticket any more */
};

/* What a connection has to do with it. All zero: nothing. */
struct session_use {
    uint64_t era;
    struct pair *pair;    /* initiating: its own. Receiving: whom the header before TLS named, or NULL; resumed: whom the session was proven for */
    struct str ours;      /* receiving: the domain of that header, or empty */
    bool on, receiving, offered, resumed, given;
    bool proven;          /* initiating: the server's certificate was good for the pair */
    int64_t from, until;  /* Unix time within which the verdict on the peer's chain stands; until 0: there is none */
    struct { struct pair *pair; int64_t from, until; } found; /* of the session that the handshake is about to use */
};

void sessions_init(struct edge *e);
/* Drops all: what they were verified against may have changed. */
void sessions_drop(struct edge *e);
/* Callbacks of a context; life in seconds, 0: sessions are off and the context stays as it is. */
void sessions_context(SSL_CTX *ctx, bool server, int64_t life);

/* Before a handshake, c->ssl still to be: receiving, with what is known of the peer; initiating, with the newest session that fits. */
void session_await(struct conn *c, SSL *ssl, struct str ours, struct pair *pair);
void session_offer(struct conn *c, SSL *ssl, struct pair *pair);
/* After it: was it resumed, until when is the peer's chain good. */
void session_done(struct conn *c);
/* Receiving: a pair was proven by the peer's certificate. It gets a ticket, unless it has one. */
void session_give(struct conn *c, struct pair *pair);
/* Initiating, the stream came to nothing: was that on a handshake with a session? Then no more for this pair for a while. */
bool session_refused(struct conn *c);

#endif
