/* SPDX-License-Identifier: GPL-3.0-or-later
 * Server dialback elements and keys (XEP-0220, XEP-0185). Whether a domain is proven is the caller's matter. */
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <stdlib.h>

#include "jid.h"
#include "stream.h"

enum xs_input db_classify(const struct nonza *z)
{
    if (nonza_is(z, 0, NS_DIALBACK, "result"))
        return z->type.p ? IN_DB_ANSWER : IN_DB_ASK;
    if (nonza_is(z, 0, NS_DIALBACK, "verify"))
        return z->type.p ? IN_DB_VERIFIED : IN_DB_VERIFY;
    return IN_OTHER;
}

/* ---- what we asked ---- */

int db_remember(struct xs *s, bool verify, struct str from, struct str to, struct str id)
{
    struct db_open *q;
    char *p;
    if (s->n_asked == DB_OPEN_MAX)
        return GW_ERR(LIMIT);
    q = malloc(sizeof *q + from.n + to.n + id.n + 1);
    if (!q)
        return GW_ERR(NOMEM);
    p = (char *)(q + 1);
    q->verify = verify;
    q->from = (struct str){ p, from.n };
    p = mempcpy(p, from.p, from.n);
    q->to = (struct str){ p, to.n };
    p = mempcpy(p, to.p, to.n);
    q->id = (struct str){ p, id.n };
    if (id.n)
        memcpy(p, id.p, id.n);
    q->next = s->asked;
    s->asked = q;
    s->n_asked++;
    return 0;
}

/* Takes the matching question off the list; addresses of an answer are turned round. */
static bool take_asked(struct xs *s, bool verify, struct str from, struct str to, struct str id)
{
    for (struct db_open **at = &s->asked; *at; at = &(*at)->next) {
        struct db_open *q = *at;
        if (q->verify != verify || !str_eq(q->from, to) || !str_eq(q->to, from) || (verify && !str_eq(q->id, id)))
            continue;
        *at = q->next;
        free(q);
        s->n_asked--;
        return true;
    }
    return false;
}

void db_forget_all(struct xs *s)
{
    while (s->asked) {
        struct db_open *next = s->asked->next;
        free(s->asked);
        s->asked = next;
    }
    s->n_asked = 0;
}

/* ---- reading ---- */

static int prepared(struct xs *s, struct str raw, struct str *ret)
{
    char room[JID_PART_MAX + 1];
    struct str d;
    if (raw.n == 0 || jid_prepare_domain(raw, room, &d) != 0)
        return GW_ERR(SYNTAX);
    *ret = arena_str(&s->el.mem, d);
    return ret->p ? 0 : GW_ERR(NOMEM);
}

static void error_condition(const struct nonza *z, struct xs_event *ev)
{
    for (unsigned i = 1; i < z->n; i++)
        if (z->part[i].depth == 3 && str_eq(z->part[i].ns, STR(NS_STANZA_ERRORS)) && !str_eq(z->part[i].name, STR("text"))) {
            ev->condition = z->part[i].name;
            return;
        }
}

int db_read(struct xs *s, struct xs_event *ev, bool verify, bool answer)
{
    const struct nonza *z = &s->el;
    int err = prepared(s, z->from, &ev->from);
    if (err == 0)
        err = prepared(s, z->to, &ev->to);
    if (err == GW_ERR(NOMEM))
        return err;
    if (err < 0)
        return xs_refuse(s, "improper-addressing", GW_R_STREAM_PROTOCOL, "dialback without valid domains", NULL);
    ev->id = z->id;
    ev->db_type = z->type;
    ev->key = answer ? STR("") : nonza_text_of(z, 0);
    if (verify && z->id.n == 0)
        return xs_refuse(s, "bad-format", GW_R_STREAM_PROTOCOL, "dialback verification without id", NULL);
    if (answer && !str_eq(z->type, STR("valid")) && !str_eq(z->type, STR("invalid")) && !str_eq(z->type, STR("error")))
        return xs_refuse(s, "bad-format", GW_R_STREAM_PROTOCOL, "dialback answer of unknown type", NULL);
    if (answer && !take_asked(s, verify, ev->from, ev->to, ev->id))
        return xs_refuse(s, "policy-violation", GW_R_STREAM_PROTOCOL, "dialback answer to no question", NULL);
    if (!answer && ev->key.n == 0)
        return xs_refuse(s, "bad-format", GW_R_STREAM_PROTOCOL, "dialback without key", NULL);
    if (!answer && ++s->n_theirs > DB_OPEN_MAX)
        return xs_refuse(s, "policy-violation", GW_R_STREAM_LIMIT, "too many dialback questions at once", NULL);
    if (answer)
        error_condition(z, ev);
    ev->type = verify ? XS_DB_VERIFY : XS_DB_RESULT;
    return 0;
}

/* ---- writing ---- */

int db_write(struct xs *s, bool verify, struct str from, struct str to, struct str id, struct str key, const char *type, const char *condition)
{
    struct xw w;
    const char *name = verify ? "db:verify" : "db:result";
    xw_begin(&w, &s->out);
    xw_raw(&w, "<");
    xw_raw(&w, name);
    if (!s->conf.dialback) /* else the stream header declares it */
        xw_raw(&w, " xmlns:db='" NS_DIALBACK "'");
    xw_attr(&w, "from", from);
    xw_attr(&w, "to", to);
    if (verify)
        xw_attr(&w, "id", id);
    xw_attr(&w, "type", str_c(type));
    if (key.n > 0 || condition) {
        xw_raw(&w, ">");
        xw_text(&w, key);
        if (condition) {
            xw_raw(&w, "<error type='cancel'><");
            xw_raw(&w, condition);
            xw_raw(&w, " xmlns='" NS_STANZA_ERRORS "'/></error>");
        }
        xw_raw(&w, "</");
        xw_raw(&w, name);
        xw_raw(&w, ">");
    } else {
        xw_raw(&w, "/>");
    }
    return xw_end(&w);
}

/* ---- keys ---- */

static void hex(const unsigned char *p, size_t n, char *out)
{
    static const char d[] = "0123456789abcdef";
    for (size_t i = 0; i < n; i++) {
        out[2 * i] = d[p[i] >> 4];
        out[2 * i + 1] = d[p[i] & 15];
    }
    out[2 * n] = 0;
}

/* The spaces between the parts matter: without them "b" + "ber.example" passes for "bb" + "er.example" (CVE-2016-0756). */
int xs_db_key(struct str secret, struct str receiving, struct str originating, struct str id, char out[65])
{
    unsigned char hash[32], mac[EVP_MAX_MD_SIZE];
    char key[65];
    unsigned n = 0;
    struct buf text;
    int err;
    buf_init(&text, 16384);
    err = buf_puts(&text, receiving);
    if (err == 0)
        err = buf_put(&text, " ", 1);
    if (err == 0)
        err = buf_puts(&text, originating);
    if (err == 0)
        err = buf_put(&text, " ", 1);
    if (err == 0)
        err = buf_puts(&text, id);
    if (err == 0 && EVP_Digest(secret.p ? secret.p : "", secret.n, hash, NULL, EVP_sha256(), NULL) != 1)
        err = GW_ERR(CRYPTO);
    if (err == 0) {
        hex(hash, sizeof hash, key);
        if (!HMAC(EVP_sha256(), key, 64, buf_data(&text), buf_size(&text), mac, &n) || n != 32)
            err = GW_ERR(CRYPTO);
        else
            hex(mac, 32, out);
    }
    buf_clear(&text);
    return err;
}
