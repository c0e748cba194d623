# SPDX-License-Identifier: GPL-3.0-or-later
# The table of flows: protocol x layout x address family x direction, each with what is expected and what was measured. Who looks is
# on the far host's wire: every frame that comes in there is kept, and searched for the mark that each flow carries.
#
# The table is left in build/test-logs/e2e-flows.table, and tests/run prints it.

import json
import os
import time

import pytest

from inline_rig import SECOND_CARD, SIDES, CardsRig, Rig, inside
from lab.lab import build_folder
from lab.layout import CARDS, LAYOUTS, OTHER
from lab.net import Process, wait_until

pytestmark = pytest.mark.skipif(os.geteuid() != 0, reason="makes network namespaces: needs root")

SNIFF = """
import socket, sys
s = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(3)); s.bind(('eth0', 3))
print('listening', flush=True)
while True:
    d, (card, proto, kind, *_) = s.recvfrom(70000)
    if kind != 4: print(d.hex(), flush=True)
"""

SEND = """
import json, socket, struct, sys, time
src, dst, spoofed, gate_mac, flows, service, far = *sys.argv[1:5], json.loads(sys.argv[5]), *sys.argv[6:8]
v6 = ':' in dst
F = socket.AF_INET6 if v6 else socket.AF_INET
raw = socket.socket(F, socket.SOCK_RAW, socket.IPPROTO_RAW)
link = socket.socket(socket.AF_PACKET, socket.SOCK_RAW); link.bind(('eth0', 0))
def ck(x):
    x += b'\\0' * (len(x) % 2); s = sum(struct.unpack('!%dH' % (len(x) // 2), x)); s = (s >> 16) + (s & 65535); s += s >> 16; return ~s & 65535
def ip(proto, body, a=src, options=b''):
    a, b = socket.inet_pton(F, a), socket.inet_pton(F, dst)
    if v6:
        raw.sendto(struct.pack('!IHBB', 6 << 28, len(options) + len(body), 60 if options else proto, 64) + a + b + options + body, (dst, 0))
    else:
        n = 20 + len(options)
        raw.sendto(struct.pack('!BBHHHBBH4s4s', 0x40 + n // 4, 0, n + len(body), 7, 0, 64, proto, 0, a, b) + options + body, (dst, 0))
def tcp(port, flags, mark, a=src, options=b''):
    b = struct.pack('!HHIIBBHHH', 33333, port, 1, 0, 5 << 4, flags, 1024, 0, 0) + mark
    x, y = socket.inet_pton(F, a), socket.inet_pton(F, dst)
    pseudo = x + y + (struct.pack('!IHBB', len(b), 0, 0, 6) if v6 else struct.pack('!BBH', 0, 6, len(b)))
    ip(6, b[:16] + struct.pack('!H', ck(pseudo + b)) + b[18:], a, options)
def udp(to, port, data):
    s = socket.socket(F, socket.SOCK_DGRAM); s.setsockopt(1, socket.SO_BROADCAST, 1)
    if v6: s.setsockopt(41, 17, socket.if_nametoindex('eth0'))
    s.bind((src, 0)); s.sendto(data, (to, port))
def ask(port, data):
    s = socket.socket(F, socket.SOCK_DGRAM); s.settimeout(6 if service else 0.5)
    try: s.bind((src, 0)); s.connect((service or dst, port)); s.send(data); return len(s.recv(2000)) > 0
    except OSError: return False
def ask_name(*labels):
    name = b''.join(bytes([len(x)]) + x for x in labels)
    return ask(53, bytes.fromhex('abcd01000001000000000000') + name + b'\\0\\0\\1\\0\\1')
def ask_echo(mark):
    s = socket.socket(F, socket.SOCK_RAW, 58 if v6 else 1); s.settimeout(6)
    b = struct.pack('!BBHHH', 128 if v6 else 8, 0, 0, 77, 1) + mark
    try:
        s.bind((src, 0)); s.sendto(b if v6 else b[:2] + struct.pack('!H', ck(b)) + b[4:], (service, 0))
        while True:
            d, who = s.recvfrom(500)
            if who[0] == service and d.endswith(mark): return True
    except OSError: return False
def connect(port, mark):
    s = socket.socket(F); s.settimeout(6 if port in (5269, 5270) else 0.5)
    try:
        s.bind((src, 0)); s.connect((dst, port)); s.sendall(mark); got = b''
        while not (b'[gate]' in got and mark in got):
            d = s.recv(300)
            if not d: break
            got += d
        return b'[gate]' in got and mark in got
    except OSError: return False
answered = {}
for name, mark in flows:
    m = mark.encode()
    try:
        if name in ('TCP 5269', 'TCP 5270', 'TCP 9999', 'TCP 22'): answered[name] = connect(int(name.split()[1]), m)
        elif name == 'TCP 5269, no SYN': tcp(5269, 0x10, m)
        elif name == 'TCP 5269, SYN and data': tcp(5269, 0x02, m)
        elif name == 'TCP 5269, source of the other side': tcp(5269, 0x02, m, spoofed)
        elif name == 'TCP 5269, IP options or extension headers': tcp(5269, 0x02, m, options=struct.pack('!BBBBI', 6, 0, 1, 4, 0) if v6 else b'\\x94\\x04\\0\\0')
        elif name == 'DNS service, of the other side': answered[name] = ask_name(m, far.encode(), b'example')
        elif name == 'DNS service, of elsewhere': answered[name] = ask_name(m, b'example', b'com')
        elif name == 'NTP service': answered[name] = ask(123, bytes([4 << 3 | 3]) + bytes(15) + m.ljust(32, b'\\0'))
        elif name == 'NTP service, control request': answered[name] = ask(123, bytes([4 << 3 | 6]) + bytes(15) + m.ljust(32, b'\\0'))
        elif name == 'ICMP echo service': answered[name] = ask_echo(m)
        elif name == 'UDP 54 of a host with services': udp(service, 54, m)
        elif name == 'UDP 53': udp(dst, 53, m)
        elif name == 'UDP 443, QUIC': udp(dst, 443, b'\\xc3\\0\\0\\0\\x01\\x08' + b'1' * 8 + b'\\0' + m + b'\\0' * 1100)
        elif name == 'UDP, multicast': udp('ff02::fb' if v6 else '224.0.0.251', 7777, m)
        elif name == 'UDP, multicast DNS': udp('ff02::fb' if v6 else '224.0.0.251', 5353, m)
        elif name == 'UDP, broadcast': udp('255.255.255.255', 7777, m)
        elif name == 'UDP, DHCP': udp('255.255.255.255', 67, m)
        elif name == 'ICMPv6 router solicitation':
            s = socket.socket(F, socket.SOCK_RAW, 58); s.setsockopt(41, 17, socket.if_nametoindex('eth0')); s.bind((src, 0)); s.sendto(struct.pack('!BBHI', 133, 0, 0, 0) + m, ('ff02::2', 0))
        elif name == 'ICMP echo': b = struct.pack('!BBHHH', 128 if v6 else 8, 0, 0, 7, 1) + m; ip(58 if v6 else 1, b if v6 else b[:2] + struct.pack('!H', ck(b)) + b[4:])
        elif name == 'ICMPv6 router advertisement': ip(58, struct.pack('!BBHBBHII', 134, 0, 0, 64, 0, 1800, 0, 0) + m)
        elif name == 'SCTP': ip(132, struct.pack('!HHII', 5269, 5269, 0, 0) + m)
        elif name == 'GRE': ip(47, struct.pack('!HH', 0, 0x0800) + m)
        elif name == 'ESP': ip(50, struct.pack('!II', 1, 1) + m)
        elif name == 'IP protocol 253': ip(253, m)
        elif name.startswith('ethertype '):
            e = bytes.fromhex(name.split()[1])
            for to in (gate_mac, 'ff:ff:ff:ff:ff:ff'): link.send(bytes.fromhex(to.replace(':', '')) + link.getsockname()[4] + e + m + b'\\0' * 40)
    except OSError as err: print(name, err, file=sys.stderr)
time.sleep(0.3)
print(json.dumps(answered))
"""

CARRIED, STOPPED, ANSWERED = "carried by the gateway", "stopped", "answered by the gateway"
PORT, SOURCE, DESTINATION, LINK = "port-forbidden", "source-unknown", "destination-unknown", "link-local"
# name: (families, expected, reason in the journal, protocol in the journal). A reason of None: no record of its own (a frame for this
# card alone that no rule need refuse, or one that counts among others).
FLOWS = {
    "TCP 5269": ((4, 6), CARRIED, "admitted", "tcp"),
    "TCP 5270": ((4, 6), CARRIED, "admitted", "tcp"),
    "TCP 5269, SYN and data": ((4, 6), STOPPED, "admitted", "tcp"),     # admitted to try; the data of a SYN is nobody's
    "TCP 9999": ((4, 6), STOPPED, PORT, "tcp"),
    "TCP 22": ((4, 6), STOPPED, PORT, "tcp"),
    "TCP 5269, no SYN": ((4, 6), STOPPED, PORT, "tcp"),
    "TCP 5269, IP options or extension headers": ((4, 6), STOPPED, PORT, "tcp"),
    "TCP 5269, source of the other side": ((4, 6), STOPPED, SOURCE, "tcp"),
    "UDP 53": ((4, 6), STOPPED, PORT, "udp"),
    "UDP 443, QUIC": ((4, 6), STOPPED, PORT, "quic"),
    "UDP, multicast": ((4, 6), STOPPED, DESTINATION, "udp"),
    "UDP, multicast DNS": ((4, 6), STOPPED, LINK, "udp"),
    "UDP, broadcast": ((4,), STOPPED, DESTINATION, "udp"),
    "UDP, DHCP": ((4,), STOPPED, LINK, "udp"),
    "ICMPv6 router solicitation": ((6,), STOPPED, LINK, "icmpv6"),
    "ICMP echo": ((4, 6), STOPPED, PORT, None),
    "ICMPv6 router advertisement": ((6,), STOPPED, PORT, "icmpv6"),
    "ICMP echo service": ((4, 6), ANSWERED, "answered", None),
    "DNS service, of the other side": ((4, 6), ANSWERED, "answered", "dns"),
    "DNS service, of elsewhere": ((4, 6), ANSWERED, "host-unknown", "dns"),     # by a refusal (RFC 1035: 5)
    "NTP service": ((4, 6), ANSWERED, "answered", "ntp"),
    "NTP service, control request": ((4, 6), STOPPED, PORT, "ntp"),
    "UDP 54 of a host with services": ((4, 6), STOPPED, PORT, "udp"),
    "SCTP": ((4, 6), STOPPED, PORT, "sctp"),
    "GRE": ((4, 6), STOPPED, PORT, "gre"),
    "ESP": ((4, 6), STOPPED, PORT, "esp"),
    "IP protocol 253": ((4, 6), STOPPED, PORT, "253"),
    "ethertype 88b5": ((0,), STOPPED, PORT, "ethertype 0x88b5"),
    "ethertype 8863": ((0,), STOPPED, PORT, "ethertype 0x8863"),      # PPPoE
    "ethertype 88cc": ((0,), STOPPED, PORT, "ethertype 0x88cc"),      # LLDP
    "ethertype 8847": ((0,), STOPPED, PORT, "ethertype 0x8847"),      # MPLS
    "ethertype 81000005": ((0,), STOPPED, None, None),                # a VLAN tag that nobody configured
    "ethertype 0026": ((0,), STOPPED, None, None),                    # IEEE 802.3 with LLC: STP and the like
}
SERVICES = [n for n in FLOWS if "service" in n]   # not in proxy mode
TABLE = os.path.join(build_folder(), "test-logs", "e2e-flows.table")


@pytest.fixture(scope="module")
def table():
    rows = []
    yield rows
    os.makedirs(os.path.dirname(TABLE), exist_ok=True)
    with open(TABLE, "w") as f:
        f.write(f"{'flow':<43}{'layout':<8}{'family':<8}{'direction':<13}{'expected':<45}measured\n")
        for r in rows:
            f.write(f"{r[0]:<43}{r[1]:<8}{r[2]:<8}{r[3]:<13}{r[4]:<45}{'the same' if r[5] == r[4] else r[5]}\n")
        f.write(f"{len(rows)} flows, {sum(r[4] != r[5] for r in rows)} not as expected\n")


def said(outcome, reason):
    return outcome + (f", record {reason}" if reason else "")


def sniff(rig, side):
    log = rig.path(f"sniff.{side}")
    p = Process(["/usr/bin/python3", "-B", "-c", SNIFF], log, rig.host[side].name)
    wait_until("the look at the far wire", lambda: "listening" in open(log).read(), 20)
    rig.captures.append(p)
    return log


def recorded(rig, side, name, family, want_reason, proto, source=None):
    """Is there a record about it? Those of one kind and one second share one. source: where two hosts of a side send."""
    def there():
        for x in rig.lines(side=side, reason=want_reason):
            if source and x.get("src_ip", source) != source:
                continue
            if family and (":" in x.get("src_ip", "")) != (family == 6):
                continue
            if proto and x.get("proto") != proto or (proto is None and not x.get("proto", "").startswith("icmp")):
                continue
            if name.startswith("TCP") and x.get("dest_port") != int(name.split()[1].rstrip(",")):
                continue
            return True
        return False
    try:
        wait_until("a record", there, 4)
        return want_reason
    except Exception:
        return "none"


@pytest.mark.parametrize("layout", ["routed", "bridge", "proxy", "routed, two cards", "bridge, two cards"])
def test_flows(table, layout):
    layout, _, cards = layout.partition(", ")
    rate = {"admission.rate": 10000, "admission.burst": 10000}
    rig = CardsRig(layout, "flows", rate) if cards else Rig(layout, "flows", {**rate, **with_services(layout)})
    try:
        rig.up()
        rig.inline("up")
        rig.start()
        mine = run(rig)
    finally:
        rig.down()
    table += mine
    wrong = [r for r in mine if r[4] != r[5]]
    assert not wrong, "\n".join(" | ".join(r) for r in wrong)


def service_at(layout, side, family):
    """A host of that side, that is not there, in whose place the gateway answers."""
    server = LAYOUTS[layout][side].server4 if family == 4 else LAYOUTS[layout][side].server6
    dot = "." if family == 4 else ":"
    return server.rpartition(dot)[0] + dot + {"high": "53", "low": "54"}[side]


def with_services(layout):
    if layout == "proxy":
        return {}
    there = {s: [service_at(layout, s, f) for f in (4, 6)] for s in SIDES}
    changes = {"services": tuple({"side": OTHER[s], "protocol": p, "address": a} for s in SIDES for a in there[s] for p in ("echo", "dns", "ntp"))}
    for s in SIDES if layout == "bridge" else ():
        plan = LAYOUTS[layout][s]
        changes[f"{s}.networks"] = [f"{a}/{128 if ':' in a else 32}" for a in (plan.server4, plan.server6, *there[s])]
    return changes


def ways(rig):
    """(from, to, the gateway's card, who is impersonated): between the sides, and from each card of side low to the other."""
    if "low2" not in rig.host:
        return [(s, OTHER[s], CARDS[s], OTHER[s]) for s in SIDES]
    low = {"low": CARDS["low"], "low2": SECOND_CARD}
    return [("high", h, CARDS["high"], h) for h in low] + [(h, to, low[h], "low2" if h == "low" else "low") for h in low for to in rig.host if to != h]


def expected(name, from_, to):
    """What the table says, and from one card of a side to another: nothing, whatever it is."""
    families, outcome, reason, proto = FLOWS[name]
    if to == "high" or from_ == "high" or not families[0]:
        return outcome, reason, proto
    return STOPPED, DESTINATION if reason in ("admitted", PORT) else reason, proto


def source_to_try(rig, to, impersonated, family):
    if rig.layout == "bridge" and "low2" not in rig.host:      # in one subnet, a neighbour that nobody named
        return rig.address(to, family).replace(".20", ".99").replace(".10", ".99").replace("::20", "::99").replace("::10", "::99")
    return rig.address(impersonated, family)


def send(rig, from_, to, card, impersonated, sent):
    side = from_.removesuffix("2")
    mac = json.loads(rig.gate[side].ip("-j", "link", "show", card))[0]["address"]
    services = rig.layout != "proxy" and "low2" not in rig.host
    for family in (4, 6, 0):
        f = family or 4
        target = rig.target(to, f) if to in SIDES else rig.address(to, f)
        if to[:3] == from_[:3]:     # where it would ask for a neighbour in vain, it sends all the same
            rig.host[from_].ip("neigh", "replace", target, "lladdr", mac, "dev", "eth0") if rig.layout == "bridge" else None
        names = [n for n, (families, *_) in FLOWS.items() if family in families and (services or n not in SERVICES)]
        flows = [(n, f"FLOW-{len(sent) + i}-{from_}-FLOW") for i, n in enumerate(names)]
        out = inside(rig.host[from_], SEND, rig.address(from_, f), target, source_to_try(rig, to, impersonated, f), mac, json.dumps(flows),
                     service_at(rig.layout, OTHER[side], f) if services else "", OTHER[side], timeout=60)
        answered = json.loads(out.splitlines()[-1])
        sent += [(n, mark, from_, to, family, answered.get(n)) for n, mark in flows]


def run(rig):
    logs = {host: sniff(rig, host) for host in rig.host}
    sent = []
    for way in ways(rig):
        send(rig, *way, sent)
    time.sleep(1.5)     # repeats are told once a second
    seen = {host: open(log).read() for host, log in logs.items()}
    rows = []
    for name, mark, from_, to, family, answered in sent:
        outcome, reason, proto = expected(name, from_, to)
        at = [h for h in rig.host if h != from_ and mark.encode().hex() in seen[h]]
        measured = CARRIED if at == [to] and answered else "CROSSED to " + ", ".join(at) if at else ANSWERED if answered else STOPPED
        source = rig.address(from_, family) if "low2" in rig.host and family and reason != SOURCE else None
        found = recorded(rig, from_.removesuffix("2"), name, family, reason, proto, source) if reason else None
        rows.append((name, rig.layout, f"IPv{family}" if family else "-", f"{from_} to {to}", said(outcome, reason), said(measured, found)))
    return rows
