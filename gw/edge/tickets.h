/* SPDX-License-Identifier: GPL-3.0-or-later
 * Stanzas that this edge gave to the guard and that are not settled: for each a stub, enough to answer its sender. */
#ifndef LOCKGATE_EDGE_TICKETS_H
#define LOCKGATE_EDGE_TICKETS_H

#include "counted.h"
#include "pair.h"

int tickets_init(struct edge *e) GW_MUST_CHECK;
/* Sends the record (sealed, pair set) to the guard under the next ticket, and keeps the stub. The pair must have credit. It is counted in c
 * from then on. LIMIT: too large; NOMEM. */
int tickets_send(struct edge *e, struct pair *p, uint64_t flow, const struct rec *r, struct counting *c) GW_MUST_CHECK;
/* Its line is on the disk: stream management counts it. */
void tickets_verdict(struct edge *e, const struct msg_verdict *m);
void tickets_settled(struct edge *e, const struct msg_settled *m);
int tickets_report(struct edge *e) GW_MUST_CHECK; /* OPEN_TICKETs to a new guard */
size_t tickets_open(const struct edge *e);
/* Answers the sender of r with the error that fits the reason, over the pair's own stream; silent where no answer may be given. */
void tickets_answer(struct edge *e, struct pair *p, const struct rec *r, enum gw_reason reason);

#endif
