/* SPDX-License-Identifier: GPL-3.0-or-later
 * What each thing that the peer does leads to: the actions of the transition table. */
#include "table.h"

static int write_raw(struct xs *s, const char *xml)
{
    struct xw w;
    xw_begin(&w, &s->out);
    xw_raw(&w, xml);
    return xw_end(&w);
}

int act_header(struct xs *s, struct xs_event *ev)
{
    ev->type = XS_HEADER;
    ev->from = s->peer_from;
    ev->to = s->peer_to;
    ev->id = s->peer_id;
    return 0;
}

/* ---- TLS ---- */

int act_want_tls(struct xs *s, struct xs_event *ev)
{
    features_read(s, ev);
    if (!(ev->offers & XS_OFFER_STARTTLS))
        return xs_refuse(s, "policy-violation", GW_R_TLS_FAILED, "STARTTLS is not offered", NULL);
    return write_raw(s, "<starttls xmlns='" NS_TLS "'/>");
}

/* Bytes behind the element that agrees on TLS would be read as if they had come under it (CVE-2011-0411 and its kind). */
static int injected(struct xs *s)
{
    return xs_refuse(s, "policy-violation", GW_R_TLS_INJECTION, "bytes behind starttls", NULL);
}

int act_starttls(struct xs *s, struct xs_event *ev)
{
    int err;
    if (reader_left(&s->rd) > 0) {
        xs_change_state(s, ST_CLEAR); /* nothing was agreed: the stream error still goes out in clear */
        return injected(s);
    }
    err = write_raw(s, "<proceed xmlns='" NS_TLS "'/>");
    ev->type = XS_STARTTLS;
    return err;
}

int act_handshake(struct xs *s, struct xs_event *ev)
{
    if (reader_left(&s->rd) > 0)
        return injected(s);
    ev->type = XS_STARTTLS;
    return 0;
}

int act_tls_failure(struct xs *s, struct xs_event *ev)
{
    (void)ev;
    return xs_refuse(s, "policy-violation", GW_R_TLS_FAILED, "the peer refused STARTTLS", NULL);
}

/* ---- features ---- */

int act_features(struct xs *s, struct xs_event *ev)
{
    features_read(s, ev);
    ev->type = XS_FEATURES;
    return 0;
}

int act_ready(struct xs *s, struct xs_event *ev)
{
    features_read(s, ev);
    ev->type = XS_READY;
    return 0;
}

/* ---- SASL ---- */

int act_auth(struct xs *s, struct xs_event *ev) { return sasl_auth(s, ev); }

int act_abort(struct xs *s, struct xs_event *ev)
{
    (void)ev;
    return sasl_fail(s, "aborted");
}

/* EXTERNAL sends all it has at once; a server that asks again gets an empty response. */
int act_challenge(struct xs *s, struct xs_event *ev)
{
    (void)ev;
    if (++s->tries >= AUTH_TRIES)
        return xs_refuse(s, "policy-violation", GW_R_AUTH_FAILED, "too many SASL challenges", NULL);
    return sasl_write(s, "response", "", STR(""), true);
}

int act_success(struct xs *s, struct xs_event *ev)
{
    int err = xs_restart(s);
    (void)ev;
    return err < 0 ? err : header_write(s, s->conf.from, s->conf.to, STR_NONE);
}

int act_sasl_failure(struct xs *s, struct xs_event *ev)
{
    sasl_failure_read(s, ev);
    return 0;
}

/* ---- dialback ---- */

int act_db_ask(struct xs *s, struct xs_event *ev) { return db_read(s, ev, false, false); }
int act_db_verify(struct xs *s, struct xs_event *ev) { return db_read(s, ev, true, false); }
int act_db_verified(struct xs *s, struct xs_event *ev) { return db_read(s, ev, true, true); }

int act_db_answer(struct xs *s, struct xs_event *ev)
{
    int err = db_read(s, ev, false, true);
    if (err == 0 && ev->type == XS_DB_RESULT && str_eq(ev->db_type, STR("valid")) && s->state == ST_OFFERED)
        xs_change_state(s, ST_READY);
    return err;
}

/* ---- stanzas, the end ---- */

int act_stanza(struct xs *s, struct xs_event *ev)
{
    ev->type = XS_STANZA;
    ev->stanza = s->st.r;
    ev->bytes = s->st_bytes;
    s->st.r = NULL;
    return 0;
}

int act_error(struct xs *s, struct xs_event *ev)
{
    ev->type = XS_PEER_ERROR;
    ev->condition = STR("undefined-condition");
    for (unsigned i = s->el.n; i-- > 1;) { /* the first child that is not <text/> */
        if (s->el.part[i].depth != 2 || !str_eq(s->el.part[i].ns, STR(NS_STREAM_ERRORS)))
            continue;
        if (nonza_is(&s->el, i, NS_STREAM_ERRORS, "text"))
            ev->text = nonza_text_of(&s->el, i);
        else
            ev->condition = s->el.part[i].name;
    }
    return header_end(s);
}
