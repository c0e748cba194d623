# SPDX-License-Identifier: GPL-3.0-or-later
# Packets and capture files written by hand: TCP connections, IPv4 and IPv6, link layers, pcap and pcapng.

import ipaddress
import random
import struct

SYN, FIN, RST, ACK = 2, 1, 4, 16
START = 1_790_000_000_000_000     # microseconds; some day in 2026


def tcp(src, dst, sport, dport, seq, ack, flags, data=b"", options=b""):
    options += b"\1" * (-len(options) % 4)
    head = struct.pack("!HHIIBBHHH", sport, dport, seq & 0xFFFFFFFF, ack & 0xFFFFFFFF, (5 + len(options) // 4) << 4, flags, 64000, 0, 0)
    return head + options + data


def ip(src, dst, payload, proto=6, ident=1, offset=0, more=False, total=None):
    """An IP packet of the family of its addresses. Checksums stay zero, as on a machine with offload."""
    a, b = ipaddress.ip_address(src), ipaddress.ip_address(dst)
    if a.version == 4:
        return struct.pack("!BBHHHBBH", 0x45, 0, 20 + len(payload) if total is None else total, ident, (0x2000 if more else 0) | offset // 8,
                           64, proto, 0) + a.packed + b.packed + payload
    if more or offset:
        payload = struct.pack("!BBHI", proto, 0, offset | more, ident) + payload
        proto = 44
    return struct.pack("!IHBB", 6 << 28, len(payload), proto, 64) + a.packed + b.packed + payload


def fragments(src, dst, payload, size, ident=1):
    pieces = [(at, payload[at:at + size]) for at in range(0, len(payload), size)]
    return [ip(src, dst, p, ident=ident, offset=at, more=at + size < len(payload)) for at, p in pieces]


def ethertype(packet):
    return b"\x08\x00" if packet[0] >> 4 == 4 else b"\x86\xdd"


# ---- link layers: (number in the file, function from an IP packet to a frame) ----

def ethernet(p):
    return b"\2\0\0\0\0\1\2\0\0\0\0\2" + ethertype(p) + p + b"\0" * max(0, 46 - len(p))


def vlan(p):
    return b"\2\0\0\0\0\1\2\0\0\0\0\2" + b"\x81\0\0\x0a" + ethertype(p) + p


def qinq(p):
    return b"\2\0\0\0\0\1\2\0\0\0\0\2" + b"\x88\xa8\0\x64" + b"\x81\0\0\x0a" + ethertype(p) + p


def pppoe(p):
    return b"\2\0\0\0\0\1\2\0\0\0\0\2" + struct.pack("!HBBHHH", 0x8864, 0x11, 0, 7, len(p) + 2, 0x21 if p[0] >> 4 == 4 else 0x57) + p


def snap(p):
    return b"\2\0\0\0\0\1\2\0\0\0\0\2" + struct.pack("!H", len(p) + 8) + b"\xaa\xaa\3\0\0\0" + ethertype(p) + p


def sll(p):
    return struct.pack("!HHH8s", 0, 1, 6, b"\2\0\0\0\0\1") + ethertype(p) + p


def sll2(p):
    return ethertype(p) + struct.pack("!HIHBB8s", 0, 2, 1, 0, 6, b"\2\0\0\0\0\1") + p


def null(p):
    return struct.pack("<I", 2 if p[0] >> 4 == 4 else 30) + p


def loop(p):
    return struct.pack("!I", 2 if p[0] >> 4 == 4 else 24) + p


ETHERNET, VLAN, QINQ, PPPOE, SNAP = ((1, f) for f in (ethernet, vlan, qinq, pppoe, snap))
SLL, SLL2, RAW, NULL, LOOP = (113, sll), (276, sll2), (101, lambda p: p), (0, null), (108, loop)


# ---- a connection ----

class Conn:
    """One TCP connection. What is sent becomes packets in self.packets: (who, IP packet, carries data)."""

    def __init__(self, a="10.1.0.2", b="10.2.0.2", sport=40000, dport=5269, isn=(1000, 5000), syn=True, wrap=None):
        self.addr, self.port, self.seq = (a, b), (sport, dport), list(isn)
        self.packets = []
        self.wrap = wrap
        if syn:
            self.raw(0, SYN)
            self.seq[0] += 1
            self.raw(1, SYN | ACK)
            self.seq[1] += 1
            self.raw(0, ACK)

    def packet(self, who, flags=ACK, data=b"", seq=None, ack=None):
        o = 1 - who
        segment = tcp(self.addr[who], self.addr[o], self.port[who], self.port[o], self.seq[who] if seq is None else seq,
                      0 if flags == SYN else self.seq[o] if ack is None else ack, flags, data)
        return self.wrap(self, who, segment) if self.wrap else ip(self.addr[who], self.addr[o], segment)

    def raw(self, who, flags=ACK, data=b"", seq=None, ack=None):
        p = self.packet(who, flags, data, seq, ack)
        for one in p if isinstance(p, list) else [p]:
            self.packets.append(one)
        return p

    def send(self, who, text, size=None, answer=True):
        """In segments of size bytes; the other end acknowledges."""
        data = text.encode() if isinstance(text, str) else text
        size = size or max(1, len(data))
        for at in range(0, len(data), size):
            piece = data[at:at + size]
            self.raw(who, ACK, piece)
            self.seq[who] += len(piece)
        if answer:
            self.raw(1 - who, ACK)

    def lose(self, who, text):
        """Sent and acknowledged, but not in the capture."""
        self.seq[who] += len(text)
        self.raw(1 - who, ACK)

    def end(self):
        self.raw(0, FIN | ACK)
        self.seq[0] += 1
        self.raw(1, FIN | ACK)
        self.seq[1] += 1
        self.raw(0, ACK)


def shuffled(packets, window, seed=7):
    """Each packet moves at most `window` places: what a network does."""
    r = random.Random(seed)
    return [p for _, _, p in sorted((i + r.random() * window, i, p) for i, p in enumerate(packets))]


# ---- files ----

def pcap(frames, link, order="<", nano=False, snap=None, step=1000):
    """frames: bytes, or (microseconds since START, bytes)."""
    out = bytearray(struct.pack(order + "IHHiIII", 0xA1B23C4D if nano else 0xA1B2C3D4, 2, 4, 0, 0, 65535, link))
    for i, f in enumerate(frames):
        at, f = f if isinstance(f, tuple) else (i * step, f)
        us = START + at
        kept = f[:snap] if snap else f
        out += struct.pack(order + "IIII", us // 1_000_000, us % 1_000_000 * (1000 if nano else 1), len(kept), len(f)) + kept
    return bytes(out)


def pcapng(frames, link, step=1000):
    def block(kind, body):
        body += b"\0" * (-len(body) % 4)
        n = 12 + len(body)
        return struct.pack("<II", kind, n) + body + struct.pack("<I", n)
    out = block(0x0A0D0D0A, struct.pack("<IHHq", 0x1A2B3C4D, 1, 0, -1))
    out += block(1, struct.pack("<HHI", link, 0, 65535) + struct.pack("<HHB3xHH", 9, 1, 9, 0, 0))     # if_tsresol: nanoseconds
    for i, f in enumerate(frames):
        ns = (START + i * step) * 1000
        out += block(6, struct.pack("<IIIII", 0, ns >> 32, ns & 0xFFFFFFFF, len(f), len(f)) + f)
    return out
