#!/usr/bin/python3 -B
# SPDX-License-Identifier: GPL-3.0-or-later
# The replay cases: each a capture made packet by packet, and what `lockgate replay` must say of it, written beside it by hand.
#
#   pcap/make.py          writes cases/NAME/capture.pcap (.pcapng) and cases/NAME/expect
#   pcap/make.py --check  says which files are not as this script would write them

import os
import struct
import sys

import wire as w

HERE = os.path.dirname(os.path.realpath(__file__))
HEAD = ("<?xml version='1.0'?><stream:stream xmlns='jabber:server' xmlns:stream='http://etherx.jabber.org/streams' "
        "xmlns:db='jabber:server:dialback' from='%s' to='%s' version='1.0'%s>")
FEATURES = "<stream:features><dialback xmlns='urn:xmpp:features:dialback'/></stream:features>"
TLS_FEATURES = "<stream:features><starttls xmlns='urn:ietf:params:xml:ns:xmpp-tls'><required/></starttls></stream:features>"
STARTTLS = "<starttls xmlns='urn:ietf:params:xml:ns:xmpp-tls'/>"
PROCEED = "<proceed xmlns='urn:ietf:params:xml:ns:xmpp-tls'/>"
H, L = "alice@high.example/desk", "bob@low.example"


def msg(id, body="hello", src=H, dst=L, kind="chat", extra=""):
    return f"<message from='{src}' to='{dst}' id='{id}' type='{kind}'><body>{body}</body>{extra}</message>"


def begin(c, a="high.example", b="low.example"):
    """Headers, and dialback as between servers without TLS."""
    c.send(0, HEAD % (a, b, ""))
    c.send(1, HEAD % (b, a, " id='s1'") + FEATURES)
    c.send(0, f"<db:result from='{a}' to='{b}'>0123456789abcdef</db:result>")
    c.send(1, f"<db:result from='{b}' to='{a}' type='valid'/>")
    return c


def server(**more):
    return begin(w.Conn(**more))


CASES = {}


def case(about, expect, link=w.ETHERNET, name=None, **file):
    """expect: lines as tests/replay/cases makes them of the events. The function returns IP packets, or (packets, options)."""
    def add(make):
        CASES[(name or make.__name__).replace("_", "-")] = (about, expect, link, make, file)
        return make
    return add


OUT = ["m1 high-to-low release 30", "m2 high-to-low reject 10", "m3 high-to-low reject default-deny"]


def three(c, size=None):
    for s in (msg("m1"), msg("m2", "operation nightfall"), msg("m3", kind="headline")):
        c.send(0, s, size)
    c.send(0, "</stream:stream>")
    c.end()
    return c


# ---- what is there, in order ----

@case("two connections, one for each direction, dialback in clear", OUT + ["m4 low-to-high release 30", "summary judged 4",
      "summary xmpp_flows 2", "summary missing_bytes 0"])
def plain():
    back = begin(w.Conn(a="10.2.0.2", b="10.1.0.2", sport=41000), "low.example", "high.example")
    back.send(0, msg("m4", "nightfall", "bob@low.example/x", "alice@high.example"))
    return three(server()).packets + back.packets


for _name, _link, _more in (("vlan", w.VLAN, {}), ("qinq", w.QINQ, {}), ("pppoe", w.PPPOE, {}), ("snap", w.SNAP, {}),
                            ("cooked", w.SLL, {}), ("cooked2", w.SLL2, {}), ("raw-ip", w.RAW, {}),
                            ("loopback-null", w.NULL, {}), ("loopback", w.LOOP, {}), ("big-endian", w.ETHERNET, {"order": ">"}),
                            ("nanoseconds", w.ETHERNET, {"nano": True}), ("next-generation", w.ETHERNET, {"ng": True})):
    case(f"the same conversation as {_name}", OUT + ["summary unread 0"], _link, _name, **_more)(lambda: three(server()).packets)


@case("IPv6", OUT)
def ipv6():
    return three(server(a="fd00:1::2", b="fd00:2::2")).packets


@case("IPv6 behind hop-by-hop and destination options", OUT)
def ipv6_extensions():
    def wrap(c, who, segment):
        options = struct.pack("!BB6s", 60, 0, b"\1\4\0\0\0\0") + struct.pack("!BB14s", 6, 1, b"\1\x0c" + b"\0" * 12) + segment
        return w.ip(c.addr[who], c.addr[1 - who], options, proto=0)
    return three(server(a="fd00:1::2", b="fd00:2::2", wrap=wrap)).packets


@case("what a server leaves unsaid: stanzas inside one side, and domains that nobody configured",
      ["m1 inside", "m2 unknown-domain", "m3 high-to-low reject pair-forbidden", "summary judged 1"])
def domains():
    c = server()
    c.send(0, msg("m1", dst="carol@rooms.high.example") + msg("m2", dst="x@elsewhere.example"))
    c.send(0, msg("m3", src="x@rooms.high.example/n"))
    return c.packets


@case("a redacted message", ["m1 high-to-low release 30 changed", "summary rules.30 1"])
def redacted():
    c = server()
    c.send(0, msg("m1", "the room is 4711"))
    return c.packets


@case("other rules: only what would be different is shown", ["m2 low-to-high release 30 against reject 10",
      "m3 low-to-high release 30 against release 30 output", "summary differences 2"], against="rules-strict")
def against():
    c = begin(w.Conn(a="10.2.0.2", b="10.1.0.2"), "low.example", "high.example")
    for id, body in (("m1", "hello"), ("m2", "nightfall"), ("m3", "4711")):
        c.send(0, msg(id, body, "bob@low.example/x", "alice@high.example"))
    return c.packets


# ---- segments ----

@case("three bytes in each segment", OUT + ["summary out_of_order 0"])
def small_segments():
    return three(server(), 3).packets


@case("segments out of order", OUT + ["summary missing_bytes 0"])
def shuffled():
    c = server()
    n = len(c.packets)
    three(c, 11)
    return c.packets[:n] + w.shuffled(c.packets[n:], 12)


@case("every packet twice, and once more cut otherwise", OUT + ["summary conflicts 0"])
def repeated():
    c = server()
    base, text = c.seq[0], msg("m1") + msg("m2", "operation nightfall") + msg("m3", kind="headline")
    for at in range(0, len(text), 40):
        for size in (40, 40, 25):
            c.raw(0, w.ACK, text[at:at + size].encode(), seq=base + at)
        if at >= 40:
            c.raw(0, w.ACK, text[at - 17:at + 9].encode(), seq=base + at - 17)
    return c.packets


@case("a second copy that says something else: of each byte the first is read, and the difference is named",
      ["note conflict", "m1 high-to-low release 30"])
def conflict():
    c = server()
    text = msg("m1", "operation nightfall")
    half = text.index("nightfall") + 4
    c.raw(0, w.ACK, text[:half].encode())
    c.raw(0, w.ACK, text.replace("nightfall", "sunflower").encode())      # behind "nigh" its "lower" comes first
    c.raw(0, w.ACK, text[half:].encode(), seq=c.seq[0] + half)
    return c.packets


@case("the same ahead of a missing segment", ["note conflict", "m1 high-to-low reject 10"])
def conflict_ahead():
    c = server()
    text = msg("m1", "operation nightfall")
    c.raw(0, w.ACK, text[20:].encode(), seq=c.seq[0] + 20)
    c.raw(0, w.ACK, text.replace("nightfall", "sunflower")[20:].encode(), seq=c.seq[0] + 20)
    c.raw(0, w.ACK, text[:20].encode())
    return c.packets


@case("the same of bytes that were read, while others wait for a missing segment", ["m1 high-to-low release 30", "note conflict", "m2 high-to-low release 30"])
def conflict_behind():
    c = server()
    c.send(0, msg("m1"))
    text = msg("m2")
    c.raw(0, w.ACK, text[20:].encode(), seq=c.seq[0] + 20)
    c.raw(0, w.ACK, msg("m1", "HELLO").encode(), seq=c.seq[0] - len(msg("m1")))
    c.raw(0, w.ACK, text[:20].encode())
    return c.packets


@case("keep-alive probes are no conflict", ["m1 high-to-low release 30", "m2 high-to-low release 30", "summary conflicts 0"])
def keep_alive():
    c = server()
    c.send(0, msg("m1"))
    c.raw(0, w.ACK, b"\0", seq=c.seq[0] - 1)
    c.raw(1)
    c.send(0, msg("m2"))
    return c.packets


@case("sequence numbers pass 2^32", OUT + ["summary missing_bytes 0"])
def wrap_around():
    c = server(isn=(2**32 - 600, 2**32 - 20))
    three(c, 17)
    return w.shuffled(c.packets, 3)


@case("a segment that the capture lost: its stanza is lost, the next is read", ["m1 high-to-low release 30", "note gap 60",
      "m3 high-to-low release 30 guessed", "m4 high-to-low release 30 guessed", "summary missing_bytes 60"])
def gap():
    c = server()
    c.send(0, msg("m1"))
    text = msg("m2", "x" * 100)
    c.send(0, text[:50])
    c.lose(0, text[50:110])
    c.send(0, text[110:])
    c.send(0, msg("m3"))
    c.send(0, msg("m4"))
    return c.packets


@case("behind a gap, a stanza that is carried inside another is not taken for one",
      ["note gap 40", "m3 high-to-low release 30 guessed", "summary judged 1"])
def gap_forwarded():
    c = server()
    inner = msg("inner", src="x@high.example/y", dst="y@low.example")
    text = msg("m2", extra=f"<forwarded xmlns='urn:xmpp:forward:0'><delay xmlns='urn:xmpp:delay'/>{inner}</forwarded>")
    c.send(0, text[:30])
    c.lose(0, text[30:70])
    c.send(0, text[70:])
    c.send(0, msg("m3"))
    return c.packets


@case("a gap is given up in time, also while others talk", ["note gap 60", "m3 high-to-low release 30 guessed", "m4 low-to-high release 30"], step=300_000)
def gap_in_time():
    c = server()
    text = msg("m2", "x" * 100)
    c.send(0, text[:50])
    c.lose(0, text[50:110])
    c.send(0, text[110:] + msg("m3"))
    back = begin(w.Conn(a="10.2.0.2", b="10.1.0.2", sport=41000), "low.example", "high.example")
    back.send(0, msg("m4", src="bob@low.example/x", dst="alice@high.example"))
    return c.packets + back.packets


@case("the last segment is acknowledged but not there", ["m1 high-to-low release 30", "note gap 80"])
def gap_at_end():
    c = server()
    c.send(0, msg("m1"))
    c.lose(0, msg("m2", "x" * 100)[:80])
    return c.packets


@case("a gap at the very beginning", ["note gap 100", "m1 high-to-low release 30 guessed"])
def gap_at_start():
    c = w.Conn()
    c.lose(0, "x" * 100)
    c.send(0, msg("m1"))
    return c.packets


@case("begins in the middle of a stanza, out of order", ["note middle", "m2 high-to-low release 30 guessed", "m3 high-to-low release 30 guessed"])
def middle():
    c = w.Conn(syn=False)
    c.send(0, msg("m1")[31:], answer=False)
    c.send(0, msg("m2"), 23, answer=False)
    c.send(0, msg("m3"), 400, answer=False)
    c.packets[0], c.packets[2] = c.packets[2], c.packets[0]
    return c.packets


@case("begins behind a stanza's end, in the middle of a segment", ["note middle", "m2 low-to-high release 30 guessed"])
def middle_same_segment():
    c = w.Conn(a="10.2.0.2", b="10.1.0.2", syn=False)
    c.send(0, msg("m1", src="bob@low.example/x", dst="alice@high.example")[31:] + "\n " + msg("m2", src="bob@low.example/x", dst="alice@high.example"))
    return c.packets


@case("a reset, and data all the same", ["m1 high-to-low release 30", "m2 high-to-low release 30"])
def reset():
    c = server()
    c.send(0, msg("m1"))
    c.raw(1, w.RST | w.ACK)
    c.send(0, msg("m2"))
    return c.packets


@case("the same ports again: another connection", ["m1 high-to-low release 30", "m2 high-to-low release 30", "summary flows 2"])
def reused_ports():
    a, b = server(), server(isn=(900000, 700000))
    a.send(0, msg("m1"))
    a.end()
    b.send(0, msg("m2"))
    return a.packets + b.packets


@case("captured with a short snap length", ["note truncated 62", "m2 high-to-low release 30 guessed", "note gap 62"], sort=True, snap=340)
def snap_length():
    c = server()
    c.send(0, msg("m1", "x" * 244))     # 348 bytes, of which the first 286 are kept
    c.send(0, msg("m2"))
    return c.packets


@case("the file ends within a packet", ["m1 high-to-low release 30", "note end"], cut=20, exit=1)
def cut_file():
    c = server()
    c.send(0, msg("m1"))
    c.send(0, msg("m2"), answer=False)
    return c.packets


# ---- fragments ----

def in_pieces(c, who, segment):
    if len(segment) < 100:
        return w.ip(c.addr[who], c.addr[1 - who], segment)
    c.ident = getattr(c, "ident", 0) + 1
    return w.fragments(c.addr[who], c.addr[1 - who], segment, 56, ident=c.ident)[::-1]


@case("IPv4 fragments, last one first", OUT + ["summary unread 0"])
def fragments():
    return three(server(wrap=in_pieces)).packets


@case("IPv6 fragments, last one first", OUT)
def fragments_ipv6():
    return three(server(a="fd00:1::2", b="fd00:2::2", wrap=in_pieces)).packets


@case("an IPv6 fragment header without fragments", OUT)
def fragment_atomic():
    def wrap(c, who, segment):
        return w.ip(c.addr[who], c.addr[1 - who], struct.pack("!BBHI", 6, 0, 0, 77) + segment, proto=44)
    return three(server(a="fd00:1::2", b="fd00:2::2", wrap=wrap)).packets


@case("copies of a fragment that differ: the datagram is not read", ["note fragment", "note gap 138", "m2 high-to-low release 30 guessed"], sort=True)
def fragments_conflict():
    c = server()
    text = msg("m1", "y" * 34)
    pieces = w.fragments(c.addr[0], c.addr[1], w.tcp(*c.addr, *c.port, c.seq[0], c.seq[1], w.ACK, text.encode()), 80, ident=9)
    forged = bytearray(pieces[1])
    forged[30] ^= 1
    c.packets += [pieces[1], bytes(forged), pieces[0]]
    c.seq[0] += len(text)
    c.raw(1)
    c.send(0, msg("m2"))
    return c.packets


@case("a fragment whose fellows never come", ["note fragment"])
def fragment_alone():
    return w.fragments("10.1.0.2", "10.2.0.2", b"x" * 100, 56)[:1]


# ---- what cannot be read ----

@case("STARTTLS: encrypted from the answer on", ["note starttls", "summary encrypted_flows 1", "summary stanzas 0"])
def starttls():
    c = w.Conn()
    c.send(0, HEAD % ("high.example", "low.example", ""))
    c.send(1, HEAD % ("low.example", "high.example", " id='s1'") + TLS_FEATURES)
    c.send(0, STARTTLS)
    c.send(1, PROCEED)
    c.send(0, b"\x16\x03\x01\x00\x05hello" + b"<message from='x'/>")
    c.send(1, b"\x16\x03\x03\x00\x05hello")
    return c.packets


@case("clear bytes behind starttls are named", ["note starttls", "note injected", "summary stanzas 0"])
def starttls_injected():
    c = w.Conn()
    c.send(0, HEAD % ("high.example", "low.example", ""))
    c.send(1, HEAD % ("low.example", "high.example", " id='s1'") + TLS_FEATURES)
    c.send(0, STARTTLS + msg("m1"))
    c.send(1, PROCEED)
    return c.packets


def hello(name, alpn):
    name, alpn = name.encode(), alpn.encode()
    sni = struct.pack("!HHHBH", 0, len(name) + 5, len(name) + 3, 0, len(name)) + name
    proto = struct.pack("!HHHB", 16, len(alpn) + 3, len(alpn) + 1, len(alpn)) + alpn
    body = b"\3\3" + b"r" * 32 + b"\0" + b"\0\2\x13\1" + b"\1\0" + struct.pack("!H", len(sni + proto)) + sni + proto
    return b"\x16\3\1" + struct.pack("!HB", len(body) + 4, 1) + struct.pack("!I", len(body))[1:] + body


@case("direct TLS on its port, and on another port told by its ALPN; HTTPS is nobody's business",
      ["note direct-tls (for low.example, xmpp-server)"] * 2 + ["summary encrypted_flows 2", "summary other_flows 1"])
def direct_tls():
    out = []
    for port, alpn in ((5270, "xmpp-server"), (443, "xmpp-server"), (443, "h2")):
        c = w.Conn(dport=port, sport=40000 + len(out))
        c.send(0, hello("low.example", alpn), 40)
        c.send(1, b"\x16\x03\x03\x00\x05hello")
        out += c.packets
    return out


@case("TLS from the middle", ["note middle-tls", "summary stanzas 0"])
def middle_tls():
    c = w.Conn(syn=False)
    c.send(0, b"\x17\x03\x03\x00\x05hello")
    c.send(1, b"\x17\x03\x03\x00\x05hello")
    return c.packets


@case("stream compression", ["note compressed", "summary stanzas 0"])
def compressed():
    c = server()
    c.send(0, "<compress xmlns='http://jabber.org/protocol/compress'><method>zlib</method></compress>")
    c.send(1, "<compressed xmlns='http://jabber.org/protocol/compress'/>")
    c.send(0, b"\x78\x9c<message")
    return c.packets


@case("HTTP on an XMPP port is named once, on its own port not at all", ["note not-xmpp", "summary other_flows 2"])
def not_xmpp():
    out = []
    for port in (5269, 80):
        c = w.Conn(dport=port)
        c.send(0, "GET / HTTP/1.1\r\nHost: x\r\n\r\n")
        c.send(1, "HTTP/1.1 200 OK\r\n\r\n")
        out += c.packets
    return out


# ---- streams that a gateway would not bear ----

@case("a comment ends the stream there", ["m1 high-to-low release 30", "note fault (comment)", "summary judged 1"])
def restricted_xml():
    c = server()
    c.send(0, msg("m1") + "<!-- no -->" + msg("m2"))
    return c.packets


@case("stanzas that no record holds", ["note stanza (from is not a valid address)", "note stanza (no to)",
      "m3 high-to-low release 30", "summary bad_stanzas 2"])
def bad_stanzas():
    c = server()
    c.send(0, msg("m1", src="@high.example") + "<message from='a@high.example'/>" + msg("m3"))
    return c.packets


@case("a client and its server: SASL restart, an address by binding, stanzas without from",
      ["m1 high-to-low release 30 client", "m2 low-to-high release 30 client", "b1 inside client", "summary bad_stanzas 0"])
def client():
    head = "<?xml version='1.0'?><stream:stream xmlns='jabber:client' xmlns:stream='http://etherx.jabber.org/streams' %s='high.example' version='1.0'>"
    c = w.Conn(dport=5222)
    c.send(0, head % "to")
    c.send(1, head % "from" + "<stream:features><mechanisms xmlns='urn:ietf:params:xml:ns:xmpp-sasl'><mechanism>PLAIN</mechanism></mechanisms></stream:features>")
    c.send(0, "<auth xmlns='urn:ietf:params:xml:ns:xmpp-sasl' mechanism='PLAIN'>AGEAYg==</auth>")
    c.send(1, "<success xmlns='urn:ietf:params:xml:ns:xmpp-sasl'/>")
    c.send(0, head % "to")
    c.send(1, head % "from" + "<stream:features><bind xmlns='urn:ietf:params:xml:ns:xmpp-bind'/></stream:features>")
    c.send(0, "<iq type='set' id='b0'><bind xmlns='urn:ietf:params:xml:ns:xmpp-bind'/></iq>")
    c.send(1, "<iq type='result' id='b0'><bind xmlns='urn:ietf:params:xml:ns:xmpp-bind'><jid>alice@high.example/desk</jid></bind></iq>")
    c.send(0, "<message to='bob@low.example' id='m1' type='chat'><body>hello</body></message>")
    c.send(1, "<message from='bob@low.example/x' to='alice@high.example/desk' id='m2' type='chat'><body>hello</body></message>")
    c.send(0, "<iq type='get' id='b1'><query xmlns='jabber:iq:roster'/></iq>")
    return c.packets


@case("a client's stream from the middle: its address is the one that its server writes to", ["note middle", "m1 low-to-high release 30 guessed client",
      "note middle", "note stanza (no from)", "m2 low-to-high release 30 guessed client", "m3 high-to-low release 30 guessed client"])
def client_middle():
    c = w.Conn(dport=5222, syn=False)
    for i in range(8):
        c.send(1, "<message from='bob@low.example/x' to='alice@high.example' id='m1' type='chat'><body>hello</body></message>" if i == 0 else " ")
    for i in range(8):
        c.send(0, "<message to='bob@low.example' id='m0' type='chat'><body>hello</body></message>" if i == 0 else " ")
    c.send(1, "<message from='bob@low.example/x' to='alice@high.example/desk' id='m2' type='chat'><body>hello</body></message>")
    c.send(0, "<message to='bob@low.example' id='m3' type='chat'><body>hello</body></message>")
    return c.packets


@case("lengths that lie: nothing is believed, the conversation between is read",
      ["m1 high-to-low release 30", "summary unread 7", "summary other 1", "summary judged 1"])
def lengths():
    c = server()
    good = c.packet(0, w.ACK, msg("m1").encode())
    short_total = good[:2] + struct.pack("!H", 19) + good[4:]
    header_15 = b"\x4f" + good[1:]                                            # options that reach into TCP: another connection
    data_offset = good[:32] + b"\xf0" + good[33:60]                           # a TCP header longer than its segment
    data_offset = data_offset[:2] + struct.pack("!H", 45) + data_offset[4:45]
    data_small = good[:32] + b"\x10" + good[33:]
    v6 = w.ip("fd00:1::2", "fd00:2::2", struct.pack("!BB6s", 6, 255, b"\0" * 6) + good[20:], proto=0)
    chain = w.ip("fd00:1::2", "fd00:2::2", struct.pack("!BB6s", 0, 0, b"\1\4\0\0\0\0") * 20 + good[20:], proto=0)
    bad = [short_total, good[:10], b"\x45", header_15, data_offset, data_small, v6, chain, b"\x60" + good[1:20]]
    return c.packets + bad + [good]


# ---- writing and checking ----

def built():
    files = {}
    for name, (about, expect, link, make, more) in CASES.items():
        more = dict(more)
        options = {k: more.pop(k) for k in ("against", "sort", "exit") if k in more}
        cut, ng = more.pop("cut", 0), more.pop("ng", False)
        frames = [link[1](p) for p in make()]
        data = w.pcapng(frames, link[0]) if ng else w.pcap(frames, link[0], **more)
        files[f"cases/{name}/capture.pcap{'ng' if ng else ''}"] = data[:len(data) - cut]
        lines = [f"# {about}"] + [f"{k} {v}" for k, v in options.items()] + [""] + expect
        files[f"cases/{name}/expect"] = ("\n".join(lines) + "\n").encode()
    return files


def main():
    files, wrong = built(), []
    for path, data in files.items():
        full = os.path.join(HERE, path)
        if "--check" in sys.argv:
            if not os.path.exists(full) or open(full, "rb").read() != data:
                wrong.append(path)
            continue
        os.makedirs(os.path.dirname(full), exist_ok=True)
        with open(full, "wb") as f:
            f.write(data)
    for folder, _, names in os.walk(os.path.join(HERE, "cases")):
        wrong += [p for p in (os.path.relpath(os.path.join(folder, n), HERE) for n in names) if p not in files]
    for path in wrong:
        print(f"{path}: not as pcap/make.py makes it")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
