/* SPDX-License-Identifier: GPL-3.0-or-later
 * System calls of a reader: those of every program and none more. The files for samples are open already. */
#include "rules.h"

const struct sandbox_list sandbox_reader = { NULL, 0 };
