/* SPDX-License-Identifier: GPL-3.0-or-later
 * The stream itself: from parser callbacks to inputs of the transition table, from there to events. */
#include <stdlib.h>
#include <sys/random.h>

#include "log.h"
#include "table.h"

#define HEADER_BYTES 8192u
#define STANZA_BYTES 262144u
#define TOKEN_BYTES 65536u
#define RENEW_BYTES 262144u    /* at most some 5 MiB of names that expat keeps */
#define WAITING_MAX (1 << 20)  /* bytes fed and not read yet */
#define OUT_MAX (64u << 20)    /* the largest record, escaped; the caller's credits bound it long before */
#define HEAD_MAX 65536u
#define TRIM_BYTES 65536u

static const char *state_name(enum xs_state st)
{
    static const char *const names[] = {
#define X(name, text) text,
        XS_STATES(X)
#undef X
    };
    return names[st];
}

void xs_change_state(struct xs *s, enum xs_state to)
{
    if (to == s->state)
        return;
    log_debug("stream: %s -> %s", state_name(s->state), state_name(to));
    s->state = to;
    if (to == ST_READY)
        s->rd.limits.unit = s->conf.stanza_bytes;
}

static const struct xs_cell *cell(const struct xs *s, enum xs_input in) { return &xs_table[s->conf.role][s->state][in]; }

/* The caller's input: PROTO in a blank cell. */
static int step(struct xs *s, enum xs_input in)
{
    const struct xs_cell *c = cell(s, in);
    if (c->next == ST_BLANK)
        return GW_ERR(PROTO);
    xs_change_state(s, c->next);
    return 0;
}

/* ---- callbacks of the reader ---- */

/* Nothing of the peer's is looked at any more, but its end tag. */
static bool deaf(const struct xs *s) { return s->state == ST_LEAVING || s->state == ST_DONE; }

static void begin_stanza(struct xs *s)
{
    s->unit = UNIT_STANZA;
    if (s->el.part) /* negotiated: most streams carry nothing but stanzas from here on */
        nonza_clear(&s->el);
    s->st.fault = (struct fault){ NULL, GW_R_NONE, NULL, false };
    s->st.elements = 0;
    s->st.r = rec_new(&s->conf.limits);
    if (!s->st.r)
        reader_nomem(&s->rd);
}

static void on_start(void *who, unsigned depth, const struct xml_name *n, const char **atts)
{
    struct xs *s = who;
    if (depth == 1) {
        header_read(s, n, atts);
        reader_pause(&s->rd);
        return;
    }
    if (depth > XML_DEPTH_MAX) {
        reader_fail(&s->rd, "policy-violation", GW_R_STREAM_LIMIT, "elements nested too deep");
        return;
    }
    if (depth == 2) {
        s->unit = UNIT_NONE;
        if (deaf(s))
            return;
        if (!stanza_is(n, false)) {
            s->unit = UNIT_NONZA;
            nonza_reset(&s->el);
        } else if (cell(s, IN_STANZA)->next == ST_BLANK) {
            reader_fail(&s->rd, "not-authorized", GW_R_STREAM_PROTOCOL, "a stanza that was not due");
            return;
        } else {
            begin_stanza(s);
        }
    }
    if (s->unit == UNIT_STANZA)
        stanza_start(&s->st, depth - 1, n, atts);
    else if (s->unit == UNIT_NONZA)
        nonza_start(&s->el, n, atts);
}

static void on_end(void *who, unsigned depth)
{
    struct xs *s = who;
    if (depth == 1) {
        s->got_end = true;
        reader_pause(&s->rd);
        return;
    }
    if (s->unit == UNIT_STANZA)
        stanza_end(&s->st);
    else if (s->unit == UNIT_NONZA)
        nonza_end(&s->el);
    if (depth == 2 && s->unit != UNIT_NONE) {
        s->got_unit = true;
        s->st_bytes = reader_size(&s->rd);
        reader_pause(&s->rd);
    }
}

static void on_text(void *who, unsigned depth, struct str text)
{
    struct xs *s = who;
    if (depth > 1) {
        if (s->unit == UNIT_STANZA)
            stanza_text(&s->st, text);
        else if (s->unit == UNIT_NONZA)
            nonza_text(&s->el, text);
        return;
    }
    for (size_t i = 0; i < text.n; i++)
        if (!strchr(" \t\r\n", text.p[i]) && !deaf(s)) {
            reader_fail(&s->rd, "bad-format", GW_R_STREAM_PROTOCOL, "text between stanzas");
            return;
        }
    s->got_space = true;
}

static void on_root_ns(void *who, struct str prefix, struct str uri) { header_ns(who, prefix, uri); }

static const struct reader_hooks hooks = { on_start, on_end, on_text, on_root_ns };

/* ---- ending with an error ---- */

/* RFC 6120 section 4.9.1.2: an error about the header comes inside a stream all the same. */
static int open_for_error(struct xs *s, const char *condition)
{
    unsigned char r[16];
    char id[33] = "";
    struct str from = s->conf.from;
    if (s->header_out)
        return 0;
    if (s->conf.role == XS_INITIATING)
        return header_write(s, s->conf.from, s->conf.to, STR_NONE);
    if (s->peer_to.n && strcmp(condition, "host-unknown") != 0)
        from = s->peer_to;
    if (getrandom(r, sizeof r, GRND_NONBLOCK) == (ssize_t)sizeof r)
        for (size_t i = 0; i < sizeof r; i++) {
            id[2 * i] = "0123456789abcdef"[r[i] >> 4];
            id[2 * i + 1] = "0123456789abcdef"[r[i] & 15];
        }
    return header_write(s, from, s->peer_from, str_c(id));
}

static int write_error(struct xs *s, const char *condition, const char *text)
{
    struct xw w;
    int err = open_for_error(s, condition);
    if (err < 0)
        return err;
    xw_begin(&w, &s->out);
    xw_raw(&w, "<stream:error><");
    xw_raw(&w, condition);
    xw_raw(&w, " xmlns='" NS_STREAM_ERRORS "'/>");
    if (text) {
        xw_raw(&w, "<text xmlns='" NS_STREAM_ERRORS "' xml:lang='en'>");
        xw_text(&w, str_c(text));
        xw_raw(&w, "</text>");
    }
    xw_raw(&w, "</stream:error>");
    err = xw_end(&w);
    return err < 0 ? err : header_end(s);
}

int xs_refuse(struct xs *s, const char *condition, enum gw_reason reason, const char *detail, const char *text)
{
    int err = 0;
    if (s->state == ST_DONE)
        return 0;
    if (s->state != ST_HANDSHAKE && !s->end_out) /* in a handshake no XML may be written */
        err = write_error(s, condition, text);
    stanza_drop(&s->st);
    s->failed = true;
    s->fail = (struct fault){ condition, reason, detail, false };
    xs_change_state(s, ST_DONE);
    return err == GW_ERR(LIMIT) ? 0 : err; /* a full output: the peer will see the end all the same */
}

/* ---- from a complete element to an event ---- */

static enum xs_input classify(const struct xs *s)
{
    const struct nonza *z = &s->el;
    if (nonza_is(z, 0, XS_NS_STREAM, "features"))
        return IN_FEATURES;
    if (nonza_is(z, 0, XS_NS_STREAM, "error"))
        return IN_ERROR;
    if (nonza_is(z, 0, NS_TLS, "starttls"))
        return IN_STARTTLS;
    if (nonza_is(z, 0, NS_TLS, "proceed"))
        return IN_PROCEED;
    if (nonza_is(z, 0, NS_TLS, "failure"))
        return IN_TLS_FAILURE;
    if (str_eq(z->part[0].ns, STR(NS_SASL)))
        return sasl_classify(z);
    enum xs_input in = manage_classify(s);
    return in == IN_OTHER && s->conf.dialback ? db_classify(z) : in;
}

static int out_of_place(struct xs *s, enum xs_input in)
{
    const struct xml_name n = { STR(XS_NS_SERVER), s->el.part[0].name, STR_NONE };
    struct str ns = s->el.part[0].ns;
    if (in != IN_OTHER)
        return xs_refuse(s, "policy-violation", GW_R_STREAM_PROTOCOL, "a negotiation element out of place", NULL);
    if (stanza_is(&n, false) && (ns.n == 0 || str_eq(ns, STR(NS_CLIENT))))
        return xs_refuse(s, "invalid-namespace", GW_R_STREAM_PROTOCOL, "a stanza in the wrong namespace", NULL);
    return xs_refuse(s, "unsupported-stanza-type", GW_R_STREAM_PROTOCOL, "an element that is neither stanza nor known", NULL);
}

static int peer_input(struct xs *s, enum xs_input in, struct xs_event *ev)
{
    const struct xs_cell *c = cell(s, in);
    if (c->next == ST_BLANK)
        return out_of_place(s, in);
    xs_change_state(s, c->next);
    return c->act ? c->act(s, ev) : 0;
}

static int refuse_fault(struct xs *s, const struct fault *f)
{
    int err;
    if (f->nomem)
        s->err = GW_ERR(NOMEM);
    err = xs_refuse(s, f->condition, f->reason, f->detail, NULL);
    return s->err < 0 ? s->err : err;
}

/* The stream need not end for a stanza that is well-formed and only too much. */
static bool spare(struct xs *s, struct xs_event *ev)
{
    struct rec *heads = stanza_heads(&s->st);
    if (!heads)
        return false;
    stanza_drop(&s->st);
    s->st.r = heads;
    ev->reason = s->st.fault.reason;
    ev->detail = s->st.fault.detail;
    return true;
}

static int take_unit(struct xs *s, struct xs_event *ev)
{
    bool stanza = s->unit == UNIT_STANZA;
    const struct fault *f = stanza ? &s->st.fault : &s->el.fault;
    int err;
    s->unit = UNIT_NONE;
    if (deaf(s)) {
        stanza_drop(&s->st);
        return 0;
    }
    if (f->condition && !(stanza && s->conf.spare_stream && spare(s, ev)))
        return refuse_fault(s, f);
    err = peer_input(s, stanza ? IN_STANZA : classify(s), ev);
    stanza_drop(&s->st);
    return err;
}

/* The stream goes on only when the caller has done something. */
static bool caller_is_due(const struct xs *s)
{
    switch ((int)s->state) {
    case ST_NEW:
    case ST_ASKED_CLEAR:
    case ST_ASKED_TLS:
    case ST_ASKED_AUTH:
    case ST_HANDSHAKE: return true;
    case ST_PROVING: return s->conf.role == XS_RECEIVING;
    default: return false;
    }
}

static int fail_event(struct xs *s, struct xs_event *ev)
{
    s->failed = false;
    ev->type = XS_FAIL;
    ev->condition = str_c(s->fail.condition);
    ev->reason = s->fail.reason;
    ev->detail = s->fail.detail;
    ev->stanza = NULL;
    return 0;
}

/* Works on what the last run of the reader found. Returns 1 when there was nothing. */
static int take_found(struct xs *s, struct xs_event *ev)
{
    if (s->got_header) {
        s->got_header = false;
        if (deaf(s))
            return 0;
        return s->header_fault.condition ? refuse_fault(s, &s->header_fault) : peer_input(s, IN_HEADER, ev);
    }
    if (s->got_unit) {
        s->got_unit = false;
        return take_unit(s, ev);
    }
    if (s->got_end) {
        s->got_end = false;
        ev->type = XS_CLOSE;
        int err = header_end(s);
        xs_change_state(s, ST_DONE);
        return err;
    }
    if (s->got_space) {
        s->got_space = false;
        ev->type = XS_SPACE;
        return 0;
    }
    return 1;
}

/* After a burst an idle stream should not sit on the memory. */
static void trim(struct buf *b)
{
    if (buf_size(b) == 0 && b->cap > TRIM_BYTES)
        buf_clear(b);
}

int xs_next(struct xs *s, struct xs_event *ev)
{
    memset(ev, 0, sizeof *ev);
    trim(&s->out);
    trim(&s->rd.in);
    while (s->err == 0 && ev->type == XS_NONE) {
        int err;
        if (s->failed)
            return fail_event(s, ev);
        if (s->state == ST_DONE)
            return 0;
        if (s->say_ready) {
            s->say_ready = false;
            ev->type = XS_READY;
            return 0;
        }
        if (s->state == ST_HANDSHAKE && reader_left(&s->rd) > 0) {
            err = xs_refuse(s, "policy-violation", GW_R_TLS_INJECTION, "bytes behind starttls", NULL);
        } else if (caller_is_due(s)) {
            return 0;
        } else {
            err = take_found(s, ev);
            if (err > 0) {
                enum reader_result got = reader_run(&s->rd);
                if (got == READER_MORE && !s->got_space)
                    return 0;
                err = got == READER_FAULT ? refuse_fault(s, &s->rd.fault) : 0;
            }
        }
        if (err < 0)
            s->err = err;
        if (s->failed)
            memset(ev, 0, sizeof *ev); /* an action that refused may have filled in something before */
    }
    return s->err;
}

/* ---- life ---- */

static int prepare(struct xs *s, const struct xs_conf *conf)
{
    struct reader_limits limits;
    size_t from = conf->from.n, to = conf->to.n;
    int err;
    s->conf = *conf;
    if (!s->conf.header_bytes)
        s->conf.header_bytes = HEADER_BYTES;
    if (!s->conf.stanza_bytes)
        s->conf.stanza_bytes = STANZA_BYTES;
    if (s->conf.stanza_bytes < s->conf.header_bytes) /* bytes of the header's allowance may already be read behind it */
        s->conf.stanza_bytes = s->conf.header_bytes;
    s->names = malloc(from + to + 1);
    if (!s->names)
        return GW_ERR(NOMEM);
    if (from)
        memcpy(s->names, conf->from.p, from);
    if (to)
        memcpy(s->names + from, conf->to.p, to);
    s->conf.from = (struct str){ s->names, from };
    s->conf.to = (struct str){ s->names + from, to };
    s->external = conf->offer_external;
    s->peer_default_ns = true;
    s->st.limits = &s->conf.limits;
    s->st.name_max = conf->name_bytes;
    s->st.text_max = conf->text_bytes;
    s->st.children_max = conf->children;
    s->state = conf->role == XS_INITIATING ? ST_NEW : conf->offer_starttls ? ST_HEAD_CLEAR : ST_HEAD_TLS;
    buf_init(&s->out, OUT_MAX);
    buf_init(&s->scratch, s->conf.header_bytes);
    arena_init(&s->head, HEAD_MAX);
    nonza_init(&s->el, s->conf.header_bytes);
    limits.header = s->conf.header_bytes;
    limits.unit = s->conf.header_bytes; /* until authenticated */
    limits.token = conf->token_bytes ? conf->token_bytes : TOKEN_BYTES;
    if (limits.token < limits.header)
        limits.token = limits.header;
    if (!reader_expat_fit())
        log_error("this expat is older than 2.4.5 and unsafe with namespaces (CVE-2022-25236)");
    err = reader_init(&s->rd, &hooks, s, &limits, WAITING_MAX);
    s->rd.renew = s->conf.stanza_bytes < RENEW_BYTES ? s->conf.stanza_bytes : RENEW_BYTES;
    return err;
}

struct xs *xs_new(const struct xs_conf *conf)
{
    struct xs *s = calloc(1, sizeof *s);
    if (s && prepare(s, conf) < 0) {
        xs_free(s);
        s = NULL;
    }
    return s;
}

void xs_free(struct xs *s)
{
    if (!s)
        return;
    stanza_drop(&s->st);
    reader_clear(&s->rd);
    nonza_clear(&s->el);
    buf_clear(&s->out);
    buf_clear(&s->scratch);
    arena_clear(&s->head);
    db_forget_all(s);
    free(s->at_rest);
    free(s->names);
    free(s->id);
    free(s);
}

int xs_restart(struct xs *s)
{
    s->header_out = s->end_out = false;
    s->got_header = s->got_unit = s->got_end = s->got_space = false;
    s->peer_default_ns = true;
    s->peer_db = false;
    s->peer_from = s->peer_to = s->peer_id = STR_NONE;
    s->n_theirs = 0;
    free(s->at_rest);
    s->at_rest = NULL;
    arena_reset(&s->head);
    db_forget_all(s);
    return reader_restart(&s->rd);
}

/* The header's names move out of their arena, whose smallest chunk is many times their size. */
static void compact_head(struct xs *s)
{
    struct str *v[] = { &s->peer_from, &s->peer_to, &s->peer_id };
    size_t n = s->peer_from.n + s->peer_to.n + s->peer_id.n;
    char *to = s->at_rest ? NULL : malloc(n + 1);
    if (!to)
        return;
    s->at_rest = to;
    for (size_t i = 0; i < sizeof v / sizeof *v; i++) {
        if (!v[i]->p)
            continue;
        memcpy(to, v[i]->p, v[i]->n);
        v[i]->p = to;
        to += v[i]->n;
    }
    arena_clear(&s->head);
}

void xs_rest(struct xs *s)
{
    if (s->state != ST_READY || s->err || s->failed || s->got_header || s->got_unit || s->got_end || s->st.r)
        return;
    reader_rest(&s->rd);
    if (s->rd.p)
        return;
    nonza_clear(&s->el);
    buf_clear(&s->scratch);
    if (buf_size(&s->out) == 0)
        buf_clear(&s->out);
    compact_head(s);
}

int xs_feed(struct xs *s, const void *p, size_t n)
{
    return s->state == ST_DONE ? 0 : reader_feed(&s->rd, p, n);
}

struct buf *xs_out(struct xs *s) { return &s->out; }

/* ---- what the caller says ---- */

int xs_start(struct xs *s)
{
    int err = step(s, DO_START);
    if (err == 0 && !s->conf.offer_starttls)
        xs_change_state(s, ST_HEAD_TLS);
    return err < 0 ? err : header_write(s, s->conf.from, s->conf.to, STR_NONE);
}

int xs_accept(struct xs *s, struct str local, struct str id)
{
    int err;
    char *copy;
    if (cell(s, DO_ACCEPT)->next == ST_BLANK)
        return GW_ERR(PROTO);
    copy = strndup(id.p ? id.p : "", id.n);
    if (!copy)
        return GW_ERR(NOMEM);
    free(s->id);
    s->id = copy;
    err = header_write(s, local, s->peer_from, id);
    if (err == 0)
        err = features_write(s);
    if (err < 0)
        return err;
    s->say_ready = s->state == ST_ASKED_AUTH;
    return step(s, DO_ACCEPT);
}

int xs_tls_done(struct xs *s)
{
    int err;
    if (cell(s, DO_TLS_DONE)->next == ST_BLANK)
        return GW_ERR(PROTO);
    if (reader_left(&s->rd) > 0)
        return xs_refuse(s, "policy-violation", GW_R_TLS_INJECTION, "bytes behind starttls", NULL);
    err = step(s, DO_TLS_DONE);
    if (err == 0)
        err = xs_restart(s);
    if (err == 0 && s->conf.role == XS_INITIATING)
        err = header_write(s, s->conf.from, s->conf.to, STR_NONE);
    return err;
}

void xs_set_external(struct xs *s, bool offer) { s->external = offer; }

int xs_auth(struct xs *s, bool ok, const char *failure)
{
    int err;
    if (cell(s, ok ? DO_AUTH_OK : DO_AUTH_NO)->next == ST_BLANK)
        return GW_ERR(PROTO);
    if (!ok)
        return sasl_fail(s, failure ? failure : "not-authorized");
    err = sasl_write(s, "success", "", STR(""), false);
    if (err == 0)
        err = step(s, DO_AUTH_OK);
    return err < 0 ? err : xs_restart(s);
}

int xs_external(struct xs *s, struct str authzid)
{
    int err = step(s, DO_EXTERNAL);
    return err < 0 ? err : sasl_write(s, "auth", " mechanism='EXTERNAL'", authzid, true);
}

static int ask(struct xs *s, bool verify, struct str from, struct str to, struct str id, struct str key)
{
    int err = step(s, DO_DB_ASK);
    if (err == 0)
        err = db_remember(s, verify, from, to, id);
    return err < 0 ? err : db_write(s, verify, from, to, id, key, NULL, NULL);
}

int xs_db_result(struct xs *s, struct str from, struct str to, struct str key) { return ask(s, false, from, to, STR_NONE, key); }

int xs_db_verify(struct xs *s, struct str from, struct str to, struct str id, struct str key)
{
    return ask(s, true, from, to, id, key);
}

int xs_db_reply(struct xs *s, bool verify, struct str from, struct str to, struct str id, const char *type, const char *condition)
{
    enum xs_input in = !verify && strcmp(type, "valid") == 0 ? DO_DB_VALID : DO_DB_REPLY;
    int err;
    if (s->n_theirs == 0) /* the document in which it was asked is over: nobody waits for this */
        return 0;
    s->n_theirs--;
    if (cell(s, in)->next == ST_BLANK)
        return 0;
    err = db_write(s, verify, from, to, id, STR_NONE, type, condition);
    return err < 0 ? err : step(s, in);
}

int xs_write(struct xs *s, struct str stanza)
{
    int err = step(s, DO_WRITE);
    return err < 0 ? err : buf_puts(&s->out, stanza);
}

int xs_space(struct xs *s)
{
    if (cell(s, DO_SPACE)->next == ST_BLANK) /* during negotiation white space would do harm, and nothing is lost without it */
        return 0;
    return buf_put(&s->out, " ", 1);
}

int xs_fail(struct xs *s, const char *condition, enum gw_reason reason, const char *text)
{
    return xs_refuse(s, condition, reason, NULL, text);
}

int xs_end(struct xs *s)
{
    int err;
    if (s->state == ST_DONE)
        return 0;
    err = step(s, DO_END);
    return err < 0 ? err : header_end(s);
}

struct str xs_peer_id(const struct xs *s) { return s->peer_id; }
struct str xs_own_id(const struct xs *s) { return str_c(s->id); }
