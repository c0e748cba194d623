# SPDX-License-Identifier: GPL-3.0-or-later
# Bare s2s endpoints for tests: they say exactly what a test wants on the wire, over TLS with the lab's certificates.
# Peer is one stream in either role; Sink is a whole receiving server that keeps what arrives.

import base64
import contextlib
import itertools
import os
import re
import select
import socket
import ssl
import threading
import time
import uuid
import xml.etree.ElementTree as ET

from .net import PATIENCE, LabError, enter_namespace

STREAM = "http://etherx.jabber.org/streams"
STREAM_ERRORS = "urn:ietf:params:xml:ns:xmpp-streams"
TLS = "urn:ietf:params:xml:ns:xmpp-tls"
SASL = "urn:ietf:params:xml:ns:xmpp-sasl"
DIALBACK = "jabber:server:dialback"
HEADER = ("<stream:stream xmlns='jabber:server' xmlns:stream='http://etherx.jabber.org/streams' "
          "xmlns:db='jabber:server:dialback' version='1.0'")


@contextlib.contextmanager
def inside(namespace):
    """The calling thread's new sockets belong to the namespace."""
    home = os.open("/proc/thread-self/ns/net", os.O_RDONLY | os.O_CLOEXEC)
    try:
        enter_namespace(namespace)
        yield
    finally:
        import ctypes
        ctypes.CDLL(None).setns(home, 0x40000000)
        os.close(home)


def name(element):
    return element.tag.rsplit("}", 1)[-1]


def readable(sock, seconds):
    """select() ends at descriptor 1023."""
    poll = select.poll()
    poll.register(sock, select.POLLIN)
    return bool(poll.poll(seconds * 1000))


class Closed(LabError):
    """The other side closed the connection, in order or not."""


class Peer:
    """One s2s stream. What is read comes as elements, one for each child of the stream's root, in order."""

    def __init__(self, sock, tls=None, timeout=10):
        self.sock, self.timeout = sock, timeout * PATIENCE
        self.tls = tls              # (certificate chain, key, CA file or None)
        self.raw = b""              # all that was read since the last stream start
        self.header = None          # attributes of the other side's stream header
        self.ended = False          # it sent </stream:stream>
        self._restart()

    @classmethod
    def connect(cls, namespace, address, port=5269, source=None, tls=None, timeout=10):
        family = socket.AF_INET6 if ":" in address else socket.AF_INET
        with inside(namespace):
            sock = socket.socket(family, socket.SOCK_STREAM)
        sock.settimeout(timeout * PATIENCE)
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        if source:
            sock.bind((source, 0))
        sock.connect((address, port))
        return cls(sock, tls, timeout)

    def _restart(self):
        self._parser = ET.XMLPullParser(events=("start", "end"))
        self._depth = 0
        self._ready = []
        self._pending = b""
        self.raw = b""
        self.header, self.ended = None, False

    # ---- bytes ----------------------------------------------------------------------------------------------------

    def send(self, data):
        self.sock.sendall(data.encode() if isinstance(data, str) else data)

    def _fill(self, end):
        left = end - time.monotonic()
        if left <= 0:
            raise LabError(f"the other side of the stream said nothing more; so far: {self.raw[-400:]!r}")
        if not (isinstance(self.sock, ssl.SSLSocket) and self.sock.pending()):
            if not readable(self.sock, left):
                return
        try:
            data = self.sock.recv(65536)
        except (ConnectionError, ssl.SSLError) as error:
            raise Closed(f"connection broke: {error}") from error
        if not data:
            raise Closed("connection closed")
        self.raw += data
        if len(self.raw) > 1 << 20:
            self.raw = self.raw[-65536:]
        self._parser.feed(data)
        for event, element in self._parser.read_events():
            if event == "start":
                self._depth += 1
                if self._depth == 1:
                    self.header, self._root = dict(element.attrib), element
            else:
                self._depth -= 1
                if self._depth == 1:
                    self._ready.append(element)
                    self._root.remove(element)      # a long stream must not grow
                elif self._depth == 0:
                    self.ended = True

    def read(self, timeout=None):
        """The next element; None when the stream was ended in order. Closed when the connection went first."""
        end = time.monotonic() + (self.timeout if timeout is None else timeout)
        while not self._ready:
            if self.ended:
                return None
            self._fill(end)
        return self._ready.pop(0)

    def expect(self, wanted, timeout=None):
        element = self.read(timeout)
        if element is None or name(element) != wanted:
            got = "the end of the stream" if element is None else ET.tostring(element).decode()
            raise LabError(f"expected <{wanted}/>, got {got}")
        return element

    def stream_error(self, timeout=None):
        """Reads on until the stream error, then until the close; returns its condition (None: closed without one)."""
        condition = None
        end = time.monotonic() + (timeout or self.timeout)
        try:
            while True:
                element = self.read(end - time.monotonic())
                if element is None:
                    break
                if element.tag == f"{{{STREAM}}}error":
                    condition = next((name(c) for c in element if c.tag.startswith(f"{{{STREAM_ERRORS}}}") and name(c) != "text"), "")
        except Closed:
            pass
        return condition

    def closes(self, timeout=None):
        """Reads to the end of the connection; LabError when it stays open."""
        end = time.monotonic() + (timeout or self.timeout)
        try:
            while True:
                self.ended = False
                self.read(end - time.monotonic())
        except Closed:
            return

    # ---- a stream's beginning, as the initiating entity ----------------------------------------------------------------

    def open(self, from_, to, declaration="<?xml version='1.0'?>"):
        self._restart()
        self.send(f"{declaration}{HEADER} from='{from_}' to='{to}'>")
        return self.expect("features")

    def _client_tls(self, to):
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
        chain, key, ca = self.tls
        if ca:
            context.load_verify_locations(ca)
            context.check_hostname, context.verify_mode = True, ssl.CERT_REQUIRED
        if chain:
            context.load_cert_chain(chain, key)
        return context

    def start_tls(self, from_, to):
        self.open(from_, to)
        self.send(f"<starttls xmlns='{TLS}'/>")
        self.expect("proceed")
        self.sock = self._client_tls(to).wrap_socket(self.sock, server_hostname=to)
        return self.open(from_, to)

    def direct_tls(self, from_, to):
        context = self._client_tls(to)
        context.set_alpn_protocols(["xmpp-server"])
        self.sock = context.wrap_socket(self.sock, server_hostname=to)
        return self.open(from_, to)

    def external(self, from_, to):
        """SASL EXTERNAL (XEP-0178) and the stream restart behind it."""
        self.send(f"<auth xmlns='{SASL}' mechanism='EXTERNAL'>{base64.b64encode(from_.encode()).decode()}</auth>")
        self.expect("success")
        return self.open(from_, to)

    def authenticated(self, from_, to, direct=False):
        """From the first byte to a stream that may carry stanzas."""
        (self.direct_tls if direct else self.start_tls)(from_, to)
        self.external(from_, to)
        return self

    # ---- as the receiving entity ---------------------------------------------------------------------------------------

    def accept(self, own, tls_only=False, features=""):
        """Takes the other side through STARTTLS and EXTERNAL; returns the domain that it proved."""
        self._answer_header(own, f"<starttls xmlns='{TLS}'><required/></starttls>")
        self.expect("starttls")
        self.send(f"<proceed xmlns='{TLS}'/>")
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        chain, key, ca = self.tls
        context.load_cert_chain(chain, key)
        if ca:
            context.load_verify_locations(ca)
            context.verify_mode = ssl.CERT_REQUIRED
        self.sock = context.wrap_socket(self.sock, server_side=True)
        self._answer_header(own, f"<mechanisms xmlns='{SASL}'><mechanism>EXTERNAL</mechanism></mechanisms>")
        if tls_only:
            return self.header.get("from")
        auth = self.expect("auth")
        claimed = base64.b64decode(auth.text).decode() if auth.text and auth.text != "=" else self.header.get("from")
        self.send(f"<success xmlns='{SASL}'/>")
        self._answer_header(own, features)
        return claimed

    def _answer_header(self, own, features):
        self._restart()
        end = time.monotonic() + self.timeout
        while self.header is None:
            self._fill(end)
        to = self.header.get("to") or own
        self.send(f"<?xml version='1.0'?>{HEADER} from='{to}' to='{self.header.get('from', '')}' id='{uuid.uuid4()}'>"
                  f"<stream:features>{features}</stream:features>")

    def close(self, orderly=True):
        try:
            if orderly:
                self.send("</stream:stream>")
            self.sock.close()
        except OSError:
            pass


class Sink:
    """A receiving server: takes every stream that comes and keeps each stanza with its time of arrival.

    `answer(peer, element)`, when given, is called for each stanza. `pause` set: nothing is read from the sockets.
    `mute`: connections are taken but nothing is ever said. `tls_only`: nobody authenticates, as who only asks about keys (XEP-0220)."""

    def __init__(self, namespace, addresses, own, tls, port=5269, answer=None, mute=False, tls_only=False, features=""):
        self.own, self.tls, self.answer, self.mute, self.tls_only, self.features = own, tls, answer, mute, tls_only, features
        self.stanzas = []       # (monotonic time, element)
        self.peers = set()      # far addresses
        self.connections = 0
        self.errors = []
        self.pause = threading.Event()
        self.new = threading.Condition()
        self._streams, self._listeners, self._ending = [], [], False
        for address in addresses:
            with inside(namespace):
                s = socket.create_server((address, port), family=socket.AF_INET6 if ":" in address else socket.AF_INET,
                                         backlog=64)
            self._listeners.append(s)
            threading.Thread(target=self._listen, args=(s,), daemon=True).start()

    def _listen(self, listener):
        while not self._ending:
            try:
                sock, far = listener.accept()
            except OSError:
                return
            self.connections += 1
            self.peers.add(far[0])
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            threading.Thread(target=self._serve, args=(Peer(sock, self.tls),), daemon=True).start()

    def _serve(self, peer):
        self._streams.append(peer)
        try:
            if self.mute:
                while peer.sock.recv(65536):
                    pass
                return
            peer.accept(self.own, self.tls_only, self.features)
            while not self._ending:
                while self.pause.is_set() and not self._ending:
                    time.sleep(0.02)
                element = peer.read(3600)
                if element is None:
                    peer.close()
                    return
                with self.new:
                    self.stanzas.append((time.monotonic(), element))
                    self.new.notify_all()
                if self.answer:
                    self.answer(peer, element)
        except (LabError, OSError, ET.ParseError) as error:
            self.errors.append(str(error))
        finally:
            peer.sock.close()
            self._streams.remove(peer)

    def wait(self, what, test, timeout=10):
        """The first stanza that passes the test."""
        end, seen = time.monotonic() + timeout, 0
        with self.new:
            while True:
                for _, element in self.stanzas[seen:]:
                    if test(element):
                        return element
                seen = len(self.stanzas)
                left = end - time.monotonic()
                if left <= 0:
                    raise LabError(f"the sink of {self.own} waited {timeout:g} s in vain for {what}; errors: {self.errors[-3:]}")
                self.new.wait(left)

    def ids(self):
        with self.new:
            return [e.get("id") for _, e in self.stanzas]

    def cut(self):
        """Breaks every stream that is open now."""
        for peer in list(self._streams):
            with contextlib.suppress(OSError):
                peer.sock.shutdown(socket.SHUT_RDWR)

    def close(self):
        self._ending = True
        for s in self._listeners:
            with contextlib.suppress(OSError):
                s.shutdown(socket.SHUT_RDWR)
            s.close()
        self.cut()


def message(from_, to, id_, body="x", type_="chat", extra=""):
    return f"<message from='{from_}' to='{to}' id='{id_}' type='{type_}'><body>{body}</body>{extra}</message>"


IDS = itertools.count()


def new_id(word):
    """An id that no stanza of this run has. In letters: digits of a clock are a payment card's now and then, and the gate blacks those out."""
    n, letters = next(IDS), ""
    while n or not letters:
        n, k = divmod(n, 26)
        letters = chr(ord("a") + k) + letters
    return f"{word}-{letters}"


NUMBER = re.compile(r"(\d+)$")


def number(id_):
    """The number at the end of an id that a test made."""
    found = NUMBER.search(id_ or "")
    return int(found.group(1)) if found else None
