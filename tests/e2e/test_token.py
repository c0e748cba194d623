# SPDX-License-Identifier: GPL-3.0-or-later
# Keys on a token (SoftHSM): the gateway's TLS keys and the journal's key are nowhere else. What happens while the token is silent or dead.

import json
import os
import signal
import subprocess
import time

import pytest

from lab.ends import Ends
from lab.gateway import UID_FIRST, Journal
from lab.lab import Lab
from lab.net import LabError, sh, wait_until
from lab.show import Follower
from lab.wire import message

FROM, TO = "a@high.example/r", "b@low.example/r"
MODULE = "/usr/lib/softhsm/libsofthsm2.so"
PIN = "123456"


def uri(label):
    return f"pkcs11:token=gate;object={label}"


def make_token(lab):
    """The lab's own keys go onto a token, and their files away."""
    hsm = lab.path("hsm")
    tokens = os.path.join(hsm, "tokens")
    os.makedirs(tokens)
    os.environ["SOFTHSM2_CONF"] = os.path.join(hsm, "conf")
    with open(os.environ["SOFTHSM2_CONF"], "w") as f:
        f.write(f"directories.tokendir = {tokens}\nlog.level = ERROR\n")
    with open(os.path.join(hsm, "pin"), "w") as f:
        f.write(PIN + "\n")
    os.chmod(f.name, 0o600)
    sh("softhsm2-util", "--init-token", "--free", "--label", "gate", "--so-pin", "87654321", "--pin", PIN)
    journal = os.path.join(hsm, "journal.key")
    sh("openssl", "genpkey", "-algorithm", "ED25519", "-out", journal)
    keys = {"journal": journal, "on-high": lab.path("tls", "low.on-high.key"), "on-low": lab.path("tls", "high.on-low.key")}
    for n, (label, path) in enumerate(keys.items()):
        sh("softhsm2-util", "--import", path, "--token", "gate", "--label", label, "--id", f"1{n}", "--pin", PIN)
        os.unlink(path)
    sh("chown", "-R", str(UID_FIRST + 12), tokens)
    return {"pkcs11.module": MODULE, "pkcs11.pin_file": os.path.join(hsm, "pin"), "pkcs11.folder": tokens,
            "journal.key": uri("journal"), "journal.checkpoint": "1s", **{
                f"{side}.certificates": tuple({"domain": d, "chain": lab.path("tls", f"{other}.on-{side}.pem"), "key": uri(f"on-{side}")}
                                              for d in lab.domains(other)) for side, other in (("high", "low"), ("low", "high"))}}


def make_public(lab):
    """As conf/lockgate.conf says it: the public half, before the first start."""
    keys = lab.path("state", "keys")
    os.makedirs(keys)
    text = sh(os.path.join(lab.gateway.bin, "lockgate-token"), "--public", lab.gateway.conf)
    with open(os.path.join(keys, "journal.pub"), "w") as f:
        f.write(text if text.endswith("\n") else text + "\n")


@pytest.fixture(scope="module")
def lab():
    with Lab("token", layout="routed", high="bare", low="bare") as made:
        settings = make_token(made)
        made.configure_gateway(**settings)
        make_public(made)
        made.settings = settings
        made.start_gateway(**settings)
        made.events = Follower(Journal(made.path("state")))
        yield made
        made.events.stop()
    os.environ.pop("SOFTHSM2_CONF", None)


@pytest.fixture
def ends(lab):
    wait_until("the token's program to run", lambda: "token" in lab.gateway.programs(), 10)
    e = Ends(lab)
    e.gateway, e.events = lab.gateway, lab.events
    yield e
    e.close()


def crosses(ends, peer, id_, seconds=10):
    peer.send(message(FROM, TO, id_))
    wait_until(f"{id_} at the other server", lambda: id_ in ends.sink["low"].ids(), seconds)


def again(ends):
    def try_():
        try:
            return ends.stream("high", timeout=3)
        except (OSError, LabError):
            return None
    return wait_until("a handshake", try_, 15)


def stats(gateway):
    status = json.loads(gateway.lockgate("status", "-c", gateway.conf, "--json"))
    return next(p for p in status["programs"] if p["name"] == "token").get("stats")


def verify(lab):
    state = lab.path("state")
    return lab.gateway.lockgate("verify", os.path.join(state, "journal"), "--key", os.path.join(state, "keys", "journal.pub"))


def test_handshakes_and_checkpoints_are_signed_on_the_token(ends):
    crosses(ends, ends.stream("high"), "token-1")
    def signed():
        numbers = stats(ends.gateway)
        return numbers if numbers and numbers["signed"]["keeper"] >= 2 and numbers["signed"]["journal"] >= 2 else None
    numbers = wait_until("two handshakes and two checkpoints, one each ten seconds", signed, 30)
    assert numbers["refused"] == {"keeper": 0, "journal": 0}, numbers
    assert not os.path.exists(ends.lab.path("state", "keys", "journal.key"))
    verify(ends.lab)


def test_check_says_what_is_missing(lab):
    """That a right one passes, the start has shown."""
    with open(lab.gateway.conf) as f:
        text = f.read()
    for changes, said in (({"object=on-high": "object=nothing", "object=on-low": "object=on-high"},
                           ["no private key of that name", "is not the key of the certificate"]), ({MODULE: "/nowhere.so"}, ["/nowhere.so"])):
        wrong = lab.path("wrong.conf")
        out = text
        for old, new in changes.items():
            assert old in out
            out = out.replace(old, new)
        with open(wrong, "w") as f:
            f.write(out)
        done = subprocess.run([lab.gateway.command, "check", "-q", "-c", wrong], capture_output=True, text=True, timeout=30)
        assert done.returncode == 78 and all(words in done.stderr for words in said), done


def test_a_silent_token_holds_up_no_record(ends):
    """Handshakes fail, a standing stream goes on, the checkpoint is late and says so; then all is made good."""
    peer = ends.stream("high")
    crosses(ends, peer, "silent-1")
    mark = ends.events.mark()
    ends.gateway.kill("token", signal.SIGSTOP)
    try:
        with pytest.raises((OSError, LabError)):
            ends.stream("high", timeout=5)
        crosses(ends, peer, "silent-2")
        start = time.monotonic()
        with pytest.raises((OSError, LabError)):
            ends.stream("high", timeout=5)
        assert time.monotonic() - start < 0.85, "while an answer is overdue, nobody waits for another"
        assert ends.events.wait(lambda e: e.get("action") == "checkpoint-late", 15, mark)
        assert ends.events.wait(lambda e: e.get("action") == "sign-refused" and "token" in e.get("error", ""), 5, mark)
        crosses(ends, peer, "silent-3")
    finally:
        ends.gateway.kill("token", signal.SIGCONT)
    crosses(ends, again(ends), "silent-4")
    assert ends.events.wait(lambda e: e.get("action") == "checkpoint-again", 10, mark)
    verify(ends.lab)


def test_a_killed_token_comes_back(ends):
    peer = ends.stream("high")
    crosses(ends, peer, "killed-1")
    old = ends.gateway.kill("token")
    crosses(ends, peer, "killed-2")
    crosses(ends, again(ends), "killed-3")
    assert ends.gateway.programs()["token"] != old


def test_the_last_checkpoint_covers_the_end(lab):
    """Stopped in order, the token is there until the journal has its last signature."""
    assert lab.gateway.stop() == 0
    text = verify(lab)
    with open(lab.path("state", "journal", "checkpoints")) as f:
        size = int(f.read().strip().split("\n\n")[-2].splitlines()[1])
    assert size == max(line["seq"] for line in Journal(lab.path("state")).new()), text
