// link: ledger ipc base
// libs: -lcrypto -lconfig
/* SPDX-License-Identifier: GPL-3.0-or-later
 * Held stanzas: on disk before they are said to be held, within their bounds, gone when they are old. */
#include "held.h"
#include "journal_rig.h"
#include "reason.h"
#include "tap.h"

static int keep(struct ipc *c, uint64_t guard, uint64_t number, struct str record)
{
    struct msg_keep m = { .guard = guard, .number = number, .side = GW_LOW, .record = record };
    struct msg_kept k;
    struct ipc_msg got;
    if (ipc_put_keep(c, &m) < 0 || (ipc_flush(c) < 0 && !ipc_queued(c)) || rig_next(c, 5000, &got) != 1 || got.type != IPC_M_KEPT || ipc_get_kept(&got, &k) < 0 ||
        k.guard != guard || k.number != number)
        return -1;
    return k.reason;
}

static bool file(const struct rig *r, const char *name, char path[256], struct stat *st)
{
    snprintf(path, 256, "%s/state/" HELD_FOLDER "/%s", r->folder, name);
    return lstat(path, st) == 0;
}

static size_t count(const struct rig *r, const char *what)
{
    char path[256], line[4096];
    size_t n = 0;
    snprintf(path, sizeof path, "%s/0000000001.jsonl", r->journal);
    FILE *f = fopen(path, "r");
    while (f && fgets(line, sizeof line, f))
        n += strstr(line, what) != NULL;
    if (f)
        fclose(f);
    return n;
}

int main(int argc, char **argv)
{
    static char big[300000];
    struct rig r;
    char path[256];
    struct stat st;
    unsigned char head[64];
    (void)argc;
    rig_new(&r, argv[0], "64MiB", "10s");
    r.more = "hold_size = \"1MiB\"; hold_time = \"1h\";";
    rig_conf(&r, "64MiB", "10s");
    if (!ok(rig_start(&r, 2) == 0, "a journal"))
        return done_testing();
    struct ipc *c = r.guard[0];
    ok(keep(c, 7, 1, STR("a record")) == GW_R_NONE, "a stanza is held");
    bool there = file(&r, "7-1" HELD_SUFFIX, path, &st);
    ok(there && st.st_size == HELD_OVERHEAD + 8 && (st.st_mode & 07777) == 0600, "in a file of its own that nobody else may read");
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    ok(fd >= 0 && read(fd, head, sizeof head) == sizeof head && !memcmp(head, HELD_MAGIC, 8) && head[15] == 7 && head[23] == 1 && head[32] == GW_LOW &&
        !memcmp(head + 37, "a record", 8), "with what it is and where it came from");
    close(fd);
    ok(keep(c, 7, 1, STR("another")) == GW_R_HOLD_FAILED, "the same number again does not replace it");
    memset(big, 'x', sizeof big);
    ok(keep(c, 7, 2, (struct str){ big, sizeof big }) == GW_R_NONE && keep(c, 7, 3, (struct str){ big, sizeof big }) == GW_R_NONE &&
        keep(c, 7, 4, (struct str){ big, sizeof big }) == GW_R_NONE, "as much as may be held");
    ok(keep(c, 7, 5, (struct str){ big, sizeof big }) == GW_R_HOLD_FULL && !file(&r, "7-5" HELD_SUFFIX, path, &st), "what does not fit is not held");
    ok(keep(c, 7, 6, STR("small")) == GW_R_NONE, "what fits still is");
    ok(ipc_put_keep(r.edge[GW_LOW], &(struct msg_keep){ .guard = 1, .number = 1, .record = STR("x") }) < 0, "an edge has no such word");
    ok(rig_stop(&r) == 0, "it ends in order");
    (void)file(&r, "7-2" HELD_SUFFIX, path, &st);
    ok(utimensat(AT_FDCWD, path, (struct timespec[2]){ { .tv_sec = st.st_mtime - 7200 }, { .tv_sec = st.st_mtime - 7200 } }, 0) == 0, "one of them grows old");
    ok(rig_start(&r, 1) == 0, "it starts again");
    c = r.guard[0];
    ok(keep(c, 8, 1, STR("later")) == GW_R_NONE && keep(c, 8, 2, (struct str){ big, sizeof big }) == GW_R_NONE, "there is room again");
    ok(keep(c, 8, 3, (struct str){ big, sizeof big }) == GW_R_HOLD_FULL, "but not more than that: the rest is counted");
    ok(!file(&r, "7-2" HELD_SUFFIX, path, &st) && file(&r, "7-3" HELD_SUFFIX, path, &st), "the old one is gone, the others are not");
    ok(rig_stop(&r) == 0 && count(&r, "held-expired") == 1 && count(&r, "7-2.held") == 1, "and a record says so");
    rig_free(&r);
    return done_testing();
}
