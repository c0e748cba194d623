/* SPDX-License-Identifier: GPL-3.0-or-later
 * What the conditions on elements keep, for those who look for conditions that can never hold. */
#ifndef LOCKGATE_POLICY_COND_PAYLOAD_H
#define LOCKGATE_POLICY_COND_PAYLOAD_H

#include "internal.h"

struct elem_path { struct clark *v; size_t n; };
struct elem_paths { struct elem_path *v; size_t n; }; /* arg of payload, received, element */

#endif
