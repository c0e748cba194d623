# SPDX-License-Identifier: GPL-3.0-or-later
# What the end-to-end tests share: labs that are started once for each module and parameter set, and logs of what failed.

import os
import sys

sys.dont_write_bytecode = True
sys.path.insert(0, os.path.join(os.path.dirname(os.path.realpath(__file__)), ".."))

import pytest                                   # noqa: E402

from lab import long                            # noqa: E402
from lab.gateway import Journal                 # noqa: E402
from lab.lab import Lab, build_folder           # noqa: E402
from lab.long import pytest_addoption, pytest_collection_modifyitems       # noqa: E402, F401
from lab.show import Follower                   # noqa: E402


def pytest_configure(config):
    long.pytest_configure(config)
    config.addinivalue_line("markers", "settings(conf): changes to the lab gateway's configuration, by dotted path")


class Running:
    """A lab whose gateway runs, with its journal followed: what most tests want."""

    def __init__(self, lab, gateway_settings):
        self.lab = lab
        self.settings = gateway_settings

    def __enter__(self):
        self.lab.__enter__()
        try:
            if self.lab.layout != "direct":
                self.gateway = self.lab.start_gateway(**self.settings)
                self.events = Follower(Journal(self.lab.path("state")))
        except BaseException:
            keep(self.lab, "start")
            self.lab.down()
            raise
        return self

    def __exit__(self, *exc):
        if self.lab.layout != "direct":
            self.events.stop()
        self.lab.__exit__(*exc)


def keep(lab, label):
    """Logs of a failure outlive the lab, in the build folder."""
    lab.keep_logs(os.path.join(build_folder(), "lab-logs", f"{lab.instance}-{label}"))


_current = []       # labs that stand now


@pytest.fixture(scope="module")
def running(request):
    """`running(layout=..., high=..., ..., settings={...})`: a Running lab, the same one as long as the words are the same."""
    instance = os.path.basename(request.module.__file__).removeprefix("test_").removesuffix(".py")[:8]
    state = {"words": None, "lab": None}

    def get(settings=None, **words):
        key = (repr(sorted(words.items())), repr(settings))
        if state["words"] != key:
            end()
            state["words"] = key
            made = Running(Lab(instance, **words), settings or {})
            made.__enter__()
            state["lab"] = made
            _current.append(made)
        return state["lab"]

    def end():
        if state["lab"]:
            lab, state["lab"], state["words"] = state["lab"], None, None     # its end may be an error, and comes once
            _current.remove(lab)
            lab.__exit__()

    get.end = end
    yield get
    end()


@pytest.hookimpl(hookwrapper=True)
def pytest_runtest_makereport(item, call):
    outcome = yield
    if outcome.get_result().failed:
        for r in _current:
            keep(r.lab, item.name.replace("/", "_")[:80])
