/* SPDX-License-Identifier: GPL-3.0-or-later
 * What the files of the edge share: the process itself, its channels, the clock. One edge serves one side: "theirs" are
 * domains that live on that side, "ours" are domains of the other side, for which this edge stands towards its servers. */
#ifndef LOCKGATE_EDGE_H
#define LOCKGATE_EDGE_H

#include <sys/queue.h>
#include <uv.h>

#include "channel.h"
#include "gwconf.h"
#include "outbox.h"
#include "rate.h"
#include "reason.h"
#include "record.h"
#include "sessions.h"

struct ask;
struct conn;
struct dns;
struct orders;
struct pair;
struct routes;
struct tickets;
struct tls;

TAILQ_HEAD(conn_list, conn);
struct order;

#define EDGE_LISTENERS 32
struct listener {
    struct edge *edge;
    int fd;
    uint8_t family;
    uint16_t port;
    bool waits; /* accepting failed for want of something; tried again at the next tick */
    uv_poll_t poll;
};

/* The tap (tap.h). fd -1: it is off, or over. */
struct tap { int fd; uint64_t bytes, max; struct buf packet; };

struct edge {
    struct gw_conf *conf;
    enum gw_side side;
    uint64_t epoch;             /* random, new for each start */
    char db_secret[65];         /* dialback, XEP-0185: hex, of this process */
    struct rec_limits limits;   /* of one record, from the configuration */
    uv_loop_t loop;
    uv_timer_t tick;
    uv_prepare_t prepare;
    uv_signal_t signal_term;
    struct channel parent, guard, journal, keeper, reader;
    struct outbox lines;        /* to the journal */
    struct listener *listeners[EDGE_LISTENERS];
    size_t n_listeners;
    struct tls *tls;
    struct sessions sessions;
    uint64_t asked, answered;   /* keeper_link.c: questions to the keeper, one at a time */
    unsigned char signature[1024];
    size_t signature_n;         /* of the newest answer; 0: refused */
    struct pair *pairs;         /* one for each allowed pair of domains */
    size_t n_pairs;
    struct pair **pairs_by_name; /* the same in an order of their names, to find one for each stanza */
    struct routes *routes;      /* the static map: which servers are down */
    struct orders *orders;
    TAILQ_HEAD(, order) unread; /* reading.c: asked of the second reader, in order */
    uint64_t last_read;         /* the last question to it */
    bool one_by_one;            /* it died: the next question waits for the answer to the last */
    struct tickets *tickets;
    struct conn_list conns, dirty;
    size_t n_conns;
    LIST_HEAD(, ask) asks;      /* sockets that the parent was asked for (ask.h) */
    LIST_HEAD(, dns) lookups;
    uint64_t last_ask;
    uint64_t flows;             /* the last flow number given */
    struct buf scratch;         /* one record, encoded; used and emptied within one function */
    struct buf xml;             /* the same for one stanza as XML */
    struct rec *rec;            /* one record, decoded; the same */
    struct { uint64_t accepted, refused, stanzas, written, answered, unanswered, failed, resumed; } count;
    struct { uint64_t at, count; } turned_away, slowed; /* connections refused, streams slowed since the journal's last line about them */
    struct bucket rate;         /* of all streams together (rate.h) */
    struct bucket *domain_rate; /* of each domain of this side, in the configuration's order */
    size_t n_verifies;          /* dialback: questions under way */
    struct tap tap;
    uint64_t lists_read;        /* how often revocation lists came while it ran */
    bool lists_said;            /* the journal knows that a revocation list is out of date */
    uint64_t ready_by;          /* READY waits for the keeper's certificates until then; 0: it was said */
    bool rested;                /* streams gave memory back since the heap was last trimmed */
    uint64_t trimmed_at;
    bool paused;                /* the parent asked for it (reload): no stanza to this guard any more */
    uint64_t stop_at;           /* not 0: ending, at that time at the latest */
};

#define EDGE_TICK_MS 250
static inline uint64_t edge_now(struct edge *e) { return uv_now(&e->loop); } /* ms, monotonic, of this round of the loop */
/* A number for the journal's flow_id: below 2^53 (JSON), unlike that of the other edge. */
uint64_t edge_flow(struct edge *e);
static inline const struct gw_side_conf *edge_side(const struct edge *e) { return &e->conf->side[e->side]; }

/* links.c: what comes over the channels */
void links_init(struct edge *e);
void links_flush(struct edge *e);
void links_tick(struct edge *e); /* ends the program when guard or journal stay away */

/* stats.c: one JSON object into out */
int stats_json(struct edge *e, struct buf *out) GW_MUST_CHECK;

/* main.c */
void edge_stop(struct edge *e); /* end in order */
int listener_add(struct edge *e, int fd, uint8_t family, uint16_t port) GW_MUST_CHECK; /* takes fd */

#endif
