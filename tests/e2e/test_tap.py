# SPDX-License-Identifier: GPL-3.0-or-later
# The edges' tap: captures of what is said inside TLS, that `lockgate replay` reads as it reads any other.

import json
import os
import stat
import subprocess
import time

import pytest

from lab.ends import bare
from lab.wire import message

FROM, TO = "a@high.example/r", "b@low.example/r"
WORD = "FORGET-ME-NOT"


@pytest.fixture
def ends(running):
    with bare(running, {"gateway.tap": "64KiB"}, 0.1) as e:
        yield e


def replay(ends, side):
    path = ends.lab.path("state", "tap", f"edge-{side}.pcap")
    done = subprocess.run([ends.gateway.command, "replay", "-c", ends.gateway.conf, "--json", path], capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr
    return [json.loads(line) for line in done.stdout.splitlines()]


def test_replay_reads_what_the_edges_wrote(ends):
    peer = ends.stream("high")
    for n, body in enumerate(("good morning", WORD, "good night")):
        peer.send(message(FROM, TO, f"tap-{n}", body=body))
    for n in range(3):
        assert ends.events.wait(lambda e, n=n: e["event_type"] == "verdict" and e.get("stanza_id") == f"tap-{n}", 30)
    end = time.monotonic() + 20
    while len([i for i in ends.sink["low"].ids() if i.startswith("tap-")]) < 2 and time.monotonic() < end:
        time.sleep(0.1)
    assert ends.events.wait(lambda e: e["event_type"] == "operator" and e.get("action") == "tap", 5), "the journal says that there is a tap"
    for side in ("high", "low"):
        mode = os.stat(ends.lab.path("state", "tap", f"edge-{side}.pcap"))
        assert stat.S_IMODE(mode.st_mode) == 0o600 and mode.st_uid == 0
    came = {e["id"]: e["verdict"] for e in replay(ends, "high")
            if e["event"] == "stanza" and e.get("id", "").startswith("tap-") and e.get("direction") == "high-to-low"}
    assert came == {"tap-0": "release", "tap-1": "reject", "tap-2": "release"}
    left = [e["id"] for e in replay(ends, "low") if e["event"] == "stanza" and e.get("id", "").startswith("tap-")]
    assert left == ["tap-0", "tap-2"], "the other edge's capture has what left, and that alone"


def test_full_size(ends):
    """When it is full it ends with a whole packet, and the stream goes on."""
    peer = ends.stream("high")
    for n in range(60):
        peer.send(message(FROM, TO, f"full-{n}", body="x" * 2000))
    assert ends.events.wait(lambda e: e["event_type"] == "verdict" and e.get("stanza_id") == "full-59", 30)
    path = ends.lab.path("state", "tap", "edge-high.pcap")
    assert 32 * 1024 < os.stat(path).st_size <= 64 * 1024
    replay(ends, "high")
    end = time.monotonic() + 20
    while "full-59" not in ends.sink["low"].ids() and time.monotonic() < end:
        time.sleep(0.1)
    assert [i for i in ends.sink["low"].ids() if i.startswith("full-")] == [f"full-{n}" for n in range(60)]
