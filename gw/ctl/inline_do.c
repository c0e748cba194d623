/* SPDX-License-Identifier: GPL-3.0-or-later
 * Carrying out the steps of `lockgate inline`: commands and kernel settings, inside a namespace or here. */
#include <errno.h>
#include <fcntl.h>
#include <net/if.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "inline.h"

#define OUTPUT_MAX 4000 /* of a command that failed */

static int enter(const char *ns)
{
    char path[256];
    snprintf(path, sizeof path, "/run/netns/%s", ns);
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return -1;
    int r = setns(fd, CLONE_NEWNET);
    close(fd);
    return r;
}

/* ---- commands ---- */

static void become(const char *ns, char *const *args, int in, int out)
{
    if (ns && enter(ns) != 0) {
        dprintf(out, "namespace %s: %s\n", ns, strerror(errno));
        _exit(126);
    }
    if (dup2(in, 0) < 0 || dup2(out, 1) < 0 || dup2(out, 2) < 0)
        _exit(126);
    execvp(args[0], args);
    dprintf(2, "%s: %s%s\n", args[0], strerror(errno), errno == ENOENT ? " (packages: iproute2 nftables iptables)" : "");
    _exit(127);
}

/* A file without a name that holds the text: neither a pipe that may fill up, nor a name that someone may guess. */
static int text_file(struct str text)
{
    int fd = memfd_create("lockgate", MFD_CLOEXEC);
    if (fd < 0)
        return -1;
    if (text.n && (write(fd, text.p, text.n) != (ssize_t)text.n || lseek(fd, 0, SEEK_SET) != 0)) {
        close(fd);
        return -1;
    }
    return fd;
}

static void show_failure(char *const *args, int out)
{
    char text[OUTPUT_MAX + 1];
    ssize_t n = pread(out, text, OUTPUT_MAX, 0);
    text[n > 0 ? n : 0] = 0;
    fputs("failed:", stderr);
    for (; *args; args++)
        fprintf(stderr, " %s", *args);
    fprintf(stderr, "\n%s", text);
}

/* Runs it with its output in a file of its own; the caller closes *ret_out (-1: none). */
static int run_command(const char *ns, char *const *args, struct str feed, bool quiet, int *ret_out)
{
    int in = text_file(feed), out = text_file(STR_NONE), status = -1;
    pid_t pid = in < 0 || out < 0 ? -1 : fork();
    if (pid == 0)
        become(ns, args, in, out);
    if (pid > 0 && waitpid(pid, &status, 0) == pid)
        status = WIFEXITED(status) ? WEXITSTATUS(status) : -1;
    if (status != 0 && !quiet)
        show_failure(args, out);
    if (in >= 0)
        close(in);
    *ret_out = out;
    return status;
}

int step_command(const char *ns, char *const *args, struct str feed, bool quiet)
{
    int out, status = run_command(ns, args, feed, quiet, &out);
    if (out >= 0)
        close(out);
    return status;
}

int step_output(const char *ns, char *const *args, struct buf *to)
{
    int out, status = run_command(ns, args, STR_NONE, false, &out);
    off_t at = 0;
    while (status == 0) {
        unsigned char *room = buf_room(to, 4096);
        ssize_t n = room ? pread(out, room, 4096, at) : -1;
        if (n < 0)
            status = -1;
        if (n <= 0)
            break;
        buf_added(to, (size_t)n);
        at += n;
    }
    if (out >= 0)
        close(out);
    return status;
}

/* ---- settings, questions: in a process of their own, since they go into the namespace ---- */

int step_inside(const char *ns, int (*f)(void *), void *arg)
{
    int status;
    pid_t pid = fork();
    if (pid == 0) {
        if (ns && enter(ns) != 0)
            _exit(1);
        _exit(f(arg));
    }
    return pid > 0 && waitpid(pid, &status, 0) == pid && WIFEXITED(status) ? WEXITSTATUS(status) : 1;
}

static int set_value(void *arg)
{
    char *const *a = arg;
    char path[300];
    snprintf(path, sizeof path, "/proc/sys/%s", a[0]);
    int fd = open(path, O_WRONLY | O_CLOEXEC);
    return fd >= 0 && write(fd, a[1], strlen(a[1])) == (ssize_t)strlen(a[1]) ? 0 : 1;
}

static int has_card(void *arg)
{
    return if_nametoindex(arg) ? 0 : 1;
}

bool inline_has_card(const char *ns, const char *card)
{
    char *name = strdup(card);
    bool yes = name && step_inside(ns, has_card, name) == 0;
    free(name);
    return yes;
}

/* ---- the list ---- */

static int run_step(const struct step *st, const char *ns)
{
    const char *where = st->inside ? ns : NULL;
    int r = 0;
    switch (st->kind) {
    case STEP_RUN:
    case STEP_FEED:
        r = step_command(where, st->args, st->feed, st->may_fail);
        break;
    case STEP_SYSCTL:
        r = step_inside(where, set_value, (void *)(uintptr_t)st->args);
        if (r && !st->may_fail)
            fprintf(stderr, "failed: %s = %s\n", st->args[0], st->args[1]);
        break;
    case STEP_NOTE:
        break;
    }
    return r && !st->may_fail ? GW_ERR(SYS) : 0;
}

int steps_run(const struct steps *s, const char *ns)
{
    int e = s->err;
    for (size_t i = 0; i < s->n && !e; i++)
        e = run_step(&s->v[i], ns);
    return e;
}

static void print_step(const struct step *st, const char *ns)
{
    switch (st->kind) {
    case STEP_NOTE:
        printf("# %s\n", st->args[0]);
        return;
    case STEP_SYSCTL:
        printf("ip netns exec %s sh -c 'echo %s > /proc/sys/%s'%s\n", ns, st->args[1], st->args[0], st->may_fail ? " || true" : "");
        return;
    case STEP_RUN:
    case STEP_FEED:
        break;
    }
    if (st->inside)
        printf("ip netns exec %s ", ns);
    for (char *const *a = st->args; *a; a++)
        printf("%s%s", a == st->args ? "" : " ", *a);
    if (st->kind == STEP_FEED)
        printf(" <<'RULES'\n%.*sRULES\n", STR_ARG(st->feed));
    else
        puts(st->may_fail ? " 2>/dev/null || true" : "");
}

void steps_print(const struct steps *s, const char *ns)
{
    for (size_t i = 0; i < s->n; i++)
        print_step(&s->v[i], ns);
}
