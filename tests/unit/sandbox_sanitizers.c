// link: sandbox base
// libs: -lseccomp -lcap-ng
/* SPDX-License-Identifier: GPL-3.0-or-later
 * A sanitizer build whose sandbox ends the sanitizers too would find nothing and say nothing. In each program's sandbox one fault of each kind is
 * made: it must come out as a report and an exit status, not as SIGSYS or as silence. */
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "sandbox.h"
#include "tap.h"

#ifdef LOCKGATE_SANITIZE
#define TEST_UID 59890

static void *volatile block;
static volatile int number = INT_MAX;

static void use_freed(void)
{
    volatile char *p = block = malloc(8);
    free(block);
    *p = 1;
}
static void overflow(void) { number = number + 1; }
/* So many, that a pointer left over in a register or on the stack does not hide them. */
static void lose(void)
{
    for (int i = 0; i < 100; i++)
        block = malloc(77);
    block = NULL;
}

static const struct { const char *name; void (*make)(void); const char *report; } faults[] = {
    { "freed memory is written", use_freed, "heap-use-after-free" },
    { "a sum overflows", overflow, "runtime error: signed integer overflow" },
    { "memory is lost", lose, "LeakSanitizer: detected memory leaks" },
};
static const char *const names[SANDBOX_PROGRAMS] = { "edge", "guard", "scanner", "journal", "admission", "keeper", "reader", "courier", "decoy", "token", "responder" };

/* What a child has said that closed its sandbox and then made a fault; its wait status. */
static int in_sandbox(enum sandbox_program p, void (*make)(void), char *text, size_t size)
{
    struct sandbox_options o = { .uid = geteuid() == 0 ? TEST_UID : 0, .memory = 512ul << 20 };
    int ends[2], status = 0;
    size_t n = 0;
    ssize_t got = 1;
    pid_t pid;

    fflush(stdout);
    if (pipe(ends) != 0)
        exit(1);
    pid = fork();
    if (pid == 0) {
        dup2(ends[1], STDERR_FILENO);
        if (sandbox_enter(p, &o) < 0)
            _exit(0);
        make();
        exit(0); /* where leaks are looked for */
    }
    close(ends[1]);
    while (got > 0 && n + 1 < size) {
        got = read(ends[0], text + n, size - 1 - n);
        n += got > 0 ? (size_t)got : 0;
    }
    text[n] = 0;
    close(ends[0]);
    waitpid(pid, &status, 0);
    return status;
}

int main(void)
{
    static char text[1 << 16];

    for (enum sandbox_program p = 0; p < SANDBOX_PROGRAMS; p++)
        for (size_t i = 0; i < sizeof faults / sizeof *faults; i++) {
            int status = in_sandbox(p, faults[i].make, text, sizeof text);
            if (!ok(WIFEXITED(status) && WEXITSTATUS(status) && strstr(text, faults[i].report), "%s: %s: reported", names[p], faults[i].name))
                diag("status %#x, and it said: %.400s", (unsigned)status, text);
        }
    return done_testing();
}
#else
int main(void)
{
    printf("1..0 # SKIP an ordinary build has no sanitizers\n");
    return 0;
}
#endif
