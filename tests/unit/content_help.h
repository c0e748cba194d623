/* SPDX-License-Identifier: GPL-3.0-or-later
 * What the content tests share: rule folders made on the spot, requests from plain strings. */
#ifndef LOCKGATE_CONTENT_HELP_H
#define LOCKGATE_CONTENT_HELP_H

#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "content.h"
#include "tap.h"

/* A fresh scratch folder with yara/, yara/files/ and dlp/ in it. */
__attribute__((unused)) static char *scratch_rules(void)
{
    static char dir[256];
    char sub[300];
    const char *tmp = getenv("TMPDIR");
    snprintf(dir, sizeof dir, "%s/lg-content-XXXXXX", tmp ? tmp : "/tmp");
    if (!mkdtemp(dir))
        exit(99);
    static const char *const names[] = { "yara", "yara/files", "dlp" };
    for (size_t i = 0; i < 3; i++) {
        snprintf(sub, sizeof sub, "%s/%s", dir, names[i]);
        if (mkdir(sub, 0700))
            exit(99);
    }
    return dir;
}

__attribute__((unused)) static void scratch_put(const char *dir, const char *name, const char *text)
{
    char path[512];
    snprintf(path, sizeof path, "%s/%s", dir, name);
    FILE *f = fopen(path, "w");
    if (!f || fputs(text, f) < 0 || fclose(f))
        exit(99);
}

__attribute__((unused)) static void scratch_remove(const char *dir)
{
    char command[400];
    if (strstr(dir, "lg-content-")) {
        snprintf(command, sizeof command, "rm -rf '%s'", dir);
        if (system(command)) /* test scratch only */
            diag("%s stays", dir);
    }
}

/* Segments from "text|text|*text": '*' begins a piece of the same group as the one before. */
__attribute__((unused)) static struct scan_request request_of(const char *spec, struct scan_segment *segments, size_t max, char *store, size_t size)
{
    struct scan_request r = { .segments = segments };
    snprintf(store, size, "%s", spec);
    uint32_t group = 0;
    for (char *p = store; p && r.n_segments < max;) {
        char *bar = strchr(p, '|');
        if (bar)
            *bar = 0;
        bool same = *p == '*';
        if (same)
            p++;
        else
            group++;
        segments[r.n_segments] = (struct scan_segment){ .node = (uint32_t)r.n_segments, .attr = UINT32_MAX, .group = group,
            .place = SCAN_AT_BODY, .text = str_c(p) };
        r.n_segments++;
        p = bar ? bar + 1 : NULL;
    }
    return r;
}

/* "rule@seg:off+len rule@- ..." of a result, in its order; DLP hits with their confidence when asked. */
__attribute__((unused)) static const char *result_text(const struct scan_result *r)
{
    static char out[8192];
    size_t n = 0;
    out[0] = 0;
    if (r->status != SCAN_DONE)
        return "unknown";
    for (size_t i = 0; i < r->n_matches && n < sizeof out - 200; i++) {
        const struct scan_match *m = &r->matches[i];
        n += (size_t)snprintf(out + n, sizeof out - n, "%s%.*s@", n ? " " : "", STR_ARG(m->rule));
        if (m->seg == UINT32_MAX)
            n += (size_t)snprintf(out + n, sizeof out - n, "-");
        else
            n += (size_t)snprintf(out + n, sizeof out - n, "%u:%u+%u", m->seg, m->off, m->len);
    }
    return out;
}

#endif
