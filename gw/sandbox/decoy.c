/* SPDX-License-Identifier: GPL-3.0-or-later
 * System calls of a decoy: it takes connections of the parent's listeners and reads. What it writes goes to its channels; it has no
 * call that would make a socket, and closes what it took without a word. */
#include "rules.h"

static const struct sandbox_rule decoy[] = {
    ALLOW(accept4), ALLOW_NULL(recvfrom, 4), ALLOW(getsockname),
};
const struct sandbox_list sandbox_decoy = SANDBOX_LIST(decoy);
