# SPDX-License-Identifier: GPL-3.0-or-later
# Fail closed, part by part: each program gone, the queue overrun, rules removed, before the first start, during stop and upgrade. The
# witness is a capture on the far wire: while the part is gone, no packet with data comes there, and no connection is begun.

import json
import os
import shutil
import signal
import socket
import time

import pytest

from lab.ends import bare, Load
from lab.gateway import Gateway
from lab.lab import build_folder
from lab.layout import OTHER
from lab.net import LabError, Process, wait_until
from lab.wire import inside, message

FROM, TO = "a@high.example/r", "b@low.example/r"


class Wire:
    """What comes to a side's host from the gateway: data, and connections begun."""
    made = 0

    def __init__(self, lab, side):
        Wire.made += 1
        self.log = lab.path("log", f"wire-{side}-{Wire.made}.txt")
        # TCP with data (IPv4: total length less both heads; IPv6: behind the head), TCP that begins, and all that is not TCP
        what = ("(ip and tcp and (ip[2:2] - ((ip[0]&0xf)<<2) - ((tcp[12]&0xf0)>>2) != 0 or tcp[13] & 0x17 == 2)) or "
                "(ip6 and ip6[6] == 6 and (ip6[4:2] - ((ip6[52]&0xf0)>>2) != 0 or ip6[53] & 0x17 == 2)) or (ip and not tcp) or (ip6 and ip6[6] != 6 and not icmp6)")
        self.process = Process(["tcpdump", "-l", "-nn", "-i", "eth0", "-Q", "in", what], self.log, lab.ns[side].name)
        wait_until("tcpdump", lambda: "listening on" in open(self.log).read(), 30)

    def lines(self):
        time.sleep(0.2)
        with open(self.log) as f:
            return [x for x in f.read().splitlines() if " IP" in x and "HBH ICMP6, multicast listener report" not in x]    # the gate's own

    def stop(self):
        found = self.lines()
        self.process.stop(signal.SIGINT)
        return found


@pytest.fixture(scope="module")
def ends(running, tmp_path_factory):
    """The gateway's programs are copies, so that an upgrade can put others in their place."""
    with bare(running, {"limits.keepalive": "0s"}) as e:
        e.n = 0
        e.peer = fresh(e)
        yield e


def fresh(e):
    """A stream that stands, through which a message has just gone."""
    e.n += 1
    peer = e.stream("high", timeout=20)
    peer.send(message(FROM, TO, f"first-{e.n}"))
    e.sink["low"].wait("the first message", lambda x: x.get("id") == f"first-{e.n}", 20)
    return peer


def try_all(e, peer=None):
    """Data over a stream that stands, and new connections of both families, IPv4 and IPv6, XMPP and not."""
    e.n += 1
    if peer:
        try:
            peer.send(message(FROM, TO, f"gone-{e.n}"))
        except OSError:
            pass
    socks = []
    for there in (e.lab.plan["low"].server4, e.lab.plan["low"].server6):
        family = socket.AF_INET6 if ":" in there else socket.AF_INET
        with inside(e.lab.ns["high"].name):
            socks += [(socket.socket(family, socket.SOCK_STREAM), there, p) for p in (5269, 5270, 22)]
            udp = socket.socket(family, socket.SOCK_DGRAM)
        try:
            udp.sendto(b"x", (there, 5269))
        except OSError:
            pass
        udp.close()
    for s, there, port in socks:
        s.setblocking(False)
        s.connect_ex((there, port))
    time.sleep(1)
    for s, *_ in socks:
        s.close()
    return f"gone-{e.n}"


def serves(e):
    """Puts e.peer right again."""
    def again():
        try:
            e.peer = fresh(e)
            return True
        except (LabError, OSError):
            return False
    wait_until("service again", again, 40)


# program: does what stands go on meanwhile? Admission decides on first packets, the keeper signs handshakes: neither sees a stanza.
PROGRAMS = {"edge-high": False, "edge-low": False, "guard": False, "journal": False, "admission-high": True, "keeper": True}


@pytest.mark.parametrize("program", PROGRAMS)
def test_program_gone(ends, program):
    """Stopped in the middle of everything: it is there, and does nothing."""
    stands = PROGRAMS[program]
    wire = Wire(ends.lab, "low")
    ends.peer.send(message(FROM, TO, f"control-{program}"))
    ends.sink["low"].wait("the control", lambda x: x.get("id") == f"control-{program}", 20)
    assert wire.stop(), "the witness sees what crosses"
    ends.gateway.kill(program, signal.SIGSTOP)
    time.sleep(0.1)     # what was on its way has left
    wire = Wire(ends.lab, "low")
    try:
        id_ = try_all(ends, None if stands else ends.peer)
        seen = wire.stop()
        assert not seen, seen
        assert id_ not in ends.sink["low"].ids()
    finally:
        ends.gateway.kill(program, signal.SIGCONT)
    serves(ends)


def test_probe_says_whether_all_is_well(ends):
    """Two stanzas of the gateway's own: judged, recorded, ordered nowhere."""
    mark = ends.events.mark()
    wires = [Wire(ends.lab, s) for s in ("high", "low")]
    assert ends.gateway.lockgate("probe", "-c", ends.gateway.conf) == \
        "well: what must pass: release (rule); what must be blocked: reject (not-in-schema)\n"
    assert [w.stop() for w in wires] == [[], []]
    lines = ends.events.find(lambda e: e["event_type"] == "verdict" and e.get("action") == "probe", mark)
    assert [(e["verdict"], e["from"]) for e in lines] == [("release", "lockgate-probe@high.example"), ("reject", "lockgate-probe@high.example")]
    pid, = ends.gateway.kill("guard", signal.SIGSTOP)
    try:
        began = time.monotonic()
        assert ends.gateway.lockgate("probe", "-c", ends.gateway.conf, check=False) == "" and time.monotonic() - began < 6
    finally:
        os.kill(pid, signal.SIGCONT)
    wait_until("well again", lambda: ends.gateway.lockgate("probe", "-c", ends.gateway.conf, check=False).startswith("well"), 20)


@pytest.mark.long
def test_program_killed_for_good(ends):
    """The journal cannot come back, since its folder is not what it was: nothing crosses for as long as that is so."""
    state = ends.lab.path("state", "journal")
    os.rename(state, state + ".away")
    open(state, "w").close()
    try:
        ends.gateway.kill("journal")
        time.sleep(0.5)
        wire = Wire(ends.lab, "low")
        id_ = try_all(ends, ends.peer)
        seen = [x for x in wire.stop() if "Flags [S]" not in x]
        assert not seen and id_ not in ends.sink["low"].ids(), seen
    finally:
        os.unlink(state)
        os.rename(state + ".away", state)
    serves(ends)


def queue(ends):
    """(waiting, dropped) of the queue of first packets, as the kernel counts them."""
    for line in ends.lab.gates["high"].run("cat", "/proc/net/netfilter/nfnetlink_queue").splitlines():
        number, _, waiting, _, _, dropped, user_dropped, *_ = map(int, line.split())
        if number == 0:
            return waiting, dropped + user_dropped
    return 0, 0


def test_queue_overrun(ends):
    """Admission is stuck and the queue full to the brim: what finds no room is dropped, not let in."""
    flood = """
import socket, struct, sys
src, dst, mac = socket.inet_aton(sys.argv[1]), socket.inet_aton(sys.argv[2]), sys.argv[3]
s = socket.socket(socket.AF_PACKET, socket.SOCK_RAW); s.bind(('eth0', 0))
eth = bytes.fromhex(mac.replace(':', '')) + s.getsockname()[4] + b'\\x08\\x00'
def ck(x):
    t = sum(struct.unpack('!%dH' % (len(x) // 2), x)); t = (t >> 16) + (t & 65535); t += t >> 16; return ~t & 65535
for i in range(17500):
    t = struct.pack('!HHIIBBHHH', 1024 + i, 5269, i, 0, 5 << 4, 2, 1024, 0, 0)
    t = t[:16] + struct.pack('!H', ck(src + dst + struct.pack('!BBH', 0, 6, 20) + t)) + t[18:]
    h = struct.pack('!BBHHHBBH4s4s', 69, 0, 40, i & 65535, 0, 64, 6, 0, src, dst)
    s.send(eth + h[:10] + struct.pack('!H', ck(h)) + h[12:] + t)
"""
    mac = json.loads(ends.lab.gates["high"].ip("-j", "link", "show", "g-hi"))[0]["address"]
    pid, = ends.gateway.kill("admission-high", signal.SIGSTOP)
    try:
        ends.lab.ns["high"].run("/usr/bin/python3", "-B", "-c", flood, ends.lab.plan["high"].server4, ends.lab.plan["low"].server4, mac, timeout=60)
        waiting, dropped = queue(ends)
        assert waiting > 1000 and dropped > 0, f"{waiting} wait, {dropped} were dropped: the queue is full"
        wire = Wire(ends.lab, "low")
        try_all(ends)
        seen = wire.stop()
        assert not seen, seen
    finally:
        os.kill(pid, signal.SIGKILL)        # its packets go with it
    serves(ends)


@pytest.mark.parametrize("what", ["all rules", "the queue", "our routes"])
def test_rules_removed_by_somebody_else(ends, what):
    """Noticed, recorded, put back; meanwhile nothing new crosses."""
    ns, mark = ends.lab.gates["high"], ends.events.mark()
    pid = ends.gateway.process.pid
    wire = Wire(ends.lab, "low")
    os.kill(pid, signal.SIGSTOP)        # the parent would put them back within a moment: so that this can be looked at at all
    try:
        if what == "all rules":
            ns.run("nft", "flush", "ruleset")
        elif what == "the queue":
            ns.run("iptables-nft", "-t", "mangle", "-F")
            ns.run("ip6tables-nft", "-t", "mangle", "-F")
        else:
            ns.ip("-4", "rule", "del", "pref", "50")
            ns.ip("-6", "rule", "del", "pref", "50")
            ns.run("nft", "add", "table", "inet", "somebody")      # routes say nothing to the parent by themselves; rules do
            ns.run("nft", "delete", "table", "inet", "somebody")
        try_all(ends)
        seen = wire.stop()
        assert not seen, seen
    finally:
        os.kill(pid, signal.SIGCONT)
    assert ends.events.wait(lambda e: e.get("action") == "packet-rules" and e.get("status") == "changed by somebody else", 20, mark)
    assert ends.events.wait(lambda e: e.get("action") == "packet-rules" and e.get("status") == "put back", 20, mark)
    serves(ends)


def test_stop_upgrade_start(ends, tmp_path):
    """Under load in both directions: stopped, other programs put in their place, started. Between them nothing comes to either side,
    and whatever has crossed has its record."""
    mark = ends.events.mark()
    load = {s: Load(ends, s, f"up-{s}", 50).start() for s in ("high", "low")}
    time.sleep(1.5)
    assert ends.gateway.stop() == 0
    wires = {s: Wire(ends.lab, s) for s in ("high", "low")}
    new = tmp_path / "bin"
    shutil.copytree(os.path.join(build_folder(), "bin"), new)
    ends.gateway.inline("up")       # as an upgrade's installer does: again, over what is there
    time.sleep(1.5)
    seen = {s: w.stop() for s, w in wires.items()}
    assert not seen["high"] and not seen["low"], seen
    before = {s: len(load[s].sent) for s in load}
    conf = ends.gateway.conf
    ends.gateway = Gateway(ends.lab, str(new), conf)
    ends.lab.gateway = ends.gateway
    ends.gateway.start()
    wait_until("both loads to go on", lambda: all(len(load[s].sent) > before[s] + 20 for s in load), 40)
    for l in load.values():
        l.stop()
    time.sleep(1)
    released = {e.get("stanza_id") for e in ends.events.find(lambda e: e["event_type"] == "verdict" and e["verdict"] == "release", mark)}
    for side in load:
        came = [i for i in ends.sink[OTHER[side]].ids() if i and i.startswith(f"up-{side}-")]
        assert len(came) > 50 and len(came) == len(set(came)) and set(came) <= released
    serves(ends)


def test_before_the_first_start(ends):
    """As after boot: cards and rules stand, no program runs; then the rules are not there either."""
    assert ends.gateway.stop() == 0
    try:
        for rules in (True, False):
            if not rules:
                ends.gateway.inline("down")
            wire = Wire(ends.lab, "low")
            try_all(ends)
            seen = wire.stop()
            assert not seen, (rules, seen)
    finally:
        ends.gateway.inline("up")
        ends.gateway.start()
    serves(ends)
