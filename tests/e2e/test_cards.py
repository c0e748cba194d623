# SPDX-License-Identifier: GPL-3.0-or-later
# Two cards on one side: servers behind both federate with the other side, and nothing crosses from one card to the other. (The whole table
# of flows over two cards is in test_flows.py.)

import json
import os
import subprocess

import pytest

from inline_rig import RAW, SECOND, SECOND_CARD, CardsRig, inside, two_cards, wire_second
from lab.gateway import settings, write
from lab.lab import Lab
from lab.layout import CARDS
from lab.net import Namespace, cable, sh, wait_until
from lab.wire import Peer, Sink, message

pytestmark = pytest.mark.skipif(os.geteuid() != 0, reason="makes network namespaces: needs root")
LOW = ["low", "low2"]


@pytest.fixture(scope="module", params=["routed", "bridge"])
def rig(request):
    with CardsRig(request.param, "cards", {"admission.rate": 1000, "admission.burst": 1000}).standing(lambda r: r.inline("up")) as r:  # `up` comes twice
        yield r


@pytest.mark.parametrize("family", [4, 6])
@pytest.mark.parametrize("low", LOW)
def test_both_cards_carry(rig, low, family):
    for from_, to in (("high", low), (low, "high")):
        got = rig.between(from_, to, family)
        assert "[gate]" in got and f"you={rig.address(from_, family)}" in got, f"{from_} to {to}: {got}"
    assert rig.inline("check") == ""


@pytest.mark.parametrize("family", [4, 6])
@pytest.mark.parametrize("low", LOW)
def test_a_host_is_believed_behind_its_own_card_alone(rig, low, family):
    """The other card's host as source: refused as such, by the rules (IPv6 has no rp_filter), and never heard on the other side."""
    spoofed = rig.address("low2" if low == "low" else "low", family)
    before = len(rig.lines(side="low", reason="source-unknown", src_ip=spoofed))
    watched = rig.watch("high")
    inside(rig.host[low], RAW, spoofed, rig.address("high", family), "5269", "02")
    wait_until("a record", lambda: len(rig.lines(side="low", reason="source-unknown", src_ip=spoofed)) > before, 10)
    assert not [x for x in rig.seen(watched) if spoofed in x and "ARP" not in x and "ICMP6" not in x]


def test_the_rules_name_both(rig):
    shown = rig.inline("show")
    assert f'iifname != {{ "{CARDS["low"]}", "{SECOND_CARD}" }} return' in shown
    for card in (CARDS["low"], SECOND_CARD):
        assert f'hook ingress device "{card}"' in shown and f'iifname "{card}" jump sources' in shown and f"iif {card} fwmark" in shown


def test_down_gives_back_both_cards(rig):
    """Made where `inline` is called: it moves them, and `down` brings them back, also those of a configuration that is not any more."""
    home = Namespace(f"lab-{rig.instance}-home")
    names = {s: f"lg-{rig.instance}-new-{s}" for s in ("high", "low")}
    conf = rig.settings()
    conf["gateway"].update(run=rig.path("run2"), state=rig.path("state2"))
    for s in names:
        conf[s]["namespace"] = names[s]
    both = write(rig.path("two.conf"), conf)
    conf["low"]["interfaces"] = conf["low"]["interfaces"][:1]
    one = write(rig.path("one.conf"), conf)
    call = lambda verb, path: sh("nsenter", f"--net=/run/netns/{home.name}", rig.command, "inline", verb, "-c", path, timeout=120)
    cards = lambda ns: {x["ifname"] for x in json.loads(ns.ip("-j", "link", "show"))} - {"lo"}
    try:
        home.up()
        for card in (*CARDS.values(), SECOND_CARD):
            cable(home, card, home, card + "x")
        here = cards(home)
        for verb, conf, at_home in (("up", both, here - {*CARDS.values(), SECOND_CARD}), ("up", one, None), ("down", one, here), ("up", one, here - set(CARDS.values())), ("down", one, here)):
            call(verb, conf)
            assert at_home is None or cards(home) == at_home, (verb, conf)
            assert all(os.path.exists(f"/run/netns/{n}") == (verb == "up") for n in names.values())
    finally:
        for n in names.values():
            Namespace(n).down()
        home.down()


# ---- with real edges: two servers of side low, each behind its card --------------------------------------------------------

@pytest.fixture(scope="module")
def federated():
    second, here = Namespace("-".join(filter(None, ("lab", os.environ.get("LAB_TAG"), "twocards-low2")))), SECOND["routed"]
    lab = Lab("twocards", layout="routed", high="bare", low="bare")
    sinks = {}
    try:
        lab.up()
        second.up()
        wire_second("routed", second, lab.gates["low"])
        conf = settings(lab)
        low = two_cards(conf["low"], "routed")
        domains = ({"name": "low.example", "dialback": False, "targets": ({"address": lab.plan["low"].server4},)},
                   {"name": "rooms.low.example", "dialback": False, "targets": ({"address": here.server4}, {"address": here.server6, "priority": 1})})
        gate = lab.start_gateway(**{"low.interface": None, "low.addresses": None, "low.networks": None, "low.routes": None,
                                    "low.interfaces": low["interfaces"], "low.domains": domains})
        sinks["high"] = Sink(lab.ns["high"].name, [lab.plan["high"].server4], "high.example", lab.identity("high"))
        sinks["low"] = Sink(lab.ns["low"].name, [lab.plan["low"].server4], "low.example", lab.identity("low"))
        sinks["low2"] = Sink(second.name, [here.server4], "rooms.low.example", lab.identity("low"))
        yield lab, gate, second, sinks
    finally:
        for s in sinks.values():
            s.close()
        lab.down()
        second.down()


def test_servers_behind_both_cards_federate(federated):
    lab, gate, second, sinks = federated
    high, low, here = lab.plan["high"], lab.plan["low"], SECOND["routed"]
    from_high = Peer.connect(lab.ns["high"].name, low.server4, source=high.server4, tls=(*lab.server_cert["high"], None)).authenticated("high.example", "low.example")
    to_rooms = Peer.connect(lab.ns["high"].name, here.server4, source=high.server4, tls=(*lab.server_cert["high"], None)).authenticated("high.example", "rooms.low.example")
    from_low = Peer.connect(lab.ns["low"].name, high.server4, source=low.server4, tls=(*lab.server_cert["low"], None)).authenticated("low.example", "high.example")
    from_rooms = Peer.connect(second.name, high.server4, source=here.server4, tls=(*lab.server_cert["low"], None)).authenticated("rooms.low.example", "high.example")
    peers = [from_high, to_rooms, from_low, from_rooms]
    try:
        from_high.send(message("a@high.example/r", "b@low.example/r", "first"))
        to_rooms.send(message("a@high.example/r", "c@rooms.low.example/r", "second"))
        from_low.send(message("b@low.example/r", "a@high.example/r", "third"))
        from_rooms.send(message("c@rooms.low.example/r", "a@high.example/r", "fourth"))
        for side, ids in (("low", {"first"}), ("low2", {"second"}), ("high", {"third", "fourth"})):
            for id_ in ids:
                sinks[side].wait(id_, lambda e: e.get("id") == id_)
            assert {e.get("id") for _, e in sinks[side].stanzas} == ids
        assert sinks["low"].peers == sinks["low2"].peers == {high.server4} and sinks["high"].peers == {low.server4, here.server4}, "real addresses"
        status = json.loads(gate.lockgate("status", "--json", "-c", gate.conf))
        assert here.server4 in json.dumps(status)
    finally:
        for p in peers:
            p.sock.close()


def test_the_servers_of_one_side_do_not_meet_here(federated):
    lab, _, second, sinks = federated
    before = sinks["low"].connections
    for ns, source, target in ((second, SECOND["routed"].server4, lab.plan["low"].server4), (lab.ns["low"], lab.plan["low"].server4, SECOND["routed"].server4)):
        with pytest.raises(OSError):
            Peer.connect(ns.name, target, source=source, timeout=1)
    assert sinks["low"].connections == before


def test_the_system_check_has_a_line_for_each_card(federated):
    _, gate, *_ = federated
    look = lambda: json.loads(subprocess.run([gate.command, "check", "--system", "--json", "-c", gate.conf], capture_output=True, text=True, timeout=60).stdout)["lines"]
    about = lambda level: [x["text"] for x in look() if x["area"] == "interfaces" and x["level"] == level]
    assert sorted(t.split()[1] for t in about("fine")) == sorted((*CARDS.values(), SECOND_CARD))
    ns = federated[0].gates["low"]
    ns.ip("link", "set", SECOND_CARD, "down")
    assert any(f"low: {SECOND_CARD} is down" in t for t in about("wrong"))
    gate.inline("up")
    assert not about("wrong")
