# SPDX-License-Identifier: GPL-3.0-or-later
# The shipped examples for rsyslog, run by Debian's rsyslogd: every line of a journal arrives as it is, a new segment too; checkpoints
# that come as the courier sends them are kept so that they verify.

import base64
import json
import os
import re
import shutil
import socket
import subprocess
import threading
import time

import pytest

HERE = os.path.dirname(os.path.realpath(__file__))
CONF = os.path.join(HERE, "..", "..", "conf", "rsyslog")
RSYSLOGD = shutil.which("rsyslogd", path="/usr/sbin:/sbin:/usr/bin")
pytestmark = pytest.mark.skipif(not RSYSLOGD, reason="rsyslogd is not installed")


@pytest.fixture(scope="module")
def original(build):
    made = subprocess.run([os.path.join(build, "bench", "journal"), "make", "300", "1MiB"], capture_output=True, text=True, timeout=60)
    folder = made.stdout.strip()
    assert made.returncode == 0 and os.path.isdir(folder), made
    yield os.path.join(folder, "state")
    shutil.rmtree(folder)


class Collector:
    """Takes messages with octet counting (RFC 6587)."""

    def __init__(self):
        self.sock = socket.create_server(("127.0.0.1", 0))
        self.port, self.messages = self.sock.getsockname()[1], []
        threading.Thread(target=self.serve, daemon=True).start()

    def serve(self):
        conn, _ = self.sock.accept()
        data = b""
        while True:
            more = conn.recv(1 << 20)
            data += more
            while found := re.match(rb"(\d+) ", data):
                end = found.end() + int(found.group(1))
                if len(data) < end:
                    break
                self.messages.append(data[found.end():end])
                data = data[end:]
            if not more:
                return


class Daemon:
    """The example with its places changed, as somebody who installs it would."""

    def __init__(self, folder, example, changes):
        text = open(os.path.join(CONF, example)).read()
        for old, new in changes:
            assert old in text, old
            text = text.replace(old, new)
        self.conf = str(folder / example)
        with open(self.conf, "w") as f:
            f.write(text)
        checked = subprocess.run([RSYSLOGD, "-N1", "-f", self.conf], capture_output=True, text=True)
        assert checked.returncode == 0 and "error" not in checked.stderr.lower(), checked
        self.log = open(folder / f"{example}.log", "wb")
        self.child = subprocess.Popen([RSYSLOGD, "-n", "-f", self.conf, "-i", str(folder / f"{example}.pid")], stdout=self.log, stderr=self.log)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.child.terminate()
        self.child.wait(10)
        self.log.close()


def wait(test, seconds=10):
    end = time.monotonic() + seconds
    while not (done := test()) and time.monotonic() < end:
        time.sleep(0.05)
    return done


def free_port():
    with socket.create_server(("127.0.0.1", 0)) as s:
        return s.getsockname()[1]


def test_every_line_arrives(original, tmp_path):
    journal, collector = tmp_path / "journal", Collector()
    journal.mkdir()
    (tmp_path / "spool").mkdir()
    lines = b"".join(open(os.path.join(original, "journal", n), "rb").read() for n in sorted(os.listdir(os.path.join(original, "journal")))
                     if n.endswith(".jsonl")).splitlines()
    lines[5] = lines[5].replace(b'"sentence":"', b'"sentence":"%d %n \\u001b[2J \\"quoted\\" \xc3\xa9 ', 1)
    (journal / "0000000001.jsonl").write_bytes(b"\n".join(lines[:200]) + b"\n")
    with Daemon(tmp_path, "journal.conf", [("/var/lib/lockgate/journal/", f"{journal}/"), ("/var/spool/rsyslog", str(tmp_path / "spool")),
                                           ("10.9.0.5", "127.0.0.1"), ('port="601"', f'port="{collector.port}"')]):
        assert wait(lambda: len(collector.messages) >= 200), len(collector.messages)
        (journal / "0000000201.jsonl").write_bytes(b"\n".join(lines[200:]) + b"\n")     # a new segment
        assert wait(lambda: len(collector.messages) >= len(lines), 20), len(collector.messages)
    got = []
    for m in collector.messages:
        found = re.match(rb"<181>1 \S+ \S+ lockgate - journal - (\{.*\})\n?$", m, re.S)
        assert found, m
        got.append(found.group(1))
    assert got == lines
    assert [json.loads(g)["seq"] for g in got] == list(range(1, len(lines) + 1))


def test_checkpoints_are_kept(original, lockgate, tmp_path):
    with open(os.path.join(original, "journal", "checkpoints"), "rb") as f:
        note = re.findall(rb"(?:[^\n]+\n){3,}\n(?:\xe2\x80\x94 [^\n]+\n)+\n", f.read())[-1]
    size, port, kept = int(note.split(b"\n")[1]), free_port(), tmp_path / "kept"
    message = b"<109>1 2026-11-29T00:00:00Z gate lockgate - checkpoint - size=%d note=%s" % (size, base64.b64encode(note))
    other = b"<109>1 2026-11-29T00:00:00Z gate other - checkpoint - size=1 note=eA=="
    with Daemon(tmp_path, "witness.conf", [('port="601"', f'port="{port}"'), ("/var/log/lockgate-checkpoints", str(kept))]) as daemon:
        def send():
            try:
                with socket.create_connection(("127.0.0.1", port), 1) as s:
                    s.sendall(b"%d %s%d %s" % (len(other), other, len(message), message))
                    s.shutdown(socket.SHUT_WR)
                    return s.recv(10) == b""    # it closes in order: what the courier takes for its sign
            except OSError:
                return False
        assert wait(send) and daemon.child.poll() is None
        assert wait(lambda: kept.exists() and kept.read_bytes().endswith(b"\n"))
    assert base64.b64decode(kept.read_bytes().splitlines()[-1]) == note and len(kept.read_bytes().splitlines()) == 1
    (tmp_path / "outside").write_bytes(base64.b64decode(kept.read_bytes()))
    done = subprocess.run([lockgate, "verify", os.path.join(original, "journal"), "--key", os.path.join(original, "keys", "journal.pub"),
                           "--checkpoint", tmp_path / "outside"], capture_output=True, text=True)
    assert done.returncode == 0 and "held outside" in done.stdout, done
