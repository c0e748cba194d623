# SPDX-License-Identifier: GPL-3.0-or-later
# Tests of tools on files, without a lab: they need the built programs only.

import os
import sys

sys.dont_write_bytecode = True
sys.path.insert(0, os.path.join(os.path.dirname(os.path.realpath(__file__)), ".."))

import pytest                                   # noqa: E402

from lab.long import pytest_addoption, pytest_collection_modifyitems, pytest_configure     # noqa: E402, F401


@pytest.fixture(scope="session")
def build():
    return os.environ.get("BUILD") or os.path.join(os.path.dirname(os.path.realpath(__file__)), "..", "..", "build")


@pytest.fixture(scope="session")
def lockgate(build):
    return os.environ.get("LOCKGATE") or os.path.join(build, "bin", "lockgate")
