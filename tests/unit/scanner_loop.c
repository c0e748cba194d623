// link: content ipc base
// libs: -lyara -lhs -licui18n -licuuc -licudata -lcrypto -lconfig -lm
/* SPDX-License-Identifier: GPL-3.0-or-later
 * The scanner's loop in a child process, with the test as its parent and its guards: order, batches, replaced links, bad peers, the end. */
#include <signal.h>
#include <sys/socket.h>
#include <sys/wait.h>

#include "content_help.h"

#include "../../gw/scanner/loop.c"

static struct ipc *wait_for(struct ipc *c, struct ipc_msg *m)
{
    bool ready;
    for (int i = 0; i < 300; i++) { /* a minute, for a busy machine */
        int got = ipc_next(c, m);
        if (got == 1)
            return c;
        if (got < 0 || ipc_wait(&c, 1, -1, 200, &ready, NULL) < 0)
            return NULL;
        if (ready) {
            int n = ipc_fill(c);
            if (n < 0 && n != GW_ERR(AGAIN) && ipc_next(c, m) != 1)
                return NULL;
        }
    }
    return NULL;
}

/* A fresh link to the scanner, from the parent's side; the test keeps the guard's end. */
static struct ipc *link_up(struct ipc *parent, uint8_t index)
{
    int p[2];
    struct msg_link l = { .role = IPC_GUARD, .index = index };
    if (socketpair(AF_UNIX, SOCK_STREAM, 0, p) || ipc_put_link_fd(parent, &l, p[1]))
        exit(99);
    int err = ipc_flush(parent);
    if (err && err != GW_ERR(AGAIN))
        exit(99);
    return ipc_new(p[0], IPC_GUARD, IPC_SCANNER);
}

static void ask(struct ipc *guard, uint64_t id, const char *text)
{
    struct scan_segment s = { .group = 1, .attr = UINT32_MAX, .text = str_c(text) };
    struct scan_request r = { .segments = &s, .n_segments = 1 };
    struct buf b;
    buf_init(&b, 1u << 20);
    struct msg_scan m = { .id = id };
    if (scan_request_put(&b, &r))
        exit(99);
    m.request = buf_str(&b);
    if (ipc_put_scan(guard, &m))
        exit(99);
    buf_clear(&b);
}

static bool answered(struct ipc *guard, uint64_t id, size_t matches)
{
    struct ipc_msg m;
    struct msg_scanned s;
    struct scan_result r;
    struct arena a;
    arena_init(&a, 1u << 20);
    bool good = wait_for(guard, &m) && m.type == IPC_M_SCANNED && ipc_get_scanned(&m, &s) == 0 && s.id == id && scan_result_get(s.result, &a, &r) == 0 &&
        r.status == SCAN_DONE && r.n_matches == matches;
    arena_clear(&a);
    return good;
}

static int flushed(struct ipc *c)
{
    bool ready;
    while (ipc_queued(c))
        if (ipc_wait(&c, 1, -1, 100, &ready, NULL) < 0)
            return -1;
    return 0;
}

static pid_t start(struct content *c, struct ipc **ret_parent)
{
    int p[2];
    if (socketpair(AF_UNIX, SOCK_STREAM, 0, p))
        exit(99);
    fflush(stdout);
    pid_t pid = fork();
    if (pid == 0) {
        struct scanner s;
        close(p[0]);
        log_init("scanner/test", LOG_L_ERROR);
        if (scanner_init(&s, c, p[1]))
            _exit(99);
        int status = scanner_run(&s);
        scanner_clear(&s);
        _exit(status);
    }
    close(p[1]);
    *ret_parent = ipc_new(p[0], IPC_PARENT, IPC_SCANNER);
    return pid;
}

static int ended(pid_t pid)
{
    int status;
    return waitpid(pid, &status, 0) == pid && WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

static void talk(struct content *c)
{
    struct ipc *parent, *g0, *g1, *other;
    struct ipc_msg m;
    struct msg_stats st;
    struct msg_stats_ask sa = { .ask = 77 };
    struct msg_stop stop = {};
    pid_t pid = start(c, &parent);
    ok(wait_for(parent, &m) && m.type == IPC_M_READY, "READY without waiting for a link");
    g0 = link_up(parent, 0);
    g1 = link_up(parent, 1);
    bool good = true;
    for (uint64_t i = 0; i < 200; i++)
        ask(g0, i, i % 3 ? "clean" : "a needle");
    ask(g1, 5, "needle needle");
    good = flushed(g0) == 0 && flushed(g1) == 0;
    for (uint64_t i = 0; i < 200 && good; i++)
        good = answered(g0, i, i % 3 ? 0 : 1);
    ok(good, "200 questions in one batch are answered in order");
    ok(answered(g1, 5, 2), "a second guard has its own channel");
    other = link_up(parent, 0);
    ask(other, 9, "needle");
    ok(flushed(other) == 0 && answered(other, 9, 1), "a new link replaces the old one");
    ok(!wait_for(g0, &m), "which is closed");
    struct msg_scan bad = { .id = 1, .request = STR("nonsense") };
    ok(ipc_put_scan(g1, &bad) == 0 && flushed(g1) == 0 && !wait_for(g1, &m), "a request that cannot be read closes that channel");
    ask(other, 10, "needle");
    ok(flushed(other) == 0 && answered(other, 10, 1), "and no other");
    good = ipc_put_stats_ask(parent, &sa) == 0 && flushed(parent) == 0 && wait_for(parent, &m) && m.type == IPC_M_STATS && ipc_get_stats(&m, &st) == 0;
    ok(good && st.ask == 77 && memmem(st.json.p, st.json.n, "\"scans\":203", 11), "statistics");
    ok(ipc_put_stop(parent, &stop) == 0 && flushed(parent) == 0 && ended(pid) == 0, "STOP ends it with 0");
    ipc_free(parent);
    ipc_free(g0);
    ipc_free(g1);
    ipc_free(other);
    pid = start(c, &parent);
    ok(wait_for(parent, &m) && m.type == IPC_M_READY, "again");
    ipc_free(parent);
    ok(ended(pid) == 1, "without a parent it ends");
}

int main(void)
{
    struct content *c = NULL;
    struct conf_errors errs;
    conf_errors_init(&errs);
    signal(SIGPIPE, SIG_IGN);
    char *dir = scratch_rules();
    scratch_put(dir, "yara/a.yar", "rule needle { strings: $a = \"needle\" condition: $a }\n");
    if (ok(content_load(dir, &c, &errs) == 0, "rules load"))
        talk(c);
    content_free(c);
    scratch_remove(dir);
    return done_testing();
}
