#!/usr/bin/python3
# SPDX-License-Identifier: GPL-3.0-or-later
# The Debian package in a clean root, called there by clean-root: installed, configured, chatted over, upgraded under load, removed, purged.
# `package_story.py FIRST.deb SECOND.deb`. No service manager runs there, so start and stop are by hand; what its units say is tested elsewhere.
# The commands are those of the README's chapter "Between two networks", read from it; one that is not run here ends the story with its name.

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
sys.path[:0] = [HERE, os.path.dirname(HERE)]

from chapter import Chapter     # noqa: E402

README = Chapter("Between two networks")
EXAMPLES = "/usr/share/doc/lockgate/examples"
ETC, STATE, GROUPS = "/etc/lockgate", "/var/lib/lockgate", ("lockgate-officer", "lockgate-engineer", "lockgate-auditor")


def sh(*words, check=True, **more):
    done = subprocess.run(words, capture_output=True, text=True, timeout=300, stdin=subprocess.DEVNULL,
                          env={**os.environ, "DEBIAN_FRONTEND": "noninteractive"}, **more)
    if check and done.returncode:
        sys.exit(f"{' '.join(words)}: exit {done.returncode}\n{done.stdout}{done.stderr}")
    return done


def readme(wanted, *more, check=True, cwd=None):
    """Runs a command of the README (by its beginning), with words of this test's behind it."""
    return sh("sh", "-ec", " ".join([README.command(wanted), *more]), check=check, cwd=cwd)


def certificate(side):
    """By the README's lines, which make that of the high side; for the low side its words change places."""
    lines = README.block("low.example.on-high.key")
    if side == "low":
        lines = lines.replace("high", "@").replace("low", "high").replace("@", "low")
    sh("sh", "-ec", lines, cwd=f"{ETC}/tls")


def edit(path, *changes):
    """What an engineer does with an editor: each piece of text, there exactly once, becomes another."""
    with open(path) as f:
        text = f.read()
    for old, new in changes:
        assert text.count(old) == 1, f"{path} has {text.count(old)} times: {old}"
        text = text.replace(old, new)
    with open(path, "w") as f:
        f.write(text)


def step(text):
    print(f"package: {text}", flush=True)


def groups():
    return {g.gr_name for g in grp.getgrall()} & set(GROUPS)


def install(package):
    """apt asks nothing: where somebody edited a file of the configuration, that file stays."""
    command = README.command("apt install ./").replace("./...", package)
    return sh("sh", "-ec", f"{command} -q -y --no-install-recommends -o Dpkg::Options::=--force-confold")


def files():
    """Everything on this machine that carries the name, but for the packages and this checkout."""
    found = sh("find", "/", "-xdev", "-name", "*lockgate*", "-not", "-path", "/root/*", "-not", "-path", "/proc/*", "-not", "-path", "/sys/*").stdout.split()
    return [f for f in found if not f.startswith(("/var/tmp/lockgate-lab", "/var/log", "/var/cache"))]


def configure(lab):
    """As the README says: the example of this layout with the names of these two cards, a certificate for each foreign domain, signed by a CA
    that the side trusts, and rules of the officer's."""
    from lab.layout import CARDS
    assert "`conf/examples`" in README.text and os.path.isdir(EXAMPLES)
    for side in CARDS:
        for f in (lab.ca[side].cert, lab.ca[side].key):
            shutil.copy(f, f"{ETC}/tls/")
        certificate(side)
    shutil.copy(f"{EXAMPLES}/routed.conf", f"{ETC}/lockgate.conf")
    edit(f"{ETC}/lockgate.conf", *(change for side, card in (("high", "ens1"), ("low", "ens2"))
                                   for change in ((f'"{card}"', f'"{CARDS[side]}"'), (f'"lg-{side}"', f'"{lab.gates[side].name}"'))))
    shutil.copytree(os.path.join(os.path.dirname(HERE), "lab", "rules"), f"{ETC}/rules", dirs_exist_ok=True)


def first_days(say, ends):
    """enforce = false: what would be refused crosses and is written down as such, until it is true again."""
    from lab.net import wait_until
    edit(f"{ETC}/lockgate.conf", ('mode = "routed";', 'mode = "routed"; enforce = false;'))
    readme("lockgate reload")
    say("watched", "FORGET-ME-NOT")
    wait_until("what is only watched", lambda: "watched" in ends.sink["low"].ids(), 20)
    assert "watched" in readme("lockgate log --where", "--json").stdout
    edit(f"{ETC}/lockgate.conf", ("enforce = false;", "enforce = true;"))
    readme("lockgate reload")
    say("refused", "FORGET-ME-NOT")
    say("behind it", "x")
    wait_until("a message", lambda: "behind it" in ends.sink["low"].ids(), 20)
    assert "refused" not in ends.sink["low"].ids()


def mint(lab):
    """The high side's certificates are made by the gateway from here on, with the README's CA, which high's server trusts."""
    sh("sh", "-ec", README.block("mint-high.key"), cwd=f"{ETC}/tls")
    edit(f"{ETC}/lockgate.conf", ('certificates = ( { domain = "low.example"; chain = "tls/low.example.on-high.pem"; key = "tls/low.example.on-high.key"; } );',
                                  README.setting("mint = {")))
    readme("lockgate check")
    lab.ca["high"].cert = f"{ETC}/tls/mint-high.pem"


def from_source():
    """The other way to install that the README names. Last, since nothing takes it away again."""
    top = os.path.dirname(os.path.dirname(HERE))
    sh("apt-get", "-q", "install", "-y", "make")
    os.unlink(f"{top}/build/bin/lockgate")      # the package's
    for wanted in ("tests/lab/packages build runtime", "make install PREFIX=/usr", "make install"):
        readme(wanted, cwd=top)
    for place in ("/usr", "/usr/local"):
        assert sh(f"{place}/bin/lockgate", "check", check=False).returncode == 78, "the sample's certificates are not there"
        sh(f"{place}/bin/lockgate", "test", "--rules", f"{ETC}/rules")
        assert os.path.exists(f"{place}/lib/systemd/system/lockgate.service") and os.path.exists(f"{place}/share/man/man5/lockgate.conf.5")


def start():
    run = subprocess.Popen(README.command("lockgate run").split(), stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=open("/var/log/lockgate-story.log", "ab"), text=True)
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
    README.command("make deb")      # by clean-root
    step("install")
    install(first)
    assert groups() == set(GROUPS), groups()
    assert os.stat(f"{ETC}/tls").st_mode & 0o777 == 0o750
    for program in ["/usr/bin/lockgate", *glob.glob("/usr/libexec/lockgate/*")]:
        assert "not found" not in sh("ldd", program).stdout, f"{program} lacks a library"
    assert readme("lockgate check", check=False).returncode == 78, "the sample's certificates are not there yet"
    sh("lockgate", "test", "--rules", f"{ETC}/rules")
    sh("apt-get", "-q", "install", "-y", "--no-install-recommends", "python3-slixmpp", "openssl", "dnsmasq-base", "util-linux")

    from lab.ends import Ends, Load
    from lab.lab import Lab
    from lab.net import wait_until
    from lab.wire import message
    with Lab("pkg", layout="routed", high="bare", low="bare") as lab:
        step("configure, check, put up, run")
        configure(lab)
        readme("lockgate check")
        assert "table inet lockgate" in readme("lockgate inline show").stdout and "not up" in sh("lockgate", "inline", "check", check=False).stdout
        readme("lockgate inline up")
        for _ in range(20):     # a card's carrier is known a moment after it is up
            look = json.loads(readme("lockgate check --system", "--json", check=False).stdout)
            if not look["wrong"]:
                break
            time.sleep(0.5)
        assert not look["wrong"], [x for x in look["lines"] if x["level"] == "wrong"]
        gate = start()
        readme("lockgate status")

        step("chat both ways")
        ends = Ends(lab)

        def chat(name):
            """A message each way, over new streams; the one of high is returned, to say more."""
            a, b = ends.stream("high"), ends.stream("low")
            a.send(message("alice@high.example/r", "bob@low.example/r", f"{name}-there"))
            b.send(message("bob@low.example/r", "alice@high.example/r", f"{name}-back"))
            wait_until("a message", lambda: f"{name}-there" in ends.sink["low"].ids(), 20)
            wait_until("a message", lambda: f"{name}-back" in ends.sink["high"].ids(), 20)
            return a
        a = chat("given")
        readme("lockgate probe")

        step("the first days: watch, then enforce")
        first_days(lambda id_, body: a.send(message("alice@high.example/r", "bob@low.example/r", id_, body)), ends)

        step("minted certificates")
        readme("lockgate stop")
        assert gate.wait(30) == 0
        mint(lab)
        ends.close()
        ends = Ends(lab)
        gate = start()
        chat("minted")
        assert "low.example" in readme("lockgate log --event certificate", "--json").stdout

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

        step("back to before, and up again")
        rules = lambda: "".join(sh("ip", "netns", "exec", lab.gates[s].name, "nft", "list", "tables").stdout for s in ("high", "low"))
        readme("lockgate stop")
        assert gate.wait(30) == 0 and "lockgate" in rules()
        readme("lockgate inline down")
        assert "lockgate" not in rules()
        readme("lockgate inline up")
        gate = start()

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
    step("installed from the source")
    from_source()
    assert not README.unused(), f"the README says these as well: {README.unused()}"
    step("every command of the README's chapter was run")


if __name__ == "__main__":
    main(*sys.argv[1:3])
