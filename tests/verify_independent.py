# SPDX-License-Identifier: GPL-3.0-or-later
# A second verifier of the journal, written from the specifications alone (RFC 6962 section 2.1, C2SP signed-note, tlog-checkpoint,
# tlog-cosignature, RFC 8032), without a line or a library of the gateway. The tests hold `lockgate verify` against it.
#
# usage: python3 verify_independent.py DIR KEYFILE [CHECKPOINT-FILE-HELD-OUTSIDE]      prints one JSON object

import base64
import hashlib
import json
import os
import re
import struct
import sys

# ---- Ed25519 (RFC 8032 section 5.1.7), plain and slow ------------------------------------------------------------------

P = 2 ** 255 - 19
L = 2 ** 252 + 27742317777372353535851937790883648493
D = -121665 * pow(121666, P - 2, P) % P
SQRT_M1 = pow(2, (P - 1) // 4, P)


def recover_x(y, sign):
    if y >= P:
        return None
    x2 = (y * y - 1) * pow(D * y * y + 1, P - 2, P) % P
    if x2 == 0:
        return None if sign else 0
    x = pow(x2, (P + 3) // 8, P)
    if (x * x - x2) % P:
        x = x * SQRT_M1 % P
    if (x * x - x2) % P:
        return None
    return P - x if x & 1 != sign else x


def point_add(p, q):
    a, b = (p[1] - p[0]) * (q[1] - q[0]) % P, (p[1] + p[0]) * (q[1] + q[0]) % P
    c, d = 2 * p[3] * q[3] * D % P, 2 * p[2] * q[2] % P
    e, f, g, h = b - a, d - c, d + c, b + a
    return e * f % P, g * h % P, f * g % P, e * h % P


def point_mul(s, p):
    q = (0, 1, 1, 0)
    while s:
        if s & 1:
            q = point_add(q, p)
        p = point_add(p, p)
        s >>= 1
    return q


def point_equal(p, q):
    return (p[0] * q[2] - q[0] * p[2]) % P == 0 and (p[1] * q[2] - q[1] * p[2]) % P == 0


def point_read(b):
    y = int.from_bytes(b, "little")
    sign, y = y >> 255, y & (1 << 255) - 1
    x = recover_x(y, sign)
    return None if x is None else (x, y, 1, x * y % P)


G_Y = 4 * pow(5, P - 2, P) % P
G_X = recover_x(G_Y, 0)
G = (G_X, G_Y, 1, G_X * G_Y % P)


def ed25519_good(public, message, signature):
    a, r, s = point_read(public), point_read(signature[:32]), int.from_bytes(signature[32:], "little")
    if len(signature) != 64 or a is None or r is None or s >= L:
        return False
    h = int.from_bytes(hashlib.sha512(signature[:32] + public + message).digest(), "little") % L
    return point_equal(point_mul(s, G), point_add(r, point_mul(h, a)))


# ---- notes -------------------------------------------------------------------------------------------------------------

class Key:
    def __init__(self, path):
        name, number, rest = open(path, encoding="ascii").read().strip().split("+", 2)
        raw = base64.b64decode(rest, validate=True)
        self.name, self.public = name, raw[1:]
        if raw[0] != 1 or len(raw) != 33 or self.identity(1).hex() != number:
            raise ValueError("not a public key")

    def identity(self, kind):
        return hashlib.sha256(self.name.encode() + b"\n" + bytes([kind]) + self.public).digest()[:4]


def read_notes(data, key):
    """[(size, root)], problems."""
    notes, problems = [], []
    at = 0
    pattern = re.compile(rb"\n*((?:[^\n]+\n){3,})\n((?:\xe2\x80\x94 [^\n]+\n)+)")
    while at < len(data.rstrip(b"\n")):
        m = pattern.match(data, at)
        if not m:
            problems.append("checkpoint-unreadable")
            break
        at = m.end()
        text, good = m.group(1), False
        lines = text.decode("utf-8").split("\n")
        for line in m.group(2).decode("utf-8").splitlines():
            _, name, b64 = line.split(" ", 2)
            raw = base64.b64decode(b64)
            if name != key.name:
                continue
            if raw[:4] == key.identity(1):
                good = ed25519_good(key.public, text, raw[4:])
                if not good:
                    problems.append("checkpoint-forged")
                    break
            elif raw[:4] == key.identity(4):
                moment = struct.unpack(">Q", raw[4:12])[0]
                if not ed25519_good(key.public, b"cosignature/v1\ntime %d\n" % moment + text, raw[12:]):
                    problems.append("checkpoint-forged")
                    good = False
                    break
        else:
            if not good:
                problems.append("checkpoint-foreign")
        if not good or lines[0] != key.name:
            continue
        size, root = int(lines[1]), base64.b64decode(lines[2])
        if notes and size <= notes[-1][0]:
            problems.append("checkpoint-replayed")
        notes.append((size, root))
    return notes, problems


# ---- tree and lines ----------------------------------------------------------------------------------------------------

class Tree:
    def __init__(self):
        self.size, self.edge = 0, []            # edge: [(level, hash)], larger subtrees first

    def add(self, line):
        node, level = hashlib.sha256(b"\0" + line).digest(), 0
        while self.edge and self.edge[-1][0] == level:
            node, level = hashlib.sha256(b"\1" + self.edge.pop()[1] + node).digest(), level + 1
        self.edge.append((level, node))
        self.size += 1

    def root(self):
        if not self.edge:
            return hashlib.sha256(b"").digest()
        node = self.edge[-1][1]
        for _, left in reversed(self.edge[:-1]):
            node = hashlib.sha256(b"\1" + left + node).digest()
        return node


def verify(folder, key_path, outside_path=None):
    key, problems = Key(key_path), []
    try:
        data = open(os.path.join(folder, "checkpoints"), "rb").read()
    except FileNotFoundError:
        data = b""
        problems.append("checkpoints-missing")
    notes, wrong = read_notes(data, key)
    problems += wrong
    claims = list(notes)
    outside = []
    if outside_path:
        outside, _ = read_notes(open(outside_path, "rb").read(), key)
        claims += outside
    tree, proven, records, senders, last_time, moved = Tree(), 0, 0, {}, "", False
    steps, good, bad, outside_to = [], True, [], 0  # bad: records that are not what they should be
    waits_from = closed = None                  # of what no checkpoint covers: since when it waits; did the journal end in order
    signs_every = said = 3600.0                 # an hour is the most that can be configured; what a record says counts once it is signed,
    longest = 0.0                               # and before that where it is less
    for name in sorted(n for n in os.listdir(folder) if re.fullmatch(r"\d{10,}\.jsonl", n)):
        if int(name[:-6]) != records + 1:
            problems.append("segment")
            bad.append(records + 1)
        lines = open(os.path.join(folder, name), "rb").read().split(b"\n")
        for line in lines[:-1]:                 # what follows the last newline is no line
            records += 1
            tree.add(line)
            try:
                o = json.loads(line, object_pairs_hook=pairs)
                if o["seq"] != records:
                    problems.append("seq")
                    bad.append(records)
                sender = (o["program"], o["line_epoch"])
                if o["line_number"] != senders.get(sender, 0) + 1:
                    problems.append("lines-missing")
                    bad.append(records)
                senders[sender] = o["line_number"]
                if moment(o["timestamp"]) + 1.5 < moment(last_time):
                    steps.append(records)
                before, last_time = last_time, o["timestamp"]
                own = o["event_type"] == o["program"] == "journal"
                if waits_from is None or own and o["action"] in ("started", "clock-moved", "disk-full", "sync-failed"):
                    longest = max(longest, moment(before) - waits_from) if waits_from is not None else 0.0
                    waits_from = moment(last_time)
                if own:
                    said = o.get("checkpoint_ms", said * 1000) / 1000
                    closed = closed or o["action"] == "stopped"
                if o.get("action") == "clock-moved" and o["event_type"] == o["program"] == "journal":
                    steps = [s for s in steps if s + 20000 < records]
            except (ValueError, KeyError, TypeError):
                problems.append("unreadable")
                bad.append(records)
            for i, (size, root) in enumerate(claims):
                if size == records:
                    held_outside = i >= len(notes)
                    if root == tree.root():
                        proven = size if good else proven
                        waits_from = closed = None
                        signs_every = said
                        outside_to = size if good and held_outside else outside_to
                    else:
                        problems.append("changed")
                        good = False
                        bad.append((outside_to if held_outside else proven) + 1)
    if any(size > records for size, _ in claims):
        problems.append("cut")
        bad.append(records + 1)
    if steps:
        problems.append("clock")
        bad.append(steps[0])
    proven = min([proven] + [b - 1 for b in bad])
    overdue = waits_from is not None and (closed or max(longest, moment(last_time) - waits_from) > min(said, signs_every) + 10)
    state = "not-whole" if problems else "unproven" if proven == 0 or overdue else "whole"
    return {"whole": state == "whole", "state": state, "records": records, "proven_to": proven, "unproven": records - proven,
            "problems": sorted(set(problems))}


def pairs(items):
    if len({k for k, _ in items}) != len(items):
        raise ValueError("a member twice")
    return dict(items)


def moment(text):
    if not text:
        return 0.0
    m = re.fullmatch(r"(\d{4})-(\d\d)-(\d\d)T(\d\d):(\d\d):(\d\d)\.(\d{6})Z", text)
    if not m:
        raise ValueError("timestamp")
    import calendar
    y, mo, d, h, mi, s, us = map(int, m.groups())
    return calendar.timegm((y, mo, d, h, mi, s)) + us / 1e6


if __name__ == "__main__":
    if len(sys.argv) not in (3, 4):
        sys.exit(__doc__ or "usage: verify_independent.py DIR KEYFILE [CHECKPOINT]")
    result = verify(*sys.argv[1:])
    print(json.dumps(result))
    sys.exit({"whole": 0, "not-whole": 1, "unproven": 3}[result["state"]])
