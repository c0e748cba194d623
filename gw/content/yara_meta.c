/* SPDX-License-Identifier: GPL-3.0-or-later
 * What a YARA rule says of itself (meta id, action, severity), in the words of release rules: conditions ask for them. */
#include "yara_set.h"

/* The value of a word; unread: it is none of them. */
static uint8_t word_value(const YR_META *m, const char *const *words, uint8_t unread)
{
    for (uint8_t i = 0; words[i]; i++)
        if (m->type == META_TYPE_STRING && strcmp(m->string, words[i]) == 0)
            return (uint8_t)(i + 1);
    return unread;
}

struct scan_meta yara_meta(const YR_RULE *rule)
{
    struct scan_meta ret = { 0 };
    YR_META *m;
    yr_rule_metas_foreach(rule, m)
    {
        if (strcmp(m->identifier, "severity") == 0)
            ret.severity = word_value(m, scan_severity_words, SCAN_SEV_UNREAD);
        else if (strcmp(m->identifier, "action") == 0)
            ret.action = word_value(m, scan_action_words, SCAN_ACT_UNREAD);
        else if (strcmp(m->identifier, "id") == 0)
            ret.id = m->type == META_TYPE_INTEGER && m->integer > 0 && m->integer <= SCAN_ID_MAX ? (uint32_t)m->integer : SCAN_ID_UNREAD;
    }
    return ret;
}

static void warn(const YR_RULE *rule, const char *path, const char *what, const char *const *words, struct conf_errors *errs)
{
    const char *said = NULL, *near;
    char list[160];
    size_t n = 0;
    YR_META *m;
    yr_rule_metas_foreach(rule, m) if (strcmp(m->identifier, what) == 0 && m->type == META_TYPE_STRING) said = m->string;
    for (size_t i = 0; words[i] && n < sizeof list; i++)
        n += (size_t)snprintf(list + n, sizeof list - n, "%s%s", i ? ", " : "", words[i]);
    near = said ? conf_nearest(said, words) : NULL;
    conf_error_add(errs, CONF_WARNING, path, 0, "rule %s: meta %s%s%s%s is none of %s%s%s%s", rule->identifier, what, said ? " = \"" : "", said ? said : "",
        said ? "\"" : "", list, near ? "; did you mean \"" : "", near ? near : "", near ? "\"?" : "");
}

void yara_meta_check(const struct yara_set *s, const char *folder, struct conf_errors *errs)
{
    char path[4096];
    YR_RULE *r;
    yr_rules_foreach(s->all.rules, r)
    {
        struct scan_meta meta = yara_meta(r);
        snprintf(path, sizeof path, "%s/%s", folder, r->ns->name);
        if (meta.action == SCAN_ACT_UNREAD)
            warn(r, path, "action", scan_action_words, errs);
        if (meta.severity == SCAN_SEV_UNREAD)
            warn(r, path, "severity", scan_severity_words, errs);
        if (meta.id == SCAN_ID_UNREAD)
            conf_error_add(errs, CONF_WARNING, path, 0, "rule %s: meta id is no number from 1 to %u", r->identifier, SCAN_ID_MAX);
    }
}
