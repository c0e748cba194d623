# SPDX-License-Identifier: GPL-3.0-or-later
# Ports as switches have them: VLAN tags (IEEE 802.1Q) on both cards, jumbo frames on one leg and ordinary ones on the other, segments
# gathered and cut by the cards (GRO, GSO, TSO). Only the named VLAN is heard.

import json
import os
import time

import pytest

from inline_rig import FRAME, SIDES, Rig, inside
from lab.layout import CARDS, LAYOUTS, MACS, OTHER
from lab.net import Namespace, Process, address, cable, wait_until

pytestmark = pytest.mark.skipif(os.geteuid() != 0, reason="makes network namespaces: needs root")
VLAN, MTU = {"high": 100, "low": 4094}, {"high": 9000, "low": 1500}


def has_vlans():
    """Some kernels are built without CONFIG_VLAN_8021Q: neither a host nor the gateway can have such a port there."""
    ns = Namespace("-".join(filter(None, ("lab", os.environ.get("LAB_TAG"), "vlan", "try"))))
    ns.up()
    try:
        ns.run("ip", "link", "set", "lo", "up")
        ns.run("ip", "link", "add", "a0", "type", "veth", "peer", "name", "b0")
        return "Unknown" not in ns.run("sh", "-c", "ip link add link a0 name a0.5 type vlan id 5 2>&1 || true")
    finally:
        ns.down()

BULK = """
import socket, sys, threading
src, dst, total = sys.argv[1], sys.argv[2], int(sys.argv[3])
s = socket.socket(socket.AF_INET6 if ':' in dst else socket.AF_INET); s.settimeout(30)
s.bind((src, 0)); s.connect((dst, 5269)); got = 0
def send(): s.sendall(b'x' * total)
t = threading.Thread(target=send); t.start()
while got < total:
    d = s.recv(1 << 20)
    if not d: break
    got += d.count(b'x')
print(got)
"""

# What a card gathers and cuts, by ethtool's request (linux/ethtool.h): SGRO 0x2c, SGSO 0x24, STSO 0x1f.
OFFLOAD = """
import array, fcntl, socket, struct, sys
s = socket.socket()
for command in (0x2c, 0x24, 0x1f):
    v = array.array('B', struct.pack('II', command, 1))
    try: fcntl.ioctl(s, 0x8946, struct.pack('16sP', sys.argv[1].encode(), v.buffer_info()[0]) + bytes(16)); print(hex(command), end=' ')
    except OSError as e: print('no', e, end=' ')
"""


class VlanRig(Rig):
    tags = True

    def wire(self):
        plan = LAYOUTS[self.layout]
        for side, ns in self.host.items():
            cable(ns, "wire0" if self.tags else "eth0", self.gate[side], CARDS[side], a_mac=MACS[side])
            wire = "wire0" if self.tags else "eth0"
            ns.ip("link", "set", wire, "mtu", str(MTU[side]))
            self.gate[side].ip("link", "set", CARDS[side], "mtu", str(MTU[side]))
            ns.ip("link", "set", wire, "up")
            if self.tags:
                ns.ip("link", "add", "link", "wire0", "name", "eth0", "type", "vlan", "id", str(VLAN[side]))
            address(ns, "eth0", plan[side].server4 + "/24", plan[side].server6 + "/64")
            assert "no" not in inside(ns, OFFLOAD, wire) + inside(self.gate[side], OFFLOAD, CARDS[side])
        for side, ns in self.host.items():
            if self.layout != "bridge":
                ns.ip("route", "add", "default", "via", plan[side].gate4)
                ns.ip("-6", "route", "add", "default", "via", plan[side].gate6)


@pytest.fixture(scope="module", params=["routed", "bridge", "routed, tags", "bridge, tags"])
def rig(request):
    layout, _, tags = request.param.partition(", ")
    if tags and not has_vlans():
        pytest.skip("this kernel has no VLANs (CONFIG_VLAN_8021Q)")
    r = VlanRig(layout, "vlan", {**({"high.vlan": VLAN["high"], "low.vlan": VLAN["low"]} if tags else {}), "admission.rate": 1000, "admission.burst": 1000})
    r.tags = bool(tags)
    with r.standing(lambda r: r.inline("up")):      # `up` comes twice
        yield r


def tagged(rig, side):
    """A capture of whole frames on the host's wire."""
    log = rig.path(f"wire.{side}.{len(rig.captures)}")
    p = Process(["tcpdump", "-l", "-nn", "-e", "-i", "wire0" if rig.tags else "eth0"], log, rig.host[side].name)
    wait_until("tcpdump", lambda: "listening on" in open(log).read(), 30)
    rig.captures.append(p)
    return log, p


def frames(watched):
    log, p = watched
    time.sleep(0.5)
    p.stop(2)
    return [x for x in open(log).read().splitlines() if "ethertype" in x or "802.1Q" in x]


@pytest.mark.parametrize("family", [4, 6])
def test_streams_cross_in_their_vlans(rig, family):
    watched = {s: tagged(rig, s) for s in SIDES}
    for side in SIDES:
        got = rig.get(side, family)
        assert "[gate]" in got and f"you={rig.address(side, family)}" in got, "and each sees the other's real address"
    for side in SIDES:
        seen = [x for x in frames(watched[side]) if ".5269" in x]
        assert seen and all((f"vlan {VLAN[side]}," in x) == rig.tags for x in seen)
        mss = {int(x.split("mss ")[1].split(",")[0]) for x in seen if "mss " in x}
        assert MTU[side] - (40 if family == 4 else 60) in mss, f"each leg has its own segment size: {mss}"
    rig.inline("check")


@pytest.mark.parametrize("family", [4, 6])
@pytest.mark.parametrize("side", SIDES)
def test_bulk_between_jumbo_and_ordinary_frames(rig, side, family):
    total = 4 << 20
    assert inside(rig.host[side], BULK, rig.address(side, family), rig.target(OTHER[side], family), str(total), timeout=60) == str(total)


def test_no_other_frame_is_heard(rig):
    """No tag, another VLAN, a tag in the tag: dropped at the card, recorded, nothing crosses."""
    if not rig.tags:
        pytest.skip("the table of flows has it for ports without a tag")
    card = {s: json.loads(rig.gate[s].ip("-j", "link", "show", CARDS[s]))[0]["address"] for s in SIDES}
    for side in SIDES:
        watched = rig.watch(OTHER[side])
        denied = lambda: len([x for x in rig.lines(side=side, reason="port-forbidden") if x.get("proto", "").startswith("ethertype")])
        other = VLAN[OTHER[side]]
        for tag in ("0800", f"8100{other:04x}0800", f"8100{VLAN[side]:04x}8100{other:04x}0800", f"8100{VLAN[side]:04x}88b5", "88cc"):
            before = denied()
            frame = FRAME.replace("sys.argv[1]", "'wire0'")
            inside(rig.host[side], frame, "", card[side], tag)
            if tag != "0800" and not tag.endswith("8100"):
                wait_until(f"a record of {tag}", lambda: denied() > before or [x for x in rig.lines(side=side) if x.get("count", 0) > 1 and x.get("proto", "").startswith("ethertype")], 10)
        assert [x for x in rig.seen(watched) if "ARP" not in x and "ICMP6" not in x] == []
    assert rig.crosses("low", 4)


def test_down_leaves_nothing(rig):
    """Last: the gateway ends, and the cards are as they were."""
    rig.stop()
    rig.inline("down")
    for side in SIDES:
        links = [x["ifname"] for x in json.loads(rig.gate[side].ip("-j", "link", "show"))]
        assert sorted(links) == sorted(["lo", CARDS[side]])
        left = rig.gate[side].run("nft", "list", "ruleset")
        assert "lockgate" not in left and "NFQUEUE" not in left and "queue" not in left
