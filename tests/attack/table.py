# SPDX-License-Identifier: GPL-3.0-or-later
# What a hostile peer says, and what must come of it. A row: name, phase, bytes, conditions of which one must come (None: the
# connection may just end), reasons of which one must stand in the journal (empty: any), source.
#
# Phases: "first" the first bytes of a connection; "clear" behind our features, before TLS; "tls" under TLS, before
# authentication; "auth" on an authenticated stream of high.example towards low.example; "spare" the same, but only the stanza
# is refused: its sender gets the condition as a stanza error, and the stream goes on.

HIGH, LOW, ROOMS = "high.example", "low.example", "rooms.low.example"
A, B = f"a@{HIGH}/r", f"b@{LOW}/r"
NS = "xmlns='jabber:server' xmlns:stream='http://etherx.jabber.org/streams'"
DB = "xmlns:db='jabber:server:dialback'"
SASL = "urn:ietf:params:xml:ns:xmpp-sasl"
TLS = "urn:ietf:params:xml:ns:xmpp-tls"
ROWS = []


def row(name, phase, data, conditions, reasons=(), source=""):
    ROWS.append((name, phase, data if isinstance(data, bytes) else data.encode("utf-8", "surrogateescape"),
                 frozenset({conditions} if isinstance(conditions, str) else conditions), frozenset({reasons} if isinstance(reasons, str) else reasons),
                 source))


def header(from_=HIGH, to=LOW, more="", ns=NS, version="1.0"):
    names = "".join(f" {k}='{v}'" for k, v in (("from", from_), ("to", to)) if v is not None)
    return f"<stream:stream {ns}{names}{f' version={chr(39)}{version}{chr(39)}' if version else ''}{more}>"


def m(inside="<body>SMUGGLED</body>", attrs=f"from='{A}' to='{B}' id='atk' type='chat'", name="message"):
    return f"<{name} {attrs}>{inside}</{name}>"


NWF, RESTRICTED, LIMIT = "not-well-formed", "restricted-xml", "policy-violation"

# ---- the first bytes ---------------------------------------------------------------------------------------------------
HEAD = "RFC 6120 4.7, 4.9.3"
for what, data, conditions, reasons in (
        ("from of the other side", header(LOW, LOW), "not-authorized", "wrong-side"),
        ("from of the other side's second domain", header(ROOMS, LOW), "not-authorized", "wrong-side"),
        ("from of nobody", header("other.example", LOW), "not-authorized", "host-unknown"),
        ("from of a subdomain of the peer", header("x." + HIGH, LOW), "not-authorized", "host-unknown"),
        ("from of the parent domain", header("example", LOW), "not-authorized", "host-unknown"),
        ("from that ends with the peer's name", header("not" + HIGH, LOW), "not-authorized", "host-unknown"),
        ("from that begins with the peer's name", header(HIGH + ".evil.example", LOW), "not-authorized", "host-unknown"),
        ("from with a Cyrillic letter", header("h\u0456gh.example", LOW), {"not-authorized", "invalid-from"}, ()),
        ("from with a dotless i", header("h\u0131gh.example", LOW), {"not-authorized", "invalid-from"}, ()),
        ("from with a zero-width space", header("hi\u200bgh.example", LOW), {"not-authorized", "invalid-from"}, ()),
        ("from with a soft hyphen", header("hi\u00adgh.example", LOW), {"not-authorized", "invalid-from"}, ()),
        ("from as a look-alike in ACE form", header("xn--hgh-vma.example", LOW), {"not-authorized", "invalid-from"}, ()),
        ("from as a broken ACE label", header("xn--\u00e4.example", LOW), {"not-authorized", "invalid-from"}, ()),
        ("from with a localpart", header("a@" + HIGH, LOW), {"invalid-from", "not-authorized"}, ()),
        ("from with a resource", header(HIGH + "/r", LOW), {"invalid-from", "not-authorized"}, ()),
        ("from with white space", header(" " + HIGH, LOW), {"invalid-from", "not-authorized"}, ()),
        ("from with a new line", header(HIGH + "&#10;", LOW), {"invalid-from", "not-authorized"}, ()),
        ("from with two final dots", header(HIGH + "..", LOW), {"invalid-from", "not-authorized"}, ()),
        ("from as an IPv4 address", header("10.77.1.2", LOW), {"invalid-from", "not-authorized"}, ()),
        ("from as an IPv6 address", header("[fd77:1::2]", LOW), {"invalid-from", "not-authorized"}, ()),
        ("from of 1,100 characters", header("a." * 550 + "example", LOW), {"invalid-from", "not-authorized", LIMIT}, ()),
        ("from with a quote character reference", header(HIGH + "&apos;", LOW), {"invalid-from", "not-authorized"}, ()),
        ("to of the sender's own side", header(HIGH, HIGH), "host-unknown", "host-unknown"),
        ("to of nobody", header(HIGH, "other.example"), "host-unknown", "host-unknown"),
        ("to is missing", header(HIGH, None), "host-unknown", "host-unknown"),
        ("to is empty", header(HIGH, ""), "host-unknown", "host-unknown"),
        ("to with a localpart", header(HIGH, "b@" + LOW), "host-unknown", ()),
        ("to with a resource", header(HIGH, LOW + "/r"), "host-unknown", ()),
        ("to as a look-alike", header(HIGH, "l\u043ew.example"), "host-unknown", ()),
        ("to with markup in it", header(HIGH, "&lt;x/&gt;"), "host-unknown", ()),
        ("version 0.9", header(version="0.9"), "unsupported-version", "stream-header"),
        ("no version", header(version=None), "unsupported-version", "stream-header"),
        ("version of words", header(version="one"), "unsupported-version", "stream-header"),
        ("version 1", header(version="1"), "unsupported-version", "stream-header"),
        ("version 1.0x", header(version="1.0x"), "unsupported-version", "stream-header"),
        ("two from attributes", header(more=f" from='{LOW}'"), NWF, "not-well-formed"),
        ("two from attributes, one in another namespace prefix", header(None, LOW, more=f" xmlns:s2='u:x' s2:from='{HIGH}' from='{LOW}'"),
         "not-authorized", "wrong-side"),
        ("stream prefix by another name", header().replace("stream:", "s:").replace("xmlns:stream", "xmlns:s"), "bad-namespace-prefix", "stream-header"),
        ("old stream namespace", header(ns="xmlns='jabber:server' xmlns:stream='http://etherx.jabber.org/stream'"), "invalid-namespace", "stream-header"),
        ("component namespace", header(ns="xmlns='jabber:component:accept' xmlns:stream='http://etherx.jabber.org/streams'"), "invalid-namespace",
         "stream-header"),
        ("root by another name", header().replace("<stream:stream", "<stream:streams"), "bad-format", "stream-header"),
        ("root closed at once", header()[:-1] + "/>", {None, "host-unknown", NWF}, ()),
        ("stanza as the root", m(attrs=f"{NS} from='{A}' to='{B}' id='atk'"), {"invalid-namespace", "bad-format"}, "stream-header"),
        ("header inside a header", header() + header()[:-1] + "/>", {"not-authorized", LIMIT, "bad-format", "unsupported-stanza-type", "invalid-xml"}, ()),
        ("text before the root", "x" + header(), NWF, "not-well-formed"),
        ("XML 1.1", "<?xml version='1.1'?>" + header(), NWF, "not-well-formed"),
        ("XML 2.0", "<?xml version='2.0'?>" + header(), NWF, ()),
        ("byte order mark", "\ufeff" + header(), {NWF, "unsupported-encoding"}, ()),
        ("UTF-16 little-endian", ("<?xml version='1.0'?>" + header()).encode("utf-16-le"), {"unsupported-encoding", NWF}, ()),
        ("UTF-16 big-endian", ("<?xml version='1.0'?>" + header()).encode("utf-16-be"), {"unsupported-encoding", NWF}, ()),
        ("UTF-32", ("<?xml version='1.0'?>" + header()).encode("utf-32"), {"unsupported-encoding", NWF}, ()),
        ("EBCDIC", "<?xml version='1.0'?>".encode("cp037"), {"unsupported-encoding", NWF}, ()),
        ("UTF-7 declared", "<?xml version='1.0' encoding='UTF-7'?>" + header(), "unsupported-encoding", "unsupported-encoding"),
        ("US-ASCII declared", "<?xml version='1.0' encoding='US-ASCII'?>" + header(), "unsupported-encoding", "unsupported-encoding"),
        ("windows-1252 declared", "<?xml version='1.0' encoding='windows-1252'?>" + header(), "unsupported-encoding", "unsupported-encoding"),
        ("an encoding that does not exist", "<?xml version='1.0' encoding='x-none'?>" + header(), "unsupported-encoding", "unsupported-encoding"),
        ("declaration behind white space", " <?xml version='1.0'?>" + header(), {NWF, RESTRICTED}, ()),
        ("two declarations", "<?xml version='1.0'?><?xml version='1.0'?>" + header(), {NWF, RESTRICTED}, ()),
        ("external document type", f"<!DOCTYPE s SYSTEM 'file:///etc/passwd'>{header()}", RESTRICTED, "restricted-xml"),
        ("public document type", f"<!DOCTYPE s PUBLIC 'p' 'http://10.77.2.2/x.dtd'>{header()}", RESTRICTED, "restricted-xml"),
        ("entity bomb", "<!DOCTYPE s [<!ENTITY a 'xxxxxxxxxx'>" + "".join(f"<!ENTITY {chr(98 + i)} '{('&%s;' % chr(97 + i)) * 10}'>"
         for i in range(9)) + f"]>{header(more=' id=' + chr(39) + '&j;' + chr(39))}", RESTRICTED, "restricted-xml"),
        ("parameter entity", f"<!DOCTYPE s [<!ENTITY % p SYSTEM 'file:///etc/hostname'> %p;]>{header()}", RESTRICTED, "restricted-xml"),
        ("default attribute by DTD", f"<!DOCTYPE s [<!ATTLIST message from CDATA '{B}'>]>{header()}", RESTRICTED, "restricted-xml"),
        ("conditional section", f"<![INCLUDE[ x ]]>{header()}", {NWF, RESTRICTED}, ()),
        ("processing instruction first", f"<?evil run?>{header()}", RESTRICTED, "restricted-xml"),
        ("stylesheet instruction", f"<?xml-stylesheet href='x'?>{header()}", RESTRICTED, "restricted-xml"),
        ("comment first", f"<!--x-->{header()}", RESTRICTED, "restricted-xml"),
        ("an entity in an attribute", header(more=" id='&e;'"), {RESTRICTED, NWF}, ()),
        ("less-than in an attribute", header(more=" id='<'"), NWF, "not-well-formed"),
        ("unquoted attribute", header(more=" id=5"), NWF, "not-well-formed"),
        ("namespace prefix undeclared", header(more=" x:y='1'"), {NWF, "bad-namespace-prefix"}, ()),
        ("the prefix xml bound to something else", header(more=" xmlns:xml='urn:x'"), {NWF, "bad-namespace-prefix"}, ()),
        ("the prefix xmlns declared", header(more=" xmlns:xmlns='urn:x'"), {NWF, "bad-namespace-prefix"}, ()),
        ("prefix bound to nothing", header(more=" xmlns:x=''"), {NWF, "bad-namespace-prefix"}, ()),
        ("separator character in a namespace", header(more=" xmlns:x='urn:a&#31;stream'"), NWF, "not-well-formed"),
        ("300 attributes", header(more="".join(f" a{i}='1'" for i in range(300))), LIMIT, ()),
        ("header of 9,000 bytes", header(more=f" id='{'x' * 9000}'"), LIMIT, "stream-limit"),
        ("10,000 bytes of white space before the header", " " * 10000 + header(), {LIMIT, None}, ()),
        ("HTTP", "POST / HTTP/1.1\r\nHost: low.example\r\n\r\n" + header(), NWF, ()),
        ("SMTP", "EHLO high.example\r\n", {NWF, None}, ()),
        ("Flash policy request", b"<policy-file-request/>\0", {NWF, "invalid-namespace", "bad-format"}, ()),
        ("a NUL first", b"\0" + header().encode(), {NWF, "unsupported-encoding"}, ()),
        ("random bytes", bytes((i * 73 + 41) % 251 + 1 for i in range(300)), {NWF, "unsupported-encoding", None}, ()),
):
    row(what, "first", data, conditions, reasons, HEAD)

# ---- in the clear: nothing but STARTTLS --------------------------------------------------------------------------------
for what, data, conditions in (
        ("message before TLS", m(), "not-authorized"),
        ("presence before TLS", m("", name="presence"), "not-authorized"),
        ("iq before TLS", m("<ping xmlns='urn:xmpp:ping'/>", attrs=f"from='{A}' to='{B}' id='atk' type='get'", name="iq"), "not-authorized"),
        ("EXTERNAL before TLS", f"<auth xmlns='{SASL}' mechanism='EXTERNAL'>=</auth>", {LIMIT, "not-authorized"}),
        ("dialback before TLS", f"<db:result {DB} from='{HIGH}' to='{LOW}'>k</db:result>", {LIMIT, "not-authorized"}),
        ("dialback answer before TLS", f"<db:result {DB} from='{HIGH}' to='{LOW}' type='valid'/>", {LIMIT, "not-authorized"}),
        ("verify before TLS", f"<db:verify {DB} from='{HIGH}' to='{LOW}' id='x'>k</db:verify>", {LIMIT, "not-authorized"}),
        ("proceed from the peer", f"<proceed xmlns='{TLS}'/>", {LIMIT}),
        ("success from the peer", f"<success xmlns='{SASL}'/>", {LIMIT}),
        ("features from the peer", "<stream:features/>", {LIMIT}),
        ("compression", "<compress xmlns='http://jabber.org/protocol/compress'><method>zlib</method></compress>",
         {"unsupported-stanza-type", LIMIT}),
        ("stream management", "<enable xmlns='urn:xmpp:sm:3'/>", {"unsupported-stanza-type", LIMIT}),
        ("component handshake", "<handshake>0123</handshake>", {"unsupported-stanza-type", "invalid-namespace"}),
        ("bidi", "<bidi xmlns='urn:xmpp:bidi'/>", {"unsupported-stanza-type", LIMIT}),
        ("stanza in the TLS namespace", f"<message xmlns='{TLS}' from='{A}' to='{B}' id='atk'/>", {"unsupported-stanza-type", "invalid-namespace"}),
        ("starttls in another namespace", "<starttls xmlns='urn:x'/>", {"unsupported-stanza-type"}),
        ("starttls with a stanza inside", f"<starttls xmlns='{TLS}'><message xmlns='jabber:server' from='{A}' to='{B}' id='atk'/></starttls>" + m(),
         {LIMIT, None}),
        ("text before TLS", "hello", {"bad-format", NWF}),
        ("negotiation element of 9,000 bytes", f"<starttls xmlns='{TLS}' a='{'x' * 9000}'/>", {LIMIT}),
        ("negotiation element of 500 children", f"<starttls xmlns='{TLS}'>" + "<a/>" * 500 + "</starttls>", {LIMIT}),
        ("negotiation element 300 deep", f"<starttls xmlns='{TLS}'>" + "<a>" * 300, {LIMIT}),
):
    row(what, "clear", data, conditions, (), "RFC 6120 5.3, 5.4; XEP-0220")

# ---- under TLS, not authenticated --------------------------------------------------------------------------------------
for what, data, conditions in (
        ("message before authentication", m(), "not-authorized"),
        ("presence before authentication", m("", name="presence"), "not-authorized"),
        ("message behind auth without waiting", f"<auth xmlns='{SASL}' mechanism='EXTERNAL'>=</auth>" + m(), {NWF, "bad-format", "invalid-namespace"}),
        ("unsolicited db:result valid", f"<db:result {DB} from='{HIGH}' to='{LOW}' type='valid'/>", LIMIT),
        ("unsolicited db:result valid, names turned round", f"<db:result {DB} from='{LOW}' to='{HIGH}' type='valid'/>", LIMIT),
        ("unsolicited db:verify valid", f"<db:verify {DB} from='{HIGH}' to='{LOW}' id='x' type='valid'/>", LIMIT),
        ("db:result without names", f"<db:result {DB}>k</db:result>", "improper-addressing"),
        ("db:result with an empty from", f"<db:result {DB} from='' to='{LOW}'>k</db:result>", "improper-addressing"),
        ("db:result with a user's address", f"<db:result {DB} from='a@{HIGH}' to='{LOW}'>k</db:result>", "improper-addressing"),
        ("db:result without key", f"<db:result {DB} from='{HIGH}' to='{LOW}'/>", "bad-format"),
        ("db:verify without id", f"<db:verify {DB} from='{HIGH}' to='{LOW}'>k</db:verify>", "bad-format"),
        ("db:result of unknown type", f"<db:result {DB} from='{HIGH}' to='{LOW}' type='maybe'/>", {"bad-format", LIMIT}),
        ("starttls again", f"<starttls xmlns='{TLS}'/>", LIMIT),
        ("success from the peer", f"<success xmlns='{SASL}'/>", LIMIT),
        ("response without challenge", f"<response xmlns='{SASL}'>=</response>", LIMIT),
        ("SASL 2", "<authenticate xmlns='urn:xmpp:sasl:2' mechanism='EXTERNAL'/>", {"unsupported-stanza-type", LIMIT}),
        ("header again without restart", header()[:-1] + "/>", {LIMIT, "unsupported-stanza-type", "bad-format", "invalid-xml"}),
        ("old authentication", m("<query xmlns='jabber:iq:auth'/>", attrs="type='set' id='atk'", name="iq"), {"not-authorized"}),
        ("account registration", m("<query xmlns='jabber:iq:register'/>", attrs=f"type='set' id='atk' from='{A}' to='{LOW}'", name="iq"), {"not-authorized"}),
):
    row(what, "tls", data, conditions, (), "RFC 6120 6.3, 6.4; XEP-0220 2; CVE-2012-3525")

# ---- on an authenticated stream: who speaks to whom ---------------------------------------------------------------------
def addressed(what, phase, attrs, conditions, reasons, source):
    """A message and a question with these addresses."""
    for kind in ("message", "iq") if "given" not in what else ("message",):
        row(f"{kind}: {what}", phase, m("" if kind == "iq" else "<body>SMUGGLED</body>", attrs=attrs + " id='atk' type='%s'" % ("get" if kind == "iq" else "chat"),
            name=kind), conditions, reasons, source)


for what, attrs, conditions, reasons in (
        ("from of the other side", f"from='{B}' to='{B}'", "invalid-from", "wrong-side"),
        ("from of the other side's rooms", f"from='room@{ROOMS}/n' to='{B}'", "invalid-from", "wrong-side"),
        ("from of nobody", f"from='a@other.example' to='{B}'", "invalid-from", "pair-mismatch"),
        ("from of a subdomain", f"from='a@x.{HIGH}' to='{B}'", "invalid-from", "pair-mismatch"),
        ("from of a longer name", f"from='a@{HIGH}.evil.example' to='{B}'", "invalid-from", "pair-mismatch"),
        ("from of a name that ends so", f"from='a@evil{HIGH}' to='{B}'", "invalid-from", "pair-mismatch"),
        ("to of a pair not proven on this stream", f"from='{A}' to='room@{ROOMS}'", {"improper-addressing", "invalid-from"}, "pair-mismatch"),
        ("to of the sender's own side", f"from='{A}' to='z@{HIGH}'", "host-unknown", "host-unknown"),
        ("to of nobody", f"from='{A}' to='b@other.example'", "host-unknown", "host-unknown"),
        ("to of a subdomain", f"from='{A}' to='b@x.{LOW}'", "host-unknown", "host-unknown"),
        ("to with the domain in the resource", f"from='{A}' to='b@other.example/{LOW}'", "host-unknown", "host-unknown"),
        ("from with the domain in the resource", f"from='a@other.example/@{HIGH}' to='{B}'", "invalid-from", "pair-mismatch"),
        ("from with the domain in the localpart", f"from='{HIGH}@other.example' to='{B}'", "invalid-from", "pair-mismatch"),
        ("from with two at-signs", f"from='a@other.example@{HIGH}' to='{B}'", "improper-addressing", ()),
        ("from with an escaped at-sign", f"from='a&#64;other.example@{HIGH}' to='{B}'", "improper-addressing", ()),
        ("from missing", f"to='{B}'", "improper-addressing", "address-invalid"),
        ("from empty", f"from='' to='{B}'", "improper-addressing", "address-invalid"),
        ("to missing", f"from='{A}'", "improper-addressing", "address-invalid"),
        ("to empty", f"from='{A}' to=''", "improper-addressing", "address-invalid"),
        ("from only in another namespace", f"xmlns:x='u:x' x:from='{A}' to='{B}'", "improper-addressing", "address-invalid"),
        ("from with a look-alike domain", f"from='a@h\u0456gh.example' to='{B}'", {"improper-addressing", "invalid-from"}, ()),
        ("from with an ACE label", f"from='a@xn--hgh-vma.example' to='{B}'", {"improper-addressing", "invalid-from"}, ()),
        ("from with a label of 64 bytes", f"from='a@{'h' * 64}.example' to='{B}'", {"improper-addressing", "invalid-from"}, ()),
        ("from with an encoded solidus", f"from='a@{LOW}\\2f@{HIGH}' to='{B}'", {"improper-addressing", "invalid-from"}, ()),
        ("from given twice", f"from='{A}' from='{B}' to='{B}'", NWF, "not-well-formed"),
        ("from given twice by a namespace trick", f"xmlns:x='u:x' xmlns:y='u:x' x:from='1' y:from='2' from='{A}' to='{B}'", NWF, "not-well-formed"),
):
    addressed(what, "auth", attrs, conditions, reasons, "RFC 6120 8.1, RFC 7622 3")

# A good domain, and in front of it or behind it what nobody has: anybody behind the peer can write that, so the stanza goes alone.
for what, attrs, conditions, reasons in (
        ("from with an empty localpart", f"from='@{HIGH}' to='{B}'", "jid-malformed", "address-invalid"),
        ("from with an empty resource", f"from='a@{HIGH}/' to='{B}'", "jid-malformed", "address-invalid"),
        ("from with a space in the localpart", f"from='a b@{HIGH}' to='{B}'", "jid-malformed", "address-invalid"),
        ("from with a line break in the resource", f"from='a@{HIGH}/x&#10;y' to='{B}'", "jid-malformed", "address-invalid"),
        ("from with a quote in the localpart", f"from='a&apos;b@{HIGH}' to='{B}'", "jid-malformed", "address-invalid"),
        ("from with markup in the localpart", f"from='a&lt;b@{HIGH}' to='{B}'", "jid-malformed", "address-invalid"),
        ("from with a right-to-left override", f"from='a\u202eb@{HIGH}' to='{B}'", "jid-malformed", "address-invalid"),
        ("from with a zero-width joiner", f"from='a\u200bb@{HIGH}' to='{B}'", "jid-malformed", "address-invalid"),
        ("from with a private-use character", f"from='a\ue000@{HIGH}' to='{B}'", "jid-malformed", "address-invalid"),
        ("from with an unassigned character", f"from='a\U000e0fff@{HIGH}' to='{B}'", "jid-malformed", "address-invalid"),
        ("from with a localpart of 1,024 bytes", f"from='{'a' * 1024}@{HIGH}' to='{B}'", "jid-malformed", "address-invalid"),
        ("from with a resource of 1,024 bytes", f"from='a@{HIGH}/{'r' * 1024}' to='{B}'", "jid-malformed", "address-invalid"),
        ("from with leading white space", f"from=' {A}' to='{B}'", "jid-malformed", "address-invalid"),
        ("to with an empty resource", f"to='a@{LOW}/' from='{A}'", "jid-malformed", "address-invalid"),
        ("to with a space in the localpart", f"to='a b@{LOW}' from='{A}'", "jid-malformed", "address-invalid"),
        ("to with a line break in the resource", f"to='a@{LOW}/x&#10;y' from='{A}'", "jid-malformed", "address-invalid"),
        ("to with a right-to-left override", f"to='a\u202eb@{LOW}' from='{A}'", "jid-malformed", "address-invalid"),
        ("to with an unassigned character", f"to='a\U000e0fff@{LOW}' from='{A}'", "jid-malformed", "address-invalid"),
        ("to with a localpart of 1,024 bytes", f"to='{'a' * 1024}@{LOW}' from='{A}'", "jid-malformed", "address-invalid"),
        ("to with a resource of 1,024 bytes", f"to='a@{LOW}/{'r' * 1024}' from='{A}'", "jid-malformed", "address-invalid"),
):
    addressed(what, "spare", attrs, conditions, reasons, "RFC 6120 8.3.3.8, RFC 7622 3")

# ---- on an authenticated stream: XML ------------------------------------------------------------------------------------
BODY = "RFC 6120 11, XML 1.0, Namespaces in XML 1.0"


def body(inside):
    return m(f"<body>{inside}</body>")


for code in list(range(0, 9)) + [11, 12] + list(range(14, 32)) + [0xFFFE, 0xFFFF]:
    row(f"reference to U+{code:04X}", "auth", body(f"SMUGGLED&#{code};"), NWF, "not-well-formed", "XML 1.0 2.2")
    row(f"reference to U+{code:04X} in hexadecimal", "auth", body(f"SMUGGLED&#x{code:x};"), NWF, "not-well-formed", "XML 1.0 2.2")
for code in list(range(1, 9)) + [11, 12, 14, 27, 31]:
    row(f"literal U+{code:04X}", "auth", body(f"SMUGGLED{chr(code)}"), NWF, "not-well-formed", "XML 1.0 2.2")
for code in (0xD800, 0xDBFF, 0xDC00, 0xDFFF, 0x110000, 0xFFFFFFFF, 0x100000000 + 65):
    row(f"reference to {code:X}", "auth", body(f"SMUGGLED&#x{code:x};"), NWF, "not-well-formed", "XML 1.0 2.2")
for what, raw in (("80 alone", b"\x80"), ("bf alone", b"\xbf"), ("c0 80", b"\xc0\x80"), ("c1 bf", b"\xc1\xbf"), ("overlong less-than", b"\xc0\xbc"),
                  ("overlong less-than in three", b"\xe0\x80\xbc"), ("overlong less-than in four", b"\xf0\x80\x80\xbc"), ("e0 9f bf", b"\xe0\x9f\xbf"),
                  ("surrogate ed a0 80", b"\xed\xa0\x80"), ("surrogate pair in CESU-8", b"\xed\xa0\xbd\xed\xb8\x80"), ("ed bf bf", b"\xed\xbf\xbf"),
                  ("f0 8f bf bf", b"\xf0\x8f\xbf\xbf"), ("f4 90 80 80", b"\xf4\x90\x80\x80"), ("f5", b"\xf5\x80\x80\x80"), ("five bytes", b"\xf8\x88\x80\x80\x80"),
                  ("six bytes", b"\xfc\x84\x80\x80\x80\x80"), ("fe", b"\xfe"), ("ff", b"\xff"), ("two bytes cut", b"\xc3"), ("three bytes cut", b"\xe2\x82"),
                  ("four bytes cut", b"\xf0\x9f\x98"), ("four bytes, the third cut by a tag", b"\xeb<body>")):
    row(f"bad UTF-8 in text: {what}", "auth", body("SMUGGLED").encode().replace(b"SMUGGLED", b"SMUGGLED" + raw), {"unsupported-encoding", NWF}, (),
        "RFC 3629; Fratric 2022")
    row(f"bad UTF-8 in an attribute: {what}", "auth", m(attrs=f"from='{A}' to='{B}' id='atkRAW'").encode().replace(b"RAW", raw),
        {"unsupported-encoding", NWF}, (), "RFC 3629; Fratric 2022")
    row(f"bad UTF-8 in a name: {what}", "auth", m("<xRAW xmlns='u:x'/>").encode().replace(b"RAW", raw), {"unsupported-encoding", NWF}, (), "RFC 3629")
for what, inside, conditions, reasons in (
        ("end of CDATA in text", "SMUGGLED]]>", NWF, "not-well-formed"),
        ("CDATA that does not end, with markup", "<![CDATA[ </body></message>" + "x" * 300000, LIMIT, "stream-limit"),
        ("comment with two dashes", "<!-- a -- b -->", {RESTRICTED, NWF}, ()),
        ("empty comment", "<!---->", RESTRICTED, "restricted-xml"),
        ("empty processing instruction", "<?x?>", RESTRICTED, "restricted-xml"),
        ("processing instruction named xml", "<?xml version='1.0'?>", {NWF, RESTRICTED}, ()),
        ("processing instruction named XML", "<?XML x?>", {NWF, RESTRICTED}, ()),
        ("document type inside", "<!DOCTYPE x>", {NWF, RESTRICTED}, ()),
        ("entity declaration inside", "<!ENTITY x 'y'>", {NWF, RESTRICTED}, ()),
        ("undeclared entity", "&nbsp;", {RESTRICTED, NWF}, ()),
        ("entity without semicolon", "&amp SMUGGLED", NWF, "not-well-formed"),
        ("bare ampersand", "SMUGGLED & more", NWF, "not-well-formed"),
        ("empty reference", "&;", NWF, "not-well-formed"),
        ("empty character reference", "&#;", NWF, "not-well-formed"),
        ("capital X in a character reference", "&#X41;", NWF, "not-well-formed"),
        ("negative character reference", "&#-65;", NWF, "not-well-formed"),
        ("bare less-than", "SMUGGLED < more", NWF, "not-well-formed"),
        ("tag with a space first", "< x/>", NWF, "not-well-formed"),
        ("end tag with an attribute", "<x></x a='1'>", NWF, "not-well-formed"),
        ("name that begins with a digit", "<1/>", NWF, "not-well-formed"),
        ("name that begins with a dash", "<-a/>", NWF, "not-well-formed"),
        ("name of a colon", "<:/>", {NWF, "bad-namespace-prefix"}, ()),
        ("two colons in a name", "<a:b:c xmlns:a='u:a'/>", {NWF, "bad-namespace-prefix"}, ()),
        ("empty prefix", "<:a xmlns='u:a'/>", {NWF, "bad-namespace-prefix"}, ()),
        ("name with a less-than reference", "<a&#60;b/>", NWF, "not-well-formed"),
        ("prefix that was never declared", "<q:a/>", {NWF, "bad-namespace-prefix"}, ()),
        ("prefix out of its scope", "<a xmlns:q='u:q'/><q:b/>", {NWF, "bad-namespace-prefix"}, ()),
        ("prefix undeclared again", "<a xmlns:q='u:q'><b xmlns:q=''/></a>", {NWF, "bad-namespace-prefix"}, ()),
        ("the prefix xmlns on an element", "<xmlns:a/>", {NWF, "bad-namespace-prefix"}, ()),
        ("the xmlns namespace bound", "<a xmlns='http://www.w3.org/2000/xmlns/'/>", {NWF, "bad-namespace-prefix"}, ()),
        ("the xmlns namespace bound to a prefix", "<q:a xmlns:q='http://www.w3.org/2000/xmlns/'/>", {NWF, "bad-namespace-prefix"}, ()),
        ("the XML namespace as the default", "<a xmlns='http://www.w3.org/XML/1998/namespace'/>", {NWF, "bad-namespace-prefix"}, ()),
        ("the XML namespace under another prefix", "<q:a xmlns:q='http://www.w3.org/XML/1998/namespace'/>", {NWF, "bad-namespace-prefix"}, ()),
        ("same attribute by two prefixes", "<a xmlns:p='u:x' xmlns:q='u:x' p:n='1' q:n='2'/>", NWF, "not-well-formed"),
        ("attribute without value", "<a b/>", NWF, "not-well-formed"),
        ("attribute with two equals signs", "<a b=='1'/>", NWF, "not-well-formed"),
        ("attributes without space between", "<a b='1'c='2'/>", NWF, "not-well-formed"),
        ("attribute value with a tag in it", "<a b='<x/>'/>", NWF, "not-well-formed"),
        ("attribute quotes of two kinds", "<a b='1\"/>", {NWF, None}, ()),
        ("separator character in a namespace", "<a xmlns='u:x\x1fu:y'/>", NWF, "not-well-formed"),
        ("separator reference in a namespace", "<a xmlns='jabber:server&#x1f;body'/>", NWF, "not-well-formed"),
        ("stream header inside", "<stream:stream xmlns:stream='http://etherx.jabber.org/streams'/>", None, "record-invalid"),
        ("stream features inside", "<stream:features/>", None, "record-invalid"),
        ("stream error inside", "<stream:error><not-authorized xmlns='urn:ietf:params:xml:ns:xmpp-streams'/></stream:error>", None, "record-invalid"),
        ("stream element by another prefix", "<q:error xmlns:q='http://etherx.jabber.org/streams'/>", None, "record-invalid"),
        ("stream element by default namespace", "<error xmlns='http://etherx.jabber.org/streams'/>", None, "record-invalid"),
        ("attribute in the stream namespace", "<a xmlns='u:x' stream:b='1'/>", None, "record-invalid"),
        ("closing the stream inside", "</stream:stream>", NWF, "not-well-formed"),
        ("33 deep", "<a xmlns='u:x'>" + "<a>" * 33 + "</a>" * 34, None, "record-limit"),
        ("20,000 deep", "<a>" * 20000, LIMIT, ()),
        ("33 attributes", "<a xmlns='u:x' " + " ".join(f"b{i}='1'" for i in range(33)) + "/>", None, "record-limit"),
        ("10,000 attributes", "<a " + " ".join(f"b{i}='1'" for i in range(10000)) + "/>", LIMIT, ()),
        ("an attribute name of 70,000 bytes", f"<a {'b' * 70000}='1'/>", LIMIT, ()),
        ("an attribute value of 70,000 bytes", f"<a xmlns='u:x' b='{'v' * 70000}'/>", LIMIT, ()),
        ("an element name of 2,000 bytes", f"<{'n' * 2000} xmlns='u:x'/>", None, ()),
        ("a namespace of 2,000 bytes", f"<a xmlns='u:{'n' * 2000}'/>", LIMIT, ()),
        ("a prefix of 70,000 bytes", f"<{'p' * 70000}:a/>", LIMIT, ()),
        ("5,000 elements", "<a xmlns='u:x'/>" * 5000, None, "record-limit"),
        ("5,000 namespaces", "".join(f"<a xmlns='u:{i}'/>" for i in range(5000)), None, ()),
        ("300,000 bytes of text", "x" * 300000, LIMIT, ()),
        ("300,000 bytes of references", "&#65;" * 60000, LIMIT, ()),
):
    row("in a body: " + what, "auth" if conditions else "spare", body(inside), conditions or LIMIT, reasons, BODY)
for what, data, conditions in (
        ("comment between stanzas", "<!--x-->" + m(), RESTRICTED),
        ("processing instruction between stanzas", "<?x y?>" + m(), RESTRICTED),
        ("text between stanzas", "x" + m(), "bad-format"),
        ("CDATA between stanzas", "<![CDATA[x]]>" + m(), "bad-format"),
        ("reference between stanzas", "&#65;" + m(), "bad-format"),
        ("no-break space between stanzas", "\u00a0" + m(), "bad-format"),
        ("byte order mark between stanzas", "\ufeff" + m(), {"bad-format", NWF}),
        ("NUL between stanzas", "\0" + m(), NWF),
        ("document type between stanzas", "<!DOCTYPE x>" + m(), {RESTRICTED, NWF}),
        ("stanza behind the end of the stream", "</stream:stream>" + m(), {None}),
        ("second stream behind the end", "</stream:stream>" + header() + m(), {None, NWF}),
        ("wrong end of the stream", "</stream>" + m(), NWF),
        ("client namespace", m(attrs=f"xmlns='jabber:client' from='{A}' to='{B}' id='atk'"), {"invalid-namespace"}),
        ("no namespace", m(attrs=f"xmlns='' from='{A}' to='{B}' id='atk'"), {"invalid-namespace", "unsupported-stanza-type"}),
        ("namespace in capitals", m(attrs=f"xmlns='JABBER:SERVER' from='{A}' to='{B}' id='atk'"), {"unsupported-stanza-type", "invalid-namespace"}),
        ("namespace with white space", m(attrs=f"xmlns='jabber:server ' from='{A}' to='{B}' id='atk'"), {"unsupported-stanza-type", "invalid-namespace"}),
        ("stanza name in capitals", m().replace("message", "Message"), "unsupported-stanza-type"),
        ("stanza by a look-alike name", m().replace("message", "m\u0435ssage"), "unsupported-stanza-type"),
        ("stanza in the stream namespace", m().replace("<message", "<stream:message").replace("</message", "</stream:message"),
         {"unsupported-stanza-type", LIMIT, "invalid-namespace"}),
        ("route element", f"<route xmlns='jabber:server' from='{HIGH}' to='{LOW}'>{m()}</route>", {"unsupported-stanza-type"}),
        ("xdb element", f"<xdb xmlns='jabber:server' from='{HIGH}' to='{LOW}' ns='x'/>", {"unsupported-stanza-type"}),
        ("auth again", f"<auth xmlns='{SASL}' mechanism='EXTERNAL'>=</auth>", LIMIT),
        ("starttls on an authenticated stream", f"<starttls xmlns='{TLS}'/>", LIMIT),
        ("features on an authenticated stream", "<stream:features/>", LIMIT),
        ("header on an authenticated stream", header()[:-1] + "/>", {LIMIT, "unsupported-stanza-type", "bad-format", "invalid-xml"}),
        ("compression", "<compress xmlns='http://jabber.org/protocol/compress'><method>zlib</method></compress>", {"unsupported-stanza-type", LIMIT}),
        ("resumption of another's stream, as if it had worked", "<resume xmlns='urn:xmpp:sm:3' h='0' previd='someone-elses'/><r xmlns='urn:xmpp:sm:3'/>", "unsupported-stanza-type"),
        ("more stanzas acknowledged than were sent", "<enable xmlns='urn:xmpp:sm:3'/><a xmlns='urn:xmpp:sm:3' h='4294967295'/>", "undefined-condition"),
        ("a stanza inside an acknowledgement", f"<enable xmlns='urn:xmpp:sm:3'/><a xmlns='urn:xmpp:sm:3' h='1'>{m()}</a>", "undefined-condition"),
        ("a question without stream management", "<r xmlns='urn:xmpp:sm:3'/>", {"unsupported-stanza-type", LIMIT}),
        ("acknowledgement without stream management", "<a xmlns='urn:xmpp:sm:3' h='4294967295'/>", {"unsupported-stanza-type", LIMIT}),
        ("unsolicited dialback answer", f"<db:result {DB} from='{ROOMS}' to='{HIGH}' type='valid'/>", LIMIT),
        ("unsolicited verify answer", f"<db:verify {DB} from='{HIGH}' to='{ROOMS}' id='1' type='valid'/>", LIMIT),
        ("stanza larger than the limit, in one attribute", m(attrs=f"from='{A}' to='{B}' id='{'x' * 300000}'"), LIMIT),
        ("stanza element with 40 attributes", m(attrs=f"from='{A}' to='{B}' id='atk' " + " ".join(f"a{i}='1'" for i in range(40))), LIMIT),
        ("one end tag too many", m() .replace("SMUGGLED", "x").replace("id='atk'", "id='end-tags'") + "</message>", NWF),
        ("crossed end tags", f"<message from='{A}' to='{B}' id='atk'><body><x></body></x></message>", NWF),
):
    row(what, "auth", data, conditions, (), BODY)

# ---- what must cross as something harmless: name, stanza, test of what arrives -------------------------------------------
CLEAN = [
    ("CDATA with the end of a stanza in it", body("<![CDATA[</body></message>" + m() + "]]>"),
     lambda e: e[0].text.startswith("</body>") and len(e) == 1),
    ("escaped markup stays escaped once", body("&amp;lt;x/&amp;gt; &lt;/body&gt;"), lambda e: e[0].text == "&lt;x/&gt; </body>"),
    ("CDATA end by reference", body("a]]&gt;b"), lambda e: e[0].text == "a]]>b"),
    ("CDATA in pieces", body("a<![CDATA[]]]]><![CDATA[>]]>b"), lambda e: e[0].text == "a]]>b"),
    ("characters by reference", body("&#60;b&#62; &#38;amp; &#x1F600;"), lambda e: e[0].text == "<b> &amp; \U0001F600"),
    ("prefix on the stanza itself", f"<q:message xmlns:q='jabber:server' from='{A}' to='{B}' id='atk' type='chat'><q:body>SMUGGLED</q:body></q:message>",
     lambda e: e.tag == "{jabber:server}message" and e[0].tag == "{jabber:server}body"),
    ("prefix changed inside", f"<q:message xmlns:q='jabber:server' from='{A}' to='{B}' id='atk' type='chat'><q:body>x</q:body><q:body xmlns:q='u:x'>y</q:body></q:message>",
     lambda e: [c.tag for c in e if c.text == "y"] in ([], ["{u:x}body"])),
    ("decoy body in no namespace", m("<body>x</body><body xmlns=''>SMUGGLED</body>"),
     lambda e: not [c for c in e if c.tag == "{jabber:server}body" and c.text == "SMUGGLED"]),
    ("decoy body in the client namespace", m("<body>x</body><body xmlns='jabber:client'>SMUGGLED</body>"),
     lambda e: not [c for c in e if c.text == "SMUGGLED"]),
    ("unknown attributes on the stanza", m(attrs=f"from='{A}' to='{B}' id='atk' type='chat' xmlns:x='u:x' x:from='{B}' evil='1'"),
     lambda e: set(e.attrib) <= {"from", "to", "id", "type", "{http://www.w3.org/XML/1998/namespace}lang"} and e.get("from") == A),
    ("mixed case in addresses", m(attrs=f"from='A@HIGH.Example/R' to='B@LOW.EXAMPLE/r' id='atk' type='chat'"),
     lambda e: e.get("from") == f"a@{HIGH}/R" and e.get("to") == B),
    ("final dot of a domain", m(attrs=f"from='a@{HIGH}./r' to='b@{LOW}./r' id='atk' type='chat'"), lambda e: e.get("from") == A and e.get("to") == B),
    ("quotes in an id", m(attrs=f"from='{A}' to='{B}' id='a\"&apos;&lt;b' type='chat'"), lambda e: e.get("id") in ("a\"'<b", None)),
    ("line ends", body("a&#13;&#10;b\r\nc\rd"), lambda e: e[0].text == "a\r\nb\nc\nd"),
    ("a hidden stanza in an unknown element", m("<body>x</body><x xmlns='u:x'>" + m(attrs=f"xmlns='jabber:server' from='{B}' to='{A}' id='in'") + "</x>"),
     lambda e: not list(e.iter("{u:x}x"))),
]
