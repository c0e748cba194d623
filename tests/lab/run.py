# SPDX-License-Identifier: GPL-3.0-or-later
# The body of `make run`: build, lab, gateway, scripted exchange with each verdict as it falls, summary.
# Exit 0 only when every message got the verdict and the delivery that story.py names.

import argparse
import os
import signal
import subprocess
import sys
import threading
import time

sys.dont_write_bytecode = True
sys.path.insert(0, os.path.join(os.path.dirname(os.path.realpath(__file__)), ".."))

from lab.build import build                 # noqa: E402
from lab.gateway import Journal             # noqa: E402
from lab.lab import Lab, build_folder       # noqa: E402
from lab.net import LabError                # noqa: E402
from lab.show import Follower, colour           # noqa: E402
from lab.story import Story, by_hand        # noqa: E402


def say(text):
    print(text, flush=True)


def summary(story, seconds):
    wrong = [r for r in story.results if r[1] is not None]
    say("")
    for n, (title, why) in enumerate(story.results, 1):
        mark = colour("good", "ok   ") if why is None else colour("bad", "WRONG")
        say(f"  {mark} {n}. {title}" + (f"\n          {why}" if why else ""))
    if story.follower:
        counts = {}
        for e in story.follower.find(lambda e: e["event_type"] == "verdict"):
            counts[e["verdict"]] = counts.get(e["verdict"], 0) + 1
        say("\n  verdicts: " + (", ".join(f"{n} {v}" for v, n in sorted(counts.items())) or "none"))
    say(colour("bad" if wrong else "good",
               f"  {len(story.results) - len(wrong)} of {len(story.results)} steps as they should be, {seconds:.1f} s"))


def stay(lab):
    """On a terminal the lab stays until Ctrl-C."""
    say("\n" + by_hand(lab))
    say(colour("bold", "\nThe lab stays up. Ctrl-C ends it and removes all of it."))
    ended = threading.Event()       # no exception: one in the middle of poll() would keep its lock for ever
    before = signal.signal(signal.SIGINT, lambda *_: ended.set())
    try:
        while (lab.gateway is None or lab.gateway.process.alive()) and not ended.is_set():
            ended.wait(0.5)
    finally:
        signal.signal(signal.SIGINT, before)
    say("\nending" if ended.is_set() else "the gateway has ended by itself; its log:\n" + lab.gateway.process.tail())


def play(arguments):
    lab = Lab("run", arguments.layout, arguments.high, arguments.low, arguments.dialback, tls=arguments.tls,
              say=lambda t: say(f"lab: {t}"))
    follower, good = None, False
    try:
        lab.up()
        if lab.layout != "direct":
            lab.say("gateway")
            lab.start_gateway()
            follower = Follower(Journal(lab.path("state")), echo=say)
        story, start = Story(lab, follower, say), time.monotonic()
        good = story.play()
        summary(story, time.monotonic() - start)
        if sys.stdout.isatty() and sys.stdin.isatty() and not arguments.once:
            stay(lab)
        return 0 if good else 1
    finally:
        if follower:
            follower.stop()
        if not good and lab.claimed:
            kept = os.path.join(build_folder(), "lab-logs")
            lab.keep_logs(kept)
            say(f"logs kept in {kept}")
        lab.down()


def terminated(*_):
    raise SystemExit(143)


def main():
    p = argparse.ArgumentParser(prog="run", description="Shows the gateway at work between two real XMPP servers.")
    p.add_argument("--layout", default="routed", choices=["routed", "bridge", "proxy", "direct"],
                   help="how the gateway sits between the networks; direct: no gateway, for comparison (default: routed)")
    p.add_argument("--high", default="prosody", choices=["prosody", "ejabberd"], help="server of high.example")
    p.add_argument("--low", default="ejabberd", choices=["prosody", "ejabberd"], help="server of low.example")
    p.add_argument("--dialback", action="store_true", help="servers prove themselves by dialback, not by certificate")
    p.add_argument("--tls", default="starttls", choices=["starttls", "direct"])
    p.add_argument("--no-build", action="store_true", help="use what is built already")
    p.add_argument("--once", action="store_true", help="end after the exchange, also on a terminal")
    arguments = p.parse_args()
    signal.signal(signal.SIGTERM, terminated)
    signal.signal(signal.SIGHUP, terminated)
    try:
        if not arguments.no_build and arguments.layout != "direct":
            build()
        return play(arguments)
    except LabError as error:
        print(f"run: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        return 130
    except (OSError, subprocess.SubprocessError) as error:
        print(f"run: {error}", file=sys.stderr)
        return 1


if __name__ == "__main__":
    sys.exit(main())
