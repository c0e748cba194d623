# SPDX-License-Identifier: GPL-3.0-or-later
# The rig that the tests of packet rules, admission and decoy share: two hosts, the gateway's two namespaces, parent, admission and
# decoy from the build, stand-ins (inline_stub.py) for the rest, and small pieces of code that run in a namespace.

import contextlib
import dataclasses
import json
import os
import shutil
import signal
import time

from lab.faults import faults
from lab.gateway import write
from lab.lab import BASE, build_folder
from lab.layout import CARDS, LAYOUTS, OTHER, wire
from lab.net import LabError, Namespace, Process, address, cable, sh, wait_until

HERE = os.path.dirname(os.path.realpath(__file__))
SIDES = ["high", "low"]


# ---- peers: small pieces of code that run in a namespace --------------------------------------------------------------

def inside(ns, code, *args, timeout=20):
    """Runs Python in a namespace; its output."""
    return ns.run("/usr/bin/python3", "-B", "-c", code, *args, check=False, timeout=timeout).strip()


GET = """
import socket, sys
src, dst, port = sys.argv[1], sys.argv[2], int(sys.argv[3])
s = socket.socket(socket.AF_INET6 if ':' in dst else socket.AF_INET)
s.settimeout(float(sys.argv[4]))
try:
    s.bind((src, 0)); s.connect((dst, port)); s.sendall(b'hello')
    got = b''
    while b'hello' not in got:
        d = s.recv(200)
        if not d: break
        got += d
    print(s.getpeername()[0], got.decode())
except OSError as e:
    print('no', e)
"""

SERVE = """
import socket, sys, threading
def one(c, peer):
    try:
        while True:
            d = c.recv(65536)
            if not d: break
            c.sendall(b'you=%s %s' % (peer[0].encode(), d))
    except OSError: pass
    c.close()
def serve(family, port):
    s = socket.socket(family); s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    if family == socket.AF_INET6: s.setsockopt(41, socket.IPV6_V6ONLY, 1)
    s.bind(('', port)); s.listen(100)
    while True:
        c, peer = s.accept(); threading.Thread(target=one, args=(c, peer), daemon=True).start()
t = [threading.Thread(target=serve, args=(f, int(p))) for p in sys.argv[1:] for f in (socket.AF_INET, socket.AF_INET6)]
[x.start() for x in t]; [x.join() for x in t]
"""

RAW = """
import socket, struct, sys
src, dst, port, flags = sys.argv[1], sys.argv[2], int(sys.argv[3]), int(sys.argv[4], 16)
v6 = ':' in dst
f = socket.AF_INET6 if v6 else socket.AF_INET
a, b = socket.inet_pton(f, src), socket.inet_pton(f, dst)
def ck(x):
    x += b'\\0' * (len(x) % 2); s = sum(struct.unpack('!%dH' % (len(x) // 2), x)); s = (s >> 16) + (s & 65535); s += s >> 16; return ~s & 65535
t = struct.pack('!HHIIBBHHH', 33333, port, 1, 0, 5 << 4, flags, 1024, 0, 0)
pseudo = a + b + (struct.pack('!IHBB', len(t), 0, 0, 6) if v6 else struct.pack('!BBH', 0, 6, len(t)))
t = t[:16] + struct.pack('!H', ck(pseudo + t)) + t[18:]
if v6:
    h = struct.pack('!IHBB', 6 << 28, len(t), 6, 64) + a + b
    s = socket.socket(socket.AF_INET6, socket.SOCK_RAW, socket.IPPROTO_RAW); s.sendto(h + t, (dst, 0))
else:
    h = struct.pack('!BBHHHBBH4s4s', 69, 0, 20 + len(t), 7, 0, 64, 6, 0, a, b)
    s = socket.socket(socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_RAW); s.sendto(h + t, (dst, 0))
"""

FRAME = """
import socket, sys
s = socket.socket(socket.AF_PACKET, socket.SOCK_RAW); s.bind((sys.argv[1], 0))
s.send(bytes.fromhex(sys.argv[2].replace(':', '')) + s.getsockname()[4] + bytes.fromhex(sys.argv[3]) + b'LEAKLEAK' * 8)
"""

PING = """
import socket, struct, sys
dst = sys.argv[1]
v6 = ':' in dst
s = socket.socket(socket.AF_INET6 if v6 else socket.AF_INET, socket.SOCK_RAW, 58 if v6 else 1)
s.settimeout(1)
body = struct.pack('!BBHHH', 128 if v6 else 8, 0, 0, 7, 1)
if not v6:      # the kernel sums ICMPv6 itself
    total = sum(struct.unpack('!4H', body)); total = (total >> 16) + (total & 65535)
    body = body[:2] + struct.pack('!H', ~total & 65535) + body[4:]
s.sendto(body, (dst, 0))
try:
    while True:
        d, who = s.recvfrom(500)
        if who[0] == dst and d[0 if v6 else 20] == (129 if v6 else 0): print('answered'); break
except OSError: print('silent')
"""

UDP = """
import socket, sys
s = socket.socket(socket.AF_INET6 if ':' in sys.argv[1] else socket.AF_INET, socket.SOCK_DGRAM); s.sendto(b'LEAK', (sys.argv[1], 5269))
"""


class Rig:
    """Two hosts, the gateway's two namespaces, parent and admission from the build, stand-ins for the rest."""

    def __init__(self, layout, instance="inline", changes=None):
        self.instance = instance = "-".join(filter(None, (os.environ.get("LAB_TAG"), instance)))
        self.layout, self.plan, self.changes = layout, LAYOUTS[layout], changes or {}
        self.folder = os.path.join(BASE, instance)
        self.host = {s: Namespace(f"lab-{instance}-{s}") for s in OTHER}
        self.gate = {s: Namespace(f"lg-{instance}-{s}") for s in OTHER}
        self.gateway, self.servers, self.captures = None, [], []
        self.command = os.path.join(build_folder(), "bin", "lockgate")

    def path(self, *parts):
        return os.path.join(self.folder, *parts)

    def up(self):
        self.down()
        os.makedirs(self.path("bin"))
        os.makedirs(self.path("run"))
        for ns in [*self.host.values(), *self.gate.values()]:
            ns.up()
        self.wire()
        self.copy_programs()
        self.conf = write(self.path("lockgate.conf"), self.settings())
        for side, ns in self.host.items():
            self.servers.append(Process(["/usr/bin/python3", "-B", "-c", SERVE, "5269", "5270", "9999"], self.path(f"{side}.log"), ns.name))
        return self

    @contextlib.contextmanager
    def standing(self, prepare=None):
        """Up, with its rules in force and its gateway running; `prepare(rig)` comes before the rules. All of it goes at the end."""
        try:
            self.up()
            if prepare:
                prepare(self)
            self.inline("up")
            self.start()
            yield self
            self.stop()
            found = faults(self.folder)
        finally:
            self.down()
        if found:
            raise LabError("a program of this rig failed: " + "\n".join(found))

    def copy_programs(self):
        for program in os.listdir(os.path.join(build_folder(), "bin")):
            real = program in ("lockgate-parent", "lockgate-admission", "lockgate-decoy", "lockgate-responder")
            if program.startswith("lockgate-"):
                shutil.copy(os.path.join(build_folder(), "bin", program) if real else os.path.join(HERE, "inline_stub.py"), self.path("bin", program))
                os.chmod(self.path("bin", program), 0o755)

    def wire(self):
        wire(self.layout, self.host, self.gate)

    def settings(self):
        conf = {"gateway": {"name": "gate.example", "mode": self.layout, "state": self.path("state"), "run": self.path("run"),
                            "rules": self.path("rules"), "uid_first": 59840}}
        for side in ("high", "low"):
            me = self.plan[side]
            bridge = self.layout == "bridge"
            conf[side] = {
                "interface": CARDS[side], "namespace": self.gate[side].name,
                "addresses": [] if bridge else [me.gate4 + "/24", me.gate6 + "/64"],
                "networks": [me.server4 + "/32", me.server6 + "/128"] if bridge else [me.net4, me.net6],
                "routes": (), "ports": [5269, 5270], "dns": [], "dns_source": "",
                "domains": ({"name": f"{side}.example", "dialback": False,
                             "targets": ({"address": me.server4, "port": 5269, "tls": "starttls"},) if self.layout == "proxy" else ()},),
                "trust": self.pem("ca"), "certificates": ({"domain": f"{OTHER[side]}.example", "chain": self.pem("ca"), "key": self.pem("key")},),
            }
        conf["pairs"] = ({"high": "high.example", "low": "low.example"},)
        conf["limits"] = {}
        conf["admission"] = {"rate": 20, "burst": 40}
        for path, value in self.changes.items():
            *groups, key = path.split(".")
            here = conf
            for g in groups:
                here = here.setdefault(g, {})
            here[key] = value
        os.makedirs(self.path("rules"), exist_ok=True)
        return conf

    def pem(self, name):
        """A file to be there; parent and admission do not read it."""
        path = self.path(f"{name}.pem")
        if not os.path.exists(path):
            sh("openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "2", "-subj", "/CN=x",
               "-keyout", self.path("key.pem"), "-out", self.path("ca.pem"))
        return path

    def inline(self, verb, check=True):
        return sh(self.command, "inline", verb, "-c", self.conf, check=check, timeout=120)    # a hundred commands, on a busy machine

    def start(self, env=None, before=()):
        out = open(self.path("out"), "wb")
        self.gateway = Process([*before, self.path("bin", "lockgate-parent"), self.conf], self.path("gateway.log"), stdout=out, env=env)
        out.close()

        def ready():
            if not self.gateway.alive():
                raise LabError("the parent ended:\n" + self.gateway.tail(30))
            return "ready" in open(self.path("out")).read()
        wait_until("ready", ready, 30)
        return self

    def stop(self):
        status = self.gateway.stop(timeout=30) if self.gateway else None
        self.gateway = None
        return status

    def down(self):
        for p in [*self.captures, *self.servers]:
            p.stop(signal.SIGKILL)
        self.captures, self.servers = [], []
        if self.gateway:
            self.gateway.stop()
            self.gateway = None
        for ns in [*self.host.values(), *self.gate.values()]:
            ns.down()
        shutil.rmtree(self.folder, ignore_errors=True)

    # ---- looking ----

    def address(self, side, family):
        return self.plan[side].server4 if family == 4 else self.plan[side].server6

    def target(self, side, family):
        """Where a host of the other side knocks to reach this side's server."""
        if self.layout != "proxy":
            return self.address(side, family)
        gate = self.plan[OTHER[side]]
        return gate.gate4 if family == 4 else gate.gate6

    def get(self, side, family, port=5269, timeout=10, source=None):
        """What a host of `side` gets from the other side's server."""
        return inside(self.host[side], GET, source or self.address(side, family), self.target(OTHER[side], family), str(port), str(timeout))

    def crosses(self, side, family=4, port=5269, timeout=10):
        """It gets through: at once as a rule, on a busy machine later."""
        return "[gate]" in self.get(side, family, port, timeout)

    def shut(self, side, family=4, port=5269):
        """It does not: a second of trying must do."""
        return "[gate]" not in self.get(side, family, port, 1)

    def lines(self, **want):
        """Lines of the journal that have these values."""
        try:
            with open(self.path("run", "lines")) as f:
                found = [json.loads(x) for x in f]
        except OSError:
            return []
        return [x for x in found if all(x.get(k) == v for k, v in want.items())]

    def watch(self, side):
        """Captures what comes to a host from the gateway; call seen() after it."""
        log = self.path(f"capture.{side}.{len(self.captures)}")
        p = Process(["tcpdump", "-l", "-nn", "-i", "eth0", "-Q", "in"], log, self.host[side].name)
        wait_until("tcpdump", lambda: "listening on" in open(log).read(), 30)
        self.captures.append(p)
        return log, p

    def seen(self, watched):
        log, p = watched
        time.sleep(0.3)
        p.stop(signal.SIGINT)
        return [x for x in open(log).read().splitlines() if " > " in x or "ARP" in x]

    def children(self):
        """Process ids of the programs that run."""
        return open(f"/proc/{self.gateway.pid}/task/{self.gateway.pid}/children").read().split()

    def program(self, *words):
        """The process id of a running child, by its command line."""
        for pid in open(f"/proc/{self.gateway.pid}/task/{self.gateway.pid}/children").read().split():
            try:
                line = open(f"/proc/{pid}/cmdline", "rb").read().split(b"\0")
            except OSError:
                continue
            if all(any(w.encode() in x for x in line) for w in words):
                return int(pid)
        return 0


# ---- two cards on one side --------------------------------------------------------------------------------------------

@dataclasses.dataclass(frozen=True)
class Behind:
    """The second host of side low, and the card that it is behind."""
    server4: str
    server6: str
    gate: tuple
    networks: list


SECOND = {"routed": Behind("10.77.3.2", "fd77:3::2", ("10.77.3.1/24", "fd77:3::1/64"), ["10.77.3.0/24", "fd77:3::/64"]),
          "bridge": Behind("10.77.5.21", "fd77:5::21", (), ["10.77.5.21/32", "fd77:5::21/128"])}
SECOND_CARD = "g-lo2"


def wire_second(layout, ns, gate, mac="02:77:00:00:00:21"):
    """Makes the second host and its cable to a card of the gateway's low side."""
    me = SECOND[layout]
    cable(ns, "eth0", gate, SECOND_CARD, a_mac=mac)
    address(ns, "eth0", me.server4 + "/24", me.server6 + "/64")
    if me.gate:
        ns.ip("route", "add", "default", "via", me.gate[0].split("/")[0])
        ns.ip("-6", "route", "add", "default", "via", me.gate[1].split("/")[0])


def two_cards(low, layout):
    """Side low's group with its cards as a list, the second behind the first."""
    own = {k: low.pop(k) for k in ("addresses", "networks")}
    first = {"name": low.pop("interface"), **own}
    second = {"name": SECOND_CARD, "addresses": list(SECOND[layout].gate), "networks": SECOND[layout].networks}
    low.pop("routes", None)
    low["interfaces"] = (first, second)
    return low


class CardsRig(Rig):
    """The same, with a second host of side low ("low2") behind a card of its own."""

    def __init__(self, layout, instance="cards", changes=None):
        super().__init__(layout, instance, changes)
        self.host["low2"] = Namespace(f"lab-{self.instance}-low2")

    def wire(self):
        wire(self.layout, {s: self.host[s] for s in SIDES}, self.gate)
        wire_second(self.layout, self.host["low2"], self.gate["low"])

    def settings(self):
        conf = super().settings()
        two_cards(conf["low"], self.layout)
        return conf

    def address(self, side, family):
        if side != "low2":
            return super().address(side, family)
        me = SECOND[self.layout]
        return me.server4 if family == 4 else me.server6

    def between(self, from_, to, family, port=5269, timeout=10, source=None):
        """What one host gets from another."""
        return inside(self.host[from_], GET, source or self.address(from_, family), self.address(to, family), str(port), str(timeout))
