# SPDX-License-Identifier: GPL-3.0-or-later
# Both servers of a lab as bare endpoints: a Sink on each side that takes what comes, and Peers that say what a test wants.

import contextlib
import os
import shutil
import threading
import time

from .gateway import Gateway, Journal
from .lab import Lab, build_folder
from .layout import OTHER
from .show import Follower
from .wire import Peer, Sink, message, number, readable

HOME = {"high": "high.example", "low": "low.example"}


class Ends:
    def __init__(self, lab, sinks=("high", "low"), **sink_options):
        self.lab = lab
        self.sink = {}
        for side in sinks:
            self.open_sink(side, **sink_options)
        self._peers = []

    def open_sink(self, side, **options):
        plan = self.lab.plan[side]
        self.sink[side] = Sink(self.lab.ns[side].name, [plan.server4, plan.server6], HOME[side], self.lab.identity(side), **options)
        return self.sink[side]

    def where(self, side, family="4"):
        """The address at which a server of `side` finds the other side's domains."""
        plan = self.lab.plan
        found = plan[side].gates(family) if self.lab.layout == "proxy" else plan[OTHER[side]].servers(family)
        return found[0]

    def connect(self, side, family="4", port=5269, tls=None, timeout=10):
        """A TCP connection towards the other side; nothing is said yet."""
        plan = self.lab.plan[side]
        p = Peer.connect(self.lab.ns[side].name, self.where(side, family), port,
                         source=plan.server6 if family == "6" else plan.server4,
                         tls=tls or (*self.lab.server_cert[side], None), timeout=timeout)
        self._peers.append(p)
        return p

    def stream(self, side, from_=None, to=None, family="4", direct=False, **words):
        """An authenticated stream of this side's server."""
        p = self.connect(side, family, 5270 if direct else 5269, **words)
        try:
            return p.authenticated(from_ or HOME[side], to or HOME[OTHER[side]], direct)
        except Exception:
            self.drop(p)
            raise

    def drop(self, peer):
        """Closes a connection before the end of all."""
        with contextlib.suppress(OSError):
            peer.sock.close()
        self._peers[:] = [p for p in self._peers if p is not peer]

    def close(self):
        for p in self._peers:
            with contextlib.suppress(OSError):
                p.sock.close()
        for s in self.sink.values():
            s.close()


@contextlib.contextmanager
def bare(running, settings=None, rest=0.0, sinks=("high", "low"), **words):
    """Bare ends on a gateway of the fixture `running`; `rest`: seconds behind the end of each connection, for what the next test must not see."""
    r = running(layout="routed", high="bare", low="bare", settings=settings, **words)
    e = Ends(r.lab, sinks=sinks)
    e.running, e.events, e.gateway = r, r.events, r.gateway
    try:
        yield e
    finally:
        e.close()
        time.sleep(rest)


@contextlib.contextmanager
def mad(instance, folder, program, before=None):
    """Bare ends on a gateway whose `program` is the one of tests/mad; all run as copies in `folder` (a pathlib.Path).
    `before(folder)` is called when they lie there, the mad one not yet."""
    for name in os.listdir(os.path.join(build_folder(), "bin")):
        shutil.copy(os.path.join(build_folder(), "bin", name), folder / name)
    if before:
        before(folder)
    shutil.copy(os.path.join(build_folder(), "mad", program), folder / program)
    with Lab(instance, layout="routed", high="bare", low="bare") as lab:
        lab.configure_gateway()
        lab.gateway = Gateway(lab, str(folder), lab.gateway.conf)
        lab.gateway.inline("up")
        lab.gateway.start()
        e = Ends(lab)
        e.gateway, e.events = lab.gateway, Follower(Journal(lab.path("state")))
        try:
            yield e
        finally:
            e.events.stop()
            e.close()


def marked(request):
    """What a test asks for by @pytest.mark.settings(conf={...}), or None."""
    mark = request.node.get_closest_marker("settings")
    return mark.kwargs["conf"] if mark else None


class Load:
    """A thread that sends numbered messages over one stream of a side, `rate` a second, and opens a new stream when it breaks.

    sent[n] is the time at which message n was handed to the kernel; broken lists (time, last number sent) of lost streams."""

    def __init__(self, ends, side, tag, rate, body="load"):
        self.ends, self.side, self.tag, self.rate, self.body = ends, side, tag, rate, body
        self.sent, self.broken, self.reopened = {}, [], []
        self.errors = []
        self._end = threading.Event()
        self._thread = threading.Thread(target=self._main, daemon=True)

    def start(self):
        self._thread.start()
        return self

    def _open(self):
        while not self._end.is_set():
            try:
                peer = self.ends.stream(self.side, timeout=3)
                self.reopened.append(time.monotonic())
                return peer
            except Exception as error:      # an edge that is being started again: try until it is there
                self.errors.append(f"{time.monotonic():.3f} {error}")
                time.sleep(0.05)
        return None

    def _main(self):
        peer, n, start = self._open(), 0, time.monotonic()
        me, you = f"load@{HOME[self.side]}/r", f"sink@{HOME[OTHER[self.side]]}/r"
        while peer and not self._end.is_set():
            try:
                if readable(peer.sock, 0) and not peer.sock.recv(65536):
                    raise ConnectionError("closed")
                peer.send(message(me, you, f"{self.tag}-{n}", self.body))
                self.sent[n] = time.monotonic()
                n += 1
            except OSError:
                self.broken.append((time.monotonic(), n - 1))
                peer = self._open()
                continue
            wait = start + n / self.rate - time.monotonic()
            if wait > 0:
                self._end.wait(wait)
        if peer:
            peer.close()

    def stop(self):
        self._end.set()
        self._thread.join(10)

    def arrived(self, sink):
        """{number: how often} of this load's messages in a sink."""
        counts = {}
        for id_ in sink.ids():
            if id_ and id_.startswith(self.tag + "-"):
                counts[number(id_)] = counts.get(number(id_), 0) + 1
        return counts
