# SPDX-License-Identifier: GPL-3.0-or-later
# Packet rules, admission and the parent's sockets, in namespaces of their own: what crosses, from which address, and what does
# not. Programs behind them are stand-ins (inline_stub.py) that carry bytes without looking, so that only the doors are tested.
#
# The gateway has one namespace for each card; "high" and "low" are hosts with a second address each, to be the stranger.

import contextlib
import fcntl
import json
import os
import shutil
import signal
import socket
import stat
import subprocess
import time

import pytest

from inline_rig import FRAME, GET, PING, RAW, SIDES, UDP, Rig, inside
from lab.layout import CARDS, OTHER
from lab.net import Process, sh, wait_until

pytestmark = pytest.mark.skipif(os.geteuid() != 0, reason="makes network namespaces: needs root")


@pytest.fixture(scope="module", params=["routed", "bridge", "proxy"])
def rig(request):
    with Rig(request.param).standing() as r:
        yield r



# ---- the watch over the rules: first, with a rig of its own (the others have no `lockgate` beside the parent, hence no watch) ----

@pytest.fixture(scope="module")
def watched():
    with Rig("routed").standing(lambda r: shutil.copy(r.command, r.path("bin"))) as r:
        yield r


SABOTAGE = {
    "all rules flushed": lambda ns: ns.run("nft", "flush", "ruleset"),
    "a rule added": lambda ns: ns.run("nft", "insert", "rule", "inet", "lockgate", "enforce", "accept"),
    "a table added": lambda ns: ns.run("nft", "add", "table", "inet", "stranger"),
    "the queue gone": lambda ns: ns.run("iptables-nft", "-t", "mangle", "-F"),
    "a chain gone": lambda ns: ns.run("nft", "flush", "chain", "inet", "lockgate", "classify"),
}


@pytest.mark.parametrize("what", SABOTAGE)
def test_changed_rules_are_noticed_and_put_back(watched, what):
    r = watched
    ns = r.gate["high"]
    assert r.inline("check") == ""
    before, repaired = len(r.lines(action="packet-rules", status="changed by somebody else")), len(r.lines(status="put back"))
    SABOTAGE[what](ns)
    wait_until("the change to be noticed", lambda: len(r.lines(action="packet-rules", status="changed by somebody else")) > before, 30)
    wait_until("the repair", lambda: len(r.lines(action="packet-rules", status="put back")) > repaired, 30)
    if what == "a table added":     # it is said and recorded; to remove what is not ours is not ours either
        ns.run("nft", "delete", "table", "inet", "stranger")
    wait_until("rest", lambda: r.inline("check", check=False) == "", 30)
    assert r.crosses("high", 4) and r.crosses("high", 6)
    assert r.shut("high", port=9999)


def test_down_is_refused_while_the_gateway_runs(watched):
    """Its sockets live in the namespaces: in new ones of the same names it would carry nothing, for ever."""
    r = watched
    done = subprocess.run([r.command, "inline", "down", "-c", r.conf], capture_output=True, text=True, timeout=60)
    assert done.returncode == 1 and "the gateway is running: `lockgate stop` first" in done.stderr
    assert r.inline("check") == "" and r.crosses("high")
    assert r.inline("up") == "packet rules of high and low are in place\n"
    wait_until("rest", lambda: r.inline("check", check=False) == "", 30)
    wait_until("service", lambda: r.crosses("high"), 30)


def test_down_and_up_again(watched):
    r = watched
    r.stop()
    assert r.inline("down") == "packet rules of high and low are removed\n"
    assert "lockgate" not in r.gate["high"].run("nft", "list", "tables")
    assert "not up" in r.inline("check", check=False)
    r.inline("up")
    r.start()
    assert r.inline("check") == ""
    wait_until("service", lambda: r.crosses("high"), 30)


# ---- who may say what to the running gateway ---------------------------------------------------------------------------

GROUPS = {"lockgate-officer": 61001, "lockgate-engineer": 61002, "lockgate-auditor": 61003}
# verb: who may; user 0 may everything
MAY = {"status": {"lockgate-officer", "lockgate-engineer", "lockgate-auditor"}, "reload": {"lockgate-officer"}, "stop": {"lockgate-engineer"},
       "no-such-verb": set()}

ASK = """
import socket, struct, sys
s = socket.socket(socket.AF_UNIX); s.settimeout(25)
try:
    s.connect(sys.argv[1]); verb = sys.argv[2].encode()
    p = struct.pack('!I', len(verb)) + verb + struct.pack('!I', 0)
    s.sendall(struct.pack('!IHH', len(p), 60, 0) + p)
    d = s.recv(65536)
    print(d[8] if len(d) > 8 else 'closed', d[14:].decode().strip())
except OSError as e: print('closed')
"""


@pytest.fixture(scope="module")
def grouped():
    """A gateway whose machine has the three groups: in a mount namespace of its own, /etc/group is another file."""
    r = Rig("routed")
    try:
        r.up()
        r.inline("up")
        with open("/etc/group") as f, open(r.path("group"), "w") as out:
            out.write("".join(x for x in f if not x.startswith("lockgate-")) + "".join(f"{n}:x:{g}:\n" for n, g in GROUPS.items()))
        r.start(before=["unshare", "-m", "sh", "-c", f'mount --bind {r.path("group")} /etc/group && exec "$@"', "sh"])
        yield r
    finally:
        r.down()


@pytest.mark.parametrize("verb", list(MAY))
@pytest.mark.parametrize("group", [*GROUPS, "nobody"])
def test_control_socket_asks_who_calls(grouped, group, verb):
    if verb == "stop" and group in MAY[verb]:
        return      # tried below, since it ends the gateway
    gid = GROUPS.get(group, 61009)
    answers = [sh("setpriv", "--reuid=61000", f"--regid={61009 if extra else gid}", *([f"--groups={gid}"] if extra else ["--clear-groups"]), "--",
                  "/usr/bin/python3", "-B", "-c", ASK, grouped.path("run", "control"), verb).strip() for extra in (False, True)]
    want = "1" if group == "nobody" else "2" if verb == "no-such-verb" else "0" if group in MAY[verb] else "1"
    assert [a.split()[0] for a in answers] == [want, want], "as the primary group, and as a further one"
    if want == "1":
        assert all(f"you are uid 61000, of {'none' if group == 'nobody' else group}" in a for a in answers), answers
        assert all(g in answers[0].split("; ")[0] for g in MAY[verb] or GROUPS) and "It is recorded." in answers[0]
        wait_until("a line", lambda: [x for x in grouped.lines(who="uid 61000", action=verb if MAY[verb] else "what you asked")
                                      if x["status"].startswith("refused")], 30)
    elif want == "0" and verb == "reload":
        wait_until("a line", lambda: grouped.lines(who="uid 61000", action=verb, status="accepted"), 30)


CROWD = """
import socket, sys, time
held = []
for i in range(60):
    s = socket.socket(socket.AF_UNIX); s.connect(sys.argv[1]); held.append(s)
print('held', flush=True); time.sleep(float(sys.argv[2]))
"""


def test_strangers_cannot_take_the_operators_places(grouped):
    crowd = Process(["setpriv", "--reuid=61000", "--regid=61009", "--clear-groups", "--", "/usr/bin/python3", "-B", "-c", CROWD,
                     grouped.path("run", "control"), "20"], grouped.path("crowd"))
    try:
        wait_until("the crowd", lambda: "held" in open(grouped.path("crowd")).read(), 30)
        assert json.loads(sh(grouped.command, "status", "--json", "-c", grouped.conf))["ready"]
    finally:
        crowd.stop(signal.SIGKILL)


def test_engineer_stops_the_gateway(grouped):
    out = sh("setpriv", "--reuid=61000", f"--regid={GROUPS['lockgate-engineer']}", "--clear-groups", "--", "/usr/bin/python3", "-B", "-c", ASK,
             grouped.path("run", "control"), "stop").strip()
    assert out.split()[0] == "0"
    grouped.gateway.popen.wait(30)
    assert grouped.gateway.popen.returncode == 0


# ---- what crosses ------------------------------------------------------------------------------------------------------

@pytest.mark.parametrize("family", [4, 6])
@pytest.mark.parametrize("side", SIDES)
def test_intercepted_both_see_real_addresses(rig, side, family):
    if rig.layout == "proxy" and family == 6:
        # nothing is preserved: whatever family comes in, the configured target is IPv4 here
        assert "[gate]" in rig.get(side, 6)
        return
    answer = rig.get(side, family)
    assert "[gate]" in answer and "hello" in answer
    assert answer.startswith(rig.target(OTHER[side], family) + " "), "the client sees the server's own address"
    if rig.layout != "proxy":
        assert f"you={rig.address(side, family)} " in answer, "the server sees the client's own address"


def test_admission_is_in_the_journal(rig):
    rig.get("high", 4)
    found = wait_until("a line", lambda: rig.lines(reason="admitted", side="high", src_ip=rig.address("high", 4)), 30)
    assert found[0]["dest_ip"] == rig.target("low", 4) and found[0]["dest_port"] == 5269 and found[0]["verdict"] == "admit"


def test_many_connections_are_counted_not_written(rig):
    before = len(rig.lines(reason="admitted", side="low"))
    for _ in range(8):
        rig.get("low", 4)
    wait_until("a counted line", lambda: [x for x in rig.lines(reason="admitted", side="low") if x.get("count")] or
               len(rig.lines(reason="admitted", side="low")) > before, 30)


# ---- what does not -----------------------------------------------------------------------------------------------------

@pytest.mark.parametrize("family", [4, 6])
@pytest.mark.parametrize("side", SIDES)
def test_other_traffic_is_dropped_and_written_down(rig, side, family):
    other, mine, far = OTHER[side], rig.address(side, family), rig.target(OTHER[side], family)
    host = rig.host[side]
    watched = rig.watch(other)
    assert rig.shut(side, family, port=9999)
    assert inside(host, PING, far) == "silent"
    inside(host, UDP, far)
    inside(host, RAW, mine, far, "5269", "10")      # an ACK that belongs to nothing
    inside(host, RAW, mine, far, "5269", "29")      # FIN, PSH, URG
    seen = [x for x in rig.seen(watched) if mine in x or "LEAK" in x]
    assert seen == [], "nothing of it reaches the other side"
    for proto in ("tcp", "udp", "icmp" if family == 4 else "icmpv6"):
        wait_until(f"a line about {proto}", lambda p=proto: rig.lines(side=side, proto=p, verdict="drop", src_ip=mine), 30)
    assert rig.lines(side=side, dest_port=9999, reason="port-forbidden")


@pytest.mark.parametrize("side", SIDES)
def test_other_ethertypes_end_at_the_card(rig, side):
    card = CARDS[side]
    mac = json.loads(rig.gate[side].ip("-j", "link", "show", card))[0]["address"]
    watched = rig.watch(OTHER[side])

    def dropped():
        rules = json.loads(rig.gate[side].run("nft", "-j", "list", "table", "netdev", "lockgate"))
        return sum(e["counter"]["packets"] for x in rules["nftables"] if "rule" in x for e in x["rule"]["expr"] if "counter" in e)
    before = dropped()
    for etype in ("88b5", "8863", "81000005" + "0800", "88cc"):
        inside(rig.host[side], FRAME, "eth0", mac, etype)
        inside(rig.host[side], FRAME, "eth0", "ff:ff:ff:ff:ff:ff", etype)
    assert [x for x in rig.seen(watched) if "LEAK" in x or "ethertype" in x] == []
    wait_until("all eight to be counted", lambda: dropped() - before >= 8, 30)
    for etype in ("88b5", "8863", "88cc"):
        wait_until(f"a line about {etype}", lambda e=etype: rig.lines(side=side, proto=f"ethertype 0x{e}", reason="port-forbidden"), 30)


@pytest.mark.parametrize("family", [4, 6])
@pytest.mark.parametrize("side", SIDES)
def test_spoofed_source_is_not_admitted(rig, side, family):
    other = OTHER[side]
    # A host of the other side cannot be here; in the bridge layout, a neighbour that nobody named may not come in either.
    spoofed, target = rig.address(other, family), rig.target(other, family)
    if rig.layout == "bridge":
        spoofed = spoofed.replace(".20", ".99").replace(".10", ".99").replace("::20", "::99").replace("::10", "::99")
    elif rig.layout == "routed":
        target = rig.plan[other].server4.rsplit(".", 1)[0] + ".77" if family == 4 else rig.plan[other].server6.rsplit(":", 1)[0] + ":77"
    watched = rig.watch(other)
    before = len(rig.lines(reason="admitted", side=side))
    inside(rig.host[side], RAW, spoofed, target, "5269", "02")
    assert [x for x in rig.seen(watched) if "5269" in x] == []
    wait_until("a line", lambda: rig.lines(side=side, src_ip=spoofed, reason="source-unknown"), 30)
    assert len(rig.lines(reason="admitted", side=side)) == before


def test_half_open_connection_opens_nothing_onward(rig):
    watched = rig.watch("low")
    rig.host["high"].run("iptables-nft", "-A", "OUTPUT", "-p", "tcp", "--tcp-flags", "RST", "RST", "-j", "DROP")
    inside(rig.host["high"], RAW, rig.address("high", 4), rig.target("low", 4), "5269", "02")
    seen = rig.seen(watched)
    rig.host["high"].run("iptables-nft", "-F")
    assert [x for x in seen if "Flags [S]" in x] == []


def test_rate_of_one_source(rig):
    inside(rig.host["low"], """
import socket, sys
for i in range(150):
    s = socket.socket(); s.setblocking(False); s.bind((sys.argv[1], 0))
    try: s.connect((sys.argv[2], 5269))
    except OSError: pass
""", rig.address("low", 4), rig.target("high", 4))
    wait_until("a refusal", lambda: rig.lines(side="low", reason="rate"), 30)
    wait_until("repeats in one line with a count", lambda: [x for x in rig.lines(side="low", reason="rate") if x.get("count", 0) > 1], 30)
    wait_until("the source to be let in again", lambda: rig.crosses("low", timeout=3), 30)


def test_gateway_itself_is_closed(rig):
    for side in SIDES:
        plan = rig.plan[side]
        if rig.layout == "bridge":
            assert json.loads(rig.gate[side].ip("-j", "-4", "addr", "show", CARDS[side])) in ([], [{}]) or \
                "inet " not in rig.gate[side].ip("-4", "addr", "show", CARDS[side])
            continue
        for port in (22, 15269, 5270 if rig.layout == "routed" else 9999):
            out = inside(rig.host[side], GET, plan.server4, plan.gate4, str(port), "1")
            assert out.startswith("no"), (side, port, out)


# ---- fail closed -------------------------------------------------------------------------------------------------------

def freeze(rig, *words):
    pid = rig.program(*words)
    assert pid
    os.kill(pid, signal.SIGSTOP)
    return pid


def test_admission_frozen_nothing_new_crosses(rig):
    pid = freeze(rig, "lockgate-admission", "high")
    try:
        assert rig.shut("high", 4)
        assert rig.shut("high", 6)
        assert rig.crosses("low", 4), "the other side has its own"
    finally:
        os.kill(pid, signal.SIGCONT)
    wait_until("service again", lambda: rig.crosses("high"), 30)


@pytest.mark.parametrize("words", [("lockgate-admission", "high"), ("lockgate-edge", "high"), ("lockgate-edge", "low"), ("lockgate-guard",),
                                   ("lockgate-journal",), ("lockgate-scanner", "1")])
def test_killed_program_is_back(rig, words):
    pid = rig.program(*words)
    os.kill(pid, signal.SIGKILL)
    start = time.monotonic()
    wait_until("a new process", lambda: rig.program(*words) not in (0, pid), 30, step=0.01)
    print(f"{' '.join(words)}: a new process after {(time.monotonic() - start) * 1000:.0f} ms")
    wait_until("service", lambda: rig.crosses("high"), 30)
    wait_until("a line", lambda: rig.lines(reason="program-lost", status="signal 9", pid=pid), 30)


def test_guard_epochs_grow(rig):
    before = int(open(rig.path("state", "epoch")).read())
    pid = rig.program("lockgate-guard")
    os.kill(pid, signal.SIGKILL)
    wait_until("a new guard", lambda: rig.program("lockgate-guard") not in (0, pid), 30)
    after = open(f"/proc/{rig.program('lockgate-guard')}/cmdline", "rb").read().split(b"\0")[-2]
    assert int(after) > before and int(open(rig.path("state", "epoch")).read()) == int(after)


def test_queue_rules_gone_nothing_crosses(rig):
    ns = rig.gate["high"]
    ns.run("iptables-nft", "-t", "mangle", "-F")
    ns.run("ip6tables-nft", "-t", "mangle", "-F")
    assert rig.shut("high", 4) and rig.shut("high", 6)
    rig.inline("up")
    assert rig.crosses("high", 4) and rig.crosses("high", 6)


def test_all_rules_gone_nothing_crosses(rig):
    rig.gate["high"].run("nft", "flush", "ruleset")
    if rig.layout != "proxy":
        assert rig.shut("high", 4) and rig.shut("high", 6)
        assert inside(rig.host["high"], PING, rig.address("low", 4)) == "silent"
    rig.inline("up")
    assert rig.crosses("high", 4) and rig.crosses("high", 6)


def test_up_twice_is_up_once(rig):
    def state():
        ns = rig.gate["high"]
        rules = "\n".join(x for x in ns.run("iptables-nft", "-t", "mangle", "-S").splitlines())
        return rules + ns.ip("rule") + ns.ip("-6", "rule") + ns.ip("route", "show", "table", "all", "proto", "boot") + ns.ip("-br", "-4", "addr")
    before = state()
    rig.inline("up")
    rig.inline("up")
    assert state() == before
    assert rig.crosses("high")


# ---- reload -------------------------------------------------------------------------------------------------------------

def trio(rig):
    return {w: rig.program(*w) for w in (("lockgate-guard",), ("lockgate-scanner", "0"), ("lockgate-scanner", "1"))}


def test_reload_replaces_guard_and_scanners(rig):
    before, edge, epoch = trio(rig), rig.program("lockgate-edge", "high"), int(open(rig.path("state", "epoch")).read())
    os.kill(rig.gateway.pid, signal.SIGHUP)
    wait_until("the line", lambda: rig.lines(action="reload", status="the new rules are in force"), 30)
    wait_until("the old ones' end", lambda: not [p for p in before.values() if os.path.exists(f"/proc/{p}")], 30)
    after = trio(rig)
    assert all(after.values()) and not set(after.values()) & set(before.values())
    assert rig.program("lockgate-edge", "high") == edge, "edges, and with them the streams, stay"
    assert int(open(rig.path("state", "epoch")).read()) > epoch
    assert rig.crosses("high")
    status = json.loads(sh(rig.command, "status", "--json", "-c", rig.conf))
    assert all(p["state"] == "running" for p in status["programs"])


def test_bad_rules_do_not_replace_good_ones(rig):
    before, count = trio(rig), len(rig.children())
    open(rig.path("run", "bad-rules"), "w").close()
    try:
        os.kill(rig.gateway.pid, signal.SIGHUP)
        wait_until("the line", lambda: [x for x in rig.lines(action="reload") if "mistakes" in x["status"]], 30)
        time.sleep(0.3)
        assert {pid: os.path.exists(f"/proc/{pid}") for pid in before.values()} == {pid: True for pid in before.values()}
        assert len(rig.children()) == count, "the new ones are gone"
        assert rig.crosses("high")
    finally:
        os.unlink(rig.path("run", "bad-rules"))


def test_two_reloads_at_once_are_one(rig):
    count, programs = len(rig.lines(action="reload", status="the new rules are in force")), len(rig.children())
    for _ in range(3):
        os.kill(rig.gateway.pid, signal.SIGHUP)
    wait_until("the line", lambda: len(rig.lines(action="reload", status="the new rules are in force")) > count, 30)
    time.sleep(0.5)
    assert len(rig.children()) == programs
    assert rig.crosses("low")


# ---- the life of the parent ---------------------------------------------------------------------------------------------

def test_status_and_stop(rig):
    assert rig.crosses("high")
    status = json.loads(sh(rig.command, "status", "--json", "-c", rig.conf))
    assert all(p["state"] == "running" for p in status["programs"])
    assert {"journal", "scanner/0", "guard", "edge/high", "edge/low", "admission/high", "admission/low"} <= {p["name"] for p in status["programs"]}
    admission = [p for p in status["programs"] if p["name"] == "admission/high"][0]
    assert admission["stats"]["admitted"] > 0
    assert "edge/high" in sh(rig.command, "status", "-c", rig.conf)
    pid = rig.gateway.pid
    children = open(f"/proc/{pid}/task/{pid}/children").read().split()
    sh(rig.command, "stop", "-c", rig.conf)
    rig.gateway.popen.wait(30)
    assert rig.gateway.popen.returncode == 0
    assert not [c for c in children if os.path.exists(f"/proc/{c}")]
    assert rig.shut("high", 4) and rig.shut("low", 6), "nothing crosses while the gateway is stopped"
    assert sh(rig.command, "status", "-c", rig.conf, check=False) == ""
    rig.start()
    wait_until("service", lambda: rig.crosses("high"), 30)


def test_service_manager_is_told(rig):
    """sd_notify: READY, WATCHDOG while all programs answer, STOPPING; and the programs do not see the socket."""
    if rig.layout != "routed":
        pytest.skip("once is enough")
    rig.stop()
    said = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
    said.bind(rig.path("notify"))
    said.settimeout(30)
    rig.start(env={"NOTIFY_SOCKET": rig.path("notify"), "WATCHDOG_USEC": "600000"})
    heard = ""
    while heard.count("WATCHDOG=1") < 3 or "READY=1" not in heard:
        heard += said.recv(4096).decode() + "\n"
    for pid in open(f"/proc/{rig.gateway.pid}/task/{rig.gateway.pid}/children").read().split():
        assert b"NOTIFY_SOCKET" not in open(f"/proc/{pid}/environ", "rb").read()

    def alive(seconds):
        end, n = time.monotonic() + seconds, 0
        while time.monotonic() < end:
            with contextlib.suppress(TimeoutError):
                said.settimeout(0.1)
                n += "WATCHDOG=1" in said.recv(4096).decode()
        return n
    guard = rig.program("lockgate-guard")
    os.kill(guard, signal.SIGSTOP)
    try:
        alive(1)        # what was under way
        assert alive(1.5) == 0, "a program hangs: the service manager hears nothing"
    finally:
        os.kill(guard, signal.SIGCONT)
    wait_until("all answer again", lambda: alive(0.5) > 0, 20)
    rig.stop()
    said.settimeout(10)
    while True:
        word = said.recv(4096).decode()
        if "STOPPING=1" in word:
            break
    said.close()
    rig.start()


def test_children_die_with_the_parent(rig):
    pid = rig.gateway.pid
    children = open(f"/proc/{pid}/task/{pid}/children").read().split()
    os.kill(pid, signal.SIGKILL)
    rig.gateway.popen.wait(30)
    wait_until("their end", lambda: not [c for c in children if os.path.exists(f"/proc/{c}")], 30)
    assert rig.shut("high", 4)
    rig.start()
    wait_until("service", lambda: rig.crosses("high"), 30)


def test_standby_and_active(rig):
    """The cards go down, and come back with all that went with them. The address of one may be set meanwhile: in bridge mode hosts are told that one."""
    said = "packet rules of high and low are as they were; the cards are %s\n"
    mac = {s: f"02:00:5e:00:01:{n}" for n, s in enumerate(SIDES, 41)}
    for _ in range(2):      # twice is once
        assert rig.inline("standby") == said % "down"
    assert rig.shut("high", 4) and "stands by" in rig.inline("check", check=False)
    rig.inline("repair")    # by a gateway that found its rules changed before
    for s in SIDES:
        assert "UP" not in json.loads(rig.gate[s].ip("-j", "link", "show", CARDS[s]))[0]["flags"]
        rig.gate[s].ip("link", "set", CARDS[s], "address", mac[s])
        rig.host[s].ip("neigh", "flush", "all")
    for _ in range(2):
        assert rig.inline("active") == said % "up"
    assert rig.inline("check") == ""
    for family in (4, 6):
        wait_until("service", lambda: rig.crosses("high", family), 30)
    known = {n["dst"]: n.get("lladdr") for n in json.loads(rig.host["high"].ip("-j", "neigh", "show")) if not n["dst"].startswith("fe80")}
    assert known and set(known.values()) == {mac["high"]}, known


def test_one_at_a_time(rig):
    """A gateway that looks at its rules does not meet those of an `up` that is under way."""
    turn = os.open(rig.path("run", "inline.lock"), os.O_RDWR)
    fcntl.flock(turn, fcntl.LOCK_EX)
    p = Process([rig.command, "inline", "check", "-c", rig.conf], rig.path("turn.log"))
    time.sleep(0.5)
    assert p.alive(), "it waits"
    os.close(turn)
    assert p.popen.wait(30) == 0
    # nobody else can make it wait, and it waits for nobody for ever
    assert stat.S_IMODE(os.stat(rig.path("run", "inline.lock")).st_mode) == 0o600
    turn = os.open(rig.path("run", "inline.lock"), os.O_RDWR)
    fcntl.flock(turn, fcntl.LOCK_EX)
    done = subprocess.run([rig.command, "inline", "check", "-c", rig.conf], capture_output=True, text=True, timeout=60)
    os.close(turn)
    assert done.returncode == 1 and "another `lockgate inline` is at work" in done.stderr, done


def test_standby_of_what_is_not_known_to_be_up(rig):
    """It says so, and yet no card stays up."""
    kept = {s: open(rig.path("run", f"inline.{s}.rules"), "rb").read() for s in SIDES}
    os.unlink(rig.path("run", "inline.high.rules"))
    done = subprocess.run([rig.command, "inline", "standby", "-c", rig.conf], capture_output=True, text=True, timeout=120)
    assert done.returncode == 1 and "side high was not up" in done.stderr, done
    for s in SIDES:
        assert "UP" not in json.loads(rig.gate[s].ip("-j", "link", "show", CARDS[s]))[0]["flags"], s
    with open(rig.path("run", "inline.high.standby"), "wb") as f:
        f.write(kept["high"])
    rig.inline("active")
    assert rig.inline("check") == ""


def test_down_leaves_nothing(rig):
    """Last: the cards were in their namespaces before `up`, so both stay; all else goes."""
    rig.stop()
    rig.inline("down")
    for side in SIDES:
        ns = rig.gate[side]
        assert "lockgate" not in ns.run("nft", "list", "tables")
        assert "NFQUEUE" not in ns.run("iptables-nft", "-t", "mangle", "-S") + ns.run("ip6tables-nft", "-t", "mangle", "-S")
        assert "fwmark" not in ns.ip("rule") + ns.ip("-6", "rule")
        assert "table 100" not in ns.ip("route", "show", "table", "all") + ns.ip("-6", "route", "show", "table", "all")
        assert "inet " not in ns.ip("addr", "show", CARDS[side])
        assert not os.path.exists(rig.path("run", f"inline.{side}"))
    assert rig.shut("high")
