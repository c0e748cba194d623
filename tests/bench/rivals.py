# SPDX-License-Identifier: GPL-3.0-or-later
# What the gateway is held against: programs that split TLS and inspect nothing, and a server's own rate.
import os
import time

from lab.net import Process, wait_until

PORTS = {"haproxy": 5281, "sslsplit": 5282}


def _haproxy(lab, cores):
    chain, key = lab.server_cert["low"]
    both, conf = lab.path("haproxy.pem"), lab.path("haproxy.cfg")
    with open(both, "w") as out:
        for path in (chain, key):
            with open(path) as f:
                out.write(f.read())
    with open(conf, "w") as f:
        f.write(f"""global
  nbthread {cores}
  maxconn 4000
defaults
  mode tcp
  timeout connect 5s
  timeout client 60s
  timeout server 60s
listen s2s
  bind 127.0.0.1:{PORTS['haproxy']} ssl crt {both} alpn xmpp-server
  server low {lab.plan['low'].server4}:5269 ssl verify none sni str(low.example) alpn xmpp-server
""")
    return ["haproxy", "-f", conf]


def _sslsplit(lab, cores):
    ca = lab.ca["low"]      # what the high side trusts in this layout
    return ["sslsplit", "-D", "-k", ca.key, "-c", ca.cert, "ssl", "127.0.0.1", str(PORTS["sslsplit"]), lab.plan["low"].server4, "5269"]


class Rival:
    """A TLS split in the high side's namespace, listening on the loopback, decrypting and encrypting towards the low side's server."""

    def __init__(self, lab, name, cores=2):
        self.lab, self.name = lab, name
        self.to = ("127.0.0.1", PORTS[name])
        self.command = {"haproxy": _haproxy, "sslsplit": _sslsplit}[name](lab, cores)

    def __enter__(self):
        ns = self.lab.ns["high"]
        ns.run("ip", "link", "set", "lo", "up")
        self.process = Process(self.command, self.lab.path("log", f"{self.name}.log"), namespace=ns.name)
        wait_until(f"{self.name} to listen", lambda: f":{self.to[1]} " in ns.run("ss", "-Hltn"), 10)
        return self

    def __exit__(self, *exc):
        self.process.stop()

    def cpu_ns(self):
        """Processor time of the program and its children so far."""
        total, todo = 0, [self.process.pid]
        while todo:
            pid = todo.pop()
            for task in os.listdir(f"/proc/{pid}/task"):
                with open(f"/proc/{pid}/task/{task}/schedstat") as f:
                    total += int(f.read().split()[0])
                with open(f"/proc/{pid}/task/{task}/children") as f:
                    todo += [int(c) for c in f.read().split()]
        return total


def server_rate(sender, receiver, count=8000, lot=500):
    """Messages a second from client to client, sent in lots as fast as the servers take them."""
    start, n = time.perf_counter(), 0
    while n < count:
        sender.sock.sendall(b"".join(b"<message to='%s' id='r%d' type='chat'><body>The quick brown fox, message %d, %s</body></message>"
                                     % (receiver.full.encode(), i, i, b"lorem ipsum dolor sit amet " * 8) for i in range(n, n + lot)))
        n += lot
        if n > 2 * lot:     # two lots are under way
            receiver.until(b"message %d, " % (n - 2 * lot - 1), 60)
    receiver.until(b"message %d, .*?</message>" % (count - 1), 60)
    return count / (time.perf_counter() - start)
