# SPDX-License-Identifier: GPL-3.0-or-later
# Watch mode (enforce = false): everything is judged and recorded as if enforced, policy refusals cross, and it is said everywhere.

import json
import time

import pytest

from lab.ends import bare
from lab.wire import message

FROM, TO = "a@high.example/r", "b@low.example/r"


@pytest.fixture(scope="module")
def watching(running):
    with bare(running, {"gateway.enforce": False}) as e:
        yield e


def verdict(ends, id_, mark):
    found = ends.events.wait(lambda e: e["event_type"] == "verdict" and e.get("stanza_id") == id_, 15, mark)
    return found


def test_refused_by_a_rule_crosses_and_is_recorded(watching):
    mark = watching.events.mark()
    watching.stream("high").send(message(FROM, TO, "word", "FORGET-ME-NOT"))
    crossed = watching.sink["low"].wait("the refused message", lambda e: e.get("id") == "word")
    assert crossed.find("{jabber:server}body").text == "FORGET-ME-NOT"
    line = verdict(watching, "word", mark)
    assert (line["verdict"], line["would"], line["reason"], line["rule"], line["error"]) == ("release", "reject", "rule", 101, "policy-violation")
    assert "hash_out" in line and line["target"] == "low", "it went the way of all that crosses: record, order, journal, release"
    assert "word" not in watching.sink["high"].ids(), "the sender hears of no refusal"


def test_a_release_says_that_it_would_be_one(watching):
    mark = watching.events.mark()
    watching.stream("high").send(message(FROM, TO, "plain", "hello"))
    watching.sink["low"].wait("the message", lambda e: e.get("id") == "plain")
    line = verdict(watching, "plain", mark)
    assert line["verdict"] == line["would"] == "release"


def test_a_protocol_violation_is_refused_all_the_same(watching):
    mark = watching.events.mark()
    peer = watching.stream("high")
    peer.send(f"<iq from='{FROM}' to='{TO}' id='two' type='get'><ping xmlns='urn:xmpp:ping'/><ping xmlns='urn:xmpp:ping'/></iq>")
    peer.send(message(FROM, TO, "behind", "hello"))
    watching.sink["low"].wait("what came behind it", lambda e: e.get("id") == "behind")
    line = verdict(watching, "two", mark)
    assert line["verdict"] == line["would"] == "reject"
    assert "two" not in watching.sink["low"].ids()
    assert watching.sink["high"].wait("its answer", lambda e: e.get("id") == "two").get("type") == "error"


def test_it_is_said_loudly(watching):
    status = watching.gateway.lockgate("status", "-c", watching.gateway.conf)
    assert status.startswith("*** NOTHING IS ENFORCED") and "1 stanzas so far" in status
    guard = [p for p in json.loads(watching.gateway.lockgate("status", "--json", "-c", watching.gateway.conf))["programs"] if p["name"] == "guard"][0]
    assert guard["stats"]["enforce"] is False
    with open(watching.gateway.log) as f:
        assert "NOTHING IS ENFORCED" in f.read()
    assert watching.events.find(lambda e: e["event_type"] == "rules" and "NOT ENFORCED" in e["sentence"])


def test_back_to_enforcing_by_a_reload(watching):
    conf = watching.gateway.conf
    with open(conf) as f:
        text = f.read()
    with open(conf, "w") as f:
        f.write(text.replace("enforce = false", "enforce = true"))
    watching.gateway.lockgate("reload", "-c", conf)
    mark = watching.events.mark()
    watching.stream("high").send(message(FROM, TO, "again", "FORGET-ME-NOT"))
    line = verdict(watching, "again", mark)
    assert line["verdict"] == "reject" and "would" not in line
    time.sleep(0.5)
    assert "again" not in watching.sink["low"].ids()
    assert "ENFORCED" not in watching.gateway.lockgate("status", "-c", conf)
