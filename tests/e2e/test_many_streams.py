# SPDX-License-Identifier: GPL-3.0-or-later
# Streams that come and go, many more than there may be at once: a guard forgets them, one that stands goes on, and nobody is started anew.

import json

import pytest

from lab.ends import bare
from lab.wire import message


@pytest.fixture(scope="module")
def ends(running):
    with bare(running, {"limits.streams": 4, "limits.pairs_per_stream": 1}) as e:
        yield e


def test_a_standing_stream_is_not_forgotten(ends):
    stands = ends.stream("high")
    before = ends.gateway.programs()
    for i in range(100):        # more than a guard lets live at once: 2 * 4 * 1 + 64
        peer = ends.stream("high")
        peer.close()
        ends.drop(peer)
    stands.send(message("a@high.example/r", "b@low.example/r", "after-many"))
    ends.sink["low"].wait("what it says then", lambda e: e.get("id") == "after-many", 20)
    assert ends.gateway.programs() == before, "no program was lost"
    state = json.loads(ends.gateway.lockgate("status", "--json", "-c", ends.gateway.conf))
    assert '"flows": 1,' in json.dumps(state), "the guard remembers flows that are gone"
