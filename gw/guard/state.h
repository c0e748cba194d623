/* SPDX-License-Identifier: GPL-3.0-or-later
 * What the files of the guard's core share. */
#ifndef LOCKGATE_GUARD_STATE_H
#define LOCKGATE_GUARD_STATE_H

#include <time.h>

#include "core.h"
#include "siphash.h"

/* keys come from edges: keyed hashing */
#define HASH_FUNCTION(p, n, h) ((h) = (unsigned)siphash(siphash_process_key(), (p), (n)))
#include <uthash.h>

/* A domain pair, both directions: verdicts come in the order in which its stanzas came. */
struct pair {
    UT_hash_handle hh;
    struct job *head, *tail;
    size_t n;
    size_t key_n;
    char key[]; /* the domain of high, NUL, the domain of low */
};
/* A stream's domain pair, as its edge announced it. */
struct flow {
    UT_hash_handle hh;
    uint64_t id;
    enum gw_side side;
    struct pair *pair;
    enum gw_reason forbidden; /* NONE, or why nothing of it may cross */
    struct str from_domain, to_domain;
    struct msg_flow msg; /* strings in text */
    bool told;           /* the far edge knows it; cleared when that edge is new */
    unsigned refs;       /* jobs and stubs; dead flows go when the last one does */
    bool dead;
    struct buf fields;   /* the journal fields that all its lines begin with */
    char text[];
};
enum job_state { JOB_FREE, JOB_WAITS, JOB_SCANNING, JOB_KEEPING, JOB_READY };
/* One stanza under judgement. */
struct job {
    struct job *next;       /* in its pair */
    struct job *scan_next;  /* with a scanner, or waiting for one */
    enum job_state state;
    struct flow *flow;
    enum gw_side side;
    uint64_t epoch, ticket, scan_id;
    int64_t since;  /* monotonic: sent to a scanner, or waiting for one */
    size_t scan_bytes;
    int64_t began_us, scan_us;
    unsigned tries;
    struct buf bytes;
    struct rec *rec;
    struct pol_eval *eval;
    enum gw_reason bad; /* refused before the policy saw it */
    bool decoded;
    uint64_t held;        /* the number under which it is kept; 0: it is not */
    struct job *keep_next;
    uint8_t probe; /* of our own (probe.c); 0: an edge brought it */
};
struct job_queue { struct job *head, *tail; size_t n; };

/* An order (or a verdict without one) until everything about it is known. */
struct stub {
    UT_hash_handle hh;
    struct stub_key { uint64_t guard, number, target; } key; /* target: the side whose edge settles it */
    uint64_t near_epoch, ticket;
    struct flow *flow; /* holds it; NULL: of an earlier guard's */
    enum gw_side near;
    uint8_t purpose;           /* enum order_purpose */
    bool durable, known;
    int64_t since; /* monotonic: durable; before that, judged */
    int64_t durable_ms; /* between these two */
    enum gw_reason outcome;    /* once known */
    uint8_t from_side;
};
/* A verdict whose line is not durable yet. */
struct waiting {
    uint64_t number, epoch, ticket;
    uint8_t side, verdict, reason, target; /* target: as in the stub; GW_SIDES: there is none */
    uint8_t probe, would; /* of our own (probe.c): its kind, and what enforcement says; ticket is the probe's generation then */
    bool settle; /* nothing was ordered to the far side: settled as soon as it is durable */
};
struct open_ticket { uint64_t ticket; struct str stub; char *bytes; };
struct open_number { uint64_t guard, number, epoch, ticket; uint8_t state; bool used, settled; enum gw_reason reason; };
struct edge {
    bool linked, hello, ended, paused;
    uint64_t epoch, last_ticket;
    struct flow *flows;
    struct open_ticket *tickets;
    size_t n_tickets, cap_tickets;
    struct open_number *numbers;
    size_t n_numbers, cap_numbers;
};
struct scanner {
    bool linked, overdue; /* overdue: seen so once; ended when a look at its channel brings nothing */
    bool timed;           /* cpu was read for the question that it is at */
    int64_t cpu;          /* its processor time then, ms; below 0: cannot be told */
    struct job_queue q;
    size_t bytes;  /* of the questions in its hands */
    int64_t since; /* its last answer, in the guard's own time (seen) */
};

struct guard {
    const struct gw_conf *conf;
    struct policy *policy;
    struct pol_state *state;
    uint64_t epoch;
    struct hash_key key;
    struct guard_io io;
    int64_t now, wall;
    int64_t seen; /* milliseconds that passed while the guard was awake to see them: a scanner's time */
    struct edge edge[GW_SIDES];
    struct scanner scanner[GUARD_SCANNERS_MAX];
    struct job_queue waiting; /* for a scanner */
    struct job *keeping;      /* the journal is storing them, newest first */
    uint64_t n_held, n_kept;  /* given to the journal; answered by it */
    struct pair *pairs, forbidden[GW_SIDES];
    struct job *pool;
    size_t n_jobs, n_pool;
    uint64_t scan_id;
    struct stub *stubs;
    struct waiting *ring; /* of verdicts not yet durable */
    size_t ring_at, ring_n, ring_cap;
    uint64_t durable;
    bool recovered;
    bool stalled; /* the journal takes nothing now: verdicts wait */
    size_t n_known; /* stubs whose outcome could not be written yet */
    int64_t looked; /* when overdue stubs were looked for */
    struct buf out, fields, scan_bytes;
    struct arena scan_arena;
    struct rec_limits limits;
    struct guard_counts counts;
    struct { struct msg_probed answer; int open; bool ready; uint64_t generation; } probe;
};

static inline int64_t clock_us(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (int64_t)t.tv_sec * 1000000 + t.tv_nsec / 1000;
}

/* pairs.c, flows and jobs */
struct pair *pair_get(struct guard *g, enum gw_side side, struct str from, struct str to, bool forbidden);
struct flow *flow_find(struct guard *g, enum gw_side side, uint64_t id);
void flow_release(struct guard *g, struct flow *f);
void flows_drop(struct guard *g, enum gw_side side);
void flow_tell(struct guard *g, struct flow *f);
struct job *job_get(struct guard *g);
void job_put(struct guard *g, struct job *j);
/* scanning.c */
void scan_submit(struct guard *g, struct job *j);
void scan_failed(struct guard *g, struct job *j, enum gw_reason why);
int scan_tick(struct guard *g);
void job_step(struct guard *g, struct job *j, enum pol_step step);
/* holding.c */
void hold_submit(struct guard *g, struct job *j);
int hold_tick(struct guard *g);
/* verdicts.c */
int out_encode(struct guard *g, const struct rec *r); /* into g->out */
void pair_commit(struct guard *g, struct pair *p);
void commit_all(struct guard *g);
/* core.c */
void job_begin(struct guard *g, struct job *j); /* decoded, checked, judged as far as it goes without a scanner */
/* probe.c */
void probe_durable(struct guard *g, const struct waiting *w);
/* settle.c */
struct stub *stub_add(struct guard *g, uint64_t guard, uint64_t number, enum gw_side target);
void stub_free(struct guard *g, struct stub *s); /* it is out of the table */
void stubs_overdue(struct guard *g);
void stub_known(struct guard *g, struct stub *s, enum gw_reason outcome);
void stubs_retry(struct guard *g);
void stubs_edge_lost(struct guard *g, enum gw_side side);
bool delivery_line(struct guard *g, const struct stub *s, enum gw_reason outcome, struct str stanza);
bool edge_is(const struct guard *g, enum gw_side side, uint64_t epoch);
bool ring_push(struct guard *g, const struct waiting *w);
/* recover.c */
void recover_try(struct guard *g);
void recover_forget(struct guard *g, enum gw_side side);

#endif
