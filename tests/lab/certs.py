# SPDX-License-Identifier: GPL-3.0-or-later
# Certificates of the lab, made with the openssl command: one authority for each side, the servers' own, and the gateway's.
# All leaves carry dNSName only: ejabberd 23.01 crashes on otherName in SASL EXTERNAL.

import os
import re

from .net import sh

DAYS = "30"
README = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..", "README.md")


def minting_authority(folder, side):
    """The CA that the gateway mints with on a side, by the command that stands in the README for the high side; (certificate, key)."""
    with open(README) as f:
        block, = re.findall(r"^    (openssl req -x509 .*?-keyout mint-high.key.*?)(?=^\S|^$)", f.read(), re.M | re.S)
    if side == "low":
        block = block.replace("high", "@").replace("low", "high").replace("@", "low")
    sh("sh", "-ec", f"cd {folder}\n{block}")
    return os.path.join(folder, f"mint-{side}.pem"), os.path.join(folder, f"mint-{side}.key")


class Authority:
    """One CA in a folder: NAME-ca.pem and NAME-ca.key."""

    def __init__(self, folder, name):
        self.folder, self.name = folder, name
        self.cert = os.path.join(folder, f"{name}-ca.pem")
        self.key = os.path.join(folder, f"{name}-ca.key")

    def make(self):
        sh("openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes",
           "-keyout", self.key, "-out", self.cert, "-days", DAYS, "-subj", f"/CN=lab {self.name} authority",
           "-addext", "basicConstraints=critical,CA:TRUE", "-addext", "keyUsage=critical,keyCertSign,cRLSign")
        return self

    def issue(self, stem, domains, usage="serverAuth,clientAuth", extra_san=(), days=DAYS):
        """Makes STEM.pem (leaf and CA) and STEM.key for the domains; returns both paths."""
        base = os.path.join(self.folder, stem)
        san = ",".join([f"DNS:{d}" for d in domains] + list(extra_san))
        with open(base + ".ext", "w") as f:
            f.write(f"basicConstraints=CA:FALSE\nkeyUsage=digitalSignature\nextendedKeyUsage={usage}\nsubjectAltName={san}\n")
        sh("openssl", "req", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes",
           "-keyout", base + ".key", "-out", base + ".csr", "-subj", f"/CN={domains[0]}")
        sh("openssl", "x509", "-req", "-in", base + ".csr", "-CA", self.cert, "-CAkey", self.key, "-days", days,
           "-extfile", base + ".ext", "-out", base + ".pem", "-set_serial", str(int.from_bytes(os.urandom(8), "big") >> 1))
        with open(base + ".pem", "a") as out, open(self.cert) as ca:
            out.write(ca.read())
        os.unlink(base + ".csr")
        os.unlink(base + ".ext")
        return base + ".pem", base + ".key"
