# SPDX-License-Identifier: GPL-3.0-or-later
# Network namespaces, cables (veth pairs) and processes of the lab.
# All names carry the lab's instance, so that two labs on one machine never meet; nothing is ever made in the root namespace.

import contextlib
import ctypes
import os
import shutil
import signal
import subprocess
import time

CLONE_NEWNET = 0x40000000
# Builds that measure or watch themselves are slower: all time-outs are taken times this (tests/tools/coverage, sanitizers)
PATIENCE = float(os.environ.get("LAB_PATIENCE", "1"))


class LabError(Exception):
    """What went wrong and what to do about it, in one sentence for the person at the terminal."""


def sh(*args, check=True, timeout=30, **kw):
    """Runs one command; its output is returned. A failure shows the command and what it said."""
    done = subprocess.run([str(a) for a in args], capture_output=True, text=True, timeout=timeout, **kw)
    if check and done.returncode != 0:
        raise LabError(f"{' '.join(map(str, args))}: {(done.stderr or done.stdout).strip()} (exit {done.returncode})")
    return done.stdout


def wait_until(what, test, timeout, step=0.05):
    """Polls `test` until it answers true; LabError with `what` after `timeout` seconds."""
    timeout *= PATIENCE
    end = time.monotonic() + timeout
    while True:
        value = test()
        if value:
            return value
        if time.monotonic() > end:
            raise LabError(f"waited {timeout:g} s in vain for: {what}")
        time.sleep(step)


def enter_namespace(name):
    """Moves the calling thread, and it alone, into the network namespace."""
    fd = os.open(f"/run/netns/{name}", os.O_RDONLY | os.O_CLOEXEC)
    try:
        libc = ctypes.CDLL(None, use_errno=True)
        if libc.setns(fd, CLONE_NEWNET) != 0:
            raise LabError(f"setns({name}): {os.strerror(ctypes.get_errno())}")
    finally:
        os.close(fd)


class Process:
    """One program of the lab, in a namespace or none, with its output in a file."""

    def __init__(self, args, log, namespace=None, user=None, env=None, cwd=None, stdout=None):
        self.log = log
        command = [str(a) for a in args]
        if user:
            command = ["setpriv", f"--reuid={user}", f"--regid={user}", "--init-groups", "--"] + command
        if namespace:       # binds the resolv.conf of /etc/netns/<namespace> over /etc/resolv.conf
            command = ["ip", "netns", "exec", namespace] + command
        with open(log, "ab") as out:
            self.popen = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=stdout or out, stderr=out,
                                          env=None if env is None else {**os.environ, **env}, cwd=cwd,
                                          start_new_session=True)
        self.pid = self.popen.pid       # ip and setpriv exec the program: its id stays the same

    def alive(self):
        return self.popen.poll() is None

    def stop(self, sig=signal.SIGTERM, timeout=5):
        """Ends the program; kills it when it has not ended after `timeout` seconds. Returns its exit status."""
        if self.alive():
            self.popen.send_signal(sig)
            try:
                self.popen.wait(timeout * PATIENCE)
            except subprocess.TimeoutExpired:
                self.popen.kill()
                with contextlib.suppress(subprocess.TimeoutExpired):    # what is left dies with its namespace
                    self.popen.wait(5)
        if self.popen.stdout:
            self.popen.stdout.close()
        return self.popen.returncode

    def tail(self, lines=15):
        try:
            with open(self.log, errors="replace") as f:
                return "".join(f.readlines()[-lines:])
        except OSError:
            return ""


class Namespace:
    def __init__(self, name):
        self.name = name

    def up(self):
        sh("ip", "netns", "add", self.name)
        sh("ip", "-n", self.name, "link", "set", "lo", "up")
        return self

    def exists(self):
        return os.path.exists(f"/run/netns/{self.name}")

    def ip(self, *args):
        return sh("ip", "-n", self.name, *args)

    def run(self, *args, check=True, timeout=30):
        return sh("ip", "netns", "exec", self.name, *args, check=check, timeout=timeout)

    def resolver(self, address):
        """Programs started in this namespace find their DNS server at `address`."""
        folder = f"/etc/netns/{self.name}"
        os.makedirs(folder, exist_ok=True)
        with open(f"{folder}/resolv.conf", "w") as f:
            f.write(f"nameserver {address}\noptions timeout:1 attempts:1\n")

    def down(self):
        """Kills every process inside, then removes the namespace; silent when there is none."""
        if self.exists():
            for _ in range(20):
                pids = [int(p) for p in sh("ip", "netns", "pids", self.name, check=False).split()]
                pids = [p for p in pids if p != os.getpid()]
                if not pids:
                    break
                for pid in pids:
                    try:
                        os.kill(pid, signal.SIGKILL)
                    except ProcessLookupError:
                        pass
                time.sleep(0.05)
            sh("ip", "netns", "del", self.name, check=False)
        shutil.rmtree(f"/etc/netns/{self.name}", ignore_errors=True)
        try:
            os.rmdir("/etc/netns")      # only when it is empty
        except OSError:
            pass

    def peers(self, ports=(5269, 5270)):
        """The far addresses of established s2s connections as this namespace's servers see them."""
        found = set()
        for line in self.run("ss", "-Htn", "state", "established").splitlines():
            local, far = line.split()[2:4]
            if int(local.rsplit(":", 1)[1]) in ports or int(far.rsplit(":", 1)[1]) in ports:
                found.add(far.rsplit(":", 1)[0].strip("[]").removeprefix("::ffff:"))
        return found


def cable(a, a_card, b, b_card, a_mac=None):
    """A veth pair, each end made in its namespace at once. IPv6 addresses are ready without duplicate detection."""
    sh("ip", "link", "add", a_card, "netns", a.name, "type", "veth", "peer", "name", b_card, "netns", b.name)
    if a_mac:
        a.ip("link", "set", a_card, "address", a_mac)


def address(ns, card, *addresses):
    for a in addresses:
        ns.ip("addr", "add", a, "dev", card, *(["nodad"] if ":" in a else []))
    ns.ip("link", "set", card, "up")
