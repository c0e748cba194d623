// link: policy xmpp record ipc base
// libs: -lexpat -lcrypto -licuuc -licudata -lconfig
/* SPDX-License-Identifier: GPL-3.0-or-later
 * Every condition of the table with stanzas for which it holds, does not hold, or cannot be answered. A condition without a case for
 * yes and one for no fails. */
#include "../../gw/policy/internal.h"
#include "policy_help.h"

#define M "<message from='juliet@high.example/balcony' to='romeo@low.example' type='chat' id='a'>"
#define BODY(text) M "<body>" text "</body></message>"
#define PUBLISH(node) "<pubsub xmlns='http://jabber.org/protocol/pubsub'><publish node='" node "'/></pubsub></message>"
#define OFTEN(note) "<message from='often@high.example' to='c@low.example'><tree xmlns='urn:x' note='" note "'><leaf>l</leaf></tree></message>"
#define NOW 1700000000000LL /* Tuesday, 14 November 2023, 22:13:20 UTC */

static const struct help_find found[] = { { SCAN_YARA, "virus", "EVIL", { 0 } }, { SCAN_DLP, "card", "4111", { 0 } }, { SCAN_TEXT, "invisible", "ZW", { 0 } },
    { SCAN_NOTED, "noted", "4111", { 0 } }, { SCAN_YARA, "whole", NULL, { 0 } },
    { SCAN_YARA, "grave", "GRAVE", { SCAN_SEV_HIGH, SCAN_ACT_DROP, 5001 } }, { SCAN_YARA, "slight", "SLIGHT", { SCAN_SEV_LOW, SCAN_ACT_ALERT, 5002 } },
    { SCAN_YARA, "odd", "ODD", { SCAN_SEV_UNREAD, SCAN_ACT_UNREAD, SCAN_ID_UNREAD } } };

#define LABEL(in) "<securitylabel xmlns='urn:xmpp:sec-label:0'>" in "</securitylabel>"
#define PLAIN(class) "<label><plain xmlns='urn:lockgate:label:0' policy='MERIDIAN' classification='" class "'/></label>"
#define LABELLED(class) M "<body>x</body>" LABEL(PLAIN(class)) "</message>"
#define NOBODY "<message from='nobody@high.example' to='b@low.example'><body>x</body></message>"
static const char labels[] = "policies = ( { name = \"MERIDIAN\"; classifications = ( { name = \"OPEN\"; }, { name = \"GUARDED\"; }, { name = \"SEALED\"; } ); },"
    " { name = \"OTHER\"; classifications = ( { name = \"ANY\"; } ); } );"
    " clearances = ( { who = [ \"juliet@high.example\" ]; policy = \"MERIDIAN\"; upto = \"SEALED\"; }, { lists = \"low\"; policy = \"MERIDIAN\"; upto = \"GUARDED\"; } );"
    " defaults = ( { from = [ \"juliet@high.example\" ]; policy = \"MERIDIAN\"; classification = \"OPEN\"; } );"
    " pairs = ( { between = [ \"high.example\", \"low.example\" ]; clearances = ( { policy = \"MERIDIAN\"; upto = \"SEALED\"; } ); } );";

static const struct row {
    const char *keyword, *when, *xml;
    enum gw_side from;
    enum tri want;
} rows[] = {
    { "direction", "direction = \"high-to-low\";", BODY("x"), GW_HIGH, TRI_YES },
    { "direction", "direction = \"high-to-low\";", BODY("x"), GW_LOW, TRI_NO },
    { "direction", "direction = \"both\";", BODY("x"), GW_LOW, TRI_YES },
    { "kind", "kind = [ \"iq\", \"message\" ];", BODY("x"), GW_HIGH, TRI_YES },
    { "kind", "kind = \"presence\";", BODY("x"), GW_HIGH, TRI_NO },
    { "type", "type = \"chat\";", BODY("x"), GW_HIGH, TRI_YES },
    { "type", "type = \"normal\";", "<message from='a@high.example' to='b@low.example'><body>x</body></message>", GW_HIGH, TRI_YES },
    { "type", "type = \"available\";", "<presence from='a@high.example' to='b@low.example'/>", GW_HIGH, TRI_YES },
    { "type", "type = \"unavailable\";", "<presence from='a@high.example' to='b@low.example'/>", GW_HIGH, TRI_NO },
    { "from", "from = \"juliet@high.example\";", BODY("x"), GW_HIGH, TRI_YES },
    { "from", "from = \"juliet@high.example/balcony\";", BODY("x"), GW_HIGH, TRI_YES },
    { "from", "from = \"juliet@high.example/garden\";", BODY("x"), GW_HIGH, TRI_NO },
    { "from", "from = \"JULIET@High.Example\";", BODY("x"), GW_HIGH, TRI_YES },
    { "from", "from = \"high.example\";", BODY("x"), GW_HIGH, TRI_YES },
    { "from", "from = \"*@high.example\";", BODY("x"), GW_HIGH, TRI_YES },
    { "from", "from = \"*@high.example\";", "<message from='high.example' to='b@low.example'><body>x</body></message>", GW_HIGH, TRI_NO },
    { "from", "from = \"*.example\";", BODY("x"), GW_HIGH, TRI_YES },
    { "from", "from = \"*.high.example\";", BODY("x"), GW_HIGH, TRI_NO },
    { "from", "from = \"gh.example\";", BODY("x"), GW_HIGH, TRI_NO },
    { "to", "to = [ \"x@low.example\", \"romeo@low.example\" ];", BODY("x"), GW_HIGH, TRI_YES },
    { "to", "to = \"juliet@low.example\";", BODY("x"), GW_HIGH, TRI_NO },
    { "from_domain", "from_domain = \"high.example\";", BODY("x"), GW_HIGH, TRI_YES },
    { "from_domain", "from_domain = \"low.example\";", BODY("x"), GW_HIGH, TRI_NO },
    { "to_domain", "to_domain = \"*.example\";", BODY("x"), GW_HIGH, TRI_YES },
    { "to_domain", "to_domain = \"*.low.example\";", BODY("x"), GW_HIGH, TRI_NO },
    { "from_list", "from_list = \"people\";", BODY("x"), GW_HIGH, TRI_YES },
    { "from_list", "from_list = \"people\";", "<message from='nobody@high.example' to='b@low.example'><body>x</body></message>", GW_HIGH, TRI_NO },
    { "to_list", "to_list = \"people\";", BODY("x"), GW_HIGH, TRI_NO },
    { "to_list", "to_list = [ \"people\", \"low\" ];", BODY("x"), GW_HIGH, TRI_YES },
    { "payload", "payload = \"urn:x\";", M "<tree xmlns='urn:x'/></message>", GW_HIGH, TRI_YES },
    { "payload", "payload = \"{urn:x}tree/{urn:x}leaf\";", M "<tree xmlns='urn:x'><leaf/></tree></message>", GW_HIGH, TRI_YES },
    { "payload", "payload = \"{urn:x}tree/{urn:x}leaf\";", M "<tree xmlns='urn:x'/></message>", GW_HIGH, TRI_NO },
    { "payload", "payload = \"{urn:gone}x\";", M "<body>x</body><x xmlns='urn:gone'/></message>", GW_HIGH, TRI_NO },
    { "received", "received = \"{urn:gone}x\";", M "<body>x</body><x xmlns='urn:gone'/></message>", GW_HIGH, TRI_YES },
    { "received", "received = \"{urn:gone}x\";", BODY("x"), GW_HIGH, TRI_NO },
    { "element", "element = \"{urn:x}leaf\";", M "<tree xmlns='urn:x'><leaf/></tree></message>", GW_HIGH, TRI_YES },
    { "element", "element = \"{urn:x}leaf\";", BODY("x"), GW_HIGH, TRI_NO },
    { "uninspectable", "uninspectable = true;", M "<encrypted xmlns='urn:xmpp:omemo:2'/><body>x</body></message>", GW_HIGH, TRI_YES },
    { "uninspectable", "uninspectable = true;", BODY("?OTR:AAID"), GW_HIGH, TRI_YES },
    { "uninspectable", "uninspectable = true;", BODY("x"), GW_HIGH, TRI_NO },
    { "from_room", "from_room = true;", "<message from='r@low.example/n' to='a@high.example/x' type='groupchat'><body>x</body></message>", GW_LOW, TRI_YES },
    { "from_room", "from_room = true;", "<message from='a@high.example/x' to='r@low.example' type='groupchat'><body>x</body></message>", GW_HIGH, TRI_NO },
    { "from_room", "from_room = true;", "<presence from='r@low.example/n' to='a@high.example/x'><x xmlns='http://jabber.org/protocol/muc#user'/></presence>", GW_LOW, TRI_YES },
    { "from_room", "from_room = true;", "<message from='a@high.example/x' to='r@low.example'><x xmlns='http://jabber.org/protocol/muc#user'><invite to='b@low.example'/></x></message>", GW_HIGH, TRI_NO },
    { "from_room", "from_room = false;", BODY("x"), GW_HIGH, TRI_YES },
    { "text", "text = \"nightfall\";", BODY("Nightfallen"), GW_HIGH, TRI_YES },
    { "text", "text = \"straße\";", BODY("STRA\xe1\xba\x9e" "E"), GW_HIGH, TRI_YES },
    { "text", "text = \"été\";", BODY("\xc3\x89T\xc3\x89"), GW_HIGH, TRI_YES },
    { "text", "text = \"nightfall\";", BODY("night\xe2\x80\x8b\xc2\xad" "fall"), GW_HIGH, TRI_YES },
    { "text", "text = \"nightfall\";", BODY("n\xe2\x80\x8bightfall"), GW_HIGH, TRI_YES },
    { "text", "text = \"nightfall\";", BODY("no nNIGHTFALL"), GW_HIGH, TRI_YES },
    { "text", "text = \"nightfall\";", BODY("n ightfall n"), GW_HIGH, TRI_NO },
    { "text", "text = [ \"x\", \"nightfall\" ];", BODY("nnnx"), GW_HIGH, TRI_YES },
    { "text", "text = [ \"stop\", \"nightfall\" ];", BODY("sightfall but stop"), GW_HIGH, TRI_YES },
    { "text", "text = \"nightfall\";", BODY("night fall"), GW_HIGH, TRI_NO },
    { "text", "text = { is = \"secret\"; in = [ \"subject\" ]; };", BODY("secret"), GW_HIGH, TRI_NO },
    { "text", "text = { is = \"secret\"; in = [ \"subject\" ]; };", M "<subject>secret</subject></message>", GW_HIGH, TRI_YES },
    { "text", "text = \"bal\";", BODY("x"), GW_HIGH, TRI_YES },       /* the resource is text too */
    { "text", "text = \"hide\";", M "<tree xmlns='urn:x' note='we hide'/></message>", GW_HIGH, TRI_YES },
    { "text", "text = \"hide\";", "<message from='a@high.example' to='b@low.example' id='hide'><body>x</body></message>", GW_HIGH, TRI_YES },
    { "word", "word = \"fall\";", BODY("nightfall"), GW_HIGH, TRI_NO },
    { "word", "word = \"fall\";", BODY("night, FALL."), GW_HIGH, TRI_YES },
    { "word", "word = \"fall\";", BODY("fall\xc3\xa9"), GW_HIGH, TRI_NO },
    { "yara", "yara = \"virus\";", BODY("EVIL"), GW_HIGH, TRI_YES },
    { "yara", "yara = \"*\";", BODY("good"), GW_HIGH, TRI_YES },      /* "whole" matches without a place */
    { "yara", "yara = [ \"virus\", \"other\" ];", BODY("good"), GW_HIGH, TRI_NO },
    { "yara_id", "yara_id = 5001;", BODY("GRAVE"), GW_HIGH, TRI_YES },
    { "yara_id", "yara_id = [ 7, 5002 ];", BODY("SLIGHT"), GW_HIGH, TRI_YES },
    { "yara_id", "yara_id = [ 7, 5002 ];", BODY("GRAVE"), GW_HIGH, TRI_NO },
    { "yara_id", "yara_id = 5001;", BODY("EVIL"), GW_HIGH, TRI_NO },   /* a rule that says nothing of itself */
    { "yara_id", "yara_id = 5001;", BODY("ODD"), GW_HIGH, TRI_UNKNOWN },
    { "yara_severity", "yara_severity = \"medium\";", BODY("GRAVE"), GW_HIGH, TRI_YES },
    { "yara_severity", "yara_severity = \"high\";", BODY("SLIGHT GRAVE"), GW_HIGH, TRI_YES },
    { "yara_severity", "yara_severity = \"medium\";", BODY("SLIGHT"), GW_HIGH, TRI_NO },
    { "yara_severity", "yara_severity = \"low\";", BODY("SLIGHT"), GW_HIGH, TRI_YES },
    { "yara_severity", "yara_severity = \"info\";", BODY("EVIL"), GW_HIGH, TRI_NO },
    { "yara_severity", "yara_severity = \"critical\";", BODY("GRAVE"), GW_HIGH, TRI_NO },
    { "yara_severity", "yara_severity = \"critical\";", BODY("ODD"), GW_HIGH, TRI_UNKNOWN },
    { "yara_severity", "yara_severity = \"high\";", BODY("ODD GRAVE"), GW_HIGH, TRI_YES },
    { "yara_action", "yara_action = \"drop\";", BODY("GRAVE"), GW_HIGH, TRI_YES },
    { "yara_action", "yara_action = [ \"reject\", \"drop\" ];", BODY("SLIGHT"), GW_HIGH, TRI_NO },
    { "yara_action", "yara_action = \"alert\";", BODY("EVIL"), GW_HIGH, TRI_NO },
    { "yara_action", "yara_action = \"alert\";", BODY("ODD"), GW_HIGH, TRI_UNKNOWN },
    { "dlp", "dlp = \"card\";", BODY("4111"), GW_HIGH, TRI_YES },
    { "dlp", "dlp = { detector = \"card\"; confidence = 90; };", BODY("4111"), GW_HIGH, TRI_NO },
    { "dlp", "dlp = { detector = \"card\"; count = 2; };", BODY("4111"), GW_HIGH, TRI_NO },
    { "dlp", "dlp = { detector = \"card\"; count = 2; };", BODY("4111 4111"), GW_HIGH, TRI_YES },
    { "dlp", "dlp = \"noted\";", BODY("4111"), GW_HIGH, TRI_NO },     /* log-only detectors never decide */
    { "hidden", "hidden = \"invisible\";", BODY("ZW"), GW_HIGH, TRI_YES },
    { "hidden", "hidden = \"bidi\";", BODY("ZW"), GW_HIGH, TRI_NO },
    { "size_above", "size_above = \"100B\";", BODY("xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx"), GW_HIGH, TRI_YES },
    { "size_above", "size_above = \"1KiB\";", BODY("x"), GW_HIGH, TRI_NO },
    { "depth_above", "depth_above = 2;", M "<tree xmlns='urn:x'><leaf/></tree></message>", GW_HIGH, TRI_YES },
    { "depth_above", "depth_above = 2;", BODY("x"), GW_HIGH, TRI_NO },
    { "elements_above", "elements_above = 2;", M "<tree xmlns='urn:x'><leaf/></tree></message>", GW_HIGH, TRI_YES },
    { "elements_above", "elements_above = 2;", BODY("x"), GW_HIGH, TRI_NO },
    { "count", "count = { element = \"{urn:x}leaf\"; above = 1; };", M "<tree xmlns='urn:x'><leaf/><leaf/></tree></message>", GW_HIGH, TRI_YES },
    { "count", "count = { element = \"{urn:x}leaf\"; above = 1; };", M "<tree xmlns='urn:x'><leaf/></tree></message>", GW_HIGH, TRI_NO },
    { "unsolicited", "unsolicited = true;", "<iq from='a@high.example' to='b@low.example' type='result' id='q'/>", GW_HIGH, TRI_YES },
    { "unsolicited", "unsolicited = true;", BODY("x"), GW_HIGH, TRI_NO },
    { "unsolicited", "unsolicited = true;", "<iq from='a@high.example' to='b@low.example' type='result' id='asked'/>", GW_HIGH, TRI_NO },
    { "unsolicited", "unsolicited = true;", "<iq from='a@high.example/r' to='b@low.example' type='result' id='asked'/>", GW_HIGH, TRI_YES },
    { "unsolicited", "unsolicited = false;", "<iq from='a@high.example' to='b@low.example' type='error' id='asked'><error>x</error></iq>", GW_HIGH, TRI_YES },
    { "first_contact", "first_contact = true;", BODY("x"), GW_HIGH, TRI_YES },
    { "first_contact", "first_contact = true;", "<message from='a@high.example/r' to='b@low.example/s'><body>x</body></message>", GW_HIGH, TRI_NO },
    { "rate", "rate = { above = 2; per = \"1min\"; };", BODY("x"), GW_HIGH, TRI_NO },
    { "rate", "kind = \"message\"; rate = { above = 1; per = \"1min\"; by = \"pair\"; };", "<message from='often@high.example' to='b@low.example'><body>x</body></message>", GW_HIGH, TRI_YES },
    { "time", "time = { from = \"22:00\"; to = \"22:30\"; };", BODY("x"), GW_HIGH, TRI_YES },
    { "time", "time = { from = \"22:14\"; to = \"22:30\"; };", BODY("x"), GW_HIGH, TRI_NO },
    { "time", "time = { from = \"00:00\"; to = \"00:15\"; offset = \"+02:00\"; days = \"wed\"; };", BODY("x"), GW_HIGH, TRI_YES },
    { "time", "time = { from = \"22:00\"; to = \"01:00\"; days = \"tue\"; };", BODY("x"), GW_HIGH, TRI_YES },
    { "time", "time = { from = \"23:00\"; to = \"22:20\"; days = \"mon\"; };", BODY("x"), GW_HIGH, TRI_YES },
    { "time", "time = { days = [ \"mon\", \"wed\" ]; };", BODY("x"), GW_HIGH, TRI_NO },
    { "enters", "enters = \"low\";", BODY("x"), GW_HIGH, TRI_YES },
    { "enters", "enters = \"people\";", BODY("x"), GW_HIGH, TRI_NO },
    { "leaves", "leaves = \"people\";", BODY("x"), GW_HIGH, TRI_YES },
    { "leaves", "leaves = \"low\";", BODY("x"), GW_HIGH, TRI_NO },
    { "crosses", "crosses = [ \"people\", \"low\" ];", BODY("x"), GW_HIGH, TRI_YES },
    { "crosses", "crosses = [ \"people\", \"everybody\" ];", BODY("x"), GW_HIGH, TRI_NO },
    { "crosses", "crosses = [ \"staff\", \"low\" ];", BODY("x"), GW_HIGH, TRI_NO },
    { "from_like", "from_like = \"jul*@*.example/bal?ony\";", BODY("x"), GW_HIGH, TRI_YES },
    { "from_like", "from_like = \"*@HIGH.example/*\";", BODY("x"), GW_HIGH, TRI_YES },
    { "from_like", "from_like = \"*@high.example\";", BODY("x"), GW_HIGH, TRI_NO },
    { "from_like", "from_like = [ \"a*b*c*d*e*f\", \"j?liet@high.example/bal\\u00e9*\" ];", BODY("x"), GW_HIGH, TRI_NO },
    { "to_like", "to_like = \"r*o@low.*\";", BODY("x"), GW_HIGH, TRI_YES },
    { "to_like", "to_like = \"romeo?@low.example\";", BODY("x"), GW_HIGH, TRI_NO },
    { "to_like", "to_like = \"rom??@low.example\";", "<message from='a@high.example' to='rom\xc3\xa9o@low.example'><body>x</body></message>", GW_HIGH, TRI_YES },
    { "from_is", "from_is = \"full\";", BODY("x"), GW_HIGH, TRI_YES },
    { "from_is", "from_is = [ \"domain\", \"bare\" ];", BODY("x"), GW_HIGH, TRI_NO },
    { "to_is", "to_is = \"bare\";", BODY("x"), GW_HIGH, TRI_YES },
    { "to_is", "to_is = \"domain\";", BODY("x"), GW_HIGH, TRI_NO },
    { "to_is", "to_is = \"domain\";", "<message from='a@high.example' to='low.example'><body>x</body></message>", GW_HIGH, TRI_YES },
    { "room", "room = \"plans@rooms.low.example\";", "<message from='plans@rooms.low.example/nick' to='a@high.example/x' type='groupchat'><body>x</body></message>", GW_LOW, TRI_YES },
    { "room", "room = \"rooms.low.example\";", "<presence to='plans@rooms.low.example/nick' from='a@high.example/x'/>", GW_HIGH, TRI_YES },
    { "room", "room = \"plans@rooms.low.example\";", "<message from='other@rooms.low.example/nick' to='a@high.example/x' type='groupchat'><body>x</body></message>", GW_LOW, TRI_NO },
    { "room_list", "room_list = \"rooms\";", "<presence to='plans@rooms.low.example/nick' from='a@high.example/x'/>", GW_HIGH, TRI_YES },
    { "room_list", "room_list = \"rooms\";", "<presence to='other@rooms.low.example/nick' from='a@high.example/x'/>", GW_HIGH, TRI_NO },
    { "node", "node = \"news\";", M PUBLISH("news"), GW_HIGH, TRI_YES },
    { "node", "node = [ \"x\", \"n*s\" ];", M PUBLISH("news"), GW_HIGH, TRI_YES },
    { "node", "node = \"news\";", M PUBLISH("new"), GW_HIGH, TRI_NO },
    { "node", "node = \"news\";", M "<tree xmlns='urn:x'><pubsub xmlns='http://jabber.org/protocol/pubsub'><publish node='news'/></pubsub></tree></message>", GW_HIGH, TRI_NO },
    { "node_list", "node_list = \"nodes\";", M PUBLISH("news"), GW_HIGH, TRI_YES },
    { "node_list", "node_list = \"nodes\";", M PUBLISH("olds"), GW_HIGH, TRI_NO },
    { "operation", "operation = [ \"retract\", \"publish\" ];", M PUBLISH("news"), GW_HIGH, TRI_YES },
    { "operation", "operation = \"subscribe\";", M PUBLISH("news"), GW_HIGH, TRI_NO },
    { "value", "value = { path = \"{urn:x}tree\"; attribute = \"note\"; is = [ \"a\", \"b\" ]; };", M "<tree xmlns='urn:x' note='b'/></message>", GW_HIGH, TRI_YES },
    { "value", "value = { path = \"{urn:x}tree\"; attribute = \"note\"; };", M "<tree xmlns='urn:x' n='1'/></message>", GW_HIGH, TRI_NO },
    { "value", "value = { path = \"{urn:x}tree/{urn:x}leaf\"; like = \"red *\"; };", M "<tree xmlns='urn:x'><leaf>blue x</leaf><leaf>red rose</leaf></tree></message>", GW_HIGH, TRI_YES },
    { "value", "value = { path = \"{urn:x}tree/{urn:x}leaf\"; like = \"red *\"; };", M "<tree xmlns='urn:x'><leaf>red</leaf></tree></message>", GW_HIGH, TRI_NO },
    { "value", "value = { path = \"{urn:x}tree/{urn:x}leaf\"; list = \"nodes\"; };", M "<tree xmlns='urn:x'><leaf>news</leaf></tree></message>", GW_HIGH, TRI_YES },
    { "value", "value = { path = \"{jabber:server}body\"; is = \"x\"; };", M "<body>y</body></message>", GW_HIGH, TRI_NO },
    { "stripped", "stripped = true;", M "<body>x</body><x xmlns='urn:gone'/></message>", GW_HIGH, TRI_YES },
    { "stripped", "stripped = true;", BODY("x"), GW_HIGH, TRI_NO },
    { "stripped", "stripped = false;", BODY("x"), GW_HIGH, TRI_YES },
    { "label_lost", "label_lost = true;", M "<body>x</body><securitylabel xmlns='urn:xmpp:sec-label:0'/></message>", GW_HIGH, TRI_YES },
    { "label_lost", "label_lost = true;", M "<tree xmlns='urn:x'><leaf/><securitylabel xmlns='urn:xmpp:sec-label:0'/></tree></message>", GW_HIGH, TRI_YES },
    { "label_lost", "label_lost = true;", M "<body>x</body><x xmlns='urn:gone'><securitylabel xmlns='urn:xmpp:sec-label:0'/></x></message>", GW_HIGH, TRI_NO },
    { "label_lost", "label_lost = false;", BODY("x"), GW_HIGH, TRI_YES },
    { "date", "date = { from = \"2023-11-14\"; to = \"2023-11-14\"; };", BODY("x"), GW_HIGH, TRI_YES },
    { "date", "date = { to = \"2023-11-13\"; };", BODY("x"), GW_HIGH, TRI_NO },
    { "date", "date = { from = \"2023-11-15\"; };", BODY("x"), GW_HIGH, TRI_NO },
    { "date", "date = { from = \"2023-11-15\"; offset = \"+02:00\"; };", BODY("x"), GW_HIGH, TRI_YES },
    { "rate", "rate = { above = 1; per = \"1h\"; by = [ \"from_bare\", \"{urn:x}tree@note\" ]; };", OFTEN("a"), GW_HIGH, TRI_YES },
    { "rate", "rate = { above = 1; per = \"1h\"; by = [ \"from_bare\", \"{urn:x}tree@note\" ]; };", OFTEN("b"), GW_HIGH, TRI_NO },
    { "rate", "rate = { above = 1; per = \"1h\"; by = \"{urn:x}tree/{urn:x}leaf\"; };", OFTEN("b"), GW_HIGH, TRI_YES },
    { "label", "label = { policy = \"MERIDIAN\"; at_least = \"GUARDED\"; };", LABELLED("GUARDED"), GW_HIGH, TRI_YES },
    { "label", "label = { policy = \"MERIDIAN\"; at_least = \"GUARDED\"; };", LABELLED("OPEN"), GW_HIGH, TRI_NO },
    { "label", "label = { policy = \"MERIDIAN\"; classification = [ \"OPEN\" ]; };", BODY("x"), GW_HIGH, TRI_YES },
    { "label", "label = { policy = \"MERIDIAN\"; at_most = \"OPEN\"; };", LABELLED("GUARDED"), GW_HIGH, TRI_NO },
    { "label", "label = { policy = \"OTHER\"; at_least = \"ANY\"; };", LABELLED("GUARDED"), GW_HIGH, TRI_UNKNOWN },
    { "label_above_clearance", "label_above_clearance = true;", LABELLED("SEALED"), GW_HIGH, TRI_YES },
    { "label_above_clearance", "label_above_clearance = true;", LABELLED("GUARDED"), GW_HIGH, TRI_NO },
    { "label_above_clearance", "label_above_clearance = true;", NOBODY, GW_HIGH, TRI_YES },
    { "label_above_clearance", "label_above_clearance = true;", LABELLED("UNHEARD"), GW_HIGH, TRI_UNKNOWN },
    { "label_missing", "label_missing = true;", BODY("x"), GW_HIGH, TRI_YES },
    { "label_missing", "label_missing = true;", M "<body>x</body>" LABEL("<label/>") "</message>", GW_HIGH, TRI_YES },
    { "label_missing", "label_missing = true;", LABELLED("OPEN"), GW_HIGH, TRI_NO },
    { "label_invalid", "label_invalid = true;", LABELLED("UNHEARD"), GW_HIGH, TRI_YES },
    { "label_invalid", "label_invalid = true;", LABELLED("OPEN"), GW_HIGH, TRI_NO },
    { "clearance", "clearance = { of = \"recipient\"; policy = \"MERIDIAN\"; at_least = \"GUARDED\"; };", BODY("x"), GW_HIGH, TRI_YES },
    { "clearance", "clearance = { of = \"recipient\"; policy = \"MERIDIAN\"; at_least = \"SEALED\"; };", BODY("x"), GW_HIGH, TRI_NO },
    { "clearance", "clearance = { of = \"sender\"; policy = \"MERIDIAN\"; at_least = \"OPEN\"; };", NOBODY, GW_HIGH, TRI_NO },
    { "clearance", "clearance = { of = \"channel\"; policy = \"MERIDIAN\"; at_least = \"SEALED\"; };", BODY("x"), GW_HIGH, TRI_YES },
    { "marking_disagrees", "marking_disagrees = true;", M "<body>OPEN\nx</body>" LABEL(PLAIN("GUARDED")) "</message>", GW_HIGH, TRI_YES },
    { "marking_disagrees", "marking_disagrees = true;", M "<body>[GUARDED] x</body>" LABEL(PLAIN("GUARDED")) "</message>", GW_HIGH, TRI_NO },
    { "marking_disagrees", "marking_disagrees = true;", M "<body>OPEN the door</body>" LABEL(PLAIN("GUARDED")) "</message>", GW_HIGH, TRI_NO },
    { "marking_disagrees", "marking_disagrees = true;", M "<body>x</body>" LABEL("<displaymarking>OPEN</displaymarking>" PLAIN("GUARDED")) "</message>", GW_HIGH, TRI_YES },
    { "all", "all = ( { kind = \"message\"; }, { text = \"x\"; } );", BODY("x"), GW_HIGH, TRI_YES },
    { "unsolicited", "unsolicited = true;", "<iq from='a@high.example' to='b@low.example' type='result' id='q'/>", GW_HIGH, TRI_YES },
    { "unsolicited", "unsolicited = true;", BODY("x"), GW_HIGH, TRI_NO },
    { "unsolicited", "unsolicited = true;", "<iq from='a@high.example' to='b@low.example' type='result' id='asked'/>", GW_HIGH, TRI_NO },
    { "unsolicited", "unsolicited = true;", "<iq from='a@high.example/r' to='b@low.example' type='result' id='asked'/>", GW_HIGH, TRI_YES },
    { "unsolicited", "unsolicited = false;", "<iq from='a@high.example' to='b@low.example' type='error' id='asked'><error>x</error></iq>", GW_HIGH, TRI_YES },
    { "first_contact", "first_contact = true;", BODY("x"), GW_HIGH, TRI_YES },
    { "first_contact", "first_contact = true;", "<message from='a@high.example/r' to='b@low.example/s'><body>x</body></message>", GW_HIGH, TRI_NO },
    { "rate", "rate = { above = 2; per = \"1min\"; };", BODY("x"), GW_HIGH, TRI_NO },
    { "rate", "kind = \"message\"; rate = { above = 1; per = \"1min\"; by = \"pair\"; };", "<message from='often@high.example' to='b@low.example'><body>x</body></message>", GW_HIGH, TRI_YES },
    { "time", "time = { from = \"22:00\"; to = \"22:30\"; };", BODY("x"), GW_HIGH, TRI_YES },
    { "time", "time = { from = \"22:14\"; to = \"22:30\"; };", BODY("x"), GW_HIGH, TRI_NO },
    { "time", "time = { from = \"00:00\"; to = \"00:15\"; offset = \"+02:00\"; days = \"wed\"; };", BODY("x"), GW_HIGH, TRI_YES },
    { "time", "time = { from = \"22:00\"; to = \"01:00\"; days = \"tue\"; };", BODY("x"), GW_HIGH, TRI_YES },
    { "time", "time = { from = \"23:00\"; to = \"22:20\"; days = \"mon\"; };", BODY("x"), GW_HIGH, TRI_YES },
    { "time", "time = { days = [ \"mon\", \"wed\" ]; };", BODY("x"), GW_HIGH, TRI_NO },
    { "enters", "enters = \"low\";", BODY("x"), GW_HIGH, TRI_YES },
    { "enters", "enters = \"people\";", BODY("x"), GW_HIGH, TRI_NO },
    { "leaves", "leaves = \"people\";", BODY("x"), GW_HIGH, TRI_YES },
    { "leaves", "leaves = \"low\";", BODY("x"), GW_HIGH, TRI_NO },
    { "all", "all = ( { kind = \"message\"; }, { text = \"q\"; } );", BODY("x"), GW_HIGH, TRI_NO },
    { "any", "any = ( { kind = \"iq\"; }, { text = \"x\"; } );", BODY("x"), GW_HIGH, TRI_YES },
    { "any", "any = ( { kind = \"iq\"; }, { text = \"q\"; } );", BODY("x"), GW_HIGH, TRI_NO },
    { "not", "not = { kind = \"iq\"; };", BODY("x"), GW_HIGH, TRI_YES },
    { "not", "not = { kind = \"message\"; text = \"x\"; };", BODY("x"), GW_HIGH, TRI_NO },
};

/* What went before: b has asked a and written to a; "often" has written twice. */
static void before(struct pol_eval *e)
{
    static const char *const v[] = { "<iq from='b@low.example' to='a@high.example' type='get' id='asked'><ping xmlns='urn:xmpp:ping'/></iq>",
        "<message from='b@low.example/x' to='a@high.example'><body>x</body></message>",
        "<message from='often@high.example' to='c@low.example'><body>x</body></message>", OFTEN("a") };
    for (size_t i = 0; i < sizeof v / sizeof *v; i++) {
        struct rec *r = help_stanza(v[i]);
        if (r) {
            (void)help_judge(e, r, i < 2 ? GW_LOW : GW_HIGH, NOW, found, sizeof found / sizeof *found, HELP_ANSWERS);
            pol_commit(e);
        }
        rec_free(r);
    }
}

static bool about_labels(const char *keyword) { return !strncmp(keyword, "label", 5) || !strcmp(keyword, "clearance") || !strcmp(keyword, "marking_disagrees"); }

static void run_row(const struct row *t)
{
    char rules[4096];
    snprintf(rules, sizeof rules, "{ id = 1; name = \"t\"; when = { %s }; action = \"alert\"; }, { id = 2; name = \"r\"; action = \"release\"; }", t->when);
    help_head = about_labels(t->keyword) ? "labels = [ \"test\" ];" : "";
    struct policy *p = help_load(rules);
    struct rec *r = help_stanza(t->xml);
    struct pol_state *state = pol_state_new();
    struct pol_eval *e = p && state ? pol_eval_new(p, state) : NULL;
    enum tri got = TRI_UNKNOWN;
    if (e)
        before(e);
    if (e && r) {
        const struct pol_verdict *v = help_judge(e, r, t->from, NOW, found, sizeof found / sizeof *found, HELP_ANSWERS);
        if (v->verdict == GW_V_RELEASE || (v->reason >= GW_R_LABEL_DENIED && v->reason <= GW_R_LABEL_INVALID && v->n_matched))
            got = v->n_matched == 2 ? TRI_YES : TRI_NO; /* what labels refuse has come to the release rule */
        else
            diag("refused: %s", gw_reason_code(v->reason));
    }
    ok(got == t->want, "%s: %s", t->when, tri_name(t->want));
    pol_eval_free(e);
    pol_state_free(state);
    rec_free(r);
    policy_free(p);
}

static void every_keyword(void)
{
    for (const struct cond_row *const *c = cond_rows(); *c; c++) {
        bool yes = false, no = false;
        for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
            yes |= !strcmp(rows[i].keyword, (*c)->keyword) && rows[i].want == TRI_YES;
            no |= !strcmp(rows[i].keyword, (*c)->keyword) && rows[i].want == TRI_NO;
        }
        ok(yes && no && (*c)->help && *(*c)->help, "%s has cases for yes and no, and a help text", (*c)->keyword);
        char rules[1024];
        snprintf(rules, sizeof rules, "{ id = 1; name = \"t\"; when = { %s; }; action = \"alert\"; }", (*c)->example);
        help_head = about_labels((*c)->keyword) ? "labels = [ \"test\" ];" : "";
        struct policy *p = help_load(rules);
        ok(p != NULL, "%s: the example of the documentation is right", (*c)->keyword);
        policy_free(p);
    }
}

static void truth_table(void)
{
    static const enum tri t[] = { TRI_NO, TRI_YES, TRI_UNKNOWN };
    static const enum tri and[3][3] = { { TRI_NO, TRI_NO, TRI_NO }, { TRI_NO, TRI_YES, TRI_UNKNOWN }, { TRI_NO, TRI_UNKNOWN, TRI_UNKNOWN } };
    static const enum tri or[3][3] = { { TRI_NO, TRI_YES, TRI_UNKNOWN }, { TRI_YES, TRI_YES, TRI_YES }, { TRI_UNKNOWN, TRI_YES, TRI_UNKNOWN } };
    static const enum tri not[3] = { TRI_YES, TRI_NO, TRI_UNKNOWN };
    bool good = true;
    for (int a = 0; a < 3; a++) {
        good &= tri_not(t[a]) == not[a];
        for (int b = 0; b < 3; b++)
            good &= tri_and(t[a], t[b]) == and[a][b] && tri_or(t[a], t[b]) == or[a][b];
    }
    ok(good, "the truth table of and, or, not");
}

/* A word at each place of a long text, many places being looked at together: behind and before what looks like it at first. */
static void at_each_place(void)
{
    static const struct { const char *word; bool there; } words[] = { { "nightfall", true }, { "NightFall", true }, { "n\xe2\x80\x8bightfall", true },
        { "nigh\xc2\xadtfall", true }, { "nightfa11", false }, { "inghtfall", false }, { "n\xc3\xadghtfall", false } };
    static const char *const fillings[] = { "x", "n", "ni", "i", "NI ", "\xc3\xa9n" };
    help_head = "";
    struct policy *p = help_load("{ id = 1; name = \"t\"; when = { text = \"nightfall\"; }; action = \"reject\"; }, { id = 2; name = \"r\"; kind = \"message\"; action = \"release\"; }");
    struct pol_eval *e = p ? pol_eval_new(p, NULL) : NULL;
    unsigned wrong = 0, tried = 0;
    for (size_t w = 0; e && w < sizeof words / sizeof *words; w++)
        for (size_t f = 0; f < sizeof fillings / sizeof *fillings; f++)
            for (size_t before = 0; before < 40; before++)
                for (size_t behind = 0; behind < 20; behind += 19) {
                    char xml[600] = M "<body>";
                    for (size_t i = 0; i < before; i++)
                        strcat(xml, fillings[f]);
                    strcat(xml, words[w].word);
                    for (size_t i = 0; i < behind; i++)
                        strcat(xml, fillings[f]);
                    strcat(xml, "</body></message>");
                    struct rec *r = help_stanza(xml);
                    wrong += !r || (help_judge(e, r, GW_HIGH, NOW, NULL, 0, HELP_ANSWERS)->verdict == GW_V_REJECT) != words[w].there;
                    tried++;
                    rec_free(r);
                }
    ok(tried > 3000 && !wrong, "a word is found at each place, and what is none is not: %u texts, %u wrong", tried, wrong);
    pol_eval_free(e);
    policy_free(p);
}

int main(void)
{
    if (!ok(help_begin(), "a rules folder"))
        return done_testing();
    help_file("lists/people.list", "# people\njuliet@high.example  # she\n*@other.example\n");
    help_file("lists/low.list", "low.example\n");
    help_file("lists/staff.list", "x@high.example\n");
    help_file("lists/liaison-high.list", "x@high.example\n");
    help_file("lists/liaison-low.list", "x@low.example\n");
    help_file("lists/everybody.list", "*@high.example\n*@low.example\n");
    help_file("lists/rooms.list", "plans@rooms.low.example\n");
    help_file("lists/nodes.list", "news\nurn:example:a#b   # with a remark\n");
    help_file("labels/test.conf", labels);
    truth_table();
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
        run_row(&rows[i]);
    every_keyword();
    at_each_place();
    help_end();
    return done_testing();
}
