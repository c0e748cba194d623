/* SPDX-License-Identifier: GPL-3.0-or-later
 * Dialback elements on an inbound stream (XEP-0220, XEP-0344): further pairs, each proven by certificate or by dialback;
 * and questions about keys that this edge made. Failures are type='error' and the stream stays. */
#include <openssl/crypto.h>

#include "inbound.h"
#include "verify.h"

#define KEY_MAX 1024
#define REFUSED_MAX 5   /* refused pairs on one stream, then it ends */

struct names { char from_text[JID_PART_MAX + 1], to_text[JID_PART_MAX + 1]; struct str from, to; };

static bool names_of(const struct xs_event *ev, struct names *n)
{
    return jid_prepare_domain(ev->from, n->from_text, &n->from) == 0 && jid_prepare_domain(ev->to, n->to_text, &n->to) == 0;
}

static void reply(struct inbound *in, const struct xs_event *ev, bool verify, const char *type, const char *condition)
{
    (void)conn_ok(&in->c, xs_db_reply(in->c.xs, verify, ev->to, ev->from, ev->id, type, condition));
    conn_touch(&in->c);
}

/* The journal has a line for the first, and one for the stream's end: what a peer may repeat costs no line each. */
void inbound_note(struct inbound *in, enum gw_reason why, const char *error)
{
    if (in->n_refused++ == 0)
        line_limit(in->c.edge, &in->c.remote, &in->c.local, why, error, "refused", 1);
}

bool inbound_refused(struct inbound *in, enum gw_reason why, const char *error)
{
    inbound_note(in, why, error);
    if (in->n_refused < REFUSED_MAX)
        return true;
    conn_fail(&in->c, "policy-violation", why, "too many pairs that could not be proven");
    return false;
}

static void refuse(struct inbound *in, const struct xs_event *ev, const char *condition, enum gw_reason why)
{
    if (inbound_refused(in, why, condition))
        reply(in, ev, false, "error", condition);
}

/* Is a question about this pair under way for the stream? */
static bool is_asked(const struct inbound *in, const struct pair *p)
{
    const struct verify *v;
    LIST_FOREACH(v, &in->verifies, link)
        if (v->pair == p)
            return true;
    return false;
}

void inbound_db_result(struct inbound *in, const struct xs_event *ev)
{
    struct edge *e = in->c.edge;
    const struct gw_domain *d;
    const char *why;
    struct names n;
    struct pair *p;
    if (!names_of(ev, &n) || !gw_conf_certificate(e->conf, e->side, n.to)) {
        refuse(in, ev, "item-not-found", GW_R_HOST_UNKNOWN);
        return;
    }
    p = pair_find(e, n.to, n.from);
    if (!p) {
        int side = gw_conf_side_of(e->conf, n.from);
        refuse(in, ev, "policy-violation", side < 0 ? GW_R_HOST_UNKNOWN : side == (int)e->side ? GW_R_PAIR_FORBIDDEN : GW_R_WRONG_SIDE);
        return;
    }
    if (in->c.use.resumed && !in->n_pairs && p != in->c.use.pair) { /* sessions.h: the first pair is that of the session */
        refuse(in, ev, "not-authorized", GW_R_PAIR_MISMATCH);
        return;
    }
    if (in->c.secure && tls_peer_is(in->c.ssl, e->tls, n.from)) { /* XEP-0344: the certificate says it all */
        if (inbound_prove(in, p, "certificate"))
            reply(in, ev, false, "valid", NULL);
        else
            refuse(in, ev, "resource-constraint", GW_R_STREAM_LIMIT);
        return;
    }
    if (inbound_proven(in, p)) { /* nobody need be asked twice */
        reply(in, ev, false, "valid", NULL);
        return;
    }
    d = gw_conf_domain(e->conf, e->side, n.from);
    if (!d || !d->dialback || !in->c.secure) {
        refuse(in, ev, "not-authorized", in->c.secure ? tls_peer_wrong(in->c.ssl, e->tls, n.from, &why) : GW_R_CERT_REFUSED);
        return;
    }
    if (is_asked(in, p) || in->n_verifies >= (size_t)e->conf->limits.dialbacks_per_stream || e->n_verifies >= (size_t)e->conf->limits.dialbacks
        || ev->key.n == 0 || ev->key.n > KEY_MAX || verify_start(in, p, ev->key) != 0)
        refuse(in, ev, "resource-constraint", GW_R_STREAM_LIMIT);
}

/* Did this edge make the key? The receiving server asks its authoritative server, and that is who we stand for. */
void inbound_db_verify(struct inbound *in, const struct xs_event *ev)
{
    struct edge *e = in->c.edge;
    struct names n;
    char key[65];
    bool good;
    if (!names_of(ev, &n) || !pair_find(e, n.to, n.from)) {
        reply(in, ev, true, "error", "item-not-found");
        return;
    }
    good = xs_db_key(str_c(e->db_secret), n.from, n.to, ev->id, key) == 0 && ev->key.n == 64 && CRYPTO_memcmp(key, ev->key.p, 64) == 0;
    in->asked = true;
    reply(in, ev, true, good ? "valid" : "invalid", NULL);
}

void inbound_db_end(struct inbound *in)
{
    struct verify *v;
    while ((v = LIST_FIRST(&in->verifies)))
        verify_drop(v);
}
