/* SPDX-License-Identifier: GPL-3.0-or-later
 * Stanzas that a rule holds for a person: one file each in STATE/held, durable before the guard may say that it is held. What is in
 * them is only stored here, never read (PROTOCOL.md, "Held stanzas"). */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <openssl/sha.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "held.h"
#include "journal.h"
#include "log.h"
#include "reason.h"

#define LOOK_MS 60000
#define TEMPORARY "new"

static bool is_held(const char *name)
{
    size_t digits = strspn(name, "0123456789-");
    return digits > 0 && strcmp(name + digits, HELD_SUFFIX) == 0;
}

static void expire(struct journal *j, const char *name, const struct stat *st)
{
    if (unlinkat(j->hold.dir_fd, name, 0) < 0) {
        log_warn("cannot remove %s: %m", name);
        j->hold.bytes += st->st_size;
        return;
    }
    batch_event(j, "held-expired", name, (uint64_t)st->st_size, "a held stanza was older than it may be and was deleted");
}

/* How much is held; what is too old goes. */
void hold_look(struct journal *j)
{
    int64_t oldest = j->conf->journal.hold_time ? (int64_t)(wall_us() / 1000) - j->conf->journal.hold_time : INT64_MIN;
    int fd = openat(j->hold.dir_fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    DIR *d = fd >= 0 ? fdopendir(fd) : NULL;
    struct dirent *e;
    struct stat st;

    j->hold.next_ms = mono_ms() + LOOK_MS;
    if (!d) {
        if (fd >= 0)
            close(fd);
        j->hold.bytes = INT64_MAX; /* not known: nothing more is held */
        log_error("the folder of held stanzas cannot be read: %m");
        return;
    }
    j->hold.bytes = 0;
    while ((e = readdir(d)) && !batch_full(j)) {
        if (!is_held(e->d_name) || fstatat(j->hold.dir_fd, e->d_name, &st, AT_SYMLINK_NOFOLLOW) < 0)
            continue;
        if ((int64_t)st.st_mtim.tv_sec * 1000 < oldest)
            expire(j, e->d_name, &st);
        else
            j->hold.bytes += st.st_size;
    }
    closedir(d);
}

void hold_tick(struct journal *j)
{
    if (!j->blocked && mono_ms() >= j->hold.next_ms)
        hold_look(j);
}

static int make_file(struct buf *b, const struct msg_keep *m)
{
    unsigned char sum[HELD_SUM];
    struct wire_out w;
    int err = buf_puts(b, STR(HELD_MAGIC));

    wire_out_init(&w, b);
    wire_put_u64(&w, m->guard);
    wire_put_u64(&w, m->number);
    wire_put_u64(&w, wall_us() / 1000);
    wire_put_u8(&w, m->side);
    wire_put_str32(&w, m->record);
    SHA256(buf_data(b), buf_size(b), sum);
    wire_put_bytes(&w, sum, sizeof sum);
    return err ? err : w.err;
}

/* All or nothing: written beside, made durable, then named. */
static enum gw_reason store(struct journal *j, const struct msg_keep *m, struct str file)
{
    char name[64];
    struct stat st;
    int fd, err;

    snprintf(name, sizeof name, "%llu-%llu" HELD_SUFFIX, (unsigned long long)m->guard, (unsigned long long)m->number);
    if (fstatat(j->hold.dir_fd, name, &st, AT_SYMLINK_NOFOLLOW) == 0) {
        log_error("%s is held already", name);
        return GW_R_HOLD_FAILED;
    }
    fd = openat(j->hold.dir_fd, TEMPORARY, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0600);
    err = fd < 0 ? GW_ERR(IO) : store_pwrite(fd, file.p, file.n, 0);
    if (!err && (fdatasync(fd) < 0 || renameat(j->hold.dir_fd, TEMPORARY, j->hold.dir_fd, name) < 0 || fsync(j->hold.dir_fd) < 0))
        err = GW_ERR(IO);
    if (err) {
        log_error("a stanza could not be held as %s: %m", name);
        (void)unlinkat(j->hold.dir_fd, TEMPORARY, 0);
        (void)unlinkat(j->hold.dir_fd, name, 0);
    }
    if (fd >= 0)
        close(fd);
    return err ? GW_R_HOLD_FAILED : GW_R_NONE;
}

static enum gw_reason keep(struct journal *j, const struct msg_keep *m)
{
    struct buf b;
    enum gw_reason reason = GW_R_HOLD_FAILED;

    if (j->hold.bytes > j->conf->journal.hold_size - (int64_t)m->record.n - HELD_OVERHEAD)
        return GW_R_HOLD_FULL;
    buf_init(&b, m->record.n + HELD_OVERHEAD);
    if (make_file(&b, m) == 0) {
        reason = store(j, m, buf_str(&b));
        j->hold.bytes += reason == GW_R_NONE ? (int64_t)buf_size(&b) : 0;
    }
    buf_clear(&b);
    return reason;
}

void hold_take(struct journal *j, struct channel *ch, const struct ipc_msg *msg)
{
    struct msg_keep m;
    struct msg_kept answer;

    if (ch->role != IPC_GUARD || ipc_get_keep(msg, &m) < 0 || m.side >= GW_SIDES || (ch->sender && ch->sender->epoch != m.guard)) {
        links_break(j, ch, "a stanza to hold that is not its to give");
        return;
    }
    answer = (struct msg_kept){ .guard = m.guard, .number = m.number, .reason = (uint8_t)keep(j, &m) };
    if (ipc_put_kept(ch->c, &answer) < 0)
        links_break(j, ch, "it does not read");
    else
        (void)!ipc_flush(ch->c); /* an error shows when it is read again */
}
