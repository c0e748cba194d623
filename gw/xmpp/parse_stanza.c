/* SPDX-License-Identifier: GPL-3.0-or-later
 * One stanza from XML text of its own, by the same reader and the same builder as on a stream. */
#include "jid.h"
#include "stanza.h"
#include "xmpp.h"

struct alone {
    struct reader rd;
    struct stanza st;
    struct rec_limits limits;
    bool done;
};

static void refuse(struct alone *a, const char *detail) { reader_fail(&a->rd, "bad-format", GW_R_RECORD_INVALID, detail); }

static void on_start(void *who, unsigned depth, const struct xml_name *n, const char **atts)
{
    struct alone *a = who;
    if (depth == 1)
        return; /* the frame */
    if (depth > XML_DEPTH_MAX)
        refuse(a, "elements nested too deep");
    else if (depth == 2 && a->st.r)
        refuse(a, "more than one element");
    else if (depth == 2 && !stanza_is(n, a->st.client))
        refuse(a, "not a message, presence or iq in jabber:server");
    else if (depth == 2 && !(a->st.r = rec_new(&a->limits)))
        reader_nomem(&a->rd);
    else
        stanza_start(&a->st, depth - 1, n, atts);
}

static void on_end(void *who, unsigned depth)
{
    struct alone *a = who;
    if (depth == 1)
        a->done = true;
    else
        stanza_end(&a->st);
}

static void on_text(void *who, unsigned depth, struct str text)
{
    struct alone *a = who;
    if (depth > 1) {
        stanza_text(&a->st, text);
        return;
    }
    for (size_t i = 0; i < text.n; i++)
        if (!strchr(" \t\r\n", text.p[i]))
            refuse(a, "text outside the stanza");
}

static const struct reader_hooks hooks = { on_start, on_end, on_text, NULL };

/* Without its XML declaration, which a file may have, the text can stand inside the frame. */
static struct str body(struct str xml)
{
    struct str s = xml;
    while (s.n && strchr(" \t\r\n", s.p[0]))
        s.p++, s.n--;
    if (s.n > 6 && memcmp(s.p, "<?xml", 5) == 0 && strchr(" \t\r\n", s.p[5])) {
        const char *end = memmem(s.p, s.n, "?>", 2);
        if (end)
            return (struct str){ end + 2, s.n - (size_t)(end + 2 - s.p) };
    }
    return xml;
}

static int read_all(struct alone *a, struct str xml)
{
    static const char open[] = "<s:s xmlns='" XS_NS_SERVER "' xmlns:s='" XS_NS_STREAM "'>", close[] = "</s:s>";
    int err = reader_feed(&a->rd, open, sizeof open - 1);
    if (err == 0)
        err = reader_feed(&a->rd, xml.p, xml.n);
    if (err == 0)
        err = reader_feed(&a->rd, close, sizeof close - 1);
    if (err == 0)
        (void)reader_run(&a->rd);
    return err;
}

static int finish(struct alone *a, const char **detail)
{
    struct str local, resource, from, to;
    const struct fault *f = a->rd.fault.condition ? &a->rd.fault : a->st.fault.condition ? &a->st.fault : NULL;
    int err;
    if (f) {
        *detail = f->detail;
        return f->nomem ? GW_ERR(NOMEM) : f->reason == GW_R_RECORD_LIMIT || f->reason == GW_R_STREAM_LIMIT ? GW_ERR(LIMIT) : GW_ERR(SYNTAX);
    }
    if (!a->done || !a->st.r) {
        *detail = a->st.r ? "the stanza does not end" : "no stanza";
        return GW_ERR(SYNTAX);
    }
    jid_split(a->st.r->from, &local, &from, &resource);
    jid_split(a->st.r->to, &local, &to, &resource);
    err = rec_pair(a->st.r, from, to);
    if (err == 0)
        err = rec_seal(a->st.r);
    if (err < 0)
        *detail = "a record does not take it";
    return err;
}

int xs_parse_stanza(struct str xml, bool client, const struct rec_limits *limits, struct rec **ret, const char **ret_detail)
{
    struct alone a = { .limits = *limits, .st = { .client = client } };
    struct str text = body(xml);
    struct reader_limits all = { 4096, text.n + 4096, text.n + 4096 };
    int err;
    a.st.limits = &a.limits;
    *ret_detail = "";
    err = reader_init(&a.rd, &hooks, &a, &all, text.n + 8192);
    if (err == 0)
        err = read_all(&a, text);
    if (err == 0)
        err = finish(&a, ret_detail);
    if (err == 0)
        *ret = a.st.r;
    else
        stanza_drop(&a.st);
    reader_clear(&a.rd);
    return err;
}
