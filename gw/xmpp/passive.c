/* SPDX-License-Identifier: GPL-3.0-or-later
 * A stream overheard: one direction, read by the same parser and the same stanza builder as in the edges, for captures. It follows
 * restarts by what stands in the bytes, since it does not know what the other direction said. */
#include <stdlib.h>

#include "jid.h"
#include "stanza.h"
#include "xmpp.h"

#define NS_BIND "urn:ietf:params:xml:ns:xmpp-bind"
#define NS_COMPRESS "http://jabber.org/protocol/compress"
#define TOKEN_BYTES 65536u
#define SHOWN_MAX 256 /* bytes kept of what is only shown */
#define ATTRS_MAX 64u  /* a stanza element with more gets no address added */

struct shown {
    char text[SHOWN_MAX];
    size_t n;
    bool set;
};

struct xp {
    struct reader rd;
    struct rec_limits limits;
    bool client, middle;
    char identity[2][JID_MAX + 1]; /* from, to */
    bool has_identity[2];
    /* the present document's header; the present first-level element */
    struct shown from, to, kind;
    bool server_ns;                /* its content namespace is fit for a stream between servers */
    struct stanza st;
    enum xp_event_type unit;       /* what the element will be reported as; XP_NONE: nothing known yet */
    unsigned mapped;               /* down to this depth all elements are of jabber:client */
    struct buf jid;                /* of a bind answer */
    bool in_bind, in_jid, bound;
    bool got_header, got_unit, got_end, dead;
    struct fault header_fault;
};

/* ---- small things ---- */

static void show(struct shown *s, struct str v)
{
    s->set = v.p != NULL;
    s->n = v.n < SHOWN_MAX ? v.n : SHOWN_MAX;
    while (s->n < v.n && s->n > 0 && ((unsigned char)v.p[s->n] & 0xC0) == 0x80) /* not within a character */ // NOLINT(clang-analyzer-core.NullDereference): n > 0 means that p is set
        s->n--;
    if (s->n)
        memcpy(s->text, v.p, s->n); // NOLINT(clang-analyzer-core.NonNullParamChecker): the same
}

static struct str shown(const struct shown *s) { return s->set ? (struct str){ s->text, s->n } : STR_NONE; }

static struct str plain_attr(const char **atts, struct str name)
{
    struct xml_name a;
    for (const char **at = atts; *at; at += 2) {
        xml_name_split(at[0], &a);
        if (a.ns.n == 0 && str_eq(a.local, name))
            return str_c(at[1]);
    }
    return STR_NONE;
}

/* ---- the parser's callbacks ---- */

static void on_root_ns(void *who, struct str prefix, struct str uri)
{
    struct xp *x = who;
    if (prefix.p)
        return;
    x->client = str_eq(uri, STR(NS_CLIENT));
    x->server_ns = x->client || str_eq(uri, STR(XS_NS_SERVER)) || str_eq(uri, STR(XS_NS_STREAM));
}

static void root(struct xp *x, const struct xml_name *n, const char **atts)
{
    show(&x->from, plain_attr(atts, STR("from")));
    show(&x->to, plain_attr(atts, STR("to")));
    if (!str_eq(n->ns, STR(XS_NS_STREAM)) || !str_eq(n->local, STR("stream")))
        x->header_fault = (struct fault){ "bad-format", GW_R_STREAM_HEADER, "the root is not a stream header", false };
    else if (!x->server_ns)
        x->header_fault = (struct fault){ "invalid-namespace", GW_R_STREAM_HEADER, "content namespace is not jabber:server or jabber:client", false };
    x->got_header = true;
    reader_pause(&x->rd);
}

static enum xp_event_type classify(const struct xp *x, const struct xml_name *n)
{
    if (stanza_is(n, x->client || x->middle))
        return XP_STANZA;
    if (str_eq(n->ns, STR(NS_TLS)))
        return str_eq(n->local, STR("starttls")) ? XP_STARTTLS : str_eq(n->local, STR("proceed")) ? XP_PROCEED : XP_OTHER;
    if (str_eq(n->ns, STR(NS_COMPRESS)) && str_eq(n->local, STR("compressed")))
        return XP_COMPRESSED;
    return XP_OTHER;
}

/* A message, presence or iq of the other kind of stream, or of no namespace: a receiver ends the stream (RFC 6120 section 4.9.3.10). */
static bool wrong_namespace(const struct xp *x, const struct xml_name *n)
{
    const struct xml_name as = { STR(XS_NS_SERVER), n->local, STR_NONE };
    return x->unit == XP_OTHER && stanza_is(&as, false) && (n->ns.n == 0 || str_eq(n->ns, STR(NS_CLIENT)) || str_eq(n->ns, STR(XS_NS_SERVER)));
}

static void begin_unit(struct xp *x, const struct xml_name *n, const char **atts)
{
    x->unit = classify(x, n);
    if (wrong_namespace(x, n)) {
        reader_fail(&x->rd, "invalid-namespace", GW_R_STREAM_PROTOCOL, "a stanza in the wrong namespace");
        return;
    }
    x->in_bind = x->in_jid = x->bound = false;
    x->mapped = 1;
    buf_reset(&x->jid);
    if (x->unit != XP_STANZA)
        return;
    show(&x->kind, n->local);
    show(&x->from, plain_attr(atts, STR("from")));
    show(&x->to, plain_attr(atts, STR("to")));
    x->st.fault = (struct fault){ NULL, GW_R_NONE, NULL, false };
    x->st.elements = 0;
    x->st.r = rec_new(&x->limits);
    if (!x->st.r)
        reader_nomem(&x->rd);
}

/* A client stream's own elements become jabber:server, as its server would send them on; what a payload carries in jabber:client
 * (a forwarded message) stays. */
static struct xml_name as_server(struct xp *x, unsigned depth, const struct xml_name *n)
{
    struct xml_name m = *n;
    if (str_eq(n->ns, STR(NS_CLIENT)) && x->mapped == depth - 1) {
        x->mapped = depth;
        m.ns = STR(XS_NS_SERVER);
    }
    return m;
}

/* The stanza element with the addresses that its server would have added. */
static void stanza_root(struct xp *x, const struct xml_name *n, const char **atts)
{
    const char *all[2 * ATTRS_MAX + 5];
    size_t k = 0;
    while (atts[k] && k < 2 * ATTRS_MAX)
        all[k] = atts[k], k++;
    if (!atts[k] && x->client) {
        if (!x->from.set && x->has_identity[0])
            all[k++] = "from", all[k++] = x->identity[0];
        if (!x->to.set && x->has_identity[1])
            all[k++] = "to", all[k++] = x->identity[1];
        all[k] = NULL;
        atts = all;
    }
    stanza_start(&x->st, 1, n, atts);
}

static void on_start(void *who, unsigned depth, const struct xml_name *n, const char **atts)
{
    struct xp *x = who;
    struct xml_name m;
    if (depth == 1) {
        root(x, n, atts);
        return;
    }
    if (depth > XML_DEPTH_MAX) {
        reader_fail(&x->rd, "policy-violation", GW_R_STREAM_LIMIT, "elements nested too deep");
        return;
    }
    if (depth == 2)
        begin_unit(x, n, atts);
    if (x->unit != XP_STANZA || !x->st.r)
        return;
    if (depth == 3)
        x->in_bind = str_eq(n->ns, STR(NS_BIND)) && str_eq(n->local, STR("bind"));
    if (depth == 4)
        x->in_jid = x->in_bind && str_eq(n->ns, STR(NS_BIND)) && str_eq(n->local, STR("jid"));
    m = as_server(x, depth, n);
    if (depth == 2)
        stanza_root(x, &m, atts);
    else
        stanza_start(&x->st, depth - 1, &m, atts);
}

static void on_end(void *who, unsigned depth)
{
    struct xp *x = who;
    if (depth == 1) {
        x->got_end = true;
        reader_pause(&x->rd);
        return;
    }
    if (x->mapped >= depth)
        x->mapped = depth - 1;
    if (depth == 4 && x->in_jid) {
        x->in_jid = false;
        x->bound = buf_size(&x->jid) > 0;
    }
    if (x->unit == XP_STANZA && x->st.r)
        stanza_end(&x->st);
    if (depth == 2) {
        x->got_unit = true;
        reader_pause(&x->rd);
    }
}

static void on_text(void *who, unsigned depth, struct str text)
{
    struct xp *x = who;
    if (depth > 1) {
        if (depth == 4 && x->in_jid && buf_puts(&x->jid, text) < 0)
            x->in_jid = false;
        if (x->unit == XP_STANZA && x->st.r)
            stanza_text(&x->st, text);
        return;
    }
    for (size_t i = 0; i < text.n; i++)
        if (!strchr(" \t\r\n", text.p[i])) {
            reader_fail(&x->rd, "bad-format", GW_R_STREAM_PROTOCOL, "text between stanzas");
            return;
        }
}

static const struct reader_hooks hooks = { on_start, on_end, on_text, on_root_ns };

/* ---- restarts ---- */

/* 1: what waits is the beginning of a new document; 0: it is not; -1: more bytes are needed to tell. */
static int begins_document(const struct xp *x)
{
    static const char *const begins[] = { "<?xml", "<stream:stream" };
    struct str s = xp_rest(x);
    if (!x->rd.root_seen || x->rd.depth > 1)
        return 0;
    while (s.n && strchr(" \t\r\n", s.p[0])) // NOLINT(clang-analyzer-core.NullDereference): n > 0 means that p is set
        s.p++, s.n--;
    for (size_t i = 0; i < sizeof begins / sizeof *begins; i++) {
        size_t n = strlen(begins[i]), m = s.n < n ? s.n : n;
        if (s.n && memcmp(s.p, begins[i], m) == 0)
            return m == n ? 1 : -1;
    }
    return 0;
}

static int restart(struct xp *x)
{
    struct buf *in = &x->rd.in;
    while (buf_size(in) && strchr(" \t\r\n", buf_data(in)[0])) /* no white space stands before an XML declaration */
        buf_drop(in, 1);
    x->middle = x->client = x->server_ns = false;
    x->got_header = x->got_unit = x->got_end = false;
    x->header_fault = (struct fault){ NULL, GW_R_NONE, NULL, false };
    return reader_restart(&x->rd);
}

int xp_middle(struct xp *x, bool client)
{
    static const char server_head[] = "<stream:stream xmlns='" XS_NS_SERVER "' xmlns:stream='" XS_NS_STREAM "' xmlns:db='" NS_DIALBACK "'>";
    static const char client_head[] = "<stream:stream xmlns='" NS_CLIENT "' xmlns:stream='" XS_NS_STREAM "' xmlns:db='" NS_DIALBACK "'>";
    int err;
    buf_reset(&x->rd.in);
    stanza_drop(&x->st);
    x->dead = false;
    err = restart(x);
    if (err == 0)
        err = client ? reader_feed(&x->rd, client_head, sizeof client_head - 1) : reader_feed(&x->rd, server_head, sizeof server_head - 1);
    if (err == 0 && reader_run(&x->rd) != READER_PAUSED)
        err = GW_ERR(NOMEM);
    x->got_header = false;
    x->middle = true;
    return err;
}

/* ---- events ---- */

static void fault_event(struct xp *x, const struct fault *f, struct xp_event *ev)
{
    ev->type = XP_FAULT;
    ev->reason = f->reason;
    ev->detail = f->detail;
    x->dead = true;
    stanza_drop(&x->st);
    buf_reset(&x->rd.in);
}

static int seal(struct xp *x)
{
    struct str local, resource, from, to;
    int err;
    jid_split(x->st.r->from, &local, &from, &resource);
    jid_split(x->st.r->to, &local, &to, &resource);
    err = rec_pair(x->st.r, from, to);
    return err == 0 ? rec_seal(x->st.r) : err;
}

/* What a client and its own server say to each other before there is an address: no traffic. */
static bool negotiation(const struct xp *x)
{
    return x->client && x->st.fault.reason == GW_R_ADDRESS_INVALID && !x->from.set && !x->to.set && str_eq(shown(&x->kind), STR("iq"));
}

static int stanza_event(struct xp *x, struct xp_event *ev)
{
    int err = x->st.fault.nomem ? GW_ERR(NOMEM) : 0;
    if (err == 0 && !x->st.fault.condition)
        err = seal(x);
    if (err == GW_ERR(NOMEM))
        return err;
    ev->bytes = reader_size(&x->rd);
    ev->from = shown(&x->from);
    ev->to = shown(&x->to);
    ev->kind = shown(&x->kind);
    if (err == 0 && !x->st.fault.condition) {
        ev->type = XP_STANZA;
        ev->stanza = x->st.r;
        x->st.r = NULL;
        return 0;
    }
    ev->type = negotiation(x) ? XP_OTHER : XP_BAD;
    ev->reason = err < 0 ? GW_R_RECORD_INVALID : x->st.fault.reason;
    ev->detail = err < 0 ? "a record does not take it" : x->st.fault.detail;
    stanza_drop(&x->st);
    return 0;
}

static int take_found(struct xp *x, struct xp_event *ev)
{
    ev->client = x->client;
    if (x->got_header) {
        x->got_header = false;
        if (x->header_fault.condition) {
            fault_event(x, &x->header_fault, ev);
            return 0;
        }
        ev->type = XP_HEADER;
        ev->from = shown(&x->from);
        ev->to = shown(&x->to);
        return 0;
    }
    if (x->got_unit) {
        if (x->bound) {
            x->bound = false;
            ev->type = XP_BOUND;
            ev->to = buf_str(&x->jid);
            return 0;
        }
        x->got_unit = false;
        ev->type = x->unit;
        return x->unit == XP_STANZA ? stanza_event(x, ev) : 0;
    }
    x->got_end = false;
    ev->type = XP_CLOSE;
    return 0;
}

int xp_next(struct xp *x, struct xp_event *ev)
{
    memset(ev, 0, sizeof *ev);
    while (ev->type == XP_NONE && !x->dead) {
        int begins, err = 0;
        if (x->got_header || x->got_unit || x->got_end) {
            err = take_found(x, ev);
            if (err < 0)
                return err;
            continue;
        }
        begins = begins_document(x);
        if (begins < 0)
            return 0;
        if (begins > 0 && (err = restart(x)) < 0)
            return err;
        switch (reader_run(&x->rd)) {
        case READER_MORE: return 0;
        case READER_PAUSED: break;
        case READER_FAULT:
            if (x->rd.fault.nomem)
                return GW_ERR(NOMEM);
            ev->client = x->client;
            fault_event(x, &x->rd.fault, ev);
            break;
        }
    }
    return 0;
}

/* ---- life ---- */

struct xp *xp_new(const struct rec_limits *limits, size_t header_bytes, size_t stanza_bytes)
{
    struct reader_limits rl = { header_bytes, TOKEN_BYTES > header_bytes ? TOKEN_BYTES : header_bytes, stanza_bytes };
    struct xp *x = calloc(1, sizeof *x);
    if (!x)
        return NULL;
    x->limits = *limits;
    x->st.limits = &x->limits;
    buf_init(&x->jid, JID_MAX);
    if (reader_init(&x->rd, &hooks, x, &rl, stanza_bytes + (1u << 20)) < 0) {
        xp_free(x);
        return NULL;
    }
    return x;
}

void xp_free(struct xp *x)
{
    if (!x)
        return;
    stanza_drop(&x->st);
    reader_clear(&x->rd);
    buf_clear(&x->jid);
    free(x);
}

int xp_identity(struct xp *x, struct str from, struct str to)
{
    const struct str v[2] = { from, to };
    for (int i = 0; i < 2; i++) {
        if (v[i].n > JID_MAX)
            return GW_ERR(LIMIT);
        x->has_identity[i] = v[i].n > 0;
        if (v[i].n)
            memcpy(x->identity[i], v[i].p, v[i].n);
        x->identity[i][v[i].n] = '\0';
    }
    return 0;
}

int xp_feed(struct xp *x, const void *p, size_t n) { return x->dead ? 0 : reader_feed(&x->rd, p, n); }

struct str xp_rest(const struct xp *x) { return buf_str(&x->rd.in); }
