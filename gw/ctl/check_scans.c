/* SPDX-License-Identifier: GPL-3.0-or-later
 * Names of YARA rules and detectors that rules ask for, and what they ask of a YARA rule's meta, held against what is loaded. */
#include "check_scans.h"

#include <stdio.h>
#include <stdlib.h>

static void check_name(const struct pol_scan_name *v, const struct content *c, struct conf_errors *errs)
{
    struct content_rule r;
    if (content_knows(c, v->source, v->name))
        return;
    const char **names = calloc(content_rule_count(c) + 1, sizeof *names);
    size_t k = 0;
    for (size_t j = 0; names && j < content_rule_count(c); j++) {
        content_rule_get(c, j, &r);
        if (r.source == v->source)
            names[k++] = r.name;
    }
    const char *near = names ? conf_nearest(v->name.p, names) : NULL;
    bool noted = content_knows(c, SCAN_NOTED, v->name);
    conf_error_add(errs, noted ? CONF_WARNING : CONF_ERROR, v->file, v->line, noted ?
        "detector \"%s\" is in log-only mode: this condition is never true" : v->source == SCAN_YARA ?
        "there is no YARA rule \"%s\" in rules/yara%s%s%s" : "there is no detector \"%s\" in rules/dlp%s%s%s", v->name.p,
        near ? "; did you mean \"" : "", near ? near : "", near ? "\"?" : "");
    free(names);
}

static unsigned value_of(struct str word, const char *const *words)
{
    unsigned i = 0;
    while (words[i] && !str_eq(word, str_c(words[i])))
        i++;
    return i + 1;
}

/* Does the rule say what is asked for; or something that cannot be read? */
static bool says(const struct pol_scan_name *v, const struct content_rule *r, bool *ret_unread)
{
    switch (v->what) {
    case POL_SCAN_ID:
        *ret_unread = r->meta.id == SCAN_ID_UNREAD;
        return r->meta.id == (uint32_t)strtoul(v->name.p, NULL, 10);
    case POL_SCAN_ACTION:
        *ret_unread = r->meta.action == SCAN_ACT_UNREAD;
        return r->meta.action == value_of(v->name, scan_action_words);
    case POL_SCAN_SEVERITY:
        *ret_unread = r->meta.severity == SCAN_SEV_UNREAD;
        return r->meta.severity >= value_of(v->name, scan_severity_words);
    case POL_SCAN_RULE:
        break;
    }
    return false;
}

static void check_meta(const struct pol_scan_name *v, const struct content *c, struct conf_errors *errs)
{
    static const char *const what[] = { [POL_SCAN_RULE] = "", [POL_SCAN_ID] = "id", [POL_SCAN_ACTION] = "action", [POL_SCAN_SEVERITY] = "severity" };
    bool any = false;
    for (size_t i = 0; i < content_rule_count(c); i++) {
        struct content_rule r;
        bool unread = false;
        content_rule_get(c, i, &r);
        if (r.source != SCAN_YARA)
            continue;
        any |= says(v, &r, &unread);
        if (unread)
            conf_error_add(errs, CONF_ERROR, v->file, v->line, "this asks for the meta %s of YARA rules, and what %s (%s) says there is not known here: "
                "this could not be answered, and what matches would be refused", what[v->what], r.name, r.file);
    }
    if (!any && v->what == POL_SCAN_ID)
        conf_error_add(errs, CONF_ERROR, v->file, v->line, "no YARA rule in rules/yara has the meta id %s", v->name.p);
    else if (!any)
        conf_error_add(errs, CONF_WARNING, v->file, v->line, "no YARA rule in rules/yara has the meta %s \"%s\"%s: this condition is never true",
            what[v->what], v->name.p, v->what == POL_SCAN_SEVERITY ? " or one above it" : "");
}

void ctl_check_scans(const struct policy *p, const struct content *c, struct conf_errors *errs)
{
    const struct pol_scan_name *v;
    size_t n = policy_scan_names(p, &v);
    for (size_t i = 0; i < n; i++)
        if (v[i].what == POL_SCAN_RULE)
            check_name(&v[i], c, errs);
        else
            check_meta(&v[i], c, errs);
}
