/* SPDX-License-Identifier: GPL-3.0-or-later
 * Stanzas and bytes a second: of one stream, of one domain, of the whole side. What comes faster is not lost, its stream is read
 * more slowly, and TCP tells the peer. */
#ifndef LOCKGATE_EDGE_RATE_H
#define LOCKGATE_EDGE_RATE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct conn;

/* Two token buckets of one second each, in thousandths of a stanza and of a byte. Zero-filled: full at its first use. */
struct bucket { int64_t stanzas, bytes; uint64_t at; };
struct bucket_rate { int64_t stanzas, bytes; }; /* a second */
/* Fills it up to now (ms, never 0), then takes. What is there already must be counted even if it is too much, so that a bucket may go
 * into debt; true while it has no debt. */
bool bucket_take(struct bucket *b, const struct bucket_rate *r, uint64_t now, uint64_t stanzas, uint64_t bytes);

/* n bytes were read from this connection. */
void rate_read(struct conn *c, size_t n);
/* It brought a stanza, or a question of dialback or of stream management. */
void rate_stanza(struct conn *c);
/* That stanza, of so many bytes, was of a domain with this bucket. */
void rate_domain(struct conn *c, struct bucket *domain, size_t bytes);
/* Reads on when the debts are paid. */
void rate_tick(struct conn *c);

#endif
