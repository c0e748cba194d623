/* SPDX-License-Identifier: GPL-3.0-or-later
 * The second reader: what is about to leave is written as XML when its order comes, and read again in another process while the
 * journal syncs. Only bytes that were read as the record that the guard sent are ever written to a stream. */
#ifndef LOCKGATE_EDGE_READING_H
#define LOCKGATE_EDGE_READING_H

#include "orders.h"

void reading_init(struct edge *e);
void reading_linked(struct edge *e, int fd); /* takes fd */
/* A new order: finds its pair, makes its XML, asks the reader. o->pair stays NULL when it is no record of one of our pairs, o->xml
 * when it cannot be written; such an order is refused, not let out. */
void reading_begin(struct edge *e, struct order *o);
/* The order is about to be freed: an answer that comes later finds nothing. */
void reading_forget(struct edge *e, struct order *o);

#endif
