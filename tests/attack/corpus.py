# SPDX-License-Identifier: GPL-3.0-or-later
# Cases that others wrote, where they lie beside the checkout (../shared/corpus.tar.xz): unpacked once, read, put into the lab's domains.

import json
import os
import re
import subprocess
import tempfile

ROOT = os.path.realpath(os.path.join(os.path.dirname(os.path.realpath(__file__)), "..", ".."))
ARCHIVE = os.environ.get("LOCKGATE_CORPUS", os.path.join(ROOT, "..", "shared", "corpus.tar.xz"))
NAMES = ((b"capulet", b"high"), (b"montague", b"low"))
HEADER = re.compile(rb"\A(?:<\?xml version='1\.0'\?>)?<stream:stream [^>]*>")


def rows():
    """[dict] of the archive's cases/index.jsonl with `data`, the bytes to be said; empty where there is no archive."""
    if not os.path.exists(ARCHIVE):
        return []
    with tempfile.TemporaryDirectory() as folder:
        subprocess.run(["tar", "xJf", ARCHIVE, "-C", folder, "--wildcards", "*/cases"], check=True)
        top = os.path.join(folder, os.listdir(folder)[0])
        with open(os.path.join(top, "cases", "index.jsonl"), encoding="utf-8") as f:
            found = [json.loads(line) for line in f]
        for row in found:
            with open(os.path.join(top, row["bytes_file"]), "rb") as f:
                row["data"] = translate(f.read())
    return found


def translate(data):
    """The lab's domains in place of the case's, in whichever encoding it is written."""
    for old, new in NAMES:
        for coding in ("utf-8", "utf-16-le", "utf-16-be", "utf-32-le", "utf-32-be"):
            data = data.replace(old.decode().encode(coding), new.decode().encode(coding))
    return data


def behind_header(data):
    """What follows the stream header; None where the bytes do not begin with a whole one."""
    found = HEADER.match(data)
    return data[found.end():] if found else None
