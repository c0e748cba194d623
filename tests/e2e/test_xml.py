# SPDX-License-Identifier: GPL-3.0-or-later
# Restricted XML, namespaces, limits and addresses on a real edge: what an authenticated peer may not say, the stream error that
# RFC 6120 names for it, then the close, and a record. Nothing of it reaches the far side.

import pytest

from lab.ends import bare
from lab.net import wait_until
from lab.wire import HEADER, TLS, Closed, message

STANZAS = "urn:ietf:params:xml:ns:xmpp-stanzas"

FROM, TO = "a@high.example/r", "b@low.example/r"
BODY = message(FROM, TO, "bad", "{}")
HIGH, LOW = "high.example", "low.example"


def padded(inner):
    return BODY.replace("<body>{}</body>", inner)


# name, bytes on an authenticated stream, conditions of which one must come
AFTER = [
    ("comment between stanzas", "<!-- hidden -->", {"restricted-xml"}),
    ("comment in a stanza", BODY.format("a<!-- hidden -->b"), {"restricted-xml"}),
    ("processing instruction", "<?php evil ?>", {"restricted-xml"}),
    ("processing instruction in a stanza", BODY.format("<?x y?>"), {"restricted-xml"}),
    ("document type in the stream", "<!DOCTYPE x [<!ENTITY e 'v'>]>", {"restricted-xml", "not-well-formed"}),
    ("entity that nobody declared", BODY.format("&other;"), {"restricted-xml"}),
    ("second XML declaration", "<?xml version='1.0'?>", {"restricted-xml", "not-well-formed"}),
    ("bad UTF-8", BODY.format("\udcff\udcfe").encode("utf-8", "surrogateescape"), {"unsupported-encoding", "not-well-formed"}),
    ("overlong UTF-8", BODY.format("\udcc0\udcaf").encode("utf-8", "surrogateescape"), {"unsupported-encoding", "not-well-formed"}),
    ("surrogate in UTF-8", BODY.encode().replace(b"{}", b"\xed\xa0\x80"), {"unsupported-encoding", "not-well-formed"}),
    ("NUL", BODY.format("\0"), {"not-well-formed"}),
    ("control character", BODY.format("\x01"), {"not-well-formed"}),
    ("reference to a control character", BODY.format("&#1;"), {"not-well-formed"}),
    ("wrong end tag", f"<message from='{FROM}' to='{TO}'></presence>", {"not-well-formed"}),
    ("doubled attribute", f"<message from='{FROM}' from='{FROM}' to='{TO}'/>", {"not-well-formed"}),
    ("prefix without a namespace", f"<message from='{FROM}' to='{TO}'><x:y/></message>", {"bad-namespace-prefix", "not-well-formed"}),
    ("two roots", "</stream:stream><stream:stream>", {None, "not-well-formed"}),
    ("text between stanzas", "words", {"not-well-formed", "bad-format", "invalid-xml", "unsupported-stanza-type"}),
    ("client namespace", f"<message xmlns='jabber:client' from='{FROM}' to='{TO}' id='bad'/>",
     {"invalid-namespace", "unsupported-stanza-type"}),
    ("no stanza", "<note xmlns='urn:example:x'/>", {"unsupported-stanza-type"}),
    ("stanza over the limit", BODY.format("x" * 300_000), {"policy-violation"}),
    ("from of a foreign domain", message("a@other.example", TO, "bad"), {"invalid-from"}),
    ("from of the other side", message("b@low.example/r", TO, "bad"), {"invalid-from"}),
    ("to of a foreign domain", message(FROM, "b@other.example", "bad"), {"host-unknown", "improper-addressing"}),
    ("to of the sender's side", message(FROM, "b@high.example", "bad"), {"host-unknown", "improper-addressing"}),
    ("no from", f"<message to='{TO}' id='bad'/>", {"improper-addressing", "invalid-from"}),
    ("no to", f"<message from='{FROM}' id='bad'/>", {"improper-addressing", "host-unknown"}),
]

# well-formed, and no record takes it: refused alone, since anybody behind the peer can send such a stanza
SPARED = [
    ("too deep", padded("<a xmlns='u:x'>" * 100 + "</a>" * 100)),
    ("too many attributes", padded("<a xmlns='u:x' " + " ".join(f"a{i}='1'" for i in range(200)) + "/>")),
    ("too many elements", padded("<a xmlns='u:x'/>" * 5000)),
    ("a few elements too many", padded("<a xmlns='u:x'/>" * 2001)),
    ("stream element below the top", padded("<stream:features/>")),
]

# the same before anything is agreed: the very first bytes of a connection
BEFORE = [
    ("document type", f"<?xml version='1.0'?><!DOCTYPE stream:stream>{HEADER} from='{HIGH}' to='{LOW}'>", {"restricted-xml"}),
    ("internal entities", f"<?xml version='1.0'?><!DOCTYPE s [<!ENTITY a 'aaaa'>]>{HEADER} from='{HIGH}' to='{LOW}'>", {"restricted-xml"}),
    ("comment before the root", f"<!-- x -->{HEADER} from='{HIGH}' to='{LOW}'>", {"restricted-xml"}),
    ("ISO 8859-1", f"<?xml version='1.0' encoding='ISO-8859-1'?>{HEADER} from='{HIGH}' to='{LOW}'>", {"unsupported-encoding"}),
    ("UTF-16", f"<?xml version='1.0'?>{HEADER} from='{HIGH}' to='{LOW}'>".encode("utf-16"), {"unsupported-encoding", "not-well-formed"}),
    ("wrong stream namespace", f"<stream:stream xmlns='jabber:server' xmlns:stream='urn:wrong' version='1.0' from='{HIGH}' to='{LOW}'>",
     {"invalid-namespace"}),
    ("client content namespace", f"<stream:stream xmlns='jabber:client' xmlns:stream='http://etherx.jabber.org/streams' version='1.0' "
     f"from='{HIGH}' to='{LOW}'>", {"invalid-namespace"}),
    ("wrong root", "<rubbish xmlns='jabber:server'>", {"invalid-namespace", "bad-format", "not-well-formed", "invalid-xml"}),
    ("not XML", "GET / HTTP/1.1\r\n\r\n", {"not-well-formed", "bad-format", None}),
    ("unknown domain", f"{HEADER} from='{HIGH}' to='elsewhere.example'>", {"host-unknown"}),
    ("stanza before authentication", f"{HEADER} from='{HIGH}' to='{LOW}'>" + BODY, {"not-authorized", "policy-violation"}),
    ("endless header", f"{HEADER} from='{HIGH}' to='{LOW}' a='" + "x" * 300_000, {"policy-violation"}),
]


def rows(table):
    return pytest.mark.parametrize("data,conditions", [r[1:] for r in table], ids=[r[0] for r in table])


@pytest.fixture(scope="module")
def ends(running):
    with bare(running) as e:
        yield e


def judge(ends, peer, mark, conditions):
    condition = peer.stream_error(8)
    assert condition in conditions
    record = ends.events.wait(
        lambda e: e["event_type"] in ("stream", "limit") and (condition is None or e.get("condition") == condition), 5, mark)
    assert record, f"no record of {condition}; there are {ends.events.find(lambda e: True, mark)}"
    peer.closes(5)


@rows(AFTER)
def test_on_an_authenticated_stream(ends, data, conditions):
    peer = ends.stream("high")
    mark = ends.events.mark()
    try:
        peer.send(data)
    except OSError:
        pass        # it closed while the rest was still on its way
    judge(ends, peer, mark, conditions)
    assert "bad" not in ends.sink["low"].ids()


@pytest.mark.parametrize("stanza", [r[1] for r in SPARED], ids=[r[0] for r in SPARED])
def test_what_no_record_takes_is_refused_alone(ends, stanza):
    """An error for the sender, a record, and the stream goes on."""
    peer = ends.stream("high")
    mark = ends.events.mark()
    known = len(ends.sink["high"].stanzas)
    peer.send(stanza + message(FROM, TO, f"next-{mark}"))
    ends.sink["low"].wait("the next message", lambda e: e.get("id") == f"next-{mark}", 10)
    assert "bad" not in ends.sink["low"].ids()
    assert ends.events.wait(lambda e: e["event_type"] == "limit" and e.get("reason") in ("record-limit", "record-invalid"), 5, mark)
    answers = wait_until("the error", lambda: [e for _, e in ends.sink["high"].stanzas[known:] if e.get("id") == "bad"], 10)
    assert answers[0].get("type") == "error"
    assert len(answers) == 1 and next(answers[0].iter(f"{{{STANZAS}}}policy-violation"), None) is not None


@rows(BEFORE)
def test_at_the_beginning(ends, data, conditions):
    mark = ends.events.mark()
    peer = ends.connect("high")
    try:
        peer.send(data)
    except OSError:
        pass
    judge(ends, peer, mark, conditions)


def test_bytes_behind_starttls(ends):
    """What arrives in the clear behind <starttls/> is an injection: the stream ends before the handshake."""
    mark = ends.events.mark()
    peer = ends.connect("high")
    peer.open(HIGH, LOW)
    peer.send(f"<starttls xmlns='{TLS}'/><message from='{FROM}' to='{TO}' id='bad'/>")
    with pytest.raises(Closed):
        while peer.read(5) is not None:
            pass
        raise Closed("in order")
    assert ends.events.wait(lambda e: e["event_type"] == "stream" and e.get("reason") == "tls-injection", 5, mark)


def test_stanza_in_small_pieces(ends):
    """One byte at a time, every stanza is seen as soon as its last byte is there."""
    peer = ends.stream("high")
    for i in range(3):
        for c in message(FROM, TO, f"slow-{i}", "äöü€😀"):
            peer.send(c)
        got = ends.sink["low"].wait(f"slow-{i}", lambda e: e.get("id") == f"slow-{i}", 10)
        assert got[0].text == "äöü€😀"


def test_characters_arrive_as_they_were(ends):
    peer = ends.stream("high")
    body = "&lt;b&gt; &amp;amp; &quot;q&quot; &apos; tab&#9;end line&#10;next \U0001F600 ]]&gt;"
    peer.send(message(FROM, TO, "chars", body))
    got = ends.sink["low"].wait("chars", lambda e: e.get("id") == "chars", 10)
    assert got[0].text == "<b> &amp; \"q\" ' tab\tend line\nnext \U0001F600 ]]>"
