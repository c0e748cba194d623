/* SPDX-License-Identifier: GPL-3.0-or-later
 * Evidence: stanzas that were refused or changed, encrypted to the auditors (CMS AuthEnvelopedData, RFC 5083 and 5084: AES-256-GCM
 * under a key of its own). Here is only their public half, so what is written can be read by them alone. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <openssl/cms.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/sha.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "journal.h"
#include "log.h"

#define LOOK_MS 60000
#define SUFFIX ".cms"
#define PIECES_MAX (4u << 20) /* file names that are looked at in one go */

static void piece_name(uint64_t record, char out[32])
{
    snprintf(out, 32, "%010llu" SUFFIX, (unsigned long long)record);
}

/* ---- before the sandbox closes ---- */
static int read_certificates(struct evidence *e, const char *path)
{
    FILE *f = fopen(path, "re");
    X509 *x;

    if (!f || !(e->auditors = sk_X509_new_null())) {
        log_error("evidence: %s: %m", path);
        if (f)
            fclose(f);
        return GW_ERR(CONF);
    }
    while ((x = PEM_read_X509(f, NULL, NULL, NULL)))
        if (sk_X509_push(e->auditors, x) <= 0)
            log_fatal("out of memory");
    ERR_clear_error();
    fclose(f);
    if (sk_X509_num(e->auditors) > 0)
        return 0;
    log_error("evidence: %s holds no certificate in PEM form", path);
    return GW_ERR(CONF);
}

static int seal(const struct evidence *e, struct str content, unsigned char **ret, int *ret_n)
{
    BIO *in = content.n <= INT32_MAX ? BIO_new_mem_buf(content.p, (int)content.n) : NULL;
    CMS_ContentInfo *cms = in ? CMS_encrypt(e->auditors, in, EVP_aes_256_gcm(), CMS_BINARY) : NULL;

    *ret = NULL;
    *ret_n = cms ? i2d_CMS_ContentInfo(cms, ret) : -1;
    CMS_ContentInfo_free(cms);
    BIO_free(in);
    ERR_clear_error();
    return *ret_n > 0 ? 0 : GW_ERR(CRYPTO);
}

int evidence_open(struct evidence *e, const struct gw_conf *conf, int journal_fd, uid_t uid, gid_t gid)
{
    unsigned char *der;
    int n, err;

    *e = (struct evidence){ .dir_fd = -1, .keep_ms = conf->journal.evidence_time, .keep_size = conf->journal.evidence_size };
    if (!conf->journal.evidence)
        return 0;
    if ((err = read_certificates(e, conf->journal.evidence)) < 0)
        return err;
    if (mkdirat(journal_fd, EVIDENCE_FOLDER, 0750) < 0 && errno != EEXIST) {
        log_error("the folder of evidence cannot be made: %m");
        return GW_ERR(CONF);
    }
    e->dir_fd = openat(journal_fd, EVIDENCE_FOLDER, O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
    if (e->dir_fd < 0 || (uid && (fchown(e->dir_fd, uid, gid) < 0 || fchmod(e->dir_fd, 02750) < 0))) {
        log_error("the folder of evidence cannot be used: %m");
        return GW_ERR(CONF);
    }
    /* OpenSSL looks its algorithms up at the first use: now */
    if ((err = seal(e, STR("a first piece"), &der, &n)) < 0) {
        log_error("evidence: nothing can be encrypted to the certificates in %s; allowed: RSA, elliptic curve", conf->journal.evidence);
        return GW_ERR(CONF);
    }
    OPENSSL_free(der);
    return 0;
}

void evidence_close(struct evidence *e)
{
    if (e->dir_fd >= 0)
        close(e->dir_fd);
    sk_X509_pop_free(e->auditors, X509_free);
    e->auditors = NULL;
    e->dir_fd = -1;
}

/* ---- one piece ---- */
static int store(struct evidence *e, uint64_t record, const unsigned char *der, size_t n)
{
    char name[32];
    int fd, err;

    piece_name(record, name);
    fd = openat(e->dir_fd, name, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0640);
    err = fd < 0 ? GW_ERR(IO) : store_pwrite(fd, der, n, 0);
    if (fd >= 0)
        close(fd);
    if (fd >= 0 && err)
        (void)unlinkat(e->dir_fd, name, 0);
    return err;
}

/* Not synced: a power cut may take the newest pieces, never a record. */
int evidence_keep(struct evidence *e, uint64_t record, struct str content, bool room, unsigned char ret_sha256[32])
{
    unsigned char *der = NULL;
    int n = 0, err = room ? seal(e, content, &der, &n) : GW_ERR(LIMIT);

    if (!err)
        err = store(e, record, der, (size_t)n);
    if (!err) {
        SHA256(der, (size_t)n, ret_sha256);
        e->kept++;
        e->since += n;
    } else {
        e->failed++;
        if (!e->said)
            log_error("evidence of record %llu could not be kept: %s", (unsigned long long)record, gw_strerror(err));
    }
    e->said = err != 0;
    OPENSSL_free(der);
    return err;
}

/* ---- retention ---- */
struct piece { uint64_t record; int64_t size, time_s; };
struct pieces { struct piece *v; size_t n, cap; };

static int by_record(const void *a, const void *b)
{
    uint64_t x = ((const struct piece *)a)->record, y = ((const struct piece *)b)->record;

    return x < y ? -1 : x > y;
}

static bool add_piece(struct pieces *p, const struct evidence *e, const char *name)
{
    char *end, own[32];
    uint64_t record = strtoull(name, &end, 10);
    struct stat st;

    piece_name(record, own);
    if (strcmp(own, name) != 0 || fstatat(e->dir_fd, name, &st, AT_SYMLINK_NOFOLLOW) < 0 || !S_ISREG(st.st_mode))
        return true;
    if (p->n == p->cap) {
        size_t want = p->cap ? p->cap * 2 : 1024;
        struct piece *v = want > PIECES_MAX ? NULL : realloc(p->v, want * sizeof *v);
        if (!v)
            return false;
        p->v = v;
        p->cap = want;
    }
    p->v[p->n++] = (struct piece){ record, st.st_size, st.st_mtim.tv_sec };
    return true;
}

/* All pieces, by record; a caller frees v. */
static void list(const struct evidence *e, struct pieces *ret)
{
    int fd = openat(e->dir_fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    DIR *d = fd >= 0 ? fdopendir(fd) : NULL;

    *ret = (struct pieces){ 0 };
    if (!d) {
        log_warn("the folder of evidence cannot be read: %m");
        if (fd >= 0)
            close(fd);
        return;
    }
    for (struct dirent *f; (f = readdir(d)) && add_piece(ret, e, f->d_name);)
        ;
    closedir(d);
    if (ret->n)
        qsort(ret->v, ret->n, sizeof *ret->v, by_record);
}

static bool drop(const struct evidence *e, uint64_t record)
{
    char name[32];

    piece_name(record, name);
    return unlinkat(e->dir_fd, name, 0) == 0;
}

void evidence_recover(struct evidence *e, uint64_t last_record)
{
    struct pieces p;

    if (e->dir_fd < 0)
        return;
    list(e, &p);
    for (size_t i = p.n; i > 0 && p.v[i - 1].record > last_record; i--)
        (void)drop(e, p.v[i - 1].record);
    free(p.v);
}

/* How many of the oldest have to go. */
static size_t over(const struct evidence *e, const struct pieces *p)
{
    int64_t all = 0, oldest = e->keep_ms ? (int64_t)(wall_us() / 1000) - e->keep_ms : INT64_MIN;
    size_t n = 0;

    for (size_t i = 0; i < p->n; i++)
        all += p->v[i].size;
    while (n < p->n && ((e->keep_size && all > e->keep_size) || p->v[n].time_s * 1000 < oldest))
        all -= p->v[n++].size;
    return n;
}

void evidence_retire(struct journal *j)
{
    struct evidence *e = &j->evidence;
    struct pieces p;
    size_t n, gone = 0;

    if (e->dir_fd < 0 || j->blocked || (mono_ms() < e->next_ms && (e->keep_size == 0 || e->since < e->keep_size / 16)))
        return;
    e->next_ms = mono_ms() + LOOK_MS;
    e->since = 0;
    list(e, &p);
    n = over(e, &p);
    for (size_t i = 0; i < n; i++)
        gone += drop(e, p.v[i].record);
    if (gone)
        batch_event(j, "evidence-retired", NULL, gone, "evidence of %zu records, %llu to %llu, was deleted: older or more than may be kept", gone,
            (unsigned long long)p.v[0].record, (unsigned long long)p.v[n - 1].record);
    free(p.v);
}
