/* SPDX-License-Identifier: GPL-3.0-or-later
 * The edge's channel to the keeper: signatures for handshakes. */
#ifndef LOCKGATE_EDGE_KEEPER_LINK_H
#define LOCKGATE_EDGE_KEEPER_LINK_H

#include "edge.h"

void keeper_init(struct edge *e);
void keeper_linked(struct edge *e, int fd); /* takes fd */
/* A signer_sign (signer.h), arg: the edge. Waits for the answer, at most KEEPER_MS; while an answer is overdue the next calls fail
 * at once. CLOSED: no keeper; AGAIN: not in time; DENIED: it refused. */
#define KEEPER_MS 1000
int keeper_sign(void *arg, struct str domain, uint16_t scheme, struct str input, unsigned char *sig, size_t *ret_n) GW_MUST_CHECK;

#endif
