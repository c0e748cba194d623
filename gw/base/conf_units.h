/* SPDX-License-Identifier: GPL-3.0-or-later
 * Numbers back into the notation of the configuration file, for messages. */
#ifndef GW_BASE_CONF_UNITS_H
#define GW_BASE_CONF_UNITS_H

#include <stdint.h>

#define CONF_UNIT_TEXT 32
const char *conf_size_text(int64_t bytes, char out[CONF_UNIT_TEXT]); /* 65536: "64KiB" */
const char *conf_time_text(int64_t ms, char out[CONF_UNIT_TEXT]);    /* 90000: "90s" */

#endif
