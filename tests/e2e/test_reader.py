# SPDX-License-Identifier: GPL-3.0-or-later
# The second reader: what leaves is read again before it is sent, and what it does not confirm is refused, answered, recorded.
# A reader that lies (tests/mad/reader.c) stands in for a writer that has gone wrong.


import pytest

from lab import ends
from lab.net import wait_until
from lab.wire import message

FROM, TO = "a@high.example/r", "b@low.example/r"


@pytest.fixture(scope="module")
def mad(tmp_path_factory):
    with ends.mad("reader", tmp_path_factory.mktemp("bin"), "lockgate-reader") as e:
        yield e


def say(ends, peer, id_, body):
    peer.send(message(FROM, TO, id_, body))


def arrived(ends, id_):
    return id_ in ends.sink["low"].ids()


def answered(ends, id_):
    return any(e.get("id") == id_ and e.get("type") == "error" for _, e in list(ends.sink["high"].stanzas))


def delivery(ends, id_):
    verdict = next((e for e in ends.events.find(lambda e: e["event_type"] == "verdict" and e.get("stanza_id") == id_)), None)
    return verdict and [e["delivery"] for e in ends.events.find(
        lambda e: e["event_type"] == "delivery" and (e.get("guard"), e.get("number")) == (verdict.get("guard"), verdict.get("number")))]


@pytest.mark.parametrize("trick", ["DIFFER", "OTHERHASH", "POISON"])
def test_what_the_reader_does_not_confirm(mad, trick):
    """It does not leave; its sender is told, the journal too; stanzas before and behind it on the same stream cross."""
    peer, n = mad.stream("high"), trick.lower()
    say(mad, peer, f"before-{n}", "fine")
    say(mad, peer, f"trick-{n}", trick)
    say(mad, peer, f"behind-{n}", "fine")
    wait_until("the one before", lambda: arrived(mad, f"before-{n}"), 10)
    wait_until("the one behind", lambda: arrived(mad, f"behind-{n}"), 15)
    wait_until("the sender's error", lambda: answered(mad, f"trick-{n}"), 10)
    assert not arrived(mad, f"trick-{n}")
    wait_until("its delivery line", lambda: delivery(mad, f"trick-{n}"), 5)
    assert delivery(mad, f"trick-{n}") == ["reader-refused"]
    assert mad.events.wait(lambda e: e.get("action") == "reader-refused", 5), "and an event of the edge"
