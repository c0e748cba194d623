/* SPDX-License-Identifier: GPL-3.0-or-later
 * The two ends of a connected socket, as values. */
#ifndef LOCKGATE_EDGE_ENDS_H
#define LOCKGATE_EDGE_ENDS_H

#include "net.h"

/* The socket's own name: with IP_TRANSPARENT the address that an intercepted peer dialled. Family 0 when it has none. */
bool ends_local(int fd, struct net_addr *ret);
bool ends_remote(int fd, struct net_addr *ret);

#endif
