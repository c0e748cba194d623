# SPDX-License-Identifier: GPL-3.0-or-later
# Compiles the gateway for the lab.

import os
import sys

from .lab import ROOT, build_folder
from .net import LabError
from .show import Progress


def build():
    """`make all`; on failure the compiler's last words are shown."""
    folder = build_folder()
    os.makedirs(folder, exist_ok=True)
    log = os.path.join(folder, "lab-build.log")
    make = ["make", "-C", ROOT, f"BUILD={folder}", "-j", str(min(os.cpu_count() or 1, 8)), "all"]
    env = {k: v for k, v in os.environ.items() if k not in ("MAKEFLAGS", "MFLAGS", "MAKELEVEL")}
    if Progress("building").run(make, log, env=env) != 0:
        with open(log) as f:
            sys.stderr.write("".join(f.readlines()[-40:]))
        raise LabError(f"the build failed; all of its output is in {log}")
