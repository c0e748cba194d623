# SPDX-License-Identifier: GPL-3.0-or-later
# Admission with several queues: pairs of addresses are spread over them, a full one holds up nobody else and lets nothing in, verdicts
# of a batch reach the packets that they are for; and how many connections one source may have open.

import os
import signal

import pytest

from inline_rig import GET, Rig, inside
from lab.net import Process, wait_until

pytestmark = pytest.mark.skipif(os.geteuid() != 0, reason="makes network namespaces: needs root")
QUEUES, OPEN = 4, 40

# First packets of one pair of addresses, from as many ports as are wanted; with an IP option they are refused, but ask all the same.
BURST = """
import socket, struct, sys
src, dst, n, option = sys.argv[1], sys.argv[2], int(sys.argv[3]), bytes.fromhex(sys.argv[4])
def ck(x):
    t = sum(struct.unpack('!%dH' % (len(x) // 2), x)); t = (t >> 16) + (t & 65535); t += t >> 16; return ~t & 65535
s = socket.socket(socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_RAW); s.setsockopt(1, 7, 8 << 20)
a, b = socket.inet_aton(src), socket.inet_aton(dst)
for i in range(n):
    t = struct.pack('!HHIIBBHHH', 1024 + i % 60000, 5269, i, 0, 5 << 4, 2, 1024, 0, 0)
    t = t[:16] + struct.pack('!H', ck(a + b + struct.pack('!BBH', 0, 6, 20) + t)) + t[18:]
    s.sendto(struct.pack('!BBHHHBBH4s4s', 69 + len(option) // 4, 0, 40 + len(option), 7, 0, 64, 6, 0, a, b) + option + t, (dst, 0))
"""

HOLD = """
import socket, sys, time
dst, n, sources = sys.argv[1], int(sys.argv[2]), sys.argv[4:]
held = []
def together(src):
    all = []
    for i in range(n):
        s = socket.socket(); s.setblocking(False); s.bind((src, 0)); s.connect_ex((dst, 5269)); all.append(s)
    time.sleep(2.5); held.extend(all)
    return sum(s.getsockopt(6, 11, 104)[0] == 1 for s in all)      # TCP_INFO: established
def one(src):
    s = socket.socket(socket.AF_INET6 if ':' in dst else socket.AF_INET); s.settimeout(1.5)
    try: s.bind((src, 0)); s.connect((dst, 5269)); held.append(s); return 1
    except OSError: s.close(); return 0
made = [together(a) if sys.argv[3] == "together" else sum(one(a) for i in range(n)) for a in sources]
print(*made, flush=True)
time.sleep(600)
"""


@pytest.fixture(scope="module")
def rig():
    def addresses(r):
        for i in range(16):
            r.host["low"].ip("addr", "add", f"10.77.2.{100 + i}/24", "dev", "eth0")
        r.host["low"].ip("addr", "add", "fd77:2::101/64", "dev", "eth0", "nodad")
    with Rig("routed", "queues", {"admission.queues": QUEUES, "admission.open": OPEN, "admission.rate": 2000, "admission.burst": 2000}).standing(addresses) as r:
        yield r


def queues(rig):
    """{number: (waiting, dropped for want of room, of the socket's room, ever queued)}"""
    found = {}
    for line in rig.gate["low"].run("cat", "/proc/net/netfilter/nfnetlink_queue").splitlines():
        number, _, waiting, _, _, full, lost, ever, _ = map(int, line.split())
        found[number] = (waiting, full, lost, ever)
    return found


def test_pairs_are_spread_and_cross(rig):
    rig.inline("check")     # it raises what is not so
    before = queues(rig)
    assert sorted(before) == [0, 1, 2, 3, 10]
    for i in range(16):
        assert "[gate]" in rig.get("low", 4, source=f"10.77.2.{100 + i}")
    assert rig.crosses("low", 6) and rig.crosses("high", 4) and rig.crosses("high", 6)
    busy = [n for n, v in queues(rig).items() if v[3] > before[n][3] and n != 10]
    assert len(busy) >= 2, f"16 pairs in queues {busy}"
    rig.inline("up")        # twice is once
    rig.inline("check")
    assert rig.crosses("low", 4)


def test_a_full_queue_holds_up_no_other_and_lets_nothing_in(rig):
    """Admission is stuck; one pair fills its queue to the brim. What finds no room is dropped; other queues have room; all are judged later."""
    watched, pid = rig.watch("high"), rig.program("lockgate-admission", "low")
    was = queues(rig)
    os.kill(pid, signal.SIGSTOP)
    try:
        inside(rig.host["low"], BURST, "10.77.2.100", rig.address("high", 4), "20000", "", timeout=60)
        now = queues(rig)
        full = [n for n in now if now[n][1] > was[n][1]]
        assert len(full) == 1 and now[full[0]][0] > 10000, f"one queue is full: {now}"
        waiting = [Process(["/usr/bin/python3", "-B", "-c", GET, f"10.77.2.{100 + i}", rig.address("high", 4), "5269", "20"], rig.path(f"get.{i}"), rig.host["low"].name)
                   for i in range(16)]
        wait_until("others wait in other queues", lambda: sum(v[0] > 0 for n, v in queues(rig).items() if n not in (10, full[0])) >= 1, 20)
        assert all("10.77.1.2.5269: Flags [S]" not in x for x in rig.seen(watched)), "nobody is let in unjudged"
    finally:
        os.kill(pid, signal.SIGCONT)
    wait_until("all are judged", lambda: all(v[0] == 0 for v in queues(rig).values()), 60)
    through = lambda: sum("[gate]" in open(rig.path(f"get.{i}")).read() for i in range(16))
    wait_until("those of other queues got through", lambda: through() >= 4, 40)
    for p in waiting:
        p.stop(signal.SIGKILL)


def test_verdicts_of_a_batch_reach_their_packets(rig):
    """Refused and admitted first packets wait in the same batch; then a batch of refused ones alone."""
    wait_until("room for new ones", lambda: rig.crosses("low", 4), 40)
    pid, admitted = rig.program("lockgate-admission", "low"), len(rig.lines(side="low", reason="admitted"))
    os.kill(pid, signal.SIGSTOP)
    try:
        waiting = []
        for i in range(6):
            inside(rig.host["low"], BURST, "10.77.2.101", rig.address("high", 4), "3", "94040000")
            waiting.append(Process(["/usr/bin/python3", "-B", "-c", GET, "10.77.2.101", rig.address("high", 4), "5269", "20"], rig.path(f"mix.{i}"), rig.host["low"].name))
            wait_until("it waits", lambda: sum(v[0] for n, v in queues(rig).items() if n != 10) >= 4 * (i + 1), 20)
        inside(rig.host["low"], BURST, "10.77.2.102", rig.address("high", 4), "500", "94040000")
    finally:
        os.kill(pid, signal.SIGCONT)
    wait_until("none waits", lambda: all(v[0] == 0 for v in queues(rig).values()), 20)
    wait_until("the admitted ones cross", lambda: all("[gate]" in open(rig.path(f"mix.{i}")).read() for i in range(6)), 30)
    wait_until("the refused ones are told", lambda: [x for x in rig.lines(side="low", src_ip="10.77.2.102", reason="port-forbidden") if x.get("count", 1) > 100], 20)
    assert len(rig.lines(side="low", reason="admitted")) > admitted
    for p in waiting:
        p.stop(signal.SIGKILL)


@pytest.mark.parametrize("family", [4, 6])
def test_open_connections_of_one_source(rig, family):
    """So many stand, further ones are refused with a record; another source gets in; and when they are closed there is room again."""
    one, other = ("10.77.2.110", "10.77.2.111") if family == 4 else ("fd77:2::101", rig.address("low", 6))
    assert "[gate]" in rig.get("low", family, source=other if family == 4 else one)
    p = Process(["/usr/bin/python3", "-B", "-c", HOLD, rig.address("high", family), str(OPEN + 6), "in turn", one], rig.path(f"hold.{family}"), rig.host["low"].name)
    try:
        made = int(wait_until("connections", lambda: open(rig.path(f"hold.{family}")).read().strip(), 60))
        assert OPEN - 1 <= made <= OPEN, made
        wait_until("a record", lambda: rig.lines(side="low", reason="open", verdict="drop", src_ip=one), 10)
        if family == 4:
            assert "[gate]" in rig.get("low", 4, source=other), "another source is not held up"
        else:
            assert "[gate]" not in rig.get("low", 6, source=other, timeout=2), "a whole /64 is one source"
    finally:
        p.stop(signal.SIGKILL)
    wait_until("room again", lambda: "[gate]" in rig.get("low", family, source=one, timeout=3), 60)


def test_a_burst_of_one_source_is_counted_as_well(rig):
    """All first packets are under way before any is judged."""
    p = Process(["/usr/bin/python3", "-B", "-c", HOLD, rig.address("high", 4), str(3 * OPEN), "together", "10.77.2.112"], rig.path("burst"), rig.host["low"].name)
    try:
        made = int(wait_until("connections", lambda: open(rig.path("burst")).read().strip(), 60))
        assert OPEN / 2 <= made <= OPEN, made
        wait_until("a record", lambda: rig.lines(side="low", reason="open", src_ip="10.77.2.112"), 10)
    finally:
        p.stop(signal.SIGKILL)
