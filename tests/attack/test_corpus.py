# SPDX-License-Identifier: GPL-3.0-or-later
# The cases of the corpus (corpus.py) on a real edge: each ends in one of the ways that its row allows, what must pass arrives as it was
# meant, and what must not pass is in nothing that the other side receives. `OURS` lists where the gateway knows better, and why.

import time
import xml.etree.ElementTree as ET

import pytest

import corpus
from lab.ends import bare
from lab.net import LabError
from lab.wire import SASL, STREAM, STREAM_ERRORS, TLS, Closed, message, name, new_id
from test_attack import begin, say

STANZAS = "urn:ietf:params:xml:ns:xmpp-stanzas"
DIALBACK = "jabber:server:dialback"
SM = "urn:xmpp:sm:3"
COMPRESS = "http://jabber.org/protocol/compress"
PHASES = {"stanza": "auth", "pre-auth": "tls", "pre-tls": "clear", "stream-header": "first"}

# {case: (what the gateway does, why that is right)}
NOTHING = ("stanza-error:policy-violation", "an element of another namespace is no body; the allow-list takes it out, and nothing is left")
OURS = {f"ns-uri-sep-{x}": NOTHING for x in ("nl-ref", "tab-ref", "pipe", "hash", "bang", "caret", "rbrace", "colon")} | {
    "neg-db-result-local-from": ("db-error", "a further pair that cannot be had is type='error', and the stream stays (XEP-0220 2.5)"),
    "neg-db-result-pipelined-stanza": ("db-valid", "the certificate has proven the pair before; what is pipelined behind it is judged, and closes the stream"),
}

# The index's cases about attributes carry them on an element of its own, which no shipped profile names.
PROFILE = 'title = "What the corpus says"; unnamed = "refuse";\n' \
          'elements = ( { element = "{urn:example:x}x"; in = [ "message" ]; attributes = [ "v any:255" ]; } );\n'

ROWS = [r for r in corpus.rows() if r["phase"] in PHASES]
pytestmark = pytest.mark.skipif(not ROWS, reason="the corpus does not lie beside this checkout")


@pytest.fixture(scope="module")
def ends(running):
    with bare(running) as e:
        with open(e.lab.path("rules", "profiles", "corpus.conf"), "w") as f:
            f.write(PROFILE)
        with open(e.lab.path("rules", "main.rules"), "r+") as f:
            text = f.read().replace('profiles = [ ', 'profiles = [ "corpus", ')
            f.seek(0)
            f.write(text)
        e.gateway.lockgate("reload", "-c", e.gateway.conf)
        yield e


def answers(peer, patience):
    """What comes back on the stream itself, as the words of the index."""
    said = set()
    end = time.monotonic() + patience
    try:
        while True:
            element = peer.read(max(0.01, end - time.monotonic()))
            if element is None:
                said.add("close")
                break
            kind, inside = name(element), [name(c) for c in element if name(c) != "text"]
            if element.tag == f"{{{STREAM}}}error":
                said.add("stream-error:" + next((name(c) for c in element if c.tag.startswith(f"{{{STREAM_ERRORS}}}") and name(c) != "text"), ""))
            elif element.tag == f"{{{SASL}}}failure":
                said.add("sasl-failure:" + "".join(inside))
            elif element.tag == f"{{{COMPRESS}}}failure":
                said.add("compress-failure:" + "".join(inside))
            elif element.tag == f"{{{SM}}}failed":
                said.add("sm-failed")
            elif element.tag == f"{{{SM}}}enabled":
                said.add("pass-if-offered")
            elif element.tag == f"{{{TLS}}}proceed":
                said.add("proceed")
            elif element.tag.startswith(f"{{{DIALBACK}}}"):
                said.add(f"db-{element.get('type')}")
            else:
                said.add(kind)
    except (Closed, ET.ParseError, OSError):
        said.add("close")
    except LabError:
        said.add("wait")
    return said


def outcome(ends, row):
    """(what became of it, what arrived on the other side because of it)"""
    low, high = len(ends.sink["low"].stanzas), len(ends.sink["high"].stanzas)
    mark, marker = ends.events.mark(), new_id("marker")
    peer = begin(ends, PHASES[row["phase"]])
    data = row["data"] if row["phase"] == "stream-header" else corpus.behind_header(row["data"]) or row["data"]
    say(peer, data)
    said = answers(peer, 1.5)
    # Streams of one pair keep their order: what the case did is done when a message behind it has arrived.
    ends.stream("high").send(message("m@high.example/r", "m@low.example/r", marker))
    ends.sink["low"].wait("the marker", lambda e: e.get("id") == marker, 25)
    assert ends.events.wait(lambda e: e["event_type"] == "verdict" and e.get("stanza_id") == marker, 25, mark)
    peer.close(orderly=False)
    verdicts = [e for e in ends.events.find(lambda e: e["event_type"] == "verdict", mark) if e.get("stanza_id") != marker]
    if any(e["verdict"] == "reject" for e in verdicts):
        time.sleep(0.2)     # the answer takes its own way
    said |= {"accept" for e in verdicts if e["verdict"] == "release"} | {"drop" for e in verdicts if e["verdict"] == "drop"}
    for _, e in ends.sink["high"].stanzas[high:]:
        if e.get("type") == "error":
            said |= {"stanza-error:" + name(c) for error in e for c in error if c.tag.startswith(f"{{{STANZAS}}}") and name(c) != "text"}
    if not verdicts and not {s for s in said if ":" in s}:
        said |= {"drop", "no-stanza-before-restart", "no-stanza-before-valid"}
    if any(e["verdict"] == "reject" for e in verdicts) and not {s for s in said if s.startswith("stanza-error")}:
        said.add("drop")        # refused, and not answered
    if row["phase"] == "stream-header" and "features" in said:
        said.add("accept")      # of the header; what stands behind it comes too early
    if row["phase"] == "pre-tls" and "proceed" not in said:
        said.add("discard-after-starttls")
    arrived = [e for _, e in ends.sink["low"].stanzas[low:] if e.get("id") != marker]
    return said, arrived


def texts(e):
    for x in e.iter():
        yield from (x.text or "", x.tail or "", *x.attrib.values())


def forbidden(rule, arrived):
    """What arrived although it must not, by the index's forms element:id=, toplevel:id=, bytes:"""
    form, _, what = rule.partition(":")
    what = what.removeprefix("id=")
    for e in arrived:
        if form == "bytes":
            if corpus.translate(what.encode()) in ET.tostring(e, "utf-8"):
                return True
        elif any(x.get("id") == what for x in ([e] if form == "toplevel" else e.iter())):
            return True
    return False


@pytest.mark.parametrize("row", ROWS, ids=[r["name"] for r in ROWS])
def test_case(ends, row):
    said, arrived = outcome(ends, row)
    allowed = {OURS[row["name"]][0]} if row["name"] in OURS else {row["expect"], *row["tolerate"]}
    if "must_not_pass" in row:
        assert not forbidden(row["must_not_pass"], arrived), [ET.tostring(e) for e in arrived]
    assert said & allowed, f"{sorted(said)} where {sorted(allowed)} may come; {row['why']} ({row['source']})"
    if "must_pass" in row and "accept" in said:
        assert any(row["must_pass"] in t for e in arrived for t in texts(e)), [ET.tostring(e) for e in arrived]
