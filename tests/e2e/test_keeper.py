# SPDX-License-Identifier: GPL-3.0-or-later
# Private keys live in the keeper alone: an edge's memory holds none, and what happens while the keeper is away.

import json
import re
import signal
import time

import pytest

from lab.ends import bare
from lab.net import LabError, sh, wait_until
from lab.wire import message

FROM, TO = "a@high.example/r", "b@low.example/r"


@pytest.fixture
def ends(running):
    with bare(running) as e:
        wait_until("the keeper to run", lambda: "keeper" in e.gateway.programs(), 10)
        yield e


def crosses(ends, peer, id_, seconds=10):
    peer.send(message(FROM, TO, id_))
    wait_until(f"{id_} at the other server", lambda: id_ in ends.sink["low"].ids(), seconds)


def needles(lab):
    """What a private key looks like in memory: its secret number in both byte orders (the first stands in PEM's DER too)."""
    found = {}
    for side, other in (("high", "low"), ("low", "high")):
        text = sh("openssl", "pkey", "-noout", "-text", "-in", lab.path("tls", f"{other}.on-{side}.key"))
        secret = bytes.fromhex(re.search(r"priv:([\s0-9a-f:]+)pub:", text)[1].replace(":", "").replace("\n", "").replace(" ", ""))
        secret = secret.lstrip(b"\0").rjust(32, b"\0")
        found[side] = [secret, secret[::-1]]
    return found


def memory(pid):
    """Every readable page of a process."""
    with open(f"/proc/{pid}/maps") as maps, open(f"/proc/{pid}/mem", "rb", 0) as mem:
        for line in maps:
            area, rights = line.split()[:2]
            if rights[0] != "r" or "[v" in line:
                continue
            start, end = (int(x, 16) for x in area.split("-"))
            try:
                mem.seek(start)
                yield mem.read(end - start)
            except (OSError, ValueError):
                continue


def holds(pid, wanted):
    return any(n in page for page in memory(pid) for n in wanted)


def test_no_key_in_the_memory_of_an_edge(ends):
    """The scan finds both keys in the keeper (so it can find one), and none in any other program that has shaken hands."""
    crosses(ends, ends.stream("high"), "scan-1")
    wanted = needles(ends.lab)
    programs = ends.gateway.programs()
    keeper, = programs["keeper"]
    for side, key in wanted.items():
        assert holds(keeper, key), f"the control: the key shown on side {side} is in the keeper"
    everything = wanted["high"] + wanted["low"]
    for program, pids in programs.items():
        if program != "keeper":
            for pid in pids:
                assert not holds(pid, everything), f"{program} has a private key in its memory"


def test_without_the_keeper_streams_stand_and_handshakes_fail(ends):
    """Stopped, not dead: a handshake waits a second, the next fail at once, and a standing stream goes on."""
    peer = ends.stream("high")
    crosses(ends, peer, "before")
    ends.gateway.kill("keeper", signal.SIGSTOP)
    try:
        with pytest.raises((OSError, LabError)):
            ends.stream("high", timeout=5)
        crosses(ends, peer, "while")
        start = time.monotonic()
        with pytest.raises((OSError, LabError)):
            ends.stream("high", timeout=5)
        assert time.monotonic() - start < 0.9, "while an answer is overdue, nobody waits for another"
    finally:
        ends.gateway.kill("keeper", signal.SIGCONT)
    crosses(ends, ends.stream("high"), "after")


def test_a_killed_keeper_comes_back(ends):
    peer = ends.stream("high")
    crosses(ends, peer, "kept-1")
    old = ends.gateway.kill("keeper")
    crosses(ends, peer, "kept-2")

    def again():
        try:
            return ends.stream("high", timeout=3)
        except (OSError, LabError):
            return None
    fresh = wait_until("a handshake with the new keeper", again, 10)
    assert ends.gateway.programs()["keeper"] != old
    crosses(ends, fresh, "kept-3")


def signatures(gateway):
    def told():
        status = json.loads(gateway.lockgate("status", "-c", gateway.conf, "--json"))
        return next(p for p in status["programs"] if p["name"] == "keeper").get("stats")
    return wait_until("the keeper's numbers", told, 5)["signed"]


@pytest.mark.parametrize("side", ["high", "low"])
def test_status_counts_signatures(ends, side):
    before = signatures(ends.gateway)
    ends.stream(side)
    after = signatures(ends.gateway)
    assert after[side] > before[side], (before, after)
