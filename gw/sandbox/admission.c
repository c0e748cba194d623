/* SPDX-License-Identifier: GPL-3.0-or-later
 * System calls of admission: one netlink socket that is open already (its messages carry an address, so sendto may). */
#include "rules.h"

static const struct sandbox_rule admission[] = {
    ALLOW(recvfrom), ALLOW(sendto), ALLOW(getsockname), ALLOW(getsockopt),
};
const struct sandbox_list sandbox_admission = SANDBOX_LIST(admission);
