/* SPDX-License-Identifier: GPL-3.0-or-later
 * One request from front to back: put together, look at it in every form, hand out spans. */
#include "content.h"

#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "yara_set.h"

struct content {
    struct yara_set stanza, files;
    bool yara;
    /* used again for each request */
    struct joined joined;
    struct hits hits;
};

int content_load(const char *rules_dir, struct content **ret, struct conf_errors *errs)
{
    char path[4096];
    struct content *c = calloc(1, sizeof *c);
    if (!c)
        return GW_ERR(NOMEM);
    joined_init(&c->joined);
    hits_init(&c->hits);
    int err = yara_start(), e;
    c->yara = err == 0;
    if (!err) {
        snprintf(path, sizeof path, "%s/yara", rules_dir);
        err = yara_load(&c->stanza, path, false, errs);
        snprintf(path, sizeof path, "%s/yara/files", rules_dir);
        e = yara_load(&c->files, path, true, errs);
        err = err ? err : e;
    }
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
    joined_clear(&c->joined);
    hits_clear(&c->hits);
    free(c);
}

static uint64_t now_ns(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}

static int scan_yara(struct content *c, const struct scan_request *r)
{
    struct view text = { .text = buf_str(&c->joined.text) }, rebuilt = { .text = r->rebuilt, .no_span = true };
    int err = yara_facts(&c->stanza, &r->facts);
    if (!err)
        err = yara_scan(&c->stanza, &text, &c->hits);
    if (!err && r->rebuilt.n)
        err = yara_scan(&c->stanza, &rebuilt, &c->hits);
    return err;
}

int content_scan(struct content *c, const struct scan_request *r, struct arena *a, struct scan_result *ret)
{
    struct scan_result result = { .status = SCAN_DONE };
    c->hits.n = 0;
    c->hits.err = 0;
    int err = joined_make(&c->joined, r);
    uint64_t t0 = now_ns();
    if (!err)
        err = scan_yara(c, r);
    result.yara_ns = now_ns() - t0;
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
    *ret = result;
    return 0;
}

/* ---- what is loaded ---- */

size_t content_rule_count(const struct content *c)
{
    return c->stanza.n_rules + c->files.n_rules;
}

static void describe_yara(const YR_RULE *rule, bool for_files, struct content_rule *ret)
{
    YR_META *m;
    *ret = (struct content_rule){ .source = SCAN_YARA, .name = rule->identifier, .about = "", .file = rule->ns->name, .id = -1, .action = "",
        .severity = "", .for_files = for_files };
    yr_rule_metas_foreach(rule, m)
    {
        if (m->type == META_TYPE_INTEGER && strcmp(m->identifier, "id") == 0)
            ret->id = m->integer;
        else if (m->type == META_TYPE_STRING && strcmp(m->identifier, "description") == 0)
            ret->about = m->string;
        else if (m->type == META_TYPE_STRING && strcmp(m->identifier, "action") == 0)
            ret->action = m->string;
        else if (m->type == META_TYPE_STRING && strcmp(m->identifier, "severity") == 0)
            ret->severity = m->string;
    }
}

void content_rule_get(const struct content *c, size_t i, struct content_rule *ret)
{
    if (i < c->stanza.n_rules)
        describe_yara(yara_rule(&c->stanza, i), false, ret);
    else
        describe_yara(yara_rule(&c->files, i - c->stanza.n_rules), true, ret);
}

bool content_knows(const struct content *c, enum scan_source source, struct str name)
{
    struct content_rule r;
    for (size_t i = 0; i < content_rule_count(c); i++) {
        content_rule_get(c, i, &r);
        if (r.source == source && str_eq(str_c(r.name), name))
            return true;
    }
    return false;
}

size_t content_self_test(struct content *c, struct conf_errors *errs)
{
    (void)c;
    (void)errs;
    return 0;
}
