// link: ipc base
/* SPDX-License-Identifier: GPL-3.0-or-later
 * How fast a channel is: messages a second one way between two processes, and the time of one there and back.
 * usage: ipc [bytes of a record [messages]] */
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "ipc.h"

#define BATCH 64 /* messages that are queued before a flush, as under load */

static double now(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static void wait_for(struct ipc *c)
{
    bool ready;
    if (ipc_wait(&c, 1, -1, 10000, &ready, NULL) <= 0 && ipc_queued(c) > 0)
        exit(1);
}

/* Takes n messages; answers each when told to. */
static void receive(struct ipc *c, long n, bool answer)
{
    while (n > 0) {
        struct ipc_msg msg;
        struct msg_stanza m;
        if (ipc_fill(c) < 0) {
            wait_for(c);
            continue;
        }
        while (ipc_next(c, &msg) > 0) {
            if (ipc_get_stanza(&msg, &m) < 0 || (answer && ipc_put_settled(c, &(struct msg_settled){ .ticket = m.ticket }) < 0))
                exit(1);
            n--;
        }
        if (answer && ipc_flush(c) < 0)
            exit(1);
    }
}

static void send_all(struct ipc *c, long n, struct str record)
{
    for (long i = 0; i < n; i++) {
        if (ipc_put_stanza(c, &(struct msg_stanza){ .ticket = (uint64_t)i, .record = record }) < 0)
            exit(1);
        if (i % BATCH == 0 || i + 1 == n)
            while (ipc_flush(c) == GW_ERR(AGAIN))
                wait_for(c);
    }
}

static void there_and_back(struct ipc *c, long n, struct str record)
{
    for (long i = 0; i < n; i++) {
        struct ipc_msg msg;
        if (ipc_put_stanza(c, &(struct msg_stanza){ .ticket = (uint64_t)i, .record = record }) < 0)
            exit(1);
        do
            wait_for(c);
        while (ipc_fill(c) < 0 || ipc_next(c, &msg) <= 0);
    }
}

int main(int argc, char **argv)
{
    size_t bytes = argc > 1 ? strtoul(argv[1], NULL, 10) : 600;
    long n = argc > 2 ? strtol(argv[2], NULL, 10) : 1000000, trips = n / 50 + 1;
    struct str record = { calloc(1, bytes + 1), bytes };

    for (int run = 0; run < 2; run++) {
        double from, took;
        pid_t pid;
        int s[2];
        struct ipc *c;
        if (!record.p || socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, s) < 0 || (pid = fork()) < 0)
            return 1;
        if (pid == 0) {
            close(s[0]);
            receive(ipc_new(s[1], IPC_GUARD, IPC_EDGE), run ? trips : n, run);
            _exit(0);
        }
        close(s[1]);
        c = ipc_new(s[0], IPC_EDGE, IPC_GUARD);
        from = now();
        if (run)
            there_and_back(c, trips, record);
        else
            send_all(c, n, record);
        waitpid(pid, NULL, 0);
        took = now() - from;
        if (run)
            printf("ipc: there and back, %zu bytes: %.1f us\n", bytes, took / (double)trips * 1e6);
        else
            printf("ipc: one way, %zu bytes: %.0f messages/s, %.0f MB/s\n", bytes, (double)n / took, (double)n * (double)bytes / took / 1e6);
        ipc_free(c);
    }
    return 0;
}
