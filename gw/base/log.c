/* SPDX-License-Identifier: GPL-3.0-or-later
 * The operator's log: one write(2) a line, control characters made visible, so that no text can forge a line. */
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "log.h"

#define LOG_LINE_MAX 2048

static const char *log_name = "lockgate";
static enum log_level log_highest = LOG_L_INFO;

void log_init(const char *name, enum log_level level)
{
    log_name = name;
    log_highest = level;
}

static void log_write(const char *line, size_t n)
{
    while (n > 0) {
        ssize_t w = write(STDERR_FILENO, line, n);

        if (w < 0 && errno == EINTR)
            continue;
        if (w <= 0)
            return; /* nowhere to say so */
        line += w;
        n -= (size_t)w;
    }
}

__attribute__((format(printf, 2, 0))) static void log_line(const char *level, const char *fmt, va_list ap)
{
    char line[LOG_LINE_MAX];
    int head, body, kept_errno = errno;
    size_t n;

    head = snprintf(line, sizeof line / 2, "%s %s: ", level, log_name);
    if (head < 0)
        return;
    n = (size_t)head < sizeof line / 2 ? (size_t)head : sizeof line / 2 - 1;
    body = vsnprintf(line + n, sizeof line - n, fmt, ap);
    if (body < 0)
        return;
    n = (size_t)body < sizeof line - n ? n + (size_t)body : sizeof line - 1;
    for (size_t i = 0; i < n; i++)
        if ((unsigned char)line[i] < 0x20 || line[i] == 0x7f)
            line[i] = '?';
    line[n] = '\n'; /* over the NUL */
    log_write(line, n + 1);
    errno = kept_errno;
}

#define LOG_FUNCTION(fn, level, word) \
    void fn(const char *fmt, ...) \
    { \
        va_list ap; \
\
        if (log_highest < (level)) \
            return; \
        va_start(ap, fmt); \
        log_line(word, fmt, ap); \
        va_end(ap); \
    }
LOG_FUNCTION(log_error, LOG_L_ERROR, "error")
LOG_FUNCTION(log_warn, LOG_L_WARN, "warning")
LOG_FUNCTION(log_info, LOG_L_INFO, "info")
LOG_FUNCTION(log_debug, LOG_L_DEBUG, "debug")

void log_fatal(const char *fmt, ...)
{
    va_list ap;

    va_start(ap, fmt);
    log_line("fatal", fmt, ap);
    va_end(ap);
    _exit(70);
}
