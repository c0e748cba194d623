/* SPDX-License-Identifier: GPL-3.0-or-later
 * What is loaded, told to people and to the check of release rules; and the detectors' own examples. */
#include "impl.h"

size_t content_rule_count(const struct content *c)
{
    return c->stanza.n_rules + c->files.n_rules + c->dlp.n + NOTE_COUNT;
}

static void describe_yara(const YR_RULE *rule, bool for_files, struct content_rule *ret)
{
    YR_META *m;
    *ret = (struct content_rule){ .source = SCAN_YARA, .name = rule->identifier, .about = "", .file = rule->ns->name, .id = -1, .action = "",
        .severity = "", .meta = yara_meta(rule), .for_files = for_files };
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
    if (i < c->stanza.n_rules) {
        describe_yara(yara_rule(&c->stanza, i), false, ret);
        return;
    }
    i -= c->stanza.n_rules;
    if (i < c->files.n_rules) {
        describe_yara(yara_rule(&c->files, i), true, ret);
        return;
    }
    i -= c->files.n_rules;
    *ret = (struct content_rule){ .id = -1, .action = "", .severity = "", .file = "" };
    if (i < c->dlp.n) {
        ret->source = c->dlp.v[i]->log_only ? SCAN_NOTED : SCAN_DLP;
        ret->name = c->dlp.v[i]->id;
        ret->about = c->dlp.v[i]->about;
        ret->file = c->dlp.v[i]->where.file;
        return;
    }
    i -= c->dlp.n;
    ret->source = SCAN_TEXT;
    ret->name = text_note_name((enum text_note)i);
    ret->about = text_note_about((enum text_note)i);
}

bool content_knows(const struct content *c, enum scan_source source, struct str name)
{
    struct content_rule r;
    const struct yara_set *sets[] = { &c->stanza, &c->files };
    for (size_t k = 0; k < 2 && source == SCAN_YARA; k++) {
        const YR_RULE *x;
        if (sets[k]->all.rules)
            yr_rules_foreach(sets[k]->all.rules, x)
                if (!RULE_IS_PRIVATE(x) && str_eq(str_c(x->identifier), name))
                    return true;
    }
    for (size_t i = c->stanza.n_rules + c->files.n_rules; i < content_rule_count(c); i++) {
        content_rule_get(c, i, &r);
        if (r.source == source && str_eq(str_c(r.name), name))
            return true;
    }
    return false;
}

/* Does the detector fire on the text, alone in a body? -1: no answer. */
static int fires(struct content *c, const char *id, const char *text, struct arena *a)
{
    struct scan_segment seg = { .group = 1, .attr = UINT32_MAX, .place = SCAN_AT_BODY, .text = str_c(text) };
    struct scan_request r = { .segments = &seg, .n_segments = 1 };
    struct scan_result result;
    arena_reset(a);
    if (content_scan(c, &r, a, &result) || result.status != SCAN_DONE)
        return -1;
    for (size_t i = 0; i < result.n_matches; i++)
        if ((result.matches[i].source == SCAN_DLP || result.matches[i].source == SCAN_NOTED) && str_eq(result.matches[i].rule, str_c(id)))
            return 1;
    return 0;
}

size_t content_self_test(struct content *c, struct conf_errors *errs)
{
    struct arena a;
    size_t n = 0;
    arena_init(&a, 4u << 20);
    for (size_t k = 0; k < c->dlp.n; k++) {
        const struct dlp_detector *x = c->dlp.v[k];
        for (int want = 1; want >= 0; want--) {
            const struct conf_strings *list = want ? &x->match : &x->clean;
            for (size_t i = 0; i < list->n; i++, n++)
                if (fires(c, x->id, list->v[i], &a) != want)
                    conf_error_add(errs, CONF_ERROR, x->where.file, list->lines ? list->lines[i] : x->where.line, "detector %s %s in \"%.80s\"", x->id,
                        want ? "finds nothing" : "finds something", list->v[i]);
        }
    }
    arena_clear(&a);
    return n;
}
