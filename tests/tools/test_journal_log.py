# SPDX-License-Identifier: GPL-3.0-or-later
# `lockgate log` against the same questions asked in Python, with and without the index; exports; hostile text; following.

import csv
import html
import html.parser
import io
import json
import os
import re
import subprocess
import time

import pytest

RECORDS = 3000


@pytest.fixture(scope="module")
def folder(build, tmp_path_factory):
    """Lines a second apart, from 2025-11-13T02:13:21Z on."""
    to = tmp_path_factory.mktemp("journal")
    path = to / "0000000001.jsonl"
    subprocess.run([os.path.join(build, "bench", "journal"), "lines", str(path), str(RECORDS)], check=True, timeout=60)
    lines = path.read_bytes().splitlines(keepends=True)
    for first in (1, 1001, 2001):               # three segments
        with open(to / f"{first:010d}.jsonl", "wb") as f:
            f.write(b"".join(lines[first - 1:first + 999]))
    return str(to)


@pytest.fixture(scope="module")
def records(folder):
    return [json.loads(line) for name in sorted(os.listdir(folder)) for line in open(os.path.join(folder, name))]


@pytest.fixture(scope="module")
def cache(tmp_path_factory):
    return str(tmp_path_factory.mktemp("cache"))


def run(lockgate, folder, *args, cache="/nonexistent", status=0):
    done = subprocess.run([lockgate, "log", folder, *args], capture_output=True, text=True, timeout=60, env=dict(os.environ, XDG_CACHE_HOME=cache))
    assert done.returncode == status, done
    return done.stdout


def seqs(lockgate, folder, *args, cache="/nonexistent"):
    out = subprocess.run([lockgate, "log", folder, "--json", *args], capture_output=True, text=True, timeout=60, env=dict(os.environ, XDG_CACHE_HOME=cache))
    found = [json.loads(line)["seq"] for line in out.stdout.splitlines()]
    assert out.returncode == (0 if found else 1) and not out.stderr, out
    return found


def test_nothing_found_names_the_time_of_the_records(lockgate, folder, records, tmp_path):
    """Or "nobody was refused yesterday" would be read out of a copy of the day before. Programs are told by the exit status alone."""
    def said(where, *args):
        done = subprocess.run([lockgate, "log", where, *args], capture_output=True, text=True, timeout=60)
        assert done.returncode == 1, done
        return done.stderr
    first, last = (records[i]["timestamp"][:19].replace("T", " ") for i in (0, -1))
    assert said(folder, "--day", "2025-11-20", "--refused") == f"lockgate log: nothing fits; the records in {folder} are of {first} to {last} UTC\n"
    assert said(folder, "--day", "2025-11-20", "--count", "verdict") and said(folder, "--day", "2025-11-20", "--html")
    assert not any(said(folder, "--day", "2025-11-20", how) for how in ("--json", "--csv", "--ecs", "--ocsf"))
    assert said(str(tmp_path)) == f"lockgate log: nothing fits; there is no record in {tmp_path}\n"


FILTERS = [
    ((), lambda r: True),
    (("--verdict", "reject"), lambda r: r["verdict"] == "reject"),
    (("--verdict", "reject,drop"), lambda r: r["verdict"] in ("reject", "drop")),
    (("--refused",), lambda r: r["verdict"] != "release"),
    (("--rule", "1020"), lambda r: r.get("rule") == 1020),
    (("--rule", "102"), lambda r: False),
    (("--reason", "default-deny"), lambda r: r["reason"] == "default-deny"),
    (("--severity", "medium"), lambda r: r.get("severity") in ("medium", "high", "critical")),
    (("--side", "low"), lambda r: r["direction"].startswith("low")),
    (("--address", "10.77.2.2"), lambda r: True),
    (("--address", "10.77.2.3"), lambda r: False),
    (("--address", "10.77.2.0/24", "--side", "low"), lambda r: r["direction"].startswith("low")),
    (("--address", "10.78.0.0/16"), lambda r: False),
    (("--domain", "low.example"), lambda r: True),
    (("--domain", "w.example"), lambda r: False),
    (("--who", "Alice@high"), lambda r: "alice@high" in r["from"] + " " + r["to"]),
    (("--who", "alice", "--refused"), lambda r: "alice" in r["from"] + r["to"] and r["verdict"] != "release"),
    (("--stream", "7"), lambda r: r["flow_id"] == 7),
    (("--text", "NO SCHEMA"), lambda r: "no schema" in r["sentence"]),
    (("--where", "stanza_id=id-777"), lambda r: r["stanza_id"] == "id-777"),
    (("--where", "from=bob@high.example/desk"), lambda r: r["from"] == "bob@high.example/desk"),
    (("--where", "pair=low.example > high.example"), lambda r: r["from_domain"] == "low.example"),
    (("--record", "990-1010"), lambda r: 990 <= r["seq"] <= 1010),
    (("--record", "2999-"), lambda r: r["seq"] >= 2999),
    (("--from", "2025-11-13T02:30", "--to", "2025-11-13T02:31"), lambda r: "2025-11-13T02:30" <= r["timestamp"] < "2025-11-13T02:32"),
    (("--day", "2025-11-13"), lambda r: True),
    (("--day", "2025-11-14"), lambda r: False),
    (("--to", "2025-11-12"), lambda r: False),
    (("--from", "yesterday"), lambda r: False),
    (("--event", "stream"), lambda r: False),
    (("--who", "%"), lambda r: False),
    (("--who", "_lice"), lambda r: False),
    (("--from", "2025-11-13T02:40:00Z", "--who", "frank", "--verdict", "drop", "--side", "high"),
     lambda r: r["timestamp"] >= "2025-11-13T02:40" and "frank" in r["from"] + r["to"] and r["verdict"] == "drop" and r["direction"].startswith("high")),
]


@pytest.mark.parametrize("args,wanted", FILTERS, ids=[" ".join(f[0]) or "all" for f in FILTERS])
def test_filters(args, wanted, lockgate, folder, records, cache):
    expected = [r["seq"] for r in records if wanted(r)]
    assert seqs(lockgate, folder, *args, "--no-index") == expected
    subprocess.run([lockgate, "log", folder, "--index"], check=True, env=dict(os.environ, XDG_CACHE_HOME=cache))
    assert seqs(lockgate, folder, *args, cache=cache) == expected


def test_index_follows_the_journal(lockgate, folder, tmp_path):
    """Built, then the journal grows, then a segment changes: answers stay those of the journal."""
    copy, cache = tmp_path / "journal", str(tmp_path / "cache")
    copy.mkdir()
    lines = [line for name in sorted(os.listdir(folder)) for line in open(os.path.join(folder, name), "rb")]
    (copy / "0000000001.jsonl").write_bytes(b"".join(lines[:1500]))
    env = dict(os.environ, XDG_CACHE_HOME=cache)
    subprocess.run([lockgate, "log", str(copy), "--index"], check=True, env=env)
    with open(copy / "0000000001.jsonl", "ab") as f:
        f.write(b"".join(lines[1500:2000]))
    (copy / "0000002001.jsonl").write_bytes(b"".join(lines[2000:]))
    expected = [s for s in seqs(lockgate, folder, "--stream", "20")]
    assert len(expected) == 100
    for _ in range(2):
        assert seqs(lockgate, str(copy), "--stream", "20", cache=cache) == expected
        subprocess.run([lockgate, "log", str(copy), "--index"], check=True, env=env)
    changed = (copy / "0000000001.jsonl").read_bytes().replace(b'"flow_id":3,', b'"flow_id":20,', 1)
    os.unlink(copy / "0000000001.jsonl")
    (copy / "0000000001.jsonl").write_bytes(changed)
    assert len(seqs(lockgate, str(copy), "--stream", "20", cache=cache)) == 101
    (index,) = [p for p in (tmp_path / "cache" / "lockgate").iterdir() if p.suffix == ".sqlite"]
    assert index.stat().st_mode & 0o077 == 0    # what it holds is as private as the journal
    index.write_bytes(b"rubbish" * 1000)
    assert len(seqs(lockgate, str(copy), "--stream", "20", cache=cache)) == 101
    subprocess.run([lockgate, "log", str(copy), "--index"], env=env)
    assert len(seqs(lockgate, str(copy), "--stream", "20", cache=cache)) == 101


def test_last(lockgate, folder, records):
    assert seqs(lockgate, folder, "-n", "5") == [2996, 2997, 2998, 2999, 3000]
    drops = [r["seq"] for r in records if r["verdict"] == "drop"]
    assert seqs(lockgate, folder, "--verdict", "drop", "-n", "3") == drops[-3:]


def test_lines_are_the_journals(lockgate, folder):
    whole = "".join(open(os.path.join(folder, name)).read() for name in sorted(os.listdir(folder)))
    assert run(lockgate, folder, "--json") == whole


def test_counts(lockgate, folder, records):
    counted = {c["verdict"]: c["count"] for c in json.loads(run(lockgate, folder, "--count", "verdict", "--json"))}
    assert counted == {v: sum(r["verdict"] == v for r in records) for v in ("release", "reject", "drop")}
    rows = list(csv.reader(io.StringIO(run(lockgate, folder, "--count", "direction,verdict", "--csv"))))
    assert rows[0] == ["direction", "verdict", "count"] and sum(int(r[2]) for r in rows[1:]) == RECORDS and len(rows) == 7
    assert run(lockgate, folder, "--count", "hour").split("\n")[0].endswith("2025-11-13T02")


def test_csv(lockgate, folder, records):
    rows = list(csv.DictReader(io.StringIO(run(lockgate, folder, "--csv"))))
    assert len(rows) == RECORDS
    for row, record in zip(rows, records):
        for name in ("seq", "verdict", "reason", "from", "to", "src_ip", "stanza_id", "sentence"):
            assert row[name] == str(record[name])
    rows = list(csv.reader(io.StringIO(run(lockgate, folder, "--csv", "--fields", "seq,from", "-n", "1"))))
    assert rows == [["seq", "from"], ["3000", records[-1]["from"]]]


def test_text_is_one_line_each(lockgate, folder):
    lines = run(lockgate, folder, "--verdict", "drop", "-n", "2").splitlines()
    assert len(lines) == 2 and all("DROP" in line and "rule 1020" in line and "\x1b" not in line for line in lines)


# ---- exports -----------------------------------------------------------------------------------------------------------

def test_ecs_and_ocsf(lockgate, folder, records):
    for record, line in zip(records, run(lockgate, folder, "--ecs").splitlines()):
        e = json.loads(line)
        assert e["@timestamp"] == record["timestamp"] and e["source.ip"] == record["src_ip"] and e["event.reason"] == record["reason"]
        assert e["event.type"][1] == ("allowed" if record["verdict"] == "release" else "denied")
    for record, line in zip(records, run(lockgate, folder, "--ocsf").splitlines()):
        e = json.loads(line)
        assert e["class_uid"] == 4001 and e["type_uid"] == e["class_uid"] * 100 + e["activity_id"] and e["unmapped"] == record
        assert e["action_id"] == (1 if record["verdict"] == "release" else 2) and e["src_endpoint"]["ip"] == record["src_ip"]


class Html(html.parser.HTMLParser):
    """Every element that is opened is closed, in order; text and tags are collected."""

    def __init__(self, text):
        super().__init__()
        self.open, self.text, self.tags = [], [], []
        self.feed(text)
        assert self.open == []

    def handle_starttag(self, tag, attrs):
        self.tags.append((tag, dict(attrs)))
        if tag not in ("meta",):
            self.open.append(tag)

    def handle_startendtag(self, tag, attrs):
        self.tags.append((tag, dict(attrs)))

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        self.text.append(data)


def test_html(lockgate, folder, records):
    page = run(lockgate, folder, "--html")
    parsed = Html(page)
    text = " ".join(parsed.text)
    assert str(sum(r["verdict"] == "reject" for r in records)) in text and "Refusals by rule" in text and "high.example > low.example" in text
    tags = {t for t, _ in parsed.tags}
    assert "svg" in tags and "script" not in tags and "link" not in tags and "img" not in tags
    assert "http:" not in page and "https:" not in page and "@media print" in page


MIXED = [("verdict", "release", "rule"), ("verdict", "reject", "rule"), ("verdict", "drop", "not-in-schema"), ("verdict", "hold", "held"),
         ("admission", "admit", "admitted"), ("admission", "admit", "admitted"), ("admission", "drop", "destination-unknown"), ("stream", None, "peer-closed"),
         ("delivery", None, "written"), ("program", None, "program-started")]


@pytest.fixture
def mixed(tmp_path):
    folder = tmp_path / "mixed"
    folder.mkdir()
    with open(folder / "0000000001.jsonl", "w") as f:
        for i, (event, verdict, reason) in enumerate(MIXED, 1):
            head = (HEAD % (i, i)).replace('"event_type":"verdict"', f'"event_type":"{event}"')
            f.write(f'{head},"src_ip":"10.77.1.{i}","dest_ip":"10.77.2.{i}"' + (f',"verdict":"{verdict}"' if verdict else "") + f',"reason":"{reason}"}}\n')
    return str(folder)


def report(lockgate, folder, *args):
    page = run(lockgate, folder, "--html", *args)
    Html(page)
    boxes = {name: int(n) for n, name in re.findall(r"<div[^>]*><b>(\d+)</b>([^<]+)</div>", page)}
    table = page.split("<h2>Refusals</h2>")[1] if "<h2>Refusals</h2>" in page else ""
    rows = [re.findall(r"<td[^>]*>([^<]*)</td>", row) for row in re.findall(r"<tr><td class=\"t\">.*?</tr>", table)]
    return page, boxes, rows


def test_html_boxes_add_up_and_only_refusals_are_refusals(lockgate, mixed, folder):
    page, boxes, rows = report(lockgate, mixed)
    assert boxes == {"records": 10, "release": 1, "reject": 1, "drop": 1, "hold": 1, "connections admitted": 2, "connections refused": 1, "without a verdict": 3}
    assert [int(row[0]) for row in rows] == [2, 3, 4, 7] and "admitted:" not in page and "10.77.1.5" not in page
    assert rows[1][5] == "it carries an element or attribute that no schema allows" and rows[3][5] == "the destination does not belong to the other side"
    assert all(row[5] for row in rows) and "destination-unknown: the destination does not" in page and "a release rule decided" not in page
    assert "Not the whole journal" not in page
    for more in (["--refused"], ["--event", "admission"], ["--verdict", "reject,admit"], ["-n", "4"]):
        page, boxes, rows = report(lockgate, mixed, *more)
        assert boxes.pop("records") == sum(boxes.values()) > 0
        assert "Not the whole journal" in page
    page, boxes, rows = report(lockgate, folder)
    assert boxes.pop("records") == sum(boxes.values()) == RECORDS


def test_html_says_its_filter(lockgate, mixed):
    def said(*args):
        return html.unescape(re.search(r"Not the whole journal, only: <b>(.*?)</b>", report(lockgate, mixed, *args)[0]).group(1))
    assert said("--refused") == "refused (reject, drop, hold)"
    assert said("--verdict", "drop", "--address", "10.77.0.0/16") == "verdict drop; address 10.77.0.0/16"
    assert said("--from", "2025-11-13", "--to", "2025-11-13T02") == "from 2025-11-13 00:00:00 UTC; before 2025-11-13 03:00:00 UTC"
    assert said("--record", "3-7") == "records from 3 to 7"
    assert said("-n", "2", "--event", "admission") == "event_type admission; the last 2 of them"
    page = run(lockgate, mixed, "--html", "--who", '<script>"', status=1)
    assert "<script" not in page and "who &lt;script&gt;&quot;" in page


# ---- hostile text ------------------------------------------------------------------------------------------------------

HEAD = '{"timestamp":"2025-11-13T02:13:21.000000Z","seq":%d,"event_type":"verdict","program":"guard","line_epoch":1,"line_number":%d'
HOSTILE = [r'=HYPERLINK(\"http://evil.example\")', r'<script>alert(1)</script>', r'\u001b[2J\u202edrowssap', r'a\",\"verdict\":\"release', r"+1'\"&amp;", "\uff1d1+1"]


@pytest.fixture
def hostile(tmp_path):
    folder = tmp_path / "hostile"
    folder.mkdir()
    with open(folder / "0000000001.jsonl", "w") as f:
        for i, text in enumerate(HOSTILE, 1):
            f.write((HEAD % (i, i)) + f',"verdict":"reject","reason":"rule","sentence":"{text}","rule":{i},"rule_name":"{text}","from":"{text}","to":"b@low.example",'
                    f'"changed":["{text}","{text}"]}}\n')
    return str(folder)


def test_hostile_text(lockgate, hostile):
    text = run(lockgate, hostile)
    assert "\x1b" not in text and "\u202e" not in text and text.count("\n") == len(HOSTILE) and r"\u001b" in text
    page = run(lockgate, hostile, "--html")
    assert "<script" not in page and "&lt;script&gt;" in page and "\x1b" not in page
    Html(page)
    rows = list(csv.DictReader(io.StringIO(run(lockgate, hostile, "--csv"))))
    assert len(rows) == len(HOSTILE) and all(row["verdict"] == "reject" for row in rows)
    for row in rows:
        assert all(not value or value[0] not in "=+-@" for value in row.values()), row
    for form in ("--json", "--ecs", "--ocsf"):
        assert len([json.loads(line) for line in run(lockgate, hostile, form).splitlines()]) == len(HOSTILE)
    assert len(json.loads(run(lockgate, hostile, "--count", "from", "--json"))) == len(HOSTILE)
    assert len(json.loads(run(lockgate, hostile, "--count", "changed", "--json"))) == len(HOSTILE)
    rows = list(csv.reader(io.StringIO(run(lockgate, hostile, "--count", "from", "--csv"))))
    assert len(rows) == len(HOSTILE) + 1 and all(r[0][0] not in "=+-@" for r in rows[1:])
    rows = list(csv.reader(io.StringIO(run(lockgate, hostile, "--count", "verdict,from,error", "--csv"))))
    assert rows[0] == ["verdict", "from", "error", "count"] and all(r[0] == "reject" and r[1][0] not in "=+-@\uff1d" and r[2:] == ["-", "1"] for r in rows[1:])
    assert r'a","verdict":"release' in {r[1] for r in rows}, "without the journal's own marks"


def test_counts_of_long_values_and_long_lists(lockgate, tmp_path):
    """Neither cut in the midst of an escape or a character, nor taken for one another, nor left out."""
    long = [r"\u202e" * 300 + "a", r"\u202e" * 300 + "b", "x" + "\u00e9" * 2000]
    entries = [f"change {i}" for i in range(80)]
    with open(tmp_path / "0000000001.jsonl", "w") as f:
        for i, text in enumerate(long, 1):
            f.write((HEAD % (i, i)) + f',"verdict":"reject","from":"{text}","changed":{json.dumps(entries, separators=(",", ":"))}}}\n')
    counted = {r["from"]: r["count"] for r in json.loads(run(lockgate, str(tmp_path), "--count", "from", "--json"))}
    assert counted == {json.loads(f'"{text}"'): 1 for text in long}
    counted = {r["changed"]: r["count"] for r in json.loads(run(lockgate, str(tmp_path), "--count", "changed", "--json"))}
    assert counted == {e: 3 for e in entries}


def test_search_for_escaped_text(lockgate, hostile):
    assert seqs(lockgate, hostile, "--who", '("http') == [1]
    assert seqs(lockgate, hostile, "--text", "SCRIPT") == [2]


# ---- following ---------------------------------------------------------------------------------------------------------

def test_follow(lockgate, folder, tmp_path):
    to = tmp_path / "journal"
    to.mkdir()
    lines = open(os.path.join(folder, "0000000001.jsonl"), "rb").readlines()
    (to / "0000000001.jsonl").write_bytes(b"".join(lines[:50]))
    follower = subprocess.Popen([lockgate, "log", str(to), "--follow", "--json"], stdout=subprocess.PIPE)
    try:
        assert [json.loads(follower.stdout.readline())["seq"] for _ in range(10)] == list(range(41, 51))
        with open(to / "0000000001.jsonl", "ab", buffering=0) as f:
            f.write(lines[50][:100])            # a half line is not shown
            time.sleep(0.5)
            f.write(lines[50][100:] + lines[51])
        (to / "0000000053.jsonl").write_bytes(lines[52])
        assert [json.loads(follower.stdout.readline())["seq"] for _ in range(3)] == [51, 52, 53]
    finally:
        follower.kill()
        follower.wait()


# ---- usage -------------------------------------------------------------------------------------------------------------

@pytest.mark.parametrize("args", [["--colour"], ["--from", "someday"], ["--record", "0"], ["--record", "x"], ["-n", "0"], ["--side", "left"], ["--severity", "x"],
                                  ["--where", "x"], ["--json", "--csv"], ["--follow", "--html"], ["--day", "2025-02-30"], ["other-folder"]])
def test_wrong_usage(args, lockgate, folder):
    done = subprocess.run([lockgate, "log", folder, *args], capture_output=True, text=True)
    assert done.returncode == 2 and done.stderr, done


@pytest.mark.parametrize("args,what,near", [
    (["--verdict", "rejected"], 'unknown verdict "rejected"', '"reject"'), (["--verdict", "drop,rejct"], 'unknown verdict "rejct"', '"reject"'),
    (["--verdict", ""], 'unknown verdict ""', None), (["--event", "nosuch"], 'unknown event "nosuch"', None),
    (["--event", "verdicts"], 'unknown event "verdicts"', '"verdict"'), (["--reason", "default-denied"], 'unknown reason "default-denied"', '"default-deny"'),
    (["--rule", "abc"], 'unknown rule "abc"', None), (["--rule", "1020,"], 'unknown rule ""', None), (["--address", "10.1."], 'unknown address "10.1."', None),
    (["--address", "10.1.0.0/33"], 'unknown address "10.1.0.0/33"', None), (["--address", "10.1.0.0/"], 'unknown address', None),
    (["--count", "nosuch"], 'unknown member "nosuch"', None), (["--count", "rule,verdct"], 'unknown member "verdct"', '"verdict"'),
    (["--csv", "--fields", "seq,form"], 'unknown member "form"', '"from"'), (["--where", "kid=x"], 'unknown member "kid"', '"kind"'),
    (["--where", "verdict=rejected"], 'unknown verdict "rejected"', '"reject"'), (["--side", "hihg"], 'unknown side "hihg"', '"high"'),
    (["--severity", "hihg"], 'unknown severity "hihg"', '"high"')])
def test_unknown_word_is_no_empty_answer(args, what, near, lockgate, folder):
    done = subprocess.run([lockgate, "log", folder, *args], capture_output=True, text=True)
    assert done.returncode == 2 and not done.stdout and what in done.stderr and "; allowed: " in done.stderr, done
    assert near in done.stderr.split("did you mean")[1].split("; allowed")[0] if near else "did you mean" not in done.stderr


@pytest.mark.parametrize("args", [["--verdict", "admit"], ["--verdict", "hold,admit"], ["--event", "journal,operator"], ["--reason", "program-lost"], ["--rule", "7,8"],
                                  ["--address", "2001:db8::/32"], ["--address", "fe80::1"], ["--where", "release_mac=00"], ["--where", "pair=a > b"]])
def test_known_word_that_does_not_occur(args, lockgate, folder):
    assert run(lockgate, folder, *args, status=1) == ""


def test_status(lockgate, folder):
    run(lockgate, folder, "--verdict", "hold", status=1)
    run(lockgate, "/nonexistent", status=2)
    run(lockgate, folder, "--help")


# ---- speed -------------------------------------------------------------------------------------------------------------

@pytest.mark.long
def test_ten_million_records(build, lockgate, tmp_path):
    path, env = tmp_path / "0000000001.jsonl", dict(os.environ, XDG_CACHE_HOME=str(tmp_path / "cache"))
    subprocess.run([os.path.join(build, "bench", "journal"), "lines", str(path), "10000000"], check=True, timeout=600)
    subprocess.run([lockgate, "log", str(tmp_path), "--index"], check=True, timeout=900, env=env)
    start = time.monotonic()
    assert len(seqs(lockgate, str(tmp_path), "--stream", "77777", cache=str(tmp_path / "cache"))) == 100
    assert time.monotonic() - start < 2
