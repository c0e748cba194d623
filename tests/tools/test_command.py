# SPDX-License-Identifier: GPL-3.0-or-later
# The command as people meet it: help, wrong usage, exit codes, man pages, completion; and what is installed with it: units, samples.

import os
import re
import shutil
import subprocess

import pytest

ROOT = os.path.realpath(os.path.join(os.path.dirname(__file__), "..", ".."))
CONF = os.path.join(ROOT, "conf")


def call(*command, **words):
    return subprocess.run(command, capture_output=True, text=True, timeout=60, **words)


@pytest.fixture(scope="module")
def verbs(lockgate):
    listed = [line.split("\t") for line in call(lockgate, "help", "--verbs").stdout.splitlines()]
    assert len(listed) > 10 and all(len(v) == 2 and v[1] for v in listed)
    return [v[0] for v in listed]


# ---- help and wrong usage -----------------------------------------------------------------------------------------------

def test_help_of_each_verb_is_enough(lockgate, verbs):
    for verb in verbs:
        asked = call(lockgate, verb, "--help")
        assert asked.returncode == 0 and not asked.stderr, verb
        assert asked.stdout.startswith(f"usage: lockgate {verb}"), verb
        assert "Exit status: 0" in asked.stdout and "2 wrong usage" in asked.stdout, verb
        assert len(asked.stdout.splitlines()) >= 5, verb
        assert call(lockgate, "help", verb).stdout == asked.stdout, verb


def test_help_names_every_verb(lockgate, verbs):
    shown = call(lockgate, "help").stdout
    for verb in verbs:
        assert re.search(rf"(?m)^  {verb} ", shown), verb
    assert max(len(line) for line in shown.splitlines()) <= 100


def test_wrong_usage_says_what_is_allowed(lockgate, verbs):
    for verb in verbs:
        wrong = call(lockgate, verb, "--hepl")
        assert wrong.returncode == 2, verb
        assert f"usage: lockgate {verb}" in wrong.stderr and not wrong.stdout, verb
        assert "--hepl" in wrong.stderr, verb
    assert 'did you mean "--json"?' in call(lockgate, "status", "--jsno").stderr
    assert 'did you mean "--rules"?' in call(lockgate, "check", "--ruels", "x").stderr
    assert 'did you mean "status"' in call(lockgate, "statsu").stderr
    assert call(lockgate).returncode == 2
    assert call(lockgate, "help", "nothing").returncode == 2


def test_wrong_configuration_is_78(lockgate, tmp_path):
    for verb in ("status", "stop", "reload", "check", "test", "held"):
        assert call(lockgate, verb, "-c", str(tmp_path / "none.conf")).returncode == 78, verb


def test_status_of_nothing(lockgate, tmp_path):
    conf = sample("routed", tmp_path)
    asked = call(lockgate, "status", "-c", conf)
    assert asked.returncode == 1 and not asked.stdout and asked.stderr
    target = tmp_path / "l.prom"
    assert call(lockgate, "status", "-c", conf, "--prometheus", str(target)).returncode == 1
    assert target.read_text().endswith("lockgate_up 0\n"), "a gateway that is down leaves no old numbers behind"
    assert os.stat(target).st_mode & 0o777 == 0o644
    assert [p for p in os.listdir(tmp_path) if p.startswith("l.prom")] == ["l.prom"]
    assert call(lockgate, "status", "-c", conf, "--prometheus", str(tmp_path / "l.txt")).returncode == 2
    assert call(lockgate, "status", "-c", conf, "--watch", "--json").returncode == 2
    assert "terminal" in call(lockgate, "status", "-c", conf, "--watch").stderr


# ---- man pages ----------------------------------------------------------------------------------------------------------

@pytest.fixture(scope="module")
def man(lockgate, tmp_path_factory):
    folder = tmp_path_factory.mktemp("man")
    assert call(os.path.join(CONF, "man", "make"), lockgate, str(folder)).returncode == 0
    return folder


def text_of(page):
    return call("mandoc", "-T", "ascii", "-O", "width=500", str(page)).stdout.replace("\b", "")


def test_man_pages_are_clean(man, verbs):
    pages = sorted(os.listdir(man))
    assert pages == sorted([f"lockgate-{v}.8" for v in verbs] + ["lockgate.8", "lockgate.conf.5", "lockgate-rules.5"])
    for page in pages:
        lint = call("mandoc", "-T", "lint", "-W", "warning", str(man / page))
        assert lint.returncode == 0 and not lint.stdout and not lint.stderr, lint.stdout + lint.stderr
        assert "@" + "KEYS@" not in (man / page).read_text()


def test_man_pages_say_what_the_command_says(man, lockgate, verbs):
    page = (man / "lockgate.conf.5").read_text()
    path = []
    for line in call(lockgate, "check", "--list-config").stdout.splitlines():
        depth = (len(line) - len(line.lstrip())) // 2
        path[depth:] = [line.strip().split(":")[0]]
        if path[0] != "low" or depth == 0:
            assert f".It Ic {'.'.join(path)}\n" in page, path
    rules = call("mandoc", "-T", "utf8", str(man / "lockgate-rules.5")).stdout
    rules = re.sub(".\b", "", rules)
    for line in call(lockgate, "check", "--list").stdout.splitlines():
        assert line.strip() in rules, line
    for verb in verbs:
        shown = re.sub(".\b", "", call("mandoc", "-T", "utf8", str(man / f"lockgate-{verb}.8")).stdout)
        for line in call(lockgate, verb, "--help").stdout.splitlines():
            assert line.strip() in shown, (verb, line)


# ---- completion ---------------------------------------------------------------------------------------------------------

def complete(lockgate, *words):
    """What bash offers for the last word."""
    quoted = " ".join(f"'{w}'" for w in (lockgate, *words))
    done = call("bash", "--norc", "-c", f". {CONF}/completion/lockgate; COMP_WORDS=({quoted}); COMP_CWORD={len(words)}; _lockgate; "
                'printf "%s\\n" "${COMPREPLY[@]}"')
    assert not done.stderr, done.stderr
    return [w for w in done.stdout.split("\n") if w]


def test_completion(lockgate, verbs, tmp_path):
    assert sorted(complete(lockgate, "")) == sorted(verbs + ["help", "version"])
    assert complete(lockgate, "stat") == ["status"]
    assert complete(lockgate, "status", "--j") == ["--json"]
    assert set(complete(lockgate, "log", "--re")) == {"--refused", "--reason", "--record"}
    assert complete(lockgate, "inline", "s") == ["show", "standby"]
    assert complete(lockgate, "explain", "--from", "h") == ["high"]
    assert complete(lockgate, "help", "repl") == ["replay"]
    (tmp_path / "a.xml").touch()
    assert complete(lockgate, "explain", f"{tmp_path}/a") == [f"{tmp_path}/a.xml"]
    for verb in verbs:      # whatever a verb's help names is offered
        named = set(re.findall(r"(?<![\w-])--[a-z][a-z-]+", call(lockgate, verb, "--help").stdout))
        assert named <= set(complete(lockgate, verb, "--")), verb


# ---- what is installed --------------------------------------------------------------------------------------------------

@pytest.fixture(scope="module")
def installed(lockgate, tmp_path_factory):
    """A root with the units and stand-ins for what they start."""
    root = tmp_path_factory.mktemp("root")
    units = root / "etc/systemd/system"
    units.mkdir(parents=True)
    for unit in os.listdir(os.path.join(CONF, "systemd")):
        shutil.copy(os.path.join(CONF, "systemd", unit), units)
    (root / "usr/local/bin").mkdir(parents=True)
    shutil.copy("/bin/true", root / "usr/local/bin/lockgate")
    shutil.copytree("/lib/systemd/system", root / "lib/systemd/system", symlinks=True)
    return root


def test_units_are_right(installed):
    names = sorted(os.listdir(os.path.join(CONF, "systemd")))
    checked = call("systemd-analyze", f"--root={installed}", "verify", *names)
    ours = [line for line in checked.stderr.splitlines() if "lockgate" in line]
    assert not ours, ours


def keys(unit):
    with open(os.path.join(CONF, "systemd", unit)) as f:
        return dict(line.strip().split("=", 1) for line in f if "=" in line and not line.startswith("#"))


def test_unit_of_the_gateway():
    unit = keys("lockgate.service")
    assert unit["Type"] == "notify" and int(unit["WatchdogSec"]) > 0 and unit["Restart"] == "always"
    assert "78" in unit["RestartPreventExitStatus"].split()
    assert unit["Requires"] == "lockgate-inline.service", "without its packet rules it does not start"


# How much a unit may do, in systemd's own count (0: nothing, 10: everything). The parent makes sockets in two namespaces and gives
# programs ids of their own; what each program may do is its own sandbox's business.
EXPOSURE = {"lockgate.service": 4.5, "lockgate-inline.service": 5.2, "lockgate-metrics.service": 1.5}


@pytest.mark.parametrize("unit", EXPOSURE)
def test_units_are_confined(installed, unit):
    judged = call("systemd-analyze", f"--root={installed}", "--offline=true", "security", unit, "--no-pager")
    found = re.search(r"Overall exposure level for \S+: ([\d.]+)", judged.stdout)
    assert found, judged.stdout + judged.stderr
    assert float(found.group(1)) <= EXPOSURE[unit], judged.stdout


# ---- sample configurations ----------------------------------------------------------------------------------------------

def sample(name, folder):
    """A sample with the certificates that it names beside it, and the shipped rules."""
    tls = folder / "tls"
    tls.mkdir()
    os.symlink(os.path.join(ROOT, "rules"), folder / "rules")
    with open(os.path.join(CONF, "examples", name + ".conf")) as f:
        text = f.read()
    for side, other in (("high", "low"), ("low", "high")):
        ca = (str(tls / f"{side}-ca.pem"), str(tls / f"{side}-ca.key"))
        stem = str(tls / f"{other}.example.on-{side}")
        common = ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "90"]
        for command in ([*common, "-subj", f"/CN=CA of {side}", "-keyout", ca[1], "-out", ca[0]],
                        [*common, "-subj", f"/CN={other}.example", "-addext", f"subjectAltName=DNS:{other}.example", "-CA", ca[0], "-CAkey", ca[1],
                         "-addext", "basicConstraints=critical,CA:FALSE", "-keyout", stem + ".key", "-out", stem + ".pem"]):
            made = call(*command)
            assert made.returncode == 0, made.stderr
    path = folder / "lockgate.conf"
    path.write_text(text.replace("/var/lib/lockgate", str(folder / "state")).replace("/run/lockgate", str(folder / "run")))
    return str(path)


def test_check_keeps_what_it_compiled(lockgate, tmp_path):
    """What `check` (and with it `run` and `reload`) compiled is there for the scanners, once for each set of detectors."""
    conf, state = sample("proxy", tmp_path), tmp_path / "state"
    state.mkdir(mode=0o700, exist_ok=True)
    patterns = state / "scanner.patterns"
    assert call(lockgate, "check", "--rules", tmp_path / "rules").returncode == 0 and not patterns.exists()
    assert call(lockgate, "check", "-c", conf).returncode == 0
    kept = patterns.stat()
    assert kept.st_mode & 0o777 == 0o600 and kept.st_uid == os.geteuid()
    assert call(lockgate, "check", "-c", conf).returncode == 0
    assert patterns.stat().st_ino == kept.st_ino


@pytest.mark.parametrize("layout", ["routed", "bridge", "proxy"])
def test_samples_are_right(lockgate, layout, tmp_path):
    conf = sample(layout, tmp_path)
    checked = call(lockgate, "check", "-c", conf)
    assert checked.returncode == 0, checked.stderr
    assert f'mode = "{layout}"' in open(conf).read()
    if os.geteuid() == 0:
        shown = call(lockgate, "inline", "show", "-c", conf)
        assert shown.returncode == 0 and "---- side low ----" in shown.stdout, shown.stderr
