/* SPDX-License-Identifier: GPL-3.0-or-later
 * The scanner's loop: one channel to the parent, one to each guard. */
#ifndef LOCKGATE_SCANNER_H
#define LOCKGATE_SCANNER_H

#include "content.h"
#include "ipc.h"

#define SCANNER_GUARDS_MAX 16
struct scanner {
    struct content *content; /* borrowed */
    struct ipc *parent, *guard[SCANNER_GUARDS_MAX];
    struct arena arena; /* of one request */
    struct buf result;
    uint64_t n_scans, n_unknown, n_matches, yara_ns, dlp_ns, bytes;
    bool stop;
};
/* Takes parent_fd; memory for requests and answers is got here. */
int scanner_init(struct scanner *s, struct content *content, int parent_fd) GW_MUST_CHECK;
void scanner_clear(struct scanner *s);
/* Until STOP (0) or the parent's end of the channel is gone (1). */
int scanner_run(struct scanner *s);

#endif
