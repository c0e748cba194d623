/* SPDX-License-Identifier: GPL-3.0-or-later
 * Hosts that took part in an admitted connection, by side: for these the parent makes sockets that bear their address. */
#ifndef LOCKGATE_SEEN_H
#define LOCKGATE_SEEN_H

#include "net.h"

/* A set of fixed size. The least recently touched entry of a row of 8 makes room, one that was used before one that was only
 * seen; rows are chosen by a keyed hash, so that nobody can aim at a row. */
struct seen;
struct seen *seen_new(void); /* NULL: no memory */
void seen_free(struct seen *s);
void seen_add(struct seen *s, enum gw_side side, const struct net_addr *a, int64_t now);
/* Is it there? Touches it and marks it as used. */
bool seen_use(struct seen *s, enum gw_side side, const struct net_addr *a, int64_t now);
size_t seen_count(const struct seen *s);

#endif
