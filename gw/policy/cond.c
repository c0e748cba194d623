/* SPDX-License-Identifier: GPL-3.0-or-later
 * The table of conditions, how groups of them are read, and how three-valued answers are combined. */
#include <string.h>

#include "cond_scan.h"
#include "rows.h"

#define X(row) &row,
static const struct cond_row *const rows[] = { COND_ROWS(X) NULL };
#undef X

const struct cond_row *const *cond_rows(void) { return rows; }

static const struct cond_row *find(const char *keyword)
{
    for (size_t i = 0; rows[i]; i++)
        if (!strcmp(rows[i]->keyword, keyword))
            return rows[i];
    return NULL;
}

static int unknown_keyword(struct pol_load *l, const config_setting_t *s, const char *name)
{
    const char *names[sizeof rows / sizeof *rows];
    size_t i = 0;
    for (; rows[i]; i++)
        names[i] = rows[i]->keyword;
    names[i] = NULL;
    const char *near = conf_nearest(name, names);
    if (near)
        return load_error(l, s, "there is no condition \"%s\"; did you mean \"%s\"?", name, near);
    return load_error(l, s, "there is no condition \"%s\"; `lockgate check --list` prints all", name);
}

/* The operand as it was written, on one line, for explain. */
static void write_operand(const config_setting_t *s, struct buf *b)
{
    int rc = 0, n = config_setting_is_aggregate(s) ? config_setting_length(s) : 0;
    switch (config_setting_type(s)) {
    case CONFIG_TYPE_STRING:
        rc = buf_printf(b, "\"%s\"", config_setting_get_string(s));
        break;
    case CONFIG_TYPE_INT:
    case CONFIG_TYPE_INT64:
        rc = buf_printf(b, "%lld", config_setting_get_int64(s));
        break;
    case CONFIG_TYPE_BOOL:
        rc = buf_printf(b, "%s", config_setting_get_bool(s) ? "true" : "false");
        break;
    default:
        rc = buf_puts(b, config_setting_is_group(s) ? STR("{ ") : STR("[ "));
        for (int i = 0; i < n && !rc; i++) {
            const config_setting_t *c = config_setting_get_elem(s, (unsigned)i);
            if (i)
                rc = buf_puts(b, config_setting_is_group(s) ? STR("; ") : STR(", "));
            if (!rc && config_setting_name(c))
                rc = buf_printf(b, "%s = ", config_setting_name(c));
            if (!rc)
                write_operand(c, b);
        }
        if (!rc)
            rc = buf_puts(b, config_setting_is_group(s) ? STR(" }") : STR(" ]"));
    }
    (void)rc; /* a long operand is shown cut */
}

int cond_parse_one(struct pol_load *l, const config_setting_t *s, const struct cond_row *row, struct cond *ret)
{
    struct buf b;
    *ret = (struct cond){ .row = row, .needs = row->needs, .file = setting_file(s), .line = config_setting_source_line(s) };
    if (ret->file)
        ret->file = arena_str(l->arena, str_c(ret->file)).p;
    buf_init(&b, 200);
    write_operand(s, &b);
    ret->text = arena_str(l->arena, buf_str(&b));
    buf_clear(&b);
    int rc = row->parse(l, s, ret);
    for (size_t i = 0; i < ret->n_sub; i++)
        ret->needs |= ret->sub[i].needs;
    return rc;
}

static enum tri match_all(const struct cond *c, struct pol_eval *e)
{
    enum tri t = TRI_YES;
    for (size_t i = 0; i < c->n_sub && t != TRI_NO; i++) {
        if (e->want_scan && c->sub[i].needs & COND_STATE)
            break; /* nothing is counted before the rest is known */
        t = tri_and(t, cond_match(&c->sub[i], e));
    }
    return t;
}

static enum tri match_any(const struct cond *c, struct pol_eval *e)
{
    enum tri t = TRI_NO;
    for (size_t i = 0; i < c->n_sub && t != TRI_YES; i++)
        t = tri_or(t, cond_match(&c->sub[i], e));
    return t;
}

static enum tri match_not(const struct cond *c, struct pol_eval *e) { return tri_not(cond_match(&c->sub[0], e)); }

static int parse_groups(struct pol_load *l, const config_setting_t *s, struct cond *c)
{
    if (!config_setting_is_list(s) || config_setting_length(s) < 1)
        return load_error(l, s, "\"%s\" wants a list of groups: ( { ... }, { ... } )", c->row->keyword);
    size_t n = (size_t)config_setting_length(s);
    c->sub = arena_alloc(l->arena, n * sizeof *c->sub);
    if (!c->sub)
        return GW_ERR(NOMEM);
    int rc = 0;
    for (size_t i = 0; i < n; i++) {
        int r = cond_parse_group(l, config_setting_get_elem(s, (unsigned)i), &c->sub[c->n_sub++]);
        rc = rc ? rc : r;
    }
    return rc;
}

static int parse_not(struct pol_load *l, const config_setting_t *s, struct cond *c)
{
    c->sub = arena_alloc(l->arena, sizeof *c->sub);
    if (!c->sub)
        return GW_ERR(NOMEM);
    c->n_sub = 1;
    return cond_parse_group(l, s, c->sub);
}

static int spans_below(const struct cond *c, struct pol_eval *e)
{
    int rc = 0;
    for (size_t i = 0; i < c->n_sub && !rc; i++)
        rc = cond_spans(&c->sub[i], e);
    return rc;
}

const struct cond_row cond_all = { "all", COND_GROUPS, 0, parse_groups, match_all, spans_below, NULL,
    "all = ( { kind = \"message\"; }, { from_domain = \"high.example\"; } )", "every group of the list holds" };
const struct cond_row cond_any = { "any", COND_GROUPS, 0, parse_groups, match_any, spans_below, NULL,
    "any = ( { from = \"a@high.example\"; }, { to = \"b@low.example\"; } )", "at least one group of the list holds" };
const struct cond_row cond_not = { "not", COND_GROUP, 0, parse_not, match_not, NULL, NULL, "not = { from_list = \"staff\"; }",
    "the group does not hold (unknown stays unknown)" };
/* A group itself; not in the table, since it has no keyword. */
static const struct cond_row cond_group = { "when", COND_GROUP, 0, NULL, match_all, spans_below, NULL, "", "all of these hold" };

const struct cond_row *cond_group_row(void) { return &cond_group; }

int cond_parse_group(struct pol_load *l, const config_setting_t *group, struct cond *ret)
{
    *ret = (struct cond){ .row = &cond_group, .line = config_setting_source_line(group) };
    if (!config_setting_is_group(group))
        return load_error(l, group, "conditions stand in a group: { keyword = operand; ... }");
    size_t n = (size_t)config_setting_length(group);
    ret->sub = arena_alloc(l->arena, (n ? n : 1) * sizeof *ret->sub);
    if (!ret->sub)
        return GW_ERR(NOMEM);
    int rc = 0;
    /* cheap ones first, then those that wait for a scanner, then those that count what the others let through */
    for (int pass = 0; pass < 3; pass++)
        for (size_t i = 0; i < n; i++) {
            const config_setting_t *s = config_setting_get_elem(group, (unsigned)i);
            const struct cond_row *row = find(config_setting_name(s));
            if (!row) {
                if (!pass)
                    rc = unknown_keyword(l, s, config_setting_name(s));
                continue;
            }
            bool late = row->needs & (COND_SCAN | COND_CONTENT) || row->operand == COND_GROUPS || row->operand == COND_GROUP;
            if (pass != (row == &cond_rate ? 2 : late))
                continue;
            int r = cond_parse_one(l, s, row, &ret->sub[ret->n_sub]);
            ret->needs |= ret->sub[ret->n_sub++].needs;
            rc = rc ? rc : r;
        }
    return rc;
}

void cond_free(struct cond *c)
{
    for (size_t i = 0; i < c->n_sub; i++)
        cond_free(&c->sub[i]);
    if (c->row && c->row->free)
        c->row->free(c);
}

const char *tri_name(enum tri t) { return t == TRI_YES ? "yes" : t == TRI_NO ? "no" : "unknown"; }

enum tri cond_match(const struct cond *c, struct pol_eval *e)
{
    enum tri t = c->row->match(c, e);
    if (e->explain && c->row != &cond_group)
        pol_note(e, t, true, "%s = %.*s: %s", c->row->keyword, STR_ARG(c->text), tri_name(t));
    if (e->explain && t == TRI_YES && !c->n_sub && c->needs & COND_SCAN)
        scan_tell(c, e);
    return t;
}

int cond_spans(const struct cond *c, struct pol_eval *e) { return c->row->spans ? c->row->spans(c, e) : 0; }

void policy_describe(FILE *to)
{
    static const char *const operands[] = { "a string or a list of strings", "a group { ... }", "a list of groups", "a number",
        "a size (\"64KiB\")", "true or false", "a number or a list of numbers" };
    fprintf(to, "Conditions (all of a group must hold; each answers yes, no or unknown):\n\n");
    for (size_t i = 0; rows[i]; i++)
        fprintf(to, "  %-18s %s\n  %-18s   takes %s, e.g.  %s;\n", rows[i]->keyword, rows[i]->help, "", operands[rows[i]->operand],
            rows[i]->example);
    fprintf(to, "\nActions:\n\n%s", pol_action_help);
}
