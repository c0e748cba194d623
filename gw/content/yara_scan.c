/* SPDX-License-Identifier: GPL-3.0-or-later
 * Runs the YARA rules over one view and turns what matched into hits. */
#include "yara_set.h"

static void add_spans(struct yara_set *s, YR_SCAN_CONTEXT *c, const YR_RULE *rule)
{
    YR_STRING *string;
    YR_MATCH *m;
    size_t first = s->hits->n;
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
    struct scan_meta meta = yara_meta(rule);
    for (; first < s->hits->n; first++)
        s->hits->v[first].meta = meta;
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
    if (!s->all.scanner)
        return 0;
    s->facts_now++;
#define X(name) \
    { \
        struct buf *b = &s->fact[i]; \
        struct str was = buf_str(b); \
        if (was.n != f->name.n + 1 || (f->name.n && memcmp(was.p, f->name.p, f->name.n) != 0)) { \
            buf_reset(b); \
            if (buf_puts(b, f->name) || buf_put(b, "", 1)) \
                return GW_ERR(LIMIT); \
            s->fact_changed[i] = s->facts_now; \
        } \
        i++; \
    }
    YARA_FACTS(X)
#undef X
    return 0;
}

/* Only those that changed since this part was scanned last. */
static int tell_facts(struct yara_set *s, struct yara_part *p)
{
    static const char *const names[] = {
#define X(name) #name,
        YARA_FACTS(X)
#undef X
    };
    for (size_t i = 0; i < YARA_FACT_COUNT; i++)
        if (s->fact_changed[i] > p->facts_seen &&
            yr_scanner_define_string_variable(p->scanner, names[i], (const char *)buf_data(&s->fact[i])) != ERROR_SUCCESS)
            return GW_ERR(NOMEM);
    p->facts_seen = s->facts_now;
    return 0;
}

static int scan_part(struct yara_set *s, struct yara_part *p)
{
    static const uint8_t none[1];
    struct str text = s->view->text;
    int err = tell_facts(s, p);
    if (err)
        return err;
    yr_scanner_set_callback(p->scanner, on_scan, s);
    err = yr_scanner_scan_mem(p->scanner, text.n ? (const uint8_t *)text.p : none, text.n);
    if (s->err || s->hits->err)
        return s->err ? s->err : s->hits->err;
    return err == ERROR_SUCCESS ? 0 : err == ERROR_INSUFFICIENT_MEMORY ? GW_ERR(NOMEM) : GW_ERR(UNKNOWN);
}

static size_t find_heads(const struct yara_gate *g, struct str text)
{
    size_t n = 0;
    for (size_t i = 0; i < g->n_heads; i++) {
        const struct yara_head *h = &g->heads[i];
        if (text.n < h->n || g->wanted[h->part] || memcmp(text.p, h->bytes, h->n) != 0)
            continue;
        g->wanted[h->part] = true;
        n++;
    }
    return n;
}

/* A part of all rules was not compiled a second time. */
static struct yara_part *part_of(struct yara_set *s, struct yara_part *p)
{
    return p->scanner ? p : &s->all;
}

/* Where many parts are wanted, all rules at once are cheaper. */
static int scan_wanted(struct yara_set *s)
{
    struct yara_gate *g = &s->gate;
    memset(g->wanted, 0, g->n_parts * sizeof *g->wanted);
    size_t n = find_heads(g, s->view->text), more = 0;
    int err = atoms_find(&g->atoms, s->view->text, g->wanted, &more);
    if (err)
        return err;
    n += more;
    if (n > 4 && n > g->n_parts / 3)
        return scan_part(s, &s->all);
    err = g->n_always ? scan_part(s, part_of(s, &g->always)) : 0;
    for (size_t i = 0; i < g->n_parts && n > 0 && !err; i++)
        if (g->wanted[i])
            err = scan_part(s, part_of(s, &g->parts[i]));
    return err;
}

int yara_scan(struct yara_set *s, const struct view *v, struct hits *h)
{
    if (!s->all.scanner)
        return 0;
    s->view = v;
    s->hits = h;
    s->err = 0;
    int err = s->gate.on ? scan_wanted(s) : scan_part(s, &s->all);
    s->view = NULL;
    s->hits = NULL;
    return err;
}
