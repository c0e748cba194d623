# SPDX-License-Identifier: GPL-3.0-or-later
# The four layouts of the lab: which addresses the two servers and the gateway have, and how the cables run.
#
#   routed   server --veth-- [g-hi | gateway | g-lo] --veth-- server     two subnets
#   bridge   the same cables, one subnet, no address on the gateway
#   proxy    as routed, but DNS of each side points the other side's domains at the gateway
#   direct   server --veth-- server                                      no gateway: the baseline

from dataclasses import dataclass

from .net import address, cable

CARDS = {"high": "g-hi", "low": "g-lo"}
OTHER = {"high": "low", "low": "high"}


@dataclass(frozen=True)
class Side:
    server4: str
    server6: str
    net4: str
    net6: str
    gate4: str = ""
    gate6: str = ""

    def servers(self, family):
        return [a for a, f in ((self.server4, "4"), (self.server6, "6")) if family in (f, "both")]

    def gates(self, family):
        return [a for a, f in ((self.gate4, "4"), (self.gate6, "6")) if a and family in (f, "both")]


_TWO = {"high": Side("10.77.1.2", "fd77:1::2", "10.77.1.0/24", "fd77:1::/64", "10.77.1.1", "fd77:1::1"),
        "low": Side("10.77.2.2", "fd77:2::2", "10.77.2.0/24", "fd77:2::/64", "10.77.2.1", "fd77:2::1")}
_ONE = {"high": Side("10.77.5.10", "fd77:5::10", "10.77.5.0/24", "fd77:5::/64"),
        "low": Side("10.77.5.20", "fd77:5::20", "10.77.5.0/24", "fd77:5::/64")}
LAYOUTS = {"routed": _TWO, "proxy": _TWO, "direct": _TWO, "bridge": _ONE}
MACS = {"high": "02:77:00:00:00:10", "low": "02:77:00:00:00:20"}


def wire(layout, servers, gates):
    """Makes cards, addresses and routes. servers, gates: {side: Namespace}; gates is empty in `direct`.

    The gateway's cards get neither address nor rule here: `lockgate inline up` does that."""
    plan = LAYOUTS[layout]
    if layout == "direct":
        cable(servers["high"], "eth0", servers["low"], "eth0")
    for side, ns in servers.items():
        mine, other = plan[side], plan[OTHER[side]]
        if layout != "direct":
            cable(ns, "eth0", gates[side], CARDS[side], a_mac=MACS[side])
        address(ns, "eth0", mine.server4 + "/24", mine.server6 + "/64")
    for side, ns in servers.items():
        mine, other = plan[side], plan[OTHER[side]]
        if layout == "direct":
            ns.ip("route", "add", other.net4, "dev", "eth0")
            ns.ip("-6", "route", "add", other.net6, "dev", "eth0")
        elif layout != "bridge":
            ns.ip("route", "add", "default", "via", mine.gate4)
            ns.ip("-6", "route", "add", "default", "via", mine.gate6)
