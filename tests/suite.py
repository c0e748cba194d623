# SPDX-License-Identifier: GPL-3.0-or-later
# Runs the tests group by group and adds them up. The last line is always "N passed, N failed, N skipped"; exit 0 without failures.
#
#   tests/run [--long] [--list] [GROUP...]      a group is one line of --list, or the part before its slash

import argparse
import concurrent.futures
import glob
import os
import re
import signal
import subprocess
import sys
import threading
import time
import xml.etree.ElementTree as ET

HERE = os.path.dirname(os.path.realpath(__file__))
ROOT = os.path.dirname(HERE)
BUILD = os.path.join(ROOT, os.environ.get("BUILD", "build"))
PATIENCE = float(os.environ.get("LAB_PATIENCE", "1"))       # of builds that are slower (tests/lab/net.py)
TAP = re.compile(r"^(not )?ok\b[ \d]*(?:- )?(.*?)(?:\s+#\s*(skip|todo)\b(.*))?$", re.I)


class Count:
    def __init__(self):
        self.passed = self.failed = self.skipped = 0

    def add(self, other):
        self.passed += other.passed
        self.failed += other.failed
        self.skipped += other.skipped

    def __str__(self):
        return f"{self.passed} passed, {self.failed} failed, {self.skipped} skipped"


_mine = threading.local()       # of a worker: the lines of its group, said together when the group is done
_over = threading.Event()       # the whole run is being ended


def say(text):
    if getattr(_mine, "lines", None) is None:
        print(text, flush=True)
    else:
        _mine.lines.append(text)


def execute(command, log, seconds, cwd=ROOT, env=None):
    """Runs a command with its output in a file; a group of processes that is over its time is ended, then killed."""
    with open(log, "w") as out:
        child = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=out, stderr=subprocess.STDOUT, cwd=cwd,
                                 start_new_session=True,
                                 env={**os.environ, "BUILD": BUILD, "PYTHONDONTWRITEBYTECODE": "1", **(env or {})})
        last = time.monotonic()
        end = last + seconds * PATIENCE
        try:
            while child.poll() is None and time.monotonic() < end and not _over.is_set():
                time.sleep(0.05)
                if time.monotonic() - last > 30:
                    last = time.monotonic()
                    print(f"    ... {os.path.basename(log)}: {_progress(log)}", flush=True)
            over = child.poll() is None
        except BaseException:
            _end(child, 30)
            raise
        if over:
            _end(child, 30)
    return child.returncode, over


def _end(child, patience):
    for sig, wait in ((signal.SIGTERM, patience), (signal.SIGKILL, 5)):
        try:
            os.killpg(child.pid, sig)
            child.wait(wait)
            return
        except (ProcessLookupError, subprocess.TimeoutExpired):
            pass


def _progress(log):
    with open(log, errors="replace") as f:
        lines = f.read().splitlines()
    return lines[-1][:100] if lines else "started"


def show(log, lines=60):
    with open(log, errors="replace") as f:
        for line in f.read().splitlines()[-lines:]:
            say("    | " + line)


# ---- kinds of groups: each returns a Count, and says what failed -------------------------------------------------------

def tap(command, name, seconds=120):
    """One program that prints TAP."""
    log = os.path.join(BUILD, "test-logs", name.replace("/", "-") + ".log")
    status, over = execute(command, log, seconds)
    count, plan, bad = Count(), None, []
    with open(log, errors="replace") as f:
        for line in f:
            found = re.match(r"^1\.\.(\d+)(?:\s*#\s*skip(.*))?", line, re.I)
            if found:
                plan = int(found.group(1))
                if plan == 0:
                    count.skipped += 1
                continue
            found = TAP.match(line.rstrip("\n"))
            if not found:
                continue
            if found.group(3):
                count.skipped += 1
            elif found.group(1):
                count.failed += 1
                bad.append(found.group(2))
            else:
                count.passed += 1
    ran = count.passed + count.failed + (count.skipped if plan else 0)
    why = None
    if over:
        why = f"not done after {seconds} s"
    elif plan is None:
        why = f"it ended without a plan (exit {status})"
    elif plan and ran != plan:
        why = f"{ran} tests of {plan} came"
    elif status and not count.failed:
        why = f"exit {status}"
    if why:
        count.failed += 1
        bad.append(why)
    if bad:
        for b in bad[:20]:
            say(f"  FAILED {name}: {b}")
        show(log, 25)
    return count


def pytest(path, name, seconds, long, tag="", only=""):
    """One file of pytest, or those of its tests that `only` (pytest's -k) names, in labs whose names begin with `tag`. Each test
    counts; a file that ends early counts as one failure more."""
    stem = os.path.join(BUILD, "test-logs", name.replace("/", "-"))
    command = ["/usr/bin/python3", "-B", "-m", "pytest", "-p", "no:cacheprovider", "-q", "--tb=short", "--durations=5",
               "-o", "junit_family=xunit1", f"--junitxml={stem}.xml", path] + (["--long"] if long else []) + (["-k", only] if only else [])
    tags = "-".join(filter(None, (os.environ.get("LAB_TAG"), tag)))
    for old in (stem + ".xml", stem + ".table"):
        if os.path.exists(old):
            os.unlink(old)
    status, over = execute(command, stem + ".log", seconds, os.path.dirname(path), {"LAB_TAG": tags})
    count = Count()
    try:
        cases = ET.parse(stem + ".xml").getroot().iter("testcase")
    except (OSError, ET.ParseError):
        cases = []
    for case in cases:
        kinds = {child.tag for child in case}
        if kinds & {"failure", "error"}:
            count.failed += 1
            say(f"  FAILED {name}: {case.get('name')}")
        elif "skipped" in kinds:
            count.skipped += 1
        else:
            count.passed += 1
    if over or status not in (0, 1, 5):
        count.failed += 1
        say(f"  FAILED {name}: " + (f"not done after {seconds} s" if over else f"pytest ended with {status}"))
    if count.failed:
        show(stem + ".log", 120)
    if os.path.exists(stem + ".table"):     # what a test has measured, for people
        show(stem + ".table", 1000)
    return count


# ---- which groups there are --------------------------------------------------------------------------------------------

E2E_SECONDS = {"test_federation.py": 900, "test_kill.py": 420, "test_attack.py": 600, "test_inline.py": 900, "test_closed.py": 600,
               "test_reload.py": 600}      # others: 300; --long: six times as much

# Files whose parts run in labs of their own: {file: {part: (tag, pytest's -k)}}
BY_LAYOUT = {"bridge": ("b", "bridge"), "proxy": ("p", "proxy"), "routed": ("r", "not bridge and not proxy")}
PARTS = {"test_federation.py": BY_LAYOUT, "test_inline.py": BY_LAYOUT, "test_closed.py": BY_LAYOUT}


def alone(path):
    """A test file says "# alone: why" near its top when nothing else may run beside it: it measures time, or floods."""
    with open(path) as f:
        return any(line.startswith("# alone: ") for line in f.readlines()[:15])


def groups(long):
    """[(name, function that returns a Count, may run beside others)], cheap ones first."""
    found = []
    for source in sorted(glob.glob(os.path.join(HERE, "unit", "*.c"))):
        stem = os.path.basename(source)[:-2]
        found.append((f"unit/{stem}", lambda s=stem: tap([os.path.join(BUILD, "tests", s)], f"unit/{s}"), False))
    for source in sorted(glob.glob(os.path.join(HERE, "fuzz", "*.c"))):
        stem = os.path.basename(source)[:-2]
        if stem != "main":
            corpus = os.path.join(HERE, "fuzz", "corpus", stem)
            found.append((f"fuzz/{stem}", lambda s=stem, c=corpus: tap([os.path.join(BUILD, "fuzz", s), c], f"fuzz/{s}"), False))
    # Folders of programs that print TAP: attack, replay and the like. A lone executable in tests/ is one too (links).
    for path in sorted(glob.glob(os.path.join(HERE, "*")) + glob.glob(os.path.join(HERE, "attack", "*"))
                       + glob.glob(os.path.join(HERE, "replay", "*")) + glob.glob(os.path.join(HERE, "xeps", "*"))):
        name = os.path.relpath(path, HERE)
        if os.path.isfile(path) and os.access(path, os.X_OK) and name != "run":
            words = ["--all"] if name == "links" else ["--long"] if long else []
            found.append((name, lambda p=path, n=name, w=words: tap([p] + w, n, 1800 if long else 300), False))
    for folder in ("tools", "e2e", "attack"):
        for path in sorted(glob.glob(os.path.join(HERE, folder, "test_*.py"))):
            name = f"{folder}/{os.path.basename(path)[5:-3]}"
            seconds = E2E_SECONDS.get(os.path.basename(path), 300) * (6 if long else 1)
            beside = folder != "tools" and not alone(path)
            for part, (tag, only) in PARTS.get(os.path.basename(path), {"": ("", "")}).items():
                found.append((f"{name}/{part}".rstrip("/"), lambda p=path, n=f"{name}-{part}".rstrip("-"), s=seconds, t=tag, o=only:
                              pytest(p, n, s, long, t, o), beside))
    return found


JOBS = (os.cpu_count() or 1) + 1


def group(name, function):
    """Runs one group and says how it went."""
    began = time.monotonic()
    count = function()
    say(f"{'FAILED' if count.failed else 'ok':<7}{name:<28} {count}  ({time.monotonic() - began:.1f} s)")
    return count


def worker(name, function):
    """The same beside others: (count, what it has to say)."""
    _mine.lines = []
    try:
        return group(name, function), _mine.lines
    finally:
        _mine.lines = None


def main():
    p = argparse.ArgumentParser(prog="tests/run", description="Runs the tests.")
    p.add_argument("--long", action="store_true", help="also what takes longer")
    p.add_argument("--list", action="store_true", help="only names the groups")
    p.add_argument("--jobs", type=int, default=JOBS, help=f"end-to-end groups at a time (as a rule {JOBS}: labs mostly wait)")
    p.add_argument("group", nargs="*", help="only these groups, for example unit or e2e/kill")
    a = p.parse_args()
    chosen = [(n, f, b) for n, f, b in groups(a.long) if not a.group or any(n == g or n.startswith(g.rstrip("/") + "/") for g in a.group)]
    if a.list:
        print("\n".join(n for n, _, _ in chosen))
        return 0
    if not chosen:
        print(f"tests/run: no such group: {' '.join(a.group)}; see --list", file=sys.stderr)
        return 2
    os.makedirs(os.path.join(BUILD, "test-logs"), exist_ok=True)
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    total, start = Count(), time.monotonic()
    beside = [(n, f) for n, f, b in chosen if b and a.jobs > 1]
    pool = concurrent.futures.ThreadPoolExecutor(a.jobs)
    try:
        for name, function in [(n, f) for n, f, b in chosen if not (b and a.jobs > 1)]:
            total.add(group(name, function))
        for done in concurrent.futures.as_completed([pool.submit(worker, n, f) for n, f in beside]):
            count, lines = done.result()
            total.add(count)
            say("\n".join(lines))
    except BaseException as why:
        _over.set()
        pool.shutdown(cancel_futures=True)      # each worker ends its own child
        if not isinstance(why, KeyboardInterrupt):
            raise
        say("interrupted")
        total.failed += 1
    say(f"logs: {os.path.join(BUILD, 'test-logs')}; {time.monotonic() - start:.0f} s in all")
    say(str(total))
    return 1 if total.failed else 0


if __name__ == "__main__":
    sys.exit(main())
