/* SPDX-License-Identifier: GPL-3.0-or-later
 * Frames that are no IP: the packet rules drop them at the card and log them to a netlink group; here they are read. */
#ifndef LOCKGATE_FRAMES_H
#define LOCKGATE_FRAMES_H

#include <stddef.h>
#include <stdint.h>

#include "err.h"

#define FRAMES_GROUP 5 /* a number that the packet rules use (gw/ctl/inline.h) */
#define FRAMES_BATCH 64

struct frames;
/* Binds the group in the network namespace that the process is in. SYS. */
int frames_open(struct frames **ret) GW_MUST_CHECK;
void frames_close(struct frames *f);
int frames_fd(const struct frames *f);
/* The ethertypes of what was logged, up to FRAMES_BATCH; how many, 0: none now. */
int frames_read(struct frames *f, uint16_t v[FRAMES_BATCH]) GW_MUST_CHECK;

#endif
