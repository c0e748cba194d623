// link: policy xmpp record ipc base
// libs: -lexpat -lcrypto -licuuc -licudata -lconfig
/* SPDX-License-Identifier: GPL-3.0-or-later
 * Labels in stanzas: what is read, what is a violation, what is withheld, what the default is, what a relabelled stanza says, and what a
 * catalogue offers, what service discovery tells. */
#include "../../gw/policy/label.h"
#include "policy_help.h"

static const char conf[] =
    "policies = ( { name = \"NEAR\"; oid = \"1.1\"; uri = \"urn:near\";\n"
    " classifications = ( { name = \"OPEN\"; value = 1; unstated = true; }, { name = \"SHUT\"; value = 4; }, { name = \"DEEP\"; value = 5; } );\n"
    " categories = ( { tag = \"Need\"; type = \"restrictive\"; oid = \"1.1.1\"; values = ( { name = \"A\"; value = 0; } ); },\n"
    "  { tag = \"One\"; type = \"permissive\"; oid = \"1.1.2\"; encoding = \"enumerated\"; values = ( { name = \"B\"; value = 1; }, { name = \"C\"; value = 2; } ); } );\n"
    " equivalents = ( { policy = \"FAR\"; classifications = ( { from = \"OPEN\"; to = \"GREEN\"; }, { from = \"SHUT\"; to = \"AMBER\"; } ); } ); },\n"
    " { name = \"FAR\"; classifications = ( { name = \"GREEN\"; marking = \"FAR GREEN\"; }, { name = \"AMBER\"; marking = \"FAR AMBER\"; } ); } );\n"
    "clearances = ( { who = [ \"high.example\" ]; policy = \"NEAR\"; upto = \"DEEP\"; categories = [ \"Need/*\", \"One/*\" ]; },\n"
    " { who = [ \"amber@low.example\", \"romeo@low.example\" ]; policy = \"FAR\"; upto = \"AMBER\"; },\n"
    " { who = [ \"romeo@low.example\", \"deep@low.example\" ]; policy = \"NEAR\"; upto = \"SHUT\"; categories = [ \"One/B\" ]; } );\n"
    "defaults = ( { room = [ \"deep@low.example\" ]; policy = \"NEAR\"; classification = \"DEEP\"; },\n"
    " { from = [ \"juliet@high.example\", \"low.example\" ]; policy = \"NEAR\"; classification = \"OPEN\"; } );\n"
    "pairs = ( { between = [ \"high.example\", \"low.example\" ]; items = \"withhold\";\n"
    " clearances = ( { policy = \"NEAR\"; upto = \"SHUT\"; categories = [ \"Need/*\", \"One/*\" ]; }, { policy = \"FAR\"; upto = \"AMBER\"; } ); } );\n";
static const char anything[] =
    "title = \"t\"; unnamed = \"strip\"; elements = ( { element = \"{urn:xmpp:forward:0}forwarded\"; in = [ \"message\" ]; children = ("
    " { element = \"{jabber:client}message\"; children = ( { element = \"body\"; text = \"any\"; } ); } ); },\n"
    "{ element = \"{http://jabber.org/protocol/pubsub}pubsub\"; in = [ \"iq\" ]; children = ( { element = \"items\"; children = ("
    " { element = \"item\"; attributes = [ \"id id\" ]; } ); } ); },\n"
    "{ element = \"{http://jabber.org/protocol/pubsub#event}event\"; in = [ \"message\" ]; children = ( { element = \"items\"; children = ("
    " { element = \"item\"; attributes = [ \"id id\" ]; } ); } ); },\n"
    "{ element = \"{http://jabber.org/protocol/address}addresses\"; in = [ \"message\" ]; children = ("
    " { element = \"address\"; attributes = [ \"type any\", \"jid jid\", \"delivered any\" ]; } ); },\n"
    "{ element = \"{http://jabber.org/protocol/muc#user}x\"; in = [ \"message\" ]; children = ( { element = \"invite\"; attributes = [ \"to jid\", \"from jid\" ]; } ); },\n"
    "{ element = \"{urn:x}tree\"; in = [ \"message\" ]; } );\n";

#define M "<message from='juliet@high.example/b' to='romeo@low.example' type='chat'>"
#define TO(type, jid) "<addresses xmlns='http://jabber.org/protocol/address'><address type='" type "' jid='" jid "'/></addresses>"
#define MX(in) M "<body>x</body>" in "</message>"
#define SEC(in) "<securitylabel xmlns='urn:xmpp:sec-label:0'>" in "</securitylabel>"
#define LABEL(in) SEC("<label>" in "</label>")
#define PL(c) "<plain xmlns='urn:lockgate:label:0' classification='" c "' policy='NEAR'/>"
#define FAR(c) "<plain xmlns='urn:lockgate:label:0' classification='" c "' policy='FAR'/>"
#define PLAIN(c, in) "<plain xmlns='urn:lockgate:label:0' classification='" c "' policy='NEAR'>" in "</plain>"
#define CAT(t, v) "<category tag='" t "'>" v "</category>"
#define ESS(b) MX(LABEL("<esssecuritylabel xmlns='urn:xmpp:sec-label:ess:0'>" b "</esssecuritylabel>"))
#define NATO(in) "<originatorConfidentialityLabel xmlns='urn:nato:stanag:4774:confidentialitymetadatalabel:1:0'><ConfidentialityInformation>" in \
    "</ConfidentialityInformation></originatorConfidentialityLabel>"
#define EQ(in) "<equivalentlabel>" in "</equivalentlabel>"
#define ELSE "<plain xmlns='urn:lockgate:label:0' classification='Q' policy='ELSE'/>"
#define COPY(type, in) "<forwarded xmlns='urn:xmpp:forward:0'><message xmlns='jabber:client' type='" type "'><body>y</body>" in "</message></forwarded>"
#define ITEMS(in) "<iq from='romeo@low.example' to='juliet@high.example' type='result' id='q'><pubsub xmlns='http://jabber.org/protocol/pubsub'>" \
    "<items xmlns:s='urn:xmpp:sec-label:pubsub:0'>" in "</items></pubsub></iq>"
#define BACK(in) "<iq from='romeo@low.example' to='juliet@high.example' id='q' type='result'><pubsub xmlns='http://jabber.org/protocol/pubsub'><items>" in \
    "</items></pubsub></iq>"
#define WITH_ID(id, c) "<securitylabel xmlns='urn:xmpp:sec-label:0' xmlns:s='urn:xmpp:sec-label:pubsub:0' s:id='" id "'><label>" PL(c) "</label></securitylabel>"
#define NOTE(in) M "<event xmlns='http://jabber.org/protocol/pubsub#event'><items>" in "</items></event></message>"

static const struct row { const char *name, *xml, *want, *out; } rows[] = {
    { "no label: the default of the sender", MX(""), "release", NULL },
    { "no label, no default", "<message from='tybalt@high.example' to='romeo@low.example'><body>x</body></message>", "label-missing", NULL },
    { "an empty label is the default", MX(SEC("<label/>")), "release", NULL },
    { "the default of a room goes before that of a peer", "<message from='juliet@high.example/b' to='deep@low.example' type='groupchat'><body>x</body></message>",
        "label-denied", NULL },
    { "a message from the room as well", "<message from='deep@low.example/n' to='juliet@high.example/b' type='groupchat'><body>x</body></message>", "label-denied", NULL },
    { "plain", MX(LABEL(PL("SHUT"))), "release", NULL },
    { "plain, above the recipient", MX(LABEL(PL("DEEP"))), "label-denied", NULL },
    { "restrictive: all are needed", MX(LABEL(PLAIN("OPEN", CAT("Need", "A")))), "label-denied", NULL },
    { "permissive: one is enough", MX(LABEL(PLAIN("OPEN", CAT("One", "B") CAT("One", "C")))), "release", NULL },
    { "permissive: another one is not", MX(LABEL(PLAIN("OPEN", CAT("One", "C")))), "label-denied", NULL },
    { "the recipient is cleared in the partner's policy", "<message from='juliet@high.example' to='amber@low.example'><body>x</body>" LABEL(PL("SHUT")) "</message>",
        "release", NULL },
    { "a restriction that has no equivalent there", "<message from='juliet@high.example' to='amber@low.example'><body>x</body>" LABEL(PLAIN("OPEN", CAT("One", "B"))) "</message>",
        "label-denied", NULL },
    /* everybody who gets it must be cleared (XEP-0033, invitations through a room) */
    { "a further recipient who is cleared", MX(TO("cc", "deep@low.example") LABEL(PL("SHUT"))), "release", NULL },
    { "cc: who is not cleared at all", MX(TO("cc", "nobody@low.example") LABEL(PL("OPEN"))), "label-denied", NULL },
    { "to: is not cleared so far", MX(TO("to", "deep@low.example") LABEL(PL("DEEP"))), "label-denied", NULL },
    { "bcc: a category that only the first has", MX(TO("bcc", "amber@low.example") LABEL(PLAIN("OPEN", CAT("One", "B")))), "label-denied", NULL },
    { "cc: cleared in the partner's policy", MX(TO("cc", "amber@low.example") LABEL(PL("SHUT"))), "release", NULL },
    { "cc: the default counts as well", MX(TO("cc", "nobody@low.example")), "label-denied", NULL },
    { "replyto is no recipient", MX(TO("replyto", "nobody@low.example") LABEL(PL("OPEN"))), "release", NULL },
    { "who was served on the sender's side is none", MX("<addresses xmlns='http://jabber.org/protocol/address'><address type='to' jid='nobody@high.example'"
        " delivered='true'/></addresses>" LABEL(PL("OPEN"))), "release", NULL },
    { "who is invited through a room", M "<x xmlns='http://jabber.org/protocol/muc#user'><invite to='nobody@low.example'/></x>" LABEL(PL("OPEN")) "</message>",
        "label-denied", NULL },
    { "and who may be", M "<x xmlns='http://jabber.org/protocol/muc#user'><invite to='deep@low.example'/></x>" LABEL(PL("OPEN")) "</message>", "release", NULL },
    /* what is no label */
    { "two labels", MX(LABEL(PL("OPEN")) LABEL(PL("OPEN"))), "label-invalid", NULL },
    { "two label elements", MX(SEC("<label>" PL("OPEN") "</label><label>" PL("OPEN") "</label>")), "label-invalid", NULL },
    { "no label element", MX(SEC("<displaymarking>OPEN</displaymarking>")), "label-invalid", NULL },
    { "two in one label element", MX(LABEL(PL("OPEN") PL("SHUT"))), "label-invalid", NULL },
    { "text in the label", MX(LABEL("OPEN")), "label-invalid", NULL },
    { "text in the securitylabel", MX(SEC("x<label>" PL("OPEN") "</label>")), "label-invalid", NULL },
    { "a classification that there is not", MX(LABEL(PL("SECRET"))), "label-invalid", NULL },
    { "one in other letters", MX(LABEL(PL("open"))), "label-invalid", NULL },
    { "a category that there is not", MX(LABEL(PLAIN("OPEN", CAT("Need", "Z")))), "label-invalid", NULL },
    { "a category twice", MX(LABEL(PLAIN("OPEN", CAT("Need", "A") CAT("Need", "A")))), "label-invalid", NULL },
    { "an attribute of its own", MX(LABEL("<plain xmlns='urn:lockgate:label:0' classification='OPEN' policy='NEAR' also='x'/>")), "label-invalid", NULL },
    { "a form that is not known", MX(LABEL("<icismlabel xmlns='http://example.gov/IC-ISM/0' classification='S'/>")), "label-invalid", NULL },
    { "a policy that is not known", MX(LABEL(ELSE)), "label-invalid", NULL },
    { "a policy that is not known, with an equivalent", MX(SEC("<label>" ELSE "</label>" EQ(PL("SHUT")))), "release", NULL },
    { "the same, above", MX(SEC("<label>" ELSE "</label>" EQ(PL("DEEP")))), "label-denied", NULL },
    { "equivalents that say two things", MX(SEC("<label>" ELSE "</label>" EQ(PL("OPEN")) EQ(PL("SHUT")))), "label-invalid", NULL },
    { "an equivalent that says what the label says", MX(SEC("<label>" PL("SHUT") "</label>" EQ(FAR("AMBER")))), "release", NULL },
    { "an equivalent that says something else", MX(SEC("<label>" PL("SHUT") "</label>" EQ(FAR("GREEN")))), "label-invalid", NULL },
    { "an equivalent that no map joins with the label", MX(SEC("<label>" PLAIN("OPEN", CAT("One", "B")) "</label>" EQ(FAR("GREEN")))), "label-invalid", NULL },
    { "an equivalent beside an empty label", MX(SEC("<label/>" EQ(PL("OPEN")))), "label-invalid", NULL },
    { "presence carries a label", "<presence from='juliet@high.example/b' to='romeo@low.example'>" LABEL(PL("OPEN")) "</presence>", "label-invalid", NULL },
    { "presence is judged by the default", "<presence from='juliet@high.example/b' to='romeo@low.example'/>", "release", NULL },
    { "presence without a default", "<presence from='tybalt@high.example/b' to='romeo@low.example'/>", "label-missing", NULL },
    { "an error is not judged", "<message from='tybalt@high.example/b' to='romeo@low.example' type='error'><error type='cancel'><conflict xmlns='urn:ietf:params:xml:ns:xmpp-stanzas'/></error>" LABEL(PL("DEEP")) "</message>", "release",
        "<message from='tybalt@high.example/b' to='romeo@low.example' type='error'><error type='cancel'><conflict xmlns='urn:ietf:params:xml:ns:xmpp-stanzas'/></error></message>" },
    { "a request carries a label", "<iq from='juliet@high.example/b' to='romeo@low.example' type='get' id='a'>" LABEL(PL("OPEN")) "</iq>", "label-invalid", NULL },
    { "the change of a room's subject", "<message from='juliet@high.example/b' to='r@low.example' type='groupchat'><subject>s</subject>" LABEL(PL("OPEN")) "</message>",
        "label-invalid", NULL },
    { "a label deep in something else", M "<body>x</body><tree xmlns='urn:x'>" LABEL(PL("OPEN")) "</tree></message>", "label-invalid", NULL },
    { "an id on a message's label", MX(WITH_ID("1", "OPEN")), "label-invalid", NULL },
    /* ESS: 1.1 is the policy */
    { "ESS, as in XEP-0258", ESS("MQYCAQQGASk="), "release", NULL },
    { "ESS with white space around it", ESS("\n  MQYCAQQGASk=\n "), "release", NULL },
    { "ESS without a classification, as in XEP-0314", ESS("MQMGASk="), "release", NULL },
    { "ESS, above", ESS("MQYCAQUGASk="), "label-denied", NULL },
    { "ESS of another policy", ESS("MQYCAQQGASo="), "label-invalid", NULL },
    { "ESS of no policy, as in XEP-0258", ESS("MRUCAgD9DA9BcXVhIChvYnNvbGV0ZSk="), "label-invalid", NULL },
    { "ESS with an equivalent of no policy, as in XEP-0258", MX(SEC("<label><esssecuritylabel xmlns='urn:xmpp:sec-label:ess:0'>MQYCAQQGASk=</esssecuritylabel></label>"
        EQ("<esssecuritylabel xmlns='urn:xmpp:sec-label:ess:0'>MRUCAgD9DA9BcXVhIChvYnNvbGV0ZSk=</esssecuritylabel>"))), "release", NULL },
    { "ESS without padding, as in XEP-0258", ESS("MQYCAQMGASk"), "label-invalid", NULL },
    { "ESS with bits behind the end", ESS("MQMGASl="), "label-invalid", NULL },
    { "ESS with a classification that there is not", ESS("MQYCAQIGASk="), "label-invalid", NULL },
    { "ESS, the order changed", ESS("MQYGASkCAQQ="), "label-invalid", NULL },
    { "ESS, a long length for a short one", ESS("MYEGAgEEBgEp"), "label-invalid", NULL },
    { "ESS, a number with a leading zero", ESS("MQcCAgAEBgEp"), "label-invalid", NULL },
    { "ESS, bytes behind it", ESS("MQYCAQQGASkA"), "label-invalid", NULL },
    { "ESS, cut", ESS("MQYCAQQG"), "label-invalid", NULL },
    { "ESS, no SET", ESS("MAYCAQQGASk="), "label-invalid", NULL },
    /* STANAG 4774 */
    { "STANAG", MX(LABEL(NATO("<PolicyIdentifier URI='urn:near'>NEAR</PolicyIdentifier><Classification>SHUT</Classification>"))), "release", NULL },
    { "STANAG with a category", MX(LABEL(NATO("<PolicyIdentifier>NEAR</PolicyIdentifier><Classification>SHUT</Classification><Category TagName='One' Type='PERMISSIVE'>"
        "<GenericValue>C</GenericValue></Category>"))), "label-denied", NULL },
    { "STANAG, a category of another type", MX(LABEL(NATO("<PolicyIdentifier>NEAR</PolicyIdentifier><Classification>SHUT</Classification>"
        "<Category TagName='One' Type='INFORMATIVE'><GenericValue>C</GenericValue></Category>"))), "label-invalid", NULL },
    { "STANAG, name and URI of two policies", MX(LABEL(NATO("<PolicyIdentifier URI='urn:far'>NEAR</PolicyIdentifier><Classification>SHUT</Classification>"))), "label-invalid", NULL },
    { "STANAG, no classification", MX(LABEL(NATO("<PolicyIdentifier>NEAR</PolicyIdentifier>"))), "label-invalid", NULL },
    { "STANAG, something more", MX(LABEL(NATO("<PolicyIdentifier>NEAR</PolicyIdentifier><Classification>SHUT</Classification><Also/>"))), "label-invalid", NULL },
    { "STANAG, a mark that lies", MX(LABEL(NATO("<PolicyIdentifier>NEAR</PolicyIdentifier><Classification>SHUT</Classification><PrivacyMark>OPEN</PrivacyMark>"))),
        "label-invalid", NULL },
    /* copies and items */
    { "a copy with a label", MX(COPY("chat", LABEL(PL("SHUT")))), "release", NULL },
    { "a copy above", MX(COPY("chat", LABEL(PL("DEEP")))), "label-denied", NULL },
    { "a label in the copy of an error", MX(COPY("error", LABEL(PL("OPEN")))), "label-invalid", NULL },
    { "an item above is left out", ITEMS("<item id='1'>" LABEL(PL("OPEN")) "</item><item id='2'>" LABEL(PL("DEEP")) "</item>"), "release", BACK("<item id='1'/>") },
    { "all items above are left out of an answer", ITEMS("<item id='2'>" LABEL(PL("DEEP")) "</item>"), "release",
        "<iq from='romeo@low.example' to='juliet@high.example' id='q' type='result'><pubsub xmlns='http://jabber.org/protocol/pubsub'><items/></pubsub></iq>" },
    { "items that name their label", ITEMS("<item id='1' s:label='a'/><item id='2' s:label='b'/><item id='3' s:label='b'/>" WITH_ID("a", "SHUT") WITH_ID("b", "DEEP")), "release",
        BACK("<item id='1'/>") },
    { "an item that names no label", ITEMS("<item id='1' s:label='a'/>"), "label-invalid", NULL },
    { "a label that no item names", ITEMS("<item id='1'/>" WITH_ID("a", "OPEN")), "label-invalid", NULL },
    { "two labels of one id", ITEMS("<item id='1' s:label='a'/>" WITH_ID("a", "OPEN") WITH_ID("a", "DEEP")), "label-invalid", NULL },
    { "a notification of which something is left", NOTE("<item id='1'>" LABEL(PL("OPEN")) "</item><item id='2'>" LABEL(PL("DEEP")) "</item>"), "release", NULL },
    { "a notification of which nothing would be left", NOTE("<item id='2'>" LABEL(PL("DEEP")) "</item>"), "label-denied", NULL },
    { "between other domains nothing is enforced", "<message from='juliet@high.example' to='x@other.example'><body>x</body>" LABEL(PL("DEEP")) "</message>", "release", NULL },
};

static void run_rows(struct policy *p)
{
    struct pol_eval *e = pol_eval_new(p, NULL);
    for (size_t i = 0; e && i < sizeof rows / sizeof *rows; i++) {
        struct rec *r = help_stanza(rows[i].xml);
        bool low = strstr(rows[i].xml, "from='romeo@low") || strstr(rows[i].xml, "from='deep@low");
        const struct pol_verdict *v = r ? help_judge(e, r, low ? GW_LOW : GW_HIGH, 1, NULL, 0, HELP_ANSWERS) : NULL;
        const char *got = !v ? "?" : v->verdict == GW_V_RELEASE ? "release" : e->labels->invalid ? "label-invalid" : gw_reason_code(v->reason);
        ok(!strcmp(got, rows[i].want) && (!rows[i].out || help_is(v->out, rows[i].out)), "%s: %s", rows[i].name, rows[i].want);
        if (strcmp(got, rows[i].want) != 0)
            diag("it is %s", got);
        rec_free(r);
    }
    pol_eval_free(e);
}

/* ---- relabel, watch mode, catalogue ---- */

static const struct change { const char *name, *rule, *xml, *want; } changes[] = {
    { "translated, with its marking in the first line", "label = { policy = \"FAR\"; first_line = true; };", MX(LABEL(PL("SHUT"))),
        M "<body>FAR AMBER&#10;x</body>" SEC("<displaymarking>FAR AMBER</displaymarking><label>" FAR("AMBER") "</label>") "</message>" },
    { "an old marking gives way", "label = { policy = \"FAR\"; first_line = true; };", M "<body>SHUT\nx</body>" LABEL(PL("SHUT")) "</message>",
        M "<body>FAR AMBER&#10;x</body>" SEC("<displaymarking>FAR AMBER</displaymarking><label>" FAR("AMBER") "</label>") "</message>" },
    { "the default is written out", "label = { policy = \"FAR\"; };", MX(""),
        M "<body>x</body>" SEC("<displaymarking>FAR GREEN</displaymarking><label>" FAR("GREEN") "</label>") "</message>" },
    { "its equivalents and its marking are written anew", "label = { policy = \"FAR\"; };",
        MX(SEC("<displaymarking fgcolor='pink'>shut</displaymarking><label>" PL("SHUT") "</label>" EQ(ELSE))),
        M "<body>x</body>" SEC("<displaymarking>FAR AMBER</displaymarking><label>" FAR("AMBER") "</label>") "</message>" },
    { "into ESS", "label = { policy = \"NEAR\"; form = \"ess\"; };", MX(LABEL(PL("SHUT"))),
        M "<body>x</body>" SEC("<displaymarking>SHUT</displaymarking><label><esssecuritylabel xmlns='urn:xmpp:sec-label:ess:0'>MQYCAQQGASk=</esssecuritylabel></label>") "</message>" },
    { "set, whatever it was", "label = { policy = \"NEAR\"; classification = \"OPEN\"; form = \"plain\"; };", MX(LABEL(PL("DEEP"))),
        M "<body>x</body>" SEC("<displaymarking>OPEN</displaymarking><label>" PL("OPEN") "</label>") "</message>" },
    { "no equivalent: refused", "label = { policy = \"FAR\"; };", MX(LABEL(PLAIN("OPEN", CAT("One", "B")))), NULL },
    { "presence stays as it is", "label = { policy = \"FAR\"; };", "<presence from='juliet@high.example/b' to='romeo@low.example'/>",
        "<presence from='juliet@high.example/b' to='romeo@low.example'/>" } };

static void run_changes(void)
{
    for (size_t i = 0; i < sizeof changes / sizeof *changes; i++) {
        char rules[600];
        snprintf(rules, sizeof rules, "{ id = 1; name = \"c\"; action = \"relabel\"; %s }, { id = 2; name = \"r\"; action = \"release\"; }", changes[i].rule);
        struct policy *p = help_load(rules);
        struct pol_eval *e = p ? pol_eval_new(p, NULL) : NULL;
        struct rec *r = help_stanza(changes[i].xml);
        const struct pol_verdict *v = e && r ? help_judge(e, r, GW_HIGH, 1, NULL, 0, HELP_ANSWERS) : NULL;
        if (changes[i].want)
            ok(v && v->out && help_is(v->out, changes[i].want), "relabel: %s", changes[i].name);
        else
            ok(v && !v->out && v->reason == GW_R_CHANGE_FAILED, "relabel: %s", changes[i].name);
        if (v && v->out && i == 0)
            ok(str_eq(v->label_in, STR("NEAR: SHUT")) && str_eq(v->label_out, STR("FAR: FAR AMBER")), "the verdict names the label as it came and as it leaves");
        rec_free(r);
        pol_eval_free(e);
        policy_free(p);
    }
}

/* What a rule did before, and the labels. */
static const struct after { const char *name, *profiles, *rules, *xml; enum gw_reason want; } afters[] = {
    { "a label that no profile names is not lost after a redaction", "\"im\", \"errors\"", "{ id = 1; name = \"l\"; action = \"relabel\"; label = { policy = \"FAR\"; }; }, "
        "{ id = 2; name = \"c\"; when = { text = \"x\"; }; action = \"redact\"; with = \"y\"; }, ", MX(""), GW_R_CHANGE_FAILED },
    { "a further recipient whom a redaction made another", NULL, "{ id = 1; name = \"c\"; when = { text = \"eep\"; }; action = \"redact\"; with = \"\"; }, ",
        MX(TO("cc", "deep@low.example") LABEL(PLAIN("SHUT", CAT("One", "B")))), GW_R_LABEL_DENIED },
    { "and one who stays who he is", NULL, "{ id = 1; name = \"c\"; when = { text = \"eep\"; }; action = \"redact\"; with = \"\"; }, ",
        M "<body>sheep</body>" TO("cc", "romeo@low.example") LABEL(PLAIN("SHUT", CAT("One", "B"))) "</message>", GW_R_RULE },
    { "a further recipient who was taken out asks for nothing any more", NULL, "{ id = 1; name = \"c\"; action = \"strip\"; elements = [ \"{http://jabber.org/protocol/address}addresses\" ]; }, ",
        MX(TO("cc", "d@low.example") LABEL(PLAIN("SHUT", CAT("One", "B")))), GW_R_RULE },
    { "a label that would be another one by a redaction", NULL, "{ id = 1; name = \"c\"; when = { text = \"AMBER\"; }; action = \"redact\"; with = \"GREEN\"; }, ",
        MX(LABEL(FAR("AMBER"))), GW_R_CHANGE_FAILED },
    { "or by a strip", NULL, "{ id = 1; name = \"c\"; action = \"strip\"; elements = [ \"{urn:lockgate:label:0}category\" ]; }, ",
        MX(LABEL(PLAIN("SHUT", CAT("One", "B")))), GW_R_CHANGE_FAILED },
    { "a label of which no profile names the inside", "\"im\", \"errors\", \"hollow\"", "{ id = 1; name = \"l\"; action = \"relabel\"; label = { policy = \"FAR\"; }; }, "
        "{ id = 2; name = \"c\"; when = { text = \"x\"; }; action = \"redact\"; with = \"y\"; }, ", MX(""), GW_R_CHANGE_FAILED },
    { "and of which it came so: a rule can see it", "\"im\", \"errors\", \"hollow\"", "{ id = 1; name = \"l\"; when = { label_lost = true; }; action = \"strip\"; "
        "elements = [ \"{jabber:server}body\", \"{urn:xmpp:sec-label:0}securitylabel\" ]; }, ", MX(LABEL(PL("SHUT"))), GW_R_CHANGE_FAILED } };

static void run_afters(void)
{
    const char *profiles = help_profiles;
    for (size_t i = 0; i < sizeof afters / sizeof *afters; i++) {
        char rules[600];
        snprintf(rules, sizeof rules, "%s{ id = 9; name = \"r\"; action = \"release\"; }", afters[i].rules);
        help_profiles = afters[i].profiles ? afters[i].profiles : profiles;
        struct policy *p = help_load(rules);
        struct pol_eval *e = p ? pol_eval_new(p, NULL) : NULL;
        struct rec *r = help_stanza(afters[i].xml);
        const struct pol_verdict *v = e && r ? help_judge(e, r, GW_HIGH, 1, NULL, 0, HELP_ANSWERS) : NULL;
        ok(v && v->reason == afters[i].want && (v->out != NULL) == (afters[i].want == GW_R_RULE), "after a change: %s (%s)", afters[i].name, v ? gw_reason_code(v->reason) : "-");
        rec_free(r);
        pol_eval_free(e);
        policy_free(p);
    }
    help_profiles = profiles;
}

/* A change frees the record that came before it, of which nothing that is still asked for may be a piece. */
static void run_kept(void)
{
    struct policy *p = help_load("{ id = 1; name = \"r\"; action = \"release\"; }");
    struct pol_eval *e = p ? pol_eval_new(p, NULL) : NULL;
    struct rec *r = help_stanza(MX(SEC("<displaymarking>SHUT</displaymarking><label>" PL("SHUT") "</label>")));
    bool own = e && r && help_judge(e, r, GW_HIGH, 1, NULL, 0, HELP_ANSWERS) && e->labels->n == 1 && str_eq(e->labels->v[0].marking, STR("SHUT"));
    for (uint32_t i = 0; own && i < r->n_nodes; i++)
        own = e->labels->v[0].marking.p != r->nodes[i].text.p;
    ok(own, "the marking is no piece of the record");
    rec_free(r);
    pol_eval_free(e);
    policy_free(p);
}

/* What leaves without its label is not said to have one. */
static void run_stripped(void)
{
    struct policy *p = help_load("{ id = 1; name = \"s\"; action = \"strip\"; elements = [ \"{urn:xmpp:sec-label:0}securitylabel\" ]; }, { id = 2; name = \"r\"; action = \"release\"; }");
    struct pol_eval *e = p ? pol_eval_new(p, NULL) : NULL;
    struct rec *r = help_stanza(MX(LABEL(PL("SHUT"))));
    const struct pol_verdict *v = e && r ? help_judge(e, r, GW_HIGH, 1, NULL, 0, HELP_ANSWERS) : NULL;
    ok(v && v->out && help_is(v->out, M "<body>x</body></message>") && str_eq(v->label_in, STR("NEAR: SHUT")) && !v->label_out.n, "a label that a rule strips is not said to leave");
    rec_free(r);
    pol_eval_free(e);
    policy_free(p);
}

/* One label of many items, with a long marking: it is kept once, and nothing of it when the judgement is over. */
static void run_shared(void)
{
    static char xml[65536];
    enum { LONG = 30000, ITEMS = 200 };
    size_t n = (size_t)snprintf(xml, sizeof xml, "<iq from='romeo@low.example' to='juliet@high.example' type='result' id='q'><pubsub xmlns='http://jabber.org/protocol/pubsub'>"
        "<items xmlns:s='urn:xmpp:sec-label:pubsub:0'>");
    for (int i = 0; i < ITEMS; i++)
        n += (size_t)snprintf(xml + n, sizeof xml - n, "<item id='%d' s:label='a'/>", i);
    n += (size_t)snprintf(xml + n, sizeof xml - n, "<securitylabel xmlns='urn:xmpp:sec-label:0' s:id='a'><displaymarking>");
    memset(xml + n, 'm', LONG);
    n += LONG;
    (void)snprintf(xml + n, sizeof xml - n, "</displaymarking><label>" PL("OPEN") "</label></securitylabel></items></pubsub></iq>");
    struct policy *p = help_load("{ id = 1; name = \"r\"; action = \"release\"; }");
    struct pol_eval *e = p ? pol_eval_new(p, NULL) : NULL;
    struct rec *r = help_stanza(xml);
    bool judged = e && r && help_judge(e, r, GW_LOW, 1, NULL, 0, HELP_ANSWERS);
    ok(judged && e->labels->n >= ITEMS && e->labels->v[ITEMS - 1].marking.n == LONG && e->arena.used < 10 * LONG, "a label of %d items is kept once (%zu bytes of arena)", ITEMS,
        e ? e->arena.used : 0);
    if (e)
        pol_rest(e);
    ok(judged && e->arena.used == 0 && !e->own, "at rest it keeps nothing");
    rec_free(r);
    pol_eval_free(e);
    policy_free(p);
}

#define ABOVE "{ id = 1; name = \"n\"; when = { label_above_clearance = true; }; action = \"reject\"; }"
static const struct watched { const char *name, *head, *rules, *xml; enum gw_reason reason; bool crosses; } watched[] = {
    { "labels are enforced all the same", "", ABOVE, MX(LABEL(PL("DEEP"))), GW_R_RULE, false },
    { "what the allow-list refuses crosses", "unnamed = \"refuse\";", ABOVE, MX("<y xmlns='urn:y'/>" TO("cc", "deep@low.example") LABEL(PLAIN("SHUT", CAT("One", "B")))),
        GW_R_NOT_IN_SCHEMA, true },
    { "and not if its label is above a further recipient", "unnamed = \"refuse\";", ABOVE, MX("<y xmlns='urn:y'/>" TO("cc", "d@low.example") LABEL(PLAIN("SHUT", CAT("One", "B")))),
        GW_R_NOT_IN_SCHEMA, false },
    { "and not if the last change made it another's", "", "{ id = 1; name = \"n\"; when = { text = \"eep\"; }; action = \"redact\"; with = \"\"; }",
        MX(TO("cc", "deep@low.example") LABEL(PLAIN("SHUT", CAT("One", "B")))), GW_R_DEFAULT_DENY, false },
    { "nor if it is of elsewhere now", "", "{ id = 1; name = \"n\"; when = { text = \"low.ex\"; not = { to = \"x@y\"; }; }; action = \"redact\"; with = \"\"; }",
        MX(TO("cc", "deep@low.example") LABEL(PL("OPEN"))), GW_R_CARRIED, false } };

static void run_watch(void)
{
    const char *head = help_head;
    for (size_t i = 0; i < sizeof watched / sizeof *watched; i++) {
        char text[2000];
        snprintf(text, sizeof text, "%s%s", head, watched[i].head);
        help_head = text;
        struct policy *p = help_load(watched[i].rules);
        struct pol_eval *e = p ? pol_eval_new(p, NULL) : NULL;
        struct rec *r = help_stanza(watched[i].xml);
        if (e)
            pol_watch(e, true);
        const struct pol_verdict *v = e && r ? help_judge(e, r, GW_HIGH, 1, NULL, 0, HELP_ANSWERS) : NULL;
        ok(v && v->reason == watched[i].reason && (v->verdict == GW_V_RELEASE) == watched[i].crosses && (v->out != NULL) == watched[i].crosses, "in watch mode: %s (%s)",
            watched[i].name, v ? gw_reason_code(v->reason) : "-");
        rec_free(r);
        pol_eval_free(e);
        policy_free(p);
    }
    help_head = head;
}

static size_t offers(struct policy *p, const char *xml, const char *marking)
{
    struct pol_eval *e = pol_eval_new(p, NULL);
    struct rec *r = help_stanza(xml);
    const struct pol_verdict *v = e && r ? help_judge(e, r, GW_HIGH, 1, NULL, 0, HELP_ANSWERS) : NULL;
    size_t n = 0, with = 0;
    for (uint32_t i = 0; v && v->reply && i < v->reply->n_nodes; i++) {
        const struct rec_node *x = &v->reply->nodes[i];
        n += !x->is_text && str_eq(x->name, STR("item"));
        with += x->is_text && str_eq(x->text, str_c(marking));
    }
    if (v && !v->reply)
        n = SIZE_MAX;
    rec_free(r);
    pol_eval_free(e);
    return with ? n + 1000 : n;
}

static void run_catalogue(void)
{
#define ASK(to) "<iq from='juliet@high.example/b' to='low.example' type='get' id='c'><catalog xmlns='urn:xmpp:sec-label:catalog:2' to='" to "'/></iq>"
    struct policy *p = help_load("{ id = 1; name = \"c\"; kind = \"iq\"; type = \"get\"; action = \"answer\"; answers = { labels = true; }; }");
    if (!ok(p != NULL, "a rule that answers catalogue requests loads"))
        return;
    /* romeo: NEAR OPEN and SHUT, each alone and with B; amber: FAR AMBER at most, so OPEN and SHUT without categories */
    ok(offers(p, ASK("romeo@low.example"), "SHUT/B") == 1004, "the catalogue has what both are cleared for, with one category");
    ok(offers(p, ASK("romeo@low.example"), "DEEP") == 4, "and nothing above");
    ok(offers(p, ASK("amber@low.example"), "SHUT") == 1002, "towards somebody who is cleared in another policy: what can be said there");
    ok(offers(p, ASK("romeo@elsewhere.example"), "OPEN") == SIZE_MAX, "about a domain that the question does not go to: refused");
    policy_free(p);
}

/* ---- service discovery ---- */

static const char third[] = "clearances = ( { who = [ \"third.example\" ]; policy = \"NEAR\"; upto = \"OPEN\"; } );\n"
    "defaults = ( { from = [ \"third.example\" ]; policy = \"NEAR\"; classification = \"OPEN\"; } );\n"
    "pairs = ( { between = [ \"high.example\", \"third.example\" ]; clearances = ( { policy = \"NEAR\"; upto = \"OPEN\"; } ); } );\n";
#define INFO "http://jabber.org/protocol/disco#info"
#define F(var) "<feature var='" var "'/>"
#define TOLD(from, node, in) "<iq from='" from "' to='juliet@high.example/b' id='d' type='result'><query xmlns='" INFO "'" node ">" in "</query></iq>"
#define IDENTITY "<identity category='server' type='im'/>"
#define OWN F("urn:xmpp:sec-label:0")
#define OFFERS F("urn:xmpp:sec-label:catalog:2")
#define ANSWERING "{ id = 1; name = \"c\"; kind = \"iq\"; type = \"get\"; action = \"answer\"; answers = { labels = true; }; },"
#define TREE "\"im\", \"errors\", \"any\", \"labels\", \"disco\""

static const struct discovery { const char *name, *head, *profiles, *rules, *xml, *want; } discoveries[] = {
    { "a domain is told to have labels, and a catalogue", "labels = [ \"l\", \"third\" ];", TREE, ANSWERING, TOLD("third.example", "", IDENTITY F(INFO)),
        TOLD("third.example", "", IDENTITY F(INFO) OWN OFFERS) },
    { "what it says itself is not said twice", "labels = [ \"l\", \"third\" ];", TREE, ANSWERING, TOLD("third.example", "", OFFERS OWN), TOLD("third.example", "", OFFERS OWN) },
    { "no rule answers for catalogues: none is promised", "labels = [ \"l\", \"third\" ];", TREE, "", TOLD("third.example", "", IDENTITY OFFERS),
        TOLD("third.example", "", IDENTITY OWN) },
    { "a person's client says it itself", "labels = [ \"l\", \"third\" ];", TREE, ANSWERING, TOLD("porter@third.example/b", "", OWN), TOLD("porter@third.example/b", "", OWN) },
    { "or does not", "labels = [ \"l\", \"third\" ];", TREE, ANSWERING, TOLD("porter@third.example/b", "", F(INFO)), TOLD("porter@third.example/b", "", F(INFO)) },
    { "a node of a domain is something else", "labels = [ \"l\", \"third\" ];", TREE, ANSWERING, TOLD("third.example", " node='x'", F(INFO)), TOLD("third.example", " node='x'", F(INFO)) },
    { "no profile lets labels through: no feature", "labels = [ \"l\", \"third\" ];", "\"im\", \"errors\", \"any\", \"disco\"", ANSWERING,
        TOLD("third.example", "", F(INFO) OWN), TOLD("third.example", "", F(INFO)) },
    { "no label policies: no feature, whoever says so", "", TREE, "", TOLD("porter@third.example/b", "", F(INFO) OWN OFFERS F("urn:xmpp:sec-label:1")),
        TOLD("porter@third.example/b", "", F(INFO)) },
    { "nor of a domain", "", TREE, "", TOLD("third.example", "", F(INFO)), TOLD("third.example", "", F(INFO)) } };

static void run_discovery(void)
{
    const char *profiles = help_profiles, *head = help_head;
    help_file("labels/third.conf", third);
    for (size_t i = 0; i < sizeof discoveries / sizeof *discoveries; i++) {
        const struct discovery *d = &discoveries[i];
        char rules[600];
        snprintf(rules, sizeof rules, "%s { id = 9; name = \"r\"; action = \"release\"; }", d->rules);
        help_profiles = d->profiles;
        help_head = d->head;
        struct policy *p = help_load(rules);
        struct pol_eval *e = p ? pol_eval_new(p, NULL) : NULL;
        struct rec *r = help_stanza(d->xml);
        const struct pol_verdict *v = e && r ? help_judge(e, r, GW_LOW, 1, NULL, 0, HELP_ANSWERS) : NULL;
        ok(v && v->out && help_is(v->out, d->want), "discovery: %s", d->name);
        rec_free(r);
        pol_eval_free(e);
        policy_free(p);
    }
    help_profiles = profiles;
    help_head = head;
}

/* A file of the shipped rules, copied. */
static void shipped(const char *name)
{
    static char text[32768];
    char path[128];
    snprintf(path, sizeof path, "rules/%s", name);
    FILE *f = fopen(path, "r");
    size_t n = f ? fread(text, 1, sizeof text - 1, f) : 0;
    text[n] = 0;
    if (ok(n > 0, "%s is there", path))
        help_file(name, text);
    if (f)
        fclose(f);
}

int main(void)
{
    if (!ok(help_begin(), "a rules folder"))
        return done_testing();
    help_file("labels/l.conf", conf);
    help_file("profiles/any.conf", anything);
    help_file("profiles/hollow.conf", "title = \"t\"; unnamed = \"strip\"; elements = ( { element = \"{urn:xmpp:sec-label:0}securitylabel\"; in = [ \"message\" ]; "
        "children = ( { element = [ \"label\", \"displaymarking\" ]; text = \"any\"; } ); } );");
    help_profiles = "\"im\", \"errors\", \"any\", \"labels\"";
    shipped("profiles/im.conf");
    shipped("profiles/errors.conf");
    shipped("profiles/labels.conf");
    shipped("profiles/disco.conf");
    help_head = "labels = [ \"l\" ];";
    struct policy *p = help_load("{ id = 1; name = \"r\"; action = \"release\"; }");
    if (ok(p != NULL, "the labels load"))
        run_rows(p);
    policy_free(p);
    run_changes();
    run_afters();
    run_kept();
    run_stripped();
    run_shared();
    run_watch();
    run_catalogue();
    run_discovery();
    help_end();
    return done_testing();
}
