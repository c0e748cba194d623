#!/usr/bin/python3
# SPDX-License-Identifier: GPL-3.0-or-later
# The Debian package in a clean root, called there by clean-root: installed, configured, chatted over, upgraded under load, removed, purged.
# `package_story.py FIRST.deb SECOND.deb`. No service manager runs there, so start and stop are by hand; what its units say is tested elsewhere.

import glob
import grp
import json
import os
import shutil
import subprocess
import sys
import time

HERE = os.path.dirname(os.path.realpath(__file__))
sys.dont_write_bytecode = True
sys.path.insert(0, os.path.dirname(HERE))

ETC, STATE, GROUPS = "/etc/lockgate", "/var/lib/lockgate", ("lockgate-officer", "lockgate-engineer", "lockgate-auditor")


def sh(*words, check=True, **more):
    done = subprocess.run(words, capture_output=True, text=True, timeout=300, stdin=subprocess.DEVNULL,
                          env={**os.environ, "DEBIAN_FRONTEND": "noninteractive"}, **more)
    if check and done.returncode:
        sys.exit(f"{' '.join(words)}: exit {done.returncode}\n{done.stdout}{done.stderr}")
    return done


def step(text):
    print(f"package: {text}", flush=True)


def groups():
    return {g.gr_name for g in grp.getgrall()} & set(GROUPS)


def install(package):
    """apt asks nothing: where somebody edited a file of the configuration, that file stays."""
    return sh("apt-get", "-q", "install", "-y", "--no-install-recommends", "-o", "Dpkg::Options::=--force-confold", package)


def files():
    """Everything on this machine that carries the name, but for the packages and this checkout."""
    found = sh("find", "/", "-xdev", "-name", "*lockgate*", "-not", "-path", "/root/*", "-not", "-path", "/proc/*", "-not", "-path", "/sys/*").stdout.split()
    return [f for f in found if not f.startswith(("/var/tmp/lockgate-lab", "/var/log", "/var/cache"))]


def configure(lab):
    """As the README says: domains, networks and cards into the configuration, certificates into tls, rules of the officer."""
    from lab import gateway
    for f in glob.glob(lab.path("tls", "*")):
        shutil.copy(f, f"{ETC}/tls/")
    settings = gateway.settings(lab, **{"gateway.state": STATE, "gateway.run": "/run/lockgate", "gateway.rules": "rules"})
    for side in ("high", "low"):
        settings[side]["trust"] = settings[side]["trust"].replace(lab.path(), ETC + "/").replace("//", "/")
        settings[side]["certificates"] = tuple({k: v.replace(lab.path("tls"), "tls") for k, v in c.items()} for c in settings[side]["certificates"])
    gateway.write(f"{ETC}/lockgate.conf", settings)
    shutil.copytree(os.path.join(os.path.dirname(HERE), "lab", "rules"), f"{ETC}/rules", dirs_exist_ok=True)


def start():
    run = subprocess.Popen(["lockgate", "run"], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=open("/var/log/lockgate-story.log", "ab"), text=True)
    if run.stdout.readline().strip() != "ready":
        sys.exit("the gateway did not get ready:\n" + open("/var/log/lockgate-story.log").read()[-3000:])
    return run


def records():
    """{stanza id: verdict} of the journal."""
    verdicts = {}
    for path in sorted(glob.glob(f"{STATE}/journal/*.jsonl")):
        for line in open(path):
            if line.endswith("\n") and '"verdict"' in line:
                r = json.loads(line)
                if r.get("stanza_id"):
                    verdicts[r["stanza_id"]] = r["verdict"]
    return verdicts


def main(first, second):
    before = files()
    step("install")
    install(first)
    assert groups() == set(GROUPS), groups()
    assert os.stat(f"{ETC}/tls").st_mode & 0o777 == 0o750
    for program in ["/usr/bin/lockgate", *glob.glob("/usr/libexec/lockgate/*")]:
        assert "not found" not in sh("ldd", program).stdout, f"{program} lacks a library"
    assert sh("lockgate", "check", check=False).returncode == 78, "the sample's certificates are not there yet"
    sh("lockgate", "test", "--rules", f"{ETC}/rules")
    sh("apt-get", "-q", "install", "-y", "--no-install-recommends", "python3-slixmpp", "openssl", "dnsmasq-base", "util-linux")

    from lab.ends import Ends, Load
    from lab.lab import Lab
    from lab.net import wait_until
    from lab.wire import message
    with Lab("pkg", layout="routed", high="bare", low="bare") as lab:
        step("configure, check, put up, run")
        configure(lab)
        sh("lockgate", "check")
        sh("lockgate", "inline", "up")
        for _ in range(20):     # a card's carrier is known a moment after it is up
            look = json.loads(sh("lockgate", "check", "--system", "--json", check=False).stdout)
            if not look["wrong"]:
                break
            time.sleep(0.5)
        assert not look["wrong"], [x for x in look["lines"] if x["level"] == "wrong"]
        gate = start()
        assert sh("lockgate", "status").returncode == 0

        step("chat both ways")
        ends = Ends(lab)
        a, b = ends.stream("high"), ends.stream("low")
        a.send(message("alice@high.example/r", "bob@low.example/r", "there"))
        b.send(message("bob@low.example/r", "alice@high.example/r", "back"))
        wait_until("a message", lambda: "there" in ends.sink["low"].ids(), 20)
        wait_until("a message", lambda: "back" in ends.sink["high"].ids(), 20)

        step("upgrade under load")
        load = Load(ends, "high", "load", 40).start()
        time.sleep(3)
        conf = open(f"{ETC}/lockgate.conf").read()
        install(second)
        assert open(f"{ETC}/lockgate.conf").read() == conf, "what the engineer wrote stays"
        assert os.path.exists(f"{ETC}/rules/lab.rules") and groups() == set(GROUPS)
        assert sh("lockgate", "status").returncode == 0, "the old programs run on"
        sh("lockgate", "stop")
        assert gate.wait(30) == 0
        sh("lockgate", "inline", "check")       # the packet rules stand: closed, not open
        closed = len(ends.sink["low"].ids())
        time.sleep(2)
        assert len(ends.sink["low"].ids()) == closed, "nothing crosses between the old programs and the new"
        gate = start()
        last = max(load.sent, default=0)
        wait_until("a message through the new programs", lambda: max(load.arrived(ends.sink["low"]), default=0) > last, 60)
        load.stop()
        time.sleep(2)
        arrived, verdicts = load.arrived(ends.sink["low"]), records()
        assert arrived and all(n == 1 for n in arrived.values()), "nothing twice"
        unjudged = [n for n in arrived if verdicts.get(f"load-{n}") != "release"]
        assert not unjudged, f"crossed without a record: {unjudged[:10]}"
        sh("lockgate", "verify")
        print(f"package: {len(load.sent)} sent during the upgrade, {len(arrived)} arrived, each with its record")

        step("remove while it runs")
        sh("apt-get", "-q", "remove", "-y", "lockgate")
        assert gate.wait(30) == 0, "it ended in order"
        assert not os.path.exists("/usr/bin/lockgate") and not os.path.exists("/usr/libexec/lockgate") and not os.path.exists("/run/lockgate")
        assert os.path.exists(f"{ETC}/lockgate.conf") and glob.glob(f"{STATE}/journal/*.jsonl"), "configuration and journal stay"
        for side in ("high", "low"):
            ruleset = sh("ip", "netns", "exec", lab.gates[side].name, "nft", "list", "tables", check=False).stdout
            assert "lockgate" not in ruleset, ruleset
        ends.close()

        step("purge")
        sh("apt-get", "-q", "purge", "-y", "lockgate")
    left = sorted(set(files()) - set(before))
    assert not left, left
    assert not groups(), groups()
    step("nothing is left behind")


if __name__ == "__main__":
    main(*sys.argv[1:3])
