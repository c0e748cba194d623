# SPDX-License-Identifier: GPL-3.0-or-later
# An edge that was taken over (tests/mad/edge.c stands on side high for five lives, then the real one): nothing crosses that the policy
# would not release to that side's own server, nothing speaks for the other side, nothing unreleased is read, and nothing else breaks.

import os
import time
import xml.etree.ElementTree as ET

import pytest

from lab.ends import mad
from lab.net import LabError, wait_until
from lab.wire import message

FROM, TO = "a@high.example/r", "b@low.example/r"
LIVES = 5


@pytest.fixture(scope="module")
def aftermath(tmp_path_factory):
    """The gateway after the mad edge's last life, with what was seen meanwhile."""
    folder = tmp_path_factory.mktemp("bin")
    (folder / "lives").write_text("0\n")
    with mad("madedge", folder, "lockgate-edge", lambda f: os.rename(f / "lockgate-edge", f / "lockgate-edge.real")) as ends:
        ends.before = ends.gateway.programs()
        (folder / "go").touch()
        # Side low goes on talking to the mad edge's side: all of it is refused by the policy, so none of it may reach that edge.
        peer = ends.stream("low")
        for n in range(500):
            peer.send(message(TO, FROM, f"secret-{n}", "FORGET-ME-NOT UNRELEASED"))
            if (folder / "lives").read_text().strip() == str(LIVES + 1):
                break
            time.sleep(0.05)
        wait_until("the real edge", lambda: (folder / "lives").read_text().strip() == str(LIVES + 1), 30)
        ends.refused = n + 1
        yield ends


def test_only_what_policy_releases_to_that_side_arrived(aftermath):
    ids = list(aftermath.sink["low"].ids())
    lies = [ET.tostring(e) for _, e in list(aftermath.sink["low"].stanzas) if (e.get("id") or "").startswith("bad-")]
    assert not lies, "lies crossed"
    assert [i for i in ids if i.startswith("fair-")], "the control: what its own server could have said did cross"
    for _, stanza in list(aftermath.sink["low"].stanzas):
        if (stanza.get("id") or "").startswith("fair-"):
            assert stanza.get("from") == "a@high.example/mad" and stanza.get("to") in ("b@low.example/r", "b@rooms.low.example/r")


def test_every_crossing_has_its_record(aftermath):
    released = {e["stanza_id"] for e in aftermath.events.find(lambda e: e["event_type"] == "verdict" and e["verdict"] == "release")}
    crossed = {i for i in aftermath.sink["low"].ids() if i.startswith("fair-")}
    assert crossed <= released


def test_it_read_nothing_that_was_not_released(aftermath):
    """Its own check for the word stands in its log; the control is that the guard refused those stanzas while it listened."""
    with open(aftermath.gateway.log) as f:
        log = f.read()
    assert "LEAK" not in log
    refused = aftermath.events.find(lambda e: e["event_type"] == "verdict" and str(e.get("stanza_id", "")).startswith("secret-"))
    assert len(refused) > 20 and not [e for e in refused if e["verdict"] == "release"]


def test_it_wrote_no_verdict_and_the_keeper_told_of_it(aftermath):
    assert not aftermath.events.find(lambda e: e["program"] == "edge/high" and (e["event_type"] == "verdict" or "verdict" in e))
    assert aftermath.events.find(lambda e: e["program"] == "keeper" and e.get("action") == "sign-refused")


def test_no_other_program_ended(aftermath):
    """One of its own side's, the reader, may have; nothing that the other side needs."""
    after = aftermath.gateway.programs()
    for program in ("guard", "journal", "keeper", "scanner", "edge-low", "admission-low", "admission-high"):
        assert after.get(program) == aftermath.before.get(program), program


def test_traffic_flows_again(aftermath):
    def crosses(side, id_):
        try:
            other = {"high": "low", "low": "high"}[side]
            me, you = (FROM, TO) if side == "high" else (TO, FROM)
            aftermath.stream(side, timeout=3).send(message(me, you, id_))
            wait_until(id_, lambda: id_ in aftermath.sink[other].ids(), 3)
            return True
        except (OSError, LabError):
            return False
    for side in ("high", "low"):
        wait_until(f"traffic from {side}", lambda: crosses(side, f"after-{side}-{time.monotonic()}"), 30)
