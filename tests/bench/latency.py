
# SPDX-License-Identifier: GPL-3.0-or-later
# What the gateway adds to one small message between two real servers: the same two servers wired together and through the
# gateway, in one run, batch about. `latency --help`.
import argparse
import json
import os
import re
import socket
import sys
import time

sys.dont_write_bytecode = True
sys.path.insert(0, os.path.join(os.path.dirname(os.path.realpath(__file__)), ".."))

import base64                                       # noqa: E402

from lab.lab import DOMAINS, Lab                    # noqa: E402
from lab.net import LabError                        # noqa: E402
from lab.servers import PASSWORD                    # noqa: E402
from lab.wire import inside                         # noqa: E402


class Quick:
    """A client with no library between the clock and the socket."""

    def __init__(self, lab, side, user):
        self.jid = f"{user}@{DOMAINS[side][0]}"
        with inside(lab.ns[side].name):
            self.sock = socket.create_connection((lab.plan[side].server4, 5222), timeout=30)
        self.sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.buffer = b""
        header = f"<stream:stream xmlns='jabber:client' xmlns:stream='http://etherx.jabber.org/streams' version='1.0' to='{DOMAINS[side][0]}'>"
        self._say(header, rb"</stream:features>")
        plain = base64.b64encode(f"\0{user}\0{PASSWORD}".encode()).decode()
        self._say(f"<auth xmlns='urn:ietf:params:xml:ns:xmpp-sasl' mechanism='PLAIN'>{plain}</auth>", rb"<success")
        self._say(header, rb"</stream:features>")
        said = self._say("<iq type='set' id='bind'><bind xmlns='urn:ietf:params:xml:ns:xmpp-bind'><resource>bench</resource></bind></iq>",
                         rb"<jid>([^<]+)</jid>")
        self.full = said.group(1).decode()
        self._say("<presence/>", rb"<presence")

    def _say(self, text, answer):
        self.sock.sendall(text.encode())
        return self.until(answer)

    def until(self, pattern, timeout=30):
        """Reads until the pattern is there; what is before and in it is used up."""
        self.sock.settimeout(timeout)
        while True:
            found = re.search(pattern, self.buffer)
            if found:
                self.buffer = self.buffer[found.end():]
                return found
            data = self.sock.recv(65536)
            if not data:
                raise LabError(f"{self.jid}: the server closed")
            self.buffer += data

    def close(self):
        self.sock.close()


def one(sender, receiver, n, timeout=30):
    """Milliseconds from the send call to the last byte's arrival."""
    text = f"<message to='{receiver.full}' id='b{n}' type='chat'><body>The quick brown fox, number {n}.</body></message>".encode()
    start = time.perf_counter()
    sender.sock.sendall(text)
    receiver.until(b"number %d\\.</body>.*?</message>" % n, timeout)
    return (time.perf_counter() - start) * 1000


def percentile(values, p):
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(len(ordered) * p / 100))]


def standing(labs, count, batch=50):
    """Batches alternate, so that whatever else the machine does meets both."""
    pairs = {k: (Quick(lab, "high", "alice"), Quick(lab, "low", "bob")) for k, lab in labs.items()}
    times = {k: [] for k in labs}
    n = 0
    for k, (a, b) in pairs.items():     # opens the streams, warms everything up
        for _ in range(30):
            n += 1
            one(a, b, n)
    while min(map(len, times.values())) < count:
        for k, (a, b) in pairs.items():
            for _ in range(batch):
                n += 1
                times[k].append(one(a, b, n))
                time.sleep(0.001)
    for a, b in pairs.values():
        a.close()
        b.close()
    return times


def first(labs, count):
    """Both servers are started afresh before each message: no stream stands, on no leg, when it is sent."""
    times = {k: [] for k in labs}
    n = 1_000_000
    for _ in range(count):
        for k, lab in labs.items():
            for server in lab.servers.values():
                server.stop()
            for server in lab.servers.values():
                server.start()
            for server in lab.servers.values():
                server.wait_ready()
            a, b = Quick(lab, "high", "alice"), Quick(lab, "low", "bob")
            n += 1
            times[k].append(one(a, b, n))
            a.close()
            b.close()
    return times


def report(title, times, results):
    print(f"\n{title}")
    print(f"{'':12}{'p50':>10}{'p95':>10}{'p99':>10}   milliseconds, n = {len(next(iter(times.values())))}")
    rows = {k: [percentile(v, p) for p in (50, 95, 99)] for k, v in times.items()}
    if len(rows) == 2:
        rows["added"] = [g - d for d, g in zip(rows["direct"], rows["gateway"])]
        rows["ratio"] = [g / d for d, g in zip(rows["direct"], rows["gateway"])]
    for k, row in rows.items():
        print(f"{k:12}" + "".join(f"{v:10.2f}" for v in row))
    results[title] = {k: dict(zip(("p50", "p95", "p99"), (round(v, 3) for v in row))) for k, row in rows.items()}


def main():
    p = argparse.ArgumentParser(prog="latency.py", description="Delay of one small message, direct and through the gateway, in one run.")
    p.add_argument("--count", type=int, default=1500, help="messages on a standing stream, each way of going (default 1500)")
    p.add_argument("--first", type=int, default=15, help="first messages on new streams (default 15)")
    p.add_argument("--layout", default="routed", choices=["routed", "bridge", "proxy"])
    p.add_argument("--direct-only", action="store_true", help="without the gateway: the reference alone")
    p.add_argument("--json", action="store_true", help="one JSON object as the last line")
    a = p.parse_args()
    results = {}
    ways = {"direct": "direct"} if a.direct_only else {"direct": "direct", "gateway": a.layout}
    try:
        for low, title, measure in (("ejabberd", "standing stream, Prosody to ejabberd", lambda labs: standing(labs, a.count)),
                                    ("prosody", "first message on a new stream, Prosody to Prosody", lambda labs: first(labs, a.first))):
            labs, held = {}, []
            try:
                for k, layout in ways.items():
                    labs[k] = Lab(f"b-{k[:4]}", layout=layout, low=low, family="4", log="info")
                    held.append(labs[k])
                    labs[k].__enter__()
                    if k == "gateway":
                        labs[k].start_gateway()
                report(title, measure(labs), results)
            finally:
                for lab in held:
                    lab.down()
    except LabError as error:
        print(f"latency: {error}", file=sys.stderr)
        return 1
    if not a.direct_only:
        print("\nReference: a published s2s proxy added 10 ms to 60 ms. Goal: less than 1 ms added at p50 on a standing stream, journal durable.")
    if a.json:
        print(json.dumps(results))
    return 0


if __name__ == "__main__":
    sys.exit(main())
