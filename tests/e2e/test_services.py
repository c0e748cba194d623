# SPDX-License-Identifier: GPL-3.0-or-later
# Services by configuration: the gateway answers echo, DNS and NTP in the place of hosts of the other side, from its configuration and
# its clock. Nothing of a question or an answer crosses; what is not configured stays shut.

import json
import os
import re
import struct
import time

import pytest

from inline_rig import SIDES, Rig, inside
from lab.layout import CARDS, LAYOUTS, OTHER
from lab.net import sh, wait_until

pytestmark = pytest.mark.skipif(os.geteuid() != 0, reason="makes network namespaces: needs root")

ASK = """
import socket, sys
src, dst, port, data = sys.argv[1], sys.argv[2], int(sys.argv[3]), bytes.fromhex(sys.argv[4])
s = socket.socket(socket.AF_INET6 if ':' in dst else socket.AF_INET, socket.SOCK_DGRAM); s.settimeout(float(sys.argv[5]))
try:
    s.bind((src, 0)); s.connect((dst, port)); s.send(data); print(s.recv(2000).hex())
except OSError as e: print('no', e)
"""


def services(layout):
    """Of each side everything is answered to the other, over both families, in the place of the server; NTP towards low alone."""
    rows = []
    for side in SIDES:
        far = LAYOUTS[layout][OTHER[side]]
        for address in (far.server4, far.server6):
            rows += [{"side": side, "protocol": p, "address": address} for p in ("echo", "dns")]
            if side == "low":
                rows.append({"side": side, "protocol": "ntp", "address": address, "stratum": 3})
    return tuple(rows)


@pytest.fixture(scope="module", params=["routed", "bridge"])
def rig(request):
    plan = LAYOUTS[request.param]
    domains = {f"{s}.domains": ({"name": f"{s}.example", "dialback": False, "targets": (
        {"address": plan[s].server4, "port": 5269, "tls": "starttls"}, {"address": plan[s].server6, "port": 5270, "tls": "direct", "priority": 5})},) for s in SIDES}
    with Rig(request.param, "svc", {"services": services(request.param), "admission.rate": 30, "admission.burst": 300, **domains}).standing() as r:
        yield r


def nothing_crossed(rig, watched):
    return [x for x in rig.seen(watched) if "ARP" not in x and "ICMP6, neighbor" not in x and "router solicitation" not in x and "listener report" not in x] == []


def dig(rig, side, family, *words):
    return rig.host[side].run("dig", "-b", rig.address(side, family), f"@{rig.target(OTHER[side], family)}", "+tries=1", "+time=3", *words, check=False, timeout=20)


@pytest.mark.parametrize("side", SIDES)
@pytest.mark.parametrize("family", [4, 6])
def test_ping(rig, side, family):
    to, watched = rig.target(OTHER[side], family), rig.watch(OTHER[side])
    wait_until("the other side counts as there", lambda: stats(rig, side)["far_side"], 20)
    out = rig.host[side].run("ping", "-n", "-c", "3", "-i", "0.2", "-W", "3", "-s", "100", "-I", rig.address(side, family), to, check=False, timeout=30)
    assert "3 received" in out and f"from {to}" in out, out
    assert nothing_crossed(rig, watched), "not a byte of it reached the far side"
    proto = "icmp" if family == 4 else "icmpv6"
    line = wait_until("a record", lambda: rig.lines(action="answer", side=side, proto=proto, src_ip=rig.address(side, family)), 10)[0]
    assert (line["dest_ip"], line["verdict"], line["reason"]) == (to, "admit", "answered")
    assert "1 packets transmitted, 0 received" in rig.host[side].run("ping", "-n", "-c", "1", "-W", "1", "-s", "1200", to, check=False, timeout=30), "more data than is answered"


def test_ping_tells_that_the_other_side_is_gone(rig):
    to = rig.target("high", 4)
    wait_until("the other side counts as there", lambda: stats(rig, "low")["far_side"], 20)
    rig.gate["high"].ip("link", "set", CARDS["high"], "down")
    try:
        wait_until("gone", lambda: not stats(rig, "low")["far_side"], 20)
        assert " 0 received" in rig.host["low"].run("ping", "-n", "-c", "2", "-W", "1", to, check=False, timeout=30)
        wait_until("a record", lambda: rig.lines(action="answer", side="low", proto="icmp", reason="no-route", verdict="drop"), 10)
        assert "NOERROR" in dig(rig, "low", 4, "high.example"), "names are the configuration's, and stay"
    finally:
        rig.inline("up")
    wait_until("there again", lambda: stats(rig, "low")["far_side"], 20)


@pytest.mark.parametrize("side", SIDES)
@pytest.mark.parametrize("family", [4, 6])
def test_dns(rig, side, family):
    far, watched = rig.plan[OTHER[side]], rig.watch(OTHER[side])
    domain = f"{OTHER[side]}.example"
    assert dig(rig, side, family, "+short", domain, "A").split() == [far.server4]
    assert dig(rig, side, family, "+short", domain, "AAAA").split() == [far.server6]
    assert dig(rig, side, family, "+short", f"_xmpp-server._tcp.{domain}", "SRV").split() == ["0", "1", "5269", f"xmpp-1.{domain}."]
    assert dig(rig, side, family, "+short", f"_xmpps-server._tcp.{domain}", "SRV").split() == ["5", "1", "5270", f"xmpp-2.{domain}."]
    out = dig(rig, side, family, f"_xmpp-server._tcp.{domain}", "SRV")
    assert "ADDITIONAL SECTION" in out and far.server4 in out and re.search(r"flags: qr aa rd", out) and "EDNS: version: 0" in out
    assert "status: NXDOMAIN" in dig(rig, side, family, f"nobody.{domain}")
    for stranger in ("www.example.com", f"{side}.example", "."):
        assert "status: REFUSED" in dig(rig, side, family, stranger), stranger
    assert "status: REFUSED" in dig(rig, side, family, domain, "ANY", "+notcp")
    assert nothing_crossed(rig, watched)
    lines = wait_until("records", lambda: rig.lines(action="answer", side=side, proto="dns", reason="host-unknown"), 10)
    assert all(x["verdict"] == "drop" for x in lines)
    assert rig.lines(action="answer", side=side, proto="dns", reason="answered", verdict="admit")


@pytest.mark.parametrize("family", [4, 6])
def test_ntp(rig, family):
    watched, ask = rig.watch("high"), bytes([4 << 3 | 3, 0, 6]) + bytes(37) + b"ORIGTIME"
    before = time.time()
    answer = bytes.fromhex(inside(rig.host["low"], ASK, rig.address("low", family), rig.target("high", family), "123", ask.hex(), "5"))
    leap, stratum = answer[0] >> 6, answer[1]
    import ctypes
    state = ctypes.CDLL(None).adjtimex((ctypes.c_char * 256)())      # modes 0: only asked
    assert len(answer) == 48 and answer[0] & 0x3f == 4 << 3 | 4 and answer[24:32] == b"ORIGTIME"
    assert (leap, stratum) == ((3, 16) if state == 5 else (0, 3)), "what the kernel says of this clock"
    seconds, part = struct.unpack("!II", answer[40:48])
    assert before - 1 < seconds - 2208988800 + part / 2 ** 32 < time.time() + 1
    assert inside(rig.host["low"], ASK, rig.address("low", family), rig.target("high", family), "123", bytes([4 << 3 | 6]).ljust(48, b"\0").hex(), "1").startswith("no"), "mode 6"
    assert nothing_crossed(rig, watched)
    wait_until("records", lambda: rig.lines(proto="ntp", reason="answered") and rig.lines(proto="ntp", reason="port-forbidden"), 10)
    # the high side has no such service: its question ends as everything does
    assert inside(rig.host["high"], ASK, rig.address("high", family), rig.target("low", family), "123", ask.hex(), "1").startswith("no")
    wait_until("a record of admission", lambda: rig.lines(side="high", proto="udp", reason="port-forbidden"), 10)


def test_other_addresses_and_ports_stay_shut(rig):
    """Only the configured host, only its port: others of the same network are nobody's."""
    query = "1234010000010000000000000468696768076578616d706c650000010001"
    other = rig.target("high", 4).rsplit(".", 1)[0] + ".77"
    before = rig.lines(action="answer")
    assert inside(rig.host["low"], ASK, rig.address("low", 4), other, "53", query, "1").startswith("no")
    assert inside(rig.host["low"], ASK, rig.address("low", 4), rig.target("high", 4), "54", query, "1").startswith("no")
    assert rig.lines(action="answer")[len(before):] == []
    assert rig.crosses("low", 4), "and XMPP goes its way"


def test_rate_and_counted_repeats(rig):
    flood = """
import socket, sys, time
s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM); s.bind((sys.argv[1], 0)); s.connect((sys.argv[2], 53)); s.setsockopt(1, 8, 1 << 20)
q = bytes.fromhex('123401000001000000000000') + b'\\4high\\7example\\0\\0\\1\\0\\1'
for i in range(2000):
    s.send(q); time.sleep(0.0005 if i % 10 == 0 else 0)
s.settimeout(1); n = 0
try:
    while True: s.recv(2000); n += 1
except OSError: pass
print(n)
"""
    time.sleep(1.2)
    before = len(rig.lines(action="answer"))
    answered = int(inside(rig.host["low"], flood, rig.address("low", 4), rig.target("high", 4), timeout=60))
    assert 0 < answered <= 300 + 30 * 10, "a burst, then the rate"
    wait_until("what was too much is counted", lambda: [x for x in rig.lines(action="answer", reason="rate") if x.get("count", 1) > 100], 20)
    assert len(rig.lines(action="answer")) - before < 30, "lines are few, whatever comes"


def test_killed_responder_is_silent_and_back(rig):
    pid = rig.program("lockgate-responder", "low")
    os.kill(pid, 19)
    assert "no servers could be reached" in dig(rig, "low", 4, "+time=1", "high.example")
    os.kill(pid, 9)
    wait_until("a new one", lambda: rig.program("lockgate-responder", "low") not in (0, pid), 20)
    wait_until("it answers", lambda: "NOERROR" in dig(rig, "low", 4, "high.example"), 20)


def test_a_responder_can_send_nothing_else(rig):
    """What its sockets may send the packet rules say, whoever holds them: here root with the same mark."""
    shout = """
import socket, sys
s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM); s.setsockopt(0, 19, 1); s.setsockopt(1, 36, 0x3000)
s.bind((sys.argv[1], int(sys.argv[3])))
try: s.sendto(b'SHOUT', (sys.argv[2], 7777)); print('sent')
except OSError as e: print('no', e)
"""
    watched = rig.watch("low")
    assert inside(rig.gate["low"], shout, rig.address("high", 4), rig.address("low", 4), "9999").startswith("no")
    assert inside(rig.gate["low"], shout, rig.address("low", 4).rsplit(".", 1)[0] + ".99", rig.address("low", 4), "53").startswith("no")
    assert not [x for x in rig.seen(watched) if "7777" in x]


def stats(rig, side):
    status = json.loads(sh(rig.command, "status", "--json", "-c", rig.conf))
    return next(p["stats"] for p in status["programs"] if p["name"] == f"responder/{side}")
