/* SPDX-License-Identifier: GPL-3.0-or-later
 * Decisions about packets on their way to the journal: the first of a kind at once, its repeats counted and written once a second, or
 * once an hour where they are mere noise. */
#ifndef LOCKGATE_SAY_H
#define LOCKGATE_SAY_H

#include "net.h"
#include "outbox.h"
#include "reason.h"

#define SAY_KINDS 256 /* kinds (source, destination, protocol, port, reason) that are told apart within a second */
#define SAY_PERIOD_MS 1000
#define SAY_NOISE 32  /* of these kinds, at most so many of noise */
#define SAY_NOISE_MS 3600000
#define SAY_PROTO 24
/* A decision. from of family 0: what came is no IP, and only the protocol says what it was. */
struct said {
    struct net_addr from, to;
    const char *proto;  /* as the record names it; shorter than SAY_PROTO */
    const char *action; /* static, or NULL */
    const char *verdict; /* static: "admit", "drop"; NULL: none, it is noise that nobody refused anything to */
    enum gw_reason reason;
};
struct say_kind {
    struct said what; /* from.port 0; proto points to the next */
    char proto[SAY_PROTO];
    uint64_t repeats;
    int64_t due; /* of its repeats */
};
struct say {
    enum gw_side side;
    struct outbox *outbox;
    struct say_kind kind[SAY_KINDS];
    size_t n, n_noise;
    uint64_t others[GW_R_COUNT]; /* found no place among the kinds */
    uint64_t lost;               /* lines that the outbox did not take */
    int64_t due;
};
/* LIMIT: the line could not be kept; an admission must not happen then. */
int say_decision(struct say *s, const struct said *what, int64_t now_ms) GW_MUST_CHECK;
/* Writes what was counted, when it is due. */
void say_tick(struct say *s, int64_t now_ms);

#endif
