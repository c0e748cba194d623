#!/usr/bin/python3 -B
# SPDX-License-Identifier: GPL-3.0-or-later
# Stands in for edge, guard, scanner and journal where only parent, admission and packet rules are tested. Which one it is,
# its file name says. Edges carry bytes across by themselves (no guard, no TLS), so that what crosses is seen at once; the
# journal writes each line's fields to <run>/lines. It speaks the frames of PROTOCOL.md on descriptor 3.

import json
import os
import queue
import re
import socket
import struct
import sys
import threading

READY, LINK, STOP, STATS_ASK, STATS, LISTENER, CONNECT, CONNECTED, LINE, DURABLE = 1, 2, 3, 4, 5, 10, 11, 12, 40, 41
CARRY = (LINK, LISTENER)
FIELDS = {1: "flow_id", 2: "src_ip", 3: "src_port", 4: "dest_ip", 5: "dest_port", 6: "proto", 7: "side", 20: "verdict", 21: "reason",
          60: "action", 72: "count", 73: "subject", 74: "pid", 75: "status", 78: "who", 81: "epoch", 70: "bytes_in", 151: "sni", 152: "alpn"}
NUMBERS = (1, 3, 5, 70, 72, 74, 81)


class Channel:
    def __init__(self, sock):
        self.sock, self.lock = sock, threading.Lock()
        self.data, self.fds = b"", []

    def send(self, kind, payload=b""):
        with self.lock:
            self.sock.sendall(struct.pack("!IHH", len(payload), kind, 0) + payload)

    def messages(self):
        while True:
            while len(self.data) >= 8:
                length, kind, _ = struct.unpack("!IHH", self.data[:8])
                if len(self.data) < 8 + length:
                    break
                payload, self.data = self.data[8:8 + length], self.data[8 + length:]
                carries = kind in CARRY or (kind == CONNECTED and payload[8:12] == b"\0\0\0\0")
                yield kind, payload, self.fds.pop(0) if carries else -1
            data, fds, _, _ = socket.recv_fds(self.sock, 65536, 16)
            if not data:
                return
            self.data += data
            self.fds += fds


def pack(host, port):
    if not host:
        return bytes(19)
    family = 6 if ":" in host else 4
    raw = socket.inet_pton(socket.AF_INET6 if family == 6 else socket.AF_INET, host)
    return bytes([family]) + raw.ljust(16, b"\0") + struct.pack("!H", port)


def carry(a, b):
    try:
        while True:
            data = a.recv(65536)
            if not data:
                break
            b.sendall(data)
    except OSError:
        pass
    for s in (a, b):
        try:
            s.shutdown(socket.SHUT_RDWR)
        except OSError:
            pass


class Edge:
    """Accepted sockets are passed to the other side's edge, which asks the parent for the socket onward."""

    def __init__(self, parent, side, run, target):
        self.parent, self.side, self.run, self.target = parent, side, run, target
        self.asks, self.n = {}, 0
        path = f"{run}/stub.{side}"
        if os.path.exists(path):
            os.unlink(path)
        self.inbox = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        self.inbox.bind(path)
        self.inbox.listen(100)
        threading.Thread(target=self.serve_inbox, daemon=True).start()

    def listen(self, fd):
        threading.Thread(target=self.accept, args=(socket.socket(fileno=fd),), daemon=True).start()

    def accept(self, listener):
        listener.setblocking(True)
        other = {"high": "low", "low": "high"}[self.side]
        while True:
            conn, peer = listener.accept()
            wanted = conn.getsockname()
            try:
                with socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET) as s:
                    s.connect(f"{self.run}/stub.{other}")
                    socket.send_fds(s, [json.dumps([peer[0], wanted[0], wanted[1]]).encode()], [conn.fileno()])
            except OSError:
                pass        # the other edge is just being started
            conn.close()

    def serve_inbox(self):
        while True:
            s, _ = self.inbox.accept()
            data, fds, _, _ = socket.recv_fds(s, 4096, 1)
            threading.Thread(target=self.onward, args=(json.loads(data), socket.socket(fileno=fds[0])), daemon=True).start()

    def onward(self, wish, near):
        source, host, port = wish
        if self.target:     # proxy: nothing is preserved
            source, host, port = "", self.target, 5269
        with self.parent.lock:
            self.n += 1
            ask, answer = self.n, queue.Queue()
            self.asks[ask] = answer
        self.parent.send(CONNECT, struct.pack("!Q", ask) + pack(source, 0) + pack(host, port))
        fd = answer.get()
        if fd < 0:
            near.close()
            return
        far = socket.socket(fileno=fd)
        far.setblocking(True)
        far.settimeout(5)
        try:
            far.sendall(b"[gate]")
        except OSError:
            near.close()
            return
        far.settimeout(None)
        threading.Thread(target=carry, args=(near, far), daemon=True).start()
        carry(far, near)

    def connected(self, payload, fd):
        ask, error = struct.unpack("!QI", payload)
        if error:
            print(f"edge/{self.side}: socket refused: {os.strerror(error)}", file=sys.stderr, flush=True)
        self.asks.pop(ask).put(-1 if error else fd)


def write_lines(channel, path):
    for kind, payload, fd in channel.messages():
        if kind != LINE:
            continue
        guard, number, target = struct.unpack("!QQB", payload[:17])
        size, = struct.unpack("!I", payload[50:54])
        fields, at, line = payload[54:54 + size], 0, {"event": payload[49]}
        while at < len(fields):
            field, length = struct.unpack("!HI", fields[at:at + 6])
            value = fields[at + 6:at + 6 + length]
            line[FIELDS.get(field, str(field))] = int.from_bytes(value, "big") if field in NUMBERS else value.decode()
            at += 6 + length
        with open(path, "a") as f:
            f.write(json.dumps(line) + "\n")
        channel.send(DURABLE, struct.pack("!QQ", guard, number))


def main():
    what, conf = os.path.basename(sys.argv[0]).removeprefix("lockgate-"), sys.argv[1]
    with open(conf) as f:
        text = f.read()
    run = re.search(r'run = "([^"]+)"', text).group(1)
    parent = Channel(socket.socket(fileno=3))
    edge = None
    if what == "guard" and os.path.exists(f"{run}/bad-rules"):
        sys.exit(78)
    if what == "edge":
        side = sys.argv[2]
        block = text.split(f"\n{side} = ")[1].split("\n};")[0] if f"\n{side} = " in text else ""
        found = re.search(r'address = "([^"]+)"', block) if 'mode = "proxy"' in text else None
        edge = Edge(parent, side, run, found and found.group(1))
    parent.send(READY)
    links = []

    def messages():
        yield from parent.messages()
    if what == "journal":   # the parent's own lines come over its channel
        forward, inner = socket.socketpair()
        threading.Thread(target=write_lines, args=(Channel(inner), f"{run}/lines"), daemon=True).start()
        threading.Thread(target=lambda: [parent.send(k, p) for k, p, _ in Channel(forward).messages()], daemon=True).start()
        forward_channel = Channel(forward)
    for kind, payload, fd in messages():
        if kind == STOP:
            break
        if kind == STATS_ASK:
            parent.send(STATS, payload + struct.pack("!I", 15) + b'{"stub": true}\n')
        elif kind == LINK:
            channel = Channel(socket.socket(fileno=fd))
            channel.sock.setblocking(True)
            if what == "journal":
                threading.Thread(target=write_lines, args=(channel, f"{run}/lines"), daemon=True).start()
            links.append(channel)
        elif kind == LISTENER and edge:
            edge.listen(fd)
        elif kind == CONNECTED and edge:
            edge.connected(payload, fd)
        elif kind == LINE:
            forward_channel.send(kind, payload)


try:
    main()
except SystemExit as end:
    os._exit(end.code)
os._exit(0)
