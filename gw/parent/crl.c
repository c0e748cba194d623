/* SPDX-License-Identifier: GPL-3.0-or-later
 * Revocation lists: an edge can open no file, so a list that was changed is opened here and handed over as a descriptor. What is in it the
 * edge reads, never the parent. */
#include <sys/stat.h>

#include "log.h"
#include "parent.h"

#define EVERY_MS 5000

static bool look(const char *path, struct crl_mark *ret)
{
    struct stat st;
    if (lstat(path, &st) != 0)
        return false;
    *ret = (struct crl_mark){ st.st_ino, (int64_t)st.st_mtim.tv_sec * 1000000000 + st.st_mtim.tv_nsec, st.st_size };
    return true;
}

static bool same(const struct crl_mark *a, const struct crl_mark *b)
{
    return a->inode == b->inode && a->changed == b->changed && a->size == b->size;
}

static void give(struct parent *p, enum gw_side side)
{
    struct child *edge = child_find(p, IPC_EDGE, side, 0);
    const char *path = p->conf->side[side].crl, *why;
    int fd;
    if (!edge || !edge->chan)
        return; /* it reads the file itself when it starts */
    fd = gw_crl_open(path, &why);
    if (fd < 0)
        log_warn("crl: %s cannot be read again: %s; what was read before counts on", path, why);
    else if (ipc_put_crl_fd(edge->chan, &(struct msg_crl){ }, fd) != 0)
        child_kill(edge, "it could not be given a revocation list");
}

void crl_give_all(struct parent *p)
{
    for (int s = 0; s < GW_SIDES; s++)
        if (p->conf->side[s].crl)
            give(p, (enum gw_side)s);
}

/* The first look only remembers: edges read the files when they start. */
void crl_tick(struct parent *p, int64_t now)
{
    if (now < p->crl.due || p->stopping)
        return;
    for (int s = 0; s < GW_SIDES; s++) {
        struct crl_mark m;
        if (!p->conf->side[s].crl || !look(p->conf->side[s].crl, &m) || same(&m, &p->crl.file[s]))
            continue;
        p->crl.file[s] = m;
        if (p->crl.known)
            give(p, (enum gw_side)s);
    }
    p->crl.known = true;
    p->crl.due = now + EVERY_MS;
}
