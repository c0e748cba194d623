# SPDX-License-Identifier: GPL-3.0-or-later
# Two real servers federate through the gate, in every layout and pairing, over IPv4 and IPv6, STARTTLS and direct TLS.

import pytest

from lab.net import LabError, wait_until
from lab.story import Story

PAIRINGS = {
    "prosody-ejabberd": dict(high="prosody", low="ejabberd"),
    "prosody-prosody": dict(high="prosody", low="prosody"),
    "dialback": dict(high="prosody", low="ejabberd", dialback=True),
}
LAYOUTS = ["routed", "bridge", "proxy"]
STEPS = [title for title, _, _ in Story(None).steps()]



@pytest.fixture(scope="module", params=[(l, p) for l in LAYOUTS for p in PAIRINGS], ids=lambda x: "-".join(x))
def played(request, running):
    """One lab for each layout and pairing, in which the story has been played; the tests judge it step by step."""
    layout, pairing = request.param
    r = running(layout=layout, family="4", **PAIRINGS[pairing])
    story = Story(r.lab, r.events, say=lambda text: None)
    story.play()
    return r, story, pairing


def talk(lab, tag):
    """One message each way between fresh clients."""
    a, b = lab.client("high", "anna", tag), lab.client("low", "boris", tag)
    a.message(b.full, f"down {tag}")
    b.wait_message(f"down {tag}", 30)
    b.message(a.full, f"up {tag}")
    a.wait_message(f"up {tag}", 30)


def expected_peer(lab, side, family):
    """The address that the server of `side` must see as its s2s peer."""
    other = {"high": "low", "low": "high"}[side]
    if lab.layout == "proxy":
        return set(lab.plan[side].gates(family))
    return set(lab.plan[other].servers(family))


@pytest.mark.parametrize("number", range(1, len(STEPS) + 1))
def test_story(played, number):
    _, story, _ = played
    title, wrong = story.results[number - 1]
    assert wrong is None, f"{title}: {wrong}"


def test_real_peer_addresses_v4(played):
    r, _, _ = played
    for side in ("high", "low"):
        assert r.lab.ns[side].peers() == expected_peer(r.lab, side, "4"), side


def test_auth_is_what_the_pairing_says(played):
    """Certificates prove the domains, except where dialback is the point; both legs, both roles."""
    r, _, pairing = played
    wanted = "dialback" if pairing == "dialback" else "external"
    opened = r.events.find(lambda e: e["event_type"] == "stream" and e.get("auth"))
    assert {e["side"] for e in opened} == {"high", "low"}
    assert {e["auth"].lower() for e in opened} == {wanted}
    assert {e["tls"] for e in opened} <= {"TLSv1.2", "TLSv1.3"}


def test_v6(played):
    """DNS changes to AAAA alone, the servers forget their connections, and all goes on over IPv6."""
    lab = played[0].lab
    lab.set_family("6")
    lab.gateway.stop()
    for server in lab.servers.values():
        server.restart()
    lab.configure_gateway()
    lab.gateway.start()
    talk(lab, "v6")
    for side in ("high", "low"):
        assert lab.ns[side].peers() == expected_peer(lab, side, "6"), side


@pytest.mark.parametrize("layout", LAYOUTS)
def test_direct_tls(running, layout):
    """XEP-0368 on both legs: the server finds _xmpps-server, the gateway's map says tls = "direct"."""
    r = running(layout=layout, high="prosody", low="prosody", tls="direct", family="4")
    talk(r.lab, "tls")
    for side in ("high", "low"):
        lines = r.lab.ns[side].run("ss", "-Htn", "state", "established")
        assert ":5270" in lines and ":5269" not in lines, lines


@pytest.mark.parametrize("layout", ["routed", "bridge"])
def test_intercepted_destination(running, layout):
    """Without a static map the onward stream goes where the intercepted connection went."""
    r = running(layout=layout, high="prosody", low="ejabberd", targets=False, family="4")
    talk(r.lab, "map")
    for side in ("high", "low"):
        assert r.lab.ns[side].peers() == expected_peer(r.lab, side, "4"), side


def test_untrusted_server_is_refused(running):
    """A server whose certificate comes from a stranger gets nothing across, and the refusal is on record."""
    r = running(layout="routed", high="prosody", low="ejabberd", family="4")
    lab = r.lab
    lab.servers["high"].cert, lab.servers["high"].key = lab.ca["stranger"].issue("false.high", ["high.example"])
    lab.servers["high"].restart()
    mark = r.events.mark()
    a, b = lab.client("high", "alice"), lab.client("low", "bob")
    id_ = a.message(b.full, "not from me")
    with pytest.raises(LabError):
        b.wait_message("not from me", 5)
    assert r.events.wait(lambda e: e["event_type"] == "stream" and e.get("reason") in ("cert-refused", "auth-failed"), 5, mark)
    assert not r.events.find(lambda e: e["event_type"] == "verdict" and e.get("stanza_id") == id_, mark)


def test_orderly_end(running):
    """When the gateway ends, the servers' streams are closed, and they find their way back when it returns."""
    r = running(layout="routed", high="prosody", low="ejabberd", family="both")
    talk(r.lab, "before")
    assert r.gateway.stop() == 0
    for side in ("high", "low"):
        wait_until("closed connections", lambda: not r.lab.ns[side].peers(), 5)
    r.lab.gateway.start()
    talk(r.lab, "after")
