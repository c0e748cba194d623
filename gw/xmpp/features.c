/* SPDX-License-Identifier: GPL-3.0-or-later
 * Stream features, offered and read; their order means nothing (RFC 6120 section 4.3.2, XEP-0220, XEP-0198, XEP-0288, XEP-0478). */
#include <stdio.h>

#include "stream.h"

int features_write(struct xs *s)
{
    struct xw w;
    char number[24];
    xw_begin(&w, &s->out);
    xw_raw(&w, "<stream:features>");
    if (s->state == ST_ASKED_CLEAR)
        xw_raw(&w, "<starttls xmlns='" NS_TLS "'><required/></starttls>");
    if (s->state == ST_ASKED_TLS && s->external)
        xw_raw(&w, "<mechanisms xmlns='" NS_SASL "'><mechanism>EXTERNAL</mechanism></mechanisms>");
    if (s->state != ST_ASKED_CLEAR && s->conf.dialback)
        xw_raw(&w, "<dialback xmlns='" NS_F_DIALBACK "'><errors/></dialback>");
    if (s->state == ST_ASKED_AUTH && s->conf.manage) {
        xw_raw(&w, "<sm xmlns='" NS_SM "'/>");
        s->managed = MANAGED_OFFERED;
    }
    snprintf(number, sizeof number, "%zu", s->conf.stanza_bytes);
    xw_raw(&w, "<limits xmlns='" NS_LIMITS "'><max-bytes>");
    xw_raw(&w, number);
    xw_raw(&w, "</max-bytes></limits></stream:features>");
    return xw_end(&w);
}

/* A decimal number that fits; else 0, which means that no limit is known. */
static int64_t number_of(struct str s)
{
    int64_t n = 0;
    if (s.n == 0 || s.n > 10)
        return 0;
    for (size_t i = 0; i < s.n; i++) {
        if (s.p[i] < '0' || s.p[i] > '9')
            return 0;
        n = n * 10 + (s.p[i] - '0');
    }
    return n;
}

void features_read(const struct xs *s, struct xs_event *ev)
{
    const struct nonza *z = &s->el;
    const char *parent = "";
    for (unsigned i = 1; i < z->n; i++) {
        if (z->part[i].depth == 2) {
            parent = "";
            if (nonza_is(z, i, NS_TLS, "starttls"))
                ev->offers |= XS_OFFER_STARTTLS;
            else if (nonza_is(z, i, NS_F_DIALBACK, "dialback"))
                ev->offers |= XS_OFFER_DIALBACK;
            else if (nonza_is(z, i, NS_F_BIDI, "bidi"))
                ev->offers |= XS_OFFER_BIDI;
            else if (nonza_is(z, i, NS_SM, "sm"))
                ev->offers |= XS_OFFER_SM;
            else if (nonza_is(z, i, NS_SASL, "mechanisms"))
                parent = NS_SASL;
            else if (nonza_is(z, i, NS_LIMITS, "limits"))
                parent = NS_LIMITS;
        } else if (z->part[i].depth == 3) {
            if (parent[0] && nonza_is(z, i, NS_SASL, "mechanism") && str_eq(nonza_text_of(z, i), STR("EXTERNAL")))
                ev->offers |= XS_OFFER_EXTERNAL;
            else if (parent[0] && nonza_is(z, i, NS_LIMITS, "max-bytes"))
                ev->max_bytes = number_of(nonza_text_of(z, i));
        }
    }
    /* Dialback is older than features: the namespace declaration alone may announce it (XEP-0220 section 2.3.1). */
    if (s->peer_db && !(ev->offers & XS_OFFER_STARTTLS))
        ev->offers |= XS_OFFER_DIALBACK;
}
