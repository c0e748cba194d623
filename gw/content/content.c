/* SPDX-License-Identifier: GPL-3.0-or-later
 * One request from front to back: put together, look at it in every form, hand out spans. */
#include "content.h"

#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "impl.h"

int content_load(const char *rules_dir, struct content **ret, struct conf_errors *errs)
{
    return content_load_cached(rules_dir, NULL, ret, errs);
}

int content_load_cached(const char *rules_dir, const char *cache, struct content **ret, struct conf_errors *errs)
{
    char path[4096];
    struct content *c = calloc(1, sizeof *c);
    if (!c)
        return GW_ERR(NOMEM);
    joined_init(&c->joined);
    hits_init(&c->hits);
    for (size_t i = 0; i < CONTENT_DEPTH; i++)
        forms_init(&c->forms[i]);
    mapped_init(&c->across);
    c->fold = fold_new();
    int err = c->fold ? yara_start() : GW_ERR(NOMEM), e[3] = { 0 };
    c->yara = err == 0;
    if (!err) {
        snprintf(path, sizeof path, "%s/yara", rules_dir);
        e[0] = yara_load(&c->stanza, path, false, errs);
        snprintf(path, sizeof path, "%s/yara/files", rules_dir);
        e[1] = yara_load(&c->files, path, true, errs);
        snprintf(path, sizeof path, "%s/dlp", rules_dir);
        e[2] = dlp_load(&c->dlp, path, cache, c->fold, errs);
    }
    for (size_t i = 0; i < 3 && !err; i++)
        err = e[i];
    if (err) {
        content_free(c);
        return err;
    }
    *ret = c;
    return 0;
}

void content_free(struct content *c)
{
    if (!c)
        return;
    yara_clear(&c->stanza);
    yara_clear(&c->files);
    if (c->yara)
        yara_end();
    dlp_clear(&c->dlp);
    for (size_t i = 0; i < CONTENT_DEPTH; i++)
        forms_clear(&c->forms[i]);
    mapped_clear(&c->across);
    fold_free(c->fold);
    joined_clear(&c->joined);
    hits_clear(&c->hits);
    free(c);
}

uint64_t content_now(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}

static int look(struct content *c, const struct scan_request *r)
{
    struct view text = { .text = buf_str(&c->joined.text) }, rebuilt = { .text = r->rebuilt, .no_span = true };
    int err = yara_facts(&c->stanza, &r->facts);
    err = err ? err : yara_facts(&c->files, &r->facts);
    dlp_begin(&c->dlp, &c->joined, r);
    c->budget = BUDGET_FLOOR + BUDGET_FACTOR * text.text.n;
    err = err ? err : look_at_text(c, &text, 0, true);
    err = err ? err : dlp_end(&c->dlp, &c->hits);
    if (!err && r->rebuilt.n)
        err = run_yara(c, &c->stanza, &rebuilt);
    return err;
}

int content_scan(struct content *c, const struct scan_request *r, struct arena *a, struct scan_result *ret)
{
    struct scan_result result = { .status = SCAN_DONE };
    c->hits.n = 0;
    c->hits.err = 0;
    c->yara_ns = c->dlp_ns = 0;
    c->clock = content_now();
    c->at = &c->yara_ns;
    int err = joined_make(&c->joined, r);
    err = err ? err : look(c, r);
    if (!err) {
        hits_tidy(&c->hits);
        err = hits_to_matches(&c->hits, &c->joined, a, &result);
    }
    if (err == GW_ERR(NOMEM))
        return err;
    if (err) {
        result.status = SCAN_UNKNOWN;
        result.matches = NULL;
        result.n_matches = 0;
    }
    *c->at += content_now() - c->clock;
    result.yara_ns = c->yara_ns;
    result.dlp_ns = c->dlp_ns;
    *ret = result;
    return 0;
}
