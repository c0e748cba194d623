/* SPDX-License-Identifier: GPL-3.0-or-later
 * The tables of the state, for the two files that know them: the one that uses them, and the one that hands them over. */
#ifndef LOCKGATE_POLICY_STATE_TABLE_H
#define LOCKGATE_POLICY_STATE_TABLE_H

#include "alias.h"
#include "disco.h"
#include "state.h"

#define QUESTION_MS 300000LL /* how long an answer may take */
#define CONTACT_MS (400LL * 86400000)
#define PRESENCE_MS (6LL * 3600000)
#define RATE_MS 86400000LL

#define OWNERS 4096            /* domains are told apart by a hash below this */
#define RATE_SHARE (1u << 16)  /* rates that one domain's senders may have counted at a time; the table holds eight times as many */

struct slot { uint64_t key; int64_t expires; struct memo memo; };
struct table { struct slot *v; size_t mask, n; int64_t looked; };
enum state_table { TABLE_QUESTIONS, TABLE_CONTACTS, TABLE_RATES, TABLE_PRESENCE, TABLE_LOST, STATE_TABLES };
struct pol_state {
    struct siphash_key key; /* of all keys in the tables; handed over with them */
    struct table table[STATE_TABLES];
    uint32_t owned[OWNERS]; /* entries of the table of rates, or more: what has grown old is taken off when it matters */
    int64_t recounted;
    int64_t generation; /* of what is known of presence; a new one forgets all */
    int64_t n_lost;
    int64_t young_until;
    unsigned char secret[ALIAS_KEY];
    struct disco_memory *disco;
    bool taking, same_rules; /* what an earlier guard knew is coming in */
};
/* The entry, made when it is not there; NULL: the table is full of what is not old yet, or no memory. */
struct slot *table_add(struct table *t, uint64_t key, int64_t now, int64_t life);

#endif
