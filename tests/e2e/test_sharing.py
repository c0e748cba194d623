# SPDX-License-Identifier: GPL-3.0-or-later
# Two gateways side by side, both at work. A router on each side spreads pairs of addresses over them (layer 3 alone), so that both legs
# of a pair, and all its streams, meet the same gateway. One goes: its pairs come back through the other.
#
#   hosts -- router --+-- gateway 1 --+-- router -- hosts        10.80.1.0/24 high, 10.80.2.0/24 low; fd80:1::/64, fd80:2::/64
#                     +-- gateway 2 --+                          10.81.N.0/24 and 10.82.N.0/24: to gateway N

import json
import os

import pytest

from inline_rig import GET, SERVE, Rig, inside
from lab.gateway import write
from lab.layout import CARDS, OTHER
from lab.net import Namespace, Process, address, cable, wait_until

pytestmark = pytest.mark.skipif(os.geteuid() != 0, reason="makes network namespaces: needs root")
NUMBER = {"high": 1, "low": 2}
HOSTS = 8       # addresses of each side


class Shared(Rig):
    """One of two gateways: its namespaces and programs; hosts and routers are the first one's."""

    def __init__(self, n, first=None):
        self.n, self.first = n, first or self
        edge = {f"{s}.{k}": v for s in NUMBER for k, v in {
            "addresses": [f"10.{80 + NUMBER[s]}.{n}.1/24", f"fd{80 + NUMBER[s]}:{n}::1/64"], "networks": [f"10.80.{NUMBER[s]}.0/24", f"fd80:{NUMBER[s]}::/64"],
            "routes": ({"to": f"10.80.{NUMBER[s]}.0/24", "via": f"10.{80 + NUMBER[s]}.{n}.254"}, {"to": f"fd80:{NUMBER[s]}::/64", "via": f"fd{80 + NUMBER[s]}:{n}::fe"})}.items()}
        super().__init__("routed", f"share{n}", {"admission.rate": 1000, "admission.burst": 1000, **edge})
        if first:
            self.host, self.router = first.host, first.router
        else:
            self.router = {s: Namespace(f"lab-{self.instance}-r{s}") for s in NUMBER}

    def up(self):
        for d in ("bin", "run"):
            os.makedirs(self.path(d))
        for ns in [*self.gate.values(), *([] if self.first is not self else [*self.host.values(), *self.router.values()])]:
            ns.up()
        self.wire()
        self.copy_programs()
        self.conf = write(self.path("lockgate.conf"), self.settings())
        self.inline("up")
        self.start()

    def wire(self):
        for side, r in self.router.items():
            if self.first is self:
                cable(self.host[side], "eth0", r, "hosts")
                address(self.host[side], "eth0", *[f"10.80.{NUMBER[side]}.{10 + i}/24" for i in range(HOSTS)], *[f"fd80:{NUMBER[side]}::{10 + i}/64" for i in range(HOSTS)])
                address(r, "hosts", f"10.80.{NUMBER[side]}.1/24", f"fd80:{NUMBER[side]}::1/64")
                self.host[side].ip("route", "add", "default", "via", f"10.80.{NUMBER[side]}.1")
                self.host[side].ip("-6", "route", "add", "default", "via", f"fd80:{NUMBER[side]}::1")
                for path, value in {"net/ipv4/ip_forward": 1, "net/ipv6/conf/all/forwarding": 1, "net/ipv4/conf/all/rp_filter": 0, "net/ipv4/conf/hosts/rp_filter": 0,
                                    # Layer 3 alone. IPv6's own layer 3 takes in the flow label, which each direction chooses: the two addresses are named instead
                                    "net/ipv4/fib_multipath_hash_policy": 0, "net/ipv6/fib_multipath_hash_policy": 3, "net/ipv6/fib_multipath_hash_fields": 3}.items():
                    r.run("sysctl", "-qw", f"{path.replace('/', '.')}={value}")
                # Two routers must come to the same answer: one seed (Linux 6.11; older ones have one of their own for each boot)
                r.run("sysctl", "-qw", "net.ipv4.fib_multipath_hash_seed=5269", check=False)
                self.servers.append(Process(["/usr/bin/python3", "-B", "-c", SERVE, "5269"], self.path(f"{side}.log"), self.host[side].name))
            cable(r, f"gate{self.n}", self.gate[side], CARDS[side])
            address(r, f"gate{self.n}", f"10.{80 + NUMBER[side]}.{self.n}.254/24", f"fd{80 + NUMBER[side]}:{self.n}::fe/64")
            r.run("sysctl", "-qw", f"net.ipv4.conf.gate{self.n}.rp_filter=0")

    def cut(self, down):
        """The router sees the line to this gateway go, or come."""
        for r in self.router.values():
            r.ip("link", "set", f"gate{self.n}", "down" if down else "up")

    def down(self):
        super().down()
        if self.first is self:
            for r in self.router.values():
                r.down()


def spread(rigs):
    """Each router's routes to the other side: over those that are there."""
    for side, r in rigs[0].router.items():
        far, leg = NUMBER[OTHER[side]], 80 + NUMBER[side]
        there = [g.n for g in rigs if json.loads(r.ip("-j", "link", "show", f"gate{g.n}"))[0]["flags"].count("UP")]
        for family, net, via in (("-4", f"10.80.{far}.0/24", f"10.{leg}.%d.1"), ("-6", f"fd80:{far}::/64", f"fd{leg}:%d::1")):
            hops = [w for n in there for w in ("nexthop", "via", via % n, "dev", f"gate{n}")]
            r.ip(family, "route", "replace", net, *hops)


@pytest.fixture(scope="module")
def gateways():
    one = Shared(1)
    two = Shared(2, one)
    try:
        one.down()
        one.up()
        two.up()
        spread([one, two])
        yield [one, two]
    finally:
        if two.gateway:
            two.gateway.stop()
        one.down()
        two.down()


def through(rigs, side, a, b, family):
    """Connects from host a of this side to host b of the other; which gateway admitted it."""
    net = (lambda s, i: f"10.80.{NUMBER[s]}.{10 + i}") if family == 4 else (lambda s, i: f"fd80:{NUMBER[s]}::{10 + i}")
    source, to = net(side, a), net(OTHER[side], b)
    count = lambda g: sum(x.get("count", 1) for x in g.lines(side=side, src_ip=source, dest_ip=to, reason="admitted"))
    before = [count(g) for g in rigs]
    got = inside(rigs[0].host[side], GET, source, to, "5269", "10")
    if "[gate]" not in got or f"you={source}" not in got:
        return None
    return wait_until("a record", lambda: [g.n for g, n in zip(rigs, before) if count(g) > n], 10)[0]


@pytest.mark.parametrize("family", [4, 6])
def test_pairs_are_spread_and_stay_together(gateways, family):
    """Both legs of a stream meet the same gateway, or it would not stand; the other direction's streams of a pair, and later ones, go the same way."""
    way = {}
    for a in range(HOSTS):
        for b in range(2):
            way[a, b] = through(gateways, "high", a, b, family)
    assert None not in way.values(), way
    assert len(set(way.values())) == 2, f"both gateways have a share: {way}"
    for (a, b), n in way.items():
        if b == 0:
            assert through(gateways, "low", b, a, family) == n, "the other direction"
            assert through(gateways, "high", a, b, family) == n, "and the next stream"


STAND = """
import socket, sys, time
src, dst = sys.argv[1], sys.argv[2]
s = socket.socket(); s.settimeout(1); s.bind((src, 0)); s.connect((dst, 5269))
print('stands', flush=True); n = 0
while True:
    try:
        s.sendall(b'hello'); d = s.recv(200)
        if not d: raise OSError('end')
        n += 1; print('heard', n, flush=True)
    except OSError as e: print('broke', e, flush=True); break
    time.sleep(0.2)
"""


def test_one_goes_and_its_streams_come_back_over_the_other(gateways):
    one, two = gateways
    way = {a: through(gateways, "high", a, 0, 4) for a in range(HOSTS)}
    stays, goes = next(a for a in way if way[a] == 1), next(a for a in way if way[a] == 2)
    standing = {a: Process(["/usr/bin/python3", "-B", "-c", STAND, f"10.80.1.{10 + a}", "10.80.2.10"], one.path(f"stand.{a}"), one.host["high"].name) for a in (stays, goes)}
    said = lambda a: open(one.path(f"stand.{a}")).read()
    try:
        wait_until("both talk", lambda: all("heard 3" in said(a) for a in standing), 30)
        two.cut(True)
        spread(gateways)
        wait_until("the stream over the one that went breaks", lambda: "broke" in said(goes), 20)
        assert wait_until("it comes back", lambda: through([one], "high", goes, 0, 4), 20) == 1, "over the other"
        heard = said(stays).count("heard")
        wait_until("the one that stayed talks on", lambda: said(stays).count("heard") > heard + 2, 20)
        assert "broke" not in said(stays), "streams of the gateway that stayed are not touched"
        assert {through([one], "high", a, 0, 4) for a in range(HOSTS)} == {1} and {through([one], "low", 0, a, 4) for a in range(HOSTS)} == {1}
        assert through([one], "high", goes, 0, 6) == 1
        two.cut(False)
        for side, r in one.router.items():
            r.ip("-6", "addr", "replace", f"fd{80 + NUMBER[side]}:2::fe/64", "dev", "gate2", "nodad")     # IPv6 addresses went with the line
        spread(gateways)
        wait_until("and shares again", lambda: through(gateways, "high", goes, 0, 4) == 2, 30)
    finally:
        for p in standing.values():
            p.stop(9)
