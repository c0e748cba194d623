# SPDX-License-Identifier: GPL-3.0-or-later
# Hooks for pytest that each conftest.py takes: the tests that are marked `long` belong to another suite.


def pytest_configure(config):
    config.addinivalue_line("markers", "long: takes longer than the short suite may; run by `make test-long` alone")


def pytest_addoption(parser):
    parser.addoption("--long", action="store_true", help="also the tests that take long")


def pytest_collection_modifyitems(config, items):
    """Without --long they are left out, not skipped."""
    if not config.getoption("--long"):
        left_out = [i for i in items if "long" in i.keywords]
        config.hook.pytest_deselected(items=left_out)
        items[:] = [i for i in items if "long" not in i.keywords]
