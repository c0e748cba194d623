# SPDX-License-Identifier: GPL-3.0-or-later
# Certificates that should not be trusted for the name that they are shown for, made with the openssl command.

import os

from lab.net import sh

EC = ("-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes")
XMPP_ADDR, SRV_NAME = "1.3.6.1.5.5.7.8.5", "1.3.6.1.5.5.7.8.7"


def der_names(*names):
    """A subjectAltName of dNSNames as raw bytes, so that no tool looks at what is in them."""
    body = b"".join(bytes([0x82, len(n)]) + n for n in names)
    return "DER:" + (bytes([0x30, len(body)]) + body).hex()


class Forge:
    """Makes chains in a folder: `authority` is (certificate, key) of whoever signs."""

    def __init__(self, folder):
        self.folder, self.n = folder, 0
        os.makedirs(folder, exist_ok=True)

    def make(self, san="DNS:high.example", by=None, usage="serverAuth,clientAuth", ca=False, cn="high.example", key=EC, sign=(),
             start=None, end=None, more="", chain=()):
        """STEM.pem and STEM.key: the leaf, then the files of `chain`. by None: it signs itself."""
        self.n += 1
        base = os.path.join(self.folder, f"f{self.n}")
        with open(base + ".ext", "w") as f:
            f.write("[v3]\nbasicConstraints=critical,CA:%s\n%s%s%s" % (
                "TRUE" if ca else "FALSE", f"extendedKeyUsage={usage}\n" if usage else "", f"subjectAltName={san}\n" if san else "", more))
        sh("openssl", "req", *key, "-keyout", base + ".key", "-out", base + ".csr", "-subj", f"/CN={cn}")
        if start or end:
            self._dated(base, by, start or "20200101000000Z", end or "20991231000000Z")
        elif by:
            sh("openssl", "x509", "-req", "-in", base + ".csr", "-CA", by[0], "-CAkey", by[1], "-days", "30", "-extfile", base + ".ext",
               "-extensions", "v3", "-out", base + ".pem", "-set_serial", str(1000 + self.n), *sign)
        else:
            sh("openssl", "x509", "-req", "-in", base + ".csr", "-signkey", base + ".key", "-days", "30", "-extfile", base + ".ext",
               "-extensions", "v3", "-out", base + ".pem", *sign)
        with open(base + ".pem", "a") as out:
            for path in chain:
                with open(path) as f:
                    out.write(f.read())
        return base + ".pem", base + ".key"

    def _dated(self, base, by, start, end):
        """`openssl ca` alone lets one choose both dates."""
        db = os.path.join(self.folder, "db")
        os.makedirs(db, exist_ok=True)
        for name, text in (("index.txt", ""), ("index.txt.attr", "unique_subject = no\n"), ("serial", f"{4096 + self.n:04X}\n")):
            with open(os.path.join(db, name), "w") as f:
                f.write(text)
        with open(base + ".cnf", "w") as f:
            f.write(f"[ca]\ndefault_ca=d\n[d]\ndatabase={db}/index.txt\nserial={db}/serial\nnew_certs_dir={db}\ndefault_md=sha256\n"
                    "policy=p\n[p]\ncommonName=supplied\n")
        sh("openssl", "ca", "-batch", "-notext", "-config", base + ".cnf", "-in", base + ".csr", "-out", base + ".pem", "-cert", by[0],
           "-keyfile", by[1], "-startdate", start, "-enddate", end, "-extfile", base + ".ext", "-extensions", "v3")

    def revocations(self, authorities, path, revoked=(), seconds=86400):
        """A file with one list of each authority (cert, key), on which stand the certificates `revoked`."""
        with open(path, "w") as out:
            for n, (cert, key) in enumerate(authorities):
                base = os.path.join(self.folder, f"crl{self.n}-{n}")
                with open(base + ".index", "w") as f:
                    for who in revoked:
                        serial = sh("openssl", "x509", "-noout", "-serial", "-in", who).strip().split("=")[1]
                        f.write(f"R\t300101000000Z\t200101000000Z\t{serial}\tunknown\t/CN=x\n")
                with open(base + ".cnf", "w") as f:
                    f.write(f"[ca]\ndefault_ca=d\n[d]\ndatabase={base}.index\ndefault_md=sha256\n")
                sh("openssl", "ca", "-config", base + ".cnf", "-gencrl", "-cert", cert, "-keyfile", key, "-out", base + ".pem",
                   "-crlsec", str(seconds))
                with open(base + ".pem") as f:
                    out.write(f.read())
        return path
