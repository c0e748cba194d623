/* SPDX-License-Identifier: GPL-3.0-or-later
 * The fault layer, built when it is needed, and what a power cut leaves of a journal. */
#ifndef LOCKGATE_JOURNAL_FAULT_RIG_H
#define LOCKGATE_JOURNAL_FAULT_RIG_H

#include <dirent.h>
#include <sys/mman.h>

#include "fault/journal_fault.h"
#include "journal_rig.h"

/* The layer's sources travel inside the test: it may run from anywhere. */
__asm__(".section .rodata\n"
        "fault_c: .incbin \"tests/unit/fault/journal_fault.c\"\n.byte 0\n"
        "fault_h: .incbin \"tests/unit/fault/journal_fault.h\"\n.byte 0\n.previous\n");
extern const char fault_c[], fault_h[];

static char fault_so[160], fault_shm[160];

static void put_file(const char *folder, const char *name, const char *text)
{
    char path[200];
    FILE *o;

    snprintf(path, sizeof path, "%s/%s", folder, name);
    o = fopen(path, "w");
    if (!o || fputs(text, o) < 0 || fclose(o) != 0)
        rig_die("cannot write the fault layer");
}

/* NULL: there is no compiler, or this is a sanitizer build. */
__attribute__((unused)) static struct fault *fault_new(struct rig *r)
{
    char cmd[600];
    struct fault *f;
    int fd;

#ifdef LOCKGATE_SANITIZE
    return NULL; /* a sanitizer will not have a layer below it */
#endif
    put_file(r->folder, "journal_fault.c", fault_c);
    put_file(r->folder, "journal_fault.h", fault_h);
    snprintf(fault_so, sizeof fault_so, "%s/fault.so", r->folder);
    snprintf(fault_shm, sizeof fault_shm, "%s/fault.shm", r->folder);
    snprintf(cmd, sizeof cmd, "${CC:-cc} -shared -fPIC -O1 -w -o %s %s/journal_fault.c -ldl", fault_so, r->folder);
    if (system(cmd) != 0)
        return NULL;
    fd = open(fault_shm, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    if (fd < 0 || ftruncate(fd, sizeof *f) < 0)
        rig_die("no shared memory");
    f = mmap(NULL, sizeof *f, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    close(fd);
    if (f == MAP_FAILED)
        rig_die("no shared memory");
    r->preload = fault_so;
    setenv("JOURNAL_FAULT", fault_shm, 1);
    return f;
}

/* Cuts every file of the journal to what was synced, and half of the time adds something of what was not: a disk writes in any order. */
__attribute__((unused)) static void fault_power_cut(struct rig *r, const struct fault *f, unsigned chance)
{
    DIR *d = opendir(r->journal);
    char path[600], newest[600] = "";

    for (struct dirent *e; d && (e = readdir(d));) {
        struct stat st;
        off_t keep = 0;
        snprintf(path, sizeof path, "%s/%s", r->journal, e->d_name);
        if (e->d_name[0] == '.' || stat(path, &st) < 0)
            continue;
        for (int i = 0; i < FAULT_FILES; i++)
            if (f->file[i].inode == st.st_ino)
                keep = f->file[i].synced;
        if (keep < st.st_size && chance % 2)
            keep += (off_t)(chance / 2 % (unsigned)(st.st_size - keep));
        if (keep < st.st_size && truncate(path, keep) < 0)
            rig_die("cannot cut");
        if (strstr(e->d_name, ".jsonl") && strcmp(path, newest) > 0)
            snprintf(newest, sizeof newest, "%s", path);
    }
    if (chance % 5 == 0 && newest[0]) { /* and blocks of zeros, as some file systems leave them */
        FILE *o = fopen(newest, "a");
        for (int i = 0; o && i < 300; i++)
            putc(0, o);
        if (o)
            fclose(o);
    }
    if (d)
        closedir(d);
}

/* Exit status of a verifier; -1: it is not there. */
__attribute__((unused)) static int rig_verify(struct rig *r)
{
    char cmd[5000];
    const char *more = getenv("RIG_VERBOSE") ? "" : " >/dev/null 2>&1";

    snprintf(cmd, sizeof cmd, "%.*s/lockgate", (int)(strrchr(r->program, '/') - r->program), r->program);
    if (access(cmd, X_OK) < 0)
        return -1;
    snprintf(cmd, sizeof cmd, "%.*s/lockgate verify %s --key %s/journal.pub%s", (int)(strrchr(r->program, '/') - r->program), r->program, r->journal, r->keys, more);
    int st = system(cmd);
    return WIFEXITED(st) ? WEXITSTATUS(st) : 99;
}

#endif
