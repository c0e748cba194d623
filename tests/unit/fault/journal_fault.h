/* SPDX-License-Identifier: GPL-3.0-or-later
 * What the fault layer and the test share. */
#ifndef JOURNAL_FAULT_H
#define JOURNAL_FAULT_H

#include <sys/types.h>

#define FAULT_FILES 4096
struct fault_file { ino_t inode; off_t synced; };
struct fault {
    volatile int write_errno, sync_errno; /* 0: no fault */
    volatile int sync_times, sync_left;   /* sync_times: only so often */
    volatile int halved, fake_sync;       /* fake_sync: nothing waits for the disk; lengths are kept all the same */
    volatile long failed, syncs, clock_offset;
    struct fault_file file[FAULT_FILES];
};

#endif
