// link: ipc base
// libs: -lconfig
/* SPDX-License-Identifier: GPL-3.0-or-later
 * What the parent hands to an edge as its revocation list: the file that lies there, and nothing that whoever owns the folder points at. */
#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

#include "../../gw/parent/crl.c"
#include "tap.h"

static int given = -1; /* the descriptor that came, or -1 */

static struct child edge = { .chan = (struct ipc *)&edge };
struct child *child_find(struct parent *p, enum ipc_role role, unsigned side, unsigned index) { (void)p, (void)role, (void)index; return side == GW_LOW ? &edge : NULL; }
void child_kill(struct child *c, const char *why) { (void)c, (void)why; }
int ipc_put_crl_fd(struct ipc *c, const struct msg_crl *m, int fd)
{
    (void)c, (void)m;
    given = fd;
    return 0;
}

static char folder[] = "/tmp/lg-crl-XXXXXX", list[64], secret[64], other[64];

static void put(const char *path, const char *text)
{
    FILE *f = fopen(path, "w");
    if (!f || fputs(text, f) < 0 || fclose(f) != 0)
        diag("cannot write %s", path);
}

static void plain(void) { put(other, "a new list\n"); if (rename(other, list) != 0) diag("rename"); }
static void symlinked(void) { if (unlink(list) != 0 || symlink(secret, list) != 0) diag("symlink"); }
static void linked(void) { if (unlink(list) != 0 || link(secret, list) != 0) diag("link"); }
static void pipe_there(void) { if (unlink(list) != 0 || mkfifo(list, 0644) != 0) diag("mkfifo"); }
static void folder_there(void) { if (unlink(list) != 0 || mkdir(list, 0755) != 0) diag("mkdir"); }
static void nothing(void) { if (rmdir(list) != 0) diag("rmdir"); }

static const struct { const char *name; void (*change)(void); const char *want; } rows[] = {
    { "a new list, put there by mv, is handed over", plain, "a new list" },
    { "a symbolic link to a file of root is not", symlinked, NULL },
    { "nor a second name of one", linked, NULL },
    { "nor a pipe, which nobody waits for", pipe_there, NULL },
    { "nor a folder", folder_there, NULL },
    { "nor nothing", nothing, NULL },
    { "the next list is, as before", plain, "a new list" },
};

int main(void)
{
    struct gw_conf conf = { 0 };
    struct parent p = { .conf = &conf };
    int64_t now = 1;
    char text[64];

    if (!mkdtemp(folder))
        return 1;
    snprintf(list, sizeof list, "%s/list.pem", folder);
    snprintf(secret, sizeof secret, "%s/secret", folder);
    snprintf(other, sizeof other, "%s/list.new", folder);
    put(list, "the first list\n");
    put(secret, "a private key\n");
    conf.side[GW_LOW].crl = list;
    crl_tick(&p, now);
    ok(given < 0, "the first look only remembers");
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        rows[i].change();
        given = -1;
        crl_tick(&p, now += EVERY_MS);
        ssize_t n = given < 0 ? 0 : read(given, text, sizeof text - 1);
        text[n > 0 ? n : 0] = 0;
        ok(rows[i].want ? given >= 0 && strstr(text, rows[i].want) != NULL : given < 0, "%s", rows[i].name);
        given = -1;
        crl_give_all(&p); /* a reload asks no less */
        ok((given >= 0) == (rows[i].want != NULL), "%s, at a reload", rows[i].name);
    }
    unlink(list);
    unlink(secret);
    rmdir(folder);
    return done_testing();
}
