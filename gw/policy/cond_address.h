/* SPDX-License-Identifier: GPL-3.0-or-later
 * What the conditions on addresses and types keep, for the index over rules and for lint. */
#ifndef LOCKGATE_POLICY_COND_ADDRESS_H
#define LOCKGATE_POLICY_COND_ADDRESS_H

#include "internal.h"

struct addr_patterns { struct addr_pattern *v; size_t n; }; /* arg of from, to, from_domain, to_domain */
struct types { struct str *v; size_t n; };                 /* arg of type */

#endif
