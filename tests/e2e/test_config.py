# SPDX-License-Identifier: GPL-3.0-or-later
# Wrong configuration or rules: every mistake is named as file:line, with what is allowed; exit 78; nothing is started.

import os
import re
import shutil
import subprocess

import pytest

from lab import gateway
from lab.lab import ROOT, Lab, build_folder

LOCKGATE = os.path.join(build_folder(), "bin", "lockgate")


@pytest.fixture(scope="module")
def lab(tmp_path_factory):
    """A lab on paper: folder, certificates and a good configuration, no namespaces."""
    made = Lab("paper")
    made.folder = str(tmp_path_factory.mktemp("paper"))
    for sub in ("tls", "log", "state", "run"):
        os.makedirs(made.path(sub))
    made._certificates()
    made.rules()
    return made


def run(verb, lab, text, *more):
    shutil.rmtree(lab.path("state"))
    os.mkdir(lab.path("state"))
    path = lab.path("test.conf")
    with open(path, "w") as f:
        f.write(text)
    return subprocess.run([LOCKGATE, verb, "-c", path, *more], capture_output=True, text=True, timeout=20), path


def good(lab, **changes):
    path = lab.path("good.conf")
    gateway.write(path, gateway.settings(lab, **changes))
    with open(path) as f:
        return f.read()


def test_good_configuration(lab):
    done, _ = run("check", lab, good(lab))
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize("mode,warned", [(0o600, False), (0o640, False), (0o644, True)], ids=["root's", "a group's", "everybody's"])
def test_key_that_others_may_read(lab, mode, warned):
    key = lab.path("tls", "low.on-high.key")
    os.chmod(key, mode)
    try:
        done, path = run("check", lab, good(lab))
    finally:
        os.chmod(key, 0o600)
    assert done.returncode == 0, done.stderr
    said = re.search(rf"^{re.escape(path)}:(\d+): .*key: {re.escape(key)} can be read by everybody", done.stderr, re.M)
    assert bool(said) == warned, done.stderr
    if said:
        with open(path) as f:
            assert "certificates" in "".join(f.read().splitlines()[int(said.group(1)) - 2:int(said.group(1))])


@pytest.mark.parametrize("put,said", [(os.symlink, "it is a symbolic link"), (os.link, "it has a second name"), (lambda _, at: os.mkfifo(at), "no regular file")],
                         ids=["symbolic link", "hard link", "pipe"])
def test_revocation_list_that_is_another_files_name(lab, put, said):
    """Its folder may belong to whoever fetches the lists: what only root may read is not opened under that name."""
    at = lab.path("tls", "high-crl.pem")
    put(lab.path("tls", "low.on-high.key"), at)
    try:
        done, path = run("check", lab, good(lab, **{"high.crl": at}))
    finally:
        os.unlink(at)
    assert done.returncode == 78
    line = re.search(rf"^{re.escape(path)}:(\d+): .*crl: {re.escape(at)}: .*{said}", done.stderr, re.M)
    assert line, done.stderr
    with open(path) as f:
        assert "crl = " in f.read().splitlines()[int(line.group(1)) - 1]


# name, pattern, replacement: each one mistake
MISTAKES = [
    ("misspelt key", r"interface = ", "interfase = "),
    ("wrong type", r"uid_first = \d+", 'uid_first = "many"'),
    ("out of range", r"rate = \d+", "rate = -1"),
    ("a number that libconfig would cut", r"uid_first = \d+", "uid_first = 4294967297"),
    ("unknown mode", r'mode = "\w+"', 'mode = "magic"'),
    ("time without unit", r'deliver = "[^"]+"', 'deliver = "20"'),
    ("deliver above 30 s", r'deliver = "[^"]+"', 'deliver = "31s"'),
    ("no address", r'"10\.77\.1\.1/24"', '"10.77.1/24x"'),
    ("missing file", r'trust = "[^"]+"', 'trust = "/nowhere/ca.pem"'),
    ("pair with an unknown domain", r'high = "high\.example"; ?', 'high = "hihg.example"; '),
    ("syntax", r"gateway = \{", "gateway = {{"),
]


@pytest.mark.parametrize("pattern,replacement", [m[1:] for m in MISTAKES], ids=[m[0] for m in MISTAKES])
@pytest.mark.parametrize("verb", ["check", "run"])
def test_mistake(lab, verb, pattern, replacement):
    text = good(lab).replace("{ high", "{\n high")
    wrong, count = re.subn(pattern, replacement, text, count=1)
    if not count:
        wrong, count = re.subn(pattern, replacement, re.sub(r"\s+", " ", text), count=1)
    assert count, "the lab's configuration has no such key"
    done, path = run(verb, lab, wrong)
    assert done.returncode == 78, done.stderr
    assert re.search(rf"^{re.escape(path)}:\d+: ", done.stderr + done.stdout, re.M), done.stderr
    compiled = {"scanner.patterns", "scanner.patterns.lock"}       # of rules that are good: `check` leaves them for the next start
    assert not set(os.listdir(lab.path("state"))) - compiled, "something was started"


def test_all_mistakes_at_once(lab):
    text = good(lab).replace('mode = "routed"', 'mode = "magic"').replace("interface = ", "interfase = ")
    done, path = run("check", lab, text)
    lines = {l for l in (done.stderr + done.stdout).splitlines() if re.match(rf"{re.escape(path)}:\d+: ", l)}
    assert done.returncode == 78 and len(lines) >= 3, done.stderr       # two cards and the mode


def test_did_you_mean(lab):
    done, _ = run("check", lab, good(lab).replace("interface = ", "interfase = "))
    assert "interface" in done.stderr + done.stdout


def test_shipped_configuration_is_good_but_for_its_files():
    """conf/lockgate.conf names certificates that an engineer must bring; nothing else in it is wrong."""
    done = subprocess.run([LOCKGATE, "check", "-c", os.path.join(ROOT, "conf", "lockgate.conf")], capture_output=True, text=True,
                          timeout=20)
    wrong = [l for l in (done.stderr + done.stdout).splitlines() if re.match(r".*lockgate\.conf:\d+: ", l) and "tls/" not in l]
    assert not wrong


def test_wrong_usage():
    assert subprocess.run([LOCKGATE, "no-such-verb"], capture_output=True, timeout=10).returncode == 2
    assert subprocess.run([LOCKGATE, "run", "--no-such-option"], capture_output=True, timeout=10).returncode == 2


@pytest.mark.parametrize("verb", ["run", "check", "inline"])
def test_help(verb):
    done = subprocess.run([LOCKGATE, verb, "--help"], capture_output=True, text=True, timeout=10)
    assert done.returncode == 0 and "lockgate " + verb in done.stdout

