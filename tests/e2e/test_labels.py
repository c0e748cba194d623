# SPDX-License-Identifier: GPL-3.0-or-later
# Security labels with real servers and clients: the example policies of rules/labels between the lab's domains, what crosses, how it is
# said on the other side, what comes back, what the journal names, what service discovery tells.

import subprocess
import xml.etree.ElementTree as ET

import pytest

LABEL = "urn:xmpp:sec-label:0"
PLAIN = "urn:lockgate:label:0"
CATALOG = "urn:xmpp:sec-label:catalog:2"
INFO = "{http://jabber.org/protocol/disco#info}"

WHO = """
clearances = (
  { who = [ "alice@high.example" ]; policy = "MERIDIAN"; upto = "SEALED"; categories = [ "Compartment/*", "Releasable/*" ]; },
  { who = [ "high.example" ]; policy = "MERIDIAN"; upto = "GUARDED"; },
  { who = [ "bob@low.example" ]; policy = "CONCORD"; upto = "PARTNERS"; categories = [ "Caveat/WATERWAY", "Audience/ALL" ]; },
  { who = [ "low.example" ]; policy = "CONCORD"; classifications = [ "PUBLIC" ]; }
);
defaults = (
  { from = [ "high.example" ]; policy = "MERIDIAN"; classification = "OPEN"; },
  { from = [ "low.example" ]; policy = "CONCORD"; classification = "PUBLIC"; }
);
pairs = ( { between = [ "high.example", "low.example" ];
    clearances = ( { policy = "CONCORD"; upto = "PARTNERS"; categories = [ "Caveat/*", "Audience/*" ]; } ); } );
"""


def reload(r):
    done = subprocess.run([r.gateway.command, "reload", "-c", r.gateway.conf], capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr


@pytest.fixture(scope="module")
def before(running):
    """The lab as it ships, with labels off."""
    r = running(layout="routed")
    r.alice, r.bob = r.lab.client("high", "alice"), r.lab.client("low", "bob")
    return r


@pytest.fixture(scope="module")
def ends(before):
    r = before
    with open(r.lab.path("rules", "labels", "lab.conf"), "w") as f:
        f.write(WHO)
    with open(r.lab.path("rules", "main.rules"), "r+") as f:
        text = f.read().replace('profiles = [ ', 'profiles = [ "labels", ').replace(
            '\nfiles = [ ', '\nlabels = [ "meridian", "concord", "lab" ];\nfiles = [ "labels.rules", ')
        f.seek(0)
        f.write(text)
    reload(r)
    return r


def label(classification, *categories, policy="MERIDIAN"):
    inside = "".join(f"<category tag='{t}'>{v}</category>" for t, v in categories)
    return (f"<securitylabel xmlns='{LABEL}'><label><plain xmlns='{PLAIN}' policy='{policy}' classification='{classification}'>{inside}"
            "</plain></label></securitylabel>")


def say(client, to, body, inner):
    return client._stanza("message", to, f"<body>{body}</body>{inner}", "chat")


def verdict(ends, id_):
    found = ends.events.wait(lambda e: e["event_type"] == "verdict" and e.get("stanza_id") == id_, 20)
    assert found, id_
    return found


def plain_of(got):
    """(policy, classification) of the label that arrived, its categories and its display marking."""
    found = got.xml.findall(f"{{{LABEL}}}securitylabel")
    assert len(found) == 1, repr(got)
    plain = found[0].find(f"{{{LABEL}}}label/{{{PLAIN}}}plain")
    return (plain.get("policy"), plain.get("classification")), {c.text for c in plain}, found[0].findtext(f"{{{LABEL}}}displaymarking")


def features(answer):
    return {f.get("var") for f in answer.xml.iter(INFO + "feature")}


def test_without_labels_nobody_hears_of_them(before):
    told = before.alice.wait_answer(before.alice.disco("low.example"))
    assert told.type == "result" and not any(v.startswith("urn:xmpp:sec-label:") for v in features(told)), repr(told)
    id_ = say(before.alice, before.bob.full, "labelled", label("OPEN"))
    told = before.alice.wait_error(id_, 10)
    assert told.condition() == "policy-violation" and "not understood here" in repr(told), "it does not lose its label in silence"
    assert not before.bob.find(lambda g: "labelled" in repr(g))


def test_an_allowed_label_crosses_in_the_partners_words(ends):
    id_ = say(ends.alice, ends.bob.full, "The boats leave at six.", label("GUARDED", ("Compartment", "RIVER"), ("Releasable", "CONCORD")))
    got = ends.bob.wait_message("CONCORD PARTNERS // WATERWAY // FOR ALL\nThe boats leave at six.")
    assert plain_of(got) == (("CONCORD", "PARTNERS"), {"WATERWAY", "ALL"}, "CONCORD PARTNERS // WATERWAY // FOR ALL")
    assert "MERIDIAN" not in repr(got) and "GUARDED" not in repr(got) and "RIVER" not in repr(got)
    line = verdict(ends, id_)
    assert (line["verdict"], line["label_in"], line["label_out"]) == \
        ("release", "MERIDIAN: GUARDED/RIVER/REL CONCORD", "CONCORD: CONCORD PARTNERS // WATERWAY // FOR ALL"), line


def test_one_above_clearance_comes_back(ends):
    id_ = say(ends.alice, ends.bob.full, "Nobody there may read this.", label("SEALED"))
    told = ends.alice.wait_error(id_, 10)
    assert told.condition() == "policy-violation" and "above what the other side may see" in repr(told)
    assert LABEL not in repr(told) and "Nobody there" not in repr(told), "an error carries no label and no content"
    line = verdict(ends, id_)
    assert (line["verdict"], line["rule"], line["label_in"]) == ("reject", 51, "MERIDIAN: SEALED") and "label_out" not in line, line
    assert not ends.bob.find(lambda g: "Nobody there" in repr(g))


def test_no_label_goes_by_the_default(ends):
    id_ = ends.alice.message(ends.bob.full, "nothing of note")
    got = ends.bob.wait_message("nothing of note")
    assert got.xml.find(f"{{{LABEL}}}securitylabel") is None
    line = verdict(ends, id_)
    assert (line["verdict"], line["label_in"]) == ("release", "MERIDIAN: OPEN (default)"), line


def test_a_label_comes_in_in_the_nations_words(ends):
    id_ = say(ends.bob, ends.alice.full, "welcome", label("PARTNERS", policy="CONCORD"))
    got = ends.alice.wait_message("welcome")
    assert "CONCORD" not in repr(got) and "urn:xmpp:sec-label:ess:0" in repr(got)
    line = verdict(ends, id_)
    assert line["label_in"].startswith("CONCORD: ") and line["label_out"].startswith("MERIDIAN: GUARDED"), line


def test_two_labels_are_refused_and_not_made_one(ends):
    id_ = say(ends.alice, ends.bob.full, "two of them", label("OPEN") + label("SEALED"))
    told = ends.alice.wait_error(id_, 10)
    assert told.condition() == "policy-violation" and LABEL not in repr(told)
    assert verdict(ends, id_)["rule"] == 50
    assert not ends.bob.find(lambda g: "two of them" in repr(g))


def test_a_catalogue_is_answered_by_the_gateway(ends):
    asked = ends.alice.iq("low.example", f"<catalog xmlns='{CATALOG}' to='{ends.bob.jid}'/>")
    answer = ends.alice.wait_answer(asked)
    items = answer.xml.findall(f"{{{CATALOG}}}catalog/{{{CATALOG}}}item")
    markings = {i.findtext(f".//{{{LABEL}}}displaymarking") for i in items}
    assert answer.type == "result" and answer.sender == "low.example" and "GUARDED" in markings and "OPEN" in markings, ET.tostring(answer.xml)
    assert not any("SEALED" in m for m in markings), "only what may be used towards him"
    assert [i.get("default") for i in items].count("true") == 1
    assert verdict(ends, asked)["reason"] == "answered"


def test_discovery_tells_labels_where_they_are_in_force(ends):
    for asker, domain in ((ends.alice, "low.example"), (ends.bob, "high.example")):
        told = asker.wait_answer(asker.disco(domain))
        assert {LABEL, CATALOG} <= features(told), repr(told)
    told = ends.alice.wait_answer(ends.alice.disco(ends.bob.full))
    assert not any(v.startswith("urn:xmpp:sec-label:") for v in features(told)), "his client has no labels, whatever his domain has"
