// link: policy xmpp record ipc base
// libs: -lexpat -lcrypto -licuuc -licudata -lconfig
/* SPDX-License-Identifier: GPL-3.0-or-later
 * What says the same leaves as the same bytes: white space between elements, order and quotes of attributes, prefixes, where a namespace is
 * declared, character references, CDATA, empty elements. All of it would carry a message past the rules. Through reader, record as it
 * crosses between programs, the shipped profiles, writer. */
#include "policy_help.h"

#define HEAD "from='a@high.example/r' to='b@low.example' type='chat' id='m1'"

/* The first of each group is what leaves; the others say the same. */
static const struct group { const char *name, *v[8]; } groups[] = {
    { "a message", {
        "<message from='a@high.example/r' to='b@low.example' id='m1' type='chat'><body>one  two</body><request xmlns='urn:xmpp:receipts'/></message>",
        "<message id='m1' type='chat' to='b@low.example' from='a@high.example/r'><body>one  two</body><request xmlns='urn:xmpp:receipts'></request></message>",
        "<message " HEAD ">\n  <body>one  two</body>\t<request xmlns='urn:xmpp:receipts'/>\n</message>",
        "<message " HEAD "><body>one  two</body><r:request xmlns:r='urn:xmpp:receipts'/></message>",
        "<message " HEAD " xmlns:r='urn:xmpp:receipts' xmlns:unused='urn:unused'><body  >one  two</body ><r:request/></message>",
        "<message   from = \"a@high.example/r\"  to=\"b@low.example\"\n type='chat' id='m1' ><body>one&#32;&#x20;t&#119;o</body><request xmlns='urn:xmpp:receipts' /></message>",
        "<message " HEAD "><body>one <![CDATA[ two]]></body><request xmlns='urn:xmpp:receipts'/></message>" } },
    { "attributes of a payload", {
        "<iq from='a@high.example/r' to='b@low.example' id='q1' type='result'><query xmlns='http://jabber.org/protocol/disco#info'>"
            "<identity category='client' name='x' type='pc'/><feature var='urn:xmpp:ping'/></query></iq>",
        "<iq type='result' id='q1' from='a@high.example/r' to='b@low.example'><query xmlns='http://jabber.org/protocol/disco#info'>"
            "<identity type='pc' name='x' category='client'/><feature var='urn:xmpp:ping'/></query></iq>",
        "<iq from='a@high.example/r' to='b@low.example' id='q1' type='result'>\n<d:query xmlns:d='http://jabber.org/protocol/disco#info'>\r\n  "
            "<d:identity name='x' category='client' type='pc'></d:identity>\n  <d:feature var='urn:xmpp:&#112;ing'/>\n</d:query> </iq>",
        "<iq from='a@high.example/r' to='b@low.example' id='q1' type='result'><a:query xmlns:a='http://jabber.org/protocol/disco#info'>"
            "<b:identity xmlns:b='http://jabber.org/protocol/disco#info' category='client' type='pc' name='x'/><feature xmlns='http://jabber.org/protocol/disco#info' var='urn:xmpp:ping'/>"
            "</a:query></iq>" } },
    { "presence", {
        "<presence from='a@high.example/r' to='b@low.example'><show>away</show><status>at &lt;tea&gt;</status><priority>1</priority></presence>",
        "<presence to='b@low.example' from='a@high.example/r'> <show>away</show> <status>at &#60;tea></status> <priority>1</priority> </presence>",
        "<presence from='a@high.example/r' to='b@low.example'><show>away</show><status><![CDATA[at <tea>]]></status><priority>1</priority></presence>" } },
    { "addresses", {
        "<message from='a@high.example/r' to='b@low.example' type='chat'><body>x</body></message>",
        "<message from='A@HIGH.example/r' to='B@low.EXAMPLE' type='chat'><body>x</body></message>" } } };

/* What leaves, as bytes; false: nothing does. */
static bool crosses(struct pol_eval *e, const char *xml, struct buf *ret)
{
    const struct rec_limits limits = REC_HARD_LIMITS;
    struct rec *r = help_stanza(xml), *back = NULL;
    struct buf wire;
    buf_init(&wire, 1u << 20);
    const struct pol_verdict *v = r && !rec_encode(r, &wire) && !rec_decode(buf_str(&wire), &limits, &back) ?
        help_judge(e, back, GW_HIGH, 1700000000000, NULL, 0, HELP_ANSWERS) : NULL;
    bool good = v && v->out && !xs_serialise(v->out, false, ret);
    if (v && !v->out)
        diag("%s: %s", gw_reason_code(v->reason), xml);
    rec_free(back);
    rec_free(r);
    buf_clear(&wire);
    return good;
}

/* The shipped profile of that name. */
static void shipped(const char *name)
{
    static char text[65536];
    char path[128];
    snprintf(path, sizeof path, "rules/profiles/%s.conf", name);
    FILE *f = fopen(path, "r");
    size_t n = f ? fread(text, 1, sizeof text - 1, f) : 0;
    text[n] = 0;
    snprintf(path, sizeof path, "profiles/%s.conf", name);
    if (f)
        fclose(f);
    if (n)
        help_file(path, text);
    else
        ok(false, "%s is there", path);
}

int main(void)
{
    if (!ok(help_begin(), "a rules folder"))
        return done_testing();
    for (const char *const *p = (const char *const[]){ "im", "presence", "receipts", "disco", "ping", NULL }; *p; p++)
        shipped(*p);
    help_profiles = "\"im\", \"presence\", \"receipts\", \"disco\", \"ping\"";
    struct policy *p = help_load("{ id = 1; name = \"r\"; action = \"release\"; }");
    struct pol_eval *e = p ? pol_eval_new(p, NULL) : NULL;
    for (size_t g = 0; e && g < sizeof groups / sizeof *groups; g++)
        for (size_t i = 0; groups[g].v[i]; i++) {
            struct buf out;
            buf_init(&out, 1u << 20);
            if (!ok(crosses(e, groups[g].v[i], &out) && str_eq(buf_str(&out), str_c(groups[g].v[0])), "%s, %zu", groups[g].name, i))
                diag("from %s\n# to   %.*s", groups[g].v[i], STR_ARG(buf_str(&out)));
            buf_clear(&out);
        }
    pol_eval_free(e);
    policy_free(p);
    help_end();
    return done_testing();
}
