# SPDX-License-Identifier: GPL-3.0-or-later
# The scripted exchange between real clients on both sides: what is sent, which verdict it must get, what must arrive.
# `make run` plays it; the end-to-end tests play it in every layout and pairing.

import time

from .net import LabError

ROOM = "ops@rooms.low.example"
FORBIDDEN = "FORGET-ME-NOT"         # rules/ of the lab reject it
SECRET = "NIGHTINGALE-7"            # rules/ of the lab black it out
EICAR = "X5O!P%@AP[4\\PZX54(P^)7CC)7}$" + "EICAR-STANDARD-ANTIVIRUS-TEST-FILE!$H+H*"   # cut, so that this file is no sample
QUIET = 1.0         # seconds after which what has not arrived does not arrive


class Failed(Exception):
    """A step got another verdict or delivery than the story names."""


class Story:
    """Plays the steps on a lab. `follower` is the journal's Follower, or None without a gateway (direct layout): then
    deliveries alone are checked, and steps whose point is a refusal are left out."""

    def __init__(self, lab, follower=None, say=print):
        self.lab, self.follower, self.say = lab, follower, say
        self.results = []       # (title, None or what went wrong)

    def play(self):
        """Plays all steps; every one is tried. True when each went as the story names it."""
        self.say("clients log in")
        self.alice = self.lab.client("high", "alice")
        self.bob = self.lab.client("low", "bob")
        for title, step, needs_gate in self.steps():
            if needs_gate and not self.follower:
                continue
            self.say(f"\n  {len(self.results) + 1}. {title}")
            self.since = self.follower.mark() if self.follower else 0
            try:
                step()
                self.results.append((title, None))
            except (Failed, LabError) as wrong:
                self.results.append((title, str(wrong)))
                self.say(f"    WRONG: {wrong}")
            if self.follower:
                time.sleep(0.1)     # lets the last verdict line of a step be printed under its own title
        return all(wrong is None for _, wrong in self.results)

    def steps(self):
        return [
            ("Alice writes to Bob", self.chat_down, False),
            ("Bob answers", self.chat_up, False),
            ("Alice asks to see Bob's presence, Bob agrees", self.subscription, False),
            ("Alice's client pings Bob's (iq)", self.query, False),
            ("Bob opens a room, Alice enters it across the border, both talk", self.room, False),
            ("Alice uses a forbidden word: blocked, and she is told", self.blocked, True),
            ("Alice mentions a code word: blacked out, the rest arrives", self.redacted, True),
            ("Bob sends the EICAR string: blocked, and he is told", self.eicar, True),
            ("Talk goes on", self.chat_again, False),
        ]

    # ---- steps ----------------------------------------------------------------------------------------------------

    def chat_down(self):
        self._delivered(self.alice, self.bob, "Hello Bob, this is Alice.")

    def chat_up(self):
        self._delivered(self.bob, self.alice, "Hello Alice, Bob here.")

    def chat_again(self):
        self._delivered(self.alice, self.bob, "Still there?")
        self._delivered(self.bob, self.alice, "Still here.")

    def subscription(self):
        a, b = self.alice, self.bob
        a.presence(b.jid, "subscribe")
        b.wait_presence(a.jid, "subscribe")
        b.presence(a.jid, "subscribed")
        a.wait_presence(b.jid, "subscribed")
        a.wait_presence(b.full)
        self._verdict("release", kind="presence", type="subscribe")
        self._verdict("release", kind="presence", type="subscribed")
        self._verdict("release", kind="presence", direction="low-to-high", type=None)

    def query(self):
        id_ = self.alice.ping(self.bob.full)
        answer = self.alice.wait_answer(id_)
        if answer.type != "result":
            raise Failed(f"the ping was answered with {answer.condition()}")
        self._verdict("release", kind="iq", type="get", stanza_id=id_)
        self._verdict("release", kind="iq", type="result", stanza_id=id_)

    def room(self):
        a, b = self.alice, self.bob
        b.join(ROOM, "Bob")
        b.wait_presence(f"{ROOM}/Bob")
        b.wait_answer(b.unlock(ROOM))
        a.join(ROOM, "Alice")
        a.wait_presence(f"{ROOM}/Alice")
        b.wait_presence(f"{ROOM}/Alice")
        for speaker, body in ((a, "Good morning, room."), (b, "Good morning, Alice.")):
            speaker.message(ROOM, body, "groupchat")
            a.wait_message(body, type_="groupchat")
            b.wait_message(body, type_="groupchat")
        self._verdict("release", kind="presence", direction="high-to-low")
        self._verdict("release", kind="presence", direction="low-to-high")
        self._verdict("release", kind="message", type="groupchat", direction="high-to-low")
        self._verdict("release", kind="message", type="groupchat", direction="low-to-high")

    def blocked(self):
        self._refused(self.alice, self.bob, f"Between us: {FORBIDDEN}.")

    def eicar(self):
        self._refused(self.bob, self.alice, EICAR)

    def redacted(self):
        id_ = self.alice.message(self.bob.full, f"The code word is {SECRET}, see you at noon.")
        got = self.bob.wait("the redacted message", lambda g: g.kind == "message" and g.id == id_)
        text = got.text() or ""
        if SECRET in repr(got) or not text.startswith("The code word is ") or not text.endswith(", see you at noon."):
            raise Failed(f"Bob received {text!r}")
        self.say(f"    Bob reads: {text}")
        event = self._verdict("release", stanza_id=id_)
        if not event.get("changed"):
            raise Failed("the verdict names no change")

    # ---- what a step is checked by --------------------------------------------------------------------------------

    def _delivered(self, sender, receiver, body):
        id_ = sender.message(receiver.full, body)
        receiver.wait_message(body)
        self._verdict("release", stanza_id=id_)

    def _refused(self, sender, receiver, body):
        id_ = sender.message(receiver.full, body)
        error = sender.wait_error(id_, 10)
        self._verdict("reject", stanza_id=id_)
        self.say(f"    {sender.jid} is told: {error.condition()}" + (f": {error.text('text')}" if error.text("text") else ""))
        time.sleep(QUIET)
        if receiver.find(lambda g: g.kind == "message" and (g.id == id_ or body in repr(g))):
            raise Failed(f"{receiver.jid} received what was to be blocked")

    def _verdict(self, verdict, **fields):
        """Waits for the journal's verdict on the stanza that has these fields, and compares it."""
        if not self.follower:
            return {}
        event = self.follower.wait(
            lambda e: e["event_type"] == "verdict" and all(e.get(k) == v for k, v in fields.items()), 5, self.since)
        what = ", ".join(f"{k} {v}" for k, v in fields.items())
        if event is None:
            raise Failed(f"the journal has no verdict for the stanza with {what}")
        if event["verdict"] != verdict:
            raise Failed(f"verdict {event['verdict']} ({event.get('reason')}, {event.get('sentence', '')}), not {verdict}, for {what}")
        return event


def by_hand(lab):
    """How to go on by hand in a lab that stands."""
    name = f" --lab {lab.instance}" if lab.instance else ""
    layout = "" if lab.layout == "routed" else f" --layout {lab.layout}"
    lines = ["By hand, as root, each on a terminal of its own:",
             f"  tests/lab/chat high alice{name}{layout}", f"  tests/lab/chat low bob{name}{layout}",
             "  users: alice, anna @high.example; bob, boris @low.example; password lab-password",
             f"  any XMPP client: ip netns exec {lab.ns['high'].name} CLIENT, server {lab.plan['high'].server4} port 5222",
             f"Server logs: {lab.servers['high'].log}", f"             {lab.servers['low'].log}"]
    if lab.layout != "direct":
        lines += [f"Gateway log: {lab.path('log', 'gateway.log')}", f"Journal:     {lab.path('state', 'journal')}",
                  f"Gateway configuration: {lab.path('lockgate.conf')}"]
    return "\n".join(lines)
