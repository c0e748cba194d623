/* SPDX-License-Identifier: GPL-3.0-or-later
 * Retention: the oldest segments go, by age or by size of all, when the configuration says so. Never one that a checkpoint does
 * not cover whole, never the open one, and not before a record says so. The hashes of what went stay in the file `tree`. */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "journal.h"
#include "log.h"

#define LOOK_MS 2000

/* Why the oldest segment may go, or NULL. */
static const char *due(const struct journal *j, const struct led_dir *d)
{
    int64_t keep_time = j->conf->journal.keep_time, keep_size = j->conf->journal.keep_size, all = 0;
    struct stat st;

    if (d->n < 2 || d->v[1].first - 1 > j->notary.signed_size)
        return NULL;
    for (size_t i = 0; i < d->n; i++)
        all += d->v[i].size;
    if (keep_size > 0 && all > keep_size)
        return "the journal is larger than it may be";
    if (keep_time > 0 && fstatat(d->fd, d->v[0].name, &st, AT_SYMLINK_NOFOLLOW) == 0 &&
        (int64_t)(wall_us() / 1000) - (int64_t)st.st_mtim.tv_sec * 1000 > keep_time)
        return "it is older than it may be";
    return NULL;
}

/* The record of it is durable: now the file may go. */
static void remove_announced(struct journal *j)
{
    if (unlinkat(j->store.dir_fd, j->retire.name, 0) < 0 && errno != ENOENT)
        log_warn("cannot remove %s: %m", j->retire.name);
    else
        log_info("%s was removed, as the configuration says", j->retire.name);
    (void)fsync(j->store.dir_fd);
    j->retire.name[0] = 0;
    j->retire.next_ms = 0; /* there may be more */
}

void retire(struct journal *j)
{
    struct led_dir d = { .fd = j->store.dir_fd };
    const char *why;

    if ((j->conf->journal.keep_time == 0 && j->conf->journal.keep_size == 0) || j->blocked)
        return;
    if (j->retire.name[0] && j->store.seq >= j->retire.seq)
        remove_announced(j);
    if (j->retire.name[0] || mono_ms() < j->retire.next_ms)
        return;
    j->retire.next_ms = mono_ms() + LOOK_MS;
    if (led_dir_list(&d) == 0 && (why = due(j, &d)) != NULL) {
        uint64_t last = d.v[1].first - 1;
        memcpy(j->retire.name, d.v[0].name, sizeof j->retire.name);
        batch_event(j, "retired", d.v[0].name, last, "records %llu to %llu are removed with %s: %s; a checkpoint covers them", (unsigned long long)d.v[0].first,
            (unsigned long long)last, d.v[0].name, why);
        j->retire.seq = j->store.seq + j->n_lines;
    }
    free(d.v);
}
