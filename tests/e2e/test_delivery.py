# SPDX-License-Identifier: GPL-3.0-or-later
# Delivery as it is promised: order for each pair, an honest error within 30 seconds for what cannot be delivered, never two;
# back-pressure with bounded memory; several pairs on one stream; idle and orderly close; keepalive.

import threading
import time

import pytest

from lab.ends import bare, marked, HOME, Load
from lab.net import LabError
from lab.wire import DIALBACK, message, name, number

FROM, TO = "a@high.example/r", "b@low.example/r"
ROOM = "room@rooms.low.example"


@pytest.fixture
def ends(running, request):
    """Bare ends on a running gateway. A test may name settings: @pytest.mark.settings(...)."""
    with bare(running, marked(request), 0.1, sinks=()) as e:
        yield e


def is_error(id_):
    return lambda e: e.get("id") == id_ and e.get("type") == "error"


def condition(element):
    error = next(c for c in element if name(c) == "error")
    return name(error[0])


def test_larger_than_the_other_server_takes(ends):
    """XEP-0478: what is above its max-bytes goes back to the sender, who is told that it is too large; the stream and the next one are fine."""
    ends.open_sink("low", features="<limits xmlns='urn:xmpp:stream-limits:0'><max-bytes>10000</max-bytes></limits>")
    ends.open_sink("high")
    peer, mark = ends.stream("high"), ends.events.mark()
    for id_, size in (("fits", 9000), ("too-large", 12000), ("fits-too", 100)):
        peer.send(message(FROM, TO, id_, "a word " * (size // 7)))
    assert condition(ends.sink["high"].wait("the answer", is_error("too-large"))) == "policy-violation"
    ends.sink["low"].wait("the last", lambda e: e.get("id") == "fits-too")
    assert ends.sink["low"].ids() == ["fits", "fits-too"]
    assert ends.events.wait(lambda e: e["event_type"] == "delivery" and e.get("reason") == "too-large", 10, mark)


def test_order_is_kept(ends):
    ends.open_sink("low")
    peer = ends.stream("high")
    for i in range(500):
        peer.send(message(FROM, TO, f"order-{i}"))
        if i % 50 == 0:     # another pair of the same side in between
            peer.send(f"<iq from='{FROM}' to='low.example' id='mid-{i}' type='get'><ping xmlns='urn:xmpp:ping'/></iq>")
    ends.sink["low"].wait("the last one", lambda e: e.get("id") == "order-499", 20)
    got = [number(i) for i in ends.sink["low"].ids() if i.startswith("order-")]
    assert got == list(range(500))


def test_first_messages_wait_for_the_onward_stream(ends):
    """The far server appears a moment later: what waited is delivered, once, in order."""
    peer = ends.stream("high")
    for i in range(20):
        peer.send(message(FROM, TO, f"early-{i}"))
    time.sleep(2)
    ends.open_sink("low")
    ends.sink["low"].wait("the last one", lambda e: e.get("id") == "early-19", 25)
    assert [i for i in ends.sink["low"].ids() if i.startswith("early-")] == [f"early-{i}" for i in range(20)]


# name, stanza, condition of the error that must come back (None: silence)
UNREACHABLE = [
    ("chat", message(FROM, TO, "gone"), {"remote-server-not-found", "remote-server-timeout"}),
    ("groupchat to a room", message(FROM, ROOM, "gone", type_="groupchat"), {"remote-server-not-found", "remote-server-timeout"}),
    ("iq get", f"<iq from='{FROM}' to='{TO}' id='gone' type='get'><ping xmlns='urn:xmpp:ping'/></iq>",
     {"remote-server-not-found", "remote-server-timeout"}),
    ("iq result", f"<iq from='{FROM}' to='{TO}' id='gone' type='result'/>", None),
    ("error", f"<message from='{FROM}' to='{TO}' id='gone' type='error'><body>x</body><error type='cancel'>"
              "<gone xmlns='urn:ietf:params:xml:ns:xmpp-stanzas'/></error></message>", None),
    ("unavailable presence", f"<presence from='{FROM}' to='{TO}' id='gone' type='unavailable'/>", None),
]


@pytest.mark.parametrize("far", ["closed", "mute"])
def test_unreachable_far_server(ends, far):
    """Nobody listens, or somebody who never answers: one error within 30 seconds for each stanza that may have one."""
    if far == "mute":
        ends.open_sink("low", mute=True)
    back = ends.open_sink("high")       # answers come over a stream that the gateway opens towards the sender
    mark, start = ends.events.mark(), time.monotonic()
    for n, (_, stanza, _) in enumerate(UNREACHABLE):
        to = "rooms.low.example" if ROOM in stanza else "low.example"
        peer = ends.stream("high", to=to)
        peer.send(stanza.replace("'gone'", f"'gone-{far}-{n}'"))
    for n, (title, _, wanted) in enumerate(UNREACHABLE):
        if wanted:
            got = back.wait(f"the error for: {title}", is_error(f"gone-{far}-{n}"), start + 32 - time.monotonic())
            assert condition(got) in wanted, title
    time.sleep(3)       # a second bounce would come now
    for n, (title, _, wanted) in enumerate(UNREACHABLE):
        count = back.ids().count(f"gone-{far}-{n}")
        assert count == (1 if wanted else 0), title
        released = ends.events.find(lambda e: e["event_type"] == "verdict" and e.get("stanza_id") == f"gone-{far}-{n}"
                                    and e["verdict"] == "release", mark)
        for verdict in released:
            assert ends.events.wait(lambda e: e["event_type"] == "delivery" and e.get("number") == verdict["number"]
                                    and e.get("delivery") != "written", 5, mark), title


def test_error_goes_back_once(ends):
    """A refusal is answered with the rule's error; the answer, refused or not by the far side, makes no second one."""
    low, high = ends.open_sink("low"), ends.open_sink("high")
    peer = ends.stream("high")
    peer.send(message(FROM, TO, "no-1", "FORGET-ME-NOT"))
    high.wait("the refusal", is_error("no-1"), 10)
    time.sleep(1)
    assert high.ids().count("no-1") == 1 and "no-1" not in low.ids()


def test_further_pair_on_one_stream(ends):
    """XEP-0220 multiplexing, proven by the certificate: rooms.low.example on the stream that was opened to low.example."""
    ends.open_sink("low")
    peer = ends.stream("high")
    peer.send(f"<db:result from='high.example' to='rooms.low.example' xmlns:db='{DIALBACK}'>key</db:result>")
    answer = peer.expect("result")
    assert (answer.get("type"), answer.get("from"), answer.get("to")) == ("valid", "rooms.low.example", "high.example")
    peer.send(message(FROM, ROOM, "further", type_="groupchat"))
    ends.sink["low"].wait("the room's message", lambda e: e.get("id") == "further", 10)


def test_further_pair_without_proof(ends):
    """A domain that the certificate does not name, and a pair that is not configured: an error, and the stream goes on."""
    ends.open_sink("low")
    peer = ends.stream("high")
    for from_, to in (("other.example", "low.example"), ("high.example", "other.example")):
        peer.send(f"<db:result from='{from_}' to='{to}' xmlns:db='{DIALBACK}'>key</db:result>")
        assert peer.expect("result").get("type") in ("error", "invalid")
    peer.send(message(FROM, TO, "goes-on"))
    ends.sink["low"].wait("the next message", lambda e: e.get("id") == "goes-on", 10)


def test_stanza_of_an_unproven_pair_ends_the_stream(ends):
    ends.open_sink("low")
    peer = ends.stream("high")
    mark = ends.events.mark()
    peer.send(message(FROM, ROOM, "unproven", type_="groupchat"))
    assert peer.stream_error(8) in ("host-unknown", "improper-addressing", "invalid-from", "not-authorized")
    assert ends.events.wait(lambda e: e.get("reason") in ("pair-mismatch", "pair-forbidden"), 5, mark)
    assert "unproven" not in ends.sink["low"].ids()


def test_many_streams_one_pair(ends):
    """Ten inbound streams of one pair share one onward stream."""
    sink = ends.open_sink("low")
    for i in range(10):
        ends.stream("high").send(message(FROM, TO, f"many-{i}"))
    for i in range(10):
        sink.wait(f"many-{i}", lambda e: e.get("id") == f"many-{i}", 10)
    assert sink.connections <= 2     # one, and one more when an old one of the test before was still closing


def test_lost_onward_stream_is_opened_again(ends):
    sink = ends.open_sink("low")
    peer = ends.stream("high")
    peer.send(message(FROM, TO, "first"))
    sink.wait("first", lambda e: e.get("id") == "first")
    sink.cut()
    time.sleep(0.5)
    peer.send(message(FROM, TO, "second"))
    sink.wait("second", lambda e: e.get("id") == "second", 20)


def memory(gateway):
    """Resident bytes of each program."""
    found = {}
    for program, pids in gateway.programs().items():
        for pid in pids:
            with open(f"/proc/{pid}/statm") as f:
                found[program] = found.get(program, 0) + int(f.read().split()[1]) * 4096
    return found


def flood(ends, side, tag, seconds, body):
    """Sends as fast as the gateway takes it; returns how many it took."""
    peer = ends.stream(side)
    peer.sock.settimeout(0.5)
    here, there = HOME[side], HOME["low" if side == "high" else "high"]
    count, end = 0, time.monotonic() + seconds
    while time.monotonic() < end:
        try:
            peer.send(message(f"a@{here}/r", f"b@{there}/r", f"{tag}-{count}", body))
            count += 1
        except TimeoutError:
            break       # a half-sent stanza: this stream is done
        except OSError:
            break
    return count


def test_slow_reader_is_felt_by_the_sender(ends):
    """The far server stops reading: the sender is held back, memory stays bounded, and what crossed is in order."""
    sink = ends.open_sink("low")
    peer = ends.stream("high")
    peer.send(message(FROM, TO, "start"))
    sink.wait("start", lambda e: e.get("id") == "start")
    before = memory(ends.gateway)
    sink.pause.set()
    body = "x" * 4000
    taken = flood(ends, "high", "slow", 6, body)
    after = memory(ends.gateway)
    assert taken * 4000 < 64 << 20, "the sender was never held back"
    grown = {p: after[p] - before.get(p, 0) for p in after if after[p] - before.get(p, 0) > 48 << 20}
    assert not grown, grown
    sink.pause.clear()
    time.sleep(2)
    got = [number(i) for i in sink.ids() if i.startswith("slow-")]
    assert got == sorted(got) and len(set(got)) == len(got)


def test_two_full_directions_do_not_lock(ends):
    """Both far servers stop reading while both sides send; when they read again, both directions move."""
    low, high = ends.open_sink("low"), ends.open_sink("high")
    for side in ("high", "low"):
        ends.stream(side).send(message(f"a@{HOME[side]}/r", f"b@{HOME['low' if side == 'high' else 'high']}/r", f"start-{side}"))
    low.wait("start", lambda e: e.get("id") == "start-high")
    high.wait("start", lambda e: e.get("id") == "start-low")
    low.pause.set()
    high.pause.set()
    threads = [threading.Thread(target=flood, args=(ends, s, f"full-{s}", 4, "y" * 4000)) for s in ("high", "low")]
    for t in threads:
        t.start()
    for t in threads:
        t.join(15)
    low.pause.clear()
    high.pause.clear()
    low_before, high_before = len(low.ids()), len(high.ids())
    time.sleep(1)
    for side, sink in (("high", low), ("low", high)):
        there = "low" if side == "high" else "high"
        ends.stream(side).send(message(f"a@{HOME[side]}/r", f"b@{HOME[there]}/r", f"free-{side}"))
        sink.wait("a message after the jam", lambda e: e.get("id") == f"free-{side}", 30)
    assert len(low.ids()) > low_before and len(high.ids()) > high_before


@pytest.mark.settings(conf={"limits.idle": "10s", "limits.keepalive": "1s"})
def test_idle_streams_close_in_order(ends):
    sink, mark = ends.open_sink("low"), ends.events.mark()
    peer = ends.stream("high")
    peer.send(message(FROM, TO, "idle"))
    sink.wait("idle", lambda e: e.get("id") == "idle")
    start = time.monotonic()
    assert peer.read(20) is None        # </stream:stream>, no error
    assert 8 < time.monotonic() - start < 15
    peer.close()                        # answered in kind: else the edge waits five seconds for it
    deadline = time.monotonic() + 5
    while sink._streams and time.monotonic() < deadline:
        time.sleep(0.1)
    assert not sink._streams and not sink.errors, sink.errors
    for side in ("high", "low"):
        assert ends.events.wait(lambda e, s=side: e["event_type"] == "stream" and e.get("side") == s and e.get("reason") == "stream-idle", 5, mark)
    ends.stream("high").send(message(FROM, TO, "again"))       # and it opens again when needed
    sink.wait("again", lambda e: e.get("id") == "again")


@pytest.mark.settings(conf={"limits.idle": "60s", "limits.keepalive": "1s"})
def test_whitespace_keepalive(ends):
    """A quiet stream carries white space, both ways, and stays."""
    ends.open_sink("low")
    peer = ends.stream("high")
    peer.send(message(FROM, TO, "quiet"))
    ends.sink["low"].wait("quiet", lambda e: e.get("id") == "quiet")
    peer.raw = b""
    with pytest.raises(LabError):
        peer.read(3)
    assert peer.raw.strip() == b"" and peer.raw, peer.raw
    peer.send(" ")
    peer.send(message(FROM, TO, "quiet-2"))
    ends.sink["low"].wait("quiet-2", lambda e: e.get("id") == "quiet-2")


def test_orderly_close_by_the_peer(ends):
    ends.open_sink("low")
    peer = ends.stream("high")
    mark = ends.events.mark()
    peer.send(message(FROM, TO, "bye") + "</stream:stream>")
    ends.sink["low"].wait("the last stanza before the close", lambda e: e.get("id") == "bye")
    assert peer.read(5) is None         # answered by </stream:stream>
    peer.closes(5)
    assert ends.events.wait(lambda e: e["event_type"] == "stream" and e.get("reason") == "peer-closed", 5, mark)


def test_handshake_time_limit(ends):
    """A connection that says nothing is closed within limits.handshake."""
    peer = ends.connect("high", timeout=20)
    start = time.monotonic()
    peer.stream_error(15)
    peer.closes(5)
    assert time.monotonic() - start < 14


def test_load_through_is_whole(ends):
    """Some seconds of steady load both ways: everything arrives, once, in order."""
    ends.open_sink("low")
    ends.open_sink("high")
    loads = [Load(ends, side, f"steady-{side}", 300).start() for side in ("high", "low")]
    time.sleep(4)
    for load in loads:
        load.stop()
    for load, sink in zip(loads, (ends.sink["low"], ends.sink["high"])):
        last = max(load.sent)
        sink.wait("the last one", lambda e: e.get("id") == f"{load.tag}-{last}", 15)
        assert load.arrived(sink) == {n: 1 for n in range(last + 1)} and not load.broken
