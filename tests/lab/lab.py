# SPDX-License-Identifier: GPL-3.0-or-later
# A whole lab: namespaces, certificates, DNS, two servers, clients, and the gateway between them.
# `with Lab(...) as lab:` leaves nothing behind, however the block ends; a killed run's leftovers go when the next lab of that name starts.

import os
import shutil
import signal
import subprocess
import time

from . import certs, gateway, schema
from .client import Client, Loop
from .dns import Dns
from .faults import faults
from .layout import LAYOUTS, OTHER, wire
from .net import LabError, Namespace
from .servers import KINDS

HERE = os.path.dirname(os.path.abspath(__file__))
ROOT = os.path.dirname(os.path.dirname(HERE))
BASE = os.environ.get("LOCKGATE_LAB_DIR", "/var/tmp/lockgate-lab")
USERS = {"high": ("alice", "anna"), "low": ("bob", "boris")}
DOMAINS = {"high": ["high.example"], "low": ["low.example", "rooms.low.example"]}


def build_folder():
    return os.path.join(ROOT, os.environ.get("BUILD", "build"))      # an absolute BUILD stands by itself


def built_with(symbol):
    """Whether this build's programs have a symbol: "__asan_init" (the address sanitizer, which maps terabytes, so that there is no limit of memory),
    "sandbox_weakened" (a build that watches itself)."""
    names = subprocess.run(["nm", os.path.join(build_folder(), "bin", "lockgate-edge")], capture_output=True, text=True, check=True).stdout
    return f" {symbol}\n" in names or f" {symbol}@" in names


class Lab:
    """One lab. `instance` keeps it apart from others: it is part of every name that the lab uses. LAB_TAG in the environment goes
    in front of it, so that two checkouts on one machine never meet either (four letters at most: names are short).

    layout    routed, bridge, proxy or direct
    high, low prosody or ejabberd; "bare": no server, the test brings its own endpoint (wire.py)
    dialback  servers prove themselves by dialback: nobody trusts the authority of the other's certificates
    family    "4", "6" or "both": which addresses DNS and the gateway's static map give
    tls       "starttls" or "direct": how the gateway opens streams (and whether DNS offers _xmpps-server)
    log       how much the servers write: "debug" or "info"
    mint      the gateway makes its certificates with a CA of each side, made as the README says, and servers trust that CA alone
    targets   False: the gateway has no static map and uses the destination that it intercepted"""

    def __init__(self, instance="", layout="routed", high="prosody", low="ejabberd", dialback=False, family="both",
                 tls="starttls", targets=True, mint=False, log="debug", say=lambda text: None):
        instance = "-".join(filter(None, (os.environ.get("LAB_TAG"), instance)))
        self.instance, self.layout, self.dialback, self.family = instance, layout, dialback, family
        self.tls, self.targets, self.mint, self.say = tls, targets, mint, say
        self.log_level = log
        self.kinds = {"high": high, "low": low}
        self.folder = os.path.join(BASE, instance or "standing")
        dash = f"{instance}-" if instance else ""
        self.ns = {s: Namespace(f"lab-{dash}{s}") for s in ("high", "low")}
        self.gates = {s: Namespace(f"lg-{dash}{s}") for s in ("high", "low")}
        self.gate_trust = {s: "stranger" if dialback else s for s in ("high", "low")}
        self.servers, self.dns, self.loops, self.clients = {}, {}, {}, []
        self.gateway = None
        self.journal_mistakes, self.faults = [], []     # what down() found
        self.claimed = False        # only the owner of an instance may remove it
        self.examine = True         # the journal, at the end; a bench writes more than can be read in passing

    def path(self, *parts):
        return os.path.join(self.folder, *parts)

    def domains(self, side):
        return DOMAINS[side]

    @property
    def plan(self):
        return LAYOUTS[self.layout]

    # ---- life -----------------------------------------------------------------------------------------------------

    def __enter__(self):
        try:
            return self.up()
        except BaseException:
            self.down()
            raise

    def __exit__(self, *exc):
        self.down()
        if any(exc):
            return
        if self.faults:
            raise LabError("a program of this lab's gateway failed: " + "\n".join(self.faults))
        if self.journal_mistakes:
            raise LabError("the journal of this lab: " + "\n".join(self.journal_mistakes))

    def up(self):
        """Builds everything but the gateway's programs: see start_gateway()."""
        if os.geteuid() != 0:
            raise LabError("the lab makes network namespaces and must run as root")
        self._claim()
        for sub in ("tls", "log", "state", "run"):
            os.makedirs(self.path(sub), exist_ok=True)
        os.chmod(self.folder, 0o755)
        self.say("namespaces and cables")
        for ns in list(self.ns.values()) + ([] if self.layout == "direct" else list(self.gates.values())):
            ns.up()
        wire(self.layout, self.ns, self.gates)
        self.say("certificates")
        self._certificates()
        self.say("DNS")
        for side, ns in self.ns.items():
            self.dns[side] = Dns(ns, self.folder, self.path("log", f"dns-{side}.log"))
        self.set_family(self.family)
        self.say(f"servers: {self.kinds['high']} for high.example, {self.kinds['low']} for low.example")
        self._servers()
        return self

    def down(self):
        """Removes all that up() made; nothing when the instance belongs to another process."""
        if self.claimed:
            self._gateway_down()
            self.journal_mistakes = self._look_at_journal() if self.examine else []
            self.faults = faults(self.path("log"))
            self.remove()
            self.claimed = False

    def _look_at_journal(self):
        """What every lab's journal must hold at its end: each line in the closed schema, and the whole verified."""
        journal, key = self.path("state", "journal"), self.path("state", "keys", "journal.pub")
        if not os.path.exists(key):
            return []
        found, _ = schema.mistakes(journal)
        done = subprocess.run([os.path.join(build_folder(), "bin", "lockgate"), "verify", journal, "--key", key],
                              capture_output=True, text=True, timeout=60)
        return found + ([f"lockgate verify: {done.stdout}{done.stderr}"] if done.returncode else [])

    def remove(self):
        """Removes everything with this instance's name, whoever made it."""
        old = [(s, signal.signal(s, signal.SIG_IGN)) for s in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)]
        try:
            for c in self.clients:
                c.close()
            for loop in self.loops.values():
                loop.stop()
            self._gateway_down()
            for server in list(self.servers.values()) + list(self.dns.values()):
                server.stop()
            for ns in list(self.ns.values()) + list(self.gates.values()):
                ns.down()
            self.clients, self.loops, self.servers, self.dns = [], {}, {}, {}
            shutil.rmtree(self.folder, ignore_errors=True)
            try:
                os.rmdir(BASE)
            except OSError:
                pass
        finally:
            for s, handler in old:
                signal.signal(s, handler)

    def _claim(self):
        """Takes the instance for this process, or says who has it; cleans what a dead owner left."""
        owner = self.path("owner")
        try:
            with open(owner) as f:
                what, pid = f.read().split()
            alive = os.path.exists(f"/proc/{pid}") and int(pid) != os.getpid()
        except (OSError, ValueError):
            what, alive = "", False
        if what == "standing":
            raise LabError("a lab is standing already: `make lab-down` removes it")
        if alive:
            raise LabError(f"lab '{self.instance}' is in use by process {pid}: end that first")
        self.claimed = True
        self.remove()
        os.makedirs(self.folder)
        self._own("process")

    def _own(self, what):
        with open(self.path("owner"), "w") as f:
            f.write(f"{what} {os.getpid()}\n")

    def leave_standing(self):
        """The lab outlives this process; `down()` of a Lab with the same instance removes it."""
        for c in self.clients:
            c.close()
        for loop in self.loops.values():
            loop.stop()
        self._own("standing")
        self.claimed = False

    def keep_logs(self, target):
        """Copies logs, configuration and journal before they are removed."""
        shutil.rmtree(target, ignore_errors=True)
        os.makedirs(target)
        shutil.copytree(self.path("log"), os.path.join(target, "log"), dirs_exist_ok=True)
        for path in (self.path("lockgate.conf"), *(s.log for s in self.servers.values())):
            if os.path.exists(path):
                shutil.copy(path, target)
        if os.path.isdir(self.path("state", "journal")):
            shutil.copytree(self.path("state", "journal"), os.path.join(target, "journal"), dirs_exist_ok=True)

    # ---- parts ----------------------------------------------------------------------------------------------------

    def _certificates(self):
        """high-ca vouches for high's server, and for what the gateway shows to high. A server trusts its own side's CA;
        in `direct` there is no gateway, so each server trusts the other side's CA; with dialback nobody trusts anybody's."""
        tls = self.path("tls")
        self.ca = {n: certs.Authority(tls, n).make() for n in ("high", "low", "stranger")}
        self.server_cert = {s: self.ca[s].issue(f"{s}.server", DOMAINS[s]) for s in ("high", "low")}
        if self.mint:
            self.minting = {s: certs.minting_authority(tls, s) for s in ("high", "low")}
        elif self.layout != "direct":
            for side in ("high", "low"):
                self.ca[side].issue(f"{OTHER[side]}.on-{side}", DOMAINS[OTHER[side]])

    def server_trust(self, side):
        if self.dialback:
            return self.ca["stranger"].cert
        if self.mint:
            return self.minting[side][0]
        return self.ca[OTHER[side] if self.layout == "direct" else side].cert

    def set_family(self, family):
        """Rewrites DNS of both sides, for tests that change the address family under running servers."""
        self.family = family
        for side, dns in self.dns.items():
            plan, other = self.plan, OTHER[side]
            far = plan[side].gates(family) if self.layout == "proxy" else plan[other].servers(family)
            zones = {d: (f"xmpp.{side}.example", plan[side].servers(family)) for d in DOMAINS[side]}
            zones.update({d: (f"xmpp.{other}.example", far) for d in DOMAINS[other]})
            dns.serve(zones, direct_tls=self.tls == "direct")

    def _servers(self):
        for side, kind in self.kinds.items():
            if kind == "bare":
                continue
            cert, key = self.server_cert[side]
            self.servers[side] = KINDS[kind](
                self.ns[side], self.path(f"server-{side}"), DOMAINS[side][0], cert, key, self.server_trust(side),
                rooms="rooms.low.example" if side == "low" else None, dialback=self.dialback, users=USERS[side],
                level=self.log_level)
            self.servers[side].start()
        for server in self.servers.values():
            server.wait_ready()

    def identity(self, side):
        """What a bare endpoint of that side shows and trusts: (chain, key, CA file)."""
        return (*self.server_cert[side], self.server_trust(side))

    def client(self, side, user, resource="lab"):
        """A connected client of that side."""
        if side not in self.loops:
            self.loops[side] = Loop(self.ns[side].name)
        c = Client(self.loops[side], self.plan[side].server4, f"{user}@{DOMAINS[side][0]}", resource)
        self.clients.append(c)
        return c.connect()

    # ---- the gateway ----------------------------------------------------------------------------------------------

    def rules(self, extra=os.path.join(HERE, "rules")):
        """The rules folder of this lab: what the project ships, and the lab's own files beside it."""
        shutil.rmtree(self.path("rules"), ignore_errors=True)
        shutil.copytree(os.path.join(ROOT, "rules"), self.path("rules"))
        if extra and os.path.isdir(extra):
            shutil.copytree(extra, self.path("rules"), dirs_exist_ok=True)

    def configure_gateway(self, **changes):
        """Writes configuration and rules; see gateway.settings() for the changes. Nothing is started."""
        self.rules()
        conf = gateway.write(self.path("lockgate.conf"), gateway.settings(self, **changes))
        if self.gateway is None:
            self.gateway = gateway.Gateway(self, os.path.join(build_folder(), "bin"), conf)
        return self.gateway

    def start_gateway(self, **changes):
        """Configures, installs the packet rules, starts the programs, waits until they are ready."""
        self.configure_gateway(**changes)
        self.gateway.inline("up")
        self.gateway.start()
        return self.gateway

    def _gateway_down(self):
        if self.gateway:
            self.gateway.stop()
            self.gateway.inline("down", check=False)
            self.gateway = None
            return
        try:        # a gateway that another process started, or that a killed run left behind
            with open(self.path("gateway.pid")) as f:
                pid = int(f.read())
            with open(f"/proc/{pid}/cmdline") as f:
                ours = self.path("lockgate.conf") in f.read().split("\0")
        except (OSError, ValueError):
            return
        if ours:
            os.kill(pid, signal.SIGTERM)
            end = time.monotonic() + 10
            while os.path.exists(f"/proc/{pid}") and time.monotonic() < end:
                time.sleep(0.1)
            if os.path.exists(f"/proc/{pid}"):
                os.kill(pid, signal.SIGKILL)
