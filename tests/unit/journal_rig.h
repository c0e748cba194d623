/* SPDX-License-Identifier: GPL-3.0-or-later
 * A journal of its own for a test: folder, configuration, the program, and the test as its parent, guards and edges. */
#ifndef LOCKGATE_JOURNAL_RIG_H
#define LOCKGATE_JOURNAL_RIG_H

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "fields.h"
#include "ipc.h"
#include "ledger.h"

#define RIG_GUARDS 64
struct rig {
    char folder[64], conf[128], journal[128], keys[128], program[4096];
    const char *more;    /* further keys of the configuration's group journal */
    const char *preload; /* LD_PRELOAD for the program, or NULL */
    bool late_edges;     /* rig_start links no edges: the test does, when it is time */
    pid_t pid;
    struct ipc *parent, *edge[GW_SIDES], *guard[RIG_GUARDS];
};

__attribute__((unused)) static void rig_die(const char *what)
{
    printf("Bail out! %s\n", what);
    exit(1);
}

/* segment_size etc. as in a configuration. Domains and certificates are of no account to the journal. */
__attribute__((unused)) static void rig_conf(struct rig *r, const char *segment_size, const char *checkpoint)
{
    FILE *f = fopen(r->conf, "w");

    if (!f)
        rig_die("cannot write the configuration");
    fprintf(f, "gateway = { name = \"gate.example\"; mode = \"routed\"; state = \"%s/state\"; run = \"%s/run\"; rules = \"%s\"; uid_first = 59800; };\n"
        "high = { interface = \"a\"; namespace = \"b\"; addresses = [ \"10.77.1.1/24\" ]; networks = [ \"10.77.1.0/24\" ]; routes = ( );\n"
        "  ports = [ 5269 ]; dns = [ ]; dns_source = \"\"; domains = ( { name = \"high.example\"; targets = ( ); dialback = false; } );\n"
        "  trust = \"ca.pem\"; certificates = ( { domain = \"low.example\"; chain = \"a.pem\"; key = \"a.key\"; } ); };\n"
        "low = { interface = \"c\"; namespace = \"d\"; addresses = [ \"10.77.2.1/24\" ]; networks = [ \"10.77.2.0/24\" ]; routes = ( );\n"
        "  ports = [ 5269 ]; dns = [ ]; dns_source = \"\"; domains = ( { name = \"low.example\"; targets = ( ); dialback = false; } );\n"
        "  trust = \"ca.pem\"; certificates = ( { domain = \"high.example\"; chain = \"a.pem\"; key = \"a.key\"; } ); };\n"
        "pairs = ( { high = \"high.example\"; low = \"low.example\"; } );\n"
        "journal = { segment_size = \"%s\"; segment_time = \"24h\"; checkpoint = \"%s\"; %s };\n",
        r->folder, r->folder, r->folder, segment_size, checkpoint, r->more ? r->more : "");
    if (fclose(f) != 0)
        rig_die("cannot write the configuration");
}

__attribute__((unused)) static void rig_new(struct rig *r, const char *argv0, const char *segment_size, const char *checkpoint)
{
    char own[3000], *slash;

    memset(r, 0, sizeof *r);
    snprintf(r->folder, sizeof r->folder, "/tmp/lg-journal-XXXXXX");
    if (!mkdtemp(r->folder) || chmod(r->folder, 0755) < 0)
        rig_die("cannot make a folder");
    snprintf(r->conf, sizeof r->conf, "%s/lockgate.conf", r->folder);
    snprintf(r->journal, sizeof r->journal, "%s/state/journal", r->folder);
    snprintf(r->keys, sizeof r->keys, "%s/state/keys", r->folder);
    snprintf(own, sizeof own, "%s", argv0);
    slash = strrchr(own, '/');
    if (slash)
        *slash = 0;
    snprintf(r->program, sizeof r->program, "%s/../bin/lockgate-journal", slash ? own : ".");
    if (access(r->program, X_OK) < 0) {
        printf("1..0 # SKIP lockgate-journal is not built\n");
        exit(0);
    }
    rig_conf(r, segment_size, checkpoint);
}

__attribute__((unused)) static struct ipc *rig_link(struct rig *r, enum ipc_role role, uint8_t side, uint8_t index)
{
    int s[2];
    struct ipc *c;

    if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, s) < 0 || !(c = ipc_new(s[0], role, IPC_JOURNAL)))
        rig_die("no channel");
    if (ipc_put_link_fd(r->parent, &(struct msg_link){ .role = role, .side = side, .index = index }, s[1]) < 0 || ipc_flush(r->parent) < 0)
        rig_die("no link");
    return c;
}

/* Waits at most ms for a message on c: 1 and it, 0 nothing came, -1 the other end is gone. */
__attribute__((unused)) static int rig_next_any(struct ipc *c, int ms, struct ipc_msg *m)
{
    for (;;) {
        struct pollfd p = { .fd = ipc_fd(c), .events = POLLIN };
        int got = ipc_next(c, m);
        if (got)
            return got < 0 ? -1 : 1;
        if (ipc_flush(c) == GW_ERR(AGAIN))
            p.events |= POLLOUT;
        if (poll(&p, 1, ms) <= 0)
            return 0;
        got = ipc_fill(c);
        if (got < 0 && got != GW_ERR(AGAIN))
            return ipc_next(c, m) == 1 ? 1 : -1;
    }
}

/* The same, behind the first word to an edge. */
__attribute__((unused)) static int rig_next(struct ipc *c, int ms, struct ipc_msg *m)
{
    int got = rig_next_any(c, ms, m);

    return got == 1 && m->type == IPC_M_RELEASED ? rig_next_any(c, ms, m) : got;
}

/* The exit status of a journal that has ended or ends within ms; -1: it still runs; 1000 + signal. */
__attribute__((unused)) static int rig_ended(struct rig *r, int ms)
{
    int st;

    for (int i = 0; i <= ms; i += 2) {
        pid_t p = waitpid(r->pid, &st, WNOHANG);
        if (p == r->pid) {
            r->pid = 0;
            return WIFEXITED(st) ? WEXITSTATUS(st) : 1000 + WTERMSIG(st);
        }
        nanosleep(&(struct timespec){ .tv_nsec = 2000000 }, NULL);
    }
    return -1;
}

__attribute__((unused)) static void rig_close(struct rig *r)
{
    ipc_free(r->parent);
    for (int i = 0; i < GW_SIDES; i++)
        ipc_free(r->edge[i]);
    for (int i = 0; i < RIG_GUARDS; i++)
        ipc_free(r->guard[i]);
    r->parent = NULL;
    memset(r->edge, 0, sizeof r->edge);
    memset(r->guard, 0, sizeof r->guard);
}

/* Starts it with both edges and some guards; 0 when it said READY, else its exit status (or -1). */
__attribute__((unused)) static int rig_start(struct rig *r, unsigned guards)
{
    struct ipc_msg m;
    int s[2];

    if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, s) < 0)
        rig_die("no channel");
    fflush(stdout);
    r->pid = fork();
    if (r->pid == 0) {
        if (s[1] != 3 && dup2(s[1], 3) < 0)
            _exit(99);
        if (s[1] == 3)
            (void)fcntl(3, F_SETFD, 0);
        if (r->preload)
            setenv("LD_PRELOAD", r->preload, 1);
        if (!getenv("RIG_VERBOSE"))
            (void)!freopen("/dev/null", "w", stderr);
        execl(r->program, "lockgate-journal", r->conf, (char *)NULL);
        _exit(99);
    }
    close(s[1]);
    r->parent = ipc_new(s[0], IPC_PARENT, IPC_JOURNAL);
    if (rig_next(r->parent, 20000, &m) != 1 || m.type != IPC_M_READY) {
        int st = rig_ended(r, 2000);
        rig_close(r);
        return st;
    }
    for (int i = 0; i < GW_SIDES && !r->late_edges; i++)
        r->edge[i] = rig_link(r, IPC_EDGE, (uint8_t)i, 0);
    for (unsigned i = 0; i < guards; i++)
        r->guard[i] = rig_link(r, IPC_GUARD, 0, (uint8_t)i);
    return 0;
}

__attribute__((unused)) static void rig_kill(struct rig *r)
{
    if (r->pid > 0) {
        kill(r->pid, SIGKILL);
        (void)waitpid(r->pid, NULL, 0);
        r->pid = 0;
    }
    rig_close(r);
}

/* Ends it in order; its exit status. */
__attribute__((unused)) static int rig_stop(struct rig *r)
{
    int st;

    if (ipc_put_stop(r->parent, &(struct msg_stop){ }) < 0 || ipc_flush(r->parent) < 0)
        rig_die("cannot stop");
    st = rig_ended(r, 30000);
    if (st < 0)
        rig_kill(r);
    rig_close(r);
    return st;
}

__attribute__((unused)) static void rig_free(struct rig *r)
{
    char cmd[128];

    rig_kill(r);
    snprintf(cmd, sizeof cmd, "rm -rf %s", r->folder);
    if (!getenv("RIG_KEEP") && system(cmd) != 0)
        printf("# %s is left\n", r->folder);
}

/* The SHA-256 that the test gives to record `number` of a guard: any value, but always the same. */
__attribute__((unused)) static struct ipc_hash rig_hash(uint64_t guard, uint64_t number)
{
    struct ipc_hash h;
    uint64_t x = guard * 0x9e3779b97f4a7c15u + number * 0xbf58476d1ce4e5b9u;

    for (size_t i = 0; i < 32; i++, x = x * 6364136223846793005u + 1442695040888963407u)
        h.b[i] = (unsigned char)(x >> 56);
    return h;
}

/* A verdict line as a guard would write it. */
__attribute__((unused)) static void rig_fields(struct buf *b, uint64_t number, const char *text)
{
    static const unsigned char hash[32] = { 1, 2, 3 };
    struct wire_out o;

    buf_reset(b);
    wire_out_init(&o, b);
    field_num(&o, GW_F_FLOW_ID, 77);
    field_z(&o, GW_F_SRC_IP, "10.77.1.2");
    field_num(&o, GW_F_SRC_PORT, 40000);
    field_z(&o, GW_F_DEST_IP, "10.77.2.2");
    field_num(&o, GW_F_DEST_PORT, 5269);
    field_z(&o, GW_F_DIRECTION, "high-to-low");
    field_z(&o, GW_F_VERDICT, "release");
    field_z(&o, GW_F_REASON, "rule");
    field_z(&o, GW_F_SENTENCE, text ? text : "a rule of the rule set decided");
    field_num(&o, GW_F_RULE, 9000);
    field_z(&o, GW_F_MATCHED, "9000");
    field_z(&o, GW_F_MATCHED, "2040");
    field_z(&o, GW_F_KIND, "message");
    field_z(&o, GW_F_TYPE, "chat");
    field_z(&o, GW_F_FROM, "alice@high.example/desk");
    field_z(&o, GW_F_TO, "bob@low.example");
    field_z(&o, GW_F_FROM_DOMAIN, "high.example");
    field_z(&o, GW_F_TO_DOMAIN, "low.example");
    field_hex(&o, GW_F_HASH_IN, hash, 32);
    field_hex(&o, GW_F_HASH_OUT, hash, 32);
    field_num(&o, GW_F_TICKET, number);
    if (o.err)
        rig_die("fields");
}

__attribute__((unused)) static int rig_line_evidence(struct ipc *c, uint64_t guard, uint64_t number, struct str fields, struct str evidence)
{
    struct msg_line m = { .guard = guard, .number = number, .target = LINE_TARGET_NONE, .event = GW_EV_VERDICT, .fields = fields, .evidence = evidence };
    int err = ipc_put_line(c, &m);

    return err ? err : ipc_flush(c);
}

__attribute__((unused)) static int rig_line(struct ipc *c, uint64_t guard, uint64_t number, uint8_t target, struct str fields)
{
    struct msg_line m = { .guard = guard, .number = number, .target = target, .event = GW_EV_VERDICT, .fields = fields };

    if (target != LINE_TARGET_NONE)
        m.hash = rig_hash(guard, number);
    int err = ipc_put_line(c, &m);
    return err ? err : ipc_flush(c);
}

#endif
