/* SPDX-License-Identifier: GPL-3.0-or-later
 * What a peer may do wrong, one row each: the bytes, and the last thing that the engine says. Every row runs whole, byte by byte
 * and in random cuts, with the same events. */
// link: xmpp record base
// libs: -lexpat -lcrypto -licuuc -licudata
#include "jid.h"
#include "tap.h"
#include "xmpp_run.h"

#define SASL "xmlns='urn:ietf:params:xml:ns:xmpp-sasl'"
#define TLS "xmlns='urn:ietf:params:xml:ns:xmpp-tls'"
#define ADDR "from='romeo@capulet.example' to='juliet@montague.example'"
#define MSG(inside) "<message " ADDR ">" inside "</message>"
#define ENABLE "<enable xmlns='urn:xmpp:sm:3'/>"
#define DB(what, attrs, key) "<db:" what " from='capulet.example' to='montague.example' " attrs ">" key "</db:" what ">"
#define THEIRS RUN_OPEN("from='montague.example' to='capulet.example' id='x' version='1.0'")
#define FEATURES(inside) "<stream:features>" inside "</stream:features>"
#define OFFER_EXTERNAL "<mechanisms " SASL "><mechanism>EXTERNAL</mechanism></mechanisms>"
#define NWF "fail not-well-formed not-well-formed: "
#define RESTRICTED "fail restricted-xml restricted-xml: "
#define ENCODING "fail unsupported-encoding unsupported-encoding: "
#define HEADER_BAD(condition, detail) "fail " condition " stream-header: " detail
#define PROTOCOL(condition, detail) "fail " condition " stream-protocol: " detail
#define RECORD_LIMIT(detail) "fail policy-violation record-limit: " detail
#define LIMIT(detail) "fail policy-violation stream-limit: " detail
#define INVALID_TOKEN NWF "not well-formed (invalid token)"

enum stage {
    CLEAR,  /* receiving, TLS is to be offered */
    FRESH,  /* receiving, TLS is there, nothing was said */
    OPENED, /* the same, the peer's header was accepted */
    PROVED, /* SASL is done, the peer's last header is due */
    READY,  /* stanzas may come */
    TIGHT,  /* READY, with narrow limits for what the others leave at their defaults: see start() */
    MANAGED, /* the same, and stream management is offered */
    SPARED, /* the same, and a stanza that no record takes does not end the stream */
    CALL,   /* initiating, TLS is demanded, our header is out */
    CALL_TLS /* initiating, TLS is there */
};
struct row {
    const char *name;
    enum stage stage;
    const char *in;
    size_t n; /* 0: strlen */
    const char *want; /* the last line; "...": only its beginning */
};
#define BYTES(s) s, sizeof(s) - 1

static const struct row rows[] = {
    /* ---- encoding ---- */
    { "UTF-16 by byte order mark", FRESH, BYTES("\xfe\xff\0<\0?"), ENCODING "UTF-16 or UTF-32" },
    { "UTF-16 without a mark", FRESH, BYTES("<\0?\0x\0"), ENCODING "UTF-16 or UTF-32" },
    { "UTF-32", FRESH, BYTES("\0\0\0<"), ENCODING "UTF-16 or UTF-32" },
    { "EBCDIC", FRESH, BYTES("\x4c\x6f\xa7\x94\x93"), ENCODING "EBCDIC" },
    { "UTF-8 byte order mark", FRESH, "\xef\xbb\xbf" RUN_HEADER, 0, NWF "a byte order mark, or text before the root" },
    { "Latin-1 declared", FRESH, "<?xml version='1.0' encoding='ISO-8859-1'?>", 0, ENCODING "declared encoding is not UTF-8" },
    { "unknown encoding declared", FRESH, "<?xml version='1.0' encoding='x-foo'?>", 0, ENCODING "declared encoding is not UTF-8" },
    { "XML 1.1", FRESH, "<?xml version='1.1'?>", 0, NWF "XML version is not 1.0" },
    { "overlong <", READY, MSG("<body>\xc0\xbc</body>"), 0, ENCODING "bytes that are not UTF-8" },
    { "surrogate in UTF-8", READY, MSG("<body>\xed\xa0\x80</body>"), 0, ENCODING "bytes that are not UTF-8" },
    { "character cut short", READY, MSG("<body>\xe2\x82</body>"), 0, ENCODING "bytes that are not UTF-8" },
    { "bad UTF-8 in a name", READY, "<mess\xc3<", 0, ENCODING "bytes that are not UTF-8" },
    { "beyond U+10FFFF", READY, MSG("<body>\xf4\x90\x80\x80</body>"), 0, ENCODING "bytes that are not UTF-8" },
    { "U+FFFE", READY, MSG("<body>\xef\xbf\xbe</body>"), 0, INVALID_TOKEN },
    { "U+0000", READY, BYTES("<message \0"), INVALID_TOKEN },
    { "U+0001 in text", READY, MSG("<body>\x01</body>"), 0, INVALID_TOKEN },
    /* ---- well-formedness ---- */
    { "HTTP request", FRESH, "GET / HTTP/1.1\r\n\r\n", 0, NWF "syntax error" },
    { "TLS client hello", FRESH, BYTES("\x16\x03\x01\x02\x00\x01\x00"), INVALID_TOKEN },
    { "tag mismatch", READY, "<message " ADDR "><a></b></message>", 0, NWF "mismatched tag" },
    { "attribute twice", READY, "<message to='a' to='b'/>", 0, NWF "duplicate attribute" },
    { "attribute twice by namespace", READY, MSG("<a xmlns:p='u' xmlns:q='u' p:x='' q:x=''/>"), 0, NWF "duplicate attribute" },
    { "prefix without a namespace", READY, MSG("<p:a/>"), 0, NWF "unbound prefix" },
    { "prefix undeclared", READY, MSG("<a xmlns:p=''/>"), 0, NWF "must not undeclare prefix" },
    { "xml prefix bound anew", READY, MSG("<a xmlns:xml='urn:x'/>"), 0,
        NWF "reserved prefix (xml) must not be undeclared or bound to another namespace name" },
    { "bare ampersand", READY, MSG("<body>a & b</body>"), 0, INVALID_TOKEN },
    { "reference to U+0000", READY, MSG("&#0;"), 0, NWF "reference to invalid character number" },
    { "reference to a surrogate", READY, MSG("&#xD800;"), 0, NWF "reference to invalid character number" },
    { "reference beyond 32 bits", READY, MSG("&#x100000041;"), 0, NWF "reference to invalid character number" },
    { "< in a value", READY, "<message to='<'/>", 0, INVALID_TOKEN },
    { "]]> in text", READY, MSG("a]]>b"), 0, INVALID_TOKEN },
    { "XML declaration in the stream", READY, RUN_DECL, 0, NWF "XML or text declaration not at start of entity" },
    { "separator of the parser in a namespace", READY, MSG("<a xmlns='u&#x1F;v'/>"), 0, NWF "reference to invalid character number" },
    /* ---- restricted XML (RFC 6120 section 11.1) ---- */
    { "DTD", FRESH, "<!DOCTYPE stream>", 0, RESTRICTED "DTD" },
    { "internal subset", FRESH, "<!DOCTYPE s [<!ENTITY a 'b'>]>" RUN_HEADER, 0, RESTRICTED "DTD" },
    { "external subset", FRESH, "<!DOCTYPE s SYSTEM 'file:///etc/passwd'>" RUN_HEADER, 0, RESTRICTED "DTD" },
    { "entity", READY, MSG("<body>&foo;</body>"), 0, RESTRICTED "entity" },
    { "entity in a value", READY, "<message to='&foo;'/>", 0, RESTRICTED "entity" },
    { "comment in a stanza", READY, MSG("<!-- x -->"), 0, RESTRICTED "comment" },
    { "comment between stanzas", READY, "<!---->", 0, RESTRICTED "comment" },
    { "comment before the header", FRESH, "<!-- x -->", 0, RESTRICTED "comment" },
    { "processing instruction", READY, MSG("<?php ?>"), 0, RESTRICTED "processing instruction" },
    { "processing instruction before the header", FRESH, "<?xml-stylesheet href='x'?>", 0, RESTRICTED "processing instruction" },
    /* ---- the header ---- */
    { "stream namespace wrong", FRESH, "<s:stream xmlns:s='urn:x' version='1.0'>", 0, HEADER_BAD("invalid-namespace", "root is not in the stream namespace") },
    { "a stanza as the root", FRESH, "<message xmlns='jabber:server'/>", 0, HEADER_BAD("invalid-namespace", "root is not in the stream namespace") },
    { "root is not stream", FRESH, "<stream:flow " RUN_NS " version='1.0'>", 0, HEADER_BAD("bad-format", "root is not a stream header") },
    { "prefix is not stream", FRESH, "<s:stream xmlns='jabber:server' xmlns:s='http://etherx.jabber.org/streams' version='1.0'>", 0,
        HEADER_BAD("bad-namespace-prefix", "prefix of the stream namespace is not \"stream\"") },
    { "client content", FRESH, "<stream:stream xmlns='jabber:client' xmlns:stream='http://etherx.jabber.org/streams' version='1.0'>", 0,
        HEADER_BAD("invalid-namespace", "content namespace is not jabber:server") },
    { "component content", FRESH, "<stream:stream xmlns='jabber:component:accept' xmlns:stream='http://etherx.jabber.org/streams'>", 0,
        HEADER_BAD("invalid-namespace", "content namespace is not jabber:server") },
    { "no version", FRESH, RUN_OPEN("from='a.example' to='b.example'"), 0, HEADER_BAD("unsupported-version", "no version") },
    { "version 0.9", FRESH, RUN_OPEN("from='a.example' to='b.example' version='0.9'"), 0, HEADER_BAD("unsupported-version", "version below 1.0") },
    { "version is no number", FRESH, RUN_OPEN("version='1'"), 0, HEADER_BAD("unsupported-version", "version below 1.0") },
    { "from with a localpart", FRESH, RUN_OPEN("from='x@a.example' to='b.example' version='1.0'"), 0, HEADER_BAD("invalid-from", "from of the header is not a domain") },
    { "to that is no domain", FRESH, RUN_OPEN("from='a.example' to='b example' version='1.0'"), 0, HEADER_BAD("host-unknown", "to of the header is not a domain") },
    /* ---- liberal where real servers are ---- */
    { "header without from", FRESH, RUN_OPEN("to='montague.example' version='1.0'"), 0, "header to='montague.example'" },
    { "header with empty from, to and id", FRESH, RUN_OPEN("from='' to='' id='' version='1.0'"), 0, "header" },
    { "header with an id of its own", FRESH, RUN_OPEN("to='montague.example' id='mine' version='1.0'"), 0, "header to='montague.example'" },
    { "version 1.5", FRESH, RUN_OPEN("to='MONTAGUE.example' version='1.5'"), 0, "header to='montague.example'" },
    { "content namespace not declared", READY, MSG(""), 0, "stanza 77 <message xmlns='jabber:server' " ADDR "/>" },
    { "stanza with a prefix", READY, "<s:message xmlns:s='jabber:server' " ADDR "><s:body>x</s:body></s:message>", 0,
        "stanza 123 <message xmlns='jabber:server' " ADDR "><body>x</body></message>" },
    { "CDATA is text", READY, MSG("<body><![CDATA[</body>&]]></body>"), 0,
        "stanza 110 <message xmlns='jabber:server' " ADDR "><body>&lt;/body&gt;&amp;</body></message>" },
    { "white space between stanzas", READY, " \t\r\n" MSG(""), 0, "stanza 77 <message xmlns='jabber:server' " ADDR "/>" },
    { "unknown attribute without a namespace is left out", READY, "<message " ADDR " x='1' xmlns:y='urn:y' y:z='2'/>", 0,
        "stanza 98 <message xmlns='jabber:server' " ADDR " xmlns:a1='urn:y' a1:z='2'/>" },
    { "from in a namespace is not from", READY, "<message xmlns:s='jabber:server' s:from='evil.example' " ADDR "/>", 0,
        "stanza 114 <message xmlns='jabber:server' " ADDR " xmlns:a1='jabber:server' a1:from='evil.example'/>" },
    { "iq without type and id is handed up", READY, "<iq " ADDR "/>", 0, "stanza 63 <iq xmlns='jabber:server' " ADDR "/>" },
    { "stanza elements inside a stanza", READY, MSG("<message from='admin@montague.example'/>"), 0,
        "stanza 117 <message xmlns='jabber:server' " ADDR "><message from='admin@montague.example'/></message>" },
    { "addresses are prepared", READY, "<message from='Romeo@CAPULET.example/R' to='juliet@montague.example'/>", 0,
        "stanza 70 <message xmlns='jabber:server' from='romeo@capulet.example/R' to='juliet@montague.example'/>" },
    /* ---- out of place ---- */
    { "stanza before TLS", CLEAR, RUN_HEADER MSG(""), 0, PROTOCOL("not-authorized", "a stanza that was not due") },
    { "stanza before authentication", OPENED, MSG(""), 0, PROTOCOL("not-authorized", "a stanza that was not due") },
    { "stanza behind a dialback key", OPENED, DB("result", "", "bad") MSG(""), 0, PROTOCOL("not-authorized", "a stanza that was not due") },
    { "stanza behind auth, before the restart", OPENED, RUN_AUTH MSG(""), 0, HEADER_BAD("invalid-namespace", "root is not in the stream namespace") },
    { "text between stanzas", READY, "x", 0, PROTOCOL("bad-format", "text between stanzas") },
    { "reference between stanzas", READY, "&#65;", 0, PROTOCOL("bad-format", "text between stanzas") },
    { "CDATA between stanzas", READY, "<![CDATA[x]]>", 0, PROTOCOL("bad-format", "text between stanzas") },
    { "no-break space between stanzas", READY, "\xc2\xa0", 0, PROTOCOL("bad-format", "text between stanzas") },
    { "unknown element", READY, "<foo xmlns='urn:foo'/>", 0, PROTOCOL("unsupported-stanza-type", "an element that is neither stanza nor known") },
    { "unknown element of the content", READY, "<foo/>", 0, PROTOCOL("unsupported-stanza-type", "an element that is neither stanza nor known") },
    { "stanza of a client", READY, "<message xmlns='jabber:client' " ADDR "/>", 0, PROTOCOL("invalid-namespace", "a stanza in the wrong namespace") },
    { "stanza in no namespace", READY, "<message xmlns='' " ADDR "/>", 0, PROTOCOL("invalid-namespace", "a stanza in the wrong namespace") },
    { "header in a stream", READY, "<stream:stream>x</stream:stream>", 0, PROTOCOL("unsupported-stanza-type", "an element that is neither stanza nor known") },
    { "stream element inside a negotiation element", OPENED, DB("result", "", "<stream:x/>"), 0, LIMIT("a stream element inside a negotiation element") },
    { "features from the initiating entity", READY, FEATURES(""), 0, PROTOCOL("policy-violation", "a negotiation element out of place") },
    { "stream element inside a stanza", READY, MSG("<stream:error/>"), 0, "fail policy-violation record-invalid: a stream element inside a stanza" },
    { "stream attribute inside a stanza", READY, MSG("<x stream:to='a'/>"), 0, "fail policy-violation record-invalid: a stream element inside a stanza" },
    { "stream header inside a stanza", READY, MSG("<x><stream:stream/></x>"), 0, "fail policy-violation record-invalid: a stream element inside a stanza" },
    { "starttls under TLS", OPENED, "<starttls " TLS "/>", 0, PROTOCOL("policy-violation", "a negotiation element out of place") },
    { "SASL in clear", CLEAR, RUN_HEADER RUN_AUTH, 0, PROTOCOL("policy-violation", "a negotiation element out of place") },
    { "SASL once more", READY, RUN_AUTH, 0, PROTOCOL("policy-violation", "a negotiation element out of place") },
    { "dialback in clear", CLEAR, RUN_HEADER DB("result", "", "k"), 0, PROTOCOL("policy-violation", "a negotiation element out of place") },
    { "starttls in the wrong namespace", CLEAR, RUN_HEADER "<starttls/>", 0, PROTOCOL("unsupported-stanza-type", "an element that is neither stanza nor known") },
    { "compression", READY, "<compress xmlns='http://jabber.org/protocol/compress'/>", 0, PROTOCOL("unsupported-stanza-type", "an element that is neither stanza nor known") },
    { "stream management that was not offered", READY, "<enable xmlns='urn:xmpp:sm:3'/>", 0, PROTOCOL("unsupported-stanza-type", "an element that is neither stanza nor known") },
    { "acknowledgement that was not offered", READY, "<a xmlns='urn:xmpp:sm:3' h='0'/>", 0, PROTOCOL("unsupported-stanza-type", "an element that is neither stanza nor known") },
    { "stream management before authentication", OPENED, "<enable xmlns='urn:xmpp:sm:3'/>", 0, PROTOCOL("unsupported-stanza-type", "an element that is neither stanza nor known") },
    { "stream management is switched on", MANAGED, "<enable xmlns='urn:xmpp:sm:3' resume='true'/>", 0, "managed" },
    { "a second time is refused, and the stream stays", MANAGED, ENABLE ENABLE "<r xmlns='urn:xmpp:sm:3'/>", 0, "asks" },
    { "a question before it is on", MANAGED, "<r xmlns='urn:xmpp:sm:3'/>", 0, PROTOCOL("unsupported-stanza-type", "an element that is neither stanza nor known") },
    { "resumption is refused, and the stream stays", MANAGED, "<resume xmlns='urn:xmpp:sm:3' h='0' previd='x'/>" ENABLE, 0, "managed" },
    { "many requests", MANAGED, ENABLE ENABLE ENABLE ENABLE ENABLE ENABLE ENABLE ENABLE ENABLE ENABLE, 0, LIMIT("too many requests for stream management") },
    { "nothing was sent, and so much is acknowledged", MANAGED, ENABLE "<a xmlns='urn:xmpp:sm:3' h='0'/><r xmlns='urn:xmpp:sm:3'/>", 0, "asks" },
    { "more acknowledged than was sent", MANAGED, ENABLE "<a xmlns='urn:xmpp:sm:3' h='1'/>", 0, PROTOCOL("undefined-condition", "more stanzas acknowledged than were sent") },
    { "an acknowledgement without a number", MANAGED, ENABLE "<a xmlns='urn:xmpp:sm:3'/>", 0, PROTOCOL("undefined-condition", "more stanzas acknowledged than were sent") },
    { "another element of stream management", MANAGED, ENABLE "<enabled xmlns='urn:xmpp:sm:3'/>", 0, PROTOCOL("unsupported-stanza-type", "an element that is neither stanza nor known") },
    /* ---- TLS ---- */
    { "bytes behind starttls", CLEAR, RUN_HEADER "<starttls " TLS "/>" RUN_HEADER, 0, "fail policy-violation tls-injection: bytes behind starttls" },
    { "white space behind starttls", CLEAR, RUN_HEADER "<starttls " TLS "/>\n", 0, "fail policy-violation tls-injection: bytes behind starttls" },
    { "bytes behind proceed", CALL, THEIRS FEATURES("<starttls " TLS "/>") RUN_WAIT "<proceed " TLS "/><", 0, "fail policy-violation tls-injection: bytes behind starttls" },
    { "STARTTLS stripped", CALL, THEIRS FEATURES("<dialback xmlns='urn:xmpp:features:dialback'/>"), 0, "fail policy-violation tls-failed: STARTTLS is not offered" },
    { "STARTTLS refused", CALL, THEIRS FEATURES("<starttls " TLS "/>") RUN_WAIT "<failure " TLS "/>", 0, "fail policy-violation tls-failed: the peer refused STARTTLS" },
    /* ---- SASL ---- */
    { "authorization identity of another", OPENED, "<auth " SASL " mechanism='EXTERNAL'>YmFuay5leGFtcGxl</auth>", 0, "auth authzid='bank.example'" },
    { "three failures", OPENED, "<auth " SASL " mechanism='PLAIN'>=</auth><auth " SASL " mechanism='EXTERNAL'>!</auth><auth " SASL "/>", 0,
        "fail policy-violation auth-failed: too many SASL attempts" },
    { "base64 with bits left over", OPENED, "<auth " SASL " mechanism='EXTERNAL'>YmFuay5leGFtcGx=</auth>" RUN_AUTH, 0, "auth authzid=''" },
    { "abort", OPENED, "<auth " SASL " mechanism='EXTERNAL'/><abort " SASL "/>" RUN_AUTH, 0, "auth authzid=''" },
    { "empty challenge, then the identity", OPENED, "<auth " SASL " mechanism='EXTERNAL'/><response " SASL ">Y2FwdWxldC5leGFtcGxl</response>", 0, "auth authzid='capulet.example'" },
    { "response to nothing", OPENED, "<response " SASL ">=</response>", 0, PROTOCOL("policy-violation", "a negotiation element out of place") },
    { "success for nothing", CALL_TLS, THEIRS FEATURES("") RUN_WAIT "<success " SASL "/>", 0, PROTOCOL("policy-violation", "a negotiation element out of place") },
    { "failure is told", CALL_TLS, THEIRS FEATURES(OFFER_EXTERNAL) RUN_WAIT "<failure " SASL "><not-authorized/><text>no</text></failure>", 0, "auth-failed text='no' not-authorized" },
    /* ---- dialback ---- */
    { "answer to no question", CALL_TLS, THEIRS FEATURES("") RUN_WAIT "<db:result xmlns:db='jabber:server:dialback' from='evil.example' to='capulet.example' type='valid'/>", 0,
        PROTOCOL("policy-violation", "dialback answer to no question") },
    { "answer on the wrong stream", OPENED, DB("result", "type='valid'", ""), 0, PROTOCOL("policy-violation", "a negotiation element out of place") },
    { "verification with another id", CALL_TLS, THEIRS FEATURES("") RUN_WAIT
        "<db:verify xmlns:db='jabber:server:dialback' from='montague.example' to='capulet.example' id='other' type='valid'/>", 0,
        PROTOCOL("policy-violation", "dialback answer to no question") },
    { "question from the receiving entity", CALL_TLS, THEIRS FEATURES("") RUN_WAIT "<db:result xmlns:db='jabber:server:dialback' from='a.example' to='b.example'>k</db:result>", 0,
        PROTOCOL("policy-violation", "a negotiation element out of place") },
    { "no key", OPENED, DB("result", "", " "), 0, PROTOCOL("bad-format", "dialback without key") },
    { "no id", OPENED, DB("verify", "", "k"), 0, PROTOCOL("bad-format", "dialback verification without id") },
    { "address in place of a domain", OPENED, "<db:result from='a@b.example' to='c.example'>k</db:result>", 0, PROTOCOL("improper-addressing", "dialback without valid domains") },
    { "answer of unknown type", CALL_TLS, THEIRS FEATURES("") RUN_WAIT "<db:result xmlns:db='jabber:server:dialback' from='montague.example' to='capulet.example' type='maybe'/>", 0,
        PROTOCOL("bad-format", "dialback answer of unknown type") },
    /* ---- addresses ---- */
    { "no from", READY, "<message to='juliet@montague.example'/>", 0, "fail improper-addressing address-invalid: no from" },
    { "empty from", READY, "<message from='' to='juliet@montague.example'/>", 0, "fail improper-addressing address-invalid: no from" },
    { "no to", READY, "<message from='romeo@capulet.example'/>", 0, "fail improper-addressing address-invalid: no to" },
    { "from that is no JID", READY, "<message from='@capulet.example' to='juliet@montague.example'/>", 0,
        "fail improper-addressing address-invalid: from is not a valid address" },
    { "to with a forbidden character", READY, "<message from='romeo@capulet.example' to='a&lt;b@montague.example'/>", 0,
        "fail improper-addressing address-invalid: to is not a valid address" },
    { "no to: no mercy", SPARED, "<message from='romeo@capulet.example'/>", 0, "fail improper-addressing address-invalid: no to" },
    { "an address that is none: the stream is spared", SPARED, "<message from='romeo@capulet.example' to='a b@montague.example'><body>x</body></message>" MSG("<a/>"), 0,
        "stanza 81 <message xmlns='jabber:server' " ADDR "><a/></message>" },
    { "an element in the XML namespace: the stream is spared", SPARED, MSG("<xml:a/>") MSG("<a/>"), 0, "stanza 81 <message xmlns='jabber:server' " ADDR "><a/></message>" },
    { "stream element inside a stanza: the stream is spared", SPARED, MSG("<stream:error/>") MSG("<a/>"), 0,
        "stanza 81 <message xmlns='jabber:server' " ADDR "><a/></message>" },
    /* ---- the end ---- */
    { "end before anything", OPENED, "</stream:stream>", 0, "close" },
    { "empty stream", FRESH, "<stream:stream " RUN_NS " version='1.0'/>", 0, "close" },
    { "nothing is read behind the end", READY, "</stream:stream><message/>", 0, "close" },
    { "error of the peer, then its end", READY, "<stream:error><reset xmlns='urn:ietf:params:xml:ns:xmpp-streams'/></stream:error></stream:stream>", 0, "close" },
    { "error of the peer", READY, "<stream:error><text xmlns='urn:ietf:params:xml:ns:xmpp-streams'>x</text><reset xmlns='urn:ietf:params:xml:ns:xmpp-streams'/></stream:error>", 0,
        "peer-error text='x' reset" },
    { "error of the peer without a condition", READY, "<stream:error/>", 0, "peer-error undefined-condition" },
    { "error in place of features", CALL, THEIRS "<stream:error><host-unknown xmlns='urn:ietf:params:xml:ns:xmpp-streams'/></stream:error>", 0, "peer-error host-unknown" },
    { "stanza towards the initiating entity", CALL_TLS, THEIRS FEATURES(OFFER_EXTERNAL) RUN_WAIT "<success " SASL "/>" RUN_WAIT THEIRS FEATURES("") MSG(""), 0,
        PROTOCOL("not-authorized", "a stanza that was not due") },
};

/* ---- limits: inputs made by repetition ---- */

struct long_row {
    const char *name;
    enum stage stage;
    const char *before, *again, *after;
    size_t times;
    const char *want;
};
static const struct long_row long_rows[] = {
    { "white space before the header", FRESH, "", " ", RUN_HEADER, 9000, LIMIT("stream header too long") },
    { "a header that does not end", FRESH, "<stream:stream a='", "x", "", 9000, LIMIT("stream header too long") },
    { "a header of 8 KiB - 1 is read", FRESH, "<stream:stream " RUN_NS " version='1.0' to='b.example' x='", "x", "'>", 8054, "header to='b.example'" },
    { "a key that does not end, before authentication", OPENED, "<db:result from='a.example' to='b.example'>", "x", "", 9000, LIMIT("stanza too long") },
    { "a tag that does not end", READY, "<message x='", "x", "", 70000, LIMIT("tag too long") },
    { "a tag that does not end, of >", READY, "<message x='", ">", "", 70000, LIMIT("tag too long") },
    { "a name that does not end", READY, "<message><", "x", "", 70000, LIMIT("tag too long") },
    { "a comment that does not end", READY, "<!-- ", "x", "", 70000, LIMIT("tag too long") },
    { "a reference that does not end", READY, "<message>&", "x", "", 70000, LIMIT("tag too long") },
    { "limits.token: a tag over it", TIGHT, "<message x='", "x", "'", 8192, LIMIT("tag too long") },
    { "limits.name: a name of 65 bytes", TIGHT, "<message " ADDR "><a", "x", "/></message>", 64, RECORD_LIMIT("a name is too long") },
    { "limits.name: a name of 64 bytes", TIGHT, "<message " ADDR "><a", "x", "/></message>", 63, "stanza ..." },
    { "limits.name: a namespace of 65 bytes", TIGHT, "<message " ADDR "><a xmlns='u", "x", "'/></message>", 64, RECORD_LIMIT("a name is too long") },
    { "limits.text: 1025 bytes", TIGHT, "<message " ADDR "><body>", "x", "</body></message>", 1025, RECORD_LIMIT("a text or value is too long") },
    { "limits.text: 1024 bytes", TIGHT, "<message " ADDR "><body>", "x", "</body></message>", 1024, "stanza ..." },
    { "limits.text: a value of 1025 bytes", TIGHT, "<message " ADDR "><body a='", "x", "'/></message>", 1025, RECORD_LIMIT("a text or value is too long") },
    { "limits.text: references count as what they stand for", TIGHT, "<message " ADDR "><body>", "&lt;", "</body></message>", 1025,
        RECORD_LIMIT("a text or value is too long") },
    { "limits.text: each run begins anew", TIGHT, "<message " ADDR "><body>", "xxxxxxxxxxxxxxxx<a/>", "</body></message>", 16, "stanza ..." },
    { "limits.children: 17 of one", TIGHT, "<message " ADDR ">", "<a/>", "</message>", 17, RECORD_LIMIT("too many elements in one") },
    { "limits.children: 16 of one", TIGHT, "<message " ADDR ">", "<a/>", "</message>", 16, "stanza ..." },
    { "limits.children: one each in many", TIGHT, "<message " ADDR ">", "<a><b/><b/></a>", "</message>", 15, "stanza ..." },
    { "a text that does not end", READY, "<message " ADDR ">", "x", "", 300000, LIMIT("stanza too long") },
    { "white space without a stanza", READY, "", " ", "", 300000, LIMIT("stanza too long") },
    { "a stanza of nearly the limit", READY, "<message " ADDR "><body>", "x", "</body></message>", 250000, "stanza 250090 <message..." },
    { "nested 31 deep", READY, "<message " ADDR "><a><a><a><a><a><a><a><a><a><a><a><a><a><a><a><a><a><a><a><a><a><a><a><a><a><a><a><a><a><a><a>",
        "</a>", "</message>", 31, "stanza 294 <message..." },
    { "nested 32 deep", READY, "<message " ADDR "><a><a><a><a><a><a><a><a><a><a><a><a><a><a><a><a><a><a><a><a><a><a><a><a><a><a><a><a><a><a><a><a>",
        "</a>", "</message>", 32, "fail policy-violation record-limit: elements nested too deep" },
    { "nested without an end", READY, "<message " ADDR ">", "<a>", "", 20000, LIMIT("elements nested too deep") },
    { "2001 elements", READY, "<message " ADDR ">", "<a/>", "</message>", 2000, "fail policy-violation record-limit: too many elements" },
    { "2001 elements: the stream is spared", SPARED, "<iq id='1' type='get' " ADDR ">", "<a/>", "</iq>", 2000,
        "stanza 8085 <iq xmlns='jabber:server' " ADDR " id='1' type='get'/> record-limit: too many elements" },
    { "nested 32 deep: the stream is spared", SPARED, "<message " ADDR "><a><a><a><a><a><a><a><a><a><a><a><a><a><a><a><a><a><a><a><a><a><a><a><a><a><a><a><a><a><a><a><a>",
        "</a>", "</message>", 32, "stanza 301 <message xmlns='jabber:server' " ADDR "/> record-limit: elements nested too deep" },
    { "nested without an end: no mercy", SPARED, "<message " ADDR ">", "<a>", "", 20000, LIMIT("elements nested too deep") },
    { "a text that does not end: no mercy", SPARED, "<message " ADDR ">", "x", "", 300000, LIMIT("stanza too long") },
    { "a negotiation element of many parts", OPENED, "<db:result from='a.example' to='b.example'>", "<a/>", "</db:result>", 200, LIMIT("negotiation element too large") },
    { "a namespace too long to be repeated", READY, "<message " ADDR "><a xmlns='", "x", "'/></message>", 1025, LIMIT("a namespace name is too long") },
    { "a name too long to be repeated", READY, "<message " ADDR "><", "x", "/></message>", 1025, "fail policy-violation record-limit: a name is too long" },
    { "more attributes than any record takes", READY, "<message " ADDR "><a", " p:x=''", "/></message>", 257, LIMIT("too many attributes") },
    { "33 attributes", READY, "<message " ADDR "><a a='' b='' c='' d='' e='' f='' g='' h='' i='' j='' k='' l='' m='' n='' o='' p='' q='' r='' s='' "
        "t='' u='' v='' w='' x='' y='' z='' aa='' bb='' cc='' dd='' ee='' ff=''", " gg=''", "/></message>", 1, "fail policy-violation record-limit: too many attributes" },
    { "more attributes than any record takes, in a header", FRESH, "<stream:stream", " x=''", ">", 257, LIMIT("too many attributes") },
};

/* ---- running ---- */

static void start(struct run *r, enum stage stage)
{
    struct xs_conf conf = { .role = stage >= CALL ? XS_INITIATING : XS_RECEIVING, .limits = run_limits, .offer_external = true, .dialback = true,
        .offer_starttls = stage == CLEAR || stage == CALL, .spare_stream = stage == SPARED, .manage = stage == MANAGED };
    static const char opened[] = RUN_HEADER, proved[] = RUN_UNTIL_READY, ready[] = RUN_UNTIL_READY
        RUN_OPEN("xmlns:db='jabber:server:dialback' version='1.0'");
    const char *before = stage == OPENED ? opened : stage == PROVED ? proved : stage == READY || stage == TIGHT || stage == SPARED || stage == MANAGED ? ready : "";
    if (stage == TIGHT) {
        conf.header_bytes = 2000;
        conf.token_bytes = 8192;
        conf.name_bytes = 64;
        conf.text_bytes = 1024;
        conf.children = 16;
    }
    if (stage >= CALL) {
        conf.from = STR("capulet.example");
        conf.to = STR("montague.example");
    }
    run_init(r, &conf);
    run_input(r, (const unsigned char *)before, strlen(before), RUN_WHOLE, false);
}

static struct str last_line(const struct buf *log)
{
    struct str s = buf_str(log);
    const char *nl;
    if (s.n)
        s.n--;
    nl = s.n ? memrchr(s.p, '\n', s.n) : NULL;
    return nl ? (struct str){ nl + 1, s.n - (size_t)(nl + 1 - s.p) } : s;
}

static bool fits(struct str line, const char *want)
{
    size_t n = strlen(want);
    if (n > 3 && strcmp(want + n - 3, "...") == 0)
        return line.n >= n - 3 && memcmp(line.p, want, n - 3) == 0;
    return str_eq(line, str_c(want));
}

static void check(const char *name, enum stage stage, const char *in, size_t n, const char *want)
{
    struct run whole, cut;
    struct str line;
    bool same = true;
    start(&whole, stage);
    run_input(&whole, (const unsigned char *)in, n, RUN_WHOLE, false);
    run_forget_injected_starttls(&whole);
    line = last_line(&whole.log);
    if (!ok(fits(line, want), "%s", name)) {
        diag("got:  %.*s", (int)(line.n < 300 ? line.n : 300), line.p);
        diag("want: %s", want);
    }
    run_feed(&whole, (const unsigned char *)"", 1, RUN_WHOLE);
    for (unsigned chunks = RUN_BYTES; chunks < RUN_SEED + 4; chunks++) {
        start(&cut, stage);
        run_input(&cut, (const unsigned char *)in, n, chunks, true);
        run_forget_injected_starttls(&cut);
        if (same && !str_eq(buf_str(&whole.log), buf_str(&cut.log)))
            diag("cut %u: %.1000s", chunks, (const char *)buf_data(&cut.log)), same = false;
        run_clear(&cut);
    }
    if (!same)
        ok(false, "%s: other cuts, same events", name);
    run_clear(&whole);
}

static void check_long(const struct long_row *row)
{
    size_t a = strlen(row->again), n = strlen(row->before) + a * row->times + strlen(row->after);
    char *in = malloc(n + 1), *p = stpcpy(in, row->before);
    for (size_t i = 0; i < row->times; i++)
        p = mempcpy(p, row->again, a);
    strcpy(p, row->after);
    check(row->name, row->stage, in, n, row->want);
    free(in);
}

int main(void)
{
    run_must(jid_init());
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
        check(rows[i].name, rows[i].stage, rows[i].in, rows[i].n ? rows[i].n : strlen(rows[i].in), rows[i].want);
    for (size_t i = 0; i < sizeof long_rows / sizeof *long_rows; i++)
        check_long(&long_rows[i]);
    jid_finish();
    return done_testing();
}
