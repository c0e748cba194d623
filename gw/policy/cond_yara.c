/* SPDX-License-Identifier: GPL-3.0-or-later
 * Conditions yara_id, yara_severity and yara_action: what the YARA rules that match say of themselves (meta). A rule that says nothing is not
 * asked for; one that says a word which is not known cannot be answered. */
#include <string.h>

#include "cond_scan.h"
#include "rows.h"

struct metas { uint32_t *ids; size_t n; unsigned least, actions; }; /* actions: a bit each */

static struct metas *begin(struct pol_load *l, struct cond *c)
{
    struct metas *a = arena_alloc(l->arena, sizeof *a);
    if (a)
        *a = (struct metas){ 0 };
    c->arg = a;
    return a;
}

static int parse_id(struct pol_load *l, const config_setting_t *s, struct cond *c)
{
    struct metas *a = begin(l, c);
    bool many = config_setting_is_array(s) || config_setting_is_list(s);
    size_t n = many ? (size_t)config_setting_length(s) : 1;
    if (!n)
        return load_error(l, s, "the list is empty");
    if (!a || !(a->ids = arena_alloc(l->arena, n * sizeof *a->ids)))
        return GW_ERR(NOMEM);
    int rc = 0;
    for (size_t i = 0; i < n && !rc; i++) {
        const config_setting_t *m = many ? config_setting_get_elem(s, (unsigned)i) : s;
        int64_t id = 0;
        char text[16];
        rc = load_int(l, m, 1, SCAN_ID_MAX, &id);
        snprintf(text, sizeof text, "%lld", (long long)id);
        struct str name = arena_str(l->arena, str_c(text));
        a->ids[a->n++] = (uint32_t)id;
        rc = rc ? rc : !name.p ? GW_ERR(NOMEM) : load_scan_name(l, SCAN_YARA, POL_SCAN_ID, name, m);
    }
    return rc;
}

/* One of the words, by its value; each is held by check against the rules that are there. */
static int word(struct pol_load *l, const config_setting_t *s, struct str name, const char *const *words, enum pol_scan_what what, unsigned *ret)
{
    char list[160];
    size_t n = 0;
    for (unsigned i = 0; words[i]; i++) {
        n += (size_t)snprintf(list + n, sizeof list - n, "%s%s", i ? ", " : "", words[i]);
        if (str_eq(name, str_c(words[i]))) {
            *ret = i + 1;
            return load_scan_name(l, SCAN_YARA, what, name, s);
        }
    }
    const char *near = conf_nearest(name.p, words);
    return load_error(l, s, "\"%s\" is not known here; allowed are %s%s%s%s", name.p, list, near ? "; did you mean \"" : "", near ? near : "", near ? "\"?" : "");
}

static int parse_words(struct pol_load *l, const config_setting_t *s, struct cond *c)
{
    struct metas *a = begin(l, c);
    struct str *v;
    size_t n;
    bool severity = c->row == &cond_yara_severity;
    if (!a)
        return GW_ERR(NOMEM);
    int rc = load_strings(l, s, &v, &n);
    if (!rc && severity && n != 1)
        rc = load_error(l, s, "one word is enough here: that severity and all above it");
    for (size_t i = 0; !rc && i < n; i++) {
        unsigned value = 0;
        rc = word(l, s, v[i], severity ? scan_severity_words : scan_action_words, severity ? POL_SCAN_SEVERITY : POL_SCAN_ACTION, &value);
        if (severity)
            a->least = value;
        else
            a->actions |= 1u << value;
    }
    return rc;
}

static enum tri asks(const struct cond *c, const struct scan_match *m)
{
    const struct metas *a = c->arg;
    if (m->source != SCAN_YARA)
        return TRI_NO;
    if (c->row == &cond_yara_severity)
        return m->meta.severity == SCAN_SEV_UNREAD ? TRI_UNKNOWN : tri_of(m->meta.severity >= a->least);
    if (c->row == &cond_yara_action)
        return m->meta.action == SCAN_ACT_UNREAD ? TRI_UNKNOWN : tri_of(a->actions >> m->meta.action & 1u);
    if (m->meta.id == SCAN_ID_UNREAD)
        return TRI_UNKNOWN;
    for (size_t i = 0; i < a->n; i++)
        if (a->ids[i] == m->meta.id)
            return TRI_YES;
    return TRI_NO;
}

static bool is_meta(const struct cond *c) { return c->row == &cond_yara_id || c->row == &cond_yara_severity || c->row == &cond_yara_action; }

bool meta_asks_for(const struct cond *c, const struct scan_match *m) { return is_meta(c) && asks(c, m) == TRI_YES; }

static enum tri match(const struct cond *c, struct pol_eval *e)
{
    enum tri t = TRI_NO;
    if (!scan_answered(e))
        return TRI_UNKNOWN;
    for (size_t i = 0; i < e->n_matches && t != TRI_YES; i++)
        t = tri_or(t, asks(c, &e->matches[i]));
    return t;
}

static int spans(const struct cond *c, struct pol_eval *e)
{
    int rc = 0;
    for (size_t i = 0; i < e->n_matches && !rc; i++)
        if (asks(c, &e->matches[i]) == TRI_YES)
            rc = scan_span(e, &e->matches[i]);
    return rc;
}

const struct cond_row cond_yara_id = { "yara_id", COND_INTS, COND_SCAN | COND_CONTENT, parse_id, match, spans, NULL,
    "yara_id = [ 5001, 5004 ]", "a YARA rule matches whose meta id is one of these" };
const struct cond_row cond_yara_severity = { "yara_severity", COND_STRINGS, COND_SCAN | COND_CONTENT, parse_words, match, spans, NULL,
    "yara_severity = \"high\"", "a YARA rule matches whose meta severity is this, or above: info, low, medium, high, critical" };
const struct cond_row cond_yara_action = { "yara_action", COND_STRINGS, COND_SCAN | COND_CONTENT, parse_words, match, spans, NULL,
    "yara_action = [ \"reject\", \"drop\" ]", "a YARA rule matches whose meta action is one of these: reject, drop, hold, redact, strip, alert" };
