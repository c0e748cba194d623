/* SPDX-License-Identifier: GPL-3.0-or-later
 * Between conn.c (running) and conn_end.c (ending); nobody else includes this. */
#ifndef LOCKGATE_EDGE_CONN_END_H
#define LOCKGATE_EDGE_CONN_END_H

#include "conn.h"

void conn_poll(struct conn *c);   /* waits for what the phase wants */
void conn_write(struct conn *c);  /* as much as goes out now */
/* Notes why it ends, unless that is known already. */
void conn_why(struct conn *c, enum gw_reason reason, struct str detail, struct str condition);
/* The last words are in the output: writes them and lingers. */
void conn_finish(struct conn *c);
/* The transport ended. */
void conn_lost(struct conn *c, const char *detail);

#endif
