/* SPDX-License-Identifier: GPL-3.0-or-later
 * For targets that read files of a rules folder: one folder for the whole run, taken away at its end. */
#ifndef LOCKGATE_FUZZ_FOLDER_H
#define LOCKGATE_FUZZ_FOLDER_H

#include <ftw.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "conf.h"

static char folder[64];

static int folder_remove(const char *path, const struct stat *st, int flag, struct FTW *ftw)
{
    (void)st, (void)flag, (void)ftw;
    return remove(path);
}

static void folder_leave(void)
{
    nftw(folder, folder_remove, 16, FTW_DEPTH | FTW_PHYS);
}

/* Makes the folder with these folders in it (NULL at the end). */
static void folder_begin(const char *const *below)
{
    char path[128];
    snprintf(folder, sizeof folder, "/tmp/lockgate-fuzz-XXXXXX");
    if (!mkdtemp(folder))
        abort();
    atexit(folder_leave);
    for (; *below; below++) {
        snprintf(path, sizeof path, "%s/%s", folder, *below);
        if (mkdir(path, 0700))
            abort();
    }
}

static void folder_put(const char *name, const void *p, size_t n)
{
    char path[128];
    snprintf(path, sizeof path, "%s/%s", folder, name);
    FILE *f = fopen(path, "w");
    if (!f || fwrite(p, 1, n, f) != n || fclose(f))
        abort();
}

/* What every reader of a file owes: taken, or refused with mistakes that say something. */
__attribute__((unused)) static void mistakes_must(int rc, const struct conf_errors *errs)
{
    if (rc && !errs->n_errors)
        abort();
    for (size_t i = 0; i < errs->n; i++)
        if (!errs->v[i].text || !*errs->v[i].text)
            abort();
}

#endif
