// link: sandbox base
// libs: -lseccomp -lcap-ng
/* SPDX-License-Identifier: GPL-3.0-or-later
 * Each program's walls, tried from inside: a child closes its sandbox, then does one thing. It must be ended by SIGSYS or refused,
 * and what the program needs must still work. */
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/random.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "sandbox.h"
#include "tap.h"

#define TEST_UID 59890

/* Made before the doors close, as the parent would. */
static int pair[2], listener, inherited_tcp, waiting;
static char folder[64], inside[128], other[64];

/* Each returns true when it got through. */
static bool open_passwd(void) { return open("/etc/passwd", O_RDONLY) >= 0; }
static bool open_write(void) { return open(other, O_WRONLY | O_CREAT, 0600) >= 0; }
static bool open_inside(void)
{
    int fd = open(inside, O_RDWR | O_CREAT, 0600);
    return fd >= 0 && write(fd, "x", 1) == 1 && fdatasync(fd) == 0 && pread(fd, (char[1]){ 0 }, 1, 0) == 1 && ftruncate(fd, 0) == 0;
}
static bool append_inside(void)
{
    int fd = open(inside, O_WRONLY | O_APPEND | O_CLOEXEC);
    struct stat st;
    return fd >= 0 && write(fd, "x", 1) == 1 && fdatasync(fd) == 0 && stat(inside, &st) == 0;
}
static bool rename_inside(void)
{
    char to[160];
    snprintf(to, sizeof to, "%s.new", inside);
    return rename(inside, to) == 0 && rename(to, inside) == 0;
}
static bool rename_out(void) { return rename(inside, other) == 0; }
static bool link_out(void) { return link(inside, other) == 0; }
static bool symlink_inside(void) { char to[160]; snprintf(to, sizeof to, "%s.ln", inside); return symlink("/etc/passwd", to) == 0; }
static bool run_program(void) { execl("/bin/true", "true", (char *)NULL); return false; }
static bool run_inside(void) { execl(inside, "x", (char *)NULL); return false; }
static bool fork_child(void) { return fork() >= 0; }
static bool trace_parent(void) { return ptrace(PTRACE_ATTACH, getppid(), NULL, NULL) == 0; }
static bool kill_parent(void) { return kill(getppid(), 0) == 0; }
static bool tgkill_parent(void) { return syscall(SYS_tgkill, 1, 1, 0) == 0; }
static bool socket_tcp(void) { return socket(AF_INET, SOCK_STREAM, 0) >= 0; }
static bool socket_udp6(void) { return socket(AF_INET6, SOCK_DGRAM, 0) >= 0; }
static bool socket_unix(void) { return socket(AF_UNIX, SOCK_STREAM, 0) >= 0; }
static bool socket_raw(void) { return socket(AF_PACKET, SOCK_RAW, 0) >= 0; }
static bool socket_netlink(void) { return socket(AF_NETLINK, SOCK_RAW, 0) >= 0; }
static bool connect_inherited(void)
{
    struct sockaddr_in a = { .sin_family = AF_INET, .sin_port = htons(9), .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
    return connect(inherited_tcp, (struct sockaddr *)&a, sizeof a) == 0 || errno == ECONNREFUSED;
}
static bool fastopen(void)
{
    struct sockaddr_in a = { .sin_family = AF_INET, .sin_port = htons(9), .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
    struct iovec v = { folder, 1 };
    struct msghdr m = { .msg_name = &a, .msg_namelen = sizeof a, .msg_iov = &v, .msg_iovlen = 1 };
    return sendmsg(inherited_tcp, &m, MSG_FASTOPEN) >= 0 || errno == ECONNREFUSED;
}
static bool sendto_address(void)
{
    struct sockaddr_in a = { .sin_family = AF_INET, .sin_port = htons(9), .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
    return sendto(inherited_tcp, "x", 1, MSG_NOSIGNAL, (struct sockaddr *)&a, sizeof a) >= 0 || errno == EPIPE || errno == ENOTCONN;
}
static bool bind_inherited(void)
{
    struct sockaddr_in a = { .sin_family = AF_INET };
    return bind(inherited_tcp, (struct sockaddr *)&a, sizeof a) == 0;
}
static bool listen_inherited(void) { return listen(inherited_tcp, 1) == 0; }
static bool mark_socket(void) { return setsockopt(inherited_tcp, SOL_SOCKET, SO_MARK, &(int){ 7 }, sizeof(int)) == 0; }
static bool transparent(void) { return setsockopt(inherited_tcp, IPPROTO_IP, IP_TRANSPARENT, &(int){ 1 }, sizeof(int)) == 0; }
static bool nodelay(void) { return setsockopt(inherited_tcp, IPPROTO_TCP, TCP_NODELAY, &(int){ 1 }, sizeof(int)) == 0; }
static bool map_exec(void) { return mmap(NULL, 4096, PROT_READ | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0) != MAP_FAILED; }
static bool make_exec(void)
{
    void *p = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    return p != MAP_FAILED && mprotect(p, 4096, PROT_READ | PROT_EXEC) == 0;
}
static bool become_root(void) { return setuid(0) == 0; }
static bool other_namespace(void) { return unshare(CLONE_NEWUSER) == 0; }
static bool mount_something(void) { return mount("none", "/mnt", "tmpfs", 0, NULL) == 0; }
static bool dump_again(void) { return prctl(PR_SET_DUMPABLE, 1) == 0; }
static bool keyring(void) { return syscall(SYS_keyctl, 0, 0, 0) >= 0; }
static bool bpf_call(void) { return syscall(SYS_bpf, 0, NULL, 0) >= 0; }
static bool io_uring(void) { return syscall(SYS_io_uring_setup, 1, NULL) >= 0; }
static bool memfd(void) { return memfd_create("x", 0) >= 0; }
static bool more_files(void) { struct rlimit l = { 100000, 100000 }; return setrlimit(RLIMIT_NOFILE, &l) == 0; }
static bool change_folder(void) { return chdir("/") == 0; }
#ifdef __x86_64__
/* The 32-bit door: int 0x80 with socketcall's number there. */
static bool call_32bit(void)
{
    long r;
    __asm__ volatile("int $0x80" : "=a"(r) : "a"(20L /* getpid */) : "memory");
    return r > 0;
}
/* Some kernels have none (ia32_emulation=0, a confidential guest): there the processor ends the caller, sandbox or not. */
static bool no_32bit_door(void)
{
    int status = 0;
    pid_t pid = fork();
    if (pid == 0) {
        prctl(PR_SET_DUMPABLE, 0);
        _exit(call_32bit() ? 0 : 1);
    }
    return waitpid(pid, &status, 0) == pid && WIFSIGNALED(status) && WTERMSIG(status) == SIGSEGV;
}
static bool call_x32(void) { return syscall(0x40000000 + SYS_getpid) > 0; }
#endif

/* controls */
static bool pass_bytes(void)
{
    char c;
    return write(pair[0], "y", 1) == 1 && read(pair[1], &c, 1) == 1 && c == 'y';
}
static bool take_fd(void)
{
    _Alignas(struct cmsghdr) char control[CMSG_SPACE(sizeof(int))] = { 0 };
    char c = 'z';
    struct iovec v = { &c, 1 };
    struct msghdr m = { .msg_iov = &v, .msg_iovlen = 1, .msg_control = control, .msg_controllen = sizeof control };
    struct cmsghdr *h = CMSG_FIRSTHDR(&m);
    h->cmsg_level = SOL_SOCKET;
    h->cmsg_type = SCM_RIGHTS;
    h->cmsg_len = CMSG_LEN(sizeof(int));
    memcpy(CMSG_DATA(h), &pair[1], sizeof(int));
    if (sendmsg(pair[0], &m, MSG_NOSIGNAL | MSG_DONTWAIT) != 1)
        return false;
    m.msg_controllen = sizeof control;
    return recvmsg(pair[1], &m, MSG_CMSG_CLOEXEC) == 1 && m.msg_controllen > 0;
}
static int by_value(const void *a, const void *b) { return *(const unsigned char *)a - *(const unsigned char *)b; }
static bool memory_and_time(void)
{
    unsigned char *p = malloc(8 << 20), *q;
    time_t now = time(NULL);
    struct tm tm;
    if (!p || getrandom(p, 64, 0) != 64)
        return false;
    memset(p, 5, 8 << 20);
    qsort(p, 4096, 1, by_value); /* asks for the machine's memory size */
    q = realloc(p, 64 << 20);
    free(q ? q : p);
    return q && localtime_r(&now, &tm) && poll(NULL, 0, 1) == 0; /* localtime looks for a time zone file */
}
static bool say_something(void) { return fprintf(stderr, "# said\n") > 0; }
static bool loop(void)
{
    int e = epoll_create1(EPOLL_CLOEXEC), v = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    struct epoll_event ev = { .events = EPOLLOUT };
    return e >= 0 && v >= 0 && epoll_ctl(e, EPOLL_CTL_ADD, v, &ev) == 0 && epoll_wait(e, &ev, 1, 0) == 1;
}
static bool accept_one(void) { return accept4(listener, NULL, NULL, SOCK_CLOEXEC) >= 0; }
static bool too_much_memory(void)
{
    bool none = malloc((size_t)1 << 30) == NULL;
    errno = EACCES;
    return !none;
}
static bool aborts(void)
{
    abort();
}
static bool still_net_admin(void)
{
    char text[4096] = "", *line;
    /* the status file was opened before the doors closed, and says what is true when it is read */
    ssize_t n = read(listener, text, sizeof text - 1);
    line = n > 0 ? strstr(text, "CapEff:") : NULL;
    return line && strtoull(line + 7, NULL, 16) == 1ull << 12;
}

#define B(p) (1u << SANDBOX_##p)
#define ALL (B(EDGE) | B(GUARD) | B(SCANNER) | B(JOURNAL) | B(ADMISSION) | B(KEEPER) | B(READER) | B(COURIER) | B(DECOY) | B(TOKEN) | B(RESPONDER))
#define NONE 0u
/* name, what, programs that may */
static const struct row { const char *name; bool (*try)(void); unsigned may; } rows[] = {
    { "open /etc/passwd", open_passwd, NONE }, { "create a file outside", open_write, NONE },
    { "create, write, sync in the journal's folder", open_inside, B(JOURNAL) }, { "append and sync in its own folder", append_inside, B(JOURNAL) | B(COURIER) }, { "rename in the journal's folder", rename_inside, B(JOURNAL) },
    { "rename out of the journal's folder", rename_out, NONE }, { "link out of the journal's folder", link_out, NONE },
    { "symbolic link", symlink_inside, NONE }, { "change folder", change_folder, NONE },
    { "execve", run_program, NONE }, { "execve of an own file", run_inside, NONE }, { "fork", fork_child, NONE }, { "ptrace the parent", trace_parent, NONE },
    { "kill another process", kill_parent, NONE }, { "tgkill another process", tgkill_parent, NONE },
    { "socket TCP", socket_tcp, NONE }, { "socket UDP", socket_udp6, NONE }, { "socket Unix", socket_unix, NONE }, { "socket packet", socket_raw, NONE },
    { "socket netlink", socket_netlink, NONE }, { "connect", connect_inherited, NONE }, { "bind", bind_inherited, NONE },
    { "listen", listen_inherited, NONE }, { "TCP fast open", fastopen, NONE }, { "sendto with an address", sendto_address, B(ADMISSION) | B(RESPONDER) },
    { "SO_MARK", mark_socket, NONE }, { "IP_TRANSPARENT", transparent, NONE }, { "TCP_NODELAY", nodelay, B(EDGE) },
    { "executable map", map_exec, NONE }, { "memory made executable", make_exec, NONE }, { "setuid(0)", become_root, NONE },
    { "unshare", other_namespace, NONE }, { "mount", mount_something, NONE }, { "PR_SET_DUMPABLE", dump_again, NONE }, { "keyctl", keyring, NONE },
    { "bpf", bpf_call, NONE }, { "io_uring", io_uring, NONE }, { "memfd", memfd, NONE }, { "setrlimit", more_files, NONE },
#ifdef __x86_64__
    { "32-bit system call", call_32bit, NONE }, { "x32 system call", call_x32, NONE },
#endif
    { "more memory than its limit", too_much_memory, NONE },
    { "bytes over a channel", pass_bytes, ALL }, { "a descriptor over a channel", take_fd, ALL }, { "memory, chance, time", memory_and_time, ALL },
    { "a line for the operator", say_something, ALL }, { "event loop", loop, B(EDGE) }, { "accept", accept_one, B(EDGE) | B(DECOY) },
};

static const char *const names[SANDBOX_PROGRAMS] = { "edge", "guard", "scanner", "journal", "admission", "keeper", "reader", "courier", "decoy", "token", "responder" };

static void prepare(void)
{
    struct sockaddr_in a = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
    socklen_t n = sizeof a;

    waiting = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair);
    listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    inherited_tcp = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    bind(listener, (struct sockaddr *)&a, sizeof a);
    listen(listener, 1);
    getsockname(listener, (struct sockaddr *)&a, &n);
    connect(waiting, (struct sockaddr *)&a, sizeof a); /* waits in the queue */
    strcpy(folder, "/tmp/lockgate-sandbox-XXXXXX");
    strcpy(other, "/tmp/lockgate-sandbox-XXXXXX");
    if (!mkdtemp(folder) || !mkdtemp(other))
        exit(1);
    snprintf(inside, sizeof inside, "%s/file", folder);
    close(open(inside, O_WRONLY | O_CREAT | O_CLOEXEC, 0700));
    strcat(other, "/out");
    if (geteuid() == 0) {
        char up[64];
        (void)!chown(folder, TEST_UID, TEST_UID);
        (void)!chown(inside, TEST_UID, TEST_UID);
        snprintf(up, sizeof up, "%.*s", (int)(strlen(other) - 4), other);
        (void)!chown(up, TEST_UID, TEST_UID); /* so that only the sandbox, not the file's mode, is in the way */
    }
}

static void clean(void)
{
    close(pair[0]);
    close(pair[1]);
    close(listener);
    close(inherited_tcp);
    close(waiting);
    unlink(inside);
    unlink(other);
    rmdir(folder);
    other[strlen(other) - 4] = 0;
    rmdir(other);
}

enum { PASSED = 0, REFUSED = 1, FAILED = 2, NOT_CLOSED = 3 };

/* wait status of a child that closed its sandbox and tried */
static int in_sandbox(enum sandbox_program p, bool (*try)(void))
{
    const char *below[] = { folder, NULL };
    struct sandbox_options o = { .memory = (unsigned long)512 << 20, .write_below = p == SANDBOX_JOURNAL || p == SANDBOX_COURIER ? below : NULL };
    int status = 0;
    pid_t pid;

    prepare();
    o.uid = geteuid() == 0 ? TEST_UID : 0;
    pid = fork();
    if (pid == 0) {
        if (try == still_net_admin)
            dup2(open("/proc/self/status", O_RDONLY), listener);
        if (sandbox_enter(p, &o) < 0)
            _exit(NOT_CLOSED);
        errno = 0;
        if (try())
            _exit(PASSED);
        _exit(errno == EPERM || errno == EACCES ? REFUSED : FAILED);
    }
    waitpid(pid, &status, 0);
    clean();
    return status;
}

static bool stopped(int status)
{
    return WIFSIGNALED(status) ? WTERMSIG(status) == SIGSYS : WEXITSTATUS(status) == REFUSED;
}

static const char *outcome(int status)
{
    static char text[64];
    if (WIFSIGNALED(status))
        snprintf(text, sizeof text, "signal %d", WTERMSIG(status));
    else
        snprintf(text, sizeof text, "exit %d", WEXITSTATUS(status));
    return text;
}

int main(void)
{
    int status;

#ifdef LOCKGATE_SANITIZE
    printf("1..0 # SKIP sanitizer builds have a wider list; the plain build is what counts\n");
    return 0;
#endif
#ifdef LOCKGATE_COVERAGE
    printf("1..0 # SKIP coverage builds have no sandbox\n");
    return 0;
#endif
    for (enum sandbox_program p = 0; p < SANDBOX_PROGRAMS; p++) {
        for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
            bool may = rows[i].may & (1u << p);
#ifdef __x86_64__
            if (rows[i].try == call_32bit && no_32bit_door()) {
                skip("this kernel has no 32-bit system calls", "%s: %s is stopped", names[p], rows[i].name);
                continue;
            }
#endif
            status = in_sandbox(p, rows[i].try);
            if (!ok(may ? WIFEXITED(status) && WEXITSTATUS(status) == PASSED : stopped(status), "%s: %s %s", names[p], rows[i].name,
                    may ? "works" : "is stopped"))
                diag("%s", outcome(status));
        }
        status = in_sandbox(p, aborts);
        ok(WIFSIGNALED(status) && WTERMSIG(status) == SIGABRT && !WCOREDUMP(status), "%s: abort() ends it, without a core", names[p]);
    }
    if (geteuid() == 0) {
        status = in_sandbox(SANDBOX_ADMISSION, still_net_admin);
        if (!ok(WIFEXITED(status) && WEXITSTATUS(status) == PASSED, "admission: has CAP_NET_ADMIN and no other, as another user"))
            diag("%s", outcome(status));
        status = in_sandbox(SANDBOX_EDGE, still_net_admin);
        ok(!WIFEXITED(status) || WEXITSTATUS(status) != PASSED, "edge: has no capability");
    }
    return done_testing();
}
