/* SPDX-License-Identifier: GPL-3.0-or-later
 * One stream from the inside: its states, what can happen to it, and what the parts of the engine do for each other. */
#ifndef LOCKGATE_XMPP_STREAM_H
#define LOCKGATE_XMPP_STREAM_H

#include "stanza.h"
#include "writer.h"
#include "xmpp.h"

/* CLEAR, TLS, AUTH: what protects the stream. HEAD: the peer's header is due; ASKED: the caller must answer it; then
 * the negotiation of that stage (receiving: our features are out; initiating: the peer's are due). */
#define XS_STATES(X) X(BLANK, "blank") X(NEW, "new") X(HEAD_CLEAR, "header in clear") X(ASKED_CLEAR, "header in clear to be answered") \
    X(CLEAR, "in clear") X(WANT_TLS, "starttls asked for") X(HANDSHAKE, "TLS handshake") X(HEAD_TLS, "header under TLS") \
    X(ASKED_TLS, "header under TLS to be answered") X(TLS, "under TLS") X(OFFERED, "features known") \
    X(CHALLENGED, "SASL response is due") X(PROVING, "SASL outcome is due") X(HEAD_AUTH, "header after SASL") \
    X(ASKED_AUTH, "header after SASL to be answered") X(AUTH, "after SASL") X(READY, "ready") X(CLOSING, "closing") \
    X(LEAVING, "leaving") X(DONE, "done")
enum xs_state {
#define X(name, text) ST_##name,
    XS_STATES(X)
#undef X
    ST_COUNT
};

/* What the peer does (IN) and what the caller does (DO). */
#define XS_INPUTS(X) X(IN_HEADER) X(IN_FEATURES) X(IN_STARTTLS) X(IN_PROCEED) X(IN_TLS_FAILURE) X(IN_AUTH) X(IN_CHALLENGE) \
    X(IN_RESPONSE) X(IN_ABORT) X(IN_SUCCESS) X(IN_SASL_FAILURE) X(IN_DB_ASK) X(IN_DB_VERIFY) X(IN_DB_ANSWER) X(IN_DB_VERIFIED) \
    X(IN_STANZA) X(IN_MANAGE) X(IN_ERROR) X(IN_OTHER) \
    X(DO_START) X(DO_ACCEPT) X(DO_TLS_DONE) X(DO_AUTH_OK) X(DO_AUTH_NO) X(DO_EXTERNAL) X(DO_DB_ASK) X(DO_DB_REPLY) X(DO_DB_VALID) \
    X(DO_WRITE) X(DO_SPACE) X(DO_END)
enum xs_input {
#define X(name) name,
    XS_INPUTS(X)
#undef X
    IN_COUNT
};

#define DB_OPEN_MAX 64    /* dialback questions without an answer, each way */
#define AUTH_TRIES 3

/* A dialback question that we asked: an answer to anything else is an attack (XEP-0220 section 4.1). */
struct db_open {
    struct db_open *next;
    bool verify;
    struct str from, to, id; /* as we sent them; allocated with the entry */
};

struct xs {
    struct xs_conf conf;
    char *names; /* conf.from and conf.to point in here */
    enum xs_state state;
    struct reader rd;
    struct buf out;
    bool header_out, end_out; /* what was written for the present document */
    /* the present document's header, as the peer sent it */
    struct arena head;
    struct str peer_from, peer_to, peer_id;
    char *at_rest; /* where these three are while it rests (xs_rest), instead of in head */
    bool peer_default_ns, peer_db; /* content namespace fits or is not declared; xmlns:db declared */
    char *id; /* receiving: ours */
    bool external;
    enum { MANAGED_NOT, MANAGED_OFFERED, MANAGED_ON } managed; /* receiving: stream management */
    unsigned unmanaged; /* its requests that were refused */
    unsigned tries;
    struct db_open *asked;
    unsigned n_asked, n_theirs;
    /* the first-level element that is being read */
    enum { UNIT_NONE, UNIT_STANZA, UNIT_NONZA } unit;
    struct stanza st;
    size_t st_bytes;
    struct nonza el;
    /* what the hooks found, until xs_next works on it */
    bool got_header, got_unit, got_end, got_space;
    struct fault header_fault;
    bool say_ready, failed;
    struct fault fail; /* for XS_FAIL */
    struct buf scratch; /* decoded authzid */
    int err; /* sticky: out of memory */
};

/* ---- stream.c ---- */
void xs_change_state(struct xs *s, enum xs_state to);
/* Writes the stream error and ends; what is still to be said goes into the event XS_FAIL. */
int xs_refuse(struct xs *s, const char *condition, enum gw_reason reason, const char *detail, const char *text);
int xs_restart(struct xs *s); /* a fresh document, inbound and outbound */

/* ---- header.c ---- */
void header_ns(struct xs *s, struct str prefix, struct str uri);
void header_read(struct xs *s, const struct xml_name *n, const char **atts); /* sets header_fault, got_header */
int header_write(struct xs *s, struct str from, struct str to, struct str id);
int header_end(struct xs *s); /* </stream:stream>, once */

/* ---- features.c ---- */
int features_write(struct xs *s);
void features_read(const struct xs *s, struct xs_event *ev);

/* ---- sasl.c ---- */
enum xs_input sasl_classify(const struct nonza *z);
int sasl_auth(struct xs *s, struct xs_event *ev);     /* <auth/>, <response/>: an event, a challenge or a failure */
int sasl_fail(struct xs *s, const char *condition);   /* counts the tries */
int sasl_write(struct xs *s, const char *element, const char *attrs, struct str data, bool empty_is_equals);
void sasl_failure_read(const struct xs *s, struct xs_event *ev);

/* ---- manage.c ---- */
enum xs_input manage_classify(const struct xs *s);

/* ---- dialback.c ---- */
enum xs_input db_classify(const struct nonza *z);
int db_read(struct xs *s, struct xs_event *ev, bool verify, bool answer);
int db_write(struct xs *s, bool verify, struct str from, struct str to, struct str id, struct str key, const char *type, const char *condition);
int db_remember(struct xs *s, bool verify, struct str from, struct str to, struct str id);
void db_forget_all(struct xs *s);

#endif
