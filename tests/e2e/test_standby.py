# SPDX-License-Identifier: GPL-3.0-or-later
# Two gateways, one active, moved by keepalived with the example of conf/standby: the active one dies, or its guard is stuck, and the
# streams come back through the other within five seconds. Whatever crossed has its record in the journal of one of them.

import json
import os
import re
import signal
import time

import pytest

from lab import gateway
from lab.ends import Ends, Load
from lab.gateway import Gateway, Journal
from lab.lab import ROOT, Lab, build_folder
from lab.layout import CARDS, OTHER
from lab.net import Namespace, Process, address, cable, wait_until

pytestmark = pytest.mark.long
STANDBY = os.path.join(ROOT, "conf", "standby")
SHARED = {"high": "02:00:5e:00:01:33", "low": "02:00:5e:00:01:34"}      # bridge: both gateways' cards
VIP = {"high": ["10.77.1.1/24", "fd77:1::1/64"], "low": ["10.77.2.1/24", "fd77:2::1/64"]}


class Node:
    """One gateway with its keepalived."""

    def __init__(self, pair, name, n):
        lab = pair.lab
        self.name, self.n, self.pair = name, n, pair
        self.gates = {s: Namespace(f"lg-{lab.instance}-{name}-{s}") for s in OTHER}
        self.link = Namespace(f"lab-{lab.instance}-{name}-link")
        self.folder = lab.path(name)
        self.keepalived = self.gateway = None

    def up(self):
        os.makedirs(self.folder)
        for ns in (*self.gates.values(), self.link):
            ns.up()

    def start(self):
        lab = self.pair.lab
        own = {s: [a.replace(".1/24", f".{self.n + 100}/24").replace("::1/64", f"::{self.n + 100}/64") for a in VIP[s]] for s in VIP}
        if lab.layout == "bridge":
            own = {s: [] for s in VIP}
        changes = {"gateway.name": f"{self.name}.example", "gateway.state": self.path("state"), "gateway.run": self.path("run"),
                   "gateway.uid_first": 59800 + 20 * self.n}
        for s in OTHER:
            changes |= {f"{s}.namespace": self.gates[s].name, f"{s}.addresses": own[s]}
        settings = gateway.settings(lab, **changes)
        for s in OTHER:     # servers are reached over IPv6 first, and come over IPv4: a stream back needs both
            for d in settings[s]["domains"]:
                d["targets"] = tuple({**t, "priority": 0 if ":" in t["address"] else 1} for t in d["targets"])
        conf = gateway.write(self.path("lockgate.conf"), settings)
        self.gateway = Gateway(lab, os.path.join(build_folder(), "bin"), conf)
        self.gateway.log, self.gateway.out = self.path("gateway.log"), self.path("gateway.out")
        self.gateway.inline("up")
        self.gateway.start()
        self.journal = Journal(self.path("state"))

    def path(self, *parts):
        return os.path.join(self.folder, *parts)

    def watch(self, priority):
        """The shipped example, with this lab's names in it."""
        with open(os.path.join(STANDBY, "standby.conf")) as f:
            text = f.read()
        for old, new in (("/usr/bin/lockgate", self.gateway.command), ("/etc/lockgate/lockgate.conf", self.gateway.conf),
                         ("HIGH_NS=lg-high", f"HIGH_NS={self.gates['high'].name}"), ("LOW_NS=lg-low", f"LOW_NS={self.gates['low'].name}")):
            assert old in text
            text = text.replace(old, new)
        if self.pair.lab.layout == "bridge":
            text = re.sub("_ADDRESSES=.*", '_ADDRESSES=""', text) + "".join(f'{s.upper()}_MAC="{mac}"\n' for s, mac in SHARED.items())
        with open(self.path("standby.conf"), "w") as f:
            f.write(text)
        with open(os.path.join(STANDBY, "keepalived.conf")) as f:
            text = f.read()
        me, other = (1, 2) if self.n == 1 else (2, 1)
        for verb in ("check", "rules", "active", "standby"):
            text = text.replace(f'"/usr/share/lockgate/standby/lockgate-standby {verb}"',
                                f'"{os.path.join(STANDBY, "lockgate-standby")} {verb} {self.path("standby.conf")}"')
        for old, new in (("    enable_script_security\n", ""), ("unicast_src_ip 192.0.2.1", f"unicast_src_ip 192.0.2.{me}"),
                         ("unicast_peer { 192.0.2.2 }", f"unicast_peer {{ 192.0.2.{other} }}"), ("priority 150", f"priority {priority}")):
            assert old in text
            text = text.replace(old, new)
        with open(self.path("keepalived.conf"), "w") as f:
            f.write(text)
        self.keepalived = Process(["keepalived", "-n", "-l", "-D", "-P", "-f", self.path("keepalived.conf"), "-p", self.path("k.pid"),
                                   "-r", self.path("v.pid")], self.path("keepalived.log"), self.link.name)

    def active(self):
        if self.pair.lab.layout == "bridge":
            return all("UP" in card["flags"] and card["address"] == SHARED[s] for s, card in self.cards().items())
        return all("10.77." in ns.ip("-4", "addr", "show", CARDS[s]) and VIP[s][0] in ns.ip("-4", "addr", "show", CARDS[s]) for s, ns in self.gates.items())

    def stands_by(self):
        return not self.active() and (self.pair.lab.layout != "bridge" or not any("UP" in card["flags"] for card in self.cards().values()))

    def cards(self):
        return {s: json.loads(ns.ip("-j", "link", "show", CARDS[s]))[0] for s, ns in self.gates.items()}

    def macs(self):
        """{side: the address of its card}."""
        return {s: card["address"] for s, card in self.cards().items()}

    def power_off(self):
        """Nothing leaves this machine any more, at once."""
        for s, ns in self.gates.items():
            ns.ip("link", "set", CARDS[s], "down")
        self.link.ip("link", "set", "eth0", "down")
        for p in (self.keepalived, self.gateway.process):
            os.killpg(p.pid, signal.SIGKILL)
            p.popen.wait(10)

    def down(self):
        if self.keepalived:
            self.keepalived.stop()
        if self.gateway:
            self.gateway.stop()
        for ns in (*self.gates.values(), self.link):
            ns.down()


class Pair:
    def __init__(self, layout):
        self.lab = Lab("standby", layout=layout, high="bare", low="bare")
        self.switch = {}

    def __enter__(self):
        self.nodes = []
        try:
            return self.up()
        except BaseException:
            self.__exit__(True)
            raise

    def up(self):
        lab = self.lab.up()
        lab.rules()
        self.nodes = [Node(self, "a", 1), Node(self, "b", 2)]
        self.switch = {s: Namespace(f"lab-{lab.instance}-sw-{s}") for s in OTHER}
        for ns in self.switch.values():
            ns.up()
        for n in self.nodes:
            n.up()
        cable(self.nodes[0].link, "eth0", self.nodes[1].link, "eth0")
        for i, n in enumerate(self.nodes):
            address(n.link, "eth0", f"192.0.2.{i + 1}/24")
        for side, sw in self.switch.items():
            self.wire(side, sw)
        for n in self.nodes:
            n.start()
        self.nodes[0].watch(150)
        wait_until("a to be active", self.nodes[0].active, 20)
        self.nodes[1].watch(100)
        wait_until("b to stand by", self.nodes[1].stands_by, 20)
        return self

    def wire(self, side, sw):
        """A switch between the server and both gateways, in place of the lab's cable."""
        lab, server = self.lab, self.lab.ns[side]
        lab.gates[side].ip("link", "del", CARDS[side])
        sw.ip("link", "add", "br0", "type", "bridge")
        sw.ip("link", "set", "br0", "up")
        cable(server, "eth0", sw, "server")
        for n in self.nodes:
            cable(n.gates[side], CARDS[side], sw, f"gate-{n.name}")
        for port in ("server", *(f"gate-{n.name}" for n in self.nodes)):
            sw.ip("link", "set", port, "master", "br0", "up")
        plan = lab.plan[side]
        address(server, "eth0", plan.server4 + "/24", plan.server6 + "/64")
        if lab.layout != "bridge":
            server.ip("route", "add", "default", "via", plan.gate4)
            server.ip("-6", "route", "add", "default", "via", plan.gate6)

    def __exit__(self, *exc):
        for n in self.nodes:
            if exc[0]:
                for log in ("keepalived.log", "gateway.log"):
                    if os.path.exists(n.path(log)):
                        print(n.name, log, open(n.path(log), errors="replace").read()[-3000:])
            n.down()
        for ns in self.switch.values():
            ns.down()
        self.lab.down()


DIE = {
    "power off": lambda n: n.power_off(),
    "its guard is stuck": lambda n: stop(programs(n)["guard"]),
}


def stop(pids):
    """They do nothing more when this returns."""
    for p in pids:
        os.kill(p, signal.SIGSTOP)
    wait_until("they stand", lambda: all(open(f"/proc/{p}/stat").read().rpartition(")")[2].split()[0] == "T" for p in pids), 10)


def programs(node):
    """By user id, as Gateway.programs, but of this node's first one."""
    shift = gateway.UID_FIRST
    gateway.UID_FIRST = shift + 20 * node.n
    try:
        return node.gateway.programs()
    finally:
        gateway.UID_FIRST = shift


def told(lab, side):
    """{address: link-layer address} of what the gateways share, as this side's server has it in its neighbour cache: the router's addresses, and
    in bridge mode those of the other side's server."""
    far = lab.plan[OTHER[side]]
    shared = [far.server4, far.server6] if lab.layout == "bridge" else [a.split("/")[0] for a in VIP[side]]
    return {n["dst"]: n.get("lladdr") for n in json.loads(lab.ns[side].ip("-j", "neigh", "show")) if n["dst"] in shared}


@pytest.mark.parametrize("how", DIE)
@pytest.mark.parametrize("layout", ["routed", "bridge"])
def test_streams_come_back_through_the_other(layout, how):
    with Pair(layout) as pair:
        a, b = pair.nodes
        ends = Ends(pair.lab)
        load = {s: Load(ends, s, f"ha-{s}", 50).start() for s in OTHER}
        try:
            wait_until("traffic both ways", lambda: all(len(load[s].arrived(ends.sink[OTHER[s]])) > 50 for s in OTHER), 30)
            time.sleep(1)
            assert a.active() and not b.active()
            known = {s: told(pair.lab, s) for s in OTHER}
            assert all(len(known[s]) == 2 and set(known[s].values()) == {a.macs()[s]} for s in OTHER), f"both servers have learnt both addresses: {known}"
            began = time.monotonic()
            DIE[how](a)
            last = {s: max(load[s].sent) + 1 for s in OTHER}    # what is sent behind this one, the active gateway cannot judge any more
            back = {}

            def returned(side):
                sink = ends.sink[OTHER[side]]
                with sink.new:
                    later = [at for at, e in sink.stanzas if (e.get("id") or "").startswith(f"ha-{side}-") and int(e.get("id").rsplit("-", 1)[1]) > last[side]]
                if later:
                    back.setdefault(side, min(later) - began)
                return bool(later)
            wait_until("both directions to be back", lambda: all([returned(s) for s in OTHER]) and b.active(), 30)
            time.sleep(1)
        finally:
            for l in load.values():
                l.stop()
        print(f"{layout}, {how}: streams back after {back['high']:.1f} s (high to low), {back['low']:.1f} s (low to high)")
        assert max(back.values()) < 5, back     # a program that hangs must first be found out: by two probes, a second apart
        for s in OTHER:
            assert set(told(pair.lab, s).values()) == {b.macs()[s]}, f"the server of {s} was told, for IPv4 and IPv6"
        released = {e.get("stanza_id") for n in pair.nodes for e in n.journal.new() if e["event_type"] == "verdict" and e["verdict"] == "release"}
        for side in OTHER:
            came = [i for i in ends.sink[OTHER[side]].ids() if i and i.startswith(f"ha-{side}-")]
            assert len(came) == len(set(came)) and set(came) <= released, "nothing crosses unjudged, or twice"
        ends.close()
