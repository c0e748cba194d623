/* SPDX-License-Identifier: GPL-3.0-or-later
 * SASL EXTERNAL, both sides (RFC 6120 section 6, XEP-0178). */
#include "stream.h"

enum xs_input sasl_classify(const struct nonza *z)
{
    static const struct { const char *name; enum xs_input in; } names[] = { { "auth", IN_AUTH }, { "challenge", IN_CHALLENGE },
        { "response", IN_RESPONSE }, { "abort", IN_ABORT }, { "success", IN_SUCCESS }, { "failure", IN_SASL_FAILURE } };
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        if (nonza_is(z, 0, NS_SASL, names[i].name))
            return names[i].in;
    return IN_OTHER;
}

/* ---- base64 (RFC 4648 section 4), strict: no white space, full padding, unused bits zero ---- */

static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

static int digit(char c)
{
    const char *at = c ? strchr(digits, c) : NULL;
    return at ? (int)(at - digits) : -1;
}

static int decode(struct str in, struct buf *out)
{
    buf_reset(out);
    if (in.n % 4 != 0)
        return GW_ERR(SYNTAX);
    for (size_t i = 0; i < in.n; i += 4) {
        int v[4], pad = 0, err;
        unsigned char b[3];
        for (int k = 0; k < 4; k++) {
            char c = in.p[i + (size_t)k];
            bool last = i + 4 == in.n;
            v[k] = digit(c);
            if (c == '=' && last && k >= 2)
                pad++, v[k] = 0;
            else if (v[k] < 0 || pad)
                return GW_ERR(SYNTAX);
        }
        b[0] = (unsigned char)(v[0] << 2 | v[1] >> 4);
        b[1] = (unsigned char)((v[1] & 15) << 4 | v[2] >> 2);
        b[2] = (unsigned char)((v[2] & 3) << 6 | v[3]);
        if ((pad == 2 && (v[1] & 15)) || (pad == 1 && (v[2] & 3)))
            return GW_ERR(SYNTAX);
        err = buf_put(out, b, (size_t)(3 - pad));
        if (err < 0)
            return err;
    }
    return 0;
}

static void put_base64(struct xw *w, struct str in)
{
    for (size_t i = 0; i < in.n; i += 3) {
        unsigned char b[3] = { 0, 0, 0 };
        size_t n = in.n - i < 3 ? in.n - i : 3;
        char c[5] = { 0 };
        memcpy(b, in.p + i, n);
        c[0] = digits[b[0] >> 2];
        c[1] = digits[(b[0] & 3) << 4 | b[1] >> 4];
        c[2] = digits[(b[1] & 15) << 2 | b[2] >> 6];
        c[3] = digits[b[2] & 63];
        if (n < 3)
            c[3] = '=';
        if (n < 2)
            c[2] = '=';
        xw_raw(w, c);
    }
}

int sasl_write(struct xs *s, const char *element, const char *attrs, struct str data, bool empty_is_equals)
{
    struct xw w;
    xw_begin(&w, &s->out);
    xw_raw(&w, "<");
    xw_raw(&w, element);
    xw_raw(&w, " xmlns='" NS_SASL "'");
    xw_raw(&w, attrs);
    if (data.n > 0 || empty_is_equals) {
        xw_raw(&w, ">");
        if (data.n > 0)
            put_base64(&w, data);
        else
            xw_raw(&w, "=");
        xw_raw(&w, "</");
        xw_raw(&w, element);
        xw_raw(&w, ">");
    } else {
        xw_raw(&w, "/>");
    }
    return xw_end(&w);
}

/* ---- receiving ---- */

int sasl_fail(struct xs *s, const char *condition)
{
    struct xw w;
    int err;
    xw_begin(&w, &s->out);
    xw_raw(&w, "<failure xmlns='" NS_SASL "'><");
    xw_raw(&w, condition);
    xw_raw(&w, "/></failure>");
    err = xw_end(&w);
    if (err == 0 && ++s->tries >= AUTH_TRIES)
        return xs_refuse(s, "policy-violation", GW_R_AUTH_FAILED, "too many SASL attempts", NULL);
    if (err == 0 && s->state != ST_TLS)
        xs_change_state(s, ST_TLS);
    return err;
}

static int judge(struct xs *s, struct xs_event *ev, struct str data)
{
    int err = 0;
    if (str_eq(data, STR("=")) || data.n == 0)
        buf_reset(&s->scratch);
    else
        err = decode(data, &s->scratch);
    if (err == GW_ERR(NOMEM))
        return err;
    if (err < 0)
        return sasl_fail(s, "incorrect-encoding");
    ev->type = XS_AUTH;
    ev->authzid = buf_size(&s->scratch) ? buf_str(&s->scratch) : STR("");
    xs_change_state(s, ST_PROVING);
    return 0;
}

/* <auth/> without data is no initial response at all: the mechanism then begins with an empty challenge (RFC 4422 section
 * 3.3, appendix A); "=" is an empty response. */
int sasl_auth(struct xs *s, struct xs_event *ev)
{
    struct str data = nonza_text_of(&s->el, 0);
    if (s->state == ST_CHALLENGED)
        return judge(s, ev, data);
    if (!s->external || !str_eq(s->el.mechanism, STR("EXTERNAL")))
        return sasl_fail(s, "invalid-mechanism");
    if (data.n > 0)
        return judge(s, ev, data);
    xs_change_state(s, ST_CHALLENGED);
    return sasl_write(s, "challenge", "", STR(""), false);
}

/* ---- initiating ---- */

void sasl_failure_read(const struct xs *s, struct xs_event *ev)
{
    ev->type = XS_AUTH_FAILED;
    ev->condition = STR("not-authorized");
    for (unsigned i = s->el.n; i-- > 1;) { /* the first child that is not <text/> */
        if (s->el.part[i].depth != 2)
            continue;
        if (nonza_is(&s->el, i, NS_SASL, "text"))
            ev->text = nonza_text_of(&s->el, i);
        else
            ev->condition = s->el.part[i].name;
    }
}
