/* SPDX-License-Identifier: GPL-3.0-or-later
 * Lines on their way to the journal: numbered, kept until the journal says that they are durable, sent again over a new
 * channel (PROTOCOL.md, "Journal lines" and "When a program dies"). */
#ifndef LOCKGATE_OUTBOX_H
#define LOCKGATE_OUTBOX_H

#include "fields.h"
#include "ipc.h"

struct outbox_line;
struct outbox {
    uint64_t epoch;               /* the sender's; MSG_LINE.guard */
    uint64_t last, durable;       /* numbers: given last, known to be on disk */
    struct outbox_line *head, *tail, *unsent;
    size_t bytes, max;            /* of what is kept */
};
void outbox_init(struct outbox *o, uint64_t epoch, size_t max_bytes);
void outbox_clear(struct outbox *o);
/* Takes a line; fields are as the field_* writers made them. hash may be NULL (all zero) where target is LINE_TARGET_NONE.
 * LIMIT: too much waits, the line was not taken, and what it is about must not happen. NOMEM. */
int outbox_add(struct outbox *o, uint8_t target, const struct ipc_hash *hash, enum gw_event event, struct str fields,
    uint64_t *ret_number) GW_MUST_CHECK;
/* The same with evidence: what the line is about, as bytes, for the auditors (PROTOCOL.md, "Evidence"). */
int outbox_add_evidence(struct outbox *o, uint8_t target, const struct ipc_hash *hash, enum gw_event event, struct str fields,
    struct str evidence, uint64_t *ret_number) GW_MUST_CHECK;
/* Queues on the channel what was not yet; the caller flushes. LIMIT: the channel is full, call again when it drained. */
int outbox_send(struct outbox *o, struct ipc *journal) GW_MUST_CHECK;
/* A new channel: everything that is not durable is to be sent again. */
void outbox_relink(struct outbox *o);
/* DURABLE came: forgets lines up to its number. PROTO: another sender's epoch, or a number never given. */
int outbox_durable(struct outbox *o, const struct msg_durable *m) GW_MUST_CHECK;

#endif
