// link: policy xmpp record ipc base
// libs: -lexpat -lcrypto -licuuc -licudata -lconfig
/* SPDX-License-Identifier: GPL-3.0-or-later
 * What a profile can say: elements told apart by attributes, types and forms, what must be there, groups that contain themselves, several
 * profiles about one element, values out of a list. Each row is a profile and a stanza, with what leaves, or NULL: it is refused. */
#include "policy_help.h"

#define M(inner) "<message from='a@high.example/r' to='b@low.example'>" inner "</message>"
#define OUT(inner) "<message from='a@high.example/r' to='b@low.example'>" inner "</message>"
#define Q(inner) "<iq from='a@high.example/r' to='b@low.example' type='set' id='1'>" inner "</iq>"
#define ONLY_BODY "{ element = \"{jabber:server}body\"; in = [ \"message\" ]; text = \"any\"; }"
#define BODY ONLY_BODY ","
#define STRIP "title = \"t\"; unnamed = \"strip\"; "
#define REFUSE "title = \"t\"; unnamed = \"refuse\"; "

#define NODES STRIP "elements = (" BODY "{ element = \"{urn:p}p\"; in = [ \"message\", \"iq\" ]; filled = true; children = (" \
    "{ element = \"items\"; attributes = [ \"node! =urn:a\" ]; children = ( { element = \"a\"; text = \"number\"; } ); }," \
    "{ element = \"items\"; attributes = [ \"node! =urn:b\" ]; children = ( { element = \"b\"; } ); } ); } );"
#define FORMS STRIP "elements = (" BODY "{ element = \"{jabber:x:data}x\"; in = [ \"message\" ]; form_type = \"urn:f\"; attributes = [ \"type! =submit\" ];" \
    "children = ( { element = \"field\"; attributes = [ \"var! =FORM_TYPE\" ]; children = ( { element = \"value\"; text = \"id\"; } ); }," \
    "{ element = \"field\"; max = 1; attributes = [ \"var! =age\" ]; children = ( { element = \"value\"; min = 1; text = \"number\"; } ); } ); } );"
#define FORM(type, more) "<x xmlns='jabber:x:data' type='submit'><field var='FORM_TYPE'><value>" type "</value></field>" more "</x>"
#define GROUPS STRIP "namespace = \"urn:h\"; groups = ( { name = \"in\"; elements = ( { element = \"em\"; text = \"any\"; use = [ \"in\" ]; } ); } );" \
    "elements = (" BODY "{ element = \"p\"; in = [ \"message\" ]; text = \"any\"; use = [ \"in\" ]; } );"
#define MIN(how) how "elements = (" BODY "{ element = \"{urn:m}m\"; in = [ \"message\", \"iq\" ]; children = ( { element = \"k\"; min = 2; max = 3; } ); } );"
#define CHOICE(how, in) how "groups = ( { name = \"one\"; elements = ( { element = [ \"{urn:c}x\", \"{urn:c}y\", \"{urn:c}z\" ]; choice = true; min = 1; max = 1; } ); } );" \
    "elements = (" BODY "{ element = \"{urn:c}c\"; in = [ \"message\" ]; children = ( { element = \"a\"; max = 1; }" in
#define CHOICE_OWN(how) CHOICE(how, ", { element = [ \"x\", \"y\", \"z\" ]; choice = true; min = 1; max = 1; } ); } );")
#define CHOICE_USED(how) CHOICE(how, " ); use = [ \"one\" ]; } );")
#define OWN STRIP "elements = (" BODY "{ element = \"{urn:d}delay\"; in = [ \"message\" ]; attributes = [ \"from? own\", \"stamp! date\" ]; } );"
#define LIST STRIP "elements = (" BODY "{ element = \"{urn:l}l\"; in = [ \"message\" ]; attributes = [ \"node! @nodes\" ]; },"\
    "{ element = \"{urn:l}m\"; in = [ \"message\" ]; text = \"@nodes\"; } );"

static const struct row { const char *name, *profile, *other, *xml, *out; } rows[] = {
    { "an item of its own node", NODES, NULL, M("<p xmlns='urn:p'><items node='urn:a'><a>1</a></items></p>"), OUT("<p xmlns='urn:p'><items node='urn:a'><a>1</a></items></p>") },
    { "an item of another node goes", NODES, NULL, M("<body>x</body><p xmlns='urn:p'><items node='urn:b'><a>1</a><b/></items></p>"),
        OUT("<body>x</body><p xmlns='urn:p'><items node='urn:b'><b/></items></p>") },
    { "a node that is not named: nothing is left", NODES, NULL, M("<body>x</body><p xmlns='urn:p'><items node='urn:c'><a>1</a></items></p>"), OUT("<body>x</body>") },
    { "without its node it is none of them", NODES, NULL, M("<p xmlns='urn:p'><items><a>1</a></items></p>"), NULL },
    { "a request of which nothing is left is refused", NODES, NULL, Q("<p xmlns='urn:p'><items node='urn:c'/></p>"), NULL },
    { "a form of its type", FORMS, NULL, M(FORM("urn:f", "<field var='age'><value>7</value></field>")), OUT(FORM("urn:f", "<field var='age'><value>7</value></field>")) },
    { "a form of another type", FORMS, NULL, M("<body>x</body>" FORM("urn:g", "")), OUT("<body>x</body>") },
    { "a form of two types", FORMS, NULL, M(FORM("urn:f", "<field var='FORM_TYPE'><value>urn:g</value></field>")), NULL },
    { "a field that the form does not have", FORMS, NULL, M(FORM("urn:f", "<field var='name'><value>x</value></field>")), OUT(FORM("urn:f", "")) },
    { "a value of another form takes its field along", FORMS, NULL, M(FORM("urn:f", "<field var='age'><value>old</value></field>")), OUT(FORM("urn:f", "")) },
    { "a group inside itself", GROUPS, NULL, M("<p xmlns='urn:h'>a <em>b <em>c</em></em><i>d</i></p>"), OUT("<p xmlns='urn:h'>a <em>b <em>c</em></em></p>") },
    { "what must be there is there", MIN(STRIP), NULL, M("<m xmlns='urn:m'><k/><k/></m>"), OUT("<m xmlns='urn:m'><k/><k/></m>") },
    { "too few: it goes", MIN(STRIP), NULL, M("<body>x</body><m xmlns='urn:m'><k/></m>"), OUT("<body>x</body>") },
    { "too few: refused", MIN(REFUSE), NULL, M("<body>x</body><m xmlns='urn:m'><k/></m>"), NULL },
    { "too few in a request: refused, though the profile strips", MIN(STRIP), NULL, Q("<m xmlns='urn:m'><k/></m>"), NULL },
    { "too many: the last goes", MIN(STRIP), NULL, M("<m xmlns='urn:m'><k/><k/><k/><k/></m>"), OUT("<m xmlns='urn:m'><k/><k/><k/></m>") },
    { "one of a choice", CHOICE_OWN(REFUSE), NULL, M("<c xmlns='urn:c'><a/><y/></c>"), OUT("<c xmlns='urn:c'><a/><y/></c>") },
    { "two of a choice: the second goes", CHOICE_OWN(STRIP), NULL, M("<c xmlns='urn:c'><z/><x/><a/></c>"), OUT("<c xmlns='urn:c'><z/><a/></c>") },
    { "two of a choice: refused", CHOICE_OWN(REFUSE), NULL, M("<c xmlns='urn:c'><x/><y/></c>"), NULL },
    { "none of a choice: it goes", CHOICE_OWN(STRIP), NULL, M("<body>x</body><c xmlns='urn:c'><a/></c>"), OUT("<body>x</body>") },
    { "a choice in a group: one", CHOICE_USED(REFUSE), NULL, M("<c xmlns='urn:c'><z/></c>"), OUT("<c xmlns='urn:c'><z/></c>") },
    { "a choice in a group: two", CHOICE_USED(STRIP), NULL, M("<c xmlns='urn:c'><y/><z/></c>"), OUT("<c xmlns='urn:c'><y/></c>") },
    { "a choice in a group: none", CHOICE_USED(REFUSE), NULL, M("<c xmlns='urn:c'><a/></c>"), NULL },
    { "delayed by its own server", OWN, NULL, M("<delay xmlns='urn:d' from='high.example' stamp='2023-01-01T00:00:00Z'/>"), OUT("<delay xmlns='urn:d' from='high.example' stamp='2023-01-01T00:00:00Z'/>") },
    { "delayed by nobody in particular", OWN, NULL, M("<delay xmlns='urn:d' stamp='2023-01-01T00:00:00Z'/>"), OUT("<delay xmlns='urn:d' stamp='2023-01-01T00:00:00Z'/>") },
    { "said to be delayed by us", OWN, NULL, M("<body>x</body><delay xmlns='urn:d' from='low.example' stamp='2023-01-01T00:00:00Z'/>"), OUT("<body>x</body>") },
    { "without the attribute that must be there", OWN, NULL, M("<body>x</body><delay xmlns='urn:d' from='high.example'/>"), OUT("<body>x</body>") },
    { "a value out of a list", LIST, NULL, M("<l xmlns='urn:l' node='urn:one'/><m xmlns='urn:l'>urn:two</m>"), OUT("<l xmlns='urn:l' node='urn:one'/><m xmlns='urn:l'>urn:two</m>") },
    { "a value that is not in it", LIST, NULL, M("<body>x</body><l xmlns='urn:l' node='urn:three'/><m xmlns='urn:l'>three</m>"), OUT("<body>x</body>") },
    { "no value where one out of a list is wanted", LIST, NULL, M("<body>x</body><m xmlns='urn:l'/>"), OUT("<body>x</body>") },
    { "text alone is taken out, and nothing is left", STRIP "elements = (" ONLY_BODY ");", NULL, M("words"), NULL },
    { "a message that never said anything", STRIP "elements = (" ONLY_BODY ");", NULL, M("\n "), "<message from='a@high.example/r' to='b@low.example'/>" },
#define SHARED(how, node, child) how "elements = ( { element = \"{urn:p}p\"; in = [ \"message\" ]; shared = true; filled = true; children = (" \
    "{ element = \"items\"; attributes = [ \"node! =" node "\" ]; children = ( { element = \"" child "\"; } ); } ); } );"
    { "two profiles about one element: the first", SHARED(STRIP, "x", "one"), SHARED(STRIP, "y", "two"), M("<p xmlns='urn:p'><items node='x'><one/></items></p>"),
        OUT("<p xmlns='urn:p'><items node='x'><one/></items></p>") },
    { "two profiles about one element: the second", SHARED(STRIP, "x", "one"), SHARED(STRIP, "y", "two"), M("<p xmlns='urn:p'><items node='y'><one/><two/></items></p>"),
        OUT("<p xmlns='urn:p'><items node='y'><two/></items></p>") },
#define TYPED(type, child) STRIP "elements = ( { element = \"{urn:p}p\"; in = [ \"message\" ]; " type " shared = true; children = ( { element = \"" child "\"; } ); } );"
#define CHAT "type = [ \"chat\" ];"
#define NORMAL "type = [ \"normal\" ];"
    { "two profiles about one element of two types: neither takes the other's", TYPED(CHAT, "one"), TYPED(NORMAL, "two"),
        M("<p xmlns='urn:p'><one/><two/></p>"), OUT("<p xmlns='urn:p'><two/></p>") },
    { "two profiles about one element of one type", TYPED(NORMAL, "one"), TYPED(NORMAL, "two"), M("<p xmlns='urn:p'><one/><two/></p>"), OUT("<p xmlns='urn:p'><one/><two/></p>") },
    { "who refuses wins for what both name", SHARED(STRIP, "x", "one"), SHARED(REFUSE, "y", "two"), M("<p xmlns='urn:p'><items node='z'/><items node='x'/></p>"), NULL },
};

static const struct mistake { const char *name, *profile, *other, *want; } mistakes[] = {
    { "the same name twice", STRIP "elements = ( { element = \"{urn:a}a\"; in = [ \"iq\" ]; }, { element = \"{urn:a}a\"; in = [ \"iq\" ]; attributes = [ \"n! id\" ]; } );", NULL, "named twice" },
    { "the same node twice", STRIP "elements = ( { element = \"{urn:a}a\"; in = [ \"iq\" ]; children = ( { element = \"b\"; attributes = [ \"n! x|y\" ]; },"
        " { element = \"b\"; attributes = [ \"n! =y\" ]; } ); } );", NULL, "named twice" },
    { "the same in two profiles", STRIP "elements = ( { element = \"{urn:a}a\"; in = [ \"iq\" ]; } );", STRIP "elements = ( { element = \"{urn:a}a\"; in = [ \"iq\" ]; } );", "named twice" },
    { "one of two does not share", SHARED(STRIP, "x", "one"), STRIP "elements = ( { element = \"{urn:p}p\"; in = [ \"message\" ]; } );", "named twice" },
    { "all types, shared with one", TYPED("", "one"), TYPED(CHAT, "two"), "not for the same" },
    { "one type, shared with all", TYPED(CHAT, "one"), TYPED("", "two"), "not for the same" },
    { "the same node in two that share", SHARED(STRIP, "x", "one"), SHARED(STRIP, "x", "two"), "named twice" },
    { "a group that is not there", STRIP "elements = ( { element = \"{urn:a}a\"; in = [ \"iq\" ]; use = [ \"none\" ]; } );", NULL, "no group \"none\"" },
    { "a list that is not there", STRIP "elements = ( { element = \"{urn:a}a\"; in = [ \"iq\" ]; text = \"@none\"; } );", NULL, "no list \"none\"" },
    { "more at least than at most", STRIP "elements = ( { element = \"{urn:a}a\"; in = [ \"iq\" ]; children = ( { element = \"b\"; min = 3; max = 2; } ); } );", NULL, "is more than" },
    { "a choice that is not of children", STRIP "elements = ( { element = \"{urn:a}a\"; in = [ \"iq\" ]; choice = true; max = 1; } );", NULL, "counts children" },
};

/* Forms of values with ranges of their own. */
static const struct value { const char *form, *text; bool good; } values[] = {
    { "byte", "127", true }, { "byte", "-128", true }, { "byte", "+5", true }, { "byte", "007", true }, { "byte", "-0", true },
    { "byte", "128", false }, { "byte", "-129", false }, { "byte", "999", false }, { "byte", "18446744073709551617", false },
    { "byte", "-", false }, { "byte", "", false }, { "byte", "1.5", false },
    { "date", "2002-09-10T23:08:25Z", true }, { "date", "1969-07-21T02:56:15.123456Z", true }, { "date", "1969-07-20T21:56:15-05:00", true },
    { "date", "2016-12-31T23:59:60Z", true }, { "date", "2024-02-29", true }, { "date", "2000-02-29T00:00:00+14:00", true },
    { "date", "20020910T23:08:25", true }, { "date", "2015-01-01T00:00:00", true },
    { "date", "2002-99-10T23:08:25Z", false }, { "date", "2002-00-10T23:08:25Z", false }, { "date", "2002-13-10T23:08:25Z", false },
    { "date", "2002-09-31T23:08:25Z", false }, { "date", "2002-09-00T23:08:25Z", false }, { "date", "2023-02-29", false }, { "date", "1900-02-29", false },
    { "date", "2002-09-10T24:00:00Z", false }, { "date", "2002-09-10T23:60:25Z", false }, { "date", "2002-09-10T23:08:61Z", false },
    { "date", "2002-09-10T23:08:25+15:00", false }, { "date", "2002-09-10T23:08:25+01:60", false }, { "date", "2002-09-10T23:08:25.Z", false },
    { "date", "2002-09-10T23:08:25ZZ", false }, { "date", "2002-09-10T23:08:25Z+01:00", false }, { "date", "2002-09-10T", false }, { "date", "2002-09-10T23:08Z", false }, { "date", "2002-0910T23:08:25Z", false },
    { "date", "20020910", false }, { "date", "16:00:00.123Z", false }, { "date", "1234567890", false }, { "date", "2002-09-10T23:08:25.1234567890123456789012Z", false },
};

static struct policy *load(const char *profile, const char *other, struct conf_errors *errs)
{
    struct policy *p = NULL;
    help_file("profiles/test.conf", profile);
    help_file("profiles/other.conf", other ? other : STRIP "elements = ( );");
    help_file("main.rules", "profiles = [ \"test\", \"other\" ]; rules = ( { id = 1; name = \"r\"; action = \"release\"; } );");
    if (policy_load(help_dir, 1700000000000, &p, errs))
        return NULL;
    return p;
}

static void run(const struct row *t)
{
    struct conf_errors errs;
    conf_errors_init(&errs);
    struct policy *p = load(t->profile, t->other, &errs);
    struct rec *r = help_stanza(t->xml);
    struct pol_eval *e = p ? pol_eval_new(p, NULL) : NULL;
    const struct pol_verdict *v = e && r ? help_judge(e, r, GW_HIGH, 1, NULL, 0, HELP_ANSWERS) : NULL;
    bool good = v && (t->out ? v->verdict == GW_V_RELEASE && help_is(v->out, t->out) : v->verdict == GW_V_REJECT && v->reason == GW_R_NOT_IN_SCHEMA);
    ok(good, "%s", t->name);
    if (!good)
        conf_errors_print(&errs, stdout);
    pol_eval_free(e);
    rec_free(r);
    policy_free(p);
    conf_errors_clear(&errs);
}

int main(void)
{
    if (!ok(help_begin(), "a rules folder"))
        return done_testing();
    help_file("lists/nodes.list", "urn:one   # first\nurn:two\n");
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
        run(&rows[i]);
    for (size_t i = 0; i < sizeof values / sizeof *values; i++) {
        char name[80], profile[300], xml[200], out[200];
        snprintf(name, sizeof name, "%s: \"%s\" is %s", values[i].form, values[i].text, values[i].good ? "one" : "none");
        snprintf(profile, sizeof profile, STRIP "elements = (" BODY "{ element = \"{urn:v}v\"; in = [ \"message\" ]; attributes = [ \"v! %s\" ]; } );", values[i].form);
        snprintf(xml, sizeof xml, M("<body>x</body><v xmlns='urn:v' v='%s'/>"), values[i].text);
        snprintf(out, sizeof out, OUT("<body>x</body><v xmlns='urn:v' v='%s'/>"), values[i].text);
        run(&(struct row){ name, profile, NULL, xml, values[i].good ? out : OUT("<body>x</body>") });
    }
    for (size_t i = 0; i < sizeof mistakes / sizeof *mistakes; i++) {
        struct conf_errors errs;
        conf_errors_init(&errs);
        struct policy *p = load(mistakes[i].profile, mistakes[i].other, &errs);
        bool good = !p && errs.n == 1 && strstr(errs.v[0].text, mistakes[i].want) && errs.v[0].line == 1;
        ok(good, "%s: one mistake with its place", mistakes[i].name);
        if (!good)
            conf_errors_print(&errs, stdout);
        policy_free(p);
        conf_errors_clear(&errs);
    }
    help_end();
    return done_testing();
}
