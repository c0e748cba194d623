# SPDX-License-Identifier: GPL-3.0-or-later
# Nothing crosses but what the gateway's programs carry: tcpdump on the far wire is the witness.

import os
import signal
import socket
import time

import pytest

from lab.net import LabError, Process, wait_until
from lab.wire import inside


@pytest.fixture(scope="module", params=["routed", "bridge", "proxy"])
def standing(request, running):
    return running(layout=request.param, family="both")


class Witness:
    """tcpdump on the server's card of one side; remembers every packet that is not of that side's own making."""
    made = 0

    def __init__(self, lab, side):
        Witness.made += 1       # each has a log of its own: what an earlier one saw is not seen again
        self.log = lab.path("log", f"witness-{side}-{Witness.made}.txt")
        ns = lab.ns[side]
        mine = [lab.plan[side].server4, lab.plan[side].server6]
        # Packets that come in, without ARP and neighbour discovery (the gateway answers those for the far hosts).
        self.process = Process(["tcpdump", "-l", "-n", "-i", "eth0", "-Q", "in", "ip or ip6"], self.log, namespace=ns.name)
        wait_until("tcpdump to listen", lambda: "listening on" in self._text(), 30)
        self.mine = mine

    def _text(self):
        with open(self.log, errors="replace") as f:
            return f.read()

    def lines(self):
        time.sleep(0.3)
        return [l for l in self._text().splitlines() if " IP" in l and "ICMP6, neighbor" not in l and "ICMP6, router" not in l
                and "HBH ICMP6" not in l]

    def stop(self):
        self.process.stop(signal.SIGINT)


@pytest.fixture
def witness(request):
    made = []

    def get(lab, side):
        made.append(Witness(lab, side))
        return made[-1]
    yield get
    for w in made:
        w.stop()


def probe(lab, side):
    """All kinds of packets from this side's server to the other server."""
    other = {"high": "low", "low": "high"}[side]
    ns, there = lab.ns[side], lab.plan[other]
    for address in (there.server4, there.server6):
        family = socket.AF_INET6 if ":" in address else socket.AF_INET
        with inside(ns.name):
            socks = [(socket.socket(family, socket.SOCK_STREAM), p) for p in (5269, 5270, 22, 80, 5222)]
            udp = socket.socket(family, socket.SOCK_DGRAM)
            icmp = socket.socket(family, socket.SOCK_RAW, socket.IPPROTO_ICMPV6 if ":" in address else socket.IPPROTO_ICMP)
        for s, port in socks:
            s.setblocking(False)
            s.connect_ex((address, port))
        for port in (5269, 53):
            try:
                udp.sendto(b"probe", (address, port))
            except OSError:
                pass        # an ICMP answer to the one before
        try:        # an echo request, number 1; the kernel sums ICMPv6 itself
            icmp.sendto(b"\x80\0\0\0\0\1\0\1" if ":" in address else b"\x08\0\xf7\xfd\0\1\0\1", (address, 0))
        except OSError:
            pass
        time.sleep(0.5)
        icmp.close()
        for s, _ in socks:
            s.close()
        udp.close()


def test_witness_sees_a_released_message(standing, witness):
    """Control: the witness does see what crosses."""
    r = standing
    w = witness(r.lab, "low")
    a, b = r.lab.client("high", "alice"), r.lab.client("low", "bob")
    a.message(b.full, "seen")
    b.wait_message("seen", 40)
    assert w.lines()


@pytest.mark.parametrize("side", ["high", "low"])
def test_other_packets_stay(standing, witness, side):
    """With the gateway running: UDP, ICMP and foreign ports do not reach the far wire."""
    r = standing
    other = {"high": "low", "low": "high"}[side]
    w = witness(r.lab, other)
    probe(r.lab, side)
    allowed = (".5269", ".5270")    # an admitted but silent connection causes no onward one either, keepalives of old streams may
    strange = [l for l in w.lines() if not any(p in l for p in allowed)]
    assert not strange, strange
    reasons = ("destination-unknown",) if r.lab.layout == "proxy" else ("port-forbidden",)
    assert r.events.wait(lambda e: e["event_type"] == "admission" and e.get("reason") in reasons, 30)


def test_stopped_gateway_lets_nothing_cross(standing, witness):
    """Programs ended in order, packet rules still there."""
    r = standing
    assert r.gateway.stop() == 0
    try:
        _nothing_crosses(r.lab, witness)
    finally:
        r.gateway.start()


def test_killed_gateway_lets_nothing_cross(standing, witness):
    """The parent killed: its programs end with it, and nothing crosses."""
    r = standing
    pids = [p for ids in r.gateway.programs().values() for p in ids]
    assert pids
    os.kill(r.gateway.process.pid, signal.SIGKILL)
    r.gateway.process.popen.wait(5)
    try:
        wait_until("the programs to end with their parent", lambda: not [p for p in pids if _runs(p)], 30)
        _nothing_crosses(r.lab, witness)
    finally:
        r.gateway.start()


def _runs(pid):
    try:
        with open(f"/proc/{pid}/stat") as f:
            return f.read().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


def _nothing_crosses(lab, witness):
    time.sleep(1)       # the last packets of connections that were just closed
    seen = {side: witness(lab, side) for side in ("high", "low")}
    a, b = lab.client("high", "alice", "closed"), lab.client("low", "bob", "closed")
    a.message(b.full, "must not cross")
    b.message(a.full, "must not cross")
    probe(lab, "high")
    probe(lab, "low")
    with pytest.raises(LabError):
        b.wait_message("must not cross", 2)
    assert not a.find(lambda g: g.kind == "message" and g.text() == "must not cross" and g.type != "error")
    for side, w in seen.items():
        far = [l for l in w.lines() if _from_afar(lab, side, l)]
        assert not far, far


def _from_afar(lab, side, line):
    """Does the packet carry something of the other side's server? Answers of the gateway itself (RST, ICMP) are its own:
    in the transparent layouts they come in the far server's name, as a refusal."""
    other = {"high": "low", "low": "high"}[side]
    there = lab.plan[other]
    return any(a in line for a in (there.server4, there.server6)) and "Flags [R" not in line and "unreachable" not in line


def test_inline_down_lets_nothing_cross(standing, witness):
    """Even with the packet rules removed there is no forwarding plane between the two namespaces."""
    r = standing
    r.gateway.stop()
    r.gateway.inline("down")
    try:
        _nothing_crosses(r.lab, witness)
    finally:
        r.gateway.inline("up")
        r.gateway.start()
