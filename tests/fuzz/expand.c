// link: policy xmpp record ipc base
// libs: -lexpat -lcrypto -licuuc -licudata -lconfig
/* SPDX-License-Identifier: GPL-3.0-or-later
 * A stanza that carries others (addresses, forwarded ones, invitations), under a set that releases what goes to b@low.example alone, and one
 * that releases everything under aliases. Oracles: whoever is named as a party of the low side in what leaves is b@low.example, written in that
 * form; no resource of the high side leaves as it is, and an answer to its alias comes back to the resource. */
#include "folder.h"
#include "jid.h"
#include "policy.h"
#include "xmpp.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define ONE "b@low.example"
static const char profile[] = "title = \"t\"; unnamed = \"strip\"; elements = ("
    " { element = [ \"{jabber:server}body\", \"{jabber:server}subject\" ]; in = [ \"message\", \"presence\" ]; text = \"any\"; },"
    " { element = \"{http://jabber.org/protocol/address}addresses\"; in = [ \"message\" ]; filled = true; children = ("
    "   { element = \"address\"; attributes = [ \"type! to|cc|bcc|replyto|replyroom|ofrom\", \"jid! any\", \"delivered =true\" ]; } ); },"
    " { element = \"{http://jabber.org/protocol/muc#user}x\"; in = [ \"message\" ]; children = ("
    "   { element = [ \"invite\", \"decline\" ]; attributes = [ \"to jid\", \"from jid\" ]; } ); },"
    " { element = \"{jabber:x:conference}x\"; in = [ \"message\" ]; attributes = [ \"jid jid\" ]; },"
    " { element = \"{urn:x}tree\"; in = [ \"message\", \"iq\" ]; text = \"any\"; children = ( { element = \"leaf\"; text = \"any\"; attributes = [ \"jid jid\" ]; } ); },"
    " { element = \"{urn:xmpp:forward:0}forwarded\"; in = [ \"message\" ]; filled = true; children = ("
    "   { element = [ \"{jabber:client}message\", \"{jabber:server}message\" ]; max = 1; stanza = true;"
    "     attributes = [ \"from any\", \"to any\", \"type any\" ]; } ); } );";
static const char narrow[] = "profiles = [ \"p\" ]; carried_addresses = 20; forwarded_depth = 3;"
    " rules = ( { id = 1; name = \"b\"; when = { to = \"" ONE "\"; }; action = \"release\"; } );";
static const char aliases[] = "profiles = [ \"p\" ]; carried_addresses = 20; forwarded_depth = 3; rules = ("
    " { id = 1; name = \"n\"; direction = \"high-to-low\"; action = \"rewrite\"; rewrite = { resources = [ \"high.example\" ]; hosts = [ \"*.inner.high.example\" ]; }; },"
    " { id = 9; name = \"go\"; action = \"release\"; } );";

static struct policy *load(const char *rules)
{
    struct policy *p = NULL;
    struct conf_errors errs;
    folder_put("main.rules", rules, strlen(rules));
    conf_errors_init(&errs);
    if (policy_load(folder, 1, &p, &errs)) {
        conf_errors_print(&errs, stderr);
        abort();
    }
    conf_errors_clear(&errs);
    return p;
}

static const struct pol_verdict *judge(struct pol_eval *e, const struct rec *r, enum gw_side from)
{
    struct pol_facts facts = { .from_side = from, .now_ms = 1700000000000 };
    for (enum pol_step step = pol_begin(e, r, &facts); step == POL_NEED_SCAN;)
        step = pol_resume(e, &(struct scan_result){ .status = SCAN_DONE }, GW_R_SCAN_TIMEOUT);
    return pol_verdict(e);
}

/* An address of the low side among the parties: only the one that is released to. */
static void party(struct str text)
{
    static struct jid j;
    if (!text.p || jid_prepare(text, &j) != 0 || !str_eq(j.domain, STR("low.example")))
        return;
    if (!str_eq(j.local, STR("b")) || !str_eq(j.full, text))
        abort();
}

static void parties(const struct rec *out)
{
    party(out->to);
    for (uint32_t i = 1; i < out->n_nodes; i++) {
        const struct rec_node *n = &out->nodes[i];
        if (n->is_text)
            continue;
        if (str_eq(n->name, STR("address")) && !rec_attr_get(out, i, STR(""), STR("delivered")).p)
            party(rec_attr_get(out, i, STR(""), STR("jid")));
        if (str_eq(n->name, STR("message")) || str_eq(n->name, STR("invite")))
            party(rec_attr_get(out, i, STR(""), STR("to")));
    }
}

static struct str resource(struct str jid)
{
    const char *slash = jid.n ? memchr(jid.p, '/', jid.n) : NULL;
    return slash ? (struct str){ slash + 1, (size_t)(jid.p + jid.n - slash - 1) } : STR("");
}

/* The answer to an alias: from there to here, and whom it reaches. */
static void back(struct pol_eval *e, const struct rec *in, const struct rec *out)
{
    const struct rec_limits limits = REC_HARD_LIMITS;
    struct rec *r = rec_new(&limits);
    if (!r || rec_head(r, REC_MESSAGE, STR("chat"), STR("x"), STR_NONE) || rec_address(r, out->to, out->from, STR(""), STR("")) ||
        rec_pair(r, out->to_domain, out->from_domain) || rec_open(r, STR("jabber:server"), STR("message")) ||
        rec_open(r, STR("jabber:server"), STR("body")) || rec_text(r, STR("hi")) || rec_close(r) || rec_close(r) || rec_seal(r))
        abort();
    const struct pol_verdict *v = judge(e, r, GW_LOW);
    if (v->verdict != GW_V_RELEASE || !str_eq(v->out->to, in->from))
        abort();
    rec_free(r);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct policy *one, *all;
    static struct pol_eval *e_one, *e_all, *e_back;
    static struct pol_state *state;
    const struct rec_limits limits = { 32768, 32, 400, 32 };
    const char *detail = NULL;
    struct rec *r = NULL;
    if (!one) {
        if (jid_init())
            abort();
        folder_begin((const char *const[]){ "profiles", NULL });
        folder_put("profiles/p.conf", profile, sizeof profile - 1);
        one = load(narrow);
        all = load(aliases);
        state = pol_state_new();
        e_one = pol_eval_new(one, NULL);
        e_all = pol_eval_new(all, state);
        e_back = pol_eval_new(all, state);
    }
    if (xs_parse_stanza((struct str){ (const char *)data, size }, true, &limits, &r, &detail))
        return 0;
    if (str_eq(r->from_domain, STR("high.example")) && str_eq(r->to_domain, STR("low.example"))) {
        const struct pol_verdict *v = judge(e_one, r, GW_HIGH);
        if (v->verdict == GW_V_RELEASE)
            parties(v->out);
        v = judge(e_all, r, GW_HIGH);
        if (v->verdict == GW_V_RELEASE) {
            if (resource(r->from).n && str_eq(resource(v->out->from), resource(r->from)))
                abort();
            back(e_back, r, v->out);
        }
    }
    rec_free(r);
    return 0;
}
