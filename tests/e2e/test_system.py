# SPDX-License-Identifier: GPL-3.0-or-later
# lockgate check --system: what is around the gateway, first as it should be, then broken in one way after the other.

import json
import os
import shutil
import subprocess
import sys

import pytest

from lab import gateway
from lab.lab import Lab, build_folder
from lab.layout import CARDS
from lab.net import Process, sh, wait_until

RESOLVER = """
import socket, struct, sys
s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM); s.bind((sys.argv[1], 53)); print('ready', flush=True)
while True:
    q, peer = s.recvfrom(512)
    at, labels = 12, []
    while q[at]: labels.append(q[at + 1:at + 1 + q[at]].decode()); at += 1 + q[at]
    kind, = struct.unpack('!H', q[at + 1:at + 3])
    question = q[12:at + 5]
    name = '.'.join(labels)
    data = {('_xmpp-server._tcp.high.example', 33): struct.pack('!HHH', 0, 0, 5269) + b'\\x01x\\x00',
            ('plain.example', 1): bytes([10, 77, 1, 9])}.get((name, kind))
    answer = b'\\xc0\\x0c' + struct.pack('!HHIH', kind, 1, 0, len(data)) + data if data else b''
    s.sendto(q[:2] + struct.pack('!HHHHH', 0x8180 if data else 0x8183, 1, 1 if data else 0, 0, 0) + question + answer, peer)
"""


class Place:
    """The two namespaces of a lab, put up, without the gateway's programs; the high side asks a resolver of ours for three domains."""

    def __init__(self, lab):
        self.lab, self.command = lab, os.path.join(build_folder(), "bin", "lockgate")
        plan = lab.plan["high"]
        conf = gateway.settings(lab, **{"high.dns": [plan.server4]})
        domains = list(conf["high"]["domains"])
        domains[0] = {**domains[0], "targets": ()}
        domains += [{**domains[0], "name": n} for n in ("plain.example", "none.example")]
        conf["high"]["domains"] = tuple(domains)
        self.conf = gateway.write(lab.path("lockgate.conf"), conf)
        sh(self.command, "inline", "up", "-c", self.conf)
        self.resolver = Process([sys.executable, "-B", "-c", RESOLVER, plan.server4], lab.path("log", "resolver.log"), namespace=lab.ns["high"].name)
        wait_until("the resolver", lambda: f"{plan.server4}:53" in lab.ns["high"].run("ss", "-Hlun"), 10)


@pytest.fixture(scope="module")
def place():
    with Lab("system", layout="routed", high="bare", low="bare") as lab:
        p = Place(lab)
        yield p
        p.resolver.stop()
        sh(p.command, "inline", "down", "-c", p.conf)


def look(place, conf=None):
    """{(area, level): [text and what to do]}; the numbers at its end fit."""
    done = subprocess.run([place.command, "check", "--system", "--json", "-c", conf or place.conf], capture_output=True, text=True, timeout=60)
    answer = json.loads(done.stdout)
    found = {}
    for line in answer["lines"]:
        assert (line["level"] == "fine") == ("todo" not in line), "what is not fine says what to do"
        found.setdefault((line["area"], line["level"]), []).append(line["text"])
    assert answer["wrong"] == sum(len(v) for (_, level), v in found.items() if level == "wrong")
    assert done.returncode == (1 if answer["wrong"] else 0)
    return found


def test_as_it_should_be(place):
    found = look(place)
    assert not [v for (area, level), v in found.items() if level == "wrong" and area != "dns"], found
    for area in ("kernel", "disk", "interfaces", "forwarding", "firewall", "rules"):
        assert found[(area, "fine")], area
    for area in ("trust", "certificates"):      # the lab's own end within the month
        assert all("ends in" in t for t in found.get((area, "warning"), [])) and ((area, "fine") in found or (area, "warning") in found), found
    assert ("time", "fine") in found or ("time", "warning") in found
    assert len(found[("interfaces", "fine")]) == 2


def test_dns(place):
    found = look(place)
    assert any("high.example: 1 SRV for STARTTLS, 0 for direct TLS" in t for t in found[("dns", "fine")]), found
    assert any("plain.example has no SRV record, but 1 addresses" in t for t in found[("dns", "warning")]), found
    assert any("none.example has neither" in t for t in found[("dns", "wrong")]), found


def test_lines_for_people(place):
    shown = subprocess.run([place.command, "check", "--system", "-c", place.conf], capture_output=True, text=True, timeout=60).stdout.splitlines()
    assert all(line.split()[0] in ("fine", "warning", "WRONG") for line in shown[:-1])
    assert any(line.startswith("WRONG    dns          high: none.example has neither") and "targets in the configuration" in line for line in shown)
    assert shown[-1].endswith(" wrong")


def broken(place, area, text, do, undo):
    do()
    try:
        assert any(text in t for t in look(place).get((area, "wrong"), [])), (area, text)
    finally:
        undo()
    assert not any(text in t for t in look(place).get((area, "wrong"), []))


def test_network(place):
    gate, high = place.lab.gates["high"], CARDS["high"]
    settings = "/proc/sys/net/ipv4/ip_forward"
    broken(place, "forwarding", "forwards IPv4", lambda: gate.run("sh", "-c", f"echo 1 > {settings}"), lambda: gate.run("sh", "-c", f"echo 0 > {settings}"))
    broken(place, "firewall", "table ip other", lambda: gate.run("nft", "add", "table", "ip", "other"), lambda: gate.run("nft", "delete", "table", "ip", "other"))
    broken(place, "rules", "not as `up` left them", lambda: gate.run("nft", "add", "table", "ip", "other"),
           lambda: gate.run("nft", "delete", "table", "ip", "other"))

    def way_around():
        gate.run("ip", "link", "add", "around", "type", "veth", "peer", "name", "beyond")
        gate.run("ip", "link", "set", "around", "up")
    broken(place, "interfaces", "a way around the gateway", way_around, lambda: gate.run("ip", "link", "del", "around"))
    gate.run("ip", "link", "set", high, "down")
    assert any(f"{high} is down" in t for t in look(place)[("interfaces", "wrong")])
    sh(place.command, "inline", "up", "-c", place.conf)
    assert len(look(place)[("interfaces", "fine")]) == 2


def test_a_resolver_that_is_silent(place):
    place.resolver.stop()
    assert any("resolver" in t for t in look(place)[("dns", "wrong")])


def test_certificates(place):
    """Each in a copy of the configuration: ended, of another name, with another key, without serverAuth, of a stranger's CA."""
    tls = place.lab.path("tls")
    was = open(place.conf).read()
    ca, other = place.lab.ca[place.lab.gate_trust["high"]], place.lab.ca["stranger"]
    cases = {
        "ended": (ca, dict(domains=["low.example"], days="-1"), "wrong", "has ended, 1 whole days ago"),
        "soon": (ca, dict(domains=["low.example"], days="5"), "warning", "ends in"),
        "name": (ca, dict(domains=["elsewhere.example"]), "wrong", 'names no "low.example" as dNSName'),
        "usage": (ca, dict(domains=["low.example"], usage="clientAuth"), "wrong", "no serverAuth"),
        "server": (ca, dict(domains=["low.example"], usage="serverAuth"), "warning", "no clientAuth"),
        "stranger": (other, dict(domains=["low.example"]), "warning", "does not lead to"),
    }
    target = os.path.join(tls, "low.on-high.pem")
    for name, (authority, words, level, text) in cases.items():
        chain, key = authority.issue(f"system-{name}", **words)
        conf = place.lab.path(f"system-{name}.conf")
        with open(conf, "w") as f:
            f.write(was.replace(target, chain).replace(target[:-3] + "key", key))
        found = look(place, conf).get(("certificates", level), [])
        assert any(text in t for t in found), (name, found)
    shutil.copy(os.path.join(tls, "high.on-low.key"), os.path.join(tls, "wrong.key"))
    conf = place.lab.path("system-key.conf")
    with open(conf, "w") as f:
        f.write(was.replace(target[:-3] + "key", os.path.join(tls, "wrong.key")))
    assert any("is not the certificate's key" in t for t in look(place, conf)[("certificates", "wrong")])
