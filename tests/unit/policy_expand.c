// link: policy xmpp record ipc base
// libs: -lexpat -lcrypto -licuuc -licudata -lconfig
/* SPDX-License-Identifier: GPL-3.0-or-later
 * What a stanza carries for others: recipients, forwarded stanzas, invitations, carbons. A row is a rule set, a stanza from the high side, and
 * what becomes of it. */
#include "policy_help.h"

#define ALL "{ id = 9; name = \"go\"; action = \"release\"; }"
#define TO_B "{ id = 1; name = \"b\"; when = { to = \"b@low.example\"; }; action = \"release\"; }"
#define TO_C "{ id = 2; name = \"c\"; when = { to = [ \"c@low.example\", \"b@low.example\" ]; }; action = \"release\"; }"
#define ANY "{ id = 3; name = \"any\"; when = { any = ( { to = \"b@low.example\"; }, { to = \"c@low.example\"; } ); }; action = \"release\"; }"
#define NOT_C "{ id = 4; name = \"not c\"; when = { not = { to = \"c@low.example\"; }; }; action = \"release\"; }"
#define NO_C "{ id = 5; name = \"no c\"; when = { to = \"c@low.example\"; }; action = \"reject\"; }, " ALL
#define NO_X "{ id = 6; name = \"no x\"; when = { from = \"x@high.example\"; }; action = \"reject\"; }, " ALL
#define WORD "{ id = 7; name = \"word\"; when = { text = \"bluebird\"; }; action = \"reject\"; }, " ALL
#define LEAF "{ id = 8; name = \"tree\"; when = { payload = \"urn:x\"; }; action = \"reject\"; }, " ALL
#define CHAT "{ id = 10; name = \"chat\"; type = \"chat\"; action = \"release\"; }"
#define ROOM "{ id = 11; name = \"room\"; when = { room = \"plans@rooms.low.example\"; }; action = \"reject\"; }, " ALL
#define RATE "{ id = 12; name = \"rate\"; when = { rate = { above = 2; per = \"1min\"; by = \"from_bare\"; }; }; action = \"throttle\"; }, " ALL
#define SCAN "{ id = 13; name = \"scan\"; when = { to = \"c@low.example\"; yara = \"y\"; }; action = \"reject\"; }, " ALL
#define REDACT "{ id = 14; name = \"redact\"; when = { text = \"bluebird\"; }; action = \"redact\"; }, " ALL

#define M "<message from='a@high.example/x' to='b@low.example' type='chat'>"
#define ADDR "<addresses xmlns='http://jabber.org/protocol/address'>"
#define A(type, jid) "<address type='" type "' jid='" jid "'/>"
#define BODY "<body>hi</body></message>"
#define FWD "<forwarded xmlns='urn:xmpp:forward:0'>"
#define IN(from, to) FWD "<message xmlns='jabber:client' from='" from "' to='" to "' type='chat'>"
#define OUT "</message></forwarded>"
#define USER "<x xmlns='http://jabber.org/protocol/muc#user'>"
#define CARBON(what) "<" what " xmlns='urn:xmpp:carbons:2'/>"

/* want: "released", "changed" (released, with something left out), or a reason and an error */
static const struct { const char *name, *rules, *xml, *want; } rows[] = {
    { "a message that carries nothing", TO_B, M BODY, "released" },
    { "every recipient is asked about: all are named", TO_C, M ADDR A("to", "b@low.example") A("cc", "c@low.example") "</addresses>" BODY, "released" },
    { "cc: one is not named", TO_B, M ADDR A("to", "b@low.example") A("cc", "c@low.example") "</addresses>" BODY, "default-deny policy-violation" },
    { "to: one is not named", TO_B, M ADDR A("to", "c@low.example") "</addresses>" BODY, "default-deny policy-violation" },
    { "bcc: one is not named", TO_B, M ADDR A("bcc", "c@low.example") "</addresses>" BODY, "default-deny policy-violation" },
    { "two rules that release one each release nobody", TO_B ", { id = 20; name = \"c\"; when = { to = \"c@low.example\"; }; action = \"release\"; }",
        M ADDR A("cc", "c@low.example") "</addresses>" BODY, "default-deny policy-violation" },
    { "a rule that names both in groups releases them", ANY, M ADDR A("cc", "c@low.example") "</addresses>" BODY, "released" },
    { "not: must hold for each as well", NOT_C, M ADDR A("cc", "c@low.example") "</addresses>" BODY, "default-deny policy-violation" },
    { "a refusal of one refuses all", NO_C, M ADDR A("cc", "c@low.example") "</addresses>" BODY, "rule policy-violation" },
    { "another case is the same address", NO_C, M ADDR A("cc", "C@LOW.example/home") "</addresses>" BODY, "rule policy-violation" },
    { "a refusal that needs the scanner, of a further recipient", SCAN, M ADDR A("cc", "c@low.example") "</addresses><body>yy</body></message>", "rule policy-violation" },
    { "and not without it", SCAN, M "<body>yy</body></message>", "released" },
    { "replyto: is asked about as one who sends", NO_X, M ADDR A("replyto", "x@high.example") "</addresses>" BODY, "rule policy-violation" },
    { "ofrom: is asked about as one who sends", NO_X, M ADDR A("ofrom", "x@high.example") "</addresses>" BODY, "rule policy-violation" },
    { "replyroom: is asked about as a room", ROOM, M ADDR A("replyroom", "plans@rooms.low.example") "</addresses>" BODY, "rule policy-violation" },
    { "served on its own side: only named", TO_B, M ADDR "<address type='to' jid='y@high.example' delivered='true'/></addresses>" BODY, "released" },
    { "of its own side, to be served", ALL, M ADDR A("to", "y@high.example") "</addresses>" BODY, "carried forbidden" },
    { "another side's, said to be served", ALL, M ADDR "<address type='to' jid='y@third.example' delivered='true'/></addresses>" BODY, "carried forbidden" },
    { "a recipient of another domain", ALL, M ADDR A("cc", "c@third.example") "</addresses>" BODY, "carried forbidden" },
    { "a recipient of a domain below", ALL, M ADDR A("cc", "c@sub.low.example") "</addresses>" BODY, "carried forbidden" },
    { "a reply to another domain", ALL, M ADDR A("replyto", "c@third.example") "</addresses>" BODY, "carried forbidden" },
    { "no address at all", ALL, M ADDR A("cc", "@@") "</addresses>" BODY, "carried jid-malformed" },
    { "an empty address", ALL, M ADDR A("cc", "") "</addresses>" BODY, "carried jid-malformed" },
    { "old and new preparation differ", ALL, M ADDR A("cc", "stra\u00dfe@low.example") "</addresses>" BODY, "carried jid-malformed" },
    { "a uri is taken out", TO_B, M ADDR A("to", "b@low.example") "<address type='cc' uri='mailto:x@y'/></addresses>" BODY, "changed" },
    { "nothing but a uri", TO_B, M ADDR "<address type='cc' uri='mailto:x@y'/></addresses>" BODY, "changed" },
    { "addresses, and nothing that they are for", ALL, M ADDR A("to", "b@low.example") "</addresses><y xmlns='urn:y'/></message>", "not-in-schema policy-violation" },
    { "two lists of addresses", ALL, M ADDR A("to", "b@low.example") "</addresses>" ADDR A("cc", "c@low.example") "</addresses>" BODY, "carried bad-request" },
    { "too many", ALL, M ADDR A("cc", "a@low.example") A("cc", "b@low.example") A("cc", "c@low.example") A("cc", "d@low.example") "</addresses>" BODY, "carried not-acceptable" },
    { "the same one many times is many", ALL, M ADDR A("cc", "a@low.example") A("cc", "A@low.example") A("cc", "a@low.example") A("cc", "a@low.example") "</addresses>" BODY,
        "carried not-acceptable" },
    { "each recipient counts in a rate", RATE, M ADDR A("cc", "c@low.example") A("cc", "d@low.example") "</addresses>" BODY, "rate resource-constraint" },
    { "presence with addresses", ALL, "<presence from='a@high.example/x' to='low.example'>" ADDR A("bcc", "c@low.example") "</addresses></presence>", "carried forbidden" },
    { "a request with addresses", ALL, "<iq type='get' id='1' from='a@high.example/x' to='low.example'>" ADDR A("to", "c@low.example") "</addresses></iq>", "carried bad-request" },
    { "addresses deep inside something", ALL, M "<tree xmlns='urn:x'>" ADDR A("to", "c@low.example") "</addresses></tree>" BODY, "changed" },

    { "a carbon that was sent", ALL, M "<sent xmlns='urn:xmpp:carbons:2'>" IN("a@high.example", "b@low.example") "<body>x</body>" OUT "</sent>" BODY, "carried policy-violation" },
    { "a carbon that was received", ALL, M "<received xmlns='urn:xmpp:carbons:2'/>" BODY, "carried policy-violation" },
    { "a carbon that a profile names", ALL, M CARBON("sent") BODY, "carried policy-violation" },
    { "a carbon deep inside", ALL, M IN("a@high.example", "b@low.example") CARBON("received") "<body>x</body>" OUT BODY, "carried policy-violation" },
    { "carbons switched on across the border", ALL, "<iq type='set' id='1' from='a@high.example/x' to='b@low.example'>" CARBON("enable") "</iq>", "carried policy-violation" },
    { "carbons switched off across the border", ALL, "<iq type='set' id='1' from='a@high.example/x' to='b@low.example'>" CARBON("disable") "</iq>", "carried policy-violation" },
    { "private is taken out", ALL, M CARBON("private") BODY, "changed" },
    { "nothing but private", ALL, M CARBON("private") "</message>", "carried policy-violation" },

    { "a forwarded message", TO_B, M IN("a@high.example/x", "b@low.example") "<body>x</body>" OUT BODY, "released" },
    { "what the other side said", ALL, M IN("b@low.example/r", "a@high.example") "<body>x</body>" OUT BODY, "released" },
    { "its recipient is asked about", TO_B, M IN("a@high.example/x", "c@low.example") "<body>x</body>" OUT BODY, "default-deny policy-violation" },
    { "its sender is asked about", NO_X, M IN("x@high.example/x", "b@low.example") "<body>x</body>" OUT BODY, "rule policy-violation" },
    { "its sender, in another case", NO_X, M IN("X@High.example/x", "b@low.example") "<body>x</body>" OUT BODY, "rule policy-violation" },
    { "from a domain of neither side", ALL, M IN("x@third.example", "b@low.example") "<body>x</body>" OUT BODY, "carried forbidden" },
    { "to a domain of neither side", ALL, M IN("a@high.example", "x@third.example") "<body>x</body>" OUT BODY, "carried forbidden" },
    { "from nobody", ALL, M FWD "<message xmlns='jabber:client' to='b@low.example'><body>x</body>" OUT BODY, "carried policy-violation" },
    { "its text is looked at", WORD, M IN("a@high.example/x", "b@low.example") "<body>the Bluebird</body>" OUT BODY, "rule policy-violation" },
    { "its text is blacked out", REDACT, M IN("a@high.example/x", "b@low.example") "<body>the bluebird</body>" OUT BODY, "changed" },
    { "its type is asked about", CHAT, M FWD "<message xmlns='jabber:client' from='a@high.example' to='b@low.example' type='headline'><body>x</body>" OUT BODY, "default-deny policy-violation" },
    { "its payload is asked about", LEAF, M IN("a@high.example/x", "b@low.example") "<tree xmlns='urn:x'/>" OUT BODY, "rule policy-violation" },
    { "its further recipients are asked about", TO_B, M IN("a@high.example/x", "b@low.example") ADDR A("cc", "c@low.example") "</addresses><body>x</body>" OUT BODY, "default-deny policy-violation" },
    { "what no profile names is taken out of it", ALL, M IN("a@high.example/x", "b@low.example") "<body>x</body><y xmlns='urn:y'/>" OUT BODY, "changed" },
    { "nothing that a profile names in it", ALL, M IN("a@high.example/x", "b@low.example") "<y xmlns='urn:y'/>" OUT BODY, "changed" },
    { "two of them, one is not allowed", TO_B, M IN("a@high.example/x", "b@low.example") "<body>x</body>" OUT IN("a@high.example/x", "c@low.example") "<body>x</body>" OUT BODY, "default-deny policy-violation" },
    { "two deep", ALL, M IN("a@high.example/x", "b@low.example") "<body>x</body>" IN("a@high.example/x", "b@low.example") "<body>y</body>" OUT OUT BODY, "released" },
    { "two deep, and refused there", NO_X, M IN("a@high.example/x", "b@low.example") "<body>x</body>" IN("x@high.example/x", "b@low.example") "<body>y</body>" OUT OUT BODY, "rule policy-violation" },
    { "three deep", ALL, M IN("a@high.example/x", "b@low.example") "<body>x</body>" IN("a@high.example/x", "b@low.example") "<body>x</body>"
        IN("a@high.example/x", "b@low.example") "<body>y</body>" OUT OUT OUT BODY, "carried policy-violation" },

    { "an invitation by the room: who invites is asked about", NO_X, "<message from='plans@high.example' to='b@low.example'>" USER "<invite from='x@high.example/r'/></x></message>", "rule -" },
    { "an invitation by the room, in the name of somebody elsewhere", ALL, "<message from='plans@high.example' to='b@low.example'>" USER
        "<invite from='z@third.example/r'/></x></message>", "carried -" },
    { "in the name of nobody on a domain that only ends so", ALL, "<message from='plans@rooms.high.example' to='b@low.example'>" USER
        "<invite from='z@evilhigh.example'/></x></message>", "carried -" },
    { "in the name of somebody on the room's server", ALL, "<message from='plans@rooms.high.example' to='b@low.example'>" USER
        "<invite from='a@high.example/r'/></x></message>", "released" },
    { "in the name of somebody on the invited's side", ALL, "<message from='plans@rooms.high.example' to='b@low.example'>" USER
        "<invite from='c@low.example/r'/></x></message>", "released" },
    { "an invitation through the room that claims to be from elsewhere", ALL, "<message from='a@high.example/x' to='plans@low.example'>" USER
        "<invite from='z@third.example' to='c@low.example'/></x></message>", "carried forbidden" },
    { "a decline in the name of somebody elsewhere", ALL, "<message from='plans@high.example' to='b@low.example'>" USER
        "<decline from='z@third.example'/></x></message>", "carried -" },
    { "an invitation through the room: who is invited is asked about", NO_C, "<message from='a@high.example/x' to='plans@low.example'>" USER "<invite to='c@low.example'/></x></message>",
        "rule policy-violation" },
    { "an invitation through the room of somebody elsewhere", ALL, "<message from='a@high.example/x' to='plans@low.example'>" USER "<invite to='c@third.example'/></x></message>",
        "carried forbidden" },
    { "an invitation of somebody on the room's server", ALL, "<message from='a@high.example/x' to='plans@rooms.low.example'>" USER "<invite to='c@low.example'/></x></message>",
        "released" },
    { "a decline goes to who is named", NO_C, "<message from='a@high.example/x' to='plans@low.example'>" USER "<decline to='c@low.example'/></x></message>", "rule policy-violation" },
    { "a direct invitation to a room of one side", ALL, M "<x xmlns='jabber:x:conference' jid='tea@rooms.high.example'/>" BODY, "released" },
    { "the room is asked about", ROOM, M "<x xmlns='jabber:x:conference' jid='plans@rooms.low.example'/>" BODY, "rule policy-violation" },
    { "the room, in another case", ROOM, M "<x xmlns='jabber:x:conference' jid='PLANS@rooms.low.example'/>" BODY, "rule policy-violation" },
    { "a room elsewhere", ALL, M "<x xmlns='jabber:x:conference' jid='tea@rooms.third.example'/>" BODY, "carried forbidden" },
    { "a room whose domain only ends so", ALL, M "<x xmlns='jabber:x:conference' jid='tea@evilhigh.example'/>" BODY, "carried forbidden" },
    { "what a room said long ago is judged as new", WORD, "<message from='plans@high.example/x' to='b@low.example/r' type='groupchat'><body>bluebird</body>"
        "<delay xmlns='urn:xmpp:delay' stamp='2002-10-13T23:58:37Z'/></message>", "rule -" },
    { "so is its subject", WORD, "<message from='plans@high.example/x' to='b@low.example/r' type='groupchat'><subject>bluebird</subject></message>", "rule -" },
    { "who said it of old, of elsewhere, is left out of a room's history", ALL, "<message from='plans@high.example/x' to='b@low.example/r' type='groupchat'>" ADDR
        A("ofrom", "x@third.example") "</addresses>" BODY, "changed" },
};

#define RAW "Z@\xef\xbd\x8cow.example./\xe2\x84\xab" /* a wide l, a dot at the end, the sign for Angstrom */
#define OWN "X@\xef\xbd\x88igh.example"

/* What leaves of a carried address is its prepared form, under a set that sees everybody; want_said: what the verdict says of it. */
static const struct { const char *name, *xml, *want, *want_said; } prepared[] = {
    { "a recipient", M ADDR A("to", RAW) "</addresses>" BODY, M ADDR A("to", "z@low.example/\xc3\x85") "</addresses>" BODY,
        "carried: {http://jabber.org/protocol/address}address/@jid is prepared" },
    { "of two the second, and what is between stays", M ADDR A("cc", "y@low.example") "<address jid='" RAW "' type='bcc'/></addresses>" BODY,
        M ADDR A("cc", "y@low.example") A("bcc", "z@low.example/\xc3\x85") "</addresses>" BODY, "" },
    { "somebody served already", M ADDR "<address type='to' delivered='true' jid='" OWN "'/></addresses>" BODY,
        M ADDR "<address type='to' delivered='true' jid='x@high.example'/></addresses>" BODY, "" },
    { "replyroom", M ADDR A("replyroom", "TEA@Rooms.low.example") "</addresses>" BODY, M ADDR A("replyroom", "tea@rooms.low.example") "</addresses>" BODY, "" },
    { "both ends of what is forwarded, two deep", M IN(OWN, RAW) "<body>x</body>" IN(RAW, OWN) "<body>y</body>" OUT OUT BODY,
        M IN("x@high.example", "z@low.example/\xc3\x85") "<body>x</body>" IN("z@low.example/\xc3\x85", "x@high.example") "<body>y</body>" OUT OUT BODY,
        "carried: {jabber:server}message/@from is prepared" },
    { "who invites", "<message from='plans@high.example' to='b@low.example'>" USER "<invite from='" OWN "'/></x></message>",
        "<message from='plans@high.example' to='b@low.example'>" USER "<invite from='x@high.example'/></x></message>",
        "carried: {http://jabber.org/protocol/muc#user}invite/@from is prepared" },
    { "who is invited, in presence", "<presence from='a@high.example/x' to='plans@low.example'>" USER "<invite to='" RAW "'/></x></presence>",
        "<presence from='a@high.example/x' to='plans@low.example'>" USER "<invite to='z@low.example/\xc3\x85'/></x></presence>", "" },
    { "a room that is invited to", M "<x xmlns='jabber:x:conference' jid='TEA@Rooms.low.example'/>" BODY,
        M "<x xmlns='jabber:x:conference' jid='tea@rooms.low.example'/>" BODY, "carried: {jabber:x:conference}x/@jid is prepared" },
    { "beside something that is left out", M ADDR A("to", RAW) "<address type='cc' uri='mailto:x@y'/></addresses>" BODY,
        M ADDR A("to", "z@low.example/\xc3\x85") "</addresses>" BODY, "" },
};

/* Attributes in the order of `want`. */
static bool leaves(const struct policy *p, const char *xml, const char *want, const char *said)
{
    struct pol_eval *e = pol_eval_new(p, NULL);
    struct rec *r = help_stanza(xml), *w = help_stanza(want);
    bool good = r && w, heard = !*said;
    const struct pol_verdict *v = good ? help_judge(e, r, GW_HIGH, 1700000000000, NULL, 0, HELP_ANSWERS) : NULL;
    good = good && v->verdict == GW_V_RELEASE && rec_equal(v->out, w) && v->n_changed > 0;
    for (size_t i = 0; good && i < v->n_changed && !heard; i++)
        heard = str_eq(v->changed[i], str_c(said));
    if (v && (!good || !heard))
        diag("%s, %zu changes: %.*s", gw_reason_code(v->reason), v->n_changed, STR_ARG(v->n_changed ? v->changed[0] : STR("-")));
    if (v && v->out && !good) {
        struct buf b;
        buf_init(&b, 1 << 20);
        if (!xs_serialise(v->out, false, &b))
            diag("is: %.*s", STR_ARG(buf_str(&b)));
        buf_clear(&b);
    }
    rec_free(r);
    rec_free(w);
    pol_eval_free(e);
    return good && heard;
}

static bool judged(const struct policy *p, const char *xml, const char *want, struct pol_state *state)
{
    static const struct help_find yara = { SCAN_YARA, "y", "yy", { 0 } };
    struct pol_eval *e = pol_eval_new(p, state);
    struct rec *r = help_stanza(xml);
    char got[100] = "no stanza";
    if (r) {
        const struct pol_verdict *v = help_judge(e, r, GW_HIGH, 1700000000000, &yara, 1, HELP_ANSWERS);
        if (v->verdict == GW_V_RELEASE)
            snprintf(got, sizeof got, "%s", rec_equal(v->out, r) ? "released" : "changed");
        else
            snprintf(got, sizeof got, "%s %.*s", gw_reason_code(v->reason), STR_ARG(v->answer ? v->error : STR("-")));
    }
    if (strcmp(got, want) != 0)
        diag("%s, wanted %s: %s", got, want, xml);
    rec_free(r);
    pol_eval_free(e);
    return !strcmp(got, want);
}

int main(void)
{
    bool ready = help_begin();
    help_profiles = "\"test\", \"more\"";
    help_file("profiles/more.conf", "title = \"m\"; unnamed = \"strip\"; elements = (\n"
        "  { element = \"{http://jabber.org/protocol/address}addresses\"; in = [ \"message\" ]; filled = true; children = (\n"
        "    { element = \"address\"; attributes = [ \"type! to|cc|bcc|replyto|replyroom|ofrom\", \"jid! any\", \"delivered =true\" ]; } ); },\n"
        "  { element = \"{urn:xmpp:delay}delay\"; in = [ \"message\" ]; attributes = [ \"stamp date\" ]; },\n"
        "  { element = \"{urn:xmpp:carbons:2}sent\"; in = [ \"message\" ]; },\n"
        "  { element = \"{jabber:x:conference}x\"; in = [ \"message\" ]; attributes = [ \"jid jid\" ]; },\n"
        "  { element = \"{urn:xmpp:forward:0}forwarded\"; in = [ \"message\" ]; filled = true; children = (\n"
        "    { element = [ \"{jabber:client}message\", \"{jabber:server}message\" ]; max = 1; stanza = true;\n"
        "      attributes = [ \"from any\", \"to any\", \"type any\" ]; } ); } );\n");
    help_head = "carried_addresses = 3; forwarded_depth = 2;";
    for (size_t i = 0; ready && i < sizeof rows / sizeof *rows; i++) {
        struct policy *p = help_load(rows[i].rules);
        struct pol_state *s = pol_state_new();
        ok(p && judged(p, rows[i].xml, rows[i].want, s), "%s", rows[i].name);
        pol_state_free(s);
        policy_free(p);
    }
    struct policy *p = ready ? help_load(ALL) : NULL;
    for (size_t i = 0; i < sizeof prepared / sizeof *prepared; i++)
        ok(p && leaves(p, prepared[i].xml, prepared[i].want, prepared[i].want_said), "leaves as it was judged: %s", prepared[i].name);
    policy_free(p);
    help_head = "foreign_addresses = \"strip\";";
    p = ready ? help_load(TO_B) : NULL;
    ok(p && judged(p, M ADDR A("to", "b@low.example") A("cc", "c@third.example") "</addresses>" BODY, "changed", NULL), "where foreign addresses are left out, they are");
    ok(p && judged(p, M IN("x@third.example", "b@low.example") "<body>x</body>" OUT BODY, "changed", NULL), "and forwarded stanzas with such");
    ok(p && judged(p, "<message from='plans@high.example' to='b@low.example'>" USER "<invite from='z@third.example'/></x><body>x</body></message>", "changed", NULL),
       "and invitations in the name of such");
    ok(p && judged(p, M IN("x@third.example", "b@low.example") "<body>x</body>" OUT "</message>", "carried forbidden", NULL), "unless nothing else is there");
    policy_free(p);
    p = ready ? help_load("{ id = 1; name = \"cut\"; when = { text = \"low.ex\"; not = { to = \"x@y\"; }; }; action = \"redact\"; with = \"\"; }, "
        "{ id = 2; name = \"a\"; action = \"release\"; }, { id = 3; name = \"b\"; action = \"release\"; }") : NULL;
    ok(p && judged(p, M ADDR A("cc", "c@low.example") "</addresses>" BODY, "carried forbidden", NULL),
       "an address that a redaction made foreign: refused, and the reason says so");
    policy_free(p);
    p = ready ? help_load("{ id = 1; name = \"other\"; when = { text = \"c@low\"; }; action = \"redact\"; with = \"D@low\"; }, " ALL) : NULL;
    ok(p && judged(p, M ADDR A("cc", "c@low.example") "</addresses>" BODY, "carried forbidden", NULL), "one that it gave another form: likewise");
    policy_free(p);
    help_end();
    return done_testing();
}
