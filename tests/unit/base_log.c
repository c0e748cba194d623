// link: base
/* SPDX-License-Identifier: GPL-3.0-or-later
 * The operator's log: one line a call, no forged lines, levels, and log_fatal ends the process. */
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "log.h"
#include "tap.h"

/* What fn writes to standard error in a child; *ret_status its end. */
static const char *written(void (*fn)(void), int *ret_status)
{
    static char text[8192];
    size_t n = 0;
    int p[2];
    pid_t pid;

    if (pipe(p) < 0 || (pid = fork()) < 0)
        exit(1);
    if (pid == 0) {
        dup2(p[1], STDERR_FILENO);
        fn();
        _exit(0);
    }
    close(p[1]);
    for (ssize_t r; (r = read(p[0], text + n, sizeof text - 1 - n)) > 0;)
        n += (size_t)r;
    text[n] = 0;
    close(p[0]);
    waitpid(pid, ret_status, 0);
    return text;
}

static void plain(void) { log_init("edge/high", LOG_L_INFO); log_info("%d streams", 3); log_debug("not this"); }
static void forged(void) { log_init("guard", LOG_L_DEBUG); log_debug("a\nerror guard: b\x1b[2Jc\x7f"); }
static void endless(void)
{
    char z[5000];
    memset(z, 'z', sizeof z - 1);
    z[sizeof z - 1] = 0;
    log_init("x", LOG_L_ERROR);
    log_error("%s", z);
    log_error("next");
}
static void fatal(void) { log_init("journal", LOG_L_ERROR); log_fatal("broken: %s", "order"); }

int main(void)
{
    int status;
    const char *t;

    ok(!strcmp(written(plain, &status), "info edge/high: 3 streams\n"), "level, program, text; nothing above the level");
    ok(!strcmp(written(forged, &status), "debug guard: a?error guard: b?[2Jc?\n"), "control characters forge no line");
    t = written(endless, &status);
    ok(strlen(t) < 2200 && strstr(t, "z\nerror x: next\n"), "a long text is cut and still one line");
    ok(!strcmp(written(fatal, &status), "fatal journal: broken: order\n") && WIFEXITED(status) && WEXITSTATUS(status) == 70, "log_fatal says so and ends with 70");
    return done_testing();
}
