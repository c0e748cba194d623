# SPDX-License-Identifier: GPL-3.0-or-later
# The last gate: a guard that has gone mad (tests/mad/guard.c stands in its place) gets nothing out past the journal.

import os
import shutil
import time

import pytest

from lab.ends import Ends
from lab.lab import Lab, build_folder
from lab.gateway import Gateway, Journal
from lab.show import Follower
from lab.wire import message

FROM, TO = "a@high.example/r", "b@low.example/r"


@pytest.fixture(scope="module")
def mad(tmp_path_factory):
    """A lab whose gateway runs the mad guard beside the real other programs."""
    folder = tmp_path_factory.mktemp("bin")
    for name in os.listdir(os.path.join(build_folder(), "bin")):
        shutil.copy(os.path.join(build_folder(), "bin", name), folder / name)
    shutil.copy(os.path.join(build_folder(), "mad", "lockgate-guard"), folder / "lockgate-guard")
    with Lab("gate", layout="routed", high="bare", low="bare") as lab:
        lab.configure_gateway()
        lab.gateway = Gateway(lab, str(folder), lab.gateway.conf)
        lab.gateway.inline("up")
        lab.gateway.start()
        ends = Ends(lab)
        ends.events = Follower(Journal(lab.path("state")))
        yield ends
        ends.events.stop()
        ends.close()


def arrives(ends, peer, id_, body, seconds):
    peer.send(message(FROM, TO, id_, body))
    end = time.monotonic() + seconds
    while time.monotonic() < end and id_ not in ends.sink["low"].ids():
        time.sleep(0.05)
    return id_ in ends.sink["low"].ids()


def test_an_honest_line_opens_the_gate(mad):
    """The control: the set-up works, and number 1 is released."""
    assert arrives(mad, mad.stream("high"), "honest-1", "HONEST", 10)


@pytest.mark.parametrize("trick", ["NOLINE", "OTHERHASH", "LATER"])
def test_nothing_leaves_that_the_journal_did_not_release(mad, trick):
    peer = mad.stream("high")
    assert not arrives(mad, peer, f"trick-{trick}", trick, 3)
    assert arrives(mad, peer, f"after-{trick}", "HONEST", 10), "the gate works on"
    assert f"trick-{trick}" not in mad.sink["low"].ids()


def test_the_discarded_order_is_recorded(mad):
    peer = mad.stream("high")
    assert not arrives(mad, peer, "trick-again", "OTHERHASH", 2)
    assert mad.events.wait(lambda e: e.get("action") == "hash-mismatch", 5)
