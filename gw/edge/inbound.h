/* SPDX-License-Identifier: GPL-3.0-or-later
 * Streams that servers of this side open: this edge is the receiving entity and shows itself as a domain of the other side. */
#ifndef LOCKGATE_EDGE_INBOUND_H
#define LOCKGATE_EDGE_INBOUND_H

#include "conn.h"
#include "counted.h"
#include "jid.h"
#include "lines.h"
#include "pair.h"

struct verify;
struct inpair { struct pair *pair; uint64_t flow; const char *auth; };
struct inbound {
    struct conn c;               /* first */
    TAILQ_ENTRY(inbound) waiting; /* in pair->waiting while a stanza is held */
    struct str from, to;         /* of the newest header, prepared; from may be empty */
    char *from_text, *to_text;   /* these two */
    char stream_id[33];
    bool opened;                 /* a pair was proven: the journal has "open" */
    bool asked;                  /* it asked about a dialback key: a stream that is for nothing else */
    struct inpair *pairs;        /* proven, at most limits.pairs_per_stream */
    size_t n_pairs;
    LIST_HEAD(, verify) verifies; /* dialback under way */
    size_t n_verifies, n_refused; /* db:result: under way, refused */
    bool extended;               /* the handshake's time was lengthened, once, for a dialback */
    struct counting counting;    /* stream management */
    struct rec *held;            /* waits for credit; the stream is paused */
    struct inpair *held_for;
    uint64_t held_since;
};

void inbound_accept(struct listener *l); /* takes all that wait */
/* There is credit again: the held stanza goes, the stream reads on. */
void inbound_credit(struct inbound *in);
void inbound_tick(struct inbound *in);
void inbound_handled(struct inbound *in); /* tells the peer how many of its stanzas are handled, where stream management is on */
bool inbound_proven(const struct inbound *in, const struct pair *p);
/* A pair was proven on this stream (auth: how). False: no room. */
bool inbound_prove(struct inbound *in, struct pair *p, const char *auth);
bool conn_is_inbound(const struct conn *c);
/* FLOW for each proven pair, to a new guard. */
int inbound_report(struct inbound *in) GW_MUST_CHECK;

/* inbound_db.c: db:result and db:verify */
void inbound_db_result(struct inbound *in, const struct xs_event *ev);
void inbound_db_verify(struct inbound *in, const struct xs_event *ev);
/* Counts what could not be proven; the journal has a line for the first. */
void inbound_note(struct inbound *in, enum gw_reason why, const char *error);
/* The same for a db:result; too many end the stream. False: it ended. */
bool inbound_refused(struct inbound *in, enum gw_reason why, const char *error);
void inbound_db_end(struct inbound *in); /* the stream is gone */
/* inbound_stanza.c */
void inbound_stanza(struct inbound *in, const struct xs_event *ev); /* takes the stanza */

#endif
