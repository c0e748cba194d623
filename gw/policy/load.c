/* SPDX-License-Identifier: GPL-3.0-or-later
 * Loads a rule set: rules/main.rules names the rule files, in their order, and the profiles. Every mistake of every file is noted. */
#include <dirent.h>
#include <errno.h>
#include <openssl/evp.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "label.h"
#include "rewrite.h"

struct main_conf { struct conf_strings files, profiles, labels; int unnamed, features, foreign; int64_t recipients, depth; const config_setting_t *rules; };
static const char *const unnamed_words[] = { "strip", "refuse", NULL };
static const char *const foreign_words[] = { "refuse", "strip", NULL };
static const char *const features_words[] = { "allowed", "all", NULL };
#define OFF(m) offsetof(struct main_conf, m)
static const struct conf_row main_rows[] = {
    { "files", CONF_STRINGS, OFF(files), false, 0, 1000, NULL, NULL, NULL, 0, "rule files, read in this order" },
    { "profiles", CONF_STRINGS, OFF(profiles), true, 0, 1000, NULL, NULL, NULL, 0, "profiles that are switched on" },
    { "labels", CONF_STRINGS, OFF(labels), false, 0, 100, NULL, NULL, NULL, 0, "files of labels/ that are switched on" },
    { "unnamed", CONF_ENUM, OFF(unnamed), false, 0, 0, "strip", unnamed_words, NULL, 0,
        "payloads of messages and presence that no profile names; in an iq they are always refused" },
    { "features", CONF_ENUM, OFF(features), false, 0, 0, "allowed", features_words, NULL, 0,
        "what service discovery may tell: features that a profile lets through, with hashes to match; or all" },
    { "carried_addresses", CONF_INT, OFF(recipients), false, 1, 1000, "30", NULL, NULL, 0,
        "how many others one stanza may concern: further recipients, forwarded stanzas, invitations" },
    { "forwarded_depth", CONF_INT, OFF(depth), false, 0, 8, "1", NULL, NULL, 0, "how deep forwarded stanzas may stand in each other; deeper is refused" },
    { "foreign_addresses", CONF_ENUM, OFF(foreign), false, 0, 0, "refuse", foreign_words, NULL, 0,
        "carried addresses and stanzas of domains that are not the pair's: the stanza is refused, or goes without them" },
    { "rules", CONF_RAW, OFF(rules), false, 0, 0, NULL, NULL, NULL, 0, "rules, before those of the files" },
    { NULL, CONF_RAW, 0, false, 0, 0, NULL, NULL, NULL, 0, NULL } };
static const struct conf_row file_rows[] = {
    { "rules", CONF_RAW, OFF(rules), true, 0, 0, NULL, NULL, NULL, 0, "a list of rules" },
    { NULL, CONF_RAW, 0, false, 0, 0, NULL, NULL, NULL, 0, NULL } };
#undef OFF

static int load_file(struct pol_load *l, const char *name)
{
    char path[4096];
    struct main_conf c = { 0 };
    struct conf_file *file = NULL;
    if (name[0] == '/' || strstr(name, "..")) {
        conf_error_add(l->errs, CONF_ERROR, NULL, 0, "\"%s\": rule files stand below rules/", name);
        return GW_ERR(CONF);
    }
    snprintf(path, sizeof path, "%s/%s", l->p->dir, name);
    int rc = conf_read(path, file_rows, &c, l->arena, l->errs, &file);
    if (c.rules && file) {
        int r = rules_load(l, c.rules);
        rc = rc ? rc : r;
    }
    conf_file_free(file);
    return rc;
}

static int by_id(const void *a, const void *b)
{
    const struct pol_rule *const *x = a, *const *y = b;
    if ((*x)->id != (*y)->id)
        return (*x)->id < (*y)->id ? -1 : 1;
    return *x < *y ? -1 : *x > *y;
}

static int check_ids(struct pol_load *l)
{
    struct policy *p = l->p;
    const struct pol_rule **v = malloc((p->n_rules ? p->n_rules : 1) * sizeof *v);
    int rc = 0;
    if (!v)
        return GW_ERR(NOMEM);
    for (size_t i = 0; i < p->n_rules; i++)
        v[i] = &p->rules[i];
    qsort(v, p->n_rules, sizeof *v, by_id);
    for (size_t i = 1; i < p->n_rules; i++)
        if (v[i]->id && v[i]->id == v[i - 1]->id) {
            conf_error_add(l->errs, CONF_ERROR, v[i]->file, v[i]->line, "rule id %u is used already, at %s:%u", v[i]->id,
                v[i - 1]->file ? v[i - 1]->file : "?", v[i - 1]->line);
            rc = GW_ERR(CONF);
        }
    free(v);
    return rc;
}

static int load_main(struct pol_load *l)
{
    char path[4096];
    struct main_conf c = { 0 };
    struct conf_file *file = NULL;
    snprintf(path, sizeof path, "%s/main.rules", l->p->dir);
    int rc = conf_read(path, main_rows, &c, l->arena, l->errs, &file);
    if (!file)
        return rc ? rc : GW_ERR(CONF);
    int r = labels_load(l, &c.labels, &l->p->labels); /* before the rules: conditions name policies */
    rc = rc ? rc : r;
    r = c.rules ? rules_load(l, c.rules) : 0;
    rc = rc ? rc : r;
    conf_file_free(file);
    for (size_t i = 0; i < c.files.n; i++) {
        r = load_file(l, c.files.v[i]);
        rc = rc ? rc : r;
    }
    r = schema_load(l, &c.profiles, c.unnamed == 0, &l->p->schema);
    rc = rc ? rc : r;
    l->p->tell_all = c.features == 1;
    l->p->recipients_max = (size_t)c.recipients;
    l->p->forwarded_depth = (uint32_t)c.depth;
    l->p->strip_foreign = c.foreign == 1;
    r = check_ids(l);
    rc = rc ? rc : r;
    r = rewrite_index(l->p);
    rc = rc ? rc : r;
    return rc ? rc : index_build(l->p);
}

int policy_load_part(const char *rules_dir, int64_t now_ms, struct policy **ret, struct conf_errors *errs)
{
    unsigned char again[32];
    struct policy *p = *ret = calloc(1, sizeof *p);
    if (!p)
        return GW_ERR(NOMEM);
    arena_init(&p->arena, 1u << 30);
    p->dir = strdup(rules_dir);
    struct pol_load l = { .p = p, .arena = &p->arena, .errs = errs, .now_ms = now_ms };
    int rc = p->dir ? policy_hash_files(rules_dir, p->hash) : GW_ERR(NOMEM);
    if (rc == GW_ERR(NOENT) || rc == GW_ERR(SYS))
        conf_error_add(errs, CONF_ERROR, rules_dir, 0, "the rules cannot be read: %s", strerror(errno));
    if (!rc)
        rc = load_main(&l);
    if (!rc)
        rc = policy_hash_files(rules_dir, again);
    if (!rc && memcmp(again, p->hash, sizeof again) != 0) {
        conf_error_add(errs, CONF_ERROR, rules_dir, 0, "a file changed while the rules were being read; try again");
        rc = GW_ERR(CONF);
    }
    return !rc || rc == GW_ERR(NOMEM) ? rc : GW_ERR(CONF);
}

int policy_load(const char *rules_dir, int64_t now_ms, struct policy **ret, struct conf_errors *errs)
{
    struct policy *p;
    int rc = policy_load_part(rules_dir, now_ms, &p, errs);
    if (rc)
        policy_free(p);
    else
        *ret = p;
    return rc;
}

void policy_free(struct policy *p)
{
    if (!p)
        return;
    for (size_t i = 0; i < p->n_rules; i++)
        cond_free(&p->rules[i].when);
    schema_free(p->schema);
    list_free_all(p->lists);
    arena_clear(&p->arena);
    free(p->dir);
    free(p);
}

const unsigned char *policy_hash(const struct policy *p) { return p->hash; }
size_t policy_rule_count(const struct policy *p) { return p->n_rules; }

void policy_rule_get(const struct policy *p, size_t i, struct pol_rule_info *ret)
{
    const struct pol_rule *r = &p->rules[i];
    *ret = (struct pol_rule_info){ .id = r->id, .name = r->name, .action = pol_action_names[r->action],
        .severity = pol_severity_names[r->severity], .file = r->file, .line = r->line, .expires_ms = r->expires_ms, .tests = r->tests,
        .n_tests = r->n_tests, .decides = action_decides(r->action), .enabled = r->enabled, .hits = r->hits->n, .last_hit_ms = r->hits->last_ms };
}

size_t policy_scan_names(const struct policy *p, const struct pol_scan_name **ret)
{
    *ret = p->scan_names;
    return p->n_scan_names;
}
