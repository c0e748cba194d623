# SPDX-License-Identifier: GPL-3.0-or-later
# A stream that stands while more others come and go than a guard remembers flows: what it says afterwards crosses, and nobody is started anew.

import pytest

from lab.ends import Ends
from lab.wire import message


@pytest.fixture(scope="module")
def ends(running):
    r = running(layout="routed", high="bare", low="bare", settings={"limits.streams": 4, "limits.pairs_per_stream": 1})
    e = Ends(r.lab)
    e.events, e.gateway = r.events, r.gateway
    yield e
    e.close()


def test_a_standing_stream_is_not_forgotten(ends):
    stands = ends.stream("high")
    before = ends.gateway.programs()
    for i in range(100):        # a guard keeps the newest 2 * 4 * 1 + 64
        peer = ends.stream("high")
        peer.close()
        ends.drop(peer)
    stands.send(message("a@high.example/r", "b@low.example/r", "after-many"))
    ends.sink["low"].wait("what it says then", lambda e: e.get("id") == "after-many", 20)
    assert ends.gateway.programs() == before, "no program was lost"
