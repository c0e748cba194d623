# SPDX-License-Identifier: GPL-3.0-or-later
# What a rule remembers or renames, with real servers and clients: held messages, aliases, folded presence, answers of the gateway.

import base64
import hashlib
import json
import os
import subprocess
import time

import pytest

RULES = """
  { id = 910; name = "Test: this waits for a person"; kind = "message"; when = { text = "KINGFISHER"; };
    action = "hold"; text = "Somebody will look at it."; },
  { id = 911; name = "Test: resources of high"; direction = "high-to-low";
    action = "rewrite"; rewrite = { resources = [ "high.example" ]; }; },
  { id = 912; name = "Test: presence of high"; direction = "high-to-low"; kind = "presence";
    action = "fold"; shows = [ "show", "caps" ]; },
"""


@pytest.fixture(scope="module")
def ends(running):
    r = running(layout="routed")
    path = r.lab.path("rules", "lab.rules")
    with open(path) as f:
        text = f.read()
    with open(path, "w") as f:
        f.write(text.replace("rules = (", "rules = (" + RULES, 1))
    done = subprocess.run([r.gateway.command, "reload", "-c", r.gateway.conf], capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr
    r.alice, r.bob = r.lab.client("high", "alice"), r.lab.client("low", "bob")
    return r


def verdict(ends, **fields):
    since = fields.pop("since", 0)
    found = ends.events.wait(lambda e: e["event_type"] == "verdict" and all(e.get(k) == v for k, v in fields.items()), 20, since)
    assert found, fields
    return found


def test_held_message(ends):
    id_ = ends.alice.message(ends.bob.full, "The KINGFISHER has landed.")
    told = ends.alice.wait_error(id_, 10)
    error = next(c for c in told.xml if c.tag.endswith("}error"))
    held = next(c for c in error if c.tag == "{urn:lockgate:held:0}held")
    assert error.get("type") == "continue" and told.condition() == "undefined-condition" and "look at it" in repr(told)
    line = verdict(ends, stanza_id=id_)
    assert (line["verdict"], line["reason"], line["held"]) == ("hold", "held", held.get("record"))
    path = ends.lab.path("state", "held", held.get("record") + ".held")
    assert os.stat(path).st_mode & 0o777 == 0o600
    shown = subprocess.run([ends.gateway.command, "held", "-c", ends.gateway.conf, held.get("record")], capture_output=True, text=True)
    assert shown.returncode == 0 and "KINGFISHER" in shown.stdout, shown
    time.sleep(1)
    assert not ends.bob.find(lambda g: "KINGFISHER" in repr(g))
    assert len(ends.alice.find(lambda g: g.id == id_)) == 1, "told once"


def test_aliases_there_and_back(ends):
    ends.alice.message(ends.bob.full, "who am I")
    got = ends.bob.wait_message("who am I")
    bare, alias = got.sender.split("/")
    assert bare == ends.alice.jid and alias != ends.alice.full.split("/")[1] and len(alias) > 20
    ends.bob.message(got.sender, "you are found")
    ends.alice.wait_message("you are found")
    asked = ends.alice.ping(ends.bob.full)
    assert ends.alice.wait_answer(asked).type == "result", "an answer finds its way back"
    asked = ends.bob.ping(got.sender)
    answer = ends.bob.wait_answer(asked)
    assert answer.type == "result" and answer.sender == got.sender, "and a question finds the one behind the alias"


def test_folded_presence(ends):
    a, b = ends.alice, ends.bob
    b.presence(a.jid, "subscribe")
    a.wait_presence(b.jid, "subscribe")
    a.presence(b.jid, "subscribed")
    b.wait_presence(a.jid, "subscribed")
    for status, show in (("tea", "away"), ("lunch", "away"), ("back", "chat")):
        a.send(f"<presence><show>{show}</show><status>{status}</status></presence>")
    seen = b.wait("that Alice is back", lambda g: g.kind == "presence" and g.text("show") == "chat")
    assert seen.text("status") is None
    away = b.find(lambda g: g.kind == "presence" and g.text("show") == "away")
    assert len(away) == 1 and away[0].text("status") is None, away
    assert verdict(ends, reason="folded")["rule"] == 912
    status = json.loads(ends.gateway.lockgate("status", "--json", "-c", ends.gateway.conf))
    assert next(p for p in status["programs"] if p["name"] == "guard")["stats"]["folded"] == 1


def test_version_is_answered_by_the_gateway(ends):
    asked = ends.alice.version(ends.bob.full)
    answer = ends.alice.wait_answer(asked)
    assert answer.type == "result" and "<" in repr(answer) and "Lockgate" in repr(answer) and answer.sender == ends.bob.full
    assert verdict(ends, stanza_id=asked)["reason"] == "answered"


INFO = "{http://jabber.org/protocol/disco#info}"


def caps_hash(answer):
    """XEP-0115 section 5.1, of an answer without forms."""
    query = answer.xml.find(INFO + "query")
    lang = "{http://www.w3.org/XML/1998/namespace}lang"
    parts = sorted("/".join(i.get(k, "") for k in ("category", "type", lang, "name")) for i in query.findall(INFO + "identity"))
    parts += sorted(f.get("var") for f in query.findall(INFO + "feature"))
    return base64.b64encode(hashlib.sha1("".join(p + "<" for p in parts).encode()).digest()).decode()


def test_caps_follow_the_rules(ends):
    a, b = ends.alice, ends.bob
    own = a.wait_answer(a.disco(a.full))
    ver, node = caps_hash(own), "https://client.example/"

    def show():
        id_ = a.presence(b.full, inner=f"<c xmlns='http://jabber.org/protocol/caps' hash='sha-1' node='{node}' ver='{ver}'/>")
        return b.wait("her presence", lambda g: g.kind == "presence" and g.id == id_)

    seen = show()
    assert seen.xml.find("{http://jabber.org/protocol/caps}c") is None, "a hash that is not known"
    told = b.wait_answer(b.disco(seen.sender))
    c = show().xml.find("{http://jabber.org/protocol/caps}c")
    assert c is not None and c.get("ver") == caps_hash(told), repr(told)
    asked = b.iq(seen.sender, f"<query xmlns='http://jabber.org/protocol/disco#info' node='{node}#{c.get('ver')}'/>")
    answer = b.wait_answer(asked)
    assert answer.type == "result" and caps_hash(answer) == c.get("ver")
    assert verdict(ends, stanza_id=asked, direction="low-to-high")["reason"] == "answered"


def test_a_reload_forgets_nothing(ends):
    a, b = ends.alice, ends.bob
    a.send("<presence><show>xa</show></presence>")
    b.wait("that Alice is away for long", lambda g: g.kind == "presence" and g.text("show") == "xa")
    since = ends.events.mark()
    done = subprocess.run([ends.gateway.command, "reload", "-c", ends.gateway.conf], capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr
    a.send("<presence><show>xa</show><status>again</status></presence>")
    line = ends.events.wait(lambda e: e.get("kind") == "presence" and "{jabber:server}status" in e.get("payloads", ()), 20, since)
    assert line and line["reason"] == "folded", "the new guard knows what the old one told"
