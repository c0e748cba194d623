# SPDX-License-Identifier: GPL-3.0-or-later
# kill -9 of each program under load: nothing crosses without its record, nothing crosses twice, the parent brings the program back
# within a second, and every stanza is delivered, answered, recorded as unknown, or was in the hands of the killed edge itself.
# alone: it measures how soon programs are back.

import random
import signal
import time

import pytest

from lab.ends import bare, Load
from lab.net import wait_until
from lab.wire import message, number

FROM, TO = "load@high.example/r", "sink@low.example/r"
RATE = 200          # a second, high to low; low to high has a quarter of it


@pytest.fixture
def ends(running):
    with bare(running, {"limits.deliver": "5s"}, 0.2) as e:
        wait_until("all programs to run", lambda: len(e.gateway.programs()) >= 7, 5)
        yield e


class Books:
    """What the journal and the sinks say about one load."""

    def __init__(self, ends, load, far, near):
        self.load, self.tag = load, load.tag + "-"
        self.arrived = load.arrived(ends.sink[far])
        self.answered = {number(e.get("id")) for _, e in ends.sink[near].stanzas
                         if (e.get("id") or "").startswith(self.tag) and e.get("type") == "error"}
        mine = ends.events.find(lambda e: e["event_type"] == "verdict" and str(e.get("stanza_id", "")).startswith(self.tag))
        self.verdicts = {}
        for e in mine:
            self.verdicts.setdefault(number(e["stanza_id"]), []).append(e)
        # A guard that follows one that died knows a stanza by its stub, not by the number that the dead one gave it.
        self.by_id = {number(e["stanza_id"]) for e in ends.events.find(
            lambda e: e["event_type"] == "delivery" and str(e.get("stanza_id", "")).startswith(self.tag))}
        self.deliveries = {(e.get("guard"), e.get("number")): e.get("delivery")
                           for e in ends.events.find(lambda e: e["event_type"] == "delivery")}

    def delivery(self, n):
        return {self.deliveries.get((e.get("guard"), e.get("number"))) for e in self.verdicts.get(n, [])}

    def unrecorded(self):
        """Crossed without a verdict that releases."""
        return [n for n in self.arrived if not any(v["verdict"] == "release" for v in self.verdicts.get(n, []))]

    def doubled(self):
        return [n for n, count in self.arrived.items() if count != 1]

    def open(self):
        """Sent, and neither delivered nor answered nor recorded as not delivered."""
        return [n for n in self.load.sent if n not in self.arrived and n not in self.answered
                and not (self.delivery(n) - {None, "written"})]

    def lost_with_the_stream(self, unread=1.5):
        """Sent in the second before a stream of the sender broke: TCP may have lost them on the way to the edge. unread: seconds; an
        edge that has no guard reads nothing."""
        lost = set()
        for when, last in self.load.broken:
            lost |= {n for n, at in self.load.sent.items() if n <= last + 1 and when - at < unread}
        return lost


def settle(ends, loads, timeout=12):
    """Waits until nothing is open any more, or the time is over."""
    def books():
        return [Books(ends, load, *sides) for load, sides in loads]
    end = time.monotonic() + timeout
    while time.monotonic() < end and any(set(b.open()) - b.lost_with_the_stream() for b in books()):
        time.sleep(0.3)
    time.sleep(0.5)
    return books()


def kill_under_load(ends, program, round_):
    down = Load(ends, "high", f"{program}-{round_}-down", RATE).start()
    up = Load(ends, "low", f"{program}-{round_}-up", RATE // 4).start()
    loads = [(down, ("low", "high")), (up, ("high", "low"))]
    try:
        for load, sink in ((down, ends.sink["low"]), (up, ends.sink["high"])):
            sink.wait("load to flow", lambda e: (e.get("id") or "").startswith(load.tag), 10)
        time.sleep(1)
        old = ends.gateway.kill(program)
        assert old, f"{program} does not run; there are {ends.gateway.programs()}"
        killed = time.monotonic()
        wait_until(f"{program} to come back", lambda: set(ends.gateway.programs().get(program, [])) - set(old), 5, step=0.01)
        back = time.monotonic() - killed
        time.sleep(1.5)
        resumed = [at for at, e in ends.sink["low"].stanzas if at > killed + 0.2]
    finally:
        down.stop()
        up.stop()
    return loads, back, killed, resumed


@pytest.mark.parametrize("program", ["guard", "scanner", "edge-high", "edge-low", "journal", "admission-high"])
def test_kill(ends, program):
    loads, back, killed, resumed = kill_under_load(ends, program, 1)
    books = settle(ends, loads)
    for b in books:
        assert not b.unrecorded(), f"crossed without a record: {b.unrecorded()[:5]}"
        assert not b.doubled(), f"crossed twice: {b.doubled()[:5]}"
        missing = set(b.open()) - (b.lost_with_the_stream() if program.startswith("edge") else set())
        assert not missing, f"{len(missing)} of {len(b.load.sent)} not accounted for: {sorted(missing)[:5]}"
        if not program.startswith("edge"):
            assert not b.load.broken, "a stream of the sender broke"
    assert back < 1.0, f"{program} was back after {back:.2f} s"
    assert resumed, "nothing flowed after the kill"
    assert resumed[0] - killed < 4, f"traffic came back after {resumed[0] - killed:.1f} s"
    lost = ends.events.find(lambda e: e["event_type"] == "program" and e.get("reason") == "program-lost")
    assert lost, "the journal does not name the loss"


def test_no_release_without_the_journal(ends):
    """The journal stands still: the guard's records reach the far edge, and stay there until the line is durable."""
    peer = ends.stream("high")
    peer.send(message(FROM, TO, "j-0"))
    ends.sink["low"].wait("j-0", lambda e: e.get("id") == "j-0", 10)
    ends.gateway.kill("journal", signal.SIGSTOP)
    try:
        for n in range(1, 20):
            peer.send(message(FROM, TO, f"j-{n}"))
        time.sleep(1.5)
        assert ends.sink["low"].ids() == ["j-0"]
    finally:
        ends.gateway.kill("journal", signal.SIGCONT)
    ends.sink["low"].wait("j-19", lambda e: e.get("id") == "j-19", 10)
    assert ends.sink["low"].ids() == [f"j-{n}" for n in range(20)]


def test_admission_stopped(ends):
    """Without admission no new connection comes through; streams that stand go on."""
    peer = ends.stream("high")
    peer.send(message(FROM, TO, "a-0"))
    ends.sink["low"].wait("a-0", lambda e: e.get("id") == "a-0", 10)
    ends.gateway.kill("admission-high", signal.SIGSTOP)
    try:
        with pytest.raises(OSError):
            ends.connect("high", timeout=2)
        peer.send(message(FROM, TO, "a-1"))
        ends.sink["low"].wait("a-1", lambda e: e.get("id") == "a-1", 10)
    finally:
        ends.gateway.kill("admission-high", signal.SIGCONT)
    ends.stream("high").send(message(FROM, TO, "a-2"))
    ends.sink["low"].wait("a-2", lambda e: e.get("id") == "a-2", 10)


def test_deadline_after_deadline(ends):
    """Whoever makes scanners hang again and again loses their own stanzas; the others' pass as soon after the seventh time as after the first."""
    peer = ends.stream("high")
    for turn in range(7):
        old = ends.gateway.kill("scanner", signal.SIGSTOP)
        assert len(old) == 2, f"not both scanners run: {old}"
        for n in range(2):      # one for each of them
            peer.send(message(FROM, TO, f"hang{turn}-{n}"))
        # one that stands still has ten times limits.scan, a second
        wait_until("new scanners", lambda: len(set(ends.gateway.programs().get("scanner", [])) - set(old)) == 2, 4, step=0.02)
        peer.send(message(FROM, TO, f"next-{turn}"))
        ends.sink["low"].wait(f"next-{turn}", lambda e: e.get("id") == f"next-{turn}", 3)
    hung = [f"hang{turn}-{n}" for turn in range(7) for n in range(2)]
    said = {e["stanza_id"]: e["reason"] for e in ends.events.find(lambda e: e["event_type"] == "verdict" and e.get("stanza_id") in hung)}
    assert said == {h: "scan-timeout" for h in hung}


def test_a_scanner_that_gets_no_processor_is_waited_for(ends):
    """Four times as long as a scan may take, and none of it on a processor: a machine with other work refuses no stanza."""
    peer = ends.stream("high")
    old = ends.gateway.kill("scanner", signal.SIGSTOP)
    try:
        for n in range(6):
            peer.send(message(FROM, TO, f"late-{n}"))
        time.sleep(0.4)
        assert ends.sink["low"].ids() == []
    finally:
        ends.gateway.kill("scanner", signal.SIGCONT)
    ends.sink["low"].wait("late-5", lambda e: e.get("id") == "late-5", 5)
    assert ends.sink["low"].ids() == [f"late-{n}" for n in range(6)]
    assert sorted(ends.gateway.programs()["scanner"]) == sorted(old), "a scanner was ended"


def delivery_counts(events):
    """{(guard, number): how many records of its delivery} of all that was released, and of what was to be but had no edge to go to."""
    counts = {(e["line_epoch"], e["line_number"]): 0 for e in events.find(
        lambda e: e["event_type"] == "verdict" and ("target" in e or e["verdict"] == "release") and e.get("action") != "probe")}
    for e in events.find(lambda e: e["event_type"] == "delivery" and "guard" in e):
        counts[e["guard"], e["number"]] = counts.get((e["guard"], e["number"]), 0) + 1
    return counts


def one_delivery_each(ends, timeout=45):
    """Waits for the journal's own records (limits.deliver and 15 s); then each released number has one record of its delivery."""
    end = time.monotonic() + timeout
    while time.monotonic() < end and 0 in delivery_counts(ends.events).values():
        time.sleep(0.5)
    counts = delivery_counts(ends.events)
    wrong = {k: n for k, n in counts.items() if n != 1}
    assert counts and not wrong, f"of {len(counts)} released, with none or several records of their delivery: {list(wrong.items())[:5]}"
    return counts


def books_balance(ends, loads, unread=1.5):
    """Every stanza seen has its record; none crossed twice; whatever was let go has a delivery, "unknown" where nobody can know."""
    one_delivery_each(ends)
    for b in settle(ends, loads, 40):
        assert not b.unrecorded(), f"crossed without a record: {b.unrecorded()[:5]}"
        assert not b.doubled(), f"crossed twice: {b.doubled()[:5]}"
        missing = set(b.open()) - b.lost_with_the_stream(unread)
        assert not missing, f"{len(missing)} of {len(b.load.sent)} not accounted for: {sorted(missing)[:5]}"
        twice = [n for n, v in b.verdicts.items() if len(v) != 1]
        assert not twice, f"two verdicts on one stanza: {twice[:5]}"
        unsettled = [n for n, v in b.verdicts.items() if v[0]["verdict"] == "release" and n not in b.by_id
                     and not b.deliveries.get((v[0]["guard"], v[0]["number"]))]
        assert not unsettled, f"released, and no record of its delivery: {unsettled[:5]}"
    seen = set()
    for e in ends.events.find(lambda e: True):
        told = e["program"], e["line_epoch"], e["line_number"]
        assert told not in seen, f"a line is there twice: {told}"
        seen.add(told)


def kill_at_random(ends, kills, seed):
    """One program after the other, at a moment that chance picks, as soon as the last one is back: under load in both directions."""
    chance = random.Random(seed)
    down, up = Load(ends, "high", f"x{seed}-down", RATE).start(), Load(ends, "low", f"x{seed}-up", RATE // 4).start()
    done, turn = [], []
    try:
        ends.sink["low"].wait("load to flow", lambda e: (e.get("id") or "").startswith(down.tag), 10)
        while len(done) < kills:
            if not turn:
                turn = sorted(ends.gateway.programs())
                chance.shuffle(turn)
            program = turn.pop()
            time.sleep(chance.uniform(0.05, 0.6))
            old = ends.gateway.kill(program)
            assert old, f"{program} does not run"
            wait_until(f"{program} to come back", lambda: set(ends.gateway.programs().get(program, [])) - set(old), 12, step=0.02)
            done.append(program)
        time.sleep(1)
    finally:
        down.stop()
        up.stop()
    return [(down, ("low", "high")), (up, ("high", "low"))], done


def test_random_kills(ends):
    """With the six above: twenty."""
    loads, done = kill_at_random(ends, 14, 1)
    books_balance(ends, loads)
    assert len(set(done)) >= 7, done


def kill_all_that_know(ends, chance):
    """Journal, guard and both edges, in any order, within three seconds."""
    names = ["journal", "guard", "edge-high", "edge-low"]
    chance.shuffle(names)
    gaps = [chance.uniform(0, 0.9) for _ in names[1:]] + [0]
    for name, gap in zip(names, gaps):
        # One that has just been started again and has no number yet is killed when it has one.
        wait_until(f"{name} to run", lambda: ends.gateway.kill(name), 8, step=0.01)
        time.sleep(gap)
    return names


def die_under_load(ends, name, rounds, chance):
    down, up = Load(ends, "high", f"{name}-down", RATE).start(), Load(ends, "low", f"{name}-up", RATE // 4).start()

    def flows():
        mark = len(down.arrived(ends.sink["low"]))
        wait_until("load to flow", lambda: len(down.arrived(ends.sink["low"])) > mark + 20, 30)
    try:
        for round_ in range(rounds):
            flows()
            kill_all_that_know(ends, chance)
        flows()
    finally:
        down.stop()
        up.stop()
    books_balance(ends, [(down, ("low", "high")), (up, ("high", "low"))], 5)


@pytest.mark.parametrize("rounds, seed", [(3, 21), pytest.param(12, 22, marks=pytest.mark.long)])
def test_all_that_know_die(ends, rounds, seed):
    """Nobody is left who could say what became of what was released: the journal says so itself, from what it wrote, and once. Whether anything was
    on its way when they died is chance: if it never was, the rounds are gone through again."""
    chance, own = random.Random(seed), []
    for turn in range(3):
        die_under_load(ends, f"q{seed}{'abc'[turn]}", rounds, chance)
        own = ends.events.find(lambda e: e["event_type"] == "delivery" and e["program"] == "journal")
        if own:
            break
    assert own, "the journal had nothing to say itself: this test sees nothing"
    verdicts = {e["seq"]: e for e in ends.events.find(lambda e: e["event_type"] == "verdict")}
    for e in own:
        v = verdicts[e["record"]]
        assert (v["line_epoch"], v["line_number"], v["ticket"], v["direction"]) == (e["guard"], e["number"], e["ticket"], e["direction"])
    said = {}
    for e in ends.events.find(lambda e: e["event_type"] in ("delivery", "settlement")):
        key = f"{e['program'].split('/')[0]}: {e['event_type']} {e['delivery']}"
        said[key] = said.get(key, 0) + 1
    print(f"{rounds} rounds, {len(verdicts)} verdicts; {dict(sorted(said.items()))}")


@pytest.mark.long
@pytest.mark.parametrize("seed", range(2, 12))
def test_two_hundred_random_kills(ends, seed):
    loads, _ = kill_at_random(ends, 20, seed)
    books_balance(ends, loads)
