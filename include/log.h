/* SPDX-License-Identifier: GPL-3.0-or-later
 * Messages for the operator: one line each on standard error, "<level> program: text". Never the journal. */
#ifndef LOCKGATE_LOG_H
#define LOCKGATE_LOG_H

enum log_level { LOG_L_ERROR, LOG_L_WARN, LOG_L_INFO, LOG_L_DEBUG };

/* name is kept by pointer ("edge/high"); level is the highest that is written. */
void log_init(const char *name, enum log_level level);
void log_error(const char *fmt, ...) __attribute__((format(printf, 1, 2)));
void log_warn(const char *fmt, ...) __attribute__((format(printf, 1, 2)));
void log_info(const char *fmt, ...) __attribute__((format(printf, 1, 2)));
void log_debug(const char *fmt, ...) __attribute__((format(printf, 1, 2)));
/* For our own broken invariant only: says so and ends the process (exit 70). Never for a peer's bad message. */
void log_fatal(const char *fmt, ...) __attribute__((format(printf, 1, 2), noreturn));

#endif
