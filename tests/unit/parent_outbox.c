// link: ipc base
// libs: -lconfig
/* SPDX-License-Identifier: GPL-3.0-or-later
 * Lines for the journal: numbered, kept until durable, sent again; and the epoch that never comes twice. */
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "../../gw/parent/epoch.c"
#include "outbox.h"
#include "tap.h"

struct ends { struct ipc *sender, *journal; };

static struct ends join(void)
{
    int fd[2];
    if (socketpair(AF_UNIX, SOCK_STREAM, 0, fd) != 0)
        exit(1);
    return (struct ends){ ipc_new(fd[0], IPC_ADMISSION, IPC_JOURNAL), ipc_new(fd[1], IPC_JOURNAL, IPC_ADMISSION) };
}

static void part(struct ends *e)
{
    ipc_free(e->sender);
    ipc_free(e->journal);
}

/* The numbers that arrived, as "1 2 3 ". */
static const char *arrived(struct ends *e)
{
    static char text[256];
    struct ipc_msg m;
    struct msg_line l;
    size_t n = 0;
    text[0] = 0;
    if (ipc_flush(e->sender) < 0 || ipc_fill(e->journal) < 0)
        return "";
    while (ipc_next(e->journal, &m) == 1 && ipc_get_line(&m, &l) == 0)
        n += (size_t)snprintf(text + n, sizeof text - n, "%llu ", (unsigned long long)l.number);
    return text;
}

static void add(struct outbox *o, int n)
{
    for (int i = 0; i < n; i++)
        if (outbox_add(o, LINE_TARGET_NONE, NULL, GW_EV_PROGRAM, STR("fields"), NULL) != 0)
            diag("not taken");
}

static void test_order(void)
{
    struct outbox o;
    struct ends e = join();
    uint64_t number = 0;
    outbox_init(&o, 7, 1 << 20);
    ok(outbox_add(&o, LINE_TARGET_NONE, NULL, GW_EV_PROGRAM, STR("x"), &number) == 0 && number == 1, "numbers begin at 1");
    add(&o, 2);
    ok(outbox_send(&o, e.sender) == 0 && strcmp(arrived(&e), "1 2 3 ") == 0, "lines go in order");
    ok(outbox_send(&o, e.sender) == 0 && strcmp(arrived(&e), "") == 0, "and once");
    struct msg_durable d = { .guard = 7, .number = 2 };
    ok(outbox_durable(&o, &d) == 0, "durable up to 2");
    add(&o, 1);
    part(&e);
    e = join();
    outbox_relink(&o);
    ok(outbox_send(&o, e.sender) == 0 && strcmp(arrived(&e), "3 4 ") == 0, "over a new channel: all that is not durable");
    d.number = 5;
    ok(outbox_durable(&o, &d) == GW_ERR(PROTO), "a number that was never given is refused");
    d = (struct msg_durable){ .guard = 8, .number = 4 };
    ok(outbox_durable(&o, &d) == GW_ERR(PROTO), "so is another sender's epoch");
    d.guard = 7;
    ok(outbox_durable(&o, &d) == 0 && o.bytes == 0 && !o.head, "nothing is kept when all is durable");
    d.number = 1;
    ok(outbox_durable(&o, &d) == 0 && o.durable == 4, "an old number changes nothing");
    part(&e);
    outbox_clear(&o);
}

static void test_limit(void)
{
    struct outbox o;
    int e = 0, n = 0;
    outbox_init(&o, 1, 4096);
    while (!(e = outbox_add(&o, LINE_TARGET_NONE, NULL, GW_EV_PROGRAM, STR("some fields"), NULL)))
        n++;
    ok(e == GW_ERR(LIMIT) && n > 10 && o.last == (uint64_t)n, "a full outbox takes nothing, and wastes no number");
    struct msg_durable d = { .guard = 1, .number = 3 };
    ok(outbox_durable(&o, &d) == 0 && outbox_add(&o, LINE_TARGET_NONE, NULL, GW_EV_PROGRAM, STR("x"), NULL) == 0, "there is room again");
    outbox_clear(&o);
}

static void write_text(const char *path, const char *text)
{
    FILE *f = fopen(path, "w");
    if (f && (fputs(text, f) < 0 || fclose(f) != 0))
        diag("not written");
}

static void test_epoch(void)
{
    static const struct { const char *name, *text; } damaged[] = {
        { "empty", "" }, { "no number", "x\n" }, { "cut", "12" }, { "two lines", "1\n2\n" }, { "too large", "99999999999999999999999\n" },
    };
    char folder[] = "/tmp/lockgate-epoch-XXXXXX", path[64];
    uint64_t a = 0, b = 0;
    if (!mkdtemp(folder))
        return;
    snprintf(path, sizeof path, "%s/epoch", folder);
    ok(epoch_next(folder, &a) == 0 && a == 1, "the first epoch is 1");
    ok(epoch_next(folder, &b) == 0 && b == 2, "the next is larger");
    for (size_t i = 0; i < sizeof damaged / sizeof damaged[0]; i++) {
        write_text(path, damaged[i].text);
        ok(epoch_next(folder, &a) == GW_ERR(SYNTAX), "a damaged file is refused: %s", damaged[i].name);
    }
    unlink(path);
    rmdir(folder);
    ok(epoch_next(folder, &a) == GW_ERR(SYS), "no folder: refused");
}

int main(void)
{
    log_init("test", LOG_L_ERROR);
    test_order();
    test_limit();
    test_epoch();
    return done_testing();
}
