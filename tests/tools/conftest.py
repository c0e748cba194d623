# SPDX-License-Identifier: GPL-3.0-or-later
# Tests of tools on files, without a lab: they need the built programs only.

import os
import sys

sys.dont_write_bytecode = True
sys.path.insert(0, os.path.join(os.path.dirname(os.path.realpath(__file__)), ".."))

import pytest                                   # noqa: E402


def pytest_configure(config):
    config.addinivalue_line("markers", "long: run by `make test-long` alone")


def pytest_addoption(parser):
    parser.addoption("--long", action="store_true", help="also the tests that take long")


def pytest_collection_modifyitems(config, items):
    if not config.getoption("--long"):
        left_out = [i for i in items if "long" in i.keywords]
        config.hook.pytest_deselected(items=left_out)
        items[:] = [i for i in items if "long" not in i.keywords]


@pytest.fixture(scope="session")
def build():
    return os.environ.get("BUILD") or os.path.join(os.path.dirname(os.path.realpath(__file__)), "..", "..", "build")


@pytest.fixture(scope="session")
def lockgate(build):
    return os.environ.get("LOCKGATE") or os.path.join(build, "bin", "lockgate")
