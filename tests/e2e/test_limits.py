# SPDX-License-Identifier: GPL-3.0-or-later
# How much one peer may have: streams, pairs, dialbacks, stanzas and bytes a second, and how slow it may be. limits_table.py says which
# test holds which limit.

import concurrent.futures
import contextlib
import json
import os
import re
import resource
import select
import signal
import threading
import time

import pytest

from lab.ends import Ends, bare, marked
from lab.lab import build_folder, built_with
from lab.net import LabError, sh, wait_until
from lab.wire import DIALBACK, HEADER, Closed, message
from limits_table import ROWS

HERE = os.path.dirname(os.path.realpath(__file__))
FROM, TO = "a@high.example/r", "b@low.example/r"


@pytest.fixture
def ends(running, request):
    with bare(running, marked(request), 0.3) as e:
        yield e


@pytest.mark.settings(conf={"limits.streams_per_address": 5})
def test_streams_of_one_address(ends):
    """Five connections stand; the sixth is closed at once, with a record; the others go on, and a place that comes free is free."""
    peers = [ends.stream("high") for _ in range(5)]
    mark = ends.events.mark()
    late = ends.connect("high")
    with pytest.raises((Closed, OSError)):
        late.send(f"{HEADER} from='high.example' to='low.example'>")
        late.read(5)
    assert ends.events.wait(lambda e: e["event_type"] == "limit" and e.get("reason") == "stream-limit", 5, mark)
    peers[0].send(message(FROM, TO, "still-there"))
    ends.sink["low"].wait("still-there", lambda e: e.get("id") == "still-there", 10)
    peers[1].send("</stream:stream>")
    peers[1].closes(5)
    time.sleep(0.5)
    ends.stream("high").send(message(FROM, TO, "in-the-free-place"))
    ends.sink["low"].wait("in-the-free-place", lambda e: e.get("id") == "in-the-free-place", 10)


@pytest.mark.settings(conf={"limits.streams_per_domain": 3})
def test_streams_of_one_domain(ends):
    """Three streams speak for high.example; the fourth is refused by a stream error."""
    for _ in range(3):
        ends.stream("high")
    mark = ends.events.mark()
    with pytest.raises(Exception):
        fourth = ends.stream("high")
        fourth.send(message(FROM, TO, "fourth"))
        assert fourth.stream_error(5) is None
    ended = ends.events.wait(lambda e: e["event_type"] == "stream" and e.get("condition") == "resource-constraint", 5, mark)
    assert ended and ended["reason"] == "stream-limit", ended
    assert "fourth" not in ends.sink["low"].ids()


def test_pairs_that_are_never_proven(ends):
    """Five are refused one by one, then the stream ends; the journal has two lines, not five."""
    peer = ends.stream("high")
    mark = ends.events.mark()
    for i in range(50):
        try:
            peer.send(f"<db:result from='d{i}.example' to='low.example' xmlns:db='{DIALBACK}'>key</db:result>")
        except OSError:
            break
    assert peer.stream_error(8) == "policy-violation"
    time.sleep(0.5)
    lines = ends.events.find(lambda e: e["event_type"] in ("limit", "stream"), mark)
    assert len(lines) <= 3, lines


few = pytest.mark.settings(conf={"limits.progress": "3s", "limits.window_stanzas": 8, "limits.signatures": 2})


@few
def test_slow_reader_is_cut(ends):
    """A server that takes no data loses its stream after limits.progress; the other direction goes on."""
    sink, mark = ends.sink["low"], ends.events.mark()
    peer = ends.stream("high")
    peer.send(message(FROM, TO, "first"))
    sink.wait("first", lambda e: e.get("id") == "first", 10)
    sink.pause.set()
    try:
        body, n, end = "word " * 800, 0, time.monotonic() + 40
        while not ends.events.find(lambda e: e["event_type"] == "stream" and e.get("side") == "low" and e.get("reason") == "stream-timeout", mark):
            assert time.monotonic() < end, f"{n} sent"
            for _ in range(200):
                if select.select([], [peer.sock], [], 0.01)[1]:
                    peer.send(message(FROM, TO, f"jam-{n}", body))
                    n += 1
        ends.stream("low").send(message(TO, FROM, "the-other-way"))
        ends.sink["high"].wait("the-other-way", lambda e: e.get("id") == "the-other-way", 10)
    finally:
        sink.pause.clear()


@few
def test_stanzas_under_way(ends):
    """While nothing is settled, eight of thirty are taken in; when the journal goes on, all cross in order."""
    peer = ends.stream("high")
    peer.send(message(FROM, TO, "way-first"))
    ends.sink["low"].wait("way-first", lambda e: e.get("id") == "way-first", 10)
    stopped, = ends.gateway.kill("journal", signal.SIGSTOP)
    try:
        peer.send("".join(message(FROM, TO, f"way-{i}") for i in range(30)))
        time.sleep(1)
        status = json.loads(ends.gateway.lockgate("status", "-c", ends.gateway.conf, "--json"))
        edge = next(p for p in status["programs"] if p["name"] == "edge/high")["stats"]
        assert [p["in_open"] for p in edge["pairs"] if p["theirs"] == "high.example" and p["ours"] == "low.example"] == [8]
    finally:
        os.kill(stopped, signal.SIGCONT)
    ends.sink["low"].wait("the last", lambda e: e.get("id") == "way-29", 15)
    assert [i for i in ends.sink["low"].ids() if i.startswith("way-") and i != "way-first"] == [f"way-{i}" for i in range(30)]


@pytest.mark.parametrize("window", [{"limits.window_stanzas": 8}, {"limits.window_bytes": "64KiB", "limits.stanza": "32KiB"}], ids=["stanzas", "bytes"])
def test_a_shared_stream_is_not_held_up(running, window):
    """Two pairs on one stream, and a far server that takes nothing: of one pair eight stanzas, or 64 KiB, are taken in, the stream waits ten
    seconds, then what that pair sends is refused and answered, with a record; the other pair's stanza behind them is taken in."""
    r = running(layout="routed", high="bare", low="bare", settings={**window, "limits.handshake": "60s", "limits.deliver": "30s"})
    ends = Ends(r.lab, sinks=("high",))
    ends.open_sink("low", mute=True)
    try:
        peer, mark = ends.stream("high"), r.events.mark()
        peer.send(f"<db:result from='high.example' to='rooms.low.example' xmlns:db='{DIALBACK}'>key</db:result>")
        assert peer.expect("result").get("type") == "valid"
        body = "w" * (8200 if "limits.window_bytes" in window else 8)
        peer.send("".join(message(FROM, TO, f"shared-{i}", body) for i in range(12)) + message(FROM, "room@rooms.low.example/b", "beside-it"))
        time.sleep(2)
        assert not r.events.find(lambda e: e.get("reason") == "queue-full", mark), "the stream waits first"
        for i in range(8, 12):
            back = ends.sink["high"].wait("the answer", lambda e, i=i: e.get("id") == f"shared-{i}" and e.get("type") == "error", 20)
            assert back.find(".//{*}resource-constraint") is not None
        # an answer of the edge's own may be there before its line is on the disk
        r.events.wait(lambda e: e.get("reason") == "queue-full" and e["stanza_id"] == "shared-11", 5, mark)
        refused = r.events.find(lambda e: e.get("reason") == "queue-full", mark)
        assert [e["stanza_id"] for e in refused] == [f"shared-{i}" for i in range(8, 12)], refused
        assert r.events.wait(lambda e: e["event_type"] == "verdict" and e.get("stanza_id") == "beside-it", 5, mark)
    finally:
        ends.close()


@few
def test_handshakes_a_second(ends):
    """Two a second, four at once: of twenty in a row some fail, with a record, and a second later one succeeds."""
    stood, mark, failed = ends.stream("high"), ends.events.mark(), 0
    for _ in range(20):
        try:
            ends.stream("high")
        except (LabError, OSError):
            failed += 1
    assert failed
    assert ends.events.wait(lambda e: e["event_type"] == "stream" and e.get("reason") == "tls-failed", 5, mark)
    stood.send(message(FROM, TO, "handshakes-beside"))
    ends.sink["low"].wait("handshakes-beside", lambda e: e.get("id") == "handshakes-beside", 10)
    time.sleep(1.5)
    ends.stream("high")


# ---- slow and fast: one gateway with narrow limits --------------------------------------------------------------------

NARROW = {"limits.handshake": "4s", "limits.progress": "3s", "limits.stream_stanzas": 20, "limits.memory": "768MiB", "limits.pairs_per_stream": 1,
          "limits.streams": 40, "limits.stream_bytes": "512KiB"}
narrow = pytest.mark.settings(conf=NARROW)


def until_cut(peer, data):
    """A byte each 0.3 s until the other side has had enough; how long that took."""
    start = time.monotonic()
    try:
        for byte in data * 200:
            if select.select([peer.sock], [], [], 0.3)[0] or time.monotonic() - start > 15:
                break
            peer.sock.sendall(bytes([byte]))
        peer.closes(15 - min(14, time.monotonic() - start))
    except OSError:
        pass
    return time.monotonic() - start


@narrow
def test_slow_senders_are_cut(ends):
    """Nothing at all, a TLS hello, a stream header, a handshake behind STARTTLS, a stanza: a byte now and then keeps none of them open."""
    mark = ends.events.mark()
    behind = ends.connect("high")
    behind.open("high.example", "low.example")
    behind.send("<starttls xmlns='urn:ietf:params:xml:ns:xmpp-tls'/>")
    behind.expect("proceed")
    hello = b"\x16\x03\x01\x02\x00" + b"\x01" * 300
    slow = {"stanza": (ends.stream("high"), b"<message a='"), "nothing": (ends.connect("high"), b""), "hello": (ends.connect("high", port=5270), hello),
            "header": (ends.connect("high"), HEADER.encode()), "tls": (behind, hello)}
    with concurrent.futures.ThreadPoolExecutor(len(slow)) as pool:
        took = dict(zip(slow, pool.map(lambda s: until_cut(*s), slow.values())))
    assert all(2 < t < 10 for t in took.values()), took
    time.sleep(0.3)
    lines = ends.events.find(lambda e: e["event_type"] == "stream" and e.get("reason") == "stream-timeout", mark)
    assert len(lines) == len(slow), lines


@narrow
def test_space_is_no_slow_stanza(ends):
    """White space now and then, longer than limits.progress: each is finished, so the stream stays."""
    peer = ends.stream("high")
    for _ in range(9):
        peer.send(" ")
        time.sleep(0.4)
    peer.send(message(FROM, TO, "behind-the-space"))
    ends.sink["low"].wait("behind-the-space", lambda e: e.get("id") == "behind-the-space", 10)


@narrow
def test_too_fast_is_slowed(ends):
    """Sixty at once on a stream that may have twenty a second: all cross, none sooner than allowed, with one record a second at most; and
    another stream of the same server is not touched."""
    peer, other, mark, start = ends.stream("high"), ends.stream("high"), ends.events.mark(), time.monotonic()
    peer.send("".join(message(FROM, TO, f"fast-{i}") for i in range(60)))
    other.send(message(FROM, TO, "beside"))
    ends.sink["low"].wait("beside", lambda e: e.get("id") == "beside", 5)
    assert "fast-59" not in ends.sink["low"].ids()
    ends.sink["low"].wait("the last", lambda e: e.get("id") == "fast-59", 20)
    assert time.monotonic() - start > 1.7
    assert [i for i in ends.sink["low"].ids() if i.startswith("fast-")] == [f"fast-{i}" for i in range(60)]
    lines = ends.events.find(lambda e: e["event_type"] == "limit" and e.get("reason") == "stanza-rate" and e.get("action") == "slowed", mark)
    assert 1 <= len(lines) <= 1 + time.monotonic() - start, lines


@narrow
def test_space_for_stanzas_is_slowed_too(ends):
    """White space and nothing else counts as bytes: a megabyte of it takes a second longer than the limit's first second."""
    peer, mark = ends.stream("high"), ends.events.mark()
    peer.sock.settimeout(20)
    start = time.monotonic()
    for _ in range(20):
        peer.send(" " * 65536)
        peer.send(message(FROM, TO, "between"))
    peer.send(message(FROM, TO, "behind-the-megabyte"))
    ends.sink["low"].wait("behind-the-megabyte", lambda e: e.get("id") == "behind-the-megabyte", 20)
    assert time.monotonic() - start > 1.3
    assert ends.events.wait(lambda e: e.get("reason") == "stanza-rate", 5, mark)


@narrow
def test_pairs_on_one_stream(ends):
    """The second pair of a stream that may have one is refused, and the stream stays."""
    peer, mark = ends.stream("high"), ends.events.mark()
    peer.send(f"<db:result from='high.example' to='rooms.low.example' xmlns:db='{DIALBACK}'>key</db:result>")
    answer = peer.expect("result")
    assert answer.get("type") == "error" and answer.find(".//{*}resource-constraint") is not None
    assert ends.events.wait(lambda e: e.get("reason") == "stream-limit", 5, mark)
    peer.send(message(FROM, TO, "one-pair"))
    ends.sink["low"].wait("one-pair", lambda e: e.get("id") == "one-pair", 10)


@narrow
def test_streams_of_one_side(ends):
    """More connections than the side may have are closed at once, with a record; one that stood goes on."""
    stood, mark = ends.stream("high"), ends.events.mark()
    crowd = [ends.connect("high") for _ in range(50)]
    closed = 0
    time.sleep(1)
    for peer in crowd:
        if select.select([peer.sock], [], [], 0)[0]:
            closed += 1
    assert 8 <= closed <= 50, closed
    line = ends.events.wait(lambda e: e["event_type"] == "limit" and e.get("error") == "too many streams", 5, mark)
    assert line and line["reason"] == "stream-limit", line
    stood.send(message(FROM, TO, "it-stood"))
    ends.sink["low"].wait("it-stood", lambda e: e.get("id") == "it-stood", 10)


def no_memory_limit():
    if built_with("__asan_init"):
        pytest.skip("the address sanitizer takes terabytes of address space")


@narrow
def test_memory_has_an_end(ends):
    """Edges, guard and reader run under limits.memory."""
    no_memory_limit()
    programs = ends.gateway.programs()
    for program in ("edge-high", "edge-low", "guard", "reader"):
        for pid in programs[program]:
            with open(f"/proc/{pid}/limits") as f:
                line = next(li for li in f if li.startswith("Max address space"))
            assert line.split()[3] == str(768 << 20), (program, line)


def test_a_guard_without_memory_is_started_anew(ends):
    """A guard whose memory is used up (what it has now is all that it may have) takes no large stanza: nothing of it crosses that has no
    verdict, the edge that brought it is ended, and when that was of no use the guard ends. The parent brings both back, the journal says
    so, and what is sent then crosses."""
    no_memory_limit()
    guard, = ends.gateway.programs()["guard"]
    with open(f"/proc/{guard}/statm") as f:
        has = int(f.read().split()[0]) * resource.getpagesize()
    user = os.stat(f"/proc/{guard}").st_uid      # its own user may; root may not everywhere (CAP_SYS_RESOURCE)
    sh("setpriv", f"--reuid={user}", f"--regid={user}", "--clear-groups", "prlimit", "--pid", guard, f"--as={has}:{has}")
    mark, sent, end = ends.events.mark(), [], time.monotonic() + 60
    while ends.gateway.programs().get("guard") == [guard]:
        assert time.monotonic() < end, "it goes on"
        with contextlib.suppress(LabError, OSError, Closed):
            peer = ends.stream("high")
            for _ in range(8):
                sent.append(f"large-{len(sent)}")
                peer.send(message(FROM, TO, sent[-1], "large " * 40000))
            peer.read(2)
    lost = ends.events.wait(lambda e: e["event_type"] == "program" and e.get("subject") == "guard" and e.get("reason") == "program-lost", 10, mark)
    assert lost, ends.events.find(lambda e: e["event_type"] == "program", mark)
    wait_until("another guard", lambda: ends.gateway.programs().get("guard", [guard]) != [guard], 10)

    def crosses():
        with contextlib.suppress(LabError, OSError, Closed):
            ends.stream("high").send(message(FROM, TO, "with-memory", "large " * 40000))
            ends.sink["low"].wait("with-memory", lambda e: e.get("id") == "with-memory", 3)
            return True
        return False
    wait_until("the next guard to take large stanzas", crosses, 30)
    released = {e.get("stanza_id") for e in ends.events.find(lambda e: e["event_type"] == "verdict" and e["verdict"] == "release", mark)}
    assert not [i for i in ends.sink["low"].ids() if i in sent and i not in released]
    assert not [i for i in sent if ends.sink["low"].ids().count(i) > 1]


# ---- dialback under way ------------------------------------------------------------------------------------------------

def test_dialbacks_under_way(running):
    """One for a stream, two for the side, while the server that is asked says nothing: the rest is refused, each with its answer."""
    r = running(layout="routed", high="bare", low="bare", dialback=True, settings={"limits.dialbacks_per_stream": 1, "limits.dialbacks": 2})
    ends = Ends(r.lab, sinks=("low",))
    ends.open_sink("high", mute=True)
    try:
        def stream():
            peer = ends.connect("high", tls=(None, None, None))
            peer.start_tls("high.example", "low.example")
            return peer

        def ask(peer, to):
            peer.send(f"<db:result from='high.example' to='{to}' xmlns:db='{DIALBACK}'>key</db:result>")

        def refused(peer):
            answer = peer.expect("result", 5)
            return answer.get("type") == "error" and answer.find(".//{*}resource-constraint") is not None
        mark = r.events.mark()
        first, second, third = stream(), stream(), stream()
        ask(first, "low.example")
        ask(first, "rooms.low.example")
        assert refused(first)
        ask(second, "low.example")
        time.sleep(0.3)
        ask(third, "low.example")
        assert refused(third)
        assert r.events.wait(lambda e: e["event_type"] == "limit" and e.get("reason") == "stream-limit", 5, mark)
    finally:
        ends.close()


def test_a_pair_is_asked_about_once(running):
    """While a key is asked about, and when its pair is proven, the same pair costs no further question, whatever the key."""
    r = running(layout="routed", high="bare", low="bare", dialback=True)
    ends, answers, held = Ends(r.lab, sinks=()), threading.Event(), []

    def authoritative(peer, e):
        held.append(e)
        answers.wait(10)
        peer.send(f"<db:verify xmlns:db='{DIALBACK}' from='high.example' to='low.example' id='{e.get('id')}' type='valid'/>")
    server = ends.open_sink("high", answer=authoritative, tls_only=True)
    server.tls = (*server.tls[:2], None)        # the gateway shows no certificate of this side's authority here
    try:
        peer = ends.connect("high", tls=(None, None, None))
        peer.start_tls("high.example", "low.example")
        for n in range(3):
            peer.send(f"<db:result from='high.example' to='low.example' xmlns:db='{DIALBACK}'>key-{n}</db:result>")
        assert [peer.expect("result", 5).get("type") for _ in range(2)] == ["error", "error"]
        answers.set()
        assert peer.expect("result", 10).get("type") == "valid"
        peer.send(f"<db:result from='high.example' to='low.example' xmlns:db='{DIALBACK}'>another</db:result>")
        assert peer.expect("result", 10).get("type") == "valid"
        assert len(held) == server.connections == 1
        assert r.events.wait(lambda e: e["event_type"] == "stream" and e.get("auth") == "dialback" and e.get("from_domain") == "high.example", 5)
    finally:
        answers.set()
        ends.close()


# ---- the table ---------------------------------------------------------------------------------------------------------

def keys_and_defaults():
    """{"limits.stanza": "256KiB"} as `lockgate check --list-config` tells the schema."""
    found, group = {}, None
    for line in sh(os.path.join(build_folder(), "bin", "lockgate"), "check", "--list-config").splitlines():
        if not line.startswith(" "):
            group = line.split(":")[0]
        elif not line.startswith("   "):
            default = re.search(r"default ([^:]*):", line)
            found[f"{group}.{line.split(':')[0].strip()}"] = default.group(1) if default else None
    return found


def text_of(test):
    """What a row's test says: the function, or the lines around its words with the macros that they use. Empty: there is no such test."""
    path, _, name = test.partition("::" if "::" in test else ": ")
    with open(os.path.join(HERE, "..", path)) as f:
        text = f.read()
    if "::" in test:
        found = re.search(rf"^def {name}\(.*?(?=^\S|\Z)", text, re.M | re.S)
        return found[0] if found else ""
    at = text.find(name)
    around = text[max(0, at - 200):at + 700] if at >= 0 else ""
    return around + "".join(m[0] for m in re.finditer(r"^#define (\w+).*$", text, re.M) if m[1] in around)


def test_table_of_limits():
    """Each key of the schema's group of limits has its row, with its default, a test that is there and names the reason, one of the list."""
    root = os.path.join(HERE, "..", "..")
    shipped = {k: v for k, v in keys_and_defaults().items() if k.split(".")[0] in ("limits", "admission")}
    with open(os.path.join(root, "include", "reason.h")) as f:
        reasons = {code: name for name, code in re.findall(r'X\((\w+), "([^"]+)"', f.read())}
    table, wrong = {}, []
    for what, key, default, test, reason, _ in ROWS:
        table[key] = default
        text = text_of(test)
        if not text:
            wrong.append(f"{what}: no test {test}")
        if reason is not None and reason not in reasons:
            wrong.append(f"{what}: no reason {reason}")
        elif reason is not None and not re.search(rf"\b(?:{reason}|GW_R_{reasons[reason]})\b", text):
            wrong.append(f"{what}: {test} does not look for {reason}")
    assert not wrong
    assert table == shipped
    os.makedirs(os.path.join(build_folder(), "test-logs"), exist_ok=True)
    with open(os.path.join(build_folder(), "test-logs", "e2e-limits.table"), "w") as f:
        f.write("".join(f"{w:<44} {k:<28} {d:<8} {r or '-':<15} {o}\n" for w, k, d, _, r, o in ROWS))
