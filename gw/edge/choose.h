/* SPDX-License-Identifier: GPL-3.0-or-later
 * The order in which several servers are tried: RFC 2782, for SRV records and for the static map alike. Pure. */
#ifndef LOCKGATE_EDGE_CHOOSE_H
#define LOCKGATE_EDGE_CHOOSE_H

#include <stddef.h>
#include <stdint.h>

struct choice {
    uint32_t priority; /* lower ones first */
    uint16_t weight;   /* among equals: its share of being the first; 0: a small one */
    unsigned index;    /* of whatever the caller chooses from */
};
/* Puts v into the order of trying. random: any 32 bits. */
void choose(struct choice *v, size_t n, uint32_t (*random)(void));

#endif
