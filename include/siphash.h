/* SPDX-License-Identifier: GPL-3.0-or-later
 * SipHash-2-4 (Aumasson, Bernstein 2012), for tables whose keys a peer chooses. */
#ifndef LOCKGATE_SIPHASH_H
#define LOCKGATE_SIPHASH_H

#include <stddef.h>
#include <stdint.h>

struct siphash_key { uint64_t k0, k1; };
/* A key that was drawn at random once in this process (first call). */
const struct siphash_key *siphash_process_key(void);
uint64_t siphash(const struct siphash_key *key, const void *p, size_t n);

#endif
