# SPDX-License-Identifier: GPL-3.0-or-later
# The goals of `make bench`, whether this run met them, and what stands in the way; the history of ratios.
import os
import subprocess
import time

HERE = os.path.dirname(os.path.realpath(__file__))
HISTORY = os.path.join(HERE, "history.tsv")


def _ratios(f):
    """What does not depend on the machine, as far as that is possible."""
    r = {}
    if "cpu" in f and "floor" in f:
        r["cost_to_floor"] = f["cpu"] / f["floor"]
    if "rate" in f and "prosody" in f:
        r["rate_to_prosody"] = f["rate"] / f["prosody"]
    if "rate" in f and "haproxy" in f:
        r["rate_to_haproxy"] = f["rate"] / f["haproxy"]
    if "first" in f:
        r["first_to_direct"] = f["first"]["ratio"]["p50"]
    if "standing" in f and f.get("commit_ms"):
        r["added_to_commit"] = f["standing"]["added"]["p50"] / f["commit_ms"]
    if "cores_all" in f:
        r["all_cores_to_one"] = f["cores_all"] / f["cores_one"]
    if "opens" in f:
        r["opens_to_direct"] = f["opens"]["full"] / f["opens"]["direct"]
    if "streams_1000" in f:
        r["streams_1000_to_1"] = f["streams_1000"] / f["streams_1"]
    if "rules_10000" in f:
        r["rules_10000_to_0"] = f["rules_10000"] / f["rules_0"]
    for name, n in f.get("instructions", {}).items():
        r[f"instructions: {name}"] = n
    return r


def _shares(parts, unit="us"):
    """The largest first; what is next to nothing is left out."""
    return ", ".join(f"{k} {v:.1f}" for k, v in sorted(parts.items(), key=lambda p: -p[1]) if v >= 0.1) + f" {unit}"


def _goals(f):
    """(what, goal, found, met, what stands in the way, from this run's figures) of each goal that this run has figures for."""
    rows = []

    def add(what, goal, found, met, why=""):
        rows.append((what, goal, found, met, why))

    by = f.get("cpu_by", {})
    cost = f"a stanza takes {f['cpu']:.0f} us of processor time: {_shares(by)}" if by else ""
    if "rate" in f:
        add("stanzas a second, two cores, shipped rules", "100,000", f"{f['rate']:,.0f}", f["rate"] >= 100000,
            f"{cost}; for that rate two cores have 20")
    if "rate" in f and "prosody" in f:
        add("to what Prosody carries", "20 times", f"{f['rate'] / f['prosody']:.1f} times", f["rate"] >= 20 * f["prosody"],
            f"Prosody carries {f['prosody']:,.0f}; {cost}")
    if by and "floor" in f:
        p = f["floor_parts"]
        add("processor time to the sum of the bare parts", "1.5", f"{f['cpu'] / f['floor']:.2f}", f["cpu"] <= 1.5 * f["floor"],
            f"scanner {by['scanner']:.1f} us where bare YARA and detectors take {p['yara'] + p['dlp']:.1f}; edges {by['edge-high'] + by['edge-low']:.1f} where "
            f"AES-GCM and expat take {p['tls'] + p['expat']:.1f}; journal {by['journal']:.1f} where the group commit takes {p['commit_share']:.1f}; guard {by['guard']:.1f} and "
            f"reader {by['reader']:.1f} have no bare part: each program checks what it gets")
    if "standing" in f and "commit_ms" in f:
        added, goal = f["standing"]["added"]["p50"], f["commit_ms"] + 0.1
        rest = f"; without sync the way takes {f['rest_ms']:.2f} ms, with it {f['synced_ms']:.2f}" if "rest_ms" in f else ""
        add("added delay, p50, standing stream", f"commit + 0.1 = {goal:.2f} ms", f"{added:.2f} ms", added <= goal,
            f"a bare commit takes {f['commit_ms']:.2f} ms{rest}")
    if "rest_ms" in f:
        alone = sum(f["alone"].get(k, 0) for k in ("edge-high", "edge-low", "guard", "scanner", "reader"))
        add("the same without sync", "0.10 ms", f"{f['rest_ms']:.2f} ms", f["rest_ms"] <= 0.1,
            f"at 300 a second a stanza finds every program asleep and every cache cold: {alone:.0f} us of processor time without the journal's"
            + (f", where under load it takes {sum(by.values()) - by['journal']:.0f}" if by else ""))
    if "half_gateway" in f:
        p99 = f["half_gateway"]["p99_ms"] - f["half_direct"]["p99_ms"]
        add("added delay, p99, half load", "2 ms", f"{p99:.2f} ms", p99 <= 2,
            f"p50 {f['half_gateway']['p50_ms']:.2f} ms, p95 {f['half_gateway']['p95_ms']:.2f}, longest {f['half_gateway']['max_ms']:.1f}; direct, the longest is {f['half_direct']['max_ms']:.1f}")
    if "first" in f:
        add("first message on a new stream, to direct", "1.3", f"{f['first']['ratio']['p50']:.2f}", f["first"]["ratio"]["p50"] <= 1.3,
            f"{f['first']['direct']['p50']:.0f} ms direct, {f['first']['gateway']['p50']:.0f} through the gateway: its own stream is opened behind the sender's")
    if "opens" in f:
        o = f["opens"]
        add("streams opened a second, resumed", "2,000", f"{o['resumed']:,.0f}", o["resumed"] >= 2000,
            f"{100 * o['share']:.0f} % of them were resumed; the same generators open {o['direct_resumed']:,.0f} a second between themselves, on the same processors. Of "
            f"a stream's time {o['own_us']:.0f} us are the gateway's, {o['edge_us']:.0f} of them the edge's: one edge is busy at {1e6 / o['edge_us']:,.0f} a second, {os.cpu_count()} processors "
            f"without the generators at {os.cpu_count() * 1e6 / o['own_us']:,.0f}")
        add("full handshakes to direct", "1/1.5", f"{o['full'] / o['direct']:.2f}", o["full"] * 1.5 >= o["direct"],
            f"{o['full']:,.0f} a second beside {o['direct']:,.0f}" + (f"; the bare cryptography of a leg takes {f['handshake_leg']:.0f} us" if "handshake_leg" in f else ""))
    if "pair_kib" in f:
        add("an idle pair of streams", "40 KiB", f"{f['pair_kib']:.0f} KiB", f["pair_kib"] <= 40,
            f"KiB of it by program: {f['pair_where']}" + (f"; OpenSSL alone holds {f['idle_legs']:.1f} for two idle legs" if "idle_legs" in f else ""))
    if "cores_all" in f:
        add("throughput grows with cores", "> 1.3", f"{f['cores_all'] / f['cores_one']:.2f}", f["cores_all"] > 1.3 * f["cores_one"],
            f"{f['cores_one']:,.0f} a second on one, {f['cores_all']:,.0f} on all; source and sink need theirs of the same")
    if "streams_1000" in f:
        add("1,000 streams carry what one carries", "> 0.7", f"{f['streams_1000'] / f['streams_1']:.2f}", f["streams_1000"] > 0.7 * f["streams_1"],
            f"{f['streams_1000']:,.0f} beside {f['streams_1']:,.0f} a second; the generators alone, with as many threads, {f['direct_streams_1000']:,.0f} beside "
            f"{f['direct_streams_1']:,.0f}")
    if "rules_0" in f:
        slow = min((v, k[6:]) for k, v in f.items() if k.startswith("rules_") and k != "rules_0")
        add("10,000 rules or a list of 1,000,000 cost little", "> 0.8", f"{slow[0] / f['rules_0']:.2f}", slow[0] > 0.8 * f["rules_0"],
            f"slowest with {slow[1]}: {slow[0]:,.0f} beside {f['rules_0']:,.0f} a second")
    if "whole" in f:
        add("every stanza once, in order, whole", "all", "all" if f["whole"] else "NOT all", f["whole"])
    return rows


def report(f):
    print("\n== goals")
    for what, goal, found, met, why in _goals(f):
        print(f"{'met    ' if met else 'not met'} {what:46} goal {goal:>22}   found {found:>12}" + ("" if met or not why else f"\n        {why}"))
    last = _last()
    ratios = _ratios(f)
    if last and ratios:
        print(f"\nratios, beside those of {last['date']} ({last['commit']}):")
        for name, value in ratios.items():
            print(f"  {name:48} {value:12.2f} {last.get(name, ''):>12}")


def _read():
    try:
        with open(HISTORY) as h:
            return [line.rstrip("\n").split("\t") for line in h if line.strip() and not line.startswith("#")]
    except FileNotFoundError:
        return []


def _last():
    rows = _read()
    if not rows:
        return None
    entry = {"date": rows[-1][0], "commit": rows[-1][1]}
    entry.update(pair.split("=") for pair in rows[-1][2:])
    return entry


def record(f):
    commit = subprocess.run(["git", "rev-parse", "--short", "HEAD"], capture_output=True, text=True, cwd=HERE).stdout.strip() or "-"
    new = not os.path.exists(HISTORY)
    with open(HISTORY, "a") as h:
        if new:
            h.write("# make bench RECORD=1: date, commit, ratios and counted instructions, newest last\n")
        h.write("\t".join([time.strftime("%Y-%m-%d", time.gmtime()), commit] + [f"{k}={v:.2f}" for k, v in _ratios(f).items()]) + "\n")
