# SPDX-License-Identifier: GPL-3.0-or-later
# One small DNS server (dnsmasq) for each side, on the loopback address of that side's namespace.
# Each side is told only what the layout lets it know; a change is a restart, and nothing is cached (TTL 0).

import os

from .net import Process, wait_until

XMPP = (("_xmpp-server._tcp", 5269), ("_xmpps-server._tcp", 5270))


class Dns:
    def __init__(self, namespace, folder, log):
        self.ns, self.folder, self.log = namespace, folder, log
        self.process = None

    def serve(self, zones, direct_tls=False):
        """zones: {domain: (target host, [addresses])}. SRV, A and AAAA for them, a firm NXDOMAIN for all else."""
        lines = ["no-resolv", "no-hosts", "no-daemon", "listen-address=127.0.0.1", "bind-interfaces", "local-ttl=0",
                 "cache-size=0", "user=root", "group=root", "pid-file=", "local=/#/"]
        for domain, (host, addresses) in zones.items():
            lines += [f"srv-host={service}.{domain},{host},{port},0,0" for service, port in XMPP
                      if port == 5269 or direct_tls]
            lines += [f"host-record={host},{a}" for a in addresses]
        path = os.path.join(self.folder, f"{self.ns.name}.dnsmasq.conf")
        with open(path, "w") as f:
            f.write("\n".join(lines) + "\n")
        self.stop()
        self.ns.resolver("127.0.0.1")
        self.process = Process(["dnsmasq", f"--conf-file={path}"], self.log, namespace=self.ns.name)
        wait_until(f"DNS in {self.ns.name} (log: {self.log})", self._listens, 5)

    def _listens(self):
        return "127.0.0.1:53" in self.ns.run("ss", "-Hlun")

    def stop(self):
        if self.process:
            self.process.stop()
            self.process = None
