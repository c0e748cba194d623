/* SPDX-License-Identifier: GPL-3.0-or-later
 * Stream headers, read and written (RFC 6120 sections 4.7 and 4.8). */
#include "jid.h"
#include "stream.h"

void header_ns(struct xs *s, struct str prefix, struct str uri)
{
    if (!prefix.p && !str_eq(uri, STR(XS_NS_SERVER)) && !str_eq(uri, STR(XS_NS_STREAM)))
        s->peer_default_ns = false;
    if (str_eq(uri, STR(NS_DIALBACK)))
        s->peer_db = true;
}

static void bad(struct xs *s, const char *condition, const char *detail)
{
    if (!s->header_fault.condition)
        s->header_fault = (struct fault){ condition, GW_R_STREAM_HEADER, detail, false };
}

static struct str keep(struct xs *s, struct str v)
{
    struct str k = arena_str(&s->head, v);
    if (!k.p)
        s->err = GW_ERR(NOMEM);
    return k;
}

/* Real servers leave from out, or send it empty: that is "absent" here. What is there must be a domain. */
static struct str domain(struct xs *s, struct str raw, const char *condition, const char *detail)
{
    char room[JID_PART_MAX + 1];
    struct str d;
    if (raw.n == 0)
        return STR_NONE;
    if (jid_prepare_domain(raw, room, &d) != 0) {
        bad(s, condition, detail);
        return STR_NONE;
    }
    return keep(s, d);
}

/* "1.0" or later (RFC 6120 section 4.7.5). Without it there are no features, so no TLS: not for us. */
static bool version_fits(struct str v)
{
    size_t i = 0;
    while (i < v.n && v.p[i] == '0')
        i++;
    if (i == v.n || v.p[i] < '1' || v.p[i] > '9')
        return false;
    while (i < v.n && v.p[i] >= '0' && v.p[i] <= '9')
        i++;
    if (i == v.n || v.p[i] != '.' || i + 1 == v.n)
        return false;
    while (++i < v.n)
        if (v.p[i] < '0' || v.p[i] > '9')
            return false;
    return true;
}

void header_read(struct xs *s, const struct xml_name *n, const char **atts)
{
    struct str from = STR_NONE, to = STR_NONE, version = STR_NONE, id = STR_NONE;
    struct xml_name a;
    bool receiving = s->conf.role == XS_RECEIVING;
    for (const char **at = atts; *at; at += 2) {
        struct str v = str_c(at[1]);
        xml_name_split(at[0], &a);
        if (a.ns.n > 0)
            continue;
        if (str_eq(a.local, STR("from")))
            from = v;
        else if (str_eq(a.local, STR("to")))
            to = v;
        else if (str_eq(a.local, STR("id")))
            id = v;
        else if (str_eq(a.local, STR("version")))
            version = v;
    }
    s->got_header = true;
    if (!str_eq(n->ns, STR(XS_NS_STREAM)))
        bad(s, "invalid-namespace", "root is not in the stream namespace");
    else if (!str_eq(n->local, STR("stream")))
        bad(s, "bad-format", "root is not a stream header");
    else if (n->prefix.n > 0 && !str_eq(n->prefix, STR("stream")))
        bad(s, "bad-namespace-prefix", "prefix of the stream namespace is not \"stream\"");
    else if (!s->peer_default_ns)
        bad(s, "invalid-namespace", "content namespace is not jabber:server");
    s->peer_from = domain(s, from, "invalid-from", "from of the header is not a domain");
    s->peer_to = domain(s, to, receiving ? "host-unknown" : "improper-addressing", "to of the header is not a domain");
    if (id.n > 0 && !receiving) /* an initiating entity's id is to be ignored (RFC 6120 section 4.7.3) */
        s->peer_id = keep(s, id);
    if (!version_fits(version))
        bad(s, "unsupported-version", version.p ? "version below 1.0" : "no version");
}

int header_write(struct xs *s, struct str from, struct str to, struct str id)
{
    struct xw w;
    int err;
    xw_begin(&w, &s->out);
    xw_raw(&w, "<?xml version='1.0'?><stream:stream xmlns='" XS_NS_SERVER "' xmlns:stream='" XS_NS_STREAM "'");
    if (s->conf.dialback)
        xw_raw(&w, " xmlns:db='" NS_DIALBACK "'");
    xw_attr(&w, "from", from.n ? from : STR_NONE);
    xw_attr(&w, "to", to.n ? to : STR_NONE);
    xw_attr(&w, "id", id.n ? id : STR_NONE);
    /* A receiving entity must name a language (section 4.7.4). An initiating one speaks for stanzas of others, whose
     * language it does not know; it would become theirs by inheritance. */
    xw_raw(&w, s->conf.role == XS_RECEIVING ? " version='1.0' xml:lang='en'>" : " version='1.0'>");
    err = xw_end(&w);
    if (err == 0)
        s->header_out = true;
    return err;
}

int header_end(struct xs *s)
{
    struct xw w;
    if (s->end_out)
        return 0;
    s->end_out = true;
    if (!s->header_out)
        return 0;
    xw_begin(&w, &s->out);
    xw_raw(&w, "</stream:stream>");
    return xw_end(&w);
}
