# SPDX-License-Identifier: GPL-3.0-or-later
# The XMPP servers of the lab, as Debian ships them, with configurations of their own in the lab's folder.
# Nothing under /etc is read or changed, no system service is used.

import json
import os
import pwd
import signal

from .net import LabError, Process, wait_until

PASSWORD = "lab-password"       # of every lab user


def own(path, user):
    """Makes `path`, a folder, and gives it to `user`."""
    os.makedirs(path, exist_ok=True)
    entry = pwd.getpwnam(user)
    os.chown(path, entry.pw_uid, entry.pw_gid)
    return path


def give(path, user):
    entry = pwd.getpwnam(user)
    os.chown(path, entry.pw_uid, entry.pw_gid)
    os.chmod(path, 0o600)


class Server:
    """What both servers have in common. `rooms` is a MUC domain or None; `trust` the file with the CAs that it trusts."""

    user = ""       # the system account that it runs as
    name = ""

    def __init__(self, namespace, folder, domain, cert, key, trust, rooms=None, dialback=False, users=(), level="debug"):
        self.ns, self.folder, self.domain, self.rooms = namespace, own(folder, self.user), domain, rooms
        self.cert, self.key, self.trust, self.dialback, self.users = cert, key, trust, dialback, users
        self.level = level
        self.log = os.path.join(folder, f"{self.name}.log")
        self.process = None

    def _own_files(self):
        """Copies certificate and key where the server's account may read them; returns both paths."""
        chain, key = os.path.join(self.folder, "server.pem"), os.path.join(self.folder, "server.key")
        for source, target in ((self.cert, chain), (self.key, key)):
            with open(source) as f, open(target, "w") as out:
                out.write(f.read())
            give(target, self.user)
        return chain, key

    def alive(self):
        return self.process is not None and self.process.alive()

    def wait_ready(self, timeout=40):
        def ready():
            if not self.alive():
                raise LabError(f"{self.name} for {self.domain} ended while starting; its log says:\n{self.process.tail()}")
            out = self.ns.run("ss", "-Hltn")
            return ":5222 " in out and ":5269 " in out
        wait_until(f"{self.name} for {self.domain} to listen (log: {self.log})", ready, timeout)

    def stop(self):
        if self.process:        # a lab server has nothing worth an orderly end
            self.process.stop(signal.SIGKILL)
            self.process = None

    def restart(self):
        self.stop()
        self.start()
        self.wait_ready()


class Prosody(Server):
    user = name = "prosody"

    def start(self):
        cert, key = self._own_files()
        data = own(os.path.join(self.folder, "data"), self.user)
        accounts = own(os.path.join(data, self.domain.replace(".", "%2e")), self.user)
        accounts = own(os.path.join(accounts, "accounts"), self.user)
        for u in self.users:
            path = os.path.join(accounts, f"{u}.dat")
            with open(path, "w") as f:
                f.write(f'return {{ ["password"] = "{PASSWORD}"; }};\n')
            give(path, self.user)
        extra = ['"smacks"'] + (['"dialback"'] if self.dialback else [])
        text = f"""-- written by the lab, for {self.domain}
pidfile = "{self.folder}/prosody.pid"
data_path = "{data}"
plugin_paths = {{}}
log = {{ {self.level} = "{self.log}" }}
modules_enabled = {{ {", ".join(['"roster"', '"saslauth"', '"tls"', '"disco"', '"ping"', '"version"', '"uptime"'] + extra)} }}
authentication = "internal_plain"
c2s_require_encryption = false      -- lab clients sit in the same namespace; this leg is not what is tested
allow_unencrypted_plain_auth = true
s2s_require_encryption = true
s2s_secure_auth = {"false" if self.dialback else "true"}
s2s_direct_tls_ports = {{ 5270 }}
http_ports = {{}}
https_ports = {{}}
limits = {{}}
ssl = {{ certificate = "{cert}"; key = "{key}"; cafile = "{self.trust}"; }}
VirtualHost "{self.domain}"
"""
        if self.rooms:
            text += f'Component "{self.rooms}" "muc"\n    restrict_room_creation = false\n'
        path = os.path.join(self.folder, "prosody.cfg.lua")
        with open(path, "w") as f:
            f.write(text)
        self.process = Process(["prosody", "-F", "--config", path], self.log + ".out", namespace=self.ns.name, user=self.user,
                               cwd=self.folder)


class Ejabberd(Server):
    user = name = "ejabberd"

    def start(self):
        cert, key = self._own_files()
        with open(cert, "a") as out, open(key) as f:
            out.write(f.read())
        modules = ["mod_disco: {}", "mod_ping: {}", "mod_version: {}", "mod_roster: {}", "mod_http_api: {}",
                   "mod_admin_extra: {}"]
        modules += [f"mod_muc: {{ host: {self.rooms}, access_create: all }}"] if self.rooms else []
        modules += ["mod_s2s_dialback: {}"] if self.dialback else []
        text = f"""# written by the lab, for {self.domain}
hosts: [ {self.domain} ]
loglevel: {self.level}
certfiles: [ "{cert}" ]
ca_file: "{self.trust}"
s2s_use_starttls: {"required" if self.dialback else "required_trusted"}
s2s_dns_timeout: 2 s
listen:
  - {{ port: 5222, ip: "::", module: ejabberd_c2s }}
  - {{ port: 5269, ip: "::", module: ejabberd_s2s_in }}
  - {{ port: 5270, ip: "::", module: ejabberd_s2s_in, tls: true }}
  - {{ port: 5280, ip: "127.0.0.1", module: ejabberd_http, request_handlers: {{ /api: mod_http_api }} }}
api_permissions:
  lab: {{ who: {{ ip: 127.0.0.1/8 }}, what: "*" }}
acl: {{ local: {{ user_regexp: "" }}, loopback: {{ ip: 127.0.0.1/8 }} }}
modules:
""" + "".join(f"  {m}\n" for m in modules)
        path = os.path.join(self.folder, "ejabberd.yml")
        with open(path, "w") as f:
            f.write(text)
        spool = own(os.path.join(self.folder, "spool"), self.user)
        # No -sname: an undistributed node needs neither epmd nor a cookie. One scheduler: two cores carry everything here.
        self.process = Process(
            ["/usr/bin/erl", "+K", "true", "+S", "1:1", "+sbwt", "none", "-noinput", "-mnesia", "dir", f'"{spool}"',
             "-ejabberd", "quiet", "true", "-s", "ejabberd"],
            self.log + ".out", namespace=self.ns.name, user=self.user, cwd=self.folder,
            env={"EJABBERD_CONFIG_PATH": path, "EJABBERD_LOG_PATH": self.log, "HOME": self.folder,
                 "ERL_LIBS": _erlang_libs(), "ERL_CRASH_DUMP": os.path.join(self.folder, "crash.dump"),
                 "ERL_CRASH_DUMP_BYTES": "0"})

    def wait_ready(self, timeout=40):
        super().wait_ready(timeout)
        for u in self.users:
            self.api("register", user=u, host=self.domain, password=PASSWORD)

    def api(self, command, **arguments):
        """One call of ejabberd's HTTP interface; a user who is there already is no error."""
        out = self.ns.run("curl", "-s", "-S", "-m", "10", "--retry", "20", "--retry-connrefused", "--retry-delay", "1",
                          "-d", json.dumps(arguments), f"http://127.0.0.1:5280/api/{command}")
        return json.loads(out) if out.strip() else None


def _erlang_libs():
    import glob
    found = glob.glob("/usr/lib/*/ejabberd-*/ebin")
    if not found:
        raise LabError("ejabberd is not installed: apt-get install ejabberd")
    return os.path.dirname(os.path.dirname(os.path.dirname(found[0] + "/x")))


KINDS = {"prosody": Prosody, "ejabberd": Ejabberd}
