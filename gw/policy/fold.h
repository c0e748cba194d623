/* SPDX-License-Identifier: GPL-3.0-or-later
 * Presence folding (RFC 6121 section 4): presence is reduced to what the policy shows, and what the other side knows already does not
 * cross again. It is known by what was released; whatever may have made the other side forget, or see something else, makes the
 * gateway forget too, and then the next presence crosses in any case. */
#ifndef LOCKGATE_POLICY_FOLD_H
#define LOCKGATE_POLICY_FOLD_H

#include "internal.h"

struct pol_fold { struct clark *shows; size_t n; };
int fold_load(struct pol_load *l, const config_setting_t *s, struct pol_fold **ret);
/* Action fold at its place among the rules: takes out what is not shown. False: failed, refuse. */
bool fold_reduce(struct pol_eval *e, const struct pol_fold *f);
/* It may be folded, and the recipient knows exactly this. */
bool fold_is_known(const struct pol_eval *e);
/* A verdict stands. */
void fold_commit(struct pol_eval *e);

#endif
