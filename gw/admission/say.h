/* SPDX-License-Identifier: GPL-3.0-or-later
 * Decisions on their way to the journal: the first of a kind at once, its repeats counted and written once a second. */
#ifndef LOCKGATE_SAY_H
#define LOCKGATE_SAY_H

#include "decide.h"
#include "outbox.h"

#define SAY_KINDS 256 /* kinds (source, destination, protocol, port, reason) that are told apart within a second */
#define SAY_PERIOD_MS 1000
struct say_kind {
    struct net_addr from, to; /* from.port 0 */
    uint8_t proto;
    bool quic;
    enum gw_reason reason;
    bool taken;
    uint64_t repeats;
};
struct say {
    enum gw_side side;
    struct outbox *outbox;
    struct say_kind kind[SAY_KINDS];
    size_t n;
    uint64_t others[GW_R_COUNT]; /* found no place among the kinds */
    uint64_t lost;               /* lines that the outbox did not take */
    int64_t due;
};
/* A frame that is no IP comes as a packet of family 0 with its ethertype as to.port. LIMIT: the line could not be kept; an admission must not happen then. */
int say_decision(struct say *s, const struct packet *p, enum gw_reason reason, int64_t now_ms) GW_MUST_CHECK;
/* Writes what was counted, when it is due. */
void say_tick(struct say *s, int64_t now_ms);

#endif
