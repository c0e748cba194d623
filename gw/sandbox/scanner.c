/* SPDX-License-Identifier: GPL-3.0-or-later
 * System calls of a scanner: those of every program and none more. Text comes in, matches go out. */
#include "rules.h"

const struct sandbox_list sandbox_scanner = { NULL, 0 };
