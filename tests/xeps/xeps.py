# SPDX-License-Identifier: GPL-3.0-or-later
# Example stanzas of the XEP series as another server would send them, through reader, record, rules and writer; and what became of each.

import collections
import copy
import glob
import json
import os
import re
import subprocess
import sys
import xml.etree.ElementTree as ET

HERE = os.path.dirname(os.path.realpath(__file__))
ROOT = os.path.dirname(os.path.dirname(HERE))
BUILD = os.path.join(ROOT, os.environ.get("BUILD", "build"))
JUDGE = os.path.join(BUILD, "xeps", "judge")
SERVER = "jabber:server"
STANZAS = "urn:ietf:params:xml:ns:xmpp-stanzas"
KINDS = ("message", "presence", "iq")
CONDITIONS = set("""bad-request conflict feature-not-implemented forbidden gone internal-server-error item-not-found jid-malformed
 not-acceptable not-allowed not-authorized policy-violation recipient-unavailable redirect registration-required remote-server-not-found
 remote-server-timeout resource-constraint service-unavailable subscription-required undefined-condition unexpected-request""".split())
TYPES = {"auth", "cancel", "continue", "modify", "wait"}


class Example:
    """One stanza: source (its XEP), n, tree (in jabber:server, with from and to), filled (addresses were put in)."""

    def __init__(self, source, n, tree, caption):
        self.source, self.n, self.tree, self.caption = source, n, tree, caption
        self.filled = False
        self.before = []
        self.said = None


def _to_server(tree):
    """Stanzas in the clients' namespace, or in none, become what a server sends."""
    for e in tree.iter():
        if isinstance(e.tag, str):
            space, _, name = e.tag[1:].partition("}") if e.tag[0] == "{" else ("", "", e.tag)
            if space in ("", "jabber:client", "jabber:component:accept"):
                e.tag = "{%s}%s" % (SERVER, name)


def _domain(jid):
    return jid.split("/")[0].rpartition("@")[2].lower()


def example(line):
    """None: it is no stanza."""
    try:
        tree = ET.fromstring(line["xml"].strip())
    except ET.ParseError:
        return None
    name = tree.tag.rpartition("}")[2]
    if name not in KINDS or tree.tag not in [name] + ["{%s}%s" % (ns, name) for ns in (SERVER, "jabber:client", "jabber:component:accept")]:
        return None
    _to_server(tree)
    number = re.search(r"xep-(\d+)", line["source"])
    e = Example(number.group(1) if number else line["source"], line.get("n", 0), tree, line.get("caption") or "")
    e.filled = not (tree.get("from") and tree.get("to"))
    if not tree.get("from"):
        tree.set("from", "juliet@capulet.example/balcony" if _domain(tree.get("to", "")) != "capulet.example" else "romeo@montague.example")
    if not tree.get("to"):
        tree.set("to", "montague.example" if _domain(tree.get("from")) != "montague.example" else "capulet.example")
    if tree.tag.endswith("}iq") and not tree.get("id"):
        tree.set("id", "put-in")
    return e


def read(path):
    with open(path) as f:
        return [e for e in (example(json.loads(line)) for line in f) if e]


def _question(result):
    """A question that a result could answer: an empty element of the same name, from whom it goes to."""
    q = ET.Element("{%s}iq" % SERVER, {"type": "get", "id": result.get("id"), "from": result.get("to"), "to": result.get("from")})
    first = next((c for c in result if isinstance(c.tag, str) and c.tag != "{%s}error" % SERVER), None)
    attributes = {"node": first.get("node")} if first is not None and first.get("node") else {}
    q.append(ET.Element(first.tag if first is not None else "{urn:xmpp:ping}ping", attributes))
    return q


def pair(examples):
    """Gives each result and error of an iq its question: the one of the document with that id, or one of its kind."""
    last = {}
    for e in examples:
        t = e.tree
        if not t.tag.endswith("}iq"):
            continue
        if t.get("type") in ("get", "set"):
            last[t.get("id")] = t
        elif t.get("type") in ("result", "error"):
            q = copy.deepcopy(last[t.get("id")]) if t.get("id") in last else _question(t)
            q.set("from", t.get("to"))
            q.set("to", t.get("from"))
            e.before = [q]


def text(tree):
    return ET.tostring(tree, encoding="unicode")


def judge(examples, rules):
    """Fills said in each."""
    fields = ("\x1f".join(["high"] + [text(b) for b in e.before] + [text(e.tree)]) + "\x1e" for e in examples)
    done = subprocess.run([JUDGE, rules], input="".join(fields).encode(), stdout=subprocess.PIPE, check=True)
    for e, line in zip(examples, done.stdout.decode().splitlines(), strict=True):
        e.said = json.loads(line)


# ---- same meaning ----

CHANGE = re.compile(r"^(?:allow-list|carried): (\{.*?\}[^/]+?)(?:/(@.+|text\(\)))?$")
HEAD = re.compile(r"^allow-list: (@\{.*?\}.+)$")


FEATURES = re.compile(r"^disco: (\d+) features that no profile lets through$")
FEATURE = "{http://jabber.org/protocol/disco#info}feature"
CAPS = "{http://jabber.org/protocol/caps}c"


def filtered(tree, out, said):
    """The tree as it came, less what discovery is filtered of (XEP-0030, 0115): as many features as were said, and no other element;
    a hash of capabilities that is not known."""
    tree = copy.deepcopy(tree)
    if (FEATURE, None) in taken_out(said):    # by the allow-list, out of a question: all of them, see without()
        return tree
    n = sum(int(m.group(1)) for c in said.get("changed", ()) if (m := FEATURES.match(c)))
    left = {e.get("var") for e in out.iter(FEATURE)}
    for e in list(tree.iter()):
        for c in [c for c in e if (c.tag == FEATURE and c.get("var") not in left) or
                  (c.tag == CAPS and "caps: a hash that is not known here" in said.get("changed", ()))]:
            n -= c.tag == FEATURE
            at = list(e).index(c)
            if at and c.tail:
                e[at - 1].tail = (e[at - 1].tail or "") + c.tail
            elif c.tail:
                e.text = (e.text or "") + c.tail
            e.remove(c)
            if not len(e) and not (e.text or "").strip():
                e.text = None
    return tree if n == 0 else None


def taken_out(said):
    """{(element, part)}: what the gateway says that it left behind; part: None (all of it), text() or @attribute."""
    found = set()
    for c in said.get("changed", ()):
        m, h = CHANGE.match(c), HEAD.match(c)
        if FEATURES.match(c) or c.startswith("caps: "):
            continue
        found.add((m.group(1), m.group(2)) if m else ("stanza", h.group(1)) if h else (c, None))
    return found


def _bare(e):
    """Layout between elements says nothing; where text stands beside elements, it is left."""
    for x in e.iter():
        if len(x) and not (x.text or "").strip():
            x.text = None
        if not (x.tail or "").strip():
            x.tail = None
    return e


def canonical(tree):
    tree = _bare(copy.deepcopy(tree))
    tree.tail = None
    for who in ("from", "to"):
        if tree.get(who):
            bare, slash, resource = tree.get(who).partition("/")
            tree.set(who, bare.lower() + slash + resource)
    return ET.canonicalize(ET.tostring(tree, encoding="unicode"), rewrite_prefixes=True)


def without(tree, parts):
    """The tree as it came, less what was taken out: the expected."""
    tree = copy.deepcopy(tree)
    for e in tree.iter():
        for tag, part in parts:
            if part == "text()" and e.tag == tag:
                e.text = None
                for c in e:
                    c.tail = None
            if part and part[0] == "@" and (e.tag == tag or (tag == "stanza" and e is tree)):
                name = part.rpartition("}")[2].rpartition("@")[2].rpartition(":")[2]
                for a in [a for a in e.attrib if a.rpartition("}")[2] == name]:
                    del e.attrib[a]
    gone = {tag for tag, part in parts if not part}
    for e in list(tree.iter()):
        for c in [c for c in e if c.tag in gone]:
            at = list(e).index(c)
            if at and c.tail:    # the text behind it stays
                e[at - 1].tail = (e[at - 1].tail or "") + c.tail
            elif c.tail:
                e.text = (e.text or "") + c.tail
            e.remove(c)
            if not len(e) and not (e.text or "").strip():
                e.text = None
    return tree


def answer_is_right(e):
    """Does the sender's client understand the refusal? RFC 6120, section 8.3: addresses turned round, id, one condition, one type; and
    silence where an answer is forbidden. Returns what is wrong, or None."""
    t, said = e.tree, e.said
    if "reply" in said:
        a = ET.fromstring(said["reply"])
        turned = canonical_jid(a.get("to")) == canonical_jid(t.get("from")) and canonical_jid(a.get("from")) == canonical_jid(t.get("to"))
        return None if turned and (a.tag, a.get("type"), a.get("id")) == (t.tag, "result", t.get("id")) else "answered by something else"
    silent = t.get("type") in ("error", "result", "unavailable")
    if "answer" not in said:
        return None if silent or said["verdict"] != "reject" or from_room(t) else "refused without an answer"
    if t.get("type") in ("error", "result"):
        return "answered what must not be answered"
    a = ET.fromstring(said["answer"])
    if a.tag != t.tag or a.get("type") != "error" or a.get("id") != t.get("id"):
        return "the answer is another kind, type or id"
    if canonical_jid(a.get("to")) != canonical_jid(t.get("from")) or canonical_jid(a.get("from")) != canonical_jid(t.get("to")):
        return "the answer goes elsewhere"
    error = a.findall("{%s}error" % SERVER)
    if len(error) != 1 or error[0].get("type") not in TYPES:
        return "no error element of a known type"
    named = [c.tag.rpartition("}")[2] for c in error[0] if c.tag != "{%s}text" % STANZAS and c.tag.startswith("{%s}" % STANZAS)]
    return None if len(named) == 1 and named[0] in CONDITIONS else "not one defined condition"


def canonical_jid(jid):
    bare, slash, resource = (jid or "").partition("/")
    return bare.lower() + slash + resource


def from_room(t):
    user = t.find("{http://jabber.org/protocol/muc#user}x")
    return (t.tag.endswith("}message") and t.get("type") == "groupchat" and "/" in t.get("to")) or (not t.tag.endswith("}iq") and user is not None)


def outcome(e):
    """(word, detail): same, less (the parts that are missing), answered (by the gateway), refused (reason), unread, WRONG (what)."""
    said = e.said
    if said["verdict"] == "unread":
        return "unread", said.get("detail") or ""
    if said["verdict"] != "release":
        wrong = answer_is_right(e)
        return ("WRONG", wrong) if wrong else ("answered" if "reply" in said else "refused", said["reason"])
    parts = taken_out(said)
    if not said["out"].startswith("<"):
        return "WRONG", said["out"]
    out = canonical(ET.fromstring(said["out"]))
    if out == canonical(e.tree):
        return "same", ""
    kept = filtered(e.tree, ET.fromstring(said["out"]), said)
    if kept is None or out != canonical(without(kept, parts)):
        return "WRONG", "something else leaves than came, less what was taken out"
    names = {tag + ("/" + part if part else "") for tag, part in parts}
    names |= {FEATURE for c in said["changed"] if FEATURES.match(c)} | {CAPS for c in said["changed"] if c.startswith("caps: ")}
    return "less", " ".join(sorted(names))


# ---- the table ----

WORDS = ("same", "less", "answered", "refused", "unread")


def row(examples):
    """One line for one XEP: how many of each outcome, what was left behind, why others were refused; and [(example, what is wrong)]."""
    count, left, why, wrong = collections.Counter(), set(), collections.Counter(), []
    for e in examples:
        word, detail = outcome(e)
        count[word] += 1
        if word == "less":
            left |= set(detail.split())
        if word == "refused":
            why[detail] += 1
        if word == "WRONG":
            wrong.append((e, detail))
    n = " ".join(f"{count[w]:>{len(w)}}" for w in WORDS)
    return f"{n}  {' '.join(f'{k}:{v}' for k, v in sorted(why.items())) or '-':<40} {' '.join(sorted(left))}".rstrip(), wrong


def files(folder):
    return sorted(glob.glob(os.path.join(folder, "*.jsonl")))


if __name__ == "__main__":
    # One line for each example of one file: tests/xeps/xeps.py FILE.jsonl [RULES]
    every = read(sys.argv[1])
    pair(every)
    judge(every, sys.argv[2] if len(sys.argv) > 2 else os.path.join(ROOT, "rules"))
    for each in every:
        print(each.n, *outcome(each), "|", each.tree.tag.rpartition("}")[2], each.tree.get("type"), each.caption[:60], "|",
              "; ".join(each.said.get("changed", ()))[:200])
