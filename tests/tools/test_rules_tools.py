# SPDX-License-Identifier: GPL-3.0-or-later
# `lockgate check`, as it is installed, on rule sets with mistakes; and how long a list it takes.

import os
import re
import shutil
import subprocess
import time

import pytest

from lab.lab import built_with

ROOT = os.path.join(os.path.dirname(os.path.realpath(__file__)), "..", "..")

# one mistake on each line, and a part of the message that must name this line
TWENTY = [
    ('{ id = 1; name = "a"; action = "relaese"; },', 'did you mean "release"'),
    ('{ id = 2; name = "a"; action = "reject"; severty = "high"; },', 'did you mean "severity"'),
    ('{ id = 3; name = "a"; when = { paylod = "urn:x"; }; action = "reject"; },', 'did you mean "payload"'),
    ('{ id = 4; name = "a"; direction = "hight-to-low"; action = "reject"; },', 'did you mean "high-to-low"'),
    ('{ id = 5; name = "a"; kind = "mesage"; action = "reject"; },', 'did you mean "message"'),
    ('{ id = 6; name = "a"; when = { from = "a@@b"; }; action = "reject"; },', "is not an address"),
    ('{ id = 7; name = "a"; when = { from_list = "nowhere"; }; action = "reject"; },', "there is no list"),
    ('{ id = 8; name = "a"; when = { size_above = 100; }; action = "reject"; },', "a string with a unit"),
    ('{ id = 9; name = "a"; when = { depth_above = 70000; }; action = "reject"; },', "out of range"),
    ('{ id = 10; name = "a"; action = "reject"; error = "policy-violetion"; },', 'did you mean "policy-violation"'),
    ('{ id = 11; name = "a"; action = "redact"; },', "needs a condition that finds text"),
    ('{ id = 12; name = "a"; action = "drop"; expires = "2027-02-30"; },', "is no date"),
    ('{ id = 13; name = "a"; action = "hold"; },', "only messages can be held"),
    ('{ id = 4294967297; name = "a"; action = "drop"; },', "4294967297"),
    ('{ id = 15; name = "a"; when = { dlp = "payment-crad"; }; action = "reject"; },', 'did you mean "payment-card"'),
    ('{ id = 16; name = "a"; when = { yara = "no_such_rule"; }; action = "reject"; },', "there is no YARA rule"),
    ('{ id = 17; name = "a"; when = { from_like = "a@b.example"; }; action = "reject"; },', "has neither * nor ?"),
    ('{ id = 18; name = "a"; when = { rate = { above = 3; }; }; action = "throttle"; },', "wants both"),
    ('{ id = 19; name = "a"; when = { date = { from = "2027-02-02"; to = "2027-02-01"; }; }; action = "drop"; },', "ends before it begins"),
    ('{ id = 100; name = "a"; action = "drop"; }', "is used already"),
]


@pytest.fixture
def rules(tmp_path):
    """A copy of the shipped rules with a file `more.rules` in front of the others."""
    folder = tmp_path / "rules"
    shutil.copytree(os.path.join(ROOT, "rules"), folder)
    main = folder / "main.rules"
    main.write_text(main.read_text().replace('\nfiles = [ ', '\nfiles = [ "more.rules", '))

    def write(text):
        (folder / "more.rules").write_text("rules = (\n" + text + "\n);\n")
        return folder
    return write


def check(command, folder):
    done = subprocess.run([command, "check", "--rules", str(folder)], capture_output=True, text=True, timeout=120)
    return done.returncode, re.findall(r"^(.*?):(\d+): (.*)$", done.stderr, re.M)


@pytest.mark.parametrize("where", ["built", "installed"])
def test_twenty_mistakes_twenty_messages(lockgate, build, rules, tmp_path, where):
    if where == "installed":
        made = subprocess.run(["make", "-s", "-o", "all", "install", f"DESTDIR={tmp_path}/root", "PREFIX=/usr", f"BUILD={os.path.abspath(build)}"], cwd=ROOT,
                              capture_output=True, text=True, timeout=300)
        if built_with("sandbox_weakened"):
            assert made.returncode != 0 and "it is not installed" in made.stderr
            assert not (tmp_path / "root").exists()
            pytest.skip("a build that watches itself is not installed")
        assert made.returncode == 0, made.stderr
        lockgate = f"{tmp_path}/root/usr/bin/lockgate"
    # the shipped rule 100 comes behind: the mistake about its number stands there
    status, said = check(lockgate, rules("\n".join(text for text, _ in TWENTY)))
    assert status == 78
    mine = [(int(line), text) for file, line, text in said if file.endswith("more.rules")]
    other = [(file, text) for file, line, text in said if not file.endswith("more.rules")]
    assert len(mine) + len(other) == 20, said
    for n, (_, want) in enumerate(TWENTY[:19], 2):
        assert [text for line, text in mine if line == n and want in text], f"line {n}: {want}: {mine}"
    assert len(other) == 1 and other[0][0].endswith("border.rules") and "is used already" in other[0][1]


@pytest.mark.parametrize("when,status,want", [
    ("yara_id = 5009", 78, "no YARA rule in rules/yara has the meta id 5009"),
    ("yara_id = [ 5001, 5101 ]", 0, None),
    ('yara_severity = "hgih"', 78, 'did you mean "high"'),
    ('yara_severity = "critical"', 0, 'warning: no YARA rule in rules/yara has the meta severity "critical" or one above it: this condition is never true'),
    ('yara_severity = "medium"', 0, None),
    ('yara_action = "hold"', 0, 'warning: no YARA rule in rules/yara has the meta action "hold": this condition is never true'),
    ('yara_action = [ "redact", "reject" ]', 0, None),
])
def test_meta_of_yara_rules(lockgate, rules, when, status, want):
    """What a rule asks of a YARA rule's meta is held against the YARA rules that are there."""
    got, said = check(lockgate, rules('{ id = 1; name = "a"; kind = "message"; when = { %s; }; action = "drop"; }' % when))
    mine = [text for file, line, text in said if file.endswith("more.rules") and line == "2"]
    assert got == status and (len(mine) == 1 and want in mine[0] if want else not mine), said


def test_meta_that_cannot_be_read(lockgate, rules):
    folder = rules('{ id = 1; name = "a"; kind = "message"; when = { yara_severity = "high"; }; action = "drop"; }')
    stanza = folder / "yara" / "stanza.yar"
    stanza.write_text(stanza.read_text().replace('severity = "medium"', "severity = 75", 1))
    status, said = check(lockgate, folder)
    texts = [text for _, _, text in said]
    assert status == 78 and len([t for t in texts if "what active_markup (stanza.yar) says there is not known here" in t]) == 1, said
    folder = rules('{ id = 1; name = "a"; kind = "message"; when = { yara_id = 5001; }; action = "drop"; }')
    status, said = check(lockgate, folder)
    assert status == 0, said  # nobody asks for a severity: a warning is enough
    done = subprocess.run([lockgate, "check", "--rules", str(folder)], capture_output=True, text=True, timeout=60)
    assert "rule active_markup: meta severity is none of info, low" in done.stderr, done.stderr


@pytest.mark.parametrize("name,text,want", [
    ("never fires", '{ id = 1; name = "a"; kind = "message"; action = "drop"; }', "rule 310 can never fire"),
    ("ends soon", None, "ends within 14 days"),
    ("no test", '{ id = 1; name = "a"; kind = "message"; type = "headline"; when = { to = "x@low.example"; not = { text = "a"; }; }; action = "release"; }', "has no test"),
    ("nothing to strip", '{ id = 1; name = "a"; action = "strip"; elements = [ "urn:nowhere" ]; }', "no profile in force names"),
    ("never there", '{ id = 1; name = "a"; when = { payload = "urn:nowhere"; }; action = "drop"; }', "no profile in force names"),
    ("other kinds only", '{ id = 1; name = "a"; kind = "iq"; when = { payload = "{jabber:server}body"; }; action = "drop"; }', "other kinds of stanzas only"),
])
def test_mistakes_of_thought(lockgate, rules, name, text, want):
    text = text or '{ id = 1; name = "a"; kind = "iq"; when = { from = "x@y.example"; }; action = "drop"; expires = "%s"; }' % time.strftime(
        "%Y-%m-%d", time.gmtime(time.time() + 5 * 86400))
    status, said = check(lockgate, rules(text))
    assert status == 0 and [t for _, _, t in said if want in t and t.startswith("warning: ")], said


def test_a_list_without_use(lockgate, rules):
    folder = rules('{ id = 1; name = "a"; kind = "iq"; when = { from = "x@y.example"; }; action = "drop"; }')
    (folder / "lists").mkdir(exist_ok=True)
    (folder / "lists" / "lonely.list").write_text("a@b.example\n")
    done = subprocess.run([lockgate, "check", "--rules", str(folder)], capture_output=True, text=True, timeout=60)
    assert done.returncode == 0 and "lonely.list: warning: no rule uses this list" in done.stderr, done.stderr


def test_a_rule_that_is_off(lockgate, rules):
    """Its tests say nothing: they are skipped, and counted as such."""
    rule = '{ id = 1; name = "a"; kind = "message"; action = "drop"; enabled = %s; tests = ( { stanza = "tests/chat.xml"; from = "high"; expect = "drop"; } ); }'

    def said(verb, on):
        done = subprocess.run([lockgate, verb, "--rules", str(rules(rule % on)), *(["-v"] if verb == "test" else [])], capture_output=True, text=True, timeout=60)
        return done.returncode, done.stdout
    status, text = said("test", "false")
    assert status == 0 and " 0 failed, 1 skipped: their rules are switched off\n" in text, text
    assert "rule 1 is switched off (enabled = false): its 1 test is skipped" in text
    assert "(2 switched off, and 1 test with them)" in said("check", "false")[1]  # another is shipped off
    status, text = said("test", "true")
    assert status == 1 and "skipped" not in text, text  # and it lets nothing through that others' tests want


def test_a_rule_that_has_expired(lockgate, rules):
    """Its tests say nothing any more, nor do they fail: the day after, the set is as good as the day before."""
    rule = ('{ id = 1; name = "a"; kind = "message"; type = "headline"; when = { from = "late@high.example"; }; action = "drop"; expires = "%s";'
            ' tests = ( { stanza = "tests/late.xml"; from = "high"; expect = "drop"; } ); }')

    def said(verb, day, more=""):
        folder = rules(rule % day + more)
        (folder / "tests" / "late.xml").write_text(
            "<message type='headline' from='late@high.example/r' to='b@low.example' id='1'><body>x</body></message>\n")
        done = subprocess.run([lockgate, verb, "--rules", str(folder), *(["-v"] if verb == "test" else [])], capture_output=True, text=True, timeout=60)
        return done.returncode, done.stdout
    off = ', { id = 2; name = "b"; kind = "iq"; action = "drop"; enabled = false; tests = ( { stanza = "tests/late.xml"; expect = "drop"; } ); }'
    status, text = said("test", "2037-12-31")
    assert status == 0 and "skipped" not in text and "rule 1: " in text, text
    status, text = said("test", "2020-01-31")
    assert status == 0 and " 0 failed, 1 skipped: their rules have expired\n" in text, text
    assert "rule 1 has expired: its 1 test is skipped" in text
    assert " 0 failed, 2 skipped: their rules are switched off or have expired\n" in said("test", "2020-01-31", off)[1]
    assert "(1 switched off, 1 expired, and 1 test with them)" in said("check", "2020-01-31")[1]  # another is shipped off


def test_explain_says_which_side_it_took(lockgate, rules):
    folder = rules('{ id = 1; name = "a"; kind = "iq"; when = { from = "x@y.example"; }; action = "drop"; }')
    stanza = str(folder / "tests" / "word.xml")

    def said(*more):
        return subprocess.run([lockgate, "explain", "--rules", str(folder), *more, stanza], capture_output=True, text=True, timeout=60).stdout
    assert "Taken as from the high side: without a configuration" in said() and "say --from low" in said()
    assert "Taken as" not in said("--from", "low") and "Taken as" not in said("--from", "high")


def test_a_million_lines(lockgate, rules):
    folder = rules('{ id = 1; name = "a"; when = { from_list = "many"; }; action = "drop"; },\n'
                   '{ id = 2; name = "b"; when = { node_list = "nodes"; }; action = "drop"; }')
    (folder / "lists").mkdir(exist_ok=True)
    with open(folder / "lists" / "many.list", "w") as f:
        f.writelines(f"user{n}@high{n % 100}.example   # number {n}\n" for n in range(1000000))
    (folder / "lists" / "nodes.list").write_text("urn:example:a\n")
    began = time.monotonic()
    status, said = check(lockgate, folder)
    assert status == 0, said[:5]
    assert time.monotonic() - began < 20
    stanza = folder / "tests" / "chat.xml"
    text = stanza.read_text()
    sender = re.search(r"from=[\"'](.*?)[\"']", text).group(1)
    stanza.write_text(text.replace(sender, "user999999@high99.example/x"))
    done = subprocess.run([lockgate, "explain", "--rules", str(folder), "--from", "high", str(stanza)], capture_output=True, text=True, timeout=60)
    assert "by rule 1 " in done.stdout and done.returncode == 1, done.stdout
