/* SPDX-License-Identifier: GPL-3.0-or-later
 * Telling the service manager how we are (sd_notify(3), without its library): ready, stopping, still alive. */
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "log.h"
#include "parent.h"

/* Programs that we start must not speak for us, so the variable goes. */
void notify_open(struct notify *n)
{
    const char *path = getenv("NOTIFY_SOCKET"), *period = getenv("WATCHDOG_USEC");
    struct sockaddr_un a = { .sun_family = AF_UNIX };
    n->fd = -1;
    n->every = period ? strtoll(period, NULL, 10) / 3000 : 0; /* microseconds to milliseconds, three times in its time */
    if (path && (path[0] == '/' || path[0] == '@') && strlen(path) < sizeof a.sun_path) {
        size_t len = strlen(path);
        memcpy(a.sun_path, path, len);
        if (path[0] == '@') /* a name without a file */
            a.sun_path[0] = 0;
        n->fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
        if (n->fd >= 0 && connect(n->fd, (struct sockaddr *)&a, (socklen_t)(offsetof(struct sockaddr_un, sun_path) + len)) != 0) {
            log_warn("%s: %m", path);
            close(n->fd);
            n->fd = -1;
        }
    }
    unsetenv("NOTIFY_SOCKET");
    unsetenv("WATCHDOG_USEC");
    unsetenv("WATCHDOG_PID");
}

void notify_say(const struct notify *n, const char *text)
{
    if (n->fd >= 0 && send(n->fd, text, strlen(text), MSG_NOSIGNAL) < 0)
        log_debug("service manager: %m");
}

/* The first program that has not answered since it was asked; NULL: all have. */
static const struct child *silent(const struct parent *p)
{
    for (int i = 0; i < PROGRAMS && !p->stopping; i++)
        if (p->child[i].ready && p->child[i].answered < p->notify.asked)
            return &p->child[i];
    return NULL;
}

/* A program that hangs is not restarted by anybody else: then the service manager hears nothing, and starts the whole gateway anew. */
void notify_tick(struct parent *p, int64_t now)
{
    struct notify *n = &p->notify;
    const struct msg_stats_ask ask = { .ask = p->ask }; /* the number of the last status: one that is being gathered is not disturbed */
    if (n->fd < 0 || n->every <= 0 || now < n->due)
        return;
    const struct child *quiet = silent(p);
    if (quiet)
        log_warn("%s does not answer: the service manager is not told that all is well", quiet->program->name);
    else
        notify_say(n, "WATCHDOG=1");
    for (int i = 0; i < PROGRAMS; i++)
        if (p->child[i].ready && ipc_put_stats_ask(p->child[i].chan, &ask) != 0)
            log_debug("%s was not asked", p->child[i].program->name);
    n->asked = now;
    n->due = now + n->every;
}
