# SPDX-License-Identifier: GPL-3.0-or-later
# Holds the lines of a journal against conf/journal.schema.json, without the C code that writes them. Only the words of JSON Schema
# that this file uses are known; another one is an error, never passed over.

import glob
import json
import os
import re

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
KNOWN = {"$schema", "title", "description", "type", "additionalProperties", "required", "dependentRequired", "properties"}


def _member(name, words):
    """A function that says whether a value fits."""
    left = set(words) - {"type", "minimum", "maximum", "pattern", "enum", "items", "minItems"}
    if left:
        raise ValueError(f"{name}: this check does not know {sorted(left)}")
    if "enum" in words:
        return lambda v, allowed=frozenset(words["enum"]): isinstance(v, str) and v in allowed
    if words["type"] == "integer":
        return lambda v: type(v) is int and words["minimum"] <= v <= words["maximum"]
    if words["type"] == "array" and words["items"] == {"type": "string"}:
        return lambda v: isinstance(v, list) and len(v) >= words["minItems"] and all(isinstance(i, str) for i in v)
    if words["type"] == "string":
        pattern = re.compile(words.get("pattern", "")).search
        return lambda v: isinstance(v, str) and pattern(v) is not None
    raise ValueError(f"{name}: this check does not know the type {words['type']!r}")


def _pairs(pairs):
    names = [n for n, _ in pairs]
    if len(names) != len(set(names)):
        raise ValueError("a member stands there twice")
    return dict(pairs)


class Schema:
    def __init__(self, path=os.path.join(ROOT, "conf", "journal.schema.json")):
        with open(path) as f:
            words = json.load(f)
        if set(words) - KNOWN or words["type"] != "object" or words["additionalProperties"] is not False:
            raise ValueError(f"{path}: not a closed schema that this check knows")
        self.members = {n: _member(n, w) for n, w in words["properties"].items()}
        self.required, self.together = set(words["required"]), words["dependentRequired"]

    def mistake(self, line):
        """What is wrong with a line (bytes, without its newline), or None."""
        try:
            record = json.loads(line.decode("utf-8"), object_pairs_hook=_pairs)
        except ValueError as e:
            return f"no JSON: {e}"
        if not isinstance(record, dict):
            return "no object"
        for name, value in record.items():
            if name not in self.members:
                return f"the member {name!r} is not listed"
            if not self.members[name](value):
                return f"the member {name!r} may not be {value!r}"
        if self.required - set(record):
            return f"without {sorted(self.required - set(record))}"
        for name, others in self.together.items():
            if name in record and set(others) - set(record):
                return f"{name!r} without {sorted(set(others) - set(record))}"
        return None


def mistakes(folder, schema=None):
    """[text] of the lines in a journal's folder that break the schema, at most ten; and how many lines were looked at."""
    schema, found, count = schema or Schema(), [], 0
    for path in sorted(glob.glob(os.path.join(folder, "*.jsonl"))):
        with open(path, "rb") as f:
            data = f.read()
        for i, line in enumerate(data[:data.rfind(b"\n") + 1].splitlines(), 1):
            count += 1
            what = schema.mistake(line)
            if what and len(found) < 10:
                found.append(f"{os.path.basename(path)}:{i}: {what}: {line[:200]!r}")
    return found, count
