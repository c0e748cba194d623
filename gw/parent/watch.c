/* SPDX-License-Identifier: GPL-3.0-or-later
 * A watch over the packet rules: the kernel tells when somebody changes them, `lockgate inline check` says whether they are
 * still ours, and `up` puts them back. Meanwhile nothing crosses that should not: without its rules a namespace is closed. */
#include <errno.h>
#include <fcntl.h>
#include <linux/netfilter/nfnetlink.h>
#include <linux/netlink.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "log.h"
#include "parent.h"

#define SETTLE_MS 300      /* a change comes in many messages */
#define EVERY_MS 60000     /* also without a word from the kernel: routes, sockets that overran */
#define HELPER_MS 20000

/* The command, beside us or, in an installation, in the folder of commands. */
static bool find_command(struct watch *w, const char *folder)
{
    snprintf(w->command, sizeof w->command, "%s/lockgate", folder);
    if (access(w->command, X_OK) == 0)
        return true;
    snprintf(w->command, sizeof w->command, "%s/../../bin/lockgate", folder);
    if (access(w->command, X_OK) == 0)
        return true;
    w->command[0] = 0;
    return false;
}

static int open_group(const struct parent *p, enum gw_side side)
{
    const struct sockaddr_nl a = { .nl_family = AF_NETLINK, .nl_groups = 1u << (NFNLGRP_NFTABLES - 1) };
    int fd = sock_netlink(p, side, NETLINK_NETFILTER);
    if (fd >= 0 && bind(fd, (const struct sockaddr *)&a, sizeof a) != 0) {
        close(fd);
        fd = -1;
    }
    return fd;
}

void watch_open(struct parent *p)
{
    struct watch *w = &p->watch;
    for (int s = 0; s < GW_SIDES; s++)
        w->fd[s] = -1;
    if (!find_command(w, p->folder)) {
        log_warn("the command `lockgate` is not beside the programs: packet rules are not watched");
        return;
    }
    for (int s = 0; s < GW_SIDES; s++) {
        w->fd[s] = open_group(p, (enum gw_side)s);
        if (w->fd[s] < 0)
            log_warn("packet rules of side %s are looked at every %d s only: %m", gw_side_name((enum gw_side)s), EVERY_MS / 1000);
    }
    w->due = parent_now() + EVERY_MS;
}

size_t watch_poll(struct parent *p, struct pollfd *v)
{
    for (int s = 0; s < GW_SIDES; s++)
        v[s] = (struct pollfd){ .fd = p->watch.fd[s], .events = POLLIN };
    return GW_SIDES;
}

/* What was said is not read: that something changed is all that matters. */
void watch_ready(struct parent *p, const struct pollfd *v)
{
    char b[8192];
    struct watch *w = &p->watch;
    for (int s = 0; s < GW_SIDES; s++) {
        if (!v[s].revents)
            continue;
        while (recv(v[s].fd, b, sizeof b, MSG_DONTWAIT) > 0 || errno == ENOBUFS)
            ;
        int64_t soon = parent_now() + SETTLE_MS;
        if (w->pid) /* due is the helper's deadline now */
            w->again = true;
        else if (w->due > soon)
            w->due = soon;
    }
}

static void start(struct parent *p, bool repair)
{
    struct watch *w = &p->watch;
    char word[8], *argv[] = { (char[]){ "lockgate" }, (char[]){ "inline" }, word, (char[]){ "-c" }, p->conf->path, NULL };
    snprintf(word, sizeof word, "%s", repair ? "repair" : "check");
    pid_t pid = fork();
    if (pid == 0) {
        sigset_t none;
        int null = open("/dev/null", O_RDWR);
        sigemptyset(&none);
        sigprocmask(SIG_SETMASK, &none, NULL);
        if (null < 0 || dup2(null, 0) < 0 || dup2(2, 1) < 0 || close_range(3, ~0U, 0) != 0 || prctl(PR_SET_PDEATHSIG, SIGKILL) != 0)
            _exit(71);
        execv(w->command, argv);
        _exit(72);
    }
    w->pid = pid > 0 ? pid : 0;
    w->repairing = repair;
    w->again = false;
    w->due = parent_now() + (pid > 0 ? HELPER_MS : EVERY_MS);
}

/* `lockgate inline down` takes what it remembers away first: then the rules went by intention. */
static bool taken_down(const struct parent *p)
{
    char path[512];
    for (int s = 0; s < GW_SIDES; s++) {
        snprintf(path, sizeof path, "%s/inline.%s.rules", p->conf->run, gw_side_name((enum gw_side)s));
        if (access(path, F_OK) != 0)
            return true;
    }
    return false;
}

void watch_ended(struct parent *p, int status)
{
    struct watch *w = &p->watch;
    bool yes = WIFEXITED(status) && WEXITSTATUS(status) == 0, no = WIFEXITED(status) && WEXITSTATUS(status) == 1;
    w->pid = 0;
    w->due = parent_now() + (w->again ? SETTLE_MS : EVERY_MS);
    w->again = false;
    if (WIFSIGNALED(status) && !w->repairing && !p->stopping)
        log_warn("packet rules: the look at them was ended by signal %d, so it is not known whether they are in place; again in %d s", WTERMSIG(status), EVERY_MS / 1000);
    if (w->repairing) {
        log_warn("packet rules: %s", yes ? "put back" : "could not be put back");
        line_operator(p, "parent", "packet-rules", yes ? "put back" : "could not be put back");
    } else if (no && taken_down(p)) {
        if (!w->down_said)
            log_warn("packet rules are not up: nothing crosses");
        w->down_said = true;
    } else if (no && !p->stopping) {
        log_warn("packet rules or routes were changed by somebody else");
        line_operator(p, "unknown", "packet-rules", "changed by somebody else");
        start(p, true);
    } else if (yes) {
        w->down_said = false;
    }
}

void watch_tick(struct parent *p, int64_t now)
{
    struct watch *w = &p->watch;
    if (!w->command[0] || p->stopping || now < w->due)
        return;
    if (w->pid) {
        kill(w->pid, SIGKILL); /* it hangs; its end comes as any other */
        w->due = now + EVERY_MS;
    } else {
        start(p, false);
    }
}
