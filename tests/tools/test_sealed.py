# SPDX-License-Identifier: GPL-3.0-or-later
# `lockgate values` and `lockgate fingerprint`, from the list to what `lockgate explain` says about a stanza.

import os
import shutil
import subprocess

import pytest

HERE = os.path.dirname(os.path.abspath(__file__))
RULES = os.path.join(HERE, "..", "..", "rules")
PLAN = ("The northern depot will be emptied in the second week of March. Forty containers go by rail to the coast, and the rest follows "
        "on the road in convoys of six lorries, two days apart, so that the bridge carries no more than one of them at a time.")


@pytest.fixture
def lockgate(build):
    return lambda *args: subprocess.run([os.path.join(build, "bin", "lockgate"), *args], capture_output=True, text=True, timeout=60)


@pytest.fixture
def rules(tmp_path):
    to = tmp_path / "rules"
    shutil.copytree(RULES, to)
    for name in ("ids-europe", "ids-world", "network", "places", "classification", "contact"):     # not needed here, and slow to compile
        (to / "dlp" / f"{name}.conf").unlink()
    (to / "dlp" / "own.conf").write_text(
        'detectors = ( { id = "people"; about = "x"; values = "people.values"; key = "own.key"; },\n'
        '              { id = "plans"; about = "x"; fingerprints = "plans.prints"; key = "own.key"; } );\n')
    text = (to / "content.rules").read_text()
    (to / "content.rules").write_text(text.replace("rules = (", 'rules = (\n  { id = 190; name = "own"; when = { dlp = [ "people", "plans" ]; };'
                                                    ' action = "reject"; text = "no"; },', 1))
    return to


def explain(lockgate, rules, tmp_path, body):
    stanza = tmp_path / "stanza.xml"
    stanza.write_text("<message xmlns='jabber:server' from='a@high.example/x' to='b@low.example' type='chat' id='1'>"
                      f"<body>{body}</body></message>")
    return lockgate("explain", "--rules", str(rules), "--from", "high", str(stanza)).stdout


def test_from_list_to_verdict(lockgate, rules, tmp_path):
    (tmp_path / "people").write_text("Anna Lindqvist\n# nobody\nab\n")
    (tmp_path / "plan").write_text(PLAN + "\n\nshort\n")
    key, dlp = str(rules / "dlp" / "own.key"), rules / "dlp"
    assert "cannot be read" in lockgate("check", "--rules", str(rules)).stderr
    done = lockgate("values", "--key", key, "-o", str(dlp / "people.values"), str(tmp_path / "people"))
    assert (done.returncode, "1 values, 1 left out" in done.stdout, ":3: " in done.stderr) == (0, True, True)
    done = lockgate("fingerprint", "--key", key, "-o", str(dlp / "plans.prints"), str(tmp_path / "plan"))
    assert (done.returncode, "1 paragraphs, 1 too short" in done.stdout) == (0, True)
    assert lockgate("check", "--rules", str(rules)).returncode == 0
    assert "190" in explain(lockgate, rules, tmp_path, "ask ANNA-LINDQVIST").split("would leave")[0]
    for body, held in (("ask ANNA-LINDQVIST", True), ("ask Anna", False), (PLAN.replace(" ", "\n"), True), (PLAN[:60], False)):
        out = explain(lockgate, rules, tmp_path, body)
        assert ("reject" in out and "rule 190" in out) == held, (body, out)


def test_wrong_use(lockgate, tmp_path):
    for verb in ("values", "fingerprint"):
        assert lockgate(verb).returncode == 2
        assert lockgate(verb, "--nonsense").returncode == 2
        assert lockgate(verb, "--help").returncode == 0
        done = lockgate(verb, "--key", str(tmp_path / "k"), "-o", str(tmp_path / "o"), str(tmp_path / "missing"))
        assert (done.returncode, "cannot be read" in done.stderr, os.path.exists(tmp_path / "o")) == (1, True, False)
    (tmp_path / "empty").write_text("\n")
    assert lockgate("values", "--key", str(tmp_path / "k"), "-o", str(tmp_path / "o"), str(tmp_path / "empty")).returncode == 1
