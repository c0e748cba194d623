# SPDX-License-Identifier: GPL-3.0-or-later
# Security labels: every pair of label and clearance over two policies against a model that computes in another way; the shipped example,
# switched on, with the tests that stand in its rules.

import itertools
import os
import random
import shutil
import subprocess

import label_model as lm

HERE = os.path.dirname(os.path.realpath(__file__))
ROOT = os.path.dirname(os.path.dirname(HERE))
BUILD = os.path.join(ROOT, os.environ.get("BUILD", "build"))

A = lm.Policy("ALPHA", "2.999.1", {"LOW": 1, "MID": 2, "TOP": 5},
              {"Need": ("restrictive", False, {"RED": 0, "BLUE": 9}), "For": ("permissive", True, {"US": 1, "THEM": 300}),
               "Say": ("informative", False, {"DRILL": 3})})
B = lm.Policy("BETA", "2.999.2", {"PUBLIC": 0, "CLOSED": 200},
              {"Key": ("restrictive", True, {"BLUE": 7}), "Reader": ("permissive", False, {"US": 0, "OTHERS": 8})})
A.same["BETA"] = {"level": {"LOW": "PUBLIC", "MID": "CLOSED"}, "value": {("Need", "BLUE"): ("Key", "BLUE"), ("For", "THEM"): ("Reader", "OTHERS")}}
B.same["ALPHA"] = {"level": {"PUBLIC": "LOW", "CLOSED": "TOP"}, "value": {("Key", "BLUE"): ("Need", "BLUE"), ("Reader", "US"): ("For", "US"),
                                                                          ("Reader", "OTHERS"): ("For", "THEM")}}
POLICIES = {"ALPHA": A, "BETA": B}
TRANSLATED = {("ALPHA", "BETA"): lm.translations(A, B), ("BETA", "ALPHA"): lm.translations(B, A)}


def clearances():
    """Every clearance of each policy: (policy, levels, values)."""
    for p in POLICIES.values():
        values = [(t, v) for t, (kind, _, vs) in p.tags.items() if kind != "informative" for v in vs]
        for levels in lm.subsets(p.levels):
            for held in lm.subsets(values) if levels else []:
                yield p, levels, held


def cleared(policy, levels, held):
    return (f'policy = "{policy.name}"; classifications = [ {", ".join(f"{chr(34)}{x}{chr(34)}" for x in sorted(levels))} ];'
            + (f' categories = [ {", ".join(f"{chr(34)}{t}/{v}{chr(34)}" for t, v in sorted(held))} ];' if held else ""))


def everything(p):
    return p, frozenset(p.levels), frozenset((t, v) for t, (_, _, vs) in p.tags.items() for v in vs)


class Table:
    """A rules folder in which each clearance has a person and a domain of its own, and the answers of the real policy to all pairs."""

    def __init__(self, folder):
        self.folder, self.all = folder, list(clearances())
        every = [cleared(*everything(p)) for p in POLICIES.values()]
        two = random.Random(7).sample([(i, k) for i, k in itertools.product(range(len(self.all)), repeat=2)
                                       if self.all[i][0] is A and self.all[k][0] is B], 40)
        self.subjects = [(i,) for i in range(len(self.all))] + two + [()]
        holders, pairs = [], []
        for n, subject in enumerate(self.subjects):
            for i in subject:
                holders.append(f'{{ who = [ "p{n}@low.example", "p{n}@high.example" ]; {cleared(*self.all[i])} }}')
            if subject:
                pairs.append(f'{{ between = [ "high.example", "way{n}.example" ]; clearances = ( '
                             + ", ".join("{ " + cleared(*self.all[i]) + " }" for i in subject) + " ); }")
        everybody = ", ".join(f'"all@{d}"' for d in self.domains())
        holders += [f"{{ who = [ {everybody} ]; {e} }}" for e in every]
        pairs.append('{ between = [ "high.example", "low.example" ]; clearances = ( ' + ", ".join("{ " + e + " }" for e in every) + " ); }")
        for d in ("labels", "profiles"):
            os.mkdir(os.path.join(folder, d))
        self.put("labels/policies.conf", "policies = ( " + ", ".join(p.conf() for p in POLICIES.values()) + " );")
        self.put("labels/who.conf", "clearances = (\n" + ",\n".join(holders) + ");\npairs = (\n" + ",\n".join(pairs) + ");")
        shutil.copy(os.path.join(ROOT, "rules/profiles/labels.conf"), os.path.join(folder, "profiles"))
        shutil.copy(os.path.join(ROOT, "rules/profiles/im.conf"), os.path.join(folder, "profiles"))
        self.put("main.rules", 'profiles = [ "im", "labels" ]; labels = [ "policies", "who" ]; rules = ( { id = 1; name = "all"; action = "release"; } );')

    def domains(self):
        return ["high.example", "low.example"] + [f"way{n}.example" for n, s in enumerate(self.subjects) if s]

    def put(self, name, text):
        with open(os.path.join(self.folder, name), "w") as f:
            f.write(text)

    def readable(self, n):
        return {self.all[i][0].name: self.all[i][0].readable(self.all[i][1], self.all[i][2]) for i in self.subjects[n]}

    def answers(self, rows):
        """rows: (from, to, label or None, form). The reason codes of the real policy."""
        text = "".join(f"<message from='{a}' to='{b}' type='chat'>{lm.xml(POLICIES[l[0]], l[1], l[2], form) if l else ''}"
                       "<body>x</body></message>\n" for a, b, l, form in rows)
        run = subprocess.run([os.path.join(BUILD, "tests/policy_label_table"), self.folder], input=text, capture_output=True, text=True, timeout=120)
        assert run.returncode == 0, run.stderr[-2000:]
        return run.stdout.split()


def test_every_pair_of_label_and_clearance(tmp_path):
    table = Table(str(tmp_path))
    labels = [None] + A.labels() + B.labels()
    forms = itertools.cycle(("plain", "ess", "stanag"))
    rows, wanted = [], []
    for n in range(len(table.subjects)):
        readable = table.readable(n)
        for label in labels:
            ways = [("all@high.example", f"p{n}@low.example"), (f"p{n}@high.example", "all@low.example")]
            if table.subjects[n]:
                ways.append(("all@high.example", f"all@way{n}.example"))
            may = lm.may_read(label, readable, TRANSLATED)
            for sender, recipient in ways:
                rows.append((sender, recipient, label, next(forms)))
                wanted.append("label-missing" if label is None else "release" if may else "label-denied")
    got = table.answers(rows)
    assert len(got) == len(rows)
    wrong = [(r, g, w) for r, g, w in zip(rows, got, wanted) if g != w]
    granted = wanted.count("release")
    print(f"{len(rows)} rows, {granted} granted, {len(rows) - granted} denied, {len(wrong)} answered otherwise than the model")
    assert not wrong, wrong[:5]
    assert len(rows) > 40000 and 2000 < granted < len(rows) - 2000


def shipped(tmp_path):
    folder = os.path.join(str(tmp_path), "rules")
    shutil.copytree(os.path.join(ROOT, "rules"), folder)
    path = os.path.join(folder, "main.rules")
    with open(path) as f:
        text = f.read()
    text = text.replace('profiles = [ "im",', 'profiles = [ "labels", "im",').replace('\nfiles = [ ', '\nfiles = [ "labels.rules", ')
    with open(path, "w") as f:
        f.write(text + '\nlabels = [ "meridian", "concord", "border" ];\n')
    return folder


def lockgate(*args):
    return subprocess.run([os.path.join(BUILD, "bin/lockgate"), *args], capture_output=True, text=True, timeout=60)


def test_the_shipped_example_is_right_when_switched_on(tmp_path):
    folder = shipped(tmp_path)
    check = lockgate("check", "--rules", folder)
    assert check.returncode == 0 and " 0 warnings" in check.stdout, check.stdout + check.stderr
    run = lockgate("test", "--rules", folder)
    assert run.returncode == 0, run.stdout


def test_the_shipped_example_is_off_and_a_missing_default_is_named(tmp_path):
    folder = shipped(tmp_path)
    path = os.path.join(folder, "labels/border.conf")
    with open(path) as f:
        text = f.read()
    with open(path, "w") as f:
        f.write(text.replace('{ from = [ "low.example", "rooms.low.example" ]; policy = "CONCORD"; classification = "PUBLIC"; }',
                             '{ from = [ "rooms.low.example" ]; policy = "CONCORD"; classification = "PUBLIC"; }'))
    check = lockgate("check", "--rules", folder)
    assert 'no default for what "low.example" sends' in check.stdout + check.stderr, check.stdout + check.stderr
    with open(os.path.join(ROOT, "rules/main.rules")) as f:
        assert not any(line.startswith("labels =") for line in f)


def test_explain_says_who_is_not_cleared(tmp_path):
    folder = shipped(tmp_path)
    run = lockgate("explain", "--rules", folder, "--from", "high", os.path.join(folder, "tests/label-azure.xml"))
    assert run.returncode == 1
    assert "label: the stanza is GUARDED/REL AZURE (policy MERIDIAN); the recipient is not cleared for it" in run.stdout, run.stdout
