/* SPDX-License-Identifier: GPL-3.0-or-later
 * Runs the YARA rules over one view and turns what matched into hits. */
#include "yara_set.h"

static void add_spans(struct yara_set *s, YR_SCAN_CONTEXT *c, const YR_RULE *rule)
{
    YR_STRING *string;
    YR_MATCH *m;
    bool any = false;
    yr_rule_strings_foreach(rule, string)
    {
        yr_string_matches_foreach(c, string, m)
        {
            uint32_t start, end;
            int64_t at = m->base + m->offset;
            view_span(s->view, (size_t)at, (size_t)(at + m->match_length), &start, &end);
            hits_add(s->hits, SCAN_YARA, rule->identifier, start, end, 100);
            any = true;
        }
    }
    if (!any) /* a rule about the facts alone, or one that wants a string to be absent */
        hits_add(s->hits, SCAN_YARA, rule->identifier, NO_SPAN, NO_SPAN, 100);
}

static int on_scan(YR_SCAN_CONTEXT *c, int message, void *data, void *user)
{
    struct yara_set *s = user;
    switch (message) {
    case CALLBACK_MSG_RULE_MATCHING:
        add_spans(s, c, data);
        break;
    case CALLBACK_MSG_TOO_MANY_MATCHES:
        s->err = GW_ERR(LIMIT);
        break;
    default:
        break;
    }
    return s->err || s->hits->err ? CALLBACK_ABORT : CALLBACK_CONTINUE;
}

int yara_facts(struct yara_set *s, const struct scan_facts *f)
{
    size_t i = 0;
    if (!s->scanner)
        return 0;
#define X(name) \
    { \
        struct buf *b = &s->fact[i++]; \
        struct str was = buf_str(b); \
        if (was.n != f->name.n + 1 || (f->name.n && memcmp(was.p, f->name.p, f->name.n) != 0)) { \
            buf_reset(b); \
            if (buf_puts(b, f->name) || buf_put(b, "", 1)) \
                return GW_ERR(LIMIT); \
            if (yr_scanner_define_string_variable(s->scanner, #name, (const char *)buf_data(b)) != ERROR_SUCCESS) \
                return GW_ERR(NOMEM); \
        } \
    }
    YARA_FACTS(X)
#undef X
    return 0;
}

int yara_scan(struct yara_set *s, const struct view *v, struct hits *h)
{
    static const uint8_t none[1];
    if (!s->scanner)
        return 0;
    s->view = v;
    s->hits = h;
    s->err = 0;
    yr_scanner_set_callback(s->scanner, on_scan, s);
    int err = yr_scanner_scan_mem(s->scanner, v->text.n ? (const uint8_t *)v->text.p : none, v->text.n);
    s->view = NULL;
    s->hits = NULL;
    if (s->err || h->err)
        return s->err ? s->err : h->err;
    return err == ERROR_SUCCESS ? 0 : err == ERROR_INSUFFICIENT_MEMORY ? GW_ERR(NOMEM) : GW_ERR(UNKNOWN);
}
