# SPDX-License-Identifier: GPL-3.0-or-later
# Certificates that the gateway makes itself: servers that trust a name-constrained CA of their side and nothing else, keys that only
# the keeper has, renewal under a standing stream, and what the CA's constraints are good for.

import ctypes
import ctypes.util
import os
import subprocess

import pytest

from lab import gateway
from lab.ends import Ends, bare
from lab.lab import Lab, build_folder
from lab.net import LabError, sh, wait_until
from lab.wire import message
from test_federation import talk
from test_keeper import holds, memory
from test_token import MODULE, PIN, UID_FIRST, uri

LOCKGATE = os.path.join(build_folder(), "bin", "lockgate")
SHOWN = {("high", "low.example"), ("high", "rooms.low.example"), ("low", "high.example")}
FROM, TO = "a@high.example/r", "b@low.example/r"


def minted(events, mark=0):
    return events.find(lambda e: e.get("action") == "minted", mark)


# ---- real servers ---------------------------------------------------------------------------------------------------

def test_servers_that_trust_only_the_minting_ca(running):
    """Prosody and ejabberd talk both ways; each leaf is a record, with its name, serial number, hash and end."""
    r = running(layout="routed", mint=True)
    talk(r.lab, "minted")
    lines = minted(r.events)
    assert {(e["side"], e["cert_name"]) for e in lines} == SHOWN
    for e in lines:
        assert e["program"] == "keeper" and len(e["cert_sha256"]) == 64 and len(e["cert_serial"]) >= 24 and e["not_after"].endswith("Z"), e
    streams = r.events.find(lambda e: e["event_type"] == "stream" and e.get("action") == "open")
    assert streams and all(e["auth"] == "external" for e in streams), streams


# ---- keys -----------------------------------------------------------------------------------------------------------

class P256:
    """Which of many numbers is the private key of a point? By libcrypto, since each costs a multiplication."""

    def __init__(self):
        c = self.c = ctypes.CDLL(ctypes.util.find_library("crypto"))
        for name in ("EC_GROUP_new_by_curve_name", "EC_POINT_new", "BN_lebin2bn", "BN_CTX_new"):
            getattr(c, name).restype = ctypes.c_void_p
        self.group = ctypes.c_void_p(c.EC_GROUP_new_by_curve_name(415))
        self.point = ctypes.c_void_p(c.EC_POINT_new(self.group))
        self.ctx = ctypes.c_void_p(c.BN_CTX_new())
        self.out = ctypes.create_string_buffer(65)

    def public(self, secret):
        n = ctypes.c_void_p(self.c.BN_lebin2bn(secret, 32, None))
        self.c.EC_POINT_mul(self.group, self.point, n, None, None, self.ctx)
        self.c.EC_POINT_point2oct(self.group, self.point, 4, self.out, ctypes.c_size_t(65), self.ctx)
        self.c.BN_free(n)
        return self.out.raw


def secret_of(pid, points):
    """{point: its private number, as the keeper's big numbers lie in memory}."""
    curve, found = P256(), {}
    for page in memory(pid):
        for at in range(0, len(page) - 31, 8):
            window = page[at:at + 32]
            if len(set(window)) < 16:       # a number of 256 bits by chance has some twenty different bytes at least
                continue
            point = curve.public(window)
            if point in points:
                found[point] = window
                if len(found) == len(points):
                    return found
    return found


def point_of(der):
    text = subprocess.run(["openssl", "x509", "-inform", "DER", "-noout", "-pubkey"], input=der, capture_output=True, check=True).stdout
    spki = subprocess.run(["openssl", "pkey", "-pubin", "-outform", "DER"], input=text, capture_output=True, check=True).stdout
    return spki[-65:]


@pytest.fixture
def ends(running):
    with bare(running, {"high.mint.life": "12s"}, mint=True) as e:
        yield e


def crosses(ends, peer, id_):
    peer.send(message(FROM, TO, id_))
    wait_until(f"{id_} at the other server", lambda: id_ in ends.sink["low"].ids(), 10)


def test_minted_keys_are_with_the_keeper_alone(ends):
    """The numbers are found in the keeper, from the certificates that the edges show; then nowhere else, and on no disk."""
    crosses(ends, ends.stream("high"), "scan-1")
    points = {point_of(ends.stream(side).sock.getpeercert(True)) for side in ("high", "low")}
    programs = ends.gateway.programs()
    keeper, = programs["keeper"]
    secrets = secret_of(keeper, points)
    assert set(secrets) == points, "the control: both keys are in the keeper"
    wanted = [n for s in secrets.values() for n in (s, s[::-1])]
    assert holds(keeper, wanted)
    for program, pids in programs.items():
        if program != "keeper":
            for pid in pids:
                assert not holds(pid, wanted), f"{program} has a private key in its memory"
    for folder, _, files in os.walk(ends.lab.folder):
        for name in filter(lambda n: os.path.isfile(os.path.join(folder, n)), files):
            with open(os.path.join(folder, name), "rb") as f:
                text = f.read()
            assert not any(w in text for w in wanted), name


# ---- renewal --------------------------------------------------------------------------------------------------------

def test_renewal_drops_no_stream(ends):
    """Certificates of twelve seconds: a stream that stands carries on over two renewals, new ones see the newest."""
    peer = ends.stream("high")
    first, mark = peer.sock.getpeercert(True), ends.events.mark()
    crosses(ends, peer, "before")
    wait_until("two renewals", lambda: len([e for e in minted(ends.events, mark) if e["cert_name"] == "low.example"]) >= 2, 30)
    crosses(ends, peer, "after")
    fresh = ends.stream("high")
    assert fresh.sock.getpeercert(True) != first and point_of(fresh.sock.getpeercert(True)) == point_of(first)
    crosses(ends, fresh, "fresh")
    assert not ends.events.find(lambda e: e["event_type"] == "stream" and e.get("action") == "close", mark)


def test_a_killed_keeper_makes_new_ones(ends):
    peer = ends.stream("high")
    first, mark = point_of(peer.sock.getpeercert(True)), ends.events.mark()
    ends.gateway.kill("keeper")
    wait_until("new certificates", lambda: {(e["side"], e["cert_name"]) for e in minted(ends.events, mark)} == SHOWN, 15)

    def again():
        try:
            return ends.stream("high", timeout=3)
        except (OSError, LabError):
            return None
    fresh = wait_until("a handshake with a new certificate", again, 10)
    assert point_of(fresh.sock.getpeercert(True)) != first
    crosses(ends, peer, "old-stream")
    crosses(ends, fresh, "new-stream")


# ---- what the constraints are good for ------------------------------------------------------------------------------

@pytest.mark.parametrize("name,good", [("low.example", True), ("rooms.low.example", True), ("high.example", False), ("bank.example", False)])
def test_whoever_has_the_ca_speaks_for_the_other_side_alone(ends, name, good):
    """Leaves signed with the CA's own key, past the keeper: any check of the chain refuses those outside the constraints."""
    tls, (ca, key) = ends.lab.path("tls"), ends.lab.minting["high"]
    with open(os.path.join(tls, "outside.ext"), "w") as f:
        f.write(f"subjectAltName=DNS:{name}\nextendedKeyUsage=serverAuth,clientAuth\n")
    base = os.path.join(tls, "outside")
    sh("openssl", "req", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-keyout", base + ".key", "-out", base + ".csr", "-subj", f"/CN={name}")
    sh("openssl", "x509", "-req", "-in", base + ".csr", "-CA", ca, "-CAkey", key, "-days", "3", "-extfile", base + ".ext", "-out", base + ".pem", "-set_serial", "77")
    done = subprocess.run(["openssl", "verify", "-purpose", "sslserver", "-CAfile", ca, base + ".pem"], capture_output=True, text=True)
    assert (done.returncode == 0) == good and (good or "permitted subtree violation" in done.stderr), done


# ---- check ----------------------------------------------------------------------------------------------------------

def authority(folder, *more):
    base = os.path.join(folder, "other-ca")
    sh("openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "9", "-subj", "/CN=x", "-keyout", base + ".key",
       "-out", base + ".pem", "-addext", "keyUsage=critical,keyCertSign,cRLSign", *(w for m in more for w in ("-addext", m)))
    return {"ca": base + ".pem", "key": base + ".key"}


BASIC = "basicConstraints=critical,CA:TRUE,pathlen:0"


@pytest.mark.parametrize("more,said", [
    ((BASIC,), "it has no critical nameConstraints, so its key could speak for any domain"),
    ((BASIC, "nameConstraints=critical,permitted;DNS:example"), 'permit "example", and so "high.example", which lives on side high itself'),
    (("basicConstraints=critical,CA:TRUE", "nameConstraints=critical,permitted;DNS:low.example"), "it could make further CAs; wanted: basicConstraints=critical,CA:TRUE,pathlen:0"),
    ((BASIC, "nameConstraints=critical,permitted;DNS:rooms.low.example"), 'do not permit "low.example"; wanted: permitted;DNS:low.example'),
], ids=["unconstrained", "too wide", "pathlen", "too narrow"])
def test_check_refuses_a_ca_that_could_do_more(tmp_path, more, said):
    made = Lab("paper", mint=True)
    made.folder = str(tmp_path)
    for sub in ("tls", "log", "state", "run"):
        os.makedirs(made.path(sub))
    made._certificates()
    made.rules()

    def check(*words, **changes):
        conf = gateway.write(made.path("test.conf"), gateway.settings(made, **changes))
        return subprocess.run([LOCKGATE, "check", *words, "-c", conf], capture_output=True, text=True, timeout=60)
    right = check()
    assert right.returncode == 0, right.stderr
    wrong = check(**{"high.mint": authority(made.path("tls"), *more)})
    assert wrong.returncode == 78 and said in wrong.stderr and 'README, "Minted certificates", makes one' in wrong.stderr, wrong.stderr
    system = check("--system").stdout
    assert "high: CA for 2 names: constraints and key are right, 1824 days left" in system, system


# ---- the CA's key on a token ----------------------------------------------------------------------------------------

def test_a_ca_on_a_token():
    """SoftHSM holds the high side's CA: the token signs what the keeper drafts, also after it was killed."""
    with Lab("minttok", layout="routed", high="bare", low="bare", mint=True) as lab:
        hsm = lab.path("hsm")
        tokens = os.path.join(hsm, "tokens")
        os.makedirs(tokens)
        os.environ["SOFTHSM2_CONF"] = os.path.join(hsm, "conf")
        try:
            with open(os.environ["SOFTHSM2_CONF"], "w") as f:
                f.write(f"directories.tokendir = {tokens}\nlog.level = ERROR\n")
            with open(os.path.join(hsm, "pin"), "w") as f:
                f.write(PIN + "\n")
            os.chmod(f.name, 0o600)
            ca, key = lab.minting["high"]
            sh("softhsm2-util", "--init-token", "--free", "--label", "gate", "--so-pin", "87654321", "--pin", PIN)
            sh("softhsm2-util", "--import", key, "--token", "gate", "--label", "ca", "--id", "10", "--pin", PIN)
            os.unlink(key)
            sh("chown", "-R", str(UID_FIRST + 12), tokens)
            gate = lab.start_gateway(**{"pkcs11.module": MODULE, "pkcs11.pin_file": os.path.join(hsm, "pin"), "pkcs11.folder": tokens,
                                        "high.mint": {"ca": ca, "key": uri("ca"), "life": "12s"}})
            ends = Ends(lab)
            try:
                def again():
                    try:
                        return ends.stream("high", timeout=3)
                    except (OSError, LabError):
                        return None
                peer = ends.stream("high")
                first = peer.sock.getpeercert(True)
                crosses(ends, peer, "token-1")
                gate.kill("token")
                wait_until("another certificate", lambda: (s := again()) and s.sock.getpeercert(True) != first, 30)
                crosses(ends, peer, "token-2")
            finally:
                ends.close()
        finally:
            del os.environ["SOFTHSM2_CONF"]
