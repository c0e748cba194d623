# SPDX-License-Identifier: GPL-3.0-or-later
# The gateway in the lab: its configuration for each layout, start, stop, and its journal.

import filecmp
import glob
import json
import os
import shutil
import signal

from .layout import CARDS, LAYOUTS, OTHER
from .net import LabError, Process, sh, wait_until


UID_FIRST = 59800
PROGRAMS = ["edge-high", "edge-low", "guard", "scanner", "journal", "admission-high", "admission-low", "keeper", "reader", "decoy",
            "courier", "decoy-low", "token", "responder-high", "responder-low"]


class Word(str):
    """A value written without quotes."""


def libconfig(value, depth=0):
    """A Python value in libconfig's notation: dict is a group, list an array, tuple a list."""
    pad = "  " * (depth + 1)
    if isinstance(value, dict):
        body = "".join(f"{pad}{k} = {libconfig(v, depth + 1)};\n" for k, v in value.items())
        return "{\n" + body + "  " * depth + "}"
    if isinstance(value, tuple):
        return "( " + ", ".join(libconfig(v, depth + 1) for v in value) + " )"
    if isinstance(value, list):
        return "[ " + ", ".join(libconfig(v, depth + 1) for v in value) + " ]"
    if isinstance(value, bool):
        return "true" if value else "false"
    return str(value) if isinstance(value, (int, Word)) else '"' + str(value) + '"'


def settings(lab, **changes):
    """The configuration of a lab as a nested dict, in the form of conf/lockgate.conf.

    `changes` are dotted paths: settings(lab, **{"limits.idle": "5s"}); None takes a key away."""
    conf = {
        "gateway": {"name": "gate.example", "mode": lab.layout, "state": lab.path("state"), "run": lab.path("run"),
                    "rules": lab.path("rules"), "uid_first": UID_FIRST},
    }
    for side in ("high", "low"):
        conf[side] = _side(lab, side)
    conf["pairs"] = tuple({"high": h, "low": l} for h in lab.domains("high") for l in lab.domains("low"))
    conf["limits"] = {"connect": "5s", "deliver": "20s", "handshake": "10s"}
    # Clients of the lab's tests reconnect far faster than people do.
    conf["admission"] = {"rate": 1000, "burst": 4000}
    for path, value in changes.items():
        *groups, key = path.split(".")
        here = conf
        for g in groups:
            here = here.setdefault(g, {})
        here[key] = value
        if value is None:
            del here[key]
    return conf


def _side(lab, side):
    plan, other = LAYOUTS[lab.layout][side], OTHER[side]
    gates = [] if lab.layout == "bridge" else [plan.gate4 + "/24", plan.gate6 + "/64"]
    targets = tuple({"address": a, "port": 5270 if lab.tls == "direct" else 5269, "tls": lab.tls}
                    for a in plan.servers(lab.family)) if lab.targets else ()
    return {
        "interface": CARDS[side], "namespace": lab.gates[side].name,
        "addresses": gates, "networks": [plan.net4, plan.net6] if lab.layout != "bridge"
        else [plan.server4 + "/32", plan.server6 + "/128"],
        "routes": (), "ports": [5269, 5270], "dns": [], "dns_source": "",
        # no looks at idle servers: what a witness sees on the wire is then what a test has sent
        "domains": tuple({"name": d, "targets": targets, "dialback": lab.dialback, "health": "0s"} for d in lab.domains(side)),
        "trust": lab.path("tls", f"{lab.gate_trust[side]}-ca.pem"),
        **({"mint": dict(zip(("ca", "key"), lab.minting[side]))} if lab.mint else
           {"certificates": tuple({"domain": d, "chain": lab.path("tls", f"{other}.on-{side}.pem"),
                                   "key": lab.path("tls", f"{other}.on-{side}.key")} for d in lab.domains(other))}),
    }


def write(path, conf):
    with open(path, "w") as f:
        f.write("# written by the lab\n" + "".join(f"{k} = {libconfig(v)};\n" for k, v in conf.items()))
    return path


class Journal:
    """Reads the journal's lines as they are written, all segments in order."""

    def __init__(self, state):
        self.folder = os.path.join(state, "journal")
        self._at = {}       # path: bytes read

    def new(self):
        """The complete lines since the last call, as dicts."""
        lines = []
        for path in sorted(glob.glob(os.path.join(self.folder, "*.jsonl"))):
            with open(path, "rb") as f:
                f.seek(self._at.get(path, 0))
                data = f.read()
            whole = data.rfind(b"\n") + 1
            self._at[path] = self._at.get(path, 0) + whole
            lines += [json.loads(line) for line in data[:whole].splitlines()]
        return lines


PATTERNS = "scanner.patterns"


class Gateway:
    """The gateway of a lab, run from BIN with the configuration CONF."""

    def __init__(self, lab, bin_folder, conf):
        self.lab, self.conf = lab, conf
        self.bin = bin_folder
        self.command = os.path.join(bin_folder, "lockgate")
        self.log = lab.path("log", "gateway.log")
        self.out = lab.path("log", "gateway.out")
        self.process = None

    def lockgate(self, *args, check=True, timeout=30):
        return sh(self.command, *args, check=check, timeout=timeout)

    def inline(self, verb, check=True):
        return self.lockgate("inline", verb, "-c", self.conf, check=check)

    def start(self, timeout=60):
        if not os.path.exists(self.lab.path("state", PATTERNS)):
            self._patterns(self._kept_patterns(), self.lab.path("state", PATTERNS))
        open(self.out, "w").close()
        with open(self.out, "ab") as out:
            self.process = Process([self.command, "run", "-c", self.conf], self.log, stdout=out)
        with open(self.lab.path("gateway.pid"), "w") as f:
            f.write(str(self.process.pid))

        def ready():
            if not self.process.alive():
                raise LabError(f"the gateway ended while starting (exit {self.process.popen.returncode}):\n{self.process.tail()}")
            with open(self.out) as f:
                return "ready" in f.read().split()
        try:
            wait_until("the gateway's line 'ready'", ready, timeout)
        except LabError as error:
            raise LabError(f"{error}; the end of its log:\n{self.process.tail(30)}") from None
        self._patterns(self.lab.path("state", PATTERNS), self._kept_patterns())

    def _kept_patterns(self):
        return os.path.join(self.bin, "..", "lab-patterns", PATTERNS)

    @staticmethod
    def _patterns(have, want):
        """The scanner's compiled patterns are kept from lab to lab: it takes them only where they fit its rules."""
        if os.path.exists(have) and not (os.path.exists(want) and filecmp.cmp(have, want, shallow=False)):
            os.makedirs(os.path.dirname(want), exist_ok=True)
            beside = f"{want}.{os.getpid()}"
            shutil.copyfile(have, beside)
            os.chmod(beside, 0o600)
            os.rename(beside, want)

    def stop(self, timeout=10):
        """Ends it in order; returns its exit status."""
        status = self.process.stop(timeout=timeout) if self.process else None
        self.process = None
        return status

    def programs(self):
        """{program: [process ids]} of the running gateway, named by user id (include/gwconf.h, enum gw_uid)."""
        found = {}
        todo = [self.process.pid] if self.process and self.process.alive() else []
        while todo:
            pid = todo.pop()
            try:
                with open(f"/proc/{pid}/task/{pid}/children") as f:
                    todo += [int(c) for c in f.read().split()]
                with open(f"/proc/{pid}/stat") as f:
                    if f.read().rpartition(")")[2].split()[0] == "Z":
                        continue
                role = os.stat(f"/proc/{pid}").st_uid - UID_FIRST
            except OSError:
                continue
            if 0 <= role < len(PROGRAMS):
                found.setdefault(PROGRAMS[role], []).append(pid)
        return found

    def kill(self, program, sig=signal.SIGKILL):
        """A signal, kill -9 as it stands, to each process of one program, by id. Returns the ids."""
        pids = self.programs().get(program, [])
        for pid in pids:
            os.kill(pid, sig)
        return pids
