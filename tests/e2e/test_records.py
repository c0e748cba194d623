# SPDX-License-Identifier: GPL-3.0-or-later
# Is the journal true? What it says of each stanza is held against what was sent and what arrived, made into records and hashes again in
# Python; and text from the network, in every place that a peer can choose, forges no line, no cell, no tag.

import csv
import glob
import html.parser
import io
import json
import os
import re
import shutil
import ssl
import subprocess
import unicodedata

import pytest

from lab import schema
from lab.ends import Ends, Load
from lab.net import sh, wait_until
from lab.records import Record, parse
from lab.wire import HEADER, Closed, Peer, message, name
from lab.net import LabError

A, B = "a@high.example/r", "b@low.example/r"


@pytest.fixture(scope="module")
def ends(running):
    r = running(layout="routed", high="bare", low="bare", settings={"limits.deliver": "5s", "limits.scan": "2s"})
    e = Ends(r.lab)
    e.events, e.gateway, e.lab = r.events, r.gateway, r.lab
    with open(r.lab.path("state", "hash.key"), "rb") as f:
        e.key = f.read()
    yield e
    e.close()


def verdict(ends, id_, timeout=15):
    found = ends.events.wait(lambda e: e["event_type"] == "verdict" and e.get("stanza_id") == id_, timeout)
    assert found, f"no verdict on {id_!r}"
    return found


def delivery(ends, v, timeout=15):
    return ends.events.wait(lambda e: e["event_type"] == "delivery" and e.get("guard") == v["guard"] and e.get("number") == v["number"], timeout)


# ---- what the journal says, against what was ------------------------------------------------------------------------------

# name, side, stanza ({id}: its id), prepared from and to, verdict, what else the record says
STANZAS = [
    ("chat", "high", "<message from='%s' to='%s' id='{id}' type='chat'><body>Tom &amp; Jerry &lt;3 \u00e9\U0001f600</body></message>" % (A, B), A, B, "release", {}),
    ("chat of low", "low", "<message from='%s' to='%s' id='{id}' type='chat'><body>back</body></message>" % (B, A), B, A, "release", {}),
    ("no type, no children", "high", "<message from='%s' to='%s' id='{id}'><body/></message>" % (A, B), A, B, None, {}),
    ("addresses as nobody writes them", "high", "<message from='A@HIGH.example/r' to='B@Low.Example/r' id='{id}' type='chat'><body>x</body></message>", A, B, None,
     {"from_raw": "A@HIGH.example/r", "to_raw": "B@Low.Example/r"}),
    ("a language", "high", "<message xml:lang='de-AT' from='%s' to='%s' id='{id}' type='chat'><body xml:lang='de-AT'>Gr\u00fcezi</body></message>" % (A, B), A, B, None, {}),
    ("an element that no profile names", "high", "<message from='%s' to='%s' id='{id}' type='chat'><body>x</body><x xmlns='urn:unlisted:1' a='1' b='2'>"
     "<y>deep</y> tail</x></message>" % (A, B), A, B, None, {}),
    ("a forbidden word", "high", "<message from='%s' to='%s' id='{id}' type='chat'><body>FORGET-ME-NOT</body></message>" % (A, B), A, B, "reject",
     {"reason": "rule", "rule": 101, "severity": "medium"}),
    ("a word that is blacked out", "low", "<message from='%s' to='%s' id='{id}' type='chat'><body>so NIGHTINGALE-7 it is</body></message>" % (B, A), B, A, "release", {}),
    ("a question that no profile knows", "high", "<iq from='%s' to='%s' id='{id}' type='get'><query xmlns='urn:unlisted:2'/></iq>" % (A, B), A, B, "reject", {}),
    ("presence", "high", "<presence from='%s' to='%s' id='{id}' type='subscribe'/>" % (A.split("/")[0], B.split("/")[0]), A.split("/")[0], B.split("/")[0], None, {}),
]


def other(side):
    return "low" if side == "high" else "high"


def differs(v, e, from_, to, side, key):
    """What a record says otherwise than the stanza that was sent, as [text]."""
    domains = [a.split("/")[0].split("@")[-1] for a in (from_, to)]
    raw = tuple(e.get(k) if e.get(k) != a else None for k, a in (("from", from_), ("to", to)))
    r = Record(e, from_, to, domains, raw)
    children = r.payloads(e)
    want = {"kind": name(e), "type": e.get("type"), "from": from_, "to": to, "from_raw": raw[0], "to_raw": raw[1], "from_domain": domains[0],
            "to_domain": domains[1], "side": side, "direction": f"{side}-to-{other(side)}", "size_in": len(r.bytes), "hash_in": r.hash(key),
            "payloads": children[:16] or None, "payload_count": len(children) if len(children) > 16 else None, "program": "guard"}
    return [f"{k}: {v.get(k)!r}, not {w!r}" for k, w in want.items() if v.get(k) != w]


def arrived(sink, id_):
    with sink.new:
        return [e for _, e in sink.stanzas if e.get("id") == id_]


@pytest.mark.parametrize("case", STANZAS, ids=[c[0] for c in STANZAS])
def test_record_is_what_happened(ends, case):
    what, side, text, from_, to, decision, more = case
    id_ = f"rec-{STANZAS.index(case)}"
    text = text.replace("{id}", id_)
    peer = ends.stream(side)
    peer.send(text)
    v = verdict(ends, id_)
    assert not differs(v, parse(text), from_, to, side, ends.key), what
    assert decision in (None, v["verdict"]), v
    assert {k: v.get(k) for k in more} == more
    far, near = ends.sink[other(side)], ends.sink[side]
    if v["verdict"] == "release":
        d = delivery(ends, v)
        assert d and d["delivery"] == "written" and v["target"] == other(side)
        wait_until("the stanza to arrive", lambda: arrived(far, id_), 5)
        got, = arrived(far, id_)
        assert (got.get("from"), got.get("to")) == (from_, to)
        out = Record(got, from_, to, [v["from_domain"], v["to_domain"]])
        assert (v["size_out"], v["hash_out"]) == (len(out.bytes), out.hash(ends.key)), "what leaves is not what the record says"
        as_it_came = Record(parse(text), from_, to, [v["from_domain"], v["to_domain"]])
        assert ("changed" in v) == (out.bytes != as_it_came.bytes), v.get("changed")
    else:
        assert "size_out" not in v and "hash_out" not in v
        wait_until("the refusal to come back", lambda: arrived(near, id_), 5)
        back, = arrived(near, id_)
        assert back.get("type") == "error" and (back.get("from"), back.get("to")) == (to, from_)
        d = delivery(ends, v)
        assert d and d["delivery"] == "written" and d["action"] == "answer" and v["target"] == side
        assert not arrived(far, id_)
    assert v["judge_us"] >= v["scan_us"] >= 0 and re.fullmatch("[0-9a-f]{64}", v["rules_hash"])


def test_cut_lists_say_so(ends):
    """More elements than a record lists: it says how many there were, and `lockgate log` shows it."""
    for n, id_ in ((15, "list-15"), (70, "list-70")):
        inner = "".join(f"<e xmlns='urn:unlisted:{i}'/>" for i in range(n))
        text = message(A, B, id_, "hello", extra=inner)
        ends.stream("high").send(text)
        v = verdict(ends, id_)
        assert not differs(v, parse(text), A, B, "high", ends.key)
        assert len(v["changed"]) == min(n, 40) and v.get("changed_count") == (n if n > 40 else None), v
        shown = ends.gateway.lockgate("log", ends.lab.path("state", "journal"), "--where", f"stanza_id={id_}")
        assert ("in all 70" in shown and "payloads: 71, not all" in shown) == (n == 70), shown


def test_not_delivered_is_said(ends):
    """A verdict is no delivery: the far server takes nothing, and both records and the sender say so."""
    ends.sink["low"].close()
    try:
        ends.stream("high").send(message(A, B, "gone-1"))
        v = verdict(ends, "gone-1")
        d = delivery(ends, v, 20)
        assert v["verdict"] == "release" and d and d["delivery"] in ("no-route", "timeout", "stream-lost"), (v, d)
        wait_until("the error", lambda: arrived(ends.sink["high"], "gone-1"), 10)
        assert arrived(ends.sink["high"], "gone-1")[0].get("type") == "error"
    finally:
        ends.open_sink("low")


# ---- hostile text ---------------------------------------------------------------------------------------------------------

HOSTILE = ['"},{"seq":1,"verdict":"release"', "\\u0022\\n\\x00\\", "=HYPERLINK(\"http://evil.example\")", "+1", "-1+cmd|' /C calc'!A0", "@SUM(A1)", "\t=1", "\n=1",
           "a\nb\r\n{\"forged\":1}", "\u202edrowssap\u202c", "\u2066x\u2069\u200b\ufeff\u00ad", "\u2028\u2029\u0085", "<script>alert(1)</script>", "' onload='x", "&amp;&#10;",
           "\U000e0041\U0010ffff\ufdd0", "\u0301combining", "\u001f".replace("\u001f", "\u009b31m"), "x" * 3000, "\U0001f600" * 1500, "\uff1d1+1", "--", "]]>", "%n%s%x"]


def xml(s):
    """In an attribute, so that an XML reader gets it back."""
    return "".join(f"&#{ord(c)};" if c in "<>&'\"\n\r\t" or ord(c) > 126 else c for c in s)


def certificate(lab, subject):
    """A certificate for high.example by high's CA, with a subject of our choice."""
    base = lab.path("tls", "hostile")
    with open(base + ".cnf", "w") as f:
        f.write("[req]\nprompt = no\nutf8 = yes\nstring_mask = utf8only\ndistinguished_name = dn\n[dn]\n" + subject + "\n")
    with open(base + ".ext", "w") as f:
        f.write("basicConstraints=CA:FALSE\nkeyUsage=digitalSignature\nextendedKeyUsage=serverAuth,clientAuth\nsubjectAltName=DNS:high.example\n")
    sh("openssl", "req", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-config", base + ".cnf", "-keyout", base + ".key", "-out", base + ".csr")
    sh("openssl", "x509", "-req", "-in", base + ".csr", "-CA", lab.ca["high"].cert, "-CAkey", lab.ca["high"].key, "-extfile", base + ".ext", "-days", "30",
       "-set_serial", "77", "-out", base + ".pem")
    with open(base + ".pem", "a") as out, open(lab.ca["high"].cert) as ca:
        out.write(ca.read())
    return base + ".pem", base + ".key"


def provoke(act):
    """Whatever comes of it."""
    try:
        act()
    except (LabError, Closed, OSError, ssl.SSLError, UnicodeError, ValueError):
        pass


@pytest.fixture(scope="module")
def said(ends):
    """Says all of it in all places; then the journal's bytes."""
    peer = ends.stream("high")
    for i, text in enumerate(HOSTILE):
        for place in ("id", "type", "lang", "ns", "from", "to"):
            words = {"id": f"h-{place}-{i}", "type": "chat", "lang": "en", "from": A, "to": B, "ns": "urn:x"}
            words[place] = {"from": "a@high.example/", "to": "b@low.example/"}.get(place, "") + text
            stanza = ("<message from='{from}' to='{to}' id='{id}' type='{type}' xml:lang='{lang}'><body>x</body><x xmlns='{ns}'/></message>"
                      .format(**{k: xml(v) for k, v in words.items()}))
            # what no address holds ends the stream, which is a record too
            provoke(lambda: (ends.stream("high") if place in ("from", "to", "ns") else peer).send(stanza))
        provoke(lambda: ends.connect("high").open(xml(text), "low.example"))
        provoke(lambda: ends.connect("high").open("high.example", xml(text)))
        provoke(lambda: ends.connect("high").start_tls("high.example", text))
        provoke(lambda: ends.stream("high").send(message("a@" + xml(text), B, f"domain-{i}")))
        provoke(lambda: ends.stream("high").send(message(A, "b@" + xml(text), f"todomain-{i}")))
        provoke(lambda: ends.stream("high").send("<stream:error><" + re.sub(r"[^a-z]", "", text)[:50] + "x xmlns='urn:ietf:params:xml:ns:xmpp-streams'/><text "
                                                  "xmlns='urn:ietf:params:xml:ns:xmpp-streams'>" + xml(text[:500]) + "</text></stream:error>"))
        provoke(lambda: ends.stream("high").send(f"<db:result from='{xml(text)}' to='low.example'>{xml(text)}</db:result>"))
    for subject in ('O = "<script>\\"},{\\"seq\\":1"\nCN = "=cmd|calc"', "O = \u202egnp.exe\nOU = \"a\\\\nb\"\nCN = @x"):
        tls = (*certificate(ends.lab, subject), None)
        provoke(lambda: ends.stream("high", tls=tls).send(message(A, B, "cert-1")))
    for last in (peer, ends.stream("high")):
        last.send(message(A, B, f"the-last-{id(last)}"))
        verdict(ends, f"the-last-{id(last)}")
    data = b""
    for path in sorted(glob.glob(os.path.join(ends.lab.path("state", "journal"), "*.jsonl"))):
        with open(path, "rb") as f:
            data += f.read()
    return data


def test_no_line_is_forged(ends, said):
    lines = said[:said.rfind(b"\n")].split(b"\n")
    closed = schema.Schema()
    wrong = [(what, line[:200]) for line in lines for what in [closed.mistake(line)] if what]
    assert not wrong, wrong[:3]
    records = [json.loads(line) for line in lines]
    assert [r["seq"] for r in records] == list(range(1, len(records) + 1)), "a line is no record, or a record no line"
    counts = {}
    for r in records:
        sender = r["program"], r["line_epoch"]
        assert r["line_number"] == counts.get(sender, 0) + 1, "a line that its sender did not tell"
        counts[sender] = r["line_number"]
    for line in lines:
        bad = [c for c in line.decode() if unicodedata.category(c) in ("Cc", "Cf", "Zl", "Zp", "Co", "Cn", "Cs")]
        assert not bad, (bad[:3], line[:200])
    kinds = {r["event_type"] for r in records}
    assert {"verdict", "delivery", "stream", "admission"} <= kinds, kinds


def test_hostile_text_is_what_was_sent(ends, said):
    """Escaped, not altered: a reader of JSON gets the very text, or its beginning and three dots."""
    records = [json.loads(line) for line in said.split(b"\n") if line]
    ids = {r["stanza_id"] for r in records if "stanza_id" in r}
    missing = [t for t in HOSTILE if not any(i == t or (i.endswith("...") and t.startswith(i[:-3]) and len(i) > 3) for i in ids)]
    assert not missing, missing
    subjects = {r["cert_subject"] for r in records if "cert_subject" in r}
    assert any("<script>" in s for s in subjects), subjects
    assert len([r for r in records if r["event_type"] == "stream"]) > len(HOSTILE)


class Tags(html.parser.HTMLParser):
    def __init__(self, page):
        super().__init__()
        self.tags, self.attributes = set(), set()
        self.feed(page)

    def handle_starttag(self, tag, attrs):
        self.tags.add(tag)
        self.attributes |= {k for k, _ in attrs}


def test_exports_carry_it_safely(ends, said):
    folder = ends.lab.path("state", "journal")

    def log(*args):
        done = subprocess.run([ends.gateway.command, "log", folder, *args], capture_output=True, timeout=60)
        assert done.returncode == 0, done.stderr
        return done.stdout.decode()
    shown = log()
    assert not [c for c in shown if c != "\n" and unicodedata.category(c) in ("Cc", "Cf", "Zl", "Zp")]
    page = Tags(log("--html"))
    assert not page.tags & {"script", "img", "iframe", "a", "link", "object"}, page.tags
    assert not [a for a in page.attributes if a.startswith("on")], page.attributes
    everything = ",".join(json.load(open(os.path.join(schema.ROOT, "conf", "journal.schema.json")))["properties"])
    for args in (["--csv"], ["--csv", "--fields", everything], ["--csv", "--count", "stanza_id"], ["--csv", "--count", "from"]):
        for row in csv.reader(io.StringIO(log(*args))):
            for cell in row:
                assert cell in ("", "-") or unicodedata.normalize("NFKC", cell[0]) not in "=+-@\t\r\n|", (args, cell[:80])
    for form in ("--json", "--ecs", "--ocsf"):
        for line in log(form).splitlines():
            json.loads(line)


def test_copied_while_it_runs_as_the_readme_says(ends, tmp_path):
    """Lines after checkpoints: then the copy is whole. The other way round it looks cut, and `verify` names that too."""
    journal, key = ends.lab.path("state", "journal"), ends.lab.path("state", "keys", "journal.pub")
    with open(os.path.join(schema.ROOT, "README.md")) as f:
        steps = [line.strip() for line in f if line.startswith("    cp -a STATE/journal ")]
    assert len(steps) == 1

    def verify(copy, *more):
        return subprocess.run([ends.gateway.command, "verify", copy, "--key", key, *more], capture_output=True, text=True, timeout=60)

    def newest():
        with open(os.path.join(journal, "checkpoints"), "rb") as f:
            return max(map(int, re.findall(rb"^gate.example/journal\n(\d+)\n", f.read(), re.M)), default=0)
    wait_until("a checkpoint", newest, 15)
    load = Load(ends, "high", "copied", 200).start()
    try:
        for n in range(5):
            copy = str(tmp_path / f"copy{n}")
            sh("sh", "-c", steps[0].replace("STATE/journal", journal).replace("COPY", copy))
            done = verify(copy)
            assert done.returncode == 0 and done.stdout.startswith("WHOLE up to record "), done
        early = str(tmp_path / "early")
        shutil.copytree(journal, early)
        before = newest()
        wait_until("another checkpoint", lambda: newest() > before, 15)
        shutil.copy(os.path.join(journal, "checkpoints"), early)
        done = verify(early)
        assert done.returncode == 1 and "the lines were copied before the checkpoints" in done.stdout, done
    finally:
        load.stop()
