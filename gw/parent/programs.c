/* SPDX-License-Identifier: GPL-3.0-or-later
 * Which programs there are, and which may talk to which. This is the whole list: what is not here is not joined. */
#include "parent.h"

/* In starting order: what others wait for comes first. Ended in the order of stop_phase. */
const struct program programs[PROGRAMS] = {
    { "token", "lockgate-token", IPC_TOKEN, 0, 0, ARG_NONE, false, 3 },
    { "journal", "lockgate-journal", IPC_JOURNAL, 0, 0, ARG_NONE, false, 2 },
    { "scanner/0", "lockgate-scanner", IPC_SCANNER, 0, 0, ARG_INDEX, false, 1 },
    { "scanner/1", "lockgate-scanner", IPC_SCANNER, 0, 1, ARG_INDEX, false, 1 },
    { "guard", "lockgate-guard", IPC_GUARD, 0, 0, ARG_EPOCH, false, 1 },
    { "keeper", "lockgate-keeper", IPC_KEEPER, 0, 0, ARG_NONE, false, 1 },
    { "reader/high", "lockgate-reader", IPC_READER, GW_HIGH, 0, ARG_SIDE, false, 1 },
    { "reader/low", "lockgate-reader", IPC_READER, GW_LOW, 0, ARG_SIDE, false, 1 },
    { "edge/high", "lockgate-edge", IPC_EDGE, GW_HIGH, 0, ARG_SIDE, false, 0 },
    { "edge/low", "lockgate-edge", IPC_EDGE, GW_LOW, 0, ARG_SIDE, false, 0 },
    { "admission/high", "lockgate-admission", IPC_ADMISSION, GW_HIGH, 0, ARG_SIDE, true, 0 },
    { "admission/low", "lockgate-admission", IPC_ADMISSION, GW_LOW, 0, ARG_SIDE, true, 0 },
    { "decoy/high", "lockgate-decoy", IPC_DECOY, GW_HIGH, 0, ARG_SIDE, true, 0 },
    { "decoy/low", "lockgate-decoy", IPC_DECOY, GW_LOW, 0, ARG_SIDE, true, 0 },
    { "responder/high", "lockgate-responder", IPC_RESPONDER, GW_HIGH, 0, ARG_SIDE, true, 0 },
    { "responder/low", "lockgate-responder", IPC_RESPONDER, GW_LOW, 0, ARG_SIDE, true, 0 },
    { "courier", "lockgate-courier", IPC_COURIER, 0, 0, ARG_NONE, false, 3 },
};

static const struct {
    enum ipc_role a, b;
    bool same_side; /* only those of one side */
} joins[] = {
    { IPC_EDGE, IPC_GUARD, false },       /* flows, stanzas, orders, settlements */
    { IPC_GUARD, IPC_GUARD, false },      /* at a reload: what is remembered, from the old one to the new one */
    { IPC_GUARD, IPC_SCANNER, false },    /* text, matches */
    { IPC_GUARD, IPC_JOURNAL, false },    /* lines; durable numbers */
    { IPC_EDGE, IPC_JOURNAL, false },     /* lines; releases */
    { IPC_EDGE, IPC_KEEPER, false },      /* what TLS wants signed; signatures */
    { IPC_EDGE, IPC_READER, true },       /* what is about to leave; what was read */
    { IPC_KEEPER, IPC_JOURNAL, false },   /* lines */
    { IPC_KEEPER, IPC_TOKEN, false },     /* what TLS wants signed with a key on the token; signatures */
    { IPC_JOURNAL, IPC_TOKEN, false },    /* checkpoints; signatures */
    { IPC_ADMISSION, IPC_JOURNAL, false }, /* lines */
    { IPC_DECOY, IPC_JOURNAL, false },    /* lines */
    { IPC_RESPONDER, IPC_JOURNAL, false }, /* lines */
    { IPC_COURIER, IPC_JOURNAL, false },  /* checkpoints; lines about witnesses */
    /* the parent's own channel to each, on descriptor 3, is made when it starts */
};

bool programs_joined(const struct program *a, const struct program *b)
{
    for (size_t i = 0; i < sizeof joins / sizeof joins[0]; i++)
        if ((joins[i].a == a->role && joins[i].b == b->role) || (joins[i].a == b->role && joins[i].b == a->role))
            return !joins[i].same_side || a->side == b->side;
    return false;
}
