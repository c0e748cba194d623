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
    for name, n in f.get("instructions", {}).items():
        r[f"instructions: {name}"] = n
    return r


def _goals(f):
    """(what, goal, found, met, what stands in the way) of each goal that this run has figures for."""
    rows = []

    def add(what, goal, found, met, why=""):
        rows.append((what, goal, found, met, why))

    scan = f"{100 * f['cpu_scanner'] / f['cpu']:.0f} % of the gateway's processor time is scanning" if f.get("cpu") else ""
    if "rate" in f:
        add("stanzas a second, two cores, shipped rules", "100,000", f"{f['rate']:,.0f}", f["rate"] >= 100000,
            f"{f['cpu']:.0f} us of processor time each, two cores have 20 for that rate; {scan}")
    if "rate" in f and "prosody" in f:
        add("to what Prosody carries", "20 times", f"{f['rate'] / f['prosody']:.1f} times", f["rate"] >= 20 * f["prosody"], "the same")
    if "cpu" in f and "floor" in f:
        rest, rest_floor = f["cpu"] - f["cpu_scanner"], f["floor"] - f["floor_scan"]
        add("processor time to the sum of the bare parts", "1.5", f"{f['cpu'] / f['floor']:.2f}", f["cpu"] <= 1.5 * f["floor"],
            f"besides scanning {rest:.1f} us against {rest_floor:.1f}: a stanza passes six programs, and each checks what it gets")
    if "standing" in f and "commit_ms" in f:
        added, goal = f["standing"]["added"]["p50"], f["commit_ms"] + 0.1
        add("added delay, p50, standing stream", f"commit + 0.1 = {goal:.2f} ms", f"{added:.2f} ms", added <= goal,
            "seven wake-ups of processes between the commit's two ends")
    if "rest_ms" in f:
        add("the same without sync", "0.10 ms", f"{f['rest_ms']:.2f} ms", f["rest_ms"] <= 0.1, "wake-ups: each costs 10 to 50 us on a machine that sleeps")
    if "half_gateway" in f:
        p99 = f["half_gateway"]["p99_ms"] - f["half_direct"]["p99_ms"]
        add("added delay, p99, half load", "2 ms", f"{p99:.2f} ms", p99 <= 2, "a commit that takes long holds up all that comes behind it")
    if "first" in f:
        add("first message on a new stream, to direct", "1.3", f"{f['first']['ratio']['p50']:.2f}", f["first"]["ratio"]["p50"] <= 1.3,
            "a second stream is opened behind the first")
    if "opens" in f:
        o = f["opens"]
        add("streams opened a second, resumed", "2,000", f"{o['resumed']:,.0f}", o["resumed"] >= 2000,
            "neither leg resumes sessions: each stream's peer is verified afresh, with a full handshake")
        add("full handshakes to direct", "1/1.5", f"{o['full'] / o['direct']:.2f}", o["full"] * 1.5 >= o["direct"], "the keeper signs in a process of its own")
    if "stream_kib" in f:
        add("an idle pair of streams (twice one leg)", "40 KiB", f"{2 * f['stream_kib']:.0f} KiB", 2 * f["stream_kib"] <= 40, "a bare TLS 1.3 connection of OpenSSL and a bare expat parser take 32 KiB by themselves, 65 for the two legs")
    if "cores_all" in f:
        add("throughput grows with cores", "> 1.3", f"{f['cores_all'] / f['cores_one']:.2f}", f["cores_all"] > 1.3 * f["cores_one"],
            "the generators use the other core")
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
