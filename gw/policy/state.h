/* SPDX-License-Identifier: GPL-3.0-or-later
 * What conditions may ask of the state. */
#ifndef LOCKGATE_POLICY_STATE_H
#define LOCKGATE_POLICY_STATE_H

#include "internal.h"

struct memo { double tokens; int64_t at; bool begun; uint16_t owner; }; /* owner: whose share of the table it takes; 0: nobody's */
/* Is this iq the answer to a question that was released the other way? */
enum tri state_asked(const struct pol_eval *e);
enum tri state_asked_in(const struct pol_eval *e); /* the same of the stanza as it came; without a state: no */
/* Has the recipient ever written to this sender? */
enum tri state_contact(const struct pol_eval *e);
/* The bucket of one rate rule (which) and key; it is full again, and forgotten, after per_ms. NULL: no state, or the table is full. A domain
 * whose senders take more than their share of the table has one bucket for all further ones, so they cannot fill it for others. */
struct memo *state_rate(struct pol_eval *e, uint64_t which, struct str key, int64_t per_ms);

/* ALIAS_KEY bytes: of the gateway, or zeros where nobody gave one (explain, test, replay). */
const unsigned char *state_secret(const struct pol_state *s);

/* Presence: what the recipient was told last (a hash; 0: not known). to: a bare address. */
uint64_t state_presence(const struct pol_eval *e, struct str from, struct str to);
void state_presence_set(struct pol_eval *e, struct str from, struct str to, uint64_t what);
void state_presence_forget(struct pol_eval *e, struct str from, struct str to); /* both bare: of all resources */
/* Somebody here has entered that room. */
bool state_room(const struct pol_eval *e, struct str bare);
void state_room_set(struct pol_eval *e, struct str bare);

/* A key for a table (never 0), and the memory of service discovery (NULL inside: nothing was learned yet). */
uint64_t state_key(const struct pol_state *s, const char *what, struct str a, struct str b, struct str c);
struct disco_memory **state_disco(struct pol_state *s);

/* For hashes of what is put into a table. s may be NULL. */
const struct siphash_key *state_siphash(const struct pol_state *s);

#endif
