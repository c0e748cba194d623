/* SPDX-License-Identifier: GPL-3.0-or-later
 * Codecs of what guard and scanner tell each other. Each treats the other's bytes as hostile. */
#include "scan.h"
#include "utf8.h"

#define SEGMENT_BYTES (4 + 4 + 4 + 1 + 4)             /* without its text */
#define MATCH_BYTES (1 + 4 + 4 + 4 + 4 + 1 + 1 + 1 + 4 + 2) /* without its rule's name */
#define RULE_NAME_MAX 256                             /* bytes */

const char *scan_place_name(enum scan_place p)
{
    static const char *const name_of[SCAN_PLACE_COUNT] = {
#define X(name, text) [SCAN_AT_##name] = text,
        SCAN_PLACES(X)
#undef X
    };
    return (unsigned)p < SCAN_PLACE_COUNT ? name_of[p] : "?";
}

#define X(name, text) text,
const char *const scan_severity_words[] = { SCAN_SEVERITIES(X) NULL };
const char *const scan_action_words[] = { SCAN_ACTIONS(X) NULL };
#undef X

#define FACTS(X) X(direction) X(kind) X(from) X(to) X(from_domain) X(to_domain) X(label) X(payload)

int scan_request_put(struct buf *b, const struct scan_request *r)
{
    struct wire_out o;

    if (r->n_segments > SCAN_SEGMENTS_MAX)
        return GW_ERR(LIMIT);
    wire_out_init(&o, b);
#define X(fact) wire_put_str16(&o, r->facts.fact);
    FACTS(X)
#undef X
    wire_put_u32(&o, (uint32_t)r->n_segments);
    for (size_t i = 0; i < r->n_segments && o.err == 0; i++) {
        const struct scan_segment *s = &r->segments[i];

        wire_put_u32(&o, s->node);
        wire_put_u32(&o, s->attr);
        wire_put_u32(&o, s->group);
        wire_put_u8(&o, s->place);
        wire_put_str32(&o, s->text);
    }
    wire_put_str32(&o, r->rebuilt);
    return o.err;
}

static struct str get_text(struct wire *w)
{
    struct str s = wire_str32(w, SIZE_MAX);

    if (w->err == 0 && !utf8_valid(s))
        wire_fail(w, GW_ERR(SYNTAX));
    return s;
}

static struct str get_name(struct wire *w, size_t max)
{
    struct str s = wire_str16(w, max);

    if (w->err == 0 && !utf8_valid(s))
        wire_fail(w, GW_ERR(SYNTAX));
    return s;
}

int scan_request_get(struct str bytes, struct arena *a, struct scan_request *ret)
{
    struct scan_request r = { 0 };
    struct scan_segment *v;
    struct wire w;
    size_t n;
    int err;

    wire_init(&w, bytes.p, bytes.n);
#define X(fact) r.facts.fact = get_name(&w, UINT16_MAX);
    FACTS(X)
#undef X
    n = wire_u32(&w);
    if (w.err == 0 && n > SCAN_SEGMENTS_MAX)
        wire_fail(&w, GW_ERR(LIMIT));
    if (w.err == 0 && n > wire_left(&w) / SEGMENT_BYTES)
        wire_fail(&w, GW_ERR(SYNTAX));
    if (w.err != 0)
        return w.err;
    v = arena_alloc(a, n * sizeof *v);
    if (!v)
        return GW_ERR(NOMEM);
    for (size_t i = 0; i < n && w.err == 0; i++) {
        v[i].node = wire_u32(&w);
        v[i].attr = wire_u32(&w);
        v[i].group = wire_u32(&w);
        v[i].place = wire_u8(&w);
        v[i].text = get_text(&w);
        if (v[i].place >= SCAN_PLACE_COUNT)
            wire_fail(&w, GW_ERR(SYNTAX));
    }
    r.rebuilt = get_text(&w);
    err = wire_done(&w);
    if (err < 0)
        return err;
    r.segments = v;
    r.n_segments = n;
    *ret = r;
    return 0;
}

int scan_result_put(struct buf *b, const struct scan_result *r)
{
    struct wire_out o;

    if (r->n_matches > SCAN_MATCHES_MAX)
        return GW_ERR(LIMIT);
    wire_out_init(&o, b);
    wire_put_u8(&o, r->status);
    wire_put_u64(&o, r->yara_ns);
    wire_put_u64(&o, r->dlp_ns);
    wire_put_u32(&o, (uint32_t)r->n_matches);
    for (size_t i = 0; i < r->n_matches && o.err == 0; i++) {
        const struct scan_match *m = &r->matches[i];

        wire_put_u8(&o, m->source);
        wire_put_u32(&o, m->hit);
        wire_put_u32(&o, m->seg);
        wire_put_u32(&o, m->off);
        wire_put_u32(&o, m->len);
        wire_put_u8(&o, m->confidence);
        wire_put_u8(&o, m->meta.severity);
        wire_put_u8(&o, m->meta.action);
        wire_put_u32(&o, m->meta.id);
        if (m->rule.n > RULE_NAME_MAX)
            o.err = GW_ERR(LIMIT);
        wire_put_str16(&o, m->rule);
    }
    return o.err;
}

static bool meta_fits(const struct scan_match *m)
{
    const struct scan_meta *x = &m->meta;

    if (m->source != SCAN_YARA)
        return !x->severity && !x->action && !x->id;
    return x->severity < SCAN_SEV_COUNT && x->action < SCAN_ACT_COUNT && (x->id <= SCAN_ID_MAX || x->id == SCAN_ID_UNREAD);
}

int scan_result_get(struct str bytes, struct arena *a, struct scan_result *ret)
{
    struct scan_result r = { 0 };
    struct scan_match *v;
    struct wire w;
    size_t n;
    int err;

    wire_init(&w, bytes.p, bytes.n);
    r.status = wire_u8(&w);
    r.yara_ns = wire_u64(&w);
    r.dlp_ns = wire_u64(&w);
    n = wire_u32(&w);
    if (w.err == 0 && r.status > SCAN_UNKNOWN)
        wire_fail(&w, GW_ERR(SYNTAX));
    if (w.err == 0 && n > SCAN_MATCHES_MAX)
        wire_fail(&w, GW_ERR(LIMIT));
    if (w.err == 0 && n > wire_left(&w) / MATCH_BYTES)
        wire_fail(&w, GW_ERR(SYNTAX));
    if (w.err != 0)
        return w.err;
    v = arena_alloc(a, n * sizeof *v);
    if (!v)
        return GW_ERR(NOMEM);
    for (size_t i = 0; i < n && w.err == 0; i++) {
        v[i].source = wire_u8(&w);
        v[i].hit = wire_u32(&w);
        v[i].seg = wire_u32(&w);
        v[i].off = wire_u32(&w);
        v[i].len = wire_u32(&w);
        v[i].confidence = wire_u8(&w);
        v[i].meta.severity = wire_u8(&w);
        v[i].meta.action = wire_u8(&w);
        v[i].meta.id = wire_u32(&w);
        v[i].rule = get_name(&w, RULE_NAME_MAX);
        if (v[i].source >= SCAN_SOURCES || v[i].confidence > 100 || !meta_fits(&v[i]))
            wire_fail(&w, GW_ERR(SYNTAX));
    }
    err = wire_done(&w);
    if (err < 0)
        return err;
    r.matches = v;
    r.n_matches = n;
    *ret = r;
    return 0;
}
