/* SPDX-License-Identifier: GPL-3.0-or-later
 * What rules ask the scanners for, held against what is there. */
#ifndef LOCKGATE_CTL_CHECK_SCANS_H
#define LOCKGATE_CTL_CHECK_SCANS_H

#include "content.h"
#include "policy.h"

/* Mistakes and warnings go to errs, at the places of the conditions. p may be a part of a set (policy_load_part). */
void ctl_check_scans(const struct policy *p, const struct content *c, struct conf_errors *errs);

#endif
