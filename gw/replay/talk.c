/* SPDX-License-Identifier: GPL-3.0-or-later
 * From bytes in order to stanzas: whether a direction speaks XMPP, when it becomes unreadable (STARTTLS, TLS, compression), and where
 * to go on behind a gap. */
#include "impl.h"
#include "jid.h"

#define HEADER_BYTES (16 * 1024) /* of a stream header */
#define XP_COST (48 * 1024)      /* counted for one parser */
#define WAIT_MAX (64 * 1024)     /* bytes kept undecided */
#define TAIL 64                  /* bytes of what was passed over that are kept: an end tag with the white space behind it */
#define SEEK_MAX (1u << 20)      /* passed over without a stanza: given up; on a port that is not XMPP's much earlier */
#define SEEK_MAX_ELSEWHERE (16 * 1024)
#define WRONG_MAX 16             /* wrong guesses of where a stanza begins */

static void change(struct replay *r, struct flow *f, int dir, enum talk_state to)
{
    struct talk *t = &f->talk[dir];
    t->state = to;
    if (to != TALK_SEEK && to != TALK_SNIFF && to != TALK_ASKED) {
        r->memory -= buf_size(&t->wait);
        buf_clear(&t->wait);
    }
    if (to != TALK_XML && to != TALK_SEEK && t->xp) {
        xp_free(t->xp);
        t->xp = NULL;
        r->memory -= XP_COST;
    }
}

static int keep(struct replay *r, struct talk *t, struct str b)
{
    int err;
    t->wait.max = WAIT_MAX;
    err = buf_puts(&t->wait, b);
    if (err == 0)
        r->memory += b.n;
    else if (err == GW_ERR(NOMEM))
        replay_fail(r, err);
    return err;
}

static void drop_wait(struct replay *r, struct talk *t, size_t n)
{
    r->memory -= n;
    buf_drop(&t->wait, n);
}

static bool interesting(const struct flow *f) { return f->xmpp || f->port; }

static void give_up(struct replay *r, struct flow *f, int dir, enum replay_note note, const char *detail)
{
    if (interesting(f))
        replay_note(r, f, dir, note, GW_R_NONE, detail, 0);
    change(r, f, dir, TALK_OVER);
}

/* Once for a connection. */
static void not_xmpp(struct replay *r, struct flow *f, int dir, enum gw_reason reason, const char *detail)
{
    if (f->port && !f->said_other)
        replay_note(r, f, dir, REPLAY_N_NOT_XMPP, reason, detail, 0);
    f->said_other = true;
}

/* A TLS record (RFC 8446 section 5.1): its type, and 3 as the first byte of its version. */
static bool tls_record(struct str s) { return s.n >= 3 && s.p[0] >= 20 && s.p[0] <= 23 && s.p[1] == 3 && s.p[2] >= 0 && s.p[2] <= 4; }

/* ---- encrypted ---- */

static void opaque(struct replay *r, struct flow *f, int dir, bool expect_tls)
{
    change(r, f, dir, TALK_OPAQUE);
    f->talk[dir].expect_tls = expect_tls;
}

/* Nothing is believed: bytes behind <proceed/> that are no TLS are an attack, or the capture is not what it seems. */
static void first_encrypted(struct replay *r, struct flow *f, int dir, struct str b)
{
    struct talk *t = &f->talk[dir];
    if (!t->expect_tls || b.n == 0)
        return;
    t->expect_tls = false;
    if (b.p[0] != 22 && b.p[0] != 21)
        replay_note(r, f, dir, REPLAY_N_INJECTED, GW_R_TLS_INJECTION, "", 0);
}

/* <proceed/> was said by dir. */
static void starttls(struct replay *r, struct flow *f, int dir)
{
    struct talk *t = &f->talk[dir], *other = &f->talk[1 - dir];
    struct str rest = xp_rest(t->xp);
    char first = rest.n ? rest.p[0] : 0, asked = buf_size(&other->wait) ? (char)buf_data(&other->wait)[0] : 0;
    bool had = rest.n > 0, answered = other->state == TALK_ASKED, waited = answered && buf_size(&other->wait) > 0;
    replay_note(r, f, dir, REPLAY_N_STARTTLS, GW_R_NONE, "", 0);
    f->encrypted = true;
    opaque(r, f, dir, true);
    if (had)
        first_encrypted(r, f, dir, (struct str){ &first, 1 });
    if (other->state == TALK_OVER || other->state == TALK_OPAQUE)
        return;
    opaque(r, f, 1 - dir, answered);
    if (waited)
        first_encrypted(r, f, 1 - dir, (struct str){ &asked, 1 });
}

static void compressed(struct replay *r, struct flow *f, int dir)
{
    replay_note(r, f, dir, REPLAY_N_COMPRESSED, GW_R_NONE, "", 0);
    opaque(r, f, dir, false);
    if (f->talk[1 - dir].state != TALK_OVER)
        opaque(r, f, 1 - dir, false);
}

/* ---- stanzas ---- */

/* A server told its client the address: from now on absent addresses are known (RFC 6120 section 8.1). */
static void bound(struct replay *r, struct flow *f, int dir, struct str raw)
{
    struct jid j;
    int err = 0;
    if (jid_prepare(raw, &j) != 0)
        return;
    if (f->talk[dir].xp)
        err = xp_identity(f->talk[dir].xp, j.bare, j.full);
    if (err == 0 && f->talk[1 - dir].xp)
        err = xp_identity(f->talk[1 - dir].xp, j.full, j.bare);
    if (err < 0)
        replay_fail(r, err);
}

/* In a client stream without its beginning: the server writes to one full address, that of its client. */
static void learn_client(struct replay *r, struct flow *f, int dir, const struct rec *stanza)
{
    struct str local, domain, resource;
    bool server = f->end[dir].port == 5222 || f->end[dir].port == 5223;
    jid_split(stanza->to, &local, &domain, &resource);
    if (f->learned || !f->talk[dir].guessed || !server || local.n == 0 || resource.n == 0)
        return;
    f->learned = true;
    bound(r, f, dir, stanza->to);
}

static void fault(struct replay *r, struct flow *f, int dir, const struct xp_event *ev)
{
    struct talk *t = &f->talk[dir];
    if (t->guessed) {
        if (++t->wrong > WRONG_MAX) {
            give_up(r, f, dir, REPLAY_N_LOST, "");
            return;
        }
        change(r, f, dir, TALK_SEEK);
        return;
    }
    if (t->header)
        replay_note(r, f, dir, REPLAY_N_FAULT, ev->reason, ev->detail, 0);
    else
        not_xmpp(r, f, dir, ev->reason, ev->detail);
    change(r, f, dir, TALK_OVER);
}

static void asked(struct replay *r, struct flow *f, int dir)
{
    struct talk *t = &f->talk[dir];
    struct str rest = xp_rest(t->xp);
    t->state = TALK_ASKED;
    if (rest.n && keep(r, t, rest) < 0) {
        give_up(r, f, dir, REPLAY_N_LIMIT, "too many bytes behind starttls");
        return;
    }
    change(r, f, dir, TALK_ASKED);
}

static void one_event(struct replay *r, struct flow *f, int dir, struct xp_event *ev)
{
    struct talk *t = &f->talk[dir];
    switch (ev->type) {
    case XP_HEADER:
        t->header = f->xmpp = true;
        t->client = ev->client;
        t->guessed = false;
        break;
    case XP_STANZA:
        f->xmpp = true;
        if (ev->client) {
            t->client = true;
            learn_client(r, f, dir, ev->stanza);
        }
        replay_stanza(r, f, dir, ev->stanza, ev->bytes);
        break;
    case XP_BAD: replay_bad_stanza(r, f, dir, ev); break;
    case XP_STARTTLS: asked(r, f, dir); break;
    case XP_PROCEED: starttls(r, f, dir); break;
    case XP_COMPRESSED: compressed(r, f, dir); break;
    case XP_BOUND: bound(r, f, dir, ev->to); break;
    case XP_FAULT: fault(r, f, dir, ev); break;
    case XP_CLOSE:
    case XP_OTHER:
    case XP_NONE: break;
    }
}

static void run(struct replay *r, struct flow *f, int dir)
{
    struct xp_event ev;
    while (r->err == 0 && f->talk[dir].state == TALK_XML) {
        int err = xp_next(f->talk[dir].xp, &ev);
        if (err < 0)
            replay_fail(r, err);
        if (err < 0 || ev.type == XP_NONE)
            return;
        one_event(r, f, dir, &ev);
    }
}

static void read_xml(struct replay *r, struct flow *f, int dir, struct str b)
{
    while (b.n > 0 && r->err == 0 && f->talk[dir].state == TALK_XML) {
        size_t n = b.n < WAIT_MAX ? b.n : WAIT_MAX;
        int err = xp_feed(f->talk[dir].xp, b.p, n);
        if (err == GW_ERR(LIMIT))
            give_up(r, f, dir, REPLAY_N_LIMIT, "too many bytes wait to be read");
        else if (err < 0)
            replay_fail(r, err);
        else
            run(r, f, dir);
        b.p += n;
        b.n -= n;
    }
}

static bool open_xml(struct replay *r, struct flow *f, int dir)
{
    struct talk *t = &f->talk[dir];
    if (!t->xp) {
        t->xp = xp_new(&r->conf.limits, HEADER_BYTES, r->conf.stanza_bytes);
        if (!t->xp) {
            replay_fail(r, GW_ERR(NOMEM));
            return false;
        }
        r->memory += XP_COST;
    }
    return true;
}

/* ---- the beginning ---- */

static void sniff(struct replay *r, struct flow *f, int dir, bool last)
{
    struct talk *t = &f->talk[dir];
    struct str s = buf_str(&t->wait);
    char text[HELLO_TEXT];
    bool xmpp;
    int hello;
    if (s.n == 0)
        return;
    if (strchr("< \t\r\n", s.p[0]) || (unsigned char)s.p[0] >= 0x80) { /* also what is XML in an encoding that XMPP forbids */
        struct buf wait = t->wait;
        t->wait = (struct buf){ .max = WAIT_MAX };
        r->memory -= s.n;
        t->state = TALK_XML;
        if (open_xml(r, f, dir))
            read_xml(r, f, dir, s);
        buf_clear(&wait);
        return;
    }
    hello = hello_read(s, text, &xmpp);
    if (hello == 0 && !last && s.n < WAIT_MAX / 2)
        return;
    if (hello == 1 || (hello == 0 && last) || tls_record(s)) {
        struct talk *other = &f->talk[1 - dir];
        bool first = !f->encrypted;
        if ((f->port || xmpp) && first) {
            f->encrypted = true;
            replay_note(r, f, dir, REPLAY_N_DIRECT_TLS, GW_R_NONE, text, 0);
        }
        opaque(r, f, dir, false);
        if (other->state == TALK_SNIFF || other->state == TALK_SEEK)
            opaque(r, f, 1 - dir, false);
        return;
    }
    not_xmpp(r, f, dir, GW_R_NONE, "");
    change(r, f, dir, TALK_OVER);
}

/* ---- behind a gap ---- */

static bool client_guess(const struct flow *f, int dir)
{
    if (f->talk[dir].header || f->talk[1 - dir].header)
        return f->talk[dir].client || f->talk[1 - dir].client;
    return f->end[0].port == 5222 || f->end[1].port == 5222 || f->end[0].port == 5223 || f->end[1].port == 5223;
}

static void go_on(struct replay *r, struct flow *f, int dir, struct str b)
{
    struct talk *t = &f->talk[dir];
    int err;
    if (!open_xml(r, f, dir))
        return;
    err = xp_middle(t->xp, client_guess(f, dir));
    if (err < 0) {
        replay_fail(r, err);
        return;
    }
    if (t->middle)
        replay_note(r, f, dir, REPLAY_N_MIDDLE, GW_R_NONE, "", 0);
    t->middle = false;
    t->guessed = true;
    t->sought = 0;
    t->state = TALK_XML;
    read_xml(r, f, dir, b);
}

static void seek(struct replay *r, struct flow *f, int dir, struct str b, bool fresh)
{
    struct talk *t = &f->talk[dir];
    size_t fresh_at = fresh ? buf_size(&t->wait) : SIZE_MAX, at;
    struct str s;
    if (fresh && tls_record(b)) {
        if (interesting(f) && !f->encrypted)
            replay_note(r, f, dir, REPLAY_N_MIDDLE_TLS, GW_R_NONE, "", 0);
        f->encrypted = f->encrypted || interesting(f);
        opaque(r, f, dir, false);
        return;
    }
    while (b.n > 0 && t->state == TALK_SEEK) {
        size_t n = b.n < WAIT_MAX / 2 ? b.n : WAIT_MAX / 2;
        if (keep(r, t, (struct str){ b.p, n }) < 0)
            return;
        b.p += n;
        b.n -= n;
        t->sought += n;
        s = buf_str(&t->wait);
        if (seek_beginning(s, fresh_at, &at)) {
            struct buf wait = t->wait;
            t->wait = (struct buf){ .max = WAIT_MAX };
            r->memory -= s.n;
            go_on(r, f, dir, (struct str){ s.p + at, s.n - at });
            buf_clear(&wait);
            if (t->state == TALK_XML)
                read_xml(r, f, dir, b);
            return;
        }
        if (s.n > TAIL)
            drop_wait(r, t, s.n - TAIL);
        fresh_at = SIZE_MAX;
    }
    if (t->sought > (interesting(f) ? SEEK_MAX : SEEK_MAX_ELSEWHERE))
        give_up(r, f, dir, REPLAY_N_LOST, "");
}

/* ---- from outside ---- */

static void while_asked(struct replay *r, struct flow *f, int dir, struct str b)
{
    struct talk *t = &f->talk[dir];
    if (keep(r, t, b) < 0) {
        give_up(r, f, dir, REPLAY_N_LIMIT, "too many bytes behind starttls");
        return;
    }
    if (!tls_record(buf_str(&t->wait)))
        return;
    /* a handshake begins: the answer was not captured */
    if (!f->encrypted)
        replay_note(r, f, dir, REPLAY_N_STARTTLS, GW_R_NONE, "", 0);
    f->encrypted = true;
    opaque(r, f, dir, false);
}

void talk_bytes(struct replay *r, struct flow *f, int dir, struct str b, bool fresh)
{
    struct talk *t = &f->talk[dir];
    switch (t->state) {
    case TALK_SNIFF:
        if (keep(r, t, b) < 0)
            give_up(r, f, dir, REPLAY_N_NOT_XMPP, "");
        else
            sniff(r, f, dir, false);
        break;
    case TALK_XML: read_xml(r, f, dir, b); break;
    case TALK_SEEK: seek(r, f, dir, b, fresh); break;
    case TALK_ASKED: while_asked(r, f, dir, b); break;
    case TALK_OPAQUE: first_encrypted(r, f, dir, b); break;
    case TALK_OVER: break;
    }
}

void talk_gap(struct replay *r, struct flow *f, int dir, uint64_t missing)
{
    struct talk *t = &f->talk[dir];
    if (t->state == TALK_OPAQUE || t->state == TALK_OVER) {
        t->expect_tls = false;
        return;
    }
    if (missing == 0)
        t->middle = true;
    else if (interesting(f))
        replay_note(r, f, dir, REPLAY_N_GAP, GW_R_NONE, "", missing);
    drop_wait(r, t, buf_size(&t->wait));
    t->sought = 0;
    change(r, f, dir, TALK_SEEK);
}

void talk_end(struct replay *r, struct flow *f, int dir)
{
    struct talk *t = &f->talk[dir];
    if (t->state == TALK_SNIFF)
        sniff(r, f, dir, true);
    if (t->state == TALK_SEEK && t->sought > 0)
        give_up(r, f, dir, REPLAY_N_LOST, "");
    else if (t->state == TALK_ASKED && buf_size(&t->wait) > 0)
        replay_note(r, f, dir, REPLAY_N_INJECTED, GW_R_TLS_INJECTION, "no answer to starttls", 0);
}

void talk_clear(struct replay *r, struct talk *t)
{
    r->memory -= buf_size(&t->wait);
    buf_clear(&t->wait);
    if (t->xp)
        r->memory -= XP_COST;
    xp_free(t->xp);
    t->xp = NULL;
}
