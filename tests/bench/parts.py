# SPDX-License-Identifier: GPL-3.0-or-later
# The parts of `make bench`. Each prints its table and leaves what the goals need in Figures.
import json
import os
import re
import shutil
import statistics
import subprocess
import time

import latency
from lab.lab import Lab, ROOT, build_folder
from lab.net import LabError, wait_until
from load import Ends
from rivals import Rival, server_rate

BENCH = os.path.join(build_folder(), "bench")
TEXT = 300      # bytes of a message's text, where nothing else is said
MANY = {"limits.streams": 5000, "limits.streams_per_address": 5000, "limits.streams_per_domain": 5000, "admission.open": 5000}


class Figures(dict):
    def __init__(self, quick):
        super().__init__()
        self.quick = quick

    def times(self, n):
        return max(1, n // 3) if self.quick else n


def spread(values, form="{:.0f}"):
    low, mid, high = min(values), statistics.median(values), max(values)
    return form.format(mid) + " (" + form.format(low) + " - " + form.format(high) + ")"


def _bare(name, layout="routed", **settings):
    lab = Lab(name, layout=layout, high="bare", low="bare", family="4")
    lab.examine = False
    return _Started(lab, layout, settings)


class _Started:
    """A lab with bare ends, and the gateway where the layout has one. programs: another folder of programs."""

    def __init__(self, lab, layout, settings):
        self.lab, self.layout, self.settings = lab, layout, settings

    def __enter__(self):
        programs = self.settings.pop("programs", None)
        self.lab.__enter__()
        try:
            if self.layout != "direct":
                _start(self.lab, programs, self.settings)
        except BaseException:
            self.lab.down()
            raise
        return self.lab

    def __exit__(self, *exc):
        self.lab.down()


def _start(lab, programs, settings):
    gateway = lab.configure_gateway(**settings)
    if programs:
        gateway.bin, gateway.command = programs, os.path.join(programs, "lockgate")
    gateway.inline("up")
    gateway.start()


def _program(*args):
    done = subprocess.run([str(a) for a in args], capture_output=True, text=True, timeout=120, cwd=ROOT)
    if done.returncode:
        print(done.stdout, end="")
        raise LabError(f"{os.path.basename(args[0])}: exit status {done.returncode}: {done.stderr.strip()[-300:]}")
    return done.stdout


# ---- the floor, and the gateway's own stages -------------------------------------------------------------------------

def floor(f):
    """the floor: bare parts, one core, microseconds for one stanza"""
    runs = [json.loads(_program(os.path.join(BENCH, "floor"), "rules", "/var/tmp")) for _ in range(f.times(3))]
    print(f"a message of {runs[0]['bytes']} bytes")
    for key, text in (("tls", "AES-256-GCM, open and seal"), ("expat", "expat"), ("yara", "libyara, shipped rules"), ("dlp", "detectors, shipped rules"),
                      ("commit_share", "its share of a group commit of 512"), ("sum", "together")):
        print(f"{text:38} {spread([r[key] for r in runs], '{:.2f}'):>24}")
    print(f"{'one commit alone (write, fdatasync), p50':38} {spread([r['commit_us'] for r in runs]):>24}")
    f["floor"] = statistics.median(r["sum"] for r in runs)
    f["floor_parts"] = {k: statistics.median(r[k] for r in runs) for k in ("tls", "expat", "yara", "dlp", "commit_share")}
    f["commit_ms"] = statistics.median(r["commit_us"] for r in runs) / 1e3
    f["handshake_leg"] = statistics.median(r["handshake_leg"] for r in runs)
    f["idle_legs"] = statistics.median(r["idle_legs"] for r in runs)


def stages(f):
    """one stanza on its way, without processes, network and disk"""
    print(_program(os.path.join(BENCH, "path"), "rules"), end="")


def tables(f):
    """each part by itself, and growth over rules and lists"""
    for part in ("content", "policy", "guard", "journal", "ipc"):
        print(_program(os.path.join(BENCH, part)), end="", flush=True)


def search(f):
    """verifying a journal and searching in it, beside reading the same bytes (`make bench-search`: in ten million records)"""
    print(_program(os.path.join(os.path.dirname(os.path.realpath(__file__)), "search")), end="", flush=True)


def instructions(f):
    """instructions for one stanza (callgrind; held by `make test`)"""
    text = _program(os.path.join(ROOT, "tests", "cost"))
    print(text, end="")
    found = re.findall(r"- (\w+): a stanza costs (\d+) instructions", text)
    f["instructions"] = {name: int(n) for name, n in found}


# ---- delay -----------------------------------------------------------------------------------------------------------

def _labs(ways, low, log="info", programs=None):
    labs = {}
    try:
        for name, layout in ways.items():
            labs[name] = Lab(f"b-{name[:4]}", layout=layout, low=low, family="4", log=log)
            labs[name].__enter__()
            if layout != "direct":
                _start(labs[name], programs, {})
        return labs
    except BaseException:
        _down(labs)
        raise


def _down(labs):
    for lab in labs.values():
        lab.down()


def standing(f):
    """delay of one message on a standing stream, Prosody to ejabberd; and what two servers carry between them"""
    labs = _labs({"direct": "direct", "gateway": "routed"}, "ejabberd")
    try:
        results = {}
        latency.report("milliseconds from client to client, batch about", latency.standing(labs, f.times(900)), results)
        f["standing"] = next(iter(results.values()))
    finally:
        _down(labs)


def first(f):
    """delay of the first message on a new stream, Prosody to Prosody; and what two of them carry"""
    labs = _labs({"direct": "direct", "gateway": "routed"}, "prosody")
    try:
        results = {}
        latency.report("both servers started afresh before each", latency.first(labs, f.times(9)), results)
        f["first"] = next(iter(results.values()))
        rates = []
        for name, lab in labs.items():
            a, b = latency.Quick(lab, "high", "alice"), latency.Quick(lab, "low", "bob")
            latency.one(a, b, 1)
            runs = [server_rate(a, b) for _ in range(f.times(3))]
            print(f"Prosody to Prosody, {name:8} messages a second {spread(runs):>28}")
            rates.append((name, statistics.median(runs)))
            a.close()
            b.close()
        f["prosody"] = dict(rates)["direct"]
    finally:
        _down(labs)


def without_sync(f):
    """the same way with a journal that does not sync (bench only): what is left is the rest"""
    programs = os.path.join(build_folder(), "nosync", "bin")
    shutil.rmtree(programs, ignore_errors=True)
    shutil.copytree(os.path.join(build_folder(), "bin"), programs)
    shutil.copy(os.path.join(build_folder(), "nosync", "lockgate-journal"), programs)
    rows = {}
    for name, settings in (("with sync", {}), ("without", {"programs": programs})):
        with _bare("b-sync", **settings) as lab:
            rows[name] = Ends(lab).run(f.times(2000), rate=300)
    with _bare("b-dire", "direct") as lab:
        rows["direct"] = Ends(lab).run(f.times(2000), rate=300)
    f["alone"] = {k: v for k, v in rows["with sync"]["cpu"].items()}
    for name, r in rows.items():
        print(f"{name:12} p50 {r['p50_ms']:7.3f}   p99 {r['p99_ms']:7.3f} ms, 300 a second on one stream, raw s2s peers")
    f["rest_ms"] = rows["without"]["p50_ms"] - rows["direct"]["p50_ms"]
    f["synced_ms"] = rows["with sync"]["p50_ms"] - rows["direct"]["p50_ms"]


# ---- throughput ------------------------------------------------------------------------------------------------------

def _harm(r):
    return "" if r["whole"] else f"   {r['expected'] - r['received']} missing, {r['disorder']} out of order, {r['damaged']} damaged"


def _row(name, runs, cpu):
    print(f"{name:12} {spread([r['per_second'] for r in runs]):>30} a second   {spread(cpu, '{:.1f}'):>22} us of processor time each"
          + "".join(map(_harm, runs)))


def throughput(f):
    """stanzas a second on one stream: two generators wired together, TLS splits that inspect nothing, the gateway; in turns"""
    runs, cpu = {}, {}
    with _bare("b-dire", "direct") as direct, _bare("b-gate") as gateway:
        for _ in range(f.times(3)):
            runs.setdefault("direct", []).append(Ends(direct).run(200000))
            cpu.setdefault("direct", []).append(0)
            for name in ("haproxy", "sslsplit"):
                with Rival(direct, name) as rival:
                    before = rival.cpu_ns()
                    runs.setdefault(name, []).append(Ends(direct, to=rival.to, direct_tls=True).run(200000))
                    cpu.setdefault(name, []).append((rival.cpu_ns() - before) / 200000 / 1e3)
            r = Ends(gateway).run(100000)
            runs.setdefault("gateway", []).append(r)
            cpu.setdefault("gateway", []).append(sum(r["cpu"].values()))
    for name in runs:
        _row(name, runs[name], cpu[name])
    r = runs["gateway"][-1]["cpu"]
    print("the gateway's, by program: " + ", ".join(f"{k} {v:.1f}" for k, v in sorted(r.items()) if v > 0.05))
    f["whole"] = all(r["whole"] for v in runs.values() for r in v)
    f["rate"] = statistics.median(r["per_second"] for r in runs["gateway"])
    f["haproxy"] = statistics.median(r["per_second"] for r in runs["haproxy"])
    f["cpu"] = statistics.median(cpu["gateway"])
    f["cpu_by"] = {k: statistics.median(r["cpu"].get(k, 0) for r in runs["gateway"]) for k in runs["gateway"][-1]["cpu"]}


def half_load(f):
    """delay at half of that rate, each message due at its own time"""
    rate = int((f.get("rate") or 20000) / 2)
    for name, layout in (("direct", "direct"), ("gateway", "routed")):
        with _bare(f"b-{name[:4]}", layout) as lab:
            r = Ends(lab).run(rate * f.times(6), rate=rate)
            print(f"{name:12} {rate} a second: p50 {r['p50_ms']:.3f}   p95 {r['p95_ms']:.3f}   p99 {r['p99_ms']:.3f}   max {r['max_ms']:.1f} ms")
            f[f"half_{name}"] = r


# ---- growth ----------------------------------------------------------------------------------------------------------

def streams(f):
    """growth over streams, beside the same generators wired together"""
    with _bare("b-dire", "direct") as direct, _bare("b-gate", **MANY) as lab:
        for n in (1, 10, 100, 1000):
            alone, r = Ends(direct).run(200000, n), Ends(lab).run(50000, n)
            print(f"{n:5} streams {r['per_second']:10.0f} a second   direct {alone['per_second']:10.0f}" + _harm(r), flush=True)
            f[f"streams_{n}"] = r["per_second"]
            f[f"direct_streams_{n}"] = alone["per_second"]
            f["whole"] = f.get("whole", True) and r["whole"]


def sizes(f):
    """growth over the size of a stanza's text"""
    with _bare("b-gate", **{"limits.stanza": "1MiB", "limits.window_bytes": "16MiB"}) as lab:
        for size in (100, 300, 1000, 4000, 16000, 65536, 261000):
            count = min(40000, max(100, 40_000_000 // (size + 1000)) // f.times(3))
            r = Ends(lab).run(count, 1, size)
            print(f"{size:7} bytes {r['per_second']:10.0f} a second {r['per_second'] * size / 1e6:8.1f} MB/s"
                  + _harm(r), flush=True)
            f["whole"] = f.get("whole", True) and r["whole"]


GROWN = "1,000,000"
NEVER = "grown%d@high.example"      # nobody of that name writes


def _grow(folder, n):
    """Adds to a rules folder n address rules and n YARA rules, or for GROWN a rule with a list of a million addresses."""
    if n == GROWN:
        os.makedirs(os.path.join(folder, "lists"), exist_ok=True)
        with open(os.path.join(folder, "lists", "grown.list"), "w") as out:
            out.writelines(NEVER % i + "\n" for i in range(1000000))
        rows = ['{ id = 500000; name = "grown"; when = { from_list = "grown"; }; action = "reject"; }']
    else:
        rows = [f'{{ id = {500000 + i}; name = "grown"; when = {{ from = "{NEVER % i}"; }}; action = "reject"; }}' for i in range(n)]
        with open(os.path.join(folder, "yara", "grown.yar"), "w") as out:
            out.writelines(f'rule grown_{i} {{ strings: $a = "never{i:05d}written" condition: $a }}\n' for i in range(n))
    with open(os.path.join(folder, "grown.rules"), "w") as out:
        out.write("rules = (\n" + ",\n".join(rows) + " );\n")
    path = os.path.join(folder, "main.rules")
    with open(path) as main:
        text, found = re.subn(r"^files = \[", 'files = [ "grown.rules",', main.read(), flags=re.M)
    if found != 1:
        raise LabError("main.rules does not name its files as it did")
    with open(path, "w") as main:
        main.write(text)


def rules(f):
    """growth over rules: so many address rules and so many YARA rules beside those shipped; then a list of a million addresses"""
    with _bare("b-rule") as lab:
        for n in (0, 10, 100, 1000, 10000, GROWN):
            if n:
                lab.gateway.stop()
                lab.rules()
                _grow(lab.path("rules"), n)
                began = time.monotonic()
                lab.gateway.start(timeout=60)
            r = Ends(lab).run(30000)
            what = "a list of 1,000,000" if n == GROWN else f"{n:,} rules of each more" if n else "as shipped"
            print(f"{what:24} {r['per_second']:10.0f} a second   scanner {r['cpu']['scanner']:6.1f} us, guard {r['cpu']['guard']:5.1f} us"
                  + (f"   loaded in {time.monotonic() - began - r['seconds']:.1f} s" if n else "") + _harm(r), flush=True)
            f[f"rules_{n}"] = r["per_second"]
            f["whole"] = f.get("whole", True) and r["whole"]


def memory(f):
    """memory over streams: what the edges and the guard hold as their own, so many streams open on one side"""
    with _bare("b-mem", **MANY, **{"limits.signatures": 10000}) as lab:
        ends = Ends(lab)
        sink = ends.sink(1111, 90, 300)
        before, count, held = _own(lab), 0, []
        try:
            for more in (1, 10, 100, 1000):
                held.append(ends.source("source", "--count", more, "--streams", more, "--open", min(more, 8), "--hold", 90))
                log = ends.source_log
                wait_until("the streams", lambda: os.path.getsize(log) > 0 or not held[-1].alive(), 60, step=0.1)
                count += more
                now = _own(lab)
                grown = {k: (now[k] - before[k]) / count / 1024 for k in ("edge-high", "edge-low", "guard")}
                print(f"{count:5} streams   edges {(now['edge-high'] + now['edge-low']) / 2**20:6.1f} MiB, guard {now['guard'] / 2**20:5.1f} MiB; for each since the start "
                      + ", ".join(f"{k} {v:.1f}" for k, v in grown.items()) + " KiB", flush=True)
            f["stream_edge_kib"] = grown["edge-high"]
        finally:
            for p in held:
                p.stop()
            sink.stop()


def _own(lab):
    """{program: bytes that are its own alone}"""
    found = {}
    for name, pids in lab.gateway.programs().items():
        for pid in pids:
            with open(f"/proc/{pid}/smaps_rollup") as rollup:
                found[name] = found.get(name, 0) + sum(int(l.split()[1]) * 1024 for l in rollup if l.startswith("Private_"))
    return found


def cores(f):
    """growth over cores: the gateway's programs on one, then on all"""
    with _bare("b-gate") as lab:
        for n in (1, os.cpu_count()):
            for pids in lab.gateway.programs().values():
                for pid in pids:
                    os.sched_setaffinity(pid, range(n))
            runs = [Ends(lab).run(50000)["per_second"] for _ in range(f.times(3))]
            print(f"{n:3} cores {spread(runs):>30} a second", flush=True)
            f[f"cores_{'one' if n == 1 else 'all'}"] = statistics.median(runs)


# ---- streams: opening, standing --------------------------------------------------------------------------------------

OPENERS = 16    # at once: with fewer, both ends mostly wait for each other


def opens(f):
    """streams opened and closed a second, both ends counted (near leg; the far leg stays)"""
    rows = {}
    with _bare("b-dire", "direct") as direct, _bare("b-gate", **{**MANY, "limits.signatures": 10000}) as gateway:
        for resume in (False, True):
            for name, lab in (("direct", direct), ("gateway", gateway)):
                r = rows[name, resume] = Ends(lab).opens(f.times(4), threads=OPENERS, resume=resume)
                print(f"{name:10} {'with the session before' if resume else 'full handshakes':26} {r['per_second']:8.0f} a second"
                      f"   ({r['resumed']} of {r['opened']} resumed)"
                      + (f"   processor time: {sum(r['cpu'].values()):.0f} us, the edge's of it {r['cpu']['edge-high']:.0f}" if r["cpu"] else ""), flush=True)
    last = rows["gateway", True]
    f["opens"] = {"direct": rows["direct", False]["per_second"], "full": rows["gateway", False]["per_second"], "resumed": last["per_second"],
                  "share": last["resumed"] / max(last["opened"], 1), "direct_resumed": rows["direct", True]["per_second"],
                  "own_us": sum(last["cpu"].values()), "edge_us": last["cpu"]["edge-high"]}


def connections(f):
    """first packets; new streams, each with its message; memory of streams that stand"""
    bench = os.path.join(os.path.dirname(os.path.abspath(__file__)), "connections")
    text = _program(bench, *(["--streams", 100] if f.quick else []))
    print(text, end="")
    if not f.quick:     # as many as a gateway should hold: 1,000 in and 1,000 out
        text = _program(bench, "--only", "standing", "--streams", 1000)
        print(text, end="")
    found = re.search(r"a pair of them takes ([\d.]+) KiB in all programs: (.*)", text)
    if found:
        f["pair_kib"], f["pair_where"] = float(found.group(1)), found.group(2)
