/* SPDX-License-Identifier: GPL-3.0-or-later
 * The guard's core on its channels. */
#ifndef LOCKGATE_GUARD_PROCESS_H
#define LOCKGATE_GUARD_PROCESS_H

#include "core.h"
#include "outbox.h"

/* channels, in the order in which they are read: what settles before what comes new */
enum { CH_PARENT, CH_JOURNAL, CH_GUARD, CH_SCANNER, CH_EDGE = CH_SCANNER + GUARD_SCANNERS_MAX, CH_COUNT = CH_EDGE + GW_SIDES };
struct process {
    struct guard *guard;
    struct policy *policy;
    struct ipc *ch[CH_COUNT];
    uint32_t scanner_pid[GUARD_SCANNERS_MAX];
    struct outbox lines;
    bool stop, enforce;
    int64_t starved_at; /* ms; when memory was short for the last time; 0: never */
    bool starved; /* twice within STARVED_MS: it ends, and its successor begins with all that limits.memory gives */
    bool given; /* the successor has what we remember */
    bool heard[GW_SIDES], met; /* an edge said its first word; both did. Before that no edge is read on: what it brings could go nowhere */
    int64_t missing_since; /* ms; since when the journal or an edge is not linked; 0: all are */
};
int process_init(struct process *p, const struct gw_conf *conf, struct policy *policy, uint64_t epoch, const struct hash_key *key,
    int parent_fd) GW_MUST_CHECK;
int process_run(struct process *p); /* exit status */
void process_clear(struct process *p);

#endif
