# SPDX-License-Identifier: GPL-3.0-or-later
# What becomes of connections that the doors let in: path MTU messages reach the gateway's own sockets, a peer whose connection was
# forgotten is told by a reset. (Half-open, silent and idle streams: test_delivery.py, with real edges.)

import json
import os
import subprocess
import time

import pytest

from inline_rig import GET, RAW, Rig, inside
from lab.layout import CARDS, LAYOUTS
from lab.net import Namespace, Process, cable, wait_until

pytestmark = pytest.mark.skipif(os.geteuid() != 0, reason="makes network namespaces: needs root")

# It reads while it writes: an echo that waits for room to answer reads no more, and the buffers between the two may hold less than the whole.
BULK = """
import socket, sys, threading
src, dst = sys.argv[1], sys.argv[2]
s = socket.socket(socket.AF_INET6 if ':' in dst else socket.AF_INET); s.settimeout(40)
try:
    s.bind((src, 0)); s.connect((dst, 5269)); got = 0
    threading.Thread(target=s.sendall, args=(b'x' * 200000,), daemon=True).start()
    while got < 200000:
        d = s.recv(65536)
        if not d: break
        got += d.count(b'x')
    print('echoed', got)
except OSError as e: print('no', e)
"""

ECHO = """
import socket, sys, threading
def one(c):
    while True:
        d = c.recv(65536)
        if not d: break
        c.sendall(d)
    c.close()
def serve(f):
    s = socket.socket(f); s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    if f == socket.AF_INET6: s.setsockopt(41, socket.IPV6_V6ONLY, 1)
    s.bind(('', 5269)); s.listen(9)
    while True: threading.Thread(target=one, args=(s.accept()[0],), daemon=True).start()
t = [threading.Thread(target=serve, args=(f,)) for f in (socket.AF_INET, socket.AF_INET6)]
[x.start() for x in t]; print('ready', flush=True); [x.join() for x in t]
"""

TALK = """
import socket, sys, time
src, dst = sys.argv[1], sys.argv[2]
s = socket.socket(socket.AF_INET6 if ':' in dst else socket.AF_INET); s.settimeout(20)
s.bind((src, 0)); s.connect((dst, 5269)); s.sendall(b'one'); got = b''
while not got.endswith(b'one'): got += s.recv(300)
print('stands', flush=True)
sys.stdin.readline(); t = time.monotonic()
try:
    s.sendall(b'two'); time.sleep(0.2); s.sendall(b'three'); d = s.recv(300); print('got', d, flush=True)
except OSError as e: print(type(e).__name__, '%.2f' % (time.monotonic() - t), flush=True)
"""


FORGET = """
import socket, struct       # all connections that the kernel tracks (nfnetlink: conntrack, delete)
s = socket.socket(16, socket.SOCK_RAW, 12); s.bind((0, 0))
s.send(struct.pack('=IHHIIBBH', 20, 1 << 8 | 2, 5, 1, 0, 0, 0, 0)); s.recv(200)
"""


FAR = ("10.78.0.0/16", "fd78::/64")     # bridge: networks behind the low server, which is their router


def further_networks(layout):
    """Side low's networks and routes in bridge mode, where a router is a host of the side. Routed: none, the far host is in low's own network."""
    low = LAYOUTS[layout]["low"]
    hosts = [low.server4, low.server6]
    return {} if layout == "routed" else {"low.networks": [f"{low.server4}/32", f"{low.server6}/128", *FAR],
                                          "low.routes": tuple({"to": to, "via": via} for to, via in zip(FAR, hosts))}


@pytest.fixture(scope="module", params=["routed", "bridge"])
def rig(request):
    r = Rig(request.param, "conns", {"admission.rate": 1000, "admission.burst": 1000, **further_networks(request.param)})
    far = Namespace(f"lab-{r.instance}-far")
    try:
        r.up()
        r.inline("up")
        r.start()
        r.far = far
        yield r
    finally:
        far.down()
        r.down()


def behind_a_narrow_link(rig):
    """A host behind the low server, over a link of 1400 bytes: the low server is its router and says what does not fit."""
    low, far = rig.host["low"], rig.far
    if rig.layout == "routed":
        far4, far6 = rig.plan["low"].net4.replace(".0/24", ".200"), rig.plan["low"].net6.replace("::/64", "::200")
    else:
        far4, far6 = "10.78.0.20", "fd78::20"
        for family, to, via in (("-4", FAR[0], rig.plan["low"].server4), ("-6", FAR[1], rig.plan["low"].server6)):
            rig.host["high"].ip(family, "route", "add", to, "via", via)     # as on any host of the one subnet
    far.up()
    cable(low, "narrow", far, "eth0")
    # The far host asks for large segments (advmss), and sends none itself: an end of a cable drops what is larger than its own MTU and says nothing.
    low.ip("link", "set", "narrow", "mtu", "1400", "up")
    far.ip("link", "set", "eth0", "up")
    low.run("sysctl", "-qw", "net.ipv4.ip_forward=1", "net.ipv6.conf.all.forwarding=1", "net.ipv4.conf.eth0.proxy_arp=1", "net.ipv6.conf.eth0.proxy_ndp=1")
    far.ip("addr", "add", far4 + "/32", "dev", "eth0")
    far.ip("-6", "addr", "add", far6 + "/128", "dev", "eth0", "nodad")
    mine4 = rig.plan["low"].server4
    low.ip("-6", "addr", "add", "fe80::1/64", "dev", "narrow", "nodad")
    far.ip("route", "add", mine4, "dev", "eth0")
    for family, addr, via, advmss in (("-4", far4, mine4, "1460"), ("-6", far6, "fe80::1", "1440")):
        far.ip(family, "route", "add", "default", "via", via, "dev", "eth0", "mtu", "1400", "advmss", advmss)
        low.ip(family, "route", "add", addr, "dev", "narrow")
    low.ip("-6", "neigh", "add", "proxy", far6, "dev", "eth0")
    p = Process(["/usr/bin/python3", "-B", "-c", ECHO], rig.path("echo"), far.name)
    rig.servers.append(p)
    wait_until("the echo", lambda: "ready" in open(rig.path("echo")).read(), 20)
    return {4: far4, 6: far6}


def test_path_mtu_messages_reach_our_sockets(rig):
    where = behind_a_narrow_link(rig)
    for family, far in where.items():
        assert inside(rig.host["high"], BULK, rig.address("high", family), far, timeout=60) == "echoed 200000", f"IPv{family}"
        route = rig.gate["low"].ip(f"-{family}", "route", "get", far)
        assert "mtu 1400" in route, f"IPv{family}: the gateway has learnt the path's MTU: {route}"
        if rig.layout == "bridge":
            assert f"via {rig.address('low', family)} " in route, f"and goes over the router: {route}"
            got = inside(rig.far, GET, far, rig.address("high", family), "5269", "10")
            assert "[gate]" in got and f"you={far} " in got, f"and so it does the other way: {got}"


def resets(ns):
    """Packets that were answered with a reset."""
    rules = json.loads(ns.run("nft", "-j", "list", "chain", "inet", "lockgate", "enforce"))
    return sum(next(e["counter"]["packets"] for e in x["rule"]["expr"] if "counter" in e) for x in rules["nftables"]
               if "rule" in x and any("reject" in e for e in x["rule"]["expr"]))


@pytest.mark.parametrize("family", [4, 6])
def test_after_a_state_loss_peers_are_told_by_a_reset(rig, family):
    """Power goes: nothing leaves the gateway any more, all its state is gone; then it is there again."""
    high = rig.host["high"]
    command = ["ip", "netns", "exec", high.name, "/usr/bin/python3", "-B", "-c", TALK, rig.address("high", family), rig.target("low", family)]
    talk = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    try:
        assert talk.stdout.readline().strip() == "stands"
        for ns in rig.gate.values():
            ns.run("nft", "add table inet dead; add chain inet dead o { type filter hook output priority -400; policy drop; }")
        os.kill(rig.gateway.pid, 9)
        rig.gateway.popen.wait(10)
        time.sleep(0.5)
        for ns in rig.gate.values():
            ns.run("ss", "-K", "state", "all", check=False)
            inside(ns, FORGET)
        rig.start()
        before = {s: resets(ns) for s, ns in rig.gate.items()}
        for ns in rig.gate.values():
            ns.run("nft", "delete", "table", "inet", "dead")
        talk.stdin.write("go\n")
        talk.stdin.flush()
        said = talk.stdout.readline().split()
        assert said[0] == "ConnectionResetError" and float(said[1]) < 2, said
        assert resets(rig.gate["high"]) > before["high"], "by the rule for it, not by a socket that was left over"
    finally:
        talk.kill()
        talk.wait(5)
    wait_until("service", lambda: rig.crosses("high", family), 30)


def test_a_reset_is_no_mirror(rig):
    """Neither a spoofed source nor a reset gets an answer, and no port but those for crossing."""
    other = rig.address("low", 4).rsplit(".", 1)[0] + ".99" if rig.layout == "bridge" else rig.address("low", 4)
    watched = {s: rig.watch(s) for s in ("high", "low")}
    inside(rig.host["high"], RAW, other, rig.target("low", 4), "5269", "10")               # ACK, from elsewhere
    inside(rig.host["high"], RAW, rig.address("high", 4), rig.target("low", 4), "5269", "04")   # RST
    inside(rig.host["high"], RAW, rig.address("high", 4), rig.target("low", 4), "7777", "10")   # ACK to another port
    seen = [x for s in watched for x in rig.seen(watched[s]) if "Flags [R" in x and ".33333" in x]     # the port of these
    assert seen == [], seen


def test_names_of_vlan_ports_and_jumbo_frames():
    """Cards with names as VLAN ports have them, at 9000 bytes: rules, routes and settings fit, and large segments are taken."""
    cards = {"high": "g-hi.105", "low": "g-lo.1-7"}
    r = Rig("routed", "vlan", {"admission.rate": 1000, "admission.burst": 1000, **{f"{s}.interface": c for s, c in cards.items()}})
    try:
        r.up()
        for side, card in cards.items():
            r.gate[side].ip("link", "set", CARDS[side], "name", card)
            r.gate[side].ip("link", "set", card, "mtu", "9000")
            r.host[side].ip("link", "set", "eth0", "mtu", "9000")
        r.inline("up")
        r.start()
        assert r.inline("check") == ""
        wide = r.watch("low")
        for family in (4, 6):
            assert inside(r.host["high"], BULK, r.address("high", family), r.address("low", family), timeout=40) == "echoed 200000", f"IPv{family}"
        assert any(int(x.rsplit("mss ", 1)[1].split(",")[0]) > 8800 for x in r.seen(wide) if "Flags [S]" in x and "mss " in x), "the onward leg asks for them too"
        assert r.shut("high", port=9999)
        r.stop()
        r.inline("down")
        assert "lockgate" not in r.gate["high"].run("nft", "list", "tables")
    finally:
        r.down()
