# SPDX-License-Identifier: GPL-3.0-or-later
# What somebody might do to a journal, each done to a copy: `lockgate verify` must find it, say from which record on, and agree
# with the independent verifier; an untouched copy must pass.

import base64
import datetime
import hashlib
import json
import os
import re
import shutil
import subprocess
import sys

import pytest

HERE = os.path.dirname(os.path.realpath(__file__))
sys.path.insert(0, os.path.join(HERE, ".."))

import verify_independent as vi                 # noqa: E402

SECOND = "/usr/bin/python3", "-B", os.path.join(HERE, "..", "verify_independent.py")
RECORDS = 5000                                  # verdicts; with the journal's own two


@pytest.fixture(scope="module")
def original(build, tmp_path_factory):
    made = subprocess.run([os.path.join(build, "bench", "journal"), "make", str(RECORDS), "1MiB"], capture_output=True, text=True, timeout=60)
    folder = made.stdout.strip()
    assert made.returncode == 0 and os.path.isdir(folder), made
    yield folder
    shutil.rmtree(folder)


class Copy:
    """A journal's folder to tamper with, as lines and notes."""

    def __init__(self, original, to):
        self.folder, self.key, self.private = str(to / "journal"), str(to / "journal.pub"), os.path.join(original, "state/keys/journal.key")
        shutil.copytree(os.path.join(original, "state/journal"), self.folder)
        shutil.copy(os.path.join(original, "state/keys/journal.pub"), self.key)
        self.outside = str(to / "outside")
        self.keep(-1)

    def path(self, name):
        return os.path.join(self.folder, name)

    def segments(self):
        return sorted(n for n in os.listdir(self.folder) if n.endswith(".jsonl"))

    def lines(self):
        return [line for s in self.segments() for line in open(self.path(s), "rb").read().splitlines(keepends=True)]

    def edit(self, change):
        """Applies change(list of lines) to the segment that holds record 3000."""
        name = [s for s in self.segments() if int(s[:-6]) <= 3000][-1]
        lines = open(self.path(name), "rb").read().splitlines(keepends=True)
        at = 3000 - int(name[:-6])
        out = change(lines, at)
        with open(self.path(name), "wb") as f:
            f.write(b"".join(lines if out is None else out))

    def write_all(self, lines):
        for s in self.segments()[1:]:
            os.unlink(self.path(s))
        with open(self.path(self.segments()[0]), "wb") as f:
            f.write(b"".join(lines))

    def notes(self):
        return [n + b"\n" for n in re.findall(rb"(?:[^\n]+\n){3,}\n(?:\xe2\x80\x94 [^\n]+\n)+", open(self.path("checkpoints"), "rb").read())]

    def put_notes(self, notes):
        with open(self.path("checkpoints"), "wb") as f:
            f.write(b"".join(notes))

    def keep(self, which):
        """What an auditor holds outside: one of the checkpoints."""
        with open(self.outside, "wb") as f:
            f.write(self.notes()[which])

    def size(self, which):
        return int(self.notes()[which].split(b"\n")[1])

    def sign(self, size, root):
        """A checkpoint by somebody who has the private key (RFC 8032 section 5.1.6)."""
        pem = open(self.private).read().split("\n")
        seed = base64.b64decode("".join(pem[1:-2]))[-32:]
        key, h = vi.Key(self.key), hashlib.sha512(seed).digest()
        a = int.from_bytes(h[:32], "little") & (1 << 254) - 8 | 1 << 254
        text = f"{key.name}\n{size}\n{base64.b64encode(root).decode()}\n".encode()

        def squeeze(p):
            z = pow(p[2], vi.P - 2, vi.P)
            return (p[1] * z % vi.P | (p[0] * z % vi.P & 1) << 255).to_bytes(32, "little")
        r = int.from_bytes(hashlib.sha512(h[32:] + text).digest(), "little") % vi.L
        rs = squeeze(vi.point_mul(r, vi.G))
        k = int.from_bytes(hashlib.sha512(rs + key.public + text).digest(), "little") % vi.L
        signature = rs + ((r + k * a) % vi.L).to_bytes(32, "little")
        line = base64.b64encode(key.identity(1) + signature).decode()
        return text + f"\n\u2014 {key.name} {line}\n\n".encode()


def renumber(lines, first):
    """As a careful forger would: numbers of records and of the sender without a gap."""
    out, count = [], {}
    for i, line in enumerate(lines):
        line = re.sub(rb'"seq":\d+', b'"seq":%d' % (first + i), line, count=1)
        out.append(line)
    for i, line in enumerate(out):
        who = re.search(rb'"program":"[^"]*","line_epoch":\d+', line).group()
        count[who] = count.get(who, 0) + 1
        out[i] = re.sub(rb'"line_number":\d+', b'"line_number":%d' % count[who], line, count=1)
    return out


# ---- what is done; each returns what verify must find: a kind, the first wrong record, and whether only an outside checkpoint shows it

def nothing(c):
    return None


def bit_in_text(c):
    def change(lines, at):
        i = lines[at].index(b'"from":"') + 9
        lines[at] = lines[at][:i] + bytes([lines[at][i] ^ 1]) + lines[at][i + 1:]
    c.edit(change)
    return "changed", 3000


def bit_in_head(c):
    def change(lines, at):
        i = lines[at].index(b'"seq"') + 1
        lines[at] = lines[at][:i] + bytes([lines[at][i] ^ 8]) + lines[at][i + 1:]
    c.edit(change)
    return "changed", 3000


def bit_in_newline(c):
    def change(lines, at):
        lines[at] = lines[at][:-1] + b"\x0b"
    c.edit(change)
    return "changed", 3000


def verdict_changed(c):
    def change(lines, at):
        while b'"verdict":"reject"' not in lines[at]:
            at += 1
        change.at = at - (3000 - int([s for s in c.segments() if int(s[:-6]) <= 3000][-1][:-6])) + 3000
        lines[at] = lines[at].replace(b'"verdict":"reject"', b'"verdict":"release"')
    c.edit(change)
    return "changed", change.at


def removed(c):
    c.edit(lambda lines, at: lines.pop(at) and None)
    return "missing", 3000


def removed_and_renumbered(c):
    lines = c.lines()
    del lines[2999]
    c.write_all(renumber(lines, 1))
    return "changed", 3000


def removed_at_the_end_unsigned(c):
    """From the part that no checkpoint covers: only the sender's own count shows it."""
    lines = c.lines()
    c.put_notes(c.notes()[:-1])
    os.unlink(c.path("tree"))
    del lines[-20]
    out = lines[:-19]
    for i, line in enumerate(lines[-19:]):
        out.append(re.sub(rb'"seq":\d+', b'"seq":%d' % (len(lines) - 18 + i), line, count=1))
    c.write_all(out)
    return "lines-missing", len(lines) - 18


def swapped(c):
    def change(lines, at):
        lines[at], lines[at + 1] = lines[at + 1], lines[at]
    c.edit(change)
    return "moved", 3000


def inserted_copy(c):
    c.edit(lambda lines, at: lines.insert(at, lines[at - 1]))
    return "inserted", 2999


def inserted_rubbish(c):
    c.edit(lambda lines, at: lines.insert(at, b'{"seq":1}\n'))
    return "inserted", 3000


def inserted_a_heap_of_short_lines(c):
    c.edit(lambda lines, at: lines.insert(at, b"x\n" * 5000))
    return "inserted", 3000


def inserted_one_longer_than_a_line_may_be(c):
    c.edit(lambda lines, at: lines.insert(at, b"y" * 1500000 + b"\n"))
    return "inserted", 3000


def inserted_and_renumbered(c):
    lines = c.lines()
    lines.insert(2999, lines[2000])
    c.write_all(renumber(lines, 1))
    return "changed", 3000


def tail_cut(c):
    lines = c.lines()
    c.write_all(lines[:-10])
    return "cut", len(lines) - 9


def tail_cut_within_line(c):
    lines = c.lines()
    lines[-1] = lines[-1][:50]
    c.write_all(lines)
    return "cut", len(lines)


def tail_cut_with_checkpoints(c):
    c.write_all(c.lines()[:c.size(0)])
    c.put_notes(c.notes()[:1])
    os.unlink(c.path("tree"))
    return "cut", c.size(0) + 1, "outside"


def first_segment_removed(c):
    os.unlink(c.path(c.segments()[0]))
    return "segment-missing", 1


def middle_segment_removed(c):
    first = int(c.segments()[1][:-6])
    os.unlink(c.path(c.segments()[1]))
    return "segment-missing", first


def last_segment_removed(c):
    first = int(c.segments()[-1][:-6])
    os.unlink(c.path(c.segments()[-1]))
    return "cut", first


def all_segments_removed(c):
    for s in c.segments():
        os.unlink(c.path(s))
    return "cut", 1


def checkpoint_replayed(c):
    notes = c.notes()
    c.put_notes(notes + notes[:1])
    return "checkpoint-replayed", c.size(0)


def checkpoint_changed(c):
    notes = c.notes()
    notes[0] = notes[0].replace(b"\n%d\n" % c.size(0), b"\n%d\n" % (c.size(0) - 1), 1)
    c.put_notes(notes)
    return "checkpoint-forged", c.size(0)


def checkpoint_of_another_key(c):
    notes = c.notes()
    c.put_notes([n.replace(b"gate.example/journal", b"gale.example/journal") for n in notes[:1]] + notes[1:])
    return "checkpoint-foreign", c.size(0)


def checkpoints_removed(c):
    os.unlink(c.path("checkpoints"))
    return "checkpoints-missing", 0


def clock_moved(c):
    """A record put behind the last checkpoint, dated back."""
    lines = c.lines()
    last = lines[-1].replace(b'"seq":%d,' % len(lines), b'"seq":%d,' % (len(lines) + 1))
    last = re.sub(rb'"line_number":(\d+)', lambda m: b'"line_number":%d' % (int(m.group(1)) + 1), last)
    last = re.sub(rb'"timestamp":"....', b'"timestamp":"2001', last)
    c.write_all(lines + [last])
    return "clock", len(lines) + 1


def rewritten_with_the_key(c):
    lines = c.lines()
    lines[2999] = lines[2999].replace(b"message", b"massage")
    size, tree = c.size(-1), vi.Tree()
    for line in lines[:size]:
        tree.add(line[:-1])
    c.write_all(lines[:size])
    c.put_notes([c.sign(size, tree.root())])
    os.unlink(c.path("tree"))
    return "rewritten", 1, "outside"


def tree_file_changed(c):
    """The file of hashes is a shortcut: with it wrong, the lines still prove themselves."""
    with open(c.path("tree"), "r+b") as f:
        f.seek(32 * 1000)
        f.write(b"x" * 320)
    return None


def tree_file_removed_and_bit(c):
    os.unlink(c.path("tree"))
    bit_in_text(c)
    return "changed", max([0] + [size for size in (c.size(i) for i in range(len(c.notes()))) if size < 3000]) + 1


CASES = [nothing, bit_in_text, bit_in_head, bit_in_newline, verdict_changed, removed, removed_and_renumbered, removed_at_the_end_unsigned, swapped,
         inserted_copy, inserted_rubbish, inserted_a_heap_of_short_lines, inserted_one_longer_than_a_line_may_be, inserted_and_renumbered, tail_cut,
         tail_cut_within_line, tail_cut_with_checkpoints, first_segment_removed, middle_segment_removed, last_segment_removed, all_segments_removed, checkpoint_replayed, checkpoint_changed, checkpoint_of_another_key,
         checkpoints_removed, clock_moved, rewritten_with_the_key, tree_file_changed, tree_file_removed_and_bit]


STATUS = {"whole": 0, "not-whole": 1, "unproven": 3}


def verify(lockgate, copy, *more):
    done = subprocess.run([lockgate, "verify", copy.folder, "--key", copy.key, "--json", *more], capture_output=True, text=True, timeout=60)
    result = json.loads(done.stdout)
    assert done.returncode == STATUS[result["state"]] and result["whole"] == (done.returncode == 0), done
    text = subprocess.run([lockgate, "verify", copy.folder, "--key", copy.key, *more], capture_output=True, text=True, timeout=60)
    assert text.returncode == done.returncode
    assert text.stdout.startswith({"whole": "WHOLE ", "not-whole": "NOT WHOLE", "unproven": "UNPROVEN"}[result["state"]])
    print(text.stdout)
    return result


def second(copy, *more):
    done = subprocess.run([*SECOND, copy.folder, copy.key, *more], capture_output=True, text=True, timeout=120)
    result = json.loads(done.stdout)
    assert done.returncode == STATUS[result["state"]], done
    return result


@pytest.mark.parametrize("case", CASES, ids=[c.__name__ for c in CASES])
def test_tampering(case, original, lockgate, tmp_path):
    copy = Copy(original, tmp_path)
    expected = case(copy)
    hidden = expected is not None and len(expected) == 3
    result, independent = verify(lockgate, copy), second(copy)
    assert result["state"] == independent["state"] == ("whole" if expected is None or hidden else "not-whole"), independent
    if hidden:                                  # nobody can see it from inside: the words say so, and the outside checkpoint shows it
        result, independent = verify(lockgate, copy, "--checkpoint", copy.outside), second(copy, copy.outside)
        assert not result["whole"] and not independent["whole"]
    if expected:
        assert expected[0] in {f["kind"] for f in result["findings"]}
        assert result["first_wrong"] == expected[1]
    assert result["proven_to"] >= independent["proven_to"]


RECORDS_WRONG = [c for c in CASES if c not in (nothing, tree_file_changed, checkpoint_replayed, checkpoint_changed, checkpoint_of_another_key, checkpoints_removed)]


@pytest.mark.parametrize("case", RECORDS_WRONG, ids=[c.__name__ for c in RECORDS_WRONG])
def test_nothing_is_proven_behind_the_first_wrong_record(case, original, lockgate, tmp_path):
    """The hashes may still fit a checkpoint: the lines do not."""
    copy = Copy(original, tmp_path)
    case(copy)
    for more in ([], ["--checkpoint", copy.outside]):
        result = verify(lockgate, copy, *more)
        if result["whole"]:                     # hidden without the outside checkpoint
            continue
        first = result["first_wrong"]
        assert result["proven_to"] < first and result["proven_outside_to"] < first
        text = subprocess.run([lockgate, "verify", copy.folder, "--key", copy.key, *more], capture_output=True, text=True).stdout
        said = re.findall(r"^(?:Proven|Consistent|Behind).*?records [\d,]+ to ([\d,]+)", text, re.M)
        assert all(int(n.replace(",", "")) < first for n in said), text
        assert ("Nobody" in text) == (result["proven_outside_to"] > 0)
        assert ("Nothing from record" if result["proven_to"] else "No record is proven") in text


def test_proven_up_to_the_changed_record(original, lockgate, tmp_path):
    copy = Copy(original, tmp_path)
    bit_in_text(copy)
    assert verify(lockgate, copy)["proven_to"] == 2999
    assert verify(lockgate, copy, "--checkpoint", copy.outside)["proven_outside_to"] == 2999
    shutil.copytree(copy.folder, copy.folder + "2")
    copy.folder += "2"
    lines = copy.lines()
    copy.write_all([b"{" + lines[0]] + lines[1:])
    result = verify(lockgate, copy, "--checkpoint", copy.outside)
    assert result["proven_to"] == result["proven_outside_to"] == 0


def test_since_does_not_speak_for_lines_that_it_did_not_read(original, lockgate, tmp_path):
    copy = Copy(original, tmp_path)
    copy.keep(-1)
    bit_in_text(copy)
    result = verify(lockgate, copy, "--since", copy.outside)
    assert result["proven_outside_to"] == 0 and result["grown_from"] == copy.size(-1)
    text = subprocess.run([lockgate, "verify", copy.folder, "--key", copy.key, "--since", copy.outside], capture_output=True, text=True).stdout
    assert "Nobody" not in text and "were not read" in text and text.startswith(f"WHOLE behind record {copy.size(-1):,}: ")


def test_outside_checkpoint_holds(original, lockgate, tmp_path):
    copy = Copy(original, tmp_path)
    result = verify(lockgate, copy, "--checkpoint", copy.outside)
    assert result["whole"] and result["proven_outside_to"] == copy.size(-1)


@pytest.mark.parametrize("record", [1, 2, 2999, 3000, RECORDS + 2])
def test_one_record(record, original, lockgate, tmp_path):
    copy = Copy(original, tmp_path)
    done = subprocess.run([lockgate, "verify", copy.folder, "--key", copy.key, "--record", str(record), "--json"], capture_output=True, text=True)
    assert done.returncode == 0, done
    result = json.loads(done.stdout)
    assert result["included"] and result["line"]["seq"] == record
    line = copy.lines()[record - 1][:-1]
    # the proof, checked by the loop of RFC 9162 section 2.1.3.2
    node, fn, sn = hashlib.sha256(b"\0" + line).digest(), record - 1, result["checkpoint"] - 1
    for p in map(base64.b64decode, result["proof"]):
        if fn & 1 or fn == sn:
            node = hashlib.sha256(b"\1" + p + node).digest()
            while not fn & 1 and fn:
                fn, sn = fn >> 1, sn >> 1
        else:
            node = hashlib.sha256(b"\1" + node + p).digest()
        fn, sn = fn >> 1, sn >> 1
    roots = {int(n.split(b"\n")[1]): base64.b64decode(n.split(b"\n")[2]) for n in copy.notes()}
    assert sn == 0 and node == roots[result["checkpoint"]]


def test_changed_record_is_not_proven(original, lockgate, tmp_path):
    copy = Copy(original, tmp_path)
    bit_in_text(copy)
    for record, status in ((3000, 1), (2999, 0), (3001, 0), (len(copy.lines()) + 1, 1)):
        assert subprocess.run([lockgate, "verify", copy.folder, "--key", copy.key, "--record", str(record)], capture_output=True).returncode == status


def test_since(original, lockgate, tmp_path):
    copy = Copy(original, tmp_path)
    copy.keep(0)
    assert verify(lockgate, copy, "--since", copy.outside)["whole"]
    change = copy.size(0) + 5
    lines = copy.lines()
    lines[change - 1] = lines[change - 1].replace(b"message", b"massage")
    copy.write_all(lines)
    result = verify(lockgate, copy, "--since", copy.outside)
    assert not result["whole"] and result["first_wrong"] == change
    copy.keep(-1)
    copy.put_notes(copy.notes()[:1])
    assert verify(lockgate, copy, "--since", copy.outside)["findings"][0]["kind"] == "cut"


def test_since_a_whole_file_of_them_takes_the_newest(original, lockgate, tmp_path):
    """As the README has it: what was kept is a copy of the file `checkpoints`."""
    copy = Copy(original, tmp_path)
    shutil.copy(copy.path("checkpoints"), copy.outside)
    said = subprocess.run([lockgate, "verify", copy.folder, "--key", copy.key, "--since", copy.outside], capture_output=True, text=True).stdout
    assert f"{copy.size(-1):,}" in said.splitlines()[0], said


def test_the_key_of_another_gateway(original, lockgate, tmp_path):
    """It often has the same name: said once, and not as a journal that is damaged from some record on."""
    copy, other = Copy(original, tmp_path), str(tmp_path / "other.pub")
    name, _, rest = open(copy.key).read().strip().split("+", 2)
    raw = base64.b64decode(rest)[:1] + b"\0" * 32
    with open(other, "w") as f:
        f.write(f"{name}+{hashlib.sha256(name.encode() + bytes([10]) + raw).digest()[:4].hex()}+{base64.b64encode(raw).decode()}\n")
    copy.key = other
    result = verify(lockgate, copy)
    assert result["state"] == second(copy)["state"] == "not-whole" and result["proven_to"] == 0
    assert [f["kind"] for f in result["findings"]] == ["checkpoint-foreign"] and other in result["findings"][0]["text"]
    text = subprocess.run([lockgate, "verify", copy.folder, "--key", copy.key], capture_output=True, text=True).stdout
    assert text.startswith("NOT WHOLE\n") and "No record is proven" in text


def test_since_knows_nothing_of_rules_that_it_did_not_read(original, lockgate, tmp_path):
    copy = Copy(original, tmp_path)
    assert "rules" in {r["kind"] for r in verify(lockgate, copy)["remarks"]}
    copy.keep(0)
    assert "rules" not in {r["kind"] for r in verify(lockgate, copy, "--since", copy.outside)["remarks"]}


def test_wrong_files_are_named(original, lockgate, tmp_path):
    copy = Copy(original, tmp_path)
    encoded = tmp_path / "from-syslog"
    encoded.write_bytes(base64.b64encode(copy.notes()[-1]))
    for args, said in (((str(tmp_path), "--key", copy.key), "is no journal"), ((copy.folder, "--key", copy.folder), "Is a directory"),
                       ((copy.folder, "--key", copy.key, "--checkpoint", str(encoded)), "base64 -d"),
                       ((copy.folder, "--key", copy.key, "--since", str(encoded)), "base64 -d")):
        done = subprocess.run([lockgate, "verify", *args], capture_output=True, text=True)
        assert done.returncode == 2 and re.search(said, done.stderr) and not done.stdout, (args, done)


def test_wrong_usage(original, lockgate, tmp_path):
    copy = Copy(original, tmp_path)
    for args in (["--colour"], [copy.folder], [copy.folder, "--key", copy.key, "--record", "x"], [copy.folder, "--key", "/nonexistent"],
                 ["/nonexistent", "--key", copy.key], [copy.folder, "--key", copy.path("checkpoints")], [copy.folder, "--key", copy.key, "--checkpoint", copy.key]):
        done = subprocess.run([lockgate, "verify", *args], capture_output=True, text=True)
        assert done.returncode == 2 and done.stderr, (args, done)
    assert subprocess.run([lockgate, "verify", "--help"], capture_output=True).returncode == 0


# ---- what no signature covers ----------------------------------------------------------------------------------------------

SIGNED, ALL = 2990, 3000                        # of the journals made here; they sign every second (and ten more are no reason to worry)


class Tail(Copy):
    """A journal of ALL records with one checkpoint, over the first SIGNED; what stands behind may be changed as one likes."""

    def __init__(self, original, to, lines=None):
        super().__init__(original, to)
        self.all = (lines or self.lines())[:ALL]
        tree = vi.Tree()
        for line in self.all[:SIGNED]:
            tree.add(line[:-1])
        self.put_notes([self.sign(SIGNED, tree.root())])
        self.keep(0)
        self.write_all(self.all)

    def put(self, record, line):
        self.all[record - 1] = line
        self.write_all(self.all)

    def later(self, seconds, record):
        """Dates a record and what follows it so much later."""
        def shifted(m):
            then = datetime.datetime.fromisoformat(m.group(1).decode()) + datetime.timedelta(seconds=seconds)
            return b'"timestamp":"%sZ"' % then.isoformat(timespec="microseconds").encode()
        self.all[record - 1:] = [re.sub(rb'"timestamp":"([^"]*)Z"', shifted, line, count=1) for line in self.all[record - 1:]]
        self.write_all(self.all)

    def own(self, record, action, more=b""):
        """Puts one of the journal's own in the place of a record, told by a journal that was started anew."""
        stamp = re.search(rb'"timestamp":"[^"]*"', self.all[record - 1]).group()
        for i in range(record, ALL):            # lines of the one guard, of which one is taken
            self.all[i] = re.sub(rb'"line_number":(\d+)', lambda m: b'"line_number":%d' % (int(m.group(1)) - 1), self.all[i], count=1)
        self.put(record, b'{%s,"seq":%d,"event_type":"journal","program":"journal","line_epoch":%d,"line_number":1,"action":"%s","sentence":"x"%s,"count":0}\n'
                 % (stamp, record, 1 << 60, action, more))


def nothing_else(c):
    return "whole", r"WHOLE up to record 2,990, signed at a time that it does not say; 10 records behind it are not proven yet\."


def one_of_them_changed(c):
    c.put(ALL - 1, c.all[ALL - 2].replace(b"message", b"massage"))
    return nothing_else(c)


def as_long_as_the_journal_may_leave_it(c):
    c.later(10, ALL)
    return nothing_else(c)


def longer_than_that(c):
    c.later(15, ALL)
    return "unproven", (r"UNPROVEN from record 2,991 on: 10 records are not signed, and should be\. Up to record 2,990 it is whole, signed at a time.*"
                        r"The journal signs every 1 second \(record 1 says so\); record 2,991 waits for 1\d seconds\. That can mean\n  - that checkpoints were taken away")


def started_in_between(c):
    c.later(15, ALL)
    c.own(ALL, b"started")
    return nothing_else(c)


def disk_full_in_between(c):
    c.later(15, ALL)
    c.own(ALL, b"disk-full")
    return nothing_else(c)


def something_else_in_between(c):
    c.later(15, ALL)
    c.own(ALL, b"held-expired")
    return "unproven", "UNPROVEN from record 2,991 on"


def it_says_that_it_could_not_sign(c):
    c.own(ALL - 5, b"checkpoint-late")
    c.later(15, ALL)
    return "unproven", r"UNPROVEN from record 2,991 on.*could not sign \(disk, token\): record 2,995 says so\."


def an_unsigned_record_says_once_an_hour(c):
    c.own(SIGNED + 1, b"started", b',"checkpoint_ms":3600000')
    c.later(3000, ALL)
    return "unproven", r"UNPROVEN from record 2,991 on.*The journal signs every 1 second \(record 1 says so\)"


def a_start_does_not_excuse_what_waited_before_it(c):
    c.later(3000, ALL - 3)
    c.own(ALL, b"started")
    return "unproven", "UNPROVEN from record 2,991 on"


def ended_in_order(c):
    c.own(ALL, b"stopped")
    return "unproven", r"UNPROVEN from record 2,991 on.*The journal ended in order \(record 3,000\), and signs at its end: that checkpoint is not here"


def no_checkpoint(c):
    c.put_notes([])
    return "unproven", r"UNPROVEN: no checkpoint covers any of the 3,000 records\.\n.*No record is proven.*The journal signs every 1 second.*A journal that runs"


def no_record(c):
    c.put_notes([])
    c.write_all([])
    return "unproven", r"UNPROVEN: there is no record\.\n"


BEHIND = [nothing_else, one_of_them_changed, as_long_as_the_journal_may_leave_it, longer_than_that, started_in_between, disk_full_in_between,
          something_else_in_between, it_says_that_it_could_not_sign, an_unsigned_record_says_once_an_hour, a_start_does_not_excuse_what_waited_before_it, ended_in_order, no_checkpoint, no_record]


@pytest.mark.parametrize("case", BEHIND, ids=[c.__name__ for c in BEHIND])
def test_what_no_signature_covers_is_not_called_whole(case, original, lockgate, tmp_path):
    copy = Tail(original, tmp_path)
    state, said = case(copy)
    result, independent = verify(lockgate, copy), second(copy)
    assert result["state"] == independent["state"] == state and not result["findings"] and not independent["problems"], (result, independent)
    assert result["proven_to"] == independent["proven_to"] and result["unproven"] == independent["unproven"] == result["records"] - result["proven_to"]
    text = subprocess.run([lockgate, "verify", copy.folder, "--key", copy.key], capture_output=True, text=True).stdout
    assert re.match(said, text, re.S), text


def test_how_often_it_signs_may_not_be_said(original, lockgate, tmp_path):
    """Then the longest that a configuration allows is what a record may wait."""
    copy = Copy(original, tmp_path)
    copy = Tail(original, tmp_path / "2", [line.replace(b',"checkpoint_ms":1000', b"") for line in copy.lines()])
    copy.later(3000, ALL)
    assert verify(lockgate, copy)["state"] == second(copy)["state"] == "whole"
    copy.later(1000, ALL)
    assert verify(lockgate, copy)["state"] == second(copy)["state"] == "unproven"


def test_since_and_one_record_behind_the_newest_checkpoint(original, lockgate, tmp_path):
    copy = Tail(original, tmp_path)
    result = verify(lockgate, copy, "--since", copy.outside)
    assert result["state"] == "unproven" and result["grown_from"] == SIGNED and result["proven_to"] == 0
    copy.write_all(copy.all[:SIGNED])
    assert verify(lockgate, copy, "--since", copy.outside)["state"] == "whole"
    copy.write_all(copy.all)
    for record, status, word in ((SIGNED, 0, "is in the journal as it was signed"), (SIGNED + 1, 3, "is UNPROVEN: no checkpoint covers it yet"), (ALL + 1, 1, "is NOT proven")):
        done = subprocess.run([lockgate, "verify", copy.folder, "--key", copy.key, "--record", str(record)], capture_output=True, text=True)
        assert done.returncode == status and word in done.stdout.splitlines()[0], done


# ---- and what a crash does: the unit test journal_crash does 20 rounds of it --------------------------------------------

@pytest.mark.long
@pytest.mark.parametrize("seed", ["1", "2"])
def test_journal_killed_two_hundred_times(build, seed):
    done = subprocess.run([os.path.join(build, "tests", "journal_crash")], capture_output=True, text=True, timeout=900,
                          env=dict(os.environ, JOURNAL_KILLS="200", JOURNAL_SEED=seed))
    assert done.returncode == 0, done.stdout[-2000:]
