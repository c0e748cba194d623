# SPDX-License-Identifier: GPL-3.0-or-later
# What a gateway's log says of faults in its own programs: a sanitizer's report, or a death by a signal that no test sends. A program that
# dies so is brought back, and its test may well pass: each lab looks for it at its end.

import glob
import os
import re
import signal

SIGNALS = [signal.SIGILL, signal.SIGTRAP, signal.SIGABRT, signal.SIGBUS, signal.SIGFPE, signal.SIGSEGV, signal.SIGSYS]
MARK = re.compile(r"ERROR: \w*Sanitizer|Sanitizer has encountered|: runtime error: |\bended(?: unasked)?: signal (?:%s)\b" % "|".join(str(int(s)) for s in SIGNALS))
REPORT = 40         # lines of a report that are shown


def faults(folder):
    """The first fault in each of the folder's gateway logs, with what stands behind it; [] as a rule."""
    found = []
    for path in sorted(glob.glob(os.path.join(folder, "gateway*.log"))):
        with open(path, errors="replace") as f:
            lines = f.read().splitlines()
        first = next((i for i, line in enumerate(lines) if MARK.search(line)), None)
        if first is not None:
            found.append(f"{os.path.basename(path)}:{first + 1}: " + "\n".join(lines[first:first + REPORT]))
    return found
