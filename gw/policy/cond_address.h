/* SPDX-License-Identifier: GPL-3.0-or-later
 * What the conditions on addresses and types keep, for the index over rules and for lint. */
#ifndef LOCKGATE_POLICY_COND_ADDRESS_H
#define LOCKGATE_POLICY_COND_ADDRESS_H

#include "internal.h"

struct addr_patterns { struct addr_pattern *v; size_t n; }; /* arg of from, to, from_domain, to_domain */
struct types { struct str *v; size_t n; };                 /* arg of type */

struct lists { const struct pol_list **v; size_t n; };      /* arg of from_list, to_list, room_list */
int cond_parse_addresses(struct pol_load *l, const config_setting_t *s, struct cond *c);
int cond_parse_lists(struct pol_load *l, const config_setting_t *s, struct cond *c);

#endif
