# SPDX-License-Identifier: GPL-3.0-or-later
# Scripted XMPP clients (slixmpp) that live in a side's namespace and are driven by plain calls with time limits.
# Each side has one thread, which joined the network namespace, with one asyncio loop for all clients of that side.

import asyncio
import copy
import itertools
import logging
import threading
import time
import xml.etree.ElementTree as ET

logging.getLogger("slixmpp").setLevel(logging.CRITICAL)
import slixmpp      # noqa: E402  (says at import that a faster library is missing)

from .net import PATIENCE, LabError, enter_namespace
from .servers import PASSWORD

_ids = itertools.count(1)


class Loop:
    """A thread inside a network namespace that runs an asyncio loop."""

    def __init__(self, namespace):
        self.namespace = namespace
        self.loop = None
        self._error = None
        self._ready = threading.Event()
        self.thread = threading.Thread(target=self._main, name=f"clients-{namespace}", daemon=True)
        self.thread.start()
        self._ready.wait(5)
        if self._error:
            raise LabError(f"clients of {namespace}: {self._error}")

    def _main(self):
        try:
            enter_namespace(self.namespace)
            self.loop = asyncio.new_event_loop()
            asyncio.set_event_loop(self.loop)
            self.loop.set_exception_handler(lambda loop, context: None)     # broken connections are an expected sight here
        except Exception as error:      # shown by the constructor, in the caller's thread
            self._error = error
            return
        finally:
            self._ready.set()
        self.loop.run_forever()
        tasks = asyncio.all_tasks(self.loop)
        for t in tasks:
            t.cancel()
        self.loop.run_until_complete(asyncio.gather(*tasks, return_exceptions=True))

    def call(self, function, timeout=10):
        """Runs a plain function inside the loop and returns its result."""
        async def body():
            return function()
        return asyncio.run_coroutine_threadsafe(body(), self.loop).result(timeout * PATIENCE)

    def stop(self):
        if self.loop and self.thread.is_alive():
            self.loop.call_soon_threadsafe(self.loop.stop)
            self.thread.join(3)


class Got:
    """One received stanza: when it came (monotonic seconds) and what it is."""

    def __init__(self, xml, at):
        self.xml, self.at = xml, at
        self.kind = xml.tag.rsplit("}", 1)[-1]
        self.type = xml.get("type", "")
        self.id = xml.get("id", "")
        self.sender = xml.get("from", "")

    def text(self, name="body"):
        for child in self.xml:
            if child.tag.rsplit("}", 1)[-1] == name:
                return child.text or ""
        return None

    def condition(self):
        """The defined condition of an error stanza, for example "service-unavailable"."""
        for child in self.xml.iter():
            if child.tag.startswith("{urn:ietf:params:xml:ns:xmpp-stanzas}") and not child.tag.endswith("}text"):
                return child.tag.rsplit("}", 1)[-1]
        return None

    def __repr__(self):
        return ET.tostring(self.xml, encoding="unicode")


class Client:
    """A user with one connected resource. Every stanza that arrives is kept in order; wait() looks through them."""

    def __init__(self, loop, host, jid, resource="lab", version=("lab client", "1")):
        self.loop, self.jid, self.full = loop, jid, f"{jid}/{resource}"
        self._new = threading.Condition()
        self._inbox = []
        self._online = threading.Event()
        self._failed = None
        self._host, self._version = host, version
        self.xmpp = None

    def connect(self, timeout=15):
        self.loop.call(self._build)
        if not self._online.wait(timeout * PATIENCE) or self._failed:
            raise LabError(f"{self.full} could not log in at {self._host}: {self._failed or 'time-out'}")
        return self

    def _build(self):
        x = slixmpp.ClientXMPP(self.full, PASSWORD)
        x.auto_reconnect = False
        x.auto_authorize = x.auto_subscribe = None      # subscriptions are answered by the script alone
        for name in ("xep_0030", "xep_0092", "xep_0199"):
            x.register_plugin(name)
        x["xep_0092"].software_name, x["xep_0092"].version = self._version
        x.add_filter("in", self._take)
        x.add_event_handler("session_start", self._start)
        x.add_event_handler("failed_all_auth", lambda e: self._fail("wrong password"))
        x.add_event_handler("connection_failed", lambda e: self._fail(str(e)))
        self.xmpp = x
        x.connect((self._host, 5222), use_ssl=False, force_starttls=False, disable_starttls=True)

    def _start(self, event):
        self.xmpp.send_presence()
        asyncio.ensure_future(self._roster(), loop=self.loop.loop)

    async def _roster(self):
        try:
            await self.xmpp.get_roster()
        finally:
            self._online.set()

    def _fail(self, why):
        self._failed = why
        self._online.set()

    def _take(self, stanza):
        now = time.monotonic()
        if stanza.name in ("message", "presence", "iq"):
            with self._new:
                self._inbox.append(Got(copy.deepcopy(stanza.xml), now))
                self._new.notify_all()
        return stanza

    # ---- sending: every call returns the id of what it sent -------------------------------------------------------

    def send(self, xml):
        """Sends one stanza as written."""
        self.loop.call(lambda: self.xmpp.send_raw(xml))

    def _stanza(self, kind, to, inner, type_=None):
        id_ = f"lab-{next(_ids)}"
        type_ = f" type='{type_}'" if type_ else ""
        self.send(f"<{kind} to='{to}' id='{id_}'{type_}>{inner}</{kind}>")
        return id_

    def message(self, to, body, type_="chat"):
        return self._stanza("message", to, f"<body>{escape(body)}</body>", type_)

    def presence(self, to, type_=None, inner=""):
        return self._stanza("presence", to, inner, type_)

    def iq(self, to, inner, type_="get"):
        return self._stanza("iq", to, inner, type_)

    def ping(self, to):
        return self.iq(to, "<ping xmlns='urn:xmpp:ping'/>")

    def disco(self, to):
        return self.iq(to, "<query xmlns='http://jabber.org/protocol/disco#info'/>")

    def version(self, to):
        return self.iq(to, "<query xmlns='jabber:iq:version'/>")

    def join(self, room, nick):
        return self.presence(f"{room}/{nick}", inner="<x xmlns='http://jabber.org/protocol/muc'/>")

    def unlock(self, room):
        """The creator of a room takes its default settings, so that others may enter (XEP-0045 10.1.2)."""
        return self.iq(room, "<query xmlns='http://jabber.org/protocol/muc#owner'>"
                             "<x xmlns='jabber:x:data' type='submit'/></query>", "set")

    # ---- receiving ------------------------------------------------------------------------------------------------

    def find(self, test):
        with self._new:
            return [g for g in self._inbox if test(g)]

    def wait(self, what, test, timeout=10):
        """The first received stanza that passes the test, waiting for it; LabError naming `what` after the time."""
        timeout *= PATIENCE
        end = time.monotonic() + timeout
        seen = 0
        with self._new:
            while True:
                for got in self._inbox[seen:]:
                    if test(got):
                        return got
                seen = len(self._inbox)
                left = end - time.monotonic()
                if left <= 0:
                    raise LabError(f"{self.full} waited {timeout:g} s in vain for {what}")
                self._new.wait(left)

    def wait_message(self, body, timeout=10, type_=None):
        return self.wait(f"a message with body {body!r}",
                         lambda g: g.kind == "message" and g.type != "error" and g.text() == body
                         and (type_ is None or g.type == type_), timeout)

    def wait_error(self, id_, timeout=35):
        return self.wait(f"an error for {id_}", lambda g: g.id == id_ and g.type == "error", timeout)

    def wait_answer(self, id_, timeout=10):
        return self.wait(f"an answer to iq {id_}", lambda g: g.kind == "iq" and g.id == id_ and g.type in ("result", "error"),
                         timeout)

    def wait_presence(self, sender, type_="", timeout=10):
        return self.wait(f"presence {type_ or 'available'} from {sender}",
                         lambda g: g.kind == "presence" and g.type == type_ and g.sender.startswith(sender), timeout)

    def close(self):
        if self.xmpp:
            try:
                self.loop.call(lambda: self.xmpp.disconnect(wait=0.2), 3)
            except Exception:       # a loop that is already gone has closed it for us
                pass


def escape(text):
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
