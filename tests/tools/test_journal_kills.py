# SPDX-License-Identifier: GPL-3.0-or-later
# The crash test of the journal alone, at length: the unit test does 20 rounds of it.

import os
import subprocess

import pytest


@pytest.mark.long
@pytest.mark.parametrize("seed", ["1", "2"])
def test_two_hundred_kills(build, seed):
    done = subprocess.run([os.path.join(build, "tests", "journal_crash")], capture_output=True, text=True, timeout=900,
                          env=dict(os.environ, JOURNAL_KILLS="200", JOURNAL_SEED=seed))
    assert done.returncode == 0, done.stdout[-2000:]
