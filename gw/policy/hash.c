/* SPDX-License-Identifier: GPL-3.0-or-later
 * The hash of a rule set: over every file that can change a verdict, names and contents, in one order on every machine. */
#include <dirent.h>
#include <errno.h>
#include <openssl/evp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "internal.h"

#define DEPTH_MAX 8
#define FILES_MAX 100000

struct names { char **v; size_t n, cap; };

static int add(struct names *t, const char *name)
{
    if (t->n == FILES_MAX)
        return GW_ERR(LIMIT);
    if (t->n == t->cap) {
        size_t cap = t->cap ? t->cap * 2 : 64;
        char **v = realloc(t->v, cap * sizeof *v);
        if (!v)
            return GW_ERR(NOMEM);
        t->v = v;
        t->cap = cap;
    }
    t->v[t->n] = strdup(name);
    return t->v[t->n] ? (t->n++, 0) : GW_ERR(NOMEM);
}

/* Relative names of all files below dir/rel; what editors leave behind, the tests and texts about the rules do not count. */
static int collect(const char *dir, const char *rel, unsigned depth, struct names *to)
{
    char path[4096], name[4096];
    snprintf(path, sizeof path, "%s/%s", dir, rel);
    DIR *d = depth < DEPTH_MAX ? opendir(path) : NULL;
    if (!d)
        return depth < DEPTH_MAX ? GW_ERR(SYS) : GW_ERR(LIMIT);
    int rc = 0;
    for (struct dirent *e; !rc && (e = readdir(d));) {
        struct stat st;
        size_t n = strlen(e->d_name);
        if (e->d_name[0] == '.' || e->d_name[n - 1] == '~' || (n > 3 && !strcmp(e->d_name + n - 3, ".md")) || (!depth && !strcmp(e->d_name, "tests")))
            continue;
        if (snprintf(name, sizeof name, "%s%s%s", rel, *rel ? "/" : "", e->d_name) >= (int)sizeof name ||
            snprintf(path, sizeof path, "%s/%s", dir, name) >= (int)sizeof path) {
            rc = GW_ERR(LIMIT);
        } else if (stat(path, &st)) {
            rc = GW_ERR(SYS);
        } else if (S_ISDIR(st.st_mode)) {
            rc = collect(dir, name, depth + 1, to);
        } else if (S_ISREG(st.st_mode)) {
            rc = add(to, name);
        }
    }
    closedir(d);
    return rc;
}

static int by_name(const void *a, const void *b)
{
    const char *const *x = a, *const *y = b;
    return strcmp(*x, *y);
}

static int hash_file(EVP_MD_CTX *all, const char *dir, const char *name)
{
    char path[4096];
    unsigned char block[65536], sum[32];
    size_t n;
    snprintf(path, sizeof path, "%s/%s", dir, name);
    FILE *f = fopen(path, "re");
    EVP_MD_CTX *one = EVP_MD_CTX_new();
    int rc = f ? 0 : GW_ERR(SYS);
    if (!rc && (!one || !EVP_DigestInit_ex(one, EVP_sha256(), NULL)))
        rc = GW_ERR(CRYPTO);
    while (!rc && (n = fread(block, 1, sizeof block, f)) > 0)
        if (!EVP_DigestUpdate(one, block, n))
            rc = GW_ERR(CRYPTO);
    if (!rc && ferror(f))
        rc = GW_ERR(SYS);
    if (!rc && (!EVP_DigestFinal_ex(one, sum, NULL) || !EVP_DigestUpdate(all, name, strlen(name) + 1) || !EVP_DigestUpdate(all, sum, 32)))
        rc = GW_ERR(CRYPTO);
    EVP_MD_CTX_free(one);
    if (f)
        fclose(f);
    return rc;
}

int policy_hash_files(const char *dir, unsigned char ret[32])
{
    struct names t = { 0 };
    EVP_MD_CTX *all = EVP_MD_CTX_new();
    int rc = collect(dir, "", 0, &t);
    if (!rc && (!all || !EVP_DigestInit_ex(all, EVP_sha256(), NULL)))
        rc = GW_ERR(CRYPTO);
    if (t.n)
        qsort(t.v, t.n, sizeof *t.v, by_name);
    for (size_t i = 0; i < t.n && !rc; i++)
        rc = hash_file(all, dir, t.v[i]);
    if (!rc && !EVP_DigestFinal_ex(all, ret, NULL))
        rc = GW_ERR(CRYPTO);
    EVP_MD_CTX_free(all);
    for (size_t i = 0; i < t.n; i++)
        free(t.v[i]);
    free(t.v);
    return rc;
}
