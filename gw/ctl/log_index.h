/* SPDX-License-Identifier: GPL-3.0-or-later
 * The search index, inside gw/ctl. */
#ifndef LOCKGATE_CTL_LOG_INDEX_H
#define LOCKGATE_CTL_LOG_INDEX_H

#include <sqlite3.h>

#include "log_search.h"

extern const char *const log_index_names[]; /* by number, NULL at the end */
/* NULL: there is none, or it cannot be used. */
sqlite3 *log_index_open(const char *folder, bool create);
/* Is it of these segments, as they are? Then *ret_i, *ret_from: where it ends (a segment by place, bytes of it), *ret_last: its last record. */
bool log_index_usable(sqlite3 *db, const struct led_dir *d, size_t *ret_i, uint64_t *ret_from, uint64_t *ret_last);

#endif
