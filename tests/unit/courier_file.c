// link: ipc base
// libs: -lconfig
/* SPDX-License-Identifier: GPL-3.0-or-later
 * A witness that is a file: what the courier takes, what it leaves alone, and what it does when the file goes. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>

#include "../../gw/courier/file.c"
#include "tap.h"

#define OTHER_UID 54321

static char folder[64], path[128];

static void put(const char *text)
{
    FILE *f = fopen(path, "w");

    if (f) {
        fputs(text, f);
        fclose(f);
    }
}

static bool holds(const char *text)
{
    char got[200] = "";
    FILE *f = fopen(path, "r");
    size_t n = f ? fread(got, 1, sizeof got - 1, f) : 0;

    if (f)
        fclose(f);
    return n == strlen(text) && memcmp(got, text, n) == 0;
}

int main(void)
{
    struct gw_witness conf = { .kind = GW_WITNESS_FILE, .path = path };
    struct witness w = { .conf = &conf, .fd = -1 };
    char to[160];
    struct stat st;

    strcpy(folder, "/tmp/lockgate-courier-XXXXXX");
    if (!mkdtemp(folder))
        return 1;
    snprintf(path, sizeof path, "%s/checkpoints", folder);
    snprintf(to, sizeof to, "%s.old", path);
    ok(file_append(&w, STR("one\n")) == 0 && file_append(&w, STR("two\n")) == 0 && holds("one\ntwo\n"), "made, and appended to");
    ok(rename(path, to) == 0 && file_append(&w, STR("three\n")) == 0 && holds("three\n"), "moved away: made again");
    close(w.fd);
    w.fd = -1;
    if (geteuid() == 0) {
        ok(file_open(&w, OTHER_UID) == GW_ERR(IO) && stat(path, &st) == 0 && st.st_uid == 0 && strstr(w.why, "belong"), "somebody else's file that holds something is left alone");
        unlink(path);
        put("");
        ok(file_open(&w, OTHER_UID) == 0 && stat(path, &st) == 0 && st.st_uid == OTHER_UID, "an empty one is taken");
        close(w.fd);
        w.fd = -1;
    }
    unlink(path);
    ok(symlink("/etc/passwd", path) == 0 && file_open(&w, 0) == GW_ERR(IO), "a link is not followed");
    unlink(path);
    ok(mkfifo(path, 0600) == 0 && file_open(&w, 0) == GW_ERR(IO), "a pipe is not waited for");
    unlink(path);
    ok(mkdir(path, 0700) == 0 && file_append(&w, STR("x")) == GW_ERR(IO) && strstr(w.why, "cannot be opened"), "a folder in its place is said");
    rmdir(path);
    unlink(to);
    rmdir(folder);
    return done_testing();
}
