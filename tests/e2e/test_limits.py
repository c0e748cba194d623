# SPDX-License-Identifier: GPL-3.0-or-later
# How much one peer may have: streams of one address and of one domain, pairs that it cannot prove, pairs on one stream.

import time

import pytest

from lab.ends import Ends
from lab.wire import DIALBACK, HEADER, Closed, message

FROM, TO = "a@high.example/r", "b@low.example/r"


@pytest.fixture
def ends(running, request):
    mark = request.node.get_closest_marker("settings")
    r = running(layout="routed", high="bare", low="bare", settings=mark.kwargs["conf"] if mark else None)
    e = Ends(r.lab)
    e.events, e.gateway = r.events, r.gateway
    yield e
    e.close()
    time.sleep(0.3)


@pytest.mark.settings(conf={"limits.streams_per_address": 5})
def test_streams_of_one_address(ends):
    """Five connections stand; the sixth is closed at once, with a record; the others go on, and a place that comes free is free."""
    peers = [ends.stream("high") for _ in range(5)]
    mark = ends.events.mark()
    late = ends.connect("high")
    with pytest.raises((Closed, OSError)):
        late.send(f"{HEADER} from='high.example' to='low.example'>")
        late.read(5)
    assert ends.events.wait(lambda e: e["event_type"] == "limit" and e.get("reason") == "stream-limit", 5, mark)
    peers[0].send(message(FROM, TO, "still-there"))
    ends.sink["low"].wait("still-there", lambda e: e.get("id") == "still-there", 10)
    peers[1].send("</stream:stream>")
    peers[1].closes(5)
    time.sleep(0.5)
    ends.stream("high").send(message(FROM, TO, "in-the-free-place"))
    ends.sink["low"].wait("in-the-free-place", lambda e: e.get("id") == "in-the-free-place", 10)


@pytest.mark.settings(conf={"limits.streams_per_domain": 3})
def test_streams_of_one_domain(ends):
    """Three streams speak for high.example; the fourth is refused by a stream error."""
    for _ in range(3):
        ends.stream("high")
    mark = ends.events.mark()
    with pytest.raises(Exception):
        fourth = ends.stream("high")
        fourth.send(message(FROM, TO, "fourth"))
        assert fourth.stream_error(5) is None
    assert ends.events.wait(lambda e: e["event_type"] == "stream" and e.get("condition") == "resource-constraint", 5, mark)
    assert "fourth" not in ends.sink["low"].ids()


def test_pairs_that_are_never_proven(ends):
    """Five are refused one by one, then the stream ends; the journal has two lines, not five."""
    peer = ends.stream("high")
    mark = ends.events.mark()
    for i in range(50):
        try:
            peer.send(f"<db:result from='d{i}.example' to='low.example' xmlns:db='{DIALBACK}'>key</db:result>")
        except OSError:
            break
    assert peer.stream_error(8) == "policy-violation"
    time.sleep(0.5)
    lines = ends.events.find(lambda e: e["event_type"] in ("limit", "stream"), mark)
    assert len(lines) <= 3, lines
