/* SPDX-License-Identifier: GPL-3.0-or-later
 * Conditions yara, dlp and hidden: what the scanner found. Without its answer they are unknown. */
#include <string.h>

#include "cond_scan.h"
#include "rows.h"

struct names { struct str *v; size_t n; bool any; int64_t confidence, count; bool grouped; };

static int parse_group(struct pol_load *l, const config_setting_t *s, struct names *a)
{
    int rc = 0;
    bool named = false;
    for (int i = 0; i < config_setting_length(s); i++) {
        const config_setting_t *m = config_setting_get_elem(s, (unsigned)i);
        const char *k = config_setting_name(m);
        int r;
        if (!strcmp(k, "detector")) {
            named = true;
            r = load_strings(l, m, &a->v, &a->n);
        } else if (!strcmp(k, "confidence")) {
            r = load_int(l, m, 0, 100, &a->confidence);
        } else if (!strcmp(k, "count")) {
            r = load_int(l, m, 1, SCAN_MATCHES_MAX, &a->count);
        } else {
            r = load_error(l, m, "\"%s\" is not known here; allowed are detector, confidence, count", k);
        }
        rc = rc ? rc : r;
    }
    return rc || named ? rc : load_error(l, s, "\"detector\" is missing");
}

static int parse_names(struct pol_load *l, const config_setting_t *s, struct cond *c, enum scan_source source)
{
    struct names *a = arena_alloc(l->arena, sizeof *a);
    if (!a)
        return GW_ERR(NOMEM);
    *a = (struct names){ .count = 1 };
    c->arg = a;
    int rc = source == SCAN_DLP && config_setting_is_group(s) ? parse_group(l, s, a) : load_strings(l, s, &a->v, &a->n);
    for (size_t i = 0; i < a->n && !rc; i++) {
        if (str_eq(a->v[i], STR("*")))
            a->any = true;
        else
            rc = load_scan_name(l, source, POL_SCAN_RULE, a->v[i], s);
    }
    return rc;
}

static int parse_yara(struct pol_load *l, const config_setting_t *s, struct cond *c) { return parse_names(l, s, c, SCAN_YARA); }
static int parse_dlp(struct pol_load *l, const config_setting_t *s, struct cond *c) { return parse_names(l, s, c, SCAN_DLP); }

static int parse_hidden(struct pol_load *l, const config_setting_t *s, struct cond *c)
{
    static const char *const known[] = { "invisible", "bidi", "tag", "overlay", "*", NULL };
    struct names *a = arena_alloc(l->arena, sizeof *a);
    if (!a)
        return GW_ERR(NOMEM);
    *a = (struct names){ .count = 1 };
    c->arg = a;
    int rc = load_strings(l, s, &a->v, &a->n);
    for (size_t i = 0; i < a->n && !rc; i++) {
        size_t k = 0;
        while (known[k] && strcmp(known[k], a->v[i].p) != 0)
            k++;
        a->any |= known[k] && !strcmp(known[k], "*");
        if (!known[k])
            rc = load_error(l, s, "\"%s\" is not known here; allowed are invisible, bidi, tag, overlay, *", a->v[i].p);
    }
    return rc;
}

static bool wanted(const struct names *a, const struct scan_match *m, enum scan_source source)
{
    if (m->source != source || m->confidence < a->confidence)
        return false;
    for (size_t i = 0; i < a->n; i++)
        if (a->any || str_eq(a->v[i], m->rule))
            return true;
    return false;
}

bool scan_answered(struct pol_eval *e)
{
    if (e->scan == SCAN_NOT_ASKED)
        e->want_scan = true;
    return e->scan == SCAN_ANSWERED;
}

static enum tri match_names(const struct names *a, struct pol_eval *e, enum scan_source source)
{
    if (!scan_answered(e))
        return TRI_UNKNOWN;
    int64_t hits = 0;
    for (size_t i = 0; i < e->n_matches; i++) {
        if (!wanted(a, &e->matches[i], source))
            continue;
        bool same = false; /* a match over several segments comes in pieces that share their number */
        for (size_t k = i; k-- > 0 && !same && a->count > 1;)
            same = e->matches[k].hit == e->matches[i].hit && wanted(a, &e->matches[k], source);
        hits += !same;
        if (hits >= a->count)
            return TRI_YES;
    }
    return TRI_NO;
}

static enum tri match_yara(const struct cond *c, struct pol_eval *e) { return match_names(c->arg, e, SCAN_YARA); }
static enum tri match_dlp(const struct cond *c, struct pol_eval *e) { return match_names(c->arg, e, SCAN_DLP); }
static enum tri match_hidden(const struct cond *c, struct pol_eval *e) { return match_names(c->arg, e, SCAN_TEXT); }

int scan_span(struct pol_eval *e, const struct scan_match *m)
{
    if (m->seg == UINT32_MAX)
        e->n_spanless++;
    else if (!pol_span_add(e, m->seg, m->off, m->len, m->hit))
        return GW_ERR(LIMIT);
    return 0;
}

static int spans_of(const struct names *a, struct pol_eval *e, enum scan_source source)
{
    for (size_t i = 0; i < e->n_matches; i++) {
        const struct scan_match *m = &e->matches[i];
        int rc = wanted(a, m, source) ? scan_span(e, m) : 0;
        if (rc)
            return rc;
    }
    return 0;
}

static int spans_yara(const struct cond *c, struct pol_eval *e) { return spans_of(c->arg, e, SCAN_YARA); }
static int spans_dlp(const struct cond *c, struct pol_eval *e) { return spans_of(c->arg, e, SCAN_DLP); }
static int spans_hidden(const struct cond *c, struct pol_eval *e) { return spans_of(c->arg, e, SCAN_TEXT); }

/* ---- what was found, for the verdict and for people ---- */

static bool asks_for(const struct cond *c, const struct scan_match *m)
{
    return c->row == &cond_yara ? wanted(c->arg, m, SCAN_YARA) : c->row == &cond_dlp ? wanted(c->arg, m, SCAN_DLP) :
        c->row == &cond_hidden ? wanted(c->arg, m, SCAN_TEXT) : meta_asks_for(c, m);
}

enum pol_severity scan_severity(const struct cond *c, const struct pol_eval *e)
{
    enum pol_severity highest = SEV_INFO;
    if (c->row == &cond_not)
        return highest;
    for (size_t i = 0; !c->n_sub && (c->needs & COND_SCAN) && i < e->n_matches; i++) {
        unsigned s = e->matches[i].meta.severity;
        if (s > SCAN_SEV_NONE && s < SCAN_SEV_UNREAD && s - 1 > highest && asks_for(c, &e->matches[i]))
            highest = (enum pol_severity)(s - 1);
    }
    for (size_t i = 0; i < c->n_sub; i++) {
        enum pol_severity s = scan_severity(&c->sub[i], e);
        highest = s > highest ? s : highest;
    }
    return highest;
}

void scan_tell(const struct cond *c, struct pol_eval *e)
{
    for (size_t i = 0; i < e->n_matches; i++) {
        const struct scan_match *m = &e->matches[i];
        bool told = !asks_for(c, m);
        for (size_t k = 0; k < i && !told; k++)
            told = e->matches[k].source == m->source && str_eq(e->matches[k].rule, m->rule);
        if (told)
            continue;
        char id[16] = "";
        if (m->meta.id && m->meta.id != SCAN_ID_UNREAD)
            snprintf(id, sizeof id, ", id %u", m->meta.id);
        const char *severity = !m->meta.severity ? "" : m->meta.severity == SCAN_SEV_UNREAD ? "?" : scan_severity_words[m->meta.severity - 1];
        const char *action = !m->meta.action ? "" : m->meta.action == SCAN_ACT_UNREAD ? "?" : scan_action_words[m->meta.action - 1];
        if (m->source == SCAN_DLP)
            pol_note(e, TRI_YES, true, "found: %.*s, confidence %u", STR_ARG(m->rule), m->confidence);
        else
            pol_note(e, TRI_YES, true, "found: %.*s%s%s%s%s%s", STR_ARG(m->rule), id, *severity ? ", severity " : "", severity, *action ? ", action " : "", action);
    }
}

const struct cond_row cond_yara = { "yara", COND_STRINGS, COND_SCAN | COND_CONTENT, parse_yara, match_yara, spans_yara, NULL,
    "yara = [ \"eicar\", \"macro_dropper\" ]", "a YARA rule of rules/yara matches; \"*\": any of them" };
const struct cond_row cond_dlp = { "dlp", COND_STRINGS, COND_SCAN | COND_CONTENT, parse_dlp, match_dlp, spans_dlp, NULL,
    "dlp = \"payment-card\"",
    "a detector of rules/dlp finds something; \"*\": any; also { detector = ...; confidence = 75; count = 3; }" };
const struct cond_row cond_hidden = { "hidden", COND_STRINGS, COND_SCAN | COND_CONTENT, parse_hidden, match_hidden, spans_hidden, NULL,
    "hidden = \"*\"", "characters that a reader does not see: invisible, bidi, tag, overlay; \"*\": any" };
