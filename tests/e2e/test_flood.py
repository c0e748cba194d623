# SPDX-License-Identifier: GPL-3.0-or-later
# alone: it floods, and measures time.
# Floods from the low side: a stream that stands goes on delivering in both directions, and a new one gets in. The delay of each
# message, from the sender's write to the receiver's read, is measured before and during; the figures are printed (tests/run).
# `--long`: ten seconds for each flood.

import json
import os
import statistics
import time

import pytest

from lab.ends import bare, Load
from lab.lab import build_folder
from lab.layout import CARDS
from lab.net import Process, wait_until
from lab.wire import message

RATE = 50       # messages a second in each direction
TABLE = os.path.join(build_folder(), "test-logs", "e2e-flood.table")

SYNS = """
import socket, struct, sys, time, random
dst, mac, seconds = sys.argv[1], sys.argv[2], float(sys.argv[3])
s = socket.socket(socket.AF_PACKET, socket.SOCK_RAW); s.bind(('eth0', 0))
eth = bytes.fromhex(mac.replace(':', '')) + s.getsockname()[4] + b'\\x08\\x00'
def ck(x):
    t = sum(struct.unpack('!%dH' % (len(x) // 2), x)); t = (t >> 16) + (t & 65535); t += t >> 16; return ~t & 65535
frames = []
for i in range(4000):       # from the whole network, but the server and the gateway
    a, b = socket.inet_aton('10.77.2.' + str(3 + i % 250)), socket.inet_aton(dst)
    t = struct.pack('!HHIIBBHHH', 1024 + random.randrange(60000), 5269, i, 0, 5 << 4, 2, 1024, 0, 0)
    t = t[:16] + struct.pack('!H', ck(a + b + struct.pack('!BBH', 0, 6, 20) + t)) + t[18:]
    h = struct.pack('!BBHHHBBH4s4s', 69, 0, 40, i, 0, 64, 6, 0, a, b)
    frames.append(eth + h[:10] + struct.pack('!H', ck(h)) + h[12:] + t)
n, start = 0, time.monotonic()
while time.monotonic() - start < seconds:
    for f in frames:
        try: s.send(f); n += 1
        except OSError: pass
print(n, 'SYNs,', int(n / (time.monotonic() - start)), 'a second')
"""

CONNECTIONS = """
import select, socket, sys, time
dst, seconds, addresses = sys.argv[1], float(sys.argv[2]), sys.argv[3:]
held, tried, made, start = [], 0, 0, time.monotonic()
while time.monotonic() - start < seconds:
    s = socket.socket(); s.setblocking(False)
    s.bind((addresses[tried % len(addresses)], 0)); tried += 1
    s.connect_ex((dst, 5269)); held.append(s)
    if len(held) >= 800:
        made += len(select.select([], held[:400], [], 0)[1])
        for s in held[:400]: s.close()
        del held[:400]
print(tried, 'connections tried,', int(tried / (time.monotonic() - start)), 'a second,', made, 'of them stood')
"""


@pytest.fixture(scope="module")
def table():
    rows = []
    yield rows
    with open(TABLE, "w") as f:
        f.write("".join(r + "\n" for r in rows))


class Pulse:
    """Messages both ways over streams that stand, and the delay of each."""

    made = 0

    def __init__(self, ends):
        self.ends = ends
        self.load = {s: Load(ends, s, f"pulse-{s}-{'abcd'[Pulse.made]}", RATE).start() for s in ("high", "low")}

    def stop(self):
        Pulse.made += 1     # letters: a long number in an id may look like one that is not to cross
        for l in self.load.values():
            l.stop()
        time.sleep(1)
        return {s: self.delays(s) for s in self.load}

    def delays(self, side):
        load, sink = self.load[side], self.ends.sink[{"high": "low", "low": "high"}[side]]
        arrived = {e.get("id"): at for at, e in sink.stanzas}
        assert not load.broken, "the stream stands"
        lost = [n for n in load.sent if f"{load.tag}-{n}" not in arrived]
        assert not lost, f"{side}: {len(lost)} of {len(load.sent)} did not arrive"
        return sorted((arrived[f"{load.tag}-{n}"] - at) * 1000 for n, at in load.sent.items())


def figures(d):
    return f"p50 {statistics.median(d):7.1f}  p95 {d[int(len(d) * 0.95)]:7.1f}  max {d[-1]:7.1f} ms of {len(d)}"


@pytest.fixture(scope="module")
def ends(running):
    with bare(running, {"admission.rate": 10, "admission.burst": 20}) as e:
        for side in ("high", "low"):        # the onward streams are up before anything is measured
            e.stream(side).send(message(f"a@{side}.example/r", f"b@{'low' if side == 'high' else 'high'}.example/r", f"first-{side}"))
        e.sink["low"].wait("the first message", lambda x: x.get("id") == "first-high", 20)
        e.sink["high"].wait("the first message", lambda x: x.get("id") == "first-low", 20)
        yield e


def mac_of(ends):
    return json.loads(ends.lab.gates["low"].ip("-j", "link", "show", CARDS["low"]))[0]["address"]


def flood(ends, what, seconds):
    ns = ends.lab.ns["low"]
    if what == "SYN flood":
        words = [SYNS, ends.lab.plan["high"].server4, mac_of(ends), str(seconds)]
    else:
        more = [f"10.77.2.{i}" for i in range(10, 26)]
        for a in more:
            ns.ip("addr", "replace", a + "/24", "dev", "eth0")
        words = [CONNECTIONS, ends.lab.plan["high"].server4, str(seconds), *more]
    log = ends.lab.path("log", what.split()[0] + ".flood")
    return log, Process(["/usr/bin/python3", "-B", "-c", *words], log, ns.name)


@pytest.mark.parametrize("what", ["SYN flood", "connection flood"])
def test_what_stands_goes_on(ends, table, what, request):
    seconds = 10 if request.config.getoption("--long") else 3
    pulse = Pulse(ends)
    time.sleep(2)
    quiet = pulse.stop()
    pulse = Pulse(ends)
    time.sleep(0.7)
    mark = ends.events.mark()
    log, process = flood(ends, what, seconds)
    time.sleep(seconds * 0.6)
    begun = time.monotonic()
    gets_in = ends.stream("high", timeout=15)       # a host of the side that does not flood
    gets_in.send(message("a@high.example/r", "b@low.example/r", f"new-{what[0]}"))
    ends.sink["low"].wait("a message over a new stream", lambda x: x.get("id") == f"new-{what[0]}", 15)
    new = (time.monotonic() - begun) * 1000
    process.popen.wait(60)
    loud = pulse.stop()
    with open(log) as f:
        table.append(f"{what}, {seconds} s: {f.read().strip()}; a new stream from the other side delivered its first message after {new:.0f} ms")
    for side in ("high", "low"):
        table.append(f"  {side} to {'low' if side == 'high' else 'high'}: before {figures(quiet[side])}; during {figures(loud[side])}")
    print("\n".join(table))
    for side in ("high", "low"):
        assert loud[side][int(len(loud[side]) * 0.95)] < 5000, "the stream that stands delivers"
    assert ends.events.wait(lambda e: e["event_type"] == "admission" and e.get("reason") == "rate", 30, mark), "refusals are recorded"
    lines = ends.events.find(lambda e: e["event_type"] == "admission", mark)
    assert len(lines) < 300 * (seconds + 10), f"repeats are counted, not written: {len(lines)} lines"
    assert sum(e.get("count", 1) for e in lines) > len(lines)
    programs = json.loads(ends.gateway.lockgate("status", "--json", "-c", ends.gateway.conf))["programs"]
    assert all(p["state"] == "running" and p["starts"] == 1 for p in programs)
    wait_until("service for the flooded side", lambda: serves(ends), 30)


def serves(ends):
    try:
        ends.stream("low", timeout=3).close()
        return True
    except Exception:
        return False
