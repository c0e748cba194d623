/* SPDX-License-Identifier: GPL-3.0-or-later
 * System calls of a responder: questions come over sockets that the parent bound, answers go back to who asked, so sendto may name a
 * host; the packet rules hold where such a socket may send. The clock's state is read; without CAP_SYS_TIME it cannot be set. */
#include "rules.h"

static const struct sandbox_rule responder[] = {
    ALLOW(recvfrom), ALLOW(sendto), ALLOW(adjtimex), ALLOW(clock_adjtime),
};
const struct sandbox_list sandbox_responder = SANDBOX_LIST(responder);
