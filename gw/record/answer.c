/* SPDX-License-Identifier: GPL-3.0-or-later
 * The error answers that the gateway makes (RFC 6120 section 8.3). */
#include "impl.h"

#define NS_STANZAS STR("urn:ietf:params:xml:ns:xmpp-stanzas")

static int add_text(struct rec *r, struct str text)
{
    int rc = rec_open(r, NS_STANZAS, STR("text"));
    if (!rc)
        rc = rec_attr_add(r, STR("http://www.w3.org/XML/1998/namespace"), STR("lang"), STR("en"));
    if (!rc)
        rc = rec_text(r, text);
    return rc ? rc : rec_close(r);
}

static int add_empty(struct rec *r, struct str ns, struct str name)
{
    int rc = rec_open(r, ns, name);
    return rc ? rc : rec_close(r);
}

int rec_error_answer(const struct rec *in, struct str error_type, struct str condition, struct str text, struct str app_ns,
    struct str app_name, struct rec **ret)
{
    if (str_eq(in->type, STR("error")) || (in->kind == REC_IQ && str_eq(in->type, STR("result"))))
        return GW_ERR(PROTO);
    struct rec_limits limits = REC_HARD_LIMITS;
    limits.bytes = 65536; /* addresses, an id and our own words */
    struct rec *r = rec_new(&limits);
    if (!r)
        return GW_ERR(NOMEM);
    int rc = rec_head(r, in->kind, STR("error"), in->id, STR_NONE);
    if (!rc)
        rc = rec_address(r, in->to, in->from, STR_NONE, STR_NONE);
    if (!rc)
        rc = rec_pair(r, in->to_domain, in->from_domain);
    if (!rc)
        rc = rec_open(r, STR("jabber:server"), str_c(rec_kind_name(in->kind)));
    if (!rc)
        rc = rec_open(r, STR("jabber:server"), STR("error"));
    if (!rc)
        rc = rec_attr_add(r, STR_NONE, STR("type"), error_type);
    if (!rc)
        rc = add_empty(r, NS_STANZAS, condition);
    if (!rc && text.n)
        rc = add_text(r, text);
    if (!rc && app_name.n)
        rc = add_empty(r, app_ns, app_name);
    if (!rc)
        rc = rec_close(r);
    if (!rc)
        rc = rec_close(r);
    if (!rc)
        rc = rec_seal(r);
    if (rc)
        rec_free(r);
    else
        *ret = r;
    return rc;
}
