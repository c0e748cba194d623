# SPDX-License-Identifier: GPL-3.0-or-later
# The lab by itself, before any gateway is judged by it: both servers federate when they are wired together, and refuse strangers;
# what is made is removed, also what a killed run left.

import os
import signal
import subprocess
import sys
import time

import pytest

from lab.lab import BASE, HERE, Lab
from lab.net import LabError
from lab.story import Story

PAIRINGS = {"prosody-ejabberd": {}, "prosody-prosody": dict(low="prosody"), "dialback": dict(dialback=True),
            "dialback-prosody": dict(dialback=True, low="prosody"), "direct-tls": dict(tls="direct", low="prosody"),
            "v6": dict(family="6")}


def left(instance):
    """Everything on the machine that carries the instance's name."""
    spaces = [n for n in (os.listdir("/run/netns") if os.path.isdir("/run/netns") else []) if f"-{instance}-" in n]
    return spaces + [p for p in (os.path.join(BASE, instance),) if os.path.exists(p)]


@pytest.mark.parametrize("pairing", PAIRINGS)
def test_servers_federate_when_wired_together(pairing):
    with Lab("t-lab", layout="direct", **PAIRINGS[pairing]) as lab:
        story = Story(lab, say=lambda text: None)
        assert story.play(), story.results
    assert not left("t-lab")


def test_a_server_with_a_stranger_s_certificate_is_refused():
    """The control for all tests that rely on the servers' own checks."""
    with Lab("t-lab", layout="direct") as lab:
        lab.servers["high"].cert, lab.servers["high"].key = lab.ca["stranger"].issue("false", ["high.example"])
        lab.servers["high"].restart()
        a, b = lab.client("high", "alice"), lab.client("low", "bob")
        a.message(b.full, "not from me")
        with pytest.raises(LabError):
            b.wait_message("not from me", 3)


def test_a_killed_run_leaves_nothing_for_the_next():
    child = subprocess.Popen([sys.executable, "-B", os.path.join(HERE, "run.py"), "--layout", "direct", "--once"],
                             stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    time.sleep(1.5)
    child.send_signal(signal.SIGKILL)
    child.wait()
    Lab("run").remove()
    assert not left("run")


def test_two_owners_of_one_name():
    with Lab("t-lab", layout="direct", high="bare", low="bare") as first:
        done = subprocess.run([sys.executable, "-B", "-c",
                               "import sys; sys.path.insert(0, sys.argv[1]); from lab.lab import Lab\n"
                               "try:\n    Lab('t-lab', layout='direct').__enter__()\n"
                               "except Exception as e:\n    print(e); sys.exit(3)", os.path.dirname(HERE)],
                              capture_output=True, text=True, timeout=30)
        assert done.returncode == 3 and "in use by process" in done.stdout, done
        assert os.path.isdir(first.folder) and first.ns["high"].exists()
