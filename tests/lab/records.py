# SPDX-License-Identifier: GPL-3.0-or-later
# A stanza as a record (PROTOCOL.md, "The record") and its hashes, written again in Python from that page alone: what the journal says
# about a stanza can be held against the stanza itself.

import hashlib
import hmac
import struct
import xml.etree.ElementTree as ET

XML = "{http://www.w3.org/XML/1998/namespace}"
KINDS = {"message": 0, "presence": 1, "iq": 2}
SERVER = "jabber:server"


def parse(text):
    """A stanza as it stands in a stream."""
    return ET.fromstring(f"<s xmlns='{SERVER}'>{text}</s>")[0]


def split(tag):
    """(namespace or None, name)"""
    return tuple(tag[1:].split("}", 1)) if tag[0] == "{" else (None, tag)


def str16(s):
    b = s.encode()
    return struct.pack(">H", len(b)) + b


def str32(s):
    b = s.encode()
    return struct.pack(">I", len(b)) + b


class Record:
    def __init__(self, element, from_, to, pair, raw=(None, None)):
        """from_, to: prepared; raw: as received, where that differs."""
        self.names, self.nodes, self.attrs = [], 0, 0
        e = element
        heads = [e.get("type"), e.get("id"), e.get(XML + "lang"), *raw]
        tree = self._element(e, [(k, v) for k, v in e.attrib.items() if k not in ("from", "to", "id", "type", XML + "lang")])
        self.bytes = (bytes([1, KINDS[split(e.tag)[1]], sum(1 << i for i, h in enumerate(heads) if h is not None)])
                      + b"".join(str16(h) for h in heads[:3] if h is not None) + str16(from_) + str16(to)
                      + b"".join(str16(h) for h in raw if h is not None) + str16(pair[0]) + str16(pair[1])
                      + struct.pack(">H", len(self.names)) + b"".join(str16(n) for n in self.names)
                      + struct.pack(">II", self.nodes, self.attrs) + tree)

    def _index(self, name):
        if name is None:
            return 0xffff
        if name not in self.names:
            self.names.append(name)
        return self.names.index(name)

    def _name(self, tag):
        ns, name = split(tag)
        i = self._index(ns)
        return struct.pack(">HH", i, self._index(name))

    def _text(self, s):
        if not s:
            return []
        self.nodes += 1
        return [b"\x02" + str32(s)]

    def _element(self, e, attributes):
        self.nodes += 1
        self.attrs += len(attributes)
        head = b"\x01" + self._name(e.tag) + struct.pack(">H", len(attributes))
        head += b"".join(self._name(k) + str32(v) for k, v in attributes)
        children = self._text(e.text)
        for c in e:
            children.append(self._element(c, list(c.attrib.items())))
            children += self._text(c.tail)
        return head + struct.pack(">H", len(children)) + b"".join(children)

    def hash(self, key):
        """As `hash_in` and `hash_out` name it."""
        return hmac.new(key, hashlib.sha256(self.bytes).digest(), hashlib.sha256).hexdigest()

    def payloads(self, e):
        return ["{%s}%s" % (split(c.tag)[0] or "", split(c.tag)[1]) for c in e]
