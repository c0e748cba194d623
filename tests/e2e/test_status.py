# SPDX-License-Identifier: GPL-3.0-or-later
# lockgate status on a running gateway: as text, as a live screen, as JSON, as numbers without people.

import fcntl
import json
import os
import pty
import re
import select
import struct
import subprocess
import termios
import time

import pytest

from lab.ends import bare
from lab.wire import message

FROM, TO = "alice@high.example/r", "bob@low.example/r"


@pytest.fixture(scope="module")
def ends(running):
    with bare(running) as e:
        e.peer = e.stream("high")
        for n in range(5):
            e.peer.send(message(FROM, TO, f"status-{n}", body="x"))
        assert e.events.wait(lambda x: x["event_type"] == "verdict" and x.get("stanza_id") == "status-4", 30)
        time.sleep(0.5)
        yield e


def status(ends, *words):
    return subprocess.run([ends.gateway.command, "status", "-c", ends.gateway.conf, *words], capture_output=True, text=True, timeout=30)


def test_text(ends):
    shown = status(ends)
    assert shown.returncode == 0, shown.stderr
    high, low = (ends.lab.plan[s].server4 for s in ("high", "low"))
    assert re.search(rf"(?m)^high high.example > low.example  {re.escape(high)}:\d+ > {re.escape(low)}:5269$", shown.stdout), shown.stdout
    assert re.search(r"(?m)^low  high.example > low.example  ", shown.stdout), "the stream that goes out"
    assert re.search(r"(?m)^ +external  TLSv1\.[23] \S+  age \d+s  in \d+\.\d/s out \d+\.\d/s", shown.stdout), shown.stdout
    assert re.search(r"(?m)^edge/high +running +\d+ +0 +\d+\.\d MiB  ", shown.stdout), shown.stdout
    assert re.search(r"(?m)^rules    set [0-9a-f]{16}: 5 released", shown.stdout), shown.stdout
    assert re.search(r"(?m)^journal  \w+, \d+ records, signed up to \d+, sync ", shown.stdout)
    assert "queues   judged now 0" in shown.stdout
    assert "sync_us_max=" in status(ends, "-v").stdout


def test_json(ends):
    state = json.loads(status(ends, "--json").stdout)
    programs = {p["name"]: p for p in state["programs"]}
    assert all(p["memory"] > 100000 and p["starts"] == 1 for p in programs.values())
    stream = programs["edge/high"]["stats"]["stream"][0]
    assert (stream["from"], stream["to"], stream["stanzas_in"]) == ("high.example", "low.example", 5)
    assert programs["guard"]["stats"]["released"] == 5


def test_numbers_without_people(ends, tmp_path):
    target = tmp_path / "lockgate.prom"
    assert status(ends, "--prometheus", str(target)).returncode == 0
    text = target.read_text()
    for wanted in ('lockgate_up 1', 'lockgate_program_up{program="edge/high"} 1', 'lockgate_released_total{program="guard"} 5',
                   'lockgate_streams{program="edge/high"} 1', 'lockgate_enforced{program="guard"} 1'):
        assert f"\n{wanted}\n" in text, wanted
    for forbidden in ("example", "alice", "bob", ends.lab.plan["high"].server4, ends.lab.plan["low"].server4, "fd77"):
        assert forbidden not in text, forbidden
    seen = set()
    for line in text.splitlines():
        if line.startswith("# TYPE "):
            name, kind = line.split()[2:]
            assert name not in seen and kind in ("gauge", "counter"), line
            seen.add(name)
            now = name
        elif not line.startswith("# HELP "):
            found = re.fullmatch(r'([a-z_]+)(?:\{(program|rule)="[a-z0-9/]+"\})? -?\d+', line)
            assert found and found.group(1) == now, line
    assert set(os.listdir(tmp_path)) == {"lockgate.prom"}


class Screen:
    """A terminal of a size; what stands on it is what came after the last "home"."""

    def __init__(self, ends, rows, columns):
        self.master, slave = pty.openpty()
        self.size(rows, columns)
        self.popen = subprocess.Popen([ends.gateway.command, "status", "--watch", "-c", ends.gateway.conf], stdin=slave, stdout=slave,
                                      stderr=slave, start_new_session=True, preexec_fn=lambda: fcntl.ioctl(0, termios.TIOCSCTTY, 0))
        self.before = termios.tcgetattr(slave)
        self.slave, self.got = slave, b""

    def size(self, rows, columns):
        fcntl.ioctl(self.master, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))

    def until(self, what, seconds=10):
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            if select.select([self.master], [], [], 0.2)[0]:
                self.got += os.read(self.master, 65536)
            if what(self.got):
                return True
        return False

    def lines(self):
        last = self.got.split(b"\x1b[H")[-1].decode()
        return [re.sub(r"\x1b\[[0-9?]*[A-Za-z]", "", line) for line in last.split("\r\n")]


def test_screen(ends):
    s = Screen(ends, 24, 80)
    assert s.until(lambda b: b.count(b"\x1b[H") >= 2 and b"q ends" in b.split(b"\x1b[H")[-1]), s.got
    lines = s.lines()
    assert len(lines) == 24 and all(len(x) <= 80 for x in lines), lines
    assert lines[0].startswith("gate.example: routed, ready")
    assert any(x.startswith("edge/low") for x in lines) and any(x.startswith("high high.example") for x in lines), lines
    s.size(12, 40)
    assert s.until(lambda b: b"q ends" in b.split(b"\x1b[H")[-1] and len(s.lines()) == 12), s.lines()
    assert all(len(x) <= 40 for x in s.lines()), s.got[-3000:]
    os.write(s.master, b"q")
    s.popen.wait(10)
    s.until(lambda b: b"\x1b[?1049l" in b, 3)
    assert s.popen.returncode == 0 and b"\x1b[?25h\x1b[?1049l" in s.got
    assert termios.tcgetattr(s.slave) == s.before, "the terminal is as it was"


def test_screen_ends_by_a_signal(ends):
    s = Screen(ends, 24, 80)
    assert s.until(lambda b: b"q ends" in b)
    s.popen.terminate()
    s.popen.wait(10)
    s.until(lambda b: b"\x1b[?1049l" in b, 3)
    assert b"\x1b[?1049l" in s.got
    assert termios.tcgetattr(s.slave) == s.before
