# SPDX-License-Identifier: GPL-3.0-or-later
# The closed schema against the source: each event has a program that tells it and may, each field somebody who fills it. A field that nobody
# fills is a promise to the auditor that nobody keeps; those that are, stand here with the reason. And the file of the schema lists no others.

import glob
import json
import os
import re

import pytest

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
READERS = ("gw/ctl/", "gw/ledger/", "gw/ipc/", "gw/journal/allowed.c")      # they name fields, and write none
UNFILLED = {
    "PEER": "the address is in src_ip and dest_ip, the domain in from_domain and to_domain",
    "FILE": "mistakes of files are said to who asked for the reload, not to the journal",
    "LINE": "as file",
}


def text(path):
    with open(os.path.join(ROOT, path)) as f:
        return f.read()


def source():
    """{path: text} of everything that may write a line."""
    paths = (os.path.relpath(p, ROOT) for p in glob.glob(os.path.join(ROOT, "gw", "*", "*.c")))
    return {p: text(p) for p in paths if not p.startswith(READERS)}


FIELDS = re.findall(r'X\(\d+, (\w+), "(\w+)", (STR|NUM|HEX|LIST)\)', text("include/fields.h"))
EVENTS = re.findall(r'X\(([A-Z]+), "(\w+)"\)', text("include/fields.h"))
HEAD = ["timestamp", "seq", "event_type", "program", "line_epoch", "line_number", "target", "release_mac"]
SOURCE = source()


def test_the_lists_are_what_the_schema_says():
    schema = json.loads(text("conf/journal.schema.json"))["properties"]
    assert len(EVENTS) == 12
    assert list(schema) == HEAD + [json_name for _, json_name, _ in FIELDS]
    assert schema["event_type"]["enum"] == [name for _, name in EVENTS]


@pytest.mark.parametrize("field", [name for name, _, _ in FIELDS])
def test_somebody_fills_each_field(field):
    writers = [p for p, code in SOURCE.items() if re.search(rf"\bGW_F_{field}\b", code)]
    assert bool(writers) != (field in UNFILLED), f"filled by {writers}; listed as unfilled: {field in UNFILLED}"


@pytest.mark.parametrize("event", [name for name, _ in EVENTS])
def test_somebody_tells_each_event_and_may(event):
    assert [p for p, code in SOURCE.items() if re.search(rf"\bGW_EV_{event}\b", code)], "no program tells it"
    assert event in ("JOURNAL", "SETTLEMENT") or re.search(rf"\bBIT\({event}\)", text("gw/journal/allowed.c")), "no program may tell it"
