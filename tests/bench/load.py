# SPDX-License-Identifier: GPL-3.0-or-later
# Runs of s2sload in a lab: one from side to side, with what each of the gateway's programs spent on it.
import json
import os
import subprocess

from lab.ends import HOME
from lab.lab import build_folder
from lab.layout import OTHER
from lab.net import LabError, Process, wait_until

TOOL = os.path.join(build_folder(), "bench", "s2sload")


def spent(lab):
    """{program: nanoseconds of processor time} of a gateway."""
    found = {}
    for name, pids in (lab.gateway.programs() if lab.gateway else {}).items():
        found[name] = 0
        for pid in pids:
            with open(f"/proc/{pid}/schedstat") as f:
                found[name] += int(f.read().split()[0])
    return found


def _identity(lab, side):
    chain, key, ca = lab.identity(side)
    return ["--cert", chain, "--key", key, "--ca", ca]


def _last(path):
    with open(path) as f:
        text = f.read()
    lines = [l for l in text.splitlines() if l.startswith("{")]
    if not lines:
        raise LabError(f"s2sload gave no result: {text[-500:]}")
    return json.loads(lines[-1])


class Ends:
    """A sink on the far side and what a source needs to reach it. to: (address, port), where the source connects; a proxy between
    may stand there. direct_tls: on both legs."""

    def __init__(self, lab, side="high", to=None, direct_tls=False, core=None):
        self.lab, self.side, self.far = lab, side, OTHER[side]
        self.to = to or (lab.plan[side].gate4 if lab.layout == "proxy" else lab.plan[self.far].server4, 5269)
        self.direct = ["--direct-tls"] if direct_tls else []
        self.pin = ["taskset", "-c", str(core)] if core is not None else []

    def _log(self, side):
        path = self.lab.path("log", f"s2sload-{side}.log")
        open(path, "w").close()
        return path

    def sink(self, count, seconds, size, streams=1):
        lab, far = self.lab, self.far
        self.sink_log = self._log(far)
        sink = Process([*self.pin, TOOL, "sink", "--listen", lab.plan[far].server4, "--port", "5269", "--domain", HOME[far], *_identity(lab, far),
                        "--count", count, "--seconds", seconds, "--size", size, "--streams", streams, *self.direct],
                       self.sink_log, namespace=lab.ns[far].name)
        wait_until("the sink to listen", lambda: ":5269 " in lab.ns[far].run("ss", "-Hltn"), 5, step=0.01)
        return sink

    def source(self, role, *more):
        lab, side = self.lab, self.side
        self.source_log = self._log(side)
        return Process([*self.pin, TOOL, role, "--connect", self.to[0], "--port", self.to[1], "--from", HOME[side], "--to", HOME[self.far],
                        *_identity(lab, side), "--bind", lab.plan[side].server4 if self.to[0] != "127.0.0.1" else "127.0.0.1",
                        *self.direct, *more], self.source_log, namespace=lab.ns[side].name)

    def run(self, count, streams=1, size=300, rate=0, seconds=60):
        """What the sink saw, with "cpu": microseconds of each program for one stanza."""
        before = spent(self.lab)
        sink = self.sink(count, seconds, size, streams)
        source = self.source("source", "--count", count, "--streams", streams, "--size", size, *(["--rate", rate] if rate else []))
        try:
            sink.popen.wait(seconds + 20)
            source.popen.wait(10)
        except subprocess.TimeoutExpired as error:
            raise LabError(f"the load did not end in {seconds + 20} s:\n{source.tail()}\n{sink.tail()}") from error
        finally:
            source.stop()
            sink.stop()
        result = _last(self.sink_log)
        result["cpu"] = {k: (v - before.get(k, 0)) / count / 1e3 for k, v in spent(self.lab).items()}
        result["whole"] = result["received"] == result["expected"] and not result["disorder"] and not result["damaged"]
        return result

    def opens(self, seconds, threads=4, resume=False):
        """Streams opened and closed a second, with "cpu": microseconds of each program for one of them."""
        before = spent(self.lab)
        sink = self.sink(1, seconds + 30, 300)
        source = self.source("opens", "--seconds", seconds, "--streams", threads, *(["--resume"] if resume else []))
        try:
            source.popen.wait(seconds + 20)
        except subprocess.TimeoutExpired as error:
            raise LabError(f"opening streams did not end: {source.tail()}") from error
        finally:
            source.stop()
            sink.stop()
        result = _last(self.source_log)
        result["cpu"] = {k: (v - before.get(k, 0)) / max(result["opened"], 1) / 1e3 for k, v in spent(self.lab).items()}
        return result
