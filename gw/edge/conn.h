/* SPDX-License-Identifier: GPL-3.0-or-later
 * One connection with one XML stream on it, in either role: descriptor, TLS, protocol engine, end. What the stream is for
 * is its owner's business (inbound.c, outbound.c, verify.c); the owner's struct begins with this one. */
#ifndef LOCKGATE_EDGE_CONN_H
#define LOCKGATE_EDGE_CONN_H

#include "edge.h"
#include "tls.h"
#include "xmpp.h"

enum conn_phase {
    CONN_CONNECTING, /* initiating: connect() is under way */
    CONN_SNIFF,      /* receiving: the first byte tells direct TLS from STARTTLS */
    CONN_PLAIN,      /* a stream before TLS */
    CONN_DRAIN,      /* <proceed/> is still to be written, nothing is read */
    CONN_HANDSHAKE,
    CONN_TLS,
    CONN_LINGER,     /* all is said; waits a moment for the peer's end, so that it gets to read the last words */
    CONN_DEAD
};

struct conn_ops {
    void (*ready)(struct conn *c, bool direct); /* the descriptor may be used: the owner makes the stream (xs), or for direct TLS waits */
    SSL *(*tls)(struct conn *c);                /* for the handshake that starts now; NULL: none possible */
    void (*secured)(struct conn *c);            /* handshake done, c->peer is known; the owner goes on with the stream */
    void (*event)(struct conn *c, struct xs_event *ev); /* all but XS_STARTTLS, XS_PEER_ERROR, XS_CLOSE, XS_FAIL */
    void (*leaving)(struct conn *c);            /* our end tag goes out next; may be NULL */
    void (*sent)(struct conn *c);               /* c->bytes_out has grown */
    void (*closed)(struct conn *c);             /* once: nothing can be sent or will come; c->reason says why */
    void (*release)(struct conn *c);            /* last: free the memory */
};

struct conn {
    struct edge *edge;
    const struct conn_ops *ops;
    int fd;
    uv_poll_t poll;
    int polled;           /* events that poll waits for now */
    enum conn_phase phase;
    SSL *ssl;
    struct xs *xs;
    bool direct, secure;  /* TLS from the first byte; handshake done */
    bool paused;          /* the owner takes no event now */
    bool holds_back;      /* all that it writes are answers: it reads no more while too many wait */
    bool slowed;          /* too fast (rate.h): not read for a moment */
    struct bucket rate, *slowed_by; /* its own; that of the domain that was too fast, or NULL */
    bool ended;           /* our end tag is out, or in the output */
    bool gone;            /* ops->closed was called */
    bool is_dirty;
    bool resting;         /* what only a busy stream needs was given back */
    bool came, tapped;    /* the peer began it; the tap has its beginning */
    uint32_t tap_seq[2];  /* the tap's next sequence numbers: ours, the peer's */
    bool want_write;      /* TLS or the socket waits for room */
    uint64_t lists;       /* edge.lists_read when the handshake began */
    size_t retry;         /* length of the SSL_write that must be repeated */
    struct net_addr local, remote;
    struct tls_peer peer; /* once secure */
    struct session_use use;
    uint64_t opened_at, deadline, progress_at, stanza_at, written_at; /* ms; deadline 0: none */
    uint64_t busy_at;     /* ms: the last bytes, either way */
    uint64_t partial_at;  /* since when the peer sends without finishing anything; 0: it does not */
    uint64_t bytes_in, bytes_out, stanzas_in, stanzas_out;
    /* why it ends: the first reason counts */
    enum gw_reason reason;
    char detail[160], condition[48];
    TAILQ_ENTRY(conn) all, dirty;
};

/* What the configuration allows a stream, in either role. */
struct xs_conf conn_conf(const struct edge *e, enum xs_role role);
/* Takes fd in phase CONNECTING or SNIFF. On an error fd is closed and the owner frees. */
int conn_init(struct conn *c, struct edge *e, int fd, enum conn_phase phase, const struct conn_ops *ops) GW_MUST_CHECK;
/* Output was added, or the owner wants events again: looked after once before the loop waits. */
void conn_touch(struct conn *c);
void conn_pause(struct conn *c, bool paused);
/* Orderly: our end tag, then the peer's is awaited for a moment. */
void conn_end(struct conn *c, enum gw_reason reason);
/* Stream error, then the end. condition as in RFC 6120 section 4.9.3; detail for the journal. */
void conn_fail(struct conn *c, const char *condition, enum gw_reason reason, const char *detail);
/* At once, without a word. */
void conn_kill(struct conn *c, enum gw_reason reason, const char *detail);
/* Deadlines, keepalive, progress: each tick. */
void conn_tick(struct conn *c);
/* What the prepare step does for a touched connection. */
void conn_serve(struct conn *c);
/* Everything written so far plus everything that waits: where the next output begins. */
uint64_t conn_offset(const struct conn *c);
/* Fails the connection when a call of the engine failed (no memory, or a broken invariant). True when it was fine. */
bool conn_ok(struct conn *c, int err);

#endif
