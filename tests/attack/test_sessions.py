# SPDX-License-Identifier: GPL-3.0-or-later
# Resumed TLS sessions on a real edge, in both roles: a peer that comes back needs no signature of the gateway's, and whoever brings a
# ticket that is not its own, or not good any more, goes through a full handshake. unit/edge_sessions has every case of the decision.

import base64
import json
import socket
import ssl
import subprocess
import time

import pytest

from lab.ends import bare
from lab.net import LabError, wait_until
from lab.wire import SASL, TLS, message, new_id
from test_attack import Liar, recorded
from table import A, B, HIGH, LOW, ROOMS


@pytest.fixture(scope="module")
def ends(running):
    with bare(running) as e:
        yield e


def numbers(ends, program):
    def told():
        status = json.loads(ends.gateway.lockgate("status", "-c", ends.gateway.conf, "--json"))
        return next(p for p in status["programs"] if p["name"] == program).get("stats")
    return wait_until("the program's numbers", told, 5)


def context(ends, side="high", **versions):
    c = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    c.check_hostname, c.verify_mode = False, ssl.CERT_NONE
    c.load_cert_chain(*ends.lab.server_cert[side])
    c.set_alpn_protocols(["xmpp-server"])
    for key, value in versions.items():
        setattr(c, key, value)
    return c


def stream(ends, c, session=None, to=LOW, sni=None, direct=False, from_=HIGH, side="high"):
    """An authenticated stream in this context; (peer, its session to come back with)."""
    peer = ends.connect(side, port=5270 if direct else 5269)
    if not direct:
        peer.open(from_, to)
        peer.send(f"<starttls xmlns='{TLS}'/>")
        peer.expect("proceed")
    peer.sock = c.wrap_socket(peer.sock, server_hostname=sni or to, session=session)
    peer.open(from_, to)
    peer.external(from_, to)
    return peer, peer.sock.session


@pytest.mark.parametrize("direct", [False, True], ids=["STARTTLS", "direct TLS"])
def test_comes_back(ends, direct):
    c = context(ends)
    peer, session = stream(ends, c, direct=direct)
    assert session.has_ticket and 0 < session.ticket_lifetime_hint <= 3600 and not peer.sock.session_reused
    peer.close()
    before, edge = numbers(ends, "keeper")["signed"]["high"], numbers(ends, "edge/high")["resumed"]
    peer, newer = stream(ends, c, session, direct=direct)
    assert peer.sock.session_reused and newer.id != session.id
    assert numbers(ends, "keeper")["signed"]["high"] == before and numbers(ends, "edge/high")["resumed"] == edge + 1
    id_ = new_id("resumed")
    peer.send(message(A, B, id_))
    ends.sink["low"].wait("the message", lambda e: e.get("id") == id_)
    again, _ = stream(ends, c, session, direct=direct)     # the ticket was good once
    assert not again.sock.session_reused


def test_openssl_comes_back(ends, tmp_path):
    """The same with the openssl command, through its files: a first stream gives a session, the second is resumed."""
    ns, (chain, key), kept = ends.lab.ns["high"].name, ends.lab.server_cert["high"], str(tmp_path / "session")

    def run(*more):
        p = subprocess.Popen(["ip", "netns", "exec", ns, "openssl", "s_client", "-connect", f"{ends.where('high')}:5270", "-servername", LOW, "-alpn",
                              "xmpp-server", "-cert", chain, "-key", key, *more], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                             stderr=subprocess.STDOUT)
        head = (f"<?xml version='1.0'?><stream:stream xmlns='jabber:server' xmlns:stream='http://etherx.jabber.org/streams' from='{HIGH}' "
                f"to='{LOW}' version='1.0'>")
        text = b""
        for say, until in ((head, b"</stream:features>"), (f"<auth xmlns='{SASL}' mechanism='EXTERNAL'>{base64.b64encode(HIGH.encode()).decode()}</auth>",
                                                          b"<success"), ("</stream:stream>", b"")):
            p.stdin.write(say.encode())
            p.stdin.flush()
            end = time.monotonic() + 15
            while until and until not in text and time.monotonic() < end:
                text += p.stdout.read1(65536)
            assert until in text, text
        p.stdin.close()
        text += p.stdout.read()
        p.wait(15)
        return text.decode(errors="replace")
    assert "New, TLSv1.3" in run("-sess_out", kept)
    second = run("-sess_in", kept)
    assert "Reused, TLSv1.3" in second and "Early data was not sent" in second
    assert "New, TLSv1.3" in run("-sess_in", kept)


# ---- tickets that are not good ----------------------------------------------------------------------------------------------

def elsewhere(ends, c, session):
    return stream(ends, c, session, to=ROOMS)


def other_name(ends, c, session):
    return stream(ends, c, session, sni=ROOMS)


def other_port(ends, c, session):
    return stream(ends, c, session, direct=True)


def reloaded(ends, c, session):
    ends.gateway.lockgate("reload", "-c", ends.gateway.conf)
    return stream(ends, c, session)


def restarted(ends, c, session):
    ends.running.gateway.stop()
    ends.gateway = ends.running.gateway = ends.running.lab.start_gateway()
    return stream(ends, c, session)


def other_address(ends, c, session):
    """From another address of the same network."""
    plan = ends.lab.plan["high"]
    mine = plan.server4
    other = mine.rsplit(".", 1)[0] + ".77"
    ends.lab.ns["high"].ip("addr", "add", f"{other}/24", "dev", "eth0")
    object.__setattr__(plan, "server4", other)
    try:
        return stream(ends, c, session)
    finally:
        object.__setattr__(plan, "server4", mine)


@pytest.mark.parametrize("use", [elsewhere, other_name, other_port, other_address, reloaded, restarted],
                         ids=["for another domain", "for another domain's name in TLS", "over direct TLS", "from another address",
                              "after a reload", "after a restart"])
def test_full_handshake_instead(ends, use):
    c = context(ends)
    _, session = stream(ends, c)
    assert session.has_ticket
    before = numbers(ends, "edge/high")["resumed"]
    peer, _ = use(ends, c, session)
    assert not peer.sock.session_reused
    assert use is restarted or numbers(ends, "edge/high")["resumed"] == before


def test_ticket_of_the_other_side(ends):
    """A peer that sits on both sides, with the same certificate for both: what one edge gave is nothing to the other."""
    c = context(ends)
    _, session = stream(ends, c)
    peer = ends.connect("low")
    peer.open(LOW, HIGH)
    peer.send(f"<starttls xmlns='{TLS}'/>")
    peer.expect("proceed")
    peer.sock = c.wrap_socket(peer.sock, server_hostname=HIGH, session=session)
    assert not peer.sock.session_reused and numbers(ends, "edge/low")["resumed"] == 0


def test_no_ticket_before_authentication(ends):
    c = context(ends)
    before = numbers(ends, "edge/high")["sessions"]
    peer = ends.connect("high", port=5270)
    peer.sock = c.wrap_socket(peer.sock, server_hostname=LOW)
    peer.open(HIGH, LOW)
    assert not (peer.sock.session and peer.sock.session.has_ticket)
    assert numbers(ends, "edge/high")["sessions"] == before


def test_none_in_tls_12(ends):
    c = context(ends, maximum_version=ssl.TLSVersion.TLSv1_2)
    peer, session = stream(ends, c)
    assert peer.sock.version() == "TLSv1.2" and not session.has_ticket and not session.id
    again, _ = stream(ends, c, session)
    assert not again.sock.session_reused


@pytest.mark.parametrize("from_", ["rooms.high.example", "evil.example"])
def test_resumed_for_another_pair(ends, from_):
    """Whoever comes back as one pair cannot speak as another, whatever its header says."""
    c = context(ends)
    _, session = stream(ends, c, direct=True)
    mark = ends.events.mark()
    peer = ends.connect("high", port=5270)
    peer.sock = c.wrap_socket(peer.sock, server_hostname=LOW, session=session)
    assert peer.sock.session_reused
    with pytest.raises(LabError):
        peer.open(from_, LOW)
        peer.external(from_, LOW)
    recorded(ends, mark, lambda e: e["event_type"] == "stream" and e.get("side") == "high" and e.get("action") == "failed", "the refusal")


# ---- as initiating entity -------------------------------------------------------------------------------------------------------

class Keeps(Liar):
    """A server that gives tickets and takes them back: one TLS context for all its streams. fail: what it does to a resumed one."""

    def __init__(self, ends, fail=None):
        self.fail, self.reused = fail, []
        self.context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        chain, key, ca = ends.lab.identity("low")
        self.context.load_cert_chain(chain, key)
        self.context.load_verify_locations(ca)
        self.context.verify_mode = ssl.CERT_REQUIRED
        super().__init__(ends)
        other = self.listeners.pop()        # a session is for the address that gave it; the gateway chooses among several by lot
        other.shutdown(socket.SHUT_RDWR)
        other.close()

    def _serve(self, peer):
        try:
            peer._answer_header(LOW, f"<starttls xmlns='{TLS}'><required/></starttls>")
            peer.expect("starttls")
            peer.send(f"<proceed xmlns='{TLS}'/>")
            peer.sock = self.context.wrap_socket(peer.sock, server_side=True)
            self.reused.append(peer.sock.session_reused)
            if peer.sock.session_reused and self.fail == "close":
                return
            external = f"<mechanisms xmlns='{SASL}'><mechanism>EXTERNAL</mechanism></mechanisms>"
            peer._answer_header(LOW, "" if peer.sock.session_reused and self.fail == "nobody" else external)
            peer.expect("auth")
            peer.send(f"<success xmlns='{SASL}'/>")
            peer._answer_header(LOW, "")
            self.took.append(peer.read(20))
            peer.close()        # so that the next message needs a stream
        except (LabError, OSError):
            pass
        finally:
            peer.sock.close()


def send_and_wait(ends, server, out):
    id_ = new_id("out")
    out.send(message(A, B, id_))
    wait_until("the message", lambda: any(e is not None and e.get("id") == id_ for e in server.took), 20)


@pytest.mark.parametrize("fail", [None, "close", "nobody"], ids=["it works", "the server breaks off", "the server forgot who we are"])
def test_gateway_comes_back(ends, fail):
    """The gateway uses a session that a server gave it, without its keeper; when that goes wrong, once more without, and nothing is lost."""
    ends.running.gateway.stop()
    ends.gateway = ends.running.gateway = ends.running.lab.start_gateway()
    server = Keeps(ends, fail)
    try:
        out = ends.stream("high")
        send_and_wait(ends, server, out)
        before = numbers(ends, "keeper")["signed"]["low"]
        send_and_wait(ends, server, out)
        signed = numbers(ends, "keeper")["signed"]["low"] - before
        assert (server.reused, signed) == (([False, True], 0) if fail is None else ([False, True, False], 1))
        send_and_wait(ends, server, out)
        assert server.reused[-1] == (fail is None)
    finally:
        server.end()
