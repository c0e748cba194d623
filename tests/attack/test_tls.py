# SPDX-License-Identifier: GPL-3.0-or-later
# TLS in the other role, and revocation in both: servers that the gateway calls and that show what nobody should take, by the
# certificate, the version or the suite. test_attack.py has the peers that call the gateway.

import os
import ssl
import time

import pytest

from forge import SRV_NAME, Forge
from lab.certs import Authority
from lab.ends import bare
from lab.gateway import settings
from lab.net import LabError, sh
from lab.wire import TLS, message, new_id
from test_attack import REFUSED, Liar, Low, below, context, handshake, meets, recorded
from table import A, B, HIGH, LOW


@pytest.fixture(scope="module")
def ends(running):
    with bare(running) as e:
        e.forge = Forge(e.lab.path("forge"))
        e.authority = {s: (a.cert, a.key) for s in ("high", "low") for a in (Authority(e.lab.path("tls"), s),)}
        yield e


# ---- as initiating entity ------------------------------------------------------------------------------------------------

QUICK = {"not yet valid", "wildcard for all", "an issuer for other names", "the other side's name", "XmppAddr, an issuer for other names",
         "a key that is for agreement only"}
WEAK = {"RSA of 1024 bits", "signed with SHA-1"}         # test_server_with_a_weak_key
SHORT = {"another name", "wildcard one above", "expired", "self-signed", "NUL behind the name", "only for clients", "no name but the common name",
         "an issuer that is no authority"}       # these are in test_attack.py


@pytest.mark.parametrize("make", [pytest.param(r[1], id=r[0], marks=[] if r[0] in QUICK else [pytest.mark.long]) for r in REFUSED if r[0] not in SHORT | WEAK])
def test_server_refused(ends, make):
    """Each certificate that no peer gets through with is no good for a server either: it gets nothing, the sender an answer."""
    liar = Liar(ends, cert=make(Low(ends.forge), ends.authority["low"]))

    def told(id_):
        answer = ends.sink["high"].wait("the answer", lambda e: e.get("id") == id_, 25)
        assert answer.get("type") == "error" and answer.find(".//{*}remote-server-not-found") is not None
        assert not liar.took
    meets(ends, liar, {"cert-refused"}, told)


@pytest.mark.parametrize("words", [{"usage": "serverAuth"}, {"usage": None}, {"san": f"otherName:{SRV_NAME};IA5:_xmpp-server.{HIGH}"}],
                         ids=["only for servers", "without usages", "SRVName"])
def test_server_accepted(ends, words):
    liar = Liar(ends, cert=Low(ends.forge).make(by=ends.authority["low"], **words))
    id_ = new_id("good")
    try:
        ends.stream("high").send(message(A, B, id_))
        end = time.monotonic() + 15
        while not any(e.get("id") == id_ for e in liar.took):
            assert time.monotonic() < end
            time.sleep(0.05)
    finally:
        liar.end()


class Old(Liar):
    """A server that speaks TLS by other rules than ours."""

    def __init__(self, ends, version, ciphers, cert=None):
        self.version, self.ciphers, self.spoke = version, ciphers, []
        super().__init__(ends, cert)

    def _serve(self, peer):
        try:
            peer._answer_header(LOW, f"<starttls xmlns='{TLS}'><required/></starttls>")
            peer.expect("starttls")
            peer.send(f"<proceed xmlns='{TLS}'/>")
            c = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            c.set_ciphers(self.ciphers)
            c.minimum_version = c.maximum_version = self.version
            c.load_cert_chain(*self.tls[:2])
            peer.sock = c.wrap_socket(peer.sock, server_side=True)
            self.spoke.append(peer.sock.version())
            peer._answer_header(LOW, "<mechanisms xmlns='urn:ietf:params:xml:ns:xmpp-sasl'><mechanism>EXTERNAL</mechanism></mechanisms>")
            self.took.append(peer.read(5))
        except (LabError, OSError):
            pass
        finally:
            peer.sock.close()


@pytest.mark.parametrize("version,ciphers", [(ssl.TLSVersion.TLSv1, "ALL:@SECLEVEL=0"), (ssl.TLSVersion.TLSv1_1, "ALL:@SECLEVEL=0"),
                                             (ssl.TLSVersion.TLSv1_2, "ECDHE-ECDSA-AES128-SHA256:ECDHE-ECDSA-AES128-SHA:@SECLEVEL=0"),
                                             (ssl.TLSVersion.TLSv1_2, "aNULL:@SECLEVEL=0")],
                         ids=["TLS 1.0", "TLS 1.1", "CBC suites", "anonymous suites"])
def test_server_of_old_tls(ends, version, ciphers):
    liar = Old(ends, version, ciphers)
    meets(ends, liar, {"tls-failed", "peer-reset"}, lambda id_: None)
    assert not liar.spoke


@pytest.mark.parametrize("make", [pytest.param(r[1], id=r[0]) for r in REFUSED if r[0] in WEAK])
def test_server_with_a_weak_key(ends, make):
    liar = Old(ends, ssl.TLSVersion.TLSv1_2, "ALL:@SECLEVEL=0", cert=make(Low(ends.forge), ends.authority["low"]))
    meets(ends, liar, {"tls-failed", "cert-refused"}, lambda id_: None)
    assert not [e for e in liar.took if e is not None and e.tag.endswith("}auth")]


def shown(ends, cert, version):
    """Whether a peer that shows this certificate, in this version of TLS, gets a stream behind the handshake."""
    c = context(ends, cert)
    c.minimum_version = c.maximum_version = version
    try:
        handshake(ends, c).open(HIGH, LOW)
        return True
    except (LabError, OSError):
        return False


@pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3], ids=["TLS 1.2", "TLS 1.3"])
def test_certificates_that_are_too_long(ends, version):
    """limits.certificates, 64 KiB: what shows more is cut before it is read, in both roles and with a record of its own; 1,000 names are taken."""
    def of(side, home, names):
        return ends.forge.make(by=ends.authority[side], cn=home, san=",".join([f"DNS:{home}"] + [f"DNS:{i:05}.{home}" for i in range(names)]))

    def too_long(e):
        return e["event_type"] == "stream" and e.get("reason") == "stream-limit" and "limits.certificates" in e.get("error", "")
    assert shown(ends, of("high", HIGH, 1000), version)
    mark = ends.events.mark()
    assert not shown(ends, of("high", HIGH, 4000), version)
    recorded(ends, mark, lambda e: too_long(e) and e["side"] == "high", "the peer's long certificate")
    meets(ends, Old(ends, version, "DEFAULT", cert=of("low", LOW, 4000)), {"stream-limit"},
          lambda id_: recorded(ends, mark, lambda e: too_long(e) and e["side"] == "low", "the server's"))


# ---- revocation ------------------------------------------------------------------------------------------------------------

def middle_of(forge, by, name):
    """A leaf below an authority of its own: (leaf, that authority)."""
    middle = forge.make(by=by, san="DNS:middle.example", cn=name, usage=None, ca=True, more="keyUsage=critical,keyCertSign,cRLSign\n")
    return forge.make(by=middle, chain=(middle[0],)), middle


def restart(ends, **conf):
    r = ends.running
    r.gateway.stop()
    ends.gateway = r.gateway = r.lab.start_gateway(**conf)


def offered(ends, cert):
    """Whether a peer with this certificate is offered EXTERNAL."""
    peer = ends.connect("high", tls=(*cert, None))
    peer.open(HIGH, LOW)
    peer.send(f"<starttls xmlns='{TLS}'/>")
    peer.expect("proceed")
    peer.sock = context(ends, cert).wrap_socket(peer.sock, server_hostname=LOW)
    try:
        peer.open(HIGH, LOW)
        return True
    except LabError:
        return False


def test_revoked(ends):
    """A list of each side: what stands on it is refused in both roles, what does not is taken; below an authority without a list of its own
    nothing is."""
    forge, high, low = ends.forge, ends.authority["high"], ends.authority["low"]
    good, bad = forge.make(by=high), forge.make(by=high)
    listed, middle = middle_of(forge, high, "listed")
    below_bad, bad_middle = middle_of(forge, high, "revoked")
    unlisted = below(forge, high)
    bad_server = Low(forge).make(by=low)
    lists = {"high.crl": forge.revocations([high, middle, bad_middle], os.path.join(forge.folder, "high-crl.pem"), [bad[0], bad_middle[0]]),
             "low.crl": forge.revocations([low], os.path.join(forge.folder, "low-crl.pem"), [bad_server[0]])}
    restart(ends, **lists)
    mark = ends.events.mark()
    measured = {name: offered(ends, cert) for name, cert in (("good", good), ("revoked", bad), ("below a listed authority", listed),
                                                             ("below a revoked authority", below_bad), ("below an authority without a list", unlisted))}
    assert measured == {"good": True, "revoked": False, "below a listed authority": True, "below a revoked authority": False,
                        "below an authority without a list": False}
    recorded(ends, mark, lambda e: e.get("reason") == "cert-refused" and "revoked" in str(e), "the revocation")
    liar = Liar(ends, cert=bad_server)
    meets(ends, liar, {"cert-refused"}, lambda id_: None)
    assert not liar.took
    restart(ends)
    assert offered(ends, bad)       # without lists nobody looks


def held_open(ends, cert):
    """A connection whose handshake lacks its last record alone, and that record: the certificate was shown and verified."""
    peer = ends.connect("high", port=5270, tls=(*cert, None))
    came, goes = ssl.MemoryBIO(), ssl.MemoryBIO()
    c = context(ends, cert)
    c.set_alpn_protocols(["xmpp-server"])
    tls = c.wrap_bio(came, goes, server_hostname=LOW)
    while True:
        try:
            tls.do_handshake()
            break
        except ssl.SSLWantReadError:
            peer.sock.sendall(goes.read())
            came.write(peer.sock.recv(65536))
    data, at = goes.read(), 0
    while at + 5 + int.from_bytes(data[at + 3:at + 5], "big") < len(data):
        at += 5 + int.from_bytes(data[at + 3:at + 5], "big")
    assert at > 0
    peer.sock.sendall(data[:at])
    return peer, data[at:]


def test_a_list_put_in_place_while_streams_stand(ends):
    """Without a restart: the revoked one's stream is ended and it is let in no more, the other's goes on; a broken file changes nothing. Nor
    does it get in by a handshake that began before and was held open."""
    forge, high = ends.forge, ends.authority["high"]
    good, bad = forge.make(by=high), forge.make(by=high)
    path = forge.revocations([high], os.path.join(forge.folder, "live-crl.pem"))
    restart(ends, **{"high.crl": path, "limits.handshake": "60s"})
    streams = {}
    for name, cert in (("good", good), ("bad", bad)):
        streams[name] = ends.connect("high", tls=(*cert, None)).authenticated(HIGH, LOW, False)
    mark = ends.events.mark()
    with open(path + ".broken", "w") as f, open(path) as was:
        f.write(was.read()[:150])
    os.rename(path + ".broken", path)
    recorded(ends, mark, lambda e: e.get("action") == "crl-unreadable" and e["count"] == 1, "a file that is none")
    assert offered(ends, bad)
    late, last = held_open(ends, bad)
    os.rename(forge.revocations([high], path + ".new", [bad[0]]), path)
    recorded(ends, mark, lambda e: e.get("action") == "crl-read" and e["count"] == 1 and e["not_after"].endswith("Z"), "the new list")
    assert streams["bad"].stream_error(20) == "not-authorized"
    recorded(ends, mark, lambda e: e.get("reason") == "cert-refused" and "revoked meanwhile" in e.get("error", ""), "the end of its stream")
    mark = ends.events.mark()
    late.sock.sendall(last)
    recorded(ends, mark, lambda e: e.get("reason") == "cert-refused" and "revoked meanwhile" in e.get("error", ""), "the end of its handshake")
    assert {n: offered(ends, c) for n, c in (("good", good), ("bad", bad))} == {"good": True, "bad": False}
    id_ = new_id("kept")
    streams["good"].send(message(A, B, id_))
    ends.sink["low"].wait("what the other sends on", lambda e: e.get("id") == id_)
    mark = ends.events.mark()
    ends.gateway.lockgate("reload", "-c", ends.gateway.conf)
    recorded(ends, mark, lambda e: e.get("action") == "crl-read", "the list read at a reload")
    restart(ends)


def test_a_list_out_of_date_that_counts_on(ends):
    """crl_outdated = accept: who is good is let in, who stands on the old list is not, and a record says that it is old."""
    forge, high = ends.forge, ends.authority["high"]
    good, bad = forge.make(by=high), forge.make(by=high)
    path = forge.revocations([high], os.path.join(forge.folder, "accept-crl.pem"), [bad[0]], seconds=12)
    restart(ends, **{"high.crl": path, "high.crl_outdated": "accept"})
    mark = ends.events.mark() - 20 if ends.events.mark() > 20 else 0
    recorded(ends, mark, lambda e: e.get("action") == "crl-outdated" and e.get("error") == "it counts on", "that the list is old")
    assert "A REVOCATION LIST IS OUT OF DATE" in ends.gateway.lockgate("status", "-c", ends.gateway.conf)
    assert {n: offered(ends, c) for n, c in (("good", good), ("bad", bad), ("expired", forge.make(by=high, start="20200101000000Z", end="20210101000000Z")))} == {
        "good": True, "bad": False, "expired": False}
    restart(ends)


# ---- pins ------------------------------------------------------------------------------------------------------------------

def pin(cert):
    """As the comment in conf/lockgate.conf says it."""
    return sh("sh", "-c", f"openssl x509 -in {cert} -noout -pubkey | openssl pkey -pubin -outform DER | openssl dgst -sha256").split()[-1]


def test_pins(ends):
    """In both roles: a key that is pinned, the next one pinned beside it, and one that is not, all with good certificates."""
    forge, high = ends.forge, ends.authority["high"]
    now, then, else_ = (forge.make(by=high) for _ in range(3))
    domains = {s: tuple({**d, "pins": p} if d["name"] == n else d for d in settings(ends.running.lab)[s]["domains"])
               for s, n, p in (("high", HIGH, [pin(now[0]), pin(then[0])]), ("low", LOW, [pin(ends.running.lab.server_cert["low"][0])]))}
    restart(ends, **{f"{s}.domains": d for s, d in domains.items()})
    mark = ends.events.mark()
    assert {n: offered(ends, c) for n, c in (("pinned", now), ("pinned for later", then), ("another", else_))} == {
        "pinned": True, "pinned for later": True, "another": False}
    recorded(ends, mark, lambda e: e["event_type"] == "stream" and e.get("reason") == "pin-mismatch" and e.get("cert_sha256"), "the key that is not pinned")
    kept = ends.running.lab.server_cert["high"]
    ends.running.lab.server_cert["high"] = now
    try:
        id_ = new_id("pinned")
        ends.stream("high").send(message(A, B, id_))
        ends.sink["low"].wait("the message for the pinned server", lambda e: e.get("id") == id_)
        meets(ends, Liar(ends, cert=Low(forge).make(by=ends.authority["low"])), {"pin-mismatch"}, lambda id_: None)
    finally:
        ends.running.lab.server_cert["high"] = kept
    restart(ends)


@pytest.mark.long
def test_list_that_goes_out_of_date(ends):
    """While it is current it lets one in; then nobody; and the gateway does not start with it."""
    high = ends.authority["high"]
    good = ends.forge.make(by=high)
    path, made = ends.forge.revocations([high], os.path.join(ends.forge.folder, "old-crl.pem"), seconds=25), time.monotonic()
    restart(ends, **{"high.crl": path})
    assert offered(ends, good)
    time.sleep(max(0, made + 26 - time.monotonic()))
    assert not offered(ends, good)
    with pytest.raises(LabError, match="is out of date"):
        restart(ends, **{"high.crl": path})
    restart(ends)
