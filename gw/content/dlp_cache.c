/* SPDX-License-Identifier: GPL-3.0-or-later
 * Compiled patterns in a file. Form: "LGHS3\n", SHA-256 of the expressions, of Hyperscan's version and of the processor, u32 databases, each
 * u32 length and bytes; SHA-256 of all that. */
#include <fcntl.h>
#include <openssl/evp.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "dlp.h"
#include "wire.h"

#define HASH 32u
#define CACHE_MAX (256u << 20)
static const char magic[6] = "LGHS3\n";

static bool hash_of(const void *p, size_t n, unsigned char out[HASH])
{
    unsigned len = 0;
    return EVP_Digest(p, n, out, &len, EVP_sha256(), NULL) == 1 && len == HASH;
}

/* What the databases are made from. They are made for one kind of processor: the file may have come with a disk from another machine. */
static bool key_of(const struct dlp *d, unsigned char out[HASH])
{
    const struct dlp_db *all[] = DLP_ALL(d);
    hs_platform_info_t machine = { 0 };
    struct buf b;
    struct wire_out o;
    buf_init(&b, CACHE_MAX);
    wire_out_init(&o, &b);
    if (hs_populate_platform(&machine) != HS_SUCCESS)
        return false;
    wire_put_str32(&o, str_c(hs_version()));
    wire_put_u32(&o, machine.tune);
    wire_put_u64(&o, machine.cpu_features);
    wire_put_u32(&o, DLP_CHUNK);
    for (size_t k = 0; k < DLP_DATABASES; k++) {
        wire_put_u32(&o, (uint32_t)all[k]->n);
        wire_put_u32(&o, (uint32_t)all[k]->n_single);
        for (size_t i = 0; i < all[k]->n; i++) {
            wire_put_u32(&o, all[k]->v[i].flags);
            wire_put_str32(&o, str_c(all[k]->v[i].text));
        }
    }
    bool good = !o.err && hash_of(buf_data(&b), buf_size(&b), out);
    buf_clear(&b);
    return good;
}

/* A regular file of this user that nobody else may write. */
static bool read_own_file(const char *path, struct buf *b)
{
    struct stat st;
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
    if (fd < 0)
        return false;
    bool good = fstat(fd, &st) == 0 && S_ISREG(st.st_mode) && st.st_uid == geteuid() && !(st.st_mode & (S_IWGRP | S_IWOTH)) && st.st_size > 0 &&
        st.st_size < (off_t)CACHE_MAX;
    unsigned char *room = good ? buf_room(b, (size_t)st.st_size) : NULL;
    ssize_t n = room ? read(fd, room, (size_t)st.st_size) : -1;
    good = room && n == st.st_size;
    if (good)
        buf_added(b, (size_t)n);
    close(fd);
    return good;
}

static void forget(struct dlp *d)
{
    struct dlp_db *all[] = DLP_ALL(d);
    for (size_t k = 0; k < DLP_DATABASES; k++) {
        for (size_t i = 0; i < all[k]->n_db; i++)
            hs_free_database(all[k]->db[i]);
        free(all[k]->db);
        all[k]->db = NULL;
        all[k]->n_db = 0;
    }
}

static bool take_databases(struct dlp *d, struct wire *w)
{
    struct dlp_db *all[] = DLP_ALL(d);
    for (size_t k = 0; k < DLP_DATABASES; k++) {
        size_t chunks = dlp_chunks(all[k]);
        if (wire_u32(w) != chunks || w->err)
            return false;
        all[k]->db = calloc(chunks ? chunks : 1, sizeof(hs_database_t *));
        if (!all[k]->db)
            return false;
        for (size_t i = 0; i < chunks; i++) {
            struct str s = wire_str32(w, CACHE_MAX);
            if (w->err || hs_deserialize_database(s.p, s.n, &all[k]->db[i]) != HS_SUCCESS)
                return false;
            all[k]->n_db++;
        }
    }
    return wire_done(w) == 0;
}

bool dlp_cache_read(struct dlp *d, const char *path)
{
    unsigned char key[HASH], sum[HASH];
    struct buf b;
    struct wire w;
    buf_init(&b, CACHE_MAX);
    bool good = read_own_file(path, &b) && buf_size(&b) > sizeof magic + 2 * HASH && key_of(d, key);
    const unsigned char *p = buf_data(&b);
    size_t n = buf_size(&b) - HASH;
    good = good && hash_of(p, n, sum) && memcmp(p + n, sum, HASH) == 0 && memcmp(p, magic, sizeof magic) == 0 && memcmp(p + sizeof magic, key, HASH) == 0;
    if (good) {
        wire_init(&w, p + sizeof magic + HASH, n - sizeof magic - HASH);
        good = take_databases(d, &w);
        if (!good)
            forget(d);
    }
    buf_clear(&b);
    return good;
}

static bool put_databases(const struct dlp *d, struct wire_out *o)
{
    const struct dlp_db *all[] = DLP_ALL(d);
    bool good = true;
    for (size_t k = 0; k < DLP_DATABASES && good; k++) {
        wire_put_u32(o, (uint32_t)all[k]->n_db);
        for (size_t i = 0; i < all[k]->n_db && good; i++) {
            struct str s = STR_NONE;
            char *p = NULL;
            good = hs_serialize_database(all[k]->db[i], &p, &s.n) == HS_SUCCESS;
            s.p = p;
            if (good)
                wire_put_str32(o, s);
            free(p);
        }
    }
    return good && !o->err;
}

/* Written beside and renamed, so that a reader sees all of it or nothing. */
static void write_file(const char *path, const struct buf *b)
{
    char beside[4096];
    if ((size_t)snprintf(beside, sizeof beside, "%s.%ld", path, (long)getpid()) >= sizeof beside)
        return;
    int fd = open(beside, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600);
    if (fd < 0)
        return;
    bool good = write(fd, buf_data(b), buf_size(b)) == (ssize_t)buf_size(b);
    if (close(fd) || !good || rename(beside, path))
        (void)unlink(beside);
}

void dlp_cache_write(const struct dlp *d, const char *path)
{
    unsigned char key[HASH], sum[HASH];
    struct buf b;
    struct wire_out o;
    buf_init(&b, CACHE_MAX);
    wire_out_init(&o, &b);
    wire_put_bytes(&o, magic, sizeof magic);
    if (key_of(d, key)) {
        wire_put_bytes(&o, key, HASH);
        if (put_databases(d, &o) && hash_of(buf_data(&b), buf_size(&b), sum) && buf_put(&b, sum, HASH) == 0)
            write_file(path, &b);
    }
    buf_clear(&b);
}

#define LOCK_TRIES 400u /* of LOCK_MS each: whoever compiles longer, or stands still, is not waited for */
#define LOCK_MS 50u
int dlp_cache_lock(const char *path)
{
    char beside[4096];
    if ((size_t)snprintf(beside, sizeof beside, "%s.lock", path) >= sizeof beside)
        return -1;
    int fd = open(beside, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
    for (unsigned i = 0; fd >= 0 && flock(fd, LOCK_EX | LOCK_NB) != 0; i++) {
        if (i < LOCK_TRIES && !usleep(LOCK_MS * 1000))
            continue;
        close(fd);
        fd = -1;
    }
    return fd;
}

void dlp_cache_unlock(int lock)
{
    if (lock >= 0)
        close(lock);
}
