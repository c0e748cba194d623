# SPDX-License-Identifier: GPL-3.0-or-later
# Hostile peers on a real edge: each row of table.py, certificates that name somebody else, TLS and SASL by the wrong rules,
# dialback lies. Each ends as the table says, leaves a record, and nothing of it reaches the other side.

import base64
import contextlib
import os
import re
import socket
import ssl
import threading
import time
import xml.etree.ElementTree as ET

import pytest

import table
from forge import SRV_NAME, XMPP_ADDR, Forge, der_names
from lab.certs import Authority
from lab.ends import bare
from lab.lab import build_folder
from lab.net import LabError, sh
from lab.wire import HEADER, SASL, STREAM_ERRORS, TLS, Closed, Peer, inside, message, name, new_id
from table import A, B, HIGH, LOW, ROOMS


@pytest.fixture(scope="module")
def ends(running):
    with bare(running) as e:
        e.forge = Forge(e.lab.path("forge"))
        e.authority = {s: (a.cert, a.key) for s in ("high", "low") for a in (Authority(e.lab.path("tls"), s),)}
        yield e


def recorded(ends, mark, test, what):
    found = ends.events.wait(test, 20, mark)
    assert found, f"no record of {what}; there are {ends.events.find(lambda e: True, mark)[-4:]}"
    return found


def is_failure(conditions, reasons):
    def test(e):
        return (e["event_type"] in ("stream", "limit") and e.get("side") == "high" and e.get("reason") is not None
                and (not reasons or e["reason"] in reasons) and (None in conditions or not e.get("condition") or e["condition"] in conditions))
    return test


def begin(ends, phase):
    if phase == "first":
        return ends.connect("high")
    if phase == "clear":
        p = ends.connect("high")
        p.open(HIGH, LOW)
        return p
    if phase == "tls":
        p = ends.connect("high")
        p.start_tls(HIGH, LOW)
        return p
    return ends.stream("high")


def say(peer, data, piece=None):
    try:
        if piece is None:
            peer.send(data)
        else:
            for i in range(0, len(data), piece):
                peer.send(data[i:i + piece])
    except OSError:
        pass        # it closed while the rest was still on its way


def end_of(peer):
    """The condition of the stream error, None when there was none. LabError when the stream stays open."""
    try:
        return peer.stream_error(25)
    except OSError:
        return None
    except ET.ParseError:       # it came behind a restart that this side did not make
        found = re.findall(rf"<([a-z-]+) xmlns='{STREAM_ERRORS}'", peer.raw.decode())
        return found[0] if found else None


MEASURED = {}


@pytest.mark.parametrize("row", table.ROWS, ids=[f"{r[1]}: {r[0]}" for r in table.ROWS])
def test_row(ends, row):
    _, phase, data, conditions, reasons, _ = row
    if phase == "spare":
        spared(ends, row)
        return
    peer = begin(ends, phase)
    mark = ends.events.mark()
    say(peer, data)
    if phase == "first" and None in conditions:
        peer.sock.shutdown(socket.SHUT_WR)      # what is still expected will never come
    condition = end_of(peer)
    MEASURED[row] = condition or "closed"
    assert condition in conditions
    MEASURED[row] += ", " + recorded(ends, mark, is_failure(conditions, reasons), condition)["reason"]


def spared(ends, row):
    """The stanza is refused to its sender, the one behind it crosses."""
    _, _, data, conditions, reasons, _ = row
    mark, id_ = ends.events.mark(), new_id("spared")
    ends.stream("high").send(data.replace(b"id='atk'", f"id='{id_}'".encode()) + message(A, B, id_ + "-behind").encode())
    answer = ends.sink["high"].wait("the refusal", lambda e: e.get("id") == id_, 25)
    MEASURED[row] = "to its sender: " + " ".join(name(c) for error in answer for c in error)
    assert answer.get("type") == "error" and conditions & {name(c) for error in answer for c in error}
    ends.sink["low"].wait("the stanza behind it", lambda e: e.get("id") == id_ + "-behind", 25)
    recorded(ends, mark, lambda e: e.get("stanza_id") == id_ and (not reasons or e.get("reason") in reasons), "the refused stanza")


@pytest.mark.parametrize("piece", (1, 7))
def test_pieces_make_no_difference(ends, piece):
    """The same bytes, cut small, come to the same end."""
    differ = []
    for what, phase, data, conditions, _, _ in table.ROWS:
        if phase == "auth" and len(data) < 400 and None not in conditions and what.startswith(("bad UTF-8", "in a body", "reference to U+00", "message: from")):
            if piece == 1 and len(what) % 4 and not what.startswith("in a body"):
                continue
            peer = begin(ends, phase)
            say(peer, data, piece)
            condition = end_of(peer)
            if condition not in conditions:
                differ.append((what, condition))
    assert not differ


@pytest.mark.parametrize("what,stanza,test", table.CLEAN, ids=[r[0] for r in table.CLEAN])
def test_crosses_clean(ends, what, stanza, test):
    """Odd but lawful XML: what arrives, if it arrives, is what the guard judged."""
    peer = ends.stream("high")
    before = len(ends.sink["low"].stanzas)
    peer.send(stanza + message(A, B, f"behind-{what}".replace(" ", "-")))
    ends.sink["low"].wait("what was sent behind it", lambda e: e.get("id") == f"behind-{what}".replace(" ", "-"), 25)
    got = [e for _, e in ends.sink["low"].stanzas[before:] if not (e.get("id") or "").startswith("behind-")]
    assert len(got) <= 1
    for e in got:
        assert test(e), text_of(e)
    ends.sink["low"].stanzas[before:] = []


def text_of(e):
    return ET.tostring(e).decode()


# ---- TLS ---------------------------------------------------------------------------------------------------------------

def context(ends, cert=None):
    c = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    c.check_hostname, c.verify_mode = False, ssl.CERT_NONE
    c.set_ciphers("DEFAULT:@SECLEVEL=0")    # it shows what nobody should take
    c.load_cert_chain(*(cert or ends.lab.server_cert["high"]))
    return c


def handshake(ends, c, direct=False, sni=LOW):
    peer = ends.connect("high", port=5270 if direct else 5269)
    if not direct:
        peer.open(HIGH, LOW)
        peer.send(f"<starttls xmlns='{TLS}'/>")
        peer.expect("proceed")
    peer.sock = c.wrap_socket(peer.sock, server_hostname=sni)
    return peer


@pytest.mark.parametrize("low,high,ciphers", [
    (ssl.TLSVersion.TLSv1, ssl.TLSVersion.TLSv1, "ALL:@SECLEVEL=0"), (ssl.TLSVersion.TLSv1_1, ssl.TLSVersion.TLSv1_1, "ALL:@SECLEVEL=0"),
    (ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_2, "AES128-SHA:@SECLEVEL=0"), (ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_2, "AES256-GCM-SHA384"),
    (ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_2, "ECDHE-ECDSA-AES128-SHA256:ECDHE-RSA-AES128-SHA"),
    (ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_2, "aNULL:@SECLEVEL=0"),
    (ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_2, "DHE-RSA-AES128-GCM-SHA256")],
    ids=["TLS 1.0", "TLS 1.1", "RSA key exchange, CBC", "RSA key exchange", "CBC suites", "anonymous suites", "DHE"])
def test_old_tls(ends, low, high, ciphers):
    c = context(ends)
    c.minimum_version, c.maximum_version = low, high
    c.set_ciphers(ciphers)
    mark = ends.events.mark()
    with pytest.raises((ssl.SSLError, OSError)):
        handshake(ends, c)
    recorded(ends, mark, lambda e: e.get("reason") in ("tls-failed", "peer-reset"), "the failed handshake")


def test_tls_has_nothing_extra(ends):
    peer = handshake(ends, context(ends))
    assert peer.sock.compression() is None and peer.sock.version() == "TLSv1.3"
    peer.open(HIGH, LOW)
    assert not (peer.sock.session and peer.sock.session.has_ticket)


@pytest.mark.parametrize("direct,alpn", [(True, ["h2"]), (True, ["xmpp-client"]), (True, ["http/1.1", "smtp"])])
def test_alpn_of_other_protocols(ends, direct, alpn):
    c = context(ends)
    c.set_alpn_protocols(alpn)
    with pytest.raises((ssl.SSLError, OSError)):
        handshake(ends, c, direct)


@pytest.mark.parametrize("first", [b"\x16\x03\x01\x00\x00", b"\x16\x03\x01\xff\xff" + b"\0" * 300, b"\x16" * 600, b"\x16\x03\x01\x00\x05\x01\x00\xff\xff\xff",
                                   b"\x16\x03\x03\x00\x04\x0e\x00\x00\x00"],
                         ids=["empty record", "record too long", "bytes 0x16", "hello that lies about its length", "server's message"])
def test_broken_handshake(ends, first):
    mark = ends.events.mark()
    peer = ends.connect("high", port=5270)
    try:
        peer.send(first)
        peer.sock.shutdown(socket.SHUT_WR)
        while peer.sock.recv(4096):
            pass
    except OSError:
        pass
    recorded(ends, mark, lambda e: e.get("reason") in ("tls-failed", "peer-reset"), "the failed handshake")


def test_renegotiation(ends):
    """TLS 1.2: a client that asks for a new handshake does not get one."""
    chain, key = ends.lab.server_cert["high"]
    r = sh("ip", "netns", "exec", ends.lab.ns["high"].name, "sh", "-c",
           f"(sleep 1; echo R; sleep 2) | timeout 20 openssl s_client -tls1_2 -connect {ends.where('high')}:5270 -servername {LOW} "
           f"-alpn xmpp-server -cert {chain} -key {key} 2>&1", check=False)
    text = r.stdout if hasattr(r, "stdout") else str(r)
    assert "RENEGOTIATING" in text
    assert "no renegotiation" in text or "handshake failure" in text or "unexpected" in text or "closed" in text.lower()


@pytest.mark.parametrize("behind", ["<message/>", " ", "<?xml version='1.0'?>", "\x16\x03\x01", HEADER + ">"],
                         ids=["stanza", "white space", "declaration", "half a hello", "header"])
def test_bytes_behind_starttls(ends, behind):
    mark = ends.events.mark()
    peer = ends.connect("high")
    peer.open(HIGH, LOW)
    peer.send(f"<starttls xmlns='{TLS}'/>{behind}")
    with pytest.raises((Closed, LabError)):
        peer.expect("proceed")
        peer.sock = context(ends).wrap_socket(peer.sock, server_hostname=LOW)
        raise LabError("under TLS all the same")
    recorded(ends, mark, lambda e: e.get("reason") == "tls-injection", "the injection")


def test_stanza_in_the_clear_behind_proceed(ends):
    mark = ends.events.mark()
    peer = ends.connect("high")
    peer.open(HIGH, LOW)
    peer.send(f"<starttls xmlns='{TLS}'/>")
    peer.expect("proceed")
    peer.send(f"{HEADER} from='{HIGH}' to='{LOW}'>" + message(A, B, "atk", "SMUGGLED"))
    recorded(ends, mark, lambda e: e.get("reason") == "tls-failed", "bytes that are no handshake")


# ---- certificates --------------------------------------------------------------------------------------------------------

def dn(**words):
    return lambda f, by: f.make(by=by, **words)


RSA1024 = ("-newkey", "rsa:1024", "-nodes")
RSA2048 = ("-newkey", "rsa:2048", "-nodes")


def below(f, by, **words):
    """A leaf signed by something that `by` signed."""
    middle = f.make(by=by, san=words.pop("middle_san", "DNS:middle.example"), cn="middle", usage=words.pop("middle_usage", None), ca=words.pop("middle_ca", True),
                    more=words.pop("middle_more", "keyUsage=critical,keyCertSign\n"))
    return f.make(by=middle, chain=(middle[0],), **words)


def two_below(f, by):
    first = f.make(by=by, san=None, cn="first", usage=None, more="keyUsage=critical,keyCertSign\n", ca=False)
    return f.make(by=first, chain=(first[0],))


ELSEWHERE = "keyUsage=critical,keyCertSign\nnameConstraints=critical,permitted;DNS:other.example\n"
REFUSED = [
    ("another name", dn(san="DNS:other.example")), ("a subdomain's name", dn(san=f"DNS:x.{HIGH}")), ("a longer name", dn(san=f"DNS:{HIGH}.evil.example")),
    ("a name that ends so", dn(san=f"DNS:evil{HIGH}")), ("the other side's name", dn(san=f"DNS:{LOW}")), ("no name but the common name", dn(san=None)),
    ("common name right, dNSName other", dn(san="DNS:other.example", cn=HIGH)), ("wildcard one above", dn(san="DNS:*.example")),
    ("wildcard below", dn(san=f"DNS:*.{HIGH}")), ("wildcard for all", dn(san="DNS:*")), ("wildcard in a label", dn(san="DNS:h*.example")),
    ("wildcard at the end", dn(san="DNS:high.*")), ("two wildcards", dn(san="DNS:*.*")), ("NUL behind the name", dn(san=der_names(HIGH.encode() + b"\0.evil.example"))),
    ("NUL before the name", dn(san=der_names(b"\0" + HIGH.encode()))), ("an empty name", dn(san=der_names(b""))),
    ("a name with a dot before", dn(san=der_names(b"." + HIGH.encode()))), ("a Unicode name", dn(san=der_names("h\u0456gh.example".encode()))),
    ("e-mail address", dn(san=f"email:a@{HIGH}")), ("URI", dn(san=f"URI:xmpp:{HIGH}")), ("its IP address", dn(san="IP:10.77.1.2")),
    ("SRVName of clients", dn(san=f"otherName:{SRV_NAME};IA5:_xmpp-client.{HIGH}")), ("SRVName without service", dn(san=f"otherName:{SRV_NAME};IA5:{HIGH}")),
    ("SRVName as UTF-8", dn(san=f"otherName:{SRV_NAME};UTF8:_xmpp-server.{HIGH}")),
    ("XmppAddr of a user", dn(san=f"otherName:{XMPP_ADDR};UTF8:a@{HIGH}")), ("XmppAddr with a resource", dn(san=f"otherName:{XMPP_ADDR};UTF8:{HIGH}/r")),
    ("XmppAddr as IA5", dn(san=f"otherName:{XMPP_ADDR};IA5:{HIGH}")), ("name under another object identifier", dn(san=f"otherName:1.3.6.1.5.5.7.8.9;UTF8:{HIGH}")),
    ("self-signed", lambda f, by: f.make()), ("self-signed authority", lambda f, by: f.make(ca=True)),
    ("self-signed with the authority's name", lambda f, by: f.make(cn="lab high authority")),
    ("expired", dn(end="20240101000000Z")), ("not yet valid", dn(start="20800101000000Z")),
    ("only for clients", dn(usage="clientAuth")), ("only for code", dn(usage="codeSigning")), ("only for mail", dn(usage="emailProtection")),
    ("an issuer that is no authority", lambda f, by: below(f, by, middle_ca=False, middle_usage="serverAuth", middle_more="")),
    ("an issuer that may not sign", lambda f, by: below(f, by, middle_more="keyUsage=critical,cRLSign\n")),
    ("an issuer for other names", lambda f, by: below(f, by, middle_more=ELSEWHERE)),
    ("an issuer that excludes the name", lambda f, by: below(f, by, middle_more=f"keyUsage=critical,keyCertSign\nnameConstraints=critical,excluded;DNS:{HIGH}\n")),
    ("XmppAddr, an issuer for other names", lambda f, by: below(f, by, middle_more=ELSEWHERE, cn="Some Server", san=f"otherName:{XMPP_ADDR};UTF8:{HIGH}")),
    ("SRVName, an issuer for other names", lambda f, by: below(f, by, middle_more=ELSEWHERE, cn="Some Server", san=f"otherName:{SRV_NAME};IA5:_xmpp-server.{HIGH}")),
    ("XmppAddr beside the dNSName that its issuer is for", lambda f, by: below(f, by, middle_more=ELSEWHERE, cn="Some Server",
                                                                              san=f"DNS:other.example,otherName:{XMPP_ADDR};UTF8:{HIGH}")),
    ("XmppAddr, an issuer that excludes the name", lambda f, by: below(f, by, middle_more=f"nameConstraints=critical,excluded;DNS:{HIGH}\n", cn="Some Server",
                                                                      san=f"otherName:{XMPP_ADDR};UTF8:{HIGH}")),
    ("an issuer for clients only", lambda f, by: below(f, by, middle_usage="clientAuth")),
    ("a key that is for agreement only", dn(more="keyUsage=critical,keyAgreement\n")),
    ("a key that is for encipherment only", dn(more="keyUsage=keyEncipherment\n", key=RSA2048)),
    ("an unknown critical extension", dn(more="1.2.3.4=critical,ASN1:UTF8String:x\n")),
    ("RSA of 1024 bits", dn(key=RSA1024)), ("signed with SHA-1", dn(sign=("-sha1",))),
]
ACCEPTED = [
    ("name in capitals", dn(san=f"DNS:{HIGH.upper()}")), ("only for servers", dn(usage="serverAuth")), ("without usages", dn(usage=None)),
    ("second of two names", dn(san=f"DNS:other.example,DNS:{HIGH}")), ("SRVName", dn(san=f"otherName:{SRV_NAME};IA5:_xmpp-server.{HIGH}")),
    ("XmppAddr", dn(san=f"otherName:{XMPP_ADDR};UTF8:{HIGH}")), ("an issuer between", lambda f, by: below(f, by)),
    ("XmppAddr, an issuer between", lambda f, by: below(f, by, san=f"otherName:{XMPP_ADDR};UTF8:{HIGH}")),
    ("an issuer for the name", lambda f, by: below(f, by, middle_more=f"nameConstraints=critical,permitted;DNS:{HIGH}\n")), ("RSA of 2048 bits", dn(key=RSA2048)),
    ("a key for signatures", dn(more="keyUsage=critical,digitalSignature\n")),
    ("a key for signatures and encipherment", dn(more="keyUsage=critical,digitalSignature,keyEncipherment\n", key=RSA2048)),
]


@pytest.mark.parametrize("make", [r[1] for r in REFUSED], ids=[r[0] for r in REFUSED])
def test_certificate_refused(ends, make):
    cert = make(ends.forge, ends.authority["high"])
    mark = ends.events.mark()
    peer = ends.connect("high", tls=(*cert, None))
    try:
        peer.open(HIGH, LOW)
        peer.send(f"<starttls xmlns='{TLS}'/>")
        peer.expect("proceed")
        peer.sock = context(ends, cert).wrap_socket(peer.sock, server_hostname=LOW)
        features = peer.open(HIGH, LOW)
        pytest.fail(f"features were offered: {text_of(features)}")
    except LabError:
        pass
    assert "not-authorized" in peer.raw.decode()
    recorded(ends, mark, lambda e: e.get("reason") == "cert-refused" and e.get("cert_sha256"), "the refused certificate")


@pytest.mark.parametrize("make", [r[1] for r in ACCEPTED], ids=[r[0] for r in ACCEPTED])
def test_certificate_accepted(ends, make):
    peer = ends.connect("high", tls=(*make(ends.forge, ends.authority["high"]), None))
    peer.authenticated(HIGH, LOW)


def test_certificate_of_the_other_sides_authority(ends):
    cert = ends.forge.make(by=ends.authority["low"])
    with pytest.raises(LabError):
        ends.connect("high", tls=(*cert, None)).start_tls(HIGH, LOW)


def test_no_certificate(ends):
    mark = ends.events.mark()
    with pytest.raises(LabError):
        ends.connect("high", tls=(None, None, None)).start_tls(HIGH, LOW)
    recorded(ends, mark, lambda e: e.get("reason") == "cert-refused", "the missing certificate")


# ---- SASL ----------------------------------------------------------------------------------------------------------------

def b64(text):
    return base64.b64encode(text.encode()).decode()


@pytest.mark.parametrize("mechanism,data,condition", [
    ("EXTERNAL", b64(LOW), "invalid-authzid"), ("EXTERNAL", b64("other.example"), "invalid-authzid"), ("EXTERNAL", b64(f"a@{HIGH}"), "invalid-authzid"),
    ("EXTERNAL", b64(f"{HIGH}/r"), "invalid-authzid"), ("EXTERNAL", b64(f"{HIGH}\0{LOW}"), "invalid-authzid"), ("EXTERNAL", b64(f"x.{HIGH}"), "invalid-authzid"),
    ("EXTERNAL", b64("h\u0456gh.example"), "invalid-authzid"), ("EXTERNAL", b64(f"{HIGH},{LOW}"), "invalid-authzid"), ("EXTERNAL", "!!!!", "incorrect-encoding"),
    ("EXTERNAL", "AAA", "incorrect-encoding"), ("EXTERNAL", "A===", "incorrect-encoding"), ("EXTERNAL", b64(HIGH) + "====", "incorrect-encoding"),
    ("EXTERNAL", b64(HIGH)[:8] + " " + b64(HIGH)[8:], "incorrect-encoding"), ("EXTERNAL", base64.b64encode(b"\xff\xfe").decode(), "invalid-authzid"),
    ("PLAIN", b64(f"\0{HIGH}\0x"), "invalid-mechanism"), ("ANONYMOUS", "=", "invalid-mechanism"), ("external", "=", "invalid-mechanism"),
    ("SCRAM-SHA-1", b64("n,,n=a,r=b"), "invalid-mechanism"), ("DIALBACK", "=", "invalid-mechanism"), ("", "=", "invalid-mechanism")])
def test_sasl_refused(ends, mechanism, data, condition):
    peer, mark = begin(ends, "tls"), ends.events.mark()
    peer.send(f"<auth xmlns='{SASL}' mechanism='{mechanism}'>{data}</auth>")
    failure = peer.expect("failure")
    assert [name(c) for c in failure if name(c) != "text"] == [condition]
    if condition == "invalid-authzid":      # whom it claimed to be is in the journal, however it ends now
        said = recorded(ends, mark, lambda e: e["event_type"] == "limit" and e.get("reason") == "auth-failed", "the claim")["error"]
        claimed = base64.b64decode(data).split(b"\0")[0]
        assert claimed == b"\xff\xfe" or claimed.decode() in said
    peer.send(message(A, B, "atk", "SMUGGLED"))
    assert end_of(peer) == "not-authorized"


def test_sasl_tries_are_few(ends):
    peer = begin(ends, "tls")
    for _ in range(8):
        say(peer, f"<auth xmlns='{SASL}' mechanism='EXTERNAL'>{b64(LOW)}</auth>")
    assert end_of(peer) == "policy-violation"


def test_header_changes_behind_authentication(ends):
    for from_, to in ((LOW, LOW), (HIGH, ROOMS), ("other.example", LOW)):
        peer = begin(ends, "tls")
        peer.send(f"<auth xmlns='{SASL}' mechanism='EXTERNAL'>=</auth>")
        peer.expect("success")
        peer._restart()
        say(peer, f"{HEADER} from='{from_}' to='{to}'>" + message(A, B, "atk", "SMUGGLED"))
        assert end_of(peer) in ("invalid-from", "not-authorized", "host-unknown")


# ---- dialback, which is off here -----------------------------------------------------------------------------------------

def db(kind, from_, to, text="k", id_=None):
    return f"<db:{kind} from='{from_}' to='{to}'" + (f" id='{id_}'" if id_ else "") + f">{text}</db:{kind}>"


@pytest.mark.parametrize("from_,to", [(LOW, LOW), (ROOMS, LOW), ("other.example", LOW), (HIGH, "other.example"), (HIGH, HIGH), (f"x.{HIGH}", LOW), (LOW, HIGH)])
def test_pair_that_is_not_its_own(ends, from_, to):
    """A further pair is refused, the stream stays, the refused pair stays unproven."""
    peer = ends.stream("high")
    mark = ends.events.mark()
    peer.send(db("result", from_, to))
    answer = peer.expect("result")
    assert answer.get("type") == "error" and (answer.get("from"), answer.get("to")) == (to, from_)
    line = recorded(ends, mark, lambda e: e["event_type"] == "limit" and e.get("action") == "refused" and "stanza_id" not in e, "the refused pair")
    assert (line["reason"] == "host-unknown") == bool({from_, to} - {HIGH, LOW, ROOMS} or to == HIGH), line
    peer.send(message(A, B, f"stays-{from_}-{to}"))
    ends.sink["low"].wait("a message on the same stream", lambda e: e.get("id") == f"stays-{from_}-{to}", 25)
    peer.send(message(f"a@{from_}", f"b@{to}", "atk", "SMUGGLED"))
    assert end_of(peer) in ("invalid-from", "host-unknown", "improper-addressing")


def test_second_pair_of_its_own(ends):
    peer = ends.stream("high")
    peer.send(db("result", HIGH, ROOMS))
    assert peer.expect("result").get("type") == "valid"


@pytest.mark.parametrize("from_,to,id_,key", [(HIGH, LOW, "x", "0" * 64), (HIGH, LOW, "x", ""), (HIGH, ROOMS, "y", "f" * 64), (HIGH, LOW, "x" * 500, "0" * 65)],
                         ids=["zeros", "empty", "other pair", "overlong"])
def test_verify_of_keys_that_were_never_made(ends, from_, to, id_, key):
    peer = begin(ends, "tls")
    peer.send(db("verify", from_, to, key, id_))
    if not key:
        assert end_of(peer) == "bad-format"
    else:
        assert peer.expect("verify").get("type") == "invalid"


@pytest.mark.parametrize("from_,to", [(LOW, HIGH), ("other.example", LOW), (HIGH, "other.example"), (LOW, LOW)])
def test_verify_for_others(ends, from_, to):
    peer = begin(ends, "tls")
    peer.send(db("verify", from_, to, "0" * 64, "x"))
    assert peer.expect("verify").get("type") in ("error", "invalid")


def test_flood_of_pairs(ends):
    """A peer without certificate, name or authentication may not write the journal full."""
    mark = ends.events.mark()
    peer = ends.connect("high", tls=(None, None, None))
    peer.open("", LOW)
    peer.send(f"<starttls xmlns='{TLS}'/>")
    peer.expect("proceed")
    peer.sock = peer._client_tls(LOW).wrap_socket(peer.sock, server_hostname=LOW)
    peer.open("", LOW)
    say(peer, "".join(db("result", f"n{i}.example", LOW) for i in range(2000)))
    time.sleep(1)
    assert len(ends.events.find(lambda e: e["event_type"] == "limit", mark)) < 50


# ---- servers that lie to the gateway when it calls them -------------------------------------------------------------------

class Liar:
    """A server of low.example that follows a script: what it says to the header, to <starttls/>, under TLS, once authenticated."""

    def __init__(self, ends, cert=None, script=None):
        plan = ends.lab.plan["low"]
        self.ends, self.script, self.took, self.peers = ends, script or {}, [], []
        chain, key, ca = ends.lab.identity("low")
        self.tls = (*(cert or (chain, key)), ca)
        ends.sink["low"].close()
        end = time.monotonic() + 20
        while True:
            try:
                with inside(ends.lab.ns["low"].name):
                    self.listeners = [socket.create_server((plan.server4, 5269), backlog=8),
                                      socket.create_server((plan.server6, 5269), family=socket.AF_INET6, backlog=8)]
                break
            except OSError:
                if time.monotonic() > end:
                    raise
                time.sleep(0.05)
        for s in self.listeners:
            threading.Thread(target=self._listen, args=(s,), daemon=True).start()

    def _listen(self, listener):
        while True:
            try:
                sock, _ = listener.accept()
            except OSError:
                return
            self.peers.append(Peer(sock, self.tls, timeout=20))
            threading.Thread(target=self._serve, args=(self.peers[-1],), daemon=True).start()

    def _serve(self, peer):
        try:
            if "header" in self.script:
                peer._answer_header(LOW, "")
                peer.send(self.script["header"])
            elif "starttls" in self.script:
                peer._answer_header(LOW, f"<starttls xmlns='{TLS}'/>")
                peer.expect("starttls")
                peer.send(self.script["starttls"])
            elif "tls" in self.script:
                peer.accept(LOW, tls_only=True)
                peer.send(self.script["tls"])
            else:
                peer.accept(LOW)
                peer.send(self.script.get("ready", ""))
            while True:
                element = peer.read(5)
                if element is None:
                    return
                self.took.append(element)
        except (LabError, OSError, ET.ParseError):
            pass
        finally:
            peer.sock.close()

    def end(self):
        """The honest server comes back, and one message through it sets the gateway's patience to the beginning."""
        for s in self.listeners:
            s.shutdown(socket.SHUT_RDWR)
            s.close()
        for peer in self.peers:
            with contextlib.suppress(OSError):
                peer.sock.shutdown(socket.SHUT_RDWR)
        end = time.monotonic() + 20
        while True:
            try:
                kept = self.ends.sink["low"]
                self.ends.open_sink("low").stanzas[:0] = kept.stanzas
                break
            except OSError:
                if time.monotonic() > end:
                    raise
                time.sleep(0.05)
        peer, end = self.ends.stream("high"), time.monotonic() + 60
        while not any((e.get("id") or "").startswith("again-") for _, e in self.ends.sink["low"].stanzas[len(kept.stanzas):]):
            if time.monotonic() > end:      # those sent while the gateway still remembers the liar come back
                raise LabError(f"nothing came to the honest server; errors: {self.ends.sink['low'].errors[-3:]}")
            peer.send(message(A, B, new_id("again")))
            time.sleep(0.3)


def meets(ends, liar, reasons, test):
    mark, id_ = ends.events.mark(), new_id("liar")
    ends.stream("high").send(message(A, B, id_, "SECRET"))
    try:
        recorded(ends, mark, lambda e: e["event_type"] == "stream" and e.get("side") == "low" and e.get("role") == "initiating"
                 and e.get("reason") in reasons, f"one of {reasons}")
        test(id_)
    finally:
        liar.end()


SERVERS = [r for r in REFUSED if r[0] in ("another name", "wildcard one above", "expired", "self-signed", "NUL behind the name", "only for clients",
                                          "no name but the common name", "an issuer that is no authority")]


@pytest.mark.parametrize("make", [r[1] for r in SERVERS], ids=[r[0] for r in SERVERS])
def test_server_with_a_certificate_refused(ends, make):
    """As initiating entity: nothing is sent to who cannot prove the name, and the sender is told."""
    def low(forge, by):
        return make(Low(forge), by)
    liar = Liar(ends, cert=low(ends.forge, ends.authority["low"]))

    def told(id_):
        answer = ends.sink["high"].wait("the answer", lambda e: e.get("id") == id_, 25)
        assert answer.get("type") == "error" and answer.find(".//{*}remote-server-not-found") is not None
        assert not liar.took
    meets(ends, liar, {"cert-refused"}, told)


class Low:
    """The same certificates, for low.example."""

    def __init__(self, forge):
        self.forge = forge

    def make(self, **words):
        san = words.get("san", f"DNS:{HIGH}")
        if san and san.startswith("DER:"):
            san = der_names(LOW.encode() + b"\0.evil.example")
        elif san:
            san = san.replace(HIGH, "?").replace(LOW, HIGH).replace("?", LOW)
        return self.forge.make(**{**words, "san": san, "cn": words.get("cn", HIGH).replace(HIGH, LOW), "more": words.get("more", "").replace(HIGH, LOW)})


FEATURES = "<stream:features><mechanisms xmlns='urn:ietf:params:xml:ns:xmpp-sasl'><mechanism>EXTERNAL</mechanism></mechanisms></stream:features>"
BACK = message(B, A, "atk-back", "SMUGGLED")


@pytest.mark.parametrize("script,reasons", [
    ({"header": "<stream:features/>"}, {"tls-failed", "stream-protocol"}),
    ({"header": BACK}, {"stream-protocol", "tls-failed"}),
    ({"starttls": f"<proceed xmlns='{TLS}'/>" + FEATURES}, {"tls-injection", "tls-failed"}),
    ({"starttls": f"<failure xmlns='{TLS}'/></stream:stream>"}, {"tls-failed"}),
    ({"starttls": f"<success xmlns='{SASL}'/>"}, {"stream-protocol"}),
    ({"tls": f"<failure xmlns='{SASL}'><not-authorized/></failure>"}, {"no-auth", "auth-failed"}),
    ({"tls": "<db:result xmlns:db='jabber:server:dialback' from='low.example' to='high.example' type='valid'/>"}, {"stream-protocol", "no-auth"}),
    ({"ready": BACK}, {"stream-protocol"}),
    ({"ready": "<!DOCTYPE x>"}, {"restricted-xml", "not-well-formed"}),
    ({"ready": "<?xml version='1.0'?>"}, {"restricted-xml", "not-well-formed"}),
    ({"ready": "<stream:features/>"}, {"stream-protocol"})],
    ids=["no STARTTLS", "stanza for features", "injection behind proceed", "TLS refused", "success for proceed", "SASL refused",
         "dialback valid unasked", "stanza against the direction", "document type", "second declaration", "features again"])
def test_server_that_lies(ends, script, reasons):
    liar = Liar(ends, script=script)
    meets(ends, liar, reasons, lambda id_: None)
    assert not any((e.get("id") or "").startswith("atk") for _, e in ends.sink["high"].stanzas)
    if "ready" not in script:
        assert not liar.took or not [e for e in liar.took if name(e) == "message"]


# ---- prefixes of the stream header --------------------------------------------------------------------------------------

@pytest.mark.parametrize("inside_,there", [
    ("<b:body>x</b:body>", lambda e: [(c.tag, c.text) for c in e] == [("{jabber:server}body", "x")]),
    ("<body>x</body><q:x/>", lambda e: [c.tag for c in e] == ["{jabber:server}body"]),
    ("<body>x</body><active q:a='1' xmlns='http://jabber.org/protocol/chatstates'/>", lambda e: not [k for c in e for k in c.attrib if "}" in k])],
    ids=["body by such a prefix", "unknown element by it", "attribute by it"])
def test_prefix_declared_on_the_stream_header_only(ends, inside_, there):
    """What leaves declares what it uses: ejabberd hands its clients a stanza with a prefix that stood on the stream's header alone."""
    peer, id_ = begin(ends, "tls"), new_id("prefix")
    peer.send(f"<auth xmlns='{SASL}' mechanism='EXTERNAL'>=</auth>")
    peer.expect("success")
    peer._restart()
    peer.send(f"{HEADER} xmlns:b='jabber:server' xmlns:q='u:q' from='{HIGH}' to='{LOW}'>")
    peer.expect("features")
    peer.send(f"<message from='{A}' to='{B}' id='{id_}' type='chat'>{inside_}</message>" + message(A, B, id_ + "-behind"))
    ends.sink["low"].wait("what was sent behind it", lambda e: e.get("id") == id_ + "-behind", 25)
    got = [e for _, e in ends.sink["low"].stanzas if e.get("id") == id_]
    assert all(there(e) for e in got), [text_of(e) for e in got]
    assert not [x for x in ends.sink["low"].errors if "unbound" in x]


# ---- at the end ----------------------------------------------------------------------------------------------------------

def test_nothing_reached_the_other_side(ends):
    """After all of the above an honest stanza crosses, and it is the only sort that did."""
    ends.stream("high").send(message(A, B, "honest", "honest"))
    ends.sink["low"].wait("an honest message", lambda e: e.get("id") == "honest", 25)
    bad = [text_of(e) for _, e in ends.sink["low"].stanzas if (e.get("id") or "").startswith("atk") or "SMUGGLED" in text_of(e)]
    assert not bad
    assert not [x for x in ends.sink["low"].errors if "not well-formed" in x or "mismatched" in x], ends.sink["low"].errors


def test_the_gateway_still_has_its_first_programs(ends):
    """Nothing of it ended a program."""
    lost = ends.events.find(lambda e: e["event_type"] == "program" and e.get("reason") == "program-lost", 0)
    assert not lost


def test_table_is_written():
    """build/test-logs/attack.tsv: name, phase, input, what is expected, what was measured, where it is known from."""
    folder = os.path.join(build_folder(), "test-logs")
    os.makedirs(folder, exist_ok=True)
    with open(os.path.join(folder, "attack.tsv"), "w") as f:
        f.write("name\tphase\tinput\texpected\tmeasured\tsource\n")
        for row in table.ROWS:
            what, phase, data, conditions, reasons, source = row
            said = repr(data[:80])[2:-1] + (f"... ({len(data)} bytes)" if len(data) > 80 else "")
            expected = "|".join(sorted(c or "closed" for c in conditions)) + (", " + "|".join(sorted(reasons)) if reasons else "")
            f.write("\t".join((what, phase, said, expected, MEASURED.get(row, "not run"), source)) + "\n")
    phases = {}
    for row in table.ROWS:
        phases.setdefault(row[1], []).append(row in MEASURED)
    with open(os.path.join(folder, "attack-attack.table"), "w") as f:
        f.write("".join(f"phase {p:<6} {len(v):>4} rows, {sum(v):>4} measured\n" for p, v in phases.items()) + "each row: build/test-logs/attack.tsv\n")
