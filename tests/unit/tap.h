/* SPDX-License-Identifier: GPL-3.0-or-later
 * Test Anything Protocol in a few lines, for prove. */
#ifndef LOCKGATE_TAP_H
#define LOCKGATE_TAP_H

#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>

static int tap_n, tap_bad;

/* One named test; returns cond. */
__attribute__((format(printf, 2, 3), unused)) static bool ok(bool cond, const char *fmt, ...)
{
    va_list ap;
    printf("%sok %d - ", cond ? "" : "not ", ++tap_n);
    va_start(ap, fmt);
    vprintf(fmt, ap);
    va_end(ap);
    putchar('\n');
    fflush(stdout);
    if (!cond)
        tap_bad++;
    return cond;
}
/* A line of explanation below a test. */
__attribute__((format(printf, 1, 2), unused)) static void diag(const char *fmt, ...)
{
    va_list ap;
    printf("# ");
    va_start(ap, fmt);
    vprintf(fmt, ap);
    va_end(ap);
    putchar('\n');
}
/* A test that this machine cannot run, and why. */
__attribute__((format(printf, 2, 3), unused)) static void skip(const char *why, const char *fmt, ...)
{
    va_list ap;
    printf("ok %d - ", ++tap_n);
    va_start(ap, fmt);
    vprintf(fmt, ap);
    va_end(ap);
    printf(" # SKIP %s\n", why);
}
/* The plan, last; to be returned from main. */
__attribute__((unused)) static int done_testing(void)
{
    printf("1..%d\n", tap_n);
    return tap_bad ? 1 : 0;
}

#endif
