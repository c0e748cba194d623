# SPDX-License-Identifier: GPL-3.0-or-later
# The decoy: on ports that are not for crossing it finishes the handshake, names what is spoken, records it and closes. It never says
# a word, nothing reaches the far side, and it is bounded in number, time and bytes.

import json
import os
import ssl
import time

import pytest

from inline_rig import GET, SIDES, Rig, inside
from lab.layout import OTHER
from lab.net import sh, wait_until

pytestmark = pytest.mark.skipif(os.geteuid() != 0, reason="makes network namespaces: needs root")

TALK = """
import socket, sys
src, dst, port, data, stay = sys.argv[1], sys.argv[2], int(sys.argv[3]), bytes.fromhex(sys.argv[4]), float(sys.argv[5])
s = socket.socket(socket.AF_INET6 if ':' in dst else socket.AF_INET); s.settimeout(stay)
try:
    s.bind((src, 0)); s.connect((dst, port)); print('connected', s.getpeername()[0], end=' ')
    if data: s.sendall(data)
    print('heard', s.recv(100).hex() or 'end')
except ConnectionResetError: print('heard end')
except OSError as e: print('no', e)
"""


def hello(name, *protocols):
    """The first flight of a real TLS client."""
    c = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    c.check_hostname, c.verify_mode = False, ssl.CERT_NONE
    if protocols:
        c.set_alpn_protocols(list(protocols))
    into, out = ssl.MemoryBIO(), ssl.MemoryBIO()
    with pytest.raises(ssl.SSLWantReadError):
        c.wrap_bio(into, out, server_hostname=name).do_handshake()
    return out.read()


STREAM = b"<?xml version='1.0'?><stream:stream xmlns='jabber:server' xmlns:stream='http://etherx.jabber.org/streams' to='a' version='1.0'>"
SPOKEN = {
    "xmpp": STREAM,
    "xmpp-starttls": STREAM + b"<starttls xmlns='urn:ietf:params:xml:ns:xmpp-tls'/>",
    "xmpp-direct-tls": hello("low.example", "xmpp-server"),
    "tls": hello("www.example", "h2"),
    "xmpp-websocket": b"GET /ws HTTP/1.1\r\nUpgrade: websocket\r\nSec-WebSocket-Protocol: xmpp\r\n\r\n",
    "xmpp-bosh": b"POST /http-bind HTTP/1.1\r\nContent-Length: 9\r\n\r\n",
    "http": b"GET / HTTP/1.1\r\nHost: a\r\n\r\n",
    "ssh": b"SSH-2.0-OpenSSH_9.2\r\n",
    "silent": b"",
    "unknown": b"\x80\x81\x82\x83\x84\x85\x86\x87",
}


@pytest.fixture(scope="module", params=["routed", "bridge"])
def rig(request):
    with Rig(request.param, "decoy", {"decoy.on": True, "decoy.connections": 8, "decoy.time": "500ms", "decoy.bytes": "1KiB",
                                      "admission.rate": 1000, "admission.burst": 1000}).standing() as r:
        yield r


def talk(rig, side, data, port=9999, family=4, stay=8):
    return inside(rig.host[side], TALK, rig.address(side, family), rig.target(OTHER[side], family), str(port), data.hex(), str(stay))


@pytest.mark.parametrize("what", SPOKEN)
def test_what_is_spoken_is_named(rig, what):
    if rig.layout == "bridge" and what not in ("xmpp", "xmpp-direct-tls", "silent"):
        pytest.skip("the names are the same in every layout")
    side, family = ("high", 4) if len(what) % 2 else ("low", 6)
    watched = rig.watch(OTHER[side])
    before = len(rig.lines(action="decoy", proto=what))
    answer = talk(rig, side, SPOKEN[what], 5000 + len(what), family)
    assert answer == f"connected {rig.target(OTHER[side], family)} heard end", "the handshake is finished in the far host's name; not a byte is said"
    line = wait_until("a record", lambda: rig.lines(action="decoy", proto=what)[before:], 10)[0]
    assert (line["side"], line["src_ip"], line["dest_ip"], line["dest_port"]) == (side, rig.address(side, family), rig.target(OTHER[side], family), 5000 + len(what))
    assert line["verdict"] == "drop" and line["bytes_in"] == len(SPOKEN[what])
    if "tls" in what and "start" not in what:
        assert (line["sni"], line["alpn"]) == (("low.example", "xmpp-server") if "xmpp" in what else ("www.example", "h2"))
    assert [x for x in rig.seen(watched) if "ARP" not in x and "ICMP6" not in x] == [], "nothing reaches the far side"


def test_xmpp_ports_are_still_the_edges(rig):
    for side in SIDES:
        assert rig.crosses(side, 4) and rig.crosses(side, 6)


def test_bounded_in_number_time_and_bytes(rig):
    crowd = """
import socket, sys, time
s, t = [], time.monotonic()
for i in range(40):
    c = socket.socket(); c.settimeout(3); c.bind((sys.argv[1], 0)); c.connect((sys.argv[2], 9000)); s.append(c)
ended = 0
for c in s:
    try: ended += c.recv(10) == b''
    except ConnectionResetError: ended += 1
    except OSError: pass
print(ended, time.monotonic() - t)
"""
    was = stats(rig, "high")
    ended, seconds = inside(rig.host["high"], crowd, rig.address("high", 4), rig.target("low", 4)).split()
    now = stats(rig, "high")
    assert int(ended) == 40 and float(seconds) < 3, "all are closed, the eight that were taken after half a second"
    assert now["named"] - was["named"] >= 8 and now["turned_away"] - was["turned_away"] >= 20 and now["open"] == 0
    wait_until("a counted line", lambda: [x for x in rig.lines(action="decoy") if x.get("count", 0) > 1], 20)
    start = time.monotonic()
    assert talk(rig, "high", b"\x80" * 20000).endswith("heard end") and time.monotonic() - start < 5
    assert max(x.get("bytes_in", 0) for x in rig.lines(action="decoy")) == 1024, "no more than decoy.bytes are read"


def test_killed_decoy_nothing_crosses_and_it_is_back(rig):
    pid = rig.program("lockgate-decoy", "high")
    os.kill(pid, 19)
    os.kill(pid, 9)
    wait_until("a new one", lambda: rig.program("lockgate-decoy", "high") not in (0, pid), 20)
    wait_until("it serves", lambda: "connected" in talk(rig, "high", b"x", stay=2), 20)
    assert "[gate]" not in inside(rig.host["high"], GET, rig.address("high", 4), rig.target("low", 4), "9999", "2")


def test_udp_and_quic_are_named_by_admission(rig):
    quic = "c3" + "00000001" + "08" + "11" * 8 + "00" + "00" * 1180
    send = "import socket, sys; s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM); s.sendto(bytes.fromhex(sys.argv[2]), (sys.argv[1], 443))"
    inside(rig.host["low"], send, rig.target("high", 4), quic)
    wait_until("quic", lambda: rig.lines(side="low", proto="quic", reason="port-forbidden"), 20)


def stats(rig, side):
    status = json.loads(sh(rig.command, "status", "--json", "-c", rig.conf))
    return next(p["stats"] for p in status["programs"] if p["name"] == f"decoy/{side}")
