# SPDX-License-Identifier: GPL-3.0-or-later
# Stream management on the streams that servers open (XEP-0198): `h` counts, in order, every stanza whose verdict is durable, those refused by
# the guard or by the edge itself as well, and nothing before. No resumption.

import json
import signal
import time

import pytest

from lab.ends import Ends
from lab.net import wait_until
from lab.wire import message, name

FROM, TO = "a@high.example/r", "b@low.example/r"
SM = "urn:xmpp:sm:3"
EICAR = r"X5O!P%@AP[4\PZX54(P^)7CC)7}$EICAR-STANDARD-ANTIVIRUS-TEST-FILE!$H+H*"


@pytest.fixture
def ends(running):
    r = running(layout="routed", high="bare", low="bare")
    e = Ends(r.lab)
    e.events, e.gateway = r.events, r.gateway
    yield e
    e.close()


class Managed:
    """A stream with stream management on."""

    def __init__(self, ends, side="high"):
        self.peer = ends.stream(side)
        assert self.ask(f"<enable xmlns='{SM}' resume='true'/>") == ("enabled", {})

    def send(self, *stanzas):
        for stanza in stanzas:
            self.peer.send(stanza)

    def ask(self, xml):
        self.peer.send(xml)
        element = self.peer.read()
        assert element.tag.startswith("{" + SM + "}"), element.tag
        return name(element), dict(element.attrib)

    def handled(self):
        what, said = self.ask(f"<r xmlns='{SM}'/>")
        assert what == "a" and list(said) == ["h"]
        return int(said["h"])

    def comes_to(self, n, timeout=10):
        wait_until(f"{n} stanzas to be handled", lambda: self.handled() >= n, timeout, step=0.05)
        assert self.handled() == n


def test_released_and_refused_count_alike(ends):
    m = Managed(ends)
    assert m.handled() == 0
    m.send(message(FROM, TO, "sm-1"), message(FROM, TO, "sm-2", body=EICAR), message(FROM, TO, "sm-3"),
           f"<iq from='{FROM}' to='{TO}' id='sm-4' type='get'><query xmlns='urn:example:none'/></iq>",
           f"<presence from='{FROM}' to='{TO}'/>")
    m.comes_to(5)
    ends.sink["low"].wait("sm-3", lambda e: e.get("id") == "sm-3", 10)
    assert "sm-2" not in ends.sink["low"].ids()


def test_what_the_edge_refuses_counts_in_its_place(ends):
    """A stanza that no record takes: refused alone, with a line of the edge's own."""
    m = Managed(ends)
    m.send(message(FROM, TO, "deep-0"), message(FROM, TO, "deep-1", extra="<a xmlns='urn:a'>" * 100 + "</a>" * 100), message(FROM, TO, "deep-2"))
    m.comes_to(3)
    assert ends.events.wait(lambda e: e.get("stanza_id") == "deep-1" and e.get("reason") == "record-limit", 5)


def test_nothing_counts_before_it_is_durable(ends):
    """The journal stands still: what was sent is not acknowledged, and no longer after it goes on."""
    m = Managed(ends)
    m.send(message(FROM, TO, "d-0"))
    m.comes_to(1)
    ends.gateway.kill("journal", signal.SIGSTOP)
    try:
        m.send(*[message(FROM, TO, f"d-{n}") for n in range(1, 6)])
        time.sleep(1)
        assert m.handled() == 1
    finally:
        ends.gateway.kill("journal", signal.SIGCONT)
    m.comes_to(6)


def test_streams_count_for_themselves(ends):
    one, two = Managed(ends), Managed(ends)
    one.send(*[message(FROM, TO, f"one-{n}") for n in range(7)])
    two.send(*[message(FROM, TO, f"two-{n}") for n in range(3)])
    one.comes_to(7)
    two.comes_to(3)


def test_a_guard_that_dies_leaves_none_out(ends):
    """Its successor closes what was under way, and the count goes on."""
    m = Managed(ends)
    for n in range(40):
        m.send(message(FROM, TO, f"g-{n}"))
        if n == 20:
            ends.gateway.kill("guard")
    m.comes_to(40, 30)


def test_no_resumption_and_no_second_time(ends):
    m = Managed(ends)
    m.send(f"<resume xmlns='{SM}' previd='x' h='0'/>")
    assert name(m.peer.expect("failed")[0]) == "feature-not-implemented"
    m.send(f"<enable xmlns='{SM}'/>")
    assert name(m.peer.expect("failed")[0]) == "unexpected-request"
    m.send(message(FROM, TO, "after"))
    m.comes_to(1)


def resident_kb(ends, program):
    pid, = ends.gateway.programs()[program]
    with open(f"/proc/{pid}/status") as f:
        return next(int(line.split()[1]) for line in f if line.startswith("VmRSS:"))


def test_who_asks_and_takes_no_answer_is_not_read_on(ends):
    """Questions without end, and nothing is taken back: the edge holds little, the sender feels it, and others are served."""
    greedy, other = Managed(ends), Managed(ends)
    before, asked = resident_kb(ends, "edge-high"), 0
    greedy.peer.sock.settimeout(4)
    with pytest.raises(OSError):        # nobody reads any more
        while asked < 64 << 20:
            greedy.send(f"<r xmlns='{SM}'/>" * 5000)
            asked += 5000 * 26
    assert resident_kb(ends, "edge-high") - before < 8192
    other.send(message(FROM, TO, "other"))
    other.comes_to(1)


def test_requests_that_are_refused_end(ends):
    m = Managed(ends)
    m.send(f"<resume xmlns='{SM}' previd='x' h='0'/>" * 20)
    assert m.peer.stream_error(10) == "policy-violation"


def test_the_last_word_when_the_gateway_closes(ends):
    """An orderly end of the gateway's says what was handled before the end tag."""
    m = Managed(ends)
    m.send(message(FROM, TO, "last-0"), message(FROM, TO, "last-1"))
    m.comes_to(2)
    ends.gateway.stop()
    element = m.peer.read(15)
    assert (name(element), element.get("h")) == ("a", "2")
    assert m.peer.read(15) is None


def test_prosody_uses_it(running):
    """Debian's Prosody has mod_smacks on: it switches stream management on towards the gateway as it would towards any server."""
    r = running(layout="routed", high="prosody", low="ejabberd")
    a, b = r.lab.client("high", "anna", "sm"), r.lab.client("low", "boris", "sm")
    for n in range(20):
        a.message(b.full, f"managed {n}")
    b.wait_message("managed 19", 30)

    def managed():
        return '"managed": true' in json.dumps(json.loads(r.gateway.lockgate("status", "--json", "-c", r.gateway.conf)))
    wait_until("a managed stream", managed, 10)
    for n in range(20):
        b.message(a.full, f"back {n}")
    a.wait_message("back 19", 30)
