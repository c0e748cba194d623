/* SPDX-License-Identifier: GPL-3.0-or-later
 * lockgate-journal CONF [EPOCH]: the last gate. It writes what the others tell it, makes that durable, and only then tells the
 * edges what may go. Its life, from top to bottom. */
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/file.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "held.h"
#include "journal.h"
#include "log.h"
#include "sandbox.h"

#define EX_CONFIG 78
#define EX_IO 74
#define KEY_PRIVATE "journal.key"
#define KEY_PUBLIC "journal.pub"
#define KEY_MAC "journal.mac"
#define AUDITORS "lockgate-auditor"

static void die(const char *what, const char *path)
{
    log_error("%s %s: %m", what, path);
    exit(EX_CONFIG);
}

/* ---- folders and keys, still with the parent's rights ---- */
static int open_folder(const char *path, mode_t mode)
{
    int fd;

    if (mkdir(path, mode) < 0 && errno != EEXIST)
        die("cannot make", path);
    fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
    if (fd < 0)
        die("cannot open", path);
    return fd;
}

static void own(int dir_fd, const char *name, uid_t uid, gid_t gid)
{
    if (uid && fchownat(dir_fd, name, uid, gid, AT_SYMLINK_NOFOLLOW) < 0)
        die("cannot give away", name);
}

/* Who may read the journal: a group of auditors where there is one, else the journal alone. */
static gid_t auditors(uid_t uid)
{
    struct group *g = getgrnam(AUDITORS);

    return g ? g->gr_gid : uid;
}

/* Everything that is in the folder belongs to the journal; a group of auditors, where there is one, may read. */
static void own_folder(const struct led_dir *d, uid_t uid)
{
    static const char *const others[] = { "tree", "checkpoints", "senders" };
    gid_t gid = auditors(uid);

    if (!uid)
        return;
    if (fchown(d->fd, uid, gid) < 0 || fchmod(d->fd, gid != uid ? 02750 : 0700) < 0)
        die("cannot give away", "the journal's folder");
    for (size_t i = 0; i < d->n; i++)
        own(d->fd, d->v[i].name, uid, gid);
    for (size_t i = 0; i < sizeof others / sizeof *others; i++)
        if (faccessat(d->fd, others[i], F_OK, AT_SYMLINK_NOFOLLOW) == 0)
            own(d->fd, others[i], uid, gid);
}

static char *path_below(const char *folder, const char *name)
{
    char *p;

    if (asprintf(&p, "%s/%s", folder, name) < 0)
        log_fatal("out of memory");
    return p;
}

static int open_journal(const struct gw_conf *conf, const char *path, uid_t uid)
{
    struct led_dir d;
    int fd;

    close(open_folder(conf->state, 0755));
    close(open_folder(path, 0700));
    if (led_dir_open(path, &d) < 0)
        die("cannot read", path);
    own_folder(&d, uid);
    fd = fcntl(d.fd, F_DUPFD_CLOEXEC, 10);
    led_dir_close(&d);
    /* two journals at once would tear the log: the lock goes with the process, which may be about to end */
    for (int tries = 0; fd >= 0 && flock(fd, LOCK_EX | LOCK_NB) < 0; tries++) {
        if (tries == 100)
            die("another journal has", path);
        nanosleep(&(struct timespec){ .tv_nsec = 50000000 }, NULL);
    }
    if (fd < 0)
        die("cannot hold", path);
    return fd;
}

/* Only the journal reads here, and who may read everything. */
static int open_held(const char *path, uid_t uid)
{
    int fd = open_folder(path, 0700);

    if (uid && (fchown(fd, uid, uid) < 0 || fchmod(fd, 0700) < 0))
        die("cannot give away", path);
    return fd;
}

static void open_mac_key(int keys, struct led_mac_key *ret)
{
    int fd = openat(keys, KEY_MAC, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);

    if (fd < 0 && errno == ENOENT) {
        if (getrandom(ret->b, sizeof ret->b, 0) != sizeof ret->b)
            die("cannot draw", KEY_MAC);
        fd = openat(keys, KEY_MAC ".new", O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0400);
        if (fd < 0 || write(fd, ret->b, sizeof ret->b) != sizeof ret->b || fsync(fd) < 0 ||
            renameat(keys, KEY_MAC ".new", keys, KEY_MAC) < 0 || fsync(keys) < 0)
            die("cannot write", KEY_MAC);
    } else if (fd < 0 || read(fd, ret->b, sizeof ret->b) != sizeof ret->b) {
        die("cannot read", KEY_MAC);
    }
    close(fd);
}

/* The key is on a token: only its public half is here, put there by a person. */
static int open_public(const struct gw_conf *conf, int keys, const char *name, struct led_key **ret)
{
    int err = led_key_open_public(keys, KEY_PUBLIC, ret);

    if (err == GW_ERR(NOENT))
        log_error("journal.key is on a token and %s/keys/%s is missing; make it with: lockgate-token --public %s", conf->state, KEY_PUBLIC, conf->path);
    if (!err && strcmp(led_key_name(*ret), name) != 0) {
        log_error("%s/keys/%s is named \"%s\"; it must be \"%s\"", conf->state, KEY_PUBLIC, led_key_name(*ret), name);
        led_key_free(*ret);
        err = GW_ERR(MISMATCH);
    }
    return err;
}

static struct led_key *open_keys(const struct gw_conf *conf, uid_t uid, struct led_mac_key *ret_mac)
{
    char *path = path_below(conf->state, "keys"), name[LED_NAME_MAX];
    struct led_key *key = NULL;
    int fd = open_folder(path, 0711), err;

    snprintf(name, sizeof name, "%s/journal", conf->name);
    err = conf->journal.key ? open_public(conf, fd, name, &key) : led_key_make(fd, KEY_PRIVATE, KEY_PUBLIC, name);
    if (!conf->journal.key && err == 0)
        log_info("made the journal's signing key; give %s/%s to the auditors", path, KEY_PUBLIC);
    if (!conf->journal.key && (err == 0 || err == GW_ERR(EXIST)))
        err = led_key_open(fd, KEY_PRIVATE, KEY_PUBLIC, &key);
    if (err < 0) {
        log_error("the journal's key in %s cannot be used: %s", path, gw_strerror(err));
        exit(EX_CONFIG);
    }
    open_mac_key(fd, ret_mac);
    if (!conf->journal.key)
        own(fd, KEY_PRIVATE, uid, uid);
    own(fd, KEY_MAC, uid, uid);
    free(path);
    close(fd);
    return key;
}

/* OpenSSL opens its configuration and finds its algorithms at the first use: that must be now. With a key on a token nothing can be
 * signed here; then a checkpoint with signatures of zeros must be found to be bad. */
static void warm_up(const struct led_key *key)
{
    static const unsigned char zeros[64];
    struct led_hash root = { { 0 } };
    struct led_note note;
    struct buf b, text, timed;
    size_t off = 0;
    bool here = led_key_signs(key);
    int err;

    buf_init(&b, LED_NOTE_MAX);
    buf_init(&text, LED_NOTE_MAX);
    buf_init(&timed, LED_NOTE_MAX);
    err = here ? led_note_sign(key, 0, &root, 0, &b) : led_note_texts(key, 0, &root, 0, &text, &timed);
    if (!err && !here)
        err = led_note_join(key, buf_str(&text), 0, zeros, zeros, &b);
    if (err || led_note_next(buf_str(&b), &off, &note) != 1 || led_note_verify(key, &note) != (here ? 0 : GW_ERR(MISMATCH)))
        log_fatal("the journal's key does not work");
    buf_clear(&b);
    buf_clear(&text);
    buf_clear(&timed);
}

/* ---- life ---- */
static struct gw_conf *load_conf(const char *path)
{
    struct conf_errors errs;
    struct gw_conf *conf = NULL;

    conf_errors_init(&errs);
    if (gw_conf_load(path, &conf, &errs) < 0) {
        conf_errors_print(&errs, stderr);
        exit(EX_CONFIG);
    }
    conf_errors_clear(&errs);
    return conf;
}

static void prepare(struct journal *j, const char *path, const char *held)
{
    uid_t uid = geteuid() == 0 ? (uid_t)(j->conf->uid_first + GW_UID_JOURNAL) : 0;
    struct sandbox_options o = { .uid = uid, .write_below = (const char *const[]){ path, held, NULL } };
    struct led_key *key;

    (void)umask(022);
    j->clock_offset = (int64_t)wall_us() - mono_ms() * 1000;
    j->store = (struct store){ .fd = -1, .max_size = j->conf->journal.segment_size, .max_ms = j->conf->journal.segment_time };
    j->store.dir_fd = open_journal(j->conf, path, uid);
    if (evidence_open(&j->evidence, j->conf, j->store.dir_fd, uid, auditors(uid)) < 0)
        exit(EX_CONFIG);
    j->hold.dir_fd = open_held(held, uid);
    key = open_keys(j->conf, uid, &j->mac_key);
    warm_up(key);
    buf_init(&j->text, BATCH_BYTES + 4 * LED_LINE_MAX);
    j->lengths = calloc(BATCH_LINES, sizeof *j->lengths);
    j->releases = calloc(BATCH_LINES, sizeof *j->releases);
    if (!j->lengths || !j->releases || open_init(&j->open, OPEN_ROOM) < 0)
        log_fatal("out of memory");
    (void)umask(027);
    if (sandbox_enter(SANDBOX_JOURNAL, &o) < 0) {
        log_error("the sandbox could not be entered");
        exit(EX_CONFIG);
    }
    /* from here on with the journal's own rights: what it reads back holds text from the network */
    if (notary_open(&j->notary, j->store.dir_fd, key) < 0)
        exit(EX_IO);
}

void checkpoint_done(struct journal *j, int err, const struct buf *table)
{
    if (err == GW_ERR(IO) || err == GW_ERR(CRYPTO)) {
        log_error("a checkpoint could not be written: %m");
        j->stop = true;
        j->exit_status = EX_IO;
    } else if (err == 0) {
        links_checkpoint(j);
        if (!table || senders_save(j->store.dir_fd, table) < 0)
            log_warn("the table of senders could not be written; the next start takes longer");
    }
}

static void checkpoint(struct journal *j)
{
    struct buf note, table;
    bool tabled;
    int err;

    if (j->notary.tree.size == j->notary.signed_size)
        return;
    if (!led_key_signs(j->notary.key)) {
        token_ask(j);
        return;
    }
    tabled = senders_table(&j->senders, j->notary.tree.size, settle_oldest(j), &table) == 0;
    err = notary_sign(&j->notary, wall_us() / 1000000, &note);
    if (!err)
        err = notary_write(&j->notary, j->notary.tree.size, &note);
    checkpoint_done(j, err, tabled ? &table : NULL);
    buf_clear(&note);
    if (tabled)
        buf_clear(&table);
}

static bool checkpoint_due(const struct journal *j, int64_t next_ms)
{
    return mono_ms() >= next_ms || j->notary.tree.size - j->notary.signed_size >= 100000;
}

static void run(struct journal *j)
{
    int64_t next_checkpoint = mono_ms() + j->conf->journal.checkpoint;
    bool sign, some = true;

    while (!j->stop || ((links_more(j) || some) && !j->blocked)) { /* the others ended before us: what they said last is there */
        uint64_t seen = j->store.seq + j->n_lines;
        if (j->blocked) {
            links_parent_only(j);
            if (mono_ms() < j->retry_ms)
                continue;
        } else {
            settle_tick(j);
            j->retry_ms = j->stop ? 0 : next_checkpoint; /* when to wake at the latest */
            links_take(j);
            some = j->store.seq + j->n_lines > seen;
        }
        sign = checkpoint_due(j, next_checkpoint);
        if (j->blocked || sign || batch_wait_ms(j) == 0) /* beside a checkpoint the table of senders is kept: all that was taken is durable then */
            batch_commit(j);
        if (!j->blocked && sign) {
            checkpoint(j);
            next_checkpoint = mono_ms() + j->conf->journal.checkpoint;
        }
        if (!j->blocked)
            token_tick(j);
        retire(j);
        evidence_retire(j);
        hold_tick(j);
    }
}

static void finish(struct journal *j)
{
    if (j->exit_status == 0 && !j->blocked)
        settle_rest(j);
    if (j->exit_status == 0 && !j->blocked) {
        batch_event(j, "stopped", NULL, j->store.seq, "the journal ends in order");
        batch_commit(j);
        if (j->exit_status == 0 && !j->blocked)
            led_key_signs(j->notary.key) ? checkpoint(j) : token_last(j);
    }
    for (size_t i = 0; i < CHANNELS_MAX; i++)
        ipc_free(j->ch[i].c);
    notary_close(&j->notary);
    token_clear(&j->token);
    evidence_close(&j->evidence);
    senders_clear(&j->senders);
    open_clear(&j->open);
    buf_clear(&j->text);
    free(j->lengths);
    free(j->releases);
    gw_conf_free(j->conf);
}

int main(int argc, char **argv)
{
    static struct journal j;
    char *end = NULL, *path, *held;
    int err;

    log_init("journal", LOG_L_INFO);
    j.epoch = argc == 3 ? strtoull(argv[2], &end, 10) : wall_us();
    if (argc < 2 || argc > 3 || (end && *end)) {
        fprintf(stderr, "usage: lockgate-journal CONFIGURATION [EPOCH] (started by lockgate-parent)\n");
        return 2;
    }
    (void)signal(SIGPIPE, SIG_IGN);
    (void)signal(SIGXFSZ, SIG_IGN);
    j.conf = load_conf(argv[1]);
    j.started_ms = mono_ms();
    links_parent(&j, IPC_PARENT_FD);
    path = path_below(j.conf->state, "journal");
    held = path_below(j.conf->state, HELD_FOLDER);
    prepare(&j, path, held);
    err = recover(&j);
    if (err < 0) /* what a person must look at, or what may pass */
        return err == GW_ERR(MISMATCH) ? EX_CONFIG : EX_IO;
    batch_commit(&j);
    if (ipc_put_ready(j.ch[0].c, &(struct msg_ready){ }) < 0 || ipc_flush(j.ch[0].c) < 0)
        log_warn("the parent is gone");
    run(&j);
    finish(&j);
    free(path);
    free(held);
    return j.exit_status;
}
