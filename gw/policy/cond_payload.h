/* SPDX-License-Identifier: GPL-3.0-or-later
 * What the conditions on elements keep, for those who look for conditions that can never hold. */
#ifndef LOCKGATE_POLICY_COND_PAYLOAD_H
#define LOCKGATE_POLICY_COND_PAYLOAD_H

#include "internal.h"

struct elem_path { struct clark *v; size_t n; };
struct elem_paths { struct elem_path *v; size_t n; }; /* arg of payload, received, element */

int elem_path_parse(struct pol_load *l, const config_setting_t *s, struct str text, struct elem_path *ret);
/* Calls `here` for each element that the path leads to from a child of the stanza; true as soon as it says so. */
bool elem_path_each(const struct rec *r, const struct elem_path *p, bool (*here)(const struct rec *r, uint32_t node, void *arg), void *arg);

#endif
