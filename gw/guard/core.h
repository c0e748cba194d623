/* SPDX-License-Identifier: GPL-3.0-or-later
 * The guard without its process: stanzas in, orders, lines and settlements out through callbacks (PROTOCOL.md). No descriptor, no
 * clock of its own, so that tests can play every failure. */
#ifndef LOCKGATE_GUARD_CORE_H
#define LOCKGATE_GUARD_CORE_H

#include "fields.h"
#include "gwconf.h"
#include "hash.h"
#include "ipc.h"
#include "policy.h"

#define GUARD_SCANNERS_MAX 16
#define GUARD_SCAN_DEPTH 64      /* questions in the hands of one scanner; what is behind waits in the guard */
#define GUARD_SCAN_BYTES 262144  /* and their bytes; one question may be larger */
#define GUARD_SCAN_UNIT 65536    /* limits.scan is given for each so many bytes of a question, or part of them */
#define GUARD_BLINK_MS 20        /* more than this between two looks at the clock is time that the guard itself did not get */
#define GUARD_STARVED_TIMES 10   /* a scanner that gets no processor may take so many times limits.scan by the clock */
#define GUARD_JOBS_MAX 65536     /* stanzas under judgement; credits keep it far below */
#define GUARD_STUBS_MAX 400000   /* orders not yet settled */
#define GUARD_OPENS_MAX 400000   /* what edges bring to a new guard */
#define GUARD_SETTLE_GRACE_MS 10000 /* beyond limits.deliver an order that is not settled is unknown */
#define GUARD_FLOWS_MIN 65536    /* of one edge; where twice the limits are more, that */
#define GUARD_KEEP_MS 5000 /* so long the journal may take to store what is held */
#define GUARD_NO_SCANNER_MS 3000 /* so long a stanza waits for a scanner to be started again */

/* What the core asks of its process. All return 0 or a negative code. */
struct guard_io {
    void *ctx;
    int (*order)(void *ctx, enum gw_side to, const struct msg_order *m);
    int (*verdict)(void *ctx, enum gw_side to, const struct msg_verdict *m);
    int (*settled)(void *ctx, enum gw_side to, const struct msg_settled *m);
    int (*flow)(void *ctx, enum gw_side to, const struct msg_flow *m);
    int (*scan)(void *ctx, unsigned scanner, const struct msg_scan *m);
    int (*kill_scanner)(void *ctx, unsigned scanner);
    int64_t (*scanner_cpu)(void *ctx, unsigned scanner); /* milliseconds of processor time that it has used; below 0: cannot be told */
    int (*keep)(void *ctx, const struct msg_keep *m);
    uint64_t (*next_number)(void *ctx); /* that the next line will have */
    int (*line)(void *ctx, uint8_t target, const struct ipc_hash *hash, enum gw_event event, struct str fields,
        struct str evidence); /* evidence: the stanza as it came, where the configuration wants it kept; else empty */
};

struct guard_counts {
    uint64_t stanzas, verdicts[GW_V_COUNT], answered, folded, folded_bytes, settled, scans, scan_lost, recovered, lines_refused, broken,
        let_through; /* refused by policy and released all the same (watch mode) */
};

struct guard;
/* Judges two stanzas of the gateway's own, ordered nowhere (probe.c); an earlier probe that is not answered is given up. */
void guard_probe(struct guard *g, uint64_t ask);
/* True, once: both lines are durable. */
bool guard_probed(struct guard *g, struct msg_probed *ret);
/* conf and policy outlive the guard. epoch: of this guard. key: of the salted hashes. */
struct guard *guard_new(const struct gw_conf *conf, struct policy *policy, uint64_t epoch, const struct hash_key *key,
    const struct guard_io *io);
void guard_free(struct guard *g);

/* ---- what comes in; PROTO or SYNTAX: that edge or scanner is broken, drop its channel (and say so by *_lost) ---- */
/* now_ms: monotonic; wall_ms: Unix time, for the rules */
/* The first line: which rules are in force. */
void guard_announce(struct guard *g);
void guard_clock(struct guard *g, int64_t now_ms, int64_t wall_ms);
void guard_edge_linked(struct guard *g, enum gw_side side);
void guard_edge_lost(struct guard *g, enum gw_side side);
int guard_hello(struct guard *g, enum gw_side side, const struct msg_hello *m) GW_MUST_CHECK;
int guard_flow(struct guard *g, enum gw_side side, const struct msg_flow *m) GW_MUST_CHECK;
/* What is still judged of it goes on; then it is forgotten. */
int guard_flow_end(struct guard *g, enum gw_side side, const struct msg_flow_end *m) GW_MUST_CHECK;
int guard_stanza(struct guard *g, enum gw_side side, const struct msg_stanza *m) GW_MUST_CHECK;
/* A stream towards this side has ended: what was written last may not have arrived. */
int guard_lost(struct guard *g, enum gw_side side, const struct msg_lost *m) GW_MUST_CHECK;
int guard_settle(struct guard *g, enum gw_side side, const struct msg_settle *m) GW_MUST_CHECK;
int guard_open_ticket(struct guard *g, enum gw_side side, const struct msg_open_ticket *m) GW_MUST_CHECK;
int guard_open_number(struct guard *g, enum gw_side side, const struct msg_open_number *m) GW_MUST_CHECK;
int guard_open_end(struct guard *g, enum gw_side side) GW_MUST_CHECK;
/* What this guard remembers, for its successor; what an earlier one remembered (any error: take no more of it). */
int guard_give_state(const struct guard *g, int (*put)(void *ctx, struct str record), void *ctx) GW_MUST_CHECK;
int guard_state(struct guard *g, const struct msg_state *m) GW_MUST_CHECK;
/* This edge sends no more stanzas to us: another guard is about to take over. */
void guard_paused(struct guard *g, enum gw_side side);
/* Both edges have paused, and everything that they sent is judged and settled. */
bool guard_drained(const struct guard *g);
void guard_scanner_linked(struct guard *g, unsigned scanner);
void guard_scanner_lost(struct guard *g, unsigned scanner);
int guard_scanned(struct guard *g, unsigned scanner, const struct msg_scanned *m) GW_MUST_CHECK;
int guard_kept(struct guard *g, const struct msg_kept *m) GW_MUST_CHECK;
void guard_journal_lost(struct guard *g); /* what it was storing is not held */
/* All lines up to number are on disk. */
void guard_durable(struct guard *g, uint64_t number);
/* Deadlines. Returns milliseconds until the next one, or -1. */
int guard_tick(struct guard *g);

const struct guard_counts *guard_counts(const struct guard *g);
struct guard_levels { size_t jobs, stubs, waiting_durable, flows; bool recovering; };
void guard_levels(const struct guard *g, struct guard_levels *ret);

#endif
