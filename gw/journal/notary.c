/* SPDX-License-Identifier: GPL-3.0-or-later
 * Tree and checkpoints: hashes every durable line, signs the root by time, by count and at the end. It signs nothing that is
 * not consistent with what it signed before (tlog-checkpoint). */
#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

#include "journal.h"
#include "log.h"

#define NOTES_MAX (1u << 30)
#define PENDING_MAX (64u << 20)

int notary_open(struct notary *n, int dir_fd, struct led_key *key)
{
    *n = (struct notary){ .dir_fd = dir_fd, .key = key, .tree_fd = -1, .note_fd = -1 };
    buf_init(&n->pending, PENDING_MAX);
    buf_init(&n->newest, LED_NOTE_MAX);
    n->tree_fd = openat(dir_fd, "tree", O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0640);
    n->note_fd = openat(dir_fd, "checkpoints", O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0640);
    if (n->tree_fd < 0 || n->note_fd < 0 || fsync(dir_fd) < 0) {
        log_error("cannot open the journal's tree and checkpoints: %m");
        return GW_ERR(IO);
    }
    return 0;
}

void notary_close(struct notary *n)
{
    if (n->tree_fd >= 0)
        close(n->tree_fd);
    if (n->note_fd >= 0)
        close(n->note_fd);
    buf_clear(&n->pending);
    buf_clear(&n->newest);
    led_key_free(n->key);
    n->key = NULL;
}

int notary_last(struct notary *n, struct led_note *ret, struct led_hash *ret_root)
{
    struct led_file f;
    struct led_note note;
    size_t off = 0, before = 0;
    int got, some = 0, err = led_file_open(n->dir_fd, "checkpoints", NOTES_MAX, &f);

    if (err) {
        log_error("cannot read the checkpoints: %s", gw_strerror(err));
        return err;
    }
    while ((got = led_note_next(led_file_str(&f), &off, &note)) == 1) {
        *ret = note;
        *ret_root = note.root;
        some = 1;
        n->note_size = (off_t)off;
        buf_reset(&n->newest); /* one that is too long to keep in memory is carried when the next one comes */
        (void)!buf_put(&n->newest, f.p + before, off - before);
        before = off;
    }
    if (some && (err = led_note_verify(n->key, ret)) < 0)
        log_error("the newest checkpoint is not signed by this gateway's key (%s)", gw_strerror(err));
    /* a note that was being written when the power went: signed, but never given to anybody */
    if (!err && n->note_size < (off_t)f.n) {
        log_warn("cutting %zu bytes of a half-written checkpoint", f.n - (size_t)n->note_size);
        if (ftruncate(n->note_fd, n->note_size) < 0 || fdatasync(n->note_fd) < 0)
            err = GW_ERR(IO);
    }
    led_file_close(&f);
    ret->text = ret->sigs = ret->origin = STR_NONE;
    n->signed_size = some ? ret->size : 0;
    return err ? err : some;
}

/* ---- tree ---- */
static int get_stored(void *arg, unsigned level, uint64_t at, struct led_hash *ret)
{
    struct notary *n = arg;
    ssize_t r = pread(n->tree_fd, ret->b, 32, (off_t)(led_stored_at(level, at) * 32));

    return r == 32 ? 0 : r < 0 ? GW_ERR(SYS) : GW_ERR(NOENT);
}

static int tree_cut(struct notary *n)
{
    n->stored = led_stored_count(n->tree.size);
    buf_reset(&n->pending);
    return ftruncate(n->tree_fd, (off_t)(n->stored * 32)) < 0 ? GW_ERR(SYS) : 0;
}

int notary_load_tree(struct notary *n, uint64_t size, const struct led_hash *root)
{
    struct led_hash found;
    int err = led_tree_load(get_stored, n, size, &n->tree);

    if (err)
        return err;
    led_tree_root(&n->tree, &found);
    return led_hash_eq(&found, root) ? tree_cut(n) : GW_ERR(MISMATCH);
}

int notary_reset_tree(struct notary *n)
{
    n->tree = (struct led_tree){ 0 };
    return tree_cut(n);
}

void notary_add(struct notary *n, struct str line)
{
    struct led_hash leaf, fresh[LED_LEVELS] GW_UNSET;
    size_t some;

    led_leaf(line, &leaf);
    some = led_tree_add(&n->tree, &leaf, fresh);
    if (!n->tree_behind && buf_put(&n->pending, fresh, some * sizeof *fresh) < 0) {
        log_error("the file of tree hashes cannot be kept up; it is made again at the next start");
        n->tree_behind = true;
        buf_clear(&n->pending);
    }
    if (buf_size(&n->pending) > 1 << 20)
        notary_write_tree(n);
}

/* The file is a shortcut for proofs; what cannot be written now is tried again. */
void notary_write_tree(struct notary *n)
{
    size_t size = buf_size(&n->pending);

    if (size == 0 || store_pwrite(n->tree_fd, buf_data(&n->pending), size, (off_t)(n->stored * 32)) < 0)
        return;
    n->stored += size / 32;
    buf_reset(&n->pending);
}

/* ---- checkpoints ---- */
int notary_sign(struct notary *n, uint64_t time, struct buf *note)
{
    struct led_hash root;

    led_tree_root(&n->tree, &root);
    buf_init(note, LED_NOTE_MAX);
    return led_note_sign(n->key, n->tree.size, &root, time, note);
}

int notary_write(struct notary *n, uint64_t size, const struct buf *note)
{
    int err;

    notary_write_tree(n);
    err = fdatasync(n->tree_fd) < 0 ? GW_ERR(IO) : 0;
    if (!err && (err = store_pwrite(n->note_fd, buf_data(note), buf_size(note), n->note_size)) == 0 && fdatasync(n->note_fd) < 0)
        err = errno == ENOSPC || errno == EDQUOT ? GW_ERR(AGAIN) : GW_ERR(IO);
    if (!err) {
        n->note_size += (off_t)buf_size(note);
        n->signed_size = size;
        buf_reset(&n->newest);
        return buf_put(&n->newest, buf_data(note), buf_size(note)); /* LED_NOTE_MAX fits */
    }
    return ftruncate(n->note_fd, n->note_size) < 0 ? GW_ERR(IO) : err;
}
