# SPDX-License-Identifier: GPL-3.0-or-later
# What the journal gives to the world outside. The courier: checkpoints arrive at a file, a syslog server and a web server; what fails is
# recorded and tried again; nothing waits for it. Evidence: refused stanzas, for the auditors' key alone. The witnesses stand where a management network is: in the namespace that the gateway's parent runs in.

import base64
import contextlib
import http.server
import os
import re
import shutil
import signal
import socket
import threading
import time

import pytest

from lab.ends import bare
from lab.net import sh, wait_until
from lab.wire import message

FROM, TO = "a@high.example/r", "b@low.example/r"


class Syslog:
    """RFC 5424 over TCP with octet counting (RFC 6587), or over UDP."""

    def __init__(self, udp=False):
        self.messages, self.stop = [], False
        self.sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM if udp else socket.SOCK_STREAM)
        self.sock.bind(("127.0.0.1", 0))
        if not udp:
            self.sock.listen(16)
        self.port = self.sock.getsockname()[1]
        threading.Thread(target=self.datagrams if udp else self.streams, daemon=True).start()

    def datagrams(self):
        with contextlib.suppress(OSError):
            while True:
                self.messages.append(self.sock.recv(65536))

    def streams(self):
        with contextlib.suppress(OSError):
            while True:
                conn, _ = self.sock.accept()
                data = b"".join(iter(lambda: conn.recv(65536), b""))
                while data:
                    length, _, data = data.partition(b" ")
                    self.messages.append(data[:int(length)])
                    data = data[int(length):]
                conn.close()

    def notes(self):
        return [base64.b64decode(re.search(rb" note=(\S+)$", m).group(1)) for m in list(self.messages)]


class Web:
    def __init__(self):
        self.bodies, self.status, web = [], 200, self

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_POST(self):
                web.bodies.append((self.path, self.rfile.read(int(self.headers["Content-Length"]))))
                self.send_response(web.status)
                self.end_headers()

            def log_message(self, *_):
                pass

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.port = self.server.server_port
        threading.Thread(target=self.server.serve_forever, daemon=True).start()


@pytest.fixture(scope="module")
def witnesses(tmp_path_factory):
    folder = tmp_path_factory.mktemp("witness")
    os.chmod(folder, 0o755)
    for parent in folder.parents:
        if str(parent).startswith("/tmp/pytest"):
            os.chmod(parent, 0o755)
    free = socket.socket()
    free.bind(("127.0.0.1", 0))
    w = {"tcp": Syslog(), "udp": Syslog(udp=True), "web": Web(), "file": str(folder / "checkpoints"), "dead": free.getsockname()[1]}
    free.close()
    return w


@pytest.fixture(scope="module")
def auditor(tmp_path_factory):
    """A certificate and its key, where the gateway reads the one and nobody gives it the other."""
    folder = tmp_path_factory.mktemp("auditor")
    sh("openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-subj", "/CN=auditor", "-days", "2", "-keyout", folder / "me.key", "-out", folder / "me.pem")
    return folder


@pytest.fixture
def ends(running, witnesses, auditor):
    w = witnesses
    settings = {
        "journal.evidence": str(auditor / "me.pem"), "journal.checkpoint": "1s", "journal.witness_time": "1s",
        "journal.witnesses": ({"name": "tcp", "kind": "syslog", "to": f"127.0.0.1:{w['tcp'].port}"},
                              {"name": "udp", "kind": "syslog-udp", "to": f"127.0.0.1:{w['udp'].port}"},
                              {"name": "web", "kind": "http", "to": f"http://127.0.0.1:{w['web'].port}/keep?of=gate"},
                              {"name": "file", "kind": "file", "to": w["file"]},
                              {"name": "dead", "kind": "syslog", "to": f"127.0.0.1:{w['dead']}"})}
    with bare(running, settings) as e:
        yield e


def size(note):
    return int(note.split(b"\n")[1])


def file_notes(w):
    return file_notes_of(w["file"])


def file_notes_of(path):
    with open(path, "rb") as f:
        return [n + b"\n" for n in re.findall(rb"(?:[^\n]+\n){3,}\n(?:\xe2\x80\x94 [^\n]+\n)+", f.read())]


def all_notes(w):
    return {"tcp": w["tcp"].notes(), "udp": w["udp"].notes(), "web": [b for _, b in w["web"].bodies], "file": file_notes(w)}


def said(ends, witness, action):
    return ends.events.find(lambda e: e["event_type"] == "witness" and e["witness"] == witness and e["action"] == action)


def test_each_witness_gets_what_the_journal_signed(ends, witnesses, tmp_path):
    peer = ends.stream("high")
    peer.send(message(FROM, TO, "w-1"))
    ends.sink["low"].wait("w-1", lambda e: e.get("id") == "w-1", 10)
    verdict = wait_until("the record", lambda: ends.events.find(lambda e: e.get("stanza_id") == "w-1"), 5)[0]["seq"]
    wait_until("a checkpoint over the verdict at each witness",
               lambda: all(n and size(n[-1]) >= verdict for n in all_notes(witnesses).values()), 15)
    state = ends.lab.path("state")
    with open(os.path.join(state, "journal", "checkpoints"), "rb") as f:
        signed = f.read()
    for name, notes in all_notes(witnesses).items():
        assert all(n in signed for n in notes), name
        outside = tmp_path / name
        outside.write_bytes(notes[-1])
        text = ends.gateway.lockgate("verify", os.path.join(state, "journal"), "--key", os.path.join(state, "keys", "journal.pub"),
                                     "--checkpoint", str(outside))
        assert f"Proven by a checkpoint held outside: records 1 to {size(notes[-1])} " in text, text
    assert all(re.match(rb"<109>1 \d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ \S+ lockgate - checkpoint - size=\d+ note=\S+$", m) for m in witnesses["tcp"].messages)
    assert all(path == "/keep?of=gate" for path, _ in witnesses["web"].bodies)


def test_what_fails_is_recorded_once_and_nothing_waits(ends, witnesses):
    wait_until("the record of the dead one", lambda: said(ends, "dead", "failed"), 10)
    assert "cannot be reached" in said(ends, "dead", "failed")[0]["sentence"]
    wait_until("the record of one that works", lambda: said(ends, "tcp", "carried"), 10)
    time.sleep(2.5)
    assert len(said(ends, "dead", "failed")) == 1 and len(said(ends, "tcp", "carried")) == 1


def test_failure_and_recovery(ends, witnesses):
    witnesses["web"].status = 503
    peer = ends.stream("high")
    peer.send(message(FROM, TO, "f-1"))
    ends.sink["low"].wait("f-1", lambda e: e.get("id") == "f-1", 10)
    wait_until("the failure to be recorded", lambda: said(ends, "web", "failed"), 10)
    assert "HTTP status 503" in said(ends, "web", "failed")[0]["sentence"]
    before = len(said(ends, "web", "carried"))
    witnesses["web"].status = 204
    wait_until("the recovery to be recorded", lambda: len(said(ends, "web", "carried")) > before, 10)
    assert "again, after" in said(ends, "web", "carried")[-1]["sentence"]


def test_a_file_that_was_taken_away(ends, witnesses):
    """Its folder is root's, so the courier cannot make another; it says so, and goes on when the file is back."""
    os.rename(witnesses["file"], witnesses["file"] + ".old")
    ends.stream("high").send(message(FROM, TO, "m-1"))
    wait_until("the failure to be recorded", lambda: said(ends, "file", "failed"), 10)
    assert "cannot be opened" in said(ends, "file", "failed")[0]["sentence"]
    before = len(said(ends, "file", "carried"))
    os.rename(witnesses["file"] + ".old", witnesses["file"])
    wait_until("the recovery to be recorded", lambda: len(said(ends, "file", "carried")) > before, 10)


def test_evidence(ends, auditor, tmp_path):
    """What is refused can be read by the auditor, from a copy, and by nobody else; what is released is kept nowhere."""
    secret = "the garden gate stands open"
    peer = ends.stream("high")
    peer.send(message(FROM, TO, "e-1", body=secret, extra="<x xmlns='urn:example:unknown'>sesame</x>"))
    peer.send(message(FROM, TO, "e-3", body="see -----BEGIN OPENSSH PRIVATE KEY-----"))
    peer.send(message(FROM, TO, "e-2", body=secret))
    ends.sink["low"].wait("e-2", lambda e: e.get("id") == "e-2", 10)
    changed = wait_until("the change", lambda: ends.events.find(lambda e: e.get("stanza_id") == "e-1"), 5)[0]
    refused = wait_until("the refusal", lambda: ends.events.find(lambda e: e.get("stanza_id") == "e-3"), 5)[0]
    released = wait_until("the release", lambda: ends.events.find(lambda e: e.get("stanza_id") == "e-2"), 5)[0]
    assert changed["verdict"] == "release" and changed["changed"] and changed["evidence"]
    assert refused["verdict"] == "reject" and refused["evidence"] and "evidence" not in released
    state, copy = ends.lab.path("state"), tmp_path / "copy"
    for folder, _, names in os.walk(state):
        for name in names:
            with open(os.path.join(folder, name), "rb") as f:
                data = f.read()
            assert secret.encode() not in data and b"sesame" not in data, name
    wait_until("a checkpoint over it", lambda: size(file_notes_of(os.path.join(state, "journal", "checkpoints"))[-1]) >= released["seq"], 10)
    shutil.copytree(os.path.join(state, "journal"), copy)
    key = os.path.join(state, "keys", "journal.pub")

    def opened(record):
        piece = copy / "evidence" / f"{record['seq']:010}.cms"
        said = ends.gateway.lockgate("verify", copy, "--key", key, "--record", record["seq"])
        assert "its evidence is the one that the record names" in said
        sh("openssl", "cms", "-decrypt", "-binary", "-inform", "DER", "-in", piece, "-recip", auditor / "me.pem", "-inkey", auditor / "me.key", "-out", tmp_path / "stanza")
        return piece, ends.gateway.lockgate("explain", "--rules", ends.lab.path("rules"), "--show", tmp_path / "stanza", check=False)

    _, shown = opened(changed)
    assert secret in shown and "sesame" in shown and "urn:example:unknown" in shown
    piece, shown = opened(refused)
    assert "see -----BEGIN OPENSSH PRIVATE KEY-----" in shown
    with open(piece, "r+b") as f:
        f.seek(-1, os.SEEK_END)
        last = f.read(1)[0]
        f.seek(-1, os.SEEK_END)
        f.write(bytes([last ^ 1]))
    assert "NOT what the record names" in ends.gateway.lockgate("verify", copy, "--key", key, "--record", refused["seq"], check=False)


def test_killed_and_stopped(ends, witnesses):
    """Without a courier stanzas cross as before; the next one carries on from the newest checkpoint."""
    peer = ends.stream("high")
    old = ends.gateway.kill("courier", signal.SIGSTOP)
    assert old
    for n in range(20):
        peer.send(message(FROM, TO, f"k-{n}"))
    ends.sink["low"].wait("k-19", lambda e: e.get("id") == "k-19", 10)
    ends.gateway.kill("courier", signal.SIGKILL)
    verdict = wait_until("the record", lambda: ends.events.find(lambda e: e.get("stanza_id") == "k-19"), 5)[0]["seq"]
    wait_until("the next courier to carry on", lambda: size(witnesses["tcp"].notes()[-1]) >= verdict, 10)


def test_the_last_checkpoint_is_carried_when_the_gateway_ends(ends, witnesses):
    journal = ends.lab.path("state", "journal", "checkpoints")
    assert ends.gateway.stop() == 0
    with open(journal, "rb") as f:
        last = max(size(n + b"\n") for n in re.findall(rb"(?:[^\n]+\n){3,}\n(?:\xe2\x80\x94 [^\n]+\n)+", f.read()))
    assert size(witnesses["tcp"].notes()[-1]) == last and size(witnesses["web"].bodies[-1][1]) == last
