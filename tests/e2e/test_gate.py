# SPDX-License-Identifier: GPL-3.0-or-later
# The last gate: a guard that has gone mad (tests/mad/guard.c stands in its place) gets nothing out past the journal.

import contextlib
import time

import pytest

from lab import ends
from lab.net import LabError, wait_until
from lab.wire import message

FROM, TO = "a@high.example/r", "b@low.example/r"


@pytest.fixture(scope="module")
def mad(tmp_path_factory):
    """A lab whose gateway runs the mad guard beside the real other programs."""
    with ends.mad("gate", tmp_path_factory.mktemp("bin"), "lockgate-guard") as e:
        yield e


def arrives(ends, peer, id_, body, seconds):
    peer.send(message(FROM, TO, id_, body))
    end = time.monotonic() + seconds
    while time.monotonic() < end and id_ not in ends.sink["low"].ids():
        time.sleep(0.05)
    return id_ in ends.sink["low"].ids()


def test_an_honest_line_opens_the_gate(mad):
    """The control: the set-up works, and number 1 is released."""
    assert arrives(mad, mad.stream("high"), "honest-1", "HONEST", 10)


def test_other_bytes_than_the_line_names(mad):
    peer = mad.stream("high")
    assert not arrives(mad, peer, "trick-hash", "OTHERHASH", 3)
    assert mad.events.wait(lambda e: e.get("action") == "hash-mismatch", 5), "the discarded order is recorded"
    assert arrives(mad, peer, "after-hash", "HONEST", 10), "the gate works on"


def test_an_order_of_before_to_an_edge_that_was_started_anew(mad):
    """The new edge knows no number but what the journal told it: order and line told again bring nothing out a second time."""
    assert arrives(mad, mad.stream("high"), "once-1", "HONEST", 10)
    old = mad.lab.gateway.kill("edge-low")
    wait_until("edge-low to come back", lambda: set(mad.lab.gateway.programs().get("edge-low", [])) - set(old), 15)
    time.sleep(1)                               # until all are joined again
    mad.stream("high").send(message(FROM, TO, "trick-replay", "REPLAY"))
    assert mad.events.wait(lambda e: e.get("action") == "order-past", 15), "the refused order is recorded"
    time.sleep(1)
    assert mad.sink["low"].ids().count("once-1") == 1
    end, n, came = time.monotonic() + 60, 0, False
    while not came and time.monotonic() < end:
        n += 1
        with contextlib.suppress(OSError, LabError):
            came = arrives(mad, mad.stream("high"), f"once-after-{n}", "HONEST", 3)
    assert came, "the gate works on"


@pytest.mark.parametrize("trick", ["LATER", "NOLINE"])
def test_an_order_without_a_release_of_its_own(mad, trick):
    """The edge also breaks with a guard whose numbers do not rise; the gateway comes back by itself."""
    assert not arrives(mad, mad.stream("high"), f"trick-{trick}", trick, 3)
    end, n, came = time.monotonic() + 60, 0, False
    while not came and time.monotonic() < end:
        n += 1
        with contextlib.suppress(OSError, LabError):
            came = arrives(mad, mad.stream("high"), f"after-{trick}-{n}", "HONEST", 3)
    assert came, "the gateway did not come back"
    assert not [i for i in mad.sink["low"].ids() if i.startswith("trick-")]
