# SPDX-License-Identifier: GPL-3.0-or-later
# Static routes: two servers of one domain, of which the better dies and comes back; and one that is silent.

import json
import time

import pytest

from lab.ends import Ends
from lab.net import wait_until
from lab.wire import Sink, message

FROM, TO = "a@high.example/r", "b@low.example/r"
ONE, TWO = "10.77.2.2", "10.77.2.3"
SETTINGS = {"low.domains": ({"name": "low.example", "dialback": False, "health": "1s", "targets": (
    {"address": TWO, "port": 5269, "priority": 20}, {"address": ONE, "port": 5269, "priority": 10})},
    {"name": "rooms.low.example", "targets": (), "dialback": False})}


class Pair:
    """The two servers of low.example, each of which may be there or not, and may answer pings or not."""

    def __init__(self, r):
        self.r, self.ends, self.n = r, Ends(r.lab, sinks=("high",)), 0
        self.sink, self.answers, self.back = {}, set(), None
        r.lab.ns["low"].ip("addr", "replace", TWO + "/24", "dev", "eth0")
        for address in (ONE, TWO):
            self.open(address)
        wait_until("both to be seen up", lambda: self.down() == 0, 20)     # they were looked at before they were there
        self.high = self.ends.stream("high")

    def down(self):
        status = json.loads(self.r.gateway.lockgate("status", "--json", "-c", self.r.gateway.conf))
        return [p["stats"]["targets_down"] for p in status["programs"] if p["name"] == "edge/low"][0]

    def open(self, address):
        self.sink[address] = Sink(self.r.lab.ns["low"].name, [address], "low.example", self.r.lab.identity("low"),
                                  answer=lambda peer, element: self.answer(address, element))

    def close(self, address):
        self.sink.pop(address).close()

    def answer(self, address, element):
        """A ping of the gateway's is answered over a stream of low's own, as servers do."""
        if address not in self.answers or element.find("{urn:xmpp:ping}ping") is None:
            return
        if not self.back:
            self.back = self.ends.stream("low")
        self.back.send(f"<iq type='result' id='{element.get('id')}' from='low.example' to='high.example'/>")

    def send(self):
        self.n += 1
        self.high.send(message(FROM, TO, f"m-{self.n}"))
        return f"m-{self.n}"

    def where(self, id_, timeout=15):
        """The server that got it; exactly one does."""
        wait_until(id_, lambda: any(id_ in s.ids() for s in self.sink.values()), timeout)
        found = [a for a, s in self.sink.items() if id_ in s.ids()]
        assert len(found) == 1
        return found[0]

    def pings(self, address):
        return sum(e.find("{urn:xmpp:ping}ping") is not None for _, e in self.sink[address].stanzas)


@pytest.fixture
def pair(running):
    p = Pair(running(layout="routed", high="bare", low="bare", settings=SETTINGS))
    yield p
    p.ends.close()
    for s in p.sink.values():
        s.close()


def test_fail_over_and_back(pair):
    mark = pair.r.events.mark()
    assert pair.where(pair.send()) == ONE, "the lower priority number first, whatever the order in the file"
    pair.close(ONE)
    started = time.monotonic()
    assert pair.where(pair.send()) == TWO
    print(f"fail-over: a stanza came through the other server after {time.monotonic() - started:.2f} s")
    down = pair.r.events.wait(lambda e: e.get("action") == "target-down", 10, mark)
    assert (down["dest_ip"], down["to_domain"], down["reason"]) == (ONE, "low.example", "no-route")
    pair.open(ONE)
    started = time.monotonic()
    assert pair.r.events.wait(lambda e: e.get("action") == "target-up" and e["dest_ip"] == ONE, 15, mark)
    closed = pair.r.events.wait(lambda e: e.get("action") == "closed" and e.get("reason") == "fail-back", 15, mark)
    assert closed["dest_ip"] == TWO
    assert pair.where(pair.send()) == ONE
    print(f"fail-back: after {time.monotonic() - started:.2f} s")
    assert not [e for e in pair.r.events.find(lambda e: e["event_type"] == "delivery" and e.get("delivery", "written") != "written", mark)]


def test_a_server_that_answers_pings_no_more(pair):
    """It takes connections and data and does nothing: only a ping tells."""
    pair.answers.add(ONE)
    mark = pair.r.events.mark()
    assert pair.where(pair.send()) == ONE
    wait_until("three pings, all answered", lambda: pair.pings(ONE) >= 3, 20)
    assert not pair.r.events.find(lambda e: e.get("action") == "target-down", mark)
    assert not [e for e in pair.r.events.find(lambda e: e["event_type"] == "verdict" and e.get("kind") == "iq", mark)], "a pong is for the edge alone"
    pair.answers.clear()
    pair.sink[ONE].pause.set()
    down = pair.r.events.wait(lambda e: e.get("action") == "target-down", 15, mark)
    assert (down["dest_ip"], down["reason"]) == (ONE, "timeout")
    pair.close(ONE)
    assert pair.where(pair.send()) == TWO
    pair.open(ONE)


def test_a_server_that_never_answered_a_ping_stays(pair):
    """Some servers do not speak XEP-0199: a connection is enough for these."""
    mark = pair.r.events.mark()
    wait_until("the better one", lambda: pair.where(pair.send()) == ONE, 20, step=0.5)
    before = pair.sink[ONE].connections
    wait_until("a ping, and probes beside it", lambda: pair.pings(ONE) == 1 and pair.sink[ONE].connections > before, 20)
    time.sleep(1)
    assert pair.where(pair.send()) == ONE
    assert not pair.r.events.find(lambda e: e.get("action") == "closed" and e.get("reason") == "stream-timeout", mark)
