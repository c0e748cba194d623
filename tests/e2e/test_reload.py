# SPDX-License-Identifier: GPL-3.0-or-later
# lockgate reload on a running gateway: new rules come into force between two stanzas, wrong ones never, and streams stay.
# alone: it loads the machine.

import json
import re
import subprocess
import threading
import time

import pytest

from lab.ends import bare
from lab.wire import message

FROM, TO = "a@high.example/r", "b@low.example/r"
RULE = """
  { id = 900; name = "Test: a word of today"; direction = "both"; kind = "message";
    when = { text = "SKYLARK"; }; action = "reject"; error = "policy-violation"; },
"""


@pytest.fixture
def ends(running):
    with bare(running, rest=0.1) as e:
        yield e


def edit(lab, change):
    path = lab.path("rules", "lab.rules")
    with open(path) as f:
        text = f.read()
    with open(path, "w") as f:
        f.write(change(text))
    return lambda: open(path, "w").write(text)


def reload(ends):
    return subprocess.run([ends.gateway.command, "reload", "-c", ends.gateway.conf], capture_output=True, text=True, timeout=120)


def verdict(ends, id_):
    found = ends.events.wait(lambda e: e["event_type"] == "verdict" and e.get("stanza_id") == id_, 30)
    assert found, id_
    return found["verdict"], found.get("rule")


def test_new_rule_comes_into_force(ends):
    peer = ends.stream("high")
    peer.send(message(FROM, TO, "before", body="a SKYLARK sings"))
    assert verdict(ends, "before")[0] == "release"
    edges = ends.gateway.programs()["edge-high"]
    undo = edit(ends.lab, lambda t: t.replace("rules = (", "rules = (" + RULE, 1))
    try:
        done = reload(ends)
        assert done.returncode == 0, done.stderr
        peer.send(message(FROM, TO, "after", body="a SKYLARK sings"))
        assert verdict(ends, "after") == ("reject", 900)
        assert ends.gateway.programs()["edge-high"] == edges, "the same edge, the same stream"
    finally:
        undo()
    assert reload(ends).returncode == 0
    peer.send(message(FROM, TO, "again", body="a SKYLARK sings"))
    assert verdict(ends, "again")[0] == "release"


@pytest.mark.parametrize("what,change", [
    ("syntax", lambda t: t.replace("rules = (", "rules = ((", 1)),
    ("unknown key", lambda t: t.replace("direction =", "direktion =", 1)),
    ("unknown rule of YARA", lambda t: t.replace('yara = "eicar"', 'yara = "no_such_rule"', 1)),
])
def test_wrong_rules_never(ends, what, change):
    before = ends.gateway.programs()
    undo = edit(ends.lab, change)
    try:
        done = reload(ends)
        assert done.returncode == 78 and "lab.rules" in done.stderr, (done.returncode, done.stderr)
    finally:
        undo()
    assert ends.gateway.programs() == before
    peer = ends.stream("high")
    peer.send(message(FROM, TO, f"still-{what}", body="FORGET-ME-NOT"))
    assert verdict(ends, f"still-{what}") == ("reject", 101)


def test_under_load_every_stanza_is_accounted_for(ends):
    """A stream that never stops, three reloads: each message is delivered once or answered with an error once."""
    peer, count, stop = ends.stream("high"), [0], threading.Event()

    def load():
        while not stop.is_set():
            peer.send(message(FROM, TO, f"load-{count[0]}"))
            count[0] += 1
            time.sleep(0.002)
    t = threading.Thread(target=load, daemon=True)
    t.start()
    results = []
    for _ in range(3):
        time.sleep(0.5)
        results.append(reload(ends).returncode)
    time.sleep(0.5)
    stop.set()
    t.join()
    assert results == [0, 0, 0]
    end = time.monotonic() + 60

    def books():
        there = [i for i in ends.sink["low"].ids() if i.startswith("load-")]
        back = [e.get("id") for _, e in ends.sink["high"].stanzas if e.get("type") == "error" and e.get("id", "").startswith("load-")]
        return there, back
    while time.monotonic() < end:
        there, back = books()
        if len(there) + len(back) >= count[0]:
            break
        time.sleep(0.2)
    assert len(set(there)) == len(there) and len(set(back)) == len(back), "nothing twice"
    assert not set(there) & set(back), "nothing delivered and answered"
    assert len(there) + len(back) == count[0]
    numbers = [int(i.split("-")[1]) for i in there]
    assert numbers == sorted(numbers), "order is kept"
    print(f"{count[0]} messages, {len(back)} answered with an error")
    assert back == [], "the old guard finishes what it has, the edges wait"


def hits(ends):
    shown = subprocess.run([ends.gateway.command, "status", "-c", ends.gateway.conf, "--json"], capture_output=True, text=True, timeout=30)
    guard = next(p for p in json.loads(shown.stdout)["programs"] if p["name"] == "guard")
    return {r["id"]: (r["hits"], r["last_ms"]) for r in guard["stats"]["rules"]}


def test_rules_keep_their_counts(ends):
    peer = ends.stream("high")
    for n in range(3):
        peer.send(message(FROM, TO, f"count-{n}", body="FORGET-ME-NOT"))
        assert verdict(ends, f"count-{n}") == ("reject", 101)
    before = hits(ends)
    assert before[101][0] >= 3 and abs(before[101][1] / 1000 - time.time()) < 60
    shown = subprocess.run([ends.gateway.command, "status", "-c", ends.gateway.conf], capture_output=True, text=True, timeout=30).stdout
    assert re.search(rf"(?m)^ *101 +{before[101][0]}  {time.strftime('%Y-%m-%d', time.gmtime(before[101][1] / 1000))} \d\d:", shown), shown
    for _ in range(2):
        assert reload(ends).returncode == 0
        assert hits(ends)[101] == before[101]
    peer.send(message(FROM, TO, "count-on", body="FORGET-ME-NOT"))
    assert verdict(ends, "count-on") == ("reject", 101)
    assert hits(ends)[101][0] == before[101][0] + 1


# Two sets that say the same in other numbers: a stanza that a mixture of both had judged would carry numbers of both.
SETS = {name: f"""
  {{ id = {n}1; name = "Test: set {name} has seen it"; kind = "message"; when = {{ text = "turn-"; }}; action = "alert"; }},
  {{ id = {n}2; name = "Test: set {name} takes the receipt out"; kind = "message"; action = "strip"; elements = [ "urn:xmpp:receipts" ]; }},
""" for name, n in (("A", 81), ("B", 82))}


def whose(event):
    """The sets whose rules held, and whether all of that set did."""
    ids = {int(r.split()[0]) for r in event.get("matched", [])}
    return {s for s, n in (("A", 81), ("B", 82)) if ids & {n * 10 + 1, n * 10 + 2}}, ids >= {811, 812} or ids >= {821, 822}


@pytest.mark.parametrize("seconds", [8, pytest.param(60, marks=pytest.mark.long)])
def test_a_reload_each_second(ends, seconds):
    """No stanza is lost, doubled or judged by half a set: the books of both ends, and the hash of the set in each verdict."""
    peer, stop, sent = ends.stream("high"), threading.Event(), [0]
    tag = f"turn-{seconds}-"

    def load():
        while not stop.is_set():
            peer.send(message(FROM, TO, f"{tag}{sent[0]}", body=f"{tag}{sent[0]}"))
            sent[0] += 1
            time.sleep(0.004)
    t, took, undo = threading.Thread(target=load, daemon=True), 0, None
    t.start()
    begun = time.monotonic()
    try:
        while time.monotonic() - begun < seconds or took < 3:    # a sanitized build takes seconds for each
            turn = time.monotonic()
            if undo:
                undo()
            undo = edit(ends.lab, lambda text: text.replace("rules = (", "rules = (" + SETS["AB"[took % 2]], 1))
            done = reload(ends)
            assert done.returncode == 0, done.stderr
            took += 1
            time.sleep(max(0.0, 1 - (time.monotonic() - turn)))
    finally:
        stop.set()
        t.join()
        if undo:
            undo()
    # the books of the two ends
    end = time.monotonic() + 60
    while time.monotonic() < end:
        there = [i for i in ends.sink["low"].ids() if i.startswith(tag)]
        back = [e.get("id") for _, e in ends.sink["high"].stanzas if e.get("type") == "error" and e.get("id", "").startswith(tag)]
        if len(there) + len(back) >= sent[0]:
            break
        time.sleep(0.2)
    assert back == [] and there == [f"{tag}{i}" for i in range(sent[0])], f"{sent[0]} sent, {len(there)} came, {len(back)} came back"
    # the book of the journal: one verdict each, by one whole set, and a set has one hash
    assert ends.events.wait(lambda e: e["event_type"] == "verdict" and e.get("stanza_id") == f"{tag}{sent[0] - 1}", 30)
    verdicts = [e for e in ends.events.find(lambda _: True) if e["event_type"] == "verdict" and e.get("stanza_id", "").startswith(tag)]
    assert [e["stanza_id"] for e in verdicts] == there
    sets = {}
    for e in verdicts:
        mine, whole = whose(e)
        assert len(mine) <= 1 and whole == (len(mine) == 1), f"half a set: {e['matched']}"
        sets.setdefault(e["rules_hash"], set()).add("".join(mine))
    assert all(len(s) == 1 for s in sets.values()), sets
    assert {"A", "B"} <= set.union(*sets.values())
    print(f"{took} reloads in {seconds} s, {sent[0]} stanzas, {len(sets)} hashes")
    assert took >= max(2, seconds // 5), "each second, where the machine is quick enough: a reload takes 0.7 s of a core"
    assert reload(ends).returncode == 0
