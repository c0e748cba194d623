/* SPDX-License-Identifier: GPL-3.0-or-later
 * One release rule: its keys, what each action needs, its tests. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "answer.h"
#include "fold.h"
#include "label.h"
#include "rewrite.h"
#include "rows.h"

const char *const pol_action_names[] = {
#define X(name, text) text,
    POL_ACTIONS(X)
#undef X
    NULL
};
const char *const pol_severity_names[] = { "info", "low", "medium", "high", "critical", NULL };
const char pol_action_help[] =
    "  release            let it go, as it then is (decides)\n"
    "  reject             refuse it, the sender gets `error` with `text` (decides)\n"
    "  drop               refuse it in silence (decides)\n"
    "  hold               do not deliver it, keep it on disk for a person, tell the sender with `text`; messages only, and neither errors\n"
    "                     nor what comes from a room: those are refused (decides)\n"
    "  answer             an iq get does not cross; the gateway answers it itself, from `answers`: version, last_activity, time, ping.\n"
    "                     A question that `answers` does not name is left to the next rule (decides)\n"
    "  strip              take out the elements named in `elements`, at any depth, and what the allow-list would not let in without them\n"
    "  redact             replace what yara, dlp, hidden, text or word matched by `with` (\"[removed]\"); what the allow-list would\n"
    "                     not let in as it is then (a language or number with a hole in it) is taken out. In a security label: refused\n"
    "  rewrite            names of the inside go out as aliases, and come back as what they are, wherever an address stands alone: resources of\n"
    "                     the domains in `resources`, host names in `hosts`. For pairs of domains; whatever rule releases (its place does not matter)\n"
    "  fold               presence tells only what `shows` lists (show, status, priority, caps, \"{namespace}name\"), and what its recipient was told\n"
    "                     before does not cross again; rooms, directed presence, probes and subscriptions are left as they are\n"
    "  relabel            say the label in another policy, or set one: `label`, { policy; classification; categories; form; first_line }\n"
    "  throttle           refuse what is over a `rate`, the sender gets resource-constraint and may try later (decides then)\n"
    "  alert              note it, with `severity`, in the record and for the operator\n";

static const char *const error_names[] = { "bad-request", "conflict", "feature-not-implemented", "forbidden", "internal-server-error",
    "item-not-found", "jid-malformed", "not-acceptable", "not-allowed", "not-authorized", "policy-violation", "recipient-unavailable",
    "registration-required", "remote-server-not-found", "remote-server-timeout", "resource-constraint", "service-unavailable",
    "subscription-required", "undefined-condition", "unexpected-request", NULL };

struct rule_conf {
    int64_t id;
    char *name, *text, *expires;
    const config_setting_t *direction, *kind, *type, *when, *error, *with_set, *answers, *rewrite, *shows, *tests, *label;
    struct conf_strings elements;
    int action, severity;
    bool enabled;
};
#define OFF(m) offsetof(struct rule_conf, m)
static const struct conf_row rule_rows[] = {
    { "id", CONF_INT, OFF(id), true, 1, 1000000000, NULL, NULL, NULL, 0, "its number, once in the whole set" },
    { "name", CONF_STRING, OFF(name), true, 1, 200, NULL, NULL, NULL, 0, "a sentence that says what it is for" },
    { "enabled", CONF_BOOL, OFF(enabled), false, 0, 0, "true", NULL, NULL, 0, "false: it is left out" },
    { "direction", CONF_RAW, OFF(direction), false, 0, 0, NULL, NULL, NULL, 0, "as the condition" },
    { "kind", CONF_RAW, OFF(kind), false, 0, 0, NULL, NULL, NULL, 0, "as the condition" },
    { "type", CONF_RAW, OFF(type), false, 0, 0, NULL, NULL, NULL, 0, "as the condition" },
    { "when", CONF_RAW, OFF(when), false, 0, 0, NULL, NULL, NULL, 0, "a group of conditions; all must hold" },
    { "action", CONF_ENUM, OFF(action), true, 0, 0, NULL, pol_action_names, NULL, 0, "what is done" },
    { "error", CONF_RAW, OFF(error), false, 0, 0, NULL, NULL, NULL, 0, "reject: the stanza error (RFC 6120 section 8.3.3)" },
    { "text", CONF_STRING, OFF(text), false, 0, 500, NULL, NULL, NULL, 0, "reject, hold: what the sender reads" },
    { "with", CONF_RAW, OFF(with_set), false, 0, 0, NULL, NULL, NULL, 0, "redact: what stands in its place" },
    { "answers", CONF_RAW, OFF(answers), false, 0, 0, NULL, NULL, NULL, 0, "answer: what the gateway says itself" },
    { "rewrite", CONF_RAW, OFF(rewrite), false, 0, 0, NULL, NULL, NULL, 0, "rewrite: which names go out as aliases" },
    { "shows", CONF_RAW, OFF(shows), false, 0, 0, NULL, NULL, NULL, 0, "fold: what presence may tell" },
    { "elements", CONF_STRINGS, OFF(elements), false, 0, 100, NULL, NULL, NULL, 0, "strip: which, \"{namespace}name\" or a namespace" },
    { "label", CONF_RAW, OFF(label), false, 0, 0, NULL, NULL, NULL, 0, "relabel: what the label becomes" },
    { "severity", CONF_ENUM, OFF(severity), false, 0, 0, "info", pol_severity_names, NULL, 0, "how grave it is" },
    { "expires", CONF_STRING, OFF(expires), false, 0, 10, NULL, NULL, NULL, 0, "the last day on which it holds, YYYY-MM-DD (UTC)" },
    { "tests", CONF_RAW, OFF(tests), false, 0, 0, NULL, NULL, NULL, 0, "a list of tests" },
    { NULL, CONF_RAW, 0, false, 0, 0, NULL, NULL, NULL, 0, NULL } };
#undef OFF

struct test_conf { char *stanza, *output, *from; struct conf_strings before; int expect; struct conf_ints acted; const config_setting_t *acted_set; };
static const char *const verdict_names[] = {
#define X(name, text) text,
    GW_VERDICTS(X)
#undef X
    "answer", NULL
};
#define OFF(m) offsetof(struct test_conf, m)
static const struct conf_row test_rows[] = {
    { "stanza", CONF_STRING, OFF(stanza), true, 1, 1000, NULL, NULL, NULL, 0, "a file with one stanza, below rules/" },
    { "from", CONF_STRING, OFF(from), false, 0, 4, NULL, NULL, NULL, 0, "the side it comes from: high or low" },
    { "before", CONF_STRINGS, OFF(before), false, 0, 16, NULL, NULL, NULL, 0, "files with stanzas that go before it, such as the question" },
    { "expect", CONF_ENUM, OFF(expect), true, 0, 0, NULL, verdict_names, NULL, 0, "the verdict" },
    { "acted", CONF_RAW, OFF(acted_set), false, 0, 0, NULL, NULL, NULL, 0, "the rules that hold, in order" },
    { "output", CONF_STRING, OFF(output), false, 0, 1000, NULL, NULL, NULL, 0, "a file with what must leave" },
    { NULL, CONF_RAW, 0, false, 0, 0, NULL, NULL, NULL, 0, NULL } };
#undef OFF

static char *below(struct pol_load *l, const char *path)
{
    char full[4096];
    if (!*path)
        return NULL;
    snprintf(full, sizeof full, "%s/%s", l->p->dir, path);
    struct str s = arena_str(l->arena, str_c(full));
    char *copy = arena_alloc(l->arena, s.n + 1);
    return copy && s.p ? memcpy(copy, s.p, s.n + 1) : NULL;
}

static int read_acted(struct pol_load *l, const config_setting_t *s, struct pol_test *t)
{
    size_t n = config_setting_is_aggregate(s) ? (size_t)config_setting_length(s) : 0;
    t->has_acted = true;
    t->acted.v = arena_alloc(l->arena, (n ? n : 1) * sizeof *t->acted.v);
    if (!t->acted.v)
        return GW_ERR(NOMEM);
    if (!config_setting_is_array(s) && !config_setting_is_list(s))
        return load_error(l, s, "\"acted\" wants a list of rule ids: [ 2040 ], or [ ] for none");
    for (size_t i = 0; i < n; i++) {
        int rc = load_int(l, config_setting_get_elem(s, (unsigned)i), 1, 1000000000, &t->acted.v[t->acted.n++]);
        if (rc)
            return rc;
    }
    return 0;
}

static int read_tests(struct pol_load *l, const config_setting_t *list, struct pol_rule *r)
{
    if (!config_setting_is_list(list))
        return load_error(l, list, "\"tests\" wants a list: ( { stanza = \"tests/a.xml\"; expect = \"release\"; } )");
    size_t n = (size_t)config_setting_length(list);
    int rc = 0;
    r->tests = arena_alloc(l->arena, (n ? n : 1) * sizeof *r->tests);
    if (!r->tests)
        return GW_ERR(NOMEM);
    for (size_t i = 0; i < n; i++) {
        const config_setting_t *s = config_setting_get_elem(list, (unsigned)i);
        struct test_conf c = { 0 };
        int e = conf_read_group((const void *)s, test_rows, &c, l->arena, l->errs);
        if (e) {
            rc = e;
            continue;
        }
        struct pol_test *t = &r->tests[r->n_tests++];
        *t = (struct pol_test){ .stanza = below(l, c.stanza), .output = below(l, c.output), .from = *c.from ? c.from : NULL,
            .before = c.before, .expect = c.expect, .where = { r->file, config_setting_source_line(s) } };
        for (size_t k = 0; k < t->before.n; k++)
            t->before.v[k] = below(l, t->before.v[k]);
        if (t->from && strcmp(t->from, "high") != 0 && strcmp(t->from, "low") != 0)
            rc = load_error(l, s, "\"from\": \"%s\" is no side; allowed are high, low", t->from);
        if (c.acted_set)
            rc = read_acted(l, c.acted_set, t) ? GW_ERR(CONF) : rc;
    }
    return rc;
}

/* The conditions of a rule: those named beside `when`, then `when` itself. */
static int read_conditions(struct pol_load *l, const struct rule_conf *c, struct pol_rule *r, const config_setting_t *s)
{
    const config_setting_t *beside[] = { c->direction, c->kind, c->type };
    const char *keywords[] = { "direction", "kind", "type" };
    struct cond all = { 0 };
    int rc = 0;
    if (c->when)
        rc = cond_parse_group(l, c->when, &all);
    struct cond *v = arena_alloc(l->arena, (all.n_sub + 3) * sizeof *v);
    if (!v)
        return GW_ERR(NOMEM);
    size_t n = 0;
    for (int i = 0; i < 3; i++) {
        const struct cond_row *const *rows = cond_rows();
        while (strcmp((*rows)->keyword, keywords[i]) != 0)
            rows++;
        if (!beside[i])
            continue;
        int e = cond_parse_one(l, beside[i], *rows, &v[n]);
        n++;
        rc = rc ? rc : e;
    }
    if (all.n_sub)
        memcpy(v + n, all.sub, all.n_sub * sizeof *v);
    r->when = all;
    r->when.row = cond_group_row();
    r->when.sub = v;
    r->when.n_sub += n;
    r->when.line = config_setting_source_line(s);
    return rc;
}

static bool has_rate(const struct cond *c)
{
    bool has = c->row == &cond_rate;
    for (size_t i = 0; i < c->n_sub && !has; i++)
        has = has_rate(&c->sub[i]);
    return has;
}

/* Is it this word, or a list with it? */
static bool has_word(const config_setting_t *s, const char *word)
{
    const char *z = s ? config_setting_get_string(s) : NULL;
    bool has = z && !strcmp(z, word);
    for (int i = 0; s && config_setting_is_aggregate(s) && i < config_setting_length(s) && !has; i++)
        has = has_word(config_setting_get_elem(s, (unsigned)i), word);
    return has;
}

static int read_action(struct pol_load *l, const struct rule_conf *c, struct pol_rule *r, const config_setting_t *s)
{
    int rc = 0;
    r->error = -1;
    if (c->error) {
        const char *z = config_setting_get_string(c->error);
        r->error = z ? pol_error_find(z) : -1;
        const char *near = z && r->error < 0 ? conf_nearest(z, error_names) : NULL;
        if (r->error < 0)
            rc = load_error(l, c->error, "\"%s\" is no stanza error of RFC 6120%s%s%s", z ? z : "", near ? "; did you mean \"" : "",
                near ? near : "", near ? "\"?" : "; \"policy-violation\" is the usual one");
        else if (r->action != ACT_REJECT)
            rc = load_error(l, c->error, "\"error\" goes with action \"reject\" only");
    }
    if (*c->text && r->action != ACT_REJECT && r->action != ACT_HOLD && r->action != ACT_THROTTLE)
        rc = load_error(l, s, "rule %u: \"text\" goes with action \"reject\", \"throttle\" or \"hold\" only", r->id);
    r->text = c->text;
    r->with = NULL;
    if (c->with_set) {
        const char *z = config_setting_get_string(c->with_set);
        if (r->action != ACT_REDACT || !z)
            rc = load_error(l, c->with_set, "\"with\" is a string and goes with action \"redact\" only");
        else
            r->with = (char *)(uintptr_t)arena_str(l->arena, str_c(z)).p;
    }
    if (r->action == ACT_REDACT && !(r->when.needs & COND_CONTENT))
        rc = load_error(l, s, "rule %u: \"redact\" needs a condition that finds text: yara, dlp, hidden, text or word", r->id);
    if (r->action == ACT_THROTTLE && !has_rate(&r->when))
        rc = load_error(l, s, "rule %u: \"throttle\" needs the condition \"rate\"", r->id);
    if ((r->action == ACT_REWRITE) != (c->rewrite != NULL))
        rc = load_error(l, s, "rule %u: action \"rewrite\" and the group \"rewrite\" go together", r->id);
    else if (c->rewrite && rewrite_load(l, c->rewrite, r))
        rc = GW_ERR(CONF);
    if ((r->action == ACT_ANSWER) != (c->answers != NULL))
        rc = load_error(l, s, "rule %u: action \"answer\" and the group \"answers\" go together", r->id);
    else if (c->answers && answers_load(l, c->answers, &r->answers))
        rc = GW_ERR(CONF);
    if ((r->action == ACT_FOLD) != (c->shows != NULL))
        rc = load_error(l, s, "rule %u: action \"fold\" and the list \"shows\" go together", r->id);
    else if (c->shows && fold_load(l, c->shows, &r->fold))
        rc = GW_ERR(CONF);
    l->p->folds |= r->action == ACT_FOLD && r->enabled;
    if (r->action == ACT_FOLD && !(c->kind && !strcmp(config_setting_get_string(c->kind) ? config_setting_get_string(c->kind) : "", "presence")))
        rc = load_error(l, s, "rule %u: only presence is folded; it needs kind = \"presence\"", r->id);
    if ((r->action == ACT_RELABEL) != (c->label != NULL))
        rc = load_error(l, s, "rule %u: action \"relabel\" and the group \"label\" go together", r->id);
    else if (c->label) {
        int e = label_change_read(l, c->label, &r->relabel);
        rc = rc ? rc : e;
    }
    if ((r->action == ACT_STRIP) != (c->elements.n > 0))
        rc = load_error(l, s, "rule %u: action \"strip\" and the list \"elements\" go together", r->id);
    r->strip = arena_alloc(l->arena, (c->elements.n ? c->elements.n : 1) * sizeof *r->strip);
    if (!r->strip)
        return GW_ERR(NOMEM);
    for (size_t i = 0; i < c->elements.n; i++) {
        int e = load_clark(l, s, str_c(c->elements.v[i]), &r->strip[r->n_strip++]);
        rc = rc ? rc : e;
    }
    if (r->action == ACT_HOLD && (has_word(c->type, "error") || (c->when && config_setting_get_member(c->when, "from_room") &&
            config_setting_get_bool(config_setting_get_member(c->when, "from_room")))))
        rc = load_error(l, s, "rule %u: neither errors nor what comes from a room can be held: their senders cannot be told", r->id);
    if (r->action == ACT_HOLD && (!c->kind || !config_setting_get_string(c->kind) || strcmp(config_setting_get_string(c->kind), "message") != 0))
        rc = load_error(l, s, "rule %u: only messages can be held; it needs kind = \"message\"", r->id);
    return rc;
}

static int read_rule(struct pol_load *l, const config_setting_t *s, struct pol_rule *r)
{
    struct rule_conf c = { 0 };
    int rc = conf_read_group((const void *)s, rule_rows, &c, l->arena, l->errs);
    if (rc == GW_ERR(NOMEM))
        return rc;
    const char *file = setting_file(s);
    *r = (struct pol_rule){ .id = (uint32_t)c.id, .name = c.name, .enabled = c.enabled, .action = (enum pol_action)c.action,
        .severity = (enum pol_severity)c.severity, .file = file ? arena_str(l->arena, str_c(file)).p : NULL,
        .line = config_setting_source_line(s) };
    r->hits = arena_alloc(l->arena, sizeof *r->hits);
    if (!r->hits)
        return GW_ERR(NOMEM);
    *r->hits = (struct pol_hits){ 0 };
    int e = read_conditions(l, &c, r, s);
    rc = rc ? rc : e;
    if (config_setting_get_member(s, "action"))
        e = read_action(l, &c, r, s);
    rc = rc ? rc : e;
    if (c.expires && *c.expires) {
        e = load_date(l, config_setting_get_member(s, "expires"), c.expires, &r->expires_ms);
        r->expires_ms += e ? 0 : 86400000; /* to the end of that day */
        rc = rc ? rc : e;
    }
    if (!rc && r->expires_ms && r->expires_ms <= l->now_ms)
        conf_error_add(l->errs, CONF_WARNING, r->file, r->line, "rule %u has expired and does nothing any more", r->id);
    if (c.tests)
        e = read_tests(l, c.tests, r);
    rc = rc ? rc : e;
    return rc;
}

int rules_load(struct pol_load *l, const config_setting_t *list)
{
    struct policy *p = l->p;
    int rc = 0;
    if (!config_setting_is_list(list))
        return load_error(l, list, "\"rules\" wants a list: ( { id = 100; ... }, { ... } )");
    for (int i = 0; i < config_setting_length(list); i++) {
        const config_setting_t *s = config_setting_get_elem(list, (unsigned)i);
        if (!config_setting_is_group(s)) {
            rc = load_error(l, s, "a rule is a group: { id = 100; name = \"...\"; action = \"...\"; }");
            continue;
        }
        p->rules = pol_grow(l->arena, p->rules, p->n_rules, &l->cap_rules, sizeof *p->rules);
        if (!p->rules)
            return GW_ERR(NOMEM);
        struct pol_rule *r = &p->rules[p->n_rules++];
        int e = read_rule(l, s, r);
        rc = rc ? rc : e;
    }
    return rc;
}
