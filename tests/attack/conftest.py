# SPDX-License-Identifier: GPL-3.0-or-later
# The attack tests stand on the end-to-end tests' labs: the same fixtures, hooks and options.

import importlib.util
import os
import sys

TESTS = os.path.join(os.path.dirname(os.path.realpath(__file__)), "..")
sys.path.insert(0, TESTS)
_spec = importlib.util.spec_from_file_location("e2e_conftest", os.path.join(TESTS, "e2e", "conftest.py"))
_e2e = importlib.util.module_from_spec(_spec)
_spec.loader.exec_module(_e2e)
globals().update({k: v for k, v in vars(_e2e).items() if k.startswith("pytest_") or k in ("running", "Running", "keep")})
