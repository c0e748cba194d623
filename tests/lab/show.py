# SPDX-License-Identifier: GPL-3.0-or-later
# What the lab prints: verdict lines that are readable at a glance, colours on a terminal only, progress of slow steps.

import os
import subprocess
import sys
import threading
import time

from .net import PATIENCE

COLOURS = {"release": "32", "reject": "31", "drop": "31", "hold": "33", "good": "32", "bad": "1;31", "dim": "2", "bold": "1"}


def colour(name, text, to=sys.stdout):
    if not to.isatty() or "NO_COLOR" in os.environ or name not in COLOURS:
        return text
    return f"\033[{COLOURS[name]}m{text}\033[0m"


def short(address):
    """user@host without the resource's noise: a long resource is cut."""
    bare, _, resource = address.partition("/")
    return f"{bare}/{resource[:12]}" if resource else bare


def verdict_line(event):
    """One verdict of the journal as one line."""
    arrow = {"high-to-low": "high > low", "low-to-high": "low > high"}.get(event.get("direction"), event.get("direction", "?"))
    kind = event.get("kind", "?") + (f" {event['type']}" if event.get("type") else "")
    verdict = event.get("verdict", "?")
    why = f"rule {event['rule']}: {event.get('rule_name', '')}" if event.get("rule") else event.get("reason", "")
    changed = f" [{', '.join(map(str, event['changed']))}]" if event.get("changed") else ""
    return (f"    {colour(verdict, f'{verdict:<8}')}{arrow:<11} {kind:<21} "
            f"{short(event.get('from', '?'))} > {short(event.get('to', '?'))}  {colour('dim', why + changed)}")


class Progress:
    """Says what a slow command is doing: a moving line on a terminal, now and then a plain line elsewhere."""

    def __init__(self, title):
        self.title, self.tty = title, sys.stdout.isatty()

    def run(self, command, log, **kw):
        """Runs the command with its output in the file `log`. Returns its exit status."""
        start, last = time.monotonic(), 0.0
        print(f"{self.title} ...", end="" if self.tty else "\n", flush=True)
        with open(log, "w") as out:
            child = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=out, stderr=subprocess.STDOUT, **kw)
            try:
                while True:
                    try:
                        child.wait(0.5)
                        break
                    except subprocess.TimeoutExpired:
                        pass
                    spent = time.monotonic() - start
                    if self.tty:
                        print(f"\r\033[K{self.title} ... {spent:.0f} s  {_last_line(log)[:80]}", end="", flush=True)
                    elif spent - last > 10:
                        last = spent
                        print(f"{self.title} ... {spent:.0f} s", flush=True)
            except BaseException:
                child.terminate()
                child.wait()
                raise
        if self.tty:
            print(f"\r\033[K{self.title}: {time.monotonic() - start:.0f} s")
        return child.returncode


def _last_line(path):
    with open(path, "rb") as f:
        f.seek(0, os.SEEK_END)
        f.seek(max(0, f.tell() - 300))
        return f.read().decode(errors="replace").rstrip().rpartition("\n")[2]


class Follower:
    """Follows a gateway's journal in a thread; prints each verdict as it falls and keeps all events for wait()."""

    def __init__(self, journal, echo=None):
        self.journal, self.echo = journal, echo
        self.events = []
        self._new = threading.Condition()
        self._end = threading.Event()
        self._thread = threading.Thread(target=self._main, name="journal", daemon=True)
        self._thread.start()

    def _main(self):
        while not self._end.wait(0.02):
            fresh = self.journal.new()
            if fresh:
                with self._new:
                    self.events += fresh
                    self._new.notify_all()
                for e in fresh:
                    if self.echo and e.get("event_type") == "verdict":
                        self.echo(verdict_line(e))

    def mark(self):
        """A place in the list of events, for find() and wait(): only what comes later counts."""
        with self._new:
            return len(self.events)

    def find(self, test, since=0):
        with self._new:
            return [e for e in self.events[since:] if test(e)]

    def wait(self, test, timeout, since=0):
        """The first event that passes, or None after the time."""
        end = time.monotonic() + timeout * PATIENCE
        with self._new:
            while True:
                for e in self.events[since:]:
                    if test(e):
                        return e
                left = end - time.monotonic()
                if left <= 0:
                    return None
                self._new.wait(left)

    def stop(self):
        self._end.set()
        self._thread.join(2)
