/* SPDX-License-Identifier: GPL-3.0-or-later
 * System calls of admission: a netlink and two packet sockets that are open already (netlink messages carry an address, so sendto may). */
#include "rules.h"

static const struct sandbox_rule admission[] = {
    ALLOW(recvfrom), ALLOW(recvmmsg), ALLOW(sendto), ALLOW(getsockname), ALLOW(getsockopt),
};
const struct sandbox_list sandbox_admission = SANDBOX_LIST(admission);
