/* SPDX-License-Identifier: GPL-3.0-or-later
 * A netlink queue of a namespace: first packets in, verdicts out, in batches. Each has a socket of its own, and so a buffer of its own. */
#ifndef LOCKGATE_QUEUE_H
#define LOCKGATE_QUEUE_H

#include "err.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define QUEUE_ASK 0       /* numbers that the packet rules use (gw/ctl/inline.h): from here on, as many as are configured */
#define QUEUE_AUDIT 10
#define QUEUES_MAX 9      /* eight and the one of AUDIT */
#define QUEUE_MARK_KEEP 0xfffff00fu
#define QUEUE_MARK_ADMITTED 0x100u
#define QUEUE_MARK_PROBE 0x200u /* to the decoy */
#define QUEUE_MARK_CROWDED 0x4000u /* came with it: too many of its source are open */
#define QUEUE_MARK_STRANGE 0x8000u /* came with it: its source does not live behind this card */
#define QUEUE_MARK_RESET 0x400u /* told by a reset that its connection is not known */
#define QUEUE_BATCH 64

struct queue;
/* Binds a queue of the network namespace that the process is in. SYS (errno: EPERM another admission has them, or no
 * CAP_NET_ADMIN; EOPNOTSUPP or ENOENT: the kernel lacks nfnetlink_queue). */
int queue_open(uint16_t number, struct queue **ret) GW_MUST_CHECK;
void queue_close(struct queue *q);
int queue_fd(const struct queue *q);

/* A packet that waits for its verdict. */
struct queued {
    const unsigned char *packet; /* borrowed until the next queue_read */
    size_t n;                    /* of it, that were copied here */
    bool audit;
    uint32_t give;               /* the answer: a mark to go on with, set by the caller; 0 is a drop */
    uint32_t id, mark;
};
/* Up to QUEUE_BATCH packets; how many, 0 when there are none now, or SYS. */
int queue_read(struct queue *q, struct queued v[QUEUE_BATCH]) GW_MUST_CHECK;
/* The verdicts of one batch, all that queue_read gave, in one system call: one message where all are the same. */
int queue_answer(struct queue *q, const struct queued *v, size_t n) GW_MUST_CHECK;

#endif
