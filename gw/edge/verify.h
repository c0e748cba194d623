/* SPDX-License-Identifier: GPL-3.0-or-later
 * Dialback as receiving server (XEP-0220 section 2.1.2): asking the authoritative server of a domain whether a key is its own.
 * It is looked for on this side only, by configuration and DNS, never where the stream came from. */
#ifndef LOCKGATE_EDGE_VERIFY_H
#define LOCKGATE_EDGE_VERIFY_H

#include "inbound.h"

struct verify_conn;
struct verify {
    struct inbound *in;
    struct pair *pair;
    struct dial dial;
    struct verify_conn *conn; /* the server that is being asked */
    char id[33];              /* of the stream that brought the key */
    char *key;
    LIST_ENTRY(verify) link;
};
/* Begins to ask; the answer goes to the inbound stream. NOMEM. */
int verify_start(struct inbound *in, struct pair *p, struct str key) GW_MUST_CHECK;
/* The inbound stream is gone. */
void verify_drop(struct verify *v);

#endif
