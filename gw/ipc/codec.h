/* SPDX-License-Identifier: GPL-3.0-or-later
 * What chan.c and codec.c share: how a message gets into the queue, and what the list says about its type. */
#ifndef GW_IPC_CODEC_H
#define GW_IPC_CODEC_H

#include "ipc.h"

#define IPC_HEAD 8 /* u32 payload length, u16 type, u16 zero */

/* What msgs.h says about one type; NULL for a type that is not on the list. */
struct ipc_type_info {
    const char *name;
    unsigned from, to; /* IPC_BIT()s */
    size_t max;        /* payload bytes */
};
const struct ipc_type_info *ipc_type_info(unsigned type);

/* Room for a frame of this type with n payload bytes; its header is written, *ret_payload points behind it (n may be 0).
 * fd: goes with the frame, or -1. PROTO: not ours to send, LIMIT, NOMEM; fd is then still the caller's. */
int ipc_frame(struct ipc *c, enum ipc_type type, size_t n, int fd, unsigned char **ret_payload) GW_MUST_CHECK;

/* Once true when a queue that the kernel would not take is empty again: whoever waited for that may go on. */
bool ipc_drained(struct ipc *c);

#endif
