# SPDX-License-Identifier: GPL-3.0-or-later
# Security labels a second time, computed in another way: a clearance is the set of all labels that its holder may read, built up from
# nothing, and a decision is a look into that set. Labels are written as plain, ESS (own DER writer) and STANAG 4774.

import base64
import itertools

NS = "urn:xmpp:sec-label:0"
TAG_TYPES = {("restrictive", False): 0, ("permissive", True): 1, ("permissive", False): 2, ("informative", False): 3, ("informative", True): 3,
             ("restrictive", True): 4}


def subsets(values):
    values = list(values)
    return [frozenset(c) for n in range(len(values) + 1) for c in itertools.combinations(values, n)]


class Policy:
    """levels: names from low to high, each with a number; tags: {name: (type, enumerated, {value: number})}."""

    def __init__(self, name, oid, levels, tags):
        self.name, self.oid, self.levels, self.tags = name, oid, levels, tags
        self.same = {}  # other policy's name -> {"level": {...}, "value": {(tag, value): (tag, value)}}

    def labels(self):
        """All labels: (policy, level, frozenset of (tag, value))."""
        every = [[frozenset((t, v) for v in s) for s in subsets(values)] for t, (_, _, values) in self.tags.items()]
        return [(self.name, level, frozenset().union(*parts)) for level in self.levels for parts in itertools.product(*every)]

    def readable(self, levels, held):
        """Everything that somebody with these levels and values may read."""
        parts = []
        for t, (kind, _, values) in self.tags.items():
            mine = {v for tag, v in held if tag == t}
            if kind == "restrictive":
                allowed = subsets(mine)
            elif kind == "permissive":
                allowed = [frozenset()] + [frozenset(a) | b for a in subsets(mine) if a for b in subsets(set(values) - mine)]
            else:
                allowed = subsets(values)
            parts.append([frozenset((t, v) for v in s) for s in allowed])
        return {(self.name, level, frozenset().union(*p)) for level in levels for p in itertools.product(*parts)}

    def conf(self):
        out = [f'{{ name = "{self.name}"; oid = "{self.oid}"; uri = "urn:oid:{self.oid}"; classifications = (']
        out.append(", ".join(f'{{ name = "{n}"; value = {v}; }}' for n, v in self.levels.items()) + "); categories = (")
        out.append(", ".join(
            f'{{ tag = "{t}"; type = "{kind}"; oid = "{self.oid}.{i}"; encoding = "{"enumerated" if enum else "bits"}"; values = ('
            + ", ".join(f'{{ name = "{v}"; value = {n}; }}' for v, n in values.items()) + "); }"
            for i, (t, (kind, enum, values)) in enumerate(self.tags.items(), 1)) + "); equivalents = (")
        out.append(", ".join(
            f'{{ policy = "{other}"; classifications = (' + ", ".join(f'{{ from = "{a}"; to = "{b}"; }}' for a, b in m["level"].items()) + "); categories = ("
            + ", ".join(f'{{ from = "{a}/{b}"; to = "{c}/{d}"; }}' for (a, b), (c, d) in m["value"].items()) + "); }"
            for other, m in self.same.items()) + "); }")
        return "".join(out)


def translations(a, b):
    """Every label of policy a with what it is in policy b, where it is anything there."""
    if b.name not in a.same:
        return {}
    m, found = a.same[b.name], {}
    for name, level, values in a.labels():
        needed = {v for v in values if a.tags[v[0]][0] != "informative"}
        if level in m["level"] and needed <= set(m["value"]):
            found[name, level, values] = (b.name, m["level"][level], frozenset(m["value"][v] for v in values if v in m["value"]))
    return found


def may_read(label, clearances, translated):
    """clearances: {policy name: set of readable labels}; translated: {(from, to): translations}."""
    if label is None or not clearances:
        return False
    if label[0] in clearances:
        return label in clearances[label[0]]
    said = [(p, translated.get((label[0], p), {}).get(label)) for p in clearances]
    said = [(p, other) for p, other in said if other]
    return bool(said) and all(other in clearances[p] for p, other in said)


# ---- writing ----

def der(tag, *parts):
    body = b"".join(parts)
    n = len(body)
    head = bytes([n]) if n < 128 else bytes([0x81, n]) if n < 256 else bytes([0x82, n >> 8, n & 255])
    return bytes([tag]) + head + body


def oid(text):
    arcs = [int(a) for a in text.split(".")]
    out = b""
    for arc in [arcs[0] * 40 + arcs[1]] + arcs[2:]:
        digits = [arc & 127]
        while arc > 127:
            arc >>= 7
            digits.insert(0, 128 | arc & 127)
        out += bytes(digits)
    return out


def integer(v):
    return der(2, v.to_bytes(v.bit_length() // 8 + 1, "big"))


def bit_string(numbers):
    top = max(numbers)
    bits = [1 if i in numbers else 0 for i in range(top + 1)]
    unused = -len(bits) % 8
    value = int("".join(map(str, bits)) + "0" * unused, 2)
    return der(3, bytes([unused]), value.to_bytes((len(bits) + unused) // 8, "big"))


def ess(policy, level, values):
    categories = []
    for i, (t, (kind, enum, numbers)) in enumerate(policy.tags.items(), 1):
        mine = sorted(numbers[v] for tag, v in values if tag == t)
        if mine:
            listed = der(0x31, *map(integer, mine)) if enum else bit_string(mine)
            categories.append(der(0x30, der(0x80, oid(f"2.16.840.1.101.2.1.8.3.{TAG_TYPES[kind, enum]}")),
                                  der(0xa1, der(0x30, der(6, oid(f"{policy.oid}.{i}")), listed))))
    parts = [integer(policy.levels[level]), der(6, oid(policy.oid))]
    if categories:
        parts.append(der(0x31, *sorted(categories)))
    return base64.b64encode(der(0x31, *parts)).decode()


def xml(policy, level, values, form):
    values = sorted(values)
    if form == "ess":
        inner = f"<esssecuritylabel xmlns='urn:xmpp:sec-label:ess:0'>{ess(policy, level, values)}</esssecuritylabel>"
    elif form == "stanag":
        inner = ("<originatorConfidentialityLabel xmlns='urn:nato:stanag:4774:confidentialitymetadatalabel:1:0'><ConfidentialityInformation>"
                 f"<PolicyIdentifier URI='urn:oid:{policy.oid}'>{policy.name}</PolicyIdentifier><Classification>{level}</Classification>"
                 + "".join(f"<Category TagName='{t}' Type='{kind.upper()}'>" + "".join(f"<GenericValue>{v}</GenericValue>" for tag, v in values if tag == t)
                           + "</Category>" for t, (kind, _, _) in policy.tags.items() if any(tag == t for tag, _ in values))
                 + "</ConfidentialityInformation></originatorConfidentialityLabel>")
    else:
        inner = (f"<plain xmlns='urn:lockgate:label:0' policy='{policy.name}' classification='{level}'>"
                 + "".join(f"<category tag='{t}'>{v}</category>" for t, v in values) + "</plain>")
    return f"<securitylabel xmlns='{NS}'><label>{inner}</label></securitylabel>"
